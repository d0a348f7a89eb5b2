"""offlineimap keeps a Maildir and an account the same, both ways; its second run finds nothing to do."""
import os
import subprocess

import harness
from harness import PASSWORD, SLOW, shared, tool

COUNT = 60


def daemon():
    return shared(users=["bob"])


def home():
    return os.path.join(daemon().dir, "offlineimap")


def prepare():
    p = daemon()
    os.makedirs(f"{home()}/mail", exist_ok=True)
    digest = subprocess.run(["sh", "-c", f"{tool('openssl')} s_client -connect 127.0.0.1:{p.port['imaps']} </dev/null 2>/dev/null | {tool('openssl')} x509 -outform DER | sha1sum"],
                            capture_output=True, text=True, timeout=60 * SLOW).stdout.split()[0]
    with open(f"{home()}/rc", "w") as f:
        f.write(f"""[general]
accounts = bob
metadata = {home()}/state
ui = basic
[Account bob]
localrepository = here
remoterepository = there
[Repository here]
type = Maildir
localfolders = {home()}/mail
[Repository there]
type = IMAP
remotehost = 127.0.0.1
remoteport = {p.port['imaps']}
ssl = yes
cert_fingerprint = {digest}
remoteuser = bob@example.org
remotepass = {PASSWORD}
usecompression = yes
""")


def offlineimap():
    done = subprocess.run([tool("offlineimap"), "-c", f"{home()}/rc", "-o", "-1"], capture_output=True, text=True, timeout=120 * SLOW, env=dict(os.environ, HOME=home()))
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "ERROR" not in said, said[-3000:]
    return said


def here(mailbox):
    return sorted(name for d in ("cur", "new") for name in os.listdir(f"{home()}/mail/{mailbox}/{d}"))


def test_mail_goes_both_ways_with_flags_and_removals():
    p = daemon()
    prepare()
    with p.smtp() as s:
        for n in range(COUNT):
            s.sendmail("me@example.net", ["bob@example.org"], f"Subject: from outside {n}\r\nMessage-ID: <out-{n}@example.net>\r\n\r\ntext {n}\r\n")
    p.wait_count(COUNT)
    offlineimap()
    assert len(here("INBOX")) == COUNT
    client = p.imap("bob")
    client.select("INBOX")
    client.store("1:5", "+FLAGS", "(\\Flagged)")
    client.store("6:8", "+FLAGS", "(\\Deleted)")
    client.expunge()
    client.logout()
    for d in ("cur", "new", "tmp"):
        os.makedirs(f"{home()}/mail/Work/{d}")
    for n in range(3):
        with open(f"{home()}/mail/Work/cur/170000000{n}.{n}.desk:2,S", "w") as f:
            f.write(f"Subject: written here {n}\nMessage-ID: <here-{n}@example.org>\n\nlocal {n}\n")
    os.unlink(next(f"{home()}/mail/INBOX/{d}/{name}" for d in ("cur", "new") for name in os.listdir(f"{home()}/mail/INBOX/{d}") if ",U=20," in name))
    offlineimap()
    assert p.count() == COUNT - 4 == len(here("INBOX")), (p.count(), len(here("INBOX")))
    assert len([name for name in here("INBOX") if "F" in name.partition(":2,")[2]]) == 5
    assert p.count(mailbox="Work") == 3
    assert all(b"written here" in text for text in p.bodies("bob", "Work"))


def test_a_second_run_changes_nothing():
    p = daemon()
    before = (here("INBOX"), here("Work"), sorted(p.bodies("bob")), sorted(p.bodies("bob", "Work")))
    said = offlineimap()
    assert "Copy message" not in said and "Deleting" not in said, said[-2000:]
    assert before == (here("INBOX"), here("Work"), sorted(p.bodies("bob")), sorted(p.bodies("bob", "Work")))


harness.run(globals())
