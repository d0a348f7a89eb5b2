"""The bench's part `imap`: a mailbox of 10,000 messages (2 to 100 KiB) read, searched, flagged and written to, beside Dovecot."""
import imaplib
import smtplib
import statistics
import time

MESSAGES = 10000
COMMON, RARE = "shipment", "xyloneedle"  # text.h
FETCH = "FETCH 1:* (FLAGS UID ENVELOPE)"
FIELDS = "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE)])"
SECTION = f"IMAP, a mailbox of {MESSAGES:,} messages (2-100 KiB)"
INDEXED_SECONDS = 300


def append(bench, servers):
    """Dovecot's mdbox appends about 1.8 times as fast as its maildir, which is beside us here."""
    for connections, goal, note in ((1, ("ratio", 1.8), "the better of Dovecot's two formats"), (20, ("least", 4000), "")):
        counts = bench.sized(servers, "append", "per_s", connections=connections, size=4096)
        taken = bench.by_turns(servers, lambda s: bench.load(s, "append", connections=connections, size=4096, count=counts[s.name])[0]["per_s"])
        bench.row("IMAP", f"APPEND 4 KiB, {connections} connection{'s' * (connections > 1)}", "messages/s", *taken, target=goal, note=note)


def heard(bench, servers):
    """From the 250 of a delivery to the line in a session that is idle."""
    deliveries = 20

    def delay_ms(server):
        login, taken = f"u1@{bench.domain}", []
        with imaplib.IMAP4("127.0.0.1", server.port["imap"]) as idle, smtplib.SMTP("127.0.0.1", server.port["mx"]) as smtp:
            idle.login(login, server.password)
            idle.select("INBOX")
            idle.send(b"i IDLE\r\n")
            if not idle.readline().startswith(b"+"):
                raise RuntimeError("IDLE was refused")
            for n in range(deliveries):
                smtp.sendmail("s@load.test", [login], f"Subject: {n}\r\n\r\nx\r\n")
                began = time.monotonic()
                while b" EXISTS" not in idle.readline():
                    pass
                taken.append((time.monotonic() - began) * 1000)
            idle.send(b"DONE\r\n")
            while not idle.readline().startswith(b"i OK"):
                pass
        return statistics.median(taken)

    bench.row("IMAP", "IDLE: from a delivery's 250 to the line about it", "ms", *bench.by_turns(servers, delay_ms), higher=False, target=("most", 100), note=f"median of {deliveries}")


class Mailbox:
    def __init__(self, bench, ours, peer, account):
        self.bench, self.ours, self.servers, self.account = bench, ours, [ours, peer], account

    def script(self, server, *words, service="imap"):
        """The last command's result."""
        return self.bench.load(server, "script", *words, account=self.account, service=service)[-1]

    def fill(self):
        for server in self.servers:
            rate = self.bench.load(server, "fill", account=self.account, connections=4, count=MESSAGES)[0]["per_s"]
            print(f"  mailbox of {MESSAGES} filled at {server.name}: {rate:.0f}/s", flush=True)

    def timed(self, name, goal, words, note=""):
        taken = self.bench.by_turns(self.servers, lambda s: self.script(s, *words)["ms"], warm=True)
        self.bench.row(SECTION, name, "ms", *taken, higher=False, target=goal, note=note)

    def bodies(self):
        for name, service, goal in (("plain", "imap", 2), ("TLS", "imaps", 3)):
            def rate(server):
                done = self.script(server, "SELECT INBOX", "FETCH 1:* BODY.PEEK[]", service=service)
                return done["bytes"] / done["ms"] / 1000

            self.bench.row(SECTION, f"FETCH of all bodies, {name}", "MB/s", *self.bench.by_turns(self.servers, rate, warm=True), target=("ratio", goal))

    def restarted(self):
        def select(server):
            server.stop()
            server.start()
            time.sleep(1)
            return self.script(server, "SELECT INBOX")["ms"]

        self.bench.row(SECTION, "SELECT, the first after a restart", "ms", *self.bench.by_turns(self.servers, select), higher=False, target=("most", 3))

    def searches(self, state, goal):
        for name, word in (("a word in 1 of 100 messages", RARE), ("a word in nearly all", COMMON)):
            self.timed(f"SEARCH TEXT, {name}, {state}", goal, ["SELECT INBOX", f"SEARCH TEXT {word}"])

    def fuzzy(self):
        """Without a peer: the word with two neighbours swapped."""
        for name, word in (("a word in 1 of 100 messages", RARE), ("a word in nearly all", COMMON)):
            spoilt = word[:3] + word[4] + word[3] + word[5:]
            for command in ("SEARCH FUZZY TEXT", "SEARCH RETURN (RELEVANCY ALL) FUZZY TEXT"):
                taken = self.bench.by_turns([self.ours], lambda s: self.script(s, "SELECT INBOX", f"{command} {spoilt}")["ms"], warm=True)
                self.bench.row(SECTION, f"{command}, {name}, indexed", "ms", *taken, higher=False, target=("most", 50))

    def await_index(self):
        """Until everything is indexed: a search that reads nothing is fast and stays so."""
        began, last = time.monotonic(), None
        while time.monotonic() - began < INDEXED_SECONDS:
            now = self.script(self.ours, "SELECT INBOX", "SEARCH TEXT nowhereatall")["ms"]
            if last is not None and max(now, last) < 20:
                return
            last = now
            time.sleep(1)
        raise RuntimeError("the index is not ready")


def mailbox(bench, ours, peer, account):
    box = Mailbox(bench, ours, peer, account)
    box.fill()
    box.searches("not or partly indexed", ("ratio", 1))
    box.timed("SELECT", ("most", 0.6), ["NOOP", "SELECT INBOX"])
    box.timed(FETCH, ("most", 25), ["SELECT INBOX", FETCH])
    box.timed("FETCH of four header fields", None, ["SELECT INBOX", FIELDS])
    box.bodies()
    box.await_index()
    box.searches("indexed", ("most", 20))
    box.fuzzy()
    box.timed("SEARCH HEADER Subject, 1 of 4 messages", ("most", 10), ["SELECT INBOX", "SEARCH HEADER Subject shelves"])
    box.timed("SEARCH UNSEEN SINCE", ("most", 10), ["SELECT INBOX", "SEARCH UNSEEN SINCE 1-Jan-2020"])
    box.timed("SORT (DATE)", None, ["SELECT INBOX", "SORT (DATE) UTF-8 ALL"])
    box.timed("SORT (SUBJECT)", None, ["SELECT INBOX", "SORT (SUBJECT) UTF-8 ALL"])
    box.timed("THREAD REFERENCES", None, ["SELECT INBOX", "THREAD REFERENCES UTF-8 ALL"])
    box.timed("STORE 1:* +FLAGS (\\Flagged)", ("most", 30), ["SELECT INBOX", "STORE 1:* -FLAGS (\\Flagged)", "STORE 1:* +FLAGS (\\Flagged)"])
    box.restarted()
