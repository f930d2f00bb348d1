"""Addresses on the loopback that answer, that do not, and that refuse, for the tests of dial and of
create_connection. A listener whose backlog is full is a black hole: the kernel drops what comes."""

import contextlib
import os
import select
import subprocess
import sys
import textwrap

import pytest
import testkit

import csock

ANSWERING = "127.9.0.3"  # libc puts what shares less with our own address behind the others
PATH = os.pathsep.join(filter(None, sys.path))  # for programs


@contextlib.contextmanager
def network(silent=1, answering=True):
    """(port, list of addresses): so many silent ones, then one that answers."""
    held = []
    try:
        with csock.create_server((ANSWERING, 0)) as server:
            port = server.getsockname()[1]
            addresses = []
            for number in range(silent):
                host = f"127.0.1.{number + 1}"
                held += fill(host, port)
                addresses.append((host, port))
            if answering:
                addresses.append((ANSWERING, port))
            yield port, addresses
    finally:
        for s in held:
            s.close()


def fill(host, port):
    """Sockets that keep (host, port) silent while they are open."""
    held = [csock.create_server((host, port), backlog=0)]
    while True:
        s = csock.socket()
        s.setblocking(False)
        s.connect_ex((host, port))
        held.append(s)
        if not select.select([], [s], [], 0.2)[1]:
            return held


def answers(addresses):
    return lambda host, port, family, kind: addresses


def refusing(host="127.0.0.4"):
    with csock.create_server((host, 0)) as server:
        return server.getsockname()


def failing(*args, **options):
    """What dial() raises."""
    with pytest.raises(OSError) as caught:
        csock.dial(*args, **options)
    return caught.value


def program(text, env=None, prefix=()):
    """What the program prints, with csock in the place of socket."""
    text = "import csock\ncsock.install()\n" + textwrap.dedent(text)
    done = subprocess.run(
        [*prefix, sys.executable, "-X", "dev", "-c", text],
        capture_output=True,
        text=True,
        timeout=60 * testkit.SLOWNESS,
        env={**os.environ, "PYTHONPATH": PATH, **(env or {})},
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.splitlines()
