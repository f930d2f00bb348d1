"""csock.install() where the stock module is loaded already, or just being loaded; force, and
uninstall(). Each test starts interpreters."""

import textwrap

import pytest
from childkit import code, out

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
