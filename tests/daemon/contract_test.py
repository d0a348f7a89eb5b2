"""Every operation of the API's document against the running daemon: what it takes, what it refuses, and each status that it says it has."""
import socket

import harness
from contract import in_time, query_text
from contract_world import World, instance
from harness import PASSWORD, wait_until

NOWHERE = "nothing-here"
_world = []


def world():
    if not _world:
        _world.append(World(instance()))
    return _world[0]


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


def test_an_instance_is_set_up_once():
    """By the same operation from the command line, which runs it itself: there is no daemon yet."""
    w = world()
    with harness.Instance(start=False, services=()) as fresh:
        words = [f"--{name}={value}" for name, value in w.operations["setup_create"].example().items() if name != "password"]
        made = fresh.cli("setup", *words, "--password-stdin", "-o", "json", input=PASSWORD + "\n")
    w.check_value("setup_create", 201, made)
    w.call("setup_create", body=w.operations["setup_create"].example(), expect=409)
    w.end()


def test_each_operation_works():
    """With valid values: over the socket or with a session, and reads also with an owner's session and a token."""
    w = world()

    def check(o):
        if o.id == "setup_create":
            return
        w.use(o.id, w.valid(o.id), expect=o.success())
        if o.method == "GET" and "local" not in o.demands:
            w.use(o.id, w.valid(o.id), caller="owner", expect=o.success())
            if "no_token" not in o.demands:
                w.use(o.id, w.valid(o.id), caller="token", expect=o.success())
    w.over(check)


def test_putting_again_what_is_there_is_no_addition():
    w = world()

    def check(o):
        if o.method == "PUT" and 201 in o.statuses:
            made = w.valid(o.id)
            for status in (201, 200):
                w.use(o.id, made, expect=status)
    w.over(check)


def test_reads_that_know_the_etag_get_no_body():
    w = world()

    def check(o):
        if 304 in o.statuses:
            made = w.valid(o.id)
            def is_known():
                tag = w.use(o.id, made, expect=200).headers["ETag"]
                return w.use(o.id, made, headers={"If-None-Match": tag}, expect=(200, 304)).status == 304

            wait_until(is_known, 10, "it stands still for two requests")
            w.use(o.id, made, headers={"If-None-Match": '"another"'}, expect=200)
    w.over(check)


def test_unknown_and_malformed_queries_are_refused():
    w = world()

    def check(o):
        made = w.valid(o.id)
        for query in ("no_such_parameter=1", "%zz=1", "=%00"):
            w.use(o.id, made, query=query, expect=400)
        for name, schema in o.query.items():
            for text in bad_texts(w.document, schema):
                answer = w.use(o.id, made, query={name: text}, expect=400)
                if answer.status == 400 and name not in [e["pointer"] for e in answer.json["errors"]]:
                    w.fault(f"{o.id}: {name}={text[:40]}: no pointer at it: {answer}")
            w.use(o.id, made, query=f"{name}=1&{name}=1", expect=400)
        for name, schema in o.headers.items():
            limit = w.document.follow(schema).get("maxLength")
            if limit:
                w.use(o.id, made, headers={name: "x" * (limit + 1)}, expect=400)
    w.over(check)


def test_values_at_the_edge_of_a_query_are_taken():
    w = world()

    def check(o):
        if o.method != "GET":
            return
        made = w.valid(o.id)
        for name, schema in o.query.items():
            if name not in ("cursor", "fields"):
                for value in w.document.fitting(schema):
                    w.use(o.id, made, query={name: value})
    w.over(check)


def test_callers_without_the_right_are_refused():
    w = world()

    def check(o):
        if "anybody" in o.roles:
            return
        made = w.valid(o.id)
        local, safe = "local" in o.demands, o.method == "GET"
        w.use(o.id, made, caller="nobody", expect=401)
        if local:
            w.use(o.id, made, caller="owner", expect=403)
        elif o.scope or "no_token" in o.demands:
            w.use(o.id, made, caller="fewer" if o.scope == "jobs:read" else "few", expect=403)
        if "user" not in o.roles and not local:
            w.use(o.id, made, caller="user", expect=403)
        if "account" in o.demands:
            w.use(o.id, made, caller="local", expect=403)
        if not safe and not local:
            w.use(o.id, made, caller="owner", headers={"X-CSRF-Token": None}, expect=403)
            w.use(o.id, made, caller="owner", headers={"Sec-Fetch-Site": "cross-site"}, expect=403)
    w.over(check)


def test_what_is_not_there_is_not_found():
    w = world()

    def check(o):
        if 404 in o.statuses and o.args:
            made = w.valid(o.id)
            for name in (NOWHERE, "nobody@example.org", "nothing.example", "1" * 300, "\u00e4\x01'\"<>"):
                w.use(o.id, made, args=(*made["args"][:-1], name), expect=(404, 422))
            if (o.id, 404) not in w.reached:
                w.fault(f"{o.id}: 404 was not reached")
    w.over(check)


