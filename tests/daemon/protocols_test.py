"""Mail protocols that are switched off for an account, and accounts of nobody: who gets in by which door, and what becomes of who is in already."""
import base64
import poplib
import smtplib

import harness
import scram
from admin import ask
from harness import MAIL_SERVICES, PASSWORD, SLOW, Raw, no_verify, shared, wait_until
from imap_wire import Client
from person import Person

SHARED = "info@example.org"


def daemon():
    return shared(users=["alice", "bob", "carol", "dave", "erin", "frank"], services=MAIL_SERVICES + ("pop3", "pop3s", "https"), conf="resolver = 127.0.0.1@9")


def address(user):
    return user if "@" in user else f"{user}@example.org"


def plain(user, password):
    return base64.b64encode(f"\0{address(user)}\0{password}".encode()).decode()


# ---- the doors: what each says to a login ----


def by_imap(user, password=PASSWORD):
    with Client(daemon(), login=False) as c:
        r = c.cmd(f"LOGIN {address(user)} {password}")
        return f"{r.status} {r.text}"


def by_imap_plain(user, password=PASSWORD):
    with Client(daemon(), login=False) as c:
        r = c.cmd(f"AUTHENTICATE PLAIN {plain(user, password)}")
        return f"{r.status} {r.text}"


def by_pop3(user, password=PASSWORD):
    with Raw(daemon().port["pop3s"], tls=True) as c:
        assert c.line().startswith("+OK")
        assert told(c, f"USER {address(user)}").startswith("+OK")
        return told(c, f"PASS {password}")


def by_pop3_plain(user, password=PASSWORD):
    with Raw(daemon().port["pop3s"], tls=True) as c:
        assert c.line().startswith("+OK")
        return told(c, f"AUTH PLAIN {plain(user, password)}")


def by_smtp(user, password=PASSWORD):
    with Raw(daemon().port["submissions"], tls=True) as c:
        assert c.reply().startswith("220 ") and c.ask("EHLO laptop.example\r\n").startswith("250 ")
        return c.ask(f"AUTH PLAIN {plain(user, password)}\r\n")


def told(c, line):
    c.send(line + "\r\n")
    return c.line()


def by_scram(function, service):
    def door(user, password=PASSWORD):
        try:
            function(daemon().port[service], "SCRAM-SHA-256", scram.Exchange(address(user), password))
            return "in"
        except scram.Refused as e:
            return str(e).removeprefix("a ")
    return door


DOORS = {
    "imap": (by_imap, by_imap_plain, by_scram(scram.imap, "imaps")),
    "pop3": (by_pop3, by_pop3_plain),
    "smtp": (by_smtp, by_scram(scram.smtp, "submissions")),
}
IN = {"imap": "OK", "pop3": "+OK", "smtp": "235"}
OFF = {
    "imap": "NO [CONTACTADMIN] IMAP is switched off for this account",
    "pop3": "-ERR [AUTH] POP3 is switched off for this account",
    "smtp": "525 5.7.13 Submission is switched off for this account",
}
WRONG = {"imap": "NO [AUTHENTICATIONFAILED]", "pop3": "-ERR [AUTH]", "smtp": "535"}


def is_in(protocol, answer):
    return answer == "in" or answer.startswith(IN[protocol])


# ---- who is in already ----


def imap_session(user):
    c = Client(daemon(), user, select="INBOX")
    c.send("i IDLE\r\n")
    assert c.response().startswith(b"+")
    return c


def imap_ends(c):
    lines = []
    while (line := c.response()) is not None:
        lines.append(line)
    assert any(line.startswith(b"* BYE") for line in lines), lines


def pop3_session(user):
    client = poplib.POP3_SSL("127.0.0.1", daemon().port["pop3s"], context=no_verify(), timeout=30 * SLOW)
    client.user(address(user))
    client.pass_(PASSWORD)
    return client


def pop3_ends(client):
    """At once, without a command: the next line is the last."""
    rest = client.file.read()
    assert rest == b"" or rest.startswith(b"-ERR"), rest


def smtp_session(user):
    s = smtplib.SMTP_SSL("127.0.0.1", daemon().port["submissions"], local_hostname="laptop.example", timeout=30 * SLOW, context=no_verify())
    s.login(address(user), PASSWORD)
    return s


def smtp_ends(s):
    code, text = s.docmd(f"MAIL FROM:<{SENDERS[s]}>")
    assert code == 421, (code, text)


SENDERS = {}
ENDS = {"imap": imap_ends, "pop3": pop3_ends, "smtp": smtp_ends}


def sessions(user):
    out = {"imap": imap_session(user), "pop3": pop3_session(user), "smtp": smtp_session(user)}
    SENDERS[out["smtp"]] = address(user)
    return out


def goes_on(protocol, session):
    if protocol == "imap":
        session.send("DONE\r\n")
        r = session.until("i")
        assert r.status == "OK", r
        session.ok("NOOP")
        session.close()
    elif protocol == "pop3":
        session.noop()
        session.quit()
    else:
        assert session.docmd(f"MAIL FROM:<{SENDERS[session]}>")[0] == 250
        session.quit()


