"""The same call to stock's `_socket` and to `csock._socket`: the same result, or the same exception
with the same text. Where csock means to differ, INTENDED says why, and what it gives instead."""

import _socket as stock
import os
import socket
import sys
from errno import EADDRNOTAVAIL, EINVAL, ENODEV
from fractions import Fraction

import pytest

from csock import _socket as ours

INET, INET6, UNIX = socket.AF_INET, socket.AF_INET6, socket.AF_UNIX
STREAM, DGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM


class Index:
    def __index__(self):
        return 5

    def __repr__(self):
        return "Index()"


class Tuple(tuple):
    pass


STRIDED = memoryview(b"abcdefgh")[::2]

NUMBERS = [0, 1, 0x1234, 0xFFFF, 0x10000, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64, 2**70]
NUMBERS += [-1, -(2**31) - 1, -(2**40), -(2**70), True, Index(), 1.5, "1", b"1", None]

HOSTS = ["localhost", "", "<broadcast>", "127.0.0.1", "127.1", "0x7f.1", "0.0.0.0", "::1"]
HOSTS += ["255.255.255.255", "fe80::1%lo", "fe80::1%1", "256.1.1.1", "1.2.3.4 "]
HOSTS += ["a..b", ".", "a" * 64, "é" * 64, "\udc80", "x" * 300, "a\0b", "127.0.0.1\0", "é\0"]
HOSTS += [b"127.0.0.1", bytearray(b"127.0.0.1"), memoryview(b"127.0.0.1"), b"a\0b", b"\xff"]
HOSTS += [b"x" * 300, None, 1, ("127.0.0.1",)]

TEXTS = ["127.0.0.1", "127.1", "0x7f.1", "", " ", "1.2.3.4 x", "255.255.255.255", "256.1.1.1"]
TEXTS += ["a", "1.2.3.4\0", "\udc80", "1.2.3.4é", b"1.2.3.4", None, 1]
TEXTS += ["::1", "::1%1", "::1%lo", "::ffff:1.2.3.4", "<broadcast>"]

PACKED = [b"abcd", b"abc", b"abcde", b"", bytearray(b"abcd"), memoryview(b"abcd"), STRIDED]
PACKED += [bytes(16), bytes(15), bytes(10) + b"\xff\xff\1\2\3\4", "abcd", None, 4]

FAMILIES = [INET, INET6, UNIX, 0, 99, -1, 2**40, -(2**40), "2", 2.0, None, Index()]

PORTS = [0, 80, 65535, 65536, -1, 2**40, 2**70, True, 1.5, None, [], "80", "http", "nope", ""]
PORTS += ["\udc80", "é", "80\0", b"80", b"http", b"80\0", bytearray(b"80")]


def calls():
    """(function, arguments, keyword arguments)"""
    for name in "ntohl", "htonl", "ntohs", "htons":
        yield from ((name, (n,), {}) for n in NUMBERS)
    for name in "gethostbyname", "gethostbyname_ex", "gethostbyaddr":
        yield from ((name, (host,), {}) for host in HOSTS)
    yield from (("inet_aton", (text,), {}) for text in TEXTS)
    yield from (("inet_ntoa", (packed,), {}) for packed in PACKED)
    for family in FAMILIES:
        yield "inet_pton", (family, "1.2.3.4"), {}
        yield "inet_ntop", (family, b"abcd"), {}
    yield from (("inet_pton", (f, text), {}) for f in (INET, INET6) for text in TEXTS)
    yield from (("inet_ntop", (f, packed), {}) for f in (INET, INET6) for packed in PACKED)
    yield from counts()
    yield from databases()
    yield from address_infos()
    yield from name_infos()


def counts():
    one = "ntohl htonl ntohs htons inet_aton inet_ntoa close dup setdefaulttimeout gethostbyname"
    one += " gethostbyname_ex gethostbyaddr getprotobyname"
    for name in one.split():
        yield from ((name, args, {}) for args in [(), (1, 2), ("a", "b", "c")])
        yield name, (), {"x": 1}
    for name in "gethostname", "getdefaulttimeout":
        yield name, (1,), {}
    for name in "inet_pton", "inet_ntop", "getnameinfo", "getservbyname", "getservbyport":
        yield from ((name, args, {}) for args in [(), (2,), (2, "1.2.3.4", 3)])
    yield "inet_pton", (), {"af": 2, "ip": "1.2.3.4"}
    yield "socketpair", (), {"family": 1}
    yield from (("socketpair", args, {}) for args in [("1",), (None,), (1, None), (1.5,), (2**40,)])
    yield from (("socketpair", args, {}) for args in [(1, 1, 0, 0), (-1,), (1, 99), (INET, 1)])
    yield from (("socketpair", args, {}) for args in [(INET6, 1), (99, 1), (1, 1, 7)])
    for name in "close", "dup":
        yield from ((name, (fd,), {}) for fd in [-1, 10**6, "1", None, 1.5, 2**31, 2**64, -(2**70)])


