"""The standard library's TLS and csock's Reader against openssl s_server that stalls and drips."""

import contextlib
import socket
import ssl
import threading

from kit import scenario, step
from servers import Tls
from stalls import OURS, SECONDS, bounded, closed, relay, stopped, taken_away, timed
from tls_servers import s_server


def connected(context, port, timeout=None):
    """A TLS connection whose handshake is still to come."""
    plain = socket.create_connection(("127.0.0.1", port))
    plain.settimeout(timeout)
    return context.wrap_socket(plain, server_hostname="localhost", do_handshake_on_connect=False)


class Calls:
    """What waits, each on a connection of its own; `bad` makes the server stall or drip."""

    def __init__(self, context, port, bad):
        self.context, self.port, self.bad = context, port, bad

    def _shaken(self, timeout):
        tls = connected(self.context, self.port, timeout)
        tls.do_handshake()
        return tls

    @contextlib.contextmanager
    def handshake(self, timeout=None):
        with connected(self.context, self.port, timeout) as tls, self.bad():
            yield tls, tls.do_handshake

    @contextlib.contextmanager
    def recv(self, timeout=None):
        with self._shaken(timeout) as tls, self.bad():
            tls.sendall(b"hello\n")
            yield tls, lambda: tls.recv(100)

    @contextlib.contextmanager
    def readline(self, timeout=None):
        with self._shaken(timeout) as tls, self.bad(), tls.makefile("rb") as file:
            tls.sendall(b"hello\n")
            yield tls, file.readline

    @contextlib.contextmanager
    def unwrap(self, timeout=None):
        with self._shaken(timeout) as tls, self.bad():
            yield tls, tls.unwrap


def each(name, calls, kinds):
    for kind in kinds:
        make = getattr(calls, kind)
        with make(SECONDS) as (_, call):
            timed(f"{name}, {kind}: timeout", call, TimeoutError)
        for timeout in None, 60:
            with make(timeout) as (_, call):
                bounded(f"{name}, {kind}, {timeout}: deadline", call, TimeoutError)
            with make(timeout) as (tls, call):
                # A file keeps the descriptor open over close(): detach() takes it away.
                taken = kind == "readline"
                close = (lambda tls=tls: taken_away(tls)) if taken else tls.close
                closed(f"{name}, {kind}, {timeout}: closed", call, close, OSError)


def writing(context, port, process):
    """Both writes are of the same bytes: the second goes on where the first ended."""
    data = bytes(20_000_000)
    with connected(context, port) as tls:
        tls.do_handshake()
        with stopped(process.pid):
            bounded("stopped, sendall: deadline", lambda: tls.sendall(data), TimeoutError)
            closed("stopped, sendall: closed", lambda: tls.sendall(data), tls.close, OSError)


def reader(context, port, between):
    """csock.Reader goes on where makefile() is of no use any more."""
    if not OURS:
        return
    import csock

    with connected(context, port) as tls:
        tls.do_handshake()
        lines = csock.Reader(tls)
        tls.sendall(b"olleh\ndn")
        step("+ reader: a line", lines.readline, b"hello\n")
        bounded("reader: no second line", lines.readline, TimeoutError)
        tls.sendall(b"oces\n")
        step("+ reader: it is there", lines.readline, b"second\n")
        with between.dripping():
            tls.sendall(b"driht\n")
            bounded("reader: drips", lines.readline, TimeoutError)
            step("+ reader: nothing of it", lambda: lines.pending, 0)
        step("+ reader: goes on", lines.readline, b"third\n")
        with between.stalling():
            tls.sendall(b"htruof\n")
            bounded("reader: stalls", lines.readline, TimeoutError)
            closed("reader: closed", lines.readline, tls.close, OSError)


def plain_use(context, port):
    with connected(context, port) as tls:
        tls.do_handshake()
        file = tls.makefile("rwb")
        for word in b"hello", b"x" * 1_000:
            file.write(word + b"\n")
            file.flush()
            step(f"echo of {len(word)}", file.readline, word[::-1] + b"\n")
        threading.Timer(0.2, tls.shutdown, [socket.SHUT_RDWR]).start()
        step("shut down by another thread", lambda: tls.recv(10), b"")


with scenario() as folder:
    tls = Tls(folder)
    context = ssl.create_default_context(cafile=tls.ca)
    with s_server(folder, tls, "-rev", "-quiet") as (port, process), relay(folder, port) as between:
        plain_use(context, port)
        calls = Calls(context, port, lambda: stopped(process.pid))
        each("stopped", calls, ("handshake", "recv", "readline", "unwrap"))
        writing(context, port, process)
        calls = Calls(context, between.port, between.dripping)
        each("drips", calls, ("handshake", "recv", "readline"))
        reader(context, between.port, between)
        with connected(context, port) as last:
            last.do_handshake()
            last.sendall(b"dne\n")
            step("still there", lambda: last.recv(100), b"end\n")
