"""The queue over the API and the command line: looking, steering one and many, pauses, hold rules, suppressed addresses, senders, history, probes.

The other servers are sinks on this machine, each behind a relay host for its domain.
"""
import datetime
import json
import re
import smtplib
import socket
import threading
import urllib.parse

import harness
from admin import ask, set_setting
from harness import PASSWORD, SLOW, no_verify, shared, wait_until
from smtp_sink import Sink

EX_USAGE, EX_DATAERR, EX_UNAVAILABLE = 64, 65, 69
ALICE = "alice@example.org"
_counter = [0]


def daemon():
    return shared(users=["alice", "bob"], services=harness.MAIL_SERVICES + ("https",), conf="resolver = 127.0.0.1@9")


def api(method, path, body=None, expect=200, **query):
    return ask(daemon(), method, "/api/v1" + path, body, expect=expect, **query)


def fresh(what):
    _counter[0] += 1
    return f"{what}{_counter[0]}.example"


class Elsewhere:
    """A domain with a server of its own, that answers as it is told; gone at the end."""

    def __init__(self, answers=None, listens=True, name=None):
        self.domain, self.port = fresh(name or "away"), harness.free_port()
        self.sink = Sink("127.0.0.1", self.port, answers=answers) if listens else None
        api("PUT", f"/relays/{self.domain}", {"host": "127.0.0.1", "port": self.port, "tls": "none"}, expect=201)
        self.destination = f"127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.sink:
            self.sink.close()

    def subjects(self):
        return [re.search(rb"Subject: (\S+)", m.content).group(1).decode() for m in self.sink.messages]

    def got(self, subject):
        wait_until(lambda: subject in self.subjects(), 20, lambda: f"{subject} at {self.domain}: {daemon().log_tail(10)}")


def submit(*recipients, sender=ALICE):
    """Hands in one message; its subject."""
    subject = fresh("subject").split(".")[0]
    with smtplib.SMTP_SSL("127.0.0.1", daemon().port["submissions"], local_hostname="laptop.example", context=no_verify(), timeout=30 * SLOW) as s:
        s.login(sender, PASSWORD)
        s.sendmail(sender, recipients, f"From: {sender}\r\nTo: someone\r\nSubject: {subject}\r\n\r\nx\r\n")
    return subject


def listed(**query):
    found, cursor = [], None
    while True:
        page = api("GET", "/queue", **query, **({"cursor": cursor} if cursor else {})).json
        found += page["data"]
        cursor = page["next_cursor"]
        if not cursor:
            return found


def entry(subject):
    return next((m for m in listed() if m["subject"] == subject), None)


def waiting(subject, attempts=1, state="waiting"):
    """The message, once each of its recipients is in this state after so many attempts."""
    def there():
        m = entry(subject)
        return m if m and all(r["state"] == state and r["attempts"] >= attempts for r in m["recipients"]) else None

    return wait_until(there, 20, lambda: f"{subject} is {state}: {entry(subject)}")


def gone(subject):
    wait_until(lambda: entry(subject) is None, 20, lambda: f"{subject} has left the queue: {entry(subject)}")


def steer(message, verb, body=None, expect=204, **query):
    return api("POST", f"/queue/{message['id']}:{verb}", body, expect=expect, **query)


def in_time(seconds):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def job_of(answer):
    job = answer.json["id"]
    done = wait_until(lambda: [j for j in [api("GET", f"/jobs/{job}").json] if j["state"] not in ("waiting", "running")], 20, "the job has ended")[0]
    assert done["state"] == "done", done
    return done, api("GET", f"/jobs/{job}/items", limit=500).json["data"]


def bulk(action, expect=202, **body):
    return api("POST", "/queue:bulk", dict(body, action=action), expect=expect)


def dsn_to_alice(needle):
    return wait_until(lambda: next((b for b in daemon().bodies("alice") if needle.encode() in b), None), 20, f"a DSN that says {needle}")


