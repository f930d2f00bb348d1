"""What goes wrong around a socket: it is closed already, signals rain, descriptors run out, peers
fail. A clear error, nothing leaked, the socket usable afterwards."""

import contextlib
import errno
import os
import resource
import select
import signal
import socket as stock
import struct
import threading
import time

import pytest
import testkit

pytestmark = pytest.mark.usefixtures("no_descriptor_is_left")


# --------------------------------------------------- after close and detach

USES = {
    "accept": lambda s: s.accept(),
    "bind": lambda s: s.bind(("127.0.0.1", 0)),
    "connect": lambda s: s.connect(("127.0.0.1", 1)),
    "dup": lambda s: s.dup(),
    "getpeername": lambda s: s.getpeername(),
    "getsockname": lambda s: s.getsockname(),
    "getsockopt": lambda s: s.getsockopt(1, 2),
    "listen": lambda s: s.listen(),
    "recv": lambda s: s.recv(1),
    "recv_into": lambda s: s.recv_into(bytearray(1)),
    "recvfrom": lambda s: s.recvfrom(1),
    "send": lambda s: s.send(b"x"),
    "sendall": lambda s: s.sendall(b"x"),
    "sendto": lambda s: s.sendto(b"x", ("127.0.0.1", 1)),
    "setblocking": lambda s: s.setblocking(False),
    "setsockopt": lambda s: s.setsockopt(1, 2, 1),
    "shutdown": lambda s: s.shutdown(2),
    "file": lambda s: s.makefile("rb").read(1),
    "set_inheritable": lambda s: s.set_inheritable(True),
}


@pytest.mark.parametrize("end", ["close", "detach"])
@pytest.mark.parametrize("use", USES)
def test_use_after(impl, use, end):
    """The number may belong to something else by then: it must not be touched."""
    s = impl.socket()
    fd = s.detach() if end == "detach" else s.close()
    with impl.socket() as other:
        if use == "set_inheritable":
            with pytest.raises((OSError, ValueError)):
                USES[use](s)
        else:
            with pytest.raises(OSError) as caught:
                USES[use](s)
            assert caught.value.errno == errno.EBADF
        assert other.getsockname()[1] == 0
    if fd is not None:
        os.close(fd)
    assert s.fileno() == -1


def test_harmless_uses_after_close(impl):
    s = impl.socket()
    s.close()
    s.close()
    assert s.detach() == -1
    assert s.fileno() == -1
    assert s.family == impl.AF_INET and s.type == impl.SOCK_STREAM and s.proto == 0
    assert "[closed]" in repr(s)
    assert s.connect_ex(("127.0.0.1", 1)) == errno.EBADF


# -------------------------------------------------- signals at every method


@pytest.mark.parametrize("timeout", [None, 20])
def test_a_storm_of_signals_loses_no_byte(impl, timeout, on_alarm):
    """EINTR everywhere: each byte arrives once, each handler runs."""
    a, b = testkit.tcp_pair(impl)
    data = os.urandom(1 << 20) * 4
    seen = []
    with b:
        a.settimeout(timeout)
        b.settimeout(timeout)

        def send():
            with a:
                a.sendall(data)

        on_alarm(lambda: seen.append(1), 0.001, every=0.001)
        job = testkit.Job(send)
        got = bytearray()
        while piece := b.recv(50_000):
            got += piece
            if len(got) % 7 == 0:
                time.sleep(0.001)
        job.result()
    assert got == data
    assert seen


def test_signals_to_the_sending_thread_lose_no_byte(impl, on_alarm):
    a, b = testkit.tcp_pair(impl)
    data = os.urandom(1 << 20) * 4
    received = []

    def receive():
        with b:
            while piece := b.recv(20_000):
                received.append(piece)
                time.sleep(0.0005)

    on_alarm(lambda: None, 0.001, every=0.001)
    job = testkit.Job(receive)
    sent = 0
    with a:
        while sent < len(data):
            sent += a.send(data[sent : sent + 500_000])
    job.result()
    assert b"".join(received) == data


def test_exceptions_from_handlers_leave_listeners_usable(impl, on_alarm):
    def handler():
        raise KeyError("handler")

    with testkit.listener(impl) as server:
        for timeout in (None, 20):
            server.settimeout(timeout)
            on_alarm(handler, 0.05)
            with pytest.raises(KeyError):
                server.accept()
        with impl.create_connection(server.getsockname()) as client:
            conn, address = server.accept()
            with conn:
                assert address == client.getsockname()


def test_exceptions_from_handlers_leave_connecting_sockets_closable(impl, on_alarm):
    def handler():
        raise KeyError("handler")

    server, waiting = testkit.full_tcp_listener(impl)
    with testkit.closing(server, waiting):
        for timeout in (None, 20):
            with impl.socket() as s:
                s.settimeout(timeout)
                on_alarm(handler, 0.05)
                with pytest.raises(KeyError):
                    s.connect(server.getsockname())
                assert s.getsockopt(impl.SOL_SOCKET, impl.SO_ERROR) == 0


# ------------------------------------------------------------------- EMFILE


