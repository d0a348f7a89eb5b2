"""What surrounds the daemon goes wrong: a second daemon, a stop in the middle of work, a disk that is full or read-only, too few descriptors, damaged files."""
import contextlib
import errno
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time

import lab
import scenarios
from lab import ACKED, REFUSED, harness

DELIVERIES = 1000


def make_instance(**options):
    return harness.Instance(ports=lab.PORTS.for_services(), **options)


def send(instance, recipient="bob", size=300):
    token, message = lab.make_message(size)
    state, reply = lab.smtp_send(instance.port["mx"], message, [f"{recipient}@example.org"])
    return token, state, reply


def has(instance, token, user="bob"):
    return lab.look(instance, (user,)).get((token, (user, "INBOX"))) == 1


def test_second_daemon_on_the_same_data_says_so_and_exits_75():
    with make_instance() as first:
        second = harness.Instance(start=False, ports=lab.PORTS.for_services())
        try:
            shutil.copy(f"{first.dir}/secret.key", second.dir)
            with open(second.conf_path) as f:
                conf = f.read().replace(f"data_dir = {second.dir}/data", f"data_dir = {first.dir}/data")
            with open(second.conf_path, "w") as f:
                f.write(conf)
            done = subprocess.run([second.binary, "serve", "--config", second.conf_path], capture_output=True, text=True, timeout=20)
            said = [line for line in done.stderr.splitlines() if line]
            assert done.returncode == 75, (done.returncode, done.stderr)
            assert len(said) == 1 and first.dir in said[0], said
        finally:
            second.close()
        token, state, reply = send(first)
        assert state == ACKED, reply
        lab.wait(lambda: has(first, token), 10, "the first daemon delivers", first)


