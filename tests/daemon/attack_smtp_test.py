"""ATTACKS groups 1 to 6 beyond what smtp_test and submission_test send: smuggling in every way content can come, injection before TLS on every port,
limits that are far from the usual, slow and silent clients by the thousand. After each attack a clean transaction on a new connection works."""
import base64
import contextlib
import resource
import socket
import threading
import time

import harness
from harness import PASSWORD, Raw, SLOW, shared, wait_until

ENDS = [b"\n.\n", b"\n.\r", b"\r.\n", b"\r.\r", b"\n.\r\n", b"\r.\r\n", b"\r\n\x00.\r\n", b"\r\n.\r\r\n", b"\r\r\n.\r\r\n"]
SMUGGLED = b"MAIL FROM:<smuggler@example.net>\r\nRCPT TO:<carol@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\nBDAT 12 LAST\r\nSubject: s\r\n\r\nQUIT\r\n"


def daemon():
    return shared(users=["alice", "bob", "carol"], conf="resolver = 127.0.0.1@9", services=harness.MAIL_SERVICES + ("lmtp",))


def connect(service="mx", hello="EHLO client.example.net"):
    c = Raw(daemon().port[service])
    assert c.reply().startswith("220 "), "greeting"
    assert c.ask(hello + "\r\n").startswith("250 ")
    return c


def envelope(c, options=""):
    assert c.ask(f"MAIL FROM:<me@example.net>{options}\r\n").startswith("250")
    assert c.ask("RCPT TO:<bob@example.org>\r\n").startswith("250")


def marked(text, user="bob"):
    return sum(text.encode() in m for m in daemon().bodies(user))


def clean_transaction():
    mark = f"clean-{time.monotonic_ns()}"
    daemon().send(f"Subject: {mark}\r\n\r\nfine\r\n")
    wait_until(lambda: marked(mark) == 1, 10, "a clean transaction")


def rest(c):
    """What is said until the end, which a reset may be."""
    with contextlib.suppress(OSError):
        return c.rest()
    return []


# ---- 1: ends of data ----

def test_false_ends_over_lmtp_end_nothing():
    for end in ENDS:
        with connect("lmtp", "LHLO front.example.net") as c:
            envelope(c)
            assert c.ask("DATA\r\n").startswith("354")
            c.send(b"Subject: false-end\r\n\r\nx" + end + SMUGGLED)
            said = rest(c)
            assert len(said) == 1 and said[0].startswith("550 5.6.0"), f"{end}: {said}"
    clean_transaction()
    assert marked("smuggled", "carol") == 0 and marked("false-end") == 0


def test_false_ends_in_every_cut_end_nothing():
    """The scanner's state goes over reads: the same bytes, one a write around the false end."""
    for end in ENDS:
        with connect() as c:
            envelope(c)
            assert c.ask("DATA\r\n").startswith("354")
            c.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            c.send(b"Subject: false-end\r\n\r\nx")
            with contextlib.suppress(OSError):
                for byte in end:
                    c.send(bytes([byte]))
                    time.sleep(0.002)
                c.send(SMUGGLED)
            said = rest(c)
            assert len(said) <= 1 and all(line.startswith("550 5.6.0") for line in said), f"{end}: {said}"
    clean_transaction()
    assert marked("smuggled", "carol") == 0 and marked("false-end") == 0


def test_false_ends_in_binary_chunks_are_content():
    for n, end in enumerate(ENDS):
        content = b"Subject: binary-%d\r\n\r\nx" % n + end + SMUGGLED
        with connect() as c:
            envelope(c, " BODY=BINARYMIME")
            assert c.ask(b"BDAT %d LAST\r\n%s" % (len(content), content)).startswith("250 2.0.0"), end
            assert c.ask("NOOP\r\n").startswith("250")
        kept = wait_until(lambda: [m for m in daemon().bodies(item="BINARY.PEEK[]") if b"Subject: binary-%d\r\n" % n in m], 10, f"binary-{n}")
        assert kept[0].endswith(content), f"{end}: {kept[0][-200:]}"
    assert marked("smuggled", "carol") == 0


def test_octets_of_a_refused_chunk_are_never_commands():
    smuggled = b"RSET\r\nMAIL FROM:<smuggler@example.net>\r\nRCPT TO:<carol@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n"
    for before in ("", "MAIL FROM:<me@example.net>\r\n"):
        with connect() as c:
            if before:
                assert c.ask(before).startswith("250")
            got = c.ask(b"BDAT %d LAST\r\n%s" % (len(smuggled), smuggled))
            assert got[:3] in ("503", "554"), got
            assert c.ask("NOOP\r\n").startswith("250"), "one answer for one chunk"
    clean_transaction()
    assert marked("smuggled", "carol") == 0


# ---- 2: before TLS ----

