"""csock.trace(): the function that is told, when it raises, waits, closes and is replaced; and
CSOCK_TRACE=all."""

import os
import re
import sys
import threading

import childkit
import pytest
from statskit import woken

import csock


@pytest.fixture(autouse=True)
def nobody_is_left():
    yield
    csock.trace(None)


@pytest.fixture
def unraisable(monkeypatch):
    found = []
    monkeypatch.setattr(sys, "unraisablehook", found.append)
    return found


def wait(sock):
    sock.settimeout(0.01)
    with pytest.raises(TimeoutError, match=r"^timed out$"):
        sock.recv(1)


def test_what_it_raises_goes_to_the_hook(pair, unraisable):
    a, b = pair

    def fail(span):
        raise ValueError(span.name)

    csock.trace(fail)
    wait(a)
    assert woken(lambda: b.recv(1), lambda: a.send(b"x")) == b"x"
    with pytest.raises(csock.gaierror):
        csock.getaddrinfo("name.invalid", 80)
    texts = [str(each.exc_value) for each in unraisable]
    assert texts == ["recv wait", "recv wait", "DNS lookup"]
    assert {each.object for each in unraisable} == {fail}


def test_it_hears_nothing_of_what_it_does_itself(pair):
    a, b = pair
    heard = []

    def look(span):
        heard.append(span.name)
        csock.gethostbyname("localhost")
        wait(b)

    csock.trace(look)
    wait(a)
    wait(a)
    assert heard == ["recv wait"] * 2


def test_other_threads_are_heard_meanwhile(pair):
    a, b = pair
    heard, inside, go_on = [], threading.Event(), threading.Event()

    def look(span):
        heard.append(threading.current_thread().name)
        if threading.current_thread().name == "first":
            inside.set()
            assert go_on.wait(60)

    csock.trace(look)
    first, second = (
        threading.Thread(target=wait, args=(sock,), name=name)
        for sock, name in ((a, "first"), (b, "second"))
    )
    first.start()
    assert inside.wait(60)
    second.start()
    second.join()
    go_on.set()
    first.join()
    assert heard == ["first", "second"]


@pytest.mark.parametrize("how", ["close", "detach"])
def test_it_may_close_the_socket(how):
    a, b = csock.socketpair()

    def end(span):
        fd = getattr(b, how)()
        if how == "detach":
            os.close(fd)

    csock.trace(end)
    with a:
        assert woken(lambda: b.recv(1), lambda: a.send(b"x")) == b"x"
        assert b.fileno() == -1
        reader, writer = csock.socketpair()
        with reader, writer:
            b = reader
            lines = csock.Reader(reader)
            assert woken(lines.readline, lambda: writer.send(b"line\n")) == b"line\n"
            assert reader.fileno() == -1


def test_it_may_replace_itself(pair):
    heard = []

    def once(span):
        heard.append(span.name)
        csock.trace(lambda span: heard.append("second"))

    csock.trace(once)
    del once
    wait(pair[0])
    wait(pair[0])
    csock.trace(None)
    wait(pair[0])
    assert heard == ["recv wait", "second"]


def test_a_handlers_exception_stays_what_it_is(pair, on_alarm):
    heard = []

    def interrupt():
        raise KeyboardInterrupt("from the handler")

    csock.trace(lambda span: heard.append(span.attributes["error.type"]))
    on_alarm(interrupt, 0.5)
    with pytest.raises(KeyboardInterrupt, match="from the handler") as caught:
        pair[0].recv(1)
    assert caught.traceback[-1].name == "interrupt"
    with pytest.raises(KeyboardInterrupt) as caught:
        on_alarm(interrupt, 0.5)
        csock.dial("host", 1, timeout=60, resolver=lambda *args: pair[1].recv(1))
    assert caught.traceback[-1].name == "interrupt"
    assert heard == ["KeyboardInterrupt"] * 2


def test_its_memory_is_given_back(pair):
    class Listener:
        def __call__(self, span):
            pass

        def __del__(self):
            gone.append(True)

    gone = []
    csock.trace(Listener())
    wait(pair[0])
    csock.trace(None)
    assert gone == [True]


@pytest.mark.parametrize("what", [1, "text", []])
def test_other_objects(what):
    with pytest.raises(TypeError, match="takes a function or None"):
        csock.trace(what)


def test_a_program_without_imports(env):
    """No file is read, and nothing imported, when a span is told."""
    program = """
import builtins, sys, csock
heard = []
csock.trace(heard.append)
a, b = csock.socketpair()
a.settimeout(0.01)
def fail(*args, **kwargs): raise ImportError(args)
sys.meta_path.clear(); builtins.__import__ = fail
try: a.recv(1)
except TimeoutError: pass
assert heard[0].attributes["error.type"] == "TimeoutError", heard
"""
    assert childkit.out(program, env=env) == ""


