"""TLS in csock: how many system calls a read and a write make, counted by strace between two marks.
OpenSSL reads a record's head and the rest of it, and writes a record at once."""

import collections
import re

import pytest
import testkit

pytestmark = pytest.mark.skipif(bool(testkit.why_no_strace()), reason=str(testkit.why_no_strace()))

ROUNDS = 200
TIMEOUTS = pytest.mark.parametrize("timeout", ["None", "5", "0"])

READY = """
tls, peer = pair()
room = bytearray(20_000)
for side in tls, peer:
    side.settimeout(eval(sys.argv[3]))
def work():
    for _ in range(int(sys.argv[4])):
        tls.sendall(room[:int(sys.argv[5])])
        peer.recv_into(room)
work()
os.write(2, b"MARK")
work()
os.write(2, b"MARK")
"""

WAITING = """
tls, peer = pair(eval(sys.argv[3]))
rounds = int(sys.argv[4])
def answer():
    for _ in range(rounds + 20):
        time.sleep(0.005)
        peer.sendall(b"x")
answering = Call(answer)
for _ in range(20):
    tls.recv(10)
os.write(2, b"MARK")
for _ in range(rounds):
    tls.recv(10)
os.write(2, b"MARK")
"""


def count(tls, tmp_path, body, *args):
    log = tmp_path / "strace.txt"
    prefix = "strace", "-qq", "-o", log
    tls(body, "csock", *args, prefix=prefix, stderr="MARKMARK")
    between = log.read_text().split('"MARK"')[1]
    return collections.Counter(re.findall(r"^(\w+)\(", between, re.MULTILINE)[:-1])


@TIMEOUTS
@pytest.mark.parametrize("size", [64, 16_000])
def test_ready_reads_and_writes(tls, tmp_path, size, timeout):
    calls = count(tls, tmp_path, READY, timeout, ROUNDS, size)
    assert (calls["read"], calls["write"]) == (2 * ROUNDS, ROUNDS), calls
    # Looks at the signal mask come every 10 ms, as often as a busy machine has it.
    known = "read", "write", "rt_sigaction", "rt_sigprocmask"
    others = calls.total() - sum(calls[name] for name in known)
    assert others <= ROUNDS // 10, calls  # the interpreter's memory


@pytest.mark.parametrize("timeout", ["None", "20"])
def test_read_that_waits(tls, tmp_path, timeout):
    calls = count(tls, tmp_path, WAITING, timeout, ROUNDS)
    assert calls["read"] <= 3 * ROUNDS, calls
    assert calls["poll"] <= ROUNDS * 1.05, calls  # a signal may have come
    assert calls["fcntl"] + calls["ioctl"] <= ROUNDS // 10, calls
