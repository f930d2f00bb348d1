"""`python -m csock --enable`, `--disable` and `--status`, in a virtual environment of their own."""

import pathlib
import sys

import pytest
from childkit import HATCH, IS_OURS, POOL, SITE, code, run


@pytest.fixture(scope="module")
def made_venv(tmp_path_factory):
    folder = tmp_path_factory.mktemp("venv") / "v"
    run(sys.executable, "-m", "venv", "--without-pip", folder, check=True)
    python = folder / "bin" / "python"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = pathlib.Path(run(python, "-c", where).stdout.strip())
    (site / "a-csock-path.pth").write_text(f"{SITE}\n")
    return python, site / "csock.pth"


START = ["csock.start"] if sys.version_info >= (3, 15) else []  # PEP 829
FILE = "csock.start" if START else "csock.pth"  # what takes effect

@pytest.fixture
def venv(made_venv, env):
    del env["PYTHONPATH"]
    python, pth = made_venv
    files = pth, pth.with_suffix(".start"), pth.parent / "a-socket.pth"
    for file in files:
        file.unlink(missing_ok=True)
    yield python, pth
    for file in files:
        file.unlink(missing_ok=True)


def ask(venv, env, *words):
    done = run(venv[0], "-m", "csock", *words, env=env)
    return done.returncode, done.stdout, done.stderr


def test_venv_there_and_back(venv, env):
    python, pth = venv
    root = python.parents[1]
    before = sorted(pth.parent.iterdir())
    status, text, _ = ask(venv, env, "--status")
    assert status == 1 and "not there" in text and "in place       no" in text
    assert ask(venv, env, "--enable") == (0, f"csock: now in place in {root}, by {pth}\n", "")
    status, text, errors = ask(venv, env, "--status")
    assert (status, errors) == (0, "")
    for name in ["csock.pth", *START]:
        assert f"{pth.with_name(name)}: there" in text
    assert text.count(": there") == 1 + len(START)
    assert "in place       yes" in text and "virtual" in text
    assert "TLS            waits in csock" in text
    for words in (["-c", IS_OURS], ["-I", "-c", IS_OURS], ["-E", "-c", IS_OURS]):
        done = run(python, *words, env=env)
        assert (done.stdout, done.stderr) == ("True\n", "")
    assert run(python, "-S", "-c", IS_OURS, env=env).stdout == "False\n"
    assert ask(venv, env, "--enable") == (0, f"csock: still in place in {root}, by {pth}\n", "")
    assert ask(venv, env, "--disable")[0] == 0
    assert ask(venv, env, "--disable")[0] == 0
    assert sorted(pth.parent.iterdir()) == before
    assert run(python, "-c", IS_OURS, env=env).stdout == "False\n"


def test_venv_line_is_one_line():
    from csock import _pth

    assert _pth.LINE.startswith("import ") and "\n" not in _pth.LINE


def test_venv_children_have_it_too(venv, env, folder):
    assert ask(venv, env, "--enable")[0] == 0
    (folder / "app.py").write_text(POOL)
    done = run(venv[0], "app.py", "spawn", env=env)
    assert (done.stdout, done.stderr) == ("[True, True] True\n", "")


def test_venv_and_command_together(venv, env):
    assert ask(venv, env, "--enable")[0] == 0
    for options in ([], ["--children"]):
        done = run(venv[0], "-m", "csock", *options, "-c", IS_OURS, env=env)
        assert done.stdout == "True\n" and done.returncode == 0
        assert done.stderr == f"csock: already in place, by {FILE}\n"


def test_venv_hatch(venv, env):
    assert ask(venv, env, "--enable")[0] == 0
    env["CSOCK_DISABLE"] = "1"
    done = run(venv[0], "-c", IS_OURS, env=env)
    assert (done.stdout, done.stderr) == ("False\n", HATCH)
    done = run(venv[0], "-m", "csock", "-c", IS_OURS, env=env)
    assert (done.stdout, done.stderr) == ("False\n", HATCH)
    status, text, _ = ask(venv, env, "--status")
    assert status == 1 and "in place       no: CSOCK_DISABLE is set; without it yes," in text
    status, text, _ = ask(venv, env, "--enable")
    assert status == 0 and "still in place" in text and "but CSOCK_DISABLE is set here" in text
    assert ask(venv, env, "--disable")[0] == 0
    status, text, _ = ask(venv, env, "--status")
    assert status == 1 and "in place       no: CSOCK_DISABLE is set; without it no," in text


