"""The work that is disturbed: what is prepared, what is done, what it promises. And the three ways of disturbing it at operation N.

A scenario prepares a template (class Template calls prepare), is made ready in a lab before the shim is armed, and acts.
"""
import contextlib
import errno

import lab
from admin import ask
from lab import ACKED, REFUSED, UNKNOWN, harness

AGAIN_SECONDS = 10
MOST = 40  # places of the lesser disturbances in a full run


class Scenario:
    users = ("alice", "bob")

    def prepare(self, template):
        """Both accounts are there, with a message each: opened, not made, in the runs."""
        self.greet(template, ("alice", "bob"))

    def greet(self, template, users):
        token, message = lab.make_message()
        state, reply = lab.smtp_send(template.instance.port["mx"], message, [f"{u}@example.org" for u in users])
        assert state == ACKED, reply
        template.ledger.promise(token, [(u, "INBOX") for u in users], ACKED)

    def ready(self, run):
        """Before the shim is armed; what it returns is given to act and closed at the end."""
        return contextlib.nullcontext()

    def act(self, run, helper):
        """Works, writes promises into run.ledger; the daemon may die or fail at any moment."""
        raise NotImplementedError

    def after_restart(self, run):
        pass

    def name(self):
        return type(self).__name__


class Accept(Scenario):
    """A message from outside, its delivery, and what is cleaned up behind it."""

    recipients, places = ("bob@example.org",), (("bob", "INBOX"),)

    def __init__(self, size=300):
        self.size = size

    def name(self):
        return f"{type(self).__name__} of {self.size} bytes"

    def act(self, run, helper):
        token, message = lab.make_message(self.size)
        run.ledger.promise(token, self.places, UNKNOWN)
        state, reply = lab.smtp_send(run.instance.port["mx"], message, self.recipients)
        run.ledger.promise(token, self.places, state)
        if state == REFUSED:
            assert reply[:3] in ("421", "451", "452"), f"a disk that fails is a temporary failure: {reply}"
        return state


class AcceptForAlias(Accept):
    """One message for two accounts through an alias."""

    recipients, places = ("team@example.org",), (("alice", "INBOX"), ("bob", "INBOX"))

    def prepare(self, template):
        template.instance.cli("alias", "add", "team@example.org", "alice@example.org", "bob@example.org")
        super().prepare(template)


class FirstDelivery(Accept):
    """The account's folder and database are made on the way."""

    def prepare(self, template):
        self.greet(template, ("alice",))


class Append(Scenario):
    def __init__(self, size=300):
        self.size = size

    def name(self):
        return f"Append of {self.size} bytes"

    def ready(self, run):
        return lab.Imap(run.instance)

    def act(self, run, helper):
        token, message = lab.make_message(self.size)
        place = [("bob", "Sent")]
        run.ledger.promise(token, place, UNKNOWN)
        status = helper.command("APPEND Sent (\\Seen)", message)
        assert status in ("OK", "NO", None), status
        state = {"OK": ACKED, "NO": REFUSED, None: UNKNOWN}[status]
        run.ledger.promise(token, place, state)
        return state


class AppendMany(Scenario):
    """Three messages in one command, a large one among them: all of them or none."""

    def ready(self, run):
        return lab.Imap(run.instance)

    def act(self, run, helper):
        made = [lab.make_message(size) for size in (300, lab.LARGE, 300)]
        place = ("bob", "Sent")
        run.tokens = [token for token, _ in made]
        for token in run.tokens:
            run.ledger.promise(token, [place], UNKNOWN)
        status = helper.command("APPEND Sent", *(message for _, message in made))
        assert status in ("OK", "NO", None), status
        state = {"OK": ACKED, "NO": REFUSED, None: UNKNOWN}[status]
        for token in run.tokens:
            run.ledger.promise(token, [place], state)
        return state

    def after_restart(self, run):
        found = lab.look(run.instance, run.template.users)
        there = [found.get((token, ("bob", "Sent")), 0) for token in run.tokens]
        assert there in ([0, 0, 0], [1, 1, 1]), f"of three messages in one command there are {there}"


