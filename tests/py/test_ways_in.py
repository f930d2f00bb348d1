"""How csock gets into a program: install(), `python -m csock`, --children, --enable, and the
escape hatch. Each test starts interpreters; what they print, their status and their tracebacks are
compared with plain python's, byte for byte."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import textwrap
import zipfile

import pytest
import testkit

SITE = pathlib.Path(__import__("csock").__path__[0]).parent
HATCH = "csock: CSOCK_DISABLE is set: the standard library's socket module is used\n"
IS_OURS = "import sys, socket; print(sys.modules.get('csock.dropin') is socket)"


@pytest.fixture
def env():
    """The environment of the programs: csock can be imported, nothing else of ours is set."""
    drop = "PYTHONPATH", "CSOCK_DISABLE", "PYTHONSTARTUP"
    kept = {name: value for name, value in os.environ.items() if name not in drop}
    return {**kept, "PYTHONPATH": str(SITE), "PYTHONDONTWRITEBYTECODE": "1"}


def run(*words, **options):
    options = {"capture_output": True, "text": True, "timeout": 60 * testkit.SLOWNESS, **options}
    return subprocess.run([str(word) for word in words], **options)


def code(text, *args, **options):
    return run(sys.executable, "-c", textwrap.dedent(text), *args, **options)


def out(text, *args, **options):
    """What the code prints; it must end well, and say nothing on stderr."""
    done = code(text, *args, **options)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


# ----------------------------------------------------------------- install()


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


LATE = """
    import sys, types
    other = types.ModuleType("other"); sys.modules["other"] = other
    third = types.ModuleType("third"); sys.modules["third"] = third
    {held}
    import csock
    try:
        csock.install()
    except RuntimeError as error:
        print(error)
    print(sys.modules["socket"] is sys.modules.get("csock.dropin"))
