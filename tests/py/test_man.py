"""The manual pages: each function of the headers has its name there, what it says is what the
header says, and groff and mandoc have nothing against them."""

import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import testkit

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAN = ROOT / "tools" / "docs" / "man.py"


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("man")
    (folder / "man1").mkdir()
    (folder / "man3").mkdir()
    for words in ("section3", folder / "man3"), ("section1", folder / "man1" / "csock.1"):
        subprocess.run([sys.executable, "-B", MAN, *words], check=True)
    return folder


def functions():
    text = "".join(path.read_text() for path in (ROOT / "include").rglob("*.h"))
    return set(re.findall(r"^CSOCK_API [^;(]*?(csock_\w+)\(", text, re.M))


def page_of(pages, name):
    text = (pages / "man3" / f"{name}.3").read_text()
    leads = re.match(r"\.so (man3/\w+\.3)\n$", text)
    return (pages / leads[1]).read_text() if leads else text


def test_the_version(pages):
    text = re.search(r"version: '(.*)'", (ROOT / "meson.build").read_text())[1]
    assert f'#define CSOCK_VERSION "{text}"\n' in page_of(pages, "csock_version")


def test_every_function_is_found_by_its_name(pages):
    assert len(functions()) > 100
    for name in functions():
        text = page_of(pages, name)
        synopsis = text.split(".SH SYNOPSIS")[1].split(".SH DESCRIPTION")[0]
        named = text.split(".SH NAME\n")[1].split("\n")[0]
        assert re.search(rf"\b{name}\b", named) and re.search(rf"\b{name}\(", synopsis), name


def test_what_the_header_says_is_there(pages):
    assert ".PP\nw bounds the whole," in page_of(pages, "csock_dial")
    assert "CSOCK_DIAL_IN_FLIGHT 6                /* attempts" in page_of(pages, "csock_dial")
    assert "The same with the sender\\(aqs address" in page_of(pages, "csock_recv_from")
    assert r"\fBCSOCK_EOVERRUN\fR" in page_of(pages, "csock_reader_until")


def test_the_command_has_all_that_it_says_of_itself(pages):
    text = (pages / "man1" / "csock.1").read_text().replace("\\-", "-")
    options = set()
    for words in (
        "-m csock --help",
        "-m csock --ps --help",
        "-c from|csock._command|import|script;script() dial --help",
    ):
        command = [sys.executable, *(word.replace("|", " ") for word in words.split())]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        options |= set(re.findall(r"--[a-z]+", done.stdout))
    assert {"--children", "--force", "--enable", "--stuck", "--tls", "--timeout"} <= options
    assert all(option in text for option in options)
    for name in ("run", "enable", "disable", "status", "ps", "dial"):
        assert f"csock {name}" in text


@pytest.mark.skipif(testkit.SANITISED, reason="groff is not built for it; the pages are the same")
@pytest.mark.parametrize(
    "words", ["groff -ww -man -Tutf8 -rLL=78n -z", "mandoc -T lint -W warning"]
)
def test_nothing_to_warn_of(pages, words):
    if not shutil.which(words.split()[0]):
        pytest.skip(f"no {words.split()[0]} here")
    files = [path for path in sorted(pages.rglob("*.[13]")) if path.read_text()[:4] != ".so "]
    done = subprocess.run([*words.split(), *files], capture_output=True, text=True)
    # What is the same in all lines is left out, and what groff 1.23 says of the end of a sheet of
    # paper, where it fills lines for which the page has forbidden it.
    harmless = re.compile("missing date|cannot adjust line")
    assert [x for x in (done.stdout + done.stderr).splitlines() if not harmless.search(x)] == []
