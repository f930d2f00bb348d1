"""Bad arguments: a clear error, nothing leaked, the socket usable afterwards.

What each wrong argument raises is compared with stock elsewhere in detail; here stand the cases
that must never crash, truncate or lose something."""

import errno
import os
import socket as stock
import sys

import pytest
import testkit

pytestmark = pytest.mark.usefixtures("no_descriptor_is_left")


COUNTS = [
    ("accept", [(1,)]),
    ("bind", [(), (1, 2, 3)]),
    ("close", [(1,)]),
    ("connect", [(), (1, 2, 3)]),
    ("connect_ex", [(), (1, 2, 3)]),
    ("detach", [(1,)]),
    ("fileno", [(1,)]),
    ("getpeername", [(1,)]),
    ("getsockname", [(1,)]),
    ("getsockopt", [(), (1,), (1, 2, 3, 4)]),
    ("listen", [(1, 2)]),
    ("recv", [(), (1, 2, 3)]),
    ("recv_into", [(), (bytearray(1), 1, 1, 1)]),
    ("recvfrom", [(), (1, 2, 3)]),
    ("recvfrom_into", [(), (bytearray(1), 1, 1, 1)]),
    ("send", [(), (b"", 0, 0)]),
    ("sendall", [(), (b"", 0, 0)]),
    ("sendto", [(), (b"",), (b"", 0, ("", 1), 0)]),
    ("setblocking", [(), (1, 2)]),
    ("setsockopt", [(), (1,), (1, 2), (1, 2, None, 4, 5)]),
    ("settimeout", [(), (1, 2)]),
    ("shutdown", [(), (1, 2)]),
]


@pytest.mark.parametrize(
    ("method", "args"), [(name, args) for name, cases in COUNTS for args in cases]
)
def test_wrong_counts_of_arguments(inet, method, args):
    with pytest.raises(TypeError):
        getattr(inet, method)(*args)
    assert inet.fileno() >= 0


SETSOCKOPT = [(), (1,), (1, 2), (1, 2, 3, 4, 5), (1, 2, "x"), (1, 2, None), (1, 2, None, "x")]
SETSOCKOPT += [(1, 2, 2**31), (1, 2, -(2**100)), ("a", 2, {}), (1, 2**40, None), (2**40, 2, 1, 5)]
SETSOCKOPT += [(1, 2, 1.5), (1, 2, b"x", 4), (1, 2, 4, 4), (1, 2, memoryview(b"1234")[::2])]
SETSOCKOPT += [(1, 2, None, 2**40), (1, 2, None, 2**31), (2**40, 2, None, 1.5), (1, 2, 4, "x")]
SETSOCKOPT += [("a", 2, None, 4), (1, 2**40, 4, "x")]


@pytest.mark.parametrize("args", SETSOCKOPT, ids=str)
def test_setsockopt_refuses_as_stock_does(inet, args):
    """The same of several mistakes, in the same words."""
    said = []
    for s in stock.socket(), inet:
        with s, pytest.raises((TypeError, OverflowError, BufferError, OSError)) as caught:
            s.setsockopt(*args)
        said.append((caught.type, str(caught.value)))
    assert said[0] == said[1]


TYPES = [
    ("getsockopt", ("1", 2)),
    ("getsockopt", (1, 2, "3")),
    ("listen", ("x",)),
    ("listen", (1.5,)),
    ("recv", ("1",)),
    ("recv", (1.5,)),
    ("recv", (1, "x")),
    ("recv_into", (b"read-only",)),
    ("recv_into", (5,)),
    ("recvfrom", (None,)),
    ("recvfrom_into", ("x",)),
    ("send", ("text",)),
    ("send", (1,)),
    ("send", (b"x", "x")),
    ("sendall", (None,)),
    ("sendto", ("text", ("127.0.0.1", 1))),
    ("sendto", (b"x", "x", ("127.0.0.1", 1))),
    ("setblocking", ("x",)),
    ("setsockopt", (1, 2, "x")),
    ("setsockopt", (1, 2, None)),
    ("settimeout", ("x",)),
    ("shutdown", ("x",)),
]


