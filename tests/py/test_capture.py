"""csock.capture(): what tshark reads in the file is what went over the socket, and it finds no
fault with it."""

import contextlib
import os
import select
import socket as stock
import struct
import threading

import pytest
import testkit
from capturekit import AS_DATA, echo, faults, fields, followed, tshark, with_tshark

import csock
from csock import _core

pytestmark = with_tshark
FAMILIES = [stock.AF_INET, stock.AF_INET6, stock.AF_UNIX]


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "a.pcapng")


@contextlib.contextmanager
def pair(family=stock.AF_INET):
    if family == stock.AF_INET6 and not testkit.has_ipv6():
        pytest.skip("no IPv6")
    if family == stock.AF_UNIX:
        both = csock.socketpair()
    else:
        both = testkit.tcp_pair(csock, family)
    with both[0], both[1]:
        yield both


def sound(path):
    assert faults(path) == ""


def sides(path):
    """What the captured socket has sent, and got. Nobody finds fault with the file."""
    names = "frame.packet_flags_direction", "tcp.analysis.flags", "_ws.malformed", "tcp.flags"
    rows = fields(path, *names, words=AS_DATA)
    assert {(flags, malformed) for _, flags, malformed, _ in rows} == {("", "")}
    ((direction, *_),) = (row for row in rows if int(row[3], 0) == 2)  # SYN
    both = followed(path)
    return both if int(direction, 0) == 2 else both[::-1]


SENDS = {
    "send": lambda s, data: s.send(data),
    "sendall": lambda s, data: s.sendall(data),
    "sendmsg": lambda s, data: s.sendmsg([data[:3], data[3:]]),
    "makefile": lambda s, data: s.makefile("wb", buffering=0).write(data),
    "bytearray": lambda s, data: s.send(bytearray(data)),
    "with a flag": lambda s, data: s.send(data, stock.MSG_NOSIGNAL),
}
RECEIVES = {
    "recv": lambda s: s.recv(100),
    "recv of much": lambda s: s.recv(1 << 20),
    "recv with a flag": lambda s: s.recv(100, stock.MSG_DONTWAIT),
    "recv_into": lambda s: s.recv_into(bytearray(100)),
    "recvfrom": lambda s: s.recvfrom(100),
    "recvfrom_into": lambda s: s.recvfrom_into(bytearray(100)),
    "recvmsg": lambda s: s.recvmsg(100),
    "recvmsg_into": lambda s: s.recvmsg_into([bytearray(2), bytearray(100)]),
    "makefile": lambda s: s.makefile("rb", buffering=0).read(100),
    "Reader": lambda s: csock.Reader(s).readline(),
}


@pytest.mark.parametrize("timeout", [None, 20, 0])
@pytest.mark.parametrize("family", FAMILIES)
def test_all_methods(path, family, timeout):
    sent = received = b""
    with pair(family) as (a, b):
        a.settimeout(timeout)
        with csock.capture(a, path):
            for name, send in SENDS.items():
                data = f"by {name}\n".encode()
                send(a, data)
                sent += b.recv(100)
                assert sent.endswith(data)
            for name, receive in RECEIVES.items():
                data = f"by {name}\n".encode()
                b.sendall(data)
                assert is_readable(a)
                receive(a)
                received += data
            a.shutdown(stock.SHUT_WR)
            assert b.recv(1) == b""
            b.shutdown(stock.SHUT_WR)
            assert is_readable(a)
            assert a.recv(1) == a.recv(1) == b""
    assert sides(path) == (sent, received)
    flags = "tcp.flags.fin", "frame.packet_flags_direction"
    assert [int(row[1], 0) for row in fields(path, *flags, where="tcp.flags.fin==1")] == [2, 1]


def is_readable(sock):
    return bool(select.select([sock], [], [], 20)[0])


def test_addresses_and_what_is_said(path):
    with pair() as (a, b), csock.capture(a, path):
        own, peer = a.getsockname(), a.getpeername()
        a.sendall(b"from here")
        b.sendall(b"from there")
        a.recv(100)
    rows = fields(path, "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport",
                  "frame.packet_flags_direction", where="tcp.len > 0")  # fmt: skip
    flat = [own[0], str(own[1]), peer[0], str(peer[1])]
    assert [row[:4] for row in rows] == [flat, flat[2:] + flat[:2]]
    assert [int(row[4], 0) for row in rows] == [2, 1]
    comments = [row[0] for row in fields(path, "frame.comment", where="frame.comment")]
    assert comments == [f"process {os.getpid()}, thread {threading.get_native_id()}, "
                        f"descriptor {comments[0].split()[-1]}"]  # fmt: skip
    times = [float(row[0]) for row in fields(path, "frame.time_epoch")]
    assert times == sorted(times)


