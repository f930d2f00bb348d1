"""CSOCK_DISABLE: whatever way csock is brought in, the standard library is what is used."""

import sys
import textwrap

import pytest
from childkit import HATCH, IS_OURS, code, out, run


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


def test_programs_that_use_more_than_stock_has(env):
    """As docs/drop-in.md says."""
    env["CSOCK_DISABLE"] = "1"
    program = """
        import contextlib, csock
        deadline = getattr(csock, "deadline", contextlib.nullcontext)
        with deadline(5): csock.socket().close()
        csock.trace(print); csock.trace(None); csock.adapt("urllib3")
        print("as with stock")
        csock.deadline(5)
    """
    done = code(program, env=env)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("AttributeError: CSOCK_DISABLE is set: ") and done.returncode == 1
    assert done.stdout == "as with stock\n"
