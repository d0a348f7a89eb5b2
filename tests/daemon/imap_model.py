"""A mail account in memory, and clients that do at random what clients do, each step checked against it.

The model knows what the server must hold: UIDs are given in order from UIDNEXT, flags are what was stored last, a MODSEQ is above every one
told before it. One command runs at a time, so what is told at any moment must be exactly the model's state at that moment.
"""
import itertools
import random

from imap_picture import Broken, Picture, Wire, expect, read_set, write_set

FLAGS = ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$Label1", "kw-two")
NAMES = ("INBOX", "M0", "M1", "M2", "M1/Sub", "Other")
CROWDED = 40
MODES = ("", "", "CONDSTORE", "QRESYNC", "QRESYNC", "UIDONLY", "QRESYNC UIDONLY", "IMAP4rev2", "IMAP4rev2 QRESYNC")  # what a session enables


clock = itertools.count(1)


class Message:
    def __init__(self, flags, token, low):
        self.flags, self.token = frozenset(flags), token
        self.changed = next(clock)
        self.past = []  # the flags it had while somebody idled
        self.modseq, self.low = None, low  # the value once told; before that, it is above `low`


class Box:
    def __init__(self, name):
        self.name, self.uidvalidity, self.uidnext = name, None, 1
        self.messages = {}
        self.high = 0  # the highest MODSEQ told of it
        self.gone = {}  # UID → what its end's MODSEQ is above

    def add(self, flags, token):
        uid = self.uidnext
        self.uidnext += 1
        self.messages[uid] = Message(flags, token, self.high)
        return uid

    def remove(self, uid):
        del self.messages[uid]
        self.gone[uid] = self.high

    def store(self, uid, flags):
        """Whether something changed; when nothing did, the MODSEQ may stay."""
        m = self.messages[uid]
        if m.flags == frozenset(flags):
            m.low = (m.modseq or m.low + 1) - 1
            m.modseq = None
            return False
        m.past.append(m.flags)
        m.flags, m.modseq, m.low, m.changed = frozenset(flags), None, self.high, next(clock)
        return True

    def told_modseq(self, uid, value):
        m = self.messages[uid]
        if m.modseq is None:
            expect(value > m.low, "MODSEQ of UID", uid, "is", value, "and must be above", m.low)
            m.modseq = value
        expect(m.modseq == value, "MODSEQ of UID", uid, "is", m.modseq, "and was told as", value)
        self.high = max(self.high, value)

    def told_high(self, value):
        expect(value >= self.high, "HIGHESTMODSEQ", value, "below", self.high)
        self.high = value


class Client:
    """A session, its picture, and what it keeps of mailboxes for QRESYNC."""

    def __init__(self, world, number):
        self.world, self.number = world, number
        self.wire, self.box, self.readonly = None, None, False
        self.cache = {}  # box → (uidvalidity, modseq, {uid: flags})
        self.picture = None
        self.idling = False

    def connect(self):
        w = self.world
        self.wire = Wire(w.port, w.user, mutate=w.mutate)
        self.picture = Picture(w)
        self.picture.client = self
        self.box, self.whole = None, 0  # `whole`: when the picture was the mailbox
        mode = w.dice.choice(MODES)
        if mode:
            status, text, untagged = self.wire.command(f"ENABLE {mode}")
            expect(status == "OK", "ENABLE", text)
            enabled = b" ".join(untagged).decode().upper().split()
            for word in mode.upper().split():
                expect(word in enabled, word, "wasn't enabled:", untagged)
            p = self.picture
            p.uidonly = "UIDONLY" in mode
            p.qresync = "QRESYNC" in mode
            p.condstore = p.qresync or "CONDSTORE" in mode
        self.rev2 = "IMAP4rev2" in mode

    def disconnect(self, politely):
        if politely:
            status, _, untagged = self.wire.finish(self.wire.start("LOGOUT"))
            expect(untagged[-1:] and untagged[-1].startswith(b"BYE"), "LOGOUT without BYE")
            expect(status == "OK", "LOGOUT")
        self.wire.close()
        self.keep()
        self.wire = self.box = None

    def run(self, text, literals=(), done=False):
        """A command; its verb decides what may be told."""
        words = text.upper().split()
        by_uid = words[0] == "UID"
        self.picture.begin(words[1] if by_uid else words[0], by_uid)
        status, rest, untagged = self.wire.finish(self.wire.start(text), self.picture.told, literals, done)
        self.picture.ended(rest)
        return status, rest, untagged

    def run_late(self, text, happened):
        """The same where what happened is only known at the end: `happened` changes the model, then the picture is told."""
        words = text.upper().split()
        self.picture.begin(words[1] if words[0] == "UID" else words[0], words[0] == "UID")
        status, rest, untagged = self.wire.finish(self.wire.start(text))
        happened(status, rest, untagged)
        for line in untagged:
            self.picture.told(line)
        self.picture.ended(rest)
        return status, rest, untagged

    def ok(self, text, literals=(), done=False):
        status, rest, untagged = self.run(text, literals, done)
        expect(status == "OK", text, "was answered", status, rest)
        return rest, untagged

    def keep(self):
        """What QRESYNC can start from the next time."""
        p = self.picture
        if self.box and p.qresync and p.highest and self.box.uidvalidity and all(u in p.flags for u in p.uids):
            self.cache[self.box] = (self.box.uidvalidity, p.highest, {u: p.flags[u] for u in p.uids})

    def leave(self):
        self.keep()
        self.box = None
        self.picture.clear()

    def alive(self):
        return [u for u in self.picture.uids if u in self.box.messages]

    def is_sure(self, uid):
        """The session can't see another state of it than the model."""
        m = self.box.messages.get(uid)
        return m is not None and (self.picture.flags[uid] == m.flags if uid in self.picture.flags else m.changed < self.whole)

    def is_whole(self):
        """The picture is the mailbox: every message, and the flags of those that it knows flags of."""
        p, b = self.picture, self.box
        return p.uids == list(b.messages) and all(f == b.messages[u].flags for u, f in p.flags.items())

    def check_whole(self):
        p, b = self.picture, self.box
        expect(p.uids == list(b.messages), "client", self.number, "sees UIDs", p.uids, "of", list(b.messages))
        self.whole = next(clock)
        for u, f in p.flags.items():
            expect(f == b.messages[u].flags, "client", self.number, "sees UID", u, "with", sorted(f), "that has", sorted(b.messages[u].flags))

    def check_new_flags(self, uids):
        """What a STORE of these must have left the client knowing."""
        for u in uids:
            if u in self.picture.flags:
                expect(self.picture.flags[u] == self.box.messages[u].flags, "UID", u, "is seen with", sorted(self.picture.flags[u]), "and has", sorted(self.box.messages[u].flags))


