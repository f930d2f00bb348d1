"""requests and redis-py adapted, with a silent address before the one that answers; and libraries
that put something of theirs into `socket`, which create_connection() has to call: pytest-socket,
PySocks, mocket."""

import contextlib
import os
import select
import socket
import subprocess
import sys
import urllib.request

import pytest_socket
import redis
import requests
import socks
from kit import SIDE, mask, peer, scenario, step
from mocket import Mocketizer
from mocket.mocks.mockhttp import Entry

# libc puts those that share less with our own address behind the others.
SILENT, ANSWERING = "127.0.1.1", "127.9.0.3"
NAMES = f"127.0.0.1 localhost\n{SILENT} both.test\n{ANSWERING} both.test\n"
# Of the first connection: stock waits for the whole timeout of a second, the race does not.
QUICK = (0.25, 0.9) if SIDE == "csock" else (1, 8)


def hosts_file(folder):
    """Names of our own: the run has a mount namespace of its own."""
    path = os.path.join(folder, "hosts")
    with open(path, "w") as file:
        file.write(NAMES)
    subprocess.run(["mount", "--bind", path, "/etc/hosts"], check=True)


@contextlib.contextmanager
def half_silent(answer):
    """A port on which ANSWERING answers by a function of what it got, and SILENT does not."""
    with socket.create_server((ANSWERING, 0)) as server, contextlib.ExitStack() as held:
        port = mask(server.getsockname()[1], "port")
        held.enter_context(socket.create_server((SILENT, port), backlog=0))
        while True:
            s = held.enter_context(socket.socket())
            s.setblocking(False)
            s.connect_ex((SILENT, port))
            if not select.select([], [s], [], 0.2)[1]:
                break
        pid = os.fork()
        if pid == 0:
            while True:
                conn, _ = server.accept()
                while data := conn.recv(65536):
                    conn.sendall(answer(data))
        try:
            yield port
        finally:
            os.kill(pid, 9)
            os.waitpid(pid, 0)


def hello(data):
    return b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"


def pong(data):
    return b"+PONG\r\n" * data.count(b"*")


def adapted():
    if SIDE == "csock":
        import csock

        csock.adapt("urllib3", "redis")
    with half_silent(hello) as port:
        url = f"http://both.test:{port}/"
        step("requests", lambda: requests.get(url, timeout=1).text, "hello", within=QUICK)
    with half_silent(pong) as port:
        client = redis.Redis("both.test", port, socket_connect_timeout=1, protocol=2, retry=None)
        step("redis", client.ping, True, within=QUICK)
    nobody = f"http://{SILENT}:9/"
    step("refused", lambda: requests.get(nobody, timeout=1), requests.ConnectionError)
    gone = redis.Redis(SILENT, 9, socket_connect_timeout=1, retry=None)
    step("refused by redis", gone.ping, redis.ConnectionError)
    unknown = "http://name.invalid/"
    step("no name", lambda: requests.get(unknown, timeout=1), requests.ConnectionError)


def connect(port):
    socket.create_connection(("127.0.0.1", port), 10).close()
    return "connected"


def kept_from_hosts(port):
    pytest_socket.socket_allow_hosts(["127.0.0.1"])
    step("pytest-socket, an allowed host", lambda: connect(port), "connected")
    pytest_socket.socket_allow_hosts(["192.0.2.1"])
    blocked = pytest_socket.SocketConnectBlockedError
    step("pytest-socket, another host", lambda: connect(port), blocked)
    pytest_socket._remove_restrictions()
    pytest_socket.disable_socket()
    step("pytest-socket, none", lambda: connect(port), pytest_socket.SocketBlockedError)
    pytest_socket.enable_socket()
    step("pytest-socket, all again", lambda: connect(port), "connected")


def proxy(conn):
    """As much of SOCKS5 as it takes to tell the address that was asked for: RFC 1928."""
    conn.recv(100)
    conn.sendall(b"\5\0")
    wanted = conn.recv(100)
    conn.sendall(b"\5\0\0\1\0\0\0\0\0\0")
    conn.sendall(socket.inet_ntoa(wanted[4:8]).encode())


def through_a_proxy():
    own = socket.socket
    with peer(proxy) as port:
        socks.set_default_proxy(socks.SOCKS5, "127.0.0.1", port)
        socket.socket = socks.socksocket
        try:

            def ask():
                with socket.create_connection(("192.0.2.7", 80), 10) as s:
                    return s.recv(100)

            step("PySocks", ask, b"192.0.2.7")
        finally:
            socket.socket = own
            socks.set_default_proxy()


def mocked():
    Entry.single_register(Entry.GET, "http://mocked.invalid/", body="mocked")
    with Mocketizer():
        answer = urllib.request.urlopen("http://mocked.invalid/")
        step("mocket", answer.read, b"mocked")


with scenario() as scenario_folder:
    with peer(lambda conn: conn.recv(1)) as open_port:
        step("before", lambda: connect(open_port), "connected")
        kept_from_hosts(open_port)
    through_a_proxy()
    mocked()
    if os.environ.get("ECOSYSTEM_ALONE") == "1":
        hosts_file(scenario_folder)
        adapted()
    else:
        print("# adapted: skipped, there is no namespace", file=sys.stdout)
