"""csock.Reader beyond what asyncio's reader has (test_reader_differential.py): what is kept after a
failure, peek, pending, detach; large reads; the object itself."""

import copy
import gc
import pickle
import re
import sys
import weakref

import pytest
import testkit

import csock


@pytest.fixture(params=["csock", "by method"])
def pair(request):
    """A socket to send by, and one to read from: csock's own, and one whose recv_into is asked."""

    class Mine(csock.socket):
        pass

    a, b = csock.socketpair()
    if request.param == "by method":
        b = Mine(fileno=b.detach())
    with a, b:
        yield a, b


CALLS = {
    "read all": lambda r: r.read(),
    "readexactly": lambda r: r.readexactly(7),
    "a large readexactly": lambda r: r.readexactly(300_000),
    "readuntil": lambda r: r.readuntil(b"\r\n"),
    "readuntil of some": lambda r: r.readuntil((b"\r\n", b"\n\n")),
    "readline": lambda r: r.readline(),
    "iteration": lambda r: next(r),
    "peek": lambda r: r.peek(7),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("timeout", [0.02, 0])
def test_what_came_before_a_timeout_stays(pair, call, timeout):
    a, b = pair
    b.settimeout(timeout)
    reader = csock.Reader(b)
    for piece in b"ab", b"c", b"d\r":
        a.sendall(piece)
        for _ in range(2):
            with pytest.raises(BlockingIOError if timeout == 0 else TimeoutError):
                CALLS[call](reader)
    assert reader.pending == 5
    assert not reader.at_eof()
    a.sendall(b"\nef")
    assert reader.peek(7) == b"abcd\r\ne"
    assert reader.readline() == b"abcd\r\n"
    a.close()
    assert (reader.read(), reader.at_eof()) == (b"ef", True)


def test_a_timeout_in_a_large_read_loses_nothing(pair):
    a, b = pair
    data = bytes(i * 7 % 251 for i in range(1_000_003))
    b.settimeout(0.001)
    reader = csock.Reader(b)
    sent = testkit.Job(a.sendall, data)
    got, timeouts = b"", 0
    while len(got) < len(data):
        try:
            got += reader.readexactly(min(333_333, len(data) - len(got)))
        except TimeoutError:
            timeouts += 1
    assert got == data
    sent.result()
    a.sendall(b"x")
    assert (reader.readexactly(1), reader.pending) == (b"x", 0)


@pytest.mark.parametrize("n", [1 << 12, 1 << 16, 1 << 20, 1 << 30])
def test_bulk_comes_whole(pair, n):
    a, b = pair
    data = bytes(i * 11 % 241 for i in range(3_000_001))

    def send():
        a.sendall(data)
        a.shutdown(csock.SHUT_WR)

    sent, reader, blocks = testkit.Job(send), csock.Reader(b), []
    while block := reader.read(n):
        assert len(block) <= n
        blocks.append(block)
    assert b"".join(blocks) == data
    sent.result()


def test_a_length_that_nobody_has_costs_no_memory(pair):
    a, b = pair
    reader = csock.Reader(b)
    a.sendall(b"abc")
    a.close()
    with pytest.raises(csock.IncompleteReadError) as caught:
        reader.readexactly(sys.maxsize)
    assert (caught.value.partial, caught.value.expected) == (b"abc", sys.maxsize)


def test_more_than_is_set_aside_at_once(pair):
    a, b = pair
    data = b"0123456789abcdef" * (1 << 18) * 17  # 68 MiB
    sent, reader = testkit.Job(a.sendall, data), csock.Reader(b)
    assert reader.readexactly(len(data)) == data
    sent.result()


MEMORY = """
import resource, threading, csock
a, b = csock.socketpair()
data = bytes(range(256)) * (80 << 12)  # 80 MiB
threading.Thread(target=lambda: (a.sendall(data), a.close()), daemon=True).start()
reader, refused, at = csock.Reader(b), 0, 1000
assert reader.readexactly(1000) == data[:1000]
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (100 << 20),) * 2)
for call in (reader.read, lambda: reader.peek(79 << 20), lambda: reader.readexactly(79 << 20)):
    try:
        call()
    except MemoryError:
        refused += 1
try:
    at += len(reader.readexactly(60 << 20))  # fits, with some allocators
except MemoryError:
    refused += 1
while block := reader.read(1 << 16):
    assert data.startswith(block, at)
    at += len(block)
print(refused > 0, at == len(data))
"""


@pytest.mark.skipif(testkit.SANITISED, reason="a sanitizer takes address space of its own")
def test_without_memory_nothing_is_lost():
    assert testkit.run_python(MEMORY).stdout == "True True\n"


def test_peek_waits_for_all_of_it_or_the_end(pair):
    a, b = pair
    reader = csock.Reader(b)
    a.sendall(b"ab")
    assert (reader.peek(0), reader.pending) == (b"", 0)
    assert (reader.peek(1), reader.pending) == (b"a", 2)
    job = testkit.Job(reader.peek, 4).wait_blocked()
    a.sendall(b"cde")
    assert job.result() == b"abcd"
    a.close()
    assert reader.peek(n=100) == b"abcde"
    assert not reader.at_eof()
    assert (reader.read(), reader.peek(1), reader.at_eof()) == (b"abcde", b"", True)
    with pytest.raises(ValueError, match="negative"):
        reader.peek(-1)


def test_detach_hands_over_what_is_there(pair):
    a, b = pair
    reader = csock.Reader(b)
    a.sendall(b"STARTTLS\r\nearly")
    assert reader.readline() == b"STARTTLS\r\n"
    sock, rest = reader.detach()
    assert (sock, rest) == (b, b"early")
    assert (reader.pending, reader.at_eof()) == (0, False)
    a.sendall(b"more")
    assert sock.recv(9) == b"more"
    for call in (*CALLS.values(), lambda r: r.read(0), lambda r: r.detach()):
        with pytest.raises(ValueError, match="the reader is detached"):
            call(reader)
    assert csock.Reader(b).detach() == (b, b"")


def test_a_line_beyond_the_limit_is_dropped(pair):
    a, b = pair
    reader = csock.Reader(b, limit=100)
    a.sendall(b"x" * 101 + b"\nnext\n" + b"y" * 102)
    with pytest.raises(ValueError, match="limit of 100 bytes"):
        reader.readline()
    assert reader.readline() == b"next\n"
    with pytest.raises(ValueError, match="limit of 100 bytes"):
        reader.readline()
    a.sendall(b"yy\nlast\n")
    assert (reader.readline(), next(reader)) == (b"yy\n", b"last\n")


def test_an_overrun_takes_nothing(pair):
    a, b = pair
    reader = csock.Reader(b, limit=3)
    a.sendall(b"abcd\r\n")
    for _ in range(2):
        with pytest.raises(csock.LimitOverrunError, match="limit of 3 bytes") as caught:
            reader.readuntil(b"\r\n")
        assert caught.value.consumed == 4
    assert reader.readexactly(4) == b"abcd"
    assert reader.readuntil(b"\r\n") == b"\r\n"


def test_closing_is_the_programs_business(pair):
    a, b = pair
    reader = csock.Reader(b)
    a.sendall(b"ab")
    assert reader.read(1) == b"a"
    del reader
    a.sendall(b"c")
    assert b.recv(9) == b"c"
    reader = csock.Reader(b)
    a.sendall(b"de")
    assert reader.read(1) == b"d"
    b.close()
    assert reader.read(1) == b"e"
    for call in CALLS.values():
        with pytest.raises(OSError, match="Bad file descriptor"):
            call(reader)


# ------------------------------------------------------------- arguments


WRONG = {
    "Reader()": TypeError,
    "Reader(1)": TypeError,
    "Reader(None)": TypeError,
    "Reader(b, 'x')": TypeError,
    "Reader(b, 0)": ValueError,
    "Reader(b, limit=-5)": ValueError,
    "Reader(b, 2**70)": OverflowError,
    "Reader(b, lines=5)": TypeError,
    "r.read(1, 2)": TypeError,
    "r.read(size=1)": TypeError,
    "r.read('1')": TypeError,
    "r.readexactly()": TypeError,
    "r.readexactly(1, n=1)": TypeError,
    "r.readexactly(-1)": ValueError,
    "r.readuntil('x')": TypeError,
    "r.readuntil([b'x'])": TypeError,
    "r.readuntil(5)": TypeError,
    "r.readuntil((b'x', 5))": TypeError,
    "r.readuntil((b'x', (b'y',)))": TypeError,
    "r.readuntil((b'x',) * 9 + ('y',))": TypeError,
    "r.readuntil(())": ValueError,
    "r.readuntil(memoryview(b''))": ValueError,
    "r.readuntil((b'x', b''))": ValueError,
    "r.readuntil(memoryview(b'xyz')[::2])": BufferError,
    "r.readline(5)": TypeError,
    "r.peek()": TypeError,
    "r.at_eof(1)": TypeError,
    "r.__init__(b)": RuntimeError,
    "Reader.__new__(Reader).readline()": ValueError,
    "setattr(r, 'pending', 1)": AttributeError,
    "setattr(r, 'other', 1)": AttributeError,
}


@pytest.mark.parametrize("call", WRONG)
def test_wrong_arguments(pair, call):
    a, b = pair
    r = csock.Reader(b)
    a.sendall(b"xy")
    with pytest.raises(WRONG[call]):
        eval(call, {"Reader": csock.Reader, "b": b, "r": r})
    assert r.read(9) == b"xy"


def test_numbers_and_separators_of_other_types(pair):
    class Number:
        def __index__(self):
            return 2

    a, b = pair
    reader = csock.Reader(b, Number())
    a.sendall(b"abcdefghij|k")
    assert reader.readexactly(Number()) + reader.read(Number()) == b"abcd"
    assert reader.readexactly(True) == b"e"
    separators = tuple(bytes([n]) for n in range(0x21, 0x7F) if n != 0x66)
    assert reader.readuntil(separators[50:]) == b"fg"
    assert reader.readuntil(bytearray(b"i")) == b"hi"
    assert reader.readuntil(separator=(b"nothing", memoryview(b"|"))) == b"j|"
    a.close()
    assert reader.read(n=-(2**70)) == b"k"


# ------------------------------------------------------------ the object


def test_exceptions_have_words_and_pickle():
    incomplete = csock.IncompleteReadError
    for error, text in (
        (incomplete(b"abc", 5), "the stream ended after 3 of 5 bytes"),
        (incomplete(b"", None), "the stream ended without a separator after 0 bytes"),
        (csock.LimitOverrunError("too long", 9), "too long"),
    ):
        assert (str(error), type(error).__module__) == (text, "csock")
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            again = pickle.loads(pickle.dumps(error, protocol))
            assert (type(again), str(again), vars(again)) == (type(error), text, vars(error))
        assert vars(copy.copy(error)) == vars(error)
    assert issubclass(csock.IncompleteReadError, EOFError)
    with pytest.raises(TypeError):
        csock.IncompleteReadError(5, 5)  # nothing that has a length


def test_no_pickles_and_no_copies(pair):
    reader = csock.Reader(pair[1])
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match=re.escape("cannot pickle 'csock.Reader' object")):
            pickle.dumps(reader, protocol)
    for function in copy.copy, copy.deepcopy:
        with pytest.raises(TypeError):
            function(reader)


