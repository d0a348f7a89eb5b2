"""Servers that wish us ill, or were written so: whatever one says, mail is sent once or put off, the daemon goes on, and others get theirs.

The relay host is a server whose session is a function of the test: relay hosts may be on loopback.
"""
import contextlib
import email
import email.policy
import os
import smtplib
import socket
import ssl
import subprocess
import tempfile
import threading
import time

import harness
from harness import PASSWORD, SLOW, Instance, free_port, no_verify, tool, wait_until
from smtp_sink import Sink

world = {}


class Hostile:
    """A server on loopback. play(peer) is run for each connection; what it raises when the peer goes is nothing."""

    def __init__(self, play):
        self.play, self.connections = play, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection, contextlib.suppress(OSError, EOFError, ssl.SSLError):
            self.play(Peer(connection))

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Peer:
    def __init__(self, connection):
        self.socket = connection
        self.socket.settimeout(30 * SLOW)
        self.file = connection.makefile("rb")

    def say(self, text):
        self.socket.sendall(text if isinstance(text, bytes) else text.encode())

    def hear(self, prefix=""):
        line = self.file.readline()
        if not line:
            raise EOFError
        line = line.decode("utf-8", "replace").rstrip("\r\n")
        assert line.startswith(prefix), (prefix, line)
        return line

    def greet(self, *offers):
        self.say("220 hostile\r\n")
        self.hear("EHLO")
        self.say("".join(f"250-{text}\r\n" for text in ("hostile", *offers)) + "250 HELP\r\n")

    def transaction(self):
        """MAIL and RCPT, one by one."""
        self.hear("MAIL")
        self.say("250 ok\r\n")
        self.hear("RCPT")
        self.say("250 ok\r\n")

    def data(self):
        content = b""
        while (line := self.file.readline()) != b".\r\n":
            if not line:
                raise EOFError
            content += line
        return content

    def wait_for_the_end(self):
        while self.file.read(65536):
            pass


def daemon():
    if "daemon" not in world:
        p = Instance(users=["alice"], conf="resolver = 127.0.0.1@9")
        world["daemon"] = p
        world["good"] = Sink("127.0.0.1", free_port())
        relay_to("good.example", world["good"].listener.getsockname()[1])
    return world["daemon"]


def relay_to(domain, port, tls="none"):
    world["daemon"].cli("relay", "set", "--domain", domain, "--host", "127.0.0.1", "--port", str(port), "--tls", tls)


def submit(content, recipients, options=()):
    p = daemon()
    with smtplib.SMTP_SSL("127.0.0.1", p.port["submissions"], local_hostname="laptop.example", timeout=30 * SLOW, context=no_verify()) as s:
        s.login("alice@example.org", PASSWORD)
        s.sendmail("alice@example.org", recipients, content, mail_options=list(options))


def message(subject):
    return f"From: alice@example.org\r\nSubject: {subject}\r\n\r\nhello\r\n".encode()


def outcome(address):
    """(what became of the recipient, "status reply"), the newest; None: nothing yet."""
    with open(daemon().log_path, errors="replace") as f:
        for line in reversed(f.readlines()):
            if f"to={address} " in line or f'to="{address}" ' in line:
                words = line.split(" ")
                return words[3], line[line.index(" status="):].strip()
    return None


def attempt(name, play, tls="none", content=None):
    """One message to a server that plays so: what became of it, and in whose words."""
    with Hostile(play) as server:
        daemon()
        relay_to(f"{name}.example", server.port, tls)
        submit(content or message(name), [f"x@{name}.example"])
        return wait_until(lambda: outcome(f"x@{name}.example"), 20, f"{name} was tried")


def assert_put_off(name, play, status, tls="none"):
    what, words = attempt(name, play, tls)
    assert (what, f"status={status} " in words) == ("deferred", True), (what, words)


# ---- one at a time ----

def test_closing_at_each_step_puts_the_mail_off():
    for step in range(7):
        def play(peer):
            if step == 0:
                return
            peer.say("220 hostile\r\n")
            for at, answer in enumerate(("250 hostile", "250 ok", "250 ok", "354 go"), 1):
                peer.hear()
                if at == step:
                    return
                peer.say(answer + "\r\n")
            if step == 5:
                peer.file.readline()
                return
            peer.data()
        assert_put_off(f"close{step}", play, "4.4.2")


def test_100000_lines_of_greeting_are_not_read():
    assert_put_off("banner", lambda peer: [peer.say("220-more\r\n" * 1000) for _ in range(100)], "4.5.0")


def test_100000_lines_of_an_answer_are_not_read():
    def play(peer):
        peer.say("220 hostile\r\n")
        peer.hear("EHLO")
        for _ in range(100):
            peer.say("250-X-EXTENSION\r\n" * 1000)
        peer.wait_for_the_end()
    assert_put_off("lines", play, "4.5.0")


def test_a_line_without_end_is_not_read():
    def play(peer):
        peer.say("220 " + "x" * 1000000)
        peer.wait_for_the_end()
    assert_put_off("longline", play, "4.5.0")


