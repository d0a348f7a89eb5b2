"""SMTP on port 25: real clients, real sockets, hostile peers. After each attack a clean transaction on a new connection works."""
import os
import select
import smtplib
import socket
import struct
import subprocess
import threading
import time

import harness
from harness import FULL, Raw, SLOW, shared, tool, wait_until

MESSAGE = "Subject: test\r\n\r\nhello\r\n"


def daemon():
    return shared(users=["alice", "bob", "carol"])


def connect(helo=True):
    client = Raw(daemon().port["mx"])
    assert client.reply().startswith("220 "), "greeting"
    if helo:
        assert client.ask("EHLO client.example.net\r\n").startswith("250 ")
    return client


def marked(text):
    """How many of bob's messages hold the text."""
    return sum(text.encode() in m for m in daemon().bodies())


def clean_transaction():
    """Somebody else's mail, on a new connection, arrives."""
    mark = f"clean-{time.monotonic_ns()}"
    daemon().send(f"Subject: {mark}\r\n\r\nfine\r\n")
    wait_until(lambda: marked(mark) == 1, 10, "a clean transaction")


def envelope(client, to="bob@example.org", sender="me@example.net"):
    assert client.ask(f"MAIL FROM:<{sender}>\r\n").startswith("250 2.1.0")
    reply = client.ask(f"RCPT TO:<{to}>\r\n")
    assert reply.startswith("250 2.1.5"), reply


def begin_data(client):
    envelope(client)
    assert client.ask("DATA\r\n").startswith("354 ")


def swaks(*words):
    p = daemon()
    done = subprocess.run([tool("swaks"), "--server", f"127.0.0.1:{p.port['mx']}", "--from", "me@example.net", "--helo", "client.example.net", *words], capture_output=True, text=True,
                          timeout=60 * SLOW)
    return done.returncode, done.stdout + done.stderr


# ---- real clients ----

def test_swaks_delivers_in_the_clear():
    status, said = swaks("--to", "bob@example.org", "--header", "Subject: swaks-plain", "--body", "one")
    assert status == 0 and "queued as" in said, said
    wait_until(lambda: marked("swaks-plain") == 1)


def test_swaks_delivers_with_starttls():
    status, said = swaks("--to", "bob@example.org", "--header", "Subject: swaks-tls", "--body", "two", "-tls")
    assert status == 0 and "TLSv1.3" in said, said
    wait_until(lambda: marked("swaks-tls") == 1)
    kept = [m for m in daemon().bodies() if b"swaks-tls" in m][0]
    assert b"with ESMTPS" in kept, kept


def test_old_tls_is_refused():
    status, said = swaks("--to", "bob@example.org", "-tls", "--tls-protocol", "tlsv1_1")
    assert status != 0 and "queued as" not in said, said
    clean_transaction()


def test_smtplib_delivers_identical_bytes():
    body = "".join(f"line {i} {'x' * (i % 70)}\r\n" for i in range(2000)) + "..dots\r\n.\u00e4\r\n"
    message = f"Subject: identical\r\nFrom: me@example.net\r\n\r\n{body}".encode()
    with daemon().smtp() as s:
        s.sendmail("me@example.net", ["bob@example.org", "carol@example.org"], message, mail_options=["BODY=8BITMIME"])
    for user in ("bob", "carol"):
        kept = wait_until(lambda: [m for m in daemon().bodies(user) if b"Subject: identical" in m])
        assert len(kept) == 1 and kept[0].endswith(message), "the bytes differ"
        assert kept[0].startswith(b"Return-Path: <me@example.net>\r\n"), kept[0][:100]


def test_helo_delivers_too():
    with connect(helo=False) as c:
        assert c.ask("HELO client.example.net\r\n").startswith("250 mail.example.org")
        begin_data(c)
        assert c.ask("Subject: by-helo\r\n\r\nx\r\n.\r\n").startswith("250 2.0.0")
    wait_until(lambda: marked("by-helo") == 1)
    assert b"with SMTP\r\n" in [m for m in daemon().bodies() if b"by-helo" in m][0]


