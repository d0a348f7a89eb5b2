"""The command line's rules: what holds for every verb. Dry runs, terminals, confirmations, many pages."""
import json
import os
import pty
import select
import subprocess
import time

import harness
from cli_words import EX_DATAERR, EX_USAGE, cli, daemon, js, refused, rows, run
from harness import SLOW


def test_a_dry_run_changes_nothing():
    before = cli("export"), js("token", "ls")["data"], js("submitter", "ls")["data"], js("webhook", "ls")["data"]
    for words in (("domain", "add", "dry.example"), ("domain", "ensure", "dry.example"), ("user", "add", "dry@example.org", "--no-password"), ("user", "set", "bob@example.org", "--name", "Dry"),
                  ("user", "suspend", "bob@example.org"), ("user", "rm", "bob@example.org"), ("alias", "add", "dry@example.org", "bob@example.org"), ("alias", "set", "dry@example.org", "bob@example.org"),
                  ("relay", "set", "--domain", "dry.example", "--host", "h.example", "--port", "25", "--tls", "none"), ("submitter", "set", "7", "--remote", "yes"),
                  ("setting", "set", "queue_days", "3"), ("token", "add", "dry", "--user", "alice@example.org", "--scopes", "users:read"), ("admin", "add", "bob@example.org", "--role", "admin"),
                  ("webhook", "add", "https://hooks.example/dry", "--types", "*"), ("user", "bulk", "delete", "--q", "bob")):
        done = run(*words, "--dry-run")
        assert done.returncode == 0 and done.stdout.startswith("would "), (words, done)
        value = js(*words, "--dry-run")
        assert value["dry_run"] is True and value["changes"], (words, value)
    assert before == (cli("export"), js("token", "ls")["data"], js("submitter", "ls")["data"], js("webhook", "ls")["data"])


def on_terminal(*words, type=""):
    """The command with a terminal of its own: exit status and what stood there."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(daemon().env)
        os.execv(harness.BINARY, [harness.BINARY, *words, "--config", daemon().conf_path])
    text, asked, deadline = b"", False, time.monotonic() + 60 * SLOW
    try:
        while time.monotonic() < deadline:
            if select.select([fd], [], [], 0.1)[0]:
                try:
                    more = os.read(fd, 65536)
                except OSError:
                    break
                if not more:
                    break
                text += more
            if not asked and type and (b"[y/N]" in text or b"Password:" in text):
                asked = True
                os.write(fd, type.encode())
    finally:
        os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text.decode("utf-8", "replace")


def test_a_terminal_is_asked():
    cli("domain", "add", "asked.example")
    status, text = on_terminal("domain", "rm", "asked.example", type="n\n")
    assert status == EX_USAGE and "asked.example" in text and "nothing was done" in text, text
    status, text = on_terminal("domain", "rm", "asked.example", type="y\n")
    assert status == 0 and "removed" in text, text
    status, text = on_terminal("user", "add", "typed@example.org", type="typed-password-1\n")
    assert status == 0 and "typed-password-1" not in text, text
    cli("domain", "add", "asked.example")
    status, text = on_terminal("domain", "rm", "asked.example", "-y")
    assert status == 0 and "[y/N]" not in text, text
    cli("user", "rm", "typed@example.org", "--yes")


def test_without_a_terminal_nothing_is_destroyed_unasked():
    for words in (("domain", "rm", "example.org"), ("user", "rm", "bob@example.org"), ("user", "reset-2fa", "bob@example.org"), ("user", "bulk", "delete", "--q", "b"), ("alias", "rm", "x@example.org"),
                  ("relay", "rm", "--domain", "*"), ("queue", "rm", "0" * 32), ("queue", "bulk", "delete", "--domain", "x"), ("token", "rm", "tok_1"), ("admin", "rm", "alice@example.org"), ("cert", "rm", "x"),
                  ("webhook", "rm", "whk_1"), ("submitter", "rm", "1")):
        refused(EX_USAGE, *words, says="--yes")


def test_data_cannot_write_to_the_terminal():
    cli("user", "set", "bob@example.org", "--name", "a\u202ebc\u2066d")
    for words in (("user", "ls"), ("user", "show", "bob@example.org"), ("user", "ls", "-o", "json"), ("user", "ls", "-o", "csv")):
        status, text = on_terminal(*words)
        assert status == 0 and "\u202e" not in text and "\u2066" not in text, repr(text)
    said = refused(EX_DATAERR, "user", "suspend", "\x1b]0;evil\x07@example.org")
    assert "\x1b" not in said and "\x07" not in said
    cli("user", "set", "bob@example.org", "--name", "")


def test_a_table_fits_the_terminal():
    import fcntl
    import struct
    import termios
    cli("user", "set", "bob@example.org", "--name", "A very long name " * 10)
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    subprocess.run([harness.BINARY, "user", "ls", "--config", daemon().conf_path], stdout=slave, stderr=subprocess.DEVNULL, check=True, env=daemon().env)
    os.close(slave)
    text = os.read(master, 65536).decode()
    os.close(master)
    assert max(len(line.rstrip("\r")) for line in text.split("\n")) <= 60 and "\u2026" in text, text
    assert ("A very long name " * 10).strip() in cli("user", "ls"), "a pipe gets all of it"
    cli("user", "set", "bob@example.org", "--name", "")


def test_lists_of_many_pages():
    cli("alias", "import", "-", "--format", "csv", "--wait", input="address,targets\n" + "".join(f"page{n:04}@example.org,bob@example.org\n" for n in range(1203)))
    assert len(js("alias", "ls")["data"]) == 1203 and len(cli("alias", "ls").splitlines()) == 1204
    assert len(cli("alias", "ls", "-o", "ndjson").splitlines()) == 1203 and len(rows(cli("alias", "ls", "-o", "csv"))) == 1203
    done = run("alias", "ls", "--limit", "700")
    assert len(done.stdout.splitlines()) == 701 and "more" in done.stderr, done.stderr
    cut = js("alias", "ls", "--limit", "700")
    assert len(cut["data"]) == 700 and cut["next_cursor"]
    assert len(js("alias", "ls", "--all", "--q", "page00")["data"]) == 100
    cli("alias", "bulk", "delete", "--q", "page", "--yes", "--wait")
    assert js("alias", "ls")["data"] == []


def test_global_options_stand_anywhere():
    conf = daemon().conf_path
    for words in (("-o", "json", "--config", conf, "user", "ls"), ("user", "--config", conf, "-o", "json", "ls"), ("user", "ls", f"--config={conf}", "-ojson")):
        done = subprocess.run([harness.BINARY, *words], capture_output=True, text=True, env=daemon().env)
        assert done.returncode == 0 and json.loads(done.stdout)["data"], done


harness.run(globals())
