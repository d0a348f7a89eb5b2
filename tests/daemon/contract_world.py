"""The world in which operations are called: an instance with callers of every kind, and makers of what a path can name."""
import contract
import contract_keys
import harness
from harness import PASSWORD, wait_until

SERVICES = ("mx", "submission", "imap", "https")
CONF = f"proxy_from = {contract.PROXY}"  # so that a request can come from elsewhere; mail comes from 127.0.0.1 itself
HOST = "mail.example.org"


def instance():
    return harness.shared(users=["alice", "bob"], services=SERVICES, conf=CONF)


class World(contract.Walker):
    """VALID requests by operation: valid(name) gives args, body, query and headers of a call that works."""

    def __init__(self, instance):
        super().__init__(instance)
        self.counter, self.away, self.traced = 0, None, None
        self.requests = dict(REQUESTS)
        self.call("settings_update", body={"api_requests_per_minute": self.fastest(), "webhooks_to_private_addresses": True}, headers=self.condition("settings_list"), expect=200)
        self.call("relay_put", "*", body={"host": "127.0.0.1", "port": harness.free_port(), "tls": "none"}, expect=(200, 201))  # nobody listens: mail waits
        self.callers["owner"] = self.log_in("alice@example.org")
        self.person = self.user()
        self.callers["user"] = self.log_in(self.person)
        self.other = self.user()  # whose sessions come and go
        self.callers["token"] = self.bearer(self.scopes())
        self.callers["few"] = self.bearer(["jobs:read"])
        self.callers["fewer"] = self.bearer(["audit:read"])
        self.call("certificate_put", HOST, body=contract_keys.from_authority(HOST), expect=(200, 201))
        self.at_host = {"Host": f"{HOST}:{instance.port['https']}"}
        self.origin = "https://" + self.at_host["Host"]

    # ---- callers ----

    def rule(self, name):
        """What a setting may be."""
        return next(s for s in self.call("settings_list", expect=200).json["data"] if s["name"] == name)

    def fastest(self):
        return self.rule("api_requests_per_minute")["maximum"]

    def scopes(self):
        return sorted({o.scope for o in self.operations.values() if o.scope})

    def log_in(self, address):
        answer = self.call("session_create", body={"login": address, "password": PASSWORD}, caller="nobody", expect=201)
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

    def grant(self):
        """The id of one that `other` has made."""
        return self.call("user_grant_set", self.other, body={"grantee": self.user(), "rights": "read"}, expect=201).json["id"]

    def alias(self):
        address = self.name("a") + "@example.org"
        self.call("alias_create", body={"address": address, "targets": ["alice@example.org"]}, expect=201)
        return address

    def relay(self):
        domain = self.name("r") + ".example"
        self.call("relay_put", domain, body={"host": "127.0.0.1", "port": 9, "tls": "none"}, expect=201)
        return domain

    def tls_rule(self):
        domain = self.name("t") + ".example"
        self.call("tls_rule_put", domain, body={"mode": "encrypt"}, expect=201)
        return domain

    def queued(self):
        """The id of a message that waits."""
        if not self.away:
            self.away = self.name("away") + "@example.org"
            self.call("alias_create", body={"address": self.away, "targets": ["x@elsewhere.example"]}, expect=201)
        sender = self.name("s") + "@sender.example"
        self.instance.send(sender=sender, to=[self.away], body="Subject: waits\r\n\r\nhello\r\n")
        return wait_until(lambda: [m["id"] for m in self.call("queue_list", query={"from": sender}, expect=200).json["data"]], 10, "a message waits")[0]

    def sent_to(self, domain, state):
        """The id of a message to that domain, once its recipient is in this state after (or in) the first attempt."""
        alias, sender = self.name("away") + "@example.org", self.name("s") + "@sender.example"
        self.call("alias_create", body={"address": alias, "targets": [f"x@{domain}"]}, expect=201)
        self.instance.send(sender=sender, to=[alias], body="Subject: waits\r\n\r\nhello\r\n")

        def there():
            found = self.call("queue_list", query={"from": sender}, expect=200).json["data"]
            return [m["id"] for m in found if all(r["state"] == state and (r["attempts"] or state == "active") for r in m["recipients"])]

        return wait_until(there, 20, f"a message to {domain} is {state}")[0]

    def resting(self):
        """The id of a message whose first attempt is over: nobody is at work on it."""
        domain = self.name("nowhere") + ".example"  # with a hop of its own: behind one that others have failed at it would have to wait for its turn
        self.call("relay_put", domain, body={"host": "127.0.0.1", "port": harness.free_port(), "tls": "none"}, expect=201)
        return self.sent_to(domain, "waiting")

    def held(self):
        """The id of a message that is held."""
        message = self.resting()
        self.call("queue_hold", message, expect=204)
        return message

    def paused(self):
        """A next hop that is paused."""
        name = self.name("p") + ".example:25"
        self.call("destination_pause_put", name, body={"reason": "a test"}, expect=201)
        return name

    def hold_rule(self):
        return self.call("hold_rule_create", body={"sender": self.name("h") + "@held.example"}, expect=201).json["id"]

    def suppressed(self):
        address = self.name("x") + "@elsewhere.example"
        self.call("suppression_put", address, body={}, expect=201)
        return address

    def stopped(self):
        """A user who may not send."""
        address = self.user()
        self.call("sender_stop", address, body={"detail": "a test"}, expect=200)
        return address

    def message(self):
        """The id of a message in the trace, which is written once a second."""
        if not self.traced:
            sender = self.name("s") + "@sender.example"
            self.instance.send(sender=sender, to=["alice"])
            self.traced = wait_until(lambda: [m["id"] for m in self.call("messages_list", query={"sender": sender}, expect=200).json["data"]], 10, "the trace knows the message")[0]
        return self.traced

    def webhook(self):
        return self.call("webhook_create", body={"url": "https://127.0.0.1:9/hook", "types": ["message.*"]}, expect=201).json["id"]

    def delivery(self):
        hook = self.webhook()
        self.call("webhook_test", hook, expect=202)
        return hook, wait_until(lambda: [d["id"] for d in self.call("webhook_deliveries_list", hook, expect=200).json["data"]], 10, "a delivery is listed")[0]

    def certificate(self):
        made = certificate(self)
        self.call("certificate_put", *made["args"], body=made["body"], expect=201)
        return made["args"][0]

    def job(self):
        return self.call("queue_bulk", body={"action": "retry", "filter": {"to": "*@nowhere.example"}}, expect=202).json["id"]

    def long_job(self):
        return self.call("queue_bulk", body={"action": "retry", "ids": [f"01a202f4a50e7aa7557036ee{n:08}" for n in range(10000)]}, expect=202).json["id"]

    def settle(self):
        """Until no job is at work."""
        wait_until(lambda: all(j["state"] not in ("waiting", "running") for j in self.call("jobs_list", expect=200).json["data"]), 20, "the jobs are done")

    def submitter(self):
        uid = str(20000 + int(self.name("")))
        self.call("submitter_put", uid, body={"sender": "alice@example.org", "remote": False}, expect=201)
        return uid

    def token(self):
        return self.call("token_create", body={"label": self.name("token"), "scopes": ["jobs:read"]}, caller="owner", expect=201).json["id"]

    def admin(self):
        address = self.user()
        self.call("admin_create", body={"user": address, "role": "auditor"}, expect=201)
        return address

    def visitor(self, address=None):
        """A caller with a new session of this user, or of a new one."""
        name = self.name("visitor")
        self.callers[name] = self.log_in(address or self.user())
        return name

    def app_password(self, caller):
        return self.call("me_app_password_create", body={"label": self.name("phone"), "protocols": ["imap"]}, caller=caller, expect=201).json["id"]

    def refusal(self):
        """Somebody elsewhere guesses: what is delayed is listed, before it is refused."""
        far = f"198.51.{int(self.name('')) % 250}.1"
        self.call("session_create", body={"login": self.name("nobody") + "@example.org", "password": "wrong"}, caller="nobody", headers={"X-Forwarded-For": far}, expect=401)
        return [r["id"] for r in self.call("refusals_list", query={"limit": 500}, expect=200).json["data"] if r["network"] and r["network"].startswith(far[:-1])][0]

    def with_codes(self):
        """A caller whose one-time codes are asked for and not confirmed, and the secret."""
        caller = self.visitor()
        return caller, self.call("me_totp_create", caller=caller, expect=201).json["secret"]

    def with_second_factor(self):
        caller, secret = self.with_codes()
        self.call("me_totp_confirm", body={"code": contract_keys.one_time_code(secret)}, caller=caller, expect=200)
        return caller

    def passkey_made(self, caller):
        """The body of a registration, and the key."""
        key = contract_keys.Passkey(HOST, self.origin)
        options = self.call("me_passkey_options", caller=caller, headers=self.at_host, expect=200).json["public_key"]
        return dict(key.register(options["challenge"]), label=self.name("key")), key, options["user"]["id"]

    def passkey(self):
        """(caller, id of a key, the key, user handle)"""
        caller = self.visitor()
        body, key, handle = self.passkey_made(caller)
        made = self.call("me_passkey_create", body=body, caller=caller, headers=self.at_host, expect=201)
        return caller, made.json["id"], key, handle

    def valid(self, name):
        """What a call that works needs: args, body, query, headers, caller."""
        operation = self.operations[name]
        made = self.requests.get(name, lambda w: {})(self)
        for part, empty in (("args", ()), ("query", {}), ("headers", {}), ("body", operation.example()), ("caller", None)):
            made.setdefault(part, empty)
        return made

    def use(self, name, made, **changes):
        """A call with what valid() gave, and changes; of query and headers, additions."""
        made = dict(made, **{k: v for k, v in changes.items() if k not in ("query", "headers")})
        made["headers"] = dict(made["headers"], **changes.get("headers", {}))
        query = changes.get("query", {})
        made["query"] = query if isinstance(query, str) else dict(made["query"], **query)
        return self.call(name, *made.pop("args"), **made)


