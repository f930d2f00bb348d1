"""csock.adapt(): when it takes hold, what undoes it, what it refuses. The libraries themselves, and
their suites, are the ecosystem's: tests/ecosystem/scn_adapted.py. Here stands a package of the same
name and make, so that there is a version which is not known."""

import os
import shutil
import sys

import dialkit
import pytest
from childkit import run

CONNECTION = '''
import socket
_DEFAULT_TIMEOUT = object()
def allowed_gai_family():
    return socket.AF_UNSPEC
def _set_socket_options(sock, options):
    for option in options or ():
        sock.setsockopt(*option)
def create_connection(address, timeout=_DEFAULT_TIMEOUT, source_address=None, socket_options=None):
    """Stock's."""
    host, port = address
    for af, kind, proto, _, sa in socket.getaddrinfo(host, port, allowed_gai_family(), 1):
        sock = socket.socket(af, kind, proto)
        _set_socket_options(sock, socket_options)
        if timeout is not _DEFAULT_TIMEOUT:
            sock.settimeout(timeout)
        if source_address:
            sock.bind(source_address)
        try:
            sock.connect(sa)
        except OSError:
            sock.close()
            raise
        return sock
'''
LOOK = """
import urllib3.util.connection as connection
def adapted():
    try:
        connection.create_connection(dialkit.refusing())
    except OSError as error:
        return hasattr(error, "attempts")
"""


@pytest.fixture
def library(folder):
    """A folder with a urllib3 of that version."""

    def make(version):
        util = folder / "urllib3" / "util"
        util.mkdir(parents=True)
        (folder / "urllib3" / "__init__.py").write_text("from .util import connection\n")
        (folder / "urllib3" / "_version.py").write_text(f"__version__ = {version!r}\n")
        (util / "__init__.py").write_text("")
        (util / "connection.py").write_text(CONNECTION)
        return {"PYTHONPATH": os.pathsep.join([str(folder), dialkit.PATH])}

    return make


def program(text, env):
    return dialkit.program("import dialkit\n" + text, env=env)


def test_before_and_after_it_is_loaded(library):
    env = library("2.8.0")
    assert program(LOOK + "print(adapted())", env) == ["False"]
    assert program("csock.adapt('urllib3')" + LOOK + "print(adapted())", env) == ["True"]
    assert program(LOOK + "csock.adapt('urllib3')\nprint(adapted())", env) == ["True"]
    assert program("csock.adapt()\ncsock.adapt()" + LOOK + "print(adapted())", env) == ["True"]


def test_it_looks_as_it_did(library):
    text = "csock.adapt()" + LOOK + "f = connection.create_connection\n"
    text += "print(f.__name__, f.__module__, f.__doc__, len(f.__defaults__))"
    text += "\nprint(connection.__spec__.loader.__dict__.get('exec_module'))"
    lines = program(text, library("1.26.20"))
    assert lines == ["create_connection urllib3.util.connection Stock's. 3", "None"]


def test_options_and_timeouts(library):
    text = LOOK + """
csock.adapt()
server = csock.create_server(("127.0.0.1", 0))
with connection.create_connection(server.getsockname(), 3, ("127.0.0.9", 0),
                                  [(csock.IPPROTO_TCP, csock.TCP_NODELAY, 1)]) as s:
    print(s.gettimeout(), s.getsockname()[0], s.getsockopt(csock.IPPROTO_TCP, csock.TCP_NODELAY))
with connection.create_connection(server.getsockname()) as s:
    print(s.gettimeout())
server.close()
"""
    assert program(text, library("2.0")) == ["3.0 127.0.0.9 1", "None"]


def test_the_library_s_own_loop_runs_where_something_was_replaced(library):
    text = LOOK + """
csock.adapt()
import socket
own = socket.getaddrinfo
socket.getaddrinfo = lambda *args: own(*args)
print(adapted())
socket.getaddrinfo = own
print(adapted())
"""
    assert program(text, library("2.0")) == ["False", "True"]