def test_ehlo_offers_what_is_there():
    with connect(helo=False) as c:
        c.send("EHLO client.example.net\r\n")
        lines = []
        while not lines or lines[-1][3] == "-":
            lines.append(c.line())
    offered = {line[4:].split()[0] for line in lines[1:]}
    assert offered == {"PIPELINING", "SIZE", "8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8", "DSN", "LIMITS", "STARTTLS", "ENHANCEDSTATUSCODES"}, offered


def test_bdat_delivers_chunks():
    first, second = b"Subject: chunks\r\n\r\n.\r\nQUIT\r\n", os.urandom(40000).hex().encode()
    second = b"\r\n".join(second[i:i + 70] for i in range(0, len(second), 70)) + b"\r\n"
    with connect() as c:
        envelope(c)
        c.send(b"BDAT %d\r\n%sBDAT %d LAST\r\n%s" % (len(first), first, len(second), second))
        assert c.reply().startswith("250 2.0.0")
        assert c.reply().startswith("250 2.0.0 Ok: queued as")
    kept = wait_until(lambda: [m for m in daemon().bodies() if b"Subject: chunks" in m])
    assert kept[0].endswith(first + second)


def test_whole_session_in_one_write():
    with connect(helo=False) as c:
        c.send("EHLO client.example.net\r\nMAIL FROM:<me@example.net>\r\nRCPT TO:<bob@example.org>\r\nRCPT TO:<nobody@example.org>\r\nDATA\r\n"
               "Subject: pipelined\r\n\r\nx\r\n.\r\nMAIL FROM:<me@example.net>\r\nRCPT TO:<carol@example.org>\r\nRSET\r\nQUIT\r\n")
        replies = [c.reply() for _ in range(10)]
        assert c.line() is None
    assert [r[:3] for r in replies] == ["250", "250", "250", "550", "354", "250", "250", "250", "250", "221"], replies
    wait_until(lambda: marked("pipelined") == 1)


def test_smtputf8_addresses_and_headers_pass():
    with connect() as c:
        assert c.ask("MAIL FROM:<\u00e4@b\u00fccher.example> SMTPUTF8 BODY=8BITMIME\r\n").startswith("250 2.1.0")
        assert c.ask("RCPT TO:<bob@example.org>\r\n").startswith("250 2.1.5")
        assert c.ask("DATA\r\n").startswith("354")
        assert c.ask("Subject: gr\u00fc\u00dfe\r\n\r\n\u20ac\r\n.\r\n").startswith("250 2.0.0")
    kept = wait_until(lambda: [m for m in daemon().bodies() if "gr\u00fc\u00dfe".encode() in m])
    assert "Return-Path: <\u00e4@xn--bcher-kva.example>".encode() in kept[0] and b"with UTF8SMTP" in kept[0], kept[0]


# ---- recipients ----

def test_recipients_are_judged():
    p = daemon()
    p.cli("user", "add", "gone@example.org", "--password-stdin", input=harness.PASSWORD + "\n")
    p.cli("user", "suspend", "gone@example.org")
    p.cli("alias", "add", "sales@example.org", "bob@example.org", "carol@example.org")
    p.cli("domain", "add", "example.com")
    p.cli("alias", "add", "@example.com", "bob@example.org")
    expected = {
        "bob@example.org": "250 2.1.5", "BOB@EXAMPLE.ORG": "250 2.1.5", "bob+shop@example.org": "250 2.1.5", "nobody@example.org": "550 5.1.1",
        "me@example.net": "550 5.7.1", "gone@example.org": "550 5.2.1", "sales@example.org": "250 2.1.5", "whoever@example.com": "250 2.1.5",
        "postmaster@example.org": "250 2.1.5", "abuse@example.com": "250 2.1.5", "postmaster": "250 2.1.5", "Postmaster@example.com": "250 2.1.5",
    }
    with connect() as c:
        assert c.ask("MAIL FROM:<>\r\n").startswith("250")
        for address, reply in expected.items():
            got = c.ask(f"RCPT TO:<{address}>\r\n")
            assert got.startswith(reply), f"{address}: {got}"


