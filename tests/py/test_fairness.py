"""A thread whose calls never have to wait leaves the interpreter to those that come back from
waiting in a socket, long before it is taken away: the switch interval is longer than the tests."""

import contextlib
import sys
import time

import pytest
import testkit

INTERVAL = 20
ROUNDS = 30  # one that does not get in makes a round take the whole interval

CALLS = {
    "recv": lambda s: s.recv(1),
    "recv-large": lambda s: s.recv(1 << 16),
    "recv_into": lambda s: s.recv_into(bytearray(1)),
    "recvfrom": lambda s: s.recvfrom(1),
    "recvmsg": lambda s: s.recvmsg(1),
    "send": lambda s: s.send(b"x"),
    "send-buffer": lambda s: s.send(bytearray(1)),
    "sendall": lambda s: s.sendall(b"x"),
    "sendto": lambda s: s.sendto(b"x", s.getpeername()),
    "sendmsg": lambda s: s.sendmsg([b"x"]),
}


@contextlib.contextmanager
def never_waiting(impl, call):
    """A thread that makes the call for ever: there is nothing to receive, or what is sent is
    thrown away. Its sockets do not block."""
    a, b = testkit.udp_pair(impl)
    stop = []

    def spin():
        while not stop:
            with contextlib.suppress(BlockingIOError):
                call(a)

    with a, b:
        a.connect(b.getsockname())
        a.setblocking(False)
        job = testkit.Job(spin)
        before = sys.getswitchinterval()
        sys.setswitchinterval(INTERVAL)
        try:
            yield
        finally:
            sys.setswitchinterval(before)
            stop.append(True)
            job.result()


@contextlib.contextmanager
def echoing_thread(impl):
    a, b = impl.socketpair()
    with a, b:
        job = testkit.Job(lambda: [b.send(b.recv(1)) for _ in range(ROUNDS)])
        yield a
        job.result()


def ask(s):
    for _ in range(ROUNDS):
        s.send(b"x")
        assert s.recv(1) == b"x"


@pytest.mark.parametrize("timeout", [None, 30])
@pytest.mark.parametrize("name", CALLS)
def test_one_that_has_waited_gets_in(impl, name, timeout):
    with echoing_thread(impl) as s:
        s.settimeout(timeout)
        with never_waiting(impl, CALLS[name]), testkit.Stopwatch() as watch:
            ask(s)
    assert watch.wall < INTERVAL / 2


def test_a_call_that_has_waited_needs_the_gil_only_at_its_end(csock):
    """Spurious readiness again and again, beside a pending error queue, while another thread keeps
    the GIL: it looks again all the same."""
    with csock.socket(type=csock.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        nobody = gone.getsockname()
    with csock.socket(type=csock.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.setsockopt(csock.IPPROTO_IP, 11, 1)  # IP_RECVERR
        s.sendto(b"x", nobody)
        with pytest.raises(ConnectionRefusedError):
            s.recv(1)
        s.settimeout(60)
        job = testkit.Job(s.recv, 1)
        clock = time.pthread_getcpuclockid(job.ident)
        time.sleep(0.2)
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1000)
        try:
            for _ in range(3):  # each time it has done something without the GIL
                before, end = time.clock_gettime(clock), time.monotonic() + 30
                while time.clock_gettime(clock) == before and time.monotonic() < end:
                    pass
                assert time.clock_gettime(clock) > before
        finally:
            sys.setswitchinterval(interval)
        s.sendto(b"y", s.getsockname())
        assert job.result() == b"y"


SENDS = {
    "send": lambda s: s.send(b"x"),
    "sendall": lambda s: s.sendall(b"x"),
    "sendto": lambda s: s.sendto(b"x", s.getpeername()),
    "sendmsg": lambda s: s.sendmsg([b"x"]),
}


def lets_others_in(call, s):
    """Whether a thread that wants the interpreter gets it while this one does nothing but call."""
    started, got = [], []

    def want():
        while not started:
            time.sleep(0.001)
        got.append(True)

    job = testkit.Job(want)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    try:
        started.append(True)
        end = time.monotonic() + 20
        while not got and time.monotonic() < end:
            call(s)
        return bool(got)
    finally:
        sys.setswitchinterval(interval)
        job.result()


@pytest.mark.parametrize("name", SENDS)
def test_datagrams_are_sent_without_the_gil_where_a_crowd_waits(csock, name):
    """The kernel may have to wake all of them. Nobody of these gets a datagram."""
    a, b = testkit.udp_pair(csock)
    with a, b, csock.socket(type=csock.SOCK_DGRAM) as shared:
        shared.bind(("127.0.0.1", 0))
        shared.settimeout(60)
        a.connect(b.getsockname())
        a.setblocking(False)
        crowd = [testkit.Job(shared.recv, 1) for _ in range(40)]
        for job in crowd:
            job.wait_blocked()
        let_in = lets_others_in(SENDS[name], a)
        for _ in crowd:
            a.sendto(b"x", shared.getsockname())
        for job in crowd:
            job.result()
        assert let_in
