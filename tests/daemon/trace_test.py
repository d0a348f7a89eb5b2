"""What happened to a message is told from connect to mailbox or remote reply: delivered, relayed after a deferral, bounced, refused; also after a restart."""
import smtplib

import harness
from admin import ask
from harness import PASSWORD, SLOW, Raw, no_verify, shared, wait_until
from smtp_sink import Sink

peer = {}


def daemon():
    if not peer:
        port = harness.free_port()
        peer["sink"] = Sink("127.0.0.1", port)
        p = shared(services=("mx", "submission", "submissions", "imap", "imaps", "https"))
        ask(p, "PUT", "/api/v1/relays/*", {"host": "127.0.0.1", "port": port, "tls": "none"}, expect=(200, 201))
    return shared()


def submit(to, subject):
    with smtplib.SMTP_SSL("127.0.0.1", daemon().port["submissions"], local_hostname="laptop.example", context=no_verify(), timeout=30 * SLOW) as s:
        s.login("bob@example.org", PASSWORD)
        s.sendmail("bob@example.org", [to], f"From: bob@example.org\r\nMessage-ID: <{subject}@example.org>\r\nSubject: {subject}\r\n\r\nhello\r\n")


def find(**query):
    return ask(daemon(), "GET", "/api/v1/messages", **query).json["data"]


def entry(state, **query):
    """The one entry that is in this state."""
    found = wait_until(lambda: [e for e in find(**query) if e["state"] == state], 20, lambda: f"{query} is {state}: {find(**query)}\n{daemon().log_tail(6)}")
    assert len(found) == 1, found
    return found[0]


def timeline(message):
    return ask(daemon(), "GET", f"/api/v1/messages/{message}").json


def steps(message):
    return [s["what"] for s in timeline(message)["timeline"]]


def test_a_delivered_message_is_told_from_connect_to_mailbox():
    daemon().send("Message-ID: <In-1@Example.Net>\r\nSubject: trace in\r\n\r\nhello\r\n", sender="Friend@example.net", to=["bob"])
    e = entry("delivered", recipient="bob@example.org", q="trace in")
    assert e["sender"] == "friend@example.net" and e["message_id"] == "<in-1@example.net>" and e["direction"] == "in" and e["attempts"] == 1, e
    whole = timeline(e["id"])
    assert [s["what"] for s in whole["timeline"]] == ["connected", "accepted", "delivered"], whole
    assert whole["helo"] == "client.example.net" and whole["peer"].startswith("127.0.0.1:"), whole
    assert whole["timeline"][-1]["host"] == "bob@example.org", whole


def test_a_message_is_found_by_id_message_id_sender_and_domain():
    e = entry("delivered", q="trace in")
    for query in ({"id": e["id"]}, {"id": "<in-1@example.net>"}, {"sender": "friend@example.net"}, {"sender": "*@example.net"}, {"recipient": "bob@*"}, {"domain": "example.org"}, {"state": "delivered"}):
        assert e["id"] in [x["id"] for x in find(**query)], query
    assert find(sender="nobody@example.net") == [] and find(id="<nothing@example.net>") == []


def test_an_alias_is_told_and_found():
    ask(daemon(), "POST", "/api/v1/aliases", {"address": "sales@example.org", "targets": ["bob@example.org"]}, expect=201)
    daemon().send("Subject: to an alias\r\n\r\nhello\r\n", to=["sales"])
    e = entry("delivered", recipient="sales@example.org")
    assert e["recipient"] == "bob@example.org" and e["original"] == "sales@example.org", e
    assert steps(e["id"]) == ["connected", "accepted", "expanded", "delivered"]


def test_a_relayed_message_has_its_deferral_with_the_words_of_the_remote():
    daemon()
    peer["sink"].answers = {"RCPT": ["451 4.7.1 Greylisted, come back", "250 2.1.5 Ok"]}
    submit("friend@far.example", "deferred-first")
    e = entry("deferred", recipient="friend@far.example")
    assert e["next_at"] and "451 4.7.1 Greylisted, come back" in e["last_reply"], e
    ask(daemon(), "POST", f"/api/v1/queue/{e['id']}:retry", expect=204)
    e = entry("relayed", recipient="friend@far.example")
    whole = timeline(e["id"])
    assert [s["what"] for s in whole["timeline"]] == ["connected", "tls", "accepted", "deferred", "relayed"], whole
    assert whole["timeline"][3]["detail"] == "451 4.7.1 Greylisted, come back" and whole["timeline"][3]["next_at"], whole
    assert whole["direction"] == "out" and whole["account"].startswith("usr_") and "TLS" in whole["tls"] and e["attempts"] == 2, whole
    peer["sink"].answers = {}


