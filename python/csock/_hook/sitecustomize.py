"""What `python -m csock --children` has the interpreters import that a program starts: it puts
csock in the place of socket, takes this folder out of sys.path, and gives way to the sitecustomize
that the interpreter would have imported.

Any Python may come here, also one for which csock is not built: it must parse on all of them, and
leave those alone. Must not import anything but csock, nor change the order of sys.path: the modules
of the program and of the standard library are found as without it.
"""

import os
import sys


def _fits(package):
    """Whether csock's extension is there for this very interpreter."""
    if sys.version_info < (3, 11):  # noqa: UP036 (others come, too)
        return False
    try:
        from _imp import extension_suffixes
    except ImportError:
        from importlib.machinery import EXTENSION_SUFFIXES as suffixes
    else:
        suffixes = extension_suffixes()
    return any(os.path.exists(package + "/_core" + suffix) for suffix in suffixes)


def _load(package):
    """csock from its own folder, wherever sys.path would find one."""
    try:  # what importlib has, which takes time to load
        from _frozen_importlib import module_from_spec
        from _frozen_importlib_external import PathFinder
    except ImportError:
        from importlib.machinery import PathFinder
        from importlib.util import module_from_spec

    spec = PathFinder.find_spec("csock", [os.path.dirname(package)])
    if spec is None or spec.loader is None:
        return  # it has been removed
    module = sys.modules["csock"] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules["csock"]
        raise


def _begin(package):
    try:
        if "csock" not in sys.modules and _fits(package):
            _load(package)
        if "csock" in sys.modules:
            from csock._pth import begin

            begin("--children")
    except Exception as error:
        sys.stderr.write("csock: not in place by --children: %s\n" % error)  # noqa: UP031


if __name__ == "sitecustomize":
    _here = os.path.dirname(__file__)
    sys.path[:] = [folder for folder in sys.path if folder != _here]
    _begin(os.path.dirname(_here))
    del sys.modules["sitecustomize"]
    __import__("sitecustomize")  # the next one, if there is any
