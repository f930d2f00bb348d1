"""Pools of expressions: what the arguments of random programs are drawn from. World.py says which
names they may use. Sits on the values that tests/py/test_args_differential.py tries one by one."""

import fractions
import pathlib
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "py"))
import test_args_differential as values


def source(value):
    """An expression for a value of that file."""
    if isinstance(value, memoryview):
        return "STRIDED" if value.strides != (1,) else f"memoryview({bytes(value)!a})"
    if isinstance(value, values.Tuple):
        return f"Tuple({tuple(value)!a})"
    if isinstance(value, fractions.Fraction):
        return f"Fraction({value.numerator}, {value.denominator})"
    if isinstance(value, (tuple, list)) and value:
        inner = ", ".join(map(source, value)) + ","
        return f"({inner})" if isinstance(value, tuple) else f"[{inner}]"
    if isinstance(value, float):
        return f"float('{value!r}')"
    return (
        ascii(int(value))
        if type(value).__name__ in ("AddressFamily", "SocketKind")
        else ascii(value)
    )


def among(*items):
    return list(items)


def each(items):
    return [source(item) for item in items]


def words(text):
    return text.split()


def either(*pools):
    """The pools in one. Each is as likely: the small ones come several times."""
    most = max(map(len, pools))
    return [item for pool in pools for item in pool * max(1, most // len(pool) // 2)]


def pairs(items):
    """Each item once before and once behind another one."""
    return [f"({a}, {b})" for a, b in zip(items, [*items[7:], *items[:7]], strict=True)]


# Pools of expressions, by what they are good for. One draw takes one of them: hypothesis is slow.
JUNK = among(
    *("None", "1.5", "''", "b'x'", "[]", "()", "object()", "True", "Index()", "2**31", "2**63"),
    *("2**70", "-1", "-2**31", "-2**70", "'\\xe9'", "'\\udc80'", "'a\\0b'", "m", "a", "b'a\\0b'"),
    *("bytearray(3)", "STRIDED", "float('nan')", "1j", "{}", "range(3)", "'1'", "0", "1", "2"),
)
SMALL = among(*map(str, range(21)))
NUMBER = either(
    each(values.NUMBERS),
    among(*map(str, [-3, -2, 3, 7, 100, 255, 256, 513, 32768, 65534, 65537, 70000])),
    SMALL,
)
FAMILY = words("2 10 1 1 2 10 0 16 17 29 30 38 40 42 21 31 39 99 -1")
if not hasattr(socket, "AF_BLUETOOTH"):
    FAMILY.remove("31")  # a stock module built without BlueZ's headers does not know its addresses
TYPE = words("1 2 3 5 1 2 4 6 10 0 99 -1 2049 524289 2050 526337")
PROTO = words("0 0 0 0 6 17 1 2 136 132 262 255 -1 3")
BLOB = either(
    among("b'a'", "b'hello'", "b'\\0\\xff'", "b'line\\nline\\n'"),
    among("bytes(1000)", "bytes(70000)", "b''", "bytearray(b'xyz')", "memoryview(b'abc')"),
    among(
        "STRIDED", "array.array('i', [1, 2, 3])", "'text'", "[1]", "memoryview(b'abcd').cast('H')"
    ),
)
ROOM = among(
    *("B(10)", "B(1)", "B(0)", "B(100000)", "memoryview(B(8))", "memoryview(B(8))[2:5]"),
    *("memoryview(B(8))[::2]", "memoryview(B(8)).toreadonly()", "b'12345678'", "'text'"),
    "memoryview(B(8)).cast('H')",
)
COUNT = either(
    SMALL,
    among("100", "70000", "1 << 20", "-1", "0", "2**31 - 1", "2**31", "2**40", "2**63", "2**70"),
)
MESSAGE_FLAGS = either(
    among(
        "0", "0x40", "2", "0x42", "0x20", "0x100", "0x102", "0x142", "0x4000", "1", "0x2000", "4"
    ),
    among("m.MSG_PEEK", "m.MSG_DONTWAIT", "m.MSG_TRUNC", "m.MSG_NOSIGNAL", "2**31", "-1", "0x8000"),
)
ADDRESS = either(
    each(values.A),
    each(values.A6),
    each(values.AU),
    among("l.getsockname()", "a.getsockname()", "b.getsockname()", "b.getpeername()", "'sock'"),
    among(
        "('127.0.0.1', 7001)", "('127.0.0.1', 7002)", "('::1', 7003, 0, 0)", "'sock2'", "b'\\0abs'"
    ),
    among(
        "(0, 0)",
        "(0,)",
        "(1, 0)",
        "(0, 1, 2)",
        "('lo', 0)",
        "('lo', 0x800, 0, 1, b'abc')",
        "('lo',)",
    ),
    among("('lo', 3, 1, 2, bytes(9))", "('nope0', 0)", "('x' * 20, 0)", "('lo', 70000)", "('', 0)"),
    among(
        "('hash', 'sha256')",
        "('hash', 'nope')",
        "('skcipher', 'cbc(aes)', 0, 0)",
        "('h' * 20, 'x')",
    ),
    among(
        "('hash', 'x' * 100)",
        "(1, 0, 0, 0)",
        "(3, 1, 2, 3, 1)",
        "(1, 2, 3, 4, 5, 6)",
        "(2, 1, 1, 0)",
    ),
    among(
        "('can0',)",
        "('lo', 1, 2)",
        "('lo', 1, 2, 3)",
        "(2**32, 0)",
        "(-1, 0)",
        "(1, 2**32)",
        "(1, 'a')",
    ),
    among(
        "('00:00:00:00:00:00', 1)", "('0:0:0:0:0', 1)", "('zz', 1)", "(0xffff, 3)", "1", "b'00:11'"
    ),
    pairs(JUNK),
    [f"({junk}, {junk}, {more}, {junk})" for junk, more in zip(JUNK, JUNK[5:], strict=False)],
)
LEVEL = words("1 1 1 6 0 41 17 270 263 279 271 280 999 -1 2**40 101")
OPTION = either(among(*map(str, range(81))), words("2 3 4 7 8 9 13 20 21 26 39 255 -1 2**40"))
VALUE = either(
    SMALL,
    among("1", "0", "-1", "2**31", "2**70", "b''", "bytes(4)", "bytes(8)", "bytes(16)"),
    among("bytes(1000)", "None", "'1'", "1.5", "b'lo'", "b'lo\\0'", "bytearray(4)", "STRIDED"),
)
SECONDS = either(each(values.TIMEOUTS), words("0 0 0.01 0.02 None 0.01"))
FD = among(
    "FD('a')", "FD('b')", "FD('l')", "-1", "77", "3", "4", "0", "2**31", "2**32+3", "'3'", "None"
)
TEXT = each(values.TEXTS)
HOST = each(values.HOSTS)
PORT = each(values.PORTS)
PACKED = each(values.PACKED)
ITEMS = among(
    "0x10000", "None", "[B(4), B(5)]", "(B(4),)", "[]", "[B(3)] * 3", "[b'x']", "[1]", "B(4)"
)
PARTS = either(
    [f"[{blob}]" for blob in BLOB],
    [f"[b'xy', {blob}]" for blob in BLOB],
    [f"({blob}, b'', {more})" for blob, more in zip(BLOB, BLOB[3:], strict=False)],
    among(
        "()",
        "b'abc'",
        "None",
        "1",
        "(b'x',) * 1025",
        "[b'x'] * 1024",
        "iter([b'a', b'b'])",
        "[None]",
    ),
)
RIGHT = among(
    *("(1, 1, array.array('i', [0]))", "(1, 1, array.array('i', [0, 1]))", "(1, 1, b'abcd')"),
    *(
        "(1, 2, bytes(12))",
        "(1, 1, b'')",
        "(41, 50, bytes(20))",
        "(1, 1)",
        "(1, 1, 1)",
        "(1, 1, b'', 0)",
    ),
    *(
        "('1', 1, b'')",
        "(2**40, 1, b'')",
        "None",
        "(1, 99, b'x')",
        "(0, 8, bytes(12))",
        "[1, 1, b'']",
    ),
    *("(1, 1, 'x')", "(0, 2, bytes(4))", "(1, 1, bytes(1020))"),
)
ANCILLARY = either(
    [f"[{right}]" for right in RIGHT],
    [f"[{right}, {more}]" for right, more in zip(RIGHT, [*RIGHT[3:], *RIGHT], strict=False)],
    among("()", "None", "1", "b''", "iter(())"),
)
ROOM_FOR = either(among("0", "1", "16", "24", "100", "-1", "2**31", "2**70", "2**20"), SMALL)
TEXT_MODES = words("'r' 'w' 'rw' 'rb' 'wb' 'rwb' '' 'b' 'rr' 'x' 'a' None 1 b'r' 'r+' 'rt'")
