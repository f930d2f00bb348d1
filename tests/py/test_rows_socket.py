"""Rows 18 to 38 of the 1998 reference: the methods of sockets."""

import array
import asyncio
import errno
import gc
import io
import os
import select
import signal
import socket as stock
import struct
import sys
import tracemalloc
import warnings

import pytest
import testkit

needs_ipv6 = pytest.mark.skipif(not testkit.has_ipv6(), reason="no IPv6 on the loopback")
INET = ["AF_INET", pytest.param("AF_INET6", marks=needs_ipv6)]


# ---------------------------------------------------------------- 18 accept


def test_row_18_accept_gives_a_new_socket_and_the_peers_address(impl):
    with testkit.listener(impl) as server, impl.socket() as client:
        client.connect(server.getsockname())
        conn, address = server.accept()
        with conn:
            assert type(conn) is impl.socket and conn.fileno() != server.fileno()
            assert address == client.getsockname() == conn.getpeername()
            assert (conn.family, conn.type) == (server.family, server.type)
            client.send(b"x")
            assert conn.recv(1) == b"x"


def test_row_18_accept_on_unix(impl, unix_dir):
    path = str(unix_dir / "s")
    with impl.socket(impl.AF_UNIX) as server, impl.socket(impl.AF_UNIX) as client:
        server.bind(path)
        server.listen()
        client.connect(path)
        conn, address = server.accept()
        conn.close()
        assert address == ""


def test_row_18_accept_of_a_subclass_gives_the_base_class(impl):
    class Mine(impl.socket):
        pass

    with Mine() as server, impl.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.connect(server.getsockname())
        conn, _ = server.accept()
        with conn:
            assert type(conn) is impl.socket


def test_row_18_accept_waits(impl):
    with testkit.listener(impl) as server, impl.socket() as client:
        job = testkit.Job(server.accept).wait_blocked()
        client.connect(server.getsockname())
        conn, address = job.result()
        conn.close()
        assert address == client.getsockname()


def test_row_18_accept_honours_the_default_timeout(impl):
    with testkit.listener(impl) as server, impl.socket() as client:
        client.connect(server.getsockname())
        impl.setdefaulttimeout(7)
        try:
            conn, _ = server.accept()
        finally:
            impl.setdefaulttimeout(None)
        with conn:
            assert conn.gettimeout() == 7
            assert not os.get_blocking(conn.fileno())


def test_row_18_each_connection_is_accepted_once(impl):
    with testkit.listener(impl, backlog=16) as server:
        jobs = [testkit.Job(server.accept) for _ in range(4)]
        for job in jobs:
            job.wait_blocked()
        clients = [impl.create_connection(server.getsockname()) for _ in range(4)]
        accepted = [job.result() for job in jobs]
        with testkit.closing(clients, [conn for conn, _ in accepted]):
            addresses = sorted(address for _, address in accepted)
            assert addresses == sorted(c.getsockname() for c in clients)


# ------------------------------------------------------ 19 bind, 21 connect


@pytest.mark.parametrize("family", INET)
def test_row_19_bind_to_an_address(impl, family):
    family = getattr(impl, family)
    host = testkit.loopback(impl, family)
    with impl.socket(family) as s:
        s.bind((host, 0))
        assert s.getsockname()[0] == host and s.getsockname()[1] > 0
        with impl.socket(family) as other, pytest.raises(OSError) as caught:
            other.bind(s.getsockname())
    assert caught.value.errno == errno.EADDRINUSE


@pytest.mark.parametrize("family", INET)
def test_row_19_bind_with_two_arguments(csock, family):
    family = getattr(csock, family)
    host = testkit.loopback(csock, family)
    with csock.socket(family) as s:
        s.bind(host, 0)
        assert s.getsockname()[0] == host


def test_row_19_bind_with_two_arguments_resolves_and_checks(csock):
    with csock.socket() as s:
        with pytest.raises(OverflowError, match="port must be 0-65535"):
            s.bind("localhost", 65536)
        with pytest.raises(TypeError):
            s.bind("localhost", "0")
        with pytest.raises(TypeError):
            s.bind("localhost", 0, 0)
        s.bind("localhost", 0)
        assert s.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize("method", ["bind", "connect", "connect_ex"])
def test_rows_19_21_22_two_arguments_are_for_inet_only(csock, method, unix_dir):
    with csock.socket(csock.AF_UNIX) as s, pytest.raises(TypeError):
        getattr(s, method)(str(unix_dir / "s"), 0)
    assert not (unix_dir / "s").exists()


@pytest.mark.parametrize("path", ["s", b"s", bytearray(b"s"), "\udcff", "\u00e4"])
def test_row_19_bind_of_unix_takes_a_string(impl, path, unix_dir, monkeypatch):
    monkeypatch.chdir(unix_dir)
    with impl.socket(impl.AF_UNIX) as s:
        s.bind(path)
        expected = path if isinstance(path, str) else bytes(path).decode()
        assert s.getsockname() == expected
        assert os.listdir(os.fsencode(unix_dir)) == [os.fsencode(expected)]


