"""csock.Reader and asyncio.StreamReader on the same bytes in the same pieces: the same results and
exceptions, call for call."""

import asyncio
import random
import sys

import pytest
import testkit

import csock

# Less than the room that a reader receives into, where it does not go straight to the caller: so
# the pieces are the same. With others, an overrun is noticed at other moments.
PIECE_MAX, STRAIGHT_MIN = 6000, 16 * 1024
PROGRAMS = 60


class Loop:
    def get_debug(self):
        return False


class Fed(asyncio.StreamReader):
    """asyncio's reader, which gets the next piece where it would wait for one."""

    def __init__(self, pieces, limit):
        super().__init__(limit=limit, loop=Loop())
        self.pieces = iter(pieces)

    async def _wait_for_data(self, name):
        piece = next(self.pieces, b"")
        if piece:
            self.feed_data(piece)
        else:
            self.feed_eof()

    if sys.version_info < (3, 13):  # as from then on

        async def readuntil(self, separator=b"\n"):
            if not isinstance(separator, tuple):
                return await super().readuntil(separator)
            if not all(separator) or not separator:
                raise ValueError
            longest, searched = max(map(len, separator)), 0
            while True:
                found = [(self._buffer.find(sep, searched), len(sep)) for sep in separator]
                found = [(start + n, -start) for start, n in found if start >= 0]
                if found:
                    break
                searched = max(searched, len(self._buffer) + 1 - longest)
                if searched > self._limit:
                    raise asyncio.LimitOverrunError("not found", searched)
                if self._eof:
                    partial = bytes(self._buffer)
                    self._buffer.clear()
                    raise asyncio.IncompleteReadError(partial, None)
                await self._wait_for_data("readuntil")
            end, start = min(found)
            if -start > self._limit:
                raise asyncio.LimitOverrunError("too far", -start)
            return await self.readexactly(end)


class Theirs:
    def __init__(self, pieces, limit):
        self.reader = Fed(pieces, limit)

    def call(self, name, *args):
        result = getattr(self.reader, "__anext__" if name == "__next__" else name)(*args)
        if name == "at_eof":
            return result
        try:
            result.send(None)
        except StopIteration as stop:
            return stop.value
        raise AssertionError("asyncio's reader waits")


class Pieces:
    """Gives them as recv_into does."""

    def __init__(self, pieces):
        self.left = list(pieces)

    def recv_into(self, view):
        piece = self.left.pop(0) if self.left else b""
        if len(piece) > len(view):
            self.left.insert(0, piece[len(view) :])
            piece = piece[: len(view)]
        view[: len(piece)] = piece
        return len(piece)


class OverMethods:
    """Over an object with a recv_into in Python."""

    def __init__(self, pieces, limit):
        self.reader = csock.Reader(Pieces(pieces), limit)

    def call(self, name, *args):
        return getattr(self.reader, name)(*args)

    def close(self):
        pass


class OverSocket:
    """Over a socket without blocking, that is sent the next piece when it has none: so each call
    fails in the middle as often as it gets something, and begins again."""

    def __init__(self, pieces, limit):
        self.out, self.sock = csock.socketpair()
        self.sock.setblocking(False)
        self.reader = csock.Reader(self.sock, limit)
        self.pieces = iter(pieces)

    def call(self, name, *args):
        while True:
            pending = self.reader.pending
            try:
                return getattr(self.reader, name)(*args)
            except BlockingIOError:
                assert self.reader.pending >= pending
                piece = next(self.pieces, b"")
                if piece:
                    self.out.sendall(piece)
                else:
                    self.out.shutdown(csock.SHUT_WR)

    def close(self):
        self.out.close()
        self.sock.close()


def cut(data, random):
    while data:
        n = random.choice([1, 2, 3, random.randint(1, 40), random.randint(1, PIECE_MAX)])
        yield data[:n]
        data = data[n:]


SEPARATORS = [b"\n", b"\r\n", b"\r", b"ab", b"aab", b"\r\n\r\n", b"a" * 20, bytearray(b"b\n")]


def random_call(random, most):
    n = random.choice([0, 1, 2, 5, 17, 100, 5000, most, -1, -2])
    separator = random.choice(SEPARATORS)
    some = tuple(random.choice(SEPARATORS) for _ in range(random.randint(1, 6)))
    return random.choice(
        [
            ("read", random.choice([1, 2, 5, 17, 100, 5000, most, 0])),
            ("readexactly", n),
            ("readexactly", abs(n)),
            ("readuntil", separator),
            ("readuntil", some),
            ("readuntil",),
            ("readline",),
            ("readline",),
            ("__next__",),
            ("at_eof",),
        ]
    )


def told(function, *args):
    try:
        return function(*args)
    except (StopIteration, StopAsyncIteration):
        return "the end"
    except Exception as error:
        known = ("partial", "expected", "consumed")
        return type(error).__name__, *(getattr(error, name, "none") for name in known)


