"""POP3 as programs speak it: curl, fetchmail, getmail, mpop and node-pop3 (npm, by lock file) fetch each message once and remove what they are told to."""
import atexit
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile

import harness
from harness import MAIL_SERVICES, PASSWORD, SLOW, shared, tool


def daemon():
    return shared(users=["curl", "fetchmail", "getmail", "mpop", "node"], services=MAIL_SERVICES + ("pop3", "pop3s"))


HOME = tempfile.mkdtemp(prefix="postroom-pop3-")
os.chmod(HOME, 0o755)
atexit.register(shutil.rmtree, HOME, ignore_errors=True)


def body(number):
    return f"Subject: number {number}\r\n\r\n.a line that begins with a point\r\n.\r\n" + "x" * 60 * (number % 3) + "\r\nlast\r\n"


def send(user, first, last):
    with daemon().smtp() as s:
        for number in range(first, last + 1):
            s.sendmail("me@example.net", [f"{user}@example.org"], body(number))
    daemon().wait_count(last - first + 1, user=user)


def write(name, text, mode=0o600):
    path = os.path.join(HOME, name)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def run(*words, expect=(0,), **options):
    done = subprocess.run(words, capture_output=True, text=True, timeout=60 * SLOW, **options)
    assert done.returncode in expect, f"{words[0]}: {done.returncode}\n{done.stdout}{done.stderr}{daemon().log_tail()}"
    return done.stdout


def subjects(text):
    return [int(n) for n in re.findall(r"^Subject: number (\d+)\r?$", text, re.M)]


def test_curl_lists_fetches_and_deletes_with_tls_and_stls():
    p = daemon()
    send("curl", 1, 3)
    login = ["-sS", "-k", "--user", f"curl@example.org:{PASSWORD}"]
    plain, tls = f"pop3://127.0.0.1:{p.port['pop3']}", f"pop3s://127.0.0.1:{p.port['pop3s']}"
    curl = tool("curl")
    listed = run(curl, *login, f"{tls}/").split()
    assert listed[::2] == ["1", "2", "3"], listed
    for url, more in ((plain, ["--ssl-reqd"]), (tls, []), (plain, ["--login-options", "AUTH=PLAIN"])):
        text = run(curl, *login, *more, f"{url}/2")
        assert "\r\n.a line that begins with a point\r\n.\r\n" in text or "\n.a line that begins with a point\n.\n" in text, text
        assert subjects(text) == [2]
    assert "number 1" in run(curl, *login, f"{tls}/", "-X", "TOP 1 0")
    assert len(run(curl, *login, f"{tls}/", "-X", "UIDL").split()) == 6
    run(curl, *login, "-l", "-X", "DELE", f"{tls}/2", "-I")
    p.wait_count(2, user="curl")


def fetchmailrc(port, extra):
    return write("fetchmailrc", f"""set no bouncemail
set no spambounce
poll 127.0.0.1 service {port} protocol POP3 timeout 20 uidl
  user "fetchmail@example.org" password "{PASSWORD}" {extra}
  mda "cat >> {HOME}/fetched"
""")


def fetchmail(extra, service="pop3s", expect=(0,)):
    rc = fetchmailrc(daemon().port[service], extra)
    return run(tool("fetchmail"), "-f", rc, "--pidfile", f"{HOME}/fetchmail.pid", "-v", expect=expect, env=dict(os.environ, HOME=HOME, FETCHMAILHOME=HOME, LC_ALL="C"))


def fetched():
    try:
        with open(f"{HOME}/fetched", encoding="utf-8") as f:
            return subjects(f.read())
    except FileNotFoundError:
        return []


