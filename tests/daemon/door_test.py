"""Who stands at the door: proxies that speak for others, strangers who do not wait, a disk that is nearly full, and what one account may send.

127.0.0.2 is the proxy: its connections begin with a PROXY header, and may be anybody's. 127.0.0.1 is a plain client.
"""
import base64
import contextlib
import http.client
import json
import os
import socket
import struct
import time

import harness
from admin import ask
from harness import PASSWORD, Raw, SLOW, no_verify, shared, wait_until

PROXY = "127.0.0.2"
STRANGER = "203.0.113.7"
NEIGHBOUR = "198.51.100.7"


def daemon():
    return shared(users=["alice", "bob", "carol"], conf=f"resolver = 127.0.0.1@9\nproxy_from = {PROXY}\ntrusted_network = 198.51.100.0/24", trusted=False,
                  services=harness.MAIL_SERVICES + ("lmtp", "https"))


def line(client=STRANGER, port=40000):
    six = ":" in client
    return f"PROXY TCP{6 if six else 4} {client} {'2001:db8::19' if six else '192.0.2.25'} {port} 25\r\n".encode()


def binary(client=STRANGER):
    return b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c" + socket.inet_aton(client) + socket.inet_aton("192.0.2.25") + struct.pack("!HH", 40000, 25)


class Proxied(Raw):
    """A connection of the proxy, with what it says first."""

    def __init__(self, header, service="mx", tls=False):
        self.socket = socket.create_connection(("127.0.0.1", daemon().port[service]), timeout=30 * SLOW, source_address=(PROXY, 0))
        self.pending = b""
        self.send(header)
        if tls:
            self.start_tls()


def greeted(header, service="mx", tls=False, hello="EHLO client.example.net"):
    c = Proxied(header, service, tls)
    assert c.reply().startswith("220 ")
    assert c.ask(hello + "\r\n").startswith("250 ")
    return c


def plain(user="bob"):
    return base64.b64encode(f"\0{user}@example.org\0{PASSWORD}".encode()).decode()


def logged_in(user="bob", client=STRANGER):
    c = greeted(line(client), "submissions", tls=True)
    got = c.ask(f"AUTH PLAIN {plain(user)}\r\n")
    assert got.startswith("235 "), got
    return c


def marked(text, user="bob"):
    return sum(text.encode() in m for m in daemon().bodies(user))


def deliver(c, mark, to="bob@example.org"):
    assert c.ask("MAIL FROM:<me@example.net>\r\n").startswith("250")
    assert c.ask(f"RCPT TO:<{to}>\r\n").startswith("250")
    assert c.ask("DATA\r\n").startswith("354")
    return c.ask(f"Subject: {mark}\r\n\r\nx\r\n.\r\n")


def log():
    with open(daemon().log_path, errors="replace") as f:
        return f.read()


def js(*words):
    return daemon().cli(*words, "-o", "json")


@contextlib.contextmanager
def setting(name, value):
    daemon().cli("setting", "set", name, str(value))
    try:
        yield
    finally:
        daemon().cli("setting", "reset", name)


# ---- proxies ----

def test_the_client_behind_a_proxy_is_who_stands_in_received_and_in_logs():
    for n, (header, shown) in enumerate(((line(), "[203.0.113.7]"), (binary(), "[203.0.113.7]"), (line("2001:db8::7"), "[IPv6:2001:db8::7]"))):
        with greeted(header) as c:
            assert deliver(c, f"proxied-{n}").startswith("250 2.0.0")
        wait_until(lambda: marked(f"proxied-{n}") == 1)
        kept = [m for m in daemon().bodies() if b"proxied-%d" % n in m][0]
        assert f"from client.example.net ({shown})".encode() in kept, kept
    assert "peer=203.0.113.7" in log()


def test_a_proxy_that_sends_no_header_is_closed_and_nobody_else_is_believed():
    for beginning in (b"EHLO client.example.net\r\n", b"PROXY TCP4 203.0.113.7\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200)):
        for service in ("mx", "submissions", "lmtp"):
            with Proxied(beginning, service) as c:
                with contextlib.suppress(OSError):
                    assert c.line() is None, f"{service}: {beginning}"
    with Raw(daemon().port["mx"]) as c:
        c.send(line(NEIGHBOUR))
        assert c.reply().startswith("220 ")
        assert c.reply().startswith("500 "), "only a command nobody knows"


def test_a_silent_proxy_is_closed_in_time():
    began = time.monotonic()
    with Proxied(b"PROXY TCP4 203") as c:
        assert c.line() is None
    assert 4 < time.monotonic() - began < 10 * SLOW


def test_logins_through_a_proxy_are_throttled_by_the_client():
    with greeted(line("203.0.113.66"), "submissions", tls=True) as c:
        for _ in range(2):
            assert c.ask("AUTH PLAIN " + base64.b64encode(b"\0bob@example.org\0wrong").decode() + "\r\n").startswith("535")
    with logged_in():
        pass
    assert "peer=203.0.113.66" in log()


def test_commands_injected_before_starttls_through_a_proxy_are_dropped():
    with greeted(line(), "submission") as c:
        c.send("STARTTLS\r\nAUTH PLAIN " + plain() + "\r\n")
        assert c.reply().startswith("220 ")
        c.start_tls()
        assert c.ask("EHLO client.example.net\r\n").startswith("250 ")
        assert c.ask("MAIL FROM:<bob@example.org>\r\n").startswith("530"), "the password in the clear was not heard"


def test_lmtp_is_for_neighbours_only():
    with Proxied(line(NEIGHBOUR), "lmtp") as c:
        assert c.reply().startswith("220 ")
        assert c.ask("LHLO front.example.net\r\n").startswith("250 ")
        assert c.ask("MAIL FROM:<me@example.net>\r\n").startswith("250")
        assert c.ask("RCPT TO:<bob@example.org>\r\n").startswith("250")
        assert c.ask("RCPT TO:<carol@example.org>\r\n").startswith("250")
        assert c.ask("RCPT TO:<nobody@example.org>\r\n").startswith("550 5.1.1")
        assert c.ask("RCPT TO:<x@example.net>\r\n").startswith("550 5.7.1")
        assert c.ask("DATA\r\n").startswith("354")
        c.send("Subject: by-lmtp\r\n\r\nx\r\n.\r\n")
        assert c.reply().startswith("250 ") and c.reply().startswith("250 "), "one answer a recipient"
    wait_until(lambda: marked("by-lmtp") == 1 and marked("by-lmtp", "carol") == 1)
    with Proxied(line(), "lmtp") as c:
        got = c.reply()
        assert got.startswith("554 5.7.1") and c.line() is None, got


# ---- early talkers and harvests ----

def test_who_speaks_before_the_greeting_is_told_so_and_who_waited_is_known():
    with Proxied(line("203.0.113.100") + b"EHLO spam.example\r\n") as c:
        got = c.reply()
        assert got.startswith("554 5.5.1") and c.line() is None, got
    began = time.monotonic()
    with greeted(line("203.0.113.101")):
        assert 0.9 < time.monotonic() - began < 10 * SLOW, "a second, whole ones rounded up"
    with Proxied(line("203.0.113.101") + b"EHLO client.example.net\r\n") as c:
        assert c.reply().startswith("220 ") and c.reply().startswith("250 "), "it has waited today"
    for header in (line(NEIGHBOUR), b"PROXY UNKNOWN\r\n"):
        with Proxied(header + b"EHLO client.example.net\r\n") as c:
            assert c.reply().startswith("220 ") and c.reply().startswith("250 ")


def test_guessing_names_becomes_slower_for_strangers():
    def guess(c, count):
        began = time.monotonic()
        assert c.ask("MAIL FROM:<me@example.net>\r\n").startswith("250")
        for i in range(count):
            assert c.ask(f"RCPT TO:<guess{i}@example.org>\r\n").startswith("550 5.1.1")
        return time.monotonic() - began

    with greeted(line("203.0.113.120")) as c:
        assert guess(c, 3) < 1 * SLOW
    with greeted(line("203.0.113.120")) as c:
        assert guess(c, 2) > 1, "another session of the same address pays for the first"
    with greeted(line(NEIGHBOUR)) as c:
        assert guess(c, 8) < 1 * SLOW


# ---- the disk ----

def mail_is(beginning):
    """What MAIL is answered; the room on the disk is looked at once a second."""
    with greeted(line(NEIGHBOUR)) as c:
        return c.ask("MAIL FROM:<me@example.net>\r\n").startswith(beginning)


def test_a_disk_below_its_reserve_puts_mail_off_and_nothing_else():
    with greeted(line(NEIGHBOUR)) as c:
        assert deliver(c, "before-the-disk-fills").startswith("250 2.0.0")
    wait_until(lambda: daemon().count("bob") > 0, 10, "a message to delete later")
    space = os.statvfs(daemon().dir)
    with setting("disk_reserve", min(space.f_bavail * space.f_frsize + (1 << 30), 1 << 40)):
        wait_until(lambda: mail_is("452 4.3.1"), 10, "mail is put off")
        with greeted(line(NEIGHBOUR)) as c:
            got = c.ask("MAIL FROM:<me@example.net>\r\n")
            assert got.startswith("452 4.3.1"), got
            assert c.ask("NOOP\r\n").startswith("250")
        with logged_in() as c:
            assert c.ask("MAIL FROM:<bob@example.org>\r\n").startswith("452 4.3.1")
        client = daemon().imap("bob")
        client.select("INBOX")
        kind, _ = client.store("1", "+FLAGS", "\\Deleted")
        assert kind == "OK" and client.expunge()[0] == "OK", "reading and deleting go on"
        client.logout()
        assert js("status")["version"], "the API too"
        put_off = ask(daemon(), "POST", "/api/v1/messages", {"from": "bob@example.org", "to": ["carol@example.org"], "subject": "x", "text": "x"}, expect=503)
        assert put_off.json["code"] == "temporary" and int(put_off.headers["Retry-After"]) > 0, "but for mail"
    wait_until(lambda: mail_is("250"), 10, "mail is taken again")
    with greeted(line(NEIGHBOUR)) as c:
        assert deliver(c, "room-again").startswith("250 2.0.0")


# ---- what an account may send ----

def send_to(c, names, user="bob"):
    """The answers to RCPT and to the message."""
    got = c.ask(f"MAIL FROM:<{user}@example.org>\r\n")
    if not got.startswith("250"):
        return [got]
    c.send("".join(f"RCPT TO:<{n}@other.example>\r\n" for n in names))
    got = [c.reply() for _ in names]
    if any(line.startswith("250") for line in got):
        assert c.ask("DATA\r\n").startswith("354")
        got.append(c.ask(f"From: {user}@example.org\r\nSubject: out\r\n\r\nx\r\n.\r\n"))
    else:
        c.ask("RSET\r\n")
    return got


def senders():
    return {s["user"]: s for s in js("sender", "ls")["data"]}


def test_limits_of_an_hour_hold_for_strangers_and_not_for_neighbours():
    with setting("sending_per_hour", 10):
        with logged_in("carol") as c:
            assert all(r.startswith("250") for r in send_to(c, [f"a{i}" for i in range(8)], "carol"))
            got = send_to(c, ["b1", "b2", "b3"], "carol")
            assert [r[:3] for r in got] == ["250", "250", "450", "250"] and "4.7.28" in got[2], got
            got = send_to(c, ["c1"], "carol")
            assert got[0].startswith("450 4.7.28"), got
        with logged_in("carol", NEIGHBOUR) as c:
            assert all(r.startswith("250") for r in send_to(c, [f"d{i}" for i in range(20)], "carol"))


def post(token, *to):
    """A message over the API, from a stranger's address: status and code."""
    connection = http.client.HTTPSConnection("127.0.0.1", daemon().port["https"], context=no_verify(), timeout=30 * SLOW, source_address=(PROXY, 0))
    try:
        connection.request("POST", "/api/v1/messages", json.dumps({"from": "alice@example.org", "to": list(to), "subject": "api", "text": "x"}),
                           {"Authorization": f"Bearer {token}", "Host": "mail.example.org", "Content-Type": "application/json", "X-Forwarded-For": STRANGER})
        answer = connection.getresponse()
        body = json.loads(answer.read())
        assert answer.status != 429 or int(answer.headers["Retry-After"]) > 0
        return answer.status, body.get("code")
    finally:
        connection.close()


def test_messages_over_the_api_and_to_oneself_who_forwards_count_as_well():
    token = ask(daemon(), "POST", "/api/v1/tokens", {"user": "alice@example.org", "label": "mail", "scopes": ["messages:send"]}, expect=201).json["token"]
    with setting("sending_per_hour", 4):
        assert post(token, "e1@other.example", "e2@other.example") == (202, None)
        assert post(token, "e3@other.example", "e4@other.example", "e5@other.example") == (429, "sending_limit")
        daemon().cli("user", "forward", "alice@example.org", "f1@other.example", "f2@other.example", "f3@other.example")
        try:
            assert post(token, "alice@example.org") == (429, "sending_limit"), "known only at the commit"
            with logged_in("alice") as c:
                assert c.ask("MAIL FROM:<alice@example.org>\r\n").startswith("250")
                assert c.ask("RCPT TO:<alice@example.org>\r\n").startswith("250")
                assert c.ask("DATA\r\n").startswith("354")
                assert c.ask("From: alice@example.org\r\n\r\nx\r\n.\r\n").startswith("450 4.7.28")
        finally:
            ask(daemon(), "PATCH", "/api/v1/users/alice@example.org", {"forwards": []}, expect=200)
        assert post(token, "alice@example.org") == (202, None)
    assert senders()["alice@example.org"]["hour"] == 2


def test_people_one_has_written_to_are_not_new():
    with setting("sending_new_per_day", 14):
        with logged_in("carol") as c:
            got = send_to(c, ["n1", "n2", "n3", "n4"], "carol")
            assert [r[:3] for r in got] == ["250"] * 4 + ["250"], got
            got = send_to(c, ["n5", "a1", "b1"], "carol")
            assert [r[:3] for r in got] == ["450", "250", "250", "250"], got


def test_a_stolen_account_is_stopped_held_and_released():
    p = daemon()
    with logged_in() as c:
        for n in range(6):
            got = send_to(c, [f"victim{n}-{i}" for i in range(100)])
            assert all(r.startswith("250") for r in got), [r for r in got if not r.startswith("250")][:3]
        wait_until(lambda: "sending_stopped" in log(), 10, "the breaker trips")
        got = send_to(c, ["one-more"])
        assert got[0].startswith("450 4.7.1"), got
    with logged_in() as c:
        assert send_to(c, ["one-more"])[0].startswith("450 4.7.1")
    assert p.count("bob") >= 0, "IMAP stays"
    with greeted(line(NEIGHBOUR)) as c:
        assert deliver(c, "to-the-stopped").startswith("250 2.0.0"), "and so does mail to it"
    with logged_in("carol", NEIGHBOUR) as c:
        assert send_to(c, ["friend"], "carol")[-1].startswith("250"), "nobody else is touched"
    state = senders()["bob@example.org"]
    assert state["stopped"], state
    assert "rate" in json.dumps(state), state
    p.stop()
    p.start()
    assert senders()["bob@example.org"]["stopped"], "over a restart"
    with logged_in() as c:
        assert send_to(c, ["one-more"])[0].startswith("450 4.7.1")
    p.cli("sender", "release", "bob@example.org")
    with logged_in() as c:
        assert send_to(c, ["one-more"])[0].startswith("250")
    assert not senders()["bob@example.org"]["stopped"]


def test_nothing_of_this_was_a_bug():
    assert js("status")["counters"]["bugs"] == 0


harness.run(globals())