def test_a_bounce_is_told_with_its_notice():
    daemon()
    peer["sink"].answers = {"RCPT": "550 5.1.1 No such mailbox here"}
    submit("wrong@far.example", "will-bounce")
    e = entry("bounced", recipient="wrong@far.example")
    assert e["last_reply"] == "550 5.1.1 No such mailbox here", e
    notice = entry("delivered", recipient="bob@example.org", direction="dsn")
    assert notice["sender"] == "" and steps(notice["id"]) == ["accepted", "delivered"], notice
    peer["sink"].answers = {}


def test_a_removed_message_is_told():
    daemon()
    peer["sink"].answers = {"RCPT": "451 4.7.1 Later"}
    submit("later@far.example", "to-be-removed")
    e = entry("deferred", recipient="later@far.example")
    ask(daemon(), "DELETE", f"/api/v1/queue/{e['id']}", expect=204)
    assert steps(entry("removed", recipient="later@far.example")["id"])[-2:] == ["deferred", "removed"]
    peer["sink"].answers = {}


def test_a_refused_recipient_is_told_with_our_words():
    with Raw(daemon().port["mx"]) as s:
        s.reply()
        s.ask("EHLO spam.example\r\n")
        s.ask("MAIL FROM:<x@spam.example>\r\n")
        assert s.ask("RCPT TO:<nobody@example.org>\r\n").startswith("550 5.1.1")
        assert s.ask("RCPT TO:<x@elsewhere.example>\r\n").startswith("550 5.7.1")
    e = entry("rejected", recipient="nobody@example.org")
    assert e["id"].startswith("refused_") and e["last_reply"].startswith("550 5.1.1"), e
    whole = timeline(e["id"])
    assert [s["what"] for s in whole["timeline"]] == ["connected", "rejected"] and whole["helo"] == "spam.example", whole
    entry("rejected", recipient="x@elsewhere.example")


def test_a_refused_message_is_told_with_all_its_recipients():
    with Raw(daemon().port["mx"]) as s:
        s.reply()
        s.ask("EHLO smuggler.example\r\n")
        s.ask("MAIL FROM:<x@smuggler.example>\r\n")
        s.ask("RCPT TO:<alice@example.org>\r\n")
        s.ask("RCPT TO:<bob@example.org>\r\n")
        s.ask("DATA\r\n")
        assert s.ask("Subject: x\r\n\r\na\nb\r\n.\r\n").startswith("550 5.6.0")
    found = wait_until(lambda: find(sender="x@smuggler.example"), 10, "the refusal")
    assert sorted(e["recipient"] for e in found) == ["alice@example.org", "bob@example.org"] and {e["state"] for e in found} == {"rejected"}, found


def test_pages_end_where_the_next_begins():
    every, cursor = [], None
    while True:
        page = ask(daemon(), "GET", "/api/v1/messages", limit=2, **({"cursor": cursor} if cursor else {})).json
        every += [(e["id"], e["recipient"]) for e in page["data"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert len(every) == len(set(every)) == len(find(limit=500)), every


def test_all_of_it_is_there_after_a_restart():
    before = {e["id"]: (e["state"], steps(e["id"])) for e in find(limit=500)}
    daemon().stop()
    daemon().start()
    assert {e["id"]: (e["state"], steps(e["id"])) for e in find(limit=500)} == before and len(before) > 8


def test_a_killed_daemon_loses_only_the_last_moments():
    known = len(find(limit=500))
    daemon().kill()
    daemon().start()
    assert len(find(limit=500)) == known
    daemon().send("Subject: after the crash\r\n\r\nhello\r\n", to=["bob"])
    entry("delivered", q="after the crash")


harness.run(globals())
