"""Datagrams to everybody on a cable (row 36): broadcast between two hosts."""

import pytest

RECEIVE = """\
s = sock.socket(sock.AF_INET, sock.SOCK_DGRAM)
s.settimeout(10)
s.bind((args[0], 7001))
say("ready")
result = []
while len(result) < args[1]:
    data, peer = s.recvfrom(100)
    result.append([data.decode(), peer])
"""
SEND = """\
s = sock.socket(sock.AF_INET, sock.SOCK_DGRAM)
s.bind(("", 7002))
refused = [outcome(s.sendto, b"no", (host, 7001))["error"][0] for host in args]
s.setsockopt(sock.SOL_SOCKET, sock.SO_BROADCAST, 1)
sent = [s.sendto(b"to " + host.encode(), (host, 7001)) for host in args]
result = [refused, sent]
"""
HOSTS = ["<broadcast>", "255.255.255.255", "10.77.0.255"]


@pytest.fixture(scope="module")
def routed(two_hosts):
    near, far = two_hosts
    near.ip("route", "add", "default", "dev", "eth")
    return near, far


@pytest.mark.parametrize("bound", ["", "<broadcast>"])
def test_row_36_broadcast_arrives(routed, impl, bound):
    """On '' everything arrives; on '<broadcast>' only what was sent to 255.255.255.255."""
    near, far = routed
    expected = HOSTS if bound == "" else HOSTS[:2]
    receiver = far.start(impl, RECEIVE, bound, len(expected))
    receiver.expect("ready")
    refused, sent = near.run(impl, SEND, *HOSTS)
    assert refused == [13, 13, 13], "without SO_BROADCAST it is not allowed"
    assert sent == [14, 18, 14]
    assert receiver.result() == [["to " + host, ["10.77.0.1", 7002]] for host in expected]


def test_row_36_broadcast_in_the_two_argument_form(routed):
    """csock's bind(host, port), received from the stock module."""
    near, far = routed
    program = RECEIVE.replace("s.bind((args[0], 7001))", "s.bind(args[0], 7001)")
    receiver = far.start("csock", program, "", 3)
    receiver.expect("ready")
    near.run("socket", SEND, *HOSTS)
    assert [data for data, _ in receiver.result()] == ["to " + host for host in HOSTS]


def test_row_36_empty_host_is_any_address(two_hosts, impl):
    """As a destination INADDR_ANY is this host; as an own address it is every interface."""
    near, _ = two_hosts
    seen = near.run(
        impl,
        """
        r = sock.socket(sock.AF_INET, sock.SOCK_DGRAM)
        r.settimeout(10)
        r.bind(("", 0))
        s = sock.socket(sock.AF_INET, sock.SOCK_DGRAM)
        for host in ("", "127.0.0.1", "10.77.0.1"):
            s.sendto(host.encode(), (host, r.getsockname()[1]))
        result = [r.getsockname()[0], [r.recv(100).decode() for _ in range(3)]]
        """,
    )
    assert seen == ["0.0.0.0", ["", "127.0.0.1", "10.77.0.1"]]


def test_link_local_address_needs_its_scope(two_hosts, impl):
    """The scope id of the address is the interface; a datagram comes back with it."""
    near, far = two_hosts
    receiver = far.start(
        impl,
        """
        s = sock.socket(sock.AF_INET6, sock.SOCK_DGRAM)
        s.settimeout(10)
        s.bind(("::", 7003))
        say("ready")
        data, peer = s.recvfrom(100)
        s.sendto(data.upper(), peer)
        result = [peer[0], peer[3] == args[0]]
        """,
        far.interface("eth"),
    )
    receiver.expect("ready")
    answer = near.run(
        impl,
        """
        s = sock.socket(sock.AF_INET6, sock.SOCK_DGRAM)
        s.settimeout(10)
        missing = outcome(sock.socket(sock.AF_INET6).connect, (args[0], 7003))["error"][0]
        s.sendto(b"hello", (args[0], 7003, 0, args[1]))
        data, peer = s.recvfrom(100)
        result = [missing, data.decode(), peer[0], peer[3] == args[1]]
        """,
        "fe80::2",
        near.interface("eth"),
    )
    assert answer == [22, "HELLO", "fe80::2", True]
    assert receiver.result() == ["fe80::1", True]
