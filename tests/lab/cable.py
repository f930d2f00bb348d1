"""Two hosts on a cable that a program carries: what it loses and what it brings late is up to the
test. Each end is a TUN device, and the program writes at one what it has read at the other."""

import contextlib
import json
import os
import subprocess

import pytest

# Of each packet it knows these words: 4, 6; tcp, udp; SYN-ACK; A, AAAA (an answer of a name server
# by UDP, about addresses of that kind). A rule is words that all have to fit, and seconds, or null
# for what is lost. The first that fits counts.
PROGRAM = r"""
import ctypes, fcntl, heapq, select, struct
def end(namespace):
    with open(f"/run/netns/{namespace}") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), 0x40000000):  # CLONE_NEWNET
            raise OSError(ctypes.get_errno(), "setns")
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH22x", b"eth", 0x1001))  # TUNSETIFF, TUN | NO_PI
    return tun
def asked_for(answer):
    kind = answer.index(0, 12) + 1
    return {1: "A", 28: "AAAA"}.get(int.from_bytes(answer[kind : kind + 2], "big"), "other")
def words(packet):
    six = packet[0] >> 4 == 6
    protocol, at = (packet[6], 40) if six else (packet[9], (packet[0] & 15) * 4)
    yield "6" if six else "4"
    yield {6: "tcp", 17: "udp"}.get(protocol, "other")
    if protocol == 6 and packet[at + 13] & 0x12 == 0x12:
        yield "SYN-ACK"
    if protocol == 17 and packet[at : at + 2] == b"\0\x35":
        yield asked_for(packet[at + 8 :])
def delay(packet):
    fit = set(words(packet))
    return next((seconds for what, seconds in rules if fit >= set(what)), 0)
ends = [end(name) for name in args]
rules, late, number = [], [], 0
say("ready")
while True:
    left = max(late[0][0] - time.monotonic(), 0) if late else None
    for fd in select.select([*ends, 0], [], [], left)[0]:
        if fd == 0:
            rules = json.loads(sys.stdin.readline())
            say("heard")
            continue
        packet, number = os.read(fd, 65536), number + 1
        seconds = delay(packet)
        if seconds is not None:
            to = ends[fd == ends[0]]
            heapq.heappush(late, (time.monotonic() + seconds, number, to, packet))
    while late and late[0][0] <= time.monotonic():
        _, _, to, packet = heapq.heappop(late)
        os.write(to, packet)
"""


class Cable:
    """Hosts `near` and `far`, interface `eth`: 10.77.0.N and fd77::N, with N 1 and 2."""

    def __init__(self, namespace):
        try:
            os.close(os.open("/dev/net/tun", os.O_RDWR))
        except OSError as why:
            pytest.skip(f"no TUN devices: {why}")
        self.near, self.far = namespace("near"), namespace("far")
        self.program = self.near.start("socket", PROGRAM, self.near.name, self.far.name)
        self.program.expect("ready")
        for number, host in enumerate((self.near, self.far), start=1):
            host.sysctl("net.ipv6.conf.eth.addr_gen_mode=1")
            host.ip("addr", "add", f"10.77.0.{number}/24", "dev", "eth")
            host.ip("addr", "add", f"fd77::{number}/64", "dev", "eth", "nodad")
            host.ip("link", "set", "eth", "up")

    def tell(self, rules):
        self.program.process.stdin.write(json.dumps(rules) + "\n")
        self.program.process.stdin.flush()
        self.program.expect("heard")

    @contextlib.contextmanager
    def brings(self, *rules):
        """(words, seconds) or (words, None) each, words with blanks between them."""
        self.tell([[words.split(), seconds] for words, seconds in rules])
        try:
            yield
        finally:
            self.tell([])


def count_tcp(made):
    """How many TCP connections have been accepted in this namespace."""
    command = ["ip", "netns", "exec", made.name, "cat", "/proc/net/snmp"]
    names, values = (
        line.split()
        for line in subprocess.check_output(command, text=True).splitlines()
        if line.startswith("Tcp:")
    )
    return int(values[names.index("PassiveOpens")])
