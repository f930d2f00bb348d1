"""csock.capture() of datagrams: each is one, with the addresses that it had."""

import os
import socket as stock

import pytest
import testkit
from capturekit import FAULTS, fields, tshark, with_tshark

import csock

pytestmark = with_tshark
WORDS = "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "a.pcapng")


def datagrams(path, v6=False):
    """Sender, receiver, bytes."""
    ip = "ipv6" if v6 else "ip"
    names = f"{ip}.src", "udp.srcport", f"{ip}.dst", "udp.dstport", "data.data", "udp.length"
    words = *WORDS, "--disable-protocol", "dns"
    assert tshark(path, *words, "-Y", FAULTS) == ""
    rows = fields(path, *names, words=words)
    return [((a, int(b)), (c, int(d)), bytes.fromhex(e), int(f) - 8) for a, b, c, d, e, f in rows]


@pytest.mark.parametrize("family", [stock.AF_INET, stock.AF_INET6])
def test_addresses(path, family):
    if family == stock.AF_INET6 and not testkit.has_ipv6():
        pytest.skip("no IPv6")
    host = testkit.loopback(csock, family), 0
    with csock.socket(family, stock.SOCK_DGRAM) as a, csock.socket(family, stock.SOCK_DGRAM) as b:
        a.bind(host)
        b.bind(host)
        own, peer = a.getsockname()[:2], b.getsockname()[:2]
        with csock.capture(a, path):
            a.sendto(b"sendto", b.getsockname())
            b.sendto(b"recvfrom", a.getsockname())
            a.recvfrom(100)
            b.sendto(b"recvmsg", a.getsockname())
            a.recvmsg(100)
            a.sendmsg([b"send", b"msg"], [], 0, b.getsockname())
            b.sendto(b"recvfrom_into", a.getsockname())
            assert a.recv(100, stock.MSG_PEEK) == b"recvfrom_into"
            a.recvfrom_into(bytearray(100))
            a.connect(b.getsockname())
            a.send(b"connected")
            b.sendto(b"", a.getsockname())
            assert a.recv(100) == b""
            b.sendto(b"cut short", a.getsockname())
            assert a.recv(3) == b"cut"
    said = [(b"sendto", True), (b"recvfrom", False), (b"recvmsg", False), (b"sendmsg", True),
            (b"recvfrom_into", False), (b"connected", True), (b"", False), (b"cut", False)]
    expected = [(*((own, peer) if out else (peer, own)), data, len(data)) for data, out in said]
    assert datagrams(path, family == stock.AF_INET6) == expected


def test_ipv4_over_a_socket_of_ipv6(path):
    if not testkit.has_ipv6():
        pytest.skip("no IPv6")
    with csock.socket(stock.AF_INET6, stock.SOCK_DGRAM) as a, testkit.udp_pair(csock)[0] as b:
        a.setsockopt(stock.IPPROTO_IPV6, stock.IPV6_V6ONLY, 0)
        with csock.capture(a, path):
            a.sendto(b"hello", ("::ffff:127.0.0.1", b.getsockname()[1]))
        port = a.getsockname()[1]
        to = b.getsockname()
    assert datagrams(path) == [(("0.0.0.0", port), to, b"hello", 5)]


def test_of_any_size(path):
    a, b = testkit.udp_pair(csock)
    with a, b, csock.capture(a, path):
        for n in (0, 1, 1472, 9000, 65507):
            a.sendto(b"x" * n, b.getsockname())
            b.recv(65507)
    assert [len(data) for _, _, data, _ in datagrams(path)] == [0, 1, 1472, 9000, 65507]


def test_errors_are_none(path):
    with csock.socket(stock.AF_INET, stock.SOCK_DGRAM) as a:
        with csock.capture(a, path):
            a.settimeout(0)
            with pytest.raises(BlockingIOError):
                a.recv(1)
            with pytest.raises(OSError):
                a.sendto(b"x" * 70_000, ("127.0.0.1", 9))
    assert datagrams(path) == []


def test_unix(path, tmp_path):
    names = [str(tmp_path / name) for name in "ab"]
    socks = [csock.socket(stock.AF_UNIX, stock.SOCK_DGRAM) for _ in names]
    for sock, name in zip(socks, names, strict=True):
        sock.bind(name)
    a, b = socks
    with a, b, csock.capture(a, path):
        a.sendto(b"out", names[1])
        b.sendto(b"in", names[0])
        a.recvfrom(100)
        a.setsockopt(stock.SOL_SOCKET, stock.SO_SNDBUF, 300_000)
        a.sendto(b"x" * 100_000, names[1])
    assert [(size, *row[:2]) for *row, _, size in datagrams(path)] == [
        (3, ("127.0.0.1", 32768), ("127.0.0.2", 61000)),
        (2, ("127.0.0.2", 61000), ("127.0.0.1", 32768)),
        (65507, ("127.0.0.1", 32768), ("127.0.0.2", 61000)),
    ]
    comments = [row[0] for row in fields(path, "frame.comment")]
    assert comments[0].startswith(f"process {os.getpid()}, ")
    assert comments[0].endswith(f", own {names[0]}, to {names[1]}")
    assert comments[1].endswith(f", from {names[1]}")
    assert comments[2].startswith("a datagram of 100000 bytes: ")
