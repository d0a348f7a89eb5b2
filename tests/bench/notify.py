"""The bench's part `notify`: what a session that watches 1,000 mailboxes (NOTIFY, RFC 5465) costs each delivery.

Processor time of the daemon: on the clock deliveries that wait share a commit, so that whatever slows them makes them faster.
"""
import imaplib
import os
import socket
import statistics
import threading

MAILBOXES = 1000
DELIVERIES = 1000
WANTED = "SET (personal (MessageNew MessageExpunge FlagChange MailboxName))"


class Watcher:
    """Reads what it is told until it is closed."""

    def __init__(self, port, login, password, wanted):
        self.client, self.lines = imaplib.IMAP4("127.0.0.1", port), 0
        self.client.login(login, password)
        if self.client.xatom("NOTIFY", wanted)[0] != "OK":
            raise RuntimeError("NOTIFY was refused")
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        while True:
            try:
                line = self.client.readline()
            except (OSError, imaplib.IMAP4.error):
                return
            if not line:
                return
            self.lines += line.startswith(b"* STATUS ")

    def close(self):
        self.client.sock.shutdown(socket.SHUT_RDWR)  # ends the reading; imaplib's own shutdown would wait for it
        self.thread.join()
        self.client.shutdown()


def processor_ms(pid):
    with open(f"/proc/{pid}/stat") as file:
        words = file.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def measure(bench, server):
    login = f"u1@{bench.domain}"
    with imaplib.IMAP4("127.0.0.1", server.port["imap"]) as client:
        client.login(login, server.password)
        for n in range(MAILBOXES):
            client.create(f"box{n:04d}")

    def delivery_ms(wanted):
        watcher = Watcher(server.port["imap"], login, server.password, wanted)
        try:
            before = processor_ms(server.pids()[0])
            bench.load(server, "deliver", connections=1, users=1, size=4096, imap=server.port["imap"], count=DELIVERIES)
            taken = processor_ms(server.pids()[0]) - before
        finally:
            watcher.close()
        if bool(watcher.lines) != (wanted != "NONE"):
            raise RuntimeError(f"{wanted}: told {watcher.lines} times")
        return taken / DELIVERIES

    alone, watched = [], []
    delivery_ms("NONE")
    for _ in range(max(3, bench.args.runs)):
        alone.append(delivery_ms("NONE"))
        watched.append(delivery_ms(WANTED))
    section = f"NOTIFY, an account with {MAILBOXES:,} mailboxes"
    bench.row(section, "processor time of a delivery, beside a session that watches nothing", "ms", alone, higher=False)
    bench.row(section, "the same with a session that watches all of them", "ms", watched, higher=False)
    bench.row(section, "what watching costs a delivery", "ms", [statistics.median(watched) - statistics.median(alone)], higher=False, target=("most", 1))