"""


@pytest.mark.parametrize(
    "held, named",
    [
        ("exec('import socket', other.__dict__)", ["other"]),
        ("exec('import _socket', other.__dict__); import socket; del socket", ["other"]),
        ("exec('from socket import socket as s', other.__dict__)", ["other"]),
        ("exec('from socket import create_connection', third.__dict__)", ["third"]),
        ("import socket", ["__main__"]),
        ("import ssl; del ssl", ["ssl", "_ssl"]),
    ],
)
def test_install_too_late_says_who_holds_the_stock_module(env, held, named):
    error, taken = out(textwrap.dedent(LATE).format(held=held), env=env).splitlines()
    assert error.startswith("csock.install() comes too late")
    assert "install(force=True)" in error
    names = error.partition("hold it: ")[2].partition(". Call")[0].split(", ")
    assert set(named) <= set(names)
    assert {"other", "third"} - set(named) == {"other", "third"} - set(names)
    assert taken == "False"


def test_install_too_late_although_nobody_holds_it(env):
    program = "import socket; del socket; import csock; csock.install()"
    assert "RuntimeError: csock.install() comes too late" in code(program, env=env).stderr
    assert "it is loaded" in code(program, env=env).stderr


def test_force_replaces_references_and_leaves_the_rest(env):
    program = """
        import socket, selectors, http.client, socketserver
        from socket import socket as taken
        stock = socket
        import csock
        csock.install(force=True)
        import sys
        print(socket is csock.dropin, stock is csock.dropin)
        print(http.client.socket is csock.dropin, socketserver.socket is csock.dropin)
        print(taken is csock.socket, taken.__mro__[1].__module__)
        print(csock.gaierror.__module__)
        csock.install(); csock.install(force=True)
        s = http.client.HTTPConnection("127.0.0.1", 1)
        try: s.connect()
        except ConnectionRefusedError: print("refused")
        try: csock.create_connection(("127.0.0.1", 1))
        except ConnectionRefusedError: print("refused")
    """
    assert out(program, env=env).splitlines() == [
        "True True",
        "True True",
        "False _socket",
        "socket",
        "refused",
        "refused",
    ]


def test_force_keeps_error_classes_that_others_hold(env):
    program = """
        from socket import gaierror
        import csock
        csock.install(force=True)
        try: csock.getaddrinfo("127.0.0.1", "no-such-service")
        except gaierror: print("caught")
    """
    assert out(program, env=env) == "caught\n"


def test_uninstall_gives_the_place_back(env):
    program = """
        import csock
        csock.uninstall()
        csock.install()
        def use():
            import socket
            return socket
        print(use() is csock.dropin)
        csock.uninstall()
        csock.uninstall()
        print(use() is csock.dropin, use().__file__.endswith("/socket.py"), csock.socket)
        import _socket
        print(_socket is csock._socket)
    """
    assert out(program, env=env).splitlines() == [
        "True",
        "False True <class 'csock.dropin.socket'>",
        "False",
    ]


@pytest.mark.parametrize(
    "use, named",
    [
        ("import socket", "__main__"),
        ("from socket import socket", "__main__"),
        ("import socketserver; del socketserver", "socketserver"),
        ("import _ssl", "_ssl"),
    ],
)
def test_uninstall_refuses_while_something_holds_csock(env, use, named):
    program = f"import csock; csock.install(); {use}; csock.uninstall()"
    line = code(program, env=env).stderr.splitlines()[-1]
    assert line.startswith("RuntimeError: csock.uninstall(): these modules hold")
    assert named in line.partition("place: ")[2].split(", ")


def test_uninstall_after_force_gives_the_globals_back(env):
    program = """
        import socket, http.client
        stock = {"is": socket}
        import csock
        csock.install(force=True)
        print(socket is csock.dropin)
        csock.uninstall()
        import sys
        print(socket is stock["is"], http.client.socket is stock["is"])
        print(sys.modules["socket"] is stock["is"], csock.dropin is stock["is"])
    """
    assert out(program, env=env).splitlines() == ["True", "True True", "True False"]


def test_install_beside_imports_in_other_threads(env):
    program = """
        import sys, threading
        import csock
        sys.setswitchinterval(1e-6)
        start = threading.Barrier(6)
        outcome = []
        def importer(name):
            start.wait()
            module = __import__(name)
            outcome.append((name, module))
        def installer():
            start.wait()
            try: csock.install()
            except RuntimeError: outcome.append(("late", None))
            else: outcome.append(("installed", None))
        threads = [threading.Thread(target=importer, args=[n])
                   for n in ("socket", "_socket", "socket", "csock.dropin")]
        threads += [threading.Thread(target=installer) for _ in range(2)]
        for t in threads: t.start()
        for t in threads: t.join()
        kinds = {kind for kind, _ in outcome} & {"late", "installed"}
        assert len(outcome) == 6 and len(kinds) == 1, outcome
        import socket
        assert (socket is csock.dropin) == ("installed" in kinds)
        assert sys.modules["_socket"].socket in socket.socket.__mro__
        # `_socket` alone, imported before, would have been in nobody's globals.
        if "installed" in kinds:
            assert all(m is socket for name, m in outcome if name == "socket")
    """
    for _ in range(10):
        assert out(program, env=env) == ""


# ----------------------------------------------------------- the escape hatch


def test_hatch_import_as_socket(env):
    env["CSOCK_DISABLE"] = "1"
    program = """
        import csock as socket, csock
        import sys
        s = socket.socket()
        stock = sys.modules["socket"]
        print(type(s) is stock.socket, csock.dropin is stock, csock._socket is stock._socket)
        names = [n for n in vars(stock) if not n.startswith("__")]
        print([n for n in names if getattr(csock, n) is not getattr(stock, n)])
        print(csock.__all__ == stock.__all__, "csock._core" in sys.modules)
        from csock import *
        print(create_server is stock.create_server, hasattr(csock, "SocketType"),
              hasattr(csock, "NFC_ATTR_MAX"), hasattr(csock, "_core"))
        csock.install(); csock.install(force=True); csock.uninstall()
        print(sys.modules["socket"] is stock)
    """
    done = code(program, env=env)
    assert done.stdout.splitlines() == [
        "True True True",
        "[]",
        "True False",
        "True True False False",
        "True",
    ]
    assert (done.returncode, done.stderr) == (0, HATCH)


def test_hatch_install_loads_nothing(env):
    env["CSOCK_DISABLE"] = "1"
    program = "import csock, sys; csock.install(); print('socket' in sys.modules)"
    done = code(program, env=env)
    assert (done.stdout, done.stderr) == ("False\n", HATCH)


@pytest.mark.parametrize("value", ["", "0"])
def test_hatch_is_closed(env, value):
    env["CSOCK_DISABLE"] = value
    assert out(f"import csock; csock.install(); {IS_OURS}", env=env) == "True\n"


@pytest.mark.parametrize("options", [[], ["--children"]])
def test_hatch_of_the_command(env, options):
    env["CSOCK_DISABLE"] = "1"
    program = f"import os; {IS_OURS}; print('_hook' in os.environ['PYTHONPATH'])"
    done = run(sys.executable, "-m", "csock", *options, "-c", program, env=env)
    assert (done.stdout, done.stderr) == ("False\nFalse\n", HATCH)


def test_hatch_of_children(env):
    program = f"""
        import os, subprocess, sys
        os.environ["CSOCK_DISABLE"] = "1"
        subprocess.run([sys.executable, "-c", {IS_OURS!r}])
    """
    done = run(sys.executable, "-m", "csock", "--children", "-c", textwrap.dedent(program), env=env)
    assert (done.stdout, done.stderr) == ("False\n", HATCH)


# ----------------------------------------------------------------- waits in ssl

TLS = """
import csock
csock.install()
import socket, ssl, sys, threading, time

