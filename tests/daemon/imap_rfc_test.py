"""IMAP as the RFCs say it: every command and item, good and bad, one client and three; written from the RFCs, not from the code."""
import base64
import functools
import os
import re
import socket
import ssl
import sys
import time

import harness
from harness import PASSWORD, no_verify, shared
from imap_wire import Atom, Client, Part, lines, parse

_count = [0]


def daemon():
    return shared(users=["alice", "bob", "carol", "dave", "erin", "frank", "greta"], conf="resolver = 127.0.0.1@9")


class Checker:
    """Goes on after a failure and names all of them at the end."""

    def __init__(self):
        self.failed = []

    def __call__(self, condition, *what):
        _count[0] += 1
        if not condition:
            where = sys._getframe(1)
            while where.f_code.co_name in ("is_", "<lambda>", "status", "expect"):
                where = where.f_back
            self.failed.append(f"line {where.f_lineno}: {' '.join(str(w)[:1500] for w in what)}")

    def is_(self, got, wanted, *what):
        self(got == wanted, "got", repr(got)[:700], "wanted", repr(wanted)[:700], *what)

    def status(self, client, wanted, *pieces):
        """The command answers so (OK, NO, BAD); returns the reply."""
        r = client.cmd(*pieces)
        self(r.status == wanted, wanted, "was expected of", str(pieces)[:200], "got", str(r)[:400])
        return r


def checks(function):
    @functools.wraps(function)
    def run():
        c = Checker()
        try:
            function(c)
        except Exception:
            if c.failed:
                sys.stderr.write("\n".join(c.failed) + "\n")
            raise
        assert not c.failed, f"{len(c.failed)} failed:\n" + "\n".join(c.failed)

    return run


_fresh = [0]


def mailbox(client, messages=(), prefix="box"):
    """A new mailbox with these messages; its name."""
    _fresh[0] += 1
    name = f"{prefix}{_fresh[0]}"
    client.ok(f"CREATE {name}")
    for m in messages:
        client.append(m, name)
    return name


def small(n, extra=""):
    return f"From: Sender {n} <s{n}@example.net>\r\nTo: bob@example.org\r\nSubject: message {n}\r\nDate: Mon, 2 Mar 2020 10:00:{n % 60:02d} +0100\r\nMessage-ID: <m{n}@example.net>\r\n{extra}\r\nBody of {n}\r\n".encode()


# ---- states and grammar ----


@checks
def test_greeting_and_capability(check):
    for tls in (True, False):
        with Client(daemon(), login=False, tls=tls) as c:
            check(c.greeting.startswith("* OK"), c.greeting)
            r = check.status(c, "OK", "CAPABILITY")
            caps = r.find("CAPABILITY")[0].decode().split()[1:]
            check("IMAP4rev1" in caps, caps)
            check(("STARTTLS" in caps) == (not tls), caps)
            check("LOGINDISABLED" not in caps, "loopback needs no TLS", caps)
            check("SASL-IR" in caps and ("LITERAL-" in caps or "LITERAL+" in caps), caps)
            check("AUTH=PLAIN" in caps, caps)
            check(not ("LITERAL+" in caps and "LITERAL-" in caps), caps)
            if tls:
                r = check.status(c, "OK", f"LOGIN bob@example.org {PASSWORD}")
                caps = (c.cmd("CAPABILITY")).find("CAPABILITY")[0].decode().split()
                for word in ("IDLE", "NAMESPACE", "ID", "ENABLE", "UIDPLUS", "MOVE", "UNSELECT", "SPECIAL-USE", "CHILDREN", "STATUS=SIZE"):
                    check(word in caps, word, caps)
                check("STARTTLS" not in caps and "LOGINDISABLED" not in caps)
            r = check.status(c, "OK", "LOGOUT")
            check(len(r.find("BYE")) == 1, r)
            check(c.response() is None)


@checks
def test_commands_in_wrong_states_are_bad(check):
    with Client(daemon(), login=False) as c:
        for i, command in enumerate(("SELECT INBOX", "EXAMINE INBOX", "CREATE x", "DELETE x", "RENAME x y", "SUBSCRIBE x", "UNSUBSCRIBE x", 'LIST "" *', 'LSUB "" *', "STATUS INBOX (MESSAGES)",
                        "NAMESPACE", "IDLE", "ENABLE CONDSTORE", "CHECK", "CLOSE", "UNSELECT", "EXPUNGE", "SEARCH ALL", "FETCH 1 FLAGS", "STORE 1 FLAGS ()", "COPY 1 x", "MOVE 1 x",
                        "UID FETCH 1 FLAGS", "UID EXPUNGE 1")):
            if i % 8 == 7:  # so many mistakes are suffered before login
                c.close()
                c = Client(daemon(), login=False)
            check.status(c, "BAD", command)
        check.status(c, "OK", "NOOP")
        check.status(c, "OK", 'ID ("name" "x")')
    with Client(daemon()) as c:
        for command in ("CHECK", "CLOSE", "UNSELECT", "EXPUNGE", "SEARCH ALL", "FETCH 1 FLAGS", "STORE 1 FLAGS ()", "COPY 1 x", "MOVE 1 x", "UID SEARCH ALL", "UID EXPUNGE 1:*"):
            check.status(c, "BAD", command)
        for command in (f"LOGIN bob@example.org {PASSWORD}", "AUTHENTICATE PLAIN", "STARTTLS"):
            check.status(c, "BAD", command)
        check.status(c, "OK", "NOOP")
    with Client(daemon(), tls=False, login=False) as c:  # on loopback
        check.status(c, "OK", f"LOGIN bob@example.org {PASSWORD}")


@checks
def test_authentication(check):
    plain = base64.b64encode(b"\0bob@example.org\0" + PASSWORD.encode()).decode()
    with Client(daemon(), login=False) as c:
        r = check.status(c, "NO", "LOGIN bob@example.org wrong")
        check.is_(r.code(), "AUTHENTICATIONFAILED")
        check.status(c, "BAD", "LOGIN bob@example.org")
        check.status(c, "NO", "AUTHENTICATE GSSAPI")
        check.status(c, "NO", "AUTHENTICATE NOSUCH abcd")
        c.send("a1 AUTHENTICATE PLAIN\r\n")
        check(c.response().startswith(b"+"))
        c.send("*\r\n")
        r = c.response()
        check(r.startswith(b"a1 BAD"), r)
        c.send("a2 AUTHENTICATE PLAIN\r\n")
        check.is_(c.response(), b"+ ")
        c.send("!!notbase64\r\n")
        r = c.response()
        check(r.startswith((b"a2 BAD", b"a2 NO")), r)
        r = check.status(c, "NO", "AUTHENTICATE PLAIN " + base64.b64encode(b"\0bob@example.org\0bad").decode())
        check.is_(r.code(), "AUTHENTICATIONFAILED")
        check.status(c, "OK", "AUTHENTICATE PLAIN " + plain)
        check.status(c, "OK", "SELECT INBOX")
    with Client(daemon(), login=False) as c:
        c.send("a2 authenticate plain\r\n")
        check.is_(c.response(), b"+ ")
        c.send(plain + "\r\n")
        r = c.response()
        while r.startswith(b"* "):
            r = c.response()
        check(r.startswith(b"a2 OK"), r)
    with Client(daemon(), login=False) as c:
        check.status(c, "OK", "LOGIN ", b"bob@example.org", " ", PASSWORD.encode())
    with Client(daemon(), login=False) as c:
        check.status(c, "OK", f'LOGIN "bob@example.org" "{PASSWORD}"')
    with Client(daemon(), login=False) as c:
        c.send("x LOGIN {15+}\r\nbob@example.org {%d+}\r\n%s\r\n" % (len(PASSWORD), PASSWORD))
        check.is_(c.until("x").status, "OK")
    with Client(daemon(), login=False) as c:  # an authorization identity that is not the own one
        r = c.cmd("AUTHENTICATE PLAIN " + base64.b64encode(b"alice@example.org\0bob@example.org\0" + PASSWORD.encode()).decode())
        check(r.status == "NO", r)


@checks
def test_starttls(check):
    with Client(daemon(), login=False, tls=False) as c:
        check.status(c, "BAD", "STARTTLS now")
        c.send("a STARTTLS\r\nb NOOP\r\n")
        r = c.response()
        check(r.startswith(b"a OK"), r)
        c.raw.start_tls()
        r = check.status(c, "OK", "CAPABILITY")  # the injected NOOP must not be answered
        check("STARTTLS" not in r.find("CAPABILITY")[0].decode().split())
        check.status(c, "BAD", "STARTTLS")
        check.status(c, "OK", f"LOGIN bob@example.org {PASSWORD}")


@checks
def test_grammar(check):
    with Client(daemon(), select="INBOX") as c:
        for i, command in enumerate(("NOOP x", "XYZZY", "CAPABILITY x", "SELECT", "SELECT INBOX x", "SELECT  INBOX", "CREATE", "CREATE a b", 'LIST ""', "LIST", "STATUS INBOX", "STATUS INBOX ()", "STATUS INBOX (FOO)",
                        "STATUS INBOX MESSAGES", "FETCH", "FETCH 1", "FETCH 1 FOO", "FETCH 1 (FLAGS", "FETCH 1 FLAGS)", "FETCH 0 FLAGS", "FETCH 1: FLAGS", "FETCH :1 FLAGS", "FETCH 1,,2 FLAGS",
                        "FETCH 1, FLAGS", "FETCH a FLAGS", "FETCH -1 FLAGS", "FETCH 4294967296 FLAGS", "FETCH 1 ()", "FETCH 1 (FLAGS ALL)", "FETCH 1 BODY[", "FETCH 1 BODY[FOO]", "FETCH 1 BODY[0]",
                        "FETCH 1 BODY[1.]", "FETCH 1 BODY[.1]", "FETCH 1 BODY[MIME]", "FETCH 1 BODY[HEADER.FIELDS]", "FETCH 1 BODY[HEADER.FIELDS ()]", "FETCH 1 BODY[]<0>", "FETCH 1 BODY[]<1.0>",
                        "FETCH 1 BODY[]<-1.5>", "FETCH 1 BODY[]<0.4294967296>", "FETCH 1 BODY.PEEK", "FETCH 1 RFC822.FOO", "STORE 1 FLAGS", "STORE 1", "STORE 1 FOO (\\Seen)", "STORE 1 +FLAGS (\\Foo",
                        "STORE 1 FLAGS (\\Recent)", "STORE 1 FLAGS.LOUD (\\Seen)", "STORE 1 FLAGS (\\Foo)", "STORE 1 FLAGS (a]b)", "STORE 1 FLAGS (a*b)", "COPY 1", "COPY x INBOX", "MOVE 1", "SEARCH", "SEARCH FOO",
                        "SEARCH (ALL", "SEARCH NOT", "SEARCH OR ALL", "SEARCH BEFORE x", "SEARCH SINCE 32-Jan-2020", "SEARCH LARGER -1", "SEARCH LARGER x", "SEARCH HEADER x", "SEARCH ()", "UID", "UID NOOP",
                        "UID FETCH", "UID FETCH 0 FLAGS", "UID EXPUNGE", "EXPUNGE 1", "CLOSE x", "IDLE x", "ENABLE", "APPEND INBOX", "APPEND", "ID", "ID (a b)", 'ID ("a")', "RENAME a", "SUBSCRIBE", "LOGOUT x",
                        'SELECT "INBOX', 'SELECT "IN\\BOX"', "NOOP ", " NOOP", "SEARCH CHARSET", "SEARCH SUBJECT", "SEARCH KEYWORD", "SEARCH KEYWORD \\Seen", "CREATE a*", "CREATE a%b", "FETCH 1:*:2 FLAGS")):
            if i % 40 == 39:  # and so many in a row after it
                c.close()
                c = Client(daemon(), select="INBOX")
            check.status(c, "BAD", command)
        check.status(c, "OK", "NOOP")
        # tags and lines
        c.send("\r\n")
        r = c.response()
        check(r is not None and r.startswith(b"* BAD"), r)
        c.send("onlytag\r\n")
        r = c.response()
        check(r.startswith((b"* BAD", b"onlytag BAD")), r)
        c.send("+tag NOOP\r\n")
        r = c.response()
        check(r.startswith(b"* BAD"), r)
        c.send("ta(g NOOP\r\n")
        r = c.response()
        check(r.startswith(b"* BAD"), r)
        c.send("ok]tag!#$&'-.:;<=>?@[^_`|}~ NOOP\r\n")
        r = c.response()
        check(r.startswith(b"ok]tag!#$&'-.:;<=>?@[^_`|}~ OK"), r)
    with Client(daemon(), select="INBOX") as c:
        for command in ("noop", "nOoP", "uid fetch 1:* flags", "fetch 1:* (flags UID)", "Search all", 'list "" inbox', "status inbox (messages)", "select inbox", "select InBoX", "check"):
            check.status(c, "OK", command)
        c.send(b"nul NOOP\0\r\n")
        r = c.response()
        check(r is None or b"BAD" in r or b"BYE" in r, r)
    with Client(daemon()) as c:  # a very long line
        try:  # the end may overtake the reply while the client still writes
            c.send("a NOOP " + "x" * 300000 + "\r\n")
            r = c.response()
        except OSError:
            r = None
        check(r is None or r.startswith((b"* BYE", b"a BAD", b"* BAD")), r)
    with Client(daemon(), login=False) as c:
        c.send("a LOGIN {100000}\r\n")
        r = c.response()
        check(r.startswith((b"a NO", b"a BAD", b"* BYE")), r)
    with Client(daemon(), login=False) as c:
        c.send("a LOGIN {4294967296+}\r\n")
        r = c.response()
        check(r.startswith((b"* BYE", b"a BAD", b"* BAD")), r)
    for bad in ("{-1}", "{}", "{a}", "{1", "{99999999999999999999}", "{1}x"):
        with Client(daemon()) as c:
            c.send(f"a SELECT {bad}\r\n")
            r = c.response()
            check(r is not None and (r.startswith((b"a BAD", b"* BYE", b"a NO"))), bad, r)