@contextlib.contextmanager
def no_more_files():
    """No descriptor can be opened: the limit is as low as the highest in use and the rest taken."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(testkit.open_fds() + 50, soft), hard))
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(0))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in taken:
            os.close(fd)


def check_emfile(call):
    with no_more_files(), pytest.raises(OSError) as caught:
        call()
    assert caught.value.errno == errno.EMFILE


def test_emfile_in_socket_and_socketpair(impl):
    check_emfile(impl.socket)
    check_emfile(impl.socketpair)
    impl.socket().close()


def test_emfile_in_socketpair_with_room_for_one(impl):
    with no_more_files():
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft + 1, hard))
        with pytest.raises(OSError) as caught:
            impl.socketpair()
        assert caught.value.errno == errno.EMFILE
        impl.socket().close()


def test_emfile_in_dup_and_fromfd(impl):
    a, b = impl.socketpair()
    with a, b:
        check_emfile(a.dup)
        check_emfile(lambda: impl.fromfd(a.fileno(), a.family, a.type))
        a.send(b"x")
        assert b.recv(1) == b"x"


@pytest.mark.parametrize("timeout", [None, 20, 0])
def test_emfile_in_accept_leaves_the_listener_usable(impl, timeout):
    with testkit.listener(impl) as server, impl.create_connection(server.getsockname()) as client:
        select.select([server], [], [], 10)
        server.settimeout(timeout)
        check_emfile(server.accept)
        check_emfile(server.accept)
        # Linux may drop the connection that it could not hand over; the listener goes on.
        with impl.create_connection(server.getsockname()) as again:
            select.select([server], [], [], 10)
            conn, address = server.accept()
            conn.close()
            assert address in (client.getsockname(), again.getsockname())


def test_emfile_leaks_no_descriptor(impl):
    with testkit.listener(impl) as server, impl.create_connection(server.getsockname()):
        before = testkit.open_fds()
        for call in (impl.socket, impl.socketpair, server.accept, server.dup) * 5:
            check_emfile(call)
        assert testkit.open_fds() == before


# --------------------------------------------------------- peers that fail


def reset(s):
    """Ends a TCP connection with RST."""
    s.setsockopt(stock.SOL_SOCKET, stock.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


@pytest.mark.parametrize("timeout", [None, 20])
@pytest.mark.parametrize("method", ["recv", "recv_into", "send", "sendall"])
def test_a_peer_that_resets(impl, method, timeout):
    a, b = testkit.tcp_pair(impl)
    calls = {
        "recv": lambda: a.recv(1),
        "recv_into": lambda: a.recv_into(bytearray(1)),
        "send": lambda: a.send(b"x"),
        "sendall": lambda: a.sendall(b"x"),
    }
    with a:
        if method.startswith("send"):
            testkit.fill(a, b)
        a.settimeout(timeout)
        job = testkit.Job(calls[method]).wait_blocked()
        reset(b)
        assert type(job.failure()) is ConnectionResetError
        with pytest.raises(BrokenPipeError):
            a.send(b"x")
        assert a.recv(1) == b""


def test_closing_a_connection_that_was_reset(impl):
    a, b = testkit.tcp_pair(impl)
    a.send(b"unread")
    reset(b)
    select.select([a], [], [], 10)
    a.close()


def test_a_connection_reset_before_it_is_accepted(impl):
    """Linux hands it over all the same; ECONNABORTED itself takes a scripted kernel."""
    with testkit.listener(impl) as server:
        client = impl.create_connection(server.getsockname())
        select.select([server], [], [], 10)
        reset(client)
        conn, _ = server.accept()
        with conn, pytest.raises(ConnectionResetError):
            conn.recv(1)


def test_econnaborted_in_accept(impl):
    """Linux gives it for a connection that a filter has ended meanwhile; here strace injects it."""
    reason = testkit.why_no_strace()
    if reason:
        pytest.skip(reason)
    program = """
import sys
impl = __import__(sys.argv[1])
server = impl.create_server(("127.0.0.1", 0))
for timeout in (None, 20):
    server.settimeout(timeout)
    client = impl.create_connection(server.getsockname())
    try:
        server.accept()
    except ConnectionAbortedError:
        print("aborted")
    conn, address = server.accept()
    assert address == client.getsockname()
"""
    inject = "inject=accept4:error=ECONNABORTED:when=1+2"
    prefix = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=accept4", "-e", inject)
    result = testkit.run_python(program, impl.__name__, prefix=prefix)
    assert result.stdout == "aborted\naborted\n"


def test_sigpipe_is_not_needed_to_see_a_broken_pipe(impl):
    for make in (lambda: testkit.tcp_pair(impl), impl.socketpair):
        a, b = make()
        with a:
            reset(b)
            testkit.wait_for(lambda a=a: select.select([a], [], [], 0)[0])
            with contextlib.suppress(ConnectionResetError):
                a.recv(1)
            for method in (a.send, a.sendall):
                with pytest.raises(BrokenPipeError):
                    method(b"x")
    assert signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN


def test_threads_share_a_socket_without_mixing_bytes(impl):
    """Many senders and receivers on one datagram pair: every message arrives whole, once."""
    a, b = impl.socketpair(impl.AF_UNIX, impl.SOCK_SEQPACKET)
    got, lock = [], threading.Lock()

    def send(n):
        for i in range(200):
            a.send(b"%d/%d;" % (n, i) * 20)

    def receive():
        while data := b.recv(4096):
            with lock:
                got.append(data)

    with b:
        receivers = [testkit.Job(receive) for _ in range(4)]
        senders = [testkit.Job(send, n) for n in range(4)]
        for job in senders:
            job.result()
        a.shutdown(impl.SHUT_WR)
        for job in receivers:
            job.result()
        a.close()
    assert sorted(got) == sorted(b"%d/%d;" % (n, i) * 20 for n in range(4) for i in range(200))
