"""URLs that give others leave to read (RFC 4467, RFC 5524): who may, for how long, and that nobody else learns anything."""
import base64
import os
import re

import harness
from harness import PASSWORD, shared
from imap_wire import Client, parse

MIXED = (
    b"Subject: mixed\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=C3=A9\r\n--b\r\n"
    b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n--b--\r\n"
)


def daemon():
    return shared(users=["alice", "bob", "carl", "dora"])


def client(user, select=None):
    return Client(daemon(), user, select)


def rump(user, rest, access):
    return f"imap://{user}@example.org/{rest};URLAUTH={access}"


def sign(c, *rumps):
    r = c.ok("GENURLAUTH " + " ".join(f'"{u}" INTERNAL' for u in rumps))
    return [x.decode() for x in parse(r.find("GENURLAUTH")[0])[1:] for x in [x if isinstance(x, bytes) else x.encode()]]


def fetched(c, *args):
    """What each URL gives, in order."""
    r = c.ok("URLFETCH " + " ".join(args))
    out = []
    for line in r.find("URLFETCH"):
        out.append(parse(line)[2:])
    return out


def body(c, url):
    (got,) = fetched(c, f'"{url}"')
    assert len(got) == 1, got
    return got[0]


def uid_of(c, message, mailbox="INBOX"):
    return int(re.search(r"APPENDUID \d+ (\d+)", c.append(message, mailbox).text).group(1))


def test_each_kind_of_leave_reaches_those_it_is_for():
    message = b"Subject: leave\r\n\r\nfor some\r\n"
    with client("alice") as alice, client("bob") as bob, client("carl") as carl:
        uid = uid_of(alice, message)
        urls = sign(alice, *(rump("alice", f"INBOX/;UID={uid}", a) for a in ("anonymous", "authuser", "user+bob@example.org", "user+bob%40example.org", "submit+bob")))
        gives = {c: [body(c, u) for u in urls] for c in (alice, bob, carl)}
        assert gives[bob] == [message, message, message, message, None], gives[bob]
        assert gives[alice] == gives[carl] == [message, message, None, None, None], gives
        (full,) = sign(alice, f"imap://alice%40example.org@{daemon().hostname}/INBOX/;UID={uid};URLAUTH=anonymous")
        assert body(bob, full) == message


def test_a_url_says_what_part_and_for_how_long():
    with client("alice") as alice, client("bob") as bob:
        uid = uid_of(alice, MIXED)
        text, piece, old = sign(
            alice,
            rump("alice", f"INBOX/;UID={uid}/;SECTION=1", "anonymous"),
            rump("alice", f"INBOX/;UID={uid}/;SECTION=1/;PARTIAL=1.3", "anonymous"),
            f"imap://alice@example.org/INBOX/;UID={uid};EXPIRE=2020-01-01T00:00:00Z;URLAUTH=anonymous",
        )
        assert (body(bob, text), body(bob, piece), body(bob, old)) == (b"hello", b"ell", None)
        (later,) = sign(alice, f"imap://alice@example.org/INBOX/;UID={uid}/;SECTION=1;EXPIRE=2199-01-01T00:00:00+01:00;URLAUTH=anonymous")
        assert body(bob, later) == b"hello"


def test_a_changed_url_gives_nothing():
    with client("alice") as alice, client("bob") as bob:
        uid = uid_of(alice, MIXED)
        (url,) = sign(alice, rump("alice", f"INBOX/;UID={uid}/;SECTION=1", "user+bob@example.org"))
        assert body(bob, url) == b"hello"
        other_digit = url[:-1] + ("0" if url[-1] != "0" else "1")
        for changed in (
            other_digit, url[:-2], url + "00", url.replace("SECTION=1", "SECTION=2"), url.replace(f"UID={uid}", "UID=1"), url.replace("user+bob", "user+carl"),
            url.replace("INBOX", "Drafts"), url.replace("alice@", "carl@"), url.replace("INTERNAL", "XSAMPLE"), url.replace("alice@", "nobody@"),
            url.replace("example.org/", "elsewhere.example/"), url.replace(";URLAUTH", ";EXPIRE=2199-01-01T00:00:00Z;URLAUTH"),
        ):
            assert body(bob, changed) is None, changed
        with client("carl") as carl:
            assert body(carl, url.replace("user+bob", "user+carl")) is None
        assert body(bob, url.replace(":INTERNAL:", ":internal:")) == b"hello"  # no part of what is signed


