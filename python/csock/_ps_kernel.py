"""What the kernel knows of the sockets of other processes: sock_diag(7), asked in their network
namespace; where we may not enter that, /proc/PID/net, which says less.
"""

import os
import struct
import sys

import csock

_DIAG_OF_FAMILY, _DUMP, _ERROR, _DONE = 20, 0x301, 2, 3
_NETLINK_SOCK_DIAG = 4
_TCP_STATES = (
    "?", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE",
    "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "NEW_SYN_RECV",
)  # fmt: skip
_NOBODYS = 1 << 6 | 1 << 12  # states without a descriptor
_INET = struct.Struct("=4BHH")  # what an answer begins with; the ports are in network order
_TIMERS = {1: "retransmits", 2: "keepalive", 4: "window probes"}
PATIENCE = 2  # seconds for the kernel


class Socket:
    """What is known of one."""

    def __init__(self, kind, state, own, peer):
        self.kind, self.state, self.own, self.peer = kind, state, own, peer
        self.to_read = self.to_send = 0  # bytes; of a listener connections, and how many may wait
        self.timer, self.times = "", 0  # what runs, and how often it has run out
        self.closed = False  # by the peer, where no state says it
        # Seconds since, or None: data came, anything came, data went.
        self.last_data = self.last_heard = self.last_sent = None


def address_of(family, data, port):
    """As text. An IPv6 address has brackets where a port follows."""
    host = csock.inet_ntop(family, data)
    any_port = port or "*"
    return f"{host}:{any_port}" if family == csock.AF_INET else f"[{host}]:{any_port}"


def _attributes(data):
    """{type: bytes} of what follows an answer's head. rtnetlink(7)"""
    result, at = {}, 0
    while at + 4 <= len(data):
        size, kind = struct.unpack_from("=HH", data, at)
        if size < 4:
            break
        result[kind] = data[at + 4 : at + size]
        at += size + 3 & ~3
    return result


def _asked(diag, request, head, inode_at):
    """(inode, answer) for each; head and inode_at: sizes, as most answers are of no interest."""
    length = 16 + len(request)
    diag.sendto(struct.pack("=IHHII", length, _DIAG_OF_FAMILY, _DUMP, 1, 0) + request, (0, 0))
    while True:
        data = diag.recv(1 << 18)
        at = 0
        while at + 16 <= len(data):
            size, kind = struct.unpack_from("=IH", data, at)
            if kind == _DONE or size < 16:
                return
            if kind == _ERROR:
                raise OSError(-struct.unpack_from("=i", data, at + 16)[0], "sock_diag")
            if size >= 16 + head:
                answer = data[at + 16 : at + size]
                yield struct.unpack_from("=I", answer, inode_at)[0], answer
            at += size + 3 & ~3


def _times_of_tcp(found, info):
    """tcp_info: ms since."""
    if len(info) >= 60:
        sent, _, data, heard = struct.unpack_from("=4I", info, 44)
        found.last_sent, found.last_data, found.last_heard = sent / 1e3, data / 1e3, heard / 1e3


def _inet_socket(kind, answer):
    family, state, timer, times, own_port, peer_port = _INET.unpack_from(answer)
    own_port, peer_port = csock.ntohs(own_port), csock.ntohs(peer_port)
    size = 4 if family == csock.AF_INET else 16
    own = address_of(family, answer[8 : 8 + size], own_port)
    peer = address_of(family, answer[24 : 24 + size], peer_port) if peer_port else None
    name = _TCP_STATES[state] if state < len(_TCP_STATES) else "?"
    found = Socket(kind, name, own, peer)
    found.to_read, found.to_send = struct.unpack_from("=II", answer, 56)
    found.timer, found.times = _TIMERS.get(timer, ""), times
    if kind == "TCP":
        _times_of_tcp(found, _attributes(answer[72:]).get(2, b""))
    return found


def _inet(diag, family, protocol, kind, wanted, result):
    tcp_info = 1 << 1 if kind == "TCP" else 0
    request = struct.pack("=4BI48x", family, protocol, tcp_info, 0, 0xFFFF & ~_NOBODYS)
    for inode, answer in _asked(diag, request, 72, 68):
        if inode in wanted:
            result[inode] = _inet_socket(kind, answer)


def text_of(name):
    """Of what the system takes for a name, which is any bytes; Unicode, as JSON is."""
    return name.decode("utf-8", "backslashreplace")


def unix_name(data):
    """None if it has none."""
    if data[:1] == b"\0":
        return "@" + text_of(data[1:])
    return text_of(data.split(b"\0")[0]) or None


