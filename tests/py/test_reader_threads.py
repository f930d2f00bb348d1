"""csock.Reader with several threads, signals, closing, and several interpreters."""

import contextlib
import errno
import random
import signal
import socket as stock
import subprocess
import sys
import sysconfig
import threading

import pytest
import testkit
from test_interpreters import interpreters
from test_interpreters import run as in_interpreters

import csock

IN_USE = "the reader is in use"


BLOCKING = {
    "readline": lambda r: r.readline(),
    "readexactly": lambda r: r.readexactly(9),
    "a large readexactly": lambda r: r.readexactly(500_000),
    "read": lambda r: r.read(),
    "peek": lambda r: r.peek(9),
}


@pytest.mark.parametrize("call", BLOCKING)
def test_closing_wakes_who_reads(pair, call):
    a, b = pair
    reader = csock.Reader(b)
    a.sendall(b"abc")
    job = testkit.Job(BLOCKING[call], reader).wait_blocked()
    b.close()
    error = job.failure()
    assert (type(error), error.errno) == (OSError, errno.EBADF)
    assert "closed by another thread" in str(error)
    assert (reader.pending, reader.readexactly(3)) == (3, b"abc")


def test_another_thread_is_refused(pair):
    a, b = pair
    reader = csock.Reader(b)
    a.sendall(b"abc")
    assert reader.readexactly(1) == b"a"
    job = testkit.Job(reader.readline).wait_blocked()
    for call in (*BLOCKING.values(), lambda r: r.detach(), next, lambda r: r.read(0)):
        with pytest.raises(RuntimeError, match=IN_USE):
            call(reader)
    assert (reader.pending, reader.at_eof()) == (2, False)  # as the newest call has left it
    a.sendall(b"\n")
    assert job.result() == b"bc\n"
    a.close()
    assert (reader.read(), reader.at_eof()) == (b"", True)


@contextlib.contextmanager
def signalled(reader, act):
    """Sends this thread signals in the block. Where one comes while a call on the reader is inside,
    its handler calls act(), until that sets the event that it gets."""
    main, done = threading.current_thread(), threading.Event()

    def send():
        while not done.wait(0.02):
            signal.pthread_kill(main.ident, signal.SIGUSR1)

    def handle(number, frame):
        try:
            reader.read(0)
        except RuntimeError:
            if not done.is_set():
                act(done)

    before = signal.signal(signal.SIGUSR1, handle)
    job = testkit.Job(send)
    try:
        yield
    finally:
        done.set()
        job.result()
        signal.signal(signal.SIGUSR1, before)


class Stop(Exception):
    pass


@pytest.mark.parametrize("call", BLOCKING)
@pytest.mark.parametrize("module", [csock, stock])
def test_a_handler_that_raises_loses_nothing(call, module):
    def stop(done):
        done.set()
        raise Stop

    a, b = module.socketpair()
    with a, b:
        reader = csock.Reader(b)
        a.sendall(b"abc")
        with signalled(reader, stop), pytest.raises(Stop):
            BLOCKING[call](reader)
        a.sendall(b"d\n")
        assert (reader.pending, reader.readline()) == (3, b"abcd\n")


def test_a_handler_that_reads_is_refused(pair):
    """The call below is in the middle of its bytes: what the handler raises ends it, they stay."""

    def read(done):
        done.set()
        reader.readline()

    a, b = pair
    reader = csock.Reader(b)
    a.sendall(b"abc")
    with signalled(reader, read), pytest.raises(RuntimeError, match=IN_USE):
        reader.readline()
    a.sendall(b"d\n")
    assert (reader.pending, reader.readline()) == (3, b"abcd\n")


def test_a_handler_that_comes_back_changes_nothing(pair):
    a, b = pair
    reader, seen = csock.Reader(b), []
    a.sendall(b"abc")

    def look(done):
        seen.append((reader.pending, reader.at_eof()))
        if len(seen) == 3:
            done.set()
            a.sendall(b"d\n")

    with signalled(reader, look):
        assert reader.readline() == b"abcd\n"
    assert seen == [(0, False)] * 3


# Its recv_into is C, has always something, and runs no Python.
ENDLESS = """
import resource, signal, threading, types, csock
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
reader = csock.Reader(types.SimpleNamespace(recv_into=len))
"""
RAISES = """
def stop(*args):
    raise KeyboardInterrupt
resource.setrlimit(resource.RLIMIT_AS, (used + (2 << 30),) * 2)
signal.signal(signal.SIGALRM, stop)
signal.setitimer(signal.ITIMER_REAL, 0.02)
try:
    reader.read()
except KeyboardInterrupt:
    print(reader.pending > 0, reader.readexactly(3))
"""
TURNS = """
import sys, time
sys.setswitchinterval(1e-5)
begun, ended, turns = threading.Event(), [], 0
def read():
    begun.set()
    while not ended:
        try:
            ended.append(len(reader.peek(300 << 20)))
        except RuntimeError:  # without a GIL: the other is just looking
            pass
thread = threading.Thread(target=read)
thread.start()
begun.wait()
while not ended:
    time.sleep(0)  # and stands in line for the GIL again
    try:
        reader.read(0)
    except RuntimeError:  # the call is inside
        turns += 1
print(turns > 2)
"""


