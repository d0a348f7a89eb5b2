"""BODYSTRUCTURE, ENVELOPE and BODY[n] of odd messages (odd_messages.py) beside Python's email and GMime: where those two agree, so do we,
but for the divergences below, each with its reason.
"""
import email.utils
import json
import os
import re
import subprocess

import harness
from harness import SLOW, shared, tool
from imap_wire import Client
from mail_view import identifier, raw, words
from odd_messages import messages

PYTHON = "/usr/bin/python3"  # of the system: GMime's bindings are its
# (message, key): why ours is right though both others see something else.
DIVERGENCES = {
    **dict.fromkeys([("boundary missing", "tree"), ("content type 54", "tree")], "a multipart without a boundary has no parts that could be told apart (RFC 2046 5.1.1), and IMAP has no multipart without one (RFC 9051, body-type-mpart): it is data"),
    **dict.fromkeys([("boundary empty", k) for k in ("tree", "1 body", "1 parameters")], "a boundary has 1 to 70 characters (RFC 2046 5.1.1): without one it is data"),
    **dict.fromkeys([(m, "tree") for m in ("boundary never seen", "close at once", "nothing behind the header")], "a multipart has at least one part (RFC 9051, body-type-mpart): an empty text"),
    **dict.fromkeys([("content type 18", "tree"), ("content type 18", "1 parameters"), ("content type 17", "1 parameters")], "a type without one of its halves is none: the default holds (RFC 2045 5.2)"),
    ("content type 34", "1 parameters"): "a comment is no part of the value (RFC 2045 5.1)",
    **dict.fromkeys([("content type 49", "1 parameters"), ("content type 61", "1 parameters")], "a quote that is not closed opens the value, it is no character of it (RFC 2045 5.1)"),
    ("disposition 12", "1 disposition"): "the disposition's type is a token and ends at the blank (RFC 2183 2)",
    ("address 33", "to"): "what is left of an address is shown: its local part (RFC 9051 7.5.2: addr-mailbox)",
    ("address 57", "to"): "brackets before an address are read as its name; the address is good (RFC 5322 3.4)",
    ("address 70", "to"): "what stands before the comment that does not end is shown as a local part",
    **dict.fromkeys([("mbox line first", k) for k in ("1 body", "from", "sender", "reply_to", "subject")], "the line has no field name and colon: it is no field, and ends the header (RFC 5322 2.2)"),
    **dict.fromkeys([("a field without a name", k) for k in ("1 body", "subject")], "a field's name has at least one character (RFC 5322 3.6.8): the line is no field, and ends the header"),
}


def daemon():
    return shared(users=["bob"])


