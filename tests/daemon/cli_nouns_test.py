"""The command line: every verb once against the real daemon, in all four forms of output; problems."""
import json
import os
import re
import smtplib
import subprocess
import tempfile

import harness
from cli_words import EX_DATAERR, EX_NOPERM, EX_UNAVAILABLE, EX_USAGE, add_user, cli, daemon, in_all_forms, js, refused, rows, run, used
from harness import PASSWORD, SLOW, wait_until


def test_status_says_what_runs():
    said = js("status")
    assert said["hostname"] == "mail.example.org" and said["domains"] >= 1 and said["users"] >= 2 and said["version"], said
    assert "hostname: mail.example.org" in cli("status")
    assert rows(cli("status", "-o", "csv"))[0]["hostname"] == "mail.example.org"
    assert json.loads(cli("status", "-o", "ndjson"))["users"] >= 2
    assert "postroom_" in cli("metrics")
    assert json.loads(cli("openapi"))["openapi"].startswith("3.1")


def test_domains():
    assert cli("domain", "add", "example.com") == "added\n"
    cli("domain", "add", "B\u00fccher.example")
    names = [d["name"] for d in in_all_forms("domain", "ls")]
    assert "example.com" in names and "example.org" in names and "xn--bcher-kva.example" in names, names
    assert [d["name"] for d in js("domain", "ls", "--q", "bcher")["data"]] == ["xn--bcher-kva.example"]
    assert js("domain", "ls", "--sort", "-name")["data"][0]["name"] == "xn--bcher-kva.example"
    assert js("domain", "show", "example.com")["name"] == "example.com"
    refused(EX_DATAERR, "domain", "add", "example.com", says=r"(?s)\(exists, req_.*next: postroom domain show example.com")
    refused(EX_DATAERR, "domain", "add", "not a domain", says=r"(?s)DOMAIN: .*next: postroom domain add --help")
    refused(EX_DATAERR, "domain", "rm", "nowhere.example", "--yes", says=r"(?s)not_found, req_.*next: postroom domain ls")
    refused(EX_DATAERR, "domain", "rm", "example.org", "--yes")  # it has users
    cli("domain", "ensure", "example.com")
    assert cli("domain", "rm", "example.com", "--yes") == "removed\n"
    cli("domain", "ensure", "example.com")
    cli("domain", "rm", "example.com", "--yes")
    cli("domain", "rm", "B\u00fccher.example", "-y")
    assert "example.com" not in [d["name"] for d in js("domain", "ls")["data"]]


def test_domains_that_stand_for_others_or_are_disabled():
    cli("domain", "add", "short.example", "--alias-of", "example.org", "--source-ipv4", "192.0.2.9")
    shown = js("domain", "show", "short.example")
    assert shown["alias_of"] == "example.org" and shown["source_ipv4"] == "192.0.2.9" and shown["state"] == "active", shown
    refused(EX_DATAERR, "domain", "set", "example.org", "--alias-of", "short.example")
    refused(EX_DATAERR, "domain", "set", "short.example", "--source-ipv6", "192.0.2.9", says="--source-ipv6: ")
    refused(EX_DATAERR, "domain", "set", "example.org", "--state", "refuse", says="owner")
    assert cli("domain", "set", "short.example", "--state", "hold", "--alias-of", "") == "changed\n"
    shown = {d["name"]: d for d in in_all_forms("domain", "ls")}["short.example"]
    assert shown["state"] == "hold" and shown["alias_of"] is None, shown
    cli("domain", "ensure", "short.example")
    assert js("domain", "show", "short.example")["state"] == "active" and js("domain", "show", "short.example")["source_ipv4"] is None
    cli("domain", "rm", "short.example", "--yes")


def test_users_forward_send_as_others_and_have_limits():
    cli("user", "add", "frida@example.org", "--no-password")
    cli("user", "forward", "frida@example.org", "frida@elsewhere.example", "second@elsewhere.example", "--keep", "no")
    shown = js("user", "show", "frida@example.org")
    assert shown["forwards"] == ["frida@elsewhere.example", "second@elsewhere.example"] and shown["forward_keeps"] is False, shown
    refused(EX_DATAERR, "user", "forward", "frida@example.org", "frida@example.org")
    cli("user", "set-identities", "frida@example.org", "sales@elsewhere.example", "@example.org")
    refused(EX_DATAERR, "user", "set-identities", "frida@example.org", "@elsewhere.example")
    cli("user", "set-limits", "frida@example.org", "--per-hour", "5", "--per-day", "0")
    shown = js("user", "show", "frida@example.org")
    assert sorted(shown["identities"]) == ["@example.org", "sales@elsewhere.example"], shown
    assert shown["limits"] == {"per_hour": 5, "per_day": 0, "new_per_day": None}, shown
    assert "frida@elsewhere.example" in cli("user", "show", "frida@example.org")
    for verb in ("unforward", "rm-identities", "rm-limits"):
        cli("user", verb, "frida@example.org")
    shown = js("user", "show", "frida@example.org")
    assert shown["forwards"] == [] and shown["forward_keeps"] is True and shown["identities"] == [] and set(shown["limits"].values()) == {None}, shown
    cli("user", "rm", "frida@example.org", "--yes")