def one(maker):
    return lambda w: {"args": (getattr(w, maker)(),)}


def certificate(w):
    name = w.name("c") + ".example.org"
    return {"args": (name,), "body": contract_keys.self_signed(name)}


def of_visitor(arguments=lambda w, caller: ()):
    """On a session of its own, that may end with it."""
    def make(w):
        caller = w.visitor(w.other)
        return {"caller": caller, "args": arguments(w, caller)}
    return make


def own_session(w, caller):
    other = w.visitor(w.other)
    return (w.call("session_get", caller=other, expect=200).json["id"],)


def app_password_of_user(w):
    caller = w.visitor(w.other)
    return {"args": (w.other, w.app_password(caller))}


def codes(w):
    caller, secret = w.with_codes()
    return {"caller": caller, "body": {"code": contract_keys.one_time_code(secret)}}


def passkey_registration(w):
    caller = w.visitor()
    return {"caller": caller, "body": w.passkey_made(caller)[0], "headers": w.at_host}


def passkey_of_one(w):
    caller, key, _, _ = w.passkey()
    return {"caller": caller, "args": (key,), "headers": w.at_host}


def passkey_login(w):
    _, _, key, handle = w.passkey()
    challenge = w.call("session_passkey_options", caller="nobody", headers=w.at_host, expect=200).json["public_key"]["challenge"]
    return {"caller": "nobody", "body": key.assert_(challenge, handle), "headers": w.at_host}


