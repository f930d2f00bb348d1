"""How many system calls the usual operations make, counted by strace between two marks: with data
ready one for each recv and each send, also with a timeout set, and none besides."""

import collections
import re

import pytest
import testkit

pytestmark = pytest.mark.skipif(bool(testkit.why_no_strace()), reason=str(testkit.why_no_strace()))

ROUNDS = 300

PROGRAM = """
import os, sys
impl = __import__(sys.argv[1])
timeout = eval(sys.argv[2])
rounds = int(sys.argv[3])
{setup}
def work():
    for _ in range(rounds):
        {body}
work()
os.write(2, b"MARK")
work()
os.write(2, b"MARK")
"""

SETUP = {
    "unix": "a, b = impl.socketpair()",
    "tcp": """
server = impl.create_server(("127.0.0.1", 0))
a = impl.create_connection(server.getsockname())
b, _ = server.accept()
""",
    "udp": """
a, b = (impl.socket(impl.AF_INET, impl.SOCK_DGRAM) for _ in range(2))
b.bind(("127.0.0.1", 0))
a.bind(("127.0.0.1", 0))
address = b.getsockname()
a.connect(address)
""",
}
SET_TIMEOUT = "\nfor s in (a, b): s.settimeout(timeout)\nbuffer = bytearray(100)"


def count(impl, tmp_path, kind, body, timeout=None):
    """A Counter of the system calls in ROUNDS rounds of body."""
    log = tmp_path / "strace.txt"
    program = PROGRAM.format(setup=SETUP[kind] + SET_TIMEOUT, body=body)
    testkit.run_python(
        program, impl.__name__, timeout, ROUNDS, prefix=("strace", "-qq", "-o", str(log))
    )
    between = log.read_text().split('"MARK"')[1]
    return collections.Counter(re.findall(r"^(\w+)\(", between, re.MULTILINE)[:-1])


def transfers(calls):
    """How many receive, and how many send. On i386 libc has recv and send, too: ways
    into socketcall(2)."""
    received = calls["recvfrom"] + calls["recvmsg"] + calls["recv"]
    return received, calls["sendto"] + calls["sendmsg"] + calls["send"]


EXCHANGES = {
    "send-recv": "a.send(b'x'); b.recv(100)",
    "sendall-recv_into": "a.sendall(b'x'); b.recv_into(buffer)",
    "send-recvfrom": "a.send(b'x'); b.recvfrom(100)",
    "send-recvfrom_into": "a.send(b'x'); b.recvfrom_into(buffer)",
    "send-large-recv": "a.send(b'x'); b.recv(1 << 20)",
}


@pytest.mark.parametrize("timeout", [None, 5, 0])
@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_one_call_for_each_recv_and_send(csock, tmp_path, kind, exchange, timeout):
    calls = count(csock, tmp_path, kind, EXCHANGES[exchange], timeout)
    assert transfers(calls) == (ROUNDS, ROUNDS), calls
    others = calls.total() - 2 * ROUNDS
    assert others <= ROUNDS // 20, calls  # the interpreter's memory, at times


@pytest.mark.parametrize("timeout", [None, 5])
@pytest.mark.parametrize("host", ["address", "('127.0.0.1', address[1])"])
def test_one_call_for_each_sendto_and_recvfrom(csock, tmp_path, host, timeout):
    calls = count(csock, tmp_path, "udp", f"a.sendto(b'x', {host}); b.recvfrom(100)", timeout)
    assert transfers(calls) == (ROUNDS, ROUNDS), calls
    assert calls.total() <= ROUNDS * 2 + ROUNDS // 20, calls


def test_a_timeout_costs_stock_one_call_more(tmp_path):
    """That the count can tell the difference."""
    import socket

    calls = count(socket, tmp_path, "unix", EXCHANGES["send-recv"], 5)
    assert calls["poll"] == 2 * ROUNDS, calls


def test_a_huge_buffer_costs_no_mapping(csock, tmp_path):
    body = "a.send(b'x'); b.recv(1 << 20); a.send(b'x'); b.recvfrom(1 << 20)"
    calls = count(csock, tmp_path, "unix", body)
    assert calls["mmap"] + calls["munmap"] + calls["mremap"] + calls["brk"] < ROUNDS // 20, calls


FREE = {
    "htonl": "impl.htonl(1)",
    "fileno": "a.fileno()",
    "timeout": "a.gettimeout()",
    "family": "a.family",
    "literal": "impl.gethostbyname('127.0.0.1')",
    "inet_pton": "impl.inet_pton(impl.AF_INET6, '::1')",
    "recv-0": "a.recv(0)",
}


@pytest.mark.parametrize("body", FREE.values(), ids=FREE)
def test_no_call_at_all(csock, tmp_path, body):
    assert count(csock, tmp_path, "unix", body).total() <= ROUNDS // 20


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_is_alive_makes_one_call(csock, tmp_path, kind):
    calls = count(csock, tmp_path, kind, "impl.is_alive(a)", 5)
    assert sum(calls.values()) == ROUNDS and {"poll", "ppoll"} >= set(calls), calls


@pytest.mark.parametrize("timeout", [None, 5])
def test_makefile_reads_a_buffer_full_with_one_call(csock, tmp_path, timeout):
    body = "f.write(b'line\\n' * 10); f.flush(); [g.readline() for _ in range(10)]"
    files = "\nf, g = a.makefile('wb'), b.makefile('rb')\nfor s in (a, b): s.settimeout(timeout)"
    SETUP["files"] = SETUP["unix"] + files
    calls = count(csock, tmp_path, "files", body, timeout)
    assert transfers(calls) == (ROUNDS, ROUNDS), calls
    assert calls.total() <= ROUNDS * 2 + ROUNDS // 20, calls


