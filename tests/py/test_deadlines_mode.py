"""csock.deadline and the blocking mode of a descriptor: it is as it was, whoever else uses it."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time

import pytest
import testkit

import csock
from csock import DeadlineExceeded, deadline


@pytest.fixture
def pair():
    a, b = testkit.tcp_pair(csock)
    with a, b:
        yield a, b


@pytest.fixture
def connecting():
    """connecting(seconds): a blocking socket, and a thread that connects it for so long in vain."""
    server, waiting = testkit.full_tcp_listener(csock)
    with testkit.closing(server, waiting):

        def start(seconds):
            s = csock.socket()
            waiting.append(s)

            def connect():
                with deadline(seconds):
                    s.connect(server.getsockname())

            job = testkit.Job(connect)
            testkit.wait_for(lambda: not os.get_blocking(s.fileno()))
            return s, job

        yield start


def test_a_connect_borrows_the_mode(connecting):
    s, job = connecting(1)
    assert isinstance(job.failure(), DeadlineExceeded)
    assert os.get_blocking(s.fileno())


def test_an_accept_that_waits_does_not():
    with testkit.listener(csock) as s:

        def accept():
            with deadline(30):
                return s.accept()

        job = testkit.Job(accept).wait_blocked()
        assert os.get_blocking(s.fileno())
        with csock.create_connection(s.getsockname()):
            conn, _ = job.result()
            with conn:
                assert os.get_blocking(conn.fileno()) and conn.gettimeout() is None
            assert os.get_blocking(s.fileno())


def test_a_descriptor_that_was_not_blocking_stays_so():
    with testkit.listener(csock) as s:
        os.set_blocking(s.fileno(), False)
        with deadline(0.05), pytest.raises(DeadlineExceeded):
            s.accept()
        assert not os.get_blocking(s.fileno())


def test_the_last_of_several_gives_it_back(connecting):
    s, long = connecting(1.5)

    def connect():
        with deadline(0.1):
            s.connect(("127.0.0.1", 9))

    short = testkit.Job(connect)
    assert isinstance(short.failure(), OSError)  # EALREADY
    assert not os.get_blocking(s.fileno()) or not long.is_alive()
    long.failure()
    assert os.get_blocking(s.fileno())


@pytest.mark.parametrize("timeout", [None, 7, 0])
def test_a_timeout_that_is_set_meanwhile_wins(connecting, timeout):
    s, job = connecting(1)
    s.settimeout(timeout)
    assert not os.get_blocking(s.fileno()) or not job.is_alive()
    assert isinstance(job.failure(), DeadlineExceeded)
    assert os.get_blocking(s.fileno()) is (timeout is None)


def test_a_descriptor_that_is_detached_meanwhile(connecting):
    s, job = connecting(100)
    fd = s.detach()
    assert job.failure().errno == csock.EBADF
    assert os.get_blocking(fd)
    os.close(fd)


def test_close_ends_it():
    s = testkit.listener(csock)

    def accept():
        with deadline(30):
            s.accept()

    job = testkit.Job(accept).wait_blocked()
    s.close()
    error = job.failure()
    assert error.errno == csock.EBADF and "closed by another thread" in str(error)


def test_an_accept_that_hears_eagain_beside_one_that_borrows():
    """The moment in which the other one tries, made long."""
    with testkit.listener(csock) as s:

        def borrow():
            with deadline(30):
                return s.accept()

        borrower = testkit.Job(borrow).wait_blocked()
        os.set_blocking(s.fileno(), False)
        plain = testkit.Job(s.accept).wait_blocked()
        os.set_blocking(s.fileno(), True)
        for _ in range(2):
            csock.create_connection(s.getsockname()).close()
        for job in borrower, plain:
            job.result()[0].close()


def test_accepts_without_a_deadline_beside_others_with():
    """The mode goes to and fro under them, and none of them hears EAGAIN."""
    with testkit.listener(csock, backlog=100) as s:
        stop = threading.Event()

        def bounded():
            while not stop.is_set():
                with contextlib.suppress(DeadlineExceeded), deadline(0.001):
                    s.accept()[0].close()

        def plain():
            while not stop.is_set():
                s.accept()[0].close()

        jobs = [testkit.Job(bounded) for _ in range(2)] + [testkit.Job(plain) for _ in range(2)]
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            csock.create_connection(s.getsockname()).close()
        stop.set()
        while any(job.is_alive() for job in jobs):
            with contextlib.suppress(OSError):
                csock.create_connection(s.getsockname()).close()
        for job in jobs:
            job.result()
        assert os.get_blocking(s.fileno())


def test_a_fork_meanwhile(connecting):
    s, job = connecting(2)
    child = os.fork()
    if child == 0:  # where that thread is not
        s.settimeout(5)
        s.settimeout(None)
        os._exit(not os.get_blocking(s.fileno()))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    job.failure()
    assert os.get_blocking(s.fileno())


def test_children_get_a_blocking_descriptor(pair):
    a, _ = pair
    with testkit.listener(csock) as s, deadline(0.05), pytest.raises(DeadlineExceeded):
        s.accept()
    with csock.create_server(("127.0.0.1", 0)) as s, deadline(30):
        with csock.create_connection(s.getsockname()) as c:
            program = "import os; print(os.get_blocking(0))"
            out = subprocess.check_output([sys.executable, "-c", program], stdin=c.fileno())
    assert out.strip() == b"True"


def test_a_datagram_socket_that_connects_keeps_its_mode(tmp_path):
    with csock.socket(csock.AF_INET, csock.SOCK_DGRAM) as s:
        job = testkit.Job(s.recv, 1)
        with deadline(30):
            for _ in range(100):
                s.connect(("127.0.0.1", 9))
                assert os.get_blocking(s.fileno())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.bind(("127.0.0.1", 0))
            s.connect(peer.getsockname())
            peer.sendto(b"x", s.getsockname())
        assert job.result() == b"x"