class Replace(Scenario):
    """A message of `old` bytes makes way for one of `new`: at every moment one of the two is there."""

    place = ("bob", "Sent")

    def __init__(self, old=300, new=300):
        self.old, self.new = old, new

    def name(self):
        return f"Replace of {self.old} bytes by {self.new}"

    def prepare(self, template):
        self.greet(template, ("alice",))
        self.gone, message = lab.make_message(self.old)
        with lab.Imap(template.instance) as client:
            assert client.command("APPEND Sent (\\Draft)", message) == "OK"
        template.ledger.promise(self.gone, [self.place], ACKED)

    def ready(self, run):
        client = lab.Imap(run.instance)
        assert client.command("SELECT Sent") == "OK"
        return client

    def act(self, run, helper):
        run.token, message = lab.make_message(self.new)
        run.ledger.removal(self.gone, self.place, UNKNOWN)
        run.ledger.promise(run.token, [self.place], UNKNOWN)
        status = helper.command("REPLACE 1 Sent (\\Draft)", message)
        assert status in ("OK", "NO", None), status
        if status == "OK":
            run.ledger.removal(self.gone, self.place, ACKED)
            run.ledger.promise(run.token, [self.place], ACKED)
        return {"OK": ACKED, "NO": REFUSED, None: UNKNOWN}[status]

    def after_restart(self, run):
        found = lab.look(run.instance, run.template.users)
        there = [found.get((token, self.place), 0) for token in (self.gone, run.token)]
        assert there in ([1, 0], [0, 1]), f"of the old message and the new one there are {there}"


class MoveAcross(Scenario):
    """A small and a large message move into a mailbox of another account: a crash may leave one in both, never in none."""

    def prepare(self, template):
        self.greet(template, ("alice",))
        self.tokens = []
        with lab.Imap(template.instance) as client:
            for size in (300, lab.LARGE):
                token, message = lab.make_message(size)
                assert client.command("APPEND Sent", message) == "OK"
                template.ledger.promise(token, [("bob", "Sent")], ACKED)
                self.tokens.append(token)
        with lab.Imap(template.instance, "alice") as owner:
            assert owner.command("SETACL Sent bob@example.org lrswipkxte") == "OK"

    def ready(self, run):
        client = lab.Imap(run.instance)
        assert client.command("SELECT Sent") == "OK"
        return client

    def act(self, run, helper):
        for token in self.tokens:
            run.ledger.removal(token, ("bob", "Sent"), UNKNOWN)
            run.ledger.promise(token, [("alice", "Sent")], UNKNOWN)
        status = helper.command("UID MOVE 1:* Shared/alice@example.org/Sent")
        assert status in ("OK", "NO", None), status
        if status == "OK":
            for token in self.tokens:
                run.ledger.removal(token, ("bob", "Sent"), ACKED)
                run.ledger.promise(token, [("alice", "Sent")], ACKED)
        return {"OK": ACKED, "NO": REFUSED, None: UNKNOWN}[status]

    def after_restart(self, run):
        found = lab.look(run.instance, run.template.users)
        for token in self.tokens:
            assert any(found.get((token, (user, "Sent")), 0) == 1 for user in ("alice", "bob")), "a message that was moved is nowhere"


class Expunge(Scenario):
    """Three messages of which two go, a small and a large one."""

    def prepare(self, template):
        self.greet(template, ("alice",))
        self.gone = []
        with lab.Imap(template.instance) as client:
            for number, size in ((1, 300), (2, lab.LARGE), (3, 300)):
                token, message = lab.make_message(size)
                assert client.command("APPEND INBOX (\\Deleted)" if number > 1 else "APPEND INBOX", message) == "OK"
                template.ledger.promise(token, [("bob", "INBOX")], ACKED)
                if number > 1:
                    self.gone.append(token)

    def ready(self, run):
        client = lab.Imap(run.instance)
        assert client.command("SELECT INBOX") == "OK"
        return client

    def act(self, run, helper):
        for token in self.gone:
            run.ledger.removal(token, ("bob", "INBOX"), UNKNOWN)
        status = helper.command("EXPUNGE")
        assert status in ("OK", "NO", None), status
        state = {"OK": ACKED, "NO": REFUSED, None: UNKNOWN}[status]
        if state != REFUSED:
            for token in self.gone:
                run.ledger.removal(token, ("bob", "INBOX"), state)
        return state


class Relayed:
    """What Retry.ready returns: the other server."""

    def __init__(self, sink):
        self.sink = sink

    def __enter__(self):
        return self.sink

    def __exit__(self, *_):
        self.sink.close()


