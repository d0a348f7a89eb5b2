"""wapiti at every GET, without a login and with a token: injections, scripts in pages, files, commands, header lines."""
import json
import os
import tempfile
import urllib.parse

import attack_lab
from attack_lab import Hits, harness, world
from contract import query_text
from planted import Planted

MODULES = "sql,xss,exec,file,crlf"
STATIC = ("/", "/api/docs", "/healthz", "/readyz")


def wapiti(base, starts, *options, seconds=280):
    """(categories with findings, what it said)"""
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report.json")
        arguments = ["wapiti", "-u", base + "/", "-m", MODULES, "-f", "json", "-o", report, "--flush-session", "--store-session", f"{folder}/session",
                     "--store-config", f"{folder}/config", "--no-bugreport", "--verify-ssl", "0", "--scope", "domain", "-d", "1", "-t", "3", *options]
        for start in starts:
            arguments += ["-s", base + start]
        said = attack_lab.scan(arguments, folder, seconds)
        assert os.path.exists(report), said[-3000:]
        with open(report, encoding="utf-8") as file:
            found = json.load(file)
    kinds = {**found["vulnerabilities"], **found["anomalies"]}
    return {name: entries for name, entries in kinds.items() if entries}, said


def targets(w):
    """Each GET with all of its query filled in. A stream has no end to wait for: it is asked for once, plain."""
    for operation in w.operations.values():
        if operation.method == "GET":
            made = w.valid(operation.id)
            query = {name: w.document.sample(schema) for name, schema in operation.query.items() if name not in ("cursor", "fields")}
            text = "" if operation.id == "events_watch" else urllib.parse.urlencode({k: query_text(v) for k, v in query.items()})
            yield operation.target(made["args"], text)


def scan_all(w, caller, *options):
    """`caller`: the kind that the access log has to have for each GET."""
    hits = Hits(w)
    found, said = wapiti(f"https://127.0.0.1:{w.instance.port['https']}", [*targets(w), *STATIC], *options)
    assert not found, json.dumps(found, indent=1)[:4000]
    count = hits.count()
    print(f"# {sum(count.values())} requests at {len({name for name, _ in count})} operations", flush=True)
    missed = [o.id for o in w.operations.values() if o.method == "GET" and count[o.id, caller] == 0]
    assert not missed, f"not in the access log: {missed}\n{said[-1500:]}"


def test_planted_holes_are_found():
    with Planted() as planted:
        found, said = wapiti(f"http://127.0.0.1:{planted.port}", ["/items?name=apple", "/hello?name=x"])
        assert {"SQL Injection", "Cross Site Scripting"} <= set(found), f"wapiti finds {sorted(found)}\n{said[-2000:]}"


def test_nothing_is_found_without_a_login():
    scan_all(world(), "nobody")


def test_nothing_is_found_with_a_token():
    w = world()
    scan_all(w, "token", "-H", f"Authorization: {w.callers['token']['Authorization']}")


if __name__ == "__main__":
    harness.run(globals())
