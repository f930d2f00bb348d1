"""Deadlines: they hold, signals do not move them, and waiting costs no CPU time, also where poll
says "ready" and the call still cannot proceed."""

import contextlib
import errno
import os
import select
import socket as stock
import struct
import time

import pytest
import testkit

IP_RECVERR = 11  # stock has the name from 3.14 on

# A deadline may never come early; how late depends on what else the machine does. What would fail
# otherwise waits for longer than this, or for ever.
LATE = 10.0


def check_times_out(call, seconds):
    with testkit.Stopwatch() as watch, pytest.raises(TimeoutError) as caught:
        call()
    assert str(caught.value) == "timed out"
    assert seconds <= watch.wall < seconds + LATE
    assert watch.cpu < 0.1 * testkit.SLOWNESS
    return watch


# ------------------------------------------------------------- they hold

RECEIVING = {
    "recv": lambda s: s.recv(1),
    "recv_into": lambda s: s.recv_into(bytearray(1)),
    "recvfrom": lambda s: s.recvfrom(1),
    "recvfrom_into": lambda s: s.recvfrom_into(bytearray(1)),
}


@pytest.mark.parametrize("kind", testkit.STREAMS)
@pytest.mark.parametrize("method", RECEIVING)
def test_receive_times_out(impl, kind, method):
    a, b = testkit.stream_pair(impl, kind)
    with a, b:
        a.settimeout(0.1)
        check_times_out(lambda: RECEIVING[method](a), 0.1)
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


@pytest.mark.parametrize("method", RECEIVING)
def test_signals_neither_extend_nor_end_a_wait(impl, method, on_alarm):
    a, b = impl.socketpair()
    seen = []
    with a, b:
        on_alarm(lambda: seen.append(1), 0.02, every=0.02)
        a.settimeout(0.4)
        with testkit.Stopwatch() as watch, pytest.raises(TimeoutError):
            RECEIVING[method](a)
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


@pytest.mark.parametrize("method", RECEIVING)
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
            RECEIVING[method](a)
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


# ------------------------------------------------------------- poll lies


def full_unix_datagrams(impl, path):
    """A datagram socket whose queue is full, and an unconnected one that may send to it."""
    server = impl.socket(impl.AF_UNIX, impl.SOCK_DGRAM)
    server.bind(str(path))
    client = impl.socket(impl.AF_UNIX, impl.SOCK_DGRAM)
    client.setblocking(False)
    queued = 0
    while True:
        try:
            client.sendto(b"x", str(path))
        except BlockingIOError:
            return server, client, queued
        queued += 1


def test_a_full_datagram_peer_polls_writable(impl, unix_dir):
    """The fact behind the next three: were it to change, they would test nothing."""
    server, client, _ = full_unix_datagrams(impl, unix_dir / "s")
    with server, client:
        assert select.select([], [client], [], 0)[1] == [client]


def test_sendto_a_full_datagram_peer_times_out(impl, unix_dir):
    server, client, queued = full_unix_datagrams(impl, unix_dir / "s")
    with server, client:
        client.settimeout(0.3)
        with testkit.Stopwatch() as watch, pytest.raises(TimeoutError):
            client.sendto(b"x", server.getsockname())
        assert 0.3 <= watch.wall < 0.3 + LATE
        assert len([server.recv(1) for _ in range(queued)]) == queued
        client.sendto(b"later", server.getsockname())
        assert server.recv(5) == b"later"


def test_sendto_a_full_datagram_peer_does_not_spin(csock, unix_dir):
    """Stock does: it polls, and poll says writable."""
    server, client, _ = full_unix_datagrams(csock, unix_dir / "s")
    with server, client:
        client.settimeout(0.5)
        check_times_out(lambda: client.sendto(b"x", server.getsockname()), 0.5)


@pytest.mark.parametrize("timeout", [None, 20])
def test_sendto_a_full_datagram_peer_goes_on_when_there_is_room(impl, unix_dir, timeout):
    server, client, queued = full_unix_datagrams(impl, unix_dir / "s")
    with server, client:
        client.settimeout(timeout)

        def make_room():
            time.sleep(0.2)
            emptied = time.monotonic()
            for _ in range(queued):
                server.recv(1)
            return emptied

        job = testkit.Job(make_room)
        assert client.sendto(b"last", server.getsockname()) == 4
        sent = time.monotonic()
        assert sent - job.result() < LATE
        assert server.recv(10) == b"last"


