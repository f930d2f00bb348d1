"""docs/differences.md: each row is whole and names a test that is there. And the rows that belong
to no other file: what a program sees that asks csock's objects about themselves."""

import importlib
import inspect
import pathlib
import pickle
import re
import socket
import subprocess
import sys
import sysconfig

import pytest
import testkit

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "differences.md"


def rows():
    lines = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def test_rows_are_whole():
    assert len(rows()) > 30
    for row in rows():
        assert len(row) == 5 and all(row), row


def test_rows_name_tests_that_exist():
    for row in rows():
        files = re.findall(r"`((?:tests/)?\w+(?:\.\w+)?)`", row[4])
        assert files or "`make differential`" in row[4], row
        for name in files:
            here = [ROOT / name, ROOT / "tests" / "py" / name, *ROOT.glob(f"tests/c/**/{name}")]
            assert any(path.exists() for path in here), name


WITHOUT_KEYWORDS = ["recv", "recvfrom", "recvmsg", "recvmsg_into", "send", "sendall", "sendto"]
WITHOUT_KEYWORDS += ["sendmsg", "getsockopt", "setsockopt", "listen"]


@pytest.mark.parametrize("name", WITHOUT_KEYWORDS)
def test_keyword_where_none_is_taken(impl, name):
    with impl.socket() as s, pytest.raises(TypeError) as caught:
        getattr(s, name)(nonsense=1)
    assert str(caught.value).removeprefix("socket.") == f"{name}() takes no keyword arguments"


def test_what_a_function_calls_itself_in_errors(impl):
    prefix = "csock._socket" if impl.__name__ == "csock" else "_socket"
    with pytest.raises(TypeError) as caught:
        impl.htonl()
    assert str(caught.value) == f"{prefix}.htonl() takes exactly one argument (0 given)"


def test_methods_are_the_class_s_own_and_in_c(impl):
    ours = impl.__name__ == "csock"
    for name in ("recv", "send", "connect", "fileno"):
        assert (name in vars(impl.socket)) == ours
    for name in ("accept", "close"):
        assert inspect.isfunction(getattr(impl.socket, name)) != ours


def test_signatures_that_stock_has_otherwise(impl):
    defaults = [p.default for p in inspect.signature(impl.socket).parameters.values()]
    assert defaults == ([2, 1, 0, None] if impl.__name__ == "csock" else [-1, -1, -1, None])


@pytest.mark.parametrize("name", ["socket", "csock.dropin"])
def test_how_the_module_was_loaded(name):
    module = importlib.import_module(name)
    assert module.__spec__.name == name
    assert module.__package__ == name.rpartition(".")[0]


RELOADED = """
import importlib, pickle, socket
importlib.reload(socket)
print(socket.socket, socket.__name__, pickle.dumps(socket.AF_INET, 0))
own = socket.socket.dup, socket.SocketIO, socket.SocketKind, socket.create_server
print({value.__module__ for value in own})
print(pickle.loads(pickle.dumps(socket.AF_INET)) is socket.AF_INET)
"""


@pytest.mark.parametrize("before", ["", "import csock; csock.install()"])
def test_after_a_reload_all_still_say_socket(before):
    command = [sys.executable, "-c", before + RELOADED]
    done = subprocess.run(command, capture_output=True, text=True)
    first, *rest = done.stdout.splitlines()
    pickled = pickle.dumps(socket.AF_INET, 0)  # stock's, by name or by value: the version decides
    assert pickled.startswith(b"csocket\n")
    assert first == f"<class 'socket.socket'> socket {pickled}", done.stdout
    assert (rest, done.stderr) == (["{'socket'}", "True"], "")


def test_reload_and_back():
    program = "import csock; csock.install(); import importlib, socket; importlib.reload(socket)"
    program += "; del socket; csock.uninstall(); import csock.dropin; print(csock.dropin.socket)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("<class 'csock.dropin.socket'>\n", "")


def test_pickles_without_install_name_csock(impl):
    names = {"socket": b"socket", "csock": b"csock.dropin"}
    assert names[impl.__name__] in pickle.dumps(impl.AF_INET, 0)


def test_nul_in_the_port(impl):
    if impl.__name__ == "csock":
        with pytest.raises(ValueError, match="null"):
            impl.getaddrinfo("127.0.0.1", "80\0x")
    else:
        assert impl.getaddrinfo("127.0.0.1", "80\0x")[0][4] == ("127.0.0.1", 80)


def test_family_overridden_by_a_subclass(impl):
    class Named(impl.socket):
        family = property(lambda self: impl.AF_INET6)

    with Named(impl.AF_UNIX) as sock, sock.dup() as copy:
        found = copy.getsockopt(impl.SOL_SOCKET, impl.SO_DOMAIN)
        told = impl.SocketType.__mro__[-2].family.__get__(copy)
    assert found == impl.AF_UNIX
    assert told == (impl.AF_UNIX if impl.__name__ == "csock" else impl.AF_INET6)


def test_slots_are_set_past_a_subclass(impl):
    heard = []

    class Listening(impl.socket):
        def __setattr__(self, name, value):
            heard.append(name)
            super().__setattr__(name, value)

    Listening(impl.AF_UNIX).close()
    assert ("_closed" in heard) == (impl.__name__ == "socket")


def test_references_to_received_bytes(impl):
    a, b = impl.socketpair(type=impl.SOCK_DGRAM)
    with a, b:
        a.send(bytes(1200))
        both = [b.recv(2000), bytes(bytearray(1200))]
    # From the same place in the program: from 3.14 on not every variable on the stack counts.
    received, other = [sys.getrefcount(data) for data in both]
    keeps = not sysconfig.get_config_var("Py_GIL_DISABLED") and not testkit.PLAIN_PYTHON
    assert received - other == (keeps and impl.__name__ == "csock")


HIDDEN = """
import importlib, os, sys
module = importlib.import_module(sys.argv[1])
import selectors
heard = set()

def note(name, value):
    heard.add(name)
    return value

class Poll(selectors.PollSelector):
    def __init__(self):
        heard.add("PollSelector")
        super().__init__()

selectors.PollSelector = Poll
real = module._intenum_converter, module.getdefaulttimeout
family = module.AddressFamily
module.AddressFamily = lambda value: note("AddressFamily", family(value))
module._intenum_converter = lambda *args: note("converter", real[0](*args))
module.getdefaulttimeout = lambda: note("timeout", real[1]())
a, b = module.socketpair()
with a, b, open(sys.argv[2], "rb") as file:
    assert a.sendfile(file) > 0
    a.family
with module.create_server(("127.0.0.1", 0)) as server:
    module.create_connection(server.getsockname()).close()
    server.accept()[0].close()
print(sorted(heard))
"""


@pytest.mark.parametrize("name", ["socket", "csock.dropin"])
def test_globals_that_are_not_heard(name):
    command = [sys.executable, "-c", HIDDEN, name, __file__]
    done = subprocess.run(command, capture_output=True, text=True)
    all_of_them = "['AddressFamily', 'PollSelector', 'converter', 'timeout']\n"
    assert (done.stdout, done.stderr) == ("[]\n" if "csock" in name else all_of_them, "")
