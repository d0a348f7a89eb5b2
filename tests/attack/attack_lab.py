"""What the attack tests stand on: the world of the contract tests with its access log, and scanners run from folders of their own."""
import collections
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../daemon"))

import harness  # noqa: E402
from contract_world import World, instance  # noqa: E402

_worlds = []


def world():
    if not _worlds:
        _worlds.append(World(instance()))
    return _worlds[0]


class Hits:
    """Requests by operation since this was made, as the access log has them."""

    def __init__(self, w):
        self.path = w.instance.log_path
        self.start = os.path.getsize(self.path)

    def count(self):
        """Counter of (operation, kind of caller)."""
        found = collections.Counter()
        with open(self.path, "rb") as log:
            log.seek(self.start)
            for line in log:
                match = re.search(rb" webui request .* caller=(\w+) operation=(\w+) peer=127\.", line)
                if match:
                    found[match.group(2).decode(), match.group(1).decode()] += 1
        return found


def scan(arguments, folder, seconds):
    """What a scanner said. No way out: it has no business with the net."""
    away = "http://127.0.0.1:9"
    env = dict(os.environ, HOME=folder, TERM="dumb", http_proxy="", https_proxy=away, HTTPS_PROXY=away, no_proxy="127.0.0.1", NO_PROXY="127.0.0.1")
    done = subprocess.run([harness.tool(arguments[0]), *arguments[1:]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", env=env, cwd=folder, timeout=seconds * harness.SLOW, check=False)
    return done.stdout