def test_alias_subaddress_and_catch_all_reach_their_mailboxes():
    p = daemon()
    for address, readers in {"sales@example.org": ("bob", "carol"), "bob+shop@example.org": ("bob",), "unheard-of@example.com": ("bob",), "postmaster@example.org": ("alice",), "abuse@example.com": ("alice",)}.items():
        mark = f"to-{address.replace('@', '-at-')}"
        p.send(f"Subject: {mark}\r\n\r\nx\r\n", to=(address,))
        for reader in readers:
            wait_until(lambda: sum(f"Subject: {mark}\r".encode() in m for m in p.bodies(reader)) == 1, 10, f"{mark} at {reader}")


def test_one_copy_for_a_mailbox_named_twice():
    daemon().send("Subject: named-twice\r\n\r\nx\r\n", to=("bob", "BOB", "bob+a", "sales"))
    wait_until(lambda: marked("named-twice") >= 1)
    with connect():  # the queue is empty when all is filed
        wait_until(lambda: not daemon().cli("queue", "ls", "-o", "json")["data"])
    assert marked("named-twice") == 1, marked("named-twice")


def test_recipient_forms_of_the_attack_list():
    expected = {
        b"<a@b@example.org>": "501", b"<@x.example:bob@example.org>": "250 2.1.5", b"<a%b@example.org>": "550 5.1.1", b'<"a@b"@example.org>': "550 5.1.1",
        b'<"a b\\"c"@example.org>': "550 5.1.1", b"<a!b@example.org>": "550 5.1.1", b"<a@[127.0.0.1]>": "550 5.7.1", b"<a@[IPv6:::1]>": "550 5.7.1", b"<>": "501",
    }
    more = {b"<postmaster>": "250 2.1.5", b"|/bin/sh": "501", b"../../x@example.org": "501", b"<../../x@example.org>": "501", b"<bo\x00b@example.org>": "501", b"<b\xc3\xb6b@example.org>": "501",
            b"bob@example.org": "501", b"<bob@example.org": "501", b'<"bob"@example.org>': "250 2.1.5"}
    for forms in (expected, more):  # ten faults end a session
        with connect() as c:
            assert c.ask("MAIL FROM:<me@example.net>\r\n").startswith("250")
            for form, reply in forms.items():
                got = c.ask(b"RCPT TO:" + form + b"\r\n")
                assert got.startswith(reply), f"{form}: {got}"
    clean_transaction()


# ---- what a message may be ----

def test_message_after_too_many_hops_is_a_loop():
    for hops, reply in ((50, "250 2.0.0"), (51, "554 5.4.6"), (100000, "55")):
        with connect() as c:
            begin_data(c)
            got = c.ask(b"Received: from a by b; x\r\n" * hops + b"Subject: hops-%d\r\n\r\nx\r\n.\r\n" % hops)
            assert got.startswith(reply), f"{hops}: {got}"
    wait_until(lambda: marked("hops-50") == 1)
    assert marked("hops-51") == 0


ENDS = [b"\n.\n", b"\n.\r", b"\r.\n", b"\r.\r", b"\n.\r\n", b"\r.\r\n", b"\r\n\x00.\r\n", b"\r\n.\r\r\n", b"\r\r\n.\r\r\n"]
SMUGGLED = b"MAIL FROM:<smuggler@example.net>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\nQUIT\r\n"


def test_only_crlf_dot_crlf_ends_data():
    for end in ENDS:
        with connect() as c:
            begin_data(c)
            c.send(b"Subject: false-end\r\n\r\nx" + end + SMUGGLED)
            said = c.rest()
            assert len(said) == 1 and said[0].startswith("550 5.6.0"), f"{end}: {said}"
    clean_transaction()
    assert marked("smuggled") == 0 and marked("false-end") == 0


def test_bare_cr_and_lf_end_a_bdat_session():
    for end in ENDS:
        if end == b"\r\n.\r\n":
            continue
        with connect() as c:
            envelope(c)
            content = b"Subject: false-chunk\r\n\r\nx" + end + SMUGGLED
            c.send(b"BDAT %d LAST\r\n%s" % (len(content), content))
            said = c.rest()
            assert len(said) == 1 and said[0].startswith("550 5.6.0"), f"{end}: {said}"
    clean_transaction()
    assert marked("smuggled") == 0 and marked("false-chunk") == 0


