"""The table of what csock is to reach, row by row, with verdicts: `make bench`.

    python bench/table.py [--rounds N] [--only ROW,ROW] [--json FILE] [--cpu]

Everything is measured in this one run, implementations by turns (run.py has the method). --cpu
times statements by the thread's processor time, for machines that are busy with other things.
"""

import argparse
import importlib
import os
import shutil
import socket
import statistics
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path

import build
import counts
import ops
import run
import workloads

# Of a workload, which takes up to seconds; even numbers, so that each side is first as often.
ROUNDS = 16


@dataclass
class Row:
    """One line of the table. ratio: over/under of an operation, or csock/stock of a figure."""

    number: int
    work: str
    target: str
    reached: object  # takes the figure, says whether it is good enough
    op: str = ""
    over: str = "csock"
    under: str = "stock"
    workload: object = None
    rounds: int = ROUNDS
    alone: bool = False  # csock only, the figure itself and no ratio
    speed: bool = False  # the ratio of speeds, that is stock's time over csock's
    unit: str = "x"
    found: dict = field(default_factory=dict)


def at_most(limit):
    return lambda value: value <= limit


def at_least(limit):
    return lambda value: value >= limit


def faster(number, work, op, times):
    return Row(number, work, f">= {times} x stock", at_least(times), op=op, speed=True)


def workload(number, work, target, reached, function, **more):
    return Row(number, work, target, reached, workload=function, **more)


SEND_RECV = "send + recv, 1 byte"
CORE_OPS = {
    SEND_RECV: "send + recv, 1 byte",
    "UDP sendto + recvfrom, 1200 B": "UDP sendto + recvfrom",
    "socket + close": "socket + close",
    "connect + accept + close": "connect + accept + close",
}
ROWS = [
    workload(1, "reads of ready data beside a computing thread", ">= 100 x stock", at_least(100),
             workloads.reads_beside_busy),
    workload(2, "sends beside a computing thread", ">= 100 x stock", at_least(100),
             workloads.sends_beside_busy),
    workload(3, "echo thread beside a computing thread", ">= 1.8 x stock", at_least(1.8),
             workloads.echo_beside_busy),
    workload(3, "echo thread beside one that always reads", ">= 0.97 x stock", at_least(0.97),
             workloads.echo_beside_reader),
    Row(4, SEND_RECV, "<= 1.04 x bare", at_most(1.04), op=SEND_RECV, under="bare"),
    Row(5, "the same with a timeout", "<= 1.04 x bare", at_most(1.04),
        op="send + recv, with a timeout", under="bare"),
    Row(6, "recv(1 MiB) that gets 1 byte", "<= 1.06 x bare recv(1)", at_most(1.06),
        op="recv(1 MiB) of 1 byte", under="bare"),
    Row(6, "recv(65536) that gets 1 byte", "<= 1.06 x bare recv(1)", at_most(1.06),
        op="recv(65536) of 1 byte", under="bare"),
    workload(7, "bulk: recv(1 MiB) over TCP", ">= stock", at_least(1), workloads.bulk),
    workload(7, "bulk: recv_into over TCP", ">= stock", at_least(1), workloads.bulk_into),
    workload(7, "bulk: recv(1 MiB), against raw C", ">= 0.95 x raw", at_least(0.95),
             workloads.bulk, under="raw"),
    workload(7, "bulk: recv_into, against raw C", ">= 0.95 x raw", at_least(0.95),
             workloads.bulk_into, under="raw"),
    Row(8, "UDP sendto + recvfrom", "<= 1.20 x raw", at_most(1.20),
        op="UDP sendto + recvfrom, 1200 B", under="raw"),
    Row(8, "the same with a timeout", "<= 1.20 x raw", at_most(1.20),
        op="UDP the same, with a timeout", under="raw"),
    Row(9, "socket + close", "<= 1.05 x raw", at_most(1.05), op="socket + close", under="raw"),
    Row(9, "connect + accept + close", "<= 1.06 x raw", at_most(1.06),
        op="connect + accept + close", under="raw"),
    faster(10, "send + makefile readline", "send + readline", 1.25),
    faster(10, "64 KiB body by read(n) over TCP", "body of 64 KiB by read(n)", 1.0),
    faster(11, "makefile('rwb') + close, time", "makefile('rwb') + close", 1.3),
    Row(11, "the same, memory", "<= stock", at_most(1), op="memory with makefile('rwb')"),
    faster(12, "getaddrinfo of an IP literal", "getaddrinfo, literal", 3),
    faster(13, "getsockname", "getsockname", 1.2),
    faster(13, "getpeername", "getpeername", 1.2),
    faster(13, "inet_pton", "inet_pton", 1.2),
    faster(13, "inet_ntop", "inet_ntop", 1.2),
    faster(13, "fileno", "fileno", 0.97),
    faster(13, "htonl", "htonl", 0.97),
    faster(13, "getsockopt", "getsockopt", 0.97),
    workload(14, "import, fresh process, -I -S", "<= 0.70 x stock", at_most(0.70),
             workloads.import_time, rounds=40),
    Row(15, "ping-pong on one processor", "<= 1.03 x stock", at_most(1.03),
        op="ping-pong, one processor"),
    Row(15, "the same with a timeout", "<= 0.90 x stock", at_most(0.90),
        op="ping-pong, with a timeout"),
    workload(16, "8 processes blocking in accept", ">= 0.97 x stock", at_least(0.97),
             workloads.acceptors),
    workload(17, "1,000 blocked threads: wake-up", "<= 1.03 x stock", at_most(1.03),
             workloads.wake_one_of_many),
    workload(17, "1,000 blocked threads: memory", "<= 1.03 x stock", at_most(1.03),
             workloads.memory_of_many),
    workload(17, "blocked threads: descriptors", "none more", at_most(0),
             workloads.descriptors_of_many, alone=True, rounds=1, unit=""),
    workload(18, "close() wakes 1,000 threads on one socket", "< 150 ms", at_most(0.15),
             workloads.close_wakes, alone=True, unit="s"),
    workload(18, "1,000 close() on 1,000 sockets", "< 300 ms", at_most(0.3),
             workloads.close_wakes_each, alone=True, unit="s"),
    faster(22, "Reader.readline of 64 B, to makefile's", "Reader, 100 x readline", 1.1),
    faster(22, "readexactly(4) and (100), to makefile.read", "Reader, 100 x (4 + 100 B)", 1.1),
    faster(22, "the same, to a loop around recv", "Reader, against a recv loop", 5),
    *(Row(20, f"C library, {work}", "<= 1.02 x raw", at_most(1.02), op=name, over="core",
          under="raw") for name, work in CORE_OPS.items()),
]
# Where Python has no GIL, threads run beside each other, and only there.
if sysconfig.get_config_var("Py_GIL_DISABLED"):
    ROWS += [
        workload(21, "one thread: send + recv", ">= stock", at_least(1), workloads.one_at_work),
        workload(21, "two threads, a pair each", ">= stock", at_least(1), workloads.two_at_work),
        workload(21, "two threads against one", ">= 0.95 x stock's", at_least(0.95),
                 workloads.two_for_one),
    ]


