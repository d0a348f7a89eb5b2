"""The doctor: damage that was planted while the daemon was down is found with the daemon and without, repaired where it is derived, told where it is not."""
import glob
import json
import os
import sqlite3
import threading

import harness
from admin import ask
from doctor_lab import doctor
from harness import wait_until


def account_dir(postroom):
    """Of bob: the one with mail."""
    return next(os.path.dirname(p) for p in glob.glob(os.path.join(postroom.dir, "data", "accounts", "*", "mail.db")) if rows(p, "SELECT count(*) FROM message")[0][0])


def rows(path, sql):
    db = sqlite3.connect(path, isolation_level=None)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def plant(postroom, *statements):
    for sql in statements:
        rows(os.path.join(account_dir(postroom), "mail.db"), sql)


def of(lines, check):
    return [line for line in lines if line["check"] == check]


def filled(postroom):
    for i in range(5):
        postroom.send(f"Subject: zebra {i}\r\nMessage-ID: <zebra-{i}@example.net>\r\n\r\nhello {i}\r\n")
    postroom.send("Subject: large\r\nMessage-ID: <large@example.net>\r\n\r\n" + ("y" * 70 + "\r\n") * 2000)
    postroom.wait_count(6)


def test_healthy_installation_is_said_to_be():
    with harness.Instance() as postroom:
        filled(postroom)
        lines = doctor(postroom)
        assert not [line for line in lines if line["result"] == "bad"], lines
        assert {"config", "folder", "database", "disk", "clock", "certificate", "port"} <= {line["check"] for line in lines}, lines
        assert len(of(lines, "database")) == 3 and len(of(lines, "port")) == len(postroom.port), lines
        table = postroom.cli("doctor")
        assert table.splitlines()[0].split() == ["RESULT", "CHECK", "SUBJECT", "WORDS", "NEXT"] or "config" in table, table
        lines = doctor(postroom, "--accounts")
        assert [line["result"] for line in lines] == ["ok", "ok"], lines
        lines = doctor(postroom, "--accounts", "bob@example.org")
        assert [line["subject"] for line in lines] == ["bob@example.org"], lines
        doctor(postroom, "--accounts", "nobody@example.org", expect=1)
        assert postroom.run_cli("doctor", "--repair").returncode == 64
        postroom.stop()
        lines = doctor(postroom)
        assert of(lines, "daemon")[0]["result"] == "note" and not [line for line in lines if line["result"] == "bad"], lines
        lines = doctor(postroom, "--accounts")
        assert [line["result"] for line in lines] == ["ok", "ok"], lines


def test_installation_that_is_not_as_it_should_be_is_told():
    with harness.Instance() as postroom:
        filled(postroom)
        postroom.stop()
        data = os.path.join(postroom.dir, "data")
        os.chmod(data, 0o755)
        for left in glob.glob(os.path.join(data, "trace.db-*")):
            os.unlink(left)
        with open(os.path.join(data, "trace.db"), "r+b") as f:
            f.write(b"this is no database")
        lines = doctor(postroom, expect=1)
        assert of(lines, "folder")[0]["result"] == "bad" and "755" in of(lines, "folder")[0]["words"], lines
        assert {line["subject"]: line["result"] for line in of(lines, "database")} == {"control.db": "ok", "queue.db": "ok", "trace.db": "bad"}, lines


def damage(postroom):
    mail = account_dir(postroom)
    plant(postroom, "UPDATE mailbox SET messages = messages + 4 WHERE name = 'INBOX'", "UPDATE meta SET parts = x'ff' WHERE id = 2", "PRAGMA foreign_keys=OFF", "DELETE FROM content WHERE id = 3")
    os.unlink(glob.glob(os.path.join(mail, "files", "*"))[0])


def check_damage(lines, repaired):
    derived = {"counters", "structure"}
    assert {line["check"] for line in lines} == derived | {"message_without_content", "file_missing"}, lines
    for line in lines:
        assert line["subject"] == "bob@example.org" and line["result"] == ("repaired" if repaired and line["check"] in derived else "bad"), line
    assert "INBOX UID 3" in of(lines, "message_without_content")[0]["words"] and "<zebra-2@example.net>" in of(lines, "message_without_content")[0]["words"], lines
    assert "<large@example.net>" in of(lines, "file_missing")[0]["words"], lines


def test_damage_is_found_without_the_daemon():
    with harness.Instance() as postroom:
        filled(postroom)
        postroom.stop()
        damage(postroom)
        check_damage(doctor(postroom, "--accounts", "bob@example.org", expect=1), False)
        check_damage(doctor(postroom, "--accounts", "bob@example.org", "--repair", "--dry-run", expect=1), False)
        check_damage(doctor(postroom, "--accounts", "bob@example.org", "--repair", expect=1), True)
        left = doctor(postroom, "--accounts", expect=1)
        assert {line["check"] for line in left if line["result"] == "bad"} == {"message_without_content", "file_missing"}, left
        postroom.start()
        assert postroom.cli("user", "show", "bob@example.org", "-o", "json")


def test_damage_is_found_with_the_daemon_and_told_to_whoever_watches():
    with harness.Instance() as postroom:
        filled(postroom)
        postroom.stop()
        damage(postroom)
        postroom.start()
        check_damage(doctor(postroom, "--accounts", expect=1)[1:], False)
        check_damage(doctor(postroom, "--accounts", "--repair", expect=1)[1:], True)
        check = ask(postroom, "GET", "/api/v1/users/bob@example.org/check").json
        assert check["faults"] == 4 and check["repaired"] == 2 and check["complete"] and check["repairs"], check
        assert check["messages"] == 6, check
        metrics = postroom.cli("metrics")
        assert 'postroom_account_faults_total{result="found"} 8' in metrics, [line for line in metrics.splitlines() if "account" in line]
        assert 'postroom_account_faults_total{result="repaired"} 2' in metrics
        never = ask(postroom, "GET", "/api/v1/users/alice@example.org/check").json
        assert never["faults"] == 0 and never["checked_at"] is None, never  # no mailbox yet
        audit = ask(postroom, "GET", "/api/v1/audit").json["data"]
        assert [e for e in audit if e["operation"] == "checks_create"], audit[:3]


def test_check_beside_deliveries_finds_nothing():
    with harness.Instance() as postroom:
        filled(postroom)
        ended = threading.Event()

        def deliver():
            while not ended.is_set():
                postroom.send("Subject: more\r\n\r\nhello\r\n")

        thread = threading.Thread(target=deliver)
        thread.start()
        try:
            for _ in range(5):
                lines = doctor(postroom, "--accounts", "--repair")
                assert {line["result"] for line in lines} == {"ok"}, lines
        finally:
            ended.set()
            thread.join()


def test_check_is_ended_by_a_stop():
    with harness.Instance() as postroom:
        filled(postroom)
        job = ask(postroom, "POST", "/api/v1/checks", {"repair": True}, expect=202).json
        postroom.stop()
        postroom.start()
        wait_until(lambda: ask(postroom, "GET", f"/api/v1/jobs/{job['id']}").json["state"] in ("done", "failed"), 10, "the job is over")


harness.run(globals())