def test_nil_does_not_say_why():
    """Of an account, a mailbox, a message that is not there: the same words as of a wrong token."""
    token = "01" + "ab" * 32
    with client("bob") as bob:
        for user, mailbox in (("alice", "INBOX"), ("alice", "Nowhere"), ("nobody", "INBOX"), ("dora", "INBOX")):
            url = f"imap://{user}@example.org/{mailbox}/;UID=1;URLAUTH=anonymous:INTERNAL:{token}"
            r = bob.cmd(f'URLFETCH "{url}"')
            assert (r.status, r.text, r.untagged) == ("OK", "Done", [f"URLFETCH {url} NIL".encode()]), r
    number = max(int(n) for n in os.listdir(f"{daemon().dir}/data/accounts"))
    assert number <= 4


def test_a_new_key_voids_what_the_old_one_signed():
    message = b"Subject: keys\r\n\r\nx\r\n"
    with client("alice") as alice, client("bob") as bob:
        alice.cmd("CREATE keys")
        a, b = rump("alice", f"INBOX/;UID={uid_of(alice, message)}", "anonymous"), rump("alice", f"keys/;UID={uid_of(alice, message, 'keys')}", "anonymous")
        inbox, keys = sign(alice, a, b)
        assert sign(alice, a, b) == [inbox, keys]
        assert alice.ok("RESETKEY keys").text.startswith("[URLMECH INTERNAL]")
        assert (body(bob, inbox), body(bob, keys)) == (message, None)
        (renewed,) = sign(alice, b)
        assert renewed != keys and body(bob, renewed) == message
        alice.ok("RESETKEY")
        assert (body(bob, inbox), body(bob, renewed)) == (None, None)
        # Deleted and made again: another mailbox, though its name is the same.
        (last,) = sign(alice, b)
        alice.ok("DELETE keys")
        assert body(bob, last) is None
        alice.ok("CREATE keys")
        alice.append(message, "keys")
        assert body(bob, last) is None
        alice.ok("DELETE keys")


def test_urls_live_through_a_restart():
    with client("alice") as alice:
        (url,) = sign(alice, rump("alice", f"INBOX/;UID={uid_of(alice, MIXED)}/;SECTION=1", "authuser"))
    daemon().stop()
    daemon().start()
    with client("bob") as bob:
        assert body(bob, url) == b"hello"


def test_a_suspended_owner_gives_nothing():
    with client("dora") as dora:
        (url,) = sign(dora, rump("dora", f"INBOX/;UID={uid_of(dora, MIXED)}/;SECTION=1", "anonymous"))
    with client("bob") as bob:
        assert body(bob, url) == b"hello"
        daemon().cli("user", "suspend", "dora@example.org")
        assert body(bob, url) is None
        daemon().cli("user", "resume", "dora@example.org")
        assert body(bob, url) == b"hello"
        daemon().cli("user", "set-imap-disabled", "dora@example.org", "URLAUTH")
        assert body(bob, url) is None
        daemon().cli("user", "rm-imap-disabled", "dora@example.org")


