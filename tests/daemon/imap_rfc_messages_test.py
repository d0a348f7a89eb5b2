"""IMAP as the RFCs say it, written from them and not from the code: FETCH, SEARCH, STORE, EXPUNGE, COPY, MOVE."""
import base64
import re

import harness
from imap_checks import b, checks, daemon, enough, flags, instant, mailbox, small
from imap_wire import Client, Part, lines

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
                 ("SENTON 1-Feb-2020", [1]), ("SENTON 2-Mar-2020", [2]), ("SENTBEFORE 2-Mar-2020", [1, 4]), ("SENTSINCE 2-Mar-2020", [2, 3]), ("1:2", [1, 2]), ("2,4", [2, 4]), ("*", [4]), ("3:*", [3, 4]),
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
        check(all(instant(f[i]["INTERNALDATE"].decode()) == instant("17-Jul-1996 02:44:25 -0700") for i in f), "the date is kept")
        check.is_([f[i]["BODY[]"] for i in (1, 2, 3, 4, 5, 6)], [small(i) for i in (2, 3, 4, 1, 6, 2)])
        check(all("\\Recent" in f[i]["FLAGS"] for i in f), "copies are recent", f)


def test_there_were_enough_checks():
    enough(1000)


if __name__ == "__main__":
    harness.run(globals())
