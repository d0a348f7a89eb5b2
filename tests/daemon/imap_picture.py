"""What one IMAP session has been told of its mailbox, and the rules about what may be told when.

A Wire speaks; a Picture takes every response in the order in which it comes and refuses what no client could make sense of: a count that
drops, a UID that changes, a MODSEQ that goes back, an EXPUNGE while sequence numbers are in flight (RFC 3501 7.4.1), VANISHED or UIDFETCH
that nobody asked for. What it can't know (is that UID the right one?) is asked of `judge`, where there is one.
"""
import re
import socket

from harness import PASSWORD, Raw
from imap_wire import parse

SEQUENCE_IN_FLIGHT = ("FETCH", "STORE", "SEARCH", "SORT", "THREAD")  # without UID before them


class Broken(AssertionError):
    """A rule was broken."""


def expect(condition, *what):
    if not condition:
        raise Broken(" ".join(str(w) for w in what))


def read_set(text):
    """The numbers of a set without `*`."""
    out = []
    for piece in text.split(","):
        low, _, high = piece.partition(":")
        low, high = int(low), int(high or low)
        out += range(min(low, high), max(low, high) + 1)
    return out


def write_set(numbers):
    """A set, with runs where the numbers follow each other."""
    runs = []
    for n in sorted(numbers):
        if runs and runs[-1][1] == n - 1:
            runs[-1][1] = n
        else:
            runs.append([n, n])
    return ",".join(str(a) if a == b else f"{a}:{b}" for a, b in runs)


