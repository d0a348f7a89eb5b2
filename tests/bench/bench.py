#!/usr/bin/env python3
"""make bench: our daemon beside Postfix + Dovecot (maildir), the same load at both by turns; writes RESULTS.md and results/*.json.

Linux, root (Postfix and Dovecot switch users), Debian's apt. State lies under the build folder, which should be on a real disk.
"""
import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "daemon"))
sys.path.insert(0, HERE)

import backlog  # noqa: E402
import imap  # noqa: E402
import notify  # noqa: E402
import peer as peers  # noqa: E402
import people  # noqa: E402
import pop3  # noqa: E402
import wider  # noqa: E402

DOMAIN = peers.DOMAIN
USERS = 20
BIG = 21  # the account of 10,000 messages
CROWD = range(22, 47)  # 25 more of them, for the idle connections: an account takes 400 sessions
DROP = CROWD[-1] + 1  # the maildrop of small messages
MESSAGES = imap.MESSAGES
IDLE, IDLE_PEER = 10000, 200


class Ours:
    name = "Postroom"

    def __init__(self, harness, users, sink):
        self.harness, self.password = harness, harness.PASSWORD
        self.instance = harness.Instance(users=[f"u{n}" for n in users], domain=DOMAIN, hostname="mail.bench.test", conf="log_level = error", services=(*harness.MAIL_SERVICES, "pop3", "pop3s", "https"))
        self.port = self.instance.port
        self.instance.cli("relay", "set", "--domain", "*", "--host", "127.0.0.1", "--port", str(sink), "--tls", "none")

    def start(self):
        self.instance.start()

    def stop(self):
        self.instance.stop()

    def close(self):
        self.instance.close()

    def pids(self):
        return [self.instance.process.pid]


# ---- what the kernel says about a server ----

def tree(pids):
    """The processes and all their children."""
    children, found, todo = {}, [], list(pids)
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat") as file:
                children.setdefault(int(file.read().rsplit(")", 1)[1].split()[1]), []).append(int(name))
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def pss_kib(server):
    total = 0
    for pid in tree(server.pids()):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup") as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    return total


def switches(server):
    """Times that its threads were put on a processor."""
    total = 0
    for pid in tree(server.pids()):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/status") as file:
                total += sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)
    return total


# ---- the bench ----

