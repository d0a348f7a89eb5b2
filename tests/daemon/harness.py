"""What the daemon tests stand on: an instance of the real program with its own ports and folder, and results as TAP.

A test file defines functions and ends with `harness.run(globals())`: every function whose name begins with `test_` is a test,
named after a behaviour; it raises (AssertionError, anything) to fail. Instances are stopped and folders removed whatever happens.
"""
import atexit
import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import traceback

BINARY = os.environ.get("POSTROOM", "build/postroom")
PASSWORD = "correct-horse-1"
MAIL_SERVICES = ("mx", "submission", "submissions", "imap", "imaps")
SANITIZED = bool(os.environ.get("SANITIZER"))
SLOW = float(os.environ.get("SLOW", "4" if SANITIZED else "1"))  # sanitizers and loaded machines take longer: waits are stretched, never shortened
PROMPT = 5 * SLOW  # seconds in which what is answered at once is answered, however busy the machine is; what it takes on a quiet one is for the benches
FULL = os.environ.get("FULL") == "1"  # the long parts too

resource.setrlimit(resource.RLIMIT_NOFILE, (min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)

_used_ports = set()


def free_port(host="127.0.0.1"):
    """A port that nobody listens on now, never the same twice in this process."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        with socket.socket(family, socket.SOCK_STREAM) as s:
            s.bind((host, 0))
            port = s.getsockname()[1]
        if port not in _used_ports:
            _used_ports.add(port)
            return port


def wait_until(condition, seconds=10, what="condition"):
    """Polls until the condition holds and returns its value; fails at the deadline with `what` (text, or a function that gives it)."""
    deadline = time.monotonic() + seconds * SLOW
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(0.01)


def answers(port, host="127.0.0.1"):
    try:
        with socket.create_connection((host, port), timeout=2):
            return True
    except OSError:
        return False


class Instance:
    """One daemon: Instance(users=["alice", "bob"]) is set up for example.org and running."""

    def __init__(self, users=("alice", "bob"), domain="example.org", hostname="mail.example.org", conf="", start=True, env=None, services=MAIL_SERVICES, host="127.0.0.1",
                 binary=None, wrapper=(), trusted=True, ports=None):
        self.binary = binary or BINARY
        self.wrapper = list(wrapper)  # a command before the binary: ip netns exec, strace
        self.dir = tempfile.mkdtemp(prefix="postroom-test-")
        self.domain = domain
        self.hostname = hostname
        # A broken invariant ends the daemon, and the test. To read the system's authorities is half of a start; who needs some names a file of its own.
        self.env = {**os.environ, "POSTROOM_BUG": "abort", "SSL_CERT_FILE": os.devnull, **(env or {})}
        self.host = host
        self.at = "127.0.0.1" if host == "0.0.0.0" else host  # where clients connect to
        self.port = dict({s: free_port(self.at) for s in services}, **(ports or {}))
        self.process = None
        self.log_path = os.path.join(self.dir, "log")
        self.conf_path = os.path.join(self.dir, "postroom.conf")
        shown = f"[{host}]" if ":" in host else host
        lines = [f"data_dir = {self.dir}/data", f"run_dir = {self.dir}/run"]
        if trusted:
            lines.append("trusted_network = 127.0.0.0/8")
        lines += [conf.strip(), "[listen]"] + [f"{name} = {shown}:{port}" for name, port in self.port.items()]
        with open(self.conf_path, "w") as f:
            f.write("\n".join(lines) + "\n")
        atexit.register(self.close)
        if start:
            self.setup(users[0])
            self.start()
            for user in users[1:]:
                self.cli("user", "add", f"{user}@{domain}", "--password-stdin", input=PASSWORD + "\n")

    def setup(self, admin="alice"):
        self.cli("setup", "--hostname", self.hostname, "--domain", self.domain, "--admin", f"{admin}@{self.domain}", "--password-stdin", input=PASSWORD + "\n")

    def run_cli(self, *words, input=None, env=None, timeout=60):
        """The finished process, whatever its exit status."""
        return subprocess.run([self.binary, *words, "--config", self.conf_path], input=input, capture_output=True, text=True, env=dict(self.env, **(env or {})), timeout=timeout * SLOW)

    def cli(self, *words, input=None):
        """Standard output of a command that must succeed; with `-o json` in the words, the parsed value."""
        done = self.run_cli(*words, input=input)
        if done.returncode != 0:
            raise AssertionError(f"postroom {' '.join(words)}: exit {done.returncode}: {done.stderr.strip()}\n{self.log_tail()}")
        return json.loads(done.stdout) if "json" in words and done.stdout.strip() else done.stdout

    def spawn(self, env=None):
        """Starts the daemon without waiting for it."""
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen([*self.wrapper, self.binary, "serve", "--config", self.conf_path], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=dict(self.env, **(env or {})))
        log.close()
        return self.process

    def start(self, env=None):
        self.spawn(env)
        wait_until(self.is_ready, 20, f"the daemon answers\n{self.log_tail()}")

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the daemon ended with {self.process.returncode}:\n{self.log_tail()}")
        return all(answers(p, self.at) for p in self.port.values()) and os.path.exists(f"{self.dir}/run/admin.sock")

    def stop(self, expect=0):
        """Orderly stop; the exit status must be the expected one."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(20 * SLOW)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the daemon did not stop:\n{self.log_tail()}")
        finally:
            self.process = None
        if status != expect:
            raise AssertionError(f"the daemon ended with {status}, not {expect}:\n{self.log_tail()}")

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        if self.process is not None:
            self.process.wait()
            self.process = None

    def close(self):
        atexit.unregister(self.close)
        self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        try:
            if kind is None:
                self.stop()
            else:
                sys.stderr.write(self.log_tail())
        finally:
            self.close()

    def log_tail(self, lines=40):
        try:
            with open(self.log_path, errors="replace") as f:
                return "".join(f.readlines()[-lines:])
        except OSError:
            return ""

    # ---- clients ----

    def smtp(self, service="mx"):
        """smtplib over the mx port, or logged out over submission; the caller quits."""
        import smtplib
        return smtplib.SMTP(self.at, self.port[service], local_hostname="client.example.net", timeout=30 * SLOW)

    def send(self, body="Subject: test\r\n\r\nhello\r\n", sender="me@example.net", to=("bob",)):
        recipients = [t if "@" in t else f"{t}@{self.domain}" for t in to]
        with self.smtp() as s:
            s.sendmail(sender, recipients, body)

    def imap(self, user="bob", service="imaps"):
        """imaplib, logged in."""
        import imaplib
        if service == "imaps":
            client = imaplib.IMAP4_SSL(self.at, self.port["imaps"], ssl_context=no_verify(), timeout=30 * SLOW)
        else:
            client = imaplib.IMAP4(self.at, self.port["imap"], timeout=30 * SLOW)
        client.login(f"{user}@{self.domain}", PASSWORD)
        return client

    def count(self, user="bob", mailbox="INBOX"):
        """Messages in a mailbox."""
        client = self.imap(user)
        try:
            kind, data = client.status(mailbox, "(MESSAGES)")
            assert kind == "OK", data
            return int(data[0].split(b"MESSAGES ")[1].rstrip(b")").split()[0])
        finally:
            with contextlib.suppress(Exception):
                client.logout()

    def wait_count(self, count, user="bob", mailbox="INBOX", seconds=10):
        wait_until(lambda: self.count(user, mailbox) == count, seconds, f"{count} messages in {user}'s {mailbox}\n{self.log_tail()}")

    def bodies(self, user="bob", mailbox="INBOX", item="BODY.PEEK[]"):
        """All messages as bytes, in UID order. A plain literal has no NUL (RFC 9051 4.3): such messages are asked for with BINARY.PEEK[]."""
        client = self.imap(user)
        try:
            kind, data = client.select(mailbox, readonly=True)
            assert kind == "OK", data
            if int(data[0]) == 0:
                return []
            kind, data = client.fetch("1:*", f"({item})")
            assert kind == "OK", data
            return [part[1] for part in data if isinstance(part, tuple)]
        finally:
            with contextlib.suppress(Exception):
                client.logout()


