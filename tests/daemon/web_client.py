"""What the tests of the web server share: connections to one instance, plain, TLS and by the admin socket, and raw bytes."""
import http.client
import json
import socket

from harness import PASSWORD, SLOW, no_verify, shared

HOST = "mail.example.org"
SECONDS = 30 * SLOW


def daemon():
    return shared(users=["alice"], services=("mx", "http", "https"))


def plain():
    return http.client.HTTPConnection("127.0.0.1", daemon().port["http"], timeout=SECONDS)


def secure():
    return http.client.HTTPSConnection("127.0.0.1", daemon().port["https"], timeout=SECONDS, context=no_verify())


class Admin(http.client.HTTPConnection):
    """The admin socket."""

    def __init__(self, path=None):
        super().__init__(HOST, timeout=SECONDS)
        self.path = path or f"{daemon().dir}/run/admin.sock"

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(SECONDS)
        self.sock.connect(self.path)


def ask(connection, method, path, body=None, headers=None, **options):
    connection.request(method, path, body, headers or {}, **options)
    response = connection.getresponse()
    return response, response.read()


def admin(method, path, body=None, headers=None):
    """Status and value of a call as root of the machine."""
    response, said = ask(Admin(), method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json", **(headers or {})})
    return response, json.loads(said) if said else None


def log_in(user="alice"):
    """Cookie and CSRF token of a new session."""
    response, said = ask(secure(), "POST", "/api/v1/session", json.dumps({"login": f"{user}@example.org", "password": PASSWORD}), {"Content-Type": "application/json"})
    assert response.status == 201, said
    cookie = response.headers["Set-Cookie"].split(";")[0]
    return cookie, json.loads(said)["csrf_token"]


def connect(port="https", source=None):
    """A raw socket, with TLS where the port has it."""
    s = socket.create_connection(("127.0.0.1", daemon().port[port]), timeout=SECONDS, source_address=source)
    return no_verify().wrap_socket(s) if port == "https" else s


def hear(s):
    """All that comes back until the connection ends."""
    got = b""
    try:
        while (more := s.recv(65536)):
            got += more
    except ConnectionResetError:
        pass
    return got


def say(data, port="https"):
    """All that is answered to these bytes until the connection ends."""
    with connect(port) as s:
        s.sendall(data)
        return hear(s)


def fine():
    """A clean request on a new connection is answered."""
    for connection in (plain(), secure()):
        response, body = ask(connection, "GET", "/healthz")
        assert response.status == 200 and json.loads(body)["status"] == "ok"
        connection.close()
