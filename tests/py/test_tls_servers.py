"""TLS in csock against a server that is not Python: openssl s_server, which echoes lines backwards,
and which a signal stops in the middle of things."""

import subprocess
import textwrap
import threading

import pytest

SERVER = """
import re
from csock import Reader, deadline
SECONDS = 0.4

class Server:
    def __init__(self, port, pid):
        self.address, self.pid = ("127.0.0.1", int(port)), int(pid)

    @contextlib.contextmanager
    def stopped(self):
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def connected(self, timeout):
        '''The server has one connection at a time.'''
        plain = socket.create_connection(self.address)
        plain.settimeout(timeout)
        return client_context().wrap_socket(
            plain, server_hostname="localhost", do_handshake_on_connect=False)

def outcome(function):
    try:
        return repr(function())
    except Exception as error:
        return re.sub(r":\\d+:", ":PORT:", f"{type(error).__name__}: {error}")

CALLS = {
    "handshake": lambda tls: tls.do_handshake,
    "recv": lambda tls: lambda: tls.recv(10),
    "readline": lambda tls: tls.makefile("rb").readline,
    "reader": lambda tls: Reader(tls).readline,
    "sendall": lambda tls: lambda: tls.sendall(bytes(20_000_000)),
    "unwrap": lambda tls: tls.unwrap,
}

def stalled(timeout):
    '''Each call of CALLS on a connection of its own, while the server is stopped.'''
    for name, make in CALLS.items():
        with server.connected(timeout) as tls:
            if name != "handshake":
                tls.do_handshake()
                tls.sendall(b"olleh\\n")
                assert tls.recv(10) == b"hello\\n"
            with server.stopped():
                yield name, tls, make(tls)
                if (number := tls.detach()) >= 0: # files keep open what close() leaves to them
                    os.close(number)

server = Server(*sys.argv[3:5])
"""
END = """
with server.connected(20) as tls: # it goes on
    tls.do_handshake()
    tls.sendall(b"dne\\n")
    print(tls.recv(10))
"""
TIMEOUTS = pytest.mark.parametrize("timeout", ["None", "20"])


@pytest.fixture
def server(certificate):
    """openssl s_server: its port and its pid."""
    command = "openssl s_server -rev -accept 127.0.0.1:0 -cert".split()
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([*command, certificate], text=True, **pipes) as process:
        # "ACCEPT 127.0.0.1:12345"; what it says of each connection is more than a pipe holds.
        line = next(line for line in process.stdout if line.startswith("ACCEPT"))
        reader = threading.Thread(target=process.stdout.read, daemon=True)
        reader.start()
        yield line.rpartition(":")[2].strip(), str(process.pid)
        process.kill()
        reader.join(20)


@pytest.fixture
def served(tls, server):
    """served(body, ...): what it prints with such a server."""
    return lambda body, *args: tls(SERVER + textwrap.dedent(body) + END, "csock", *server, *args)


@TIMEOUTS
def test_deadline_while_the_server_is_stopped(served, timeout):
    lines = served(
        """
        for name, tls, call in stalled(eval(sys.argv[5])):
            start = time.monotonic()
            with deadline(SECONDS):
                result = outcome(call)
            print(result, SECONDS <= time.monotonic() - start < SECONDS + PROMPT)
        """,
        timeout,
    )
    whats = ["handshake with", "read from", "read from", "read from", "write to", "unwrap with"]
    assert lines == [
        f"DeadlineExceeded: {what} 127.0.0.1:PORT: the deadline of 0.4 s has passed True"
        for what in whats
    ] + ["b'end\\n'"]


@TIMEOUTS
def test_close_while_the_server_is_stopped(served, timeout):
    lines = served(
        """
        for name, tls, call in stalled(eval(sys.argv[5])):
            waiting = Call(call)
            asleep(waiting)
            start = time.monotonic()
            number = tls.detach() if name == "readline" else tls.close()
            print(name, shown(waiting.end()), waiting.ended - start < PROMPT)
            if number is not None:
                os.close(number)
        """,
        timeout,
    )
    assert len(lines) == 7
    assert all(line.endswith(" OSError 9 True") for line in lines[:-1]), lines


def test_timeout_while_the_server_is_stopped(served):
    lines = served("""
        for name, tls, call in stalled(20):
            tls.settimeout(SECONDS)
            start = time.monotonic()
            result = outcome(call).partition(":")[0]
            print(name, result, SECONDS <= time.monotonic() - start < SECONDS + PROMPT)
    """)
    kinds = ["handshake", "recv", "readline", "reader", "sendall", "unwrap"]
    assert lines == [f"{kind} TimeoutError True" for kind in kinds] + ["b'end\\n'"]


def test_what_came_before_the_server_stopped_is_not_lost(served):
    """To a Reader, that is; and the server's answer to what was sent then comes when it goes on."""
    lines = served("""
        with server.connected(None) as tls:
            tls.do_handshake()
            reader = Reader(tls)
            tls.sendall(b"tsrif\\n")
            print(reader.peek(6))
            with server.stopped():
                tls.sendall(b"dnoces\\n")
                with deadline(SECONDS):
                    print(outcome(lambda: reader.readexactly(13)).partition(":")[0])
            with deadline(20):
                print(reader.readexactly(13))
    """)
    assert lines == ["b'first\\n'", "DeadlineExceeded", "b'first\\nsecond\\n'", "b'end\\n'"]
