"""Thunderbird on a screen of its own (Xvfb): it reads, marks, moves and deletes, and hears of new mail while it is idle.

It is driven over its remote-control port (Marionette): scripts that run inside of it do what its window does.
"""
import atexit
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile

import harness
from harness import PASSWORD, SLOW, shared, tool, wait_until

HOME = tempfile.mkdtemp(prefix="postroom-thunderbird-")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
state = {}


def daemon():
    return shared(users=["bob"])


def preferences(port):
    p = daemon().port
    server, identity, smtp = "mail.server.server1.", "mail.identity.id1.", "mail.smtpserver.smtp1."
    return {
        "marionette.port": port, "mail.accountmanager.accounts": "account1", "mail.accountmanager.defaultaccount": "account1",
        "mail.account.account1.identities": "id1", "mail.account.account1.server": "server1", identity + "useremail": "bob@example.org", identity + "valid": True,
        identity + "smtpServer": "smtp1", server + "type": "imap", server + "hostname": "127.0.0.1", server + "port": p["imap"], server + "userName": "bob@example.org",
        server + "socketType": 0, server + "authMethod": 3, server + "name": "bob", server + "login_at_startup": False, server + "check_new_mail": True,
        "mail.smtpservers": "smtp1", smtp + "hostname": "127.0.0.1", smtp + "port": p["submission"], "mail.shell.checkDefaultClient": False, "app.update.enabled": False,
        "mailnews.start_page.enabled": False, "mail.rights.version": 1, "mail.provider.suppress_dialog_on_startup": True, "mail.spotlight.firstRunDone": True,
        "datareporting.policy.dataSubmissionPolicyBypassNotification": True, "app.donation.eoy.version.viewed": 999, "mail.biff.show_alert": False, "mail.biff.play_sound": False, "mail.biff.show_tray_icon": False, "mail.biff.use_system_alert": False,
        "mail.biff.show_badge": False, "mail.biff.use_hw_indicator": False,
        "extensions.systemAddon.update.enabled": False, "app.normandy.enabled": False, "network.captive-portal-service.enabled": False,
        "network.connectivity-service.enabled": False, "services.settings.server": "data:,", "mail.cloud_files.enabled": False, "geo.enabled": False,
    }


class Remote:
    """Marionette: JSON with its length in front."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60 * SLOW)
        self.number, self.pending = 0, b""
        self.message()
        self.command("WebDriver:NewSession", {})
        self.command("Marionette:SetContext", {"value": "chrome"})
        self.command("WebDriver:SetTimeouts", {"script": 60000 * SLOW})

    def message(self):
        while b":" not in self.pending:
            self.more()
        size, _, self.pending = self.pending.partition(b":")
        while len(self.pending) < int(size):
            self.more()
        body, self.pending = self.pending[:int(size)], self.pending[int(size):]
        return json.loads(body)

    def more(self):
        part = self.socket.recv(65536)
        assert part, f"Thunderbird has closed its remote control: {state['process'].poll()} {open(HOME + '/out', errors='replace').read()[-3000:]}"
        self.pending += part

    def command(self, name, parameters):
        self.number += 1
        body = json.dumps([0, self.number, name, parameters]).encode()
        self.socket.sendall(str(len(body)).encode() + b":" + body)
        _, number, fault, value = self.message()
        assert number == self.number and not fault, fault
        return value

    def run(self, script, *arguments):
        """The value of an async function's body, run inside of Thunderbird."""
        text = """
            const [args, done] = [Array.from(arguments).slice(0, -1), arguments[arguments.length - 1]];
            const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
            const server = MailServices.accounts.accounts[0].incomingServer;
            const folder = (name) => server.rootFolder.subFolders.find((f) => f.name === name || f.URI.endsWith("/" + name));
            const shownIn = () => Services.wm.getMostRecentWindow("mail:3pane")?.msgWindow;
            const pick = (f, subject) => [...f.messages].find((m) => m.mime2DecodedSubject === subject);
            const until = async (f) => { for (let n = 0; n < 400 && !f(); n++) await new Promise((r) => window.setTimeout(r, 50)); return f(); };
            const wait = async (what, f) => { if (!await until(f)) throw new Error("not seen: " + what); return f(); };
            const find = (f, subject) => wait(subject, () => pick(f, subject));
            (async () => { %s })().then((value) => done({ value }), (fault) => done({ fault: String(fault) + " " + fault.stack }));
        """ % script
        got = self.command("WebDriver:ExecuteAsyncScript", {"script": text, "args": list(arguments), "newSandbox": True})["value"]
        assert "fault" not in got, got["fault"]
        return got.get("value")


