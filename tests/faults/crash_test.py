"""kill -9 under load, again and again on one data folder; and power cuts under load. Every acknowledged message is there exactly once."""
import contextlib
import errno
import os
import random
import shutil
import signal
import threading

import lab
from lab import ACKED, FULL, UNKNOWN, harness

ROUNDS = 50 if FULL else 3
CUTS = 24 if FULL else 4
ERRORS = 200 if FULL else 15
ACKS = 200  # at least, each round
SENDERS = 8
SIZES = (400,) * 6 + (20000, 40000, 40000, 90000)
PLACES = ((("bob", "INBOX"),), (("alice", "INBOX"),), (("alice", "INBOX"), ("bob", "INBOX")))


class Load:
    """Senders on connections of their own, until the daemon is gone."""

    def __init__(self, run):
        self.run = run
        self.lock = threading.Lock()
        self.acked, self.in_flight, self.stopped = 0, 0, False
        self.threads = [threading.Thread(target=self.send, args=(random.Random(random.random()),), daemon=True) for _ in range(SENDERS)]
        for thread in self.threads:
            thread.start()

    def send(self, dice):
        with contextlib.suppress(OSError), harness.Raw(self.run.instance.port["mx"]) as r:
            r.reply()
            r.ask("EHLO client.example.net\r\n")
            while not self.stopped and self.transaction(r, dice):
                pass

    def transaction(self, r, dice):
        token, message = lab.make_message(dice.choice(SIZES))
        places = dice.choice(PLACES)
        r.send("MAIL FROM:<me@example.net>\r\n" + "".join(f"RCPT TO:<{user}@example.org>\r\n" for user, _ in places) + "DATA\r\n")
        replies = [r.reply() for _ in range(len(places) + 2)]
        if replies[-1] is None or not replies[-1].startswith("354"):
            return False
        self.run.ledger.promise(token, places, UNKNOWN)
        with self.lock:
            self.in_flight += 1
        reply = r.ask(message + b".\r\n")
        if reply is None:
            return False  # stays in flight: nobody knows
        with self.lock:
            self.in_flight -= 1
        if reply.startswith("250"):
            self.run.ledger.promise(token, places, ACKED)
            with self.lock:
                self.acked += 1
        return True

    def end(self):
        self.stopped = True
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive(), "a sender hangs"


def strike(run, load, kind, dice, acks=ACKS):
    """Kills the daemon in the middle of something; True when a checkpoint was in the middle."""
    harness.wait_until(lambda: load.acked >= acks or run.died(), 60, f"{acks} acknowledgements")
    assert not run.died(), f"the daemon ended by itself\n{run.instance.log_tail()}"
    if kind == "checkpoint":
        # From now on, so the n-th page that the checkpointer copies.
        run.control.arm(lab.KILL, dice.randrange(1, 30), where=lab.DATABASE)
    elif kind == "operation":
        run.control.arm(lab.KILL, dice.randrange(1, 400))
    else:
        more = load.acked + dice.randrange(20)
        harness.wait_until(lambda: load.acked >= more, 20, "some more acknowledgements")
        run.instance.process.kill()
    harness.wait_until(run.died, 20, f"the daemon is dead ({kind})")
    assert run.instance.process.wait() == -signal.SIGKILL, f"the daemon ended by itself\n{run.instance.log_tail()}"
    return kind == "checkpoint" and run.control.get("count") >= run.control.get("at")


def unfinished(run):
    """(waiting in the queue, of them filed already) as the kill left it, seen through a copy: nothing is recovered in the folder itself."""
    copy = os.path.join(run.instance.dir, "copy")
    lab.copy_databases(run.data, copy)
    waiting = {row[0] for row in lab.query(f"{copy}/queue.db", "SELECT queue_id FROM message")}
    filed = set()
    for account in os.listdir(f"{copy}/accounts"):
        filed |= {row[0] for row in lab.query(f"{copy}/accounts/{account}/mail.db", "SELECT queue_id FROM ledger")}
    shutil.rmtree(copy)
    return len(waiting), len(waiting & filed)


def test_nothing_is_lost_or_doubled_by_kills_under_load():
    dice = random.Random(20250101)
    seen = {"accept": 0, "delivery": 0, "filed but not forgotten": 0, "checkpoint": 0}
    total = 0
    with lab.Template() as template, lab.Lab(template, start=False) as run:
        del run.env["POSTROOM_FAULT_JOURNAL"]
        for number in range(ROUNDS):
            run.control.disarm()
            run.instance.start(env=run.env)
            load = Load(run)
            seen["checkpoint"] += strike(run, load, ("checkpoint", "random", "operation")[number % 3], dice)
            load.end()
            assert load.acked >= ACKS, load.acked
            total += load.acked
            waiting, filed = unfinished(run)
            seen["accept"] += load.in_flight > 0
            seen["delivery"] += waiting > 0
            seen["filed but not forgotten"] += filed > 0
        run.control.disarm()
        run.restart()
        run.check()
    print(f"# {ROUNDS} kills, {total} acknowledgements; seen in the middle of: {seen}", flush=True)
    assert all(seen[what] for what in ("accept", "delivery", "checkpoint")), seen


def test_nothing_is_lost_or_doubled_by_power_cuts_under_load():
    """Each on a fresh folder; every second one leaves some of the pages and names that were not synced."""
    def cut(template, number):
        dice = random.Random(number)
        with lab.Lab(template) as run:
            load = Load(run)
            strike(run, load, ("checkpoint", "operation")[number // 2 % 2], dice, acks=dice.randrange(20, ACKS))
            load.end()
            run.control.disarm()
            run.cut_power(seed=number if number % 2 else None)
            run.restart()
            run.check()

    with lab.Template() as template:
        lab.each([(f"cut {number}", lambda number=number: cut(template, number)) for number in range(CUTS)])


def test_single_errors_of_the_disk_under_load_lose_nothing():
    """Many share a commit that fails; each hears of it, and the next ones succeed."""
    dice = random.Random(11)
    with lab.Template() as template, lab.Lab(template) as run:
        load = Load(run)
        for number in range(ERRORS):
            harness.wait_until(lambda: load.acked >= 10 * number, 60, "acknowledgements between the failures")
            run.control.arm(lab.FAIL_ONCE, dice.randrange(1, 80), dice.choice((errno.EIO, errno.ENOSPC)), where=lab.ANYWHERE)
            harness.wait_until(lambda: run.control.get("hits") or run.died(), 30, "an operation has failed")
            assert not run.died(), run.instance.log_tail()
        run.control.disarm()
        load.end()
        lab.wait_quiet(run.instance, 30, files=False)
        run.restart()
        run.check()


if __name__ == "__main__":
    harness.run(globals())
