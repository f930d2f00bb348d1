"""csock.install(): the place of `socket` is taken; modules, classes of errors and pickles are then
as with stock. Each test starts interpreters."""


import pytest
from childkit import out


def test_import_alone_brings_neither_the_stock_module_nor_costly_ones(env):
    program = """
        import sys
        before = set(sys.modules)
        import csock
        print(*sorted(set(sys.modules) - before))
    """
    assert out(program, env=env) == "csock\n"


def test_install_takes_the_place_and_loads_no_stock(env):
    program = """
        import csock
        csock.install()
        csock.install()
        import socket, _socket, sys
        print(socket is csock.dropin, _socket is csock._socket, csock.socket is socket.socket)
        print(socket.gaierror.__module__, socket.herror.__module__, socket.gaierror)
        print(socket.__name__, socket.socket)
        print([m for m in sys.modules.values() if getattr(m, "__file__", None)
               and m.__file__.endswith("/socket.py") or "lib-dynload/_socket" in
               (getattr(m, "__file__", None) or "")])
        import ssl
        print(ssl.SSLSocket.__mro__[1] is csock.socket)
        a, b = socket.socketpair(); a.send(b"x"); print(b.recv(1))
        try: socket.getaddrinfo("127.0.0.1", "no-such-service")
        except socket.gaierror as error: print(type(error) is csock.gaierror)
    """
    assert out(program, env=env).splitlines() == [
        "True True True",
        "socket socket <class 'socket.gaierror'>",
        "socket <class 'socket.socket'>",
        "[]",
        "True",
        "b'x'",
        "True",
    ]


def test_without_install_the_error_classes_are_stocks(env):
    program = "import csock, socket; print(csock.gaierror is socket.gaierror, csock is socket)"
    assert out(program, env=env) == "True False\n"


def test_install_after_csock_was_used(env):
    program = """
        import csock
        s = csock.socket()
        csock.install()
        import socket, sys
        print(socket is csock.dropin, type(s) is socket.socket, type(s), sys.modules["_socket"])
        print(csock.gaierror is socket.gaierror, socket.gaierror.__module__)
    """
    lines = out(program, env=env).splitlines()
    assert lines[0].startswith("True True <class 'socket.socket'> <module")
    assert "csock/_core" in lines[0]
    assert lines[1] == "True socket"


def test_install_after_error_classes_were_taken_from_csock(env):
    program = """
        from csock import gaierror, herror
        import csock
        csock.install()
        import socket
        print(socket is csock.dropin, socket.gaierror is gaierror, socket.herror is herror)
    """
    assert out(program, env=env) == "True True True\n"


MEMBERS = ["AF_INET", "SOCK_STREAM", "MSG_PEEK", "AI_PASSIVE", "gaierror", "herror", "timeout"]
MEMBERS += ["socket", "socket.makefile", "SocketType", "gethostbyname", "close", "CMSG_LEN"]
MEMBERS += ["create_connection"]


def test_pickles_go_to_stock_and_back(env):
    dump = "import operator, pickle, socket, sys; "
    dump += "print(pickle.dumps([operator.attrgetter(n)(socket) for n in %r]).hex())"
    load = "import pickle, re, socket, sys; loaded = pickle.loads(bytes.fromhex(sys.argv[1])); "
    load += "print(re.sub(' at 0x[0-9a-f]+', '', str(loaded)))"
    install = "import csock; csock.install(); "
    stock = out(dump % MEMBERS, env=env)
    ours = out(install + dump % MEMBERS, env=env)
    assert ours == stock
    shown = out(load, stock.strip(), env=env)
    assert out(install + load, stock.strip(), env=env) == shown
    assert "AddressFamily.AF_INET" in shown


def test_enums_pickle_without_install(env):
    program = """
        import csock, pickle
        print([pickle.loads(pickle.dumps(getattr(csock, n))) is getattr(csock, n)
               for n in ("AF_INET", "SOCK_STREAM", "MSG_PEEK", "AI_PASSIVE")])
    """
    assert out(program, env=env) == "[True, True, True, True]\n"


