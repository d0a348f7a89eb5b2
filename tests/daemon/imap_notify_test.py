"""NOTIFY (RFC 5465) with several clients and deliveries: who watches hears soon, in every form, without asking; and a delivery hardly notices."""
import smtplib
import threading
import time

import harness
from harness import SLOW, shared, wait_until
from imap_wire import Client

MESSAGE = b"Subject: hello\r\n\r\nbody\r\n"


def daemon():
    return shared(users=["alice", "bob", "carol", "dave", "erin", "frank"])


class Watcher(Client):
    """Hears without asking."""

    def hear(self, *words, seconds=10):
        """Lines up to the first that holds all the words."""
        self.raw.socket.settimeout(seconds * SLOW)
        lines = []
        while True:
            line = self.response()
            assert line is not None, (words, lines)
            lines.append(line)
            if all(w.encode() in line for w in words):
                return lines

    def quiet(self):
        """Was nothing more said? RECENT may come behind EXPUNGE."""
        return all(u.endswith(b"RECENT") for u in self.ok("NOOP").untagged)


def deliver(p, user, count=1):
    with smtplib.SMTP(p.at, p.port["mx"]) as s:
        for i in range(count):
            s.sendmail("a@remote.example", [f"{user}@{p.domain}"], f"Subject: delivered {i}\r\nMessage-ID: <{time.time_ns()}@x>\r\n\r\nhello\r\n")


def test_a_delivery_is_told_to_each_who_watches():
    p = daemon()
    with Watcher(p, "bob", select="INBOX") as a, Watcher(p, "bob", select="Archive") as b, Watcher(p, "bob") as c:
        a.ok("NOTIFY SET (selected (MessageNew (BODY.PEEK[HEADER.FIELDS (Subject)]) MessageExpunge))")
        b.ok("NOTIFY SET (selected NONE) (personal (MessageNew MessageExpunge))")
        c.ok("ENABLE CONDSTORE")
        first = c.ok("NOTIFY SET STATUS (mailboxes INBOX (MessageNew MessageExpunge))").find("STATUS")
        assert len(first) == 1 and b"HIGHESTMODSEQ" in first[0], first
        deliver(p, "bob")
        heard = a.hear("FETCH")
        assert any(l.endswith(b"EXISTS") for l in heard), heard
        assert b"UID 1" in heard[-1] and b"Subject: delivered 0" in heard[-1], heard
        assert b'"INBOX" (MESSAGES 1 UIDNEXT 2' in b.hear("STATUS")[-1]
        assert b"HIGHESTMODSEQ" in c.hear('STATUS "INBOX"')[-1]
        # Another's STORE and EXPUNGE: flags were not asked for.
        c.ok("SELECT INBOX")
        c.ok("STORE 1 +FLAGS (\\Deleted)")
        c.ok("EXPUNGE")
        assert a.hear("EXPUNGE") == [b"* 1 EXPUNGE"]
        assert b"MESSAGES 0" in b.hear("STATUS")[-1]
        assert a.quiet() and b.quiet()


def test_mailboxes_of_others_are_told_as_grants_let_them():
    """Deliveries, \\Seen of one's own, names that come and go, and an owner who is removed while the session listens."""
    p = daemon()
    p.cli("user", "add-shared", "desk@example.org")
    p.cli("grant", "set", "desk@example.org", "frank@example.org", "write")
    with Watcher(p, "frank") as watcher, Client(p, "frank", select="Shared/desk@example.org/INBOX") as reader:
        watcher.ok("NOTIFY SET (personal (MessageNew MessageExpunge)) (subtree Shared (MessageNew MessageExpunge FlagChange MailboxName))")
        deliver(p, "desk")
        assert b"MESSAGES 1 UIDNEXT 2" in watcher.hear('STATUS "Shared/desk@example.org/INBOX"')[-1]
        reader.ok("NOOP")
        reader.ok("STORE 1 +FLAGS (\\Seen)")
        assert b"UNSEEN 0" in watcher.hear('STATUS "Shared/desk@example.org/INBOX"')[-1]
        p.cli("grant", "set", "desk@example.org", "frank@example.org", "none", "--mailbox", "Junk")
        assert b"\\NoAccess" in watcher.hear("LIST", '"Shared/desk@example.org/Junk"')[-1]
        p.cli("grant", "set", "desk@example.org", "frank@example.org", "read", "--mailbox", "Junk")
        assert b"NoAccess" not in watcher.hear("LIST", '"Shared/desk@example.org/Junk"')[-1]
        deliver(p, "frank")
        assert b"MESSAGES 1" in watcher.hear('STATUS "INBOX"')[-1]
        p.cli("user", "rm", "desk@example.org", "--yes")
        heard = watcher.hear("LIST", '"Shared/desk@example.org/Trash"')
        assert all(b"NoAccess" in line or b"NonExistent" in line for line in heard), heard
        assert watcher.quiet()


