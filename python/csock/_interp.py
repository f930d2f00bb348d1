"""Every reach into CPython's insides from Python: modules and names that its documentation does
not have. No other file of the package has one, but for __init__.py, as a program that imports
sockets waits for each file that is loaded for that, and this one is not; and for the sitecustomize
of _hook, which begins in any Python. `make lint` looks for them. python/ext/shared/interp.h is the
same for C.

Each is known for CPython 3.11 to 3.15. Any other, and a build with -Dplain_python=true, gets the
plain way, which does the same and is slower.
"""

import sys
from _thread import get_ident

from csock import _PLAIN as PLAIN

if PLAIN:
    from importlib import machinery
    from importlib import util as machinery_util
else:  # what those have, which take time to load
    import _frozen_importlib
    import _frozen_importlib_external as machinery

    machinery_util = machinery

PathFinder, MAGIC_NUMBER = machinery.PathFinder, machinery_util.MAGIC_NUMBER


def loader(kind, name, *args):
    """importlib.machinery.<kind>(name, *args)."""
    return getattr(machinery, kind)(name, *args)


def builtin_importer():
    return machinery.BuiltinImporter if PLAIN else _frozen_importlib.BuiltinImporter


# ---- the locks of imports


def locked(names, function):
    """The plain way of csock._locked()."""
    return _importing((*names, _NEVER), function)


# The innermost: whoever is at this lets nobody else be, also where all of the names are loaded.
_NEVER = "csock._never"


class _Held(BaseException):
    """Ends an import that was begun for its lock alone."""


class _Holder:
    """Finder and loader: an import that a thread begins for its lock goes no further than here,
    where it has that, and no other. It stays in sys.meta_path, as other threads may be walking down
    that list."""

    def __init__(self):
        self.wanted = {}  # by thread: the name, and what to do inside

    def find_spec(self, name, path=None, target=None):
        wanted = self.wanted.get(get_ident())
        return type(__spec__)(name, self) if wanted and wanted[0] == name else None

    def create_module(self, spec):
        _, function = self.wanted.pop(get_ident())
        raise _Held(function())

    def exec_module(self, module):
        raise AssertionError("no module comes of this")

    def inside(self, name, function):
        if sys.meta_path[:1] != [self]:
            sys.meta_path.insert(0, self)
        self.wanted[get_ident()] = name, function
        try:
            __import__(name)  # which waits for another thread that is at it
        except _Held as held:
            return held.args[0]
        finally:
            self.wanted.pop(get_ident(), None)
        return function()  # it is loaded


_holder = _Holder()


def _importing(names, function):
    name, *rest = names
    return _holder.inside(name, (lambda: _importing(rest, function)) if rest else function)


# ---- enums


def make_enum(kind, name, module, constants):
    """The plain way of csock._make_enum()."""
    from enum import KEEP

    members = sorted((n for n in constants.items() if n[0].isupper()), key=lambda n: n[::-1])
    cls = kind(name, members, module=module, boundary=KEEP)
    if sys.version_info < (3, 12):
        cls.__reduce_ex__ = _by_name
    names = sys.modules[module].__dict__
    names.update(cls.__members__)
    names[name] = cls


def _by_name(self, protocol):
    """What pickle does with a member: its module has it by that name."""
    return self.name


# ---- what python does with its command line


def run_module_as_main(name, alter_argv=True):
    """What `python -m name` does, or for a folder or a zip file `python path`, with alter_argv
    False."""
    import runpy

    if not PLAIN:
        runpy._run_module_as_main(name, alter_argv)
        return
    try:
        spec = _spec_to_run(name) if alter_argv else _spec_in_folder(name)
        code = spec.loader.get_code(spec.name)
        if code is None:
            raise ImportError(f"No code object available for {spec.name}")
    except ImportError as error:
        sys.exit(f"{sys.executable}: {error}")
    if alter_argv:
        sys.argv[0] = spec.origin
    names = sys.modules["__main__"].__dict__
    names.update(__name__="__main__", __file__=spec.origin, __doc__=None, __loader__=spec.loader,
                 __package__=spec.parent, __spec__=spec)
    if sys.version_info < (3, 15):
        names["__cached__"] = spec.cached
    exec(code, names)


