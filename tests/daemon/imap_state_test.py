"""The state that IMAP sessions of one mailbox share: a great expunge heard by two hundred, expunges in one session while another fetches, CONDSTORE and QRESYNC
after restart and crash, and how soon an idle session hears."""
import random
import re
import selectors
import threading
import time

import harness
from harness import FULL, PASSWORD, PROMPT, SLOW, Instance
from imap_wire import Client

MESSAGES, IDLE, IDLE_READERS = 10000, 200, 50
MEMORY_MAX = 400 << 20  # of the daemon while 200 sessions are told of 10,000 expunges

_daemon = None


def daemon():
    global _daemon
    if not _daemon:
        _daemon = Instance(users=["alice", "bob", "carol", "dave", "erin", "frank", "grace"])
    return _daemon


def memory(p, field):
    with open(f"/proc/{p.process.pid}/status") as f:
        return int(re.search(rf"{field}:\s+(\d+) kB", f.read()).group(1)) << 10


def fill(client, count, mailbox="INBOX"):
    """So many messages, by copies; the mailbox is selected."""
    client.append(b"Subject: seed\r\n\r\nx\r\n", mailbox)
    client.ok(f'SELECT "{mailbox}"')
    have = 1
    while have < count:
        more = min(have, count - have)
        client.ok(f'COPY 1:{more} "{mailbox}"')
        have += more


class Listener:
    """An idle session that counts what it hears."""

    def __init__(self, p, user, command="IDLE", mailbox="INBOX"):
        self.client = Client(p, user, select=mailbox, tls=False)
        self.user = user
        self.tail = b""
        self.heard = {b" EXPUNGE": 0, b" EXISTS": 0, b" FETCH ": 0}
        self.client.send(f"i {command}\r\n".encode())
        assert self.client.response().startswith(b"+")
        assert not self.client.raw.pending
        self.client.raw.socket.setblocking(False)

    def take(self):
        try:
            more = self.client.raw.socket.recv(1 << 20)
        except BlockingIOError:
            return
        assert more, "the connection ended"
        data = self.tail + more
        end = data.rfind(b"\r\n") + 2 if b"\r\n" in data else 0
        for word in self.heard:
            self.heard[word] += data[:end].count(word)
        self.tail = data[end:]


def hear(listeners, done, seconds):
    """Reads all until done(listener) of each."""
    waiting = set(listeners)
    deadline = time.monotonic() + seconds * SLOW
    with selectors.DefaultSelector() as ready:
        for l in listeners:
            ready.register(l.client.raw.socket, selectors.EVENT_READ, l)
        while waiting:
            assert time.monotonic() < deadline, f"{len(waiting)} of {len(listeners)} still wait: {next(iter(waiting)).heard}"
            for key, _ in ready.select(1):
                key.data.take()
                if done(key.data):
                    waiting.discard(key.data)


def test_two_hundred_idle_sessions_hear_of_ten_thousand_expunges():
    p = daemon()
    with Client(p, "bob", tls=False) as c, Client(p, "carol", select="INBOX", tls=False) as other:
        fill(c, MESSAGES)
        other.append(b"Subject: seen all the time\r\n\r\nx\r\n")
        idle = [Listener(p, "bob") for _ in range(IDLE)]
        c.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)")
        hear(idle, lambda l: l.heard[b" FETCH "] == MESSAGES, 60)
        began = time.monotonic()
        gone = c.ok("EXPUNGE").numbers("EXPUNGE")
        assert len(gone) == MESSAGES and gone == list(range(MESSAGES, 0, -1)), gone[:5]
        waits = []
        finished = threading.Event()

        def neighbour():
            while not finished.is_set():
                start = time.monotonic()
                other.ok("NOOP")
                other.ok("FETCH 1:* FLAGS")
                waits.append(time.monotonic() - start)
                finished.wait(0.01)

        thread = threading.Thread(target=neighbour)
        thread.start()
        hear(idle, lambda l: l.heard[b" EXPUNGE"] == MESSAGES, 60)
        took = time.monotonic() - began
        finished.set()
        thread.join()
        print(f"# heard in {took:.1f} s; a neighbour waited {max(waits, default=0) * 1000:.0f} ms at most in {len(waits)} looks; the daemon's peak is {memory(p, 'VmHWM') >> 20} MiB")
        assert waits and max(waits) < PROMPT, waits
        if not harness.SANITIZED:
            assert memory(p, "VmHWM") < MEMORY_MAX, memory(p, "VmHWM") >> 20
        for l in idle:
            l.client.raw.socket.setblocking(True)
            l.client.send(b"DONE\r\n")
            assert l.client.response().startswith(b"i OK")
            assert l.client.ok("NOOP").untagged == []
            l.client.close()
        # The next message is told by a number that nobody had before.
        c.append(b"Subject: next\r\n\r\nx\r\n")
        assert c.fetch("1", "(UID)")[1]["UID"] == str(MESSAGES + 1)


