"""What the clients of the model do: each function is one step, sends what a client would send and holds the answer against the model."""
import re
import time

from harness import SLOW
from imap_model import CROWDED, FLAGS, NAMES, Box, expect, read_set, write_set


def flag_list(flags):
    return "(" + " ".join(sorted(flags)) + ")"


def ready(c):
    return c.wire is not None and c.box is not None


def chosen(w, c):
    """(UID before the verb, the set's text, the UIDs meant): by sequence number or by UID."""
    uids = w.some(c.picture.uids)
    if not uids:
        return None
    if c.picture.uidonly or w.dice.random() < 0.5:
        return "UID ", write_set(uids), uids
    numbers = [c.picture.uids.index(u) + 1 for u in uids]
    if uids[-1] == c.picture.uids[-1] and w.dice.random() < 0.3:
        return "", ",".join(filter(None, (write_set(numbers[:-1]), "*"))), uids
    return "", write_set(numbers), uids


def message(w):
    w.tokens += 1
    return w.tokens, b"From: a@example.net\r\nSubject: message %d\r\nX-Token: %d\r\n\r\nbody of %d\r\n" % ((w.tokens,) * 3)


def some_flags(w):
    return w.dice.sample(FLAGS, w.dice.choice((0, 1, 1, 2, 3)))


def code(text, name):
    m = re.match(r"\[" + name + r" ([^\]]*)\]", text)
    return m.group(1).split() if m else None


# ---- sessions and mailboxes ----


def reconnect(w, c):
    if c.wire:
        c.disconnect(w.dice.random() < 0.5)
    c.connect()


def is_readonly(w, c):
    """Nothing there may be changed, or nothing is to be (RFC 4314 5.2)."""
    return c.examined or not set("iswte") & set(w.rights(c.account, c.box))


def select(w, c):
    b = w.dice.choice(c.boxes("r"))
    verb = "EXAMINE" if w.dice.random() < 0.15 else "SELECT"
    p = c.picture
    if c.box:
        c.leave()
    known = c.cache.get(b) if p.qresync and w.dice.random() < 0.8 else None
    extra = ids = ""
    if known:
        ids = f" {write_set(known[2])}" if known[2] and w.dice.random() < 0.5 else ""
        extra = f" (QRESYNC ({known[0]} {known[1]}{ids}))"
    elif w.dice.random() < 0.15:
        extra, p.condstore = " (CONDSTORE)", True
    c.box, c.examined = b, verb == "EXAMINE"
    c.readonly = is_readonly(w, c)
    c.takes_recent = not c.readonly
    p.clear()
    text, _ = c.ok(f'{verb} "{c.name(b)}"{extra}')
    expect(text.startswith("[READ-ONLY]" if c.readonly else "[READ-WRITE]"), text)
    w.selected(b, p.codes, len(p.uids))
    if p.qresync and not known and b.messages and w.dice.random() < 0.7:  # fills its cache
        c.ok("UID FETCH 1:* (UID FLAGS)")
    if known and known[0] == b.uidvalidity:
        if ids:  # only those are told of: what is above them is asked for
            told = list(p.results)
            c.ok(f"UID FETCH {max(known[2]) + 1}:* (UID FLAGS MODSEQ)")
            p.results = told + p.results
        resume(c, known[2])
    c.check_whole()


def resume(c, cache):
    """What a client makes of its cache with VANISHED (EARLIER) and FETCH is the mailbox as it is."""
    p, b = c.picture, c.box
    flags = dict(cache)
    for kind, uid, values in p.results:
        if kind == "EARLIER":
            for u in values:
                flags.pop(u, None)
        elif kind == "FETCH":
            expect("UID" in values or p.uidonly, "resynchronisation without UID")
            expect("MODSEQ" in values, "resynchronisation without MODSEQ")
            flags[uid] = p.flags[uid]
    expect(sorted(flags) == list(b.messages), "resynchronised to", sorted(flags), "and the mailbox is", list(b.messages))
    for u, f in flags.items():
        expect(f == c.flags(u), "resynchronised UID", u, "to", sorted(f), "that has", sorted(c.flags(u)))
    p.flags.update(flags)


def unselect(w, c):
    if not ready(c):
        return False
    c.keep()
    c.picture.begin("UNSELECT")
    c.ok("UNSELECT")
    c.box = None
    c.leave()