def with_pending_error_queue(impl):
    """A UDP socket whose poll says POLLERR for as long as nobody reads its error queue."""
    with impl.socket(type=impl.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        nobody = s.getsockname()
    s = impl.socket(type=impl.SOCK_DGRAM)
    s.bind(("127.0.0.1", 0))
    s.setsockopt(impl.IPPROTO_IP, IP_RECVERR, 1)
    s.sendto(b"x", nobody)
    with pytest.raises(ConnectionRefusedError):
        s.recv(1)
    poll = select.poll()
    poll.register(s, select.POLLIN)
    assert poll.poll(0) == [(s.fileno(), select.POLLERR)]
    return s


def test_recv_beside_a_pending_error_queue_times_out(impl):
    with with_pending_error_queue(impl) as s:
        s.settimeout(0.3)
        with testkit.Stopwatch() as watch, pytest.raises(TimeoutError):
            s.recv(1)
        assert 0.3 <= watch.wall < 0.3 + LATE


@pytest.mark.parametrize("method", RECEIVING)
def test_recv_beside_a_pending_error_queue_does_not_spin(csock, method):
    with with_pending_error_queue(csock) as s:
        s.settimeout(0.5)
        check_times_out(lambda: RECEIVING[method](s), 0.5)


@pytest.mark.parametrize("timeout", [None, 20])
def test_recv_beside_a_pending_error_queue_gets_data(impl, timeout):
    with with_pending_error_queue(impl) as s, impl.socket(type=impl.SOCK_DGRAM) as other:
        s.settimeout(timeout)
        job = testkit.later(0.15, other.sendto, b"data", s.getsockname())
        with testkit.Stopwatch() as watch:
            assert s.recv(100) == b"data"
        assert watch.wall < 0.15 + LATE
        job.result()


# ----------------------------------------- connect to a full AF_UNIX backlog


@pytest.fixture
def full_backlog(impl, unix_dir):
    server, waiting = testkit.full_unix_listener(impl, unix_dir / "s")
    with testkit.closing(server, waiting):
        yield server


def test_full_unix_backlog_polls_writable_without_a_connection(impl, full_backlog):
    with impl.socket(impl.AF_UNIX) as s:
        s.setblocking(False)
        assert s.connect_ex(full_backlog.getsockname()) == errno.EAGAIN
        with pytest.raises(BlockingIOError):
            s.connect(full_backlog.getsockname())
        assert select.select([], [s], [], 0)[1] == [s]
        assert s.getsockopt(impl.SOL_SOCKET, impl.SO_ERROR) == 0
        with pytest.raises(OSError) as caught:
            s.getpeername()
        assert caught.value.errno == errno.ENOTCONN


def test_connect_to_a_full_unix_backlog_waits_for_room(impl, full_backlog):
    with impl.socket(impl.AF_UNIX) as s:
        job = testkit.Job(s.connect, full_backlog.getsockname()).wait_blocked()
        full_backlog.accept()[0].close()
        job.result()
        assert s.getpeername() == full_backlog.getsockname()


def test_connect_to_a_full_unix_backlog_with_a_timeout(csock, unix_dir):
    """Stock raises BlockingIOError at once."""
    server, waiting = testkit.full_unix_listener(csock, unix_dir / "s")
    with testkit.closing(server, waiting):
        with csock.socket(csock.AF_UNIX) as s:
            s.settimeout(0.3)
            check_times_out(lambda: s.connect(server.getsockname()), 0.3)
            assert s.connect_ex(server.getsockname()) == errno.EAGAIN
        with csock.socket(csock.AF_UNIX) as s:
            s.settimeout(20)
            job = testkit.later(0.15, server.accept)
            s.connect(server.getsockname())
            assert s.getpeername() == server.getsockname()
            job.result()[0].close()


def test_connect_to_a_full_unix_backlog_as_stock_has_it(unix_dir):
    server, waiting = testkit.full_unix_listener(stock, unix_dir / "s")
    with testkit.closing(server, waiting), stock.socket(stock.AF_UNIX) as s:
        s.settimeout(0.3)
        with pytest.raises(BlockingIOError):
            s.connect(server.getsockname())


@pytest.mark.parametrize("blocking", ["accept", "connect"])
def test_a_duplicate_that_blocks_keeps_no_deadline_from_passing(impl, blocking):
    """Both share O_NONBLOCK; the other threads of the program go on meanwhile."""
    with testkit.listener(impl) as server, impl.socket() as client:
        s = server if blocking == "accept" else client
        s.settimeout(0.2)
        with s.dup() as copy:
            copy.settimeout(None)
            if blocking == "accept":
                with pytest.raises(TimeoutError):
                    server.accept()
            else:
                client.connect(server.getsockname())


def start_of_accept(csock):
    return testkit.listener(csock), lambda s: s.accept(), ()


def start_of_connect(csock):
    server, waiting = testkit.full_tcp_listener(csock)
    address = server.getsockname()
    return csock.socket(), lambda s: s.connect(address), (server, waiting)


def start_of_sendfile(csock):
    a, b = testkit.stream_pair(csock, "unix")
    testkit.fill(a, b)
    file = open(os.__file__, "rb")
    return a, lambda s: s.sendfile(file), (b, file)


CANNOT_BE_TOLD = [start_of_accept, start_of_connect, start_of_sendfile]


@pytest.mark.parametrize("start", CANNOT_BE_TOLD)
@pytest.mark.parametrize("where", ["duplicate", "child"])
def test_timeouts_hold_on_what_others_made_blocking(csock, start, where):
    s, call, keep = start(csock)
    with testkit.closing(s, *keep):
        s.settimeout(0.1)
        if where == "duplicate":
            with s.dup() as copy:
                copy.settimeout(None)
        else:
            fd = s.fileno()
            testkit.run_python(f"import os; os.set_blocking({fd}, True)", pass_fds=[fd])
        assert os.get_blocking(s.fileno())
        check_times_out(lambda: call(s), 0.1)


def test_accept_that_never_waits_does_not_on_what_others_made_blocking(csock):
    with testkit.listener(csock) as server:
        server.settimeout(0)
        with server.dup() as copy:
            copy.settimeout(None)
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize("start", [start_of_accept, start_of_connect])
def test_without_a_timeout_what_others_made_non_blocking_is_as_the_kernel_says(impl, start):
    s, call, keep = start(impl)
    with testkit.closing(s, *keep), s.dup() as copy:
        copy.settimeout(10)
        with pytest.raises(BlockingIOError):
            call(s)


def test_sndtimeo_ends_a_connect_without_a_timeout(impl):
    server, waiting = testkit.full_tcp_listener(impl)
    with testkit.closing(server, waiting), impl.socket() as s:
        s.setsockopt(impl.SOL_SOCKET, impl.SO_SNDTIMEO, struct.pack("@ll", 0, 100_000))
        with testkit.Stopwatch() as watch, pytest.raises(BlockingIOError):
            s.connect(server.getsockname())
        assert watch.wall < LATE