def test_readers_of_a_shared_mailbox_hear_of_ten_thousand_expunges():
    """By another reader who may, while the owner's sessions and one of an account that it is not shared with go on; each has a \\Seen of their own."""
    p = daemon()
    shared = "Shared/erin@example.org/Crowd"
    readers = ("bob", "carol", "frank")
    with Client(p, "erin", tls=False) as owner, Client(p, "bob", tls=False) as c, Client(p, "grace", select="INBOX", tls=False) as other:
        owner.ok("CREATE Crowd")
        fill(owner, MESSAGES, "Crowd")
        for user, rights in zip(readers, ("lrswite", "lr", "lrs")):
            owner.ok(f"SETACL Crowd {user}@example.org {rights}")
        idle = [Listener(p, readers[n % len(readers)], mailbox=shared) for n in range(200 if FULL else IDLE_READERS)]
        c.ok(f'SELECT "{shared}"')
        c.ok("STORE 1:* +FLAGS.SILENT (\\Seen)")
        assert owner.ok("STATUS Crowd (UNSEEN)").find("STATUS")[0].endswith(b"(UNSEEN %d)" % MESSAGES)
        c.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)")
        # A reader's \Seen is told to the sessions of that reader only: to the others, the one change is one.
        hear(idle, lambda l: l.heard[b" FETCH "] >= MESSAGES, 60)
        for l in idle:
            assert l.user == "bob" or l.heard[b" FETCH "] == MESSAGES, (l.user, l.heard)
        began = time.monotonic()
        assert c.ok("EXPUNGE").numbers("EXPUNGE") == list(range(MESSAGES, 0, -1))
        other.ok("NOOP")
        hear(idle, lambda l: l.heard[b" EXPUNGE"] == MESSAGES, 60)
        print(f"# {len(idle)} readers heard in {time.monotonic() - began:.1f} s; the daemon's peak is {memory(p, 'VmHWM') >> 20} MiB")
        if not harness.SANITIZED:
            assert memory(p, "VmHWM") < MEMORY_MAX, memory(p, "VmHWM") >> 20
        assert len(owner.ok("NOOP").numbers("EXPUNGE")) == MESSAGES
        for l in idle:
            l.client.raw.socket.setblocking(True)
            l.client.send(b"DONE\r\n")
            assert l.client.response().startswith(b"i OK")
            assert l.client.ok("NOOP").untagged == []
            l.client.close()
        c.append(b"Subject: next\r\n\r\nx\r\n", shared)
        assert c.fetch("1", "(UID)")[1]["UID"] == str(MESSAGES + 1)


def follow(picture, reply):
    """A picture of UIDs takes what a session was told."""
    for u in reply.untagged:
        if m := re.match(rb"(\d+) EXPUNGE$", u):
            del picture[int(m.group(1)) - 1]
        elif m := re.match(rb"(\d+) EXISTS$", u):
            picture.extend([None] * (int(m.group(1)) - len(picture)))
        elif m := re.match(rb"(\d+) FETCH \(.*?UID (\d+)", u):
            at = int(m.group(1)) - 1
            if picture[at] is None:
                picture[at] = int(m.group(2))
            assert picture[at] == int(m.group(2)), (u, picture[at])


