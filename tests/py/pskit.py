"""What tests of `csock ps` share: the command, programs to look at, and programs in C."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time

import childkit
import pytest
import testkit

LIMIT = 60 * testkit.SLOWNESS
# An emulator's processes have other addresses and stacks than the machine's, for which these stand.
on_a_real_machine = pytest.mark.skipif(
    bool(os.environ.get("CSOCK_EMULATED")), reason="reads another process's memory"
)

HANG = """
import csock, json, os, time
a, b = csock.socketpair()
print(json.dumps(os.getpid()), flush=True)
a.recv(1)
"""


def hanging(rows):
    """For rows_until(): of a program that hangs."""
    return any(rows.values())


def ps(*words, **options):
    """The command, done; it may print no control characters, whatever it is that it reads."""
    command = sys.executable, "-m", "csock", "--ps", *words
    done = childkit.run(*command, env=childkit.environment(), **options)
    assert not re.search(r"[^\n -~]", done.stdout + done.stderr), repr(done.stdout + done.stderr)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def rows(*words, status=0):
    """{pid: {thread: row}} by --json."""
    done = ps("--json", *words)
    assert done.returncode == status, (done.stdout, done.stderr)
    processes = json.loads(done.stdout)["processes"]
    return {p["pid"]: {row["thread"]: row for row in p["waits"]} for p in processes}


def rows_until(condition, *words):
    """The rows, once they are as they are to be."""
    end = time.monotonic() + LIMIT
    while not condition(found := rows(*words)):
        assert time.monotonic() < end, found
        time.sleep(0.05)
    return found


@contextlib.contextmanager
def program(text, *args, env=None, python=(sys.executable,)):
    """A Python program that has csock, and its first line, which is JSON; killed after."""
    environment = {**childkit.environment(), **(env or {})}
    command = [*python, "-c", text, *map(str, args)]
    with running(command, env=environment) as child:
        yield child, json.loads(child.stdout.readline())


@contextlib.contextmanager
def running(command, **options):
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def compiled(source, target, *options):
    """A program in C."""
    if not shutil.which("cc"):
        pytest.skip("no C compiler")
    flags = "-O1", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-pthread"
    command = ["cc", *flags, "-o", target, source]
    subprocess.run([*map(str, command), *map(str, options)], check=True)
    return str(target)


def linked(source, target, how):
    """One over libcsock: the shared library, or the static one, whose symbols are then gone."""
    prefix = os.environ.get("CSOCK_PREFIX")
    if not prefix or testkit.SANITISED:
        pytest.skip("needs the plain build, with its C library")
    lib, include = f"{prefix}/lib", f"-I{prefix}/include"
    if how == "shared":
        options = f"-L{lib}", f"-Wl,-rpath,{lib}", "-lcsock"
    else:
        options = f"{lib}/libcsock.a", "-s", "-Wl,--gc-sections"
    return compiled(source, target, include, *options)
