"""close() under a blocked call, and signals: those that wake are seen by nobody else, handlers
close what they interrupted, programs mask, wait for, take and reset signals."""

import errno
import importlib.util
import os
import signal
import textwrap
import time

import pytest
import testkit
from closingkit import CALLS, PROMPT, TIMEOUTS, check_closed_error, run_program

FOREIGN_CODE = """
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    interrupted = []

    def foreign_code(milliseconds):
        # poll is never restarted after a handler: signal(7)
        if libc.poll(None, 0, milliseconds) < 0:
            interrupted.append(os.strerror(ctypes.get_errno()))
"""


def test_late_signals_reach_no_other_code():
    """After each wake-up the same thread sleeps in a call that shows every signal."""
    program = """
        def receive(ends):
            for s in ends:
                try:
                    s.recv(1)
                except OSError as error:
                    assert error.errno == errno.EBADF, error
                foreign_code(0)
                foreign_code(1)

        pairs = [csock.socketpair() for _ in range(150)]
        jobs = [testkit.Job(receive, [a for a, _ in pairs]) for _ in range(4)]
        for i, (a, b) in enumerate(pairs):
            time.sleep(0.0002 * (i % 5))  # at times before, at times while they wait
            a.close()
            b.close()
        for job in jobs:
            job.result(50)
        assert interrupted == [], interrupted
        print("done")
    """
    assert run_program(textwrap.dedent(FOREIGN_CODE) + textwrap.dedent(program)).stdout == "done\n"


def test_a_signal_on_its_way_is_waited_for():
    """The race of the test above, made to happen: the closer is held up right before it sends, and
    data end the sleep meanwhile."""
    reason = testkit.why_no_strace()
    if reason:
        pytest.skip(reason)
    program = """
        def receive(s):
            data = s.recv(1)
            foreign_code(800)
            return data

        for _ in range(3):
            a, b = csock.socketpair()
            job = testkit.Job(receive, a).wait_blocked()
            closer = testkit.Job(a.close)
            time.sleep(0.05)
            b.send(b"x")
            assert job.result() == b"x"
            closer.result()
        assert interrupted == [], interrupted
        print("done")
    """
    delay = "inject=tgkill:delay_enter=500000"
    prefix = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=tgkill", "-e", delay)
    program = textwrap.dedent(FOREIGN_CODE) + textwrap.dedent(program)
    assert run_program(program, prefix=prefix).stdout == "done\n"


def test_handlers_of_the_program_stay_quiet(csock):
    """Waking a thread is not seen as a signal by Python code."""
    seen = []
    before = {n: signal.getsignal(n) for n in (signal.SIGALRM, signal.SIGUSR1)}
    for n in before:
        signal.signal(n, lambda *args: seen.append(args))
    try:
        for _ in range(20):
            a, b = csock.socketpair()
            job = testkit.Job(a.recv, 1).wait_blocked()
            a.close()
            b.close()
            check_closed_error(job.failure())
    finally:
        for n, handler in before.items():
            signal.signal(n, handler)
    assert seen == []


@pytest.mark.parametrize("timeout", [None, 30])
@pytest.mark.parametrize("method", ["recv", "accept", "sendall"])
def test_handler_closes_the_socket_that_its_own_thread_waits_on(impl, method, timeout, on_alarm):
    if method == "accept":
        s, other = testkit.listener(impl), impl.socket()
    else:
        s, other = impl.socketpair()
    calls = {
        "recv": lambda: s.recv(1),
        "accept": s.accept,
        "sendall": lambda: s.sendall(bytes(8 << 20)),
    }
    fd = s.fileno()
    s.settimeout(timeout)
    with other:
        on_alarm(s.close, 0.1)
        with testkit.Stopwatch() as watch, pytest.raises(OSError) as caught:
            calls[method]()
    assert caught.value.errno == errno.EBADF
    assert watch.wall < 10
    with pytest.raises(OSError):
        os.fstat(fd)


def test_handler_closes_a_socket_that_its_own_and_another_thread_wait_on(csock, on_alarm):
    a, b = csock.socketpair()
    fd = a.fileno()
    with b:
        job = testkit.Job(a.recv, 1).wait_blocked()
        on_alarm(a.close, 0.05)
        with pytest.raises(OSError) as caught:
            a.recv(1)
        assert caught.value.errno == errno.EBADF
        check_closed_error(job.failure())
    with pytest.raises(OSError):
        os.fstat(fd)


@pytest.mark.parametrize("end", ["close", "detach"])
@pytest.mark.parametrize("timeout", [None, 30])
def test_handler_waits_for_a_thread_that_closes_what_it_interrupted(csock, timeout, end, on_alarm):
    """As programs do that end in order: neither waits for the other."""
    a, b = csock.socketpair()
    fd = a.fileno()
    a.settimeout(timeout)
    took = []

    def end_in_a_thread():
        with testkit.Stopwatch() as watch:
            testkit.Job(getattr(a, end)).result()
        took.append(watch.wall)

    with b:
        on_alarm(end_in_a_thread, 0.05)
        with pytest.raises(OSError) as caught:
            a.recv(1)
        check_closed_error(caught.value)
    if end == "detach":
        os.close(fd)
    with pytest.raises(OSError):
        os.fstat(fd)
    assert took[0] < 0.5 * testkit.SLOWNESS