def test_row_19_bind_of_unix_takes_107_bytes(impl, unix_dir):
    path = str(unix_dir / "x").ljust(107, "x")
    with impl.socket(impl.AF_UNIX) as s:
        s.bind(path)
        assert s.getsockname() == path


@pytest.mark.parametrize("family", INET)
def test_row_21_connect_to_an_address(impl, family):
    with testkit.listener(impl, getattr(impl, family)) as server:
        with impl.socket(server.family) as s:
            s.connect(server.getsockname())
            assert s.getpeername() == server.getsockname()
        with impl.socket(server.family) as s:
            s.connect(server.getsockname()[:2])
            assert s.getpeername() == server.getsockname()


@pytest.mark.parametrize("family", INET)
def test_row_21_connect_with_two_arguments(csock, family):
    with testkit.listener(csock, getattr(csock, family)) as server:
        with csock.socket(server.family) as s:
            host, port = server.getsockname()[:2]
            s.connect(host, port)
            assert s.getpeername() == server.getsockname()


def test_row_21_connect_resolves(impl):
    with testkit.listener(impl) as server, impl.socket() as s:
        s.connect(("localhost", server.getsockname()[1]))
        assert s.getpeername() == server.getsockname()


def test_row_21_connect_of_a_datagram_socket_can_be_repeated(impl):
    a, b = testkit.udp_pair(impl)
    with a, b, impl.socket(type=impl.SOCK_DGRAM) as c:
        c.bind(("127.0.0.1", 0))
        c.sendto(b"filtered", a.getsockname())
        b.send(b"from b")
        assert a.recv(100) == b"from b"
        a.connect(c.getsockname())
        assert a.getpeername() == c.getsockname()
        c.sendto(b"from c", a.getsockname())
        assert a.recv(100) == b"from c"


# ------------------------------------------------------------------ 20 close


def test_row_20_close_makes_later_use_fail(impl):
    s = impl.socket()
    fd = s.fileno()
    s.close()
    assert s.fileno() == -1 and s._closed
    for use in (lambda: s.recv(1), lambda: s.send(b"x"), s.getsockname, s.accept):
        with pytest.raises(OSError) as caught:
            use()
        assert caught.value.errno == errno.EBADF
    with pytest.raises(OSError):
        os.fstat(fd)


def test_row_20_close_twice_is_harmless(impl):
    s = impl.socket()
    s.close()
    with impl.socket():  # takes the same number
        s.close()
        assert "closed" in repr(s)


@pytest.mark.parametrize("kind", testkit.STREAMS)
def test_row_20_close_flushes_queued_data_to_the_peer(impl, kind):
    a, b = testkit.stream_pair(impl, kind)
    size = testkit.fill(a, b)
    a.close()
    with b:
        assert testkit.drain(b) == size > 10_000


def test_row_20_garbage_collection_closes_and_warns(impl):
    a, b = impl.socketpair()
    with b:
        text = repr(a)
        with pytest.warns(ResourceWarning) as caught:
            del a
            gc.collect()
        assert str(caught[0].message) == f"unclosed {text}"
        assert b.recv(1) == b""


def test_row_20_garbage_collection_of_a_cycle_closes(impl):
    a, b = impl.socketpair()

    class Holder(impl.socket):
        pass

    holder = Holder(fileno=a.detach())
    holder.itself = holder
    with b, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        del holder
        gc.collect()
        assert b.recv(1) == b""


def test_row_20_half_made_objects_warn_of_nothing(impl):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        s = impl.socket.__new__(impl.socket)
        assert s.fileno() == -1
        del s
        gc.collect()


def test_row_20_context_manager_closes(impl):
    with impl.socket() as s:
        assert s.fileno() >= 0
    assert s.fileno() == -1
    with pytest.raises(KeyError), impl.socket() as s:
        raise KeyError
    assert s.fileno() == -1


# -------------------------------------------------------------- 22 connect_ex


def test_row_22_connect_ex_gives_zero_or_errno(impl):
    with testkit.listener(impl) as server, impl.socket() as s:
        assert s.connect_ex(server.getsockname()) == 0
        assert s.connect_ex(server.getsockname()) == errno.EISCONN
        address = server.getsockname()
    with impl.socket() as s:
        assert s.connect_ex(address) == errno.ECONNREFUSED


def test_row_22_connect_ex_on_unix(impl, unix_dir):
    with impl.socket(impl.AF_UNIX) as s:
        assert s.connect_ex(str(unix_dir / "missing")) == errno.ENOENT


def test_row_22_connect_ex_with_two_arguments(csock):
    with testkit.listener(csock) as server, csock.socket() as s:
        assert s.connect_ex(*server.getsockname()) == 0
        host, port = server.getsockname()
    with csock.socket() as s:
        assert s.connect_ex(host, port) == errno.ECONNREFUSED


