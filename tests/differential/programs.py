"""Hypothesis strategies for programs: lists of Python lines, each a call with arguments that are
valid, nearly so, or nonsense: pools.py has them. World.py says which names a line may use."""

import functools

from hypothesis import strategies as st
from pools import (
    ADDRESS,
    ANCILLARY,
    BLOB,
    COUNT,
    FAMILY,
    FD,
    HOST,
    ITEMS,
    JUNK,
    LEVEL,
    MESSAGE_FLAGS,
    NUMBER,
    OPTION,
    PACKED,
    PARTS,
    PORT,
    PROTO,
    ROOM,
    ROOM_FOR,
    SECONDS,
    SMALL,
    TEXT,
    TEXT_MODES,
    TYPE,
    VALUE,
    among,
    either,
    words,
)

# Name -> pools of arguments, how many must be, their keywords if it takes any.
METHODS = {
    "accept": ([], 0, ""),
    "_accept": ([], 0, ""),
    "bind": ([ADDRESS], 1, ""),
    "close": ([], 0, ""),
    "connect": ([ADDRESS], 1, ""),
    "connect_ex": ([ADDRESS], 1, ""),
    "detach": ([], 0, ""),
    "dup": ([], 0, ""),
    "fileno": ([], 0, ""),
    "getblocking": ([], 0, ""),
    "get_inheritable": ([], 0, ""),
    "getpeername": ([], 0, ""),
    "getsockname": ([], 0, ""),
    "getsockopt": ([LEVEL, OPTION, COUNT], 2, ""),
    "gettimeout": ([], 0, ""),
    "listen": ([NUMBER], 0, ""),
    "makefile": ([TEXT_MODES, words("None -1 0 1 2 100 '1' 2**70")], 0, "mode buffering"),
    "recv": ([COUNT, MESSAGE_FLAGS], 1, ""),
    "recv_into": ([ROOM, COUNT, MESSAGE_FLAGS], 1, "buffer nbytes flags"),
    "recvfrom": ([COUNT, MESSAGE_FLAGS], 1, ""),
    "recvfrom_into": ([ROOM, COUNT, MESSAGE_FLAGS], 1, "buffer nbytes flags"),
    "recvmsg": ([COUNT, ROOM_FOR, MESSAGE_FLAGS], 1, ""),
    "recvmsg_into": ([ITEMS, ROOM_FOR, MESSAGE_FLAGS], 1, ""),
    "send": ([BLOB, MESSAGE_FLAGS], 1, ""),
    "sendall": ([BLOB, MESSAGE_FLAGS], 1, ""),
    "sendmsg": ([PARTS, ANCILLARY, MESSAGE_FLAGS, either(["None"], ADDRESS)], 1, ""),
    "sendmsg_afalg": ([PARTS, words("0 1 2 -1 'x'"), BLOB, SMALL], 0, "msg op iv assoclen"),
    "sendfile": (
        [words("open('/dev/null','rb') open('/etc/hosts','rb') None 1"), COUNT, COUNT],
        1,
        "",
    ),
    "setblocking": ([NUMBER], 1, ""),
    "set_inheritable": ([words("True False 1 None 'x'")], 1, ""),
    "setsockopt": ([LEVEL, OPTION, VALUE, COUNT], 3, ""),
    "settimeout": ([SECONDS], 1, ""),
    "shutdown": ([words("0 1 2 3 -1 2**40 '1' None")], 1, ""),
    "__enter__": ([], 0, ""),
    "__exit__": ([JUNK, JUNK, JUNK], 0, ""),
    "__repr__": ([], 0, ""),
    "__getstate__": ([], 0, ""),
}
SENDTO = [[BLOB, ADDRESS], [BLOB, MESSAGE_FLAGS, ADDRESS], [BLOB], [BLOB, JUNK, ADDRESS, JUNK]]