def text(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def pairs(value):
    """Parameters stand in BODYSTRUCTURE as in the message; a client puts them together (RFC 2231)."""
    written = [(text(n), '"%s"' % email.utils.quote(text(v))) for n, v in zip((value or [])[::2], (value or [])[1::2])]
    return {n.lower(): email.utils.unquote(email.utils.collapse_rfc2231_value(v)) for n, v in email.utils.decode_params([("", ""), *written])[1:]}


def our_part(s, path, out):
    """The tree below; leaves go into `out`."""
    if isinstance(s[0], list):
        children = [c for c in s if isinstance(c, list)][:next(n for n, c in enumerate(s) if not isinstance(c, list))]
        return ["multipart/" + text(s[len(children)]).lower()] + [our_part(c, f"{path}.{n}" if path else str(n), out) for n, c in enumerate(children, 1)]
    kind = f"{text(s[0])}/{text(s[1])}".lower()
    if kind == "message/rfc822":
        inner = s[8]
        return [kind, our_part(inner, path if isinstance(inner[0], list) else f"{path or '1'}.1", out)]
    here = path or "1"
    more = s[8:] if kind.startswith("text/") else s[7:]
    disposition = more[1] if len(more) > 1 else None
    out[f"{here} parameters"] = pairs(s[2])
    out[f"{here} encoding"] = text(s[5]).lower()
    out[f"{here} disposition"] = text(disposition[0]).lower() if disposition else None
    out[f"{here} filename"] = words(pairs(disposition[1]).get("filename")) if disposition else None
    return [kind]


def mailbox(local, host):
    """ENVELOPE has the local part without its quotes (RFC 9051 7.5.2)."""
    local = local if re.fullmatch(r"[^\s\"(),:;<>@\[\\\]]*", local) else '"%s"' % email.utils.quote(local)
    return f"{local}@{host}" if host else local


def people(value):
    return [[words(text(a[0])) or "", mailbox(text(a[2]), text(a[3]))] for a in value or [] if a[2] and a[3] is not None]


def our_view(item):
    out = {}
    out["tree"] = our_part(item["BODYSTRUCTURE"], "", out)
    envelope = item["ENVELOPE"]
    for key, at in (("from", 2), ("sender", 3), ("reply_to", 4), ("to", 5), ("cc", 6)):
        out[key] = people(envelope[at])
    out["subject"] = words(text(envelope[1]))
    out["in_reply_to"], out["message_id"] = (identifier(text(envelope[at])) for at in (8, 9))
    return out


def leaves(tree, path=""):
    """(path, type) of what is not a container."""
    if len(tree) == 2 and tree[0] == "message/rfc822":
        inner = tree[1]
        yield from leaves(inner, path if inner[0].startswith("multipart/") else f"{path or '1'}.1")
    elif len(tree) > 1:
        for n, child in enumerate(tree[1:], 1):
            yield from leaves(child, f"{path}.{n}" if path else str(n))
    else:
        yield path or "1", tree[0]


def as_imap_says_it(view):
    """ENVELOPE and BODYSTRUCTURE fill in what is missing (RFC 9051 7.5.2: Sender and Reply-To are From then; RFC 2045 5.2: text is us-ascii)."""
    if not view:
        return view
    view = dict(view)
    for key in ("from", "to", "cc"):
        view[key] = view[key] or []
    for key in ("sender", "reply_to"):
        view[key] = view[key] or view["from"]
    for path, kind in leaves(view["tree"]):
        if kind == "text/plain" and f"{path} parameters" in view:
            view[f"{path} parameters"] = {"charset": "us-ascii", **view[f"{path} parameters"]}
    return view


def oracles(all_messages):
    feed = b"".join(b"%d\n%b" % (len(data), data) for _, data in all_messages)
    done = subprocess.run([tool(PYTHON), os.path.join(os.path.dirname(os.path.abspath(__file__)), "mail_oracles.py")], input=feed, capture_output=True, timeout=60 * SLOW)
    assert done.returncode == 0, done.stderr.decode()
    seen = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(seen) == len(all_messages)
    return seen


def fetched(client, number):
    item = client.cmd(f"FETCH {number} (BODYSTRUCTURE ENVELOPE)").fetched()[number]
    out = our_view(item)
    bodies = [key.split()[0] for key in out if key.endswith(" encoding")]
    got = client.cmd(f"FETCH {number} ({' '.join(f'BODY.PEEK[{path}]' for path in bodies)})").fetched()[number]
    for path in bodies:
        out[f"{path} body"] = raw(got[f"BODY[{path}]"] or b"")
    return out


def test_where_two_parsers_agree_so_do_we():
    all_messages = messages()
    assert len(all_messages) >= 300 and len({name for name, _ in all_messages}) == len(all_messages)
    client = Client(daemon())
    assert client.cmd("CREATE Odd").status == "OK"
    for name, data in all_messages:
        assert client.cmd("APPEND Odd ", data).status == "OK", name
    assert client.cmd("SELECT Odd").status == "OK"
    compared, found, wrong = 0, set(), []
    for number, ((name, _), (one, two)) in enumerate(zip(all_messages, oracles(all_messages)), 1):
        ours, one, two = fetched(client, number), as_imap_says_it(one), as_imap_says_it(two)
        for key in sorted(one.keys() & two.keys()):
            if one[key] != two[key]:
                continue
            compared += 1
            if ours.get(key) == one[key]:
                continue
            found.add((name, key))
            if (name, key) not in DIVERGENCES:
                wrong.append(f"{name}: {key}: {one[key]!r}, ours {ours.get(key)!r}")
    assert not wrong, f"{len(wrong)} of {compared}:\n" + "\n".join(wrong)
    assert found == DIVERGENCES.keys(), f"no divergence any more: {DIVERGENCES.keys() - found}"
    assert compared > 3000, compared


harness.run(globals())
