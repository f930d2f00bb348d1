"""What anyone expects of sockets today, beyond the text of 1998."""

import array
import copy
import os
import pickle
import socket as stock
import weakref

import pytest
import testkit

# ---------------------------------------------------------------- receive into


@pytest.mark.parametrize("make", [bytearray, lambda n: array.array("B", bytes(n))])
def test_recv_into(impl, make):
    a, b = impl.socketpair()
    with a, b:
        buffer = make(10)
        a.send(b"hello")
        assert b.recv_into(buffer) == 5
        assert bytes(buffer) == b"hello" + bytes(5)
        a.send(b"world")
        assert b.recv_into(memoryview(buffer)[5:], 3) == 3
        assert bytes(buffer) == b"hellowor" + bytes(2)
        assert b.recv_into(buffer, 1, impl.MSG_PEEK) == 1
        assert b.recv(10) == b"ld"


def test_recvfrom_into(impl):
    a, b = testkit.udp_pair(impl)
    with a, b:
        buffer = bytearray(10)
        a.send(b"hello")
        assert b.recvfrom_into(buffer, 3, impl.MSG_PEEK) == (3, a.getsockname())
        assert b.recvfrom_into(buffer) == (5, a.getsockname())
        assert buffer == b"hello" + bytes(5)


def test_keyword_arguments(impl):
    a, b = impl.socketpair(family=impl.AF_UNIX, type=impl.SOCK_STREAM, proto=0)
    with a, b:
        buffer = bytearray(10)
        a.sendall(b"abcdef")
        assert b.recv_into(buffer, nbytes=2, flags=0) == 2
        assert b.recvfrom_into(buffer, nbytes=2)[0] == 2
        assert b.recv_into(buffer=buffer) == 2
    with impl.socket(family=impl.AF_INET, type=impl.SOCK_DGRAM, proto=0, fileno=None) as s:
        assert s.type == impl.SOCK_DGRAM
        with s.makefile(mode="rb", buffering=0) as f:
            assert f.readable()


# ------------------------------------------------------- the object's life


def test_detach(impl):
    a, b = impl.socketpair()
    with b:
        fd = a.fileno()
        assert a.detach() == fd
        assert a.fileno() == -1 and "[closed]" in repr(a)
        os.write(fd, b"x")
        assert b.recv(1) == b"x"
        os.close(fd)
        assert a.detach() == -1


def test_dup(impl):
    class Mine(impl.socket):
        pass

    a, b = impl.socketpair()
    with b, Mine(fileno=a.detach()) as mine:
        mine.settimeout(5)
        with mine.dup() as second:
            assert type(second) is Mine
            assert second.gettimeout() == 5
            assert (second.family, second.type) == (mine.family, mine.type)
            mine.close()
            second.send(b"x")
            assert b.recv(1) == b"x"


def test_close_function_and_dup_of_numbers(impl):
    a, b = impl.socketpair()
    with b:
        impl.close(a.detach())
        assert b.recv(1) == b""
    with pytest.raises(OSError):
        impl.close(-1)


def test_inheritable(impl):
    with impl.socket() as s:
        assert not s.get_inheritable()
        s.set_inheritable(True)
        assert s.get_inheritable() and os.get_inheritable(s.fileno())


def test_attributes_cannot_be_set(impl):
    with impl.socket() as s:
        for name in ("family", "type", "proto", "timeout"):
            with pytest.raises((AttributeError, TypeError)):
                setattr(s, name, 1)
        with pytest.raises(AttributeError):
            s.anything = 1


def test_family_and_type_are_enums(impl):
    with impl.socket() as s:
        assert repr(s.family).startswith("<AddressFamily.AF_INET")
        assert repr(s.type).startswith("<SocketKind.SOCK_STREAM")
        assert type(s.proto) is int


