"""What a csock.Reader reads from: whatever has recv_into, which is heard, and not trusted."""

import contextlib
import errno
import socket as stock

import pytest
import testkit

import csock

try:
    import ssl
except ImportError:  # a Python that was built without
    ssl = None
WANT_READ = ssl.SSLWantReadError if ssl else BlockingIOError


class Source:
    """recv_into by a function of the buffer that it gets."""

    def __init__(self, function):
        self.recv_into = function


def giving(data):
    def recv_into(view):
        view[: len(data)] = data
        return len(data)

    return recv_into


def test_the_stock_module():
    a, b = stock.socketpair()
    with a, b:
        reader = csock.Reader(b)
        a.sendall(b"line\nrest")
        assert reader.readline() == b"line\n"
        b.settimeout(0.01)
        with pytest.raises(TimeoutError):
            reader.readexactly(5)
        assert reader.detach() == (b, b"rest")


def test_a_subclass_is_heard():
    class Upper(csock.socket):
        def recv_into(self, buffer, nbytes=0, flags=0):
            n = super().recv_into(buffer, nbytes, flags)
            buffer[:n] = bytes(buffer[:n]).upper()
            return n

    a, b = csock.socketpair()
    b = Upper(fileno=b.detach())
    with a, b:
        a.sendall(b"line\n")
        assert csock.Reader(b).readline() == b"LINE\n"


def test_a_method_that_a_program_replaces_is_heard(monkeypatch):
    a, b = csock.socketpair()
    with a, b:
        reader = csock.Reader(b)
        a.sendall(b"one\ntwo\n")
        assert reader.readline() == b"one\n"
        real = csock.socket.recv_into
        with monkeypatch.context() as patch:
            patch.setattr(csock.socket, "recv_into", lambda s, view: giving(b"three\n")(view))
            assert [reader.readline(), reader.readline()] == [b"two\n", b"three\n"]
        assert csock.socket.recv_into is real
        a.sendall(b"four\n")
        assert reader.readline() == b"four\n"


@pytest.mark.parametrize("error", [OSError(5, "x"), KeyboardInterrupt(), WANT_READ()])
def test_what_it_raises_passes_through_and_nothing_is_lost(error):
    script = [b"ab", error, b"c", error, error, b"d\n"]

    def recv_into(view):
        step = script.pop(0)
        if isinstance(step, BaseException):
            raise step
        return giving(step)(view)

    reader = csock.Reader(Source(recv_into))
    for call in (reader.readline, lambda: reader.readexactly(100_000), reader.read):
        with pytest.raises(type(error)) as caught:
            call()
        assert caught.value is error
    assert (reader.pending, reader.readline()) == (3, b"abcd\n")


COUNTS = [-1, 1 << 20, 1 << 80, None, 1.5]
REFUSED = [OSError, OSError, OverflowError, TypeError, TypeError]


@pytest.mark.parametrize("result, raises", list(zip(COUNTS, REFUSED, strict=True)))
def test_a_count_that_cannot_be(result, raises):
    reader = csock.Reader(Source(lambda view: result))
    for call in (reader.readline, reader.read, lambda: reader.readexactly(100_000)):
        with pytest.raises(raises):
            call()
    assert reader.pending == 0


def test_what_was_not_written_is_zeros():
    assert csock.Reader(Source(lambda view: 5)).readexactly(10) == bytes(10)


def test_a_buffer_that_is_kept_is_no_memory_of_ours():
    """It is a bytearray that lives as long as somebody has it; nobody can make it smaller."""
    kept = []

    def recv_into(view):
        kept.append(view[:3])
        with pytest.raises(BufferError):
            view.obj.clear()
        return giving(b"abc")(view)

    reader = csock.Reader(Source(recv_into))
    assert reader.readexactly(30_000)[:6] == b"abcabc"
    del reader
    for view in kept:
        view[:] = b"xyz"
    assert isinstance(kept[0].obj, bytearray) and kept[0].obj.startswith(b"xyz")


