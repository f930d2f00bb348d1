"""AF_BLUETOOTH: two adapters that btvirt plays, each in the other's reach. The kernel's
net/bluetooth/, and the Core Specification for the bytes of HCI."""

import fcntl
import os
import socket
import struct
import threading
import time

import pytest

# ioctls of HCI sockets, which have no names in the socket module.
HCIDEVUP, HCIGETDEVINFO, HCISETSCAN = 0x400448C9, 0x800448D3, 0x400448DD
PAGE_AND_INQUIRY = 3
EALREADY = 114
FAMILY, HCI = 31, 1


@pytest.fixture(scope="module")
def adapters():
    """The addresses of both, up and ready to be found, as text and in the order of their ids."""
    if "CSOCK_GUEST" not in os.environ:
        pytest.skip("made for the guest kernel")
    with socket.socket(FAMILY, socket.SOCK_RAW, HCI) as control:
        return [switch_on(control, number) for number in (0, 1)]


def switch_on(control, number):
    deadline = time.monotonic() + 30
    while True:
        try:
            fcntl.ioctl(control, HCIDEVUP, number)
        except OSError as error:
            if error.errno != EALREADY:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)  # btvirt is not ready
                continue
        break
    fcntl.ioctl(control, HCISETSCAN, struct.pack("HxxI", number, PAGE_AND_INQUIRY))
    info = bytearray(struct.pack("H", number) + bytes(200))
    fcntl.ioctl(control, HCIGETDEVINFO, info)
    return ":".join(f"{byte:02X}" for byte in reversed(info[10:16]))


def hci_socket(impl, number):
    s = impl.open(impl.AF_BLUETOOTH, impl.SOCK_RAW, impl.BTPROTO_HCI)
    s.bind((number,))
    return s


@pytest.mark.parametrize("number", [0, 1])
def test_hci_command_is_answered(impl, adapters, number):
    s = hci_socket(impl, number)
    assert s.getsockname() in (number, (number,))
    everything = struct.pack("IIIHxx", 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    s.setsockopt(impl.SOL_HCI, impl.HCI_FILTER, everything)
    assert s.getsockopt(impl.SOL_HCI, impl.HCI_FILTER, 16)[:12] == everything[:12]
    read_address = struct.pack("<BHB", 1, 0x1009, 0)
    s.send(read_address)
    while True:
        data = s.recv(300)
        # Event "command complete" of that command: status, then the address.
        if data[:2] == b"\x04\x0e" and data[4:6] == b"\x09\x10":
            break
    assert data[6] == 0
    assert ":".join(f"{byte:02X}" for byte in reversed(data[7:13])) == adapters[number]


def test_hci_options(impl, adapters):
    s = hci_socket(impl, 0)
    s.setsockopt(impl.SOL_HCI, impl.HCI_TIME_STAMP, 1)
    assert s.getsockopt(impl.SOL_HCI, impl.HCI_TIME_STAMP) == 1


def connected(impl, adapters, kind, protocol, place):
    """A connection from adapter 0 to adapter 1: both ends, and what accept() told."""
    server = impl.open(impl.AF_BLUETOOTH, kind, protocol)
    server.bind(place)
    server.listen(1)
    client = impl.open(impl.AF_BLUETOOTH, kind, protocol)
    client.bind((adapters[0], 0))
    taken = {}

    def accept():
        taken["conn"], taken["address"] = server.accept()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    client.connect(place)
    thread.join(60)
    return client, impl.keep(taken["conn"]), taken["address"]


def test_l2cap_data_passes(impl, adapters):
    place = adapters[1], 0x1001
    client, conn, address = connected(
        impl, adapters, impl.SOCK_SEQPACKET, impl.BTPROTO_L2CAP, place
    )
    assert address[0] == adapters[0]
    assert client.getpeername() == place
    assert conn.getsockname() == place
    client.send(b"over the air")
    assert conn.recv(100) == b"over the air"
    conn.send(b"and back")
    assert client.recv(100) == b"and back"
    client.close()
    assert conn.recv(100) == b""


def test_l2cap_any_address(impl, adapters):
    s = impl.open(impl.AF_BLUETOOTH, impl.SOCK_SEQPACKET, impl.BTPROTO_L2CAP)
    s.bind((impl.BDADDR_ANY, 0x1003))
    assert s.getsockname() == (impl.BDADDR_ANY, 0x1003)


def test_rfcomm_data_passes(impl, adapters):
    place = adapters[1], 5
    client, conn, address = connected(
        impl, adapters, impl.SOCK_STREAM, impl.BTPROTO_RFCOMM, place
    )
    assert address[0] == adapters[0]
    assert client.getpeername() == place
    data = b"serial " * 500
    sender = threading.Thread(target=client.sendall, args=(data,), daemon=True)
    sender.start()
    got = b""
    while len(got) < len(data):
        got += conn.recv(1000)
    assert got == data
    sender.join(30)


@pytest.mark.parametrize("number", [0, 1])
def test_sco_addresses(impl, adapters, number):
    """Bytes going in, text coming out. No data: btvirt refuses every SCO link."""
    s = impl.open(impl.AF_BLUETOOTH, impl.SOCK_SEQPACKET, impl.BTPROTO_SCO)
    s.bind(adapters[number].encode())
    assert s.getsockname() == adapters[number]
    with pytest.raises(ConnectionRefusedError):
        s.connect(adapters[1 - number].encode())


@pytest.mark.parametrize(
    ("protocol", "kind", "address"),
    [
        ("BTPROTO_L2CAP", "SOCK_SEQPACKET", ("not an address", 1)),
        ("BTPROTO_L2CAP", "SOCK_SEQPACKET", ("01:02:03:04:05", 1)),
        ("BTPROTO_RFCOMM", "SOCK_STREAM", ("01:02:03:04:05:06:07", 1)),
        ("BTPROTO_SCO", "SOCK_SEQPACKET", b"zz:02:03:04:05:06"),
        ("BTPROTO_HCI", "SOCK_RAW", ("hci0",)),
    ],
    ids=str,
)
def test_addresses_that_are_refused(impl, protocol, kind, address):
    s = impl.open(impl.AF_BLUETOOTH, getattr(impl, kind), getattr(impl, protocol))
    with pytest.raises((OSError, TypeError)):
        s.bind(address)