def deferring(text="451 4.2.1 not now, dear"):
    return Elsewhere({"RCPT": text})


# ---- looking ----

def test_lists_are_filtered_by_all_that_a_message_has():
    with deferring() as a, deferring("450 4.7.1 grey") as b:
        first, second = submit(f"x@{a.domain}"), submit(f"y@{b.domain}", f"z@{b.domain}", sender="bob@example.org")
        one, two = waiting(first), waiting(second)
        r = one["recipients"][0]
        assert r["destination"] == a.destination and r["status"] == "4.2.1" and "not now" in r["last_reply"] and r["hold"] is None and one["account"].startswith("usr_"), one

        def found(**query):
            return {m["subject"] for m in listed(**query)} & {first, second}

        assert found(sender=ALICE) == {first} and found(sender="*@example.org") == {first, second} and found(**{"from": "bob@*"}) == {second}
        assert found(recipient=f"X@{a.domain.upper()}") == {first} and found(recipient=f"*@{b.domain}") == {second} and found(to="z@*") == {second}
        assert found(domain=a.domain) == {first} and found(domain="example.org") == {first, second}
        assert found(destination=a.destination) == {first} and found(error="NOT NOW") == {first} and found(error="grey") == {second}
        assert found(state="deferred") == {first, second} and found(state="waiting") == found(state="held") == found(state="active") == set()
        assert found(account="bob@example.org") == {second} and found(account="nobody@example.org") == set()
        assert found(before=in_time(-3600)) == set() and found(after=in_time(-3600)) == {first, second} and found(after=in_time(60)) == set()
        assert found(sender=ALICE, recipient=f"*@{b.domain}") == set()
        page = api("GET", "/queue", limit=1, fields="id,subject").json
        assert page["next_cursor"] and list(page["data"][0]) == ["id", "subject"], page
        for m in (one, two):
            api("DELETE", f"/queue/{m['id']}", expect=204)


def test_each_attempt_is_shown_with_the_words_of_the_remote():
    with deferring() as a:
        subject = submit(f"x@{a.domain}")
        m = waiting(subject)
        steer(m, "retry")
        waiting(subject, attempts=2)
        shown = wait_until(lambda: [s for s in [api("GET", f"/queue/{m['id']}").json] if len(s["attempts"]) == 2], 10, "two attempts in the trace")[0]
        for attempt in shown["attempts"]:
            assert attempt["result"] == "deferred" and attempt["reply"] == "451 4.2.1 not now, dear" and attempt["recipient"] == f"x@{a.domain}" and attempt["next_at"], attempt
            assert a.destination.split(":")[0] in attempt["host"], attempt
        text = daemon().cli("queue", "show", m["id"], "-o", "json")
        assert "not now, dear" in json.dumps(text)
        api("DELETE", f"/queue/{m['id']}", expect=204)


# ---- steering one ----

def test_what_is_held_waits_for_its_release():
    with Elsewhere({"RCPT": ["451 4.2.1 later", None]}) as a:
        subject = submit(f"x@{a.domain}")
        m = waiting(subject)
        plan = steer(m, "hold", expect=200, dry_run=1).json
        assert plan["changes"][0]["verb"] == "hold" and waiting(subject)["recipients"][0]["state"] == "waiting", plan
        steer(m, "hold")
        held = waiting(subject, state="held")["recipients"][0]
        assert held["hold"] == "operator" and held["next_at"] is None, held
        assert subject in {x["subject"] for x in listed(state="held")}
        steer(m, "retry", expect=409)
        steer(m, "hold", expect=409)
        assert a.subjects() == []
        assert api("GET", "/status").json["queue"]["held"] >= 1
        assert re.search(r'postroom_queue_messages\{state="held"\} [1-9]', ask(daemon(), "GET", "/metrics").body.decode())
        assert "held" in daemon().run_cli("queue", "ls").stdout
        steer(m, "release")
        a.got(subject)
        gone(subject)