def test_what_is_no_smtp_puts_the_mail_off():
    assert_put_off("http", lambda peer: (peer.say("HTTP/1.1 400 Bad Request\r\n\r\n"), peer.wait_for_the_end()), "4.5.0")
    assert_put_off("binary", lambda peer: (peer.say(bytes(range(256)) * 64), peer.wait_for_the_end()), "4.5.0")


def test_words_that_are_no_ascii_are_made_so():
    def play(peer):
        peer.greet()
        peer.hear("MAIL")
        peer.say(b"550 5.1.8 caf\xc3\xa9 \x1b[31m\x07 \xff\r\n")
        peer.wait_for_the_end()
    what, words = attempt("words", play)
    assert what == "failed" and "550 5.1.8 caf?? ?[31m? ?" in words, (what, words)


def test_plain_text_behind_starttls_is_refused_and_counted():
    before = counter("relay_injected")

    def play(peer):
        peer.greet("STARTTLS")
        peer.hear("STARTTLS")
        peer.say("220 go\r\n250-hostile\r\n250 AUTH PLAIN\r\n")
        peer.wait_for_the_end()
    assert_put_off("injected", play, "4.7.0", tls="opportunistic")
    assert counter("relay_injected") == before + 1


def counter(name):
    return daemon().cli("status", "-o", "json")["counters"][name]