def test_nothing_is_sent_with_a_flag_that_nobody_asked_for(csock, tmp_path):
    """Such as MSG_NOSIGNAL, which some families reject. MSG_DONTWAIT is how a blocking socket is
    tried without waiting."""
    log = tmp_path / "strace.txt"
    program = PROGRAM.format(setup=SETUP["unix"] + SET_TIMEOUT, body="a.send(b'x'); b.recv(1)")
    testkit.run_python(program, "csock", None, 10, prefix=("strace", "-qq", "-o", str(log)))
    sends = [line for line in log.read_text().splitlines() if line.startswith("send")]
    assert len(sends) == 20
    assert not any("MSG_NOSIGNAL" in line for line in sends)


# ------------------------------------------------- calls that may take long

STANDSTILL = """
import mmap, os, sys, threading, time
impl = __import__("csock.dropin").dropin
stop, ticks = [], [0]

def tick():
    while not stop:
        time.sleep(0.001)
        ticks[0] += 1

def measure(call, *args):
    start, before = time.monotonic(), ticks[0]
    call(*args)
    print(time.monotonic() - start, ticks[0] - before)

folder = sys.argv[1]
a, b = impl.socketpair()
path = folder + "/there"
there = impl.socket(impl.AF_UNIX, impl.SOCK_DGRAM)
there.bind(path)
to_path = impl.socket(impl.AF_UNIX, impl.SOCK_DGRAM)
file = open(folder + "/file", "w+b")
file.truncate(4096)
view = memoryview(mmap.mmap(file.fileno(), 4096))
thread = threading.Thread(target=tick)
thread.start()
{body}
stop.append(True)
"""

MAY_TAKE_LONG = {
    "sendto a path": "measure(to_path.sendto, b'x', path)",
    "sendmsg to a path": "measure(to_path.sendmsg, [b'x'], [], 0, path)",
    "send a mapped file": "measure(a.send, view)",
    "sendall a mapped file": "measure(a.sendall, view)",
    "sendmsg a mapped file": "measure(a.sendmsg, [b'x', view])",
    "write a mapped file": "measure(a.makefile('wb', 0).write, view)",
    "recv_into a mapped file": "a.send(b'x'); measure(b.recv_into, view)",
    "recvmsg_into a mapped file": "a.send(b'x'); measure(b.recvmsg_into, [view])",
    "readinto a mapped file": "a.send(b'x'); measure(b.makefile('rb', 0).readinto, view)",
    "much, after a count of it": """
a.setsockopt(impl.SOL_SOCKET, impl.SO_SNDBUF, 1 << 20)
a.send(bytes(100_000))
assert len(b.recv(1 << 20)) == 100_000
a.send(bytes(100_004))
assert b.recv(4) == bytes(4)
measure(b.recv, 1 << 20)
""",
}


@pytest.mark.parametrize("what", MAY_TAKE_LONG)
def test_others_run_while_a_call_may_take_long(tmp_path, what):
    """Paths on file systems, memory that comes from files, and much data are no matter of a
    moment: such calls, made long here, let other threads go on. One that does not stops them all:
    at most one can slip in before it, and one behind it."""
    delay = "inject=sendto,sendmsg,recvfrom,recvmsg,?send,?recv:delay_enter=600000"
    program = STANDSTILL.format(body=MAY_TAKE_LONG[what])
    prefix = ("strace", "-qq", "-f", "-e", delay, "-o", str(tmp_path / "strace.txt"))
    result = testkit.run_python(program, str(tmp_path), prefix=prefix)
    took, ticks = map(float, result.stdout.split())
    assert took >= 0.6
    assert ticks >= 5


@pytest.mark.parametrize(
    ("call", "in_main", "in_thread"),
    [
        ("impl.getnameinfo(('127.0.0.1', 80), 0)", 1, 0),
        ("impl.getaddrinfo('localhost', 80)", 0, 0),
        ("impl.getaddrinfo('127.1', 'http')", 0, 0),
        ("impl.getnameinfo(('127.0.0.1', 80), impl.NI_NUMERICHOST)", 0, 0),
        ("impl.socket(type=impl.SOCK_DGRAM).connect(('no..name', 9))", 1, 1),
        ("impl.socket(type=impl.SOCK_DGRAM).connect(('127.1', 9))", 0, 0),
    ],
)
def test_threads_that_look_ups_take(tmp_path, call, in_main, in_thread):
    """One where there is something to end the waiting, a signal or close(), and a name."""
    program = f"""
import sys, threading
import csock as impl
def work():
    for _ in range(10):
        try: {call}
        except impl.gaierror: pass
if sys.argv[1] == "main":
    work()
else:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
"""
    if testkit.PLAIN_PYTHON:  # which thread hears signals is not known there
        in_thread = in_main
    for where, expected in ("main", 10 * in_main), ("thread", 10 * in_thread + 1):
        log = tmp_path / where
        testkit.run_python(
            program, where, prefix=("strace", "-f", "-qq", "-e", "clone,clone3", "-o", str(log))
        )
        assert len(re.findall(r"\bclone3?\(", log.read_text())) == expected
