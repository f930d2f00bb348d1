"""Rows 11, 23 to 27, 34 and 37 of the 1998 reference: what a socket is and says of itself."""

import array
import asyncio
import errno
import os
import select
import struct

import pytest
import testkit

needs_ipv6 = pytest.mark.skipif(not testkit.has_ipv6(), reason="no IPv6 on the loopback")
INET = ["AF_INET", pytest.param("AF_INET6", marks=needs_ipv6)]


# ----------------------------------------------- 23 fileno, 24 and 25 names


def test_row_23_fileno_is_the_descriptor(impl):
    a, b = impl.socketpair()
    with a, b:
        os.write(a.fileno(), b"through the descriptor")
        assert b.recv(100) == b"through the descriptor"


def test_row_23_fileno_works_with_select_poll_and_epoll(impl):
    a, b = impl.socketpair()
    with a, b, select.epoll() as epoll:
        poll = select.poll()
        poll.register(b, select.POLLIN)
        epoll.register(b, select.EPOLLIN)
        assert select.select([b], [b], [], 0) == ([], [b], [])
        assert poll.poll(0) == [] and epoll.poll(0) == []
        a.send(b"x")
        assert select.select([b], [], [], 0) == ([b], [], [])
        assert poll.poll(0) == [(b.fileno(), select.POLLIN)]
        assert epoll.poll(0) == [(b.fileno(), select.EPOLLIN)]


def test_row_23_sockets_work_in_asyncio(impl):
    async def exchange(a, b):
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(a, b"x" * 100_000)
        return await loop.sock_recv(b, 10)

    a, b = impl.socketpair()
    with a, b:
        for s in (a, b):
            s.setblocking(False)
        a.setsockopt(impl.SOL_SOCKET, impl.SO_SNDBUF, 1 << 20)
        assert asyncio.run(exchange(a, b)) == b"x" * 10


@pytest.mark.parametrize("family", INET)
def test_rows_24_25_names_of_both_ends(impl, family):
    a, b = testkit.tcp_pair(impl, getattr(impl, family))
    with a, b:
        assert a.getpeername() == b.getsockname()
        assert b.getpeername() == a.getsockname()
        assert len(a.getpeername()) == (2 if a.family == impl.AF_INET else 4)


def test_rows_24_25_names_on_unix(impl, unix_dir):
    path = str(unix_dir / "s")
    with impl.socket(impl.AF_UNIX) as server, impl.socket(impl.AF_UNIX) as client:
        server.bind(path)
        server.listen()
        client.connect(path)
        assert (client.getpeername(), client.getsockname()) == (path, "")


def test_row_24_getpeername_of_an_unconnected_socket(impl):
    with impl.socket() as s, pytest.raises(OSError) as caught:
        s.getpeername()
    assert caught.value.errno == errno.ENOTCONN


# -------------------------------------------------------- 26 and 27 options


def test_row_26_getsockopt_as_int(impl):
    with impl.socket(type=impl.SOCK_DGRAM) as s:
        assert s.getsockopt(impl.SOL_SOCKET, impl.SO_TYPE) == impl.SOCK_DGRAM
        assert s.getsockopt(impl.SOL_SOCKET, impl.SO_BROADCAST) == 0


def test_row_26_getsockopt_as_bytes_of_at_most_buflen(impl):
    with impl.socket(type=impl.SOCK_DGRAM) as s:
        expected = struct.pack("i", impl.SOCK_DGRAM)
        assert s.getsockopt(impl.SOL_SOCKET, impl.SO_TYPE, 4) == expected
        assert s.getsockopt(impl.SOL_SOCKET, impl.SO_TYPE, 100) == expected
        assert s.getsockopt(impl.SOL_SOCKET, impl.SO_TYPE, 2) == expected[:2]


def test_row_26_getsockopt_of_a_structure(impl):
    with impl.socket() as s:
        s.setsockopt(impl.SOL_SOCKET, impl.SO_LINGER, struct.pack("ii", 1, 7))
        assert struct.unpack("ii", s.getsockopt(impl.SOL_SOCKET, impl.SO_LINGER, 8)) == (1, 7)