def test_users_have_quotas():
    cli("user", "add", "quentin@example.org", "--no-password")
    assert cli("user", "set-quota", "quentin@example.org", "--bytes", "2g", "--messages", "1000") == "set\n"
    shown = js("user", "show", "quentin@example.org")
    assert shown["quota"] == {"bytes": 2 << 30, "messages": 1000} and shown["usage"] == {"bytes": 0, "messages": 0}, shown
    assert re.search(r"(?s)usage:\s+bytes: 0\s+messages: 0", cli("user", "show", "quentin@example.org"))
    cli("user", "set-quota", "quentin@example.org", "--bytes", "0")
    assert js("user", "show", "quentin@example.org")["quota"] == {"bytes": 0, "messages": 1000}
    for size in ("2X", "G", "", "-1", "9999999T", "1.5G"):
        refused(EX_USAGE, "user", "set-quota", "quentin@example.org", "--bytes", size, says="--bytes: ")
    refused(EX_DATAERR, "user", "set-quota", "quentin@example.org", "--bytes", "1025T")
    cli("user", "rm-quota", "quentin@example.org")
    assert js("user", "show", "quentin@example.org")["quota"] == {"bytes": None, "messages": None}
    cli("user", "rm", "quentin@example.org", "--yes")


def test_users_are_not_offered_all_of_imap():
    cli("user", "add", "ida@example.org", "--no-password")
    assert cli("user", "set-imap-disabled", "ida@example.org", "qresync", "IDLE") == "set\n"
    assert js("user", "show", "ida@example.org")["imap_disabled"] == ["IDLE", "QRESYNC"]
    refused(EX_DATAERR, "user", "set-imap-disabled", "ida@example.org", "IDLE", "NONSENSE", says="NONSENSE")
    cli("user", "rm-imap-disabled", "ida@example.org")
    assert cli("user", "set-protocols-disabled", "ida@example.org", "pop3", "smtp") == "set\n"
    assert js("user", "show", "ida@example.org")["protocols_disabled"] == ["pop3", "smtp"]
    cli("user", "rm-protocols-disabled", "ida@example.org")
    assert js("user", "show", "ida@example.org")["protocols_disabled"] == []
    assert js("user", "show", "ida@example.org")["imap_disabled"] == []
    cli("user", "rm", "ida@example.org", "--yes")


def test_grants():
    add_user("gina@example.org")
    assert cli("user", "add-shared", "info@example.org") == "added\n"
    assert cli("grant", "set", "info@example.org", "gina@example.org", "write", "--mailbox", "INBOX") == "granted\n"
    cli("grant", "set", "info@example.org", "anyone", "read")
    found = {g["grantee"]: g for g in in_all_forms("grant", "ls", "info@example.org")}
    assert found["gina@example.org"]["rights"] == "lrswipte" and found["gina@example.org"]["mailbox"] == "INBOX", found
    assert found["anyone"]["rights"] == "lrs" and found["anyone"]["mailbox"] is None, found
    assert {(g["owner"], g["rights"]) for g in in_all_forms("grant", "ls-to", "gina@example.org")} == {("info@example.org", "lrswipte"), ("info@example.org", "lrs")}
    refused(EX_DATAERR, "grant", "set", "info@example.org", "gina@example.org", "everything", says="RIGHTS|rights")
    refused(EX_DATAERR, "grant", "set", "info@example.org", "gina@example.org", "read", "--mailbox", "Nowhere", says="--mailbox: ")
    assert cli("grant", "rm", "info@example.org", found["anyone"]["id"]) == "taken back\n"
    refused(EX_DATAERR, "grant", "rm", "info@example.org", found["anyone"]["id"])
    cli("user", "rm", "info@example.org", "--yes")
    assert not js("grant", "ls-to", "gina@example.org")["data"]
    cli("user", "rm", "gina@example.org", "--yes")


def test_tls_rules():
    assert cli("tls-rule", "set", "B\u00fccher.example", "--mode", "verify", "--names", "mx.example.net,.example.net") == "set\n"
    cli("tls-rule", "set", "example.net", "--mode", "encrypt")
    found = {r["domain"]: r for r in in_all_forms("tls-rule", "ls")}
    assert found["xn--bcher-kva.example"]["names"] == ["mx.example.net", ".example.net"] and found["example.net"]["mode"] == "encrypt", found
    assert js("tls-rule", "show", "example.net")["names"] == []
    refused(EX_DATAERR, "tls-rule", "set", "example.net", "--mode", "may", "--names", "mx.example.net", says="--names: ")
    for domain in found:
        cli("tls-rule", "rm", domain, "--yes")
    refused(EX_DATAERR, "tls-rule", "rm", "example.net", "--yes")


