"""Fixtures of the tests that run in the guest: see ../README.md. Each runs on both modules.

Elsewhere they are skipped: what they need is a kernel with the modules that inside.sh loads, and
there nothing may be missing.
"""

import faulthandler
import importlib
import os

import pytest

WATCHDOG_SECONDS = 120  # everything is emulated
IN_GUEST = "CSOCK_GUEST" in os.environ


def pytest_configure(config):
    config.watchdog_file = os.fdopen(os.dup(2), "w")


@pytest.fixture(autouse=True)
def watchdog(request):
    """A test that hangs ends the run with the stacks of all threads."""
    if not IN_GUEST:
        pytest.skip("made for the guest kernel: make guest")
    faulthandler.dump_traceback_later(
        WATCHDOG_SECONDS, exit=True, file=request.config.watchdog_file
    )
    yield
    faulthandler.cancel_dump_traceback_later()


class Module:
    """A module under test, and its sockets, which are closed when the test is over.

    A constant that the stock module of this Python was built without, skips the test; csock has
    them all."""

    def __init__(self, name):
        self.name = name
        self.module = importlib.import_module(name)
        self.made = []

    def __getattr__(self, name):
        value = getattr(self.module, name, None)
        if value is None and self.name == "socket":
            pytest.skip(f"the stock module of this Python has no {name}")
        if value is None:
            raise AttributeError(f"csock has no {name}")
        return value

    def open(self, family, kind, protocol=0, seconds=30):
        """A socket that gives up after some seconds instead of hanging."""
        made = self.module.socket(family, kind, protocol)
        return self.keep(made, seconds)

    def keep(self, made, seconds=30):
        made.settimeout(seconds)
        self.made.append(made)
        return made


@pytest.fixture(params=["socket", "csock"])
def impl(request):
    module = Module(request.param)
    yield module
    for made in module.made:
        made.close()
