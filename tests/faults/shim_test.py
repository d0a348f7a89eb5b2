"""The suite's own proof: the shim counts what strace counts, and a missing sync is found."""
import collections
import contextlib
import imaplib
import os
import re
import shutil
import sqlite3

import lab
import scenarios
from lab import ACKED, harness

SMALL = 300
NAMES = ("write", "pwrite64", "writev", "pwritev", "pwritev2", "sendfile", "copy_file_range", "open", "openat", "creat", "ftruncate", "truncate", "fallocate", "rename", "renameat", "renameat2",
         "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "fsync", "fdatasync", "sync_file_range", "msync", "sync", "syncfs", "io_uring_setup")


def changes(line, data):
    """The name, when strace's line is an operation that the shim counts."""
    found = re.match(r"(?:\[pid +\d+\] |\d+ +)?(\w+)\((.*)\) += (-?\d+)", line)
    if not found or found.group(1) not in NAMES or data not in found.group(2) or "-shm" in found.group(2) or "search.db" in found.group(2):
        return None
    name, arguments, _ = found.groups()
    return None if name in ("open", "openat") and not re.search(r"O_CREAT|O_TRUNC", arguments) else name


def count_both(scenario):
    """(the shim's count, strace's counts by name) of one run of the scenario."""
    with lab.Template(scenario.prepare) as template:
        run = lab.Lab(template, start=False)
        with run:
            trace = os.path.join(run.instance.dir, "trace")
            preload = [word for name, value in run.env.items() for word in ("-E", f"{name}={value}")]
            # -D: the daemon is our child, strace beside it.
            run.instance.wrapper = [harness.tool("strace"), "-D", "-f", "-qq", "-y", "-s", "16", "-o", trace, "-e", "trace=" + ",".join(NAMES), *preload]
            run.instance.start()
            with scenario.ready(run) as helper:
                run.settle()
                begins = os.path.getsize(trace)
                run.control.arm()
                scenario.act(run, helper)
                run.settle()
                counted = run.control.get("count")
                ends = os.path.getsize(trace)  # what is traced and told once a second, and at the stop, comes behind
            run.instance.stop()
            with open(trace, "rb") as f:
                f.seek(begins)
                text = f.read(ends - begins).decode(errors="replace")
            return counted, trace_counts(text, run)


def trace_counts(text, run):
    """Calls that other threads interrupted are put together again; what came after the count was read (the stop) is left out."""
    pending, counts, names = {}, collections.Counter(), []
    for line in text.splitlines():
        pid = line.split()[0]
        if line.endswith("<unfinished ...>"):
            pending[pid] = line[:-len("<unfinished ...>")].rstrip()
            continue
        resumed = re.match(r"\d+ +<\.\.\. \w+ resumed>(.*)", line)
        if resumed and pid in pending:
            line = pending.pop(pid) + resumed.group(1)
        name = changes(line, run.data)
        if name:
            names.append(name)
    counts.update(names)
    return counts


def compare_counts(scenario):
    counted, traced = count_both(scenario)
    assert counted == sum(traced.values()) and counted > 5, f"the shim counted {counted}, strace {dict(traced)}"


def test_counts_of_a_small_accept_equal_strace():
    compare_counts(scenarios.Accept(SMALL))


def test_counts_of_a_large_accept_equal_strace():
    compare_counts(scenarios.Accept(lab.LARGE))


def test_counts_of_an_append_equal_strace():
    compare_counts(scenarios.Append(lab.LARGE))


# ---- missing syncs ----


def promised_with(scenario, template, hold, drop=0):
    """With the disk frozen after `hold` syncs, one of which may have been dropped: does the promise survive a power cut?"""
    with lab.Lab(template) as run, scenario.ready(run) as helper:
        scenario.warm_up(run, helper)
        # APPEND ends with an operation behind its last sync, and nothing follows it.
        run.control.arm(lab.DROP_SYNC, drop, hold=0 if isinstance(scenario, WarmAppend) else hold)
        state = scenario.act(run, helper)
        if scenario.waits_for_all:
            harness.wait_until(lambda: run.control.get("synced") >= hold, 5, f"{hold} syncs")
        assert state == ACKED, f"with {hold} syncs: {state}"
        assert run.control.get("synced") == hold, f"promised after {run.control.get('synced')} syncs"
        run.cut_power()
        return survives(run, 2 if drop else 10)


def survives(run, seconds):
    """Whether all that was promised is there, whole, after a restart: waiting as long as the daemon still tries."""
    try:
        run.restart()
        lab.wait_quiet(run.instance, seconds)
        return not run.ledger.faults(lab.look(run.instance, run.template.users))
    except (AssertionError, imaplib.IMAP4.error):
        return False


def find_missing_syncs(scenario, expected):
    """Each of the syncs before the promise is needed; without one the promise is broken by a power cut."""
    with lab.Template(scenario.prepare) as template:
        assert promised_with(scenario, template, expected), f"with all {expected} syncs it is lost"
        for drop in range(1, expected + 1):
            assert not promised_with(scenario, template, expected, drop), f"sync {drop} of {expected} is not needed"


class WarmAccept(scenarios.Accept):
    """The databases are open: SQLite syncs the folder of a WAL once for each handle. With `delivery` the run goes on until the queue has forgotten."""

    def __init__(self, size, delivery=False):
        super().__init__(size)
        self.waits_for_all = delivery

    def warm_up(self, run, helper):
        run.control.arm()
        self.act(run, helper)
        run.settle()


class WarmAppend(scenarios.Append):
    waits_for_all = False

    def warm_up(self, run, helper):
        self.act(run, helper)


def test_every_sync_of_a_small_accept_is_needed():
    find_missing_syncs(WarmAccept(SMALL), 1)


def test_every_sync_of_a_large_accept_is_needed():
    find_missing_syncs(WarmAccept(lab.LARGE), 3)


def test_every_sync_of_a_small_append_is_needed():
    find_missing_syncs(WarmAppend(SMALL), 1)


def test_every_sync_of_a_large_append_is_needed():
    find_missing_syncs(WarmAppend(lab.LARGE), 3)


def delivery_syncs(size, accept, deliver):
    """Once the queue has durably forgotten a message, the mailbox must have had it: without one of the delivery's syncs it is lost."""
    scenario = WarmAccept(size, delivery=True)
    with lab.Template(scenario.prepare) as template:
        total = accept + deliver + 1
        assert promised_with(scenario, template, total), f"with all {total} syncs it is lost"
        for drop in range(accept + 1, accept + deliver + 1):
            assert not promised_with(scenario, template, total, drop), f"sync {drop} of {total} is not needed"


def test_every_sync_of_a_small_delivery_is_needed():
    delivery_syncs(SMALL, 1, 1)


def test_every_sync_of_a_large_delivery_is_needed():
    delivery_syncs(lab.LARGE, 3, 2)


# ---- what a run leaves ----


def test_leftovers_are_found():
    def spoil(data, how):
        how(data)
        return lab.leftovers(data)

    def execute(path, sql):
        with contextlib.closing(sqlite3.connect(path)) as db, db:
            db.execute(sql)

    def touch(path):
        with open(path, "w"):
            pass

    with lab.Template(scenarios.Expunge().prepare) as template:
        data = f"{template.instance.dir}/data"
        assert lab.leftovers(data) == []
        files = f"{data}/accounts/2/files"
        ways = (
            lambda d: touch(f"{d}/queue/0123"),
            lambda d: touch(f"{d}/accounts/2/files/0123"),
            lambda d: [os.remove(f"{d}/accounts/2/files/{name}") for name in os.listdir(files)],
            lambda d: execute(f"{d}/accounts/2/mail.db", "DELETE FROM message WHERE uid = 1"),
            lambda d: execute(f"{d}/accounts/1/mail.db", "UPDATE mailbox SET unseen = unseen + 1"),
            lambda d: execute(f"{d}/queue.db", "INSERT INTO content (head, body) VALUES (x'0d0a', x'')"),
        )
        for number, how in enumerate(ways):
            copy = f"{template.instance.dir}/copy{number}"
            shutil.copytree(data, copy)
            assert spoil(copy, how), f"way {number} is not found"


if __name__ == "__main__":
    harness.run(globals())