def measure_ops(rows, modules, rounds):
    """Fills the rows that compare an operation: between the modules, or two twins in C, which have
    little to tell apart and take their turns on one processor, more often and for shorter."""
    processor = {max(os.sched_getaffinity(0))}
    fill([row for row in rows if row.over != "core"], modules, rounds, 3e6)
    with run.only_on(processor):
        fill([row for row in rows if row.over == "core"], {}, 8 * rounds, 1e6)


def fill(rows, modules, rounds, slice_ns):
    names = {name for row in rows for name in (row.op, row.under)}
    chosen = [op for op in ops.OPERATIONS if op.name in names]
    if not any(row.op for row in rows):
        return
    benches = {op.name: run.Bench(op, modules, build.twins()) for op in chosen}
    run.measure(list(benches.values()), rounds, slice_ns)
    for row in rows:
        if row.op:
            row.found = ratio(row, benches)


def ratio(row, benches):
    over, under = (row.under, row.over) if row.speed else (row.over, row.under)
    q1, median, q3 = benches[row.op].ratio(over, under)
    samples = benches[row.op].samples
    return {"value": median, "spread": [q1, q3], "rounds": len(samples[row.over]),
            "medians": {side: statistics.median(s.values()) for side, s in samples.items()}}


# csock remembers a socket's newest address; another one has to be converted.
CONVERSIONS = {
    "sendto, the newest address, instructions": ("UDP sendto", 1),
    "sendto, another address, instructions": ("UDP sendto, two in turn", 2),
}


def counted_line(number, work, target, value, reached, cost):
    """A line of instructions, which are the same on a busy machine: no quartiles."""
    sides = ", ".join(f"{side} {count:,.0f}" for side, count in cost.items())
    return (f"{number:>2}  {work:42} {target:24} {value:>8.3f} {'':19}  "
            f"{'ok' if reached(value) else 'MISSED':7} {sides}")


