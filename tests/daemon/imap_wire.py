"""An IMAP client for tests that says exactly what is told and shows exactly what comes, and a slicer of MIME messages to compare with."""
import re
import socket

from harness import PASSWORD, Raw


class Atom(str):
    """What stood without quotes."""


def parse(data):
    """A response as nested lists: Atom, bytes (quoted or literal), None (NIL)."""
    out, at = _list(data, 0, None)
    assert at == len(data), data
    return out


def _list(data, at, end):
    out = []
    while at < len(data):
        c = data[at : at + 1]
        if c == end:
            return out, at + 1
        if c == b" ":
            at += 1
        elif c == b"(":
            inner, at = _list(data, at + 1, b")")
            out.append(inner)
        elif c == b'"':
            text = b""
            at += 1
            while data[at : at + 1] != b'"':
                if data[at : at + 1] == b"\\":
                    at += 1
                    assert data[at : at + 1] in b'\\"', data
                assert at < len(data), data
                text += data[at : at + 1]
                at += 1
            at += 1
            out.append(text)
        elif c == b"{":
            m = re.compile(rb"\{(\d+)\}\r\n").match(data, at)
            size = int(m.group(1))
            assert m.end() + size <= len(data)
            out.append(data[m.end() : m.end() + size])
            at = m.end() + size
        else:
            m = re.compile(rb'[^ ()\[\]"{]+(\[[^\]]*\](<\d+>)?)?|\[[^\]]*\]').match(data, at)
            assert m, (data, at)
            at = m.end()
            word = m.group(0).decode("latin-1")
            out.append(None if word == "NIL" else Atom(word))
    assert end is None, data
    return out, at


class Reply:
    def __init__(self, status, text, untagged):
        self.status, self.text, self.untagged = status, text, untagged

    def __repr__(self):
        return f"{self.status} {self.text} {self.untagged}"

    def find(self, word):
        """Untagged responses of the kind `* WORD ...`, without the `* `."""
        return [u for u in self.untagged if u.upper().startswith(word.upper().encode())]

    def numbers(self, word):
        """The numbers of `* n WORD`, in order."""
        return [int(m.group(1)) for u in self.untagged if (m := re.match(rb"(\d+) " + word.encode() + rb"(?: |$)", u))]

    def fetched(self):
        """sequence number → {item: value}; later responses of a message add to the earlier ones."""
        out = {}
        for u in self.untagged:
            if m := re.match(rb"(\d+) FETCH ", u):
                items = parse(u[m.end() :])[0]
                out.setdefault(int(m.group(1)), {}).update({str(k).upper(): v for k, v in zip(items[::2], items[1::2])})
        return out

    def code(self):
        m = re.match(r"\[([^\]]*)\]", self.text)
        return m.group(1) if m else ""

    def search(self):
        hits = self.find("SEARCH")
        assert len(hits) == 1, self
        return [int(n) for n in hits[0].split()[1:]]


