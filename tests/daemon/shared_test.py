"""Mailboxes that one account opens to another (RFC 4314), over the wire: with imaplib, as clients do."""
import contextlib
import imaplib
import re
import time

import harness
from admin import ask
from harness import PASSWORD, Instance

NEW = b"From: a@example.org\r\nSubject: new\r\n\r\nhello\r\n"


def data(answer, what="OK"):
    assert answer[0] == what, answer
    return answer[1]


def names(session, *arguments):
    """Of LIST: name to attributes."""
    found = {}
    for line in data(session.list(*(arguments or ('""', "*")))):
        if line:
            m = re.match(rb'\((.*?)\) "/" "(.*)"', line)
            found[m[2].decode()] = m[1].decode().split()
    return found


def status(session, name, item):
    return int(re.search(rb"(\d+)\)$", data(session.status(name, f"({item})"))[0])[1])


def flags(session, number):
    return re.search(rb"FLAGS \((.*?)\)", data(session.fetch(str(number), "(FLAGS)"))[0])[1].decode().split()


def code(answer):
    assert answer[0] == "NO", answer
    return re.match(rb"\[([A-Z]+)", answer[1][0])[1].decode()



def quietly(session, command, *arguments):
    """imaplib raises for NO of some commands."""
    try:
        return getattr(session, command)(*arguments)
    except imaplib.IMAP4.error as e:
        return "NO", [re.search(rb"\[.*", str(e).encode())[0]]


@contextlib.contextmanager
def session(i, user):
    """Logged in; it may have been said goodbye to at the end."""
    client = i.imap(user)
    try:
        yield client
    finally:
        with contextlib.suppress(imaplib.IMAP4.error, OSError):
            client.logout()


def instance():
    return harness.shared(users=["alice", "bob", "carl", "dora"], conf="resolver = 127.0.0.1@9", services=harness.MAIL_SERVICES + ("https",))


def test_an_owner_opens_a_mailbox_and_takes_it_back():
    i = instance()
    with session(i, "alice") as alice, session(i, "bob") as bob:
        data(alice.create("Team"))
        data(alice.append("Team", None, None, NEW))
        assert not [n for n in names(bob) if n.startswith("Shared")]
        assert code(quietly(bob, "select", "Shared/alice@example.org/Team")) == "NONEXISTENT"
        data(alice.setacl("Team", "bob@example.org", "lrs"))
        assert names(bob, '""', "Shared/*")["Shared/alice@example.org/Team"] == ["\\HasNoChildren"]
        assert data(bob.myrights("Shared/alice@example.org/Team")) == [b'"Shared/alice@example.org/Team" lrs']
        assert data(alice.getacl("Team")) == [b'"Team" "alice@example.org" lrswipkxteacd "bob@example.org" lrs']
        assert data(bob.select("Shared/alice@example.org/Team")) == [b"1"]
        assert data(bob.fetch("1", "(BODY[TEXT])"))[0][1] == b"hello\r\n"
        data(alice.deleteacl("Team", "bob@example.org"))
        try:
            for _ in range(5):
                bob.noop()
            raise AssertionError("the session goes on")
        except imaplib.IMAP4.error as e:
            assert "not shared any more" in str(e) or "NOPERM" in str(e), e
    with session(i, "bob") as bob:
        assert code(quietly(bob, "select", "Shared/alice@example.org/Team")) == "NONEXISTENT"


def test_a_change_over_imap_stands_in_the_audit_and_is_told_as_one_over_the_api():
    i = instance()
    with session(i, "alice") as alice, session(i, "bob") as bob:
        data(alice.create("Told"))
        data(alice.setacl("Told", "bob@example.org", "lra"))
        data(bob.setacl("Shared/alice@example.org/Told", "carl@example.org", "lr"))
        data(bob.deleteacl("Shared/alice@example.org/Told", "carl@example.org"))
    entries = [e for e in ask(i, "GET", "/api/v1/audit", subject="alice@example.org").json["data"] if "Told" in str((e["before"], e["after"]))]
    assert sorted((e["operation"], e["actor"], e["via"]) for e in entries) == [
        ("me_grant_set", "alice@example.org", "imap"), ("user_grant_delete", "bob@example.org", "imap"), ("user_grant_set", "bob@example.org", "imap")], entries
    own = next(e for e in entries if e["operation"] == "me_grant_set")
    assert own["before"] is None and own["after"] == next(g for g in ask(i, "GET", "/api/v1/users/alice@example.org/grants").json["data"] if g["mailbox"] == "Told"), own
    told = ask(i, "GET", "/api/v1/events", types="grant.changed", follow="false", after=1).body.decode()
    assert told.count("bob@example.org") >= 2 and '"revoke"' in told and '"grant"' in told, told


