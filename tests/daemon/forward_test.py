"""Mail that goes on: forwards with a copy or without, what comes back of them, loops, domains that stand for others, and disabled ones."""
import email
import email.policy
import smtplib

import harness
from admin import ask
from harness import PASSWORD, shared, wait_until
from smtp_sink import Sink

world = {"seen": {}}
LONG = "0100018b2c3d4e5f-8a7b6c5d-1234-5678-9abc-def012345678-000000@bulk.example.net"


def daemon():
    """All the world is one peer."""
    p = shared(users=["alice", "bob", "carl"], conf="resolver = 127.0.0.1@9")
    if "sink" not in world:
        port = harness.free_port()
        world["sink"] = Sink("127.0.0.1", port)
        p.cli("relay", "set", "--domain", "*", "--host", "127.0.0.1", "--port", str(port), "--tls", "none")
    return p


def change(path, **values):
    p = daemon()
    etag = ask(p, "GET", path).headers["ETag"]
    ask(p, "PATCH", path, values, headers={"If-Match": etag} if etag else {})


def forward(user, *targets, keeps=False):
    change(f"/api/v1/users/{user}@example.org", forwards=list(targets), forward_keeps=keeps or not targets)


def bring(to, subject, sender="eve@other.example", head=b"", content=b"hello\r\n"):
    """From outside, to port 25."""
    with daemon().smtp() as s:
        s.sendmail(sender, [to], b"From: eve@other.example\r\nSubject: " + subject.encode() + b"\r\n" + head + b"\r\n" + content)


def taken(subject, count=1):
    """What the peer was given of it."""
    mark = b"Subject: " + subject.encode() + b"\r\n"
    return wait_until(lambda: len(found := [m for m in world["sink"].messages if mark in m.content]) >= count and found, 20, daemon().log_tail())


def new_mail(user):
    return daemon().bodies(user)[world["seen"].get(user, 0):]


def got(user, count=1):
    found = wait_until(lambda: len(new := new_mail(user)) >= count and new, 20, f"mail for {user}\n{daemon().log_tail()}")
    assert len(found) == count, [m[:300] for m in found]
    world["seen"][user] = world["seen"].get(user, 0) + count
    return found[0]


def is_idle():
    return not ask(daemon(), "GET", "/api/v1/queue").json["data"]


def nothing(*users):
    wait_until(is_idle, 20, "an empty queue")
    for user in users:
        assert not new_mail(user), new_mail(user)


def code_of(to, sender="eve@other.example"):
    with daemon().smtp() as s:
        s.ehlo()
        s.mail(sender)
        return s.rcpt(to)


def test_a_forward_leaves_no_copy_and_its_sender_is_rewritten():
    forward("bob", "bob@far.example")
    bring("bob@example.org", "forwarded")
    m, = taken("forwarded")
    assert m.recipients == ["bob@far.example"] and m.content.startswith(b"Delivered-To: bob@example.org\r\nReceived: ")
    assert m.sender.startswith("SRS0=") and m.sender.endswith("=other.example=eve@example.org")
    nothing("bob")


def test_a_forward_that_keeps_leaves_one_copy():
    forward("bob", "bob@far.example", "carl@example.org", keeps=True)
    bring("bob@example.org", "kept")
    assert taken("kept")[0].recipients == ["bob@far.example"]
    assert b"Return-Path: <eve@other.example>\r\nDelivered-To: bob@example.org\r\n" in got("bob")
    assert b"Delivered-To: bob@example.org\r\n" in got("carl")
    assert len(taken("kept")) == 1
    nothing("bob", "carl")


def test_own_senders_and_bounces_keep_their_path():
    forward("bob", "bob@far.example")
    with smtplib.SMTP_SSL("127.0.0.1", daemon().port["submissions"], context=harness.no_verify()) as s:
        s.login("carl@example.org", PASSWORD)
        s.sendmail("carl@example.org", ["bob@example.org"], b"From: carl@example.org\r\nSubject: from carl\r\n\r\nhello\r\n")
    assert taken("from carl")[0].sender == "carl@example.org"
    bring("bob@example.org", "from nobody", sender="")
    assert taken("from nobody")[0].sender == ""


def test_a_bounce_goes_back_to_who_sent_it():
    forward("bob", "bob@far.example")
    for sender in ("eve@other.example", LONG, "SRS0=HHH=TT=first.example=ann@mid.example", '"a..b"@other.example'):
        subject = f"there and back {sender[:8]}"
        bring("bob@example.org", subject, sender=sender)
        path = taken(subject)[0].sender
        assert path != sender and len(path.rpartition("@")[0]) <= 64, path
        bring(path.lower() if sender == LONG else path, f"bounce of {sender[:8]}", sender="")
        back, = taken(f"bounce of {sender[:8]}")
        assert back.sender == "" and back.recipients == [sender], back.recipients
    assert code_of(path)[0] == 550  # only bounces
    forged = path.replace("=", "=Q", 1)
    assert code_of(forged, "")[0] == 550
    assert code_of("SRS0=AAAAAA=AA=other.example=eve@example.org", "")[0] == 550


