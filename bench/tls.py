"""TLS by `ssl` on csock, beside the same on stock: `make bench-tls`.

    python bench/tls.py [--rounds N] [--only TEXT] [--json FILE]

Counts of operations on two connected SSLSockets, by callgrind and strace as in counts.py, and the
time of ping-pong between two processes, by turns as in run.py. Requests over https are a matter of
programs.py. Each side is a process of its own (tls_child.py).
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import build
import run
from deadlines import certificate
from table import at_most
from tls_child import GROUPS, MARK, OPERATIONS

HERE = Path(__file__).resolve().parent
SIDES = "csock", "stock"
# What csock is to need at most, of what stock needs.
INSTRUCTIONS = {
    "recv, 64 B": 0.80,
    "recv, 16 KiB": 0.98,
    "recv_into, 16 KiB": 0.98,
    "sendall, 64 B": 0.60,
    "sendall, 16 KiB": 0.90,
    "makefile readline, 64 B": 0.85,
}
# System calls that move data or wait, at most; not those of the allocator, and looks at the signal
# mask every 10 ms. readline makes two for a bufferful.
COUNTED = {"read", "write", "poll"}
CALLS = {"recv that waits": 4, "recv": 2, "sendall": 1, "makefile": 0.02}
PING_PONG = {"None": ("ping-pong, one processor", 1.03), "5": ("ping-pong, with a timeout", 0.95)}
SLICE = 0.02  # seconds


def command(side, path, *words):
    return [sys.executable, "-s", str(HERE / "tls_child.py"), side, str(path), *words]


# ---- counts


def per_run(sums, name):
    """Of one run of the statement, from a group of one record and a group of four."""
    return (sums["4"] - sums["1"]) / (3 * GROUPS * OPERATIONS[name].runs)


def instructions(side, path, names):
    """{operation: of one run}"""
    sums = {name: {} for name in names}
    with tempfile.TemporaryDirectory() as folder:
        watch = ["valgrind", "-q", "--tool=callgrind", "--instr-atstart=no", "--collect-atstart=no"]
        watch.append(f"--callgrind-out-file={folder}/out")
        subprocess.run([*watch, *command(side, path, "count", *names)], check=True)
        for out in Path(folder).iterdir():
            text = out.read_text(errors="replace")
            mark = re.search(rf"^desc: Trigger: Client Request: {MARK}(.*)$", text, re.M)
            total = re.search(r"^(?:summary|totals): (\d+)", text, re.M)
            if mark and total:
                times, name = mark[1].split("/", 1)
                sums[name][times] = int(total[1])
    return {name: per_run(found, name) for name, found in sums.items()}


def calls(side, path, names):
    """{operation: Counter of system calls in one run}"""
    with tempfile.NamedTemporaryFile("r", errors="replace") as log:
        watch = ["strace", "-qq", "-o", log.name]
        subprocess.run([*watch, *command(side, path, "count", *names)], check=True)
        text = log.read()
    found = {name: {"1": Counter(), "4": Counter()} for name in names}
    counted, counts = None, False
    for line in text.splitlines():
        if MARK in line:
            what = line.split('"')[1][len(MARK):]
            if what == "toggle":
                counts = not counts
            else:
                times, name = what.split("/", 1)
                counted = found[name][times] if counted is None else None
        elif counts and counted is not None and (call := re.match(r"(\w+)\(", line)):
            counted[call[1]] += 1
    return {
        name: {
            call: per_run({times: one[times][call] for times in one}, name)
            for call in sorted(COUNTED & (one["1"] | one["4"]).keys())
        }
        for name, one in found.items()
    }


def target_of(table, name):
    return next((most for text, most in table.items() if name.startswith(text)), None)


def count(path, names):
    """A report for each operation."""
    fast = [name for name in names if target_of(INSTRUCTIONS, name)]
    by_callgrind = {side: instructions(side, path, fast) if fast else {} for side in SIDES}
    by_strace = {side: calls(side, path, names) for side in SIDES}
    for name in names:
        report = {"name": name, "calls": {side: by_strace[side][name] for side in SIDES}}
        report["calls_target"] = target_of(CALLS, name)
        report["calls_reached"] = (
            sum(report["calls"]["csock"].values()) <= report["calls_target"]
        )
        if name in fast:
            report["instructions"] = {side: round(by_callgrind[side][name]) for side in SIDES}
            report["value"] = by_callgrind["csock"][name] / by_callgrind["stock"][name]
            report["target"] = target_of(INSTRUCTIONS, name)
            report["reached"] = report["value"] <= report["target"]
        yield report


def count_line(one):
    text = f"{one['name']:40}"
    if "value" in one:
        both = "".join(f"{one['instructions'][side]:>9}" for side in SIDES)
        text += f"{both} {one['value']:>6.3f} <= {one['target']:<5.2f} "
        text += "ok    " if one["reached"] else "MISSED"
    else:
        text += " " * 41
    sums = "".join(f"{sum(one['calls'][side].values()):>8.3g}" for side in SIDES)
    verdict = "ok" if one["calls_reached"] else "MISSED"
    return f"{text} {sums}  <= {one['calls_target']:<4g} {verdict}"


# ---- ping-pong


class Player:
    def __init__(self, side, path, timeout):
        words = command(side, path, "ping-pong", timeout)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(words, text=True, **pipes)
        self.process.stdout.readline()
        self.times = 100
        for _ in range(4):  # until it is warm, and what fork(2) shared is copied
            self.times = max(1, int(self.times * SLICE / self.play()))

    def play(self):
        print(self.times, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def end(self):
        self.process.communicate()


def ping_pong(path, timeout, rounds):
    name, most = PING_PONG[timeout]
    with run.only_on({min(run.os.sched_getaffinity(0))}):
        players = {side: Player(side, path, timeout) for side in SIDES}
        took = {side: [] for side in SIDES}
        for number in range(rounds):
            run.show_round(number, rounds)
            for side in SIDES[:: 1 if number % 2 else -1]:
                took[side].append(players[side].play() / players[side].times)
        run.show_round()
        for player in players.values():
            player.end()
    found = run.spread([a / b for a, b in zip(*(took[side] for side in SIDES), strict=True)])
    medians = {side: run.spread(took[side])[1] for side in SIDES}
    return {"name": name, "value": found[1], "spread": [found[0], found[2]], "rounds": rounds,
            "target": most, "reached": found[1] <= most, "medians": medians,
            "verdict": run.judged(at_most(most), found)}


def ping_pong_line(one):
    q1, q3 = one["spread"]
    both = "".join(f"{one['medians'][side] * 1e6:>6.1f} us" for side in SIDES)
    return (f"{one['name']:40}{both} {one['value']:>6.3f} <= {one['target']:<5.2f} "
            f"{one['verdict']:8} [{q1:.3f} {q3:.3f}] {one['rounds']} rounds")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=96)
    parser.add_argument("--only", default="", metavar="TEXT")
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    names = [name for name in OPERATIONS if args.only in name]
    played = [timeout for timeout, (name, _) in PING_PONG.items() if args.only in name]
    build.twins(with_csock=False)
    counts, times = [], []
    with certificate() as path:
        if names:
            counts = list(count(path, names))
            print(f"{'TLS, one run':40}{'csock':>9}{'stock':>9}  ratio    instructions "
                  f"{'csock':>8}{'stock':>8}  system calls")
            print("\n".join(map(count_line, counts)), flush=True)
        for timeout in played:
            times.append(ping_pong(path, timeout, args.rounds))
            print(ping_pong_line(times[-1]), flush=True)
    print(run.machine_line())
    if args.json:
        run.write_json(args.json, counts=counts, times=times)
    reached = [one["calls_reached"] and one.get("reached", True) for one in counts]
    return int(not all(reached))


if __name__ == "__main__":
    sys.exit(main())
