"""Address families beside AF_INET, AF_INET6 and AF_UNIX: what the Python forms become, and where
they come from, on both modules; data where this kernel has the family."""

import _socket
import errno
import os
import pathlib
import shutil
import socket as stock
import struct
import subprocess
import sys

import pytest
import testkit
from testkit import outcome

import csock

HERE = pathlib.Path(__file__).parent
ETH_P_IP = 0x0800
AF_VSOCK, AF_BLUETOOTH = 40, 31
VERSION = sys.version_info

if hasattr(_socket, "AF_VSOCK"):
    assert _socket.AF_VSOCK == AF_VSOCK


def made(impl, family, kind, proto=0):
    """A socket, or a skip that says that this kernel, or this user, has none of the kind."""
    try:
        return impl.socket(family, kind, proto)
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EACCES, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT):
            pytest.skip(f"socket({family}, {kind}, {proto}): {error.strerror}")
        raise


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    """address_shim.c, built; the value for LD_PRELOAD."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("no C compiler for address_shim.c")
    library = tmp_path_factory.mktemp("shim") / "address_shim.so"
    source = HERE / "address_shim.c"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"]
    subprocess.run(command, check=True)
    return ":".join(filter(None, [os.environ.get("LD_PRELOAD"), str(library)]))


def test_every_form_on_both_modules(shim):
    """Thousands of right and wrong addresses of every family: the same bytes to the kernel, the
    same form of what comes back, or the same exception with the same text."""
    child = subprocess.run(
        [sys.executable, HERE / "address_forms.py", "2026"],
        env={**os.environ, "LD_PRELOAD": shim},
        capture_output=True,
        text=True,
    )
    *differences, last = child.stdout.splitlines() or [""]
    assert child.returncode == 0, child.stderr
    assert differences == []
    assert last.startswith("cases: ") and int(last[7:]) > 20_000


HARDWARE = """
import address_forms as forms
for length, halen in (32, 20), (20, 20), (20, 8), (14, 8), (12, 6):
    data = forms.PACKET.to_bytes(2, forms.sys.byteorder) + bytes(9) + bytes([halen, *range(20)])
    print(forms.taken(forms.ours, forms.PACKET, 0, data[:length], "getsockname")[4].hex())
"""


def test_hardware_addresses_are_what_came(shim):
    """As long as the kernel says, and no longer than what it wrote: InfiniBand has 20 bytes."""
    child = subprocess.run(
        [sys.executable, "-c", HARDWARE],
        env={**os.environ, "LD_PRELOAD": shim},
        cwd=HERE,
        capture_output=True,
        text=True,
    )
    whole = bytes(range(20)).hex()
    # What is shorter than the structure has zeros behind it.
    expected = [whole, whole[:16], whole[:16], "0001" + "00" * 6, "00" * 6]
    assert child.stdout.split() == expected, child.stderr


TEXT_OF_LIBC = """
import ctypes, csock
ctypes.c_int.in_dll(ctypes.CDLL(None), "shim_speaks").value = 1
try:
    csock.getaddrinfo("not-a-number", 80, flags=csock.AI_NUMERICHOST)
except csock.gaierror as error:
    print(ascii(error.strerror))
