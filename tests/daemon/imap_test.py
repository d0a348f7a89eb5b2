"""IMAP on 143 and 993: real clients, several at once, restarts, slow readers, hostile input."""
import imaplib
import os
import re
import socket
import struct
import subprocess
import threading

import harness
from harness import FULL, PASSWORD, Raw, SANITIZED, SLOW, Instance, no_verify, shared, tool, wait_until

MAILBOXES = ("Archive", "Drafts", "Junk", "Sent", "Trash")


def daemon():
    return shared(users=["alice", "bob", "carol"])


def new_user(name, p=None):
    """An account of its own for one test."""
    (p or daemon()).cli("user", "add", f"{name}@example.org", "--password-stdin", input=PASSWORD + "\n")
    return name


class Imap(Raw):
    """A session, logged in unless user is None."""

    def __init__(self, user, p=None, service="imaps", host="127.0.0.1"):
        super().__init__((p or daemon()).port[service], tls=service == "imaps")
        self.tag = 0
        assert self.response().startswith(b"* OK ")
        if user:
            self.ok(f'LOGIN {user}@example.org "{PASSWORD}"')

    def response(self):
        """One response with its literals; None at the end of the connection."""
        whole = b""
        while True:
            while b"\r\n" not in self.pending:
                try:
                    more = self.socket.recv(1 << 20)
                except ConnectionResetError:
                    more = b""
                if not more:
                    return None
                self.pending += more
            line, self.pending = self.pending.split(b"\r\n", 1)
            whole += line
            literal = re.search(rb"\{(\d+)\}$", line)
            if not literal:
                return whole
            whole += b"\r\n" + self.exactly(int(literal.group(1)))

    def begin(self, command):
        self.tag += 1
        self.send(b"a%d " % self.tag + (command if isinstance(command, bytes) else command.encode()) + b"\r\n")
        return b"a%d " % self.tag

    def finish(self, tag):
        """The tagged response without its tag, and what came before it."""
        untagged = []
        while True:
            got = self.response()
            assert got is not None, f"the connection ended; before: {untagged[-3:]}"
            if got.startswith(tag):
                return got[len(tag):], untagged
            untagged.append(got)

    def do(self, command):
        return self.finish(self.begin(command))

    def ok(self, command):
        said, untagged = self.do(command)
        assert said.startswith(b"OK"), f"{command}: {said} {untagged[-3:]}"
        return untagged

    def no(self, command, word=b"NO"):
        said, untagged = self.do(command)
        assert said.startswith(word), f"{command}: {said} {untagged[-3:]}"
        return said

    def append(self, message, mailbox="INBOX", flags=""):
        said, _ = self.do(f"APPEND {mailbox} {flags}{{{len(message)}+}}\r\n".encode() + message)
        assert said.startswith(b"OK [APPENDUID "), said
        return int(said.split()[3].rstrip(b"]"))

    def fetch_whole(self, number, what="BODY.PEEK[]"):
        got = self.ok(f"FETCH {number} {what}")[0]
        return got[got.index(b"}\r\n") + 3:-1]


def session(user, p=None):
    return Imap(user, p)


def numbers(untagged, word):
    return [int(u.split()[1]) for u in untagged if u.endswith(word)]


# ---- real clients ----

def test_imaplib_reads_and_writes():
    user = new_user("lib")
    client = daemon().imap(user)
    assert sorted(re.search(rb'"?/"? "?(\w+)"?$', line).group(1).decode() for line in client.list()[1]) == sorted(MAILBOXES + ("INBOX",))
    message = b"From: a@example.net\r\nSubject: lib\r\n\r\nbody\r\n"
    assert client.append("INBOX", "(\\Seen)", None, message)[0] == "OK"
    assert client.select("INBOX") == ("OK", [b"1"])
    assert client.fetch("1", "(RFC822)")[1][0][1] == message
    assert client.search(None, "SUBJECT", "lib")[1] == [b"1"]
    assert client.store("1", "+FLAGS", "\\Deleted")[0] == "OK"
    assert client.expunge()[1] == [b"1"]
    assert client.close()[0] == "OK"
    client.logout()


def test_imaplib_with_starttls_and_authenticate():
    client = imaplib.IMAP4("127.0.0.1", daemon().port["imap"], timeout=30 * SLOW)
    client.starttls(no_verify())
    client.authenticate("PLAIN", lambda _: b"\0bob@example.org\0" + PASSWORD.encode())
    assert client.select()[0] == "OK"
    client.logout()


