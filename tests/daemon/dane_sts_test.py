"""DANE, MTA-STS and REQUIRETLS against signed names and policy hosts of all kinds: who gets the mail, who does not, and what is told of it."""
import smtplib
import threading
import time

import harness
import tls_lab
from harness import PASSWORD, SLOW, Instance, no_verify, wait_until
from smtp_sink import Sink

tls_lab.enter(__file__)

TLS = ("STARTTLS", "PIPELINING")
PLAIN = ("PIPELINING",)
world = {"address": {}, "sinks": {}, "answer": threading.Event()}
records, insecure, bogus, spoiled = [], [], [], []


def number(name):
    """Each host has an address of its own."""
    return world["address"].setdefault(name, f"192.0.2.{100 + len(world['address'])}")


def domain(name, zone="example", tlsa=None, into=None):
    """<name>.<zone> with one host, mx.<name>.<zone>."""
    into = records if into is None else into
    into.append(f"{name}.{zone}. MX 10 mx.{name}.{zone}.\nmx.{name}.{zone}. A {number(name)}")
    if tlsa:
        into.append(f"_25._tcp.mx.{name}.{zone}. TLSA {tlsa}")


def sts(name, certificate, body, ident="1", **options):
    """A domain without DANE (its names are not signed) that has a policy at a host with this certificate."""
    domain(name, "insecure", into=insecure)
    insecure.append(f'_mta-sts.{name}.insecure. TXT "v=STSv1; id={ident};"\nmta-sts.{name}.insecure. A {tls_lab.STS_HOST}')
    world["policies"].append((f"mta-sts.{name}.insecure", certificate, body, options))


def dane_names(ca, other):
    good = {name: ca.certificate(f"mx.{name}.example") for name in ("ee", "bad", "ta", "plain", "broken", "spoiled", "second", "alias", "nomx", "nosts", "required", "optional")}
    stranger = other.certificate("somebody.example")
    world["certificates"] = {
        **good,
        "anyone": stranger,
        "expired": other.certificate("mx.expired.example", expired=True),
        "ta-name": ca.certificate("www.example"),
        "ta-expired": ca.certificate("mx.ta-expired.example", expired=True),
    }
    certificates = world["certificates"]
    domain("ee", tlsa=good["ee"].tlsa())
    domain("anyone", tlsa=stranger.tlsa(3, 0, 2))
    domain("expired", tlsa=certificates["expired"].tlsa())
    domain("bad", tlsa=stranger.tlsa())
    domain("ta", tlsa=good["ta"].tlsa(2, 0, 1))
    domain("ta-name", tlsa=certificates["ta-name"].tlsa(2, 1, 1))
    domain("ta-expired", tlsa=certificates["ta-expired"].tlsa(2, 1, 1))
    for name in ("plain", "broken", "nosts", "required"):
        domain(name, tlsa=good[name].tlsa())
    domain("optional", tlsa=stranger.tlsa())
    for name in ("unusable", "unusable-plain"):
        domain(name, tlsa=stranger.tlsa(1, 1, 1))
    domain("spoiled", tlsa=good["spoiled"].tlsa())
    spoiled.append("_25._tcp.mx.spoiled.example.")
    domain("two")
    records.append(f"two.example. MX 5 mx.spoiled.example.\n_25._tcp.mx.two.example. TLSA {stranger.tlsa()}")
    records.append(f"alias.example. MX 10 mx.alias.example.\nmx.alias.example. CNAME real.alias.example.\nreal.alias.example. A {number('alias')}\n_25._tcp.real.alias.example. TLSA {good['alias'].tlsa()}")
    records.append(f"nomx.example. A {number('nomx')}\n_25._tcp.nomx.example. TLSA {good['nomx'].tlsa()}")
    domain("unsigned", "insecure", tlsa=good["ee"].tlsa(), into=insecure)
    domain("wrong", "bogus", into=bogus)
    records.append("hostbogus.example. MX 10 mx.wrong.bogus.")
    records.append("nosts.example. TXT \"v=spf1 -all\"\n_mta-sts.nosts.example. TXT \"v=STSv1; id=1;\"")
    domain("unverified")


