"""The command line: usage, help, the configuration, what it does while the daemon is down; and what `serve` does before it serves."""
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
import tempfile

import harness
from harness import PASSWORD, SLOW, Instance, answers, shared, wait_until

EX_USAGE, EX_DATAERR, EX_UNAVAILABLE, EX_TEMPFAIL, EX_NOPERM, EX_CONFIG = 64, 65, 69, 75, 77, 78
ALL = harness.MAIL_SERVICES + ("http", "https")


def daemon():
    return shared(users=["alice", "bob"], services=ALL, conf="resolver = 127.0.0.1@9")  # no DNS


def js(*words, input=None):
    return daemon().cli(*words, "-o", "json", input=input)


def ends(status, *words, instance=None, input=None, says=None):
    """The command ends so, with words for people on stderr: what is wrong, and mostly what to do next."""
    done = (instance or daemon()).run_cli(*words, input=input)
    assert done.returncode == status, f"{words}: exit {done.returncode}: {done.stdout}{done.stderr}"
    assert done.stderr.startswith("postroom: ") and "Traceback" not in done.stderr, done.stderr
    assert says is None or re.search(says, done.stderr), done.stderr
    return done.stderr


def add_user(address):
    daemon().cli("user", "add", address, "--password-stdin", input=PASSWORD + "\n")


def test_version_and_help_need_nothing():
    done = subprocess.run([harness.BINARY, "version"], capture_output=True, text=True)
    assert done.returncode == 0 and re.fullmatch(r"postroom \d+\.\d+\.\d+\n", done.stdout), done
    done = subprocess.run([harness.BINARY, "version", "-o", "json"], capture_output=True, text=True)
    assert json.loads(done.stdout)["version"]
    done = subprocess.run([harness.BINARY, "help"], capture_output=True, text=True)
    assert done.returncode == 0 and re.search(r"^  user +\S.*: ls add ", done.stdout, re.M) and len(done.stdout.splitlines()) < 50, done
    done = subprocess.run([harness.BINARY, "help", "user"], capture_output=True, text=True)
    assert done.returncode == 0 and "postroom user add ADDRESS" in done.stdout and "postroom alias" not in done.stdout
    done = subprocess.run([harness.BINARY, "manual"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith(".") and "user passwd" in done.stdout.replace("\\", "")


# ---- usage ----

def test_wrong_words_are_usage():
    for words in ((), ("frobnicate",), ("user",), ("user", "frobnicate"), ("user", "add"), ("user", "add", "a@b", "c@d", "--password-stdin"), ("status", "extra"), ("status", "--nonsense"),
                  ("status", "-o", "xml"), ("setup", "--hostname", "h")):
        done = daemon().run_cli(*words, input=PASSWORD + "\n")
        assert done.returncode == EX_USAGE and done.stderr and not done.stdout, f"{words}: {done}"


def test_help_of_a_verb():
    done = subprocess.run([harness.BINARY, "user", "add", "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and "ADDRESS" in done.stdout, done


def test_a_mistake_stays_in_sight_above_a_short_usage():
    said = ends(EX_USAGE, "user", "ls", "--suspended", "maybe", says=r"yes or no.*\nusage: postroom user ls .*\nnext: postroom user ls --help\n$")
    assert said.count("\n") == 3, said
    said = ends(EX_USAGE, "user", "set", "bob@example.org", says="nothing to change")
    said = ends(EX_DATAERR, "domain", "add", "two words", says="DOMAIN: two words: not a domain name")
    assert said.count("not a domain name") == 1, said
    ends(EX_DATAERR, "domain", "rm", "nobody.example", "--yes", says="there is no such domain")


def test_a_column_that_is_none_is_said():
    done = daemon().run_cli("user", "ls", "--columns", "address,nonsense")
    assert done.returncode == 0 and "no field nonsense" in done.stderr and "created_at" in done.stderr, done
    assert not daemon().run_cli("user", "ls", "--columns", "address,role").stderr


def test_a_dry_run_of_an_import_says_why_a_row_would_fail():
    out = daemon().cli("user", "import", "-", "--dry-run", input="address,name\nbob@example.org,Another\nnobody,\n")
    assert out == "would fail bob@example.org (is there already, and otherwise; with update they are changed)\nwould fail nobody (nobody: not an address)\n", out
    ends(EX_DATAERR, "user", "import", "-", input="mail\nx\n", says="mail: not a column; with commas between they are address, name")
    ends(EX_DATAERR, "user", "import", "-", input="address,name,name\n", says="name: this column stands there twice")
    ends(EX_DATAERR, "user", "import", "-", "--format", "json", input="[]", says="has to be a JSON object")


def test_a_certificate_is_shown_as_it_would_be_pasted():
    name = js("cert", "ls")["data"][0]["name"]
    out = daemon().cli("cert", "show", name)
    assert "\n  -----BEGIN CERTIFICATE-----\n" in out and "?" not in out, out


def test_a_self_signed_certificate_that_was_brought_stays():
    name = js("setting", "show", "hostname")["value"]
    with tempfile.TemporaryDirectory() as folder:
        chain, key = os.path.join(folder, "chain.pem"), os.path.join(folder, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "10", "-subj", f"/CN={name}",
                        "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", chain], check=True, capture_output=True)
        brought = js("cert", "set", name, "--chain", chain, "--key", key)
    kept = js("cert", "show", name)
    assert kept["self_signed"] and kept["sha256"] == brought["sha256"] and kept["not_after"] == brought["not_after"], (brought, kept)
    daemon().cli("cert", "rm", name, "--yes")  # then one of its own is made again
    assert js("cert", "show", name)["sha256"] != brought["sha256"]


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
    for line, says in (("managesieve = 127.0.0.1:4190", "not built"), ("gopher = 127.0.0.1:70", "unknown service"), ("mx = 127.0.0.1", "ADDR:PORT"), ("mx = 127.0.0.1:0", "ADDR:PORT"),
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
