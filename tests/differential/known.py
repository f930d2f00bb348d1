"""What differs on purpose: docs/differences.md says why. After such a line the two worlds are no
longer the same, and the program ends there.

A row: why; the line of the program, what stock says, what csock says, each a pattern that has to
fit from start to end; and what else may differ: nothing, if the row does not say. Whoever adds one
asks which mistake it would hide, and makes it as narrow as the difference is."""

import ast
import os
import re
import sys
from typing import NamedTuple


def nothing(line, theirs, ours):
    """Buffers, sockets and open descriptors are the same."""
    return theirs[1:] == ours[1:]


def sockets(outcome):
    """name -> (what it says of itself, its flags)"""
    return {name: (text, flags) for name, text, flags in outcome[2][:-1]}


def opened(outcome):
    return {tuple(entry) for entry in outcome[2][-1][1]}


def one_descriptor(line, theirs, ours):
    """Stock has made or closed one, and what was its socket shows that."""
    return len(opened(theirs) ^ opened(ours)) <= 1 and theirs[1] == ours[1]


def leak(line, theirs, ours):
    """Stock has one descriptor more, which the program does not know of."""
    more = opened(theirs) - opened(ours)
    rest = theirs[2][:-1] == ours[2][:-1] and opened(ours) < opened(theirs)
    return len(more) == 1 and rest and theirs[:2] == ours[:2]


def non_blocking(line, theirs, ours):
    """Descriptors that block in stock, with sockets of the same description, do not in csock."""

    def would(text, flags):
        return text, flags if flags == "closed" else [flags[0] | os.O_NONBLOCK, flags[1]]

    same = theirs[:2] == ours[:2] and theirs[2][-1] == ours[2][-1]
    stock, csock = sockets(theirs), sockets(ours)
    return same and all(csock.get(s) in (stock[s], would(*stock[s])) for s in stock)


def beginning(line, theirs, ours):
    """The bytes of csock's answer are the first ones of those of stock's, the rest is equal."""
    parts = [re.fullmatch(r"(.*?)bytes b(['\"])(.*?)\2(.*)", o[0], re.S) for o in (theirs, ours)]
    if not all(parts) or not nothing(line, theirs, ours):
        return False
    stock, csock = parts
    return stock[3].startswith(csock[3]) and (stock[1], stock[4]) == (csock[1], csock[4])


def closed(line, theirs, ours):
    """The line's socket has been closed."""
    text, _ = sockets(ours).get(line[0], ("", ""))
    return text.endswith(", -1)") and nothing(line, theirs, ours)


def told_a_family_with_error_queue(line, theirs, ours):
    """The line's socket was told to be of one; the kernel's is of another, which waits."""
    text, _ = sockets(ours).get(line[0], ("", ""))
    family = re.search(r"\((?:<AddressFamily.\w+: )?(\d+)", text)
    return family and family[1] in ("2", "10", "17", "29") and nothing(line, theirs, ours)


def long_timeout(line, theirs, ours):
    """Some socket has a timeout of more ms than an int holds."""
    times = re.findall(r", ([\d.e+]+), -?\d+\)", str(ours[2]))
    return any(float(time) >= 2**31 / 1000 for time in times) and nothing(line, theirs, ours)


def with_flags(line, *outcomes):
    """A fourth argument, other than 0."""
    call = ast.parse(line).body[0].value
    fourth = [ast.unparse(arg) for arg in [*call.args[3:], *call.keywords]]
    return fourth not in ([], ["0"])


class Row(NamedTuple):
    why: str
    line: str
    stock: str
    csock: str
    also: object = nothing


def type_error(*texts):
    return rf"builtins\.TypeError\(['\"].*({'|'.join(texts)}).*"


def os_error(*numbers):
    return rf"builtins\.\w+Error\(({'|'.join(map(str, numbers)) or '[0-9]+'}), .*"


