"""Servers that misbehave, played by Postfix's smtp-sink, and a client in a hurry, its smtp-source: nothing is lost, nothing comes twice, nothing hangs."""
import atexit
import email
import glob
import os
import shutil
import smtplib
import subprocess
import tempfile

import harness
from harness import PASSWORD, SLOW, answers, free_port, no_verify, shared, wait_until
from peers import library_path, unpacked

STEPS = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", ".")
world = {"number": 0}


def daemon():
    p = shared(users=["alice", "bob"], conf="resolver = 127.0.0.1@9", services=(*harness.MAIL_SERVICES, "lmtp"))
    if "folder" not in world:
        world["folder"] = tempfile.mkdtemp(prefix="postroom-misbehaving-")
        atexit.register(shutil.rmtree, world["folder"], ignore_errors=True)
    return p


def program(name, *words):
    place = unpacked("postfix")
    return [f"{place}/usr/sbin/{name}", *words], dict(os.environ, LD_LIBRARY_PATH=library_path(place, f"{place}/usr/lib/postfix"))


class Bad:
    """smtp-sink with these options, as the relay host of a domain of its own; what it takes is dumped, a file a message."""

    def __init__(self, *options):
        p = daemon()
        world["number"] += 1
        self.domain, self.port = f"bad{world['number']}.example", free_port()
        self.folder = f"{world['folder']}/{self.domain}"
        os.mkdir(self.folder)
        words, env = program("smtp-sink", *options, "-d", f"{self.folder}/", "-u", "root", f"127.0.0.1:{self.port}", "100")
        self.process = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        atexit.register(self.close)
        wait_until(lambda: answers(self.port) or self.process.poll() is not None, 10, f"smtp-sink {options} answers")
        assert self.process.poll() is None, self.process.stderr.read()
        p.cli("relay", "set", "--domain", self.domain, "--host", "127.0.0.1", "--port", str(self.port), "--tls", "none")

    def taken(self):
        found = []
        for path in glob.glob(f"{self.folder}/*"):
            with open(path, "rb") as f:
                found.append(f.read())
        return [m for m in found if b"Subject:" in m]

    def close(self):
        atexit.unregister(self.close)
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def send(bad, subject, body=b"hello\r\n", options=()):
    with smtplib.SMTP_SSL("127.0.0.1", daemon().port["submissions"], local_hostname="laptop.example", context=no_verify(), timeout=30 * SLOW) as s:
        s.login("bob@example.org", PASSWORD)
        s.sendmail("bob@example.org", [f"x@{bad.domain}"], b"From: bob@example.org\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nSubject: " +
                   subject.encode() + b"\r\n\r\n" + body, mail_options=options)


def queued(subject):
    entries = [e for e in daemon().cli("queue", "ls", "-o", "json")["data"] if e["subject"] == subject]
    return entries[0] if entries else None


def is_deferred(subject, words):
    entry = wait_until(lambda: (e := queued(subject)) and e["recipients"][0]["attempts"] >= 1 and e["recipients"][0]["state"] == "waiting" and e, 30, lambda: f"{subject} is deferred\n{daemon().log_tail(6)}")
    assert words in entry["recipients"][0]["last_reply"], entry
    daemon().cli("queue", "rm", entry["id"], "--yes")


def comes_back(subject, words):
    found = wait_until(lambda: [m for m in daemon().bodies() if b"report-type=" in m and f"Subject: {subject}\r\n".encode() in m], 30, lambda: f"a DSN about {subject}\n{daemon().log_tail(6)}")
    assert len(found) == 1 and words in email.message_from_bytes(found[0]).as_string(), found
    assert not queued(subject)


def is_taken(bad, subject):
    found = wait_until(lambda: [m for m in bad.taken() if f"Subject: {subject}".encode() in m], 30, lambda: f"{subject} is taken\n{daemon().log_tail(6)}")
    wait_until(lambda: not queued(subject), 10, "it is finished")
    assert len(found) == 1, f"{subject} came {len(found)} times"
    return found[0]