def test_parts_come_without_their_encoding():
    with client("alice") as alice, client("bob") as bob:
        uid = uid_of(alice, MIXED)
        one, two, three, all_ = sign(alice, *(rump("alice", f"INBOX/;UID={uid}{s}", "anonymous") for s in ("/;SECTION=1", "/;SECTION=2", "/;SECTION=3", "")))
        assert fetched(bob, f'("{one}" BODY)', f'("{two}" BINARY)', f'("{two}" BODY)') == [[["BODY", b"hello"]], [["BINARY", "café".encode()]], [["BODY", b"caf=C3=A9"]]]
        r = bob.ok(f'URLFETCH ("{three}" BINARY)')
        assert r.find("URLFETCH")[0].endswith(b" (BINARY ~{4}\r\n\x00\x01\x02\x03)"), r
        ((structure, content),) = fetched(bob, f'("{two}" BODYPARTSTRUCTURE BINARY)')
        assert structure[1][5:8] == [b"8bit", "5", "0"] and content == ["BINARY", "café".encode()], structure
        ((structure,),) = fetched(bob, f'("{three}" BODYPARTSTRUCTURE)')
        assert structure[1][:2] == [b"application", b"octet-stream"] and structure[1][5:7] == [b"base64", "8"], structure
        ((structure, content),) = fetched(bob, f'("{all_}" BODY BODYPARTSTRUCTURE)')
        assert content == ["BODY", MIXED] and structure[1][3] == b"mixed", structure
        missing, header = sign(alice, *(rump("alice", f"INBOX/;UID={uid}/;SECTION={s}", "anonymous") for s in ("7", "1.MIME")))
        assert fetched(bob, f'("{missing}" BODY)', f'("{header}" BODYPARTSTRUCTURE)') == [[None], [None]]


def test_large_parts_stream():
    content = os.urandom(6_000_000)
    encoded = base64.encodebytes(content).replace(b"\n", b"\r\n")
    message = b"Subject: large\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded
    with client("alice") as alice, client("bob") as bob:
        (url,) = sign(alice, rump("alice", f"INBOX/;UID={uid_of(alice, message)}/;SECTION=1", "user+bob@example.org"))
        assert body(bob, url) == encoded
        r = bob.ok(f'URLFETCH ("{url}" BINARY BODYPARTSTRUCTURE)')
        (line,) = r.find("URLFETCH")
        assert f'"binary" {len(content)}'.encode() in line and line.endswith(content + b")")


def test_messages_are_made_of_what_others_gave_leave_for():
    with client("alice") as alice, client("bob") as bob:
        uid = uid_of(alice, MIXED)
        mine, his = sign(alice, *(rump("alice", f"INBOX/;UID={uid}/;SECTION=1", f"user+{u}@example.org") for u in ("bob", "carl")))
        r = bob.ok(f'APPEND Drafts CATENATE (TEXT {{8+}}\r\nA: b\r\n\r\n URL "{mine}")')
        assert r.status == "OK"
        bob.ok("SELECT Drafts")
        assert bob.fetch("*", "BODY[]").popitem()[1]["BODY[]"] == b"A: b\r\n\r\nhello"
        r = bob.cmd(f'APPEND Drafts CATENATE (URL "{his}")')
        assert r.status == "NO" and r.text.startswith("[BADURL imap://alice@example.org/"), r


def test_a_command_has_a_ceiling_and_yields():
    with client("alice") as alice, client("bob") as bob:
        (url,) = sign(alice, rump("alice", f"INBOX/;UID={uid_of(alice, MIXED)}/;SECTION=1", "anonymous"))
        assert fetched(bob, *[f'"{url}"'] * 100) == [[b"hello"]] * 100
        r = bob.cmd("URLFETCH " + " ".join([f'"{url}"'] * 101))
        assert r.status == "BAD" and r.text.startswith("[LIMIT]"), r
        names = [f"m{i}" for i in range(40)]
        for name in names:
            alice.ok(f"CREATE {name}")
        assert len(set(sign(alice, *(rump("alice", f"{n}/;UID=1", "anonymous") for n in names)))) == 40


if __name__ == "__main__":
    harness.run(globals())
