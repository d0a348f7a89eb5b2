"""Another mail server, played: a scripted SMTP peer that keeps what it is given."""
import base64
import socket
import ssl
import threading

IPV6_FREEBIND = 78  # linux/in6.h


class Message:
    def __init__(self, sender, recipients, content, tls, login, options):
        self.sender, self.recipients, self.content, self.tls, self.login, self.options = sender, recipients, content, tls, login, options


class Sink:
    """Listens until close(). `answers` maps a verb (MAIL, RCPT, DATA, "." for the end of content, EHLO, STARTTLS, CONNECT) to a reply, a list of
    replies used one after the other (the last stays; None: the usual one), or a function of (verb, argument) that returns one of these."""

    def __init__(self, host, port, offers=("PIPELINING", "SIZE 52428800", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"), answers=None, context=None, broken_tls=False, login=None, tls_from_start=False):
        self.offers, self.answers, self.context, self.broken_tls, self.login, self.tls_from_start = list(offers), dict(answers or {}), context, broken_tls, login, tls_from_start
        self.messages, self.commands, self.connections = [], [], 0
        self.used = {}
        self.lock = threading.Lock()
        self.listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if ":" in host:
            self.listener.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)  # an address that is local by its route only
        self.listener.bind((host, port))
        self.listener.listen(128)
        self.open = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for session in self.open:
            session.hang_up()

    def answer(self, verb, argument, usual):
        with self.lock:
            scripted = self.answers.get(verb)
            if callable(scripted):
                scripted = scripted(verb, argument)
            if isinstance(scripted, (list, tuple)):
                at = self.used.get(verb, 0)
                self.used[verb] = at + 1
                scripted = scripted[min(at, len(scripted) - 1)]
        return scripted or usual

    def serve(self, connection):
        session = None
        try:
            session = Session(self, connection)
            self.open.append(session)
            session.run()
        except (OSError, ssl.SSLError, ValueError):
            pass
        finally:
            if session:
                session.hang_up()
            connection.close()


class Session:
    def __init__(self, sink, connection):
        self.sink, self.socket = sink, connection
        self.tls, self.user = False, None
        self.forget()
        if sink.tls_from_start:
            self.start_tls()
        self.file = self.socket.makefile("rb")

    def hang_up(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)  # close() alone leaves it to the session's file
            self.socket.close()
        except OSError:
            pass

    def forget(self):
        self.sender, self.recipients, self.options = None, [], ""

    def start_tls(self):
        self.socket = self.sink.context.wrap_socket(self.socket, server_side=True)
        self.file = self.socket.makefile("rb")
        self.tls = True

    def say(self, text):
        self.socket.sendall((text + "\r\n").encode())

    def run(self):
        self.say(self.sink.answer("CONNECT", "", "220 sink.example ESMTP"))
        while (line := self.file.readline()):
            line = line.rstrip(b"\r\n").decode()
            verb, _, argument = line.partition(" ")
            with self.sink.lock:
                self.sink.commands.append(line)
            if not self.take(verb.upper(), argument):
                return

    def ehlo(self, argument):
        offers = [o for o in self.sink.offers if not (self.tls and o == "STARTTLS")]
        if self.sink.login and self.tls:
            offers.append("AUTH PLAIN LOGIN")
        lines = ["sink.example", *offers]
        usual = "\r\n".join(f"250{'-' if i + 1 < len(lines) else ' '}{text}" for i, text in enumerate(lines))
        self.say(self.sink.answer("EHLO", argument, usual))

    def take(self, verb, argument):
        if verb == "EHLO":
            self.ehlo(argument)
        elif verb == "STARTTLS":
            return self.take_starttls(argument)
        elif verb == "AUTH":
            self.take_auth(argument)
        elif verb == "MAIL":
            path, _, self.options = argument[5:].partition(" ")
            reply = self.sink.answer("MAIL", argument, "250 2.1.0 Ok")
            self.sender = path.strip("<>") if reply[0] == "2" else None
            self.say(reply)
        elif verb == "RCPT":
            reply = self.sink.answer("RCPT", argument, "250 2.1.5 Ok")
            if reply[0] == "2":
                self.recipients.append(argument[3:].strip("<>"))
            self.say(reply)
        elif verb == "DATA":
            self.take_data(argument)
        elif verb == "QUIT":
            self.say("221 2.0.0 Bye")
            return False
        else:
            self.say(self.sink.answer(verb, argument, "250 2.0.0 Ok"))
        return True

    def take_starttls(self, argument):
        reply = self.sink.answer("STARTTLS", argument, "220 2.0.0 Go")
        self.say(reply)
        if reply[0] == "2" and self.sink.broken_tls:
            self.socket.recv(100)  # a ClientHello
            self.socket.sendall(b"this is no TLS\r\n")
            return False
        if reply[0] == "2":
            self.start_tls()
        return True

    def take_auth(self, argument):
        mechanism, _, initial = argument.partition(" ")
        if mechanism != "PLAIN":
            self.say("504 5.5.4 no")
            return
        _, user, password = base64.b64decode(initial).decode().split("\0")
        if (user, password) == self.sink.login:
            self.user = user
            self.say("235 2.7.0 Ok")
        else:
            self.say("535 5.7.8 wrong")

    def take_data(self, argument):
        if self.sender is None or not self.recipients or (self.sink.login and not self.user):
            self.say("554 5.5.1 no valid recipients")
            return
        reply = self.sink.answer("DATA", argument, "354 Go on")
        self.say(reply)
        if reply[0] != "3":
            return
        content = b""
        while (line := self.file.readline()) != b".\r\n":
            if not line:
                return
            content += line[1:] if line[:1] == b"." else line
        reply = self.sink.answer(".", argument, "250 2.0.0 kept")
        message = Message(self.sender, self.recipients, content, self.tls, self.user, self.options)
        self.forget()
        try:
            self.say(reply)
        finally:
            # Whoever finds it may close the sink at once: its sender has been answered by then.
            if reply[0] == "2":
                with self.sink.lock:
                    self.sink.messages.append(message)