def test_row_22_connect_ex_still_raises_for_bad_arguments_and_names(impl):
    with impl.socket() as s:
        with pytest.raises(OverflowError):
            s.connect_ex(("127.0.0.1", 65536))
        with pytest.raises(TypeError):
            s.connect_ex("127.0.0.1")
        with pytest.raises(impl.gaierror):
            s.connect_ex(("a..b", 1))


def test_row_22_asynchronous_connect_with_select(impl):
    with testkit.listener(impl) as server, impl.socket() as s:
        s.setblocking(False)
        assert s.connect_ex(server.getsockname()) in (0, errno.EINPROGRESS)
        assert select.select([], [s], [], 10)[1] == [s]
        assert s.getsockopt(impl.SOL_SOCKET, impl.SO_ERROR) == 0
        assert s.getpeername() == server.getsockname()


def test_row_22_asynchronous_connect_that_fails(impl):
    with testkit.listener(impl) as server:
        address = server.getsockname()
    with impl.socket() as s:
        s.setblocking(False)
        code = s.connect_ex(address)
        if code == errno.EINPROGRESS:
            select.select([], [s], [], 10)
            code = s.getsockopt(impl.SOL_SOCKET, impl.SO_ERROR)
        assert code == errno.ECONNREFUSED


def test_row_22_connect_while_one_is_under_way(impl):
    server, waiting = testkit.full_tcp_listener(impl)
    with testkit.closing(server, waiting), impl.socket() as s:
        s.setblocking(False)
        assert s.connect_ex(server.getsockname()) == errno.EINPROGRESS
        assert s.connect_ex(server.getsockname()) == errno.EALREADY
        with pytest.raises(BlockingIOError) as caught:
            s.connect(server.getsockname())
        assert caught.value.errno == errno.EALREADY


# ----------------------------------------------- 23 fileno, 24 and 25 names


def test_row_23_fileno_is_the_descriptor(impl):
    a, b = impl.socketpair()
    with a, b:
        os.write(a.fileno(), b"through the descriptor")
        assert b.recv(100) == b"through the descriptor"


def test_row_23_fileno_works_with_select_poll_and_epoll(impl):
    a, b = impl.socketpair()
    with a, b, select.epoll() as epoll:
        poll = select.poll()
        poll.register(b, select.POLLIN)
        epoll.register(b, select.EPOLLIN)
        assert select.select([b], [b], [], 0) == ([], [b], [])
        assert poll.poll(0) == [] and epoll.poll(0) == []
        a.send(b"x")
        assert select.select([b], [], [], 0) == ([b], [], [])
        assert poll.poll(0) == [(b.fileno(), select.POLLIN)]
        assert epoll.poll(0) == [(b.fileno(), select.EPOLLIN)]


def test_row_23_sockets_work_in_asyncio(impl):
    async def exchange(a, b):
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(a, b"x" * 100_000)
        return await loop.sock_recv(b, 10)

    a, b = impl.socketpair()
    with a, b:
        for s in (a, b):
            s.setblocking(False)
        a.setsockopt(impl.SOL_SOCKET, impl.SO_SNDBUF, 1 << 20)
        assert asyncio.run(exchange(a, b)) == b"x" * 10


@pytest.mark.parametrize("family", INET)
def test_rows_24_25_names_of_both_ends(impl, family):
    a, b = testkit.tcp_pair(impl, getattr(impl, family))
    with a, b:
        assert a.getpeername() == b.getsockname()
        assert b.getpeername() == a.getsockname()
        assert len(a.getpeername()) == (2 if a.family == impl.AF_INET else 4)


def test_rows_24_25_names_on_unix(impl, unix_dir):
    path = str(unix_dir / "s")
    with impl.socket(impl.AF_UNIX) as server, impl.socket(impl.AF_UNIX) as client:
        server.bind(path)
        server.listen()
        client.connect(path)
        assert (client.getpeername(), client.getsockname()) == (path, "")


def test_row_24_getpeername_of_an_unconnected_socket(impl):
    with impl.socket() as s, pytest.raises(OSError) as caught:
        s.getpeername()
    assert caught.value.errno == errno.ENOTCONN


# -------------------------------------------------------- 26 and 27 options


def test_row_26_getsockopt_as_int(impl):
    with impl.socket(type=impl.SOCK_DGRAM) as s:
        assert s.getsockopt(impl.SOL_SOCKET, impl.SO_TYPE) == impl.SOCK_DGRAM
        assert s.getsockopt(impl.SOL_SOCKET, impl.SO_BROADCAST) == 0


def test_row_26_getsockopt_as_bytes_of_at_most_buflen(impl):
    with impl.socket(type=impl.SOCK_DGRAM) as s:
        expected = struct.pack("i", impl.SOCK_DGRAM)
        assert s.getsockopt(impl.SOL_SOCKET, impl.SO_TYPE, 4) == expected
        assert s.getsockopt(impl.SOL_SOCKET, impl.SO_TYPE, 100) == expected
        assert s.getsockopt(impl.SOL_SOCKET, impl.SO_TYPE, 2) == expected[:2]


