"""Runs the wider harness (`make bench HARNESS=DIR`): its peers/postroom.sh against its Postfix + Dovecot, and brings its table home.

The harness installs packages and makes users. Here that happens in a mount namespace whose /usr, /etc and /var are overlays:
the system keeps what it has.
"""
import os
import resource
import shutil
import subprocess
import sys

import peer

PACKAGES = ["postfix", "dovecot-imapd", "dovecot-pop3d", "dovecot-lmtpd"]
PEERS = "postroom,postfix-dovecot-maildir"
REFERENCE = "postfix-dovecot-maildir"
WORK = "rest,smtp,submit,imap,idle"
NOFILE = 65536  # what the harness asks for with ulimit

SCRIPT = r"""
set -eu
layers=$1 debs=$2
shift 2
for d in usr etc var; do
	mkdir -p "$layers/$d" "$layers/work-$d"
	mount -t overlay overlay -o "lowerdir=/$d,upperdir=$layers/$d,workdir=$layers/work-$d" "/$d"
done
# Nothing that is installed here is started.
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
if [ -n "$(ls "$debs")" ]; then
	DEBIAN_FRONTEND=noninteractive dpkg -i "$debs"/*.deb > "$layers/dpkg.log" 2>&1 || { tail -n 5 "$layers/dpkg.log" >&2; exit 1; }
fi
exec "$@"
"""


def environment(postroom, folder):
    """What the harness is told; with a note when something had to be bent."""
    env, notes = dict(os.environ, BENCH_TMP=folder, POSTROOM=postroom), []
    if 0 <= resource.getrlimit(resource.RLIMIT_NOFILE)[1] < NOFILE:
        env["BASH_FUNC_ulimit%%"] = "() { :; }"
        notes.append(f"The hard limit of open files is below {NOFILE:,} here, where the harness's `ulimit -n {NOFILE}` fails: `ulimit` was a function that does nothing in its shells.")
    return env, notes


def run(harness, postroom, cache, home, runs=3, seconds=1):
    """The lines for RESULTS.md."""
    folder = os.path.join(cache, "harness")
    layers = os.path.join(cache, "layers")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(layers, ignore_errors=True)
    os.makedirs(folder)
    os.makedirs(layers)
    env, notes = environment(postroom, folder)
    debs = os.path.join(layers, "debs")
    os.makedirs(debs)
    for deb in peer.download(os.path.join(cache, "peer"), PACKAGES):
        shutil.copy(deb, debs)
    program = os.path.join(os.path.abspath(harness), "bench.py")
    # bash, because sh does not hand an exported function on.
    command = ["unshare", "-m", "--propagation", "private", "bash", "-c", SCRIPT, "bash", layers, debs, sys.executable, program]
    options = ["--peers", PEERS, "--work", WORK, "--runs", str(runs), "--secs", str(seconds), "--idle", "500,2000", "--ref", REFERENCE]
    print(f"harness: bench.py {' '.join(options)}", flush=True)
    failed = subprocess.run(command + options, env=env).returncode != 0
    report = subprocess.run([sys.executable, program, "--report", "--ref", REFERENCE], env=env, capture_output=True, text=True)
    results = os.path.join(folder, "results.json")
    if os.path.exists(results):
        os.makedirs(os.path.join(home, "results"), exist_ok=True)
        with open(results, encoding="utf-8") as source, open(os.path.join(home, "results", "harness.json"), "w", encoding="utf-8") as target:
            target.write(source.read().replace(folder, "$BENCH_TMP").replace(os.path.abspath(harness), "$HARNESS") + "\n")
    if failed:
        notes.append("The harness ended with an error.")
    shutil.rmtree(layers, ignore_errors=True)
    return [f"`bench.py {' '.join(options)}`; ratios to its Postfix + Dovecot. The servers take their turns one after the other, not run by run. " + " ".join(notes), "", *report.stdout.strip().splitlines()]
