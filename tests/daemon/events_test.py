"""Server-sent events: what happens comes at once and in order, who comes back misses nothing, rights end the stream."""
import http.client
import json
import threading

import harness
from admin import UnixConnection, ask
from harness import SLOW, no_verify, shared, wait_until


def daemon():
    return shared(services=("mx", "submission", "submissions", "imap", "imaps", "https"))


class Watcher:
    """A stream, read on a thread of its own: events in the order in which they came."""

    def __init__(self, token=None, headers=None, query="", over_https=False):
        p = daemon()
        if token:
            headers = {"Host": p.hostname, "Authorization": f"Bearer {token}", **(headers or {})}
        if token or over_https:
            self.connection = http.client.HTTPSConnection("127.0.0.1", p.port["https"], context=no_verify(), timeout=60 * SLOW)
        else:
            self.connection = UnixConnection(f"{p.dir}/run/admin.sock")
        self.connection.request("GET", f"/api/v1/events{query}", headers=headers or {})
        self.response = self.connection.getresponse()
        self.events, self.lost, self.retry, self.last_id, self.over = [], [], None, None, False
        if self.response.status == 200:
            assert self.response.headers["Content-Type"] == "text/event-stream", self.response.headers
            self.socket = self.connection.sock
            self.thread = threading.Thread(target=self.read, daemon=True)
            self.thread.start()
            wait_until(lambda: self.retry, 10, "the stream begins")

    def read(self):
        name, data = "message", None
        try:
            while (line := self.response.readline()):
                field, _, rest = line.rstrip(b"\n").decode().partition(": ")
                if line == b"\n":
                    if data is not None:
                        (self.lost if name == "lost" else self.events).append(json.loads(data))
                    name, data = "message", None
                elif field == "id":
                    self.last_id = rest
                elif field == "data":
                    assert data is None, "data is one line"
                    data = rest
                elif field == "event":
                    name = rest
                elif field == "retry":
                    self.retry = int(rest)
        except (OSError, ValueError, http.client.HTTPException, AttributeError):
            pass
        self.over = True

    def types(self):
        return [e["type"] for e in self.events]

    def wait(self, type, **fields):
        def found():
            return next((e for e in self.events if e["type"] == type and all(e.get(k) == v or e["data"].get(k) == v for k, v in fields.items())), None)
        return wait_until(found, 15, lambda: f"{type} {fields}: {self.events[-5:]}\n{daemon().log_tail(4)}")

    def close(self):
        self.connection.close()


class Session:
    """Somebody logged in: what is for people only."""

    def __init__(self, account="alice@example.org"):
        p = daemon()
        self.connection = http.client.HTTPSConnection("127.0.0.1", p.port["https"], context=no_verify(), timeout=30 * SLOW)
        self.headers = {"Host": p.hostname, "Content-Type": "application/json", "Origin": f"https://{p.hostname}"}
        response, session = self.request("POST", "/api/v1/session", {"login": account, "password": harness.PASSWORD})
        self.headers["Cookie"] = response.headers["Set-Cookie"].split(";")[0]
        self.headers["X-CSRF-Token"] = session["csrf_token"]

    def request(self, method, path, body=None):
        self.connection.request(method, path, json.dumps(body) if body is not None else None, self.headers)
        response = self.connection.getresponse()
        text = response.read()
        assert response.status in (200, 201, 204), (path, response.status, text[:300])
        return response, json.loads(text) if text else None

    def ask(self, *request):
        return self.request(*request)[1]


def token(scopes=("events:read",)):
    return Session().ask("POST", "/api/v1/tokens", {"label": "watch", "scopes": list(scopes)})


def make_user(name):
    ask(daemon(), "POST", "/api/v1/users", {"address": name, "password": harness.PASSWORD}, expect=201)


def test_what_happens_comes_at_once_and_in_order():
    w = Watcher()
    make_user("carol@example.org")
    daemon().send(to=["carol"])
    w.wait("user.changed", subject="carol@example.org", verb="create", domain="example.org")
    received = w.wait("message.received", recipient="carol@example.org")
    delivered = w.wait("message.delivered", recipient="carol@example.org")
    ids = [e["id"] for e in w.events]
    assert ids == sorted(ids) and received["subject"] == delivered["subject"] and received["id"] < delivered["id"]
    w.close()


def test_types_choose():
    w = Watcher(query="?types=user.*,message.rejected")
    make_user("dave@example.org")
    daemon().send(to=["dave"])
    make_user("erin@example.org")
    w.wait("user.changed", subject="erin@example.org")
    assert set(w.types()) == {"user.changed"}, w.types()
    w.close()
    assert Watcher(query="?types=nothing.*").response.status == 400