def test_checksums_are_right(path):
    with pair() as (a, b), csock.capture(a, path):
        for n in range(1, 70):
            a.sendall(os.urandom(n))
            b.sendall(os.urandom(n))
            a.recv(n, stock.MSG_WAITALL)
    words = [word for one in ("ip", "tcp") for word in ("-o", f"{one}.check_checksum:TRUE")]
    rows = fields(path, "ip.checksum.status", "tcp.checksum.status", words=words)
    assert len(rows) == 3 + 2 * 69 and set(map(tuple, rows)) == {("1", "1")}


@pytest.mark.parametrize("first", [1, 2**32 - 1000])
def test_threads_that_send_and_receive(path, first):
    """Much, both ways at once, and over the end of the sequence numbers."""
    size = 3_000_000
    sent, back = os.urandom(size), []
    with pair() as (a, b):
        file = _core.capture_open(path, ("", "", ""), 0, first)
        _core.capture_add(file, a, False)

        def receive():
            while sum(map(len, back)) < size:
                back.append(a.recv(70_000))

        jobs = [testkit.Job(echo, b, size), testkit.Job(receive)]
        a.sendall(sent)
        for job in jobs:
            job.result()
    assert b"".join(back) == sent
    assert sides(path) == (sent, sent)


def test_threads_are_told(path):
    with pair() as (a, b), csock.capture(a, path):
        a.sendall(b"one")
        a.sendall(b"two")
        number = testkit.Job(lambda: (a.sendall(b"three"), threading.get_native_id())[1]).result()
        b.recv(100, stock.MSG_WAITALL | stock.MSG_DONTWAIT)
    rows = fields(path, "frame.comment", where="tcp.len > 0")
    assert [row[0] for row in rows] == ["", "", f"thread {number}"]


def test_snaplen(path):
    with pair() as (a, b), csock.capture(a, path, snaplen=16):
        a.sendall(b"x" * 100_000)
        b.recv(100_000, stock.MSG_WAITALL)
    sound(path)
    rows = fields(path, "tcp.len", "frame.cap_len", where="tcp.len > 0")
    assert sum(int(row[0]) for row in rows) == 100_000
    assert {row[1] for row in rows} == {str(20 + 20 + 16)}
    assert os.stat(path).st_size < 3000


def test_reset(path):
    with pair() as (a, b), csock.capture(a, path):
        a.sendall(b"x")
        b.setsockopt(stock.SOL_SOCKET, stock.SO_LINGER, struct.pack("ii", 1, 0))
        b.close()
        with pytest.raises(ConnectionResetError):
            a.recv(1)
        with pytest.raises(BrokenPipeError):
            a.send(b"x")
    assert sides(path) == (b"x", b"")
    rows = fields(path, "frame.packet_flags_direction", where="tcp.flags.reset==1")
    assert [int(row[0], 0) for row in rows] == [1]
    assert fields(path, "tcp.flags.fin", where="tcp.flags.fin==1") == []


def test_connect(path, tmp_path):
    """Made, refused, and not answered for."""
    with csock.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = free.getsockname()
        with csock.socket() as sock, csock.capture(sock, path):
            with pytest.raises(ConnectionRefusedError):
                sock.connect(nobody)
    assert fields(path, "tcp.dstport", "tcp.flags.syn", "tcp.flags.reset") == [
        [str(nobody[1]), "1", "0"],
        [str(sock_port(path)), "0", "1"],
    ]
    other = str(tmp_path / "b.pcapng")
    with csock.create_server(("127.0.0.1", 0)) as server, csock.socket() as sock:
        with csock.capture(sock, other):
            sock.connect(server.getsockname())
            sock.sendall(b"hello")
    assert followed(other) == sides(other) == (b"hello", b"")


def sock_port(path):
    return fields(path, "tcp.srcport")[0][0]


def test_several_sockets_and_both_ends_in_one_file(path):
    with pair() as (a, b), pair() as (c, d), csock.capture(a, path) as capture:
        capture.add(c)
        capture.add(b)  # what a sees is there already
        for sock, peer in ((a, b), (c, d), (b, a)):
            sock.sendall(b"from %d" % sock.fileno())
            peer.recv(100)
    sound(path)
    assert len(fields(path, "tcp.len", where="tcp.len > 0")) == 3
    assert {row[0] for row in fields(path, "tcp.stream")} == {"0", "1"}


