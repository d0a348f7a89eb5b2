"""A small internet for mail with TLS policies: DNSSEC-signed names (nsd behind unbound), a CA, MTA-STS hosts, other mail servers.

All of it runs in a network and mount namespace of its own (enter()): 192.0.2.0/24 is local there without belonging to an interface, ports 25, 53 and 443 are
free, and /etc/resolv.conf leads to unbound. Everything is in the signed root zone, but for two zones of their own: insecure. is not signed, bogus. is
signed with another key than its parent says.
"""
import atexit
import base64
import hashlib
import http.server
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading

from harness import tool, wait_until
from peers import library_path, unpacked

INSIDE = "POSTROOM_TEST_NAMESPACE"
NAME_SERVER, STS_HOST = "192.0.2.53", "192.0.2.80"
SOA = "$TTL 60\n{0} SOA ns.nic.example. hostmaster.nic.example. 1 3600 600 86400 60\n{0} NS ns.nic.example.\n"


def enter(path):
    """Runs the test file again where the lab's networks and names are ours."""
    if os.environ.get(INSIDE):
        return
    for package in ("nsd", "unbound", "ldnsutils", "postfix"):
        unpacked(package)  # while there is still a way to fetch it
    words = ["unshare", "--net", "--mount"] if os.getuid() == 0 else ["unshare", "--net", "--mount", "--map-root-user"]
    os.environ[INSIDE] = "1"
    os.execvp(words[0], [*words, sys.executable, os.path.abspath(path), *sys.argv[1:]])


def run(*words, **options):
    done = subprocess.run(words, capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done.stdout


class Authority:
    """A certification authority and what it signs; all files in one folder."""

    def __init__(self, folder, name="Test CA"):
        self.folder = folder
        os.makedirs(folder)
        self.key(f"{folder}/ca.key")
        self.openssl("req", "-x509", "-key", "ca.key", "-days", "30", "-subj", f"/CN={name}", "-out", "ca.pem", "-addext", "basicConstraints=critical,CA:TRUE")
        self.file = f"{folder}/ca.pem"
        self.made = 0

    def openssl(self, *words):
        return run(tool("openssl"), *words, cwd=self.folder)

    def key(self, path):
        self.openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)

    def certificate(self, *names, expired=False):
        """A Certificate for these names; `expired`: it ended yesterday."""
        self.made += 1
        stem = f"{self.folder}/{self.made}"
        self.key(f"{stem}.key")
        self.openssl("req", "-new", "-key", f"{stem}.key", "-subj", f"/CN={names[0]}", "-out", f"{stem}.csr")
        with open(f"{stem}.ext", "w") as f:
            f.write("subjectAltName=" + ",".join(f"DNS:{n}" for n in names) + "\n")
        self.openssl("x509", "-req", "-in", f"{stem}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", str(self.made + 1), "-extfile", f"{stem}.ext", "-out", f"{stem}.leaf",
                     "-days", "-1" if expired else "30")
        with open(f"{stem}.pem", "w") as f:
            for part in (f"{stem}.leaf", self.file):
                with open(part) as whole:
                    f.write(whole.read())
        return Certificate(f"{stem}.pem", f"{stem}.key", self.file)


class Certificate:
    def __init__(self, chain, key, authority):
        self.chain, self.key, self.authority = chain, key, authority

    def context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        return context

    def tlsa(self, usage=3, selector=1, matching=1):
        """RDATA of a TLSA record that fits: of the leaf (usage 3) or its issuer (usage 2)."""
        path = self.chain if usage == 3 else self.authority
        with open(path) as f:
            der = ssl.PEM_cert_to_DER_cert(re.search("-----BEGIN.*?-----END CERTIFICATE-----\n", f.read(), re.S)[0])
        if selector == 1:
            public = run(tool("openssl"), "x509", "-in", path, "-noout", "-pubkey")
            der = base64.b64decode("".join(public.strip().split("\n")[1:-1]))
        data = {0: der, 1: hashlib.sha256(der).digest(), 2: hashlib.sha512(der).digest()}[matching]
        return f"{usage} {selector} {matching} {data.hex()}"


