"""ATTACKS groups 11 (before login) and 17 (STARTTLS injection, COMPRESS bombs, ID): what is refused, what it costs, and that others are served meanwhile."""
import os
import re
import threading
import time
import zlib

import harness
from harness import SANITIZED, SLOW, Raw, shared
from imap_wire import Client

SECOND = 1.0 * SLOW


def daemon():
    return shared(users=["alice", "bob", "carol"])


def memory_kib():
    with open(f"/proc/{daemon().process.pid}/status") as f:
        return int(re.search(r"^VmRSS:\s+(\d+)", f.read(), re.M).group(1))


def peak_kib(work):
    """How much the daemon grew at most while it ran, looked at each hundredth of a second."""
    before, most, over = memory_kib(), 0, threading.Event()

    def look():
        nonlocal most
        while not over.wait(0.01):
            most = max(most, memory_kib())

    t = threading.Thread(target=look)
    t.start()
    try:
        work()
    finally:
        over.set()
        t.join()
    return max(most, memory_kib()) - before


def clean():
    """Somebody else's session works, at once."""
    begun = time.monotonic()
    with Client(daemon(), "carol", select="INBOX") as c:
        c.ok("NOOP")
        c.ok('LIST "" *')
    took = time.monotonic() - begun
    assert took < 3 * SECOND, took
    assert daemon().process.poll() is None


def said_to(data, tls=False):
    """All lines that come back, with greeting, until the other side closes or a LOGOUT is answered."""
    with Raw(daemon().port["imaps" if tls else "imap"], tls=tls) as c:
        try:
            c.send(data)
            c.send(b"zz LOGOUT\r\n")
        except OSError:
            pass  # it has heard enough
        lines = []
        try:
            while (line := c.line()) is not None:
                lines.append(line)
        except TimeoutError:
            raise AssertionError(f"{data[:60]!r}: no end behind {lines} {c.pending!r}") from None
        except OSError:
            pass  # the TLS layer's way to say that it is over
        return lines


# ---- 11: before login ----

def test_a_million_parentheses_are_a_long_line():
    for data in (b"a " + b"(" * 1_000_000 + b"\r\n", b"(" * 1_000_000, b"a LOGIN " + b"(" * 1_000_000 + b"\r\n", b"a ID (" + b"(" * 1_000_000 + b"\r\n", b"a AUTHENTICATE PLAIN " + b"(" * 1_000_000):
        said = said_to(data)
        assert not said or any(" BYE " in s for s in said), said[:3]
        grown = peak_kib(lambda: said_to(data))
        assert SANITIZED or grown < 1024, grown
    clean()


def test_literals_of_every_wrong_size():
    for size, want in (("4294967296", "BAD"), ("4294967295", "BAD"), ("18446744073709551616", "BAD"), ("9" * 1000, "BAD"), ("-1", "BAD"), ("4097", "BAD"), ("+", "BAD"), ("", "BAD"), (" 5", "BAD"), ("0x10", "BAD"), ("5-", "BAD"),
                       ("5++", "BAD")):
        said = said_to(b"a LOGIN {" + size.encode() + b"}\r\n")
        assert any(s.startswith("a " + want) for s in said), (size, said)
    for size in ("4294967296+", "18446744073709551616+", "4097+", "1000000+"):
        said = said_to(b"a LOGIN {" + size.encode() + b"}\r\nx")
        assert said[1].startswith("a BAD") and said[2].startswith("* BYE"), (size, said)  # what is behind it can't be told from commands
        assert len(said) == 3, said
    clean()


def test_empty_literals_in_a_row_are_counted():
    said = said_to(b"a LOGIN " + b"{0+}\r\n" * 100_000)
    assert any(s.startswith("a BAD") for s in said), said[:3]
    said = said_to(b"a LOGIN {0+}\r\n" * 10_000)
    assert any("BAD" in s for s in said) and any("BYE" in s for s in said), said[-3:]
    clean()


def test_a_crowd_before_login_holds_little():
    """Hundreds of connections, each with as much of a command as it may send."""
    crowd = []

    def come():
        for _ in range(60):
            c = Raw(daemon().port["imap"])
            crowd.append(c)
            c.line()
            c.send(b"a LOGIN {4096+}\r\n" + b"x" * 4096 + b" {4096+}\r\n" + b"y" * 4095)

    grown = peak_kib(come)
    for c in crowd:
        c.close()
    assert SANITIZED or grown < 60 * 64, grown
    clean()


