"""csock._socket: what CPython calls `_socket`. This file puts the extension in its own place.

The one shared object of csock carries two modules and is found as csock._core; import machinery
does not find the other one, which has the state and the types of both. Must not import `socket`.
"""

import sys
from _frozen_importlib import ModuleSpec  # as in importlib.machinery, which takes time to load
from _frozen_importlib_external import ExtensionFileLoader, PathFinder


def _load(package):
    core = PathFinder.find_spec("csock._core", package.__path__)
    if core is None:
        raise ImportError("csock is not built: it has no extension module csock._core")
    loader = ExtensionFileLoader(__name__, core.origin)
    spec = ModuleSpec(__name__, loader, origin=core.origin)
    # As importlib.util.module_from_spec does, whose module costs more to import than this one.
    module = loader.create_module(spec)
    module.__spec__, module.__loader__, module.__file__ = spec, loader, core.origin
    module.__package__ = package.__name__
    names = [__name__]
    if package._standing_in:
        # Where the extension finds itself as `_socket` its error classes are its own; elsewhere
        # they are those of the stock module, which it then imports.
        names.append("_socket")
    before = {name: sys.modules.get(name) for name in names}
    spec._initializing = True  # others wait for the import's lock
    try:
        sys.modules.update(dict.fromkeys(names, module))
        loader.exec_module(module)
    except BaseException:
        for name, old in before.items():
            if old is None:
                del sys.modules[name]
            else:
                sys.modules[name] = old
        raise
    finally:
        spec._initializing = False


_load(sys.modules["csock"])
