"""FETCH under load: large messages to slow readers, 100,000 messages in one command, messages that go while they are sent."""
import base64
import random
import re
import socket
import threading
import time

import harness
from harness import PROMPT, SANITIZED, shared, wait_until
from imap_wire import Client

LARGE = 36 * 1024 * 1024  # bytes before base64: a message of 49 MiB
MANY = 100_000 if not SANITIZED else 10_000
PAUSE_KIB = (200 if SANITIZED else 24) * 1024


def daemon():
    return shared(users=["alice", "bob", "carol"])


def pss_kib():
    with open(f"/proc/{daemon().process.pid}/smaps_rollup") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))


def append(c, message, mailbox="INBOX"):
    tag = c.tag()
    c.send(f"{tag} APPEND {mailbox} {{{len(message)}+}}\r\n".encode() + message + b"\r\n")
    r = c.until(tag)
    assert r.status == "OK", r


def large_message(size):
    content = random.Random(5).randbytes(size)
    encoded = base64.encodebytes(content).replace(b"\n", b"\r\n")
    head = b"Subject: large\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head + encoded, content


def literal(line, label):
    """What stands behind the label: `BODY[1] {n}` or `BINARY[1] ~{n}`."""
    m = re.search(re.escape(label.encode()) + rb" ~?\{(\d+)\}\r\n", line)
    assert m, (label, line[:200])
    return line[m.end() : m.end() + int(m.group(1))]


def slow_client(user, mailbox, command, tls):
    c = Client(daemon(), user, select=mailbox, tls=tls)
    c.raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    c.send(f"x {command}\r\n".encode())
    c.raw.pending += c.raw.socket.recv(1000)
    assert c.raw.pending
    return c


def hexadecimal(address):
    """As /proc/net/tcp writes it."""
    host, port = address
    return f"{int.from_bytes(socket.inet_aton(host), 'little'):08X}:{port:04X}"


def unsent(readers):
    """Bytes that wait at the daemon's end of each connection, and at the reader's."""
    ends = {}  # both addresses: a port alone is also that of other connections, or of one that has just ended
    for c in readers:
        here, there = hexadecimal(c.raw.socket.getsockname()), hexadecimal(c.raw.socket.getpeername())
        ends |= {(there, here): ("daemon", here), (here, there): ("reader", here)}
    found = {}
    with open("/proc/net/tcp", encoding="ascii") as table:
        for row in list(table)[1:]:
            local, remote, _, waiting = row.split()[1:5]
            if (local, remote) in ends:
                end, reader = ends[local, remote]
                found[end, reader] = int(waiting.split(":")[end == "reader"], 16)
    return found


def wait_for_stillness(readers):
    """Whatever would be read ahead has been read: nothing goes into any of the connections any more."""
    seen = []

    def is_still():
        seen.append(unsent(readers))
        return len(seen) > 10 and all(s == seen[-1] for s in seen[-10:]) and len(seen[-1]) == 2 * len(readers) and all(count for (end, _), count in seen[-1].items() if end == "daemon")

    wait_until(is_still, 20, lambda: f"the readers' connections are full: {seen[-1]}")


def test_large_message_to_slow_readers_takes_no_memory():
    message, content = large_message(LARGE)
    with Client(daemon(), "alice", tls=False) as c:
        c.ok("CREATE Large")
        append(c, message, "Large")
        c.cmd("SELECT Large")
        c.ok("FETCH 1 BINARY.SIZE[1]")
    before = pss_kib()
    readers = [slow_client("alice", "Large", command, tls) for command in ("FETCH 1 BODY.PEEK[]", "FETCH 1 BINARY.PEEK[1]", "FETCH 1 (BODY.PEEK[1] BODY.PEEK[])") for tls in (False, True)]
    with Client(daemon(), "alice") as c:
        c.ok("NOOP")
    wait_for_stillness(readers)
    grown = pss_kib() - before
    assert grown < PAUSE_KIB, f"{grown} KiB more for {len(readers)} readers"
    for c in readers:
        c.raw.close()
    with Client(daemon(), "alice", select="Large", tls=False) as c:
        assert c.cmd("FETCH 1 BINARY.SIZE[1]").untagged == [b"1 FETCH (BINARY.SIZE[1] %d)" % LARGE]
        assert literal(c.cmd("FETCH 1 BINARY.PEEK[1]").untagged[0], "BINARY[1]") == content
        assert literal(c.cmd("FETCH 1 BINARY.PEEK[1]<1000000.5000>").untagged[0], "BINARY[1]<1000000>") == content[1000000:1005000]
        assert literal(c.cmd("FETCH 1 BODY.PEEK[]").untagged[0], "BODY[]") == message


