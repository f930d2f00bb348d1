"""The suite `docs` of run_tests.py: the site is built, and a warning fails it. What builds it is
installed into build/venv; where pip cannot have that, the suite is skipped."""

import os
import pathlib
import subprocess
import sys

import side_by_side

ROOT = pathlib.Path(__file__).resolve().parents[1]


def why_not():
    """The reason for which there is no Sphinx here, or None."""
    done = subprocess.run([ROOT / "tools/setup.sh", "docs"], capture_output=True, text=True)
    if done.returncode == 0:
        return None
    said = [line for line in done.stderr.splitlines() if line.strip()]
    return f"what builds the site could not be installed: {said[-1] if said else 'no reason'}"


def suite(result, site):
    """`site`: the folder in which csock is built."""
    why = why_not()
    if why:
        print(f"SKIPPED  docs: {why}")
        result.skipped += 1
        result.skips.append(("docs: the site", why))
        return
    env = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, ROOT / "tools/docs/site.py", ROOT / "build/docs"]
    status = side_by_side.call(command, cwd=ROOT, env=env)
    result.add([("the site", "failed" if status else "passed", "")], "docs")
