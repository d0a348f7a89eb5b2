"""IMAP as the RFCs say it, written from them and not from the code: several clients, IDLE, pipelining, ends of connections."""
import re
import socket
import ssl
import time

import harness
from harness import PASSWORD, no_verify
from imap_checks import checks, daemon, enough, flags, mailbox, small
from imap_wire import Client, parse

# ---- several clients ----


@checks
def test_two_clients_see_each_other(check):
    p = daemon()
    with Client(p, "carol") as a:
        n = mailbox(a, [small(i) for i in range(1, 6)])
        a.ok(f"SELECT {n}")
        with Client(p, "carol") as second:
            r = second.ok(f"SELECT {n}")
            check.is_(r.numbers("RECENT"), [0], "only the first sees \\Recent")
            a.ok("STORE 2 FLAGS (\\Seen)")
            r = second.ok("NOOP")
            check.is_(flags(r.fetched(), 2), {"\\Seen"})
            check.is_(second.ok("NOOP").untagged, [])
            a.ok("STORE 3 FLAGS.SILENT (\\Flagged newkw)")
            r = second.ok("NOOP")
            check.is_(flags(r.fetched(), 3), {"\\Flagged", "newkw"})
            check(any(b"newkw" in u for u in r.find("FLAGS (")) and r.untagged.index(r.find("FLAGS (")[0]) < [i for i, u in enumerate(r.untagged) if b"FETCH" in u][0], "FLAGS before the FETCH that uses it", r)
            a.append(small(6), n)
            r = second.ok("NOOP")
            check.is_(r.numbers("EXISTS"), [6])
            # no EXPUNGE during FETCH, STORE, SEARCH (RFC 3501 7.4.1)
            a.ok("STORE 1,2 +FLAGS.SILENT (\\Deleted)")
            a.ok("EXPUNGE")
            r = second.cmd("FETCH 1:6 (UID)")
            check(not r.numbers("EXPUNGE"), r)
            check(r.status in ("OK", "NO"), r)
            check(all(int(v["UID"]) == k for k, v in r.fetched().items()), "the old numbers hold", r)
            check(set(r.fetched()) >= {3, 4, 5, 6}, r)
            r = second.cmd("FETCH 1:6 (UID BODY.PEEK[] ENVELOPE)")
            check(not r.numbers("EXPUNGE") and set(r.fetched()) >= {3, 4, 5, 6}, r)
            r = second.cmd("STORE 1:3 +FLAGS (\\Answered)")
            check(not r.numbers("EXPUNGE") and r.status in ("OK", "NO"), r)
            check("\\Answered" in r.fetched()[3]["FLAGS"], r)
            r = second.cmd("SEARCH ALL")
            check(not r.numbers("EXPUNGE"), r)
            r = second.cmd("SEARCH 1:6")
            check(not r.numbers("EXPUNGE") and r.status == "OK", r)
            a.append(small(7), n)
            r = second.cmd("FETCH 6 UID")
            check(not r.numbers("EXPUNGE"), r)
            check.is_(r.fetched().get(6), {"UID": "6"})
            if r.numbers("EXISTS"):
                check.is_(r.numbers("EXISTS"), [7])
            r = second.cmd("COPY 1 INBOX")
            check(r.status in ("NO", "OK"), r)
            r2 = second.ok("NOOP")
            gone = r.numbers("EXPUNGE") + r2.numbers("EXPUNGE")
            check.is_(len(gone), 2, r, r2)
            f = second.fetch("1:*", "UID")
            check.is_([int(v["UID"]) for v in f.values()], [3, 4, 5, 6, 7])
            # UID commands may tell EXPUNGE
            a.ok("UID STORE 3 +FLAGS.SILENT (\\Deleted)")
            a.ok("EXPUNGE")
            r = second.ok("UID FETCH 1:* (FLAGS)")
            r2 = second.ok("NOOP")
            check.is_((r.numbers("EXPUNGE") + r2.numbers("EXPUNGE")), [1], r, r2)
            f = second.fetch("1:*", "UID")
            check.is_([int(v["UID"]) for v in f.values()], [4, 5, 6, 7])