def test_row_26_getsockopt_of_a_structure(impl):
    with impl.socket() as s:
        s.setsockopt(impl.SOL_SOCKET, impl.SO_LINGER, struct.pack("ii", 1, 7))
        assert struct.unpack("ii", s.getsockopt(impl.SOL_SOCKET, impl.SO_LINGER, 8)) == (1, 7)


@pytest.mark.parametrize(
    "value",
    [1, True, struct.pack("i", 1), bytearray(struct.pack("i", 1)), array.array("i", [1])],
    ids=["int", "bool", "bytes", "bytearray", "array"],
)
def test_row_27_setsockopt_takes_an_int_or_a_buffer(impl, value):
    with impl.socket() as s:
        s.setsockopt(impl.SOL_SOCKET, impl.SO_REUSEADDR, value)
        assert s.getsockopt(impl.SOL_SOCKET, impl.SO_REUSEADDR) == 1


def test_row_27_setsockopt_without_a_value_but_its_length(impl):
    with impl.socket() as s:
        s.setsockopt(impl.SOL_SOCKET, impl.SO_BINDTODEVICE, None, 0)
        assert s.getsockopt(impl.SOL_SOCKET, impl.SO_BINDTODEVICE, 16) == b""


def test_row_27_setsockopt_that_the_kernel_refuses(impl):
    with impl.socket() as s, pytest.raises(OSError) as caught:
        s.setsockopt(impl.SOL_SOCKET, 9999, 1)
    assert caught.value.errno == errno.ENOPROTOOPT


# ------------------------------------------------------------------ 28 listen


@pytest.mark.parametrize("args", [(), (0,), (1,), (5,), (10_000,)])
def test_row_28_listen(impl, args):
    with impl.socket() as server, impl.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen(*args)
        assert server.getsockopt(impl.SOL_SOCKET, impl.SO_ACCEPTCONN) == 1
        client.connect(server.getsockname())


def test_row_28_listen_on_a_datagram_socket(impl):
    with impl.socket(type=impl.SOCK_DGRAM) as s, pytest.raises(OSError) as caught:
        s.listen()
    assert caught.value.errno == errno.EOPNOTSUPP


# ---------------------------------------------------------------- 29 makefile


def test_row_29_makefile_outlives_the_socket(impl):
    a, b = impl.socketpair()
    with b:
        f = a.makefile("rwb")
        fd = a.fileno()
        a.close()
        assert "[closed]" in repr(a)
        b.send(b"line\n")
        assert f.readline() == b"line\n"
        f.write(b"back")
        f.flush()
        assert b.recv(10) == b"back"
        f.close()
        assert b.recv(1) == b""
    with pytest.raises(OSError):
        os.fstat(fd)


def test_row_29_socket_outlives_the_file(impl):
    a, b = impl.socketpair()
    with a, b:
        a.makefile("rb").close()
        a.send(b"x")
        assert b.recv(1) == b"x"


def test_row_29_file_is_collected_independently(impl):
    a, b = impl.socketpair()
    with b, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        f = a.makefile("rb")
        a.close()
        del a
        gc.collect()
        b.send(b"x")
        assert f.read(1) == b"x"
        del f
        gc.collect()
        b.settimeout(10)
        assert b.recv(1) == b""


def test_row_29_several_files_share_the_socket(impl):
    a, b = impl.socketpair()
    with b:
        reader, writer = a.makefile("rb"), a.makefile("wb", 0)
        a.close()
        reader.close()
        writer.write(b"still open")
        assert b.recv(100) == b"still open"
        writer.close()
        assert b.recv(1) == b""


TYPES = {
    "r": io.TextIOWrapper,
    "w": io.TextIOWrapper,
    "rw": io.TextIOWrapper,
    "rt": io.TextIOWrapper,
    "rb": io.BufferedReader,
    "br": io.BufferedReader,
    "wb": io.BufferedWriter,
    "rwb": io.BufferedRWPair,
    "wrb": io.BufferedRWPair,
}


@pytest.mark.parametrize("mode", [m for m in TYPES if "t" not in m])
def test_row_29_modes(impl, mode):
    a, b = impl.socketpair()
    with a, b, a.makefile(mode) as f:
        assert type(f) is TYPES[mode]
        reading = "r" in mode
        writing = "w" in mode
        assert (f.readable(), f.writable(), f.seekable()) == (reading, writing, False)
        text = (lambda s: s) if "b" not in mode else str.encode
        if reading:
            b.sendall(b"one\ntwo\n")
            assert f.readline() == text("one\n")
            assert f.readline() == text("two\n")
        if writing:
            f.write(text("three"))
            f.flush()
            assert b.recv(100) == b"three"


