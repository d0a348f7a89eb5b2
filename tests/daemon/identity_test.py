"""Who somebody is: logging in over https, cookies and CSRF, step-up, tokens, app passwords, roles, and what guessing leads to."""
import contextlib
import datetime
import http.client
import imaplib
import json
import re
import smtplib
import socket
import sqlite3
import zlib

import admin
import harness
from harness import PASSWORD, SLOW, Instance, no_verify, shared, wait_until

OTHER = "correct-horse-2"
SERVICES = ("mx", "submission", "imap", "imaps", "https")
SECONDS = 60 * SLOW


def daemon():
    return shared(users=["alice", "bob", "carol"], services=SERVICES)


class Browser:
    """A cookie jar of one, and the CSRF token."""

    def __init__(self, instance=None, source=None):
        self.instance = instance or daemon()
        self.source = source
        self.cookie = self.csrf = None
        self.headers = {}

    def ask(self, method, path, body=None, expect=None, **headers):
        sent = {"Content-Type": "application/json", **self.headers, **{k.replace("_", "-"): v for k, v in headers.items()}}
        if self.cookie:
            sent["Cookie"] = f"__Host-postroom={self.cookie}"
        if self.csrf:
            sent.setdefault("X-CSRF-Token", self.csrf)
        connection = http.client.HTTPSConnection("127.0.0.1", self.instance.port["https"], timeout=SECONDS, context=no_verify(), source_address=self.source)
        connection.request(method, "/api/v1" + path, None if body is None else json.dumps(body), sent)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        for cookie in response.headers.get_all("Set-Cookie") or []:
            self.cookie = cookie.split(";")[0].partition("=")[2] or None
        said = json.loads(text) if text else None
        assert expect is None or response.status == expect, f"{method} {path}: {response.status} {said}"
        self.response = response
        return said

    def log_in(self, login="alice@example.org", password=PASSWORD, expect=201, **more):
        said = self.ask("POST", "/session", {"login": login, "password": password, **more}, expect)
        if expect == 201:
            self.csrf = said["csrf_token"]
        return said


def person(login="alice@example.org", instance=None, **options):
    browser = Browser(instance, **options)
    browser.log_in(login)
    return browser


class SourcedImap(imaplib.IMAP4):
    """imaplib from a chosen address."""

    def __init__(self, port, source):
        self.source = source
        super().__init__("127.0.0.1", port, timeout=SECONDS)

    def _create_socket(self, timeout):
        return no_verify().wrap_socket(socket.create_connection((self.host, self.port), timeout, source_address=self.source))


def imap_says(instance, login, password, source=None):
    """"ok", or the words of the refusal."""
    client = SourcedImap(instance.port["imaps"], source)
    try:
        client.login(login, password)
        return "ok"
    except imaplib.IMAP4.error as e:
        return str(e)
    finally:
        with contextlib.suppress(Exception):
            client.logout()


def smtp_says(instance, login, password, source=None):
    """The code of the answer to AUTH PLAIN."""
    with smtplib.SMTP("127.0.0.1", instance.port["submission"], local_hostname="client.example.net", timeout=SECONDS, source_address=source) as s:
        s.starttls(context=no_verify())
        s.ehlo()
        s.user, s.password = login, password
        try:
            return s.auth("PLAIN", s.auth_plain)[0]
        except smtplib.SMTPAuthenticationError as e:
            return e.smtp_code


@contextlib.contextmanager
def control(instance):
    """control.db while the daemon is down."""
    instance.stop()
    db = sqlite3.connect(f"{instance.dir}/data/control.db", isolation_level=None)
    try:
        yield db
    finally:
        db.close()
        instance.start()


def local(instance, method, path, body=None, expect=200, headers=None):
    """As root of the machine."""
    answer = admin.ask(instance, method, "/api/v1" + path, body, headers=headers, expect=expect)
    return answer.json if answer.body else None


def hours(text):
    return (datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) - datetime.datetime.now(datetime.timezone.utc)).total_seconds() / 3600


# ---- logging in ----

