"""Whole programs on csock and on the stock socket module: `make bench-programs`.

    python bench/programs.py [--rounds N] [--seconds S] [--only TEXT] [--json FILE]
                             [--null] [--apart]

Each round starts a program afresh on both sides and gives each its slices of time, by turns: see
README.md. Other ends (redis, nginx, load) are the same for both sides. --null puts stock in both
places: how far the ratios then are from 1 is what the method cannot see. --apart keeps programs
with threads on one processor, too, and the other end on another.
"""

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
ECOSYSTEM = ROOT / "tests" / "ecosystem"
sys.path.append(str(ECOSYSTEM))

import run  # noqa: E402
import servers  # noqa: E402
import sides  # noqa: E402
from table import at_least  # noqa: E402
from under_test import (  # noqa: E402
    Client,
    Failed,
    Gunicorn,
    Server,
    Slice,
    Wrk,
    dns_load,
    echo_load,
)

HOME = ROOT / "build" / "programs"
REQUIREMENTS = HERE / "requirements.txt", ECOSYSTEM / "requirements.txt"
LEAST = 0.98
GAIN = 1.05  # less is no gain, and asks for a reason

CPUS = sorted(os.sched_getaffinity(0))
OTHER_END = {CPUS[-1]}  # redis, nginx, the load
APART, ANYWHERE = {CPUS[0]}, set(CPUS)  # where the program under test runs


@dataclass
class Program:
    name: str
    make: object  # takes Peers, gives a Client or Server
    bound: str  # what bounds it, where nothing is gained
    unit: str = "requests"
    where: set = field(default_factory=lambda: ANYWHERE)
    packages: bool = True  # it needs some
    least: float = LEAST  # of the ratio


class Peers(contextlib.ExitStack):
    """The real servers, each started when the first program wants it."""

    def __init__(self, folder):
        super().__init__()
        self.folder, self.found, self.missing, self.tls = folder, {}, {}, None

    def port(self, name):
        found = self.of(name)
        return found["plain"] if name == "nginx" else found[0]

    def https(self):
        """nginx's port for TLS, and the certificate of who has signed its own."""
        return self.of("nginx")["secure"], self.tls.ca

    def of(self, name):
        if name in self.missing:
            raise self.missing[name]
        if name not in self.found:
            try:
                self.found[name] = self.started(name)
            except servers.NoServer as why:
                self.missing[name] = why
                raise
        return self.found[name]

    def started(self, name):
        tls = servers.Tls(self.folder) if name == "nginx" else None
        self.tls = tls or self.tls
        return self.enter_context(getattr(servers, name)(self.folder, tls))


def client(package, peer, threads, busy=False):
    return lambda peers: Client([package, peers.port(peer), threads], busy)


def redis(threads, busy=False):
    return client("redis", "redis", threads, busy)


def requests(threads, busy=False):
    return client("requests", "nginx", threads, busy)


def https(threads):
    def make(peers):
        port, certificate = peers.https()
        return Client(["https", port, threads, certificate])

    return make


def echo(busy=False):
    return lambda peers: Server("echo", echo_load(), busy)


# Shares are those of instructions outside the kernel (callgrind).
REDIS = "its own Python, 94 % outside the kernel"
REQUESTS = "its own Python, 99 % outside the kernel"
WAITING = "who has waited for data waits 5 ms for the interpreter lock"
PROGRAMS = [
    Program("redis-py, SET and GET, 1 thread", redis(1), REDIS, unit="operations", where=APART),
    Program("redis-py, 8 threads", redis(8), REDIS, unit="operations"),
    Program("redis-py, 8 threads, 1 computing", redis(8, True), WAITING, unit="operations"),
    Program("requests, nginx, keep-alive, 1 thread", requests(1), REQUESTS, where=APART),
    Program("requests, 8 threads", requests(8), REQUESTS),
    Program("requests, 8 threads, 1 computing", requests(8, True), WAITING),
    Program("requests over https, keep-alive, 1 thread", https(1), REQUESTS, where=APART, least=1),
    Program("requests over https, 8 threads", https(8), REQUESTS, least=1),
    Program("http.server under wrk", lambda peers: Server("http", Wrk(8, b"hello")),
            "parsing and making headers in Python", packages=False),
    Program("gunicorn gthread under wrk", lambda peers: Gunicorn(Wrk(8, b"hello"), 8),
            "its own Python, and handing over between its threads"),
    Program("ThreadingTCPServer echo", echo(), "the system calls, changes of threads",
            packages=False),
    Program("ThreadingTCPServer echo, 1 computing", echo(True), WAITING, packages=False),
    Program("dnslib server, UDP", lambda peers: Server("dns", dns_load()),
            "a thread for each datagram; dnslib's own Python"),
]


def environment(number):
    """The same for both sides, and other hashes in each round."""
    keep = {key: os.environ[key] for key in ("HOME", "USER") if key in os.environ}
    return keep | {"PATH": servers.SYSTEM_PATH, "LC_ALL": "C.UTF-8", "PYTHONPATH": str(ECOSYSTEM),
                   "PYTHONHASHSEED": str(number + 1), "PYTHONDONTWRITEBYTECODE": "1"}


def turns(order, times):
    """Whose turn it is: there and back again."""
    return [side for n in range(times) for side in (order[::-1] if n % 2 else order)]