def handshake(sock, server, result):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    if server:
        context.load_cert_chain(sys.argv[2])
    else:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    result.append(context.wrap_socket(sock, server_side=server))

a, b = socket.socketpair()
ours, theirs, seconds = [], [], []
server = threading.Thread(target=handshake, args=(b, True, theirs))
server.start()
handshake(a, False, ours)
server.join()
ours[0].settimeout(4)
start = time.monotonic()

def wait():
    try:
        ours[0].recv(1)
    except OSError:
        pass
    seconds.append(time.monotonic() - start)

waiting = threading.Thread(target=wait)
waiting.start()
time.sleep(0.3)
ours[0].close() if sys.argv[1] == "close" else ours[0].shutdown(socket.SHUT_RDWR)
waiting.join()
print(seconds[0] >= 4)
"""


@pytest.mark.parametrize("how, to_the_end", [("close", True), ("shutdown", False)])
def test_waits_in_ssl_are_woken_by_shutdown_alone(env, tmp_path, how, to_the_end):
    pem, key = tmp_path / "both.pem", tmp_path / "key.pem"
    make = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 2".split()
    run(*make, "-keyout", key, "-out", pem, check=True)
    pem.write_text(pem.read_text() + key.read_text())
    assert out(TLS, how, pem, env=env) == f"{to_the_end}\n"


# ------------------------------------------------------------ python -m csock

SHOW = """
import atexit, sys
print({k: v if k != "__loader__" else getattr(v, "__name__", type(v).__name__)
       for k, v in globals().items() if k != "__spec__"})
