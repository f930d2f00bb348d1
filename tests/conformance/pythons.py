"""Which Pythons this machine has, and which of them can be tested.

Asks each interpreter about itself; starts nothing else, and installs nothing.
"""

import json
import os
import pathlib
import re
import subprocess
from dataclasses import dataclass

OLDEST = [3, 11]

ABOUT = """
import importlib.util, json, os, sys, sysconfig
try:
    suite = importlib.util.find_spec("test.test_socket") is not None
except ImportError:
    suite = False
header = os.path.join(sysconfig.get_path("include"), "Python.h")
print(json.dumps({
    "executable": os.path.realpath(getattr(sys, "_base_executable", sys.executable)),
    "version": "%d.%d.%d" % sys.version_info[:3] + {"final": ""}.get(
        sys.version_info.releaselevel, "%s%d" % sys.version_info[3:]),
    "line": sys.version_info[:2],
    "suite": suite,
    "headers": os.path.exists(header),
}))
"""


@dataclass(frozen=True)
class Python:
    executable: str
    version: str  # "3.13.0"
    line: tuple  # (3, 13)
    suite: bool  # CPython's tests are there
    headers: bool  # extensions can be built for it


def ask(executable):
    """What an interpreter says of itself, or None if it does not run."""
    try:
        done = subprocess.run([executable, "-I", "-c", ABOUT], capture_output=True, timeout=60)
        about = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return Python(**{**about, "line": tuple(about["line"])})


def candidates():
    """Files that look like a Python 3, by their names."""
    folders = [*os.environ.get("PATH", "").split(":"), "/usr/local/bin", "/usr/bin"]
    folders += sorted(pathlib.Path.home().glob(".pyenv/versions/*/bin"))
    for folder in map(pathlib.Path, folders):
        if folder.is_dir():
            yield from sorted(
                path for path in folder.iterdir() if re.fullmatch(r"python3(\.\d+)?t?", path.name)
            )


def found():
    """Every Python that is new enough, once, oldest first."""
    by_file = {}
    for path in candidates():
        real = os.path.realpath(path)
        if real not in by_file:
            by_file[real] = ask(path)
    pythons = {p.executable: p for p in by_file.values() if p and list(p.line) >= OLDEST}
    return sorted(pythons.values(), key=lambda p: list(map(int, re.findall(r"\d+", p.version))))


def matches(version, wanted):
    """Whether "3.13.0" is meant by "3.13.0", or by the whole of its line, "3.13"."""
    return version == wanted or version.startswith(f"{wanted}.")


def chosen(wanted):
    """The Pythons found that `wanted` names (all without it), and the words that named none."""
    pythons = found()
    if not wanted:
        return pythons, []
    picked = [p for p in pythons if any(matches(p.version, word) for word in wanted)]
    missing = [word for word in wanted if not any(matches(p.version, word) for p in pythons)]
    return picked, missing
