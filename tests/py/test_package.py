"""`csock` as a package: its version, misspelled names, and what an import finds where there is only
its source. Each in an interpreter of its own."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import testkit

ROOT = pathlib.Path(__file__).resolve().parents[2]
SITE = pathlib.Path(__import__("csock").__path__[0]).parent
VERSION = re.search(r"version: '([^']+)'", (ROOT / "meson.build").read_text())[1]


def run(code, cwd=None, **more):
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "CSOCK_DISABLE")} | more
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=60 * testkit.SLOWNESS,
    )


def last_line(code, cwd=None, **more):
    done = run(code, cwd, **more)
    assert done.returncode == 1, done.stdout
    return done.stderr.splitlines()[-1]


@pytest.mark.parametrize("hatch", ["0", "1"])
def test_the_version_is_that_of_the_build(hatch):
    done = run(
        "import csock; assert csock.__version__ == csock.__version__; print(csock.__version__)",
        PYTHONPATH=str(SITE), CSOCK_DISABLE=hatch
    )
    assert (done.stdout, done.stderr) == (f"{VERSION}\n", "")


def test_the_version_alone_loads_nothing():
    code = "import csock, sys; csock.__version__; print('csock._core' in sys.modules)"
    assert run(code, PYTHONPATH=str(SITE)).stdout == "False\n"


@pytest.mark.parametrize(
    "wrong, right",
    [("sokcet", "socket"), ("creat_connection", "create_connection"), ("instal", "install")],
)
def test_a_misspelled_name_gets_the_right_one_suggested(wrong, right):
    line = last_line(f"import csock; csock.{wrong}", PYTHONPATH=str(SITE))
    assert line.startswith(f"AttributeError: module 'csock' has no attribute '{wrong}'")
    assert f"'{right}'" in line or f".{right}" in line


def test_asking_for_a_name_that_is_not_there_is_no_error():
    code = "import csock; print(hasattr(csock, 'sokcet'), hasattr(csock, '__wrapped__'))"
    assert run(code, PYTHONPATH=str(SITE)).stdout == "False False\n"


@pytest.fixture
def beside(tmp_path):
    """A folder with a clone in it, as `git clone` names it."""
    clone = tmp_path / "csock"
    clone.mkdir()
    shutil.copy(ROOT / "__init__.py", clone)
    shutil.copy(ROOT / "meson.build", clone)
    return tmp_path


def test_beside_a_clone_an_import_says_that_csock_is_not_installed(beside):
    line = last_line("import csock", beside)
    assert line.startswith(f"ImportError: csock is not installed: {beside / 'csock'} is its source")
    assert "pip install" in line


def test_two_clones_do_not_look_for_each_other(beside, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    shutil.copytree(beside / "csock", other / "csock")
    line = last_line("import csock", beside, PYTHONPATH=str(other))
    assert line.startswith(f"ImportError: csock is not installed: {beside / 'csock'} is its source")
    found = run("import csock; print(csock.__file__)", beside, PYTHONPATH=f"{other}:{SITE}")
    assert (found.stdout, found.stderr) == (f"{SITE}/csock/__init__.py\n", "")


def test_beside_a_clone_the_installed_csock_is_imported(beside):
    code = """
import csock, csock.dropin, sys
print(csock.__file__, sys.modules["csock"] is csock, csock.__spec__.origin == csock.__file__)
print(csock.socket is csock.dropin.socket)
"""
    done = run(code, beside, PYTHONPATH=str(SITE))
    assert done.stderr == ""
    assert done.stdout.splitlines() == [f"{SITE}/csock/__init__.py True True", "True"]


def test_in_the_source_itself_the_error_says_what_is_missing():
    line = last_line("import csock; csock.socket", PYTHONPATH=str(ROOT / "python"))
    missing = f"no extension module csock._core in {ROOT / 'python' / 'csock'}"
    assert line == f"ImportError: csock is not built: {missing}"
