"""What the tests of IMAP by the RFCs share: checks that go on after a failure, fresh mailboxes, small messages."""
import functools
import sys

from harness import shared

_count = [0]


def daemon():
    return shared(users=["alice", "bob", "carol", "dave", "erin", "frank", "greta"], conf="resolver = 127.0.0.1@9")


class Checker:
    """Goes on after a failure and names all of them at the end."""

    def __init__(self):
        self.failed = []

    def __call__(self, condition, *what):
        _count[0] += 1
        if not condition:
            where = sys._getframe(1)
            while where.f_code.co_name in ("is_", "<lambda>", "status", "expect"):
                where = where.f_back
            self.failed.append(f"line {where.f_lineno}: {' '.join(str(w)[:1500] for w in what)}")

    def is_(self, got, wanted, *what):
        self(got == wanted, "got", repr(got)[:700], "wanted", repr(wanted)[:700], *what)

    def status(self, client, wanted, *pieces):
        """The command answers so (OK, NO, BAD); returns the reply."""
        r = client.cmd(*pieces)
        self(r.status == wanted, wanted, "was expected of", str(pieces)[:200], "got", str(r)[:400])
        return r


def checks(function):
    @functools.wraps(function)
    def run():
        c = Checker()
        try:
            function(c)
        except Exception:
            if c.failed:
                sys.stderr.write("\n".join(c.failed) + "\n")
            raise
        assert not c.failed, f"{len(c.failed)} failed:\n" + "\n".join(c.failed)

    return run


_fresh = [0]


def mailbox(client, messages=(), prefix="box"):
    """A new mailbox with these messages; its name."""
    _fresh[0] += 1
    name = f"{prefix}{_fresh[0]}"
    client.ok(f"CREATE {name}")
    for m in messages:
        client.append(m, name)
    return name


def small(n, extra=""):
    return f"From: Sender {n} <s{n}@example.net>\r\nTo: bob@example.org\r\nSubject: message {n}\r\nDate: Mon, 2 Mar 2020 10:00:{n % 60:02d} +0100\r\nMessage-ID: <m{n}@example.net>\r\n{extra}\r\nBody of {n}\r\n".encode()


def instant(text):
    import datetime
    d = datetime.datetime.strptime(text.strip(), "%d-%b-%Y %H:%M:%S %z")
    return d.timestamp()


def b(text):
    return text.encode() if isinstance(text, str) else text


def flags(f, n):
    return {str(x) for x in f[n]["FLAGS"]} - {"\\Recent"}


def enough(least):
    """Called by the last test of a file: a file that asks little is a failure too."""
    assert _count[0] >= least or len(sys.argv) > 1, _count
    print(f"# {_count[0]} checks", flush=True)