# These are in both `socket` and `_socket`, if not marked.
FUNCTIONS = {
    "CMSG_LEN": ([COUNT], 1, ""),
    "CMSG_SPACE": ([COUNT], 1, ""),
    "close": ([FD], 1, ""),
    "dup": ([FD], 1, ""),
    "getaddrinfo": (
        [HOST, PORT, FAMILY, TYPE, PROTO, words("0 1 2 4 8 16 32 1024 -1 2**40")],
        2,
        "host port family type proto flags",
    ),
    "getdefaulttimeout": ([], 0, ""),
    "gethostbyaddr": ([HOST], 1, ""),
    "gethostbyname": ([HOST], 1, ""),
    "gethostbyname_ex": ([HOST], 1, ""),
    "gethostname": ([], 0, ""),
    "getnameinfo": ([ADDRESS, words("0 1 2 3 3 3 16 -1 2**40 'x'")], 2, ""),
    "getprotobyname": ([words("'tcp' 'udp' 'nope' '' b'tcp' 'a\\0'")], 1, ""),
    "getservbyname": ([words("'http' 'domain' '' b'http'"), words("'tcp' 'udp' 'x' None")], 1, ""),
    "getservbyport": ([NUMBER, words("'tcp' 'udp' 'x' None")], 1, ""),
    "htonl": ([NUMBER], 1, ""),
    "htons": ([NUMBER], 1, ""),
    "ntohl": ([NUMBER], 1, ""),
    "ntohs": ([NUMBER], 1, ""),
    "if_indextoname": ([NUMBER], 1, ""),
    "if_nametoindex": (
        [words("'lo' b'lo' 'nope' '' 1 None 'xxxxxxxxxxxxxxxxxxxxxxxxxx' 'a\\0'")],
        1,
        "",
    ),
    "if_nameindex": ([], 0, ""),
    "inet_aton": ([TEXT], 1, ""),
    "inet_ntoa": ([PACKED], 1, ""),
    "inet_ntop": ([FAMILY, PACKED], 2, ""),
    "inet_pton": ([FAMILY, TEXT], 2, ""),
    "setdefaulttimeout": ([SECONDS], 1, ""),
    "sethostname": (
        [words("'host' b'host' '' 'x\\0' '\\xe9' None 1 bytearray(b'q') 'x'*100")],
        1,
        "",
    ),
    "socket": ([FAMILY, TYPE, PROTO, FD], 0, "family type proto fileno"),
    "socketpair": ([FAMILY, TYPE, PROTO], 0, "family type proto"),
}
PYTHON_ONLY = {
    "create_connection": (
        [ADDRESS, SECONDS, ADDRESS, words("True False None")],
        1,
        "address timeout source_address",
    ),
    "create_server": ([ADDRESS], 1, "address"),
    "fromfd": ([FD, FAMILY, TYPE, PROTO], 3, "fd family type proto"),
    "getfqdn": ([HOST], 0, "name"),
    "has_dualstack_ipv6": ([], 0, ""),
    "recv_fds": ([words("a b None 1"), COUNT, COUNT, MESSAGE_FLAGS], 3, ""),
    "send_fds": (
        [
            words("a b None 1"),
            PARTS,
            words("[0] [] [0,1] [99] [-1] None ['x'] [2**40]"),
            MESSAGE_FLAGS,
        ],
        3,
        "",
    ),
    "SocketIO": ([words("a b None"), TEXT_MODES], 2, ""),
}

STREAM_CALLS = among(
    *("f.read(3)", "f.readline()", "f.write(b'abc')", "f.write('abc')", "f.flush()", "f.close()"),
    *("f.readable()", "f.writable()", "f.seekable()", "f.closed", "f.name", "f.mode", "f.fileno()"),
    *(
        "f.readinto(B(5))",
        "f.read()",
        "f.seek(0)",
        "f.tell()",
        "f.truncate()",
        "f.detach()",
        "repr(f)",
    ),
    *("f.isatty()", "next(f)", "f.readlines(1)", "f.writelines([b'a', b'b'])", "f.raw", "f.buffer"),
)
ATTRIBUTES = among(
    *("a.family", "a.type", "a.proto", "a.timeout", "repr(a)", "str(b)", "a.nope", "bool(a)"),
    *("setattr(a, 'family', 1)", "setattr(a, 'timeout', 1)", "setattr(a, 'x', 1)", "del a.family"),
    *("raw.socket.family.__get__(a)", "hash(a) == hash(a)", "a == a", "a == b", "len(a)", "a + b"),
    *("a._io_refs", "a._closed", "type(a).__mro__", "a.__reduce_ex__(2)", "raw.socket.__repr__(a)"),
    *("raw.socket.close(a)", "a._decref_socketios()", "a._real_close()", "a.__weakref__" ),
)

