"""The calls that fuzz_doors.c makes on the extension, as the input has it: run(data).

Every byte of the input decides something: which call, on which socket, with which arguments, and
what the hostile objects among those do when they are asked (doors_world.py). Afterwards nothing may
be left open or held, and no exception may have come but those that are documented and the hostile
objects' own.
"""

import gc
import os
import signal
import socket as stock
import struct
import sys
import time
import traceback
import warnings

import _doors
import doors_world as d

from csock import _core, dropin

os.environ["RES_OPTIONS"] = "timeout:1 attempts:1"  # a server that is silent is so for a second
SIGNAL = signal.SIGRTMIN + 3  # that fuzz_doors.c's timer sends


def address(w):
    """As one family or another has it, or as none has."""
    number, text, one_of = d.number, d.text, w.one_of
    port = d.wrapped(w, one_of([0, 0, 1, 65535, 65536, -1, 2**40]))
    fill = lambda *makes: tuple(make(w) for make in makes)  # noqa: E731
    shapes = [
        lambda: (one_of(["127.0.0.1", "localhost", "", d.Text("127.0.0.1"), b"127.0.0.1"]), port),
        lambda: (d.text(w), port),
        lambda: ("::1", port, *fill(*[number] * (w.byte() % 4))),
        lambda: one_of(["\0name", b"\0name", bytearray(b"\0x"), d.Text("\0n"), d.Path("\0p"), b""]),
        lambda: fill(number, number),
        lambda: ("lo", number(w), *fill(*[number] * (w.byte() % 3)), d.buffer(w)),
        lambda: (one_of(["lo", "", "none", d.Text("lo")]), *fill(*[number] * (w.byte() % 4))),
        lambda: fill(*[number] * (w.byte() % 6)),
        lambda: fill(text, text, number, number),
        lambda: fill(text, number, number, number),
        lambda: (one_of(["hash", d.Text("aead")]), "sha256", *fill(*[number] * (w.byte() % 3))),
        lambda: ("00:11:22:33:44:55", *fill(*[number] * (w.byte() % 4))),
        lambda: (w.byte() % 4, *fill(*[number] * 3)),
        lambda: fill(text),
        lambda: number(w),
        lambda: d.Items(["127.0.0.1", 1]),
        lambda: one_of([None, (), [], "\0" + "n" * 200, b"\0" * 108]),
    ]
    return one_of(shapes)()


def mode(w):
    return d.wrapped(w, w.one_of(["r", "rb", "wb", "rwb", "rw", "x"]), d.Text)


def buffering(w):
    return d.wrapped(w, w.one_of([0, 0, -1, 1, 3, 100]))


def ancillary(w):
    def item(w):
        rights = struct.pack("i", d.FILE.fileno()) * (w.byte() % 4)
        kinds = [
            lambda: (stock.SOL_SOCKET, stock.SCM_RIGHTS, rights),
            lambda: (d.Index(stock.SOL_SOCKET), d.Index(stock.SCM_RIGHTS), d.buffer(w)),
            lambda: (d.number(w), d.number(w), d.buffer(w)),
            lambda: d.Items([1, 1, b""]),
            lambda: w.one_of([None, (), (1, 2), 7]),
        ]
        return w.one_of(kinds)()

    return d.listed(w, item)


def option(w):
    """Those that keep no call waiting."""
    names = [stock.SO_RCVBUF, stock.SO_SNDBUF, stock.SO_PASSCRED, stock.SO_RCVLOWAT, 999]
    return d.wrapped(w, stock.SOL_SOCKET), d.wrapped(w, w.one_of(names))


def timeout(w):
    value = w.one_of([0, 0.0, 0.001, None, -1, 1e-10, 1e300, float("nan"), 2**80, "x", 0.002])
    if value is not None and w.byte() % 2:
        return d.Float(value) if isinstance(value, float) else d.Index(value)
    return value


# Results that hold sockets, files or descriptors, which somebody has to close.


def keep_socket(w, sock):
    w.sockets.append(sock)


def keep_accepted(w, result):
    w.sockets.append(result[0])


def keep_pair(w, result):
    w.sockets += result


def keep_fd(w, fd):
    w.loose.add(fd)


def keep_file(w, file):
    w.files.append(file)


def keep_rights(w, result):
    for item in result[1]:
        if isinstance(item, int):  # of recv_fds
            w.loose.add(item)
        elif item[:2] == (stock.SOL_SOCKET, stock.SCM_RIGHTS):
            n = len(item[2]) // 4
            w.loose.update(struct.unpack(f"{n}i", item[2][: 4 * n]))


def some_fd(w):
    """A descriptor, for a call that uses it and leaves it open."""
    return d.wrapped(w, w.descriptor() if w.byte() % 2 else w.socket().fileno())


def make_socket(w):
    fd = w.descriptor() if w.byte() % 3 else os.dup(w.socket().fileno())
    w.loose.add(fd)
    sock = dropin.socket(d.number(w), d.number(w), d.number(w), d.wrapped(w, fd))
    w.sockets.append(sock)
    if sock.fileno() == fd:  # not where None was given for it
        w.loose.discard(fd)


