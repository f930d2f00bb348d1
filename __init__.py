"""Not the package: what `import csock` finds in a folder that holds a clone of csock, named csock.

Without this file it would find an empty namespace. If csock is installed, that is what is imported;
otherwise an error says that it is not.
"""

import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec

_HERE = os.path.dirname(os.path.abspath(__file__))


def _installed() -> ModuleSpec | None:
    path = [entry for entry in sys.path if not _has_clone(entry)]
    return PathFinder.find_spec(__name__, path)


def _has_clone(entry: str) -> bool:
    """This one, by whatever name, or another, which would look for this one in its turn."""
    if os.path.abspath(entry) == os.path.dirname(_HERE):
        return True
    return os.path.exists(os.path.join(entry, __name__, "meson.build"))


_spec = _installed()
if _spec is None or _spec.loader is None:
    raise ImportError(
        f"csock is not installed: {_HERE} is its source. README.md there says how it is installed: "
        f"python3 -m venv env && env/bin/pip install {_HERE}"
    )
sys.modules[__name__] = module_from_spec(_spec)
_spec.loader.exec_module(sys.modules[__name__])
