#!/usr/bin/env python3
"""csock on other compilers, C libraries, machines and Pythons, row after row, and a table.

matrix.py [--list] [--json FILE] [row...]    all rows, if none is named

Each row is a command of this house that runs suites of tools/run_tests.py somewhere: see --list.
What a row does not run shows as "-", with the reason beneath the table. build/matrix has a log for
each cell, and one of the set-up before it.

The status is 1 if a test failed or a row broke, else 77 if a row could not be had here (no network,
no root, no such tool), else 0.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import platform
import re
import shlex
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
LOGS = ROOT / "build" / "matrix"
COLUMNS = {"lint": "lint", "c": "C tests", "py": "Python tests"}
LEFT_OUT = 77  # a script's status when this machine lacks something

# Why a row does not run what others do.
LINT = "lint reads sources, and the symbols of one build: the rows gcc and 3.x"
NO_EXTENSION = "the C library alone: {} is not to be had from Debian"
NO_C = "the C library knows no Python: the row gcc"


@dataclasses.dataclass
class Row:
    """What it stands for, the command, where that leaves run_tests.py's results, and the reason for
    each column that it does not run."""

    what: str
    command: list
    results: str
    missing: dict = dataclasses.field(default_factory=dict)
    env: dict = dataclasses.field(default_factory=dict)

    def shown(self):
        """For the shell."""
        return " ".join([*(f"{k}={v}" for k, v in self.env.items()), shlex.join(self.command)])


def on_host(what, suites, missing):
    results = f"build/matrix/{suites[-1]}.json"
    command = ["make", "-s", "test", f"SUITES={' '.join(suites)}", f"JSON={results}"]
    return Row(what, command, results, missing)


def other_build(way, what, python):
    script = "tests/lab/other-builds.sh"
    missing = {"lint": LINT, "py": NO_EXTENSION.format(python)}
    results = f"build/other-builds/{way}/tests.json"
    return Row(what, ["sh", "-c", f"make -s setup-test && {script} {way}"], results, missing)


def debian(suite, version, what):
    command = ["tests/lab/debian.sh", suite, "lint", "c", "py"]
    results = f"build/debian/{suite}/tests-{version}.json"
    return Row(what, command, results, env={"PYTHONS": version})


def emulated(machine, what):
    command = ["tests/lab/other-machine.sh", machine]
    return Row(what, command, f"build/other-machine/{machine}/tests.json", {"lint": LINT})


ROWS = {
    "gcc": on_host("this machine: its gcc, its Python", ["lint", "c", "py"], {}),
    "clang": on_host(
        "this machine: core and extension by clang", ["c-clang", "py-clang"], {"lint": LINT}
    ),
    "m32": other_build("m32", "gcc -m32", "a 32-bit Python beside another; the row i386 has one,"),
    "m32-clang": other_build("m32-clang", "clang -m32", "a 32-bit Python beside another"),
    "musl": other_build("musl", "musl-gcc", "a Python for musl"),
    "i386": Row(
        "Debian 12 for i386, with 32 bits of time_t",
        ["tests/lab/debian.sh", "bookworm/i386", "c", "py"],
        "build/debian/bookworm-i386/tests-3.11.json",
        {"lint": LINT},
    ),
    "3.11": debian("bookworm", "3.11", "Debian 12"),
    "3.12": debian("noble", "3.12", "Ubuntu 24.04"),
    "3.13": debian("trixie", "3.13", "Debian 13"),
    "3.14": debian("sid", "3.14", "Debian sid"),
    "3.15": debian("sid", "3.15", "Debian sid"),
    "3.13t": Row(
        "CPython without a GIL, built here",
        ["tests/lab/free-threaded.sh", "py"],
        "build/free-threaded/tests.json",
        {"lint": LINT, "c": NO_C},
    ),
    "aarch64": emulated("aarch64", "Debian 12 for arm64, emulated by qemu-user"),
    "s390x": emulated("s390x", "Debian 12 for s390x, big-endian, emulated by qemu-user"),
}


@dataclasses.dataclass
class Outcome:
    """Of one row: counts by column, or the reason why there are none."""

    cells: dict
    seconds: float
    about: dict = dataclasses.field(default_factory=dict)
    left_out: str = ""

    @property
    def failed(self):
        return any(cell["failed"] for cell in self.cells.values())


def column(suite):
    return suite.partition("-")[0]


def follow(lines, name):
    """Writes what a row prints to a log for each cell, by run_tests.py's headings; the last line
    of all that came before the first heading, or after the suites."""
    last, log = "", open(LOGS / f"{name}-setup.log", "w")
    for line in lines:
        heading = re.fullmatch(r"===== (\S+)\n", line)
        if heading:
            log.close()
            part = heading[1] if heading[1] == "summary" else column(heading[1])
            log = open(LOGS / f"{name}-{part}.log", "w")
        log.write(line)
        log.flush()
        last = line.strip() or last
    log.close()
    return last


def run(name, row):
    """Runs a row; a row without results is a failure, unless its script says what is lacking."""
    for log in LOGS.glob(f"{name}-*.log"):
        log.unlink()
    (ROOT / row.results).unlink(missing_ok=True)
    start = time.monotonic()
    process = subprocess.Popen(
        row.command, cwd=ROOT, env=os.environ | row.env, text=True, errors="replace",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    with process:
        last = follow(process.stdout, name)
    seconds = time.monotonic() - start
    if process.returncode == LEFT_OUT:
        return Outcome({}, seconds, left_out=last)
    return judged(row, process.returncode, seconds)


def judged(row, status, seconds):
    """What a row's results say, together with the status of its command."""
    try:
        found = json.loads((ROOT / row.results).read_text())
    except (OSError, ValueError):
        found = {"about": {}, "suites": {}}
    cells = {column(suite): counts for suite, counts in found["suites"].items()}
    outcome = Outcome(cells, seconds, found["about"])
    broken = {"failed": 1, "failures": [f"the command ended with {status}"]}
    wanted = [name for name in COLUMNS if name not in row.missing]
    for name in wanted:
        if name not in cells:
            cells[name] = {"passed": 0, "skipped": 0, "skips": []} | broken
    if status != 0 and not outcome.failed:  # it broke after its tests
        cells[wanted[-1]] |= broken
    return outcome