class Client:
    def __init__(self, instance, user="bob", select=None, login=True, tls=True):
        self.raw = Raw(instance.port["imaps" if tls else "imap"], tls=tls)
        self.raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.count = 0
        self.greeting = self.raw.line()
        if login:
            r = self.cmd(f"LOGIN {user}@{instance.domain} {PASSWORD}")
            assert r.status == "OK", r
        if select:
            r = self.cmd(f'SELECT "{select}"')
            assert r.status == "OK", r

    def response(self):
        """One whole response line with its literals, without the last CRLF; None at the end."""
        data = b""
        while True:
            while b"\n" not in self.raw.pending:
                try:
                    more = self.raw.socket.recv(1 << 18)
                except OSError:  # reset
                    more = b""
                if not more:
                    return None
                self.raw.pending += more
            line, self.raw.pending = self.raw.pending.split(b"\n", 1)
            assert line.endswith(b"\r"), line
            data += line[:-1]
            m = re.search(rb"\{(\d+)\}$", data)
            if not m:
                return data
            data += b"\r\n" + self.raw.exactly(int(m.group(1)))

    def send(self, data):
        self.raw.send(data)

    def tag(self):
        self.count += 1
        return f"t{self.count}"

    def until(self, tag):
        untagged = []
        while (r := self.response()) is not None:
            if r.startswith(b"* "):
                untagged.append(r[2:])
            elif r.startswith(b"+"):
                untagged.append(r)
            else:
                got, status, text = (r.decode("utf-8", "replace").split(" ", 2) + ["", ""])[:3]
                assert got == tag, (tag, r)
                return Reply(status, text, untagged)
        return Reply("EOF", "", untagged)

    def cmd(self, *pieces):
        """A command. A piece of bytes becomes a synchronising literal, text goes as it is."""
        tag = self.tag()
        line = tag + " "
        untagged = []
        for p in pieces:
            if isinstance(p, bytes):
                self.send(line + "{%d}\r\n" % len(p))
                while (r := self.response()) is not None and not r.startswith(b"+"):
                    if not r.startswith(b"* "):
                        status, text = (r.decode().split(" ", 2) + [""])[1:3]
                        return Reply(status, text, untagged)
                    untagged.append(r[2:])
                self.send(p)
                line = ""
            else:
                line += p
        self.send(line.encode("utf-8") + b"\r\n")
        r = self.until(tag)
        r.untagged = untagged + r.untagged
        return r

    def ok(self, *pieces):
        r = self.cmd(*pieces)
        assert r.status == "OK", (pieces if len(str(pieces)) < 500 else str(pieces)[:500], r)
        return r

    def append(self, message, mailbox="INBOX", options=""):
        return self.ok(f'APPEND "{mailbox}" {options}{" " if options else ""}', message)

    def fetch(self, what, items):
        return self.ok(f"FETCH {what} {items}").fetched()

    def close(self):
        self.raw.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# ---- the slicer ----


class Part:
    """A MIME entity cut from its bytes: header with its empty line, body, children, embedded message."""

    def __init__(self, raw, default="text/plain"):
        cut = raw.find(b"\r\n\r\n")
        if not raw:  # the empty line is also the delimiter's
            self.header, self.body = b"\r\n", b""
        elif raw.startswith(b"\r\n"):
            self.header, self.body = b"\r\n", raw[2:]
        elif cut < 0:
            self.header, self.body = raw, b""
        else:
            self.header, self.body = raw[: cut + 4], raw[cut + 4 :]
        self.raw = raw
        kind = self.field(b"content-type") or default.encode()
        m = re.match(rb"\s*([^\s;/]+)/([^\s;]+)", kind)
        self.type = (m.group(1) + b"/" + m.group(2)).lower().decode() if m else "text/plain"
        self.children, self.message = [], None
        if self.type.startswith("multipart/"):
            b = re.search(rb'boundary="?([^";]+)"?', kind, re.I).group(1)
            self.children = [Part(r, "message/rfc822" if self.type == "multipart/digest" else "text/plain") for r in self.cut(b)]
        elif self.type == "message/rfc822":
            self.message = Part(self.body)

    def field(self, name):
        unfolded = re.sub(rb"\r\n(?=[ \t])", b"", self.header)
        m = re.search(rb"^" + name + rb"[ \t]*:[ \t]*(.*?)\r\n", unfolded, re.I | re.M)
        return m.group(1) if m else None

    def cut(self, boundary):
        """Bytes between delimiters; the CRLF before a delimiter is the delimiter's (RFC 2046 5.1.1)."""
        marks = list(re.finditer(rb"(?:^|\r\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r\n|$)", self.body))
        out = []
        for i, m in enumerate(marks):
            if m.group(1):
                break
            start = m.end() + 2
            end = marks[i + 1].start() if i + 1 < len(marks) else len(self.body)
            out.append(self.body[start : max(start, end)])
        return out

    def sections(self, prefix="", top=True):
        """section → bytes, for every section that FETCH can name."""
        out = {}
        dot = prefix + "." if prefix else ""
        if top:
            out[dot + "HEADER"] = self.header
            out[dot + "TEXT"] = self.body
        numbered = self.children or [self]
        for i, c in enumerate(numbered, 1):
            n = f"{dot}{i}"
            out[n] = c.body
            out[n + ".MIME"] = c.header
            if c.message:
                out.update(c.message.sections(n, True))
            elif c.children and c is not self:
                out.update(c.sections(n, False))
        return out


def lines(data):
    return data.count(b"\n")