def test_login_gives_a_cookie_that_scripts_cannot_read():
    browser = Browser()
    said = browser.log_in()
    cookie = browser.response.headers["Set-Cookie"]
    assert cookie.startswith("__Host-postroom=") and {p.strip() for p in cookie.split(";")[1:]} == {"Path=/", "Secure", "HttpOnly", "SameSite=Strict"}, cookie
    assert said["user"]["address"] == "alice@example.org" and said["user"]["role"] == "owner" and said["proven"] is True
    seen = browser.ask("GET", "/session", expect=200)
    assert seen["csrf_token"] == said["csrf_token"] and seen["id"] == said["id"]
    assert browser.cookie not in json.dumps(seen)


def test_wrong_password_and_unknown_user_get_the_same_words():
    said = [Browser().log_in(login, password, 401) for login, password in
            (("bob@example.org", "wrong-password"), ("nobody@example.org", "wrong-password"), ("not an address", "wrong-password"), ("bob@example.org", "x" * 1024))]
    for s in said:
        s.pop("request_id")
        assert s["code"] == "login_failed" and s == said[0], said
    assert Browser().ask("GET", "/me", expect=401)["code"] == "not_authenticated"


def test_suspended_user_is_told_so_only_with_the_right_password():
    alice = person()
    alice.ask("POST", "/users", {"address": "sue@example.org", "password": PASSWORD}, 201)
    alice.ask("PATCH", "/users/sue@example.org", {"suspended": True}, 200)
    assert Browser().log_in("sue@example.org", expect=401)["code"] == "suspended"
    assert Browser().log_in("sue@example.org", "wrong-password", expect=401)["code"] == "login_failed"


def test_changes_need_the_csrf_token():
    browser = person("bob@example.org")
    for wrong in ("", "x", "A" * 43):
        assert browser.ask("PATCH", "/me", {"name": "Bobby"}, 403, X_CSRF_Token=wrong)["code"] == "csrf"
    other = person("carol@example.org")
    assert browser.ask("PATCH", "/me", {"name": "Bobby"}, 403, X_CSRF_Token=other.csrf)["code"] == "csrf"
    assert browser.ask("GET", "/me", expect=200)["name"] == ""
    assert browser.ask("PATCH", "/me", {"name": "Bobby"}, 200)["name"] == "Bobby"


def test_other_sites_cannot_ask_in_ones_name():
    browser = person("bob@example.org")
    for headers in ({"Origin": "https://evil.example"}, {"Sec_Fetch_Site": "cross-site"}, {"Origin": "null"}):
        assert browser.ask("PATCH", "/me", {"name": "Evil"}, 403, **headers)["code"] == "csrf", headers
        assert Browser().ask("POST", "/session", {"login": "bob@example.org", "password": PASSWORD}, 403, **headers)["code"] == "csrf"
    assert browser.ask("GET", "/me", expect=200)["name"] != "Evil"


def test_logging_out_ends_the_cookie():
    browser = person("bob@example.org")
    cookie, csrf = browser.cookie, browser.csrf
    browser.ask("DELETE", "/session", expect=204)
    assert browser.cookie is None and "Max-Age=0" in browser.response.headers["Set-Cookie"]
    browser.cookie, browser.csrf = cookie, csrf
    assert browser.ask("GET", "/me", expect=401)["code"] == "not_authenticated"


def test_sessions_are_seen_and_ended():
    one, two, three = (person("carol@example.org") for _ in range(3))
    mine = one.ask("GET", "/me/sessions", expect=200)["data"]
    assert len(mine) >= 3 and [s for s in mine if s["current"]][0]["seen_from"] == "127.0.0.1"
    second = two.ask("GET", "/session", expect=200)["id"]
    one.ask("DELETE", f"/me/sessions/{second}", expect=204)
    two.ask("GET", "/me", expect=401)
    one.ask("DELETE", f"/me/sessions/{second}", expect=404)
    bob = person("bob@example.org")
    bob.ask("DELETE", f"/me/sessions/{one.ask('GET', '/session')['id']}", expect=404)
    one.ask("POST", "/me/sessions:revoke", expect=204)
    three.ask("GET", "/me", expect=401)
    assert [s["current"] for s in one.ask("GET", "/me/sessions", expect=200)["data"]] == [True]


def test_session_outlives_a_restart():
    with Instance(users=["alice"], services=SERVICES) as instance:
        browser = person(instance=instance)
        instance.stop()
        instance.start()
        assert browser.ask("GET", "/session", expect=200)["csrf_token"] == browser.csrf


