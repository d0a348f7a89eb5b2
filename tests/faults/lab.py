"""Running the daemon under the shim: arm, act, cut, look at what is left.

Messages carry a token and a digest of themselves, so that one that is found is known to be whole. A Ledger holds what was
promised for each; check() compares it with the mailboxes and looks for anything that nobody owns.
"""
import contextlib
import errno
import hashlib
import itertools
import mmap
import os
import re
import shutil
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "daemon"))
import harness  # noqa: E402
from powercut import Disk  # noqa: E402

FULL = bool(os.environ.get("FULL"))
SHIM = os.path.abspath(os.environ.get("POSTROOM_SHIM", "build/tests/faults/shim.so"))
CHECK_STORE = os.path.join(os.path.dirname(SHIM), "check_store")
NONE, KILL, FAIL_ONCE, FAIL_FROM, DROP_SYNC = range(5)
ANYWHERE, DATABASE = range(2)
FIELDS = ("armed", "action", "at", "error", "count", "syncs", "hits", "hold", "where", "synced")
WORKERS = 4  # most of a run is waiting
LARGE = 200 * 1024


def wait(condition, seconds, what, instance=None):
    """harness.wait_until, whose failure shows the log as it is then."""
    try:
        return harness.wait_until(condition, seconds, what)
    except AssertionError as problem:
        raise AssertionError(f"{problem}\n{instance.log_tail() if instance else ''}") from problem


class Control:
    """struct control of shim.c, shared with the daemon."""

    def __init__(self, path):
        with open(path, "wb") as f:
            f.write(b"\0" * 4096)
        self.file = open(path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), 4096)

    def get(self, name):
        return struct.unpack_from("=I", self.map, 4 * FIELDS.index(name))[0]

    def set(self, name, value):
        struct.pack_into("=I", self.map, 4 * FIELDS.index(name), value)

    def arm(self, action=NONE, at=0, error=errno.EIO, hold=0, where=ANYWHERE):
        self.set("armed", 0)
        for name, value in (("action", action), ("at", at), ("error", error), ("count", 0), ("syncs", 0), ("hits", 0), ("hold", hold), ("where", where), ("synced", 0), ("armed", 1)):
            self.set(name, value)

    def disarm(self):
        self.set("armed", 0)

    def close(self):
        self.map.close()
        self.file.close()


class Ports:
    """Ports that no client's socket takes while a daemon is between two lives: below the ephemeral range, in a block that this
    process holds by listening on its first port."""

    def __init__(self, size=500):
        self.lock = threading.Lock()
        for base in range(10000, 32000, size):
            self.guard = socket.socket()
            try:
                self.guard.bind(("127.0.0.1", base))
                self.guard.listen(1)
                self.free = itertools.cycle(range(base + 1, base + size))
                return
            except OSError:
                self.guard.close()
        raise AssertionError("no free block of ports")

    def take(self):
        with self.lock:
            while True:
                port = next(self.free)
                with socket.socket() as s:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    with contextlib.suppress(OSError):
                        s.bind(("127.0.0.1", port))
                        return port

    def for_services(self):
        return {service: self.take() for service in harness.MAIL_SERVICES}


PORTS = Ports()


# ---- messages and promises ----

_tokens = itertools.count(1)


