"""The site: it has all pages of docs/ and all that csock declares, and names of pages are links.
The suite `docs` has Sphinx build it; the programs in its pages are test_docs.py's."""

import enum
import os
import pathlib
import re
import subprocess
import sys

import pytest

import csock
import csock.dropin

ROOT = pathlib.Path(__file__).resolve().parents[2]
SITE = ROOT / "tools" / "docs" / "site.py"


def make(folder, *options):
    return subprocess.run(
        [sys.executable, "-B", SITE, *options, folder],
        env={**os.environ, "PYTHONPATH": os.path.dirname(csock.__path__[0])},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = make(folder, "--sources")
    assert (done.returncode, done.stderr) == (0, "")
    found = (folder / "src").rglob("*.*")
    return {str(path.relative_to(folder / "src")): path.read_text() for path in found}


def test_every_page_is_in_the_contents(pages):
    listed = set(re.findall(r"^(?:[^<`\n]*<)?([\w/-]+)>?$", pages["index.md"], re.M))
    listed |= {
        f"reference/{name}" for name in re.findall(r"^c/\w+$", pages["reference/c.md"], re.M)
    }
    for name in pages:
        page = name.rpartition(".")[0]
        assert page in listed or page in ("index", "conf", "_static/site"), page
    assert all(f"{path.stem}.md" in pages for path in (ROOT / "docs").glob("*.md"))


def test_names_of_pages_are_links(pages):
    assert "[TLS](tls.md)" in pages["index.md"] and "[Trying it](start.md)" in pages["c.md"]
    for name, text in pages.items():
        if name.endswith(".md"):
            text = re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)
            assert not re.search(r"docs/\w[\w-]*\.md", text), name


def test_the_reference_has_every_function_of_c(pages):
    headers = "".join(path.read_text() for path in (ROOT / "include").rglob("*.h"))
    for name in re.findall(r"^CSOCK_API [^;(]*?(csock_\w+)\(", headers, re.M):
        shown = [p for p in pages if re.search(rf"^(\.\.|  ).*[ *]{name}\(", pages[p], re.M)]
        assert [page for page in shown if page.startswith("reference/c/")], name


def test_the_reference_has_every_name_of_python(pages):
    for name in ("install", "uninstall", "adapt", *csock._OWN, *csock._READER):
        assert re.search(rf"^(\.\. py:\w+::) {name}\b", pages["reference/csock.rst"], re.M), name
    text = pages["reference/socket.rst"]
    for name in csock.dropin.__all__:
        if type(getattr(csock.dropin, name)).__name__ in ("function", "builtin_function_or_method"):
            assert re.search(rf"^\.\. py:function:: {name}\(", text, re.M), name
    assert ".. py:method:: recv(bufsize: int, flags: int=..., /) -> bytes\n\n      Receive" in text
    classes = {n for n, thing in vars(csock.dropin).items() if isinstance(thing, enum.EnumType)}
    assert {"AddressFamily", "AddressInfo", "MsgFlag", "SocketKind"} <= classes
    for name in classes | {"SocketIO"}:
        assert re.search(rf"^\.\. py:class:: {name}\b", text, re.M), name
    assert "``AF_INET``" in text and ".. py:method:: readinto(buffer" in text