def test_each_reader_has_seen_what_they_have_seen():
    i = instance()
    with session(i, "alice") as alice, session(i, "bob") as bob, session(i, "carl") as carl:
        data(alice.create("News"))
        for _ in range(3):
            data(alice.append("News", None, None, NEW))
        data(alice.setacl("News", "bob@example.org", "lrs"))
        data(alice.setacl("News", "anyone", "lrsw"))
        name = "Shared/alice@example.org/News"
        assert [status(s, n, "UNSEEN") for s, n in ((alice, "News"), (bob, name), (carl, name))] == [3, 3, 3]
        data(bob.select(name))
        data(bob.store("1:2", "+FLAGS", "(\\Seen)"))
        assert [status(s, n, "UNSEEN") for s, n in ((alice, "News"), (bob, name), (carl, name))] == [3, 1, 3]
        data(carl.select(name))
        data(carl.store("1", "+FLAGS", "(\\Flagged)"))
        assert data(carl.search(None, "UNSEEN")) == [b"1 2 3"]
        data(bob.noop())
        assert {"\\Seen", "\\Flagged"} <= set(flags(bob, 1))
        data(alice.select("News"))
        assert "\\Flagged" in flags(alice, 1) and "\\Seen" not in flags(alice, 1)
        data(alice.store("3", "+FLAGS", "(\\Seen)"))
        assert data(bob.search(None, "UNSEEN")) == [b"3"]


def test_rights_and_what_was_seen_outlive_a_restart():
    with Instance(users=["alice", "bob"], conf="resolver = 127.0.0.1@9") as i:
        with session(i, "alice") as alice, session(i, "bob") as bob:
            data(alice.append("Archive", None, None, NEW))
            data(alice.setacl("Archive", "bob@example.org", "lrsi"))
            data(bob.subscribe("Shared/alice@example.org/Archive"))
            data(bob.select("Shared/alice@example.org/Archive"))
            data(bob.store("1", "+FLAGS", "(\\Seen)"))
        i.kill()
        i.start()
        with session(i, "alice") as alice, session(i, "bob") as bob:
            assert data(alice.getacl("Archive")) == [b'"Archive" "alice@example.org" lrswipkxteacd "bob@example.org" lrsi']
            assert status(bob, "Shared/alice@example.org/Archive", "UNSEEN") == 0
            assert status(alice, "Archive", "UNSEEN") == 1
            assert b'"Shared/alice@example.org/Archive"' in b" ".join(data(bob.lsub()))


def test_mail_goes_between_accounts_and_counts_where_it_is():
    i = instance()
    with session(i, "dora") as dora, session(i, "bob") as bob:
        data(dora.setacl("Drafts", "bob@example.org", "lrswite"))
        name = "Shared/dora@example.org/Drafts"
        data(bob.append(name, "(\\Seen \\Flagged)", None, NEW))
        assert (status(dora, "Drafts", "MESSAGES"), status(dora, "Drafts", "UNSEEN"), status(bob, name, "UNSEEN")) == (1, 1, 0)
        data(bob.select(name))
        data(bob.copy("1", "Archive"))
        assert status(bob, "Archive", "MESSAGES") == 1
        data(bob.xatom("MOVE", "1", "Trash"))
        assert (status(dora, "Drafts", "MESSAGES"), status(bob, "Trash", "MESSAGES")) == (0, 1)
        data(bob.select("Trash"))
        data(bob.xatom("MOVE", "1", name))
        assert (status(dora, "Drafts", "MESSAGES"), status(bob, "Trash", "MESSAGES")) == (1, 0)
        # the owner's room counts
        ask(i, "PATCH", "/api/v1/users/dora@example.org", {"quota": {"bytes": 1}})
        try:
            assert code(bob.append(name, None, None, NEW)) == "OVERQUOTA"
            data(bob.select("Archive"))
            assert code(bob.copy("1", name)) == "OVERQUOTA"
            root = data(bob.getquotaroot(name))
            assert root[0] == [b'"Shared/dora@example.org/Drafts" "Shared/dora@example.org"'], root
            assert b"STORAGE" in root[1][0]
        finally:
            ask(i, "PATCH", "/api/v1/users/dora@example.org", {"quota": None})


