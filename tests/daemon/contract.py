"""The API's document as tests: what each operation takes, values that break it or just fit, and answers held against it.

A Walker asks the running daemon; every answer is validated, and what was reached is kept for the matrix of operations and statuses."""
import copy
import datetime
import http.client
import json
import socket
import urllib.parse

from harness import SLOW, no_verify

PROXY = "127.0.0.9"  # whom requests over https come through
METHODS = ("get", "put", "post", "patch", "delete")
SHARED = {413, 429, 501, 503}  # what "default" may stand for; 500 never


def in_time(seconds):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


# ---- values and schemas ----

JSON_TYPES = {"null": type(None), "boolean": bool, "integer": int, "string": str, "array": list, "object": dict}
OF_ANOTHER_TYPE = {"string": 12345, "integer": "x", "number": "x", "boolean": "x", "array": "x", "object": 5, "null": "x"}


def types_of(schema):
    types = schema.get("type", [])
    return [types] if isinstance(types, str) else types


def is_type(value, name):
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, JSON_TYPES[name])


class Document:
    def __init__(self, text):
        self.json = json.loads(text)
        self.codes = self.json["x-problem-codes"]
        self.operations = {}
        for path, item in self.json["paths"].items():
            for method in METHODS:
                if method in item:
                    operation = Operation(self, method, path, item)
                    self.operations[operation.id] = operation

    def follow(self, value):
        while isinstance(value, dict) and "$ref" in value:
            at = self.json
            for step in value["$ref"][2:].split("/"):
                at = at[step]
            value = at
        return value

    def faults(self, schema, value, where=""):
        """What is wrong with an answer. Objects are closed: what is not documented is a fault."""
        schema = self.follow(schema)
        if "oneOf" in schema:
            found = [self.faults(one, value, where) for one in schema["oneOf"]]
            return [] if [] in found else min(found, key=len)
        types = types_of(schema)
        if types and not any(is_type(value, t) for t in types):
            return [f"{where}: {json.dumps(value)[:60]} is not {types}"]
        faults = []
        if "enum" in schema and value not in schema["enum"]:
            faults.append(f"{where}: {json.dumps(value)[:60]} is not among {schema['enum']}")
        if "const" in schema and value != schema["const"]:
            faults.append(f"{where}: {json.dumps(value)[:60]} is not {schema['const']}")
        if schema.get("writeOnly"):
            faults.append(f"{where}: is write-only")
        if isinstance(value, str):
            faults += self.string_faults(schema, value, where)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
                faults.append(f"{where}: {value} is out of range")
        elif isinstance(value, list):
            if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
                faults.append(f"{where}: {len(value)} items")
            for i, item in enumerate(value):
                faults += self.faults(schema.get("items", {}), item, f"{where}/{i}")
        elif isinstance(value, dict) and types:
            faults += self.object_faults(schema, value, where)
        return faults

    @staticmethod
    def string_faults(schema, value, where):
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            return [f"{where}: {len(value)} characters"]
        if schema.get("format") == "date-time" and not (len(value) >= 20 and value[10] == "T" and value.endswith("Z")):
            return [f"{where}: {value} is not a time in UTC"]
        return []

    def object_faults(self, schema, value, where):
        known, others = schema.get("properties", {}), schema.get("additionalProperties", False)
        faults = [f"{where}/{name}: missing" for name in schema.get("required", []) if name not in value]
        for name, item in value.items():
            if name in known:
                faults += self.faults(known[name], item, f"{where}/{name}")
            elif others is False:
                faults.append(f"{where}/{name}: is not documented")
            elif others is not True:
                faults += self.faults(others, item, f"{where}/{name}")
        return faults

    def sample(self, schema, depth=0):
        """A value that fits."""
        schema = self.follow(schema)
        for key in ("example", "const", "default"):
            if key in schema:
                return schema[key]
        if "enum" in schema:
            return schema["enum"][0]
        name = (types_of(schema) or ["string"])[0]
        if name == "object":
            wanted = schema.get("required", []) if depth < 6 else []
            return {field: self.sample(schema["properties"][field], depth + 1) for field in wanted}
        if name == "array":
            return [self.sample(schema["items"], depth + 1)] * schema.get("minItems", 0)
        if name == "string":
            return "2030-01-01T00:00:00Z" if schema.get("format") == "date-time" else "x" * max(1, schema.get("minLength", 1))
        return {"integer": schema.get("minimum", 1), "number": 1.5, "boolean": True, "null": None}[name]

    def broken(self, schema, value, where=""):
        """(pointer, code, value that the schema refuses) for each rule of the schema and of what is in it."""
        schema = self.follow(schema)
        types = types_of(schema)
        if not types:
            return
        other = OF_ANOTHER_TYPE[types[0]]
        if not any(is_type(other, t) for t in types):
            yield where, "wrong_type", other
        if "null" not in types:
            yield where, "wrong_type", None
        if "enum" in schema and "string" in types:
            yield where, "not_allowed_value", "no such value"
        if "const" in schema and isinstance(schema["const"], bool):
            yield where, "not_allowed_value", not schema["const"]
        yield from self.broken_sizes(schema, types, value, where)
        if "object" in types and isinstance(value, dict):
            yield from self.broken_object(schema, value, where)
        if "array" in types and isinstance(value, list):
            item = value[0] if value else self.sample(schema["items"])
            for at, code, bad in self.broken(schema["items"], item, f"{where}/0"):
                yield at, code, [bad] + value[1:]

    def broken_sizes(self, schema, types, value, where):
        if "integer" in types:
            if "minimum" in schema:
                yield where, "too_small", schema["minimum"] - 1
            if "maximum" in schema:
                yield where, "too_big", schema["maximum"] + 1
            yield where, "wrong_type", 1.5
        if "string" in types and "enum" not in schema:
            if schema.get("minLength", 0) > 0:
                yield where, "too_short", "x" * (schema["minLength"] - 1)
            if schema.get("maxLength", 1 << 20) < 200000:
                yield where, "too_long", "x" * (schema["maxLength"] + 1)
            if schema.get("format") == "date-time":
                yield where, "bad_format", "2030-13-01T00:00:00Z"
        if "array" in types:
            item = self.sample(schema["items"])
            if schema.get("minItems", 0) > 0:
                yield where, "too_few", []
            if schema.get("maxItems", 1 << 20) < 20000:
                yield where, "too_many", [item] * (schema["maxItems"] + 1)
            if schema.get("uniqueItems") and schema.get("maxItems", 2) > 1:
                one = value[0] if value else item
                yield where + "/1", "duplicate", [one, one]

    def broken_object(self, schema, value, where):
        known, others = schema.get("properties", {}), schema.get("additionalProperties", False)
        if others is False:
            yield f"{where}/no_such_field", "unknown_field", dict(value, no_such_field=1)
        for name in schema.get("required", []):
            if not self.follow(known[name]).get("readOnly"):
                yield f"{where}/{name}", "missing_field", {k: v for k, v in value.items() if k != name}
        for name, field in known.items():
            inner = value.get(name)
            if self.follow(field).get("readOnly"):
                yield f"{where}/{name}", "read_only", dict(value, **{name: self.sample(field)})
                continue
            for at, code, bad in self.broken(field, inner if inner is not None else self.sample(field), f"{where}/{name}"):
                yield at, code, dict(value, **{name: bad})
        if isinstance(others, dict) and others:
            name = next(iter(value), "x")
            for at, code, bad in self.broken(others, value.get(name, self.sample(others)), f"{where}/{name}"):
                yield at, code, dict(value, **{name: bad})

    def fitting(self, schema):
        """Values at the edges of what the schema takes."""
        schema = self.follow(schema)
        types = types_of(schema)
        if "enum" in schema or "const" in schema:
            yield from schema.get("enum", [schema.get("const")])
            return
        if "null" in types:
            yield None
        if "boolean" in types:
            yield from (True, False)
        if "integer" in types:
            yield from (schema[key] for key in ("minimum", "maximum") if key in schema)
        if "string" in types:
            if schema.get("format") == "date-time":
                yield "2030-01-01T00:00:00+01:00"
            else:
                yield "x" * schema.get("minLength", 0)
                yield "x" * min(schema.get("maxLength", 1000), 2000)
                yield "\u00e4'\"<\u20ac>"[:schema.get("maxLength", 9)].ljust(schema.get("minLength", 0), "x")
        if "array" in types:
            yield [self.sample(schema["items"])] * schema.get("minItems", 0)


