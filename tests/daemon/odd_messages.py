"""Odd messages, each made for one oddity: (name, bytes). What people and broken programs send, and what attackers would."""

HEAD = "From: a@example.net\r\nTo: b@example.org\r\nSubject: odd\r\nDate: Fri, 20 Nov 2026 10:00:00 +0000\r\nMessage-ID: <odd@example.net>\r\nMIME-Version: 1.0\r\n"


def _bytes(text):
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def _plain(header, body="body\r\n"):
    return _bytes(HEAD + header + "\r\n" + body)


def _multi(parts, kind="mixed", boundary="=_b", quoted=True, preamble="", epilogue="", close=True, extra="", eol="\r\n"):
    shown = f'"{boundary}"' if quoted else boundary
    text = HEAD + f"Content-Type: multipart/{kind}; boundary={shown}{extra}\r\n\r\n{preamble}"
    for part in parts:
        text += f"--{boundary}\r\n{part}\r\n"
    if close:
        text += f"--{boundary}--\r\n"
    return _bytes((text + epilogue).replace("\r\n", eol))


TEXT = "Content-Type: text/plain\r\n\r\none"
HTML = "Content-Type: text/html; charset=utf-8\r\n\r\n<p>two</p>"


def _boundaries():
    for name, boundary in (("digits", "12345"), ("with blank inside", "a b"), ("all the odd characters", "'()+_,-./:=?"), ("of 70", "x" * 70), ("of 71", "x" * 71), ("of 200", "y" * 200),
                           ("like a prefix", "ab"), ("dashes", "----"), ("dash first", "-x"), ("with colon", "a:b"), ("equals", "=_=")):
        yield f"boundary {name}", _multi([TEXT, HTML], boundary=boundary)
    yield "boundary unquoted", _multi([TEXT, HTML], boundary="simple", quoted=False)
    yield "boundary unquoted with odd characters", _multi([TEXT, HTML], boundary="a_b'c+d", quoted=False)
    yield "boundary that is a prefix of another", _bytes(HEAD + 'Content-Type: multipart/mixed; boundary="ab"\r\n\r\n--ab\r\nContent-Type: multipart/mixed; boundary="abc"\r\n\r\n--abc\r\n\r\nin\r\n--abc--\r\n--ab\r\n\r\nout\r\n--ab--\r\n')
    yield "boundary missing", _plain("Content-Type: multipart/mixed\r\n", "--x\r\n\r\ntext\r\n--x--\r\n")
    yield "boundary empty", _plain('Content-Type: multipart/mixed; boundary=""\r\n', "--\r\n\r\ntext\r\n----\r\n")
    yield "boundary of a child is the parent's", _bytes(HEAD + 'Content-Type: multipart/mixed; boundary="s"\r\n\r\n--s\r\nContent-Type: multipart/alternative; boundary="s"\r\n\r\n--s\r\n\r\nx\r\n--s--\r\n--s--\r\n')
    yield "boundary with trailing blanks on its lines", _bytes(HEAD + 'Content-Type: multipart/mixed; boundary="t"\r\n\r\n--t  \r\n\r\none\r\n--t\t\r\n\r\ntwo\r\n--t--  \r\n')
    yield "boundary in the text of a part", _multi(["\r\ntext --=_b and\r\n --=_b not at the start\r\n"])
    yield "boundary line with more behind it", _multi(["\r\none\r\n--=_bx\r\nstill one"])
    yield "boundary never seen", _plain('Content-Type: multipart/mixed; boundary="never"\r\n', "only text\r\n")
    yield "close missing", _multi([TEXT, HTML], close=False)
    yield "close missing inside", _bytes(HEAD + 'Content-Type: multipart/mixed; boundary="o"\r\n\r\n--o\r\nContent-Type: multipart/mixed; boundary="i"\r\n\r\n--i\r\n\r\nin\r\n--o\r\n\r\nout\r\n--o--\r\n')
    yield "close at once", _plain('Content-Type: multipart/mixed; boundary="c"\r\n', "--c--\r\n")
    yield "nothing behind the header", _plain('Content-Type: multipart/mixed; boundary="c"\r\n', "")
    yield "close twice", _multi([TEXT], epilogue="--=_b--\r\n")
    yield "part behind the close", _multi([TEXT], epilogue="--=_b\r\n\r\nlate\r\n")
    yield "preamble and epilogue", _multi([TEXT, HTML], preamble="pre\r\n", epilogue="epi\r\n")
    yield "preamble that looks like a header", _multi([TEXT], preamble="Content-Type: text/html\r\n\r\n")
    yield "part without a header", _multi(["\r\nbare"])
    yield "part without header and text", _multi(["", ""])
    yield "part of an empty line", _multi(["\r\n"])
    yield "part with header only", _multi(["Content-Type: text/plain"])
    yield "part that ends without a line end", _bytes(HEAD + 'Content-Type: multipart/mixed; boundary="e"\r\n\r\n--e\r\n\r\nlast')
    yield "close without a line end", _bytes(HEAD + 'Content-Type: multipart/mixed; boundary="e"\r\n\r\n--e\r\n\r\nlast\r\n--e--')
    yield "only LF", _multi([TEXT, HTML], eol="\n")
    yield "text with LF only", _plain("Content-Type: text/plain\r\n", "a\nb\nc\n")
    yield "empty lines at the end of a part", _multi(["\r\none\r\n\r\n\r\n", "\r\n\r\n\r\ntwo"])
    yield "forty parts", _multi([f"Content-Type: text/plain; name=p{n}\r\n\r\n{n}" for n in range(40)])