def close(w, c):
    if not ready(c) or w.dice.random() < 0.5:
        return False
    c.keep()
    b, readonly, seen = c.box, c.readonly or not c.may(c.box, "e"), set(c.picture.uids)
    text, untagged = c.ok("CLOSE")
    expect(not any(re.match(rb"\d+ EXPUNGE|VANISHED", u) for u in untagged), "CLOSE tells what it removes", untagged)
    c.box = None
    c.leave()
    if not readonly:
        expunged(w, b, [u for u, m in b.messages.items() if "\\Deleted" in m.flags], seen)


def expunged(w, b, uids, seen):
    """These are gone; of those that the session hadn't been told of, the server may have kept what it would."""
    doubtful = [u for u in uids if u not in seen]
    for u in uids:
        if u in seen:
            b.remove(u)
    if doubtful:
        w.observe(b, doubtful)


def create(w, c):
    name = w.dice.choice(NAMES)
    status, text, _ = c.run(f'CREATE "{name}"')
    expect(status == ("NO" if name in c.home else "OK"), "CREATE", name, status, text)
    if status == "OK":
        created(c.home, name, c.account)
    else:
        expect("[ALREADYEXISTS]" in text, text)


def created(home, name, owner):
    """What is granted above it is granted on it, too."""
    parent = name.rpartition("/")[0]
    if parent and parent not in home:
        home[parent] = Box(parent, owner)
    home[name] = Box(name, owner, home[parent].granted if parent else "")


def held(w, home, name):
    return any(c.box is b for c in w.clients for n, b in home.items() if n == name or n.startswith(name + "/"))


def delete(w, c):
    name = w.dice.choice(NAMES)
    if name == "INBOX" or held(w, c.home, name) or any(n.startswith(name + "/") for n in c.home):
        return False
    status, text, _ = c.run(f'DELETE "{name}"')
    expect(status == ("OK" if name in c.home else "NO"), "DELETE", name, status, text)
    if status == "OK":
        deleted(w, c.home, name)
    else:
        expect("[NONEXISTENT]" in text, text)


def deleted(w, home, name):
    b = home.pop(name)
    for k in w.clients:
        k.cache.pop(b, None)


def rename(w, c):
    """Also of mailboxes that sessions have selected: they stay where they are, under another name."""
    old, new = w.dice.sample(NAMES[1:], 2)
    if "/" in old + new or any(n.startswith((old + "/", new + "/")) for n in c.home):
        return False
    status, text, _ = c.run(f'RENAME "{old}" "{new}"')
    expect(status == ("OK" if old in c.home and new not in c.home else "NO"), "RENAME", old, new, status, text)
    if status == "OK":
        b = c.home.pop(old)
        b.name = new
        c.home[new] = b


def status(w, c):
    b = w.dice.choice(c.boxes("r"))
    c.picture.condstore = True  # HIGHESTMODSEQ enables (RFC 7162 3.1)
    _, untagged = c.ok(f'STATUS "{c.name(b)}" (MESSAGES UIDNEXT UIDVALIDITY UNSEEN DELETED HIGHESTMODSEQ)')
    line = next(u for u in untagged if u.startswith(b"STATUS "))
    words = line[line.rindex(b"(") + 1 : -1].decode().split()
    told = dict(zip(words[::2], map(int, words[1::2])))
    flags = [m.view(c.account) for m in b.messages.values()]
    want = {"MESSAGES": len(flags), "UIDNEXT": b.uidnext, "UNSEEN": sum("\\Seen" not in f for f in flags), "DELETED": sum("\\Deleted" in f for f in flags)}
    for key, value in want.items():
        expect(told[key] == value, "STATUS of", b.name, "says", key, told[key], "and not", value)
    expect(b.uidvalidity in (None, told["UIDVALIDITY"]), "UIDVALIDITY in STATUS")
    b.told_high(told["HIGHESTMODSEQ"])


# ---- messages ----


def filed(w, c, box, flags, token):
    """Of the flags, those that may be set there; \\Seen is that of who files."""
    flags = set(flags) & w.allowed(c.account, box)
    return box.add(flags, {c.account} if "\\Seen" in flags else (), token)


