"""Rows 30 to 33 of the 1998 reference: receiving and sending."""

import array
import errno
import os
import select
import signal
import socket as stock
import sys
import tracemalloc

import pytest
import testkit

# ---------------------------------------------------- 30 and 31 recv, recvfrom


def test_row_30_recv_gives_bytes(impl):
    a, b = impl.socketpair()
    with a, b:
        a.send(b"hello")
        assert b.recv(3) == b"hel"
        assert b.recv(100) == b"lo"
        a.close()
        assert b.recv(100) == b""


def test_row_30_recv_waits(impl):
    a, b = impl.socketpair()
    with a, b:
        job = testkit.Job(b.recv, 100).wait_blocked()
        a.send(b"now")
        assert job.result() == b"now"


def test_row_30_recv_with_flags(impl):
    a, b = impl.socketpair()
    with a, b:
        a.send(b"hello")
        assert b.recv(5, impl.MSG_PEEK) == b"hello"
        assert b.recv(5) == b"hello"
        with pytest.raises(BlockingIOError):
            b.recv(5, impl.MSG_DONTWAIT)


def test_row_30_recv_of_out_of_band_data(impl):
    a, b = testkit.tcp_pair(impl)
    with a, b:
        a.send(b"normal")
        a.send(b"!", impl.MSG_OOB)
        assert select.select([], [], [b], 10)[2] == [b]
        assert b.recv(1, impl.MSG_OOB) == b"!"
        assert b.recv(6, impl.MSG_WAITALL) == b"normal"


def test_row_30_recv_of_nothing(impl):
    a, b = impl.socketpair()
    with a, b:
        assert b.recv(0) == b""
    assert b.recv(0) == b""  # no system call: stock does not notice the closed socket either


@pytest.mark.parametrize("size", [1, 100, 4096, 65536, 1 << 20])
@pytest.mark.parametrize("kind", testkit.STREAMS)
def test_row_30_recv_gives_each_byte_once(impl, kind, size):
    a, b = testkit.stream_pair(impl, kind)
    data = os.urandom(3_000_000 if size > 100 else 20_000)

    def send():
        with a:
            a.sendall(data)

    job = testkit.Job(send)
    with b:
        pieces = list(iter(lambda: b.recv(size), b""))
    job.result()
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= size


@pytest.mark.parametrize("method", ["recv", "recvfrom"])
def test_row_30_recv_keeps_memory_for_what_came(impl, method):
    a, b = impl.socketpair()
    with a, b:
        for warm_up in (True, False):
            if not warm_up:
                tracemalloc.start()
                before = tracemalloc.get_traced_memory()[0]
            kept = []
            for _ in range(100):
                a.send(b"12")
                kept.append(getattr(b, method)(1 << 20))
        used = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
    assert len(kept) == 100
    assert used < 100 * 500


@pytest.mark.parametrize("method", ["recv", "recvfrom"])
def test_row_30_recv_shorter_than_a_datagram_cuts_it(impl, method):
    a, b = testkit.udp_pair(impl)
    with a, b:
        a.send(b"x" * 50)
        a.send(b"next")
        got = getattr(b, method)(10)
        assert (got[0] if method == "recvfrom" else got) == b"x" * 10
        assert b.recv(10) == b"next"


@pytest.mark.parametrize("size", [10_000, 60_000])
def test_row_30_recv_takes_whole_datagrams_after_small_ones(impl, size):
    a, b = testkit.udp_pair(impl)
    with a, b:
        for n in (1, 1, 1, size, 1, size):
            data = os.urandom(n)
            a.send(data)
            assert b.recv(1 << 20) == data


def datagram_pairs(impl):
    yield testkit.udp_pair(impl)
    yield impl.socketpair(impl.AF_UNIX, impl.SOCK_DGRAM)
    yield impl.socketpair(impl.AF_UNIX, impl.SOCK_SEQPACKET)


