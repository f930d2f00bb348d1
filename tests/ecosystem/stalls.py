"""Servers that stall and drip, and what a program has against them: timeouts on both sides, and
where csock is, deadlines and close() from another thread.

Steps of the second sort have no counterpart on stock, where these calls never end: their lines
begin with "+ ", and are not compared; but one that does not come out as wanted makes the scenario
fail.
"""

import contextlib
import errno
import os
import signal
import socket
import threading
import time

from kit import SIDE, failed, masked, say, step
from servers import answers, free_port, python

OURS = SIDE == "csock"
SECONDS = 0.5  # what a deadline or a timeout gives
LATEST = 10  # seconds that its end may be late, on a machine that has much else to do
PATIENT = 3  # what a timeout gives that holds for more than what is to stall
PROMPT = 5  # seconds for a call that another thread's close() ends: else it never does

# ------------------------------------------------------------- who stalls


class Relay:
    """Between a client and a server: `port` is where the client has to go."""

    def __init__(self, port, control):
        self.port = port
        self.lines = control.makefile("rw", newline="\n")

    def _set(self, way, how):
        self.lines.write(f"{way} {how}\n")
        self.lines.flush()
        assert self.lines.readline() == "done\n"

    @contextlib.contextmanager
    def stalling(self, way="down", how="hold"):
        self._set(way, how)
        try:
            yield
        finally:
            self._set(way, "pass")

    def dripping(self, way="down"):
        return self.stalling(way, "drip")


@contextlib.contextmanager
def relay(folder, server):
    """A Relay before the server at this port."""
    port, control = free_port("relay"), free_port("control")
    words = [os.path.join(os.path.dirname(__file__), "relay.py"), port, control, server]
    with (
        python(folder, f"relay-{port}", *map(str, words), ready=lambda: answers(control)),
        socket.create_connection(("127.0.0.1", control)) as conn,
    ):
        yield Relay(port, conn)


@contextlib.contextmanager
def stopped(pid):
    """The process does nothing, and the kernel goes on taking connections for it."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


# ------------------------------------------------------ what comes of it


def causes(error):
    """An exception and all that it came from, also what libraries hand on in arguments."""
    found, left = [], [error]
    while left:
        one = left.pop()
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            left += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return found


def own(name, text):
    say(f"+ {name}: {text}")


def named(error):
    return f"{type(error).__module__}.{type(error).__name__}"


def outcome(function):
    try:
        return function()
    except Exception as error:
        return error


def timed(name, function, want, seconds=SECONDS):
    """On both sides: a timeout of so many seconds, or a few that add up to it, ends it."""
    return step(name, function, want, within=(seconds * 0.9, seconds + LATEST))


def bounded(name, function, want=Exception, seconds=SECONDS):
    """A deadline ends it when it passes; `want` is what the library makes of DeadlineExceeded."""
    if not OURS:
        return None
    import csock

    start = time.monotonic()
    with csock.deadline(seconds):
        result = outcome(function)
    took = time.monotonic() - start
    found = [one for one in causes(result) if isinstance(one, csock.DeadlineExceeded)]
    if not found or not isinstance(result, want):
        failed(f"{name}, wanted {want.__name__} from DeadlineExceeded, not {result!r}")
    elif not seconds <= took <= seconds + LATEST:
        failed(f"{name} took {took:.2f} s, not {seconds}")
    else:
        own(name, f"{named(result)} from {masked(str(found[-1]))}")
    return result


def taken_away(sock):
    """As close(), but where files of makefile() have the socket, too: it stays open for those."""
    os.close(sock.detach())


def ended_by(name, function, end):
    """What a call comes to when another thread does that, and how long it takes to end then."""
    results = []
    thread = threading.Thread(target=lambda: results.append(outcome(function)), daemon=True)
    thread.start()
    thread.join(SECONDS)
    if not thread.is_alive():
        failed(f"{name} ended by itself: {results}")
    start = time.monotonic()
    end()
    thread.join(60)
    took = time.monotonic() - start
    if took > PROMPT:
        failed(f"{name} took {took:.2f} s to end")
    return results[0] if results else "it goes on"


def closed(name, function, close, want=Exception):
    """close() by another thread ends it; `want` is what the library makes of EBADF."""
    if not OURS:
        return
    result = ended_by(name, function, close)
    is_ours = any(getattr(one, "errno", None) == errno.EBADF for one in causes(result))
    if is_ours and isinstance(result, want):
        own(name, f"{named(result)} from EBADF")
    else:
        failed(f"{name}, wanted {want.__name__} from EBADF, not {result!r}")


def shut_down(name, function, sock, want=Exception):
    """On both sides: shutdown() by another thread ends it, as an end of the stream."""

    def raised():
        result = ended_by(name, function, lambda: sock().shutdown(socket.SHUT_RDWR))
        if isinstance(result, Exception):
            raise result
        return result

    step(name, raised, want)


def only_here(name, function, want):
    """Something else that makes sense on csock alone."""
    if not OURS:
        return
    result = outcome(function)
    if result == want:
        own(name, repr(result))
    else:
        failed(f"{name}, wanted {want!r}, not {result!r}")


def unbounded(name, function, want, least):
    """What waits elsewhere than in a socket's call does not hear of a deadline: it goes on."""
    if not OURS:
        return
    import csock

    start = time.monotonic()
    with csock.deadline(least / 4):
        result = outcome(function)
    took = time.monotonic() - start
    right = isinstance(result, want) if isinstance(want, type) else result == want
    if not right or took < least * 0.9:
        failed(f"{name}: {result!r} after {took:.2f} s")
    else:
        own(name, "is not bounded")
