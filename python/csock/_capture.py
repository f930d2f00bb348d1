"""csock.capture() and CSOCK_PCAP: files of what sockets carry, as pcapng, for Wireshark and tshark.

Sits on csock._core.capture_open() and its like, which write. Imports nothing once it is loaded."""

import os
import sys

from . import _core, _socket


def _about():
    """Hardware, system and program, as the head of a file tells."""
    system = os.uname()
    first, *_ = getattr(sys, "argv", None) or [""]
    name = os.path.basename(first).replace("\0", "") if isinstance(first, str) else ""
    name = name or "python"
    program = f"csock {sys.modules[__package__].__version__}: {name}, process {os.getpid()}"
    texts = system.machine, f"{system.sysname} {system.release}", program
    return tuple(text.encode("ascii", "replace").decode() for text in texts)


def _carries_tls(sock):
    ssl = sys.modules.get("ssl")
    return ssl is not None and isinstance(sock, ssl.SSLSocket)


class Capture:
    """A capture file, and what ends it: close(), or the end of a with block. Without that, it ends
    with its sockets."""

    __slots__ = ("_file", "path")

    def __init__(self, path, snaplen=0):
        if snaplen < 0:
            raise ValueError("snaplen must not be negative")
        self.path = path
        self._file = _core.capture_open(path, _about(), snaplen)

    def add(self, sock, *, tls=None):
        """Capture what another socket carries, too."""
        _check(sock, tls)
        if self._file is None:
            raise ValueError("the capture is closed")
        _core.capture_add(self._file, sock, tls is not None)

    def close(self):
        file, self._file = self._file, None
        if file is not None:
            _core.capture_close(file)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def __repr__(self):
        state = " closed" if self._file is None else ""
        return f"<csock.Capture {self.path!r}{state}>"


def _check(sock, tls):
    if tls not in (None, "plain"):
        raise ValueError(f"tls must be None or 'plain', not {tls!r}")
    if not isinstance(sock, _socket.socket):
        raise TypeError(f"capture() takes a socket of csock's, not {type(sock).__name__}")
    if tls is None and _carries_tls(sock):
        raise ValueError(
            "the socket carries TLS: tls='plain' writes what it keeps secret to a file"
        )


def capture(sock, path, *, tls=None, snaplen=0):
    _check(sock, tls)
    made = Capture(path, snaplen)
    try:
        made.add(sock, tls=tls)
    except BaseException:
        made.close()
        os.unlink(path)
        raise
    return made


def capture_all(folder, tls, say):
    """CSOCK_PCAP, CSOCK_PCAP_TLS."""
    try:
        folder = os.path.abspath(folder)
    except OSError:
        pass  # the working directory is gone, and what is below it
    if not os.path.isdir(folder):
        say(f"CSOCK_PCAP={folder}: there is no such folder, and nothing is captured")
        return
    own = os.access in os.supports_effective_ids
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=own):
        say(f"CSOCK_PCAP={folder}: no right to write there, and nothing is captured")
        return
    if tls not in ("", "plain"):
        say(f"CSOCK_PCAP_TLS={tls}: only 'plain' is known, and TLS is not captured")
    _core.capture_all(folder, _about(), tls == "plain")
