"""Poll says "ready" and the call still cannot proceed: deadlines hold, waiting costs no CPU time,
and it ends when there is something."""

import errno
import select
import socket as stock
import time

import pytest
import testkit
from testkit import LATE, RECEIVERS, check_times_out

IP_RECVERR = 11  # stock has the name from 3.14 on


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


@pytest.mark.parametrize("method", RECEIVERS)
def test_recv_beside_a_pending_error_queue_does_not_spin(csock, method):
    with with_pending_error_queue(csock) as s:
        s.settimeout(0.5)
        check_times_out(lambda: RECEIVERS[method](s, 1), 0.5)


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