def one_round(program, number, pythons, peers, args):
    """{side: Slice}, the sum of what each got done."""
    order = list(pythons)[:: 1 if number % 2 else -1]
    under_test = {side: program.make(peers) for side in order}
    with contextlib.ExitStack() as stack:
        for side, one in under_test.items():
            log = peers.folder / f"{side}.log"
            where = APART if args.apart else program.where
            one.start(pythons[side], environment(number), where, log)
            stack.callback(one.end)
        for side, one in under_test.items():
            whose, wanted = one.wait(), pythons[side].parent.parent.name
            if whose != wanted:
                raise Failed(f"it has the sockets of {whose}, not of {wanted}")
        total = {side: Slice(0, 0, 0) for side in order}
        span = under_test[order[0]].span
        for side in turns(order, max(1, round(args.seconds / span))):
            total[side] += under_test[side].slice(span)
    return total


def measure(program, pythons, peers, args):
    """What is known of a program after its rounds."""
    rounds = []
    for number in range(args.rounds):
        run.show_round(number, args.rounds)
        rounds.append(one_round(program, number, pythons, peers, args))
    run.show_round()

    def ratios(figure):
        return [figure(found["csock"]) / figure(found["stock"]) for found in rounds]

    rates = {side: [found[side].rate for found in rounds] for side in pythons}
    q1, median, q3 = run.spread(ratios(lambda s: s.rate))
    return {
        "name": program.name, "unit": program.unit, "value": median, "spread": [q1, q3],
        "rounds": args.rounds, "target": f">= {program.least}",
        "reached": at_least(program.least)(median),
        "verdict": run.judged(at_least(program.least), (q1, median, q3)), "rates": rates,
        "medians": {side: statistics.median(rate) for side, rate in rates.items()},
        "cpu": statistics.median(ratios(lambda s: s.cpu / s.done)),
        "computed": statistics.median(ratios(lambda s: s.computed / s.seconds))
        if rounds[0]["stock"].computed else None,
        "bound": program.bound if median < GAIN else "",
    }


HEAD = (f"{'program':38} {'csock':>9} {'stock':>9} {'ratio':>6} [quartiles]   rounds target   "
        f"{'verdict':7} {'cpu':>5} {'beside':>6}  bounded by")


def line(found):
    q1, q3 = found["spread"]
    rates = " ".join(f"{found['medians'][side]:>9,.0f}" for side in ("csock", "stock"))
    beside = f"{found['computed']:6.2f}" if found["computed"] else f"{'':6}"
    cpu = f"{found['cpu']:5.2f}" if not found["computed"] else f"{'':5}"
    return (f"{found['name']:38} {rates} {found['value']:>6.3f} [{q1:.3f} {q3:.3f}] "
            f"{found['rounds']:>6} {found['target']:8} {found['verdict']:7} {cpu} {beside}  "
            f"{found['bound']}").rstrip()


def ready_sides(null):
    """({side: python}, whether the packages are there)."""
    try:
        pythons, packages = sides.ready(HOME, REQUIREMENTS), True
    except SystemExit as why:
        print(f"{why}\nprograms: going on without Python packages", flush=True)
        pythons, packages = sides.ready(HOME, ()), False
    names = ("stock", "stock") if null else ("csock", "stock")
    return dict(zip(("csock", "stock"), (pythons[name] for name in names), strict=True)), packages


def measure_all(chosen, pythons, packages, args):
    """Prints a line for each; returns what was found, and the names of those that failed."""
    found, troubles = [], {"failed": [], "skipped": []}
    with (tempfile.TemporaryDirectory(prefix="bench-") as folder, run.only_on(OTHER_END)):
        os.chmod(folder, 0o755)
        with Peers(Path(folder)) as peers:
            for program in chosen:
                try:
                    if program.packages and not packages:
                        raise servers.NoServer("its Python packages are not there")
                    found.append(measure(program, pythons, peers, args))
                    print(line(found[-1]), flush=True)
                except servers.NoServer as why:
                    print(f"{program.name:38} SKIPPED: {why}", flush=True)
                    troubles["skipped"].append(program.name)
                except Failed as why:
                    print(f"{program.name:38} FAILED: {why}", flush=True)
                    troubles["failed"].append(program.name)
    return found, troubles


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    # An even number, so that each side is first equally often.
    parser.add_argument("--rounds", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each side in a round")
    parser.add_argument("--only", default="", metavar="TEXT", help="programs with it in the name")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--null", action="store_true", help="stock on both sides")
    parser.add_argument("--apart", action="store_true", help="one processor for each end")
    return parser.parse_args()


def main():
    args = arguments()
    chosen = [program for program in PROGRAMS if args.only in program.name]
    if not chosen:
        sys.exit(f"no program has {args.only!r} in its name")
    pythons, packages = ready_sides(args.null)
    start = time.monotonic()
    print(HEAD, flush=True)
    found, troubles = measure_all(chosen, pythons, packages, args)
    for what, names in troubles.items():
        if names:
            print(f"{what.upper()}: {', '.join(names)}")
    print(f"{time.monotonic() - start:.0f} s; {run.machine_line()}")
    if args.json:
        run.write_json(args.json, null=args.null, apart=args.apart, programs=found, **troubles)
    return 1 if troubles["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
