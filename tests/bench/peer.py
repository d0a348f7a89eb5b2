"""Postfix and Dovecot (maildir) beside our daemon: fetched with `apt-get download`, unpacked in a cache, never installed.

Their programs have compiled-in paths, so they run in a mount namespace of their own, in which an overlay shows the unpacked
files under /usr; nothing of the system is changed. Configuration, queue, mailboxes, sockets and ports are private. They run
under accounts that every Debian has; to them these are only numbers.
"""
import glob
import os
import shutil
import socket
import subprocess
import sys
import time

PACKAGES = ["postfix", "dovecot-imapd", "dovecot-pop3d", "dovecot-lmtpd"]
POSTFIX_USER, POSTFIX_GROUP = "news", "uucp"
DOVECOT_USER, LOGIN_USER = "backup", "proxy"
MAIL_USER, MAIL_GROUP = "irc", "irc"
DOMAIN = "bench.test"


def wait_port(port, seconds=20):
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise RuntimeError(f"port {port} does not answer") from None
            time.sleep(0.005)


def download(cache, packages):
    """The .deb files of the packages and of what they need that is not installed here."""
    debs = os.path.join(cache, "debs")
    os.makedirs(debs, exist_ok=True)
    os.chmod(debs, 0o777)  # apt downloads as its own user
    plan = subprocess.run(["apt-get", "-s", "install", "--no-install-recommends", *packages], capture_output=True, text=True)
    names = [line.split()[1] for line in plan.stdout.splitlines() if line.startswith("Inst ")]
    if plan.returncode != 0:
        raise RuntimeError(f"apt-get knows no {' '.join(packages)} (run apt-get update): {plan.stderr.strip()[-300:]}")
    for name in names:
        if not glob.glob(f"{debs}/{name}_*.deb"):
            subprocess.run(["apt-get", "download", "-q", name], cwd=debs, check=True, stdout=subprocess.DEVNULL)
    return [glob.glob(f"{debs}/{name}_*.deb")[0] for name in names]


def unpack(cache, debs):
    """A folder that holds usr/ of the packages; empty when all are installed on this system anyway."""
    root = os.path.join(cache, "root")
    shutil.rmtree(root, ignore_errors=True)
    os.makedirs(f"{root}/usr")
    for deb in debs:
        subprocess.run(["dpkg", "-x", deb, root], check=True)
    for name in ("lib", "bin", "sbin"):
        if os.path.isdir(f"{root}/{name}") and not os.path.islink(f"{root}/{name}"):
            shutil.copytree(f"{root}/{name}", f"{root}/usr/{name}", symlinks=True, dirs_exist_ok=True)
    return root


def inside(root, command):
    """The command where root's usr/ lies over /usr."""
    script = 'mount -t overlay overlay -o lowerdir="$1/usr:/usr" /usr && shift && exec "$@"'
    return ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", root, *command]


def stop(process):
    if process and process.poll() is None:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


POSTFIX_MAIN = """
compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/postfix-data
mail_owner = {postfix_user}
setgid_group = {postfix_group}
myhostname = mx.{domain}
mydestination =
local_recipient_maps =
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = texthash:{dir}/postfix/users
virtual_transport = lmtp:unix:{dir}/run/lmtp
relayhost = [127.0.0.1]:{sink}
smtpd_tls_cert_file = {dir}/cert.pem
smtpd_tls_key_file = {dir}/key.pem
smtpd_sasl_type = dovecot
smtpd_sasl_path = {dir}/run/auth-client
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtp_tls_security_level = none
maillog_file = {dir}/postfix.log
maillog_file_prefixes = {dir}
smtpd_client_connection_count_limit = 200
"""

# Debian's master.cf without chroot jails, pickup of local mail left out.
POSTFIX_MASTER = """
{smtp}    inet  n - n -     -   smtpd
{submissions} inet n - n -  -   smtpd -o smtpd_tls_wrappermode=yes -o smtpd_sasl_auth_enable=yes
cleanup   unix  n - n -     0   cleanup
qmgr      unix  n - n 300   1   qmgr
tlsmgr    unix  - - n 1000? 1   tlsmgr
rewrite   unix  - - n -     -   trivial-rewrite
bounce    unix  - - n -     0   bounce
defer     unix  - - n -     0   bounce
trace     unix  - - n -     0   bounce
verify    unix  - - n -     1   verify
flush     unix  n - n 1000? 0   flush
proxymap  unix  - - n -     -   proxymap
proxywrite unix - - n -     1   proxymap
smtp      unix  - - n -     -   smtp
relay     unix  - - n -     -   smtp
error     unix  - - n -     -   error
retry     unix  - - n -     -   error
discard   unix  - - n -     -   discard
lmtp      unix  - - n -     -   lmtp
anvil     unix  - - n -     1   anvil
scache    unix  - - n -     1   scache
postlog   unix-dgram n - n - 1  postlogd
"""

