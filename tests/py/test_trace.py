"""csock.trace(): which spans there are, and what they say."""

import contextlib
import os
import re
import socket as stock
import struct
import time

import dialkit
import pytest
import testkit
from statskit import woken

import csock


@pytest.fixture
def spans():
    """What this thread does, and others that wait; those that are left behind are not heard."""
    heard = []
    csock.trace(heard.append)
    yield heard
    csock.trace(None)


def shown(heard):
    return [(span.name, span.attributes) for span in heard]


UNIX = {"network.transport": "unix"}


def inet(address, **more):
    return {
        "network.transport": "tcp",
        "network.type": "ipv6" if ":" in address[0] else "ipv4",
        "network.peer.address": address[0],
        "network.peer.port": address[1],
        **{name.replace("_", "."): value for name, value in more.items()},
    }


RECEIVES = {
    "recv": lambda s: s.recv(100),
    "recv of much": lambda s: s.recv(1 << 20),
    "recv_into": lambda s: s.recv_into(bytearray(100)),
    "recvfrom": lambda s: s.recvfrom(100),
    "recvfrom_into": lambda s: s.recvfrom_into(bytearray(100)),
    "recvmsg": lambda s: s.recvmsg(100),
    "recvmsg_into": lambda s: s.recvmsg_into([bytearray(100)]),
    "makefile": lambda s: s.makefile("rb").readline(),
    "Reader": lambda s: csock.Reader(s).readline(),
}


@pytest.mark.parametrize("timeout", [None, 20])
@pytest.mark.parametrize("name", RECEIVES)
def test_receives_that_wait(pair, spans, name, timeout):
    a, b = pair
    b.settimeout(timeout)
    begin = time.time_ns()
    woken(lambda: RECEIVES[name](b), lambda: a.send(b"line\n"))
    end = time.time_ns()
    assert shown(spans) == [("recv wait", UNIX)]
    # Two clocks are read one after the other, and the machine may be busy.
    assert begin - 10**9 <= spans[0].start < spans[0].end <= end + 10**9
    assert spans[0].end - spans[0].start < end - begin


SENDS = {
    "sendall": lambda s, data: s.sendall(data),
    "send": lambda s, data: s.send(data),
    "sendmsg": lambda s, data: s.sendmsg([data]),
    "makefile": lambda s, data: s.makefile("wb", buffering=0).write(data),
}


def empty(sock):
    with contextlib.suppress(BlockingIOError):
        while sock.recv(1 << 20):
            pass


@pytest.mark.parametrize("timeout", [None, 20])
@pytest.mark.parametrize("name", SENDS)
def test_sends_that_wait(pair, spans, name, timeout):
    a, b = pair
    testkit.fill(a, b)
    a.settimeout(timeout)
    spans.clear()
    b.setblocking(False)
    woken(lambda: SENDS[name](a, bytes(100)), lambda: empty(b))
    assert shown(spans) == [("send wait", UNIX)]


def test_ready_data_and_calls_that_never_wait(pair, spans):
    a, b = pair
    for timeout in None, 20, 0:
        a.settimeout(timeout)
        b.settimeout(timeout)
        a.sendall(b"x")
        b.recv(1)
        a.sendmsg([b"x"])
        b.recvmsg(1)
    with pytest.raises(BlockingIOError):
        b.recv(1)
    with csock.socket() as s, testkit.listener(csock) as server:
        s.setblocking(False)
        s.connect_ex(server.getsockname())
    u, v = testkit.udp_pair(csock)
    with u, v:
        u.connect(v.getsockname())
    csock.getaddrinfo("127.0.0.1", 80)
    assert spans == []


def test_accept_is_none(spans):
    with testkit.listener(csock) as server:
        server.settimeout(0.02)
        with pytest.raises(TimeoutError):
            server.accept()
    assert spans == []


def test_nobody_listens(pair, spans):
    csock.trace(None)
    pair[0].settimeout(0.01)
    with pytest.raises(TimeoutError):
        pair[0].recv(1)
    assert spans == []


