"""What `csock ps` says: lines, and the same as JSON's objects. Nothing that comes from another
process or from the network gets to a terminal as it is."""

import sys

import csock
from csock import _ps_kernel, _ps_memory
from csock._waterfall import plain

HEADINGS = ("THREAD", "NAME", "CALL", "FD", "OWN ADDRESS", "PEER", "SINCE", "DEADLINE", "KERNEL")
RIGHT = {"THREAD", "FD", "SINCE"}
MOST_OF_A_COMMAND = 100


def span(seconds):
    """A length of time, as exact as one needs it."""
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f} s"
    for size, unit, most in ((1, "s", 120), (60, "min", 120), (3600, "h", 48)):
        if seconds / size < most - 0.5:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"


def _family_address(data):
    """A struct sockaddr out of another process, or None."""
    family = int.from_bytes(data[:2], sys.byteorder)
    if family == csock.AF_INET and len(data) >= 8:
        return _ps_kernel.address_of(family, data[4:8], int.from_bytes(data[2:4], "big"))
    if family == csock.AF_INET6 and len(data) >= 24:
        return _ps_kernel.address_of(family, data[8:24], int.from_bytes(data[2:4], "big"))
    if family == csock.AF_UNIX:
        return _ps_kernel.unix_name(data[2:])
    return f"an address of family {family}" if len(data) >= 2 else None


def about(wait):
    """The host name that it looks up, or the address that it sends or connects to, or None."""
    if not wait.about:
        return None
    if wait.what in _ps_memory.ABOUT_NAMES:
        return wait.about.split(b"\0")[0].decode("utf-8", "backslashreplace")
    return _family_address(wait.about)


# ---- what the kernel knows, in words


def _counted(n, what):
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _when_closed(found):
    """The last that was heard is the peer's closing, unless something was sent after that."""
    heard, sent = found.last_heard, found.last_sent
    known = heard is not None and (sent is None or sent >= heard)
    return f"peer closed {span(heard)} ago" if known else "peer has closed"


def _queues(found):
    if found.to_read:
        yield f"{_counted(found.to_read, 'byte')} to read"
    if found.to_send:
        yield f"{_counted(found.to_send, 'byte')} not acknowledged"


def _timer(found):
    if found.timer == "window probes":
        yield "peer takes no more (window full)"
    elif found.times and found.timer:
        yield f"{found.times} {found.timer}"


def _tcp(found):
    if found.state == "LISTEN":
        yield f"{found.to_read} of {found.to_send} wait to be accepted"
        return
    if found.state == "SYN_SENT":
        yield f"no answer to {_counted(found.times + 1, 'try').replace('trys', 'tries')}"
        return
    if found.state == "CLOSE_WAIT":
        yield _when_closed(found)
    elif found.last_data is not None:
        yield f"silent for {span(found.last_data)}"
    yield from _queues(found)
    yield from _timer(found)


def _other(found):
    if found.closed:
        yield "peer has closed"
    if found.kind == "UNIX" and found.state == "LISTEN":
        yield f"{found.to_read} of {found.to_send} wait to be accepted"
    elif found.kind == "UNIX":
        if found.to_read:
            yield f"{_counted(found.to_read, 'byte')} to read"
    else:
        yield from _queues(found)


def kernel(row):
    found = row.socket
    if not found:
        return f"no socket: {row.no_socket}" if row.no_socket else row.protocol or ""
    if found.kind == "TCP":
        words = [found.state, *_tcp(found)]
    else:
        words = [f"{found.kind} {found.state if found.kind == 'UNIX' else ''}".strip()]
        words += _other(found)
    return ", ".join(words)


# ---- lines


def deadline(wait, now):
    if not wait.deadline:
        return "none"
    left = (wait.deadline - now) / 1e9
    return f"in {span(left)}" if left >= 0 else f"{span(-left)} ago"


def _cells(row, now):
    wait, found = row.wait, row.socket
    peer = about(wait) or (found and found.peer)
    cells = (
        str(row.thread),
        row.name,
        wait.call,
        "" if wait.fd is None else str(wait.fd),
        (found and found.own) or "-",
        peer or "-",
        span((now - wait.since) / 1e9),
        deadline(wait, now),
        kernel(row),
    )
    return tuple(plain(cell) for cell in cells)


def _table(rows):
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            cell.rjust(width) if heading in RIGHT else cell.ljust(width)
            for cell, width, heading in zip(row, widths, HEADINGS, strict=True)
        )
        yield ("  " + "  ".join(cells)).rstrip()


def _head(process):
    command = plain(process.command)
    if len(command) > MOST_OF_A_COMMAND:
        command = command[: MOST_OF_A_COMMAND - 3] + "..."
    state = f" ({process.state})" if process.state else ""
    others = dict.fromkeys(v for v in process.versions if v != csock.__version__)
    versions = "".join(f", csock {plain(version)}" for version in others)
    return f"{process.pid} {command}{state}{versions}"


def lines(processes, now):
    """All processes in one table, so that what belongs together stands below each other."""
    all_rows = [HEADINGS]
    all_rows += [_cells(row, now) for process in processes for row in process.rows]
    table = iter(_table(all_rows))
    first = next(table)
    for process in processes:
        yield _head(process)
        if process.rows:
            yield first
        for row in process.rows:
            yield next(table)
            if isinstance(process.stacks, dict):
                for frame in process.stacks.get(row.thread, ()):
                    yield f"    {plain(frame)}"
        if not process.rows and not process.off:
            yield "  no thread waits in csock (in locks, select, poll and C code they do not show)"


# ---- JSON


def _seconds(ns):
    return round(ns / 1e9, 3)


def _socket_object(found):
    names = ("kind", "state", "to_read", "to_send", "timer", "times", "closed", "last_data",
             "last_heard", "last_sent")  # fmt: skip
    return {name: getattr(found, name) for name in names}


def _row_object(process, row, now):
    wait, found = row.wait, row.socket
    result = {
        "thread": row.thread,
        "name": row.name,
        "call": wait.call,
        "fd": wait.fd,
        "own": found.own if found else None,
        "peer": found.peer if found else None,
        "about": about(wait),
        "since": _seconds(now - wait.since),
        "deadline": _seconds(wait.deadline - now) if wait.deadline else None,
        "kernel": _socket_object(found) if found else None,
        "text": kernel(row),
    }
    if isinstance(process.stacks, dict):
        result["stack"] = process.stacks.get(row.thread, [])
    return result


def objects(processes, now):
    return [
        {
            "pid": process.pid,
            "command": process.command,
            "state": process.state or None,
            "csock": process.versions,
            "off": process.off,
            "waits": [_row_object(process, row, now) for row in process.rows],
        }
        for process in processes
    ]