@pytest.mark.parametrize(("method", "args"), TYPES)
def test_wrong_types_of_arguments(inet, method, args):
    if method == "setblocking" and not hasattr(stock, "NI_IDN"):
        args = (None,)
    try:
        getattr(stock.socket(type=stock.SOCK_DGRAM), method)(*args)
    except Exception as error:
        expected = type(error)
    else:  # setblocking takes any truth value from 3.12 on
        assert method == "setblocking"
        return
    with pytest.raises(expected):
        getattr(inet, method)(*args)


@pytest.mark.parametrize(
    "args", [("x",), (2, "x"), (2, 1, "x"), (2, 1, 0, "x"), (2, 1, 0, None, 5), (1.5,)]
)
def test_wrong_types_for_socket(impl, args):
    with pytest.raises(TypeError):
        impl.socket(*args)


def test_buffers_that_are_not_contiguous(inet):
    view = memoryview(bytearray(8))[::2]
    with pytest.raises((BufferError, TypeError)):
        inet.send(view)
    with pytest.raises((BufferError, TypeError)):
        inet.recv_into(view)


# ------------------------------------------------------------ sizes, buffers


@pytest.mark.parametrize("size", [-1, -(2**31), -sys.maxsize - 1])
@pytest.mark.parametrize("method", ["recv", "recvfrom"])
def test_negative_sizes(inet, method, size):
    with pytest.raises(ValueError, match=f"negative buffersize in {method}"):
        getattr(inet, method)(size)


@pytest.mark.parametrize("size", [2**63, 2**64, 2**70, -(2**70)])
@pytest.mark.parametrize("method", ["recv", "recvfrom"])
def test_sizes_beyond_the_machine(inet, method, size):
    with pytest.raises(OverflowError):
        getattr(inet, method)(size)


@pytest.mark.skipif(
    testkit.SANITISED and "allocator_may_return_null=1" not in os.environ.get("ASAN_OPTIONS", ""),
    reason="ASan aborts at such sizes (set allocator_may_return_null=1)",
)
@pytest.mark.parametrize("size", [2**62, 2**63 - 1, 2**63 - 40])
@pytest.mark.parametrize("method", ["recv", "recvfrom"])
def test_sizes_beyond_memory(impl, method, size):
    a, b = impl.socketpair()
    with a, b:
        a.send(b"still there")
        with pytest.raises((MemoryError, OverflowError)):
            getattr(b, method)(size)
        assert b.recv(100) == b"still there"


@pytest.mark.parametrize("method", ["recv_into", "recvfrom_into"])
def test_sizes_beyond_the_buffer(inet, method):
    buffer = bytearray(5)
    for size in (6, sys.maxsize):
        with pytest.raises(ValueError):
            getattr(inet, method)(buffer, size)
    with pytest.raises(ValueError, match="negative buffersize"):
        getattr(inet, method)(buffer, -1)
    with pytest.raises(OverflowError):
        getattr(inet, method)(buffer, 2**70)
    buffer.append(0)  # no export of the buffer is left behind


def test_a_buffer_cannot_shrink_under_a_receive(impl):
    a, b = impl.socketpair()
    with a, b:
        buffer = bytearray(100)
        job = testkit.Job(b.recv_into, buffer).wait_blocked()
        with pytest.raises(BufferError):
            buffer.clear()
        a.send(b"x")
        assert job.result() == 1
        buffer.clear()


def test_zero_size_into(impl):
    a, b = impl.socketpair()
    with a, b:
        a.send(b"all of it")
        buffer = bytearray(20)
        assert b.recv_into(buffer, 0) == 9  # 0 stands for the size of the buffer
        assert buffer.rstrip(b"\0") == b"all of it"


@pytest.mark.parametrize("flags", [2**31, 2**40, -(2**40), 2**70])
def test_flags_out_of_range(impl, flags):
    a, b = impl.socketpair()
    with a, b:
        for call in (
            lambda: a.send(b"x", flags),
            lambda: a.sendall(b"x", flags),
            lambda: b.recv(1, flags),
            lambda: b.recvfrom(1, flags),
            lambda: b.recv_into(bytearray(1), 1, flags),
        ):
            with pytest.raises(OverflowError):
                call()