print(__spec__ and (__spec__.name, __spec__.origin, __spec__.parent), sys.argv, sys.path)
print(sys.modules["__main__"].__dict__ is globals(), list(globals())[:8])
def names(): return [n for n in ("__file__", "__cached__") if n in globals()]
atexit.register(lambda: print("at exit", names()))
"""

PROGRAMS = {
    "show": SHOW,
    "docstring": '"""Doc."""\nfrom __future__ import annotations\nprint(__doc__)\nx: "y" = 1\n',
    "raise": SHOW + "\ndef f(x):\n    return 1 / x\nf(0)\n",
    "chain": "try:\n    1 / 0\nexcept Exception as e:\n    raise ValueError('late') from e\n",
    "group": "raise ExceptionGroup('many', [ValueError(1), TypeError(2)])\n",
    "syntax": "print('never')\nx = (\n",
    "nul": "x = 1\n# \0\n",
    "tab": "if 1:\n\tx = 1\n        y = 2\n",
    "recursion": "def f(): f()\ntry:\n    f()\nexcept RecursionError as e:\n    print(e)\n",
    "exit_none": SHOW + "sys.exit()",
    "exit_3": SHOW + "sys.exit(3)",
    "exit_text": SHOW + "sys.exit('bye')",
    "exit_big": "raise SystemExit(2**70)",
    "os_exit": "import os; print('x', flush=True); os._exit(5)",
    "interrupt": SHOW + "class C:\n    def __del__(self): print('gone')\nc = C()\n"
    "raise KeyboardInterrupt('now')",
    "sigint": "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n",
    "interrupt_sub": "class K(KeyboardInterrupt): pass\nraise K\n",
    "sigterm": "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n",
    "hook": "import sys\ndef hook(*a): print('hook', a[0], a[2].tb_lineno, bool(a[2].tb_next),\n"
    "    [n for n in ('__file__', '__cached__') if n in globals()])\n"
    "sys.excepthook = hook\n1 / 0\n",
    "bad_hook": "import sys\ndef hook(*a): raise ValueError(1)\nsys.excepthook = hook\n1 / 0\n",
    "no_hook": "import sys\ndel sys.excepthook\n1 / 0\n",
    "hook_exits": "import sys\ndef hook(*a): sys.exit(7)\nsys.excepthook = hook\n1 / 0\n",
    "last": "import atexit, sys, traceback\n"
    "atexit.register(lambda: traceback.print_tb(sys.last_traceback, file=sys.stdout))\n1 / 0\n",
    "audit": "import sys\nsys.addaudithook(lambda n, a: n == 'sys.excepthook' and "
    "print(n, a[0] is sys.excepthook, a[1], a[2], a[3].tb_lineno))\n1 / 0\n",
    "thread": "import threading, time\n"
    "threading.Thread(target=lambda: (time.sleep(.2), print('late'))).start()\n",
    "stdin": "import sys\nprint(sys.stdin.read())\n",
    "pickle": "import pickle\nclass C: pass\nprint(pickle.dumps(C()))\n",
    "broken_pipe": "import os, sys\nr, w = os.pipe(); os.close(r); os.dup2(w, 1)\nprint('x')\n",
    "closed": "import sys\nsys.stdout.close()\n1 / 0\n",
    "warning": "import warnings\nwarnings.warn('careful')\nassert [] is not ()\n",
    "inspect": "import inspect\ndef f(): pass\nprint(inspect.getsource(f))\n",
    "reload": "import __main__\nprint(__main__.__dict__ is globals(), __main__)\n",
}


slow = pytest.mark.skipif(testkit.SANITISED, reason="the plain run compares the same programs")


LEFT_BEHIND = re.compile(
    r"(Exception ignored on threading shutdown:\n)?"
    r"OverflowError: Python int too large to convert to C long\n"
)


def stderr_of(done):
    """Without what 3.12 and 3.13.0 leave behind of a status too large for exit(3), and show or do
    not show while they end, by the way in which they were started (gh-125842)."""
    if (3, 12) <= sys.version_info < (3, 13, 1):
        return LEFT_BEHIND.sub("", done.stderr)
    return done.stderr


RUNPY = re.compile(r'^.*File "<frozen runpy>", .*\n', re.M)


def shown(text):
    """What is compared: where csock keeps out of the interpreter's insides no runpy is below."""
    return RUNPY.sub("", text) if testkit.PLAIN_PYTHON else text


def compare(words, env, interpreter=(), options=(), **more):
    """Runs python WORDS and python -m csock WORDS: stdout, stderr and status are the same."""
    plain = run(sys.executable, *interpreter, *words, env=env, **more)
    ours = run(sys.executable, *interpreter, "-m", "csock", *options, *words, env=env, **more)
    assert shown(ours.stdout) == shown(plain.stdout)
    assert shown(stderr_of(ours)) == shown(stderr_of(plain))
    assert ours.returncode == plain.returncode
    return ours


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


# The text about a NUL is another one where python compiles what it has read, not a file.
@slow
@pytest.mark.parametrize("name", [name for name in PROGRAMS if name != "nul"])
def test_script_as_plain_python(env, folder, name):
    (folder / "app.py").write_text(PROGRAMS[name])
    done = compare(["app.py", "a", "-h", "--children"], env, input="given\n")
    expected = {"interrupt": -signal.SIGINT, "sigint": -signal.SIGINT, "exit_3": 3, "raise": 1}
    assert done.returncode == expected.get(name, done.returncode)


@slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_module_as_plain_python(env, folder, name):
    if testkit.PLAIN_PYTHON and name in ("audit", "hook"):
        pytest.skip("the build is one with -Dplain_python=true: they look at a frame of runpy's")
    (folder / "app.py").write_text(PROGRAMS[name])
    compare(["-m", "app", "a", "-h", "--", "-"], env, input="given\n")


@slow
@pytest.mark.parametrize("name", [name for name in PROGRAMS if name != "nul"])
def test_command_as_plain_python(env, folder, name):
    compare(["-c", PROGRAMS[name], "a", "-m", "x"], env, input="given\n")


@slow
@pytest.mark.parametrize("name", [name for name in PROGRAMS if name not in ("stdin", "nul")])
def test_stdin_as_plain_python(env, folder, name):
    compare(["-", "a"], env, input=PROGRAMS[name])


@pytest.mark.parametrize("interpreter", ["-O", "-P", "-B", "-Wignore", "-Xdev", "-u"])
def test_options_of_the_interpreter(env, folder, interpreter):
    (folder / "app.py").write_text(PROGRAMS["warning"] + SHOW + "print(__debug__, sys.warnoptions)")
    compare(["app.py"], env, interpreter=[interpreter])
    compare(["-m", "app"], {**env, "PYTHONPATH": f"{SITE}:{folder}"}, interpreter=[interpreter])
    compare(["-c", "import sys; print(sys.path)"], env, interpreter=[interpreter])


def test_paths_of_scripts(env, folder):
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "app.py").write_text(SHOW)
    (folder / "link.py").symlink_to("deep/app.py")
    (folder / "deep" / "er" / "again.py").symlink_to("../../link.py")
    for words in (
        ["deep/app.py"],
        ["./deep/../deep/app.py"],
        [folder / "deep" / "app.py"],
        ["link.py"],
        ["deep/er/again.py"],
        ["-mdeep.app"],
        ["--", "link.py", "--", "x"],
        ["-cimport sys; print(sys.argv)", "x"],
    ):
        compare(words, env)


def test_folders_and_zip_files(env, folder):
    for name in ("show", "raise", "exit_3", "interrupt"):
        (folder / "d").mkdir(exist_ok=True)
        (folder / "d" / "__main__.py").write_text("import other\n" + PROGRAMS[name])
        (folder / "d" / "other.py").write_text("print(__file__)\n")
        with zipfile.ZipFile("z.zip", "w") as archive:
            for member in ("__main__.py", "other.py"):
                archive.write(folder / "d" / member, member)
        for words in (["d", "a"], [folder / "d"], ["z.zip", "-x"], ["-m", "d"]):
            compare(words, env)
            compare(words, env, interpreter=["-P"])


def test_compiled_files(env, folder):
    import py_compile

    (folder / "app.py").write_text(SHOW + "1 / 0\n")
    py_compile.compile("app.py", cfile="app.pyc")
    compare(["app.pyc"], env)
    (folder / "other").write_bytes((folder / "app.pyc").read_bytes())
    compare(["other"], env)
    (folder / "bad.pyc").write_bytes(b"\0" * 64)
    compare(["bad.pyc"], env)


def test_what_cannot_be_run(env, folder):
    (folder / "empty").mkdir()
    (folder / "p").mkdir()
    (folder / "p" / "__init__.py").write_text("")
    (folder / "p" / "broken.py").write_text("import nothing_of_that_name\n")
    for words in (["nope.py"], ["/no/app.py"], ["empty"], ["-m", "nope"], ["-m", "p"], ["-mp.x"]):
        assert compare(words, env).returncode in (1, 2)
    compare(["-m", "p.broken"], env)
    compare(["-c", "x = ("], env)


def test_no_target_reads_stdin_as_python_does(env, folder):
    done = compare([], env, input="import sys\nprint(sys.argv, sys.path, __name__)\n")
    assert done.stdout.startswith("[''] ['', ")


def test_library_programs(env, folder):
    (folder / "app.py").write_text("import sys\nprint(sys.argv)\n")
    (folder / "doc.py").write_text('"""\n>>> 1 + 1\n3\n"""\n')
    compare(["-m", "doctest", "doc.py"], env)
    compare(["-m", "pdb", "app.py"], env, input="n\nn\nq\n")
    compare(["-m", "json.tool"], env, input='{"a": 1}')
    compare(["-m", "base64", "-t"], env)