# Stock but for limits that a load from one address would meet, and the documented high-performance login mode.
DOVECOT = """
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/dovecot.log
protocols = imap pop3 lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{dir}/cert.pem
ssl_key = <{dir}/key.pem
disable_plaintext_auth = no
default_login_user = {login_user}
default_internal_user = {dovecot_user}
default_internal_group = {dovecot_user}
mail_location = maildir:~/Maildir
mail_uid = {mail_user}
mail_gid = {mail_group}
first_valid_uid = 1
first_valid_gid = 1
mail_max_userip_connections = 0
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={mail_user} gid={mail_group} home={dir}/mail/%n allow_all_users=yes
}}
namespace inbox {{
  inbox = yes
}}
service lmtp {{
  unix_listener lmtp {{
    mode = 0666
  }}
}}
service auth {{
  client_limit = 30000
  unix_listener auth-client {{
    mode = 0666
  }}
}}
service anvil {{
  client_limit = 30000
}}
service stats {{
  client_limit = 30000
}}
service imap-login {{
  service_count = 0
  process_min_avail = 2
  client_limit = 12000
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  service_count = 0
  process_min_avail = 2
  client_limit = 12000
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
service pop3 {{
  service_count = 200
}}
service imap {{
  process_limit = 11000
  service_count = 200
}}
"""


class Peer:
    """Postfix for SMTP, Dovecot for LMTP, IMAP and POP3; started by the constructor."""

    name = "Postfix + Dovecot"

    def __init__(self, cache, folder, password, free_port, users, sink):
        self.root = unpack(cache, download(cache, PACKAGES))
        self.dir = folder
        self.port = {"mx": free_port(), "submissions": free_port(), "imap": free_port(), "imaps": free_port(), "pop3": free_port(), "pop3s": free_port()}
        self.postfix = self.dovecot = None
        self.configure(password, users, sink)

    def make_folder(self, path, mode=0o755, user=None, group=None):
        path = os.path.join(self.dir, path)
        os.makedirs(path, exist_ok=True)
        os.chmod(path, mode)
        if user:
            shutil.chown(path, user, group)

    def configure(self, password, users, sink):
        values = dict(dir=self.dir, postfix_user=POSTFIX_USER, postfix_group=POSTFIX_GROUP, login_user=LOGIN_USER, dovecot_user=DOVECOT_USER, mail_user=MAIL_USER,
                      mail_group=MAIL_GROUP, domain=DOMAIN, password=password, sink=sink,
                      smtp=self.port["mx"], submissions=self.port["submissions"], imap=self.port["imap"], imaps=self.port["imaps"], pop3=self.port["pop3"], pop3s=self.port["pop3s"])
        for name in ("", "postfix", "dovecot", "run", "state", "queue"):
            self.make_folder(name)
        self.make_folder("mail", 0o700, MAIL_USER, MAIL_GROUP)
        self.make_folder("postfix-data", 0o700, POSTFIX_USER)
        for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace"):
            self.make_folder(f"queue/{name}", 0o700, POSTFIX_USER)
        self.make_folder("queue/public", 0o710, POSTFIX_USER, POSTFIX_GROUP)
        self.make_folder("queue/maildrop", 0o730, POSTFIX_USER, POSTFIX_GROUP)
        self.make_folder("queue/pid")
        for path, text in (("postfix/main.cf", POSTFIX_MAIN), ("postfix/master.cf", POSTFIX_MASTER), ("dovecot/dovecot.conf", DOVECOT)):
            with open(f"{self.dir}/{path}", "w", encoding="utf-8") as file:
                file.write(text.format(**values).lstrip())
        with open(f"{self.dir}/postfix/users", "w", encoding="utf-8") as file:
            file.writelines(f"u{n}@{DOMAIN} x\n" for n in range(1, users + 1))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=localhost",
                        "-keyout", f"{self.dir}/key.pem", "-out", f"{self.dir}/cert.pem"], check=True, capture_output=True)

    def start(self):
        with open(f"{self.dir}/out", "ab") as out:
            options = dict(stdin=subprocess.DEVNULL, stdout=out, stderr=out)
            self.dovecot = subprocess.Popen(inside(self.root, ["dovecot", "-F", "-c", f"{self.dir}/dovecot/dovecot.conf"]), **options)
            wait_port(self.port["imap"])
            self.postfix = subprocess.Popen(inside(self.root, ["/usr/lib/postfix/sbin/master", "-d", "-c", f"{self.dir}/postfix"]), **options)
            wait_port(self.port["mx"])

    def stop(self):
        stop(self.postfix)
        stop(self.dovecot)
        self.postfix = self.dovecot = None

    def pids(self):
        return [p.pid for p in (self.postfix, self.dovecot) if p]

    def version(self):
        def ask(*command):
            done = subprocess.run(inside(self.root, command), capture_output=True, text=True)
            return done.stdout.split("\n")[0].strip() or done.stderr.strip()[-100:]

        return f"Postfix {ask('postconf', '-h', '-c', f'{self.dir}/postfix', 'mail_version')}, Dovecot {ask('dovecot', '--version').split(' ')[0]}"

    def last_words(self):
        for name in ("out", "dovecot.log", "postfix.log"):
            if os.path.exists(f"{self.dir}/{name}"):
                with open(f"{self.dir}/{name}", errors="replace") as file:
                    sys.stderr.write(f"--- {name}\n" + "".join(file.readlines()[-15:]))
