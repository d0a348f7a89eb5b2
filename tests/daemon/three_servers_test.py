"""Two Postrooms and a Postfix that know each other only by signed DNS: mail all ways, DANE and MTA-STS in force, bounces that come home.

a.example and b.example are Postrooms, c.example is a Postfix that asks for DANE. a and c have TLSA records, b has an MTA-STS policy.
"""
import email
import os
import smtplib

import harness
import tls_lab
from harness import PASSWORD, SLOW, Instance, no_verify, wait_until
from postfix import Postfix

tls_lab.enter(__file__)

ADDRESS = {"a": "192.0.2.1", "b": "192.0.2.2", "c": "192.0.2.3"}
world = {}


def postroom(letter, lab, certificate):
    host = f"mail.{letter}.example"
    p = Instance(users=["anna", "paul"], domain=f"{letter}.example", hostname=host, conf=lab.conf(), host=ADDRESS[letter], trusted=False, ports={"mx": 25}, services=("submissions", "imaps"))
    p.cli("cert", "set", host, "--chain", certificate.chain, "--key", certificate.key)
    return p


def build():
    lab = tls_lab.Lab()
    certificates = {letter: lab.ca.certificate(f"mail.{letter}.example") for letter in ADDRESS}
    records = "".join(f"{letter}.example. MX 10 mail.{letter}.example.\nmail.{letter}.example. A {ADDRESS[letter]}\n" for letter in ADDRESS)
    records += "".join(f"_25._tcp.mail.{letter}.example. TLSA {certificates[letter].tlsa()}\n" for letter in "ac")
    records += f'_mta-sts.b.example. TXT "v=STSv1; id=20260101T000000;"\nmta-sts.b.example. A {tls_lab.STS_HOST}\n'
    lab.start_names(records)
    sts = tls_lab.StsHost()
    sts.add("mta-sts.b.example", lab.ca.certificate("mta-sts.b.example"), tls_lab.policy("enforce", "mail.b.example"))
    world.update(lab=lab, sts=sts, a=postroom("a", lab, certificates["a"]), b=postroom("b", lab, certificates["b"]))
    os.mkdir(f"{lab.folder}/postfix")
    world["c"] = Postfix(f"{lab.folder}/postfix", "c.example", f"smtp_tls_security_level = dane\nsmtp_dns_support_level = dnssec\nsmtp_host_lookup = dns\nsmtp_tls_CAfile = {lab.ca.file}\nsmtp_tls_loglevel = 1\n",
                         host=ADDRESS["c"], port=25, certificate=(certificates["c"].chain, certificates["c"].key), networks="192.0.2.3/32")


def server(letter):
    if not world:
        build()
    return world[letter]


def send(letter, to, subject, body="hello\r\n", options=(), rcpt_options=()):
    sender = f"paul@{letter}.example"
    content = f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{subject}@{letter}.example>\r\n\r\n{body}".encode()
    p = server(letter)
    if letter == "c":
        with smtplib.SMTP(ADDRESS["c"], 25, local_hostname="laptop.example", timeout=30 * SLOW, source_address=(ADDRESS["c"], 0)) as s:
            return s.sendmail(sender, to, content, mail_options=options, rcpt_options=rcpt_options)
    with smtplib.SMTP_SSL(p.at, p.port["submissions"], local_hostname="laptop.example", context=no_verify(), timeout=30 * SLOW) as s:
        s.login(sender, PASSWORD)
        return s.sendmail(sender, to, content, mail_options=options, rcpt_options=rcpt_options)


def inbox(letter, user):
    p = server(letter)
    return p.messages(user) if letter == "c" else p.bodies(user)


def logs():
    return server("a").log_tail(10) + server("b").log_tail(10) + server("c").log()[-1500:]


def arrives(letter, user, subject):
    found = wait_until(lambda: [m for m in inbox(letter, user) if f"Subject: {subject}".encode() in m], 30, lambda: f"{subject} at {user}@{letter}.example\n{logs()}")
    assert len(found) == 1, f"{subject} came {len(found)} times"
    return found[0]


def queue(letter):
    return server(letter).cli("queue", "ls", "-o", "json")["data"]


