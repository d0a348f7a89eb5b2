"""Mail to other servers: where it goes, how, and what the sender hears when it can't.

All of this runs in a network namespace of its own: 192.0.2.0/24 and 2001:db8::/32 are local there, without belonging to an interface, but
for 192.0.2.1 and 2001:db8::1, which are this machine's.
"""
import atexit
import email
import os
import shutil
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile

import harness
from harness import FULL, PASSWORD, SLOW, Instance, no_verify, shared, tool, wait_until
from peers import NameServer, unpacked
from smtp_sink import Sink

INSIDE = "POSTROOM_TEST_NAMESPACE"

RECORDS = """
good.example. MX 10 mx.good.example.
mx.good.example. A 192.0.2.10
prefer.example. MX 20 second.prefer.example.
prefer.example. MX 10 first.prefer.example.
first.prefer.example. A 192.0.2.11
second.prefer.example. A 192.0.2.12
null.example. MX 0 .
implicit.example. A 192.0.2.13
nodata.example. TXT "no mail here"
fallback.example. MX 10 mx.fallback.example.
mx.fallback.example. A 192.0.2.66
mx.fallback.example. A 192.0.2.14
six.example. MX 10 mx.six.example.
mx.six.example. AAAA 2001:db8::6
both.example. MX 10 mx.both.example.
mx.both.example. AAAA 2001:db8::dead
mx.both.example. A 192.0.2.15
loop.example. MX 10 mx.loop.example.
mx.loop.example. A 192.0.2.1
sixloop.example. MX 10 mx.sixloop.example.
mx.sixloop.example. AAAA 2001:db8::1
selfloop.example. MX 10 mx.selfloop.example.
mx.selfloop.example. A 127.0.0.1
backup.example. MX 10 mx.good.example.
backup.example. MX 20 mx.loop.example.
oneoftwo.example. MX 10 mx.loop.example.
oneoftwo.example. MX 20 mx.good.example.
gone.example. MX 10 nothing.gone.example.
aliased.example. CNAME good.example.
relay.example. A 192.0.2.20
other.example. A 192.0.2.20
xn--bcher-kva.example. MX 10 mx.good.example.
""" + "".join(f"{name}.example. MX 10 mx.{name}.example.\nmx.{name}.example. A 192.0.2.{number}\n" for number, name in enumerate(
    ("tls", "badtls", "grey", "reject", "partial", "silent", "ascii", "small", "down", "dropper", "old", "badgreeting", "injector"), 30))
ADDRESS = {name: f"192.0.2.{number}" for number, name in enumerate(("tls", "badtls", "grey", "reject", "partial", "silent", "ascii", "small", "down", "dropper", "old", "badgreeting", "injector"), 30)}
PORT = 2525

world = {}


def enter_namespace():
    """Runs this file again where the documentation networks are ours."""
    unpacked("nsd")  # while there is still a way to fetch it
    words = ["unshare", "--net"] if os.getuid() == 0 else ["unshare", "--net", "--map-root-user"]
    os.environ[INSIDE] = "1"
    os.execvp(words[0], [*words, sys.executable, os.path.abspath(__file__), *sys.argv[1:]])


def prepare_network():
    ip = tool("ip")
    for words in ("link set lo up", "addr add 192.0.2.1/32 dev lo", "addr add 2001:db8::1/128 dev lo nodad", "route add local 192.0.2.0/24 dev lo", "-6 route add local 2001:db8::/32 dev lo",
                  "route add unreachable 192.0.2.66/32 table local", "-6 route add unreachable 2001:db8::dead/128 table local"):
        subprocess.run([ip, *words.split()], check=True)


def make_certificates(folder):
    """A CA, and a certificate of relay.example by it."""
    def openssl(*words):
        subprocess.run([tool("openssl"), *words], check=True, capture_output=True, cwd=folder)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=Test CA", "-keyout", "ca.key", "-out", "ca.pem",
            "-addext", "basicConstraints=critical,CA:TRUE")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=relay.example", "-keyout", "relay.key", "-out", "relay.csr")
    with open(f"{folder}/ext", "w") as f:
        f.write("subjectAltName=DNS:relay.example\n")
    openssl("x509", "-req", "-in", "relay.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-extfile", "ext", "-out", "relay.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/relay.pem", f"{folder}/relay.key")
    world["context"] = context