def close_fd(w):
    dropin.close(d.wrapped(w, w.descriptor()))


def stream_again(w, file):
    if isinstance(file, dropin.SocketIO):
        file.__init__(w.socket(), w.one_of(["r", "w", d.Text("rw")]))


def read_file(w):
    file = w.one_of(w.files)
    calls = [
        lambda: file.read(d.size(w)),
        lambda: file.readinto(d.buffer(w)),
        lambda: file.write(d.buffer(w)),
        lambda: file.readline(),
        lambda: file.flush(),
        lambda: file.close(),
        lambda: (file.name, file.mode, repr(file), file.fileno()),
        lambda: stream_again(w, file),
    ]
    try:
        w.one_of(calls)()
    except RuntimeError as error:
        if "reentrant call" not in str(error):  # io's own
            raise


def raw_stream(w):
    w.files.append(dropin.SocketIO(w.socket(), w.one_of(["r", "rw", "w", "rwb", "x", d.Text("r")])))


def set_members(w):
    name = w.one_of(["_io_refs", "_closed", "timeout", "family", "__class__", "new"])
    setattr(w.socket(), name, d.wrapped(w, 0, d.Truth))


def look(w):
    sock = w.socket()
    repr(sock), sock.family, sock.type, sock.proto, sock.timeout, sock.fileno(), sock.gettimeout()
    sock.getblocking(), sock.get_inheritable()


def unmade(w):
    """A socket that was never begun."""
    sock = dropin.socket.__new__(dropin.socket)
    w.sockets.append(sock)
    repr(sock)
    sock.recv(1)


M, S, O = "method of a socket", "function", "function of csock._core"  # noqa: E741
# Where it is, its name, what makes its arguments (after a None they may be left out), and what
# keeps the result.
CALLS = [
    (M, "recv", [d.size, None, d.flags]),
    (M, "recvfrom", [d.size, None, d.flags]),
    (M, "recv_into", [d.buffer, None, d.size, d.flags]),
    (M, "recvfrom_into", [d.buffer, None, d.size, d.flags]),
    (M, "recvmsg", [d.size, None, d.size, d.flags], keep_rights),
    (M, "recvmsg_into", [lambda w: d.listed(w, d.buffer), None, d.size, d.flags], keep_rights),
    (M, "send", [d.buffer, None, d.flags]),
    (M, "sendall", [d.buffer, None, d.flags]),
    (M, "sendto", [d.buffer, address]),
    (M, "sendto", [d.buffer, d.flags, address]),
    (M, "sendmsg", [lambda w: d.listed(w, d.buffer), None, ancillary, d.flags, address]),
    (M, "bind", [address]),
    (M, "connect", [address]),
    (M, "connect_ex", [address]),
    (M, "connect", [d.text, d.number]),
    (M, "listen", [None, d.number]),
    (M, "accept", [], keep_accepted),
    (M, "settimeout", [timeout]),
    (M, "setblocking", [lambda w: d.wrapped(w, w.byte() % 2, d.Truth)]),
    (M, "shutdown", [lambda w: d.wrapped(w, w.byte() % 4)]),
    (M, "getsockname", []),
    (M, "getpeername", []),
    (M, "close", []),
    (M, "detach", [], keep_fd),
    (M, "dup", [], keep_socket),
    (M, "makefile", [mode, None, buffering], keep_file),
    (M, "sendfile", [lambda w: w.one_of([d.FILE, d.File(0), d.File(b"")]), None, d.number, d.size]),
    (M, "_accept", [], lambda w, result: w.loose.add(result[0])),
    (M, "__reduce_ex__", [d.number]),
    (S, "inet_pton", [d.number, d.text]),
    (S, "inet_ntop", [d.number, d.buffer]),
    (S, "inet_aton", [d.text]),
    (S, "inet_ntoa", [d.buffer]),
    (S, "htons", [d.number]),
    (S, "ntohs", [d.number]),
    (S, "htonl", [d.number]),
    (S, "ntohl", [d.number]),
    (S, "CMSG_LEN", [d.number]),
    (S, "CMSG_SPACE", [d.number]),
    (S, "getaddrinfo", [d.text, d.number, None, *[d.number] * 4]),
    (S, "getnameinfo", [address, d.number]),
    (S, "gethostbyname", [d.text]),
    (S, "gethostbyname_ex", [d.text]),
    (S, "gethostbyaddr", [d.text]),
    (S, "getservbyname", [d.text, None, d.text]),
    (S, "getservbyport", [d.number, None, d.text]),
    (S, "getprotobyname", [d.text]),
    (S, "setdefaulttimeout", [timeout]),
    (S, "getdefaulttimeout", []),
    (S, "gethostname", []),
    (S, "if_nameindex", []),
    (S, "if_nametoindex", [d.text]),
    (S, "if_indextoname", [d.number]),
    (S, "socketpair", [None, d.number, d.number, d.number], keep_pair),
    (S, "dup", [some_fd], keep_fd),
    (S, "send_fds", [d.World.socket, lambda w: [d.buffer(w)], lambda w: d.listed(w, some_fd)]),
    (S, "recv_fds", [d.World.socket, d.size, d.number, None, d.flags], keep_rights),
    (O, "send_file", [d.World.socket, some_fd, d.number, d.size]),
    (O, "await_writable", [d.World.socket]),
    (O, "dup_socket", [d.World.socket], keep_fd),
    (O, "file_opened", [lambda w: w.one_of([w.socket(), None, 1])]),
]