def test_a_mailbox_that_is_made_below_belongs_to_the_owner():
    i = instance()
    with session(i, "alice") as alice, session(i, "bob") as bob:
        data(alice.create("Project"))
        data(alice.setacl("Project", "bob@example.org", "lrswikxte"))
        data(bob.create("Shared/alice@example.org/Project/Plans/2026"))
        assert "Project/Plans/2026" in names(alice)
        assert data(alice.getacl("Project/Plans/2026")) == [b'"Project/Plans/2026" "alice@example.org" lrswipkxteacd "bob@example.org" lrswikxtecd']
        data(bob.rename("Shared/alice@example.org/Project/Plans/2026", "Shared/alice@example.org/Project/Old"))
        assert {"Project/Old", "Project/Plans"} <= set(names(alice))
        data(bob.delete("Shared/alice@example.org/Project/Old"))
        assert "Project/Old" not in names(alice)
        assert code(bob.rename("Shared/alice@example.org/Project", "Stolen")) == "CANNOT"


def test_who_waits_in_a_mailbox_hears_of_it():
    i = instance()
    with session(i, "alice") as alice, session(i, "bob") as bob:
        data(alice.create("Desk"))
        data(alice.setacl("Desk", "bob@example.org", "lr"))
        data(bob.select("Shared/alice@example.org/Desk", readonly=True))
        bob.send(b"x IDLE\r\n")
        assert bob.readline().startswith(b"+")
        data(alice.append("Desk", None, None, NEW))
        assert bob.readline() == b"* 1 EXISTS\r\n"
        bob.readline()
        # withdrawn: at once, without another change of the mailbox
        data(alice.deleteacl("Desk", "bob@example.org"))
        assert bob.readline().startswith(b"* BYE "), "withdrawn"
        assert bob.readline() == b""


def test_an_owner_who_is_removed_leaves_nobody_behind():
    i = instance()
    ask(i, "POST", "/api/v1/users", {"address": "gone@example.org", "password": PASSWORD}, expect=201)
    with session(i, "gone") as gone:
        data(gone.append("INBOX", None, None, NEW))
        data(gone.setacl("INBOX", "bob@example.org", "lrs"))
    with session(i, "bob") as bob, session(i, "bob") as other:
        data(bob.select("Shared/gone@example.org/INBOX"))
        data(other.select("Shared/gone@example.org/INBOX"))
        other.send(b"x IDLE\r\n")
        assert other.readline().startswith(b"+")
        ask(i, "DELETE", "/api/v1/users/gone@example.org", expect=204)
        while (line := other.readline()) and not line.startswith(b"* BYE"):
            pass
        assert line, "no BYE"
    with session(i, "bob") as bob:
        assert not [n for n in names(bob) if "gone@" in n]


def spend(s, name, grantee):
    """All changes of grants that the account may make now; nothing is changed by them."""
    for _ in range(100):
        s.send(b"".join(f"q SETACL {name} {grantee} +l\r\n".encode() for _ in range(100)))
        if any([b"[INUSE]" in s.readline() for _ in range(100)]):
            return
    raise AssertionError("there is no end to it")


def test_what_is_made_below_a_shared_mailbox_is_counted_and_shared_or_not_made():
    i = instance()
    ask(i, "POST", "/api/v1/users", {"address": "busy@example.org", "password": PASSWORD}, expect=201)
    with session(i, "alice") as alice, session(i, "bob") as bob, session(i, "busy") as busy:
        data(alice.create("Tree"))
        data(alice.setacl("Tree", "busy@example.org", "lrkxa"))
        data(alice.setacl("Tree", "bob@example.org", "lr"))
        data(busy.create("Own"))
        data(busy.setacl("Own", "bob@example.org", "lr"))
        for top in ("Shared/alice@example.org/Tree", "Own"):
            made, answer = [], ["OK"]
            while answer[0] == "OK" and len(made) < 20:  # there may be room for one more by now
                spend(busy, top, "bob@example.org")
                made.append(f"{top}/{len(made)}/a/b")
                answer = busy.create(made[-1])
            assert code(answer) == "INUSE", answer
            assert f"{top}/{len(made) - 1}" not in names(busy, '""', top + "/*"), "only a part of it is there"
            # another name below what is there costs nothing where nothing is shared
            data(busy.create(f"Plain{len(top)}/a/b"))
            time.sleep(0.5)
            data(busy.create(made[-1]))
            seen = names(bob, '""', (top if "/" in top else "Shared/busy@example.org/Own") + "/*")
            assert len(seen) == 3 * len(made), seen


harness.run(globals())