def test_subclasses_and_weak_references(pair):
    class Mine(csock.Reader):
        def __init__(self, sock, name):
            super().__init__(sock, limit=5)
            self.name = name

    class Other:
        """As any class: without a GIL, 3.13 keeps them for good."""

    a, b = pair
    reader = Mine(b, "n")
    gone, mine, other = weakref.ref(reader), weakref.ref(Mine), weakref.ref(Other)
    a.sendall(b"line\n")
    assert (list(zip(range(1), reader, strict=False)), reader.name) == ([(0, b"line\n")], "n")
    reader.itself = reader
    del reader
    while gc.collect():
        pass
    assert gone() is None
    del Mine, Other
    while gc.collect():
        pass
    assert (mine() is None) == (other() is None)


def test_a_cycle_through_the_socket_is_found():
    class Source:
        def recv_into(self, view):
            return 0

    source = Source()
    source.reader = csock.Reader(source)
    assert source.reader.read() == b""
    gone = weakref.ref(source.reader)
    del source
    while gc.collect():
        pass
    assert gone() is None


def test_the_names_belong_to_csock_alone():
    names = "Reader", "IncompleteReadError", "LimitOverrunError"
    for name in names:
        assert name not in csock.__all__ and name in dir(csock)
        assert not hasattr(csock.dropin, name)
        assert getattr(csock, name).__module__ == "csock"
    assert csock.Reader[csock.socket].__origin__ is csock.Reader