class Bench:
    domain = DOMAIN

    def __init__(self, args, free_port):
        self.args = args
        self.sink = free_port()
        self.rows = []
        self.raw = []

    def load(self, server, work, *words, service="imap", popen=False, **options):
        command = [self.args.load, work, "--port", str(server.port["mx" if work == "deliver" else service]), "--password", server.password, "--domain", DOMAIN]
        if service in ("imaps", "pop3s", "submissions", "https"):
            command.append("--tls")
        for name, value in dict({"users": USERS}, **options).items():
            command += [f"--{name}", str(value)]
        command += [*words]
        if popen:
            return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.raw.append({"server": server.name, "work": work, "words": words, "options": options, "service": service, "load": os.getloadavg()[0], "results": lines})
        if done.returncode != 0 or not lines:
            raise RuntimeError(f"{server.name}: {work} {words} {options}: {lines} {done.stderr[-300:]}")
        return lines

    def row(self, section, name, unit, ours, peer=None, higher=True, target=None, note=""):
        """`target`: ("ratio", at least), ("most", value) or ("least", value)."""
        value = statistics.median(ours)
        beside = statistics.median(peer) if peer else None
        ratio = (value / beside if higher else beside / value) if beside and value else None
        reached = None
        if target:
            reached = {"ratio": ratio is not None and ratio >= target[1], "most": value <= target[1], "least": value >= target[1]}[target[0]]
        self.rows.append(dict(section=section, name=name, unit=unit, ours=ours, peer=peer, median=value, peer_median=beside, ratio=ratio, target=target, reached=reached, note=note))
        print(f"  {name}: {figure(value)} {unit}" + (f", beside {figure(beside)}, ratio {ratio:.2f}" if ratio else "") + ("" if reached is None else " reached" if reached else " MISSED"),
              flush=True)

    def by_turns(self, servers, measure, warm=False):
        """measure(server) -> number, each server in turn; a list for each."""
        taken = {server.name: [] for server in servers}
        for turn in range(self.args.runs + warm):
            for server in servers:
                value = measure(server)
                if turn >= warm:
                    taken[server.name].append(value)
                time.sleep(0.2)
        return [taken[server.name] for server in servers]

    def sized(self, servers, work, key, **options):
        """How many operations fill a run, for each server."""
        counts = {}
        for server in servers:
            rate = self.load(server, work, count=200, **options)[0][key]
            counts[server.name] = int(min(30000, max(300, rate * self.args.secs)))
        return counts

    def deliver(self, ours, peer):
        servers = [ours, peer]
        ports = {s.name: s.port["imap"] for s in servers}
        for size, goals in ((4096, {1: 1.5, 10: 8, 50: 12}), (65536, {1: None, 10: None, 50: None})):
            for connections, goal in goals.items():
                counts = {}
                for s in servers:
                    counts |= self.sized([s], "deliver", "visible_per_s", connections=connections, size=size, imap=ports[s.name])
                taken = self.by_turns(servers, lambda s: self.load(s, "deliver", connections=connections, size=size, imap=ports[s.name], count=counts[s.name])[0]["visible_per_s"])
                self.row("SMTP in, until visible in the mailbox (20 recipients)", f"{size // 1024} KiB, {connections} connection{'s' * (connections > 1)}", "messages/s", *taken,
                         target=goal and ("ratio", goal))

    def submit(self, ours, peer):
        servers = [ours, peer]
        for name, words in (("kept connections", []), ("a connection, handshake and AUTH for each message", ["reconnect"])):
            def send(server, count):
                return self.load(server, "submit", *words, service="submissions", connections=10, sink=self.sink, count=count)[0]["arrived_per_s"]

            counts = {s.name: int(min(10000, max(100, send(s, 100) * self.args.secs))) for s in servers}
            self.row("Submission over TLS, until the next server has the message", f"4 KiB, 10 connections, {name}", "messages/s",
                     *self.by_turns(servers, lambda s: send(s, counts[s.name])), target=("ratio", 4))

    def append(self, ours, peer):
        imap.append(self, [ours, peer])
        imap.heard(self, [ours, peer])

    def mailbox(self, ours, peer):
        imap.mailbox(self, ours, peer, BIG)

    def pop3(self, ours, peer):
        pop3.measure(self, [ours, peer], DROP, BIG)

    def fill_crowd(self, server, accounts):
        """10,000 messages each, most of them copies."""
        for account in accounts:
            self.load(server, "fill", account=account, connections=4, count=MESSAGES // 16)
            self.load(server, "script", "SELECT INBOX", *["COPY 1:* INBOX", "NOOP"] * 4, account=account)

    def stand(self, server, connections, accounts):
        before = pss_kib(server)
        crowd = self.load(server, "idle", service="imaps", popen=True, account=accounts[0], users=len(accounts), connections=connections)
        said = json.loads(crowd.stdout.readline())
        time.sleep(3)
        after = pss_kib(server)
        crowd.stdin.close()
        crowd.wait()
        self.raw.append({"server": server.name, "work": "idle", "results": [said], "pss_before_kib": before, "pss_after_kib": after, "load": os.getloadavg()[0]})
        if said["standing"] != connections:
            raise RuntimeError(f"{server.name}: {said}")
        return (after - before) / connections

    def idle(self, ours, peer):
        self.fill_crowd(ours, CROWD)
        self.fill_crowd(peer, CROWD[:1])
        mine, beside = [], []
        for turn in range(self.args.runs):
            ours.stop()  # a new process has no freed memory to give to connections
            ours.start()
            time.sleep(1)
            mine.append(self.stand(ours, IDLE, CROWD))
            if turn == 0:
                peer.stop()
                peer.start()
                beside.append(self.stand(peer, IDLE_PEER, CROWD[:1]))
        self.row("Memory and rest", f"PSS of an idle TLS IMAP connection, {MESSAGES:,} messages selected ({IDLE:,} connections, {len(CROWD)} accounts)", "KiB", mine, beside, higher=False,
                 target=("most", 24), note=f"240 MiB in all; the peer with {IDLE_PEER} connections, once")

    def guess(self, ours, peer):
        calm, attacked, refused = [], [], []
        for _ in range(self.args.runs):
            calm.append(self.load(ours, "guess", account=BIG, connections=0, seconds=2)[0]["p99_ms"])
            done = self.load(ours, "guess", account=BIG, connections=40, seconds=5)[0]
            attacked.append(done["p99_ms"])
            refused.append(done["refused"] / 5)
        section = "40 clients with wrong passwords at once (trusted: no delays)"
        self.row(section, "NOOP of a logged-in session, p99", "ms", attacked, higher=False, target=("most", 20))
        self.row(section, "the same without them", "ms", calm, higher=False)
        self.row(section, "wrong passwords refused", "1/s", refused)

    def logins(self, ours, peer):
        people.logins(self, ours)

    def web(self, ours, peer):
        token = ours.instance.cli("token", "add", "bench-web", "--scopes", "users:read", "-o", "json")["token"]
        ours.instance.cli("setting", "set", "api_requests_per_minute", "60000")
        section = "Web server over TLS, connections that are kept"

        def rate(connections, count, *words):
            return [self.load(ours, "web", *words, service="https", connections=connections, count=count)[0]["per_s"] for _ in range(self.args.runs)]

        for connections in (1, 10, 50):
            self.row(section, f"GET /healthz, {connections} connection{'s' * (connections > 1)}", "requests/s", rate(connections, 40000 if connections > 1 else 10000, "/healthz"),
                     target=("least", 19000) if connections == 10 else None, note="the design's probe: 19,000")
        self.row(section, "a list of 25 users with a token, 10 connections", "requests/s", rate(10, 10000, "/api/v1/users?limit=25", f"Authorization: Bearer {token}"))

    def people(self, harness, peer):
        server = Ours(harness, range(1, 2), self.sink)
        try:
            people.measure(self, harness, pss_kib, server)
        finally:
            server.stop()
            server.close()

    def backlog(self, harness, peer):
        def make():
            server = Ours(harness, range(1, 2), self.sink)
            server.name = f"Postroom {server.port['mx']}"  # one of two
            return server

        backlog.measure(self, harness, pss_kib, make)

    def notify(self, harness, peer):
        server = Ours(harness, range(1, 2), self.sink)
        try:
            notify.measure(self, server)
        finally:
            server.stop()
            server.close()

    def rest(self, harness, peer):
        server = Ours(harness, range(1, 11), self.sink)
        try:
            starts, memory, wakes = [], [], []
            for _ in range(5):
                server.stop()
                began = time.monotonic()
                server.instance.spawn()
                for service in ("mx", "imaps"):
                    peers.wait_port(server.port[service])
                starts.append((time.monotonic() - began) * 1000)
                harness.wait_until(server.instance.is_ready, 10, "ready")
            time.sleep(3)
            for _ in range(3):
                memory.append(pss_kib(server) / 1024)
                before = switches(server)
                time.sleep(5)
                wakes.append((switches(server) - before) / 5)
            section = "Memory and rest"
            self.row(section, "start until the ports answer, 10 accounts", "ms", starts, higher=False, target=("most", 300))
            self.row(section, "PSS at rest, 10 accounts", "MiB", memory, [pss_kib(peer) / 1024], higher=False, target=("most", 25), note="the peer after this bench's work")
            self.row(section, "wake-ups a second at rest", "1/s", wakes, higher=False, target=("most", 1))
            server.stop()
        finally:
            server.close()


def figure(x):
    return "-" if x is None else f"{x:,.0f}" if abs(x) >= 100 else f"{x:.1f}" if abs(x) >= 10 else f"{x:.2f}"


# ---- the machine ----

def fsyncs_per_second(folder):
    """Appends of 4 KiB with fdatasync, one thread."""
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        began, count = time.monotonic(), 0
        while time.monotonic() - began < 1:
            os.write(file.fileno(), b"x" * 4096)
            os.fdatasync(file.fileno())
            count += 1
        return count / (time.monotonic() - began)


def machine(folder):
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "unknown processor")
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) / 1024 / 1024
    disk = subprocess.run(["df", "--output=fstype", folder], capture_output=True, text=True).stdout.split()[-1]
    with open("/etc/os-release") as file:
        system = next((line.split("=", 1)[1].strip().strip('"') for line in file if line.startswith("PRETTY_NAME")), "Linux")
    if disk == "tmpfs":
        sys.exit("bench: the build folder lies on tmpfs, where fsync costs nothing; set BUILD to a folder on a disk")
    return {"processor": model, "cores": os.cpu_count(), "memory_gib": round(memory), "kernel": os.uname().release.split("-")[0], "system": system, "file_system": disk,
            "fdatasync_per_s": round(fsyncs_per_second(folder))}