def test_idle_session_ends():
    with Instance(users=["alice"], services=SERVICES) as instance:
        browser = person(instance=instance)
        with control(instance) as db:
            db.execute("UPDATE web_session SET seen_ms = seen_ms - 12 * 3600 * 1000 - 60000")
        browser.ask("GET", "/session", expect=401)


# ---- step-up ----

def test_secrets_want_a_fresh_proof():
    with Instance(users=["alice"], services=SERVICES) as instance:
        browser = person(instance=instance)
        with control(instance) as db:
            db.execute("UPDATE web_session SET proven_ms = proven_ms - 5 * 60 * 1000")
        assert browser.ask("GET", "/session", expect=200)["proven"] is False
        for method, path, body in (("POST", "/tokens", {"label": "x", "scopes": ["users:read"]}), ("POST", "/me/app_passwords", {"label": "x", "protocols": ["imap"]}),
                                   ("PUT", "/me/password", {"current_password": PASSWORD, "password": OTHER}), ("DELETE", "/users/alice@example.org", None)):
            assert browser.ask(method, path, body, 403)["code"] == "step_up_required", path
        assert browser.ask("POST", "/session:prove", {"password": "wrong-password"}, 422)["code"] == "wrong_password"
        browser.ask("POST", "/session:prove", {}, 422)
        browser.ask("POST", "/session:prove", {"password": PASSWORD, "code": "123456"}, 422)
        assert browser.ask("POST", "/session:prove", {"code": "123456"}, 422)["code"] == "wrong_code"
        assert browser.ask("GET", "/session", expect=200)["proven"] is False
        browser.ask("POST", "/session:prove", {"password": PASSWORD}, 204)
        browser.ask("POST", "/tokens", {"label": "x", "scopes": ["users:read"]}, 201)


# ---- passwords ----

def test_new_password_ends_all_other_sessions():
    instance = daemon()
    alice = person()
    alice.ask("POST", "/users", {"address": "dora@example.org", "password": PASSWORD}, 201)
    one, two = person("dora@example.org"), person("dora@example.org")
    mail = SourcedImap(instance.port["imaps"], None)
    mail.login("dora@example.org", PASSWORD)
    assert one.ask("PUT", "/me/password", {"current_password": "wrong-password", "password": OTHER}, 422)["code"] == "wrong_password"
    assert one.ask("PUT", "/me/password", {"current_password": PASSWORD, "password": "short"}, 422)["code"] == "password_length"
    two.ask("GET", "/me", expect=200)
    one.ask("PUT", "/me/password", {"current_password": PASSWORD, "password": OTHER}, 204)
    one.ask("GET", "/me", expect=200)
    two.ask("GET", "/me", expect=401)

    def mail_is_over():
        try:
            return mail.select("INBOX")[0] != "OK"
        except (imaplib.IMAP4.error, OSError):
            return True
    wait_until(mail_is_over, 10, "the mail session ends")
    assert imap_says(instance, "dora@example.org", PASSWORD) != "ok"
    assert imap_says(instance, "dora@example.org", OTHER) == "ok"
    Browser().log_in("dora@example.org", PASSWORD, 401)


def test_imported_hash_opens_and_is_replaced():
    instance = daemon()
    alice = person()
    hashes = {"eva": "{SSHA256}Vza+E+vCJkKPAonMCUUfHmQKII3Scy/uHWuBMJ5gYR4BAgMEc2FsdA==", "finn": "$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"}
    for name, stored in hashes.items():
        alice.ask("POST", "/users", {"address": f"{name}@example.org", "password_hash": stored}, 201)
        assert imap_says(instance, f"{name}@example.org", "wrong horse") != "ok"
        assert imap_says(instance, f"{name}@example.org", "correct horse") == "ok"
        assert smtp_says(instance, f"{name}@example.org", "correct horse") == 235
    alice.ask("POST", "/users", {"address": "gina@example.org", "password_hash": "$6$rounds=99999999$salt$x"}, 422)


# ---- app passwords ----

