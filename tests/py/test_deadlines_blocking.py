"""csock.deadline on blocking sockets: one for many waits, and what the kernel ties to a blocking
call holds as far as it can."""

import os
import struct
import sys
import threading
import time

import childkit
import pytest
import testkit

import csock
from csock import DeadlineExceeded, deadline

ALSO_SOONER = struct.pack("@ll", 0, 50_000)


@pytest.fixture
def pair():
    a, b = testkit.tcp_pair(csock)
    with a, b:
        yield a, b


def drip(sock, n, pause):
    for _ in range(n):
        time.sleep(pause)
        sock.send(b"x")


# ------------------------------------------- one deadline for many waits


@pytest.mark.parametrize("read", [
    lambda s: [s.recv(1) for _ in range(1000)],
    lambda s: s.makefile("rb").readline(),
    lambda s: s.recv_into(bytearray(1000), 1000, csock.MSG_WAITALL) == 1000 or s.recv(1) and s.recv(
        1000, csock.MSG_WAITALL),
], ids=["recv", "makefile", "WAITALL"])  # fmt: skip
@pytest.mark.parametrize("timeout", [None, 50])
def test_drips_end(pair, read, timeout):
    a, b = pair
    a.settimeout(timeout)
    stop = threading.Event()

    def trickle():
        while not stop.wait(0.02):
            b.send(b"x")

    job = testkit.Job(trickle)
    with testkit.Stopwatch() as watch, pytest.raises(DeadlineExceeded), deadline(0.3) as d:
        while True:
            read(a)
    stop.set()
    job.result()
    assert 0.3 <= watch.wall < 0.3 + testkit.LATE and d.expired()


def test_sendall_to_one_who_hardly_reads(pair):
    a, b = pair
    stop = threading.Event()

    def sip():
        while not stop.wait(0.02):
            b.recv(100)

    job = testkit.Job(sip)
    with testkit.Stopwatch() as watch, pytest.raises(DeadlineExceeded, match="^sendall to"):
        with deadline(0.3):
            a.sendall(bytes(10**8))
    stop.set()
    job.result()
    assert 0.3 <= watch.wall < 0.3 + testkit.LATE


ALWAYS_ROOM = """
import csock, time
a, b = csock.socketpair()
a.settimeout({timeout})
start = time.monotonic()
try:
    with csock.deadline({deadline}):
        a.sendall(bytes(10**8))
except TimeoutError as error:
    print(type(error).__name__, time.monotonic() - start)
"""


@pytest.mark.skipif(bool(testkit.why_no_strace()), reason=str(testkit.why_no_strace()))
@pytest.mark.parametrize(("timeout", "deadline"), [(None, 0.3), (50, 0.3), (0.3, None), (0.3, 50)])
def test_sendall_of_many_parts_that_find_room(timeout, deadline):
    """Each send takes a byte, as strace has it, and none waits."""
    program = ALWAYS_ROOM.format(timeout=timeout, deadline=deadline)
    strace = "strace", "-qq", "-o", "/dev/null", "-e", "inject=sendto:retval=1"
    words = [*strace, sys.executable, "-c", program]
    done = childkit.run(*words, env=childkit.environment())
    assert done.returncode == 0, done.stderr
    name, took = done.stdout.split()
    assert name == ("DeadlineExceeded" if deadline == 0.3 else "TimeoutError")
    assert 0.3 <= float(took) < 0.3 + testkit.LATE


@pytest.mark.parametrize("kind", testkit.STREAMS)
def test_a_blocking_send_takes_all(kind):
    """As without a deadline: programs rely on it."""
    a, b = testkit.stream_pair(csock, kind)
    with a, b:
        job = testkit.Job(testkit.drain, b, 2 * 10**7)
        with deadline(30):
            assert a.send(bytes(10**7)) == 10**7
            assert a.makefile("wb", 0).write(bytes(10**7)) == 10**7
        assert job.result() == 2 * 10**7


def test_a_send_that_it_cuts_short_says_how_much_went_out(pair):
    a, b = pair
    data = bytes(10**8)
    with deadline(0.5):
        sent = a.send(data)
        assert 0 < sent < 10**8
        with pytest.raises(DeadlineExceeded, match="already"):
            a.send(b"x")
    job = testkit.Job(testkit.drain, b)
    a.close()
    assert job.result() == sent


def test_waitall_brings_all_or_what_has_come(pair):
    a, b = pair
    job = testkit.Job(drip, b, 5, 0.02)
    with deadline(30):
        assert a.recv(5, csock.MSG_WAITALL) == b"xxxxx"
    job.result()
    b.send(b"xx")
    with deadline(0.1):
        assert a.recv(5, csock.MSG_WAITALL) == b"xx"
        with pytest.raises(DeadlineExceeded):
            a.recv(5, csock.MSG_WAITALL)


