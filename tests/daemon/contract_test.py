"""Every operation of the API's document against the running daemon: what it takes, what it refuses, and each status that it says it has."""
import harness
from contract import query_text
from contract_world import SERVICES, World
from harness import shared

NOWHERE = "nothing-here"
_world = []


def world():
    if not _world:
        _world.append(World(shared(users=["alice", "bob"], services=SERVICES)))
    return _world[0]


def each(w):
    return sorted(w.operations.values(), key=lambda o: o.id)


def bad_texts(document, schema):
    """Values of a query parameter that its schema refuses."""
    types = document.follow(schema).get("type", "")
    for _, code, value in document.broken(schema, document.sample(schema)):
        # Whatever stands in a query is a string, and a list of one.
        if value is None or (code == "wrong_type" and ("string" in types or "array" in types)):
            continue
        yield "" if value == [] else query_text(value)


def test_documents_of_the_wire_and_of_the_socket_are_one():
    w = world()
    over_tls = w.call("openapi_get", caller="nobody", expect=200)
    assert over_tls.body == w.call("openapi_get", expect=200).body
    w.end()


def test_each_operation_works():
    """With valid values: over the socket, and reads also with a session and a token."""
    w = world()
    for o in each(w):
        w.call_valid(o.id, expect=o.success())
        if o.method == "GET" and "local" not in o.demands:
            w.call_valid(o.id, caller="owner", expect=o.success())
            if "no_token" not in o.demands:
                w.call_valid(o.id, caller="token", expect=o.success())
    w.end()


def test_putting_again_what_is_there_is_no_addition():
    w = world()
    for o in each(w):
        if o.method == "PUT" and 201 in o.statuses:
            made = w.valid(o.id)
            for status in (201, 200):
                w.call(o.id, *made["args"], body=made["body"], headers=made.get("headers"), expect=status)
    w.end()


def test_reads_that_know_the_etag_get_no_body():
    w = world()
    for o in each(w):
        if 304 in o.statuses:
            made = w.valid(o.id)
            for _ in range(5):  # what is in motion may have another tag already
                tag = w.call(o.id, *made["args"], query=made.get("query"), expect=200).headers["ETag"]
                again = w.call(o.id, *made["args"], query=made.get("query"), headers={"If-None-Match": tag}, expect=(200, 304))
                if again.status == 304:
                    break
            w.call(o.id, *made["args"], query=made.get("query"), headers={"If-None-Match": '"another"'}, expect=200)
            if (o.id, 304) not in w.reached:
                w.fault(f"{o.id}: 304 was not reached")
    w.end()


def test_unknown_and_malformed_queries_are_refused():
    w = world()
    for o in each(w):
        made = w.valid(o.id)
        args, headers, body = made["args"], made.get("headers"), made.get("body")
        for query in ("no_such_parameter=1", "%zz=1", "=%00"):
            w.call(o.id, *args, body=body, headers=headers, query=query, expect=400)
        for name, schema in o.query.items():
            for text in bad_texts(w.document, schema):
                answer = w.call(o.id, *args, body=body, headers=headers, query=dict(made.get("query", {}), **{name: text}), expect=400)
                if answer.status == 400 and name not in [e["pointer"].split("/")[0] for e in answer.json["errors"]]:
                    w.fault(f"{o.id}: {name}={text[:40]}: no pointer at it: {answer}")
            w.call(o.id, *args, body=body, headers=headers, query=f"{name}=1&{name}=1", expect=400)
        for name, schema in o.headers.items():
            limit = w.document.follow(schema).get("maxLength")
            if limit:
                w.call(o.id, *args, body=body, headers=dict(headers or {}, **{name: "x" * (limit + 1)}), expect=400)
    w.end()


def test_values_at_the_edge_of_a_query_are_taken():
    w = world()
    for o in each(w):
        if o.method != "GET":
            continue
        made = w.valid(o.id)
        for name, schema in o.query.items():
            if name not in ("cursor", "fields"):
                for value in w.document.fitting(schema):
                    w.call(o.id, *made["args"], query=dict(made.get("query", {}), **{name: value}))
    w.end()


def test_callers_without_the_right_are_refused():
    w = world()
    for o in each(w):
        if "anybody" in o.roles:
            continue
        made = w.valid(o.id)
        args, headers, body = made["args"], made.get("headers"), made.get("body")
        w.call(o.id, *args, body=body, headers=headers, caller="nobody", expect=401)
        if "local" in o.demands:
            w.call(o.id, *args, body=body, headers=headers, caller="owner", expect=403)
        elif o.scope or "no_token" in o.demands:
            w.call(o.id, *args, body=body, headers=headers, caller="fewer" if o.scope == "jobs:read" else "few", expect=403)
        if "user" not in o.roles and "local" not in o.demands:
            w.call(o.id, *args, body=body, headers=headers, caller="user", expect=403)
        if o.method != "GET" and "local" not in o.demands:
            w.call(o.id, *args, body=body, headers=dict(headers or {}, **{"X-CSRF-Token": None}), caller="owner", expect=403)
            w.call(o.id, *args, body=body, headers=dict(headers or {}, **{"Sec-Fetch-Site": "cross-site"}), caller="owner", expect=403)
    w.end()


