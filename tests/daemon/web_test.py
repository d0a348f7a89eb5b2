"""The web server: what it says, to whom, and in which form."""
import gzip
import json
import os
import pwd
import re
import socket
import ssl
import subprocess
import tempfile

import harness
from harness import no_verify, tool, wait_until
from web_client import HOST, Admin, admin, ask, daemon, fine, hear, plain, say, secure

SECURITY = {
    "Content-Security-Policy": "default-src 'self'", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Permissions-Policy": "camera=()", "Cache-Control": "no-", "X-Request-Id": "req_",
}


# ---- what it says ----

def test_healthz_tells_the_truth():
    for connection in (plain(), secure(), Admin()):
        response, body = ask(connection, "GET", "/healthz")
        said = json.loads(body)
        assert response.status == 200 and response.headers["Content-Type"] == "application/json"
        assert said["status"] == "ok" and said["set_up"] is True and set(said["services"].split()) == {"mx", "http", "https"}, said
        response, body = ask(connection, "GET", "/readyz")
        assert response.status == 200 and json.loads(body) == {"status": "ready"}


def test_static_page_comes_from_the_binary():
    response, body = ask(secure(), "GET", "/")
    assert b'href="/api/docs"' in body
    assert response.status == 200 and response.headers["Content-Type"].startswith("text/html") and b"<title>Postroom</title>" in body
    for path, kind in (("/style.css", "text/css"), ("/home.js", "text/javascript"), ("/icon.svg", "image/svg+xml")):
        response, body = ask(secure(), "GET", path)
        assert response.status == 200 and response.headers["Content-Type"].startswith(kind) and body, path


def test_head_is_a_get_without_the_body():
    connection = secure()
    for path in ("/", "/healthz", "/nowhere", "/api/v1/users"):
        response, body = ask(connection, "GET", path)
        head, nothing = ask(connection, "HEAD", path)
        assert nothing == b"" and head.status == response.status and head.headers["Content-Type"] == response.headers["Content-Type"], path
        assert int(head.headers["Content-Length"]) == len(body) == int(response.headers["Content-Length"]), path


def test_every_answer_has_the_security_headers():
    for method, path in (("GET", "/"), ("GET", "/healthz"), ("GET", "/nowhere"), ("GET", "/api/v1/status"), ("POST", "/"), ("GET", "/a%00b")):
        for connection in (secure(), plain()):
            response, _ = ask(connection, method, path)
            for name, value in SECURITY.items():
                assert value in response.headers[name], f"{method} {path}: {name}"
    response, _ = ask(secure(), "GET", "/")
    assert "Strict-Transport-Security" not in response.headers, "the certificate is self-signed: a browser could not be told to go on"


