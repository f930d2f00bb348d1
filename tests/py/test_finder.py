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


def test_looking_for_the_module_does_not_load_it():
    code = """
        import csock, importlib.util
        print(importlib.util.find_spec("socket") is not None, csock._installed())
        import socket
        print(socket is csock.dropin, importlib.util.find_spec("socket").name)
    """
    assert out(code) == "True False\nTrue csock.dropin\n"


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
