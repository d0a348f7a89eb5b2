"""One mail account in memory, or two that open mailboxes to each other, and clients that do at random what clients do, each step checked against it.

The model knows what the server must hold: UIDs are given in order from UIDNEXT, flags are what was stored last, a MODSEQ is above every one
told before it. What an account has seen is its own (`seen`), all other flags are the mailbox's. One command runs at a time, so what is told at any moment must be exactly the model's state at that moment.
"""
import itertools
import random

from imap_picture import Broken, Picture, Wire, expect, read_set, write_set

FLAGS = ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$Label1", "kw-two")
NAMES = ("INBOX", "M0", "M1", "M2", "M1/Sub", "Other")
CROWDED = 40
RIGHTS = "lrswipkxtea"
MODES = ("", "", "CONDSTORE", "QRESYNC", "QRESYNC", "UIDONLY", "QRESYNC UIDONLY", "IMAP4rev2", "IMAP4rev2 QRESYNC")  # what a session enables


clock = itertools.count(1)


class Message:
    def __init__(self, flags, seen, token, low):
        self.flags, self.seen, self.token = frozenset(flags) - {"\\Seen"}, frozenset(seen), token
        self.changed = next(clock)
        self.past = []  # the flags it had while somebody idled, and who had seen it
        self.modseq, self.low = [None, None], [low, low]  # for each account: the value once told; before that, it is above `low`

    def view(self, account, past=None):
        """The flags as this account has them."""
        flags, seen = past or (self.flags, self.seen)
        return flags | {"\\Seen"} if account in seen else flags

    def rises(self, account, high):
        self.modseq[account], self.low[account] = None, high

    def may_rise(self, account):
        self.low[account] = (self.modseq[account] or self.low[account] + 1) - 1
        self.modseq[account] = None


class Box:
    def __init__(self, name, owner=0, granted=""):
        self.name, self.owner, self.uidvalidity, self.uidnext = name, owner, None, 1
        self.granted = granted  # to the other account
        self.messages = {}
        self.high = 0  # the highest MODSEQ told of it
        self.gone = {}  # UID → what its end's MODSEQ is above

    def add(self, flags, seen, token):
        uid = self.uidnext
        self.uidnext += 1
        self.messages[uid] = Message(flags, seen, token, self.high)
        return uid

    def remove(self, uid):
        del self.messages[uid]
        self.gone[uid] = self.high

    def store(self, uid, flags, account):
        """What is stored anew without a change may have another MODSEQ. Nobody's \\Seen but the owner's moves the MODSEQ of others."""
        m = self.messages[uid]
        seen = m.seen | {account} if "\\Seen" in flags else m.seen - {account}
        shared = frozenset(flags) - {"\\Seen"}
        changes_all, changes_own = shared != m.flags, seen != m.seen
        if changes_all or changes_own:
            m.past.append((m.flags, m.seen))
            m.changed = next(clock)
        for a in (0, 1):
            if changes_all or (changes_own and a == account):
                m.rises(a, self.high)
            elif account == self.owner or a == account:
                m.may_rise(a)
        m.flags, m.seen = shared, seen

    def told_modseq(self, uid, value, account):
        m = self.messages[uid]
        if m.modseq[account] is None:
            expect(value > m.low[account], "MODSEQ of UID", uid, "is", value, "and must be above", m.low[account])
            m.modseq[account] = value
        expect(m.modseq[account] == value, "MODSEQ of UID", uid, "is", m.modseq[account], "and was told as", value)
        self.high = max(self.high, value)

    def told_high(self, value):
        expect(value >= self.high, "HIGHESTMODSEQ", value, "below", self.high)
        self.high = value


