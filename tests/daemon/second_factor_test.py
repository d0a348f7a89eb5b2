"""One-time codes, recovery codes and passkeys over https, and what they mean for mail programs."""
import contextlib
import imaplib
import os
import smtplib
import subprocess
import time

import admin
import harness
from authenticator import Authenticator
from harness import PASSWORD, SLOW, no_verify, shared, tool, wait_until
from person import Codes, Person


def daemon():
    return shared(users=["alice", "bob", "carol", "dora"], services=("mx", "submission", "submissions", "imap", "imaps", "https"))


def origin():
    return f"https://{daemon().hostname}"


def turn_on(person):
    """The device that shows codes, and the recovery codes."""
    person.log_in()
    made = person.ask("POST", "/me/totp", expect=201)
    assert made["uri"].startswith(f"otpauth://totp/mail.example.org:{person.login}?secret={made['secret']}&"), made
    device = Codes(made["secret"])
    codes = person.ask("POST", "/me/totp:confirm", {"code": device.next()})["recovery_codes"]
    assert len(codes) == 10 == len(set(codes)), codes
    return device, codes


def imap_says(user, password):
    client = imaplib.IMAP4_SSL("127.0.0.1", daemon().port["imaps"], ssl_context=no_verify(), timeout=30 * SLOW)
    try:
        client.login(f"{user}@example.org", password)
        return "OK"
    except imaplib.IMAP4.error as e:
        return str(e)
    finally:
        with contextlib.suppress(Exception):
            client.logout()


def smtp_says(user, password):
    with smtplib.SMTP_SSL("127.0.0.1", daemon().port["submissions"], local_hostname="laptop.example", timeout=30 * SLOW, context=no_verify()) as s:
        try:
            s.login(f"{user}@example.org", password)
            return 235
        except smtplib.SMTPAuthenticationError as e:
            return e.smtp_code


def test_codes_open_the_panel_and_app_passwords_the_mail():
    p = daemon()
    bob = Person(p, "bob")
    old = Person(p, "bob")
    old.log_in()
    program = p.imap("bob")  # with the main password
    device, codes = turn_on(bob)
    assert bob.ask("GET", "/me/totp") == {"on": True, "recovery_codes_left": 10}
    old.ask("GET", "/me", expect=401)  # other sessions have ended
    assert bob.ask("GET", "/me")["address"] == "bob@example.org"

    def ended():
        try:
            return program.noop()[0] == "BYE"
        except (imaplib.IMAP4.abort, OSError):
            return True
    wait_until(ended, 10, "the mail program's session ends")
    assert "[AUTHENTICATIONFAILED] An app password is needed" in imap_says("bob", PASSWORD)
    assert smtp_says("bob", PASSWORD) == 534
    assert "Wrong user or password" in imap_says("bob", PASSWORD + "x")
    secret = bob.app_password("imap", "smtp")
    assert imap_says("bob", secret) == "OK" and smtp_says("bob", secret) == 235

    assert bob.log_in(expect=401)["code"] == "second_factor_required"
    assert bob.log_in("000000", expect=401)["code"] in ("wrong_code", "clock_skew")
    code = device.next()
    bob.log_in(code)
    assert bob.log_in(code, expect=401)["code"] == "wrong_code"  # each opens once
    bob.log_in(codes[0])
    assert bob.log_in(codes[0], expect=401)["code"] == "wrong_code"
    bob.log_in(codes[1].upper().replace("-", " "))
    assert bob.ask("GET", "/me/totp") == {"on": True, "recovery_codes_left": 8}
    fresh = bob.ask("POST", "/me/recovery_codes", expect=201)["recovery_codes"]
    assert bob.log_in(codes[2], expect=401)["code"] == "wrong_code"
    bob.log_in(fresh[0])

    assert bob.ask("POST", "/me/totp", expect=409)["code"] == "exists"
    bob.ask("DELETE", "/me/totp", expect=204)
    assert bob.ask("DELETE", "/me/totp", expect=404)["code"] == "not_found"
    assert bob.ask("POST", "/me/recovery_codes", expect=409)["code"] == "no_second_factor"
    assert imap_says("bob", PASSWORD) == "OK"
    bob.log_in()


def test_a_wrong_clock_is_named():
    p = daemon()
    carol = Person(p, "carol")
    carol.log_in()
    assert carol.ask("POST", "/me/totp:confirm", {"code": "123456"}, 409)["code"] == "totp_not_begun"
    carol.ask("POST", "/me/totp:confirm", {"code": "1"}, 422)
    device = Codes(carol.ask("POST", "/me/totp", expect=201)["secret"])
    said = carol.ask("POST", "/me/totp:confirm", {"code": device.at(time.time() + 3600)}, 422)
    assert said["code"] == "clock_skew" and "ahead" in said["detail"], said
    assert carol.ask("GET", "/me/totp") == {"on": False, "recovery_codes_left": 0}
    carol.ask("POST", "/me/totp:confirm", {"code": device.next()})
    said = carol.log_in(device.at(time.time() - 7200), 401)
    assert said["code"] == "clock_skew" and "behind" in said["detail"], said
    said = carol.log_in(device.at(time.time() + 7200), 401)
    assert said["code"] == "clock_skew" and "ahead" in said["detail"], said
    carol.log_in(device.next())


def test_a_code_that_was_used_stays_used_after_a_crash():
    with harness.Instance(users=["alice", "bob"], services=("mx", "https")) as p:
        bob = Person(p, "bob")
        device, codes = turn_on(bob)
        code = device.next()
        bob.log_in(code)
        bob.log_in(codes[0])
        p.kill()
        p.start()
        assert bob.log_in(code, 401)["code"] == "wrong_code"
        assert bob.log_in(codes[0], 401)["code"] == "wrong_code"
        bob.log_in(codes[1])