def test_what_ended_a_wait(pair, spans):
    a, b = pair
    a.settimeout(0.02)
    with pytest.raises(TimeoutError):
        a.recv(1)
    with pytest.raises(csock.DeadlineExceeded), csock.deadline(0.02):
        b.recv(1)
    assert woken(lambda: b.recv(1), lambda: b.shutdown(csock.SHUT_RDWR)) == b""
    types = [span.attributes.get("error.type") for span in spans]
    assert types == ["TimeoutError", "csock.DeadlineExceeded", None]


def test_a_closed_socket(spans):
    a, b = testkit.tcp_pair(csock)
    with a:
        spans.clear()
        with pytest.raises(OSError):
            woken(lambda: b.recv(1), b.close)
    ((name, attributes),) = shown(spans)
    assert name == "recv wait"
    assert attributes == {
        "network.transport": "tcp", "network.type": "ipv4", "error.type": "EBADF"
    }  # fmt: skip


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6"])
def test_connect(spans, family):
    family = getattr(csock, family)
    if family == csock.AF_INET6 and not testkit.has_ipv6():
        pytest.skip("no IPv6")
    with testkit.listener(csock, family) as server, csock.socket(family) as s:
        s.connect(server.getsockname())
        with csock.socket(family) as t:
            assert t.connect_ex(server.getsockname()) == 0
        expected = [("socket connect", inet(server.getsockname()))] * 2
        conn, _ = server.accept()
        with conn:
            woken(lambda: s.recv(1), lambda: conn.send(b"x"))
        assert shown(spans) == [*expected, ("recv wait", expected[0][1])]


def test_connect_that_fails(spans):
    address = dialkit.refusing()
    with csock.socket() as s:
        with pytest.raises(ConnectionRefusedError):
            s.connect(address)
        assert s.connect_ex(address) == 111
    refused = inet(address, error_type="ConnectionRefusedError")
    assert shown(spans) == [("socket connect", refused)] * 2


def test_unix_addresses(spans, unix_dir):
    for path in str(unix_dir / "sock"), b"\0csock-trace-%d" % os.getpid():
        with csock.socket(csock.AF_UNIX) as server, csock.socket(csock.AF_UNIX) as s:
            server.bind(path)
            server.listen()
            s.connect(path)
        shown_path = path if isinstance(path, str) else f"@{path[1:].decode()}"
        assert shown(spans) == [("socket connect", {**UNIX, "network.peer.address": shown_path})]
        spans.clear()


# How often the name is looked up: gethostbyname_ex() does it twice, as in stock.
LOOK_UPS = {
    "getaddrinfo": (1, lambda: csock.getaddrinfo("localhost", 80)),
    "gethostbyname": (1, lambda: csock.gethostbyname("localhost")),
    "gethostbyname_ex": (2, lambda: csock.gethostbyname_ex("localhost")),
}


@pytest.mark.parametrize("name", LOOK_UPS)
def test_look_ups(spans, name):
    times, look_up = LOOK_UPS[name]
    look_up()
    assert shown(spans) == [("DNS lookup", {"dns.question.name": "localhost"})] * times


def test_names_of_addresses(spans):
    csock.getnameinfo(("127.0.0.1", 80), 0)
    assert shown(spans) == [("DNS lookup", {"dns.question.name": "127.0.0.1"})]
    csock.getnameinfo(("127.0.0.1", 80), csock.NI_NUMERICHOST)
    csock.getaddrinfo("127.0.0.1", "http", flags=csock.AI_NUMERICHOST)
    csock.getaddrinfo(None, "http")
    assert len(spans) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f.1"])
def test_addresses_in_numbers_are_no_names(spans, host):
    csock.getaddrinfo(host, 80)
    csock.gethostbyname(host)
    with contextlib.suppress(csock.herror):
        csock.gethostbyname_ex(host)
    with csock.socket(type=csock.SOCK_DGRAM) as u:
        u.connect((host, 9))
        u.sendto(b"x", (host, 9))
    csock.getaddrinfo("fe80::1%lo", 80)
    assert spans == []


def test_a_look_up_that_fails(spans):
    with pytest.raises(csock.gaierror), csock.socket() as s:
        s.connect(("name.invalid", 1))
    failed = {"dns.question.name": "name.invalid", "error.type": "socket.gaierror"}
    assert shown(spans) == [("DNS lookup", failed)]


