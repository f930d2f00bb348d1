"""`csock ps` of processes whose memory lies: it ends, in time, and prints no control characters
(which pskit.ps looks for)."""

import pathlib
import random
import struct
import time

import pskit
import pytest
import testkit

from csock import _ps_memory, _ps_process, _ps_text

pytestmark = pskit.on_a_real_machine

HERE = pathlib.Path(__file__).parent


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    return pskit.compiled(HERE / "ps_hostile.c", tmp_path_factory.mktemp("ps") / "hostile")


LATE = "csock: process {}: its memory cannot be read in time\n"


def looked_at(hostile, way):
    """The process, and the command's outcome, in text and in JSON."""
    with pskit.running([hostile, way]) as child:
        if child.stdout.readline() != "ready\n":
            pytest.skip("no userfaultfd(2) here")
        return child.pid, pskit.ps(child.pid), pskit.ps("--json", child.pid)


WAYS = {"cycle": 2, "endless": None, "wild": 0, "lies": 59, "sizes": None, "torn": 0, "stale": 0,
        "honest": 0}  # fmt: skip


@pytest.mark.parametrize("way, rows", WAYS.items(), ids=WAYS)
def test_lies(hostile, way, rows):
    start = time.monotonic()
    pid, done, as_json = looked_at(hostile, way)
    assert time.monotonic() - start < 30 * testkit.SLOWNESS
    assert done.returncode in (0, 2) and as_json.returncode in (0, 2)
    if way == "endless":  # as many as it reads of a process may take too long on a busy machine
        for outcome in done, as_json:
            assert (outcome.returncode == 2) == (outcome.stderr == LATE.format(pid))
    else:
        assert as_json.returncode == done.returncode
    if rows is not None:
        assert as_json.stdout.count('"thread"') == rows
    if way == "lies":
        assert "/tmp/\\x1b[2J" in done.stdout and "csock \\x1b[2J" in done.stdout
        assert "look-up" in done.stdout and "no socket" in done.stdout


WIPED = """
import csock, ctypes, json, os
a, b = csock.socketpair()
magic = b"csock's threads\\0"
for line in open("/proc/self/maps"):
    words = line.split()
    if "csock" in words[-1] and words[1] == "rw-p":
        start, end = (int(word, 16) for word in words[0].split("-"))
        at = ctypes.string_at(start, end - start).find(magic)
        if at >= 0:
            ctypes.memset(start + at, 0, len(magic))
print(json.dumps(os.getpid()), flush=True)
a.recv(1)
"""

HONEST = """
import csock, json, os
a, b = csock.socketpair()
print(json.dumps(os.getpid()), flush=True)
a.recv(1)
"""


@pytest.mark.skipif(testkit.SANITISED, reason="what is wiped is what a sanitizer watches")
def test_who_hides_hides_nobody_else():
    """A file is not known to be without csock because one process has wiped its copy."""
    with pskit.program(WIPED) as (_, hidden), pskit.program(HONEST) as (_, pid):
        pskit.rows_until(lambda rows: rows.get(pid), pid)
        done = pskit.ps(hidden, pid)
    assert done.stderr.startswith(f"csock: process {hidden} has no csock")
    assert done.stdout.count(" recv ") == 1


def test_another_layout_is_told(hostile):
    pid, done, _ = looked_at(hostile, "other")
    assert done.returncode == 2
    assert done.stderr.startswith(f"csock: process {pid} has csock 9.8\\x1b[2J")
    assert "(layout 7)" in done.stderr and "(layout 1)" in done.stderr


def test_memory_that_is_never_there(hostile):
    start = time.monotonic()
    pid, done, _ = looked_at(hostile, "unanswered")
    assert time.monotonic() - start < 30 * testkit.SLOWNESS
    # By how the kernel reads.
    assert (done.returncode, done.stderr) in ((0, ""), (2, LATE.format(pid)))


class Garbage:
    """Memory of any content at any address."""

    def __init__(self, chance, head):
        self.chance = chance
        self.kept = {4096: head}

    def read(self, address, n):
        if (address != 4096 and self.chance.random() < 0.05) or not 0 < address < 1 << 64:
            raise _ps_memory.Unreadable
        if address not in self.kept:
            few = (0, 1, 2, 255) if self.chance.random() < 0.5 else range(256)
            data = bytes(self.chance.choice(few) for _ in range(n))
            if n == 4:  # the generation
                data = b"\1\0\0\0"
            elif n > 200:  # a record of it, which is not being written
                data = data[:8] + b"\1\0\0\0" + data[12:48] + b"\2" + data[49:]
            self.kept[address] = data
        return self.kept[address][:n]


def test_memory_of_any_content():
    chance = random.Random(16)
    found = 0
    for _ in range(300):
        name, places = chance.randbytes(24), (chance.randrange(1, 1 << 64) for _ in range(2))
        head = struct.pack("=16sHBBHH24sIIQQ", _ps_memory.MAGIC, 1, 8, 4, 48, 48, name, 0, 0,
                           *places)  # fmt: skip
        memory = Garbage(chance, head)
        for wait in _ps_memory.waits(_ps_memory.Head(memory, 4096), memory):
            row = _ps_process.Row(wait, 1, "name")
            process = _ps_process.Process(1)
            process.rows = [row]
            assert all(line.isprintable() for line in _ps_text.lines([process], 10**12))
            assert _ps_text.objects([process], 10**12)
            found += 1
    assert found > 50
    for _ in range(1000):
        data = chance.randbytes(chance.randrange(40))
        text = _ps_text.about(of_bytes(data, chance.choice((5, 13))))
        assert text is None or _ps_text.plain(text).isprintable()


def of_bytes(about, what):
    wait = _ps_memory.Wait(1, (0, 1, what, len(about), 0, 0, 1, 0))
    wait.about = about
    return wait
