#!/usr/bin/env python3
"""Line coverage of core/ by the C tests, per file and in all, by gcov. See `make coverage`.

Ends with status 1 if it is below the least that CONTRIBUTING.md asks for, or a test fails.
"""

import collections
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
WAY = ROOT / "build" / "coverage"
LEAST = 90  # per cent


def run_tests():
    subprocess.run([ROOT / "tools/build.sh", "coverage"], check=True)
    for old in WAY.rglob("*.gcda"):
        old.unlink()
    meson = [sys.executable, "-m", "mesonbuild.mesonmain"]
    return subprocess.run([*meson, "test", "-C", WAY, "--print-errorlogs"]).returncode


def line_counts():
    """{file: {line: how often}}: a file compiled twice has the sum."""
    counts = collections.defaultdict(collections.Counter)
    data = sorted(WAY.glob("core/**/*.gcda"))
    output = subprocess.run(
        ["gcov", "--json-format", "--stdout", *data], cwd=WAY, capture_output=True, check=True
    )
    for document in output.stdout.splitlines():
        for file in json.loads(document)["files"]:
            path = (WAY / file["file"]).resolve()
            if path.is_relative_to(ROOT / "core"):
                name = str(path.relative_to(ROOT / "core"))
                for line in file["lines"]:
                    counts[name][line["line_number"]] += line["count"]
    return counts


def main():
    sys.stdout.reconfigure(line_buffering=True)
    status = run_tests()
    total = reached = 0
    for name, lines in sorted(line_counts().items()):
        here = sum(count > 0 for count in lines.values())
        missed = [str(line) for line, count in sorted(lines.items()) if count == 0]
        print(f"{name:20} {100 * here / len(lines):6.1f} %  {here:4}/{len(lines):<4}", *missed[:12])
        total, reached = total + len(lines), reached + here
    share = 100 * reached / total
    print(f"{'core/':20} {share:6.1f} %  {reached:4}/{total}")
    if status != 0:
        sys.exit("coverage: a test failed")
    if share < LEAST:
        sys.exit(f"coverage: below {LEAST} %")


if __name__ == "__main__":
    main()