def test_who_comes_back_misses_nothing():
    w = Watcher()
    make_user("frank@example.org")
    last = w.wait("user.changed", subject="frank@example.org")["id"]
    w.close()
    make_user("grace@example.org")
    make_user("heidi@example.org")
    again = Watcher(headers={"Last-Event-ID": str(last)})
    again.wait("user.changed", subject="heidi@example.org")
    ids = [e["id"] for e in again.events]
    assert ids == list(range(last + 1, last + 1 + len(ids))) and not again.lost, ids
    again.close()
    late = Watcher(query=f"?after={last}")
    late.wait("user.changed", subject="grace@example.org")
    late.close()


def test_what_is_behind_thousands_of_other_events_comes_before_the_next_heartbeat():
    w = Watcher()
    make_user("many0@example.org")
    first = w.wait("user.changed", subject="many0@example.org")["id"]
    w.close()
    sheet = "address,targets\n" + "".join(f"many{n}@example.org,bob@example.org\n" for n in range(1, 5001))
    daemon().cli("alias", "import", "-", input=sheet)
    make_user("behind@example.org")
    again = Watcher(query=f"?after={first}&types=user.*")
    wait_until(lambda: any(e["subject"] == "behind@example.org" for e in again.events), 10, "the event behind the others")  # a heartbeat comes after 15 s
    assert again.events[-1]["id"] > first + 4000, (first, again.events)
    again.close()


def test_nothing_is_lost_over_a_restart():
    w = Watcher()
    make_user("ivan@example.org")
    w.wait("user.changed", subject="ivan@example.org")
    daemon().stop()
    wait_until(lambda: w.over, 10, "the stream ends with the daemon")
    daemon().start()
    make_user("judy@example.org")
    again = Watcher(headers={"Last-Event-ID": w.last_id})
    again.wait("user.changed", subject="judy@example.org")
    ids = [int(w.last_id)] + [e["id"] for e in again.events]
    assert ids == list(range(ids[0], ids[0] + len(ids))) and not again.lost, (ids, again.lost)
    assert "daemon.started" in again.types(), again.types()
    again.close()


def test_after_a_crash_no_number_comes_twice():
    w = Watcher()
    make_user("kim@example.org")
    w.wait("user.changed", subject="kim@example.org")
    daemon().kill()
    daemon().start()
    again = Watcher(headers={"Last-Event-ID": w.last_id})
    make_user("leo@example.org")
    e = again.wait("user.changed", subject="leo@example.org")
    assert e["id"] > int(w.last_id)
    assert again.lost, "what a crash may have taken is told"
    again.close()


def test_a_number_that_was_never_given_is_told_as_lost():
    w = Watcher(headers={"Last-Event-ID": "4611686018427387904"})
    wait_until(lambda: w.lost, 10, "lost is told")
    make_user("mallory@example.org")
    w.wait("user.changed", subject="mallory@example.org")
    w.close()
    assert Watcher(headers={"Last-Event-ID": "x"}).response.status == 400


def test_a_token_watches_over_https_until_it_is_revoked():
    made = token()
    w = Watcher(token=made["token"])
    assert w.response.status == 200
    make_user("nina@example.org")
    w.wait("user.changed", subject="nina@example.org")
    ask(daemon(), "DELETE", "/api/v1/users/nina@example.org", expect=204)
    w.wait("user.changed", verb="delete")
    Session().ask("DELETE", f"/api/v1/tokens/{made['id']}")
    wait_until(lambda: w.over, 40, "the stream ends with the token")


def test_a_domain_admin_hears_of_the_own_domain_only_and_as_long_as_they_are_one():
    ask(daemon(), "POST", "/api/v1/domains", {"name": "other.example"}, expect=201)
    make_user("admin@other.example")
    session = Session()
    session.ask("POST", "/api/v1/admins", {"user": "admin@other.example", "role": "domain_admin", "domains": ["other.example"]})
    w = Watcher(headers=Session("admin@other.example").headers, over_https=True)
    assert w.response.status == 200, w.response.read()
    make_user("theirs@example.org")
    daemon().send(to=["theirs"])
    make_user("ours@other.example")
    w.wait("user.changed", subject="ours@other.example")
    assert {e["domain"] for e in w.events} == {"other.example"}, w.events
    session.ask("PATCH", "/api/v1/admins/admin@other.example", {"role": "auditor", "domains": []})
    wait_until(lambda: w.over, 40, "the stream ends with the role")


def test_without_the_scope_there_is_no_stream():
    assert Watcher(token=token(scopes=("users:read",))["token"]).response.status == 403


harness.run(globals())
