"""The socket module, on csock's core: the names and behaviour of the one that CPython brings.

The class `socket` and the functions that are better written in Python are here; the rest comes
from `csock._socket`. What goes beyond that module is in `csock` itself.
"""

import errno  # noqa: F401 (stock has it as a name)
import io
import os
import sys
from enum import IntEnum, IntFlag
from errno import EAGAIN, EBADF, EWOULDBLOCK  # noqa: F401 (names that stock has, too)

from . import _core, _helpers, _socket
from ._socket import (
    AF_INET,
    AF_INET6,
    AF_UNIX,
    IPPROTO_IPV6,
    IPV6_V6ONLY,
    SO_REUSEADDR,
    SO_REUSEPORT,
    SOCK_STREAM,
    SOL_SOCKET,
    dup,
    error,
    getdefaulttimeout,
    gethostbyaddr,
    gethostname,
    has_ipv6,
)

if sys.modules[__package__]._standing_in:
    sys.modules[__package__]._take_place(sys.modules[__name__], "socket")  # install() is at it
if sys.modules.get("socket") is sys.modules[__name__]:
    __name__ = "socket"  # then, and where it is installed and reloaded

# What `from ._socket import *` does, in a fraction of the time: a program waits for this. The enums
# then take the constants with their prefix, and put members in their places; the constants are
# sorted out once and not four times.
_public, _kinds = _core.take_names(globals(), "AF_", "SOCK_", "MSG_", "AI_")

__all__ = [  # in the order of stock's
    "fromfd",
    "getfqdn",
    "create_connection",
    "create_server",
    "has_dualstack_ipv6",
    "AddressFamily",
    "SocketKind",
    *_public,
    "send_fds",
    "recv_fds",
]


_make_enum = sys.modules[__package__]._make_enum
_make_enum(IntEnum, "AddressFamily", __name__, _kinds[0])
_make_enum(IntEnum, "SocketKind", __name__, _kinds[1])
_make_enum(IntFlag, "MsgFlag", __name__, _kinds[2])
_make_enum(IntFlag, "AddressInfo", __name__, _kinds[3])

# The enums' own names; a checker does not see that they are here now.
AddressFamily = globals()["AddressFamily"]
SocketKind = globals()["SocketKind"]

del _make_enum, _public, _kinds

_LOCALHOST = "127.0.0.1"
_LOCALHOST_V6 = "::1"

_blocking_errnos = {EAGAIN, EWOULDBLOCK}


class _GiveupOnSendfile(Exception):
    """The file is not of a kind that sendfile(2) takes."""


# Tells "no timeout given" from a timeout of None.
_GLOBAL_DEFAULT_TIMEOUT = object()


def _intenum_converter(value, enum):
    """The enum's member, or the plain number where it has none."""
    try:
        return enum(value)
    except ValueError:
        return value


class SocketIO(_core.RawStream, io.RawIOBase):
    """The raw stream of a socket: what makefile() gives unbuffered, and buffers otherwise."""


