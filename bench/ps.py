"""How long `csock ps` takes for many stuck threads: by default 1,000 in ten processes.

    python bench/ps.py [--processes N] [--threads N] [--rounds N] [--json FILE]

Times the command from its start to its end, the interpreter's start included, and a look from
within a running one. The processes wait in recv on TCP connections over loopback; one keeps its GIL
in C code, and one is stopped.
"""

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

PROGRAM = """
import csock, ctypes, sys, threading, time
threading.stack_size(1 << 16)
listener = csock.create_server(("127.0.0.1", 0), backlog=4096)
def hang():
    csock.create_connection(listener.getsockname()).recv(1)
for _ in range(int(sys.argv[1])):
    threading.Thread(target=hang, daemon=True).start()
peers = [listener.accept()[0] for _ in range(int(sys.argv[1]))]
time.sleep(0.5)
print("ready", flush=True)
if sys.argv[2] == "gil":
    ctypes.PyDLL(None).sleep(1000)
time.sleep(1000)
"""


@contextlib.contextmanager
def programs(processes, threads):
    children = []
    try:
        for number in range(processes):
            how = "gil" if number == 0 else "plain"
            children.append(subprocess.Popen([sys.executable, "-c", PROGRAM, str(threads), how],
                                             stdout=subprocess.PIPE))  # fmt: skip
        for child in children:
            child.stdout.readline()
        children[-1].send_signal(signal.SIGSTOP)
        yield [child.pid for child in children]
    finally:
        for child in children:
            child.kill()
            child.wait()


def timed(function):
    start = time.perf_counter()
    result = function()
    return (time.perf_counter() - start) * 1000, result


def command(*words):
    done = subprocess.run([sys.executable, "-m", "csock", "--ps", *words],
                          stdout=subprocess.PIPE, check=True)  # fmt: skip
    return done.stdout.count(b" recv ")


def looked(pids):
    """As the command does it; the reader is a new one each time."""
    from csock import _ps, _ps_process

    look = _ps.Look(_ps_process.Reader(bool(pids)), pids or _ps_process.of_this_user(), set())
    return sum(len(process.rows) for process in look.processes)


def measure(processes, threads, rounds):
    with programs(processes, threads) as pids:
        words = list(map(str, pids))
        ways = {
            "csock ps PID ...": lambda: command(*words),
            "csock ps": lambda: command(),
            "a look, of PIDs": lambda: looked(pids),
            "a look, of all": lambda: looked(()),
            "csock --version": lambda: subprocess.run(
                [sys.executable, "-m", "csock", "--version"], stdout=subprocess.DEVNULL, check=True
            ).returncode,
        }
        for name, way in ways.items():
            way()
            took, rows = zip(*(timed(way) for _ in range(rounds)), strict=True)
            yield {"name": name, "ms": statistics.median(took), "least": min(took),
                   "rows": rows[-1]}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=10)
    parser.add_argument("--threads", type=int, default=100, help="of each")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    reports = list(measure(args.processes, args.threads, args.rounds))
    others = sum(name.isdigit() for name in os.listdir("/proc")) - args.processes
    print(f"{args.processes} processes of {args.threads} threads, beside {others} others; ms:")
    for one in reports:
        print(f"{one['name']:20} {one['ms']:8.1f}  (least {one['least']:.1f}) {one['rows']:6} rows")
    if args.json:
        args.json.write_text(json.dumps(reports, indent=1) + "\n")


if __name__ == "__main__":
    main()
