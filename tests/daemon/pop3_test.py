"""POP3 over the wire: sessions, ids, marks, ways to log in, what hostile clients try (ATTACKS 18, and 11 where it is POP3's)."""
import base64
import os
import poplib
import re
import socket
import threading
import time

import harness
from harness import MAIL_SERVICES, PASSWORD, SANITIZED, SLOW, Raw, no_verify, shared, wait_until
from admin import ask
from person import Person
from scram import Exchange, b64, connect

PROXY = "127.0.0.2"
USERS = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "kurt"]


def daemon():
    return shared(users=USERS, services=MAIL_SERVICES + ("pop3", "pop3s", "https"), conf=f"resolver = 127.0.0.1@9\nproxy_from = {PROXY}")


def deliver(user, *bodies):
    p = daemon()
    before = p.count(user)
    with p.smtp() as s:
        for body in bodies:
            s.sendmail("me@example.net", [f"{user}@example.org"], body)
    p.wait_count(before + len(bodies), user=user)


def message(number, size=0):
    return f"Subject: number {number}\r\n\r\nbody {number}\r\n" + "0123456789 123456789 123456789 123456789 123456789 123456789 1\r\n" * (size // 64)


def pop(user, tls=True, password=PASSWORD):
    p = daemon()
    client = poplib.POP3_SSL("127.0.0.1", p.port["pop3s"], context=no_verify(), timeout=30 * SLOW) if tls else poplib.POP3("127.0.0.1", p.port["pop3"], timeout=30 * SLOW)
    try:
        client.user(f"{user}@example.org")
        client.pass_(password)
    except Exception:
        client.close()
        raise
    return client


def refused(code, function, *words):
    try:
        function(*words)
    except poplib.error_proto as e:
        text = e.args[0].decode() if isinstance(e.args[0], bytes) else str(e.args[0])
        assert text.startswith("-ERR " + code), text
        return
    raise AssertionError(f"{function.__name__}{words} was taken, not refused with {code}")


def number_of(client, index):
    return next(line.decode() for line in client.retr(index)[1] if line.startswith(b"Subject:"))


def with_stls():
    client = poplib.POP3("127.0.0.1", daemon().port["pop3"], timeout=30 * SLOW)
    assert "STLS" in client.capa()
    client.stls(no_verify())
    assert "STLS" not in client.capa() and client.utf8()
    client.user("alice@example.org")
    client.pass_(PASSWORD)
    return client


def test_poplib_reads_what_was_delivered_in_every_way_to_begin():
    deliver("alice", *(message(n) for n in range(1, 4)))
    for begin in (lambda: pop("alice"), lambda: pop("alice", tls=False), with_stls):
        client = begin()
        count, size = client.stat()
        sizes = [int(line.split()[1]) for line in client.list()[1]]
        assert count == 3 and sum(sizes) == size
        for n in range(1, 4):
            _, lines, octets = client.retr(n)
            assert octets == sizes[n - 1] and lines[-1] == f"body {n}".encode()
        assert client.top(2, 0)[1][-1] == b""
        client.noop()
        client.rset()
        client.quit()


def test_ids_are_the_same_over_sessions_restarts_and_deletions():
    p = daemon()
    deliver("bob", *(message(n) for n in range(1, 6)))
    client = pop("bob")
    ids = [line.split()[1] for line in client.uidl()[1]]
    assert len(set(ids)) == 5 and all(re.fullmatch(rb"[0-9a-f]{32}", i) for i in ids)
    client.dele(2)
    client.quit()
    p.stop()
    p.start()
    client = pop("bob")
    assert [line.split()[1] for line in client.uidl()[1]] == ids[:1] + ids[2:]
    assert number_of(client, 2) == "Subject: number 3"
    client.quit()


def test_a_connection_that_ends_without_quit_deletes_nothing():
    deliver("carol", message(1), message(2))
    client = pop("carol")
    client.dele(1)
    client.dele(2)
    client.close()
    wait_until(lambda: pop_count("carol") == 2, what="the maildrop is free again, and whole")


def pop_count(user):
    """Null while another session has it."""
    try:
        client = pop(user)
    except poplib.error_proto as e:
        assert b"[IN-USE]" in e.args[0], e
        return None
    count = client.stat()[0]
    client.quit()
    return count


def test_one_session_holds_the_maildrop_and_imap_goes_on_beside_it():
    p = daemon()
    deliver("dave", *(message(n) for n in range(1, 4)))
    client = pop("dave")
    refused("[IN-USE]", pop, "dave")
    deliver("dave", message(4))
    with p.imap("dave") as imap:
        imap.select("INBOX")
        imap.store("2", "+FLAGS", "\\Deleted")
        imap.expunge()
        refused("That message is there no more", client.retr, 2)
        assert client.stat()[0] == 3 and number_of(client, 3) == "Subject: number 3"
        client.dele(1)
        client.dele(2)
        client.quit()
        assert int(imap.select("INBOX")[1][0]) == 2
        seen = [part.decode() for part in imap.fetch("1:*", "(FLAGS)")[1]]
        assert "\\Seen" in seen[0] and "\\Seen" not in seen[1], seen  # number 3 was fetched, number 4 has come since
    again = pop("dave")
    assert again.stat()[0] == 2
    again.quit()


def test_twenty_logins_at_once_let_one_in():
    clients, said = [], []

    def login():
        try:
            clients.append(pop("erin"))
        except poplib.error_proto as e:
            said.append(e.args[0])

    threads = [threading.Thread(target=login) for _ in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(clients) == 1 and len(said) == 19 and all(b"[IN-USE]" in s for s in said), said
    clients[0].quit()
    pop("erin").quit()  # at once: given back before the goodbye is read


def test_numbers_that_are_none_and_marks_made_twice():
    deliver("frank", message(1))
    client = pop("frank")
    for words in ("RETR 0", "RETR -1", "RETR 4294967297", "RETR 18446744073709551617", "TOP 1 -1", "TOP 0 0", "TOP 4294967297 1", "DELE 0", "DELE -1", "LIST 4294967297", "UIDL 0", "RETR", "RETR 1 2", "RETR %n"):
        refused("", client._shortcmd, words)
    client.dele(1)
    refused("There is no such message", client.dele, 1)
    assert client.stat() == (0, 0)
    client.rset()
    assert client.stat()[0] == 1
    client.quit()
    assert daemon().count("frank") == 1


def test_points_and_line_ends_come_as_they_were_stored():
    p = daemon()
    bodies = [b"Subject: a\r\n\r\n.\r\n..\r\n...\r\n.x\r\n", b"Subject: b\r\n\r\nno end", b"Subject: c\n\nbare\n.\n+OK evil\n", b".h: x\r\n\r\n\r\n.\r\n" * 3,
              b"Subject: long\r\n\r\n" + (b"." * 70 + b"\r\n" + b"y" * 71 + b"\r\n") * 3000, b"Subject: long\r\n\r\n" + b".\r\n" * 70000]
    with p.imap("grace") as imap:
        for body in bodies:
            # imaplib would make CRLF of each line end
            imap.send(b"a1 APPEND INBOX {%d+}\r\n%s\r\n" % (len(body), body))
            while not imap.readline().startswith(b"a1 OK"):
                pass
    with Raw(p.port["pop3"]) as c:
        c.line()
        for words in ("USER grace@example.org", f"PASS {PASSWORD}"):
            c.send(words + "\r\n")
            assert c.line().startswith("+OK")
        for number, body in enumerate(bodies, 1):
            c.send(f"LIST {number}\r\nRETR {number}\r\nNOOP\r\n")
            assert c.line() == f"+OK {number} {len(body)}"
            assert c.line() == f"+OK {len(body)} octets"
            whole = body if body.endswith(b"\r\n") else body + b"\r\n"
            stuffed = re.sub(rb"(^|\n)\.", rb"\1..", whole)
            assert c.exactly(len(stuffed)) == stuffed, number
            assert c.line() == "." and c.line() == "+OK Done"


def test_what_ascii_cannot_say_is_refused_to_who_has_not_said_utf8():
    p = daemon()
    wide = b"".join(b"To: " + b",\r\n\t".join(b",".join(["\u00e9".encode()] * 500) for _ in range(18)) + b"\r\n" for _ in range(8))  # more than a header of ours, as encoded words
    bodies = [b"Subject: before\r\n\r\nx\r\n", wide + b"Subject: wide\r\n\r\nx\r\n", b"Subject: gr\xc3\xbcn\r\n\r\nx\r\n"]
    with p.imap("kurt") as imap:
        for body in bodies:
            imap.append("INBOX", None, None, body)
    client = pop("kurt")
    refused("[UTF8]", client.retr, 2)
    refused("[UTF8]", client.top, 2, 0)
    assert client.retr(1)[1][0] == b"Subject: before" and client.retr(3)[1][0].startswith(b"Subject: =?UTF-8?")
    sizes = [int(line.split()[1]) for line in client.list()[1]]
    assert [sizes[0], sizes[2]] == [client.retr(1)[2], client.retr(3)[2]] and sizes[1] == len(bodies[1])
    client.quit()
    with p.imap("kurt") as imap:
        imap.select("INBOX")
        assert imap.search(None, "UNSEEN")[1] == [b"2"]
    client = poplib.POP3_SSL("127.0.0.1", p.port["pop3s"], context=no_verify(), timeout=30 * SLOW)
    client.utf8()
    client.user("kurt@example.org")
    client.pass_(PASSWORD)
    sizes = [int(line.split()[1]) for line in client.list()[1]]
    for number, body in enumerate(bodies, 1):
        first, lines, octets = client.retr(number)
        assert first == b"+OK %d octets" % len(body) and octets == sizes[number - 1] == len(body) and lines[-3] == body.split(b"\r\n")[-4], number
    client.quit()


def test_a_large_message_comes_whole_and_a_slow_reader_costs_little():
    p = daemon()
    deliver("heidi", *(message(n, 20 << 20) for n in range(2)))
    client = pop("heidi")
    size = client.stat()[1] // 2
    assert client.retr(1)[2] == size
    client.quit()

    def rss():
        with open(f"/proc/{p.process.pid}/status") as f:
            return int(re.search(r"^VmRSS:\s+(\d+)", f.read(), re.M).group(1))

    before = rss()
    with Raw(p.port["pop3"]) as c:
        c.send(f"USER heidi@example.org\r\nPASS {PASSWORD}\r\n" + "RETR 1\r\nRETR 2\r\n" * 50)
        time.sleep(1)  # nothing is read: it fills what there is to fill
        assert SANITIZED or rss() - before < 20 * 1024, rss() - before
        for _ in range(3):
            assert c.line().startswith("+OK")
        assert c.line() == f"+OK {size} octets"
        text = c.exactly(size)
        assert text.endswith(b"123456789 1\r\n") and c.line() == "."


def test_pipelined_fetches_and_deletions_are_answered_in_order():
    deliver("ivan", *(message(n) for n in range(1, 41)))
    with Raw(daemon().port["pop3s"], tls=True) as c:
        c.send(f"USER ivan@example.org\r\nPASS {PASSWORD}\r\n" + "".join(f"RETR {n}\r\n" for n in range(1, 41)) + "".join(f"RETR {n}\r\nDELE {n}\r\n" for n in range(40, 0, -1)) + "RETR 1\r\nQUIT\r\n")
        lines = c.rest()
    assert [line for line in lines if line.startswith("Subject")] == [f"Subject: number {n}" for n in [*range(1, 41), *range(40, 0, -1)]]
    assert lines.count("+OK Marked to be deleted") == 40
    assert lines[-2:] == ["-ERR There is no such message", "+OK Goodbye"]
    assert daemon().count("ivan") == 0


# ---- logins ----

def sasl(mechanism, *responses, tls=True):
    """The last line that AUTH gets; `responses` are functions of what the server said."""
    with Raw(daemon().port["pop3s" if tls else "pop3"], tls=tls) as c:
        c.line()
        c.send(f"AUTH {mechanism}\r\n")
        for response in responses:
            said = c.line()
            if not said.startswith("+ "):
                return said
            c.send(response(base64.b64decode(said[2:]).decode()) + "\r\n")
        return c.line()


def test_sasl_logs_in_with_plain_scram_and_a_bound_channel():
    p = daemon()
    assert sasl("PLAIN", lambda _: b64(f"\0judy@example.org\0{PASSWORD}")).startswith("+OK")
    assert sasl("PLAIN", lambda _: b64("\0judy@example.org\0wrong")).startswith("-ERR [AUTH]")
    assert sasl("PLAIN " + b64(f"\0judy@example.org\0{PASSWORD}")).startswith("+OK")
    for password, answer in ((PASSWORD, "+OK"), ("wrong", "-ERR [AUTH]")):
        x = Exchange("judy@example.org", password)
        said = sasl("SCRAM-SHA-256", lambda _: b64(x.first()), lambda s: b64(x.final(s)), lambda s: x.check(s) or "")
        assert said.startswith(answer), said
    s, digest = connect(p.port["pop3s"])
    with s, s.makefile("rwb") as f:
        x = Exchange("judy@example.org", PASSWORD, "p=tls-server-end-point,,", digest)
        f.readline()

        def ask(text):
            f.write(text.encode() + b"\r\n")
            f.flush()
            return f.readline().decode().rstrip()

        first = ask(f"AUTH SCRAM-SHA-256-PLUS {b64(x.first())}")
        final = ask(b64(x.final(base64.b64decode(first[2:]).decode())))
        x.check(base64.b64decode(final[2:]).decode())
        assert ask("").startswith("+OK Logged in")


def test_wrong_passwords_end_the_connection_and_are_counted():
    p = daemon()
    with Raw(p.port["pop3"]) as c:
        c.line()
        for _ in range(4):
            c.send("USER nobody@example.org\r\nPASS wrong\r\n")
            assert c.line().startswith("+OK")
            assert c.line() == "-ERR [AUTH] Wrong user or password"
        assert c.line() is None
    assert re.search(r'login="nobody@example.org" verdict=wrong', p.log_tail(200))


def test_an_app_password_opens_pop3_only_where_it_is_for_it():
    judy = Person(daemon(), "judy")
    judy.log_in()
    pop("judy", password=judy.app_password("pop3")).quit()
    refused("[AUTH]", pop, "judy", True, judy.app_password("imap", "smtp"))


def test_a_session_ends_when_its_account_is_suspended_or_its_password_changes():
    p = daemon()
    client = pop("erin")
    p.cli("user", "suspend", "erin@example.org")
    wait_until(lambda: ended(client), what="the session's end")
    refused("[AUTH] The account is suspended", pop, "erin")
    p.cli("user", "resume", "erin@example.org")
    client = pop("erin")
    p.cli("user", "passwd", "erin@example.org", "--password-stdin", input="another-horse-2\n")
    wait_until(lambda: ended(client), what="the session's end")
    refused("[AUTH]", pop, "erin")
    pop("erin", password="another-horse-2").quit()


def test_an_account_can_be_removed_while_its_session_is_in_the_middle_of_a_message():
    p = daemon()
    p.cli("user", "add", "rhea@example.org", "--password-stdin", input=PASSWORD + "\n")
    deliver("rhea", message(1, 20 << 20))
    before = set(os.listdir(f"{p.dir}/data/accounts"))
    with Raw(p.port["pop3"]) as c:
        c.send(f"USER rhea@example.org\r\nPASS {PASSWORD}\r\nRETR 1\r\n")
        while not c.line().endswith("octets"):
            pass  # and nothing more is read
        p.cli("user", "rm", "rhea@example.org", "--yes")
        wait_until(lambda: len(set(os.listdir(f"{p.dir}/data/accounts")) & before) == len(before) - 1, what="the removal of the account's folder")


def test_pop3_can_be_switched_off_for_an_account():
    p = daemon()
    deliver("carol", message(9))
    client = pop("carol")
    p.cli("user", "set-protocols-disabled", "carol@example.org", "pop3")
    wait_until(lambda: ended(client), what="the session's end")
    refused("[AUTH] POP3 is switched off", pop, "carol")
    p.imap("carol").logout()
    p.cli("user", "rm-protocols-disabled", "carol@example.org")
    pop("carol").quit()


def ended(client):
    try:
        client.noop()
        return False
    except (poplib.error_proto, OSError, EOFError):
        return True


def test_no_password_passes_without_tls_from_elsewhere():
    p = daemon()
    s = socket.create_connection(("127.0.0.1", p.port["pop3"]), timeout=30 * SLOW, source_address=(PROXY, 0))
    with s, s.makefile("rwb") as f:
        f.write(b"PROXY TCP4 203.0.113.7 192.0.2.25 50000 110\r\nCAPA\r\nUSER judy@example.org\r\nPASS x\r\nQUIT\r\n")
        f.flush()
        lines = [line.decode().rstrip() for line in f]
    assert "STLS" in lines and not any(line.startswith(("SASL", "USER")) for line in lines), lines
    assert lines[-3:-1] == ["-ERR [AUTH] TLS is needed first"] * 2 and lines[-1] == "+OK Goodbye"


# ---- hostile clients ----

def test_what_is_sent_along_with_stls_is_forgotten():
    with Raw(daemon().port["pop3"]) as c:
        c.line()
        c.send("USER mallory@example.org\r\nSTLS\r\nUSER judy@example.org\r\nPASS x\r\nQUIT\r\n")
        assert c.line().startswith("+OK") and c.line() == "+OK Begin the handshake"
        c.start_tls()
        c.send(f"PASS {PASSWORD}\r\nQUIT\r\n")
        assert c.line() == "-ERR USER comes first" and c.line() == "+OK Goodbye"


def test_lines_without_an_end_and_floods_before_login_end_the_connection():
    p = daemon()
    for data in (b"(" * 1000000, b"USER " + b"a" * 100000 + b"\r\n", b"AUTH PLAIN " + b"A" * 100000, b"\n" * 1000, b"\0\r\n" * 1000, b"AUTH SCRAM-SHA-256\r\n" + b"A" * 50000):
        with Raw(p.port["pop3"]) as c:
            try:
                c.send(data)
            except OSError:
                pass
            lines = c.rest()
        assert len(lines) <= 27 and lines[-1].startswith("-ERR"), lines[-3:]
    pop("judy").quit()


def test_metrics_count_connections_and_logins():
    pop("judy").quit()
    text = ask(daemon(), "GET", "/metrics").body.decode()
    assert int(re.search(r"^postroom_pop3_connections_total (\d+)$", text, re.M).group(1)) > 10
    assert int(re.search(r'^postroom_auth_attempts_total\{protocol="pop3",result="ok"\} (\d+)$', text, re.M).group(1)) > 10


harness.run(globals())
