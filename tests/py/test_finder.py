"""csock.pth and --children put csock in place when a program imports `socket`, not before: until
then a finder waits in sys.meta_path (csock/_pth.py). Each test is an interpreter of its own."""

import os
import pathlib
import subprocess
import sys
import textwrap

import pytest
import testkit

SITE = pathlib.Path(__import__("csock").__path__[0]).parent
BEGIN = "import csock._pth; csock._pth.begin('a test')\n"


def run(code, **more):
    env = {k: v for k, v in os.environ.items() if k != "CSOCK_DISABLE"}
    return subprocess.run(
        [sys.executable, "-c", BEGIN + textwrap.dedent(code)],
        env={**env, "PYTHONPATH": str(SITE), **more},
        capture_output=True,
        text=True,
        timeout=60 * testkit.SLOWNESS,
    )


def out(code, **more):
    done = run(code, **more)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def test_a_program_without_sockets_does_not_load_csock():
    code = """
        import sys, csock
        print(sorted(m for m in sys.modules if m.startswith("csock.")), csock._installed())
    """
    assert out(code) == "['csock._pth'] False\n"


@pytest.mark.parametrize("first", ["socket", "_socket", "ssl"])
def test_the_first_import_gets_csock(first):
    code = f"""
        import {first}
        import csock, socket, _socket, sys
        print(socket is csock.dropin, _socket is csock._socket, csock._installed())
        own = socket.__loader__ is csock.dropin.__loader__
        print(socket.__spec__.name, _socket.__spec__.name, own)
        print(socket.__name__, socket.socket.__module__)
    """
    before = """
        import csock; csock.install()
        import socket, _socket
        print("True True True")
        print(socket.__spec__.name, _socket.__spec__.name, True)
        print(socket.__name__, socket.socket.__module__)
    """
    assert out(code) == out(before)


@pytest.mark.parametrize(
    "first",
    [
        "csock.AF_INET",
        "from csock import *",
        "import csock.dropin",
        "import csock._socket",
        "import csock._core",
        "csock.install()",
    ],
)
def test_what_asks_for_csock_first_gets_it_in_place_too(first):
    code = f"""
        import csock
        {first}
        import csock, socket, _socket, ssl
        print(csock._installed(), csock.socket is socket.socket, csock.gaierror is _socket.gaierror)
        print(csock.dropin.__spec__.name, csock._core.__spec__.name, csock._socket.__spec__.name)
        a, b = csock.socketpair()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        tls = context.wrap_socket(a, server_hostname="host", do_handshake_on_connect=False)
        print(tls.fileno() >= 0)
    """
    assert out(code) == "True True True\ncsock.dropin csock._core csock._socket\nTrue\n"


def test_an_import_that_another_thread_overtakes_gets_what_that_has_put_there():
    code = """
        import csock, socket, _socket
        from importlib import _bootstrap
        for name in "socket", "_socket":  # an import goes on so that has found nothing loaded
            _bootstrap._find_and_load_unlocked(name, _bootstrap._gcd_import)
        import sys
        print(sys.modules["socket"] is socket is csock.dropin, csock._installed())
        print(socket.__spec__.name, _socket.__spec__.name)
    """
    assert out(code) == "True True\ncsock.dropin csock._socket\n"


@pytest.mark.parametrize("first, other", [("socket", "_socket"), ("_socket", "socket")])
def test_an_import_that_is_overtaken_while_it_looks_gets_the_same(first, other):
    code = f"""
        import sys
        class Overtakes:
            def find_spec(self, name, path=None, target=None):
                if name == "{first}" and "{other}" not in sys.modules:
                    import {other}
        sys.meta_path.insert(0, Overtakes())
        import {first}, csock, socket, _socket, importlib.util
        print(socket is csock.dropin, _socket is csock._socket, csock._installed())
        print(importlib.util.module_from_spec(importlib.util.find_spec("socket")) is not socket)
        print(importlib.reload(socket) is socket is csock.dropin, csock._installed())
    """
    assert out(code) == "True True True\nTrue\nTrue True\n"


def test_an_interrupted_import_may_be_tried_again():
    code = """
        import sys
        def interrupt(frame, event, arg):
            if frame.f_globals.get("__name__") == "csock.dropin":
                sys.settrace(None)
                raise KeyboardInterrupt
        import csock
        try:
            sys.settrace(interrupt)
            import socket
        except KeyboardInterrupt:
            print("interrupted", csock._installed())
        import socket
        print(csock._installed(), socket is csock.dropin)
    """
    assert out(code) == "interrupted False\nTrue True\n"


def test_running_the_module_is_no_traceback():
    done = run("import runpy; runpy.run_module('socket')")
    assert done.stderr.splitlines()[-1] == "ImportError: No code object available for socket"