def test_dial(spans):
    with testkit.listener(csock) as server:
        port = server.getsockname()[1]
        csock.dial("localhost", port, family=csock.AF_INET).close()
        csock.create_connection(("127.0.0.1", port)).close()
    expected = ("socket connect", inet(("127.0.0.1", port)))
    localhost = ("DNS lookup", {"dns.question.name": "localhost"})
    assert shown(spans) == [localhost, expected, expected]


def test_a_dial_of_several(spans):
    with dialkit.network(1) as (port, addresses):
        dead = dialkit.refusing()
        found = dialkit.answers([dead, *addresses])
        sock = csock.dial("several", port, resolver=found)
        peer = sock.getpeername()
        sock.close()
    connects = [span for span in spans if span.name == "socket connect"]
    assert connects == spans, "the resolver is the program's own"
    types = [span.attributes.get("error.type") for span in connects]
    assert types[0] == "ConnectionRefusedError" and types[-1] is None
    assert connects[-1].attributes == inet(peer)


def test_a_dial_that_finds_nothing(spans):
    with pytest.raises(csock.gaierror):
        csock.dial("name.invalid", 80)
    failed = {"dns.question.name": "name.invalid", "error.type": "socket.gaierror"}
    assert shown(spans) == [("DNS lookup", failed)]


def test_other_protocols(spans):
    with csock.socket(type=csock.SOCK_DGRAM) as u:
        u.bind(("127.0.0.1", 0))
        u.settimeout(0.02)
        with pytest.raises(TimeoutError):
            u.recv(1)
    udp = {"network.transport": "udp", "network.type": "ipv4", "error.type": "TimeoutError"}
    assert shown(spans) == [("recv wait", udp)]


def test_the_kernels_own_timeout(pair, spans):
    a, _ = pair
    a.setsockopt(csock.SOL_SOCKET, csock.SO_RCVTIMEO, struct.pack("ll", 0, 20000))
    with pytest.raises(BlockingIOError):
        a.recv(1)
    assert shown(spans) == [("recv wait", {**UNIX, "error.type": "BlockingIOError"})]


def test_a_plain_error_has_its_numbers_name(spans):
    with csock.socket() as s, pytest.raises(OSError):
        s.connect(("255.255.255.255", 1))
    (span,) = spans
    assert span.attributes["error.type"] in {"ENETUNREACH", "PermissionError", "EACCES"}


def test_tls(tls):
    lines = tls(
        """
        spans = []
        csock.trace(lambda span: spans.append((threading.current_thread(), span)))
        a, b = pair()
        print(*sorted(span.name for _, span in spans))
        spans.clear()
        ended = Call(a.recv, 1)
        asleep(ended)
        b.send(b"x")
        ended.end()
        print([(span.name, span.attributes) for who, span in spans if who is ended])
        a.settimeout(0.02)
        try:
            a.recv(1)
        except TimeoutError:
            print(spans[-1][1].name, spans[-1][1].attributes["error.type"])
        csock.trace(None)
        ended = Call(b.unwrap)
        a.settimeout(20)
        a.unwrap()
        ended.end()
        """
    )
    assert lines == [
        "TLS handshake TLS handshake",
        "[('recv wait', {'network.transport': 'unix'})]",
        "recv wait TimeoutError",
    ]


def test_a_handshake_that_fails(tls):
    (line,) = tls(
        """
        spans = []
        a, b = unconnected_pair(client=20, server=20)
        csock.trace(spans.append)
        b.close()
        try:
            a.do_handshake()
        except OSError as error:
            (span,) = spans
            kind = type(error)
            same = f"{kind.__module__}.{kind.__qualname__}"
            print(span.name, span.attributes["error.type"].removeprefix("builtins.") in same)
        """
    )
    assert line == "TLS handshake True"


def test_sockets_of_others_are_not_heard(spans):
    a, b = stock.socketpair()
    with a, b:
        a.settimeout(0.01)
        with pytest.raises(TimeoutError):
            a.recv(1)
    assert spans == []


def test_its_repr_and_members(pair, spans):
    pair[0].settimeout(0.01)
    with contextlib.suppress(TimeoutError):
        pair[0].recv(1)
    (span,) = spans
    assert type(span) is csock.Span
    assert re.match(r"<csock.Span 'recv wait', \d+\.\d{6} s, {'network", repr(span))
    assert isinstance(span.start, int) and isinstance(span.end, int)
