"""Bad addresses and names: a clear error, nothing leaked, the socket usable afterwards."""

import os

import pytest
import testkit

pytestmark = pytest.mark.usefixtures("no_descriptor_is_left")
needs_ipv6 = pytest.mark.skipif(not testkit.has_ipv6(), reason="no IPv6 on the loopback")


@pytest.fixture
def inet6(impl):
    if not testkit.has_ipv6():
        pytest.skip("no IPv6 on the loopback")
    with impl.socket(impl.AF_INET6, impl.SOCK_DGRAM) as s:
        yield s


@pytest.fixture
def unix(impl):
    with impl.socket(impl.AF_UNIX, impl.SOCK_DGRAM) as s:
        yield s


ADDRESSING = {
    "bind": lambda s, address: s.bind(address),
    "connect": lambda s, address: s.connect(address),
    "connect_ex": lambda s, address: s.connect_ex(address),
    "sendto": lambda s, address: s.sendto(b"x", address),
}
each_addressing = pytest.mark.parametrize("call", ADDRESSING.values(), ids=ADDRESSING)


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize("port", [-1, 65536, 2**31, 2**32, 2**63, 2**64 + 80, 2**70, -(2**70)])
@each_addressing
def test_ports_out_of_range(inet, call, port):
    with pytest.raises(OverflowError, match="port must be 0-65535"):
        call(inet, ("127.0.0.1", port))


@pytest.mark.parametrize("port", [-1, 65536, 2**70])
def test_ports_out_of_range_on_inet6(inet6, port):
    with pytest.raises(OverflowError, match="port must be 0-65535"):
        inet6.bind(("::1", port))


@pytest.mark.parametrize("port", ["80", 80.0, None, b"80"])
@each_addressing
def test_ports_of_a_wrong_type(inet, call, port):
    with pytest.raises(TypeError):
        call(inet, ("127.0.0.1", port))


@pytest.mark.parametrize("flow_info", [-1, 2**20, 2**31])
def test_flow_info_out_of_range(inet6, flow_info):
    with pytest.raises(OverflowError):
        inet6.bind(("::1", 0, flow_info, 0))


WRONG_FORMS = [
    None, 5, "127.0.0.1", b"127.0.0.1", (), ("127.0.0.1",), ("127.0.0.1", 1, 2), ["127.0.0.1", 1],
    ("127.0.0.1", 1, 0, 0), (None, 1), (5, 1),
]  # fmt: skip


@pytest.mark.parametrize("address", WRONG_FORMS, ids=repr)
@each_addressing
def test_addresses_of_a_wrong_form(inet, call, address):
    with pytest.raises(TypeError):
        call(inet, address)


@pytest.mark.parametrize("address", [None, 5, "::1", ("::1",), ("::1", 1, 2, 3, 4)], ids=repr)
def test_inet6_addresses_of_a_wrong_form(inet6, address):
    with pytest.raises(TypeError):
        inet6.connect(address)


@pytest.mark.parametrize("address", [None, 5, ("127.0.0.1", 1), ["x"]], ids=repr)
@each_addressing
def test_unix_addresses_of_a_wrong_form(unix, call, address):
    with pytest.raises(TypeError):
        call(unix, address)


@pytest.mark.parametrize("proto", ["CAN_RAW", "CAN_BCM", "CAN_ISOTP", "CAN_J1939"])
@pytest.mark.parametrize("address", [None, 5, "vcan0", ["vcan0", 1, 2]], ids=repr)
@each_addressing
def test_can_addresses_that_are_no_tuple(csock, proto, address, call):
    # Few machines have such sockets, but addresses are made for what a socket is said to be.
    one, other = csock.socketpair()
    other.close()
    kind = getattr(csock, proto)
    with csock.socket(csock.AF_CAN, csock.SOCK_RAW, kind, one.detach()) as s:
        with pytest.raises(TypeError, match="AF_CAN address must be tuple, not"):
            call(s, address)


def test_address_of_another_family(impl, inet, unix_dir):
    for address in (("::1", 1), ("fe80::1", 1)):
        with pytest.raises(impl.gaierror):
            inet.connect(address)
    with pytest.raises(TypeError):
        inet.bind(str(unix_dir / "s"))


@needs_ipv6
def test_inet_address_for_inet6(impl, inet6):
    with pytest.raises(impl.gaierror):
        inet6.connect(("127.0.0.1", 1))


