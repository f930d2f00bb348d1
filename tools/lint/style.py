"""How files are laid out, named and listed."""

import pathlib
import re
import subprocess
import sys

from tree import PLAIN, ROOT, place, sources, without_comments

MAX_COLUMNS = 100
SUFFIXES = (".c", ".h", ".in", ".md", ".py")
MAX_LINES = {".c": 400, ".h": 250, ".py": 400}
LONGER = (
    # What `import socket` gives. Programs replace names in that module (socket.getaddrinfo,
    # socket.socket) and expect create_connection() and the others to hear of it: a function looks
    # names up in the file that defines it, so all that use them stand in this one. What needs none
    # of its names is in _helpers.py.
    "python/csock/dropin.py",
)


def static_names():
    """A name says which function or table is meant, in a debugger and in a search."""
    declared = re.compile(r"^(?=[^\s#])[^\n;={}]*?\bstatic\b([^;={}]*)", re.M)
    where = {}
    for path in sources("core", "python/ext"):
        text = without_comments(path.read_text())
        text = re.sub(r"__attribute__\s*\(\(.*?\)\)\s*|\[[^\]]*\]", "", text)
        named = (re.search(r"(\w+)\s*(\(|$)", match[1]) for match in declared.finditer(text))
        for name in {match[1] for match in named if match}:
            where.setdefault(name, []).append(place(path))
    for name, places in sorted(where.items()):
        if len(places) > 1:
            yield f"{name}: in {', '.join(places)}"


def one_version():
    """In meson.build: what else names it would have to change with it. Histories would not."""
    histories = {ROOT / "CHANGELOG.md", ROOT / "docs" / "supported.md"}
    (build,) = re.findall(r"version: '([\d.]+)'", (ROOT / "meson.build").read_text())
    folders = sources("include", "core", "python", "docs", suffixes=SUFFIXES)
    for path in {*ROOT.glob("*.md"), ROOT / "pyproject.toml", *folders} - histories:
        if build in path.read_text():
            yield f"{place(path)}: names the version {build}"


def listed_for_the_build():
    for folder, listing in (
        ("core", "core/meson.build"),
        ("include", "core/meson.build"),
        ("python", "python/meson.build"),
        ("fuzz", "fuzz/meson.build"),
    ):
        text = (ROOT / listing).read_text()
        suffixes = (".h",) if folder == "include" else (".c", ".py", ".in")
        for path in sources(folder, suffixes=suffixes):
            name = str(path.relative_to(ROOT / folder)) if folder != "python" else path.name
            if not re.search(rf"['/]{re.escape(name)}'", text):
                yield f"{place(path)}: not in {listing}"
    for path in sources("tests/c", suffixes=(".c",)):
        beside = path.parent / "meson.build"  # a layer's tests; the helpers have none
        listing = beside if beside.exists() else path.parents[1] / "meson.build"
        name, short = path.relative_to(listing.parent), path.stem.removeprefix("test_")
        if not re.search(rf"'({re.escape(str(name))}|{short})'", listing.read_text()):
            yield f"{place(path)}: not in {place(listing)}"


def generated_only():
    """What the build makes: an old one among the sources might be taken for it."""
    for path in sources("python", suffixes=(".def", ".pyi")):
        yield f"{place(path)}: is made by the build"


def lengths():
    folders = "include", "core", "python", "tests", "examples", "tools", "bench", "fuzz"
    for path in sources(*folders, suffixes=(".c", ".h", ".py", ".sh")):
        lines = path.read_text().splitlines()
        most = None if place(path) in LONGER else MAX_LINES.get(path.suffix)
        if most and len(lines) > most:
            yield f"{place(path)}: {len(lines)} lines; which second purpose moved in?"
        for number, line in enumerate(lines, 1):
            if len(line) > MAX_COLUMNS:
                yield f"{place(path, number)}: {len(line)} columns"


def command(*words):
    """A rule that another program checks."""
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        yield done.stdout.decode(errors="replace").rstrip() or f"status {done.returncode}"


def c_style():
    paths = list(sources("include", "core", "python", "tests", "examples", "bench", "fuzz"))
    program = pathlib.Path(sys.executable).parent / "clang-format"  # the pinned one
    for path in paths:
        wanted = subprocess.run([program, path], capture_output=True, text=True, check=True).stdout
        pairs = zip(path.read_text().splitlines(), wanted.splitlines(), strict=False)
        first = next((n for n, (is_, should) in enumerate(pairs, 1) if is_ != should), None)
        if first:
            yield f"{place(path, first)}: first of the lines that `make format` changes"


def python_style():
    ruff = sys.executable, "-m", "ruff", "check", "--quiet"
    yield from command(*ruff)
    yield from command(*ruff, *sorted((PLAIN / "python").glob("*.pyi")))
