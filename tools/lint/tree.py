"""The files that the lints read, and what their compiled objects ask for and define."""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLAIN = ROOT / "build" / "plain"


def sources(*folders, suffixes=(".c", ".h")):
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in suffixes:
                yield path


def place(path, line=None):
    where = str(path.relative_to(ROOT))
    return where if line is None else f"{where}:{line}"


def without_comments(text):
    """C text with comments and strings blanked, line for line."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.S)
    return token.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def symbols(objects):
    """What each compiled file asks the linker for, as pairs; and the names that all define."""
    asked, defined = [], set()
    for path in objects:
        output = subprocess.run(["nm", "-P", path], capture_output=True, text=True, check=True)
        for name, kind, *_ in map(str.split, output.stdout.splitlines()):
            if kind in "Uw":
                asked.append((path.stem.removesuffix(".c"), re.sub(r"^__(\w+)_chk$", r"\1", name)))
            else:
                defined.add(name)
    return asked, defined


def exported_by(library):
    output = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True)
    return {line.split()[-1] for line in output.stdout.splitlines()}
