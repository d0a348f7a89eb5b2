"""Under strain: a full disk, a damaged trace, an end in the middle of everything."""
import http.client
import json
import os
import resource
import socket
import threading
import time

import harness
from admin import Answer, UnixConnection, ask, set_setting
from harness import PASSWORD, SLOW, Instance, no_verify, wait_until
from webhook_receiver import Receiver

SERVICES = ("mx", "imap", "imaps", "https")
WATCHERS = 500
OF_ONE = 20


def cpu_seconds(p):
    with open(f"/proc/{p.process.pid}/stat") as f:
        words = f.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def fill_disk(p, full=True):
    """No file can be written any more, as if the disk were full; the log neither."""
    hard = resource.prlimit(p.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(p.process.pid, resource.RLIMIT_FSIZE, (0 if full else hard, hard))


def is_refused_for_now(p):
    try:
        p.send()
    except Exception as refused:
        code = getattr(refused, "smtp_code", None) or next(iter(getattr(refused, "recipients", {}).values()))[0]
        assert 400 <= code < 500, refused
        return True
    return False


def make_users(p, names):
    for name in names:
        ask(p, "POST", "/api/v1/users", {"address": f"{name}@example.org", "password": PASSWORD}, expect=201)


def test_a_full_disk_makes_nobody_busy_and_loses_nothing():
    with Instance(services=SERVICES) as p:
        set_setting(p, webhooks_to_private_addresses=True)
        receiver, held = Receiver(), threading.Event()
        receiver.answer = lambda request: held.wait(30) and 200
        ask(p, "POST", "/api/v1/webhooks", {"url": receiver.url(), "types": ["user.*"]}, expect=201)
        make_users(p, ["carl", "dora"])
        wait_until(lambda: receiver.begun >= 2, 10, "two requests are open")
        p.send()
        p.wait_count(1)
        fill_disk(p)
        held.set()
        assert is_refused_for_now(p)
        before, asked = cpu_seconds(p), receiver.begun
        for _ in range(20):
            p.count()  # reading goes on; logins are events
            time.sleep(0.1)
        assert is_refused_for_now(p)
        assert cpu_seconds(p) - before < 1.5 * SLOW, cpu_seconds(p) - before
        assert receiver.begun == asked, "what was delivered is not sent again because its result has no room"
        fill_disk(p, False)
        p.send()
        p.wait_count(2)
        wait_until(lambda: all(d["state"] == "delivered" and d["attempts"] == 1 for d in ask(p, "GET", "/api/v1/webhooks/whk_1/deliveries").json["data"]), 20, "results are written when there is room again")
        make_users(p, ["emil"])
        wait_until(lambda: receiver.begun == asked + 1, 20, "the next event")
        assert len(wait_until(lambda: (found := ask(p, "GET", "/api/v1/messages").json["data"]) and len(found) >= 2 and found, 10, "the trace goes on")) >= 2
        receiver.close()


def test_a_damaged_or_missing_trace_holds_up_no_mail():
    with Instance(services=SERVICES) as p:
        p.send()
        p.wait_count(1)
        wait_until(lambda: ask(p, "GET", "/api/v1/messages").json["data"], 10, "it is traced")
        for damage in ("damaged", "missing"):
            p.stop()
            path = f"{p.dir}/data/trace.db"
            for end in ("-wal", "-shm"):
                os.unlink(path + end)
            if damage == "missing":
                os.unlink(path)
            else:
                with open(path, "r+b") as f:
                    f.write(b"~" * 4096)
            p.start()
            assert os.path.exists(f"{path}.damaged") and "trace_put_aside" in p.log_tail(400)
            before = p.count()
            p.send()
            p.wait_count(before + 1)
            assert len(wait_until(lambda: ask(p, "GET", "/api/v1/messages").json["data"], 10, "it is traced anew")) == 1


def log_in(p):
    connection = http.client.HTTPSConnection("127.0.0.1", p.port["https"], timeout=30 * SLOW, context=no_verify())
    connection.request("POST", "/api/v1/session", json.dumps({"login": "alice@example.org", "password": PASSWORD}), {"Content-Type": "application/json", "Host": p.hostname})
    answer = Answer(connection.getresponse())
    assert answer.status == 201, answer.body
    return answer.headers["Set-Cookie"].split(";")[0]


def watch(p, cookie):
    s = no_verify().wrap_socket(socket.create_connection(("127.0.0.1", p.port["https"]), timeout=30 * SLOW))
    s.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: {p.hostname}\r\nCookie: {cookie}\r\n\r\n".encode())
    return s


def import_users(p, count):
    """A job that is at it for a while."""
    sheet = "address,password\n" + "".join(f"many{n:06}@example.org,\n" for n in range(count))
    connection = UnixConnection(f"{p.dir}/run/admin.sock")
    connection.request("POST", "/api/v1/users:import", sheet, {"Content-Type": "text/csv"})
    answer = Answer(connection.getresponse())
    assert answer.status == 202, answer.body
    return answer.json["id"]


def guess(p):
    """A login that waits for its password to be looked at."""
    s = no_verify().wrap_socket(socket.create_connection(("127.0.0.1", p.port["imaps"]), timeout=30 * SLOW))
    s.sendall(b"a LOGIN alice@example.org wrong\r\n")
    return s


def test_the_end_comes_in_time_in_the_middle_of_everything():
    """500 watchers, a job, a receiver that never answers, logins in the queue, a body that never ends, a client of IDLE."""
    with Instance(services=SERVICES) as p:
        set_setting(p, webhooks_to_private_addresses=True)
        receiver, held = Receiver(), threading.Event()
        receiver.answer = lambda request: held.wait(60) and 200
        ask(p, "POST", "/api/v1/webhooks", {"url": receiver.url(), "types": ["user.*"]}, expect=201)
        cookies = [log_in(p) for _ in range(WATCHERS // OF_ONE)]
        watchers = [watch(p, cookies[n // OF_ONE]) for n in range(WATCHERS)]
        for s in watchers:
            said = b""
            while b"retry: " not in said:
                said += s.recv(65536)
            assert said.startswith(b"HTTP/1.1 200 "), said[:200]
        idle = p.imap("bob")
        idle.select()
        idle.send(b"x IDLE\r\n")
        slow = harness.Raw(p.port["mx"])
        slow.reply()
        for line in ("EHLO client.example.net", "MAIL FROM:<me@example.net>", "RCPT TO:<bob@example.org>", "DATA"):
            assert slow.ask(line + "\r\n")[:1] in "23", line
        job = import_users(p, 50000)
        wait_until(lambda: ask(p, "GET", f"/api/v1/jobs/{job}").json["state"] == "running", 10, "the job runs")
        wait_until(lambda: receiver.begun, 10, "the receiver is asked")
        logins = [guess(p) for _ in range(60)]
        began = time.monotonic()
        p.stop()
        took = time.monotonic() - began
        print(f"# the end took {took:.1f} s")
        assert took < 10 * SLOW, took
        held.set()
        p.start()
        after = ask(p, "GET", f"/api/v1/jobs/{job}").json
        assert after["state"] in ("failed", "done") and (after["state"] == "done" or after["detail"] == "interrupted"), after
        for s in watchers + logins:
            s.close()
        receiver.close()


harness.run(globals())
