"""Many threads in one socket and in many: nothing is lost, counted twice or closed twice.

With a GIL these hold, too, and run as a check of the tests themselves; where Python has none, they
are what the critical sections and atomic members of the extension are for, and under
ThreadSanitizer (tests/lab/free-threaded.sh) every unguarded access is a report."""

import contextlib
import errno
import importlib
import os
import random
import subprocess
import sys
import sysconfig
import threading

import pytest
import testkit

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
UNDER_TSAN = "CSOCK_TSAN" in os.environ
ROUNDS = 20 if UNDER_TSAN else 100
THREADS = 4

# What a call may say when another thread closes or empties the socket.
FINE = (errno.EBADF, errno.EAGAIN, errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.EINVAL)


@contextlib.contextmanager
def closed_meanwhile():
    try:
        yield
    except OSError as error:
        if not isinstance(error, TimeoutError) and error.errno not in FINE:
            raise


def at_once(*functions, threads=THREADS):
    """Each function in so many threads of its own, all of them started together."""
    start = threading.Barrier(len(functions) * threads)

    def run(function):
        start.wait()
        return function()

    jobs = [testkit.Job(run, function) for function in functions for _ in range(threads)]
    return [job.result(60 * testkit.SLOWNESS) for job in jobs]


def in_turn(things, function):
    """The function on each of the things, by many threads of which each takes the next one."""
    left = iter(things)
    lock = threading.Lock()

    def run():
        while True:
            with lock:
                thing = next(left, None)
            if thing is None:
                return
            function(thing)

    at_once(run)


def repeated(step, rounds=ROUNDS):
    def run():
        for _ in range(rounds):
            with closed_meanwhile():
                step()

    return run


# ------------------------------------------------------------------ no GIL


@pytest.mark.skipif(not FREE_THREADED, reason="this Python has a GIL")
@pytest.mark.parametrize("how", ["import csock", "import csock; csock.install(); import socket"])
def test_importing_leaves_the_gil_off(how):
    program = f"import sys; {how}; import csock._core, csock._socket; print(sys._is_gil_enabled())"
    env = {name: value for name, value in os.environ.items() if name != "PYTHON_GIL"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], env=env, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("False\n", "")


# ------------------------------------------------------------------ one socket


@pytest.mark.parametrize("timeout", [None, 5])
def test_bytes_through_one_socket_are_all_there(csock, timeout):
    a, b = csock.socketpair()
    with a, b:
        a.settimeout(timeout)
        b.settimeout(timeout)
        each, total = ROUNDS * 16, THREADS * ROUNDS * 16
        left = [total]
        lock = threading.Lock()

        def send():
            for _ in range(each):
                assert a.send(b"x") == 1

        def receive():
            while True:
                with lock:
                    if left[0] <= 0:
                        return
                    size = min(left[0], random.choice([1, 100, 600, 5000]))
                    left[0] -= size
                while size:
                    data = b.recv(size)
                    assert data == b"x" * len(data)
                    size -= len(data)

        at_once(send, receive)
        b.setblocking(False)
        with pytest.raises(BlockingIOError):
            b.recv(1)


def test_large_buffers_are_nobody_elses(csock):
    """recv(n) for a large n takes memory that is used again."""
    pairs = [(number + 1, csock.socketpair()) for number in range(THREADS)]

    def run(numbered):
        number, (a, b) = numbered
        for length in range(1, ROUNDS * 4):
            mine = bytes([number]) * (length % 700 + 1)
            a.send(mine)
            assert b.recv(65536) == mine

    in_turn(pairs, run)
    for _, (a, b) in pairs:
        a.close()
        b.close()


