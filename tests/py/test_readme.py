"""The programs in README.md run as they are printed, and print what stands under them."""

import os
import pathlib
import re
import subprocess
import sys

import pytest
import testkit

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


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