def test_size_is_announced_and_kept():
    limit = 50 * 1024 * 1024
    for size, reply in ((limit, "250 2.1.0"), (limit + 1, "552 5.3.4"), ("99999999999999999999", "552 5.3.4"), ("-1", "501"), ("", "501"), ("1x", "501")):
        with connect() as c:
            got = c.ask(f"MAIL FROM:<me@example.net> SIZE={size}\r\n")
            assert got.startswith(reply), f"{size}: {got}"
    clean_transaction()


def test_message_over_the_limit_is_refused_and_the_session_goes_on():
    block = b"x" * 998 + b"\r\n"
    with connect() as c:
        begin_data(c)
        c.send(b"Subject: too-large\r\n\r\n")
        for _ in range(53):
            c.send(block * 1049)
        assert c.ask(".\r\n").startswith("552 5.3.4")
        begin_data(c)
        assert c.ask("Subject: next-one\r\n\r\nx\r\n.\r\n").startswith("250 2.0.0")
    wait_until(lambda: marked("next-one") == 1)
    assert not os.listdir(f"{daemon().dir}/data/queue"), os.listdir(f"{daemon().dir}/data/queue")


def test_large_message_arrives_whole():
    message = b"Subject: ten-megabytes\r\n\r\n" + b"".join(b"%07d %s\r\n" % (i, b"y" * 90) for i in range(100000))
    daemon().send(message, to=("carol",))
    kept = wait_until(lambda: [m for m in daemon().bodies("carol") if b"ten-megabytes" in m[:500]], 20)
    assert len(kept) == 1 and kept[0].endswith(message)


def test_long_body_line_passes():
    message = f"Subject: long-line\r\n\r\n{'z' * 1001}\r\n{'w' * 100000}\r\n"
    with connect() as c:
        begin_data(c)
        assert c.ask(message + ".\r\n").startswith("250 2.0.0")
    kept = wait_until(lambda: [m for m in daemon().bodies() if b"Subject: long-line" in m])
    assert kept[0].endswith(message.encode())


def test_strange_headers_are_kept_or_refused_but_never_hurt():
    headers = {
        "many-addresses": b"To: " + b",\r\n ".join(b"a%d@example.net" % i for i in range(100000)) + b"\r\n",
        "huge-header": b"X-Huge: " + b"h" * (20 * 1024 * 1024) + b"\r\n",
        "no-from": b"X: y\r\n", "two-froms": b"From: a@example.net\r\nFrom: b@example.net\r\n", "group-from": b"From: undisclosed:;\r\n",
        "spaces": b" \r\n\t\r\n  \r\n", "bcc": b"Bcc: secret@example.net\r\n",
    }
    for name, header in headers.items():
        with connect() as c:
            begin_data(c)
            got = c.ask(b"Subject: strange-" + name.encode() + b"\r\n" + header + b"\r\nx\r\n.\r\n")
            assert got[:3] in ("250", "550", "552"), f"{name}: {got}"
            if got.startswith("250"):
                wait_until(lambda: marked(f"strange-{name}") == 1, 10, name)
            if name not in ("many-addresses", "huge-header", "spaces"):
                assert got.startswith("250"), f"{name}: {got}"
    clean_transaction()


# ---- limits of commands ----

def test_long_commands_are_refused():
    with connect() as c:
        assert c.ask("NOOP " + "x" * 506 + "\r\n").startswith("250")
        assert c.ask("NOOP " + "x" * 2000 + "\r\n").startswith("500")
        assert c.ask("NOOP\r\n").startswith("250")
        assert c.ask("NOOP\n").startswith("500")
    clean_transaction()


def test_line_without_end_is_cut_off():
    with connect() as c:
        try:
            for _ in range(80):
                c.send(b"x" * 1024)
        except OSError:
            pass
        said = c.rest()
        assert said and said[-1].startswith("421"), said
    clean_transaction()