def apply(w):
    document = {"version": 1, "aliases": [{"address": w.name("a") + "@example.org", "targets": ["alice@example.org"]}]}
    w.settle()
    return {"body": document, "headers": w.condition("export_get")}


# What a call that works needs beyond the example of its body.
REQUESTS = {
    "setup_create": lambda w: {"caller": "local"},
    "domain_create": lambda w: {"body": {"name": w.name("d") + ".example"}},
    "domain_get": one("domain"),
    "domain_put": lambda w: {"args": (w.name("d") + ".example",)},
    "domain_update": one("domain"),
    "domain_delete": one("domain"),
    "user_create": lambda w: {"body": {"address": w.name("u") + "@example.org", "password": PASSWORD}},
    "user_get": one("user"),
    "user_put": lambda w: {"args": (w.name("u") + "@example.org",), "body": {"name": "New", "quota": {"bytes": 2 << 30, "messages": 0}, "imap_disabled": ["IDLE"], "protocols_disabled": ["pop3"]}},
    "user_update": one("user"),
    "user_delete": one("user"),
    "user_password_set": one("user"),
    "user_app_passwords_list": one("user"),
    "user_app_password_delete": app_password_of_user,
    "user_sessions_revoke": one("user"),
    "user_second_factor_reset": one("user"),
    "user_check_get": one("user"),
    "user_grants_list": one("user"),
    "user_granted_list": one("user"),
    "user_grant_set": lambda w: {"args": (w.other,), "body": {"mailbox": "INBOX", "grantee": w.user(), "rights": "read"}},
    "user_grant_delete": lambda w: {"args": (w.other, w.grant())},
    "me_grant_set": lambda w: {"caller": "user", "body": {"mailbox": "INBOX", "grantee": w.user(), "rights": "read"}},
    "me_grant_delete": of_visitor(lambda w, caller: (w.grant(),)),
    "checks_create": lambda w: {"body": {"accounts": [w.user()]}},
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
    "tls_rule_get": one("tls_rule"),
    "tls_rule_put": lambda w: {"args": (w.name("t") + ".example",)},
    "tls_rule_delete": one("tls_rule"),
    "settings_update": lambda w: {"headers": w.condition("settings_list")},
    "certificate_get": one("certificate"),
    "certificate_put": certificate,
    "certificate_delete": one("certificate"),
    "queue_list": lambda w: {"query": {"from": "nobody@sender.example"}},  # what waits is in motion
    "queue_get": one("queued"),
    "queue_history_list": lambda w: {"query": {"sender": "nobody@sender.example"}},
    "queue_retry": one("resting"),
    "queue_hold": one("resting"),
    "queue_release": one("held"),
    "queue_bounce": one("resting"),
    "queue_route": one("resting"),
    "queue_expire": lambda w: {"args": (w.resting(),), "body": {"expires_at": contract.in_time(86400)}},
    "queue_delete": one("resting"),
    "destinations_list": lambda w: {"query": {"paused": True}},
    "destination_get": one("paused"),
    "destination_pause_put": lambda w: {"args": (w.name("p") + ".example:25",)},
    "destination_pause_delete": one("paused"),
    "hold_rule_create": lambda w: {"body": {"sender": "*@" + w.name("h") + ".example", "apply_now": True}},
    "hold_rule_get": one("hold_rule"),
    "hold_rule_delete": one("hold_rule"),
    "suppression_get": one("suppressed"),
    "suppression_put": lambda w: {"args": (w.name("x") + "@elsewhere.example",)},
    "suppression_delete": one("suppressed"),
    "sender_get": lambda w: {"args": (w.person,)},
    "sender_stop": one("user"),
    "sender_release": one("stopped"),
    "sender_purge": one("stopped"),
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
    "job_cancel": one("long_job"),
    "session_create": lambda w: {"caller": "nobody", "body": {"login": w.person, "password": PASSWORD}},
    "session_delete": of_visitor(),
    "session_prove": lambda w: {"body": {"password": PASSWORD}},
    "session_passkey_options": lambda w: {"caller": "nobody", "headers": w.at_host},
    "session_passkey_create": passkey_login,
    "me_password_set": lambda w: {"caller": w.visitor(), "body": {"current_password": PASSWORD, "password": PASSWORD + "2"}},
    "me_sessions_revoke": of_visitor(),
    "me_forwards_put": of_visitor(),
    "me_session_delete": of_visitor(own_session),
    "me_app_password_create": lambda w: {"caller": "user", "body": {"label": w.name("phone"), "protocols": ["imap"]}},
    "me_app_password_delete": of_visitor(lambda w, caller: (w.app_password(caller),)),
    "me_totp_create": lambda w: {"caller": w.visitor()},
    "me_totp_confirm": codes,
    "me_totp_delete": lambda w: {"caller": w.with_second_factor()},
    "me_recovery_codes_create": lambda w: {"caller": w.with_second_factor()},
    "me_passkey_options": lambda w: {"caller": "user", "headers": w.at_host},
    "me_passkey_create": passkey_registration,
    "me_passkey_delete": passkey_of_one,
    "token_create": lambda w: {"caller": "owner", "body": {"label": w.name("token"), "scopes": ["users:read"]}},
    "token_get": one("token"),
    "token_delete": one("token"),
    "admin_create": lambda w: {"body": {"user": w.user(), "role": "auditor"}},
    "admin_get": one("admin"),
    "admin_update": one("admin"),
    "admin_delete": one("admin"),
    "refusal_delete": one("refusal"),
    "message_send": lambda w: {"caller": "owner"},
    "apply_create": apply,
    "submitter_put": lambda w: {"args": (str(30000 + int(w.name(""))),)},
    "submitter_delete": one("submitter"),
}