def cell_text(outcome, row, name):
    if outcome.left_out:
        return "left out"
    if name in row.missing:
        return "-"
    counts = outcome.cells[name]
    if name == "lint":
        return "FAILED" if counts["failed"] else "ok"
    return "{passed}/{failed}/{skipped}".format(**counts)


def table(outcomes):
    """The table and what belongs beneath it, as lines."""
    head = ["row", *COLUMNS.values(), "time", "what"]
    lines = [head]
    for name, outcome in outcomes.items():
        cells = [cell_text(outcome, ROWS[name], column) for column in COLUMNS]
        lines.append([name, *cells, f"{outcome.seconds / 60:.1f} min", described(name, outcome)])
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    yield from ("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
    yield "passed/failed/skipped"
    yield from reasons(outcomes)
    for name, outcome in outcomes.items():
        for column, counts in outcome.cells.items():
            yield from (f"FAILED  {name}: {column}: {text}" for text in counts["failures"])


def described(name, outcome):
    about = outcome.about
    if not about:
        return ROWS[name].what
    gil = "" if about["gil"] else " without a GIL"
    return f"{ROWS[name].what} ({about['compiler']}; {about['python']}{gil})"


def reasons(outcomes):
    """Each once, with the rows that it is true of."""
    found = {}
    for name, outcome in outcomes.items():
        if outcome.left_out:
            found.setdefault(f"left out: {outcome.left_out}", []).append(name)
            continue
        for column, why in ROWS[name].missing.items():
            found.setdefault(f"no {COLUMNS[column]}: {why}", []).append(name)
    yield from (f"{', '.join(names)}: {why}" for why, names in found.items())


def chosen(names):
    """The rows of these names; without names all but the Debian that this machine is."""
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        sys.exit(f"no such row: {', '.join(unknown)} (matrix.py --list)")
    own = f"build/debian/{platform.freedesktop_os_release().get('VERSION_CODENAME')}/"
    return names or [name for name, row in ROWS.items() if not row.results.startswith(own)]


def main():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("rows", nargs="*")
    parser.add_argument("--list", "--help", "-l", "-h", action="store_true")
    parser.add_argument("--json", type=pathlib.Path)
    given = parser.parse_args()
    if given.list:
        print(__doc__)
        for name, row in ROWS.items():
            print(f"{name:10} {row.what}: {row.shown()}")
        return
    LOGS.mkdir(parents=True, exist_ok=True)
    outcomes = {}
    for name in chosen(given.rows):
        print(f"matrix: {name}", flush=True)
        outcomes[name] = run(name, ROWS[name])
    print("\n".join(["", *table(outcomes)]))
    if given.json:
        rows = {name: dataclasses.asdict(outcome) for name, outcome in outcomes.items()}
        given.json.write_text(json.dumps(rows, indent=1))
    left_out = any(outcome.left_out for outcome in outcomes.values())
    failed = any(outcome.failed for outcome in outcomes.values())
    sys.exit(1 if failed else LEFT_OUT if left_out else 0)


if __name__ == "__main__":
    main()
