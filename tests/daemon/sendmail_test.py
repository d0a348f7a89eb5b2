"""sendmail(1), mailq(1), newaliases(1): other names of the program, over submit.sock, with a policy row for each uid."""
import os
import shutil
import smtplib
import socket
import stat
import subprocess
import tempfile

import harness
from harness import SLOW, shared, wait_until

EX_USAGE, EX_DATAERR, EX_NOUSER, EX_TEMPFAIL, EX_NOPERM, EX_CONFIG = 64, 65, 67, 75, 77, 78
NOBODY = 65534
LINKS = tempfile.mkdtemp(prefix="postroom-links-")
os.chmod(LINKS, 0o755)
shutil.copy(harness.BINARY, f"{LINKS}/postroom")  # where everybody may run it
os.chmod(f"{LINKS}/postroom", 0o755)
for name in ("sendmail", "mailq", "newaliases"):
    os.symlink("postroom", f"{LINKS}/{name}")


def daemon():
    if not harness._shared:
        p = shared(users=["alice", "bob"], conf="resolver = 127.0.0.1@9")
        os.chmod(p.dir, 0o755)  # as /run and /etc are
    return harness._shared[0]


def program(name, *words, input="", uid=None, binary=False):
    command = [f"{LINKS}/{name}", "-C", daemon().conf_path, *words]
    if uid is not None:
        command = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *command]
    return subprocess.run(command, input=input if binary else input.encode(), capture_output=True, timeout=60 * SLOW, env={k: v for k, v in daemon().env.items() if k != "NAME"}, cwd="/")


def sendmail(*words, input="Subject: x\n\nhello\n", **options):
    return program("sendmail", *words, input=input, **options)


def ends(status, done, says=b""):
    assert done.returncode == status and says in done.stderr + done.stdout, done
    if status:
        assert done.stderr.startswith(b"sendmail: "), done


def latest(subject, user="bob"):
    return wait_until(lambda: [m for m in daemon().bodies(user) if f"Subject: {subject}\r\n".encode() in m], 10, lambda: f"{subject} for {user}\n{daemon().log_tail()}")[-1].decode()


# ---- handing in ----

def test_a_message_is_delivered():
    ends(0, sendmail("bob@example.org", input="Subject: plain\n\nhello\nsecond line\n"))
    got = latest("plain")
    assert "hello\r\nsecond line\r\n" in got and "Message-ID: <" in got and "\r\nDate: " in got, got
    assert "Received: by mail.example.org (local uid 0)" in got and "Return-Path: <root@mail.example.org>" in got, got
    assert "From: " in got and "<root@mail.example.org>" in got


def test_recipients_of_the_header():
    ends(0, sendmail("-t", "-oi", input="Subject: header\nTo: Bob <bob@example.org>\nBcc: alice\n\nhi\n"))
    got = latest("header")
    assert "Bcc" not in got and "alice" not in got, got
    assert "Bcc" not in latest("header", "alice")
    ends(EX_USAGE, sendmail("-t", input="Subject: none\n\nhi\n"), b"no recipients")
    ends(EX_USAGE, sendmail(input="Subject: none\n\nhi\n"), b"no recipients")


def test_dots():
    ends(0, sendmail("-i", "bob", input="Subject: dots kept\n\n.\n..\n.x\nend\n"))
    assert "\r\n\r\n.\r\n..\r\n.x\r\nend\r\n" in latest("dots kept")
    ends(0, sendmail("bob", input="Subject: dot ends\n\nbefore\n.\nafter\n"))
    got = latest("dot ends")
    assert "before" in got and "after" not in got, got


def test_lines_and_bytes():
    ends(0, sendmail("bob", input="Subject: crlf\r\n\r\none\r\ntwo\rthree\n".encode(), binary=True))
    assert "one\r\ntwo\r\nthree\r\n" in latest("crlf")
    ends(0, sendmail("bob", input="Subject: utf8 body\n\ngr\u00fc\u00dfe\n"))
    assert "gr\u00fc\u00dfe" in latest("utf8 body")
    ends(EX_DATAERR, sendmail("bob", input=b"Subject: nul\n\na\0b\n", binary=True))
    ends(0, sendmail("bob", input="Subject: large\n\n" + ("x" * 76 + "\n") * 20000))
    assert len(latest("large")) > 20000 * 78


def test_names_without_a_domain():
    ends(0, sendmail("root", input="Subject: for root\nFrom: root (Cron Daemon)\n\nhi\n"))  # no mailbox: the postmaster
    got = latest("for root", "alice")
    assert "From: Cron Daemon <root@mail.example.org>" in got, got
    ends(0, sendmail("daemon", input="Subject: for a login\n\nhi\n"))
    latest("for a login", "alice")
    ends(0, sendmail("bob@localhost", input="Subject: at localhost\n\nhi\n"))
    latest("at localhost")
    ends(EX_NOUSER, sendmail("no-such-login"), b"5.1.1")


