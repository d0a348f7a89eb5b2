"""Extensions of SMTP and LMTP at the real program: what is offered is kept, what is settled holds from the next session on."""
import base64
import time

import harness
from harness import PASSWORD, Raw, shared, wait_until


def daemon():
    return shared(users=["alice", "bob", "carol"], services=(*harness.MAIL_SERVICES, "lmtp"))


def connect(service="mx", hello="EHLO"):
    client = Raw(daemon().port[service], tls=service == "submissions")
    assert client.reply().startswith("220 "), "greeting"
    assert client.ask(f"{hello} client.example.net\r\n").startswith("250 ")
    return client


def offers(service="mx", hello="EHLO"):
    with Raw(daemon().port[service], tls=service == "submissions") as c:
        c.reply()
        c.send(f"{hello} client.example.net\r\n")
        lines = [c.line()]
        while lines[-1][3] == "-":
            lines.append(c.line())
        return {line[4:].split()[0]: line[4:].split()[1:] for line in lines[1:]}


def envelope(c, *recipients, sender="<me@example.net>"):
    assert c.ask(f"MAIL FROM:{sender}\r\n").startswith("250 "), sender
    for r in recipients or ("bob@example.org",):
        reply = c.ask(f"RCPT TO:<{r}>\r\n")
        assert reply.startswith("250 "), reply


def arrived(mark, user="bob"):
    return wait_until(lambda: [m for m in daemon().bodies(user, item="BINARY.PEEK[]") if mark.encode() in m], 10, f"{mark} at {user}")


