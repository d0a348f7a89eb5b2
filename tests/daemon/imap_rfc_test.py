"""IMAP as the RFCs say it, written from them and not from the code: states, grammar, mailboxes, APPEND."""
import base64
import re

import harness
from harness import PASSWORD
from imap_checks import checks, daemon, enough, instant, mailbox, small
from imap_wire import Client, parse

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
        for command in ("noop", "nOoP", "uid fetch 1:* flags", "uid fetch 1:* (flags UID)", "Search all", 'list "" inbox', "status inbox (messages)", "select inbox", "select InBoX", "check"):
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
        check.is_(r.find("NAMESPACE"), [b'NAMESPACE (("" "/")) (("Shared/" "/")) NIL'])


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
        check.status(c, "OK", "DELETE moved")
        check.is_(b"\\Noselect" in c.ok('LIST "" moved').untagged[0], True)
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
            r = check.status(c, "BAD", command)
            check(not r.untagged, command, r)
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
            check.is_(instant(got), instant(d), d)
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
                check.is_(instant(list(got.values())[0]["INTERNALDATE"].decode()), instant(date))
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


def test_there_were_enough_checks():
    enough(400)


if __name__ == "__main__":
    harness.run(globals())