def test_users():
    add_user("dave@example.org", "--name", "Dave D\u00f6rr")
    found = {u["address"]: u for u in in_all_forms("user", "ls")}
    assert found["alice@example.org"]["role"] == "owner" and found["dave@example.org"]["role"] == "user" and found["dave@example.org"]["name"] == "Dave D\u00f6rr", found
    assert re.search(r"dave@example\.org +user +Dave D\u00f6rr +user", cli("user", "ls"))
    assert [u["address"] for u in js("user", "ls", "--role", "owner")["data"]] == ["alice@example.org"]
    assert rows(cli("user", "ls", "--columns", "address,id", "--q", "dave", "-o", "csv"))[0]["address"] == "dave@example.org"
    assert js("user", "show", "dave@example.org")["id"].startswith("usr_")
    refused(EX_DATAERR, "user", "add", "dave@example.org", "--password-stdin", input=PASSWORD + "\n", says="exists")
    refused(EX_DATAERR, "user", "add", "erin@example.org", "--password-stdin", input="short\n", says="(?s)8.*--password-stdin: |--password-stdin: .*8")
    refused(EX_DATAERR, "user", "add", "erin@example.net", "--password-stdin", input=PASSWORD + "\n")
    refused(EX_USAGE, "user", "add", "erin@example.org", says="--password-stdin")
    cli("user", "add", "erin@example.org", "--no-password")
    cli("user", "add", "fred@example.org", "--password-hash", "$6$rounds=5000$usesomesillystri$D4IrlXatmP7rx3P3InaxBeoomnAihCKRVQAr/36eZjKc7sJXxCqrT9eTAsJeyBNRMo4B3MgWFSHKx8MVSLO5o0")
    cli("user", "set", "dave@example.org", "--name", "David")
    assert js("user", "show", "dave@example.org")["name"] == "David"
    cli("user", "passwd", "dave@example.org", "--password-stdin", input="another-password-2\n")
    assert cli("user", "suspend", "dave@example.org") == "suspended\n" and js("user", "show", "dave@example.org")["suspended"] is True
    assert [u["address"] for u in js("user", "ls", "--suspended", "yes")["data"]] == ["dave@example.org"]
    cli("user", "resume", "dave@example.org")
    cli("user", "end-sessions", "dave@example.org")
    cli("user", "reset-2fa", "dave@example.org", "--yes")
    assert js("user", "app-passwords", "dave@example.org")["data"] == []
    refused(EX_DATAERR, "user", "rm-app-password", "dave@example.org", "app_1", "--yes")
    for user in ("dave", "erin", "fred"):
        cli("user", "rm", f"{user}@example.org", "--yes")
    refused(EX_DATAERR, "user", "rm", "dave@example.org", "--yes")
    refused(EX_DATAERR, "user", "rm", "alice@example.org", "--yes")  # the last owner


def test_imports_exports_and_bulk():
    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, "users.csv")
        with open(path, "w") as f:
            f.write("address,name\n" + "".join(f"import{n}@example.org,Person {n}\n" for n in range(30)) + "nobody@elsewhere.example,X\n")
        plan = run("user", "import", path, "--dry-run")
        assert plan.returncode in (0, EX_DATAERR) and not [u for u in js("user", "ls", "--q", "import")["data"]], plan
        done = run("user", "import", path)
        assert done.returncode == EX_DATAERR and "elsewhere.example" in done.stderr, done
        assert done.stdout == "31 rows: 30 done, 1 failed\n", done.stdout
        done = run("user", "import", path, "-o", "json")  # all but one unchanged
        assert done.returncode == EX_DATAERR and "elsewhere.example" in done.stderr and "\r" not in done.stderr, done
        assert json.loads(done.stdout)["done"] == 31 and json.loads(done.stdout)["failed"] == 1, done.stdout
        job = json.loads(done.stdout)["id"]
    assert len(js("user", "ls", "--q", "import")["data"]) == 30
    assert [i["status"] >= 400 for i in js("job", "items", job, "--failed")["data"]] == [True]
    assert js("job", "show", job)["state"] == "done" and job in [j["id"] for j in in_all_forms("job", "ls")]
    assert run("job", "wait", job).returncode == EX_DATAERR
    refused(EX_DATAERR, "job", "cancel", job)
    exported = cli("user", "export", "--q", "import")
    assert cli("user", "import", "-", "--format", "csv", input=exported) == "30 rows: 30 done, 0 failed\n"
    other = "address,name\nimport0@example.org,Renamed\n"
    assert run("user", "import", "-", "--format", "csv", input=other).returncode == EX_DATAERR
    assert cli("user", "import", "-", "--format", "csv", "--update", input=other) == "1 row: 1 done, 0 failed\n"
    assert js("user", "show", "import0@example.org")["name"] == "Renamed"
    sheet = rows(exported)
    assert len(sheet) == 30 and sheet[0]["address"] == "import0@example.org", sheet[:2]
    assert len(json.loads(cli("user", "export", "--q", "import", "-o", "json"))["users"]) == 30
    refused(EX_USAGE, "user", "bulk", "suspend", "--q", "import", says="--yes")
    assert cli("user", "bulk", "suspend", "--q", "import", "--yes") == "30 items: 30 done, 0 failed\n"
    began = run("user", "bulk", "suspend", "--q", "import", "--yes", "--no-wait", "-o", "json")
    assert began.returncode == 0 and "job wait" in began.stderr, began
    cli("job", "wait", json.loads(began.stdout)["id"])
    assert len(js("user", "ls", "--suspended", "yes")["data"]) == 30
    cli("user", "bulk", "delete", "--q", "import", "--yes", "--wait")
    assert not js("user", "ls", "--q", "import")["data"]
    # and of aliases, from standard input
    cli("alias", "import", "-", "--format", "csv", "--wait", input="address,targets\nin1@example.org,alice@example.org\nin2@example.org,bob@example.org alice@example.org\n")
    assert {a["address"] for a in js("alias", "ls", "--q", "in")["data"]} >= {"in1@example.org", "in2@example.org"}
    assert len(rows(cli("alias", "export"))) == 2 and len(json.loads(cli("alias", "export", "-o", "json"))["aliases"]) == 2
    cli("alias", "bulk", "delete", "--aliases", "in1@example.org,in2@example.org", "--yes", "--wait")
    assert js("alias", "ls")["data"] == []


