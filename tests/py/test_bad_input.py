"""Bad arguments and faults: a clear error, nothing leaked, the socket usable afterwards.

What each wrong argument raises is compared with stock elsewhere in detail; here stand the cases
that must never crash, truncate or lose something."""

import contextlib
import errno
import os
import resource
import select
import signal
import socket as stock
import struct
import threading
import time

import pytest
import testkit

needs_ipv6 = pytest.mark.skipif(not testkit.has_ipv6(), reason="no IPv6 on the loopback")


@pytest.fixture
def inet(impl):
    with impl.socket(impl.AF_INET, impl.SOCK_DGRAM) as s:
        yield s


@pytest.fixture
def inet6(impl):
    if not testkit.has_ipv6():
        pytest.skip("no IPv6 on the loopback")
    with impl.socket(impl.AF_INET6, impl.SOCK_DGRAM) as s:
        yield s


@pytest.fixture
def unix(impl):
    with impl.socket(impl.AF_UNIX, impl.SOCK_DGRAM) as s:
        yield s


@pytest.fixture(autouse=True)
def no_leak():
    before = testkit.descriptors()
    yield
    testkit.wait_for(lambda: testkit.descriptors() <= before)


ADDRESSING = {
    "bind": lambda s, address: s.bind(address),
    "connect": lambda s, address: s.connect(address),
    "connect_ex": lambda s, address: s.connect_ex(address),
    "sendto": lambda s, address: s.sendto(b"x", address),
}
each_addressing = pytest.mark.parametrize("call", ADDRESSING.values(), ids=ADDRESSING)


# --------------------------------------------- counts and types of arguments

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


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize("port", [-1, 65536, 2**31, 2**32, 2**63, 2**64 + 80, 2**70, -(2**70)])
@each_addressing
def test_ports_out_of_range(inet, call, port):
    with pytest.raises(OverflowError, match="port must be 0-65535"):
        call(inet, ("127.0.0.1", port))


@pytest.mark.parametrize("port", [-1, 65536, 2**70])
def test_ports_out_of_range_on_inet6(inet6, port):
    with pytest.raises(OverflowError, match="port must be 0-65535"):
        inet6.bind(("::1", port))


@pytest.mark.parametrize("port", ["80", 80.0, None, b"80"])
@each_addressing
def test_ports_of_a_wrong_type(inet, call, port):
    with pytest.raises(TypeError):
        call(inet, ("127.0.0.1", port))


@pytest.mark.parametrize("flow_info", [-1, 2**20, 2**31])
def test_flow_info_out_of_range(inet6, flow_info):
    with pytest.raises(OverflowError):
        inet6.bind(("::1", 0, flow_info, 0))


WRONG_FORMS = [
    None, 5, "127.0.0.1", b"127.0.0.1", (), ("127.0.0.1",), ("127.0.0.1", 1, 2), ["127.0.0.1", 1],
    ("127.0.0.1", 1, 0, 0), (None, 1), (5, 1),
]  # fmt: skip


@pytest.mark.parametrize("address", WRONG_FORMS, ids=repr)
@each_addressing
def test_addresses_of_a_wrong_form(inet, call, address):
    with pytest.raises(TypeError):
        call(inet, address)


@pytest.mark.parametrize("address", [None, 5, "::1", ("::1",), ("::1", 1, 2, 3, 4)], ids=repr)
def test_inet6_addresses_of_a_wrong_form(inet6, address):
    with pytest.raises(TypeError):
        inet6.connect(address)


@pytest.mark.parametrize("address", [None, 5, ("127.0.0.1", 1), ["x"]], ids=repr)
@each_addressing
def test_unix_addresses_of_a_wrong_form(unix, call, address):
    with pytest.raises(TypeError):
        call(unix, address)


