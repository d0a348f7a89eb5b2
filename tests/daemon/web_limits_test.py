"""The web server and many clients: how many there may be, what they leave behind, and who is behind a proxy."""
import http.client
import json
import os
import re
import socket
import threading
import time

import harness
from harness import SLOW, no_verify, wait_until
from web_client import HOST, SECONDS, Admin, ask, connect, daemon, fine, hear, plain, say, secure

CLIENT = "192.0.2.7"


def healthy():
    try:
        fine()
        return True
    except (OSError, http.client.HTTPException):
        return False


def test_two_hundred_connections_at_once():
    failures = []
    daemon()

    def work(n):
        try:
            for _ in range(5):
                response, body = ask((plain, secure)[n % 2](), "GET", ("/healthz", "/", "/api/v1/status")[n % 3])
                wanted = 200 if n % 3 == 0 else 308 if n % 2 == 0 else (0, 200, 401)[n % 3]
                assert response.status == wanted, (n, response.status)
        except Exception as e:
            failures.append(e)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(200)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures, failures[:3]


def test_more_connections_than_one_address_may_have_are_closed():
    with harness.Instance(users=["alice"], services=("http",), trusted=False) as p:
        held = [socket.create_connection(("127.0.0.1", p.port["http"]), timeout=SECONDS) for _ in range(100)]
        with socket.create_connection(("127.0.0.1", p.port["http"]), timeout=SECONDS) as s:
            assert s.recv(100) == b""
        with socket.create_connection(("127.0.0.1", p.port["http"]), timeout=SECONDS, source_address=("127.0.0.2", 0)) as s:
            s.sendall(b"GET /healthz HTTP/1.1\r\nHost: mail.example.org\r\n\r\n")
            assert s.recv(100).startswith(b"HTTP/1.1 200")
        for s in held:
            s.close()


def test_more_connections_than_there_are_places():
    port = daemon().port["http"]
    held = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(1100)]
    assert daemon().process.poll() is None
    assert daemon().cli("status", "-o", "json")["users"] == 1, "the admin socket has places of its own"
    for s in held:
        s.close()
    wait_until(healthy, 20, "it answers again")


def test_clients_that_leave_leave_nothing_behind():
    p = daemon()
    fine()
    before = len(os.listdir(f"/proc/{p.process.pid}/fd"))
    for n in range(200):
        s = connect(("http", "https")[n % 2])
        s.sendall((b"GET /api/v1/status HTTP/1.1\r\nHost: mail.example.org\r\n\r\n", b"GET /", b"POST /api/v1/users HTTP/1.1\r\nHost: mail.example.org\r\nContent-Length: 100\r\n\r\n{", b"",
                   b"POST /api/v1/users HTTP/1.1\r\nHost: mail.example.org\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")[n % 5])
        s.close()
    wait_until(lambda: len(os.listdir(f"/proc/{p.process.pid}/fd")) <= before + 2, 20, "descriptors are given back")
    fine()


def test_guesses_of_passwords_hold_up_nobody_else():
    """Hashing is slow, and the calls that wait for it hold no thread."""
    stop, failures, guesses = threading.Event(), [], []
    daemon()

    def guess(n):
        connection = secure()
        while not stop.is_set():
            try:
                response, _ = ask(connection, "POST", "/api/v1/session", json.dumps({"login": "alice@example.org", "password": f"wrong-{n}-{len(guesses)}"}), {"Content-Type": "application/json"})
                guesses.append(response.status)
            except (OSError, http.client.HTTPException) as e:
                failures.append(e)
                return

    threads = [threading.Thread(target=guess, args=(n,)) for n in range(40)]
    for t in threads:
        t.start()
    wait_until(lambda: len(guesses) > 20, 20, "guesses")
    taken = []
    connection = Admin()
    for _ in range(200):
        began = time.monotonic()
        assert ask(connection, "GET", "/api/v1/domains")[0].status == 200
        taken.append(time.monotonic() - began)
    stop.set()
    for t in threads:
        t.join()
    assert not failures, failures[:3]
    assert set(guesses) <= {401, 429, 503} and 401 in guesses, set(guesses)
    assert sorted(taken)[190] < 0.2 * SLOW, sorted(taken)[190]


