"""APPEND, CATENATE and REPLACE against what clients and the world do to them: sizes that lie, odd dates, quotas, lost connections; all or nothing."""
import os

import harness
from admin import ask
from harness import shared, wait_until
from imap_checks import small
from imap_wire import Client

USERS = "/api/v1/users"
BIG = 300_000


def daemon():
    return shared(users=["alice", "bob", "carl", "dora"], conf="resolver = 127.0.0.1@9", services=("imap", "imaps", "https"))


def client(user="bob", select=None):
    return Client(daemon(), user, select)


def set_quota(user, **limits):
    ask(daemon(), "PATCH", f"{USERS}/{user}@example.org", {"quota": limits or None})


def files(user):
    number = ask(daemon(), "GET", f"{USERS}/{user}@example.org").json["id"][4:]
    return os.listdir(f"{daemon().dir}/data/accounts/{number}/files")


def count(c, mailbox="INBOX"):
    return int(c.ok(f"STATUS {mailbox} (MESSAGES)").find("STATUS")[0].split(b"MESSAGES ")[1].rstrip(b")"))


def large(mark="large", size=BIG):
    head = f"Subject: {mark}\r\n\r\n".encode()
    return head + b"0123456789abcdef" * ((size - len(head)) // 16)


# ---- sizes ----

def test_no_bytes_are_no_message():
    with client() as c:
        assert c.cmd("APPEND INBOX {0}").status == "NO"
        c.send(b"z APPEND INBOX {0+}\r\n\r\n")
        assert c.until("z").status == "NO"
        c.send(b"z APPEND INBOX (\\Seen) {0+}\r\n\r\n")
        assert c.until("z").status == "NO"
        assert count(c) == 0


def test_a_byte_too_many_is_no_part_of_anything():
    with client() as c:
        message = small(1)
        c.send(b"z APPEND INBOX {%d+}\r\n" % (len(message) - 1) + message + b"\r\n")
        assert c.until("z").status == "BAD"
        assert c.cmd("NOOP").status == "OK"
        assert count(c) == 0


def test_a_size_past_all_limits_is_refused_before_it_comes():
    with client() as c:
        for size in (52428801, 2**31, 2**32, 2**63, 2**64, 10**30):
            r = c.cmd(f"APPEND INBOX {{{size}}}")
            assert (r.status, r.code()) == ("NO", "TOOBIG"), (size, r)
        assert c.cmd("NOOP").status == "OK"
    with client() as c:  # on its way already: nothing can be told from it any more
        c.send(f"z APPEND INBOX {{{2**40}+}}\r\n".encode())
        assert c.until("z").status == "NO"
        assert c.response().startswith(b"* BYE") and c.response() is None


# ---- dates ----

def test_dates_of_far_years_are_kept():
    with client("carl", "INBOX") as c:
        dates = ["31-Dec-9999 23:59:59 +0000", " 1-Jan-1969 00:00:00 +0000", "01-Jan-1900 00:00:00 -1200", "29-Feb-2024 12:00:00 +1400"]
        for date in dates:
            c.append(small(1), options=f'"{date}"')
        got = c.fetch("1:*", "INTERNALDATE")
        for n, date in enumerate(dates, 1):
            assert got[n]["INTERNALDATE"].decode().replace(" 1-", "01-") == date.replace(" 1-", "01-"), (n, got[n])
        for date in ("31-Dec-10000 00:00:00 +0000", "32-Jan-2024 00:00:00 +0000", "1-Jan-2024 00:00:00 +0000", "30-Feb-2024 00:00:00 +0000", "01-Jan-2024 25:00:00 +0000",
                     "01-Jan-2024 00:00:00", "01-Jan-2024 00:00:00 +00", "01-Foo-2024 00:00:00 +0000", ""):
            assert c.cmd(f'APPEND INBOX "{date}" {{5}}').status == "BAD", date
        assert c.cmd("SEARCH BEFORE 1-Jan-1970").search() == [2, 3]
        c.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)")
        c.ok("EXPUNGE")


# ---- all or nothing ----

def test_when_the_second_of_several_fails_none_is_there():
    before = files("bob")
    with client() as c:
        assert c.cmd("APPEND INBOX ", large("a"), " (\\Seen) ", small(2), " (\\Wrong) ", small(3)).status == "BAD"
        assert c.cmd("APPEND INBOX ", large("a"), " ", b"A: b\r\n\r\nnul\0").status == "NO"
        assert c.cmd("APPEND INBOX ", large("a"), " CATENATE (URL \"/INBOX/;UID=4711\")").code() == "BADURL /INBOX/;UID=4711"
        assert count(c) == 0
        assert files("bob") == before
        r = c.ok("APPEND INBOX ", large("a"), " (\\Seen) ", small(2), ' " 1-Jan-2024 00:00:00 +0000" ', small(3))
        first, last = r.code().split()[2].split(":")
        assert int(last) == int(first) + 2
        assert count(c) == 3
        c.ok("SELECT INBOX")
        c.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)")
        c.ok("EXPUNGE")
        assert files("bob") == before