def test_repr(impl):
    with testkit.listener(impl) as server, impl.create_connection(server.getsockname()) as s:
        text = repr(s)
        assert f"fd={s.fileno()}" in text and "family=2" in text and "type=1" in text
        assert f"laddr={s.getsockname()}" in text and f"raddr={s.getpeername()}" in text
        assert text.startswith("<") and text.endswith(">")
    assert "[closed] fd=-1" in repr(s)


def test_repr_of_unconnected(impl, unix_dir):
    with impl.socket(impl.AF_UNIX) as s:
        assert "raddr" not in repr(s)
        s.bind(str(unix_dir / "s"))
        assert f"laddr={unix_dir}/s" in repr(s)


def test_subclassing(impl):
    class Counting(impl.socket):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.sent = 0

        def send(self, data, *args):
            self.sent += len(data)
            return super().send(data, *args)

    a, b = impl.socketpair()
    with b, Counting(fileno=a.detach()) as s:
        s.send(b"hello")
        assert (s.sent, b.recv(10)) == (5, b"hello")
        assert isinstance(s, impl.socket)


def test_files_use_overridden_methods(impl):
    class Loud(impl.socket):
        def recv_into(self, buffer, *args):
            n = super().recv_into(buffer, *args)
            buffer[:n] = bytes(buffer[:n]).upper()
            return n

        def send(self, data, *args):
            return super().send(bytes(data).upper(), *args)

    a, b = impl.socketpair()
    with b, Loud(fileno=a.detach()) as s, s.makefile("rwb", buffering=0) as f:
        b.send(b"hello")
        assert f.read(10) == b"HELLO"
        f.write(b"back")
        assert b.recv(10) == b"BACK"


def test_overridden_real_close_is_called_once_files_are_closed(impl):
    closed = []

    class Watching(impl.socket):
        def _real_close(self, *args):
            closed.append(True)
            super()._real_close(*args)

    with Watching() as s:
        f = s.makefile("rb")
        s.close()
        assert closed == []
        f.close()
        assert closed == [True]


def test_sockets_compare_by_identity_hash_and_refer_weakly(impl):
    a, b = impl.socketpair()
    with a, b:
        assert a != b and a == a and len({a, b, a}) == 2
        reference = weakref.ref(a)
        assert reference() is a


def test_sockets_cannot_be_pickled_or_copied(impl):
    with impl.socket() as s:
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError):
                pickle.dumps(s, protocol)
        with pytest.raises(TypeError):
            copy.copy(s)


def test_init_again_with_a_number(impl):
    a, b = impl.socketpair()
    c, d = impl.socketpair()
    with b, d:
        fd = a.detach()
        a.__init__(fileno=c.detach())
        with a:
            a.send(b"x")
            assert d.recv(1) == b"x"
        os.close(fd)


# ---------------------------------------------------------------- socketpair


@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM", "SOCK_SEQPACKET"])
def test_socketpair(impl, kind):
    a, b = impl.socketpair(impl.AF_UNIX, getattr(impl, kind))
    with a, b:
        assert type(a) is type(b) is impl.socket
        assert a.type == b.type == getattr(impl, kind)
        a.send(b"there")
        b.send(b"back")
        assert (b.recv(10), a.recv(10)) == (b"there", b"back")


def test_socketpair_of_a_family_without_pairs(impl):
    with pytest.raises(OSError):
        impl.socketpair(impl.AF_INET)


# ------------------------------------------------------ getaddrinfo, getnameinfo


def test_getaddrinfo_of_numbers(impl):
    found = impl.getaddrinfo("127.0.0.1", 80, impl.AF_INET, impl.SOCK_STREAM)
    assert found == [(impl.AF_INET, impl.SOCK_STREAM, 6, "", ("127.0.0.1", 80))]
    assert found[0][0].name == "AF_INET" and found[0][1].name == "SOCK_STREAM"
    kinds = {entry[1] for entry in impl.getaddrinfo("127.0.0.1", 80)}
    assert kinds == {impl.SOCK_STREAM, impl.SOCK_DGRAM, impl.SOCK_RAW}


