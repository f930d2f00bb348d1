"""The operations that run.py measures: what to prepare, what to time, and its twin in C.

A statement runs in a loop of the standard `timeit`, so no function call of ours is timed with it.
`sock` is the module under test; names of bench/raw.c and bench/core.c are without their prefix.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
import timeit
from dataclasses import dataclass
from functools import partial

import build
from busy import busy_thread


def use_cpu_clock(yes):
    """Statements and their C twins are timed by the thread's processor time from now on."""
    global clock
    clock = time.thread_time_ns if yes else time.perf_counter_ns
    build.twins().bench_use_cpu_clock(yes)


clock = time.perf_counter_ns


@dataclass(frozen=True, kw_only=True)
class Operation:
    name: str
    raw: str = ""
    core: str = ""
    c_runs: int = 1  # in a slice of a C twin, where the slice is not cut by time
    every: int = 1  # measured in each n-th round only
    unit: str = "ns"
    beside: object = contextlib.nullcontext  # what goes on meanwhile


@dataclass(frozen=True, kw_only=True)
class Timed(Operation):
    """ns per run of a statement, in slices of many runs."""

    statement: str
    setup: str = "pass"
    around: object = None  # a context manager: takes the module, gives names for the statement
    most: int = 1_000_000  # runs in a slice
    bare: str = ""  # the statement that the bare extension is measured by
    bare_setup: str = ""  # and what prepares it

    def clock(self):
        return time.perf_counter_ns if self.around else clock

    def timer(self, module, side="", names=()):
        """side "bare" puts the bare extension's objects in the place of both sockets."""
        names = {"sock": module, **dict(names)}
        if side != "bare":
            return timeit.Timer(self.statement, self.setup, self.clock(), names)
        names["bare"] = build.bare()
        return timeit.Timer(self.bare, self.bare_setup, self.clock(), names)

    def measure(self, module, n, side=""):
        around = self.around or (lambda sock: contextlib.nullcontext({}))
        with around(module) as names:
            return self.timer(module, side, names).timeit(n)


@dataclass(frozen=True, kw_only=True)
class Rate(Operation):
    """ns per step, counted over a fifth of a second: for what comes to rare, long halts."""

    around: object  # a context manager: takes the module, gives the step, which is a function
    beside: object = busy_thread

    def measure(self, module, n):
        with self.around(module) as step, self.beside():
            now, count = time.perf_counter_ns, 0
            start = now()
            end = start + 200_000_000
            while now() < end and count < 200_000:
                step()
                count += 1
            return (now() - start) / count * n


@dataclass(frozen=True, kw_only=True)
class Fresh(Operation):
    """A figure that a fresh interpreter prints; MODULE stands for the module under test."""

    program: str
    environment: tuple = ()

    def measure(self, module, n):
        program = self.program.replace("MODULE", module.__name__)
        env = {**os.environ, **dict(self.environment)}
        return float(subprocess.check_output([sys.executable, "-c", program], env=env)) * n


@contextlib.contextmanager
def filled(sock):
    """A socket with 200,000 bytes to read."""
    a, b = sock.socketpair()
    with a, b:
        a.setsockopt(sock.SOL_SOCKET, sock.SO_SNDBUF, 1 << 20)
        a.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                a.send(bytes(4096))
        yield partial(b.recv, 1)


@contextlib.contextmanager
def datagrams(sock):
    """One datagram to this host and back out of it."""
    a, b = (sock.socket(sock.AF_INET, sock.SOCK_DGRAM) for _ in "ab")
    with a, b:
        b.bind(("127.0.0.1", 0))
        a.connect(b.getsockname())
        yield lambda: (a.send(b"x"), b.recv(1))


def echo(s):
    """Sends back what comes, in a child process, until it is killed."""
    while data := s.recv(1):
        s.send(data)


def ping_pong(timeout):
    @contextlib.contextmanager
    def around(sock):
        """A child that echoes, both processes on one processor."""
        cpus = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cpus)})
        a, b = sock.socketpair()
        for s in (a, b):
            s.settimeout(timeout)
        child = os.fork()
        if child == 0:
            try:
                echo(b)
            finally:
                os._exit(1)
        try:
            with a, b:
                for _ in range(100):  # until the child is up, and what fork(2) shared is copied
                    a.send(b"x")
                    a.recv(1)
                yield {"a": a}
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.sched_setaffinity(0, cpus)

    return around


