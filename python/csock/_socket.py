"""csock._socket: what CPython calls `_socket`. The one shared object of csock carries two modules,
and is found as csock._core, which makes this one, too. Who asks for this one first gets it here."""

import sys

from . import _core

sys.modules[__name__] = _core._socket
