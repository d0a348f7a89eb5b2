"""The Debian package: installs without a question, runs under its unit in a booted container, keeps mail on purge.

The container is a fresh debootstrap of Debian 12, booted with systemd-nspawn on a private network.
"""
import glob
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "daemon"))
import harness  # noqa: E402

BUILD = os.path.dirname(os.path.abspath(harness.BINARY))
MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
ROOT = tempfile.mkdtemp(prefix="postroom-deb-")

# Runs as a unit of the booted container, after the service; every line of its result file is a fact that a test asserts.
INSIDE = r"""#!/bin/bash
exec > /root/result 2>&1
fact() { echo "$1: $2"; }
fact active_before_setup "$(systemctl is-active postroom)"
fact status_before_setup "$(systemctl show -p StatusText --value postroom)"
(exec 3<>/dev/tcp/127.0.0.1/25) 2>/dev/null && fact mx_before_setup open || fact mx_before_setup closed
(exec 3<>/dev/tcp/127.0.0.1/80) 2>/dev/null && fact http_before_setup open || fact http_before_setup closed
echo 'correct-horse-1' | postroom setup --hostname mail.example.org --domain example.org --admin alice@example.org --password-stdin
fact setup_exit "$?"
for _ in $(seq 300); do (exec 3<>/dev/tcp/127.0.0.1/25) 2>/dev/null && break; sleep 0.1; done
(exec 3<>/dev/tcp/127.0.0.1/25) 2>/dev/null && fact mx_after_setup open || fact mx_after_setup closed
exec 4<>/dev/tcp/127.0.0.1/25
read -r line <&4
printf 'HELO client.example.net\r\nMAIL FROM:<me@example.net>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n' >&4
for _ in 1 2 3 4; do read -r line <&4; done
printf 'Subject: hello\r\n\r\nhello\r\n.\r\nQUIT\r\n' >&4
read -r line <&4
fact data_reply "${line%$'\r'}"
for _ in $(seq 100); do postroom status | grep -q 'delivered_local: 1' && break; sleep 0.1; done
fact delivered "$(postroom status | sed -n 's/.*delivered_local: //p')"
printf 'Subject: from root\n\nhello\n' | sendmail alice
fact sendmail_exit "$?"
printf 'To: root\nSubject: from another user\n\nhello\n' | runuser -u daemon -- /usr/lib/sendmail -t -oi
fact sendmail_of_others_exit "$?"
printf 'Subject: outside\n\nhello\n' | runuser -u daemon -- sendmail friend@example.net
fact sendmail_outside_exit "$?"
for _ in $(seq 100); do postroom status | grep -q 'delivered_local: 3' && break; sleep 0.1; done
fact delivered_by_sendmail "$(postroom status | sed -n 's/.*delivered_local: //p')"
fact senders "$(postroom trace --state delivered --columns sender -o csv | tr -d '\r' | tail -n +2 | sort | tr '\n' ' ')"
fact socket_mode "$(stat -c '%U %a' /run/postroom/submit.sock)"
fact mailq "$(mailq)"
runuser -u daemon -- mailq; fact mailq_of_others_exit "$?"
runuser -u daemon -- newaliases; fact newaliases_exit "$?"
pid=$(systemctl show -p MainPID --value postroom)
fact user "$(stat -c %U /proc/$pid)"
fact capabilities "$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/$pid/status)"
fact seccomp "$(sed -n 's/^Seccomp:[[:space:]]*//p' /proc/$pid/status)"
fact no_new_privileges "$(sed -n 's/^NoNewPrivs:[[:space:]]*//p' /proc/$pid/status)"
fact key_mode "$(stat -c '%U %a' /etc/postroom/secret.key)"
fact data_mode "$(stat -c '%U %a' /var/lib/postroom)"
echo 'another-horse-2' | postroom user passwd alice@example.org --password-stdin
fact passwd_exit "$?"
systemctl restart postroom
fact active_after_restart "$(systemctl is-active postroom)"
systemctl reload postroom
fact active_after_reload "$(systemctl is-active postroom)"
systemctl stop postroom
fact after_stop "$(systemctl show -p Result --value postroom) $(systemctl is-active postroom)"
fact denied_calls "$(journalctl -q -u postroom | grep -ci 'operation not permitted')"
postroom user ls; fact ls_without_daemon_exit "$?"
echo 'third-horse-33' | postroom user passwd alice@example.org --password-stdin
fact passwd_without_daemon_exit "$?"
systemctl start postroom
fact active_again "$(systemctl is-active postroom)"
journalctl -q -u postroom > /root/journal
systemctl poweroff
"""

