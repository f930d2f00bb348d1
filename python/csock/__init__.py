"""Sockets: the module of 1998, today's socket module, and what goes beyond them.

Everything of `csock.dropin` is here, which has exactly the names of CPython's own socket module,
and the constants of Linux that CPython does not have. `SocketType` is the class of the objects
that `socket()` makes, as it was in 1998. `install()` puts `csock.dropin` in the place of `socket`,
before anything else imports that; `python -m csock app.py` does so for a program as it is, and
CSOCK_DISABLE=1 in the environment turns all of it off.

Beyond the socket module: `deadline` bounds all that waits in a block of code, `close()` ends the
calls of other threads, `dial()` connects to the first address that answers, `is_alive()` looks at
a connection, `Reader` loses nothing after a timeout, `lookups()` shows look-ups of names,
`stats()` what sockets carry, `trace()` what the program waits for, `capture()` all that goes over a
socket. From outside: `python -m csock --ps` shows which threads wait, and on whom.

Importing this brings none of it: the names come when the first of them is asked for. Until then
install() can still decide whose error classes they use, and a program that only installs csock
has not loaded the stock module.
"""

# Nothing that costs time may be imported here.

import os
import sys

# Whether CPython's insides are left alone: see _interp.py. The build puts its option there.
_PLAIN = "@plain_python@" == "true" or sys.version_info >= (3, 16)

_OURS = "csock.dropin", "csock._socket"
_PLACES = "socket", "_socket"

# What put csock in place before the program began, if anything did: for a message. Until the
# program imports `socket` it may be a finder (see _pth.py) that waits for that. All of it outlives
# importlib.reload().
_by = globals().get("_by")
_finder = globals().get("_finder")

# Set by install() while it loads csock to stand in for stock: what is made then says from the start
# that it is from `socket` or `_socket`.
_standing_in = False

_told = globals().get("_told", False)

# Whether create_connection() lets addresses race: CSOCK_RACE=0 and install(race=False) say no.
_races = os.environ.get("CSOCK_RACE") != "0"

# Beside those of dropin.__all__.
_MORE = ("EAGAIN", "EBADF", "EWOULDBLOCK", "AddressInfo", "MsgFlag", "SocketIO")
# csock's own, beside install() and uninstall(). `import *` brings none of them. Those of the reader
# are made when the first of them is asked for.
_READER = ("Reader", "IncompleteReadError", "LimitOverrunError")
_CLASSES = {"Span": "_trace", "Capture": "_capture", "Lookup": "_core", "Stats": "_core"}
_OWN = ("Attempt", "DeadlineExceeded", "current_deadline", "deadline", "dial", "is_alive")
_OWN += ("lookups", "stats")


def _hatch_open():
    return os.environ.get("CSOCK_DISABLE", "0") not in ("", "0")


def _disabled():
    """Whether CSOCK_DISABLE tells every way in to leave stock in place. The first time, says so."""
    global _told
    if not _hatch_open():
        return False
    if not _told:
        _told = True
        _say("CSOCK_DISABLE is set: the standard library's socket module is used")
    return True


def _say(text, who="csock"):
    """One line on stderr, whatever state that is in."""
    try:
        sys.stderr.write(f"{who}: {text}\n")
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        pass  # none, or closed: nobody to tell


def _trace_if_asked():
    """CSOCK_TRACE=dial, all; CSOCK_PCAP. csock.dropin calls it, while there are files to load."""
    if folder := os.environ.get("CSOCK_PCAP"):
        from ._capture import capture_all

        capture_all(folder, os.environ.get("CSOCK_PCAP_TLS", ""), _say)
    asked = os.environ.get("CSOCK_TRACE")
    if not asked:
        return
    words = asked.split(",")
    if "dial" in words:
        from ._waterfall import trace

        trace(_say)
    if "all" in words:
        from ._trace import say_all

        say_all(_say)
    if unknown := set(words) - {"all", "dial", "", "0"}:
        _say(f"CSOCK_TRACE takes all and dial, and not {', '.join(sorted(unknown))}")


def capture(sock, path, *, tls=None, snaplen=0):
    """Write what sock sends and receives from now on to a new file, as pcapng: for Wireshark and
    tshark. A csock.Capture, whose close() ends it; closing sock does, too. tls="plain": of an
    ssl.SSLSocket, what the program reads and writes. See docs/seeing.md."""
    _loaded("_core")
    from ._capture import capture

    return capture(sock, path, tls=tls, snaplen=snaplen)


