"""Submission on 587 and 465: who may send, as whom, and what is completed; and what password guessers can't do to others."""
import base64
import os
import smtplib
import socket
import ssl
import subprocess
import threading
import time

import harness
from harness import PASSWORD, PROMPT, Raw, SLOW, no_verify, shared, tool, wait_until


def daemon():
    # Nothing answers as resolver: mail for others stays in the queue.
    return shared(users=["alice", "bob", "carol"], conf="resolver = 127.0.0.1@9")


def login(user="bob", service="submissions"):
    p = daemon()
    if service == "submissions":
        s = smtplib.SMTP_SSL("127.0.0.1", p.port[service], local_hostname="laptop.example", timeout=30 * SLOW, context=no_verify())
    else:
        s = p.smtp(service)
        s.starttls(context=no_verify())
    s.login(f"{user}@example.org", PASSWORD)
    return s


def raw(tls=True):
    """An EHLO further on, over TLS or before it."""
    c = Raw(daemon().port["submissions" if tls else "submission"], tls=tls)
    assert c.reply().startswith("220 ")
    assert c.ask("EHLO laptop.example\r\n").startswith("250 ")
    return c


def plain(user, password, authzid=""):
    return base64.b64encode(f"{authzid}\0{user}\0{password}".encode()).decode()


def arrived(subject, user="carol"):
    return wait_until(lambda: [m for m in daemon().bodies(user) if f"Subject: {subject}\r\n".encode() in m], 10, subject)[0]


def message(subject, sender="bob@example.org", more=""):
    return f"From: {sender}\r\nTo: carol@example.org\r\nSubject: {subject}\r\n{more}\r\nhello\r\n"


def refused(call, code):
    try:
        call()
    except smtplib.SMTPResponseException as e:
        assert e.smtp_code == code, e
        return
    except smtplib.SMTPRecipientsRefused as e:
        assert all(c == code for c, _ in e.recipients.values()), e
        return
    raise AssertionError(f"{code} was expected")


# ---- real clients ----

def test_swaks_submits_with_each_mechanism_on_each_port():
    p = daemon()
    for service, tls in (("submission", "-tls"), ("submissions", "--tls-on-connect")):
        for mechanism in ("PLAIN", "LOGIN"):
            subject = f"swaks-{service}-{mechanism}"
            done = subprocess.run([tool("swaks"), "--server", f"127.0.0.1:{p.port[service]}", tls, "--auth", mechanism, "--auth-user", "bob@example.org", "--auth-password", PASSWORD,
                                   "--from", "bob@example.org", "--to", "carol@example.org", "--header", f"Subject: {subject}", "--helo", "laptop.example"],
                                  capture_output=True, text=True, timeout=60 * SLOW)
            assert done.returncode == 0 and "235 " in done.stdout, done.stdout + done.stderr
            assert b"with ESMTPSA" in arrived(subject)


def test_smtplib_submits():
    for service in ("submission", "submissions"):
        with login(service=service) as s:
            s.sendmail("bob@example.org", ["carol@example.org"], message(f"smtplib-{service}"))
        arrived(f"smtplib-{service}")


def test_curl_submits():
    p = daemon()
    path = os.path.join(p.dir, "curl.eml")
    with open(path, "w", newline="") as f:
        f.write(message("curl"))
    done = subprocess.run([tool("curl"), "-sSk", f"smtps://127.0.0.1:{p.port['submissions']}/laptop.example", "--user", f"bob@example.org:{PASSWORD}", "--mail-from", "bob@example.org",
                           "--mail-rcpt", "carol@example.org", "-T", path], capture_output=True, text=True, timeout=60 * SLOW)
    assert done.returncode == 0, done.stderr
    arrived("curl")


def test_several_messages_in_one_session():
    with login() as s:
        for i in range(5):
            s.sendmail("bob@example.org", ["carol@example.org"], message(f"series-{i}"))
    for i in range(5):
        arrived(f"series-{i}")


# ---- as whom ----

