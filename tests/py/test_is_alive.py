"""csock.is_alive(): the end of a connection is seen, behind data, too, and nothing is taken."""

import socket
import struct

import childkit
import pytest
import testkit


@pytest.fixture
def tcp(csock):
    with csock.create_server(("127.0.0.1", 0)) as server:
        client = csock.create_connection(server.getsockname())
        conn, _ = server.accept()
    with client, conn:
        yield client, conn


def becomes_dead(csock, sock):
    testkit.wait_for(lambda: not csock.is_alive(sock))
    return csock.is_alive(sock) is False


def test_data_is_no_end_and_stays(csock, tcp):
    client, conn = tcp
    assert csock.is_alive(client) is True
    conn.sendall(b"data")
    assert client.recv(1, csock.MSG_PEEK) == b"d"
    assert csock.is_alive(client) is True
    assert client.recv(10) == b"data"


@pytest.mark.parametrize("timeout", [None, 0, 5])
def test_an_end_behind_data(csock, tcp, timeout):
    client, conn = tcp
    client.settimeout(timeout)
    conn.sendall(b"data")
    conn.shutdown(csock.SHUT_WR)
    assert becomes_dead(csock, client)
    assert client.recv(10) == b"data" and client.recv(10) == b""


def test_a_reset_is_left_for_recv(csock, tcp):
    client, conn = tcp
    conn.setsockopt(csock.SOL_SOCKET, csock.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()
    assert becomes_dead(csock, client)
    with pytest.raises(ConnectionResetError):
        client.recv(1)


def test_closed_and_never_connected(csock, tcp):
    client, _ = tcp
    client.close()
    assert csock.is_alive(client) is False
    with csock.socket() as s:
        assert csock.is_alive(s) is False


def test_unix_and_the_base_class(csock, pair):
    a, b = pair
    assert csock.is_alive(a)
    base = csock._socket.socket(fileno=a.detach())
    assert csock.is_alive(base)
    b.close()
    assert becomes_dead(csock, base)
    base.close()


def test_a_subclass_that_leaves_bytes_alone(csock):
    class Named(csock.socket):
        def connect(self, address):
            super().connect(address)

    with Named(csock.AF_UNIX) as s:
        assert csock.is_alive(s) is False


@pytest.mark.parametrize("name", ["recv", "recv_into", "send"])
def test_classes_with_bytes_of_their_own(csock, name):
    Coded = type("Coded", (csock.socket,), {name: lambda self, *args: None})
    with Coded() as s, pytest.raises(TypeError, match="Coded has a recv or send of its own"):
        csock.is_alive(s)


def test_what_is_no_socket_of_ours(csock):
    with socket.socket() as stock, pytest.raises(TypeError, match="a socket of csock's, not"):
        csock.is_alive(stock)
    for other in (None, 3):
        with pytest.raises(TypeError):
            csock.is_alive(other)
    with pytest.raises(TypeError):
        csock.is_alive()


TLS = """
import csock
csock.install()
import socket, ssl
a, b = socket.socketpair()
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
s = context.wrap_socket(a, do_handshake_on_connect=False, server_hostname="x")
try:
    csock.is_alive(s)
except TypeError as error:
    print(error)
"""


def test_tls(env):
    told = childkit.out(TLS, env=env)
    assert told.startswith("is_alive() sees the plain connection only, and SSLSocket has a recv")


def test_a_method_that_a_program_has_replaced(csock, pair, monkeypatch):
    monkeypatch.setattr(csock.dropin.socket, "recv", lambda self, n: b"")
    with pytest.raises(TypeError):
        csock.is_alive(pair[0])


def test_within_a_deadline_that_has_passed(csock, pair):
    with csock.deadline(0):
        assert csock.is_alive(pair[0]) is True  # it waits for nothing
