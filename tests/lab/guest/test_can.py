"""AF_CAN: frames on vcan0, a bus that is its own loopback. linux/can.h, and the kernel's
Documentation/networking/can.rst, iso15765-2.rst and j1939.rst."""

import struct

import pytest

FRAME = "=IB3x8s"  # struct can_frame
FD_FRAME = "=IB3x64s"  # struct canfd_frame
HEAD = "@3I4l2I0q"  # struct bcm_msg_head: what, flags, count, two intervals, id, frames


def frame(can_id, data):
    return struct.pack(FRAME, can_id, len(data), data)


def unframe(raw):
    can_id, length, data = struct.unpack(FRAME, raw)
    return can_id, data[:length]


def raw_socket(impl, name="vcan0"):
    s = impl.open(impl.AF_CAN, impl.SOCK_RAW, impl.CAN_RAW)
    s.bind((name,))
    return s


def test_raw_frames_pass(impl):
    a, b = raw_socket(impl), raw_socket(impl)
    assert a.getsockname() == ("vcan0",)
    assert a.send(frame(0x123, b"\x01\x02\x03")) == struct.calcsize(FRAME)
    raw, sender = b.recvfrom(100)
    assert (unframe(raw), sender) == ((0x123, b"\x01\x02\x03"), ("vcan0",))


def test_raw_socket_on_all_interfaces_sends_to_one(impl):
    a, b = raw_socket(impl, ""), raw_socket(impl)
    assert a.getsockname() == ("",)
    a.sendto(frame(0x7FF | impl.CAN_EFF_FLAG, b"x"), ("vcan0",))
    assert unframe(b.recv(100)) == (0x7FF | impl.CAN_EFF_FLAG, b"x")


def test_an_interface_that_is_not_there(impl):
    s = impl.open(impl.AF_CAN, impl.SOCK_RAW, impl.CAN_RAW)
    with pytest.raises(OSError) as caught:
        s.bind(("nocan9",))
    assert caught.value.errno == 19  # ENODEV


def test_raw_filter_holds_back_what_it_does_not_name(impl):
    a, b = raw_socket(impl), raw_socket(impl)
    only = struct.pack("=II", 0x200, 0x700)
    b.setsockopt(impl.SOL_CAN_RAW, impl.CAN_RAW_FILTER, only)
    assert b.getsockopt(impl.SOL_CAN_RAW, impl.CAN_RAW_FILTER, 8) == only
    for can_id in (0x123, 0x2AB):
        a.send(frame(can_id, b""))
    assert unframe(b.recv(100)) == (0x2AB, b"")


def test_own_frames_come_back_when_asked_for(impl):
    a = raw_socket(impl)
    a.setsockopt(impl.SOL_CAN_RAW, impl.CAN_RAW_RECV_OWN_MSGS, 1)
    a.send(frame(5, b"own"))
    raw, ancillary, flags, sender = a.recvmsg(100)
    assert unframe(raw) == (5, b"own")
    assert ancillary == [] and flags & impl.MSG_CONFIRM and sender == ("vcan0",)


def test_fd_frames_pass(impl):
    a, b = raw_socket(impl), raw_socket(impl)
    for s in a, b:
        s.setsockopt(impl.SOL_CAN_RAW, impl.CAN_RAW_FD_FRAMES, 1)
    sent = struct.pack(FD_FRAME, 0x42, 64, bytes(range(64)))
    a.send(sent)
    assert b.recv(100)[8:] == bytes(range(64))


def bcm_socket(impl):
    s = impl.open(impl.AF_CAN, impl.SOCK_DGRAM, impl.CAN_BCM)
    s.connect(("vcan0",))
    return s


def head(what, can_id, flags=0, count=0, first=(0, 0), then=(0, 0), frames=0):
    return struct.pack(HEAD, what, flags, count, *first, *then, can_id, frames)