def open_without_a_name():
    folder = f"/proc/{daemon().process.pid}/fd"
    return [to for fd in os.listdir(folder) if "(deleted)" in (to := os.readlink(f"{folder}/{fd}"))]


def test_uploads_go_by_a_file_without_a_name():
    sheet = b"address,name\n" + b"".join(b"up%d@example.org,%s\n" % (n, b"n" * 100) for n in range(15000))
    assert 1 << 20 < len(sheet)
    for chunked in (False, True):
        body, fields = (sheet, {}) if not chunked else ((sheet[at:at + 50000] for at in range(0, len(sheet), 50000)), {"Transfer-Encoding": "chunked"})
        response, said = ask(Admin(), "POST", "/api/v1/users:import?dry_run=1", body, dict(fields, **{"Content-Type": "text/csv"}), encode_chunked=chunked)
        assert response.status == 200 and len(json.loads(said)["changes"]) == 15000, said[:300]
    response, _ = ask(secure(), "POST", "/api/v1/users:import", sheet, {"Content-Type": "text/csv"})
    assert response.status == 401, "nobody fills the disk who has not said who he is"
    response, _ = ask(Admin(), "POST", "/api/v1/users:import", b"x" * ((64 << 20) + 1), {"Content-Type": "text/csv"})
    assert response.status == 413
    assert open_without_a_name() == []
    fine()


def memory_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return int(re.search(r"Pss:\s+(\d+)", f.read()).group(1))


def test_idle_connections_hold_little():
    p = daemon()
    fine()
    before = memory_kib(p.process.pid)
    held = []
    for _ in range(300):
        s = connect()
        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: mail.example.org\r\n\r\n")
        assert s.recv(4096).startswith(b"HTTP/1.1 200")
        held.append(s)

    def each():
        return (memory_kib(p.process.pid) - before) / len(held)

    # The pump's sweep takes back what rests. Sanitizers keep memory of their own: there it is enough that all are held.
    wait_until(lambda: harness.SANITIZED or each() < 64, 5, lambda: f"an idle https connection takes {each():.1f} KiB")
    print(f"# an idle https connection: {each():.1f} KiB")
    for s in held:
        s.close()


# ---- proxies ----

def proxied(**options):
    return harness.Instance(users=["alice"], services=("mx", "http", "https"), conf="proxy_from = 127.0.0.2\nproxy_from = 127.0.0.64/26", **options)


def tell(p, port, data, source, head=b""):
    """One request from this address of loopback; the answer's head, and the peer that the log names."""
    with socket.create_connection(("127.0.0.1", p.port[port]), timeout=SECONDS, source_address=(source, 0)) as raw:
        raw.sendall(head)
        s = no_verify().wrap_socket(raw) if port == "https" else raw
        s.sendall(data)
        said = hear(s)
    name = re.search(rb"X-Request-Id: (req_\w+)", said)
    assert name, said[:300]
    pattern = re.compile(rf"peer=(\S+) request={name.group(1).decode()}")

    def peer():
        with open(p.log_path, encoding="utf-8") as f:
            found = pattern.search(f.read())
        return found and found.group(1)

    return said, wait_until(peer, 5, "the line in the log").split(":")[0]


def request(*fields, path="/nowhere"):
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n".encode() + b"".join(f.encode() + b"\r\n" for f in fields) + b"\r\n"


def test_forwarded_headers_are_believed_from_proxies_only():
    with proxied() as p:
        said, peer = tell(p, "https", request(f"X-Forwarded-For: 6.6.6.6, {CLIENT}"), "127.0.0.2")
        assert said.startswith(b"HTTP/1.1 404") and peer == CLIENT
        _, peer = tell(p, "https", request(f"X-Forwarded-For: {CLIENT}", "X-Forwarded-For: 127.0.0.65"), "127.0.0.2")
        assert peer == CLIENT, "two fields are one list"
        _, peer = tell(p, "https", request("X-Forwarded-For: nonsense"), "127.0.0.2")
        assert peer == "127.0.0.2"
        _, peer = tell(p, "https", request(f"X-Forwarded-For: {CLIENT}"), "127.0.0.3")
        assert peer == "127.0.0.3"
        said, _ = tell(p, "http", request("X-Forwarded-Proto: https", path="/"), "127.0.0.2")
        assert said.startswith(b"HTTP/1.1 200") and b"<title>" in said, "the proxy has ended the TLS"
        said, _ = tell(p, "http", request("X-Forwarded-Proto: https", path="/"), "127.0.0.3")
        assert said.startswith(b"HTTP/1.1 308")
        said, _ = tell(p, "http", request("X-Forwarded-Proto: http", path="/"), "127.0.0.2")
        assert said.startswith(b"HTTP/1.1 308")
        said, _ = tell(p, "http", request("X-Forwarded-Proto: https", path="/").replace(HOST.encode(), b"evil.test"), "127.0.0.2")
        assert said.startswith(b"HTTP/1.1 421"), "a proxy passes the name on, and it has to be ours"


