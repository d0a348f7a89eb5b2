"""The web server: what it says, to whom, and what it refuses before the library behind it could misread it."""
import http.client
import json
import os
import pwd
import socket
import ssl
import subprocess
import threading
import time

import harness
from harness import SLOW, no_verify, shared, tool, wait_until

HOST = "mail.example.org"


def daemon():
    return shared(users=["alice"], services=("mx", "http", "https"))


def plain():
    return http.client.HTTPConnection("127.0.0.1", daemon().port["http"], timeout=30 * SLOW)


def secure():
    return http.client.HTTPSConnection("127.0.0.1", daemon().port["https"], timeout=30 * SLOW, context=no_verify())


class Admin(http.client.HTTPConnection):
    """The admin socket."""

    def __init__(self, path=None):
        super().__init__(HOST, timeout=30 * SLOW)
        self.path = path or f"{daemon().dir}/run/admin.sock"

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30 * SLOW)
        self.sock.connect(self.path)


def ask(connection, method, path, body=None, headers=None):
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    return response, response.read()


def say(data, port="http"):
    """All that comes back until the connection ends."""
    with socket.create_connection(("127.0.0.1", daemon().port[port]), timeout=30 * SLOW) as s:
        s.sendall(data)
        got = b""
        try:
            while (more := s.recv(65536)):
                got += more
        except ConnectionResetError:
            pass
        return got


def fine():
    response, body = ask(plain(), "GET", "/healthz")
    assert response.status == 200 and json.loads(body)["status"] == "ok"


# ---- what it says ----

def test_healthz_tells_the_truth():
    for connection in (plain(), secure(), Admin()):
        response, body = ask(connection, "GET", "/healthz")
        said = json.loads(body)
        assert response.status == 200 and response.headers["Content-Type"] == "application/json"
        assert said["status"] == "ok" and said["set_up"] is True and set(said["services"].split()) == {"mx", "http", "https"}, said


def test_static_page_comes_from_the_binary():
    response, body = ask(plain(), "GET", "/")
    assert response.status == 200 and response.headers["Content-Type"].startswith("text/html") and b"<title>Postroom</title>" in body
    for path, kind in (("/style.css", "text/css"), ("/home.js", "text/javascript"), ("/icon.svg", "image/svg+xml")):
        response, body = ask(plain(), "GET", path)
        assert response.status == 200 and response.headers["Content-Type"].startswith(kind) and body, path
    response, body = ask(plain(), "HEAD", "/")
    assert response.status == 200 and body == b"" and int(response.headers["Content-Length"]) > 0


def test_every_answer_has_the_security_headers():
    for method, path in (("GET", "/"), ("GET", "/healthz"), ("GET", "/nowhere"), ("GET", "/api/v1/status"), ("POST", "/")):
        response, _ = ask(plain(), method, path)
        assert "default-src 'self'" in response.headers["Content-Security-Policy"], path
        assert response.headers["X-Content-Type-Options"] == "nosniff" and response.headers["Referrer-Policy"] == "no-referrer" and response.headers["Cache-Control"], path


def test_page_holds_no_inline_code_and_no_foreign_address():
    _, body = ask(plain(), "GET", "/")
    assert b"<style" not in body and b"onload=" not in body and b"http://" not in body.replace(b"http://www.w3.org/", b"") and b"https://" not in body
    assert body.count(b"<script") == body.count(b"<script type=\"module\" src=")


def test_known_etag_is_not_modified():
    response, body = ask(plain(), "GET", "/style.css")
    etag = response.headers["ETag"]
    response, again = ask(plain(), "GET", "/style.css", headers={"If-None-Match": etag})
    assert response.status == 304 and again == b"" and response.headers["ETag"] == etag
    response, again = ask(plain(), "GET", "/style.css", headers={"If-None-Match": '"another"'})
    assert response.status == 200 and again == body