PAIR = "a, b = sock.socketpair()"
BARE_PAIR = """\
import socket
pair = socket.socketpair()
a, b = (bare.Bare(s.fileno()) for s in pair)
"""
PACKED = "packed = lambda name: struct.pack('=HH4s8x', 2, htons(name[1]), inet_aton(name[0]))\n"
BARE_UDP = """\
import socket, struct
from socket import htons, inet_aton
""" + PACKED + """\
pair = [socket.socket(type=socket.SOCK_DGRAM) for _ in "ab"]
pair[1].bind(("127.0.0.1", 0))
a, b = (bare.Bare(s.fileno()) for s in pair)
to, data = packed(pair[1].getsockname()), bytes(1200)
"""
BARE_LISTENER = """\
import socket, struct
from socket import htons, inet_aton
""" + PACKED + """\
keep = socket.create_server(("127.0.0.1", 0))
listener, to = bare.Bare(keep.fileno()), packed(keep.getsockname())
"""
UDP = """\
a, b = (sock.socket(sock.AF_INET, sock.SOCK_DGRAM) for _ in "ab")
b.bind(("127.0.0.1", 0))
to, data = b.getsockname(), bytes(1200)
"""
TWO_ADDRESSES = """\
c = sock.socket(sock.AF_INET, sock.SOCK_DGRAM)
c.bind(("127.0.0.1", 0))
also, data = c.getsockname(), b"x"
"""
LISTENER = """\
listener = sock.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(128)
to = listener.getsockname()
"""
TCP = LISTENER + """\
a = sock.socket()
a.connect(to)
b, _ = listener.accept()
"""
CONNECT = "c = sock.socket(); c.connect(to); s, _ = listener.accept(); c.close(); s.close()"
BARE_CONNECT = CONNECT.replace("sock.socket", "bare.Bare")
FAILED_TRY = "try:\n    b.recv(1)\nexcept BlockingIOError:\n    pass"
LINES = PAIR + "\nlines, f = (b'x' * 59 + b'\\n') * 100, b.makefile('rb')"
READ_LINES = "a.sendall(lines)\nfor _ in range(100):\n    f.readline()"
# csock.Reader on csock's socket; makefile, or a loop around recv, on stock's.
READER = PAIR + """
import csock
ours = sock.__name__.startswith("csock")
f = csock.Reader(b) if ours else b.makefile("rb")
take = f.readexactly if ours else f.read
def loop(n):
    data = b.recv(n)
    while len(data) < n:
        data += b.recv(n - len(data))
    return data
lines, messages = (b"x" * 63 + b"\\n") * 100, (bytes(4) + b"x" * 100) * 100
"""
READ_MESSAGES = "a.sendall(messages)\nfor _ in range(100):\n    take(4)\n    take(100)"
BOUND = "s = sock.socket(); s.bind(('127.0.0.1', 0))"

IMPORT = """\
import time
start = time.perf_counter_ns()
import MODULE
print(time.perf_counter_ns() - start)
"""
# With everything from malloc (PYTHONMALLOC), malloc's own count is the whole of the matter.
MEMORY = """\
import ctypes, MODULE as sock
class Info(ctypes.Structure):
    _fields_ = [(n, ctypes.c_size_t) for n in "arena ordblks smblks hblks hblkhd usmblks "
                "fsmblks uordblks fordblks keepcost".split()]
libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Info
keep = [None] * 500
for i in range(500):
    if i == 100:  # what was lying about free is used up
        before = libc.mallinfo2().uordblks
    keep[i] = MAKE
print((libc.mallinfo2().uordblks - before) / 400)
"""


def transfer(name, statement, setup, twin, core="", bare="", bare_setup=BARE_PAIR):
    return Timed(name=name, statement=statement, setup=setup, bare=bare, bare_setup=bare_setup,
                 raw=twin, core=core or twin)


def lookup(name, statement, twin="", bare=""):
    return Timed(name=name, statement=statement, raw=twin, core=twin, bare=bare)


def memory(name, make, core=""):
    program, environment = MEMORY.replace("MAKE", make), (("PYTHONMALLOC", "malloc"),)
    return Fresh(name=name, unit="bytes", every=100, core=core, program=program,
                 environment=environment)


SEND_RECV = "a.send(b'x'); b.recv(1)"
TIMEOUT = PAIR + "; a.settimeout(5); b.settimeout(5)"
SENDTO = "a.sendto(data, to); b.recvfrom(2000)"
PING_PONG = "a.send(b'x'); a.recv(1)"
OPTION = "s.setsockopt(1, 9, 1); s.getsockopt(1, 9)"