def certificate():
    if "context" not in world:
        folder = tempfile.mkdtemp(prefix="postroom-test-")
        subprocess.run([tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3", "-subj", "/CN=hostile", "-keyout", f"{folder}/key", "-out", f"{folder}/chain"],
                       check=True, capture_output=True)
        world["context"] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        world["context"].load_cert_chain(f"{folder}/chain", f"{folder}/key")
        for name in ("key", "chain"):
            os.unlink(f"{folder}/{name}")
        os.rmdir(folder)
    return world["context"]


def test_what_was_offered_before_tls_is_forgotten():
    heard = []

    def play(peer):
        peer.greet("STARTTLS", "PIPELINING", "SIZE 10", "CHUNKING", "DSN", "8BITMIME")
        peer.hear("STARTTLS")
        peer.say("220 go\r\n")
        peer = Peer(certificate().wrap_socket(peer.socket, server_side=True))
        peer.hear("EHLO")
        peer.say("250 hostile\r\n")
        heard.append(peer.hear("MAIL"))
        peer.say("250 ok\r\n")
        heard.append(peer.hear("RCPT"))
        peer.say("250 ok\r\n")
        heard.append(peer.hear("DATA"))
        peer.say("354 go\r\n")
        heard.append(peer.data())
        peer.say("250 kept\r\n")
    what, words = attempt("forgotten", play, tls="opportunistic")
    assert what == "relayed", (what, words)
    assert heard[:2] == ["MAIL FROM:<alice@example.org>", "RCPT TO:<x@forgotten.example>"], heard


# ---- answers that lie ----

def test_nobody_gets_the_message_of_refused_recipients():
    said = []

    def play(peer):
        peer.greet("PIPELINING")
        peer.hear("MAIL")
        peer.hear("RCPT")
        peer.hear("DATA")
        peer.say("250 ok\r\n550 5.1.1 no\r\n354 go on all the same\r\n")
        said.append(peer.data())
        peer.say("250 kept\r\n")
        peer.wait_for_the_end()
    what, words = attempt("nobody", play)
    assert what == "failed" and "status=5.1.1 " in words, (what, words)
    assert said == [b""], said


def test_an_answer_to_what_was_not_yet_said_is_no_acceptance():
    def play(peer):
        peer.greet()
        peer.transaction()
        peer.hear("DATA")
        peer.say("354 go\r\n250 kept\r\n")
        peer.wait_for_the_end()
    assert_put_off("early", play, "4.5.0")


def test_extra_answers_end_the_dialogue():
    def play(peer):
        peer.greet()
        peer.hear("MAIL")
        peer.say("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 kept\r\n")
        peer.wait_for_the_end()
    assert_put_off("extra", play, "4.5.0")


def test_bogus_answers_to_chunks_lose_nothing():
    for number, answer in enumerate(("354 go\r\n", "999 what\r\n", "", "250-\r\n")):
        def play(peer):
            peer.greet("CHUNKING")
            peer.transaction()
            size = int(peer.hear("BDAT").split(" ")[1])
            peer.file.read(size)
            peer.say(answer)
        what, words = attempt(f"chunk{number}", play)
        assert what == "deferred", (answer, what, words)


def test_chunks_that_are_no_command_become_data():
    got = []

    def play(peer):
        peer.greet("CHUNKING")
        peer.transaction()
        line = peer.hear()
        if line.startswith("BDAT"):
            peer.file.read(int(line.split(" ")[1]))
            peer.say("502 5.5.1 what\r\n")
            return
        peer.say("354 go\r\n")
        got.append(peer.data())
        peer.say("250 kept\r\n")
        peer.wait_for_the_end()
    what, words = attempt("unchunked", play)
    assert what == "relayed" and len(got) == 1, (what, words, len(got))


def test_a_message_that_was_taken_is_sent_once_whatever_follows():
    taken = []

    def play(peer):
        peer.greet()
        peer.transaction()
        peer.hear("DATA")
        peer.say("354 go\r\n")
        taken.append(peer.data())
        peer.say("250 kept\r\n421 and now go away\r\n554 no\r\n")
        peer.wait_for_the_end()
    what, words = attempt("once", play)
    assert what == "relayed" and len(taken) == 1, (what, words, len(taken))
    submit(message("again"), ["x@once.example"])


# ---- while others wait ----

def test_slow_servers_do_not_keep_others_waiting():
    stop = threading.Event()

    def drip(peer):
        while not stop.is_set():
            peer.say("2")
            stop.wait(1)
    with Hostile(drip) as server:
        daemon()
        for number in range(8):
            relay_to(f"slow{number}.example", server.port)
            submit(message(f"slow {number}"), [f"x@slow{number}.example"])
        wait_until(lambda: server.connections >= 2, 20, "slow servers are spoken with")
        begun = time.monotonic()
        submit(message("quick"), ["x@good.example"])
        wait_until(lambda: any(b"Subject: quick" in m.content for m in world["good"].messages), 10, "the good server has its message")
        assert time.monotonic() - begun < 5 * SLOW
        stop.set()


# ---- conversion: what a server without 8BITMIME gets decodes to what was sent ----

def parts(content):
    parsed = email.message_from_bytes(content, policy=email.policy.compat32)
    return [(p.get_content_type(), p.get_content_charset(), p.get_payload(decode=True)) for p in parsed.walk() if not p.is_multipart()]


def test_converted_messages_decode_to_what_was_sent():
    sent = [
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + "Gr\u00fc\u00dfe, = and trailing \t \r\n.\r\n..\r\n--x\r\nFrom here\r\n".encode(),
        b"Content-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + ("\u041f\u0440\u0438\u0432\u0435\u0442 " * 40 + "\r\n").encode("koi8-r") * 50,
        b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + bytes(b for b in range(256) if b not in (0, 10, 13)) * 3 + b"\r\n",
        b"Content-Type: multipart/mixed; boundary=\"a b\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\npreamble\r\n--a b\r\nContent-Type: multipart/alternative; boundary=i\r\n\r\n"
        b"--i\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\none \xc3\xa4\r\n--i\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n<p>\xc3\xa4 " + b"long " * 150 + b"\r\n--i--\r\n"
        b"--a b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: inner\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nin \xc3\xbc\r\n"
        b"--a b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--a b--\r\n",
    ]
    daemon()
    old = Sink("127.0.0.1", free_port(), offers=("PIPELINING", "SIZE 52428800"))
    relay_to("old.example", old.listener.getsockname()[1])
    for number, body in enumerate(sent):
        content = f"From: alice@example.org\r\nSubject: convert {number}\r\nMIME-Version: 1.0\r\n".encode() + body
        submit(content, ["x@old.example"], ["BODY=8BITMIME"])
        wait_until(lambda: len(old.messages) > number, 10, f"message {number}")
        got = old.messages[number]
        assert all(b < 128 for b in got.content) and b"\r" not in got.content.replace(b"\r\n", b"") and max(map(len, got.content.split(b"\r\n"))) <= 998, got.content
        assert "BODY" not in got.options, got.options
        assert parts(got.content) == parts(content), (parts(got.content), parts(content))
    old.close()


def test_binary_is_encoded_for_who_takes_none():
    old = Sink("127.0.0.1", free_port(), offers=("PIPELINING", "8BITMIME"))
    relay_to("text.example", old.listener.getsockname()[1])
    data = bytes(range(256)) * 40 + b"\r\n.\r\n\n.\n\r.\r" + b"x" * 5000
    content = (b"From: alice@example.org\r\nSubject: binary\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: binary\r\n\r\n"
               b"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nsome text \xc3\xa4\r\n"
               b"--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n" + data + b"\r\n--b--\r\n")
    with smtplib.SMTP_SSL("127.0.0.1", daemon().port["submissions"], local_hostname="laptop.example", timeout=30 * SLOW, context=no_verify()) as s:
        s.login("alice@example.org", PASSWORD)
        assert s.docmd("MAIL FROM:<alice@example.org> BODY=BINARYMIME")[0] == 250
        assert s.docmd("RCPT TO:<x@text.example>")[0] == 250
        s.send(b"BDAT %d LAST\r\n" % len(content) + content)
        assert s.getreply()[0] == 250
    wait_until(lambda: old.messages, 10, "it arrives")
    got = old.messages[0].content
    assert b"\r" not in got.replace(b"\r\n", b"") and b"\n" not in got.replace(b"\r\n", b"") and b"\0" not in got
    assert [p[2] for p in parts(got)] == [b"some text \xc3\xa4", data]
    old.close()


def test_the_daemon_is_well_afterwards():
    submit(message("afterwards"), ["x@good.example"])
    wait_until(lambda: any(b"Subject: afterwards" in m.content for m in world["good"].messages), 10, "mail goes on")
    begun = time.monotonic()
    daemon().stop()
    assert time.monotonic() - begun < 10 * SLOW


harness.run(globals())
