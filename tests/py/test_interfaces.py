"""Interfaces, and the machine's name."""

import _socket
import os
import shutil
import socket as stock
import subprocess
import sys

import pytest
from testkit import outcome

from csock import _socket as ours


def test_interfaces(impl):
    rows = impl.if_nameindex()
    assert [name for _, name in rows] == [name for _, name in stock.if_nameindex()]
    assert "lo" in dict(map(reversed, rows))
    for index, name in rows:
        assert impl.if_nametoindex(name) == impl.if_nametoindex(os.fsencode(name)) == index
        assert impl.if_indextoname(index) == name


class Path:
    def __fspath__(self):
        return "lo"


class Index:
    def __index__(self):
        return 1


NAMES = [(), ("lo", 1), ("lo",), (b"lo",), (Path(),), ("",), ("nope",), ("x" * 15,), ("x" * 16,)]
NAMES += [("lo\0",), ("\udc80",), (1,), (None,), (bytearray(b"lo"),), ("é",)]
NUMBERS = [(), (1, 2), (1,), (0,), (-1,), (2**31,), (10**6,), ("1",), (1.0,), (None,), (True,)]
NUMBERS += [(2**64,), (-(2**70),), (Index(),)]
if sys.version_info >= (3, 12, 2) or (3, 11, 8) <= sys.version_info < (3, 12):
    NUMBERS += [(2**32,), (2**32 + 1,)]


def test_interface_errors_are_alike():
    calls = [("if_nametoindex", args) for args in NAMES]
    calls += [("if_indextoname", args) for args in NUMBERS] + [("if_nameindex", (1,))]
    for name, args in calls:
        assert outcome(getattr(_socket, name), *args) == outcome(getattr(ours, name), *args), args


def test_a_number_is_not_cut():
    """Before 3.11.8 and 3.12.2 stock takes 2**32 + 1 for 1."""
    with pytest.raises(OverflowError):
        ours.if_indextoname(2**32 + 1)


RENAME = """
import importlib, sys
socket = importlib.import_module(sys.argv[1])
events = []
sys.addaudithook(lambda name, args: name == "socket.sethostname" and events.append(args))
def outcome(*args):
    events.clear()
    try:
        result = socket.sethostname(*args)
    except Exception as error:
        result = type(error), str(error).replace("csock._socket", "_socket")
    return result, list(events), socket.gethostname()
class Path:
    def __fspath__(self):
        return "by-path"
for args in [("a",), (b"b",), (Path(),), ("é",), ("\\udc80",), ("x" * 64,), ("x" * 65,), ("",),
             (b"a\\0b",), (), ("a", "b"), (1,), (None,), ("a\\0b",), (bytearray(b"c"),)]:
    print(ascii(args), ascii(outcome(*args)))
"""


def test_sethostname():
    def run(module):
        command = ["unshare", "--uts", sys.executable, "-c", RENAME, module]
        return subprocess.run(command, capture_output=True, text=True)

    if not shutil.which("unshare") or os.geteuid() != 0:
        pytest.skip("takes unshare(1) and root")
    before = stock.gethostname()
    sides = [run(module) for module in ("_socket", "csock._socket")]
    if "unshare failed" in sides[0].stderr:
        pytest.skip(sides[0].stderr.strip())
    lines = [[line for line in side.stdout.splitlines() if "Path" not in line] for side in sides]
    assert [side.returncode for side in sides] == [0, 0], sides[1].stderr
    assert lines[0] == lines[1]
    assert lines[1][0] == "('a',) (None, [(b'a',)], 'a')"
    assert "'by-path')" in sides[1].stdout
    assert stock.gethostname() == before


def test_sethostname_may_be_refused():
    if os.geteuid() != 0:
        pytest.skip("takes root, to have a right to give up")
    code = "import os, {0}; os.setuid(65534); {0}.sethostname('x')"
    for module in "_socket", "csock._socket":
        command = ["unshare", "--uts", sys.executable, "-c", code.format(module)]
        child = subprocess.run(command, capture_output=True, text=True)
        assert child.stderr.splitlines()[-1].startswith("PermissionError: [Errno 1]"), child.stderr
