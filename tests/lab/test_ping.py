"""Raw ICMP sockets (row 3), and ICMP datagram sockets, pinging the host itself."""

import pytest

PING = """\
import struct
def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
def request(kind, number, text):
    whole = struct.pack("!BBHHH", kind, 0, 0, 4711, number) + text
    return whole[:2] + struct.pack("!H", checksum(whole)) + whole[4:]
"""


@pytest.fixture(scope="module")
def host(namespace):
    made = namespace("ping")
    made.sysctl("net.ipv4.ping_group_range=0 2147483647")
    return made


def test_row_3_raw_icmp(host, impl):
    """A raw IPv4 socket sees the IP header, and on this host its own requests as well."""
    seen = host.run(
        impl,
        PING
        + """
s = sock.socket(sock.AF_INET, sock.SOCK_RAW, sock.IPPROTO_ICMP)
s.settimeout(5)
result = []
for number in range(3):
    sent = s.sendto(request(8, number, b"hello raw world!"), ("127.0.0.1", 0))
    while True:
        data, peer = s.recvfrom(2000)
        kind, code, _, ident, got = struct.unpack("!BBHHH", data[20:28])
        if kind == 0:
            break
    result.append([sent, data[0], checksum(data[20:]), ident, got, data[28:].decode(), peer])
""",
    )
    text = "hello raw world!"
    assert seen == [[24, 0x45, 0, 4711, n, text, ["127.0.0.1", 0]] for n in range(3)]


def test_row_3_raw_icmpv6(host, impl):
    """A raw IPv6 socket sees no header; the kernel fills the checksum in (RFC 3542, 3.1)."""
    seen = host.run(
        impl,
        PING
        + """
s = sock.socket(sock.AF_INET6, sock.SOCK_RAW, sock.IPPROTO_ICMPV6)
s.settimeout(5)
s.sendto(request(128, 7, b"hello number six"), ("::1", 0))
while True:
    data, peer = s.recvfrom(2000)
    if data[0] == 129:
        break
result = [data[4:].hex(), peer]
""",
    )
    assert seen == ["12670007" + b"hello number six".hex(), ["::1", 0, 0, 0]]


def test_icmp_datagram_socket(host, impl):
    """An ICMP socket without privileges: the kernel chooses the identifier, the port."""
    seen = host.run(
        impl,
        PING
        + """
s = sock.socket(sock.AF_INET, sock.SOCK_DGRAM, sock.IPPROTO_ICMP)
s.settimeout(5)
s.connect(("127.0.0.1", 0))
s.send(request(8, 9, b"hi"))
data = s.recv(2000)
ident, number = struct.unpack("!HH", data[4:8])
result = [data[0], ident == s.getsockname()[1], number, data[8:].decode()]
""",
    )
    assert seen == [0, True, 9, "hi"]