def test_aliases():
    cli("alias", "add", "sales@example.org", "alice@example.org", "bob@example.org")
    cli("alias", "add", "@example.org", "bob@example.org")
    found = {a["address"]: a["targets"] for a in in_all_forms("alias", "ls")}
    assert found == {"sales@example.org": ["alice@example.org", "bob@example.org"], "@example.org": ["bob@example.org"]}, found
    assert js("alias", "show", "sales@example.org")["targets"] == ["alice@example.org", "bob@example.org"]
    cli("alias", "set", "sales@example.org", "bob@example.org")
    assert js("alias", "show", "sales@example.org")["targets"] == ["bob@example.org"]
    refused(EX_DATAERR, "alias", "add", "sales@example.org", "bob@example.org")
    refused(EX_DATAERR, "alias", "add", "bob@example.org", "alice@example.org")
    refused(EX_DATAERR, "alias", "add", "x@example.net", "alice@example.org")
    refused(EX_USAGE, "alias", "add", "empty@example.org", says="TARGET")
    cli("alias", "rm", "@example.org", "--yes")
    cli("alias", "rm", "sales@example.org", "--yes")
    assert js("alias", "ls")["data"] == []
    refused(EX_DATAERR, "alias", "rm", "sales@example.org", "--yes")


def test_relays():
    cli("relay", "set", "--domain", "*", "--host", "smart.example.net", "--port", "587", "--tls", "required", "--user", "me", "--password-stdin", input="relay-secret-1\n")
    cli("relay", "set", "--domain", "example.net", "--host", "192.0.2.1", "--port", "25", "--tls", "none")
    cli("relay", "set", "--domain", "example.net", "--host", "192.0.2.2", "--port", "2525", "--tls", "opportunistic")
    cli("relay", "set", "--domain", "@example.org", "--host", "192.0.2.3", "--port", "25", "--tls", "encrypted")
    refused(EX_DATAERR, "relay", "set", "--domain", "@nowhere.example", "--host", "192.0.2.3", "--port", "25", "--tls", "none")
    assert js("relay", "show", "--domain", "@example.org")["tls"] == "encrypted"
    cli("relay", "rm", "--domain", "@example.org", "--yes")
    found = {r["domain"]: r for r in in_all_forms("relay", "ls")}
    assert set(found) == {"*", "example.net"} and found["*"]["has_password"] is True and found["*"]["user"] == "me" and found["example.net"]["host"] == "192.0.2.2", found
    assert js("relay", "show", "--domain", "*")["host"] == "smart.example.net"
    assert "relay-secret" not in json.dumps(found) + cli("relay", "ls") + daemon().log_tail(1000)
    shown = cli("relay", "set", "--domain", "*", "--host", "x.example", "--port", "25", "--tls", "required", "--user", "me", "--password-stdin", "--dry-run", input="relay-secret-2\n")
    assert "relay-secret-2" not in shown, shown
    refused(EX_DATAERR, "relay", "set", "--domain", "x.example", "--host", "h.example", "--port", "25", "--tls", "sometimes", says="--tls: ")
    refused(EX_USAGE, "relay", "set", "--domain", "x.example", "--host", "h.example", "--port", "65536", "--tls", "none")
    cli("relay", "rm", "--domain", "*", "--yes")
    cli("relay", "rm", "--domain", "example.net", "--yes")
    refused(EX_DATAERR, "relay", "rm", "--domain", "*", "--yes")


def queue_one(subject):
    with smtplib.SMTP_SSL("127.0.0.1", daemon().port["submissions"], local_hostname="laptop.example", context=harness.no_verify(), timeout=30 * SLOW) as s:
        s.login("bob@example.org", PASSWORD)
        s.sendmail("bob@example.org", ["friend@example.net"], f"From: bob@example.org\r\nSubject: {subject}\r\n\r\nx\r\n")
    return wait_until(lambda: [e for e in js("queue", "ls")["data"] if e["recipients"][0]["attempts"] >= 1 and e["recipients"][0]["state"] == "waiting" and subject[:4] in e["subject"]], 30, "the first attempt failed")[0]


