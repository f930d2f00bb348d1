"""What the functions of csock.dropin sit on, in a module of its own, because that one has exactly
the names of CPython's socket module: socket objects that take over descriptors, in this process and
in another one, descriptors in messages, and sendfile().

Loaded with csock.dropin, for nothing may be imported later; one file, as each takes time to find.
"""

import io
import os
import sys

from . import _socket
from ._core import await_writable, dup_socket, is_bounded, send_file
from ._socket import SOCK_STREAM

type_of_classes = type  # `type` is an argument below

BLOCK = 8192
LARGEST = 2**30  # what one call of sendfile() is asked to send: sendfile(2) takes at most 2 GiB


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


# ---- sendfile(): by the system call, or by reading and sending. Both leave the file's position
# where the sending ended, after an error, too.


def check(sock, file, count):
    """What is wrong with the arguments, as an exception. Positions are checked by the file."""
    if "b" not in getattr(file, "mode", "b"):
        raise ValueError("file should be opened in binary mode")
    if not sock.type & SOCK_STREAM:
        raise ValueError("only SOCK_STREAM type sockets are supported")
    if count is None:
        return
    kind = TypeError if not isinstance(count, int) else ValueError if count <= 0 else None
    if kind:
        raise kind(f"count must be a positive integer (got {count!r})")


def _seek(file, position):
    if hasattr(file, "seek"):
        file.seek(position)


def _size(file, giveup):
    """Descriptor and size of a file, or the exception giveup."""
    try:
        fd = file.fileno()
    except (AttributeError, io.UnsupportedOperation) as err:
        raise giveup(err) from err
    try:
        return fd, os.fstat(fd).st_size
    except OSError as err:
        raise giveup(err) from err


def by_call(sock, send, giveup, file, offset, count):
    """Send by send(fd, offset, count). giveup is raised if it takes no such file."""
    sock._check_sendfile_params(file, offset, count)
    fd, size = _size(file, giveup)
    if not size:
        return 0
    if sock.gettimeout() == 0:
        raise ValueError("non-blocking sockets are not supported")
    if sock.fileno() < 0:
        raise ValueError(f"Invalid file descriptor: {sock.fileno()}")
    start = offset
    end = None if count is None else offset + count
    try:
        while end is None or offset < end:
            want = min(LARGEST, size if end is None else end - offset)
            try:
                sent = send(fd, offset, want)
            except BlockingIOError:
                await_writable(sock)
                continue
            except TimeoutError:
                raise
            except OSError as err:
                if offset > start or sock.fileno() < 0:  # it was closed meanwhile
                    raise
                raise giveup(err) from err
            if sent == 0:
                break
            offset += sent
        return offset - start
    finally:
        if offset > start:
            _seek(file, offset)


def by_system_call(sock, giveup, file, offset, count):
    """Send by sendfile(2), which waits within the socket's timeout, and which close() ends. What
    somebody has put in the place of os.sendfile, to watch it or to replace it, is called as stock
    calls it.

    Within a deadline a blocking socket goes by reading and sending: sendfile(2) can be kept from
    waiting by the descriptor's mode alone, which is that of other threads' calls, too. So does one
    that is captured, as what goes by the kernel alone is seen by nobody."""
    if is_bounded(sock):
        sock._check_sendfile_params(file, offset, count)
        raise giveup("a deadline bounds it, or it is captured")
    theirs = getattr(os, "sendfile", None)
    if theirs is None or type(theirs) is type(len):
        return by_call(sock, lambda *part: send_file(sock, *part), giveup, file, offset, count)
    send = waiting_first(sock, lambda *part: theirs(sock.fileno(), *part))
    return by_call(sock, send, giveup, file, offset, count)


def waiting_first(sock, send):
    """A send that begins when the socket takes more."""

    def wait_and_send(*part):
        if sock.gettimeout():
            await_writable(sock)
        return send(*part)

    return wait_and_send


def _send_all(sock, data):
    """Send all of data, which is not empty, and tell of each part how much it was."""
    while data:
        try:
            sent = sock.send(data)
        except BlockingIOError:
            # Somebody has made the descriptor non-blocking behind the socket's back.
            await_writable(sock)
            continue
        yield sent
        data = data[sent:]


def by_reading(sock, file, offset, count):
    """Send what file.read() gives."""
    sock._check_sendfile_params(file, offset, count)
    if sock.gettimeout() == 0:
        raise ValueError("non-blocking sockets are not supported")
    is_bounded(sock)  # one that has passed says so before the file is read
    if offset:
        file.seek(offset)
    total = 0
    try:
        while count is None or total < count:
            data = memoryview(file.read(BLOCK if count is None else min(BLOCK, count - total)))
            if not data:
                break
            for sent in _send_all(sock, data):
                total += sent
        return total
    finally:
        if total > 0:
            _seek(file, offset + total)
