"""Quotas: who is told that a mailbox is full, when there is room again, and who is never asked."""
import base64
import contextlib
import os
import re
import smtplib
import subprocess

import harness
from admin import ask, set_setting
from harness import PASSWORD, no_verify, shared, wait_until

FULL = (452, "4.2.2 Mailbox full")
USERS = "/api/v1/users"
BIG = 100_000


def daemon():
    return shared(users=["alice", "bob", "carl", "dora"], conf="resolver = 127.0.0.1@9", services=harness.MAIL_SERVICES + ("lmtp", "https"))


def user(name):
    return ask(daemon(), "GET", f"{USERS}/{name}@example.org").json


def set_user(name, **values):
    return ask(daemon(), "PATCH", f"{USERS}/{name}@example.org", values).json


def used(name):
    return user(name)["usage"]["bytes"]


@contextlib.contextmanager
def quota(name, **limits):
    """`room` instead of bytes: so much more than what is there."""
    if "room" in limits:
        limits["bytes"] = used(name) + limits.pop("room")
    set_user(name, quota=limits)
    try:
        yield
    finally:
        set_user(name, quota=None)


@contextlib.contextmanager
def full(name):
    if used(name) == 0:
        bring(name, "fills")
    with quota(name, bytes=1):
        yield


@contextlib.contextmanager
def alias(address, *targets):
    ask(daemon(), "POST", "/api/v1/aliases", {"address": address, "targets": list(targets)}, expect=201)
    try:
        yield
    finally:
        ask(daemon(), "DELETE", f"/api/v1/aliases/{address}", expect=204)


def answer(reply):
    return reply[0], reply[1].decode()


def rcpt(to, size=None):
    """What RCPT is answered, from outside; with a SIZE announced."""
    with daemon().smtp() as s:
        s.ehlo()
        code, text = s.mail("me@example.net", [f"SIZE={size}"] if size else [])
        assert code == 250, text
        return answer(s.rcpt(to))


def is_taken(*arguments, **named):
    return rcpt(*arguments, **named)[0] == 250


