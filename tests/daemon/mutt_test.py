"""mutt in a terminal: somebody opens the inbox over TLS, reads, answers."""
import atexit
import os
import subprocess
import time

import harness
from harness import PASSWORD, SLOW, shared, tool, wait_until

SERVER = f"postroom-{os.getpid()}"  # a tmux of our own
started = []


def daemon():
    return shared(users=["alice", "bob"])


def tmux(*words):
    return subprocess.run([tool("tmux"), "-L", SERVER, "-f", "/dev/null", *words], capture_output=True, text=True, timeout=30 * SLOW)


def screen():
    return tmux("capture-pane", "-p", "-t", "mail").stdout


def shows(words, seconds=20):
    """Waits until the screen shows the words; the screen."""
    assert started, "mutt did not start"
    wait_until(lambda: words in screen(), seconds, lambda: f"{words!r} on the screen:\n{screen()}")
    return screen()


def keys(*names):
    assert started, "mutt did not start"
    done = tmux("send-keys", "-t", "mail", *names)
    assert done.returncode == 0, done.stderr


def start():
    p = daemon()
    tool("mutt")
    home = os.path.join(p.dir, "mutt")
    os.makedirs(home, exist_ok=True)
    with open(f"{home}/editor", "w") as f:
        f.write('#!/bin/sh\nprintf "typed in an editor\\n" >> "$1"\n')
    os.chmod(f"{home}/editor", 0o755)
    with open(f"{home}/muttrc", "w") as f:
        f.write(f"""
set imap_user = "bob@example.org"
set imap_pass = "{PASSWORD}"
set folder = "imaps://127.0.0.1:{p.port['imaps']}/"
set spoolfile = "+INBOX"
set record = "+Sent"
set smtp_url = "smtp://bob@example.org@127.0.0.1:{p.port['submission']}/"
set smtp_pass = "{PASSWORD}"
set smtp_authenticators = "scram-sha-256"
set ssl_starttls = yes
set ssl_force_tls = yes
set ssl_verify_host = no
set ssl_verify_dates = no
set certificate_file = "{home}/certificates"
set ssl_ca_certificates_file = ""
set from = "bob@example.org"
set realname = "Bob"
set use_from = yes
set hostname = "laptop.example"
set editor = "{home}/editor"
set edit_headers = no
set autoedit = yes
set fast_reply = yes
set include = yes
set abort_unmodified = no
set abort_nosubject = no
set header_cache = ""
set sleep_time = 0
set mail_check = 1
set timeout = 1
set imap_idle = yes
set markers = no
set mark_old = no
set quit = yes
set move = no
set confirmappend = no
set delete = yes
set copy = yes
""")
    atexit.register(tmux, "kill-server")
    done = tmux("new-session", "-d", "-s", "mail", "-x", "120", "-y", "40", "env", f"HOME={home}", "TERM=screen", "LC_ALL=C.UTF-8", f"TMPDIR={home}", "mutt", "-n", "-F", f"{home}/muttrc")
    assert done.returncode == 0, done.stderr
    started.append(True)
    go_on("q:Quit")


def go_on(until):
    """Answers what mutt may ask on the way: the certificate vouches for itself (always), and a file that the editor touched in
    another second than mutt has its encoding looked at again (yes)."""
    deadline = time.monotonic() + 30 * SLOW
    answered = 0
    while until not in (now := screen()):
        if "Update encoding" in now:
            keys("Enter")
            wait_until(lambda: screen() != now, 10, screen)
            continue
        if "(o)nce, (a)ccept always" in now or "reject, accept (o)nce" in now:
            answered += 1
            assert answered < 10, now
            keys("a" if "(a)ccept always" in now else "o")
            wait_until(lambda: screen() != now, 10, screen)
        assert time.monotonic() < deadline, now
        time.sleep(0.05)


def test_inbox_is_opened_and_a_message_read():
    p = daemon()
    p.send("From: Anna <anna@example.net>\r\nTo: bob@example.org\r\nSubject: Lunch on Friday\r\nContent-Type: text/plain; charset=utf-8\r\nMIME-Version: 1.0\r\n\r\nShall we meet at noon? Gr\u00fc\u00dfe\r\n".encode())
    p.wait_count(1)
    start()
    now = shows("Lunch on Friday")
    assert "Anna" in now and "INBOX" in now, now
    keys("Enter")
    now = shows("Shall we meet at noon? Gr\u00fc\u00dfe")
    assert "Subject: Lunch on Friday" in now
    keys("i")
    shows("q:Quit")


def test_new_mail_is_shown():
    daemon().send("From: Carl <carl@example.net>\r\nSubject: It just came in\r\n\r\nnew\r\n")
    shows("It just came in", 30)


def test_message_is_written_and_sent():
    p = daemon()
    keys("m")
    shows("To:")
    keys("alice@example.org", "Enter")
    shows("Subject:")
    keys("From mutt", "Enter")
    shows("y:Send")
    keys("y")
    go_on("Mail sent")
    found = wait_until(lambda: [m for m in p.bodies("alice") if b"Subject: From mutt" in m], 20)
    assert b"typed in an editor\r\n" in found[0] and b"From: Bob <bob@example.org>" in found[0] and b"with ESMTPSA" in found[0], found[0]
    p.wait_count(1, "bob", "Sent")


def test_message_is_answered_and_deleted():
    p = daemon()
    p.send("From: Alice <alice@example.org>\r\nTo: bob@example.org\r\nSubject: Answer me\r\nMessage-ID: <ask@example.org>\r\n\r\nplease\r\n")
    shows("Answer me", 30)
    keys("/", "Answer me", "Enter")
    keys("r")
    shows("y:Send")
    keys("y")
    go_on("Mail sent")
    found = wait_until(lambda: [m for m in p.bodies("alice") if b"Subject: Re: Answer me" in m], 20)
    assert b"In-Reply-To: <ask@example.org>" in found[0] and b"> please" in found[0], found[0]
    p.wait_count(2, "bob", "Sent")
    keys("d")
    keys("$")
    wait_until(lambda: p.count() == 2, 20, "expunged")
    client = p.imap("bob")
    client.select("INBOX", readonly=True)
    assert client.search(None, "SEEN SUBJECT", "Lunch")[1] == [b"1"], "what was read is seen"
    client.logout()


def test_quit_leaves():
    keys("q")
    wait_until(lambda: tmux("has-session", "-t", "mail").returncode != 0, 20, screen)


harness.run(globals())