def test_a_remembered_path_outlives_a_restart():
    p = daemon()
    forward("bob", "bob@far.example")
    bring("bob@example.org", "remembered", sender=LONG)
    path = taken("remembered")[0].sender
    p.stop()
    p.start()
    bring(path, "bounce after a restart", sender="")
    assert taken("bounce after a restart")[0].recipients == [LONG]


def test_a_loop_through_another_server_ends():
    forward("bob", "bob@far.example")
    bring("bob@example.org", "round", sender="carl@example.org")
    m, = taken("round")
    with daemon().smtp() as s:  # the other server sends it on to where it came from
        s.sendmail(m.sender, ["bob@example.org"], m.content)
    report = got("carl")
    assert b"Status: 5.4.6\r\n" in report and b"circle" in report
    assert len(taken("round")) == 1
    nothing("bob", "carl")


def test_forwards_and_aliases_in_a_circle_end():
    p = daemon()
    forward("bob", "alice@example.org")
    forward("alice", "bob@example.org")
    bring("bob@example.org", "two accounts", sender="carl@example.org")
    assert b"Status: 5.4.6\r\n" in got("carl")
    forward("alice", "bob@example.org", keeps=True)
    bring("bob@example.org", "two accounts, one keeps", sender="carl@example.org")
    assert b"two accounts, one keeps" in got("alice")
    forward("bob")
    forward("alice")
    p.cli("alias", "add", "ping@example.org", "pong@example.org")
    p.cli("alias", "add", "pong@example.org", "ping@example.org")
    bring("ping@example.org", "two aliases", sender="carl@example.org")
    assert b"Status: 5.4.6\r\n" in got("carl")
    nothing("alice", "bob", "carl")


def test_an_alias_reaches_each_once():
    p = daemon()
    p.cli("alias", "add", "all@example.org", "alice@example.org", "bob@example.org", "bob+work@example.org", "x@far.example", "X@far.example", "y@far.example")
    bring("all@example.org", "to all")
    for user in ("alice", "bob"):
        assert b"Delivered-To: all@example.org\r\n" in got(user)
    found = wait_until(lambda: sum(len(m.recipients) for m in taken("to all")) >= 2 and taken("to all"), 20, p.log_tail())
    assert sorted(r.lower() for m in found for r in m.recipients)[:1] == ["x@far.example"] and "y@far.example" in [r for m in found for r in m.recipients]
    nothing("alice", "bob")


def test_a_domain_that_stands_for_another():
    p = daemon()
    ask(p, "POST", "/api/v1/domains", {"name": "also.example", "alias_of": "example.org"}, expect=201)
    bring("bob@also.example", "by the other name")
    assert b"Delivered-To: bob@also.example\r\n" in got("bob")
    bring("bob+tag@also.example", "with a tag")
    assert b"with a tag" in got("bob")
    assert code_of("nobody@also.example")[0] == 550


def test_a_catch_all_takes_what_nobody_has():
    p = daemon()
    p.cli("domain", "add", "catch.example")
    p.cli("alias", "add", "@catch.example", "carl@example.org")
    bring("whoever@catch.example", "caught")
    assert b"Delivered-To: whoever@catch.example\r\n" in got("carl")


def test_disabled_domains_accept_hold_or_refuse():
    p = daemon()
    p.cli("domain", "add", "shut.example")
    p.cli("user", "add", "dora@shut.example", "--password-stdin", input=PASSWORD + "\n")
    p.cli("alias", "add", "through@shut.example", "carl@example.org")
    change("/api/v1/domains/shut.example", state="accept")
    bring("through@shut.example", "accepted")
    assert b"Subject: accepted" in got("carl")
    change("/api/v1/domains/shut.example", state="refuse")
    assert code_of("dora@shut.example")[0] == 550 and code_of("through@shut.example")[0] == 550
    change("/api/v1/domains/shut.example", state="hold")
    bring("through@shut.example", "on hold")
    waiting = wait_until(lambda: ask(p, "GET", "/api/v1/queue").json["data"], 10, "it is held")
    assert len(waiting) == 1 and not new_mail("carl"), waiting
    p.stop()
    p.start()
    assert len(ask(p, "GET", "/api/v1/queue").json["data"]) == 1 and not new_mail("carl")
    change("/api/v1/domains/shut.example", state="active")
    ask(p, "POST", f"/api/v1/queue/{waiting[0]['id']}:release", {}, expect=(200, 204, 409))  # the job behind the change may have been faster
    assert b"Subject: on hold" in got("carl")
    nothing("carl")


def test_a_failed_forward_tells_the_sender():
    sink = world["sink"]
    sink.answers["RCPT"] = lambda _, argument: "550 5.7.1 not you" if "shy" in argument else None
    forward("bob", "shy@far.example", keeps=True)
    bring("bob@example.org", "to the shy", sender="carl@example.org")
    assert b"to the shy" in got("bob")
    report = email.message_from_bytes(got("carl"), policy=email.policy.default)
    block = report.get_payload(1).get_payload()[1]
    assert block["Original-Recipient"] == "rfc822; bob@example.org" and block["Final-Recipient"] == "rfc822; shy@far.example" and block["Action"] == "failed"
    nothing("bob", "carl")


if __name__ == "__main__":
    harness.run(globals())
