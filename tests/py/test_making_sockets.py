"""socketpair, create_connection and create_server."""


import pytest


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


def test_create_server_says_where_it_could_not_bind(impl):
    with pytest.raises(OSError) as caught:
        impl.create_server(("x" * 300, 0))
    assert type(caught.value) is OSError
    assert "while attempting to bind on address ('xxx" in str(caught.value)
    with impl.create_server(("127.0.0.1", 0)) as server, pytest.raises(OSError) as caught:
        impl.create_server(server.getsockname())
    assert caught.value.errno == 98  # EADDRINUSE
    assert "while attempting to bind on address ('127.0.0.1', " in str(caught.value)
