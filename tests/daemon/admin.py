"""The API over the admin socket, as its owner; over https for everybody else."""
import http.client
import json
import socket
import urllib.parse

from harness import SLOW, no_verify


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30 * SLOW)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30 * SLOW)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def json(self):
        return json.loads(self.body)


def ask(instance, method, path, body=None, token=None, headers=None, expect=200, **query):
    """One request; with a token over https. `expect`: the status that it must have, or several."""
    connection = http.client.HTTPSConnection("127.0.0.1", instance.port["https"], context=no_verify(), timeout=30 * SLOW) if token else UnixConnection(f"{instance.dir}/run/admin.sock")
    headers = dict(headers or {})
    if token:
        headers["Authorization"] = f"Bearer {token}"
        headers["Host"] = instance.hostname
    data = None
    if body is not None:
        data = json.dumps(body)
        headers["Content-Type"] = "application/json"
    if query:
        path += "?" + urllib.parse.urlencode(query)
    try:
        connection.request(method, path, data, headers)
        answer = Answer(connection.getresponse())
    finally:
        connection.close()
    allowed = expect if isinstance(expect, (tuple, list)) else (expect,)
    assert answer.status in allowed, f"{method} {path}: {answer.status} {answer.body[:500]}\n{instance.log_tail(8)}"
    return answer


def set_setting(instance, **values):
    etag = ask(instance, "GET", "/api/v1/settings").headers["ETag"]
    ask(instance, "PATCH", "/api/v1/settings", values, headers={"If-Match": etag})
