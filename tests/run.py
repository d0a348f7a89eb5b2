#!/usr/bin/env python3
"""Runs suites and counts results.

Each suite leaves RESULTS/<label><suite>.tap with lines `ok NAME`, `not ok NAME`, `skip NAME reason`; what a failed test
said stands in RESULTS/<label><suite>.log/. `total` counts from those files alone: a suite that left none, one without
tests and every skip is a failure. Its last line is `N passed, N failed, N skipped`.

Most tests wait for daemons, clients and clocks more than they compute: of those more run at once while the machine has
nothing to do, and the ones that wait longest begin first.
"""
import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

OK, FAILED, SKIPPED = "ok", "not ok", "skip"
# `ok NAME`, and the form of other producers: `ok 3 - NAME # SKIP reason`.
LINE = re.compile(r"^(ok|not ok|skip)(?: +\d+(?= -| *$| +#))?(?: -)? +(.*?)\s*$")
PLAN = re.compile(r"^1\.\.(\d+)$")
SHOWN_LINES = 40
# Of the machine's time, in the last moments: as much must be left over for one more.
SPARE_SHARE = 0.3
LOOK_SECONDS = 0.4
# An order that is not right costs time and nothing else.
WAIT_LONG = ("door_test", "web_stream_test", "identity_test", "events_test", "contract_test", "search_index_test", "dane_sts_test", "web_hostile_test", "mailbox_test",
             "guard_test", "shim_test", "accept_test", "store/search_indexer_test", "net/pool_test", "net/pool_begin_test", "auth/refusal_test", "api/directory_test")

RUNNING = set()  # leaders of process groups
STOPPING = threading.Event()


class Result:
    def __init__(self, state, name, reason=""):
        self.state, self.name, self.reason = state, name, reason

    def line(self):
        return " ".join(part for part in (self.state, self.name, self.reason) if part)


def parse(text, prefix):
    """Results in a program's output, named under `prefix`, and the number it planned (None: it did not say)."""
    results, planned = [], None
    for line in text.splitlines():
        plan = PLAN.match(line)
        if plan:
            planned = (planned or 0) + int(plan.group(1))
        found = LINE.match(line)
        if not found or not found.group(2):
            continue
        state, name = found.groups()
        reason = ""
        if re.search(r"# *skip", name, re.I):
            state = SKIPPED
            name, reason = re.split(r"\s*# *skip\w*\s*", name, maxsplit=1, flags=re.I)
        name = re.sub(r"\s+#.*", "", name).strip()
        if state == SKIPPED and not reason:
            name, _, reason = name.partition(" ")
        results.append(Result(state, f"{prefix}/{name}".replace(" ", "_"), reason))
    return results, planned


def kill_group(leader):
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        pass


def stop(number, _):
    """Ctrl-C: what runs is ended here, its folders go where it was started."""
    STOPPING.set()
    for leader in list(RUNNING):
        kill_group(leader)
    sys.exit(128 + number)


def launch(command, timeout, extra_env):
    """Runs a command in a process group and a temporary folder of its own; both are gone afterwards.
    (output, exit status or None after a time-out)"""
    folder = tempfile.mkdtemp(prefix="postroom-test-")
    os.chmod(folder, 0o711)  # some tests run programs as other users, who must get to what is theirs
    env = dict(os.environ, TMPDIR=folder, PYTHONDONTWRITEBYTECODE="1", PYTHONUNBUFFERED="1", **extra_env)
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                   env=env, start_new_session=True)
        RUNNING.add(process.pid)
        if STOPPING.is_set():
            kill_group(process.pid)
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            status = None
        kill_group(process.pid)
        RUNNING.discard(process.pid)
        process.wait()
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    shutil.rmtree(folder, ignore_errors=True)
    return text, status


def judge(name, text, status, timeout):
    """What a finished program amounts to; a crash, a time-out and silence are results too."""
    results, planned = parse(text, name)
    failed = any(r.state == FAILED for r in results)
    if status is None:
        results.append(Result(FAILED, f"{name}/ends_in_time", f"# more than {timeout} s"))
    elif status < 0:
        results.append(Result(FAILED, f"{name}/ends_itself", f"# signal {-status}"))
    elif status != 0 and not failed:
        results.append(Result(FAILED, f"{name}/exit_status", f"# exit {status}"))
    elif not results:
        results.append(Result(FAILED, f"{name}/has_tests", "# it reported none"))
    elif planned is not None and planned != len(results):
        results.append(Result(FAILED, f"{name}/ran_all", f"# {len(results)} of {planned}"))
    return results


def sanitizer_env(sanitizer):
    here = os.path.dirname(os.path.abspath(__file__))
    env = {
        "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
    }
    for name, variable in (("tsan.supp", "TSAN_OPTIONS"), ("lsan.supp", "LSAN_OPTIONS")):
        if os.path.exists(os.path.join(here, name)):
            env[variable] = ":".join(filter(None, (env.get(variable), f"suppressions={here}/{name}")))
    return env if sanitizer else {}