# ---- paper ----

def spread(runs):
    return "" if len(runs) < 2 else f"{figure(min(runs))}-{figure(max(runs))}"


def target_text(row):
    if not row["target"]:
        return ""
    kind, value = row["target"]
    text = {"ratio": f"{value} times", "most": f"at most {value}", "least": f"at least {value}"}[kind]
    return f"{text}: {'reached' if row['reached'] else '**missed**'}" + (f" ({row['note']})" if row["note"] else "")


def tables(rows):
    lines, section = [], None
    for row in sorted(rows, key=lambda r: [x["section"] for x in rows].index(r["section"])):
        if row["section"] != section:
            section = row["section"]
            lines += ["", f"## {section}", "", "| | Postroom | runs | Postfix + Dovecot | runs | better by | target |", "|---|---|---|---|---|---|---|"]
        ratio = f"{row['ratio']:.2f}" if row["ratio"] else ""
        note = target_text(row) or row["note"]
        beside = f"{figure(row['peer_median'])} {row['unit']}" if row["peer"] else ""
        lines.append(f"| {row['name']} | {figure(row['median'])} {row['unit']} | {spread(row['ours'])} | {beside} | {spread(row['peer'] or [])} | {ratio} | {note} |")
    return lines


def noise(rows):
    widths = [max(runs) / min(runs) for row in rows if row["peer"] for runs in (row["ours"], row["peer"]) if len(runs) > 1]
    if not widths:
        return "Too few runs to say how much they differ."
    return f"Slowest and fastest run of a row that is compared differ by a factor of {statistics.median(widths):.2f} (median over rows), {max(widths):.2f} at most."


