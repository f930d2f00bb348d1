"""What several test files share: connected sockets, full sockets, threads, child programs.

Waiting is for conditions, never for a guessed time, except where a test shows that something does
*not* happen."""

import contextlib
import ctypes
import os
import pathlib
import platform
import re
import select
import socket
import subprocess
import sys
import threading
import time

import csock


def _sanitised():
    with contextlib.suppress(OSError):
        return "libasan" in pathlib.Path("/proc/self/maps").read_text()
    return False


SANITISED = _sanitised()
# Factor for limits that a sanitizer or emulation makes meaningless.
SLOWNESS = 4 if SANITISED or "CSOCK_TSAN" in os.environ else 1
if os.environ.get("CSOCK_EMULATED"):
    SLOWNESS = 10

# The build keeps out of the interpreter's insides: see csock/_interp.py.
PLAIN_PYTHON = csock._PLAIN

_FUTEX = {"x86_64": 202, "aarch64": 98, "riscv64": 98, "s390x": 238, "i686": 240}

# A stock build lacks these if the machine that built it lacked the headers or had older ones;
# CAN_RAW_ERR_FILTER came with a bug fix release.
STOCK_MAY_LACK = re.compile(
    r"AF_BLUETOOTH|BT_\w+|BTPROTO_\w+|HCI_\w+|L2CAP_\w+|BDADDR_\w+|"
    r"SOL_(BLUETOOTH|HCI|L2CAP|RFCOMM|SCO)"
    r"|CAN_RAW_ERR_FILTER|SO_PASSRIGHTS|CAN_ISOTP_\w+|SOL_CAN_ISOTP"
)


def has_ipv6():
    """Whether ::1 can be used, asked without the modules under test."""
    path = pathlib.Path("/proc/net/if_inet6")
    return path.exists() and " lo\n" in path.read_text()


def open_fds():
    """How many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd")) - 1


def as_long(value):
    """What stock makes of a number, which goes through a C long: where that has 32 bits, negative
    from 2**31 on (docs/differences.md)."""
    return ctypes.c_long(value).value


def descriptors():
    """(number, what it is) of those that are open. What is there now and was not before has leaked;
    a count may miss it, or blame a test, if garbage of earlier tests goes in between."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # that of the listing
            found.add((int(name), os.readlink(f"/proc/self/fd/{name}")))
    return found