def daemon():
    """The instance, its name server and its certificates, made once."""
    if not world:
        prepare_network()
        folder = world["folder"] = tempfile.mkdtemp(prefix="postroom-relay-")
        make_certificates(folder)
        dns = harness.free_port()
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        world["dns"] = NameServer(f"{folder}/nsd", dns, RECORDS)
        atexit.register(world["dns"].close)
        with open(f"{folder}/no.anchor", "w") as f:
            f.write("; the test's names are not signed\n")
        world["sinks"] = {"good": Sink("192.0.2.10", PORT)}
        wait_until(lambda: resolves(dns), 20, "the name server answers")
        shared(users=["alice", "bob"], conf=f"resolver = 127.0.0.1@{dns}\ntrust_anchor = {folder}/no.anchor\nrelay_port = {PORT}\ntls_ca_file = {folder}/ca.pem")
    return shared()


def resolves(port):
    """A query for the root's SOA is answered."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.2)
        s.sendto(b"\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x06\x00\x01", ("127.0.0.1", port))
        try:
            return s.recv(512)[:2] == b"\x12\x34"
        except OSError:
            return False


def good():
    daemon()
    return world["sinks"]["good"]


def sink(name, **options):
    """A peer at the address of mx.<name>.example."""
    daemon()
    return Sink(ADDRESS.get(name, name), PORT, **options)


def submit(to, subject, sender="bob@example.org", body="hello\r\n", options=()):
    p = daemon()
    with smtplib.SMTP_SSL("127.0.0.1", p.port["submissions"], local_hostname="laptop.example", context=no_verify(), timeout=30 * SLOW) as s:
        s.login("bob@example.org", PASSWORD)
        s.sendmail(sender, [to] if isinstance(to, str) else to, f"From: bob@example.org\r\nSubject: {subject}\r\n\r\n{body}".encode(), mail_options=list(options))


def got(peer, subject, seconds=15):
    """The one message with this subject that the peer was given."""
    found = wait_until(lambda: [m for m in peer.messages if f"Subject: {subject}\r\n".encode() in m.content], seconds, f"{subject} arrives\n{daemon().log_tail(8)}")
    assert len(found) == 1
    return found[0]


def bounce(original, user="bob", seconds=15):
    """The DSN about the message with this subject: its three parts, parsed."""
    found = wait_until(lambda: [m for m in daemon().bodies(user) if b"report-type=" in m and f"Subject: {original}\r\n".encode() in m], seconds, f"a DSN about {original}\n{daemon().log_tail(8)}")
    assert len(found) == 1, len(found)
    assert found[0].startswith(b"Return-Path: <>\r\n"), found[0][:200]
    report = email.message_from_bytes(found[0])
    assert report.get_content_type() == "multipart/report" and report["Auto-Submitted"] == "auto-replied" and len(report.get_payload()) == 3, report.as_string()
    assert report["To"] == f"<{user}@example.org>"
    text, status, returned = report.get_payload()
    assert returned.get_content_type() in ("text/rfc822-headers", "message/rfc822", "message/global-headers") and b"hello" not in found[0].split(b"rfc822-headers")[-1]
    return text.get_payload(), [dict(block.items()) for block in status.get_payload()]


def fails(domain, status, words, local="x"):
    """Mail to the domain comes back at once, with this status and these words."""
    subject = f"fails-{domain}"
    submit(f"{local}@{domain}", subject)
    text, blocks = bounce(subject)
    assert blocks[1]["Final-Recipient"] == f"rfc822; {local}@{domain}" and blocks[1]["Action"] == "failed" and blocks[1]["Status"] == status, blocks
    assert words in text and words in blocks[1]["Diagnostic-Code"], (text, blocks)
    assert not queued(subject)
    return blocks


def queued(subject):
    entries = [e for e in daemon().cli("queue", "ls", "-o", "json")["data"] if e["subject"] == subject]
    return entries[0] if entries else None


def deferred(subject, words):
    """It waits for another attempt, for this reason."""
    entry = wait_until(lambda: (e := queued(subject)) and e["recipients"][0]["attempts"] >= 1 and e["recipients"][0]["state"] == "waiting" and e, 40, f"{subject} is deferred\n{daemon().log_tail(8)}")
    assert words in entry["recipients"][0]["last_reply"], entry
    return entry


def retry(entry):
    done = daemon().run_cli("queue", "retry", entry["id"])
    assert done.returncode == 0, done


# ---- where it goes ----

def test_mail_goes_to_the_mx_with_identical_bytes():
    body = "one\r\n.\r\n..two\r\n" + "x" * 998 + "\r\n.three\r\n" + "\u00e4\r\n" * 30000
    submit("friend@good.example", "to-mx", body=body, options=["BODY=8BITMIME"])
    m = got(good(), "to-mx")
    assert m.sender == "bob@example.org" and m.recipients == ["friend@good.example"] and "BODY=8BITMIME" in m.options
    assert m.content.endswith(b"\r\n\r\n" + body.encode()), "the bytes differ"
    assert m.content.count(b"Received:") == 1 and b"with ESMTPSA" in m.content, m.content[:500]
    assert f"EHLO {daemon().hostname}" in good().commands
    wait_until(lambda: queued("to-mx") is None)


def test_lower_preference_comes_first_and_the_other_when_it_is_down():
    first, second = sink("192.0.2.11"), sink("192.0.2.12")
    submit("x@prefer.example", "preferred")
    got(first, "preferred")
    first.close()
    submit("x@prefer.example", "second-choice")
    got(second, "second-choice")
    second.close()
    first = sink("192.0.2.11", answers={"CONNECT": "554 no service here"})
    second = sink("192.0.2.12")
    submit("x@prefer.example", "first-says-no")
    got(second, "first-says-no")
    first.close()
    second.close()


def test_domain_without_mx_is_its_own_host():
    peer = sink("192.0.2.13")
    submit("x@implicit.example", "implicit")
    got(peer, "implicit")
    peer.close()


def test_dead_address_falls_back_to_the_next():
    peer = sink("192.0.2.14")
    submit("x@fallback.example", "fallback")
    got(peer, "fallback")
    peer.close()


def test_ipv6_only_host():
    peer = sink("2001:db8::6")
    submit("x@six.example", "over-six")
    got(peer, "over-six")
    peer.close()


def test_dead_ipv6_falls_back_to_ipv4():
    peer = sink("192.0.2.15")
    submit("x@both.example", "both-families")
    got(peer, "both-families")
    peer.close()


def test_cname_and_international_domain_are_followed():
    submit("x@aliased.example", "aliased")
    got(good(), "aliased")
    submit("x@b\u00fccher.example", "international", options=["SMTPUTF8"])
    assert got(good(), "international").recipients == ["x@xn--bcher-kva.example"]


def test_address_literal_of_a_stranger_is_not_relayed():
    try:
        submit("x@[192.0.2.10]", "literal")
    except smtplib.SMTPRecipientsRefused as e:
        assert e.recipients["x@[192.0.2.10]"][0] == 550
        return
    raise AssertionError("accepted")


def test_backup_that_is_ourselves_is_left_out():
    submit("x@backup.example", "backup")
    got(good(), "backup")


# ---- nowhere to go ----

def test_null_mx_bounces_at_once():
    fails("null.example", "5.1.10", "does not accept mail")


def test_domain_that_does_not_exist_bounces_at_once():
    fails("nowhere.example", "5.1.2", "does not exist")
    fails("nothing.at.all", "5.1.2", "does not exist")


def test_domain_without_any_address_bounces_at_once():
    fails("nodata.example", "5.4.4", "no mail server")
    fails("gone.example", "5.4.4", "no mail server")


def test_mx_that_is_this_server_is_a_loop():
    for domain in ("loop.example", "sixloop.example", "selfloop.example", "oneoftwo.example"):
        fails(domain, "5.4.6", "this server")


# ---- how the others answer ----

def test_starttls_is_used_when_offered():
    peer = sink("tls", offers=("STARTTLS", "PIPELINING"), context=world["context"])
    submit("x@tls.example", "with-tls")
    assert got(peer, "with-tls").tls, "a certificate that nobody vouches for is good enough here (RFC 7435)"
    peer.close()


def test_broken_tls_falls_back_to_plain():
    peer = sink("badtls", offers=("STARTTLS",), broken_tls=True)
    submit("x@badtls.example", "without-tls")
    assert not got(peer, "without-tls").tls
    peer.close()


def test_plain_text_injected_behind_starttls_is_not_taken():
    peer = sink("injector", offers=("STARTTLS",), context=world["context"], answers={"STARTTLS": ["220 go\r\n250-evil\r\n250 AUTH PLAIN"]})
    submit("x@injector.example", "injected")
    deferred("injected", "plain text behind")
    assert not peer.messages
    peer.close()
    daemon().cli("queue", "rm", queued("injected")["id"], "--yes")


def test_greylisting_is_tried_again():
    peer = sink("grey", answers={"RCPT": ["451 4.7.1 come back later", None]})
    submit("x@grey.example", "greylisted")
    entry = deferred("greylisted", "451 4.7.1 come back later")
    assert entry["recipients"][0]["next_at"] > entry["recipients"][0]["last_at"]
    retry(entry)
    got(peer, "greylisted")
    wait_until(lambda: queued("greylisted") is None)
    assert not any(b"greylisted" in m for m in daemon().bodies()), "no DSN for a delay that ended"
    peer.close()


def test_refusal_comes_back_with_the_remotes_words():
    peer = sink("reject", answers={"RCPT": "550-5.7.1 We do not\r\n550 5.7.1 like this"})
    blocks = fails("reject.example", "5.7.1", "like this")
    assert "mx.reject.example" in blocks[1]["Remote-MTA"] and blocks[1]["Diagnostic-Code"].startswith("smtp; 550"), blocks
    peer.answers = {".": "554 5.6.0 content refused"}
    submit("y@reject.example", "content-refused")
    text, blocks = bounce("content-refused")
    assert blocks[1]["Status"] == "5.6.0" and "content refused" in text
    peer.close()


def test_only_the_refused_recipient_bounces():
    peer = sink("partial", answers={"RCPT": lambda verb, to: "550 5.1.1 nobody here" if "nobody" in to else "452 4.2.2 full" if "full" in to else None})
    submit(["a@partial.example", "nobody@partial.example", "b@partial.example", "full@partial.example", "friend@good.example"], "partial")
    assert sorted(got(peer, "partial").recipients) == ["a@partial.example", "b@partial.example"]
    assert got(good(), "partial").recipients == ["friend@good.example"]
    _, blocks = bounce("partial")
    assert [b["Final-Recipient"] for b in blocks[1:]] == ["rfc822; nobody@partial.example"], blocks
    entry = wait_until(lambda: (e := queued("partial")) and [r["address"] for r in e["recipients"] if r["state"] == "waiting"] == ["full@partial.example"] and e)
    peer.answers = {}
    retry(entry)
    wait_until(lambda: queued("partial") is None)
    assert sorted(m.recipients for m in peer.messages) == [["a@partial.example", "b@partial.example"], ["full@partial.example"]]
    peer.close()


def test_server_that_is_down_is_tried_again():
    submit("x@down.example", "down")
    entry = deferred("down", "efused")
    peer = sink("down")
    retry(entry)
    got(peer, "down")
    peer.close()


def test_server_that_hangs_up_is_tried_again():
    drops = {"n": 0}

    def drop(verb, argument):
        drops["n"] += 1
        if drops["n"] == 1:
            raise OSError("hang up")

    peer = sink("dropper", answers={"DATA": drop})
    submit("x@dropper.example", "dropped")
    entry = deferred("dropped", "connection")
    retry(entry)
    got(peer, "dropped")
    peer.close()


def test_old_server_gets_helo():
    peer = sink("old", answers={"EHLO": "500 what?"})
    submit("x@old.example", "by-helo")
    got(peer, "by-helo")
    assert any(c.startswith("HELO mail.example.org") for c in peer.commands)
    peer.close()


def test_what_a_server_cannot_take_comes_back():
    peer = sink("ascii", offers=("8BITMIME",))
    submit("x\u00e4@ascii.example", "no-utf8", options=["SMTPUTF8"])
    found = wait_until(lambda: [m for m in daemon().bodies() if b"report-type=global-delivery-status" in m], 15)
    assert b"5.6.7" in found[0] and "utf-8; x\u00e4@ascii.example".encode() in found[0], found[0]
    peer.close()
    peer = sink("small", offers=("SIZE 1000",))
    submit("x@small.example", "no-room", body="z" * 900 + "\r\n" + "y" * 900 + "\r\n")
    _, blocks = bounce("no-room")
    assert blocks[1]["Status"] == "5.3.4"
    peer.close()


# ---- DSN ----

def test_null_sender_gives_no_dsn():
    peer = sink("silent", answers={"RCPT": "550 5.1.1 nobody"})
    before = daemon().count(), daemon().count("alice")
    submit("x@silent.example", "null-sender", sender="")
    wait_until(lambda: peer.connections == 1 and queued("null-sender") is None, 15, "given up")
    assert (daemon().count(), daemon().count("alice")) == before
    assert not [e for e in daemon().cli("queue", "ls", "-o", "json")["data"] if e["from"] == ""]
    peer.close()


def test_forwarded_mail_bounces_to_its_sender():
    p = daemon()
    peer = sink("reject", answers={"RCPT": "550 5.1.1 moved away"})
    p.cli("alias", "add", "forward@example.org", "moved@reject.example")
    p.send("Subject: forwarded\r\n\r\nhello\r\n", sender="writer@good.example", to=("forward",))
    m = wait_until(lambda: [m for m in good().messages if b"Subject: forwarded" in m.content], 15)[0]
    assert m.sender == "" and m.recipients == ["writer@good.example"] and b"moved away" in m.content and b"hello" not in m.content.split(b"rfc822-headers")[1], m.content
    peer.close()


def test_dsn_that_cannot_be_delivered_ends():
    p = daemon()
    peer = sink("reject", answers={"RCPT": "550 5.1.1 nobody"})
    p.send("Subject: double\r\n\r\nhello\r\n", sender="writer@reject.example", to=("forward",))
    wait_until(lambda: len([c for c in peer.commands if c == "RCPT TO:<writer@reject.example>"]) == 1, 15, "the DSN is tried")
    wait_until(lambda: not [e for e in p.cli("queue", "ls", "-o", "json")["data"] if e["from"] == ""], 15, "and given up")
    peer.close()


# ---- relay hosts ----

def relay_host(*words, domain="*", host="relay.example", port=2587, password=None):
    daemon().cli("relay", "set", "--domain", domain, "--host", host, "--port", str(port), *words, *(("--user", "postroom", "--password-stdin") if password else ()), input=f"{password}\n" if password else None)


def test_relay_host_for_all_with_tls_and_login():
    daemon()
    peer = Sink("192.0.2.20", 2587, offers=("STARTTLS", "PIPELINING"), context=world["context"], login=("postroom", "relay-secret-1"))
    relay_host("--tls", "required", password="relay-secret-1")
    submit(["a@good.example", "b@nowhere.example"], "through-relay")
    m = got(peer, "through-relay")
    assert m.tls and m.login == "postroom" and sorted(m.recipients) == ["a@good.example", "b@nowhere.example"], m.recipients
    relay_host("--tls", "required", password="wrong-secret-2")
    submit("a@good.example", "wrong-login")
    entry = deferred("wrong-login", "535")
    relay_host("--tls", "required", password="relay-secret-1")
    retry(entry)
    got(peer, "wrong-login")
    daemon().cli("relay", "rm", "--domain", "*", "--yes")
    peer.close()


def test_required_tls_checks_the_name():
    daemon()
    peer = Sink("192.0.2.20", 2587, offers=("STARTTLS",), context=world["context"])
    relay_host("--tls", "required", domain="good.example", host="other.example")
    submit("a@good.example", "wrong-name")
    entry = deferred("wrong-name", "TLS")
    assert not peer.messages
    relay_host("--tls", "required", domain="good.example", host="relay.example")
    retry(entry)
    assert got(peer, "wrong-name").tls
    daemon().cli("relay", "rm", "--domain", "good.example", "--yes")
    peer.close()


def test_required_tls_is_never_plain():
    daemon()
    peer = Sink("192.0.2.20", 2587)
    relay_host("--tls", "required", domain="good.example")
    submit("a@good.example", "never-plain")
    entry = deferred("never-plain", "TLS is required")
    assert not any(c.startswith("MAIL") for c in peer.commands)
    daemon().cli("relay", "rm", "--domain", "good.example", "--yes")
    retry(entry)
    got(good(), "never-plain")
    peer.close()


def test_relay_host_of_one_domain_leaves_the_others_alone():
    daemon()
    peer = Sink("127.0.0.1", port := harness.free_port())
    relay_host("--tls", "none", domain="null.example", host="127.0.0.1", port=port)
    submit(["a@null.example", "b@good.example"], "split")
    assert got(peer, "split").recipients == ["a@null.example"], "a relay host on loopback is allowed, and MX is not asked"
    assert got(good(), "split").recipients == ["b@good.example"]
    daemon().cli("relay", "rm", "--domain", "null.example", "--yes")
    peer.close()


def test_many_messages_to_many_places():
    subjects = [f"many-{n}" for n in range(100)]
    for s in subjects:
        submit(f"{s}@good.example", s)
    wait_until(lambda: len([m for m in good().messages if b"Subject: many-" in m.content]) == 100, 40, "all arrive")
    assert sorted(m.recipients[0] for m in good().messages if b"Subject: many-" in m.content) == sorted(f"{s}@good.example" for s in subjects), "each once"


def test_queue_survives_a_restart():
    p = daemon()
    submit("x@down.example", "over-restart")
    deferred("over-restart", "efused")
    p.kill()
    p.start()
    peer = sink("down")
    retry(queued("over-restart"))
    got(peer, "over-restart")
    peer.close()


def test_dns_that_is_down_defers():
    if not FULL:  # waits for time-outs
        return
    world["dns"].close()
    submit("x@unknown-now.example", "dns-down")
    deferred("dns-down", "DNS")
    daemon().cli("queue", "rm", queued("dns-down")["id"], "--yes")


def test_nothing_of_this_was_a_bug():
    assert daemon().cli("status", "-o", "json")["counters"]["bugs"] == 0


if INSIDE not in os.environ:
    enter_namespace()
harness.run(globals())
