"""Webhooks: what happens arrives signed and in order; what fails comes again; private addresses are refused until they are allowed."""
import base64
import hashlib
import hmac
import json
import threading
import time

import harness
from admin import ask, set_setting
from harness import shared, wait_until
from webhook_receiver import Receiver


def daemon():
    return shared(services=("mx", "submission", "submissions", "imap", "imaps", "https"))


def allow_private():
    daemon()
    set_setting(daemon(), webhooks_to_private_addresses=True)


def make(receiver, types=("user.*",), path="/hook"):
    return ask(daemon(), "POST", "/api/v1/webhooks", {"url": receiver.url(path), "types": list(types)}, expect=201).json


def make_user(name):
    ask(daemon(), "POST", "/api/v1/users", {"address": name, "password": harness.PASSWORD}, expect=201)


def deliveries(hook, **query):
    return ask(daemon(), "GET", f"/api/v1/webhooks/{hook['id']}/deliveries", **query).json["data"]


def drop(hook):
    ask(daemon(), "DELETE", f"/api/v1/webhooks/{hook['id']}", expect=204)


def is_signed_with(request, secret):
    assert secret.startswith("whsec_")
    headers = request["headers"]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request["body"]
    wanted = "v1," + base64.b64encode(hmac.new(base64.b64decode(secret[6:]), signed, hashlib.sha256).digest()).decode()
    return wanted in headers["webhook-signature"].split(" ")


def test_private_addresses_are_refused_until_the_setting_allows_them():
    r = Receiver()
    answer = ask(daemon(), "POST", "/api/v1/webhooks", {"url": r.url(), "types": ["user.*"]}, expect=422)
    assert answer.json["errors"][0]["pointer"] == "/url", answer.json
    # A name says nothing about the address: the connection is refused instead.
    hook = ask(daemon(), "POST", "/api/v1/webhooks", {"url": r.url().replace("127.0.0.1", "localhost"), "types": ["user.*"]}, expect=201).json
    make_user("early@example.org")
    failed = wait_until(lambda: [d for d in deliveries(hook) if d["attempts"] >= 1], 15, "an attempt")[0]
    assert failed["last_status"] is None and "address" in failed["last_error"] and r.requests == [], failed
    drop(hook)
    r.close()


def test_an_event_arrives_signed():
    allow_private()
    r = Receiver()
    hook = make(r)
    make_user("signed@example.org")
    got = r.wait("user.changed", subject="signed@example.org", verb="create")
    assert is_signed_with(got, hook["secret"]) and got["headers"]["Content-Type"] == "application/json", got["headers"]
    assert abs(int(got["headers"]["webhook-timestamp"]) - time.time()) < 60 and got["json"]["id"] > 0, got
    assert b"\n" not in got["body"]
    done = wait_until(lambda: deliveries(hook, state="delivered"), 10, "the log of deliveries")
    assert done[0]["id"] == got["headers"]["webhook-id"] and done[0]["last_status"] == 200 and done[0]["attempts"] == 1, done
    shown = ask(daemon(), "GET", f"/api/v1/webhooks/{hook['id']}").json
    assert "secret" not in shown and shown["url"] == r.url() and not shown["failing"], shown
    drop(hook)
    r.close()


def test_only_what_was_asked_for_arrives():
    allow_private()
    r = Receiver()
    hook = make(r, types=["message.*"])
    make_user("other@example.org")
    daemon().send(to=["other"])
    r.wait("message.delivered", recipient="other@example.org")
    assert r.subjects("user.changed") == []
    drop(hook)
    r.close()


def test_a_failure_is_kept_and_delivered_again_when_asked():
    allow_private()
    r = Receiver()
    r.answer = 500
    hook = make(r)
    make_user("retry@example.org")
    first = r.wait("user.changed", subject="retry@example.org")
    waiting = wait_until(lambda: [d for d in deliveries(hook, state="waiting") if d["attempts"] == 1], 10, "the failure in the log")[0]
    assert waiting["last_status"] == 500 and waiting["next_at"], waiting
    assert ask(daemon(), "GET", f"/api/v1/webhooks/{hook['id']}").json["failing"]
    r.answer = 200
    ask(daemon(), "POST", f"/api/v1/webhooks/{hook['id']}/deliveries/{waiting['id']}:redeliver", expect=202)
    wait_until(lambda: len(r.requests) == 2, 10, "it comes again")
    assert r.requests[1]["body"] == first["body"] and r.requests[1]["headers"]["webhook-id"] == first["headers"]["webhook-id"], "the same id and body"
    wait_until(lambda: not ask(daemon(), "GET", f"/api/v1/webhooks/{hook['id']}").json["failing"], 10, "it is well again")
    drop(hook)
    r.close()