facts = {}


def sh(*words, **options):
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=900, **options)


def chroot(*words, check=True):
    return subprocess.run(["chroot", ROOT, *words], check=check, capture_output=True, text=True, timeout=900, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "HOME": "/root", "LC_ALL": "C"})


def package():
    found = glob.glob(os.path.join(BUILD, "postroom_*.deb"))
    assert len(found) == 1, f"packages in {BUILD}: {found}"
    return found[0]


def prepare():
    os.chmod(ROOT, 0o755)  # the root folder of the container: its users must be able to enter
    sh("debootstrap", "--variant=minbase", "--include=ca-certificates,systemd,systemd-sysv", "bookworm", ROOT, MIRROR)
    shutil.copy("/etc/resolv.conf", f"{ROOT}/etc/resolv.conf")
    for conf in glob.glob("/etc/apt/apt.conf.d/*"):
        if "Acquire" in open(conf).read():
            shutil.copy(conf, f"{ROOT}/etc/apt/apt.conf.d/")  # how this machine reaches its mirror
    shutil.copy(package(), f"{ROOT}/root/postroom.deb")


def test_installs_without_a_question():
    prepare()
    done = chroot("sh", "-c", "exec apt-get install -y --no-install-recommends /root/postroom.deb </dev/null 2>&1")
    assert "Next: postroom setup" in done.stdout, done.stdout[-2000:]
    assert chroot("postroom", "version").stdout.startswith("postroom ")
    assert "postroom" in chroot("getent", "passwd", "postroom").stdout
    assert chroot("postroom", "config", "check").stdout.startswith("/etc/postroom/postroom.conf is good")
    for path in ("man8/postroom.8.gz", "man5/postroom.conf.5.gz", "man1/sendmail.1.gz", "man1/mailq.1.gz", "man1/newaliases.1.gz"):
        assert os.path.exists(f"{ROOT}/usr/share/man/{path}"), path
    assert os.path.exists(f"{ROOT}/usr/share/bash-completion/completions/postroom")


def test_it_is_the_mail_transport_agent():
    done = chroot("apt-get", "-s", "install", "--no-install-recommends", "bsd-mailx")
    assert "bsd-mailx" in done.stdout and not re.search(r"Inst (exim4|postfix|sendmail)|Remv postroom", done.stdout), done.stdout[-2000:]


def test_runs_under_its_unit():
    with open(f"{ROOT}/root/inside", "w") as f:
        f.write(INSIDE)
    os.chmod(f"{ROOT}/root/inside", 0o755)
    with open(f"{ROOT}/etc/systemd/system/inside.service", "w") as f:
        f.write("[Unit]\nAfter=postroom.service multi-user.target\n[Service]\nType=simple\nExecStart=/root/inside\nTimeoutStartSec=300\n[Install]\nWantedBy=graphical.target\n")
    os.makedirs(f"{ROOT}/etc/systemd/system/default.target.wants", exist_ok=True)
    link = f"{ROOT}/etc/systemd/system/default.target.wants/inside.service"
    if not os.path.lexists(link):
        os.symlink("/etc/systemd/system/inside.service", link)
    boot = subprocess.run(["systemd-nspawn", "-q", "-D", ROOT, "--boot", "--private-network", "--register=no", "--keep-unit", "--console=pipe"], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, errors="replace", timeout=420)
    assert os.path.exists(f"{ROOT}/root/result"), f"the container did not come up:\n{boot.stdout[-3000:]}{boot.stderr[-1000:]}"
    for line in open(f"{ROOT}/root/result", errors="replace"):
        name, colon, value = line.rstrip("\n").partition(": ")
        if colon:
            facts[name] = value
    sys.stderr.write(open(f"{ROOT}/root/result", errors="replace").read())
    assert facts["active_before_setup"] == "active"
    assert "not set up" in facts["status_before_setup"]