@checks
def test_literals_in_every_position(check):
    with Client(daemon()) as c:
        for sign in ("", "+"):
            def lit(*pieces):
                """Every bytes piece as a literal of this kind."""
                if not sign:
                    return c.cmd(*pieces)
                tag = c.tag()
                c.send(f"{tag} ".encode() + b"".join(p.encode() if isinstance(p, str) else b"{%d+}\r\n" % len(p) + p for p in pieces) + b"\r\n")
                return c.until(tag)

            n = f"lit{'p' if sign else 's'}".encode()
            check.is_(lit("CREATE ", n).status, "OK")
            check.is_(lit("SUBSCRIBE ", n).status, "OK")
            check.is_(len(lit("LIST ", b"", " ", n).find("LIST")), 1)
            check.is_(len(lit("LSUB ", b"", " ", n).find("LSUB")), 1)
            check.is_(lit("STATUS ", n, " (MESSAGES)").find("STATUS"), [b'STATUS "' + n + b'" (MESSAGES 0)'])
            check.is_(lit("APPEND ", n, " (\\Seen) ", small(1)).status, "OK")
            check.is_(lit("SELECT ", n).status, "OK")
            check.is_(lit("SEARCH SUBJECT ", b"message", " FROM ", b"sender").search(), [1])
            check.is_(lit("SEARCH HEADER ", b"subject", " ", b"message 1").search(), [1])
            r = lit("FETCH 1 BODY.PEEK[HEADER.FIELDS (", b"Subject", " ", b"from", ")]")
            check.is_(r.status, "OK", r)
            check(b"Subject: message 1" in r.untagged[0] and b"Sender 1" in r.untagged[0], r)
            check.is_(lit("COPY 1 ", n).status, "OK")
            check.is_(lit("MOVE 1 ", n).status, "OK")
            check.is_(lit("UID SEARCH TEXT ", b"Body of", " BODY ", b"of 1").status, "OK")
            check.is_(lit("ID (", b"name", " ", b"val", ")").status, "OK")
            check.is_(lit("EXAMINE ", n).status, "OK")
            check.is_(lit("CLOSE").status, "OK")
            check.is_(lit("RENAME ", n, " ", n + b"2").status, "OK")
            check.is_(lit("UNSUBSCRIBE ", n).status, "OK")
            check.is_(lit("DELETE ", n + b"2").status, "OK")
            check.is_(lit("LIST ", b"", " ", b"").find("LIST"), [b'LIST (\\Noselect) "/" ""'])
        c.send("a LIST \"\" {0+}\r\n\r\n")
        check.is_(c.until("a").status, "OK")


# ---- mailboxes ----


def listed(client, command):
    """name → attributes."""
    out = {}
    for u in client.ok(command).untagged:
        w = parse(u)
        if w and w[0] in ("LIST", "LSUB"):
            assert w[2] == b"/", u
            out[w[3].decode() if isinstance(w[3], bytes) else str(w[3])] = {str(a) for a in w[1]}
    return out


@checks
def test_special_use_and_list(check):
    with Client(daemon(), "carol") as c:
        boxes = listed(c, 'LIST "" *')
        for name in ("Drafts", "Sent", "Junk", "Trash", "Archive"):
            check("\\" + name in boxes.get(name, ()), name, boxes)
        check("INBOX" in boxes)
        check(all("\\HasNoChildren" in a for a in boxes.values()), boxes)
        for n in ("tree", "tree/a", "tree/b/c", "tree/a/x1", "other", "a.b", "sp ace", "par(en", "qu\\\"ote", "br]ack", "a&-b"):
            check.status(c, "OK", 'CREATE "%s"' % (n.replace("\\", "\\\\").replace('"', '\\"') if "qu" in n else n))
        boxes = listed(c, 'LIST "" "*"')
        check("tree/b" in boxes, "superior hierarchical names are created", boxes)
        check("sp ace" in boxes and "par(en" in boxes and 'qu\\"ote' in boxes and "br]ack" in boxes and "a&-b" in boxes, boxes)
        check("\\HasChildren" in boxes["tree"] and "\\HasChildren" in boxes["tree/b"] and "\\HasNoChildren" in boxes["tree/b/c"], boxes)
        check("\\HasNoChildren" in boxes["other"])
        cases = [('"" tree', {"tree"}), ('"" tree/*', {"tree/a", "tree/b", "tree/b/c", "tree/a/x1"}), ('"" tree/%', {"tree/a", "tree/b"}), ('"" tree*', {"tree", "tree/a", "tree/b", "tree/b/c", "tree/a/x1"}),
                 ('"tree/" %', {"tree/a", "tree/b"}), ('"tree/" *', {"tree/a", "tree/b", "tree/b/c", "tree/a/x1"}), ('"tree/b/" %', {"tree/b/c"}), ('"" "%/%"', {"tree/a", "tree/b"}),
                 ('"" "%/%/%"', {"tree/b/c", "tree/a/x1"}), ('"" t%e', {"tree"}), ('"" *c', {"tree/b/c"}), ('"" *x1', {"tree/a/x1"}), ('"" tree/a%', {"tree/a"}), ('"" t*/c', {"tree/b/c"}),
                 ('"" inbox', {"INBOX"}), ('"" INB%', {"INBOX"}), ('"" nosuch', set()), ('"" "%oth%"', {"other"}), ('"" %%%r', {"other"}), ('"" **h*v*e**', {"Archive"}), ('"" TREE', set())]
        for pattern, wanted in cases:
            got = set(listed(c, "LIST " + pattern))
            check.is_(got, wanted, pattern)
        got = set(listed(c, 'LIST "" %'))
        check(got == {n for n in boxes if "/" not in n}, got)
        r = c.ok('LIST "" ""')
        check.is_(r.find("LIST"), [b'LIST (\\Noselect) "/" ""'])
        r = c.ok('LIST "tree/" ""')
        check(len(r.find("LIST")) == 1, r)
        r = c.ok("NAMESPACE")
        check.is_(r.find("NAMESPACE"), [b'NAMESPACE (("" "/")) NIL NIL'])


@checks
def test_subscriptions(check):
    with Client(daemon(), "carol") as c:
        for n in ("sub", "sub/one", "sub/two/deep"):
            c.ok(f"CREATE {n}")
        before = set(listed(c, 'LSUB "" *'))
        check("sub/one" not in before, before)
        c.ok("SUBSCRIBE sub/one")
        c.ok("SUBSCRIBE sub/two/deep")
        c.ok("SUBSCRIBE sub/one")
        check.is_(set(listed(c, 'LSUB "" sub*')), {"sub/one", "sub/two/deep"})
        got = listed(c, 'LSUB "" sub/%')
        check.is_(set(got), {"sub/one", "sub/two"})
        check("\\Noselect" in got.get("sub/two", ()) and "\\Noselect" not in got.get("sub/one", ()), "RFC 3501 6.3.9", got)
        got = listed(c, 'LSUB "" %')
        check("\\Noselect" in got.get("sub", ()), got)
        check.status(c, "OK", "UNSUBSCRIBE sub/one")
        check("sub/one" not in listed(c, 'LSUB "" *'))
        r = c.cmd("UNSUBSCRIBE sub/one")
        check(r.status in ("OK", "NO"), r)
        r = c.cmd("SUBSCRIBE nosuchbox")
        check(r.status in ("OK", "NO"), r)
        # a subscription outlives its mailbox (RFC 3501 6.3.9: MUST NOT unilaterally remove)
        c.ok("DELETE sub/two/deep")
        check("sub/two/deep" in listed(c, 'LSUB "" *'))
        c.ok("UNSUBSCRIBE sub/two/deep")
        check("sub/two/deep" not in listed(c, 'LSUB "" *'))


@checks
def test_create_delete_rename(check):
    with Client(daemon(), "dave") as c:
        r = check.status(c, "NO", "CREATE INBOX")
        check.is_(r.code(), "ALREADYEXISTS")
        check.status(c, "NO", "CREATE inbox")
        check.status(c, "OK", "CREATE one")
        r = check.status(c, "NO", "CREATE one")
        check.is_(r.code(), "ALREADYEXISTS")
        check.status(c, "OK", "CREATE two/")
        check("two" in listed(c, 'LIST "" *'))
        for bad in ('""', "/x", "a//b", "../x", "a/../b", "./x", '"a\\\\b/../c"', "x" * 2000, '"a\tb"'):
            r = c.cmd(f"CREATE {bad}")
            check(r.status in ("NO", "BAD"), bad[:50], r) if bad not in ("../x", "a/../b", "./x", '"a\\\\b/../c"') else check(r.status in ("NO", "OK"), bad, r)
        r = check.status(c, "NO", "DELETE nosuch")
        check.is_(r.code(), "NONEXISTENT")
        r = check.status(c, "NO", "DELETE INBOX")
        check.status(c, "NO", "DELETE inbox")
        check.status(c, "OK", "DELETE one")
        check("one" not in listed(c, 'LIST "" *'))
        r = check.status(c, "NO", "SELECT one")
        check.is_(r.code(), "NONEXISTENT")
        # uidvalidity of a name that is used again
        c.ok("CREATE again")
        v1 = re.search(rb"UIDVALIDITY (\d+)", c.ok("STATUS again (UIDVALIDITY)").untagged[0]).group(1)
        c.ok("DELETE again")
        c.ok("CREATE again")
        v2 = re.search(rb"UIDVALIDITY (\d+)", c.ok("STATUS again (UIDVALIDITY)").untagged[0]).group(1)
        check(int(v2) > int(v1), v1, v2)
        # rename
        c.ok("CREATE ren/a/b")
        c.append(small(1), "ren/a/b")
        v1 = c.ok("STATUS ren/a/b (UIDVALIDITY MESSAGES)").untagged[0].split(b"(")[1]
        check.status(c, "OK", "RENAME ren moved/to")
        boxes = set(listed(c, 'LIST "" *'))
        check({"moved/to", "moved/to/a", "moved/to/a/b", "moved"} <= boxes and not [b for b in boxes if b.startswith("ren")], boxes)
        check.is_(c.ok("STATUS moved/to/a/b (UIDVALIDITY MESSAGES)").untagged[0].split(b"(")[1], v1)
        r = check.status(c, "NO", "RENAME nosuch other")
        check.is_(r.code(), "NONEXISTENT")
        r = check.status(c, "NO", "RENAME two moved")
        check.is_(r.code(), "ALREADYEXISTS")
        check.status(c, "NO", "RENAME two INBOX")
        check.status(c, "NO", "RENAME moved moved/child")
        check.status(c, "NO", "RENAME moved/to moved/to/a/x")
        check.status(c, "NO", "RENAME two two")
        # INBOX
        c.append(small(2), "INBOX")
        c.append(small(3), "INBOX", "(\\Flagged kw)")
        c.ok("CREATE INBOX/kid")
        check.status(c, "OK", "RENAME INBOX old-mail")
        check.is_(c.ok("STATUS INBOX (MESSAGES)").untagged[0], b'STATUS "INBOX" (MESSAGES 0)')
        check.is_(c.ok("STATUS old-mail (MESSAGES)").untagged[0], b'STATUS "old-mail" (MESSAGES 2)')
        boxes = set(listed(c, 'LIST "" *'))
        check("INBOX/kid" in boxes and "INBOX" in boxes and "old-mail/kid" not in boxes, "inferiors of INBOX stay (RFC 3501 6.3.5)", boxes)
        c.ok("SELECT old-mail")
        f = c.fetch("1:*", "(FLAGS)")
        check({"\\Flagged", "kw"} <= set(f[2]["FLAGS"]), f)
        c.ok("SELECT inbox/kid")
        check.is_(set(listed(c, 'LIST "" inbox/%')) | set(listed(c, 'LIST "" INBOX/%')), {"INBOX/kid"})
        r = c.cmd("DELETE moved")
        check(r.status == "NO" and r.code() == "HASCHILDREN", r)