def test_queue():
    assert cli("queue", "ls") == "Mail queue is empty. That is good.\n" and js("queue", "ls")["data"] == []
    cli("relay", "set", "--domain", "example.net", "--host", "127.0.0.1", "--port", str(harness.free_port()), "--tls", "none")  # refuses at once
    entry = queue_one("waits \x1b[31m")
    assert entry["from"] == "bob@example.org" and entry["recipients"][0]["address"] == "friend@example.net"
    shown = js("queue", "show", entry["id"])
    assert shown["recipients"][0]["last_reply"] and shown["subject"].startswith("waits"), shown
    text = cli("queue", "show", entry["id"]) + cli("queue", "ls")
    assert entry["id"] in text and "\x1b" not in text, text
    assert js("queue", "ls", "--domain", "example.com")["data"] == [] and len(js("queue", "ls", "--from", "bob@example.org")["data"]) == 1
    assert js("queue", "ls", "--before", "1h")["data"] == [] and cli("queue", "ls", "--before", "1h") == "Nothing fits.\n"
    assert cli("queue", "retry", entry["id"]) == "due now\n"
    wait_until(lambda: js("queue", "show", entry["id"])["recipients"][0]["attempts"] == 2, 30, "a second attempt")
    wait_until(lambda: js("queue", "ls", "--state", "deferred")["data"], 30)
    assert cli("queue", "flush", "--wait")
    wait_until(lambda: js("queue", "show", entry["id"])["recipients"][0]["attempts"] == 3, 30, "a third attempt")
    plan = cli("queue", "bulk", "delete", "--domain", "example.net", "--dry-run")
    assert "would delete" in plan and js("queue", "ls")["data"], plan
    queue_one("second")
    wait_until(lambda: run("queue", "rm", entry["id"], "--yes").returncode == 0, 30, "removed, once no attempt is under way")
    cli("queue", "bulk", "delete", "--domain", "example.net", "--yes", "--wait")
    wait_until(lambda: js("queue", "ls")["data"] == [], 30, "an empty queue")
    cli("relay", "rm", "--domain", "example.net", "--yes")
    for verb in ("show", "retry", "rm"):
        refused(EX_DATAERR, "queue", verb, entry["id"], "--yes")


def test_hold_rules():
    made = js("hold-rule", "add", "--sender", "*@held.example", "--note", "odd", "--expires", "2d", "--apply-now")
    assert made["sender"] == "@held.example" and made["job"].startswith("job_"), made
    assert "would create" in cli("hold-rule", "add", "--recipient", "x@held.example", "--dry-run")
    assert [r["id"] for r in in_all_forms("hold-rule", "ls")] == [made["id"]]
    assert js("hold-rule", "show", made["id"])["note"] == "odd"
    refused(EX_DATAERR, "hold-rule", "add", says="--sender: ")
    assert cli("hold-rule", "rm", made["id"]) == "removed\n"
    refused(EX_DATAERR, "hold-rule", "rm", made["id"])


def test_suppressions():
    assert cli("suppression", "add", "never@elsewhere.example", "--reply", "asked us not to", "--status", "5.7.1", "--expires", "30d") == "suppressed\n"
    found = in_all_forms("suppression", "ls", "--q", "never@")
    assert found[0]["source"] == "operator" and found[0]["status"] == "5.7.1", found
    assert js("suppression", "show", "never@elsewhere.example")["reply"] == "asked us not to"
    assert cli("suppression", "rm", "never@elsewhere.example") == "removed\n"
    refused(EX_DATAERR, "suppression", "rm", "never@elsewhere.example")


def test_senders():
    assert cli("sender", "stop", "bob@example.org", "--detail", "his phone was stolen") == "stopped\n"
    assert [s["user"] for s in in_all_forms("sender", "ls", "--stopped")] == ["bob@example.org"]
    assert js("sender", "show", "bob@example.org")["stop"]["detail"] == "his phone was stolen"
    refused(EX_DATAERR, "sender", "stop", "bob@example.org")
    assert cli("sender", "release", "bob@example.org") == "released\n"
    cli("sender", "stop", "bob@example.org")
    assert cli("sender", "purge", "bob@example.org", "--yes") == "purged\n"
    refused(EX_DATAERR, "sender", "purge", "bob@example.org", "--yes")


def test_probes_and_results_of_tls():
    cli("relay", "set", "--domain", "example.net", "--host", "127.0.0.1", "--port", str(harness.free_port()), "--tls", "none")  # refuses at once
    done = run("relay", "probe", "friend@example.net", "--sender", "bob@example.org")
    assert done.returncode == EX_UNAVAILABLE and "mail would not go out now" in done.stdout, done
    assert json.loads(run("relay", "probe", "friend@example.net", "-o", "json").stdout)["deliverable"] is False
    refused(EX_DATAERR, "relay", "probe", "bob@example.org", says="never leaves")
    cli("relay", "rm", "--domain", "example.net", "--yes")
    in_all_forms("tls", "results", "--domain", "example.net")


def test_trace_and_send():
    p = daemon()
    sent = js("send", "bob@example.org", "--from", "alice@example.org", "--subject", "by hand", "--text", "-", input="hello\n")
    p.wait_count(1, "bob")
    assert b"hello" in p.bodies("bob")[0] and sent["recipients"][0]["accepted"] is True
    with tempfile.NamedTemporaryFile(suffix=".csv") as f:
        f.write(b"a,b\n1,2\n")
        f.flush()
        cli("send", "bob@example.org", "--from", "Alice <alice@example.org>", "--cc", "alice@example.org", "--subject", "with a file", "--text", "/dev/null", "--attach", f.name, "--key", "only-once-1")
        cli("send", "bob@example.org", "--from", "Alice <alice@example.org>", "--cc", "alice@example.org", "--subject", "with a file", "--text", "/dev/null", "--attach", f.name, "--key", "only-once-1")
    cli("send", "--raw", "-", input="From: alice@example.org\r\nTo: bob@example.org\r\nSubject: whole\r\n\r\nx\r\n")
    p.wait_count(3, "bob")
    assert "would ask POST /api/v1/messages" in cli("send", "bob@example.org", "--from", "alice@example.org", "--text", "/dev/null", "--dry-run")
    refused(EX_USAGE, "send", "bob@example.org", says="--from")
    refused(EX_NOPERM, "send", "bob@example.org", "--from", "x@elsewhere.example", "--text", "/dev/null")
    wait_until(lambda: [r for r in js("trace", "bob@example.org")["data"] if r["state"] == "delivered" and r["subject"] == "whole"], 10, "traced")
    found = in_all_forms("trace", "--to", "bob@example.org", "--state", "delivered", "--since", "1h", "--direction", "out")
    assert len(found) == 3 and found[0]["subject"] == "whole", found
    assert len(js("trace", "--limit", "1")["data"]) == 1 and js("trace", "--limit", "1")["next_cursor"]
    assert js("trace", f"<{found[0]['message_id'].strip('<>')}>")["data"][0]["id"] == found[0]["id"]
    story = cli("trace", found[0]["id"])
    assert "accepted" in story and "delivered  bob@example.org" in story, story
    assert js("message", "show", found[0]["id"])["timeline"] and "timeline:" in cli("message", "show", found[0]["id"])
    refused(EX_DATAERR, "message", "show", "0" * 32, says="not_found")