def test_a_buffer_that_is_released():
    def recv_into(view):
        n = giving(b"abc")(view)
        view.release()
        return n

    assert csock.Reader(Source(recv_into)).readexactly(9) == b"abcabcabc"


@pytest.mark.parametrize("name", ["readline", "read", "detach", "__next__"])
def test_a_source_that_reads_from_its_reader(name):
    def recv_into(view):
        with pytest.raises(RuntimeError, match="the reader is in use"):
            getattr(reader, name)()
        assert (reader.pending, reader.at_eof()) == (0, False)
        return giving(b"line\n")(view)

    reader = csock.Reader(Source(recv_into))
    assert [reader.readline(), reader.readline()] == [b"line\n", b"line\n"]


def test_the_end_is_asked_for_once():
    asked = []
    reader = csock.Reader(Source(lambda view: asked.append(len(view)) or 0))
    assert [reader.read(5), reader.readline(), reader.read(), list(reader)] == [b"", b"", b"", []]
    assert len(asked) == 1


class NoMethod:
    recv_into = 5


@pytest.mark.parametrize("what", [5, None, object(), b"x", stock, NoMethod()])
def test_what_has_no_such_method(what):
    with pytest.raises(TypeError, match=r"needs something with recv_into\(\)"):
        csock.Reader(what)


def test_an_attribute_that_raises():
    class Source:
        @property
        def recv_into(self):
            raise OSError(errno.EIO, "x")

    with pytest.raises(OSError, match="x"):
        csock.Reader(Source())


# ----------------------------------------------------------------- TLS


@pytest.fixture
def tls(request):
    """Both ends of a connection: a server's to send by, a client's to read from."""
    if ssl is None:
        pytest.skip("this Python has no ssl")
    certificate = request.getfixturevalue("certificate")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    client = ssl.create_default_context(cafile=certificate)
    a, b = stock.socketpair()
    job = testkit.Job(lambda: server.wrap_socket(a, server_side=True))
    b = client.wrap_socket(b, server_hostname="localhost")
    a = job.result()
    with a, b:
        yield a, b


def test_tls_gives_what_was_decrypted(tls):
    a, b = tls
    data = bytes(i * 7 % 251 for i in range(100_000))
    reader = csock.Reader(b)
    job = testkit.Job(a.sendall, b"line\n\0\1\x86\xa0" + data + b"rest")
    assert reader.readline() == b"line\n"
    n = int.from_bytes(reader.readexactly(4), "big")
    assert reader.readexactly(n) == data
    assert reader.readexactly(4) == b"rest"
    job.result()
    # TLS says that it ends: what stock's ssl makes of an end without differs by its OpenSSL.
    job = testkit.Job(a.unwrap)
    assert (reader.read(), reader.at_eof()) == (b"", True)
    b.unwrap()
    job.result()


@pytest.mark.parametrize("timeout", [0.05, 0])
def test_tls_and_a_timeout(tls, timeout):
    a, b = tls
    b.settimeout(timeout)
    reader = csock.Reader(b)
    for piece in b"ab", b"c":
        a.sendall(piece)
        for _ in range(3):
            with pytest.raises((TimeoutError, WANT_READ)):
                reader.readline()
    b.settimeout(20)
    a.sendall(b"d\n")
    assert reader.readline() == b"abcd\n"


def test_a_stream_that_turns_into_tls(certificate):
    """Who was sent more than the line before TLS begins sees it, and can refuse it."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    for extra in b"", b"injected\n":
        a, b = stock.socketpair()
        with contextlib.closing(a), contextlib.closing(b):
            reader = csock.Reader(a)
            b.sendall(b"STARTTLS\n" + extra)
            assert reader.readline() == b"STARTTLS\n"
            sock, rest = reader.detach()
            assert (sock, rest) == (a, extra)
            if rest:
                continue
            job = testkit.Job(lambda s=sock: server.wrap_socket(s, server_side=True))
            client = ssl.create_default_context(cafile=certificate)
            with client.wrap_socket(b, server_hostname="localhost") as c, job.result() as s:
                c.sendall(b"now\n")
                assert csock.Reader(s).readline() == b"now\n"
