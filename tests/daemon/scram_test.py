"""SCRAM over IMAP and submission: gsasl as a client of somebody else, and our own where gsasl can't go."""
import imaplib
import subprocess

import admin
import harness
import scram
from harness import PASSWORD, SLOW, no_verify, shared, tool, wait_until
from person import Person
from scram import Exchange, Refused

LOGIN = "bob@example.org"


def daemon():
    return shared(users=["alice", "bob", "carol"], services=("mx", "submission", "submissions", "imap", "imaps", "https"))


def gsasl(protocol, mechanism, password, login=LOGIN, more=()):
    """Exit status and what was said."""
    port = daemon().port["imap" if protocol == "imap" else "submission"]
    done = subprocess.run([tool("gsasl"), f"--{protocol}", f"--connect=127.0.0.1:{port}", f"--mechanism={mechanism}", f"--authentication-id={login}",
                           f"--password={password}", "--x509-ca-file=", *more],
                          capture_output=True, text=True, timeout=60 * SLOW, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout + done.stderr


def refused(call, *words):
    try:
        call()
    except Refused as e:
        assert any(w in str(e) for w in words), e
        return
    raise AssertionError("it was accepted")


def test_gsasl_logs_in_on_both_protocols_without_a_binding():
    for protocol, success in (("imap", "] Logged in"), ("smtp", "235 2.7.0")):
        status, said = gsasl(protocol, "SCRAM-SHA-256", PASSWORD, more=["--no-cb"])
        assert status == 0 and success in said, said
        status, said = gsasl(protocol, "SCRAM-SHA-256", PASSWORD + "x", more=["--no-cb"])
        assert status != 0 and success not in said and ("[AUTHENTICATIONFAILED]" in said or "535 5.7.8" in said), said


def test_gsasl_binds_to_tls_1_3_with_the_exporter():
    for protocol, success in (("imap", "] Logged in"), ("smtp", "235 2.7.0")):
        status, said = gsasl(protocol, "SCRAM-SHA-256-PLUS", PASSWORD, more=["--priority=NORMAL:-VERS-ALL:+VERS-TLS1.3"])
        assert status == 0 and success in said, said
        assert scram.b64("p=tls-exporter,,")[:20] in said, said
        status, said = gsasl(protocol, "SCRAM-SHA-256-PLUS", PASSWORD + "x")
        assert status != 0 and success not in said, said


def test_the_end_point_binding_works_on_tls_1_2_and_1_3():
    p = daemon()
    for version in (scram.TLS_1_2, scram.TLS_1_3):
        greeting = scram.imap(p.port["imaps"], "SCRAM-SHA-256-PLUS", Exchange(LOGIN, PASSWORD, "p=tls-server-end-point,,"), version, binding=True)
        assert "AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-256-PLUS" in greeting, greeting
        offers = scram.smtp(p.port["submissions"], "SCRAM-SHA-256-PLUS", Exchange(LOGIN, PASSWORD, "p=tls-server-end-point,,"), version, binding=True)
        assert "AUTH PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS" in offers, offers


def test_somebody_in_the_middle_is_noticed():
    p = daemon()
    for talk, port in ((scram.imap, p.port["imaps"]), (scram.smtp, p.port["submissions"])):
        refused(lambda: talk(port, "SCRAM-SHA-256-PLUS", Exchange(LOGIN, PASSWORD, "p=tls-server-end-point,,", b"x" * 32)), "AUTHENTICATIONFAILED", "535 5.7.8")
        # "The server does not offer it": it does, so somebody took the offer away.
        refused(lambda: talk(port, "SCRAM-SHA-256", Exchange(LOGIN, PASSWORD, "y,,")), "AUTHENTICATIONFAILED", "535 5.7.8")
        refused(lambda: talk(port, "SCRAM-SHA-256-PLUS", Exchange(LOGIN, PASSWORD, "n,,")), "AUTHENTICATIONFAILED", "535 5.7.8")
        # The exporter's label belongs to 1.3 (RFC 9266).
        refused(lambda: talk(port, "SCRAM-SHA-256-PLUS", Exchange(LOGIN, PASSWORD, "p=tls-exporter,,", b"x" * 32), scram.TLS_1_2), "AUTHENTICATIONFAILED", "535 5.7.8")
        talk(port, "SCRAM-SHA-256", Exchange(LOGIN, PASSWORD))


def test_bindings_can_be_switched_off_for_programs_that_cannot_do_them():
    p = daemon()
    admin.set_setting(p, login_channel_binding=False)
    try:
        exchange = lambda header: Exchange(LOGIN, PASSWORD, header)
        assert "SCRAM-SHA-256-PLUS" not in scram.imap(p.port["imaps"], "SCRAM-SHA-256", exchange("y,,"))  # believes rightly that it is not on offer
        offers = scram.smtp(p.port["submissions"], "SCRAM-SHA-256", exchange("y,,"))
        assert "AUTH PLAIN LOGIN SCRAM-SHA-256" in offers and "PLUS" not in offers, offers
        refused(lambda: scram.imap(p.port["imaps"], "SCRAM-SHA-256-PLUS", exchange("p=tls-server-end-point,,"), binding=True), "a NO [CANNOT]")
        refused(lambda: scram.smtp(p.port["submissions"], "SCRAM-SHA-256-PLUS", exchange("p=tls-server-end-point,,"), binding=True), "504 5.5.4")
    finally:
        admin.set_setting(p, login_channel_binding=True)


def test_a_stranger_is_told_no_less_than_a_user():
    p = daemon()
    counts = []
    for login in ("bob@example.org", "nobody@example.org", "nobody@elsewhere.example"):
        e = Exchange(login, "wrong-" + PASSWORD)
        refused(lambda: scram.imap(p.port["imaps"], "SCRAM-SHA-256", e), "[AUTHENTICATIONFAILED] Wrong user or password")
        counts.append(e.iterations)
    assert len(set(counts)) == 1, counts


def test_names_are_found_in_any_case():
    scram.imap(daemon().port["imaps"], "SCRAM-SHA-256", Exchange("BOB@Example.ORG", PASSWORD))


def test_an_app_password_opens_its_protocols_and_no_other():
    p = daemon()
    bob = Person(p, "carol")
    bob.log_in()
    secret = bob.app_password("imap")
    login = "carol@example.org"
    status, said = gsasl("imap", "SCRAM-SHA-256-PLUS", secret, login)
    assert status == 0 and "] Logged in" in said, said
    status, said = gsasl("smtp", "SCRAM-SHA-256-PLUS", secret, login)
    assert status != 0 and "535 5.7.8" in said, said
    scram.imap(p.port["imaps"], "SCRAM-SHA-256", Exchange(login, PASSWORD))  # the main one goes on beside it
    listed = bob.ask("GET", "/me/app_passwords")["data"][0]
    assert listed["used_from"] == "127.0.0.1", listed
    bob.ask("DELETE", f"/me/app_passwords/{listed['id']}", expect=204)
    status, said = gsasl("imap", "SCRAM-SHA-256-PLUS", secret, login)
    assert status != 0 and "[AUTHENTICATIONFAILED]" in said, said


def test_a_new_password_takes_the_place_of_the_old_one():
    p = daemon()
    admin.ask(p, "POST", "/api/v1/users", {"address": "dora@example.org", "password": "first-password-1"}, expect=201)
    scram.imap(p.port["imaps"], "SCRAM-SHA-256", Exchange("dora@example.org", "first-password-1"))
    admin.ask(p, "PUT", "/api/v1/users/dora@example.org/password", {"password": "second-password-2"}, expect=204)
    refused(lambda: scram.imap(p.port["imaps"], "SCRAM-SHA-256", Exchange("dora@example.org", "first-password-1")), "AUTHENTICATIONFAILED")
    scram.imap(p.port["imaps"], "SCRAM-SHA-256", Exchange("dora@example.org", "second-password-2"))


def test_an_imported_hash_offers_scram_after_its_first_plain_login():
    p = daemon()
    hashed = subprocess.run([tool("openssl"), "passwd", "-6", "brought-along-1"], capture_output=True, text=True, check=True).stdout.strip()
    admin.ask(p, "POST", "/api/v1/users", {"address": "erik@example.org", "password_hash": hashed}, expect=201)
    attempt = lambda: scram.imap(p.port["imaps"], "SCRAM-SHA-256", Exchange("erik@example.org", "brought-along-1"))
    refused(attempt, "AUTHENTICATIONFAILED")
    client = imaplib.IMAP4_SSL("127.0.0.1", p.port["imaps"], ssl_context=no_verify(), timeout=30 * SLOW)
    client.login("erik@example.org", "brought-along-1")
    client.logout()

    def opens():
        try:
            attempt()
            return True
        except Refused:
            return False
    wait_until(opens, 10, "SCRAM opens")


if __name__ == "__main__":
    harness.run(globals())
