"""getmail fetches each message once, and removes what it fetched when told to."""
import atexit
import os
import pwd
import shutil
import subprocess
import tempfile

import harness
from harness import PASSWORD, SLOW, shared, tool


def daemon():
    return shared(users=["bob"])


HOME = tempfile.mkdtemp(prefix="postroom-getmail-")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)


def home():
    return HOME


def somebody():
    """getmail delivers to nobody as root."""
    return {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}


def prepare(delete):
    for d in ("cur", "new", "tmp"):
        os.makedirs(f"{home()}/mail/{d}", exist_ok=True)
    if os.geteuid() == 0:
        for folder, _, _ in os.walk(home()):
            shutil.chown(folder, "nobody")
    with open(f"{home()}/getmailrc", "w") as f:
        f.write(f"""[retriever]
type = SimpleIMAPSSLRetriever
server = 127.0.0.1
port = {daemon().port['imaps']}
username = bob@example.org
password = {PASSWORD}
mailboxes = ("INBOX", "Archive")
[destination]
type = Maildir
path = {home()}/mail/
[options]
read_all = false
delete = {'true' if delete else 'false'}
verbose = 2
message_log = {home()}/log
""")


def getmail():
    done = subprocess.run([tool("getmail"), "--getmaildir", home()], capture_output=True, text=True, timeout=60 * SLOW, env=dict(os.environ, HOME=home()), **somebody())
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def fetched():
    found = []
    for d in ("cur", "new"):
        for name in os.listdir(f"{home()}/mail/{d}"):
            with open(f"{home()}/mail/{d}/{name}", encoding="utf-8") as f:
                found += [line.split()[2] for line in f if line.startswith("Subject: number ")]
    return sorted(found, key=int)


def send(first, last):
    for n in range(first, last):
        daemon().send(f"Subject: number {n}\r\n\r\nx\r\n")


def test_new_mail_is_fetched_once_from_two_mailboxes():
    p = daemon()
    prepare(delete=False)
    client = p.imap("bob")
    client.append("Archive", "(\\Seen)", None, b"Subject: number 0\r\n\r\nx\r\n")
    client.logout()
    send(1, 8)
    p.wait_count(7)
    getmail()
    assert fetched() == [str(n) for n in range(8)], fetched()
    send(8, 10)
    p.wait_count(9)
    getmail()
    assert fetched() == [str(n) for n in range(10)], fetched()


def test_what_was_fetched_is_removed_when_told_to():
    p = daemon()
    prepare(delete=True)
    send(10, 12)
    p.wait_count(11)
    getmail()
    assert fetched() == [str(n) for n in range(12)], fetched()
    p.wait_count(0)


harness.run(globals())
