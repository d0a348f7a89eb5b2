"""What tests of the command line are written in: it is run, and what it said is read."""
import csv
import io
import json
import re

import harness
from harness import PASSWORD, shared

EX_USAGE, EX_DATAERR, EX_UNAVAILABLE, EX_NOPERM = 64, 65, 69, 77
used = set()  # (noun, verb) that were run


def daemon():
    return shared(users=["alice", "bob"], services=harness.MAIL_SERVICES + ("http", "https"), conf="resolver = 127.0.0.1@9")  # no DNS


def run(*words, input=None):
    used.add(words[:2])
    used.add(words[:1])
    return daemon().run_cli(*words, input=input)


def cli(*words, input=None):
    done = run(*words, input=input)
    assert done.returncode == 0, f"{words}: exit {done.returncode}: {done.stdout}{done.stderr}\n{daemon().log_tail()}"
    return done.stdout


def js(*words, input=None):
    out = cli(*words, "-o", "json", input=input)
    return json.loads(out) if out.strip() else None


def refused(status, *words, input=None, says=None):
    done = run(*words, input=input)
    assert done.returncode == status, f"{words}: exit {done.returncode}: {done.stdout}{done.stderr}"
    assert done.stderr.startswith("postroom: ") and not done.stdout, done
    assert says is None or re.search(says, done.stderr), done.stderr
    return done.stderr


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def in_all_forms(*words, steady=lambda row: row):
    """The same list as table, JSON, NDJSON and CSV; its rows. `steady`: a row without what changes by itself."""
    table, document = cli(*words), js(*words)
    lines = [json.loads(line) for line in cli(*words, "-o", "ndjson").splitlines()]
    sheet = rows(cli(*words, "-o", "csv"))
    assert list(map(steady, lines)) == list(map(steady, document["data"])) and len(sheet) == len(lines), (words, lines, document, sheet)
    assert not lines or len(table.splitlines()) == len(lines) + 1, table
    return document["data"]


def add_user(address, *options):
    cli("user", "add", address, "--password-stdin", *options, input=PASSWORD + "\n")