def test_browsers_are_bound_to_tls_once_the_certificate_is_somebody_elses():
    with tempfile.TemporaryDirectory() as folder, harness.Instance(users=["alice"], services=("http", "https")) as p:
        def openssl(*words):
            subprocess.run([tool("openssl"), *words], cwd=folder, check=True, capture_output=True)

        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=a test authority", "-days", "30")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem", "-out", "asked.pem", "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}")
        openssl("x509", "-req", "-in", "asked.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "leaf.pem", "-days", "30", "-copy_extensions", "copy")
        with open(f"{folder}/leaf.pem") as leaf, open(f"{folder}/ca.pem") as ca, open(f"{folder}/key.pem") as key:
            body = json.dumps({"chain_pem": leaf.read() + ca.read(), "key_pem": key.read()})
        response, said = ask(Admin(f"{p.dir}/run/admin.sock"), "PUT", "/api/v1/certificates/" + HOST, body, {"Content-Type": "application/json"})
        assert response.status in (200, 201), said
        trusting = ssl.create_default_context(cafile=f"{folder}/ca.pem")

        def bound():
            with socket.create_connection(("127.0.0.1", p.port["https"]), timeout=30) as raw:
                try:
                    with trusting.wrap_socket(raw, server_hostname=HOST) as s:
                        s.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
                        return b"\r\nStrict-Transport-Security: max-age=31536000\r\n" in hear(s)
                except ssl.SSLCertVerificationError:
                    return False

        wait_until(bound, 10, "the new certificate, and the header with it")


def test_page_holds_no_inline_code_and_no_foreign_address():
    _, body = ask(secure(), "GET", "/")
    assert b"<style" not in body and b"onload=" not in body and b"http://" not in body.replace(b"http://www.w3.org/", b"") and b"https://" not in body
    assert body.count(b"<script") == body.count(b"<script type=\"module\" src=")


def test_known_etag_is_not_modified():
    response, body = ask(secure(), "GET", "/style.css")
    etag = response.headers["ETag"]
    for known in (etag, f"W/{etag}", f'"x", {etag}', "*", etag[:-1] + '~gz"'):
        response, again = ask(secure(), "GET", "/style.css", headers={"If-None-Match": known})
        assert response.status == 304 and again == b"" and response.headers["ETag"] == etag, known
    response, again = ask(secure(), "GET", "/style.css", headers={"If-None-Match": '"another"'})
    assert response.status == 200 and again == body


def test_files_come_gzipped_to_who_wants_it():
    _, whole = ask(secure(), "GET", "/style.css", headers={"Accept-Encoding": "identity"})
    response, packed = ask(secure(), "GET", "/style.css", headers={"Accept-Encoding": "br, gzip;q=0.8"})
    assert response.headers["Content-Encoding"] == "gzip" and gzip.decompress(packed) == whole and len(packed) < len(whole)
    assert response.headers["Vary"] == "Accept-Encoding" and response.headers["ETag"].endswith('~gz"')
    head, _ = ask(secure(), "HEAD", "/style.css", headers={"Accept-Encoding": "gzip"})
    assert int(head.headers["Content-Length"]) == len(packed)
    for refusal in ("gzip;q=0", "identity;q=1, gzip;q=0.5", "br", "*;q=0"):
        response, body = ask(secure(), "GET", "/style.css", headers={"Accept-Encoding": refusal})
        assert "Content-Encoding" not in response.headers and body == whole and response.headers["Vary"] == "Accept-Encoding", refusal


def test_long_json_comes_gzipped_and_each_form_has_its_tag():
    for n in range(30):
        response, said = admin("POST", "/api/v1/aliases", {"address": f"gz{n}@example.org", "targets": ["alice@example.org"]})
        assert response.status == 201, said
    wants = {"Accept-Encoding": "gzip"}
    plain_response, whole = ask(Admin(), "GET", "/api/v1/aliases", headers={"Accept-Encoding": "identity"})
    response, packed = ask(Admin(), "GET", "/api/v1/aliases", headers=wants)
    assert len(whole) > 1024 and response.headers["Content-Encoding"] == "gzip" and gzip.decompress(packed) == whole
    tag = plain_response.headers["ETag"]
    assert response.headers["ETag"] == tag[:-1] + '~gz"' and response.headers["Vary"] == plain_response.headers["Vary"] == "Accept-Encoding"
    for known in (tag, response.headers["ETag"]):
        again, nothing = ask(Admin(), "GET", "/api/v1/aliases", headers=dict(wants, **{"If-None-Match": known}))
        assert again.status == 304 and nothing == b"" and again.headers["ETag"] == known, (known, again.headers["ETag"])
    item, said = ask(Admin(), "GET", "/api/v1/aliases/gz1@example.org", headers=wants)
    assert item.status == 200 and "Content-Encoding" not in item.headers and json.loads(said), "short answers stay as they are"
    response, _ = ask(Admin(), "PATCH", "/api/v1/aliases/gz1@example.org", json.dumps({"targets": ["x@example.net"]}),
                      {"Content-Type": "application/json", "If-Match": item.headers["ETag"][:-1] + '~gz"'})
    assert response.status == 200, "the tag of the gzipped form names the same state"


def test_curl_reads_what_is_gzipped():
    done = subprocess.run([tool("curl"), "-sSk", "--compressed", f"https://127.0.0.1:{daemon().port['https']}/style.css"], capture_output=True, timeout=60)
    _, whole = ask(secure(), "GET", "/style.css")
    assert done.stdout == whole, done.stderr


def test_connection_is_kept():
    for make in (plain, secure):
        connection = make()
        connection.connect()
        socket_before = connection.sock
        for path in ("/healthz", "/", "/nowhere", "/api/v1/status", "/api/v1/users") * 4:
            ask(connection, "GET", path)
            assert connection.sock is socket_before, path


def test_unknown_paths_and_methods():
    for path in ("/nowhere", "/../etc/passwd", "/%2e%2e/secret.key", "/index.html/x", "//", "/index.htm%00l", "/api/v1/../../etc/passwd", "/api/v1/users/%2e%2e%2f%2e%2e"):
        response, body = ask(secure(), "GET", path)
        assert response.status in (400, 401, 404), f"{path}: {response.status}"
        assert b"root:" not in body
    for method in ("POST", "DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "PROPFIND"):
        response, _ = ask(secure(), method, "/")
        assert response.status == 405 and response.headers["Allow"] == "GET, HEAD", method


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


# ---- plain http ----

def test_plain_http_sends_to_https():
    port = daemon().port["https"]
    for method, path in (("GET", "/"), ("GET", "/api/v1/users?q=a%20b&x=%22"), ("POST", "/api/v1/session"), ("DELETE", "/x"), ("GET", "/style.css")):
        response, body = ask(plain(), method, path)
        assert response.status == 308 and response.headers["Location"] == f"https://127.0.0.1:{port}{path}" and body == b"", (method, path, response.status)
        assert "Set-Cookie" not in response.headers
    response, _ = ask(plain(), "GET", "/x", headers={"Host": f"{HOST}:8080"})
    assert response.headers["Location"] == f"https://{HOST}:{port}/x"
    done = subprocess.run([tool("curl"), "-sSkL", f"http://127.0.0.1:{daemon().port['http']}/style.css"], capture_output=True, timeout=60)
    assert b"{" in done.stdout, done.stderr


def test_plain_http_knows_no_challenge_that_nobody_set():
    for path in ("/.well-known/acme-challenge/", "/.well-known/acme-challenge/abc", "/.well-known/acme-challenge/../../etc/passwd"):
        response, _ = ask(plain(), "GET", path)
        assert response.status == 404, path


def test_redirect_goes_nowhere_else():
    for host in ("evil.test", "evil.test/", "x@evil.test", "127.0.0.1.evil.test", "mail.example.org.evil.test"):
        said = say(b"GET /x HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % host.encode(), "http")
        assert said.startswith(b"HTTP/1.1 421 ") and b"Location" not in said, (host, said[:200])
    said = say(b"GET //evil.test/x HTTP/1.1\r\nHost: mail.example.org\r\nConnection: close\r\n\r\n", "http")
    assert b"Location: https://mail.example.org:%d//evil.test/x\r\n" % daemon().port["https"] in said


# ---- who may ----

def test_api_over_tcp_wants_a_login():
    for method, path, body in (("GET", "/api/v1/status", None), ("POST", "/api/v1/users", '{"address":"x@example.org","password":"12345678"}'), ("DELETE", "/api/v1/domains/example.org", None)):
        response, said = ask(secure(), method, path, body, {"Content-Type": "application/json"})
        problem = json.loads(said)
        assert response.status == 401 and problem["code"] == "not_authenticated" and response.headers["Content-Type"] == "application/problem+json", (path, said)
        assert problem["request_id"] == response.headers["X-Request-Id"], said


def test_owner_of_the_socket_is_the_administrator():
    response, body = ask(Admin(), "GET", "/api/v1/status")
    assert response.status == 200 and json.loads(body)["hostname"] == HOST


def test_other_users_of_the_machine_may_not():
    """The socket belongs to its owner; should somebody get through to it, he is turned away."""
    if os.getuid() != 0:
        assert (os.stat(f"{daemon().dir}/run/admin.sock").st_mode & 0o077) == 0
        return
    path = f"{daemon().dir}/run/admin.sock"
    program = ("import socket,sys\n"
               "s = socket.socket(socket.AF_UNIX); s.connect('admin.sock')\n"
               "d = b''\n"
               "try:\n"
               "    s.sendall(b'GET /api/v1/status HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n')\n"
               "    while (m := s.recv(65536)): d += m\n"
               "except (BrokenPipeError, ConnectionResetError): pass\n"
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
        assert done.returncode == 0 and b"HTTP/1.1 200" not in done.stdout and (done.stdout == b"" or done.stdout.startswith(b"HTTP/1.1 403 ")), done
    finally:
        for p, mode in modes.items():
            os.chmod(p, mode)


# ---- what is written down ----

def log_lines(request_id):
    with open(daemon().log_path, encoding="utf-8") as f:
        return [line for line in f if f"request={request_id}" in line]


def test_every_request_has_a_name_and_a_line():
    seen = set()
    for make, method, path, status, operation, caller in (
            (secure, "GET", "/api/v1/users?q=secret-word", 401, "users_list", "nobody"), (Admin, "GET", "/api/v1/users?q=secret-word", 200, "users_list", "local"),
            (secure, "GET", "/nowhere?token=secret-word", 404, "-", "nobody"), (plain, "GET", "/", 308, "-", "nobody")):
        response, body = ask(make(), method, path)
        name = response.headers["X-Request-Id"]
        assert re.fullmatch(r"req_[0-9a-f]{32}", name) and name not in seen
        seen.add(name)
        line, = wait_until(lambda: log_lines(name), 5, "a line in the log")
        assert "info webui request " in line and f"status={status} " in line and f"operation={operation} " in line and f"caller={caller} " in line and f"bytes={len(body)} " in line, line
        assert f'path="{path.split("?")[0]}"' in line and "secret-word" not in line and re.search(r" us=\d+ ", line), line


def test_shown_secrets_are_not_written_down():
    response, _ = ask(secure(), "GET", "/api/v1/users", headers={"Authorization": "Bearer prm_pat_secret-word", "Cookie": "__Host-postroom=secret-word", "X-CSRF-Token": "secret-word"})
    assert response.status == 401
    line, = wait_until(lambda: log_lines(response.headers["X-Request-Id"]), 5)
    assert "caller=token " in line
    with open(daemon().log_path, encoding="utf-8") as f:
        assert "secret-word" not in f.read()


def test_nothing_breaks_out_of_its_line():
    path = b"/a\x1b"  # an escape is refused with the head; percent signs and quotes come through
    assert say(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    response, _ = ask(secure(), "GET", '/a%0d%0ainfo%20webui"\'\\x')
    line, = wait_until(lambda: log_lines(response.headers["X-Request-Id"]), 5)
    assert 'path="/a%0d%0ainfo%20webui\\x22\'\\x5cx"' in line, line


harness.run(globals())