def test_one_recipient_is_steered_alone():
    with deferring() as a:
        subject = submit(f"x@{a.domain}", f"y@{a.domain}")
        m = waiting(subject)
        steer(m, "hold", recipient=f"y@{a.domain}")
        states = {r["address"].split("@")[0]: r["state"] for r in entry(subject)["recipients"]}
        assert states == {"x": "waiting", "y": "held"}, states
        steer(m, "hold", recipient="nobody@nowhere.example", expect=409)
        steer(m, "bounce", {"words": "y alone"}, recipient="y@*")
        assert f"y@{a.domain}".encode() in dsn_to_alice("y alone")
        assert [r["address"] for r in waiting(subject)["recipients"] if r["state"] == "waiting"] == [f"x@{a.domain}"] if len(entry(subject)["recipients"]) == 1 else True
        api("DELETE", f"/queue/{m['id']}", expect=204)


def test_a_bounce_tells_the_sender_in_the_operators_words():
    with deferring() as a:
        subject = submit(f"x@{a.domain}")
        m = waiting(subject)
        steer(m, "bounce", {"words": "That house has moved away."})
        gone(subject)
        dsn = dsn_to_alice("That house has moved away.")
        assert b"multipart/report" in dsn and f"x@{a.domain}".encode() in dsn, dsn
        steer(m, "bounce", expect=404)


def test_what_is_removed_makes_no_dsn():
    with deferring() as a:
        subject = submit(f"silent@{a.domain}")
        m = waiting(subject)
        api("DELETE", f"/queue/{m['id']}", expect=200, dry_run=1)
        api("DELETE", f"/queue/{m['id']}", expect=204)
        gone(subject)
        later = submit("alice@example.org")
        wait_until(lambda: any(later.encode() in b for b in daemon().bodies("alice")), 20, "a later message")
        assert not any(f"silent@{a.domain}".encode() in b for b in daemon().bodies("alice"))


def test_a_message_goes_the_way_that_it_is_sent():
    with deferring() as a, Elsewhere() as b:
        subject = submit(f"x@{a.domain}")
        m = waiting(subject)
        steer(m, "route", {"route": "not a place"}, expect=422)
        steer(m, "route", {"route": b.destination})
        b.got(subject)
        gone(subject)


def test_a_message_is_given_up_when_the_operator_says():
    with deferring("451 4.2.1 never mind") as a:
        subject = submit(f"x@{a.domain}")
        m = waiting(subject)
        steer(m, "expire", {"expires_at": in_time(86400)})
        assert entry(subject)["expires_at"] < m["expires_at"]
        steer(m, "expire", {"expires_at": in_time(1)})
        gone(subject)
        assert f"x@{a.domain}".encode() in dsn_to_alice("never mind")


# ---- many ----

