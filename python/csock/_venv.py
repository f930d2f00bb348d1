"""`python -m csock --enable`, `--disable`, `--status`: csock in every program of an environment.

That is a file csock.pth in its site-packages, with the line of _pth.py. Nothing else is touched.
Each returns the command's exit status.
"""

import os
import subprocess
import sys
import sysconfig

import csock
from csock import _pth

_PATH = os.path.join(sysconfig.get_path("purelib"), "csock.pth")
_TEXT = (
    "# csock in the place of socket: written by `python -m csock --enable`, removed by --disable.\n"
    f"{_pth.LINE}\n"
)
_CHECK = (
    "import sys, socket, csock; "
    "print('yes' if csock._installed() else 'no', file=sys.stdout)"
)


def _is_venv():
    return sys.prefix != sys.base_prefix


def _is_there():
    try:
        with open(_PATH, encoding="utf-8", errors="replace") as file:
            return "csock._pth" in file.read()
    except FileNotFoundError:
        return False


def _probe():
    """(whether csock is in place in a fresh interpreter of this environment, why not)"""
    env = {name: value for name, value in os.environ.items() if name != "CSOCK_DISABLE"}
    # -I: no PYTHONPATH, and no folder that this was called in.
    command = [sys.executable, "-I", "-c", _CHECK]
    done = subprocess.run(command, env=env, capture_output=True, text=True, errors="replace")
    if done.stdout.strip() == "yes":
        return True, ""
    lines = done.stderr.strip().splitlines()
    return False, (lines[0] if len(lines) == 1 else lines[-1]) if lines else "it has stock's socket"


def _write():
    temporary = f"{_PATH}.{os.getpid()}"
    try:
        with open(temporary, "x", encoding="utf-8") as file:
            file.write(_TEXT)
        os.replace(temporary, _PATH)
    except BaseException:
        if os.path.exists(temporary):
            os.remove(temporary)
        raise


def enable(force):
    if not _is_venv() and not force:
        print(
            f"csock: {sys.prefix} is no virtual environment: csock would be in the place of "
            "socket in every program of this Python. If you want that, add --force",
            file=sys.stderr,
        )
        return 1
    was_there = _is_there()
    _write()
    works, why = _probe()
    if works:
        print(f"csock: {'still' if was_there else 'now'} in place in {sys.prefix}, by {_PATH}")
        if csock._hatch_open():
            print("csock: but CSOCK_DISABLE is set here: programs started with it have stock's")
        return 0
    if not was_there:
        os.remove(_PATH)
    print(f"csock: does not work in {sys.prefix}, nothing is changed: {why}", file=sys.stderr)
    return 1


def disable(force):
    if not _is_there():
        print(f"csock: not in place in {sys.prefix}: there is no {_PATH}")
        return 0
    os.remove(_PATH)
    print(f"csock: no more in place in {sys.prefix}: {_PATH} is removed")
    return 0


def status(force):
    works, why = _probe()
    print(f"environment    {sys.prefix}, {'virtual' if _is_venv() else 'not a virtual one'}")
    print(f"file           {_PATH}: {'there' if _is_there() else 'not there'}")
    hatch = csock._hatch_open()
    first = "no: CSOCK_DISABLE is set; without it " if hatch else ""
    print(f"in place       {first}{'yes' if works else 'no'}, as a fresh interpreter says")
    if _is_there() and not works:
        print(f"why not        {why}")
    return 0 if works and not hatch else 1


def main(action, force):
    try:
        return {"enable": enable, "disable": disable, "status": status}[action](force)
    except OSError as error:
        print(f"csock: {error}", file=sys.stderr)
        return 1
