"""A software authenticator: one ES256 passkey, as WebAuthn level 2 has it. Keys and signatures are openssl(1)'s."""
import base64
import json
import os
import struct
import subprocess

from harness import tool
from person import sha256


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_b64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _head(major, value):
    if value < 24:
        return bytes([major << 5 | value])
    return bytes([major << 5 | 24, value]) if value < 256 else bytes([major << 5 | 25]) + struct.pack(">H", value)


def cbor(value):
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        return _head(3, len(value)) + value.encode()
    return _head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())


class Authenticator:
    def __init__(self, folder, origin):
        self.origin = origin
        self.credential = os.urandom(32)
        self.count = 0
        self.key = os.path.join(folder, f"{self.credential.hex()[:16]}.pem")
        subprocess.run([tool("openssl"), "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", self.key], check=True, capture_output=True)
        der = subprocess.run([tool("openssl"), "pkey", "-in", self.key, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
        self.x, self.y = der[-64:-32], der[-32:]
        self.handle = None

    def _data(self, rp_id, flags, more=b""):
        return sha256(rp_id.encode()) + bytes([flags]) + struct.pack(">I", self.count) + more

    def _client(self, kind, challenge, origin=None):
        return json.dumps({"type": kind, "challenge": challenge, "origin": origin or self.origin, "crossOrigin": False}).encode()

    def create(self, options, label, origin=None, flags=0x45):
        """The body that registers a key for what me_passkey_options gave."""
        key = options["public_key"]
        assert {"type": "public-key", "alg": -7} in key["pubKeyCredParams"], key
        assert key["authenticatorSelection"]["userVerification"] == "required", key
        self.handle = from_b64url(key["user"]["id"])
        cose = cbor({1: 2, 3: -7, -1: 1, -2: self.x, -3: self.y})
        data = self._data(key["rp"]["id"], flags, bytes(16) + struct.pack(">H", len(self.credential)) + self.credential + cose)
        return {"label": label, "client_data": b64url(self._client("webauthn.create", key["challenge"], origin)),
                "attestation_object": b64url(cbor({"fmt": "none", "attStmt": {}, "authData": data}))}

    def get(self, options, origin=None, flags=0x05):
        """The body that logs in for what session_passkey_options gave."""
        key = options["public_key"]
        self.count += 1
        data = self._data(key["rpId"], flags)
        client = self._client("webauthn.get", key["challenge"], origin)
        signature = subprocess.run([tool("openssl"), "dgst", "-sha256", "-sign", self.key], input=data + sha256(client), check=True, capture_output=True).stdout
        return {"credential_id": b64url(self.credential), "client_data": b64url(client), "authenticator_data": b64url(data), "signature": b64url(signature),
                "user_handle": b64url(self.handle)}
