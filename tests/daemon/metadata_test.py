"""Annotations of mailboxes and of the server (RFC 5464, 9590), and quotas that administrators set (RFC 9208), over the wire."""
import re

import harness
from admin import ask, set_setting
from harness import PASSWORD, Instance, Raw

MAX = 65536


class Client:
    """Commands as bytes; of each reply the untagged lines, literals in them, and the tagged one."""

    def __init__(self, instance, user):
        self.raw = Raw(instance.port["imap"])
        self.raw.line()
        self.tag = 0
        self.ok(f"LOGIN {user}@example.org {PASSWORD}")

    def ask(self, command):
        if isinstance(command, str):
            command = command.encode()
        self.tag += 1
        tag = b"t%d" % self.tag
        self.raw.send(tag + b" " + command + b"\r\n")
        lines = []
        while True:
            line = self.whole_line()
            if line.startswith(tag + b" "):
                return lines, line[len(tag) + 1 :]
            lines.append(line)

    def whole_line(self):
        line = text_of(self.raw.line())
        while m := re.search(rb"\{(\d+)\}$", line):
            line += b"\r\n" + self.raw.exactly(int(m[1])) + text_of(self.raw.line())
        return line

    def ok(self, command):
        lines, tagged = self.ask(command)
        assert tagged.startswith(b"OK"), (command[:100], tagged)
        return lines

    def no(self, command):
        lines, tagged = self.ask(command)
        assert tagged.startswith(b"NO") and not lines, (command[:100], lines, tagged)
        return tagged[3:].decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.raw.close()


def text_of(line):
    return (line if isinstance(line, bytes) else line.encode()).rstrip(b"\r\n")


def instance():
    return harness.shared(users=["alice", "bob", "carl", "dora"], conf="resolver = 127.0.0.1@9", services=harness.MAIL_SERVICES + ("https",))


def test_values_outlive_a_crash_and_renames():
    with Instance(users=["alice", "bob"], conf="resolver = 127.0.0.1@9") as i:
        with Client(i, "bob") as bob:
            bob.ok("CREATE one")
            bob.ok(b"SETMETADATA one (/private/comment {5+}\r\nm\xc3\xa9\r\n /shared/vendor/x/bytes ~{3+}\r\na\0b)")
            bob.ok('SETMETADATA "" (/private/vendor/x/theme "dark")')
            bob.ok("RENAME one two")
        i.kill()
        i.start()
        with Client(i, "bob") as bob:
            assert bob.ok("GETMETADATA two (/private/comment /shared/vendor/x/bytes)") == [
                b'* METADATA "two" (/private/comment {5}\r\nm\xc3\xa9\r\n /shared/vendor/x/bytes ~{3}\r\na\0b)'
            ]
            assert bob.ok('GETMETADATA (DEPTH infinity) "" /private') == [b'* METADATA "" (/private/vendor/x/theme "dark")']
            bob.ok("DELETE two")
            bob.ok("CREATE two")
            assert bob.ok("GETMETADATA (DEPTH infinity) two (/private /shared)") == []


def test_limits_are_told_and_nothing_is_half_done():
    with Client(instance(), "bob") as bob:
        value = b"v" * MAX
        bob.ok(b"SETMETADATA Junk (/private/large {%d+}\r\n%s)" % (MAX, value))
        [line] = bob.ok("GETMETADATA Junk /private/large")
        assert line == b'* METADATA "Junk" (/private/large {%d}\r\n%s)' % (MAX, value)
        assert bob.ask("GETMETADATA (MAXSIZE 100) Junk (/private/large)")[1] == b"OK [METADATA LONGENTRIES 65536] Done"
        names = b" ".join(b'/private/n%d "1"' % n for n in range(999))
        bob.ok(b"SETMETADATA Junk (" + names + b")")
        assert bob.no('SETMETADATA Junk (/private/large "small" /private/more "1")').startswith("[METADATA TOOMANY]")
        [line] = bob.ok("GETMETADATA (MAXSIZE 10) Junk (/private/more)")
        assert line == b'* METADATA "Junk" (/private/more NIL)'
        assert bob.ok("GETMETADATA Junk /private/large") == [b'* METADATA "Junk" (/private/large {%d}\r\n%s)' % (MAX, value)]
        told = b"".join(bob.ok("GETMETADATA (DEPTH 1) Junk /private"))
        assert told.count(b"/private/n") == 999
        bob.ok(b"SETMETADATA Junk (/private/large NIL " + re.sub(rb'"1"', b"NIL", names) + b")")
        assert bob.ok("GETMETADATA (DEPTH infinity) Junk /private") == [b'* METADATA "Junk" (/private/specialuse "\\\\Junk")']