def copied_to(w, c, source, target, m):
    """Within an account, what each has seen goes along."""
    if source.owner != target.owner:
        return filed(w, c, target, m.view(c.account), m.token)
    allowed = w.allowed(c.account, target)
    return target.add(m.flags & allowed, m.seen if "\\Seen" in allowed else m.seen - {c.account}, m.token)


def append(w, c):
    b = w.dice.choice(c.boxes("i"))
    if c.box and c.may(c.box, "i") and w.dice.random() < 0.6:
        b = c.box
    if len(b.messages) > CROWDED:
        return False
    count = w.dice.choice((1, 1, 1, 2, 3))
    text, literals, new = f'APPEND "{c.name(b)}"', [], []
    for i in range(count):
        token, body = message(w)
        flags = some_flags(w)
        new.append((flags, token))
        piece = f" {flag_list(flags)} {{{len(body)}}}"
        if i == 0:
            text += piece
        else:
            literals[-1] += piece.encode()
        literals.append(body)
    first = b.uidnext
    for flags, token in new:
        filed(w, c, b, flags, token)
    got, _ = c.ok(text, literals)
    told = code(got, "APPENDUID")
    expect(bool(told) == c.may(b, "r"), "APPENDUID where it may be told:", c.may(b, "r"), got)  # RFC 4315 3
    if told:
        expect(b.uidvalidity in (None, int(told[0])), "APPENDUID names", told[0], "for", b.uidvalidity)
        expect(read_set(told[1]) == list(range(first, b.uidnext)), "APPENDUID", told[1], "and not", first, "to", b.uidnext - 1)
    if c.box is b:
        expect(c.picture.uids[-count:] == list(range(first, b.uidnext)), "a message that the session filed itself isn't told to it")


def replace(w, c):
    """One message in another's place (RFC 8508), in this mailbox or another."""
    if not ready(c) or not c.alive() or c.readonly or not c.may(c.box, "te"):
        return False
    uid = w.dice.choice(c.alive())
    b = w.dice.choice((c.box, c.box, w.dice.choice(c.boxes("i"))))
    if not c.may(b, "i") or b.owner != c.box.owner:  # in another account: NO [CANNOT], clients copy and remove
        return False
    if len(b.messages) > CROWDED:
        return False
    token, body = message(w)
    flags = some_flags(w)
    by, what = ("UID ", uid) if c.picture.uidonly or w.dice.random() < 0.5 else ("", c.picture.uids.index(uid) + 1)
    new = filed(w, c, b, flags, token)
    c.box.remove(uid)
    text, untagged = c.ok(f'{by}REPLACE {what} "{c.name(b)}" {flag_list(flags)} {{{len(body)}}}', [body])
    told = code(text, "APPENDUID") or next((code(u[3:].decode(), "APPENDUID") for u in untagged if u.startswith(b"OK [APPENDUID")), None)
    expect(read_set(told[1]) == [new] if told else not c.may(b, "r"), "REPLACE says", text, untagged, "and not UID", new)
    expect(uid not in c.picture.uids, "REPLACE doesn't tell that UID", uid, "is gone")
    return True


def saved_search(w, c):
    """`$` is what was found, less what is told gone since (RFC 5182)."""
    if not ready(c) or c.readonly:
        return False
    c.ok("NOOP")
    c.check_whole()
    key, holds = w.dice.choice(list(KEYS.items()))
    found = [u for u, m in c.box.messages.items() if holds(m.view(c.account))]
    _, untagged = c.ok(f"UID SEARCH RETURN (SAVE) {key}")
    expect(not any(u.startswith(b"SEARCH") for u in untagged), "SEARCH RETURN (SAVE) answers", untagged)
    if w.dice.random() < 0.5:
        other = w.dice.choice(w.clients)
        if other is not c:
            w.dice.choice((store, expunge))(w, other)
    c.ok("UID FETCH $ (UID FLAGS)")
    got = {u for k, u, v in c.picture.results if k == "FETCH"}
    expect(got >= {u for u in found if u in c.box.messages}, "$ gives", sorted(got), "and not", found)
    return True


def append_nowhere(w, c):
    absent = [n for n in NAMES if n not in c.home]
    if not absent:
        return False
    _, body = message(w)
    state, text, _ = c.run(f'APPEND "{w.dice.choice(absent)}" {{{len(body)}+}}\r\n' + body.decode())
    expect(state == "NO" and text.startswith("[TRYCREATE]"), state, text)