@pytest.mark.parametrize("size", [0, 1, 10, 4000])
@pytest.mark.parametrize("method", ["recv", "recvfrom"])
def test_row_30_recv_with_trunc_gives_no_unwritten_byte_of_a_datagram(csock, method, size):
    for a, b in datagram_pairs(csock):
        with a, b:
            a.send(b"x" * 5000)
            got = getattr(b, method)(size, csock.MSG_TRUNC)
            if size == 0 and method == "recv":
                continue  # makes no system call
            assert (got[0] if method == "recvfrom" else got) == b"x" * size


@pytest.mark.parametrize("method", ["recv", "recvfrom"])
def test_row_30_recv_with_trunc_as_stock_has_it(method):
    """What the test above is about: stock gives as many bytes as the datagram had; 3.15 fails."""
    for a, b in datagram_pairs(stock):
        with a, b:
            a.send(b"x" * 5000)
            try:
                got = getattr(b, method)(10, stock.MSG_TRUNC)
            except ValueError:
                assert sys.version_info >= (3, 15)
                continue
            got = got[0] if method == "recvfrom" else got
            assert len(got) in (10, 5000) and got[:10] == b"x" * 10


@pytest.mark.parametrize("size", [10, 100, 5000])
@pytest.mark.parametrize("method", ["recv", "recvfrom"])
def test_row_30_recv_with_trunc_on_tcp_copies_nothing(csock, method, size):
    a, b = testkit.tcp_pair(csock)
    with a, b:
        a.sendall(b"discarded." * (size // 10) + b"rest")
        got = getattr(b, method)(size, csock.MSG_TRUNC | csock.MSG_WAITALL)
        assert (got[0] if method == "recvfrom" else got) == b""
        assert b.recv(100) == b"rest"


@pytest.mark.parametrize("method", ["recv_into", "recvfrom_into"])
def test_row_30_recv_into_with_trunc_gives_the_kernels_count(impl, method):
    for a, b in datagram_pairs(impl):
        with a, b:
            a.send(b"x" * 50)
            buffer = bytearray(b"." * 20)
            count = getattr(b, method)(buffer, 10, impl.MSG_TRUNC)
            assert (count[0] if method == "recvfrom_into" else count) == 50
            assert buffer == b"x" * 10 + b"." * 10


def test_row_30_recv_into_with_trunc_on_tcp_leaves_the_buffer(impl):
    a, b = testkit.tcp_pair(impl)
    with a, b:
        a.sendall(b"discarded.rest")
        buffer = bytearray(b"." * 10)
        assert b.recv_into(buffer, 10, impl.MSG_TRUNC | impl.MSG_WAITALL) == 10
        assert buffer == b"." * 10
        assert b.recv(4) == b"rest"


def test_row_31_recvfrom_gives_data_and_address(impl):
    with impl.socket(type=impl.SOCK_DGRAM) as a, impl.socket(type=impl.SOCK_DGRAM) as b:
        a.bind(("127.0.0.1", 0))
        b.bind(("127.0.0.1", 0))
        a.sendto(b"hello", b.getsockname())
        assert b.recvfrom(100, impl.MSG_PEEK) == (b"hello", a.getsockname())
        assert b.recvfrom(100) == (b"hello", a.getsockname())


def test_row_31_recvfrom_on_unix(impl, unix_dir):
    with impl.socket(impl.AF_UNIX, impl.SOCK_DGRAM) as server:
        server.bind(str(unix_dir / "server"))
        with impl.socket(impl.AF_UNIX, impl.SOCK_DGRAM) as s:
            s.sendto(b"anonymous", server.getsockname())
            assert server.recvfrom(100) == (b"anonymous", None)
            s.bind(str(unix_dir / "client"))
            s.sendto(b"named", server.getsockname())
            assert server.recvfrom(100) == (b"named", str(unix_dir / "client"))


def test_row_31_recvfrom_on_a_connection_has_no_address(impl):
    a, b = testkit.tcp_pair(impl)
    with a, b:
        a.send(b"x")
        assert b.recvfrom(1) == (b"x", None)


def test_row_31_recvfrom_waits(impl):
    a, b = testkit.udp_pair(impl)
    with a, b:
        job = testkit.Job(b.recvfrom, 100).wait_blocked()
        a.send(b"now")
        assert job.result() == (b"now", a.getsockname())


# ------------------------------------------------------ 32 send, 33 sendto


def test_row_32_send_gives_the_count(impl):
    a, b = impl.socketpair()
    with a, b:
        assert a.send(b"") == 0
        assert a.send(b"hello") == 5
        assert b.recv(100) == b"hello"


@pytest.mark.parametrize(
    "data", [b"abc", bytearray(b"abc"), memoryview(b"xabcx")[1:4], array.array("B", b"abc")]
)
def test_row_32_send_takes_any_buffer(impl, data):
    a, b = impl.socketpair()
    with a, b:
        assert a.send(data) == 3
        a.sendall(data)
        assert b.recv(100) == b"abcabc"


def test_row_32_send_with_flags(impl):
    a, b = testkit.tcp_pair(impl)
    with a, b:
        a.send(b"one", impl.MSG_MORE)
        a.send(b"two", impl.MSG_DONTWAIT)
        assert b.recv(6, impl.MSG_WAITALL) == b"onetwo"


def test_row_32_send_without_a_connection(impl):
    with impl.socket() as s, pytest.raises(BrokenPipeError):
        s.send(b"x")
    with impl.socket(type=impl.SOCK_DGRAM) as s, pytest.raises(OSError) as caught:
        s.send(b"x")
    assert caught.value.errno == errno.EDESTADDRREQ


def test_row_32_send_of_a_datagram_that_is_too_long(impl):
    a, b = testkit.udp_pair(impl)
    with a, b, pytest.raises(OSError) as caught:
        a.send(bytes(70_000))
    assert caught.value.errno == errno.EMSGSIZE


def test_row_33_sendto_in_both_argument_orders(impl):
    with impl.socket(type=impl.SOCK_DGRAM) as a, impl.socket(type=impl.SOCK_DGRAM) as b:
        b.bind(("127.0.0.1", 0))
        address = b.getsockname()
        assert a.sendto(b"one", address) == 3
        assert a.sendto(b"three", impl.MSG_DONTWAIT, address) == 5
        assert a.sendto(b"four", 0, address) == 4
        assert [b.recv(100) for _ in range(3)] == [b"one", b"three", b"four"]


def test_row_33_sendto_resolves(impl):
    with impl.socket(type=impl.SOCK_DGRAM) as a, impl.socket(type=impl.SOCK_DGRAM) as b:
        b.bind(("127.0.0.1", 0))
        a.sendto(b"x", ("localhost", b.getsockname()[1]))
        assert b.recv(1) == b"x"


# -------------------------------------------- SIGPIPE: as the program has it

SIGPIPE = """
import signal, sys
impl = __import__(sys.argv[1])
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
a, b = impl.socketpair()
b.close()
a.send(b"x")
print("survived")
"""


def test_row_32_send_sets_no_flag_of_its_own(impl):
    """A program that wants SIGPIPE gets it, as with stock (no MSG_NOSIGNAL behind its back)."""
    result = testkit.run_python(SIGPIPE, impl.__name__, check=False)
    assert (result.returncode, result.stdout) == (-signal.SIGPIPE, "")


def test_row_30_recv_that_starts_before_the_data_arrives_piece_by_piece(impl):
    a, b = testkit.tcp_pair(impl)
    with a, b:
        for piece in (b"a", b"bc", b"def"):
            job = testkit.Job(b.recv, 100).wait_blocked()
            a.send(piece)
            assert job.result() == piece
