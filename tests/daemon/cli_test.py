"""The command line: every verb, both forms of output, what it exits with; and what `serve` does before it serves."""
import http.client
import imaplib
import json
import os
import re
import signal
import smtplib
import socket
import stat
import subprocess

import harness
from harness import PASSWORD, SLOW, Instance, answers, shared, wait_until

EX_USAGE, EX_DATAERR, EX_UNAVAILABLE, EX_TEMPFAIL, EX_NOPERM, EX_CONFIG = 64, 65, 69, 75, 77, 78
ALL = harness.MAIL_SERVICES + ("http", "https")


def daemon():
    return shared(users=["alice", "bob"], services=ALL, conf="resolver = 127.0.0.1@9")  # no DNS


def js(*words, input=None):
    return daemon().cli(*words, "-o", "json", input=input)


def ends(status, *words, instance=None, input=None, says=None):
    """The command ends so, with one line for people on stderr."""
    done = (instance or daemon()).run_cli(*words, input=input)
    assert done.returncode == status, f"{words}: exit {done.returncode}: {done.stdout}{done.stderr}"
    assert done.stderr.startswith("postroom: ") and (status == EX_USAGE or done.stderr.count("\n") == 1), done.stderr
    assert says is None or re.search(says, done.stderr), done.stderr
    return done.stderr


def add_user(address):
    daemon().cli("user", "add", address, "--password-stdin", input=PASSWORD + "\n")


# ---- each noun ----

