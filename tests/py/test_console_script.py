"""The command `csock`, as pip writes it for the entry point in pyproject.toml."""

import pathlib
import re
import signal
import sys
import tomllib

import pytest
from childkit import IS_OURS, run, shown, stderr_of
from pip._vendor.distlib.scripts import ScriptMaker
from test_command import PROGRAMS, SHOW

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def csock(tmp_path):
    """The script, in a folder of its own."""
    entry = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    maker = ScriptMaker(None, str(tmp_path))
    maker.executable = sys.executable
    maker.variants = {""}
    for name, target in entry.items():
        [path] = maker.make(f"{name} = {target}")
    return path


def compare(csock, words, env, **more):
    plain = run(sys.executable, *words, env=env, **more)
    ours = run(csock, "run", *words, env=env, **more)
    assert shown(ours.stdout) == shown(plain.stdout)
    assert shown(stderr_of(ours)) == shown(stderr_of(plain))
    assert ours.returncode == plain.returncode
    return ours


@pytest.mark.parametrize("name", ["show", "raise", "exit_3", "sigint", "last", "reload", "thread"])
def test_programs_run_as_under_plain_python(env, folder, csock, name):
    (folder / "app.py").write_text(PROGRAMS[name])
    done = compare(csock, ["app.py", "a", "-h", "--children"], env)
    expected = {"sigint": -signal.SIGINT, "exit_3": 3, "raise": 1, "last": 1}
    assert done.returncode == expected.get(name, 0)
    compare(csock, ["-m", "app", "--version"], env)
    compare(csock, ["-c", PROGRAMS[name], "-x"], env)
    compare(csock, ["-", "a"], env, input=PROGRAMS[name])


def test_path_is_what_python_makes_it(env, folder, csock):
    (folder / "app.py").write_text(SHOW)
    compare(csock, ["app.py"], {**env, "PYTHONSAFEPATH": "1"})
    (folder / "link").symlink_to(csock)
    compare(folder / "link", ["app.py"], env)


def test_programs_have_csock(env, csock):
    done = run(csock, "run", "-c", IS_OURS, env=env)
    assert (done.stdout, done.stderr) == ("True\n", "")
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {IS_OURS!r}])"
    for options, answer in ([], "False\n"), (["--children"], "True\n"):
        done = run(csock, "run", *options, "-c", child, env=env)
        assert (done.stdout, done.stderr) == (answer, "")


@pytest.mark.parametrize(
    "words, text",
    [
        ([], "the following arguments are required: COMMAND"),
        (["rum"], "invalid choice: 'rum'"),
        (["status", "--force"], "unrecognized arguments: --force"),
        (["app.py", "-v"], "a program is run by: csock run app.py"),
        (["-m", "http.server"], "a program is run by: csock run -m"),
        (["run"], "nothing to run"),
        (["run", "--enable"], "unknown option --enable"),
        (["run", "-m"], "argument expected for the -m option"),
    ],
)
def test_usage_errors(env, csock, words, text):
    done = run(csock, *words, env=env)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr and "usage: csock" in done.stderr


def test_commands_that_are_no_files(env, folder, csock):
    """`csock run gunicorn`: python's error, and what else there is to say."""
    tool = folder / "bin" / "a-tool"
    tool.parent.mkdir()
    tool.write_text(f"#!{sys.executable}\nprint('runs')\n")
    tool.chmod(0o755)
    env = {**env, "PATH": f"{tool.parent}:{env['PATH']}"}
    plain = run(sys.executable, "a-tool", env=env)
    for words in ([csock, "run"], [sys.executable, "-m", "csock"]):
        done = run(*words, "a-tool", env=env)
        assert (done.returncode, done.stdout) == (2, "")
        error, said = done.stderr.splitlines()
        assert error == plain.stderr.strip() and f"by its path, {tool}, or by -m" in said
        assert run(*words, tool, env=env).stdout == "runs\n"
    for word in ("enable", "disable", "status", "ps", "run", "dial"):
        done = run(sys.executable, "-m", "csock", word, env=env)
        assert (done.returncode, done.stdout) == (2, "") and f"`csock {word}`" in done.stderr
    (folder / "enable").write_text("print('a program of that name')")
    done = run(sys.executable, "-m", "csock", "enable", env=env)
    assert (done.stdout, done.stderr) == ("a program of that name\n", "")
    assert run(csock, "enable", "--help", env=env).returncode == 0
    assert "run by: csock run ./enable" in run(csock, "./enable", env=env).stderr


def test_help_and_version(env, csock):
    for words, text in (
        (["--help"], "CSOCK_DISABLE=1"),
        (["enable", "--help"], "--force"),
        (["run", "--help"], "--children"),
        (["run", "-h", "app.py"], "-m mod"),
    ):
        done = run(csock, *words, env=env)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("usage: csock") and text in done.stdout
    done = run(csock, "--version", env={**env, "COLUMNS": "40"})  # one line, however narrow
    module = run(sys.executable, "-m", "csock", "--version", env=env)
    assert re.match(r"csock \d+\.\d+\.\d+ on Python 3\.", done.stdout)
    assert done.stdout == module.stdout


def test_status_is_that_of_the_module(env, csock):
    done = run(csock, "status", env=env)
    module = run(sys.executable, "-m", "csock", "--status", env=env)
    assert (done.returncode, done.stdout) == (module.returncode, module.stdout)
