"""SCRAM-SHA-256 as a client speaks it (RFC 5802, RFC 7677), over IMAP and SMTP, with whatever a test wants to say differently."""
import base64
import hashlib
import hmac
import os
import socket
import ssl

from harness import SLOW, no_verify


def b64(data):
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


class Refused(Exception):
    pass


class Exchange:
    """header: "n,,", "y,,", "p=tls-server-end-point,,"; bound: the bytes behind it."""

    def __init__(self, login, password, header="n,,", bound=b""):
        self.password, self.header, self.bound = password, header, bound
        self.nonce = b64(os.urandom(18))
        self.bare = f"n={login.replace('=', '=3D').replace(',', '=2C')},r={self.nonce}"

    def first(self):
        return self.header + self.bare

    def final(self, server_first):
        said = dict(part.split("=", 1) for part in server_first.split(","))
        assert said["r"].startswith(self.nonce) and len(said["r"]) > len(self.nonce), server_first
        self.iterations = int(said["i"])
        assert self.iterations >= 4096, server_first
        salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), base64.b64decode(said["s"]), self.iterations)
        without = f"c={b64(self.header.encode() + self.bound)},r={said['r']}"
        message = ",".join((self.bare, server_first, without)).encode()
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(client_key).digest(), message, "sha256")
        self.server = b64(hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), message, "sha256"))
        return f"{without},p={b64(bytes(a ^ b for a, b in zip(client_key, signature)))}"

    def check(self, server_final):
        assert server_final == f"v={self.server}", server_final


def connect(port, version=None):
    """A TLS connection, and the digest that RFC 5929 section 4.1 makes of the server's certificate."""
    context = no_verify()
    if version:
        context.minimum_version = context.maximum_version = version
    s = context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=30 * SLOW))
    return s, hashlib.sha256(s.getpeercert(binary_form=True)).digest()  # our certificates are signed with SHA-256


class Lines:
    def __init__(self, s):
        self.s, self.file = s, s.makefile("rb")

    def say(self, text):
        self.s.sendall(text.encode() + b"\r\n")

    def hear(self):
        return self.file.readline().decode().rstrip("\r\n")

    def close(self):
        self.file.close()
        self.s.close()


def decode(challenge, mark):
    if not challenge.startswith(mark):
        raise Refused(challenge)
    return base64.b64decode(challenge[len(mark):]).decode()


def imap(port, mechanism, exchange, version=None, binding=False):
    """Logs in over IMAP; the capabilities before. Raises Refused with what the server said instead."""
    s, digest = connect(port, version)
    c = Lines(s)
    try:
        greeting = c.hear()
        if binding:
            exchange.bound = digest
        c.say(f"a AUTHENTICATE {mechanism} {b64(exchange.first())}")
        c.say(b64(exchange.final(decode(c.hear(), "+ "))))
        exchange.check(decode(c.hear(), "+ "))
        c.say("")
        answer = c.hear()
        if not answer.startswith("a OK"):
            raise Refused(answer)
        return greeting
    finally:
        c.close()


def smtp(port, mechanism, exchange, version=None, binding=False):
    s, digest = connect(port, version)
    c = Lines(s)
    try:
        assert c.hear().startswith("220 ")
        c.say("EHLO client.example")
        offers = []
        while True:
            offers.append(c.hear())
            if offers[-1][3] == " ":
                break
        if binding:
            exchange.bound = digest
        c.say(f"AUTH {mechanism} {b64(exchange.first())}")
        c.say(b64(exchange.final(decode(c.hear(), "334 "))))
        exchange.check(decode(c.hear(), "334 "))
        c.say("")
        answer = c.hear()
        if not answer.startswith("235 "):
            raise Refused(answer)
        return "\n".join(offers)
    finally:
        c.close()


TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