def test_soft_refusal_at_any_step_is_tried_again():
    for step in STEPS[2:]:
        with Bad("-r", step) as bad:
            send(bad, f"soft-{step}")
            is_deferred(f"soft-{step}", "450 4.3.0")
            assert step == "." or not bad.taken()


def test_hard_refusal_at_any_step_comes_back():
    for step in STEPS[2:]:
        with Bad("-f", step) as bad:
            send(bad, f"hard-{step}")
            comes_back(f"hard-{step}", "500 5.3.0")
            assert step == "." or not bad.taken()


def test_hanging_up_or_421_at_any_step_is_tried_again():
    for step in STEPS:
        for option in ("-q", "-Q"):
            with Bad(option, step) as bad:
                subject = f"drop{option}-{step}"
                send(bad, subject)
                is_deferred(subject, "127.0.0.1" if option == "-q" else "421")


def test_hanging_up_at_quit_changes_nothing():
    for option in ("-q", "-Q", "-f"):
        with Bad(option, "QUIT") as bad:
            send(bad, f"quit{option}")
            is_taken(bad, f"quit{option}")


def test_server_that_aborts_in_the_middle_of_a_message_does_not_hang_us():
    with Bad("-A", "1", "-T", "4096") as bad:
        send(bad, "aborted", body=(b"x" * 78 + b"\r\n") * 100000)
        wait_until(lambda: (e := queued("aborted")) is None or e["recipients"][0]["attempts"] >= 1 and e["recipients"][0]["state"] == "waiting", 60, "it has an outcome")
        assert not bad.taken()


def test_slow_servers_get_their_mail():
    for options in (("-w", "2"), ("-p", "-W", "RCPT:2"), ("-H", "2", "-T", "2048"), ("-W", ".:2")):
        with Bad(*options) as bad:
            subject = "slow" + "".join(options).replace(":", "")
            send(bad, subject, body=(b"y" * 78 + b"\r\n") * 20000)
            is_taken(bad, subject)


def test_servers_without_extensions_get_what_they_can_take():
    body = "gr\u00fc\u00dfe \u20ac\r\n.\r\n".encode() * 20
    for options in (("-e",), ("-P",), ("-8",), ("-p",), ("-N",), ("-E",), ("-8", "-p", "-N", "-E")):
        with Bad(*options) as bad:
            subject = "plain" + "".join(options)
            send(bad, subject, body=body, options=["BODY=8BITMIME"])
            content = is_taken(bad, subject)
            content = content[content.index(b"Received:"):].rstrip(b"\n") + b"\n"  # smtp-sink writes lines of its own before, and an empty one behind
            parsed = email.message_from_bytes(content)
            if "-8" in options or "-e" in options or "-P" in options:
                assert all(b < 128 for b in content), "8-bit to a server that did not offer 8BITMIME"
            assert parsed.get_payload(decode=True).replace(b"\r\n", b"\n").strip() == body.replace(b"\r\n", b"\n").strip(), (options, content[-300:])


def test_many_misbehaving_servers_do_not_keep_mail_from_a_good_one():
    bads = [Bad("-W", "EHLO:60", "-m", "200") for _ in range(8)]
    try:
        for bad in bads:
            for n in range(12):
                send(bad, f"stuck-{bad.domain}-{n}")
        with Bad() as good:
            send(good, "gets-through")
            is_taken(good, "gets-through")
    finally:
        for bad in bads:
            bad.close()


def source(*words):
    words, env = program("smtp-source", *words)
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=120 * SLOW)
    assert done.returncode == 0, done.stderr


def test_smtp_source_floods_us_and_every_message_arrives_once():
    before = daemon().count("alice")
    source("-s", "20", "-m", "1000", "-l", "3000", "-f", "me@source.example", "-t", "alice@example.org", f"127.0.0.1:{daemon().port['mx']}")
    daemon().wait_count(before + 1000, "alice", seconds=30)


def test_smtp_source_over_lmtp():
    before = daemon().count("alice")
    source("-L", "-s", "10", "-m", "200", "-l", "3000", "-r", "1", "-f", "me@source.example", "-t", "alice@example.org", f"127.0.0.1:{daemon().port['lmtp']}")
    daemon().wait_count(before + 200, "alice", seconds=30)


harness.run(globals())