def test_an_admin_helps_who_has_lost_the_device():
    p = daemon()
    dora = Person(p, "dora")
    turn_on(dora)
    admin.ask(p, "POST", "/api/v1/users/dora@example.org:reset_second_factor", expect=204)
    dora.ask("GET", "/me", expect=401)
    dora.log_in()
    assert dora.ask("GET", "/me/totp") == {"on": False, "recovery_codes_left": 0}
    assert imap_says("dora", PASSWORD) == "OK"


def test_passkeys_need_a_certificate_that_browsers_trust():
    p = daemon()
    alice = Person(p, "alice")
    alice.log_in()
    for said in (alice.ask("POST", "/me/passkeys:options", expect=409), alice.ask("POST", "/session/passkey:options", expect=409)):
        assert said["code"] == "certificate_not_trusted" and "mail.example.org" in said["detail"], said


def openssl(*words):
    subprocess.run([tool("openssl"), *words], check=True, capture_output=True)


def bring_certificate():
    """One that a CA has signed, for the host name."""
    p = daemon()
    at = lambda name: os.path.join(p.dir, name)
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9", "-subj", "/CN=Test CA", "-keyout", at("ca.key"), "-out", at("ca.pem"))
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=mail.example.org", "-addext", "subjectAltName=DNS:mail.example.org",
            "-keyout", at("leaf.key"), "-out", at("leaf.csr"))
    openssl("x509", "-req", "-in", at("leaf.csr"), "-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial", "-days", "9", "-copy_extensions", "copy", "-out", at("leaf.pem"))
    with open(at("leaf.pem")) as leaf, open(at("ca.pem")) as ca, open(at("leaf.key")) as key:
        admin.ask(p, "PUT", "/api/v1/certificates/mail.example.org", {"chain_pem": leaf.read() + ca.read(), "key_pem": key.read()}, expect=(200, 201))


def test_a_passkey_is_registered_and_logs_in():
    p = daemon()
    bring_certificate()
    alice = Person(p, "alice")
    alice.log_in()
    device = Authenticator(p.dir, origin())
    body = device.create(alice.ask("POST", "/me/passkeys:options"), "Alice's phone")
    made = alice.ask("POST", "/me/passkeys", body, 201)
    assert made["label"] == "Alice's phone" and made["used_at"] is None, made
    assert alice.ask("POST", "/me/passkeys", body, 422)["code"] == "passkey_refused"  # the challenge is used
    again = alice.ask("POST", "/me/passkeys:options")
    assert [c["type"] for c in again["public_key"]["excludeCredentials"]] == ["public-key"]
    assert alice.ask("POST", "/me/passkeys", device.create(again, "twice"), 409)["code"] == "exists"

    # Both factors at once; the main password alone opens neither panel nor mail.
    somebody = Person(p, "alice")
    body = device.get(somebody.ask("POST", "/session/passkey:options"))
    said = somebody.ask("POST", "/session/passkey", body, 201)
    assert said["user"]["address"] == "alice@example.org" and said["proven"], said
    assert somebody.ask("GET", "/me")["address"] == "alice@example.org"
    assert Person(p, "alice").ask("POST", "/session/passkey", body, 401)["code"] == "login_failed"
    assert Person(p, "alice").log_in(expect=401)["code"] == "second_factor_required"
    assert "An app password is needed" in imap_says("alice", PASSWORD)
    assert somebody.ask("GET", "/me/passkeys")["data"][0]["used_at"]

    codes = somebody.ask("POST", "/me/recovery_codes", expect=201)["recovery_codes"]
    Person(p, "alice").log_in(codes[0])
    assert somebody.ask("DELETE", "/me/passkeys/key_999", expect=404)["code"] == "not_found"
    somebody.ask("DELETE", f"/me/passkeys/{made['id']}", expect=204)
    assert somebody.ask("GET", "/me/passkeys")["data"] == []
    assert Person(p, "alice").ask("POST", "/session/passkey", device.get(somebody.ask("POST", "/session/passkey:options")), 401)["code"] == "login_failed"
    assert imap_says("alice", PASSWORD) == "OK"


def test_a_passkey_answer_for_another_site_is_worth_nothing():
    p = daemon()
    alice = Person(p, "alice")
    alice.log_in()
    device = Authenticator(p.dir, origin())
    for wrong in (device.create(alice.ask("POST", "/me/passkeys:options"), "x", origin="https://evil.example"),
                  device.create(alice.ask("POST", "/me/passkeys:options"), "x", flags=0x41)):  # nobody was verified
        assert alice.ask("POST", "/me/passkeys", wrong, 422)["code"] == "passkey_refused"
    alice.ask("POST", "/me/passkeys", device.create(alice.ask("POST", "/me/passkeys:options"), "laptop"), 201)
    stranger = Person(p, "alice")
    for wrong in ({"origin": "https://evil.example"}, {"flags": 0x01}):
        body = device.get(stranger.ask("POST", "/session/passkey:options"), **wrong)
        assert stranger.ask("POST", "/session/passkey", body, 401)["code"] == "login_failed"
    body = device.get(stranger.ask("POST", "/session/passkey:options"))
    for field in ("credential_id", "client_data", "authenticator_data", "signature", "user_handle"):
        stranger.ask("POST", "/session/passkey", dict(body, **{field: "AAAA"}), 401)
        stranger.ask("POST", "/session/passkey", dict(body, **{field: "A=="}), 422)
    stranger.ask("POST", "/session/passkey", body, 201)
    assert stranger.ask("GET", "/me")["address"] == "alice@example.org"


if __name__ == "__main__":
    harness.run(globals())