def test_curl_reads():
    p = daemon()
    user = new_user("curly")
    p.send("Subject: curl reads\r\n\r\nwith curl\r\n", to=(user,))
    p.wait_count(1, user)
    url = f"imaps://127.0.0.1:{p.port['imaps']}/INBOX"
    done = subprocess.run([tool("curl"), "-sSk", "--user", f"{user}@example.org:{PASSWORD}", f"{url};MAILINDEX=1"], capture_output=True, timeout=60 * SLOW)
    assert done.returncode == 0 and done.stdout.endswith(b"Subject: curl reads\r\n\r\nwith curl\r\n"), done
    done = subprocess.run([tool("curl"), "-sSk", "--user", f"{user}@example.org:{PASSWORD}", url, "-X", "SEARCH SUBJECT curl"], capture_output=True, timeout=60 * SLOW)
    assert done.stdout == b"* SEARCH 1\r\n", done
    path = os.path.join(p.dir, "up.eml")
    with open(path, "wb") as f:
        f.write(b"Subject: uploaded\r\n\r\nx\r\n")
    done = subprocess.run([tool("curl"), "-sSk", "--user", f"{user}@example.org:{PASSWORD}", "-T", path, f"imaps://127.0.0.1:{p.port['imaps']}/Sent"], capture_output=True, timeout=60 * SLOW)
    assert done.returncode == 0, done
    assert p.bodies(user, "Sent") == [b"Subject: uploaded\r\n\r\nx\r\n"]


# ---- two clients ----

def test_idle_hears_of_a_delivery():
    user = new_user("idler")
    with session(user) as c:
        c.ok("SELECT INBOX")
        tag = c.begin("IDLE")
        assert c.response().startswith(b"+ ")
        daemon().send("Subject: now\r\n\r\nx\r\n", to=(user,))
        assert c.response() == b"* 1 EXISTS"
        c.send("DONE\r\n")
        assert c.finish(tag)[0].startswith(b"OK")
        assert c.fetch_whole(1).endswith(b"Subject: now\r\n\r\nx\r\n")


def test_two_clients_see_each_others_changes():
    user = new_user("pair")
    with session(user) as a, session(user) as b:
        for n in range(3):
            a.append(b"Subject: %d\r\n\r\nx\r\n" % n)
        a.ok("SELECT INBOX")
        b.ok("SELECT INBOX")
        a.ok("STORE 2 +FLAGS (\\Flagged $Work)")
        seen = b.ok("NOOP")
        assert any(b"2 FETCH" in u and b"\\Flagged" in u and b"$Work" in u for u in seen), seen
        b.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
        assert numbers(b.ok("EXPUNGE"), b"EXPUNGE") == [1]
        seen = a.ok("FETCH 1:* (UID)")  # no EXPUNGE here (RFC 3501 7.4.1)
        assert not numbers(seen, b"EXPUNGE"), seen
        assert numbers(a.ok("NOOP"), b"EXPUNGE") == [1]
        a.append(b"Subject: new\r\n\r\nx\r\n")
        assert b"* 3 EXISTS" in b.ok("NOOP")
        assert b.fetch_whole(3) == b"Subject: new\r\n\r\nx\r\n"


def test_copy_and_move_keep_the_bytes():
    user = new_user("mover")
    messages = [b"Subject: %d\r\n\r\n%s\r\n" % (n, b"z" * n) for n in range(1, 6)]
    with session(user) as a, session(user) as b:
        for m in messages:
            a.append(m)
        a.ok("SELECT INBOX")
        said, _ = a.do("COPY 1:3 Archive")
        assert re.match(rb"OK \[COPYUID \d+ 1:3 1:3\]", said), said
        said, untagged = a.do("UID MOVE 4:5 Trash")
        assert said.startswith(b"OK") and any(re.match(rb"\* OK \[COPYUID \d+ 4:5 1:2\]", u) for u in untagged) and len(numbers(untagged, b"EXPUNGE")) == 2, (said, untagged)
        assert a.no("COPY 1 Nowhere").startswith(b"NO [TRYCREATE]")
        b.ok("SELECT Archive")
        assert [b.fetch_whole(n) for n in (1, 2, 3)] == messages[:3]
        b.ok("SELECT Trash")
        assert [b.fetch_whole(n) for n in (1, 2)] == messages[3:]
        assert b"* 3 EXISTS" in b.ok("SELECT INBOX")


