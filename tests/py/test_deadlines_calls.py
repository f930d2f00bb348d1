"""csock.deadline and the calls on sockets: each that waits ends at it, and says so; once it has
passed, each raises before any system call."""

import contextlib
import errno
import os

import pytest
import testkit
from test_syscalls import ROUNDS, count

import csock
from csock import DeadlineExceeded, deadline

SECONDS = 0.1


def full(s, peer):
    testkit.fill(s, peer)
    return s


@contextlib.contextmanager
def tcp(how=None):
    a, b = testkit.tcp_pair(csock)
    with a, b:
        if how:
            full(a, b)
        yield a


@contextlib.contextmanager
def unix(how=None):
    a, b = csock.socketpair()
    with a, b:
        if how:
            full(a, b)
        yield a


@contextlib.contextmanager
def listening():
    with testkit.listener(csock) as s:
        yield s


@contextlib.contextmanager
def unconnected():
    server, waiting = testkit.full_tcp_listener(csock)
    with testkit.closing(server, waiting), csock.socket() as s:
        s.address = server.getsockname()
        yield s


class Socket(csock.socket):
    pass


def file_of(tmp_path):
    path = tmp_path / "large"
    path.write_bytes(bytes(10**6))
    return open(path, "rb")


# name: the socket, the call, what the message says of it.
READS = {
    "recv": lambda s: s.recv(1),
    "recv large": lambda s: s.recv(1 << 20),
    "recv 4000": lambda s: s.recv(4000),
    "recv, WAITALL": lambda s: s.recv(10, csock.MSG_WAITALL),
    "recv, PEEK": lambda s: s.recv(1, csock.MSG_PEEK),
    "recvfrom": lambda s: s.recvfrom(1),
    "recv_into": lambda s: s.recv_into(bytearray(9)),
    "recvfrom_into": lambda s: s.recvfrom_into(bytearray(9)),
    "recvmsg": lambda s: s.recvmsg(9),
    "recvmsg, ancillary": lambda s: s.recvmsg(9, 100),
    "recvmsg_into": lambda s: s.recvmsg_into([bytearray(9)]),
    "recv_fds": lambda s: csock.recv_fds(s, 9, 2),
    "readline": lambda s: s.makefile("rb").readline(),
    "read text": lambda s: s.makefile("r").read(),
    "read unbuffered": lambda s: s.makefile("rb", 0).read(9),
}
WRITES = {
    "send": lambda s: s.send(b"x"),
    "send large": lambda s: s.send(bytes(1 << 20)),
    "sendall": lambda s: s.sendall(bytes(1 << 20)),
    "sendmsg": lambda s: s.sendmsg([b"x", b"y"]),
    "send_fds": lambda s: csock.send_fds(s, [b"x"], [0]),
    "write": lambda s: s.makefile("wb", 0).write(b"x"),
}
CASES = [
    *[(unix, name, call, None) for name, call in READS.items()],
    *[(tcp, name, call, None) for name, call in READS.items() if "fds" not in name],
    *[(unix, name, call, "full") for name, call in WRITES.items()],
    *[(tcp, name, call, "full") for name, call in WRITES.items() if "fds" not in name],
    (listening, "accept", lambda s: s.accept(), None),
    (listening, "accept", lambda s: s._accept(), None),
    (unconnected, "connect", lambda s: s.connect(s.address), None),
    (unconnected, "connect_ex", lambda s: s.connect_ex(s.address), None),
]
CASES = [
    (lambda make=make, how=how: make(*[how] if how else []), name, call)
    for make, name, call, how in CASES
]
each_call = pytest.mark.parametrize(
    ("sock", "name", "call"), CASES, ids=[f"{n}-{name}" for n, (_, name, _) in enumerate(CASES)]
)


@pytest.fixture(autouse=True)
def attributes(monkeypatch):
    monkeypatch.setattr(csock, "socket", Socket)


def check_ends(call):
    """The call ends at the deadline that this thread is in, of so many SECONDS."""
    text = "the deadline of 0.1 s has passed"
    with testkit.Stopwatch() as watch, pytest.raises(DeadlineExceeded, match=text) as caught:
        call()
    assert csock.current_deadline().expired() and watch.wall < SECONDS + testkit.LATE
    assert watch.cpu < 0.1 * testkit.SLOWNESS
    return str(caught.value)