def test_sender_is_the_accounts_own():
    p = daemon()
    p.cli("alias", "add", "helpdesk@example.org", "bob@example.org")
    with login() as s:
        refused(lambda: s.sendmail("carol@example.org", ["carol@example.org"], message("not-own", "carol@example.org")), 553)
        refused(lambda: s.sendmail("bob@example.org", ["carol@example.org"], message("other-from", "carol@example.org")), 550)
        refused(lambda: s.sendmail("bob@example.org", ["carol@example.org"], message("two-froms", "bob@example.org, carol@example.org")), 550)
        refused(lambda: s.sendmail("bob@example.org", ["carol@example.org"], message("twice-from", more="From: alice@example.org\r\n")), 550)
        s.sendmail("bob@example.org", ["carol@example.org"], "Subject: no-from\r\n\r\nx\r\n")
        refused(lambda: s.sendmail("bob@example.org", ["carol@example.org"], message("other-sender", more="Sender: alice@example.org\r\n")), 550)
        for field in ("Resent-From", "Resent-Sender"):
            refused(lambda: s.sendmail("bob@example.org", ["carol@example.org"], message("resent", more=f"{field}: alice@example.org\r\n")), 550)
        s.sendmail("bob@example.org", ["carol@example.org"], message("own-alias", "Help <helpdesk@example.org>", more="Sender: bob@example.org\r\nResent-From: helpdesk@example.org\r\nResent-Bcc: hidden@example.net\r\n"))
        s.sendmail("bob+list@example.org", ["carol@example.org"], message("own-subaddress", "Bob <bob+list@example.org>"))
    arrived("own-subaddress")
    assert b"hidden@" not in arrived("own-alias")
    assert b"\r\nFrom: <bob@example.org>\r\n" in arrived("no-from")
    assert not any(b"not-own" in m or b"other-from" in m or b": resent" in m or b"two-froms" in m or b"twice-from" in m for m in p.bodies("carol"))


def test_foreign_addresses_stand_in_mail_from_a_trusted_network_only():
    """A gateway or a shop's server hands on what others wrote; whoever logs in from elsewhere writes in a name of ours."""
    elsewhere = message("from-elsewhere", "Bob <bob@laptop.example>")
    with login() as s:
        s.sendmail("bob@example.org", ["carol@example.org"], elsewhere)
    arrived("from-elsewhere")
    with harness.Instance(users=["alice", "bob"], conf="resolver = 127.0.0.1@9", trusted=False) as strict:
        with smtplib.SMTP_SSL("127.0.0.1", strict.port["submissions"], local_hostname="laptop.example", context=harness.no_verify(), timeout=30 * harness.SLOW) as s:
            s.login("bob@example.org", PASSWORD)
            for field in ("", "Sender: bob@laptop.example\r\n", "Resent-From: bob@laptop.example\r\n"):
                sender = "bob@example.org" if field else "Bob <bob@laptop.example>"
                refused(lambda: s.sendmail("bob@example.org", ["alice@example.org"], message("strict", sender, more=field)), 550)
            s.sendmail("bob@example.org", ["alice@example.org"], message("strict-own"))


def test_message_is_completed_and_bcc_is_removed():
    with login() as s:
        s.sendmail("bob@example.org", ["carol@example.org"], message("completed", more="Bcc: secret@example.net,\r\n more@example.net\r\n"))
        s.sendmail("bob@example.org", ["carol@example.org"], message("complete-already", more="Date: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <mine@laptop.example>\r\n"))
    kept = arrived("completed")
    assert b"secret@" not in kept and b"more@" not in kept and b"\r\nDate: " in kept and b"\r\nMessage-ID: <" in kept, kept
    kept = arrived("complete-already")
    assert kept.count(b"Date: ") == 1 and b"Message-ID: <mine@laptop.example>" in kept and kept.count(b"Message-ID") == 1, kept


def test_mail_for_others_is_queued():
    p = daemon()
    with login() as s:
        s.sendmail("bob@example.org", ["friend@example.net", "carol@example.org"], message("to-others"))
    arrived("to-others")
    queued = wait_until(lambda: [e for e in p.cli("queue", "ls", "-o", "json")["data"] if e["subject"] == "to-others"])[0]
    remote = [r for r in queued["recipients"] if r["address"] == "friend@example.net"]
    assert len(remote) == 1 and queued["from"] == "bob@example.org", queued


def test_unknown_local_recipient_is_refused_at_once():
    with login() as s:
        refused(lambda: s.sendmail("bob@example.org", ["nobody@example.org"], message("x")), 550)
        refused(lambda: s.sendmail("bob@example.org", ["x@[127.0.0.1]"], message("x")), 550)


# ---- logging in ----

