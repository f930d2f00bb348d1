"""Captures in bursts, whose packets are collected: what is in the file, and when, whatever the
program does after one."""

import os
import signal
import socket as stock
import struct
import subprocess
import sys

import childkit
import pytest
import testkit
from capturekit import AS_DATA, echo, faults, fields, followed, with_tshark

import csock

pytestmark = with_tshark
SIZE = 3_000_000

# Much over a captured socket, with the other end in a thread; `a` stays open.
BURST = """
import csock, os, sys, threading, time
a, b = csock.socketpair()
capture = csock.capture(a, sys.argv[1])
csock.a, csock.b = a, b  # nobody frees them

def drain(sock, left):
    while left > 0:
        left -= len(sock.recv(1 << 16))

def daemon(work, *args):
    threading.Thread(target=work, args=args, daemon=True).start()

def burst(size=3_000_000):
    job = threading.Thread(target=drain, args=(b, size))
    job.start()
    for _ in range(size // 50_000):
        a.sendall(b"x" * 50_000)
    job.join()

import warnings
warnings.simplefilter("ignore")
"""


def captured(path):
    assert faults(path) == ""
    return sum(int(row[0]) for row in fields(path, "tcp.len", words=AS_DATA))


@pytest.mark.parametrize("family", [stock.AF_INET, stock.AF_UNIX])
def test_both_ways(tmp_path, family):
    """What is in the file is what went over the socket: by recv, recv_into, and makefile(), whose
    reads are of 8 KiB."""
    sent, back = os.urandom(SIZE), []
    a, b = csock.socketpair() if family == stock.AF_UNIX else testkit.tcp_pair(csock, family)
    with a, b:
        csock.capture(a, tmp_path / "a")

        def receive():
            into = bytearray(65536)
            while sum(map(len, back)) < SIZE // 3:
                back.append(a.recv(8192))
            while sum(map(len, back)) < SIZE * 2 // 3:
                back.append(bytes(into[: a.recv_into(into)]))
            with a.makefile("rb") as file:
                back.append(file.read(SIZE - sum(map(len, back))))

        jobs = [testkit.Job(echo, b, SIZE), testkit.Job(receive)]
        for at in range(0, SIZE, 65536):
            a.sendall(sent[at : at + 65536])
        for job in jobs:
            job.result()
    assert b"".join(back) == sent
    assert faults(tmp_path / "a") == ""
    assert followed(tmp_path / "a") in [(sent, sent)]


@pytest.mark.parametrize("hangs", ["time.sleep(1000)", "b.recv(1)", "threading.Event().wait()"])
def test_a_program_that_hangs_after_one(env, tmp_path, hangs):
    """All is there while it hangs, and so after SIGKILL."""
    path = tmp_path / "a"
    program = BURST + f"burst(); print('now', flush=True); {hangs}\n"
    command = [sys.executable, "-c", program, path]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout.readline() == "now\n"
            testkit.wait_for(lambda: path.stat().st_size > SIZE)
            testkit.wait_for(lambda: captured(path) == SIZE)
        finally:
            child.send_signal(signal.SIGKILL)
    assert captured(path) == SIZE


ENDS = {
    "at its end": "burst()",
    "by sys.exit": "burst(); sys.exit()",
    "with an exception": "burst(); raise SystemExit('')",
    "while a daemon receives": "daemon(a.recv, 9); burst()",
    "while a daemon computes": "daemon(lambda: [1 for _ in iter(int, 1)]); burst()",
}


@pytest.mark.parametrize("end", ENDS)
def test_a_program_that_ends(env, tmp_path, end):
    done = childkit.code(BURST + ENDS[end], tmp_path / "a", env=env)
    assert done.stderr.strip() == ""
    assert captured(tmp_path / "a") == SIZE


def test_what_is_small_is_there_at_once(env, tmp_path):
    """Even where nothing is told of the end."""
    program = BURST + "for _ in range(10): a.sendall(b'y' * 5000)\nos._exit(0)\n"
    childkit.out(program, tmp_path / "a", env=env)
    assert captured(tmp_path / "a") == 50_000


def whole_blocks(data):
    """How many bytes: in the second word each says how long it is."""
    at = 0
    while len(data) - at >= 8:
        (size,) = struct.unpack_from("I", data, at + 4)
        assert size >= 12 and size % 4 == 0
        if at + size > len(data):
            break
        at += size
    return at


def test_killed_in_the_middle(env, tmp_path):
    """The kernel may leave the write that it is in unfinished: then the rest is not there."""
    path = tmp_path / "a"
    program = BURST + "while True: burst()\n"
    with subprocess.Popen([sys.executable, "-c", program, path], env=env) as child:
        testkit.wait_for(lambda: path.exists() and path.stat().st_size > SIZE)
        child.send_signal(signal.SIGKILL)
    data = path.read_bytes()
    whole = whole_blocks(data)
    assert len(data) - whole < 66_000 < SIZE * 9 // 10 < whole
    os.truncate(path, whole)
    assert captured(path) > SIZE * 9 // 10


FORK = """
burst()
if (pid := os.fork()) == 0:
    burst(1_000_000)  # of nobody's file
    if sys.argv[2] == "exit":
        sys.exit()
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
burst()
"""


@pytest.mark.parametrize("end", ["exit", "_exit"])
def test_a_child_writes_nothing_of_it(env, tmp_path, end):
    childkit.out(BURST + FORK, tmp_path / "a", end, env=env)
    assert captured(tmp_path / "a") == 2 * SIZE


@pytest.mark.parametrize("end", ["capture.close()", "a.close()", "del csock.a, a, capture"])
def test_a_child_tells_nothing_of_what_was_collected(env, tmp_path, end):
    """It has a copy of packets that its parent is about to write."""
    program = f"""
burst()
if (pid := os.fork()) == 0:
    {end}
    sys.exit()
assert os.waitpid(pid, 0)[1] == 0
"""
    done = childkit.code(BURST + program, tmp_path / "a", env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert captured(tmp_path / "a") == SIZE


LASTS = ["a.close()", "capture.close()", "a.shutdown(2)", "time.sleep(0.01); a.sendall(b'x')"]


@pytest.mark.parametrize("end", LASTS)
def test_a_full_disk_is_told(env, tmp_path, end):
    path = tmp_path / "a"
    program = BURST + f"""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (250_000, 250_000))
burst(300_000)
{end}
"""
    done = childkit.code(program, path, env=env)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"csock: no more is captured to {path}: File too large\n"
    assert 100_000 <= captured(path) < 250_000