def test_getaddrinfo_of_inet6(impl):
    found = impl.getaddrinfo("::1", "80", type=impl.SOCK_DGRAM)
    assert found == [(impl.AF_INET6, impl.SOCK_DGRAM, 17, "", ("::1", 80, 0, 0))]


def test_getaddrinfo_keywords_and_passive(impl):
    found = impl.getaddrinfo(
        host=None, port=80, family=impl.AF_INET, type=1, proto=6, flags=impl.AI_PASSIVE
    )
    assert [entry[4] for entry in found] == [("0.0.0.0", 80)]
    found = impl.getaddrinfo(None, 80, impl.AF_INET, 1)
    assert [entry[4] for entry in found] == [("127.0.0.1", 80)]


@pytest.mark.parametrize("host", ["localhost", b"localhost"])
def test_getaddrinfo_of_a_name(impl, host):
    assert impl.getaddrinfo(host, 80, impl.AF_INET, 1)[0][4] == ("127.0.0.1", 80)


@pytest.mark.parametrize("port", [None, 0, "0", b"0"])
def test_getaddrinfo_ports(impl, port):
    assert impl.getaddrinfo("127.0.0.1", port, 0, 1)[0][4] == ("127.0.0.1", 0)


def test_getaddrinfo_canonical_name(impl):
    flags = impl.AI_CANONNAME | impl.AI_NUMERICHOST
    assert impl.getaddrinfo("127.0.0.1", 80, 0, 1, 0, flags)[0][3] == "127.0.0.1"


def test_getaddrinfo_says_what_stock_says(csock):
    for args in (("localhost", 80), ("localhost", None), (None, "80"), ("fe80::1%lo", 80)):
        assert csock.getaddrinfo(*args) == stock.getaddrinfo(*args)


def test_getaddrinfo_failures(impl):
    for args in ((None, None), ("127.0.0.1", "no-such-service"), ("::1", 1, impl.AF_INET)):
        with pytest.raises(impl.gaierror):
            impl.getaddrinfo(*args)


def test_getnameinfo(impl):
    numeric = impl.NI_NUMERICHOST | impl.NI_NUMERICSERV
    assert impl.getnameinfo(("127.0.0.1", 80), numeric) == ("127.0.0.1", "80")
    assert impl.getnameinfo(("::1", 80, 0, 0), numeric) == ("::1", "80")
    assert impl.getnameinfo(("127.0.0.1", 80), impl.NI_NUMERICSERV)[0] == "localhost"
    for bad in ("127.0.0.1", ("127.0.0.1",), ["127.0.0.1", 80]):
        with pytest.raises(TypeError):
            impl.getnameinfo(bad, 0)
    with pytest.raises(impl.gaierror):
        impl.getnameinfo(("localhost..", 80), numeric)


# --------------------------------------------------------------------- inet_…

V4 = {
    "0.0.0.0": bytes(4),
    "127.0.0.1": b"\x7f\0\0\1",
    "255.255.255.255": b"\xff" * 4,
    "100.50.200.5": bytes([100, 50, 200, 5]),
}
V6 = {
    "::": bytes(16),
    "::1": bytes(15) + b"\1",
    "2001:db8::7": b"\x20\1\x0d\xb8" + bytes(11) + b"\7",
    "::ffff:1.2.3.4": bytes(10) + b"\xff\xff\1\2\3\4",
}


@pytest.mark.parametrize("text", V4)
def test_inet_functions_on_v4(impl, text):
    packed = V4[text]
    assert impl.inet_aton(text) == impl.inet_pton(impl.AF_INET, text) == packed
    assert impl.inet_ntoa(packed) == impl.inet_ntop(impl.AF_INET, packed) == text
    assert impl.inet_ntoa(bytearray(packed)) == text


@pytest.mark.parametrize("text", V6)
def test_inet_functions_on_v6(impl, text):
    assert impl.inet_pton(impl.AF_INET6, text) == V6[text]
    assert impl.inet_ntop(impl.AF_INET6, memoryview(V6[text])) == text


