"""Captures in programs that do what hurts them: close what they have not opened, fork in a signal's
handler, take a signal for their own; and captures of sockets that are busy."""

import os
import socket as stock
import threading

import childkit
import pytest
import testkit
from capturekit import fields, followed, with_tshark

import csock

PAIR = """
import csock
a, b = csock.socketpair()
a.sendall(b"hello")
print(b.recv(10).decode())
"""


def test_a_descriptor_that_is_another_files_stays_open(tmp_path):
    """The capture ends after the program has closed its descriptor, and got the number again."""
    a, b = csock.socketpair()
    with a, b:
        capture = csock.capture(a, tmp_path / "a")
        (fd,) = (int(fd) for fd in os.listdir("/proc/self/fd")
                 if os.path.realpath(f"/proc/self/fd/{fd}") == str(tmp_path / "a"))  # fmt: skip
        with open(tmp_path / "other", "wb") as other:
            os.dup2(other.fileno(), fd)
            capture.close()
            assert os.path.realpath(f"/proc/self/fd/{fd}") == str(tmp_path / "other")
            os.close(fd)


def test_a_busy_socket_is_captured_again(tmp_path):
    """Calls that are on their way find the old file done, while the new one comes."""
    a, b = csock.socketpair()
    path = tmp_path / "a"
    over = threading.Event()

    def send():
        while not over.is_set():
            a.sendall(b"x")

    def receive():
        while b.recv(1 << 16):
            pass

    with a, b:
        jobs = [testkit.Job(send), testkit.Job(send), testkit.Job(receive)]
        try:
            for _ in range(60):
                with csock.capture(a, path):
                    head = os.stat(path).st_size
                    testkit.wait_for(lambda head=head: os.stat(path).st_size > head + 1000)
                os.unlink(path)
        finally:
            over.set()
            for job in jobs[:2]:
                job.result()
            a.shutdown(stock.SHUT_WR)
            jobs[2].result()


FORK_INSIDE = """
import csock, os, signal, sys
a, b = csock.socketpair()
csock.capture(a, sys.argv[1])
wait, go = os.pipe()

def fork(*_):
    global pid
    pid = os.fork()
    if pid == 0:
        os.read(wait, 1)
    b.sendall(b"parent" if pid else b"child!")

signal.signal(signal.SIGALRM, fork)
signal.setitimer(signal.ITIMER_REAL, 0.2)
print(a.recv(6).decode(), flush=True)
if pid == 0:
    os._exit(0)
os.write(go, b"x")
os.waitpid(pid, 0)
a.sendall(b"after")
"""


@with_tshark
def test_a_handler_that_forks_in_a_captured_call(env, tmp_path):
    """The child goes on in the call, after the parent has, and leaves the file alone."""
    path = tmp_path / "a.pcapng"
    assert childkit.out(FORK_INSIDE, path, env=env).split() == ["parent", "child!"]
    assert sorted(followed(path)) == [b"after", b"parent"]


def test_a_relative_folder_that_is_gone(env, tmp_path):
    program = "import os, sys; os.rmdir(os.getcwd()); import csock\n" + PAIR
    folder = tmp_path / "gone"
    folder.mkdir()
    done = childkit.code(program, env={**env, "CSOCK_PCAP": "here"}, cwd=folder)
    says = "csock: CSOCK_PCAP=here: there is no such folder, and nothing is captured\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello\n", says)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("handler", ["SIG_DFL", "default_int_handler"])
def test_the_signal_of_a_full_file_is_not_the_programs(env, tmp_path, when, handler):
    program = f"""
import csock, resource, signal, sys
a, b = csock.socketpair()
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
def set_handler(): signal.signal(signal.SIGXFSZ, signal.{handler})
if {when == "before"}: set_handler()
csock.capture(a, sys.argv[1])
if {when == "after"}: set_handler()
a.sendall(b"x" * 4000)
print(len(b.recv(4000)))
"""
    done = childkit.code(program, tmp_path / "a", env=env)
    says = f"csock: no more is captured to {tmp_path / 'a'}: File too large\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, "4000\n", says)


@with_tshark
def test_who_has_begun_a_connection_that_was_not_waited_for(tmp_path):
    """Not the side with the lower port, as would be guessed."""
    a, b = (csock.socket() for _ in range(2))
    for sock in (a, b):
        sock.bind(("127.0.0.1", 0))
    client, server = sorted((a, b), key=lambda sock: sock.getsockname()[1])
    with client, server, csock.capture(client, tmp_path / "a"):
        own, peer = (str(sock.getsockname()[1]) for sock in (client, server))
        server.listen()
        client.setblocking(False)
        client.connect_ex(server.getsockname())
        with server.accept()[0] as other:
            other.sendall(b"x")
            client.settimeout(60)
            assert client.recv(1) == b"x"
    first = fields(tmp_path / "a", "tcp.srcport", "tcp.dstport", "tcp.flags")[0]
    assert first == [own, peer, "0x0002"]


@pytest.mark.parametrize("first", [1, None, b"a", "a\0b", "\ud800", ""])
def test_any_name_of_a_program(monkeypatch, tmp_path, first):
    monkeypatch.setattr("sys.argv", [first])
    with csock.socketpair()[0] as a, csock.capture(a, tmp_path / "a"):
        pass


def test_datagrams_end_by_shutdown(tmp_path):
    a, b = csock.socketpair(type=stock.SOCK_DGRAM)
    with a, b, csock.capture(a, tmp_path / "a"):
        job = testkit.Job(a.recv, 10)
        a.shutdown(stock.SHUT_RD)
        assert job.result() == b""
        assert testkit.Job(a.recv, 10).result() == b""
