"""The world in which operations are called: an instance with callers of every kind, and makers of what a path can name."""
import subprocess
import tempfile

import contract
import harness
from harness import PASSWORD, wait_until

SERVICES = ("mx", "submission", "imap", "https")


class World(contract.Walker):
    """VALID requests by operation: valid(name) gives args, body, query and headers of a call that works."""

    def __init__(self, instance):
        super().__init__(instance)
        self.counter, self.away = 0, None
        self.requests = dict(REQUESTS)
        self.call("settings_update", body={"api_requests_per_minute": self.fastest()}, headers=self.condition("settings_list"), expect=200)
        self.call("relay_put", "*", body={"host": "127.0.0.1", "port": harness.free_port(), "tls": "none"}, expect=(200, 201))  # nobody listens: mail waits
        self.callers["owner"] = self.log_in("alice@example.org")
        self.person = self.user()
        self.callers["user"] = self.log_in(self.person)
        self.callers["token"] = self.bearer(self.scopes())
        self.callers["few"] = self.bearer(["jobs:read"])
        self.callers["fewer"] = self.bearer(["audit:read"])

    # ---- callers ----

    def fastest(self):
        rules = {s["name"]: s for s in self.call("settings_list", expect=200).json["data"]}
        return rules["api_requests_per_minute"]["maximum"]

    def scopes(self):
        return sorted({o.scope for o in self.operations.values() if o.scope})

    def log_in(self, address, password=PASSWORD):
        answer = self.call("session_create", body={"login": address, "password": password}, caller="nobody", expect=(200, 201))
        cookie = answer.headers["Set-Cookie"].split(";")[0]
        return {"Cookie": cookie, "X-CSRF-Token": answer.json["csrf_token"]}

    def bearer(self, scopes):
        answer = self.call("token_create", body={"label": self.name("token"), "scopes": scopes}, caller="owner", expect=201)
        return {"Authorization": "Bearer " + answer.json["token"]}

    # ---- things ----

    def name(self, what):
        self.counter += 1
        return f"{what}{self.counter}"

    def condition(self, getter, *args):
        return {"If-Match": self.call(getter, *args, expect=200).headers["ETag"]}

    def domain(self):
        name = self.name("d") + ".example"
        self.call("domain_create", body={"name": name}, expect=201)
        return name

    def user(self):
        address = self.name("u") + "@example.org"
        self.call("user_create", body={"address": address, "password": PASSWORD}, expect=201)
        return address

    def alias(self):
        address = self.name("a") + "@example.org"
        self.call("alias_create", body={"address": address, "targets": ["alice@example.org"]}, expect=201)
        return address

    def relay(self):
        domain = self.name("r") + ".example"
        self.call("relay_put", domain, body={"host": "127.0.0.1", "port": 9, "tls": "none"}, expect=201)
        return domain

    def queued(self):
        """The id of a message that waits."""
        if not self.away:
            self.away = self.name("away") + "@example.org"
            self.call("alias_create", body={"address": self.away, "targets": ["x@elsewhere.example"]}, expect=201)
        sender = self.name("s") + "@sender.example"
        self.instance.send(sender=sender, to=[self.away], body="Subject: waits\r\n\r\nhello\r\n")
        return wait_until(lambda: [m["id"] for m in self.call("queue_list", query={"from": sender}, expect=200).json["data"]], 10, "a message waits")[0]

    def message(self):
        """The id of a message in the trace."""
        sender = self.name("s") + "@sender.example"
        self.instance.send(sender=sender, to=["alice"])
        return wait_until(lambda: [m["id"] for m in self.call("messages_list", query={"sender": sender}, expect=200).json["data"]], 10, "the trace knows the message")[0]

    def webhook(self):
        return self.call("webhook_create", body={"url": "https://127.0.0.1:9/hook", "types": ["message.*"]}, expect=201).json["id"]

    def delivery(self):
        hook = self.webhook()
        self.call("webhook_test", hook, expect=202)
        return hook, wait_until(lambda: [d["id"] for d in self.call("webhook_deliveries_list", hook, expect=200).json["data"]], 10, "a delivery is listed")[0]

    def certificate(self):
        return self.certificate_named(self.name("c") + ".example.org")

    def certificate_named(self, name):
        self.call("certificate_put", name, body=self.pair(name), expect=(200, 201))
        return name

    @staticmethod
    def pair(name):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([harness.tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{folder}/key", "-out", f"{folder}/chain",
                            "-days", "30", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"], check=True, capture_output=True)
            with open(f"{folder}/chain", encoding="ascii") as chain, open(f"{folder}/key", encoding="ascii") as key:
                return {"chain_pem": chain.read(), "key_pem": key.read()}

    def job(self):
        return self.call("queue_bulk", body={"action": "retry", "filter": {"to": "*@nowhere.example"}}, expect=202).json["id"]

    def submitter(self):
        uid = str(20000 + int(self.name("")))
        self.call("submitter_put", uid, body={"sender": "alice@example.org", "remote": False}, expect=201)
        return uid

    def app_password_of_user(self):
        """(user, id of an app password)"""
        address = self.user()
        made = self.call("me_app_password_create", body={"label": self.name("phone")}, caller=self.caller(address), expect=201)
        return address, made.json["id"]

    def caller(self, address):
        """A caller that is logged in as this user."""
        self.callers.setdefault(address, self.log_in(address))
        return address

    def valid(self, name):
        operation = self.operations[name]
        made = self.requests.get(name, lambda w: {})(self)
        made.setdefault("args", ())
        if operation.body_schema is not None:
            made.setdefault("body", operation.example())
        return made

    def call_valid(self, name, **changes):
        made = self.valid(name)
        args = changes.pop("args", made.pop("args"))
        headers = dict(made.pop("headers", {}), **changes.pop("headers", {}))
        query = dict(made.pop("query", {}), **changes.pop("query", {}))
        made.update(changes)
        return self.call(name, *args, headers=headers, query=query, **made)


def one(maker):
    return lambda w: {"args": (getattr(w, maker)(),)}


def certificate(w):
    name = w.name("c") + ".example.org"
    return {"args": (name,), "body": w.pair(name)}


# What a call that works needs beyond the example of its body.
REQUESTS = {
    "domain_create": lambda w: {"body": {"name": w.name("d") + ".example"}},
    "domain_get": one("domain"),
    "domain_put": lambda w: {"args": (w.name("d") + ".example",)},
    "domain_delete": one("domain"),
    "user_create": lambda w: {"body": {"address": w.name("u") + "@example.org", "password": PASSWORD}},
    "user_get": one("user"),
    "user_put": lambda w: {"args": (w.name("u") + "@example.org",), "body": {"name": "New"}},
    "user_update": one("user"),
    "user_delete": one("user"),
    "user_password_set": one("user"),
    "user_app_passwords_list": one("user"),
    "user_app_password_delete": lambda w: {"args": w.app_password_of_user()},
    "user_sessions_revoke": one("user"),
    "user_second_factor_reset": one("user"),
    "users_bulk": lambda w: {"body": {"action": "suspend", "users": [w.user()]}},
    "users_import": lambda w: {"body": {"users": [{"address": w.name("u") + "@example.org", "name": "Bob"}]}},
    "alias_create": lambda w: {"body": {"address": w.name("a") + "@example.org", "targets": ["alice@example.org"]}},
    "alias_get": one("alias"),
    "alias_put": lambda w: {"args": (w.name("a") + "@example.org",)},
    "alias_update": one("alias"),
    "alias_delete": one("alias"),
    "aliases_bulk": lambda w: {"body": {"action": "delete", "aliases": [w.alias()]}},
    "aliases_import": lambda w: {"body": {"aliases": [{"address": w.name("a") + "@example.org", "targets": ["alice@example.org"]}]}},
    "relay_get": one("relay"),
    "relay_put": lambda w: {"args": (w.name("r") + ".example",)},
    "relay_delete": one("relay"),
    "settings_update": lambda w: {"headers": w.condition("settings_list")},
    "certificate_get": one("certificate"),
    "certificate_put": certificate,
    "certificate_delete": one("certificate"),
    "queue_get": one("queued"),
    "queue_retry": one("queued"),
    "queue_delete": one("queued"),
    "message_get": one("message"),
    "webhook_get": one("webhook"),
    "webhook_update": one("webhook"),
    "webhook_delete": one("webhook"),
    "webhook_rotate_secret": one("webhook"),
    "webhook_test": one("webhook"),
    "webhook_deliveries_list": lambda w: {"args": w.delivery()[:1]},
    "webhook_redeliver": lambda w: {"args": w.delivery()},
    "job_get": one("job"),
    "job_items_list": one("job"),
    "job_cancel": one("job"),
    "submitter_put": lambda w: {"args": (str(30000 + int(w.name(""))),)},
    "submitter_delete": one("submitter"),
}
