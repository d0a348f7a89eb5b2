"""Mail handed in over the API arrives as it was meant: structured, as it is, big; once, even when the daemon dies in between."""
import base64
import email
import email.policy
import http.client
import json
import os
import random
import threading
import time

from admin import UnixConnection, ask
from harness import SLOW, Instance, no_verify, run, shared, wait_until

SERVICES = ("mx", "submission", "submissions", "imap", "imaps", "https")


def daemon():
    return shared(services=SERVICES)


def arrived(instance, message_id, user="bob"):
    """The copies of a message in a mailbox."""
    return [b for b in instance.bodies(user) if email.message_from_bytes(b, policy=email.policy.SMTP)["Message-ID"] == f"<{message_id}>"]


def wait_arrived(instance, message_id, user="bob"):
    return wait_until(lambda: arrived(instance, message_id, user), 15, f"{message_id} in {user}'s mailbox")[0]


def test_a_structured_message_is_correct_mime():
    pdf, png = os.urandom(100_000), os.urandom(333)
    text = "Grüße an alle,\n\nmit einer sehr langen Zeile " + "und noch mehr Wörtern " * 30 + "\n.\nEnde \n"
    answer = ask(daemon(), "POST", "/api/v1/messages", {
        "from": "\"Böhm, Alice\" <alice@example.org>", "to": ["Bob <bob@example.org>"], "bcc": ["alice@example.org"], "reply_to": "sales@example.net",
        "subject": "Übersicht für das nächste Jahr — mit vielen Zeichen, die in keine einzelne Zeile passen 😀", "text": text, "html": "<p>Grüße <img src='cid:logo'>",
        "headers": {"X-Campaign": "größer", "List-Unsubscribe": "<https://example.org/u>"},
        "attachments": [{"filename": "Übersicht 2026.pdf", "content_type": "application/pdf", "content": base64.b64encode(pdf).decode()},
                        {"content_type": "image/png", "content_id": "logo", "content": base64.b64encode(png).decode()}]}, expect=202)
    accepted = answer.json
    assert answer.headers["Location"] == f"/api/v1/messages/{accepted['id']}" and [r["accepted"] for r in accepted["recipients"]] == [True, True], accepted
    raw = wait_arrived(daemon(), accepted["message_id"])
    assert b"\n" not in raw.replace(b"\r\n", b"") and max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert b"alice@example.org" in wait_arrived(daemon(), accepted["message_id"], "alice")
    m = email.message_from_bytes(raw, policy=email.policy.SMTP)
    assert m["Subject"].startswith("Übersicht für das nächste Jahr — mit") and m["Subject"].endswith("passen 😀"), m["Subject"]
    assert m["From"].addresses[0].display_name == "Böhm, Alice" and m["Reply-To"] == "sales@example.net" and m["X-Campaign"] == "größer" and "Bcc" not in m
    assert m["List-Unsubscribe"] == "<https://example.org/u>" and m["Date"].datetime and m["Received"].count("with HTTP") == 1
    assert not m.defects and not any(part.defects for part in m.walk()), [part.defects for part in m.walk()]
    assert [p.get_content_type() for p in m.walk()] == ["multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png", "application/pdf"]
    parts = {p.get_content_type(): p for p in m.walk()}
    assert parts["text/plain"].get_content().replace("\r\n", "\n") == text
    assert parts["application/pdf"].get_payload(decode=True) == pdf and parts["application/pdf"].get_filename() == "Übersicht 2026.pdf"
    assert parts["image/png"].get_payload(decode=True) == png and parts["image/png"]["Content-ID"] == "<logo>" and parts["image/png"].get_content_disposition() == "inline"


