"""recv_into and recvfrom_into, and the keywords of these and of others."""

import array

import pytest
import testkit


@pytest.mark.parametrize("make", [bytearray, lambda n: array.array("B", bytes(n))])
def test_recv_into(impl, make):
    a, b = impl.socketpair()
    with a, b:
        buffer = make(10)
        a.send(b"hello")
        assert b.recv_into(buffer) == 5
        assert bytes(buffer) == b"hello" + bytes(5)
        a.send(b"world")
        assert b.recv_into(memoryview(buffer)[5:], 3) == 3
        assert bytes(buffer) == b"hellowor" + bytes(2)
        assert b.recv_into(buffer, 1, impl.MSG_PEEK) == 1
        assert b.recv(10) == b"ld"


def test_recvfrom_into(impl):
    a, b = testkit.udp_pair(impl)
    with a, b:
        buffer = bytearray(10)
        a.send(b"hello")
        assert b.recvfrom_into(buffer, 3, impl.MSG_PEEK) == (3, a.getsockname())
        assert b.recvfrom_into(buffer) == (5, a.getsockname())
        assert buffer == b"hello" + bytes(5)


def test_keyword_arguments(impl):
    a, b = impl.socketpair(family=impl.AF_UNIX, type=impl.SOCK_STREAM, proto=0)
    with a, b:
        buffer = bytearray(10)
        a.sendall(b"abcdef")
        assert b.recv_into(buffer, nbytes=2, flags=0) == 2
        assert b.recvfrom_into(buffer, nbytes=2)[0] == 2
        assert b.recv_into(buffer=buffer) == 2
    with impl.socket(family=impl.AF_INET, type=impl.SOCK_DGRAM, proto=0, fileno=None) as s:
        assert s.type == impl.SOCK_DGRAM
        with s.makefile(mode="rb", buffering=0) as f:
            assert f.readable()