def trace(function):
    """Have function called with a csock.Span after each look-up, connect, TLS handshake, and each
    receive and send that had to wait, in the thread that was in it; None: nobody any more. What it
    raises goes to sys.unraisablehook. See docs/seeing.md."""
    if function is not None and not callable(function):
        raise TypeError(f"trace() takes a function or None, not {type(function).__name__}")
    if not _disabled():
        from ._trace import trace

        trace(function)


def adapt(*libraries):
    """Have libraries that go through a host's addresses themselves use csock.dial(): "urllib3"
    (requests, botocore, docker), "redis"; without arguments all of them. Those that are not
    loaded yet are adapted when they are. uninstall() undoes it.

    RuntimeError: csock is not in place, or knows nothing of that version of the library.
    """
    if not _disabled():
        from ._adapt import adapt

        adapt(libraries)


def install(force=False, *, race=True):
    """Have csock stand in for `socket` in this program: `import socket` gives `csock.dropin`.

    Call it before `socket`, `ssl` or anything that uses them is imported. Otherwise it raises
    RuntimeError, which names the modules that hold the stock one. With force they get csock where
    they refer to the module by its name; what they took out of it, classes derived from it, and
    `ssl` stay as they are. Without race `create_connection()` tries the addresses of a host one
    after the other, as the stock one does, each with the whole timeout.
    """
    global _finder, _races
    if _disabled():
        return
    if _finder is not None:
        __import__(_OURS[0])  # it does all of this, unless it is out of sys.meta_path
    def install():
        global _finder
        _finder = None
        if not _installed():
            _locked(_PLACES, lambda: _put_in_place(force))

    _locked(_LOADED, install)
    _races = race and os.environ.get("CSOCK_RACE") != "0"


def _put_in_place(force=False):
    """What install() does under the locks of imports."""
    if sys.modules.keys().isdisjoint((*_OURS, *_PLACES, "_ssl")):
        for module, place in zip(_load_ours(stand_in=True), _PLACES, strict=True):
            _take_place(module, place)
    else:
        from ._install import install_beside_others

        install_beside_others(force)


def _take_place(module, place):
    if _finder is not None:  # before it can be seen there
        _finder.keep(module, place)
    sys.modules[place] = module


def uninstall():
    """Undo install(). RuntimeError, which says why, if something holds on to csock by now."""
    global _finder, _races
    _finder = None
    from ._install import uninstall

    uninstall()
    if f"{__name__}._adapt" in sys.modules:
        sys.modules[f"{__name__}._adapt"].undo()
    _races = os.environ.get("CSOCK_RACE") != "0"


def _installed():
    ours = [sys.modules.get(name) for name in _OURS]
    return None not in ours and ours == [sys.modules.get(name) for name in _PLACES]


# In the order in which an import takes their locks, so that neither waits for the other.
_LOADED = "csock.dropin", "csock._core", "csock._socket"


def _locked(names, function):
    """What function() returns. Meanwhile no import of these modules is under way in another thread,
    and none begins; this thread may import them."""
    if _PLAIN:
        from ._interp import locked

        return locked(names, function)
    from _frozen_importlib import _ModuleLockManager

    locks = []
    try:
        for name in names:
            lock = _ModuleLockManager(name)
            lock.__enter__()
            locks.append(lock)
        return function()
    finally:  # also KeyboardInterrupt, while another thread imports one of them
        for lock in reversed(locks):
            lock.__exit__()


def _load_ours(stand_in):
    """The modules of _OURS. If they stand in and are loaded now, they call themselves _PLACES."""
    global _standing_in
    _standing_in = stand_in
    before = set(sys.modules)
    try:
        for name in _OURS:
            __import__(name)
    except BaseException:
        if stand_in:
            sys.modules.pop(_PLACES[0], None)  # put there by what has failed
            # The rest says that it is from _PLACES, and has error classes of its own.
            for name in {*_OURS, "csock._core"} - before:
                sys.modules.pop(name, None)
                globals().pop(name.removeprefix("csock."), None)
        raise
    finally:
        _standing_in = False
    return [sys.modules[name] for name in _OURS]


def _make_enum(kind, name, module, constants):
    """Put the enum `name` of these constants into the module, and its members in their places."""
    if _PLAIN:
        from ._interp import make_enum

        make_enum(kind, name, module, constants)
        return
    from types import SimpleNamespace

    kind._convert_(name, module, str.isupper, SimpleNamespace(**constants))