@checks
def test_modified_utf7(check):
    def encode(text):
        return re.sub("[^\x20-\x7e]+", lambda m: "&" + base64.b64encode(m.group(0).encode("utf-16-be")).decode().rstrip("=").replace("/", ",") + "-", text.replace("&", "&-"))

    with Client(daemon(), "dave") as c:
        for name in ("Entwürfe", "台北", "a&b", "日本語/子", "x😀y", "ÿ~ü", "&", "Ж/Ж"):
            e = encode(name)
            check.status(c, "OK", f'CREATE "{e}"')
            check(e in listed(c, 'LIST "" *'), name, e)
            check.status(c, "OK", f'SELECT "{e}"')
        for bad in ("&", "a&b", "&AGE-", "&2D0-", "&ZeVnLIqe", "&U,BTFw-&ZeVnLIqe-x&", "&A-", "&3wA-", "&AMk", "&ZeV=-", "&ACY-"):
            r = c.cmd(f'CREATE "{bad}"')
            check(r.status in ("NO", "BAD"), bad, r)
        r = c.cmd('CREATE "caf\u00e9"')  # raw octets of 8 bits
        check(r.status in ("NO", "BAD"), r)


@checks
def test_select_and_status(check):
    with Client(daemon(), "dave") as c:
        n = mailbox(c, [small(i) for i in range(1, 4)])
        c.append(small(4), n, "(\\Seen)")
        r = c.ok(f"STATUS {n} (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN SIZE)")
        s = {str(k): int(v) for k, v in zip(*[iter(parse(r.untagged[0])[2])] * 2)}
        check.is_((s["MESSAGES"], s["RECENT"], s["UIDNEXT"], s["UNSEEN"]), (4, 4, 5, 3))
        check.is_(s["SIZE"], sum(len(small(i)) for i in range(1, 5)))
        r = c.ok(f"EXAMINE {n}")
        check(r.text.startswith("[READ-ONLY]"), r)
        check.is_(r.numbers("RECENT"), [4])
        r = c.ok(f"SELECT {n}")
        check(r.text.startswith("[READ-WRITE]"), r)
        check.is_(r.numbers("EXISTS"), [4])
        check.is_(r.numbers("RECENT"), [4], "EXAMINE takes no \\Recent")
        check(len(r.find("FLAGS (")) == 1 and all(f in r.find("FLAGS (")[0] for f in (b"\\Answered", b"\\Flagged", b"\\Deleted", b"\\Seen", b"\\Draft")) and b"\\Recent" not in r.find("FLAGS (")[0], r)
        check(len(r.find("OK [PERMANENTFLAGS (")) == 1 and b"\\*" in r.find("OK [PERMANENTFLAGS")[0], r)
        check(len(r.find("OK [UIDNEXT 5]")) == 1 and len(r.find("OK [UIDVALIDITY ")) == 1 and len(r.find("OK [UNSEEN 1]")) == 1, r)
        f = c.fetch("1:*", "FLAGS")
        check(all("\\Recent" in f[i]["FLAGS"] for i in range(1, 5)), f)
        r = c.ok(f"SELECT {n}")
        check.is_(r.numbers("RECENT"), [0])
        f = c.fetch("1:*", "FLAGS")
        check(not any("\\Recent" in f[i]["FLAGS"] for i in range(1, 5)), f)
        r = c.ok(f"STATUS {n} (MESSAGES RECENT)")
        check(r.find("STATUS") == [f'STATUS "{n}" (MESSAGES 4 RECENT 0)'.encode()], r)
        c.ok("STORE 1:4 +FLAGS (\\Seen)")
        r = c.ok(f"SELECT {n}")
        check(not r.find("OK [UNSEEN"), "no UNSEEN code when all are seen", r)
        # a failed SELECT leaves nothing selected
        check.status(c, "NO", "SELECT nosuch")
        check.status(c, "BAD", "FETCH 1 FLAGS")
        c.ok(f"SELECT {n}")
        check.status(c, "NO", "STATUS nosuch (MESSAGES)")
        check.status(c, "OK", "FETCH 1 FLAGS")
        # read-only
        c.ok(f"EXAMINE {n}")
        for command in ("STORE 1 +FLAGS (\\Deleted)", "EXPUNGE", "MOVE 1 INBOX", "UID EXPUNGE 1"):
            check.status(c, "NO", command)
        c.ok("FETCH 1 BODY[]")
        check.status(c, "OK", "CLOSE")
        empty = mailbox(c)
        r = c.ok(f"SELECT {empty}")
        check.is_((r.numbers("EXISTS"), r.numbers("RECENT")), ([0], [0]))
        check(r.find("OK [UIDNEXT 1]"), r)
        for command in ("UID FETCH 1:* FLAGS", "UID FETCH * FLAGS", "UID SEARCH ALL", "SEARCH ALL", "UID STORE 1:* +FLAGS (\\Seen)", "UID COPY 1:* INBOX", "UID MOVE 1:* INBOX", "EXPUNGE", "UID EXPUNGE 1:*"):
            r = check.status(c, "OK", command)
            check(r.untagged in ([], [b"SEARCH"]), command, r)
        for command in ("FETCH 1 FLAGS", "FETCH * FLAGS", "FETCH 1:* FLAGS", "STORE 1 +FLAGS (\\Seen)", "COPY 1 INBOX"):
            r = c.cmd(command)
            check(r.status in ("BAD", "NO", "OK") and not r.untagged, command, r)
        check.status(c, "BAD", "FETCH 1 FLAGS")
        check.is_(c.ok("SEARCH *").search(), [])


# ---- append ----


