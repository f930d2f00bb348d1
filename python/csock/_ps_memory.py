"""What threads of another process wait in, out of its memory: core/call/shown.h has the layout.

The memory is read as /proc/PID/mem, by the rules of ptrace(2), without any help of the process: it
may hang, hold its GIL, or be stopped. Nothing in it is believed: each read is bounded, each list
has an end, and what is given out is numbers and bytes.
"""

import os
import stat
import struct
import sys

MAGIC = b"csock's threads\0"
LAYOUT = 1
_HEAD = struct.Struct("=16sHBBHH24sII")
_SHOWN = struct.Struct("=IiIIqqQQ")

CALLS = {
    1: "recv",
    2: "recvfrom",
    3: "recvmsg",
    4: "send",
    5: "sendto",
    6: "sendmsg",
    7: "sendfile",
    8: "accept",
    9: "connect",
    10: "poll in",
    11: "poll out",
    12: "poll",
    13: "look-up",
    14: "dial",
    15: "poll many",
}
ABOUT_NAMES = {13, 14}  # the calls about a host name; the others', if any, is an address

CHUNK = 1 << 20
MOST_OF_A_FILE = 16 << 20  # of its initialised data
MOST_OF_A_PROCESS = 128 << 20
MOST_HEADS = 16
MOST_RECORDS = 100_000
MOST_ABOUT = 256
TRIES = 20  # at a record that changes while it is read: who is that busy is not stuck


class Unreadable(Exception):
    """No such address."""


class Refused(Exception):
    """The kernel does not let us read that process."""