def test_what_many_owners_share_is_watched_and_searched():
    p = daemon()
    owners = [f"team{n:02}@example.org" for n in range(30)]
    for owner in owners:
        p.cli("user", "add-shared", owner)
        p.cli("grant", "set", owner, "erin@example.org", "read", "--mailbox", "INBOX")
    p.cli("grant", "set", owners[3], "erin@example.org", "l", "--mailbox", "Sent")
    with Watcher(p, "erin") as w, Client(p, "erin") as c:
        w.send(b"n NOTIFY SET STATUS (personal NONE) (subtree Shared (MessageNew MessageExpunge MailboxName))\r\n")
        c.ok("NOOP")  # is not in the way
        told = w.until("n")
        assert told.status == "OK"
        inboxes = [f'"Shared/{owner}/INBOX"'.encode() for owner in owners]
        assert [line.split()[1] for line in told.find("STATUS")] == inboxes, told
        assert told.find("LIST") == [f'LIST (\\NoAccess \\HasNoChildren) "/" "Shared/{owners[3]}/Sent"'.encode()], told
        for owner in (owners[0], owners[17], owners[29]):
            deliver(p, owner.split("@")[0])
            assert b"(MESSAGES 1 " in w.hear("STATUS", f'"Shared/{owner}/INBOX"')[-1]
        found = c.ok("ESEARCH IN (subtree Shared) RETURN (COUNT) ALL").find("ESEARCH")
        assert [line.split(b"MAILBOX ")[1].split()[0] for line in found] == [inboxes[0], inboxes[17], inboxes[29]], found
        p.cli("grant", "set", owners[17], "erin@example.org", "p", "--mailbox", "INBOX")
        w.hear("\\NoAccess", f'"Shared/{owners[17]}/INBOX"')
        assert len(c.ok("ESEARCH IN (subtree Shared) RETURN (COUNT) ALL").find("ESEARCH")) == 2
        p.cli("grant", "set", owners[17], "erin@example.org", "read", "--mailbox", "INBOX")
        w.hear("LIST", f'"Shared/{owners[17]}/INBOX"')
        deliver(p, owners[17].split("@")[0])
        assert b"(MESSAGES 2 " in w.hear("STATUS", f'"Shared/{owners[17]}/INBOX"')[-1]


def test_names_and_subscriptions_reach_the_others():
    p = daemon()
    with Watcher(p, "carol") as watcher, Client(p, "carol") as c:
        watcher.ok("NOTIFY SET (personal (MailboxName SubscriptionChange)) (subtree deep (MessageNew MessageExpunge))")
        c.ok("CREATE deep/down")
        assert b'"deep/down"' in watcher.hear("LIST", '"deep/down"')[-1]
        c.append(MESSAGE, "deep/down")
        assert b"MESSAGES 1" in watcher.hear("STATUS", '"deep/down"')[-1]
        c.ok("RENAME deep high")
        assert b'("OLDNAME" ("deep"))' in watcher.hear("LIST", '"high"')[-1]
        c.ok("SUBSCRIBE high")
        heard = watcher.hear("LIST", '"high"')  # and nothing of what has moved with it (5.4)
        assert len(heard) == 1 and b"\\Subscribed" in heard[0], heard
        c.ok("UNSUBSCRIBE high")
        assert b"\\Subscribed" not in watcher.hear("LIST", '"high"')[-1]
        c.ok("DELETE high/down")
        assert b"\\NonExistent" in watcher.hear("LIST", '"high/down"')[-1]
        assert b"\\HasNoChildren" in watcher.hear("LIST", '"high"')[-1]
        assert watcher.quiet()


def test_expunges_wait_for_a_command_where_they_shall():
    p = daemon()
    with Watcher(p, "dave", select="INBOX") as at_once, Watcher(p, "dave", select="INBOX") as delayed, Client(p, "dave", select="INBOX") as c:
        at_once.ok("NOTIFY SET (selected (MessageNew MessageExpunge FlagChange))")
        delayed.ok("NOTIFY SET (selected-delayed (MessageNew MessageExpunge FlagChange))")
        for _ in range(3):
            c.append(MESSAGE)
        for w in (at_once, delayed):
            w.hear("3 EXISTS")
        c.ok("STORE 2 +FLAGS (\\Deleted)")
        for w in (at_once, delayed):
            w.hear("2 FETCH", "\\Deleted")
        c.ok("EXPUNGE")
        at_once.hear("2 EXPUNGE")
        c.append(MESSAGE)
        heard = delayed.hear("EXISTS")
        assert heard[-1] == b"* 4 EXISTS" and not any(b"EXPUNGE" in l for l in heard), heard
        assert delayed.ok("FETCH 1:4 UID").numbers("EXPUNGE") == []
        assert delayed.ok("NOOP").numbers("EXPUNGE") == [2]
        delayed.send(b"i IDLE\r\n")
        delayed.hear("+ ")
        c.ok("STORE 1 +FLAGS (\\Deleted)")
        c.ok("EXPUNGE")
        delayed.hear("1 EXPUNGE")
        delayed.send(b"DONE\r\n")
        delayed.hear("i OK")