def test_mailbox_deleted_while_selected_elsewhere():
    user = new_user("remover")
    with session(user) as a, session(user) as b:
        a.ok("CREATE Project")
        a.append(b"Subject: x\r\n\r\nx\r\n", "Project")
        a.ok("SELECT Project")
        b.ok("DELETE Project")
        said = a.do("NOOP")[0]
        assert said.startswith(b"OK") or said.startswith(b"BYE"), said
        a.send("x NOOP\r\n")
        rest = a.rest()
        assert not rest or "BYE" in rest[0], rest
        b.no("SELECT Project")
    with session(user) as c:
        c.ok("CREATE Project")
        assert b"* 0 EXISTS" in c.ok("SELECT Project")


def test_fetch_of_what_another_expunged():
    user = new_user("late")
    with session(user) as a, session(user) as b:
        for n in range(10):
            a.append(b"Subject: %d\r\n\r\nx\r\n" % n)
        a.ok("SELECT INBOX")
        b.ok("SELECT INBOX")
        b.ok("STORE 1:5 +FLAGS.SILENT (\\Deleted)")
        b.ok("EXPUNGE")
        said, got = a.do("FETCH 1:10 (UID FLAGS BODY.PEEK[])")
        assert said[:2] in (b"OK", b"NO"), said
        assert sum(b"Subject" in g for g in got) == 5, got
        a.ok("NOOP")
        assert len([u for u in a.ok("FETCH 1:* (UID)") if b"UID" in u]) == 5


def test_uids_and_uidvalidity_survive_a_restart():
    with Instance(users=["bob"]) as p:
        with session("bob", p) as c:
            for n in range(5):
                c.append(b"Subject: %d\r\n\r\nx\r\n" % n)
            c.ok("CREATE Deep/Er")
            c.ok("SELECT INBOX")
            c.ok("STORE 5 +FLAGS.SILENT (\\Deleted)")
            c.ok("STORE 2 +FLAGS.SILENT (\\Answered Own)")
            c.ok("EXPUNGE")
            before = state(c)
        p.stop()
        p.start()
        with session("bob", p) as c:
            assert state(c) == before, (before, state(c))
            assert c.append(b"Subject: after\r\n\r\nx\r\n") == 6, "the UID of the expunged one is not used again"
        p.kill()
        p.start()
        with session("bob", p) as c:
            c.ok("SELECT INBOX")
            assert c.fetch_whole(5) == b"Subject: after\r\n\r\nx\r\n", "an answered APPEND survives kill -9"


def state(c):
    lines = c.ok("SELECT INBOX") + c.ok("STATUS Deep/Er (UIDVALIDITY UIDNEXT MESSAGES)") + c.ok('LIST "" *')
    keep = [u for u in lines if b"UIDVALIDITY" in u or b"UIDNEXT" in u or b"EXISTS" in u or b"LIST" in u]
    return keep + sorted(re.sub(rb" ?\\Recent", b"", u) for u in c.ok("FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)"))


# ---- bytes ----

def test_append_and_fetch_give_identical_bytes():
    user = new_user("bytes")
    eight_bit = b"Subject: \xe4\xf6\xfc\r\n\r\n" + bytes(range(14, 256)) + b"\r\nno end"
    large = b"Subject: large\r\n\r\n" + b"".join(b"%08d %s\r\n" % (n, b"q" * 95) for n in range(100000))
    with session(user) as c:
        for m in (eight_bit, b"\r\n", b"X", b"Subject: nothing behind\r\n", large):
            c.append(m)
        c.ok("SELECT INBOX")
        sizes = [int(re.search(rb"RFC822.SIZE (\d+)", u).group(1)) for u in c.ok("FETCH 1:* RFC822.SIZE")]
        for n, m in enumerate((eight_bit, b"\r\n", b"X", b"Subject: nothing behind\r\n", large), 1):
            got = c.fetch_whole(n)
            assert got == m and sizes[n - 1] == len(m), f"message {n}: {len(got)} bytes, {len(m)} were sent, SIZE says {sizes[n - 1]}"
        assert c.fetch_whole(5, "BODY.PEEK[]<5000000.100>") == large[5000000:5000100]
        assert c.fetch_whole(5, "BODY.PEEK[TEXT]") == large[large.index(b"\r\n\r\n") + 4:]
        assert c.ok("FETCH 5 BODY.PEEK[]<4294967290.5>")[0].endswith((b' "")', b" {0}\r\n)"))


