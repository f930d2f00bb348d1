"""`python -m csock --enable`, `--disable`, `--status`: csock in every program of an environment.

That is a file csock.pth in its site-packages, with the line of _pth.py, and from 3.15 on
csock.start beside it (PEP 829), which takes its place there. Nothing else is touched. Each returns
the command's exit status.
"""

import os
import subprocess
import sys
import sysconfig

import csock
from csock import _pth

_PATH = os.path.join(sysconfig.get_path("purelib"), "csock.pth")
_START = os.path.join(sysconfig.get_path("purelib"), "csock.start")
_HEAD = (
    "# csock in the place of socket: written by `python -m csock --enable`, removed by --disable.\n"
)
_FILES = {_PATH: f"{_HEAD}{_pth.LINE}\n"}
if sys.version_info >= (3, 15):
    _FILES[_START] = f"{_HEAD}{_pth.START}\n"
_CHECK = (
    "import sys, socket, csock; "
    "print('yes' if csock._installed() else 'no', file=sys.stdout)"
)


_TLS = {"csock": "waits in csock", "ssl": "waits in ssl, as without csock: it was loaded first"}
_CHECK_TLS = "import ssl, csock; print('csock' if csock._core.has_ssl(ssl.SSLSocket) else 'ssl')"


def _is_venv():
    return sys.prefix != sys.base_prefix


def _is_ours(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return "csock._pth" in file.read()
    except FileNotFoundError:
        return False


def _is_foreign(path):
    """Whether somebody else has a file of that name."""
    return os.path.lexists(path) and not _is_ours(path)


def _there():
    """Those of the files that are there, also where another version of csock has left them."""
    return [path for path in (_PATH, _START) if _is_ours(path)]


def _ask(code):
    """What a fresh interpreter of this environment has to say."""
    env = {name: value for name, value in os.environ.items() if name != "CSOCK_DISABLE"}
    # -I: no PYTHONPATH, and no folder that this was called in.
    command = [sys.executable, "-I", "-c", code]
    return subprocess.run(command, env=env, capture_output=True, text=True, errors="replace")


def _probe():
    """(whether csock is in place in a fresh interpreter of this environment, why not)"""
    done = _ask(_CHECK)
    if done.stdout.strip() == "yes":
        return True, ""
    lines = done.stderr.strip().splitlines()
    return False, lines[-1] if lines else "it has stock's socket"


def _write(path, text):
    temporary = f"{path}.{os.getpid()}"
    try:
        with open(temporary, "x", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
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
    foreign = [path for path in _FILES if _is_foreign(path)]
    if foreign:
        print(
            f"csock: {foreign[0]} was not written by csock, and stays as it is: nothing is "
            "changed. Rename or remove it first",
            file=sys.stderr,
        )
        return 1
    was_there = _there()
    for path, text in _FILES.items():
        _write(path, text)
    works, why = _probe()
    if works:
        print(f"csock: {'still' if was_there else 'now'} in place in {sys.prefix}, by {_PATH}")
        if csock._hatch_open():
            print("csock: but CSOCK_DISABLE is set here: programs started with it have stock's")
        return 0
    for path in _there():
        if path not in was_there:
            os.remove(path)
    print(f"csock: does not work in {sys.prefix}, nothing is changed: {why}", file=sys.stderr)
    return 1


def disable(force):
    there = _there()
    for path in there:
        os.remove(path)
    if there:
        gone = f"{' and '.join(there)} {'is' if len(there) == 1 else 'are'} removed"
        print(f"csock: no more in place in {sys.prefix}: {gone}")
    elif _is_foreign(_PATH):
        print(f"csock: not in place in {sys.prefix}: {_PATH} was not written by csock, and stays")
    else:
        print(f"csock: not in place in {sys.prefix}: there is no {_PATH}")
    return 0


def _state(path):
    if _is_foreign(path):
        return "not there, but one that was not written by csock"
    return "there" if _is_ours(path) else "not there"


def status(force):
    works, why = _probe()
    print(f"environment    {sys.prefix}, {'virtual' if _is_venv() else 'not a virtual one'}")
    for path in sorted({*_FILES, *_there()}):
        print(f"file           {path}: {_state(path)}")
    hatch = csock._hatch_open()
    first = "no: CSOCK_DISABLE is set; without it " if hatch else ""
    print(f"in place       {first}{'yes' if works else 'no'}, as a fresh interpreter says")
    if _there() and not works:
        print(f"why not        {why}")
    if works:
        waits = _ask(_CHECK_TLS).stdout.strip()
        print(f"TLS            {_TLS.get(waits, 'this Python has no ssl')}")
    return 0 if works and not hatch else 1


def main(action, force):
    try:
        return {"enable": enable, "disable": disable, "status": status}[action](force)
    except OSError as error:
        print(f"csock: {error}", file=sys.stderr)
        return 1
