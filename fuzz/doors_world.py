"""What the calls of doors.py are made on and with: the input, the sockets, hostile objects.

A hostile object does what Python lets it do in the middle of somebody else's call: it closes or
detaches the socket, begins another call on it, makes a bytearray longer, raises. Which of them
comes from the input, too. Nothing here leaves the machine: sockets are pairs, or stand on loopback.
"""

import array
import os
import socket as stock
import sys
import tempfile

import _doors  # by fuzz_doors.c

from csock import dropin

TRACE = "CSOCK_FUZZ_TRACE" in os.environ
DEPTH = 3  # hostile objects within calls that hostile objects make
CALLS = 24

FAMILIES = [
    getattr(stock, name, -1)
    for name in (
        "AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_PACKET AF_CAN AF_TIPC AF_ALG AF_VSOCK AF_QIPCRTR "
        "AF_RDS AF_BLUETOOTH"
    ).split()
] + [0, 4711]
NUMBERS = [0, 1, 2, 3, 5, 10, 64, 100, -1, -2, 127, 255, 256, 65535, 65536, 70000, 2**31 - 1]
NUMBERS += [2**31, -(2**31) - 1, 2**32, 2**63 - 1, 2**63, -(2**63) - 1, 2**70]
SIZES = [0, 1, 2, 7, 10, 16, 100, 1000, 4096, 70000, -1, 2**31, 2**63]
FLAGS = [0, 0, 0, 2, 0x20, 0x40, 0x100, 0x122, 0x2000, 0x4000, 1, 2**31, -1]
TEXTS = ["127.0.0.1", "::1", "", "<broadcast>", "localhost", "a\0b", "\ud800", "ä.example"]
TEXTS += ["127.1", "0x7f000001", "::1%1", "fe80::1%lo", "fe80::%", "::ffff:1.2.3.4", "x" * 300]
TEXTS += ["lo", "tcp", "http", "80", "@name", "\0name", "1.2", "255.255.255.255"]
TEXTS += ["00:11:22:33:44:55", "hash", "sha256"]


class Hostile(Exception):
    """Raised by a hostile object."""


class Halt(BaseException):
    """The same, of the kind that nobody catches."""


EXPECTED = (
    OSError,
    TypeError,
    ValueError,
    OverflowError,
    BufferError,
    AttributeError,
    MemoryError,
    NotImplementedError,
    Hostile,
    Halt,
)


class World:
    """One input, and all that it has made."""

    def __init__(self, data):
        self.data, self.at = data, 0
        self.sockets, self.files, self.arrays, self.views = [], [], [], []
        self.loose = set()  # descriptors that no socket owns
        self.calls, self.depth, self.fired = CALLS, 0, 0
        self.may_raise = False

    def byte(self):
        if self.at >= len(self.data):
            return 0
        self.at += 1
        return self.data[self.at - 1]

    def one_of(self, things):
        return things[self.byte() % len(things)]

    def socket(self):
        return self.one_of(self.sockets)

    def pair(self):
        kinds = stock.SOCK_STREAM, stock.SOCK_DGRAM, stock.SOCK_SEQPACKET
        for sock in dropin.socketpair(stock.AF_UNIX, self.one_of(kinds)):
            sock.settimeout(self.one_of([0, 0, 0, 0, 0.001, None]))
            self.sockets.append(sock)
        self.sockets[-1].send(b"0123456789")

    def declared(self):
        """One end of a pair that is taken for something else: to the kernel it has no such
        addresses, but we make and read them all the same."""
        ours, other = stock.socketpair()
        other.close()
        family, kind, proto = self.one_of(FAMILIES), self.one_of([1, 2, 3]), self.byte() % 8
        self.sockets.append(dropin.socket(family, kind, proto, ours.detach()))
        self.sockets[-1].settimeout(0)

    def on_loopback(self):
        family, host = self.one_of([(stock.AF_INET, "127.0.0.1"), (stock.AF_INET6, "::1")])
        kind = self.one_of([stock.SOCK_STREAM, stock.SOCK_DGRAM])
        try:
            sock = dropin.socket(family, kind)
            self.sockets.append(sock)
            sock.settimeout(self.one_of([0, 0.001]))
            sock.bind((host, 0))
            sock.connect(sock.getsockname())  # to itself: TCP does, too
        except OSError:
            pass  # no IPv6 here

    def netlink(self):
        """One that nobody listens to: among programs, of protocol 2."""
        sock = dropin.socket(stock.AF_NETLINK, stock.SOCK_RAW, 2)
        self.sockets.append(sock)
        sock.settimeout(0)

    def descriptor(self):
        fd = os.dup(FILE.fileno())
        self.loose.add(fd)
        return fd

    def bytearray(self):
        self.arrays.append(bytearray(self.one_of([0, 1, 10, 100, 5000])))
        return self.arrays[-1]

    def end(self):
        """Closes all of it, and looks at what is left."""
        self.calls = 0
        for view in self.views:
            view.release()
        for thing in self.files + self.sockets:
            try:
                thing.close()
            except EXPECTED:
                pass
        for sock in self.sockets:  # a file that could not be flushed keeps its socket
            try:
                os.close(sock.detach())
            except EXPECTED:
                pass
        for fd in self.loose:
            try:
                os.close(fd)
            except OSError:
                pass
        for array_ in self.arrays:
            array_.append(0)  # BufferError: a buffer of it was not given back


