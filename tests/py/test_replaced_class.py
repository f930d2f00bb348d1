"""What programs put in the place of the class socket.socket, on both modules: functions, classes
with a way of their own to make objects, a reloaded module. And odd values in its slots."""

import functools
import gc
import importlib
import os
import subprocess
import sys
from unittest import mock

import pytest


def descriptors():
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def made_by_a_function(plain):
    return lambda *args, **kwargs: plain(*args, **kwargs)


def made_by_new(plain):
    class Maker:
        def __new__(cls, *args, **kwargs):
            return plain(*args, **kwargs)

    return Maker


def made_by_a_metaclass(plain):
    class Tagging(type):
        def __call__(cls, *args, **kwargs):
            sock = super().__call__(*args, **kwargs)
            sock.tag = "tagged"
            return sock

    class Tagged(plain, metaclass=Tagging):
        pass

    return Tagged


def made_by_a_subclass(plain):
    class Sub(plain):
        def __new__(cls, *args, **kwargs):
            sock = super().__new__(cls, *args, **kwargs)
            sock.tag = "tagged"
            return sock

    return Sub


WAYS = [made_by_a_function, made_by_new, made_by_a_metaclass, made_by_a_subclass, functools.partial]
TAGGING = [made_by_a_metaclass, made_by_a_subclass]


@pytest.fixture(params=["socket", "csock.dropin"])
def module(request):
    """The modules whose globals their functions look at."""
    return importlib.import_module(request.param)


@pytest.mark.parametrize("way", WAYS)
def test_it_makes_what_functions_and_accept_return(module, way, monkeypatch):
    before = descriptors()
    plain = module.socket
    listener = module.create_server(("127.0.0.1", 0))
    monkeypatch.setattr(module, "socket", way(plain))
    client = module.create_connection(listener.getsockname())
    conn, _ = listener.accept()
    copy = module.fromfd(conn.fileno(), module.AF_INET, module.SOCK_STREAM)
    made = [client, conn, copy, *module.socketpair()]
    client.sendall(b"hello")
    assert copy.recv(9) == b"hello"
    for sock in made:
        assert isinstance(sock, plain)
        assert way not in TAGGING or sock.tag == "tagged"
        sock.close()
    listener.close()
    assert descriptors() == before


def test_mocked(module):
    listener = module.create_server(("127.0.0.1", 0))
    client = module.create_connection(listener.getsockname())
    with mock.patch.object(module, "socket") as stand_in:
        conn, address = listener.accept()
    os.close(stand_in.call_args.kwargs["fileno"])
    assert conn is stand_in.return_value
    assert address == client.getsockname()
    client.close()
    listener.close()


RELOAD = """
import importlib, sys
module = importlib.import_module(sys.argv[1])
plain = module.socket
listener = module.create_server(("127.0.0.1", 0))
address = listener.getsockname()
class Sub(plain):
    pass

importlib.reload(module)
assert module.socket is not plain
client = module.create_connection(address)
conn, _ = listener.accept()
assert type(conn) is module.socket, type(conn)
for sock in plain(), Sub(), module.socket():
    assert (sock._io_refs, sock._closed) == (0, False)
    file = sock.makefile("rb")
    sock.close()
    assert sock.fileno() >= 0
    file.close()
    assert sock.fileno() == -1
for sock in listener, client, conn:
    sock.close()
importlib.reload(module)
plain().close()
Sub().close()
print("done")
"""


def test_sockets_of_a_class_before_the_reload_go_on(module):
    args = [sys.executable, "-X", "dev", "-c", RELOAD, module.__name__]
    result = subprocess.run(args, capture_output=True, text=True)
    assert (result.stdout, result.stderr, result.returncode) == ("done\n", "", 0)


def test_a_class_is_equipped_once():
    from csock import _core, dropin

    with pytest.raises(TypeError):
        _core.equip(dropin.socket, vars(dropin))


def test_a_connection_blocks_whatever_an_accept_of_somebodys_own_gives(module):
    class Listener(module.socket):
        def _accept(self):
            fd, address = super()._accept()
            os.set_blocking(fd, False)
            return fd, address

    with Listener() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(30)
        with module.create_connection(listener.getsockname()):
            conn, _ = listener.accept()
            assert os.get_blocking(conn.fileno())
            conn.close()


class Moody:
    def __bool__(self):
        raise KeyError("moody")


def test_slots_that_are_empty_or_odd(impl):
    a, b = impl.socketpair()
    file = a.makefile("rb")
    a._closed = Moody()
    with pytest.raises(KeyError, match="moody"):
        file.close()
    file = a.makefile("rb")
    del a._closed
    with pytest.raises(AttributeError, match="socket' object has no attribute '_closed'"):
        file.close()
    del a._io_refs
    with pytest.raises(AttributeError, match="socket' object has no attribute '_io_refs'"):
        a.close()
    impl.close(a.detach())
    b.close()


def test_initialised_again_with_its_own_descriptor(impl):
    a, b = impl.socketpair()
    number = a.fileno()
    a.__init__(fileno=number)
    assert a.fileno() == number
    a.send(b"x")
    assert b.recv(9) == b"x"
    a.close()
    b.close()


def test_a_replaced_dup_is_heard_by_fromfd(module, monkeypatch):
    asked = []
    real = module.dup
    monkeypatch.setattr(module, "dup", lambda fd: asked.append(fd) or real(fd))
    with module.socket() as sock, module.fromfd(sock.fileno(), 2, 1) as copy:
        assert asked == [sock.fileno()] and copy.fileno() != sock.fileno()