@pytest.mark.parametrize(
    "value",
    [1, True, struct.pack("i", 1), bytearray(struct.pack("i", 1)), array.array("i", [1])],
    ids=["int", "bool", "bytes", "bytearray", "array"],
)
def test_row_27_setsockopt_takes_an_int_or_a_buffer(impl, value):
    with impl.socket() as s:
        s.setsockopt(impl.SOL_SOCKET, impl.SO_REUSEADDR, value)
        assert s.getsockopt(impl.SOL_SOCKET, impl.SO_REUSEADDR) == 1


def test_row_27_setsockopt_without_a_value_but_its_length(impl):
    with impl.socket() as s:
        s.setsockopt(impl.SOL_SOCKET, impl.SO_BINDTODEVICE, None, 0)
        assert s.getsockopt(impl.SOL_SOCKET, impl.SO_BINDTODEVICE, 16) == b""


def test_row_27_setsockopt_that_the_kernel_refuses(impl):
    with impl.socket() as s, pytest.raises(OSError) as caught:
        s.setsockopt(impl.SOL_SOCKET, 9999, 1)
    assert caught.value.errno == errno.ENOPROTOOPT


# ---------------------------------------------- 34 blocking mode and timeouts


def test_row_34_setblocking(impl):
    a, b = impl.socketpair()
    with a, b:
        assert a.getblocking() and a.gettimeout() is None
        a.setblocking(False)
        assert not a.getblocking() and a.gettimeout() == 0
        a.setblocking(1)
        assert a.getblocking() and a.gettimeout() is None


def test_row_34_non_blocking_calls_raise(impl):
    a, b = testkit.tcp_pair(impl)
    with a, b, testkit.listener(impl) as server:
        for s in (a, b, server):
            s.setblocking(0)
        for call in (
            lambda: b.recv(1),
            lambda: b.recv_into(bytearray(1)),
            lambda: b.recvfrom(1),
            lambda: b.recvfrom_into(bytearray(1)),
            server.accept,
        ):
            with pytest.raises(BlockingIOError) as caught:
                call()
            assert caught.value.errno == errno.EAGAIN
        testkit.fill(a, b)
        with pytest.raises(BlockingIOError):
            a.send(b"x")
        with pytest.raises(BlockingIOError):
            a.sendall(b"x")


def test_row_34_settimeout_and_gettimeout(impl):
    with impl.socket() as s:
        for value in (None, 0.0, 1.5, 3600.0):
            s.settimeout(value)
            assert s.gettimeout() == s.timeout == value
        s.settimeout(3)
        assert s.gettimeout() == 3.0 and type(s.gettimeout()) is float
        assert s.getblocking()
        s.settimeout(0)
        assert not s.getblocking()


def test_row_34_timeouts_raise(impl):
    a, b = impl.socketpair()
    with a, b:
        a.settimeout(0.05)
        with testkit.Stopwatch() as watch, pytest.raises(TimeoutError) as caught:
            a.recv(1)
        assert str(caught.value) == "timed out"
        assert 0.05 <= watch.wall < 10


def test_row_34_default_timeout(impl):
    assert impl.getdefaulttimeout() is None
    impl.setdefaulttimeout(2.5)
    try:
        assert impl.getdefaulttimeout() == 2.5
        with impl.socket() as s:
            assert s.gettimeout() == 2.5
    finally:
        impl.setdefaulttimeout(None)
    with impl.socket() as s:
        assert s.gettimeout() is None


def test_row_37_sockets_have_no_read_or_write(impl):
    with impl.socket() as s:
        assert not hasattr(s, "read") and not hasattr(s, "write")


def test_row_11_descriptors_of_closed_sockets_are_given_back(impl):
    before = testkit.open_fds()
    for _ in range(200):
        a, b = impl.socketpair()
        c = a.dup()
        f = b.makefile("rb")
        for thing in (a, b, c, f):
            thing.close()
    assert testkit.open_fds() == before