def _load_names():
    """Put the names of the drop-in here; if CSOCK_DISABLE says so, those of stock."""
    names = globals()
    if _disabled():
        import socket as stock

        keep = {"adapt": adapt, "capture": capture, "install": install, "trace": trace}
        keep["uninstall"] = uninstall
        names.update({k: v for k, v in vars(stock).items() if not k.startswith("__")} | keep)
        names["__all__"] = stock.__all__
        return
    dropin = _loaded("dropin")
    own, all_names = names["_own_names"], (*dropin.__all__, *_MORE)
    # Some are made when they are asked for, and are not in there.
    found = {name: own[name] if name in own else getattr(dropin, name) for name in all_names}
    found["SocketType"] = own["socket"]
    found.update((name, getattr(_submodule("_core"), name)) for name in _OWN)
    names.update(found)  # at once: other threads look for `socket` to see whether they are here


def _load_reader():
    globals().update(zip(_READER, _loaded("_core").reader_classes(), strict=True))


def _load_class(name):
    module = _loaded(_CLASSES[name])
    if _CLASSES[name] == "_core":  # which makes it when it is asked for
        globals()[name] = getattr(module, f"{name.lower()}_class")()
    else:
        globals()[name] = getattr(module, name)


def _load_constants():
    """Put the constants that CPython lacks here, and all names into __all__."""
    _core, dropin = _loaded("_core"), _loaded("dropin")
    _core.load_constants()
    more = {
        name: value
        for name, value in vars(_core).items()
        if isinstance(value, int) and not name.startswith("_")
    }
    globals().update(more)
    globals()["__all__"] = [*_MORE, *dropin.__all__, *more]


def _find_version():
    try:
        from ._version import version
    except ModuleNotFoundError:
        raise _not_built() from None
    return version


def _not_built():
    return ImportError(f"csock is not built: no extension module csock._core in {__path__[0]}")


def _make_socket(origin):
    """csock._socket, from the file of csock._core, where no import would look for it."""
    if _PLAIN:
        from importlib.machinery import ExtensionFileLoader
    else:  # the same, without that, which takes time to load
        from _frozen_importlib_external import ExtensionFileLoader

    name = _OURS[1]
    loader = ExtensionFileLoader(name, origin)
    spec = type(__spec__)(name, loader, origin=origin)
    module = loader.create_module(spec)
    module.__spec__, module.__loader__, module.__file__ = spec, loader, origin
    module.__package__ = __name__
    if _standing_in:
        module.__name__ = "_socket"  # where its error classes are its own, and not stock's
    loader.exec_module(module)
    globals()["_socket"] = sys.modules[name] = module  # at once and complete, for other threads


def _find_or_make_socket(origin):
    """For csock._core, which sits on csock._socket."""
    def find_or_make():
        if _OURS[1] not in sys.modules:
            _make_socket(origin)
        return sys.modules[_OURS[1]]

    return _locked(_OURS[1:], find_or_make)


def _submodule(name):
    if not _disabled():
        try:
            __import__(f"{__name__}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}._core":
                raise
            raise _not_built() from None
        return sys.modules[f"{__name__}.{name}"]
    if name == "_core":
        raise AttributeError("CSOCK_DISABLE is set: csock has only what stock has")
    stock = "socket" if name == "dropin" else name
    __import__(stock)
    return sys.modules[stock]


def _loaded(name):
    """The submodule; without an import where it is here, as there may be none any more."""
    return globals().get(name) or _submodule(name)


def __getattr__(name):
    if name in ("dropin", "_socket", "_core"):
        return _submodule(name)
    if name == "__version__":
        return _find_version()
    if name != "__all__" and name.startswith("_"):
        # Also what the import system asks for before it looks for a module of that name.
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # The names of stock first. The constants that only csock has are more than two thousand: they
    # come when the first of them, or `*`, is asked for.
    names = globals()
    if "socket" not in names:
        _load_names()
    if name in _READER and not _disabled():
        _load_reader()
    elif name in _CLASSES and not _disabled():
        _load_class(name)
    elif name not in names and "__all__" not in names:
        _load_constants()
    try:
        return names[name]  # also if another thread has just loaded them
    except KeyError:
        message = f"module {__name__!r} has no attribute {name!r}"
        if name in (*_OWN, *_READER, *_CLASSES):  # or it would be there
            message = "CSOCK_DISABLE is set: csock has only what stock has"
        raise AttributeError(message, name=name, obj=_Spelling()) from None


class _Spelling:
    """Where a traceback looks for the name that was meant: in no list of more than 750."""

    def __dir__(self):
        names = *_MORE, *_READER, *_CLASSES, *_OWN, "SocketType", "adapt", "capture"
        return [*_submodule("dropin").__all__, *names, "install", "trace", "uninstall"]


def __dir__():
    __getattr__("__all__")
    return sorted(globals())
