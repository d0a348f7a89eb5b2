"""A server that is open to attack on purpose: SQL put together from what comes in, by query, path and JSON, and a page that repeats its
query. What does not find these finds nothing elsewhere either."""
import http.server
import json
import re
import sqlite3
import threading
import urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, kind, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def query(self, condition):
        database = sqlite3.connect(":memory:")
        database.execute("CREATE TABLE item (name TEXT, price INTEGER)")
        database.executemany("INSERT INTO item VALUES (?, ?)", [("apple", 1), ("pear", 2), ("plum", 3)])
        try:
            rows = database.execute(f"SELECT name, price FROM item WHERE name = '{condition}'").fetchall()
        except (sqlite3.Error, sqlite3.Warning) as error:
            self.answer(500, "application/json", json.dumps({"error": f"sqlite3.OperationalError: {error}"}))
            return
        finally:
            database.close()
        self.answer(200, "application/json", json.dumps({"data": rows}))

    def do_GET(self):
        path, _, query = self.path.partition("?")
        values = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        in_path = re.fullmatch(r"/items/([^/]+)", path)
        if path == "/items":
            self.query(values.get("name", ""))
        elif in_path:
            self.query(urllib.parse.unquote(in_path.group(1)))
        elif path == "/hello":
            self.answer(200, "text/html; charset=utf-8", f"<!doctype html><title>Hello</title><p>Hello {values.get('name', '')}</p>")
        else:
            self.answer(404, "text/plain", "not found")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            self.query(json.loads(body)["name"])
        except (ValueError, KeyError, TypeError):
            self.answer(400, "application/json", "{}")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A scanner that hangs up is no news."""


class Planted:
    """Planted() as a context: its port is `port`."""

    def __enter__(self):
        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
