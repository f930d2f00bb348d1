"""Deadlines: they hold, signals do not move them, and waiting costs no CPU time."""

import contextlib
import errno
import os
import struct
import time

import pytest
import testkit
from testkit import LATE, RECEIVERS, check_times_out

# ------------------------------------------------------------- they hold

@pytest.mark.parametrize("kind", testkit.STREAMS)
@pytest.mark.parametrize("method", RECEIVERS)
def test_receive_times_out(impl, kind, method):
    a, b = testkit.stream_pair(impl, kind)
    with a, b:
        a.settimeout(0.1)
        check_times_out(lambda: RECEIVERS[method](a, 1), 0.1)
        b.send(b"x")
        assert a.recv(1) == b"x"


def test_receive_of_datagrams_times_out(impl):
    a, b = testkit.udp_pair(impl)
    with a, b:
        a.settimeout(0.1)
        check_times_out(lambda: a.recvfrom(100), 0.1)


def test_accept_times_out(impl):
    with testkit.listener(impl) as server:
        server.settimeout(0.1)
        check_times_out(server.accept, 0.1)


@pytest.mark.parametrize("kind", testkit.STREAMS)
@pytest.mark.parametrize("method", ["send", "sendall"])
def test_send_times_out(impl, kind, method):
    a, b = testkit.stream_pair(impl, kind)
    with a, b:
        testkit.fill(a, b)
        a.settimeout(0.1)
        check_times_out(lambda: getattr(a, method)(b"x"), 0.1)


def test_connect_times_out(impl):
    server, waiting = testkit.full_tcp_listener(impl)
    with testkit.closing(server, waiting), impl.socket() as s:
        s.settimeout(0.1)
        check_times_out(lambda: s.connect(server.getsockname()), 0.1)


def test_connect_ex_that_times_out_gives_eagain(impl):
    server, waiting = testkit.full_tcp_listener(impl)
    with testkit.closing(server, waiting), impl.socket() as s:
        s.settimeout(0.1)
        assert s.connect_ex(server.getsockname()) == errno.EAGAIN


def test_sendall_has_one_deadline_for_all(impl):
    """A peer that keeps reading a little does not extend it."""
    a, b = impl.socketpair()
    stop = []

    def sip():
        while not stop:
            b.recv(4096)
            time.sleep(0.01)

    with a, b:
        testkit.fill(a, b)
        job = testkit.Job(sip)
        a.settimeout(0.3)
        check_times_out(lambda: a.sendall(bytes(8 << 20)), 0.3)
        stop.append(True)
        job.result()


def test_time_left_is_not_given_up(impl):
    a, b = impl.socketpair()
    with a, b:
        a.settimeout(20)
        job = testkit.later(0.15, b.send, b"x")
        assert a.recv(1) == b"x"
        job.result()


@pytest.mark.parametrize("timeout", [1e-9, 1e-6, 0.0004])
def test_very_short_timeouts_wait_and_never_block(impl, timeout):
    a, b = impl.socketpair()
    with a, b:
        a.settimeout(timeout)
        with testkit.Stopwatch() as watch, pytest.raises(TimeoutError):
            a.recv(1)
        assert watch.wall < LATE
        b.send(b"x")
        assert a.recv(1) == b"x"


@pytest.mark.parametrize("timeout", [2**31, 2**31 / 1000 + 1, 2**32, 9e9])
def test_very_long_timeouts_wait(csock, timeout):
    """Stock up to 3.13 lets some of them wrap, and times out at once."""
    a, b = csock.socketpair()
    with a, b:
        a.settimeout(timeout)
        job = testkit.Job(a.recv, 1).wait_blocked()
        b.send(b"x")
        assert job.result() == b"x"


# ------------------------------------------------------------------ signals


