"""Rows 1 to 17 of the 1998 reference: the module's exception, constants and functions."""

import errno
import fcntl
import os
import pathlib
import re
import signal
import socket as stock
import struct
import subprocess
import sys

import pytest
import testkit

needs_services = pytest.mark.skipif(
    not pathlib.Path("/etc/services").exists(), reason="no /etc/services (Debian: netbase)"
)
needs_protocols = pytest.mark.skipif(
    not pathlib.Path("/etc/protocols").exists(), reason="no /etc/protocols (Debian: netbase)"
)
needs_ipv6 = pytest.mark.skipif(not testkit.has_ipv6(), reason="no IPv6 on the loopback")


# ------------------------------------------------------------------- 1 error


def test_row_01_error_is_oserror(impl):
    assert impl.error is OSError
    assert impl.timeout is TimeoutError


def test_row_01_error_of_a_system_call_carries_errno_and_string(impl):
    with testkit.listener(impl) as server:
        address = server.getsockname()
    with impl.socket() as s, pytest.raises(impl.error) as caught:
        s.connect(address)
    assert caught.value.args == (errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    assert type(caught.value) is ConnectionRefusedError


def test_row_01_error_of_the_resolver_carries_both_values(impl):
    assert issubclass(impl.gaierror, impl.error) and issubclass(impl.herror, impl.error)
    with pytest.raises(impl.gaierror) as caught:
        impl.getaddrinfo("not-a-number", 80, flags=impl.AI_NUMERICHOST)
    code, text = caught.value.args
    assert (caught.value.errno, caught.value.strerror) == (code, text)
    assert code == impl.EAI_NONAME and "known" in text


def test_row_01_herror_carries_both_values(impl):
    reason = testkit.why_no_netns()
    if reason:  # elsewhere the answer depends on the network's name server
        pytest.skip(reason)
    program = """
import sys
impl = __import__(sys.argv[1])
try:
    impl.gethostbyaddr("192.0.2.77")
except impl.herror as e:
    code, text = e.args
    assert isinstance(e, impl.error) and type(code) is int and code > 0 and text, e.args
    print("herror")
"""
    result = testkit.run_python(program, impl.__name__, prefix=("unshare", "-rn"))
    assert result.stdout == "herror\n"


def test_row_01_resolver_errors_are_caught_by_programs_that_use_stock(csock):
    assert csock.gaierror is stock.gaierror
    assert csock.herror is stock.herror


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
        "INADDR_BROADCAST": 0xFFFFFFFF,
        "INADDR_LOOPBACK": 0x7F000001,
        "IP_TTL": 2,
        "IP_MULTICAST_TTL": 33,
    }
    assert {name: getattr(impl, name) for name in expected} == expected
    assert impl.SOMAXCONN in (128, 4096)


def test_row_04_no_constant_of_stock_is_missing(csock):
    names = [name for name in dir(stock) if re.match(FORMS, name)]
    assert len(names) > 80
    differing = {n for n in names if getattr(csock, n, None) != getattr(stock, n)}
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


# --------------------------------------------------------- 5 to 10 look-ups


@pytest.mark.parametrize("literal", ["100.50.200.5", "127.0.0.1", "0.0.0.0", "255.255.255.255"])
def test_row_05_gethostbyname_gives_a_literal_back(impl, literal):
    assert impl.gethostbyname(literal) == literal


@pytest.mark.parametrize("name", ["localhost", b"localhost", bytearray(b"localhost")])
def test_row_05_gethostbyname_resolves(impl, name):
    assert impl.gethostbyname(name) == "127.0.0.1"


def test_row_05_gethostbyname_of_special_hosts(impl):
    assert impl.gethostbyname("") == "0.0.0.0"
    assert impl.gethostbyname("<broadcast>") == "255.255.255.255"


def test_row_06_gethostbyname_ex(impl):
    name, aliases, addresses = impl.gethostbyname_ex("localhost")
    assert name == "localhost" and type(aliases) is list
    assert addresses and all(impl.inet_aton(a)[0] == 127 for a in addresses)


def test_row_06_gethostbyname_ex_of_a_literal(impl):
    assert impl.gethostbyname_ex("100.50.200.5") == ("100.50.200.5", [], ["100.50.200.5"])


