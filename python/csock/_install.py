"""uninstall(), and install() where stock or csock is loaded already; __init__.py does the rest.

Sits on sys.modules, under the locks of imports. Must not import `socket` or `_socket`: a
program that installs csock first never loads the stock one. Nor does it decide what the names of
csock look like, but for `__module__`, which says "socket" or "_socket" while csock is that.
"""

import sys

import csock
from csock import _OURS, _PLACES

_SHOWN = 8  # of the modules that an error names

# Loaded before the first line of a program in a child of multiprocessing. They hold the stock
# module by its name alone, so that nothing of it stays when that is replaced.
_OF_CHILDREN = {
    f"multiprocessing.{name}"
    for name in ("connection", "forkserver", "reduction", "resource_sharer")
}

_displaced = {}  # what stood in _PLACES before
_replaced = []  # (module, name, stock's module): globals that install(force=True) changed
_ssl_before = None


def _taken(owners):
    """Identities of the modules, and of the classes and functions that others take out of them."""
    found = {id(owner) for owner in owners}
    for owner in owners:
        for value in list(vars(owner).values()):
            if callable(value) and getattr(value, "__module__", None) in (*_PLACES, *_OURS):
                found.add(id(value))
    return found


def _globals():
    """(name, globals) of the modules of other people."""
    for name, module in list(sys.modules.items()):
        names = getattr(module, "__dict__", None)
        ours = name == "csock" or name.startswith("csock.")
        if isinstance(names, dict) and name not in _PLACES and not ours:
            yield name, names


def _holders(owners, harmless):
    """Names of the modules that have one of the owners, or something of theirs, in a global."""
    taken = _taken(owners) - harmless
    return [
        name
        for name, names in _globals()
        if any(id(value) in taken for value in list(names.values()))
    ]


def _listed(names):
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(sorted(names)[:_SHOWN]) + more


def _stock():
    """The modules at _PLACES that are not ours."""
    found = {name: sys.modules.get(name) for name in _PLACES}
    ours = sys.modules.get(_OURS[1]), sys.modules.get(_OURS[0])
    return {name: m for name, m in found.items() if m is not None and m not in ours}


def _is_child_at_its_begin(stock, holders, shared):
    """Whether this is a child of multiprocessing that loads the program's first lines anew, and
    nobody but multiprocessing holds the stock module, and that nothing else of it."""
    if not _OF_CHILDREN.issuperset(holders) or _holders(
        stock.values(), shared.union(map(id, stock.values()))
    ):
        return False
    from csock import _interp

    return _interp.prepares_child()


def _check_unused(stock):
    # What csock has of stock stays what it is: its error classes, where csock is loaded by now.
    ours = sys.modules.get(_OURS[1])
    shared = set(map(id, vars(ours).values())) if ours else set()
    holders = _holders(stock.values(), shared)
    if "_ssl" in sys.modules:
        holders.append("_ssl")
    if _is_child_at_its_begin(stock, holders, shared):
        return
    # `_socket` alone, which nobody holds, is what csock itself took its error classes from.
    if holders or "socket" in stock:
        held = f"these modules hold it: {_listed(set(holders))}" if holders else "it is loaded"
        raise RuntimeError(
            "csock.install() comes too late to take the place of the stock socket module: "
            f"{held}. Call it before anything imports socket or ssl; or run the program by python "
            "-m csock; or install(force=True), which replaces what can be replaced"
        )


def _rename(module, before, after):
    """What a class or a function says it is from: pickle looks there, and users see it."""
    module.__name__ = after
    for value in filter(callable, list(vars(module).values())):
        if getattr(value, "__module__", None) != before:
            continue
        if isinstance(value, (type(_rename), type(len))):
            value.__module__ = after
        elif isinstance(value, type) and module.__spec__.name == _OURS[0]:
            # Not the classes of the extension: nobody can, and they say "_socket" at all times.
            value.__module__ = after
            for method in vars(value).values():
                if isinstance(method, type(_rename)) and method.__module__ == before:
                    method.__module__ = after


def _replace_globals(stock, ours):
    """In modules that refer to the stock module as a module. Nothing is done about the rest."""
    for module_name, names in _globals():
        for name, value in list(names.items()):
            for place, old in stock.items():
                if value is old:
                    names[name] = ours[place]
                    _replaced.append((module_name, name, old))


def _share_sentinel(dropin, stock):
    """Functions of modules that were imported before have stock's object for "no timeout given" as
    a default value, and hand it to create_connection()."""
    ours, theirs = dropin._GLOBAL_DEFAULT_TIMEOUT, stock._GLOBAL_DEFAULT_TIMEOUT
    dropin._GLOBAL_DEFAULT_TIMEOUT = theirs
    function = dropin.create_connection
    function.__defaults__ = tuple(theirs if v is ours else v for v in function.__defaults__)


def install_beside_others(force):
    """What install() does, which has the locks, in a program that is not as it was at its start."""
    global _ssl_before
    if csock._installed():
        return
    stock = _stock()
    if stock and not force:
        _check_unused(stock)
    dropin, ext = csock._load_ours(stand_in=not stock)
    _displaced.clear()
    _displaced.update(stock)
    _ssl_before = sys.modules.get("_ssl")
    for module, place in zip((dropin, ext), _PLACES, strict=True):
        csock._take_place(module, place)
    csock._core.watch_ssl()
    for module, before, after in zip((dropin, ext), _OURS, _PLACES, strict=True):
        if module.__name__ == before:  # loaded earlier, or not to stand in
            _rename(module, before, after)
    if "socket" in stock:
        _share_sentinel(dropin, stock["socket"])
    if stock:
        _replace_globals(stock, {"socket": dropin, "_socket": ext})


def _check_releasable():
    ours = {name: sys.modules[name] for name in _PLACES}
    back = {(module, name) for module, name, _ in _replaced}
    taken = _taken(ours.values())
    holders = {
        module
        for module, names in _globals()
        for name, value in list(names.items())
        if id(value) in taken and (module, name) not in back
    }
    if sys.modules.get("_ssl") is not _ssl_before:
        holders.add("_ssl")
    if holders:
        raise RuntimeError(
            f"csock.uninstall(): these modules hold what csock put in place: {_listed(holders)}"
        )


def _uninstall():
    global _ssl_before
    if not csock._installed():
        return
    _check_releasable()
    csock._core.leave_ssl()
    for name in _PLACES:
        del sys.modules[name]  # the next import loads the stock one
    sys.modules.update(_displaced)
    for before, after in zip(_PLACES, _OURS, strict=True):
        _rename(sys.modules[after], before, after)
    for module, name, stock in _replaced:
        names = getattr(sys.modules.get(module), "__dict__", {})
        if id(names.get(name)) in {id(sys.modules[ours]) for ours in _OURS}:
            names[name] = stock
    _replaced.clear()
    _displaced.clear()
    _ssl_before = None


def uninstall():
    csock._locked((*csock._LOADED, *_PLACES), _uninstall)
