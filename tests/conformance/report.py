"""What a person sees, and what a program reads: the table, the differences, the JSON file."""

import json
from dataclasses import asdict

COUNTS = ("passed", "failed", "skipped")
NUMBERS = f"{'passed':>7}{'failed':>7}{'skipped':>8}"
HEAD = f"{'suite':32}{'stock':^22}{'csock':^22}{'seconds':^14}"
UNDER = f"{'':32}{NUMBERS}{NUMBERS}"
MANY = 60  # differences of one suite that are all printed; the JSON file has the others, too


def counts(outcome):
    passed, failed, skipped = (outcome.count(kind) for kind in COUNTS)
    return f"{passed:7}{failed:7}{skipped:8}"


def row(result):
    """A suite's line of the table."""
    if not result.present:
        return f"{result.suite.name:32}not in this Python"
    seconds = f"{result.stock.seconds:6.0f} +{result.csock.seconds:4.0f} "
    name = result.suite.name
    return f"{name:32}{counts(result.stock)}{counts(result.csock)}{seconds:>14}  {verdict(result)}"


def verdict(result):
    words = []
    if result.unexplained:
        words.append(f"{len(result.unexplained)} DIFFER")
    if result.excepted:
        words.append(f"{len(result.excepted)} excepted")
    if not result.unexplained and not result.excepted:
        words.append("equal")
    if result.settled:
        words.append(f"{len(result.settled)} settled when run again")
    return ", ".join(words)


def print_progress(version, result):
    if result.present:
        pair = " | ".join("/".join(map(str, figures(o).values())) for o in sides(result))
        print(f"{version:8} {result.suite.name:32} stock | csock: {pair}", flush=True)


def print_table(python, results):
    print(f"\nPython {python.version} ({python.executable})\n{HEAD}\n{UNDER}")
    for result in results:
        print(row(result))
    for result in results:
        print_differences(result)


def print_differences(result):
    for title, found in (
        ("DIFFERS", result.unexplained[:MANY]),
        ("excepted", result.excepted),
        ("settled", result.settled),
    ):
        for d in found:
            print(f"{title}  {d.test}: stock {d.stock}, csock {d.csock}  {d.reason}".rstrip())
    if len(result.unexplained) > MANY:
        print(f"DIFFERS  {len(result.unexplained) - MANY} more of {result.suite.name}")
    if result.settled:
        print(f"         settled: the same on both sides when run again alone, {result.suite.name}")
    if result.unexplained:
        print(f"         logs: {result.stock.log} {result.csock.log}")


def sides(result):
    return result.stock, result.csock


def figures(outcome):
    return {kind: outcome.count(kind) for kind in COUNTS}


def as_data(python, results, stale):
    """A Python's results, for the JSON file."""
    suites = {}
    for result in results:
        suites[result.suite.name] = {
            "present": result.present,
            **{
                name: {**figures(o), "seconds": round(o.seconds, 1), "log": o.log, "tests": o.tests}
                for name, o in zip(("stock", "csock"), sides(result), strict=True)
            },
            "differ": [asdict(d) for d in result.unexplained],
            "excepted": [asdict(d) for d in result.excepted],
            "settled": [asdict(d) for d in result.settled],
        }
    return {
        "version": python.version,
        "executable": python.executable,
        "suites": suites,
        "exceptions not needed": [e.test for e in stale],
    }


def write(path, data):
    path.write_text(json.dumps(data, indent=1) + "\n")