def databases():
    yield "gethostname", (), {}
    for name in ["tcp", "udp", "icmp", "TCP", "6", "", "nope", "é", "a\0", "\udc80", b"tcp", None]:
        yield "getprotobyname", (name,), {}
    for name in ["http", "www", "domain", "80", "", "nope", "a\0", "\udc80", b"http", None, 1]:
        yield "getservbyname", (name,), {}
    for proto in ["tcp", "udp", "nope", "", "tcp\0", None, 1]:
        yield "getservbyname", ("http", proto), {}
        yield "getservbyport", (80, proto), {}
    for port in [80, 53, 0, 65535, 65536, -1, 2**40, 2**70, True, Index(), "80", 80.0, None]:
        yield "getservbyport", (port,), {}


def address_infos():
    name = "getaddrinfo"
    yield from ((name, (host, 80), {}) for host in HOSTS)
    yield from ((name, ("127.0.0.1", port), {}) for port in PORTS)
    yield from ((name, (None, port, 0, STREAM), {}) for port in (None, 80, "http"))
    for family in FAMILIES:
        yield name, ("127.0.0.1", 80, family), {}
        yield name, ("::1", 80, family), {}
    for flags in (0, 1, 2, 4, 8, 16, 32, 1024, 2**30, -1, 2**40, "1", None):
        yield name, ("127.0.0.1", 80), {"flags": flags, "type": STREAM}
        yield name, (None, 80), {"flags": flags, "type": STREAM}
    for kind in (STREAM, DGRAM, socket.SOCK_RAW, 99, -1):
        yield from ((name, ("127.0.0.1", 80, 0, kind, proto), {}) for proto in (0, 6, 17, 99))
    yield name, ("localhost", 80), {"flags": 4}
    yield name, (), {"host": "127.0.0.1", "port": 80}
    yield name, (), {"host": "::1", "port": 80, "family": INET6, "type": 1, "proto": 6, "flags": 4}
    yield from ((name, (), kwargs) for kwargs in [{}, {"host": "a"}, {"port": 80}])
    yield from ((name, ("::1", 80), kwargs) for kwargs in [{"fam": 1}, {"host": 1}])
    yield from ((name, args, {}) for args in [("a",), (1, 2, 3, 4, 5, 6, 7)])


def name_infos():
    name, numeric = "getnameinfo", socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    for host in HOSTS:
        yield name, ((host, 80), numeric), {}
    for port in PORTS:
        yield name, (("127.0.0.1", port), numeric), {}
    for rest in [(0,), (0, 0), (2**20, 0), (-1, 0), (2**40, 0), (0, 1), (0, 2**40), (0, -1)]:
        yield name, (("fe80::1", 80, *rest), numeric), {}
        yield name, (("127.0.0.1", 80, *rest), numeric), {}
    yield name, (("fe80::1%lo", 80, 0, 1), numeric), {}
    yield name, (("fe80::1%lo", 80, 0, 0), numeric), {}
    for flags in (0, 1, 2, 3, 16, -1, 2**40, "3", None):
        yield name, (("127.0.0.1", 80), flags), {}
    for address in [(), ("127.0.0.1",), ("::1", 1, 2, 3, 4), ["127.0.0.1", 80], "127.0.0.1", None]:
        yield name, (address, numeric), {}
    yield name, (Tuple(("127.0.0.1", 80)), numeric), {}


def label(name, args, kwargs):
    parts = [f"{a!a}"[:40] for a in args] + [f"{k}={v!a}" for k, v in kwargs.items()]
    text = f"{name}({', '.join(parts)})"
    return text.replace("\\", "|").split(" at 0x")[0]


CALLS = {label(*call): call for call in calls()}


def outcome(module, call):
    name, args, kwargs = call
    try:
        return getattr(module, name)(*args, **kwargs)
    except Exception as e:
        return type(e), tuple(
            a.replace("csock._socket.", "_socket.") if isinstance(a, str) else a for a in e.args
        )


NUL = "what follows the NUL would be ignored without a word"
SCOPE = "the scope of 'host%scope' is not dropped when the tuple has none"
FD = "a descriptor out of range is not cut down to another one"

