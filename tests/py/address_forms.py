"""Addresses of every family, given to stock's `_socket` and to ours under address_shim.c, which
stands in for the kernel. Run as a program it prints each case in which the two differ, and last how
many cases there were. See test_families.py."""

import _socket as stock
import contextlib
import ctypes
import os
import pathlib
import random
import socket
import sys

from csock import _socket as ours

shim = ctypes.CDLL(None)
on = ctypes.c_int.in_dll(shim, "shim_on")
kept = (ctypes.c_ubyte * 256).in_dll(shim, "shim_addr")
kept_len = ctypes.c_uint32.in_dll(shim, "shim_len")

NETLINK, PACKET, CAN, TIPC, ALG, VSOCK, QIPCRTR, RDS, BLUETOOTH = 16, 17, 29, 30, 38, 40, 42, 21, 31
LO = socket.if_nametoindex("lo")


class Index:
    def __index__(self):
        return 5


class Tuple(tuple):
    pass


# (family, protocol): addresses that are right, and how many bytes of the structure mean something.
FORMS = {
    (NETLINK, 0): ([(0, 0), (1234, 3)], 12),
    (PACKET, 0): ([("lo", 0x800), ("lo", 3, 4, 772), ("lo", 0, 1, 1, b"\1\2\3\4\5\6")], 12),
    (CAN, 1): ([("lo",), ("",)], 8),
    (CAN, 2): ([("lo",), ("",)], 8),
    (CAN, 6): ([("lo", 0x123, 0x456), ("", 0x8000_0001, 0)], 16),
    (CAN, 7): ([("lo", 2**63 + 5, 0x40000, 0xFE), ("", 0, 0, 0)], 21),
    (CAN, 99): ([("lo",)], 8),
    (TIPC, 0): ([(1, 2, 3, 4), (2, 3, 4, 5, 1), (3, 4, 5, 6, 3)], 16),
    (ALG, 0): ([("hash", "sha256"), ("aead", "gcm(aes)", 1, 2)], 88),
    (VSOCK, 0): ([(2, 1234), (2**32 - 1, 2**32 - 1)], 16),
    (QIPCRTR, 0): ([(1, 2), (2**32 - 1, 0)], 12),
    (RDS, 0): ([("127.0.0.1", 80), ("", 0)], 16),
}
BLUETOOTH_FORMS = {
    (BLUETOOTH, 0): ([("00:11:22:AA:BB:cc", 0x1001)], 10),
    (BLUETOOTH, 1): ([(0,), (65535,)], 6),
    (BLUETOOTH, 2): ([b"00:11:22:AA:BB:cc", b"0:0:0:0:0:0"], 8),
    (BLUETOOTH, 3): ([("00:11:22:AA:BB:cc", 3)], 9),
    (BLUETOOTH, 9): ([("00:11:22:AA:BB:cc", 3)], 9),
}
if hasattr(stock, "AF_BLUETOOTH"):  # what the builder of this CPython had headers for
    FORMS.update(BLUETOOTH_FORMS)
    if sys.version_info >= (3, 14):
        FORMS[BLUETOOTH, 0][0].extend([("0:1:2:3:4:5", 1, 2), ("0:1:2:3:4:5", 1, 2, 3)])
        FORMS[BLUETOOTH, 1][0].extend([7, (1, 3)])
        FORMS[BLUETOOTH, 2][0].append("0:1:2:3:4:5")

ITEMS = [0, 1, -1, 2, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64]
ITEMS += [-(2**31) - 1, 2**70, -(2**70), True, 1.5, None, Index(), (), []]
ITEMS += ["lo", "", "nope", "a\0b", "\udc80", "é", *("x" * n for n in (13, 14, 15, 16, 63, 64))]
ITEMS += [b"lo", b"", b"nope", b"a\0b", bytearray(b"lo"), pathlib.Path("lo")]
ITEMS += [b"12345678", b"123456789", memoryview(b"abcdefgh")[::2]]
ITEMS += ["0:0:0:0:0:0", "0:0:0:0:0", "0:0:0:0:0:0:0", "0:0:0:0:0:100", "00:1:02: 3:4:0xff"]
ITEMS += ["g:0:0:0:0:0", "0:0:0:0:0:0 ", "+1:0:0:0:0:0", "0:0:0:0:0:", ":0:0:0:0:0", "0 :0:0:0:0:0"]