def switched_off(user, protocol):
    p = daemon()
    open_before = sessions(user)
    p.cli("user", "set-protocols-disabled", address(user), protocol)
    ENDS[protocol](open_before.pop(protocol))
    for other, session in open_before.items():
        goes_on(other, session)
    for name, doors in DOORS.items():
        for door in doors:
            answer = door(user)
            if name != protocol:
                assert is_in(name, answer), (name, answer)
            else:  # an exchange that isn't finished says "in" to nobody
                assert answer.startswith(OFF[name]), (name, answer)
    for door in DOORS[protocol][:2]:
        assert door(user, "not-" + PASSWORD).startswith(WRONG[protocol]), "who doesn't know the password learns nothing"
    p.cli("user", "rm-protocols-disabled", address(user))
    for door in DOORS[protocol]:
        answer = door(user)
        assert is_in(protocol, answer), answer


def test_imap_is_switched_off_and_given_back():
    switched_off("bob", "imap")


def test_pop3_is_switched_off_and_given_back():
    switched_off("carol", "pop3")


def test_submission_is_switched_off_and_given_back():
    switched_off("dave", "smtp")


def test_all_of_them_leave_the_panel():
    p = daemon()
    p.cli("user", "set-protocols-disabled", "erin@example.org", "imap", "pop3", "smtp")
    for name, doors in DOORS.items():
        assert doors[0]("erin").startswith(OFF[name])
    Person(p, "erin").log_in()
    p.send("Subject: still\r\n\r\nx\r\n", to=("erin",))
    p.cli("user", "rm-protocols-disabled", "erin@example.org")
    p.wait_count(1, user="erin")


def test_app_passwords_are_refused_by_a_protocol_that_is_off():
    p = daemon()
    who = Person(p, "frank")
    who.log_in()
    secret = who.app_password("imap", "smtp")
    assert is_in("imap", by_imap("frank", secret)) and is_in("smtp", by_smtp("frank", secret))
    p.cli("user", "set-protocols-disabled", "frank@example.org", "imap")
    assert by_imap("frank", secret).startswith(OFF["imap"])
    assert is_in("smtp", by_smtp("frank", secret))
    p.cli("user", "rm-protocols-disabled", "frank@example.org")
    assert is_in("imap", by_imap("frank", secret))


# ---- accounts of nobody ----


def test_nobody_logs_in_to_a_shared_account():
    p = daemon()
    p.cli("user", "add-shared", SHARED)
    assert p.cli("user", "show", SHARED, "-o", "json")["type"] == "shared"
    for name, doors in DOORS.items():
        for door in doors:
            answer = door(SHARED)
            assert answer.startswith(WRONG[name]), (name, door, answer)
    for name, door in (("imap", by_imap_plain), ("pop3", by_pop3_plain), ("smtp", by_smtp)):
        answer = door(SHARED, "")
        assert not is_in(name, answer), answer
    for method, path, body in (("PUT", "password", {"password": PASSWORD}), ("POST", "password_reset", None)):
        answer = ask(p, method, f"/api/v1/users/{SHARED}/{path}", body, expect=(404, 405, 409))
        assert answer.status == 409 or path == "password_reset", (path, answer.status, answer.body)
    done = p.run_cli("user", "passwd", SHARED, "--password-stdin", input=PASSWORD + "\n")
    assert done.returncode != 0, "a password of nobody"
    Person(p, "info", PASSWORD).log_in(expect=401)
    Person(p, "info", "").log_in(expect=(400, 401, 422))
    assert by_imap(SHARED).startswith(WRONG["imap"])


def test_its_mail_is_read_by_who_is_granted_it():
    p = daemon()
    p.send("Subject: to all\r\n\r\nhello\r\n", to=(SHARED,))
    name = f"Shared/{SHARED}/INBOX"
    with Client(p, "bob") as c:
        assert c.cmd(f'SELECT "{name}"').status == "NO"
        p.cli("grant", "set", SHARED, "bob@example.org", "lrswite", "--mailbox", "INBOX")
        wait_until(lambda: c.ok(f'STATUS "{name}" (MESSAGES)').find("STATUS")[0].endswith(b"(MESSAGES 1)"), 10, "the message")
        c.ok(f'SELECT "{name}"')
        assert b"hello" in c.ok("FETCH 1 BODY[TEXT]").untagged[0]
        p.cli("grant", "set", SHARED, "carol@example.org", "lr", "--mailbox", "INBOX")
        with Client(p, "carol") as other:
            assert other.ok(f'STATUS "{name}" (UNSEEN)').find("STATUS")[0].endswith(b"(UNSEEN 1)"), "bob's \\Seen is his"
            other.ok(f'EXAMINE "{name}"')
            assert other.cmd("STORE 1 +FLAGS (\\Flagged)").status == "NO"
        c.ok('MOVE 1 "INBOX"')
        c.ok('SELECT "INBOX"')
        assert any(b"to all" in u for u in c.ok("FETCH * BODY.PEEK[HEADER.FIELDS (SUBJECT)]").untagged)
        assert c.ok(f'STATUS "{name}" (MESSAGES)').find("STATUS")[0].endswith(b"(MESSAGES 0)")
    with Client(p, "dave") as c:
        assert c.cmd(f'SELECT "{name}"').status == "NO", "and by nobody else"


def test_nothing_of_this_was_a_bug():
    assert daemon().cli("status", "-o", "json")["counters"]["bugs"] == 0


harness.run(globals())
