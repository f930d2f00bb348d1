"""What one send or recv moves: whole sends, partial sends, MSG_WAITALL, SO_RCVLOWAT, MSG_ERRQUEUE,
huge buffers. Nearly all of it is the kernel's behaviour, so stock's too."""

import errno
import os
import select
import socket as stock
import struct
import time

import pytest
import testkit
from testkit import RECEIVERS

BIG = 8 << 20


@pytest.fixture(params=testkit.STREAMS)
def pair(request, impl):
    a, b = testkit.stream_pair(impl, request.param)
    with testkit.closing(a, b):
        yield a, b


# ---------------------------------------------------------------------- send


def test_send_on_a_blocking_stream_sends_the_whole(pair):
    a, b = pair
    job = testkit.Job(testkit.drain, b, BIG)
    assert a.send(bytes(BIG)) == BIG
    assert job.result() == BIG


def test_send_on_a_blocking_stream_keeps_the_order(pair):
    a, b = pair
    data = os.urandom(1 << 20) * 3
    job = testkit.Job(a.send, data)
    got = bytearray()
    while len(got) < len(data):
        got += b.recv(100_000)
    assert got == data
    assert job.result() == len(data)


def test_send_goes_on_after_a_first_try_that_took_a_part(pair, impl):
    a, b = pair
    queued = a.send(bytes(BIG), impl.MSG_DONTWAIT)
    testkit.drain(b, queued // 2)  # now there is room for a part of what follows
    job = testkit.Job(a.send, bytes(2 * BIG)).wait_blocked()
    left = queued - queued // 2 + 2 * BIG
    assert testkit.drain(b, left) == left
    assert job.result() == 2 * BIG


def test_send_to_a_full_buffer_waits(pair):
    a, b = pair
    filled = testkit.fill(a, b)
    job = testkit.Job(a.send, b"end").wait_blocked()
    testkit.drain(b, filled)
    assert job.result() == 3
    assert b.recv(3, stock.MSG_WAITALL) == b"end"


def test_sendto_without_meaning_on_a_connection_sends_the_whole(impl):
    a, b = testkit.tcp_pair(impl)
    with a, b:
        job = testkit.Job(testkit.drain, b, BIG)
        assert a.sendto(bytes(BIG), b.getsockname()) == BIG
        assert job.result() == BIG


def test_send_with_a_timeout_may_be_short(pair):
    a, b = pair
    a.settimeout(10)
    count = a.send(bytes(BIG))
    assert 0 < count < BIG
    assert testkit.drain(b, count) == count


def test_send_with_dontwait_is_short_even_on_a_blocking_socket(pair, impl):
    a, b = pair
    count = a.send(bytes(BIG), impl.MSG_DONTWAIT)
    assert 0 < count < BIG
    assert testkit.drain(b, count) == count


def test_signal_during_a_blocking_send_ends_it_with_the_count(pair, on_alarm):
    a, b = pair
    seen = []
    on_alarm(lambda: seen.append(1), 0.15)
    count = a.send(bytes(BIG))
    assert seen == [1]
    assert 0 < count < BIG
    a.close()
    assert testkit.drain(b) == count


def test_signal_before_anything_went_does_not_end_a_send(pair, on_alarm):
    a, b = pair
    filled = testkit.fill(a, b)
    seen = []
    on_alarm(lambda: seen.append(1), 0.1)
    job = testkit.later(0.3, testkit.drain, b, filled + 3)
    assert a.send(b"end") == 3
    assert seen == [1]
    assert job.result() == filled + 3


def test_exception_in_a_handler_ends_a_send_that_moved_nothing(pair, on_alarm):
    a, b = pair
    filled = testkit.fill(a, b)

    def fail():
        raise KeyError("handler")

    on_alarm(fail, 0.1)
    with pytest.raises(KeyError):
        a.send(b"lost")
    job = testkit.Job(a.send, b"end")
    assert testkit.drain(b, filled) == filled
    assert b.recv(100) == b"end"
    assert job.result() == 3


def test_sendall_goes_on_after_signals(pair, on_alarm):
    a, b = pair
    seen = []
    on_alarm(lambda: seen.append(1), 0.05, every=0.02)
    job = testkit.later(0.3, testkit.drain, b, BIG)
    assert a.sendall(bytes(BIG)) is None
    assert job.result() == BIG
    assert len(seen) > 3


def test_sendall_with_a_timeout_sends_all(pair):
    a, b = pair
    a.settimeout(20)
    job = testkit.Job(testkit.drain, b, BIG)
    a.sendall(memoryview(bytes(BIG)))
    assert job.result() == BIG


def test_a_seqpacket_is_never_continued(impl):
    """Each send is one record, also where it had to wait for room."""
    a, b = impl.socketpair(impl.AF_UNIX, impl.SOCK_SEQPACKET)
    with a, b:
        a.setblocking(False)
        queued = 0
        with pytest.raises(BlockingIOError):
            while True:
                a.send(b"q" * 1000)
                queued += 1
        a.setblocking(True)
        job = testkit.Job(a.send, b"x" * 20_000).wait_blocked()
        assert [len(b.recv(30_000)) for _ in range(queued)] == [1000] * queued
        assert b.recv(30_000) == b"x" * 20_000
        assert job.result() == 20_000


# ------------------------------------------------- MSG_WAITALL, SO_RCVLOWAT


def send_in_pieces(s, pieces, pause=0.05):
    for piece in pieces:
        time.sleep(pause)
        s.sendall(piece)


@pytest.mark.parametrize("receiver", RECEIVERS)
def test_waitall_without_a_timeout_waits_for_all(pair, impl, receiver):
    a, b = pair
    a.sendall(b"first.")
    job = testkit.Job(send_in_pieces, a, [b"second.", b"third.", b"more"])
    assert RECEIVERS[receiver](b, 19, impl.MSG_WAITALL) == b"first.second.third."
    job.result()
    assert b.recv(100) == b"more"


def test_waitall_ends_at_the_end_of_the_stream(pair, impl):
    a, b = pair
    a.sendall(b"short")
    a.close()
    assert b.recv(100, impl.MSG_WAITALL) == b"short"


@pytest.mark.parametrize("receiver", RECEIVERS)
def test_waitall_with_a_timeout_takes_what_is_there(pair, impl, receiver):
    """The descriptor is non-blocking then, which is stronger than MSG_WAITALL."""
    a, b = pair
    b.settimeout(10)
    a.sendall(b"first")
    with testkit.Stopwatch() as watch:
        assert RECEIVERS[receiver](b, 100, impl.MSG_WAITALL) == b"first"
    assert watch.wall < 5


def test_waitall_loses_nothing_to_a_signal(pair, impl, on_alarm):
    a, b = pair
    seen = []
    on_alarm(lambda: seen.append(1), 0.1)
    job = testkit.Job(send_in_pieces, a, [b"one", b"two", b"three"], 0.1)
    got = b""
    while len(got) < 11:  # the kernel gives what it has when a signal comes
        got += b.recv(11 - len(got), impl.MSG_WAITALL)
    assert got == b"onetwothree"
    assert seen == [1]
    job.result()


@pytest.mark.parametrize("receiver", RECEIVERS)
@pytest.mark.parametrize("value", [12, struct.pack("i", 12)], ids=["int", "bytes"])
def test_rcvlowat_waits_for_that_much(pair, impl, receiver, value):
    a, b = pair
    b.setsockopt(impl.SOL_SOCKET, impl.SO_RCVLOWAT, value)
    assert b.getsockopt(impl.SOL_SOCKET, impl.SO_RCVLOWAT) == 12
    a.sendall(b"first.")
    job = testkit.Job(RECEIVERS[receiver], b, 100)
    job.wait_blocked()
    time.sleep(0.05)
    assert job.is_alive()
    a.sendall(b"as much again")  # TCP took the first part and wants the whole mark once more
    assert job.result() == b"first.as much again"


@pytest.mark.parametrize("value", [-1, struct.pack("i", -1)], ids=["int", "bytes"])
def test_rcvlowat_below_0_is_as_high_as_can_be(pair, impl, value):
    a, b = pair
    b.setsockopt(impl.SOL_SOCKET, impl.SO_RCVLOWAT, value)
    a.sendall(b"first.")
    job = testkit.Job(b.recv, 100)
    job.wait_blocked()
    a.shutdown(impl.SHUT_WR)
    assert job.result() == b"first."


@pytest.mark.parametrize("receiver", RECEIVERS)
def test_rcvlowat_with_a_timeout_is_polls(impl, receiver):
    """Over TCP poll respects it; what is there below the mark is left for later."""
    a, b = testkit.tcp_pair(impl)
    with a, b:
        b.setsockopt(impl.SOL_SOCKET, impl.SO_RCVLOWAT, 12)
        b.settimeout(0.1)
        a.sendall(b"first.")
        with pytest.raises(TimeoutError):
            RECEIVERS[receiver](b, 100)
        b.settimeout(10)
        a.sendall(b"second")
        assert RECEIVERS[receiver](b, 100) == b"first.second"


def test_rcvlowat_can_be_taken_back(pair, impl):
    a, b = pair
    b.setsockopt(impl.SOL_SOCKET, impl.SO_RCVLOWAT, 12)
    b.setsockopt(impl.SOL_SOCKET, impl.SO_RCVLOWAT, 1)
    a.sendall(b"x")
    assert b.recv(100) == b"x"


@pytest.mark.parametrize("method", ["recv", "send"])
def test_kernel_timeouts_work_on_a_blocking_socket(pair, impl, method):
    a, b = pair
    option = impl.SO_RCVTIMEO if method == "recv" else impl.SO_SNDTIMEO
    a.setsockopt(impl.SOL_SOCKET, option, struct.pack("ll", 0, 200_000))
    testkit.fill(a, b)
    with testkit.Stopwatch() as watch, pytest.raises(BlockingIOError) as caught:
        a.recv(1) if method == "recv" else a.send(b"x")
    assert caught.value.errno == errno.EAGAIN
    assert 0.1 <= watch.wall < 10  # the kernel counts it in coarse ticks


# -------------------------------------------------------------- MSG_ERRQUEUE

IP_RECVERR = 11  # stock has the name from 3.14 on


@pytest.mark.parametrize("receiver", RECEIVERS)
def test_errqueue_never_waits(impl, receiver):
    with impl.socket(type=impl.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        with testkit.Stopwatch() as watch, pytest.raises(BlockingIOError) as caught:
            RECEIVERS[receiver](s, 100, impl.MSG_ERRQUEUE)
        assert caught.value.errno == errno.EAGAIN
        assert watch.wall < 10


@pytest.mark.parametrize("timeout", [None, 20])
@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM", "SOCK_SEQPACKET"])
@pytest.mark.parametrize("receiver", RECEIVERS)
def test_errqueue_means_nothing_to_a_family_without_one(impl, receiver, kind, timeout):
    with testkit.closing(*impl.socketpair(impl.AF_UNIX, getattr(impl, kind))) as (a, b):
        b.settimeout(timeout)
        job = testkit.Job(RECEIVERS[receiver], b, 100, impl.MSG_ERRQUEUE)
        job.wait_blocked()
        a.send(b"x")
        assert job.result(10) == b"x"


def closed_udp_port(impl):
    with impl.socket(type=impl.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()


@pytest.mark.parametrize("receiver", RECEIVERS)
def test_errqueue_gives_the_packet_that_failed(impl, receiver):
    with impl.socket(type=impl.SOCK_DGRAM) as s:
        s.setsockopt(impl.IPPROTO_IP, IP_RECVERR, 1)
        s.connect(closed_udp_port(impl))
        s.send(b"to nobody")
        poll = select.poll()
        poll.register(s, 0)
        assert poll.poll(10_000) == [(s.fileno(), select.POLLERR)]
        assert RECEIVERS[receiver](s, 100, impl.MSG_ERRQUEUE) == b"to nobody"


# --------------------------------------------------------------- huge buffers


@pytest.mark.parametrize("size", [1 << 16, 1 << 20, 1 << 26])
@pytest.mark.parametrize("receiver", ["recv", "recvfrom"])
def test_huge_buffers_get_small_data(pair, receiver, size):
    a, b = pair
    for data in (b"x", b"y" * 1000, b"z"):
        a.sendall(data)
        assert RECEIVERS[receiver](b, size) == data


@pytest.mark.parametrize("receiver", ["recv", "recvfrom"])
@pytest.mark.parametrize("sizes", [[1, 200_000, 1], [200_000] * 3, [1] * 5 + [150_000] * 3])
def test_huge_buffers_never_cut_a_datagram(impl, receiver, sizes):
    a, b = impl.socketpair(impl.AF_UNIX, impl.SOCK_DGRAM)
    with a, b:
        a.setsockopt(impl.SOL_SOCKET, impl.SO_SNDBUF, 1 << 20)
        if a.getsockopt(impl.SOL_SOCKET, impl.SO_SNDBUF) < 400_000:
            sizes = [min(n, 50_000) for n in sizes]  # net.core.wmem_max
        for n in sizes:
            data = os.urandom(n)
            a.send(data)
            assert RECEIVERS[receiver](b, 1 << 20) == data


@pytest.mark.parametrize("receiver", RECEIVERS)
def test_huge_buffers_get_bulk_in_one_piece(impl, receiver):
    """A small buffer in front of the large one must not chop what is there in bulk."""
    a, b = impl.socketpair()
    data = os.urandom(150_000)
    with a, b:
        for _ in range(3):
            a.sendall(b"x")
            assert RECEIVERS[receiver](b, 1 << 20) == b"x"
            a.sendall(data)
            assert RECEIVERS[receiver](b, 1 << 20) == data


def test_peek_at_a_huge_buffer_takes_nothing(pair, impl):
    a, b = pair
    data = os.urandom(100_000)
    a.sendall(data)
    for _ in range(3):
        testkit.wait_for(lambda: b.recv(1 << 20, impl.MSG_PEEK) == data)
    assert b.recv(100_000, impl.MSG_WAITALL) == data
    assert select.select([b], [], [], 0)[0] == []