LINE = b"PROXY TCP4 192.0.2.7 192.0.2.9 50000 443\r\n"
BINARY = b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + socket.inet_aton(CLIENT) + socket.inet_aton("192.0.2.9") + b"\xc3\x50\x01\xbb"


def test_proxy_headers_are_believed_from_proxies_only():
    with proxied() as p:
        for port in ("http", "https"):
            for head in (LINE, BINARY):
                _, peer = tell(p, port, request(), "127.0.0.70", head)
                assert peer == CLIENT, (port, head)
            for head in (b"PROXY UNKNOWN\r\n", b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00", b""):
                _, peer = tell(p, port, request(), "127.0.0.70", head)
                assert peer == "127.0.0.70", (port, head)
            for head in (LINE, BINARY):
                with socket.create_connection(("127.0.0.1", p.port[port]), timeout=SECONDS, source_address=("127.0.0.3", 0)) as s:
                    s.sendall(head + request())
                    assert hear(s).startswith(b"HTTP/1.1 400 "), (port, head)
        for head in (b"PROXY TCP4 192.0.2.7\r\n", LINE * 2, b"PROXY " + b"x" * 200, b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff", b"\r\n\r\n\x00\r\nQUIT\n\x31\x11\x00\x00"):
            with socket.create_connection(("127.0.0.1", p.port["https"]), timeout=SECONDS, source_address=("127.0.0.2", 0)) as s:
                s.sendall(head)
                assert hear(s).startswith(b"HTTP/1.1 400 "), head


def test_a_proxy_that_says_half_a_header_is_let_go():
    with proxied() as p:
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", p.port["https"]), timeout=SECONDS, source_address=("127.0.0.2", 0)) as s:
            s.sendall(LINE[:20])
            assert hear(s) == b"" and 4 < time.monotonic() - began < 12 * SLOW


def test_clients_behind_a_proxy_are_counted_each_for_itself():
    with harness.Instance(users=["alice"], services=("http",), conf="proxy_from = 127.0.0.2", trusted=False) as p:
        def enter(client):
            s = socket.create_connection(("127.0.0.1", p.port["http"]), timeout=SECONDS, source_address=("127.0.0.2", 0))
            s.sendall(f"PROXY TCP4 {client} 192.0.2.9 1 80\r\nGET /healthz HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            try:
                return s, s.recv(4096)
            except ConnectionResetError:
                return s, b""

        held = [enter(CLIENT) for _ in range(100)]
        assert all(said.startswith(b"HTTP/1.1 200") for _, said in held)
        s, said = enter(CLIENT)
        assert said == b""
        s.close()
        s, said = enter("192.0.2.8")
        assert said.startswith(b"HTTP/1.1 200")
        s.close()
        for s, _ in held:
            s.close()


def test_stopping_answers_what_is_asked():
    p = harness.Instance(users=["alice"], services=("http", "https"))
    with p:
        idle = [socket.create_connection(("127.0.0.1", p.port["https"]), timeout=SECONDS) for _ in range(50)]
        kept = http.client.HTTPSConnection("127.0.0.1", p.port["https"], timeout=SECONDS, context=no_verify())
        assert ask(kept, "GET", "/healthz")[0].status == 200
        began = time.monotonic()
        p.stop()
        assert time.monotonic() - began < 8 * SLOW
        for s in idle:
            assert s.recv(100) == b""
            s.close()


harness.run(globals())