def compare(ours, seed, straight=False):
    chosen = random.Random(seed)
    most = 70000 if straight else STRAIGHT_MIN - 1
    size = chosen.choice([0, 10, 300, 20000, 200000])
    weights = chosen.choice([(9, 5, 1, 1), (200, 100, 1, 1), (1, 1, 1, 1)])
    data = bytes(chosen.choices(b"ab\r\n", weights, k=size))
    pieces = list(cut(data, chosen))
    limit = 1 << 20 if straight else chosen.choice([1, 2, 10, 100, 5000, 65536])
    theirs, mine = Theirs(pieces, limit), ours(pieces, limit)
    with testkit.closing(mine):
        for number in range(400):
            call = ("read",) if number == 399 else random_call(chosen, most)
            expected, got = told(theirs.call, *call), told(mine.call, *call)
            assert got == expected, (seed, number, call)
        assert mine.call("at_eof") is theirs.call("at_eof") is True


@pytest.mark.parametrize("ours", [OverMethods, OverSocket])
@pytest.mark.parametrize("seed", range(PROGRAMS))
def test_random_calls(ours, seed):
    compare(ours, seed)


@pytest.mark.parametrize("ours", [OverMethods, OverSocket])
@pytest.mark.parametrize("seed", range(PROGRAMS // 4))
def test_random_calls_with_large_reads(ours, seed):
    compare(ours, seed, straight=True)


# What random programs may miss: pieces, limit, calls.
CASES = {
    "read nothing": ([b"abc"], 9, [("read", 0), ("readexactly", 0), ("at_eof",), ("read", 9)]),
    "read all": ([b"a", b"b"], 1, [("read", -1), ("read", -1), ("read",), ("at_eof",)]),
    "read what is there": ([b"ab", b"cd"], 9, [("read", 1), ("read", 9), ("read", 9), ("read", 9)]),
    "negative": ([b"a"], 9, [("readexactly", -1), ("read", -5), ("readexactly", -(2**70))]),
    "huge": ([b"abc"], 9, [("readexactly", 2**70), ("read", 2**70)]),
    "huge at the end": ([], 9, [("readexactly", 2**40), ("readexactly", 1), ("readuntil",)]),
    "no separator": ([b"a"], 9, [("readuntil", b""), ("readuntil", ()), ("readuntil", (b"",))]),
    "one is empty": ([b"a"], 9, [("readuntil", (b"a", b"")), ("readuntil", (b"a",))]),
    "separator in parts": ([b"x\r", b"\n\r", b"\ny"], 9, [("readuntil", b"\r\n\r\n"), ("read",)]),
    "at the limit": ([b"abc", b"\n", b"abcd", b"\n", b"x"], 3, [("readuntil",)] * 3),
    "beyond it": ([b"abcd\nrest"], 3, [("readuntil",), ("readuntil",), ("readline",), ("read",)]),
    "dropped": ([b"abcd", b"ef", b"\ngh\n"], 3, [("readline",)] * 4),
    "the first that ends": ([b"xabcd"], 9, [("readuntil", (b"abcd", b"bc")), ("read",)]),
    "that end together": ([b"a\r\n"], 2, [("readuntil", (b"\r\n", b"\n")), ("read",)]),
    "over the limit together": ([b"ab\r\n"], 2, [("readuntil", (b"\r\n", b"\n")), ("read",)]),
    "end in a line": ([b"a\nb"], 9, [("__next__",), ("__next__",), ("__next__",), ("at_eof",)]),
    "end before": ([b"abc"], 9, [("readuntil", b"\n"), ("readuntil", b"\n"), ("read",)]),
    "wrong types": ([b"a"], 9, [("read", "1"), ("readuntil", "a"), ("read", None)]),
}


@pytest.mark.parametrize("ours", [OverMethods, OverSocket])
@pytest.mark.parametrize("case", CASES)
def test_cases(ours, case):
    pieces, limit, calls = CASES[case]
    theirs, mine = Theirs(pieces, limit), ours(pieces, limit)
    with testkit.closing(mine):
        for call in calls:
            assert told(mine.call, *call) == told(theirs.call, *call), call


@pytest.mark.parametrize("limit", [0, -1])
def test_limits_that_are_none(limit):
    with pytest.raises(ValueError):
        asyncio.StreamReader(limit=limit, loop=Loop())
    with pytest.raises(ValueError):
        csock.Reader(Pieces([]), limit)


@pytest.mark.parametrize("name", ["IncompleteReadError", "LimitOverrunError"])
def test_the_exceptions_are_alike(name):
    theirs, ours = getattr(asyncio, name), getattr(csock, name)
    assert ours.__bases__ == theirs.__bases__
    assert vars(ours(b"ab", 5)) == vars(theirs(b"ab", 5))
    for wrong in ((), (b"ab",), (b"ab", 1, 2)):
        for one in theirs, ours:
            with pytest.raises(TypeError):
                one(*wrong)
