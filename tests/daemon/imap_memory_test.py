"""What all sessions of one account hold together has a ceiling, and comes back."""
import harness
from harness import PASSWORD, Raw, shared

MESSAGES = 100
BODY = b"Subject: held\r\n\r\n" + b"a" * 63000 + b"\r\n"
SESSIONS_MAX = 60


def login(user):
    c = Raw(shared(users=["alice", "bob"]).port["imap"])
    assert c.line().startswith("* OK"), "greeting"
    c.send(f'l LOGIN {user} "{PASSWORD}"\r\n')
    assert c.line().startswith("l OK"), user
    return c


def hold(c):
    """A MULTIAPPEND that does not end: what the server says where it is asked for one message more."""
    c.send(b"a APPEND INBOX")
    for _ in range(MESSAGES):
        c.send(b" {%d+}\r\n" % len(BODY) + BODY)
    c.send(b" {1}\r\n")
    return c.line()


def large_command(c):
    """What the server says when a command's literals come near a megabyte."""
    c.send("e EXAMINE INBOX\r\n")
    while not c.line().startswith("e OK"):
        pass
    c.send(b"s SEARCH")
    for i in range(14):
        c.send(b" TEXT {65000}\r\n")
        said = c.line()
        if not said.startswith("+ "):
            return said
        c.send(b"a" * 65000)
    return said


def test_unfiled_messages_of_all_sessions_have_one_ceiling():
    clients, said = [], ""
    while len(clients) < SESSIONS_MAX and not said.startswith("a NO"):
        clients.append(login("alice@example.org"))
        said = hold(clients[-1])
        assert said.startswith("+ ") or said.startswith("a NO [LIMIT]"), said
    assert said.startswith("a NO [LIMIT]") and 10 < len(clients) < SESSIONS_MAX, (said, len(clients))
    with login("bob@example.org") as other:  # another account does not notice
        assert hold(other).startswith("+ ")
    with login("bob@example.org") as other:
        assert large_command(other).startswith("+ ")
    with login("alice@example.org") as small:  # and small things still work
        small.send(b"n NOOP\r\n")
        assert small.line().startswith("n OK")
    while said.startswith(("a NO", "+ ")) and len(clients) < 2 * SESSIONS_MAX:  # what was refused has left some room
        clients.append(login("alice@example.org"))
        said = large_command(clients[-1])
    assert said.startswith("s NO [LIMIT]"), said
    for c in clients:
        c.close()

    def is_free():
        with login("alice@example.org") as c:
            return hold(c).startswith("+ ")

    harness.wait_until(is_free, what="room again")


if __name__ == "__main__":
    harness.run(globals())
