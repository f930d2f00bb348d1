"""What every scenario uses: steps that are written down, and peers that misbehave on purpose.

A scenario does things with somebody else's library, against a real server, and prints a transcript:
one line per step, the same for the same outcome. Ports, addresses of objects, folders and pids are
masked, so that the transcripts of two runs can be compared. A step whose outcome is not the wanted
one makes the scenario fail: two runs that go wrong in the same way do not pass.

Nothing here knows csock, but which_socket().
"""

import contextlib
import faulthandler
import os
import re
import signal
import socket
import struct
import sys
import tempfile
import threading
import time

SIDE = os.environ.get("ECOSYSTEM_SIDE", "stock")

_masked = {}
_failed = []


def which_socket():
    """Whose sockets this interpreter has: "stock", "csock", or "mixed", which is nobody's wish."""
    import _socket

    csock = sys.modules.get("csock")
    if csock is None:
        return "stock"
    # A patched socket.socket has one of these inside: its scenario looks there.
    patched = socket.socket.__module__.startswith(("gevent", "eventlet"))
    ours = _socket is csock._socket and (patched or issubclass(socket.socket, _socket.socket))
    return "csock" if ours else "mixed"


def mask(value, name):
    """Writes <name> instead of this value in all lines from now on."""
    _masked[str(value)] = f"<{name}>"
    return value


def masked(text):
    for value, name in sorted(_masked.items(), key=lambda pair: -len(pair[0])):
        text = re.sub(rf"(?<![0-9A-Za-z]){re.escape(value)}(?![0-9A-Za-z])", name, text)
    text = re.sub(r"0x[0-9a-f]{6,}", "0x…", text)
    text = re.sub(r"\bfd=\d+", "fd=…", text)
    text = re.sub(r"\b\d+\.\d+ seconds", "… seconds", text)
    return re.sub(r"(127\.0\.0\.1|::1|localhost)('?, |:)\d{4,5}\b", r"\1\2<port>", text)


def say(*words):
    print(masked(" ".join(map(str, words))), flush=True)


def failed(text):
    _failed.append(text)
    say("NOT AS WANTED:", text)


# Csock's errors say which address they are about.
ADDRESS = re.compile(r"(\[Errno -?\d+\] [A-Z][\w ]+): '[^' ]+'")


def described(error):
    """An exception and what it came from, without where and when."""
    words, seen = [], set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        text = re.sub(r"\s+", " ", ADDRESS.sub(r"\1", str(error)))[:300]
        words.append(f"{type(error).__module__}.{type(error).__name__}({text})")
        error = error.__cause__ or error.__context__
    return " <- ".join(words)


def step(name, function, want=None, within=None):
    """Does it and writes it down. `want`: a value, a predicate, or the class of the exception that
    is to come; `within`: how long it may take, (least, most) in seconds."""
    start = time.monotonic()
    try:
        value = function()
    except Exception as error:
        took = time.monotonic() - start
        say(f"{name}: raises {described(error)}")
        right = isinstance(want, type) and isinstance(error, want)
        value = error
    else:
        took = time.monotonic() - start
        say(f"{name}: {value!r}")
        if isinstance(want, type):
            right = isinstance(value, want) and not issubclass(want, BaseException)
        elif callable(want):
            right = want(value)
        else:
            right = want is None or value == want
    if not right:
        failed(f"{name}, wanted {want!r}")
    if took > 2:
        print(f"{name} took {took:.1f} s", file=sys.stderr, flush=True)
    if within and not within[0] <= took <= within[1]:
        failed(f"{name} took {took:.2f} s, not {within}")
    return value


def own_socket_checked():
    found = which_socket()
    if found != SIDE:
        print(f"VOID: the sockets here are {found}, not {SIDE}", flush=True)
        os._exit(99)


@contextlib.contextmanager
def scenario():
    """The frame of a scenario: checks whose sockets it is on, gives it a folder, and ends the
    process with the status the runner reads."""
    own_socket_checked()
    # The runner ends a scenario that hangs by this signal: where was it?
    faulthandler.register(signal.SIGTERM, chain=True)
    with tempfile.TemporaryDirectory(prefix="eco-") as folder:
        os.chmod(folder, 0o755)
        mask(folder, "folder")
        yield folder
    sys.exit(1 if _failed else 0)


def in_threads(count, function):
    """The results of function(0) to function(count - 1), each in a thread of its own."""
    results = [None] * count

    def run(number):
        try:
            results[number] = function(number)
        except Exception as error:
            results[number] = described(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


# ------------------------------------------------------- peers that misbehave


def silent(conn):
    """Takes a connection and never says a word."""
    while conn.recv(65536):
        pass


def resetting(conn):
    """Waits for the first bytes and answers with RST."""
    conn.recv(65536)
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hanging_up(conn):
    """Waits for the first bytes and closes."""
    conn.recv(65536)


def leaving(conn):
    """Closes at once."""


@contextlib.contextmanager
def peer(handler, backlog=16):
    """A server in a thread that treats each connection so; yields its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=backlog) as server:
        port = mask(server.getsockname()[1], "peer")
        open_ones = []

        def treat(conn):
            with contextlib.suppress(OSError), conn:
                handler(conn)

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    conn, _ = server.accept()
                    open_ones.append(conn)
                    threading.Thread(target=treat, args=(conn,), daemon=True).start()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield port
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            for conn in open_ones:
                with contextlib.suppress(OSError):
                    conn.shutdown(socket.SHUT_RDWR)


def answering(data):
    """A handler that answers the first bytes with these and closes."""

    def handler(conn):
        conn.recv(65536)
        conn.sendall(data)

    return handler


def closed_port():
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return mask(server.getsockname()[1], "closed")
