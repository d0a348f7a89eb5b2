"""What name servers may say: loops, lies, cut answers and a thousand mail servers. Mail goes where it should, waits, or comes back; it goes nowhere else."""
import smtplib
import socket
import socketserver
import struct
import threading

import harness
import tls_lab
from harness import PASSWORD, SLOW, Instance, no_verify, wait_until
from smtp_sink import Sink

tls_lab.enter(__file__)

DNS_PORT = 5300
A, CNAME, SOA, MX, AAAA = 1, 5, 6, 15, 28
GOOD = "192.0.2.10"
world = {}


def name(text):
    return b"".join(bytes([len(label)]) + label for label in text.encode("latin-1").split(b".") if label) + b"\0"


def mx(preference, host):
    return struct.pack(">H", preference) + (host if isinstance(host, bytes) else name(host))


def a(text):
    return socket.inet_aton(text)


# name -> {type: [rdata]}; beside these each name may have a manner (see Names).
ZONE = {
    "good.example": {MX: [mx(10, "mx.good.example")]},
    "mx.good.example": {A: [a(GOOD)]},
    "zero.example": {MX: [mx(10, "mx.zero.example")]},
    "mx.zero.example": {A: [a(GOOD)]},
    "round.example": {CNAME: [name("about.example")]},
    "about.example": {CNAME: [name("round.example")]},
    "self.example": {CNAME: [name("self.example")]},
    "hostloop.example": {MX: [mx(10, "round.example")]},
    "six.example": {MX: [mx(10, "mx.six.example")]},
    "mx.six.example": {AAAA: [socket.inet_pton(socket.AF_INET6, "2001:db8::6")]},
    "literal.example": {MX: [mx(10, GOOD)]},
    "literals.example": {MX: [mx(5, GOOD), mx(10, "mx.good.example")]},
    "null.example": {MX: [mx(0, "")]},
    "nullandmore.example": {MX: [mx(0, ""), mx(10, "mx.good.example")]},
    "ownname.example": {MX: [mx(10, "mail.example.org")]},
    "mail.example.org": {A: [a("192.0.2.99")]},
    "loopback.example": {MX: [mx(10, "mx.loopback.example")]},
    "mx.loopback.example": {A: [a("127.0.0.1")]},
    "anyaddress.example": {MX: [mx(10, "mx.anyaddress.example")]},
    "mx.anyaddress.example": {A: [a("0.0.0.0")]},
    "mapped.example": {MX: [mx(10, "mx.mapped.example")]},
    "mx.mapped.example": {AAAA: [socket.inet_pton(socket.AF_INET6, "::ffff:127.0.0.1")]},
    "thousand.example": {MX: [mx(2000 - i, f"h{i}.thousand.example") for i in range(1000)]},
    "h999.thousand.example": {A: [a(GOOD)]},
    "wrongid.example": {MX: [mx(10, "mx.good.example")]},
    "wrongport.example": {MX: [mx(10, "mx.good.example")]},
    "cut.example": {MX: [mx(10, "mx.good.example")]},
    "noise.example": {MX: [mx(10, "mx.good.example")]},
    "another.example": {MX: [mx(10, "mx.good.example")]},
    "odd.example": {MX: [mx(10, b"\x08a b;\"\\@c\x07example\0")]},
    "poison.example": {MX: [mx(10, "mx.poison.example")]},
    "mx.poison.example": {A: [a(GOOD)]},
    "victim.example": {MX: [mx(10, "mx.good.example")]},
    "pointer.example": {MX: [mx(10, "mx.good.example")]},
    **{f"chain{i}.example": {CNAME: [name(f"chain{i + 1}.example")]} for i in range(40)},
}
MANNERS = {"zero.example": "zero", "mx.zero.example": "zero", "wrongid.example": "id", "wrongport.example": "port", "cut.example": "cut", "noise.example": "noise", "another.example": "another",
           "poison.example": "poison", "pointer.example": "pointer"}


class Names:
    """A name server for all of it. `asked`: names and types, in their order."""

    def __init__(self):
        self.asked = []
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", DNS_PORT))
        self.other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.other.bind(("127.0.0.1", 0))
        threading.Thread(target=self.serve, daemon=True).start()
        outer = self

        class Tcp(socketserver.StreamRequestHandler):
            def handle(self):
                length = self.rfile.read(2)
                if len(length) == 2:
                    answer = outer.answer(self.rfile.read(struct.unpack(">H", length)[0]), False)
                    if answer:
                        self.wfile.write(struct.pack(">H", len(answer)) + answer)

        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self.tcp = socketserver.ThreadingTCPServer(("127.0.0.1", DNS_PORT), Tcp)
        self.tcp.daemon_threads = True
        threading.Thread(target=self.tcp.serve_forever, daemon=True).start()

    def serve(self):
        while True:
            query, peer = self.udp.recvfrom(4096)
            answer = self.answer(query, True)
            if answer:
                (self.other if self.manner(query) == "port" else self.udp).sendto(answer, peer)

    @staticmethod
    def question(query):
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1").lower())
            at += query[at] + 1
        return ".".join(labels), struct.unpack(">H", query[at + 1:at + 3])[0], query[12:at + 5]

    def manner(self, query):
        return MANNERS.get(self.question(query)[0])

    @staticmethod
    def packet(ident, question, code=0, records=(), extra=(), cut=False):
        """Records and what stands beside them: (name, type, TTL, RDATA)."""
        authority = [] if records or cut else [(b"\0", SOA, 60, b"\0\0" + bytes(20))]
        head = ident + struct.pack(">HHHHH", (0x8380 if cut else 0x8180) | code, 1, len(records), len(authority), len(extra))
        return head + question + b"".join(n + struct.pack(">HHIH", t, 1, ttl, len(r)) + r for n, t, ttl, r in [*records, *authority, *extra])

    def answer(self, query, udp):
        asked, kind, question = self.question(query)
        self.asked.append((asked, kind))
        manner, found, ident, extra = MANNERS.get(asked), ZONE.get(asked), query[:2], []
        records = [(name(asked), t, 0 if manner == "zero" else 60, r) for t in sorted({kind, CNAME}) for r in (found or {}).get(t, [])]
        if manner == "noise":
            return ident + b"\x81\x80" + bytes(range(7, 40))
        if manner == "cut" or (manner is None and udp and len(records) > 20):
            return self.packet(ident, question, cut=True) if udp else None
        if manner == "id":
            ident = bytes([query[0] ^ 1, query[1]])
        elif manner == "another":
            question = name("good.example") + question[-4:]
        elif manner == "pointer":
            records = [(b"\xc0\x0c", MX, 60, b"\0\x0a\xc0" + bytes([12 + len(question) + 12 + 2]))]
        elif manner == "poison":
            extra = [(name("victim.example"), MX, 60, mx(1, "mx.evil.example")), (name("mx.good.example"), A, 60, a("192.0.2.66")), (name("mx.evil.example"), A, 60, a("192.0.2.66"))]
        return self.packet(ident, question, 0 if found else 3, records, extra)