@checks
def test_append(check):
    with Client(daemon(), "dave") as c:
        n = mailbox(c)
        v = re.search(rb"UIDVALIDITY (\d+)", c.ok(f"STATUS {n} (UIDVALIDITY)").untagged[0]).group(1).decode()
        r = c.append(small(1), n)
        check.is_(r.code(), f"APPENDUID {v} 1")
        r = c.append(small(2), n, "(\\Seen \\Flagged custom $Label1)")
        check.is_(r.code(), f"APPENDUID {v} 2")
        r = check.status(c, "NO", "APPEND nosuch ", small(1))
        check.is_(r.code(), "TRYCREATE")
        c.ok(f"SELECT {n}")
        r = c.append(small(3), n)
        check.is_(r.numbers("EXISTS"), [3], "RFC 3501 6.3.11: SHOULD notify at once")
        f = c.fetch("1:3", "(UID FLAGS)")
        check.is_({str(x) for x in f[2]["FLAGS"]} - {"\\Recent"}, {"\\Seen", "\\Flagged", "custom", "$Label1"})
        dates = ["17-Jul-1996 02:44:25 -0700", " 1-Jan-1970 00:00:00 +0000", "31-Dec-1999 23:59:59 +1400", "29-Feb-2024 12:00:00 -1200", " 5-Nov-2038 03:14:08 +0530", "01-Feb-2003 00:00:00 +0000"]
        for d in dates:
            uid = int(c.append(small(9), n, f'"{d}"').code().split()[2])
            got = c.ok(f"UID FETCH {uid} INTERNALDATE").fetched()
            got = list(got.values())[0]["INTERNALDATE"].decode()
            check(re.match(r"[ \d]\d-[A-Z][a-z][a-z]-\d{4} \d\d:\d\d:\d\d [+-]\d{4}$", got), got)
            check.is_(_instant(got), _instant(d), d)
        for bad in ("32-Jan-2020 00:00:00 +0000", "30-Feb-2020 00:00:00 +0000", "1-Jan-2020 00:00:00 +0000", "01-Jan-2020 24:00:00 +0000", "01-Jan-2020 00:60:00 +0000", "01-Foo-2020 00:00:00 +0000",
                    "01-Jan-20 00:00:00 +0000", "01-Jan-2020 00:00:00", "01-Jan-2020 00:00:00 UTC", "01-Jan-2020", "01-Jan-2020 00:00:00 +00000", "29-Feb-2023 00:00:00 +0000"):
            r = c.cmd(f'APPEND {n} "{bad}" ', small(1))
            check(r.status == "BAD", bad, r)
            r = c.cmd("NOOP")
            if r.status != "OK":
                c.close()
                c = Client(daemon(), "dave", select=n)
        for date in ("01-Jan-9999 00:00:00 +0000", "01-Jan-1969 00:00:00 +0000"):
            r = c.cmd(f'APPEND {n} "{date}" ', small(1))
            check(r.status in ("OK", "NO", "BAD"), r)
            if r.status == "OK":
                got = c.ok(f"UID FETCH {r.code().split()[2]} INTERNALDATE").fetched()
                check.is_(_instant(list(got.values())[0]["INTERNALDATE"].decode()), _instant(date))
        r = c.cmd(f"APPEND {n} (\\Recent) ", small(1))
        check(r.status == "BAD", r)
        r = c.cmd(f"APPEND {n} (\\Nonsense) ", small(1))
        check(r.status == "BAD", r)
        r = c.cmd(f"APPEND {n} ", b"")
        check(r.status in ("NO", "BAD"), "APPEND of 0 octets (RFC 3501 has no word; others refuse)", r)
        # all octets but NUL come back
        odd = b"Subject: odd\r\n\r\n" + bytes(range(1, 256)) + b"\r\nbare\rcr bare\nlf\n"
        r = c.cmd(f"APPEND {n} ", odd)
        if r.status == "OK":
            got = c.ok(f"UID FETCH {r.code().split()[2]} (BODY.PEEK[] RFC822.SIZE)").fetched()
            got = list(got.values())[0]
            check.is_(int(got["RFC822.SIZE"]), len(got["BODY[]"]))
            check.is_(got["BODY[]"], odd)
        else:
            check(r.status in ("NO", "BAD"), r)
        r = c.cmd(f"APPEND {n} ", b"Subject: nul\r\n\r\na\0b\r\n")
        check(r.status in ("NO", "BAD"), r)
        for size in (65535, 65536, 65537, 300000, 2500000):
            m = b"Subject: big\r\n\r\n" + (b"0123456789" * 7 + b"\r\n") * (size // 72 + 1)
            m = m[: size - 2] + b"\r\n"
            r = c.append(m, n)
            got = c.ok(f"UID FETCH {r.code().split()[2]} (BODY.PEEK[] RFC822.SIZE)").fetched()
            got = list(got.values())[0]
            check(got["BODY[]"] == m and int(got["RFC822.SIZE"]) == len(m), size)
        # text after the literal
        c.send(b"x APPEND %s {5+}\r\nhello junk\r\n" % n.encode())
        r = c.until("x")
        check(r.status == "BAD", r)
        # a client that goes away in the middle
        before = c.ok(f"STATUS {n} (MESSAGES)").find("STATUS")
        with Client(daemon(), "dave") as d:
            d.send(b"x APPEND %s {200000}\r\n" % n.encode())
            check(d.response().startswith(b"+"))
            d.send(b"x" * 100000)
        check.is_(c.ok(f"STATUS {n} (MESSAGES)").find("STATUS"), before)
        with Client(daemon(), "dave") as d:
            d.send(b"x APPEND %s {999999999999}\r\n" % n.encode())
            r = d.response()
            check(r.startswith((b"x NO", b"x BAD", b"* BYE")), r)


def _instant(text):
    import datetime
    d = datetime.datetime.strptime(text.strip(), "%d-%b-%Y %H:%M:%S %z")
    return d.timestamp()


# ---- fetch ----

INNER3 = b"From: c@x\r\nSubject: third\r\nContent-Type: multipart/alternative; boundary=l3\r\n\r\npre3\r\n--l3\r\nContent-Type: text/plain\r\n\r\nplain3\r\n--l3\r\nContent-Type: text/html\r\n\r\n<p>3</p>\r\n\r\n--l3--\r\nepi3\r\n"
INNER2 = (b"From: b@x\r\nSubject: second\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"l 2\"\r\n\r\n--l 2\r\n\r\ntext2\r\n--l 2\r\nContent-Type: message/rfc822\r\nContent-Description: third\r\n\r\n"
          + INNER3 + b"\r\n--l 2--\r\n")
NESTED = (b"From: a@x\r\nTo: b@y\r\nSubject: first\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary=l1\r\n\r\npreamble\r\n--l1\r\nContent-Type: text/plain; charset=utf-8\r\nContent-ID: <p1>\r\n\r\nline one\r\nline two\r\n"
          b"--l1\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment; filename=second.eml\r\n\r\n" + INNER2 +
          b"\r\n--l1\r\nContent-Type: multipart/related; boundary=l1x\r\n\r\n--l1x\r\nContent-Type: text/html\r\n\r\n<img>\r\n--l1x\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <i>\r\n\r\niVBORw0KGgo=\r\n--l1x--\r\n"
          b"\r\n--l1--\r\nepilogue\r\n")
DIGEST = b"From: d@x\r\nContent-Type: multipart/digest; boundary=dd\r\n\r\n--dd\r\n\r\nFrom: one@x\r\nSubject: d1\r\n\r\nbody1\r\n--dd\r\n\r\nFrom: two@x\r\nSubject: d2\r\n\r\nbody2\r\n--dd--\r\n"
TOPMESSAGE = b"From: t@x\r\nSubject: outer\r\nContent-Type: message/rfc822\r\n\r\nFrom: in@x\r\nSubject: inner\r\n\r\ninner body\r\n"
NOEND = b"From: n@x\r\nContent-Type: multipart/mixed; boundary=zz\r\n\r\n--zz\r\nContent-Type: text/plain\r\n\r\nfirst\r\n--zz\r\nContent-Type: text/plain\r\n\r\nnever closed\r\n"
EMPTYPART = b"From: n@x\r\nContent-Type: multipart/mixed; boundary=zz\r\n\r\n--zz\r\n\r\n--zz\r\nContent-Type: text/plain\r\n\r\n\r\n--zz--\r\n"
TEXTONLY = b"From: n@x\r\nSubject: text\r\n\r\none\r\ntwo\r\nthree"
NOHEADER = b"\r\nonly a body\r\n"
NOBODY = b"From: n@x\r\nSubject: no body at all\r\n\r\n"
HTML = b"From: n@x\r\nContent-Type: TEXT/HTML; CHARSET=\"utf-8\"; Format=flowed\r\nContent-Transfer-Encoding: Quoted-Printable\r\n\r\n<p>=C3=A9</p>\r\n"
SAMPLES = [NESTED, DIGEST, TOPMESSAGE, NOEND, EMPTYPART, TEXTONLY, NOHEADER, NOBODY, HTML, INNER2, INNER3]


@checks
def test_sections_are_byte_exact(check):
    with Client(daemon(), "erin") as c:
        n = mailbox(c, SAMPLES)
        c.ok(f"SELECT {n}")
        for i, m in enumerate(SAMPLES, 1):
            sections = Part(m).sections()
            sections[""] = m
            r = c.fetch(i, "(RFC822.SIZE RFC822 RFC822.HEADER RFC822.TEXT)")[i]
            check.is_((int(r["RFC822.SIZE"]), r["RFC822"], r["RFC822.HEADER"], r["RFC822.TEXT"]), (len(m), m, sections["HEADER"], sections["TEXT"]), i)
            got = c.fetch(i, "(" + " ".join(f"BODY.PEEK[{s}]" for s in sections) + ")")[i]
            for s, wanted in sections.items():
                check.is_(got.get(f"BODY[{s}]"), wanted, "message", i, "section", s)
                for offset, count in ((0, 5), (3, 4), (0, 100000), (len(wanted), 10), (len(wanted) - 1 if wanted else 0, 10), (100000, 1)):
                    p = c.fetch(i, f"BODY.PEEK[{s}]<{offset}.{count}>")[i]
                    check(p.get(f"BODY[{s}]<{offset}>") == wanted[offset : offset + count], "message", i, s, offset, count, p)
            for s in ("9", "1.9", "2.2.2.2.2.2", "1.1.1", "7.HEADER", "7.MIME"):
                if s not in sections:
                    r = c.cmd(f"FETCH {i} BODY.PEEK[{s}]")
                    v = r.fetched().get(i, {}).get(f"BODY[{s}]", None)
                    check(r.status in ("OK", "NO") and v in (None, b""), i, s, r)


@checks
def test_header_fields(check):
    m = (b"Received: one\r\nReceived: two\r\n folded\r\nFrom: a@b\r\nSubject:no space\r\nX-Empty:\r\nSUBJECT : with space\r\nX-Long: a\r\n\tb\r\n c\r\nTo: x@y\r\n\r\nbody\r\nSubject: not me\r\n")
    with Client(daemon(), "erin") as c:
        n = mailbox(c, [m, NESTED, NOHEADER, NOBODY])
        c.ok(f"SELECT {n}")
        for fields, wanted in (("received", b"Received: one\r\nReceived: two\r\n folded\r\n\r\n"), ("FROM To", b"From: a@b\r\nTo: x@y\r\n\r\n"), ("to from", b"From: a@b\r\nTo: x@y\r\n\r\n"), ("X-Nothing", b"\r\n"),
                               ("X-Long X-Empty", b"X-Empty:\r\nX-Long: a\r\n\tb\r\n c\r\n\r\n"), ('"x-empty"', b"X-Empty:\r\n\r\n")):
            r = c.fetch(1, f"BODY.PEEK[HEADER.FIELDS ({fields})]")[1]
            k = [k for k in r if k.startswith("BODY[HEADER.FIELDS")]
            check(len(k) == 1 and r[k[0]] == wanted, fields, r)
        r = c.fetch(1, "BODY.PEEK[HEADER.FIELDS.NOT (received subject x-long x-empty)]")[1]
        check.is_(r.get("BODY[HEADER.FIELDS.NOT (RECEIVED SUBJECT X-LONG X-EMPTY)]"), b"From: a@b\r\nTo: x@y\r\n\r\n", r)
        r = c.fetch(1, "BODY.PEEK[HEADER.FIELDS (From)]<2.4>")[1]
        check.is_([v for k, v in r.items() if k.endswith("<2>")], [b"From: a@b\r\n\r\n"[2:6]])
        r = c.fetch(2, "BODY.PEEK[2.HEADER.FIELDS (SUBJECT)]")[2]
        check.is_(r.get("BODY[2.HEADER.FIELDS (SUBJECT)]"), b"Subject: second\r\n\r\n", r)
        r = c.fetch(2, "BODY.PEEK[2.2.HEADER.FIELDS.NOT (SUBJECT content-type)]")[2]
        check.is_(list(r.values())[-1], b"From: c@x\r\n\r\n", r)
        r = c.fetch(3, "BODY.PEEK[HEADER.FIELDS (From)]")[3]
        check.is_(list(r.values())[-1], b"\r\n")
        r = c.ok("FETCH 1 BODY.PEEK[HEADER.FIELDS (" + " ".join(f"X-F{i}" for i in range(250)) + " FROM)]")
        check(b"From: a@b\r\n" in r.untagged[0])
        r = c.cmd("FETCH 1 (BODY.PEEK[" + ".".join(["1"] * 500) + "])")
        check(r.status in ("OK", "NO", "BAD"), r)
        r = c.cmd("FETCH 1 BODY.PEEK[]<4294967295.4294967295>")
        check(r.status in ("OK", "BAD"), r)
        check.status(c, "OK", "NOOP")


@checks
def test_fetch_items_and_macros(check):
    with Client(daemon(), "erin") as c:
        n = mailbox(c, [small(i) for i in range(1, 11)])
        c.ok(f"SELECT {n}")
        for macro, items in (("ALL", {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"}), ("FAST", {"FLAGS", "INTERNALDATE", "RFC822.SIZE"}), ("FULL", {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"})):
            check.is_(set(c.fetch(1, macro)[1]), items, macro)
        check.is_(set(c.fetch(1, "(UID BODYSTRUCTURE)")[1]), {"UID", "BODYSTRUCTURE"})
        check.is_(set(c.ok("UID FETCH 1 FLAGS").fetched()[1]), {"UID", "FLAGS"})
        check.is_(set(c.ok("UID FETCH 1 (UID FLAGS)").fetched()[1]), {"UID", "FLAGS"})
        check.is_(sorted(c.fetch("2:4,3,9:7,*", "UID")), [2, 3, 4, 7, 8, 9, 10])
        check.is_(sorted(c.fetch("*:9", "UID")), [9, 10])
        check.is_(sorted(c.fetch("*", "UID")), [10])
        check.is_(sorted(c.fetch("*:*", "UID")), [10])
        r = c.ok("FETCH 3,3,1,3:1 UID")
        check(len(r.numbers("FETCH")) in (3, 5), "messages of a set come once", r)
        check.is_(sorted(c.ok("UID FETCH 4294967295:8 FLAGS").fetched()), [8, 9, 10])
        check.is_(sorted(c.ok("UID FETCH 500:* FLAGS").fetched()), [10])
        check.is_(sorted(c.ok("UID FETCH 500:600 FLAGS").fetched()), [])
        check.is_(sorted(c.ok("UID FETCH 4294967295:1 (UID)").fetched()), list(range(1, 11)))
        for out in ("11", "1:11", "5,11", "4294967295"):
            check.status(c, "BAD", f"FETCH {out} FLAGS")
        # \Seen is set by BODY[], RFC822, RFC822.TEXT, not by the rest
        c.fetch("1:10", "(BODY.PEEK[] RFC822.HEADER ENVELOPE BODY BODYSTRUCTURE RFC822.SIZE BODY.PEEK[TEXT])")
        check.is_(c.ok("SEARCH SEEN").search(), [])
        for i, item in enumerate(("BODY[]", "RFC822", "RFC822.TEXT", "BODY[TEXT]", "BODY[HEADER]", "BODY[1]", "BODY[]<0.1>"), 1):
            f = c.fetch(i, item)[i]
            check("\\Seen" in f.get("FLAGS", []), "flags that change by FETCH are told", item, f)
        check.is_(c.ok("SEARCH SEEN").search(), [1, 2, 3, 4, 5, 6, 7])
        f = c.ok("FETCH 8 (FLAGS BODY[])").fetched()[8]
        check("\\Seen" in f["FLAGS"], f)
        f = c.ok("FETCH 1 BODY[]").fetched()[1]
        c.ok(f"EXAMINE {n}")
        c.fetch("9", "BODY[]")
        check.is_(c.ok("SEARCH UNSEEN").search(), [9, 10], "EXAMINE sets no \\Seen")
        many = ",".join(str(i) for i in range(1, 100001))
        r = c.cmd(f"UID FETCH {many} FLAGS") if len(many) < 8000 else None
        r = c.cmd("UID FETCH " + ",".join(["1", "3"] * 1500) + " UID")
        check(r.status in ("OK", "BAD"), r)
        check.status(c, "OK", "NOOP")


def b(text):
    return text.encode() if isinstance(text, str) else text


def addresses(*wanted):
    return [[b(n) if n is not None else None, None, b(m) if m is not None else None, b(h) if h is not None else None] for n, m, h in wanted]


@checks
def test_envelope(check):
    me = ("Me", "me", "x.org")
    base = "From: Me <me@x.org>\r\n"
    cases = [  # header, index, wanted
        ("Date: Mon, 7 Feb 1994 21:52:25 -0800\r\n", 0, b"Mon, 7 Feb 1994 21:52:25 -0800"),
        ("Date: nonsense\r\n", 0, b"nonsense"),
        ("", 0, None),
        ("", 1, None),
        ("Subject: plain\r\n", 1, b"plain"),
        ("Subject:\r\n", 1, b""),
        ("Subject: folded\r\n line\r\n", 1, b"folded line"),
        ("Subject: tab\r\n\tfold\r\n", 1, b"tab\tfold"),
        ('Subject: "quoted" \\ back\r\n', 1, b'"quoted" \\ back'),
        ("Subject: =?utf-8?q?caf=C3=A9?=\r\n", 1, b"=?utf-8?q?caf=C3=A9?="),
        ("SUBJECT: case\r\n", 1, b"case"),
        ("To: a@b.c\r\n", 5, addresses((None, "a", "b.c"))),
        ("To: A B <a@b.c>, c@d.e\r\n", 5, addresses(("A B", "a", "b.c"), (None, "c", "d.e"))),
        ('To: "Last, First" <a@b.c>\r\n', 5, addresses(("Last, First", "a", "b.c"))),
        ('To: "with \\"quotes\\"" <a@b.c>\r\n', 5, addresses(('with "quotes"', "a", "b.c"))),
        ("To: undisclosed-recipients:;\r\n", 5, addresses((None, "undisclosed-recipients", None), (None, None, None))),
        ("To: Group: a@b.c, D <d@e.f>;, last@x.y\r\n", 5, addresses((None, "Group", None), (None, "a", "b.c"), ("D", "d", "e.f"), (None, None, None), (None, "last", "x.y"))),
        ("To: <a@b.c>\r\n", 5, addresses((None, "a", "b.c"))),
        ("To: a@b.c (Comment Name)\r\n", 5, None),
        ('To: "quoted local"@b.c\r\n', 5, addresses((None, "quoted local", "b.c"))),
        ("To: a@[192.0.2.1]\r\n", 5, addresses((None, "a", "[192.0.2.1]"))),
        ("To: =?utf-8?q?J=C3=B6rg?= <j@b.c>\r\n", 5, addresses(("=?utf-8?q?J=C3=B6rg?=", "j", "b.c"))),
        ("To: a@b.c,\r\n c@d.e\r\n", 5, addresses((None, "a", "b.c"), (None, "c", "d.e"))),
        ("To:\r\n", 5, None),
        ("Cc: x@y.z\r\n", 6, addresses((None, "x", "y.z"))),
        ("Bcc: x@y.z\r\n", 7, addresses((None, "x", "y.z"))),
        ("", 2, addresses(me)),
        ("", 3, addresses(me)),
        ("", 4, addresses(me)),
        ("Sender: S <s@x>\r\n", 3, addresses(("S", "s", "x"))),
        ("Sender: S <s@x>\r\n", 4, addresses(me)),
        ("Reply-To: r@x\r\n", 4, addresses((None, "r", "x"))),
        ("Reply-To:\r\n", 4, addresses(me)),
        ("In-Reply-To: <a@b>\r\n", 8, b"<a@b>"),
        ("Message-ID: <m@n>\r\n", 9, b"<m@n>"),
        ("Message-ID:\r\n <m@n>\r\n", 9, b"<m@n>"),
        ("", 8, None),
        ("", 9, None),
    ]
    with Client(daemon(), "erin") as c:
        n = mailbox(c)
        tag = c.tag()
        for header, _, _ in cases:
            m = (base + header + "\r\nbody\r\n").encode()
            c.send(b"x APPEND %s {%d+}\r\n%s\r\n" % (n.encode(), len(m), m))
            check.is_(c.until("x").status, "OK")
        c.ok(f"SELECT {n}")
        got = c.fetch("1:*", "ENVELOPE")
        for i, (header, index, wanted) in enumerate(cases, 1):
            e = got[i]["ENVELOPE"]
            check(len(e) == 10, e)
            if "Comment Name" in header:
                check(e[5] is not None and len(e[5]) == 1 and e[5][0][2:] == [b"a", b"b.c"], e[5])
            elif header == "To:\r\n":
                check(e[index] is None, e)
            elif wanted == b"":
                check(e[index] in (b"", None), e)
            else:
                check.is_(e[index], wanted, header)
        del tag


def expected_structure(part):
    """BODYSTRUCTURE's beginning as far as the slicer knows it: nested types, sizes, lines."""
    if part.children:
        return [expected_structure(ch) for ch in part.children] + [part.type.split("/")[1]]
    out = [*part.type.split("/"), len(part.body)]
    if part.message:
        out += [expected_structure(part.message), lines(part.body)]
    elif part.type.startswith("text/"):
        out += [lines(part.body)]
    return out


def got_structure(s):
    if isinstance(s[0], list):
        kids = [x for x in s if isinstance(x, list)]
        n = next(i for i, x in enumerate(s) if not isinstance(x, list))
        return [got_structure(k) for k in s[:n]] + [s[n].decode().lower()]
    kind = f"{s[0].decode()}/{s[1].decode()}".lower()
    out = [*kind.split("/"), int(s[6])]
    if kind == "message/rfc822":
        assert len(s[7]) == 10, s
        out += [got_structure(s[8]), int(s[9])]
    elif kind.startswith("text/"):
        out += [int(s[7])]
    return out


@checks
def test_bodystructure(check):
    typed = [b"From: x@y\r\nContent-Type: application/pdf; name=\"a \\\"b\\\".pdf\"\r\nContent-Disposition: attachment; filename=x.pdf; size=3\r\nContent-Transfer-Encoding: BASE64\r\nContent-ID: <cid>\r\nContent-Description: a file\r\n"
             b"Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\nContent-Language: de, en\r\nContent-Location: http://x/y\r\n\r\nAAAA\r\n",
             b"From: x@y\r\nContent-Type: text\r\n\r\nbroken type\r\n", b"From: x@y\r\nContent-Type: multipart/mixed\r\n\r\nno boundary\r\n", b"From: x@y\r\nContent-Type: text/plain; charset\r\n\r\nx\r\n",
             b"From: x@y\r\nContent-Type: multipart/mixed; boundary=never\r\n\r\nthe boundary is not there\r\n", b"From: x@y\r\nContent-Type: text/plain (comment); charset=utf-8 (c)\r\n\r\nx\r\n"]
    with Client(daemon(), "erin") as c:
        n = mailbox(c, SAMPLES + typed)
        c.ok(f"SELECT {n}")
        got = c.fetch("1:*", "(BODYSTRUCTURE BODY)")
        for i, m in enumerate(SAMPLES, 1):
            for item in ("BODYSTRUCTURE", "BODY"):
                check.is_(got_structure(got[i][item]), expected_structure(Part(m)), item, i)
        s = got[1]["BODYSTRUCTURE"]
        check.is_(s[0][2], [b"charset", b"utf-8"])
        check.is_(s[0][3], b"<p1>")
        check.is_([x.lower() for x in s[1][11][:1]] if isinstance(s[1][11], list) else s[1][11], [b"attachment"])
        check.is_(s[1][11][1], [b"filename", b"second.eml"])
        check.is_([x.lower() for x in s[-4]] if isinstance(s[-4], list) else s, [b"boundary", b"l1"])
        check.is_(s[2][1][5].lower(), b"base64")
        html = got[9]["BODYSTRUCTURE"]
        check.is_((html[0].lower(), html[1].lower(), [x.lower() for x in html[2]], html[5].lower()), (b"text", b"html", [b"charset", b"utf-8", b"format", b"flowed"], b"quoted-printable"))
        p = got[len(SAMPLES) + 1]["BODYSTRUCTURE"]
        check.is_([x.lower() for x in p[:2]], [b"application", b"pdf"])
        check.is_(p[2], [b"name", b'a "b".pdf'])
        check.is_((p[3], p[4], p[5].lower(), int(p[6])), (b"<cid>", b"a file", b"base64", 6))
        check.is_(p[7], b"Q2hlY2sgSW50ZWdyaXR5IQ==")
        check.is_(p[8][0].lower(), b"attachment")
        check.is_(p[8][1], [b"filename", b"x.pdf", b"size", b"3"])
        check.is_(p[9], [b"de", b"en"])
        check.is_(p[10], b"http://x/y")
        check(len(got[len(SAMPLES) + 1]["BODY"]) == 7, got[len(SAMPLES) + 1]["BODY"])
        check.is_([x.lower() for x in got[6]["BODY"][:3][0:2]], [b"text", b"plain"])
        check(got[6]["BODY"][5].lower() == b"7bit", got[6]["BODY"])
        for i in range(len(SAMPLES) + 1, len(SAMPLES) + len(typed) + 1):
            s = got[i]["BODYSTRUCTURE"]
            check(s[0] is not None and len(s) >= (5 if isinstance(s[0], list) else 7), i, s)
        f = c.ok(f"FETCH {len(SAMPLES) + 3} (BODYSTRUCTURE BODY.PEEK[1] BODY.PEEK[TEXT])").fetched()
        check.is_(list(f.values())[0]["BODY[TEXT]"], b"no boundary\r\n")


# ---- search ----


@checks
def test_search(check):
    with Client(daemon(), "frank") as c:
        n = mailbox(c)
        c.append(b"From: Alice A <alice@one.example>\r\nTo: bob@two.example\r\nCc: carl@three.example\r\nSubject: Quarterly Report\r\nDate: Sat, 1 Feb 2020 23:30:00 -0500\r\nMessage-ID: <1@x>\r\nX-Mark: red\r\n\r\nFirst BODY text here\r\n", n,
                 '(\\Seen \\Answered) "01-Feb-2020 10:00:00 +0000"')
        c.append(b"From: Bob <bob@two.example>\r\nTo: alice@one.example\r\nBcc: hidden@four.example\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nDate: Mon, 2 Mar 2020 01:00:00 +0100\r\nX-Empty:\r\n\r\nzweite Nachricht\r\n", n,
                 '(\\Flagged work) "02-Mar-2020 10:00:00 +0000"')
        c.append(b"From: x@y\r\nTo: list@z\r\nSubject: third one\r\nDate: Wed, 1 Apr 2020 12:00:00 +0000\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                 + base64.b64encode("versteckter Schlüssel im Text\r\n".encode()) + b"\r\n", n, '(\\Draft \\Deleted) "01-Apr-2020 23:59:59 +0000"')
        c.append(b"From: big@y\r\nSubject: fourth (big)\r\n\r\n" + b"filler line\r\n" * 1000, n, '"15-Apr-2020 00:00:00 +0000"')
        c.ok(f"SELECT {n}")
        cases = [("ALL", [1, 2, 3, 4]), ("ANSWERED", [1]), ("UNANSWERED", [2, 3, 4]), ("SEEN", [1]), ("UNSEEN", [2, 3, 4]), ("FLAGGED", [2]), ("UNFLAGGED", [1, 3, 4]), ("DRAFT", [3]), ("UNDRAFT", [1, 2, 4]),
                 ("DELETED", [3]), ("UNDELETED", [1, 2, 4]), ("KEYWORD work", [2]), ("KEYWORD WORK", [2]), ("UNKEYWORD work", [1, 3, 4]), ("KEYWORD nosuchword", []), ("UNKEYWORD nosuchword", [1, 2, 3, 4]),
                 ("RECENT", [1, 2, 3, 4]), ("NEW", [2, 3, 4]), ("OLD", []), ("NOT NEW", [1]), ("FROM alice", [1]), ("FROM ALICE@ONE", [1]), ("TO alice", [2]), ("CC carl", [1]), ("BCC hidden", [2]), ("BCC carl", []),
                 ("SUBJECT report", [1]), ("SUBJECT \"quarterly rep\"", [1]), ("BODY \"body text\"", [1]), ("BODY quarterly", []), ("TEXT quarterly", [1]), ("TEXT \"first body\"", [1]), ("HEADER X-Mark red", [1]),
                 ("HEADER x-mark \"\"", [1]), ("HEADER X-Empty \"\"", [2]), ("HEADER X-None \"\"", []), ("HEADER X-Mark blue", []), ("HEADER Message-ID 1@x", [1]), ("LARGER 10000", [4]), ("SMALLER 10000", [1, 2, 3]),
                 ("BEFORE 2-Mar-2020", [1]), ("ON 2-Mar-2020", [2]), ("SINCE 2-Mar-2020", [2, 3, 4]), ("ON \"02-Mar-2020\"", [2]), ("SINCE 1-Apr-2020 BEFORE 15-Apr-2020", [3]),
                 ("SENTON 1-Feb-2020", [1]), ("SENTON 2-Mar-2020", [2]), ("SENTBEFORE 2-Mar-2020", [1]), ("SENTSINCE 2-Mar-2020", [2, 3]), ("1:2", [1, 2]), ("2,4", [2, 4]), ("*", [4]), ("3:*", [3, 4]),
                 ("UID 1:2", [1, 2]), ("UID *", [4]), ("UID 900:*", [4]), ("UID 900:950", []), ("NOT SEEN", [2, 3, 4]), ("NOT NOT SEEN", [1]), ("OR SEEN FLAGGED", [1, 2]), ("OR SEEN OR FLAGGED DRAFT", [1, 2, 3]),
                 ("(SEEN)", [1]), ("(UNSEEN FLAGGED)", [2]), ("OR (UNSEEN FLAGGED) (SEEN ANSWERED)", [1, 2]), ("NOT (OR SEEN FLAGGED)", [3, 4]), ("UNSEEN FROM bob", [2]), ("1:3 NOT 2", [1, 3]), ("FROM \"\"", [1, 2, 3, 4]),
                 ("SUBJECT \"\"", [1, 2, 3, 4]), ("CHARSET US-ASCII SUBJECT report", [1]), ("CHARSET UTF-8 ALL", [1, 2, 3, 4]), ("BODY filler", [4]), ("TO nosuch", []), ("FROM \"Alice A\"", [1]), ("NOT CC \"\"", [2, 3, 4]),
                 ("LARGER 0", [1, 2, 3, 4]), ("SMALLER 0", []), ("(((((ALL)))))", [1, 2, 3, 4]), ("BEFORE 1-Jan-1990", []), ("SENTSINCE 1-Jan-2030", []), ("OR 1 OR 2 3", [1, 2, 3])]
        for key, wanted in cases:
            r = check.status(c, "OK", f"SEARCH {key}")
            if r.status == "OK":
                check.is_(r.search(), wanted, key)
        check.is_(c.ok("UID SEARCH 2:3").search(), [2, 3])
        for text in ("grüße", "GRÜSSE"[:3]):
            r = c.ok("SEARCH CHARSET UTF-8 SUBJECT ", text.encode())
            check.is_(r.search(), [2], text)
        r = c.ok("SEARCH CHARSET UTF-8 BODY ", "schlüssel".encode())
        check.is_(r.search(), [3], "decoded content")
        r = c.ok("SEARCH CHARSET UTF-8 TEXT ", "Schlüssel".encode())
        check.is_(r.search(), [3])
        r = check.status(c, "NO", "SEARCH CHARSET X-UNKNOWN ALL")
        check(r.code().startswith("BADCHARSET"), r)
        for out in ("5", "1:9"):
            r = c.cmd(f"SEARCH {out}")
            check(r.status in ("OK", "BAD", "NO"), r)
        r = c.cmd("SEARCH " + "NOT " * 10000 + "ALL")
        check(r.status in ("NO", "BAD") or r.status == "EOF", str(r)[:200])
    with Client(daemon(), "frank", select=n) as c:
        check.is_(c.ok("SEARCH " + " ".join(f"NOT BODY absent{i} NOT TEXT absent{i}" for i in range(15))).search(), [1, 2, 3, 4])
        check.is_(c.ok("SEARCH BODY first TEXT alice NOT BODY alice").search(), [1])
        r = check.status(c, "NO", "SEARCH " + " ".join(f"NOT BODY absent{i}" for i in range(400)))
        check.is_(r.code(), "LIMIT")
        r = c.cmd("SEARCH " + "(" * 5000 + "ALL" + ")" * 5000)
        check(r.status in ("NO", "BAD") or r.status == "EOF", str(r)[:200])
    with Client(daemon(), "frank", select=n) as c:
        check.is_(c.ok("SEARCH RECENT").search(), [])
        check.is_(c.ok("SEARCH OLD").search(), [1, 2, 3, 4])


# ---- store, expunge, copy, move ----


def flags(f, n):
    return {str(x) for x in f[n]["FLAGS"]} - {"\\Recent"}


@checks
def test_store(check):
    with Client(daemon(), "frank") as c:
        n = mailbox(c, [small(i) for i in range(1, 6)])
        c.ok(f"SELECT {n}")
        f = c.ok("STORE 1 FLAGS (\\Seen \\Flagged)").fetched()
        check.is_(flags(f, 1), {"\\Seen", "\\Flagged"})
        f = c.ok("STORE 1 +FLAGS (\\Answered)").fetched()
        check.is_(flags(f, 1), {"\\Seen", "\\Flagged", "\\Answered"})
        f = c.ok("STORE 1 -FLAGS (\\Seen \\Draft)").fetched()
        check.is_(flags(f, 1), {"\\Flagged", "\\Answered"})
        f = c.ok("STORE 1 FLAGS ()").fetched()
        check.is_(flags(f, 1), set())
        f = c.ok("STORE 1 FLAGS \\Seen").fetched()
        check.is_(flags(f, 1), {"\\Seen"}, "flags without parentheses")
        f = c.ok("STORE 1 +FLAGS \\Draft \\Flagged").fetched()
        check.is_(flags(f, 1), {"\\Seen", "\\Draft", "\\Flagged"})
        r = c.ok("STORE 1:3 FLAGS.SILENT (\\Deleted)")
        check.is_(r.untagged, [])
        check.is_(flags(c.fetch(2, "FLAGS"), 2), {"\\Deleted"})
        r = c.ok("STORE 1:3 +FLAGS.SILENT (\\Seen)")
        r2 = c.ok("STORE 1:3 -FLAGS.SILENT (\\Seen)")
        check.is_(r.untagged + r2.untagged, [])
        r = c.ok("STORE 1:5 +FLAGS (\\Deleted)")
        check.is_(sorted(r.fetched()), [1, 2, 3, 4, 5], "a FETCH for each message, changed or not")
        r = c.ok("STORE 1:5 +FLAGS (\\Deleted)")
        check.is_(sorted(r.fetched()), [1, 2, 3, 4, 5])
        r = c.ok("UID STORE 2 FLAGS (kw1 $Forwarded KW2)")
        check(r.fetched()[2].get("UID") == "2", "UID STORE tells the UID", r)
        check.is_({x.lower() for x in flags(r.fetched(), 2)}, {"kw1", "$forwarded", "kw2"})
        check(any(b"kw1" in u.lower() for u in r.find("FLAGS (")), "new keywords are told by FLAGS", r)
        f = c.ok("STORE 2 +FLAGS (KW1)").fetched()
        check.is_({x.lower() for x in flags(f, 2)}, {"kw1", "$forwarded", "kw2"}, "keywords are case-insensitive")
        f = c.ok("STORE 2 -FLAGS (KW1 kw2)").fetched()
        check.is_({x.lower() for x in flags(f, 2)}, {"$forwarded"})
        f = c.ok("STORE 2 FLAGS (\\SEEN \\flagged)").fetched()
        check.is_({x.lower() for x in flags(f, 2)}, {"\\seen", "\\flagged"})
        for out in ("6", "0", "5:6"):
            check.status(c, "BAD", f"STORE {out} +FLAGS (\\Seen)")
        r = check.status(c, "OK", "UID STORE 77 +FLAGS (\\Seen)")
        check.is_(r.untagged, [])
        r = c.cmd("STORE 3 +FLAGS (" + "k" * 5000 + ")")
        check(r.status in ("OK", "NO", "BAD"), str(r)[:200])
        with Client(daemon(), "frank") as d:
            r = d.ok(f"SELECT {n}")
            check(b"$Forwarded" in r.find("FLAGS (")[0], r)
    with Client(daemon(), "greta") as c:
        n = mailbox(c, [small(1)])
        c.ok(f"SELECT {n}")
        many = " ".join(f"keyword{i}" for i in range(70))
        r = check.status(c, "NO", f"STORE 1 +FLAGS ({many})")
        check.is_(r.code(), "LIMIT")
        check.is_(flags(c.fetch(1, "FLAGS"), 1), set())
        r = check.status(c, "OK", "STORE 1 +FLAGS (" + " ".join(f"word{i}" for i in range(50)) + ")")
        check.is_(len(flags(r.fetched(), 1)), 50, "a refused STORE has made no keywords")


@checks
def test_expunge_close_unselect(check):
    with Client(daemon(), "frank") as c:
        n = mailbox(c, [small(i) for i in range(1, 9)])
        c.ok(f"SELECT {n}")
        c.ok("STORE 3,4,7,8 +FLAGS.SILENT (\\Deleted)")
        r = c.ok("EXPUNGE")
        check(sorted(_apply(list(range(1, 9)), r.numbers("EXPUNGE"))) == [1, 2, 5, 6], r)
        check.is_(list(c.fetch("1:*", "UID").values()), [{"UID": str(u)} for u in (1, 2, 5, 6)])
        r = c.ok("EXPUNGE")
        check.is_(r.untagged, [])
        c.ok("UID STORE 1,2 +FLAGS.SILENT (\\Deleted)")
        r = c.ok("UID EXPUNGE 2:5")
        check.is_(r.numbers("EXPUNGE"), [2])
        r = c.ok("UID EXPUNGE 5")
        check.is_(r.untagged, [])
        c.ok("UNSELECT")
        check.is_(c.ok(f"STATUS {n} (MESSAGES)").untagged, [f'STATUS "{n}" (MESSAGES 3)'.encode()])
        check.status(c, "BAD", "FETCH 1 FLAGS")
        c.ok(f"EXAMINE {n}")
        c.ok("CLOSE")
        check.is_(c.ok(f"STATUS {n} (MESSAGES)").untagged, [f'STATUS "{n}" (MESSAGES 3)'.encode()], "CLOSE of EXAMINE removes nothing")
        c.ok(f"SELECT {n}")
        c.ok("SELECT INBOX")
        check.is_(c.ok(f"STATUS {n} (MESSAGES)").untagged, [f'STATUS "{n}" (MESSAGES 3)'.encode()], "SELECT of another removes nothing")
        c.ok(f"SELECT {n}")
        r = c.ok("CLOSE")
        check(not r.numbers("EXPUNGE"), "CLOSE tells no EXPUNGE", r)
        check.is_(c.ok(f"STATUS {n} (MESSAGES)").untagged, [f'STATUS "{n}" (MESSAGES 2)'.encode()])
        check.status(c, "BAD", "CLOSE")
        # UIDs are not used again
        c.ok(f"SELECT {n}")
        c.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)")
        c.ok("EXPUNGE")
        check.is_(c.append(small(1), n).code().split()[2], "9")
        check.status(c, "BAD", "EXPUNGE 1")


def _apply(numbers, expunges):
    numbers = list(numbers)
    for e in expunges:
        del numbers[e - 1]
    return numbers


@checks
def test_copy_and_move(check):
    with Client(daemon(), "frank") as c:
        n, to = mailbox(c), mailbox(c)
        for i in range(1, 7):
            c.append(small(i), n, '(\\Seen kw) "17-Jul-1996 02:44:25 -0700"')
        c.ok(f"SELECT {n}")
        v = re.search(rb"UIDVALIDITY (\d+)", c.ok(f"STATUS {to} (UIDVALIDITY)").find("STATUS")[0]).group(1).decode()
        r = c.ok(f"COPY 2:4 {to}")
        check.is_(r.code(), f"COPYUID {v} 2:4 1:3")
        r = c.ok(f"UID COPY 6,1 {to}")
        check(r.code() in (f"COPYUID {v} 1,6 4:5", f"COPYUID {v} 6,1 4:5"), r)
        r = check.status(c, "NO", "COPY 1 nosuch")
        check.is_(r.code(), "TRYCREATE")
        r = check.status(c, "NO", "MOVE 1 nosuch")
        check.is_(r.code(), "TRYCREATE")
        r = check.status(c, "OK", f"UID COPY 99 {to}")
        check("COPYUID" not in r.text, r)
        check.status(c, "BAD", f"COPY 9 {to}")
        r = c.ok(f"COPY 1 {n}")  # onto itself
        check(r.numbers("EXISTS") == [7], r)
        r = c.ok(f"MOVE 2,4 {to}")
        code = [u for u in r.untagged if b"COPYUID" in u]
        check(len(code) == 1 and b"2,4 6:7" in code[0], "COPYUID comes untagged before EXPUNGE (RFC 6851 4.3)", r)
        check(r.untagged.index(code[0]) < min(i for i, u in enumerate(r.untagged) if b"EXPUNGE" in u), r) if code else None
        check.is_(_apply([1, 2, 3, 4, 5, 6, 7], r.numbers("EXPUNGE")), [1, 3, 5, 6, 7])
        r = c.ok(f"UID MOVE 500 {to}")
        check(not r.untagged, r)
        r = c.ok(f"UID MOVE 5:6 {to}")
        check.is_(len(r.numbers("EXPUNGE")), 2)
        r = c.cmd(f"MOVE 1 {n}")
        check(r.status in ("OK", "NO"), "MOVE onto itself", r)
        c.ok(f"SELECT {to}")
        f = c.fetch("1:*", "(FLAGS INTERNALDATE BODY.PEEK[])")
        check(len(f) == 9 and all(flags(f, i) == {"\\Seen", "kw"} for i in f), "flags are kept", f)
        check(all(_instant(f[i]["INTERNALDATE"].decode()) == _instant("17-Jul-1996 02:44:25 -0700") for i in f), "the date is kept")
        check.is_([f[i]["BODY[]"] for i in (1, 2, 3, 4, 5, 6)], [small(i) for i in (2, 3, 4, 1, 6, 2)])
        check(all("\\Recent" in f[i]["FLAGS"] for i in f), "copies are recent", f)


# ---- several clients ----


@checks
def test_two_clients_see_each_other(check):
    p = daemon()
    with Client(p, "carol") as a:
        n = mailbox(a, [small(i) for i in range(1, 6)])
        a.ok(f"SELECT {n}")
        with Client(p, "carol") as second:
            r = second.ok(f"SELECT {n}")
            check.is_(r.numbers("RECENT"), [0], "only the first sees \\Recent")
            a.ok("STORE 2 FLAGS (\\Seen)")
            r = second.ok("NOOP")
            check.is_(flags(r.fetched(), 2), {"\\Seen"})
            check.is_(second.ok("NOOP").untagged, [])
            a.ok("STORE 3 FLAGS.SILENT (\\Flagged newkw)")
            r = second.ok("NOOP")
            check.is_(flags(r.fetched(), 3), {"\\Flagged", "newkw"})
            check(any(b"newkw" in u for u in r.find("FLAGS (")) and r.untagged.index(r.find("FLAGS (")[0]) < [i for i, u in enumerate(r.untagged) if b"FETCH" in u][0], "FLAGS before the FETCH that uses it", r)
            a.append(small(6), n)
            r = second.ok("NOOP")
            check.is_(r.numbers("EXISTS"), [6])
            # no EXPUNGE during FETCH, STORE, SEARCH (RFC 3501 7.4.1)
            a.ok("STORE 1,2 +FLAGS.SILENT (\\Deleted)")
            a.ok("EXPUNGE")
            r = second.cmd("FETCH 1:6 (UID)")
            check(not r.numbers("EXPUNGE"), r)
            check(r.status in ("OK", "NO"), r)
            check(all(int(v["UID"]) == k for k, v in r.fetched().items()), "the old numbers hold", r)
            check(set(r.fetched()) >= {3, 4, 5, 6}, r)
            r = second.cmd("FETCH 1:6 (UID BODY.PEEK[] ENVELOPE)")
            check(not r.numbers("EXPUNGE") and set(r.fetched()) >= {3, 4, 5, 6}, r)
            r = second.cmd("STORE 1:3 +FLAGS (\\Answered)")
            check(not r.numbers("EXPUNGE") and r.status in ("OK", "NO"), r)
            check("\\Answered" in r.fetched()[3]["FLAGS"], r)
            r = second.cmd("SEARCH ALL")
            check(not r.numbers("EXPUNGE"), r)
            r = second.cmd("SEARCH 1:6")
            check(not r.numbers("EXPUNGE") and r.status == "OK", r)
            a.append(small(7), n)
            r = second.cmd("FETCH 6 UID")
            check(not r.numbers("EXPUNGE"), r)
            check.is_(r.fetched().get(6), {"UID": "6"})
            if r.numbers("EXISTS"):
                check.is_(r.numbers("EXISTS"), [7])
            r = second.cmd("COPY 1 INBOX")
            check(r.status in ("NO", "OK"), r)
            r2 = second.ok("NOOP")
            gone = r.numbers("EXPUNGE") + r2.numbers("EXPUNGE")
            check.is_(len(gone), 2, r, r2)
            f = second.fetch("1:*", "UID")
            check.is_([int(v["UID"]) for v in f.values()], [3, 4, 5, 6, 7])
            # UID commands may tell EXPUNGE
            a.ok("UID STORE 3 +FLAGS.SILENT (\\Deleted)")
            a.ok("EXPUNGE")
            r = second.ok("UID FETCH 1:* (FLAGS)")
            r2 = second.ok("NOOP")
            check.is_((r.numbers("EXPUNGE") + r2.numbers("EXPUNGE")), [1], r, r2)
            f = second.fetch("1:*", "UID")
            check.is_([int(v["UID"]) for v in f.values()], [4, 5, 6, 7])


@checks
def test_three_clients_under_concurrent_expunge(check):
    p = daemon()
    a, second, third = (Client(p, "carol") for _ in range(3))
    n = mailbox(a, [small(i) for i in range(1, 21)])
    maps = {}
    for c in (a, second, third):
        c.ok(f"SELECT {n}")
        maps[c] = list(range(1, 21))

    def follow(c, r):
        for u in r.untagged:
            if m := re.match(rb"(\d+) EXPUNGE", u):
                check(1 <= int(m.group(1)) <= len(maps[c]), u, maps[c])
                del maps[c][int(m.group(1)) - 1]
            elif m := re.match(rb"(\d+) EXISTS", u):
                check(int(m.group(1)) >= len(maps[c]), "EXISTS never shrinks a mailbox", u, maps[c])
                maps[c] += [None] * (int(m.group(1)) - len(maps[c]))
            elif m := re.match(rb"(\d+) FETCH", u):
                items = parse(u[m.end():])[0]
                d = {str(k): v for k, v in zip(items[::2], items[1::2])}
                check(int(m.group(1)) <= len(maps[c]), u)
                if "UID" in d:
                    known = maps[c][int(m.group(1)) - 1]
                    check(known in (None, int(d["UID"])), u, maps[c])
                    maps[c][int(m.group(1)) - 1] = int(d["UID"])
        return r

    for round in range(12):
        for i, c in enumerate((a, second, third)):
            other = (second, third, a)[i]
            if maps[c]:
                at = 1 + (round * 7 + i) % len(maps[c])
                follow(c, c.cmd(f"STORE {at} +FLAGS (\\Deleted)"))
                follow(other, other.cmd("FETCH 1:* (UID FLAGS)"))
                follow(c, c.cmd("EXPUNGE"))
                follow(other, other.cmd("FETCH 1 (FLAGS)" if maps[other] else "NOOP"))
            follow(c, c.cmd(f"APPEND {n} ", small(50 + round)))
            follow(other, other.cmd("UID FETCH 1:* (UID)"))
    for c in (a, second, third):
        follow(c, c.ok("NOOP"))
        follow(c, c.ok("UID FETCH 1:* (UID)"))
        follow(c, c.ok("NOOP"))
    check(maps[a] == maps[second] == maps[third], maps.values())
    s = int(re.search(rb"MESSAGES (\d+)", a.ok(f"STATUS {n} (MESSAGES)").find("STATUS")[0]).group(1))
    check.is_(len(maps[a]), s)
    for c in (a, second, third):
        c.close()


@checks
def test_selected_mailbox_deleted_or_renamed_elsewhere(check):
    p = daemon()
    with Client(p, "carol") as a, Client(p, "carol") as second:
        n = mailbox(a, [small(1), small(2)])
        second.ok(f"SELECT {n}")
        a.ok(f"RENAME {n} {n}x")
        r = second.cmd("FETCH 1:2 (UID BODY.PEEK[])")
        check(r.status == "OK" and len(r.fetched()) == 2, "a renamed mailbox stays selected", r)
        r = a.cmd(f"DELETE {n}x")
        check.is_(r.status, "OK", r)
        for command in ("FETCH 1 FLAGS", "STORE 1 +FLAGS (\\Seen)", "NOOP", "SEARCH ALL", "EXPUNGE", "UID FETCH 1:* (BODY.PEEK[])"):
            r = second.cmd(command)
            check(r.status in ("OK", "NO", "BAD", "EOF"), command, r)
            if r.status == "EOF":
                check(any(b"BYE" in u for u in r.untagged), r)
                break
        else:
            check.status(second, "OK", "SELECT INBOX")
        n2 = mailbox(a, [small(1)])
        a.ok(f"SELECT {n2}")
        r = a.cmd(f"DELETE {n2}")
        check(r.status in ("OK", "NO"), r)
        check.status(a, "OK", "SELECT INBOX")
        with Client(p, "carol", select="INBOX") as idler:
            n3 = mailbox(a, [small(1)])
            idler.ok(f"SELECT {n3}")
            idler.send("i IDLE\r\n")
            check(idler.response().startswith(b"+"))
            a.ok(f"DELETE {n3}")
            idler.send("DONE\r\n")
            r = idler.until("i")
            check(r.status in ("OK", "NO", "EOF"), r)


@checks
def test_idle(check):
    p = daemon()
    with Client(p, "carol") as a, Client(p, "carol") as i:
        n = mailbox(a, [small(1), small(2)])
        a.ok(f"SELECT {n}")
        i.ok(f"SELECT {n}")
        i.send("i IDLE\r\n")
        check(i.response().startswith(b"+"))
        a.append(small(3), n)
        check.is_(i.response(), b"* 3 EXISTS")
        a.ok("STORE 1 +FLAGS (\\Flagged)")
        r = i.response()
        if b"RECENT" in r:
            r = i.response()
        check(r.startswith(b"* 1 FETCH (") and b"\\Flagged" in r, r)
        a.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
        r = i.response()
        check(r.startswith(b"* 2 FETCH"), r)
        a.ok("EXPUNGE")
        check.is_(i.response(), b"* 2 EXPUNGE")
        p.send(to=("carol",))  # another mailbox: nothing is told
        i.send("DONE\r\n")
        r = i.until("i")
        check.is_((r.status, r.untagged), ("OK", []))
        i.send("i2 IDLE\r\n")
        check(i.response().startswith(b"+"))
        i.send("done\r\n")
        check.is_(i.until("i2").status, "OK")
        i.send("i3 IDLE\r\n")
        check(i.response().startswith(b"+"))
        i.send("FOO\r\n")
        check.is_(i.until("i3").status, "BAD")
        check.status(i, "OK", "NOOP")
        i.send("i4 IDLE\r\nDONE\r\nx NOOP\r\n")
        check(i.response().startswith(b"+"))
        check.is_(i.until("i4").status, "OK")
        check.is_(i.until("x").status, "OK")
    with Client(p, "carol") as i:  # without a mailbox
        i.send("i IDLE\r\n")
        check(i.response().startswith(b"+"))
        i.send("DONE\r\n")
        check.is_(i.until("i").status, "OK")
    with Client(p, "carol", select="INBOX") as i:
        i.send("i IDLE\r\n")
        check(i.response().startswith(b"+"))
        before = time.monotonic()
        p.send(to=("carol",))
        r = i.response()
        check(b"EXISTS" in r, r)
        check(time.monotonic() - before < 5 * harness.SLOW)


@checks
def test_pipelining(check):
    with Client(daemon(), "carol") as c:
        n = mailbox(c, [small(i) for i in range(1, 4)])
        c.send(f"a SELECT {n}\r\nb FETCH 1:* (UID BODY.PEEK[])\r\nc STORE 1 +FLAGS (\\Seen)\r\nd SEARCH SEEN\r\ne UNSELECT\r\nf STATUS {n} (MESSAGES UNSEEN)\r\n")
        for t in "abcdef":
            r = c.until(t)
            check.is_(r.status, "OK", t)
        check.is_(r.untagged, [f'STATUS "{n}" (MESSAGES 3 UNSEEN 2)'.encode()])
        c.send("".join(f"n{i} NOOP\r\n" for i in range(2000)))
        check(all(c.until(f"n{i}").status == "OK" for i in range(2000)))
        c.send(b"".join(b"p%d APPEND %s {%d+}\r\n%s\r\n" % (i, n.encode(), len(small(i)), small(i)) for i in range(50)))
        check(all(c.until(f"p{i}").status == "OK" for i in range(50)))
        c.ok(f"SELECT {n}")
        check.is_(c.ok("SEARCH ALL").search(), list(range(1, 54)))
        for byte in b"z1 NOOP\r\n":
            c.send(bytes([byte]))
        check.is_(c.until("z1").status, "OK")
        c.send("y1 NOOP\ny2 NOOP\r\n")  # a bare LF: either a line end or an error, never a hang
        r = c.response()
        check(r.startswith((b"y1 ", b"* B")), r)


def test_half_close_gets_all_output():
    """The client's TCP side is shut without a close_notify."""
    p = daemon()
    with Client(p, "carol") as c:
        n = mailbox(c, [b"Subject: big\r\n\r\n" + b"x" * 70 + b"\r\n" + b"0123456789abcdef\r\n" * 60000 for _ in range(6)])
    tcp = socket.create_connection(("127.0.0.1", p.port["imaps"]), timeout=30 * harness.SLOW)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = no_verify().wrap_bio(incoming, outgoing)
    while True:
        try:
            tls.do_handshake()
            tcp.sendall(outgoing.read())
            break
        except ssl.SSLWantReadError:
            tcp.sendall(outgoing.read())
            incoming.write(tcp.recv(65536))
    tls.write(f"a LOGIN carol@example.org {PASSWORD}\r\nb SELECT {n}\r\nc FETCH 1:* (FLAGS BODY.PEEK[])\r\nd LOGOUT\r\n".encode())
    tcp.sendall(outgoing.read())
    tcp.shutdown(socket.SHUT_WR)
    text = b""
    while True:
        data = tcp.recv(1 << 18)
        if not data:
            incoming.write_eof()
        else:
            incoming.write(data)
        try:
            while more := tls.read(1 << 18):
                text += more
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            break
        if not data:
            break
    tcp.close()
    assert text.count(b"0123456789abcdef\r\n") == 360000, (text.count(b"0123456789abcdef\r\n"), text[-300:])
    assert b"\r\nc OK" in text and b"* BYE" in text and text.rstrip().split(b"\r\n")[-1].startswith(b"d OK"), text[-300:]


def test_half_close_without_tls_gets_all_output():
    """What `printf ... | nc -N` does."""
    p = daemon()
    with Client(p, "carol") as c:
        n = mailbox(c, [b"Subject: big\r\n\r\n" + b"0123456789abcdef\r\n" * 60000 for _ in range(4)])
    with socket.create_connection(("127.0.0.1", p.port["imap"]), timeout=30 * harness.SLOW) as s:
        s.sendall(f"a LOGIN carol@example.org {PASSWORD}\r\nb SELECT {n}\r\nc FETCH 1:* (FLAGS BODY.PEEK[])\r\nd LOGOUT\r\n".encode())
        s.shutdown(socket.SHUT_WR)
        text = b""
        while data := s.recv(1 << 18):
            text += data
    assert text.count(b"0123456789abcdef\r\n") == 240000, (text.count(b"0123456789abcdef\r\n"), text[-300:])
    assert b"\r\nc OK" in text and text.rstrip().split(b"\r\n")[-1].startswith(b"d OK"), text[-300:]


@checks
def test_message_that_vanishes_within_its_row(check):
    p = daemon()
    head = b"Subject: wide\r\n" + b"".join(b"X-Filler-%d: %s\r\n" % (i, b"x" * 900) for i in range(220)) + b"\r\n"
    with Client(p, "carol") as c:
        n = mailbox(c, [head + b"body\r\n" for _ in range(6)])
        c.ok(f"SELECT {n}")
        c.send("a FETCH 1:* (" + " ".join(["BODY.PEEK[HEADER]"] * 200) + " UID)\r\nb NOOP\r\n")  # 40 MiB a message: it waits for us in the middle of one
        assert c.raw.socket.recv(1000)[:9] == b"* 1 FETCH"
        with Client(p, "carol", select=n) as other:
            other.ok("STORE 1:4 +FLAGS.SILENT (\\Deleted)")
            other.ok("EXPUNGE")
        data = bytearray()
        while b"\r\nb OK" not in data[-100:]:
            more = c.raw.socket.recv(1 << 20)
            check(more)
            if not more:
                break
            data += more
        check(b"\r\na OK" in data[-4000:] or b"\r\na NO" in data[-4000:], bytes(data[-300:]))
        check.is_(data.count(b" EXPUNGE\r\n"), 4)
        check(b"* 5 FETCH (" in data and b" UID 6)\r\n" in data)
        check.is_([int(v["UID"]) for v in c.fetch("1:*", "UID").values()], [5, 6])


@checks
def test_slow_reader_gets_all(check):
    p = daemon()
    with Client(p, "carol") as c:
        n = mailbox(c, [b"Subject: big\r\n\r\n" + b"0123456789abcdef\r\n" * 20000 for _ in range(30)])
        c.ok(f"SELECT {n}")
        c.send("a FETCH 1:* BODY.PEEK[]\r\nb NOOP\r\n")
        with Client(p, "carol", select=n) as other:  # these vanish while they are being read
            other.ok("STORE 10:30 +FLAGS.SILENT (\\Deleted)")
            other.ok("EXPUNGE")
        r = c.until("a")
        check(r.status in ("OK", "NO"), r.status, r.text)
        got = {k: v for k, v in r.fetched().items() if "BODY[]" in v}
        check(set(got) >= set(range(1, 10)), sorted(got))
        check(all(v["BODY[]"].count(b"0123456789abcdef\r\n") == 20000 for v in got.values()))
        check(not r.numbers("EXPUNGE"), r.numbers("EXPUNGE"))
        r = c.until("b")
        check.is_(r.status, "OK")
        check.is_(len(r.numbers("EXPUNGE")), 21)
        check.is_(len(c.fetch("1:*", "UID")), 9)


@checks
def test_id_enable_and_others(check):
    with Client(daemon(), "carol") as c:
        r = check.status(c, "OK", "ID NIL")
        check(len(r.find("ID ")) == 1, r)
        check.status(c, "OK", 'ID ("name" "x" "version" NIL)')
        check.status(c, "OK", "ID ()")
        r = c.cmd("ID (" + " ".join(f'"f{i}" "v"' for i in range(31)) + ")")
        check(r.status in ("OK", "BAD"), r)
        r = check.status(c, "OK", "ENABLE X-NOTHING")
        check(r.find("ENABLED") == [b"ENABLED"] or not r.find("ENABLED"), r)
        c.send(b"x ID (\"name\" {1048576}\r\n")
        r = c.response()
        check(r.startswith((b"x BAD", b"x NO", b"* BYE")), r)


@checks
def test_messages_vanishing_under_fetch(check):
    """One client fetches all the time while another appends and expunges: the protocol holds."""
    import threading
    p = daemon()
    with Client(p, "carol") as a:
        n = mailbox(a, [small(i) for i in range(1, 200)])
    end = time.monotonic() + 4
    errors = []

    def churn():
        try:
            with Client(p, "carol", select=n) as w:
                i = 0
                while time.monotonic() < end:
                    i += 1
                    w.cmd("STORE 1:5 +FLAGS.SILENT (\\Deleted)")
                    w.ok("EXPUNGE")
                    for k in range(5):
                        w.append(small(i * 5 + k), n)
        except Exception as e:
            errors.append(repr(e))

    threads = [threading.Thread(target=churn) for _ in range(2)]
    for t in threads:
        t.start()
    try:
        with Client(p, "carol", select=n) as r:
            size = len(r.fetch("1:*", "UID"))
            rounds = 0
            while time.monotonic() < end:
                for command in ("FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])", "UID FETCH 1:* (ENVELOPE BODY.PEEK[])", "SEARCH BODY of", "NOOP", "STORE 1:10 +FLAGS (\\Seen)", "FETCH 1:20 (BODY[] BODYSTRUCTURE)"):
                    reply = r.cmd(command)
                    check(reply.status in ("OK", "NO"), command, reply.status, reply.text)
                    if not command.startswith(("UID", "NOOP")):
                        check(not reply.numbers("EXPUNGE"), command)
                    rounds += 1
            check(rounds > 20, rounds)
            del size
    finally:
        for t in threads:
            t.join()
    check.is_(errors, [])


def test_bye_at_shutdown():
    with harness.Instance(users=["alice"], conf="resolver = 127.0.0.1@9") as p:
        idle, plain, fresh = Client(p, "alice", select="INBOX"), Client(p, "alice"), Client(p, login=False)
        idle.send("i IDLE\r\n")
        assert idle.response().startswith(b"+")
        p.stop()
        for c in (idle, plain, fresh):
            r = c.response()
            assert r is not None and r.startswith(b"* BYE"), r
            c.close()


def test_a_suspended_user_is_disconnected():
    with harness.Instance(users=["alice", "bob"], conf="resolver = 127.0.0.1@9") as p:
        c = Client(p, "bob", select="INBOX")
        c.send("i IDLE\r\n")
        assert c.response().startswith(b"+")
        p.cli("user", "suspend", "bob@example.org")
        r = c.response()
        assert r is not None and r.startswith(b"* BYE"), r
        with Client(p, login=False) as d:
            r = d.cmd(f"LOGIN bob@example.org {PASSWORD}")
            assert r.status == "NO", r


def test_there_were_enough_checks():
    assert _count[0] >= 250 or len(sys.argv) > 1, _count
    print(f"# {_count[0]} checks", flush=True)


if __name__ == "__main__":
    harness.run(globals(), "imap_rfc_")
