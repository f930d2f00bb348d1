"""csock, the stock module and raw C, measured in one run: see README.md.

Each round takes every operation once and, for it, a short slice of each implementation, one after
the other in an order that turns with the rounds. Ratios are taken within a round, so that what the
machine does to one it does to the others; their median over the rounds is the result.
"""

import argparse
import contextlib
import ctypes
import importlib
import json
import os
import platform
import socket
import statistics
import sys
import time
from functools import partial
from pathlib import Path

import build
import ops

HERE = Path(__file__).resolve().parent
SLOWER = 1.10
RATIOS = [("csock", "stock"), ("csock", "raw"), ("stock", "raw"), ("core", "raw"),
          ("csock", "bare")]


class Bench:
    """One operation in all its implementations, and what was measured of it."""

    def __init__(self, op, modules, library):
        self.op = op
        self.samples = {}  # implementation: {round: ns or bytes per run}
        self.slices = {name: partial(op.measure, module) for name, module in modules.items()}
        for name in library.sides:
            if twin := getattr(op, name, ""):
                self.slices[name] = self.in_c(getattr(library, f"{name}_{twin}"))
        if modules and getattr(op, "bare", ""):
            self.slices["bare"] = partial(op.measure, None, side="bare")
        self.runs = {}

    def in_c(self, function):
        function.argtypes, function.restype = [ctypes.c_long], ctypes.c_int64

        def measure(n):
            with self.op.beside(), one_processor(self.op.name):
                result = function(n)
            if result < 0:
                raise OSError(-result, f"{function.__name__}: {os.strerror(-result)}")
            return result

        return measure

    def calibrate(self, slice_ns):
        """How many runs make a slice of that length."""
        for name, measure in self.slices.items():
            if not isinstance(self.op, ops.Timed):
                self.runs[name] = 1 if name in ("csock", "stock") else self.op.c_runs
                continue
            measure(1)  # the first run loads and fills what later ones find ready
            n, took = 1, measure(1)
            while took < slice_ns / 4 and n < self.op.most:
                n = min(n * 4, self.op.most)
                took = min(measure(n) for _ in range(3))
            self.runs[name] = max(1, min(int(n * slice_ns / took), self.op.most))

    def round(self, number):
        names = list(self.slices)
        turn = number // self.op.every % len(names)
        for name in names[turn:] + names[:turn]:
            n = self.runs[name]
            self.samples.setdefault(name, {})[number] = self.slices[name](n) / n

    def ratio(self, over, under):
        """(first quartile, median, third quartile) of the ratio within each round."""
        if over not in self.samples or under not in self.samples:
            return None
        pairs = zip(self.samples[over].values(), self.samples[under].values(), strict=True)
        ratios = [a / b for a, b in pairs if b]
        return spread(ratios)

    def report(self):
        ratios = {f"{a}/{b}": self.ratio(a, b) for a, b in RATIOS}
        against_stock = ratios["csock/stock"]
        return {
            "name": self.op.name,
            "unit": self.op.unit,
            "rounds": len(next(iter(self.samples.values()))),
            "runs_in_a_slice": self.runs,
            "median": {k: statistics.median(v.values()) for k, v in self.samples.items()},
            "ratios": {k: r and dict(zip(("q1", "median", "q3"), r, strict=True))
                       for k, r in ratios.items()},
            "verdict": verdict(against_stock),
        }


def verdict(against_stock):
    """In doubt where a quarter of the rounds saw no difference at all."""
    if not against_stock or against_stock[1] <= SLOWER:
        return ""
    return "SLOWER" if against_stock[0] > 1 else "SLOWER?"


def judged(reached, found):
    """The verdict on (first quartile, median, third quartile): whether the median is where it has
    to be; in doubt where the target lies between the quartiles."""
    q1, median, q3 = found
    doubt = "" if reached(q1) == reached(q3) else "?"
    return ("ok" if reached(median) else "MISSED") + doubt