def test_what_is_only_looked_at_is_not_there_twice(path):
    with pair() as (a, b), csock.capture(a, path):
        b.sendall(b"once")
        assert a.recv(10, stock.MSG_PEEK) == a.recv(4, stock.MSG_PEEK) == b"once"
        with pytest.raises(BlockingIOError):
            a.recv(10, stock.MSG_ERRQUEUE)
        assert a.recv(10) == b"once"
        b.sendall(b"thrown away")
        assert is_readable(a)
        assert len(a.recv(11, stock.MSG_TRUNC)) == 0
    sound(path)
    rows = fields(path, "tcp.len", "frame.cap_len", where="tcp.len > 0")
    assert rows == [["4", "44"], ["11", "40"]]


def test_sendfile(path, tmp_path):
    data = os.urandom(300_000)
    name = tmp_path / "data"
    name.write_bytes(data)
    with pair() as (a, b), csock.capture(a, path), open(name, "rb") as file:
        job = testkit.Job(lambda: testkit.drain(b, len(data)))
        assert a.sendfile(file) == len(data)
        assert job.result() == len(data)
    assert sides(path)[0] == data


def test_seqpacket(path):
    a, b = csock.socketpair(stock.AF_UNIX, stock.SOCK_SEQPACKET)
    with a, b, csock.capture(a, path):
        a.send(b"one")
        b.send(b"two")
        a.recv(100)
    assert sides(path) == (b"one", b"two")


def test_a_message_of_no_bytes_is_no_end(path):
    a, b = csock.socketpair(stock.AF_UNIX, stock.SOCK_SEQPACKET)
    with a, b, csock.capture(a, path):
        for word in (b"one", b"", b"two"):
            b.send(word)
            assert a.recv(100) == word
    assert sides(path) == (b"", b"onetwo")


def test_names_of_unix_sockets(path, tmp_path):
    with csock.socket(stock.AF_UNIX) as server, csock.socket(stock.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen()
        with csock.capture(client, path):
            client.connect(str(tmp_path / "s"))
            client.sendall(b"x")
    (comment,) = (row[0] for row in fields(path, "frame.comment", where="frame.comment"))
    assert comment.endswith(f", peer {tmp_path}/s")
    rows = fields(path, "ip.src", "ip.dst", "tcp.dstport", where="tcp.len > 0")
    assert rows == [["127.0.0.1", "127.0.0.2", "61000"]]


def test_it_may_be_read_at_any_time(path):
    with pair() as (a, b), csock.capture(a, path):
        for count in range(1, 4):
            a.sendall(b"x" * 1000)
            b.recv(1000, stock.MSG_WAITALL)
            assert len(fields(path, "tcp.len", where="tcp.len > 0")) == count


def test_what_comes_after_and_before_is_not_there(path):
    with pair() as (a, b):
        a.sendall(b"before")
        with csock.capture(a, path):
            a.sendall(b"now")
        a.sendall(b"after")
        assert b.recv(100, stock.MSG_WAITALL | stock.MSG_DONTWAIT) == b"beforenowafter"
        assert fields(path, "tcp.flags.fin", where="tcp.flags.fin==1") == []
    assert sides(path) == (b"now", b"")


def holds(path):
    """Whether this process has the file open."""
    links = (f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd"))
    return path in [os.readlink(link) for link in links if os.path.exists(link)]


def test_ends_with_the_socket(path):
    for end in ("close", "detach"):
        with pair() as (a, b):
            csock.capture(a, path)  # nobody keeps it
            assert holds(path)
            a.sendall(b"x")
            fd = a.detach() if end == "detach" else a.close()
            assert not holds(path)
            if end == "detach":
                stock.close(fd)
        sound(path)
        ended = fields(path, "tcp.flags.fin", where="tcp.flags.fin==1")
        assert len(ended) == (end == "close")
        os.unlink(path)


def test_head(path):
    with pair() as (a, _), csock.capture(a, path):
        pass
    data = open(path, "rb").read()
    for text in (os.uname().machine, os.uname().release, f"csock {csock.__version__}"):
        assert text.encode() in data
    assert tshark(path) == ""


@pytest.mark.parametrize("name", ["send", "sendall", "sendmsg"])
def test_a_handler_that_raises_ends_a_send(path, name, on_alarm):
    class Enough(Exception):
        pass

    def enough():
        raise Enough

    with pair(stock.AF_UNIX) as (a, b), csock.capture(a, path):
        on_alarm(enough, 0.3, 1)  # once more if it came before the call waited
        with pytest.raises(Enough):
            SENDS[name](a, bytes(1 << 24))
        on_alarm.stop()
        a.shutdown(stock.SHUT_WR)
        arrived = testkit.drain(b)
    sent, got = sides(path)
    assert (len(sent), got) == (arrived, b"") and arrived > 0