def test_version_and_help_need_nothing():
    done = subprocess.run([harness.BINARY, "version"], capture_output=True, text=True)
    assert done.returncode == 0 and re.fullmatch(r"postroom \d+\.\d+\.\d+\n", done.stdout), done
    done = subprocess.run([harness.BINARY, "version", "-o", "json"], capture_output=True, text=True)
    assert json.loads(done.stdout)["version"]
    done = subprocess.run([harness.BINARY, "help"], capture_output=True, text=True)
    assert done.returncode == 0 and "postroom user add ADDRESS" in done.stdout
    done = subprocess.run([harness.BINARY, "manual"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith(".") and "user passwd" in done.stdout.replace("\\", "")


def test_status_says_what_runs():
    said = js("status")
    assert said["hostname"] == "mail.example.org" and said["domains"] >= 1 and said["users"] >= 2 and said["version"], said
    assert "hostname: mail.example.org" in daemon().cli("status")


def test_domains():
    p = daemon()
    assert p.cli("domain", "add", "example.com") == "added\n"
    p.cli("domain", "add", "B\u00fccher.example")
    names = [d["name"] for d in js("domain", "ls")["data"]]
    assert "example.com" in names and "example.org" in names and "xn--bcher-kva.example" in names, names
    assert "example.com" in p.cli("domain", "ls").split()
    ends(EX_DATAERR, "domain", "add", "example.com")
    ends(EX_DATAERR, "domain", "add", "not a domain")
    ends(EX_DATAERR, "domain", "rm", "nowhere.example")
    ends(EX_DATAERR, "domain", "rm", "example.org")  # it has users
    assert p.cli("domain", "rm", "example.com") == "removed\n"
    assert "example.com" not in [d["name"] for d in js("domain", "ls")["data"]]


def test_users():
    p = daemon()
    add_user("dave@example.org")
    found = {u["address"]: u for u in js("user", "ls")["data"]}
    assert found["alice@example.org"]["role"] == "owner" and found["dave@example.org"]["role"] == "user" and found["dave@example.org"]["suspended"] is False, found
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", found["dave@example.org"]["created_at"])
    assert re.search(r"dave@example\.org +user", p.cli("user", "ls"))
    ends(EX_DATAERR, "user", "add", "dave@example.org", "--password-stdin", input=PASSWORD + "\n")
    ends(EX_DATAERR, "user", "add", "erin@example.org", "--password-stdin", input="short\n", says="8")
    ends(EX_DATAERR, "user", "add", "erin@example.net", "--password-stdin", input=PASSWORD + "\n")
    ends(EX_DATAERR, "user", "add", "no address", "--password-stdin", input=PASSWORD + "\n")
    p.imap("dave").logout()
    p.cli("user", "passwd", "dave@example.org", "--password-stdin", input="another-password-2\n")
    assert not logs_in("dave") and logs_in("dave", "another-password-2")
    p.cli("user", "suspend", "dave@example.org")
    assert not logs_in("dave", "another-password-2")
    p.cli("user", "resume", "dave@example.org")
    assert logs_in("dave", "another-password-2")
    p.send("Subject: x\r\n\r\nx\r\n", to=("dave",))
    p.cli("user", "rm", "dave@example.org")
    assert not logs_in("dave", "another-password-2") and "dave@example.org" not in p.cli("user", "ls")
    ends(EX_DATAERR, "user", "rm", "dave@example.org")
    ends(EX_DATAERR, "user", "suspend", "nobody@example.org")
    ends(EX_DATAERR, "user", "rm", "alice@example.org")  # the last owner


def test_removed_user_leaves_no_folder():
    p = daemon()
    before = set(os.listdir(f"{p.dir}/data/accounts"))
    add_user("frank@example.org")
    p.send("Subject: x\r\n\r\nx\r\n", to=("frank",))
    wait_until(lambda: set(os.listdir(f"{p.dir}/data/accounts")) != before, 10, "a mailbox")
    p.cli("user", "rm", "frank@example.org")
    assert set(os.listdir(f"{p.dir}/data/accounts")) == before
    add_user("frank@example.org")
    p.send("Subject: new\r\n\r\nx\r\n", to=("frank",))
    p.wait_count(1, "frank")


def logs_in(user, password=PASSWORD):
    client = imaplib.IMAP4_SSL("127.0.0.1", daemon().port["imaps"], ssl_context=harness.no_verify(), timeout=30 * SLOW)
    try:
        client.login(f"{user}@example.org", password)
        return True
    except imaplib.IMAP4.error:
        return False
    finally:
        client.shutdown()


def test_aliases():
    p = daemon()
    p.cli("alias", "add", "sales@example.org", "alice@example.org", "bob@example.org")
    p.cli("alias", "add", "@example.org", "bob@example.org")
    rows = {a["address"]: a["targets"] for a in js("alias", "ls")["data"]}
    assert rows == {"sales@example.org": ["alice@example.org", "bob@example.org"], "@example.org": ["bob@example.org"]}, rows
    assert "sales@example.org" in p.cli("alias", "ls")
    ends(EX_DATAERR, "alias", "add", "sales@example.org", "bob@example.org")
    ends(EX_DATAERR, "alias", "add", "bob@example.org", "alice@example.org")
    ends(EX_DATAERR, "alias", "add", "x@example.net", "alice@example.org")
    ends(EX_USAGE, "alias", "add", "empty@example.org")
    p.cli("alias", "rm", "@example.org")
    p.cli("alias", "rm", "sales@example.org")
    assert js("alias", "ls")["data"] == []
    ends(EX_DATAERR, "alias", "rm", "sales@example.org")


def test_relays():
    p = daemon()
    p.cli("relay", "set", "--domain", "*", "--host", "smart.example.net", "--port", "587", "--tls", "required", "--user", "me", "--password-stdin", input="relay-secret-1\n")
    p.cli("relay", "set", "--domain", "example.net", "--host", "192.0.2.1", "--port", "25", "--tls", "none")
    p.cli("relay", "set", "--domain", "example.net", "--host", "192.0.2.2", "--port", "2525", "--tls", "opportunistic")
    rows = {r["domain"]: r for r in js("relay", "ls")["data"]}
    assert set(rows) == {"*", "example.net"} and rows["*"]["has_password"] is True and rows["*"]["user"] == "me" and rows["example.net"]["host"] == "192.0.2.2" and rows["example.net"]["port"] == 2525, rows
    assert "relay-secret" not in json.dumps(rows) + p.cli("relay", "ls") + p.log_tail(1000)
    secret = subprocess.run(["grep", "-rl", "relay-secret-1", p.dir], capture_output=True, text=True).stdout
    assert not secret, f"the password stands in {secret}"
    ends(EX_DATAERR, "relay", "set", "--domain", "x.example", "--host", "h.example", "--port", "25", "--tls", "sometimes")
    ends(EX_DATAERR, "relay", "set", "--domain", "x.example", "--host", "h.example", "--port", "25", "--tls", "none", "--user", "me", "--password-stdin", input="relay-secret-1\n")
    ends(EX_USAGE, "relay", "set", "--domain", "x.example", "--host", "h.example", "--port", "65536", "--tls", "none")
    ends(EX_USAGE, "relay", "set", "--domain", "x.example")
    p.cli("relay", "rm", "--domain", "*")
    p.cli("relay", "rm", "--domain", "example.net")
    ends(EX_DATAERR, "relay", "rm", "--domain", "*")


def test_queue():
    p = daemon()
    p.cli("relay", "set", "--domain", "example.net", "--host", "127.0.0.1", "--port", str(harness.free_port()), "--tls", "none")  # refuses at once
    with smtplib.SMTP_SSL("127.0.0.1", p.port["submissions"], local_hostname="laptop.example", context=harness.no_verify(), timeout=30 * SLOW) as s:
        s.login("bob@example.org", PASSWORD)
        s.sendmail("bob@example.org", ["friend@example.net"], "From: bob@example.org\r\nSubject: waits \x1b[31m\r\n\r\nx\r\n")
    entry = wait_until(lambda: [e for e in js("queue", "ls")["data"] if e["recipients"][0]["attempts"] == 1 and e["recipients"][0]["state"] == "waiting"], 30, "the first attempt failed")[0]
    assert entry["from"] == "bob@example.org" and entry["recipients"][0]["address"] == "friend@example.net"
    shown = js("queue", "show", entry["id"])
    assert shown["recipients"][0]["last_reply"] and shown["subject"].startswith("waits"), shown
    text = p.cli("queue", "show", entry["id"]) + p.cli("queue", "ls")
    assert entry["id"] in text and "\x1b" not in text, text
    p.cli("queue", "retry", entry["id"])
    wait_until(lambda: js("queue", "show", entry["id"])["recipients"][0]["attempts"] == 2, 30, "a second attempt")
    wait_until(lambda: p.run_cli("queue", "rm", entry["id"]).returncode == 0, 30, "removed, once no attempt is under way")
    assert js("queue", "ls")["data"] == []
    p.cli("relay", "rm", "--domain", "example.net")
    for verb in ("show", "retry", "rm"):
        ends(EX_DATAERR, "queue", verb, entry["id"])
        ends(EX_DATAERR, "queue", verb, "no-id")


# ---- usage ----

def test_wrong_words_are_usage():
    for words in ((), ("frobnicate",), ("user",), ("user", "frobnicate"), ("user", "add"), ("user", "add", "a@b", "c@d", "--password-stdin"), ("status", "extra"), ("status", "--nonsense"),
                  ("status", "-o", "xml"), ("setup", "--hostname", "h")):
        done = daemon().run_cli(*words, input=PASSWORD + "\n")
        assert done.returncode == EX_USAGE and done.stderr and not done.stdout, f"{words}: {done}"


def test_help_of_a_verb():
    done = subprocess.run([harness.BINARY, "user", "add", "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and "ADDRESS" in done.stdout, done


def test_names_from_outside_cannot_write_to_the_terminal():
    said = ends(EX_DATAERR, "user", "suspend", "\x1b]0;evil\x07@example.org")
    assert "\x1b" not in said and "\x07" not in said


# ---- the configuration ----

def test_config_check():
    p = Instance(start=False, services=ALL)
    assert p.cli("config", "check")
    good = open(p.conf_path).read()
    for line, says in (("colour = red", "unknown key"), ("log_level = loud", "log_level"), ("resolver = somewhere", "resolver"), ("relay_port = 70000", "port"), ("trusted_network = 300.0.0.0/8", "network"),
                       ("tls_ca_file = /does/not/exist", "file"), ("nonsense", "key = value"), ("user = no-such-user-here", "user"), ("[other]", "section"), (f"data_dir = {p.dir}", "twice")):
        write(p, line + "\n" + good)
        said = ends(EX_CONFIG, "config", "check", instance=p, says=says)
        assert re.match(rf"postroom: {re.escape(p.conf_path)}:\d+: ", said), said
        ends(EX_CONFIG, "serve", instance=p, says=says)
    for line, says in (("pop3 = 127.0.0.1:110", "not built"), ("managesieve = 127.0.0.1:4190", "not built"), ("gopher = 127.0.0.1:70", "unknown service"), ("mx = 127.0.0.1", "ADDR:PORT"), ("mx = 127.0.0.1:0", "ADDR:PORT"),
                       (f"imap = 127.0.0.1:{p.port['mx']}", "twice")):
        write(p, good + line + "\n")
        ends(EX_CONFIG, "config", "check", instance=p, says=says)
        ends(EX_CONFIG, "serve", instance=p, says=says)
    os.unlink(p.conf_path)
    ends(EX_CONFIG, "config", "check", instance=p)
    ends(EX_CONFIG, "status", instance=p)
    assert not os.path.exists(f"{p.dir}/data"), "nothing was touched"
    p.close()


def write(p, text):
    with open(p.conf_path, "w") as f:
        f.write(text)


def test_port_in_use_touches_nothing():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        p = Instance(start=False, services=ALL, ports={"imap": s.getsockname()[1]})
        ends(EX_CONFIG, "serve", instance=p, says=f"127.0.0.1:{p.port['imap']}")
        assert not os.path.exists(f"{p.dir}/data") and not os.path.exists(f"{p.dir}/secret.key")
        p.close()


# ---- with the daemon down ----

def test_daemon_down():
    p = Instance(start=False, services=ALL)
    ends(EX_UNAVAILABLE, "status", instance=p, says="does not run")
    ends(EX_UNAVAILABLE, "user", "passwd", "alice@example.org", "--password-stdin", instance=p, input=PASSWORD + "\n", says="setup")
    ends(EX_DATAERR, "setup", "--hostname", "mail.example.org", "--domain", "example.org", "--admin", "alice@example.org", "--password-stdin", instance=p, input="short\n", says="8")
    ends(EX_DATAERR, "setup", "--hostname", "mail.example.org", "--domain", "example.org", "--admin", "alice@example.com", "--password-stdin", instance=p, input=PASSWORD + "\n")
    p.setup()
    ends(EX_DATAERR, "setup", "--hostname", "mail.example.org", "--domain", "example.org", "--admin", "alice@example.org", "--password-stdin", instance=p, input=PASSWORD + "\n")
    assert stat.S_IMODE(os.stat(f"{p.dir}/secret.key").st_mode) == 0o600
    assert stat.S_IMODE(os.stat(f"{p.dir}/data").st_mode) & 0o007 == 0
    p.cli("user", "passwd", "alice@example.org", "--password-stdin", input="while-it-was-down-1\n")
    ends(EX_DATAERR, "user", "passwd", "nobody@example.org", "--password-stdin", instance=p, input=PASSWORD + "\n")
    for words in (("user", "ls"), ("domain", "ls"), ("alias", "ls"), ("relay", "ls"), ("queue", "ls"), ("domain", "add", "a.example"), ("user", "suspend", "alice@example.org")):
        ends(EX_UNAVAILABLE, *words, instance=p)
    p.start()
    client = imaplib.IMAP4_SSL("127.0.0.1", p.port["imaps"], ssl_context=harness.no_verify())
    client.login("alice@example.org", "while-it-was-down-1")
    client.logout()
    p.stop()
    ends(EX_UNAVAILABLE, "status", instance=p)
    p.close()


def test_second_daemon_on_the_same_data():
    p = daemon()
    second = os.path.join(p.dir, "second.conf")
    with open(p.conf_path) as f:
        text = re.sub(r"127\.0\.0\.1:\d+", lambda m: f"127.0.0.1:{harness.free_port()}", f.read())
    with open(second, "w") as f:
        f.write(text.replace(f"run_dir = {p.dir}/run", f"run_dir = {p.dir}/run2"))
    done = subprocess.run([harness.BINARY, "serve", "--config", second], capture_output=True, text=True, timeout=30 * SLOW)
    assert done.returncode == EX_TEMPFAIL and done.stderr.startswith("postroom: ") and done.stderr.count("\n") == 1, done
    done = subprocess.run([harness.BINARY, "user", "passwd", "bob@example.org", "--password-stdin", "--config", second], input=PASSWORD + "\n", capture_output=True, text=True, timeout=30 * SLOW)
    assert done.returncode == EX_TEMPFAIL, done
    assert js("status")["users"] >= 2


def test_second_daemon_with_the_same_file():
    ends(EX_CONFIG, "serve")
    assert js("status")["users"] >= 2


# ---- before setup ----

def test_serve_without_setup_says_so_and_setup_opens_the_ports():
    p = Instance(start=False, services=ALL)
    p.spawn()
    wait_until(lambda: answers(p.port["http"]), 20, p.log_tail())
    wait_until(lambda: os.path.exists(f"{p.dir}/run/admin.sock"), 20)
    for make in (lambda: http.client.HTTPConnection("127.0.0.1", p.port["http"], timeout=30), lambda: http.client.HTTPSConnection("127.0.0.1", p.port["https"], timeout=30, context=harness.no_verify())):
        c = make()
        c.request("GET", "/healthz")
        assert json.loads(c.getresponse().read())["set_up"] is False
        c.request("GET", "/")
        assert c.getresponse().status == 200
        c.close()
    for service in harness.MAIL_SERVICES:
        assert not answers(p.port[service]), service
    assert "setup" in p.log_tail()
    done = p.run_cli("status")
    assert done.returncode == EX_TEMPFAIL and "setup" in done.stderr, done
    p.setup()
    wait_until(p.is_ready, 20, "the mail ports open")
    p.send("Subject: first\r\n\r\nx\r\n", to=("alice",))
    p.wait_count(1, "alice")
    c = http.client.HTTPConnection("127.0.0.1", p.port["http"], timeout=30)
    c.request("GET", "/healthz")
    assert json.loads(c.getresponse().read())["set_up"] is True
    c.close()
    p.stop()
    p.start()
    p.wait_count(1, "alice")
    p.stop()
    p.close()


def test_serve_without_setup_stops_when_told():
    p = Instance(start=False, services=ALL)
    p.spawn()
    wait_until(lambda: answers(p.port["http"]), 20)
    p.stop()
    p.close()


def test_reload_keeps_serving():
    p = daemon()
    p.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "main reload result=" in p.log_tail(400), 10, "a reload")
    p.send("Subject: after-reload\r\n\r\nx\r\n")
    wait_until(lambda: any(b"after-reload" in m for m in p.bodies()))


def test_wrong_key_is_refused():
    p = Instance(start=False, services=ALL)
    p.setup()
    with open(f"{p.dir}/secret.key", "r+b") as f:
        f.seek(0)
        byte = f.read(1)
        f.seek(0)
        f.write(b"a" if byte != b"a" else b"b")
    done = p.run_cli("serve")
    assert done.returncode in (EX_NOPERM, EX_CONFIG, 74) and done.stderr.startswith("postroom: "), done
    p.close()


def test_owner_gets_postmaster_and_abuse():
    p = daemon()
    for local in ("postmaster", "abuse"):
        p.send(f"Subject: to-{local}\r\n\r\nx\r\n", to=(local,))
        wait_until(lambda: any(f"to-{local}".encode() in m for m in p.bodies("alice")), 10, local)


harness.run(globals())
