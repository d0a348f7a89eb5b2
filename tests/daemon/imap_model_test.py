"""Random commands of several clients on one account, or on two that open mailboxes to each other, against a model in memory: everything that each of them is
told must be so.

FULL=1: 10,000 steps for each of 20 seeds. Every second seed is one of two accounts. A failure prints its seed; SEED=n (and STEPS=n) runs that one alone, in the same way.
"""
import multiprocessing
import os
import re
import sys

import harness
from imap_actions import ACTIONS
from imap_model import Broken, World
from imap_picture import Picture, Wire
from imap_sharing import FAULTS, SHARING

SEEDS = [int(os.environ["SEED"])] if "SEED" in os.environ else list(range(1, 21)) if harness.FULL else list(range(1, 7))
STEPS = int(os.environ.get("STEPS", "10000" if harness.FULL else "800"))
WORKERS = 4


def one(job):
    """A world of its own for a seed: None, or what was wrong."""
    port, users, seed, steps, mutate = job
    world = World(port, users, seed, mutate=mutate)
    try:
        world.run(steps, SHARING if len(users) > 1 else ACTIONS)
        return None
    except Broken as e:
        return f"{e}\nreplay: SEED={seed} STEPS={steps} python3 tests/daemon/imap_model_test.py"
    finally:
        world.close()


def users(instance, name, count):
    return [user(instance, name + letter) for letter in "ab"[:count]]


def user(instance, name):
    instance.cli("user", "add", f"{name}@{instance.domain}", "--password-stdin", input=harness.PASSWORD + "\n")
    return f"{name}@{instance.domain}"


def test_every_clients_picture_is_the_models():
    i = harness.shared(users=["alice"])
    print(f"# seeds {' '.join(map(str, SEEDS))}, {STEPS} steps each", flush=True)
    jobs = [(i.port["imap"], users(i, f"seed{seed}", 2 - seed % 2), seed, STEPS, None) for seed in SEEDS]
    with multiprocessing.get_context("fork").Pool(WORKERS) as pool:
        wrong = [text for text in pool.imap_unordered(one, jobs) if text]
    for text in wrong:
        sys.stderr.write(text + "\n")
    assert not wrong, f"{len(wrong)} of {len(jobs)} seeds: " + wrong[0].splitlines()[0]


def test_what_was_told_outlives_a_crash():
    """kill -9 between two commands: UIDs, MODSEQ, UIDVALIDITY and flags are what they were, and caches from before still resynchronise."""
    with harness.Instance(users=["alice"]) as i:
        world = World(i.port["imap"], users(i, "crash", 2), SEEDS[0])
        for _ in range(20 if harness.FULL else 3):
            world.run(world.step + 150, SHARING)
            i.kill()
            i.start()
            world.revive(i.port["imap"])
        world.close()


def test_a_modseq_above_what_is_held_back_is_not_taken_for_the_mailboxes():
    """FETCH and STORE can't tell VANISHED: a client that takes the highest MODSEQ that it sees must not pass over it (RFC 7162 3.2.5)."""
    i = harness.shared(users=["alice"])
    name = user(i, "heldback")
    a, b = Wire(i.port["imap"], name), Wire(i.port["imap"], name)
    for _ in range(4):
        b.command("APPEND INBOX {4}", None, [b"a\r\nb"[:4]])
    p = Picture()
    a.command("ENABLE QRESYNC")
    p.qresync = p.condstore = True

    def run(text):
        words = text.split()
        p.begin(words[1] if words[0] == "UID" else words[0], words[0] == "UID")
        status, rest, _ = a.command(text, p.told)
        assert status == "OK", rest
        p.ended(rest)

    run("SELECT INBOX")
    run("FETCH 1:* (UID FLAGS)")
    b.command("SELECT INBOX")
    for command in ("STORE 1 +FLAGS (\\Deleted)", "EXPUNGE", "STORE 1 +FLAGS (\\Seen)"):
        assert b.command(command)[0] == "OK"
    for text in ("FETCH 2 (FLAGS MODSEQ)", "STORE 4 +FLAGS (\\Flagged)", "SEARCH RETURN (ALL) MODSEQ 1"):
        run(text)
        assert p.uids == [1, 2, 3, 4], p.uids
        c = Wire(i.port["imap"], name)
        c.command("ENABLE QRESYNC")
        _, _, untagged = c.command(f"SELECT INBOX (QRESYNC ({p.codes['UIDVALIDITY']} {p.highest}))")
        assert b"VANISHED (EARLIER) 1" in untagged, f"after {text}, from {p.highest}: {untagged}"
        c.close()
    run("NOOP")
    assert p.uids == [2, 3, 4], p.uids
    a.close()
    b.close()


def test_recent_is_counted_again_when_recent_messages_go():
    i = harness.shared(users=["alice"])
    name = user(i, "recent")
    a, b = Wire(i.port["imap"], name), Wire(i.port["imap"], name)
    for _ in range(3):
        b.command("APPEND INBOX {4}", None, [b"a\r\nb"[:4]])
    assert b"3 RECENT" in a.command("SELECT INBOX")[2]
    b.command("SELECT INBOX")
    b.command("STORE 1,2 +FLAGS (\\Deleted)")
    assert not [u for u in b.command("EXPUNGE")[2] if u.endswith(b"RECENT")], "none of b's was recent"
    assert [u for u in a.command("NOOP")[2] if not u.endswith(b"FETCH")][-1] == b"1 RECENT"
    assert not [u for u in a.command("NOOP")[2] if u.endswith(b"RECENT")]
    a.close()
    b.close()


class Off:
    """Says one UID too many in one kind of reply, from the n-th on."""

    def __init__(self, pattern, after):
        self.pattern, self.left = re.compile(pattern), after

    def of(self, _):
        return self

    def __call__(self, line):
        m = self.pattern.search(line)
        if not m:
            return line
        self.left -= 1
        return line if self.left >= 0 else line[: m.start(1)] + b"%d" % (int(m.group(1)) + 1) + line[m.end(1) :]


PLACES = (
    rb"^\* \d+ FETCH \(.*?UID (\d+)",
    rb"^\* (\d+) UIDFETCH",
    rb"^\* (\d+) EXPUNGE",
    rb"^\* (\d+) EXISTS",
    rb"^\* VANISHED (\d+)$",
    rb"^\* SEARCH (\d+)",
    rb"^\* OK \[UIDNEXT (\d+)",
    rb"APPENDUID \d+ (\d+)\]",
    rb"COPYUID \d+ \S+ (\d+)\]",
)


def test_a_uid_that_is_off_by_one_is_caught():
    i = harness.shared(users=["alice"])
    steps = 1500
    assert one((i.port["imap"], users(i, "unplanted", 1), 1, steps, None)) is None
    for n, pattern in enumerate(PLACES):
        off = Off(pattern, 2)
        wrong = one((i.port["imap"], users(i, f"planted{n}", 1), 1, steps, off))
        assert off.left < 0, f"{pattern} never came"
        assert wrong, f"nobody noticed {pattern}"
        print(f"# {pattern.decode()}: {wrong.splitlines()[0][:160]}", flush=True)


def test_faults_of_sharing_are_caught():
    i = harness.shared(users=["alice"])
    for fault in FAULTS:
        planted = fault()
        wrong = one((i.port["imap"], users(i, fault.__name__.lower(), 2), 2, 1500, planted))
        assert planted.left < 0, f"{fault.__name__} never had its chance"
        assert wrong, f"nobody noticed {fault.__name__}"
        print(f"# {fault.__name__}: {wrong.splitlines()[0][:160]}", flush=True)


harness.run(globals())