def spent_and_all():
    """Of the machine's time since it started: what somebody needed, and all of it. What is nice makes room for others, and what another
    machine took is not ours."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, idle, iowait, irq, softirq, steal = (int(n) for n in file.readline().split()[1:9])
    spent = user + system + irq + softirq + steal
    return spent, spent + nice + idle + iowait


class Room:
    """Lets `least` run at once whatever happens, and up to `most` one by one while the machine has time left."""

    def __init__(self, least, most):
        self.least, self.most = least, most
        self.entry, self.lock = threading.Lock(), threading.Lock()
        self.running = 0

    def has_spare_time(self):
        spent, total = spent_and_all()
        time.sleep(LOOK_SECONDS)
        spent_now, total_now = spent_and_all()
        return spent_now - spent < (1 - SPARE_SHARE) * (total_now - total)

    def __enter__(self):
        with self.entry:
            while self.running >= self.least and not STOPPING.is_set() and not self.has_spare_time():
                pass
            with self.lock:
                self.running += 1

    def __exit__(self, *_):
        with self.lock:
            self.running -= 1


class Suite:
    def __init__(self, args, name, timeout, env=None):
        self.name = args.label + name
        self.results_dir = args.results
        self.timeout = timeout * (3 if args.sanitizer or os.environ.get("FULL") else 1)
        self.env = dict(sanitizer_env(args.sanitizer), **(env or {}))
        self.results = []
        self.log_dir = os.path.join(args.results, self.name + ".log")
        shutil.rmtree(self.log_dir, ignore_errors=True)
        os.makedirs(self.log_dir)
        try:
            os.remove(self.path())
        except FileNotFoundError:
            pass

    def path(self):
        return os.path.join(self.results_dir, self.name + ".tap")

    def run_one(self, room, name, command):
        if not os.path.exists(command[0]):
            return name, "", [Result(FAILED, f"{name}/builds", "# no such program")], 0
        with room:
            started = time.monotonic()
            text, status = launch(command, self.timeout, self.env)
            return name, text, judge(name, text, status, self.timeout), time.monotonic() - started

    def run(self, programs, room):
        """programs: (name, command) each."""
        programs = sorted(programs, key=lambda p: WAIT_LONG.index(p[0]) if p[0] in WAIT_LONG else len(WAIT_LONG))
        with ThreadPoolExecutor(max_workers=room.most) as pool:
            for done in as_completed([pool.submit(self.run_one, room, *p) for p in programs]):
                self.take(*done.result())
        return self.finish()

    def take(self, name, text, results, seconds):
        self.results += results
        bad = [r for r in results if r.state != OK]
        print(f"{self.name}: {name}: {len(results) - len(bad)} ok, {len(bad)} not, {seconds:.1f} s", flush=True)
        with open(os.path.join(self.log_dir, name.replace("/", "_")), "w", encoding="utf-8") as log:
            log.write(text)
        if bad:
            for line in telling_lines(text.splitlines()):
                print("    " + line)
            for result in bad:
                print("  " + result.line(), flush=True)

    def finish(self):
        draft = self.path() + ".draft"
        with open(draft, "w", encoding="utf-8") as out:
            out.writelines(r.line() + "\n" for r in self.results)
        os.replace(draft, self.path())
        good = sum(r.state == OK for r in self.results)
        print(f"{self.name}: {good} of {len(self.results)} passed", flush=True)
        return 0 if self.results and good == len(self.results) else 1


def telling_lines(lines):
    """A sanitizer's report tells more at its beginning than at its end."""
    for number, line in enumerate(lines):
        if re.search(r"(?:ERROR|WARNING): \w*Sanitizer|ERROR: libFuzzer|runtime error:", line):
            return lines[number:number + SHOWN_LINES]
    return lines[-SHOWN_LINES:]


def workers():
    return max(1, min(2, os.cpu_count() or 1))


def room_for(args, least):
    """Under a sanitizer all of them compute."""
    return Room(workers(), workers()) if args.sanitizer else Room(least, 8)


def run_unit(args):
    names = [re.sub(r".*tests/unit/", "", program) for program in args.arguments]
    suite = Suite(args, "unit", 120, {"CMOCKA_MESSAGE_OUTPUT": "TAP"})
    if args.incomplete:
        suite.results.append(Result(FAILED, "all_are_built"))
    return suite.run(list(zip(names, ([p] for p in args.arguments))), room_for(args, workers()))


def run_chat(args):
    suite = Suite(args, "chat", 120)
    groups = {}
    for path in args.arguments[1:]:
        groups.setdefault(os.path.dirname(os.path.relpath(path, "tests/chat")) or "chat", []).append(path)
    return suite.run([(name, [args.arguments[0], *paths]) for name, paths in sorted(groups.items())], Room(workers(), workers()))


