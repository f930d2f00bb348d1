#!/usr/bin/env python3
"""CPython's own test suites, unmodified, on the stock socket module and on csock, side by side.

For each Python: two throw-away virtual environments, csock built and put in place in one of them
(sides.py), each suite run on both, one side after the other (execute.py), and every test whose
outcome is not the same named (compare.py, exceptions.toml). README.md explains the table.

The status is 0 if nothing differs but what exceptions.toml allows, 1 if something does, and 77 if
nothing could be compared. Needs nothing but Python 3.11; to build csock, meson and ninja.
"""

import argparse
import os
import pathlib
import signal
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import compare
import execute
import pythons
import report
import sides

HERE = pathlib.Path(__file__).resolve().parent
NOT_COMPARED = 77
AGAIN = 2  # times that differing tests are run alone before they are named
TOO_MANY = 60  # differing tests that are no accident


@dataclass
class Result:
    """One suite on both sides."""

    suite: execute.Suite
    stock: execute.Outcome
    csock: execute.Outcome
    excepted: list = field(default_factory=list)
    unexplained: list = field(default_factory=list)
    settled: list = field(default_factory=list)

    @property
    def present(self):
        return self.stock.present or self.csock.present

    @property
    def found(self):
        return [*self.excepted, *self.unexplained]


@dataclass(frozen=True)
class Runs:
    """What all runs for one Python share."""

    sides: tuple
    folder: pathlib.Path
    isolate: bool
    env: dict

    def both(self, suite, label="", only=()):
        """The sides one after the other: tests that want a port of their own shall not meet."""
        more = {"label": label, "only": only, "isolate": self.isolate, "env": self.env}
        return [execute.run(side, suite, self.folder, **more) for side in self.sides]


def read_suites(names):
    """The suites of suites.toml, or those named."""
    tables = tomllib.loads((HERE / "suites.toml").read_text())
    unknown = [name for name in names if name not in tables]
    if unknown:
        sys.exit(f"conformance: not in suites.toml: {' '.join(unknown)}")
    made = [
        execute.Suite(name, **{k: tuple(v) if isinstance(v, list) else v for k, v in row.items()})
        for name, row in tables.items()
    ]
    return [suite for suite in made if not names or suite.name in names]


def settle(runs, result):
    """Run differing tests alone: what comes out the same then was an accident, and is said. Of a
    run that died, left traces, or started inner tests, all is run again."""
    for number in range(1, AGAIN + 1):
        if not 0 < len(result.unexplained) <= TOO_MANY:
            return
        names = {d.test for d in result.unexplained}
        whole = result.suite.inner or execute.WHOLE in names
        only = () if whole else sorted({pattern(name) for name in names})
        pair = runs.both(result.suite, f"-again{number}", only)
        still = {d.test for d in compare.differences(*pair)}
        if execute.WHOLE not in still:
            result.settled += [d for d in result.unexplained if d.test not in still]
            result.unexplained = [d for d in result.unexplained if d.test in still]


def pattern(test):
    """What `python -m test -m` takes for a test; for a fixture's failure, its whole class."""
    test = test.split("#")[0]
    place, _, method = test.rpartition(".")
    fixture = method in ("setUpClass", "tearDownClass", "setUpModule", "tearDownModule")
    return f"{place}.*" if fixture else test


def run_python(python, suites, options):
    """All suites for one Python: their results."""
    folder = pathlib.Path(options.out) / python.version
    print(f"\npreparing Python {python.version} in {folder}", flush=True)
    env = dict(word.split("=", 1) for word in options.env)
    made = sides.make(python, folder, env, options.site, options.control)
    logs = folder / "logs"
    logs.mkdir(exist_ok=True)
    isolate = options.isolate and execute.may_isolate()
    if not isolate:
        print("no network namespaces: runs share this machine's network")
    runs = Runs(made, logs, isolate, env)

    def one(suite):
        result = Result(suite, *runs.both(suite))
        found = compare.differences(result.stock, result.csock)
        result.excepted, result.unexplained = compare.excepted(
            found, options.exceptions, python.version
        )
        report.print_progress(python.version, result)
        return result

    longest_first = sorted(suites, key=lambda suite: -suite.limit)
    with ThreadPoolExecutor(options.jobs) as pool:
        results = {r.suite.name: r for r in pool.map(one, longest_first)}
    ordered = [results[suite.name] for suite in suites]
    for result in ordered:
        settle(runs, result)
    return ordered


