"""The programs in README.md, docs/drop-in.md and docs/reader.md run as printed, and print what
stands under them."""

import os
import pathlib
import re
import subprocess
import sys

import childkit
import pytest
import testkit

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
DROP_IN = (ROOT / "docs" / "drop-in.md").read_text()
EXAMPLE = re.compile(r"^```python\n(.*?)^```\n\nprints\n\n```\n(.*?)^```$", re.S | re.M)
EXAMPLES = EXAMPLE.findall(DROP_IN)
READER = (ROOT / "docs" / "reader.md").read_text()
READER_EXAMPLES = EXAMPLE.findall(READER)


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.S | re.M)


def printed_under(program):
    """The block after the next line that says "prints"."""
    rest = README.split(program, 1)[1]
    return re.search(r"^prints\n\n```\n(.*?)^```$", rest, re.S | re.M)[1]


def test_python_program(tmp_path):
    (program,) = blocks("python")
    assert 5 <= len(program.splitlines()) <= 12
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True)
    assert (done.stderr, done.returncode) == (b"", 0)
    assert done.stdout.decode() == printed_under(program)


@pytest.mark.skipif(testkit.SANITISED, reason="the plain run builds the same program")
def test_c_program(tmp_path):
    prefix = os.environ.get("CSOCK_PREFIX")
    if prefix is None:
        pytest.skip("CSOCK_PREFIX does not name an installed C library: use `make test`")
    (program,) = blocks("c")
    (command,) = re.findall(r"^cc .*$", README, re.M)
    env = {**os.environ, "PKG_CONFIG_PATH": f"{prefix}/lib/pkgconfig"}
    env["LD_LIBRARY_PATH"] = f"{prefix}/lib"
    (tmp_path / "hello.c").write_text(program)
    subprocess.run(["sh", "-c", command], cwd=tmp_path, env=env, check=True)
    done = subprocess.run(["./hello"], cwd=tmp_path, env=env, capture_output=True)
    assert (done.stderr, done.returncode) == (b"", 0)
    assert done.stdout.decode() == printed_under(program)


def test_the_two_commands_are_shown():
    assert {"make demo", "make test"} <= set(re.findall(r"^make \w+", README, re.M))


@pytest.mark.parametrize("program, printed", EXAMPLES)
def test_examples_of_the_drop_in(env, program, printed):
    assert childkit.out(program, env=env) == printed


@pytest.mark.parametrize("program, printed", READER_EXAMPLES)
def test_examples_of_the_reader(env, program, printed):
    assert len(READER_EXAMPLES) == READER.count("```python")
    assert childkit.out(program, env=env) == printed


def test_drop_in_begins_with_the_way_out():
    assert len(EXAMPLES) == DROP_IN.count("```python") >= 2
    assert DROP_IN.index("CSOCK_DISABLE=1") < DROP_IN.index("csock.install()")
