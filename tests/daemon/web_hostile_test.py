"""The web server under hostile input: heads and bodies that could be read in two ways, names that are not ours, clients that are slow or
endless. After each, a clean request on a new connection is answered."""
import json
import socket
import struct
import subprocess
import time

import harness
from harness import SLOW, tool
from web_client import HOST, SECONDS, Admin, ask, connect, daemon, fine, hear, log_in, say, secure

SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: mail.example.org\r\n\r\n"
CHUNKED = b"POST /api/v1/users HTTP/1.1\r\nHost: mail.example.org\r\nTransfer-Encoding: chunked\r\n\r\n"

HEADS = {
    "two Content-Length": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
    "two Content-Length that differ": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde", 400),
    "Content-Length and chunked": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked and Content-Length": (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
    "chunked not last": (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
    "chunked twice": (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
    "two Transfer-Encoding": (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400),
    "chunked in HTTP/1.0": (b"POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "xchunked": (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    "chunked behind a tab": (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n", 400),
    "Transfer-Encoding with a blank": (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    "gzip, chunked": (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    "bare LF": (b"GET / HTTP/1.1\nHost: x\n\n", 400),
    "bare LF in the fields": (b"GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n", 400),
    "bare CR": (b"GET / HTTP/1.1\r\nHost: x\rY: z\r\n\r\n", 400),
    "NUL in the path": (b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "encoded NUL in the path": (b"GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "NUL in a field": (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n", 400),
    "obs-fold": (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400),
    "obs-fold first": (b"GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400),
    "two Host": (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
    "two of the same Host": (b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two Authorization": (b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", 400),
    "two Cookie": (b"GET / HTTP/1.1\r\nHost: x\r\nCookie: a=b\r\nCookie: a=c\r\n\r\n", 400),
    "blank before colon": (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
    "negative length": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
    "length with plus": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na", 400),
    "length in hexadecimal": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1\r\n\r\na", 400),
    "length list": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\na", 400),
    "length beyond 64 bits": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551617\r\n\r\na", 400),
    "absolute target of another scheme": (b"GET ftp://mail.example.org/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "absolute target with a user": (b"GET https://a@mail.example.org/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "authority alone": (b"CONNECT mail.example.org:25 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "asterisk": (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "fragment": (b"GET /#a HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "HTTP/2.0": (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 400),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "HTTP/1.10": (b"GET / HTTP/1.10\r\nHost: x\r\n\r\n", 400),
    "no version": (b"GET /\r\n\r\n", 400),
    "two blanks": (b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "empty line first": (b"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "SMTP": (b"EHLO x\r\n", 400),
    "PROXY": (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "binary PROXY": (b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02\x00\x01\x00\x02GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "another expectation": (b"PUT / HTTP/1.1\r\nHost: x\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\na", 417),
    "too many fields": (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
    "long field": (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 100000 + b"\r\n\r\n", 431),
    "long target": (b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "a body that is too long": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 67108865\r\n\r\n", 413),
}

BODIES = {
    "no size": b"\r\nabc\r\n0\r\n\r\n", "negative size": b"-3\r\nabc\r\n0\r\n\r\n", "0x": b"0x3\r\nabc\r\n0\r\n\r\n", "blank before": b" 3\r\nabc\r\n0\r\n\r\n", "blank behind": b"3 \r\nabc\r\n0\r\n\r\n",
    "bare LF behind the size": b"3\nabc\r\n0\r\n\r\n", "longer than said": b"3\r\nabcd\r\n0\r\n\r\n", "bare LF behind the data": b"3\r\nabc\n0\r\n\r\n", "size beyond 64 bits": b"10000000000000003\r\nabc\r\n0\r\n\r\n",
    "largest size": b"ffffffffffffffff\r\n" + b"a" * 70000, "bare LF in an extension": b"3;a\nb\r\nabc\r\n0\r\n\r\n", "long extension": b"3;" + b"a" * 300 + b"\r\nabc\r\n0\r\n\r\n",
    "many extensions": (b"1;" + b"a" * 200 + b"\r\nx\r\n") * 30 + b"0\r\n\r\n", "bare LF in a trailer": b"3\r\nabc\r\n0\r\nA: b\nC: d\r\n\r\n", "folded trailer": b"3\r\nabc\r\n0\r\n A: b\r\n\r\n",
    "many trailers": b"3\r\nabc\r\n0\r\n" + b"A: b\r\n" * 2000 + b"\r\n",
}


def status_of(said):
    assert said.startswith(b"HTTP/1.1 "), said[:100]
    return int(said[9:12])


def test_hostile_heads_are_refused_and_the_connection_ends():
    for port in ("http", "https"):
        for name, (head, status) in HEADS.items():
            said = say(head + SMUGGLED, port)
            assert status_of(said) == status, f"{port} {name}: {said[:100]}"
            assert said.count(b"HTTP/1.1 ") == 1 and b"200 OK" not in said, f"{name}: {said[:300]}"
            assert b"Connection: close\r\n" in said and b"Content-Security-Policy: " in said, name
            problem = json.loads(said.split(b"\r\n\r\n", 1)[1])
            assert problem["status"] == status and problem["code"] and problem["request_id"].startswith("req_"), name
        fine()


def test_heads_cut_anywhere_are_refused_all_the_same():
    for name in ("two Content-Length", "Content-Length and chunked", "obs-fold", "two Host"):
        head, status = HEADS[name]
        with connect("http") as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for at in range(len(head)):
                try:
                    s.sendall(head[at:at + 1])
                except (BrokenPipeError, ConnectionResetError):
                    break
            assert status_of(hear(s)) == status, name
    fine()


def test_refusal_of_a_later_request_ends_the_connection():
    said = say(SMUGGLED + b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + SMUGGLED)
    assert said.count(b"HTTP/1.1 200") == 1 and said.count(b"HTTP/1.1 400") == 1 and said.index(b"HTTP/1.1 200") < said.index(b"HTTP/1.1 400"), said
    fine()


def test_hostile_chunks_are_refused_and_nothing_behind_them_is_read():
    for name, body in BODIES.items():
        said = say(CHUNKED + body + SMUGGLED)
        assert b"200 OK" not in said, f"{name}: {said[:300]}"
        assert said.count(b"HTTP/1.1 4") == 1 and status_of(said) in (400, 401, 413), f"{name}: {said[:300]}"
    fine()


def test_hostile_chunks_of_who_may_are_refused_too():
    for name, body in BODIES.items():
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(SECONDS)
            s.connect(f"{daemon().dir}/run/admin.sock")
            try:
                s.sendall(CHUNKED.replace(b"chunked\r\n", b"chunked\r\nContent-Type: application/json\r\n") + body + SMUGGLED)
            except (BrokenPipeError, ConnectionResetError):
                pass
            said = hear(s)
        assert status_of(said) == (413 if name == "largest size" else 400) and said.count(b"HTTP/1.1 ") == 1 and b"200 OK" not in said, f"{name}: {said[:300]}"
    fine()


def test_a_body_that_is_cut_off_does_nothing():
    """Whole JSON in what has come is no reason to act on it (RFC 9112 8)."""
    for n, tail in enumerate((b"X", b"", b"5\r\nab", b"0\r\n", b"0\r\nA: b", b"0;\n")):
        for pause in (0, 0.1):
            body = b'{"name":"cut%d%d.example"}' % (n, pause > 0)
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(SECONDS)
                s.connect(f"{daemon().dir}/run/admin.sock")
                s.sendall(b"POST /api/v1/domains HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(body), body))
                time.sleep(pause)
                s.sendall(tail)
                s.shutdown(socket.SHUT_WR)
                assert b"HTTP/1.1 201" not in hear(s)
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(SECONDS)
        s.connect(f"{daemon().dir}/run/admin.sock")
        s.sendall(b'POST /api/v1/domains HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 30\r\n\r\n{"name":"cut.example"}')
        s.shutdown(socket.SHUT_WR)
        assert b"HTTP/1.1 201" not in hear(s)
    response, said = ask(Admin(), "GET", "/api/v1/domains?limit=500")
    assert response.status == 200 and b'"cut' not in said, said
    fine()


def test_a_chunked_body_is_read():
    def parts(text, size):
        for at in range(0, len(text), size):
            yield text[at:at + size]

    for n, size in enumerate((1, 7, 4096)):
        body = json.dumps({"name": f"chunked{n}.example"}).encode()
        connection = Admin()
        response, said = ask(connection, "POST", "/api/v1/domains", parts(body, size), {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}, encode_chunked=True)
        assert response.status == 201, said
        response, _ = ask(connection, "GET", "/healthz")  # the connection goes on behind it
        assert response.status == 200
    done = subprocess.run([tool("curl"), "-sS", "--unix-socket", f"{daemon().dir}/run/admin.sock", "-H", "Transfer-Encoding: chunked", "-H", "Content-Type: application/json", "-d",
                           '{"name":"curl.example"}', f"http://{HOST}/api/v1/domains"], capture_output=True, timeout=60)
    assert json.loads(done.stdout)["name"] == "curl.example", done


def test_absolute_targets_are_taken():
    said = say(b"GET https://mail.example.org/healthz HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n")
    assert status_of(said) == 200, said  # RFC 9112 3.2.2: the target's authority counts, Host is ignored
    said = say(b"GET https://other.test/healthz HTTP/1.1\r\nHost: mail.example.org\r\nConnection: close\r\n\r\n")
    assert status_of(said) == 421, said
    said = say(b"GET http://mail.example.org/healthz HTTP/1.1\r\nHost: mail.example.org\r\nConnection: close\r\n\r\n")
    assert status_of(said) == 421, said  # plain http is not what this connection is


# ---- bodies ----

def test_large_bodies_are_refused_before_they_are_read():
    for length in (1 << 30, 1 << 62, 10 ** 30, (64 << 20) + 1):
        with connect() as s:
            s.sendall(b"POST /api/v1/users HTTP/1.1\r\nHost: mail.example.org\r\nContent-Length: %d\r\n\r\n" % length)
            assert status_of(s.recv(65536)) in (413, 400)
    with connect() as s:  # nobody is logged in: nothing is read for them
        s.sendall(b"POST /api/v1/users HTTP/1.1\r\nHost: mail.example.org\r\nContent-Type: application/json\r\nContent-Length: 2097152\r\n\r\n")
        assert status_of(s.recv(65536)) == 401
    response, said = ask(secure(), "POST", "/api/v1/users", b"x" * 2097152)  # the answer is heard although nobody read the body
    assert response.status in (401, 413), said
    response, said = ask(Admin(), "POST", "/api/v1/domains", b"x" * 2097152, {"Content-Type": "application/json"})
    assert response.status == 413, said
    fine()


def test_an_endless_chunked_body_ends():
    def endless():
        block = b"x" * 65536
        for _ in range(4096):
            yield block

    connection = secure()
    try:
        response, _ = ask(connection, "POST", "/api/v1/users", endless(), {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}, encode_chunked=True)
        assert response.status == 401
    except (BrokenPipeError, ConnectionResetError):
        pass  # cut off while it still sent
    connection = Admin()
    try:
        response, _ = ask(connection, "POST", "/api/v1/domains", endless(), {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}, encode_chunked=True)
        assert response.status == 413
    except (BrokenPipeError, ConnectionResetError):
        pass
    fine()


def test_expect_continue():
    said = say(b"POST /api/v1/users HTTP/1.1\r\nHost: mail.example.org\r\nExpect: 100-continue\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    assert b"HTTP/1.1 401 " in said, said
    said = say(b"GET /healthz HTTP/1.1\r\nHost: mail.example.org\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
    assert b"HTTP/1.1 200 " in said, said
    with connect() as s:  # who may not is told so instead of being asked for the body
        s.sendall(b"POST /api/v1/users HTTP/1.1\r\nHost: mail.example.org\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 200\r\n\r\n")
        assert status_of(hear(s)) == 401
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(SECONDS)
        s.connect(f"{daemon().dir}/run/admin.sock")
        body = b'{"name":"expected.example"}'
        s.sendall(b"POST /api/v1/domains HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body))
        assert s.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        s.sendall(body)
        assert status_of(hear(s)) == 201
    fine()


def test_json_bodies_are_read_strictly():
    for body, statuses in (("", (400,)), ("[]", (400, 422)), ("{", (400,)), ('{"name":"a.example","name":"b.example"}', (400,)), ('{"name":1}', (422,)), ('{"nom":"a.example"}', (422,)), ("{}", (422,)),
                           ('{"name":"a b"}', (422,)), ("[" * 100000, (400,)), ('{"a":' * 100000, (400,)), ("[" * 100000 + "]" * 100000, (400,)), ('{"name":"\\ud800"}', (400,)), ('{"name":"\\udc00\\ud800"}', (400,)),
                           ('{"name":1e999}', (400,)), ('{"name":-1e999}', (400,)), ('{"name":"a\\u0000b"}', (400, 422)), (b'{"name":"\xff\xfe"}', (400,)), ('{"name":' + "9" * 100000 + "}", (400,))):
        response, said = ask(Admin(), "POST", "/api/v1/domains", body, {"Content-Type": "application/json"})
        problem = json.loads(said)
        assert response.status in statuses, f"{body[:60]}: {response.status} {said}"
        assert problem["status"] == response.status and problem["code"], said
    response, _ = ask(Admin(), "POST", "/api/v1/domains", '{"name":"a.example"}', {"Content-Type": "text/plain"})
    assert response.status == 415
    response, _ = ask(Admin(), "POST", "/api/v1/domains", b"\x1f\x8b", {"Content-Type": "application/json", "Content-Encoding": "gzip"})
    assert response.status == 415
    fine()


# ---- names ----

def test_only_our_names_are_answered():
    for host, status in ((HOST, 200), (HOST.upper() + ".", 200), (f"{HOST}:8443", 200), ("127.0.0.1", 200), ("localhost", 200), ("autoconfig.example.org", 200), ("192.0.2.1", 200), ("[::1]", 200),
                         ("evil.test", 421), ("127.0.0.1.evil.test", 421), ("example.org", 421), ("mail.example.org.evil.test", 421), ("", 421), ("a b", 421),
                         ("mail.example.org:0", 421), ("mail.example.org:99999", 421), ("mail.example.org/x", 421), ("x@mail.example.org", 421), ("\xe4.example.org", 421)):
        for path in ("/healthz", "/", "/api/v1/users", "/nowhere"):
            said = say(b"GET " + path.encode() + b" HTTP/1.1\r\nHost: " + host.encode("latin-1") + b"\r\nConnection: close\r\n\r\n")
            if status == 421:
                assert status_of(said) == 421 and b'"code":"misdirected"' in said.replace(b'": "', b'":"'), (host, path, said[:200])
            else:
                assert status_of(said) == {"/healthz": 200, "/": 200, "/api/v1/users": 401, "/nowhere": 404}[path], (host, path, said[:200])
    fine()


def test_a_name_is_asked_for_with_every_request():
    """DNS rebinding on a kept connection: the second request names another host."""
    said = say(SMUGGLED + b"GET /api/v1/users HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n")
    assert said.count(b"HTTP/1.1 200") == 1 and said.count(b"HTTP/1.1 421") == 1, said


def test_a_page_of_another_site_changes_nothing():
    cookie, csrf = log_in()
    ours = f"https://127.0.0.1:{daemon().port['https']}"
    body = json.dumps({"name": "csrf.example"})
    good = {"Cookie": cookie, "X-CSRF-Token": csrf, "Content-Type": "application/json"}

    def create(**fields):
        headers = dict(good, **{name.replace("_", "-"): value for name, value in fields.items()})
        return ask(secure(), "POST", "/api/v1/domains", body, {name: value for name, value in headers.items() if value})

    for fields in ({"X_CSRF_Token": ""}, {"X_CSRF_Token": csrf[:-1] + ("a" if csrf[-1] != "a" else "b")}, {"Origin": "https://evil.test"}, {"Origin": "null"}, {"Origin": ours + "0"},
                   {"Origin": ours.replace("https", "http")}, {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"}, {"Origin": ours, "Sec_Fetch_Site": "cross-site"},
                   {"Origin": "https://evil.test", "Sec_Fetch_Site": "same-origin"}):
        response, said = create(**fields)
        assert response.status == 403, (fields, response.status, said)
    for fields in ({"Cookie": f"{cookie}; {cookie}"}, {"Cookie": cookie.lower()}, {"Cookie": cookie[:-2]}, {"Cookie": ""}):
        response, said = create(**fields)
        assert response.status == 401, (fields, response.status, said)
    assert ask(secure(), "GET", "/api/v1/domains/csrf.example", headers={"Cookie": cookie})[0].status == 404
    response, said = create(Origin=ours, Sec_Fetch_Site="same-origin")
    assert response.status == 201, said


# ---- TLS ----

def test_plain_http_on_the_tls_port_is_told_so():
    for first in (b"GET / HTTP/1.1\r\nHost: mail.example.org\r\n\r\n", b"\n", b"EHLO x\r\n", b"\x80\x2e\x01\x00\x02", b"\x00" * 5):
        with socket.create_connection(("127.0.0.1", daemon().port["https"]), timeout=SECONDS) as s:
            s.sendall(first)
            said = hear(s)
        assert status_of(said) == 400 and b"not_tls" in said, (first, said[:200])
    fine()


def test_broken_tls_is_closed():
    record = b"\x16\x03\x01"
    for data in (record + b"\x00\x00", record + b"\xff\xff" + b"a" * 100, record + b"\x00\x04abcd", b"\x16\x03\x01\x00\x00" * 100, b"\x16" * 200):
        with socket.create_connection(("127.0.0.1", daemon().port["https"]), timeout=SECONDS) as s:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            assert b"HTTP/1.1 200" not in hear(s)
    name = b"a" * 250
    hello = b"\x01\x00\xff\xff" + b"\x03\x03" + b"r" * 32 + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00" + struct.pack(">HHHHBH", 65000, 0, 64000, 63998, 0, 63995) + name * 255
    with socket.create_connection(("127.0.0.1", daemon().port["https"]), timeout=SECONDS) as s:  # a server name of 64 KiB, over several records
        try:
            for at in range(0, len(hello), 16000):
                part = hello[at:at + 16000]
                s.sendall(record + struct.pack(">H", len(part)) + part)
        except (BrokenPipeError, ConnectionResetError):
            pass
        s.shutdown(socket.SHUT_WR)
        assert b"HTTP/1.1" not in hear(s)
    fine()


def test_tls_that_ends_without_a_word_is_no_harm():
    for _ in range(20):
        s = connect()
        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: mail.example.org\r\n")
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    fine()


# ---- many, slow ----

def test_pipelined_requests_are_answered_in_order():
    got = say(b"GET /healthz HTTP/1.1\r\nHost: mail.example.org\r\n\r\nGET /api/v1/status HTTP/1.1\r\nHost: mail.example.org\r\n\r\n"
              b"POST /nowhere HTTP/1.1\r\nHost: mail.example.org\r\nContent-Length: 0\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: mail.example.org\r\nConnection: close\r\n\r\n" + SMUGGLED)
    statuses = [int(part[:3]) for part in got.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [200, 401, 404, 404], got


def test_a_slow_body_is_cut_off_with_a_word():
    s = connect("http")
    began = time.monotonic()
    s.sendall(b"POST /x HTTP/1.1\r\nHost: mail.example.org\r\nContent-Length: 100\r\n\r\na")
    said = hear(s)  # plain http answers at once, and does not wait for the body
    assert status_of(said) == 308 and time.monotonic() - began < 10 * SLOW, said[:100]
    s.close()


def test_slow_heads_hold_nobody_up_and_are_cut_off():
    """Slowloris: a byte now and then; each connection ends at the deadline of the head, whatever comes."""
    port = daemon().port["http"]
    slow = [socket.create_connection(("127.0.0.1", port), timeout=SECONDS) for _ in range(300)]
    began = time.monotonic()
    for s in slow:
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nA: ")
    fine()
    one = slow[0]
    one.settimeout(0.5)
    said = b""
    while not said:
        try:
            one.sendall(b"b")
            said = one.recv(4096)
        except TimeoutError:
            assert time.monotonic() - began < 40 * SLOW, "the connection is still open"
    seconds = time.monotonic() - began
    assert 10 < seconds < 40 * SLOW, seconds
    assert status_of(said) == 408, said
    for s in slow[1:]:
        s.settimeout(20 * SLOW)
        assert status_of(hear(s)) == 408
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


harness.run(globals())
