"""The bench's part `pop3`: maildrops fetched whole, with RETRs sent ahead, beside Dovecot."""
SMALL = 4096
MESSAGES = 10000
SECTION = "POP3, every message of a maildrop, RETR pipelined"


def measure(bench, servers, account, big):
    """`big`: the mailbox of 2 to 100 KiB that the part `mailbox` fills, when it is run."""
    for server in servers:
        bench.load(server, "fill", "plain", account=account, connections=4, count=MESSAGES, size=SMALL)
        if bench.load(server, "retr", account=big, service="pop3")[0]["messages"] == 0:
            bench.load(server, "fill", account=big, connections=4, count=MESSAGES)

    def rate(service, number, key):
        return bench.by_turns(servers, lambda s: bench.load(s, "retr", account=number, service=service)[0][key], warm=True)

    bench.row(SECTION, f"{MESSAGES:,} of 4 KiB, plain", "messages/s", *rate("pop3", account, "per_s"), target=("ratio", 2), note="or 20,000/s")
    bench.row(SECTION, f"{MESSAGES:,} of 4 KiB, TLS", "messages/s", *rate("pop3s", account, "per_s"))
    bench.row(SECTION, f"{MESSAGES:,} of 2-100 KiB, plain", "MB/s", *rate("pop3", big, "mb_per_s"))
    bench.row(SECTION, f"{MESSAGES:,} of 2-100 KiB, TLS", "MB/s", *rate("pop3s", big, "mb_per_s"), target=("ratio", 3))
