"""What a recv that has to wait costs in instructions outside the kernel, by callgrind: a process of
its own answers each byte after two milliseconds.

    python bench/waits.py [--other FOLDER]

FOLDER has another build of csock, which then stands beside. Once in 10 ms a wait looks at its
thread's signal mask, so a figure moves by a few.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 100  # and three times as many: the difference is free of what preparing costs
TIMEOUTS = {"recv that waits": None, "the same, with a timeout": 5}


def ask(module, timeout, n):
    """In the process that is watched."""
    sock = __import__(module)
    a, b = sock.socketpair()
    if os.fork() == 0:
        a.close()
        while b.recv(1):
            time.sleep(0.002)
            b.send(b"x")
        os._exit(0)
    b.close()
    a.settimeout(timeout)
    for _ in range(n):
        a.send(b"x")
        a.recv(1)


def instructions(module, name, n, folder=None):
    env = {**os.environ, "PYTHONHASHSEED": "0", **({"PYTHONPATH": str(folder)} if folder else {})}
    program = [sys.executable, "-s", __file__, "--child", module, name, str(n)]
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}/%p",
                        *program], check=True, env=env)
        totals = [re.search(r"^(?:summary|totals): (\d+)", path.read_text(errors="replace"), re.M)
                  for path in Path(out).iterdir()]
        return max(int(total[1]) for total in totals if total)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--other", type=Path, metavar="FOLDER")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        module, name, n = args.child
        ask(module, TIMEOUTS[name], int(n))
        return
    sides = {"csock": ("csock", None), "stock": ("socket", None)}
    if args.other:
        sides["other"] = ("csock", args.other.resolve())
    print(f"{'send, and':28}" + "".join(f"{side:>8}" for side in sides) + "   instructions")
    for name in TIMEOUTS:
        cells = []
        for module, folder in sides.values():
            once, thrice = (instructions(module, name, k * RUNS, folder) for k in (1, 3))
            cells.append(f"{(thrice - once) / (2 * RUNS):8.0f}")
        print(f"{name:28}" + "".join(cells))


if __name__ == "__main__":
    main()
