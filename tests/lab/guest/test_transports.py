"""Families and protocols of their own between two sockets of this machine: TIPC, VSOCK, QIPCRTR,
RDS; and what goes over IP: SCTP, UDP-Lite, MPTCP, DCCP."""

import contextlib
import struct
import threading

import pytest

LOCAL = "127.0.0.1"


def echo_once(impl, server):
    """A thread that sends back what one connection says, and what accept() told of it."""
    told = {}

    def serve():
        conn, told["address"] = server.accept()
        impl.keep(conn)
        told["type"] = type(conn)
        with contextlib.suppress(ConnectionResetError):  # TIPC's way of ending
            while data := conn.recv(65536):
                conn.sendall(data)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread, told


def exchange(impl, client, server, address, size=100000):
    """Connects, and has `size` bytes sent back; what accept() told."""
    thread, told = echo_once(impl, server)
    client.connect(address)
    data, got = b"0123456789" * (size // 10), bytearray()
    sender = threading.Thread(target=client.sendall, args=(data,), daemon=True)
    sender.start()
    while len(got) < size:
        part = client.recv(65536)
        assert part, "the other end closed early"
        got += part
    assert got == data
    sender.join(30)
    client.close()
    thread.join(30)
    assert not thread.is_alive() and not sender.is_alive()
    assert told["type"] is impl.module.socket
    return told["address"]


# ---------------------------------------------------------------------- TIPC

SERVICE = 18888


def tipc_server(impl, kind):
    s = impl.open(impl.AF_TIPC, kind)
    s.bind((impl.TIPC_ADDR_NAMESEQ, SERVICE, 10, 20))
    return s


def test_tipc_datagrams(impl):
    a, b = tipc_server(impl, impl.SOCK_RDM), impl.open(impl.AF_TIPC, impl.SOCK_RDM)
    name = (impl.TIPC_ADDR_NAME, SERVICE, 15, 0)
    assert b.sendto(b"by name", name) == 7
    data, sender = a.recvfrom(100)
    assert data == b"by name"
    assert sender == b.getsockname() and sender[0] == impl.TIPC_ADDR_ID
    a.sendto(b"by id", sender)
    assert b.recvfrom(100) == (b"by id", a.getsockname())


@pytest.mark.parametrize("scope", ["TIPC_ZONE_SCOPE", "TIPC_CLUSTER_SCOPE", "TIPC_NODE_SCOPE"])
def test_tipc_scopes(impl, scope):
    s = impl.open(impl.AF_TIPC, impl.SOCK_RDM)
    s.bind((impl.TIPC_ADDR_NAMESEQ, SERVICE + 1, 1, 1, getattr(impl, scope)))
    b = impl.open(impl.AF_TIPC, impl.SOCK_RDM)
    b.sendto(b"x", (impl.TIPC_ADDR_NAME, SERVICE + 1, 1, 0, impl.TIPC_NODE_SCOPE))
    assert s.recv(10) == b"x"


def test_tipc_stream(impl):
    server = tipc_server(impl, impl.SOCK_STREAM)
    server.listen()
    client = impl.open(impl.AF_TIPC, impl.SOCK_STREAM)
    peer = exchange(impl, client, server, (impl.TIPC_ADDR_NAME, SERVICE, 11, 0))
    assert peer[0] == impl.TIPC_ADDR_ID


def test_tipc_pair(impl):
    a, b = impl.socketpair(impl.AF_TIPC, impl.SOCK_SEQPACKET)
    impl.keep(a), impl.keep(b)
    a.send(b"one")
    a.send(b"two")
    assert (b.recv(10), b.recv(10)) == (b"one", b"two")


# --------------------------------------------------------------------- VSOCK

VM_LOCAL = 1  # VMADDR_CID_LOCAL: a name from 3.14 on


@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_SEQPACKET"])
def test_vsock_loopback(impl, kind):
    kind = getattr(impl, kind)
    server = impl.open(impl.AF_VSOCK, kind)
    server.bind((impl.VMADDR_CID_ANY, impl.VMADDR_PORT_ANY))
    cid, port = server.getsockname()
    assert cid == impl.VMADDR_CID_ANY and port >= 1024
    server.listen()
    client = impl.open(impl.AF_VSOCK, kind)
    if kind == impl.SOCK_SEQPACKET:
        thread, _ = echo_once(impl, server)
        client.connect((VM_LOCAL, port))
        client.send(b"one record")
        assert client.recv(100) == b"one record"
        client.close()
        thread.join(30)
    else:
        peer = exchange(impl, client, server, (VM_LOCAL, port))
        assert peer[0] == VM_LOCAL and peer[1] > 0


def test_vsock_sizes_are_of_64_bits(impl):
    s = impl.open(impl.AF_VSOCK, impl.SOCK_STREAM)
    s.setsockopt(impl.AF_VSOCK, impl.SO_VM_SOCKETS_BUFFER_MAX_SIZE, 1 << 21)
    s.setsockopt(impl.AF_VSOCK, impl.SO_VM_SOCKETS_BUFFER_SIZE, 1 << 20)
    assert s.getsockopt(impl.AF_VSOCK, impl.SO_VM_SOCKETS_BUFFER_SIZE) == 1 << 20
    assert s.getsockopt(impl.AF_VSOCK, impl.SO_VM_SOCKETS_BUFFER_MAX_SIZE) == 1 << 21


def test_vsock_refuses_where_nobody_listens(impl):
    client = impl.open(impl.AF_VSOCK, impl.SOCK_STREAM)
    with pytest.raises(ConnectionResetError):
        client.connect((VM_LOCAL, 999999))


# ------------------------------------------------------------------- QIPCRTR


def test_qipcrtr_datagrams(impl):
    a, b = (impl.open(impl.AF_QIPCRTR, impl.SOCK_DGRAM) for _ in range(2))
    for s in a, b:
        s.bind((a.getsockname()[0], 0))
    node, port = b.getsockname()
    assert port > 0
    assert a.sendto(b"across the router", (node, port)) == 17
    assert b.recvfrom(100) == (b"across the router", a.getsockname())
    b.connect(a.getsockname())
    assert b.getpeername() == a.getsockname()
    b.send(b"back")
    assert a.recv(100) == b"back"


# ----------------------------------------------------------------------- RDS


def test_rds_datagrams(impl):
    a, b = (impl.open(impl.AF_RDS, impl.SOCK_SEQPACKET) for _ in range(2))
    a.bind((LOCAL, 4001))
    b.bind((LOCAL, 4002))
    assert a.getsockname() == (LOCAL, 4001)
    for size in (0, 1, 8192, 100000):
        data = b"r" * size
        assert a.sendto(data, (LOCAL, 4002)) == size
        assert b.recvfrom(200000) == (data, (LOCAL, 4001))


def test_rds_ancillary_data(impl):
    a, b = (impl.open(impl.AF_RDS, impl.SOCK_SEQPACKET) for _ in range(2))
    a.bind((LOCAL, 4003))
    b.bind((LOCAL, 4004))
    assert a.sendmsg([b"in ", b"parts"], [], 0, (LOCAL, 4004)) == 8
    data, ancillary, flags, sender = b.recvmsg(100, 1000)
    assert (data, ancillary, sender) == (b"in parts", [], (LOCAL, 4003))


# ------------------------------------------------------------------- over IP


def stream_server(impl, family, host, protocol):
    server = impl.open(family, impl.SOCK_STREAM, protocol)
    server.bind((host, 0))
    server.listen()
    return server, impl.open(family, impl.SOCK_STREAM, protocol)


@pytest.mark.parametrize("host", [LOCAL, "::1"])
@pytest.mark.parametrize("protocol", ["IPPROTO_SCTP", "IPPROTO_MPTCP"])
def test_streams_over_ip(impl, protocol, host):
    number = {"IPPROTO_SCTP": 132, "IPPROTO_MPTCP": 262}[protocol]
    assert getattr(impl, protocol) == number
    family = impl.AF_INET6 if ":" in host else impl.AF_INET
    server, client = stream_server(impl, family, host, number)
    assert server.proto == number
    assert exchange(impl, client, server, server.getsockname())[0] == host


def test_sctp_keeps_records_apart(impl):
    a, b = (impl.open(impl.AF_INET, impl.SOCK_SEQPACKET, impl.IPPROTO_SCTP) for _ in range(2))
    for s in a, b:
        s.bind((LOCAL, 0))
    b.listen()
    for text in (b"one", b"two"):
        a.sendto(text, b.getsockname())
    assert [b.recv(100) for _ in range(2)] == [b"one", b"two"]
    a.sendto(b"x", b.getsockname())
    data, _, flags, _ = b.recvmsg(100)
    assert data == b"x" and flags & impl.MSG_EOR


def test_udplite_checks_what_it_is_told_to(impl):
    a, b = (impl.open(impl.AF_INET, impl.SOCK_DGRAM, impl.IPPROTO_UDPLITE) for _ in range(2))
    b.bind((LOCAL, 0))
    a.setsockopt(impl.IPPROTO_UDPLITE, impl.UDPLITE_SEND_CSCOV, 20)
    b.setsockopt(impl.IPPROTO_UDPLITE, impl.UDPLITE_RECV_CSCOV, 20)
    assert a.getsockopt(impl.IPPROTO_UDPLITE, impl.UDPLITE_SEND_CSCOV) == 20
    a.sendto(b"lightly checked", b.getsockname())
    data, sender = b.recvfrom(100)
    assert data == b"lightly checked" and sender[0] == LOCAL


def test_dccp_packets(impl):
    """Neither module names it; numbers do. The kernel has lost it in 6.16."""
    kind, protocol, level, service = 6, 33, 269, 2
    try:
        server = impl.open(impl.AF_INET, kind, protocol)
    except OSError as error:
        pytest.skip(f"no DCCP in this kernel: {error}")
    client = impl.open(impl.AF_INET, kind, protocol)
    for s in server, client:
        s.setsockopt(level, service, struct.pack("!I", 42))
    server.bind((LOCAL, 0))
    server.listen()
    client.connect(server.getsockname())
    conn, address = server.accept()
    impl.keep(conn)
    assert address == client.getsockname()
    client.send(b"congestion controlled")
    assert conn.recv(100) == b"congestion controlled"
