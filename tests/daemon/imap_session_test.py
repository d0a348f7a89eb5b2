"""What an IMAP connection is apart from its mailboxes: COMPRESS with Python's zlib, IDLE, ENABLE, UNAUTHENTICATE, what an idle connection costs."""
import base64
import os
import re
import statistics
import threading
import time
import zlib

import harness
from harness import PASSWORD, PROMPT, SANITIZED, SLOW, Raw, shared
from imap_wire import Client


def daemon():
    return shared(users=["alice", "bob", "carol"])


def new_user(name):
    daemon().cli("user", "add", f"{name}@example.org", "--password-stdin", input=PASSWORD + "\n")
    return name


class Squeezed:
    """A socket under DEFLATE, as Raw uses one."""

    def __init__(self, below, level=6, window=15, step=None):
        self.below, self.step = below, step
        self.out = zlib.compressobj(level, zlib.DEFLATED, -window)
        self.back = zlib.decompressobj(-15)
        self.sent = self.came = 0

    def sendall(self, data):
        packed = self.out.compress(data) + self.out.flush(zlib.Z_SYNC_FLUSH)
        self.sent += len(packed)
        for at in range(0, len(packed), self.step or len(packed)):
            self.below.sendall(packed[at : at + (self.step or len(packed))])

    def recv(self, size):
        while True:
            packed = self.below.recv(size)
            self.came += len(packed)
            if not packed:
                return b""
            plain = self.back.decompress(packed)
            if plain:
                return plain

    def settimeout(self, seconds):
        self.below.settimeout(seconds)

    def setsockopt(self, *_):
        pass

    def close(self):
        self.below.close()


def squeezed(user="bob", tls=True, **options):
    c = Client(daemon(), user, tls=tls)
    r = c.ok("COMPRESS DEFLATE")
    assert not c.raw.pending, "nothing comes before it is asked for"
    c.raw.socket = Squeezed(c.raw.socket, **options)
    return c


