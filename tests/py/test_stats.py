"""csock.stats(): what a socket has carried, by which calls and after which waits; a build without
counters says so."""

import copy
import pickle
import socket as stock
import time

import childkit
import pytest
import testkit
from statskit import counted, moved, with_counters, woken

import csock

FIELDS = "bytes_received bytes_sent receives sends waits waited since".split()


def test_without_counters(pair):
    if counted():
        assert csock.stats(pair[0])
    else:
        with pytest.raises(RuntimeError, match="stats=false"):
            csock.stats(pair[0])


@pytest.mark.parametrize("other", [1, None, "text", stock.socket])
def test_other_objects(other):
    with pytest.raises(TypeError, match="a socket of csock's, not"):
        csock.stats(other)
    with stock.socket() as s, pytest.raises(TypeError, match="a socket of csock's, not socket"):
        csock.stats(s)
    with pytest.raises(TypeError):
        csock.stats(1, 2)


@with_counters
def test_the_row(pair):
    a, b = pair
    before = time.monotonic()
    with csock.socket() as fresh:
        row = csock.stats(fresh)
    after = time.monotonic()
    assert [name for name in FIELDS if hasattr(row, name)] == FIELDS and len(row) == len(FIELDS)
    assert row[:6] == (0, 0, 0, 0, 0, 0.0)
    assert before <= row.since <= after
    assert type(row) is type(csock.stats()) and "bytes_received=0" in repr(row)
    a.send(b"x")
    b.recv(1)
    assert csock.stats(a).since <= before


@with_counters
def test_its_class_has_a_name(pair):
    assert type(csock.stats()) is type(csock.stats(pair[0])) is csock.Stats


ROWS = {
    "Stats": (1, 2, 3, 4, 5, 0.5, 7.5),
    "Lookup": ("host.example", "80", 0, 1.5, 1, 4711),
    "Attempt": (("192.0.2.1", 80), 0.5, None),
}


@pytest.mark.parametrize("name", ROWS)
def test_rows_go_to_other_processes_and_are_copied(name):
    row = getattr(csock, name)(ROWS[name])
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(row, protocol))
        assert type(again) is type(row) and again == row == ROWS[name]
    assert copy.copy(row) == copy.deepcopy(row) == row
    text = f"import pickle; print(pickle.loads({pickle.dumps(row)!r}))"  # csock is not there yet
    assert childkit.out(text, env=childkit.environment()) == f"{row}\n"


RECEIVES = {
    "recv": lambda s: s.recv(100),
    "recv of much": lambda s: s.recv(1 << 20),
    "recv of more than is kept": lambda s: s.recv(3 << 20),
    "recv with flags": lambda s: s.recv(100, csock.MSG_DONTWAIT),
    "recv_into": lambda s: s.recv_into(bytearray(100)),
    "recvfrom": lambda s: s.recvfrom(100),
    "recvfrom_into": lambda s: s.recvfrom_into(bytearray(100)),
    "recvmsg": lambda s: s.recvmsg(100),
    "recvmsg of much": lambda s: s.recvmsg(1 << 20),
    "recvmsg_into": lambda s: s.recvmsg_into([bytearray(2), bytearray(98)]),
    "recv_fds": lambda s: csock.recv_fds(s, 100, 1),
    "makefile": lambda s: s.makefile("rb", buffering=0).read(100),
    "Reader": lambda s: csock.Reader(s).readexactly(5),
}


@with_counters
@pytest.mark.parametrize("timeout", [None, 0, 20])
@pytest.mark.parametrize("name", RECEIVES)
def test_receives(pair, name, timeout):
    a, b = pair
    b.settimeout(timeout)
    a.sendall(b"12345")
    RECEIVES[name](b)
    assert moved(b) == (5, 1, 0, 0)
    assert csock.stats(b).waits == 0


SENDS = {
    "send": lambda s: s.send(b"12345"),
    "send of another buffer": lambda s: s.send(bytearray(b"12345")),
    "send with flags": lambda s: s.send(b"12345", csock.MSG_DONTWAIT),
    "sendall": lambda s: s.sendall(b"12345"),
    "sendall with flags": lambda s: s.sendall(b"12345", csock.MSG_DONTWAIT),
    "sendmsg": lambda s: s.sendmsg([b"12", b"345"]),
    "send_fds": lambda s: csock.send_fds(s, [b"12345"], [0]),
    "makefile": lambda s: s.makefile("wb", buffering=0).write(b"12345"),
}


