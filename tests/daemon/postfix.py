"""A private Postfix, unpacked from Debian's package: nothing of it is installed, and it runs as users that every Debian has."""
import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile

import harness
from harness import wait_until
from peers import library_path, unpacked

OWNER, GROUP = "daemon", "games"  # every Debian has them; Postfix wants a user and a group that nothing else of it runs as
SERVICES = """
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
"""


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


class Postfix:
    """`domain` is its own; what main.cf says beside that is in `settings`. `certificate`: (certificate file, key file); else one of its own making."""

    def __init__(self, folder, domain, settings, users=("anna", "paul"), host="127.0.0.1", port=None, certificate=None, networks="127.0.0.0/8"):
        place = unpacked("postfix")
        self.folder, self.host, self.port, self.mail = folder, host, port or harness.free_port(), f"{folder}/mail"
        owner = pwd.getpwnam(OWNER)
        libraries = library_path(place, f"{place}/usr/lib/postfix")
        os.chmod(folder, 0o755)
        if not os.stat(tempfile.gettempdir()).st_mode & 0o001:
            os.chmod(tempfile.gettempdir(), 0o711)  # the runner's, for this test alone; Postfix walks through it as another user
        for name in ("etc", "queue", "data", "mail"):
            os.mkdir(f"{folder}/{name}")
        for name in ("data", "mail"):
            os.chown(f"{folder}/{name}", owner.pw_uid, owner.pw_gid)
        for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace"):
            os.mkdir(f"{folder}/queue/{name}", 0o700)
            os.chown(f"{folder}/queue/{name}", owner.pw_uid, -1)
        os.mkdir(f"{folder}/queue/pid")
        for name, mode in (("maildrop", 0o1730), ("public", 0o2710)):
            os.mkdir(f"{folder}/queue/{name}")
            shutil.chown(f"{folder}/queue/{name}", OWNER, GROUP)
            os.chmod(f"{folder}/queue/{name}", mode)
        if not certificate:
            certificate = f"{folder}/etc/cert.pem", f"{folder}/etc/key.pem"
            subprocess.run([harness.tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", f"/CN=mx.{domain}", "-keyout", f"{folder}/etc/key.pem",
                            "-out", f"{folder}/etc/cert.pem"], check=True, capture_output=True)
        write(f"{folder}/etc/users", "".join(f"{user}@{domain} {user}/\n" for user in users))
        write(f"{folder}/etc/dynamicmaps.cf", "")
        write(f"{folder}/etc/master.cf", f"{host}:{self.port} inet n - n - - smtpd{SERVICES}")
        write(f"{folder}/etc/main.cf", f"""
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = {place}/usr/lib/postfix/sbin
command_directory = {place}/usr/sbin
shlib_directory = {place}/usr/lib/postfix
meta_directory = {folder}/etc
import_environment = MAIL_CONFIG MAIL_LOGTAG TZ LANG=C LD_LIBRARY_PATH={libraries}
mail_owner = {OWNER}
setgid_group = {GROUP}
myhostname = mx.{domain}
mydestination =
inet_interfaces = {"127.0.0.1" if host == "127.0.0.1" else "all"}
inet_protocols = ipv4
mynetworks = {networks}
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = texthash:{folder}/etc/users
virtual_mailbox_base = {self.mail}
virtual_minimum_uid = 1
virtual_uid_maps = static:{owner.pw_uid}
virtual_gid_maps = static:{owner.pw_gid}
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
smtpd_tls_cert_file = {certificate[0]}
smtpd_tls_key_file = {certificate[1]}
smtpd_tls_security_level = may
smtpd_tls_received_header = yes
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
message_size_limit = 52428800
virtual_mailbox_limit = 0
smtpd_peername_lookup = no
{settings}
""")
        env = dict(os.environ, LD_LIBRARY_PATH=libraries)
        self.process = subprocess.Popen([f"{place}/usr/lib/postfix/sbin/master", "-d", "-c", f"{folder}/etc"], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        atexit.register(self.close)
        wait_until(lambda: harness.answers(self.port, host), 20, f"Postfix answers\n{self.log()}")

    def log(self):
        try:
            with open(f"{self.folder}/log") as f:
                return f.read()[-4000:]
        except OSError:
            return "(no log)"

    def messages(self, user):
        found = []
        for name in os.listdir(f"{self.mail}/{user}/new") if os.path.isdir(f"{self.mail}/{user}/new") else ():
            with open(f"{self.mail}/{user}/new/{name}", "rb") as f:
                found.append(f.read())
        return found

    def close(self):
        """All of its processes: one that serves a connection would go on taking mail for a while."""
        atexit.unregister(self.close)
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()