def test_row_06_gethostbyname_ex_says_what_stock_says(csock):
    assert csock.gethostbyname_ex("localhost") == stock.gethostbyname_ex("localhost")


def test_row_07_gethostbyaddr(impl):
    name, aliases, addresses = impl.gethostbyaddr("127.0.0.1")
    assert "localhost" in [name, *aliases] and addresses == ["127.0.0.1"]


def test_row_07_gethostbyaddr_takes_a_name_too(impl):
    assert impl.gethostbyaddr("localhost")[2] in (["127.0.0.1"], ["::1"])  # by /etc/hosts


def test_row_07_gethostbyaddr_of_a_name_says_what_stock_says(csock):
    assert csock.gethostbyaddr("localhost") == stock.gethostbyaddr("localhost")


def test_row_07_gethostbyaddr_says_what_stock_says(csock):
    assert csock.gethostbyaddr("127.0.0.1") == stock.gethostbyaddr("127.0.0.1")


def test_row_08_gethostname(impl):
    assert impl.gethostname() == os.uname().nodename


@needs_protocols
def test_row_09_getprotobyname(impl):
    assert [impl.getprotobyname(n) for n in ("icmp", "tcp", "udp")] == [1, 6, 17]


def test_row_09_getprotobyname_of_an_unknown_name(impl):
    with pytest.raises(impl.error, match="protocol not found"):
        impl.getprotobyname("no-such-protocol")


@needs_services
def test_row_10_getservbyname(impl):
    assert impl.getservbyname("http", "tcp") == 80
    assert impl.getservbyname("ntp", "udp") == 123


@needs_services
def test_row_10_getservbyname_without_protocol(impl):
    assert impl.getservbyname("http") == 80


@pytest.mark.parametrize("args", [("no-such-service",), ("http", "no-such"), ("no-such", "tcp")])
def test_row_10_getservbyname_of_an_unknown_name(impl, args):
    with pytest.raises(impl.error, match="service/proto not found"):
        impl.getservbyname(*args)


@needs_services
def test_row_10_getservbyport_is_the_reverse(impl):
    assert impl.getservbyport(80) == "http"
    assert impl.getservbyport(123, "udp") == "ntp"
    with pytest.raises(impl.error, match="port/proto not found"):
        impl.getservbyport(1, "no-such")


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


# -------------------------------------------------------- 13 to 16 byte order

SWAPPED = sys.byteorder == "little"


@pytest.mark.parametrize("name", ["ntohl", "htonl"])
def test_row_13_and_15_32_bits(impl, name):
    convert = getattr(impl, name)
    assert convert(0x01020304) == (0x04030201 if SWAPPED else 0x01020304)
    assert [convert(x) for x in (0, 0xFFFFFFFF)] == [0, 0xFFFFFFFF]
    assert convert(convert(0xDEADBEEF)) == 0xDEADBEEF


@pytest.mark.parametrize("name", ["ntohs", "htons"])
def test_row_14_and_16_16_bits(impl, name):
    convert = getattr(impl, name)
    assert convert(0x0102) == (0x0201 if SWAPPED else 0x0102)
    assert [convert(x) for x in (0, 0xFFFF)] == [0, 0xFFFF]
    assert convert(convert(0xBEEF)) == 0xBEEF


OUT_OF_RANGE = (OverflowError, ValueError)  # ValueError for some from 3.14 on


@pytest.mark.parametrize("value", [-1, 2**32, 2**64, 2**70, -(2**70)])
@pytest.mark.parametrize("name", ["ntohl", "htonl"])
def test_row_13_and_15_out_of_range(impl, name, value):
    with pytest.raises(OUT_OF_RANGE) as caught:
        getattr(impl, name)(value)
    assert same_type_as_stock(caught.value, name, value)


@pytest.mark.parametrize("value", [-1, 2**16, 2**32 + 1, 2**70, -(2**70)])
@pytest.mark.parametrize("name", ["ntohs", "htons"])
def test_row_14_and_16_out_of_range(impl, name, value):
    with pytest.raises(OUT_OF_RANGE) as caught:
        getattr(impl, name)(value)
    assert same_type_as_stock(caught.value, name, value)