def sts_names(ca, other):
    certificates = world["certificates"]

    def policy(name, mode="enforce", host=None, **options):
        return tls_lab.policy(mode, host or f"mx.{name}.insecure", **options)

    world["policies"] = []
    for name in ("verified", "stranger", "late", "misnamed", "noname", "nostarttls", "vanishing", "testing", "none", "refused"):
        sts(name, ca.certificate(f"mta-sts.{name}.insecure"), policy(name, mode=name if name in ("testing", "none") else "enforce", host="elsewhere.example" if name == "noname" else None))
    for name in ("verified", "noname", "nostarttls", "vanishing"):
        certificates[name] = ca.certificate(f"mx.{name}.insecure")
    certificates["stranger"] = other.certificate("mx.stranger.insecure")
    certificates["late"] = ca.certificate("mx.late.insecure", expired=True)
    certificates["misnamed"] = ca.certificate("www.misnamed.insecure")
    sts("host-expired", ca.certificate("mta-sts.host-expired.insecure", expired=True), policy("host-expired"))
    sts("host-wrong", ca.certificate("www.host-wrong.insecure"), policy("host-wrong"))
    sts("host-stranger", other.certificate("mta-sts.host-stranger.insecure"), policy("host-stranger"))
    sts("redirected", ca.certificate("mta-sts.redirected.insecure"), b"", status=302, headers={"Location": "https://mta-sts.verified.insecure/.well-known/mta-sts.txt"})
    sts("missing", ca.certificate("mta-sts.missing.insecure"), policy("missing"), status=404)
    sts("html", ca.certificate("mta-sts.html.insecure"), policy("html"), headers={"Content-Type": "text/html"})
    sts("star", ca.certificate("mta-sts.star.insecure"), tls_lab.policy("enforce", "*"))
    sts("overflow", ca.certificate("mta-sts.overflow.insecure"), tls_lab.policy("enforce", "mx.overflow.insecure", max_age=99999999999999999999))
    sts("huge", ca.certificate("mta-sts.huge.insecure"), lambda: policy("huge") + b"x: y\r\n" * (100 * 1024 * 1024 // 6))
    sts("slow", ca.certificate("mta-sts.slow.insecure"), lambda: world["answer"].wait(30) and policy("slow", mode="testing"))
    sts("twice", ca.certificate("mta-sts.twice.insecure"), policy("twice"))
    insecure.append('_mta-sts.twice.insecure. TXT "v=STSv1; id=2;"')


def lab():
    if "lab" in world:
        return world["lab"]
    made = world["lab"] = tls_lab.Lab()
    other = tls_lab.Authority(f"{made.folder}/other", "Somebody else's CA")
    dane_names(made.ca, other)
    sts_names(made.ca, other)
    made.start_names("\n".join(records) + "\n", insecure="\n".join(insecure) + "\n", bogus="\n".join(bogus) + "\n", spoiled=spoiled)
    world["host"] = tls_lab.StsHost()
    for name, certificate, body, options in world["policies"]:
        world["host"].add(name, certificate, body, **options)
    return made


def daemon():
    if "daemon" not in world:
        made = lab()
        world["daemon"] = Instance(users=["alice", "bob"], conf=made.conf(), host="192.0.2.1", services=("submissions", "imaps"))
    return world["daemon"]


def sink(name, certificate=None, offers=TLS, **options):
    daemon()
    context = world["certificates"][certificate].context() if certificate else None
    if name in world["sinks"]:
        world["sinks"].pop(name).close()  # of a test that failed
    made = Sink(number(name), 25, offers=offers, context=context, **options)
    world["sinks"][name] = made
    return made


def close(peer):
    world["sinks"] = {name: s for name, s in world["sinks"].items() if s is not peer}
    peer.close()


def submit(to, subject, options=(), head=""):
    p = daemon()
    with smtplib.SMTP_SSL(p.at, p.port["submissions"], local_hostname="laptop.example", context=no_verify(), timeout=30 * SLOW) as s:
        s.login("bob@example.org", PASSWORD)
        s.sendmail("bob@example.org", [to], f"From: bob@example.org\r\nSubject: {subject}\r\n{head}\r\nhello\r\n".encode(), mail_options=list(options))


def entry(subject):
    found = [e for e in daemon().cli("queue", "ls", "-o", "json")["data"] if e["subject"] == subject]
    return found[0] if found else None


def delivered(to, peer, tls=True, subject=None, last=True, **options):
    """Mail goes to the peer, under TLS or not."""
    subject = subject or to
    submit(to, subject, **options)
    found = wait_until(lambda: [m for m in peer.messages if f"Subject: {subject}\r\n".encode() in m.content], 20, lambda: f"{subject} arrives; {entry(subject)}\n{daemon().log_tail(8)}")
    assert len(found) == 1 and found[0].tls == tls, (to, found[0].tls)
    if last:
        close(peer)
    return found[0]


def put_off(to, peer, status, words, **options):
    """The host gets nothing, now or in plain, and the mail waits."""
    submit(to, to, **options)
    waiting = wait_until(lambda: (e := entry(to)) and e["recipients"][0]["attempts"] >= 1 and e["recipients"][0]["state"] == "waiting" and e, 30, lambda: f"{to} waits; {entry(to)}\n{daemon().log_tail(8)}")
    assert words in waiting["recipients"][0]["last_reply"], waiting
    assert waiting["recipients"][0].get("last_status", status) == status, waiting
    if peer:
        assert not peer.messages and not [c for c in peer.commands if c.startswith(("MAIL", "RCPT", "DATA"))], peer.commands
        close(peer)
    daemon().cli("queue", "rm", waiting["id"], "--yes")


def result(name, policy_type):
    """What was counted about the domain's policy of that type."""
    found = [p for r in daemon().cli("tls", "results", "-o", "json")["data"] if r["domain"] == name for p in r["policies"] if p["type"] == policy_type]
    assert len(found) == 1, found
    return found[0]


def failure_of(name, kind):
    """A failure of that kind is on record."""
    rows = [r for r in daemon().cli("tls", "results", "-o", "json")["data"] if r["domain"] == name]
    assert rows and [d for d in rows[0]["details"] if d["result"] == kind and d["count"] >= 1] and rows[0]["failures"] >= 1, (name, kind, rows)


# ---- DANE ----

def test_certificate_of_its_record_is_good():
    delivered("x@ee.example", sink("ee", "ee"))
    row = result("ee.example", "tlsa")
    assert row["successes"] == 1 and row["failures"] == 0 and row["policy"] == [world["certificates"]["ee"].tlsa()] and row["mx"] == ["mx.ee.example"], row


def test_a_matched_certificate_needs_no_authority_name_or_date():
    delivered("x@anyone.example", sink("anyone", "anyone"))
    delivered("x@expired.example", sink("expired", "expired"))


def test_an_authority_of_the_records_is_good_for_the_name():
    delivered("x@ta.example", sink("ta", "ta"))
    put_off("x@ta-name.example", sink("ta-name", "ta-name"), "4.7.5", "ostname mismatch")
    put_off("x@ta-expired.example", sink("ta-expired", "ta-expired"), "4.7.5", "expired")
    failure_of("ta-name.example", "certificate-host-mismatch")
    failure_of("ta-expired.example", "certificate-expired")


def test_another_certificate_than_the_records_is_refused():
    put_off("x@bad.example", sink("bad", "bad"), "4.7.5", "TLSA")
    failure_of("bad.example", "validation-failure")


def test_a_host_with_records_gets_nothing_in_plain():
    put_off("x@plain.example", sink("plain", offers=PLAIN), "4.7.4", "not offered")
    failure_of("plain.example", "starttls-not-supported")
    put_off("x@broken.example", sink("broken", broken_tls=True), "4.7.5", "handshake failed")


def test_records_of_no_use_demand_encryption_alone():
    delivered("x@unusable.example", sink("unusable", "anyone"))
    failure_of("unusable.example", "tlsa-invalid")
    counted = result("unusable.example", "tlsa")
    assert (counted["successes"], counted["failures"]) == (0, 1), counted
    put_off("x@unusable-plain.example", sink("unusable-plain", offers=PLAIN), "4.7.4", "not offered")


def test_a_bogus_tlsa_answer_puts_the_host_off_before_any_connection():
    peer = sink("spoiled", "spoiled")
    put_off("x@spoiled.example", peer, "4.7.5", "DNSSEC")
    assert peer.connections == 0
    failure_of("spoiled.example", "dnssec-invalid")


def test_the_next_host_gets_the_mail_when_one_is_put_off():
    first = sink("spoiled", "spoiled")
    delivered("x@two.example", sink("two", "anyone"))
    assert first.connections == 0
    close(first)


def test_an_alias_has_its_targets_records():
    peer = sink("alias", "alias")
    delivered("x@alias.example", peer)


def test_a_domain_without_mx_has_its_own_records():
    delivered("x@nomx.example", sink("nomx", "nomx"))
    put_off("x@nomx.example", sink("nomx", "anyone"), "4.7.5", "TLSA")


def test_bogus_names_are_tried_again_and_unsigned_ones_have_no_dane():
    put_off("x@wrong.bogus", None, "4.7.5", "DNSSEC")
    put_off("x@hostbogus.example", None, "4.7.5", "DNSSEC")
    for name in ("wrong.bogus", "hostbogus.example"):
        failure_of(name, "dnssec-invalid")
    delivered("x@unsigned.insecure", sink("unsigned", "anyone"))


def test_the_policy_is_not_asked_for_where_there_is_dane():
    delivered("x@nosts.example", sink("nosts", "nosts"))
    assert not [r for r in world["host"].requests if r[0] == "mta-sts.nosts.example"]


# ---- MTA-STS ----

def test_an_enforced_policy_and_a_good_certificate():
    peer = sink("verified", "verified")
    delivered("x@verified.insecure", peer, subject="first", last=False)
    assert world["host"].requests.count(("mta-sts.verified.insecure", "/.well-known/mta-sts.txt")) == 1
    delivered("x@verified.insecure", peer, subject="second")
    assert world["host"].requests.count(("mta-sts.verified.insecure", "/.well-known/mta-sts.txt")) == 1, "a policy is kept"
    row = result("verified.insecure", "sts")
    assert row["successes"] == peer.connections and row["failures"] == 0 and row["policy"][0] == "version: STSv1" and row["mx"] == ["mx.verified.insecure"], row


def test_an_enforced_policy_refuses_what_can_not_be_verified():
    put_off("x@stranger.insecure", sink("stranger", "stranger"), "4.7.5", "certificate")
    failure_of("stranger.insecure", "certificate-not-trusted")
    put_off("x@late.insecure", sink("late", "late"), "4.7.5", "expired")
    failure_of("late.insecure", "certificate-expired")
    put_off("x@misnamed.insecure", sink("misnamed", "misnamed"), "4.7.5", "ostname mismatch")
    failure_of("misnamed.insecure", "certificate-host-mismatch")
    put_off("x@nostarttls.insecure", sink("nostarttls", offers=PLAIN), "4.7.4", "not offered")
    failure_of("nostarttls.insecure", "starttls-not-supported")
    put_off("x@refused.insecure", sink("refused", broken_tls=True), "4.7.5", "handshake failed")


def test_an_enforced_policy_refuses_a_host_that_it_does_not_name():
    peer = sink("noname", "noname")
    put_off("x@noname.insecure", peer, "4.7.5", "does not name")
    assert peer.connections == 0


def test_testing_delivers_and_tells():
    delivered("x@testing.insecure", sink("testing", "stranger"))
    failure_of("testing.insecure", "certificate-not-trusted")


def test_mode_none_is_no_policy():
    delivered("x@none.insecure", sink("none", offers=PLAIN), tls=False)


def test_a_policy_that_can_not_be_had_asks_for_nothing_and_is_told_of():
    for name, kind in (("host-expired", "sts-webpki-invalid"), ("host-wrong", "sts-webpki-invalid"), ("host-stranger", "sts-webpki-invalid"), ("redirected", "sts-policy-fetch-error"),
                       ("missing", "sts-policy-fetch-error"), ("html", "sts-policy-invalid"), ("star", "sts-policy-invalid"), ("overflow", "sts-policy-invalid"), ("huge", "sts-policy-invalid")):
        delivered(f"x@{name}.insecure", sink(name, offers=PLAIN), tls=False)
        failure_of(f"{name}.insecure", kind)
    assert world["host"].requests.count(("mta-sts.verified.insecure", "/.well-known/mta-sts.txt")) <= 1, "nobody was redirected"
    delivered("x@missing.insecure", sink("missing", offers=PLAIN), tls=False)
    assert world["host"].requests.count(("mta-sts.missing.insecure", "/.well-known/mta-sts.txt")) == 1, "what failed is not asked for again at once"


def test_two_records_are_none():
    delivered("x@twice.insecure", sink("twice", offers=PLAIN), tls=False)
    assert not [r for r in world["host"].requests if r[0] == "mta-sts.twice.insecure"]


def test_a_policy_that_vanished_holds_over_a_restart():
    delivered("x@vanishing.insecure", sink("vanishing", "vanishing"))
    certificate = world["host"].hosts["mta-sts.vanishing.insecure"][0]
    world["host"].add("mta-sts.vanishing.insecure", certificate, b"", status=404)
    daemon().stop()
    daemon().start()
    put_off("x@vanishing.insecure", sink("vanishing", offers=PLAIN), "4.7.4", "not offered")


def test_a_stop_does_not_wait_for_a_policy_host():
    submit("x@slow.insecure", "slow")
    wait_until(lambda: [r for r in world["host"].requests if r[0] == "mta-sts.slow.insecure"], 10, "the policy is asked for")
    began = time.monotonic()
    daemon().stop()
    assert time.monotonic() - began < 12 * SLOW, "a stop ends within 10 s"
    world["answer"].set()
    peer = sink("slow", "anyone")
    daemon().start()
    wait_until(lambda: [m for m in peer.messages if b"Subject: slow\r\n" in m.content], 90, lambda: f"{entry('slow')}\n{daemon().log_tail(8)}")
    close(peer)


# ---- what a message or an administrator asks for ----

def test_requiretls_goes_where_dane_or_a_policy_vouches():
    for name, zone in (("required", "example"), ("verified", "insecure")):
        m = delivered(f"x@{name}.{zone}", sink(name, name, offers=("STARTTLS", "PIPELINING", "REQUIRETLS")), options=["REQUIRETLS"])
        assert "REQUIRETLS" in m.options, m.options


def test_requiretls_comes_back_where_nothing_vouches():
    peer = sink("unsigned", "anyone", offers=("STARTTLS", "REQUIRETLS"))
    submit("x@unsigned.insecure", "required-unsigned", options=["REQUIRETLS"])
    wait_until(lambda: [m for m in daemon().bodies("bob") if b"5.7.30" in m and b"required-unsigned" in m], 20, lambda: f"{entry('required-unsigned')}\n{daemon().log_tail(8)}")
    assert not peer.messages
    close(peer)


def test_tls_required_no_gives_up_dane():
    delivered("x@optional.example", sink("optional", offers=PLAIN), tls=False, head="TLS-Required: No\r\n")


def test_a_rule_goes_before_dane():
    daemon().cli("tls-rule", "set", "bad.example", "--mode", "may")
    delivered("x@bad.example", sink("bad", "bad"))
    daemon().cli("tls-rule", "rm", "bad.example", "--yes")
    daemon().cli("tls-rule", "set", "unverified.example", "--mode", "verify")
    put_off("x@unverified.example", sink("unverified", "anyone"), "4.7.5", "certificate")
    daemon().cli("tls-rule", "rm", "unverified.example", "--yes")


def test_probe_says_what_stands_in_the_way():
    peer = sink("bad", "bad")
    done = daemon().run_cli("relay", "probe", "x@bad.example")
    assert done.returncode != 0 and "DANE" in done.stdout and "TLSA" in done.stdout, done.stdout + done.stderr
    close(peer)
    before = result("spoiled.example", "tlsa")
    done = daemon().run_cli("relay", "probe", "x@spoiled.example")
    assert done.returncode != 0 and "DNSSEC" in done.stdout, done.stdout + done.stderr
    assert result("spoiled.example", "tlsa") == before
    peer = sink("verified", "verified")
    done = daemon().run_cli("relay", "probe", "x@verified.insecure")
    assert done.returncode == 0 and "MTA-STS" in done.stdout, done.stdout + done.stderr
    assert not peer.messages
    close(peer)


harness.run(globals())
