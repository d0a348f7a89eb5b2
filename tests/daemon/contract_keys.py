"""Keys and codes of people: one-time codes (RFC 6238), a software passkey (WebAuthn), certificates of a small authority. openssl does the arithmetic."""
import base64
import hashlib
import hmac
import json
import os
import struct
import subprocess
import tempfile
import time

import harness


def openssl(*words, stdin=None):
    return subprocess.run([harness.tool("openssl"), *words], input=stdin, capture_output=True, check=True).stdout


def one_time_code(secret):
    """Of base32 text, now."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    at = digest[19] & 15
    return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7fffffff) % 1000000:06}"


def text_of(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def cbor(value):
    """RFC 8949, what is needed here."""
    def head(major, count):
        if count < 24:
            return bytes([major << 5 | count])
        return bytes([major << 5 | 24, count]) if count < 256 else bytes([major << 5 | 25]) + struct.pack(">H", count)
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value)) + value.encode()
    return head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())


class Passkey:
    """An ES256 key for one host."""

    def __init__(self, host, origin):
        self.host, self.origin = host, origin
        self.pem = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        self.id = os.urandom(16)
        self.uses = 0

    def data(self, kind, challenge):
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def authenticator(self, flags):
        self.uses += 1
        return hashlib.sha256(self.host.encode()).digest() + struct.pack(">BI", flags, self.uses)

    def register(self, challenge):
        """User present, user verified, key attached."""
        point = openssl("pkey", "-pubout", "-outform", "DER", stdin=self.pem)[-64:]
        key = cbor({1: 2, 3: -7, -1: 1, -2: point[:32], -3: point[32:]})
        attached = self.authenticator(0x45) + bytes(16) + struct.pack(">H", len(self.id)) + self.id + key
        return {"client_data": text_of(self.data("webauthn.create", challenge)), "attestation_object": text_of(cbor({"fmt": "none", "attStmt": {}, "authData": attached}))}

    def assert_(self, challenge, handle):
        client, authenticator = self.data("webauthn.get", challenge), self.authenticator(0x05)
        with tempfile.NamedTemporaryFile() as key:
            key.write(self.pem)
            key.flush()
            signature = openssl("dgst", "-sha256", "-sign", key.name, stdin=authenticator + hashlib.sha256(client).digest())
        return {"credential_id": text_of(self.id), "client_data": text_of(client), "authenticator_data": text_of(authenticator), "signature": text_of(signature), "user_handle": handle}


def self_signed(name):
    with tempfile.TemporaryDirectory() as folder:
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{folder}/key", "-out", f"{folder}/chain", "-days", "30",
                "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}")
        return pair(folder)


def from_authority(name):
    """As self_signed(), but by an authority: nobody trusts it, yet it is another."""
    with tempfile.TemporaryDirectory() as folder:
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{folder}/ca.key", "-out", f"{folder}/ca", "-days", "30", "-subj", "/CN=Authority")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{folder}/key", "-out", f"{folder}/request", "-subj", f"/CN={name}")
        with open(f"{folder}/names", "w", encoding="ascii") as names:
            names.write(f"subjectAltName=DNS:{name}\n")
        openssl("x509", "-req", "-in", f"{folder}/request", "-CA", f"{folder}/ca", "-CAkey", f"{folder}/ca.key", "-days", "30", "-extfile", f"{folder}/names", "-out", f"{folder}/chain")
        return pair(folder)


def pair(folder):
    with open(f"{folder}/chain", encoding="ascii") as chain, open(f"{folder}/key", encoding="ascii") as key:
        return {"chain_pem": chain.read(), "key_pem": key.read()}
