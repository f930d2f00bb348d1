"""What differs on purpose: docs/differences.md says why. After such a line the two worlds are no
longer the same, and the program ends there.

A row: why, the line of the program, what stock says, what csock says. The last three are patterns
that have to fit from start to end."""

import re
import sys

TYPE_ERROR, OVERFLOW = r"builtins\.TypeError.*", r"builtins\.OverflowError.*"
OS_ERROR = r"builtins\.(\w+Error)\(\d+.*"
ROWS = [
    (
        "host and port as two arguments, as in 1998",
        r"\w\.(bind|connect|connect_ex)\(.*, .*\)",
        TYPE_ERROR,
        r".*",
    ),
    (
        "what follows a NUL in a host or port is not ignored",
        r".*(getaddrinfo|create_connection|getfqdn|create_server)\(.*",
        r".*",
        r"builtins\.ValueError.*embedded null.*",
    ),
    ("a NUL in an AF_UNIX path", r".*", r".*", r"builtins.ValueError.*null byte in AF_UNIX.*"),
    (
        "a descriptor out of range is not another one",
        r".*(close|dup|fromfd|socket|SocketIO)\(.*",
        r".*",
        OVERFLOW,
    ),
    (
        "a call that fails says so at once, not when its timeout has passed",
        r"\w\.(recv\w*|send\w*)\(.*",
        r"(builtins\.TimeoutError.*|hung)",
        OS_ERROR,
    ),
    (
        "sendfile from beyond the file's end has nothing to wait for",
        r"\w\.sendfile\(.*",
        r"(builtins\.TimeoutError.*|hung)",
        r"int 0",
    ),
    (
        "timeouts of 2**31 s and more hold",
        r".*",
        r"builtins\.TimeoutError.*",
        r"hung",
    ),
    (
        "what is written in C counts its arguments in other words",
        r".*\b(SocketIO|socket|accept|close|_decref_socketios)\(.*",
        TYPE_ERROR + r"argument.*",
        TYPE_ERROR + r"argument.*",
    ),
    (
        "no byte that nobody wrote comes with MSG_TRUNC",
        r"\w\.recv(from|msg)?\(.*(0x20|MSG_TRUNC).*",
        r".*",
        r".*",
    ),
    ("the scope of 'host%scope' is kept", r".*%(lo|1).*", r".*", r".*"),
    ("the name of an interface is not cut", r".*'x' \* 20.*", r".*", OS_ERROR),
    (
        "flags and address are honoured",
        r".*(send|recv)_fds\(.*,.*,.*,.*\)",
        r".*",
        r".*",
    ),
    (
        "sendfile takes any count, and sends no more than there is",
        r".*sendfile\(.*",
        OVERFLOW,
        r".*",
    ),
    (
        "keywords are refused in other words by what takes its arguments the faster way",
        r".*\binet_(pton|ntop)\(.*\w=.*",
        TYPE_ERROR + r"keyword.*",
        TYPE_ERROR + r"keyword.*",
    ),
    (
        "of two mistakes in one call, the keyword is told first",
        r".*\b(recv_into|recvfrom_into)\(.*\w=.*",
        TYPE_ERROR,
        TYPE_ERROR + r"keyword.*",
    ),
    (
        "a number of its own in herror",
        r".*",
        r"_?socket\.herror.*",
        r"_?socket\.herror.*",
    ),
    (
        "SOCK_NONBLOCK holds for a descriptor that is taken over, too",
        r".*(socket|fromfd)\(.*(2049|2050|526337).*",
        r"(done|_?socket.socket.*)",
        r"(done|_?socket.socket.*)",
    ),
    (
        "getsockopt takes more room",
        r"\w\.getsockopt\(.*",
        r"builtins\.OSError\('getsockopt buflen out of range.*",
        r".*",
    ),
    (
        "a descriptor that turns out to be no socket is closed again",
        "<rest>",
        r"rest",
        r"rest",
    ),
]
if sys.version_info < (3, 13):
    ROWS.append(
        ("the number of an interface is not cut", r".*if_indextoname\(.*", OS_ERROR, OVERFLOW)
    )
    ROWS.append(
        (
            "arguments counted as in 3.13",
            r".*\.(ntohs|htons|inet_aton|inet_ntoa|if_nametoindex|if_indextoname|CMSG_LEN)\(.*",
            TYPE_ERROR + r"argument.*",
            TYPE_ERROR + r"argument.*",
        )
    )
COMPILED = [(why, *(re.compile(p, re.S) for p in patterns)) for why, *patterns in ROWS]


def why_different(line, theirs, ours):
    """The reason, or None if there is none. theirs and ours: outcome, buffers, state."""
    if line == "<rest>":
        more = [entry for entry in theirs[1] if entry not in ours[1]]
        fewer = [entry for entry in ours[1] if entry not in theirs[1]]
        if fewer or any("socket:" in entry[1] for entry in more):
            return None
    for why, call, stock, csock in COMPILED:
        if call.fullmatch(line) and stock.fullmatch(theirs[0]) and csock.fullmatch(ours[0]):
            return why
    return None