OVERFLOW = r"builtins\.OverflowError.*"
TIMED_OUT = r"(builtins\.TimeoutError\('timed out',\).*|hung)"
NUL = r".*(\\0|\\x00).*"
HUGE = r"(2\s?\*\*\s?(31|32|40|63|70)|\d{10,})"
IN_PYTHON = type_error(
    r"takes .*positional arguments? but", "unexpected keyword argument", "missing .*positional arg"
)
IN_PYTHON_TWICE = type_error("multiple values for argument")
COUNTED = r"takes (exactly \w+|at most \w+|no|at least \w+|from \w+ to \w+) .*argument"
NO_KEYWORDS = "takes no keyword arguments"
ROWS = [
    Row(
        "host and port as two arguments, as in 1998",
        r"\w\.(bind|connect|connect_ex)\(.*, .*\)",
        type_error(r"\.\w+\(\) takes exactly one argument \(2 given\)"),
        r"(?!.*takes exactly one argument).*",
    ),
    Row(
        "what follows a NUL in a host or port is not ignored",
        r".*\b(getaddrinfo|create_connection|getfqdn|create_server)\(" + NUL,
        r".*",
        r"builtins\.ValueError\('embedded null (byte|character)',\).*",
    ),
    Row(
        "a NUL in an AF_UNIX path",
        r"\w+\.(bind|connect\w*|sendto|sendmsg|getnameinfo|create_\w+)\(" + NUL,
        r".*",
        r"builtins.ValueError\('embedded null byte in AF_UNIX path',\).*",
    ),
    Row(
        "a descriptor out of range is not another one",
        rf".*\b(close|dup|fromfd|socket)\(.*{HUGE}.*",
        rf"(int \d+|NoneType None|_?socket\.socket\(.*|{os_error(9, 88)}|.*negative file desc.*)",
        OVERFLOW,
        one_descriptor,
    ),
    Row(
        "a call that fails says so at once, not when its timeout has passed",
        r"\w\.(recv\w*|send\w*)\(.*",
        TIMED_OUT,
        r"(?!builtins\.(BlockingIO|Timeout)Error|.*closed by another thread)" + os_error(),
    ),
    Row(
        "a call that is not to wait says so at once",
        r"\w\.(recv\w*|send\w*)\(.*\b(0x40|0x42|0x142|m\.MSG_DONTWAIT|70000)\b.*",
        TIMED_OUT,
        r"builtins\.BlockingIOError\(11, .*",
    ),
    Row(
        "MSG_ERRQUEUE does not wait, for the families that have such a queue",
        r"\w\.recv\w*\(.*\b0x2000\b.*",
        TIMED_OUT,
        r"builtins\.BlockingIOError\(11, .*",
        told_a_family_with_error_queue,
    ),
    Row(
        "sendfile from beyond the file's end has nothing to wait for",
        r"\w\.sendfile\(open\(('/dev/null'|.*, .*[1-9]).*",
        TIMED_OUT,
        r"int 0",
    ),
    Row(
        "what is written in C counts its arguments in other words",
        r".*\b(SocketIO|socket|accept|close|_decref_socketios)\(.*",
        rf"({IN_PYTHON}|{IN_PYTHON_TWICE})",
        type_error(COUNTED, NO_KEYWORDS, "keyword argument", "required argument", "given by name"),
    ),
    Row(
        "no byte that nobody wrote comes with MSG_TRUNC",
        r"\w\.recv(from|msg)?\(.*(\b0x20|MSG_TRUNC|-1)\)",
        r".*",
        r".*",
        beginning,
    ),
    Row(
        "the scope of 'host%scope' is kept",
        r"\w+\.getnameinfo\(.*%(lo|1)\b.*",
        r"tuple\(str 'fe80::1', str '.*'\)",
        r"tuple\(str 'fe80::1%lo', str '.*'\)",
    ),
    Row(
        "the scope of 'host%scope' is kept, and the kernel says more of it",
        r"\w\.(bind|connect|connect_ex|sendto|sendmsg)\(.*'fe80::1%(lo|1)'.*",
        rf"(int 22|{os_error(22)})",
        rf"(NoneType None|int \d+|{os_error()})",
    ),
    Row(
        "the name of an interface is not cut",
        r"\w\.(bind|connect|connect_ex|sendto|sendmsg)\(.*'x' \* 20.*",
        os_error(),
        os_error(19),
    ),
    Row(
        "flags and address are honoured",
        r"m\.(send|recv)_fds\(.*",
        r".*",
        r".*",
        with_flags,
    ),
    Row(
        "sendfile takes any count, and sends no more than there is",
        rf"\w\.sendfile\(.*{HUGE}.*",
        OVERFLOW,
        rf"(int \d+|{OVERFLOW}|{os_error()})",
    ),
    Row(
        "keywords are refused in other words by what takes its arguments the faster way",
        r".*\binet_(pton|ntop)\(.*\w=.*",
        type_error(NO_KEYWORDS),
        type_error(NO_KEYWORDS),
    ),
    Row(
        "of two mistakes in one call, the keyword is told first",
        r".*\b(recv_into|recvfrom_into)\(.*\w=.*",
        type_error(""),
        type_error("keyword"),
    ),
    Row(
        "of two mistakes in one call, that the socket is closed is told first",
        r"\w\.(sendmsg|recvmsg|recvmsg_into)\(.*-1.*",
        os_error(22),
        os_error(9),
        closed,
    ),
    Row(
        "a number of its own in herror",
        r".*\b(gethostby\w+|getfqdn)\(.*",
        r"_?socket\.herror.*",
        r"_?socket\.herror\((1, 'Unknown host'|2, 'Host name|3, 'Unknown server|4, 'No add).*",
    ),
    Row(
        "SOCK_NONBLOCK holds for a descriptor that is taken over, too",
        r".*\b(socket|fromfd)\(.*\b(2049|2050|526337)\b.*",
        r"(done|_?socket.socket.*)",
        r"(done|_?socket.socket.*)",
        non_blocking,
    ),
    Row(
        "getsockopt takes more room",
        r"\w\.getsockopt\(.*, .*, .*\)",
        r"builtins\.OSError\('getsockopt buflen out of range.*",
        rf"(bytes b.*|{os_error()})",
    ),
    Row(
        "the kernel's answer to IP_PROTOCOL is a port of its own choice",
        r"\w\.getsockopt\(0, 52(, .*)?\)",
        r"(int \d+|bytes b.*)",
        r"(int \d+|bytes b.*)",
    ),
    Row(
        "a descriptor that turns out to be no socket, or not to fit, is closed again",
        r"m\.fromfd\(.*",
        r"builtins\..*Error.*",
        r"builtins\..*Error.*",
        leak,
    ),
]
if sys.version_info < (3, 14):
    ROWS.append(Row("timeouts of 2**31 s and more hold", r".*", TIMED_OUT, r"hung", long_timeout))
