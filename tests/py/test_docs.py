"""The programs in docs/ run as printed, and print what stands under them; the commands that put
csock into a program do so, or keep it out. Of what other tests run: test_c_docs.py,
test_deadlines_docs.py, tests/lab/test_terminal.py."""

import os
import pathlib
import re
import subprocess
import sys

import childkit
import pytest
import testkit

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$(?:\n\nprints\n\n```\n(.*?)^```$)?", re.S | re.M)
PAGES = {path.stem: path.read_text() for path in sorted((ROOT / "docs").glob("*.md"))}
START, DROP_IN, INDEX = PAGES["start"], PAGES["drop-in"], PAGES["index"]
README = (ROOT / "README.md").read_text()
# Parts of programs that hang on purpose: they have to be Python, and are not run.
PARTS = {"seeing"}
# test_deadlines_docs.py has what its page says of time.
EXAMPLES = [
    pytest.param(*found, id=f"{page}-{number}")
    for page, text in PAGES.items()
    if page not in PARTS | {"deadlines"}
    for number, found in enumerate(BLOCK.findall(text), 1)
]
COMMANDS = re.findall(r"^(?:CSOCK_DISABLE=1 )?python [^#\n]*\bapp\.py", README + INDEX, re.M)
COMMANDS += re.findall(r"^(?:CSOCK_DISABLE=1 )?python [^#\n]*\bapp\.py", DROP_IN, re.M)


@pytest.mark.parametrize("program, printed", EXAMPLES)
def test_programs_print_what_stands_under_them(env, program, printed):
    assert childkit.out(program, env=env) == printed


def test_no_program_is_left_out():
    assert len(EXAMPLES) >= 10
    for page, text in PAGES.items():
        assert len(BLOCK.findall(text)) == text.count("```python"), page
    for page in PARTS:
        for program, _ in BLOCK.findall(PAGES[page]):
            compile(program, page, "exec")


@pytest.mark.parametrize("command", sorted(set(COMMANDS)))
def test_commands_put_csock_in_place_or_keep_it_out(env, tmp_path, command):
    (tmp_path / "app.py").write_text(childkit.IS_OURS)
    (tmp_path / "python").symlink_to(sys.executable)
    # A link is no environment of its own: what is imported there is named.
    env = {**env, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    kept_out = command.startswith("CSOCK_DISABLE=1")
    assert done.stdout == f"{not kept_out}\n", done.stderr


def test_commands_are_there():
    for text in README, INDEX, DROP_IN:
        assert "CSOCK_DISABLE=1 python app.py" in text
    assert len(set(COMMANDS)) >= 3


def test_the_program_in_python_is_ten_lines():
    program = BLOCK.findall(START)[0][0]
    assert 5 <= len(program.splitlines()) <= 12


@pytest.mark.skipif(testkit.SANITISED, reason="the plain run builds the same program")
def test_the_program_in_c(tmp_path):
    prefix = os.environ.get("CSOCK_PREFIX")
    if prefix is None:
        pytest.skip("CSOCK_PREFIX does not name an installed C library: use `make test`")
    found = re.search(r"^```c\n(.*?)^```$.*?^prints\n\n```\n(.*?)^```$", START, re.S | re.M)
    program, printed = found.groups()
    (command,) = re.findall(r"^cc .*$", START, re.M)
    env = {**os.environ, "PKG_CONFIG_PATH": f"{prefix}/lib/pkgconfig"}
    env["LD_LIBRARY_PATH"] = f"{prefix}/lib"
    (tmp_path / "hello.c").write_text(program)
    subprocess.run(["sh", "-c", command], cwd=tmp_path, env=env, check=True)
    done = subprocess.run(["./hello"], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == (printed, "", 0)


def test_the_two_commands_are_shown():
    assert {"make demo", "make test"} <= set(re.findall(r"^make \w+", START, re.M))


def test_drop_in_begins_with_the_way_out():
    assert DROP_IN.index("CSOCK_DISABLE=1") < DROP_IN.index("csock.install()")