def test_address_of_another_family(impl, inet, unix_dir):
    for address in (("::1", 1), ("fe80::1", 1)):
        with pytest.raises(impl.gaierror):
            inet.connect(address)
    with pytest.raises(TypeError):
        inet.bind(str(unix_dir / "s"))


@needs_ipv6
def test_inet_address_for_inet6(impl, inet6):
    with pytest.raises(impl.gaierror):
        inet6.connect(("127.0.0.1", 1))


@pytest.mark.parametrize("host", ["127.0.0.1\0.example", b"127.0.0.1\0", bytearray(b"\0")])
@each_addressing
def test_nul_in_a_host(inet, call, host):
    with pytest.raises(TypeError, match="null"):
        call(inet, (host, 1))


@pytest.mark.parametrize("name", ["local\0host", b"\0", "\0"])
@pytest.mark.parametrize("function", ["gethostbyname", "gethostbyname_ex", "gethostbyaddr"])
def test_nul_in_a_name_to_look_up(impl, function, name):
    with pytest.raises((TypeError, ValueError)):
        getattr(impl, function)(name)


def test_nul_in_a_name_for_getaddrinfo(csock):
    """Stock cuts the name at the NUL without a word."""
    for host, port in (("127.0.0.1\0.example", 80), ("127.0.0.1", "http\0")):
        with pytest.raises((TypeError, ValueError)):
            csock.getaddrinfo(host, port)


@pytest.mark.parametrize("name", ["http\0", "\0"])
@pytest.mark.parametrize("function", ["getservbyname", "getprotobyname"])
def test_nul_in_a_service_or_protocol(impl, function, name):
    with pytest.raises((TypeError, ValueError)):
        getattr(impl, function)(name)


def test_nul_in_a_path(csock, unix_dir):
    """Stock binds to what stands before the NUL."""
    path = f"{unix_dir}/a\0b"
    for call in ADDRESSING.values():
        with csock.socket(csock.AF_UNIX, csock.SOCK_DGRAM) as s, pytest.raises(ValueError):
            call(s, path)
    assert list(unix_dir.iterdir()) == []


@pytest.mark.parametrize("length", [108, 109, 4096, 100_000])
@each_addressing
def test_path_that_is_too_long(unix, call, length, unix_dir):
    path = str(unix_dir / "x").ljust(length, "x")
    for form in (path, path.encode()):
        with pytest.raises(OSError, match="AF_UNIX path too long"):
            call(unix, form)
    assert list(unix_dir.iterdir()) == []


def test_abstract_name_of_108_bytes_fits_and_109_do_not(unix):
    tail = b"%d" % os.getpid()
    name = b"\0" + tail.rjust(107, b"x")
    unix.bind(name)
    assert unix.getsockname() == name
    with pytest.raises(OSError, match="AF_UNIX path too long"):
        unix.connect(name + b"x")


# A name of an impossible form must fail without asking a name server.
BAD_HOSTS = {
    "label of 64": "a" * 64 + ".example",
    "300 bytes": "a" * 300,
    "100 kB": "a" * 100_000,
    "empty label": "a..b",
    "leading dot": ".a",
    "dots": "..",
}


@pytest.mark.parametrize("host", BAD_HOSTS.values(), ids=BAD_HOSTS)
def test_host_names_of_an_impossible_form(impl, inet, host):
    with testkit.Stopwatch() as watch, pytest.raises(impl.gaierror):
        inet.connect((host, 1))
    assert watch.wall < 5


NON_ASCII = ["\u00fc" * 100, "b\u00fccher..example", "\ud800", "\u00fc\0"]


@pytest.mark.parametrize("host", NON_ASCII, ids=ascii)
@each_addressing
def test_non_ascii_host_names_that_idna_refuses(inet, call, host):
    with pytest.raises(TypeError):
        call(inet, (host, 1))


