"""The processes that `csock ps` looks at, and what it has of each: waits out of its memory, and
threads, names and descriptors out of /proc, by a descriptor of /proc/PID, which stays with that
process where its number goes on to another.

All of it is read in a thread that is given up where it takes too long: a process can have memory
whose reading never ends (userfaultfd(2), a file system of its own).
"""

import os
import queue
import threading
from collections import deque

from csock import _ps_kernel, _ps_memory
from csock._ps_kernel import text_of

PATIENCE = 5  # seconds, for one process, on a machine that is busy
MOST_TEXT = 4096
_STATES = {"T": "stopped", "t": "traced", "Z": "ended", "X": "ended", "D": "in the kernel"}


class Gone(Exception):
    """Has ended."""


class Hung(Exception):
    """Does not let itself be read in time."""


class Process:
    def __init__(self, pid):
        self.pid = pid
        self.command = self.state = ""
        self.versions = []  # of csock
        self.unknown = []  # (version, layout) of those that this one does not know
        self.off = False  # by CSOCK_PS=0
        self.rows = []
        self.place = "."  # in its folder: what has its memory
        self.network = None
        self.refused = False
        self.stacks = None  # or {thread: [line]}, or an Exception


class Row:
    """A thread that waits."""

    def __init__(self, wait, thread, name):
        self.wait = wait
        self.thread = thread
        self.name = name
        self.inode = None
        self.no_socket = None  # what the descriptor is
        self.protocol = None  # of a socket that the kernel says no more of
        self.socket = None  # a _ps_kernel.Socket


def _read(folder, path, most=MOST_TEXT):
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    try:
        return os.read(fd, most)
    finally:
        os.close(fd)


def _link(folder, path):
    try:
        return os.readlink(path, dir_fd=folder)
    except OSError:
        return None


def _opened(path, folder=None):
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)


def _place_with_memory(folder):
    """The folder itself, but where the first thread has ended before others: that of one of them.
    proc(5)"""
    try:
        os.readlink("exe", dir_fd=folder)
    except (FileNotFoundError, ProcessLookupError):
        for thread in _listed(folder, "task"):
            if _link(folder, f"task/{thread}/exe"):
                return f"task/{thread}"
    except OSError:
        pass
    return "."


def _names(folder, process):
    process.command = text_of(_read(folder, "cmdline").rstrip(b"\0").replace(b"\0", b" "))
    comm, _, rest = _read(folder, "stat").partition(b"(")[2].rpartition(b")")
    process.command = process.command or text_of(comm)
    process.state = _STATES.get(rest.split()[0].decode() if rest.split() else "", "")


def _threads(folder, place):
    """{number that the process itself knows: number here}"""
    threads = [int(name) for name in _listed(folder, "task") if name.isdigit()]
    if _link(place, "ns/pid") == _link(None, "/proc/self/ns/pid"):
        return {tid: tid for tid in threads}
    result = {}
    for tid in threads:
        try:
            status = _read(folder, f"task/{tid}/status").partition(b"NSpid:")[2]
            result[int(status.split(b"\n")[0].split()[-1])] = tid
        except (OSError, ValueError, IndexError):
            continue
    return result


def _listed(folder, path):
    fd = _opened(path, folder)
    try:
        return os.listdir(fd)
    finally:
        os.close(fd)


def _has_left(folder, thread, wait):
    """Whether a thread is no more in that wait: it runs, or its stack pointer is above the frame of
    the call, which it has left for good by a jump out of a signal handler. proc(5), "syscall" """
    try:
        words = _read(folder, f"task/{thread}/syscall").split()
        return words == [b"running"] or int(words[-2], 16) > wait.frame
    except (OSError, ValueError, IndexError):
        return False


def _row(folder, wait, thread):
    row = Row(wait, thread, text_of(_read(folder, f"task/{thread}/comm").rstrip(b"\n")))
    if wait.fd is not None:
        link = _link(folder, f"task/{thread}/fd/{wait.fd}")
        if link and link.startswith("socket:[") and link[8:-1].isdigit():
            row.inode = int(link[8:-1])
        else:
            row.no_socket = text_of(os.fsencode(link or "closed"))
    return row


def _rows(folder, place, memory, heads, process):
    waits = []
    for head in heads:
        if not head.known:
            process.unknown.append((head.version, head.layout))
            continue
        process.versions.append(head.version)
        process.off = process.off or bool(head.off)
        waits += [] if head.off else _ps_memory.waits(head, memory)
    threads = _threads(folder, place) if waits else {}
    for wait in waits:
        thread = threads.get(wait.tid)
        if thread is None or _has_left(folder, thread, wait):
            continue
        try:
            process.rows.append(_row(folder, wait, thread))
        except OSError:
            continue
    process.rows.sort(key=lambda row: (row.wait.since, row.thread))


