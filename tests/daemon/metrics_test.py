"""/metrics is what Prometheus reads (text format 0.0.4), parsed strictly, and counts what happened."""
import json
import os
import re

import harness
from admin import ask
from harness import Raw, shared, wait_until

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (NaN|[+-]Inf|-?[0-9.]+(?:e[+-]?[0-9]+)?)$")


def daemon():
    return shared(services=("mx", "submission", "submissions", "imap", "imaps", "https"))


def families(text):
    """{family: (type, {(name, labels): value})}; raises on anything that the format does not allow."""
    assert text.endswith("\n")
    found, family = {}, None
    for line in text.split("\n")[:-1]:
        if line.startswith("# HELP "):
            family = line.split(" ")[2]
            assert family not in found, f"{family} stands twice"
            assert len(line.split(" ", 3)) == 4, line
            found[family] = [None, {}]
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == family and kind in ("counter", "gauge", "histogram") and found[family][0] is None, line
            found[family][0] = kind
        else:
            match = SAMPLE.match(line)
            assert match, f"not a sample: {line!r}"
            name, labels, value = match.groups()
            kind = found[family][0]
            assert name == family or (kind == "histogram" and name in (f"{family}_bucket", f"{family}_sum", f"{family}_count")), (family, line)
            assert kind != "counter" or family.endswith("_total"), family
            key = (name, tuple(re.findall(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"', labels or "")))
            assert len({k for k, _ in key[1]}) == len(key[1]), f"a label twice: {line}"
            assert key not in found[family][1], f"a series twice: {line}"
            found[family][1][key] = float(value)
    for name, (kind, series) in found.items():
        assert kind, name
        if kind == "histogram":
            check_histogram(name, series)
    return found


def check_histogram(name, series):
    groups = {}
    for (sample, labels), value in series.items():
        group = groups.setdefault(tuple(l for l in labels if l[0] != "le"), {"buckets": []})
        if sample.endswith("_bucket"):
            group["buckets"].append((float(dict(labels)["le"].replace("+Inf", "inf")), value))
        else:
            group[sample[len(name):]] = value
    for labels, group in groups.items():
        bounds = [b for b, _ in group["buckets"]]
        counts = [c for _, c in group["buckets"]]
        assert bounds == sorted(bounds) and bounds[-1] == float("inf") and counts == sorted(counts), (name, labels)
        assert counts[-1] == group["_count"] and group["_sum"] >= 0, (name, labels)


def metrics():
    answer = ask(daemon(), "GET", "/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8", answer.headers
    return families(answer.body.decode())


def value(name, **labels):
    for kind, series in metrics().values():
        for (sample, found), number in series.items():
            if sample == name and all(pair in found for pair in labels.items()):
                return number
    raise AssertionError(f"no {name} {labels}")


def test_the_text_is_well_formed_and_has_the_promised_names():
    found = metrics()
    for name in ("smtp_received_total", "smtp_submitted_total", "smtp_delivered_total", "smtp_bounced_total", "smtp_deferred_total", "smtp_rejected_total", "queue_messages", "queue_oldest_age_seconds",
                 "delivery_duration_seconds", "auth_attempts_total", "tls_sessions_total", "certificate_expiry_timestamp_seconds", "http_request_duration_seconds", "build_info"):
        assert f"postroom_{name}" in found, name
    assert not any("@" in str(key) for _, series in found.values() for key in series), "an address in a label"


def test_a_delivery_is_counted_and_timed():
    before = value("postroom_smtp_received_total"), value("postroom_smtp_delivered_total", reason="mailbox"), value("postroom_delivery_duration_seconds_count", destination="mailbox")
    daemon().send()
    wait_until(lambda: (value("postroom_smtp_received_total"), value("postroom_smtp_delivered_total", reason="mailbox"), value("postroom_delivery_duration_seconds_count", destination="mailbox"))
               == tuple(b + 1 for b in before), 10, "the delivery is counted")


def test_refusals_are_counted_by_reason():
    before = value("postroom_smtp_rejected_total", reason="unknown_recipient")
    with Raw(daemon().port["mx"]) as s:
        s.reply()
        s.ask("EHLO x.example\r\n")
        s.ask("MAIL FROM:<x@x.example>\r\n")
        s.ask("RCPT TO:<nobody@example.org>\r\n")
    assert value("postroom_smtp_rejected_total", reason="unknown_recipient") == before + 1


def test_logins_and_handshakes_are_counted():
    before = value("postroom_auth_attempts_total", protocol="imap", result="ok"), value("postroom_tls_sessions_total", direction="in", version="TLSv1.3")
    daemon().imap().logout()
    assert value("postroom_auth_attempts_total", protocol="imap", result="ok") == before[0] + 1
    assert value("postroom_tls_sessions_total", direction="in", version="TLSv1.3") == before[1] + 1


def test_requests_are_timed_by_operation():
    ask(daemon(), "GET", "/api/v1/status")
    before = value("postroom_http_request_duration_seconds_count", route="status_get", code="200")
    ask(daemon(), "GET", "/api/v1/status")
    wait_until(lambda: value("postroom_http_request_duration_seconds_count", route="status_get", code="200") == before + 1, 10, "the request is counted")


def test_status_still_has_its_counters():
    counters = ask(daemon(), "GET", "/api/v1/status").json["counters"]
    assert counters["smtp_received"] >= 1 and counters["bugs"] == 0, counters


def test_alert_rules_and_dashboard_name_metrics_that_exist():
    known = {sample for _, series in metrics().values() for sample, _ in series}
    packaging = os.path.join(os.path.dirname(__file__), "..", "..", "packaging")
    for name in ("prometheus-alerts.yml", "grafana.json"):
        with open(os.path.join(packaging, name)) as f:
            text = f.read()
        named = set(re.findall(r"\bpostroom_[a-z_]+", text))
        assert len(named) > 5 and not named - known - {"postroom_http_request_duration_seconds_bucket"}, (name, named - known)
    json.loads(text)


harness.run(globals())