class Wire:
    """A connection: commands out, parsed responses in, a transcript of the last of both."""

    KEPT = 400

    def __init__(self, port, user, tls=False, mutate=None):
        self.raw = Raw(port, tls=tls)
        self.raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.log = []
        self.mutate = mutate  # a test of the test: changes what was received
        self.tags = 0
        self.greeting = self.response()
        if user:
            status, text, _ = self.command(f'LOGIN {user} "{PASSWORD}"')
            expect(status == "OK", "LOGIN", text)

    def note(self, line):
        self.log.append(line if len(line) < 500 else line[:500] + b"...")
        if len(self.log) > self.KEPT:
            del self.log[: self.KEPT // 2]

    def send(self, data):
        data = data if isinstance(data, bytes) else data.encode()
        self.note(b"C: " + data.rstrip())
        self.raw.send(data)

    def response(self):
        """A whole response with its literals, without its CRLF; None at the end."""
        data = b""
        while True:
            while b"\n" not in self.raw.pending:
                try:
                    more = self.raw.socket.recv(1 << 18)
                except ConnectionResetError:
                    more = b""
                if not more:
                    return None
                self.raw.pending += more
            line, self.raw.pending = self.raw.pending.split(b"\n", 1)
            expect(line.endswith(b"\r"), "a line without CR", line)
            data += line[:-1]
            m = re.search(rb"\{(\d+)\}$", data)
            if not m:
                break
            data += b"\r\n" + self.raw.exactly(int(m.group(1)))
        if self.mutate:
            data = self.mutate(data)
        self.note(b"S: " + data)
        return data

    def start(self, text):
        """Sends a command without literals; its tag."""
        self.tags += 1
        tag = f"t{self.tags}"
        self.send(f"{tag} {text}\r\n")
        return tag

    def finish(self, tag, told=None, literals=(), done=False):
        """Reads up to the tagged response: status, text, untagged responses (each also given to `told` at once). Literals, or DONE, are sent as the server asks for them."""
        untagged = []
        literals = list(literals)
        while True:
            line = self.response()
            expect(line is not None, "the connection ended in a command")
            if line.startswith(b"+"):
                if done:
                    self.send("DONE\r\n")
                    continue
                expect(literals, "unexpected continuation", line)
                self.send(literals.pop(0) + b"\r\n")
            elif line.startswith(b"* "):
                untagged.append(line[2:])
                if told:
                    told(line[2:])
            else:
                got, status, text = (line.decode("utf-8", "replace").split(" ", 2) + ["", ""])[:3]
                expect(got == tag, "tag", got, "not", tag)
                return status, text, untagged

    def command(self, text, told=None, literals=()):
        """`literals`: (what stands before it ends the line with {n}) bytes, each with what follows it up to the next."""
        return self.finish(self.start(text), told, literals)

    def close(self):
        self.raw.close()


class Picture:
    """A selected mailbox as its session sees it."""

    def __init__(self, judge=None):
        self.judge = judge
        self.condstore = self.qresync = self.uidonly = False
        self.recent = {}
        self.clear()

    def clear(self):
        self.uids = []  # by sequence number; None: not told yet
        self.flags = {}  # UID → what was told last
        self.modseq = {}
        self.top = 0  # the highest UID that ever stood here
        self.selected = False
        self.codes = {}  # of SELECT
        self.highest = 0  # HIGHESTMODSEQ as a client has it that takes each MODSEQ for it, and puts it back when the server says so
        self.untagged_highest = 0
        self.keywords = set()  # of FLAGS
        self.results = []  # what the running command brought: ("FETCH", uid, items) and so on
        self.verb, self.by_uid = "", False

    def begin(self, verb, by_uid=False):
        self.verb, self.by_uid, self.results = verb, by_uid, []

    def code(self, name, value):
        self.codes[name] = value
        if name == "HIGHESTMODSEQ":
            self.highest, self.untagged_highest = int(value), 0

    def ended(self, text):
        """The tagged response."""
        self.highest, self.untagged_highest = max(self.highest, self.untagged_highest), 0
        if m := re.match(r"\[([A-Z-]+)(?: ([^\]]*))?\]", text):
            self.code(m.group(1), m.group(2) or "")

    def may_expunge(self):
        return self.by_uid or self.verb not in SEQUENCE_IN_FLIGHT

    def told(self, line):
        """An untagged response, without `* `."""
        m = re.match(rb"(\d+) (EXISTS|RECENT|EXPUNGE|FETCH|UIDFETCH)(?: |$)", line)
        if m:
            n, kind = int(m.group(1)), m.group(2).decode()
            if kind == "EXISTS":
                self.exists(n)
            elif kind == "EXPUNGE":
                self.expunge(n)
            elif kind == "RECENT":
                expect(n <= len(self.uids), "RECENT of", n, "with", len(self.uids), "messages")
            else:
                self.fetch(n, kind == "UIDFETCH", parse(line[m.end() :])[0])
        elif line.startswith(b"VANISHED "):
            self.vanished(line)
        elif line.startswith(b"OK ["):
            m = re.match(rb"OK \[([A-Z-]+)(?: ([^\]]*))?\]", line)
            if m:
                self.code(m.group(1).decode(), (m.group(2) or b"").decode())
        elif line.startswith(b"FLAGS "):
            self.keywords = {str(f).lower() for f in parse(line[6:])[0]}
        elif line.startswith((b"BAD", b"BYE")):
            raise Broken(f"untagged {line!r}")

    def exists(self, n):
        expect(n >= len(self.uids), "EXISTS dropped from", len(self.uids), "to", n)
        more = n - len(self.uids)
        if more:
            self.uids += self.judge.arrived(self, more) if self.judge else [None] * more
            self.top = max([self.top] + [u for u in self.uids[-more:] if u])

    def drop(self, index):
        uid = self.uids.pop(index)
        self.flags.pop(uid, None)
        self.modseq.pop(uid, None)
        self.results.append(("GONE", uid, None))

    def expunge(self, n):
        expect(not self.qresync and not self.uidonly, "EXPUNGE where VANISHED was agreed")
        expect(self.may_expunge(), "EXPUNGE during", self.verb)
        expect(1 <= n <= len(self.uids), "EXPUNGE of", n, "with", len(self.uids), "messages")
        if self.judge:
            self.judge.gone(self, [self.uids[n - 1]])
        self.drop(n - 1)

    def vanished(self, line):
        earlier = line.startswith(b"VANISHED (EARLIER) ")
        uids = read_set(line.split(b" ")[-1].decode())
        expect(self.qresync or self.uidonly, "VANISHED without QRESYNC")
        if self.judge:
            self.judge.gone(self, uids)
        if earlier:
            expect(self.verb in ("SELECT", "EXAMINE") or (self.verb == "FETCH" and self.by_uid), "VANISHED (EARLIER) in", self.verb)
            self.results.append(("EARLIER", None, uids))
            return
        expect(self.may_expunge(), "VANISHED during", self.verb)
        if all(u is not None for u in self.uids):
            for uid in uids:
                expect(uid in self.uids, "VANISHED of", uid, "that wasn't there")
        for uid in uids:
            if uid in self.uids:
                self.drop(self.uids.index(uid))
            else:
                self.drop(self.place(uid))

    def place(self, uid):
        """The message whose UID isn't known yet and may be this one."""
        if self.uidonly and None in self.uids:
            return self.uids.index(None)
        low = 0
        for i, u in enumerate(self.uids):
            if u is None and low < uid and uid < min([v for v in self.uids[i:] if v], default=uid + 1):
                return i
            low = u or low
        raise Broken(f"UID {uid} isn't in the mailbox")

    def fetch(self, n, uidfetch, items):
        expect(len(items) % 2 == 0, "FETCH items", items)
        values = {str(k).upper(): v for k, v in zip(items[::2], items[1::2])}
        expect(uidfetch == self.uidonly, "UIDFETCH" if uidfetch else "FETCH", "with UIDONLY", self.uidonly)
        if uidfetch:
            uid = n
            expect(int(values.get("UID", uid)) == uid, "UID", values.get("UID"), "within UIDFETCH of", uid)
            if uid not in self.uids:
                self.uids[self.place(uid)] = uid
                self.uids.sort(key=lambda u: (u is None, u))  # without sequence numbers, places mean nothing
                self.top = max(self.top, uid)
        else:
            expect(1 <= n <= len(self.uids), "FETCH of", n, "with", len(self.uids), "messages")
            if "UID" in values:
                told = int(values["UID"])
                expect(self.uids[n - 1] in (None, told), "message", n, "has UID", self.uids[n - 1], "and is told as", told)
                before = [u for u in self.uids[: n - 1] if u]
                after = [u for u in self.uids[n:] if u]
                expect((not before or before[-1] < told) and (not after or told < after[0]), "UID", told, "at", n, "isn't between its neighbours")
                self.uids[n - 1] = told
                self.top = max(self.top, told)
            uid = self.uids[n - 1]
        if self.unsolicited() and "FLAGS" in values:
            expect("MODSEQ" in values or not self.condstore, "unsolicited FETCH without MODSEQ in", self.verb)
            expect(uidfetch or "UID" in values or not self.qresync, "unsolicited FETCH without UID in", self.verb)
        if uid is not None:
            self.learn(uid, values)
        self.results.append(("FETCH", uid, values))

    def unsolicited(self):
        return self.verb not in ("FETCH", "SELECT", "EXAMINE")

    def learn(self, uid, values):
        if self.judge:
            self.judge.fetched(self, uid, values)
        if "MODSEQ" in values:
            modseq = int(values["MODSEQ"][0])
            expect(0 < modseq < 1 << 63, "MODSEQ", modseq)
            expect(modseq >= self.modseq.get(uid, 0), "MODSEQ of UID", uid, "went from", self.modseq.get(uid), "to", modseq)
            self.modseq[uid] = modseq
            self.untagged_highest = max(self.untagged_highest, modseq)
        if "FLAGS" in values:
            unknown = [f for f in values["FLAGS"] if f != "\\Recent" and str(f).lower() not in self.keywords]
            expect(not unknown or not self.judge, "flags", unknown, "that FLAGS hasn't told of")
            self.flags[uid] = frozenset(str(f) for f in values["FLAGS"] if f != "\\Recent")
            if "\\Recent" in values["FLAGS"]:
                self.recent[uid] = True
