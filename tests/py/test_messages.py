"""sendmsg, recvmsg, recvmsg_into, send_fds and recv_fds: data in parts, ancillary data, and whose
the descriptors are when something goes wrong."""

import array
import errno
import os
import signal
import struct
import sys
import time

import pytest
import testkit

INT = struct.calcsize("i")
CLOEXEC = 0x40000000  # MSG_CMSG_CLOEXEC


@pytest.fixture(autouse=True)
def no_descriptor_is_left():
    before = testkit.descriptors()
    yield
    assert testkit.descriptors() - before == set()


@pytest.fixture
def pair(impl):
    with testkit.closing(*impl.socketpair(impl.AF_UNIX, impl.SOCK_STREAM)) as sockets:
        yield sockets


def packets(impl):
    return testkit.closing(*impl.socketpair(impl.AF_UNIX, impl.SOCK_SEQPACKET))


def rights(impl, fds):
    return [(impl.SOL_SOCKET, impl.SCM_RIGHTS, array.array("i", fds))]


def fds_in(ancdata):
    return [fd for _, _, data in ancdata for fd in array.array("i", data[: len(data) // INT * INT])]


def close_all(fds):
    for fd in fds:
        os.close(fd)


# ------------------------------------------------------------------- data


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


# ------------------------------------------------------------ descriptors


@pytest.mark.parametrize("receive_into", [False, True])
def test_descriptors_pass(impl, pair, receive_into):
    a, b = pair
    reader, writer = os.pipe()
    assert a.sendmsg([b"x"], rights(impl, [reader, writer])) == 1
    close_all([reader, writer])
    room = impl.CMSG_SPACE(2 * INT)
    message = b.recvmsg_into([bytearray(1)], room) if receive_into else b.recvmsg(1, room)
    data, ancdata, flags, address = message
    assert data == (1 if receive_into else b"x") and flags == 0 and address is None
    ((level, kind, _),) = ancdata
    assert (level, kind) == (impl.SOL_SOCKET, impl.SCM_RIGHTS)
    reader, writer = fds_in(ancdata)
    assert os.get_inheritable(reader)  # recvmsg(2) as it is; recv_fds() is the safe one
    os.write(writer, b"through")
    assert os.read(reader, 9) == b"through"
    close_all([reader, writer])


def test_as_many_as_the_kernel_takes(impl, pair):
    a, b = pair
    null = os.open(os.devnull, os.O_RDONLY)
    with pytest.raises(OSError) as info:
        a.sendmsg([b"x"], rights(impl, [null] * 254))
    assert info.value.errno == errno.EINVAL
    a.sendmsg([b"x"], rights(impl, [null] * 253))
    os.close(null)
    data, ancdata, flags, _ = b.recvmsg(1, impl.CMSG_LEN(253 * INT))
    fds = fds_in(ancdata)
    assert (data, flags, len(set(fds))) == (b"x", 0, 253)
    close_all(fds)


@pytest.mark.parametrize("cut", [0, 1, 3])
def test_what_has_no_room_is_dropped_by_the_kernel(impl, cut):
    with packets(impl) as (a, b):
        a.sendmsg([b"x"], rights(impl, [0, 0, 0]))
        room = impl.CMSG_LEN(2 * INT) + cut
        _, ancdata, flags, _ = b.recvmsg(1, room)
        fds = fds_in(ancdata)
        assert flags & impl.MSG_CTRUNC and len(fds) == 2
        close_all(fds)
        a.sendmsg([b"x"], rights(impl, [0]))
        _, ancdata, flags, _ = b.recvmsg(1, impl.CMSG_LEN(0) - 1)
        assert flags & impl.MSG_CTRUNC and ancdata == []
        a.sendmsg([b"x"], rights(impl, [0]))
        _, ancdata, flags, _ = b.recvmsg(1)
        assert flags & impl.MSG_CTRUNC and ancdata == []


def test_descriptors_go_once_with_a_large_send(impl, pair):
    """A blocking send that the kernel takes in two goes: the descriptors are part of the first."""
    a, b = pair
    data = os.urandom(1 << 20)
    job = testkit.Job(a.sendmsg, [data[:5], data[5:]], rights(impl, [0]))
    got, fds = b"", []
    while len(got) < len(data):
        part, ancdata, flags, _ = b.recvmsg(1 << 16, impl.CMSG_SPACE(INT))
        assert part and flags == 0
        got += part
        fds += fds_in(ancdata)
    assert job.result() == len(data) and got == data
    assert len(fds) == 1
    close_all(fds)


def test_a_call_that_fails_after_the_message_came_closes_its_descriptors(csock):
    """Whichever allocation fails. The message is then lost, as in stock, but nothing leaks."""
    testcapi = pytest.importorskip("_testcapi")
    with packets(csock) as (a, b):
        before, lost = testkit.descriptors(), 0
        buffers = [bytearray(8)]
        calls = [
            lambda: b.recvmsg(8, 64),
            lambda: b.recvmsg(5000, 1000),
            lambda: b.recvmsg_into(buffers, 64),
        ]
        for call in calls:
            for nth in range(25):
                a.sendmsg([b"x"], rights(csock, [0, 0]))
                message = failed = None
                testcapi.set_nomemory(nth, nth + 1)
                try:
                    message = call()
                except MemoryError:
                    failed = True
                finally:
                    testcapi.remove_mem_hooks()
                close_all(fds_in(message[1]) if message else [])
                try:
                    _, more, _, _ = b.recvmsg(8, 64, csock.MSG_DONTWAIT)
                    close_all(fds_in(more))
                except BlockingIOError:
                    lost += failed is True
                assert testkit.descriptors() - before == set(), nth
        assert lost > 5


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


# ------------------------------------------------------ send_fds, recv_fds


def test_fds_there_and_back(impl, pair):
    a, b = pair
    reader, writer = os.pipe()
    assert impl.send_fds(a, [b"hel", b"lo"], [reader, writer]) == 5
    close_all([reader, writer])
    data, fds, flags, address = impl.recv_fds(b, 10, 2)
    assert (data, len(fds), flags, address) == (b"hello", 2, 0, None)
    os.write(fds[1], b"x")
    assert os.read(fds[0], 1) == b"x"
    close_all(fds)
    impl.send_fds(a, [b"x"], [])
    assert impl.recv_fds(b, 10, 2) == (b"x", [], 0, None)


def test_received_descriptors_are_not_inherited(csock):
    with testkit.closing(*csock.socketpair()) as (a, b):
        csock.send_fds(a, [b"x"], [0])
        _, (fd,), flags, _ = csock.recv_fds(b, 1, 1)
        assert not os.get_inheritable(fd) and flags == 0
        os.close(fd)
        csock.send_fds(a, [b"x"], [0])
        _, (fd,), flags, _ = csock.recv_fds(b, 1, 1, CLOEXEC)
        assert flags == CLOEXEC  # as recvmsg(2) says to those who ask
        os.close(fd)


def test_fewer_than_came(impl, pair):
    a, b = pair
    impl.send_fds(a, [b"x"], [0, 0, 0])
    data, fds, flags, _ = impl.recv_fds(b, 1, 1)
    assert len(fds) == 1 and flags == impl.MSG_CTRUNC
    close_all(fds)


def test_flags_and_address_count(csock, unix_dir):
    a, b = (csock.socket(csock.AF_UNIX, csock.SOCK_DGRAM) for _ in "ab")
    with testkit.closing(a, b):
        b.bind(str(unix_dir / "s"))
        a.bind(str(unix_dir / "t"))
        assert csock.send_fds(a, [b"x"], [0], csock.MSG_DONTWAIT, b.getsockname()) == 1
        for flags in csock.MSG_PEEK, 0:
            data, fds, _, address = csock.recv_fds(b, 1, 1, flags)
            assert (data, len(fds), address) == (b"x", 1, a.getsockname())
            close_all(fds)
        with pytest.raises(BlockingIOError):
            csock.recv_fds(b, 1, 1, csock.MSG_DONTWAIT)


@pytest.mark.parametrize("fds", [[1.5], [2**40], ["1"], None, 5, "ab"], ids=repr)
def test_what_are_no_descriptors(impl, fds):
    import socket as stock

    errors = []
    for module in stock, impl:
        with testkit.closing(*module.socketpair()) as (a, _):
            with pytest.raises((TypeError, OverflowError)) as info:
                module.send_fds(a, [b"x"], fds)
            errors.append((info.type, str(info.value)))
    assert errors[0] == errors[1]


# --------------------------------------------------------------- AF_ALG


def test_afalg_is_for_afalg(impl, pair):
    with pytest.raises(OSError, match="^algset is only supported for AF_ALG$"):
        pair[0].sendmsg_afalg([b"x"], op=1)


ALG = """
import importlib, sys
impl = importlib.import_module(sys.argv[1])
a, b = impl.socketpair(impl.AF_UNIX, impl.SOCK_SEQPACKET)
s = impl.socket(impl.AF_ALG, impl.SOCK_SEQPACKET, 0, fileno=a.detach())
print(s.sendmsg_afalg([b"da", b"ta"], op=1, iv=b"0123456789abcdef", assoclen=9))
print(s.sendmsg_afalg(op=impl.ALG_OP_ENCRYPT, flags=impl.MSG_DONTWAIT))
print(s.sendmsg_afalg([b"x"], op=0, iv=b""))
"""


@pytest.mark.skipif(testkit.why_no_strace() is not None, reason=str(testkit.why_no_strace()))
def test_afalg_sends_what_the_kernel_wants(impl, tmp_path):
    """On a socket that only says that it is one: other protocols ignore such items."""
    trace = tmp_path / "trace"
    options = ["strace", "-f", "-xx", "-s", "100", "-e", "trace=sendmsg", "-o", str(trace)]
    result = testkit.run_python(ALG, impl.__name__, prefix=options)
    assert result.stdout == "4\n0\n1\n"
    lines = [line for line in trace.read_text().splitlines() if "sendmsg(" in line]
    assert len(lines) == 3
    text = lines[0].replace(" ", "")
    for part in ("iov_len=2", "cmsg_level=SOL_ALG"):
        assert text.count(part) == {"iov_len=2": 2, "cmsg_level=SOL_ALG": 3}[part], text
    kinds = [part.split(",")[0].rstrip("}]") for part in text.split("cmsg_type=")[1:]]
    assert kinds in (["0x3", "0x2", "0x4"], ["ALG_SET_OP", "ALG_SET_IV", "ALG_SET_AEAD_ASSOCLEN"])
    lengths = [int(part.split(",")[0]) for part in text.split("cmsg_len=")[1:]]
    # The initialization vector is 16 bytes after its own length; stock adds the padding.
    assert lengths == [20, 36 if impl.__name__ == "csock" else 40, 20]


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