def write_results(record, harness_report):
    m = record["machine"]
    goals = [row for row in record["rows"] if row["reached"] is not None]
    missed = [row["name"] for row in goals if not row["reached"]]
    lines = ["# Benchmark results", "", "Written by `make bench`; do not edit. Raw figures: [results/bench.json](results/bench.json)" +
             (" and [results/harness.json](results/harness.json)." if harness_report else "."), "",
             f"- **When**: {record['began']} to {record['ended']} UTC, load average of the machine {record['load_before']:.1f} before (what others did on it) and {record['load_after']:.1f} after.",
             f"- **Machine**: {m['cores']} cores ({m['processor']}), {m['memory_gib']} GiB, {m['file_system']}, {m['system']}, Linux {m['kernel']}; one thread appends 4 KiB + fdatasync "
             f"{m['fdatasync_per_s']:,} times a second. The load generator shares the cores with the server.",
             f"- **Versions**: Postroom {record['version']}; {record['peer_version']} (maildir; stock but for limits a single client meets, and Dovecot's high-performance login mode).",
             "- **Durability**: Postroom commits with fsync before each 250 and OK; Postfix fsyncs its queue file, Dovecot `mail_fsync=optimized` (both stock).",
             f"- **Method**: both servers run; each run of a row goes to one, then to the other, {record['runs']} times; medians. One `make bench` does it all; the load generator's calls stand in the raw file.",
             f"- **Noise**: {noise(record['rows'])}", "",
             f"**Targets**: {len(goals) - len(missed)} of {len(goals)} reached." + (f" Missed: {'; '.join(missed)}." if missed else "")]
    lines += tables(record["rows"])
    if record["failed"]:
        lines += ["", "## What failed", ""] + [f"- {part}: {text}" for part, text in record["failed"].items()]
    if harness_report:
        lines += ["", "## The wider harness", "", *harness_report]
    with open(os.path.join(HERE, "RESULTS.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def now():
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime())


def run_parts(bench, args, harness, work, record):
    beside = peers.Peer(os.path.join(args.cache, "peer"), os.path.join(work, "peer"), harness.PASSWORD, harness.free_port, DROP, bench.sink)
    beside.password = harness.PASSWORD
    ours = Ours(harness, range(1, DROP + 1), bench.sink)
    try:
        try:
            beside.start()
        except (RuntimeError, OSError) as fault:
            beside.last_words()
            sys.exit(f"bench: Postfix and Dovecot do not start: {fault}")
        record["peer_version"] = beside.version()
        for name in args.only.split(","):
            began = time.monotonic()
            print(f"{name}:", flush=True)
            try:
                getattr(bench, name)(*((harness, beside) if name in ("rest", "people", "backlog", "notify") else (ours, beside)))
            except (RuntimeError, AssertionError, OSError, subprocess.SubprocessError) as fault:
                record["failed"][name] = str(fault)[:300]
                print(f"  FAILED: {fault}", flush=True)
                beside.last_words()
                sys.stderr.write(ours.instance.log_tail())
            print(f"  {time.monotonic() - began:.0f} s", flush=True)
        ours.stop()
    finally:
        beside.stop()
        ours.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--postroom", required=True)
    parser.add_argument("--load", required=True)
    parser.add_argument("--harness", help="a folder with a bench.py that knows peers/postroom.sh")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--secs", type=float, default=2, help="aim of one run")
    parser.add_argument("--only", default="deliver,submit,append,mailbox,pop3,idle,guess,logins,web,people,backlog,notify,rest")
    parser.add_argument("--keep", action="store_true", help="print only: leave RESULTS.md and results/ as they are")
    args = parser.parse_args()
    args.postroom, args.load = os.path.abspath(args.postroom), os.path.abspath(args.load)
    args.cache = os.path.join(os.path.dirname(args.postroom), "bench")
    if os.geteuid() != 0:
        sys.exit("bench: Postfix and Dovecot, and the name space they run in, need root")
    os.makedirs(args.cache, exist_ok=True)
    os.environ["POSTROOM"] = args.postroom
    tempfile.tempdir = args.cache
    import harness  # reads POSTROOM
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    bench = Bench(args, harness.free_port)
    version = subprocess.run([args.postroom, "version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    record = {"began": now(), "load_before": os.getloadavg()[0], "machine": machine(args.cache), "version": version, "runs": args.runs, "seconds": args.secs, "failed": {}}
    with tempfile.TemporaryDirectory(prefix="bench-") as work:
        os.chmod(work, 0o755)
        if args.only:
            run_parts(bench, args, harness, work, record)
    record |= {"ended": now(), "load_after": os.getloadavg()[0], "rows": bench.rows}
    report = wider.run(args.harness, args.postroom, args.cache, HERE) if args.harness else None
    if args.keep:
        print("\n".join(tables(bench.rows)))
    else:
        os.makedirs(os.path.join(HERE, "results"), exist_ok=True)
        with open(os.path.join(HERE, "results", "bench.json"), "w", encoding="utf-8") as file:
            json.dump(dict(record, raw=bench.raw), file, indent=1)
        write_results(record, report)
    missed = [row["name"] for row in bench.rows if row["reached"] is False]
    print(f"bench: {len(bench.rows)} rows, targets missed: {'; '.join(missed) or 'none'}" + (f"; failed: {', '.join(record['failed'])}" if record["failed"] else ""))
    return 1 if record["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