class socket(_socket.socket):
    __doc__ = _socket.socket.__doc__

    __slots__ = ["__weakref__"]

    # C gives it the rest, by equip() below: __init__, close, _decref_socketios, family and type,
    # a faster accept, and the base's methods as its own.
    #
    # Nothing is imported by what a socket does: it may have no files any more (chroot, other
    # rights), or no import system. This module has no names for its helpers that stock has not, so
    # that functions have them by closures.

    def __enter__(self):
        return self

    def __exit__(self, *args):
        if not self._closed:
            self.close()

    def __repr__(self):
        cls = type(self)
        closed = getattr(self, "_closed", False)
        parts = [
            f"{cls.__module__}.{cls.__qualname__}{' [closed]' if closed else ''} "
            f"fd={self.fileno()}",
            f"family={self.family}",
            f"type={self.type}",
            f"proto={self.proto}",
        ]
        if not closed:
            for label, address in (("laddr", self.getsockname), ("raddr", self.getpeername)):
                try:
                    text = str(address() or "")
                except (OSError, AttributeError):
                    continue
                if text:
                    parts.append(f"{label}={text}")
        return f"<{', '.join(parts)}>"

    def __getstate__(self):
        raise TypeError(f"cannot pickle {type(self).__name__!r} object")

    def _with_own(own, own_dup, reduced):
        def __reduce_ex__(self, protocol):
            parts = reduced(self, sys._getframe(1)) if type(self) is socket else None
            return parts or super().__reduce_ex__(protocol)

        def dup(self):
            """A second socket object, with a descriptor of its own, for the same socket."""
            copy = own_dup(self.__class__, self)
            copy.settimeout(self.gettimeout())
            return copy

        def accept(self):
            """Wait for a connection: the new socket, and the address of the peer."""
            fd, address = self._accept()
            sock = own(socket, super().family, super().type, self.proto, fd)
            if getdefaulttimeout() is None and self.gettimeout():
                sock.setblocking(True)  # an _accept() of somebody's own may have taken it over
            return sock, address

        for method in (__reduce_ex__, dup, accept):
            method.__qualname__ = f"socket.{method.__name__}"
        return __reduce_ex__, dup, accept

    __reduce_ex__, dup, accept = _with_own(_helpers.own, _helpers.own_dup, _helpers.reduced)
    del _with_own

    # Counting a file is C's, as with `+=` threads without a GIL would lose counts.
    def _with_count(count_file):
        def makefile(self, mode="r", buffering=None, *, encoding=None, errors=None, newline=None):
            """A file object on this socket. The arguments are those of open(); modes r, w, rw, b.

            The socket stays open until the file, too, is closed.
            """
            if str.strip(mode, "rwb") if isinstance(mode, str) else set(mode) - {"r", "w", "b"}:
                raise ValueError(f"invalid mode {mode!r} (only r, w, b allowed)")
            binary = "b" in mode
            writing = "w" in mode
            reading = "r" in mode or not writing
            if buffering == 0 and not binary:
                raise ValueError("unbuffered streams must be binary")
            by_line = buffering == 1 and not binary
            if buffering is None or buffering < 0 or by_line:
                buffering = io.DEFAULT_BUFFER_SIZE
            raw = SocketIO(self, "r" * reading + "w" * writing)
            count_file(self)
            if buffering == 0:
                return raw
            if reading and writing:
                buffered = io.BufferedRWPair(raw, raw, buffering)
            elif reading:
                buffered = io.BufferedReader(raw, buffering)
            else:
                buffered = io.BufferedWriter(raw, buffering)
            if binary:
                return buffered
            encoding = io.text_encoding(encoding)
            text = io.TextIOWrapper(buffered, encoding, errors, newline, line_buffering=by_line)
            text.mode = mode
            return text

        makefile.__qualname__ = "socket.makefile"
        return makefile

    makefile = _with_count(_core.file_opened)
    del _with_count

    def sendfile(self, file, offset=0, count=None):
        """Send a file that was opened in binary mode, from offset on, at most count bytes: by
        sendfile(2), or where that does not take the file by reading and sending. Returns the
        count, and leaves the file's position behind what was sent, after an error, too.

        The timeout is that of each step. Non-blocking sockets are not supported.
        """
        try:
            return self._sendfile_use_sendfile(file, offset, count)
        except _GiveupOnSendfile:
            return self._sendfile_use_send(file, offset, count)

    def _with_sending(by_system_call, by_reading, check):
        def _sendfile_use_sendfile(self, file, offset=0, count=None):
            return by_system_call(self, _GiveupOnSendfile, file, offset, count)

        def _sendfile_use_send(self, file, offset=0, count=None):
            return by_reading(self, file, offset, count)

        def _check_sendfile_params(self, file, offset, count):
            check(self, file, count)

        methods = _sendfile_use_sendfile, _sendfile_use_send, _check_sendfile_params
        for method in methods:
            method.__qualname__ = f"socket.{method.__name__}"
        return methods

    _sendfile_use_sendfile, _sendfile_use_send, _check_sendfile_params = _with_sending(
        _helpers.by_system_call, _helpers.by_reading, _helpers.check
    )
    del _with_sending

    if sys.version_info >= (3, 15):

        def _with_call(by_call, waiting_first):  # ssl comes here
            def _sendfile_zerocopy(
                self, zerocopy_func, giveup_exc_type, file, offset=0, count=None
            ):
                send = waiting_first(self, zerocopy_func)
                return by_call(self, send, giveup_exc_type, file, offset, count)

            _sendfile_zerocopy.__qualname__ = "socket._sendfile_zerocopy"
            return _sendfile_zerocopy

        _sendfile_zerocopy = _with_call(_helpers.by_call, _helpers.waiting_first)
        del _with_call

    def _real_close(self, _base=_socket.socket):
        # The default argument outlives the module's names at the interpreter's end.
        _base.close(self)

    def detach(self):
        """Close the socket object, but not the descriptor, which is returned."""
        self._closed = True
        return super().detach()

    def get_inheritable(self):
        """Whether child programs inherit the descriptor."""
        return os.get_inheritable(self.fileno())

    def set_inheritable(self, inheritable):
        """Have child programs inherit the descriptor, or not."""
        os.set_inheritable(self.fileno(), inheritable)