def test_connection_is_kept():
    connection = plain()
    connection.connect()
    socket_before = connection.sock
    for _ in range(20):
        response, _ = ask(connection, "GET", "/healthz")
        assert response.status == 200
    assert connection.sock is socket_before


def test_unknown_paths_and_methods():
    for path in ("/nowhere", "/../etc/passwd", "/%2e%2e/secret.key", "/index.html/x", "//", "/index.htm%00l"):
        response, body = ask(plain(), "GET", path)
        assert response.status in (400, 404), f"{path}: {response.status}"
        assert b"root:" not in body
    for method in ("POST", "DELETE", "PUT", "PATCH"):
        response, _ = ask(plain(), method, "/")
        assert response.status == 405, method


def test_https_speaks_modern_tls_only():
    context = no_verify()
    with socket.create_connection(("127.0.0.1", daemon().port["https"]), timeout=30) as s, context.wrap_socket(s, server_hostname=HOST) as t:
        assert t.version() == "TLSv1.3"
    old = no_verify()
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    try:
        with socket.create_connection(("127.0.0.1", daemon().port["https"]), timeout=30) as s, old.wrap_socket(s):
            raise AssertionError("TLS 1.1 was accepted")
    except (ssl.SSLError, ConnectionError):
        pass
    fine()


def test_curl_over_https():
    done = subprocess.run([tool("curl"), "-sSk", f"https://127.0.0.1:{daemon().port['https']}/healthz"], capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout)["status"] == "ok", done.stderr


def test_plain_http_on_the_tls_port_is_closed():
    said = say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "https")
    assert b"HTTP/1.1 200" not in said
    fine()


# ---- who may ----

def test_api_over_tcp_wants_a_login():
    for connection in (plain, secure):
        for method, path, body in (("GET", "/api/v1/status", None), ("POST", "/api/v1/users", '{"address":"x@example.org","password":"12345678"}'), ("DELETE", "/api/v1/domains/example.org", None),
                                   ("GET", "/api/v1/nothing", None), ("POST", "/api/v1/setup", "{}")):
            response, said = ask(connection(), method, path, body)
            problem = json.loads(said)
            assert response.status == 401 and problem["code"] == "not_authenticated" and response.headers["Content-Type"] == "application/problem+json", (path, said)


def test_owner_of_the_socket_is_the_administrator():
    response, body = ask(Admin(), "GET", "/api/v1/status")
    assert response.status == 200 and json.loads(body)["hostname"] == "mail.example.org"


def test_other_users_of_the_machine_may_not():
    """The socket belongs to its owner; should somebody get through to it, the API knows who he is."""
    if os.getuid() != 0:
        assert (os.stat(f"{daemon().dir}/run/admin.sock").st_mode & 0o077) == 0
        return
    path = f"{daemon().dir}/run/admin.sock"
    program = ("import socket,sys\n"
               f"s = socket.socket(socket.AF_UNIX); s.connect('admin.sock')\n"
               "s.sendall(b'GET /api/v1/status HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n')\n"
               "d = b''\n"
               "while (m := s.recv(65536)): d += m\n"
               "sys.stdout.buffer.write(d)\n")

    def as_nobody():  # from inside the folder: those above it are not part of this
        os.chdir(f"{daemon().dir}/run")
        os.setgid(65534)
        os.setuid(pwd.getpwnam("nobody").pw_uid)

    done = subprocess.run(["python3", "-c", program], capture_output=True, preexec_fn=as_nobody, timeout=60)
    assert done.returncode != 0 and b"PermissionError" in done.stderr, done
    modes = {p: os.stat(p).st_mode for p in (f"{daemon().dir}/run", path)}
    try:
        for p in modes:
            os.chmod(p, 0o777)
        done = subprocess.run(["python3", "-c", program], capture_output=True, preexec_fn=as_nobody, timeout=60)
        assert b"HTTP/1.1 401 " in done.stdout, done
    finally:
        for p, mode in modes.items():
            os.chmod(p, mode)


