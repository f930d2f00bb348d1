"""Descriptors in messages, by sendmsg and by send_fds: whose they are, also when something
goes wrong."""

import errno
import os

import pytest
import testkit
from messagekit import INT, close_all, fds_in, packets, rights

pytestmark = pytest.mark.usefixtures("no_descriptor_is_left")
CLOEXEC = 0x40000000  # MSG_CMSG_CLOEXEC


@pytest.fixture
def pair(impl):
    with testkit.closing(*impl.socketpair(impl.AF_UNIX, impl.SOCK_STREAM)) as sockets:
        yield sockets


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