def _nesting():
    for depth in (2, 3, 5, 10, 20):
        text = "Content-Type: text/plain\r\n\r\ndeep\r\n"
        for n in range(depth):
            text = f'Content-Type: multipart/mixed; boundary="n{n}"\r\n\r\n--n{n}\r\n{text}--n{n}--\r\n'
        yield f"nested {depth} deep", _bytes(HEAD + text)
    for kind in ("alternative", "related", "digest", "parallel", "report", "signed", "encrypted", "form-data", "x-unknown", "MIXED"):
        yield f"multipart/{kind}", _multi([TEXT, HTML], kind=kind)
    inner = "From: c@example.com\r\nSubject: inner\r\n\r\ninner body\r\n"
    yield "message/rfc822", _plain("Content-Type: message/rfc822\r\n", inner)
    yield "message/rfc822 in a multipart", _multi([f"Content-Type: message/rfc822\r\n\r\n{inner}", TEXT])
    yield "message/rfc822 without a body", _multi(["Content-Type: message/rfc822\r\n\r\nSubject: alone\r\n\r\n"])
    yield "message/rfc822 with a multipart inside", _multi(['Content-Type: message/rfc822\r\n\r\nSubject: m\r\nContent-Type: multipart/mixed; boundary="q"\r\n\r\n--q\r\n\r\nx\r\n--q\r\n\r\ny\r\n--q--\r\n', TEXT])
    for depth in (2, 3, 8):
        text = inner
        for _ in range(depth):
            text = f"Subject: layer\r\nContent-Type: message/rfc822\r\n\r\n{text}"
        yield f"message/rfc822 {depth} deep", _bytes(HEAD + "Content-Type: message/rfc822\r\n\r\n" + text)
    yield "digest without types", _multi(["\r\nFrom: d@example.com\r\nSubject: digested\r\n\r\nd\r\n", "\r\nSubject: second\r\n\r\ne"], kind="digest")
    yield "digest with a text part", _multi([TEXT, "\r\nSubject: second\r\n\r\ne"], kind="digest")
    yield "report with delivery status", _multi([TEXT, "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; a.example\r\n\r\nFinal-Recipient: rfc822; x@y\r\nAction: failed\r\n", "Content-Type: text/rfc822-headers\r\n\r\nSubject: s\r\n"], kind="report")
    yield "message/partial", _plain('Content-Type: message/partial; id="x"; number=1; total=2\r\n', "part\r\n")
    yield "message/external-body", _plain('Content-Type: message/external-body; access-type=URL; URL="http://x.example/"\r\n', "Content-Type: image/gif\r\n\r\n")
    yield "message/rfc822 in base64", _multi(["Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA0KDQp5DQo="])