def _spec_of(name):
    from importlib.util import find_spec

    try:
        spec = find_spec(name)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        text = f"Error while finding module specification for {name!r} "
        raise ImportError(f"{text}({type(error).__name__}: {error})") from error
    if spec is None:
        raise ImportError(f"No module named {name}")
    if spec.submodule_search_locations is None and spec.loader is None:
        raise ImportError(f"{name!r} is a namespace package and cannot be executed")
    return spec


def _spec_to_run(name):
    """Of the module, or of what a package has for this."""
    spec = _spec_of(name)
    if spec.submodule_search_locations is None:
        return spec
    try:
        return _spec_of(f"{name}.__main__")
    except ImportError as error:
        text = f"{error}; {name!r} is a package and cannot be directly executed"
        raise ImportError(text) from error


def _spec_in_folder(name):
    """Of the `__main__` that the path's first entry has, and not of the one that runs."""
    running = sys.modules.pop(name)
    try:
        return _spec_of(name)
    except ImportError as error:
        text = f"can't find {name!r} module in {sys.path[0]!r}"
        raise (ImportError(text) if str(error) == f"No module named {name}" else error) from error
    finally:
        sys.modules[name] = running


def remember_source(code, source):
    """From 3.13 on tracebacks show the lines of -c."""
    import linecache

    if PLAIN:
        linecache.cache["<string>"] = len(source), None, source.splitlines(True), "<string>"
        return
    # Which of the two is the key changed within 3.13.
    by_code = hasattr(linecache, "_interactive_cache")
    linecache._register_code(code if by_code else "<string>", source, "<string>")


# ---- the children of multiprocessing


def prepares_child():
    """Whether multiprocessing loads the program's main module once more just now: in a child of
    spawn, or in the server that the children of forkserver come from."""
    process = sys.modules.get("multiprocessing.process")
    return bool(process) and getattr(process.current_process(), "_inheriting", False)


# ---- what C asks for


def stock_socket_type():
    """The class `_socket.socket` of stock, also where csock is in its place."""
    from importlib.util import module_from_spec

    name = "_socket"
    place = sys.modules.get(name)
    if place is not None and place is not sys.modules.get("csock._socket"):
        return place.socket
    spec = machinery.BuiltinImporter.find_spec(name) or PathFinder.find_spec(name)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    if place is None:  # some put themselves there
        sys.modules.pop(name, None)
    else:
        sys.modules[name] = place
    return module.socket


# ---- the stacks of another process


def _threads_of(stacks):
    """3.15 has them by interpreter."""
    for item in stacks:
        if hasattr(item, "interpreter_id"):
            yield from item.threads
        else:
            yield item


def _line_of(frame):
    number = getattr(frame, "lineno", None)
    if number is None:
        number = getattr(frame.location, "lineno", frame.location) if frame.location else "?"
    return f"{frame.filename}:{number}, in {frame.funcname}"


def stacks(pid):
    """{thread: [a line for each frame, the newest first]}, read from outside; or what is wrong. It
    needs a Python that is the other's, by version and build, and 3.14 at least."""
    if PLAIN or not (3, 14) <= sys.version_info < (3, 16):
        return RuntimeError("not on this Python")
    try:
        import _remote_debugging

        found = _remote_debugging.RemoteUnwinder(pid, all_threads=True).get_stack_trace()
        threads = _threads_of(found)
        return {t.thread_id: [_line_of(frame) for frame in t.frame_info] for t in threads}
    except Exception as error:
        return RuntimeError(f"{type(error).__name__}: {error}")
