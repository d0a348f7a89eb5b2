"""What is changed over the API holds at once for mail: settings, certificates, users by the thousand."""
import base64
import hashlib
import imaplib
import json
import os
import socket
import subprocess
import tempfile
import time

import harness
from admin import UnixConnection, ask, set_setting
from harness import PASSWORD, SANITIZED, SLOW, Raw, no_verify, shared, tool, wait_until

USERS = "/api/v1/users"
MANY = 2000 if SANITIZED else 10000


def daemon():
    return shared(users=["alice", "bob"])


def upload(path, text, kind="text/csv"):
    connection = UnixConnection(f"{daemon().dir}/run/admin.sock")
    try:
        connection.request("POST", path, text.encode(), {"Content-Type": kind})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def job_of(answer):
    """The job when it is over."""
    status, job = answer
    assert status == 202, job
    return wait_until(lambda: (now := ask(daemon(), "GET", f"/api/v1/jobs/{job['id']}").json)["state"] not in ("waiting", "running") and now, 120, f"{job['id']} is over")


def bulk(body, path=f"{USERS}:bulk"):
    answer = ask(daemon(), "POST", path, body, expect=202)
    return job_of((answer.status, answer.json))


def user_id(user):
    return ask(daemon(), "GET", f"{USERS}/{user}@example.org").json["id"]


def may_log_in(login, password=PASSWORD):
    client = imaplib.IMAP4_SSL("127.0.0.1", daemon().port["imaps"], ssl_context=no_verify(), timeout=30 * SLOW)
    try:
        client.login(login, password)
        return True
    except imaplib.IMAP4.error:
        return False
    finally:
        client.shutdown()


def recipient_code(address):
    with daemon().smtp() as s:
        s.ehlo()
        s.mail("me@example.net")
        return s.rcpt(address)[0]


# ---- settings ----

def test_size_and_recipients_follow_the_settings_in_an_open_session():
    with Raw(daemon().port["mx"]) as s:
        s.reply()
        s.send("EHLO client.example.net\r\n")
        lines = []
        while not (line := s.line()).startswith("250 "):
            lines.append(line)
        assert "250-SIZE 52428800" in lines + [line.replace("250 ", "250-")], lines
        assert s.ask("MAIL FROM:<me@example.net> SIZE=200000\r\n").startswith("250")
        set_setting(daemon(), message_size_max=100000, recipients_max=100)
        s.ask("RSET\r\n")
        assert s.ask("MAIL FROM:<me@example.net> SIZE=200000\r\n").startswith("552")
        assert s.ask("MAIL FROM:<me@example.net> SIZE=90000\r\n").startswith("250")
        codes = [s.ask("RCPT TO:<bob@example.org>\r\n")[:3] for _ in range(101)]
        assert codes == ["250"] * 100 + ["452"], codes[-3:]
        assert s.ask("DATA\r\n").startswith("354")
        assert s.ask("Subject: x\r\n\r\n" + ("x" * 78 + "\r\n") * 1400 + ".\r\n").startswith("552")
    with daemon().smtp() as s:
        s.ehlo()
        assert s.esmtp_features["size"] == "100000"
    set_setting(daemon(), message_size_max=None, recipients_max=None)


def test_settings_outlive_a_restart():
    set_setting(daemon(), queue_days=3)
    daemon().stop()
    daemon().start()
    values = {s["name"]: s for s in ask(daemon(), "GET", "/api/v1/settings").json["data"]}
    assert values["queue_days"]["value"] == 3 and not values["queue_days"]["is_default"]
    set_setting(daemon(), queue_days=None)


# ---- domains ----

DOMAINS = "/api/v1/domains"


def add_person(address):
    ask(daemon(), "POST", USERS, {"address": address, "password": PASSWORD}, expect=201)


