"""mbsync keeps a Maildir and a mailbox the same, both ways."""
import os
import re
import subprocess

import harness
from harness import PASSWORD, SLOW, shared, tool

COUNT = 1000


def daemon():
    return shared(users=["bob"])


def prepare():
    p = daemon()
    home = os.path.join(p.dir, "mbsync")
    os.makedirs(f"{home}/mail", exist_ok=True)
    certificate = subprocess.run([tool("openssl"), "s_client", "-connect", f"127.0.0.1:{p.port['imaps']}", "-showcerts"], input="", capture_output=True, text=True, timeout=60 * SLOW).stdout
    with open(f"{home}/ca.pem", "w") as f:
        f.write(re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", certificate, re.S).group())
    with open(f"{home}/rc", "w") as f:
        f.write(f"""
IMAPStore remote
Host 127.0.0.1
Port {p.port['imaps']}
User bob@example.org
Pass {PASSWORD}
SSLType IMAPS
CertificateFile {home}/ca.pem

MaildirStore local
SubFolders Verbatim
Path {home}/mail/
Inbox {home}/mail/INBOX

Channel all
Far :remote:
Near :local:
Patterns *
Create Both
Remove Both
Expunge Both
CopyArrivalDate yes
SyncState *
""")
    return home


def mbsync(home):
    done = subprocess.run([tool("mbsync"), "-c", f"{home}/rc", "-V", "all"], capture_output=True, text=True, timeout=200 * SLOW, env=dict(os.environ, HOME=home))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout + done.stderr


def local_files(home, mailbox="INBOX"):
    return sorted(f"{d}/{name}" for d in ("cur", "new") for name in os.listdir(f"{home}/mail/{mailbox}/{d}"))


def local_messages(home, mailbox="INBOX"):
    found = []
    for name in local_files(home, mailbox):
        with open(f"{home}/mail/{mailbox}/{name}", "rb") as f:
            found.append(re.sub(rb"X-TUID: [^\n]*\n", b"", f.read()).replace(b"\r\n", b"\n"))
    return sorted(found)


def remote_messages(mailbox="INBOX"):
    return sorted(re.sub(rb"X-TUID: [^\r]*\r\n", b"", m).replace(b"\r\n", b"\n") for m in daemon().bodies("bob", mailbox))


def snapshot(home):
    """Everything that a run could change, on both sides."""
    client = daemon().imap("bob")
    client.select("INBOX", readonly=True)
    there = client.fetch("1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE)")[1]
    status = [client.status(name, "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN)")[1] for name in ("INBOX", "Archive", "Sent", "Work", "Work/Deep")]
    client.logout()
    here = {d: sorted(names) for d, _, names in os.walk(f"{home}/mail") if os.path.basename(d) in ("cur", "new", "tmp")}
    return [re.sub(rb"^\d+ ", b"", t) for t in there], status, here


def test_thousand_messages_go_both_ways_and_a_second_run_changes_nothing():
    p = daemon()
    home = prepare()
    with p.smtp() as s:
        for n in range(COUNT):
            s.sendmail("me@example.net", ["bob@example.org"], f"From: me@example.net\r\nSubject: remote {n}\r\nMessage-ID: <remote-{n}@example.net>\r\n\r\n{'line' * (n % 50)}\r\n")
    p.wait_count(COUNT, seconds=60)
    for mailbox in ("INBOX", "Work", "Work/Deep"):
        for d in ("cur", "new", "tmp"):
            os.makedirs(f"{home}/mail/{mailbox}/{d}")
    for n in range(COUNT):
        mailbox = ("INBOX", "Work", "Work/Deep")[n % 3]
        flags = ("", "S", "FS", "RS")[n % 4]
        with open(f"{home}/mail/{mailbox}/cur/{1700000000 + n}.{n}.here:2,{flags}", "w") as f:
            f.write(f"From: bob@example.org\nSubject: local {n}\nMessage-ID: <local-{n}@example.org>\n\n{'text ' * (n % 60)}\n")
    mbsync(home)
    for mailbox in ("INBOX", "Work", "Work/Deep"):
        there, here = remote_messages(mailbox), local_messages(home, mailbox)
        assert there == here, f"{mailbox}: {len(there)} there, {len(here)} here"
    assert p.count(mailbox="INBOX") == COUNT + 334 and p.count(mailbox="Work") == 333 and p.count(mailbox="Work/Deep") == 333
    before = snapshot(home)
    mbsync(home)
    assert snapshot(home) == before


def test_flags_and_removals_go_both_ways():
    p = daemon()
    home = os.path.join(p.dir, "mbsync")
    client = p.imap("bob")
    client.select("INBOX")
    client.store("1:10", "+FLAGS", "(\\Flagged \\Seen)")
    client.store("11:20", "+FLAGS", "(\\Deleted)")
    client.expunge()
    client.append("Work", None, None, b"Subject: appended there\r\n\r\nx\r\n")
    client.logout()
    marked = [f for f in local_files(home) if f.endswith(":2,FS")]
    count = p.count()
    for name in [f for f in local_files(home) if f.endswith(":2,")][-5:]:
        os.unlink(f"{home}/mail/INBOX/{name}")
    mbsync(home)
    assert p.count() == count - 5 == len(local_files(home)), (p.count(), count, len(local_files(home)))
    assert len([f for f in local_files(home) if f.endswith(":2,FS")]) == len(marked) + 10
    assert any(b"appended there" in m for m in local_messages(home, "Work"))
    assert remote_messages() == local_messages(home)
    before = snapshot(home)
    mbsync(home)
    assert snapshot(home) == before


def test_restart_between_runs_changes_nothing():
    p = daemon()
    home = os.path.join(p.dir, "mbsync")
    before = snapshot(home)
    p.stop()
    p.start()
    said = mbsync(home)
    assert snapshot(home) == before and "UIDVALIDITY" not in said, said[-500:]


harness.run(globals())
