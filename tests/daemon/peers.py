"""Programs of others that a test talks to, fetched as Debian packages and unpacked privately: installing a mail server would evict another."""
import fcntl
import glob
import os
import platform
import shutil
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.path.abspath(os.environ.get("POSTROOM_TEST_CACHE", os.path.join(ROOT, "build", "cache")))

# What a program is linked with and a small system may not have: package and the name of the library.
LIBRARIES = {
    "ldnsutils": {"libldns3": "libldns.so.3", "libpcap0.8": "libpcap.so.0.8"},
    "nsd": {"libevent-2.1-7": "libevent-2.1.so.7", "libfstrm0": "libfstrm.so.0", "libprotobuf-c1": "libprotobuf-c.so.1"},
    "unbound": {"libevent-2.1-7": "libevent-2.1.so.7", "libprotobuf-c1": "libprotobuf-c.so.1", "libpython3.11": "libpython3.11.so.1.0", "libnghttp2-14": "libnghttp2.so.14"},
    "postfix": {"libdb5.3": "libdb-5.3.so", "libicu72": "libicuuc.so.72", "libnsl2": "libnsl.so.2", "libsasl2-2": "libsasl2.so.2"},
}


def download(package, folder):
    """apt-get download; refreshes the lists once when the package is not to be had."""
    for attempt in range(2):
        done = subprocess.run(["apt-get", "download", "-q", package], cwd=folder, capture_output=True, text=True)
        if done.returncode == 0:
            return
        if attempt == 0:
            subprocess.run(["apt-get", "update", "-q"], capture_output=True)
    raise AssertionError(f"{package} can't be fetched: {done.stderr}")


def unpacked(package):
    """The folder in which the package and the libraries it lacks here are unpacked."""
    place = os.path.join(CACHE, package)
    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(place):
            known = subprocess.run([shutil.which("ldconfig", path="/usr/sbin:/sbin:/usr/bin:/bin"), "-p"], capture_output=True, text=True).stdout
            with tempfile.TemporaryDirectory(dir=CACHE) as folder:
                os.chmod(folder, 0o755)
                for wanted in [package] + [p for p, soname in LIBRARIES[package].items() if soname not in known]:
                    download(wanted, folder)
                os.mkdir(os.path.join(folder, "root"))
                for deb in glob.glob(os.path.join(folder, "*.deb")):
                    subprocess.run(["dpkg", "-x", deb, os.path.join(folder, "root")], check=True)
                os.rename(os.path.join(folder, "root"), place)
    return place


def library_path(place, *more):
    return ":".join([*more, f"{place}/usr/lib/{platform.machine()}-linux-gnu", f"{place}/lib/{platform.machine()}-linux-gnu"])


class NameServer:
    """nsd on a loopback port with one zone, the root: what is not in it does not exist."""

    def __init__(self, folder, port, records):
        place = unpacked("nsd")
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/root.zone", "w") as f:
            f.write("$TTL 60\n. SOA ns.nic.example. hostmaster.nic.example. 1 3600 600 86400 60\n. NS ns.nic.example.\nns.nic.example. A 127.0.0.1\n" + records)
        with open(f"{folder}/nsd.conf", "w") as f:
            f.write(f'server:\n ip-address: 127.0.0.1@{port}\n username: ""\n zonesdir: "{folder}"\n database: ""\n pidfile: "{folder}/pid"\n xfrdfile: "{folder}/xfrd"\n zonelistfile: "{folder}/zones"\n'
                    f' xfrdir: "{folder}"\n logfile: "{folder}/log"\n server-count: 1\nremote-control:\n control-enable: no\nzone:\n name: "."\n zonefile: "root.zone"\n')
        self.log_path = f"{folder}/log"
        env = dict(os.environ, LD_LIBRARY_PATH=library_path(place))
        self.process = subprocess.Popen([f"{place}/usr/sbin/nsd", "-d", "-c", f"{folder}/nsd.conf"], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def log(self):
        with open(self.log_path) as f:
            return f.read()

    def close(self):
        self.process.terminate()
        self.process.wait()