@checks
def test_three_clients_under_concurrent_expunge(check):
    p = daemon()
    a, second, third = (Client(p, "carol") for _ in range(3))
    n = mailbox(a, [small(i) for i in range(1, 21)])
    maps = {}
    for c in (a, second, third):
        c.ok(f"SELECT {n}")
        maps[c] = list(range(1, 21))

    def follow(c, r):
        for u in r.untagged:
            if m := re.match(rb"(\d+) EXPUNGE", u):
                check(1 <= int(m.group(1)) <= len(maps[c]), u, maps[c])
                del maps[c][int(m.group(1)) - 1]
            elif m := re.match(rb"(\d+) EXISTS", u):
                check(int(m.group(1)) >= len(maps[c]), "EXISTS never shrinks a mailbox", u, maps[c])
                maps[c] += [None] * (int(m.group(1)) - len(maps[c]))
            elif m := re.match(rb"(\d+) FETCH", u):
                items = parse(u[m.end():])[0]
                d = {str(k): v for k, v in zip(items[::2], items[1::2])}
                check(int(m.group(1)) <= len(maps[c]), u)
                if "UID" in d:
                    known = maps[c][int(m.group(1)) - 1]
                    check(known in (None, int(d["UID"])), u, maps[c])
                    maps[c][int(m.group(1)) - 1] = int(d["UID"])
        return r

    for round in range(12):
        for i, c in enumerate((a, second, third)):
            other = (second, third, a)[i]
            if maps[c]:
                at = 1 + (round * 7 + i) % len(maps[c])
                follow(c, c.cmd(f"STORE {at} +FLAGS (\\Deleted)"))
                follow(other, other.cmd("FETCH 1:* (UID FLAGS)"))
                follow(c, c.cmd("EXPUNGE"))
                follow(other, other.cmd("FETCH 1 (FLAGS)" if maps[other] else "NOOP"))
            follow(c, c.cmd(f"APPEND {n} ", small(50 + round)))
            follow(other, other.cmd("UID FETCH 1:* (UID)"))
    for c in (a, second, third):
        follow(c, c.ok("NOOP"))
        follow(c, c.ok("UID FETCH 1:* (UID)"))
        follow(c, c.ok("NOOP"))
    check(maps[a] == maps[second] == maps[third], maps.values())
    s = int(re.search(rb"MESSAGES (\d+)", a.ok(f"STATUS {n} (MESSAGES)").find("STATUS")[0]).group(1))
    check.is_(len(maps[a]), s)
    for c in (a, second, third):
        c.close()


@checks
def test_selected_mailbox_deleted_or_renamed_elsewhere(check):
    p = daemon()
    with Client(p, "carol") as a, Client(p, "carol") as second:
        n = mailbox(a, [small(1), small(2)])
        second.ok(f"SELECT {n}")
        a.ok(f"RENAME {n} {n}x")
        r = second.cmd("FETCH 1:2 (UID BODY.PEEK[])")
        check(r.status == "OK" and len(r.fetched()) == 2, "a renamed mailbox stays selected", r)
        r = a.cmd(f"DELETE {n}x")
        check.is_(r.status, "OK", r)
        for command in ("FETCH 1 FLAGS", "STORE 1 +FLAGS (\\Seen)", "NOOP", "SEARCH ALL", "EXPUNGE", "UID FETCH 1:* (BODY.PEEK[])"):
            r = second.cmd(command)
            check(r.status in ("OK", "NO", "BAD", "EOF"), command, r)
            if r.status == "EOF":
                check(any(b"BYE" in u for u in r.untagged), r)
                break
        else:
            check.status(second, "OK", "SELECT INBOX")
        n2 = mailbox(a, [small(1)])
        a.ok(f"SELECT {n2}")
        r = a.cmd(f"DELETE {n2}")
        check(r.status in ("OK", "NO"), r)
        check.status(a, "OK", "SELECT INBOX")
        with Client(p, "carol", select="INBOX") as idler:
            n3 = mailbox(a, [small(1)])
            idler.ok(f"SELECT {n3}")
            idler.send("i IDLE\r\n")
            check(idler.response().startswith(b"+"))
            a.ok(f"DELETE {n3}")
            idler.send("DONE\r\n")
            r = idler.until("i")
            check(r.status in ("OK", "NO", "EOF"), r)