def test_broken_bodies_are_refused_with_a_pointer():
    w = world()

    def check(o):
        if o.body_schema is None:
            return
        made = w.valid(o.id)
        for text in (b"{", b"[]", b"5", b'{"a": 1, "a": 2}', b'{"a": "\xff"}', b'{"a": "\\u0000"}', b"{" * 5000):
            w.use(o.id, made, body=text, headers={"Content-Type": "application/json"}, expect=400)
        for at, code, value in w.document.broken(o.body_schema, made["body"]):
            if at == "":
                continue
            answer = w.use(o.id, made, body=value, expect=422)
            if answer.status == 422 and not any(e["pointer"] == at and e["code"] == code for e in answer.json.get("errors", [])):
                w.fault(f"{o.id}: {code} at {at}: {answer}")
    w.over(check)


def test_bodies_of_another_type_are_refused():
    w = world()

    def check(o):
        if o.content:
            w.use(o.id, w.valid(o.id), body=b"a=b", headers={"Content-Type": "application/x-www-form-urlencoded"}, expect=415)
    w.over(check)


def test_dry_runs_say_what_would_change_and_change_nothing():
    w = world()

    def check(o):
        if "dry_run" in o.query:
            made = w.valid(o.id)
            for _ in range(2):
                answer = w.use(o.id, made, query={"dry_run": 1}, expect=200)
                if answer.status == 200 and answer.json.get("dry_run") is not True:
                    w.fault(f"{o.id}: not a dry run: {answer}")
            w.use(o.id, made, expect=tuple(s for s in o.statuses if s < 300))
    w.over(check)


def test_values_at_the_edge_of_a_body_pass_the_schema():
    """In dry runs: what the schema takes may be refused for what it means, not for its form."""
    w = world()

    def check(o):
        if o.body_schema is None or "dry_run" not in o.query:
            return
        made = w.valid(o.id)
        for name, field in w.document.follow(o.body_schema).get("properties", {}).items():
            for value in w.document.fitting(field):
                w.use(o.id, made, body=dict(made["body"], **{name: value}), query={"dry_run": 1})
    w.over(check)


def test_if_match_is_held_against_what_is_there():
    w = world()

    def check(o):
        if 412 in o.statuses:
            w.use(o.id, w.valid(o.id), headers={"If-Match": '"another"'}, expect=412)
        if 428 in o.statuses:
            w.use(o.id, w.valid(o.id), headers={"If-Match": None}, expect=428)
    w.over(check)


def test_a_key_makes_trying_again_safe():
    w = world()

    def check(o):
        if "Idempotency-Key" not in o.headers:
            return
        made, key = w.valid(o.id), {"Idempotency-Key": w.name("key")}
        first = w.use(o.id, made, headers=key, expect=tuple(s for s in o.statuses if s < 300))
        second = w.use(o.id, made, headers=key, expect=first.status)
        if second.headers.get("Idempotency-Replayed") != "true" or second.body != first.body:
            w.fault(f"{o.id}: not the first answer again: {first} {second}")
        other = w.valid(o.id)
        if (other["args"], other["body"]) != (made["args"], made["body"]):
            w.use(o.id, dict(other, caller=made["caller"]), headers=key, expect=422)
    w.over(check)


def test_names_that_are_taken_are_conflicts():
    w = world()
    alias = w.alias()
    w.call("domain_create", body={"name": "example.org"}, expect=409)
    w.call("user_create", body={"address": w.person, "password": PASSWORD}, expect=409)
    w.call("user_put", alias, body={"name": "Somebody"}, expect=409)
    w.call("alias_create", body={"address": alias, "targets": ["alice@example.org"]}, expect=409)
    w.call("alias_put", w.person, body={"targets": ["alice@example.org"]}, expect=409)
    w.call("admin_create", body={"user": w.admin(), "role": "auditor"}, expect=409)
    w.end()


def test_a_domain_stands_for_one_that_has_users():
    w = world()
    alias, second = w.domain(), w.domain()
    w.call("domain_update", alias, body={"alias_of": "example.org"}, expect=200)
    w.call("domain_update", second, body={"alias_of": alias}, expect=409)
    w.call("domain_put", second, body={"alias_of": second}, expect=409)
    w.call("domain_update", "example.org", body={"alias_of": second}, expect=409)
    w.call("user_create", body={"address": f"x@{alias}", "password": PASSWORD}, expect=409)
    w.end()


def test_mail_is_not_forwarded_to_oneself_alone():
    w = world()
    w.call("me_forwards_put", caller=w.visitor(w.other), body={"forwards": [w.other]}, expect=409)
    w.call("user_update", w.other, body={"forwards": [w.other]}, expect=409)
    w.call("me_grant_set", caller=w.visitor(w.other), body={"grantee": w.other, "rights": "read"}, expect=409)
    w.call("user_grant_set", w.other, body={"grantee": w.other, "rights": "read"}, expect=409)
    w.end()


