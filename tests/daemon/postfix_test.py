"""Postfix as the remote side, in both directions."""
import atexit
import email
import os
import random
import shutil
import smtplib
import tempfile

import harness
from harness import FULL, PASSWORD, SLOW, no_verify, shared, wait_until
from postfix import Postfix, write

world = {}


def start(folder):
    """postfix.example is its own, example.org goes to the daemon."""
    write(f"{folder}/transport", f"example.org smtp:[127.0.0.1]:{shared().port['mx']}\n")
    write(f"{folder}/access", "grumpy@postfix.example 550 5.7.1 I read no mail today\n")
    return Postfix(folder, "postfix.example", f"""transport_maps = texthash:{folder}/transport
default_transport = error:5.1.2 nowhere
smtp_tls_security_level = may
smtpd_recipient_restrictions = check_recipient_access texthash:{folder}/access""", users=("anna", "paul", "bulk"))


def daemon():
    p = shared(users=["alice", "bob", "carl"], conf="resolver = 127.0.0.1@9")
    if not world:
        world["folder"] = folder = tempfile.mkdtemp(prefix="postroom-postfix-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        world["postfix"] = start(folder)
        p.cli("relay", "set", "--domain", "postfix.example", "--host", "127.0.0.1", "--port", str(world["postfix"].port), "--tls", "opportunistic")
        p.cli("relay", "set", "--domain", "writer.example", "--host", "127.0.0.1", "--port", str(world["postfix"].port), "--tls", "none")
    return p


def postfix():
    daemon()
    return world["postfix"]


def from_us(to, content, options=()):
    with smtplib.SMTP_SSL("127.0.0.1", daemon().port["submissions"], local_hostname="laptop.example", context=no_verify(), timeout=30 * SLOW) as s:
        s.login("bob@example.org", PASSWORD)
        s.sendmail("bob@example.org", to, content, mail_options=options)


def from_them(to, content, sender="anna@postfix.example", options=()):
    with smtplib.SMTP("127.0.0.1", postfix().port, local_hostname="laptop.example", timeout=30 * SLOW) as s:
        s.sendmail(sender, to, content, mail_options=options)


def body(kind):
    pick = random.Random(kind)
    return {
        "plain": b"hello\r\n",
        "dots": b".\r\n..\r\n.x\r\n\r\n.\r\n",
        "eight-bit": "gr\u00fc\u00dfe \u20ac\r\n".encode() * 500,
        "long-lines": (b"x" * 990 + b"\r\n") * 50,
        "empty": b"",
        "large": b"".join(b"%064x\r\n" % pick.getrandbits(256) for _ in range(70000)),
    }[kind]


def message(subject, content, sender):
    return f"From: {sender}\r\nTo: somebody@else.example\r\nSubject: {subject}\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <{subject}@laptop.example>\r\nMIME-Version: 1.0\r\n".encode() + \
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + content


def kinds():
    return ("plain", "dots", "eight-bit", "long-lines", "empty", "large")


def test_mail_reaches_postfix_with_identical_bodies():
    for kind in kinds():
        from_us(["anna@postfix.example", "paul@postfix.example"], message(f"out-{kind}", body(kind), "bob@example.org"), options=["BODY=8BITMIME"])
    for user in ("anna", "paul"):
        for kind in kinds():
            found = wait_until(lambda: [m for m in postfix().messages(user) if f"Subject: out-{kind}\n".encode() in m], 30, f"{kind} at {user}\n{postfix().log()}\n{daemon().log_tail(8)}")
            assert len(found) == 1, f"{kind} came {len(found)} times"
            assert found[0].split(b"\n\n", 1)[1].replace(b"\n", b"\r\n") == body(kind), f"{kind}: the bodies differ"
    assert all(b"(using TLSv1.3" in m for m in postfix().messages("anna"))


def test_mail_from_postfix_arrives_with_identical_bodies():
    for kind in kinds():
        from_them(["bob@example.org", "alice@example.org"], message(f"in-{kind}", body(kind), "anna@postfix.example"), options=["BODY=8BITMIME"])
    for user in ("bob", "alice"):
        for kind in kinds():
            found = wait_until(lambda: [m for m in daemon().bodies(user) if f"Subject: in-{kind}\r\n".encode() in m], 30, f"{kind} at {user}\n{postfix().log()}")
            assert len(found) == 1, f"{kind} came {len(found)} times"
            assert found[0].split(b"\r\n\r\n", 1)[1] == body(kind), f"{kind}: the bodies differ"
            assert b"by mail.example.org with ESMTPS" in found[0] and found[0].startswith(b"Return-Path: <anna@postfix.example>\r\n"), found[0][:300]


def test_refusal_of_postfix_comes_back_as_dsn():
    from_us(["grumpy@postfix.example", "anna@postfix.example", "unknown@postfix.example"], message("to-grumpy", body("plain"), "bob@example.org"))
    wait_until(lambda: [m for m in postfix().messages("anna") if b"Subject: to-grumpy\n" in m], 20)
    found = wait_until(lambda: [m for m in daemon().bodies() if b"report-type=delivery-status" in m and b"Subject: to-grumpy" in m], 20)
    report = email.message_from_bytes(found[0])
    blocks = [dict(b.items()) for m in found for b in email.message_from_bytes(m).get_payload()[1].get_payload()[1:]]
    by_address = {b["Final-Recipient"]: b for b in blocks}
    assert set(by_address) == {"rfc822; grumpy@postfix.example", "rfc822; unknown@postfix.example"}, blocks
    assert by_address["rfc822; grumpy@postfix.example"]["Status"] == "5.7.1" and "I read no mail today" in by_address["rfc822; grumpy@postfix.example"]["Diagnostic-Code"]
    assert by_address["rfc822; unknown@postfix.example"]["Status"].startswith("5.1.")
    assert report["To"] == "<bob@example.org>" and found[0].startswith(b"Return-Path: <>\r\n")


def test_our_refusal_becomes_a_dsn_of_postfix():
    from_them(["nobody@example.org"], message("to-nobody", body("plain"), "anna@postfix.example"))
    found = wait_until(lambda: [m for m in postfix().messages("anna") if b"Subject: Undelivered Mail" in m], 30, postfix().log())
    assert b"550 5.1.1 No such user here" in found[0].replace(b"\n    ", b" "), found[0]


def test_many_messages_each_way_arrive_once():
    count = 200 if FULL else 40
    with smtplib.SMTP_SSL("127.0.0.1", daemon().port["submissions"], local_hostname="laptop.example", context=no_verify(), timeout=30 * SLOW) as ours, \
            smtplib.SMTP("127.0.0.1", postfix().port, local_hostname="laptop.example", timeout=30 * SLOW) as theirs:
        ours.login("bob@example.org", PASSWORD)
        for n in range(count):
            ours.sendmail("bob@example.org", ["bulk@postfix.example"], message(f"bulk-{n}", body("plain"), "bob@example.org"))
            theirs.sendmail("anna@postfix.example", ["carl@example.org"], message(f"bulk-{n}", body("plain"), "anna@postfix.example"))
    wanted = sorted(f"<bulk-{n}@laptop.example>" for n in range(count))

    def ids(messages):
        return sorted(i for m in messages if (i := str(email.message_from_bytes(m)["Message-ID"])).startswith("<bulk-"))

    wait_until(lambda: len(postfix().messages("bulk")) >= count, 60, "all reach Postfix")
    wait_until(lambda: daemon().count("carl") >= count, 60, "all reach us")
    wait_until(lambda: not daemon().cli("queue", "ls", "-o", "json")["data"], 20, "the queue is empty")
    assert ids(postfix().messages("bulk")) == wanted and ids(daemon().bodies("carl")) == wanted


def test_postfix_that_comes_back_gets_what_waited():
    old = postfix()
    old.close()
    from_us(["anna@postfix.example"], message("while-down", body("plain"), "bob@example.org"))
    entry = wait_until(lambda: [e for e in daemon().cli("queue", "ls", "-o", "json")["data"] if e["recipients"][0]["attempts"] and e["recipients"][0]["state"] == "waiting"], 20)[0]
    folder = f"{world['folder']}/again"
    os.mkdir(folder)
    world["postfix"] = start(folder)
    daemon().cli("relay", "set", "--domain", "postfix.example", "--host", "127.0.0.1", "--port", str(postfix().port), "--tls", "opportunistic")
    daemon().cli("queue", "retry", entry["id"])
    wait_until(lambda: [m for m in postfix().messages("anna") if b"Subject: while-down\n" in m], 20, postfix().log())


harness.run(globals())
