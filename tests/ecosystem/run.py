#!/usr/bin/env python3
"""Other people's programs and suites on the stock socket module and on csock: the same outcome?

run.py [name...]    by default all; names are those of the table, or their beginnings

Every scenario runs twice, in a process, and as root in a network, mount and process namespace, of
its own: scn_<name>.py with a transcript, and suite:<name> (see suites.py) with an outcome per test.
The table says what came out and whether it was the same; differences follow it. All of it stands
in build/ecosystem/results.json, the transcripts in build/ecosystem/out. Status 0: all the same, and
every scenario as it should be on both sides.

Runs inside build/venv: see the Makefile.
"""

import contextlib
import difflib
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import time

import sides
import suites

HERE = pathlib.Path(__file__).resolve().parent
OUT = sides.HOME / "out"
LIMIT = 600  # seconds for one run
AGAIN = 2  # times that tests of suites which differ are run again
MOST_AGAIN = 20  # more than so many are no chance

# A network in which there is nothing but us, whose name server refuses; when the shell ends, the
# kernel ends all that it has left.
ALONE = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
ALONE_SETUP = """\
ip link set lo up
if [ -e /etc/resolv.conf ]; then mount --bind "$1" /etc/resolv.conf; fi
mount --bind "$2" /etc/hosts
shift 2
"$@"
"""
HOSTS = "127.0.0.1 localhost\n::1 localhost ip6-localhost\n127.0.0.1 {host}\n"


def can_be_alone():
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    return subprocess.run([*ALONE, "true"], capture_output=True).returncode == 0


class Runner:
    def __init__(self):
        self.pythons = sides.ready()
        self.alone = can_be_alone()
        if not self.alone:
            print("ecosystem: no namespaces of our own without root: some scenarios are skipped")
        OUT.mkdir(parents=True, exist_ok=True)

    def environment(self, side, folder):
        keep = {key: os.environ[key] for key in ("HOME", "TERM", "USER") if key in os.environ}
        return keep | {
            "ECOSYSTEM_SIDE": side,
            "ECOSYSTEM_ALONE": str(int(self.alone)),
            "LC_ALL": "C.UTF-8",
            "PATH": f"{self.pythons[side].parent}:/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": str(HERE),
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": folder,
        }

    def command(self, words, folder):
        words = ["timeout", "--kill-after=10", str(LIMIT), *map(str, words)]
        if not self.alone:
            return words
        resolv, hosts = pathlib.Path(folder, "resolv.conf"), pathlib.Path(folder, "hosts")
        resolv.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        hosts.write_text(HOSTS.format(host=platform.node()))
        return [*ALONE, "sh", "-euc", ALONE_SETUP, "sh", str(resolv), str(hosts), *words]

    def run(self, name, side, words, **popen):
        """Runs it on this side; returns status, output and seconds."""
        with tempfile.TemporaryDirectory(prefix="eco-") as folder:
            os.chmod(folder, 0o755)
            env = self.environment(side, folder) | popen.pop("env", {})
            start = time.monotonic()
            done = subprocess.run(
                self.command([self.pythons[side], *words], folder),
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                **popen,
            )
            seconds = time.monotonic() - start
            with contextlib.suppress(OSError):
                shutil.rmtree(folder)
            os.makedirs(folder, exist_ok=True)
        out, err = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
        (OUT / f"{name}.{side}.out").write_text(out)
        (OUT / f"{name}.{side}.err").write_text(err)
        return done.returncode, out, err, seconds


STATUS = {0: "ok", 77: "skipped", 99: "VOID", 124: "hangs", 137: "hangs"}


def run_scenario(runner, name):
    """One row of the table: a script that prints what came out."""
    row, lines = {"name": name}, {}
    for side in sides.SIDES:
        status, out, err, seconds = runner.run(name, side, [HERE / f"scn_{name}.py"])
        # What begins with "# " is for the reader, such as a rate, and not compared; nor is what
        # only csock can do, "+ ".
        told = [line for line in out.splitlines() if not line.startswith("# ")]
        lines[side] = [line for line in told if not line.startswith("+ ")]
        steps = sum(": " in line for line in told)
        word = STATUS.get(status, "fails")
        row[side] = f"{word}, {steps} steps"
        row[f"{side}_seconds"] = round(seconds, 1)
        row[f"{side}_status"] = status
        row[f"{side}_err"] = err[-4000:] if status else ""
        row[f"{side}_notes"] = [line for line in out.splitlines() if line.startswith("# ")]
    diff = difflib.unified_diff(lines["stock"], lines["csock"], "stock", "csock", lineterm="", n=1)
    row["diff"] = list(diff)
    statuses = {row[f"{side}_status"] for side in sides.SIDES}
    row["same"] = not row["diff"] and len(statuses) == 1
    row["good"] = row["same"] and statuses <= {0, 77}
    row["skipped"] = statuses == {77}
    return row


