"""An older copy of the data folder is put back: what programs learnt since is not taken for what comes now (UIDs, modseqs, ids, UIDLs)."""
import os
import poplib
import shutil

import harness
from doctor_lab import doctor
from harness import PASSWORD
from imap_wire import Client


def data_of(p):
    return os.path.join(p.dir, "data")


def deliver(p, name):
    p.send(f"Subject: {name}\r\nMessage-ID: <{name}@example.net>\r\n\r\n{name}\r\n")


def number(reply, code):
    """Of `* OK [CODE n]`."""
    (found,) = [u for u in reply.untagged if u.startswith(f"OK [{code} ".encode())]
    return int(found.split()[2].rstrip(b"]"))


class Picture:
    """What a program keeps of INBOX: bodies by (UIDVALIDITY, UID), by (MAILBOXID, UID) and by EMAILID, and where QRESYNC may go on."""

    def __init__(self):
        self.bodies, self.emails, self.places = {}, {}, {}
        self.uid_validity, self.modseq = None, None

    def look(self, p):
        with Client(p, "bob") as c:
            c.ok("ENABLE QRESYNC")
            r = c.ok("SELECT INBOX")
            self.uid_validity, self.modseq = number(r, "UIDVALIDITY"), number(r, "HIGHESTMODSEQ")
            (mailbox,) = [u for u in r.untagged if u.startswith(b"OK [MAILBOXID ")]
            for uid, email, body in bodies(c):
                assert self.places.setdefault((mailbox, uid), body) == body, f"{mailbox} {uid} is another message now"
                assert self.bodies.setdefault((self.uid_validity, uid), body) == body, f"UID {uid} is another message now"
                assert self.emails.setdefault(email, body) == body, f"{email} is another message now"


def bodies(c):
    for f in c.fetch("1:*", "(UID EMAILID BODY.PEEK[])").values():
        yield int(f["UID"]), str(f["EMAILID"]), f["BODY[]"]


def uidls(p):
    pop = poplib.POP3("127.0.0.1", p.port["pop3"])
    pop.user("bob@example.org")
    pop.pass_(PASSWORD)
    found = {}
    for line in pop.uidl()[1]:
        number, uidl = line.split()
        found[uidl] = b"\n".join(line for line in pop.retr(int(number))[1])
    pop.quit()
    return found


def put_back(p, copy):
    p.stop()
    shutil.rmtree(data_of(p))
    shutil.copytree(copy, data_of(p))


def aged(p, copy):
    """Two messages, the copy, two more that programs see; then the copy is put back. What the programs know by then."""
    picture = Picture()
    deliver(p, "first")
    deliver(p, "second")
    p.wait_count(2)
    uidls(p)  # the first login makes the key of the UIDLs
    p.stop()
    shutil.copytree(data_of(p), copy)
    p.start()
    deliver(p, "lost")
    deliver(p, "lost-too")
    p.wait_count(4)
    with Client(p, "bob") as c:
        c.ok("CREATE Lost")
    picture.look(p)
    known = uidls(p)
    put_back(p, copy)
    return picture, known


def test_nothing_new_is_taken_for_what_was_lost():
    with harness.Instance(services=(*harness.MAIL_SERVICES, "pop3")) as p:
        picture, known = aged(p, os.path.join(p.dir, "copy"))
        before = picture.uid_validity, picture.modseq
        lines = doctor(p, "--accounts", "--restored")
        assert [line["result"] for line in lines] == ["ok", "ok"] and "renewed" in lines[1]["words"], lines
        p.start()
        deliver(p, "third")
        deliver(p, "fourth")
        p.wait_count(4)
        with Client(p, "bob") as c:
            c.ok("ENABLE QRESYNC")
            r = c.ok(f"SELECT INBOX (QRESYNC ({before[0]} {before[1]}))")
            assert number(r, "UIDVALIDITY") > before[0] and number(r, "HIGHESTMODSEQ") > before[1], r
            assert not r.find("VANISHED") and not r.fetched(), "another UIDVALIDITY: there is nothing to go on from (RFC 7162 3.2.5)"
        picture.look(p)
        assert {body.split(b"\r\n\r\n")[-1].strip() for key, body in picture.bodies.items() if key[0] == picture.uid_validity} == {b"first", b"second", b"third", b"fourth"}
        now = uidls(p)
        assert len(set(known) & set(now)) == 2, "what was there before the copy is not fetched again, what came after is"
        for uidl in set(known) & set(now):
            assert known[uidl] == now[uidl]
        renewed = [entry["subject"] for entry in p.cli("audit", "ls", "-o", "json")["data"] if entry["after"] == {"renewed": True}]
        assert renewed == ["bob@example.org"], renewed
        put_back(p, os.path.join(p.dir, "copy"))  # the same once more
        doctor(p, "--accounts", "--restored")
        p.start()
        for name in ("third-again", "fourth-again", "fifth"):
            deliver(p, name)
        p.wait_count(5)
        picture.look(p)