def test_what_is_needed_cannot_go():
    w = world()
    w.call("domain_update", "example.org", body={"state": "refuse"}, expect=409)
    w.call("domain_delete", "example.org", expect=409)
    w.call("user_update", "alice@example.org", body={"suspended": True}, expect=409)
    w.call("user_delete", "alice@example.org", expect=409)
    w.call("admin_update", "alice@example.org", body={"role": "auditor"}, expect=409)
    w.call("admin_delete", "alice@example.org", expect=409)
    w.settle()
    w.call("apply_create", body={"version": 1, "users": [{"address": "alice@example.org", "suspended": True}]}, headers=w.condition("export_get"), expect=409)
    w.end()


def test_a_job_that_is_done_cannot_be_cancelled():
    w = world()
    job = w.job()
    w.settle()
    w.call("job_cancel", job, expect=409)
    w.end()


def test_a_message_that_is_under_way_stays():
    w = world()
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        w.call("relay_put", "deaf.example", body={"host": "127.0.0.1", "port": deaf.getsockname()[1], "tls": "none"}, expect=201)
        w.call("queue_delete", w.sent_to("deaf.example", "active"), expect=409)
    w.end()


def test_what_cannot_be_done_to_a_message_is_a_conflict():
    w = world()
    resting, held, nobody = w.resting(), w.held(), {"recipient": "nobody@nowhere.example"}
    w.call("queue_retry", held, expect=409)
    w.call("queue_hold", held, expect=409)
    w.call("queue_release", resting, expect=409)
    for name in ("queue_bounce", "queue_route", "queue_expire", "queue_delete"):
        body = {"expires_at": in_time(86400)} if name == "queue_expire" else w.operations[name].example()
        w.call(name, resting, query=nobody, body=body, expect=409)
        w.call(name, resting, query=dict(nobody, dry_run=1), body=body, expect=409)
    w.end()


def test_who_sends_is_stopped_and_released_once():
    w = world()
    stopped, other = w.stopped(), w.user()
    w.call("sender_stop", stopped, expect=409)
    w.call("sender_release", other, expect=409)
    w.call("sender_purge", other, expect=409)
    w.end()


def test_second_factors_come_in_their_order():
    w = world()
    plain, proven = w.visitor(), w.with_second_factor()
    w.call("me_totp_create", caller=proven, expect=409)
    w.call("me_totp_confirm", body={"code": "123456"}, caller=plain, expect=409)
    w.call("me_totp_delete", caller=plain, expect=404)
    w.call("me_recovery_codes_create", caller=plain, expect=409)
    w.end()


def test_passkeys_work_at_the_host_name_only():
    w = world()
    login = w.valid("session_passkey_create")
    caller = w.visitor()
    w.call("me_passkey_options", caller=caller, expect=409)
    w.call("me_passkey_create", body=w.passkey_made(caller)[0], caller=caller, expect=409)
    w.call("session_passkey_options", caller="nobody", expect=409)
    w.call("session_passkey_create", body=login["body"], caller="nobody", expect=409)
    w.use("session_passkey_create", login, body=dict(login["body"], signature="AAAA"), expect=401)
    w.end()


def test_logging_in_needs_the_right_words_from_our_own_pages():
    w = world()
    w.call("session_create", body={"login": w.person, "password": "wrong"}, caller="nobody", expect=401)
    for operation in ("session_create", "session_passkey_options", "session_passkey_create"):
        valid = w.valid(operation)
        w.use(operation, valid, headers=dict(valid.get("headers") or {}, **{"Sec-Fetch-Site": "cross-site"}), expect=403)
    w.call("session_prove", body={"password": "wrong"}, caller="user", expect=422)
    w.end()


def test_too_many_requests_wait_for_their_turn():
    w = world()
    w.callers["hasty"] = w.bearer(["domains:read"])
    fast = w.fastest()
    w.call("settings_update", body={"api_requests_per_minute": w.rule("api_requests_per_minute")["minimum"]}, headers=w.condition("settings_list"), expect=200)
    for _ in range(2 * w.rule("api_requests_per_minute")["minimum"] + 10):
        answer = w.call("domains_list", caller="hasty", expect=(200, 429))
        if answer.status == 429:
            break
    w.call("settings_update", body={"api_requests_per_minute": fast}, headers=w.condition("settings_list"), expect=200)
    assert answer.status == 429 and int(answer.headers["Retry-After"]) >= 1, answer
    w.end()


def test_every_documented_status_was_reached():
    w = world()
    for line in w.matrix():
        print("# " + line, flush=True)
    missing = w.missing()
    assert not missing, f"not reached: {missing}"


if __name__ == "__main__":
    harness.run(globals())
