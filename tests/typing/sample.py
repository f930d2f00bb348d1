"""A program that uses all of csock, for `mypy --strict`: what it says of each type is checked there
(assert_type), and what it must not let pass is marked as an error to ignore, which is itself an
error when there is none. It also runs: run() calls what needs no rights and no network."""

import array
import contextlib
import io
import os
import ssl
import sys
import tempfile
from typing import Any, assert_type

import csock
from csock import AF_INET, AF_INET6, AF_UNIX, SOCK_DGRAM, SOCK_STREAM, dropin, socket
from csock.dropin import AddressFamily, AddressInfo, MsgFlag, SocketIO, SocketKind


def standing_in() -> None:
    """Not called: for that it would have to come before all else."""
    csock.install(force=True)
    csock.uninstall()


def enums() -> None:
    assert_type(AddressFamily(2), AddressFamily)
    assert_type(AddressFamily.AF_INET.conjugate(), int)
    assert_type(SocketKind.SOCK_STREAM.__repr__(), str)
    assert_type(MsgFlag.MSG_PEEK | MsgFlag.MSG_DONTWAIT, MsgFlag)
    assert_type(AddressInfo.AI_PASSIVE | AddressInfo.AI_NUMERICHOST, AddressInfo)
    families = [csock.AF_INET, csock.AF_NETLINK, csock.AF_PACKET, csock.AF_CAN]
    families += [csock.AF_VSOCK, csock.AF_ALG, csock.AF_TIPC, csock.AF_BLUETOOTH, csock.AF_ROUTE]
    kinds = [csock.SOCK_RAW, csock.SOCK_SEQPACKET, csock.SOCK_CLOEXEC]
    flags = [csock.MSG_OOB, csock.MSG_TRUNC, csock.MSG_WAITALL, csock.MSG_ERRQUEUE]
    infos = [csock.AI_CANONNAME, csock.AI_NUMERICSERV, csock.AI_V4MAPPED]
    assert_type((families, kinds), tuple[list[AddressFamily], list[SocketKind]])
    assert_type((flags, infos), tuple[list[MsgFlag], list[AddressInfo]])
    assert_type(csock.AddressFamily.AF_UNIX is csock.AF_UNIX, bool)
    assert_type(csock.SocketKind.SOCK_DGRAM is csock.SOCK_DGRAM, bool)


def constants() -> int:
    total: int = csock.SOL_SOCKET + csock.SO_REUSEADDR + csock.SO_KEEPALIVE + csock.SO_RCVBUF
    total += csock.IPPROTO_TCP + csock.IPPROTO_UDP + csock.IPPROTO_IPV6 + csock.IPPROTO_ICMP
    total += csock.TCP_NODELAY + csock.TCP_KEEPIDLE + csock.IPV6_V6ONLY + csock.IP_TTL
    total += csock.NI_NUMERICHOST + csock.EAI_NONAME + csock.SHUT_RDWR + csock.SOMAXCONN
    total += csock.INADDR_ANY + csock.INADDR_LOOPBACK + csock.SCM_RIGHTS + csock.CAN_RAW
    total += csock.EAGAIN + csock.EBADF + csock.EWOULDBLOCK + csock.AF_DECnet
    # CPython has no such names, or has them in later versions: they are in csock all the same.
    total += csock.AF_LOCAL + csock.SO_COOKIE + csock.TCP_ULP + csock.SO_PASSRIGHTS
    total += csock.ETH_P_ALL + csock.SO_BINDTOIFINDEX + csock.IP_RECVERR
    if sys.version_info >= (3, 12):
        total += dropin.ETH_P_ALL + dropin.IP_PKTINFO
    if sys.version_info >= (3, 13):
        total += dropin.NI_IDN
    if sys.version_info >= (3, 14):
        total += dropin.IP_RECVERR
    if sys.version_info >= (3, 15):
        total += dropin.SO_PASSRIGHTS
    assert_type(csock.has_ipv6, bool)
    assert_type(csock.BDADDR_ANY + csock.BDADDR_LOCAL, str)
    capsule: object = csock.CAPI
    return total + (capsule is None)


def exceptions() -> None:
    try:
        with socket() as s:
            s.connect(("127.0.0.1", 1))
    except csock.timeout as error:
        assert_type(error, TimeoutError)
    except (csock.gaierror, csock.herror) as error:
        assert_type(error.errno, int | None)
    except csock.error as error:
        assert_type(error, OSError)


