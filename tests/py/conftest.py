"""Fixtures of the Python tests: the two modules under test, a watchdog, cleared process state."""

import faulthandler
import importlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import childkit
import pytest
import testkit
import tlskit

WATCHDOG_SECONDS = 140  # less than run_tests.py gives a file, also under sanitizers


def pytest_configure(config):
    # Output is captured while tests run; a copy of the real stderr is what the watchdog writes to.
    config.watchdog_file = os.fdopen(os.dup(2), "w")
    # Programs under test run in folders of their own.
    if "PYTHONPATH" in os.environ:
        path = os.environ["PYTHONPATH"].split(os.pathsep)
        os.environ["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, path))
    # A shell ignores it for what it starts in the background, and programs under test inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def watchdog(request):
    """A test that hangs ends the run with the stacks of all threads, instead of blocking it. A
    module whose tests compile says how long they may take."""
    seconds = getattr(request.module, "WATCHDOG_SECONDS", WATCHDOG_SECONDS)
    faulthandler.dump_traceback_later(
        seconds * testkit.SLOWNESS, exit=True, file=request.config.watchdog_file
    )
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(params=["socket", "csock"])
def impl(request):
    """Each test that takes it runs on the standard library's module and on ours."""
    return importlib.import_module(request.param)


@pytest.fixture
def csock():
    """For what only ours promises."""
    return importlib.import_module("csock")


@pytest.fixture
def tls(certificate):
    """tls(body): what a program over TLS prints, with csock in place; tls(body, "stock")."""
    return lambda body, side="csock", *args, **options: tlskit.run(
        body, side, certificate, *args, **options
    )


@pytest.fixture
def same(tls):
    """The body prints on csock what it prints on stock."""

    def compare(body, *args):
        lines = tls(body, "csock", *args)
        assert lines == tls(body, "stock", *args)
        return lines

    return compare


@pytest.fixture
def env():
    """The environment of programs: csock can be imported, nothing else of ours is set."""
    return childkit.environment()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of the test's own, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def inet(impl):
    """A socket that nothing has been done with."""
    with impl.socket(impl.AF_INET, impl.SOCK_DGRAM) as s:
        yield s


@pytest.fixture
def pair(csock):
    """Two connected streams."""
    a, b = csock.socketpair()
    with a, b:
        yield a, b


@pytest.fixture
def no_deadline_is_left(csock):
    yield
    assert csock.current_deadline() is None


@pytest.fixture
def no_descriptor_is_left():
    """None is open after the test that was not before; what threads close may take a while."""
    before = testkit.descriptors()
    yield
    testkit.wait_for(lambda: testkit.descriptors() <= before)


@pytest.fixture
def unix_dir():
    """A directory short enough that socket paths in it fit into 107 bytes."""
    path = tempfile.mkdtemp(prefix="cs", dir="/tmp")
    yield pathlib.Path(path)
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A file with a certificate for localhost that signs itself, and its key."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    key = path.with_suffix(".key")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 2".split()
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", path]
    subprocess.run(command, check=True, capture_output=True)
    path.write_text(path.read_text() + key.read_text())
    return path


@pytest.fixture
def on_alarm():
    """on_alarm(handler, after, every=0) runs handler in the main thread at SIGALRM; on_alarm.stop()
    ends that, where the handler needs what the test is about to close."""
    before = signal.getsignal(signal.SIGALRM)

    def start(handler, after, every=0.0):
        def run(signum, frame):
            try:
                handler()
            except BaseException:
                stop()  # a second one would hit pytest, on its way to report the first
                raise

        signal.signal(signal.SIGALRM, run)
        signal.setitimer(signal.ITIMER_REAL, after, every)

    def stop():
        signal.setitimer(signal.ITIMER_REAL, 0)

    start.stop = stop
    yield start
    stop()
    signal.signal(signal.SIGALRM, before)