def same_type_as_stock(error, name, value):
    try:
        getattr(stock, name)(value)
    except Exception as expected:
        return type(error) is type(expected)


@pytest.mark.parametrize("name", ["ntohl", "htonl", "ntohs", "htons"])
@pytest.mark.parametrize("value", ["1", 1.5, None, b"1"])
def test_rows_13_to_16_wrong_type(impl, name, value):
    with pytest.raises(TypeError):
        getattr(impl, name)(value)


# ------------------------------------------------------------ 17 SocketType


def test_row_17_sockettype_is_the_type_of_sockets(csock):
    with csock.socket(csock.AF_INET, csock.SOCK_STREAM) as s:
        assert csock.SocketType is type(s)


@pytest.mark.parametrize("names", ["socket _socket", "csock.dropin csock._socket"])
def test_row_17_sockettype_of_the_drop_in_is_stocks(names):
    outer, inner = (__import__(name, fromlist=["socket"]) for name in names.split())
    assert outer.SocketType is inner.SocketType is inner.socket
    assert issubclass(outer.socket, outer.SocketType) and outer.socket is not outer.SocketType


# ----------------------------------------------- 36 special hosts, 38 errors


def test_row_36_empty_host_is_any(impl):
    with impl.socket(impl.AF_INET, impl.SOCK_STREAM) as s:
        s.bind(("", 0))
        assert s.getsockname()[0] == "0.0.0.0"


@needs_ipv6
def test_row_36_empty_host_is_any_on_inet6(impl):
    with impl.socket(impl.AF_INET6, impl.SOCK_STREAM) as s:
        s.bind(("", 0))
        assert s.getsockname()[0] == "::"


def test_row_36_broadcast_is_the_broadcast_address(impl):
    with impl.socket(impl.AF_INET, impl.SOCK_DGRAM) as s:
        s.bind(("<broadcast>", 0))
        assert s.getsockname()[0] == "255.255.255.255"


def test_row_36_broadcast_needs_its_option(impl):
    with impl.socket(impl.AF_INET, impl.SOCK_DGRAM) as s:
        with pytest.raises(OSError) as caught:
            s.sendto(b"x", ("<broadcast>", 9))
        # EACCES says that it was taken for a broadcast; ENETUNREACH if there is no network at all
        assert caught.value.errno in (errno.EACCES, errno.ENETUNREACH)


FAILING = {
    "accept": lambda s: s.accept(),
    "bind": lambda s: s.bind(("127.0.0.1", 0)),
    "connect": lambda s: s.connect(("127.0.0.1", 1)),
    "getpeername": lambda s: s.getpeername(),
    "getsockname": lambda s: s.getsockname(),
    "getsockopt": lambda s: s.getsockopt(1, 2),
    "listen": lambda s: s.listen(1),
    "recv": lambda s: s.recv(1),
    "recv_into": lambda s: s.recv_into(bytearray(1)),
    "recvfrom": lambda s: s.recvfrom(1),
    "recvfrom_into": lambda s: s.recvfrom_into(bytearray(1)),
    "send": lambda s: s.send(b"x"),
    "sendall": lambda s: s.sendall(b"x"),
    "sendto": lambda s: s.sendto(b"x", ("127.0.0.1", 1)),
    "setblocking": lambda s: s.setblocking(0),
    "setsockopt": lambda s: s.setsockopt(1, 2, 1),
    "settimeout": lambda s: s.settimeout(1),
    "shutdown": lambda s: s.shutdown(0),
    "dup": lambda s: s.dup(),
}


@pytest.mark.parametrize("method", FAILING)
def test_row_38_every_error_raises_and_prints_nothing(impl, method, capfd):
    s = impl.socket()
    s.close()
    with pytest.raises(OSError) as caught:
        FAILING[method](s)
    assert caught.value.args == (errno.EBADF, os.strerror(errno.EBADF))
    assert capfd.readouterr() == ("", "")


def test_row_38_a_broken_pipe_raises_and_kills_nobody(impl):
    a, b = impl.socketpair()
    b.close()
    with a, pytest.raises(BrokenPipeError):
        a.send(b"x")
    assert signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN
