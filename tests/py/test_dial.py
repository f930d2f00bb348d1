"""csock.dial(): addresses race, one bound holds for all, errors say what was tried."""

import errno
import os
import pathlib
import signal
import sys
import time
import traceback

import pytest
import testkit
from dialkit import ANSWERING, answers, failing, network, refusing

import csock
from csock import DeadlineExceeded, deadline, dial


@pytest.fixture
def server():
    with csock.create_server(("127.0.0.1", 0)) as s:
        yield s


# ------------------------------------------------------------------ success


def test_the_socket_is_one_of_ours(server):
    host, port = server.getsockname()
    with dial(host, port) as s:
        assert type(s) is csock.socket and s.getpeername() == (host, port)
        assert (s.family, s.type, s.proto) == (csock.AF_INET, csock.SOCK_STREAM, 6)
        assert s.gettimeout() is None and os.get_blocking(s.fileno())
        assert not os.get_inheritable(s.fileno())
        assert s.getsockopt(csock.SOL_SOCKET, csock.SO_ERROR) == 0
        server.accept()[0].sendall(b"hello")
        assert s.recv(10) == b"hello"


def test_it_comes_with_the_default_timeout(server, monkeypatch):
    csock.setdefaulttimeout(7)
    try:
        with dial(*server.getsockname(), timeout=30) as s:
            assert s.gettimeout() == 7 and not os.get_blocking(s.fileno())
    finally:
        csock.setdefaulttimeout(None)


@pytest.mark.parametrize("host", ["localhost", b"localhost", "LOCALHOST"])
def test_names(server, host):
    with dial(host, str(server.getsockname()[1]), family=csock.AF_INET) as s:
        assert s.getpeername() == server.getsockname()


def test_an_address_as_connect_takes_it(server):
    with dial(server.getsockname()) as s:
        assert s.getpeername() == server.getsockname()


@pytest.mark.skipif(not testkit.has_ipv6(), reason="no IPv6 on the loopback")
def test_a_peer_of_ipv6():
    with csock.create_server(("::1", 0), family=csock.AF_INET6) as server:
        with dial("::1", server.getsockname()[1]) as s:
            peer = s.getpeername()
            with dial(peer) as again, csock.create_connection(peer) as third:
                assert again.getpeername() == third.getpeername() == peer
                assert third.proto == 6


def test_paths(unix_dir):
    path = str(unix_dir / "s")
    with csock.socket(csock.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        for form in (path, os.fsencode(path), pathlib.Path(path)):
            with dial(form, timeout=10) as s:
                assert s.family == csock.AF_UNIX and s.getpeername() == path
    name = b"\0csock-dial-%d" % os.getpid()
    with csock.socket(csock.AF_UNIX) as server:
        server.bind(name)
        server.listen()
        with dial(name) as s:
            assert s.getpeername() == name
    error = failing(str(unix_dir / "none"))
    assert type(error) is FileNotFoundError and error.filename == str(unix_dir / "none")


def test_options_are_set_before_it_connects(server):
    # The size of the receive buffer has a say in the window that the handshake offers.
    options = [
        (csock.IPPROTO_TCP, csock.TCP_NODELAY, 1),
        (csock.SOL_SOCKET, csock.SO_RCVBUF, (4096).to_bytes(4, sys.byteorder)),
        (csock.IPPROTO_TCP, csock.TCP_MAXSEG, 600),
    ]
    with dial(*server.getsockname(), options=options) as s:
        assert s.getsockopt(csock.IPPROTO_TCP, csock.TCP_NODELAY) == 1
        assert s.getsockopt(csock.SOL_SOCKET, csock.SO_RCVBUF) == 8192
        assert s.getsockopt(csock.IPPROTO_TCP, csock.TCP_MAXSEG) <= 600


def test_an_option_that_cannot_be_set(server):
    error = failing(*server.getsockname(), options=[(csock.SOL_SOCKET, 9999, 1)])
    assert error.errno == errno.ENOPROTOOPT and len(error.attempts) == 1


def test_source_address(server):
    with dial(*server.getsockname(), source_address=("127.0.0.9", 0)) as s:
        assert s.getsockname()[0] == "127.0.0.9"
    with dial("localhost", server.getsockname()[1], source_address=("", 0)) as s:
        assert s.getpeername() == server.getsockname()
    with pytest.raises(OSError, match="no address of the family or source"):
        dial(*server.getsockname(), source_address=("::1", 0))
    with dial(*server.getsockname(), source_address=("<broadcast>", 0)) as s:
        assert s.getpeername() == server.getsockname()


def test_an_error_of_bind_names_what_it_was_for(server, monkeypatch):
    def filenames():
        error = failing(*server.getsockname(), source_address=("192.0.2.9", 0))
        with pytest.raises(OSError) as caught:
            csock.create_connection(server.getsockname(), None, ("192.0.2.9", 0))
        return error.filename, error.attempts[0].error.filename, caught.value.filename

    assert filenames() == ("192.0.2.9:0",) * 3
    monkeypatch.setattr(csock, "_races", False)
    assert filenames()[2] == "192.0.2.9:0"


# --------------------------------------------------------------------- race


def test_a_silent_address_costs_a_quarter_of_a_second():
    with network() as (port, addresses), testkit.Stopwatch() as watch:
        with dial("several", port, resolver=answers(addresses)) as s:
            assert s.getpeername() == (ANSWERING, port)
    assert 0.25 <= watch.wall < 0.25 + testkit.LATE


def test_a_delay_of_ones_own():
    with network(2) as (port, addresses), testkit.Stopwatch() as watch:
        dial("several", port, resolver=answers(addresses), attempt_delay=0.05).close()
    assert 0.1 <= watch.wall < 0.1 + testkit.LATE


def test_after_a_refusal_the_next_at_once():
    with network(0) as (port, addresses):
        tried = [refusing(), *addresses]
        with dial("several", port, resolver=answers(tried), attempt_delay=60) as s:
            assert s.getpeername() == (ANSWERING, port)


def test_all_silent():
    with network(3, answering=False) as (port, addresses), testkit.Stopwatch() as watch:
        error = failing("several", port, timeout=0.6, resolver=answers(addresses))
    assert 0.6 <= watch.wall < 0.6 + testkit.LATE
    assert type(error) is TimeoutError and str(error) == "timed out" and error.filename is None
    assert [attempt.address for attempt in error.attempts] == addresses
    for number, attempt in enumerate(error.attempts):
        address, elapsed, failure = attempt
        assert type(failure) is TimeoutError and attempt.began >= number * 0.25
        assert 0 < elapsed < 0.6 + testkit.LATE


def test_the_note_lists_those_tried_and_counts_the_others():
    addresses = [(f"127.0.1.{number}", 1) for number in range(1, 4)]
    with network(1, answering=False) as (port, silent):
        error = failing("several", port, timeout=0.1, resolver=answers(silent + addresses))
    text = "".join(traceback.format_exception(error))
    assert f"several:{port}: " in text and f"127.0.1.1:{port}  no answer" in text
    assert "not tried: 3 more" in text


def test_the_most_telling_error():
    with network(1, answering=False) as (port, silent):
        mixed = [silent[0], refusing(), ("255.255.255.255", port)]
        error = failing("several", port, timeout=0.5, resolver=answers(mixed))
        assert len(error.attempts) == 3
        kinds = [type(attempt.error) for attempt in error.attempts]
        assert kinds[:2] == [TimeoutError, ConnectionRefusedError]
    refused, away = refusing(), ("255.255.255.255", 9)
    for order in ([refused, away], [away, refused]):
        error = failing("several", 9, resolver=answers(order))
        assert type(error) is ConnectionRefusedError
        assert error.filename == ":".join(map(str, refused))
        assert error.args == (errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))


def test_one_address_that_is_refused_needs_no_note():
    error = failing(*refusing())
    assert not hasattr(error, "__notes__") and len(error.attempts) == 1


def test_nothing_leaks():
    before = testkit.open_fds()
    with network(2) as (port, addresses):
        inside = testkit.open_fds()
        for _ in range(20):
            dial("s", port, resolver=answers(addresses), attempt_delay=0.01).close()
            failing("s", port, timeout=0.02, resolver=answers(addresses[:2]), attempt_delay=0.01)
        assert testkit.open_fds() == inside
    assert testkit.open_fds() == before


# ------------------------------------------------------------------- bounds


def test_deadline():
    with network(1, answering=False) as (port, addresses), testkit.Stopwatch() as watch:
        with deadline(0.2), pytest.raises(DeadlineExceeded) as caught:
            dial("several", port, timeout=60, resolver=answers(addresses))
        with deadline(60):
            assert type(failing(*addresses[0], timeout=0.1)) is TimeoutError
    assert watch.wall < 10
    assert str(caught.value) == f"connect to several:{port}: the deadline of 0.2 s has passed"
    assert type(caught.value.attempts[0].error) is DeadlineExceeded


def test_a_deadline_that_has_passed(server):
    with deadline(0), pytest.raises(DeadlineExceeded, match="^connect to 127.* already$"):
        dial(*server.getsockname())
    with deadline(0), pytest.raises(DeadlineExceeded, match="^look-up of name: .* already$"):
        dial("name", 80)


def test_no_time_at_all():
    with network(1, answering=False) as (port, addresses):
        error = failing("several", port, timeout=0, resolver=answers(addresses))
        assert type(error) is TimeoutError and error.errno is None


def test_a_signal_whose_handler_raises_ends_it():
    class Stop(Exception):
        pass

    def handler(*_):
        raise Stop

    before = signal.signal(signal.SIGALRM, handler)
    try:
        with network(1, answering=False) as (port, addresses):
            fds = testkit.open_fds()
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(Stop) as caught:
                dial("s", port, resolver=answers(addresses))
            assert testkit.open_fds() == fds and not hasattr(caught.value, "attempts")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_other_threads_run_meanwhile():
    with network(1, answering=False) as (port, addresses):
        job = testkit.Job(lambda: failing(*addresses[0], timeout=1))
        turns = 0
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            turns += 1
        assert turns > 100
        assert type(job.result()) is TimeoutError


# ------------------------------------------------------------------ resolver


def test_resolver_is_asked_once_and_heard():
    asked = []

    def resolver(*question):
        asked.append(question)
        return csock.getaddrinfo("127.0.0.1", question[1], 0, csock.SOCK_STREAM)

    with csock.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        dial("name", port, resolver=resolver, family=csock.AF_INET).close()
    assert asked == [("name", port, csock.AF_INET, csock.SOCK_STREAM)]


def test_what_a_resolver_may_not_say():
    for wrong in ([3], [("127.0.0.1",)], [(csock.AF_INET, 1, 6, "", 5)], 5):
        with pytest.raises(TypeError):
            dial("name", 1, resolver=answers(wrong))
    with pytest.raises(OSError, match="no address to connect to"):
        dial("name", 1, resolver=answers([]))
    with pytest.raises(ZeroDivisionError):
        dial("name", 1, resolver=lambda *_: 1 / 0)
    with pytest.raises(TypeError, match="callable"):
        dial("name", 1, resolver=5)


def test_a_resolver_that_waits_in_csock_is_bounded():
    a, b = csock.socketpair()
    with a, b:
        error = failing("name", 1, timeout=0.1, resolver=lambda *_: a.recv(1))
        assert type(error) is TimeoutError and str(error) == "timed out: look-up of name, 0.1 s"
        assert error.attempts == ()
        with deadline(0.1), pytest.raises(DeadlineExceeded):
            dial("name", 1, resolver=lambda *_: a.recv(1))


# ---------------------------------------------------------------- arguments


def test_wrong_arguments(unix_dir):
    for args, options in [
        ((), {}),
        ((5,), {}),
        ((5, 6), {}),
        (("host", 1, 2), {}),
        (("host", 1.5), {}),
        ((("host",),), {}),
        (("host", 1), {"options": [5]}),
        (("host", 1), {"options": [(1, 2)]}),
        (("host", 1), {"options": [(1, 2, "text")]}),
        (("host", 1), {"attempt_delay": None}),
        (("host", 1), {"timeout": "1"}),
        (("host", 1), {"source_address": "x"}),
    ]:
        with pytest.raises((TypeError, OSError)) as caught:
            dial(*args, **options)
        assert type(caught.value) is TypeError or "Int or String" in str(caught.value)
    for args, options in [
        (("host", 1), {"timeout": -1}),
        (("host", 1), {"attempt_delay": -1}),
        (("ho\0st", 1), {}),
        ((str(unix_dir),), {"source_address": ("", 0)}),
        ((str(unix_dir),), {"resolver": print}),
        ((str(unix_dir),), {"family": csock.AF_INET}),
    ]:
        with pytest.raises(ValueError):
            dial(*args, **options)


@pytest.mark.parametrize("port", [-1, 65536, "65537", 2**40])
def test_ports_that_are_none(port):
    with pytest.raises(OverflowError):
        dial("127.0.0.1", port)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_family_that_a_host_is_not_of(server, host):
    port = server.getsockname()[1]
    with pytest.raises(OSError, match="no address of the family or source asked for"):
        dial(host, port, family=csock.AF_UNIX)
    with pytest.raises(OSError, match="no address of the family or source asked for"):
        dial(host, port, family=csock.AF_INET6, source_address=("127.0.0.1", 0))
