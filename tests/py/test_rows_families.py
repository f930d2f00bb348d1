"""Rows 2 to 4, 11, 12 and 17 of the 1998 reference: families, types, constants, and new sockets."""

import fcntl
import os
import pathlib
import re
import socket as stock
import struct
import subprocess
import sys

import pytest
import testkit

needs_ipv6 = pytest.mark.skipif(not testkit.has_ipv6(), reason="no IPv6 on the loopback")


# ---------------------------------------------------- 2 families, 3 types, 4


def test_row_02_families(impl):
    assert (impl.AF_UNIX, impl.AF_INET, impl.AF_INET6) == (1, 2, 10)


def test_row_02_address_of_unix_is_one_string(impl, unix_dir):
    path = str(unix_dir / "s")
    with impl.socket(impl.AF_UNIX, impl.SOCK_STREAM) as s:
        assert s.getsockname() == ""
        s.bind(path)
        assert s.getsockname() == path


def test_row_02_address_of_unix_may_be_abstract(impl):
    name = b"\0csock-row-02-%d" % os.getpid()
    with impl.socket(impl.AF_UNIX, impl.SOCK_STREAM) as s:
        s.bind(name)
        assert s.getsockname() == name


def test_row_02_address_of_inet_is_a_pair(impl):
    with testkit.listener(impl) as server:
        host, port = server.getsockname()
        assert host == "127.0.0.1" and 0 < port < 65536
        assert type(server.getsockname()) is tuple


@needs_ipv6
def test_row_02_address_of_inet6_has_four_parts(impl):
    with testkit.listener(impl, impl.AF_INET6) as server:
        host, port, flow_info, scope = server.getsockname()
        assert (host, flow_info, scope) == ("::1", 0, 0) and 0 < port < 65536


@needs_ipv6
def test_row_02_flow_info_goes_both_ways(impl):
    flowinfo_send = 33  # linux/in6.h: without it the kernel drops the flow info
    with impl.socket(impl.AF_INET6, impl.SOCK_DGRAM) as s:
        s.setsockopt(impl.IPPROTO_IPV6, flowinfo_send, 1)
        s.connect(("::1", 9, 5, 0))
        assert s.getpeername() == ("::1", 9, 5, 0)
        s.connect(("::1", 9))
        assert s.getpeername() == ("::1", 9, 0, 0)


def link_local():
    """A link-local address of this machine and its interface's number; None without one."""
    for line in pathlib.Path("/proc/net/if_inet6").read_text().splitlines():
        digits, index, *_ = line.split()
        if digits.startswith("fe80"):
            return stock.inet_ntop(stock.AF_INET6, bytes.fromhex(digits)), int(index, 16)


@needs_ipv6
def test_row_02_scope_goes_both_ways(impl):
    found = link_local()
    if not found:
        pytest.skip("no interface has a link-local address")
    host, index = found
    with impl.socket(impl.AF_INET6, impl.SOCK_DGRAM) as s:
        s.bind((host, 0, 0, index))
        assert s.getsockname()[0].partition("%")[0] == host
        assert s.getsockname()[3] == index


def test_row_03_types(impl):
    names = "SOCK_STREAM SOCK_DGRAM SOCK_RAW SOCK_RDM SOCK_SEQPACKET".split()
    assert [getattr(impl, name) for name in names] == [1, 2, 3, 4, 5]


FAMILIES = ["AF_INET", pytest.param("AF_INET6", marks=needs_ipv6), "AF_UNIX"]


def bound(impl, family, kind, unix_dir):
    s = impl.socket(family, kind)
    if family == impl.AF_UNIX:
        s.bind(str(unix_dir / f"bound-{s.fileno()}"))
    else:
        s.bind((testkit.loopback(impl, family), 0))
    return s


@pytest.mark.parametrize("family", FAMILIES)
def test_row_03_stream_carries_data(impl, family, unix_dir):
    with bound(impl, getattr(impl, family), impl.SOCK_STREAM, unix_dir) as server:
        server.listen(1)
        with impl.socket(server.family, impl.SOCK_STREAM) as client:
            client.connect(server.getsockname())
            conn, _ = server.accept()
            with conn:
                client.sendall(b"one")
                client.sendall(b"two")
                assert conn.recv(6, impl.MSG_WAITALL) == b"onetwo"
                conn.sendall(b"back")
                assert client.recv(100) == b"back"


@pytest.mark.parametrize("family", FAMILIES)
def test_row_03_datagrams_carry_data(impl, family, unix_dir):
    family = getattr(impl, family)
    with bound(impl, family, impl.SOCK_DGRAM, unix_dir) as a:
        with bound(impl, family, impl.SOCK_DGRAM, unix_dir) as b:
            a.sendto(b"one", b.getsockname())
            a.sendto(b"", b.getsockname())
            a.sendto(b"two", b.getsockname())
            received = [b.recvfrom(100) for _ in range(3)]
    assert [data for data, _ in received] == [b"one", b"", b"two"]
    assert len({address for _, address in received}) == 1