OPERATIONS = [
    transfer("send + recv, 1 byte", SEND_RECV, PAIR, "byte", bare=SEND_RECV),
    transfer("send + recv, with a timeout", SEND_RECV, TIMEOUT, "byte_nonblocking", "byte_timeout",
             bare=SEND_RECV),
    transfer("send + recv_into, 1 byte", "a.send(b'x'); b.recv_into(into)",
             PAIR + "; into = bytearray(9)", "byte"),
    transfer("recv(1 MiB) of 1 byte", "a.send(b'x'); b.recv(1 << 20)", PAIR, "huge",
             bare=SEND_RECV),
    transfer("recv(65536) of 1 byte", "a.send(b'x'); b.recv(1 << 16)", PAIR, "huge",
             bare=SEND_RECV),
    transfer("sendall + recv, 64 KiB", "a.sendall(data); b.recv(1 << 16)",
             PAIR + "; data = bytes(1 << 16)", "bulk"),
    transfer("UDP sendto + recvfrom, 1200 B", SENDTO, UDP, "udp", bare=SENDTO,
             bare_setup=BARE_UDP),
    transfer("UDP the same, with a timeout", SENDTO, UDP + "a.settimeout(5); b.settimeout(5)",
             "udp", bare=SENDTO, bare_setup=BARE_UDP),
    Timed(name="UDP send", statement="a.send(data)", setup=UDP + "a.connect(to); data = b'x'"),
    Timed(name="UDP sendto", statement="a.sendto(data, to)", setup=UDP + "data = b'x'"),
    Timed(name="UDP sendto, two in turn", statement="a.sendto(data, to); a.sendto(data, also)",
          setup=UDP + TWO_ADDRESSES),
    transfer("failed try (EAGAIN)", FAILED_TRY, PAIR + "; b.setblocking(False)", "again"),
    Rate(name="recv beside a busy thread", around=filled, every=10,
         raw="ready", core="ready", c_runs=20_000),
    Rate(name="UDP beside a busy thread", around=datagrams, every=10),
    Timed(name="ping-pong, one processor", statement=PING_PONG, around=ping_pong(None),
          raw="ping_pong", core="ping_pong", every=2),
    Timed(name="ping-pong, with a timeout", statement=PING_PONG, around=ping_pong(5),
          raw="ping_pong", core="ping_pong_timeout", every=2),
    lookup("socket + close", "sock.socket().close()", "open", bare="bare.Bare().close()"),
    # Each leaves a port in TIME_WAIT: few enough of them.
    Timed(name="connect + accept + close", statement=CONNECT, setup=LISTENER,
          raw="connect", core="connect", every=2, most=150, bare=BARE_CONNECT,
          bare_setup=BARE_LISTENER),
    transfer("getsockname", "s.getsockname()", BOUND, "sockname"),
    transfer("setsockopt + getsockopt", OPTION, BOUND, "option"),
    Timed(name="makefile('rwb') + close", statement="a.makefile('rwb').close()", setup=PAIR),
    Timed(name="makefile, 100 x readline", statement=READ_LINES, setup=LINES, raw="lines"),
    Timed(name="send + readline", statement="a.send(b'x' * 59 + b'\\n'); f.readline()",
          setup=PAIR + "; f = b.makefile('rb')"),
    Timed(name="body of 64 KiB by read(n)", statement="a.sendall(data); f.read(65536)",
          setup=TCP + "f, data = b.makefile('rb'), bytes(65536)"),
    Timed(name="Reader, 100 x readline", statement=READ_LINES, setup=READER),
    Timed(name="Reader, 100 x (4 + 100 B)", statement=READ_MESSAGES, setup=READER),
    Timed(name="Reader, against a recv loop", statement=READ_MESSAGES,
          setup=READER + "take = take if ours else loop"),
    Timed(name="getpeername", statement="a.getpeername()", setup=TCP),
    Timed(name="inet_pton", statement="f(2, '127.0.0.1')", setup="f = sock.inet_pton"),
    Timed(name="inet_ntop", statement="f(2, b'abcd')", setup="f = sock.inet_ntop"),
    Timed(name="getsockopt", statement="s.getsockopt(1, 9)", setup=BOUND),
    Timed(name="fileno", statement="s.fileno()", setup="s = sock.socket()"),
    # Gives 1, for which no object is made: what that costs depends on what was freed before.
    Timed(name="htonl", statement="f(0x1000000)", setup="f = sock.htonl"),
    lookup("getaddrinfo, literal", "sock.getaddrinfo('127.0.0.1', 80, type=1)", "resolve_literal"),
    lookup("getaddrinfo, localhost", "sock.getaddrinfo('localhost', 80, type=1)",
           "resolve_localhost"),
    lookup("gethostbyname, literal", "sock.gethostbyname('127.0.0.1')"),
    lookup("gethostbyname, localhost", "sock.gethostbyname('localhost')"),
    Fresh(name="import, fresh process", program=IMPORT, every=3),
    memory("memory of a socket", "sock.socket()", "sizeof_socket"),
    memory("memory with makefile('rwb')", "(lambda s: (s, s.makefile('rwb')))(sock.socket())"),
]