def copy_or_move(w, c, verb):
    if not ready(c) or not (what := chosen(w, c)):
        return False
    by, numbers, uids = what
    target = w.dice.choice(c.boxes("i"))
    alive = [u for u in uids if u in c.box.messages]
    if len(target.messages) + len(uids) > CROWDED:
        return False
    if verb == "MOVE" and (c.readonly or not c.may(c.box, "te")):
        state, text, _ = c.run(f'{by}{verb} {numbers} "{c.name(target)}"')
        expect(state == "NO" and (c.readonly or text.startswith("[NOPERM]")), "MOVE out of a mailbox that may not be changed", state, text)
        return True
    source = c.box
    copied = [(u, source.messages[u]) for u in alive]
    first = target.uidnext
    if len(alive) < len(uids):  # something is gone: all, nothing or the rest may happen, and is seen
        return doubtful_copy(w, c, f'{by}{verb} {numbers} "{c.name(target)}"', verb, target, copied)
    for _, m in copied:
        copied_to(w, c, source, target, m)
    if verb == "MOVE":
        for u in alive:
            source.remove(u)
    text, untagged = c.ok(f'{by}{verb} {numbers} "{c.name(target)}"')
    check_copyuid(c, text, untagged, target, alive, first)
    if verb == "MOVE":
        expect(not alive or code(text, "HIGHESTMODSEQ"), "MOVE without HIGHESTMODSEQ", text)  # RFC 6851 4.4
        left = [u for u in alive if u in c.picture.uids]
        expect(not left, "MOVE doesn't tell that", left, "are gone")
    return True


def check_copyuid(c, text, untagged, target, uids, first):
    told = code(text, "COPYUID") or next((code(u[3:].decode(), "COPYUID") for u in untagged if u.startswith(b"OK [COPYUID")), None)
    may_know = uids and c.may(target, "r")  # RFC 4315 3
    expect(bool(told) == bool(may_know), "COPYUID where it may be told:", may_know, text, untagged)
    if not may_know:
        return
    expect(target.uidvalidity in (None, int(told[0])), "COPYUID names", told[0], "for", target.uidvalidity)
    expect(read_set(told[1]) == uids, "COPYUID of", told[1], "and not", uids)
    expect(read_set(told[2]) == list(range(first, first + len(uids))), "COPYUID to", told[2], "and not from", first)


def doubtful_copy(w, c, command, verb, target, copied):
    """Some messages are gone and the session doesn't know: NO and nothing done, or OK with what is left (RFC 2180 4.4.2)."""
    first = target.uidnext

    def happened(state, text, untagged):
        if state == "OK":
            for _, m in copied:
                copied_to(w, c, c.box, target, m)
            if verb == "MOVE":
                for u, _ in copied:
                    c.box.remove(u)

    state, text, untagged = c.run_late(command, happened)
    if state == "OK":
        check_copyuid(c, text, untagged, target, [u for u, _ in copied], first)
    else:
        expect(state == "NO", command, state, text)
    return True


def copy(w, c):
    return copy_or_move(w, c, "COPY")


def move(w, c):
    return copy_or_move(w, c, "MOVE")


