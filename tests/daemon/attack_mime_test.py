"""Messages that are made to hurt (attack list 19 and 20): each is taken, shown, searched and shown again, within bounds of time and memory;
what is said of it is checked, and a clean transaction follows on a new connection.
"""
import base64
import re
import time

import harness
from harness import SLOW, shared
from imap_wire import Client

SECONDS = 10  # for any one command about a hostile message
GROWTH_MIB = 160  # of the daemon over all of them
HEAD = "From: a@example.net\r\nTo: bob@example.org\r\nSubject: odd\r\nMIME-Version: 1.0\r\n"


def daemon():
    return shared(users=["bob"])


def rss_mib():
    with open(f"/proc/{daemon().process.pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) / 1024


class Box:
    """A mailbox of one message."""

    def __init__(self, message):
        self.client = Client(daemon())
        self.client.cmd("DELETE Hostile")
        assert self.client.cmd("CREATE Hostile").status == "OK"
        assert self.timed("APPEND Hostile ", message if isinstance(message, bytes) else message.encode()).status == "OK"
        assert self.client.cmd("SELECT Hostile").status == "OK"

    def timed(self, *pieces):
        began = time.monotonic()
        reply = self.client.cmd(*pieces)
        took = time.monotonic() - began
        assert took < SECONDS * SLOW, f"{pieces[0]}: {took:.1f} s"
        return reply

    def fetch(self, items):
        reply = self.timed(f"FETCH 1 ({items})")
        assert reply.status == "OK", reply
        return reply.fetched()[1]

    def structure(self):
        """BODYSTRUCTURE, after everything else that looks at structures was asked for too."""
        self.fetch("BODY ENVELOPE PREVIEW BODY.PEEK[HEADER.FIELDS (SUBJECT)]")
        for section in ("1", "1.1", "2.MIME", "1.1.1.1.1.1.1.1.1.1.1.1"):
            self.timed(f"FETCH 1 (BODY.PEEK[{section}])")
        return self.fetch("BODYSTRUCTURE")["BODYSTRUCTURE"]

    def finds(self, text, key="TEXT"):
        reply = self.timed(f"SEARCH {key} ", text.encode())
        assert reply.status == "OK", reply
        return bool(reply.search())

    def leave(self):
        self.client.cmd("LOGOUT")
        clean = Client(daemon())
        assert clean.cmd("SELECT INBOX").status == "OK" and clean.cmd("LOGOUT").status == "OK"


def depth_of(structure):
    depth = 0
    while structure and isinstance(structure[0], list):
        structure, depth = structure[0], depth + 1
    return depth


def nested(count):
    return HEAD + "".join(f'Content-Type: multipart/mixed; boundary="n{n}"\r\n\r\n--n{n}\r\n' for n in range(count)) + "Content-Type: text/plain\r\n\r\nthe innermost words\r\n"


def test_ten_thousand_nested_multiparts_are_cut_at_a_depth():
    box = Box(nested(10_000))
    assert 50 <= depth_of(box.structure()) <= 100
    box.leave()


def test_a_million_empty_parts_are_cut_at_a_count():
    box = Box(HEAD + 'Content-Type: multipart/mixed; boundary="p"\r\n\r\n' + "--p\r\n\r\n" * 1_000_000 + "--p--\r\n")
    structure = box.structure()
    assert len(structure) < 20_000
    box.leave()


def test_a_message_inside_itself_a_thousand_deep_is_cut():
    text = "Subject: the core\r\n\r\ncore\r\n"
    for _ in range(1000):
        text = f"Subject: shell\r\nContent-Type: message/rfc822\r\n\r\n{text}"
    box = Box(HEAD + "Content-Type: message/rfc822\r\n\r\n" + text)
    shells = repr(box.structure()).count("'shell'")
    assert 50 <= shells <= 100, shells
    box.leave()


def test_boundaries_that_are_prefixes_long_missing_or_empty():
    box = Box(HEAD + 'Content-Type: multipart/mixed; boundary="ab"\r\n\r\n--ab\r\nContent-Type: multipart/mixed; boundary="abc"\r\n\r\n--abc\r\n\r\ninner\r\n--abc--\r\n--ab\r\n\r\nouter\r\n--ab--\r\n')
    assert box.structure()[0][0][0] == b"text" and box.fetch("BODY.PEEK[1.1]")["BODY[1.1]"] == b"inner" and box.fetch("BODY.PEEK[2]")["BODY[2]"] == b"outer"
    box.leave()
    long = "b" * 2000
    box = Box(HEAD + f'Content-Type: multipart/mixed; boundary="{long}"\r\n\r\n--{long}\r\n\r\nx\r\n--{long}--\r\n')
    assert box.structure() and len(box.fetch("BODY.PEEK[]")["BODY[]"]) > 6000
    box.leave()
    box = Box(HEAD + 'Content-Type: multipart/mixed; boundary="open"\r\n\r\n--open\r\n\r\nnever closed\r\n')
    assert box.fetch("BODY.PEEK[1]")["BODY[1]"] == b"never closed\r\n" and box.structure()[0][0] == b"text"
    box.leave()
    box = Box(HEAD + 'Content-Type: multipart/mixed; boundary=""\r\n\r\n--\r\n\r\nx\r\n----\r\n')
    assert box.structure()[0] == b"application" and box.fetch("BODY.PEEK[1]")["BODY[1]"].startswith(b"--\r\n")
    box.leave()


def test_a_hundred_thousand_continued_parameters():
    continued = "Content-Type: application/x; " + "".join(f"\r\n name*{n}=a;" for n in range(100_000)) + "\r\n\r\nx\r\n"
    box = Box(HEAD + f'Content-Type: multipart/mixed; boundary="c"\r\n\r\n--c\r\n{continued}--c--\r\n')
    assert box.structure()[0][0] == b"application" and box.fetch("BODY.PEEK[1]")["BODY[1]"] == b"x"
    refused = box.timed("APPEND Hostile ", (HEAD + continued).encode())
    assert refused.status == "NO" and refused.code() == "LIMIT", "a top header has a ceiling"
    box.leave()
    box = Box(HEAD + "Content-Type: application/x; " + "".join(f"\r\n name*{n}=a;" for n in range(15_000)) + "\r\n\r\nx\r\n")
    assert box.structure()[0] == b"application"
    box.leave()
    box = Box(HEAD + "Content-Type: application/x; name*999999999*=utf-8''a; name*18446744073709551616=b; name*-1=c; name*0*=utf-8'de'%C3%BC\r\n\r\nx\r\n")
    parameters = box.structure()[2]
    assert b"name*999999999*" in parameters and b"utf-8'de'%C3%BC" in parameters
    box.leave()


def test_encoded_words_that_are_cut_or_lie_about_their_charset():
    subject = "=?utf-8?B?" + base64.b64encode("gr\u00fc".encode()[:-1]).decode() + "?=\r\n =?utf-8?B?" + base64.b64encode("gr\u00fc".encode()[-1:] + "\u00dfe".encode()).decode() + "?="
    box = Box(f"From: a@example.net\r\nSubject: {subject}\r\nTo: =?utf-7?Q?+AGEAbABlAHIAdA-?= <x@example.net>\r\nCc: =?x-no-such-charset?Q?abc?= <y@example.net>\r\n\r\nx\r\n")
    envelope = box.fetch("ENVELOPE")["ENVELOPE"]
    assert envelope[1].replace(b"\r\n", b"") == subject.replace("\r\n", "").encode(), "as it was written (RFC 9051 7.5.2)"
    assert box.finds("x@example.net", "TO") and box.finds("=?x-no-such-charset", "CC"), "what can't be decoded stays as it is"
    box.leave()
    box = Box("From: a@example.net\r\nSubject: " + "=?utf-8?B?w7w=?= " * 10_000 + "\r\n\r\nx\r\n")
    assert box.finds("\u00fc\u00fc\u00fc", "SUBJECT")
    box.leave()


def test_charsets_and_transfer_encodings_that_lie():
    box = Box(HEAD + "Content-Type: text/plain; charset=x-unknown\r\n\r\nplain words \xff\r\n")
    assert box.finds("plain words")
    box.leave()
    box = Box(HEAD + "Content-Type: text/plain; charset=utf-7\r\n\r\n+AGYAbwBv- word\r\n")
    assert box.structure()[0] == b"text" and box.finds("word")
    box.leave()
    box = Box(HEAD + "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\naGlkZ!!GVuIH\r\n=dvcmRz\r\n\x00".replace("\x00", "~"))
    assert box.structure()[5] == b"base64" and box.fetch("BODY.PEEK[1]")["BODY[1]"].startswith(b"aGlkZ!!")
    assert box.timed("FETCH 1 (BINARY.PEEK[1])").status in ("OK", "NO")
    box.leave()
    box = Box(HEAD + "Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + "=3D=" * 200_000 + "=ZZ\r\nthe end\r\n")
    assert box.finds("the end")
    box.leave()
    box = Box(HEAD + "Content-Type: text/plain\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 a\r\n" + "M" + "!" * 60 + "\r\n`\r\nend\r\n")
    assert box.timed("FETCH 1 (BINARY.PEEK[1])").status in ("OK", "NO") and box.structure()[5] == b"x-uuencode"
    box.leave()


def test_memory_stays_bounded_over_all_of_this():
    before = rss_mib()
    for _ in range(3):
        Box(nested(10_000)).leave()
        Box(HEAD + 'Content-Type: multipart/mixed; boundary="p"\r\n\r\n' + "--p\r\n\r\n" * 1_000_000 + "--p--\r\n").leave()
    assert rss_mib() - before < GROWTH_MIB * SLOW, (before, rss_mib())


harness.run(globals())
