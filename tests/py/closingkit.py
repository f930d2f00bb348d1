"""What can be blocked in a socket, and programs in which sockets are closed under such calls."""

import errno
import os
import textwrap

import pytest
import testkit

# Seconds. Mostly it is one of a thousand, but the machine may be busy; what missed its wake-up, or
# its closer that waits for it, would need one second or more.
PROMPT = 0.4
TIMEOUTS = pytest.mark.parametrize("timeout", [None, 30])


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