def spread(values):
    if len(values) < 2:
        return (values[0],) * 3
    return tuple(statistics.quantiles(values, n=4, method="inclusive"))


@contextlib.contextmanager
def only_on(processors):
    """We, and what is started meanwhile, run on these processors only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def one_processor(name):
    """Where the C ping-pong forks, both sides have to share a processor as in ops.ping_pong."""
    cpus = os.sched_getaffinity(0)
    return only_on({min(cpus)} if "ping-pong" in name else cpus)


def show_round(number=None, rounds=0):
    """How far it is, for who looks on; nothing, at the end."""
    if sys.stderr.isatty():
        text = " " * 30 if number is None else f"round {number + 1} of {rounds} "
        print(f"\r{text}", end="\r" if number is None else "", file=sys.stderr, flush=True)


def figure(value, unit):
    if value is None:
        return "-"
    if unit == "bytes":
        return f"{value:,.0f} B"
    steps = 0
    while value >= 1000:
        value, steps = value / 1000, steps + 1
    return f"{value:.{0 if value >= 100 else 1}f} {('ns', 'us', 'ms', 's')[steps]}"


def table(reports):
    columns = "csock", "stock", "raw", "core", "bare"
    head = [f"{'operation':30}", *(f"{c:>8}" for c in columns)]
    head += [f"{f'{a}/{b}':>17}" for a, b in RATIOS] + ["rounds"]
    yield " ".join(head)
    for one in reports:
        row = [f"{one['name']:30}"]
        row += [f"{figure(one['median'].get(c), one['unit']):>8}" for c in columns]
        for r in one["ratios"].values():
            text = f"{r['median']:.2f} [{r['q1']:.2f} {r['q3']:.2f}]" if r else "-"
            row.append(f"{text:>17}")
        row.append(f"{one['rounds']:>6}" + f"  {one['verdict']}")
        yield " ".join(row).rstrip()


def machine():
    """What the figures were taken on."""
    return {"python": platform.python_version(), "kernel": platform.release(),
            "machine": platform.machine(), "processors": os.cpu_count(), "load": os.getloadavg()}


def machine_line():
    return (f"Python {platform.python_version()}, Linux {platform.release()}, "
            f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")


def write_json(path, **found):
    path.write_text(json.dumps({**machine(), **found}, indent=1) + "\n")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--rounds", type=int, help="default 200, with --quick 60")
    parser.add_argument("--only", default="", metavar="TEXT", help="operations with it in the name")
    parser.add_argument("--quick", action="store_true", help="about 20 s, shorter slices")
    parser.add_argument("--without-csock", action="store_true", help="stock and raw C alone")
    parser.add_argument("--build", type=Path, default=HERE.parent / "build" / "bench")
    return parser.parse_args()


def measure(benches, rounds, slice_ns):
    for bench in benches:
        bench.calibrate(slice_ns)
    for number in range(rounds):
        show_round(number, rounds)
        for bench in benches:
            if number % bench.op.every == 0:
                bench.round(number)
    show_round()


def main():
    args = arguments()
    modules = {"stock": socket}
    if not args.without_csock:
        modules = {"csock": importlib.import_module("csock"), **modules}
    library = build.twins(args.build, "csock" in modules)
    chosen = [op for op in ops.OPERATIONS if args.only in op.name]
    if not chosen:
        sys.exit(f"no operation has {args.only!r} in its name")
    benches = [Bench(op, modules, library) for op in chosen]
    start = time.monotonic()
    measure(benches, args.rounds or (60 if args.quick else 200), 2e6 if args.quick else 4e6)
    reports = [bench.report() for bench in benches]
    print("\n".join(table(reports)))
    slower = [one["name"] for one in reports if one["verdict"]]
    if "csock" in modules:
        print(f"\nslower than stock by more than 10 %: {', '.join(slower) or 'nothing'}")
    print(f"{time.monotonic() - start:.0f} s; {machine_line()}")
    if args.json:
        write_json(args.json, operations=reports)


if __name__ == "__main__":
    main()