def suite_cases(runner, name, row, only=()):
    """Runs the suite, or the functions `only`, on both sides; the row gets to know how it went."""
    cases = {}
    for side in sides.SIDES:
        report = OUT / f"suite-{name}.{side}{'.again' if only else ''}.xml"
        words, more = suites.command(name, report, only)
        status, out, err, seconds = runner.run(report.stem.rpartition(f".{side}")[0], side, words,
                                               **more)
        cases[side] = suites.outcomes(report, out)
        row[side] = suites.counts(cases[side]) if status in suites.NORMAL else STATUS.get(
            status, f"status {status}")
        row[f"{side}_seconds"] = round(seconds, 1)
        row[f"{side}_status"] = status
        row[f"{side}_err"] = (out + err)[-4000:] if status not in suites.NORMAL else ""
    return cases


def run_suite(runner, name):
    """One row of the table. Tests that differ run again, they alone, up to twice: many suites have
    some whose outcome is now and then chance. What then agrees is said to have settled."""
    row = {"name": f"suite:{name}", "skipped": False, "settled": []}
    cases = suite_cases(runner, name, row)
    differing = suites.differences(name, cases)
    for _ in range(AGAIN):
        if not 0 < len(differing) <= MOST_AGAIN:
            break
        again = suite_cases(runner, name, {}, suites.functions(differing))
        gone = [test for test in differing if suites.settled(name, test, again)]
        row["settled"] += [f"{test}: {' and '.join(differing.pop(test))}" for test in gone]
    row["diff"] = [f"{t}: {a} on stock, {b} on csock" for t, (a, b) in differing.items()]
    row["by_design"] = suites.designed(name, cases)
    statuses = [row[f"{side}_status"] for side in sides.SIDES]
    row["same"] = not row["diff"]
    row["good"] = row["same"] and set(statuses) <= suites.NORMAL and suites.enough(cases["stock"])
    return row


def show(row):
    same = "same" if row["same"] else "DIFFERS"
    if row["skipped"]:
        same = "skipped on both"
    elif row["same"] and not row["good"]:
        same = "same, but NOT GOOD"
    times = f"{row['stock_seconds']:5.1f} s {row['csock_seconds']:5.1f} s"
    print(f"{row['name']:18} {row['stock']:28} {row['csock']:28} {times}  {same}", flush=True)
    for line in row.get("settled", ()):
        print(f"{'':18} settled when run again: {line}", flush=True)
    for test in row.get("by_design", ()):
        print(f"{'':18} fails on csock, as docs/differences.md says: {test}", flush=True)


def show_trouble(row):
    print(f"\n{row['name']}:")
    for line in row["diff"][:60]:
        print(f"    {line}")
    for side in sides.SIDES:
        if row[f"{side}_err"]:
            print(f"  {side}, end of what it said:")
            for line in row[f"{side}_err"].splitlines()[-25:]:
                print(f"    {line}")


def wanted(names):
    everything = [path.stem[4:] for path in sorted(HERE.glob("scn_*.py"))]
    everything += [f"suite:{name}" for name in suites.SUITES]
    if not names:
        return everything
    chosen = [
        one for one in everything if any(one.startswith((n, f"suite:{n}")) for n in names)
    ]
    for name in names:
        if not any(one.startswith((name, f"suite:{name}")) for one in chosen):
            sys.exit(f"ecosystem: nothing begins with {name!r}; there are: {' '.join(everything)}")
    return chosen


def main():
    names = [name for word in sys.argv[1:] for name in word.split(",") if name]
    chosen = wanted(names)
    runner = Runner()
    print(f"Python {platform.python_version()}, Linux {platform.release()}\n")
    print(f"{'':18} {'stock':28} {'csock':28}")
    rows = []
    for name in chosen:
        is_suite = name.startswith("suite:")
        row = run_suite(runner, name[6:]) if is_suite else run_scenario(runner, name)
        rows.append(row)
        show(row)
    bad = [row for row in rows if not row["good"]]
    for row in bad:
        show_trouble(row)
    document = {"python": sys.version, "kernel": platform.release(), "rows": rows}
    (sides.HOME / "results.json").write_text(json.dumps(document, indent=1))
    notes = [(row["name"], side, note) for row in rows if not row["name"].startswith("suite")
             for side in sides.SIDES for note in row[f"{side}_notes"]]
    if notes:
        print()
    for name, side, note in notes:
        print(f"{name:18} {side:6} {note[2:]}")
    skipped = sum(row["skipped"] for row in rows)
    same = sum(row["good"] for row in rows) - skipped
    print(f"\n{same} the same and as they should be, {len(bad)} not, {skipped} skipped")
    sys.exit(1 if bad or not rows else 0)


if __name__ == "__main__":
    main()