@pytest.mark.parametrize("host", ["\uff11\uff12\uff17.0.0.1", "127\u3002\uff10.0.1"], ids=ascii)
def test_non_ascii_digits_and_dots_are_what_idna_makes_of_them(impl, host):
    with testkit.listener(impl) as server, impl.socket() as s:
        s.connect((host, server.getsockname()[1]))
        assert s.getpeername() == server.getsockname()


@pytest.mark.parametrize("host", [b"\xff\xfe", bytearray(b"\x80.example")], ids=repr)
def test_bytes_that_are_no_name(impl, inet, host):
    reason = testkit.why_no_netns()
    if reason:  # elsewhere the answer depends on the network's name server
        pytest.skip(reason)
    program = """
import sys
impl = __import__(sys.argv[1])
s = impl.socket()
try:
    s.connect((bytes.fromhex(sys.argv[2]), 1))
except impl.gaierror:
    print("gaierror")
"""
    result = testkit.run_python(program, impl.__name__, host.hex(), prefix=("unshare", "-rn"))
    assert result.stdout == "gaierror\n"


# ------------------------------------------------------------ sizes, buffers


@pytest.mark.parametrize("size", [-1, -(2**31), -(2**63)])
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
    for size in (6, 2**62):
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


# --------------------------------------------------- after close and detach

USES = {
    "accept": lambda s: s.accept(),
    "bind": lambda s: s.bind(("127.0.0.1", 0)),
    "connect": lambda s: s.connect(("127.0.0.1", 1)),
    "dup": lambda s: s.dup(),
    "getpeername": lambda s: s.getpeername(),
    "getsockname": lambda s: s.getsockname(),
    "getsockopt": lambda s: s.getsockopt(1, 2),
    "listen": lambda s: s.listen(),
    "recv": lambda s: s.recv(1),
    "recv_into": lambda s: s.recv_into(bytearray(1)),
    "recvfrom": lambda s: s.recvfrom(1),
    "send": lambda s: s.send(b"x"),
    "sendall": lambda s: s.sendall(b"x"),
    "sendto": lambda s: s.sendto(b"x", ("127.0.0.1", 1)),
    "setblocking": lambda s: s.setblocking(False),
    "setsockopt": lambda s: s.setsockopt(1, 2, 1),
    "shutdown": lambda s: s.shutdown(2),
    "file": lambda s: s.makefile("rb").read(1),
    "set_inheritable": lambda s: s.set_inheritable(True),
}


@pytest.mark.parametrize("end", ["close", "detach"])
@pytest.mark.parametrize("use", USES)
def test_use_after(impl, use, end):
    """The number may belong to something else by then: it must not be touched."""
    s = impl.socket()
    fd = s.detach() if end == "detach" else s.close()
    with impl.socket() as other:
        if use == "set_inheritable":
            with pytest.raises((OSError, ValueError)):
                USES[use](s)
        else:
            with pytest.raises(OSError) as caught:
                USES[use](s)
            assert caught.value.errno == errno.EBADF
        assert other.getsockname()[1] == 0
    if fd is not None:
        os.close(fd)
    assert s.fileno() == -1


def test_harmless_uses_after_close(impl):
    s = impl.socket()
    s.close()
    s.close()
    assert s.detach() == -1
    assert s.fileno() == -1
    assert s.family == impl.AF_INET and s.type == impl.SOCK_STREAM and s.proto == 0
    assert "[closed]" in repr(s)
    assert s.connect_ex(("127.0.0.1", 1)) == errno.EBADF


# -------------------------------------------------- signals at every method


@pytest.mark.parametrize("timeout", [None, 20])
def test_a_storm_of_signals_loses_no_byte(impl, timeout, on_alarm):
    """EINTR everywhere: each byte arrives once, each handler runs."""
    a, b = testkit.tcp_pair(impl)
    data = os.urandom(1 << 20) * 4
    seen = []
    with b:
        a.settimeout(timeout)
        b.settimeout(timeout)

        def send():
            with a:
                a.sendall(data)

        on_alarm(lambda: seen.append(1), 0.001, every=0.001)
        job = testkit.Job(send)
        got = bytearray()
        while piece := b.recv(50_000):
            got += piece
            if len(got) % 7 == 0:
                time.sleep(0.001)
        job.result()
    assert got == data
    assert seen