def conversion_lines(reports):
    """What an address costs in sendto: how much more a call takes than a send without one."""
    of = {one["name"]: one["instructions"] for one in reports}
    for work, (name, times) in CONVERSIONS.items():
        cost = {side: of[name][side] / times - of["UDP send"][side] for side in ("csock", "stock")}
        value = cost["stock"] / max(1, cost["csock"])
        yield counted_line(12, work, ">= 3 x stock", value, at_least(3), cost)


def import_line(modules):
    """Row 14 in instructions."""
    cost = counts.import_instructions({side: workloads.import_of(m) for side, m in modules.items()})
    return counted_line(14, "the same, instructions", "<= 0.70 x stock",
                        cost["csock"] / cost["stock"], at_most(0.70), cost)


def core_lines(reports):
    """What the library's own code adds, outside the kernel, to the system calls of an operation.
    There is no target for it: beside the few instructions of raw C, any code is a multiple."""
    for one in reports:
        of, work = one["instructions"], CORE_OPS.get(one["name"])
        if work and "core" in of:
            yield (f"20  {'C library, ' + work:42} {'(no target)':24} {of['core'] - of['raw']:>8} "
                   f"{'':19}  {'':7} instructions outside the kernel: core {of['core']}; "
                   f"no target, as raw C has some {of['raw']}, of which all is a multiple")


def measure_workload(row, modules):
    sides = {"csock": modules["csock"]}
    if not row.alone:
        sides[row.under] = modules["stock"] if row.under == "stock" else None
    samples = {side: [] for side in sides}
    for number in range(row.rounds):
        for side in list(sides)[:: 1 if number % 2 else -1]:
            function = workloads.bulk if sides[side] is None else row.workload
            samples[side].append(function(sides[side]))
    first = samples["csock"]
    values = first if row.alone else [a / b for a, b in zip(first, samples[row.under], strict=True)]
    q1, median, q3 = run.spread(values)
    row.found = {"value": median, "spread": [q1, q3], "rounds": row.rounds,
                 "medians": {side: statistics.median(s) for side, s in samples.items()}}


def verdict(row):
    q1, q3 = row.found["spread"]
    return run.judged(row.reached, (q1, row.found["value"], q3))


def line(row):
    found = row.found
    q1, q3 = found["spread"]
    medians = ", ".join(f"{side} {value:,.4g}" for side, value in found["medians"].items())
    return (f"{row.number:>2}  {row.work:42} {row.target:24} {found['value']:>8.3f} "
            f"[{q1:.3f} {q3:.3f}] {found['rounds']:>3}  {verdict(row):7} {medians}")


def count_line(reports):
    """How many operations need no more than stock, and each that does: missed or allowed."""
    more = [one for one in reports if one["missed"] or one["allowed"]]
    words = ["MISSED" if any(one["missed"] for one in more) else "ok"]
    words += [f"{one['name']}: {counts.remark(one)}" for one in more]
    return (f"19  {'counts on ready data, each operation':42} {'<= stock':24} "
            f"{len(reports) - len(more):>4} of {len(reports)} operations   {'; '.join(words)}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=96)
    parser.add_argument("--only", default="", metavar="ROWS", help="numbers, with commas")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--cpu", action="store_true", help="processor time instead of the wall's")
    return parser.parse_args()


def main():
    args = arguments()
    wanted = {int(number) for number in args.only.split(",") if number}
    wanted = wanted or {19, *(row.number for row in ROWS)}
    rows = [row for row in ROWS if row.number in wanted]
    build.twins()
    build.bare()
    ops.use_cpu_clock(args.cpu)
    modules = {"csock": importlib.import_module("csock.dropin"), "stock": socket}
    print(f"{'':3} {'work':42} {'target':24} {'median':>8} [quartiles] rounds  verdict, medians")
    measure_ops(rows, modules, args.rounds)
    for row in rows:
        if row.workload:
            measure_workload(row, modules)
        print(line(row), flush=True)
    if 14 in wanted and shutil.which("valgrind"):
        print(import_line(modules), flush=True)
    reports = []
    if 19 in wanted and shutil.which("valgrind") and shutil.which("strace"):
        reports = list(counts.measure())
        print("\n".join(conversion_lines(reports)))
        print(count_line(reports))
        print("\n".join(core_lines(reports)))
    elif 19 in wanted:
        print("19  counts: not measured, for want of valgrind or strace")
    print(run.machine_line())
    if args.json:
        run.write_json(args.json, cpu_clock=args.cpu, counts=reports, rows=[
            {"number": row.number, "work": row.work, "target": row.target,
             "reached": row.reached(row.found["value"]), "verdict": verdict(row), **row.found}
            for row in rows])


if __name__ == "__main__":
    sys.exit(main())
