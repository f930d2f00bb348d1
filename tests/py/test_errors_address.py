"""Errors say which address they are about: `filename` of an OSError of connect, bind, sendto and
sendmsg. What stock's error has beside is the same."""

import copy
import errno
import os
import pickle
import signal

import pytest
import testkit

NOBODY = "127.0.0.1"


def unused_port(impl, kind):
    with impl.socket(impl.AF_INET, kind) as s:
        s.bind((NOBODY, 0))
        return s.getsockname()[1]


def failure(function, *args):
    with pytest.raises(OSError) as caught:
        function(*args)
    return caught.value


def text_of(number, filename):
    return f"[Errno {number}] {os.strerror(number)}: {filename!r}"


def test_connect_is_refused(csock):
    port = unused_port(csock, csock.SOCK_STREAM)
    for timeout in (None, 30):
        with csock.socket() as s:
            s.settimeout(timeout)
            error = failure(s.connect, (NOBODY, port))
        assert type(error) is ConnectionRefusedError
        assert error.filename == f"{NOBODY}:{port}"
        assert error.args == (errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        assert str(error) == text_of(errno.ECONNREFUSED, f"{NOBODY}:{port}")


def test_stock_has_none(impl):
    port = unused_port(impl, impl.SOCK_STREAM)
    with impl.socket() as s:
        error = failure(s.connect, (NOBODY, port))
    assert (error.filename is None) == (impl.__name__ == "socket")
    assert error.filename2 is None and error.errno == errno.ECONNREFUSED
    assert error.args == (errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))


@pytest.mark.skipif(not testkit.has_ipv6(), reason="no IPv6 on the loopback")
def test_ipv6_has_its_brackets(csock):
    with csock.socket(csock.AF_INET6) as s, csock.socket(csock.AF_INET6) as other:
        other.bind(("::1", 0))
        port = other.getsockname()[1]
        assert failure(s.connect, ("::1", port)).filename == f"[::1]:{port}"


def test_a_name_is_shown_as_what_was_tried(csock):
    port = unused_port(csock, csock.SOCK_STREAM)
    with csock.socket() as s:
        assert failure(s.connect, ("localhost", port)).filename == f"127.0.0.1:{port}"


def test_bind(csock):
    with csock.create_server((NOBODY, 0)) as server, csock.socket() as s:
        host, port = server.getsockname()
        for args in [((host, port),), (host, port)]:
            error = failure(s.bind, *args)
            assert error.errno == errno.EADDRINUSE and error.filename == f"{host}:{port}"


def test_paths_are_as_the_program_knows_them(csock, unix_dir):
    path = str(unix_dir / "ä none")
    with csock.socket(csock.AF_UNIX) as s:
        for address in (path, os.fsencode(path)):
            error = failure(s.connect, address)
            assert type(error) is FileNotFoundError and error.filename == path
        error = failure(s.connect, os.fsencode(unix_dir / "x") + b"\xff")
        assert os.fsencode(error.filename).endswith(b"x\xff")
        assert failure(s.connect, b"\0csock none \xff").filename == "@csock none \\xff"
        assert failure(s.bind, str(unix_dir / "no" / "folder")).filename.endswith("/no/folder")


def test_datagrams(csock, unix_dir):
    path = str(unix_dir / "none")
    with csock.socket(csock.AF_UNIX, csock.SOCK_DGRAM) as s:
        for timeout in (None, 30):
            s.settimeout(timeout)
            assert failure(s.sendto, b"x", path).filename == path
            assert failure(s.sendto, b"x", 0, path).filename == path
            assert failure(s.sendmsg, [b"x"], [], 0, path).filename == path


def test_sendto_that_is_tried_with_the_gil(csock):
    with csock.socket(csock.AF_INET, csock.SOCK_DGRAM) as s:
        error = failure(s.sendto, b"x", ("255.255.255.255", 9))
        assert error.errno == errno.EACCES and error.filename == "255.255.255.255:9"
        error = failure(s.sendto, bytes(70000), (NOBODY, 9))
        assert error.errno == errno.EMSGSIZE and error.filename == f"{NOBODY}:9"


def test_calls_without_an_address_have_none(csock):
    with csock.socket() as s:
        assert failure(s.send, b"x").filename is None
        assert failure(s.sendmsg, [b"x"]).filename is None
        assert failure(s.getpeername).filename is None


def test_what_says_not_now_has_none(csock, unix_dir):
    path = str(unix_dir / "full")
    with csock.socket(csock.AF_UNIX) as server, csock.socket(csock.AF_UNIX) as first:
        server.bind(path)
        server.listen(0)
        first.connect(path)
        with csock.socket(csock.AF_UNIX) as s:
            s.settimeout(0)
            error = failure(s.connect, path)
            assert type(error) is BlockingIOError and error.filename is None
            s.settimeout(0.01)
            error = failure(s.connect, path)
            assert type(error) is TimeoutError and error.args == ("timed out",)
            assert error.filename is None and str(error) == "timed out"
            s.settimeout(None)
            with csock.deadline(0.01), pytest.raises(csock.DeadlineExceeded) as caught:
                s.connect(path)
            assert caught.value.filename is None and path in str(caught.value)


def test_the_exception_of_a_handler_is_left_alone(csock, unix_dir):
    path = str(unix_dir / "full")
    raised = FileExistsError(errno.EEXIST, "the handler's own")

    def handler(*_):
        raise raised

    with csock.socket(csock.AF_UNIX) as server, csock.socket(csock.AF_UNIX) as first:
        server.bind(path)
        server.listen(0)
        first.connect(path)
        before = signal.signal(signal.SIGALRM, handler)
        try:
            with csock.socket(csock.AF_UNIX) as s:
                signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
                assert failure(s.connect, path) is raised and raised.filename is None
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


def test_pickles_and_copies(csock):
    port = unused_port(csock, csock.SOCK_STREAM)
    with csock.socket() as s:
        error = failure(s.connect, (NOBODY, port))
    others = [copy.copy(error), copy.deepcopy(error)]
    others += [
        pickle.loads(pickle.dumps(error, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL)
    ]
    for other in others:
        assert type(other) is ConnectionRefusedError and str(other) == str(error)
        assert other.args == error.args and other.filename == f"{NOBODY}:{port}"


def test_a_socket_that_was_closed(csock):
    s = csock.socket()
    s.close()
    error = failure(s.connect, (NOBODY, 9))
    assert error.errno == errno.EBADF and error.filename == f"{NOBODY}:9"


def test_connect_ex_returns_the_number(csock):
    port = unused_port(csock, csock.SOCK_STREAM)
    with csock.socket() as s:
        assert s.connect_ex((NOBODY, port)) == errno.ECONNREFUSED


def test_create_connection(csock):
    port = unused_port(csock, csock.SOCK_STREAM)
    error = failure(csock.create_connection, (NOBODY, port))
    assert error.filename == f"{NOBODY}:{port}"