def test_program_has_csock(env, folder):
    (folder / "app.py").write_text(IS_OURS)
    for words in (["app.py"], ["-m", "app"], ["-c", IS_OURS], ["--force", "app.py"]):
        done = run(sys.executable, "-m", "csock", *words, env=env)
        assert (done.stdout, done.stderr) == ("True\n", "")


def test_program_is_run_with_few_modules(env):
    program = "import sys; print(*sys.modules)"
    plain = run(sys.executable, "-c", program, env=env).stdout.split()
    ours = run(sys.executable, "-m", "csock", "-c", program, env=env).stdout.split()
    more = set(ours) - set(plain)
    assert not more & {"argparse", "tempfile", "multiprocessing", "subprocess", "shutil", "re"}
    assert {"socket", "_socket", "csock._socket", "csock.dropin"} <= more


@pytest.mark.parametrize(
    "words, text",
    [
        (["-m"], "argument expected for the -m option"),
        (["-c"], "argument expected for the -c option"),
        (["-W", "error", "app.py"], "unknown option -W"),
        (["--what", "app.py"], "unknown option --what"),
        (["--enable", "--status"], "do not go together"),
        (["--status", "app.py"], "--status runs no program"),
    ],
)
def test_usage_errors(env, words, text):
    done = run(sys.executable, "-m", "csock", *words, env=env)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr and "usage: python -m csock" in done.stderr


def test_help_and_version(env):
    for word in ("-h", "--help"):
        done = run(sys.executable, "-m", "csock", word, "nope.py", env=env)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("usage: python -m csock") and "-X dev" in done.stdout
    done = run(sys.executable, "-m", "csock", "--version", env=env)
    assert re.match(r"csock \d+\.\d+\.\d+ on Python 3\.", done.stdout)


def test_stock_is_loaded_already(env, folder):
    (folder / "sitecustomize.py").write_text("import socket\n")
    env["PYTHONPATH"] = f"{folder}:{SITE}"
    done = run(sys.executable, "-m", "csock", "-c", IS_OURS, env=env)
    assert done.returncode == 1 and "these modules hold it: sitecustomize" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    done = run(sys.executable, "-m", "csock", "--force", "-c", IS_OURS, env=env)
    assert (done.stdout, done.stderr) == ("True\n", "")


# ------------------------------------------------------------------ --children

POOL = """
import multiprocessing, sys

def which(_):
    import socket
    return sys.modules.get("csock.dropin") is socket

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with context.Pool(2) as pool:
        print(pool.map(which, range(2)), which(0))
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_children_of_multiprocessing(env, folder, method, csock):
    if method == "forkserver" and not hasattr(csock.socket, "sendmsg"):
        pytest.skip("it needs sendmsg")
    (folder / "app.py").write_text(POOL)
    for words in (["app.py"], ["-m", "app"]):
        done = run(sys.executable, "-m", "csock", "--children", *words, method, env=env)
        assert (done.stdout, done.stderr) == ("[True, True] True\n", "")
        done = run(sys.executable, "-m", "csock", *words, method, env=env)
        inherits = method == "fork"
        assert (done.stdout, done.stderr) == (f"[{inherits}, {inherits}] True\n", "")


NESTED = """
import subprocess, sys
import socket
depth = int(sys.argv[1])
print(depth, sys.modules.get("csock.dropin") is socket, flush=True)
if depth:
    subprocess.run([sys.executable, *sys.argv[2:], sys.argv[0], str(depth - 1), *sys.argv[2:]])
