"""Twenty clients at once in one mailbox, and mail coming in: each files, reads, flags, copies, expunges, leaves and comes back at random and holds
what it is told against what it knows. Now and then all stop, look, and must see the same.

What is wrong shows as: a rule broken (imap_picture.py), a UID whose message changes, a flag that only one client sets and that is lost by
another's change, \\Recent for two sessions, a message that is neither there nor told gone, one that came from nowhere.
"""
import os
import random
import re
import threading
import time

import harness
from imap_picture import Picture, Wire, expect, read_set, write_set

CLIENTS = 20
SENDERS = 2
SECONDS = float(os.environ.get("SECONDS", "60" if harness.FULL else "6"))
CHECKPOINTS = 6 if harness.FULL else 3
SEED = int(os.environ.get("SEED", "1"))
CROWDED = 150
SYSTEM = ("\\Seen", "\\Answered", "\\Flagged", "\\Draft", "$Label1", "$Label2")


class Shared:
    """What all clients know of the mailbox together."""

    def __init__(self):
        self.lock = threading.Lock()
        self.static = {}  # UID → {item: value} that never changes
        self.recent = {}  # UID → session
        self.made = set()  # UIDs that APPEND and COPY named
        self.told_gone = set()
        self.condemned = set()  # what somebody marked \Deleted, or copied: nothing else may go
        self.delivered = 0
        self.failures = []
        self.stopped = False
        self.counts = {}

    def fail(self, text):
        with self.lock:
            self.failures.append(text)
            self.stopped = True

    def count(self, verb):
        with self.lock:
            self.counts[verb] = self.counts.get(verb, 0) + 1

    def same(self, uid, item, value):
        with self.lock:
            known = self.static.setdefault(uid, {}).setdefault(item, value)
        expect(known == value, item, "of UID", uid, "was", known, "and is", value)