def message(number, size=2000):
    body = b"".join(b"line %d of a message that says little more than its number\r\n" % n for n in range(size // 60))
    return b"From: a@example.net\r\nSubject: number %d\r\n\r\n" % number + body


# ---- COMPRESS ----

def test_compress_goes_both_ways_plain_and_over_tls():
    user = new_user("packer")
    for tls in (True, False):
        with squeezed(user, tls=tls) as c:
            c.ok("SELECT INBOX")
            for n in range(3):
                c.append(message(n))
            for n in range(1, 4):
                assert c.ok(f"FETCH {n} BODY.PEEK[]").untagged
            c.ok("STORE 1:* +FLAGS (\\Deleted)")
            c.ok("EXPUNGE")
            assert c.cmd("LOGOUT").status == "OK"
            assert c.response() is None


def test_compress_is_there_once():
    with squeezed() as c:
        r = c.cmd("COMPRESS DEFLATE")
        assert (r.status, r.code()) == ("BAD", "COMPRESSIONACTIVE"), r
        assert c.cmd("COMPRESS LZW").status == "BAD"
        assert c.cmd("COMPRESS").status == "BAD"
        c.ok("NOOP")
    with Client(daemon(), login=False) as c:
        assert c.cmd("COMPRESS DEFLATE").status == "BAD", "only after login"


def test_compress_takes_any_level_window_and_cut():
    user = new_user("cutter")
    for level, window, step in ((0, 15, None), (1, 9, 1), (9, 15, 7), (9, 9, 3), (6, 12, 100)):
        with squeezed(user, level=level, window=window, step=step) as c:
            c.append(message(1, 6000), "Archive")
            c.ok("EXAMINE Archive")
            for n in range(20):  # each after a rest
                assert c.ok(f"SEARCH SUBJECT {n}").search() is not None


def test_compress_refers_to_what_was_said_long_before_a_rest():
    """The client's window reaches over rests of the server: the same 20 KiB again are a few bytes on the wire."""
    user = new_user("echo")
    noise = base64.b64encode(os.urandom(12000))
    whole = b"Subject: noise\r\n\r\n" + noise + b"\r\n"
    with squeezed(user, level=9) as c:
        sent = []
        for _ in range(4):
            before = c.raw.socket.sent
            c.append(whole, "Archive")
            sent.append(c.raw.socket.sent - before)
            time.sleep(0.05)
            c.ok("NOOP")
        assert max(sent[1:]) < sent[0] // 10, sent
        c.ok("SELECT Archive")
        for n in range(1, 5):
            assert c.ok(f"FETCH {n} BODY.PEEK[]").untagged[0].endswith(whole + b")")


def test_compress_of_large_messages_is_smaller_and_right():
    """Above 64 KiB a body is a file: its range goes through DEFLATE too."""
    user = new_user("large")
    whole = message(1, 3_000_000)
    noise = b"Subject: noise\r\n\r\n" + base64.encodebytes(os.urandom(900_000)).replace(b"\n", b"\r\n")
    with squeezed(user) as c:
        c.append(whole, "Archive")
        c.append(noise, "Archive")
        c.ok("SELECT Archive")
        before = c.raw.socket.came
        assert c.ok("FETCH 1 BODY.PEEK[]").untagged[0].endswith(whole + b")")
        assert c.raw.socket.came - before < len(whole) // 5
        assert c.ok("FETCH 2 BODY.PEEK[]").untagged[0].endswith(noise + b")")
        assert c.ok("FETCH 2 BODY.PEEK[]<1000.500>").untagged[0].endswith(noise[1000:1500] + b")")


def test_compress_stands_in_one_read_with_what_follows():
    """A client that does not wait for OK deflates what it says next all the same (RFC 4978 3)."""
    with Client(daemon()) as c:
        below = c.raw.socket
        s = Squeezed(below)
        below.sendall(b"c1 COMPRESS DEFLATE\r\n" + s.out.compress(b"c2 NOOP\r\n") + s.out.flush(zlib.Z_SYNC_FLUSH))
        assert c.response().startswith(b"c1 OK")
        rest, c.raw.pending = c.raw.pending, b""
        c.raw.socket = s
        c.raw.pending = s.back.decompress(rest)
        assert c.response().startswith(b"c2 OK")


def test_compress_with_idle():
    user = new_user("idlepack")
    with squeezed(user) as c:
        c.ok("SELECT INBOX")
        c.send("i IDLE\r\n")
        assert c.response().startswith(b"+")
        daemon().send("Subject: packed\r\n\r\nx\r\n", to=(user,))
        assert c.response() == b"* 1 EXISTS"
        c.send("DONE\r\n")
        while not (r := c.response()).startswith(b"i "):
            pass
        assert r.startswith(b"i OK")


# ---- IDLE ----

def test_idle_hears_within_a_tenth_of_a_second():
    """From the 250 of a delivery's last byte to the line in the other connection."""
    user = new_user("quick")
    took = []
    with Client(daemon(), user, select="INBOX") as c:
        c.send("i IDLE\r\n")
        assert c.response().startswith(b"+")
        for n in range(1, 12):
            times = {}

            def listen():
                while (r := c.response()) is not None and r != b"* %d EXISTS" % n:
                    pass
                times["heard"] = time.monotonic()

            t = threading.Thread(target=listen)
            t.start()
            daemon().send(f"Subject: {n}\r\n\r\nx\r\n", to=(user,))
            begun = time.monotonic()
            t.join(20 * SLOW)
            took.append(times["heard"] - begun)
        c.send("DONE\r\n")
    assert statistics.median(took) < PROMPT, took


def read_last(packed, last):
    """Reads to the end of the line that is the last under DEFLATE, and over the empty block behind it, and not a byte more."""
    raw = got = b""
    while not re.search(last, got, re.M) or not raw.endswith(b"\0\0\xff\xff"):
        one = packed.below.recv(1)
        assert one, got
        raw += one
        got += packed.back.decompress(one)


def test_unauthenticate_ends_compress():
    """RFC 8437 4.1: the command and its answer are the last that is DEFLATE; what the client says next may be on its way already."""
    again = f"x LOGIN bob@example.org {PASSWORD}\r\n".encode()
    for tls in (True, False):
        for end in (zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH, zlib.Z_FINISH):
            for waits in (True, False):
                for step in (None, 1):
                    with squeezed(tls=tls) as c:
                        c.ok("SELECT INBOX")
                        packed = c.raw.socket
                        last = packed.out.compress(b"NOOP\r\nu UNAUTHENTICATE\r\n"[6:] if step else b"n NOOP\r\nu UNAUTHENTICATE\r\n") + packed.out.flush(end)
                        last += b"" if waits else again
                        for at in range(0, len(last), step or len(last)):
                            packed.below.sendall(last[at : at + (step or len(last))])
                        c.raw.socket = packed.below
                        read_last(packed, rb"^u OK .*\r\n")
                        if waits:
                            c.send(again)
                        assert c.until("x").status == "OK", (tls, end, waits, step)
                        c.ok("COMPRESS DEFLATE")
                        c.raw.socket = Squeezed(packed.below)
                        c.ok("SELECT INBOX")


# ---- ENABLE, UNAUTHENTICATE ----

def test_enable_and_unauthenticate():
    alice, bob = new_user("first"), new_user("second")
    with Client(daemon(), alice, select="INBOX") as c:
        assert c.ok("ENABLE UTF8=ACCEPT X-NONE CONDSTORE").find("ENABLED") == [b"ENABLED CONDSTORE UTF8=ACCEPT"]
        assert c.ok("ENABLE CONDSTORE").find("ENABLED") == [b"ENABLED"]
        c.ok('CREATE "Entwürfe"')
        assert any("Entwürfe".encode() in u for u in c.ok('LIST "" "Ent*"').untagged)
        r = c.ok("UNAUTHENTICATE")
        assert r.code().startswith("CAPABILITY ") and "AUTH=" in r.code()
        assert c.cmd("SELECT INBOX").status == "BAD"
        assert c.cmd("UNAUTHENTICATE").status == "BAD"
        r = c.ok(f"LOGIN {bob}@example.org {PASSWORD}")
        assert "UNAUTHENTICATE" in r.code()
        assert not [u for u in c.ok('LIST "" "Ent*"').untagged], "another account"
        assert c.cmd('CREATE "Entwürfe"').status == "BAD", "UTF-8 is off again"
        c.ok(f"UNAUTHENTICATE")
        c.ok(f"LOGIN {alice}@example.org {PASSWORD}")
        assert any(b"Entw&APw-rfe" in u for u in c.ok('LIST "" "Ent*"').untagged)


def test_unauthenticate_gives_the_account_back():
    """Its sessions are counted: who has left is not among them."""
    user = new_user("counted")
    with Client(daemon(), user) as c:
        for _ in range(450):  # more than an account may have at once
            c.ok("UNAUTHENTICATE")
            c.ok(f"LOGIN {user}@example.org {PASSWORD}")


# ---- what it costs ----

def private_kib():
    """Memory of the daemon's own: of a library's pages each process that has them loaded is charged a part, and others come and go."""
    with open(f"/proc/{daemon().process.pid}/smaps_rollup") as f:
        return int(re.search(r"^Pss_Anon:\s+(\d+)", f.read(), re.M).group(1))


def wait_until_indexed():
    """The indexer takes memory while it works, and gives it back."""
    harness.wait_until(lambda: "\npostroom_search_accounts_waiting 0\n" in daemon().cli("metrics"), 60, "nothing waits for the indexer")


def cost(open_one, kept, count=50):
    """What one idle connection adds, in KiB; the first have warmed up what all share. None is closed in between: memory that is free again would hide it.
    The middle one of three rounds: what the daemon does meanwhile is none of the connections'."""
    kept.extend(open_one() for _ in range(40))
    rounds = []
    for _ in range(3):
        before = private_kib()
        kept.extend(open_one() for _ in range(count))
        rounds.append((private_kib() - before) / count)
    return sorted(rounds)[1]


def test_an_idle_connection_is_small():
    user = new_user("crowded")
    with Client(daemon(), user) as c:
        c.send(b"".join(b"p APPEND INBOX {22+}\r\nSubject: %06d\r\n\r\nx\r\n\r\n" % n for n in range(2000)))
        for _ in range(2000):
            assert c.response().startswith(b"p OK")
    wait_until_indexed()

    def over_tls():
        c = Client(daemon(), user, select="INBOX")
        c.ok("FETCH 1:* FLAGS")
        return c

    def compressed():
        c = squeezed(user)
        c.ok("SELECT INBOX")
        c.ok("FETCH 1:* FLAGS")
        return c

    kept = []
    plain, packed = cost(over_tls, kept), cost(compressed, kept)
    for c in kept:
        c.close()
    print(f"# {plain:.1f} KiB over TLS, {packed:.1f} KiB under COMPRESS")
    if not SANITIZED:
        assert plain < 24, f"{plain:.1f} KiB a connection"
        assert packed < 28, f"{packed:.1f} KiB a connection under COMPRESS"


def test_nothing_of_this_was_a_bug():
    assert daemon().cli("status", "-o", "json")["counters"]["bugs"] == 0


harness.run(globals())
