"""What senders hear: delivery status notifications of each kind, as Python's email package reads them."""
import email
import email.policy
import smtplib

import harness
from admin import ask
from harness import PASSWORD, SLOW, no_verify, shared, wait_until
from smtp_sink import Sink

world = {}
MIB = 1024 * 1024


def daemon():
    """All the world is one peer, but for able.example, which knows DSN and DELIVERBY."""
    p = shared(users=["alice", "bob", "carl"], conf="resolver = 127.0.0.1@9")
    if not world:
        port = harness.free_port()
        world["sink"] = Sink("127.0.0.1", port, answers={"RCPT": answer_recipient})
        world["seen"] = {user: 0 for user in ("alice", "bob")}
        p.cli("relay", "set", "--domain", "*", "--host", "127.0.0.1", "--port", str(port), "--tls", "none")
        port = harness.free_port()
        world["able"] = Sink("127.0.0.1", port, offers=("PIPELINING", "SIZE 52428800", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN", "DELIVERBY"), answers={"RCPT": answer_recipient})
        p.cli("relay", "set", "--domain", "able.example", "--host", "127.0.0.1", "--port", str(port), "--tls", "none")
    return p


def answer_recipient(_, argument):
    address = argument[3:].split(">")[0].strip("<>")
    if "nobody" in address or "forged" in address:
        return "550 5.1.1 Nobody of that name here"
    if "shy" in address:
        return "550 5.7.1 not from you"
    if "later" in address:
        return "451 4.2.0 not now"
    return None


def submit(to, subject, content=b"hello\r\n", sender="bob@example.org", options=(), wishes=(), head=b""):
    with smtplib.SMTP_SSL("127.0.0.1", daemon().port["submissions"], local_hostname="laptop.example", context=no_verify(), timeout=30 * SLOW) as s:
        s.login("bob@example.org", PASSWORD)
        s.ehlo()
        for code, text in (s.mail(sender, list(options)), s.rcpt(to, list(wishes)), s.data(b"From: bob@example.org\r\nSubject: " + subject.encode() + b"\r\n" + head + b"\r\n" + content)):
            assert code == 250, (code, text)


def bring(to, subject, sender, options=(), wishes=(), content=b"hello\r\n"):
    """From outside, to port 25."""
    with daemon().smtp() as s:
        s.ehlo()
        for code, text in (s.mail(sender, list(options)), s.rcpt(to, list(wishes)), s.data(b"From: x@other.example\r\nSubject: " + subject.encode() + b"\r\n\r\n" + content)):
            assert code == 250, (code, text)


def waiting():
    return ask(daemon(), "GET", "/api/v1/queue").json["data"]


def is_idle():
    return not waiting()


def new_mail(user="bob"):
    return daemon().bodies(user)[world["seen"][user]:]


def report(user="bob", count=1):
    """The one notice that came since the last call, parsed."""
    found = wait_until(lambda: len(new_mail(user)) >= count and new_mail(user), 20, f"mail for {user}")
    world["seen"][user] += len(found)
    assert len(found) == count, [m[:300] for m in found]
    return Report(found[0])


def silence(*users):
    wait_until(is_idle, 20, "an empty queue")
    for user in users:
        assert not new_mail(user), new_mail(user)


def plain(returned):
    """The text of the message within."""
    return returned.get_payload(0).get_content().replace("\r\n", "\n")


class Report:
    def __init__(self, content):
        self.raw = content
        self.message = m = email.message_from_bytes(content, policy=email.policy.default)
        assert not m.defects, m.defects
        assert m.get_content_type() == "multipart/report" and m["Return-Path"] == "<>" and m["Auto-Submitted"] == "auto-replied", content
        self.text, self.status, self.returned = m.get_payload()
        for part in m.get_payload():
            assert not part.defects, part.defects
        assert self.status.get_content_type() == "message/" + m.get_param("report-type"), content
        self.words = self.text.get_content()
        if self.status.get_content_type() == "message/delivery-status":
            self.about, *self.recipients = self.status.get_payload()
            self.first = self.recipients[0]


def test_a_refusal_comes_back_with_the_servers_words():
    submit("nobody@far.example", "refused", options=["ENVID=abc+2B1"], wishes=["ORCPT=rfc822;Nobody+2Bx@far.example"], head=b"Message-ID: <refused@example.org>\r\n")
    r = report()
    assert r.message["Subject"].startswith("Undelivered") and r.message["References"] == "<refused@example.org>"
    assert r.about["Original-Envelope-Id"] == "abc+1" and r.about["Reporting-MTA"] == "dns; mail.example.org" and r.about["Arrival-Date"]
    assert r.first["Original-Recipient"] == "rfc822; Nobody+x@far.example" and r.first["Final-Recipient"] == "rfc822; nobody@far.example"
    assert (r.first["Action"], r.first["Status"]) == ("failed", "5.1.1")
    assert r.first["Remote-MTA"].startswith("dns; ") and r.first["Diagnostic-Code"] == "smtp; 550 5.1.1 Nobody of that name here" and r.first["Last-Attempt-Date"]
    assert "There is no such mailbox" in r.words and "nobody@far.example" in r.words
    assert r.returned.get_content_type() == "text/rfc822-headers" and "Subject: refused" in r.returned.get_content() and b"\nhello" not in r.raw


def test_an_address_that_failed_is_refused_at_once():
    submit("nobody8@far.example", "the first")
    report()
    with smtplib.SMTP_SSL("127.0.0.1", daemon().port["submissions"], local_hostname="laptop.example", context=no_verify(), timeout=30 * SLOW) as s:
        s.login("bob@example.org", PASSWORD)
        s.ehlo()
        assert s.mail("bob@example.org")[0] == 250
        code, text = s.rcpt("Nobody8@far.example")
        assert code == 550 and b"5.1.1" in text and b"Nobody of that name here" in text, (code, text)
        assert s.rcpt("nobody8+x@far.example")[0] == 250
        tried = sum(c.startswith("RCPT TO:<nobody8@") for c in world["sink"].commands)
        ask(daemon(), "DELETE", "/api/v1/suppressions/nobody8@far.example", expect=(200, 204))
        assert s.rcpt("nobody8@far.example")[0] == 250
    assert tried == 1


def test_words_about_anything_else_suppress_nobody():
    submit("shy@far.example", "policy")
    assert report().first["Status"] == "5.7.1"
    submit("shy@far.example", "policy again")
    assert report().first["Status"] == "5.7.1"


def test_ret_decides_what_comes_back():
    submit("nobody1@far.example", "full", options=["RET=FULL"], content=b"all of it\r\n.leading dot\r\n")
    inner = report().returned
    assert inner.get_content_type() == "message/rfc822"
    assert inner.get_payload(0)["Subject"] == "full" and plain(inner) == "all of it\n.leading dot\n"
    submit("nobody2@far.example", "headers", options=["RET=HDRS"])
    assert report().returned.get_content_type() == "text/rfc822-headers"


def test_a_large_message_comes_back_as_its_header():
    submit("nobody3@far.example", "ten megabytes", options=["RET=FULL"], content=(b"x" * 76 + b"\r\n") * (10 * MIB // 78))
    r = report()
    assert r.returned.get_content_type() == "text/rfc822-headers" and "Subject: ten megabytes" in r.returned.get_content() and len(r.raw) < 20000


def test_eight_bit_content_comes_back_as_it_was():
    submit("nobody4@far.example", "eight", options=["RET=FULL", "BODY=8BITMIME"], content="Gr\u00fc\u00dfe\r\n".encode(), head=b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n")
    assert plain(report().returned) == "Gr\u00fc\u00dfe\n"


def test_never_is_never():
    submit("nobody5@far.example", "never", wishes=["NOTIFY=NEVER"])
    submit("nobody6@far.example", "success only", wishes=["NOTIFY=SUCCESS"])
    silence("bob", "alice")


def test_success_is_reported_to_who_asked():
    submit("friend@far.example", "not asked")
    submit("friend@far.example", "asked", wishes=["NOTIFY=SUCCESS"], options=["RET=FULL"])
    r = report()
    assert r.first["Action"] == "relayed" and r.first["Status"][:2] == "2." and r.returned.get_content_type() == "text/rfc822-headers"
    submit("carl@example.org", "here", wishes=["NOTIFY=SUCCESS,FAILURE"])
    r = report()
    assert r.first["Action"] == "delivered" and r.first["Final-Recipient"] == "rfc822; carl@example.org" and "Diagnostic-Code" not in r.first
    silence("bob")


def test_wishes_go_on_to_a_server_that_knows_them():
    p, able = daemon(), world["able"]
    submit("friend@able.example", "passed on", wishes=["NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;Friend@able.example"], options=["RET=HDRS", "ENVID=xyz"])
    wait_until(lambda: any(b"passed on" in m.content for m in able.messages), 20, p.log_tail())
    assert any(c.startswith("MAIL") and "RET=HDRS" in c and "ENVID=xyz" in c for c in able.commands), able.commands
    assert any(c.startswith("RCPT") and "NOTIFY=SUCCESS,DELAY" in c and "ORCPT=rfc822;Friend@able.example" in c for c in able.commands), able.commands
    silence("bob")


def test_an_alias_of_many_is_expanded_once():
    daemon().cli("alias", "add", "team@example.org", "carl@example.org", "friend@far.example", "other@far.example")
    submit("team@example.org", "to the team", wishes=["NOTIFY=SUCCESS"])
    r = report()
    assert (r.first["Action"], r.first["Final-Recipient"]) == ("expanded", "rfc822; team@example.org") and len(r.recipients) == 1
    assert b"friend@far" not in r.raw
    silence("bob")


def test_an_alias_of_one_passes_the_wish_on():
    daemon().cli("alias", "add", "one@example.org", "friend@far.example")
    submit("one@example.org", "to one", wishes=["NOTIFY=SUCCESS"])
    r = report()
    assert r.first["Action"] == "relayed" and r.first["Original-Recipient"] == "rfc822; one@example.org"


def test_a_deadline_that_is_over_is_told():
    submit("later@far.example", "deliver by, notify", options=["BY=2;N"])
    r = report()
    assert r.first["Action"] == "delayed" and r.first["Will-Retry-Until"] and r.message["Subject"].startswith("Delayed")
    for item in waiting():
        ask(daemon(), "DELETE", f"/api/v1/queue/{item['id']}", expect=(200, 204))
    submit("later@able.example", "deliver by, return", options=["BY=2;R"])
    r = report()
    assert (r.first["Action"], r.first["Status"]) == ("failed", "5.4.7"), r.raw
    silence("bob")


def test_utf8_addresses_in_both_forms():
    submit("nobody\u00fc@far.example", "utf-8", options=["SMTPUTF8"])
    r = report()
    assert r.message.get_param("report-type") == "global-delivery-status" and b"Final-Recipient: utf-8; " + "nobody\u00fc@far.example".encode() in r.raw
    daemon().cli("alias", "add", "plain@example.org", "nobody\u00e4@far.example")
    submit("plain@example.org", "ascii sender")
    r = report()
    assert r.message.get_param("report-type") == "delivery-status" and r.first["Final-Recipient"] == "utf-8; nobody\\x{E4}@far.example"


def test_a_bounce_that_fails_reaches_the_postmaster_once():
    daemon().cli("alias", "add", "broken@example.org", "nobody7@far.example")
    world["seen"]["alice"] = len(daemon().bodies("alice"))
    bring("broken@example.org", "double", "forged@far.example")
    r = report("alice")
    assert r.message["Subject"].startswith("Undeliverable report") and r.first["Final-Recipient"] == "rfc822; forged@far.example"
    assert "postmaster" in r.words
    silence("alice", "bob")


def test_the_null_sender_hears_nothing():
    with daemon().smtp() as s:
        s.ehlo()
        assert s.mail("")[0] == 250
        assert s.rcpt("nobody@example.org")[0] == 550
    bring("broken@example.org", "from nobody", "")
    silence("alice", "bob")


if __name__ == "__main__":
    harness.run(globals())