class Client:
    """A session, its picture, and what it keeps of mailboxes for QRESYNC."""

    def __init__(self, world, number, account):
        self.world, self.number, self.account = world, number, account
        self.wire, self.box, self.readonly, self.examined = None, None, False, False
        self.takes_recent = True  # as it was selected, whatever is granted later
        self.cache = {}  # box → (uidvalidity, modseq, {uid: flags})
        self.picture = None
        self.idling = False

    @property
    def home(self):
        return self.world.homes[self.account]

    def may(self, box, letters):
        return set(letters) <= set(self.world.rights(self.account, box))

    def name(self, box):
        return self.world.name(self.account, box)

    def boxes(self, letters):
        """Its own, and the other account's with these rights."""
        return [b for home in self.world.homes for b in home.values() if self.may(b, letters)]

    def flags(self, uid):
        return self.box.messages[uid].view(self.account)

    def connect(self):
        w = self.world
        self.wire = Wire(w.port, w.users[self.account], mutate=w.mutate.of(self) if w.mutate else None)
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
        return m is not None and (self.picture.flags[uid] == m.view(self.account) if uid in self.picture.flags else m.changed < self.whole)

    def is_whole(self):
        """The picture is the mailbox: every message, and the flags of those that it knows flags of."""
        p, b = self.picture, self.box
        return p.uids == list(b.messages) and all(f == self.flags(u) for u, f in p.flags.items())

    def check_whole(self):
        p, b = self.picture, self.box
        expect(p.uids == list(b.messages), "client", self.number, "sees UIDs", p.uids, "of", list(b.messages))
        self.whole = next(clock)
        for u, f in p.flags.items():
            expect(f == self.flags(u), "client", self.number, "sees UID", u, "with", sorted(f), "that has", sorted(self.flags(u)))

    def check_new_flags(self, uids):
        """What a STORE of these must have left the client knowing."""
        for u in uids:
            if u in self.picture.flags:
                expect(self.picture.flags[u] == self.flags(u), "UID", u, "is seen with", sorted(self.picture.flags[u]), "and has", sorted(self.flags(u)))