def message(mark, size=500):
    text = f"From: me@example.net\r\nSubject: {mark}\r\n\r\n"
    return text + "x" * 70 + "\r\n" + "".join("y" * 70 + "\r\n" for _ in range(max(0, size - 200) // 72))


def bring(name, mark, size=500):
    """A message that arrives."""
    before = user(name)["usage"]["messages"]
    daemon().send(message(mark, size), to=[name])
    wait_until(lambda: user(name)["usage"]["messages"] == before + 1, 10, f"{mark} is in the mailbox of {name}")


def empty(name):
    client = daemon().imap(name)
    client.select("INBOX")
    client.store("1:*", "+FLAGS", "\\Deleted")
    assert client.expunge()[0] == "OK"
    client.logout()
    assert user(name)["usage"] == {"bytes": 0, "messages": 0}


def logged_in(name="alice"):
    s = smtplib.SMTP_SSL("127.0.0.1", daemon().port["submissions"], local_hostname="client.example.net", context=no_verify(), timeout=30 * harness.SLOW)
    s.login(f"{name}@example.org", PASSWORD)
    return s


# ---- at RCPT ----

def test_a_mailbox_that_was_never_opened_is_empty_and_is_not_made():
    assert user("dora")["usage"] == {"bytes": 0, "messages": 0}
    with quota("dora", bytes=1000):
        assert is_taken("dora@example.org") and is_taken("dora@example.org", size=1000)
        assert rcpt("dora@example.org", size=1001) == FULL
    assert not os.path.exists(f"{daemon().dir}/data/accounts/{user('dora')['id'][4:]}")


def test_over_quota_is_told_with_the_announced_size_and_without():
    bring("bob", "first", 2000)
    with quota("bob", room=1000):
        assert is_taken("bob@example.org", size=1000)
        assert rcpt("bob@example.org", size=1001) == FULL
        assert rcpt("bob@example.org", size=50_000_000) == FULL
        assert is_taken("bob@example.org"), "a size that nobody knows has room where there is any"
    with quota("bob", room=0):
        assert rcpt("bob@example.org") == FULL
        assert rcpt("Bob+label@EXAMPLE.org") == FULL
        assert is_taken("carl@example.org")


def test_the_postmaster_is_reached_whatever_is_full():
    with full("alice"):
        assert rcpt("alice@example.org") == FULL
        assert is_taken("postmaster@example.org") and is_taken("Postmaster")


def test_one_message_fits_and_the_next_does_not_until_something_is_deleted():
    with quota("bob", room=3000):
        bring("bob", "fits", 2500)
        assert rcpt("bob@example.org", size=2500) == FULL
        empty("bob")
        assert is_taken("bob@example.org", size=2500)
        bring("bob", "again", 2500)


def test_messages_are_counted_as_well():
    empty("bob")
    with quota("bob", messages=2):
        bring("bob", "one")
        bring("bob", "two")
        assert rcpt("bob@example.org") == FULL
        client = daemon().imap("bob")
        client.select("INBOX")
        client.store("1", "+FLAGS", "\\Deleted")
        assert rcpt("bob@example.org") == FULL, "marked is not gone"
        client.expunge()
        client.logout()
        assert is_taken("bob@example.org")


def test_what_was_accepted_is_filed_all_the_same():
    empty("bob")
    with quota("bob", bytes=1000), daemon().smtp() as s:
        s.ehlo()
        assert s.mail("me@example.net")[0] == 250 and s.rcpt("bob@example.org")[0] == 250
        assert s.data(message("large", BIG))[0] == 250, "nobody has said how large it is"
        wait_until(lambda: used("bob") > BIG - 1000, 10, "the large one has arrived")
        assert rcpt("bob@example.org") == FULL
    with quota("bob", room=1000):
        with daemon().smtp() as s:
            s.ehlo()
            s.mail("me@example.net")
            assert s.rcpt("bob@example.org")[0] == 250
            set_user("bob", quota={"bytes": 1})
            assert s.data(message("in-time"))[0] == 250
        wait_until(lambda: any(b"in-time" in m for m in daemon().bodies("bob")), 10, "it has arrived")


def test_other_recipients_of_the_message_go_through():
    with full("bob"):
        with daemon().smtp() as s:
            refused = s.sendmail("me@example.net", ["carl@example.org", "bob@example.org", "alice@example.org"], message("shared"))
        assert list(refused) == ["bob@example.org"] and answer(refused["bob@example.org"]) == FULL
    for name in ("carl", "alice"):
        wait_until(lambda: any(b"shared" in m for m in daemon().bodies(name)), 10, f"{name} has it")
    assert not any(b"shared" in m for m in daemon().bodies("bob"))


# ---- whose mailbox it is ----

def test_an_alias_of_one_is_that_one_and_an_alias_of_many_is_nobody():
    with full("bob"), alias("sales@example.org", "bob@example.org"), alias("shop@example.org", "sales+x@example.org"), \
            alias("all@example.org", "bob@example.org", "carl@example.org"), alias("out@example.org", "x@elsewhere.example"):
        assert rcpt("sales@example.org") == FULL
        assert rcpt("shop@example.org") == FULL
        assert is_taken("all@example.org") and is_taken("out@example.org")


def test_aliases_that_lead_to_each_other_are_not_followed_for_ever():
    with alias("a@example.org", "b@example.org"), alias("b@example.org", "a@example.org"):
        assert is_taken("a@example.org")


def test_a_catch_all_and_a_domain_that_stands_for_another_lead_there_too():
    ask(daemon(), "POST", "/api/v1/domains", {"name": "short.example", "alias_of": "example.org"}, expect=201)
    with full("bob"), alias("@example.org", "bob@example.org"):
        assert rcpt("whoever@example.org") == FULL
        assert rcpt("bob@short.example") == FULL
        assert is_taken("carl@short.example")


def test_a_forward_without_a_copy_is_never_over():
    with full("carl"):
        assert rcpt("carl@example.org") == FULL
        set_user("carl", forwards=["carl@elsewhere.example"], forward_keeps=False)
        assert is_taken("carl@example.org")
        set_user("carl", forward_keeps=True)
        assert rcpt("carl@example.org") == FULL, "a copy stays here"
        set_user("carl", forwards=[])


# ---- by every door ----

def test_lmtp_is_told():
    with full("bob"):
        with smtplib.LMTP("127.0.0.1", daemon().port["lmtp"], local_hostname="front.example.net") as s:
            s.ehlo()
            s.mail("me@example.net")
            assert answer(s.rcpt("bob@example.org")) == FULL
            assert s.rcpt("carl@example.org")[0] == 250


def test_a_user_who_writes_to_another_is_told():
    with full("bob"):
        with logged_in() as s:
            s.ehlo_or_helo_if_needed()
            s.mail("alice@example.org", ["SIZE=400"])
            assert answer(s.rcpt("bob@example.org")) == FULL
            assert s.rcpt("carl@example.org")[0] == 250


def test_a_program_on_this_machine_is_told():
    with full("bob"):
        name = f"{daemon().dir}/sendmail"  # what it is called by is what it is
        os.symlink(os.path.abspath(harness.BINARY), name)
        done = subprocess.run([name, "-C", daemon().conf_path, "-i", "bob@example.org"], input=message("by-sendmail"), capture_output=True, text=True, timeout=60 * harness.SLOW)
        assert done.returncode != 0 and "4.2.2" in done.stderr, (done.returncode, done.stderr)


def test_mail_over_the_api_says_who_has_no_room():
    with quota("bob", room=4000):
        answered = ask(daemon(), "POST", "/api/v1/messages", {"from": "alice@example.org", "to": ["bob@example.org", "carl@example.org"], "subject": "s", "text": "x" * 5000}, expect=202).json
        assert [(r["accepted"], r["code"]) for r in answered["recipients"]] == [(False, "over_quota"), (True, None)], answered
        raw = base64.b64encode(message("raw", 5000).replace("me@example.net", "alice@example.org").encode()).decode()
        answered = ask(daemon(), "POST", "/api/v1/messages", {"from": "alice@example.org", "to": ["bob@example.org", "carl@example.org"], "raw": raw}, expect=202).json
        assert [r["code"] for r in answered["recipients"]] == ["over_quota", None], answered
        answered = ask(daemon(), "POST", "/api/v1/messages", {"from": "alice@example.org", "to": ["bob@example.org"], "subject": "small", "text": "x"}, expect=202).json
        assert answered["recipients"][0]["accepted"], answered
        wait_until(lambda: any(b"Subject: small" in m for m in daemon().bodies("bob")), 10, "it has arrived")
    with full("bob"):
        refused = ask(daemon(), "POST", "/api/v1/messages", {"from": "alice@example.org", "to": ["bob@example.org"], "subject": "s", "text": "x"}, expect=422).json
        assert refused["code"] == "no_recipients", refused


def test_what_was_taken_once_is_not_refused_when_it_is_asked_again():
    empty("bob")
    request = {"from": "alice@example.org", "to": ["bob@example.org"], "subject": "once", "text": "x" * 500}
    with quota("bob", messages=1):
        first = ask(daemon(), "POST", "/api/v1/messages", request, headers={"Idempotency-Key": "quota-1"}, expect=202).json
        wait_until(lambda: user("bob")["usage"]["messages"] == 1, 10, "it has arrived")
        assert ask(daemon(), "POST", "/api/v1/messages", request, headers={"Idempotency-Key": "quota-1"}, expect=202).json == first


# ---- settings and the API ----

def test_the_setting_holds_for_who_has_none_and_an_accounts_own_is_over_it():
    bring("bob", "something", 2000)
    set_setting(daemon(), quota_bytes=1)
    try:
        assert rcpt("bob@example.org") == FULL
        with quota("bob", bytes=0):
            assert is_taken("bob@example.org"), "0 is no limit, whatever the setting says"
        with quota("bob", room=BIG):
            assert is_taken("bob@example.org", size=BIG) and rcpt("bob@example.org", size=BIG + 1) == FULL
        with quota("bob", messages=1000):
            assert rcpt("bob@example.org") == FULL, "the other half stays as the setting says"
    finally:
        set_setting(daemon(), quota_bytes=None)
    assert is_taken("bob@example.org")


def test_a_condition_on_a_user_is_not_broken_by_new_mail():
    path = f"{USERS}/bob@example.org"
    tag = ask(daemon(), "GET", path).headers["ETag"]
    assert ask(daemon(), "GET", path, headers={"If-None-Match": tag}, expect=304)
    bring("bob", "meanwhile")
    fresh = ask(daemon(), "GET", path, headers={"If-None-Match": tag}, expect=200).headers["ETag"]
    assert fresh != tag, "the usage is another"
    ask(daemon(), "PATCH", path, {"name": "Bobby"}, headers={"If-Match": tag})
    ask(daemon(), "PATCH", path, {"name": "Robert"}, headers={"If-Match": fresh}, expect=412)
    ask(daemon(), "PATCH", path, {"name": ""})


def test_a_domain_admin_sets_quotas_of_the_own_users_and_it_is_audited():
    ask(daemon(), "POST", "/api/v1/admins", {"user": "dora@example.org", "role": "domain_admin", "domains": ["example.org"]}, expect=201)
    token = ask(daemon(), "POST", "/api/v1/tokens", {"user": "dora@example.org", "label": "quota", "scopes": ["users:write", "users:read"]}, expect=201).json["token"]
    path = f"{USERS}/carl@example.org"
    assert ask(daemon(), "PATCH", path, {"quota": {"bytes": 5000}}, token=token).json["quota"] == {"bytes": 5000, "messages": None}
    assert ask(daemon(), "GET", path, token=token).json["usage"]["bytes"] >= 0
    entry = ask(daemon(), "GET", "/api/v1/audit", operation="user_update").json["data"][0]
    assert "quota" in str(entry), entry
    for body in ({"quota": {"bytes": -1}}, {"quota": {"bytes": (1 << 50) + 1}}, {"quota": {"messages": 10**9 + 1}}, {"quota": 5}, {"quota": {"files": 1}}):
        ask(daemon(), "PATCH", path, body, token=token, expect=(400, 422))
    set_user("carl", quota=None)


def test_the_users_own_account_says_what_is_used():
    token = ask(daemon(), "POST", "/api/v1/tokens", {"user": "bob@example.org", "label": "me", "scopes": ["messages:send"]}, expect=201).json["token"]
    with quota("bob", bytes=9000):
        me = ask(daemon(), "GET", "/api/v1/me", token=token).json
        assert me["usage"] == user("bob")["usage"] and me["usage"]["messages"] > 0 and me["quota"] == {"bytes": 9000, "messages": None}, me


def test_quotas_stand_in_what_is_exported_and_nothing_else_does():
    with quota("bob", bytes=7000):
        document = ask(daemon(), "GET", "/api/v1/export").json
        users = {u["address"]: u for u in document["users"]}
        assert users["bob@example.org"]["quota"] == {"bytes": 7000, "messages": None} and "quota" not in users["carl@example.org"], users
        assert "usage" not in users["bob@example.org"]


# ---- what it costs ----

def test_a_recipient_without_a_quota_costs_no_look_at_the_disk():
    p = daemon()
    p.stop()
    p.start()

    def is_open(name):
        where = f"/data/accounts/{user_ids[name]}/mail.db"
        fds = f"/proc/{p.process.pid}/fd"
        seen = []
        for fd in os.listdir(fds):
            with contextlib.suppress(OSError):
                seen.append(os.readlink(f"{fds}/{fd}"))
        return any(s.endswith(where) for s in seen)

    user_ids = {u["address"].split("@")[0]: re.sub("usr_", "", u["id"]) for u in ask(p, "GET", USERS).json["data"]}
    assert is_taken("bob@example.org", size=1000) and not is_open("bob")
    with quota("bob", messages=100_000):
        pass  # `usage` of the answer is not asked for by PATCH
    assert not is_open("bob")
    set_user("bob", quota={"messages": 100_000})
    assert is_taken("bob@example.org") and is_open("bob")
    set_user("bob", quota=None)


harness.run(globals())