@pytest.mark.skipif(testkit.SANITISED, reason="a sanitizer takes address space of its own")
def test_a_handler_runs_in_a_call_that_never_waits():
    assert testkit.run_python(ENDLESS + RAISES).stdout == "True b'\\x00\\x00\\x00'\n"


def test_other_threads_have_their_turns_in_a_call_that_never_waits():
    assert testkit.run_python(ENDLESS + TURNS).stdout == "True\n"


def test_many_threads_at_one_reader_lose_no_byte(pair):
    """Each gets its bytes or is refused; together they get each byte once."""
    a, b = pair
    lines = [b"%07d\n" % n for n in range(20_000)]
    reader, got = csock.Reader(b), []

    def read():
        mine, chosen = [], random.Random(threading.get_ident())
        while not reader.at_eof():
            try:
                n = chosen.choice([1, 3, 100])
                data = reader.readexactly(8 * n) if n > 1 else reader.readline()
            except RuntimeError:
                continue
            except csock.IncompleteReadError as error:
                data = error.partial
            mine.append(data)
        got.extend(mine)

    jobs = [testkit.Job(read) for _ in range(4)]
    for at in range(0, len(lines), 500):
        a.sendall(b"".join(lines[at : at + 500]))
    a.shutdown(csock.SHUT_WR)
    for job in jobs:
        job.result(100 * testkit.SLOWNESS)
    pieces = b"".join(got)
    assert len(pieces) == 8 * len(lines)
    assert sorted(pieces.split(b"\n")[:-1]) == [line[:-1] for line in lines]


def test_each_thread_with_its_own(pair):
    """Side by side where there is no GIL."""

    def work():
        a, b = csock.socketpair()
        with a, b:
            reader = csock.Reader(b)
            for n in range(300):
                a.sendall(b"%d\n" % n + bytes(n))
                assert reader.readline() == b"%d\n" % n
                assert reader.readexactly(n) == bytes(n)
        return True

    assert all(job.result() for job in [testkit.Job(work) for _ in range(4)])


FIRST = """
import threading, csock
csock.socket
start, got = threading.Barrier(8), []
def ask():
    start.wait()
    got.append((csock.Reader, csock.IncompleteReadError, csock.LimitOverrunError))
threads = [threading.Thread(target=ask) for _ in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
print(len(got), len(set(got)), "Reader" in vars(csock))
"""


def test_all_threads_get_the_same_classes():
    assert testkit.run_python(FIRST).stdout == "8 1 True\n"


def test_a_program_that_has_no_reader_makes_none():
    program = "import csock; csock.socket(); print('Reader' in vars(csock))"
    assert testkit.run_python(program).stdout == "False\n"


WORK = """
import csock
a, b = csock.socketpair()
r = csock.Reader(b)
a.sendall(b"line" + bytes([10]) + b"rest")
a.close()
print(r.readline(), csock.Reader.__module__, flush=True)
try:
    r.readexactly(9)
except csock.IncompleteReadError as error:
    print(error.partial, flush=True)
"""


@pytest.mark.skipif(interpreters is None, reason="this Python has one interpreter only")
def test_each_interpreter_has_its_own():
    out = in_interpreters(f"run({WORK!r})\n{WORK}\nrun({WORK!r})")
    assert out == "b'line\\n' csock\nb'rest'\n" * 3


AT_THE_END = """
import csock
class Late:
    def __init__(self):
        self.a, self.b = csock.socketpair()
        self.reader = csock.Reader(self.b)
    def __del__(self):
        self.a.sendall(b"line" + bytes([10]))
        print(self.reader.readline())
        self.a.close()
        try:
            self.reader.readexactly(1)
        except EOFError as error:
            print(error.expected)
late = Late()
"""


@pytest.mark.skipif(bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
                    reason="finalizers run there by size: the socket's may come first")
def test_a_reader_works_to_the_end_of_the_interpreter():
    done = subprocess.run([sys.executable, "-c", AT_THE_END], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("b'line\\n'\n1\n", "")


def test_a_child_reads_on(pair):
    """What has come before the fork is there in both."""
    program = """
import os, csock
a, b = csock.socketpair()
r = csock.Reader(b)
a.sendall(b"one|two|three|")
assert r.readuntil(b"|") == b"one|"
pid = os.fork()
assert r.readuntil(b"|") == b"two|"
assert r.read(99) == b"three|"
if pid == 0:
    os._exit(0)
print(os.waitpid(pid, 0)[1])
"""
    assert testkit.run_python(program).stdout == "0\n"
