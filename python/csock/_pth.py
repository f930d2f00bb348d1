"""csock in place before a program begins: what csock.pth imports, and csock.start calls.

Runs in every interpreter of an environment, so it must neither break one nor cost time: what has
no use for sockets does not load csock. A finder of imports waits for the program's first
`import socket` and puts csock in place then. The line for the .pth file is here, too; whoever
writes one takes it from here.
"""

import sys
from _thread import get_ident

import csock

ModuleSpec = type(csock.__spec__)  # without importlib.machinery, which takes time to load

# It has to be one line that begins with `import`, and must not raise if csock is gone. Python runs
# the files of a virtual environment twice; what goes wrong is said once.
LINE = (
    "import sys; exec('try:\\n import csock._pth\\n csock._pth.begin(\"csock.pth\")\\n"
    "except Exception as e:\\n if not hasattr(sys, \"_csock_pth\"):\\n"
    "  sys._csock_pth = print(f\"csock: csock.pth in the site-packages of {sys.prefix} does \"\\n"
    "   f\"not work: {e}; remove that file, or install csock again\", file=sys.stderr)')"
)

# What csock.start names, from 3.15 on.
START = "csock._pth:start"

_failed = False


def _complain(by, error):
    global _failed
    if not _failed:
        _failed = True
        csock._say(f"not in place by {by}: {error}")


class _Finder:
    """Finder and loader of _PLACES and of csock's own modules, asked before all others: whichever
    of them comes first, csock is put in place. It stays in sys.meta_path when its work is done:
    other threads may be walking down that list."""

    def __init__(self, by):
        self.by, self.thread = by, None
        self.asked = {}  # by thread: the place that it has begun to import, and got nowhere yet
        self.kept = set()  # the places whose modules cannot be loaded twice any more

    def find_spec(self, name, path=None, target=None):
        if csock._finder is self and self.thread != get_ident():
            mine = name in csock._PLACES or name in csock._LOADED
        else:  # another thread may have put it there since this import looked
            mine = name in csock._PLACES and name in sys.modules and target is None
        if mine:
            self.asked[get_ident()] = name
        return ModuleSpec(name, self) if mine else None

    def is_package(self, name):
        return False

    def get_code(self, name):  # for runpy, which loads nothing before it has this
        return None

    def create_module(self, spec):
        # The import system holds the lock of one of these modules here, and another thread perhaps
        # that of another: those of _PLACES are not asked for.
        self.asked.pop(get_ident(), None)
        self._put_in_place()
        __import__(spec.name)  # stock's, if csock is not there
        module = sys.modules[spec.name]
        spec.loader_state = module.__spec__
        return module

    def _put_in_place(self):
        csock._locked(csock._LOADED, self._put_in_place_locked)

    def _put_in_place_locked(self):
        try:
            if csock._finder is self:
                self.thread = get_ident()
                csock._put_in_place()
                csock._finder = None
        except Exception as error:
            _complain(self.by, error)
            csock._finder = None
        finally:  # KeyboardInterrupt leaves it waiting
            self.thread = None

    def keep(self, module, place):
        """An import of the place that another thread overtakes, after it has found nothing there,
        loads by its __spec__ what is there by then: the module once more, were it not for this; and
        that one may not be complete. Whoever loads a copy of it on purpose has not asked us for the
        place."""
        if place in self.kept:
            return
        self.kept.add(place)
        asked, loader = self.asked, module.__spec__.loader
        create, execute = loader.create_module, loader.exec_module

        def create_module(spec):
            if asked.get(get_ident()) != place:
                return create(spec)
            return csock._locked(csock._LOADED, lambda: module)  # when that import has ended

        def exec_module(what):
            if asked.pop(get_ident(), None) != place or what is not module:
                execute(what)

        loader.create_module, loader.exec_module = create_module, exec_module

    def exec_module(self, module):
        module.__spec__ = module.__spec__.loader_state  # the import system has put ours there


def begin(by):
    """Have csock in place when the program imports `socket`; at once if something has imported it
    already. What keeps csock from that is said in one line, and stock stays in place."""
    try:
        if csock._installed() or csock._finder is not None or csock._disabled():
            return
        if sys.modules.keys().isdisjoint((*csock._PLACES, "_ssl")):
            csock._finder = _Finder(by)
            sys.meta_path.insert(0, csock._finder)
        else:
            csock.install()
        csock._by = by
    except Exception as error:
        _complain(by, error)


def start():
    begin("csock.start")
