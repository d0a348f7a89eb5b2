"""Random commands of several clients on one account against a model in memory: everything that each of them is told must be so.

FULL=1: 10,000 steps for each of 20 seeds. A failure prints its seed; SEED=n (and STEPS=n) runs that one alone, in the same way.
"""
import multiprocessing
import os
import re
import sys

import harness
from imap_actions import ACTIONS
from imap_model import Broken, World

SEEDS = [int(os.environ["SEED"])] if "SEED" in os.environ else list(range(1, 21)) if harness.FULL else list(range(1, 7))
STEPS = int(os.environ.get("STEPS", "10000" if harness.FULL else "800"))
WORKERS = 4


def one(job):
    """A world of its own for a seed: None, or what was wrong."""
    port, user, seed, steps, mutate = job
    world = World(port, user, seed, mutate=mutate)
    try:
        world.run(steps, ACTIONS)
        return None
    except Broken as e:
        return f"{e}\nreplay: SEED={seed} STEPS={steps} python3 tests/daemon/imap_model_test.py"
    finally:
        world.close()


def user(instance, name):
    instance.cli("user", "add", f"{name}@{instance.domain}", "--password-stdin", input=harness.PASSWORD + "\n")
    return f"{name}@{instance.domain}"


def test_every_clients_picture_is_the_models():
    i = harness.shared(users=["alice"])
    print(f"# seeds {' '.join(map(str, SEEDS))}, {STEPS} steps each", flush=True)
    jobs = [(i.port["imap"], user(i, f"seed{seed}"), seed, STEPS, None) for seed in SEEDS]
    with multiprocessing.get_context("fork").Pool(WORKERS) as pool:
        wrong = [text for text in pool.imap_unordered(one, jobs) if text]
    for text in wrong:
        sys.stderr.write(text + "\n")
    assert not wrong, f"{len(wrong)} of {len(jobs)} seeds: " + wrong[0].splitlines()[0]


def test_what_was_told_outlives_a_crash():
    """kill -9 between two commands: UIDs, MODSEQ, UIDVALIDITY and flags are what they were, and caches from before still resynchronise."""
    with harness.Instance(users=["alice"]) as i:
        world = World(i.port["imap"], user(i, "crash"), SEEDS[0])
        for _ in range(20 if harness.FULL else 3):
            world.run(world.step + 150, ACTIONS)
            i.kill()
            i.start()
            world.revive(i.port["imap"])
        world.close()


class Off:
    """Says one UID too many in one kind of reply, from the n-th on."""

    def __init__(self, pattern, after):
        self.pattern, self.left = re.compile(pattern), after

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
    assert one((i.port["imap"], user(i, "unplanted"), 1, steps, None)) is None
    for n, pattern in enumerate(PLACES):
        off = Off(pattern, 2)
        wrong = one((i.port["imap"], user(i, f"planted{n}"), 1, steps, off))
        assert off.left < 0, f"{pattern} never came"
        assert wrong, f"nobody noticed {pattern}"
        print(f"# {pattern.decode()}: {wrong.splitlines()[0][:160]}", flush=True)


harness.run(globals())