def test_all_or_none():
    ends(EX_NOUSER, sendmail("bob", "nobody@example.org", input="Subject: half\n\nhi\n"), b"nobody@example.org")
    ends(0, sendmail("bob", input="Subject: after half\n\nhi\n"))
    latest("after half")
    assert not [m for m in daemon().bodies("bob") if b"Subject: half\r\n" in m]


def test_full_names():
    ends(0, sendmail("-F", "Ann \"Q\" Public", "-f", "alice@example.org", "bob", input="Subject: named\n\nhi\n"))
    got = latest("named")
    assert 'From: "Ann \\"Q\\" Public" <alice@example.org>' in got and "Return-Path: <alice@example.org>" in got, got


def test_smtp_on_standard_input():
    done = sendmail("-bs", input="EHLO x\nMAIL FROM:<alice@example.org>\nRCPT TO:<bob@example.org>\nDATA\nSubject: piped\n\n..dot\n.\nNOOP\nQUIT\n")
    replies = [line[:3] for line in done.stdout.decode().splitlines() if line[3:4] == " "]
    assert done.returncode == 0 and replies == ["220", "250", "250", "250", "354", "250", "250", "221"], done
    assert "\r\n\r\n.dot\r\n" in latest("piped")
    done = sendmail("-bs", input="HELO x\r\nMAIL FROM:<alice@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nSubject: cut off\r\n\r\nx\r\n")
    assert done.returncode == 0
    assert not [m for m in daemon().bodies("bob") if b"cut off" in m]


def test_other_options_that_programs_use():
    for n, words in enumerate((("-oem", "-odb", "-oi", "-m"), ("-FCronDaemon", "-i", "-odi", "-oem", "-oi"), ("-N", "never", "-R", "hdrs", "-V", "x", "-B", "8BITMIME"), ("-U", "-G", "-n", "-v", "-bm"), ("-O", "DeliveryMode=b", "-h", "3"))):
        ends(0, sendmail(*words, "--", "bob@example.org", input=f"Subject: options {n}\n\nhi\n"))
        latest(f"options {n}")
    ends(EX_USAGE, sendmail("-bd"), b"systemctl")
    ends(EX_USAGE, sendmail("-bv", "bob"), b"not supported")
    ends(EX_USAGE, sendmail("-Z"), b"-Z")
    ends(EX_USAGE, sendmail("-f", "not an address", "bob"))
    ends(EX_CONFIG, subprocess.run([f"{LINKS}/sendmail", "-C", "/does/not/exist", "bob"], input=b"x", capture_output=True))


# ---- who may what ----

def test_another_uid_may_only_be_itself():
    ends(0, sendmail("bob", uid=NOBODY, input="Subject: from nobody\n\nhi\n"))
    got = latest("from nobody")
    assert "Return-Path: <nobody@mail.example.org>" in got and f"(local uid {NOBODY})" in got, got
    ends(EX_NOPERM, sendmail("-f", "alice@example.org", "bob", uid=NOBODY), b"not an address of yours")
    ends(EX_NOPERM, sendmail("bob", uid=NOBODY, input="From: alice@example.org\nSubject: forged\n\nhi\n"), b"From")
    ends(EX_NOPERM, sendmail("-f", "root@mail.example.org", "bob", uid=NOBODY))
    ends(0, sendmail("-f", "", "bob", uid=NOBODY, input="From: nobody\nSubject: null path\n\nhi\n"))
    assert "Return-Path: <>" in latest("null path")


def test_nobody_relays_without_a_row():
    for uid in (0, NOBODY):
        ends(EX_NOPERM, sendmail("friend@example.net", uid=uid), b"administrator")


def test_rows_decide():
    p = daemon()
    p.cli("relay", "set", "--domain", "example.net", "--host", "127.0.0.1", "--port", str(harness.free_port()), "--tls", "none")  # refuses at once
    try:
        p.cli("submitter", "set", str(NOBODY), "--sender", "alice@example.org", "--remote", "yes")
        ends(0, sendmail("bob", uid=NOBODY, input="Subject: as alice\n\nhi\n"))
        assert "Return-Path: <alice@example.org>" in latest("as alice")
        ends(0, sendmail("friend@example.net", uid=NOBODY, input="Subject: outside\n\nhi\n"))
        wait_until(lambda: [e for e in p.cli("queue", "ls", "-o", "json")["data"] if e["from"] == "alice@example.org"], 10, "queued for elsewhere")
        ends(EX_NOPERM, sendmail("-f", "bob@example.org", "bob", uid=NOBODY))
        p.cli("submitter", "set", str(NOBODY), "--allowed", "no")
        ends(EX_NOPERM, sendmail("bob", uid=NOBODY), b"may not hand in")
        p.cli("submitter", "rm", str(NOBODY), "--yes")
        p.cli("submitter", "set", "everybody", "--allowed", "no")
        ends(EX_NOPERM, sendmail("bob", uid=NOBODY), b"may not hand in")
        p.cli("submitter", "set", "0", "--allowed", "yes")
        ends(0, sendmail("bob", input="Subject: root still\n\nhi\n"))
    finally:
        for uid in (str(NOBODY), "everybody", "0"):
            p.run_cli("submitter", "rm", uid, "--yes")
        wait_until(lambda: p.run_cli("queue", "bulk", "delete", "--domain", "example.net", "--yes", "--wait").returncode == 0 and not p.cli("queue", "ls", "-o", "json")["data"], 30, "an empty queue")


