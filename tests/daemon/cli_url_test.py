"""The command line from elsewhere: https with a token, the certificate checked against a test authority."""
import json
import os
import socket
import subprocess
import threading

import harness
from harness import PASSWORD, SLOW, shared

EX_USAGE, EX_DATAERR, EX_TEMPFAIL, EX_NOPERM = 64, 65, 75, 77


def daemon():
    if harness._shared:
        return harness._shared[0]
    p = shared(users=["alice"], hostname="localhost", services=harness.MAIL_SERVICES + ("http", "https"), conf="resolver = 127.0.0.1@9")
    d = p.dir
    for words in (("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=Test authority", "-keyout", f"{d}/ca.key", "-out", f"{d}/ca.pem"),
                  ("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", f"{d}/key.pem", "-out", f"{d}/request.pem"),
                  ("x509", "-req", "-in", f"{d}/request.pem", "-CA", f"{d}/ca.pem", "-CAkey", f"{d}/ca.key", "-days", "30", "-copy_extensions", "copy", "-out", f"{d}/chain.pem")):
        subprocess.run(["openssl", *words], check=True, capture_output=True)
    p.cli("cert", "set", "localhost", "--chain", f"{d}/chain.pem", "--key", f"{d}/key.pem")
    made = p.cli("token", "add", "cli", "--user", "alice@example.org", "--scopes", "users:read,users:write,domains:read,events:read,jobs:read", "-o", "json")
    with open(f"{d}/token", "w") as f:
        f.write(made["token"] + "\n")
    return p


def remote(*words, token="file", ca=True, url=None, env=None, input=None):
    p = daemon()
    options = ["--url", url or f"https://localhost:{p.port['https']}"]
    if ca:
        options += ["--ca-file", f"{p.dir}/ca.pem"]
    if token == "file":
        options += ["--token", f"{p.dir}/token"]
    elif token:
        options += ["--token", token]
    done = subprocess.run([harness.BINARY, *options, *words], capture_output=True, text=True, input=input, env=dict(p.env, **(env or {})), timeout=60 * SLOW)
    assert "prm_pat_" not in done.stderr, done.stderr
    return done


def test_verbs_over_https():
    done = remote("user", "ls", "-o", "json")
    assert done.returncode == 0 and json.loads(done.stdout)["data"][0]["address"] == "alice@example.org", done
    done = remote("user", "add", "remote@example.org", "--password-stdin", input=PASSWORD + "\n")
    assert done.returncode == 0 and done.stdout == "added\n", done
    assert remote("user", "rm", "remote@example.org", "--yes").returncode in (0, EX_NOPERM)  # a token may not where a proof is asked for
    assert remote("api", "GET", "/api/v1/domains").returncode == 0
    done = remote("events", "--since", "0", "--limit", "1", "-o", "json")
    assert done.returncode == 0 and json.loads(done.stdout)["id"] >= 1, done


def test_the_token_by_environment_or_itself():
    with open(f"{daemon().dir}/token") as f:
        text = f.read().strip()
    assert remote("domain", "ls", token=None, env={"POSTROOM_TOKEN": f"{daemon().dir}/token"}).returncode == 0
    assert remote("domain", "ls", token=text).returncode == 0
    assert remote("domain", "ls", token=None, env={"POSTROOM_TOKEN": text}).returncode == 0


def test_what_the_token_lacks_is_said():
    done = remote("alias", "ls")
    assert done.returncode == EX_NOPERM and "scope" in done.stderr and "next: " in done.stderr, done
    done = remote("domain", "ls", token="prm_pat_" + "x" * 40)
    assert done.returncode == EX_NOPERM and "not_authenticated" in done.stderr and "next: " in done.stderr, done


def test_a_certificate_that_is_not_trusted_ends_it():
    done = remote("domain", "ls", ca=False)
    assert done.returncode == EX_TEMPFAIL and "certificate" in done.stderr and "--ca-file" in done.stderr, done
    done = remote("domain", "ls", url=f"https://127.0.0.1:{daemon().port['https']}")
    assert done.returncode == EX_TEMPFAIL and not done.stdout, done  # the name is not in it


def test_wrong_words():
    p = daemon()
    for words in (("--url", "http://localhost", "--token", f"{p.dir}/token"), ("--url", "https://", "--token", f"{p.dir}/token"), ("--url", "https://a b", "--token", f"{p.dir}/token"),
                  ("--url", "https://localhost/api", "--token", f"{p.dir}/token"), ("--url", "https://localhost:99999", "--token", f"{p.dir}/token"), ("--url", "https://localhost"),
                  ("--url", "https://localhost", "--token", "/does/not/exist"), ("--url", "https://localhost", "--token", p.conf_path), ("--token", f"{p.dir}/token"),
                  ("--url", "https://localhost", "--token", f"{p.dir}/token", "--ca-file", "/does/not/exist")):
        done = subprocess.run([harness.BINARY, "domain", "ls", *words], capture_output=True, text=True, env={k: v for k, v in p.env.items() if k != "POSTROOM_TOKEN"}, timeout=60 * SLOW)
        assert done.returncode == EX_USAGE and done.stderr.startswith("postroom: ") and not done.stdout, (words, done)


def test_nobody_there():
    done = remote("domain", "ls", url=f"https://localhost:{harness.free_port()}")
    assert done.returncode == EX_TEMPFAIL and "refused" in done.stderr, done


def serve_once(answer):
    """A server on the admin socket's place of its own folder that gives one answer; the command's end."""
    folder = os.path.join(daemon().dir, "fake")
    os.makedirs(f"{folder}/run", exist_ok=True)
    path = f"{folder}/run/admin.sock"
    if os.path.exists(path):
        os.unlink(path)
    with open(f"{folder}/postroom.conf", "w") as f:
        f.write(f"data_dir = {folder}/data\nrun_dir = {folder}/run\n[listen]\nmx = 127.0.0.1:2525\n")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen()

        def one():
            c, _ = s.accept()
            c.recv(65536)
            try:
                c.sendall(answer)
            finally:
                c.close()
        thread = threading.Thread(target=one)
        thread.start()
        done = subprocess.run([harness.BINARY, "domain", "ls", "--config", f"{folder}/postroom.conf"], capture_output=True, text=True, errors="replace", timeout=60 * SLOW)
        thread.join()
    return done


def test_answers_that_are_none():
    good = b'{"data":[{"name":"a.example","state":"active","alias_of":"b.example"}],"next_cursor":null}'
    listed = "name       state   alias_of\na.example  active  b.example\n"
    assert serve_once(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(good) + good).stdout == listed
    assert serve_once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" + good[:5] + b"\r\n%x;x=y\r\n" % (len(good) - 5) + good[5:] + b"\r\n0\r\nT: x\r\n\r\n").stdout == listed
    assert serve_once(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n" + good).stdout == listed
    for answer in (b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx",
                   b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\nx", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 300 + b"\r\n",
                   b"HTTP/1.1 200 OK\r\nA: " + b"b" * 100000 + b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nnot json", b"HTTP/1.1 200 OK\r\n\r\n[]", b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 100000,
                   b"HTTP/1.1 500 Oops\r\n\r\n\x1b[31m<html>"):
        done = serve_once(answer)
        assert done.returncode in (70, 75, 76, 65) and done.stderr.startswith("postroom: ") and not done.stdout and "\x1b" not in done.stderr, (answer[:60], done)


harness.run(globals())
