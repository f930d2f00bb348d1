"""What tls.py measures, in a process of its own: `ssl` is bound to the socket module that it finds.

    python bench/tls_child.py csock|stock CERTIFICATE count OPERATION...
    python bench/tls_child.py csock|stock CERTIFICATE ping-pong TIMEOUT

`count` runs each operation between marks, for callgrind or strace. `ping-pong` does as many round
trips as each line that it reads says, and prints the seconds that they took.
"""

import contextlib
import os
import signal
import sys
import threading
import time
import timeit

if sys.argv[1:2] == ["csock"]:  # tls.py imports this, too
    import csock

    csock.install()

import socket
import ssl

MARK = "/csock-bench/"
GROUPS = 60  # of one run and of four: the difference is free of what is round a group
LINES = 128  # of 64 bytes, in each record of what readline gets
PAGE = 64 * LINES  # bytes, and the buffer of the file


def pair(certificate, timeout):
    """Two SSLSockets, connected to each other, after the server's session tickets."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    ends, accepted = socket.socketpair(), []
    wrap = lambda: accepted.append(server.wrap_socket(ends[1], server_side=True))  # noqa: E731
    thread = threading.Thread(target=wrap)
    thread.start()
    a = client.wrap_socket(ends[0])
    thread.join()
    (b,) = accepted
    b.sendall(b"x")
    a.recv(1)
    for end in a, b:
        end.settimeout(timeout)
    return a, b


def in_child(work):
    """A child process that does that until it is killed; its number."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)
    return child


# ---- counts: an operation gets what it needs before a group of runs, outside of what is counted


class Ready:
    """Reads of records that have come. size: of one of them."""

    def __init__(self, statement, size, timeout):
        self.statement, self.size, self.timeout = statement, size, timeout
        self.runs = 1  # of the statement, for a record

    def begin(self, certificate):
        self.a, self.b = pair(certificate, self.timeout)
        self.names = {"a": self.a, "into": bytearray(self.size)}

    def before(self, times):
        for _ in range(times):
            self.b.sendall(bytes(self.size))

    def after(self, times):
        pass


class Lines(Ready):
    def __init__(self, timeout):
        super().__init__("f.readline()", PAGE, timeout)
        self.runs = LINES

    def begin(self, certificate):
        super().begin(certificate)
        self.names["f"] = self.a.makefile("rb", PAGE)

    def before(self, times):
        for _ in range(times):
            self.b.sendall((b"x" * 63 + b"\n") * LINES)


class Writes(Ready):
    """Writes that there is room for."""

    def begin(self, certificate):
        super().begin(certificate)
        self.names["data"] = bytes(self.size)

    def before(self, times):
        pass

    def after(self, times):
        for _ in range(times):
            self.b.recv(self.size)


class Waits(Ready):
    """Reads of a record that comes later, from another process."""

    def begin(self, certificate):
        super().begin(certificate)
        ask, self.asked = os.pipe()
        self.child = in_child(lambda: self.answer(ask))

    def answer(self, ask):
        while True:
            for _ in os.read(ask, 100):
                time.sleep(0.005)
                self.b.sendall(bytes(self.size))

    def before(self, times):
        os.write(self.asked, bytes(times))


RECV, SENDALL = "a.recv({})", "a.sendall(data)"
OPERATIONS = {
    f"{name}{also}": kind(*args, timeout)
    for also, timeout in {"": None, ", with a timeout": 5}.items()
    for name, kind, *args in (
        ("recv, 64 B", Ready, RECV.format(64), 64),
        ("recv, 16 KiB", Ready, RECV.format(16384), 16384),
        ("recv_into, 16 KiB", Ready, "a.recv_into(into)", 16384),
        ("sendall, 64 B", Writes, SENDALL, 64),
        ("sendall, 16 KiB", Writes, SENDALL, 16384),
        ("makefile readline, 64 B", Lines),
        ("recv that waits", Waits, RECV.format(64), 64),
    )
}


def count(certificate, names):
    import build

    library = build.twins(with_csock=False)
    toggle = f"{MARK}toggle".encode()
    for name in names:
        op = OPERATIONS[name]
        op.begin(certificate)
        timer = timeit.Timer(op.statement, globals=op.names)

        def groups(number, times, op=op, timer=timer):
            for _ in range(number):
                op.before(times)
                library.mark_toggle(toggle)
                timer.timeit(times * op.runs)
                library.mark_toggle(toggle)
                op.after(times)

        groups(20, 4)  # what the first runs fill and specialise
        for times in (1, 4):
            mark = f"{MARK}{times}/{name}".encode()
            library.mark_begin(mark)
            groups(GROUPS, times)
            library.mark_end(mark)
        with contextlib.suppress(AttributeError):
            os.kill(op.child, signal.SIGKILL)


# ---- ping-pong


def ping_pong(certificate, timeout):
    a, b = pair(certificate, timeout)

    def echo():
        while data := b.recv(1):
            b.send(data)

    child = in_child(echo)
    try:
        print("ready", flush=True)
        for line in sys.stdin:
            rounds, start = range(int(line)), time.perf_counter()
            for _ in rounds:
                a.send(b"x")
                a.recv(1)
            print(time.perf_counter() - start, flush=True)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def main():
    _, _, certificate, what, *words = sys.argv
    if what == "count":
        count(certificate, words)
    else:
        ping_pong(certificate, None if words == ["None"] else float(*words))


if __name__ == "__main__":
    main()