def test_many_are_steered_by_filter_after_a_plan():
    with deferring("451 4.2.1 busy") as a, deferring("451 4.2.1 full") as b:
        subjects = [submit(f"u{n}@{a.domain}", f"u{n}@{b.domain}") for n in range(3)] + [submit(f"only@{b.domain}")]
        for subject in subjects:
            waiting(subject)
        plan = api("POST", "/queue:bulk", {"action": "hold", "filter": {"recipient": f"*@{a.domain}"}}, dry_run=1).json
        assert plan["dry_run"] is True and plan["total"] == 3 and {c["before"]["subject"] for c in plan["changes"]} == set(subjects[:3]), plan
        assert all(r["state"] == "waiting" for s in subjects for r in entry(s)["recipients"])
        done, items = job_of(bulk("hold", filter={"recipient": f"*@{a.domain}"}))
        assert done["done"] == 3 and done["failed"] == 0 and all(i["status"] == 204 for i in items), (done, items)
        for subject in subjects:
            for r in entry(subject)["recipients"]:
                assert r["state"] == ("held" if r["address"].endswith(a.domain) else "waiting"), r
        ids = [entry(s)["id"] for s in subjects]
        done, items = job_of(bulk("release", ids=ids[:1] + ids[3:] + ["0" * 32]))
        assert sorted(i["status"] for i in items) == [204, 404, 409], items
        done, _ = job_of(bulk("delete", filter={"error": "BUSY", "domain": a.domain}))
        bulk("route", filter={}, expect=422)
        bulk("expire", filter={}, expect=422)
        bulk("delete", expect=422)
        text = daemon().run_cli("queue", "rm", "--recipient", f"*@{b.domain}", "--dry-run").stdout
        assert text.count("would delete") == 4, text
        refused = daemon().run_cli("queue", "rm", "--recipient", f"*@{b.domain}")
        assert refused.returncode == EX_USAGE and "--yes" in refused.stderr, refused
        assert daemon().run_cli("queue", "rm").returncode == EX_USAGE
        assert daemon().run_cli("queue", "rm", ids[0], "--all").returncode == EX_USAGE
        wait_until(lambda: daemon().run_cli("queue", "rm", "--domain", b.domain, "--yes").returncode == 0 and not listed(domain=b.domain), 20, "all are removed")
        wait_until(lambda: daemon().run_cli("queue", "rm", "--domain", a.domain, "--yes").returncode == 0 and not listed(domain=a.domain), 20, "all are removed")


def test_many_are_given_back_by_command():
    with deferring() as a:
        subjects = [submit(f"back{n}@{a.domain}") for n in range(3)]
        for subject in subjects:
            waiting(subject)
        done = daemon().run_cli("queue", "bounce", "--recipient", f"*@{a.domain}", "--words", "returned in bulk", "--yes")
        assert done.returncode == 0 and "3 done, 0 failed" in done.stdout, done
        for n in range(3):
            wait_until(lambda n=n: any(b"returned in bulk" in b and f"back{n}@".encode() in b for b in daemon().bodies("alice")), 20, "each has its DSN")


# ---- destinations ----

def test_nothing_is_sent_to_a_paused_destination():
    with Elsewhere() as a:
        path = "/queue/destinations/" + urllib.parse.quote(a.destination, safe="") + "/pause"
        api("PUT", path, {"reason": "they move", "until": in_time(-60)}, expect=422)
        api("PUT", path, {"reason": "they move"}, expect=201)
        again = api("PUT", path, {"reason": "they move still", "until": in_time(3600)}, expect=200).json
        assert again["until"] and again["reason"] == "they move still", again
        subject = submit(f"x@{a.domain}")
        found = wait_until(lambda: [d for d in api("GET", "/queue/destinations", paused="true").json["data"] if d["name"] == a.destination and d["messages"] == 1], 10, "the destination is listed")[0]
        assert found["paused"] and found["pause"]["reason"] == "they move still" and found["active"] == 0 and found["oldest_at"], found
        assert daemon().cli("queue", "destination", a.destination, "-o", "json")["messages"] == 1
        assert api("GET", "/status").json["queue"]["destinations_paused"] == 1
        other = Elsewhere()
        with other:
            other.got(submit(f"x@{other.domain}"))
        assert a.sink.connections == 0 and entry(subject)["recipients"][0]["attempts"] == 0
        assert daemon().run_cli("queue", "resume", a.destination).stdout == "resumed\n"
        a.got(subject)
        api("DELETE", path, expect=404)


def test_a_pause_ends_by_itself():
    with Elsewhere() as a:
        assert daemon().run_cli("queue", "pause", a.destination, "--until", in_time(2)).stdout == "paused\n"
        a.got(submit(f"x@{a.domain}"))
        assert not any(d["name"] == a.destination and d["paused"] for d in api("GET", "/queue/destinations").json["data"])


# ---- hold rules ----