def test_signals_to_the_sending_thread_lose_no_byte(impl, on_alarm):
    a, b = testkit.tcp_pair(impl)
    data = os.urandom(1 << 20) * 4
    received = []

    def receive():
        with b:
            while piece := b.recv(20_000):
                received.append(piece)
                time.sleep(0.0005)

    on_alarm(lambda: None, 0.001, every=0.001)
    job = testkit.Job(receive)
    sent = 0
    with a:
        while sent < len(data):
            sent += a.send(data[sent : sent + 500_000])
    job.result()
    assert b"".join(received) == data


def test_exceptions_from_handlers_leave_listeners_usable(impl, on_alarm):
    def handler():
        raise KeyError("handler")

    with testkit.listener(impl) as server:
        for timeout in (None, 20):
            server.settimeout(timeout)
            on_alarm(handler, 0.05)
            with pytest.raises(KeyError):
                server.accept()
        with impl.create_connection(server.getsockname()) as client:
            conn, address = server.accept()
            with conn:
                assert address == client.getsockname()


def test_exceptions_from_handlers_leave_connecting_sockets_closable(impl, on_alarm):
    def handler():
        raise KeyError("handler")

    server, waiting = testkit.full_tcp_listener(impl)
    with testkit.closing(server, waiting):
        for timeout in (None, 20):
            with impl.socket() as s:
                s.settimeout(timeout)
                on_alarm(handler, 0.05)
                with pytest.raises(KeyError):
                    s.connect(server.getsockname())
                assert s.getsockopt(impl.SOL_SOCKET, impl.SO_ERROR) == 0


# ------------------------------------------------------------------- EMFILE


@contextlib.contextmanager
def no_more_files():
    """No descriptor can be opened: the limit is as low as the highest in use and the rest taken."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(testkit.open_fds() + 50, soft), hard))
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(0))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in taken:
            os.close(fd)


def check_emfile(call):
    with no_more_files(), pytest.raises(OSError) as caught:
        call()
    assert caught.value.errno == errno.EMFILE


def test_emfile_in_socket_and_socketpair(impl):
    check_emfile(impl.socket)
    check_emfile(impl.socketpair)
    impl.socket().close()


def test_emfile_in_socketpair_with_room_for_one(impl):
    with no_more_files():
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft + 1, hard))
        with pytest.raises(OSError) as caught:
            impl.socketpair()
        assert caught.value.errno == errno.EMFILE
        impl.socket().close()


def test_emfile_in_dup_and_fromfd(impl):
    a, b = impl.socketpair()
    with a, b:
        check_emfile(a.dup)
        check_emfile(lambda: impl.fromfd(a.fileno(), a.family, a.type))
        a.send(b"x")
        assert b.recv(1) == b"x"


@pytest.mark.parametrize("timeout", [None, 20, 0])
def test_emfile_in_accept_leaves_the_listener_usable(impl, timeout):
    with testkit.listener(impl) as server, impl.create_connection(server.getsockname()) as client:
        select.select([server], [], [], 10)
        server.settimeout(timeout)
        check_emfile(server.accept)
        check_emfile(server.accept)
        # Linux may drop the connection that it could not hand over; the listener goes on.
        with impl.create_connection(server.getsockname()) as again:
            select.select([server], [], [], 10)
            conn, address = server.accept()
            conn.close()
            assert address in (client.getsockname(), again.getsockname())


def test_emfile_leaks_no_descriptor(impl):
    with testkit.listener(impl) as server, impl.create_connection(server.getsockname()):
        before = testkit.open_fds()
        for call in (impl.socket, impl.socketpair, server.accept, server.dup) * 5:
            check_emfile(call)
        assert testkit.open_fds() == before


# --------------------------------------------------------- peers that fail


def reset(s):
    """Ends a TCP connection with RST."""
    s.setsockopt(stock.SOL_SOCKET, stock.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


@pytest.mark.parametrize("timeout", [None, 20])
@pytest.mark.parametrize("method", ["recv", "recv_into", "send", "sendall"])
def test_a_peer_that_resets(impl, method, timeout):
    a, b = testkit.tcp_pair(impl)
    calls = {
        "recv": lambda: a.recv(1),
        "recv_into": lambda: a.recv_into(bytearray(1)),
        "send": lambda: a.send(b"x"),
        "sendall": lambda: a.sendall(b"x"),
    }
    with a:
        if method.startswith("send"):
            testkit.fill(a, b)
        a.settimeout(timeout)
        job = testkit.Job(calls[method]).wait_blocked()
        reset(b)
        assert type(job.failure()) is ConnectionResetError
        with pytest.raises(BrokenPipeError):
            a.send(b"x")
        assert a.recv(1) == b""


def test_closing_a_connection_that_was_reset(impl):
    a, b = testkit.tcp_pair(impl)
    a.send(b"unread")
    reset(b)
    select.select([a], [], [], 10)
    a.close()


def test_a_connection_reset_before_it_is_accepted(impl):
    """Linux hands it over all the same; ECONNABORTED itself takes a scripted kernel."""
    with testkit.listener(impl) as server:
        client = impl.create_connection(server.getsockname())
        select.select([server], [], [], 10)
        reset(client)
        conn, _ = server.accept()
        with conn, pytest.raises(ConnectionResetError):
            conn.recv(1)


def test_econnaborted_in_accept(impl):
    """Linux gives it for a connection that a filter has ended meanwhile; here strace injects it."""
    reason = testkit.why_no_strace()
    if reason:
        pytest.skip(reason)
    program = """