def test_a_reader_fetches_while_the_owner_expunges_and_the_other_way():
    p = daemon()
    count = 1000
    shared = "Shared/frank@example.org/Busy"
    with Client(p, "frank", tls=False) as owner, Client(p, "dave", tls=False) as reader:
        owner.ok("CREATE Busy")
        fill(owner, count, "Busy")
        owner.ok("SETACL Busy dave@example.org lrswite")
        reader.ok(f'SELECT "{shared}"')
        for a, b in ((owner, reader), (reader, owner)):
            picture = [int(v["UID"]) for _, v in sorted(b.fetch("1:*", "(UID)").items())]
            stop = threading.Event()
            failures = []

            def fetches():
                try:
                    while not stop.is_set():
                        r = b.cmd("FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
                        assert r.status in ("OK", "NO") and not r.numbers("EXPUNGE"), (r.status, r.text)
                        follow(picture, r)
                        follow(picture, b.ok("UID FETCH 500:* (FLAGS)"))
                        follow(picture, b.ok("NOOP"))
                except Exception as e:  # shown below
                    failures.append(repr(e))

            thread = threading.Thread(target=fetches)
            thread.start()
            draw = random.Random(16)
            left = [int(v["UID"]) for _, v in sorted(a.fetch("1:*", "(UID)").items())]
            for _ in range(15):
                chosen = sorted(draw.sample(left, 20))
                uids = ",".join(map(str, chosen))
                a.ok(f"UID STORE {uids} +FLAGS.SILENT (\\Deleted \\Seen)")
                assert len(a.ok(f"UID EXPUNGE {uids}").numbers("EXPUNGE")) == 20
                left = [u for u in left if u not in chosen]
            stop.set()
            thread.join()
            assert not failures, failures
            follow(picture, b.ok("NOOP"))
            assert picture == left, (picture[:20], left[:20])


def waits_beside(c, other, command):
    """How long the command took, and how long each APPEND of another session of the account waited while it ran."""
    waits = []
    finished = threading.Event()

    def appends():
        while not finished.is_set():
            start = time.monotonic()
            other.append(b"Subject: x\r\n\r\nx\r\n", "Drafts")
            waits.append(time.monotonic() - start)

    thread = threading.Thread(target=appends)
    thread.start()
    start = time.monotonic()
    c.ok(command)
    took = time.monotonic() - start
    finished.set()
    thread.join()
    return took, waits


def test_a_great_expunge_does_not_stop_the_account():
    p = daemon()
    with Client(p, "grace", tls=False) as c, Client(p, "grace", tls=False) as other:
        for command in ("EXPUNGE", "UID EXPUNGE 1:*", "CLOSE"):
            fill(c, 8 * MESSAGES)
            c.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)")
            took, waits = waits_beside(c, other, command)
            print(f"# {command} took {took * 1000:.0f} ms; {len(waits)} APPENDs beside it, {max(waits) * 1000:.0f} ms at most")
            # One could begin before it and one would end behind it: those between them went on while it worked.
            assert len(waits) > 3, (command, took, waits)
            if command == "CLOSE":
                c.ok("SELECT INBOX")
            assert c.ok("SEARCH RETURN (COUNT) ALL").find("ESEARCH")[0].endswith(b"COUNT 0")


