"""The bench's part `people`: 1,000 domains and 100,000 users, then the API and logins on top of them."""
import http.client
import json
import ssl
import statistics
import subprocess
import time

DOMAINS, USERS, IMPORTED = 1000, 100_000, 10_000
REQUESTS = 2000
JOB_SECONDS = 600


class Api:
    """One kept https connection with a token."""

    def __init__(self, port, token):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=120)
        self.headers = {"Authorization": f"Bearer {token}", "Host": "localhost"}

    def call(self, method, path, body=None, content_type="application/json", expect=200):
        headers = dict(self.headers, **({"Content-Type": content_type} if body is not None else {}))
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != expect:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]!r}")
        return json.loads(text) if text else None

    def finish(self, job):
        began = time.monotonic()
        while job["state"] in ("waiting", "running"):
            if time.monotonic() - began > JOB_SECONDS:
                raise RuntimeError(f"job {job['id']} is not done after {JOB_SECONDS} s")
            time.sleep(0.1)
            job = self.call("GET", f"/api/v1/jobs/{job['id']}")
        if job["state"] != "done" or job["failed"]:
            raise RuntimeError(f"job: {job}")

    def times_ms(self, path_of, count):
        taken = []
        for n in range(count):
            path = path_of(n)
            began = time.monotonic()
            self.call("GET", path)
            taken.append((time.monotonic() - began) * 1000)
        return sorted(taken)


def domain(n):
    return f"d{n % DOMAINS:03d}.example"


def address(n):
    return f"person{n:06d}@{domain(n)}"


def sheet(first, count, hashed):
    rows = "".join(f"{address(n)},Person {n},{hashed}\n" for n in range(first, first + count))
    return ("address,name,password_hash\n" + rows).encode()


def p99(times):
    return times[int(len(times) * 0.99)]


def measure(bench, harness, pss_kib, server):
    instance = server.instance
    token = instance.cli("token", "add", "bench", "--scopes", "users:read,users:write,domains:write,jobs:read", "-o", "json")["token"]
    instance.cli("setting", "set", "api_requests_per_minute", "60000")
    api = Api(instance.port["https"], token)
    hashed = subprocess.run(["openssl", "passwd", "-6", "-salt", "benchbench", harness.PASSWORD], capture_output=True, text=True, check=True).stdout.strip()
    section = f"{USERS:,} users in {DOMAINS:,} domains"

    for n in range(DOMAINS):
        api.call("POST", "/api/v1/domains", json.dumps({"name": domain(n)}), expect=201)
    began = time.monotonic()
    api.finish(api.call("POST", "/api/v1/users:import", sheet(0, USERS, hashed), "text/csv", expect=202))
    bench.row(section, f"import of all {USERS:,} with hashes", "s", [time.monotonic() - began], higher=False)
    began = time.monotonic()
    api.finish(api.call("POST", "/api/v1/users:import", sheet(USERS, IMPORTED, hashed), "text/csv", expect=202))
    bench.row(section, f"import of {IMPORTED:,} more", "s", [time.monotonic() - began], higher=False, target=("most", 60))

    items, lists, memory = [], [], []
    for _ in range(bench.args.runs):
        items.append(p99(api.times_ms(lambda n: f"/api/v1/users/{address(n * 37 % USERS)}", REQUESTS)))
        lists.append(p99(api.times_ms(lambda n: f"/api/v1/users?limit=50&q=person{n * 41 % 1000:03d}", REQUESTS // 4)))
        memory.append(pss_kib(server) / 1024)
    bench.row(section, "GET of a user, p99 at the client", "ms", items, higher=False, target=("most", 5))
    bench.row(section, "list of 50 with a search, p99 at the client", "ms", lists, higher=False, target=("most", 20))
    bench.row(section, "PSS of the daemon", "MiB", memory, higher=False)
    bench.row(section, "growth of the PSS from the first to the last run", "%", [100 * (memory[-1] / memory[0] - 1)], higher=False, target=("most", 5))


def logins(bench, server):
    """The second visit on: the password is remembered as proven."""
    rates = [bench.load(server, "logins", service="imaps", connections=8, users=8, count=4000)[0]["per_s"] for _ in range(bench.args.runs + 1)][1:]
    bench.row("Logins", "IMAP over TLS, connection and handshake each, 8 at once, passwords proven before", "logins/s", rates, target=("least", 800))
    return statistics.median(rates)
