"""Random programs on the stock module and on csock: a short run of tests/differential, which
`make differential` runs for longer."""

import os
import pathlib
import subprocess
import sys

import pytest
import testkit

RUN = pathlib.Path(__file__).resolve().parents[1] / "differential" / "run.py"
SECONDS = 12
SEED = 1  # the same programs each time: new ones are for `make differential`

pytestmark = pytest.mark.skipif(
    testkit.why_no_netns() is not None, reason=testkit.why_no_netns() or ""
)


PROGRAMS = {
    "same": ["a = m.socket()", "a.getsockopt(1, 3, 4)"],
    "closed under its feet": ["a, b = m.socketpair()", "m.close(FD('a'))", "a.send(b'x')"],
    "the harness's own descriptors": ["m.close(0)", "m.close(1)", "a = m.socket()", "a.fileno()"],
    "another name": ["m.sethostname('elsewhere')", "m.gethostname()"],
    "hangs": ["a, b = m.socketpair()", "b.recv(1)"],
}


def run(*args):
    done = subprocess.run(
        [sys.executable, RUN, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=50 * testkit.SLOWNESS,
    )
    print(done.stdout)
    assert done.returncode in (0, 1), done.stderr
    return done


def files(tmp_path):
    for name, program in PROGRAMS.items():
        file = tmp_path / name
        file.write_text("\n".join(program))
        yield file


def test_random_programs_have_the_same_outcome():
    done = run("--seconds", SECONDS, "--seed", SEED)
    assert done.returncode == 0, done.stdout
    assert " calls\n" in done.stdout


def test_a_program_may_do_anything(tmp_path):
    name = os.uname().nodename
    done = run(*files(tmp_path))
    assert done.returncode == 0, done.stdout
    assert os.uname().nodename == name


def test_a_mistake_is_found(tmp_path):
    done = run("--plant", *files(tmp_path))
    assert done.returncode == 1
    assert done.stdout.count("DIFFERENT") == 1 and "planted" in done.stdout
