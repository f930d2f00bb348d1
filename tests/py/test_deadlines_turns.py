"""csock.deadline and what takes turns on one thread: event loops, greenlets, interpreters; and the
ends of interpreters."""

import asyncio
import importlib.util
import inspect
import textwrap

import pytest
import testkit
from deadlinekit import passed
from test_interpreters import interpreters
from test_interpreters import run as run_interpreters

import csock
from csock import deadline

pytestmark = pytest.mark.usefixtures("no_deadline_is_left")


def test_asyncio_runs_unaffected_within_one():
    """Its sockets never wait, and what it looks up, it looks up in other threads."""

    async def echo(reader, writer):
        while data := await reader.read(100):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def main():
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        with deadline(0):
            address = server.sockets[0].getsockname()
            reader, writer = await asyncio.open_connection("localhost", address[1])
            for n in range(100):
                writer.write(b"%02d" % n)
                assert await reader.readexactly(2) == b"%02d" % n
            writer.close()
            await writer.wait_closed()
            loop = asyncio.get_running_loop()
            with csock.socket() as s:
                s.setblocking(False)
                await loop.sock_connect(s, address)
                await loop.sock_sendall(s, b"x")
                assert await loop.sock_recv(s, 1) == b"x"
        server.close()

    program = f"""
import csock
csock.install()
import asyncio
from csock import deadline
{source_of(echo)}
{source_of(main)}
asyncio.run(main())
"""
    testkit.run_python(program)


def source_of(function):
    return textwrap.dedent(inspect.getsource(function))


def test_coroutines_that_take_turns_within_blocks(pair):
    """The others' calls are bounded meanwhile, and who leaves first is told."""
    seen = []

    async def one():
        with deadline(0):
            await asyncio.sleep(0.01)

    async def other():
        with deadline(50):
            seen.append(passed(pair[0]))
            await asyncio.sleep(0.05)

    async def main():
        return await asyncio.gather(one(), other(), return_exceptions=True)

    (error, none) = asyncio.run(main())
    assert isinstance(error, RuntimeError) and "coroutines" in str(error)
    assert (none, seen) == (None, [True])


@pytest.mark.skipif(not importlib.util.find_spec("greenlet"), reason="no greenlet for this Python")
@pytest.mark.skipif(testkit.SANITISED, reason="sanitizers do not know that greenlet copies stacks")
def test_greenlets_share_it(pair):
    import greenlet

    main = greenlet.getcurrent()
    seen = []

    def other():
        seen.append(passed(pair[0]))
        with deadline(0):
            main.switch()

    g = greenlet.greenlet(other)
    with deadline(50) as d:
        g.switch()
        seen.append(passed(pair[0]))
        g.switch()
        assert csock.current_deadline() is d
    assert seen == [False, True]


# ---------------------------------------------------- interpreters, ends


@pytest.mark.skipif(interpreters is None, reason="this Python has one interpreter only")
def test_another_interpreter_on_the_thread_is_bounded_and_has_objects_of_its_own():
    program = """
import csock
inside = '''
import csock
assert csock.current_deadline() is None
a, b = csock.socketpair()
try:
    a.recv(1)
except csock.DeadlineExceeded as error:
    print(error, flush=True)
with csock.deadline(50, shield=True) as d:
    assert csock.current_deadline() is d
    b.send(b"x")
    print(a.recv(1), flush=True)
csock.deadline(0).__enter__()  # it ends within one
'''
with csock.deadline(0) as d:
    run(inside)
    assert csock.current_deadline() is d
a, b = csock.socketpair()
b.send(b"x")
print(a.recv(1), flush=True)
for _ in range(20):
    run("import csock; csock.deadline(0).__enter__()")
b.send(b"y")
print(a.recv(1), flush=True)
"""
    told = "recv: the deadline of 0.0 s has passed already\n"
    assert run_interpreters(program) == told + "b'x'\nb'x'\nb'y'\n"


ENDS = """
import atexit, csock, sys, threading
a, b = csock.socketpair()

class Late:
    def __del__(self):
        try:
            with csock_deadline(0.01):
                a_recv(1)
        except BaseException as error:
            print(type(error).__name__, flush=True)

csock_deadline, a_recv = csock.deadline, a.recv
sys.late = Late()
csock.deadline(50).__enter__()
threading.Thread(target=lambda: csock.deadline(50).__enter__() and a.recv(1), daemon=True).start()
atexit.register(lambda: print(csock.current_deadline().remaining() > 1, flush=True))
"""


def test_the_end_of_the_interpreter_within_one():
    done = testkit.run_python(ENDS)
    assert done.stdout.startswith("True\n") and done.stderr == ""


def test_no_memory():
    """Entering fails before anything has changed."""
    pytest.importorskip("_testcapi")
    program = """
import _testcapi, csock
a, b = csock.socketpair()
b.send(b"x")
failed = 0
for n in range(40):
    d = csock.deadline(0)
    _testcapi.set_nomemory(n, n + 1)
    try:
        d.__enter__()
    except MemoryError:
        failed += 1
    else:
        _testcapi.remove_mem_hooks()
        d.__exit__(None, None, None)
    finally:
        _testcapi.remove_mem_hooks()
    assert csock.current_deadline() is None, n
    assert a.recv(1, csock.MSG_PEEK) == b"x"
assert failed
"""
    testkit.run_python(program)