class Stresser:
    """One client; also the judge of its picture."""

    def __init__(self, instance, shared, number):
        self.instance, self.shared, self.number = instance, shared, number
        self.dice = random.Random(SEED * 1000 + number)
        self.own = f"own{number}"
        self.owned = {}  # UID → whether its own keyword stands there
        self.doubted = set()  # UIDs that can only be gone
        self.wire = None

    # ---- what a picture asks ----

    def arrived(self, picture, count):
        return [None] * count

    def gone(self, picture, uids):
        known = [u for u in uids if u]
        with self.shared.lock:
            self.shared.told_gone.update(known)

    def fetched(self, picture, uid, values):
        for item in ("INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY[HEADER.FIELDS (X-TOKEN)]", "EMAILID"):
            if item in values:
                self.shared.same(uid, item, repr(values[item]))
        if "FLAGS" in values:
            flags = [str(f) for f in values["FLAGS"]]
            mine = self.own in flags
            if flags == ["\\Deleted"] and self.owned.get(uid):  # all that a server may still know of what is gone
                self.doubted.add(uid)
                return
            expect(self.owned.setdefault(uid, mine) == mine, "client", self.number, "left its keyword on UID", uid, "at", self.owned[uid], "and it is", mine)
            if "\\Recent" in flags:
                with self.shared.lock:
                    owner = self.shared.recent.setdefault(uid, self.session)
                expect(owner == self.session, "UID", uid, "is recent to", owner, "and", self.session)

    # ---- the session ----

    def connect(self):
        self.wire = Wire(self.instance.port["imap"], f"bob@{self.instance.domain}")
        self.picture = Picture(self)
        self.session = f"{self.number}.{id(self.wire)}"
        mode = self.dice.choice(("", "", "CONDSTORE", "QRESYNC", "UIDONLY QRESYNC"))
        if mode:
            self.wire.command(f"ENABLE {mode}")
            self.picture.uidonly, self.picture.qresync, self.picture.condstore = "UIDONLY" in mode, "QRESYNC" in mode, True
        if self.dice.random() < 0.5:
            self.run('LIST "" "*"')
        if self.dice.random() < 0.5:
            self.run('STATUS "INBOX" (MESSAGES UNSEEN)')
        self.picture.clear()
        self.run('SELECT "INBOX"')
        self.look()

    def run(self, text, literals=(), may_fail=False):
        words = text.split()
        by_uid = words[0] == "UID"
        verb = words[1] if by_uid else words[0]
        self.shared.count(verb)
        self.picture.begin(verb, by_uid)
        status, rest, _ = self.wire.command(text, self.picture.told, literals)
        expect(status == "OK" or (may_fail and status == "NO"), text, "was answered", status, rest)
        return status, rest

    def look(self):
        """UIDs and flags of all that is there, as a client does after SELECT."""
        if self.picture.uids:
            self.run("UID FETCH 1:* (UID FLAGS)")

    def some(self, most):
        """A set of neighbours, as the session may name them."""
        count = len(self.picture.uids)
        if not count:
            return None
        low = self.dice.randint(1, count)
        high = min(count, low + self.dice.randint(0, most))
        if self.picture.uidonly or self.dice.random() < 0.4:
            uids = [u for u in self.picture.uids[low - 1 : high] if u]
            return ("UID ", write_set(uids), uids) if uids else None
        return "", f"{low}:{high}", self.picture.uids[low - 1 : high]

    # ---- what it does ----

    def fetch(self):
        if what := self.some(100):
            items = self.dice.sample(("UID", "FLAGS", "ENVELOPE", "INTERNALDATE", "BODY", "BODYSTRUCTURE", "RFC822.SIZE", "EMAILID", "BODY.PEEK[HEADER.FIELDS (X-TOKEN)]"), 4)
            self.run(f"{what[0]}FETCH {what[1]} (UID {' '.join(items)})", may_fail=True)

    def fetch_body(self):
        if what := self.some(0):
            self.run(f"{what[0]}FETCH {what[1]} (BODY.PEEK[])", may_fail=True)

    def store(self):
        if what := self.some(5):
            flags = " ".join(self.dice.sample(SYSTEM, 2))
            self.run(f"{what[0]}STORE {what[1]} {self.dice.choice('+-')}FLAGS{self.dice.choice(('', '.SILENT'))} ({flags})", may_fail=True)

    def store_own(self):
        """Its own keyword, on messages whose UIDs it knows."""
        what = self.some(5)
        if not what or None in what[2]:
            return
        put = self.dice.random() < 0.6
        before = dict(self.owned)
        for u in what[2]:
            self.owned.pop(u, None)  # until the answer, both may be told
        status, rest = self.run(f"{what[0]}STORE {what[1]} {'+' if put else '-'}FLAGS ({self.own})", may_fail=True)
        for u in what[2]:
            if status == "OK":
                self.owned[u] = put
            elif self.owned.get(u) is None and u in before:
                self.owned.pop(u, None)

    def delete(self):
        if len(self.picture.uids) > 20 and (what := self.some(3)) and None not in what[2]:
            with self.shared.lock:
                self.shared.condemned.update(what[2])
            self.run(f"{what[0]}STORE {what[1]} +FLAGS.SILENT (\\Deleted)", may_fail=True)

    def expunge(self):
        self.run("EXPUNGE")

    def append(self):
        if len(self.picture.uids) > CROWDED:
            return
        body = b"From: a@example.net\r\nMessage-ID: <%d.%d@example.net>\r\nX-Token: %d\r\n\r\n%s\r\n" % (self.number, self.dice.getrandbits(60), self.number, b"x" * self.dice.randrange(4000))
        count = self.dice.choice((1, 1, 1, 2))
        literals = [body] * count
        for n in range(count - 1):
            literals[n] = body + b" {%d}" % len(body)
        _, rest = self.run(f'APPEND "INBOX" (\\Seen) {{{len(body)}}}', literals)
        uids = read_set(re.match(r"\[APPENDUID \d+ ([\d:,]+)\]", rest).group(1))
        expect(len(uids) == count, "APPENDUID", uids, "of", count)
        self.made(uids)

    def copy(self):
        if len(self.picture.uids) < CROWDED and (what := self.some(3)):
            status, rest = self.run(f'{what[0]}COPY {what[1]} "INBOX"', may_fail=True)
            if m := re.match(r"\[COPYUID \d+ [\d:,]+ ([\d:,]+)\]", rest):
                self.made(read_set(m.group(1)))
                with self.shared.lock:
                    self.shared.condemned.update(read_set(m.group(1)))

    def made(self, uids):
        with self.shared.lock:
            again = self.shared.made & set(uids)
            self.shared.made.update(uids)
        expect(not again, "UIDs", again, "were given twice")

    def search(self):
        if not self.picture.uids:
            return
        self.run(f"UID SEARCH {self.dice.choice(('SEEN', 'FLAGGED', 'KEYWORD ' + self.own, 'SMALLER 2000', 'DELETED'))}")

    def pipelined(self):
        """Several commands at once, their sets made before any is answered; what may tell EXPUNGE comes last (RFC 3501 5.5)."""
        if not self.picture.uids or None in self.picture.uids:
            return
        by = "UID " if self.picture.uidonly else ""
        texts = []
        for _ in range(self.dice.randint(2, 6)):
            what = write_set(self.dice.sample(self.picture.uids if by else range(1, len(self.picture.uids) + 1), 1))
            texts.append(self.dice.choice((f"{by}FETCH {what} (UID FLAGS ENVELOPE)", f"{by}STORE {what} +FLAGS ({self.dice.choice(SYSTEM)})", f"{by}FETCH {what} (UID BODY.PEEK[])", f"{by}SEARCH FLAGGED")))
        texts.append(self.dice.choice(("NOOP", "EXPUNGE", 'STATUS "INBOX" (MESSAGES)', 'LIST "" "*"')))
        first = self.wire.tags + 1
        self.wire.send("".join(f"t{first + n} {text}\r\n" for n, text in enumerate(texts)))
        self.wire.tags += len(texts)
        for n, text in enumerate(texts):
            words = text.split()
            self.shared.count(words[1] if words[0] == "UID" else words[0])
            self.picture.begin(words[1] if words[0] == "UID" else words[0], words[0] == "UID")
            status, rest, _ = self.wire.finish(f"t{first + n}", self.picture.told)
            expect(status == "OK", text, "was answered", status, rest)

    def noop(self):
        self.run("NOOP")

    def idle(self):
        self.shared.count("IDLE")
        self.picture.begin("IDLE")
        tag = self.wire.start("IDLE")
        while not (line := self.wire.response()).startswith(b"+"):
            self.picture.told(line[2:])
        self.wire.send("DONE\r\n")
        self.wire.finish(tag, self.picture.told)

    def reconnect(self):
        if self.dice.random() < 0.7:
            self.wire.send("bye LOGOUT\r\n")
            while (line := self.wire.response()) is not None and not line.startswith(b"bye "):
                pass
        self.wire.close()
        self.connect()

    ACTIONS = ((10, fetch), (6, fetch_body), (5, store), (6, store_own), (5, delete), (6, expunge), (10, append), (3, copy), (3, search), (4, noop), (6, pipelined), (2, idle), (1, reconnect))

    def go(self, until):
        functions, weights = [f for _, f in self.ACTIONS], [n for n, _ in self.ACTIONS]
        while time.monotonic() < until and not self.shared.stopped:
            self.dice.choices(functions, weights)[0](self)

    def see(self):
        """The mailbox as this session sees it when nobody does anything."""
        self.run("NOOP")
        self.look()
        expect(None not in self.picture.uids, "a UID that isn't told")
        return [(u, self.picture.flags[u]) for u in self.picture.uids]