def _unix(diag, _family, _protocol, kind, wanted, result):
    names, peers = {}, {}
    request = struct.pack("=BBHIII8x", csock.AF_UNIX, 0, 0, 0xFFFF, 0, 1 | 4 | 16)
    for inode, answer in _asked(diag, request, 16, 4):
        more = _attributes(answer[16:])
        names[inode] = unix_name(more.get(0, b""))
        if inode in wanted:
            state = _TCP_STATES[answer[2]] if answer[2] in (1, 10) else ""
            found = result[inode] = Socket(kind, state, names[inode], None)
            found.to_read, found.to_send = struct.unpack("=II", more.get(4, bytes(8))[:8])
            found.closed = bool(more.get(6, b"\0")[0] & 1)
            (peers[inode],) = struct.unpack("=I", more.get(2, bytes(4))[:4])
    for inode, peer in peers.items():
        result[inode].peer = names.get(peer)


_ASK = (
    (_inet, csock.AF_INET, csock.IPPROTO_TCP, "TCP"),
    (_inet, csock.AF_INET6, csock.IPPROTO_TCP, "TCP"),
    (_unix, csock.AF_UNIX, 0, "UNIX"),
    (_inet, csock.AF_INET, csock.IPPROTO_UDP, "UDP"),
    (_inet, csock.AF_INET6, csock.IPPROTO_UDP, "UDP"),
)


# ---- /proc/PID/net


def _hex_address(text):
    host, _, port = text.partition(":")
    words = [int(host[i : i + 8], 16).to_bytes(4, sys.byteorder) for i in range(0, len(host), 8)]
    family = csock.AF_INET if len(words) == 1 else csock.AF_INET6
    return address_of(family, b"".join(words), int(port, 16)), int(port, 16)


def _read_table(folder, name, kind, wanted, result):
    def opener(path, flags):
        return os.open(path, flags, dir_fd=folder)

    with open(f"net/{name}", errors="replace", opener=opener) as lines:
        next(lines, None)
        for line in lines:
            words = line.split()
            if len(words) < 10 or not words[9].isdigit() or int(words[9]) not in wanted:
                continue
            own, (peer, port) = _hex_address(words[1])[0], _hex_address(words[2])
            state = int(words[3], 16)
            found = Socket(kind, _TCP_STATES[state % 13], own, peer if port else None)
            found.to_send, found.to_read = (int(n, 16) for n in words[4].split(":"))
            found.timer, found.times = _TIMERS.get(int(words[5][:2], 16), ""), int(words[6], 16)
            result[int(words[9])] = found


def from_tables(folder, wanted):
    result = {}
    for name, kind in (("tcp", "TCP"), ("tcp6", "TCP"), ("udp", "UDP"), ("udp6", "UDP")):
        try:
            _read_table(folder, name, kind, wanted, result)
        except (OSError, ValueError):
            continue
    return result


# ---- both


def _enter(namespace):
    """This thread, for good."""
    new_network = 0x40000000
    if hasattr(os, "setns"):
        return os.setns(namespace, new_network)
    import ctypes

    if ctypes.CDLL(None, use_errno=True).setns(namespace, new_network) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _open():
    diag = csock.socket(csock.AF_NETLINK, csock.SOCK_RAW, _NETLINK_SOCK_DIAG)
    diag.settimeout(PATIENCE)
    return diag


def _open_in(folder):
    """From a thread of its own, as it does not come back."""
    import threading

    opened = []

    def enter_and_open():
        try:
            namespace = os.open("ns/net", os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
            try:
                _enter(namespace)
            finally:
                os.close(namespace)
            opened.append(_open())
        except (OSError, ImportError, AttributeError):
            pass

    thread = threading.Thread(target=enter_and_open, daemon=True)
    thread.start()
    thread.join()
    return opened[0] if opened else None


def _network_of(folder):
    return os.readlink("ns/net", dir_fd=folder)


def _own_network():
    try:
        return os.readlink("/proc/self/ns/net")
    except OSError:
        return None


def sockets(folder, wanted):
    """{inode: Socket} of those that are wanted, a set of inodes. folder: a descriptor of /proc/PID
    of a process in whose network namespace they are."""
    result, failed = {}, False
    try:
        diag = _open() if _network_of(folder) == _own_network() else _open_in(folder)
    except OSError:
        diag = None
    for ask, family, protocol, kind in _ASK if diag else ():
        if wanted <= result.keys():
            break
        try:
            ask(diag, family, protocol, kind, wanted, result)
        except (OSError, ValueError, struct.error):
            failed = True
    if diag:
        diag.close()
    if not diag or failed:
        return {**from_tables(folder, wanted), **result}
    return result