def test_disabled_domain_logs_out_and_its_mail_follows_the_state():
    ask(daemon(), "POST", DOMAINS, {"name": "shut.example"}, expect=201)
    add_person("carl@shut.example")
    client = imaplib.IMAP4_SSL("127.0.0.1", daemon().port["imaps"], ssl_context=no_verify(), timeout=30 * SLOW)
    client.login("carl@shut.example", PASSWORD)
    with daemon().smtp("submission") as s:
        s.starttls(context=no_verify())
        s.login("carl@shut.example", PASSWORD)
        ask(daemon(), "PATCH", f"{DOMAINS}/shut.example", {"state": "accept"}, expect=200)
        assert s.mail("carl@shut.example")[0] != 250, "who is in already sends nothing more"
    try:
        client.noop()
        assert False, "the session goes on"
    except (imaplib.IMAP4.abort, OSError):
        pass
    assert not may_log_in("carl@shut.example") and may_log_in("bob@example.org")
    assert recipient_code("carl@shut.example") == 250
    ask(daemon(), "PATCH", f"{DOMAINS}/shut.example", {"state": "refuse"}, expect=200)
    assert recipient_code("carl@shut.example") == 550
    ask(daemon(), "PATCH", f"{DOMAINS}/shut.example", {"state": "hold"}, expect=200)
    daemon().send("Subject: kept back\r\n\r\nhello\r\n", to=("carl@shut.example",))
    held = wait_until(lambda: ask(daemon(), "GET", "/api/v1/queue?state=held").json["data"], 10, "the message is held")
    assert held[0]["recipients"][0]["address"] == "carl@shut.example", held
    ask(daemon(), "PATCH", f"{DOMAINS}/shut.example", {"state": "active"}, expect=200)
    wait_until(lambda: not ask(daemon(), "GET", "/api/v1/queue?state=held").json["data"], 10, "what was held goes on")

    def has_mail():
        client = imaplib.IMAP4_SSL("127.0.0.1", daemon().port["imaps"], ssl_context=no_verify(), timeout=30 * SLOW)
        client.login("carl@shut.example", PASSWORD)
        count = int(client.select()[1][0])
        client.logout()
        return count == 1

    wait_until(has_mail, 10, "the message is delivered")


def test_domain_that_stands_for_another_gets_its_mail():
    ask(daemon(), "POST", DOMAINS, {"name": "short.example", "alias_of": "example.org"}, expect=201)
    assert recipient_code("bob@short.example") == 250 and recipient_code("bob+news@SHORT.example") == 250
    assert recipient_code("nobody@short.example") == 550
    before = daemon().count("bob")
    daemon().send("Subject: by the other name\r\n\r\nhello\r\n", to=("bob@short.example",))
    wait_until(lambda: daemon().count("bob") == before + 1, 10, "the message is delivered")
    with daemon().smtp("submission") as s:
        s.starttls(context=no_verify())
        s.login("bob@example.org", PASSWORD)
        assert s.mail("bob@short.example")[0] == 250
        s.rset()
        assert s.mail("alice@short.example")[0] == 553


def test_forwarded_mail_goes_on_and_a_copy_stays_when_it_shall():
    add_person("from@example.org")
    add_person("to@example.org")
    ask(daemon(), "PATCH", f"{USERS}/from@example.org", {"forwards": ["to@example.org"], "forward_keeps": False}, expect=200)
    daemon().send("Subject: one\r\n\r\nhello\r\n", to=("from",))
    wait_until(lambda: daemon().count("to") == 1, 10, "the message went on")
    ask(daemon(), "PATCH", f"{USERS}/from@example.org", {"forward_keeps": True}, expect=200)
    daemon().send("Subject: two\r\n\r\nhello\r\n", to=("from",))
    wait_until(lambda: daemon().count("to") == 2 and daemon().count("from") == 1, 10, "it went on and stayed")


def test_identity_may_be_sent_as():
    def code(sender):
        with daemon().smtp("submission") as s:
            s.starttls(context=no_verify())
            s.login("alice@example.org", PASSWORD)
            return s.mail(sender)[0]

    assert code("sales@elsewhere.example") == 553
    ask(daemon(), "PATCH", f"{USERS}/alice@example.org", {"identities": ["sales@elsewhere.example"]}, expect=200)
    assert code("sales@elsewhere.example") == 250 and code("other@elsewhere.example") == 553
    ask(daemon(), "PATCH", f"{USERS}/alice@example.org", {"identities": []}, expect=200)


# ---- certificates ----

def fingerprint():
    with socket.create_connection(("127.0.0.1", daemon().port["imaps"]), timeout=30 * SLOW) as plain:
        with no_verify().wrap_socket(plain, server_hostname="mail.example.org") as s:
            return hashlib.sha256(s.getpeercert(True)).hexdigest()


def make_certificate():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90", "-subj", "/CN=mail.example.org",
                        "-addext", "subjectAltName=DNS:mail.example.org", "-keyout", f"{folder}/key", "-out", f"{folder}/chain"], check=True, capture_output=True)
        return {"chain_pem": open(f"{folder}/chain").read(), "key_pem": open(f"{folder}/key").read()}


def test_certificate_is_used_at_once():
    path, before = "/api/v1/certificates/mail.example.org", fingerprint()
    put = ask(daemon(), "PUT", path, make_certificate(), expect=(200, 201)).json
    assert put["sha256"] == fingerprint() != before
    assert "key_pem" not in ask(daemon(), "GET", path).json
    ask(daemon(), "DELETE", path, expect=204)
    wait_until(lambda: fingerprint() not in (before, put["sha256"]), 10, "a self-signed one takes its place")