# ---------------------------------------------------------- numbers of files


def test_fd_minus_one(impl):
    with pytest.raises(ValueError, match="negative file descriptor"):
        impl.socket(fileno=-1)
    with pytest.raises(OSError) as caught:
        impl.fromfd(-1, impl.AF_INET, impl.SOCK_STREAM)
    assert caught.value.errno == errno.EBADF


def test_fd_that_is_closed(impl):
    fd = os.dup(0)
    os.close(fd)
    for make in (
        lambda: impl.socket(fileno=fd),
        lambda: impl.fromfd(fd, impl.AF_INET, impl.SOCK_STREAM),
    ):
        with pytest.raises(OSError) as caught:
            make()
        assert caught.value.errno == errno.EBADF


def test_fd_of_a_regular_file(impl):
    with open(__file__) as f:
        with pytest.raises(OSError) as caught:
            impl.socket(fileno=f.fileno())
        assert caught.value.errno == errno.ENOTSOCK
        assert f.read(3) == '"""'  # not closed by the attempt


def test_fromfd_of_a_regular_file(impl):
    with open(os.devnull) as f:
        copy = os.dup(f.fileno())
        os.close(copy)
        with pytest.raises(OSError) as caught:
            impl.fromfd(f.fileno(), impl.AF_INET, impl.SOCK_STREAM)
        assert caught.value.errno == errno.ENOTSOCK
        if impl is stock:
            os.close(copy)  # which it forgot


def test_fd_that_wraps_to_a_valid_one(csock):
    """Stock takes 2**32 + 3 for 3."""
    a, b = csock.socketpair()
    with a, b:
        with pytest.raises(OverflowError):
            csock.socket(fileno=2**32 + a.fileno())
        with pytest.raises(OverflowError):
            csock.fromfd(2**32 + a.fileno(), csock.AF_UNIX, csock.SOCK_STREAM)


@pytest.mark.parametrize("fileno", ["x", 1.5, b"1"])
def test_fd_of_a_wrong_type(impl, fileno):
    with pytest.raises(TypeError):
        impl.socket(fileno=fileno)


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ((999,), errno.EAFNOSUPPORT),
        ((-5,), errno.EAFNOSUPPORT),
        ((2, 99), errno.EINVAL),
        ((2, 1, 17), errno.EPROTONOSUPPORT),
    ],
)
def test_sockets_that_the_kernel_refuses(impl, args, code):
    with pytest.raises(OSError) as caught:
        impl.socket(*args)
    assert caught.value.errno == code


@pytest.mark.parametrize("backlog", [-1, -(2**31)])
def test_a_negative_backlog_counts_as_zero(impl, backlog):
    with impl.socket() as server, impl.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen(backlog)
        client.connect(server.getsockname())
        server.accept()[0].close()


@pytest.mark.parametrize("backlog", [2**31, 2**70, -(2**40)])
def test_a_backlog_out_of_range(impl, backlog):
    with impl.socket() as s, pytest.raises(OverflowError):
        s.listen(backlog)


@pytest.mark.parametrize("value", [-1, -0.001, float("nan"), float("-inf")])
def test_bad_timeouts(impl, inet, value):
    with pytest.raises((ValueError, OverflowError)):
        inet.settimeout(value)
    with pytest.raises((ValueError, OverflowError)):
        impl.setdefaulttimeout(value)
    assert inet.gettimeout() is None and impl.getdefaulttimeout() is None


def test_getsockopt_with_a_bad_length(impl, inet):
    with pytest.raises(OSError):
        inet.getsockopt(impl.SOL_SOCKET, impl.SO_TYPE, -1)


def test_unknown_ways_to_shut_down(impl):
    a, b = impl.socketpair()
    with a, b:
        for how in (-1, 3, 9):
            with pytest.raises(OSError) as caught:
                a.shutdown(how)
            assert caught.value.errno == errno.EINVAL
        a.send(b"x")
        assert b.recv(1) == b"x"
