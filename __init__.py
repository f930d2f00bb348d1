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
    beside = os.path.dirname(_HERE)
    path = [entry for entry in sys.path if os.path.abspath(entry) != beside]
    return PathFinder.find_spec(__name__, path)


_spec = _installed()
if _spec is None or _spec.loader is None:
    raise ImportError(
        f"csock is not installed: {_HERE} is its source. README.md there says how it is installed: "
        f"python3 -m venv env && env/bin/pip install {_HERE}"
    )
sys.modules[__name__] = module_from_spec(_spec)
_spec.loader.exec_module(sys.modules[__name__])