def store(w, c):
    if not ready(c) or not (what := chosen(w, c)):
        return False
    by, numbers, uids = what
    kind = w.dice.choice(("+", "+", "-", ""))
    flags = frozenset(some_flags(w) or ["\\Seen"])
    silent = w.dice.random() < 0.3
    allowed = w.allowed(c.account, c.box)
    may_change = bool(allowed & flags if kind else allowed)
    since = None
    if w.dice.random() < 0.3:
        since = max(0, w.dice.choice([c.picture.highest, c.box.high, c.box.high - w.dice.randrange(20), 0] + list(c.picture.modseq.values())[:3]))
        c.picture.condstore = c.picture.condstore or (not c.readonly and may_change)  # what is refused enables nothing
    text = f"{by}STORE {numbers} " + (f"(UNCHANGEDSINCE {since}) " if since is not None else "") + f"{kind}FLAGS{'.SILENT' if silent else ''} {flag_list(flags)}"
    if c.readonly or not may_change:
        state, got, _ = c.run(text)
        expect(state == "NO" and (c.readonly or got.startswith("[NOPERM]")), "STORE of what may not be changed", state, got)
        return True
    flags &= allowed
    b, old = c.box, {}
    alive = [u for u in uids if u in b.messages]
    changed, kept, unsure = [], [], []
    tests_keywords = since == 0 and kind and not any(flag.startswith("\\") for flag in flags)  # what is not there has no modseq (RFC 7162 3.1.3)
    for u in alive:
        modseq, low = b.messages[u].modseq[c.account], b.messages[u].low[c.account]
        if tests_keywords:
            (kept if c.flags(u) & flags else changed).append(u)
        elif since is None or (modseq is not None and modseq <= since):
            changed.append(u)
        elif (modseq is not None and modseq > since) or low >= since:
            kept.append(u)
        else:
            unsure.append(u)
    if unsure:
        w.observe(b, account=c.account)  # now their MODSEQ is known
        changed += [u for u in unsure if b.messages[u].modseq[c.account] <= since]
        kept += [u for u in unsure if b.messages[u].modseq[c.account] > since]

    def happened(state, text, untagged):
        for u in changed if state == "OK" or "[MODIFIED" in text else ():
            old[u] = c.flags(u)
            b.store(u, old[u] | flags if kind == "+" else old[u] - flags if kind == "-" else old[u] - allowed | flags, c.account)

    state, got, _ = c.run_late(text, happened)
    if len(alive) < len(uids) and state == "NO" and "[MODIFIED" not in got:
        return True
    expect(state == "OK" or len(alive) < len(uids), text, state, got)
    check_modified(c, got, by, kept, uids)
    told = {u for k, u, v in c.picture.results if k == "FETCH" and ("FLAGS" in v or silent)}
    for u in changed:
        if not silent and c.flags(u) != old[u]:
            expect(u in told, "STORE doesn't tell the flags of UID", u)
        elif c.picture.condstore and c.flags(u) != old[u]:
            expect(u in told, "a silent STORE doesn't tell the MODSEQ of UID", u)
        if silent and u in c.picture.flags:
            c.picture.flags[u] = c.flags(u) if c.picture.flags[u] == old[u] or u in told else c.picture.flags[u]
            if u not in told and c.picture.flags[u] != c.flags(u):
                c.picture.flags[u] = c.flags(u)  # nobody can tell the difference: what others did is told with the next change
    if not silent:
        c.check_new_flags(changed)
    return True


def check_modified(c, text, by, kept, uids):
    told = code(text, "MODIFIED")
    meant = read_set(told[0]) if told else []
    if not by:
        for n in meant:
            expect(n <= len(c.picture.uids), "MODIFIED names", n)
        meant = [c.picture.uids[n - 1] for n in meant]
    expect(set(kept) <= set(meant), "MODIFIED names", meant, "and not", kept)
    expect(all(u in kept or u not in c.box.messages for u in meant), "MODIFIED names", meant, "of", uids, "where only", kept, "have changed")


def expunge(w, c):
    if not ready(c):
        return False
    if c.readonly or not c.may(c.box, "e"):
        state, text, _ = c.run(w.dice.choice(("EXPUNGE", "UID EXPUNGE 1:*")))
        expect(state == "NO" and (c.readonly or text.startswith("[NOPERM]")), "EXPUNGE of what may not be removed", state, text)
        return True
    b, p = c.box, c.picture
    deleted = [u for u, m in b.messages.items() if "\\Deleted" in m.flags]
    command = "EXPUNGE"
    if w.dice.random() < 0.4:
        uids = w.some(list(range(1, b.uidnext)), 6)
        if not uids:
            return False
        command = "UID EXPUNGE " + write_set(uids)
        deleted = [u for u in deleted if u in uids]
    if any(u not in p.uids for u in deleted):
        c.ok("NOOP")
        c.check_whole()
    for u in deleted:
        b.remove(u)
    text, _ = c.ok(command)
    left = [u for u in deleted if u in p.uids]
    expect(not left, command, "leaves", left)
    told = code(text, "HIGHESTMODSEQ")
    if told:
        b.told_high(int(told[0]))
    elif deleted and p.qresync:
        expect(False, command, "without HIGHESTMODSEQ", text)
    return True