class Names:
    """nsd with the signed root and the two odd zones, and unbound before it. `spoiled`: names whose TLSA signatures are broken."""

    def __init__(self, folder, records, insecure="", bogus="", spoiled=()):
        self.folder = folder
        os.makedirs(folder)
        self.tools = unpacked("ldnsutils")
        keys = self.new_keys(".")
        other = self.new_keys("bogus")
        self.write("bogus.", SOA.format("bogus.") + bogus)
        self.sign("bogus.", other)
        root = SOA.format(".") + f"ns.nic.example. A {NAME_SERVER}\ninsecure. NS ns.nic.example.\nbogus. NS ns.nic.example.\n" + records
        # The parent speaks of a key that the child does not have.
        root += f"bogus. DS 1 13 2 {'ab' * 32}\n"
        self.write(".", root)
        self.sign(".", keys)
        for name in spoiled:
            self.spoil(name)
        self.write("insecure.", SOA.format("insecure.") + insecure)
        os.rename(f"{folder}/insecure.zone", f"{folder}/insecure.zone.signed")
        self.anchor = f"{folder}/root.ds"
        with open(self.anchor, "w") as f:
            f.write(self.read(f"{keys[0]}.ds"))
        self.processes = [self.start_nsd(), self.start_unbound()]
        atexit.register(self.close)

    def read(self, name):
        with open(f"{self.folder}/{name}") as f:
            return f.read()

    def write(self, zone, text):
        with open(f"{self.folder}/{zone.rstrip('.') or 'root'}.zone", "w") as f:
            f.write(text)

    def ldns(self, name, *words):
        return run(f"{self.tools}/usr/bin/{name}", *words, cwd=self.folder, env=dict(os.environ, LD_LIBRARY_PATH=library_path(self.tools))).strip()

    def new_keys(self, zone):
        return self.ldns("ldns-keygen", "-k", "-a", "ECDSAP256SHA256", zone), self.ldns("ldns-keygen", "-a", "ECDSAP256SHA256", zone)

    def sign(self, zone, keys):
        stem = zone.rstrip(".") or "root"
        self.ldns("ldns-signzone", "-o", zone, "-f", f"{stem}.zone.signed", f"{stem}.zone", *keys)

    def spoil(self, name):
        """Another signature for the TLSA records of that name."""
        path = f"{self.folder}/root.zone.signed"
        lines = self.read("root.zone.signed").split("\n")
        hits = [i for i, line in enumerate(lines) if line.startswith(name) and re.search(r"RRSIG\s+TLSA", line)]
        assert len(hits) == 1, (name, hits)
        head, signature = lines[hits[0]].rsplit(maxsplit=1)
        lines[hits[0]] = f"{head} {signature[:8][::-1]}{signature[8:]}"
        with open(path, "w") as f:
            f.write("\n".join(lines))

    def start_nsd(self):
        place = unpacked("nsd")
        zones = "".join(f'zone:\n name: "{name}"\n zonefile: "{stem}.zone.signed"\n' for name, stem in ((".", "root"), ("bogus.", "bogus"), ("insecure.", "insecure")))
        with open(f"{self.folder}/nsd.conf", "w") as f:
            f.write(f'server:\n ip-address: {NAME_SERVER}\n username: ""\n zonesdir: "{self.folder}"\n database: ""\n pidfile: "{self.folder}/pid"\n xfrdfile: "{self.folder}/xfrd"\n'
                    f' zonelistfile: "{self.folder}/zones"\n xfrdir: "{self.folder}"\n logfile: "{self.folder}/nsd.log"\n server-count: 1\nremote-control:\n control-enable: no\n{zones}')
        return self.spawn(place, "nsd", "-d", "-c", f"{self.folder}/nsd.conf")

    def start_unbound(self):
        place = unpacked("unbound")
        with open(f"{self.folder}/hints", "w") as f:
            f.write(f". 3600 IN NS ns.nic.example.\nns.nic.example. 3600 IN A {NAME_SERVER}\n")
        with open(f"{self.folder}/unbound.conf", "w") as f:
            f.write(f'server:\n interface: 127.0.0.1\n port: 53\n username: ""\n chroot: ""\n directory: "{self.folder}"\n pidfile: "{self.folder}/unbound.pid"\n logfile: "{self.folder}/unbound.log"\n'
                    f' use-syslog: no\n do-ip6: no\n root-hints: "{self.folder}/hints"\n trust-anchor-file: "{self.anchor}"\n qname-minimisation: no\n num-threads: 1\nremote-control:\n control-enable: no\n')
        return self.spawn(place, "unbound", "-d", "-c", f"{self.folder}/unbound.conf")

    def spawn(self, place, program, *words):
        with open(f"{self.folder}/{program}.out", "w") as out:
            return subprocess.Popen([f"{place}/usr/sbin/{program}", *words], env=dict(os.environ, LD_LIBRARY_PATH=library_path(place)), stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def log(self):
        return "".join(self.read(name)[-2000:] for name in ("nsd.log", "nsd.out", "unbound.log", "unbound.out") if os.path.exists(f"{self.folder}/{name}"))

    def query(self, name, kind):
        """The answer's lines as unbound gives them, with the header's flags."""
        return self.ldns("drill", "-D", name, kind, "@127.0.0.1")

    def close(self):
        for process in self.processes:
            process.terminate()
            process.wait()


class StsHost:
    """https for all policy hosts at one address. `hosts`: name -> (Certificate, status, headers, body); a body may be a function that is called."""

    def __init__(self, address=STS_HOST):
        self.hosts, self.requests = {}, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                host = self.headers.get("Host", "").split(":")[0]
                outer.requests.append((host, self.path))
                _, status, headers, body = outer.hosts[host]
                body = body() if callable(body) else body
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((address, 443), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = self.choose
        self.context = context
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        atexit.register(self.server.shutdown)

    def add(self, name, certificate, body=b"", status=200, headers=None):
        if not self.hosts:
            self.context.load_cert_chain(certificate.chain, certificate.key)
            self.server.socket = self.context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.hosts[name] = (certificate, status, {"Content-Type": "text/plain", **(headers or {})}, body)

    def choose(self, sock, name, _):
        if name in self.hosts:
            sock.context = self.hosts[name][0].context()


def policy(mode, *mx, max_age=86400):
    return ("version: STSv1\r\nmode: " + mode + "\r\n" + "".join(f"mx: {m}\r\n" for m in mx) + f"max_age: {max_age}\r\n").encode()


class Lab:
    """The network, a CA, and a folder; names and servers are made by the test."""

    def __init__(self):
        ip = tool("ip")
        for words in ("link set lo up", "route add local 192.0.2.0/24 dev lo", "-6 route add local 2001:db8::/32 dev lo"):
            run(ip, *words.split())
        self.folder = tempfile.mkdtemp(prefix="postroom-lab-")
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        os.chmod(self.folder, 0o755)
        run("mount", "--make-rprivate", "/")
        with open(f"{self.folder}/resolv.conf", "w") as f:
            f.write("nameserver 127.0.0.1\noptions edns0 trust-ad\n")
        run("mount", "--bind", f"{self.folder}/resolv.conf", "/etc/resolv.conf")
        self.ca = Authority(f"{self.folder}/ca")
        self.names = None

    def start_names(self, records, **odd):
        self.names = Names(f"{self.folder}/names", records, **odd)
        wait_until(lambda: "ns.nic.example" in self.names.query(".", "NS"), 20, self.names.log)

    def conf(self):
        """What a daemon in the lab has in its configuration."""
        return f"resolver = 127.0.0.1@53\ntrust_anchor = {self.names.anchor}\ntls_ca_file = {self.ca.file}\n"
