"""`python -m csock --children`: in a program's children, and theirs, csock is in place, and nothing
else has changed. By what they get it is in test_children.py."""

import sys

import pytest
from childkit import IS_OURS, POOL, SITE, compare, run


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


FIRST_LINE = "import csock; csock.install()\n"


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_install_in_children_of_multiprocessing(env, folder, method):
    """They load the program's first line anew, and multiprocessing, with stock's socket in it,
    before that. Where it raised a Pool began new children for ever."""
    (folder / "app.py").write_text(FIRST_LINE + POOL)
    (folder / "package.py").write_text(FIRST_LINE)
    (folder / "other.py").write_text("import package\n" + POOL)
    for words in (["app.py"], ["-m", "app"], ["other.py"]):
        done = run(sys.executable, *words, method, env=env)
        assert (done.stdout, done.stderr) == ("[True, True] True\n", "")


SENDER = """
import csock; csock.install()
import multiprocessing, sys
def child(connection, sock):
    import multiprocessing.reduction, socket
    assert multiprocessing.reduction.socket is socket and isinstance(sock, csock.socket)
    connection.send((sock.recv(100), type(connection.recv()).__module__))
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    (here, there), (one, other) = context.Pipe(), csock.socketpair()
    process = context.Process(target=child, args=(there, other))
    process.start()
    one.send(b"hello")
    here.send(one)
    print(here.recv())
    process.join()
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_sockets_reach_children_that_install(env, folder, method):
    (folder / "app.py").write_text(SENDER)
    done = run(sys.executable, "app.py", method, env=env)
    assert (done.stdout, done.stderr) == ("(b'hello', 'socket')\n", "")


HELD = """
import multiprocessing, sys
if __name__ != "__main__":
    {held}
    import csock; csock.install()
if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=print)
    process.start()
    process.join()
    print(process.exitcode)
"""


@pytest.mark.parametrize(
    "held, named",
    [
        ("import socketserver", "socketserver"),
        ("import ssl", "_ssl"),
        ("import multiprocessing.reduction as r, socket; r.s = socket.socket", "reduction"),
    ],
)
def test_install_too_late_in_a_child(env, folder, held, named):
    (folder / "app.py").write_text(HELD.format(held=held))
    done = run(sys.executable, "app.py", env=env)
    last = done.stderr.splitlines()[-1]
    assert done.stdout == "1\n" and "install() comes too late" in last and named in last


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
    with_path = f"import sys; sys.path.insert(0, {str(SITE)!r}); "
    with_path += "from csock._command import module; module()"
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
