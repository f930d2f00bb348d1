"""What the kernel ties to a blocking call (SO_SNDTIMEO, SO_RCVTIMEO, MSG_WAITALL, SO_RCVLOWAT), and
what it writes where: as on the stock module, under a timeout, signals and duplicates, too."""

import errno
import os
import select
import struct
import sys
import time

import pytest
import testkit


@pytest.mark.parametrize("method", ["connect", "connect_ex"])
def test_sndtimeo_ends_a_blocking_connect(impl, method):
    server, waiting = testkit.full_tcp_listener(impl)
    with testkit.closing(server, *waiting), impl.socket() as s:
        address = server.getsockname()
        s.setsockopt(impl.SOL_SOCKET, impl.SO_SNDTIMEO, struct.pack("ll", 0, 100_000))
        with testkit.Stopwatch() as watch:
            if method == "connect_ex":
                assert s.connect_ex(address) == errno.EINPROGRESS
            else:
                with pytest.raises(BlockingIOError) as caught:
                    s.connect(address)
                assert caught.value.errno == errno.EINPROGRESS
        assert watch.wall >= 0.09


def test_a_signal_begins_rcvtimeo_anew(impl, on_alarm):
    a, b = impl.socketpair()
    with a, b:
        a.setsockopt(impl.SOL_SOCKET, impl.SO_RCVTIMEO, struct.pack("ll", 0, 200_000))
        heard = []
        on_alarm(lambda: heard.append(time.monotonic()), 0.1)
        with pytest.raises(BlockingIOError):
            a.recv(1)
        assert time.monotonic() - heard[0] >= 0.19


WAITALL = {
    "recv": lambda s, n, flags: s.recv(n, flags),
    "recvfrom": lambda s, n, flags: s.recvfrom(n, flags)[0],
    "recv_into": lambda s, n, flags: b"x" * s.recv_into(bytearray(n), n, flags),
    "recvfrom_into": lambda s, n, flags: b"x" * s.recvfrom_into(bytearray(n), n, flags)[0],
    "recvmsg": lambda s, n, flags: s.recvmsg(n, 0, flags)[0],
    "recvmsg_into": lambda s, n, flags: b"x" * s.recvmsg_into([bytearray(n)], 0, flags)[0],
}


@pytest.mark.parametrize("kind", testkit.STREAMS)
@pytest.mark.parametrize("method", WAITALL)
def test_waitall_without_a_timeout_is_all(impl, kind, method):
    a, b = testkit.stream_pair(impl, kind)
    with a, b:
        a.send(b"x")
        job = testkit.Job(lambda: WAITALL[method](b, 2, impl.MSG_WAITALL))
        time.sleep(0.05)
        a.send(b"x")
        assert job.result() == b"xx"


@pytest.mark.parametrize("timeout", [0, 20])
@pytest.mark.parametrize("kind", testkit.STREAMS)
@pytest.mark.parametrize("method", WAITALL)
def test_waitall_with_a_timeout_is_what_is_there(impl, kind, method, timeout):
    a, b = testkit.stream_pair(impl, kind)
    with a, b:
        b.settimeout(timeout)
        a.send(b"x")
        testkit.wait_for(lambda: WAITALL["recv"](b, 1, impl.MSG_PEEK))
        with testkit.Stopwatch() as watch:
            assert WAITALL[method](b, 2, impl.MSG_WAITALL) == b"x"
        assert watch.wall < 10


def blocking_during_a_sendfile(a, b, tmp_path):
    """b.settimeout(None) by another thread than the one whose sendfile has a timeout. That of csock
    leaves the descriptor non-blocking."""
    size = 4_000_000
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    b.settimeout(60)
    with open(path, "rb") as file:
        job = testkit.Job(b.sendfile, file)
        job.wait_blocked()
        b.settimeout(None)
        testkit.drain(a, size)
        assert job.result() == size


@pytest.mark.parametrize("method", WAITALL)
def test_waitall_and_a_handler_that_raises(impl, method, on_alarm, tmp_path):
    """Some of it has come by then."""
    a, b = impl.socketpair()
    with a, b:
        blocking_during_a_sendfile(a, b, tmp_path)
        a.send(b"part")
        on_alarm(lambda: 1 // 0, 0.1)
        with pytest.raises(ZeroDivisionError):
            WAITALL[method](b, 10, impl.MSG_WAITALL)


@pytest.mark.parametrize("trunc", [False, True])
def test_the_error_queue_of_tcp_has_the_payload(impl, trunc):
    """What was sent comes back with its time stamp."""
    a, b = testkit.tcp_pair(impl)
    with a, b:
        SO_TIMESTAMPING, stamps = 37, 1 << 1 | 1 << 4 | 1 << 7
        a.setsockopt(impl.SOL_SOCKET, SO_TIMESTAMPING, stamps)
        a.send(b"payload")
        flags = impl.MSG_ERRQUEUE | (impl.MSG_TRUNC if trunc else 0)
        queue = select.poll()
        queue.register(a, 0)
        assert queue.poll(20_000)
        assert a.recvmsg(300, 300, flags)[0].endswith(b"payload")


SHARED = {
    "dup": lambda impl, s: s.dup(),
    "fromfd": lambda impl, s: impl.fromfd(s.fileno(), s.family, s.type),
    "fileno": lambda impl, s: impl.socket(fileno=os.dup(s.fileno())),
}


@pytest.mark.parametrize("way", SHARED)
@pytest.mark.parametrize("told", ["original", "copy"])
@pytest.mark.parametrize("timeout", [None, 20])
@pytest.mark.parametrize("method", ["recv", "recv_into", "recvfrom", "recvmsg"])
def test_rcvlowat_set_through_a_duplicate(impl, way, told, timeout, method):
    """The option is the open description's: whichever descriptor it was set by."""
    a, b = testkit.tcp_pair(impl)
    with a, b, SHARED[way](impl, b) as copy:
        first, second = (b, copy) if told == "original" else (copy, b)
        first.setsockopt(impl.SOL_SOCKET, impl.SO_RCVLOWAT, 10)
        second.settimeout(timeout)
        a.send(b"12345")
        time.sleep(0.02)  # there, and not enough
        job = testkit.Job(lambda: WAITALL[method](second, 100, 0))
        time.sleep(0.05)
        # As many again as the kernel wakes for: what it has copied already, it forgets.
        a.send(b"67890abcde")
        assert len(job.result()) == 15


def test_files_without_end_are_an_error(csock):
    """Stock counts beyond all bounds; ours says where it ends, before it has counted wrongly."""
    with csock.socket() as s:
        s._io_refs = sys.maxsize
        with pytest.raises(OverflowError):
            s.makefile("rb")
        assert s._io_refs > 0
        s._io_refs = 0
