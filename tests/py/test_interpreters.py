"""Several interpreters in one process: each has a csock of its own, with a GIL of its own where
Python has that (3.12 and newer)."""

import subprocess
import sys

import pytest

try:
    import _interpreters as interpreters  # 3.13
except ImportError:
    try:
        import _xxsubinterpreters as interpreters
    except ImportError:
        interpreters = None

pytestmark = pytest.mark.skipif(interpreters is None, reason="this Python has one interpreter only")

# What a new interpreter gets: its own GIL where there is one to have.
HEAD = """
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

def run(program):
    id = interpreters.create()
    try:
        failed = interpreters.run_string(id, program)
        if failed:
            raise SystemExit(failed)
    finally:
        interpreters.destroy(id)
"""


def run(program):
    done = subprocess.run([sys.executable, "-c", HEAD + program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


WORK = '''
import csock
a, b = csock.socketpair()
a.settimeout(5)
b.sendall(b"x")
file = b.makefile("rb")
a.send(b"line" + bytes([10]))
print(a.recv(9), file.readline(), csock.SocketType.__name__, flush=True)
'''


def test_each_has_its_own_types_and_state():
    assert run(f"""
run({WORK!r})
import csock
csock.setdefaulttimeout(3)
run("import csock; print(csock.getdefaulttimeout(), flush=True)")
run({WORK!r})
{WORK}
""") == f"b'x' b'line\\n' socket\n{None}\nb'x' b'line\\n' socket\nb'x' b'line\\n' socket\n"


def test_sockets_of_many_interpreters_in_threads():
    """With GILs of their own they really run side by side in one core library."""
    program = """
import threading
work = '''
import csock
for _ in range(200):
    a, b = csock.socketpair()
    a.settimeout(5)
    a.send(b"x" * 100)
    assert b.recv(1000) == b"x" * 100
    a.close(), b.close()
'''
threads = [threading.Thread(target=run, args=(work,)) for _ in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
print("done")
"""
    assert run(program) == "done\n"


DROPPED = """
import gc, sys, weakref
import csock
csock.install() if sys.argv[1] == "install" else csock.socket
csock.socketpair()
kept = [csock.socket, csock.SocketIO, csock.AddressFamily, sys.modules["csock._core"].RawStream]
kept += [csock.Reader, csock.IncompleteReadError, csock.LimitOverrunError]
csock.Reader(csock.socketpair()[0]).detach()
kept += [sys.modules["csock._socket"], sys.modules["csock._socket"].socket]
kept = [weakref.ref(one) for one in kept]
for name in [name for name in sys.modules if "socket" in name or name.startswith("csock")]:
    del sys.modules[name]
del csock
while gc.collect():
    pass
print([one() for one in kept if one() is not None])
"""


@pytest.mark.parametrize("how", ["install", "direct"])
def test_nothing_is_left_of_one_that_has_ended(how):
    """Which is that the collector finds all of csock where nothing has it any more."""
    command = [sys.executable, "-W", "ignore", "-c", DROPPED, how]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