def test_a_rule_holds_what_fits_and_what_waits_already():
    with deferring() as a, Elsewhere() as b:
        before = submit(f"x@{a.domain}")
        waiting(before)
        made = api("POST", "/hold_rules", {"recipient": f"*@{a.domain}", "note": "odd", "apply_now": True}, expect=201).json
        wait_until(lambda: api("GET", f"/jobs/{made['job']}").json["state"] == "done", 20, "the job has ended")
        assert waiting(before, state="held")
        new = submit(f"y@{a.domain}", f"free@{b.domain}")
        b.got(new)
        held = wait_until(lambda: [r for r in entry(new)["recipients"] if r["state"] == "held"], 10, "it is held")[0]
        assert held["address"] == f"y@{a.domain}" and held["hold"] == "rule" and held["attempts"] == 0, held
        wait_until(lambda: api("GET", f"/hold_rules/{made['id']}").json["matched"] >= 1, 10, "the rule counts")
        assert any(r["id"] == made["id"] for r in api("GET", "/hold_rules").json["data"])
        api("POST", "/hold_rules", {"note": "of nobody"}, expect=422)
        assert daemon().run_cli("hold-rule", "rm", made["id"]).stdout == "removed\n"
        assert entry(new), "what it held stays"
        done, _ = job_of(bulk("delete", filter={"recipient": f"*@{a.domain}", "state": "held"}))
        assert done["done"] == 2, done
        gone(new)


# ---- suppressed addresses ----

def refused_rcpt(address):
    with smtplib.SMTP_SSL("127.0.0.1", daemon().port["submissions"], local_hostname="laptop.example", context=no_verify(), timeout=30 * SLOW) as s:
        s.login(ALICE, PASSWORD)
        s.mail(ALICE)
        return s.rcpt(address)


def test_suppressed_addresses_are_refused_with_the_words_of_then():
    set_setting(daemon(), suppression_days=1)
    with Elsewhere({"RCPT": lambda verb, argument: "550 5.1.1 moved to the moon" if "gone@" in argument else None}) as a:
        gone(submit(f"gone@{a.domain}"))
        found = wait_until(lambda: api("GET", "/suppressions", q="gone@").json["data"], 10, "it is learnt")[0]
        assert found["source"] == "failure" and found["status"] == "5.1.1" and "moved to the moon" in found["reply"] and found["expires_at"], found
        code, words = refused_rcpt(f"GONE@{a.domain}")
        assert code == 550 and b"moved to the moon" in words, (code, words)
        put = api("PUT", f"/suppressions/never@{a.domain}", {"reply": "asked us not to"}, expect=201).json
        assert put["source"] == "operator" and put["expires_at"] is None, put
        assert b"asked us not to" in refused_rcpt(f"never@{a.domain}")[1]
        assert {s["address"] for s in api("GET", "/suppressions", q=a.domain).json["data"]} == {f"gone@{a.domain}", f"never@{a.domain}"}
        assert len(api("GET", "/suppressions", limit=1).json["data"]) == 1
        assert daemon().run_cli("suppression", "rm", f"never@{a.domain}").stdout == "removed\n"
        assert refused_rcpt(f"never@{a.domain}")[0] == 250
        api("DELETE", f"/suppressions/gone@{a.domain}", expect=204)
        api("GET", f"/suppressions/gone@{a.domain}", expect=404)
        api("PUT", "/suppressions/not-an-address", {}, expect=422)


# ---- senders ----