def _types():
    for n, value in enumerate((
            "text/plain", "TEXT/PLAIN", "Text/Html; charset=UTF-8", "text/plain; charset=us-ascii", 'text/plain; charset="us-ascii"', "text/plain;charset=utf-8", "text/plain ; charset = utf-8",
            "text/plain; charset=utf-8;", "text/plain; charset=utf-8; format=flowed", 'text/plain; charset="utf-8"; format="flowed"; delsp=yes', "text/plain; charset=", 'text/plain; charset=""',
            "text/plain; charset", "text/plain;", "text/plain; ;", "text/plain; charset=utf-8; charset=latin1", "text", "text/", "/plain", "plain", "", "text/plain/extra", "text plain", "text/plain, text/html",
            "text/x-vcard; name=card.vcf", "application/octet-stream", "application/pdf; name=a.pdf", 'application/pdf; name="a b.pdf"', 'application/pdf; name="a\\"b.pdf"', 'application/pdf; name="a\\\\b.pdf"',
            "application/pdf; name=a b.pdf", "application/x-gzip; name=a(1).gz", 'image/png; name="=?utf-8?Q?=C3=BC.png?="', "image/jpeg; x-mac-type=4A504547", "text/plain; charset=utf-8 (a comment)",
            "text/(comment)plain", "(comment) text/plain", "text/plain; (comment) charset=utf-8", "text/plain; charset*=us-ascii'en'utf-8", "text/plain; name*=utf-8''%C3%BC.txt",
            "text/plain; name*0=long; name*1=name.txt", 'text/plain; name*0="long "; name*1="name.txt"', "text/plain; name*0*=utf-8''%C3%BC; name*1=x.txt", "text/plain; name*1=b; name*0=a", "text/plain; name*0=a; name*2=c",
            "text/plain; name*=broken", "text/plain; name*=utf-8'%41", "text/plain; name*0*=utf-8''a%2; name*1*=0b", "text/plain; a=1; b=2; c=3; d=4; e=5; f=6", "text/plain; x=\"unterminated", "text/plain; =value", "text/plain; a=b=c",
            'text/plain; name="semi;colon.txt"; charset=utf-8', "text/plain; name=semi;colon.txt", "multipart/mixed", 'application/vnd.ms-excel; name="x.xls"', "audio/basic", "video/mp4", "font/woff", "model/vrml", "x-own/x-type",
            "text/plain; charset=\"utf-8", "text/plain;\r\n charset=utf-8", "text/plain;\r\n\tcharset=utf-8;\r\n\tname=folded.txt", "text\r\n /plain", "text/plain; charset='utf-8'", "text/plain; charset=utf-8; name=\"tab\there\"",
            "text/plain; name=\"line\r\n folded.txt\"")):
        yield f"content type {n}", _plain(f"Content-Type: {value}\r\n")
    yield "content type twice", _plain("Content-Type: text/html\r\nContent-Type: text/plain\r\n")
    yield "content type without MIME-Version", b"From: a@example.net\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n"
    yield "content type without a blank", _plain("Content-Type:text/html\r\n")
    yield "content type with blanks in front of the colon", _plain("Content-Type : text/html\r\n")
    for n, value in enumerate(("7bit", "8bit", "binary", "base64", "BASE64", "quoted-printable", "Quoted-Printable", "x-uuencode", "unknown", "", "base64 (comment)", '"base64"', "base64;", "7bit 8bit", "  base64  ")):
        yield f"encoding {n}", _plain(f"Content-Type: text/plain\r\nContent-Transfer-Encoding: {value}\r\n", "QUJD\r\n")
    yield "encoding twice", _plain("Content-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: 7bit\r\n", "QUJD\r\n")
    yield "encoding base64 of a multipart", _bytes(HEAD + 'Content-Type: multipart/mixed; boundary="m"\r\nContent-Transfer-Encoding: base64\r\n\r\n--m\r\n\r\nx\r\n--m--\r\n')
    for n, value in enumerate(("inline", "attachment", "ATTACHMENT", "attachment; filename=a.txt", 'attachment; filename="a b.txt"', "attachment; filename*=utf-8''%C3%BC.txt", "attachment; filename=a.txt; size=3",
                               'attachment; filename="=?utf-8?B?w7w=?=.txt"', "x-own; a=b", "attachment;", "", "attachment; filename", "attachment filename=a.txt", "inline; filename*0=a; filename*1=b.txt",
                               'attachment; modification-date="Wed, 12 Feb 1997 16:29:51 -0500"')):
        yield f"disposition {n}", _multi([f"Content-Type: application/x\r\nContent-Disposition: {value}\r\n\r\nx"])
    for n, header in enumerate(("Content-ID: <a@b>", "Content-ID: a@b", "Content-ID: < spaced @ b >", "Content-ID:", "Content-Description: words here", "Content-Description: =?utf-8?Q?=C3=BC?=", "Content-Description:\r\n folded\r\n words",
                                "Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==", "Content-Language: de", "Content-Language: de, en", "Content-Location: http://a.example/b c", "Content-Base: x")):
        yield f"part field {n}", _multi([f"Content-Type: text/plain\r\n{header}\r\n\r\nx"])


