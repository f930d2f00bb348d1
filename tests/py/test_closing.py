"""close() and detach() from another thread end what is blocked in the socket: at once,
with a clear error, and without side effects on signals, other code, forks or the exit."""

import errno
import importlib.util
import os
import resource
import signal
import textwrap
import threading
import time

import pytest
import testkit

# Seconds. Mostly it is one of a thousand, but the machine may be busy; what missed its wake-up, or
# its closer that waits for it, would need one second or more.
PROMPT = 0.4
TIMEOUTS = pytest.mark.parametrize("timeout", [None, 30])


# ----------------------------------------------------- what can be blocked


class Blocked:
    """A socket, a call that blocks in it, and what must stay open meanwhile."""

    def __init__(self, s, call, *keep):
        self.s, self.call, self.keep = s, call, keep

    def release(self):
        for thing in self.keep:
            for s in thing if isinstance(thing, list) else [thing]:
                s.close()


def in_pair(call, kind, full=False):
    def make(csock, directory):
        a, b = testkit.stream_pair(csock, kind)
        if full:
            testkit.fill(a, b)
        return Blocked(a, call, b)

    return make


def in_udp_recvfrom(csock, directory):
    a, b = testkit.udp_pair(csock)
    return Blocked(a, lambda s: s.recvfrom(100), b)


def in_accept(csock, directory):
    return Blocked(testkit.listener(csock), lambda s: s.accept())


def in_unix_accept(csock, directory):
    s = csock.socket(csock.AF_UNIX)
    s.bind(str(directory / "s"))
    s.listen()
    return Blocked(s, lambda s: s.accept())


def in_tcp_connect(csock, directory):
    server, waiting = testkit.full_tcp_listener(csock)
    address = server.getsockname()
    return Blocked(csock.socket(), lambda s: s.connect(address), server, waiting)


def in_tcp_connect_ex(csock, directory):
    blocked = in_tcp_connect(csock, directory)
    address = blocked.keep[0].getsockname()

    def call(s):
        code = s.connect_ex(address)
        raise OSError(code, "closed by another thread")

    blocked.call = call
    return blocked


def in_unix_connect(csock, directory):
    server, waiting = testkit.full_unix_listener(csock, directory / "s")
    address = server.getsockname()
    return Blocked(csock.socket(csock.AF_UNIX), lambda s: s.connect(address), server, waiting)


def in_sendto_a_full_peer(csock, directory):
    server = csock.socket(csock.AF_UNIX, csock.SOCK_DGRAM)
    server.bind(str(directory / "s"))
    address = server.getsockname()
    client = csock.socket(csock.AF_UNIX, csock.SOCK_DGRAM)
    with pytest.raises(BlockingIOError):
        while True:
            client.sendto(b"x", csock.MSG_DONTWAIT, address)
    return Blocked(client, lambda s: s.sendto(b"x", address), server)


CALLS = {
    "recv-tcp": in_pair(lambda s: s.recv(1), "tcp"),
    "recv-unix": in_pair(lambda s: s.recv(1), "unix"),
    "recv-waitall": in_pair(lambda s: s.recv(10, 0x100), "tcp"),
    "recv_into": in_pair(lambda s: s.recv_into(bytearray(1)), "tcp"),
    "recvfrom-tcp": in_pair(lambda s: s.recvfrom(1), "tcp"),
    "recvfrom-udp": in_udp_recvfrom,
    "recvfrom_into": in_pair(lambda s: s.recvfrom_into(bytearray(1)), "unix"),
    "accept-tcp": in_accept,
    "accept-unix": in_unix_accept,
    "connect-tcp": in_tcp_connect,
    "connect_ex-tcp": in_tcp_connect_ex,
    "connect-unix": in_unix_connect,
    "send-tcp": in_pair(lambda s: s.send(b"x"), "tcp", full=True),
    "send-unix": in_pair(lambda s: s.send(b"x"), "unix", full=True),
    "sendall-tcp": in_pair(lambda s: s.sendall(b"x"), "tcp", full=True),
    "sendall-unix": in_pair(lambda s: s.sendall(b"x"), "unix", full=True),
    "sendto": in_sendto_a_full_peer,
}


def check_closed_error(error):
    assert isinstance(error, OSError)
    assert error.errno == errno.EBADF
    assert "closed by another thread" in str(error)


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


# ------------------------------------------------------------------ signals


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


# What follows needs a process of its own: it changes the process, forks, or ends it.

COMMON = """
import errno, os, signal, sys, threading, time
sys.path.insert(0, {here!r})
import csock, testkit
PROMPT = {prompt}

def check_closed(job):
    error = job.failure()
    assert error.errno == errno.EBADF and "closed by another thread" in str(error), error
"""


def run_program(program, *args, **options):
    common = COMMON.format(here=os.path.dirname(os.path.abspath(__file__)), prompt=PROMPT)
    return testkit.run_python(common + textwrap.dedent(program), *args, **options)


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


def test_fork_beside_threads_in_accept_and_recv():
    program = """
        server = testkit.listener(csock)
        address = server.getsockname()
        client, conn = testkit.tcp_pair(csock)
        jobs = [testkit.Job(server.accept), testkit.Job(conn.recv, 1), testkit.Job(conn.recv, 1)]
        for job in jobs:
            job.wait_blocked()
        report_r, report_w = os.pipe()
        go_r, go_w = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(go_w)
            begun = time.monotonic()
            server.close()
            conn.close()
            client.close()
            os.write(report_w, b"%f" % (time.monotonic() - begun))
            os.read(go_r, 1)
            os._exit(7)
        taken = float(os.read(report_r, 100))
        assert taken < 1.5, taken  # a second for each that has threads, if it waited for them

        # The parent's sockets are untouched, and its threads still wait.
        assert not any(job.ended for job in jobs)
        with csock.create_connection(address) as s:
            accepted, _ = jobs[0].result()
            s.send(b"x")
            assert accepted.recv(1) == b"x"
            accepted.setsockopt(csock.SOL_SOCKET, csock.SO_LINGER, b"\\1\\0\\0\\0\\0\\0\\0\\0")
            accepted.close()

        # With the parent's listener closed too, the port is free while the child still lives.
        job = testkit.Job(server.accept).wait_blocked()
        server.close()
        conn.close()
        for job in [job, *jobs[1:]]:
            check_closed(job)
        with csock.socket() as again:
            again.bind(address)
        os.close(go_w)
        assert os.waitpid(child, 0)[1] == 7 << 8
        print("done")
    """
    assert run_program(program).stdout == "done\n"