def test_what_is_injected_before_tls_is_forgotten_on_every_port():
    for service, injected in (("mx", "RCPT TO:<bob@example.org>\r\n"), ("submission", "AUTH PLAIN AGFsaWNlAHg=\r\n"), ("submission", "MAIL FROM:<bob@example.org>\r\n"), ("lmtp", "LHLO evil\r\nMAIL FROM:<evil@example.net>\r\n")):
        with connect(service, "LHLO front.example.net" if service == "lmtp" else "EHLO client.example.net") as c:
            c.send("STARTTLS\r\n" + injected)
            assert c.reply().startswith("220 2.0.0")
            c.start_tls()
            assert c.ask("NOOP\r\n").startswith("250 2.0.0"), f"{service}: {injected}"
            assert c.ask("RCPT TO:<bob@example.org>\r\n")[:3] in ("503", "530"), f"{service}: nothing was begun"
    clean_transaction()


def test_no_password_is_taken_before_tls():
    with connect("submission") as c:
        for line in ("AUTH PLAIN AGFsaWNlAHg=", "AUTH LOGIN", "AUTH SCRAM-SHA-256 biws"):
            assert c.ask(line + "\r\n").startswith("530 5.7.0"), line
        assert c.ask("MAIL FROM:<bob@example.org>\r\n").startswith("530 5.7.0")
    clean_transaction()


# ---- 3: recipients ----

def test_recipients_that_are_commands_or_paths_reach_nobody():
    forms = [b"<bob@example.org>\x00", b"<bob\r@example.org>", b"<bob@example.org> ORCPT=rfc822;\x01", b"<" + b"a" * 65 + b"@example.org>", b"<bob@" + b"x." * 130 + b"org>",
             b"<bob@example.org>,<carol@example.org>", b"<@a.example,:bob@example.org>", b"<@:bob@example.org>"]
    for form in forms:
        with connect() as c:
            assert c.ask("MAIL FROM:<me@example.net>\r\n").startswith("250")
            got = c.ask(b"RCPT TO:" + form + b"\r\n")
            assert got[:1] == "5", f"{form}: {got}"
            assert c.ask("DATA\r\n")[:3] in ("503", "554"), form
    clean_transaction()


# ---- 4: limits ----

def pour(c, blocks):
    """Sends without waiting while somebody else reads; how much was taken from us."""
    sent = []

    def run():
        with contextlib.suppress(OSError):
            for block in blocks:
                c.send(block)
                sent.append(1)

    thread = threading.Thread(target=run)
    thread.start()
    said = rest(c)
    c.socket.close()
    thread.join()
    return said, len(sent)


def test_a_million_recipients_are_bounded_quickly():
    began = time.monotonic()
    with connect() as c:
        assert c.ask("MAIL FROM:<me@example.net>\r\n").startswith("250")
        said, sent = pour(c, (b"RCPT TO:<bob@example.org>\r\n" * 1000 for _ in range(1000)))
    took = time.monotonic() - began
    taken = sum(line.startswith("250 2.1.5") for line in said)
    assert taken == 1000, f"{taken} of {len(said)} answers"
    assert said[1000].startswith("452 4.5.3") and len(said) <= 12000, f"{len(said)} answers, the last: {said[-1]}"  # a reset may overtake the last ones
    assert sent < 1000 and took < 20 * SLOW, f"{sent} thousand, {took} s"
    clean_transaction()


def test_a_million_unknown_recipients_are_bounded_too():
    with connect() as c:
        assert c.ask("MAIL FROM:<me@example.net>\r\n").startswith("250")
        said, sent = pour(c, (b"".join(b"RCPT TO:<u%d@example.org>\r\n" % i for i in range(n, n + 1000)) for n in range(0, 1000000, 1000)))
    assert 0 < len(said) < 2000 and sent < 1000, f"{len(said)} answers, {sent} thousand"
    assert all(line.startswith(("550 5.1.1", "421 4.7.0")) for line in said), said[-2:]
    clean_transaction()


def test_sizes_that_are_none():
    for size, reply in (("99999999999999999999", "5"), ("-1", "501"), ("+5", "501"), ("0x10", "501"), ("", "501"), ("52428801", "552"), ("18446744073709551615", "552"), ("18446744073709551616", "5")):
        with connect() as c:
            assert c.ask(f"MAIL FROM:<me@example.net> SIZE={size}\r\n").startswith(reply), size
    clean_transaction()


def test_chunks_that_no_message_can_have():
    for size in ("4294967296", "18446744073709551615", "99999999999999999999", "-1", "0x10", ""):
        with connect() as c:
            envelope(c)
            c.send(f"BDAT {size} LAST\r\nNOOP\r\n")
            said = rest(c)
            assert len(said) == 1 and said[0][:3] in ("501", "552"), f"{size}: {said}"
    with connect() as c:
        envelope(c)
        assert c.ask("BDAT 14\r\nSubject: no\r\n\r").startswith("250 2.0.0")
        assert c.ask("DATA\r\n").startswith("503 5.5.1"), "a chunk and DATA are not one message"
        assert c.ask("RSET\r\n").startswith("250")
        envelope(c)
        assert c.ask("BDAT 0 LAST\r\n").startswith("250 2.0.0"), "an empty message"
    clean_transaction()


# ---- 5: slow and silent clients ----