@pytest.mark.parametrize("first", ["csock._core", "csock._socket", "csock.dropin"])
def test_the_modules_come_in_any_order(env, first):
    program = """
        import importlib, sys
        importlib.import_module(%r)
        import csock._core as core, csock._socket as ours, csock.dropin as dropin
        print(ours is sys.modules["csock._socket"], dropin.SocketType is ours.socket)
        print(ours.__name__, ours.__package__, ours.__spec__.name, ours.__file__ == core.__file__)
        del sys.modules["csock._core"]
        import csock._core
        print(csock._socket is ours)
    """
    shown = "True True\ncsock._socket csock csock._socket True\nTrue\n"
    assert out(program % first, env=env) == shown


def test_the_modules_come_to_several_threads_at_once(env):
    program = """
        import csock, importlib, threading
        names = ["csock._socket", "csock._core", "csock.dropin", "csock._socket"]
        found, barrier = {}, threading.Barrier(len(names))
        def load(n):
            barrier.wait()
            found[n] = importlib.import_module(names[n])
        threads = [threading.Thread(target=load, args=(n,)) for n in range(len(names))]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(found[0] is found[3] is csock._socket, found[2].SocketType is found[0].socket)
        print(found[1] is csock._core, found[0].AF_INET)
    """
    for _ in range(5):
        assert out(program, env=env) == "True True\nTrue 2\n"


def test_a_load_that_fails_leaves_no_socket(env):
    program = """
        import csock, enum, sys, types
        kept, enum.IntEnum = enum.IntEnum, types.SimpleNamespace(_convert_=None)
        try: csock.install()
        except TypeError as error: print("failed")
        enum.IntEnum = kept
        print([name for name in ("csock.dropin", "socket") if name in sys.modules])
        import socket
        print(csock._installed(), socket.AF_INET)
    """
    assert out(program, env=env) == "failed\n[]\nFalse 2\n"


def test_after_a_load_that_fails_errors_are_those_of_stock(env):
    program = """
        import csock, enum, types
        kept, enum.IntEnum = enum.IntEnum, types.SimpleNamespace(_convert_=None)
        try: csock.install()
        except TypeError as error: print("failed")
        enum.IntEnum = kept
        import socket
        print(csock.gaierror is socket.gaierror, csock._socket.__name__)
    """
    assert out(program, env=env) == "failed\nTrue csock._socket\n"


def test_an_interrupted_install_holds_no_lock(env):
    program = """
        import csock, os, signal, threading
        from _frozen_importlib import _ModuleLockManager
        held, go = threading.Event(), threading.Event()
        def slow_import():
            with _ModuleLockManager("socket"):
                held.set()
                go.wait()
        threading.Thread(target=slow_import).start()
        held.wait()
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        try: csock.install()
        except KeyboardInterrupt as error: kept = error
        go.set()
        def later():
            import csock.dropin
            print("imported")
        thread = threading.Thread(target=later, daemon=True)
        thread.start()
        thread.join(10)
        print(kept)
    """
    assert out(program, env=env) == "imported\n\n"


def test_functions_say_where_they_are(env):
    program = """
        import csock, pickle
        def show(when):
            f, module = csock.gethostname, csock._socket
            print(when, f.__module__, module.__name__, pickle.loads(pickle.dumps(f)) is f)
            try: csock.htonl()
            except TypeError as error: print(error)
        show("before")
        csock.install(force=True); show("installed")
        csock.uninstall(); show("after")
    """
    count = "takes exactly one argument (0 given)"
    assert out(program, env=env).splitlines() == [
        "before csock._socket csock._socket True",
        f"csock._socket.htonl() {count}",
        "installed _socket _socket True",
        f"_socket.htonl() {count}",
        "after csock._socket csock._socket True",
        f"csock._socket.htonl() {count}",
    ]


def test_names_are_csocks_own_whatever_is_replaced_when_they_are_asked_for(env):
    """They are kept: what a test has put into `socket` just then would stay for good."""
    program = """
        import csock
        csock.install()
        import socket
        from unittest import mock
        with mock.patch("socket.socket"), mock.patch("socket.create_connection"):
            csock.deadline
        print(csock.socket is csock.SocketType is socket.socket)
        print(csock.create_connection is socket.create_connection)
    """
    assert out(program, env=env) == "True\nTrue\n"
