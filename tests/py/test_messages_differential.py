"""The message calls of stock's `_socket` and of `csock._socket`: the same result, or the same
exception with the same text, for arguments of all kinds."""

import _socket as stock
import reprlib
import sys

import pytest
import testkit

from csock import _socket as ours


class Index:
    def __index__(self):
        return 5

    def __repr__(self):
        return "Index()"


class Raises:
    def __index__(self):
        raise ZeroDivisionError("asked")

    __iter__ = __index__

    def __repr__(self):
        return "Raises()"


def broken():
    yield b"x"
    raise ZeroDivisionError("while iterating")


LIMIT = 2**31 - 1
NUMBERS = [0, 1, 7, 8, 4096, True, Index(), LIMIT - 7, LIMIT, LIMIT + 1, 2**40, 2**62, 2**63, 2**70]
NUMBERS += [-1, -(2**31), -(2**63), -(2**70), 1.5, "1", b"1", None, [], Raises()]
# A sanitizer would mark each of two gigabytes.
ROOMS = [n for n in NUMBERS if not testkit.SANITISED or not isinstance(n, int) or n != LIMIT]
ROOMS.remove(LIMIT - 7)

STRIDED = memoryview(bytearray(b"abcdefgh"))[::2]
FORMATTED = memoryview(bytearray(8)).cast("I")

BUFFERS = [[], (), [b"a"], [b"a", b"b"], (b"a",), {b"a": 1}, b"", b"abc", "abc", "", None, 5, 1.5]
BUFFERS += [[1], ["a"], [None], [b"a", "b"], [STRIDED], [FORMATTED], [bytearray(2), b"x"], [[b"a"]]]
BUFFERS += [Raises(), [bytearray(5)], bytearray(2), [memoryview(b"readonly")]]

HUGE = bytes(2**25)

ITEMS = [[], (), None, 5, "ab", b"ab", [5], [()], [(1,)], [(1, 2)], [(1, 2, b"", 3)], [(1, 2, 3)]]
ITEMS += [[("1", 2, b"")], [(1, None, b"")], [(1.5, 2, b"")], [(2**40, 2, b"")]]
ITEMS += [[(1, -(2**40), b"")]]
ITEMS += [[(1, 2, "text")], [(1, 2, STRIDED)], [(1, 2, None)], [(Raises(), 2, b"")]]
ITEMS += [["abc"], [b"abc"]]
ITEMS += [[(1, 1, b"")], [(1, 1, b"abc")], [(1, 99, b"")], [[1, 99, b""]], [(99, 1, b"x")], {}]
ITEMS += [[(99, 1, b"x"), 5], [(99, Index(), b"x")] * 3, Raises(), [(1, 1, b"\xff" * 4)]]
ITEMS += [[(99, 1, HUGE)] * 65, [(99, 1, bytes(10**6))]]

FLAGS = [0, 64, Index(), True, 2**31, -1, 2**40, -(2**40), "0", None, 0.0, Raises()]
ADDRESSES = [None, 5, (), ("127.0.0.1", 1), "/no/such/socket", b"/no/such", "\0x" * 60, ""]
ADDRESSES += ["\udcff"]


def calls():
    """(kind of socket, method, arguments, keyword arguments)"""
    for kind in "stream", "udp":
        yield from ((kind, "sendmsg", (b,), {}) for b in BUFFERS)
        yield from ((kind, "sendmsg", ([b"x"], i), {}) for i in ITEMS)
        yield from ((kind, "sendmsg", ([b"x"], [], f), {}) for f in FLAGS if not f == 2**31)
        yield from ((kind, "sendmsg", ([b"x"], [], 0, a), {}) for a in ADDRESSES)
        yield from ((kind, "recvmsg", (n,), {}) for n in NUMBERS if not small_or_bad(n))
        yield from ((kind, "recvmsg", (5, n), {}) for n in ROOMS)
        yield from ((kind, "recvmsg", (5, 0, f), {}) for f in FLAGS if f != -1)
        yield from ((kind, "recvmsg_into", (b,), {}) for b in BUFFERS)
        yield from ((kind, "recvmsg_into", ([bytearray(3)], n), {}) for n in ROOMS)
        yield from ((kind, "recvmsg_into", ([bytearray(3)], 0, f), {}) for f in FLAGS if f != -1)
    for name in "sendmsg", "recvmsg", "recvmsg_into", "sendmsg_afalg":
        for args in (), (1, 2, 3, 4, 5), ("a", "b", "c", "d"), (5, "x", 1.5):
            yield "stream", name, args, {}
        yield "stream", name, ([b"x"],), {"flags": 0}
    yield from algorithms()


