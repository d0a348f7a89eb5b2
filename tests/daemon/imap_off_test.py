"""IMAP capabilities that are switched off for an account: neither advertised nor accepted, from the next login on."""
import harness
from harness import PASSWORD, shared
from imap_wire import Client

HELLO = "Subject: x\r\n\r\nhello\r\n"

# For each name: what is accepted with it, and only with it. "@" is the UID of the last message.
USES = {
    "IMAP4rev2": ["ENABLE IMAP4rev2"],
    "LITERAL+": ["APPEND INBOX {5000+}\r\n" + "x" * 5000],  # small ones are of IMAP4rev2 (RFC 9051 4.3)
    "SASL-IR": [],
    "ID": ["ID NIL"],
    "ENABLE": ["ENABLE CONDSTORE"],
    "IDLE": ["IDLE\r\nDONE"],
    "NAMESPACE": ["NAMESPACE"],
    "CHILDREN": ['LIST "" * RETURN (CHILDREN)'],
    "SPECIAL-USE": ['LIST (SPECIAL-USE) "" *', 'LIST "" * RETURN (SPECIAL-USE)', "CREATE forbidden1 (USE ())"],
    "CREATE-SPECIAL-USE": ["CREATE forbidden2 (USE ())"],
    "LIST-EXTENDED": ['LIST (SUBSCRIBED) "" *', 'LIST "" (a b)', 'LIST "" * RETURN ()', 'LIST () "" *'],
    "LIST-STATUS": ['LIST "" * RETURN (STATUS (MESSAGES))'],
    "STATUS=SIZE": ["STATUS INBOX (SIZE)"],
    "UNSELECT": ["UNSELECT"],
    "UIDPLUS": ["UID EXPUNGE 1"],
    "MOVE": ["MOVE 1 Sent", "UID MOVE 1 Sent"],
    "MULTIAPPEND": ["APPEND INBOX {21+}\r\n%s {21+}\r\n%s" % (HELLO, HELLO)],
    "CATENATE": ["APPEND INBOX CATENATE (TEXT {21+}\r\n%s)" % HELLO],
    "REPLACE": ["REPLACE 1 INBOX {21+}\r\n%s" % HELLO, "UID REPLACE @ INBOX {21+}\r\n%s" % HELLO],
    "APPENDLIMIT=52428800": ["STATUS INBOX (APPENDLIMIT)"],
    "BINARY": ["FETCH 1 BINARY[]", "FETCH 1 BINARY.SIZE[]"],
    "COMPRESS=DEFLATE": ["COMPRESS DEFLATE"],
    "CONDSTORE": ["FETCH 1 MODSEQ", "STATUS INBOX (HIGHESTMODSEQ)", "SELECT INBOX (CONDSTORE)", "STORE 1 (UNCHANGEDSINCE 1) +FLAGS (x)", "SEARCH MODSEQ 1"],
    "QRESYNC": ["ENABLE QRESYNC"],
    "ESEARCH": ["SEARCH RETURN (COUNT) ALL"],
    "SEARCHRES": ["SEARCH RETURN (SAVE) ALL", "FETCH $ FLAGS"],
    "WITHIN": ["SEARCH YOUNGER 100", "SEARCH OLDER 100"],
    "SEARCH=FUZZY": ["SEARCH FUZZY ALL", "SEARCH RETURN (RELEVANCY) FUZZY ALL", "SORT (RELEVANCY) UTF-8 FUZZY ALL"],
    "MULTISEARCH": ["ESEARCH ALL", "ESEARCH IN (personal) ALL"],
    "SORT": ["SORT (DATE) UTF-8 ALL"],
    "SORT=DISPLAY": ["SORT (DISPLAYFROM) UTF-8 ALL"],
    "ESORT": ["SORT RETURN (COUNT) (DATE) UTF-8 ALL"],
    "THREAD=ORDEREDSUBJECT": ["THREAD ORDEREDSUBJECT UTF-8 ALL"],
    "THREAD=REFERENCES": ["THREAD REFERENCES UTF-8 ALL"],
    "THREAD=REFS": ["THREAD REFS UTF-8 ALL"],
    "PARTIAL": ["UID FETCH 1:* FLAGS (PARTIAL 1:2)", "SEARCH RETURN (PARTIAL 1:2) ALL"],
    "CONTEXT=SEARCH": ["SEARCH RETURN (UPDATE) ALL", "SEARCH RETURN (CONTEXT) ALL"],
    "CONTEXT=SORT": ["SORT RETURN (UPDATE) (DATE) UTF-8 ALL", "SORT RETURN (CONTEXT) (DATE) UTF-8 ALL"],
    "UIDBATCHES": ["UIDBATCHES 500"],
    "INPROGRESS": [],
    "NOTIFY": ["NOTIFY NONE", "NOTIFY SET (personal (MessageNew MessageExpunge))"],
    "I18NLEVEL=1": [],
    "OBJECTID": ["FETCH 1 EMAILID", "STATUS INBOX (MAILBOXID)", "SEARCH EMAILID M1"],
    "PREVIEW": ["FETCH 1 PREVIEW"],
    "SAVEDATE": ["FETCH 1 SAVEDATE", "SEARCH SAVEDATESUPPORTED"],
    "UTF8=ACCEPT": ["ENABLE UTF8=ACCEPT"],
    "UIDONLY": ["ENABLE UIDONLY"],
    "MESSAGELIMIT=100000": ["SEARCH UIDAFTER 1", "SEARCH UIDBEFORE 1"],
    "UNAUTHENTICATE": ["UNAUTHENTICATE"],
    "QUOTA": ["GETQUOTAROOT INBOX"],
    "ACL": ["MYRIGHTS INBOX", "GETACL INBOX", "SETACL INBOX alice@example.org l", "DELETEACL INBOX alice@example.org"],
    "LIST-MYRIGHTS": ['LIST "" * RETURN (MYRIGHTS)'],
    "METADATA": ["GETMETADATA INBOX /private/comment", 'SETMETADATA INBOX (/private/comment "x")', "NOTIFY SET (personal (MailboxMetadataChange))"],
    "LIST-METADATA": ['LIST "" * RETURN (METADATA (/private/comment))'],
    "URLAUTH": [
        'GENURLAUTH "imap://bob@example.org/INBOX/;UID=1;URLAUTH=anonymous" INTERNAL',
        'URLFETCH "imap://bob@example.org/INBOX/;UID=1;URLAUTH=anonymous:INTERNAL:%s"' % ("00" * 33),
        "RESETKEY INBOX",
        "RESETKEY",
    ],
    "URLAUTH=BINARY": ['URLFETCH ("imap://bob@example.org/INBOX/;UID=1;URLAUTH=anonymous:INTERNAL:%s" BINARY)' % ("00" * 33)],
}