def as_in_1998() -> None:
    server = socket(AF_INET, SOCK_STREAM)
    server.bind("localhost", 0)
    server.listen(1)
    host, port = server.getsockname()
    with socket() as client, socket() as other:
        client.connect(host, port)
        assert_type(other.connect_ex(host, port), int)
    server.close()
    with csock.SocketType() as s:
        assert_type(s, socket)


def life(folder: str) -> None:
    s = socket(family=AF_UNIX, type=SOCK_STREAM, proto=0, fileno=None)
    assert_type(s.family, AddressFamily)
    assert_type(s.type, SocketKind)
    assert_type(s.proto, int)
    assert_type(s.timeout, float | None)
    s.bind(os.path.join(folder, "sock"))
    s.listen()
    with s.dup() as copy, socket(fileno=os.dup(s.fileno())) as again:
        assert_type(copy, socket)
        assert_type(again, socket)
    s.settimeout(5)
    s.settimeout(2.5)
    s.settimeout(None)
    assert_type(s.gettimeout(), float | None)
    s.setblocking(True)
    assert_type(s.getblocking(), bool)
    s.set_inheritable(False)
    assert_type(s.get_inheritable(), bool)
    assert_type(s.fileno(), int)
    csock.close(s.detach())


class Mine(socket):
    """Calls that return the class of the object know it."""


def subclass() -> None:
    with Mine() as mine, mine.dup() as copy:
        assert_type(mine, Mine)
        assert_type(copy, Mine)


def options(s: socket) -> None:
    assert_type(s.getsockopt(csock.SOL_SOCKET, csock.SO_TYPE), int)
    assert_type(s.getsockopt(csock.SOL_SOCKET, csock.SO_LINGER, 8), bytes)
    s.setsockopt(csock.SOL_SOCKET, csock.SO_KEEPALIVE, 1)
    s.setsockopt(csock.SOL_SOCKET, csock.SO_LINGER, bytes(8))
    with contextlib.suppress(OSError):
        s.setsockopt(csock.SOL_SOCKET, csock.SO_BINDTODEVICE, None, 0)


def data() -> None:
    a, b = csock.socketpair()
    assert_type(a, socket)
    room = bytearray(10)
    with a, b:
        assert_type(a.send(b"x", csock.MSG_DONTWAIT), int)
        assert_type(b.recv(10, 0), bytes)
        a.sendall(memoryview(b"xyz"))
        assert_type(b.recv_into(room, nbytes=1, flags=0), int)
        assert_type(b.recvfrom(1), tuple[bytes, Any])
        assert_type(b.recvfrom_into(room, 1), tuple[int, Any])
        b.shutdown(csock.SHUT_WR)
    with socket(AF_INET, SOCK_DGRAM) as c, socket(AF_INET, SOCK_DGRAM) as d:
        d.bind(("127.0.0.1", 0))
        assert_type(c.sendto(b"x", d.getsockname()), int)
        assert_type(c.sendto(b"x", 0, d.getsockname()), int)
        c.connect(d.getsockname())
        address: tuple[str, int] = c.getpeername()
        assert_type(address[1], int)


def messages() -> None:
    a, b = csock.socketpair()
    with a, b:
        space = csock.CMSG_LEN(4) + csock.CMSG_SPACE(8)
        rights = [(csock.SOL_SOCKET, csock.SCM_RIGHTS, array.array("i", [0]))]
        assert_type(a.sendmsg([b"x", bytearray(b"y")], rights, 0), int)
        text, ancillary, flags, address = b.recvmsg(10, space, csock.MSG_CMSG_CLOEXEC)
        assert_type((text, flags), tuple[bytes, int])
        assert_type(ancillary, list[tuple[int, int, bytes]])
        for _, _, packed in ancillary:
            for fd in array.array("i", packed):
                csock.close(fd)
        a.sendmsg((b"xyz",))
        count, ancillary, flags, address = b.recvmsg_into([bytearray(2), bytearray(2)])
        assert_type(count, int)
        assert_type(csock.send_fds(a, [b"x"], [a.fileno()]), int)
        text, fds, flags, address = csock.recv_fds(b, 10, maxfds=4)
        assert_type(fds, list[int])
        for fd in fds:
            csock.close(fd)
        assert address is None
        with open(__file__, "rb") as file:
            assert_type(a.sendfile(file, offset=0, count=100), int)


def algorithms() -> None:
    with contextlib.suppress(OSError), socket(csock.AF_ALG, csock.SOCK_SEQPACKET) as s:
        s.bind(("skcipher", "cbc(aes)"))
        s.setsockopt(csock.SOL_ALG, csock.ALG_SET_KEY, bytes(16))
        operation, _ = s.accept()
        with operation:
            block, iv = bytes(16), bytes(16)
            assert_type(operation.sendmsg_afalg([block], op=csock.ALG_OP_ENCRYPT, iv=iv), int)


