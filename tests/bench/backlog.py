"""100,000 messages that wait for servers that are down: what they cost in memory and at the start, and whether new mail feels them."""
import json
import smtplib
import subprocess
import threading
import time

MESSAGES, DESTINATIONS, CONNECTIONS = 100000, 1000, 16
BURST = 50  # transactions sent before their answers are read


def destination(n):
    return f"d{n:04d}.later.test"


def close_destinations(instance, port):
    """Each is a relay host where nobody listens: its mail waits."""
    path = f"{instance.dir}/relays.json"
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"version": 1, "relays": [{"domain": destination(n), "host": "127.0.0.1", "port": port, "tls": "none"} for n in range(DESTINATIONS)]}, file)
    instance.cli("apply", "-f", path, "--yes")


def hand_in(harness, instance, domain, first, count):
    sender = f"u1@{domain}"
    body = f"From: {sender}\r\nSubject: later\r\n\r\n{'x' * 70}\r\n".encode() + (b"y" * 78 + b"\r\n") * 25
    with smtplib.SMTP_SSL("127.0.0.1", instance.port["submissions"], local_hostname="bench.test", context=harness.no_verify(), timeout=60) as s:
        s.login(sender, harness.PASSWORD)
        for start in range(first, first + count, BURST):
            numbers = range(start, min(start + BURST, first + count))
            s.sock.sendall(b"".join(b"MAIL FROM:<%s>\r\nRCPT TO:<x%d@%s>\r\nBDAT %d LAST\r\n%s" % (sender.encode(), n, destination(n % DESTINATIONS).encode(), len(body), body) for n in numbers))
            for _ in range(3 * len(numbers)):
                code, words = s.getreply()
                assert code == 250, (code, words)


def fill(harness, instance, domain):
    faults = []

    def work(n):
        try:
            hand_in(harness, instance, domain, n * MESSAGES // CONNECTIONS, MESSAGES // CONNECTIONS)
        except Exception as fault:  # told below, by the thread that can fail
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults, faults[0]


def is_settled(instance):
    """Everything has been tried at least once, or stands behind a server that was found down."""
    status = instance.cli("status", "-o", "json")
    return status["queue"]["active"] == 0


def measure(bench, harness, pss_kib, make):
    """make() -> a server like bench.Ours, not started but for its setup."""
    section = f"{MESSAGES:,} messages that wait for {DESTINATIONS:,} servers that are down"
    busy, calm = make(), make()
    try:
        empty_kib = pss_kib(busy)
        close_destinations(busy.instance, harness.free_port())
        fill(harness, busy.instance, bench.domain)
        harness.wait_until(lambda: is_settled(busy.instance), 300, "all have been tried")
        busy.stop()
        subprocess.run(["sync"], check=True)
        began = time.monotonic()
        busy.start()
        took = time.monotonic() - began
        assert busy.instance.cli("status", "-o", "json")["queue"]["messages"] == MESSAGES, "all of them wait"
        bench.row(section, "start, until all ports answer", "s", [took], higher=False, target=("most", 2))
        bench.row(section, "PSS of the daemon, grown from that of an empty queue", "MiB", [(pss_kib(busy) - empty_kib) / 1024], higher=False, target=("most", 100))

        def send(server):
            return bench.load(server, "submit", service="submissions", connections=10, sink=bench.sink, count=4000, users=1)[0]["arrived_per_s"]

        rates = bench.by_turns([busy, calm], send, warm=True)
        bench.row(section, "new mail, submitted over TLS to the next server, beside an empty queue", "messages/s", *rates, target=("ratio", 0.9), note="the peer is ourselves without the backlog")
    finally:
        for server in (busy, calm):
            server.stop()
            server.close()