def small_or_bad(n):
    """Sizes that would need gigabytes of memory."""
    return isinstance(n, int) and 2**20 < n < 2**63


def algorithms():
    yield "alg", "sendmsg_afalg", ([b"x"],), {}
    for op in -1, "1", 1.5, None, 2**40, True:
        yield "alg", "sendmsg_afalg", ([b"x"],), {"op": op}
    for name, values in {
        "iv": [b"", b"abc", "abc", None, 5, STRIDED],
        "assoclen": [0, 5, -1, None, 2**40, -(2**40), "5", 1.5, True],
        "flags": [0, "0", None, 2**40, 1.5],
        "msg": [[b"x"], [], None, 5],
        "other": [1],
    }.items():
        for value in values:
            yield "alg", "sendmsg_afalg", (), {"op": 1, name: value}
    for buffers in BUFFERS:
        yield "alg", "sendmsg_afalg", (buffers,), {"op": 1}
    yield "alg", "sendmsg_afalg", ([b"x"], 1), {}


def label(kind, name, args, kwargs):
    parts = [*map(reprlib.repr, args)] + [f"{k}={reprlib.repr(v)}" for k, v in kwargs.items()]
    return ascii(f"{kind}.{name}({', '.join(parts)})").replace("\\", "|").split(" at 0x")[0]


CALLS = {label(*call): call for call in calls()}


def sockets(module, kind):
    if kind == "udp":
        pair = [module.socket(stock.AF_INET, stock.SOCK_DGRAM) for _ in "ab"]
        for s in pair:
            s.bind(("127.0.0.1", 0))
        pair[0].connect(pair[1].getsockname())
        pair[1].connect(pair[0].getsockname())
        return pair
    a, b = module.socketpair(stock.AF_UNIX, stock.SOCK_SEQPACKET if kind == "alg" else 1)
    if kind == "alg":
        a = module.socket(stock.AF_ALG, stock.SOCK_SEQPACKET, 0, a.detach())
    return a, b


def answer(function, *args, **kwargs):
    try:
        return function(*args, **kwargs)
    except Exception as e:
        return type(e), tuple(
            a.replace("csock._socket.", "_socket.") if isinstance(a, str) else a for a in e.args
        )


def outcome(module, kind, name, args, kwargs):
    a, b = sockets(module, kind)
    try:
        a.settimeout(5)
        if name.startswith("recv"):
            b.send(b"0123456")
        result = answer(getattr(a, name), *args, **kwargs)
        left = answer(b.recvmsg, 100, 0, stock.MSG_DONTWAIT)
        address = a.getsockname()
    finally:
        a.close()
        b.close()
    # Ports differ from run to run.
    return tuple(
        x if isinstance(x, type) or not isinstance(x, tuple) else x[:3] for x in (result, left)
    ), type(address)


def worded_otherwise(call):
    """Calls with keywords, and with a wrong number of arguments: the interpreter words these by the
    way in which arguments are passed, which is a faster one here on some versions."""
    kind, name, args, kwargs = call
    return name != "sendmsg_afalg" and bool(kwargs)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_same_as_stock(call):
    before = testkit.open_fds()
    theirs, got = outcome(stock, *call), outcome(ours, *call)
    if worded_otherwise(call):
        assert got[0][0][0] is theirs[0][0][0] is TypeError
    elif sys.version_info >= (3, 13, 13) and any(isinstance(arg, Raises) for arg in call[2][:2]):
        # What iterating over buffers raises stock covers, whatever it is: "must be an iterable".
        assert got[0][0][0] in (theirs[0][0][0], ZeroDivisionError)
    else:
        assert got == theirs
    assert testkit.open_fds() == before


@pytest.mark.parametrize("name", ["CMSG_LEN", "CMSG_SPACE"])
def test_sizes(name):
    theirs, got = getattr(stock, name), getattr(ours, name)
    for n in [*NUMBERS, *range(LIMIT - 40, LIMIT)]:
        assert answer(got, n) == answer(theirs, n), n
    for args, kwargs in ((), {}), ((1, 2), {}), ((), {"length": 1}):
        assert answer(got, *args, **kwargs) == answer(theirs, *args, **kwargs)


@pytest.mark.parametrize("name", ["sendmsg", "recvmsg_into"])
def test_an_iterable_that_fails(name):
    results = []
    for module in stock, ours:
        a, b = sockets(module, "stream")
        results.append(answer(getattr(a, name), broken()))
        a.close()
        b.close()
    assert results[1] == (ZeroDivisionError, ("while iterating",))
    assert results[0] == results[1] or results[0][0] is TypeError  # newest stock hides it
