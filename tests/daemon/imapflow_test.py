"""imapflow (npm, by lock file): a mailbox is written, searched, watched with IDLE, and caught up with by QRESYNC; COMPRESS is on."""
import os
import subprocess

import harness
from harness import PASSWORD, SLOW, shared, tool


def daemon():
    return shared(users=["bob"])


def modules():
    """Where `npm ci` has put them; the Makefile did."""
    folder = os.path.join(os.path.dirname(os.path.abspath(harness.BINARY)), "node", "node_modules")
    assert os.path.isdir(os.path.join(folder, "imapflow")), f"{folder}: make check-daemon runs npm ci"
    return folder


def test_imapflow_does_what_an_application_does():
    p = daemon()
    script = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "node", "imapflow.js")
    done = subprocess.run([tool("node"), script, str(p.port["imaps"]), "bob@example.org", PASSWORD], capture_output=True, text=True, timeout=60 * SLOW,
                          env=dict(os.environ, NODE_PATH=modules()))
    assert done.returncode == 0 and done.stdout.endswith("done\n"), done.stdout + done.stderr + p.log_tail()


harness.run(globals())
