"""Sockets: the module of 1998, today's socket module, and what goes beyond them.

Everything of `csock.dropin` is here, which has exactly the names of CPython's own socket module,
and the constants of Linux that CPython does not have. `SocketType` is the class of the objects
that `socket()` makes, as it was in 1998.
"""

import sys
from importlib.machinery import ExtensionFileLoader, ModuleSpec, PathFinder


def _load_extension():
    """Load csock._socket from the one shared object, which is found as csock._core.

    It comes first: it has the state and the types that csock._core uses, too.
    """
    core = PathFinder.find_spec("csock._core", __path__)  # noqa: F405
    if core is None:
        raise ImportError("csock is not built: it has no extension module csock._core")
    loader = ExtensionFileLoader("csock._socket", core.origin)
    spec = ModuleSpec("csock._socket", loader, origin=core.origin)
    # As importlib.util.module_from_spec does, whose module costs more to import than this one.
    module = loader.create_module(spec)
    module.__spec__, module.__loader__, module.__file__ = spec, loader, core.origin
    module.__package__ = "csock"
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


def _load_constants():
    """Put the constants that CPython lacks here, and all names into __all__."""
    _core.load_constants()
    more = {
        name: value
        for name, value in vars(_core).items()
        if isinstance(value, int) and not name.startswith("_")
    }
    globals().update(more)
    globals()["__all__"] = [
        "EAGAIN",
        "EBADF",
        "EWOULDBLOCK",
        "AddressInfo",
        "MsgFlag",
        "SocketIO",
        *dropin.__all__,
        *more,
    ]


def __getattr__(name):
    # Those constants are more than two thousand: they come when the first of them, or `*`, is
    # asked for.
    if "__all__" not in globals():
        _load_constants()
    try:
        return globals()[name]  # also if another thread has just loaded them
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None


def __dir__():
    if "__all__" not in globals():
        _load_constants()
    return sorted(globals())