def query_text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(query_text(v) for v in value) if isinstance(value, list) else str(value)


class Operation:
    def __init__(self, document, method, path, item):
        source = item[method]
        self.document, self.method, self.path = document, method.upper(), path
        self.id = source["operationId"]
        parameters = [document.follow(p) for p in item.get("parameters", []) + source.get("parameters", [])]
        self.args = [piece.split("}")[0] for piece in path.split("{")[1:]]
        self.query = {p["name"]: document.follow(p["schema"]) for p in parameters if p["in"] == "query"}
        self.headers = {p["name"]: document.follow(p["schema"]) for p in parameters if p["in"] == "header"}
        body = document.follow(source.get("requestBody"))
        self.content = body["content"] if body else {}
        self.body_required = bool(body and body.get("required"))
        self.responses = {k: document.follow(v) for k, v in source["responses"].items()}
        self.statuses = sorted(int(s) for s in self.responses if s != "default")
        self.roles, self.scope, self.demands = source["x-roles"], source.get("x-scope"), source.get("x-demands", [])

    @property
    def body_schema(self):
        return self.content["application/json"]["schema"] if "application/json" in self.content else None

    def example(self):
        media = self.content.get("application/json")
        if media is None:
            return None
        return copy.deepcopy(media["example"]) if "example" in media else self.document.sample(media["schema"])

    def target(self, args, query):
        path = self.path
        for name, value in zip(self.args, args):
            path = path.replace("{" + name + "}", urllib.parse.quote(value, safe="@"), 1)
        if isinstance(query, dict):
            query = urllib.parse.urlencode({k: query_text(v) for k, v in query.items()})
        return path + ("?" + query if query else "")

    def success(self):
        """The status of a call that works, not of a dry run."""
        found = [s for s in self.statuses if s < 300 and not (s == 200 and "dry_run" in self.query and any(204 >= t > 200 for t in self.statuses))]
        return found[0]