@checks
def test_idle(check):
    p = daemon()
    with Client(p, "carol") as a, Client(p, "carol") as i:
        n = mailbox(a, [small(1), small(2)])
        a.ok(f"SELECT {n}")
        i.ok(f"SELECT {n}")
        i.send("i IDLE\r\n")
        check(i.response().startswith(b"+"))
        a.append(small(3), n)
        check.is_(i.response(), b"* 3 EXISTS")
        a.ok("STORE 1 +FLAGS (\\Flagged)")
        r = i.response()
        if b"RECENT" in r:
            r = i.response()
        check(r.startswith(b"* 1 FETCH (") and b"\\Flagged" in r, r)
        a.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
        r = i.response()
        check(r.startswith(b"* 2 FETCH"), r)
        a.ok("EXPUNGE")
        check.is_(i.response(), b"* 2 EXPUNGE")
        p.send(to=("carol",))  # another mailbox: nothing is told
        i.send("DONE\r\n")
        r = i.until("i")
        check.is_((r.status, r.untagged), ("OK", []))
        i.send("i2 IDLE\r\n")
        check(i.response().startswith(b"+"))
        i.send("done\r\n")
        check.is_(i.until("i2").status, "OK")
        i.send("i3 IDLE\r\n")
        check(i.response().startswith(b"+"))
        i.send("FOO\r\n")
        check.is_(i.until("i3").status, "BAD")
        check.status(i, "OK", "NOOP")
        i.send("i4 IDLE\r\nDONE\r\nx NOOP\r\n")
        check(i.response().startswith(b"+"))
        check.is_(i.until("i4").status, "OK")
        check.is_(i.until("x").status, "OK")
    with Client(p, "carol") as i:  # without a mailbox
        i.send("i IDLE\r\n")
        check(i.response().startswith(b"+"))
        i.send("DONE\r\n")
        check.is_(i.until("i").status, "OK")
    with Client(p, "carol", select="INBOX") as i:
        i.send("i IDLE\r\n")
        check(i.response().startswith(b"+"))
        before = time.monotonic()
        p.send(to=("carol",))
        r = i.response()
        check(b"EXISTS" in r, r)
        check(time.monotonic() - before < 5 * harness.SLOW)


@checks
def test_pipelining(check):
    with Client(daemon(), "carol") as c:
        n = mailbox(c, [small(i) for i in range(1, 4)])
        c.send(f"a SELECT {n}\r\nb FETCH 1:* (UID BODY.PEEK[])\r\nc STORE 1 +FLAGS (\\Seen)\r\nd SEARCH SEEN\r\ne UNSELECT\r\nf STATUS {n} (MESSAGES UNSEEN)\r\n")
        for t in "abcdef":
            r = c.until(t)
            check.is_(r.status, "OK", t)
        check.is_(r.untagged, [f'STATUS "{n}" (MESSAGES 3 UNSEEN 2)'.encode()])
        c.send("".join(f"n{i} NOOP\r\n" for i in range(2000)))
        check(all(c.until(f"n{i}").status == "OK" for i in range(2000)))
        c.send(b"".join(b"p%d APPEND %s {%d+}\r\n%s\r\n" % (i, n.encode(), len(small(i)), small(i)) for i in range(50)))
        check(all(c.until(f"p{i}").status == "OK" for i in range(50)))
        c.ok(f"SELECT {n}")
        check.is_(c.ok("SEARCH ALL").search(), list(range(1, 54)))
        for byte in b"z1 NOOP\r\n":
            c.send(bytes([byte]))
        check.is_(c.until("z1").status, "OK")
        c.send("y1 NOOP\ny2 NOOP\r\n")  # a bare LF: either a line end or an error, never a hang
        r = c.response()
        check(r.startswith((b"y1 ", b"* B")), r)


