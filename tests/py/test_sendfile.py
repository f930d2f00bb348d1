"""sendfile(): by the system call and by reading, where the file's position is then, and waiting."""

import errno
import fcntl
import importlib
import io
import os
import signal
import time

import pytest
import testkit

DATA = bytes(range(256)) * 16 * 64  # 256 KiB


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "data"
    path.write_bytes(DATA)
    return path


@pytest.fixture(params=["sendfile", "_sendfile_use_sendfile", "_sendfile_use_send"])
def way(request):
    return request.param


@pytest.fixture
def pair(impl):
    with testkit.closing(*testkit.tcp_pair(impl)) as sockets:
        yield sockets


def giveup(impl):
    """A private name of the module that stands for `socket`."""
    name = "csock.dropin" if impl.__name__ == "csock" else impl.__name__
    return importlib.import_module(name)._GiveupOnSendfile


def received(b, a=None):
    if a is not None:
        a.close()
    parts = []
    while part := b.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize(
    ("offset", "count"),
    [(0, None), (0, 5), (0, len(DATA)), (0, len(DATA) + 9), (1000, None), (1000, 9000)]
    + [(len(DATA), None), (len(DATA) + 5, 7)],
)
@pytest.mark.parametrize("timeout", [None, 30])
def test_parts(pair, path, way, timeout, offset, count):
    a, b = pair
    a.settimeout(timeout)
    reader = testkit.Job(received, b)
    expected = DATA[offset:] if count is None else DATA[offset : offset + count]
    with open(path, "rb") as file:
        assert getattr(a, way)(file, offset, count) == len(expected)
        if expected:
            assert file.tell() == offset + len(expected)
    a.close()
    assert reader.result() == expected


def test_the_position_before_does_not_count(pair, path, impl):
    a, b = pair
    with open(path, "rb") as file:
        file.seek(77)
        assert a._sendfile_use_sendfile(file, 0, 10) == 10 and file.tell() == 10
    assert b.recv(10) == DATA[:10]


def test_what_is_no_file_is_read(pair, impl):
    a, b = pair
    for file in io.BytesIO(b"abcdef"), Reads(b"abcdef"):
        assert a.sendfile(file, 0, 4) == 4
        assert b.recv(9) == b"abcd"
    with pytest.raises(giveup(impl)):
        a._sendfile_use_sendfile(io.BytesIO(b"abcdef"))


class Reads:
    """Something to read from, that has no position, nor anything else."""

    def __init__(self, data):
        self.data = io.BytesIO(data)

    def read(self, n):
        return self.data.read(n)


def test_a_pipe_is_read(pair, impl):
    a, b = pair
    reader, writer = os.pipe()
    os.write(writer, b"through")
    os.close(writer)
    with open(reader, "rb", buffering=0) as file:
        # A pipe says that it has no bytes, which counts as an empty file.
        assert a._sendfile_use_sendfile(file) == 0
    with open(os.devnull, "rb") as file:
        assert a.sendfile(file) == 0


def test_arguments(impl, path, way):
    with impl.socket(impl.AF_INET, impl.SOCK_DGRAM) as s, open(path, "rb") as file:
        with pytest.raises(ValueError, match="^only SOCK_STREAM type sockets are supported$"):
            getattr(s, way)(file)
    with testkit.closing(*testkit.tcp_pair(impl)) as (a, b), open(path, "rb") as file:
        with open(path) as text:
            with pytest.raises(ValueError, match="^file should be opened in binary mode$"):
                getattr(a, way)(text)
        for count, kind in ("5", TypeError), (1.5, TypeError), (0, ValueError), (-1, ValueError):
            with pytest.raises(kind) as info:
                getattr(a, way)(file, 0, count)
            assert str(info.value) == f"count must be a positive integer (got {count!r})"
        a.setblocking(False)
        with pytest.raises(ValueError, match="^non-blocking sockets are not supported$"):
            getattr(a, way)(file)
        a.setblocking(True)
        with pytest.raises(TypeError):
            getattr(a, way)(file, "0")
        with pytest.raises((OSError, giveup(impl))):
            getattr(a, way)(file, -5)
        assert file.tell() == 0


def test_a_closed_socket(impl, path):
    a, b = testkit.tcp_pair(impl)
    a.close()
    with b, open(path, "rb") as file:
        with pytest.raises(ValueError, match="^Invalid file descriptor: -1$"):
            a._sendfile_use_sendfile(file)
        with pytest.raises(OSError) as info:
            a._sendfile_use_send(file)
        assert info.value.errno == errno.EBADF


def test_errors_of_files(impl, pair):
    a, _ = pair

    class File:
        def __init__(self, fd):
            self.fd = fd

        def fileno(self):
            return self.fd

    for fd, kind in (10**6, giveup(impl)), (2**1000, OverflowError), (None, TypeError):
        with pytest.raises(kind):
            a._sendfile_use_sendfile(File(fd))


