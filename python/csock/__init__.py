"""Sockets: the module of 1998, today's socket module, and what goes beyond them.

Everything of `csock.dropin` is here, which has exactly the names of CPython's own socket module,
and the constants of Linux that CPython does not have. `SocketType` is the class of the objects
that `socket()` makes, as it was in 1998.
"""

import importlib.util
import sys


def _load_extension():
    """Load both modules of the one shared object, which is found as csock._core.

    csock._socket comes first: it has the state and the types that csock._core uses, too.
    """
    core = importlib.util.find_spec("csock._core")
    if core is None:
        raise ImportError("csock is not built: it has no extension module csock._core")
    loader = type(core.loader)("csock._socket", core.origin)
    spec = importlib.util.spec_from_file_location("csock._socket", core.origin, loader=loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules["csock._socket"] = module
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules["csock._socket"]
        raise
    return module


_socket = _load_extension()

from . import _core, dropin  # noqa: E402
from .dropin import *  # noqa: E402, F403
from .dropin import (  # noqa: E402
    EAGAIN,
    EBADF,
    EWOULDBLOCK,
    AddressInfo,
    MsgFlag,
    SocketIO,
    socket,
)

SocketType = socket

_more = {
    name: value
    for name, value in vars(_core).items()
    if isinstance(value, (int, str)) and not name.startswith("_")
}
globals().update(_more)

__all__ = [
    "EAGAIN",
    "EBADF",
    "EWOULDBLOCK",
    "AddressInfo",
    "MsgFlag",
    "SocketIO",
    *dropin.__all__,
    *_more,
]
