"""The standard library's ssl on csock's sockets: it finds them through the capsule, reads
descriptor and timeout from memory, and waits by itself. Each test runs as its own program, on stock
and on csock standing in for it, because ssl is bound to the first socket module that it sees."""

import subprocess
import sys
import textwrap

import childkit
import pytest

from csock import dropin

HEAD = """
import contextlib, sys
if sys.argv[1] == "csock":
    import csock
    sys.modules["socket"], sys.modules["_socket"] = csock.dropin, csock._socket
import socket, ssl, threading
assert isinstance(socket.SocketType, type)
CERT = sys.argv[2]

class Peer(threading.Thread):
    def __init__(self, sock, work):
        super().__init__(daemon=True)
        self.sock, self.work = sock, work
        self.start()

    def run(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERT)
        with context.wrap_socket(self.sock, server_side=True) as tls:
            self.work(tls)
            # From OpenSSL 3.5 on a reader answers a bare end of file with an alert, which nobody
            # takes any more. Whether it says good-bye, too, is its own business.
            with contextlib.suppress(OSError):
                tls.unwrap()

def context():
    return ssl.create_default_context(cafile=CERT)

def connected(work, timeout=20):
    a, b = socket.socketpair()
    peer = Peer(b, work)
    a.settimeout(timeout)
    return context().wrap_socket(a, server_hostname="localhost"), peer
"""


@pytest.fixture(params=["stock", "csock"])
def tls(request, certificate):
    def run(body):
        program = HEAD + textwrap.dedent(body)
        command = [sys.executable, "-c", program, request.param, certificate]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    return run


def test_makefile_reads_what_was_decrypted(tls):
    """A raw stream that went to the descriptor instead of recv_into would give ciphertext."""
    assert tls("""
        def serve(tls):
            file = tls.makefile("rwb")
            for line in file:
                file.write(line.upper())
                file.flush()
                if line == b"end\\n":
                    break
        tls, peer = connected(serve)
        with tls, tls.makefile("rwb") as file:
            file.write(b"one\\n" + b"x" * 100000 + b"\\nend\\n")
            file.flush()
            print(file.readline(), len(file.readline()), file.read())
        with connected(lambda tls: tls.sendall(b"text\\n"))[0] as tls:
            print(tls.makefile().read())
    """) == ["b'ONE\\n' 100001 b'END\\n'", "text", ""]


@pytest.mark.parametrize("timeout", ["None", "20"])
def test_bulk_both_ways(tls, timeout):
    assert tls(f"""
        size = 3_000_000
        def serve(tls):
            got = 0
            while got < size:
                got += len(tls.recv(65536))
            tls.sendall(b"y" * size)
        tls, peer = connected(serve, {timeout})
        tls.sendall(b"x" * size)
        print(sum(iter(lambda: len(tls.recv(100_000)), 0)), tls.gettimeout())
    """) == [f"3000000 {float(timeout) if timeout != 'None' else None}"]


def test_timeouts_hold(tls):
    assert tls("""
        import time
        def timed(call):
            start = time.monotonic()
            try:
                call()
            except TimeoutError as error:
                print(str(error).partition(" ")[2] or error, 0.2 <= time.monotonic() - start < 5)
        a, b = socket.socketpair()
        a.settimeout(0.2)
        timed(lambda: context().wrap_socket(a, server_hostname="localhost"))
        stop = threading.Event()
        tls, peer = connected(lambda tls: stop.wait(20))
        tls.settimeout(0.2)
        timed(lambda: tls.recv(1))
        stop.set()
    """) == ["The handshake operation timed out True", "read operation timed out True"]


def test_non_blocking(tls):
    assert tls("""
        import select
        go = threading.Event()
        def serve(tls):
            go.wait(20)
            tls.sendall(b"late")
        tls, peer = connected(serve)
        tls.setblocking(False)
        try:
            tls.recv(1)
        except ssl.SSLWantReadError as error:
            print(type(error).__name__)
        go.set()
        while True:
            select.select([tls], [], [], 20)
            try:
                print(tls.recv(10), tls.pending())
                break
            except ssl.SSLWantReadError:  # a session ticket is no data
                pass
    """) == ["SSLWantReadError", "b'late' 0"]


def test_errors_and_attributes(tls):
    lines = tls("""
        a, b = socket.socketpair()
        b.sendall(b"this is no TLS, nor will it ever be")
        try:
            context().wrap_socket(a, server_hostname="localhost")
        except ssl.SSLError as error:
            print(error.reason, isinstance(error, socket.error))
        tls, peer = connected(lambda tls: tls.recv(1))
        print(type(tls).__mro__[1] is socket.socket, tls.version() is not None, tls.family.name)
        try:
            context().wrap_socket(socket.socket(type=socket.SOCK_DGRAM))
        except NotImplementedError as error:
            print(error)
        print(tls.detach() >= 0, tls.fileno())
    """)
    assert lines[0].endswith(" True") and lines[0] != " True"
    assert lines[1:] == [
        "True True AF_UNIX",
        "only stream sockets are supported",
        "True -1",
    ]


def test_capsule_has_the_name_that_ssl_looks_for():
    assert '"_socket.CAPI"' in repr(dropin.CAPI)


CLOSED_MEANWHILE = """
import csock
csock.install()
import socket, ssl, sys, threading, time

def handshake(sock, server, result):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    if server:
        context.load_cert_chain(sys.argv[2])
    else:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    result.append(context.wrap_socket(sock, server_side=server))

a, b = socket.socketpair()
ours, theirs, seconds = [], [], []
server = threading.Thread(target=handshake, args=(b, True, theirs))
server.start()
handshake(a, False, ours)
server.join()
ours[0].settimeout(4)
start = time.monotonic()

def wait():
    try:
        ours[0].recv(1)
    except OSError:
        pass
    seconds.append(time.monotonic() - start)

waiting = threading.Thread(target=wait)
waiting.start()
time.sleep(0.3)
ours[0].close() if sys.argv[1] == "close" else ours[0].shutdown(socket.SHUT_RDWR)
waiting.join()
print(seconds[0] >= 4)
"""


@pytest.mark.parametrize("how, to_the_end", [("close", True), ("shutdown", False)])
def test_waits_in_ssl_are_woken_by_shutdown_alone(env, certificate, how, to_the_end):
    assert childkit.out(CLOSED_MEANWHILE, how, certificate, env=env) == f"{to_the_end}\n"
