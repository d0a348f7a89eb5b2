"""Running the daemon under the shim: arm, act, cut, look at what is left."""
import errno
import mmap
import os
import shutil
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "daemon"))
import harness  # noqa: E402
from powercut import Disk  # noqa: E402

SHIM = os.path.abspath(os.environ.get("POSTROOM_SHIM", "build/tests/faults/shim.so"))
NONE, KILL, FAIL_ONCE, FAIL_FROM, DROP_SYNC = range(5)
FIELDS = ("armed", "action", "at", "error", "count", "syncs", "hits")


class Control:
    """struct control of shim.c, shared with the daemon."""

    def __init__(self, path):
        with open(path, "wb") as f:
            f.write(b"\0" * 4096)
        self.file = open(path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), 4096)

    def get(self, name):
        return struct.unpack_from("=I", self.map, 4 * FIELDS.index(name))[0]

    def set(self, name, value):
        struct.pack_into("=I", self.map, 4 * FIELDS.index(name), value)

    def arm(self, action=NONE, at=0, error=errno.EIO):
        for name, value in (("armed", 0), ("action", action), ("at", at), ("error", error), ("count", 0), ("syncs", 0), ("hits", 0), ("armed", 1)):
            self.set(name, value)

    def disarm(self):
        self.set("armed", 0)

    def close(self):
        self.map.close()
        self.file.close()


class Template:
    """A data folder after setup, made once and copied for each run: the same start for every N."""

    def __init__(self, prepare=None, users=("alice", "bob"), conf=""):
        self.users, self.conf = users, conf
        self.instance = harness.Instance(users=users, conf=conf)
        if prepare:
            prepare(self.instance)
        self.instance.stop()

    def close(self):
        self.instance.close()


class Lab:
    """One run: a copy of the template, the daemon under the shim."""

    def __init__(self, template):
        self.template = template
        self.instance = harness.Instance(users=template.users, conf=template.conf, start=False)
        i = self.instance
        shutil.copytree(os.path.join(template.instance.dir, "data"), os.path.join(i.dir, "data"))
        shutil.copy(os.path.join(template.instance.dir, "secret.key"), os.path.join(i.dir, "secret.key"))
        self.data = os.path.realpath(os.path.join(i.dir, "data"))
        self.journal = os.path.join(i.dir, "journal")
        self.control = Control(os.path.join(i.dir, "control"))
        self.before = Disk(self.data)  # before the daemon opens it: the journal begins at its start
        i.start(env={"LD_PRELOAD": SHIM, "POSTROOM_FAULT_ROOT": self.data, "POSTROOM_FAULT_CONTROL": os.path.join(i.dir, "control"), "POSTROOM_FAULT_JOURNAL": self.journal})

    def died(self):
        return self.instance.process is None or self.instance.process.poll() is not None

    def cut_power(self):
        """The daemon is gone this instant; the folder becomes what the disk had."""
        self.instance.kill()
        self.before.play(self.journal)
        shutil.rmtree(self.data)
        os.mkdir(self.data, 0o700)
        self.before.write_durable(self.data)

    def restart(self):
        """Without the shim, on what is left."""
        self.instance.kill()
        self.instance.start()
        return self.instance

    def close(self):
        self.control.close()
        self.instance.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


