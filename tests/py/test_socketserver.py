"""Row 40: the standard library's socketserver runs on the module, with threads and with forks."""

import importlib.util
import sys
import threading
import types

import pytest
import testkit


@pytest.fixture
def socketserver(impl, monkeypatch):
    """A fresh copy of the standard library's module that knows no socket module but impl."""
    spec = importlib.util.find_spec("socketserver")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "socket", impl)
    spec.loader.exec_module(module)
    monkeypatch.undo()
    assert module.socket is impl
    return module


def stream_handler(socketserver):
    class Echo(socketserver.StreamRequestHandler):
        def handle(self):
            for line in self.rfile:
                self.wfile.write(line.upper())

    return Echo


def datagram_handler(socketserver):
    class Echo(socketserver.DatagramRequestHandler):
        def handle(self):
            self.wfile.write(self.rfile.read().upper())

    return Echo


class Running:
    """A server that serves in a thread until the end of the with block."""

    def __init__(self, server):
        self.server = server
        self.thread = threading.Thread(target=server.serve_forever, args=(0.02,))

    def __enter__(self):
        self.thread.start()
        return self.server

    def __exit__(self, *exc):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def talk_stream(impl, server, n_clients):
    """All clients are connected at once, and take turns."""
    clients = []
    for _ in range(n_clients):
        s = impl.socket(server.address_family, impl.SOCK_STREAM)
        s.settimeout(20)
        s.connect(server.server_address)
        clients.append(s)
    with testkit.closing(clients):
        for turn in range(3):
            for i, s in enumerate(clients):
                s.sendall(b"client %d, turn %d\n" % (i, turn))
                expected = b"CLIENT %d, TURN %d\n" % (i, turn)
                assert s.recv(100) == expected
        for s in clients:
            s.shutdown(impl.SHUT_WR)
            assert s.recv(1) == b""


def talk_datagram(impl, server, address=None):
    with impl.socket(server.address_family, impl.SOCK_DGRAM) as s:
        s.settimeout(20)
        if address:
            s.bind(address)
        for data in (b"one", b"", b"x" * 5000):
            s.sendto(data, server.server_address)
            assert s.recv(10_000) == data.upper()


@pytest.mark.parametrize("kind", ["TCPServer", "ThreadingTCPServer", "ForkingTCPServer"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_row_40_tcp_servers(impl, socketserver, kind):
    cls = getattr(socketserver, kind)
    server = cls(("127.0.0.1", 0), stream_handler(socketserver))
    assert type(server.socket) is impl.socket
    with Running(server):
        talk_stream(impl, server, 1 if kind == "TCPServer" else 5)


@pytest.mark.parametrize("kind", ["UDPServer", "ThreadingUDPServer"])
def test_row_40_udp_servers(impl, socketserver, kind):
    server = getattr(socketserver, kind)(("127.0.0.1", 0), datagram_handler(socketserver))
    with Running(server):
        talk_datagram(impl, server)


@pytest.mark.parametrize("kind", ["UnixStreamServer", "ThreadingUnixStreamServer"])
def test_row_40_unix_stream_servers(impl, socketserver, kind, unix_dir):
    server = getattr(socketserver, kind)(str(unix_dir / "s"), stream_handler(socketserver))
    with Running(server):
        talk_stream(impl, server, 5 if "Threading" in kind else 1)


@pytest.mark.parametrize("kind", ["UnixDatagramServer", "ThreadingUnixDatagramServer"])
def test_row_40_unix_datagram_servers(impl, socketserver, kind, unix_dir):
    server = getattr(socketserver, kind)(str(unix_dir / "s"), datagram_handler(socketserver))
    with Running(server):
        talk_datagram(impl, server, str(unix_dir / "client"))


def test_row_40_server_on_inet6(impl, socketserver):
    if not testkit.has_ipv6():
        pytest.skip("no IPv6 on the loopback")
    cls = types.new_class(
        "V6", (socketserver.TCPServer,), exec_body=lambda ns: ns.update(address_family=10)
    )
    server = cls(("::1", 0), stream_handler(socketserver))
    with Running(server):
        talk_stream(impl, server, 1)


def test_row_40_handle_request_with_a_timeout(impl, socketserver):
    with socketserver.TCPServer(("127.0.0.1", 0), stream_handler(socketserver)) as server:
        server.timeout = 0.05
        timed_out = []
        server.handle_timeout = lambda: timed_out.append(True)
        server.handle_request()
        assert timed_out == [True]


def test_row_40_stream_handler_with_timeout_and_nodelay(impl, socketserver):
    class Handler(socketserver.StreamRequestHandler):
        timeout = 0.05
        disable_nagle_algorithm = True
        wbufsize = -1

        def handle(self):
            try:
                self.rfile.readline()
            except TimeoutError:
                self.wfile.write(b"too late\n")

    with Running(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as server:
        with impl.create_connection(server.server_address) as s:
            assert s.makefile("rb").read() == b"too late\n"


def test_row_40_a_handler_that_fails_ends_only_its_connection(impl, socketserver, capfd):
    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            if self.request.recv(100) == b"fail":
                raise KeyError("handler")
            self.request.sendall(b"fine")

    with Running(socketserver.TCPServer(("127.0.0.1", 0), Handler)) as server:
        for data, answer in ((b"fail", b""), (b"work", b"fine")):
            with impl.create_connection(server.server_address) as s:
                s.sendall(data)
                assert s.recv(100) == answer
    assert "KeyError" in capfd.readouterr().err