def deliver(instance, shared, number, stop):
    dice = random.Random(number)
    while not stop.is_set() and not shared.stopped:
        instance.send(f"From: a@example.net\r\nSubject: delivered\r\nMessage-ID: <d{number}.{dice.getrandbits(60)}@example.net>\r\nX-Token: {number}\r\n\r\nmail\r\n", to=("bob",))
        with shared.lock:
            shared.delivered += 1
        stop.wait(0.05)


def in_threads(shared, clients, act):
    def guarded(client):
        try:
            act(client)
        except Exception as e:
            told = [line.decode("utf-8", "replace") for line in client.wire.log[-30:]] if client.wire else []
            shared.fail("\n    ".join([f"client {client.number}: {type(e).__name__}: {e}"] + told))

    threads = [threading.Thread(target=guarded, args=(c,), daemon=True) for c in clients]
    for t in threads:
        t.start()
    for t in threads:
        t.join(120 * harness.SLOW)
        if t.is_alive():
            shared.fail("a client waits for ever")


def checked(shared):
    assert not shared.failures, f"seed {SEED}: {len(shared.failures)} clients:\n" + "\n".join(shared.failures[:3])


def checkpoint(instance, shared, clients):
    """All stop, and see the same; and all of it came from somewhere."""
    harness.wait_until(lambda: waiting(instance) == 0, 20, "the mail taken is in the mailbox")
    seen = {}

    def look(client):
        seen[client.number] = client.see()

    in_threads(shared, clients, look)
    checked(shared)
    first = seen[0]
    for number, picture in seen.items():
        assert picture == first, f"clients 0 and {number} see different mailboxes: {sorted(set(first) ^ set(picture), key=str)[:10]}"
    there = {u for u, _ in first}
    lost = shared.made - there - shared.condemned
    assert not lost, f"UIDs {sorted(lost)[:10]} are gone, and nobody marked them"
    back = there & (shared.told_gone | {u for c in clients for u in c.doubted})
    assert not back, f"UIDs {sorted(back)[:10]} are there and were told gone"
    return there


