"""sendfile() of csock.dropin's sockets: by the system call, or by reading and sending. Both leave
the file's position where the sending ended, after an error, too."""

import io
import os

from ._core import await_writable, send_file
from ._socket import SOCK_STREAM

BLOCK = 8192
LARGEST = 2**30  # what one call is asked to send: sendfile(2) takes at most 2 GiB


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
    calls it."""
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
