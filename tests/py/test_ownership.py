"""Who owns a descriptor, and what a socket that was made around one knows of it."""

import ctypes
import errno
import gc
import os
import signal
import struct
import threading
import time

import pytest
import testkit


def tcp_pair(impl):
    with testkit.listener(impl) as server:
        client = impl.create_connection(server.getsockname()[:2])
        conn, _ = server.accept()
    return client, conn


def test_a_failing_dup_leaves_the_next_file_alone(csock):
    class Fails(csock.socket):
        armed = False

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            if self.armed:
                raise KeyError("after the descriptor was taken")

    with Fails() as s:
        Fails.armed = True
        try:
            s.dup()
        except KeyError:
            file = open(os.devnull)  # takes the number that is free now
        gc.collect()  # the object that failed went with the exception
        with file:
            assert os.fstat(file.fileno())


def test_a_flush_may_take_the_socket_away(csock):
    class Odd(csock.SocketIO):
        def flush(self):
            if hasattr(self, "_sock"):
                del self._sock

    a, b = csock.socketpair()
    with a, b:
        Odd(a, "r").close()


def test_a_flush_may_close(csock):
    class Odd(csock.SocketIO):
        nested = False

        def flush(self):
            if not self.nested:
                self.nested = True
                self.close()

    a, b = csock.socketpair()
    with a, b:
        Odd(a, "r").close()


@pytest.mark.parametrize("made_by", ["accept", "dup", "fromfd"])
def test_the_low_water_mark_holds_on_sockets_made_from_others(impl, made_by):
    with testkit.listener(impl) as server:
        if made_by == "accept":
            server.setsockopt(impl.SOL_SOCKET, impl.SO_RCVLOWAT, 10)
        client = impl.create_connection(server.getsockname()[:2])
        conn, _ = server.accept()
    if made_by != "accept":
        conn.setsockopt(impl.SOL_SOCKET, impl.SO_RCVLOWAT, 10)
    if made_by == "dup":
        receiver = conn.dup()
    elif made_by == "fromfd":
        receiver = impl.fromfd(conn.fileno(), conn.family, conn.type)
    else:
        receiver = conn
    with client, conn, receiver:
        client.sendall(b"abc")

        def send_the_rest():
            time.sleep(0.1)
            client.sendall(b"defghijklm")

        rest = threading.Thread(target=send_the_rest)
        rest.start()
        received = receiver.recv(100)
        rest.join()
        assert received == b"abcdefghijklm"


@pytest.mark.parametrize("family, kind", [("AF_UNIX", 1), ("AF_INET", 2), ("AF_INET", 5)])
def test_a_wrong_declaration_shows_no_memory(csock, family, kind):
    """MSG_TRUNC on TCP writes nothing, whatever the socket was said to be."""
    client, conn = tcp_pair(csock)
    with client, conn, csock.fromfd(conn.fileno(), getattr(csock, family), kind) as odd:
        client.sendall(b"x" * 50)
        assert odd.recv(90, csock.MSG_TRUNC) == b""


def test_options_may_be_longer_than_stock_takes_them(csock):
    with csock.socket() as s:
        assert len(s.getsockopt(csock.IPPROTO_TCP, csock.TCP_INFO, 4096)) > 0


def test_options_are_no_longer_than_what_the_kernel_wrote(csock):
    """NETLINK_LIST_MEMBERSHIPS says how many bytes there would be."""
    level, add, members = 270, 1, 9
    with csock.socket(csock.AF_NETLINK, csock.SOCK_RAW, csock.NETLINK_ROUTE) as s:
        s.setsockopt(level, add, 34)  # RTNLGRP_…: in the second 32 bits
        assert s.getsockopt(level, members, 64) == bytes([0, 0, 0, 0, 2, 0, 0, 0])
        assert s.getsockopt(level, members, 4) == bytes(4)


def test_a_socket_filter_stays_within_its_buffer(csock):
    """SO_GET_FILTER takes its length for a number of instructions, of 8 bytes each."""
    program = struct.pack("HBBI", 0, 0, 0, 1) * 39 + struct.pack("HBBI", 6, 0, 0, 0xFFFF)
    memory = ctypes.create_string_buffer(program)
    with csock.socket(csock.AF_INET, csock.SOCK_DGRAM) as s:
        attach = struct.pack("HP", 40, ctypes.addressof(memory))
        s.setsockopt(csock.SOL_SOCKET, csock.SO_ATTACH_FILTER, attach)
        assert s.getsockopt(csock.SOL_SOCKET, csock.SO_GET_FILTER, len(program)) == program
        assert s.getsockopt(csock.SOL_SOCKET, csock.SO_GET_FILTER, 500) == program
        # The sanitizer takes the number of instructions for bytes that the kernel has written.
        if not os.environ.get("CSOCK_SANITIZED"):
            assert s.getsockopt(csock.SOL_SOCKET, csock.SO_GET_FILTER) == 0
            assert s.getsockopt(csock.SOL_SOCKET, csock.SO_GET_FILTER, 7) == b""
        for size in 8, 40, len(program) - 1:
            with pytest.raises(OSError) as error:
                s.getsockopt(csock.SOL_SOCKET, csock.SO_GET_FILTER, size)
            assert error.value.errno == errno.EINVAL


def test_a_socket_is_not_made_anew_under_a_call(csock):
    """A handler detaches and starts over while the call below it is still inside."""
    a, b = csock.socketpair()
    refused = []

    def start_over(*_):
        os.close(a.detach())
        try:
            a.__init__()
        except ValueError as error:
            refused.append(str(error))

    before = signal.signal(signal.SIGALRM, start_over)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with b, pytest.raises(OSError) as caught:
            a.recv(1)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert caught.value.errno == errno.EBADF
    assert refused == ["socket is in use by another call"]
    a.__init__()
    a.close()
