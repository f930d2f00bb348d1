"""What is quick must be the same: methods that somebody overrides or replaces are heard wherever C
could go past them, answers that do not ask libc are libc's, and what is kept is never stale."""

import itertools
import sys

import pytest
import testkit


@pytest.fixture
def sockets(impl):
    """The class, and the module whose name `socket` accept() looks up."""
    return impl.socket, sys.modules[impl.socket.__module__]


def listening(impl, cls=None):
    server = (cls or impl.socket)()
    server.bind(("127.0.0.1", 0))
    server.listen()
    return server


def connected(impl, server):
    client = impl.socket()
    client.connect(server.getsockname())
    return client


def test_accept_makes_what_the_module_calls_socket_now(impl, sockets, monkeypatch):
    cls, module = sockets

    class Other(cls):
        pass

    with listening(impl) as server, connected(impl, server):
        monkeypatch.setattr(module, "socket", Other)
        with server.accept()[0] as conn:
            assert type(conn) is Other


def test_accept_of_a_subclass_makes_the_plain_class(impl, sockets):
    class Mine(sockets[0]):
        pass

    with listening(impl, Mine) as server, connected(impl, server), server.accept()[0] as conn:
        assert type(conn) is sockets[0]


def test_accept_hears_a_replaced_accept(impl, sockets, monkeypatch):
    calls = []
    real = sockets[0]._accept
    monkeypatch.setattr(sockets[0], "_accept", lambda s: calls.append(s) or real(s), raising=False)
    with listening(impl) as server, connected(impl, server), server.accept()[0]:
        assert calls == [server]


def test_accept_hears_a_replaced_init(impl, sockets, monkeypatch):
    calls = []
    real = sockets[0].__init__
    with listening(impl) as server, connected(impl, server):
        monkeypatch.setattr(
            sockets[0], "__init__", lambda s, *a, **k: calls.append(1) or real(s, *a, **k)
        )
        with server.accept()[0]:
            assert calls == [1]


@pytest.mark.parametrize("how", ["subclass", "replaced"])
def test_close_hears_real_close(impl, sockets, monkeypatch, how):
    calls = []
    cls, real = sockets[0], sockets[0]._real_close

    def _real_close(s):
        calls.append(s)
        real(s)

    if how == "subclass":
        cls = type("Mine", (cls,), {"_real_close": _real_close})
    else:
        monkeypatch.setattr(cls, "_real_close", _real_close)
    s = cls()
    s.close()
    assert calls == [s] and s.fileno() == -1


@pytest.mark.parametrize("how", ["subclass", "replaced"])
def test_streams_hear_recv_into_and_send(impl, sockets, monkeypatch, how):
    calls = []
    cls = sockets[0]
    recv_into, send = cls.recv_into, cls.send
    own = {
        "recv_into": lambda s, *a: calls.append("recv_into") or recv_into(s, *a),
        "send": lambda s, *a: calls.append("send") or send(s, *a),
    }
    if how == "replaced":
        for name, function in own.items():
            monkeypatch.setattr(cls, name, function, raising=False)
    else:
        cls = type("Mine", (cls,), own)
    a, b = impl.socketpair()
    with a, cls(fileno=b.detach()) as mine, mine.makefile("rwb") as stream:
        a.send(b"line\n")
        assert stream.readline() == b"line\n"
        stream.write(b"x")
        stream.flush()
        assert a.recv(9) == b"x"
    assert "recv_into" in calls and calls[-1] == "send"


def test_decref_is_heard(impl, sockets, monkeypatch):
    calls = []
    real = sockets[0]._decref_socketios
    monkeypatch.setattr(
        sockets[0], "_decref_socketios", lambda s: calls.append(1) or real(s), raising=False
    )
    a, b = impl.socketpair()
    with a, b:
        a.makefile("rb").close()
    assert calls == [1]


def outcome(function, *args):
    try:
        return function(*args)
    except Exception as error:
        return type(error), getattr(error, "errno", None)


HOSTS = ("127.0.0.1", "255.255.255.255", "::1", "::ffff:1.2.3.4", "01.2.3.4", "1.2", "::1%1", "")
PORTS = (None, 0, 80, "80", "080", "65536", 65535, 65536, -1, True)


@pytest.mark.parametrize("host", HOSTS)
def test_literals_are_answered_as_libc_does(csock, host):
    import _socket as stock

    kinds = itertools.product(PORTS, (0, 2, 10), (0, 1, 2, 3), (0, 6, 17), (0, 1, 4, 1024))
    for port, *hints in kinds:
        query = (host, port, *hints)
        assert outcome(csock._socket.getaddrinfo, *query) == outcome(stock.getaddrinfo, *query)


def test_getaddrinfo_gives_members_of_the_enums(impl):
    family, kind, *_ = impl.getaddrinfo("127.0.0.1", 80, type=impl.SOCK_STREAM)[0]
    assert (type(family), type(kind)) == (impl.AddressFamily, impl.SocketKind)


def test_getaddrinfo_gives_numbers_where_there_is_no_member(impl):
    """SOCK_DCCP is known to libc and not to CPython."""
    [(family, kind, *rest)] = impl.getaddrinfo("127.0.0.1", 80, 0, 6)
    assert (type(family), type(kind)) == (impl.AddressFamily, int)
    assert (kind, *rest) == (6, 33, "", ("127.0.0.1", 80))