@pytest.mark.parametrize(
    ("text", "packed"),
    [
        ("1", "0.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("010.1", "8.0.0.1"),
        ("4294967295", "255.255.255.255"),
    ],
)
def test_inet_aton_takes_the_old_forms(impl, text, packed):
    assert impl.inet_aton(text) == V4.get(packed, bytes(map(int, packed.split("."))))
    with pytest.raises(OSError):
        impl.inet_pton(impl.AF_INET, text)


@pytest.mark.parametrize("text", ["", "x", "1.2.3.4.5", "256.1.1.1", "1.2.3.4x", "::1"])
def test_inet_functions_refuse(impl, text):
    with pytest.raises(OSError):
        impl.inet_aton(text)
    with pytest.raises(OSError):
        impl.inet_pton(impl.AF_INET, text)
    if text != "::1":
        with pytest.raises(OSError):
            impl.inet_pton(impl.AF_INET6, text)


def test_inet_functions_refuse_wrong_lengths_and_families(impl):
    for packed in (b"", b"123", b"12345", bytes(16)):
        with pytest.raises(OSError):
            impl.inet_ntoa(packed)
        with pytest.raises(ValueError):
            impl.inet_ntop(impl.AF_INET, packed)
    with pytest.raises(ValueError):
        impl.inet_ntop(impl.AF_INET6, bytes(4))
    with pytest.raises(ValueError):
        impl.inet_ntop(99, bytes(4))
    with pytest.raises(OSError):
        impl.inet_pton(99, "127.0.0.1")


# ---------------------------------------- convenience the examples lean on


def test_create_connection_and_create_server(impl):
    with impl.create_server(("127.0.0.1", 0)) as server:
        assert server.getsockopt(impl.SOL_SOCKET, impl.SO_REUSEADDR) == 1
        with impl.create_connection(server.getsockname(), timeout=5) as client:
            assert client.gettimeout() == 5
            server.accept()[0].close()
            assert client.recv(1) == b""
        address = server.getsockname()
    with pytest.raises(ConnectionRefusedError):
        impl.create_connection(address)


def test_create_server_shares_a_port_where_there_are_ports(impl, unix_dir):
    """What becomes of reuse_port for AF_UNIX is stock's of the same bug fix release."""
    import socket as stock

    def outcome(module, path):
        try:
            with module.create_server(path, family=module.AF_UNIX, reuse_port=True) as server:
                return server.getsockopt(module.SOL_SOCKET, module.SO_REUSEPORT)
        except OSError as error:
            return error.errno

    with impl.create_server(("127.0.0.1", 0), reuse_port=True) as server:
        assert server.getsockopt(impl.SOL_SOCKET, impl.SO_REUSEPORT) == 1
    assert outcome(impl, str(unix_dir / "ours")) == outcome(stock, str(unix_dir / "stock"))


def test_getfqdn_of_a_literal(impl):
    assert isinstance(impl.getfqdn("127.0.0.1"), str)


@pytest.mark.parametrize("name", ["family", "type"])
def test_family_and_type_refuse_as_properties_do(impl, name):
    class Named(impl.socket):
        pass

    for cls in (impl.socket, Named):
        with cls() as sock:
            text = f"property '{name}' of '{cls.__qualname__}' object has no "
            with pytest.raises(AttributeError) as caught:
                setattr(sock, name, 1)
            assert str(caught.value) == f"{text}setter"
            with pytest.raises(AttributeError) as caught:
                delattr(sock, name)
            assert str(caught.value) == f"{text}deleter"


def test_create_server_says_where_it_could_not_bind(impl):
    with pytest.raises(OSError) as caught:
        impl.create_server(("x" * 300, 0))
    assert type(caught.value) is OSError
    assert "while attempting to bind on address ('xxx" in str(caught.value)
    with impl.create_server(("127.0.0.1", 0)) as server, pytest.raises(OSError) as caught:
        impl.create_server(server.getsockname())
    assert caught.value.errno == 98  # EADDRINUSE
    assert "while attempting to bind on address ('127.0.0.1', " in str(caught.value)
