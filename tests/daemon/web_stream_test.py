"""Server-sent events: 500 watchers cost no thread and little memory, hear what happens, and are let go when the time has come."""
import os
import re
import socket
import time

import harness
from harness import PROMPT, SLOW, wait_until
from web_client import SECONDS, Admin, admin, ask, connect, daemon, fine, hear, log_in, secure

ALL = 500
EACH = 20


def threads():
    return len(os.listdir(f"/proc/{daemon().process.pid}/task"))


def memory_kib():
    with open(f"/proc/{daemon().process.pid}/smaps_rollup") as f:
        return int(re.search(r"Pss:\s+(\d+)", f.read()).group(1))


class Watcher:
    """One stream by the admin socket."""

    def __init__(self, path="/api/v1/events", fields=""):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(SECONDS)
        self.socket.connect(f"{daemon().dir}/run/admin.sock")
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n{fields}\r\n".encode())
        self.said = b""

    def until(self, text, seconds=10):
        self.socket.settimeout(seconds * SLOW)
        while text not in self.said:
            more = self.socket.recv(65536)
            assert more, f"ended before {text}: {self.said[-300:]}"
            self.said += more
        return self.said

    def begun(self):
        return self.until(b"retry: ")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()


def change(n):
    response, said = admin("POST", "/api/v1/domains", {"name": f"stream{n}.example"})
    assert response.status == 201, said


def test_a_watcher_hears_what_happens():
    with Watcher() as w:
        head = w.begun()
        assert head.startswith(b"HTTP/1.1 200 ") and b"Content-Type: text/event-stream" in head and b"Transfer-Encoding: chunked" in head and b"Content-Encoding" not in head
        assert b"Cache-Control: no-" in head and b"Content-Security-Policy" in head
        change("one")
        w.until(b"streamone.example")
        assert b'"type":"domain.changed"' in w.said.replace(b'": "', b'":"'), w.said[-300:]


def test_a_watcher_that_comes_back_hears_what_it_missed():
    with Watcher() as w:
        w.begun()
        change("two")
        w.until(b"streamtwo.example")
    last = re.findall(rb"id: (\d+)", w.said)[-1].decode()
    change("three")
    with Watcher(fields=f"Last-Event-ID: {last}\r\n") as w:
        w.until(b"streamthree.example")
        assert b"streamtwo.example" not in w.said


def test_one_caller_has_its_share_only():
    held = []
    try:
        for _ in range(EACH):
            w = Watcher()
            w.begun()
            held.append(w)
        with Watcher() as w:
            assert b"too_many_streams" in w.until(b"too_many_streams") and w.said.startswith(b"HTTP/1.1 429 ")
        response, _ = ask(Admin(), "GET", "/api/v1/domains")
        assert response.status == 200
    finally:
        for w in held:
            w.close()
    wait_until(lambda: begins(), 10, "places are given back as soon as the watchers have gone")


def begins():
    with Watcher() as w:
        w.until(b"\r\n\r\n")
        return w.said.startswith(b"HTTP/1.1 200 ")


def test_500_watchers_cost_no_thread():
    """25 sessions with 20 streams each, over TLS."""
    cookies = [log_in()[0] for _ in range(ALL // EACH)]
    fine()
    before_threads, before_kib = threads(), memory_kib()
    held = []
    try:
        for n in range(ALL):
            s = connect()
            s.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: mail.example.org\r\nCookie: {cookies[n // EACH]}\r\n\r\n".encode())
            held.append(s)
        for s in held:
            said = b""
            while b"retry: " not in said:
                said += s.recv(65536)
            assert said.startswith(b"HTTP/1.1 200 "), said[:300]
        assert threads() == before_threads
        with Watcher() as w:
            assert w.until(b"\r\n\r\n").startswith(b"HTTP/1.1 503 "), "501 are too many"
        change("all")
        for s in held:
            said = b""
            while b"streamall.example" not in said:
                more = s.recv(65536)
                assert more, said[-300:]
                said += more

        def each():
            return (memory_kib() - before_kib) / ALL

        # The pump's sweep takes back what rests. Sanitizers keep memory of their own.
        wait_until(lambda: harness.SANITIZED or each() < 80, 5, lambda: f"a watcher over TLS takes {each():.1f} KiB")
        print(f"# a watcher over TLS: {each():.1f} KiB")
        began = time.monotonic()
        fine()
        assert time.monotonic() - began < PROMPT
    finally:
        for s in held:
            s.close()
    wait_until(lambda: begins(), 10, "places are given back")


def test_a_watcher_that_does_not_read_is_let_go():
    """What waits for it stays below a ceiling; others hear on."""
    before = memory_kib()
    with Watcher() as slow, Watcher() as quick:
        slow.begun()
        quick.begun()
        for n in range(300):
            change(f"slow{n}")
        quick.until(b"streamslow299.example", 30)
        assert memory_kib() - before < 20000 or harness.SANITIZED


def test_the_end_of_a_session_is_the_end_of_its_streams():
    cookie, csrf = log_in()
    s = connect()
    s.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: mail.example.org\r\nCookie: {cookie}\r\n\r\n".encode())
    assert s.recv(65536).startswith(b"HTTP/1.1 200 ")
    response, said = ask(secure(), "DELETE", "/api/v1/session", headers={"Cookie": cookie, "X-CSRF-Token": csrf})
    assert response.status == 204, said
    began = time.monotonic()
    assert hear(s).endswith(b"0\r\n\r\n") and time.monotonic() - began < 25 * SLOW
    s.close()


def test_a_silent_stream_has_a_heartbeat():
    with Watcher() as w:
        w.begun()
        began = time.monotonic()
        w.until(b"\n:", 40)
        assert 10 < time.monotonic() - began < 30 * SLOW


def test_the_end_of_the_daemon_is_the_end_of_the_streams():
    with harness.Instance(users=["alice"], services=("http",)) as p:
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(SECONDS)
        s.connect(f"{p.dir}/run/admin.sock")
        s.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        said = b""
        while b"retry: " not in said:
            said += s.recv(65536)
        began = time.monotonic()
        p.stop()
        assert time.monotonic() - began < 5 * SLOW
        assert hear(s).endswith(b"0\r\n\r\n")
        s.close()


harness.run(globals())