def test_expunges_in_one_session_while_another_fetches():
    """The other's picture follows each reply: a sequence number always means the UID that it counts to."""
    p = daemon()
    count = 2000
    stop = threading.Event()
    failures = []
    with Client(p, "dave", tls=False) as a, Client(p, "dave", tls=False) as b:
        fill(a, count)
        b.ok("SELECT INBOX")
        picture = list(range(1, count + 1))

        def fetches():
            try:
                while not stop.is_set():
                    r = b.cmd("FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
                    assert r.status in ("OK", "NO") and not r.numbers("EXPUNGE"), (r.status, r.text)
                    follow(picture, r)
                    follow(picture, b.ok(f"UID FETCH {random.randint(1, count)}:* (FLAGS)"))
                    follow(picture, b.ok("SEARCH ALL"))
                    follow(picture, b.ok("NOOP"))
            except Exception as e:  # shown below
                failures.append(repr(e))

        thread = threading.Thread(target=fetches)
        thread.start()
        draw = random.Random(5)
        left = list(range(1, count + 1))
        for _ in range(60):
            if len(left) > 40:
                chosen = sorted(draw.sample(left, 30))
                uids = ",".join(map(str, chosen))
                a.ok(f"UID STORE {uids} +FLAGS.SILENT (\\Deleted)")
                assert len(a.ok(f"UID EXPUNGE {uids}").numbers("EXPUNGE")) == 30
                left = [u for u in left if u not in chosen]
            a.append(b"Subject: new\r\n\r\nx\r\n")
            left.append(left[-1] + 1 if left[-1] >= count else count + 1)
        stop.set()
        thread.join()
        assert not failures, failures
        follow(picture, b.ok("NOOP"))
        follow(picture, b.ok("FETCH 1:* (UID)"))
        assert picture == left == [int(v["UID"]) for _, v in sorted(a.fetch("1:*", "(UID)").items())]


class Cache:
    """A client that keeps a mailbox by QRESYNC."""

    def __init__(self):
        self.validity = self.modseq = 0
        self.flags = {}

    def resync(self, c):
        known = f" (QRESYNC ({self.validity} {self.modseq}))" if self.modseq else ""
        r = c.ok(f"SELECT INBOX{known}")
        codes = {m.group(1): int(m.group(2)) for u in r.untagged if (m := re.match(rb"OK \[(UIDVALIDITY|HIGHESTMODSEQ) (\d+)\]", u))}
        assert self.validity in (0, codes[b"UIDVALIDITY"])
        self.validity = codes[b"UIDVALIDITY"]
        if not self.modseq:
            r = c.ok("UID FETCH 1:* (FLAGS)")
        for u in r.untagged:
            if m := re.match(rb"VANISHED \(EARLIER\) (\S+)$", u):
                for part in m.group(1).decode().split(","):
                    first, last = (part.split(":") * 2)[:2]
                    for uid in range(int(first), int(last) + 1):
                        self.flags.pop(uid, None)
            elif m := re.match(rb"\d+ FETCH \((.*)\)$", u):
                uid = int(re.search(rb"UID (\d+)", m.group(1)).group(1))
                self.flags[uid] = frozenset(re.search(rb"FLAGS \(([^)]*)\)", m.group(1)).group(1).split()) - {b"\\Recent"}
        self.modseq = codes[b"HIGHESTMODSEQ"]


def truth(c):
    c.ok("SELECT INBOX")
    return {int(v["UID"]): frozenset(str(f).encode() for f in v["FLAGS"]) - {b"\\Recent"} for v in c.fetch("1:*", "(UID FLAGS)").values()}


def change(c, draw):
    """A few random changes of the selected mailbox."""
    for _ in range(draw.randint(1, 6)):
        act = draw.random()
        if act < 0.4:
            c.append(b"Subject: more\r\n\r\nx\r\n")
        elif act < 0.75:
            c.ok(f"UID STORE {draw.randint(1, 60)}:{draw.randint(1, 60)} {draw.choice('+-')}FLAGS.SILENT ({draw.choice(['$One', chr(92) + 'Flagged', chr(92) + 'Seen'])})")
        elif act < 0.9:
            c.ok(f"UID STORE {draw.randint(1, 80)} +FLAGS.SILENT (\\Deleted)")
            c.ok("EXPUNGE")
        else:
            c.cmd(f"UID MOVE {draw.randint(1, 80)} Trash")


def test_a_cache_kept_by_qresync_is_true_after_restarts_and_crashes():
    draw = random.Random(11)
    caches = [Cache() for _ in range(3)]
    with Instance(users=["bob"]) as p:
        with Client(p, "bob") as c:
            fill(c, 40)
        for turn in range(12 if not FULL else 60):
            with Client(p, "bob", select="INBOX") as c:
                change(c, draw)
            if turn % 4 == 1:
                p.stop()
                p.start()
            elif turn % 4 == 3:
                p.kill()
                p.start()
            with Client(p, "bob") as c:
                c.ok("ENABLE QRESYNC")
                cache = caches[draw.randrange(3)]  # some have been away for long
                cache.resync(c)
                assert cache.flags == truth(c), turn
        with Client(p, "bob") as c:
            c.ok("ENABLE QRESYNC")
            for cache in caches:
                cache.resync(c)
                assert cache.flags == truth(c)


def test_uidvalidity_and_modseq_survive_a_rename_and_a_crash():
    with Instance(users=["bob"]) as p:
        def state(name):
            with Client(p, "bob") as c:
                r = c.ok(f'STATUS "{name}" (UIDVALIDITY UIDNEXT HIGHESTMODSEQ)')
                return dict(re.findall(rb"([A-Z]+) (\d+)", r.find("STATUS")[0].split(b"(")[1]))

        with Client(p, "bob") as c:
            c.ok("CREATE Here")
            c.append(b"Subject: 1\r\n\r\nx\r\n", "Here")
            c.append(b"Subject: 2\r\n\r\nx\r\n", "Here")
        before = state("Here")
        with Client(p, "bob") as c:
            c.ok("RENAME Here There/Now")
        assert state("There/Now") == before
        p.kill()
        p.start()
        assert state("There/Now") == before
        with Client(p, "bob") as c:
            c.ok("CREATE Here")
        assert state("Here")[b"UIDVALIDITY"] != before[b"UIDVALIDITY"]


def test_an_idle_session_hears_within_a_tenth_of_a_second():
    """Of a delivery, a flag, an expunge: from the moment that the one who did it knows that it is done."""
    p = daemon()
    taken = {"delivery": [], "flag": [], "expunge": []}
    with Client(p, "erin", select="INBOX") as idle, Client(p, "erin", select="INBOX") as c:
        idle.send(b"i IDLE\r\n")
        assert idle.response().startswith(b"+")

        def until(word):
            while not (got := idle.response()).endswith(word) and word not in got:
                pass
            return time.monotonic()

        for n in range(20):
            p.send(to=("erin",))
            done = time.monotonic()
            taken["delivery"].append(until(b" EXISTS") - done)
            c.ok("NOOP")
            c.ok("STORE * +FLAGS.SILENT (\\Deleted)")
            done = time.monotonic()
            taken["flag"].append(until(b"\\Deleted") - done)
            c.ok("EXPUNGE")
            done = time.monotonic()
            taken["expunge"].append(until(b" EXPUNGE") - done)
    for what, times in taken.items():
        times.sort()
        print(f"# {what}: median {times[len(times) // 2] * 1000:.1f} ms, worst {times[-1] * 1000:.1f} ms")
        assert times[len(times) // 2] < PROMPT, (what, times)


def test_conditional_stores_of_two_clients_never_both_win():
    """Each adds its own keyword if nobody has changed the message since: exactly one of two that saw the same modseq succeeds."""
    p = daemon()
    won = {"A": 0, "B": 0}
    lost = {"A": 0, "B": 0}
    with Client(p, "frank", tls=False) as c:
        fill(c, 20)
        modseq = int(re.search(rb"HIGHESTMODSEQ (\d+)", b" ".join(c.ok("SELECT INBOX").untagged)).group(1))
    gate = threading.Barrier(2)
    failures = []

    def claim(name):
        try:
            with Client(p, "frank", select="INBOX", tls=False) as c:
                for uid in range(1, 21):
                    gate.wait(20 * SLOW)
                    r = c.ok(f"UID STORE {uid} (UNCHANGEDSINCE {modseq}) +FLAGS.SILENT (${name})")
                    if "MODIFIED" in r.text:
                        lost[name] += 1
                    else:
                        won[name] += 1
        except Exception as e:  # shown below
            failures.append(repr(e))
            gate.abort()

    threads = [threading.Thread(target=claim, args=(n,)) for n in "AB"]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures, failures
    assert won["A"] + won["B"] == 20 and lost["A"] + lost["B"] == 20, (won, lost)
    with Client(p, "frank", select="INBOX", tls=False) as c:
        for v in c.fetch("1:*", "(FLAGS)").values():
            assert sum(str(f) in ("$A", "$B") for f in v["FLAGS"]) == 1, v


def test_nothing_of_this_was_a_bug():
    p = daemon()
    assert p.process.poll() is None
    with open(p.log_path) as f:
        assert not [l for l in f if " bug " in l.lower() or "panic" in l.lower()]
    p.stop()


harness.run(globals())