def test_endless_recipients_are_limited():
    count = 1000000 if FULL else 30000
    p = daemon()
    accepted = limited = 0
    with connect() as c:
        assert c.ask("MAIL FROM:<me@example.net>\r\n").startswith("250")
        for _ in range(count // 1000):
            try:
                c.send(b"RCPT TO:<bob@example.org>\r\n" * 1000)
                replies = [c.line() for _ in range(1000)]
            except OSError:
                break
            accepted += sum(bool(r) and r.startswith("250") for r in replies)
            limited += sum(bool(r) and r.startswith("452") for r in replies)
            if replies[-1] is None:
                break
    assert 100 <= accepted <= 1000 and limited > 0, (accepted, limited)
    assert p.process.poll() is None
    clean_transaction()


def test_endless_small_talk_ends():
    for word in ("NOOP", "RSET", "VRFY bob", "HELP", "EHLO a.example"):
        with connect() as c:
            replies = 0
            try:
                while replies < 5000:
                    c.send(f"{word}\r\n" * 100)
                    got = [c.reply() for _ in range(100)]
                    replies += 100
                    if None in got:
                        break
            except OSError:
                pass
            assert replies < 5000, word
    clean_transaction()


def test_unknown_commands_end_a_session():
    with connect() as c:
        c.send("ETRN '; DROP TABLE x; --\r\nFOO\r\nGET / HTTP/1.1\r\n" * 10)
        said = c.rest()
        assert said[0].startswith("502") and said[1].startswith("500") and said[-1].startswith("421 4.7.0"), said
        assert len(said) <= 11
    clean_transaction()


def test_bdat_edges():
    with connect() as c:
        envelope(c)
        assert c.ask("BDAT 4294967296\r\n").startswith("552 5.3.4")
    with connect() as c:
        envelope(c)
        assert c.ask("BDAT 5\r\nabc\r\n").startswith("250")
        got = c.ask("DATA\r\n")
        assert got.startswith("503"), got
        assert c.ask("RSET\r\n").startswith("250")
        envelope(c)
        assert c.ask("BDAT 99999999999999999999 LAST\r\n")[:1] == "5"
    with connect() as c:  # LAST never comes
        envelope(c)
        assert c.ask("BDAT 28\r\nSubject: never-last\r\n\r\nabc\r\n").startswith("250")
    clean_transaction()
    assert marked("never-last") == 0


# ---- TLS ----

def test_starttls_forgets_what_was_said_before():
    with connect() as c:
        assert c.ask("MAIL FROM:<me@example.net>\r\n").startswith("250")
        assert c.ask("STARTTLS\r\n").startswith("503"), "in a transaction"
        assert c.ask("RSET\r\n").startswith("250")
        assert c.ask("STARTTLS\r\n").startswith("220")
        c.start_tls()
        assert c.ask("MAIL FROM:<me@example.net>\r\n").startswith("503"), "EHLO is to be said again"
        assert c.ask("EHLO client.example.net\r\n").startswith("250")
        assert c.ask("STARTTLS\r\n").startswith("503")
    clean_transaction()


def test_commands_injected_before_tls_are_dropped():
    for injected in ("EHLO injected.example\r\nMAIL FROM:<injected@example.net>\r\nRCPT TO:<bob@example.org>\r\n", "RCPT TO:<bob@example.org>\r\n", "AUTH PLAIN AGEAYg==\r\n"):
        with connect() as c:
            c.send("STARTTLS\r\n" + injected)
            assert c.line().startswith("220")
            try:
                c.start_tls()
            except (OSError, AssertionError):
                continue  # the handshake may fail: the bytes were no TLS
            assert c.ask("DATA\r\n").startswith("503"), "nothing injected is remembered"
            assert c.ask("NOOP\r\n").startswith("250")
    clean_transaction()


def test_garbage_instead_of_a_handshake():
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\x00" * 70000, os.urandom(5000)):
        with connect() as c:
            assert c.ask("STARTTLS\r\n").startswith("220")
            try:
                c.send(garbage)
                while c.socket.recv(65536):
                    pass
            except OSError:
                pass
    clean_transaction()


# ---- connections ----

def test_half_closed_after_the_dot_is_kept_once():
    with connect() as c:
        begin_data(c)
        c.send("Subject: half-closed\r\n\r\nx\r\n.\r\n")
        c.socket.shutdown(socket.SHUT_WR)
        said = c.rest()
        assert said and said[0].startswith("250 2.0.0 Ok: queued as"), said
    wait_until(lambda: marked("half-closed") == 1)
    clean_transaction()
    assert marked("half-closed") == 1


def test_unread_acknowledgement_is_kept_once():
    with connect() as c:
        begin_data(c)
        c.send("Subject: unread-250\r\n\r\nx\r\n.\r\n")
        assert select.select([c.socket], [], [], 20 * SLOW)[0], "the answer is there"
        c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: marked("unread-250") == 1)
    clean_transaction()
    assert marked("unread-250") == 1