def test_disconnect_inside_a_literal_leaves_nothing():
    p = daemon()
    user = new_user("cut")
    with session(user) as c:
        c.append(b"Subject: whole\r\n\r\nx\r\n")
    before = body_files(p)
    for size, reset in ((1000, False), (5000000, False), (5000000, True)):
        c = session(user)
        c.send(b"x APPEND INBOX {%d+}\r\nSubject: cut off\r\n\r\n" % size + b"y" * (size // 2))
        if reset:
            c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()
    assert p.count(user) == 1
    wait_until(lambda: body_files(p) == before, 10, "no body file is left")


def body_files(p):
    return {os.path.join(d, f) for d, _, files in os.walk(f"{p.dir}/data/accounts") for f in files if "/files" in d}


def test_literal_one_byte_too_long_is_no_message():
    user = new_user("off")
    with session(user) as c:
        c.send(b"x APPEND INBOX {5+}\r\nabcdef\r\ny NOOP\r\n")
        said = [c.response(), c.response()]
        assert said[0].startswith(b"x BAD") and said[1].startswith(b"y "), said
    assert daemon().count(user) == 0


def test_slow_reader_takes_no_memory():
    p = daemon()
    user = new_user("slow")
    with session(user) as c:
        c.append(b"Subject: thirty\r\n\r\n" + (b"m" * 998 + b"\r\n") * 31457)
    before = memory_kib(p)
    readers = [session(user) for _ in range(8)]
    for c in readers:
        c.ok("SELECT INBOX")
        c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        c.begin("FETCH 1 BODY.PEEK[]")
    for c in readers:  # each has begun to come
        assert c.socket.recv(1000)
    with session(user) as c:
        c.ok("NOOP")
    grown = memory_kib(p) - before
    assert grown < (200 if SANITIZED else 24) * 1024, f"{grown} KiB more for 8 readers of 30 MiB"
    first = readers[0]
    first.pending = b""
    got = 1000
    while got < 31457000:
        got += len(first.socket.recv(1 << 20))
    for c in readers:
        c.close()


def memory_kib(p):
    with open(f"/proc/{p.process.pid}/smaps_rollup") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))


# ---- names ----

def test_names_in_modified_utf7():
    user = new_user("names")
    with session(user) as c:
        for name in ("Entw&APw-rfe", "&ZeVnLIqe-", "A&-B", "Deep/&AOQ-/leaf", '"with space"'):
            c.ok(f"CREATE {name}")
            c.append(b"Subject: x\r\n\r\nx\r\n", name)
        listed = b"\n".join(c.ok('LIST "" *'))
        for name in (b"Entw&APw-rfe", b"&ZeVnLIqe-", b"A&-B", b"Deep/&AOQ-/leaf", b"with space"):
            assert name in listed, listed
        c.ok("RENAME Entw&APw-rfe &AMQ-nderung")
        assert b"* 1 EXISTS" in c.ok("SELECT &AMQ-nderung")
        for bad in ("&", "&A", "&AGEAYg-", "&ZeVnLIqe", '"a\u00e4"', "&Jjo!", "../x", "a/../b", "/", "a//b", "x" * 2000, "INBOX", "inbox", "%", "*"):
            refused(c, f"CREATE {bad}")


def refused(c, command):
    said = c.do(command)[0]
    assert said[:2] in (b"NO", b"BA"), f"{command[:60]}: {said}"


def test_inbox_is_one_in_all_spellings_and_is_renamed_specially():
    user = new_user("inbox")
    with session(user) as c:
        c.append(b"Subject: x\r\n\r\nx\r\n", "inBox")
        assert b"* 1 EXISTS" in c.ok("SELECT InBoX")
        c.ok("RENAME INBOX Old")  # RFC 3501 6.3.5: the messages move, INBOX stays
        assert b"* 1 EXISTS" in c.ok("SELECT Old")
        assert b"* 0 EXISTS" in c.ok("SELECT INBOX")
        c.ok("CREATE A/B")
        refused(c, "RENAME A A/B/C")
        refused(c, "DELETE INBOX")


def test_special_mailboxes_exist_from_the_start():
    with session(new_user("special")) as c:
        listed = b"\n".join(c.ok('LIST "" *'))
        for name in MAILBOXES:
            assert re.search(rb"\\%s[^\n]* \"?%s\"?" % (name.encode(), name.encode()), listed), listed