HIDDEN = (ValueError, ("embedded null character",))
HIDDEN_BYTE = (ValueError, ("embedded null byte",))
TOO_BIG = (OverflowError, ("signed integer is greater than maximum",))

INTENDED = {
    label("getaddrinfo", ("a\0b", 80), {}): (NUL, HIDDEN_BYTE),
    label("getaddrinfo", ("é\0", 80), {}): (NUL, HIDDEN_BYTE),
    label("getaddrinfo", ("127.0.0.1\0", 80), {}): (NUL, HIDDEN_BYTE),
    label("getaddrinfo", (b"a\0b", 80), {}): (NUL, HIDDEN_BYTE),
    label("getaddrinfo", ("127.0.0.1", "80\0"), {}): (NUL, HIDDEN),
    label("getaddrinfo", ("127.0.0.1", b"80\0"), {}): (NUL, HIDDEN_BYTE),
    label("getnameinfo", (("fe80::1%lo", 80), 3), {}): (SCOPE, ("fe80::1%lo", "80")),
    label("getnameinfo", (("fe80::1%1", 80), 3), {}): (SCOPE, ("fe80::1%lo", "80")),
    label("getnameinfo", (("fe80::1%lo", 80, 0, 0), 3), {}): (SCOPE, ("fe80::1%lo", "80")),
}
if sys.maxsize > 2**32:  # where a C long has no more bits than a descriptor, stock refuses it, too
    INTENDED[label("close", (2**31,), {})] = FD, TOO_BIG
    INTENDED[label("dup", (2**31,), {})] = FD, TOO_BIG

# One way to pass an argument on all versions: 3.13's, which is the faster.
COUNTED_AS_IN_3_13 = {"ntohs", "htons", "inet_aton", "inet_ntoa"}


# Without keywords on all versions, and called without a tuple: the refusal names the module.
WITHOUT_A_TUPLE = {"inet_pton", "inet_ntop"}


def counted_differently(call):
    name, args, kwargs = call
    if name in WITHOUT_A_TUPLE and kwargs:
        return True
    return (
        sys.version_info < (3, 13)
        and name in COUNTED_AS_IN_3_13
        and (len(args) != 1 or bool(kwargs))
    )


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_same_as_stock(call):
    got = outcome(ours, call)
    theirs = outcome(stock, call)
    if label(*call) in INTENDED:
        reason, expected = INTENDED[label(*call)]
        assert got == expected, reason
        assert theirs != expected, "no difference any more: take it out of INTENDED"
    elif counted_differently(call):
        assert got[0] is theirs[0] is TypeError
    elif isinstance(got, tuple) and got[0] is stock.herror:
        # Stock reads the thread's h_errno, which the reentrant look-up leaves as it was: its
        # number is that of some earlier look-up.
        assert theirs[0] is stock.herror and got[1][0] > 0
    else:
        assert got == theirs


def test_every_intended_difference_is_a_call():
    assert INTENDED.keys() <= CALLS.keys()


def timeout_after(module, value):
    result = outcome(module, ("setdefaulttimeout", (value,), {}))
    left = module.getdefaulttimeout()
    module.setdefaulttimeout(None)
    return result, left


TIMEOUTS = [None, 0, 1, 1.5, 0.1, 1e-9, 1e-10, 1e-300, -0.0, True, Index(), 2**31, 2**33, 1e9]
TIMEOUTS += [9223372036, 9223372037, 9223372036.5, 9.3e9, 1e10, 1e300, 2**62, 2**63, 2**64]
TIMEOUTS += [-1, -1e-10, -(2**62), -(2**70), float("nan"), float("inf"), -float("inf")]
TIMEOUTS += ["1", b"", [], 1 + 0j, Fraction(3, 2)]


def same_wording(result):
    """Patch releases of one version differ in how they say that a float is too large."""
    answer, left = result
    if isinstance(answer, tuple) and answer[0] is OverflowError and "timestamp" in answer[1][0]:
        answer = OverflowError, ("timestamp too large",)
    return answer, left


@pytest.mark.parametrize("value", TIMEOUTS, ids=repr)
def test_default_timeout(value):
    assert same_wording(timeout_after(ours, value)) == same_wording(timeout_after(stock, value))


def test_close_and_dup_of_a_socket():
    a, b = stock.socketpair()
    copy = ours.dup(a.fileno())
    assert copy != a.fileno() and os.get_inheritable(copy) is False
    ours.close(copy)
    assert outcome(ours, ("close", (copy,), {})) == outcome(stock, ("close", (copy,), {}))
    a.send(b"x")
    assert b.recv(1) == b"x"
    a.close()
    b.close()