def low_level(impl):
    """What impl knows as _socket."""
    return sys.modules[impl.getaddrinfo.__module__]._socket


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_getaddrinfo_of_the_low_level_gives_numbers(impl, host):
    for family, kind, *_ in low_level(impl).getaddrinfo(host, 80):
        assert (type(family), type(kind)) == (int, int)


def test_getaddrinfo_asks_what_stands_in_its_place(impl, monkeypatch):
    asked = []

    def answers(*args):
        asked.append(args)
        yield 2, 1, 6, "", ("192.0.2.1", 80)
        yield [77, 78, "tcp", None, None]

    monkeypatch.setattr(low_level(impl), "getaddrinfo", answers)
    first, second = impl.getaddrinfo("127.0.0.1", 80, type=1)
    assert asked == [("127.0.0.1", 80, 0, 1, 0, 0)]
    assert first == (2, 1, 6, "", ("192.0.2.1", 80)) and second == (77, 78, "tcp", None, None)
    assert (type(first[0]), type(first[1])) == (impl.AddressFamily, impl.SocketKind)
    assert (type(second[0]), type(second[1])) == (int, int)
    monkeypatch.setattr(low_level(impl), "getaddrinfo", lambda *args: [(2, 1)])
    with pytest.raises(ValueError):
        impl.getaddrinfo("127.0.0.1", 80)


def test_members_that_a_program_adds_are_found(impl, monkeypatch):
    table = impl.SocketKind._value2member_map_
    monkeypatch.setitem(table, 6, impl.SOCK_STREAM)
    assert impl.getaddrinfo("127.0.0.1", 80, 0, 6)[0][1] is impl.SOCK_STREAM
    monkeypatch.setitem(impl.AddressFamily._value2member_map_, 77, impl.AF_UNIX)
    with impl.socket() as s, impl.socket(77, 6, 0, fileno=s.detach()) as odd:
        assert odd.family is impl.AF_UNIX and odd.type is impl.SOCK_STREAM


def test_the_enum_is_asked_for_a_number_without_a_member(impl, monkeypatch):
    assert type(impl.getaddrinfo("127.0.0.1", 80, 0, 6)[0][1]) is int
    monkeypatch.setattr(impl.SocketKind, "_missing_", classmethod(lambda cls, value: 1 / 0))
    with pytest.raises(ZeroDivisionError):
        impl.getaddrinfo("127.0.0.1", 80, 0, 6)
    assert impl.getaddrinfo("127.0.0.1", 80, 0, 1)[0][1] is impl.SOCK_STREAM


def test_family_and_type_are_members_where_there_is_one(impl):
    with impl.socket() as s:
        assert (s.family, s.type) == (impl.AF_INET, impl.SOCK_STREAM)
        assert type(s.family) is impl.AddressFamily and type(s.type) is impl.SocketKind


def test_addresses_by_turns(impl):
    """A socket that hears several peers, and answers each, mixes none of them up."""
    with impl.socket(type=impl.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        clients = [impl.socket(type=impl.SOCK_DGRAM) for _ in range(3)]
        with testkit.closing(*clients):
            for client in clients:
                client.bind(("127.0.0.1", 0))
            for i in (0, 1, 1, 2, 0, 2, 2):
                to = server.getsockname()
                clients[i].sendto(b"%d" % i, to)
                data, sender = server.recvfrom(9)
                assert sender == clients[i].getsockname()
                server.sendto(data, sender)
                assert clients[i].recvfrom(9) == (b"%d" % i, to)


def test_an_address_is_remembered_for_its_family(impl):
    with impl.socket(type=impl.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        to = s.getsockname()
        s.sendto(b"x", to)
        assert s.recvfrom(9) == (b"x", to)
        s.__init__(impl.AF_UNIX, impl.SOCK_DGRAM)
        with pytest.raises(TypeError):
            s.sendto(b"x", to)


def test_an_address_of_odd_types_is_converted_each_time(impl):
    class Host(str):
        pass

    with impl.socket(type=impl.SOCK_DGRAM) as a, impl.socket(type=impl.SOCK_DGRAM) as b:
        b.bind(("127.0.0.1", 0))
        port = b.getsockname()[1]
        odd = (Host("127.0.0.1"), port)
        for address in (odd, ("127.0.0.1", port), odd, ("localhost", port), ("127.1", port)):
            a.sendto(b"x", address)
            assert b.recvfrom(1)[1][1] == a.getsockname()[1]
        with pytest.raises(OverflowError):
            a.sendto(b"x", ("127.0.0.1", 65536))
        with pytest.raises(OverflowError):
            a.sendto(b"x", ("127.0.0.1", 1 << 80))


@pytest.mark.parametrize("timeout", [None, 5, 0])
def test_large_buffers_small_and_large_by_turns(impl, timeout):
    a, b = impl.socketpair()
    with a, b:
        b.settimeout(timeout)
        for size in (1, 150_000, 1, 1, 150_000, 3):
            a.sendall(bytes(size))
            got = 0
            while got < size:
                got += len(b.recv(1 << 20))
            assert got == size