def get_option(w):
    args = option(w)
    w.socket().getsockopt(*args, *[d.size(w)][: w.byte() % 2])


def set_option(w):
    value = w.one_of([d.number, d.buffer])(w)
    w.socket().setsockopt(*option(w), *w.one_of([(value,), (None, value)]))


def send_afalg(w):
    iv = {"iv": d.buffer(w)} if w.byte() % 2 else {}
    w.socket().sendmsg_afalg(d.listed(w, d.buffer), op=d.number(w), assoclen=d.number(w), **iv)


OTHERS = [send_afalg, make_socket, close_fd, raw_stream, set_members, look, unmade]
OTHERS += [get_option, set_option]
OTHERS += [d.World.pair, d.World.declared, d.World.on_loopback, d.World.netlink]


def invoke(function, args):
    """In a frame of its own, as a signal's handler may raise here and nowhere else."""
    return function(*args)


def call(w):
    """One call."""
    w.calls -= 1
    which = w.byte() % (len(CALLS) + len(OTHERS) + 1)
    if which >= len(CALLS):
        other = OTHERS[which - len(CALLS)] if which < len(CALLS) + len(OTHERS) else read_file
        d.trace(other.__name__)
        return other(w) if w.files or other is not read_file else None
    where, name, makes, *keep = CALLS[which]
    owner = {M: None, S: dropin, O: _core}[where] or w.socket()
    args = []
    for make in makes:
        if make is None and w.byte() % 2:
            break
        args += [make(w)] if make else []
    function = getattr(owner, name)
    d.trace(name, args)
    w.may_raise = not keep and w.depth == 0
    result = invoke(function, args)
    w.may_raise = False
    d.trace("->", result)
    if name.startswith("recv"):
        data = result[0] if isinstance(result, tuple) else result
        if isinstance(data, bytes) and _doors.FRESH in data:  # nobody sends this one
            _doors.fail(f"bytes that nobody has written: {data}")
    if keep:
        keep[0](w, result)


def on_signal(number, frame):
    """A call waits for too long: first something happens in the handler, then its end."""
    w = d.world
    w.fired += 1
    if w.fired == 1:
        try:
            d.act()
        except d.EXPECTED:
            pass
    elif w.fired == 2 and w.may_raise and frame.f_code is invoke.__code__:
        raise d.Hostile("a handler")
    else:
        for sock in w.sockets:
            try:
                dropin.socket.__base__.close(sock)  # whatever files and hostile members say
            except d.EXPECTED:
                pass


def unexpected(error):
    traceback.print_exception(error)
    _doors.fail(f"an exception that nobody expects: {error!r}")


def on_unraisable(what):
    if not isinstance(what.exc_value, (*d.EXPECTED, type(None))):
        unexpected(what.exc_value)


def one_call(w):
    try:
        call(w)
    except d.EXPECTED as error:
        d.trace(repr(error))
    except BaseException as error:
        unexpected(error)
    w.may_raise = False


def descriptors():
    """Those that are open, and the one by which they are listed: the lowest that is free."""
    return set(os.listdir("/proc/self/fd"))


def threads():
    return len(os.listdir("/proc/self/task"))


def changed_since(before):
    """The thread of a look-up that was given up closes what libc has opened for it when it ends."""
    changed = descriptors() ^ before
    for _ in range(100):
        if not changed or threads() > d.threads_at_first:
            return set()
        time.sleep(0.01)
        changed = descriptors() ^ before
    return changed


def run(data):
    w = d.world = d.World(data)
    d.threads_at_first = d.threads_at_first or threads()
    alone = threads() == d.threads_at_first
    before = descriptors()  # libFuzzer opens some, too, between two inputs
    w.pair()
    _doors.timer(4)
    while w.calls > 0 and w.at < len(data):
        one_call(w)
    _doors.timer(0)
    w.end()
    dropin.setdefaulttimeout(0)
    d.world = d.World(b"")
    del w
    if alone and descriptors() != before:
        gc.collect()
        changed = changed_since(before)
        if changed:
            _doors.fail(f"descriptors left open, or closed that are others': {changed}")
    if _doors.held():
        gc.collect()
        if _doors.held():
            _doors.fail(f"{_doors.held()} buffers were not given back")


warnings.simplefilter("ignore")
sys.unraisablehook = on_unraisable
signal.signal(SIGNAL, on_signal)
signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # as the program python has it
stock.setdefaulttimeout(0)
dropin.setdefaulttimeout(0)
_doors.hook(d.act)
