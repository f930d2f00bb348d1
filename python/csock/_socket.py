"""csock._socket: what CPython calls `_socket`. The one shared object of csock carries two modules,
and is found as csock._core; this file is for those who ask for this one first.

Must not import csock._core, which waits for this module: other threads would meet it half-way.
"""

import sys

from ._interp import PathFinder


def _load(package):
    core = PathFinder.find_spec("csock._core", package.__path__)
    if core is None:
        raise package._not_built()
    package._make_socket(core.origin)


_load(sys.modules["csock"])