@each_call
@pytest.mark.parametrize("timeout", [None, 50])
def test_what_waits_ends(sock, name, call, timeout):
    with sock() as s:
        s.settimeout(timeout)
        with deadline(SECONDS):
            check_ends(lambda: call(s))
        assert os.get_blocking(s.fileno()) is (timeout is None), "the mode is given back"
        assert s.gettimeout() == timeout


@each_call
def test_the_sockets_own_timeout_may_be_sooner(sock, name, call):
    with sock() as s:
        s.settimeout(0.05)
        with deadline(50):
            if name == "connect_ex":
                assert call(s) == errno.EAGAIN
                return
            with pytest.raises(TimeoutError) as caught:
                call(s)
            assert type(caught.value) is TimeoutError and str(caught.value) == "timed out"


@each_call
def test_sockets_that_never_wait_are_left_alone(sock, name, call):
    with sock() as s:
        s.setblocking(False)
        expected = testkit.outcome(call, s)
        with deadline(0):
            assert testkit.outcome(call, s) == expected or name.startswith("connect")
            assert not os.get_blocking(s.fileno())


@each_call
def test_no_call_once_it_has_passed(sock, name, call):
    with sock() as s, deadline(0), pytest.raises(DeadlineExceeded, match="has passed already"):
        call(s)


counting = pytest.mark.skipif(bool(testkit.why_no_strace()), reason=str(testkit.why_no_strace()))

PASSED = {
    "recv": "a.recv(1)", "recv large": "a.recv(1 << 20)", "recvfrom": "a.recvfrom(9)",
    "recv_into": "a.recv_into(buffer)", "recvmsg": "a.recvmsg(9)", "flags": "a.recv(1, 2)",
    "recvmsg_into": "a.recvmsg_into([buffer])",
    "file": "setattr(f, '_timeout_occurred', False) or f.readinto(buffer)",
    "send": "a.send(b'x')", "sendall": "a.sendall(b'x')", "sendmsg": "a.sendmsg([b'x'])",
    "sendto": "a.sendto(b'x', ('127.0.0.1', 9))", "write": "f.write(b'x')",
    "accept": "server.accept()", "connect": "a.connect(('127.0.0.1', 9))",
    "sendfile": "a.sendfile(file)", "connect by name": "a.connect(('localhost', 9))",
    "getaddrinfo": "impl.getaddrinfo('localhost', 80)", "low water": "low.recv(9)",
    "gethostbyname": "impl.gethostbyname('localhost')",
    "gethostbyname_ex": "impl.gethostbyname_ex('localhost')",
    "gethostbyaddr": "impl.gethostbyaddr('127.0.0.1')",
    "getnameinfo": "impl.getnameinfo(('127.0.0.1', 80), 0)",
}  # fmt: skip


@counting
@pytest.mark.parametrize("timeout", [None, 5])
@pytest.mark.parametrize("body", PASSED.values(), ids=PASSED)
def test_no_system_call_once_it_has_passed(tmp_path, monkeypatch, body, timeout):
    """Data or not: there is some. How it would be seen is shown by the test below."""
    setup = count_setup()
    monkeypatch.setitem(setup, "deadline", setup["tcp"] + PASSED_SETUP)
    guarded = f"passes(lambda: {body})"
    calls = count(csock, tmp_path, "deadline", guarded, timeout)
    assert calls.total() <= ROUNDS // 20, calls


PASSED_SETUP = """
b.sendall(b'x' * 100)
f = a.makefile('rwb', 0)
file = open('/etc/passwd', 'rb')
low, other = impl.socketpair()
low.setsockopt(impl.SOL_SOCKET, impl.SO_RCVLOWAT, 4)
buffer = bytearray(9)

def passes(call):
    try:
        call()
    except impl.DeadlineExceeded:
        return
    raise SystemExit("no deadline")

impl.deadline(0).__enter__()
"""


def count_setup():
    import test_syscalls

    return test_syscalls.SETUP


@counting
@pytest.mark.parametrize("timeout", [None, 5])
def test_no_system_call_more_within_one(tmp_path, monkeypatch, timeout):
    setup = count_setup()
    monkeypatch.setitem(setup, "deadline", setup["tcp"] + "\nimpl.deadline(500).__enter__()")
    body = "a.send(b'x'); b.recv(9); a.sendall(b'x'); b.recv_into(buffer)"
    calls = count(csock, tmp_path, "deadline", body, timeout)
    sends, receives = calls["sendto"] + calls["send"], calls["recvfrom"] + calls["recv"]
    assert (sends, receives) == (2 * ROUNDS, 2 * ROUNDS), calls
    assert calls.total() <= 4 * ROUNDS + ROUNDS // 20, calls


