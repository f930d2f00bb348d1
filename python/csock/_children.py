"""`python -m csock --children`: the interpreters that a program starts have csock, too.

They are reached by a sitecustomize in a temporary folder, which PYTHONPATH names first. It installs
csock, takes the folder out of sys.path, and gives way to the sitecustomize that the interpreter
would have imported. Interpreters that ignore PYTHONPATH (-E, -I) or site (-S) are not reached.

The folder is removed when the program ends, by atexit. A program that is killed, or that calls
os._exit(), leaves it behind; the next one that is started with --children removes it.
"""

import atexit
import os
import shutil
import sys
import tempfile

import csock

_PREFIX = "csock-children-"

# Not another Python's extension, and nothing of csock's folder but csock itself.
_HOOK = '''\
"""Puts csock in the place of socket: written by `python -m csock --children`, and removed by it."""
import sys


def _begin(here, root, tag):
    if (sys.implementation.cache_tag, getattr(sys, "abiflags", "")) == tag:
        sys.path.insert(0, root)
        try:
            import csock
        except Exception as error:
            print(f"csock: not in place by --children: {{error}}", file=sys.stderr)
        else:
            from csock._pth import begin

            begin("--children")
        finally:
            sys.path.remove(root)
    sys.path[:] = [folder for folder in sys.path if folder != here]


_begin({here!r}, {root!r}, {tag!r})
del sys.modules["sitecustomize"]
import sitecustomize  # the next one, if there is any
'''


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass  # somebody else's, or no number of a process
    return True


def _sweep():
    """Remove the folders of programs that could not."""
    with os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            pid = entry.name.removeprefix(_PREFIX).partition("-")[0]
            if not entry.name.startswith(_PREFIX) or not pid.isdecimal() or _alive(int(pid)):
                continue
            if entry.is_dir(follow_symlinks=False) and entry.stat().st_uid == os.getuid():
                shutil.rmtree(entry.path, ignore_errors=True)


def _write(folder):
    root = os.path.dirname(os.path.abspath(csock.__path__[0]))
    tag = sys.implementation.cache_tag, getattr(sys, "abiflags", "")
    with open(os.path.join(folder, "sitecustomize.py"), "w", encoding="utf-8") as file:
        file.write(_HOOK.format(here=folder, root=root, tag=tag))
    # A file where the compiled module would go: none is written while the folder is removed.
    open(os.path.join(folder, "__pycache__"), "x").close()


def _remove(folder, owner):
    if os.getpid() == owner:  # not at the end of a fork
        shutil.rmtree(folder, ignore_errors=True)


def begin():
    if sys.flags.ignore_environment or sys.flags.no_site:
        csock._say("--children cannot reach interpreters that run with -E, -I or -S, as this one")
    _sweep()
    owner = os.getpid()
    folder = tempfile.mkdtemp(prefix=f"{_PREFIX}{owner}-")
    # The first to be registered is the last to run.
    atexit.register(_remove, folder, owner)
    _write(folder)
    os.chmod(folder, 0o755)  # for children that run as somebody else; it holds no secret
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = folder if not before else f"{folder}{os.pathsep}{before}"