# Words that one switch has beside its name.
BESIDE = {"QUOTA": ("QUOTA=RES-STORAGE", "QUOTA=RES-MESSAGE", "QUOTASET"), "ACL": ("RIGHTS=kxte",), "METADATA": ("METADATA-SERVER",)}


def daemon():
    return shared(users=["alice", "bob", "carol", "dave"])


def switch(*names, user="bob"):
    p = daemon()
    if names:
        p.cli("user", "set-imap-disabled", f"{user}@example.org", *names)
    else:
        p.cli("user", "rm-imap-disabled", f"{user}@example.org")


def capabilities(client):
    return client.ok("CAPABILITY").find("CAPABILITY")[0].decode().split()[1:]


def login(user="bob"):
    c = Client(daemon(), user, login=False)
    r = c.ok(f"LOGIN {user}@example.org {PASSWORD}")
    return c, r.text


def takes(command):
    """Is it accepted? ENABLE: is the extension named?"""
    c, _ = login()
    with c:
        if not c.ok("SELECT INBOX").numbers("EXISTS")[0]:
            c.append(HELLO.encode())
        c.ok("SELECT INBOX")
        uid = c.fetch("*", "UID").popitem()[1]["UID"]
        r = c.cmd(command.replace(" @ ", f" {uid} "))
        if command.startswith("ENABLE ") and r.status == "OK":
            wanted = command.split()[1].encode()
            return any(wanted in line.split() for line in r.find("ENABLED"))
        return r.status == "OK"


def test_every_name_of_the_list_is_advertised_and_has_a_switch():
    switch()
    c, text = login()
    with c:
        shown = capabilities(c)
        assert sorted(shown) == sorted(["IMAP4rev1", *USES, *(word for words in BESIDE.values() for word in words)]), shown
        assert text.startswith("[CAPABILITY " + " ".join(shown) + "]"), text


def test_what_is_switched_off_is_neither_advertised_nor_accepted():
    wrong = []
    for name, commands in USES.items():
        switch()
        wrong += [f"{c!r} is not accepted with everything on" for c in commands if not takes(c) and not c.startswith("CREATE forbidden")]
        switch(name)
        c, text = login()
        with c:
            for word in (name, *BESIDE.get(name, ())):
                if word in capabilities(c) or word in text.split("]")[0].split():
                    wrong.append(f"{word} is advertised")
        wrong += [f"{c!r} is accepted without {name}" for c in commands if takes(c)]
    switch()
    assert not wrong, "\n".join(wrong)


def test_what_is_not_asked_for_is_not_told_either():
    switch("CHILDREN", "SPECIAL-USE", "OBJECTID", "UIDPLUS")
    c, _ = login()
    with c:
        assert all(line.startswith(b"LIST () ") for line in c.ok('LIST "" *').find("LIST"))
        r = c.ok("CREATE plain")
        assert "MAILBOXID" not in r.text, r
        assert "APPENDUID" not in c.append(HELLO.encode(), "plain").text
        r = c.ok("SELECT plain")
        assert not any(b"MAILBOXID" in line for line in r.untagged), r
        assert "COPYUID" not in c.ok("COPY 1 Sent").text
        c.ok("CLOSE")
        c.ok("DELETE plain")
    switch()


def test_without_literal_plus_a_large_literal_that_comes_unasked_is_toobig():
    """RFC 7888 5: what IMAP4rev2 has built in is LITERAL-."""
    switch("LITERAL+")
    c, _ = login()
    with c:
        r = c.cmd("APPEND INBOX {4097+}\r\n" + "x" * 4097)
        assert (r.status, r.code()) == ("BAD", "TOOBIG"), r
        c.ok("APPEND INBOX {4096+}\r\n" + "x" * 4096)
    switch()


def test_an_open_session_keeps_what_it_has():
    switch()
    c, _ = login()
    with c:
        switch("MOVE", "NAMESPACE")
        assert "MOVE" in capabilities(c)
        c.ok("NAMESPACE")
        d, _ = login()
        with d:
            assert "MOVE" not in capabilities(d)
            assert d.cmd("NAMESPACE").status == "BAD"
        # Logging in once more on the same connection is a login.
        c.ok("UNAUTHENTICATE")
        c.ok(f"LOGIN bob@example.org {PASSWORD}")
        assert "MOVE" not in capabilities(c)
    switch()


def test_other_accounts_are_not_concerned():
    switch("IDLE")
    c, _ = login("carol")
    with c:
        assert "IDLE" in capabilities(c)
    switch()


if __name__ == "__main__":
    harness.run(globals())
