"""What csock and stock cost in counts that do not depend on the machine's mood: instructions
outside the kernel, by callgrind, and system calls, by strace.

    python bench/counts.py [--only TEXT] [--json FILE] [--other FOLDER]

Fails (exit 1) where csock needs more of either than stock. FOLDER has another build of csock, whose
instructions then stand beside; where these are more than a twentieth above, it fails, too. Time is
run.py's matter.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import build
import ops

RUNS = 100  # and three times as many: the difference is free of what preparing costs
MARK = "/csock-bench/"
RARE = 0.05  # a call in a score of runs: the allocator's, or libc's now and then
# Of instructions: addresses are not fixed, as the hash seed is; and csock keeps its frame pointers,
# which cost up to 2.4 % of what is short, where Debian's stock module has none.
TOLERANCE = 1.03
OTHER_MOST = 1.05  # of another build's instructions to this one's


def countable():
    """Operations that end by themselves and need no second process or thread."""
    return [op for op in ops.OPERATIONS if isinstance(op, ops.Timed) and not op.around]


# ---- in the child that is watched


def child(names):
    """Each operation once on each module, and on its twins in C, between marks."""
    import ctypes
    import importlib

    library = build.twins()
    names_of = {"csock": "csock", "stock": "socket"}
    modules = {label: importlib.import_module(name) for label, name in names_of.items()}
    everything = {op.name: op for op in countable()}
    for op in (everything[name] for name in names):
        for label, module in modules.items():
            sides = {label: module, **({"bare": None} if op.bare and label == "stock" else {})}
            for side in sides:
                timer = op.timer(sides[side], side)
                timer.timeit(RUNS)  # what the first runs fill and specialise
                for times in (1, 3):
                    mark = f"{MARK}{side}/{times}/{op.name}".encode()
                    library.mark_begin(mark)
                    timer.timeit(times * RUNS)
                    library.mark_end(mark)
        for side in ("core", "raw"):  # the library from C, and the same system calls from C
            if getattr(op, side):
                function = getattr(library, f"{side}_{getattr(op, side)}")
                function.argtypes, function.restype = [ctypes.c_long], ctypes.c_int64
                function(1)
                for times in (1, 3):
                    mark = f"{MARK}{side}/{times}/{op.name}".encode()
                    library.mark_begin(mark)
                    function(times * RUNS)
                    library.mark_end(mark)


# ---- outside


def watched(command, names, folder=None):
    here = Path(__file__).resolve()
    program = [sys.executable, "-s", str(here), "--child", *names]
    env = {**os.environ, **({"PYTHONPATH": str(folder)} if folder else {})}
    subprocess.run([*command, *program], check=True, stdout=subprocess.DEVNULL, env=env)


def instructions(names, where=None):
    """{(side, operation): instructions for one run}"""
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/out"
        watched(["valgrind", "-q", "--tool=callgrind", "--instr-atstart=no",
                 f"--callgrind-out-file={out}"], names, where)
        for path in Path(folder).iterdir():
            text = path.read_text(errors="replace")
            mark = re.search(rf"^desc: Trigger: Client Request: {MARK}(.*)$", text, re.M)
            total = re.search(r"^(?:summary|totals): (\d+)", text, re.M)
            if mark and total:
                side, times, name = mark[1].split("/", 2)
                sums = result.setdefault((side, name), [])
                sums.append(int(total[1]))
    return {key: abs(a - b) / (2 * RUNS) for key, (a, b) in result.items()}


def calls(names):
    """{(side, operation): Counter of system calls in one run}"""
    result, counting = {}, None  # the counts of three times RUNS less those of one time
    with tempfile.NamedTemporaryFile("r", errors="replace") as log:
        watched(["strace", "-f", "-qq", "-o", log.name], names)
        for line in log:
            if MARK in line:
                side, times, name = line.split('"')[1][len(MARK):].split("/", 2)
                sign = 1 if times == "3" else -1
                counting = None if counting is not None else (
                    result.setdefault((side, name), Counter()))
            elif counting is not None and (call := re.match(r"\d+ +(\w+)\(", line)):
                counting[call[1]] += sign
    return {key: {call: n / (2 * RUNS) for call, n in sorted(counter.items()) if n}
            for key, counter in result.items()}


# Ends as soon as the import is done: what an interpreter's end costs is not the import's.
IMPORT = """\
import posix, sys
sys.path.append({where!r})  # after the standard library, as site-packages
{how}
posix._exit(0)
"""


def import_instructions(wheres):
    """{side: instructions of an import in a fresh process, -I -S}, for {side: (directory, how)}:
    what the process takes less what it takes without the import."""
    def total(where, how):
        program = IMPORT.format(where=where, how=how)
        python = [sys.executable, "-I", "-S", "-c", program]
        subprocess.run(python, check=True)  # what it compiles, it finds compiled from then on
        with tempfile.NamedTemporaryFile("r") as out:
            command = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out.name}"]
            subprocess.run([*command, *python], check=True, stdout=subprocess.DEVNULL)
            return int(re.search(r"^(?:summary|totals): (\d+)", out.read(), re.M)[1])

    return {side: total(where, how) - total(where, "pass")
            for side, (where, how) in wheres.items()}


def measure(only="", other=None):
    """A report for each operation. other: a folder with another build of csock."""
    names = [op.name for op in countable() if only in op.name]
    by_callgrind, by_strace = instructions(names), calls(names)
    if other:
        there = instructions(names, other)
        by_callgrind |= {("other", name): there["csock", name] for name in names}
    for name in names:
        report = {"name": name, "instructions": {}, "calls": {}, "missed": [], "allowed": []}
        for side in ("csock", "other", "stock", "bare", "core", "raw"):
            if (side, name) in by_callgrind:
                report["instructions"][side] = round(by_callgrind[side, name])
                report["calls"][side] = by_strace.get((side, name), {})
        judge(report)
        yield report


def judge(report):
    """Says in the report what csock needs more of than stock: missed, or allowed and why."""
    ours, stock = (report["instructions"][side] for side in ("csock", "stock"))
    if ours > stock:
        missed = ours > stock * TOLERANCE
        why = "" if missed else f", within {TOLERANCE - 1:.0%}"
        report["missed" if missed else "allowed"].append(f"{ours} instructions to {stock}{why}")
    ours, stock = (sum(report["calls"][side].values()) for side in ("csock", "stock"))
    if ours > stock + RARE:
        report["missed"].append(f"{ours:.4g} system calls to {stock:.4g}")
    ours, other = (report["instructions"].get(side, 0) for side in ("csock", "other"))
    if other > ours * OTHER_MOST:
        report["missed"].append(f"the other build: {other} to {ours}")


def remark(report):
    """What csock needs more of, in words."""
    return "; ".join([*(f"MISSED: {text}" for text in report["missed"]), *report["allowed"]])


def table(reports):
    yield (f"{'one run of':32} {'instructions: csock':>20} {'stock':>7} {'bare':>7} {'core':>6} "
           f"{'raw':>5} {'ratio':>6}"
           f"  {'system calls: csock':>20} {'stock':>6}")
    for one in reports:
        counts = one["instructions"]
        sums = [sum(one["calls"][side].values()) for side in ("csock", "stock")]
        yield (f"{one['name']:32} {counts['csock']:>20} {counts['stock']:>7} "
               f"{counts.get('bare', '-'):>7} {counts.get('core', '-'):>6} "
               f"{counts.get('raw', '-'):>5} {counts['csock'] / counts['stock']:>6.2f}"
               f"  {sums[0]:>20.4g} {sums[1]:>6.4g}  {remark(one)}").rstrip()


def table_of_two(reports):
    yield f"{'instructions of one run of':32} {'this build':>10} {'the other':>10} {'ratio':>6}"
    for one in reports:
        ours, other = (one["instructions"][side] for side in ("csock", "other"))
        yield f"{one['name']:32} {ours:>10} {other:>10} {other / ours:>6.2f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="TEXT")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--other", type=Path, metavar="FOLDER")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        return child(args.child)
    build.twins()
    build.bare()
    reports = list(measure(args.only, args.other))
    print("\n".join(table(reports)))
    if args.other:
        print("\n".join(["", *table_of_two(reports)]))
    if args.json:
        args.json.write_text(json.dumps(reports, indent=1) + "\n")
    return any(one["missed"] for one in reports)


if __name__ == "__main__":
    sys.exit(main())