def _time_offset(folder, place):
    """How far its CLOCK_MONOTONIC is before ours, in ns: time_namespaces(7)."""
    def offset(where, path):
        for line in _read(where, path).splitlines():
            name, seconds, ns = line.split()
            if name == b"monotonic":
                return int(seconds) * 10**9 + int(ns)
        return 0

    if _link(folder, f"{place}/ns/time") == _link(None, "/proc/self/ns/time"):
        return 0
    try:
        return offset(folder, "timens_offsets") - offset(None, "/proc/self/timens_offsets")
    except (OSError, ValueError):
        return 0


class Reader:
    """Reads processes, one after the other; knows of files that have no csock in them."""

    def __init__(self, named, stacks=None):
        """named: the processes are those that a user has named; stacks: see _interp.stacks"""
        self.named = named
        self.stacks = stacks
        self.without = set()

    def _wanted(self, folder):
        """Which files of a process are to be looked at: those with csock in their path, and the
        program itself, which may have been linked with the static library; all, if the user asks
        for this process."""
        program = os.fsencode(_link(folder, "exe") or "")
        return lambda path: self.named or b"csock" in path or path == program

    def _look(self, folder, process):
        process.place = _place_with_memory(folder)
        place = _opened(process.place, folder)
        try:
            return self._look_at(folder, place, process)
        finally:
            os.close(place)

    def _look_at(self, folder, place, process):
        try:
            memory = _ps_memory.Memory(place)
        except _ps_memory.Refused:
            if not self.named and not self._seems_to_have(place):
                return False
            process.refused = True
            _names(place, process)
            return True
        try:
            heads = _ps_memory.heads(place, memory, self._wanted(place), self.without)
            if heads:
                _names(place, process)
                _rows(folder, place, memory, heads, process)
                process.network = _link(place, "ns/net")
        finally:
            memory.close()
        return bool(heads) or self.named

    def _seems_to_have(self, folder):
        try:
            parts = _ps_memory.data_of_files(folder, lambda path: b"csock" in path)
            return any(True for _ in parts)
        except OSError:
            return False

    def read(self, pid):
        """A Process, or None where it has no csock. Raises Gone."""
        process = Process(pid)
        try:
            folder = _opened(f"/proc/{pid}")
        except OSError:
            raise Gone from None
        try:
            if not self._look(folder, process):
                return None
            shift = _time_offset(folder, process.place)
            for row in process.rows:
                row.wait.since -= shift
                row.wait.deadline -= shift if row.wait.deadline else 0
            if process.rows and self.stacks:
                process.stacks = self.stacks(pid)
        except (FileNotFoundError, ProcessLookupError):
            raise Gone from None
        except PermissionError:
            process.refused = True
            return process if self.named else None
        except OSError:
            return None
        finally:
            os.close(folder)
        return process


def patiently(function, items):
    """(item, result or exception) for each, in their order; Hung where it took too long. Many that
    hang are many that somebody has made so: each leaves the next ones less time."""
    todo, hung = deque(items), 0

    def work(done, items):
        for item in items:
            try:
                done.put(function(item))
            except Exception as error:
                done.put(error)
            if done is not current:
                return  # given up

    while todo:
        current = queue.SimpleQueue()
        threading.Thread(target=work, args=(current, list(todo)), daemon=True).start()
        while todo:
            try:
                result = current.get(timeout=PATIENCE / (1 + hung))
            except queue.Empty:
                current, hung = None, hung + 1
                yield todo.popleft(), Hung()
                break
            yield todo.popleft(), result


def _protocol(process, row):
    """The name of its protocol, as the kernel has it: NETLINK, PACKET, ALG. By now its number may
    mean another file, of a system that never answers."""
    try:
        fd = os.open(f"/proc/{process.pid}/task/{row.thread}/fd/{row.wait.fd}",
                     os.O_PATH | os.O_CLOEXEC)  # fmt: skip
    except OSError:
        return None
    try:
        path = f"/proc/self/fd/{fd}"
        if os.readlink(path) != f"socket:[{row.inode}]":
            return None
        return os.getxattr(path, "system.sockprotoname").rstrip(b"\0").decode("ascii", "replace")
    except OSError:
        return None
    finally:
        os.close(fd)


def _ask_kernel(network):
    """Fills in the sockets of processes in one network namespace, by way of one that still runs."""
    wanted = {row.inode for process in network for row in process.rows if row.inode}
    for process in network if wanted else ():
        try:
            folder = _opened(f"/proc/{process.pid}/{process.place}")
        except OSError:
            continue
        try:
            found = _ps_kernel.sockets(folder, wanted)
        except OSError:
            continue
        finally:
            os.close(folder)
        for process in network:
            for row in process.rows:
                row.socket = found.get(row.inode)
                if row.inode and not row.socket:
                    row.protocol = _protocol(process, row)
        return


def ask_kernel(processes):
    networks = {}
    for process in processes:
        if process.rows:
            networks.setdefault(process.network, []).append(process)
    for network in networks.values():
        _ask_kernel(network)


def of_this_user():
    """Numbers of the processes that are ours to look at: for root, all."""
    me, result = os.geteuid(), []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            if me == 0 or os.stat(f"/proc/{name}").st_uid == me:
                result.append(int(name))
        except OSError:
            continue
    return sorted(result)