def test_api_bodies_are_read_strictly():
    for body, status in (("", 400), ("[]", 400), ("{", 400), ('{"name":"a.example","name":"b.example"}', 400), ('{"name":1}', 422), ('{"nom":"a.example"}', 422), ("{}", 422), ('{"name":"a b"}', 422),
                         ("[" * 100000, 400), ('{"name":"\\ud800"}', 400), ('{"name":1e999}', 400), ('{"name":"a\\u0000b"}', 400)):
        response, said = ask(Admin(), "POST", "/api/v1/domains", body, {"Content-Type": "application/json"})
        problem = json.loads(said)
        assert response.status == status, f"{body[:60]}: {response.status} {said}"
        assert problem["status"] == status and problem["code"], said
    response, _ = ask(Admin(), "POST", "/api/v1/domains", '{"name":"a.example"}', {"Content-Type": "text/plain"})
    assert response.status == 415
    response, _ = ask(Admin(), "PATCH", "/api/v1/domains")
    assert response.status == 405
    response, _ = ask(Admin(), "GET", "/api/v1/users/usr_99999")
    assert response.status in (404, 405)


# ---- hostile heads ----

HEADS = {
    "two Content-Length": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
    "Content-Length and chunked": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked": (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
    "bare LF": (b"GET / HTTP/1.1\nHost: x\n\n", 400),
    "bare CR": (b"GET / HTTP/1.1\r\nHost: x\rY: z\r\n\r\n", 400),
    "NUL": (b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "obs-fold": (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400),
    "two Host": (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "blank before colon": (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
    "negative length": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
    "length with plus": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na", 400),
    "length list": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\na", 400),
    "absolute target": (b"GET http://other/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "asterisk": (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "HTTP/2.0": (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 400),
    "no version": (b"GET /\r\n\r\n", 400),
    "SMTP": (b"EHLO x\r\n", 400),
    "too many fields": (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
    "long field": (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 100000 + b"\r\n\r\n", 431),
    "long target": (b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
}


def test_hostile_heads_are_refused_and_the_connection_ends():
    smuggled = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    for name, (head, status) in HEADS.items():
        said = say(head + smuggled)
        if len(head) < 20000:  # a close with input unread may take the answer along
            assert said.startswith(b"HTTP/1.1 %d " % status), f"{name}: {said[:100]}"
        assert said.count(b"HTTP/1.1 ") <= 1 and b"200 OK" not in said, f"{name}: {said[:300]}"
    fine()


def test_refusal_of_a_later_request_ends_the_connection():
    said = say(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert said.count(b"HTTP/1.1 200") <= 1 and said.count(b"HTTP/1.1 400") == 1, said
    fine()


def test_large_bodies_are_refused():
    with socket.create_connection(("127.0.0.1", daemon().port["http"]), timeout=30 * SLOW) as s:
        s.sendall(b"POST /api/v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: 2097152\r\n\r\n")
        assert s.recv(65536).startswith(b"HTTP/1.1 413 ")
        assert s.recv(65536) == b""
    for connection in (plain(), secure()):  # the answer is heard although nobody read the body
        response, _ = ask(connection, "POST", "/api/v1/users", b"x" * 2097152)
        assert response.status == 413
    for length in (1 << 30, 1 << 62, 10 ** 30):
        with socket.create_connection(("127.0.0.1", daemon().port["http"]), timeout=30 * SLOW) as s:
            s.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length)
            assert s.recv(65536)[9:12] in (b"413", b"400")
    fine()


def test_expect_continue_without_a_body():
    said = say(b"POST /api/v1/users HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    assert b"HTTP/1.1 401 " in said, said
    with socket.create_connection(("127.0.0.1", daemon().port["http"]), timeout=30 * SLOW) as s:
        s.sendall(b"POST /api/v1/users HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert s.recv(65536).startswith(b"HTTP/1.1 100 "), "go on"
        s.sendall(b"{}")
        assert s.recv(65536).startswith(b"HTTP/1.1 401 ")


# ---- many ----

def test_pipelined_requests_are_answered_in_order():
    with socket.create_connection(("127.0.0.1", daemon().port["http"]), timeout=30 * SLOW) as s:
        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /api/v1/status HTTP/1.1\r\nHost: x\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        got = b""
        while (more := s.recv(65536)):
            got += more
    at = [got.find(b"HTTP/1.1 200"), got.find(b"HTTP/1.1 401"), got.find(b"HTTP/1.1 404")]
    assert -1 not in at and at == sorted(at), got


def test_two_hundred_connections_at_once():
    failures = []

    def work(n):
        try:
            for _ in range(5):
                response, body = ask((plain, secure)[n % 2](), "GET", ("/healthz", "/", "/api/v1/status")[n % 3])
                assert response.status == (200, 200, 401)[n % 3] and body
        except Exception as e:
            failures.append(e)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(200)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures, failures[:3]


def test_slow_heads_hold_nobody_up_and_are_cut_off():
    """Slowloris: a byte now and then; each connection ends at the deadline of the head, whatever comes."""
    port = daemon().port["http"]
    slow = [socket.create_connection(("127.0.0.1", port), timeout=30 * SLOW) for _ in range(300)]
    began = time.monotonic()
    for s in slow:
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nA: ")
    fine()
    one = slow[0]
    one.settimeout(0.5)
    seconds = None
    while seconds is None:
        try:
            one.sendall(b"b")
            if one.recv(100) == b"":
                seconds = time.monotonic() - began
        except TimeoutError:
            assert time.monotonic() - began < 40 * SLOW, "the connection is still open"
        except OSError:
            seconds = time.monotonic() - began
    assert 10 < seconds < 40 * SLOW, seconds
    for s in slow[1:]:
        s.settimeout(20 * SLOW)
        try:
            while s.recv(100):
                pass
        except ConnectionResetError:
            pass
        s.close()
    one.close()
    fine()


def test_unfinished_handshakes_hold_nobody_up():
    half = [socket.create_connection(("127.0.0.1", daemon().port["https"]), timeout=30) for _ in range(100)]
    for s in half:
        s.sendall(b"\x16\x03\x01\x02\x00\x01")
    response, _ = ask(secure(), "GET", "/healthz")
    assert response.status == 200
    for s in half:
        s.close()


def test_more_connections_than_one_address_may_have_are_closed():
    with harness.Instance(users=["alice"], services=("http",), trusted=False) as p:
        held = [socket.create_connection(("127.0.0.1", p.port["http"]), timeout=30 * SLOW) for _ in range(100)]
        with socket.create_connection(("127.0.0.1", p.port["http"]), timeout=30 * SLOW) as s:
            assert s.recv(100) == b""
        with socket.create_connection(("127.0.0.1", p.port["http"]), timeout=30 * SLOW, source_address=("127.0.0.2", 0)) as s:
            s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert s.recv(100).startswith(b"HTTP/1.1 200")
        for s in held:
            s.close()


def test_more_connections_than_there_are_places():
    port = daemon().port["http"]
    held = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(1100)]
    assert daemon().process.poll() is None
    for s in held:
        s.close()
    wait_until(lambda: healthy(), 20, "it answers again")
    assert daemon().cli("status", "-o", "json")["users"] == 1


def healthy():
    try:
        fine()
        return True
    except (OSError, http.client.HTTPException):
        return False


def test_clients_that_leave_leave_nothing_behind():
    p = daemon()
    before = len(os.listdir(f"/proc/{p.process.pid}/fd"))
    for n in range(200):
        s = socket.create_connection(("127.0.0.1", p.port["http"]), timeout=30)
        s.sendall((b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /", b"POST /api/v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", b"")[n % 4])
        s.close()
    wait_until(lambda: len(os.listdir(f"/proc/{p.process.pid}/fd")) <= before + 2, 20, "descriptors are given back")
    fine()


harness.run(globals())