def test_row_03_seqpacket_keeps_boundaries(impl, unix_dir):
    with bound(impl, impl.AF_UNIX, impl.SOCK_SEQPACKET, unix_dir) as server:
        server.listen(1)
        with impl.socket(impl.AF_UNIX, impl.SOCK_SEQPACKET) as client:
            client.connect(server.getsockname())
            conn, _ = server.accept()
            with conn:
                client.send(b"one")
                client.send(b"two, longer")
                assert (conn.recv(100), conn.recv(3)) == (b"one", b"two")
                client.send(b"three")
                assert conn.recv(100) == b"three"


def checksum(data):
    """RFC 1071, for an even number of bytes."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def test_row_03_raw_socket_pings(impl):
    try:
        s = impl.socket(impl.AF_INET, impl.SOCK_RAW, impl.getprotobyname("icmp"))
    except PermissionError:
        pytest.skip("raw sockets need root (CAP_NET_RAW)")
    except OSError as error:
        if "not found" in str(error):
            pytest.skip("no /etc/protocols (Debian: netbase)")
        raise
    ident, payload = os.getpid() & 0xFFFF, b"csock pings "
    header = struct.pack("!BBHHH", 8, 0, 0, ident, 1)
    header = struct.pack("!BBHHH", 8, 0, checksum(header + payload), ident, 1)
    with s:
        s.settimeout(5)
        s.sendto(header + payload, ("127.0.0.1", 0))
        while True:  # requests and other programs' pings pass by as well
            packet, (host, _) = s.recvfrom(1500)
            icmp = packet[(packet[0] & 15) * 4 :]
            if icmp[0] == 0 and icmp[4:6] == struct.pack("!H", ident):
                break
    assert host == "127.0.0.1"
    assert icmp[8:] == payload


FORMS = r"SO_|SOMAXCONN$|MSG_|SOL_|IPPROTO_|IPPORT_|INADDR_|IP_"


def test_row_04_constants_of_these_forms_have_the_values_of_linux(impl):
    expected = {
        "SO_REUSEADDR": 2,
        "SO_RCVBUF": 8,
        "MSG_PEEK": 2,
        "MSG_WAITALL": 0x100,
        "SOL_SOCKET": 1,
        "SOL_UDP": 17,
        "IPPROTO_TCP": 6,
        "IPPROTO_IPV6": 41,
        "IPPORT_RESERVED": 1024,
        "IPPORT_USERRESERVED": 5000,
        "INADDR_ANY": 0,
        "INADDR_BROADCAST": testkit.as_long(0xFFFFFFFF) if impl is stock else 0xFFFFFFFF,
        "INADDR_LOOPBACK": 0x7F000001,
        "IP_TTL": 2,
        "IP_MULTICAST_TTL": 33,
    }
    assert {name: getattr(impl, name) for name in expected} == expected
    assert impl.SOMAXCONN in (128, 4096)


def test_row_04_no_constant_of_stock_is_missing(csock):
    names = [name for name in dir(stock) if re.match(FORMS, name)]
    assert len(names) > 80
    differing = {n for n in names if testkit.as_long(getattr(csock, n, None)) != getattr(stock, n)}
    assert differing <= {"SOMAXCONN"}  # 128 where stock was built on old headers


def test_row_04_constants_that_stock_lacks(csock):
    expected = {
        "SO_BUSY_POLL": 46,
        "SO_COOKIE": 57,
        "SO_TIMESTAMPNS": 35,
        "MSG_ZEROCOPY": 0x4000000,
        "SOL_NETLINK": 270,
        "IP_MTU": 14,
        "IP_RECVERR": 11,
        "IPPORT_ECHO": 7,
        "INADDR_ALLSNOOPERS_GROUP": 0xE000006A,
    }
    assert {name: getattr(csock, name, None) for name in expected} == expected


def test_row_04_constants_name_options_that_work(impl):
    with impl.socket() as s:
        s.setsockopt(impl.SOL_SOCKET, impl.SO_KEEPALIVE, 1)
        s.setsockopt(impl.IPPROTO_IP, impl.IP_TTL, 33)
        s.setsockopt(impl.IPPROTO_TCP, impl.TCP_NODELAY, 1)
        assert s.getsockopt(impl.SOL_SOCKET, impl.SO_KEEPALIVE) == 1
        assert s.getsockopt(impl.IPPROTO_IP, impl.IP_TTL) == 33
        assert s.getsockopt(impl.IPPROTO_TCP, impl.TCP_NODELAY) == 1


# -------------------------------------------------- 11 socket(), 12 fromfd()


def test_row_11_socket_with_family_type_and_protocol(impl):
    with impl.socket(impl.AF_INET, impl.SOCK_STREAM) as s:
        assert (s.family, s.type, s.proto) == (impl.AF_INET, impl.SOCK_STREAM, 0)
    with impl.socket(impl.AF_INET, impl.SOCK_DGRAM, impl.IPPROTO_UDP) as s:
        assert (s.family, s.type, s.proto) == (impl.AF_INET, impl.SOCK_DGRAM, 17)
    with impl.socket(type=impl.SOCK_DGRAM, family=impl.AF_UNIX, proto=0) as s:
        assert (s.family, s.type, s.proto) == (impl.AF_UNIX, impl.SOCK_DGRAM, 0)


def test_row_11_socket_with_todays_defaults(impl):
    with impl.socket() as s:
        assert (s.family, s.type, s.proto) == (impl.AF_INET, impl.SOCK_STREAM, 0)
        assert s.gettimeout() is None


def close_on_exec(s):
    return bool(fcntl.fcntl(s.fileno(), fcntl.F_GETFD) & fcntl.FD_CLOEXEC)


def test_row_11_every_new_socket_is_close_on_exec(impl):
    server = testkit.listener(impl)
    client, conn = testkit.tcp_pair(impl)
    a, b = impl.socketpair()
    made = [server, client, conn, a, b, a.dup(), impl.fromfd(b.fileno(), b.family, b.type)]
    with testkit.closing(made):
        assert [close_on_exec(s) for s in made] == [True] * len(made)
        assert not any(s.get_inheritable() for s in made)


def test_row_11_socket_from_a_file_number(impl):
    a, b = impl.socketpair(impl.AF_UNIX, impl.SOCK_SEQPACKET)
    with b, impl.socket(fileno=a.detach()) as s:
        assert (s.family, s.type) == (impl.AF_UNIX, impl.SOCK_SEQPACKET)
        s.send(b"x")
        assert b.recv(1) == b"x"


def test_row_12_fromfd_duplicates(impl):
    a, b = impl.socketpair()
    with b:
        copy = impl.fromfd(a.fileno(), impl.AF_UNIX, impl.SOCK_STREAM)
        assert copy.fileno() != a.fileno()
        a.close()
        with copy:
            copy.send(b"still here")
            assert b.recv(100) == b"still here"
    assert type(copy) is impl.socket


INHERITED = """
import sys
impl = __import__(sys.argv[1])
family, kind = int(sys.argv[2]), int(sys.argv[3])
first = impl.fromfd(0, family, kind)
second = impl.fromfd(1, family, kind, 0)
data, address = first.recvfrom(100)
second.sendto(data.upper(), address) if address else second.send(data.upper())
"""


def start_inherited(impl, s):
    """The program above with the socket as its files 0 and 1, as inetd does it."""
    args = [sys.executable, "-c", INHERITED, impl.__name__, str(int(s.family)), str(int(s.type))]
    return subprocess.Popen(args, stdin=s.fileno(), stdout=s.fileno())


def test_row_12_fromfd_on_an_inherited_connection(impl):
    client, conn = testkit.tcp_pair(impl)
    with client, conn, start_inherited(impl, conn) as child:
        conn.close()
        client.sendall(b"hello")
        assert client.recv(100) == b"HELLO"
        assert client.recv(100) == b""
        assert child.wait(20) == 0


def test_row_12_fromfd_on_an_inherited_datagram_socket(impl):
    with impl.socket(type=impl.SOCK_DGRAM) as server, impl.socket(type=impl.SOCK_DGRAM) as client:
        server.bind(("127.0.0.1", 0))
        with start_inherited(impl, server) as child:
            client.settimeout(20)
            client.sendto(b"hello", server.getsockname())
            assert client.recv(100) == b"HELLO"
            assert child.wait(20) == 0


# ------------------------------------------------------------ 17 SocketType


def test_row_17_sockettype_is_the_type_of_sockets(csock):
    with csock.socket(csock.AF_INET, csock.SOCK_STREAM) as s:
        assert csock.SocketType is type(s)


@pytest.mark.parametrize("names", ["socket _socket", "csock.dropin csock._socket"])
def test_row_17_sockettype_of_the_drop_in_is_stocks(names):
    outer, inner = (__import__(name, fromlist=["socket"]) for name in names.split())
    assert outer.SocketType is inner.SocketType is inner.socket
    assert issubclass(outer.socket, outer.SocketType) and outer.socket is not outer.SocketType