def test_the_timeout_is_that_of_each_step(pair, path, way):
    a, b = pair
    testkit.fill(a, b)
    a.settimeout(0.1)
    with open(path, "rb") as file:
        with testkit.Stopwatch() as watch, pytest.raises(TimeoutError, match="^timed out$"):
            getattr(a, way)(file)
        assert 0.1 <= watch.wall
        assert file.tell() == 0 or way == "_sendfile_use_send" or way == "sendfile"


def test_after_an_error_the_position_says_how_much_went(pair, path, way):
    a, b = pair
    a.setsockopt(1, 7, 4096)  # SO_SNDBUF
    b.setsockopt(1, 8, 4096)  # SO_RCVBUF
    a.settimeout(0.2)
    with open(path, "rb") as file, pytest.raises(TimeoutError):
        try:
            getattr(a, way)(file)
        finally:
            sent = file.tell()
    assert 0 < sent < len(DATA)
    assert received(b, a) == DATA[:sent]


def test_a_peer_that_is_gone(pair, path, way):
    a, b = pair
    b.close()
    with open(path, "rb") as file, pytest.raises((BrokenPipeError, ConnectionResetError)):
        for _ in range(100):
            getattr(a, way)(file)


def nonblocking_behind_its_back(s):
    flags = fcntl.fcntl(s.fileno(), fcntl.F_GETFL)
    fcntl.fcntl(s.fileno(), fcntl.F_SETFL, flags | os.O_NONBLOCK)


def test_waiting_is_no_spinning(csock, path, way, monkeypatch):
    """On a descriptor that somebody else made non-blocking, stock's reading way spins."""
    tries = []

    class Counting(csock.socket):
        def send(self, data):
            tries.append(1)
            return super().send(data)

    def counting(*args):
        tries.append(1)
        return send_file(*args)

    module = importlib.import_module("csock._helpers")
    send_file = module.send_file
    monkeypatch.setattr(module, "send_file", counting)
    a, b = csock.socketpair()
    a = Counting(fileno=a.detach())
    with a, b, open(path, "rb") as file:
        filled = testkit.fill(a, b)
        nonblocking_behind_its_back(a)
        tries.clear()
        job = testkit.Job(getattr(a, way), file).wait_blocked()
        time.sleep(0.5)
        assert len(tries) == 1
        reader = testkit.Job(testkit.drain, b, filled + len(DATA))
        assert job.result() == len(DATA)
        reader.result()


def test_signals(impl, path, way, on_alarm):
    a, b = impl.socketpair()
    filled = testkit.fill(a, b)
    heard = []
    on_alarm(lambda: heard.append(1), 0.02, 0.02)
    reader = testkit.later(0.4, testkit.drain, b, filled + len(DATA))
    with open(path, "rb") as file:
        assert getattr(a, way)(file) == len(DATA)
    signal.setitimer(signal.ITIMER_REAL, 0)
    reader.result()
    assert len(heard) >= 2
    a.close()
    b.close()


@pytest.mark.parametrize("timeout", [None, 30])
def test_closing_ends_it(csock, path, way, timeout):
    a, b = testkit.tcp_pair(csock)
    with b, open(path, "rb") as file:
        testkit.fill(a, b)
        a.settimeout(timeout)
        job = testkit.Job(getattr(a, way), file).wait_blocked()
        start = time.monotonic()
        a.close()
        error = job.failure()
        assert job.ended - start < 10
        assert type(error) is OSError and error.errno == errno.EBADF


NAMES = """
import sys
import csock
from csock.dropin import *
import csock.dropin
before = "selectors" in sys.modules
if sys.version_info < (3, 14):
    assert csock.dropin.selectors.DefaultSelector and csock.dropin.array.array
try:
    csock.dropin.no_such_name
except AttributeError as error:
    print(before, error)
"""


def test_modules_come_when_asked_for():
    text = "False module 'csock.dropin' has no attribute 'no_such_name'\n"
    assert testkit.run_python(NAMES).stdout == text


@pytest.mark.parametrize("timeout", [None, 5])
def test_what_stands_for_the_system_call_is_heard(pair, path, timeout, monkeypatch):
    """Tools that look for calls that block put themselves there."""
    a, b = pair
    a.settimeout(timeout)
    calls = []
    real = os.sendfile
    monkeypatch.setattr(os, "sendfile", lambda *args: calls.append(args) or real(*args))
    with open(path, "rb") as file:
        assert a.sendfile(file, 1, 20) == 20 and file.tell() == 21
        assert b.recv(100) == path.read_bytes()[1:21]
        assert calls[0] == (a.fileno(), file.fileno(), 1, 20)

    def refuse(*args):
        raise RuntimeError("it blocks")

    monkeypatch.setattr(os, "sendfile", refuse)
    with open(path, "rb") as file, pytest.raises(RuntimeError, match="it blocks"):
        a.sendfile(file)