SETUPS = [
    ["a = m.socket()"],
    ["a = m.socket(m.AF_INET6, m.SOCK_STREAM)"],
    ["a = m.socket(m.AF_UNIX, m.SOCK_DGRAM)", "a.bind('sock')"],
    ["a, b = m.socketpair()"],
    ["a, b = m.socketpair(m.AF_UNIX, m.SOCK_DGRAM)"],
    ["a, b = m.socketpair(m.AF_UNIX, m.SOCK_SEQPACKET)"],
    ["a, b = raw.socketpair()"],
    ["l = m.create_server(('127.0.0.1', 0))"],
    ["a = m.create_server(('127.0.0.1', 0))"],
    ["l = m.create_server(('127.0.0.1', 0))", "a = m.create_connection(l.getsockname())"]
    + ["b, _ = l.accept()"],
    ["l = m.create_server(('::1', 0), family=m.AF_INET6)", "a = m.socket(m.AF_INET6)"]
    + ["a.connect(l.getsockname())", "b, _ = l.accept()"],
    ["l = m.socket(m.AF_UNIX)", "l.bind('sock')", "l.listen(1)", "a = m.socket(m.AF_UNIX)"]
    + ["a.connect('sock')", "b, _ = l.accept()"],
    ["a = m.socket(2, 2)", "b = m.socket(2, 2)", "a.bind(('127.0.0.1', 0))"]
    + ["b.connect(a.getsockname())"],
    [
        "a = m.socket(10, 2)",
        "b = m.socket(10, 2)",
        "a.bind(('::1', 0))",
        "b.connect(a.getsockname())",
    ],
    ["a = m.socket(16, 3, 0)"],
    ["a = m.socket(17, 3, 0)"],
    ["a = m.socket(17, 2, 0)", "a.bind(('lo', 0x300))"],
    ["a = m.socket()", "a.close()"],
    ["a = m.socket.__new__(m.socket)"],
    ["a = raw.socket.__new__(raw.socket)"],
    [],
]
SETTINGS = [
    *(
        [],
        [],
        [],
        ["m.setdefaulttimeout(0.02)"],
        ["m.setdefaulttimeout(0)"],
        ["a.settimeout(0.02)"],
    ),
    *(["a.settimeout(0)"], ["b.settimeout(0.02)"]),
]


def setups():
    fresh = st.tuples(*map(st.sampled_from, (["m", "raw"], FAMILY, TYPE, PROTO)))
    # What an address means is told by the family that the object was told.
    told = fresh.map(
        lambda t: ["a, b = m.socketpair()", f"a = {t[0]}.socket({', '.join(t[1:])}, a.detach())"]
    )
    plain = fresh.map(lambda t: [f"a = {t[0]}.socket({', '.join(t[1:])})"])
    return st.one_of(plain, told, st.sampled_from(SETUPS), st.sampled_from(SETUPS))


def calls():
    """(prefix, name, spec) of everything, methods most often."""
    for name, spec in METHODS.items():
        yield from ((prefix, name, spec) for prefix in "aaabl")
    for name, spec in FUNCTIONS.items():
        yield from ((prefix, name, spec) for prefix in ("m", "raw"))
    yield from (("m", name, spec) for name, spec in PYTHON_ONLY.items())
    for form in SENDTO:
        yield from ((prefix, "sendto", (form, len(form), "")) for prefix in "aab")


CALLS = list(calls())
SHAPES = range(20)
WRONG_NAMES = st.sampled_from(["x", "flags", "nope"])


@functools.cache
def drawn(index, fine):
    """The strategy for a pool: what fits, or now and then something that does not."""
    pool = POOLS[index]
    return st.sampled_from(pool if fine else (pool * (200 // len(pool) + 1))[:200] + JUNK)


POOLS = []
for _, _, (kinds, _, _) in CALLS:
    POOLS += [kind for kind in [*kinds, JUNK] if not any(kind is pool for pool in POOLS)]
INDEX = {id(pool): index for index, pool in enumerate(POOLS)}


@st.composite
def arguments(draw, spec):
    """Mostly as many as the call takes, mostly of the kind that it takes."""
    kinds, least, keywords = spec
    count = draw(st.integers(least, len(kinds))) if least < len(kinds) else least
    shape = draw(st.sampled_from(SHAPES))
    if shape == 1:
        count = max(0, least - 1)
    elif shape == 2:
        kinds = [*kinds, JUNK, JUNK]
        count = len(kinds) - draw(st.integers(0, 1))
    args = [draw(drawn(INDEX[id(kind)], shape < 10)) for kind in kinds[:count]]
    names = keywords.split()
    if shape == 3:
        args.append(f"{draw(WRONG_NAMES)}={draw(drawn(INDEX[id(JUNK)], True))}")
    elif names and 4 <= shape < 8:
        start = draw(st.integers(0, min(len(args), len(names))))
        args[start:] = [
            f"{name}={value}" for name, value in zip(names[start:], args[start:], strict=False)
        ]
    return f"({', '.join(args)})"


@st.composite
def step(draw):
    if draw(st.integers(0, 11)) == 11:
        return draw(st.sampled_from(ATTRIBUTES))
    prefix, name, spec = draw(st.sampled_from(CALLS))
    return f"{prefix}.{name}{draw(arguments(spec))}"


@st.composite
def programs(draw):
    lines = [*draw(setups()), *draw(st.sampled_from(SETTINGS))]
    if draw(st.integers(0, 9)) == 9:
        lines.append(f"f = a.makefile{draw(arguments(METHODS['makefile']))}")
        lines += draw(st.lists(st.sampled_from(STREAM_CALLS), min_size=1, max_size=8))
    return lines + draw(st.lists(step(), min_size=1, max_size=16))
