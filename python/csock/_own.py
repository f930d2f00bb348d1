"""Descriptors and the socket objects that take them over. What csock.dropin shares, in a module of
its own, because that one has exactly the names of CPython's socket module."""

import sys

from . import _socket
from ._core import dup_socket

type_of_classes = type  # `type` is an argument below


def own(cls, family, type, proto, fd):
    """A socket object of class cls that owns fd. If it cannot be made, fd is closed, and once only:
    by then its number may be another file's. What programs put in the place of the class, a
    function or a class with a way of its own to make objects, is called as stock does, and only it
    knows what becomes of fd when it fails."""
    if cls.__class__ is not type_of_classes or cls.__new__ is not _socket.socket.__new__:
        return cls(family, type, proto, fileno=fd)
    sock = None
    try:
        sock = cls.__new__(cls, family, type, proto, fileno=fd)
        sock.__init__(family, type, proto, fileno=fd)
    except BaseException:
        if sock is not None and _socket.socket.family.__get__(sock):
            _socket.socket.close(sock)  # it had taken fd, and may have closed it since
        else:
            _socket.close(fd)
        raise
    return sock


def own_dup(cls, sock):
    """A socket object of class cls with a descriptor of its own for the socket behind sock."""
    base = _socket.socket
    family, type, proto = (get.__get__(sock) for get in (base.family, base.type, base.proto))
    return own(cls, family, type, proto, dup_socket(sock))


def packed(fds):
    """array.array("i", fds), without that module where it can be told that the two are the same."""
    if not isinstance(fds, (str, bytes, bytearray)) and hasattr(fds, "__iter__"):
        fds = list(fds)
        numbers = memoryview(bytearray(4 * len(fds))).cast("i")
        try:
            for place, fd in enumerate(fds):
                numbers[place] = fd
            return numbers
        except (TypeError, ValueError):
            pass  # that module knows how to say it
    import array

    return array.array("i", fds)


def _rebuilt(copy, *numbers):
    """The socket at the other end of a pipe."""
    from .dropin import socket  # loaded, but in a process that has been started anew

    return own(socket, *numbers, copy.detach())


def _reduced(sock):
    base, reduction = _socket.socket, sys.modules["multiprocessing.reduction"]
    numbers = [get.__get__(sock) for get in (base.family, base.type, base.proto)]
    return _rebuilt, (reduction.DupFd(sock.fileno()), *numbers)


def reduced(sock, caller):
    """What multiprocessing sends through its pipes for a socket; None for every other pickler.

    That has a list of classes, and puts stock's in it when it is loaded, which may be at any time.
    So it is by who asks that the first socket is known to go there."""
    reduction = sys.modules.get("multiprocessing.reduction")
    if reduction is None:
        return None
    reduction.ForkingPickler.register(sock.__class__, _reduced)
    return _reduced(sock) if caller.f_globals is vars(reduction) else None