def test_half_close_gets_all_output():
    """The client's TCP side is shut without a close_notify."""
    p = daemon()
    with Client(p, "carol") as c:
        n = mailbox(c, [b"Subject: big\r\n\r\n" + b"x" * 70 + b"\r\n" + b"0123456789abcdef\r\n" * 60000 for _ in range(6)])
    tcp = socket.create_connection(("127.0.0.1", p.port["imaps"]), timeout=30 * harness.SLOW)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = no_verify().wrap_bio(incoming, outgoing)
    while True:
        try:
            tls.do_handshake()
            tcp.sendall(outgoing.read())
            break
        except ssl.SSLWantReadError:
            tcp.sendall(outgoing.read())
            incoming.write(tcp.recv(65536))
    tls.write(f"a LOGIN carol@example.org {PASSWORD}\r\nb SELECT {n}\r\nc FETCH 1:* (FLAGS BODY.PEEK[])\r\nd LOGOUT\r\n".encode())
    tcp.sendall(outgoing.read())
    tcp.shutdown(socket.SHUT_WR)
    text = b""
    while True:
        data = tcp.recv(1 << 18)
        if not data:
            incoming.write_eof()
        else:
            incoming.write(data)
        try:
            while more := tls.read(1 << 18):
                text += more
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            break
        if not data:
            break
    tcp.close()
    assert text.count(b"0123456789abcdef\r\n") == 360000, (text.count(b"0123456789abcdef\r\n"), text[-300:])
    assert b"\r\nc OK" in text and b"* BYE" in text and text.rstrip().split(b"\r\n")[-1].startswith(b"d OK"), text[-300:]


def test_half_close_without_tls_gets_all_output():
    """What `printf ... | nc -N` does."""
    p = daemon()
    with Client(p, "carol") as c:
        n = mailbox(c, [b"Subject: big\r\n\r\n" + b"0123456789abcdef\r\n" * 60000 for _ in range(4)])
    with socket.create_connection(("127.0.0.1", p.port["imap"]), timeout=30 * harness.SLOW) as s:
        s.sendall(f"a LOGIN carol@example.org {PASSWORD}\r\nb SELECT {n}\r\nc FETCH 1:* (FLAGS BODY.PEEK[])\r\nd LOGOUT\r\n".encode())
        s.shutdown(socket.SHUT_WR)
        text = b""
        while data := s.recv(1 << 18):
            text += data
    assert text.count(b"0123456789abcdef\r\n") == 240000, (text.count(b"0123456789abcdef\r\n"), text[-300:])
    assert b"\r\nc OK" in text and text.rstrip().split(b"\r\n")[-1].startswith(b"d OK"), text[-300:]


@checks
def test_message_that_vanishes_within_its_row(check):
    p = daemon()
    head = b"Subject: wide\r\n" + b"".join(b"X-Filler-%d: %s\r\n" % (i, b"x" * 900) for i in range(220)) + b"\r\n"
    with Client(p, "carol") as c:
        n = mailbox(c, [head + b"body\r\n" for _ in range(6)])
        c.ok(f"SELECT {n}")
        c.send("a FETCH 1:* (" + " ".join(["BODY.PEEK[HEADER]"] * 200) + " UID)\r\nb NOOP\r\n")  # 40 MiB a message: it waits for us in the middle of one
        assert c.raw.socket.recv(1000)[:9] == b"* 1 FETCH"
        with Client(p, "carol", select=n) as other:
            other.ok("STORE 1:4 +FLAGS.SILENT (\\Deleted)")
            other.ok("EXPUNGE")
        data = bytearray()
        while b"\r\nb OK" not in data[-100:]:
            more = c.raw.socket.recv(1 << 20)
            check(more)
            if not more:
                break
            data += more
        check(b"\r\na OK" in data[-4000:] or b"\r\na NO" in data[-4000:], bytes(data[-300:]))
        check.is_(data.count(b" EXPUNGE\r\n"), 4)
        check(b"* 5 FETCH (" in data and b" UID 6)\r\n" in data)
        check.is_([int(v["UID"]) for v in c.fetch("1:*", "UID").values()], [5, 6])


@checks
def test_slow_reader_gets_all(check):
    p = daemon()
    with Client(p, "carol") as c:
        n = mailbox(c, [b"Subject: big\r\n\r\n" + b"0123456789abcdef\r\n" * 20000 for _ in range(30)])
        c.ok(f"SELECT {n}")
        c.send("a FETCH 1:* BODY.PEEK[]\r\nb NOOP\r\n")
        with Client(p, "carol", select=n) as other:  # these vanish while they are being read
            other.ok("STORE 10:30 +FLAGS.SILENT (\\Deleted)")
            other.ok("EXPUNGE")
        r = c.until("a")
        check(r.status in ("OK", "NO"), r.status, r.text)
        got = {k: v for k, v in r.fetched().items() if "BODY[]" in v}
        check(set(got) >= set(range(1, 10)), sorted(got))
        check(all(v["BODY[]"].count(b"0123456789abcdef\r\n") == 20000 for v in got.values()))
        check(not r.numbers("EXPUNGE"), r.numbers("EXPUNGE"))
        r = c.until("b")
        check.is_(r.status, "OK")
        check.is_(len(r.numbers("EXPUNGE")), 21)
        check.is_(len(c.fetch("1:*", "UID")), 9)