def test_login_with_odd_strings_is_one_no_or_bad():
    for command in (b'LOGIN "a\\"b" "c\\\\d"', b'LOGIN "\xff\xfe" "\xc3\xa9"', b'LOGIN "" ""', b"LOGIN {1+}\r\na {1+}\r\nb", b"LOGIN a@b " + b"x" * 4000, b'LOGIN "' + b"x" * 1000 + b'" y', b"LOGIN ~{1+}\r\na b", b'LOGIN "a\x01b" c',
                    b"AUTHENTICATE PLAIN =", b"AUTHENTICATE PLAIN " + b"QUFB" * 1000, b"AUTHENTICATE SCRAM-SHA-256 =", b"AUTHENTICATE XOAUTH2 abcd", b"AUTHENTICATE " + b"X" * 4000):
        said = said_to(b"a " + command + b"\r\n")
        assert any(s.startswith(("a NO", "a BAD")) for s in said), (command[:40], said)
    clean()


def test_commands_of_later_states_do_nothing():
    for command in ("SELECT INBOX", "FETCH 1 FLAGS", "UID FETCH 1 FLAGS", "APPEND INBOX {5+}\r\nabcde", "ENABLE CONDSTORE", "COMPRESS DEFLATE", "UNAUTHENTICATE", "IDLE", "GETQUOTA \"\"", "NAMESPACE", "SORT (DATE) UTF-8 ALL", "REPLACE 1 INBOX {1+}\r\nx"):
        said = said_to(b"a " + command.encode() + b"\r\n")
        assert any(s.startswith("a BAD") for s in said), (command, said)
    clean()


# ---- 17: STARTTLS, COMPRESS, ID ----

def test_starttls_forgets_what_came_with_it():
    for behind in (b"b NOOP\r\n", b'b LOGIN alice@example.org "x"\r\n', b"b LOGOUT\r\n", b"b APPEND INBOX {5+}\r\n", b"{"):
        with Raw(daemon().port["imap"]) as c:
            c.line()
            c.send(b"a STARTTLS\r\n" + behind)
            assert c.line().startswith("a OK")
            try:
                c.start_tls()
            except OSError:
                continue  # some of it stood where the handshake should
            c.send(b"d CAPABILITY\r\n")
            assert c.line().startswith("* CAPABILITY"), "nothing of before was heard"
            assert c.line().startswith("d OK")
    clean()


def test_id_of_a_megabyte():
    megabyte = b"x" * (1 << 20)
    for login in (False, True):
        for data in (b'ID ("name" "' + megabyte + b'")', b'ID ("' + megabyte + b'" NIL)', b'ID ("name" {1048576}', b'ID ("name" {1048576+}\r\n' + megabyte + b")", b"ID (" + b'"k" "v" ' * 100_000 + b")", b'ID (' + b" ".join(b'"k%d" NIL' % n for n in range(31)) + b")"):
            with Client(daemon(), "bob", login=login, tls=False) as c:
                try:
                    c.send(b"i " + data + b"\r\n")
                except OSError:
                    continue
                r = c.response()
                assert r is None or r.startswith((b"i BAD", b"* BYE")), r[:100]
    with Client(daemon(), "bob") as c:
        assert c.ok('ID ("name" "probe" "version" NIL)').find("ID")
        assert c.ok("ID NIL").find("ID")
        assert c.cmd('ID ("name")').status == "BAD"
        assert c.ok("ID (" + " ".join(f'"k{n}" NIL' for n in range(30)) + ")").find("ID")
    clean()


def packed(text, times=1, end=b""):
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    return b"".join(z.compress(text) for _ in range(times)) + z.compress(end) + z.flush(zlib.Z_SYNC_FLUSH)


def compressed(user="bob"):
    c = Client(daemon(), user)
    c.ok("COMPRESS DEFLATE")
    return c


def unpacked(c):
    """All that is said until the other side closes."""
    z = zlib.decompressobj(-15)
    said = b""
    while True:
        try:
            more = c.raw.socket.recv(1 << 16)
        except OSError:  # reset, or it waits for more of what looked like a block
            return said
        if not more:
            return said
        said += z.decompress(more)