@pytest.mark.parametrize("end", ["close", "detach"])
def test_of_many_that_close_one_does(csock, end):
    before = testkit.open_fds()
    for _ in range(ROUNDS // 4):
        a, b = csock.socketpair()
        ended = at_once(getattr(a, end))
        assert a.fileno() == -1
        if end == "detach":
            (fd,) = {value for value in ended if value >= 0}
            assert sorted(ended) == [-1] * (THREADS - 1) + [fd]
            os.close(fd)
        b.close()
    assert testkit.open_fds() == before


def test_timeout_and_mode_belong_together(csock):
    a, b = csock.socketpair()
    with a, b:
        values = [None, 0, 5.0]

        def change():
            for _ in range(ROUNDS):
                a.settimeout(random.choice(values))
                a.gettimeout(), a.getblocking(), a.timeout

        for _ in range(10):
            at_once(change, threads=THREADS)
            assert os.get_blocking(a.fileno()) == (a.gettimeout() is None)


def everything_at_once(csock, a, b, end):
    """All of it on a, in a thread for each, while one more thread ends it."""

    def detach():
        if (fd := a.detach()) >= 0:
            os.close(fd)

    steps = [
        lambda: a.send(b"x" * 100),
        lambda: a.sendall(b"x" * 100),
        lambda: a.recv(10),
        lambda: a.recv_into(bytearray(10)),
        lambda: a.recvmsg(10),
        lambda: a.sendmsg([b"x", b"y"]),
        lambda: b.recv(65536),
        lambda: b.send(b"y" * 20),
        lambda: a.settimeout(random.choice([0, 0.05])),
        lambda: (a.fileno(), a.family, a.type, a.proto, repr(a)),
        lambda: a.getsockopt(csock.SOL_SOCKET, csock.SO_TYPE),
        lambda: a.getsockname(),
    ]
    calls = [repeated(step, ROUNDS // 5) for step in steps]
    at_once(*calls, detach if end == "detach" else a.close, threads=1)


@pytest.mark.parametrize("end", ["close", "detach"])
def test_everything_at_once_on_one_socket(csock, end):
    before = testkit.open_fds()
    for _ in range(5):
        a, b = csock.socketpair()
        with a, b:
            a.settimeout(0.05)
            b.settimeout(0.05)
            everything_at_once(csock, a, b, end)
    assert testkit.open_fds() == before


def test_init_again_under_running_calls(csock):
    """A new descriptor takes the place of the old one while others use the object."""
    s = csock.socket(csock.AF_INET, csock.SOCK_DGRAM)
    s.settimeout(0)
    before = testkit.open_fds()

    def init():
        with contextlib.suppress(ValueError):  # in use by another call
            s.__init__(csock.AF_INET, csock.SOCK_DGRAM)

    def use():
        assert s.family in (csock.AF_INET, -1)
        with contextlib.suppress(BlockingIOError):
            s.settimeout(0)
            s.recv(10)

    at_once(repeated(init), repeated(use), repeated(s.close), threads=2)
    s.close()
    assert testkit.open_fds() == before - 1


def test_datagrams_of_many_threads_on_two_sockets(csock):
    with csock.socket(type=csock.SOCK_DGRAM) as a, csock.socket(type=csock.SOCK_DGRAM) as b:
        a.bind(("127.0.0.1", 0))
        b.bind(("127.0.0.1", 0))
        names = a.getsockname(), b.getsockname()
        for s in (a, b):
            s.settimeout(5)

        def exchange():
            for _ in range(ROUNDS):
                for frm, to, number in ((a, b, 0), (b, a, 1)):
                    assert frm.sendto(b"z" * 40, names[1 - number]) == 40
                    data, address = to.recvfrom(100)
                    assert (data, address) == (b"z" * 40, names[number])

        at_once(exchange)


# ------------------------------------------------------------------ files


def test_files_made_at_once_keep_the_socket_open(csock):
    """_io_refs counts each of them: the last to close closes the descriptor."""
    for _ in range(4):
        a, b = csock.socketpair()
        files = []
        in_turn(range(ROUNDS * 40), lambda _, a=a, files=files: files.append(a.makefile("rb", 0)))
        assert a._io_refs == len(files)
        a.close()
        assert a.fileno() >= 0
        in_turn(files[1:], lambda file: file.close())
        assert a.fileno() >= 0
        files[0].close()
        assert a.fileno() == -1
        b.close()


def test_file_that_many_close(csock):
    """It gives back one reference, whoever is first."""
    for _ in range(ROUNDS // 4):
        a, b = csock.socketpair()
        file, other = a.makefile("rwb", 0), a.makefile("rb", 0)
        a.close()
        at_once(file.close, lambda file=file: file.closed)
        assert (file.closed, file.name) == (True, -1)
        assert a.fileno() >= 0
        other.close()
        assert a.fileno() == -1
        b.close()


def use_and_close(csock):
    a, b = csock.socketpair()
    with b:
        a.settimeout(0.2)
        file = a.makefile("rwb", 0)
        b.sendall(b"x" * 1000)

        def use(step):
            def run():
                with contextlib.suppress(ValueError, OSError):
                    for _ in range(50):
                        step()

            return run

        steps = [
            lambda: file.readinto(bytearray(7)),
            lambda: file.write(b"abc"),
            lambda: (file.name, file.mode, file.closed, file.readable(), file.writable()),
            lambda: file.fileno(),
        ]
        at_once(*map(use, steps), lambda: (file.close(), a.close()), threads=1)
        assert a.fileno() == -1


def test_file_closed_under_its_readers(csock):
    for _ in range(ROUNDS // 10):
        use_and_close(csock)


# ------------------------------------------------------------------ the module


def test_accept_by_many(csock):
    with testkit.listener(csock, backlog=64) as server:
        address = server.getsockname()
        server.settimeout(20)

        def serve():
            for _ in range(ROUNDS // 4):
                connection, peer = server.accept()
                with connection:
                    assert type(connection) is csock.socket
                    assert connection.getpeername() == peer
                    connection.sendall(b"hello")

        def ask():
            for _ in range(ROUNDS // 4):
                with csock.create_connection(address) as s, s.makefile("rb") as file:
                    assert file.read() == b"hello"

        at_once(serve, ask)


def test_default_timeout_changes_while_sockets_are_made(csock):
    def change():
        csock.setdefaulttimeout(random.choice([None, 3.0]))

    def make():
        a, b = csock.socketpair()
        with a, b, csock.socket() as c:
            assert {s.gettimeout() for s in (a, b, c)} <= {None, 3.0}
            assert os.get_blocking(c.fileno()) == (c.gettimeout() is None)

    try:
        at_once(repeated(change), repeated(make))
    finally:
        csock.setdefaulttimeout(None)


def test_module_reloaded_under_running_threads():
    """In a process of its own: the module that other tests know must stay the same."""
    program = """if True:
        import importlib, threading, csock.dropin as d
        pairs = [d.socketpair() for _ in range(4)]
        stop = False
        def use(a, b):
            while not stop:
                a.send(b"x")
                with b.makefile("rb", 0) as file:
                    assert file.read(1) == b"x"
                a.family, b.type
        threads = [threading.Thread(target=use, args=pair) for pair in pairs]
        for t in threads: t.start()
        for _ in range(20): importlib.reload(d)
        stop = True
        for t in threads: t.join()
        for a, b in pairs: a.close(), b.close()
        print("done")
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr, done.returncode) == ("done\n", "", 0)


def test_numbers_become_enums_in_many_threads(csock):
    """A flag's unknown combinations are added to the enum by whoever asks first."""
    module = importlib.import_module("csock")

    def look():
        found = module.getaddrinfo("127.0.0.1", random.randrange(1, 9999))
        assert all(isinstance(family, module.AddressFamily) for family, *_ in found)
        module.MsgFlag(random.getrandbits(12))

    at_once(repeated(look, ROUNDS // 2))