def test_an_account_holds_sixteen_mebibytes_and_all_of_them_are_told():
    with Client(instance(), "dora") as dora:
        value = b"v" * MAX
        for n in range(255):
            dora.ok(b"SETMETADATA Trash (/private/n%03d {%d+}\r\n%s)" % (n, MAX, value))
        assert dora.no(b"SETMETADATA Trash (/private/last {%d+}\r\n%s)" % (MAX, value)).startswith("[METADATA TOOMANY]")
        lines = dora.ok("GETMETADATA (DEPTH 1) Trash /private")
        assert re.findall(rb"/private/n(\d+)", b"".join(lines)) == [b"%03d" % n for n in range(255)]
        dora.ok("DELETE Trash")


def test_two_sessions_hear_of_each_other():
    with Client(instance(), "bob") as one, Client(instance(), "bob") as two:
        one.ok("SELECT INBOX")
        assert one.ok("ENABLE METADATA") == [b"* ENABLED METADATA"]
        two.ok('SETMETADATA INBOX (/private/comment "x" /shared/comment "y")')
        two.ok('SETMETADATA "" (/private/comment "x")')
        assert one.ok("NOOP") == [b'* METADATA "INBOX" /private/comment /shared/comment', b'* METADATA "" /private/comment']
        one.raw.send(b"i IDLE\r\n")
        assert text_of(one.raw.line()).startswith(b"+")
        two.ok("SETMETADATA INBOX (/private/comment NIL)")
        assert text_of(one.raw.line()) == b'* METADATA "INBOX" /private/comment'
        two.ok('SETMETADATA "" (/private/comment NIL)')
        assert text_of(one.raw.line()) == b'* METADATA "" /private/comment'
        one.raw.send(b"DONE\r\n")
        assert text_of(one.raw.line()).startswith(b"i OK")
        one.ok("NOTIFY SET (mailboxes Sent (MailboxMetadataChange)) (personal (ServerMetadataChange))")
        two.ok('SETMETADATA Sent (/shared/comment "z")')
        assert text_of(one.raw.line()) == b'* METADATA "Sent" /shared/comment'
        two.ok("SETMETADATA INBOX (/shared/comment NIL)")
        two.ok('SETMETADATA "" (/private/comment "x")')
        assert text_of(one.raw.line()) == b'* METADATA "" /private/comment'
        assert two.ok("NOOP") == []