def intended(family, proto, address):
    """Whether ours means to differ: stock cuts an interface's name, and looks for what is left; to
    its CAN_ISOTP and CAN_J1939 what is no tuple is a SystemError; it writes some numbers in another
    width than their field's, which shows where the high byte comes first."""
    if family == CAN and proto in (6, 7) and not isinstance(address, tuple):
        return True
    if sys.byteorder == "big" and family in (ALG, BLUETOOTH):
        return True
    name = address[0] if isinstance(address, tuple) and address else None
    return family == PACKET and isinstance(name, str) and len(name) > 15


@contextlib.contextmanager
def pretender(module, family, proto):
    """A socket that is none of its family, which only the shim can tell."""
    pair = os_pair()
    s = module.socket(family, socket.SOCK_DGRAM, proto, fileno=pair[0])
    on.value = 1
    try:
        yield s
    finally:
        on.value = 0
        s.close()
        os.close(pair[1])


def os_pair():
    return [s.detach() for s in socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)]


def outcome(function, *args):
    try:
        return function(*args)
    except BaseException as error:
        if isinstance(error, OSError) and error.errno is not None:
            error.filename = None  # ours has the name of the host there
        return type(error).__name__, str(error), getattr(error, "errno", None)


def given(module, family, proto, method, address):
    """What the method makes of the address: bytes and what they read as, or the exception."""
    kept_len.value = 0
    with pretender(module, family, proto) as s:
        args = {"sendto": (b"data", address), "sendmsg": ([b"data"], [], 0, address)}
        args = args.get(method, (address,))
        result = outcome(getattr(s, method), *args)
        if kept_len.value == 0:
            return result
        data = bytearray(bytes(kept)[: kept_len.value])
        if family in (NETLINK, CAN, QIPCRTR):
            data[2:4] = b"\0\0"  # padding, where stock may leave what was there
        size = FORMS[family, proto][1]
        if family == PACKET:
            size += data[11]
        if (family, proto) == (BLUETOOTH, 0) and sys.version_info >= (3, 14):
            size = len(data)  # a channel and an address type can be given, too
        if module is ours and any(data[size:]):
            return "bytes that nobody gave", data.hex()
        return result, len(data), data[:size].hex(), outcome(s.getsockname)


def addresses(right, chance):
    yield from right
    yield from (Tuple(a) for a in right if isinstance(a, tuple))
    yield from (list(a) for a in right if isinstance(a, tuple))
    yield from ITEMS
    for address in right:
        if not isinstance(address, tuple):
            continue
        for i in range(len(address) + 2):
            yield address[:i]
            for item in ITEMS:
                yield (*address[:i], item, *address[i + 1 :])
    for _ in range(300):
        yield tuple(chance.choices(ITEMS, k=chance.randrange(7)))


def compare_given(chance):
    n = 0
    for (family, proto), (right, _) in FORMS.items():
        for k, address in enumerate(addresses(right, chance)):
            if intended(family, proto, address):
                continue
            every = ("bind", "connect", "connect_ex", "sendto", "sendmsg")
            for method in every if k % 10 == 0 or k < 8 else every[:1]:
                n += 1
                sides = [given(m, family, proto, method, address) for m in (stock, ours)]
                if sides[0] != sides[1]:
                    print("given", family, proto, method, ascii(address), *map(ascii, sides))
    return n