def test_a_bomb_that_is_one_line_ends_at_the_longest_line():
    bomb = packed(b"(" * 10_000_000, 20)
    assert len(bomb) < 300_000

    def throw():
        with compressed() as c:
            try:
                c.send(bomb)
            except OSError:
                pass
            said = unpacked(c)
            assert not said or b" BYE " in said, said[-200:]

    grown = peak_kib(throw)
    assert SANITIZED or grown < 8 * 1024, grown
    clean()


def test_a_bomb_of_commands_is_worked_off_in_turns():
    """2,000,000 commands come in some kilobytes; nobody reads the answers. Others are answered at once, and it costs the high-water mark."""
    bombs = [compressed() for _ in range(4)]
    bomb = packed(b"a NOOP\r\n" * 10_000, 200)

    def throw():
        for c in bombs:
            c.raw.socket.settimeout(2 * SECOND)
            try:
                c.send(bomb)
            except OSError:
                pass
        for _ in range(5):
            clean()

    grown = peak_kib(throw)
    for c in bombs:
        c.close()
    assert SANITIZED or grown < 32 * 1024, grown
    clean()


def test_a_bomb_in_a_message_is_a_message_of_its_size():
    """What APPEND announces counts, not what came over the wire."""
    with compressed("alice") as c:
        c.raw.socket.sendall(packed(b"b APPEND INBOX {60000000+}\r\n"))
        c.raw.socket.sendall(packed(b"0" * 1_000_000, 60, b"\r\nc LOGOUT\r\n"))
        said = unpacked(c)
        assert b"b NO [TOOBIG]" in said, said[-200:]
    with compressed("alice") as c:
        c.raw.socket.sendall(packed(b"b APPEND INBOX {30000000+}\r\nSubject: zeros\r\n\r\n"))
        c.raw.socket.sendall(packed(b"0" * 1_000_000, 29, b"0" * (1_000_000 - 18) + b"\r\nc SELECT INBOX\r\nd FETCH * RFC822.SIZE\r\ne LOGOUT\r\n"))
        said = unpacked(c)
        assert b"b OK [APPENDUID" in said and b"RFC822.SIZE 30000000" in said, said[-300:]
    clean()


def test_what_is_no_deflate_ends_the_connection():
    for junk in (b"a NOOP\r\n" * 10, b"\xff" * 100, b"\x06\x07" + os.urandom(100), b"\x78\x9c" + zlib.compress(b"a NOOP\r\n")):
        with compressed() as c:
            c.raw.socket.settimeout(SECOND)
            c.raw.socket.sendall(junk)
            assert b" OK " not in unpacked(c)
    clean()


def test_a_stream_that_ends_is_an_end():
    z = zlib.compressobj(6, zlib.DEFLATED, -15)
    with compressed() as c:
        c.raw.socket.sendall(z.compress(b"a NOOP\r\n") + z.flush(zlib.Z_FINISH) + b"b NOOP\r\n")
        said = unpacked(c)
        assert b"a OK" in said and b"b OK" not in said, said
    clean()


def test_empty_blocks_without_end_cost_no_memory():
    blocks = b"\x00\x00\x00\xff\xff" * 200_000

    def flood():
        with compressed() as c:
            for _ in range(10):
                c.raw.socket.sendall(blocks)
            clean()
            c.raw.socket.sendall(packed(b"a LOGOUT\r\n"))
            assert b"a OK" in unpacked(c)

    grown = peak_kib(flood)
    assert SANITIZED or grown < 4 * 1024, grown


def test_random_damage_inside_a_stream():
    whole = packed(b"".join(b'a%d LIST "" "%d*"\r\n' % (n, n) for n in range(300)))
    for n in range(40):
        at = int.from_bytes(os.urandom(2), "big") % len(whole)
        with compressed() as c:
            c.raw.socket.sendall(whole[:at] + os.urandom(3) + whole[at:])
            try:
                c.raw.socket.sendall(packed(b"z LOGOUT\r\n"))
            except OSError:
                pass  # it is closed already
    clean()


def test_nothing_of_this_was_a_bug():
    assert daemon().cli("status", "-o", "json")["counters"]["bugs"] == 0


harness.run(globals())