# ---- looking ----


def noop(w, c):
    if c.wire is None:
        return False
    c.ok(w.dice.choice(("NOOP", "NOOP", "CHECK")) if c.box and not c.rev2 else "NOOP")
    if c.box:
        c.check_whole()


def idle(w, c):
    """Another client does something to the mailbox meanwhile: it is told at once."""
    others = [k for k in w.clients if k is not c and k.box is c.box and not k.readonly and k.picture.uids]
    if not ready(c):
        return False
    c.picture.begin("IDLE")
    tag = c.wire.start("IDLE")
    while not (line := c.wire.response()).startswith(b"+"):
        expect(line.startswith(b"* "), "IDLE", line)
        c.picture.told(line[2:])
    catch_up(c)
    c.idling = True
    for m in c.box.messages.values():
        m.past = []
    for _ in range(w.dice.choice((0, 1, 2))):
        w.dice.choice((store, expunge, append))(w, w.dice.choice(others) if others else next(k for k in w.clients if k is not c))
        catch_up(c)
    c.wire.send("DONE\r\n")
    state, text, _ = c.wire.finish(tag, c.picture.told)
    c.picture.ended(text)
    c.idling = False
    expect(state == "OK", "IDLE", text)
    c.check_whole()


def catch_up(c):
    """Reads until the picture is whole, which must not take long."""
    until = time.monotonic() + 5 * SLOW
    while not c.is_whole():
        c.wire.raw.socket.settimeout(max(0.001, until - time.monotonic()))
        try:
            line = c.wire.response()
        except TimeoutError:
            c.check_whole()
            raise
        finally:
            c.wire.raw.socket.settimeout(30 * SLOW)
        c.picture.told(line[2:])


def fetch(w, c):
    if not ready(c) or not (what := chosen(w, c)):
        return False
    by, numbers, uids = what
    items = set(w.dice.sample(("UID", "FLAGS", "MODSEQ", "BODY.PEEK[HEADER.FIELDS (X-Token)]"), w.dice.randint(1, 4)))
    modifier, since = "", None
    if w.dice.random() < 0.25:
        since = w.dice.choice((1, max(1, c.picture.highest), max(1, c.box.high - w.dice.randrange(10))))
        modifier = f" (CHANGEDSINCE {since}" + (" VANISHED)" if by and c.picture.qresync and w.dice.random() < 0.6 else ")")
        items.add("MODSEQ")
    if "MODSEQ" in items:
        c.picture.condstore = True
    gone = [u for u in uids if u not in c.box.messages]
    state, text, _ = c.run(f"{by}FETCH {numbers} ({' '.join(sorted(items))}){modifier}")
    expect(state == "OK" or (state == "NO" and gone), "FETCH", state, text)
    got = {}
    for kind, uid, values in c.picture.results:
        if kind == "FETCH":
            got.setdefault(uid, {}).update(values)
    for u in uids:
        m = c.box.messages.get(u)
        if m is None or state == "NO":
            continue
        if since is not None:
            if u in got and "FLAGS" not in got[u]:  # with FLAGS, it may be word of a change that wasn't told before
                expect(int(got[u]["MODSEQ"][0]) > since, "CHANGEDSINCE", since, "gives", got[u])
            if m.modseq[c.account] is not None and m.modseq[c.account] > since:
                expect(u in got, "CHANGEDSINCE", since, "leaves out UID", u, "with", m.modseq[c.account])
            continue
        expect(u in got, "FETCH leaves out UID", u)
        have = {k.split("[")[0] for k in got[u]}
        for item in items:
            expect(item.split(".")[0] in have or (item == "UID" and c.picture.uidonly), "FETCH of UID", u, "without", item)
    if "VANISHED" in modifier:
        told = {u for k, _, v in c.picture.results if k == "EARLIER" for u in v}
        for u in range(min(uids), max(uids) + 1):
            if u in c.box.gone and c.box.gone[u] >= since and u in read_set(numbers):
                expect(u in told or u not in c.picture.uids, "VANISHED leaves out", u)
    return True