def _addresses():
    for n, value in enumerate((
            "a@example.net", "<a@example.net>", "A B <a@example.net>", '"A B" <a@example.net>', '"B, A" <a@example.net>', '"A \\"Q\\" B" <a@example.net>', '"A\\\\B" <a@example.net>', "a@example.net (A B)", "(c) a@example.net",
            "A (c) B <a@example.net>", "a@example.net, b@example.net", "a@example.net,b@example.net", "a@example.net, , b@example.net", ", a@example.net", "a@example.net,", "Group: a@example.net, b@example.net;", "Group:;", "undisclosed-recipients:;",
            "Group: A <a@example.net>;, c@example.net", '"Gr: oup": a@example.net;', "=?utf-8?Q?J=C3=BCrgen?= <j@example.net>", '"=?utf-8?Q?J=C3=BCrgen?=" <j@example.net>', "=?utf-8?Q?A?= =?utf-8?Q?B?= <a@example.net>",
            "=?utf-8?B?QSwgQg==?= <a@example.net>", "<@r.example:a@example.net>", "<@r.example,@s.example:a@example.net>", "a@[192.0.2.1]", "<a@[IPv6:2001:db8::1]>", '"quoted local"@example.net', '"a@b"@example.net', "a.b.c@example.net", "a..b@example.net",
            ".a@example.net", "a@", "@example.net", "a", "A B", "", "<>", "<a>", "A <>", "<a@example.net", "a@example.net>", "A <a@example.net> trailing", "A <a@example.net> <b@example.net>", "a@b@example.net", "a b@example.net", "a @ example.net",
            "a@example . net", "a\r\n @example.net", "A\r\n B\r\n <a@example.net>", "A <a@\r\n example.net>", "A. B. <a@example.net>", "A.B <a@example.net>", "O'Neil <a@example.net>", "A/B <a@example.net>", "A@B <a@example.net>", "[A] <a@example.net>", "A; B <a@example.net>",
            "a@example.net; b@example.net", "MAILER-DAEMON", "Mail Delivery System <MAILER-DAEMON>", "A <a@example.net>, B", '"A <b@example.net>" <a@example.net>', "a@EXAMPLE.NET", "a+b=c@example.net", "a%b@example.net", "a!b@example.net",
            "(nested (comment)) a@example.net", "a@example.net ((x) y)", "A (unterminated <a@example.net>", '"unterminated <a@example.net>', "\"\" <a@example.net>", "\tA\t<a@example.net>")):
        yield f"address {n}", _bytes(f"From: x@example.net\r\nTo: {value}\r\nSubject: address\r\n\r\nx\r\n")
    yield "from twice", b"From: a@example.net\r\nFrom: b@example.net\r\n\r\nx\r\n"
    yield "to twice", b"From: a@example.net\r\nTo: b@example.net\r\nTo: c@example.net\r\n\r\nx\r\n"
    yield "no from", b"To: b@example.net\r\nSubject: no from\r\n\r\nx\r\n"
    yield "sender and reply-to", b"From: a@example.net\r\nSender: s@example.net\r\nReply-To: r@example.net, q@example.net\r\n\r\nx\r\n"
    yield "empty sender", b"From: a@example.net\r\nSender:\r\nReply-To: \r\n\r\nx\r\n"
    yield "a hundred recipients", _bytes("From: a@example.net\r\nTo: " + ",\r\n ".join(f"p{n}@example.net" for n in range(100)) + "\r\n\r\nx\r\n")
    yield "raw UTF-8 in a name", "From: Jürgen <j@example.net>\r\nTo: b@example.org\r\n\r\nx\r\n".encode()