class Retry(Scenario):
    """A message that the next server has put off once; `queue retry`, and now it is taken."""

    def __init__(self, size=lab.LARGE):
        self.size = size
        self.sink = None

    def prepare(self, template):
        super().prepare(template)
        lab.wait_quiet(template.instance)
        sink = lab.Sink(("451 4.3.0 later",))
        point_relay(template.instance, sink)
        self.token, message = lab.make_message(self.size)
        with submission(template.instance) as s:
            s.sendmail("alice@example.org", ["friend@remote.example"], message)
        data = f"{template.instance.dir}/data"
        lab.wait(lambda: lab.query(f"{data}/queue.db", "SELECT 1 FROM recipient WHERE attempts = 1"), 10, "the first attempt is on record", template.instance)
        sink.close()
        template.has_queue = True
        self.id = lab.query(f"{data}/queue.db", "SELECT lower(hex(queue_id)) FROM message")[0][0]

    def ready(self, run):
        run.sink = lab.Sink()
        point_relay(run.instance, run.sink)
        return Relayed(run.sink)

    def act(self, run, helper):
        run.instance.run_cli("queue", "retry", self.id)  # it may die meanwhile
        return UNKNOWN

    def after_restart(self, run):
        """Never lost; twice only when the daemon did not live to hear or write the answer."""
        data = run.data
        if lab.query(f"{data}/queue.db", f"SELECT 1 FROM message WHERE lower(hex(queue_id)) = '{self.id}'"):
            run.instance.run_cli("queue", "retry", self.id)  # it may have ended meanwhile
        lab.wait(lambda: lab.queue_rows(data) == 0, 10, "the queue is empty", run.instance)
        kept = list(run.sink.kept)
        assert kept and all(k == (self.token, True) for k in kept), f"the next server has {kept}"
        assert len(kept) <= 2, f"the next server got it {len(kept)} times"


class Bounce(Retry):
    """The second attempt is refused for good: the sender gets one report, never none and never two."""

    def ready(self, run):
        run.sink = lab.Sink(("550 5.1.1 nobody",))
        point_relay(run.instance, run.sink)
        return Relayed(run.sink)

    def after_restart(self, run):
        data = run.data
        if lab.query(f"{data}/queue.db", f"SELECT 1 FROM message WHERE lower(hex(queue_id)) = '{self.id}'"):
            run.instance.run_cli("queue", "retry", self.id)  # it may have ended meanwhile
        lab.wait(lambda: lab.queue_rows(data) == 0, 10, "the queue is empty", run.instance)
        reports = [m for m in run.instance.bodies("alice") if b"message/delivery-status" in m and self.token.encode() in m]
        assert len(reports) == 1, f"{len(reports)} reports of the failure\n{run.instance.log_tail()}"


class Forward(Accept):
    """A message for an account that keeps a copy and sends it on, from a sender whose rewritten path has to be remembered."""

    sender = "0100018b2c3d4e5f-8a7b6c5d-1234-5678-9abc-def012345678-000000@bulk.example.net"

    def prepare(self, template):
        self.greet(template, ("alice", "bob"))
        lab.wait_quiet(template.instance)
        path = "/api/v1/users/bob@example.org"
        etag = ask(template.instance, "GET", path).headers["ETag"]
        ask(template.instance, "PATCH", path, {"forwards": ["friend@remote.example"], "forward_keeps": True}, headers={"If-Match": etag})
        template.has_queue = True  # it may wait for the other server

    def ready(self, run):
        run.sink = lab.Sink()
        point_relay(run.instance, run.sink)
        return Relayed(run.sink)

    def act(self, run, helper):
        run.token, message = lab.make_message(self.size)
        run.ledger.promise(run.token, self.places, UNKNOWN)
        run.state, reply = lab.smtp_send(run.instance.port["mx"], message, self.recipients, sender=self.sender)
        run.ledger.promise(run.token, self.places, run.state)
        return run.state

    def after_restart(self, run):
        """Never lost, twice only when the daemon did not live to hear or write the answer; and what comes back finds its way."""
        for (waiting,) in lab.query(f"{run.data}/queue.db", "SELECT lower(hex(queue_id)) FROM message"):
            run.instance.run_cli("queue", "retry", waiting)  # it may have ended meanwhile
        lab.wait(lambda: lab.queue_rows(run.data) == 0, 10, "the queue is empty", run.instance)
        kept = [whole for token, whole in run.sink.kept if token == run.token]
        assert all(kept) and (kept or run.state != ACKED), f"the next server has {kept}"
        assert len(kept) <= 2, f"the next server got it {len(kept)} times"
        with run.instance.smtp() as s:
            for path in {path for path in run.sink.senders if path.startswith("SRS0=")}:
                s.ehlo()
                s.mail("")
                code, text = s.rcpt(path)
                assert code == 250, f"{path}: {code} {text}"
                s.rset()


def point_relay(instance, sink):
    instance.cli("relay", "set", "--domain", "*", "--host", "127.0.0.1", "--port", str(sink.port), "--tls", "none")


@contextlib.contextmanager
def submission(instance, user="alice"):
    import smtplib
    with smtplib.SMTP_SSL("127.0.0.1", instance.port["submissions"], local_hostname="client.example.net", context=harness.no_verify(), timeout=30) as s:
        s.login(f"{user}@example.org", harness.PASSWORD)
        yield s