@pytest.mark.parametrize("host", ["127.0.0.1\0.example", b"127.0.0.1\0", bytearray(b"\0")])
@each_addressing
def test_nul_in_a_host(inet, call, host):
    with pytest.raises(TypeError, match="null"):
        call(inet, (host, 1))


@pytest.mark.parametrize("name", ["local\0host", b"\0", "\0"])
@pytest.mark.parametrize("function", ["gethostbyname", "gethostbyname_ex", "gethostbyaddr"])
def test_nul_in_a_name_to_look_up(impl, function, name):
    with pytest.raises((TypeError, ValueError)):
        getattr(impl, function)(name)


def test_nul_in_a_name_for_getaddrinfo(csock):
    """Stock cuts the name at the NUL without a word."""
    for host, port in (("127.0.0.1\0.example", 80), ("127.0.0.1", "http\0")):
        with pytest.raises((TypeError, ValueError)):
            csock.getaddrinfo(host, port)


@pytest.mark.parametrize("name", ["http\0", "\0"])
@pytest.mark.parametrize("function", ["getservbyname", "getprotobyname"])
def test_nul_in_a_service_or_protocol(impl, function, name):
    with pytest.raises((TypeError, ValueError)):
        getattr(impl, function)(name)


def test_nul_in_a_path(csock, unix_dir):
    """Stock binds to what stands before the NUL."""
    path = f"{unix_dir}/a\0b"
    for call in ADDRESSING.values():
        with csock.socket(csock.AF_UNIX, csock.SOCK_DGRAM) as s, pytest.raises(ValueError):
            call(s, path)
    assert list(unix_dir.iterdir()) == []


@pytest.mark.parametrize("length", [108, 109, 4096, 100_000])
@each_addressing
def test_path_that_is_too_long(unix, call, length, unix_dir):
    path = str(unix_dir / "x").ljust(length, "x")
    for form in (path, path.encode()):
        with pytest.raises(OSError, match="AF_UNIX path too long"):
            call(unix, form)
    assert list(unix_dir.iterdir()) == []


def test_abstract_name_of_108_bytes_fits_and_109_do_not(unix):
    tail = b"%d" % os.getpid()
    name = b"\0" + tail.rjust(107, b"x")
    unix.bind(name)
    assert unix.getsockname() == name
    with pytest.raises(OSError, match="AF_UNIX path too long"):
        unix.connect(name + b"x")


# A name of an impossible form must fail without asking a name server.
BAD_HOSTS = {
    "label of 64": "a" * 64 + ".example",
    "300 bytes": "a" * 300,
    "100 kB": "a" * 100_000,
    "empty label": "a..b",
    "leading dot": ".a",
    "dots": "..",
}


@pytest.mark.parametrize("host", BAD_HOSTS.values(), ids=BAD_HOSTS)
def test_host_names_of_an_impossible_form(impl, inet, host):
    with testkit.Stopwatch() as watch, pytest.raises(impl.gaierror):
        inet.connect((host, 1))
    assert watch.wall < 5


NON_ASCII = ["\u00fc" * 100, "b\u00fccher..example", "\ud800", "\u00fc\0"]


@pytest.mark.parametrize("host", NON_ASCII, ids=ascii)
@each_addressing
def test_non_ascii_host_names_that_idna_refuses(inet, call, host):
    with pytest.raises(TypeError):
        call(inet, (host, 1))


@pytest.mark.parametrize("host", ["\uff11\uff12\uff17.0.0.1", "127\u3002\uff10.0.1"], ids=ascii)
def test_non_ascii_digits_and_dots_are_what_idna_makes_of_them(impl, host):
    with testkit.listener(impl) as server, impl.socket() as s:
        s.connect((host, server.getsockname()[1]))
        assert s.getpeername() == server.getsockname()


@pytest.mark.parametrize("host", [b"\xff\xfe", bytearray(b"\x80.example")], ids=repr)
def test_bytes_that_are_no_name(impl, inet, host):
    reason = testkit.why_no_netns()
    if reason:  # elsewhere the answer depends on the network's name server
        pytest.skip(reason)
    program = """
import sys
impl = __import__(sys.argv[1])
s = impl.socket()
try:
    s.connect((bytes.fromhex(sys.argv[2]), 1))
except impl.gaierror:
    print("gaierror")
"""
    result = testkit.run_python(program, impl.__name__, host.hex(), prefix=("unshare", "-rn"))
    assert result.stdout == "gaierror\n"