def stop():
    process = state.pop("process", None)
    if process and process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def screen():
    """A display that the X server picks itself."""
    read, write = os.pipe()
    x = subprocess.Popen([tool("Xvfb"), "-displayfd", str(write), "-screen", "0", "1280x900x24", "-nolisten", "tcp"], pass_fds=(write,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    atexit.register(lambda: (x.terminate(), x.wait()))
    os.close(write)
    with os.fdopen(read) as said:
        number = said.readline().strip()
    assert number, "Xvfb did not start"
    return f":{number}"


def connects(port):
    assert state["process"].poll() is None, "Thunderbird has ended"
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
        return True
    except OSError:
        return False


def start():
    program, port = tool("thunderbird"), harness.free_port()
    os.makedirs(f"{HOME}/profile")
    with open(f"{HOME}/profile/user.js", "w") as f:
        f.writelines(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences(port).items())
    env = {k: v for k, v in os.environ.items() if not k.startswith("POSTROOM")}
    state["process"] = subprocess.Popen([program, "--marionette", "--remote-allow-system-access", "--no-remote", "--profile", f"{HOME}/profile"], start_new_session=True,
                                        env=dict(env, HOME=HOME, DISPLAY=screen(), MOZ_DISABLE_AUTO_SAFE_MODE="1"), stdout=open(f"{HOME}/out", "wb"), stderr=subprocess.STDOUT)
    atexit.register(stop)
    wait_until(lambda: connects(port), 60, "Thunderbird's remote control")
    state["remote"] = Remote(port)


def remote():
    if "remote" not in state:
        start()
    return state["remote"]


def message(subject, extra="", text="hello"):
    daemon().send(f"From: Ada <ada@example.net>\r\nTo: bob@example.org\r\nSubject: {subject}\r\n{extra}\r\n{text}\r\n")


def flags(subject):
    client = daemon().imap("bob")
    client.select("INBOX", readonly=True)
    uid = client.uid("SEARCH", None, "SUBJECT", f'"{subject}"')[1][0].split()
    got = client.uid("FETCH", uid[0].decode(), "(FLAGS)")[1][0].decode() if uid else ""
    client.logout()
    return got


def test_the_inbox_is_listed_and_a_message_is_read():
    p = daemon()
    for n in range(4):
        message(f"bird {n}")
    message("=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n", "Sch=C3=B6ne")
    p.wait_count(5)
    remote().run("""
        server.password = args[0];
        await wait("the window", () => shownIn());
        server.performExpand(null);
        await wait("the folders", () => folder("INBOX") && folder("Archive") && folder("Trash"));
        folder("INBOX").updateFolder(shownIn());
    """, PASSWORD)
    assert remote().run("return await until(() => folder('INBOX').getTotalMessages(false) === 5);"), p.log_tail()
    assert "Grüße" in remote().run("return [...folder('INBOX').messages].map((m) => m.mime2DecodedSubject);")
    text = remote().run("""
        const inbox = folder("INBOX"), uri = inbox.getUriForMsg(await find(inbox, "Grüße"));
        return await new Promise((resolve, reject) => {
            let text = "";
            const listener = { QueryInterface: ChromeUtils.generateQI(["nsIStreamListener"]), onStartRequest() {},
                onDataAvailable(request, stream, offset, count) {
                    const s = Cc["@mozilla.org/scriptableinputstream;1"].createInstance(Ci.nsIScriptableInputStream);
                    s.init(stream);
                    text += s.read(count);
                },
                onStopRequest(request, status) { Components.isSuccessCode(status) ? resolve(text) : reject(new Error(status)); } };
            MailServices.messageServiceFromURI(uri).streamMessage(uri, listener, null, null, false, "", true);
        });
    """)
    assert "Sch=C3=B6ne" in text, text


def test_what_is_marked_moved_and_deleted_there_is_so_here():
    p = daemon()
    remote().run("""
        const inbox = folder("INBOX"), shown = shownIn();
        const copied = (begin) => new Promise((resolve, reject) => begin({
            QueryInterface: ChromeUtils.generateQI(["nsIMsgCopyServiceListener"]), onStartCopy() {}, onProgress() {}, setMessageKey() {}, getMessageId() {},
            onStopCopy(status) { Components.isSuccessCode(status) ? resolve() : reject(new Error(status)); } }));
        inbox.markMessagesRead([await find(inbox, "bird 0")], true);
        inbox.markMessagesFlagged([await find(inbox, "bird 1")], true);
        inbox.addKeywordsToMessages([await find(inbox, "bird 1")], "$label1");
        const [two, three] = [await find(inbox, "bird 2"), await find(inbox, "bird 3")];
        await copied((listener) => MailServices.copy.copyMessages(inbox, [two], folder("Archive"), true, listener, shown, false));
        await copied((listener) => inbox.deleteMessages([three], shown, false, false, listener, false));
    """)
    wait_until(lambda: "\\Seen" in flags("bird 0"), 20, "bird 0 is read")
    wait_until(lambda: "\\Flagged" in flags("bird 1") and "$label1" in flags("bird 1"), 20, "bird 1 is flagged and labelled")
    p.wait_count(1, mailbox="Archive", seconds=20)
    p.wait_count(1, mailbox="Trash", seconds=20)
    wait_until(lambda: p.count() == 3, 20, "two have left the inbox")


def test_new_mail_and_flags_of_others_are_heard_of_while_idle():
    message("while idle")
    remote().run("await find(folder('INBOX'), 'while idle');")
    client = daemon().imap("bob")
    client.select("INBOX")
    uid = client.uid("SEARCH", None, "SUBJECT", '"while idle"')[1][0].decode()
    client.uid("STORE", uid, "+FLAGS", "(\\Answered)")
    assert remote().run("return await until(() => pick(folder('INBOX'), 'while idle').isRead === false && (pick(folder('INBOX'), 'while idle').flags & 2) !== 0);")
    client.uid("STORE", uid, "+FLAGS", "(\\Deleted)")
    client.expunge()
    client.logout()
    assert remote().run("return await until(() => !pick(folder('INBOX'), 'while idle'));")


def test_folders_are_made_renamed_and_removed():
    p = daemon()
    remote().run("server.rootFolder.createSubfolder('Büro & Co', shownIn()); await wait('the folder', () => folder('Büro & Co'));")
    remote().run("folder('Büro & Co').rename('Lager', shownIn()); await wait('its new name', () => folder('Lager'));")
    client = p.imap("bob")
    assert any(b'"Lager"' in line for line in client.list()[1]), client.list()
    client.logout()
    stop()


harness.run(globals())