# ---- asking ----

class Local(http.client.HTTPConnection):
    """The admin socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=30 * SLOW)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body
        self.type = response.headers.get("Content-Type", "").split(";")[0]
        self.json = json.loads(body) if self.type in ("application/json", "application/problem+json") and body else None

    @property
    def code(self):
        return (self.json or {}).get("code")

    def __str__(self):
        return f"{self.status} {self.body[:400].decode('utf-8', 'replace')}"


class Walker:
    def __init__(self, instance):
        self.instance = instance
        self.connections = {}
        self.callers = {"local": {}, "nobody": {}}  # name: headers
        self.reached, self.faults = set(), []
        self.count = 0
        response, body = self.send("nobody", "GET", "/api/v1/openapi.json")
        assert response.status == 200, body
        self.document = Document(body)
        self.operations = self.document.operations

    def connection(self, caller):
        kind = "local" if caller == "local" else "https"
        if kind not in self.connections:
            self.connections[kind] = Local(f"{self.instance.dir}/run/admin.sock") if kind == "local" else \
                http.client.HTTPSConnection("127.0.0.1", self.instance.port["https"], timeout=30 * SLOW, source_address=(PROXY, 0), context=no_verify())
        return self.connections[kind]

    def send(self, caller, method, target, body=None, headers=None):
        headers = dict(self.callers[caller], **(headers or {}))
        headers = {name: value for name, value in headers.items() if value is not None}
        self.count += 1
        for last in (False, True):
            connection = self.connection(caller)
            try:
                connection.request(method, target, body, headers)
                response = connection.getresponse()
            except (OSError, http.client.BadStatusLine):  # kept alive for too long
                connection.close()
                if last:
                    raise
                continue
            if response.headers.get("Content-Type", "").startswith("text/event-stream"):
                first = response.read1(100)
                connection.close()
                return response, first
            return response, response.read()
        return None

    def call(self, name, *args, body=None, query=None, headers=None, caller=None, expect=None):
        """One call; its answer is held against the document. `body`: bytes as they are, else JSON. `expect`: a status, or several."""
        operation = self.operations[name]
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        caller = caller or ("owner" if "account" in operation.demands else "local")
        target = operation.target(args, query or {})
        response, got = self.send(caller, operation.method, target, body, headers)
        answer = Answer(response, got)
        what = f"{name} {operation.method} {target[:120]} {(body or b'')[:120]} by {caller}"
        self.check(operation, answer, what)
        expected = (expect,) if isinstance(expect, int) else expect
        if expected and answer.status not in expected:
            self.fault(f"{what}: expected {expect}, got {answer}")
        return answer

    def fault(self, text):
        self.faults.append(text)

    def check(self, operation, answer, what):
        documented = operation.responses.get(str(answer.status))
        if documented is None and answer.status in SHARED:
            documented = operation.responses.get("default")
        if documented is None:
            # A key whose first request still runs: said at the parameter.
            if not (answer.status == 409 and answer.code == "idempotency_in_flight" and "Idempotency-Key" in operation.headers):
                self.fault(f"{what}: undocumented answer {answer}")
            return
        self.reached.add((operation.id, answer.status))
        for name in documented.get("headers", {}):
            optional = name in ("Link", "Retry-After", "Idempotency-Replayed")
            if name not in answer.headers and not optional:
                dry = isinstance(answer.json, dict) and answer.json.get("dry_run")
                if not dry:
                    self.fault(f"{what}: no {name} with {answer.status}")
        content = documented.get("content", {})
        if not content:
            if answer.body:
                self.fault(f"{what}: a body was not documented: {answer}")
        elif answer.type not in content:
            self.fault(f"{what}: {answer.type} is not documented: {answer}")
        elif answer.json is not None:
            for fault in self.document.faults(content[answer.type]["schema"], answer.json)[:3]:
                if "fields=" not in what or not fault.endswith(": missing"):
                    self.fault(f"{what}: {answer.status}: {fault}: {answer}")
        if answer.status >= 400:
            self.check_problem(answer, what)

    def check_value(self, name, status, value):
        """What came another way is held against the same answer."""
        content = self.operations[name].responses[str(status)]["content"]["application/json"]
        for fault in self.document.faults(content["schema"], value):
            self.fault(f"{name}: {status}: {fault}")
        self.reached.add((name, status))

    def check_problem(self, answer, what):
        known = self.document.codes.get(answer.code)
        if not known or known.get("status", answer.status) != answer.status:
            self.fault(f"{what}: {answer.status} with code {answer.code}, which is not documented so")
            return
        if answer.json.get("status") != answer.status or not answer.json.get("type", "").endswith("/api/docs#" + answer.code):
            self.fault(f"{what}: status or type of the problem: {answer}")
        for error in answer.json.get("errors", []):
            if error.get("code") not in self.document.codes:
                self.fault(f"{what}: code {error.get('code')} is not documented")

    def over(self, check):
        """check(operation) for each; what goes wrong on the way there is a fault too."""
        for operation in sorted(self.operations.values(), key=lambda o: o.id):
            try:
                check(operation)
            except (AssertionError, AttributeError, KeyError, LookupError, TypeError) as error:
                self.fault(f"{operation.id}: {type(error).__name__}: {error}")
        self.end()

    def end(self):
        """Fails with what was found since the last time."""
        faults, self.faults = self.faults, []
        shown = "\n".join(faults[:60])
        assert not faults, f"{len(faults)} faults:\n{shown}"

    # ---- the matrix ----

    def missing(self):
        return [(o.id, s) for o in self.operations.values() for s in o.statuses if (o.id, s) not in self.reached]

    def matrix(self):
        """Operations by statuses: x reached, ? documented and not reached."""
        statuses = sorted({s for o in self.operations.values() for s in o.statuses})
        lines = [" " * 28 + " ".join(str(s) for s in statuses)]
        for o in sorted(self.operations.values(), key=lambda one: one.path):
            cells = ["   " if s not in o.statuses else " x " if (o.id, s) in self.reached else " ? " for s in statuses]
            lines.append(f"{o.id:28}" + " ".join(cells).rstrip())
        total = sum(len(o.statuses) for o in self.operations.values())
        lines.append(f"{len(self.operations)} operations, {total} documented statuses, {total - len(self.missing())} reached, {self.count} requests")
        return lines