def test_app_password_opens_what_it_says_and_nothing_else():
    instance, bob = daemon(), person("bob@example.org")
    made = bob.ask("POST", "/me/app_passwords", {"label": "Phone", "protocols": ["imap"]}, 201)
    secret = made["password"]
    assert re.fullmatch(r"[a-z]{5}(-[a-z]{5}){4}", secret) and bob.response.headers["Location"] == f"/api/v1/me/app_passwords/{made['id']}"
    assert imap_says(instance, "bob@example.org", secret) == "ok"
    assert imap_says(instance, "bob@example.org", secret.replace("-", "").upper()) == "ok"
    assert imap_says(instance, "alice@example.org", secret) != "ok"
    assert smtp_says(instance, "bob@example.org", secret) == 535
    Browser().log_in("bob@example.org", secret, 401)
    elsewhere = bob.ask("POST", "/me/app_passwords", {"label": "Scanner", "protocols": ["smtp"], "networks": ["192.0.2.0/24"]}, 201)["password"]
    assert smtp_says(instance, "bob@example.org", elsewhere) == 535
    here = bob.ask("POST", "/me/app_passwords", {"label": "Printer", "protocols": ["smtp"], "networks": ["127.0.0.0/8"]}, 201)["password"]
    assert smtp_says(instance, "bob@example.org", here) == 235
    listed = {p["label"]: p for p in bob.ask("GET", "/me/app_passwords", expect=200)["data"]}
    assert listed["Phone"]["used_from"] == "127.0.0.1" and listed["Scanner"]["used_at"] is None and secret not in json.dumps(listed)
    mail = SourcedImap(instance.port["imaps"], None)
    mail.login("bob@example.org", secret)
    bob.ask("DELETE", f"/me/app_passwords/{made['id']}", expect=204)
    assert imap_says(instance, "bob@example.org", secret) != "ok"
    with contextlib.suppress(imaplib.IMAP4.error, OSError):
        assert mail.select("INBOX")[0] != "OK", "its session goes on"
    bob.ask("DELETE", f"/me/app_passwords/{made['id']}", expect=404)


def test_app_password_that_is_not_right_names_its_field():
    bob = person("bob@example.org")
    for field, value in (("label", "a\u001b[2Jb"), ("networks", ["192.0.2.1/24"]), ("expires_at", "2001-01-01T00:00:00Z"), ("protocols", ["web"]), ("protocols", [])):
        said = bob.ask("POST", "/me/app_passwords", {"label": "x", "protocols": ["imap"], field: value}, 422)
        assert said["errors"][0]["pointer"].startswith(f"/{field}"), said


def test_main_password_opens_no_mail_with_a_second_factor():
    with Instance(users=["alice", "bob"], services=SERVICES) as instance:
        secret = person("bob@example.org", instance).ask("POST", "/me/app_passwords", {"label": "Phone", "protocols": ["imap", "smtp"]}, 201)["password"]
        with control(instance) as db:
            db.execute("INSERT INTO passkey (account_id, credential, public_key, sign_count, label, created_ms) SELECT id, x'01', x'01', 0, 'key', 1 FROM account WHERE address LIKE 'bob@%'")
        assert imap_says(instance, "bob@example.org", PASSWORD) != "ok"
        assert "app password" in imap_says(instance, "bob@example.org", PASSWORD).lower()
        assert smtp_says(instance, "bob@example.org", PASSWORD) in (534, 535)
        assert imap_says(instance, "bob@example.org", secret) == "ok"
        assert smtp_says(instance, "bob@example.org", secret) == 235
        assert Browser(instance).log_in("bob@example.org", expect=401)["code"] == "second_factor_required"
        assert Browser(instance).log_in("bob@example.org", "wrong-password", expect=401)["code"] == "login_failed"
        assert Browser(instance).log_in("bob@example.org", expect=401, code="123456")["code"] == "wrong_code"


# ---- tokens ----