def test_venv_that_cannot_have_it(venv, env):
    (venv[1].parent / "a-socket.pth").write_text("import socket\n")
    status, text, errors = ask(venv, env, "--enable")
    assert (status, text) == (1, "") and "nothing is changed" in errors and "too late" in errors
    assert [path.name for path in venv[1].parent.glob("csock.*")] == []


def test_venv_whose_csock_is_gone(venv, env):
    """A broken install breaks no interpreter: one line, and stock."""
    assert ask(venv, env, "--enable")[0] == 0
    path = venv[1].parent / "a-csock-path.pth"
    text = path.read_text()
    path.unlink()
    try:
        done = run(venv[0], "-c", IS_OURS, env=env)
    finally:
        path.write_text(text)
    assert done.stdout == "False\n" and done.returncode == 0
    if START:  # in the words of site
        assert "csock.start" in done.stderr and "No module named 'csock'" in done.stderr
    else:
        assert done.stderr == (  # there is no `csock disable` any more
            f"csock: csock.pth in the site-packages of {venv[0].parents[1]} does not work: No "
            "module named 'csock'; remove that file, or install csock again\n"
        )


def test_venv_with_an_extension_that_does_not_load(venv, env, tmp_path):
    package = tmp_path / "csock"
    package.mkdir()
    for path in (SITE / "csock").glob("*.py"):
        (package / path.name).write_text(path.read_text())
    assert ask(venv, env, "--enable")[0] == 0
    done = run(venv[0], "-c", IS_OURS, env={**env, "PYTHONPATH": str(tmp_path)})
    assert done.stdout == "False\n" and done.returncode == 0
    assert done.stderr == (
        f"csock: not in place by {FILE}: csock is not built: no extension module csock._core in"
        f" {package}\n"
    )


def test_disable_takes_away_what_another_version_has_left(venv, env):
    """csock.start beside a Python before 3.15, csock.pth alone beside a later one."""
    from csock import _pth

    pth = venv[1]
    pth.write_text(f"{_pth.LINE}\n")
    pth.with_suffix(".start").write_text(f"{_pth.START}\n")
    status, text, _ = ask(venv, env, "--disable")
    assert status == 0 and f"{pth} and {pth.with_suffix('.start')} are removed" in text
    assert not pth.exists() and not pth.with_suffix(".start").exists()


def test_files_of_others_stay(venv, env):
    start = venv[1].with_suffix(".start")
    start.write_text("other.module:function\n")
    assert ask(venv, env, "--disable")[0] == 0
    assert start.exists()


@pytest.mark.parametrize("name", ["csock.pth", *START])
def test_enable_overwrites_no_file_of_others(venv, env, name):
    path = venv[1].with_name(name)
    for text in ("# nothing\n", ""):
        path.write_text(text)
        status, said, errors = ask(venv, env, "--enable")
        assert (status, said) == (1, "") and f"{path} was not written by csock" in errors
        assert "nothing is changed" in errors and "Rename or remove it" in errors
        status, said, _ = ask(venv, env, "--status")
        assert status == 1 and f"{path}: not there, but one" in said
        assert ask(venv, env, "--disable")[0] == 0
        assert path.read_text() == text
        assert sorted(file.name for file in path.parent.glob("csock.*")) == [name]
    path.unlink()
    path.symlink_to("nowhere")
    assert ask(venv, env, "--enable")[0] == 1 and path.is_symlink()
    path.unlink()
    assert ask(venv, env, "--enable")[0] == 0


def test_system_python_is_refused(env, tmp_path):
    """Not tried on a real one: its prefix is made to look like one's own."""
    program = f"""
        import sys, sysconfig
        sys.prefix = sys.base_prefix
        sysconfig.get_path = lambda name: {str(tmp_path)!r}
        from csock import _venv
        _venv._probe = lambda: (True, "")
        print(_venv.main("enable", False), bool(_venv._there()))
        print(_venv.main("enable", True), bool(_venv._there()))
        print(_venv.main("disable", False), bool(_venv._there()))
    """
    done = code(program, env=env)
    shown = [line for line in done.stdout.splitlines() if not line.startswith("csock: ")]
    assert shown == ["1 False", "0 True", "0 False"]
    assert "is no virtual environment" in done.stderr and "--force" in done.stderr
    assert len(done.stderr.splitlines()) == 1