def test_no_authentication_without_tls():
    with raw(tls=False) as c:
        c.send("EHLO laptop.example\r\n")
        lines = []
        while not lines or lines[-1][3] == "-":
            lines.append(c.line())
        assert not any("AUTH" in line for line in lines) and any("STARTTLS" in line for line in lines), lines
        assert c.ask(f"AUTH PLAIN {plain('bob@example.org', PASSWORD)}\r\n").startswith("530 5.7.0")
        assert c.ask("MAIL FROM:<bob@example.org>\r\n").startswith("530 5.7.0")


def test_no_mail_without_authentication():
    with raw() as c:
        for command in ("MAIL FROM:<bob@example.org>", "RCPT TO:<carol@example.org>", "DATA", "VRFY bob"):
            assert c.ask(command + "\r\n").startswith("530 5.7.0"), command


def test_no_authentication_on_port_25():
    with Raw(daemon().port["mx"]) as c:
        c.reply()
        c.ask("EHLO laptop.example\r\n")
        assert c.ask(f"AUTH PLAIN {plain('bob@example.org', PASSWORD)}\r\n").startswith("502")


def test_wrong_credentials_get_one_answer():
    said = set()
    for user, password in (("bob@example.org", "wrong-password"), ("nobody@example.org", PASSWORD), ("bob", PASSWORD), ("", PASSWORD), ("bob@example.org", "")):
        with raw() as c:
            said.add(c.ask(f"AUTH PLAIN {plain(user, password)}\r\n"))
    assert all(s.startswith("535 5.7.8") or s.startswith("501") for s in said), said


def test_third_wrong_password_ends_the_session():
    with raw() as c:
        for _ in range(2):
            assert c.ask(f"AUTH PLAIN {plain('bob@example.org', 'wrong-password')}\r\n").startswith("535")
        c.send(f"AUTH PLAIN {plain('bob@example.org', 'wrong-password')}\r\n")
        assert c.rest()[-1].startswith("421 4.7.0")


def test_login_attacks_get_their_answers():
    b64 = lambda s: base64.b64encode(s).decode()
    with raw() as c:
        assert c.ask("AUTH PLAIN =\r\n")[:3] in ("501", "535")
        assert c.ask("AUTH PLAIN\r\n").startswith("334")
        assert c.ask("*\r\n").startswith("501 5.7.0")
        assert c.ask("AUTH PLAIN !!!!\r\n").startswith("501 5.5.2")
        assert c.ask("AUTH CRAM-MD5\r\n").startswith("504")
        assert c.ask("AUTH LOGIN\r\n").startswith("334 VXNlcm5hbWU6")
        assert c.ask(b64(b"bob@example.org") + "\r\n").startswith("334 UGFzc3dvcmQ6")
        assert c.ask("MAIL FROM:<bob@example.org>\r\n").startswith("501"), "a command inside LOGIN is no response"
        assert c.ask(f"AUTH PLAIN {b64(b'x' * 6000)}\r\n")[:3] in ("501", "535")
    with_nul = b64(b"\0bob@exa\0mple.org\0" + PASSWORD.encode())
    with raw() as c:
        assert c.ask(f"AUTH PLAIN {with_nul}\r\n")[:3] in ("501", "535")
    with raw() as c:
        assert c.ask(f"AUTH PLAIN {plain('bob@example.org', PASSWORD, 'carol@example.org')}\r\n").startswith("535")
        assert c.ask(f"AUTH PLAIN {plain('bob@example.org', PASSWORD, 'bob@example.org')}\r\n").startswith("235")
        assert c.ask(f"AUTH PLAIN {plain('bob@example.org', PASSWORD)}\r\n").startswith("503"), "once a session"
    with login() as s:
        s.sendmail("bob@example.org", ["carol@example.org"], message("after-attacks"))
    arrived("after-attacks")


def test_endless_sasl_response_is_cut_off():
    with raw() as c:
        c.ask("AUTH PLAIN\r\n")
        try:
            for _ in range(1024):
                c.send(b"QUFB" * 256)
            c.send("\r\n")
        except OSError:
            pass
        said = c.rest()
        assert not said or said[0].startswith("500 5.5.6") or said[0].startswith("421"), said
    with login():
        pass