def test_stop_during_a_thousand_deliveries_loses_nothing():
    instance = make_instance()
    ledger, lock, left = lab.Ledger(), threading.Lock(), [DELIVERIES]

    def sender():
        with contextlib.suppress(OSError), harness.Raw(instance.port["mx"]) as r:
            r.reply()
            r.ask("EHLO client.example.net\r\n")
            while True:
                with lock:
                    left[0] -= 1
                    if left[0] < 0:
                        return
                token, message = lab.make_message(2000)
                r.send("MAIL FROM:<me@example.net>\r\nRCPT TO:<alice@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n")
                replies = [r.reply() for _ in range(4)]
                if replies[-1] is None or replies[-1][:3] != "354":
                    return
                places = [("alice", "INBOX"), ("bob", "INBOX")]
                ledger.promise(token, places, lab.UNKNOWN)
                reply = r.ask(message + b".\r\n")
                if reply is None:
                    return
                if reply.startswith("250"):
                    ledger.promise(token, places, ACKED)

    try:
        threads = [threading.Thread(target=sender, daemon=True) for _ in range(8)]
        for thread in threads:
            thread.start()
        harness.wait_until(lambda: left[0] < DELIVERIES // 2, 60, "half of the messages are sent")
        began = time.monotonic()
        instance.process.send_signal(signal.SIGTERM)
        status = instance.process.wait(30)
        took = time.monotonic() - began
        assert status == 0 and took < 10, f"exit {status} after {took:.1f} s\n{instance.log_tail()}"
        for thread in threads:
            thread.join(30)
        assert ledger.acknowledged() > DELIVERIES // 4, ledger.acknowledged()
        instance.start()
        lab.wait_quiet(instance)
        faults = ledger.faults(lab.look(instance, ("alice", "bob")))
        instance.stop()
        faults += lab.leftovers(f"{instance.dir}/data")
        assert not faults, "\n".join(faults[:10])
    finally:
        instance.close()


# ---- the disk ----


class SmallDisk:
    """An instance whose data folder is a small file system of its own, in a mount namespace that only the daemon and inside() see."""

    def __init__(self, room="size=16m"):
        self.template = lab.Template(scenarios.Scenario().prepare)
        source = f"{self.template.instance.dir}/data"
        self.instance = i = harness.Instance(start=False, ports=lab.PORTS.for_services())
        shutil.copy(f"{self.template.instance.dir}/secret.key", i.dir)
        os.mkdir(f"{i.dir}/data")
        # In a plain chroot / is no mount, and cannot be made private; what came out of the namespace is then removed by close().
        script = f'mount --make-rprivate / 2>/dev/null; mount -t tmpfs -o {room},mode=700 none "$0" && cp -a {source}/. "$0" && exec "$@"'
        i.wrapper = [harness.tool("unshare"), "--mount", "--propagation", "unchanged", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c", script, f"{i.dir}/data"]
        self.pid = None

    def __enter__(self):
        self.instance.start()
        # Mail is put off long before a disk is full: here it may become so.
        self.instance.cli("setting", "set", "disk_reserve", "0")
        self.instance.cli("setting", "set", "message_size_max", "262144")
        return self

    def inside(self, *command):
        """Runs a command where the small disk is."""
        subprocess.run([harness.tool("nsenter"), *([] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]), "--mount", "--root", "--target", str(self.instance.process.pid), *command], check=True, timeout=20)

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.instance.stop()
        finally:
            self.close()

    def close(self):
        subprocess.run([harness.tool("umount"), "--lazy", f"{self.instance.dir}/data"], stderr=subprocess.DEVNULL, timeout=20)
        self.instance.close()
        self.template.close()


def refused_until_well(instance, make_ill, make_well):
    """While the disk is ill nothing is taken, and nothing is lost; all goes on when it is well."""
    with lab.Imap(instance) as client:
        make_ill()
        token, state, reply = send(instance, size=lab.LARGE)
        assert state == REFUSED and reply[:3] in ("451", "452"), reply
        _, message = lab.make_message(lab.LARGE)
        assert client.command("APPEND Sent", message) == "NO"
        assert client.command("NOOP") == "OK"
        make_well()
        token, message = lab.make_message(lab.LARGE)
        lab.wait(lambda: client.command("APPEND Sent", message) == "OK", 10, "APPEND works again", instance)
    sent = []

    def is_taken():  # the room on the disk is looked at once a second
        token, state, _ = send(instance, size=lab.LARGE)
        sent.append(token)
        return state == ACKED

    lab.wait(is_taken, 10, "mail is taken again", instance)
    lab.wait(lambda: has(instance, sent[-1]), 15, "a message arrives again", instance)


def test_full_disk_is_a_temporary_failure_and_passes():
    with SmallDisk() as disk:
        instance = disk.instance
        path = f"{instance.dir}/data/ballast"
        kept = []

        def fill():
            disk.inside("dd", "if=/dev/zero", f"of={path}", "bs=64k", "count=128", "status=none")
            for _ in range(200):
                token, state, reply = send(instance, size=lab.LARGE)
                if state != ACKED:
                    break
                kept.append(token)
            assert state == REFUSED and reply[:3] in ("451", "452"), reply
            assert kept, "nothing fitted"
        refused_until_well(instance, fill, lambda: disk.inside("rm", path))
        lab.wait(lambda: all(lab.look(instance, ("bob",)).get((t, ("bob", "INBOX"))) == 1 for t in kept), 20, f"all {len(kept)} that were taken are there", instance)


def test_disk_without_inodes_is_a_temporary_failure_and_passes():
    with SmallDisk("size=16m,nr_inodes=1500") as disk:
        place = f"{disk.instance.dir}/data/ballast"
        refused_until_well(disk.instance, lambda: disk.inside("sh", "-c", f"mkdir {place}; n=0; while touch {place}/$n 2>/dev/null; do n=$((n+1)); done; test $n -gt 10"), lambda: disk.inside("rm", "-r", place))


def test_limit_of_file_size_is_a_temporary_failure_and_passes():
    with make_instance(wrapper=[harness.tool("prlimit"), "--fsize=1000000:unlimited"]) as instance:
        kept = []
        for _ in range(200):
            token, state, reply = send(instance, size=40000)
            if state != ACKED:
                break
            kept.append(token)
        assert state == REFUSED and reply[:3] in ("451", "452"), reply
        assert kept, "nothing fitted"
        subprocess.run([harness.tool("prlimit"), "--pid", str(instance.process.pid), "--fsize=unlimited"], check=True)
        token, state, reply = send(instance)
        assert state == ACKED, reply
        lab.wait(lambda: all(lab.look(instance, ("bob",)).get((t, ("bob", "INBOX"))) == 1 for t in [*kept, token]), 20, f"all {len(kept)} that were taken are there", instance)


def test_read_only_disk_is_a_temporary_failure_and_passes():
    """As the kernel makes a file system read-only after an error of the disk: every change fails from now on."""
    with lab.Template(scenarios.Scenario().prepare) as template, lab.Lab(template) as run:
        refused_until_well(run.instance, lambda: run.control.arm(lab.FAIL_FROM, 1, errno.EROFS), run.control.disarm)
        assert run.control.get("hits"), "nothing was tried"


def test_start_on_a_read_only_disk_says_so():
    disk = SmallDisk()
    try:
        i = disk.instance
        i.wrapper[-2] = i.wrapper[-2].replace('exec "$@"', 'mount -o remount,bind,ro "$0" && exec "$@"')
        i.spawn()
        status = i.process.wait(20)
        said = i.log_tail().splitlines()
        assert status in (73, 75, 77) and len(said) == 1 and f"{i.dir}/data" in said[0], (status, said)
    finally:
        disk.close()


# ---- descriptors ----


def test_too_few_descriptors_pass():
    limit = 90
    with make_instance(wrapper=[harness.tool("prlimit"), f"--nofile={limit}:{limit}"]) as instance:
        crowd = []
        try:
            for _ in range(3 * limit):
                with contextlib.suppress(OSError):
                    s = harness.socket.create_connection(("127.0.0.1", instance.port["mx"]), timeout=5)
                    crowd.append(s)
            harness.wait_until(lambda: len(os.listdir(f"/proc/{instance.process.pid}/fd")) >= limit - 15, 10, "the daemon holds as many descriptors as it may")
            assert instance.process.poll() is None
        finally:
            for s in crowd:
                s.close()

        def works():
            token, state, _ = send(instance)
            if state != ACKED:
                return False
            lab.wait(lambda: has(instance, token), 10, "the message arrives", instance)
            return True
        lab.wait(works, 20, "mail is taken again", instance)


# ---- damaged files ----


def test_damaged_mailbox_hurts_nobody_else_and_loses_nothing():
    template = lab.Template(scenarios.Scenario().prepare)
    with lab.Lab(template, start=False) as run:
        template.close()
        path = f"{run.data}/accounts/2/mail.db"
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(path, f"{run.instance.dir}/good")
        size = os.path.getsize(path)
        with open(path, "r+b") as f:
            f.seek(4096)
            f.write(b"\xa5" * (size - 4096))
        run.instance.start()
        for user in ("bob", "alice"):
            token, state, reply = send(run.instance, user)
            assert state == ACKED, reply
            run.ledger.promise(token, [(user, "INBOX")], ACKED)
        lab.wait(lambda: has(run.instance, token, "alice"), 10, "alice has hers", run.instance)
        with harness.Raw(run.instance.port["imaps"], tls=True) as r:
            r.line()
            r.send(f"a LOGIN bob@example.org {harness.PASSWORD}\r\nb SELECT INBOX\r\n")
            said = [r.line(), r.line()]
            assert any(line and line[2:4] in ("NO", "BY") or line and line.startswith("* BYE") for line in said), said
        assert run.instance.process.poll() is None, "the daemon ended"
        run.instance.stop()
        # The backup comes back.
        for name in os.listdir(os.path.dirname(path)):
            if name.startswith("mail.db"):
                os.remove(os.path.join(os.path.dirname(path), name))
        shutil.copy(f"{run.instance.dir}/good", path)
        run.restart()
        run.check()


def test_damaged_queue_is_named_at_the_start():
    with lab.Template(scenarios.Scenario().prepare) as template:
        i = template.instance
        path = f"{i.dir}/data/queue.db"
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = os.path.getsize(path)
        with open(path, "r+b") as f:
            f.seek(4096)
            f.write(b"\xa5" * (size - 4096))
        i.spawn()
        status = i.process.wait(20)
        said = i.log_tail().splitlines()[-1]
        assert status not in (0, None) and status > 0 and path in said, (status, said)


def test_setup_that_was_killed_can_be_run_again():
    def setup(instance, env):
        return instance.run_cli("setup", "--hostname", "mail.example.org", "--domain", "example.org", "--admin", "alice@example.org", "--password-stdin", input=harness.PASSWORD + "\n", env=env)

    def killed_at(n):
        instance = harness.Instance(start=False, ports=lab.PORTS.for_services())
        control = lab.Control(f"{instance.dir}/control")
        try:
            control.arm(lab.KILL, n)
            done = setup(instance, {"LD_PRELOAD": lab.SHIM, "POSTROOM_FAULT_ROOT": os.path.realpath(instance.dir) + "/data", "POSTROOM_FAULT_CONTROL": f"{instance.dir}/control"})
            if done.returncode == 0:
                return control.get("count")
            assert done.returncode == -signal.SIGKILL, (n, done.returncode, done.stderr)
            done = setup(instance, {})
            # Killed behind its last commit, it had done its work.
            assert done.returncode == 0 or "already" in done.stderr, (n, done.returncode, done.stderr)
            instance.start()
            lab.Imap(instance, "alice").close()
            instance.stop()
        finally:
            control.close()
            instance.close()
        return None

    total = killed_at(10000)
    assert total and total > 5, total
    lab.each([(f"kill at {n}", lambda n=n: killed_at(n)) for n in lab.choose(total, 6)])


def test_cut_short_wal_starts():
    for name in ("queue.db-wal", "accounts/2/mail.db-wal", "control.db-wal"):
        template = lab.Template(scenarios.Scenario().prepare)
        with lab.Lab(template, start=False) as run:
            template.close()
            path = f"{run.data}/{name}"
            with contextlib.closing(sqlite3.connect(path[:-4])) as db:
                db.execute("PRAGMA wal_checkpoint(PASSIVE)")  # what was promised is in the file; the WAL is a copy
                os.truncate(path, os.path.getsize(path) - 1000)
            run.instance.start()
            token, state, reply = send(run.instance)
            assert state == ACKED, reply
            run.ledger.promise(token, [("bob", "INBOX")], ACKED)
            run.check()


if __name__ == "__main__":
    harness.run(globals())