# ---- sessions end ----

def test_suspension_ends_sessions():
    p = daemon()
    user = new_user("suspended")
    with session(user) as working, session(user) as idling, session("bob") as other:
        working.ok("SELECT INBOX")
        idling.ok("SELECT INBOX")
        idling.begin("IDLE")
        assert idling.response().startswith(b"+")
        p.cli("user", "suspend", f"{user}@example.org")
        for c in (working, idling):
            rest = c.rest()
            assert rest and rest[-1].startswith("* BYE"), rest
        other.ok("NOOP")
    with Imap(None) as c:
        c.no(f'LOGIN {user}@example.org "{PASSWORD}"')


def test_password_change_ends_sessions():
    p = daemon()
    user = new_user("changed")
    with session(user) as c:
        c.ok("SELECT INBOX")
        p.cli("user", "passwd", f"{user}@example.org", "--password-stdin", input="another-password-2\n")
        rest = c.rest()
        assert rest and rest[-1].startswith("* BYE"), rest
    with Imap(None) as c:
        c.no(f'LOGIN {user}@example.org "{PASSWORD}"')
        c.ok(f'LOGIN {user}@example.org "another-password-2"')


def test_stop_says_bye():
    with Instance(users=["bob"]) as p:
        c = session("bob", p)
        c.ok("SELECT INBOX")
        c.begin("IDLE")
        c.response()
        p.stop()
        assert any(line.startswith("* BYE") for line in c.rest())
        c.close()


# ---- hostile ----

def clean():
    p = daemon()
    with session("carol") as c:
        uid = c.append(b"Subject: clean\r\n\r\nx\r\n")
        c.ok("SELECT INBOX")
        assert c.ok(f"UID FETCH {uid} (FLAGS)")


def test_hostile_input_before_login():
    for attack in (b"a " + b"(" * 1000000 + b"\r\n", b"a LOGIN {4294967296}\r\n", b"a LOGIN {4294967296+}\r\n", b"a LOGIN {-1}\r\n", b"a LOGIN {0+}\r\n" * 1000, b"a LOGIN {5000+}\r\n" + b"x" * 5000 + b"\r\n",
                   b"a ID (" + b'"k" "v" ' * 100000 + b")\r\n", b"\x00" * 10000, os.urandom(20000), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 20, b"a" * 100000):
        with Imap(None) as c:
            try:
                c.send(attack)
                c.send(b"z LOGOUT\r\n")
                c.socket.settimeout(20 * SLOW)
                said = c.rest()
            except OSError:
                said = []
            assert not said or any("BAD" in s or "BYE" in s or "NO" in s for s in said), f"{attack[:30]}: {said[:3]}"
        assert daemon().process.poll() is None
    clean()


def test_hostile_input_after_login():
    user = new_user("hostile")
    with session(user) as c:
        for n in range(3):
            c.append(b"Subject: %d\r\n\r\nx\r\n" % n)
    hostile = ["FETCH 1:* (BODY[" + ".".join(["1"] * 500) + "])", "FETCH 1 BODY[]<4294967295.4294967295>", "FETCH 1 (BODY[HEADER.FIELDS (" + " ".join(f"h{n}" for n in range(10000)) + ")])", "UID FETCH 4294967295:1 FLAGS",
               "FETCH " + ",".join(f"{n}:{n + 1}" for n in range(1, 8000)) + " FLAGS", "FETCH 0 FLAGS", "FETCH 4294967296 FLAGS", "SEARCH " + "NOT " * 10000 + "ALL", "SEARCH " + "OR " * 10000 + "ALL", "SEARCH CHARSET X-NONE ALL",
               'SEARCH BODY ""', "SEARCH " + "(" * 10000, "STORE 1 +FLAGS (" + " ".join(f"k{n}" for n in range(5000)) + ")", "STORE 1 FLAGS (" + "k" * 5000 + ")", 'LIST "" ' + "*%" * 2000, 'LIST "" "' + "%*" * 500 + 'x"',
               'APPEND INBOX "31-Dec-9999 23:59:59 +0000" {4+}\r\nabcd', 'APPEND INBOX "01-Jan-1969 00:00:00 +0000" {4+}\r\nabcd', 'APPEND INBOX "99-Foo-1999 99:99:99 +9999" {4+}\r\nabcd', "APPEND INBOX {0+}\r\n",
               "COPY 1 \"\"", "ENABLE " + "X" * 5000, "STATUS INBOX (" + "MESSAGES " * 5000 + ")", "IDLE junk", "ID NIL NIL", "XYZZY", "UID UID UID", "FETCH 1 BODY[1.2.3.HEADER.FIELDS.NOT (A)]<1.0>"]
    for command in hostile:
        with session(user) as c:
            c.ok("SELECT INBOX")
            try:
                said = c.do(command)[0]
                assert said[:2] in (b"OK", b"NO", b"BA"), said[:100]
                c.ok("NOOP")
            except AssertionError as e:
                assert "connection ended" in str(e), f"{command[:60]}: {e}"
        assert daemon().process.poll() is None, command[:60]
    clean()