def test_a_reader_of_a_shared_mailbox_has_notes_of_their_own():
    with Client(instance(), "bob") as bob, Client(instance(), "carl") as carl:
        name = "Shared/bob@example.org/Archive"
        bob.ok('SETMETADATA Archive (/private/comment "of bob" /shared/comment "of all")')
        assert carl.no(f"GETMETADATA {name} /shared/comment").startswith("[NONEXISTENT]")
        bob.ok("SETACL Archive carl@example.org lr")
        assert carl.ok(f"GETMETADATA {name} (/shared/comment /private/comment)") == [
            b'* METADATA "%s" (/shared/comment "of all" /private/comment NIL)' % name.encode()
        ]
        carl.ok(f'SETMETADATA {name} (/private/comment "of carl")')
        assert carl.no(f'SETMETADATA {name} (/shared/comment "of carl")').startswith("[NOPERM]")
        assert carl.ok(f'LIST "" {name} RETURN (METADATA (/private/comment))')[1] == b'* METADATA "%s" (/private/comment "of carl")' % name.encode()
        bob.ok("SETACL Archive carl@example.org lrw")
        carl.ok(f'SETMETADATA {name} (/shared/comment "of carl")')
        assert bob.ok("GETMETADATA Archive (/private/comment /shared/comment)")[-1] == b'* METADATA "Archive" (/private/comment "of bob" /shared/comment "of carl")'
        bob.ok("DELETEACL Archive carl@example.org")
        assert carl.no(f"GETMETADATA {name} /private/comment").startswith("[NONEXISTENT]")


def test_the_server_says_what_its_settings_say():
    i = instance()
    with Client(i, "bob") as bob:
        assert bob.ok('GETMETADATA "" (/shared/comment /shared/admin)') == [b'* METADATA "" (/shared/comment NIL /shared/admin "mailto:alice@example.org")']
        set_setting(i, server_comment='Ask "us"', server_admin="https://help.example.org/")
        try:
            assert bob.ok('GETMETADATA "" (/shared/comment /shared/admin)') == [
                b'* METADATA "" (/shared/comment "Ask \\"us\\"" /shared/admin "https://help.example.org/")'
            ]
            assert bob.no('SETMETADATA "" (/shared/comment "x")').startswith("[NOPERM]")
        finally:
            set_setting(i, server_comment=None, server_admin=None)


def quota_of(i, user):
    return ask(i, "GET", f"/api/v1/users/{user}@example.org").json["quota"]


def test_an_administrator_sets_quotas_and_the_audit_knows():
    i = instance()
    root = "Shared/carl@example.org"
    with Client(i, "alice") as alice, Client(i, "bob") as bob:
        assert bob.no(f"SETQUOTA {root} (STORAGE 100)").startswith("[NONEXISTENT]")
        assert bob.no('SETQUOTA "User quota" (STORAGE 100)').startswith("[NOPERM]")
        assert alice.ok(f"SETQUOTA {root} (STORAGE 2048 MESSAGE 50)")[0].startswith(b'* QUOTA "%s" (STORAGE ' % root.encode())
        assert quota_of(i, "carl") == {"bytes": 2048 * 1024, "messages": 50}
        with Client(i, "carl") as carl:
            assert carl.ok("GETQUOTAROOT INBOX")[1].endswith(b" 2048 MESSAGE 0 50)")
        entry = ask(i, "GET", "/api/v1/audit", subject="carl@example.org", operation="user_update").json["data"][0]
        assert entry["actor"] == "alice@example.org" and entry["via"] == "imap" and entry["after"] == {"quota": {"bytes": 2048 * 1024, "messages": 50}}, entry
        assert alice.ok(f"SETQUOTA {root} ()") == [b'* QUOTA "%s" ()' % root.encode()]
        assert quota_of(i, "carl") == {"bytes": 0, "messages": 0}


def test_a_domain_administrator_reaches_the_users_of_the_domain_and_no_administrator():
    i = instance()
    ask(i, "POST", "/api/v1/admins", {"user": "dora@example.org", "role": "domain_admin", "domains": ["example.org"]}, expect=(200, 201))
    try:
        with Client(i, "dora") as dora:
            dora.ok("SETQUOTA Shared/bob@example.org (MESSAGE 500)")
            dora.ok("SETQUOTA Shared/bob@example.org ()")
            assert dora.no("SETQUOTA Shared/alice@example.org (MESSAGE 500)").startswith("[NONEXISTENT]")
            assert dora.no('SETQUOTA "User quota" (MESSAGE 500)').startswith("[NOPERM]")
    finally:
        ask(i, "DELETE", "/api/v1/admins/dora@example.org", expect=(200, 204))


harness.run(globals())
