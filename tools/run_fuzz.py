#!/usr/bin/env python3
"""Runs the fuzz targets of fuzz/, as many at a time as there are processors, and prints a table.

run_fuzz.py [--seconds N] [target...]   for so long each (60), from fuzz/corpus and from what runs
                                        before found, which is in build/fuzz/corpus
run_fuzz.py --merge [target...]         into fuzz/corpus what reaches ways that nothing there does

What makes a target fail is kept in build/fuzz/crashes; status 1. Needs `tools/build.sh fuzz`, and
runs inside build/venv: see the Makefile.
"""

import argparse
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import side_by_side

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "fuzz"
CORPUS = ROOT / "fuzz" / "corpus"
TARGETS = [path.stem.removeprefix("fuzz_") for path in sorted((ROOT / "fuzz").glob("fuzz_*.c"))]
# No input takes a second, but the machine may be busy: who hangs, hangs for ever.
OPTIONS = ["-timeout=60", "-rss_limit_mb=3000", "-max_len=512", "-print_final_stats=1"]
LATE = 300  # seconds that start and end of a run may take on a busy machine
HEAD = "target           runs   a sec.   edges   found"
KEPT = 40  # inputs of a target that are committed


@dataclasses.dataclass
class Outcome:
    name: str
    status: int | str  # 0: nothing was found; text: it hung
    runs: int
    rate: int  # runs a second
    edges: int  # of the code, reached
    inputs: list  # files that make it fail
    output: str

    def row(self):
        found = "-" if self.status == 0 else f"status {self.status}"
        return f"{self.name:10} {self.runs:10} {self.rate:8} {self.edges:7}   {found}"


def program(name):
    return BUILD / "fuzz" / f"fuzz_{name}"


def last_number(pattern, text):
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


def target_job(name, seconds, corpus, scratch, wrapper, tell):
    """A run of one target in a folder of its own; tell(outcome) is called when it has ended."""
    crashes = BUILD / "crashes"
    for folder in crashes, CORPUS / name, corpus, scratch:
        folder.mkdir(parents=True, exist_ok=True)
    options = [*OPTIONS, f"-max_total_time={seconds}", f"-artifact_prefix={crashes}/{name}-"]
    words = ROOT / "fuzz" / f"{name}.dict"
    options += [f"-dict={words}"] if words.exists() else []
    command = [*wrapper, program(name), *options, corpus, CORPUS / name]
    env = {**os.environ, "UBSAN_OPTIONS": "print_stacktrace=1"}

    def done(status, output, _):
        tell(outcome_of(name, status, output))

    return side_by_side.Job(name, command, seconds + LATE, done, cwd=scratch, env=env)


def outcome_of(name, status, text):
    return Outcome(
        name=name,
        status=status,
        runs=last_number(r"stat::number_of_executed_units: *(\d+)", text),
        rate=last_number(r"stat::average_exec_per_sec: *(\d+)", text),
        edges=last_number(r" cov: (\d+)", text),
        inputs=re.findall(r"Test unit written to (\S+)", text),
        output=text,
    )


def explain(outcome):
    """What failed, and how to see it again."""
    progress = re.compile(r"#\d+\t|\tNEW_FUNC|INFO:|.*failed to allocate 0x")
    lines = [line for line in outcome.output.splitlines() if not progress.match(line)]
    print(f"\nfuzz: {outcome.name}", *lines[:80], sep="\n")
    for path in outcome.inputs:
        path = pathlib.Path(path)
        where = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        print(f"fuzz: again by   {program(outcome.name).relative_to(ROOT)} {where}")


def run(seconds, targets=TARGETS, keep=False, wrapper=()):
    """The outcomes of the targets that were built, in order, printed as rows. Unless they are to
    keep it, what they find is thrown away, but for failures."""
    outcomes = []

    def tell(outcome):
        print(outcome.row())
        outcomes.append(outcome)

    with tempfile.TemporaryDirectory() as scratch:
        found = BUILD / "corpus" if keep else pathlib.Path(scratch) / "corpus"
        jobs = [
            target_job(name, seconds, found / name, pathlib.Path(scratch) / name, wrapper, tell)
            for name in targets
            if program(name).exists()
        ]
        print(HEAD)
        side_by_side.run(jobs)
    return outcomes


def possible(result):
    """For tools/run_tests.py: whether there is what it takes. If not, each target is skipped."""
    ok = subprocess.run([ROOT / "tools/fuzz_clang.sh"], stdout=subprocess.DEVNULL).returncode == 0
    if not ok:
        print("skipped: there is no clang with libFuzzer")
        result.skipped += len(TARGETS)
    return ok


def suite(result, wrapper, seconds=10):
    """From the inputs that are committed; a target is one test."""
    outcomes = run(seconds, wrapper=wrapper)
    for outcome in outcomes:
        if outcome.status:
            explain(outcome)
        result.add([(outcome.name, "failed" if outcome.status else "passed", "")], "fuzz")
    result.skipped += len(TARGETS) - len(outcomes)  # this Python cannot be embedded


def reached_by_each(name, folders):
    """{file: what it reaches of the code}."""
    with tempfile.TemporaryDirectory() as scratch:
        notes, result = pathlib.Path(scratch) / "notes", pathlib.Path(scratch) / "result"
        result.mkdir()
        options = ["-set_cover_merge=1", f"-merge_control_file={notes}", "-use_counters=0"]
        command = [program(name), *options, "-max_len=512", result, *folders]
        subprocess.run(
            command, cwd=scratch, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        count, _, *lines = notes.read_text().splitlines()
    files = [pathlib.Path(line) for line in lines[: int(count)]]
    numbers = [line.split()[1:] for line in lines if line.startswith("FT ")]
    return {files[int(file)]: set(features) for file, *features in numbers}


def merge(name):
    """What was found to reach most that nothing else reaches is committed, KEPT of it; what has a
    name of its own stays in any case."""
    own, found = CORPUS / name, BUILD / "corpus" / name
    own.mkdir(parents=True, exist_ok=True)
    found.mkdir(parents=True, exist_ok=True)
    for path in own.glob("found-*"):
        shutil.move(path, found / path.name)
    reached = reached_by_each(name, [own, found])
    covered = set().union(*(what for path, what in reached.items() if path.parent == own))
    for number in range(KEPT):
        best = max(reached, key=lambda path: len(reached[path] - covered))
        if not reached[best] - covered:
            break
        covered |= reached[best]
        shutil.copy(best, own / f"found-{number:02}")
    everything = set().union(*reached.values())
    print(f"{name}: {len(list(own.iterdir()))} inputs reach {len(covered)} of {len(everything)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--merge", action="store_true")
    parser.add_argument("targets", nargs="*", default=TARGETS, metavar="target")
    args = parser.parse_args()
    unknown = [name for name in args.targets if name not in TARGETS]
    if unknown:
        sys.exit(f"fuzz: no such target: {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    sys.stdout.reconfigure(line_buffering=True)
    if args.merge:
        for name in args.targets:
            merge(name)
        return
    run_tests.hear_signals()
    try:
        outcomes = run(args.seconds, args.targets, keep=True, wrapper=run_tests.fixed_layout())
    except KeyboardInterrupt:
        sys.exit("fuzz: interrupted")
    failed = [outcome for outcome in outcomes if outcome.status]
    for outcome in failed:
        explain(outcome)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    import run_tests  # which imports this file, too

    main()
