"""close() and detach() from another thread end what is blocked in the socket: at once, and with a
clear error."""

import errno
import os
import resource
import threading
import time

import pytest
import testkit
from closingkit import CALLS, PROMPT, TIMEOUTS, check_closed_error


def wake(csock, directory, name, timeout, end):
    """Seconds from the start of end(s) to the end of the blocked call."""
    blocked = CALLS[name](csock, directory)
    try:
        blocked.s.settimeout(timeout)
        job = testkit.Job(blocked.call, blocked.s).wait_blocked()
        if timeout is not None and name in ("connect-unix", "sendto"):
            time.sleep(0.1)  # these back off when poll lies: let the pauses grow
        begun = time.monotonic()
        end(blocked.s)
        check_closed_error(job.failure())
        assert blocked.s.fileno() == -1
        return job.ended - begun
    finally:
        blocked.s.close()
        blocked.release()
        for path in directory.iterdir():
            path.unlink()


@TIMEOUTS
@pytest.mark.parametrize("name", CALLS)
def test_close_from_another_thread_ends(csock, unix_dir, name, timeout):
    testkit.best_of(3, lambda: wake(csock, unix_dir, name, timeout, lambda s: s.close()), PROMPT)


@TIMEOUTS
@pytest.mark.parametrize("name", ["recv-tcp", "accept-tcp", "connect-unix", "sendall-tcp"])
def test_detach_from_another_thread_ends(csock, unix_dir, name, timeout):
    def end(s):
        fd = s.detach()
        os.fstat(fd)  # still open, and ours
        os.close(fd)

    testkit.best_of(3, lambda: wake(csock, unix_dir, name, timeout, end), PROMPT)


def test_close_itself_returns_promptly(csock):
    def attempt():
        a, b = csock.socketpair()
        with b:
            job = testkit.Job(a.recv, 1).wait_blocked()
            with testkit.Stopwatch() as watch:
                a.close()
            check_closed_error(job.failure())
        return watch.wall

    testkit.best_of(3, attempt, PROMPT)


def test_close_gives_the_number_back_only_after_the_last_user(csock):
    """What opens next may take the number at once; the woken calls must not touch it."""
    for _ in range(50):
        a, b = csock.socketpair()
        jobs = [testkit.Job(a.recv, 100) for _ in range(3)]
        for job in jobs:
            job.wait_blocked()
        a.close()
        c, d = csock.socketpair()
        with b, c, d:
            d.send(b"for c alone")
            for job in jobs:
                check_closed_error(job.failure())
            assert c.recv(100) == b"for c alone"


def test_close_with_a_file_open_wakes_nobody_but_shutdown_does(csock):
    a, b = csock.socketpair()
    with b:
        f = a.makefile("rb")
        job = testkit.Job(f.read, 1).wait_blocked()
        a.close()
        time.sleep(0.05)
        assert job.is_alive()
        b.send(b"x")
        assert job.result() == b"x"
        f.close()
    a, b = csock.socketpair()
    with a, b, a.makefile("rb") as f:
        job = testkit.Job(f.read, 1).wait_blocked()
        a.shutdown(csock.SHUT_RDWR)
        assert job.result() == b""


def test_closing_one_duplicate_leaves_the_other(csock):
    a, b = csock.socketpair()
    with b, a.dup() as copy:
        job = testkit.Job(a.recv, 1).wait_blocked()
        other = testkit.Job(copy.recv, 1).wait_blocked()
        a.close()
        check_closed_error(job.failure())
        assert not other.ended
        b.send(b"x")
        assert other.result() == b"x"


# ------------------------------------------------------------- many threads


@pytest.fixture
def room_for_thousands():
    """Small stacks, and as many descriptors as this process may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    stack = threading.stack_size(256 * 1024)
    yield
    threading.stack_size(stack)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def wake_thousand(csock, n_sockets):
    pairs = [csock.socketpair() for _ in range(n_sockets)]
    jobs = [testkit.Job(pairs[i % n_sockets][0].recv, 1) for i in range(1000)]
    for job in jobs:
        job.wait_blocked()
    begun = time.monotonic()
    for a, _ in pairs:
        a.close()
    for job in jobs:
        check_closed_error(job.failure())
    for _, b in pairs:
        b.close()
    return max(job.ended for job in jobs) - begun


@pytest.mark.parametrize("n_sockets", [1, 200])
def test_thousand_blocked_threads_all_end(csock, room_for_thousands, n_sockets):
    try:  # one by one, each after the patience of its closer, 200 would take as many seconds
        assert wake_thousand(csock, n_sockets) < 50 * testkit.SLOWNESS
    except (RuntimeError, OSError) as error:
        if isinstance(error, RuntimeError) or error.errno == errno.EMFILE:
            pytest.skip(f"not enough threads or descriptors here: {error}")
        raise