import sys
impl = __import__(sys.argv[1])
server = impl.create_server(("127.0.0.1", 0))
for timeout in (None, 20):
    server.settimeout(timeout)
    client = impl.create_connection(server.getsockname())
    try:
        server.accept()
    except ConnectionAbortedError:
        print("aborted")
    conn, address = server.accept()
    assert address == client.getsockname()
"""
    inject = "inject=accept4:error=ECONNABORTED:when=1+2"
    prefix = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=accept4", "-e", inject)
    result = testkit.run_python(program, impl.__name__, prefix=prefix)
    assert result.stdout == "aborted\naborted\n"


def test_sigpipe_is_not_needed_to_see_a_broken_pipe(impl):
    for make in (lambda: testkit.tcp_pair(impl), impl.socketpair):
        a, b = make()
        with a:
            reset(b)
            testkit.wait_for(lambda a=a: select.select([a], [], [], 0)[0])
            with contextlib.suppress(ConnectionResetError):
                a.recv(1)
            for method in (a.send, a.sendall):
                with pytest.raises(BrokenPipeError):
                    method(b"x")
    assert signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN


def test_threads_share_a_socket_without_mixing_bytes(impl):
    """Many senders and receivers on one datagram pair: every message arrives whole, once."""
    a, b = impl.socketpair(impl.AF_UNIX, impl.SOCK_SEQPACKET)
    got, lock = [], threading.Lock()

    def send(n):
        for i in range(200):
            a.send(b"%d/%d;" % (n, i) * 20)

    def receive():
        while data := b.recv(4096):
            with lock:
                got.append(data)

    with b:
        receivers = [testkit.Job(receive) for _ in range(4)]
        senders = [testkit.Job(send, n) for n in range(4)]
        for job in senders:
            job.result()
        a.shutdown(impl.SHUT_WR)
        for job in receivers:
            job.result()
        a.close()
    assert sorted(got) == sorted(b"%d/%d;" % (n, i) * 20 for n in range(4) for i in range(200))
