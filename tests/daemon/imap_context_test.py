"""Searches that are kept up to date (RFC 5267): a client that does only what the notices say holds what a search of the moment would find, whoever makes the
changes; in the order of SORT too, by message numbers and by UIDs, within IDLE, and with what a keyword or a text key needs."""
import random
import re
import time

import harness
from harness import PROMPT, shared
from imap_wire import Client

SEARCHES = [
    ("", "SEARCH RETURN (UPDATE ALL)", "UNSEEN"),
    ("UID ", "SEARCH RETURN (UPDATE ALL)", "OR FLAGGED BODY red"),
    ("UID ", "SEARCH RETURN (UPDATE ALL)", "KEYWORD later SUBJECT a"),
    ("", "SORT RETURN (UPDATE ALL)", "(SUBJECT) UTF-8 UNDELETED"),
    ("UID ", "SORT RETURN (UPDATE ALL)", "(REVERSE SIZE FROM) UTF-8 UNSEEN"),
    ("UID ", "SORT RETURN (UPDATE ALL)", "(REVERSE DATE) UTF-8 ALL"),
]


def daemon():
    return shared(users=["alice", "bob", "carol"])


def numbers(text):
    """A set in its order."""
    out = []
    for part in text.split(","):
        first, _, last = part.partition(":")
        out += range(int(first), int(last or first) + 1)
    return out


def message(r):
    words = r.sample(["red", "blue", "green"], 2)
    text = "From: %s@example.net\r\nSubject: %s %d\r\nDate: Wed, %d Jan 2020 10:00:00 +0000\r\n\r\n%s%s\r\n" % (
        r.choice("xyz"), r.choice(["a", "Re: a", "b", "c"]), r.randrange(3), r.randrange(1, 29), " ".join(words), "x" * r.randrange(50))
    return text.encode()


class Message:
    uid = None


class Watcher:
    """Knows the mailbox and its searches by what it is told alone."""

    def __init__(self, p, user, qresync=False):
        self.client = Client(p, user)
        if qresync:
            self.client.ok("ENABLE QRESYNC")
        self.messages = []
        self.results = {}
        self.of_tag = {}
        self.take(self.client.ok("SELECT INBOX"))
        self.learn()
        for search in SEARCHES:
            self.begin(search)

    def learn(self):
        """UIDs of messages that arrived."""
        new = [n for n, m in enumerate(self.messages, 1) if not m.uid]
        if new:
            r = self.client.ok(f"FETCH {new[0]}:* UID")
            fetched = r.fetched()
            for n in new:
                self.messages[n - 1].uid = int(fetched[n]["UID"])
            self.take(r)

    def begin(self, search):
        prefix, verb, rest = search
        r = self.client.ok(f"{prefix}{verb} {rest}")
        line = r.find("ESEARCH")[0].decode()
        tag = re.search(r'TAG "([^"]*)"', line).group(1)
        found = re.search(r" ALL (\S+)", line)
        self.of_tag[tag] = search
        self.results[search] = [self.known(search, n) for n in numbers(found.group(1))] if found else []
        self.take(r, skip=line)

    def known(self, search, n):
        """What a number means when it is told: a UID, or a message of the mailbox, whose UID may be learnt later."""
        if search[0]:
            return n
        assert 1 <= n <= len(self.messages), (n, len(self.messages))
        return self.messages[n - 1]

    def notice(self, line):
        m = re.match(r'ESEARCH \(TAG "([^"]*)"\)( UID)? (ADDTO|REMOVEFROM) \((.*)\)$', line)
        assert m, line
        search = self.of_tag[m.group(1)]
        assert bool(m.group(2)) == bool(search[0]), line
        pairs = m.group(4).split()
        result = self.results[search]
        is_sort = "SORT" in search[1]
        for position, what in zip(map(int, pairs[::2]), pairs[1::2]):
            uids = [self.known(search, n) for n in numbers(what)]
            assert (position > 0) == is_sort, line
            if m.group(3) == "ADDTO":
                assert not any(uid in result for uid in uids), (line, result)
                assert position <= len(result) + 1, (line, result)
                result[(position or len(result) + 1) - 1 : position - 1 if position else len(result)] = uids
            elif position:
                assert result[position - 1 : position - 1 + len(uids)] == uids, (line, result)
                del result[position - 1 : position - 1 + len(uids)]
            else:
                assert all(uid in result for uid in uids), (line, result)
                result[:] = [uid for uid in result if uid not in uids]

    def take(self, reply, skip=None):
        for u in reply.untagged:
            line = u.decode("latin-1")
            if line.startswith("ESEARCH") and line != skip:
                self.notice(line)
            elif m := re.match(r"(\d+) EXISTS", line):
                self.messages += [Message() for _ in range(int(m.group(1)) - len(self.messages))]
            elif m := re.match(r"(\d+) EXPUNGE", line):
                gone = self.messages.pop(int(m.group(1)) - 1)
                assert all(gone not in result and gone.uid not in result for result in self.results.values()), "EXPUNGE before REMOVEFROM"
            elif m := re.match(r"VANISHED (\S+)", line):
                gone = set(numbers(m.group(1)))
                self.messages = [m for m in self.messages if m.uid not in gone]
                held = {e.uid if isinstance(e, Message) else e for result in self.results.values() for e in result}
                assert not gone & held, "VANISHED before REMOVEFROM"

    def settle(self):
        """All that there is to hear is heard."""
        self.take(self.client.ok("NOOP"))
        self.learn()

    def compare(self):
        for search, result in self.results.items():
            prefix, verb, rest = search
            r = self.client.ok(f"UID {verb.replace('UPDATE ', '')} {rest}")
            found = re.search(rb" ALL (\S+)", r.find("ESEARCH")[0])
            wanted = numbers(found.group(1).decode()) if found else []
            told = [e.uid if isinstance(e, Message) else e for e in result]
            assert (told if "SORT" in verb else sorted(told)) == wanted, f"{search}: told {told}, is {wanted}"