def test_fetchmail_keeps_what_it_is_told_to_keep_and_takes_each_message_once():
    send("fetchmail", 1, 4)
    extra = "ssl no sslcertck keep"
    fetchmail(extra)
    assert fetched() == [1, 2, 3, 4], fetched()
    fetchmail(extra, expect=(1,))  # 1: no new mail
    assert fetched() == [1, 2, 3, 4], fetched()
    with daemon().smtp() as s:
        s.sendmail("me@example.net", ["fetchmail@example.org"], body(5))
    daemon().wait_count(5, user="fetchmail")
    fetchmail(extra)
    assert fetched() == [1, 2, 3, 4, 5], fetched()
    daemon().wait_count(5, user="fetchmail")


def test_fetchmail_over_stls_takes_the_rest_and_removes_it():
    os.remove(f"{HOME}/fetched")
    fetchmail("sslproto 'TLS1.2+' no sslcertck nokeep fetchall", service="pop3")
    assert fetched() == [1, 2, 3, 4, 5], fetched()
    daemon().wait_count(0, user="fetchmail")


def somebody():
    """getmail delivers to nobody as root."""
    return {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}


def getmail(delete):
    folder = f"{HOME}/getmail"
    for d in ("cur", "new", "tmp"):
        os.makedirs(f"{folder}/mail/{d}", exist_ok=True)
    write("getmail/getmailrc", f"""[retriever]
type = SimplePOP3SSLRetriever
server = 127.0.0.1
port = {daemon().port['pop3s']}
username = getmail@example.org
password = {PASSWORD}
[destination]
type = Maildir
path = {folder}/mail/
[options]
read_all = false
delete = {'true' if delete else 'false'}
verbose = 2
""")
    if os.geteuid() == 0:
        for at, _, names in os.walk(folder):
            for name in ["."] + names:
                shutil.chown(os.path.join(at, name), "nobody")
    run(tool("getmail"), "--getmaildir", folder, env=dict(os.environ, HOME=folder), **somebody())
    found = []
    for name in os.listdir(f"{folder}/mail/new"):
        with open(f"{folder}/mail/new/{name}", encoding="utf-8") as f:
            found += subjects(f.read())
    return sorted(found)


def test_getmail_knows_what_it_has_by_the_ids():
    send("getmail", 1, 3)
    assert getmail(False) == [1, 2, 3]
    assert getmail(False) == [1, 2, 3]
    assert getmail(True) == [1, 2, 3]
    daemon().wait_count(0, user="getmail")


def mpop(service, auth, keep):
    rc = write("mpoprc", f"""defaults
tls on
tls_starttls {'on' if service == 'pop3' else 'off'}
tls_certcheck off
timeout {int(20 * SLOW)}
account default
host 127.0.0.1
port {daemon().port[service]}
user mpop@example.org
password {PASSWORD}
auth {auth}
pipelining on
keep {'on' if keep else 'off'}
uidls_file {HOME}/mpop_uidls
delivery mbox {HOME}/mpop_box
""", stat.S_IRUSR | stat.S_IWUSR)
    run(tool("mpop"), "-C", rc, env=dict(os.environ, HOME=HOME))
    with open(f"{HOME}/mpop_box", encoding="utf-8") as f:
        return subjects(f.read())


def test_mpop_pipelines_and_logs_in_every_way_it_knows():
    send("mpop", 1, 30)
    assert mpop("pop3s", "user", True) == list(range(1, 31))
    assert mpop("pop3", "plain", True) == list(range(1, 31))
    mpop("pop3s", "scram-sha-256", False)
    daemon().wait_count(0, user="mpop")


def test_node_pop3_fetches_what_list_says_and_removes_two():
    p = daemon()
    send("node", 1, 6)
    modules = os.path.join(os.path.dirname(os.path.abspath(harness.BINARY)), "node", "node_modules")
    assert os.path.isdir(os.path.join(modules, "node-pop3")), f"{modules}: make check-daemon runs npm ci"
    script = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "node", "pop3.js")
    out = run(tool("node"), script, str(p.port["pop3s"]), "node@example.org", PASSWORD, env=dict(os.environ, NODE_PATH=modules))
    assert out.endswith("done\n"), out
    p.wait_count(4, user="node")


harness.run(globals())