# ------------------------------------------------------------ the message


def test_with_whom():
    with tcp() as s, deadline(SECONDS):
        host, port = s.getpeername()
        text = check_ends(lambda: s.recv(1))
    assert text == f"recv from {host}:{port}: the deadline of 0.1 s has passed"
    with tcp("full") as s, deadline(SECONDS):
        host, port = s.getpeername()
        text = check_ends(lambda: s.sendall(bytes(9)))
    assert text == f"sendall to {host}:{port}: the deadline of 0.1 s has passed"


def test_where_it_listens_and_whom_it_connects_to():
    with listening() as s, deadline(SECONDS):
        host, port = s.getsockname()
        assert check_ends(s.accept).startswith(f"accept on {host}:{port}: ")
    with unconnected() as s:
        host, port = s.address
        with deadline(SECONDS):
            assert check_ends(lambda: s.connect(s.address)).startswith(f"connect to {host}:{port}:")
            with pytest.raises(DeadlineExceeded, match=f"connect to {host}:{port}: .* already"):
                s.connect(s.address)


def test_paths_and_addresses_of_a_message(unix_dir):
    with csock.socket(csock.AF_UNIX, csock.SOCK_DGRAM) as s, deadline(0):
        for call in (
            lambda: s.sendto(b"x", str(unix_dir / "there")),
            lambda: s.sendmsg([b"x"], [], 0, str(unix_dir / "there")),
        ):
            with pytest.raises(DeadlineExceeded, match=f"^send(to|msg) to {unix_dir}/there: the"):
                call()


def test_a_look_up_names_the_host():
    with deadline(0), pytest.raises(DeadlineExceeded, match="^look-up of no.such.host: the"):
        csock.create_connection(("no.such.host", 80))


@pytest.mark.parametrize("call", [
    lambda: csock.getaddrinfo("127.0.0.1", 80), lambda: csock.gethostbyname("127.0.0.1"),
    lambda: csock.getaddrinfo("::1", 80, flags=csock.AI_NUMERICHOST),
    lambda: csock.getaddrinfo(None, 80), lambda: csock.gethostname(),
    lambda: csock.getnameinfo(("127.0.0.1", 80), csock.NI_NUMERICHOST | csock.NI_NUMERICSERV),
])  # fmt: skip
def test_what_asks_nobody_is_no_look_up(call):
    with deadline(0):
        call()


def test_a_name_given_to_a_socket_that_never_waits():
    with deadline(0), csock.socket(csock.AF_INET, csock.SOCK_DGRAM) as s:
        s.setblocking(False)
        s.connect(("localhost", 9))


# ---------------------------------------------------------- never raised by


def test_close_shutdown_and_detach_never_raise_it():
    with tcp() as s, tcp() as t, deadline(0):
        s.shutdown(csock.SHUT_RDWR)
        s.close()
        fd = t.detach()
        csock.close(fd)
        with csock.socket() as u:
            u.settimeout(5)
            u.setsockopt(csock.SOL_SOCKET, csock.SO_KEEPALIVE, 1)
            u.bind(("127.0.0.1", 0))
            u.listen()
            u.getsockname()
            u.dup().close()


def test_create_connection_tries_no_further_address():
    with unconnected() as s:
        host, port = s.address
        tried = []

        class Noting(Socket):
            def connect(self, address):
                tried.append(address)
                super().connect(address)

        def twice(*args):
            return [(csock.AF_INET, csock.SOCK_STREAM, 0, "", (host, port))] * 2

        with pytest.MonkeyPatch.context() as patch, deadline(SECONDS):
            patch.setattr(csock.dropin, "socket", Noting)
            patch.setattr(csock.dropin, "getaddrinfo", twice)
            check_ends(lambda: csock.create_connection((host, port)))
            with pytest.raises(ExceptionGroup) as caught:
                csock.create_connection((host, port), all_errors=True)
        assert isinstance(caught.value.exceptions[0], DeadlineExceeded)
        assert tried == [(host, port)] * 2


def test_signals_do_not_extend_it(on_alarm):
    ticks = []
    with unix() as s, testkit.Stopwatch() as watch, deadline(0.5):
        on_alarm(lambda: ticks.append(1), 0.01, 0.01)
        with pytest.raises(DeadlineExceeded):
            s.recv(1)
        on_alarm.stop()
    assert ticks and 0.5 <= watch.wall < 0.5 + testkit.LATE
