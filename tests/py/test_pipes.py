"""Sockets through the pipes and queues of multiprocessing, which knows stock's class by itself.
Those of csock go there with and without install()."""

import multiprocessing
import os
import pathlib
import pickle
import subprocess
import sys
from multiprocessing.reduction import ForkingPickler

import pytest
import testkit

SITE = str(pathlib.Path(__import__("csock").__path__[0]).resolve().parent)

PROGRAM = """
import importlib, multiprocessing, sys

module = importlib.import_module(sys.argv[1])

def serve(given, pipe, queue):
    for sock in (given, pipe.recv(), queue.get()):
        sock.settimeout(20)
        kind = isinstance(sock, module.socket), type(sock) is module.socket
        sock.sendall(repr((kind, sock.family, sock.type, sock.proto)).encode())
        sock.close()

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[2])
    pairs = [module.socketpair(type=module.SOCK_SEQPACKET) for _ in range(3)]
    ours, theirs = context.Pipe()
    queue = context.Queue()
    process = context.Process(target=serve, args=(pairs[0][1], theirs, queue), daemon=True)
    process.start()
    ours.send(pairs[1][1])
    queue.put(pairs[2][1])
    for a, b in pairs:
        a.settimeout(20)
        print(a.recv(1000).decode())
    process.join()
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("name", ["socket", "csock", "children"])
def test_sockets_get_to_another_process(tmp_path, name, method):
    (tmp_path / "app.py").write_text(PROGRAM)
    ways = {"children": ["-m", "csock", "--children", "app.py", "socket"]}
    command = [sys.executable, *ways.get(name, ["app.py", name]), method]
    limit = 60 * testkit.SLOWNESS
    env = {**os.environ, "PYTHONPATH": SITE}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=limit, cwd=tmp_path, env=env
    )
    line = "((True, True), <AddressFamily.AF_UNIX: 1>, <SocketKind.SOCK_SEQPACKET: 5>, 0)\n"
    assert (done.stdout, done.stderr) == (line * 3, "")


def test_a_socket_comes_as_another(impl):
    """And but once, however often it is in what is sent."""
    a, b = impl.socketpair()
    one, other = multiprocessing.Pipe()
    with a, b, one, other:
        one.send([b, b])
        first, second = other.recv()
        assert first is second and type(first) is impl.socket and first.fileno() != b.fileno()
        with first:
            a.send(b"x")
            assert first.recv(10) == b"x"


def test_other_picklers_refuse_as_ever(impl):
    class Mine(impl.socket):
        pass

    one, other = multiprocessing.Pipe()
    with impl.socket() as sock, Mine() as mine, one, other:
        one.send(sock)
        other.recv().close()
        for s in (sock, mine):
            with pytest.raises(TypeError, match=f"^cannot pickle '{type(s).__name__}' object$"):
                pickle.dumps(s)
        with pytest.raises(TypeError, match="^cannot pickle 'Mine' object$"):
            one.send(mine)


def test_what_derives_from_its_pickler_has_them(impl):
    class Pickler(ForkingPickler):
        pass

    with impl.socket() as sock:
        ForkingPickler.dumps(sock)
        assert bytes(Pickler.dumps(sock))


def test_who_asks_for_stock_s_class_itself():
    program = "import socket, csock; print(type(csock.socket()) is socket.socket)"
    assert testkit.run_python(program).stdout == "False\n"
    program = f"import csock; csock.install(); {program}"
    assert testkit.run_python(program).stdout == "True\n"
