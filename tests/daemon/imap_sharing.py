"""What clients of two accounts do on top of imap_actions.py: they open mailboxes to each other, try what is not granted, and make and remove mailboxes there.

And faults that a server could have in this, planted between it and the model.
"""
import re

from imap_actions import ACTIONS, append, catch_up, created, deleted, expunge, held, is_readonly, message, read_set, store
from imap_model import expect
from imap_picture import Wire

GRANTED = ("lr", "lrs", "lrsw", "lrswi", "lrswite", "lrswite", "lrswite", "lrsit", "lrwt", "lrste", "rsi", "lri", "lrswikxte", "lrswikxte", "li", "l", "", "")
ENDED = 5  # commands after which a session has noticed


def grant(w, c):
    """The owner's client; the other account's sessions there go on with the new rights, or end without "r"."""
    b = w.dice.choice(list(c.home.values()))
    other = 1 - c.account
    rights = w.dice.choice(GRANTED)
    how = f'SETACL "{b.name}" {w.users[other]} {rights}' if rights else f'DELETEACL "{b.name}" {w.users[other]}'
    c.ok(how)
    b.granted = rights
    for k in w.clients:
        if k.box is b and k.account == other:
            if "r" in rights:
                k.readonly = is_readonly(w, k)
            else:
                shut_out(k)


def shut_out(c):
    """Says goodbye in one of the next commands, and nothing of the mailbox."""
    lines = []
    try:
        for _ in range(ENDED):
            c.wire.start("NOOP")
            while (line := c.wire.response()) is not None and re.match(rb"t\d+ ", line) is None:
                lines.append(line)
            if line is None:
                break
        else:
            expect(False, "a session goes on in a mailbox that is withdrawn:", lines)
    except BrokenPipeError:
        pass
    expect(any(line.startswith(b"* BYE") for line in lines), "withdrawn without BYE", lines)
    c.disconnect(False)
    c.connect()


def granted(w, c):
    """MYRIGHTS of the reader, GETACL of the owner."""
    b = w.dice.choice([b for home in w.homes for b in home.values()])
    if b.owner == c.account:
        other = w.users[1 - c.account]
        _, untagged = c.ok(f'GETACL "{b.name}"')
        line = next(u.decode() for u in untagged if u.startswith(b"ACL "))
        m = re.search(re.escape(f'"{other}"') + r" (\w+)", line)
        expect(plain(m.group(1) if m else "") == set(b.granted), "ACL of", b.name, "is", line, "and not", b.granted)
        return
    state, text, untagged = c.run(f'MYRIGHTS "{c.name(b)}"')
    expect(state == ("OK" if set(b.granted) & set("lrikxa") else "NO"), "MYRIGHTS with", b.granted, state, text)
    if state == "OK":
        line = next(u.decode() for u in untagged if u.startswith(b"MYRIGHTS "))
        expect(plain(line.split()[-1]) == set(b.granted), line, "and not", b.granted)


def plain(rights):
    """Without the letters of RFC 2086."""
    return set(rights) - set("cd")


def denied(w, c):
    """Something that the grant doesn't cover; nothing comes of it, which the model sees later."""
    _, body = message(w)
    tries = (
        ("r", "STATUS {} (MESSAGES)"),
        ("i", f"APPEND {{}} {{{{{len(body)}+}}}}\r\n{body.decode()}"),
        ("a", "SETACL {} anyone lr"),
        ("a", "GETACL {}"),
        ("a", f"DELETEACL {{}} {w.users[c.account]}"),
        ("x", "DELETE {}"),
        ("x", 'RENAME {} "Stolen"'),
        ("i", "COPY"),
        ("i", "MOVE"),
    )
    right, command = w.dice.choice(tries)
    closed = [b for b in w.homes[1 - c.account].values() if right not in b.granted]
    if not closed:
        return False
    b = w.dice.choice(closed)
    name = f'"{c.name(b)}"'
    if command in ("COPY", "MOVE"):
        if not c.box or not c.alive() or c.readonly:
            return False
        text = f"UID {command} {c.alive()[0]} {name}"
    else:
        text = command.format(name)
    state, answer, _ = c.run(text)
    expect(state == "NO", text, "with", b.granted, state, answer)
    if "l" in b.granted and not (command == "MOVE" and not c.may(c.box, "te")):
        expect(answer.startswith(("[NOPERM]", "[CANNOT]")), text, "with", b.granted, state, answer)
    if not set(b.granted) & {"l", right}:
        expect("[NOPERM]" not in answer or command == "MOVE", text, "tells who may not look that", name, "is there:", answer)


def create_there(w, c):
    home = w.homes[1 - c.account]
    b = home.get("M1")
    if b is None:
        return False
    state, text, _ = c.run(f'CREATE "{c.name(b)}/Sub"')
    fine = "k" in b.granted and "M1/Sub" not in home
    expect(state == ("OK" if fine else "NO"), "CREATE below", b.name, "with", b.granted, state, text)
    if fine:
        created(home, "M1/Sub", b.owner)


def delete_there(w, c):
    home = w.homes[1 - c.account]
    may = [n for n, b in home.items() if n != "INBOX" and "x" in b.granted and not held(w, home, n) and not any(m.startswith(n + "/") for m in home)]
    if not may:
        return False
    name = w.dice.choice(may)
    c.ok(f'DELETE "{c.name(home[name])}"')
    deleted(w, home, name)


def notified(w, c):
    """A reader who waits with NOTIFY (RFC 5465) instead of IDLE hears of the shared mailbox unasked."""
    if not c.box or c.box.owner == c.account:
        return False
    owners = [k for k in w.clients if k.account == c.box.owner and k.box is c.box and not k.readonly and k.picture.uids]
    c.ok("NOOP")
    c.check_whole()
    c.ok("NOTIFY SET (SELECTED (MessageNew (UID FLAGS) MessageExpunge FlagChange))")
    c.picture.begin("NOTIFY")
    c.idling = True
    for m in c.box.messages.values():
        m.past = []
    for _ in range(w.dice.choice((1, 2))):
        other = w.dice.choice(owners) if owners else next(k for k in w.clients if k.account == c.box.owner)
        w.dice.choice((store, expunge, append))(w, other)
        catch_up(c)
    c.ok("NOOP")  # before its answer, what was told since may still be on the way
    c.idling = False
    c.check_whole()
    c.disconnect(True)  # there is no way back to what a session without NOTIFY is told (RFC 5465 3.1)
    c.connect()


SHARING = ACTIONS + ((8, grant), (3, granted), (5, denied), (2, create_there), (1, delete_there), (5, notified))


# ---- faults to be noticed ----


class Fault:
    """Between a client and the server, from the `after`-th chance on."""

    def __init__(self, after=2):
        self.left = after

    def of(self, client):
        return lambda line: self.change(client, line)

    def is_due(self):
        self.left -= 1
        return self.left < 0


class OwnersSeen(Fault):
    """The reader is shown the owner's \\Seen."""

    def change(self, client, line):
        m = re.match(rb"\* (\d+) (UID)?FETCH .*?FLAGS \(", line)
        b = client.box
        if not m or not b or b.owner == client.account:
            return line
        n = int(m.group(1))
        uid = n if m.group(2) else client.picture.uids[n - 1] if n <= len(client.picture.uids) else None
        told = b.messages.get(uid)
        if told is None or b.owner not in told.seen or client.account in told.seen or not self.is_due():
            return line
        return line[: m.end()] + b"\\Seen" + (b"" if line[m.end() : m.end() + 1] == b")" else b" ") + line[m.end() :]


class Deed(Fault):
    """What the owner's hand does behind everybody's back."""

    def by_owner(self, client, box, *commands):
        wire = Wire(client.world.port, client.world.users[box.owner])
        for text in (f'SELECT "{box.name}"', *commands):
            expect(wire.command(text)[0] == "OK", text)
        wire.close()


class ExpungedWithoutRight(Deed):
    """EXPUNGE is refused, and done."""

    def change(self, client, line):
        b = client.box
        said = [x for x in client.wire.log[-4:] if x.startswith(b"C: ")] if client.wire else []
        if b and said and b"EXPUNGE" in said[-1] and b" NO [NOPERM]" in line and any("\\Deleted" in m.flags for m in b.messages.values()) and self.is_due():
            self.by_owner(client, b, "EXPUNGE")
        return line


class CopiedFlagsWrong(Deed):
    """What is copied into the other account has a flag more."""

    def change(self, client, line):
        m = re.search(rb"\[COPYUID (\d+) \S+ (\S+)\]", line)
        if not m:
            return line
        for home in client.world.homes:
            for b in home.values():
                if b.uidvalidity == int(m.group(1)) and b.owner != client.account:
                    uid = read_set(m.group(2).decode())[0]
                    if uid in b.messages and "\\Answered" not in b.messages[uid].flags and self.is_due():
                        self.by_owner(client, b, f"UID STORE {uid} +FLAGS.SILENT (\\Answered)")
        return line


class AppendedWithoutRight(Deed):
    """APPEND is refused, and done."""

    def change(self, client, line):
        said = [x for x in client.wire.log[-4:] if x.startswith(b"C: ")] if client.wire else []
        m = re.search(rb'APPEND "Shared/[^/]+/([^"]+)"', said[-1]) if said else None
        if m and b" NO [" in line and self.is_due():
            self.by_owner(client, client.world.homes[1 - client.account][m.group(1).decode()], "APPEND \"%s\" {4+}\r\na\r\nb" % m.group(1).decode())
        return line


FAULTS = (OwnersSeen, ExpungedWithoutRight, CopiedFlagsWrong, AppendedWithoutRight)

__all__ = ["FAULTS", "SHARING"]