# ---- users ----

def test_removed_user_leaves_no_mailbox():
    ask(daemon(), "POST", USERS, {"address": "gone@example.org", "password": PASSWORD}, expect=201)
    daemon().send(to=("gone",))
    daemon().wait_count(1, "gone")
    folder = f"{daemon().dir}/data/accounts/{user_id('gone')[4:]}"
    assert os.path.isdir(folder)
    ask(daemon(), "DELETE", f"{USERS}/gone@example.org", expect=204)
    assert not os.path.exists(folder)
    assert recipient_code("gone@example.org") == 550 and not may_log_in("gone@example.org")


def test_many_are_suspended_resumed_and_removed():
    job = job_of(upload(f"{USERS}:import", "address,password\n" + "".join(f"bulk{i}@example.org,{PASSWORD}\n" for i in range(5))))
    assert job["state"] == "done" and job["failed"] == 0, job
    daemon().send(to=("bulk0", "bulk1"))
    daemon().wait_count(1, "bulk1")
    folder = f"{daemon().dir}/data/accounts/{user_id('bulk1')[4:]}"
    with Raw(daemon().port["imaps"], tls=True) as session:
        session.line()
        session.send(f"a login bulk1@example.org {PASSWORD}\r\n")
        assert session.line().startswith("a OK")
        assert bulk({"action": "suspend", "filter": {"q": "bulk"}})["done"] == 5
        wait_until(lambda: session.rest() is not None, 10, "the session ends")
    assert recipient_code("bulk0@example.org") in (450, 550) and not may_log_in("bulk0@example.org")
    assert bulk({"action": "resume", "users": ["bulk0@example.org"]})["failed"] == 0
    assert recipient_code("bulk0@example.org") == 250 and may_log_in("bulk0@example.org")
    job = bulk({"action": "delete", "filter": {"q": "bulk"}})
    assert job["done"] == 5 and job["failed"] == 0, job
    assert not os.path.exists(folder) and recipient_code("bulk1@example.org") == 550


def ssha256(password):
    salt = os.urandom(8)
    return "{SSHA256}" + base64.b64encode(hashlib.sha256(password.encode() + salt).digest() + salt).decode()


def test_ten_thousand_with_hashes_come_within_a_minute_and_hold_nobody_up():
    rows = "address,name,password_hash\r\n" + "".join(f"person{i:05d}@example.org,Person {i},{ssha256(f'secret-{i}')}\r\n" for i in range(MANY))
    began = time.monotonic()
    status, job = upload(f"{USERS}:import", rows)
    assert status == 202, job
    slowest = 0
    while ask(daemon(), "GET", f"/api/v1/jobs/{job['id']}").json["state"] in ("waiting", "running"):
        asked = time.monotonic()
        with daemon().smtp() as s:
            assert s.noop()[0] == 250
        ask(daemon(), "PATCH", f"{USERS}/bob@example.org", {"name": "Bob"})
        slowest = max(slowest, time.monotonic() - asked)
    took = time.monotonic() - began
    job = ask(daemon(), "GET", f"/api/v1/jobs/{job['id']}").json
    assert job["state"] == "done" and job["done"] == MANY and job["failed"] == 0, job
    assert took < 60 * SLOW, took
    assert slowest < 3 * SLOW, slowest
    print(f"# {MANY} in {took:.1f} s; another's change waited at most {slowest * 1000:.0f} ms")
    assert may_log_in(f"person{MANY - 1:05d}@example.org", f"secret-{MANY - 1}")
    assert not may_log_in("person00001@example.org", "secret-0")
    assert not os.path.exists(f"{daemon().dir}/data/accounts/{user_id('person00002')[4:]}"), "mailboxes are made at first use"
    page = ask(daemon(), "GET", USERS, q="person 77", limit=5).json
    assert page["total_estimate"] > 10 and len(page["data"]) == 5


def test_export_goes_into_another_server_as_it_is():
    connection = UnixConnection(f"{daemon().dir}/run/admin.sock")
    connection.request("GET", f"{USERS}:export?q=person&format=csv")
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    assert response.status == 200 and response.headers["Content-Type"].startswith("text/csv")
    assert text.count("\r\n") == MANY + 1
    status, plan = upload(f"{USERS}:import?dry_run=1", text.replace("@example.org", "@example.net")[:20000].rsplit("\r\n", 1)[0] + "\r\n")
    assert status == 200 and plan["changes"][0]["after"]["code"] == "no_such_domain", plan["changes"][:1]


if __name__ == "__main__":
    harness.run(globals())