def test_disconnect_inside_data_leaves_nothing():
    p = daemon()
    for size in (100, 3000000):
        for reset in (False, True):
            with connect() as c:
                begin_data(c)
                c.send(b"Subject: cut-off\r\n\r\n" + b"0123456789abcde\r\n" * (size // 17))
                if reset:
                    c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: not os.listdir(f"{p.dir}/data/queue"), 10, "no body is left")
    clean_transaction()
    assert marked("cut-off") == 0
    assert not p.cli("queue", "ls", "-o", "json")["data"]


def test_slow_peers_stop_nobody():
    """One byte at a time: in a command, in DATA, in a handshake. Others are served meanwhile."""
    slow = []
    for i in range(30):
        c = connect(helo=i % 3 != 0)
        if i % 3 == 1:
            begin_data(c)
        if i % 3 == 2:
            assert c.ask("STARTTLS\r\n").startswith("220")
        slow.append(c)
    over = threading.Event()

    def drip():
        for n in range(10000):
            for i, c in enumerate(slow):
                c.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03"[n % 10:n % 10 + 1] if i % 3 == 2 and n < 10 else b"x" if i % 3 != 2 else b"")
            if over.wait(0.05):
                return

    dripping = threading.Thread(target=drip)
    dripping.start()
    try:
        began = time.monotonic()
        for _ in range(10):
            clean_transaction()
        assert time.monotonic() - began < 20 * SLOW
    finally:
        over.set()
        dripping.join()
        for c in slow:
            c.close()
    clean_transaction()


def test_a_thousand_idle_connections_stop_nobody():
    idle = [Raw(daemon().port["mx"]) for _ in range(1100)]
    try:
        for c in idle:
            assert c.line().startswith("220 ")
        clean_transaction()
    finally:
        for c in idle:
            c.close()
    clean_transaction()


def test_connections_over_the_limit_are_told():
    held = []
    try:
        for _ in range(2100):
            held.append(Raw(daemon().port["mx"]))
        said = [c.line() for c in held]
        assert sum(line.startswith("220 ") for line in said) == 2000, sum(line.startswith("220 ") for line in said)
        assert all(line.startswith("421 ") for line in said if not line.startswith("220 "))
        assert daemon().count() > 0, "IMAP has its own room"
    finally:
        for c in held:
            c.close()
    wait_until(lambda: greeting(daemon()).startswith("220 "), 10, "there is room again")
    clean_transaction()


def test_more_connections_than_one_address_may_have_are_told():
    with harness.Instance(users=["alice"], services=("mx",), trusted=False) as p:
        held = []
        refused = None
        for _ in range(60):
            c = Raw(p.port["mx"])
            line = c.line()
            held.append(c)
            if not line.startswith("220"):
                refused = line
                break
        assert refused and refused.startswith("421"), refused
        assert len(held) == 51, len(held)
        for c in held:
            c.close()
        wait_until(lambda: p.cli("status", "-o", "json") and greeting(p).startswith("220"), 10, "there is room again")


def greeting(p):
    with Raw(p.port["mx"]) as c:
        return c.line() or ""


def test_fifty_clients_at_once_lose_nothing():
    p = daemon()
    p.cli("user", "add", "busy@example.org", "--password-stdin", input=harness.PASSWORD + "\n")
    failures = []

    def work(n):
        try:
            with p.smtp() as s:
                for i in range(10):
                    s.sendmail("me@example.net", ["busy@example.org"], f"Subject: n{n}-{i}\r\n\r\nx\r\n")
        except (OSError, smtplib.SMTPException) as e:
            failures.append(e)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(50)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures, failures
    p.wait_count(500, "busy", seconds=30)
    subjects = sorted(line for m in p.bodies("busy") for line in m.split(b"\r\n") if line.startswith(b"Subject:"))
    assert subjects == sorted(b"Subject: n%d-%d" % (n, i) for n in range(50) for i in range(10))


def test_nothing_of_this_was_a_bug():
    assert daemon().cli("status", "-o", "json")["counters"]["bugs"] == 0


harness.run(globals())
