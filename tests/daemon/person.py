"""Somebody with a browser: a session over https, with its cookie and CSRF token; and the device that shows codes."""
import base64
import hashlib
import hmac
import http.client
import json
import struct
import time

from harness import PASSWORD, SLOW, no_verify


class Person:
    def __init__(self, instance, user="bob", password=PASSWORD):
        self.instance, self.login, self.password = instance, f"{user}@{instance.domain}", password
        self.cookie = self.csrf = None

    def ask(self, method, path, body=None, expect=200):
        """The value of the answer, whose status must be `expect` (a number, or several)."""
        host = self.instance.hostname
        headers = {"Host": host, "Origin": f"https://{host}", "Sec-Fetch-Site": "same-origin"}
        if self.cookie:
            headers["Cookie"] = f"__Host-postroom={self.cookie}"
        if self.csrf and method != "GET":
            headers["X-CSRF-Token"] = self.csrf
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body)
        connection = http.client.HTTPSConnection("127.0.0.1", self.instance.port["https"], context=no_verify(), timeout=30 * SLOW)
        try:
            connection.request(method, "/api/v1" + path, data, headers)
            response = connection.getresponse()
            said = response.read()
        finally:
            connection.close()
        allowed = expect if isinstance(expect, (tuple, list)) else (expect,)
        assert response.status in allowed, f"{method} {path}: {response.status} {said[:600]}\n{self.instance.log_tail(8)}"
        cookie = response.headers["Set-Cookie"]
        if cookie and response.status == 201:
            self.cookie = cookie.split("=", 1)[1].split(";")[0]
            self.csrf = json.loads(said)["csrf_token"]
        return json.loads(said) if said else None

    def log_in(self, code=None, expect=201):
        self.cookie = self.csrf = None
        body = {"login": self.login, "password": self.password}
        if code:
            body["code"] = code
        return self.ask("POST", "/session", body, expect)

    def app_password(self, *protocols):
        return self.ask("POST", "/me/app_passwords", {"label": "phone", "protocols": list(protocols)}, 201)["password"]


class Codes:
    """RFC 6238, with a clock that may be wrong."""

    def __init__(self, secret, skew_s=0):
        self.key = base64.b32decode(secret + "=" * (-len(secret) % 8))
        self.skew_s = skew_s
        self.last = 0

    def at(self, when):
        mac = hmac.digest(self.key, struct.pack(">Q", int(when) // 30), "sha1")
        number = struct.unpack(">I", mac[mac[19] & 15:(mac[19] & 15) + 4])[0] & 0x7fffffff
        return f"{number % 1000000:06d}"

    def next(self):
        """A code that was not shown before and opens now: one of this step or the next, which a clock that is a little ahead shows."""
        step = max(int(time.time() + self.skew_s) // 30, self.last + 1)
        assert step * 30 - self.skew_s - time.time() < 60, "codes are used up faster than time goes"
        self.last = step
        return self.at(step * 30)


def sha256(data):
    return hashlib.sha256(data).digest()
