"""A receiver of webhooks, for tests."""
import contextlib
import http.server
import json
import threading

from harness import wait_until


class Receiver:
    """An HTTP server that keeps what it is given. `answer(request)`: the status, or a function that waits before it says one."""

    def __init__(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                got = {"path": self.path, "headers": dict(self.headers), "body": body, "json": json.loads(body)}
                with receiver.lock:
                    receiver.begun += 1
                status = receiver.answer(got) if callable(receiver.answer) else receiver.answer
                with receiver.lock:
                    receiver.requests.append(got)
                self.send_response(status)
                if status in (301, 302):
                    self.send_header("Location", receiver.url("/elsewhere"))
                self.send_header("Content-Length", "2")
                self.end_headers()
                with contextlib.suppress(BrokenPipeError):
                    self.wfile.write(b"ok")

            def log_message(self, *_):
                pass

        self.answer, self.begun, self.requests, self.lock = 200, 0, [], threading.Lock()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path="/hook"):
        return f"http://127.0.0.1:{self.server.server_address[1]}{path}"

    def wait(self, what, seconds=15, **fields):
        def found():
            with self.lock:
                return next((r for r in self.requests if r["json"]["type"] == what and all(r["json"].get(k) == v or r["json"]["data"].get(k) == v for k, v in fields.items())), None)
        return wait_until(found, seconds, lambda: f"{what} {fields}: {[r['json'] for r in self.requests[-5:]]}")

    def subjects(self, what):
        with self.lock:
            return [r["json"]["subject"] for r in self.requests if r["json"]["type"] == what]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
