"""For tests of csock.capture() and CSOCK_PCAP: what the real tshark reads in a file."""

import os
import shutil
import subprocess

import pytest

TSHARK = shutil.which("tshark")
with_tshark = pytest.mark.skipif(TSHARK is None, reason="there is no tshark (Debian: tshark)")
# What it would find fault with, checksums included where they are whole.
FAULTS = "_ws.malformed || tcp.analysis.flags || _ws.expert.severity >= 6291456"


def tshark(path, *words):
    # Nobody's own settings.
    env = {**os.environ, "HOME": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent", "LC_ALL": "C"}
    done = subprocess.run(
        [TSHARK, "-n", "-r", path, *words], capture_output=True, text=True, env=env, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "damaged" not in done.stderr and "cut short" not in done.stderr
    return done.stdout


# Data is not taken for what is usual at some port.
AS_DATA = "-d", "tcp.port==1-65535,data"


def faults(path, *words):
    return tshark(path, *(words or AS_DATA), "-Y", FAULTS)


def fields(path, *names, where="", words=()):
    """A list for each packet. Flags are "1" and "0", as tshark had them before 4.2."""
    options = [word for name in names for word in ("-e", name)]
    lines = tshark(path, *words, "-T", "fields", *options, *(["-Y", where] if where else []))
    flags = {"True": "1", "False": "0"}
    return [[flags.get(word, word) for word in line.split("\t")] for line in lines.splitlines()]


def followed(path, number=0):
    """What both sides of a connection have said: (the one that began it, the other)."""
    sides = [], []
    text = tshark(path, "-q", "-z", f"follow,tcp,raw,{number}")
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("Node 1")) + 1
    for line in lines[start:]:
        if line.startswith("="):
            break
        sides[line.startswith("\t")].append(bytes.fromhex(line.strip()))
    return b"".join(sides[0]), b"".join(sides[1])


def echo(sock, n):
    """The other end of a captured socket: n bytes, in pieces that are its own."""
    while n > 0:
        data = sock.recv(65536)
        sock.sendall(data)
        n -= len(data)
