"""FUZZY searches with and without the index, and ESEARCH over many mailboxes, of oneself and of others."""
import random
import re
import threading
import time

import harness
from harness import PROMPT, SLOW, shared, wait_until
from imap_wire import Client

SHARED = "Shared/bob@example.org/"
WORDS = "invoice invoices invocie received recieved meeting metting Müller Straße accommodate budget october shipment fox 2024 2025".split()


def daemon():
    return shared(users=["alice", "bob", "carol", "dave"])


def message(subject, text):
    return f"From: Zoë <zoe@example.net>\r\nSubject: {subject}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n".encode()


def results(client, command):
    """mailbox → the rest of the line"""
    out = {}
    for line in client.ok(command).find("ESEARCH"):
        m = re.fullmatch(rb'ESEARCH \(TAG "[^"]*" MAILBOX "([^"]*)" UIDVALIDITY \d+\) UID (.*)', line)
        assert m and m.group(1) not in out, line
        out[m.group(1).decode()] = m.group(2).decode()
    return out


def indexed(client):
    """A word that is nowhere is answered at once, without reading anything."""
    def fast():
        start = time.monotonic()
        client.ok("SEARCH TEXT nowhereatall")
        return time.monotonic() - start < 0.01 * SLOW

    wait_until(lambda: fast() and fast(), 60 * SLOW, "the index")


def test_fuzzy_finds_the_same_with_and_without_the_index():
    rnd = random.Random(6203)
    keys = [f'{k} "{w}"' for k in ("TEXT", "BODY", "SUBJECT", "HEADER Subject") for w in ("invioce", "recieve", "meting", "muler", "strasse", "acomodate budgte", "2024", "ivoices fox")]
    with Client(daemon(), "dave") as c:
        for _ in range(300):
            c.append(message(" ".join(rnd.sample(WORDS, 3)), " ".join(rnd.choices(WORDS, k=rnd.choice([3, 20, 4000])))))
        c.ok("SELECT INBOX")
        exact = {k: c.ok(f"SEARCH CHARSET UTF-8 {k}").search() for k in keys}
        first = {k: c.ok(f"SEARCH RETURN (RELEVANCY ALL) CHARSET UTF-8 FUZZY {k}").find("ESEARCH")[0].split(b")", 1)[1] for k in keys}
        plain = {k: c.ok(f"SEARCH CHARSET UTF-8 FUZZY {k}").search() for k in keys}
        indexed(c)
        for k in keys:
            again = c.ok(f"SEARCH RETURN (RELEVANCY ALL) CHARSET UTF-8 FUZZY {k}").find("ESEARCH")[0].split(b")", 1)[1]
            assert again == first[k], (k, first[k], again)
            assert c.ok(f"SEARCH CHARSET UTF-8 FUZZY {k}").search() == plain[k], k
            assert set(exact[k]) <= set(plain[k]), k
        assert sum(len(plain[k]) > len(exact[k]) for k in keys) > len(keys) / 2
        scores = c.ok("SORT RETURN (RELEVANCY ALL) (RELEVANCY) UTF-8 FUZZY TEXT invoice").find("ESEARCH")[0]
        scores = [int(n) for n in re.search(rb"RELEVANCY \(([\d ]*)\)", scores).group(1).split()]
        assert scores and scores == sorted(scores, reverse=True) and scores[0] == 100, scores


def test_grants_of_others_are_looked_at_with_each_search():
    with Client(daemon(), "bob") as owner, Client(daemon(), "alice") as c:
        owner.append(message("budget", "for October"))
        owner.ok("CREATE plans/new")
        owner.append(message("plan", "budget"), "plans/new")
        c.append(message("own", "budget"))
        assert results(c, "ESEARCH IN (personal subtree Shared) TEXT budget") == {"INBOX": "ALL 1"}
        owner.ok("SETACL plans/new alice@example.org lr")
        assert results(c, "ESEARCH IN (personal subtree Shared) TEXT budget") == {"INBOX": "ALL 1", SHARED + "plans/new": "ALL 1"}
        owner.ok("SETACL INBOX alice@example.org r")
        assert results(c, "ESEARCH IN (subtree Shared) FUZZY TEXT budgte") == {SHARED + "plans/new": "ALL 1"}
        named = f"ESEARCH IN (mailboxes ({SHARED}INBOX {SHARED}plans/new {SHARED}plans)) RETURN (COUNT) TEXT budget"
        assert results(c, named) == {SHARED + "INBOX": "COUNT 1", SHARED + "plans/new": "COUNT 1"}
        # Whose search it is says who has seen what.
        owner.ok("SELECT plans/new")
        owner.ok("STORE 1 +FLAGS (\\Seen)")
        assert results(c, "ESEARCH IN (subtree Shared) UNSEEN") == {SHARED + "plans/new": "ALL 1"}
        # Selected when the right goes.
        c.ok(f"SELECT {SHARED}INBOX")
        owner.ok("DELETEACL plans/new alice@example.org")
        assert results(c, f"ESEARCH IN (selected subtree Shared mailboxes {SHARED}plans/new) ALL") == {SHARED + "INBOX": "ALL 1"}
        c.ok("UNSELECT")
        owner.ok("DELETEACL INBOX alice@example.org")
        assert results(c, named) == {}


def test_ten_thousand_mailboxes_are_searched_and_stop_nobody():
    with Client(daemon(), "carol") as c, Client(daemon(), "carol") as other:
        count = 9000
        for first in range(0, count, 500):
            c.send("".join(f"n{i} CREATE m{i % 100:02}/{i:05}\r\n" for i in range(first, first + 500)).encode())
            for i in range(first, first + 500):
                assert c.until(f"n{i}").status == "OK"
        for i in range(0, count, 90):
            c.append(message("needle" if i % 180 else "hay", "text"), f"m{i % 100:02}/{i:05}")
        waited = []
        done = threading.Event()

        def ask():
            while not done.is_set():
                start = time.monotonic()
                other.ok("NOOP")
                waited.append(time.monotonic() - start)
                done.wait(0.01)

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            start = time.monotonic()
            found = results(c, "ESEARCH IN (personal) SUBJECT needle")
            took = time.monotonic() - start
            names = " ".join(f"m{i % 100:02}/{i:05}" for i in range(0, count, 2))
            by_name = results(c, f"ESEARCH IN (mailboxes ({names})) RETURN (COUNT) FUZZY TEXT neelde")
            one_below = results(c, "ESEARCH IN (subtree-one m90) ALL")
        finally:
            done.set()
            thread.join()
        assert len(found) == 50 and set(found.values()) == {"ALL 1"}, found
        assert set(by_name.values()) == {"COUNT 1"} and set(by_name) == {n for n in found if int(n[4:]) % 2 == 0}, by_name
        assert set(one_below) == {n for i in range(0, count, 90) if i % 100 == 90 for n in [f"m90/{i:05}"]}, one_below
        print(f"ESEARCH over {count} mailboxes: {took * 1000:.0f} ms, others waited {max(waited) * 1000:.0f} ms")
        assert took < 2 * PROMPT and max(waited) < PROMPT, (took, max(waited))


if __name__ == "__main__":
    harness.run(globals())