def test_a_stopped_sender_waits_and_reads_on():
    with deferring() as a, Elsewhere() as b:
        subject = submit(f"x@{a.domain}", sender="bob@example.org")
        waiting(subject)
        done = api("POST", "/senders/bob@example.org:stop", {"detail": "his phone was stolen"}).json
        assert done["stopped"] and done["stop"]["detail"] == "his phone was stolen", done
        held = waiting(subject, state="held")["recipients"][0]
        assert held["hold"] == "breaker", held
        try:
            submit(f"x@{b.domain}", sender="bob@example.org")
        except smtplib.SMTPException as refusal:
            assert "45" in str(refusal), refusal
        else:
            raise AssertionError("a stopped sender sent")
        assert daemon().count("bob") >= 0  # IMAP stays
        assert [s["user"] for s in api("GET", "/senders", stopped="true").json["data"]] == ["bob@example.org"]
        assert api("GET", "/status").json["queue"]["senders_stopped"] == 1
        assert daemon().run_cli("sender", "release", "bob@example.org").stdout == "released\n"
        waiting(subject)
        b.got(submit(f"x@{b.domain}", sender="bob@example.org"))
        api("POST", "/senders/bob@example.org:release", expect=409)
        api("POST", "/senders/bob@example.org:stop")
        waiting(subject, state="held")
        purged = api("POST", "/senders/bob@example.org:purge").json
        assert purged["messages"] == 1 and not purged["stopped"], purged
        gone(subject)


# ---- what is over ----

def test_history_has_what_the_queue_has_finished():
    with Elsewhere({"RCPT": lambda verb, argument: "550 5.7.1 not you" if "no@" in argument else None}) as a:
        subject = submit(f"yes@{a.domain}", f"no@{a.domain}")
        gone(subject)

        def history(**query):
            return {h["recipient"].split("@")[0]: h for h in api("GET", "/queue/history", recipient=f"*@{a.domain}", **query).json["data"]}

        found = wait_until(lambda: history() if len(history()) == 2 else None, 10, "both are over")
        assert found["yes"]["state"] == "relayed" and found["no"]["state"] == "bounced" and "not you" in found["no"]["reply"] and found["no"]["finished_at"], found
        assert set(history(state="bounced")) == {"no"} and history(since=in_time(60)) == {} and set(history(sender=ALICE)) == {"yes", "no"}
        assert all(h["state"] in ("delivered", "relayed", "bounced", "removed") for h in api("GET", "/queue/history", limit=500).json["data"])
        assert subject not in json.dumps(listed())


# ---- who may ----

def test_domain_admins_look_and_steer_nothing():
    i = daemon()
    api("POST", "/domains", {"name": "second.example"}, expect=201)
    api("POST", "/users", {"address": "carol@second.example", "password": PASSWORD}, expect=201)
    api("POST", "/admins", {"user": "carol@second.example", "role": "domain_admin", "domains": ["second.example"]}, expect=201)
    with deferring() as a:
        theirs, ours = submit(f"x@{a.domain}", sender="carol@second.example"), submit(f"y@{a.domain}")
        m, other = waiting(theirs), waiting(ours)
        token = api("POST", "/tokens", {"user": "carol@second.example", "label": "t", "scopes": ["queue:read", "queue:manage", "senders:read"]}, expect=(201, 403))
        if token.status == 201:
            token = token.json["token"]
            seen = ask(i, "GET", "/api/v1/queue", token=token).json["data"]
            assert [s["subject"] for s in seen] == [theirs], seen
            ask(i, "GET", f"/api/v1/queue/{other['id']}", token=token, expect=404)
            ask(i, "POST", f"/api/v1/queue/{m['id']}:hold", token=token, expect=403)
            ask(i, "GET", "/api/v1/queue/destinations", token=token, expect=403)
        for one in (m, other):
            api("DELETE", f"/queue/{one['id']}", expect=204)


def test_what_is_done_is_in_the_audit_and_told():
    with deferring() as a:
        subject = submit(f"x@{a.domain}")
        m = waiting(subject)
        steer(m, "hold")
        api("DELETE", f"/queue/{m['id']}", expect=204)
        found = api("GET", "/audit", subject=m["id"]).json["data"]
        assert [e["operation"] for e in found] == ["queue_delete", "queue_hold"], found
        lines = ask(daemon(), "GET", "/api/v1/events", types="queue.*,destination.*,hold_rule.*,suppression.*", follow="false", after=1).body.decode()
        for name in ("queue.changed", "destination.changed", "hold_rule.changed", "suppression.changed"):
            assert name in lines, (name, lines[-2000:])