def test_signed_urls_of_the_lost_time_open_nothing():
    with harness.Instance() as p:
        deliver(p, "first")
        p.wait_count(1)
        with Client(p, "bob") as c:
            (made,) = c.ok('GENURLAUTH "imap://bob%40example.org@mail.example.org/INBOX/;UID=1;URLAUTH=anonymous" INTERNAL').find("GENURLAUTH")
            url = made.split(b'"')[1].decode()
            assert b"first" in c.ok(f'URLFETCH "{url}"').find("URLFETCH")[0]
        doctor(p, "--accounts", "bob@example.org", "--restored")
        with Client(p, "bob") as c:
            assert c.ok(f'URLFETCH "{url}"').find("URLFETCH")[0].endswith(b" NIL")


def test_sessions_see_their_mailbox_go_while_it_is_made_new():
    with harness.Instance() as p:
        deliver(p, "first")
        p.wait_count(1)
        with Client(p, "bob") as c:
            old = number(c.ok("SELECT INBOX"), "UIDVALIDITY")
            doctor(p, "--accounts", "bob@example.org", "--restored", "--dry-run")
            c.ok("NOOP")
            doctor(p, "--accounts", "bob@example.org", "--restored")
            c.cmd("NOOP")
            assert c.response().startswith(b"* BYE ")
        with Client(p, "bob") as c:
            r = c.ok("SELECT INBOX")
            assert number(r, "UIDVALIDITY") > old and r.numbers("EXISTS") == [1], r
        deliver(p, "second")
        p.wait_count(2)


def copy_control_db(source, target):
    """With its log, in which its last changes are."""
    os.makedirs(target, exist_ok=True)
    for name in ("control.db", "control.db-wal", "control.db-shm"):
        if os.path.exists(os.path.join(target, name)):
            os.remove(os.path.join(target, name))
        if os.path.exists(os.path.join(source, name)):
            shutil.copy(os.path.join(source, name), target)


def test_a_new_account_never_gets_the_folder_of_one_that_control_db_has_forgotten():
    with harness.Instance(users=["alice", "bob"]) as p:
        p.stop()
        copy, nothing = os.path.join(p.dir, "copy"), os.path.join(p.dir, "nothing")
        copy_control_db(data_of(p), copy)
        p.start()
        p.cli("user", "add", "carol@example.org", "--password-stdin", input=PASSWORD + "\n")
        with Client(p, "carol") as c:
            c.ok("CREATE Private")
        folders = set(os.listdir(os.path.join(data_of(p), "accounts")))
        p.stop()
        copy_control_db(copy, data_of(p))
        p.start()
        assert f"mailboxes_of_nobody folder={p.dir}/data/accounts/3" in p.log_tail(), p.log_tail()
        p.cli("user", "add", "dave@example.org", "--password-stdin", input=PASSWORD + "\n")
        with Client(p, "dave") as c:
            assert not c.ok('LIST "" Private').find("LIST")
        assert set(os.listdir(os.path.join(data_of(p), "accounts"))) == folders | {"4"}
        p.stop()
        copy_control_db(nothing, data_of(p))  # and none at all: everybody is new
        os.remove(os.path.join(p.dir, "secret.key"))
        p.setup("erin")
        p.start()
        with Client(p, "erin") as c:
            assert not c.ok('LIST "" Private').find("LIST")
        assert set(os.listdir(os.path.join(data_of(p), "accounts"))) == folders | {"4", "5"}


if __name__ == "__main__":
    harness.run(globals())
