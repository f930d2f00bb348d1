"""sendmsg, recvmsg and recvmsg_into: data in parts, ancillary data, waiting, and what programs do
meanwhile."""

import array
import errno
import os
import signal
import struct
import sys
import time

import pytest
import testkit
from messagekit import INT, close_all, fds_in, rights

pytestmark = pytest.mark.usefixtures("no_descriptor_is_left")


@pytest.fixture
def pair(impl):
    with testkit.closing(*impl.socketpair(impl.AF_UNIX, impl.SOCK_STREAM)) as sockets:
        yield sockets


KINDS = ["tcp", "unix", "udp", "packets"]


def pair_of(impl, kind):
    if kind == "udp":
        return testkit.udp_pair(impl)
    if kind == "packets":
        return impl.socketpair(impl.AF_UNIX, impl.SOCK_SEQPACKET)
    return testkit.stream_pair(impl, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_parts_are_joined_and_split(impl, kind):
    with testkit.closing(*pair_of(impl, kind)) as (a, b):
        assert a.sendmsg([b"ab", bytearray(b""), memoryview(b"cde"), array.array("B", b"fg")]) == 7
        assert b.recvmsg(100)[:3:2] == (b"abcdefg", 0)
        assert a.sendmsg(part for part in (b"abc", b"defg")) == 7  # any iterable
        first, second = bytearray(3), array.array("B", bytes(9))
        count, ancdata, flags, _ = b.recvmsg_into([first, memoryview(second)[1:]])
        assert (count, ancdata) == (7, [])
        assert first == b"abc" and second.tobytes() == b"\0defg\0\0\0\0"


@pytest.mark.parametrize("size", [1, 4096, 4097, 300_000])
def test_sizes(impl, pair, size):
    a, b = pair
    data = os.urandom(size)
    job = testkit.Job(a.sendmsg, [data[:1], data[1:]])
    got = b""
    while len(got) < size:
        part, ancdata, flags, address = b.recvmsg(size, 64)
        assert part and (ancdata, flags, address) == ([], 0, None)
        got += part
    assert got == data
    assert job.result() == size  # a blocking stream takes all


def test_nothing(impl, pair):
    a, b = pair
    assert a.sendmsg([]) == a.sendmsg([b""]) == a.sendmsg([], []) == 0
    b.setblocking(False)
    for receive in (lambda: b.recvmsg(5), lambda: b.recvmsg_into([bytearray(5)])):
        with pytest.raises(BlockingIOError):
            receive()
    a.close()
    assert b.recvmsg(5) == (b"", [], 0, None)
    assert b.recvmsg_into([bytearray(5)]) == (0, [], 0, None)


def test_more_parts_than_the_kernel_takes(impl, pair):
    a, b = pair
    with pytest.raises(OSError) as info:
        a.sendmsg([b"x"] * 1025)
    assert info.value.errno == errno.EMSGSIZE
    assert a.sendmsg([b"x"] * 1024) == 1024


def test_datagrams_have_addresses(impl, unix_dir):
    kinds = [(impl.AF_INET, ("127.0.0.1", 0)), (impl.AF_UNIX, str(unix_dir / "s"))]
    if testkit.has_ipv6():
        kinds.append((impl.AF_INET6, ("::1", 0)))
    for family, name in kinds:
        a, b = (impl.socket(family, impl.SOCK_DGRAM) for _ in "ab")
        with testkit.closing(a, b):
            a.bind(name)
            b.bind(str(unix_dir / "t") if family == impl.AF_UNIX else name)
            assert a.sendmsg([b"x", b"y"], [], 0, b.getsockname()) == 2
            assert b.recvmsg(9) == (b"xy", [], 0, a.getsockname())
            assert a.sendmsg([b"z"], (), impl.MSG_DONTWAIT, b.getsockname()) == 1
            assert b.recvmsg_into([bytearray(9)]) == (1, [], 0, a.getsockname())


def test_a_long_datagram_is_cut_and_says_so(impl):
    with testkit.closing(*testkit.udp_pair(impl)) as (a, b):
        for flags in 0, impl.MSG_TRUNC:
            a.send(b"0123456789")
            if flags and impl.__name__ == "socket" and sys.version_info >= (3, 15):
                with pytest.raises(ValueError):  # more bytes than its buffer has
                    b.recvmsg(4, 0, flags)
            else:
                data, _, got, _ = b.recvmsg(4, 0, flags)
                assert (data, got) == (b"0123", impl.MSG_TRUNC)
            a.send(b"0123456789")
            buffer = bytearray(4)
            count, _, got, _ = b.recvmsg_into([buffer], 0, flags)
            assert (count, got, buffer) == (10 if flags else 4, impl.MSG_TRUNC, b"0123")


def test_no_byte_comes_that_nobody_wrote(csock):
    """TCP takes MSG_TRUNC as "throw away": stock gives what was in memory before."""
    with testkit.closing(*testkit.tcp_pair(csock)) as (a, b):
        for size in 5, 5000:
            a.sendall(b"hello")
            assert b.recvmsg(size, 0, csock.MSG_TRUNC)[0] == b""


# ------------------------------------------------- other ancillary data


def test_credentials(impl, pair):
    a, b = pair
    own = struct.pack("3i", os.getpid(), os.getuid(), os.getgid())
    b.setsockopt(impl.SOL_SOCKET, impl.SO_PASSCRED, 1)
    a.sendmsg([b"x"])
    a.sendmsg([b"y"], [(impl.SOL_SOCKET, impl.SCM_CREDENTIALS, own)])
    for byte in b"x", b"y":
        data, ancdata, flags, _ = b.recvmsg(1, impl.CMSG_SPACE(len(own)))
        assert data == byte and ancdata == [(impl.SOL_SOCKET, impl.SCM_CREDENTIALS, own)]


ipv6 = pytest.mark.skipif(not testkit.has_ipv6(), reason="no ::1 here")


def udp6_pair(impl):
    a, b = (impl.socket(impl.AF_INET6, impl.SOCK_DGRAM) for _ in "ab")
    b.bind(("::1", 0))
    return a, b


@ipv6
def test_ipv6_hop_limit_and_destination(impl):
    with testkit.closing(*udp6_pair(impl)) as (a, b):
        b.setsockopt(impl.IPPROTO_IPV6, impl.IPV6_RECVHOPLIMIT, 1)
        b.setsockopt(impl.IPPROTO_IPV6, impl.IPV6_RECVPKTINFO, 1)
        hops = (impl.IPPROTO_IPV6, impl.IPV6_HOPLIMIT, struct.pack("i", 7))
        tclass = (impl.IPPROTO_IPV6, impl.IPV6_TCLASS, struct.pack("i", 3))
        a.sendmsg([b"x"], [hops, tclass], 0, b.getsockname())
        _, ancdata, flags, _ = b.recvmsg(1, 1024)
        items = {(level, kind): data for level, kind, data in ancdata}
        assert flags == 0 and len(items) == 2
        assert items[hops[:2]] == hops[2]
        info = items[impl.IPPROTO_IPV6, impl.IPV6_PKTINFO]
        assert info[:16] == impl.inet_pton(impl.AF_INET6, "::1")


@ipv6
@pytest.mark.parametrize("room", range(72))
def test_every_size_of_buffer_gives_what_stock_gives(csock, room):
    import socket as stock

    outcomes = []
    for module in stock, csock:
        with testkit.closing(*udp6_pair(module)) as (a, b):
            for name in "IPV6_RECVHOPLIMIT", "IPV6_RECVTCLASS", "IPV6_RECVPKTINFO":
                b.setsockopt(module.IPPROTO_IPV6, getattr(module, name), 1)
            a.sendmsg([b"x"], [], 0, b.getsockname())
            _, ancdata, flags, _ = b.recvmsg(1, room)
            outcomes.append((ancdata, flags))
    theirs, ours = outcomes
    assert ours[1] == theirs[1]
    # An older libc passes over a last item without its padding: then stock has one fewer.
    assert ours[0][: len(theirs[0])] == theirs[0]
    assert len(ours[0]) - len(theirs[0]) in (0, 1)


# --------------------------------------------------------------- waiting


def test_timeouts(impl, pair):
    a, b = pair
    b.settimeout(0.05)
    for receive in (lambda: b.recvmsg(1), lambda: b.recvmsg_into([bytearray(1)])):
        with testkit.Stopwatch() as watch, pytest.raises(TimeoutError, match="^timed out$"):
            receive()
        assert watch.wall >= 0.05
    testkit.fill(a, b)
    a.settimeout(0.05)
    with pytest.raises(TimeoutError, match="^timed out$"):
        a.sendmsg([b"x"], rights(impl, [0]))


def test_with_a_timeout_the_count_may_be_short(impl, pair):
    a, b = pair
    a.settimeout(30)
    sent = a.sendmsg([bytes(1 << 24)] * 2)
    assert 0 < sent < 1 << 25


def test_signals_are_survived(impl, pair, on_alarm):
    a, b = pair
    heard = []
    on_alarm(lambda: heard.append(1), 0.02, 0.02)
    job = testkit.later(0.4, a.sendmsg, [b"x"], rights(impl, [0]))
    data, ancdata, _, _ = b.recvmsg(1, impl.CMSG_SPACE(INT))
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert data == b"x" and len(heard) >= 2
    job.result()
    close_all(fds_in(ancdata))


def test_a_handler_may_raise(impl, pair, on_alarm):
    a, b = pair
    on_alarm(lambda: 1 / 0, 0.05)
    with pytest.raises(ZeroDivisionError):
        b.recvmsg(1)
    testkit.fill(a, b)
    on_alarm(lambda: 1 / 0, 0.05)
    with pytest.raises(ZeroDivisionError):
        a.sendmsg([b"x"])


@pytest.mark.parametrize("timeout", [None, 30])
@pytest.mark.parametrize("name", ["recvmsg", "recvmsg_into", "sendmsg"])
def test_closing_ends_it(csock, name, timeout):
    a, b = csock.socketpair()
    if name == "sendmsg":
        testkit.fill(a, b)
    argument = {"recvmsg": 5, "recvmsg_into": [bytearray(5)], "sendmsg": [b"x"]}[name]
    a.settimeout(timeout)
    with b:
        job = testkit.Job(getattr(a, name), argument).wait_blocked()
        start = time.monotonic()
        a.close()
        error = job.failure()
        assert job.ended - start < 10
    assert type(error) is OSError and error.errno == errno.EBADF
    assert str(error).endswith(f"{name}: socket closed by another thread")


def test_closed(impl, pair):
    a, b = pair
    b.close()
    for call in [lambda: b.recvmsg(0), lambda: b.recvmsg_into([]), lambda: b.sendmsg([b"x"])]:
        with pytest.raises(OSError) as info:
            call()
        assert info.value.errno == errno.EBADF


# ------------------------------------------------- what programs do meanwhile


class Clears:
    """A number that clears lists when it is asked for."""

    def __init__(self, *lists):
        self.lists = lists

    def __index__(self):
        for each in self.lists:
            each.clear()
        return 1


def test_lists_that_change_under_the_call(csock):
    """The lists are as they were when the call began. Stock up to 3.13 crashes."""
    a, b = csock.socketpair()
    with a, b:
        data, items = [b"ab" * 50, b"cd" * 50], []
        items += [(1, Clears(data, items), array.array("i", [0])), (1, 1, array.array("i", [0, 0]))]
        assert a.sendmsg(data, items) == 200
        assert (data, items) == ([], [])
        got, ancdata, _, _ = b.recvmsg(500, 200)
        assert got == b"ab" * 50 + b"cd" * 50
        fds = fds_in(ancdata)
        assert len(fds) == 3
        close_all(fds)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="__buffer__ came with 3.12")