def test_row_29_without_a_mode_it_reads_text(impl):
    a, b = impl.socketpair()
    with a, b, a.makefile() as f:
        b.sendall("gr\u00fc\u00dfe\n".encode())
        b.shutdown(impl.SHUT_WR)
        assert list(f) == ["gr\u00fc\u00dfe\n"]


def test_row_29_unbuffered(impl):
    a, b = impl.socketpair()
    with a, b, a.makefile("rwb", buffering=0) as f:
        assert isinstance(f, io.RawIOBase)
        b.send(b"abcdef")
        assert f.read(3) == b"abc"
        assert a.recv(3) == b"def"
        assert f.write(b"now") == 3
        assert b.recv(3) == b"now"


def test_row_29_positional_bufsize_as_in_1998(impl):
    a, b = impl.socketpair()
    with a, b:
        with a.makefile("rb", 16) as f:
            b.send(bytes(range(40)))
            assert f.peek(1) == bytes(range(16))
        with a.makefile("wb", 10) as f:
            f.write(b"1234")
            assert select.select([b], [], [], 0)[0] == []
            f.write(b"567890ab")
            assert b.recv(100)
        with a.makefile("wb", -1) as f:
            f.write(b"default")
        assert b.recv(100).endswith(b"default")
        with a.makefile("w", 1) as f:
            f.write("text\n")
        assert b.recv(100) == b"text\n"


def test_row_29_encoding_errors_and_newline(impl):
    a, b = impl.socketpair()
    with a, b:
        with a.makefile("w", encoding="utf-16-le", newline="\r\n") as f:
            assert f.encoding == "utf-16-le"
            f.write("\u00e4\n")
        assert b.recv(100) == "\u00e4\r\n".encode("utf-16-le")
        b.send(b"\xff\r\nx\n")
        with a.makefile("r", encoding="ascii", errors="replace", newline="") as f:
            assert f.readline() == "\ufffd\r\n"


@pytest.mark.parametrize(
    ("args", "error", "text"),
    [
        (("x",), ValueError, "invalid mode"),
        (("ra",), ValueError, "invalid mode"),
        (("r", 0), ValueError, "unbuffered streams must be binary"),
        ((5,), TypeError, None),
        (("r", "x"), TypeError, None),
    ],
)
def test_row_29_bad_arguments(impl, args, error, text):
    with impl.socket() as s, pytest.raises(error, match=text):
        s.makefile(*args)


def test_row_29_reading_a_write_only_file(impl):
    a, b = impl.socketpair()
    with a, b:
        with a.makefile("wb", 0) as f, pytest.raises(OSError):
            f.read(1)
        with a.makefile("rb", 0) as f, pytest.raises(OSError):
            f.write(b"x")


def test_row_29_use_after_close(impl):
    a, b = impl.socketpair()
    with a, b:
        for mode in ("rb", "wb", "rwb", "r", "w"):
            f = a.makefile(mode)
            f.close()
            f.close()
            assert f.closed
            with pytest.raises(ValueError, match="closed file"):
                f.read(1) if "r" in mode else f.write(b"x" if "b" in mode else "x")


def test_row_29_a_timeout_poisons_the_file(impl):
    a, b = impl.socketpair()
    with a, b, a.makefile("rb") as f:
        a.settimeout(0.02)
        with pytest.raises(TimeoutError):
            f.read(1)
        b.send(b"x")
        with pytest.raises(OSError, match="cannot read from timed out object"):
            f.read(1)


def test_row_29_a_non_blocking_file_reads_none(impl):
    a, b = impl.socketpair()
    with a, b, a.makefile("rb", 0) as f:
        a.setblocking(False)
        assert f.read(1) is None
        b.send(b"x")
        assert f.read(1) == b"x"


def test_row_29_files_know_their_descriptor_and_name(impl):
    a, b = impl.socketpair()
    with a, b, a.makefile("rwb", 0) as f:
        assert f.fileno() == f.name == a.fileno()
        assert f.mode == "rwb"
        a.close()
        assert f.fileno() >= 0
        f.close()
        assert f.name == -1


def test_row_29_large_transfers_through_files(impl):
    a, b = testkit.tcp_pair(impl)
    data = os.urandom(1 << 20)

    def write():
        with a, a.makefile("wb") as f:
            for i in range(0, len(data), 1000):
                f.write(data[i : i + 1000])

    job = testkit.Job(write)
    with b, b.makefile("rb") as f:
        assert f.read() == data
    job.result()


# ---------------------------------------------------- 30 and 31 recv, recvfrom


def test_row_30_recv_gives_bytes(impl):
    a, b = impl.socketpair()
    with a, b:
        a.send(b"hello")
        assert b.recv(3) == b"hel"
        assert b.recv(100) == b"lo"
        a.close()
        assert b.recv(100) == b""


def test_row_30_recv_waits(impl):
    a, b = impl.socketpair()
    with a, b:
        job = testkit.Job(b.recv, 100).wait_blocked()
        a.send(b"now")
        assert job.result() == b"now"