PROGRAM = """
import csock, sys
csock.install()
import socket
if "listen" in sys.argv: csock.trace(lambda span: print(span.name))
a, b = socket.socketpair()
a.settimeout(0.01)
try: a.recv(1)
except TimeoutError: pass
with socket.create_server(("127.0.0.1", 0)) as server:
    with socket.create_connection(server.getsockname()) as s: pass
try: socket.getaddrinfo("name.invalid", 80)
except OSError: pass
"""


def traced(env, words, *args):
    done = childkit.code(PROGRAM, *args, env={**env, "CSOCK_TRACE": words})
    assert done.returncode == 0, done.stderr
    return done


def test_the_environment_has_all_printed(env):
    lines = traced(env, "all").stderr.splitlines()
    (process,) = {line.partition(": ")[0] for line in lines}
    assert re.fullmatch(r"csock\[\d+\]", process)
    recv, connect, look_up = (line.removeprefix(f"{process}: ") for line in lines)
    assert re.fullmatch(r"recv wait \d+\.\d{3} s TimeoutError", recv)
    assert connect.startswith("socket connect 127.0.0.1:") and connect.endswith(" s")
    assert look_up.startswith("DNS lookup name.invalid ")
    assert look_up.endswith(" s socket.gaierror")


WHO = """
import csock, os, sys, _thread
def wait():
    a, b = csock.socketpair()
    a.settimeout(0.01)
    try: a.recv(1)
    except TimeoutError: pass
def number():
    print(_thread.get_native_id(), flush=True)
    wait()
    lock.release()
lock = _thread.allocate_lock()
lock.acquire()
print(os.getpid(), flush=True)
wait()
_thread.start_new_thread(number, ())
lock.acquire()
import threading
def fork():
    wait()
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        wait()
        os._exit(0)
    os.wait()
for name in "worker", "b\x1b[2J":
    thread = threading.Thread(target=fork, name=name)
    thread.start()
    thread.join()
_thread.start_new_thread(number, ())
lock.acquire()
print(threading.active_count())
"""


def test_each_line_says_who_waits(env):
    """The process, and the thread if it is not the main one: of a child that is the forked one."""
    python = [sys.executable, "-W", "ignore", "-c", WHO]
    done = childkit.run(*python, env={**env, "CSOCK_TRACE": "all"})
    assert done.returncode == 0, done.stderr
    main, plain, first, second, foreign, count = done.stdout.split()
    said = [line.partition("]: recv wait ")[0] for line in done.stderr.splitlines()]
    assert said == [f"csock[{who}" for who in (
        main, f"{main} {plain}", f"{main} worker", first, main + r" b\x1b[2J", second,
        f"{main} {foreign}",
    )]  # fmt: skip
    assert count == "1"  # and looking makes none known


def test_the_environment_and_the_program(env):
    done = traced(env, "dial,all", "listen")
    assert done.stdout.splitlines() == ["recv wait", "socket connect", "DNS lookup"]
    assert len([line for line in done.stderr.splitlines() if "recv wait" in line]) == 1
    assert "connected" in done.stderr  # the waterfall


def test_without_csock(env):
    program = "import csock; csock.trace(print); csock.trace(None); print(hasattr(csock, 'Span'))"
    done = childkit.code(program, env={**env, "CSOCK_DISABLE": "1"})
    assert done.stdout == "False\n"


def test_after_a_fork(env):
    program = """
import os, csock
heard = []
csock.trace(heard.append)
a, b = csock.socketpair()
a.settimeout(0.01)
def wait():
    try: a.recv(1)
    except TimeoutError: pass
wait()
def fork(span):
    if os.fork() == 0:
        global child
        child = True
    else:
        os.wait()
child = False
csock.trace(fork)
wait()
csock.trace(heard.append)
wait()
print(child, len(heard), flush=True)
if child: os._exit(0)
"""
    assert childkit.out(program, env=env) == "True 2\nFalse 2\n"


def test_names_of_any_bytes(env, folder):
    """Attributes can be sent as UTF-8, and lines obeyed by no terminal."""
    program = r"""
import csock
heard = []
csock.trace(heard.append)
for host in "a\x1b[2J\n.invalid", b"\xff.invalid":
    try: csock.getaddrinfo(host, 80)
    except OSError: pass
with csock.socket(csock.AF_UNIX) as s:
    try: s.connect(b"none\x07\xff")
    except OSError: pass
print([next(v.encode() for k, v in span.attributes.items() if k.endswith(("name", "address")))
       for span in heard])
"""
    done = childkit.code(program, env={**env, "CSOCK_TRACE": "all"})
    assert done.stdout == r"[b'a\x1b[2J\n.invalid', b'\\xff.invalid', b'none\x07\\xff']" + "\n"
    lines = done.stderr.splitlines()
    assert len(lines) == 3 and all(line.isprintable() for line in lines), done.stderr
    assert r" a\x1b[2J\n.invalid " in lines[0] and r" \xff.invalid " in lines[1]
    assert r" none\x07\xff " in lines[2]