KEYS = {
    "ALL": lambda f: True,
    "SEEN": lambda f: "\\Seen" in f,
    "UNSEEN": lambda f: "\\Seen" not in f,
    "FLAGGED": lambda f: "\\Flagged" in f,
    "DELETED": lambda f: "\\Deleted" in f,
    "UNDELETED": lambda f: "\\Deleted" not in f,
    "DRAFT": lambda f: "\\Draft" in f,
    "KEYWORD $Label1": lambda f: "$Label1" in f,
    "UNKEYWORD kw-two": lambda f: "kw-two" not in f,
    "OR SEEN DELETED": lambda f: "\\Seen" in f or "\\Deleted" in f,
    "NOT ANSWERED": lambda f: "\\Answered" not in f,
}


def search(w, c):
    if not ready(c):
        return False
    p, b = c.picture, c.box
    key, holds = w.dice.choice(list(KEYS.items()))
    by = "UID " if p.uidonly or w.dice.random() < 0.5 else ""
    inside = None
    if p.uids and w.dice.random() < 0.4:
        inside = w.some(p.uids, 8)
        if p.uidonly or w.dice.random() < 0.5:
            key += " UID " + write_set(inside)
        else:
            key = write_set([p.uids.index(u) + 1 for u in inside]) + " " + key
    result = w.dice.choice(("", "", "RETURN () ", "RETURN (MIN MAX COUNT) ", "RETURN (ALL COUNT) "))
    sure = {u: m.view(c.account) for u, m in b.messages.items() if u in p.uids and c.is_sure(u) and (inside is None or u in inside)}
    maybe = {u for u in p.uids if u not in sure and (inside is None or u in inside)}
    before = list(p.uids)
    _, untagged = c.ok(f"{by}SEARCH {result}{key}")
    want = [u for u, f in sure.items() if holds(f)]
    told = parse_search(untagged, by, c.rev2 or bool(result), f"t{c.wire.tags}")
    uids = {k: ([n if by else before[n - 1] for n in v] if k != "COUNT" else v) for k, v in told.items()}
    uncertain = maybe & set(p.uids) | {u for u in before if u not in p.uids} | {u for u in p.uids if u not in before}
    if "ALL" in uids or not any(k in uids for k in ("MIN", "MAX", "COUNT")):
        got = set(uids.get("ALL", []))
        expect(got - uncertain == set(want) - uncertain, f"{by}SEARCH {key} finds", sorted(got), "and not", want)
    if not uncertain:
        if "COUNT" in uids:
            expect(uids["COUNT"] == [len(want)], "COUNT", uids["COUNT"], "of", len(want))
        if "MIN" in uids or "MAX" in uids:
            expect(uids["MIN"] == [min(want)] and uids["MAX"] == [max(want)], "MIN and MAX", uids, "of", want)
    return True


def parse_search(untagged, by, extended, tag):
    lines = [u.decode() for u in untagged if u.startswith((b"SEARCH", b"ESEARCH"))]
    expect(len(lines) == 1, "one answer of SEARCH", lines)
    line = lines[0]
    expect(line.startswith("ESEARCH") == extended, "the form of", line)
    if not extended:
        return {"ALL": [int(n) for n in line.split("(")[0].split()[1:]]}
    expect(f'(TAG "{tag}")' in line, "the tag of", line)
    expect((" UID" in line) == bool(by), "UID in", line)
    words = line.split(")", 1)[1].replace(" UID", "", 1).split()
    return {k: read_set(v) for k, v in zip(words[::2], words[1::2]) if k != "MODSEQ"}


def numbered_with_uidonly(w, c):
    if not ready(c) or not c.picture.uidonly:
        return False
    state, text, _ = c.run(w.dice.choice(("FETCH 1 FLAGS", "STORE 1 +FLAGS (\\Seen)", "SEARCH 1", 'COPY 1 "INBOX"', 'MOVE 1 "INBOX"', "UID SEARCH 1:3")))
    expect(state == "BAD" and text.startswith("[UIDREQUIRED]"), state, text)


ACTIONS = (
    (2, reconnect),
    (6, select),
    (1, unselect),
    (2, close),
    (1, create),
    (1, delete),
    (1, rename),
    (3, status),
    (14, append),
    (1, append_nowhere),
    (3, replace),
    (2, saved_search),
    (7, copy),
    (6, move),
    (20, store),
    (8, expunge),
    (14, noop),
    (3, idle),
    (14, fetch),
    (8, search),
    (1, numbered_with_uidonly),
)