def files() -> None:
    a, b = csock.socketpair(AF_UNIX, SOCK_STREAM, 0)
    with a, b:
        assert_type(a.makefile(), io.TextIOWrapper)
        assert_type(a.makefile("rw", encoding="utf-8", errors=None, newline="\n"), io.TextIOWrapper)
        assert_type(a.makefile("rb"), io.BufferedReader)
        assert_type(a.makefile("wb", -1), io.BufferedWriter)
        assert_type(a.makefile("rwb"), io.BufferedRWPair)
        assert_type(a.makefile("rwb", buffering=0), SocketIO)
        raw = SocketIO(a, "rw")
        room = bytearray(4)
        assert_type(raw.write(b"data"), int | None)
        assert_type(SocketIO(b, "r").readinto(room), int | None)
        assert_type(raw.mode, str)
        assert_type(raw.name, int)
        assert_type(raw.fileno(), int)
        assert_type([raw.readable(), raw.writable(), raw.seekable(), raw.closed], list[bool])
        raw.close()


def reading() -> None:
    a, b = csock.socketpair()
    with a, b:
        reader = csock.Reader(b, limit=100)
        assert_type(reader, csock.Reader[socket])
        a.sendall(b"line\n\0\4some|more\r\nlast\n")
        assert_type(reader.readline(), bytes)
        assert_type(reader.peek(2), bytes)
        assert_type(reader.readexactly(n=2) + reader.read(4), bytes)
        assert_type(reader.readuntil(b"|") + reader.readuntil((b"\r\n", b"\n")), bytes)
        assert_type(reader.pending, int)
        a.close()
        for line in reader:
            assert_type(line, bytes)
        assert_type(reader.at_eof(), bool)
        try:
            reader.readexactly(1)
        except csock.IncompleteReadError as error:
            assert_type((error.partial, error.expected), tuple[bytes, int | None])
        except csock.LimitOverrunError as error:
            assert_type(error.consumed, int)
        assert_type(reader.detach(), tuple[socket, bytes])


def over_tls(s: ssl.SSLSocket) -> csock.Reader[ssl.SSLSocket]:
    return csock.Reader(s)


def connections() -> None:
    with csock.create_server(("127.0.0.1", 0), family=AF_INET, backlog=5, reuse_port=True) as s:
        address = s.getsockname()
        with csock.create_connection(address, 5.0, ("127.0.0.1", 0), all_errors=True) as c:
            assert_type(c, socket)
            conn, peer = s.accept()
            assert_type(conn, socket)
            with csock.fromfd(conn.fileno(), AF_INET, SOCK_STREAM, 0) as copy:
                assert_type(copy, socket)
            conn.close()
            assert peer == c.getsockname()
    if csock.has_dualstack_ipv6():
        csock.create_server(("", 0), family=AF_INET6, dualstack_ipv6=True).close()


def names() -> None:
    for family, kind, proto, name, address in csock.getaddrinfo(
        "127.0.0.1", 80, family=0, type=SOCK_STREAM, proto=0, flags=csock.AI_NUMERICHOST
    ):
        assert_type(family, AddressFamily)
        assert_type(kind, SocketKind)
        assert_type((proto, name), tuple[int, str])
        assert_type(csock.getnameinfo(address, csock.NI_NUMERICHOST), tuple[str, str])
    csock.getaddrinfo(None, "http")
    csock.getaddrinfo(b"127.0.0.1", b"http")
    assert_type(csock.gethostbyname("localhost"), str)
    assert_type(csock.gethostbyname_ex("localhost"), tuple[str, list[str], list[str]])
    assert_type(csock.gethostbyaddr("127.0.0.1"), tuple[str, list[str], list[str]])
    assert_type(csock.gethostname(), str)
    assert_type(csock.getfqdn() + csock.getfqdn("localhost"), str)
    assert_type(csock.getprotobyname("tcp"), int)
    assert_type(csock.getservbyname("http"), int)
    assert_type(csock.getservbyport(80, "tcp"), str)


def interfaces() -> None:
    for number, name in csock.if_nameindex():
        assert_type(csock.if_indextoname(number), str)
        assert_type(csock.if_nametoindex(name), int)
    with contextlib.suppress(OSError):
        csock.sethostname(csock.gethostname())
        csock.sethostname(csock.gethostname().encode())


