"""What a power cut leaves: a folder rebuilt from its state before the run and the journal that shim.c wrote.

The strict reading of POSIX: bytes are durable once their file was synced, names once their folder was. Everything else is gone.
"""
import os
import struct

OP_WRITE, OP_TRUNCATE, OP_CREATE, OP_LINK, OP_RENAME, OP_UNLINK, OP_MKDIR, OP_RMDIR, OP_SYNC, OP_SYNC_DIR = range(1, 11)
DIRECTORY = object()


class File:
    """Content now, and as the last sync left it."""

    __slots__ = ("now", "durable", "dirty")

    def __init__(self, content=b""):
        self.now = bytearray(content)
        self.durable = bytes(content)
        self.dirty = False

    def write(self, at, data):
        if len(self.now) < at:
            self.now.extend(b"\0" * (at - len(self.now)))
        self.now[at:at + len(data)] = data
        self.dirty = True

    def truncate(self, size):
        if size < len(self.now):
            del self.now[size:]
        else:
            self.now.extend(b"\0" * (size - len(self.now)))
        self.dirty = True

    def sync(self):
        if self.dirty:
            self.durable = bytes(self.now)
            self.dirty = False


class Disk:
    """Names and files below one folder. Taken from the folder before the run, then fed the journal."""

    def __init__(self, root):
        self.root = os.path.realpath(root)
        self.now = {}      # path -> File or DIRECTORY
        self.durable = {}
        self.by_inode = {}
        for folder, folders, files in os.walk(self.root):
            self.now[folder] = DIRECTORY
            for name in files:
                path = os.path.join(folder, name)
                if path.endswith("-shm") or not os.path.isfile(path):
                    continue
                inode = os.lstat(path).st_ino
                if inode not in self.by_inode:
                    with open(path, "rb") as f:
                        self.by_inode[inode] = File(f.read())
                self.now[path] = self.by_inode[inode]
        self.durable = dict(self.now)

    def play(self, journal_path):
        with open(journal_path, "rb") as f:
            data = f.read()
        at = 0
        while at + 40 <= len(data):
            op, inode, offset, a_len, b_len = struct.unpack_from("=5Q", data, at)
            at += 40
            if at + a_len + b_len > len(data):
                break  # the process was killed while it wrote this entry: the operation had happened, but was never synced
            a, b = data[at:at + a_len], data[at + a_len:at + a_len + b_len]
            at += a_len + b_len
            self.apply(op, inode, offset, a, b)

    def apply(self, op, inode, offset, a, b):
        if op == OP_WRITE:
            self.by_inode[inode].write(offset, a)
        elif op == OP_TRUNCATE:
            self.by_inode[inode].truncate(offset)
        elif op == OP_CREATE:
            self.by_inode[inode] = self.now[a.decode()] = File()
        elif op == OP_LINK:
            self.now[a.decode()] = self.by_inode[inode]
        elif op == OP_RENAME:
            self.now[b.decode()] = self.now.pop(a.decode())
        elif op in (OP_UNLINK, OP_RMDIR):
            self.now.pop(a.decode(), None)
        elif op == OP_MKDIR:
            self.now[a.decode()] = DIRECTORY
        elif op == OP_SYNC:
            if inode in self.by_inode:  # else it was opened before the run and never written in it
                self.by_inode[inode].sync()
        elif op == OP_SYNC_DIR:
            self.sync_folder(a.decode())
        else:
            raise AssertionError(f"journal: operation {op}")

    def sync_folder(self, folder):
        for names in (self.durable, self.now):
            for path in [p for p in names if os.path.dirname(p) == folder]:
                if path in self.now:
                    self.durable[path] = self.now[path]
                else:
                    self.durable.pop(path, None)

    def write_durable(self, target):
        """Lays out what is left in the folder `target`, which must be empty."""
        self.lay_out(target, self.durable, lambda f: f.durable)

    def write_all(self, target):
        """What kill -9 leaves: everything the kernel had."""
        self.lay_out(target, self.now, lambda f: bytes(f.now))

    def lay_out(self, target, names, content):
        made = {}
        for path in sorted(names):
            place = os.path.join(target, os.path.relpath(path, self.root))
            thing = names[path]
            if thing is DIRECTORY:
                if os.path.isdir(os.path.dirname(place)):
                    os.makedirs(place, mode=0o700, exist_ok=True)
                continue
            if not os.path.isdir(os.path.dirname(place)):
                continue  # its folder's name never became durable
            if id(thing) in made:
                os.link(made[id(thing)], place)
                continue
            with open(place, "wb") as f:
                f.write(content(thing))
            os.chmod(place, 0o600)
            made[id(thing)] = place
