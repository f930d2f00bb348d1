"""The two sides of a comparison: throw-away virtual environments of one Python, with and without
csock in the place of the socket module.

csock comes in by a .pth file, so that the interpreter has it and so do those that tests start, with
-I and -E too (not with -S). Sits on meson and ninja of the Python that runs this, unless a built
csock is given. Runs no tests.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]

PROBE = """
import json, types
import socket, _socket
try:
    from ssl import SSLSocket
    waits = isinstance(SSLSocket.recv, types.FunctionType)
except ImportError:
    waits = None
print(json.dumps([socket.__file__, getattr(_socket, "__file__", None) or "", waits]))
"""


class NotReady(Exception):
    """A side cannot be made: its text says why."""


@dataclass(frozen=True)
class Side:
    name: str  # stock or csock
    python: str


def run(words, log, **more):
    """Run a step of the set-up; its output goes to a file, whose end explains a failure."""
    with open(log, "ab") as output:
        status = subprocess.run(words, stdout=output, stderr=subprocess.STDOUT, **more).returncode
    if status != 0:
        tail = log.read_text(errors="replace").splitlines()[-15:]
        raise NotReady("\n".join([f"{words[0]} ended with {status}; the end of {log}:", *tail]))


def build(python, folder):
    """csock for one Python, as users get it, without touching that Python: the folder to import
    it from."""
    made, site = folder / "build", folder / "site"
    log, native = folder / "build.log", folder / "native.ini"
    log.write_bytes(b"")
    native.write_text(f"[binaries]\npython = '{python.executable}'\n")
    env = {**os.environ, "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"}
    meson = [sys.executable, "-m", "mesonbuild.mesonmain"]
    if not (made / "build.ninja").exists():
        options = [f"--native-file={native}", "-Dextension=enabled", "-Dtests=disabled"]
        options += [f"-Dpython.{kind}libdir={site}" for kind in ("plat", "pure")]
        shutil.rmtree(made, ignore_errors=True)
        run([*meson, "setup", made, ROOT, f"--prefix={folder / 'prefix'}", *options], log, env=env)
    run([*meson, "compile", "-C", made], log, env=env)
    shutil.rmtree(site, ignore_errors=True)
    install = ["install", "-C", made, "--no-rebuild", "--quiet", "--tags=python-runtime"]
    run([*meson, *install], log, env=env)
    return site


def environment(python, folder, name):
    """A fresh virtual environment: its interpreter, and its site-packages."""
    home = folder / name
    shutil.rmtree(home, ignore_errors=True)
    log = folder / f"venv-{name}.log"
    run([python.executable, "-I", "-m", "venv", "--without-pip", home], log)
    (packages,) = (home / "lib").glob("python*/site-packages")  # python3.13t has another name
    return str(home / "bin" / "python"), packages


def probe(interpreter, env, *options):
    """Where an interpreter takes its sockets from, and whether ssl waits by itself there: None
    where it has no ssl."""
    words = [interpreter, *options, "-c", PROBE]
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, **env})
    if done.returncode != 0 or done.stderr:
        raise NotReady(f"{interpreter} does not start cleanly:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout)


def stock_side(python, folder, env, name="stock"):
    interpreter, _ = environment(python, folder, name)
    file, _, waits = probe(interpreter, env)
    if pathlib.Path(file).name != "socket.py" or waits is False:
        raise NotReady(f"{interpreter} has csock, but was to be stock")
    return Side(name, interpreter)


def csock_side(python, folder, env, site):
    interpreter, packages = environment(python, folder, "csock")
    (packages / "csock-conformance.pth").write_text(f"{site}\nimport csock; csock.install()\n")
    for options in ((), ("-I",)):
        file, shared, waits = probe(interpreter, env, *options)
        if not (file.startswith(f"{site}{os.sep}") and shared.startswith(f"{site}{os.sep}")):
            raise NotReady(f"csock is not in place: socket is {file}, _socket is {shared}")
        if waits:
            raise NotReady("csock is in place, but ssl waits by itself")
    return Side("csock", interpreter)


def make(python, folder, env, site=None, control=False):
    """Both sides, for tests with `env` in their environment; with `control` both are stock, which
    tries out the runner and the machine."""
    folder.mkdir(parents=True, exist_ok=True)
    stock = stock_side(python, folder, env)
    if control:
        return stock, stock_side(python, folder, env, "stock2")
    return stock, csock_side(python, folder, env, site or build(python, folder))
