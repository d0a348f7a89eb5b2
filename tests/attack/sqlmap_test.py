"""sqlmap against every operation: one request file each, made of openapi.json, with every value that comes in as a place to inject."""
import concurrent.futures
import json
import os
import re
import tempfile

import attack_lab
from attack_lab import Hits, harness, world
from planted import Planted

FOUND = "identified the following injection point"
# Level 1 and risk 1 try the usual forms of each technique; what is behind is known. BEU see what an answer shows, T what it takes.
# Five seconds (the default) stand out also while the machine is busy; one second is then taken for a hit, and thousands of questions follow it.
OPTIONS = ("--batch", "--disable-coloring", "--level=1", "--risk=1", "--technique=BEUT", "--time-sec=5", "--dbms=sqlite", "--retries=0", "--ignore-code=*",
           "--flush-session", "--skip-waf", "--ignore-stdin", "--drop-set-cookie")
WORKERS = 3
GUESSES = ("session_prove", "me_password_set", "me_totp_confirm")


def sqlmap(request, *options, seconds=600):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "request")
        with open(path, "wb") as file:
            file.write(request)
        return attack_lab.scan(["sqlmap", "-r", path, "--output-dir", os.path.join(folder, "out"), *OPTIONS, *options], folder, seconds)


def raw(method, target, host, headers, body=None):
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"] + [f"{name}: {value}" for name, value in headers.items()]
    text = b"" if body is None else json.dumps(body).encode()
    if text:
        lines += ["Content-Type: application/json", f"Content-Length: {len(text)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + text


def next_cursor(w, operation, made):
    answer = w.call(operation.id, *made["args"], query={"limit": 1})
    return answer.json.get("next_cursor") if answer.json else None


def request_of(w, operation):
    """A call that works, in a dry run where there is one, with all of its query filled in, and options of sqlmap that it needs."""
    made = w.valid(operation.id)
    query = dict(made.get("query", {}))
    for name, schema in operation.query.items():
        if name not in query and name not in ("cursor", "fields"):
            query[name] = next(iter(w.document.fitting(schema)), "x") if name == "sort" else w.document.sample(schema)
    if "dry_run" in operation.query:
        query["dry_run"] = 1
    if "cursor" in operation.query and (cursor := next_cursor(w, operation, made)):
        query["cursor"] = cursor
    if {"no_token", "account", "local"} & set(operation.demands):
        headers = w.log_in("alice@example.org")
    else:
        headers = {} if "anybody" in operation.roles else w.callers["token"]
    headers = dict(headers, **made.get("headers", {}))
    target = operation.target([arg + "MARK" for arg in made["args"]], query).replace("MARK", "*")
    if not made["args"] and not query and made.get("body") is None:
        headers["User-Agent"] = "probe*"
    # A stream has no end to wait for.
    options = ["--timeout=1", "--technique=B"] if operation.id == "events_watch" else ["--timeout=10"]
    # The name that some ask for leads nowhere: where to is said in the request line.
    address = f"127.0.0.1:{w.instance.port['https']}"
    return raw(operation.method, f"https://{address}{target}", headers.pop("Host", address), headers, made.get("body")), options


def attack(operation, request):
    text, options = request
    return operation.id, sqlmap(text, "--force-ssl", *options)


def test_planted_injections_are_found():
    with Planted() as planted:
        host = f"127.0.0.1:{planted.port}"
        for request in (raw("GET", "/items?name=apple", host, {}), raw("GET", "/items/apple*", host, {}), raw("POST", "/items", host, {}, {"name": "apple"})):
            said = sqlmap(request, "--timeout=10")
            assert FOUND in said, f"sqlmap does not find what is planted: {request}\n{said[-2000:]}"


def test_no_operation_can_be_injected():
    w = world()
    hits = Hits(w)
    # What counts as guessing a password closes the door to this network: last, one by one.
    late = [o for o in w.operations.values() if "anybody" in o.roles or o.id in GUESSES]
    early = [o for o in w.operations.values() if o not in late]
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        outcomes = list(pool.map(attack, early, [request_of(w, o) for o in early]))
    outcomes += [attack(o, request_of(w, o)) for o in late]
    open_ones = [(name, said[said.index(FOUND):][:800]) for name, said in outcomes if FOUND in said]
    assert not open_ones, open_ones
    count = hits.count()
    print(f"# {sum(count.values())} requests at {len({name for name, _ in count})} operations", flush=True)
    untested = [name for name, said in outcomes if not re.search(r"parameter .* does not seem to be injectable|all tested parameters do not appear to be injectable", said)]
    assert not untested, f"sqlmap gave up on {untested}: {[said[-600:] for name, said in outcomes if name in untested[:3]]}"
    missed = [name for name in w.operations if sum(n for (operation, _), n in count.items() if operation == name) < 3]
    assert not missed, f"not in the access log: {missed}"


if __name__ == "__main__":
    harness.run(globals())