def daemon():
    if not world:
        lab = tls_lab.Lab()
        world["names"] = Names()
        with open(f"{lab.folder}/no.anchor", "w") as f:
            f.write("; nothing here is signed\n")
        world["good"], world["evil"], world["six"] = Sink(GOOD, 25), Sink("192.0.2.66", 25), Sink("2001:db8::6", 25)
        world["own"] = Sink("192.0.2.99", 25)
        world["daemon"] = Instance(users=["alice", "bob"], conf=f"resolver = 127.0.0.1@{DNS_PORT}\ntrust_anchor = {lab.folder}/no.anchor\n", host="192.0.2.1", services=("submissions", "imaps"))
    return world["daemon"]


def submit(domain, subject):
    p = daemon()
    with smtplib.SMTP_SSL(p.at, p.port["submissions"], local_hostname="laptop.example", context=no_verify(), timeout=30 * SLOW) as s:
        s.login("bob@example.org", PASSWORD)
        s.sendmail("bob@example.org", [f"x@{domain}"], f"From: bob@example.org\r\nSubject: {subject}\r\n\r\nhello\r\n".encode())


def entry(subject):
    found = [e for e in daemon().cli("queue", "ls", "-o", "json")["data"] if e["subject"] == subject]
    return found[0] if found else None


def nobody_else():
    assert not world["evil"].connections and not world["own"].connections


def arrives(domain, peer="good", subject=None):
    subject = subject or domain
    submit(domain, subject)
    wait_until(lambda: [m for m in world[peer].messages if f"Subject: {subject}\r\n".encode() in m.content], 30, lambda: f"{domain} arrives; {entry(subject)}\n{daemon().log_tail(8)}")
    nobody_else()


def waits(*domains):
    """The mail waits for another attempt. All at once: a name server that is not to be understood is asked for seconds."""
    for domain in domains:
        submit(domain, domain)
    for domain in domains:
        waiting = wait_until(lambda: (e := entry(domain)) and e["recipients"][0]["attempts"] >= 1 and e["recipients"][0]["state"] == "waiting" and e, 40, lambda: f"{domain} waits; {entry(domain)}\n{daemon().log_tail(8)}")
        assert not waiting["recipients"][0]["last_reply"].startswith("5"), waiting
        daemon().cli("queue", "rm", waiting["id"], "--yes")
        assert not [m for m in world["good"].messages if f"x@{domain}" in m.recipients]
    nobody_else()


def comes_back(domain, status, words):
    submit(domain, domain)
    found = wait_until(lambda: [m for m in daemon().bodies("bob") if b"report-type=" in m and f"Subject: {domain}\r\n".encode() in m], 30, lambda: f"{domain} comes back; {entry(domain)}\n{daemon().log_tail(8)}")
    assert f"Status: {status}".encode() in found[0] and words.encode() in found[0], found[0]
    nobody_else()


def test_plain_answers_and_answers_that_are_not_to_be_kept():
    arrives("good.example")
    for subject in ("zero-one", "zero-two"):
        arrives("zero.example", subject=subject)


def test_names_that_lead_to_themselves_are_tried_again():
    waits("round.example", "self.example", "hostloop.example", "chain0.example")


def test_answers_that_nobody_asked_for_are_not_taken():
    waits("wrongid.example", "wrongport.example", "another.example", "noise.example", "cut.example", "pointer.example")


def test_what_stands_beside_an_answer_is_not_believed():
    arrives("poison.example")
    arrives("victim.example")
    arrives("good.example", subject="after-poison")


def test_a_host_of_six_alone():
    arrives("six.example", peer="six")


def test_an_address_or_an_odd_name_in_the_place_of_a_host():
    waits("literal.example", "odd.example")
    arrives("literals.example")


def test_null_mx():
    comes_back("null.example", "5.1.10", "does not accept mail")
    arrives("nullandmore.example")


def test_hosts_that_are_this_machine_are_a_loop():
    for domain in ("ownname.example", "loopback.example", "anyaddress.example", "mapped.example"):
        comes_back(domain, "5.4.6", "this server")


def test_a_thousand_mail_servers():
    before = len(world["names"].asked)
    arrives("thousand.example")
    assert len(world["names"].asked) - before < 40, world["names"].asked[before:]


harness.run(globals())