FILE = tempfile.TemporaryFile()
FILE.write(b"x" * 100)
FILE.seek(0)
world = World(b"")
threads_at_first = 0  # libFuzzer's; 0: nobody has looked yet


def trace(*what):
    """What is done, for whoever has an input that fails."""
    if TRACE:
        print(world.depth * "    ", *what, file=sys.stderr)


def act():
    """What a hostile object does."""
    w = world
    if w.depth >= DEPTH or w.calls <= 0 or w.at >= len(w.data):
        return
    w.depth += 1
    may_raise, w.may_raise = w.may_raise, False
    try:
        action = w.one_of(ACTIONS)
        trace("action", ACTIONS.index(action), getattr(action, "__name__", ""))
        action(w)
    finally:
        w.depth -= 1
        w.may_raise = may_raise


def raise_hostile(w):
    raise w.one_of([Hostile, Hostile, Halt, OSError, OverflowError, BufferError, MemoryError])


def detach(w):
    w.loose.add(w.socket().detach())


def resize(w):
    try:
        w.one_of(w.arrays or [bytearray()]).extend(b"y" * w.byte())
    except BufferError:
        pass


def empty(w):
    try:
        w.one_of(w.arrays or [bytearray()]).clear()
    except BufferError:
        pass


def begin_again(w):
    fd = stock.socketpair()
    fd[1].close()
    try:
        w.socket().__init__(stock.AF_UNIX, stock.SOCK_STREAM, 0, fd[0].fileno())
        fd[0].detach()
    finally:
        fd[0].close()


def call_another(w):
    import doors

    doors.call(w)


def close(w):
    w.socket().close()


def new_timeout(w):
    w.socket().settimeout(w.one_of([0, 0, 0, 0.001, None]))


ACTIONS = [
    lambda w: None,
    close,
    detach,
    resize,
    empty,
    raise_hostile,
    call_another,
    call_another,
    new_timeout,
    begin_again,
    lambda w: w.sockets.append(w.socket().dup()),
    lambda w: w.pair(),
]


def _hostile(*names, base=object):
    """A class each of whose special methods acts first, and then gives what it holds."""

    def method(self, *args):
        act()
        return self.held

    def init(self, held):
        self.held = held

    def new(cls, held):
        return base.__new__(cls) if base is object else base.__new__(cls, held)

    names = dict.fromkeys(names, method)
    return type("Trap", (base,), {"__init__": init, "__new__": new, **names})


Index = _hostile("__index__")
Int = _hostile("__int__", "__index__", base=int)
Float = _hostile("__float__", "__index__")
Path = _hostile("__fspath__")
Text = _hostile("__str__", "encode", "__len__", base=str)
Truth = _hostile("__bool__")
File = _hostile("fileno", "read")


class Items:
    """An iterable, or a sequence, that acts between its items."""

    def __init__(self, items):
        self.items = items

    def __iter__(self):
        for item in self.items:
            act()
            yield item

    def __len__(self):
        act()
        return len(self.items)

    def __getitem__(self, at):
        act()
        return self.items[at]


class Exporter:
    """A buffer made in Python, from 3.12 on; before, no buffer at all."""

    def __init__(self, n):
        self.memory = bytearray(n)

    def __buffer__(self, flags):
        act()
        return memoryview(self.memory)

    def __release_buffer__(self, view):
        act()
        view.release()


def wrapped(w, number, kind=Index):
    """Mostly as it is."""
    how = w.byte()
    if how < 150:
        return number
    return kind(number) if how < 250 else w.one_of([None, "text", 1.5, b"bytes", object(), []])


def number(w):
    return wrapped(w, w.one_of(NUMBERS), w.one_of([Index, Int, Float]))


def size(w):
    return wrapped(w, w.one_of(SIZES))


def flags(w):
    return wrapped(w, w.one_of(FLAGS))


def text(w):
    value = w.one_of(TEXTS)
    return wrapped(w, value, w.one_of([Text, Path, lambda v: v.encode("utf-8", "surrogatepass")]))


def buffer(w):
    """Readable or not, writable or not, larger or smaller."""
    kind = w.byte() % 10
    if kind == 0:
        return b"z" * w.byte()
    if kind in (1, 2):
        return w.bytearray()
    if kind in (3, 4, 5):
        return _doors.Buffer(w.one_of([0, 1, 16, 300, 70000]), kind == 5)
    if kind == 6:
        w.views.append(memoryview(w.bytearray()))
        return w.views[-1][:: w.one_of([1, 1, 2, -1])]
    if kind == 7:
        return array.array(w.one_of("bHd"), [0] * w.byte())
    others = [None, "text", 5, memoryview(b"const"), Items([]), Exporter(0), Exporter(100)]
    return w.one_of(others)


def listed(w, make):
    """Some of them, in one of the ways there are."""
    items = [make(w) for _ in range(w.byte() % 5)]
    return w.one_of([list, tuple, Items, iter, lambda i: Items(i) and iter(Items(i))])(items)
