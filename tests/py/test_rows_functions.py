"""Rows 1, 5 to 10, 13 to 16, 36, 38 of the 1998 reference: the module's functions, and errors."""

import errno
import os
import pathlib
import signal
import socket as stock
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