def test_each_port_offers_what_it_can():
    everywhere = {"PIPELINING", "SIZE", "8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN", "LIMITS"}
    asked_by_programs = {"FUTURERELEASE", "MT-PRIORITY", "DELIVERBY"}
    mx = offers()
    assert set(mx) == everywhere | {"STARTTLS"}, mx
    assert mx["LIMITS"] == ["RCPTMAX=1000", "MAILMAX=10000"], mx
    assert set(offers("lmtp", "LHLO")) == everywhere | {"STARTTLS"}
    assert set(offers("submission")) == everywhere | {"STARTTLS"} | asked_by_programs
    assert set(offers("submissions")) == everywhere | {"REQUIRETLS", "AUTH"} | asked_by_programs
    seconds, until = offers("submissions")["FUTURERELEASE"]
    ahead = time.mktime(time.strptime(until, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone - time.time()
    assert abs(ahead - int(seconds)) < 60, (seconds, until)


def test_binary_message_is_kept_as_it_was_sent():
    body = b"\r\r\n\n.\r\n..\r\n" + bytes(range(256)) * 5000 + b"\r"
    head = b"From: me@example.net\r\nSubject: binary-as-sent\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    whole = head + body
    with connect() as c:
        envelope(c, sender="<me@example.net> BODY=BINARYMIME")
        assert c.ask("DATA\r\n").startswith("503 5.5.1")
        for at in range(0, len(whole), 100000):
            part = whole[at:at + 100000]
            last = b" LAST" if at + 100000 >= len(whole) else b""
            assert c.ask(b"BDAT %d%s\r\n" % (len(part), last) + part).startswith("250 ")
    kept = arrived("binary-as-sent")
    assert len(kept) == 1 and kept[0].endswith(b"\r\n\r\n" + body), kept[0][-100:]


def test_binary_small_enough_for_a_row_is_kept_as_it_was_sent():
    body = b"a\rb\nc\0d"
    whole = b"Subject: binary-small\r\nContent-Transfer-Encoding: binary\r\n\r\n" + body
    with connect() as c:
        envelope(c, sender="<me@example.net> BODY=BINARYMIME")
        assert c.ask(b"BDAT %d LAST\r\n" % len(whole) + whole).startswith("250 ")
    kept = arrived("binary-small")
    assert kept[0].endswith(b"\r\n\r\n" + body), kept[0]


def test_bare_line_ends_stay_forbidden_in_every_other_message():
    whole = b"Subject: binary-without-asking\r\n\r\na\nb\r\n"
    with connect() as c:
        envelope(c)
        assert c.ask(b"BDAT %d LAST\r\n" % len(whole) + whole).startswith("550 5.6.0")
        assert c.line() is None


def test_lmtp_answers_for_each_recipient_and_delivers_to_all():
    with connect("lmtp", "LHLO") as c:
        assert c.ask("EHLO front.example\r\n").startswith("500 ")
        assert c.ask("DATA\r\n").startswith("503 ")
        envelope(c, "bob@example.org", "carol@example.org")
        assert c.ask("RCPT TO:<nobody@example.org>\r\n").startswith("550 5.1.1")
        assert c.ask("RCPT TO:<someone@example.net>\r\n").startswith("550 5.7.1")
        assert c.ask("DATA\r\n").startswith("354 ")
        c.send("Subject: over-lmtp\r\n\r\nx\r\n.\r\n")
        assert [c.reply()[:9] for _ in range(2)] == ["250 2.0.0"] * 2
        assert c.ask("NOOP\r\n").startswith("250 ")
        envelope(c, "bob@example.org", "carol@example.org", "bob+a@example.org")
        c.send("BDAT 24\r\nSubject: chunks-lmtp\r\n\r\n")
        assert c.reply().startswith("250 ")
        c.send("BDAT 3 LAST\r\ny\r\n")
        assert [c.reply()[:9] for _ in range(3)] == ["250 2.0.0"] * 3
    for user in ("bob", "carol"):
        assert b" with LMTP" in arrived("over-lmtp", user)[0]
        assert len(arrived("chunks-lmtp", user)) == 1


def test_lmtp_over_tls_and_with_smtputf8():
    daemon().cli("alias", "add", "jürgen@example.org", "bob@example.org")
    with connect("lmtp", "LHLO") as c:
        assert c.ask("STARTTLS\r\n").startswith("220 ")
        c.start_tls()
        assert c.ask("LHLO front.example\r\n").startswith("250 ")
        envelope(c, "jürgen@example.org", sender="<é@exämple.net> SMTPUTF8 REQUIRETLS")
        assert c.ask("DATA\r\n").startswith("354 ")
        assert c.ask("Subject: utf8-lmtp ü\r\n\r\nx\r\n.\r\n").startswith("250 2.0.0")
    kept = arrived("utf8-lmtp")[0]
    assert b" with UTF8LMTPS" in kept and "Return-Path: <é@xn--exmple-cua.net>".encode() in kept, kept


def test_addresses_outside_ascii_need_their_parameter():
    with connect() as c:
        assert c.ask("MAIL FROM:<é@example.net>\r\n").startswith("501 5.6.7")
        assert c.ask("MAIL FROM:<me@example.net>\r\n").startswith("250 ")
        assert c.ask("RCPT TO:<jürgen@example.org>\r\n").startswith("501 5.6.7")
        assert c.ask("VRFY jürgen\r\n").startswith("553 5.6.7")
        assert c.ask("VRFY jürgen SMTPUTF8\r\n").startswith("252 ")


def test_what_is_asked_of_the_queue_on_submission_is_kept():
    with connect("submissions") as c:
        assert c.ask("AUTH PLAIN " + base64.b64encode(f"\0bob@example.org\0{PASSWORD}".encode()).decode() + "\r\n").startswith("235 ")
        for wrong in ("HOLDFOR=99999999", "HOLDUNTIL=2001-01-01T00:00:00Z", "BY=0;R", "MT-PRIORITY=11", "ENVID=a+0Ab"):
            assert c.ask(f"MAIL FROM:<bob@example.org> {wrong}\r\n").startswith("501 5.5.4"), wrong
        assert c.ask("MAIL FROM:<bob@example.org> XSTRANGE=1\r\n").startswith("555 5.5.4")
        envelope(c, "carol@example.org", sender="<bob@example.org> MT-PRIORITY=4 BY=7200;NT REQUIRETLS RET=HDRS ENVID=QQ+2B7")
        assert c.ask("DATA\r\n").startswith("354 ")
        assert c.ask("From: bob@example.org\r\nSubject: with-priority\r\n\r\nx\r\n.\r\n").startswith("250 2.0.0")
    assert b"priority 4" in arrived("with-priority", "carol")[0]


def test_settings_of_a_session_hold_from_the_next_one_on():
    p = daemon()
    changed = {"smtp_errors_max": "3", "smtp_line_max": "1000", "smtp_commands_max": "100"}
    for name, value in changed.items():
        p.cli("setting", "set", name, value)
    try:
        assert offers()["LIMITS"] == ["RCPTMAX=1000", "MAILMAX=100"]
        with connect() as c:
            assert [c.ask("JUNK\r\n")[:3] for _ in range(3)] == ["500", "500", "421"]
            assert c.line() is None
        with connect() as c:
            said = [c.ask("NOOP\r\n")[:9] for _ in range(99)]
            assert said == ["250 2.0.0"] * 99, said
            assert c.ask("NOOP\r\n").startswith("421 4.7.0")
        with connect() as c:
            envelope(c)
            assert c.ask("DATA\r\n").startswith("354 ")
            assert c.ask("Subject: long-line-refused\r\n\r\n" + "x" * 999 + "\r\n.\r\n").startswith("550 5.6.0 The message has a line of more than 1000 octets")
            envelope(c)
            assert c.ask("DATA\r\n").startswith("354 ")
            assert c.ask("Subject: long-line-passes\r\n\r\n" + "x" * 998 + "\r\n.\r\n").startswith("250 2.0.0")
    finally:
        for name in changed:
            p.cli("setting", "reset", name)
    arrived("long-line-passes")
    assert not any(b"long-line-refused" in m for m in p.bodies())


def test_nothing_of_this_was_a_bug():
    assert daemon().cli("status", "-o", "json")["counters"]["bugs"] == 0


harness.run(globals())
