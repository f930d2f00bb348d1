"""`python -m csock --children`: the interpreters that a program starts have csock, too.

They are reached by the sitecustomize in csock's own folder _hook, which PYTHONPATH names first; it
says what it does. Interpreters that ignore PYTHONPATH (-E, -I) or site (-S) are not reached.

Nothing is written anywhere, so that nobody but who may change csock itself can put something else
in its place, now or when the program has long ended.
"""

import os
import sys

import csock

_HOOK = os.path.join(os.path.dirname(os.path.abspath(csock.__file__)), "_hook")


def _entries():
    before = os.environ.get("PYTHONPATH")
    return before.split(os.pathsep) if before else []


def is_set():
    """Whether this is a child itself, or has executed itself again."""
    return _entries()[:1] == [_HOOK]


def _unreachable():
    """Why no interpreter would have csock by the hook, or None."""
    if os.pathsep in _HOOK:
        return f"PYTHONPATH cannot name {_HOOK}, as it has a {os.pathsep!r} in it"
    if not os.path.exists(os.path.join(_HOOK, "sitecustomize.py")):
        return f"there is no {_HOOK}/sitecustomize.py"
    extension = os.path.abspath(csock._core.__file__)
    if os.path.dirname(extension) != os.path.dirname(_HOOK):
        return f"{extension} is not beside {_HOOK}"
    return None


def begin():
    if is_set():
        return  # what there is to say has been said
    if sys.flags.ignore_environment or sys.flags.no_site:
        csock._say("--children cannot reach interpreters that run with -E, -I or -S, as this one")
    reason = _unreachable()
    if reason:
        csock._say(f"--children cannot reach any interpreter: {reason}")
        return
    others = [entry for entry in _entries() if entry != _HOOK]
    os.environ["PYTHONPATH"] = os.pathsep.join([_HOOK, *others])