class World:
    """The account, its clients, an observer, and dice."""

    def __init__(self, port, user, seed, mutate=None, clients=4):
        self.port, self.user, self.seed, self.mutate = port, user, seed, mutate
        self.dice = random.Random(seed)
        self.boxes = {"INBOX": Box("INBOX")}
        self.validities = {}
        self.tokens = 0
        self.recents = {}
        self.step = 0
        self.counts = {}
        self.observer = Wire(port, user)
        expect(self.observer.command("ENABLE CONDSTORE")[0] == "OK", "ENABLE CONDSTORE")
        self.clients = [Client(self, i) for i in range(clients)]
        for c in self.clients:
            c.connect()

    # ---- what a picture asks ----

    def arrived(self, picture, count):
        """The UIDs of messages that EXISTS tells of."""
        b = picture.client.box
        new = [u for u in b.messages if u > picture.top]
        expect(len(new) == count, "EXISTS tells of", count, "new messages, there are", len(new), "above UID", picture.top)
        return new

    def gone(self, picture, uids):
        for u in uids:
            expect(u not in picture.client.box.messages, "UID", u, "is told gone and isn't")
            expect(u < picture.client.box.uidnext, "UID", u, "is told gone and never was")

    def fetched(self, picture, uid, values):
        b = picture.client.box
        m = b.messages.get(uid)
        if m is None:
            return  # its last state may still be told
        if picture.client.idling and "FLAGS" in values and frozenset(str(f) for f in values["FLAGS"]) - {"\\Recent"} in m.past:
            return  # told before the latest change, read after it
        if "FLAGS" in values:
            told = frozenset(str(f) for f in values["FLAGS"])
            expect(told - {"\\Recent"} == m.flags, "UID", uid, "is told with", sorted(told), "and has", sorted(m.flags))
            if "\\Recent" in told and not picture.client.readonly:
                owner = self.recents.setdefault((b, uid), picture)
                expect(owner is picture, "UID", uid, "is recent to two sessions")
        if "MODSEQ" in values:
            b.told_modseq(uid, int(values["MODSEQ"][0]))
        for key, value in values.items():
            if key.startswith("BODY[HEADER.FIELDS"):
                expect(value == b"X-Token: %d\r\n\r\n" % m.token, "UID", uid, "holds", value, "and not", m.token)

    # ---- the whole truth, by a session of its own ----

    def observe(self, box, doubtful=()):
        """Reads a mailbox whole; `doubtful` messages may be gone or not, and are after it what they are."""
        status, text, untagged = self.observer.command(f'EXAMINE "{box.name}"')
        expect(status == "OK", "EXAMINE", text)
        p = Picture()
        p.condstore = True
        p.begin("EXAMINE")
        for line in untagged:
            p.told(line)
        self.selected(box, p.codes, len(p.uids) if not doubtful else None)
        p.begin("FETCH", True)
        status, text, _ = self.observer.command("UID FETCH 1:* (FLAGS MODSEQ BODY.PEEK[HEADER.FIELDS (X-Token)])", p.told)
        expect(status == "OK", "UID FETCH", text)
        seen = {}
        for kind, uid, values in p.results:
            if kind == "FETCH":
                seen.setdefault(uid, {}).update(values)
        for uid in doubtful:
            if uid in box.messages and uid not in seen:
                box.remove(uid)
        expect(sorted(seen) == list(box.messages), box.name, "holds UIDs", sorted(seen), "and not", list(box.messages))
        for uid, values in seen.items():
            m = box.messages[uid]
            flags = frozenset(str(f) for f in values["FLAGS"]) - {"\\Recent"}
            expect(flags == m.flags, box.name, "UID", uid, "has", sorted(flags), "and not", sorted(m.flags))
            box.told_modseq(uid, int(values["MODSEQ"][0]))
            token = next(v for k, v in values.items() if k.startswith("BODY"))
            expect(token == b"X-Token: %d\r\n\r\n" % m.token, box.name, "UID", uid, "holds", token, "and not", m.token)
        expect(int(p.codes["HIGHESTMODSEQ"]) >= max([0] + [box.messages[u].modseq for u in seen]), "HIGHESTMODSEQ below a message's")
        self.observer.command("UNSELECT")

    def selected(self, box, codes, exists):
        """The codes of SELECT."""
        validity = int(codes["UIDVALIDITY"])
        if box.uidvalidity is None:
            expect(validity not in self.validities, "UIDVALIDITY", validity, "was", self.validities.get(validity), "before")
            box.uidvalidity = validity
            self.validities[validity] = box.name
        expect(box.uidvalidity == validity, "UIDVALIDITY of", box.name, "was", box.uidvalidity, "and is", validity)
        expect(int(codes["UIDNEXT"]) == box.uidnext, "UIDNEXT of", box.name, "is", box.uidnext, "and was told as", codes["UIDNEXT"])
        if exists is not None:
            expect(exists == len(box.messages), box.name, "holds", len(box.messages), "and was told as", exists)
        box.told_high(int(codes["HIGHESTMODSEQ"]))

    def observe_all(self):
        status, _, untagged = self.observer.command('LIST "" "*"')
        listed = {line.split(b'"/" ', 1)[1].strip(b'"').decode() for line in untagged if line.startswith(b"LIST") and b"\\Noselect" not in line}
        expect(status == "OK" and listed >= set(self.boxes), "LIST gives", sorted(listed), "and not", sorted(self.boxes))
        expect(not (listed & set(NAMES)) - set(self.boxes), "LIST gives", sorted(listed), "of", sorted(self.boxes))
        for b in list(self.boxes.values()):
            self.observe(b)

    # ---- steps ----

    def transcript(self, lines=60):
        out = []
        for who, wire in [("observer", self.observer)] + [(f"client {c.number}", c.wire) for c in self.clients if c.wire]:
            out.append(f"--- {who}")
            out += ["    " + line.decode("utf-8", "replace") for line in wire.log[-lines:]]
        return "\n".join(out)

    def run(self, steps, actions):
        """`actions`: (weight, function(world, client)); a function returns False when it had nothing to do."""
        functions = [f for _, f in actions]
        weights = [w for w, _ in actions]
        try:
            while self.step < steps:
                client = self.dice.choice(self.clients)
                action = self.dice.choices(functions, weights)[0]
                if action(self, client) is False:
                    continue
                self.step += 1
                self.counts[action.__name__] = self.counts.get(action.__name__, 0) + 1
                if self.step % 250 == 0:
                    self.observe_all()
            self.observe_all()
        except Exception as e:
            raise Broken(f"seed {self.seed}, step {self.step}: {type(e).__name__}: {e}\n{self.transcript()}") from e

    def revive(self, port):
        """After the server was gone: everybody comes back, with what they kept."""
        self.port = port
        self.observer.close()
        self.observer = Wire(port, self.user)
        expect(self.observer.command("ENABLE CONDSTORE")[0] == "OK", "ENABLE CONDSTORE")
        for c in self.clients:
            c.disconnect(False)
            c.connect()
        self.recents = {}
        self.observe_all()

    def close(self):
        for c in self.clients:
            if c.wire:
                c.wire.close()
        self.observer.close()

    def some(self, uids, most=4):
        """A few of them, often neighbours, now and then all."""
        if not uids:
            return []
        kind = self.dice.randrange(8)
        if kind == 0:
            return list(uids)
        at = self.dice.randrange(len(uids))
        if kind < 4:
            return list(uids[at : at + self.dice.randint(1, most)])
        return sorted(self.dice.sample(list(uids), min(len(uids), self.dice.randint(1, most))))


__all__ = ["Box", "Broken", "CROWDED", "Client", "FLAGS", "NAMES", "World", "expect", "read_set", "write_set"]