def make_message(size=300, sender="alice@example.org"):
    """(token, bytes): lines that never begin with a dot, a digest of what follows it."""
    token = f"token-{os.getpid()}-{next(_tokens)}"
    line = hashlib.sha256(token.encode()).hexdigest() + "\r\n"
    filler = (line * (size // len(line) + 1))[:max(size, len(line))]
    filler = filler[:filler.rindex("\r\n") + 2]
    digest = hashlib.sha256(filler.encode()).hexdigest()
    return token, f"From: {sender}\r\nSubject: fault\r\nX-Token: {token}\r\n\r\ndigest {digest}\r\n{filler}".encode()


def read_message(data):
    """(token, whole?) of a stored message."""
    found = re.search(rb"^X-Token: (\S+)\r\n(?:.*\r\n)*?\r\ndigest (\w+)\r\n", data, re.M)
    if not found:
        return None, False
    return found.group(1).decode(), hashlib.sha256(data[found.end():]).hexdigest() == found.group(2).decode()


ACKED, REFUSED, UNKNOWN = "acknowledged", "refused", "unknown"


class Ledger:
    """What was promised for each token in each place (user, mailbox)."""

    def __init__(self):
        self.lock = threading.Lock()
        self.least, self.most = {}, {}

    def promise(self, token, places, state):
        with self.lock:
            for place in places:
                self.least[token, place] = 1 if state == ACKED else 0
                self.most[token, place] = 1

    def removal(self, token, place, state):
        with self.lock:
            self.least[token, place] = 0
            self.most[token, place] = 0 if state == ACKED else 1

    def copy(self):
        other = Ledger()
        other.least, other.most = dict(self.least), dict(self.most)
        return other

    def acknowledged(self):
        return sum(self.least.values())

    def faults(self, found):
        """found: {(token, place): count}. What differs from the promises, in words."""
        words = []
        for key in {*self.least, *found}:
            token, (user, mailbox) = key
            count = found.get(key, 0)
            if key not in self.least:
                words.append(f"{token}: {count} in {user}'s {mailbox}, where nobody sent it")
            elif not self.least[key] <= count <= self.most[key]:
                words.append(f"{token}: {count} in {user}'s {mailbox}, must be {self.least[key]} to {self.most[key]}")
        return words


def smtp_send(port, message, recipients, sender="me@example.net", timeout=20):
    """The state of one transaction: ACKED only after the 250; and the decisive reply."""
    reply = None
    try:
        with harness.Raw(port) as r:
            r.socket.settimeout(timeout)
            reply = r.reply()
            for command in ("EHLO client.example.net", f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{x}>" for x in recipients), "DATA"):
                if reply is None or reply[0] not in "23":
                    break
                reply = r.ask(command + "\r\n")
            if reply and reply.startswith("354"):
                reply = r.ask(message + b".\r\n")
                if reply and reply.startswith("250"):
                    return ACKED, reply
                return (REFUSED if reply else UNKNOWN), reply
    except OSError:
        return UNKNOWN, reply
    return (REFUSED if reply else UNKNOWN), reply


class Imap:
    """A logged-in connection that speaks in lines; a command's result is OK, NO, BAD, or None when the connection ended."""

    def __init__(self, instance, user="bob", timeout=20):
        self.raw = harness.Raw(instance.port["imaps"], tls=True)
        self.raw.socket.settimeout(timeout)
        self.raw.line()
        status = self.command(f"LOGIN {user}@{instance.domain} {harness.PASSWORD}")
        assert status == "OK", f"login: {status}\n{instance.log_tail()}"

    def command(self, text, *literals):
        try:
            self.raw.send(f"a {text}".encode() + b"".join(f" {{{len(x)}+}}\r\n".encode() + x for x in literals) + b"\r\n")
            while True:
                line = self.raw.line()
                if line is None:
                    return None
                if line.startswith("a "):
                    return line.split()[1]
        except OSError:
            return None

    def close(self):
        self.raw.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Sink:
    """Another server, scripted: the replies to the first DATA's end and to all later ones."""

    def __init__(self, replies=("250 2.0.0 kept",)):
        self.replies = list(replies)  # the last one stays
        self.kept, self.tries, self.senders = [], 0, []
        self.lock = threading.Lock()
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(20)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        with peer, contextlib.suppress(OSError), peer.makefile("rb") as lines:
            peer.sendall(b"220 sink.example.net\r\n")
            for line in lines:
                verb = line[:4].upper().strip()
                if verb == b"DATA":
                    peer.sendall(b"354 go on\r\n")
                    peer.sendall(self.take(lines))
                elif verb == b"MAIL":
                    self.senders.append(re.search(rb"<(.*?)>", line).group(1).decode())
                    peer.sendall(b"250 ok\r\n")
                elif verb == b"QUIT":
                    peer.sendall(b"221 bye\r\n")
                    return
                else:
                    peer.sendall(b"250 ok\r\n")

    def take(self, lines):
        data = bytearray()
        for line in lines:
            if line == b".\r\n":
                break
            data += line
        with self.lock:
            reply = self.replies[0]
            if len(self.replies) > 1:
                self.replies.pop(0)
            self.tries += 1
            if reply.startswith("250"):
                self.kept.append(read_message(bytes(data)))
        return reply.encode() + b"\r\n"

    def close(self):
        # shutdown() wakes the thread that waits in accept()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


# ---- runs ----


class Template:
    """A data folder after setup, made once and copied for each run: the same start for every N."""

    def __init__(self, prepare=None, users=("alice", "bob"), conf=""):
        self.users, self.conf = users, conf
        self.ledger = Ledger()
        self.instance = harness.Instance(users=users, conf=conf, ports=PORTS.for_services())
        self.has_queue = False  # a message waits in it for the runs
        if prepare:
            prepare(self)
            if not self.has_queue:
                wait_quiet(self.instance)
        self.instance.stop()

    def close(self):
        self.instance.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Lab:
    """One run: a copy of the template, the daemon under the shim."""

    def __init__(self, template, wrapper=(), start=True):
        self.template = template
        self.ledger = template.ledger.copy()
        self.instance = harness.Instance(users=template.users, conf=template.conf, start=False, wrapper=wrapper, ports=PORTS.for_services())
        i = self.instance
        shutil.copytree(os.path.join(template.instance.dir, "data"), os.path.join(i.dir, "data"))
        shutil.copy(os.path.join(template.instance.dir, "secret.key"), os.path.join(i.dir, "secret.key"))
        self.data = os.path.realpath(os.path.join(i.dir, "data"))
        self.journal = os.path.join(i.dir, "journal")
        self.control = Control(os.path.join(i.dir, "control"))
        self.before = Disk(self.data)  # before the daemon opens it: the journal begins at its start
        self.env = {"LD_PRELOAD": SHIM, "POSTROOM_FAULT_ROOT": self.data, "POSTROOM_FAULT_CONTROL": os.path.join(i.dir, "control"), "POSTROOM_FAULT_JOURNAL": self.journal}
        if start:
            i.start(env=self.env)

    def died(self):
        return self.instance.process is None or self.instance.process.poll() is not None

    def cut_power(self, seed=None):
        """The daemon is gone this instant; the folder becomes what the disk had."""
        self.instance.kill()
        self.before.play(self.journal)
        shutil.rmtree(self.data)
        os.mkdir(self.data, 0o700)
        self.before.lay_out(self.data, seed)

    def restart(self):
        """Without the shim, on what is left."""
        self.instance.kill()
        self.instance.start()
        return self.instance

    def settle(self, seconds=8):
        """Waits until the daemon has died or rests, because it has nothing left to do or something was made to fail."""
        seen = [-1, 0]

        def rests():
            count = self.control.get("count")
            seen[:] = [count, seen[1] + 1 if count == seen[0] else 0]
            return self.died() or (seen[1] >= 30 and (self.control.get("hits") > 0 or not queue_rows(self.data)))  # 0.3 s: longer than a lazy write waits
        wait(rests, seconds, "the daemon rests", self.instance)

    def check(self):
        """After a restart: all promises kept, nothing left over, an orderly stop."""
        wait_quiet(self.instance)
        faults = self.ledger.faults(look(self.instance, self.template.users))
        wait_quiet(self.instance)  # the look opened every account
        self.instance.stop()
        faults += leftovers(self.data)
        assert not faults, "\n".join(faults) + "\n" + self.instance.log_tail()

    def close(self):
        self.control.close()
        self.instance.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# ---- looking at what is there ----


def query(path, sql, mode="ro"):
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode={mode}", uri=True, timeout=5)) as db:
        return db.execute(sql).fetchall()


def queue_rows(data):
    return query(f"{data}/queue.db", "SELECT count(*) FROM message")[0][0]


def copy_databases(data, target):
    """Databases with their WALs, to be looked at without touching the originals."""
    for folder, _, names in os.walk(data):
        place = os.path.join(target, os.path.relpath(folder, data))
        os.makedirs(place, exist_ok=True)
        for name in names:
            if name.endswith((".db", ".db-wal")):
                shutil.copy(os.path.join(folder, name), place)


def wait_quiet(instance, seconds=15, files=True):
    """Until the queue is empty, its files too."""
    data = f"{instance.dir}/data"

    def quiet():
        return queue_rows(data) == 0 and not (files and os.listdir(f"{data}/queue"))
    wait(quiet, seconds, "the queue is empty, and its folder" if files else "the queue is empty", instance)


def look(instance, users):
    """{(token, (user, mailbox)): count} of all that have a token; damaged ones are found under the mailbox 'damaged'."""
    found = {}
    for user in users:
        client = instance.imap(user)
        for mailbox in ("INBOX", "Sent"):
            kind, data = client.select(mailbox, readonly=True)
            assert kind == "OK", data
            for first in range(1, int(data[0]) + 1, 500):
                kind, parts = client.fetch(f"{first}:{min(first + 499, int(data[0]))}", "(BODY.PEEK[])")
                assert kind == "OK", parts
                for part in parts:
                    if isinstance(part, tuple):
                        token, whole = read_message(part[1])
                        key = (token, (user, mailbox if whole else "damaged"))
                        if token:
                            found[key] = found.get(key, 0) + 1
        with contextlib.suppress(Exception):
            client.logout()
    return found


def leftovers(data):
    """With the daemon down: what breaks a rule, in words."""
    words = []
    databases = [os.path.join(folder, name) for folder, _, names in os.walk(data) for name in names if name.endswith(".db")]
    for path in databases:
        # What a kill has left (a search.db just being made, with its rollback journal) is put right by who opens it next: here, when nobody else did.
        verdict = query(path, "PRAGMA integrity_check", "rw")
        if verdict != [("ok",)]:
            words.append(f"{path}: {verdict}")
        if query(path, "PRAGMA foreign_key_check"):
            words.append(f"{path}: a foreign key leads nowhere")
    queue = f"{data}/queue.db"
    for what, sql in (("content without a message", "SELECT id FROM content WHERE id NOT IN (SELECT content FROM message)"),
                      ("recipient without a message", "SELECT queue_id FROM recipient WHERE queue_id NOT IN (SELECT queue_id FROM message)"),
                      ("message without content", "SELECT queue_id FROM message WHERE content NOT IN (SELECT id FROM content)"),
                      ("message without recipients", "SELECT queue_id FROM message WHERE queue_id NOT IN (SELECT queue_id FROM recipient)")):
        if query(queue, sql):
            words.append(f"{queue}: {what}")
    words += compare_files(f"{data}/queue", query(queue, "SELECT body_file FROM message WHERE body_file IS NOT NULL"))
    for path in databases:
        if path.endswith("/mail.db"):
            words += compare_files(os.path.dirname(path) + "/files", query(path, "SELECT file FROM meta WHERE file IS NOT NULL"))
    done = subprocess.run([CHECK_STORE, data], capture_output=True, text=True, timeout=60)
    if done.returncode:
        words.append(f"check_store: {done.stdout}{done.stderr}")
    return words


def compare_files(folder, rows):
    there, named = set(os.listdir(folder)), {row[0] for row in rows}
    return [f"{folder}/{name}: no row names it" for name in sorted(there - named)] + [f"{folder}/{name}: missing" for name in sorted(named - there)]


# ---- many runs ----


def choose(total, wanted, most=None):
    """In a full run all of 1..total, or `most` of them; else `wanted`; spread, with both ends."""
    if FULL:
        wanted = most or total
    if wanted >= total:
        return list(range(1, total + 1))
    return sorted({1 + round(i * (total - 1) / (wanted - 1)) for i in range(wanted)})


def each(runs):
    """Calls (name, function) pairs, some at a time; all failures in one AssertionError. Returns what the functions returned."""
    def one(run):
        name, function = run
        try:
            return function(), None
        except Exception as problem:  # the rest shall run
            return None, f"--- {name}: {type(problem).__name__}: {problem}"
    with ThreadPoolExecutor(WORKERS) as pool:
        outcomes = list(pool.map(one, runs))
    failures = [failure for _, failure in outcomes if failure]
    assert not failures, f"{len(failures)} of {len(runs)} runs:\n" + "\n".join(failures[:5])
    return [value for value, _ in outcomes]
