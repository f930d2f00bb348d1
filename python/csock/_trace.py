"""csock.trace() and CSOCK_TRACE=all: what a span looks like to programs, and as a line.

Sits on csock._core.tell_spans(). Imports nothing once it is loaded: spans are told when the program
may have no files any more."""

import _thread
import errno
import os
import sys
import time

from . import _core, _socket
from ._waterfall import plain

_base = _socket.socket
_TRANSPORTS = {
    (_socket.SOCK_STREAM, 0): "tcp",
    (_socket.SOCK_STREAM, _socket.IPPROTO_TCP): "tcp",
    (_socket.SOCK_DGRAM, 0): "udp",
    (_socket.SOCK_DGRAM, _socket.IPPROTO_UDP): "udp",
}
_TYPES = {_socket.AF_INET: "ipv4", _socket.AF_INET6: "ipv6"}


class Span:
    """Something that took time: name; start and end, in ns as of time.time_ns(); and attributes, by
    OpenTelemetry's names."""

    __slots__ = ("attributes", "end", "name", "start")
    name: str
    start: int
    end: int
    attributes: dict[str, str | int]

    def __repr__(self):
        span = (self.end - self.start) / 1e9
        return f"<csock.Span {self.name!r}, {span:.6f} s, {self.attributes}>"


def _error_type(error):
    """Its class; of a plain OSError the name of its number, which says more."""
    kind = type(error)
    if kind is OSError and error.errno in errno.errorcode:
        return errno.errorcode[error.errno]
    module = kind.__module__
    return kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"


def _peer_of(sock):
    try:
        return _base.getpeername(sock)
    except (OSError, UnicodeError):  # closed, or not connected
        return None


def _text(name):
    """Of what the system takes for a name, which is any bytes: exporters want Unicode."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _path(address):
    """Of AF_UNIX; b"\\0name" is an abstract one."""
    if isinstance(address, bytes):
        return "@" + address[1:].decode("utf-8", "backslashreplace")
    return _text(address)


def _attributes_of(sock, peer):
    # Of the base class: a subclass may have others, and an object that is closed has them, too.
    family, kind = (int(getattr(_base, name).__get__(sock)) for name in ("family", "type"))
    peer = peer or _peer_of(sock)
    found = {}
    if family == _socket.AF_UNIX:
        found["network.transport"] = "unix"
        if peer:
            found["network.peer.address"] = _path(peer)
    elif family in _TYPES:
        transport = _TRANSPORTS.get((kind, _base.proto.__get__(sock)))
        found.update({"network.transport": transport} if transport else {})
        found["network.type"] = _TYPES[family]
        if peer:
            found["network.peer.address"], found["network.peer.port"] = peer[:2]
    elif peer:
        found["network.peer.address"] = str(peer)
    return found


def _offset():
    """What to add to time.monotonic_ns(): read closely after each other, and not with another
    thread's turn in between."""
    closest, offset = None, 0
    for _ in range(3):
        before, now, after = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        if closest is None or after - before < closest:
            closest, offset = after - before, now - (before + after) // 2
        if closest < 10_000:
            break
    return offset


def _make(name, began, ended, about, peer, error):
    """The times are those of time.monotonic_ns(); about: a socket, or the host of a look-up."""
    span = Span()
    span.name = name
    offset = _offset()
    span.start, span.end = began + offset, ended + offset
    if isinstance(about, str):
        span.attributes = {"dns.question.name": _text(about)}
    else:
        span.attributes = _attributes_of(about, peer)
    if error is not None:
        span.attributes["error.type"] = _error_type(error)
    return span


def _thread_name(number):
    """By `threading`, if the program has loaded that and it knows this thread; else its number."""
    this = _thread.get_ident()
    known = getattr(sys.modules.get("threading"), "enumerate", tuple)
    return next((thread.name for thread in known() if thread.ident == this), str(number))


def who():
    """Which of the processes that share a stderr, and which thread, but for the main one."""
    process, number = os.getpid(), _thread.get_native_id()
    thread = "" if number == process else f" {plain(_thread_name(number))}"
    return f"csock[{process}{thread}]"


def line(span):
    """For people, who may have a terminal that obeys what is in a name."""
    about = span.attributes
    whom = about.get("dns.question.name") or about.get("network.peer.address", "")
    if port := about.get("network.peer.port"):
        whom = f"[{whom}]:{port}" if ":" in whom else f"{whom}:{port}"
    words = span.name, whom, f"{(span.end - span.start) / 1e9:.3f} s", about.get("error.type")
    return plain(" ".join(word for word in words if word))


_listeners: dict[str, object] = {}  # by who has asked: the environment, and the program


def _listen(who, function):
    _listeners[who] = function
    functions = [function for function in _listeners.values() if function is not None]
    _core.tell_spans(*([_make, *functions] if functions else []))


def trace(function):
    _listen("program", function)


def say_all(say):
    _listen("environment", lambda span: say(line(span), who()))