def test_row_30_recv_with_flags(impl):
    a, b = impl.socketpair()
    with a, b:
        a.send(b"hello")
        assert b.recv(5, impl.MSG_PEEK) == b"hello"
        assert b.recv(5) == b"hello"
        with pytest.raises(BlockingIOError):
            b.recv(5, impl.MSG_DONTWAIT)


def test_row_30_recv_of_out_of_band_data(impl):
    a, b = testkit.tcp_pair(impl)
    with a, b:
        a.send(b"normal")
        a.send(b"!", impl.MSG_OOB)
        assert select.select([], [], [b], 10)[2] == [b]
        assert b.recv(1, impl.MSG_OOB) == b"!"
        assert b.recv(6, impl.MSG_WAITALL) == b"normal"


def test_row_30_recv_of_nothing(impl):
    a, b = impl.socketpair()
    with a, b:
        assert b.recv(0) == b""
    assert b.recv(0) == b""  # no system call: stock does not notice the closed socket either


@pytest.mark.parametrize("size", [1, 100, 4096, 65536, 1 << 20])
@pytest.mark.parametrize("kind", testkit.STREAMS)
def test_row_30_recv_gives_each_byte_once(impl, kind, size):
    a, b = testkit.stream_pair(impl, kind)
    data = os.urandom(3_000_000 if size > 100 else 20_000)

    def send():
        with a:
            a.sendall(data)

    job = testkit.Job(send)
    with b:
        pieces = list(iter(lambda: b.recv(size), b""))
    job.result()
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= size


@pytest.mark.parametrize("method", ["recv", "recvfrom"])
def test_row_30_recv_keeps_memory_for_what_came(impl, method):
    a, b = impl.socketpair()
    with a, b:
        for warm_up in (True, False):
            if not warm_up:
                tracemalloc.start()
                before = tracemalloc.get_traced_memory()[0]
            kept = []
            for _ in range(100):
                a.send(b"12")
                kept.append(getattr(b, method)(1 << 20))
        used = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
    assert len(kept) == 100
    assert used < 100 * 500


@pytest.mark.parametrize("method", ["recv", "recvfrom"])
def test_row_30_recv_shorter_than_a_datagram_cuts_it(impl, method):
    a, b = testkit.udp_pair(impl)
    with a, b:
        a.send(b"x" * 50)
        a.send(b"next")
        got = getattr(b, method)(10)
        assert (got[0] if method == "recvfrom" else got) == b"x" * 10
        assert b.recv(10) == b"next"


@pytest.mark.parametrize("size", [10_000, 60_000])
def test_row_30_recv_takes_whole_datagrams_after_small_ones(impl, size):
    a, b = testkit.udp_pair(impl)
    with a, b:
        for n in (1, 1, 1, size, 1, size):
            data = os.urandom(n)
            a.send(data)
            assert b.recv(1 << 20) == data


def datagram_pairs(impl):
    yield testkit.udp_pair(impl)
    yield impl.socketpair(impl.AF_UNIX, impl.SOCK_DGRAM)
    yield impl.socketpair(impl.AF_UNIX, impl.SOCK_SEQPACKET)


@pytest.mark.parametrize("size", [0, 1, 10, 4000])
@pytest.mark.parametrize("method", ["recv", "recvfrom"])
def test_row_30_recv_with_trunc_gives_no_unwritten_byte_of_a_datagram(csock, method, size):
    for a, b in datagram_pairs(csock):
        with a, b:
            a.send(b"x" * 5000)
            got = getattr(b, method)(size, csock.MSG_TRUNC)
            if size == 0 and method == "recv":
                continue  # makes no system call
            assert (got[0] if method == "recvfrom" else got) == b"x" * size


@pytest.mark.parametrize("method", ["recv", "recvfrom"])
def test_row_30_recv_with_trunc_as_stock_has_it(method):
    """What the test above is about: stock gives as many bytes as the datagram had; 3.15 fails."""
    for a, b in datagram_pairs(stock):
        with a, b:
            a.send(b"x" * 5000)
            try:
                got = getattr(b, method)(10, stock.MSG_TRUNC)
            except ValueError:
                assert sys.version_info >= (3, 15)
                continue
            got = got[0] if method == "recvfrom" else got
            assert len(got) in (10, 5000) and got[:10] == b"x" * 10