threads_after_fork = pytest.mark.skipif(
    "CSOCK_TSAN" in os.environ,
    reason="ThreadSanitizer starts no threads in the child of such a fork",
)


@threads_after_fork
def test_child_uses_the_sockets_it_inherited():
    program = """
        server = testkit.listener(csock)
        a, b = csock.socketpair()
        jobs = [testkit.Job(server.accept).wait_blocked(), testkit.Job(a.recv, 1).wait_blocked()]
        child = os.fork()
        if child == 0:
            # Nobody waits here but us: a close by another thread of ours must wake us as well.
            c, d = csock.socketpair()
            job = testkit.Job(c.recv, 1).wait_blocked()
            c.close()
            check_closed(job)
            job = testkit.Job(server.accept).wait_blocked()
            server.close()
            check_closed(job)
            b.send(b"x")
            os._exit(7)
        assert jobs[1].result() == b"x"
        assert os.waitpid(child, 0)[1] == 7 << 8
        assert jobs[0].blocked()
        server.close()
        check_closed(jobs[0])
        print("done")
    """
    assert run_program(program).stdout == "done\n"


@pytest.mark.skipif(
    testkit.SANITISED, reason="ASan's own locks do not survive a fork beside threads that allocate"
)
@threads_after_fork
def test_forks_while_threads_open_wait_and_close():
    program = """
        # What comes when first used is there before: a child of fork() waits for ever for a module
        # that another thread was importing.
        for s in csock.socketpair(): s.close()
        stop = []
        def churn():
            while not stop:
                a, b = csock.socketpair()
                job = testkit.Job(a.recv, 1)
                a.close()
                job.join()
                b.close()
        jobs = [testkit.Job(churn) for _ in range(3)]
        for i in range(15):
            time.sleep(0.01)
            child = os.fork()
            if child == 0:
                a, b = csock.socketpair()
                a.send(b"x")
                assert b.recv(1) == b"x"
                job = testkit.Job(a.recv, 1).wait_blocked()
                a.close()
                check_closed(job)
                os._exit(7)
            assert os.waitpid(child, 0)[1] == 7 << 8
        stop.append(True)
        for job in jobs:
            job.result()
        print("done")
    """
    assert run_program(program).stdout == "done\n"


def test_daemon_threads_blocked_at_exit():
    program = """
        import tempfile
        calls, keep = [], []
        for timeout in (None, 30):
            a, b = csock.socketpair()
            c, d = testkit.tcp_pair(csock)
            testkit.fill(c, d)
            server = testkit.listener(csock)
            full, waiting = testkit.full_tcp_listener(csock)
            e = csock.socket()
            for s in (a, c, server, e):
                s.settimeout(timeout)
            calls += [
                testkit.Job(a.recv, 1), testkit.Job(a.recvfrom, 1), testkit.Job(server.accept),
                testkit.Job(c.send, b"x"), testkit.Job(c.makefile("rb").read),
                testkit.Job(e.connect, full.getsockname()),
            ]
            keep += [b, d, waiting]
        for job in calls:
            job.wait_blocked()
        print(time.monotonic(), flush=True)
    """
    result = run_program(program)
    ended = time.monotonic()
    assert result.returncode == 0 and "Fatal" not in result.stderr
    # Waiting for a second in each of the eight sockets would take eight.
    assert ended - float(result.stdout) < 6


def test_closing_at_exit_beside_blocked_daemon_threads():
    program = """
        import atexit
        a, b = csock.socketpair()
        job = testkit.Job(a.recv, 1).wait_blocked()
        atexit.register(lambda: (a.close(), check_closed(job), print("closed", flush=True)))
    """
    result = run_program(program)
    assert (result.stdout, result.stderr) == ("closed\n", "")


def test_connect_into_a_black_hole():
    """Packets to a neighbour that does not exist: no answer, no error, for a long time."""
    reason = testkit.why_no_netns()
    if reason:
        pytest.skip(reason)
    setup = (
        "ip link set lo up && ip link add va type veth peer name vb && ip link set va up && "
        "ip link set vb up && ip addr add 10.77.0.1/24 dev va && "
        "ip neigh add 10.77.0.2 lladdr 02:00:00:00:00:99 dev va nud permanent && "
        'exec "$0" "$@"'
    )
    program = """
        def wake(timeout):
            s = csock.socket()
            s.settimeout(timeout)
            job = testkit.Job(s.connect, ("10.77.0.2", 80)).wait_blocked()
            begun = time.monotonic()
            s.close()
            check_closed(job)
            return job.ended - begun
        for timeout in (None, 30):
            testkit.best_of(3, lambda: wake(timeout), PROMPT)
        print("done")
    """
    result = run_program(program, prefix=("unshare", "-rn", "sh", "-c", setup), check=False)
    if "RTNETLINK" in result.stderr:
        pytest.skip(f"no veth: {result.stderr.strip()}")
    assert (result.stdout, result.stderr) == ("done\n", "")