def wait_for(condition, seconds=60.0):
    """Returns the first true value of condition(); fails after the given time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for {condition}")
        time.sleep(0.001)
    return value


class Job(threading.Thread):
    """A thread that keeps what its function returned or raised, and when it ended."""

    def __init__(self, function, *args):
        super().__init__(daemon=True)
        self.function, self.args = function, args
        self.value = self.error = self.ended = None
        self.start()

    def run(self):
        try:
            self.value = self.function(*self.args)
        except BaseException as error:
            self.error = error
        finally:
            self.ended = time.monotonic()

    def result(self, seconds=60.0):
        self.join(seconds)
        if self.is_alive():
            raise AssertionError(f"{self.function} has not returned after {seconds} s")
        if self.error is not None:
            raise self.error
        return self.value

    def failure(self, seconds=60.0):
        """The exception it ended with; one must have come."""
        self.join(seconds)
        if self.is_alive():
            raise AssertionError(f"{self.function} has not returned after {seconds} s")
        if self.error is None:
            raise AssertionError(f"{self.function} returned {self.value!r} instead of failing")
        return self.error

    def blocked(self):
        """True once the kernel has it asleep in a system call that is not a lock."""
        if not self.is_alive():
            raise AssertionError(f"{self.function} did not block: {self.value!r} {self.error!r}")
        task = pathlib.Path(f"/proc/self/task/{self.native_id}")
        state = (task / "stat").read_text().rpartition(")")[2].split()[0]
        if state != "S":
            return False
        try:
            call = (task / "syscall").read_text().split()[0]
        except OSError:  # not given everywhere: guess
            time.sleep(0.1)
            return True
        return call not in ("running", "-1", str(_FUTEX.get(platform.machine())))

    def wait_blocked(self):
        wait_for(self.blocked)
        return self


def later(seconds, function, *args):
    """Runs function(*args) in a thread of its own after the given time."""

    def run():
        time.sleep(seconds)
        return function(*args)

    return Job(run)


def best_of(attempts, attempt, limit):
    """The machine may be busy: one of the attempts (each returns seconds) must keep the limit."""
    taken = []
    for _ in range(attempts):
        taken.append(attempt())
        if taken[-1] < limit:
            return
    raise AssertionError(f"limit {limit} s, taken {taken}")


class Stopwatch:
    """with Stopwatch() as watch: … ; then watch.wall and watch.cpu (of this thread) in seconds."""

    def __enter__(self):
        self._wall, self._cpu = time.monotonic(), time.thread_time()
        return self

    def __exit__(self, *exc):
        self.wall = time.monotonic() - self._wall
        self.cpu = time.thread_time() - self._cpu


# A deadline may never come early; how late depends on what else the machine does. What would fail
# otherwise waits for longer than this, or for ever.
LATE = 10.0


def check_times_out(call, seconds):
    with Stopwatch() as watch:
        try:
            call()
        except TimeoutError as error:
            text = str(error)
        else:
            text = None
    assert text == "timed out", text
    assert seconds <= watch.wall < seconds + LATE
    assert watch.cpu < 0.1 * SLOWNESS
    return watch


def outcome(function, *args):
    """What it returns, or its error, on either module."""
    try:
        return function(*args)
    except Exception as error:
        return type(error), str(error).replace("csock._socket", "_socket")


# ------------------------------------------------------------------ sockets


def loopback(impl, family):
    return "::1" if family == impl.AF_INET6 else "127.0.0.1"


def listener(impl, family=None, backlog=8):
    family = impl.AF_INET if family is None else family
    s = impl.socket(family, impl.SOCK_STREAM)
    s.bind((loopback(impl, family), 0))
    s.listen(backlog)
    return s


def tcp_pair(impl, family=None):
    """Two connected TCP sockets."""
    with listener(impl, family) as server:
        client = impl.socket(server.family, impl.SOCK_STREAM)
        client.connect(server.getsockname())
        conn, _ = server.accept()
    return client, conn


def udp_pair(impl):
    """Two UDP sockets, each connected to the other."""
    a = impl.socket(impl.AF_INET, impl.SOCK_DGRAM)
    b = impl.socket(impl.AF_INET, impl.SOCK_DGRAM)
    a.bind(("127.0.0.1", 0))
    b.bind(("127.0.0.1", 0))
    a.connect(b.getsockname())
    b.connect(a.getsockname())
    return a, b


STREAMS = ["tcp", "unix"]


def stream_pair(impl, kind):
    return tcp_pair(impl) if kind == "tcp" else impl.socketpair(impl.AF_UNIX, impl.SOCK_STREAM)


def fill(s, peer):
    """Sends until the socket takes no more, now and later; returns how many bytes it took."""
    if s.family != socket.AF_UNIX:
        # TCP moves and merges what is queued for a quarter of a second, unless there is little.
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    timeout = s.gettimeout()
    s.setblocking(False)
    total = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            total += s.send(bytes(65536))
    s.settimeout(timeout)
    return total


def drain(s, total=None):
    """Receives exactly `total` bytes, or to the end of the stream; returns how many."""
    got = 0
    while total is None or got < total:
        data = s.recv(1 << 20 if total is None else min(1 << 20, total - got))
        if not data:
            break
        got += len(data)
    return got


def full_unix_listener(impl, path):
    """A listening AF_UNIX socket whose backlog is full, and what fills it."""
    server = impl.socket(impl.AF_UNIX, impl.SOCK_STREAM)
    server.bind(str(path))
    server.listen(0)
    waiting = []
    while True:
        client = impl.socket(impl.AF_UNIX, impl.SOCK_STREAM)
        client.setblocking(False)
        try:
            client.connect(str(path))
        except BlockingIOError:
            client.close()
            return server, waiting
        waiting.append(client)


def full_tcp_listener(impl):
    """A listening TCP socket that answers no more: further connections stay on their way."""
    server = listener(impl, backlog=0)
    waiting = []
    while True:
        client = impl.socket(impl.AF_INET, impl.SOCK_STREAM)
        client.setblocking(False)
        client.connect_ex(server.getsockname())
        waiting.append(client)
        if not select.select([], [client], [], 0.2)[1]:
            return server, waiting


# Receiving, each way: bytes.
RECEIVERS = {
    "recv": lambda s, n, flags=0: s.recv(n, flags),
    "recvfrom": lambda s, n, flags=0: s.recvfrom(n, flags)[0],
    "recv_into": lambda s, n, flags=0: into(s.recv_into, n, flags),
    "recvfrom_into": lambda s, n, flags=0: into(lambda *a: s.recvfrom_into(*a)[0], n, flags),
}


def into(method, n, flags):
    buffer = bytearray(n)
    return bytes(buffer[: method(buffer, n, flags)])


@contextlib.contextmanager
def closing(*things):
    """Closes sockets and lists of sockets at the end, whatever happens."""
    try:
        yield things
    finally:
        for thing in things:
            for s in thing if isinstance(thing, (list, tuple)) else [thing]:
                s.close()


# ----------------------------------------------------------- child programs


def run_python(program, *args, timeout=100, check=True, prefix=(), **options):
    """Runs Python source in a fresh interpreter of ours; stdout and stderr as text."""
    result = subprocess.run(
        [*prefix, sys.executable, "-c", program, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=timeout * SLOWNESS,
        **options,
    )
    if check and result.returncode != 0:
        raise AssertionError(f"exit {result.returncode}\n{result.stdout}\n{result.stderr}")
    return result


def why_no_netns():
    """Why this process cannot make a network namespace, or None if it can."""
    try:
        result = subprocess.run(["unshare", "-rn", "ip", "link"], capture_output=True, text=True)
    except FileNotFoundError:
        return "unshare (util-linux) is not installed"
    if result.returncode != 0:
        return f"no network namespace: {result.stderr.strip()}"
    return None


def why_no_strace():
    """Why strace cannot be used here, or None if it can."""
    try:
        result = subprocess.run(
            ["strace", "-qq", "-o", "/dev/null", "true"], capture_output=True, text=True
        )
    except FileNotFoundError:
        return "strace is not installed"
    if result.returncode != 0:
        return f"strace does not work here: {result.stderr.strip()}"
    if SANITISED:
        return "strace would count the sanitizer's system calls too"
    return None