def test_low_water_is_waited_for(pair):
    a, b = pair
    a.setsockopt(csock.SOL_SOCKET, csock.SO_RCVLOWAT, 4)
    job = testkit.Job(drip, b, 4, 0.02)
    with deadline(30):
        assert a.recv(100) == b"xxxx"
    job.result()
    b.send(b"xx")
    with deadline(0.1), pytest.raises(DeadlineExceeded):
        a.recv(100)


@pytest.mark.parametrize("option", ["SO_RCVTIMEO", "SO_SNDTIMEO"])
def test_the_kernels_own_timeouts(pair, option):
    a, b = pair
    testkit.fill(a, b)
    a.setsockopt(csock.SOL_SOCKET, getattr(csock, option), ALSO_SOONER)
    call = (lambda: a.recv(1)) if option == "SO_RCVTIMEO" else (lambda: a.send(b"x"))
    with deadline(30), testkit.Stopwatch() as watch:
        with pytest.raises(BlockingIOError):
            call()
    assert 0.05 <= watch.wall < testkit.LATE
    with deadline(0.01), pytest.raises(DeadlineExceeded):
        call()


def test_the_kernels_own_timeout_of_connect_and_accept():
    server, waiting = testkit.full_tcp_listener(csock)
    with testkit.closing(server, waiting), csock.socket() as s, deadline(30):
        s.setsockopt(csock.SOL_SOCKET, csock.SO_SNDTIMEO, ALSO_SOONER)
        with pytest.raises(BlockingIOError) as caught:
            s.connect(server.getsockname())
        assert caught.value.errno == csock.dropin.errno.EINPROGRESS
    with testkit.listener(csock) as s, deadline(30):
        s.setsockopt(csock.SOL_SOCKET, csock.SO_RCVTIMEO, ALSO_SOONER)
        with pytest.raises(BlockingIOError):
            s.accept()
        assert os.get_blocking(s.fileno())


@pytest.mark.parametrize("flags", ["MSG_DONTWAIT", "MSG_ERRQUEUE"])
def test_flags_that_say_not_to_wait(pair, flags):
    with deadline(30), pytest.raises(BlockingIOError):
        pair[0].recv(1, getattr(csock, flags))
    with deadline(0), pytest.raises(DeadlineExceeded):
        pair[0].recv(1, getattr(csock, flags))


def test_a_unix_listener_whose_backlog_is_full(unix_dir):
    server, waiting = testkit.full_unix_listener(csock, unix_dir / "s")
    with testkit.closing(server, waiting), csock.socket(csock.AF_UNIX) as s:
        with deadline(0.1), pytest.raises(DeadlineExceeded, match=f"connect to {unix_dir}/s: "):
            s.connect(str(unix_dir / "s"))
        assert os.get_blocking(s.fileno())
        with deadline(30):
            job = testkit.Job(s.connect, str(unix_dir / "s"))  # not bound: it is in another thread
            server.accept()[0].close()
            job.result()


# ------------------------------------------------------------ sendfile


def test_sendfile(pair, tmp_path):
    a, b = pair
    (tmp_path / "file").write_bytes(data := os.urandom(3 * 10**6))
    with open(tmp_path / "file", "rb") as file:
        job = testkit.Job(b.recv, len(data) - 10, csock.MSG_WAITALL)
        with deadline(30):
            assert a.sendfile(file, offset=10) == len(data) - 10
            assert file.tell() == len(data)
        assert job.result() == data[10:]
        with deadline(0.1) as d, pytest.raises(DeadlineExceeded, match="^send"):
            while True:
                a.sendfile(file, 0)
        assert d.expired() and os.get_blocking(a.fileno())


def test_sendfile_of_a_deadline_that_has_passed_leaves_the_file_alone(pair, tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 100)
    with open(tmp_path / "file", "rb", 0) as file, deadline(0):
        for how in pair[0].sendfile, pair[0]._sendfile_use_sendfile, pair[0]._sendfile_use_send:
            with pytest.raises(DeadlineExceeded, match="sendfile: .* already"):
                how(file)
            assert file.tell() == 0


# ------------------------------------------------------------ makefile


def test_files_keep_stocks_rule(pair):
    """After a timeout nobody knows what a buffer has lost, and so it is after a deadline."""
    a, b = pair
    b.send(b"half a li")
    with a.makefile("rb") as file:
        with deadline(0.05), pytest.raises(DeadlineExceeded):
            file.readline()
        b.send(b"ne\n")
        with pytest.raises(OSError, match="cannot read from timed out object"):
            file.readline()


def test_what_is_buffered_is_read_after_it_has_passed(pair):
    a, b = pair
    b.send(b"one\ntwo\n")
    with a.makefile("rb") as file:
        assert file.readline() == b"one\n"
        with deadline(0):
            assert file.readline() == b"two\n"


def test_leaving_a_file_in_a_passed_deadline(pair):
    """Flushing is a send; the descriptor is let go of all the same."""
    a, b = pair
    with deadline(0), pytest.raises(DeadlineExceeded), a, a.makefile("wb") as file:
        file.write(b"x")
    assert a.fileno() == -1