_core.equip(socket, globals())
socket.__slots__ += ["_io_refs", "_closed"]  # which equip() has brought, as in stock
if __name__ == "socket":
    _core.watch_ssl()


def _with_own(own):
    def fromfd(fd, family, type, proto=0):
        """A socket object around a duplicate of fd, which stays the caller's."""
        return own(socket, family, type, proto, dup(fd))

    def socketpair(family=None, type=SOCK_STREAM, proto=0):
        """Two sockets that are connected to each other, of AF_UNIX unless told otherwise."""
        if family is None:
            family = AF_UNIX
        a, b = _socket.socketpair(family, type, proto)
        a = own(socket, family, type, proto, a.detach())
        try:
            b = own(socket, family, type, proto, b.detach())
        except BaseException:
            a.close()
            raise
        return a, b

    fromfd.__qualname__, socketpair.__qualname__ = "fromfd", "socketpair"
    return fromfd, socketpair


fromfd, socketpair = _with_own(_helpers.own)


# Bug fixes brought it to older versions.
if sys.version_info >= (3, 12, 5) or (3, 11, 10) <= sys.version_info < (3, 12):

    def _fallback_socketpair(family=AF_INET, type=SOCK_STREAM, proto=0):
        """A pair over the loopback interface, for systems that have no other."""
        if family not in (AF_INET, AF_INET6):
            raise ValueError("Only AF_INET and AF_INET6 socket address families are supported")
        if type != SOCK_STREAM:
            raise ValueError("Only SOCK_STREAM socket type is supported")
        if proto != 0:
            raise ValueError("Only protocol zero is supported")
        host = _LOCALHOST if family == AF_INET else _LOCALHOST_V6
        client = socket(family, type, proto)
        try:
            with socket(family, type, proto) as listener:
                listener.bind((host, 0))
                listener.listen()
                client.setblocking(False)
                try:
                    client.connect(listener.getsockname()[:2])
                except (BlockingIOError, InterruptedError):
                    pass
                client.setblocking(True)
                server, _ = listener.accept()
        except BaseException:
            client.close()
            raise
        try:
            ours = client.getsockname(), client.getpeername()
            theirs = server.getpeername(), server.getsockname()
            if ours != theirs:  # somebody else was faster to connect
                raise ConnectionError("Unexpected peer connection")
        except BaseException:
            client.close()
            server.close()
            raise
        return server, client