def test_its_fate_is_told_under_its_id():
    accepted = ask(daemon(), "POST", "/api/v1/messages", {"from": "alice@example.org", "to": ["bob@example.org", "nobody@example.org"], "subject": "fate", "text": "x"}, expect=202).json
    assert [(r["accepted"], r["code"]) for r in accepted["recipients"]] == [(True, None), (False, "no_such_user")]
    wait_until(lambda: ask(daemon(), "GET", f"/api/v1/messages/{accepted['id']}").json["recipients"][0]["state"] == "delivered", 15, "delivered")


def test_a_big_message_goes_as_it_is_with_a_token():
    token = ask(daemon(), "POST", "/api/v1/tokens", {"user": "alice@example.org", "label": "mail", "scopes": ["messages:send"]}, expect=201).json["token"]
    lines = b"".join(base64.b64encode(os.urandom(54)) + b"\r\n" for _ in range(80_000))  # 6 MB
    text = b"From: alice@example.org\r\nTo: bob@example.org\r\nBcc: alice@example.org\r\nMessage-ID: <big@example.org>\r\nSubject: big\r\n\r\n" + lines
    connection = http.client.HTTPSConnection("127.0.0.1", daemon().port["https"], context=no_verify(), timeout=60 * SLOW)
    connection.request("POST", "/api/v1/messages", text, {"Authorization": f"Bearer {token}", "Host": "mail.example.org", "Content-Type": "message/rfc822"})
    response = connection.getresponse()
    assert response.status == 202, response.read()[:300]
    raw = wait_arrived(daemon(), "big@example.org")
    assert raw.split(b"\r\n\r\n", 1)[1] == lines and b"Bcc" not in raw.split(b"\r\n\r\n", 1)[0]
    connection.close()


def send_with_key(instance, key, subject):
    connection = UnixConnection(f"{instance.dir}/run/admin.sock")
    try:
        connection.request("POST", "/api/v1/messages", json.dumps({"from": "alice@example.org", "to": ["bob@example.org"], "subject": subject, "text": "x"}),
                           {"Content-Type": "application/json", "Idempotency-Key": key})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def test_a_message_is_sent_once_whenever_the_daemon_dies():
    with Instance(services=("mx", "imaps")) as p:
        for n in range(6):
            def try_once():
                try:
                    send_with_key(p, f"key-{n}", f"once {n}")
                except (OSError, http.client.HTTPException):
                    pass  # it died

            first = threading.Thread(target=try_once)
            first.start()
            time.sleep(random.uniform(0, 0.03))
            p.kill()
            first.join()
            p.start()
            status, accepted = send_with_key(p, f"key-{n}", f"once {n}")
            assert status == 202, accepted
            assert send_with_key(p, f"key-{n}", f"once {n}")[1]["id"] == accepted["id"]
        p.wait_count(6)
        subjects = sorted(email.message_from_bytes(b)["Subject"] for b in p.bodies())
        assert subjects == [f"once {n}" for n in range(6)], subjects


def test_a_configuration_of_many_users_is_applied_in_one_step():
    document = {"version": 1, "domains": [{"name": "many.example"}], "users": [{"address": f"u{n}@many.example", "name": f"User {n}"} for n in range(3000)],
                "aliases": [{"address": f"a{n}@many.example", "targets": [f"u{n}@many.example"]} for n in range(1000)]}

    def apply(**query):
        etag = ask(daemon(), "GET", "/api/v1/export").headers["ETag"]
        return ask(daemon(), "POST", "/api/v1/apply", document, headers={"If-Match": etag}, **query).json

    assert len(apply(dry_run=1)["changes"]) == 4001
    assert apply() == {"created": 4001, "updated": 0, "removed": 0}
    assert apply() == {"created": 0, "updated": 0, "removed": 0}
    job = ask(daemon(), "POST", "/api/v1/users:bulk", {"action": "delete", "filter": {"domain": "many.example"}}, expect=202).json
    wait_until(lambda: ask(daemon(), "GET", f"/api/v1/jobs/{job['id']}").json["state"] == "done", 60, "the job is done")
    assert ask(daemon(), "GET", "/api/v1/users", domain="many.example").json["data"] == []


run(globals())
