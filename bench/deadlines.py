"""How exactly calls end at the deadline of a block, and what the stock module does instead.

    python bench/deadlines.py [--only TEXT] [--seconds S] [--json FILE]

Each case runs on csock within `with csock.deadline(S):`, and at the same time on stock with a
timeout of S, which is what it has; what has not ended after half as long again is ended from
outside. Fails (exit 1) where csock ends more than 50 ms before or after.
"""

import argparse
import contextlib
import importlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

LATE = 0.05  # s; so much is allowed, either way
LIMIT = 1.5  # times the deadline; then a case is ended from outside
DRIP = 1.0  # bytes a second


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
        while True:
            connection.send(b"x")
            time.sleep(1 / DRIP)

    return serving(serve)


def not_reading():
    return serving(lambda connection: time.sleep(3600))


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


# ---- the cases: a new kind of connection (TLS, say) is a `connect` of its own


def plain(module, address, timeout):
    return module.create_connection(address, timeout)


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


def send_all(sock):
    sock.sendall(bytes(1 << 28))


CASES = [
    Case("recv, 1 byte a second", dripping, with_connection(plain, receive)),
    Case("makefile readline, 1 byte a second", dripping, with_connection(plain, read_line)),
    Case("sendall to who does not read", not_reading, with_connection(plain, send_all)),
    Case("connect to a black hole", black_hole, with_connection(plain, receive)),
]


# ---- in the child, one for each side: a case that does not end is ended with it


def child(side, name, seconds):
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


def start(side, case, seconds):
    here = str(Path(__file__).resolve())
    command = [sys.executable, here, "--child", side, case.name, "--seconds", str(seconds)]
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
    processes = {side: start(side, case, seconds) for side in ("csock", "stock")}
    until = time.monotonic() + LIMIT * seconds + 2  # what it takes to begin
    found = {side: result(p, until - time.monotonic()) for side, p in processes.items()}
    ours = found["csock"].get("seconds")
    missed = ours is None or abs(ours - seconds) > LATE
    late = (found["csock"].get("error") or "").startswith("DeadlineExceeded")
    return {"name": case.name, **found, "missed": missed or not late}


def shown(side, seconds):
    return f"{side['seconds']:.3f} s" if side else f"> {LIMIT * seconds:g} s"


def line(report, seconds):
    verdict = "MISSED" if report["missed"] else "ok"
    return (f"{report['name']:36} {shown(report['csock'], seconds):>10} "
            f"{shown(report['stock'], seconds):>10}  {verdict}")


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
    if args.json:
        args.json.write_text(json.dumps({"seconds": args.seconds, "cases": reports}, indent=1))
    return int(any(report["missed"] for report in reports))


if __name__ == "__main__":
    sys.exit(main())