# ---- probes ----

def test_a_probe_says_where_mail_would_stop_and_sends_nothing():
    with Elsewhere({"RCPT": lambda verb, argument: "550 5.1.1 nobody here" if "no@" in argument else None}) as a, Elsewhere(listens=False) as dead:
        good = api("POST", "/relays:probe", {"address": f"yes@{a.domain}"}).json
        assert good["deliverable"] and any(s["step"] == "rcpt" and s["result"] == "ok" for s in good["steps"]), good
        bad = api("POST", "/relays:probe", {"address": f"no@{a.domain}"}).json
        assert not bad["deliverable"] and any("nobody here" in (s["reply"] or "") for s in bad["steps"]), bad
        assert not api("POST", "/relays:probe", {"address": f"x@{dead.domain}"}).json["deliverable"]
        api("POST", "/relays:probe", {"address": "bob@example.org"}, expect=422)
        api("POST", "/relays:probe", {"address": "nobody"}, expect=422)
        api("POST", "/relays:probe", {"address": "x@[127.0.0.1]"}, expect=422)
        shown = daemon().run_cli("relay", "probe", f"yes@{a.domain}")
        assert shown.returncode == 0 and "nothing was sent" in shown.stdout and "rcpt" in shown.stdout, shown
        shown = daemon().run_cli("relay", "probe", f"no@{a.domain}")
        assert shown.returncode == EX_UNAVAILABLE and "550 5.1.1 nobody here" in shown.stdout, shown
        assert a.sink.messages == []


def test_few_probes_run_at_a_time_and_hold_up_nobody():
    domain, answers = fresh("slow"), []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(20 * SLOW)
        api("PUT", f"/relays/{domain}", {"host": "127.0.0.1", "port": silent.getsockname()[1], "tls": "none"}, expect=201)
        threads = [threading.Thread(target=lambda: answers.append(api("POST", "/relays:probe", {"address": f"x@{domain}"}).json)) for _ in range(4)]
        for t in threads:
            t.start()
        connections = [silent.accept()[0] for _ in threads]  # four are under way, and hear nothing
        refused = api("POST", "/relays:probe", {"address": f"x@{domain}"}, expect=429)
        assert refused.json["code"] == "too_many_probes" and int(refused.headers["Retry-After"]) >= 1, refused
        assert api("GET", "/status").json["version"]
        for connection in connections:
            connection.sendall(b"554 5.3.2 not today\r\n")
            connection.close()
        for t in threads:
            t.join()
    assert len(answers) == 4 and all(not a["deliverable"] and "not today" in json.dumps(a) for a in answers), answers


def test_a_probe_does_not_hold_up_the_end():
    wait = threading.Event()
    with harness.Instance(users=["alice"], services=("mx",)) as i:
        port = harness.free_port()
        sink = Sink("127.0.0.1", port, answers={"CONNECT": lambda verb, argument: wait.wait(60 * SLOW) and None})
        ask(i, "PUT", "/api/v1/relays/slow.example", {"host": "127.0.0.1", "port": port, "tls": "none"}, expect=201)
        answers = []
        t = threading.Thread(target=lambda: answers.append(ask(i, "POST", "/api/v1/relays:probe", {"address": "x@slow.example"}, expect=(200, 503)).status))
        t.start()
        wait_until(lambda: sink.connections == 1, 20, "the probe is under way")
        i.stop()
        t.join()
        wait.set()
        sink.close()
        assert answers == [503], answers


def test_how_tls_went_is_listed():
    page = api("GET", "/tls_results").json
    assert isinstance(page["data"], list), page
    assert daemon().run_cli("tls", "results").returncode == 0


if __name__ == "__main__":
    harness.run(globals())