@checks
def test_id_enable_and_others(check):
    with Client(daemon(), "carol") as c:
        r = check.status(c, "OK", "ID NIL")
        check(len(r.find("ID ")) == 1, r)
        check.status(c, "OK", 'ID ("name" "x" "version" NIL)')
        check.status(c, "OK", "ID ()")
        r = c.cmd("ID (" + " ".join(f'"f{i}" "v"' for i in range(31)) + ")")
        check(r.status in ("OK", "BAD"), r)
        r = check.status(c, "OK", "ENABLE X-NOTHING")
        check(r.find("ENABLED") == [b"ENABLED"] or not r.find("ENABLED"), r)
        c.send(b"x ID (\"name\" {1048576}\r\n")
        r = c.response()
        check(r.startswith((b"x BAD", b"x NO", b"* BYE")), r)


@checks
def test_messages_vanishing_under_fetch(check):
    """One client fetches all the time while another appends and expunges: the protocol holds."""
    import threading
    p = daemon()
    with Client(p, "carol") as a:
        n = mailbox(a, [small(i) for i in range(1, 200)])
    end = time.monotonic() + 4
    errors = []

    def churn():
        try:
            with Client(p, "carol", select=n) as w:
                i = 0
                while time.monotonic() < end:
                    i += 1
                    w.cmd("STORE 1:5 +FLAGS.SILENT (\\Deleted)")
                    w.ok("EXPUNGE")
                    for k in range(5):
                        w.append(small(i * 5 + k), n)
        except Exception as e:
            errors.append(repr(e))

    threads = [threading.Thread(target=churn) for _ in range(2)]
    for t in threads:
        t.start()
    try:
        with Client(p, "carol", select=n) as r:
            size = len(r.fetch("1:*", "UID"))
            rounds = 0
            while time.monotonic() < end:
                for command in ("FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])", "UID FETCH 1:* (ENVELOPE BODY.PEEK[])", "SEARCH BODY of", "NOOP", "STORE 1:10 +FLAGS (\\Seen)", "FETCH 1:20 (BODY[] BODYSTRUCTURE)"):
                    reply = r.cmd(command)
                    check(reply.status in ("OK", "NO"), command, reply.status, reply.text)
                    if not command.startswith(("UID", "NOOP")):
                        check(not reply.numbers("EXPUNGE"), command)
                    rounds += 1
            check(rounds > 20, rounds)
            del size
    finally:
        for t in threads:
            t.join()
    check.is_(errors, [])


def test_bye_at_shutdown():
    with harness.Instance(users=["alice"], conf="resolver = 127.0.0.1@9") as p:
        idle, plain, fresh = Client(p, "alice", select="INBOX"), Client(p, "alice"), Client(p, login=False)
        idle.send("i IDLE\r\n")
        assert idle.response().startswith(b"+")
        p.stop()
        for c in (idle, plain, fresh):
            r = c.response()
            assert r is not None and r.startswith(b"* BYE"), r
            c.close()


def test_a_suspended_user_is_disconnected():
    with harness.Instance(users=["alice", "bob"], conf="resolver = 127.0.0.1@9") as p:
        c = Client(p, "bob", select="INBOX")
        c.send("i IDLE\r\n")
        assert c.response().startswith(b"+")
        p.cli("user", "suspend", "bob@example.org")
        r = c.response()
        assert r is not None and r.startswith(b"* BYE"), r
        with Client(p, login=False) as d:
            r = d.cmd(f"LOGIN bob@example.org {PASSWORD}")
            assert r.status == "NO", r


def test_there_were_enough_checks():
    enough(200)


if __name__ == "__main__":
    harness.run(globals())
