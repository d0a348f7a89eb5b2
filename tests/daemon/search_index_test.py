"""SEARCH by the index: the same answers as by reading, while it is made, after a kill in the middle of it, and when it is damaged or gone."""
import glob
import os
import random
import time

import harness

WORDS = ["alder", "birch", "cedar", "Grüße", "検索", "fir@tree.example", "o'hazel", "larch-maple", "pine", "rowan"]
KEYS = ["birch", "EDA", "grüss", "grüß", "索", "R@TREE", "o'h", "ch-map", "ine row", "nowhere", "unique-17", "ue-1"]


class Mailbox:
    """An instance, and what stands in each of bob's messages."""

    def __init__(self, postroom):
        self.postroom = postroom
        self.texts = []
        self.random = random.Random(5)

    def deliver(self, count, words=1500):
        with self.postroom.smtp() as s:
            for _ in range(count):
                chosen = self.random.sample(WORDS, 3)
                text = f"unique-{len(self.texts)} " + " ".join(chosen) + "\r\n"
                text += "".join(f"{self.random.randrange(20000):x}" + ("\r\n" if k % 12 == 0 else " ") for k in range(words))
                body = f"Subject: test\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n"
                s.sendmail("me@example.net", [f"bob@{self.postroom.domain}"], body.encode())
                self.texts.append(text)
        self.postroom.wait_count(len(self.texts), seconds=60)

    def check(self):
        """Every key by SEARCH BODY, against the texts."""
        client = self.postroom.imap()
        client.select("INBOX", readonly=True)
        for key in KEYS:
            client.literal = key.encode()
            kind, data = client.uid("SEARCH", "CHARSET", "UTF-8", "BODY")
            assert kind == "OK", data
            found = {int(n) for n in (data[0] or b"").split()}
            wanted = {n + 1 for n, text in enumerate(self.texts) if key.lower() in text.lower()}
            assert found == wanted, (key, sorted(found ^ wanted)[:10])
        client.logout()

    def files(self):
        return glob.glob(os.path.join(self.postroom.dir, "**", "search.db"), recursive=True)

    def size(self):
        return sum(os.path.getsize(path + end) for path in self.files() for end in ("", "-wal") if os.path.exists(path + end))

    def metric(self, name):
        for line in self.postroom.cli("metrics").splitlines():
            if line.startswith(f"postroom_{name} "):
                return int(line.split()[1])
        raise AssertionError(name)

    def wait_until_indexed(self):
        self.check()  # makes an account that is behind known
        harness.wait_until(lambda: self.metric("search_accounts_waiting") == 0, 60, "nothing waits for the indexer")


def test_answers_stay_right_when_the_daemon_is_killed_while_it_indexes():
    with harness.Instance() as postroom:
        box = Mailbox(postroom)
        box.deliver(250)
        harness.wait_until(box.files, 20, "the index is begun")
        for round_number in range(5):
            postroom.kill()
            postroom.start()
            box.check()
            before = box.size()
            if round_number % 2:
                box.deliver(20)
                harness.wait_until(lambda: box.size() != before or box.metric("search_accounts_waiting") == 0, 30, "a batch")
            else:
                time.sleep(1.2 + box.random.random() * 0.6)  # somewhere in a batch
        box.wait_until_indexed()
        assert box.size() > 100000 and box.metric("search_index_stuck") == 0
        box.check()


def test_a_damaged_index_is_put_aside_and_a_lost_one_made_again():
    with harness.Instance() as postroom:
        box = Mailbox(postroom)
        box.deliver(60)
        box.wait_until_indexed()
        path, = box.files()
        for spoil in (lambda f: f.truncate(100), lambda f: f.write(b"x" * 8192), None):
            postroom.stop()
            for end in ("-wal", "-shm"):
                if os.path.exists(path + end):
                    os.unlink(path + end)
            if spoil:
                with open(path, "r+b") as f:
                    spoil(f)
            else:
                os.unlink(path)
            postroom.start()
            box.deliver(1)
            box.check()
            harness.wait_until(lambda: box.files() and box.size() > 20000 and box.metric("search_accounts_waiting") == 0, 30, lambda: f"made anew\n{postroom.log_tail()}")
            assert not spoil or os.path.exists(path + ".damaged")
            box.check()


def test_a_removed_user_takes_the_index_along():
    with harness.Instance() as postroom:
        box = Mailbox(postroom)
        box.deliver(40)
        box.wait_until_indexed()
        assert box.files()
        box.deliver(1)
        postroom.cli("user", "rm", "bob@example.org", "--yes")
        harness.wait_until(lambda: not box.files(), 10, "search.db is gone")
        harness.wait_until(lambda: box.metric("search_accounts_waiting") == 0, 90, "nobody waits")
        assert not box.files()


harness.run(globals())