# ---- disturbing ----


def count_operations(scenario, template):
    with lab.Lab(template) as run, scenario.ready(run) as helper:
        run.control.arm()
        scenario.act(run, helper)
        run.settle()
        return run.control.get("count")


def kill_at(scenario, template, n, cut=False, seed=None):
    """SIGKILL instead of operation n; with cut the power goes too. True when operation n came."""
    with lab.Lab(template) as run, scenario.ready(run) as helper:
        run.control.arm(lab.KILL, n)
        scenario.act(run, helper)
        run.settle()
        struck = run.died()
        run.control.disarm()
        if cut:
            run.cut_power(seed)
        run.restart()
        scenario.after_restart(run)
        run.check()
        return struck


def send_again(run):
    """The daemon that saw the disk fail works when the disk does: a message comes in and arrives."""
    token, message = lab.make_message()
    place = [("bob", "INBOX")]
    last = [None]

    def accepted():
        state, last[0] = lab.smtp_send(run.instance.port["mx"], message, ["bob@example.org"])
        return state == ACKED
    assert not run.died(), f"the daemon ended\n{run.instance.log_tail()}"
    lab.wait(accepted, AGAIN_SECONDS, f"a message is accepted after the failure, not {last}", run.instance)
    run.ledger.promise(token, place, ACKED)


def fail_at(scenario, template, n, error=errno.EIO, action=lab.FAIL_ONCE, cut=False):
    """Operation n (or all from n on, for the time of the act) fails; then the disk is well again. True when operation n came."""
    with lab.Lab(template) as run, scenario.ready(run) as helper:
        run.control.arm(action, n, error)
        scenario.act(run, helper)
        run.settle()
        struck = run.control.get("hits") > 0
        run.control.disarm()
        send_again(run)
        if not template.has_queue:
            lab.wait_quiet(run.instance, files=False)  # a file that could not be removed is the next start's
        assert not run.died(), f"the daemon ended\n{run.instance.log_tail()}"
        if cut:
            run.cut_power()
        run.restart()
        scenario.after_restart(run)
        run.check()
        return struck


def fail_then_kill(scenario, template, n, error=errno.EIO):
    """Operation n fails and the daemon is killed before it can do more: what failed half must not come back as a whole."""
    with lab.Lab(template) as run, scenario.ready(run) as helper:
        run.control.arm(lab.FAIL_ONCE, n, error)
        scenario.act(run, helper)
        run.settle()
        struck = run.control.get("hits") > 0
        run.restart()
        scenario.after_restart(run)
        run.check()
        return struck


def sweep(scenario, kills=3, cuts=3, fails=2):
    """All ways of disturbing, at every operation in a full run; the counts are of the short run."""
    with lab.Template(scenario.prepare) as template:
        total = count_operations(scenario, template)
        runs = [(n, f"kill at {n}", lambda n=n: kill_at(scenario, template, n)) for n in lab.choose(total + 1, kills)]
        runs += [(n, f"power cut at {n}", lambda n=n: kill_at(scenario, template, n, cut=True)) for n in lab.choose(total + 1, cuts)]
        runs += [(n, f"power cut at {n}, some pages survive", lambda n=n: kill_at(scenario, template, n, cut=True, seed=n)) for n in lab.choose(total + 1, cuts)]
        for error in (errno.EIO, errno.ENOSPC):
            runs += [(n, f"{errno.errorcode[error]} at {n}", lambda n=n, error=error: fail_at(scenario, template, n, error)) for n in lab.choose(total, fails)]
        runs += [(n, f"EIO from {n} on", lambda n=n: fail_at(scenario, template, n, errno.EIO, lab.FAIL_FROM)) for n in lab.choose(total, fails, MOST)]
        runs += [(n, f"EIO at {n}, then a kill", lambda n=n: fail_then_kill(scenario, template, n)) for n in lab.choose(total, fails, MOST)]
        runs += [(n, f"EIO at {n}, then a power cut", lambda n=n: fail_at(scenario, template, n, errno.EIO, cut=True)) for n in lab.choose(total, fails, MOST)]
        runs += [(n, f"EIO from {n} on, then a power cut", lambda n=n: fail_at(scenario, template, n, errno.EIO, lab.FAIL_FROM, cut=True)) for n in lab.choose(total, fails, MOST)]
        came = lab.each([(name, function) for _, name, function in runs])
        print(f"# {scenario.name()}: {total} operations, {len(runs)} runs, {sum(came)} struck", flush=True)
        early = [struck for (n, *_), struck in zip(runs, came) if n <= total * 3 // 4]  # the last operations come or not: under load there are some more or less
        assert sum(early) >= len(early) * 3 // 4, "most runs were left in peace"
