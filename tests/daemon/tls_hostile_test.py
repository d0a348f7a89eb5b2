"""What is odd or hostile below the protocols: TLS itself, on each port that speaks it. Whatever comes, the others are served on."""
import http.client
import os
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import time

import harness
from harness import PROMPT, SLOW, no_verify, shared, tool, wait_until
from tls_lab import Authority

PORTS = {"submissions": b"220 ", "imaps": b"* OK", "https": None}
SECONDS = 20 * SLOW


def daemon():
    return shared(users=["alice", "bob"], services=(*harness.MAIL_SERVICES, "https"))


def connect(name):
    s = socket.create_connection(("127.0.0.1", daemon().port[name]), timeout=SECONDS)
    return s


def everybody_is_served():
    for name, greeting in PORTS.items():
        with no_verify().wrap_socket(connect(name), server_hostname="mail.example.org") as s:
            if greeting:
                assert s.recv(100).startswith(greeting), name
            else:
                s.sendall(b"GET /healthz HTTP/1.1\r\nHost: mail.example.org\r\n\r\n")
                assert s.recv(100).startswith(b"HTTP/1.1 200"), name


def ends(s):
    """The other side closes; what it said till then."""
    said = b""
    try:
        while (more := s.recv(65536)):
            said += more
    except ConnectionResetError:
        pass
    return said


def record(kind, body):
    return struct.pack("!BHH", kind, 0x0301, len(body)) + body


def hello(name):
    """A ClientHello of TLS 1.2 with this server name, cut into records of 16 KiB."""
    entry = struct.pack("!BH", 0, min(len(name), 0xffff)) + name
    names = struct.pack("!H", min(len(entry), 0xffff)) + entry
    extension = struct.pack("!HH", 0, min(len(names), 0xffff)) + names
    body = b"\x03\x03" + os.urandom(32) + b"\x00" + struct.pack("!H", 2) + b"\xc0\x2b" + b"\x01\x00" + struct.pack("!H", min(len(extension), 0xffff)) + extension
    message = b"\x01" + struct.pack("!I", len(body))[1:] + body
    return b"".join(record(22, message[i:i + 16384]) for i in range(0, len(message), 16384))


def test_plain_http_on_a_tls_port_ends_that_connection_only():
    for name in PORTS:
        with connect(name) as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: mail.example.org\r\n\r\n")
            assert b"HTTP/1.1 200" not in ends(s)
    everybody_is_served()


def test_server_name_of_64_kib_is_refused():
    for name in PORTS:
        for size in (256, 16000, 65000, 65530):
            with connect(name) as s:
                try:
                    s.sendall(hello(b"a" * size))
                except (ConnectionResetError, BrokenPipeError):
                    continue
                said = ends(s)
                assert not said or said[0] in (21, 22), said[:40]
    everybody_is_served()


def test_empty_records_do_not_hold_a_connection_for_long():
    for name in PORTS:
        with connect(name) as s:
            try:
                for _ in range(2000):
                    s.sendall(record(22, b"") * 50)
            except (ConnectionResetError, BrokenPipeError):
                continue
            ends(s)
    everybody_is_served()


def test_renegotiation_is_refused():
    for name in PORTS:
        process = subprocess.Popen([tool("openssl"), "s_client", "-connect", f"127.0.0.1:{daemon().port[name]}", "-tls1_2", "-servername", "mail.example.org"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        try:
            wait_until(lambda: b"Verify return code" in process.stdout.readline(), 10, "the handshake")
            out, _ = process.communicate(b"R\n", timeout=SECONDS)
        finally:
            process.kill()
        assert b"RENEGOTIATING" in out and (b"no renegotiation" in out or b"alert" in out.lower()), out[-400:]
    everybody_is_served()


def test_expired_certificate_of_a_client_changes_nothing():
    folder = tempfile.mkdtemp(prefix="postroom-tls-")
    try:
        old = Authority(f"{folder}/ca").certificate("old.example", expired=True)
        context = no_verify()
        context.load_cert_chain(old.chain, old.key)
        for name in ("submissions", "imaps"):
            with context.wrap_socket(connect(name)) as s:
                assert s.recv(100).startswith(PORTS[name])
        client = http.client.HTTPSConnection("127.0.0.1", daemon().port["https"], context=context, timeout=SECONDS)
        client.request("GET", "/healthz")
        assert client.getresponse().status == 200
        client.close()
    finally:
        shutil.rmtree(folder)


def test_old_versions_and_null_ciphers_are_refused():
    for name in PORTS:
        for words in (["-tls1"], ["-tls1_1"], ["-tls1_2", "-cipher", "eNULL:aNULL:@SECLEVEL=0"]):
            done = subprocess.run([tool("openssl"), "s_client", "-connect", f"127.0.0.1:{daemon().port[name]}", *words], input=b"", capture_output=True, timeout=SECONDS)
            assert done.returncode != 0, (name, words, done.stdout[-300:])
    everybody_is_served()


def test_handshakes_that_crawl_do_not_keep_others_waiting():
    slow = []
    for name in PORTS:
        for _ in range(40):
            s = connect(name)
            s.sendall(hello(b"mail.example.org")[:20])
            slow.append(s)
    began = time.monotonic()
    everybody_is_served()
    assert time.monotonic() - began < PROMPT
    for s in slow:
        s.close()


harness.run(globals())