def conversions() -> None:
    assert_type(csock.htons(1) + csock.ntohs(1) + csock.htonl(1) + csock.ntohl(1), int)
    assert_type(csock.inet_aton("127.0.0.1"), bytes)
    assert_type(csock.inet_ntoa(b"\x7f\0\0\1"), str)
    assert_type(csock.inet_pton(AF_INET6, "::1"), bytes)
    assert_type(csock.inet_ntop(AF_INET6, bytes(16)), str)


def dialling() -> None:
    with csock.dial("host", 80, timeout=1.5, options=[(6, 1, 1), (6, 2, b"x")]) as s:
        assert_type(s, csock.socket)
    try:
        csock.dial(("::1", 80, 0, 0), family=csock.AF_INET6, source_address=("", 0))
    except OSError as error:
        attempts: list[csock.Attempt] = list(getattr(error, "attempts", ()))
        assert_type(attempts[0].elapsed, float)
        assert_type(attempts[0].error, OSError | None)
    csock.install(race=False)
    csock.adapt("urllib3", "redis")


def standing(s: csock.socket) -> None:
    assert_type(csock.is_alive(s), bool)
    assert_type(csock.stats().bytes_sent + csock.stats(s).receives, int)
    assert_type(csock.stats(s).waited, float)
    counted: list[csock.Stats] = [csock.stats(s)]
    assert_type(counted[0].since, float)
    spans: list[csock.Span] = []
    csock.trace(spans.append)
    csock.trace(None)
    with tempfile.TemporaryDirectory() as folder:
        with csock.capture(s, f"{folder}/a", tls="plain", snaplen=100) as capture:
            assert_type(capture, csock.Capture)
            capture.add(s)
    assert_type([(span.name, span.start, span.attributes, span.end) for span in spans],
                list[tuple[str, int, dict[str, str | int], int]])  # fmt: skip


def deadlines() -> None:
    with csock.deadline(5.0, shield=True) as d:
        assert_type(d, csock.deadline)
        assert_type(d.remaining(), float | None)
        assert_type(d.expired(), bool)
        assert_type(csock.current_deadline(), csock.deadline | None)
        rows: list[csock.Lookup] = csock.lookups()
        assert_type([row.host for row in rows if row.waiting], list[str])
        with csock.deadline(None), csock.deadline(until=csock.current_deadline()):
            pass
    try:
        with csock.deadline(0), socket() as s:
            s.connect(("127.0.0.1", 1))
    except csock.DeadlineExceeded as error:
        late: TimeoutError = error
        assert "connect to 127.0.0.1:1" in str(late)


def defaults() -> None:
    before = csock.getdefaulttimeout()
    assert_type(before, float | None)
    csock.setdefaulttimeout(5)
    csock.setdefaulttimeout(before)
    with socket() as s:
        csock.close(csock.dup(s.fileno()))


def mistakes(s: socket) -> None:
    """Not called: each line is one that a checker has to refuse."""
    csock.Reader(1)  # type: ignore[type-var]
    csock.Reader(s).readuntil("text")  # type: ignore[arg-type]
    s.bind("localhost", "80")  # type: ignore[call-overload]
    s.settimeout("1")  # type: ignore[arg-type]
    s.setsockopt(csock.SOL_SOCKET, csock.SO_LINGER, "8")  # type: ignore[call-overload]
    s.send("text")  # type: ignore[arg-type]
    s.recv()  # type: ignore[call-arg]
    s.recv_into("text")  # type: ignore[arg-type]
    s.family = AF_INET  # type: ignore[misc]
    csock.gethostbyname(1)  # type: ignore[arg-type]
    csock.htons("1")  # type: ignore[arg-type]
    csock.deadline("5")  # type: ignore[arg-type]
    csock.deadline(5, True)  # type: ignore[call-arg]
    _ = csock.AF_NOPE  # type: ignore[attr-defined]
    _ = csock.AF_INET.nope  # type: ignore[attr-defined]
    _ = dropin.AF_LOCAL  # type: ignore[attr-defined]
    if sys.version_info < (3, 15):
        _ = dropin.SO_PASSRIGHTS  # type: ignore[attr-defined]


def run() -> None:
    with tempfile.TemporaryDirectory() as folder:
        life(folder)
    with socket() as s:
        options(s)
    enums()
    constants()
    exceptions()
    as_in_1998()
    subclass()
    data()
    messages()
    algorithms()
    files()
    reading()
    connections()
    names()
    interfaces()
    conversions()
    deadlines()
    defaults()


if __name__ == "__main__":
    run()