@with_counters
@pytest.mark.parametrize("timeout", [None, 0, 20])
@pytest.mark.parametrize("name", SENDS)
def test_sends(pair, name, timeout):
    a, _ = pair
    a.settimeout(timeout)
    SENDS[name](a)
    assert moved(a) == (0, 0, 5, 1)
    assert csock.stats(a).waits == 0


@with_counters
def test_datagrams():
    a, b = testkit.udp_pair(csock)
    with a, b:
        a.sendto(b"12345", b.getsockname())
        a.sendto(b"", 0, b.getsockname())
        assert moved(a) == (0, 0, 5, 2)
        b.settimeout(20)
        assert b.recvfrom(3)[0] == b"123" and b.recv(3) == b""
        assert moved(b) == (3, 2, 0, 0)
        a.sendto(b"12345", b.getsockname())
        assert b.recv_into(bytearray(2), 0, csock.MSG_TRUNC) == 5
        assert moved(b) == (5, 3, 0, 0)


@with_counters
def test_what_takes_nothing_away_does_not_count(pair):
    a, b = pair
    a.sendall(b"12345")
    for peek in b.recv, b.recvmsg, b.recvfrom:
        peek(100, *[0] * (peek == b.recvmsg), csock.MSG_PEEK)
    b.recv_into(bytearray(9), 0, csock.MSG_PEEK)
    assert b.recv(0) == b""
    csock.Reader(b).peek(2)  # the reader has them; they have left the socket
    assert moved(b) == (5, 1, 0, 0)


@with_counters
def test_failed_calls(pair):
    a, b = pair
    a.setblocking(False)
    for call in (a.recv, 1), (a.recv_into, bytearray(1)), (a.recvmsg, 1):
        with pytest.raises(BlockingIOError):
            call[0](call[1])
    b.close()
    with pytest.raises(BrokenPipeError):
        a.send(b"x")
    with pytest.raises(BrokenPipeError):
        a.sendall(b"x")
    assert a.recv(1) == b""
    assert moved(a) == (0, 1, 0, 0)


@with_counters
def test_a_sendall_that_ends_early_has_sent_a_part(pair):
    a, b = pair
    a.settimeout(0.05)
    with pytest.raises(TimeoutError):
        a.sendall(bytes(1 << 24))
    _, _, sent, sends = moved(a)
    assert 0 < sent < 1 << 24 and sends == 1
    b.setblocking(False)
    assert testkit.drain(b, sent) == sent
    assert csock.stats(a).waits == 1 and csock.stats(a).waited > 0.045


@with_counters
def test_a_makefile_counts_what_reaches_the_socket(pair):
    a, b = pair
    a.sendall(b"line\n" * 100)
    with b.makefile("rb") as lines:
        assert len([lines.readline() for _ in range(100)]) == 100
    assert moved(b) == (500, 1, 0, 0)


@with_counters
def test_sendfile(pair, folder):
    a, b = pair
    (folder / "file").write_bytes(bytes(5000))
    with open("file", "rb") as file:
        assert a.sendfile(file) == 5000
    received, _, sent, sends = moved(a)
    assert (received, sent) == (0, 5000) and sends >= 1
    assert len(b.recv(5000)) == 5000


@with_counters
def test_waits(pair):
    a, b = pair
    woken(lambda: b.recv(1), lambda: (time.sleep(0.03), a.send(b"x")))
    one = csock.stats(b)
    assert one.waits == 1 and one.waited > 0.02
    b.settimeout(0.05)
    with pytest.raises(TimeoutError):
        b.recv(1)
    two = csock.stats(b)
    assert two.waits == 2 and two.waited - one.waited > 0.045
    assert (two.receives, two.bytes_received) == (1, 1)


@with_counters
def test_time_waited_is_that_of_the_clock(pair):
    a, _ = pair
    a.settimeout(0.2)
    csock.stats()
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        a.recv(1)
    took = time.monotonic() - began
    assert 0.198 < csock.stats(a).waited < took * 1.01


@with_counters
def test_connect_and_accept_are_waits():
    with testkit.listener(csock) as server:
        with csock.create_connection(server.getsockname()) as dialled, csock.socket() as s:
            s.connect(server.getsockname())
            for client in dialled, s:
                conn, _ = server.accept()
                assert csock.stats(conn)[:6] == (0, 0, 0, 0, 0, 0.0)
                conn.close()
                assert csock.stats(client)[:5] == (0, 0, 0, 0, 1)
        assert csock.stats(server).waits == 2
