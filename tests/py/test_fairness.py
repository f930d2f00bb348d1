"""A thread whose calls never have to wait leaves the interpreter to others all the same, long
before it is taken away: the switch interval is longer than the tests."""

import contextlib
import sys
import time

import pytest
import testkit

INTERVAL = 10


@pytest.fixture(autouse=True)
def long_switch_interval():
    before = sys.getswitchinterval()
    sys.setswitchinterval(INTERVAL)
    yield
    sys.setswitchinterval(before)


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
        try:
            yield
        finally:
            stop.append(True)
            job.result()


@pytest.mark.parametrize("name", CALLS)
def test_one_that_waits_in_a_socket_gets_in(impl, name):
    a, b = impl.socketpair()
    with a, b, never_waiting(impl, CALLS[name]), testkit.Stopwatch() as watch:
        echo = testkit.Job(lambda: [b.send(b.recv(1)) for _ in range(100)])
        for _ in range(100):
            a.send(b"x")
            assert a.recv(1) == b"x"
        echo.result()
    assert watch.wall < INTERVAL / 2


@pytest.mark.parametrize("name", CALLS)
def test_one_that_waits_for_something_else_gets_in(impl, name):
    with never_waiting(impl, CALLS[name]), testkit.Stopwatch() as watch:
        for _ in range(3):
            time.sleep(0.01)
    assert watch.wall < INTERVAL / 2