if sys.version_info < (3, 13):
    ROWS.append(
        Row(
            "the number of an interface is not cut",
            rf".*\bif_indextoname\(.*{HUGE}.*",
            rf"(str '.*'|{os_error(6)})",
            OVERFLOW,
        )
    )
    ROWS.append(
        Row(
            "arguments counted as in 3.13",
            r".*\.(ntohs|htons|inet_aton|inet_ntoa|if_nametoindex|if_indextoname|CMSG_LEN)\(.*",
            type_error(COUNTED, NO_KEYWORDS),
            type_error(COUNTED, NO_KEYWORDS),
        )
    )
COMPILED = [(row, *(re.compile(p, re.S) for p in row[1:4])) for row in ROWS]


def why_different(line, theirs, ours):
    """The reason, or None if there is none. theirs and ours: outcome, buffers, state."""
    if ours[0] in ("died", "harness"):
        return None
    for row, call, stock, csock in COMPILED:
        answers = stock.fullmatch(theirs[0]) and csock.fullmatch(ours[0])
        if answers and call.fullmatch(line) and row.also(line, theirs, ours):
            return row.why
    return None


def quietly_different(line):
    """Whether the worlds may differ after this line, even if they look the same."""
    return re.match(r"m\.(send|recv)_fds\(", line) and with_flags(line)
