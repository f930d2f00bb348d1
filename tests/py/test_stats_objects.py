"""csock.stats(): whose the numbers are, through dup(), close(), fork() and an object's end; those
of all sockets; and over TLS."""

import gc

import childkit
import pytest
import testkit
from statskit import moved, with_counters

import csock


@with_counters
def test_the_numbers_are_the_objects(pair):
    a, b = pair
    a.send(b"12345")
    b.recv(9)
    with b.dup() as copy:
        assert moved(copy) == (0, 0, 0, 0)
        a.send(b"1")
        copy.recv(9)
        assert moved(copy) == (1, 1, 0, 0)
    b.close()
    assert moved(b) == (5, 1, 0, 0)
    fd = a.detach()
    assert moved(a) == (0, 0, 6, 2)
    with csock.socket(fileno=fd) as again:
        assert moved(again) == (0, 0, 0, 0)


@with_counters
def test_an_object_with_a_new_socket_begins_anew(pair):
    a, b = pair
    before = csock.stats()
    a.send(b"12345")
    b.recv(9)
    since = csock.stats(b).since
    for _ in "open", "closed":
        b.__init__(csock.AF_INET, csock.SOCK_DGRAM)
        assert moved(b) == (0, 0, 0, 0) and csock.stats(b).since > since
        b.close()
    b.__init__()
    assert csock.stats().bytes_received - before.bytes_received == 5


@with_counters
def test_subclasses_and_objects_without_a_socket():
    class Own(csock.socket):
        def recv(self, n):
            return super().recv(n).upper()

    a, b = csock.socketpair()
    with a, b, Own(fileno=b.detach()) as own:
        a.send(b"x")
        assert own.recv(1) == b"X" and moved(own) == (1, 1, 0, 0)
    assert csock.stats(csock.socket.__new__(csock.socket)) == (0, 0, 0, 0, 0, 0.0, 0.0)


@with_counters
def test_all_sockets():
    gc.collect()
    before = csock.stats()
    for n in range(1, 4):  # each pair is closed and freed before the next
        a, b = csock.socketpair()
        with a, b:
            a.sendall(bytes(n))
            b.recv(n)
            grown = [now - then for now, then in zip(csock.stats(), before, strict=True)]
            assert grown[:4] == [n * (n + 1) / 2, n * (n + 1) / 2, n, n]
    del a, b
    grown = [now - then for now, then in zip(csock.stats(), before, strict=True)]
    assert grown[:5] == [6, 6, 3, 3, 0] and csock.stats().since == before.since


@with_counters
def test_many_that_come_and_go():
    """Objects leave the middle, the beginning and the end of the list of them."""
    before = csock.stats()
    socks = [csock.socketpair() for _ in range(50)]
    for a, b in socks:
        a.send(b"x")
        b.recv(1)
    for step in 3, 2, 1:
        for a, b in socks[::step]:
            a.close()
            b.close()
        del socks[::step], a, b
        gc.collect()
        assert csock.stats().receives - before.receives == 50


@with_counters
def test_threads():
    """No count is lost, whoever else counts on the same socket, or makes and frees others."""
    a, b = csock.socketpair()
    threads, calls = 4, 2000
    before = csock.stats()

    def work():
        for _ in range(calls):
            a.send(b"x")
            b.recv(1)
            csock.socket().close()
            csock.stats()

    with a, b:
        jobs = [testkit.Job(work) for _ in range(threads)]
        for job in jobs:
            job.result()
        assert moved(a) == (0, 0, threads * calls, threads * calls)
        assert moved(b) == (threads * calls, threads * calls, 0, 0)
    assert csock.stats().sends - before.sends == threads * calls


FORKED = """
import os, sys, csock
a, b = csock.socketpair()
a.send(b"12345")
b.recv(5)
pid = os.fork()
if pid == 0:
    a.send(b"1")
    ok = csock.stats(a)[:4] == (0, 6, 0, 2) and csock.stats()[:4] == (5, 6, 1, 2)
    del a
    os._exit(csock.stats()[:4] != (5, 6, 1, 2) or not ok)
assert os.waitpid(pid, 0)[1] == 0
assert csock.stats()[:4] == (5, 5, 1, 1)
"""


@with_counters
def test_a_child_goes_on_from_its_parents_numbers(env):
    assert childkit.out(FORKED, env=env) == ""


AT_THE_END = """
import csock, sys
class Keep:
    def __init__(self): self.socks = csock.socketpair()
    def __del__(self):
        a, b = self.socks
        a.send(b"1"); b.recv(1)
        a.close(); b.close()
keep = Keep(); keep.me = keep
sys.keep = Keep(), csock.socket(), csock.stats()
"""


@with_counters
def test_sockets_that_outlive_everything(env):
    assert childkit.out(AT_THE_END, env=env) == ""


@with_counters
def test_tls_counts_what_the_program_sees(tls):
    lines = tls(
        """
        a, b = pair()
        counts = lambda s: csock.stats(s)[:4]
        print(counts(a), counts(b))
        a.sendall(bytes(40000))
        parts = []
        while sum(parts) < 40000:
            parts.append(len(b.recv(10000)))
        print(counts(a), counts(b) == (40000, 0, len(parts), 0))
        b.write(b"12345")
        a.recv_into(bytearray(9))
        print(counts(a), counts(b)[2:])
        waits = csock.stats(a).waits
        asked = Call(a.recv, 1)
        asleep(asked)
        b.send(b"x")
        print(asked.end(), csock.stats(a).waits - waits, csock.stats(a).waited > 0.1)
        ended = Call(b.unwrap)
        a.unwrap()
        ended.end()
        """
    )
    assert lines == [
        "(0, 0, 0, 0) (0, 0, 0, 0)",
        "(0, 40000, 0, 1) True",
        "(5, 40000, 1, 1) (5, 1)",
        "b'x' 1 True",
    ]


@with_counters
def test_interpreters_count_by_themselves(env):
    program = """
import sys, csock
for name in "_interpreters", "_xxsubinterpreters":
    try: interpreters = __import__(name)
    except ImportError: continue
    break
else:
    sys.exit("this Python has no interpreters to make")
a, b = csock.socketpair()
a.send(b"x")
there = interpreters.create()
code = "import csock; assert csock.stats()[:4] == (0, 0, 0, 0), csock.stats()"
failed = interpreters.run_string(there, code)
print(failed or "ok")
"""
    done = childkit.code(program, env=env)
    if "has no interpreters" in done.stderr:
        pytest.skip(done.stderr)
    assert (done.stdout, done.stderr) == ("ok\n", "")