def test_new_messages_come_whole_and_each_once():
    """A burst with bodies larger than what is on its way at once, while commands run and while none does."""
    p = daemon()
    body = b"Subject: large\r\n\r\n" + b"x" * 76 + b"\r\n" + b"y" * 200000 + b"\r\n"
    with Watcher(p, "erin", select="INBOX") as watcher, Client(p, "erin") as c:
        watcher.ok("NOTIFY SET (selected (MessageNew (FLAGS RFC822.SIZE BODY[]) MessageExpunge))")
        there = threading.Thread(target=lambda: [c.append(body) for _ in range(20)])
        there.start()
        uids, flags = [], []
        for i in range(400):
            r = watcher.ok("NOOP")
            for line in r.untagged:
                if b" FETCH (UID " in line:
                    uids.append(line)
            if not there.is_alive() and len(uids) >= 20:
                break
        there.join()
        watcher.raw.socket.settimeout(10 * SLOW)
        while len(uids) < 20:
            line = watcher.response()
            if b" FETCH (UID " in line:
                uids.append(line[2:])
        numbers = [int(l.split(b"UID ")[1].split(b" ")[0]) for l in uids]
        assert numbers == list(range(1, 21)), numbers
        assert all(body in l for l in uids)
        assert len(watcher.ok("SEARCH UNSEEN").search()) == 20  # none was marked by that


def test_a_thousand_mailboxes_are_watched_each_for_itself():
    """What that costs a delivery is measured in tests/bench/notify.py."""
    p = daemon()
    with Client(p, "alice") as c:
        for i in range(0, 1000, 50):
            for n in range(i, i + 50):
                c.send(f"x CREATE many/{n}\r\n".encode())
            for n in range(i, i + 50):
                assert b"x OK" in c.response()
        with Watcher(p, "alice") as w:
            names = " ".join(f"many/{n}" for n in range(1000))
            w.ok(f"NOTIFY SET (mailboxes ({names}) (MessageNew MessageExpunge FlagChange)) (personal (MailboxName))")
            for n in (0, 37, 999):
                c.append(MESSAGE, f"many/{n}")
                w.hear("STATUS", f'"many/{n}"')


def test_a_client_that_does_not_read_costs_nothing_and_misses_nothing():
    """It reads late: what happened meanwhile is one line a mailbox, not thousands."""
    p = daemon()
    with Watcher(p, "bob") as deaf, Client(p, "bob") as c:
        deaf.ok("NOTIFY SET (mailboxes (Sent Junk) (MessageNew MessageExpunge FlagChange))")
        for _ in range(300):
            c.append(MESSAGE, "Sent")
        c.append(MESSAGE, "Junk")
        heard = deaf.hear("STATUS", '"Junk" (MESSAGES 1')
        last = [l for l in heard if b'"Sent"' in l][-1]
        assert b"MESSAGES 300 " in last, last


def test_watchers_come_and_go_under_deliveries():
    p = daemon()
    stop = threading.Event()
    failed = []

    def writer():
        try:
            with Client(p, "carol") as c:
                while not stop.is_set():
                    c.append(MESSAGE, "Trash")
                    c.ok("CREATE comes")
                    c.ok("DELETE comes")
        except Exception as e:
            failed.append(e)

    threads = [threading.Thread(target=writer)]
    for t in threads:
        t.start()
    try:
        for i in range(40):
            with Watcher(p, "carol") as w:
                w.ok("NOTIFY SET STATUS (personal (MessageNew MessageExpunge MailboxName))")
                if i % 4 == 0:
                    w.ok("SELECT Trash")
                    w.ok("NOTIFY SET (selected-delayed (MessageNew (UID) MessageExpunge)) (personal (MailboxName))")
                w.hear("LIST", '"comes"')
                if i % 4 == 1:
                    w.ok("NOTIFY NONE")
                if i % 4 == 2:
                    w.ok("UNAUTHENTICATE")
    finally:
        stop.set()
        for t in threads:
            t.join()
    assert not failed, failed
    wait_until(p.is_ready, 10, "the daemon is there")


harness.run(globals())