_shared = []


def shared(**options):
    """The instance that the tests of a file share; run() stops it at the end."""
    if not _shared:
        _shared.append(Instance(**options))
    return _shared[0]


def no_verify():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Raw:
    """A socket spoken to line by line."""

    def __init__(self, port, host="127.0.0.1", tls=False):
        self.socket = socket.create_connection((host, port), timeout=30 * SLOW)
        if tls:
            self.start_tls()
        self.pending = b""

    def start_tls(self):
        self.socket = no_verify().wrap_socket(self.socket)
        self.pending = b""

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def line(self):
        """The next line without its end; None at the end of the connection."""
        while b"\n" not in self.pending:
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                return None
            self.pending += more
        line, self.pending = self.pending.split(b"\n", 1)
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def reply(self):
        """A whole SMTP reply, its last line."""
        while True:
            line = self.line()
            if line is None or line[3:4] != "-":
                return line

    def ask(self, data):
        self.send(data)
        return self.reply()

    def exactly(self, count):
        """So many bytes."""
        while len(self.pending) < count:
            more = self.socket.recv(1 << 20)
            assert more, f"the connection ended after {len(self.pending)} of {count} bytes"
            self.pending += more
        data, self.pending = self.pending[:count], self.pending[count:]
        return data

    def rest(self):
        """All lines until the other side closes."""
        lines = []
        while (line := self.line()) is not None:
            lines.append(line)
        return lines

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def tool(name):
    """The path of a program that the tests need; its absence is a failure, not a skip."""
    path = shutil.which(name)
    assert path, f"{name} is not installed: packaging/install-deps.sh test"
    return path


def run(names, prefix=""):
    """Runs the tests of a file, prints TAP, exits."""
    wanted = sys.argv[1:]
    failed = 0
    for name, function in list(names.items()):
        if not name.startswith("test_") or not callable(function) or (wanted and name not in wanted):
            continue
        began = time.monotonic()
        try:
            function()
            print(f"ok {prefix}{name[5:]} # {time.monotonic() - began:.2f} s", flush=True)
        except BaseException:
            failed += 1
            sys.stderr.write(traceback.format_exc())
            print(f"not ok {prefix}{name[5:]}", flush=True)
            if _shared:
                sys.stderr.write(_shared[0].log_tail())
    for instance in _shared:
        try:
            instance.stop()
            print(f"ok {prefix}daemon_stops_in_order", flush=True)
        except AssertionError:
            failed += 1
            sys.stderr.write(traceback.format_exc())
            print(f"not ok {prefix}daemon_stops_in_order", flush=True)
        instance.close()
    sys.exit(1 if failed else 0)