@pytest.mark.parametrize("method", RECEIVERS)
def test_signals_neither_extend_nor_end_a_wait(impl, method, on_alarm):
    a, b = impl.socketpair()
    seen = []
    with a, b:
        on_alarm(lambda: seen.append(1), 0.02, every=0.02)
        a.settimeout(0.4)
        with testkit.Stopwatch() as watch, pytest.raises(TimeoutError):
            RECEIVERS[method](a, 1)
    assert 0.4 <= watch.wall < 0.4 + LATE
    assert len(seen) >= 2


def test_handlers_run_while_a_call_without_deadline_waits(impl, on_alarm):
    a, b = impl.socketpair()
    seen = []

    def handler():
        seen.append(1)
        if len(seen) == 3:
            b.send(b"from the handler")

    with a, b:
        on_alarm(handler, 0.03, every=0.03)
        assert a.recv(100) == b"from the handler"
    assert len(seen) >= 3


def test_handlers_run_while_accept_waits(impl, on_alarm):
    with testkit.listener(impl) as server, impl.socket() as client:
        on_alarm(lambda: client.connect_ex(server.getsockname()), 0.05)
        conn, address = server.accept()
        with conn:
            assert address == client.getsockname()


def test_handlers_run_while_connect_waits(impl, on_alarm):
    server, waiting = testkit.full_tcp_listener(impl)
    seen = []
    with testkit.closing(server, waiting), impl.socket() as s:
        on_alarm(lambda: seen.append(1), 0.03, every=0.03)
        s.settimeout(0.5)
        with testkit.Stopwatch() as watch, pytest.raises(TimeoutError):
            s.connect(server.getsockname())
    assert len(seen) >= 2
    assert 0.5 <= watch.wall < 0.5 + LATE


def test_an_interrupted_connect_without_deadline_goes_on(impl, on_alarm):
    server, waiting = testkit.full_tcp_listener(impl)
    accepted, seen = [], []

    def handler():
        seen.append(1)
        if len(seen) > 3:  # room in the backlog: the kernel's next SYN gets through
            with contextlib.suppress(BlockingIOError):
                accepted.append(server.accept()[0])

    with testkit.closing(server, waiting, accepted), impl.socket() as s:
        server.setblocking(False)
        on_alarm(handler, 0.03, every=0.03)
        s.connect(server.getsockname())
        on_alarm.stop()
        assert s.getpeername() == server.getsockname()
        assert os.get_blocking(s.fileno())
    assert len(seen) > 3


@pytest.mark.parametrize("method", RECEIVERS)
@pytest.mark.parametrize("timeout", [None, 20])
def test_exception_in_a_handler_ends_the_wait_and_leaves_the_socket_usable(
    impl, method, timeout, on_alarm
):
    a, b = impl.socketpair()

    def handler():
        raise KeyError("handler")

    with a, b:
        a.settimeout(timeout)
        with pytest.raises(KeyError):
            on_alarm(handler, 0.05)
            RECEIVERS[method](a, 1)
        b.send(b"x")
        assert a.recv(1) == b"x"
        assert a.gettimeout() == timeout


def test_handlers_settimeout_is_for_later_calls(impl, on_alarm):
    a, b = impl.socketpair()
    with a, b:
        a.settimeout(1.5)
        on_alarm(lambda: a.settimeout(30), 0.5)
        with testkit.Stopwatch() as watch, pytest.raises(TimeoutError):
            a.recv(1)
        assert 1.5 <= watch.wall < 1.5 + LATE
        assert a.gettimeout() == 30


def test_sndtimeo_ends_a_connect_without_a_timeout(impl):
    server, waiting = testkit.full_tcp_listener(impl)
    with testkit.closing(server, waiting), impl.socket() as s:
        s.setsockopt(impl.SOL_SOCKET, impl.SO_SNDTIMEO, struct.pack("@ll", 0, 100_000))
        with testkit.Stopwatch() as watch, pytest.raises(BlockingIOError):
            s.connect(server.getsockname())
        assert watch.wall < LATE