def test_a_redirect_is_not_followed():
    allow_private()
    r = Receiver()
    r.answer = 302
    hook = make(r)
    make_user("redirect@example.org")
    wait_until(lambda: [d for d in deliveries(hook) if d["last_status"] == 302], 15, "the redirect in the log")
    assert [x["path"] for x in r.requests] == ["/hook"], r.requests
    drop(hook)
    r.close()


def test_after_a_rotation_both_secrets_sign():
    allow_private()
    r = Receiver()
    hook = make(r)
    new = ask(daemon(), "POST", f"/api/v1/webhooks/{hook['id']}:rotate_secret", expect=200).json
    assert new["secret"] != hook["secret"] and new["has_old_secret"], new
    make_user("rotated@example.org")
    got = r.wait("user.changed", subject="rotated@example.org")
    assert is_signed_with(got, hook["secret"]) and is_signed_with(got, new["secret"])
    newest = ask(daemon(), "POST", f"/api/v1/webhooks/{hook['id']}:rotate_secret", expect=200).json
    ask(daemon(), "POST", f"/api/v1/webhooks/{hook['id']}:test", expect=202)
    got = r.wait("webhook.changed", verb="test")
    assert not is_signed_with(got, hook["secret"]) and is_signed_with(got, new["secret"]) and is_signed_with(got, newest["secret"])
    drop(hook)
    r.close()


def test_the_events_of_a_subject_arrive_in_order():
    allow_private()
    r = Receiver()
    hook = make(r)
    make_user("order@example.org")
    for i in range(5):
        ask(daemon(), "PATCH", "/api/v1/users/order@example.org", {"name": f"name {i}"})
    ask(daemon(), "DELETE", "/api/v1/users/order@example.org", expect=204)
    r.wait("user.changed", subject="order@example.org", verb="delete")
    ids = [x["json"]["id"] for x in r.requests if x["json"]["subject"] == "order@example.org"]
    assert ids == sorted(ids) and len(ids) == 7, ids
    drop(hook)
    r.close()


def test_a_slow_receiver_holds_up_nobody():
    allow_private()
    slow, fast = Receiver(), Receiver()
    release = threading.Event()
    slow.answer = lambda got: release.wait(60) and 200
    hooks = [make(slow), make(fast)]
    for i in range(6):
        make_user(f"slow{i}@example.org")
    fast.wait("user.changed", subject="slow5@example.org")
    assert slow.requests == []
    release.set()
    slow.wait("user.changed", subject="slow5@example.org", seconds=30)
    for hook in hooks:
        drop(hook)
    slow.close()
    fast.close()


def test_what_waits_is_sent_after_a_restart():
    allow_private()
    r = Receiver()
    hook = make(r)
    r.close()
    make_user("durable@example.org")
    wait_until(lambda: [d for d in deliveries(hook) if d["attempts"] >= 1], 15, "an attempt at a closed port")
    daemon().stop()
    daemon().start()
    waiting = deliveries(hook, state="waiting")
    assert len(waiting) == 1 and waiting[0]["subject"] == "durable@example.org" and waiting[0]["next_at"], waiting
    again = Receiver()
    ask(daemon(), "PATCH", f"/api/v1/webhooks/{hook['id']}", {"url": again.url()})
    ask(daemon(), "POST", f"/api/v1/webhooks/{hook['id']}/deliveries/{waiting[0]['id']}:redeliver", expect=202)
    got = again.wait("user.changed", subject="durable@example.org")
    assert is_signed_with(got, hook["secret"])
    drop(hook)
    again.close()


def test_wrong_urls_and_types_are_named():
    for url in ("ftp://example.org/x", "https://user:secret@example.org/", "https://example.org/#part", "nonsense://"):
        answer = ask(daemon(), "POST", "/api/v1/webhooks", {"url": url, "types": ["user.*"]}, expect=422)
        assert answer.json["errors"][0]["pointer"] == "/url", (url, answer.json)
    answer = ask(daemon(), "POST", "/api/v1/webhooks", {"url": "https://example.org/", "types": ["nothing.*"]}, expect=422)
    assert answer.json["errors"][0]["pointer"] == "/types", answer.json
    ask(daemon(), "GET", "/api/v1/webhooks/whk_99", expect=404)


harness.run(globals())