@pytest.mark.skipif(
    testkit.SANITISED or "CSOCK_TSAN" in os.environ,
    reason="sanitizers do not know that greenlet copies stacks",
)
@pytest.mark.skipif(not importlib.util.find_spec("greenlet"), reason="no greenlet for this Python")
def test_handler_switches_greenlets():
    """Stacks are put away in the middle of a call, and calls end in another order than they
    began: in Python it is greenlet, and what is built on it, that do so."""
    program = """
        import greenlet
        a, b = csock.socketpair()
        main = greenlet.getcurrent()
        closed = []
        def other():
            while True:
                main.switch()
                x, y = csock.socketpair()
                x.settimeout(0.001)
                try:
                    x.recv(1)
                except TimeoutError:
                    pass
                x.close(); y.close()
                closed.append(x)
        g = greenlet.greenlet(other)
        g.switch()  # high on the stack: what main does later is put away by a switch
        signal.signal(signal.SIGALRM, lambda *args: g.switch())
        def deep(n):
            return a.recv(10) if n == 0 else deep(n - 1)
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
        job = testkit.later(0.3, b.send, b"done")
        assert list(map(deep, [3])) == [b"done"]
        signal.setitimer(signal.ITIMER_REAL, 0)
        job.result()
        assert len(closed) > 3, closed

        # The call that began first ends first, within the other's handler.
        c, d = csock.socketpair()
        def second():
            assert c.recv(1) == b"2"
            main.switch("second")
        two = greenlet.greenlet(second)
        signal.signal(signal.SIGALRM, lambda *args:
                      two.switch() if greenlet.getcurrent() is main else main.switch())
        job = testkit.later(0.3, b.send, b"1")
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        assert a.recv(1) == b"1"
        signal.setitimer(signal.ITIMER_REAL, 0)
        job.result()
        a.close(); b.close()
        d.send(b"2")
        assert two.switch() == "second"
        c.close(); d.close()
        e, f = csock.socketpair()
        job = testkit.Job(e.recv, 1).wait_blocked()
        begun = time.monotonic()
        e.close()
        check_closed(job)
        assert time.monotonic() - begun < 0.5 * testkit.SLOWNESS
        print("done")
    """
    assert run_program(program).stdout == "done\n"


@TIMEOUTS
@pytest.mark.parametrize("name", ["recv-tcp", "accept-tcp", "connect-tcp", "sendall-tcp"])
def test_threads_with_all_signals_masked(csock, unix_dir, name, timeout):
    masks = []

    def attempt():
        blocked = CALLS[name](csock, unix_dir)
        blocked.s.settimeout(timeout)

        def run():
            signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
            masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, []))
            try:
                blocked.call(blocked.s)
            finally:
                masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, []))

        job = testkit.Job(run).wait_blocked()
        begun = time.monotonic()
        blocked.s.close()
        check_closed_error(job.failure())
        blocked.release()
        return job.ended - begun

    testkit.best_of(3, attempt, PROMPT)
    assert len(masks[0]) > 50 and all(mask == masks[0] for mask in masks)


def test_mask_is_unchanged_after_calls_that_waited(csock):
    a, b = csock.socketpair()
    with a, b:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        for timeout in (None, 20):
            a.settimeout(timeout)
            job = testkit.later(0.02, b.send, b"x")
            assert a.recv(1) == b"x"
            job.result()
            assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


RESERVED = """
    numbers = [int(n) for n in sys.argv[2:]]
    seen = []
    def take():
        for n in numbers:
            signal.signal(n, lambda signum, frame: seen.append(signum))
    def wake():
        a, b = csock.socketpair()
        job = testkit.Job(a.recv, 1).wait_blocked()
        begun = time.monotonic()
        a.close()
        check_closed(job)
        return job.ended - begun

    if sys.argv[1] == "before":
        take()
    testkit.best_of(3, wake, PROMPT)
    if sys.argv[1] == "after":
        take()
        testkit.best_of(3, wake, PROMPT)
    assert seen == [], seen
    for n in numbers:
        os.kill(os.getpid(), n)
    testkit.wait_for(lambda: sorted(seen) == sorted(numbers))
    testkit.best_of(3, wake, PROMPT)
    assert sorted(seen) == sorted(numbers), seen
    print("done")
"""


@pytest.mark.parametrize("offsets", [[], [4], [3, 4, 5], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_program_that_uses_the_reserved_signal(moment, offsets):
    """Before ours is first needed, or after it was: SIGURG, and those that come after it."""
    numbers = [int(signal.SIGURG), *(signal.SIGRTMAX - offset for offset in offsets)]
    assert run_program(RESERVED, moment, *numbers).stdout == "done\n"


def test_program_that_waits_for_the_reserved_signal_by_sigwait():
    """Blocked, it leaves no handler to be seen; after its next look csock has moved off."""
    program = """
        a, b = csock.socketpair()
        a.settimeout(0.01)
        try:
            a.recv(1)
        except TimeoutError:
            pass
        a.settimeout(None)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGURG})
        job = testkit.Job(a.recv, 1).wait_blocked()
        for _ in range(20):
            os.kill(os.getpid(), signal.SIGURG)
            assert signal.sigtimedwait({signal.SIGURG}, 5), "lost"
        begun = time.monotonic()
        a.close()
        check_closed(job)
        assert time.monotonic() - begun < 0.5 * testkit.SLOWNESS
        print("done")
    """
    assert run_program(program).stdout == "done\n"


def test_program_that_resets_all_signals_while_sockets_are_closed():
    """As programs do before they run others. The default of a real-time signal is to kill."""
    program = """
        import ctypes
        reset = ctypes.CDLL(None).signal
        numbers = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGINT}
        stop = []
        def reset_all():
            while not stop:
                for number in numbers:
                    reset(int(number), None)
        resetter = testkit.Job(reset_all)
        for _ in range(50):
            a, b = csock.socketpair()
            jobs = [testkit.Job(a.recv, 1).wait_blocked() for _ in range(4)]
            a.close()
            for job in jobs:
                check_closed(job)
            b.close()
        stop.append(True)
        resetter.result()
        print("done")
    """
    assert run_program(program).stdout == "done\n"