def test_close_and_dup_take_any_descriptor():
    reader, writer = os.pipe()
    copy = ours.dup(writer)
    ours.close(writer)
    os.write(copy, b"x")
    ours.close(copy)
    assert os.read(reader, 2) == b"x" and os.read(reader, 1) == b""
    os.close(reader)


# ---- addresses, through bind()

A = [("127.0.0.1", 0), Tuple(("127.0.0.1", 0)), ["127.0.0.1", 0], "x", None, 1, (), ("127.0.0.1",)]
A += [("127.0.0.1", 0, 0)]
A += [
    ("127.0.0.1", port) for port in [65536, -1, 2**40, 2**70, -(2**70), "80", 1.5, None, [], b"1"]
]
A += [(host, 0) for host in HOSTS] + [("a b", 65536), (None, "x"), ("a\0b", "x")]

A6 = [("::1", 0), ("::1", 0, 0), ("::1", 0, 0, 0), ("::1", 0, 0, 0, 0), ("::1",), (), ["::1", 0]]
A6 += ["x", None, ("::1", 65536, 2**20)]
A6 += [("::1", port) for port in [65536, -1, 2**40, 2**70, "80", 1.5, None]]
A6 += [("::1", 0, flow) for flow in [2**20 - 1, 2**20, -1, 2**32, 2**70, "0", None, 1.5, True]]
A6 += [("::1", 0, 0, scope) for scope in [1, -1, 2**40, "0", None, 1.5]]
A6 += [(host, 0) for host in HOSTS if host != b"x" * 300]

LONG = "/no/such/" + "x" * 98
AU = ["/no/such/x", b"/no/such/x", bytearray(b"/no/such/x"), memoryview(b"/no/such/x"), STRIDED]
AU += [LONG, LONG + "x", LONG + "xx", "\0" + "x" * 107, "\0" + "x" * 108, "\0csock", b"\0cs\0ck"]
AU += ["", b"", None, 1, ("/x",), ["/x"], "/no/such/é", "/no/such/\udcff", "/no/such/\ud800"]
AU += ["/no/such/\0", b"/no\0such/"]


def bound(module, family, address):
    s = module.socket(family, DGRAM)
    try:
        s.bind(address)
        name = s.getsockname()
    except Exception as e:
        return type(e), e.args
    finally:
        s.close()
    if family == UNIX:
        return name if address else type(name)  # the kernel's own choice
    host, port, *rest = name
    return host, port > 0, *rest


HIDDEN_PATH = (ValueError, ("embedded null byte in AF_UNIX path",))
NOT_HERE = (OSError, (EADDRNOTAVAIL, os.strerror(EADDRNOTAVAIL)))
DIFFERENT_ADDRESSES = {
    ascii((INET6, ("fe80::1%lo", 0))): (SCOPE, NOT_HERE),
    ascii((INET6, ("fe80::1%1", 0))): (SCOPE, NOT_HERE),
    ascii((UNIX, "/no/such/\0")): (NUL, HIDDEN_PATH),
    ascii((UNIX, b"/no\0such/")): (NUL, HIDDEN_PATH),
}


@pytest.mark.parametrize(
    ("family", "address"),
    [(INET, a) for a in A] + [(INET6, a) for a in A6] + [(UNIX, a) for a in AU],
    ids=lambda value: f"{value!a}"[:50].replace("\\", "|").split(" at 0x")[0],
)
def test_same_address_as_stock(family, address):
    got = bound(ours, family, address)
    key = ascii((family, address))
    if key in DIFFERENT_ADDRESSES:
        reason, expected = DIFFERENT_ADDRESSES[key]
        assert got == expected, reason
    else:
        assert got == bound(stock, family, address)


def test_the_scope_of_the_host_reaches_the_kernel():
    """The address is nobody's, which is found out only on the interface that the scope names."""
    for address in ("fe80::1%lo", 0), ("fe80::1%1", 0), ("fe80::1%lo", 0, 0, 0):
        kind, args = bound(ours, INET6, address)
        assert kind is OSError and args[0] == EADDRNOTAVAIL
        assert bound(stock, INET6, address)[1][0] == EINVAL


def test_the_scope_of_the_tuple_wins():
    kind, args = bound(ours, INET6, ("fe80::1%lo", 0, 0, 2**31))
    assert kind is OSError and args[0] in (EINVAL, ENODEV)