def test_looking_for_the_module_does_not_load_it():
    code = """
        import csock, importlib.util
        print(importlib.util.find_spec("socket") is not None, csock._installed())
        import socket
        print(socket is csock.dropin, importlib.util.find_spec("socket").name)
    """
    assert out(code) == "True False\nTrue csock.dropin\n"


def test_a_reload_of_csock_does_not_put_it_out_of_place():
    code = """
        import csock, importlib
        print(importlib.reload(csock) is csock, csock._by)
        import socket
        print(socket is csock.dropin, importlib.reload(csock) is csock, csock._installed())
    """
    assert out(code) == "True a test\nTrue True True\n"


@pytest.mark.parametrize("call", ["install", "uninstall"])
def test_the_programs_own_word_is_the_last(call):
    code = f"""
        import csock
        csock.{call}()
        import socket
        print(socket is csock.dropin, csock._installed())
    """
    assert out(code) == ("True True\n" if call == "install" else "False False\n")


def test_where_stock_is_loaded_already_it_says_so_at_once():
    code = """
        import sys
        print("socket" in sys.modules, sys.modules["socket"].__file__.endswith("/socket.py"))
    """
    done = subprocess.run(
        [sys.executable, "-c", "import socket\n" + BEGIN + textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": str(SITE)},
        capture_output=True,
        text=True,
        timeout=60 * testkit.SLOWNESS,
    )
    assert done.stdout == "True True\n"
    assert done.stderr.startswith("csock: not in place by a test: csock.install() comes too late")


def test_what_does_not_load_is_said_once_and_stock_is_imported(tmp_path):
    package = tmp_path / "csock"
    package.mkdir()
    for path in (SITE / "csock").glob("*.py"):
        (package / path.name).write_text(path.read_text())
    code = """
        import socket, _socket
        print(socket.__file__.endswith("/socket.py"), socket.socket.__mro__[1] is _socket.socket)
    """
    done = run(code, PYTHONPATH=str(tmp_path))
    assert done.stdout == "True True\n"
    assert done.stderr == (
        f"csock: not in place by a test: csock is not built: no extension module csock._core in"
        f" {package}\n"
    )


def test_threads_that_ask_at_once_in_different_ways_get_the_same():
    code = """
        import sys, threading
        sys.setswitchinterval(1e-5)
        ways = ["import socket", "import _socket", "import csock; csock.AF_INET", "import ssl",
                "import csock; csock.install()", "import csock.dropin"]
        barrier, failed = threading.Barrier(12), []
        def imports(way):
            barrier.wait()
            try:
                exec(way, {})
            except Exception as error:
                failed.append((way, repr(error)))
        threads = [threading.Thread(target=imports, args=(ways[i % 6],)) for i in range(12)]
        for t in threads: t.start()
        for t in threads: t.join()
        import csock
        print(failed, csock._installed())
    """
    for _ in range(5):
        assert out(code) == "[] True\n"


def test_threads_that_import_both_modules_at_once_get_the_same():
    """Each thread holds the import lock of the module that it asked for."""
    code = """
        import sys, threading
        sys.setswitchinterval(1e-5)
        barrier, got = threading.Barrier(8), []
        def imports(name):
            barrier.wait()
            __import__(name)
            got.append(sys.modules[name])
        threads = [threading.Thread(target=imports, args=(("socket", "_socket")[i % 2],))
                   for i in range(8)]
        for t in threads: t.start()
        for t in threads: t.join()
        import csock
        print(len(set(map(id, got))), csock._installed())
    """
    for _ in range(5):
        assert out(code) == "2 True\n"


def test_an_import_that_is_overtaken_waits_for_the_whole_module():
    """One thread has asked the finder for `socket` when another puts it in place, and goes on while
    that one still runs the module's code."""
    code = """
        import csock, sys, threading, time
        from _frozen_importlib import _ImportLockContext
        asked, whole, got = threading.Event(), [], []
        find_spec, leave = csock._finder.find_spec, _ImportLockContext.__exit__
        def find(name, *more):
            if threading.current_thread().name == "slow":
                asked.set()
            return find_spec(name, *more)
        def leave_and_be_overtaken(self, *error):  # finders are called under that lock
            leave(self, *error)
            if threading.current_thread().name == "slow" and asked.is_set():
                while "socket" not in sys.modules: time.sleep(0.001)
        def end_of_module():
            time.sleep(0.2)
            whole.append(True)
        def imports():
            import socket
            got.append((socket, bool(whole)))
        csock._finder.find_spec, csock._trace_if_asked = find, end_of_module
        _ImportLockContext.__exit__ = leave_and_be_overtaken
        thread = threading.Thread(target=imports, name="slow")
        thread.start()
        asked.wait()
        import _socket
        thread.join()
        print(got == [(csock.dropin, True)], csock._installed(), len(whole))
    """
    assert out(code) == "True True 1\n"