def test_suspended_user_is_told_and_sends_nothing():
    p = daemon()
    p.cli("user", "add", "leaver@example.org", "--password-stdin", input=PASSWORD + "\n")
    with login("leaver") as s:
        p.cli("user", "suspend", "leaver@example.org")
        try:
            code, _ = s.docmd("MAIL FROM:<leaver@example.org>")
        except smtplib.SMTPServerDisconnected:
            code = 421
        assert code in (553, 421), code
    with raw() as c:
        assert c.ask(f"AUTH PLAIN {plain('leaver@example.org', PASSWORD)}\r\n").startswith("525 5.7.13")
    with raw() as c:
        assert c.ask(f"AUTH PLAIN {plain('leaver@example.org', 'wrong-password')}\r\n").startswith("535"), "only the right password tells more"


def test_password_change_counts_at_once():
    p = daemon()
    p.cli("user", "add", "changer@example.org", "--password-stdin", input=PASSWORD + "\n")
    with login("changer") as s:
        assert s.docmd("MAIL FROM:<changer@example.org>")[0] == 250 and s.docmd("RSET")[0] == 250
        p.cli("user", "passwd", "changer@example.org", "--password-stdin", input="another-password-2\n")
        code, text = s.docmd("MAIL FROM:<changer@example.org>")
        assert code == 421, (code, text)
    with raw() as c:
        assert c.ask(f"AUTH PLAIN {plain('changer@example.org', PASSWORD)}\r\n").startswith("535")
        assert c.ask(f"AUTH PLAIN {plain('changer@example.org', 'another-password-2')}\r\n").startswith("235")


# ---- guessing ----

def test_guessers_do_not_slow_a_reader():
    """40 clients with wrong passwords: hashes wait for threads, sessions do not. (The bench measures; here the bound is generous.)"""
    p = daemon()
    over = threading.Event()
    answers = []

    def guess(n):
        while not over.is_set():
            try:
                with raw() as c:
                    for _ in range(2):
                        answers.append(c.ask(f"AUTH PLAIN {plain(f'mallory{n}@example.org', f'guess-{n}-{len(answers)}')}\r\n")[:3])
                        if over.is_set():
                            return
            except (OSError, ssl.SSLError, AssertionError):
                if not over.is_set():
                    answers.append("lost")

    reader = p.imap("bob")
    reader.select("INBOX")
    guessers = [threading.Thread(target=guess, args=(n,)) for n in range(40)]
    for t in guessers:
        t.start()
    try:
        wait_until(lambda: len(answers) >= 40, 60, "guessing is under way")
        slowest = 0
        for _ in range(100):
            began = time.monotonic()
            assert reader.noop()[0] == "OK"
            slowest = max(slowest, time.monotonic() - began)
        assert slowest < PROMPT, f"a NOOP took {slowest:.3f} s"
        for user in ("alice", "bob"):
            assert wait_until(lambda: may_log_in(user), 20, f"{user} logs in meanwhile")
        p.send("Subject: meanwhile\r\n\r\nx\r\n", to=("carol",))
    finally:
        over.set()
        for t in guessers:
            t.join()
    reader.logout()
    assert set(answers) <= {"535", "454"}, set(answers)
    arrived("meanwhile")


def may_log_in(user):
    try:
        daemon().imap(user).logout()
        return True
    except Exception:  # busy is a fair answer, once in a while
        return False


def test_repeated_failures_are_delayed_for_that_address_only():
    with harness.Instance(users=["bob"], services=("submissions",), trusted=False) as p:
        def attempt(password, source):
            began = time.monotonic()
            s = socket.create_connection(("127.0.0.1", p.port["submissions"]), timeout=30 * SLOW, source_address=(source, 0))
            c = Raw.__new__(Raw)
            c.socket, c.pending = no_verify().wrap_socket(s), b""
            with c:
                c.reply()
                c.ask("EHLO laptop.example\r\n")
                said = c.ask(f"AUTH PLAIN {plain('bob@example.org', password)}\r\n")
            return said, time.monotonic() - began

        took = [attempt(f"wrong-password-{n}", "127.0.0.2") for n in range(4)]
        assert all(said.startswith("535") for said, _ in took), took
        assert took[3][1] >= 1.9, took  # 250 ms, doubled each time
        said, seconds = attempt(PASSWORD, "127.0.0.3")
        assert said.startswith("235") and seconds < took[3][1], (said, seconds, took)


def test_nothing_of_this_was_a_bug():
    assert daemon().cli("status", "-o", "json")["counters"]["bugs"] == 0


harness.run(globals())