def run_scripts(args):
    binary = os.path.abspath(os.path.join(args.build, "postroom"))
    env = {"POSTROOM": binary, "POSTROOM_BUG": "abort",
           "POSTROOM_SHIM": os.path.abspath(os.path.join(args.build, "tests/faults/shim.so"))}
    if args.sanitizer:
        env["SANITIZER"] = args.sanitizer
    suite = Suite(args, args.suite, 900 if args.suite == "attack" else 300, env)
    programs = [(os.path.basename(p)[:-len(".py")], [sys.executable, p]) for p in args.arguments]
    waits = args.suite in ("daemon", "faults")
    return suite.run(programs, room_for(args, 2 * workers()) if waits else Room(workers(), workers()))


def fuzz_command(args, target, findings):
    corpus = os.path.join(args.build, "fuzz/corpus", target)
    os.makedirs(corpus, exist_ok=True)
    # It looks at whole seconds, and ends in the one after.
    command = [os.path.join(args.build, "fuzz", "fuzz_" + target), f"-max_total_time={max(1, args.seconds - 1)}", "-timeout=10",
               "-rss_limit_mb=2048", "-print_final_stats=1", f"-artifact_prefix={findings}/{target}-"]
    dictionary = f"tests/fuzz/{target}.dict"
    if os.path.exists(dictionary):
        command.append("-dict=" + dictionary)
    return command + [corpus, f"tests/fuzz/seeds/{target}"]


def run_fuzz(args):
    suite = Suite(args, "fuzz", args.seconds + 120, sanitizer_env("address"))
    findings = os.path.join(args.build, "fuzz/findings")
    os.makedirs(findings, exist_ok=True)

    def one(target):
        started = time.monotonic()
        seeds = f"tests/fuzz/seeds/{target}"
        if not os.path.isdir(seeds) or not os.listdir(seeds):
            return target, "", [Result(FAILED, f"{target}/has_seeds", f"# {seeds}")], 0
        text, status = launch(fuzz_command(args, target, findings), suite.timeout, suite.env)
        runs = re.search(r"number_of_executed_units: *(\d+)", text)
        if status == 0 and runs and int(runs.group(1)) > 0:
            result = Result(OK, f"{target}/survives_hostile_bytes", f"# {runs.group(1)} runs")
        else:
            result = Result(FAILED, f"{target}/survives_hostile_bytes", f"# exit {status}")
        return target, text, [result], time.monotonic() - started

    with ThreadPoolExecutor(max_workers=workers()) as pool:
        for outcome in pool.map(one, args.arguments):
            suite.take(*outcome)
    return suite.finish()


def read_suite(results_dir, name):
    try:
        with open(os.path.join(results_dir, name + ".tap"), encoding="utf-8") as tap:
            lines = [line.rstrip("\n") for line in tap]
    except FileNotFoundError:
        return None
    counts = {OK: 0, FAILED: 0, SKIPPED: 0}
    for line in lines:
        for state in (FAILED, SKIPPED, OK):
            if line.startswith(state + " "):
                counts[state] += 1
                if state != OK:
                    print(f"  {name}: {line}")
                break
    return counts


def run_total(args):
    totals = {OK: 0, FAILED: 0, SKIPPED: 0}
    for name in args.arguments:
        counts = read_suite(args.results, name)
        if counts is None or sum(counts.values()) == 0:
            print(f"  {name}: " + ("left no result file" if counts is None else "has no tests"))
            totals[FAILED] += 1
            continue
        print(f"{name}: {counts[OK]} passed, {counts[FAILED]} failed, {counts[SKIPPED]} skipped")
        for state in totals:
            totals[state] += counts[state]
    words = f"{totals[OK]} passed, {totals[FAILED]} failed, {totals[SKIPPED]} skipped"
    print(words)
    with open(os.path.join(args.results, "totals"), "w", encoding="utf-8") as file:
        print(words, file=file)
    return 0 if totals[OK] and not totals[FAILED] and not totals[SKIPPED] else 1


def main():
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--results", default="build/results")
    parser.add_argument("--label", default="")
    parser.add_argument("--sanitizer", default="")
    parser.add_argument("suite", choices=["unit", "chat", "daemon", "faults", "packages", "runner", "attack", "fuzz", "total"])
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--incomplete", action="store_true", help="not all of the suite could be built")
    parser.add_argument("arguments", nargs="*")
    args = parser.parse_intermixed_args()
    os.makedirs(args.results, exist_ok=True)
    if args.suite == "total":
        return run_total(args)
    if not args.arguments:
        print(f"{args.label}{args.suite}: no tests")
        return 1
    runners = {"unit": run_unit, "chat": run_chat, "fuzz": run_fuzz}
    return runners.get(args.suite, run_scripts)(args)


if __name__ == "__main__":
    sys.exit(main())
