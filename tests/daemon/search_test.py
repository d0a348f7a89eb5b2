"""SEARCH, SORT and THREAD: hostile commands and messages (attack group 13), results of many pieces, other sessions meanwhile."""
import random
import re
import threading
import time

import harness
from harness import PROMPT, shared
from imap_wire import Client

NESTED = 10_000
MANY = 3_000


def client(select="INBOX"):
    return Client(shared(users=["bob"]), select=select)


def mailbox(name, messages):
    c = client(None)
    c.ok(f"CREATE {name}")
    for i in range(0, len(messages), 100):
        batch = messages[i : i + 100]
        tag = c.tag()
        c.send(f"{tag} APPEND {name}".encode() + b"".join(b" {%d+}\r\n%s" % (len(m), m) for m in batch) + b"\r\n")
        assert c.until(tag).status == "OK"
    c.ok(f"SELECT {name}")
    return c


def numbers(reply, word="SEARCH"):
    (line,) = reply.find(word)
    return [int(n) for n in line.split()[1:]]


def test_keys_nested_ten_thousand_deep_are_refused_or_answered():
    with client() as c:
        c.append(b"Subject: x\r\n\r\nx")
        c.ok("NOOP")
        for opened, closed, key in (("NOT ", "", "ALL"), ("OR ALL ", "", "ALL"), ("(", ")", "ALL"), ("NOT (OR ALL ", ")", "ALL"), ("NOT ", "", "")):
            for verb in ("SEARCH ", "SORT (SIZE) UTF-8 ", "THREAD REFS UTF-8 "):
                began, deep = time.monotonic(), min(NESTED, 60_000 // len(opened + closed))  # in a line of 64 KiB
                r = c.cmd(verb, opened * deep, key, closed * deep)
                assert r.status == "BAD", (opened, verb, r)
                assert time.monotonic() - began < PROMPT
        # What is within the limit is answered, however deep.
        assert numbers(c.ok("SEARCH ", "NOT " * 900, "ALL"))[:1] == [1]
        assert numbers(c.ok("SEARCH ", "NOT " * 901, "ALL")) == []
        assert numbers(c.ok("SEARCH ", "(" * 900, "ALL", ")" * 900))[:1] == [1]
        assert numbers(c.ok("SEARCH ", "OR SEEN " * 400, "ALL"))[:1] == [1]


def test_many_keys_for_the_text_are_refused_before_anything_is_read():
    with client() as c:
        assert c.cmd("SEARCH ", "OR BODY x " * 400, "ALL").status == "NO"


def test_an_unknown_charset_is_named():
    with client() as c:
        for command in ("SEARCH CHARSET {} ALL", "SORT (SIZE) {} ALL", "THREAD REFS {} ALL"):
            for charset in ("x-klingon", '"' + "a" * 5000 + '"', '""', '"a\\"b"'):
                r = c.cmd(command.format(charset))
                assert r.status == "NO" and r.text.startswith("[BADCHARSET (US-ASCII UTF-8)]") or charset == '""', (command, charset, r)


def test_an_empty_text_is_in_every_message():
    with mailbox("empty", [b"Subject: a\r\n\r\n", b"\r\n", b"x"]) as c:
        for key in ("BODY", "TEXT"):
            assert numbers(c.ok(f'SEARCH {key} ""')) == [1, 2, 3]
        assert numbers(c.ok('SEARCH SUBJECT ""')) == [1]
        assert numbers(c.ok("SEARCH TEXT ", b"")) == [1, 2, 3]


def test_circles_of_references_end():
    n = 60
    ring = [b"Subject: s%d\r\nMessage-ID: <%d@x>\r\nReferences: %s\r\n\r\n" % (i, i, b" ".join(b"<%d@x>" % ((i + k) % n) for k in range(1, n))) for i in range(n)]
    with mailbox("circles", ring + [b"Message-ID: <self@x>\r\nReferences: <self@x> <self@x>\r\n\r\n"]) as c:
        for algorithm in ("REFERENCES", "REFS", "ORDEREDSUBJECT"):
            (line,) = c.ok(f"THREAD {algorithm} UTF-8 ALL").find("THREAD")
            assert sorted(map(int, re.findall(rb"\d+", line))) == list(range(1, n + 2)), line
            assert line.count(b"(") == line.count(b")")


def test_broken_dates_are_sorted_by_arrival():
    dates = [b"", b"never", b"Thu, 32 Jan 2020 00:00:00 +0000", b"1 Jan 99999 00:00:00 +0000", b"Wed, 1 Jan 2020 00:00:00 +9999999", b"\xff\xfe", b"1" * 5000]
    with mailbox("dates", [b"Date: " + d + b"\r\n\r\n" for d in dates] + [b"Date: Wed, 1 Jan 2020 00:00:00 +0000\r\n\r\n"]) as c:
        assert numbers(c.ok("SORT (DATE) UTF-8 ALL"), "SORT") == [8, 1, 2, 3, 4, 5, 6, 7]
        assert numbers(c.ok("SORT (REVERSE DATE ARRIVAL) UTF-8 ALL"), "SORT")[-1] == 8


def test_a_large_mailbox_is_answered_whole_and_in_order():
    rng = random.Random(5)
    subjects = [rng.choice(["Re: ", "", "[x] "]) + "".join(rng.choice("abc") for _ in range(4)) for _ in range(MANY)]
    with mailbox("large", [f"Subject: {s}\r\nMessage-ID: <{i}@x>\r\nReferences: <{i - 1}@x>\r\n\r\n".encode() for i, s in enumerate(subjects)]) as c:
        assert numbers(c.ok("SEARCH ALL")) == list(range(1, MANY + 1))
        odd = [i + 1 for i, s in enumerate(subjects) if "a" in s]
        assert numbers(c.ok("SEARCH SUBJECT a")) == odd
        bare = [s.removeprefix("Re: ").removeprefix("[x] ").upper() for s in subjects]
        order = sorted(range(1, MANY + 1), key=lambda i: bare[i - 1])
        assert numbers(c.ok("SORT (SUBJECT) UTF-8 ALL"), "SORT") == order
        line = c.ok("SORT RETURN (ALL COUNT) (REVERSE SUBJECT) UTF-8 ALL").find("ESEARCH")[0].decode()
        told = []
        for piece in re.search(r"ALL (\S+) COUNT (\d+)", line).group(1).split(","):
            first, _, last = piece.partition(":")
            told += range(int(first), int(last or first) + 1)
        assert [bare[i - 1] for i in told] == sorted(bare, reverse=True) and sorted(told) == list(range(1, MANY + 1))
        (line,) = c.ok("THREAD REFS UTF-8 ALL").find("THREAD")
        assert line == b"THREAD (" + b" ".join(b"%d" % i for i in range(1, MANY + 1)) + b")"
        c.ok("UID SEARCH RETURN (SAVE) SUBJECT a")
        assert numbers(c.ok("SEARCH $")) == odd


def test_a_long_search_does_not_stop_another_session():
    text = b"Subject: big\r\n\r\n" + b"".join(b"line %d of words that nobody looks for\r\n" % i for i in range(20000))
    with mailbox("slow", [text] * 60) as c, client("INBOX") as d:
        stop, waits = threading.Event(), []

        def ask():
            while not stop.is_set():
                began = time.monotonic()
                d.ok("NOOP")
                waits.append(time.monotonic() - began)

        t = threading.Thread(target=ask)
        t.start()
        for _ in range(3):
            # Several words, so that the messages have to be read.
            assert numbers(c.ok('SEARCH TEXT "nobody looks, for"')) == []
        stop.set()
        t.join()
        assert len(waits) > 20 and max(waits) < PROMPT, (len(waits), max(waits))


def test_a_client_that_leaves_in_mid_search_leaves_nothing():
    for _ in range(20):
        c = client("slow")
        c.send(b'x SEARCH OR TEXT "nobody looks, for" OR TEXT words TEXT "of words"\r\n')
        c.close()
    with client("slow") as c:
        assert len(numbers(c.ok("SEARCH TEXT words"))) == 60


if __name__ == "__main__":
    harness.run(globals())
