"""Rows 18 to 22, 28 and 35 of the 1998 reference: how a connection begins and ends."""

import errno
import gc
import os
import select
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
