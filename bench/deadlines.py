"""How exactly calls end at the deadline of a block, and what the stock module does instead.

    python bench/deadlines.py [--only TEXT] [--seconds S] [--json FILE]

And how soon close() in another thread ends calls over TLS: within 50 ms, or it fails; the stock
module's are ended from outside after two seconds.

Each case runs on csock within `with csock.deadline(S):`, and at the same time on stock with a
timeout of S, which is what it has; what has not ended after half as long again is ended from
outside. Fails (exit 1) where csock ends more than 50 ms before or after.
"""

import argparse
import contextlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

LATE = 0.05  # s; so much is allowed, either way
LIMIT = 1.5  # times the deadline; then a case is ended from outside
DRIP = 1.0  # bytes a second
ASLEEP, NEVER = 0.5, 2.0  # s; when a call is closed, and what is not ended by then never is


class Case(NamedTuple):
    name: str
    peer: Callable  # a context manager: of a module, the address to connect to
    work: Callable  # of the module, the address and a timeout or None: what would go on for ever


# ---- the other ends, on the stock module: what is measured is one end


@contextlib.contextmanager
def serving(serve):
    """serve(connection) in a thread of its own for each that comes."""
    import socket

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=run, args=(server.accept()[0],), daemon=True).start()

    def run(connection):
        with contextlib.suppress(OSError):
            serve(connection)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()


def dripping():
    def serve(connection):
        for byte in b"\x16\x03\x03\x40\x00" + bytes(9999):  # to TLS, of a record of 16 KiB
            connection.send(bytes([byte]))
            time.sleep(1 / DRIP)

    return serving(serve)


def not_reading():
    return serving(lambda connection: time.sleep(3600))


@contextlib.contextmanager
def certificate():
    """A file with one for localhost, and its key."""
    command = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 2".split()
    with tempfile.TemporaryDirectory() as folder:
        path, key = Path(folder, "certificate"), Path(folder, "key")
        subprocess.run([*command, "-keyout", key, "-out", path], check=True, capture_output=True)
        path.write_text(path.read_text() + key.read_text())
        yield path