def test_deeply_nested_mime_is_survived():
    user = new_user("nested")
    depth = 10000
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth)) + b"\r\nx\r\n"
    rfc822 = b"Content-Type: message/rfc822\r\n\r\n" * 1000 + b"Subject: inner\r\n\r\nx\r\n"
    many = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 200000 + b"--b--\r\n"
    for message in (nested, rfc822, many, b"Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\nx\r\n"):
        daemon().send(b"Subject: mime\r\nMIME-Version: 1.0\r\n" + message, to=(user,))
    daemon().wait_count(4, user)
    with session(user) as c:
        c.ok("SELECT INBOX")
        for n in range(1, 5):
            assert any(b"BODYSTRUCTURE" in u for u in c.ok(f"FETCH {n} (BODYSTRUCTURE ENVELOPE)")), n
    clean()


def test_starttls_injection_is_dropped():
    with Imap(None, service="imap") as c:
        c.send("a STARTTLS\r\nb CAPABILITY\r\nc NOOP\r\n")
        assert c.response().startswith(b"a OK")
        try:
            c.start_tls()
        except OSError:
            return
        c.send("d NOOP\r\n")
        assert c.response().startswith(b"d OK"), "b and c are gone"


def test_wrong_logins_get_one_answer():
    said = set()
    for login, password in (("bob@example.org", "wrong-password"), ("nobody@example.org", PASSWORD), ("x", "y")):
        with Imap(None) as c:
            said.add(c.no(f'LOGIN {login} "{password}"'))
    assert len(said) == 1 and b"AUTHENTICATIONFAILED" in said.copy().pop(), said


def test_idle_sessions_hear_of_a_great_expunge():
    count, sessions = (10000, 200) if FULL else (500, 50)
    p = daemon()
    user = new_user("great")
    with session(user) as c:
        for start in range(0, count, 100):
            for n in range(start, start + 100):
                c.send(b"p%d APPEND INBOX {21+}\r\nSubject: %05d\r\n\r\nx\r\n\r\n" % (n, n))
            for n in range(start, start + 100):
                while not (got := c.response()).startswith(b"p%d " % n):
                    pass
                assert b" OK " in got, got
        idle = [session(user) for _ in range(sessions)]
        tags = []
        for i in idle:
            i.ok("SELECT INBOX")
            tags.append(i.begin("IDLE"))
        for i in idle:
            assert i.response().startswith(b"+")
        c.ok("SELECT INBOX")
        c.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)")
        assert len(numbers(c.ok("EXPUNGE"), b"EXPUNGE")) == count
        failures = []

        def listen(i):
            gone = 0
            while gone < count:
                got = i.response()
                if got is None:
                    failures.append("ended")
                    return
                gone += got.endswith(b"EXPUNGE")

        threads = [threading.Thread(target=listen, args=(i,)) for i in idle]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert not failures, failures
        for i, tag in zip(idle, tags):
            i.send("DONE\r\n")
            assert i.finish(tag)[0].startswith(b"OK")
            i.close()
    assert p.count(user) == 0


def test_many_idle_sessions_over_tls():
    p = daemon()
    user = new_user("crowd")
    idle = [session(user) for _ in range(350)]
    for i in idle:
        i.ok("SELECT INBOX")
        i.begin("IDLE")
    p.send("Subject: to all\r\n\r\nx\r\n", to=(user,))
    for i in idle:
        assert i.response().startswith(b"+")
        assert i.response() == b"* 1 EXISTS"
        i.close()
    clean()


def test_nothing_of_this_was_a_bug():
    assert daemon().cli("status", "-o", "json")["counters"]["bugs"] == 0


harness.run(globals())