class Memory:
    def __init__(self, folder):
        """folder: a descriptor of /proc/PID"""
        try:
            self._fd = os.open("mem", os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
        except PermissionError:
            raise Refused from None

    def read(self, address, n):
        if not 0 < address < 1 << 63:
            raise Unreadable
        try:
            data = os.pread(self._fd, n, address)
        except OSError:
            raise Unreadable from None
        if len(data) != n:
            raise Unreadable
        return data

    def close(self):
        os.close(self._fd)


class Head:
    """A struct csock__records."""

    def __init__(self, memory, address):
        data = memory.read(address, _HEAD.size + 16)
        (_, self.layout, self.word, self.sleeps, self.shown, self.size, version, self.off,
         _) = _HEAD.unpack_from(data)  # fmt: skip
        self.version = version.split(b"\0")[0].decode("ascii", "backslashreplace")
        self.known = self.layout == LAYOUT
        if not self.known:
            return
        # `on` and what is before it, and the waits, stand in `shown` bytes.
        least = 8 + (1 + self.sleeps) * self.word
        if (self.word not in (4, 8) or not 1 <= self.sleeps <= 16 or self.size < _SHOWN.size
                or self.size > 256 or not least <= self.shown <= 1024):  # fmt: skip
            raise Unreadable
        self.generation, self.first = struct.unpack_from(f"={self.pointers(2)}", data, _HEAD.size)

    def pointers(self, n):
        return f"{n}{'Q' if self.word == 8 else 'I'}"


class Wait:
    """What one thread waits in."""

    def __init__(self, tid, shown):
        self.tid = tid  # as the process itself knows it
        _, fd, self.what, self.about_size, self.since, self.deadline, *rest = shown
        self.about_at, self.frame = rest
        self.call = CALLS.get(self.what, f"call {self.what}")
        self.fd = fd if fd >= 0 else None
        self.about = b""


def data_of_files(folder, wanted):
    """(address, size, part) of private, writable parts of files that the process has mapped;
    wanted: takes a path and says whether that file is to be looked at."""
    with open("maps", "rb", opener=lambda name, flags: os.open(name, flags, dir_fd=folder)) as maps:
        for line in maps:
            words = line.split(None, 5)
            if len(words) < 6 or words[1][:2] != b"rw" or words[1][3:4] != b"p":
                continue
            place, _, offset, device, inode, path = words
            path = path.rstrip(b"\n")
            if inode == b"0" or not wanted(path):
                continue
            start, _, end = place.partition(b"-")
            start, end = int(start, 16), int(end, 16)
            yield start, end - start, (path, device, int(inode), int(offset, 16), end - start)


def _places_of(memory, start, size):
    """Where the magic stands."""
    kept = b""
    for at in range(start, start + min(size, MOST_OF_A_FILE), CHUNK):
        data = kept + memory.read(at, min(CHUNK, start + size - at))
        base, found = at - len(kept), data.find(MAGIC)
        while found >= 0:
            if (base + found) % 4 == 0:
                yield base + found
            found = data.find(MAGIC, found + 1)
        kept = data[-len(MAGIC) + 1 :]


def _is_none_in(part):
    """Whether the magic does not stand in that part of its file, where it begins in each process: a
    process that has wiped it out of its own copy says nothing about others."""
    path, device, inode, offset, size = part
    try:
        found = os.open(path, os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        known = os.fstat(found)
        if (not stat.S_ISREG(known.st_mode) or known.st_ino != inode or device !=
                b"%02x:%02x" % (os.major(known.st_dev), os.minor(known.st_dev))):  # fmt: skip
            return False  # another one by now, or in another root
        with open(f"/proc/self/fd/{found}", "rb", buffering=0) as file:
            return MAGIC not in os.pread(file.fileno(), min(size, MOST_OF_A_FILE), offset)
    except OSError:
        return False
    finally:
        os.close(found)


def heads(folder, memory, wanted, without):
    """All of a process. without: a set that keeps which parts of files are known to have none."""
    result, left = [], MOST_OF_A_PROCESS
    for start, size, part in data_of_files(folder, wanted):
        left -= min(size, MOST_OF_A_FILE)
        if part in without or left < 0:
            continue
        try:
            found = list(_places_of(memory, start, size))
        except Unreadable:
            continue
        if not found and _is_none_in(part):
            without.add(part)
        for place in found:
            if len(result) < MOST_HEADS:
                try:
                    result.append(Head(memory, place))
                except Unreadable:
                    pass
    return result


class _Record:
    """A struct csock__thread, as far as it is shown."""

    def __init__(self, head, memory, address):
        self.data = memory.read(address, head.shown + head.sleeps * head.size)
        self.next, self.taken, self.tid, *self.on = struct.unpack_from(
            f"={head.pointers(1)}Ii{head.pointers(head.sleeps)}", self.data
        )

    def newest(self, head):
        """The wait that it is in: one in a signal handler is newer than the one that it interrupts.
        None: in none, or in none that it says; or that is being written."""
        waits = []
        for place, on in enumerate(self.on):
            shown = _SHOWN.unpack_from(self.data, head.shown + place * head.size)
            if on and shown[2]:
                waits.append((shown[4], place, shown))
        shown = max(waits)[2] if waits else None
        return Wait(self.tid, shown) if shown and shown[0] % 2 == 0 else None


def _read_about(memory, wait):
    size = min(wait.about_size, MOST_ABOUT)
    try:
        return memory.read(wait.about_at, size) if size and wait.about_at else b""
    except Unreadable:
        return b""


def _settled(head, memory, address, record):
    """Its wait, read as one piece: it stands there after the rest as it did before."""
    for _ in range(TRIES):
        wait = record.newest(head)
        if wait:
            wait.about = _read_about(memory, wait)
        again = _Record(head, memory, address)
        if again.data == record.data:
            return wait
        record = again
    return None


def waits(head, memory):
    """The waits of all threads of this process, and in this process: a child of fork(2) has its
    parent's records, too."""
    result, seen, at = [], set(), head.first
    try:
        generation = int.from_bytes(memory.read(head.generation, head.word), sys.byteorder)
        (generation,) = struct.unpack("=I", memory.read(generation, 4))
    except Unreadable:
        return result
    while generation and at and at not in seen and len(seen) < MOST_RECORDS:
        seen.add(at)
        try:
            record = _Record(head, memory, at)
            if record.taken == generation and any(record.on):
                wait = _settled(head, memory, at, record)
                if wait:
                    result.append(wait)
        except Unreadable:
            break
        at = record.next
    return result
