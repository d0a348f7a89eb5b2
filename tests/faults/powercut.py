"""What a power cut leaves: a folder rebuilt from its state before the run and the journal that shim.c wrote.

The strict reading of POSIX: bytes are durable once their file was synced, names once their folder was. What was not is gone, or,
for another cut, survived in part: the disk wrote some pages and some names of its own accord, in any order. After a sync that
failed, what was written before is no longer dirty: a later sync does not bring it to the disk.
"""
import os
import random
import struct

(OP_WRITE, OP_TRUNCATE, OP_CREATE, OP_LINK, OP_RENAME, OP_UNLINK, OP_MKDIR, OP_RMDIR, OP_SYNC, OP_SYNC_DIR, OP_SYNC_FAILED) = range(1, 12)
DIRECTORY = object()
PAGE = 4096


class File:
    """Content now, and as the syncs left it."""

    __slots__ = ("now", "durable", "dirty")

    def __init__(self, content=b""):
        self.now = bytearray(content)
        self.durable = bytearray(content)
        self.dirty = set()  # pages

    def write(self, at, data):
        if len(self.now) < at:
            self.truncate(at)
        self.now[at:at + len(data)] = data
        self.dirty.update(range(at // PAGE, (at + len(data) + PAGE - 1) // PAGE))

    def truncate(self, size):
        old = len(self.now)
        if size < old:
            del self.now[size:]
        else:
            self.now.extend(bytes(size - old))
        self.dirty.update(range(min(size, old) // PAGE, (max(size, old) + PAGE - 1) // PAGE))

    def take(self, content, pages):
        """The content with these pages as they are now; its length is now's."""
        if len(content) > len(self.now):
            del content[len(self.now):]
        else:
            content.extend(bytes(len(self.now) - len(content)))
        for page in pages:
            content[page * PAGE:(page + 1) * PAGE] = self.now[page * PAGE:(page + 1) * PAGE]
        return content

    def sync(self):
        if self.dirty:
            self.take(self.durable, self.dirty)
            self.dirty.clear()

    def sync_failed(self):
        self.dirty.clear()

    def survived(self, chance):
        """What a cut leaves when each dirty page had this chance (a random.Random or None: nothing)."""
        lucky = {page for page in sorted(self.dirty) if chance and chance.random() < 0.5}
        if not lucky:
            return bytes(self.durable)
        return bytes(self.take(bytearray(self.durable), lucky))


class Disk:
    """Names and files below one folder. Taken from the folder before the run, then fed the journal."""

    def __init__(self, root):
        self.root = os.path.realpath(root)
        self.now = {}      # path -> File or DIRECTORY
        self.durable = {}
        self.by_inode = {}
        for folder, _, files in os.walk(self.root):
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
            self.by_inode[inode].sync()
        elif op == OP_SYNC_DIR:
            self.sync_folder(a.decode())
        elif op == OP_SYNC_FAILED:
            if inode in self.by_inode:  # else it is a folder: its names may still be written by a later sync
                self.by_inode[inode].sync_failed()
        else:
            raise AssertionError(f"journal: operation {op}")

    def sync_folder(self, folder):
        for path in self.unsynced_names(lambda path: os.path.dirname(path) == folder):
            self.make_name_durable(path)

    def unsynced_names(self, wanted):
        return [p for p in sorted({*self.now, *self.durable}) if wanted(p) and self.now.get(p) is not self.durable.get(p)]

    def make_name_durable(self, path):
        if path in self.now:
            self.durable[path] = self.now[path]
        else:
            self.durable.pop(path, None)

    def lay_out(self, target, seed=None):
        """Makes what is left in the folder `target`, which must be empty. With a seed some of what was not synced survived."""
        chance = random.Random(seed) if seed is not None else None
        if chance:
            for path in self.unsynced_names(lambda path: chance.random() < 0.5):
                self.make_name_durable(path)
        made = {}
        for path in sorted(self.durable):
            place = os.path.join(target, os.path.relpath(path, self.root))
            thing = self.durable[path]
            if not os.path.isdir(os.path.dirname(place)):
                continue  # its folder's name never became durable
            if thing is DIRECTORY:
                os.makedirs(place, mode=0o700, exist_ok=True)
            elif id(thing) in made:
                os.link(made[id(thing)], place)
            else:
                with open(place, "wb") as f:
                    f.write(thing.survived(chance))
                os.chmod(place, 0o600)
                made[id(thing)] = place