def test_bcm_sends_one_frame(impl):
    manager, b = bcm_socket(impl), raw_socket(impl)
    manager.send(head(impl.CAN_BCM_TX_SEND, 0x99, frames=1) + frame(0x99, b"once"))
    assert unframe(b.recv(100)) == (0x99, b"once")


def test_bcm_repeats_a_frame_and_reports_a_change(impl):
    sender, watcher, b = bcm_socket(impl), bcm_socket(impl), raw_socket(impl)
    watcher.send(head(impl.CAN_BCM_RX_SETUP, 0x77, flags=impl.CAN_BCM_RX_FILTER_ID))
    sender.send(
        head(
            impl.CAN_BCM_TX_SETUP,
            0x77,
            flags=impl.CAN_BCM_SETTIMER | impl.CAN_BCM_STARTTIMER,
            count=3,
            first=(0, 10000),
            frames=1,
        )
        + frame(0x77, b"again")
    )
    assert [unframe(b.recv(100)) for _ in range(3)] == [(0x77, b"again")] * 3
    report, address = watcher.recvfrom(1000)
    what, *_, can_id, count = struct.unpack_from(HEAD, report)
    assert (what, can_id, count) == (impl.CAN_BCM_RX_CHANGED, 0x77, 1)
    assert unframe(report[struct.calcsize(HEAD) :]) == (0x77, b"again")
    assert address == ("vcan0",)


@pytest.mark.parametrize("size", [1, 7, 8, 2000])
def test_isotp_messages_pass(impl, size):
    a = impl.open(impl.AF_CAN, impl.SOCK_DGRAM, impl.CAN_ISOTP)
    b = impl.open(impl.AF_CAN, impl.SOCK_DGRAM, impl.CAN_ISOTP)
    a.bind(("vcan0", 0x123, 0x321))
    b.bind(("vcan0", 0x321, 0x123))
    data = bytes(n % 251 for n in range(size))
    assert a.send(data) == size
    got, sender = b.recvfrom(5000)
    assert got == data
    assert sender[0] == "vcan0"


def test_isotp_addresses_come_back(impl):
    s = impl.open(impl.AF_CAN, impl.SOCK_DGRAM, impl.CAN_ISOTP)
    extended = 0x18DA00F1 | impl.CAN_EFF_FLAG
    s.bind(("vcan0", extended, 0x55))
    assert s.getsockname() == ("vcan0", extended, 0x55)


@pytest.mark.parametrize("size", [1, 8, 9, 1500])
def test_j1939_messages_pass(impl, size):
    a = impl.open(impl.AF_CAN, impl.SOCK_DGRAM, impl.CAN_J1939)
    b = impl.open(impl.AF_CAN, impl.SOCK_DGRAM, impl.CAN_J1939)
    a.bind(("vcan0", impl.J1939_NO_NAME, impl.J1939_NO_PGN, 0x20))
    b.bind(("vcan0", impl.J1939_NO_NAME, impl.J1939_NO_PGN, 0x30))
    assert a.getsockname() == ("vcan0", impl.J1939_NO_NAME, impl.J1939_NO_PGN, 0x20)
    data = bytes(n % 251 for n in range(size))
    a.sendto(data, ("vcan0", impl.J1939_NO_NAME, 0x12300, 0x30))
    got, sender = b.recvfrom(5000)
    assert got == data
    # Of a message in parts the kernel does not say which interface brought it.
    assert sender[0] == ("vcan0" if size <= 8 else "")
    assert sender[1:] == (impl.J1939_NO_NAME, 0x12300, 0x20)


def test_j1939_names_come_back(impl):
    s = impl.open(impl.AF_CAN, impl.SOCK_DGRAM, impl.CAN_J1939)
    name = 0xFEDCBA9876543210
    s.bind(("vcan0", name, impl.J1939_NO_PGN, impl.J1939_NO_ADDR))
    assert s.getsockname() == ("vcan0", name, impl.J1939_NO_PGN, impl.J1939_NO_ADDR)