"""


def test_text_of_the_c_library_in_another_encoding(shim):
    """Which is that of the locale. Stock has it so from 3.13.15 and 3.14.7 on."""
    env = {**os.environ, "LD_PRELOAD": shim, "LC_ALL": "C.UTF-8"}
    command = [sys.executable, "-c", TEXT_OF_LIBC]
    child = subprocess.run(command, env=env, capture_output=True, text=True)
    assert (child.stdout, child.stderr) == ("'\\udce9chec'\n", "")


def test_an_interface_name_is_not_cut():
    """Stock cuts it to 15 bytes and asks for what is left; ours finds none of that name."""
    with made(csock, stock.AF_PACKET, stock.SOCK_RAW) as s, pytest.raises(OSError) as caught:
        s.bind(("a" * 16, 0))
    assert caught.value.errno == errno.ENODEV


# ---- Bluetooth: many builds of CPython lack it, so its forms are here as facts


class Pretender:
    """A socket of AF_BLUETOOTH by name only, and what it takes an address for."""

    def __init__(self, proto):
        fd = stock.socketpair(stock.AF_UNIX, stock.SOCK_DGRAM)[0].detach()
        self.socket = csock.socket(AF_BLUETOOTH, stock.SOCK_RAW, proto, fileno=fd)

    def error(self, address):
        try:
            self.socket.bind(address)
        except (OSError, TypeError, OverflowError, ValueError) as error:
            return type(error), str(error)  # not by pytest.raises: a cycle would keep the socket
        pytest.fail(f"{address} was taken")

    def takes(self, address):
        """Whether the address went on to the kernel, which then refuses it."""
        return self.error(address)[1].startswith(f"[Errno {errno.EINVAL}]")


L2CAP, HCI, SCO, RFCOMM = 0, 1, 2, 3
WRONG = (OSError, "bind(): wrong format")


@pytest.mark.parametrize(
    ("proto", "address", "since"),
    [
        (L2CAP, ("00:11:22:33:44:55", 1), (3, 11)),
        (L2CAP, ("00:11:22:33:44:55", 1, 4), (3, 14)),
        (L2CAP, ("00:11:22:33:44:55", 1, 4, 1), (3, 14)),
        (RFCOMM, ("00:11:22:33:44:55", 1), (3, 11)),
        (HCI, (0,), (3, 11)),
        (HCI, (0, 1), (3, 14)),
        (SCO, b"00:11:22:33:44:55", (3, 11)),
        (SCO, "00:11:22:33:44:55", (3, 13, 4)),
    ],
)
def test_bluetooth_forms(proto, address, since):
    s = Pretender(proto)
    if since <= VERSION:
        assert s.takes(address)
    else:
        assert s.error(address) == WRONG


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1, 2**70])
def test_bluetooth_numbers(number):
    """A bug fix: they are cut to the width of their field, where they had to fit an int."""
    cut = VERSION >= (3, 13, 3) or (3, 12, 10) <= VERSION < (3, 13)
    for proto, address in (L2CAP, ("0:1:2:3:4:5", number)), (RFCOMM, ("0:1:2:3:4:5", number)):
        assert Pretender(proto).takes(address) if cut else Pretender(proto).error(address) == WRONG
    assert Pretender(HCI).takes((number,)) if cut else Pretender(HCI).error((number,)) == WRONG


def test_bluetooth_address_with_a_nul():
    fixed = VERSION >= (3, 13, 4)
    seen = Pretender(SCO).error(b"0:1:2:3:4:5\0x")[0]
    assert seen is (ValueError if fixed else OSError)


def test_bluetooth_errors():
    for proto in L2CAP, RFCOMM:
        for address in ((), ("00:11:22:33:44:55",), (1, 2), "00:11:22:33:44:55", None):
            assert Pretender(proto).error(address) == WRONG
        for device in (
            "",
            "0:1:2:3:4",
            "0:1:2:3:4:5:6",
            "0:1:2:3:4:100",
            "0:1:2:3:4:g",
            "0:1:2:3:4:5 ",
        ):
            bad = Pretender(proto).error((device, 1))
            assert bad == (OSError, "bad bluetooth address")
    for address in (), None, ("x",), [0]:
        assert Pretender(HCI).error(address) == WRONG
    for address in (), None, 1, ("00:11:22:33:44:55",):
        assert Pretender(SCO).error(address) == WRONG
    assert Pretender(SCO).error(b"0:1:2:3:4") == (OSError, "bad bluetooth address")
    assert Pretender(9).error((0,)) == (OSError, "bind(): unknown Bluetooth protocol")
    with pytest.raises(OSError, match="^getsockaddrlen: unknown BT protocol$"):
        Pretender(9).socket.getsockname()
    if VERSION >= (3, 14):
        assert Pretender(HCI).takes(0)
    else:
        assert Pretender(HCI).error(0) == WRONG


# ---- data, where the kernel has the family


def test_netlink_lists_the_interfaces(impl):
    with impl.socket(impl.AF_NETLINK, impl.SOCK_RAW, impl.NETLINK_ROUTE) as s:
        assert s.getsockname() == (0, 0)
        s.bind((0, 1))
        pid, groups = s.getsockname()
        assert pid != 0 and groups == 1
        get_links = struct.pack("=LHHLLB3x", 20, 18, 0x301, 1, 0, 0)
        assert s.sendto(get_links, (0, 0)) == 20
        s.settimeout(10)
        data, sender = s.recvfrom(65536)
        assert sender == (0, 0)
        assert struct.unpack_from("=LH", data)[1] == 16 and b"lo\0" in data


def test_packet_sees_a_datagram(impl):
    with (
        made(impl, impl.AF_PACKET, impl.SOCK_DGRAM, stock.htons(ETH_P_IP)) as sniffer,
        impl.socket(impl.AF_INET, impl.SOCK_DGRAM) as udp,
    ):
        assert sniffer.getsockname()[:2] == ("", ETH_P_IP)
        sniffer.bind(("lo", ETH_P_IP))
        assert sniffer.getsockname() == ("lo", ETH_P_IP, 0, 772, bytes(6))
        sniffer.settimeout(10)
        udp.bind(("127.0.0.1", 0))
        udp.sendto(b"seen by a packet socket", udp.getsockname())
        while True:
            data, sender = sniffer.recvfrom(2048)
            if data.endswith(b"seen by a packet socket"):
                break
        interface, proto, kind, hatype, hardware = sender
        assert (interface, proto, hatype, hardware) == ("lo", ETH_P_IP, 772, bytes(6))
        assert kind in (0, 4)


def test_packet_sends_by_its_address(impl):
    with made(impl, impl.AF_PACKET, impl.SOCK_DGRAM, stock.htons(0x88B5)) as s:
        s.bind(("lo", 0x88B5))
        s.settimeout(10)
        s.sendto(b"experimental", ("lo", 0x88B5, 0, 772, bytes(6)))
        data, sender = s.recvfrom(100)
        assert data == b"experimental" and sender[:2] == ("lo", 0x88B5)


@pytest.mark.parametrize("proto", [262, 132], ids=["MPTCP", "SCTP"])
def test_streams_of_other_protocols(impl, proto):
    with (
        made(impl, impl.AF_INET, impl.SOCK_STREAM, proto) as server,
        made(impl, impl.AF_INET, impl.SOCK_STREAM, proto) as client,
    ):
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.settimeout(10)
        client.connect(server.getsockname())
        connection, peer = server.accept()
        with connection:
            assert peer == client.getsockname() and connection.proto == proto
            client.sendall(b"ping")
            assert connection.recv(10) == b"ping"
            connection.sendall(b"pong")
            assert client.recv(10) == b"pong"


def test_udplite(impl):
    with (
        made(impl, impl.AF_INET, impl.SOCK_DGRAM, impl.IPPROTO_UDPLITE) as a,
        made(impl, impl.AF_INET, impl.SOCK_DGRAM, impl.IPPROTO_UDPLITE) as b,
    ):
        a.bind(("127.0.0.1", 0))
        b.setsockopt(impl.IPPROTO_UDPLITE, impl.UDPLITE_SEND_CSCOV, 20)
        assert b.getsockopt(impl.IPPROTO_UDPLITE, impl.UDPLITE_SEND_CSCOV) == 20
        a.settimeout(10)
        b.sendto(b"partly checked", a.getsockname())
        assert a.recvfrom(100)[0] == b"partly checked"


def test_vsock_names_and_options(impl):
    any_cid = any_port = 2**32 - 1
    with made(impl, AF_VSOCK, impl.SOCK_STREAM) as s:
        assert s.getsockname()[0] in (any_cid, 0)
        s.bind((any_cid, any_port))
        cid, port = s.getsockname()
        assert cid == any_cid and 0 < port < any_port
        # Wider than an int: 64 bits each way. (In stock a C long.)
        s.setsockopt(AF_VSOCK, 2, 2**33)
        assert s.getsockopt(AF_VSOCK, 2) == (testkit.as_long(2**33) if impl is stock else 2**33)
        assert s.getsockopt(impl.SOL_SOCKET, impl.SO_TYPE) == impl.SOCK_STREAM
        s.setsockopt(impl.SOL_SOCKET, impl.SO_KEEPALIVE, 1)
        assert s.getsockopt(impl.SOL_SOCKET, impl.SO_KEEPALIVE) == 1
        with pytest.raises(OSError, match="^getsockopt string buffer not allowed$"):
            s.getsockopt(AF_VSOCK, 2, 8)
        with pytest.raises(TypeError):
            s.setsockopt(AF_VSOCK, 2, b"12345678")


def test_vsock_option_errors_are_alike():
    calls = [(AF_VSOCK, 2), (AF_VSOCK, 2, b"x"), (AF_VSOCK, 2, None), (AF_VSOCK, 2, None, 8), ()]
    calls += [
        (AF_VSOCK, 2, -1),
        (AF_VSOCK, 2, 2**64),
        (AF_VSOCK, 2, 1.5),
        ("x", 2, 1),
        (2**40, 2, 1),
    ]
    calls += [(AF_VSOCK, 99, 1), (AF_VSOCK, 2, "x"), (AF_VSOCK, 2, True)]
    with (
        made(stock, AF_VSOCK, stock.SOCK_STREAM) as a,
        made(csock, AF_VSOCK, stock.SOCK_STREAM) as b,
    ):
        for method in "setsockopt", "getsockopt":
            for args in calls:
                assert outcome(getattr(a, method), *args) == outcome(getattr(b, method), *args), (
                    args
                )


# --------------------------------------------------------------- AF_ALG


def test_afalg_is_for_afalg(impl):
    with impl.socket() as s, pytest.raises(OSError, match="^algset is only supported for AF_ALG$"):
        s.sendmsg_afalg([b"x"], op=1)


ALG = """
import importlib, sys
impl = importlib.import_module(sys.argv[1])
a, b = impl.socketpair(impl.AF_UNIX, impl.SOCK_SEQPACKET)
s = impl.socket(impl.AF_ALG, impl.SOCK_SEQPACKET, 0, fileno=a.detach())
print(s.sendmsg_afalg([b"da", b"ta"], op=1, iv=b"0123456789abcdef", assoclen=9))
print(s.sendmsg_afalg(op=impl.ALG_OP_ENCRYPT, flags=impl.MSG_DONTWAIT))
print(s.sendmsg_afalg([b"x"], op=0, iv=b""))
"""


@pytest.mark.skipif(testkit.why_no_strace() is not None, reason=str(testkit.why_no_strace()))
def test_afalg_sends_what_the_kernel_wants(impl, tmp_path):
    """On a socket that only says that it is one: other protocols ignore such items."""
    trace = tmp_path / "trace"
    options = ["strace", "-f", "-xx", "-s", "100", "-e", "trace=sendmsg", "-o", str(trace)]
    result = testkit.run_python(ALG, impl.__name__, prefix=options)
    assert result.stdout == "4\n0\n1\n"
    lines = [line for line in trace.read_text().splitlines() if "sendmsg(" in line]
    assert len(lines) == 3
    text = lines[0].replace(" ", "")
    for part in ("iov_len=2", "cmsg_level=SOL_ALG"):
        assert text.count(part) == {"iov_len=2": 2, "cmsg_level=SOL_ALG": 3}[part], text
    kinds = [part.split(",")[0].rstrip("}]") for part in text.split("cmsg_type=")[1:]]
    assert kinds in (["0x3", "0x2", "0x4"], ["ALG_SET_OP", "ALG_SET_IV", "ALG_SET_AEAD_ASSOCLEN"])
    lengths = [int(part.split(",")[0]) for part in text.split("cmsg_len=")[1:]]
    # The initialization vector is 16 bytes after its own length; stock adds the padding.
    of_vector = impl.CMSG_LEN(20) if impl.__name__ == "csock" else impl.CMSG_SPACE(20)
    assert lengths == [impl.CMSG_LEN(4), of_vector, impl.CMSG_LEN(4)]
