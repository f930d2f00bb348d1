"""getaddrinfo, getnameinfo, getfqdn, and the inet_… functions."""

import socket as stock

import pytest


def test_getaddrinfo_of_numbers(impl):
    found = impl.getaddrinfo("127.0.0.1", 80, impl.AF_INET, impl.SOCK_STREAM)
    assert found == [(impl.AF_INET, impl.SOCK_STREAM, 6, "", ("127.0.0.1", 80))]
    assert found[0][0].name == "AF_INET" and found[0][1].name == "SOCK_STREAM"
    kinds = {entry[1] for entry in impl.getaddrinfo("127.0.0.1", 80)}
    assert kinds == {impl.SOCK_STREAM, impl.SOCK_DGRAM, impl.SOCK_RAW}


def test_getaddrinfo_of_inet6(impl):
    found = impl.getaddrinfo("::1", "80", type=impl.SOCK_DGRAM)
    assert found == [(impl.AF_INET6, impl.SOCK_DGRAM, 17, "", ("::1", 80, 0, 0))]


def test_getaddrinfo_keywords_and_passive(impl):
    found = impl.getaddrinfo(
        host=None, port=80, family=impl.AF_INET, type=1, proto=6, flags=impl.AI_PASSIVE
    )
    assert [entry[4] for entry in found] == [("0.0.0.0", 80)]
    found = impl.getaddrinfo(None, 80, impl.AF_INET, 1)
    assert [entry[4] for entry in found] == [("127.0.0.1", 80)]


@pytest.mark.parametrize("host", ["localhost", b"localhost"])
def test_getaddrinfo_of_a_name(impl, host):
    assert impl.getaddrinfo(host, 80, impl.AF_INET, 1)[0][4] == ("127.0.0.1", 80)


@pytest.mark.parametrize("port", [None, 0, "0", b"0"])
def test_getaddrinfo_ports(impl, port):
    assert impl.getaddrinfo("127.0.0.1", port, 0, 1)[0][4] == ("127.0.0.1", 0)


def test_getaddrinfo_canonical_name(impl):
    flags = impl.AI_CANONNAME | impl.AI_NUMERICHOST
    assert impl.getaddrinfo("127.0.0.1", 80, 0, 1, 0, flags)[0][3] == "127.0.0.1"


def test_getaddrinfo_says_what_stock_says(csock):
    for args in (("localhost", 80), ("localhost", None), (None, "80"), ("fe80::1%lo", 80)):
        assert csock.getaddrinfo(*args) == stock.getaddrinfo(*args)


def test_getaddrinfo_failures(impl):
    for args in ((None, None), ("127.0.0.1", "no-such-service"), ("::1", 1, impl.AF_INET)):
        with pytest.raises(impl.gaierror):
            impl.getaddrinfo(*args)


def test_getnameinfo(impl):
    numeric = impl.NI_NUMERICHOST | impl.NI_NUMERICSERV
    assert impl.getnameinfo(("127.0.0.1", 80), numeric) == ("127.0.0.1", "80")
    assert impl.getnameinfo(("::1", 80, 0, 0), numeric) == ("::1", "80")
    assert impl.getnameinfo(("127.0.0.1", 80), impl.NI_NUMERICSERV)[0] == "localhost"
    for bad in ("127.0.0.1", ("127.0.0.1",), ["127.0.0.1", 80]):
        with pytest.raises(TypeError):
            impl.getnameinfo(bad, 0)
    with pytest.raises(impl.gaierror):
        impl.getnameinfo(("localhost..", 80), numeric)


def test_getfqdn_of_a_literal(impl):
    assert isinstance(impl.getfqdn("127.0.0.1"), str)


V4 = {
    "0.0.0.0": bytes(4),
    "127.0.0.1": b"\x7f\0\0\1",
    "255.255.255.255": b"\xff" * 4,
    "100.50.200.5": bytes([100, 50, 200, 5]),
}
V6 = {
    "::": bytes(16),
    "::1": bytes(15) + b"\1",
    "2001:db8::7": b"\x20\1\x0d\xb8" + bytes(11) + b"\7",
    "::ffff:1.2.3.4": bytes(10) + b"\xff\xff\1\2\3\4",
}


@pytest.mark.parametrize("text", V4)
def test_inet_functions_on_v4(impl, text):
    packed = V4[text]
    assert impl.inet_aton(text) == impl.inet_pton(impl.AF_INET, text) == packed
    assert impl.inet_ntoa(packed) == impl.inet_ntop(impl.AF_INET, packed) == text
    assert impl.inet_ntoa(bytearray(packed)) == text


@pytest.mark.parametrize("text", V6)
def test_inet_functions_on_v6(impl, text):
    assert impl.inet_pton(impl.AF_INET6, text) == V6[text]
    assert impl.inet_ntop(impl.AF_INET6, memoryview(V6[text])) == text


@pytest.mark.parametrize(
    ("text", "packed"),
    [
        ("1", "0.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("010.1", "8.0.0.1"),
        ("4294967295", "255.255.255.255"),
    ],
)
def test_inet_aton_takes_the_old_forms(impl, text, packed):
    assert impl.inet_aton(text) == V4.get(packed, bytes(map(int, packed.split("."))))
    with pytest.raises(OSError):
        impl.inet_pton(impl.AF_INET, text)


@pytest.mark.parametrize("text", ["", "x", "1.2.3.4.5", "256.1.1.1", "1.2.3.4x", "::1"])
def test_inet_functions_refuse(impl, text):
    with pytest.raises(OSError):
        impl.inet_aton(text)
    with pytest.raises(OSError):
        impl.inet_pton(impl.AF_INET, text)
    if text != "::1":
        with pytest.raises(OSError):
            impl.inet_pton(impl.AF_INET6, text)


def test_inet_functions_refuse_wrong_lengths_and_families(impl):
    for packed in (b"", b"123", b"12345", bytes(16)):
        with pytest.raises(OSError):
            impl.inet_ntoa(packed)
        with pytest.raises(ValueError):
            impl.inet_ntop(impl.AF_INET, packed)
    with pytest.raises(ValueError):
        impl.inet_ntop(impl.AF_INET6, bytes(4))
    with pytest.raises(ValueError):
        impl.inet_ntop(99, bytes(4))
    with pytest.raises(OSError):
        impl.inet_pton(99, "127.0.0.1")