def test_mail_ports_open_with_setup():
    assert facts["mx_before_setup"] == "closed" and facts["http_before_setup"] == "open"
    assert facts["setup_exit"] == "0"
    assert facts["mx_after_setup"] == "open"


def test_mail_is_delivered_inside_the_sandbox():
    assert facts["data_reply"].startswith("250 2."), facts["data_reply"]
    assert facts["delivered"] == "1"


def test_sendmail_delivers():
    assert facts["sendmail_exit"] == "0" and facts["sendmail_of_others_exit"] == "0"
    assert facts["sendmail_outside_exit"] == "77"
    assert facts["delivered_by_sendmail"] == "3"
    assert facts["senders"].split() == ["daemon@mail.example.org", "me@example.net", "root@mail.example.org"], facts["senders"]
    assert facts["socket_mode"] == "postroom 666"
    assert facts["mailq"] == "Mail queue is empty. That is good."
    assert facts["mailq_of_others_exit"] == "77" and facts["newaliases_exit"] == "0"


def test_the_process_has_only_what_the_unit_gives():
    assert facts["user"] == "postroom"
    assert int(facts["capabilities"], 16) == 1 << 10, facts["capabilities"]  # CAP_NET_BIND_SERVICE
    assert facts["seccomp"] == "2" and facts["no_new_privileges"] == "1"
    assert facts["key_mode"] == "postroom 600"
    assert facts["data_mode"] == "postroom 700"
    assert facts["denied_calls"] == "0"


def test_starts_stops_and_reloads_by_systemctl():
    assert facts["active_after_restart"] == "active"
    assert facts["active_after_reload"] == "active"
    assert facts["after_stop"] == "success inactive"
    assert facts["active_again"] == "active"


def test_emergency_verbs_work_without_the_daemon():
    assert facts["passwd_exit"] == "0"
    assert facts["ls_without_daemon_exit"] == "69"
    assert facts["passwd_without_daemon_exit"] == "0"


def test_the_unit_scores_two_or_less():
    done = sh("systemd-analyze", "security", "--offline=true", "packaging/postroom.service")
    score = float(re.search(r"Overall exposure level for postroom.service: ([0-9.]+)", done.stdout).group(1))
    print(f"# exposure {score}")
    assert score <= 2.0, score


def test_purge_keeps_the_mail_unless_told():
    done = chroot("apt-get", "purge", "-y", "postroom")
    assert "The mail stays" in done.stdout, done.stdout[-1500:]
    assert os.path.exists(f"{ROOT}/var/lib/postroom/queue.db") and os.path.exists(f"{ROOT}/etc/postroom/secret.key")
    assert not os.path.exists(f"{ROOT}/usr/bin/postroom") and not os.path.exists(f"{ROOT}/etc/postroom/postroom.conf")
    chroot("apt-get", "install", "-y", "--no-install-recommends", "/root/postroom.deb")
    chroot("sh", "-c", "POSTROOM_PURGE_DATA=1 apt-get purge -y postroom")
    assert not os.path.exists(f"{ROOT}/var/lib/postroom/queue.db") and not os.path.exists(f"{ROOT}/etc/postroom")


if __name__ == "__main__":
    assert platform.system() == "Linux" and os.geteuid() == 0, "needs root: it makes a container"
    try:
        harness.run(globals())
    finally:
        shutil.rmtree(ROOT, ignore_errors=True)