def token_like(letters):
    """With a checksum that is right: CRC-32 in base 62."""
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    text = "prm_pat_" + letters
    crc = zlib.crc32(text.encode())
    return text + "".join(alphabet[crc // 62 ** i % 62] for i in range(5, -1, -1))


def bearer(secret, instance=None):
    browser = Browser(instance)
    browser.headers = {"Authorization": f"Bearer {secret}"}
    return browser


def test_token_opens_its_scopes_and_domains():
    alice = person()
    alice.ask("POST", "/domains", {"name": "other.example"}, 201)
    alice.ask("POST", "/users", {"address": "olaf@other.example", "password": PASSWORD}, 201)
    made = alice.ask("POST", "/tokens", {"label": "Script", "scopes": ["users:read"]}, 201)
    assert re.fullmatch(r"prm_pat_[0-9A-Za-z]{38}", made["token"]) and 24 * 89 < hours(made["expires_at"]) <= 24 * 90
    script = bearer(made["token"])
    assert len(script.ask("GET", "/users", expect=200)["data"]) >= 3
    assert script.ask("GET", "/me", expect=200)["address"] == "alice@example.org"
    assert script.ask("POST", "/users", {"address": "x@example.org"}, 403)["code"] == "scope_missing"
    assert script.ask("GET", "/domains", expect=403)["code"] == "scope_missing"
    for method, path in (("GET", "/tokens"), ("GET", "/admins"), ("GET", "/session"), ("PATCH", "/me")):
        assert script.ask(method, path, {} if method == "PATCH" else None, 403)["code"] == "not_allowed", path
    narrow = bearer(alice.ask("POST", "/tokens", {"label": "One domain", "scopes": ["users:read", "users:write", "settings:read"], "domains": ["other.example"]}, 201)["token"])
    assert [u["address"] for u in narrow.ask("GET", "/users", expect=200)["data"]] == ["olaf@other.example"]
    narrow.ask("GET", "/users/alice@example.org", expect=404)
    narrow.ask("GET", "/settings", expect=403)
    narrow.ask("POST", "/users", {"address": "x@example.org", "password": PASSWORD}, 422)
    shown = alice.ask("GET", f"/tokens/{made['id']}", expect=200)
    assert "token" not in shown and shown["used_from"] == "127.0.0.1" and shown["user"] == "alice@example.org"
    alice.ask("DELETE", f"/tokens/{made['id']}", expect=204)
    assert script.ask("GET", "/users", expect=401)["code"] == "not_authenticated"
    alice.ask("GET", f"/tokens/{made['id']}", expect=404)


def test_token_that_is_not_right_names_its_field():
    alice = person()
    for field, value in (("scopes", ["users:everything"]), ("scopes", []), ("domains", ["nowhere.example"]), ("networks", ["x"]), ("expires_at", None), ("expires_at", "2001-01-01T00:00:00Z"),
                         ("expires_at", "2999-01-01T00:00:00Z"), ("label", "line\nbreak"), ("user", "nobody@example.org")):
        said = alice.ask("POST", "/tokens", {"label": "x", "scopes": ["users:read"], field: value}, 422)
        assert said["errors"][0]["pointer"].startswith(f"/{field}"), said


def test_token_ends_with_its_time_and_network():
    with Instance(users=["alice"], services=SERVICES) as instance:
        alice = person(instance=instance)
        one = bearer(alice.ask("POST", "/tokens", {"label": "Ends", "scopes": ["users:read"]}, 201)["token"], instance)
        two = bearer(alice.ask("POST", "/tokens", {"label": "Elsewhere", "scopes": ["users:read"], "networks": ["192.0.2.0/24"]}, 201)["token"], instance)
        one.ask("GET", "/users", expect=200)
        two.ask("GET", "/users", expect=401)
        with control(instance) as db:
            db.execute("UPDATE api_token SET expires_ms = created_ms + 1 WHERE label = 'Ends'")
        one.ask("GET", "/users", expect=401)
        assert [t["label"] for t in alice.ask("GET", "/tokens", expect=200)["data"]] == ["Ends", "Elsewhere"]


def test_tokens_of_others_are_an_owners_affair():
    alice = person()
    alice.ask("POST", "/users", {"address": "hans@example.org", "password": PASSWORD}, 201)
    alice.ask("POST", "/admins", {"user": "hans@example.org", "role": "admin"}, 201)
    hans = person("hans@example.org")
    own = hans.ask("POST", "/tokens", {"label": "Mine", "scopes": ["users:read"]}, 201)["id"]
    hers = alice.ask("POST", "/tokens", {"label": "Hers", "scopes": ["users:read"]}, 201)["id"]
    assert [t["id"] for t in hans.ask("GET", "/tokens", expect=200)["data"]] == [own]
    hans.ask("GET", f"/tokens/{hers}", expect=404)
    hans.ask("DELETE", f"/tokens/{hers}", expect=404)
    hans.ask("POST", "/tokens", {"label": "x", "scopes": ["users:read"], "user": "alice@example.org"}, 422)
    assert {own, hers} <= {t["id"] for t in alice.ask("GET", "/tokens", expect=200)["data"]}
    his = alice.ask("POST", "/tokens", {"label": "For Hans", "scopes": ["users:read"], "user": "hans@example.org"}, 201)
    assert his["user"] == "hans@example.org"
    alice.ask("DELETE", f"/tokens/{own}", expect=204)
    assert local(daemon(), "POST", "/tokens", {"label": "Root's", "scopes": ["users:read"]}, 201)["user"] == "alice@example.org"


# ---- roles ----

def test_role_change_ends_sessions_and_the_last_owner_stays():
    alice = person()
    alice.ask("POST", "/users", {"address": "ida@example.org", "password": PASSWORD}, 201)
    ida = person("ida@example.org")
    ida.ask("GET", "/users", expect=403)
    alice.ask("POST", "/admins", {"user": "ida@example.org", "role": "domain_admin"}, 422)
    alice.ask("POST", "/admins", {"user": "ida@example.org", "role": "auditor", "domains": ["example.org"]}, 422)
    alice.ask("POST", "/admins", {"user": "nobody@example.org", "role": "auditor"}, 422)
    alice.ask("POST", "/admins", {"user": "ida@example.org", "role": "domain_admin", "domains": ["example.org"]}, 201)
    alice.ask("POST", "/admins", {"user": "ida@example.org", "role": "auditor"}, 409)
    ida.ask("GET", "/me", expect=401)
    ida = person("ida@example.org")
    assert all(u["address"].endswith("@example.org") for u in ida.ask("GET", "/users", expect=200)["data"])
    ida.ask("GET", "/settings", expect=403)
    ida.ask("POST", "/admins", {"user": "ida@example.org", "role": "owner"}, 403)
    assert alice.ask("PATCH", "/admins/ida@example.org", {"role": "auditor"}, 200)["domains"] == []
    ida.ask("GET", "/me", expect=401)
    assert {a["address"]: a["role"] for a in alice.ask("GET", "/admins", expect=200)["data"]}["ida@example.org"] == "auditor"
    assert alice.ask("PATCH", "/admins/alice@example.org", {"role": "admin"}, 409)["code"] == "conflict"
    alice.ask("DELETE", "/admins/alice@example.org", expect=409)
    alice.ask("GET", "/me", expect=200)
    alice.ask("DELETE", "/admins/ida@example.org", expect=204)
    alice.ask("GET", "/admins/ida@example.org", expect=404)
    alice.ask("GET", "/users/ida@example.org", expect=200)


# ---- guessing ----

def stranger(n):
    """Each n another /24."""
    return (f"127.0.{n}.1", 0)


def test_guessing_ends_in_a_refusal_that_holds_for_all_protocols_and_can_be_lifted():
    with Instance(users=["alice", "bob"], services=SERVICES, trusted=False) as instance:
        admin.set_setting(instance, login_failures_max=4)
        home = person("bob@example.org", instance, source=stranger(1))
        for n, source in enumerate((stranger(2), stranger(2), stranger(3), stranger(3))):
            Browser(instance, source).log_in("bob@example.org", f"guess-{n}", 401)
        # Refused everywhere, also with the right password...
        refused = Browser(instance, stranger(4)).log_in("bob@example.org", expect=429)
        assert refused["code"] == "refused"
        assert imap_says(instance, "bob@example.org", PASSWORD, stranger(4)) != "ok"
        assert smtp_says(instance, "bob@example.org", PASSWORD, stranger(4)) != 235
        # ... but not from where bob has logged in before, in any protocol, and others are not hit.
        assert imap_says(instance, "bob@example.org", PASSWORD, stranger(1)) == "ok"
        person("bob@example.org", instance, source=stranger(1))
        person("alice@example.org", instance, source=stranger(4))
        home.ask("GET", "/me", expect=200)
        assert {d["network"] for d in home.ask("GET", "/me/devices", expect=200)["data"]} == {"127.0.1.0/24"}
        instance.stop()
        instance.start()
        browser = Browser(instance, stranger(5))
        browser.log_in("bob@example.org", expect=429)
        assert 1 <= int(browser.response.headers["Retry-After"]) <= 15 * 60
        alice = person("alice@example.org", instance, source=stranger(1))
        listed = alice.ask("GET", "/refusals?refused=true", expect=200)["data"]
        account = [r for r in listed if r["user"] == "bob@example.org" and r["network"] is None]
        assert len(account) == 1 and account[0]["failures"] >= 4 and account[0]["refused"] and hours(account[0]["until"]) < 0.26, listed
        path = "/refusals/" + account[0]["id"].replace(":", "%3A")
        assert alice.ask("DELETE", path + "?dry_run=1", expect=200)["changes"][0]["subject"] == account[0]["id"]
        Browser(instance, stranger(5)).log_in("bob@example.org", expect=429)
        alice.ask("DELETE", path, expect=204)
        alice.ask("DELETE", path, expect=404)
        person("bob@example.org", instance, source=stranger(5))
        instance.stop()
        instance.start()
        person("bob@example.org", instance, source=stranger(6))


def test_guessing_network_is_refused_and_a_device_with_an_old_password_is_not():
    with Instance(users=["alice", "bob"], services=SERVICES, trusted=False) as instance:
        admin.set_setting(instance, login_failures_max=3)
        person("bob@example.org", instance, source=stranger(1))
        for _ in range(8):
            assert "UNAVAILABLE" not in imap_says(instance, "bob@example.org", "password-of-last-year", stranger(1))
        assert imap_says(instance, "bob@example.org", PASSWORD, stranger(1)) == "ok"
        for n in range(3):
            Browser(instance, stranger(2)).log_in(f"nobody{n}@example.org", "some-password", 401)
        Browser(instance, stranger(2)).log_in("alice@example.org", expect=429)
        person("alice@example.org", instance, source=stranger(3))


def test_token_guesses_are_refused_and_a_right_token_is_not():
    with Instance(users=["alice"], services=SERVICES, trusted=False) as instance:
        admin.set_setting(instance, login_failures_max=3)
        secret = local(instance, "POST", "/tokens", {"label": "x", "scopes": ["users:read"]}, 201)["token"]
        seen = []
        for n in range(6):
            bearer("prm_pat_%038d" % n, instance).ask("GET", "/users", expect=401)  # not even of the form: no guess
            guess = bearer(token_like("%032d" % n), instance)
            guess.ask("GET", "/users")
            seen.append(guess.response.status)
        assert seen == [401, 401, 401, 429, 429, 429], seen
        bearer(secret, instance).ask("GET", "/users", expect=200)


def test_names_from_outside_stay_inside_their_log_line():
    instance = daemon()
    evil = "eve@example.org\r\nerror main stopped \u001b[31mred\u009b2J\u2028x"
    Browser().log_in(evil, "wrong-password", 401)
    bob = person("bob@example.org")
    bob.ask("PATCH", "/me", {"name": evil}, 422)
    bob.ask("GET", "/me", expect=200, User_Agent="evil\u00e9 \u009b2J")
    with open(instance.log_path, "rb") as log:
        text = log.read()
    assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", text), "a control character is in the log"
    assert b"\xc2\x9b" not in text
    assert not re.search(rb"(?m)^error main stopped", text)


def test_nothing_secret_is_in_the_log_or_the_audit():
    instance, bob = daemon(), person("bob@example.org")
    secret = bob.ask("POST", "/me/app_passwords", {"label": "Tablet", "protocols": ["imap"]}, 201)["password"]
    token = person().ask("POST", "/tokens", {"label": "y", "scopes": ["users:read"]}, 201)["token"]
    imap_says(instance, "bob@example.org", secret)
    bearer(token).ask("GET", "/users", expect=200)
    with open(instance.log_path, encoding="utf-8", errors="replace") as log:
        text = log.read()
    audit = json.dumps(local(instance, "GET", "/audit?limit=500"))
    for hidden in (secret, token, PASSWORD, bob.cookie, bob.csrf):
        assert hidden not in text and hidden not in audit
    assert "create_app_password" in audit or "me_app_password_create" in audit


if __name__ == "__main__":
    harness.run(globals())
