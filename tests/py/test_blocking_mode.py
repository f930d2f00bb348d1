"""O_NONBLOCK of the descriptor: as the timeout says, seen by others, and switched by others."""

import os
import subprocess
import sys

import pytest
import testkit
from testkit import RECEIVERS, check_times_out


def test_descriptor_blocks_exactly_without_a_timeout(impl):
    a, b = impl.socketpair()
    with a, b:
        for timeout, blocking in ((None, True), (5, False), (None, True), (0, False), (5, False)):
            a.settimeout(timeout)
            assert os.get_blocking(a.fileno()) is blocking
            b.send(b"x")
            a.recv(1)
            a.send(b"x")
            assert os.get_blocking(a.fileno()) is blocking
        a.setblocking(True)
        assert os.get_blocking(a.fileno())


def test_descriptor_keeps_its_mode_while_a_call_waits(impl):
    a, b = impl.socketpair()
    with a, b:
        job = testkit.Job(a.recv, 1).wait_blocked()
        assert os.get_blocking(a.fileno())
        b.send(b"x")
        assert job.result() == b"x"


def test_new_sockets_have_the_mode_of_the_default_timeout(impl):
    impl.setdefaulttimeout(3)
    try:
        a, b = impl.socketpair()
        with a, b, a.dup() as c:
            assert [os.get_blocking(s.fileno()) for s in (a, b, c)] == [False] * 3
            assert [s.gettimeout() for s in (a, b, c)] == [3] * 3
    finally:
        impl.setdefaulttimeout(None)


def test_type_without_flags_whatever_the_mode(impl):
    with impl.socket(type=impl.SOCK_STREAM | impl.SOCK_NONBLOCK) as s:
        assert s.type == impl.SOCK_STREAM
        assert s.gettimeout() == 0 and not os.get_blocking(s.fileno())


def test_children_see_the_mode(impl):
    a, b = impl.socketpair()
    program = "import os; print(os.get_blocking(0))"
    with a, b:
        for timeout in (None, 5):
            a.settimeout(timeout)
            out = subprocess.check_output([sys.executable, "-c", program], stdin=a.fileno())
            assert out.decode().strip() == str(timeout is None)


def test_os_read_sees_the_mode(impl):
    a, b = impl.socketpair()
    with a, b:
        a.settimeout(5)
        with pytest.raises(BlockingIOError):
            os.read(a.fileno(), 1)


@pytest.mark.parametrize("receiver", RECEIVERS)
def test_mode_changed_behind_the_modules_back_holds(impl, receiver):
    a, b = impl.socketpair()
    with a, b:
        os.set_blocking(a.fileno(), False)
        with pytest.raises(BlockingIOError):
            RECEIVERS[receiver](a, 1)
        b.send(b"x")
        assert RECEIVERS[receiver](a, 1) == b"x"


# ---- what others made blocking, or non-blocking


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
