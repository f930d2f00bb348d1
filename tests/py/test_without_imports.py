"""A program whose import system is gone has its sockets all the same: after chroot(2), with other
rights, behind an audit hook that forbids imports, and while the interpreter ends."""

import os

import pytest
import testkit

# What is called, each on sockets that were made when all was well. `S` is the module.
CALLS = """
import os, sys
import importlib
if sys.argv[1] == "installed":
    import csock
    csock.install()
S = importlib.import_module("csock" if sys.argv[1] == "csock" else "socket")

class Sub(S.socket):
    pass

class Holder:
    def __init__(self):
        import _socket
        self.S, self.os = S, os
        self.Sub = Sub
        self.listener = S.create_server(("127.0.0.1", 0))
        self.listener.settimeout(5)
        self.address = self.listener.getsockname()
        self.sub = Sub(fileno=os.dup(self.listener.fileno()))
        self.sub.settimeout(5)
        self.file = open(sys.argv[2], "rb")
        a, b = _socket.socketpair()
        self.a, self.b = S.socket(fileno=a.detach()), S.socket(fileno=b.detach())
        self.b.settimeout(5)
        a, b = _socket.socketpair(1, 2)
        self.c, self.d = S.socket(fileno=a.detach()), S.socket(fileno=b.detach())
        self.d.settimeout(5)

    def connect(self):
        return self.S.socket().connect(self.address)

    def fds(self, fds):
        self.S.send_fds(self.c, [b"x"], fds)
        data, found, _, _ = self.S.recv_fds(self.d, 10, 5)
        assert data == b"x" and len(found) == len(list(fds))
        for fd in found:
            self.os.close(fd)

    def tries(self):
        fd = self.file.fileno()
        yield "socket", lambda: self.S.socket().close()
        yield "socketpair", lambda: [s.close() for s in self.S.socketpair()]
        yield "dup", lambda: self.listener.dup().close()
        yield "dup of a subclass", lambda: self.sub.dup().close()
        yield "fromfd", lambda: self.S.fromfd(self.listener.fileno(), 2, 1).close()
        yield "accept", lambda: (self.connect(), self.listener.accept()[0].close())
        yield "accept of a subclass", lambda: (self.connect(), self.sub.accept()[0].close())
        yield "create_connection", lambda: self.S.create_connection(self.address).close()
        yield "sendfile", lambda: self.a.sendfile(self.file)
        yield "sendfile by reading", lambda: self.a._sendfile_use_send(self.file)
        yield "send_fds of a list", lambda: self.fds([fd, fd])
        yield "send_fds of a tuple", lambda: self.fds((fd,))
        yield "send_fds of a set", lambda: self.fds({fd})
        yield "makefile", lambda: self.a.makefile("rwb").close()
        yield "text", lambda: self.a.makefile("r", encoding="utf-8").close()
        yield "repr", lambda: repr(self.listener)
        yield "family", lambda: (self.listener.family, self.listener.type)
        yield "inheritable", lambda: self.a.set_inheritable(True)
        yield "constants", lambda: (self.S.SO_REUSEADDR, self.S.MSG_PEEK, self.S.AI_PASSIVE)
        yield "a constant of csock's own", lambda: getattr(self.S, "AF_SMC", None)
        yield "detach", lambda: self.os.close(self.c.detach())
        yield "close", lambda: self.listener.close()

    def outcomes(self):
        for name, function in self.tries():
            try:
                function()
            except BaseException as error:
                yield f"{name}: {type(error).__name__}: {error}"
            else:
                yield name

    def report(self):
        self.os.write(1, "\\n".join(self.outcomes()).encode() + b"\\n")

holder = Holder()
"""

FORBIDDEN = """
def hook(event, args):
    if event in ("import", "open"):
        raise RuntimeError(f"{event} {args[0]}")
sys.addaudithook(hook)
holder.report()
"""

CHROOT = """
os.chroot(os.path.dirname(sys.argv[2]))
os.chdir("/")
holder.report()
"""

EMPTIED = """
sys.path[:] = sys.meta_path[:] = sys.path_hooks[:] = []
sys.path_importer_cache.clear()
holder.report()
"""

AT_THE_END = """
import builtins
Holder.__del__ = Holder.report
builtins.holder = holder
del holder
"""


def outcomes(module, path, way):
    done = testkit.run_python(CALLS + way, module, str(path))
    return done.stdout.splitlines()


@pytest.fixture(params=["csock", "installed"])
def module(request):
    return request.param


def check(module, tmp_path, way):
    """All goes as ever: what stock can do then, and what it needs a codec for."""
    path = tmp_path / "file"
    path.write_bytes(b"contents")
    ours = outcomes(module, path, way)
    assert len(ours) == 22 and [line for line in ours if ":" in line] == []
    stock = [line for line in outcomes("socket", path, way) if ":" not in line]
    assert len(stock) > 15 and set(stock) <= set(ours)


@pytest.mark.parametrize("way", [FORBIDDEN, EMPTIED], ids=["forbidden", "emptied"])
def test_where_nothing_can_be_imported(module, tmp_path, way):
    check(module, tmp_path, way)


@pytest.mark.skipif(os.geteuid() != 0, reason="chroot(2) is root's")
def test_after_chroot(module, tmp_path):
    check(module, tmp_path, CHROOT)


def test_while_the_interpreter_ends(module, tmp_path):
    check(module, tmp_path, AT_THE_END)


FIRST_NAME = """
import csock, os, sys
os.chroot(sys.argv[1])
try:
    csock.socket()
except ModuleNotFoundError as error:
    print(error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="chroot(2) is root's")
def test_the_first_name_comes_before_that(tmp_path):
    told = testkit.run_python(FIRST_NAME, tmp_path).stdout
    assert told == "No module named 'csock.dropin'\n"