def test_buffers_that_change_their_list(csock):
    class Evil:
        def __init__(self, buffers, data):
            self.buffers, self.data = buffers, data

        def __buffer__(self, flags):
            self.buffers.clear()
            return memoryview(self.data)

    a, b = csock.socketpair()
    with a, b:
        buffers = []
        buffers += [Evil(buffers, b"abc"), b"def" * 100]
        assert a.sendmsg(buffers) == 303 and buffers == []
        got = [bytearray(3), bytearray(300)]
        buffers += [Evil(buffers, got[0]), got[1]]
        assert b.recvmsg_into(buffers)[0] == 303 and buffers == []
        assert b"".join(got) == b"abc" + b"def" * 100


def test_a_buffer_in_use_cannot_be_resized(impl, pair):
    """And is free again whatever came of the call."""
    a, b = pair
    data, into = bytearray(b"x"), bytearray(5)
    bad = [(a.sendmsg, ([data, 1],)), (a.sendmsg, ([data], [1])), (a.sendmsg, ([data], 5))]
    bad += [(a.sendmsg, ([b"y"], [(1, 2, data), (1, 2)])), (a.sendmsg, ([data], [(99, 1)]))]
    bad += [(b.recvmsg_into, ([into, 1],)), (b.recvmsg_into, ([into], -1))]
    b.setblocking(False)
    bad += [(b.recvmsg_into, ([into],))]
    for call, args in bad:
        with pytest.raises((TypeError, ValueError, OSError)):
            call(*args)
        data.append(1)
        into.append(1)
    b.setblocking(True)
    job = testkit.Job(b.recvmsg_into, [into]).wait_blocked()
    with pytest.raises(BufferError):
        into.append(1)
    a.send(b"x")
    assert job.result()[0] == 1
    into.append(1)


# ------------------------------------------------------------ audit events


def test_audit_events(impl):
    program = """
import importlib, sys
impl = importlib.import_module(sys.argv[1])
events = []
sys.addaudithook(lambda name, args: events.append((name, args[1:]))
                 if name.startswith(("socket.send", "socket.recv")) else None)
s = impl.socket(impl.AF_INET, impl.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
here = s.getsockname()
s.sendmsg([b"x"], [], 0, here)
for args in ([b"x"],), ([b"x"], [], 0, None), (5,), ([b"x"], [], 0, ("127.0.0.1", 99999)):
    try:
        s.sendmsg(*args)
    except (OSError, TypeError, OverflowError):
        pass
s.recvmsg(1)
print(events == [("socket.sendmsg", (here,))] + [("socket.sendmsg", (None,))] * 3)
"""
    assert testkit.run_python(program, impl.__name__).stdout == "True\n"


def test_names(impl):
    assert {"send_fds", "recv_fds", "CMSG_LEN", "CMSG_SPACE"} <= set(impl.__all__)