def test_a_connection_lost_in_a_message_leaves_nothing():
    before = files("bob")
    half, first = large()[: BIG // 2], small(1)
    for sent in (b"{%d+}\r\n" % BIG + half, b"{%d+}\r\n" % len(first) + first + b" {%d+}\r\n" % BIG + half, b"{%d+}\r\n" % len(large()) + large()):
        c = client()
        c.send(b"x APPEND INBOX " + sent)
        c.close()
    wait_until(lambda: files("bob") == before, 10, "what had arrived is gone")
    with client() as c:
        assert count(c) == 0


def test_a_command_has_a_ceiling_and_says_so():
    before = files("bob")
    with client() as c:
        c.ok("CREATE many")
        message = b"A: b\r\n\r\nx\r\n"
        piece = b" {%d+}\r\n" % len(message) + message
        c.send(b"z APPEND many" + piece * 10000 + b"\r\n")
        r = c.until("z")
        assert r.status == "OK" and r.code().endswith(" 1:10000"), r
        c.send(b"z APPEND many" + piece * 10002 + b"\r\n")
        r = c.until("z")
        assert (r.status, r.code()) == ("NO", "LIMIT"), r
        message = b"A: b\r\n\r\n" + b"x" * 60000
        c.send(b"z APPEND many" + (b" {%d+}\r\n" % len(message) + message) * 400 + b"\r\n")
        r = c.until("z")
        assert (r.status, r.code()) == ("NO", "LIMIT"), r
        assert count(c, "many") == 10000
        c.ok("DELETE many")
        c.ok("APPEND INBOX ", small(1))
        c.ok("SELECT INBOX")
        c.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)")
        c.ok("EXPUNGE")
    assert files("bob") == before


# ---- quotas ----

def test_quota_is_told_and_kept():
    set_quota("dora", bytes=10 * 1024, messages=5)
    with client("dora") as c:
        r = c.ok("GETQUOTAROOT INBOX")
        assert r.find("QUOTAROOT")[0] == b'QUOTAROOT "INBOX" "User quota"'
        assert r.find("QUOTA ")[0] == b'QUOTA "User quota" (STORAGE 0 10 MESSAGE 0 5)'
        assert c.cmd('SETQUOTA "User quota" (STORAGE 1000000)').code() == "NOPERM"
        assert c.cmd("APPEND INBOX {20000}").code() == "OVERQUOTA"
        c.append(small(1, "X: " + "x" * 500 + "\r\n"))
        c.ok("SELECT INBOX")
        c.ok("COPY 1 Archive")
        c.ok("COPY 1 Sent")
        c.ok("COPY 1 Drafts")
        assert c.cmd("COPY 1:* INBOX").status == "OK"
        r = c.cmd("COPY 1 Trash")
        assert (r.status, r.code()) == ("NO", "OVERQUOTA"), r
        c.ok("MOVE 1 Trash")
        c.ok("NOOP")
        # What is replaced is free, by number and by size.
        c.ok("REPLACE 1 INBOX ", small(2))
        assert c.ok('GETQUOTA "User quota"').find("QUOTA ")[0].endswith(b"MESSAGE 5 5)")
        assert c.cmd("REPLACE 1 INBOX ", large(size=11 * 1024)).code() == "OVERQUOTA"
        assert c.cmd("APPEND INBOX ", small(3)).code() == "OVERQUOTA"
        set_quota("dora")
        c.ok("APPEND INBOX ", small(3))
        assert c.ok("GETQUOTAROOT INBOX").find("QUOTA ")[0] == b'QUOTA "User quota" ()'


def test_over_quota_in_the_middle_of_a_message():
    with client("alice") as c, client("alice") as other:
        set_quota("alice", bytes=BIG + 5000)
        message = large()
        c.send(b"z APPEND INBOX {%d+}\r\n" % len(message) + message[: len(message) // 2])
        for n in range(3):
            other.append(small(n, "X: " + "x" * 2000 + "\r\n"))
        c.send(message[len(message) // 2 :] + b"\r\n")
        r = c.until("z")
        assert (r.status, r.code()) == ("NO", "OVERQUOTA"), r
        assert files("alice") == []
        assert count(c) == 3
        set_quota("alice")
        c.ok("APPEND INBOX ", message)
        assert len(files("alice")) == 1


# ---- CATENATE and REPLACE with large parts ----

def test_a_whole_is_made_of_large_parts_while_others_are_served():
    with client("carl", "Drafts") as c, client("carl") as other:
        uid = int(c.append(large("part", 20_000_000), "Drafts").code().split()[2])
        c.send(f'z APPEND Drafts CATENATE (URL ";UID={uid}" URL ";UID={uid}/;SECTION=TEXT")\r\n')
        assert other.cmd("NOOP").status == "OK"
        r = c.until("z")
        assert r.status == "OK", r
        made = int(r.code().split()[2])
        size = c.ok(f"UID FETCH {made} (RFC822.SIZE)").fetched()[2]["RFC822.SIZE"]
        whole = large("part", 20_000_000)
        assert int(size) == len(whole) + len(whole) - len(b"Subject: part\r\n\r\n")
        assert c.cmd(f'APPEND Drafts CATENATE (URL ";UID={made}" URL ";UID={made}")').code() == "TOOBIG"
        r = c.ok(f"UID REPLACE {made} Drafts ", small(1))
        assert r.numbers("EXPUNGE") == [2], r
        assert count(c, "Drafts") == 2
        c.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)")
        c.ok("EXPUNGE")
        assert files("carl") == []


if __name__ == "__main__":
    harness.run(globals())