def shake_hands(connection, path):
    """The server's end of TLS, which does not touch the connection; and the bytes that it has for
    that. `ssl` is imported late, by when csock may be in the place of `socket`."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    received, to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls, done = context.wrap_bio(received, to_send, server_side=True), False
    while not done:
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.do_handshake()
            done = True
        connection.sendall(to_send.read())
        if not done and not received.write(connection.recv(1 << 16)):
            raise ConnectionResetError
    return tls, to_send


@contextlib.contextmanager
def dripping_tls():
    """Records of a byte each."""

    def serve(connection):
        tls, to_send = shake_hands(connection, path)
        while True:
            tls.write(b"x")
            connection.sendall(to_send.read())
            time.sleep(1 / DRIP)

    with certificate() as path, serving(serve) as address:
        yield address


@contextlib.contextmanager
def dripping_record():
    """One record, a byte of it at a time."""

    def serve(connection):
        tls, to_send = shake_hands(connection, path)
        tls.write(bytes(10_000))
        for byte in to_send.read():
            connection.send(bytes([byte]))
            time.sleep(1 / DRIP)

    with certificate() as path, serving(serve) as address:
        yield address


@contextlib.contextmanager
def stalling_tls():
    """Shakes hands, and then neither reads nor writes."""

    def serve(connection):
        shake_hands(connection, path)
        time.sleep(3600)

    with certificate() as path, serving(serve) as address:
        yield address


@contextlib.contextmanager
def black_hole():
    """A listener whose backlog is full answers no more."""
    import select
    import socket

    waiting = []
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        while True:
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(server.getsockname())
            waiting.append(client)
            if not select.select([], [client], [], 0.2)[1]:
                break
        yield server.getsockname()


# ---- the cases: a new kind of connection is a `connect` of its own


def plain(module, address, timeout):
    return module.create_connection(address, timeout)


def tls_context(module):
    if module.__name__ == "csock":
        module.install(force=True)
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def over_tls(module, address, timeout):
    context = tls_context(module)
    return context.wrap_socket(module.create_connection(address, timeout))


def fetch_page(module, address, timeout):
    context = tls_context(module)
    import urllib.request

    options = {} if timeout is None else {"timeout": timeout}
    urllib.request.urlopen(f"https://127.0.0.1:{address[1]}", context=context, **options)


def with_connection(connect, use):
    def work(module, address, timeout):
        with connect(module, address, timeout) as sock:
            use(sock)

    return work


def receive(sock):
    while sock.recv(100):
        pass


def read_line(sock):
    with sock.makefile("rb") as file:
        file.readline()


def read_by_reader(sock):
    import csock

    csock.Reader(sock).readline()


def end_tls(sock):
    sock.unwrap()


def send_all(sock):
    sock.sendall(bytes(1 << 28))


CASES = [
    Case("recv, 1 byte a second", dripping, with_connection(plain, receive)),
    Case("makefile readline, 1 byte a second", dripping, with_connection(plain, read_line)),
    Case("Reader, 1 byte a second", dripping, with_connection(plain, read_by_reader)),
    Case("sendall to who does not read", not_reading, with_connection(plain, send_all)),
    Case("connect to a black hole", black_hole, with_connection(plain, receive)),
    Case("TLS: recv, 1 byte a second", dripping_tls, with_connection(over_tls, receive)),
    Case("TLS: recv of a record by the byte", dripping_record, with_connection(over_tls, receive)),
    Case("TLS: readline, 1 byte a second", dripping_tls, with_connection(over_tls, read_line)),
    Case("TLS: Reader, 1 byte a second", dripping_tls, with_connection(over_tls, read_by_reader)),
    Case("TLS: urllib, 1 byte a second", dripping_tls, fetch_page),
    Case("TLS: handshake, 1 byte a second", dripping, with_connection(over_tls, receive)),
    Case("TLS: handshake that stalls", not_reading, with_connection(over_tls, receive)),
    Case("TLS: unwrap that stalls", stalling_tls, with_connection(over_tls, end_tls)),
    Case("TLS: sendall to who does not read", stalling_tls, with_connection(over_tls, send_all)),
]


# ---- closing: `work` is the call that the connection is closed under


def before_handshake(module, address, timeout):
    connection = module.create_connection(address, timeout)
    return tls_context(module).wrap_socket(connection, do_handshake_on_connect=False)


def listening(module, path, timeout):
    tls_context(module)  # csock is in place now
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context.wrap_socket(module.create_server(("127.0.0.1", 0)), server_side=True)


CLOSINGS = {
    "close() under TLS recv": (stalling_tls, over_tls, receive),
    "close() under TLS sendall": (stalling_tls, over_tls, send_all),
    "close() under a TLS handshake": (not_reading, before_handshake, lambda s: s.do_handshake()),
    "close() under accept of a TLS listener": (certificate, listening, lambda s: s.accept()),
}


def closing_child(side, name):
    peer, connect, call = CLOSINGS[name]
    module = importlib.import_module("csock" if side == "csock" else "socket")
    ended = []

    def run():
        try:
            call(sock)
        except OSError as raised:
            ended.append((time.monotonic(), f"{type(raised).__name__}: {raised}"))

    with peer() as address:
        sock = connect(module, address, None)
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(ASLEEP)
        start = time.monotonic()
        sock.close()
        thread.join(NEVER)
    found = {"seconds": ended[0][0] - start, "error": ended[0][1]} if ended else {}
    print(json.dumps(found), flush=True)
    os._exit(0)  # whatever the thread is in


# ---- in the child, one for each side: a case that does not end is ended with it


def child(side, name, seconds):
    if name in CLOSINGS:
        return closing_child(side, name)
    (case,) = (case for case in CASES if case.name == name)
    module = importlib.import_module("csock" if side == "csock" else "socket")
    bound = contextlib.nullcontext()
    timeout = None if side == "csock" else seconds
    with case.peer() as address:
        if side == "csock":
            bound = module.deadline(seconds)  # now, that the other end is there
        start, error = time.monotonic(), None
        try:
            with bound:
                case.work(module, address, timeout)
        except OSError as raised:
            error = f"{type(raised).__name__}: {raised}"
        print(json.dumps({"seconds": time.monotonic() - start, "error": error}), flush=True)


# ---- outside


def start(side, name, seconds):
    here = str(Path(__file__).resolve())
    command = [sys.executable, here, "--child", side, name, "--seconds", str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def result(process, seconds):
    """What the child says; {} if it does not end."""
    try:
        out, _ = process.communicate(timeout=max(seconds, 0.1))
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return {}
    if process.returncode:
        sys.exit(f"{process.args} failed: status {process.returncode}")
    return json.loads(out)


def measure(case, seconds):
    processes = {side: start(side, case.name, seconds) for side in ("csock", "stock")}
    until = time.monotonic() + LIMIT * seconds + 2  # what it takes to begin
    found = {side: result(p, until - time.monotonic()) for side, p in processes.items()}
    ours = found["csock"].get("seconds")
    missed = ours is None or abs(ours - seconds) > LATE
    late = (found["csock"].get("error") or "").startswith("DeadlineExceeded")
    return {"name": case.name, **found, "missed": missed or not late}


def measure_closing(name):
    processes = {side: start(side, name, 0) for side in ("csock", "stock")}
    found = {side: result(p, 60) for side, p in processes.items()}
    return {"name": name, **found, "missed": found["csock"].get("seconds", NEVER) >= LATE}


def closing_line(report):
    both = report["csock"], report["stock"]
    text = "".join(f"{1000 * s['seconds']:>8.1f} ms" if s else f"{'> 2 s':>11}" for s in both)
    return f"{report['name']:36}{text}  {'MISSED' if report['missed'] else 'ok'}"


def shown(side, seconds):
    return f"{side['seconds']:.3f} s" if side else f"> {LIMIT * seconds:g} s"


def line(report, seconds):
    verdict = "MISSED" if report["missed"] else "ok"
    return (
        f"{report['name']:36} {shown(report['csock'], seconds):>10} "
        f"{shown(report['stock'], seconds):>10}  {verdict}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="TEXT")
    parser.add_argument("--seconds", type=float, default=5.0, help="of the deadline")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        return child(*args.child, args.seconds)
    target = f"{args.seconds:g} s ± {LATE * 1000:.0f} ms"
    print(f"{'deadline of ' + target:36} {'csock':>10} {'stock':>10}")
    reports = []
    for case in (case for case in CASES if args.only in case.name):
        reports.append(measure(case, args.seconds))
        print(line(reports[-1], args.seconds), flush=True)
    closings = [name for name in CLOSINGS if args.only in name]
    if closings:
        print(f"{'close() of what another thread is in':36} {'csock':>10} {'stock':>10}  < 50 ms")
    for name in closings:
        reports.append(measure_closing(name))
        print(closing_line(reports[-1]), flush=True)
    if args.json:
        args.json.write_text(json.dumps({"seconds": args.seconds, "cases": reports}, indent=1))
    return int(any(report["missed"] for report in reports))


if __name__ == "__main__":
    sys.exit(main())