def judge(python, results, options):
    """Print and write what came out; whether all of it is explained."""
    report.print_table(python, results)
    stale = []
    for result in results:
        ran = [*result.stock.tests, *result.csock.tests]
        stale += compare.not_needed(options.exceptions, python.version, ran, result.found)
    for entry in stale:
        print(f"NOT NEEDED  exceptions.toml: {entry.test} does not differ on {python.version}")
    data = report.as_data(python, results, stale)
    report.write(pathlib.Path(options.out) / python.version / "results.json", data)
    return data, not stale and not any(result.unexplained for result in results)


def usable(found, site):
    """The Pythons that can be tested; what others lack is said loudly."""
    for python in found:
        missing = []
        if not python.suite:
            missing.append("CPython's tests (Debian: libpython3.X-testsuite)")
        if not python.headers and not site:
            missing.append("Python.h (Debian: python3.X-dev)")
        if missing:
            place = f"Python {python.version} ({python.executable})"
            print(f"SKIPPED  {place}: no {', no '.join(missing)}")
        else:
            yield python


def words(text):
    return text.replace(",", " ").split()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add = parser.add_argument
    add("--pythons", type=words, default=[], help='versions: "3.11 3.13.0"; default: all found')
    add("--python", help="the path of one interpreter, instead of looking for them")
    add("--suites", type=words, default=[], help="test_socket,test_ssl; default: all")
    add("--site", type=os.path.abspath, help="a folder with csock built for that Python")
    add("--jobs", type=int, default=os.cpu_count(), help="suites that run beside each other")
    add("--out", type=os.path.abspath, default="build/conformance", help="logs and results go here")
    add("--env", action="append", default=[], metavar="NAME=VALUE", help="for the tests")
    add("--no-isolate", dest="isolate", action="store_false", help="no network namespaces")
    add("--vsock", action="store_true", help="the VSOCK tests too: the kernel has its loopback")
    add("--patience", type=int, default=1, metavar="N", help="limits of time N times as long")
    add("--control", action="store_true", help="both sides stock: what differs is the machine's")
    return parser.parse_args()


def chosen(options):
    """The Pythons to look at."""
    if options.python:
        python = pythons.ask(options.python)
        return [python] if python else sys.exit(f"conformance: {options.python} does not run")
    found, missing = pythons.chosen(options.pythons)
    for word in missing:
        print(f"SKIPPED  Python {word}: there is none here")
    return found


def hear_signals():
    """A signal that is ignored here (a shell's background, nohup) stays so in the tests, of which
    some send it to themselves. One that has a handler does not."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def main():
    options = arguments()
    hear_signals()
    options.exceptions = compare.read_exceptions(HERE / "exceptions.toml")
    if options.vsock:
        execute.NEVER.clear()
    suites = [
        replace(suite, limit=suite.limit * options.patience)
        for suite in read_suites(options.suites)
    ]
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    everything, fine = [], True
    for python in usable(chosen(options), options.site):
        try:
            results = run_python(python, suites, options)
        except sides.NotReady as why:
            print(f"FAILED  Python {python.version}: {why}")
            fine = False
            continue
        data, good = judge(python, results, options)
        everything.append(data)
        fine = fine and good
    report.write(out / "results.json", {"equal": fine, "pythons": everything})
    if not everything and fine:
        print("conformance: SKIPPED, no Python here has CPython's tests")
        sys.exit(NOT_COMPARED)
    print("\nconformance: equal" if fine else "\nconformance: DIFFERENCES")
    sys.exit(not fine)


if __name__ == "__main__":
    main()