@pytest.mark.parametrize("size", [10, 100, 5000])
@pytest.mark.parametrize("method", ["recv", "recvfrom"])
def test_row_30_recv_with_trunc_on_tcp_copies_nothing(csock, method, size):
    a, b = testkit.tcp_pair(csock)
    with a, b:
        a.sendall(b"discarded." * (size // 10) + b"rest")
        got = getattr(b, method)(size, csock.MSG_TRUNC | csock.MSG_WAITALL)
        assert (got[0] if method == "recvfrom" else got) == b""
        assert b.recv(100) == b"rest"


@pytest.mark.parametrize("method", ["recv_into", "recvfrom_into"])
def test_row_30_recv_into_with_trunc_gives_the_kernels_count(impl, method):
    for a, b in datagram_pairs(impl):
        with a, b:
            a.send(b"x" * 50)
            buffer = bytearray(b"." * 20)
            count = getattr(b, method)(buffer, 10, impl.MSG_TRUNC)
            assert (count[0] if method == "recvfrom_into" else count) == 50
            assert buffer == b"x" * 10 + b"." * 10


def test_row_30_recv_into_with_trunc_on_tcp_leaves_the_buffer(impl):
    a, b = testkit.tcp_pair(impl)
    with a, b:
        a.sendall(b"discarded.rest")
        buffer = bytearray(b"." * 10)
        assert b.recv_into(buffer, 10, impl.MSG_TRUNC | impl.MSG_WAITALL) == 10
        assert buffer == b"." * 10
        assert b.recv(4) == b"rest"


def test_row_31_recvfrom_gives_data_and_address(impl):
    with impl.socket(type=impl.SOCK_DGRAM) as a, impl.socket(type=impl.SOCK_DGRAM) as b:
        a.bind(("127.0.0.1", 0))
        b.bind(("127.0.0.1", 0))
        a.sendto(b"hello", b.getsockname())
        assert b.recvfrom(100, impl.MSG_PEEK) == (b"hello", a.getsockname())
        assert b.recvfrom(100) == (b"hello", a.getsockname())


def test_row_31_recvfrom_on_unix(impl, unix_dir):
    with impl.socket(impl.AF_UNIX, impl.SOCK_DGRAM) as server:
        server.bind(str(unix_dir / "server"))
        with impl.socket(impl.AF_UNIX, impl.SOCK_DGRAM) as s:
            s.sendto(b"anonymous", server.getsockname())
            assert server.recvfrom(100) == (b"anonymous", None)
            s.bind(str(unix_dir / "client"))
            s.sendto(b"named", server.getsockname())
            assert server.recvfrom(100) == (b"named", str(unix_dir / "client"))


def test_row_31_recvfrom_on_a_connection_has_no_address(impl):
    a, b = testkit.tcp_pair(impl)
    with a, b:
        a.send(b"x")
        assert b.recvfrom(1) == (b"x", None)


def test_row_31_recvfrom_waits(impl):
    a, b = testkit.udp_pair(impl)
    with a, b:
        job = testkit.Job(b.recvfrom, 100).wait_blocked()
        a.send(b"now")
        assert job.result() == (b"now", a.getsockname())


# ------------------------------------------------------ 32 send, 33 sendto


def test_row_32_send_gives_the_count(impl):
    a, b = impl.socketpair()
    with a, b:
        assert a.send(b"") == 0
        assert a.send(b"hello") == 5
        assert b.recv(100) == b"hello"


@pytest.mark.parametrize(
    "data", [b"abc", bytearray(b"abc"), memoryview(b"xabcx")[1:4], array.array("B", b"abc")]
)
def test_row_32_send_takes_any_buffer(impl, data):
    a, b = impl.socketpair()
    with a, b:
        assert a.send(data) == 3
        a.sendall(data)
        assert b.recv(100) == b"abcabc"


def test_row_32_send_with_flags(impl):
    a, b = testkit.tcp_pair(impl)
    with a, b:
        a.send(b"one", impl.MSG_MORE)
        a.send(b"two", impl.MSG_DONTWAIT)
        assert b.recv(6, impl.MSG_WAITALL) == b"onetwo"


def test_row_32_send_without_a_connection(impl):
    with impl.socket() as s, pytest.raises(BrokenPipeError):
        s.send(b"x")
    with impl.socket(type=impl.SOCK_DGRAM) as s, pytest.raises(OSError) as caught:
        s.send(b"x")
    assert caught.value.errno == errno.EDESTADDRREQ


def test_row_32_send_of_a_datagram_that_is_too_long(impl):
    a, b = testkit.udp_pair(impl)
    with a, b, pytest.raises(OSError) as caught:
        a.send(bytes(70_000))
    assert caught.value.errno == errno.EMSGSIZE


def test_row_33_sendto_in_both_argument_orders(impl):
    with impl.socket(type=impl.SOCK_DGRAM) as a, impl.socket(type=impl.SOCK_DGRAM) as b:
        b.bind(("127.0.0.1", 0))
        address = b.getsockname()
        assert a.sendto(b"one", address) == 3
        assert a.sendto(b"three", impl.MSG_DONTWAIT, address) == 5
        assert a.sendto(b"four", 0, address) == 4
        assert [b.recv(100) for _ in range(3)] == [b"one", b"three", b"four"]


def test_row_33_sendto_resolves(impl):
    with impl.socket(type=impl.SOCK_DGRAM) as a, impl.socket(type=impl.SOCK_DGRAM) as b:
        b.bind(("127.0.0.1", 0))
        a.sendto(b"x", ("localhost", b.getsockname()[1]))
        assert b.recv(1) == b"x"


# ---------------------------------------------- 34 blocking mode and timeouts


def test_row_34_setblocking(impl):
    a, b = impl.socketpair()
    with a, b:
        assert a.getblocking() and a.gettimeout() is None
        a.setblocking(False)
        assert not a.getblocking() and a.gettimeout() == 0
        a.setblocking(1)
        assert a.getblocking() and a.gettimeout() is None


def test_row_34_non_blocking_calls_raise(impl):
    a, b = testkit.tcp_pair(impl)
    with a, b, testkit.listener(impl) as server:
        for s in (a, b, server):
            s.setblocking(0)
        for call in (
            lambda: b.recv(1),
            lambda: b.recv_into(bytearray(1)),
            lambda: b.recvfrom(1),
            lambda: b.recvfrom_into(bytearray(1)),
            server.accept,
        ):
            with pytest.raises(BlockingIOError) as caught:
                call()
            assert caught.value.errno == errno.EAGAIN
        testkit.fill(a, b)
        with pytest.raises(BlockingIOError):
            a.send(b"x")
        with pytest.raises(BlockingIOError):
            a.sendall(b"x")


def test_row_34_settimeout_and_gettimeout(impl):
    with impl.socket() as s:
        for value in (None, 0.0, 1.5, 3600.0):
            s.settimeout(value)
            assert s.gettimeout() == s.timeout == value
        s.settimeout(3)
        assert s.gettimeout() == 3.0 and type(s.gettimeout()) is float
        assert s.getblocking()
        s.settimeout(0)
        assert not s.getblocking()


def test_row_34_timeouts_raise(impl):
    a, b = impl.socketpair()
    with a, b:
        a.settimeout(0.05)
        with testkit.Stopwatch() as watch, pytest.raises(TimeoutError) as caught:
            a.recv(1)
        assert str(caught.value) == "timed out"
        assert 0.05 <= watch.wall < 10


def test_row_34_default_timeout(impl):
    assert impl.getdefaulttimeout() is None
    impl.setdefaulttimeout(2.5)
    try:
        assert impl.getdefaulttimeout() == 2.5
        with impl.socket() as s:
            assert s.gettimeout() == 2.5
    finally:
        impl.setdefaulttimeout(None)
    with impl.socket() as s:
        assert s.gettimeout() is None


# ---------------------------------------------------------- 35 shutdown, 37


@pytest.mark.parametrize(("number", "name"), [(0, "SHUT_RD"), (1, "SHUT_WR"), (2, "SHUT_RDWR")])
@pytest.mark.parametrize("by_name", [False, True])
def test_row_35_shutdown(impl, number, name, by_name):
    a, b = impl.socketpair()
    with a, b:
        a.shutdown(getattr(impl, name) if by_name else number)
        if number != 1:
            assert a.recv(1) == b""
        if number != 0:
            assert b.recv(1) == b""
            with pytest.raises(BrokenPipeError):
                a.send(b"x")
        else:
            a.send(b"x")
            assert b.recv(1) == b"x"
        if number == 1:
            b.send(b"x")
            assert a.recv(1) == b"x"


def test_row_35_shutdown_ends_a_blocked_recv(impl):
    a, b = testkit.tcp_pair(impl)
    with a, b:
        job = testkit.Job(a.recv, 1).wait_blocked()
        a.shutdown(impl.SHUT_RDWR)
        assert job.result() == b""


def test_row_35_shutdown_without_a_connection(impl):
    with impl.socket() as s, pytest.raises(OSError) as caught:
        s.shutdown(2)
    assert caught.value.errno == errno.ENOTCONN


def test_row_37_sockets_have_no_read_or_write(impl):
    with impl.socket() as s:
        assert not hasattr(s, "read") and not hasattr(s, "write")


# -------------------------------------------- SIGPIPE: as the program has it

SIGPIPE = """
import signal, sys
impl = __import__(sys.argv[1])
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
a, b = impl.socketpair()
b.close()
a.send(b"x")
print("survived")
"""


def test_row_32_send_sets_no_flag_of_its_own(impl):
    """A program that wants SIGPIPE gets it, as with stock (no MSG_NOSIGNAL behind its back)."""
    result = testkit.run_python(SIGPIPE, impl.__name__, check=False)
    assert (result.returncode, result.stdout) == (-signal.SIGPIPE, "")


def test_row_30_recv_that_starts_before_the_data_arrives_piece_by_piece(impl):
    a, b = testkit.tcp_pair(impl)
    with a, b:
        for piece in (b"a", b"bc", b"def"):
            job = testkit.Job(b.recv, 100).wait_blocked()
            a.send(piece)
            assert job.result() == piece


def test_row_11_descriptors_of_closed_sockets_are_given_back(impl):
    before = testkit.open_fds()
    for _ in range(200):
        a, b = impl.socketpair()
        c = a.dup()
        f = b.makefile("rb")
        for thing in (a, b, c, f):
            thing.close()
    assert testkit.open_fds() == before