def in_longs(address):
    """As stock makes it of numbers that go through a C long."""
    if isinstance(address, tuple):
        return tuple(in_longs(item) for item in address)
    return ctypes.c_long(address).value if type(address) is int else address


def taken(module, family, proto, data, method):
    with pretender(module, family, proto) as s:
        ctypes.memmove(kept, data, len(data))
        kept_len.value = len(data)
        args = {"recvfrom": (10,), "recvfrom_into": (bytearray(9),), "recvmsg": (10,)}
        args = {**args, "recvmsg_into": ([bytearray(9)],)}.get(method, ())
        return outcome(getattr(s, method), *args)


def some_bytes(family, size, chance):
    """A structure of the family, mostly one that makes sense."""
    data = bytearray(chance.randbytes(size))
    if chance.random() < 0.5:
        data = bytearray(size)
    data[:2] = family.to_bytes(2, sys.byteorder)
    if family in (PACKET, CAN):
        data[4:8] = chance.choice([0, LO, LO + 4000, 2**31]).to_bytes(4, sys.byteorder)
    if family == PACKET:
        data[11] = chance.randrange(9)
    if family == TIPC:
        data[2] = chance.choice([0, 1, 2, 3, 4])
    if family == ALG and chance.random() < 0.9:
        data[2:16] = b"skcipher".ljust(14, b"\0")
        data[24:88] = b"cbc(aes)".ljust(64, chance.choice([b"\0", b"x"]))
    return bytes(data)


NAMING = ("getsockname", "getpeername", "recvfrom", "recvfrom_into", "recvmsg", "recvmsg_into")
SIZES = {NETLINK: 12, PACKET: 20, CAN: 24, TIPC: 16, ALG: 88, VSOCK: 16, QIPCRTR: 12, RDS: 16}
BLUETOOTH_SIZES = {0: 14, 1: 6, 2: 8, 3: 10, 9: 10}


def compare_taken(chance):
    n = 0
    for family, proto in FORMS:
        size = BLUETOOTH_SIZES[proto] if family == BLUETOOTH else SIZES[family]
        for k in range(200):
            data = some_bytes(family, size, chance)
            if k % 2:
                data = data[: chance.choice([0, *range(2, size)])]
            if len(data) <= 11 and family == PACKET:
                continue
            for method in NAMING:
                n += 1
                sides = [taken(m, family, proto, data, method) for m in (stock, ours)]
                if family == ALG:
                    sides[1] = in_longs(sides[1])
                if ascii(sides[0]) != ascii(sides[1]):
                    print("taken", family, proto, method, data.hex(), *map(ascii, sides))
    return n


def compare_unknown():
    """Families that stock has no form for; and addresses that are of another family than asked."""
    n = 0
    methods = ("bind", "connect", "connect_ex", "sendto", "sendmsg")
    for family in (0, 15, 27, 41, 44, 99):
        for method in methods:
            FORMS[family, 0] = ([], 0)
            n += 1
            sides = [given(m, family, 0, method, ("x", 1)) for m in (stock, ours)]
            if sides[0] != sides[1]:
                print("unknown", family, method, *map(ascii, sides))
        for method in (*NAMING, "_accept"):
            n += 1
            sides = [taken(m, family, 0, b"\x02\0" + bytes(14), method) for m in (stock, ours)]
            if sides[0] != sides[1]:
                print("unknown", family, method, *map(ascii, sides))
    for family in (0, 15, RDS, 99, 255):
        data = family.to_bytes(2, sys.byteorder) + b"abcdefghijklmn"
        for cut in (data, data[:5], data[:2]):
            n += 1
            sides = [taken(m, VSOCK, 0, cut, "getsockname") for m in (stock, ours)]
            if sides[0] != sides[1]:
                print("other", family, cut.hex(), *map(ascii, sides))
    return n


if __name__ == "__main__":
    source = random.Random(sys.argv[1])
    total = compare_given(source) + compare_taken(source) + compare_unknown()
    print("cases:", total)
