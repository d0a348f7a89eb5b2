#!/usr/bin/env python3
"""Does the runner notice what must not pass? Each case is a folder of result files or a program, and what run.py makes of it."""
import os
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import run  # noqa: E402


def total(files, *suites):
    """(last line, exit status)"""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            with open(os.path.join(folder, name + ".tap"), "w", encoding="utf-8") as file:
                file.write(text)
        done = subprocess.run([sys.executable, os.path.join(HERE, "run.py"), "--results", folder, "total", *suites],
                              capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[-1], done.returncode


def judged(script, timeout=10):
    """The states that a shell script's output and end amount to."""
    text, status = run.launch(["sh", "-c", script], timeout, {})
    return [(r.state, r.name.partition("/")[2]) for r in run.judge("t", text, status, timeout)]


def all_passed_is_success():
    assert total({"unit": "ok a\nok b\n", "chat": "ok c\n"}, "unit", "chat") == ("3 passed, 0 failed, 0 skipped", 0)


def a_failed_test_fails_the_run():
    assert total({"unit": "ok a\nnot ok b\n"}, "unit") == ("1 passed, 1 failed, 0 skipped", 1)


def a_skipped_test_fails_the_run():
    assert total({"unit": "ok a\nskip b no network\n"}, "unit") == ("1 passed, 0 failed, 1 skipped", 1)


def a_suite_without_tests_fails_the_run():
    assert total({"unit": "ok a\n", "chat": ""}, "unit", "chat") == ("1 passed, 1 failed, 0 skipped", 1)


def a_missing_result_file_fails_the_run():
    assert total({"unit": "ok a\n"}, "unit", "daemon") == ("1 passed, 1 failed, 0 skipped", 1)


def both_forms_of_results_are_read():
    output = "1..3\nok 1 - first\nnot ok 2 - second # why\nok 3 - third # SKIP no network\n"
    results, planned = run.parse(output, "t")
    assert [(r.state, r.name, r.reason) for r in results] == [
        ("ok", "t/first", ""), ("not ok", "t/second", ""), ("skip", "t/third", "no network")], results
    assert planned == 3
    results, _ = run.parse("ok first thing\nnot ok 8bit_is_refused\nskip third no network\nnothing ok\n", "t")
    assert [(r.state, r.name, r.reason) for r in results] == [
        ("ok", "t/first_thing", ""), ("not ok", "t/8bit_is_refused", ""), ("skip", "t/third", "no network")], results


def a_program_that_passes_passes():
    assert judged("echo ok one") == [("ok", "one")]


def a_crash_after_good_results_is_a_failure():
    assert judged("echo ok one; kill -SEGV $$") == [("ok", "one"), ("not ok", "ends_itself")]


def a_bad_exit_after_good_results_is_a_failure():
    assert judged("echo ok one; exit 3") == [("ok", "one"), ("not ok", "exit_status")]


def silence_is_a_failure():
    assert judged("true") == [("not ok", "has_tests")]


def fewer_results_than_planned_are_a_failure():
    assert judged("echo 1..2; echo ok 1 - one") == [("ok", "one"), ("not ok", "ran_all")]


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition, what):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def a_program_that_hangs_is_ended_with_what_it_started():
    with tempfile.TemporaryDirectory() as folder:
        pid_file = os.path.join(folder, "pid")
        # Time enough to begin on a busy machine.
        assert judged(f"sleep 600 & echo $! > {pid_file}; echo ok one; wait", 3) == [("ok", "one"), ("not ok", "ends_in_time")]
        with open(pid_file, encoding="utf-8") as file:
            pid = file.read().strip()
        # A killed process that nobody waits for here goes when the kernel gets to it.
        wait_until(lambda: not is_running(pid), f"{pid} runs on")


def an_interrupted_run_ends_at_once_and_leaves_nothing():
    with tempfile.TemporaryDirectory() as folder:
        program, pid_file, scratch = (os.path.join(folder, name) for name in ("program", "pid", "scratch"))
        os.mkdir(scratch)
        with open(program, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\necho $$ > {pid_file}.draft; mv {pid_file}.draft {pid_file}\nsleep 600\n")
        os.chmod(program, 0o700)
        runner = subprocess.Popen([sys.executable, os.path.join(HERE, "run.py"), "--results", folder, "unit", program],
                                  env=dict(os.environ, TMPDIR=scratch), stdout=subprocess.DEVNULL)
        wait_until(lambda: os.path.exists(pid_file), "the program began")
        with open(pid_file, encoding="utf-8") as file:
            pid = file.read().strip()
        runner.send_signal(signal.SIGINT)
        assert runner.wait(20) == 128 + signal.SIGINT
        wait_until(lambda: not is_running(pid), f"{pid} runs on")
        assert os.listdir(scratch) == [], os.listdir(scratch)


def main():
    failed = 0
    for case in (all_passed_is_success, a_failed_test_fails_the_run, a_skipped_test_fails_the_run,
                 a_suite_without_tests_fails_the_run, a_missing_result_file_fails_the_run, both_forms_of_results_are_read,
                 a_program_that_passes_passes, a_crash_after_good_results_is_a_failure, a_bad_exit_after_good_results_is_a_failure,
                 silence_is_a_failure, fewer_results_than_planned_are_a_failure, a_program_that_hangs_is_ended_with_what_it_started,
                 an_interrupted_run_ends_at_once_and_leaves_nothing):
        try:
            case()
            print("ok", case.__name__)
        except AssertionError as error:
            failed += 1
            print("not ok", case.__name__)
            print("#", error)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