def test_a_host_without_a_port_is_no_path(library):
    text = "try: connection.create_connection(('127.0.0.1', None))\n"
    text += "except OSError as error: print(type(error).__name__, error.filename)"
    seen = program("csock.adapt('urllib3')" + LOOK + text, library("2.8.0"))
    assert seen == ["ConnectionRefusedError 127.0.0.1:0"]


def test_options_set_by_a_function_of_the_program_s_own(library):
    text = "connection._set_socket_options = lambda sock, options: print('heard')\nadapted()"
    seen = program("csock.adapt('urllib3')" + LOOK + text, library("2.8.0"))
    assert seen == ["heard"]


def test_a_loader_that_is_that_of_several_modules(library, folder):
    env = library("2.8.0")
    (folder / "urllib3" / "__init__.py").write_text("")
    (folder / "urllib3" / "util" / "other.py").write_text("print('other')\n")
    archive = shutil.make_archive(str(folder / "packed"), "zip", folder, "urllib3")
    shutil.rmtree(folder / "urllib3")
    env["PYTHONPATH"] = os.pathsep.join([archive, dialkit.PATH])
    text = """
import importlib.util
csock.adapt("urllib3")
importlib.util.find_spec("urllib3.util.connection")
import urllib3.util.other
"""
    assert program(text + LOOK + "print(adapted())", env) == ["other", "True"]


def test_off(library):
    env = library("2.0")
    text = "csock.adapt()" + LOOK + "print(adapted())"
    assert program(text, {**env, "CSOCK_RACE": "0"}) == ["False"]
    assert program(text, {**env, "CSOCK_DISABLE": ""}) == ["True"]


@pytest.mark.parametrize("order", ["{adapt}\n{load}", "{load}\n{adapt}"])
def test_versions_that_are_not_known(library, order):
    text = order.format(adapt="csock.adapt()", load="import urllib3.util.connection")
    text = f"try:\n exec({text!r})\nexcept RuntimeError as error: print(error)"
    (line,) = program(text, library("3.0"))
    assert line.startswith("csock.adapt() does not know urllib3 3.0 (it knows 1.* to 2.*)")


def test_uninstall_undoes_it(library):
    text = "csock.adapt('urllib3')\ncsock.uninstall()\n"
    text += "import urllib3.util.connection as c, csock._adapt\n"
    text += "print(c.create_connection.__code__.co_filename == c.__file__, csock._adapt._waiting)\n"
    text += "import sys\nprint(csock._adapt._finder in sys.meta_path)"
    assert dialkit.program(text, env=library("2.0")) == ["True {}", "False"]


def test_uninstall_of_what_came_late(library):
    text = """
import sys
for name in ("socket", "_socket", "csock.dropin", "csock._socket", "csock._core"):
    sys.modules.pop(name, None)
"""
    text = "csock.uninstall()" + text + """
import urllib3.util.connection as c
own = c.create_connection
csock.install(force=True)
csock.adapt()
print(c.create_connection is own)
csock.uninstall()
print(c.create_connection is own)
"""
    assert dialkit.program(text, env=library("2.0")) == ["False", "True"]


def test_what_it_refuses():
    lines = program("try: csock.adapt('nothing')\nexcept ValueError as error: print(error)", {})
    known = "redis, and urllib3, which requests, botocore and docker use"
    assert lines == [f"csock.adapt() knows {known}; not 'nothing'"]
    text = "import csock\ntry: csock.adapt()\nexcept RuntimeError as error: print(error)"
    done = run(sys.executable, "-c", text)
    assert done.stdout == "csock.adapt() is for where csock is in place: csock.install() first\n"


def test_csock_run(library, folder):
    env = {**os.environ, **library("2.0")}
    text = "import csock, dialkit, sys" + LOOK + "print(adapted(), sys.argv)"
    (folder / "app.py").write_text(text)
    for option, outcome in [("--adapt", True), ("--adapt=urllib3", True), ("--adapt=redis", False)]:
        done = run(sys.executable, "-m", "csock", option, "app.py", "--adapt", env=env)
        assert (done.stdout, done.stderr) == (f"{outcome} ['app.py', '--adapt']\n", "")
    done = run(sys.executable, "-m", "csock", "--adapt=other", "app.py", env=env)
    assert done.returncode == 2 and "; not 'other'" in done.stderr