def waiting(instance):
    return len(instance.cli("queue", "ls", "-o", "json")["data"])


def test_twenty_clients_see_one_mailbox():
    instance = harness.shared(users=["alice", "bob"])
    shared = Shared()
    clients = [Stresser(instance, shared, n) for n in range(CLIENTS)]
    in_threads(shared, clients, Stresser.connect)
    checked(shared)
    for _ in range(CHECKPOINTS):
        stop = threading.Event()
        senders = [threading.Thread(target=deliver, args=(instance, shared, n, stop), daemon=True) for n in range(SENDERS)]
        for t in senders:
            t.start()
        until = time.monotonic() + SECONDS / CHECKPOINTS
        in_threads(shared, clients, lambda c: c.go(until))
        stop.set()
        for t in senders:
            t.join()
        checked(shared)
        there = checkpoint(instance, shared, clients)
    came = (there | shared.condemned) - shared.made
    assert len(came) == shared.delivered, f"{len(came)} messages came by mail, {shared.delivered} were accepted"
    for verb in ("FETCH", "STORE", "EXPUNGE", "APPEND", "COPY", "SEARCH", "SELECT", "IDLE"):
        assert shared.counts.get(verb, 0) > 20, shared.counts
    print("# " + ", ".join(f"{v} {n}" for v, n in sorted(shared.counts.items())) + f", delivered {shared.delivered}", flush=True)
    for c in clients:
        c.wire.close()


def test_a_new_message_is_recent_to_one_session():
    """No more and no less, and what RECENT tells all of them adds up to it."""
    instance = harness.shared(users=["alice", "bob"])
    instance.cli("user", "add", f"carol@{instance.domain}", "--password-stdin", input=harness.PASSWORD + "\n")
    wires = [Wire(instance.port["imap"], f"carol@{instance.domain}") for _ in range(6)]
    pictures = [Picture() for _ in wires]
    recent = [0] * len(wires)

    def run(n, text, *literals):
        pictures[n].begin(text.split()[0])
        status, rest, untagged = wires[n].command(text, pictures[n].told, literals)
        expect(status == "OK", text, rest)
        for line in untagged:
            if m := re.match(rb"(\d+) RECENT", line):
                recent[n] = int(m.group(1))

    for n in range(5):
        run(n, "SELECT INBOX")
    dice = random.Random(SEED)
    for round in range(12):
        for _ in range(3):
            run(dice.randrange(6), "APPEND INBOX {4}", b"a: b")
        if round % 3 == 2:
            n = dice.randrange(5)
            run(n, "NOOP")
            run(n, f"STORE {dice.randint(1, len(pictures[n].uids))} +FLAGS (\\Deleted)")
            run(n, "EXPUNGE")
        for n in dice.sample(range(5), 5):
            run(n, "NOOP")
            pictures[n].recent = {}
            run(n, "FETCH 1:* (UID FLAGS)")
        owners = [[n for n in range(5) if u in pictures[n].recent] for u in pictures[0].uids]
        assert all(len(o) == 1 for o in owners), owners
        assert recent[:5] == [sum(o == [n] for o in owners) for n in range(5)], (recent, owners)
    for w in wires:
        w.close()


harness.run(globals())