def test_the_socket_is_open_to_all_and_speaks_plain_smtp():
    path = f"{daemon().dir}/run/submit.sock"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o666
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        client = smtplib.SMTP()
        client.sock = s
        client.file = None
        assert client.getreply()[0] == 220
        assert client.ehlo("x")[0] == 250 and not client.has_extn("auth") and not client.has_extn("starttls")
        assert client.esmtp_features["xlocal"].split() == ["root@mail.example.org", "example.org"], client.esmtp_features
        assert client.docmd("AUTH", "PLAIN AGFsaWNlAHg=")[0] == 502
        client.quit()


def test_the_queue_is_not_for_everybody():
    done = program("mailq")
    assert done.returncode == 0 and b"Mail queue is empty" in done.stdout, done
    done = program("mailq", uid=NOBODY)
    assert done.returncode == EX_NOPERM and b"root" in done.stderr and done.stderr.count(b"\n") == 1, done
    assert program("sendmail", "-bp").stdout == program("mailq").stdout
    assert program("sendmail", "-q").returncode == 0 and program("sendmail", "-q", uid=NOBODY).returncode == EX_NOPERM
    done = program("newaliases", uid=NOBODY)
    assert done.returncode == 0 and b"postroom alias" in done.stdout, done
    assert program("sendmail", "-bi").returncode == 0


def test_the_daemon_is_down():
    p = harness.Instance(start=False)
    try:
        done = subprocess.run([f"{LINKS}/sendmail", "-C", p.conf_path, "bob@example.org"], input=b"Subject: x\n\nx\n", capture_output=True)
        assert done.returncode == EX_TEMPFAIL and b"does not run" in done.stderr, done
        done = subprocess.run([f"{LINKS}/sendmail", "-C", p.conf_path, "-bs"], input=b"EHLO x\n", capture_output=True)
        assert done.returncode == EX_TEMPFAIL and done.stdout.startswith(b"421 "), done
    finally:
        p.close()


def test_one_uid_does_not_take_all_connections():
    path = f"{daemon().dir}/run/submit.sock"
    held = []
    try:
        for _ in range(150):
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(30 * SLOW)
            s.connect(path)
            held.append(s)
        greetings = [s.recv(200)[:3] for s in held]
        assert greetings.count(b"220") == 100 and greetings.count(b"421") == 50, greetings
        ends(0, sendmail("bob", uid=NOBODY, input="Subject: beside the crowd\n\nhi\n"))
        ends(EX_TEMPFAIL, sendmail("bob"))
    finally:
        for s in held:
            s.close()
    latest("beside the crowd")
    wait_until(lambda: sendmail("bob").returncode == 0, 10, "the places are given back")


# ---- programs ----

def test_mail_programs_send_through_it():
    conf = daemon().conf_path
    with tempfile.TemporaryDirectory() as home:
        env = dict(os.environ, HOME=home, USER="root", LOGNAME="root", MAILRC="/dev/null")
        done = subprocess.run([harness.tool("s-nail"), "-:/", "-S", f"mta={LINKS}/sendmail", "-S", f"mta-arguments=-C {conf}", "-S", "v15-compat", "-S", "ttycharset=utf-8", "-s", "from s-nail", "bob@example.org"], input="hello from mail\n", capture_output=True, text=True, env=env, timeout=60 * SLOW)
        assert done.returncode == 0, done
        assert "hello from mail" in latest("from s-nail")
        with open(f"{home}/muttrc", "w") as f:
            f.write(f'set sendmail="{LINKS}/sendmail -C {conf} -oem -oi"\nset from="alice@example.org"\nset use_envelope_from=yes\nset copy=no\nset realname="Alice"\n')
        done = subprocess.run([harness.tool("mutt"), "-F", f"{home}/muttrc", "-s", "from mutt", "-b", "alice@example.org", "--", "bob@example.org"], input="hello from mutt\n", capture_output=True, text=True, env=env, timeout=60 * SLOW)
        assert done.returncode == 0, done
        got = latest("from mutt")
        assert "Return-Path: <alice@example.org>" in got and "Bcc" not in got, got
        latest("from mutt", "alice")


try:
    harness.run(globals())
finally:
    shutil.rmtree(LINKS, ignore_errors=True)
