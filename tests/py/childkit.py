"""Interpreters that tests start: with a csock that can be imported, and nothing else of ours. What
they print, their status and their tracebacks are compared with plain python's, byte for byte."""

import os
import pathlib
import re
import subprocess
import sys
import textwrap

import testkit

SITE = pathlib.Path(__import__("csock").__path__[0]).parent
HATCH = "csock: CSOCK_DISABLE is set: the standard library's socket module is used\n"
IS_OURS = "import sys, socket; print(sys.modules.get('csock.dropin') is socket)"

POOL = """
import multiprocessing, sys

def which(_):
    import socket
    return sys.modules.get("csock.dropin") is socket

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with context.Pool(2) as pool:
        print(pool.map(which, range(2)), which(0))
"""

LEFT_BEHIND = re.compile(
    r"(Exception ignored on threading shutdown:\n)?"
    r"OverflowError: Python int too large to convert to C long\n"
)


def environment():
    drop = "PYTHONPATH", "CSOCK_DISABLE", "PYTHONSTARTUP"
    kept = {name: value for name, value in os.environ.items() if name not in drop}
    return {**kept, "PYTHONPATH": str(SITE), "PYTHONDONTWRITEBYTECODE": "1"}


def run(*words, **options):
    options = {"capture_output": True, "text": True, "timeout": 60 * testkit.SLOWNESS, **options}
    return subprocess.run([str(word) for word in words], **options)


def code(text, *args, **options):
    return run(sys.executable, "-c", textwrap.dedent(text), *args, **options)


def out(text, *args, **options):
    """What the code prints; it must end well, and say nothing on stderr."""
    done = code(text, *args, **options)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def stderr_of(done):
    """Without what 3.12 and 3.13.0 leave behind of a status too large for exit(3), and show or do
    not show while they end, by the way in which they were started (gh-125842)."""
    if (3, 12) <= sys.version_info < (3, 13, 1):
        return LEFT_BEHIND.sub("", done.stderr)
    return done.stderr


def compare(words, env, interpreter=(), options=(), **more):
    """Runs python WORDS and python -m csock WORDS: stdout, stderr and status are the same."""
    plain = run(sys.executable, *interpreter, *words, env=env, **more)
    ours = run(sys.executable, *interpreter, "-m", "csock", *options, *words, env=env, **more)
    assert ours.stdout == plain.stdout
    assert stderr_of(ours) == stderr_of(plain)
    assert ours.returncode == plain.returncode
    return ours