def _fields():
    for n, value in enumerate((
            "plain", "", " ", "=?utf-8?Q?=C3=BC?=", "=?UTF-8?q?=C3=BC?=", "=?utf-8?B?w7w=?=", "=?utf-8?B?w7w?=", "=?iso-8859-1?Q?=FC?=", "=?utf-8?Q?a_b?= =?utf-8?Q?_c?=", "=?utf-8?Q?a?= plain =?utf-8?Q?b?=", "a =?utf-8?Q?=C3=BC?=b",
            "=?utf-8?Q?=C3?= =?utf-8?Q?=BC?=", "=?unknown?Q?x?=", "=?utf-8?X?x?=", "=?utf-8?Q?x", "=?utf-8?Q??=", "=?utf-8*de?Q?=C3=BC?=", "folded\r\n here", "folded\r\n\there", "folded\r\n  twice\r\n over", "a\r\n \r\n b", "  blanks around  ",
            'with "quotes"', "with \\ backslash", "with (comment)", "tab\there", "x" * 900, "=?utf-7?Q?+AOk-?=", "Re: Re: =?utf-8?Q?=C3=BC?=", "{5}", "NIL", "\"")):
        yield f"subject {n}", _bytes(f"From: a@example.net\r\nSubject: {value}\r\n\r\nx\r\n")
    yield "subject twice", b"From: a@example.net\r\nSubject: first\r\nSubject: second\r\n\r\nx\r\n"
    yield "subject raw UTF-8", "From: a@example.net\r\nSubject: Grüße\r\n\r\nx\r\n".encode()
    yield "subject raw latin1", b"From: a@example.net\r\nSubject: Gr\xfc\xdfe\r\n\r\nx\r\n"
    for n, value in enumerate(("<a@b>", "a@b", "<a@b> <c@d>", "<a b@c>", "", "<>", "<a@b", "<a@b> (comment)", "<\"a b\"@c>", "<a@[b]>", "<a@b>\r\n <c@d>")):
        yield f"message-id {n}", _bytes(f"From: a@example.net\r\nMessage-ID: {value}\r\n\r\nx\r\n")
        yield f"in-reply-to {n}", _bytes(f"From: a@example.net\r\nIn-Reply-To: {value}\r\n\r\nx\r\n")
    yield "no header", b"\r\nonly text\r\n"
    yield "header without an end", b"From: a@example.net\r\nSubject: no end\r\n"
    yield "header without a line end", b"From: a@example.net\r\nSubject: no line end"
    yield "a line that is no field", b"From: a@example.net\r\nthis is no field\r\nSubject: behind\r\n\r\nx\r\n"
    yield "mbox line first", b"From a@example.net Fri Nov 20 10:00:00 2026\r\nFrom: a@example.net\r\nSubject: mbox\r\n\r\nx\r\n"
    yield "a blank first", b" From: a@example.net\r\nSubject: blank first\r\n\r\nx\r\n"
    yield "a field without a value", b"From:\r\nSubject:\r\nTo:\r\n\r\nx\r\n"
    yield "a field without a name", b"From: a@example.net\r\n: nothing\r\nSubject: s\r\n\r\nx\r\n"
    yield "fields in capitals", b"FROM: a@example.net\r\nSUBJECT: loud\r\nCONTENT-TYPE: TEXT/HTML\r\n\r\nx\r\n"
    yield "a hundred fields", _bytes("From: a@example.net\r\n" + "".join(f"X-{n}: {n}\r\n" for n in range(100)) + "Subject: last\r\n\r\nx\r\n")
    yield "bare CR in the header", b"From: a@example.net\r\nSubject: a\rb\r\n\r\nx\r\n"
    yield "bare CR in the text", b"From: a@example.net\r\nSubject: s\r\n\r\na\rb\r\n"
    yield "one letter", b"x"
    yield "one line end", b"\r\n"
    yield "blank lines only", b"\r\n\r\n\r\n"
    yield "uuencode in the text", _plain("Content-Type: text/plain\r\n", "begin 644 a\r\n#86)C\r\n`\r\nend\r\n")
    yield "base64 with junk", _plain("Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n", "QU!!JD\r\n\r\n=\r\n")
    yield "lone dots", _plain("", ".\r\n..\r\n...\r\n")
    yield "a line of 5000", _plain("", "y" * 5000 + "\r\n")


def messages():
    """All, in a fixed order; names are unique."""
    return [m for family in (_boundaries, _nesting, _types, _addresses, _fields) for m in family()]