def test_what_is_not_there_is_not_found():
    w = world()
    for o in each(w):
        if 404 in o.statuses and o.args:
            made = w.valid(o.id)
            for name in (NOWHERE, "nobody@example.org", "nothing.example", "1" * 300, "\u00e4\x01'\"<>"):
                w.call(o.id, *made["args"][:-1], name, body=made.get("body"), headers=made.get("headers"), expect=(404, 422))
            if (o.id, 404) not in w.reached:
                w.fault(f"{o.id}: 404 was not reached")
    w.end()


def test_broken_bodies_are_refused_with_a_pointer():
    w = world()
    for o in each(w):
        if o.body_schema is None:
            continue
        made = w.valid(o.id)
        args, headers, query, body = made["args"], made.get("headers", {}), made.get("query"), made["body"]
        kind = {"Content-Type": "application/json"}
        for text in (b"{", b"[]", b"5", b'{"a": 1, "a": 2}', b'{"a": "\xff"}', b'{"a": "\\u0000"}', b"{" * 5000):
            w.call(o.id, *args, body=text, headers=dict(headers, **kind), query=query, expect=400)
        for at, code, value in w.document.broken(o.body_schema, body):
            if at == "":
                continue
            answer = w.call(o.id, *args, body=value, headers=headers, query=query, expect=422)
            if answer.status == 422 and not any(e["pointer"] == at and e["code"] == code for e in answer.json.get("errors", [])):
                w.fault(f"{o.id}: {code} at {at}: {answer}")
    w.end()


def test_bodies_of_another_type_are_refused():
    w = world()
    for o in each(w):
        if o.content:
            made = w.valid(o.id)
            w.call(o.id, *made["args"], body=b"a=b", headers=dict(made.get("headers", {}), **{"Content-Type": "application/x-www-form-urlencoded"}), expect=415)
    w.end()


def test_dry_runs_say_what_would_change_and_change_nothing():
    w = world()
    for o in each(w):
        if "dry_run" in o.query:
            made = w.valid(o.id)
            for _ in range(2):
                answer = w.call(o.id, *made["args"], body=made.get("body"), headers=made.get("headers"), query=dict(made.get("query", {}), dry_run=1), expect=200)
                if answer.status == 200 and answer.json.get("dry_run") is not True:
                    w.fault(f"{o.id}: not a dry run: {answer}")
            w.call(o.id, *made["args"], body=made.get("body"), headers=made.get("headers"), query=made.get("query"), expect=tuple(s for s in o.statuses if s < 300))
    w.end()


def test_values_at_the_edge_of_a_body_pass_the_schema():
    """In dry runs: what the schema takes may be refused for what it means, not for its form."""
    w = world()
    for o in each(w):
        if o.body_schema is None or "dry_run" not in o.query:
            continue
        made = w.valid(o.id)
        for name, field in w.document.follow(o.body_schema).get("properties", {}).items():
            for value in w.document.fitting(field):
                w.call(o.id, *made["args"], body=dict(made["body"], **{name: value}), headers=made.get("headers"), query=dict(made.get("query", {}), dry_run=1))
    w.end()


def test_if_match_is_held_against_what_is_there():
    w = world()
    for o in each(w):
        if 412 in o.statuses:
            made = w.valid(o.id)
            w.call(o.id, *made["args"], body=made.get("body"), headers=dict(made.get("headers", {}), **{"If-Match": '"another"'}), query=made.get("query"), expect=412)
        if 428 in o.statuses:
            made = w.valid(o.id)
            w.call(o.id, *made["args"], body=made.get("body"), headers=dict(made.get("headers", {}), **{"If-Match": None}), query=made.get("query"), expect=428)
    w.end()


def test_a_key_makes_trying_again_safe():
    w = world()
    for o in each(w):
        if "Idempotency-Key" not in o.headers:
            continue
        made = w.valid(o.id)
        headers = dict(made.get("headers", {}), **{"Idempotency-Key": w.name("key")})
        first = w.call(o.id, *made["args"], body=made.get("body"), headers=headers, query=made.get("query"), expect=tuple(s for s in o.statuses if s < 300))
        second = w.call(o.id, *made["args"], body=made.get("body"), headers=headers, query=made.get("query"), expect=first.status)
        if second.headers.get("Idempotency-Replayed") != "true" or second.body != first.body:
            w.fault(f"{o.id}: not the first answer again: {first} {second}")
        other = w.valid(o.id)
        if (other["args"], other.get("body")) != (made["args"], made.get("body")):
            w.call(o.id, *other["args"], body=other.get("body"), headers=headers, query=other.get("query"), expect=422)
    w.end()


def test_every_documented_status_was_reached():
    w = world()
    for line in w.matrix():
        print("# " + line, flush=True)
    missing = w.missing()
    assert not missing, f"not reached: {missing}"


if __name__ == "__main__":
    harness.run(globals())