def test_silent_and_dripping_clients_are_told_when_their_time_is_over():
    p = daemon()
    p.cli("setting", "set", "smtp_idle_seconds", "10")
    try:
        began = time.monotonic()
        silent, dripping, in_data = connect(), connect(), connect()
        envelope(in_data)
        assert in_data.ask("DATA\r\n").startswith("354")
        ended = {}
        clients = {"silent": silent, "dripping": dripping, "in_data": in_data}
        for c in clients.values():
            c.socket.settimeout(0.05)
        while len(ended) < 3 and time.monotonic() - began < 60 * SLOW:
            for name, c in clients.items():
                if name in ended:
                    continue
                with contextlib.suppress(OSError):
                    c.socket.sendall(b"" if name == "silent" else b"x")
                try:
                    said = c.socket.recv(1000)
                    ended[name] = (said, time.monotonic() - began)
                except TimeoutError:
                    pass
                except OSError:
                    ended[name] = (b"", time.monotonic() - began)
            time.sleep(0.3)
        assert set(ended) >= {"silent", "dripping"}, ended
        for name in ("silent", "dripping"):
            said, took = ended[name]
            assert said.startswith(b"421 4.4.2") and 9 < took < 30 * SLOW, f"{name}: {ended[name]}"
        for c in clients.values():
            c.close()
    finally:
        p.cli("setting", "reset", "smtp_idle_seconds")
    clean_transaction()


def test_idle_connections_as_many_as_descriptors_allow_stop_nobody():
    """5,000 where the limit of descriptors allows it: ours and the daemon's."""
    wanted = min(5000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 500)
    with harness.Instance(users=["alice"], services=("mx", "imaps"), start=False) as p:
        p.setup("alice")
        p.start()
        p.cli("setting", "set", "smtp_connections_max", "6000")
        p.stop()
        p.start()
        idle = []
        try:
            for _ in range(wanted):
                idle.append(Raw(p.port["mx"]))
            assert all(c.line().startswith("220 ") for c in idle)
            print(f"# {len(idle)} connections idle")
            began = time.monotonic()
            p.send("Subject: among-thousands\r\n\r\nx\r\n", to=("alice",))
            p.wait_count(1, "alice")
            assert time.monotonic() - began < 5 * SLOW
        finally:
            for c in idle:
                c.close()
        p.send("Subject: afterwards\r\n\r\nx\r\n", to=("alice",))
        p.wait_count(2, "alice")


def test_half_closed_after_the_last_chunk_is_kept_once():
    content = b"Subject: half-closed-chunk\r\n\r\nx\r\n"
    with connect() as c:
        envelope(c)
        c.send(b"BDAT %d LAST\r\n%s" % (len(content), content))
        c.socket.shutdown(socket.SHUT_WR)
        said = rest(c)
    assert said and said[0].startswith("250 2.0.0"), said
    wait_until(lambda: marked("half-closed-chunk") == 1)
    clean_transaction()
    assert marked("half-closed-chunk") == 1


# ---- 6: authentication ----

def auth_session():
    c = Raw(daemon().port["submissions"], tls=True)
    assert c.reply().startswith("220 ")
    assert c.ask("EHLO laptop.example\r\n").startswith("250 ")
    return c


def b64(raw):
    return base64.b64encode(raw).decode()


def test_malformed_responses_hurt_only_their_session():
    """The class of CVE-2025-59028: after a response that cannot be decoded, others log in."""
    steady = auth_session()
    for line in ("AUTH PLAIN =", "AUTH PLAIN ====", "AUTH PLAIN A", "AUTH PLAIN AA=A", "AUTH PLAIN \x00", f"AUTH PLAIN {b64(b'no separators')}", f"AUTH PLAIN {b64(bytes(3))}",
                 f"AUTH PLAIN {b64(b'x' + bytes(1) + b'y')}", f"AUTH LOGIN {b64(b'b' * 5000)}", "AUTH SCRAM-SHA-256 =", f"AUTH SCRAM-SHA-256 {b64(b'n,,n=,r=')}", "AUTH", "AUTH  ", "AUTH PLAIN A B"):
        with auth_session() as c:
            got = c.ask(line + "\r\n")
            if got.startswith("334"):
                got = c.ask("!!\r\n")
            assert got[:3] in ("501", "535", "504", "500"), f"{line}: {got}"
            assert c.ask("NOOP\r\n").startswith("250"), line
    with steady as c:
        assert c.ask("AUTH PLAIN " + b64(b"\0bob@example.org\0" + PASSWORD.encode()) + "\r\n").startswith("235")
    clean_transaction()


def test_commands_do_not_slip_into_a_dialogue():
    with auth_session() as c:
        assert c.ask("AUTH LOGIN\r\n").startswith("334")
        c.send("QUIT\r\nMAIL FROM:<bob@example.org>\r\n")
        assert c.reply()[:3] in ("334", "501")
        got = c.reply()
        assert got[:3] in ("501", "530", "535"), got
        assert c.ask("*\r\n")[:3] in ("500", "501", "502")
        assert c.ask("MAIL FROM:<bob@example.org>\r\n").startswith("530")
    clean_transaction()


def test_nothing_of_this_was_a_bug():
    assert daemon().cli("status", "-o", "json")["counters"]["bugs"] == 0


harness.run(globals())