"""


def test_children_of_children(env, folder):
    (folder / "app.py").write_text(NESTED)
    done = run(sys.executable, "-m", "csock", "--children", "app.py", "3", env=env)
    assert (done.stdout, done.stderr) == ("3 True\n2 True\n1 True\n0 True\n", "")


@pytest.mark.parametrize("option", ["-E", "-I", "-S"])
def test_children_that_ignore_the_hook(env, folder, option):
    (folder / "app.py").write_text(NESTED)
    done = run(sys.executable, "-m", "csock", "--children", "app.py", "1", option, env=env)
    assert done.stdout == "1 True\n0 False\n"


def test_children_from_an_interpreter_that_ignores_it(env):
    done = run(sys.executable, "-S", "-m", "csock", "--children", "-c", "", env=env)
    assert done.stderr.startswith("csock: --children cannot reach") and done.returncode == 0


def test_children_see_their_own_path(env):
    child = "import sys; print(sys.path, sys.modules.get('sitecustomize'))"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    compare(["-c", program], env, options=["--children"])
    del env["PYTHONPATH"]
    with_path = f"import sys; sys.path.insert(0, {str(SITE)!r}); import csock._run as r; r.main()"
    done = run(sys.executable, "-c", with_path, "--children", "-c", program, env=env)
    assert done.stdout == run(sys.executable, "-c", program, env=env).stdout


@pytest.mark.parametrize("body", ["print('mine', __name__, __file__)", "1 / 0", "import nothing_"])
def test_children_chain_to_the_users_sitecustomize(env, folder, body):
    (folder / "sitecustomize.py").write_text(f"import sys\nif sys.argv[0] == '-c':\n {body}\n")
    env["PYTHONPATH"] = f"{folder}:{SITE}"
    child = f"import sys; print(sys.modules.get('sitecustomize')); {IS_OURS}"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    (folder / "app.py").write_text(program)
    plain = run(sys.executable, "app.py", env=env)
    ours = run(sys.executable, "-m", "csock", "--children", "app.py", env=env)
    assert ours.stdout == plain.stdout.replace("False", "True")
    assert ours.stderr == plain.stderr


# --------------------------------------------------- --enable, --disable, --status


@pytest.fixture(scope="module")
def made_venv(tmp_path_factory):
    folder = tmp_path_factory.mktemp("venv") / "v"
    run(sys.executable, "-m", "venv", "--without-pip", folder, check=True)
    python = folder / "bin" / "python"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = pathlib.Path(run(python, "-c", where).stdout.strip())
    (site / "a-csock-path.pth").write_text(f"{SITE}\n")
    return python, site / "csock.pth"


@pytest.fixture
def venv(made_venv, env):
    del env["PYTHONPATH"]
    python, pth = made_venv
    pth.unlink(missing_ok=True)
    (pth.parent / "a-socket.pth").unlink(missing_ok=True)
    yield python, pth
    pth.unlink(missing_ok=True)


def ask(venv, env, *words):
    done = run(venv[0], "-m", "csock", *words, env=env)
    return done.returncode, done.stdout, done.stderr


def test_venv_there_and_back(venv, env):
    python, pth = venv
    root = python.parents[1]
    before = sorted(pth.parent.iterdir())
    status, text, _ = ask(venv, env, "--status")
    assert status == 1 and "not there" in text and "in place       no" in text
    assert ask(venv, env, "--enable") == (0, f"csock: now in place in {root}, by {pth}\n", "")
    status, text, errors = ask(venv, env, "--status")
    assert (status, errors) == (0, "")
    assert f"{pth}: there" in text and "in place       yes" in text and "virtual" in text
    for words in (["-c", IS_OURS], ["-I", "-c", IS_OURS], ["-E", "-c", IS_OURS]):
        done = run(python, *words, env=env)
        assert (done.stdout, done.stderr) == ("True\n", "")
    assert run(python, "-S", "-c", IS_OURS, env=env).stdout == "False\n"
    assert ask(venv, env, "--enable") == (0, f"csock: still in place in {root}, by {pth}\n", "")
    assert ask(venv, env, "--disable")[0] == 0
    assert ask(venv, env, "--disable")[0] == 0
    assert sorted(pth.parent.iterdir()) == before
    assert run(python, "-c", IS_OURS, env=env).stdout == "False\n"


def test_venv_line_is_one_line():
    from csock import _pth

    assert _pth.LINE.startswith("import ") and "\n" not in _pth.LINE


def test_venv_children_have_it_too(venv, env, folder):
    assert ask(venv, env, "--enable")[0] == 0
    (folder / "app.py").write_text(POOL)
    done = run(venv[0], "app.py", "spawn", env=env)
    assert (done.stdout, done.stderr) == ("[True, True] True\n", "")


def test_venv_and_command_together(venv, env):
    assert ask(venv, env, "--enable")[0] == 0
    for options in ([], ["--children"]):
        done = run(venv[0], "-m", "csock", *options, "-c", IS_OURS, env=env)
        assert done.stdout == "True\n" and done.returncode == 0
        assert done.stderr == "csock: already in place, by csock.pth\n"


def test_venv_hatch(venv, env):
    assert ask(venv, env, "--enable")[0] == 0
    env["CSOCK_DISABLE"] = "1"
    done = run(venv[0], "-c", IS_OURS, env=env)
    assert (done.stdout, done.stderr) == ("False\n", HATCH)
    done = run(venv[0], "-m", "csock", "-c", IS_OURS, env=env)
    assert (done.stdout, done.stderr) == ("False\n", HATCH)
    status, text, _ = ask(venv, env, "--status")
    assert status == 1 and "in place       no: CSOCK_DISABLE is set; without it yes," in text
    status, text, _ = ask(venv, env, "--enable")
    assert status == 0 and "still in place" in text and "but CSOCK_DISABLE is set here" in text
    assert ask(venv, env, "--disable")[0] == 0
    status, text, _ = ask(venv, env, "--status")
    assert status == 1 and "in place       no: CSOCK_DISABLE is set; without it no," in text


def test_venv_that_cannot_have_it(venv, env):
    (venv[1].parent / "a-socket.pth").write_text("import socket\n")
    status, text, errors = ask(venv, env, "--enable")
    assert (status, text) == (1, "") and "nothing is changed" in errors and "too late" in errors
    assert not venv[1].exists()


def test_venv_whose_csock_is_gone(venv, env):
    """A broken install breaks no interpreter: one line, and stock."""
    assert ask(venv, env, "--enable")[0] == 0
    path = venv[1].parent / "a-csock-path.pth"
    text = path.read_text()
    path.unlink()
    try:
        done = run(venv[0], "-c", IS_OURS, env=env)
    finally:
        path.write_text(text)
    assert done.stdout == "False\n" and done.returncode == 0
    assert done.stderr == "csock: csock.pth does not work: No module named 'csock'\n"


def test_venv_with_an_extension_that_does_not_load(venv, env, tmp_path):
    package = tmp_path / "csock"
    package.mkdir()
    for path in (SITE / "csock").glob("*.py"):
        (package / path.name).write_text(path.read_text())
    assert ask(venv, env, "--enable")[0] == 0
    done = run(venv[0], "-c", IS_OURS, env={**env, "PYTHONPATH": str(tmp_path)})
    assert done.stdout == "False\n" and done.returncode == 0
    assert done.stderr == (
        "csock: not in place by csock.pth: csock is not built: no extension module csock._core in"
        f" {package}\n"
    )


def test_system_python_is_refused(env, tmp_path):
    """Not tried on a real one: its prefix is made to look like one's own."""
    program = f"""
        import sys, sysconfig
        sys.prefix = sys.base_prefix
        sysconfig.get_path = lambda name: {str(tmp_path)!r}
        from csock import _venv
        _venv._probe = lambda: (True, "")
        print(_venv.main("enable", False), _venv._is_there())
        print(_venv.main("enable", True), _venv._is_there())
        print(_venv.main("disable", False), _venv._is_there())
    """
    done = code(program, env=env)
    shown = [line for line in done.stdout.splitlines() if not line.startswith("csock: ")]
    assert shown == ["1 False", "0 True", "0 False"]
    assert "is no virtual environment" in done.stderr and "--force" in done.stderr
    assert len(done.stderr.splitlines()) == 1


# ----------------------------------------------------------------- the document

DOC = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "drop-in.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```\n\nprints\n\n```\n(.*?)^```$", DOC, re.S | re.M)


@pytest.mark.parametrize("program, printed", EXAMPLES)
def test_examples_of_the_document(env, program, printed):
    assert out(program, env=env) == printed


def test_document_begins_with_the_way_out():
    assert len(EXAMPLES) == DOC.count("```python") >= 2
    assert DOC.index("CSOCK_DISABLE=1") < DOC.index("csock.install()")