class World:
    """The account, or two of them, their clients, an observer of each, and dice."""

    def __init__(self, port, users, seed, mutate=None, clients=4):
        self.port, self.users, self.seed, self.mutate = port, users, seed, mutate
        self.dice = random.Random(seed)
        self.homes = [{"INBOX": Box("INBOX", owner)} for owner in range(len(users))]
        self.validities = {}
        self.tokens = 0
        self.recents = {}
        self.step = 0
        self.counts = {}
        self.observers = []
        self.observers_enter()
        self.clients = [Client(self, i, i % len(users)) for i in range(clients)]
        for c in self.clients:
            c.connect()

    def observers_enter(self):
        for old in self.observers:
            old.close()
        self.observers = [Wire(self.port, user) for user in self.users]
        for o in self.observers:
            expect(o.command("ENABLE CONDSTORE")[0] == "OK", "ENABLE CONDSTORE")

    def rights(self, account, box):
        return RIGHTS if box.owner == account else box.granted

    def name(self, account, box):
        return box.name if box.owner == account else f"Shared/{self.users[box.owner]}/{box.name}"

    def allowed(self, account, box):
        """The flags that the account may set and clear there (RFC 4314 4)."""
        rights = self.rights(account, box)
        return {f for f in FLAGS if {"\\Seen": "s", "\\Deleted": "t"}.get(f, "w") in rights}

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
        b, account = picture.client.box, picture.client.account
        m = b.messages.get(uid)
        if m is None:
            return  # its last state may still be told
        if picture.client.idling and "FLAGS" in values and frozenset(str(f) for f in values["FLAGS"]) - {"\\Recent"} in [m.view(account, past) for past in m.past]:
            return  # told before the latest change, read after it
        if "FLAGS" in values:
            told = frozenset(str(f) for f in values["FLAGS"])
            expect(told - {"\\Recent"} == m.view(account), "UID", uid, "is told with", sorted(told), "and has", sorted(m.view(account)))
            if "\\Recent" in told and picture.client.takes_recent:
                owner = self.recents.setdefault((b, uid), picture)
                expect(owner is picture, "UID", uid, "is recent to two sessions")
        if "MODSEQ" in values:
            b.told_modseq(uid, int(values["MODSEQ"][0]), account)
        for key, value in values.items():
            if key.startswith("BODY[HEADER.FIELDS"):
                expect(value == b"X-Token: %d\r\n\r\n" % m.token, "UID", uid, "holds", value, "and not", m.token)

    # ---- the whole truth, by a session of its own ----

    def observe(self, box, doubtful=(), account=None):
        """Reads a mailbox whole, as its owner or another account sees it; `doubtful` messages may be gone or not, and are after it what they are."""
        account = box.owner if account is None else account
        observer = self.observers[account]
        status, text, untagged = observer.command(f'EXAMINE "{self.name(account, box)}"')
        expect(status == "OK", "EXAMINE", text)
        p = Picture()
        p.condstore = True
        p.begin("EXAMINE")
        for line in untagged:
            p.told(line)
        self.selected(box, p.codes, len(p.uids) if not doubtful else None)
        p.begin("FETCH", True)
        status, text, _ = observer.command("UID FETCH 1:* (FLAGS MODSEQ BODY.PEEK[HEADER.FIELDS (X-Token)])", p.told)
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
            expect(flags == m.view(account), box.name, "UID", uid, "has", sorted(flags), "and not", sorted(m.view(account)), "for account", account)
            box.told_modseq(uid, int(values["MODSEQ"][0]), account)
            token = next(v for k, v in values.items() if k.startswith("BODY"))
            expect(token == b"X-Token: %d\r\n\r\n" % m.token, box.name, "UID", uid, "holds", token, "and not", m.token)
        expect(int(p.codes["HIGHESTMODSEQ"]) >= max([0] + [box.messages[u].modseq[account] for u in seen]), "HIGHESTMODSEQ below a message's")
        observer.command("UNSELECT")

    def selected(self, box, codes, exists):
        """The codes of SELECT."""
        validity = int(codes["UIDVALIDITY"])
        if box.uidvalidity is None:
            key = (box.owner, validity)
            expect(key not in self.validities, "UIDVALIDITY", validity, "was", self.validities.get(key), "before")
            box.uidvalidity = validity
            self.validities[key] = box.name
        expect(box.uidvalidity == validity, "UIDVALIDITY of", box.name, "was", box.uidvalidity, "and is", validity)
        expect(int(codes["UIDNEXT"]) == box.uidnext, "UIDNEXT of", box.name, "is", box.uidnext, "and was told as", codes["UIDNEXT"])
        if exists is not None:
            expect(exists == len(box.messages), box.name, "holds", len(box.messages), "and was told as", exists)
        box.told_high(int(codes["HIGHESTMODSEQ"]))

    def observe_all(self):
        boxes = [b for home in self.homes for b in home.values()]
        for account, observer in enumerate(self.observers):
            home = set(self.homes[account])
            status, _, untagged = observer.command('LIST "" "*"')
            lines = [line for line in untagged if line.startswith(b"LIST") and b"\\Noselect" not in line and b"\\NonExistent" not in line]
            listed = {line.split(b'"/" ', 1)[1].strip(b'"').decode() for line in lines}
            expect(status == "OK" and listed >= home, "LIST gives", sorted(listed), "and not", sorted(home))
            expect(not (listed & set(NAMES)) - home, "LIST gives", sorted(listed), "of", sorted(home))
            shared = {n for n in listed if n.startswith("Shared/")}
            others = [b for b in boxes if b.owner != account and "l" in b.granted]
            open_to = {self.name(account, b) for b in others if "r" in b.granted}
            closed = {line.split(b'"/" ', 1)[1].strip(b'"').decode() for line in untagged if line.startswith(b"LIST") and b"\\Noselect" in line}
            expect({self.name(account, b) for b in others} - open_to <= closed, "LIST shows no \\Noselect for one of", sorted(closed))
            expect(shared == open_to, "LIST gives", sorted(shared), "and not", sorted(open_to))
            for b in boxes:
                if "r" in self.rights(account, b):
                    self.observe(b, account=account)

    # ---- steps ----

    def transcript(self, lines=60):
        out = []
        for who, wire in [(f"observer {i}", o) for i, o in enumerate(self.observers)] + [(f"client {c.number}", c.wire) for c in self.clients if c.wire]:
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
        self.observers_enter()
        for c in self.clients:
            c.disconnect(False)
            c.connect()
        self.recents = {}
        self.observe_all()

    def close(self):
        for c in self.clients:
            if c.wire:
                c.wire.close()
        for o in self.observers:
            o.close()

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


__all__ = ["Box", "Broken", "CROWDED", "Client", "FLAGS", "NAMES", "RIGHTS", "World", "expect", "read_set", "write_set"]
