"""Builds the site: `make docs`.

site.py FOLDER    FOLDER/src gets what Sphinx reads, FOLDER/html what it makes of that
site.py --sources FOLDER    the first of these alone

The pages are docs/*.md, some of the files beside the README, which is not one, and the reference,
which cref.py and pyref.py make of headers, stubs and docstrings. In the pages the name of another
one, as `docs/tls.md`, becomes a link.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys

import headers

# Each part of the contents: (page, what links and contents call it).
BEGIN = {
    "start": "Trying it",
    "hangs": "My program hangs: what now",
    "drop-in": "In the place of socket",
}
USE = {
    "deadlines": "Deadlines",
    "tls": "TLS",
    "connecting": "Connecting",
    "lookups": "Look-ups of names",
    "reader": "Reading streams",
    "seeing": "Seeing: csock ps",
    "c": "C in ten minutes",
}
KNOW = {
    "performance": "Performance",
    "differences": "Differences from stock",
    "testing": "How it is tested",
    "supported": "What it runs on",
    "security": "Security",
    "abi": "The C library's promises",
    "architecture": "Architecture",
    "contributing": "Working on csock",
    "releasing": "Releasing",
}
PARTS = {"Begin": BEGIN, "Use": USE, "Know": KNOW}
TITLES = BEGIN | USE | KNOW | {"changelog": "Changelog"}
# Pages that are not in docs/.
ELSEWHERE = {"SECURITY.md": "security", "CONTRIBUTING.md": "contributing"}
ELSEWHERE |= {"CHANGELOG.md": "changelog"}


def linked(text):
    """Names of other pages as links to them, but in code."""

    def link(match):
        page = match["page"] or ELSEWHERE[match["file"]]
        return f"[{TITLES[page]}]({page}.md)"

    files = "|".join(map(re.escape, ELSEWHERE))
    page = rf"docs/(?P<page>{'|'.join(TITLES)})\.md"
    name = re.compile(rf"(?P<tick>`?)\b(?:{page}|(?P<file>{files}))(?P=tick)(?![\w/])")
    parts = re.split(r"(^```.*?^```$)", text, flags=re.S | re.M)
    return "".join(name.sub(link, one) if not one.startswith("```") else one for one in parts)


def texts():
    """Each page of the site but the reference, before links are made."""
    found = {path.stem: path.read_text() for path in (headers.ROOT / "docs").glob("*.md")}
    for file, page in ELSEWHERE.items():
        found[page] = (headers.ROOT / file).read_text()
    return found


def contents(c_pages):
    lines = []
    parts = PARTS | {"Reference": {"reference/csock": "", "reference/socket": ""}}
    parts["Reference"] |= {"reference/command": "", "reference/c": "The C library"}
    parts["Reference"] |= {"changelog": "Changelog"}
    for caption, pages in parts.items():
        lines += ["```{toctree}", ":hidden:", f":caption: {caption}", ""]
        lines += [f"{title} <{page}>" if title else page for page, title in pages.items()]
        lines += ["```", ""]
    c_index = ["# The C library", "", "All of it: `#include <csock.h>`.", "", "```{toctree}", ""]
    c_index += [f"c/{page.removesuffix('.rst')}" for page in c_pages] + ["```", ""]
    return "\n".join(lines), "\n".join(c_index)


def sources(folder):
    """What Sphinx reads."""
    import cref
    import pyref

    shutil.rmtree(folder, ignore_errors=True)
    (folder / "reference" / "c").mkdir(parents=True)
    (folder / "_static").mkdir()
    c_pages = cref.files()
    toctree, c_index = contents(c_pages)
    pages = {f"{name}.md": linked(text) for name, text in texts().items()}
    pages["index.md"] += "\n" + toctree
    pages["reference/c.md"] = c_index
    pages |= {f"reference/c/{name}": text for name, text in c_pages.items()}
    pages |= {f"reference/{name}": text for name, text in pyref.files().items()}
    given = pathlib.Path(__file__).parent / "sphinx"
    pages["conf.py"] = (given / "conf.py").read_text().replace("@version@", headers.version()[0])
    pages["_static/site.css"] = (given / "site.css").read_text()
    for name, text in pages.items():
        (folder / name).write_text(text)
    for picture in (headers.ROOT / "docs").glob("*.svg"):
        shutil.copy(picture, folder)


def main():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("--sources", action="store_true")
    parser.add_argument("folder", type=pathlib.Path)
    given = parser.parse_args()
    folder = given.folder
    sources(folder / "src")
    if given.sources:
        return 0
    for old in "html", "doctrees":
        shutil.rmtree(folder / old, ignore_errors=True)
    words = "sphinx -q -W --keep-going -n -b html -d".split()
    folders = [folder / "doctrees", folder / "src", folder / "html"]
    status = subprocess.run([sys.executable, "-m", *words, *folders]).returncode
    if status == 0:
        print(f"docs: {folder / 'html' / 'index.html'}")
    return status


if __name__ == "__main__":
    sys.exit(main())