def follow(*words):
    used.add(words[:1])
    return subprocess.Popen([harness.BINARY, *words, "--config", daemon().conf_path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=daemon().env)


def test_events_are_followed():
    last = json.loads(cli("events", "--since", "0", "--limit", "1", "-o", "ndjson"))
    assert last["id"] >= 1 and last["type"]
    kept = [json.loads(line) for line in cli("events", "-o", "ndjson").splitlines()]
    assert kept[0]["id"] == last["id"] and len(kept) > 1 and [e["id"] for e in kept] == sorted(e["id"] for e in kept), kept
    only = [json.loads(line) for line in cli("events", "--types", "domain.*", "--limit", "2", "-o", "ndjson").splitlines()]
    assert only == [e for e in kept if e["type"].startswith("domain.")][:2] and only, only
    assert cli("events", "--since", str(kept[-1]["id"] + 1000000), "-o", "ndjson") == ""
    first = follow("events", "-f", "--types", "domain.*", "--since", str(last["id"]), "--limit", "2", "-o", "json")
    second = follow("trace", "carol", "-f", "--limit", "1")
    add_user("carol@example.org")
    cli("domain", "add", "events.example")
    cli("domain", "rm", "events.example", "--yes")
    out, err = first.communicate(timeout=60 * SLOW)
    seen = [json.loads(line) for line in out.splitlines()]
    assert first.returncode == 0 and [e["type"] for e in seen] == ["domain.changed"] * 2 and last["id"] < seen[0]["id"] < seen[1]["id"], out + err
    wait_until(lambda: tell_carol() and second.poll() is not None, 30, "a follower hears of a message once it listens")
    out, err = second.communicate(timeout=60 * SLOW)
    assert second.returncode == 0 and "carol@example.org" in out and "message." in out, out + err
    cli("user", "rm", "carol@example.org", "--yes")


def tell_carol():
    daemon().send("Subject: for carol\r\n\r\nx\r\n", to=("carol",))
    return True


def test_settings():
    data = {s["name"]: s for s in js("setting", "ls")["data"]}
    assert data["queue_days"]["value"] == 5 and "queue_days" in cli("setting", "ls") and rows(cli("setting", "ls", "-o", "csv"))
    assert cli("setting", "set", "queue_days", "7") == "set\n"
    assert js("setting", "show", "queue_days")["value"] == 7
    assert cli("setting", "reset", "queue_days") == "reset\n" and js("setting", "show", "queue_days")["value"] == 5
    cli("setting", "set", "trace_subjects", "no")
    assert js("setting", "show", "trace_subjects")["value"] is False
    cli("setting", "reset", "trace_subjects")
    plan = cli("setting", "set", "queue_days", "6", "--dry-run")
    assert "would update queue_days" in plan and js("setting", "show", "queue_days")["value"] == 5, plan
    refused(EX_DATAERR, "setting", "set", "queue_days", "9999")
    refused(EX_USAGE, "setting", "set", "queue_days", "soon", says="number")
    refused(EX_DATAERR, "setting", "set", "no_such_thing", "1", says="setting ls")


def test_certificates():
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=www.example.org", "-addext", "subjectAltName=DNS:www.example.org", "-keyout", f"{place}/key.pem", "-out", f"{place}/chain.pem"], check=True, capture_output=True)
        cli("cert", "set", "www.example.org", "--chain", f"{place}/chain.pem", "--key", f"{place}/key.pem")
        with open(f"{place}/key.pem") as f:
            key = f.read()
    assert "www.example.org" in [c["name"] for c in in_all_forms("cert", "ls")]
    assert "PRIVATE" not in json.dumps(js("cert", "show", "www.example.org")) and key.splitlines()[2] not in daemon().log_tail(2000)
    refused(EX_USAGE, "cert", "rm", "www.example.org", says="--yes")
    cli("cert", "rm", "www.example.org", "--yes")
    assert "www.example.org" not in cli("cert", "ls")


def test_tokens_and_admins():
    add_user("gina@example.org")
    cli("admin", "add", "gina@example.org", "--role", "auditor")
    assert {a["address"]: a["role"] for a in in_all_forms("admin", "ls")} == {"alice@example.org": "owner", "gina@example.org": "auditor"}
    cli("admin", "set", "gina@example.org", "--role", "domain_admin", "--domains", "example.org")
    assert js("admin", "show", "gina@example.org")["domains"] == ["example.org"]
    made = js("token", "add", "for tests", "--user", "gina@example.org", "--scopes", "users:read,aliases:write", "--networks", "127.0.0.0/8", "--expires", "30d")
    assert made["token"].startswith("prm_pat_") and made["scopes"] == ["aliases:write", "users:read"] or set(made["scopes"]) == {"aliases:write", "users:read"}, made
    listed = in_all_forms("token", "ls")
    assert [t["label"] for t in listed] == ["for tests"] and made["token"] not in json.dumps(listed)
    assert js("token", "show", made["id"])["label"] == "for tests"
    refused(EX_DATAERR, "token", "add", "bad", "--user", "gina@example.org", "--scopes", "everything", says="--scopes: ")
    cli("token", "rm", made["id"], "--yes")
    assert js("token", "ls")["data"] == []
    cli("admin", "rm", "gina@example.org", "--yes")
    refused(EX_DATAERR, "admin", "rm", "alice@example.org", "--yes")
    cli("user", "rm", "gina@example.org", "--yes")


def test_refusals():
    import imaplib
    for _ in range(3):
        client = imaplib.IMAP4_SSL("127.0.0.1", daemon().port["imaps"], ssl_context=harness.no_verify(), timeout=60 * SLOW)
        try:
            client.login("bob@example.org", "not-the-password")
        except imaplib.IMAP4.error:
            pass
        finally:
            client.shutdown()
    found = in_all_forms("refusal", "ls")
    for row in found:
        cli("refusal", "rm", row["id"])
    refused(EX_DATAERR, "refusal", "rm", "no-such-thing")
    used.add(("refusal", "rm"))


def test_audit():
    found = in_all_forms("audit", "ls", "--limit", "5")
    assert len(found) == 5 and found[0]["operation"], found
    cli("domain", "add", "audited.example")
    newest = js("audit", "ls", "--subject", "audited.example")["data"][0]
    assert newest["operation"] == "domain_create" and newest["via"], newest
    assert js("audit", "ls", "--operation", "domain_create", "--since", "1h", "--limit", "1")["data"][0]["subject"] == "audited.example"
    assert js("audit", "verify")["whole"] is True
    cli("domain", "rm", "audited.example", "--yes")


def test_webhooks():
    made = js("webhook", "add", "https://hooks.example/in", "--types", "message.*,user.changed", "--enabled", "no")
    assert made["secret"] and made["types"] == ["message.*", "user.changed"], made
    assert [w["id"] for w in in_all_forms("webhook", "ls")] == [made["id"]] and "secret" not in js("webhook", "show", made["id"])
    cli("webhook", "set", made["id"], "--types", "queue.changed")
    assert js("webhook", "rotate", made["id"])["secret"] != made["secret"]
    cli("webhook", "test", made["id"])
    deliveries = wait_until(lambda: js("webhook", "deliveries", made["id"])["data"], 10, "a delivery")
    assert run("webhook", "redeliver", made["id"], deliveries[0]["id"]).returncode in (0, EX_DATAERR)
    cli("webhook", "rm", made["id"], "--yes")
    assert js("webhook", "ls")["data"] == []


def test_submitters():
    assert js("submitter", "ls")["data"] == []
    cli("submitter", "set", "everybody", "--allowed", "no")
    cli("submitter", "set", "12345", "--sender", "alice@example.org", "--remote", "yes")
    assert {s["uid"]: (s["sender"], s["remote"], s["allowed"]) for s in js("submitter", "ls")["data"]} == {"everybody": ("", False, False), "12345": ("alice@example.org", True, True)}
    refused(EX_DATAERR, "submitter", "set", "root", "--remote", "yes")
    cli("submitter", "rm", "everybody", "--yes")
    cli("submitter", "rm", "12345", "--yes")
    refused(EX_DATAERR, "submitter", "rm", "12345", "--yes")


def test_export_and_apply():
    document = json.loads(cli("export"))
    assert [d["name"] for d in document["domains"]] == ["example.org"], document
    again = cli("apply", "-f", "-", "--yes", input=json.dumps(document))
    assert again == "nothing would change\n", again
    document["aliases"] = [{"address": "applied@example.org", "targets": ["bob@example.org"]}]
    text = json.dumps(document)
    plan = cli("apply", "-f", "-", "--dry-run", input=text)
    assert "would create applied@example.org" in plan and js("alias", "ls")["data"] == [], plan
    assert json.loads(cli("apply", "-f", "-", "--dry-run", "-o", "json", input=text))["dry_run"] is True
    refused_apply = run("apply", "-f", "-", input=text)
    assert refused_apply.returncode == EX_USAGE and "--yes" in refused_apply.stderr and js("alias", "ls")["data"] == []
    assert "applied" in cli("apply", "-f", "-", "--yes", input=text)
    assert js("alias", "ls")["data"][0]["address"] == "applied@example.org"
    document["aliases"] = []
    cli("apply", "-f", "-", "--prune", "--yes", input=json.dumps(document))
    assert js("alias", "ls")["data"] == []
    refused(EX_DATAERR, "apply", "-f", "-", "--yes", input='{"version": 1, "colour": "red"}', says="colour")


def test_any_request_of_the_api():
    assert json.loads(cli("api", "GET", "/api/v1/users/alice@example.org"))["role"] == "owner"
    made = cli("api", "POST", "/api/v1/domains", "--data", '{"name": "raw.example"}', "--include")
    assert made.startswith("HTTP/1.1 201\n") and "raw.example" in made, made
    with tempfile.NamedTemporaryFile("w") as f:
        f.write('{"name": "file.example"}')
        f.flush()
        cli("api", "POST", "/api/v1/domains", "--data", f"@{f.name}")
    cli("api", "POST", "/api/v1/domains", "--data", "-", input='{"name": "stdin.example"}')
    for name in ("raw", "file", "stdin"):
        cli("api", "DELETE", f"/api/v1/domains/{name}.example")
    done = run("api", "GET", "/api/v1/nonsense")
    assert done.returncode == EX_DATAERR and json.loads(done.stdout)["status"] == 404, done
    tag = re.search(r"ETag: (\S+)", cli("api", "GET", "/api/v1/settings", "--include")).group(1)
    cli("api", "PATCH", "/api/v1/settings", "--if-match", tag, "--data", '{"queue_days": 6}')
    assert run("api", "PATCH", "/api/v1/settings", "--if-match", tag, "--data", '{"queue_days": 7}').returncode == EX_DATAERR
    cli("setting", "reset", "queue_days")
    for words in (("GET", "api/v1/users"), ("GET", "/api/v1/users\r\nX-Evil: 1"), ("get", "/api/v1/users"), ("GET", "/api/v1/users", "--if-match", "x\r\ny: z")):
        done = run("api", *words)
        assert done.returncode == EX_USAGE and not done.stdout, done


def test_the_queue_is_steered():
    """Each verb by id, and some by what a message is; queue_api_test.py has what comes of it."""
    port = harness.free_port()
    cli("relay", "set", "--domain", "example.net", "--host", "127.0.0.1", "--port", str(port), "--tls", "none")
    entry = queue_one("steered")
    assert "would hold" in cli("queue", "hold", entry["id"], "--dry-run")
    assert cli("queue", "hold", entry["id"]) == "held\n"
    assert "friend@example.net held" in cli("queue", "ls", "--state", "held", "--sender", "bob@*", "--older-than", "0h", "--newer-than", "1h")
    refused(EX_DATAERR, "queue", "hold", entry["id"], says="held already")
    assert "1 done, 0 failed" in cli("queue", "release", "--recipient", "*@example.net", "--wait")
    assert cli("queue", "expire", entry["id"], "--at", "3d") == "changed\n"
    assert cli("queue", "route", entry["id"], "--via", f"127.0.0.1:{harness.free_port()}") == "due now, that way\n"
    refused(EX_DATAERR, "queue", "route", entry["id"], "--via", "no way", says="--via: ")
    refused(EX_USAGE, "queue", "hold", says="which messages")
    refused(EX_USAGE, "queue", "hold", entry["id"], "--all", says="either")
    destination = f"127.0.0.1:{port}"
    assert cli("queue", "pause", destination, "--reason", "they move", "--until", "2h") == "paused\n"
    found = in_all_forms("queue", "destinations", "--paused", "yes")
    assert [d["name"] for d in found] == [destination] and found[0]["pause"]["reason"] == "they move", found
    assert js("queue", "destination", destination)["paused"] is True
    assert cli("queue", "resume", destination) == "resumed\n"
    refused(EX_DATAERR, "queue", "resume", destination, says="not paused.*\nnext: postroom queue destinations\n")
    refused(EX_DATAERR, "queue", "pause", "example.net", says=f"goes over a relay: pause {destination} ")
    wait_until(lambda: run("queue", "bounce", entry["id"], "--words", "by hand", "--yes").returncode == 0, 30, "given back, once no attempt is under way")
    wait_until(lambda: [h for h in js("queue", "history", "--recipient", "friend@example.net", "--state", "bounced")["data"] if h["id"] == entry["id"]], 30, "it is history")
    assert in_all_forms("queue", "history", "--since", "1h", "--recipient", "friend@example.net")
    cli("relay", "rm", "--domain", "example.net", "--yes")


def test_the_doctor_speaks_in_all_forms():
    """doctor_test.py has what it finds."""
    free = r"\d+ MiB free"
    assert {line["check"] for line in in_all_forms("doctor", steady=lambda row: row | {"words": re.sub(free, "MiB free", row["words"])})} >= {"config", "database", "certificate"}
    assert [line["result"] for line in in_all_forms("doctor", "--accounts", "bob@example.org")] == ["ok"]
    refused(EX_USAGE, "doctor", "--repair", says="--accounts")
    refused(EX_USAGE, "doctor", "--restored", says="--accounts")


def test_every_verb_was_run():
    nouns = re.findall(r"^  ([a-z-]+) ", cli("help"), re.M)
    assert len(nouns) > 25, nouns
    out = "".join(cli("help", noun) for noun in nouns)
    verbs = set(re.findall(r"^  postroom ([a-z-]+)(?: ([a-z][a-z0-9-]*))?(?= |$)", out, re.M))
    used.update({("serve",), ("setup",), ("config", "check"), ("completion",), ("manual",), ("version",), ("help",)})  # cli_test.py, cli_shells_test.py
    missing = {v for v in verbs if tuple(w for w in v if w) not in used}
    assert not missing, f"never run here: {sorted(missing)}"


harness.run(globals())