def change(r, c):
    """Something that anybody may do."""
    count = c.ok("STATUS INBOX (MESSAGES)").find("STATUS")[0]
    count = int(re.search(rb"MESSAGES (\d+)", count).group(1))
    what = r.randrange(10)
    if what < 3 or count < 5:
        c.append(message(r))
        return
    c.ok("NOOP")
    uids = c.ok("UID SEARCH ALL").search()
    some = ",".join(map(str, r.sample(uids, min(len(uids), r.randrange(1, 5)))))
    if what < 8:
        flag = r.choice(["\\Seen", "\\Flagged", "\\Deleted", "later"])
        c.ok(f"UID STORE {some} {r.choice('+-')}FLAGS.SILENT ({flag})")
    elif what == 8:
        c.ok(f"UID STORE {some} +FLAGS.SILENT (\\Deleted)")
        c.ok("EXPUNGE")
    else:
        c.ok(f"UID COPY {some} INBOX")


def walk(seed, user, qresync):
    p = daemon()
    r = random.Random(seed)
    with Client(p, user, select="INBOX") as other:
        for _ in range(8):
            other.append(message(r))
        w = Watcher(p, user, qresync)
        with w.client:
            for step in range(120):
                try:
                    if r.randrange(4):
                        change(r, other)
                    else:  # the watcher's own, told within its own command
                        flag = r.choice(["\\Seen", "\\Flagged", "\\Deleted", "later"])
                        uids = [m.uid for m in w.messages if m.uid]
                        w.take(w.client.cmd(f"UID STORE {r.choice(uids or [1])} {r.choice('+-')}FLAGS.SILENT ({flag})"))
                    if r.randrange(3) == 0:
                        w.settle()
                        w.compare()
                except AssertionError as e:
                    raise AssertionError(f"seed {seed}, step {step}: {e}") from e
            w.settle()
            w.compare()


def test_what_the_notices_say_is_what_a_search_would_find():
    for seed in (1, 2, 3):
        walk(seed, "alice", False)


def test_the_same_with_vanished():
    walk(4, "bob", True)


def test_an_idle_client_hears_in_the_right_order():
    p = daemon()
    with Client(p, "carol", select="INBOX") as c, Client(p, "carol", select="INBOX") as other:
        c.append(b"Subject: b\r\n\r\nred\r\n")
        c.append(b"Subject: d\r\n\r\nred\r\n")
        c.ok("NOOP")
        r = c.ok("SORT RETURN (UPDATE COUNT) (SUBJECT) UTF-8 BODY red")
        tag = re.search(rb'TAG "([^"]*)"', r.find("ESEARCH")[0]).group(1)
        c.send(b"i IDLE\r\n")
        assert c.response().startswith(b"+")

        def hear(count):
            lines = []
            while len(lines) < count:
                line = c.response()
                if b"RECENT" not in line:
                    lines.append(line)
            return lines

        started = time.monotonic()
        other.append(b"Subject: c\r\n\r\nred\r\n")
        assert hear(2) == [b"* 3 EXISTS", b'* ESEARCH (TAG "%s") ADDTO (2 3)' % tag]
        assert time.monotonic() - started < PROMPT
        other.append(b"Subject: a\r\n\r\nblue\r\n")  # not of the search
        assert hear(1) == [b"* 4 EXISTS"]
        other.ok("NOOP")
        other.ok("STORE 1,3 +FLAGS.SILENT (\\Deleted)")
        assert len(hear(2)) == 2  # the flags of both
        other.ok("EXPUNGE")
        assert hear(3) == [b'* ESEARCH (TAG "%s") REMOVEFROM (1 1,3)' % tag, b"* 3 EXPUNGE", b"* 1 EXPUNGE"]
        c.send(b"DONE\r\n")
        assert hear(1)[0].startswith(b"i OK")


def test_a_text_key_reads_only_what_is_new():
    """A thousand messages of a search by text: changing flags of all of them is told nothing and costs no reading."""
    p = daemon()
    with Client(p, "carol") as c:
        c.ok("CREATE many")
        c.append(b"Subject: x\r\n\r\n" + b"red words " * 3000 + b"\r\n", "many")
        c.ok("SELECT many")
        have = 1
        while have < 1000:
            more = min(have, 1000 - have)
            c.ok(f"COPY 1:{more} many")
            have += more
        c.ok("NOOP")
        r = c.ok("UID SEARCH RETURN (UPDATE COUNT) BODY \"d words r\"")
        assert r.find("ESEARCH")[0].endswith(b"COUNT 1000"), r
        started = time.monotonic()
        r = c.ok("STORE 1:* +FLAGS.SILENT (\\Seen)")
        took = time.monotonic() - started
        assert not r.find("ESEARCH"), r
        assert took < PROMPT, f"{took:.1f} s"
        c.ok("STORE 1:500 +FLAGS.SILENT (\\Deleted)")
        r = c.ok("EXPUNGE")
        assert len(r.find("ESEARCH")) == 1 and len(r.numbers("EXPUNGE")) == 500, r.untagged[:3]
        assert r.untagged[0].startswith(b"ESEARCH"), r.untagged[0]


harness.run(globals())