def test_message_that_goes_while_it_is_sent_harms_nobody():
    message, _ = large_message(12 * 1024 * 1024)
    with Client(daemon(), "bob") as c:
        c.ok("CREATE Going")
        append(c, message, "Going")
    readers = []
    for command in ("FETCH 1 BODY.PEEK[]", "FETCH 1 (BINARY.PEEK[1] UID ENVELOPE)"):
        readers.append(slow_client("bob", "Going", command, False))
    with Client(daemon(), "bob", select="Going") as c:
        c.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
        c.ok("EXPUNGE")
    whole = readers[0].until("x")  # the file is held open
    assert whole.status == "OK" and literal(whole.untagged[0], "BODY[]") == message
    ended = readers[1].response()  # what can't be read to its end is no message: either all of it came, or the connection ended
    assert ended is None or ended.startswith(b"* 1 FETCH"), ended[:100]
    for c in readers:
        c.raw.close()
    with Client(daemon(), "bob", select="Going") as c:
        c.ok("NOOP")


def fill(c, mailbox, count):
    c.ok(f"CREATE {mailbox}")
    for i in range(100):
        append(c, f"From: a{i}@example.org\r\nSubject: message {i}\r\nMessage-ID: <{i}@many>\r\n\r\nbody {i}\r\n".encode(), mailbox)
    c.ok(f"SELECT {mailbox}")
    have = 100
    while have < count:
        part = min(have, count - have)
        c.ok(f"COPY 1:{part} {mailbox}")
        have += part
        c.ok("NOOP")


def test_long_fetch_leaves_room_for_others():
    with Client(daemon(), "carol") as c:
        fill(c, "Many", MANY + 1)
    slow = Client(daemon(), "carol", select="Many")  # it reads nothing
    slow.send(b"x FETCH 1:* (FLAGS UID ENVELOPE BODY.PEEK[HEADER])\r\n")
    assert slow.raw.socket.recv(1000)
    before = pss_kib()
    got = {}

    def fetch():
        with Client(daemon(), "carol", select="Many") as c:
            got["all"] = len(c.ok("FETCH 1:* (FLAGS UID ENVELOPE BODY.PEEK[HEADER])").untagged)

    t = threading.Thread(target=fetch)
    t.start()
    worst, turns = 0, 0
    with Client(daemon(), "carol", select="Many") as c:
        while t.is_alive():
            begun = time.monotonic()
            c.ok(f"FETCH {turns % MANY + 1} (FLAGS ENVELOPE)")
            c.ok("NOOP")
            worst = max(worst, time.monotonic() - begun)
            turns += 1
            time.sleep(0.005)
    t.join()
    assert got["all"] >= MANY + 1, got
    assert turns >= 5 and worst < PROMPT, (turns, worst)
    assert pss_kib() - before < PAUSE_KIB
    slow.raw.close()


def test_limit_is_told_to_clients_that_know_it():
    with Client(daemon(), "carol", select="Many") as c:
        count = c.cmd("STATUS Many (MESSAGES)").find("STATUS")[0]
        assert str(MANY + 1).encode() in count, count
        assert len(c.ok("UID FETCH 1:* (UID)").untagged) == MANY + 1
        c.ok("ENABLE UIDONLY")
        r = c.ok("UID FETCH 1:* (FLAGS)")
        if MANY >= 100_000:
            assert len(r.untagged) == 100_000 and r.code() == "MESSAGELIMIT 100000 2", r.text
        assert r.untagged[-1].startswith(f"{MANY + 1} UIDFETCH (FLAGS".encode()), r.untagged[-1]


harness.run(globals())