def _with_packed(packed):
    def send_fds(sock, buffers, fds, flags=0, address=None):
        """Send buffers, as one message, and with it descriptors: AF_UNIX only. Returns the
        count."""
        send = sock.sendmsg  # first, as stock: something else than a socket is told by its own name
        rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed(fds))
        return send(buffers, [rights], flags, address)

    send_fds.__qualname__ = "send_fds"
    return send_fds


send_fds = _with_packed(_helpers.packed)


def recv_fds(sock, bufsize, maxfds, flags=0):
    """Receive data and at most maxfds descriptors, which are not inherited by child programs.

    Returns (data, list of descriptors, flags of the message, address).
    """
    cloexec = _socket.MSG_CMSG_CLOEXEC
    receive = sock.recvmsg
    size = _socket.CMSG_LEN(maxfds * 4)
    data, control, msg_flags, address = receive(bufsize, size, flags | cloexec)
    fds = []
    for level, kind, rights in control:
        if (level, kind) == (_socket.SOL_SOCKET, _socket.SCM_RIGHTS):
            fds += memoryview(rights[: len(rights) // 4 * 4]).cast("i")
    if not flags & cloexec:
        msg_flags &= ~cloexec  # who has not asked for it does not hear of it
    return data, fds, msg_flags, address


def _with_answer(answer_of):
    def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
        """The addresses of a host and a service, each as (family, type, proto, name, address).

        host and port may be None; port may be a number or a service's name. Zeros mean "any".
        """
        ask = _socket.getaddrinfo
        found = answer_of(ask, host, port, family, type, proto, flags)
        if found is None:  # somebody has put another function there
            found = []
            for af, kind, number, name, address in ask(host, port, family, type, proto, flags):
                af = _intenum_converter(af, AddressFamily)
                kind = _intenum_converter(kind, SocketKind)
                found.append((af, kind, number, name, address))
        return found

    getaddrinfo.__qualname__ = "getaddrinfo"
    return getaddrinfo


getaddrinfo = _with_answer(_core.answer_of)


def getfqdn(name=""):
    """The fully qualified name of a host: its first name with a dot. Without name: this host's."""
    name = name.strip()
    if not name or name in ("0.0.0.0", "::"):
        name = gethostname()
    try:
        host, aliases, _ = gethostbyaddr(name)
    except error:
        return name
    return next((known for known in (host, *aliases) if "." in known), host)


def _with_race(core, own_default, package, own_socket, own_look_up):
    race, class_is_own, DeadlineExceeded = core.race, core.class_is_own, core.DeadlineExceeded
    own_query = _socket.getaddrinfo

    def unchanged():
        return (
            socket is own_socket
            and getaddrinfo is own_look_up
            and _socket.getaddrinfo is own_query
            and package._races
        )

    package._unchanged = lambda: unchanged() and class_is_own()

    def create_connection(
        address, timeout=_GLOBAL_DEFAULT_TIMEOUT, source_address=None, *, all_errors=False
    ):
        """A TCP connection to (host, port): the host's addresses are tried one after the other,
        the next one when the one before has not answered for a quarter of a second or has failed.

        timeout is that of all of it, look-up included, and of the socket afterwards. If all
        attempts fail, the most telling error is raised, or with all_errors an ExceptionGroup of
        all. Where a program has replaced what stock's function would call, it is called as stock
        does: one attempt after the other, each with the timeout.
        """
        if unchanged():
            bound = own_default() if timeout is _GLOBAL_DEFAULT_TIMEOUT else timeout
            sock = race(address, bound, source_address or None, bool(all_errors))
            if sock is not None:
                return sock
        scope = None
        if isinstance(address, tuple) and len(address) == 4:
            host, port, *scope = address  # as getpeername() has it for AF_INET6
        else:
            host, port = address
        errors = []
        for family, type, proto, _, peer in getaddrinfo(host, port, 0, SOCK_STREAM):
            sock = None
            if scope and family == AF_INET6:
                peer = (*peer[:2], *scope)
            try:
                sock = socket(family, type, proto)
                if timeout is not _GLOBAL_DEFAULT_TIMEOUT:
                    sock.settimeout(timeout)
                if source_address:
                    sock.bind(source_address)
                sock.connect(peer)
                return sock
            except BaseException as err:
                if sock is not None:
                    sock.close()
                if not isinstance(err, error):
                    raise
                errors.append(err)
                if isinstance(err, DeadlineExceeded):
                    break  # for the others, too
        try:
            if not errors:
                raise error("getaddrinfo returns an empty list")
            if all_errors:
                raise ExceptionGroup("create_connection failed", errors)
            raise errors[-1]
        finally:
            errors.clear()  # or the errors' frames, this one, too, would keep each other alive

    create_connection.__qualname__ = "create_connection"
    return create_connection


create_connection = _with_race(
    _core, getdefaulttimeout, sys.modules[__package__], socket, getaddrinfo
)
sys.modules[__package__]._trace_if_asked()
# For the names of csock itself, which are made later, when a test may have replaced some of these.
sys.modules[__package__]._own_names = dict(globals())

del _core, _helpers, _with_answer, _with_race, _with_own, _with_packed  # not stock's


def has_dualstack_ipv6():
    """Whether an AF_INET6 socket can take IPv4 connections, too."""
    if not has_ipv6:
        return False
    try:
        with socket(AF_INET6, SOCK_STREAM) as sock:
            sock.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 0)
    except error:
        return False
    return True


def create_server(address, *, family=AF_INET, backlog=None, reuse_port=False, dualstack_ipv6=False):
    """A TCP socket that is bound to address and listens.

    backlog is that of listen(). reuse_port sets SO_REUSEPORT. With dualstack_ipv6 an AF_INET6
    socket takes IPv4 connections, too.
    """
    if dualstack_ipv6:
        if not has_dualstack_ipv6():
            raise ValueError("dualstack_ipv6 not supported on this platform")
        if family != AF_INET6:
            raise ValueError("dualstack_ipv6 requires AF_INET6 family")
    sock = socket(family, SOCK_STREAM)
    try:
        # A port whose last connections are in TIME_WAIT can be bound again. socket(7)
        sock.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        # Late bug fix releases leave families without ports alone; Linux 6.12.9 refuses them.
        if reuse_port and (
            family in (AF_INET, AF_INET6)
            or sys.version_info < (3, 12, 9)
            or (3, 13) <= sys.version_info < (3, 13, 2)
        ):
            sock.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1)
        if family == AF_INET6:
            sock.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 0 if dualstack_ipv6 else 1)
        try:
            sock.bind(address)
        except error as err:
            text = f"{err.strerror} (while attempting to bind on address {address!r})"
            raise error(err.errno, text) from None
        if backlog is None:
            sock.listen()
        else:
            sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    return sock


if sys.version_info >= (3, 15):
    from functools import partial  # noqa: F401 (stock has it as a name)

if sys.version_info < (3, 13):
    import array  # all that it imports is there by now

if sys.version_info < (3, 14):

    class _Later(type(sys)):
        """A module that stock has among its names, that few programs look for there, and that takes
        time to load: imported when something of it is wanted. With a __getattr__ for it, every
        look-up of a name in this module would be slower, as the interpreter does not specialise
        those."""

        def __getattribute__(self, name):
            return getattr(__import__(super().__getattribute__("__name__")), name)

        def __setattr__(self, name, value):
            setattr(__import__(super().__getattribute__("__name__")), name, value)

        def __delattr__(self, name):
            delattr(__import__(super().__getattribute__("__name__")), name)

        def __dir__(self):
            return dir(__import__(super().__getattribute__("__name__")))

    _Later.__name__ = "module"
    if sys.version_info >= (3, 13):
        array = _Later("array")
    selectors = _Later("selectors")
    del _Later