def test_mail_goes_all_six_ways_once_and_under_verified_tls():
    for source in ADDRESS:
        for target in ADDRESS:
            if source != target:
                send(source, f"anna@{target}.example", f"from-{source}-to-{target}")
    for source in ADDRESS:
        for target in ADDRESS:
            if source != target:
                content = arrives(target, "anna", f"from-{source}-to-{target}")
                assert b"TLSv1.3" in content.split(b"Subject:")[0], content
    for letter in "ab":
        wait_until(lambda: not queue(letter), 20, logs)
    assert world["sts"].requests.count(("mta-sts.b.example", "/.well-known/mta-sts.txt")) == 1, "one sender here knows MTA-STS, and asks once"
    assert "Verified TLS connection established to mail.a.example" in server("c").log(), server("c").log()


def test_how_tls_went_is_on_record():
    def found():
        rows = {(r["domain"], p["type"]): p for r in server("a").cli("tls", "results", "-o", "json")["data"] for p in r["policies"]}
        return rows.get(("b.example", "sts")) and rows.get(("c.example", "tlsa")) and rows

    rows = wait_until(found, 90, logs)
    for key in (("b.example", "sts"), ("c.example", "tlsa")):
        assert rows[key]["successes"] >= 1 and rows[key]["failures"] == 0, rows


def test_bounce_of_another_server_comes_home():
    for source, target in (("a", "b"), ("b", "c"), ("a", "c")):
        subject = f"nobody-{source}-{target}"
        send(source, f"nobody@{target}.example", subject)
        report = email.message_from_bytes(arrives(source, "paul", subject))
        assert report.get_content_type() == "multipart/report" and report["Auto-Submitted"].startswith("auto-"), report.as_string()
        fields = dict(report.get_payload()[1].get_payload()[1].items())
        assert fields["Action"] == "failed" and fields["Status"].startswith("5.1.1") and fields["Remote-MTA"] == f"dns; mail.{target}.example" or "mx.c.example" in fields["Remote-MTA"], fields


def test_success_is_told_by_the_server_that_delivered():
    send("a", "anna@b.example", "tell-me", options=["RET=HDRS", "ENVID=lab+2B1"], rcpt_options=["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;anna@b.example"])
    arrives("b", "anna", "tell-me")
    report = email.message_from_bytes(wait_until(lambda: [m for m in inbox("a", "paul") if b"Action: delivered" in m and b"tell-me" in m], 30, logs)[0])
    status = report.get_payload()[1].get_payload()
    assert status[0]["Reporting-MTA"] == "dns; mail.b.example" and status[0]["Original-Envelope-Id"] == "lab+1", status[0].as_string()
    assert status[1]["Original-Recipient"] == "rfc822; anna@b.example" and status[1]["Final-Recipient"] == "rfc822; anna@b.example", status[1].as_string()


def test_forward_to_another_server_bounces_back_through_srs():
    server("b").cli("user", "forward", "anna@b.example", "nobody@c.example", "--keep", "no")
    send("a", "anna@b.example", "forwarded-in-vain")
    report = email.message_from_bytes(arrives("a", "paul", "forwarded-in-vain"))
    assert report.get_content_type() == "multipart/report", report.as_string()
    server("b").cli("user", "unforward", "anna@b.example")


def test_require_tls_goes_where_it_can_be_kept_and_comes_back_where_not():
    send("a", "anna@b.example", "required-b", options=["REQUIRETLS"])
    arrives("b", "anna", "required-b")
    send("a", "anna@c.example", "required-c", options=["REQUIRETLS"])
    report = email.message_from_bytes(arrives("a", "paul", "required-c"))
    assert "5.7.30" in report.as_string(), "Postfix does not offer REQUIRETLS"


def test_binary_and_8bit_and_utf8_cross_unchanged():
    body = "gr\u00fc\u00dfe \u20ac\r\n.\r\n..\r\n" * 2000
    for target in "bc":
        send("a", f"anna@{target}.example", f"eight-{target}", body=body, options=["BODY=8BITMIME"])
        content = arrives(target, "anna", f"eight-{target}").replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        assert content.split(b"\r\n\r\n", 1)[1] == body.encode(), "the bodies differ"


def test_probe_says_how_a_message_would_go():
    for address, words in (("anna@b.example", "MTA-STS"), ("anna@c.example", "DANE")):
        done = server("a").run_cli("relay", "probe", address)
        assert done.returncode == 0 and words in done.stdout, done.stdout + done.stderr
    done = server("a").run_cli("relay", "probe", "nobody@c.example")
    assert done.returncode != 0 and "550" in done.stdout, done.stdout + done.stderr
    assert not queue("a")


def test_servers_stop_in_order():
    for letter in "ab":
        server(letter).stop()


harness.run(globals())
