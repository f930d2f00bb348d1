"""csock_dial() end to end: examples/c/dial.c between two hosts, past firewalls and routes that lead
nowhere, with names from /etc/hosts and from a name server that answers late, in part, or not."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PREFIX = os.environ.get("CSOCK_PREFIX")
SOURCE = Path(__file__).resolve().parents[2] / "examples" / "c" / "dial.c"
BLACK_HOLES = [f"10.77.0.{n}" for n in range(101, 121)]
ROUTES = {
    "unreachable": "Network is unreachable",
    "prohibit": "Permission denied",
    "blackhole": "Invalid argument",
}
HOSTS = """\
127.0.0.1 localhost
fd77::2 both.test
10.77.0.2 both.test
fd77::3 nobody.test
10.77.0.2 nobody.test
10.77.0.2 four.test
fd77::5 route.test
10.77.0.2 route.test
""" + "".join(f"{address} holes.test\n" for address in BLACK_HOLES)
NSSWITCH = "hosts: files dns\n"

SERVE = """\
listeners = []
for family, host in (sock.AF_INET, "0.0.0.0"), (sock.AF_INET6, "::"):
    for port in args:
        s = sock.socket(family)
        s.setsockopt(sock.SOL_SOCKET, sock.SO_REUSEADDR, 1)
        if family == sock.AF_INET6:
            s.setsockopt(sock.IPPROTO_IPV6, sock.IPV6_V6ONLY, 1)
        s.bind((host, port))
        s.listen(64)
        listeners.append(s)
say("ready")
while True:
    time.sleep(100)
"""

# Answers by the first label of the name: "a4" and "a6" have an address of that family, "-4" is "no
# such record", nothing at all is silence; a letter behind is how late it comes.
NAME_SERVER = """\
import socket, threading
LATE = {"": 0, "l": 0.03, "s": 0.3}
ADDRESSES = {1: bytes((10, 77, 0, 2)), 28: socket.inet_pton(socket.AF_INET6, "fd77::2")}
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.77.0.2", 53))
def answer(query, peer, kind, end, what):
    time.sleep(LATE[what[2:]])
    has = what[0] == "a"
    data = ADDRESSES[kind]
    head = query[:2] + bytes((0x81, 0x80, 0, 1, 0, has, 0, 0, 0, 0))
    row = bytes((0xC0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, len(data))) + data
    s.sendto(head + query[12:end] + (row if has else b""), peer)
say("ready")
while True:
    query, peer = s.recvfrom(512)
    label = query[13:13 + query[12]].decode()
    end = query.index(b"\\0", 12) + 5
    kind = query[end - 3]
    for what in label.split("x"):
        if what[1:2] == {1: "4", 28: "6"}.get(kind):
            threading.Thread(target=answer, args=(query, peer, kind, end, what)).start()
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    compiler = shutil.which("cc")
    if not PREFIX or not compiler:
        pytest.skip("needs the C library (CSOCK_PREFIX) and a compiler")
    made = tmp_path_factory.mktemp("dial") / "dial"
    library = Path(PREFIX) / "lib" / "libcsock.a"
    sanitized = os.environ.get("CSOCK_SANITIZED")
    subprocess.run(
        [
            compiler,
            "-std=c11",
            "-D_GNU_SOURCE",
            *(["-fsanitize=address,undefined"] if sanitized else []),
            f"-I{PREFIX}/include",
            SOURCE,
            library,
            "-pthread",
            "-o",
            made,
        ],
        check=True,
    )
    return made


@pytest.fixture(scope="module")
def hosts(two_hosts):
    """The far one serves ports 80 to 83: 80 as it is; 81 drops IPv6, 82 resets it, 83 drops all."""
    near, far = two_hosts
    if shutil.which("nft", path="/usr/sbin:/usr/bin") is None:
        pytest.skip("no nft binary (Debian: nftables)")
    rules = [
        "meta nfproto ipv6 tcp dport 81 drop",
        "meta nfproto ipv6 tcp dport 82 reject with tcp reset",
        "tcp dport 83 drop",
    ]
    lines = ["table inet lab {", "chain in {", "type filter hook input priority 0", *rules]
    far.exec("nft", "-f", "-", input="\n".join([*lines, "}", "}", ""]), text=True)
    near.etc("hosts", HOSTS)
    near.etc("nsswitch.conf", NSSWITCH)
    near.etc("resolv.conf", "nameserver 10.77.0.2\noptions timeout:5 attempts:1\n")
    for address in BLACK_HOLES:
        near.ip("neigh", "add", address, "lladdr", "02:00:00:00:00:99", "dev", "eth")
    far.start("socket", SERVE, 80, 81, 82, 83).expect("ready")
    far.start("socket", NAME_SERVER).expect("ready")
    return near, far


class Dialed:
    def __init__(self, program, near, host, port, bound=30):
        command = ["ip", "netns", "exec", near.name, program, host, str(port), str(bound)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60)
        self.status, self.text = done.returncode, done.stdout
        self.attempts = [
            (float(began), address, float(took), how)
            for began, address, took, how in re.findall(
                r"^ *([\d.]+) s  (\S+):\d+ for ([\d.]+) s: (.*)$", done.stdout, re.M
            )
        ]
        self.took = float(re.findall(r"^ *([\d.]+) s ", done.stdout, re.M)[-1])

    def which(self):
        return [address.strip("[]") for _, address, _, _ in self.attempts]

    def how(self):
        return [how for _, _, _, how in self.attempts]


@pytest.fixture
def dial(program, hosts):
    return lambda *arguments: Dialed(program, hosts[0], *arguments)


def test_both_families_work(dial):
    done = dial("both.test", 80)
    assert (done.status, done.which(), done.how()) == (0, ["fd77::2"], ["connected"]), done.text


def test_libcs_order_decides_the_first_family(dial, hosts):
    hosts[0].etc("gai.conf", "precedence ::ffff:0:0/96 100\n")
    try:
        done = dial("both.test", 80)
    finally:
        hosts[0].etc("gai.conf", "")
    assert (done.status, done.which()) == (0, ["10.77.0.2"]), done.text


def test_ipv6_is_a_black_hole(dial):
    done = dial("both.test", 81)
    assert done.status == 0, done.text
    assert done.which() == ["fd77::2", "10.77.0.2"]
    assert done.how() == ["given up", "connected"]
    assert 0.25 <= done.attempts[1][0] < 5


def test_a_black_hole_alone_takes_the_time_there_is(dial):
    done = dial("four.test", 83, 1)
    assert (done.status, done.how()) == (1, ["timed out"]), done.text
    assert 1 <= done.took < 10
    assert "failed, connecting: timed out" in done.text


def test_a_reset_is_followed_at_once(dial):
    done = dial("both.test", 82)
    assert done.how() == ["Connection refused", "connected"], done.text
    assert done.attempts[1][0] >= done.attempts[0][2]


@pytest.mark.parametrize("kind", ROUTES)
def test_a_route_that_leads_nowhere(dial, hosts, kind):
    """For TCP alone: libc asks the routing table by UDP, and would put the address last."""
    rule = ["to", "fd77::5", "ipproto", "tcp", "dport", "80", kind]
    hosts[0].ip("-6", "rule", "add", *rule)
    try:
        done = dial("route.test", 80)
    finally:
        hosts[0].ip("-6", "rule", "del", *rule)
    assert done.which() == ["fd77::5", "10.77.0.2"], done.text
    assert done.how() == [ROUTES[kind], "connected"]


def test_a_neighbour_that_is_not_there(dial):
    done = dial("nobody.test", 80)
    assert done.which() == ["fd77::3", "10.77.0.2"], done.text
    assert done.how()[1] == "connected"


def test_twenty_black_holes(dial):
    done = dial("holes.test", 80, 2)
    assert done.status == 1
    assert 2 <= done.took < 10
    assert len(done.attempts) >= 2 and len(done.attempts) <= 8
    assert f"{20 - len(done.attempts)} addresses not tried" in done.text
    assert done.how()[-1] == "timed out"


def test_a_number_needs_no_server(dial):
    done = dial("10.77.0.2", 80)
    assert (done.status, done.which()) == (0, ["10.77.0.2"]), done.text
    done = dial("fe80::2%eth", 80)
    assert (done.status, done.how()) == (0, ["connected"]), done.text


# ---- names from the server


def test_a_lost_answer_about_ipv6(dial):
    done = dial("a4.lab", 80)
    assert (done.status, done.which()) == (0, ["10.77.0.2"]), done.text
    assert 0.09 <= done.attempts[0][0] < 4.5  # 40 ms, 50 ms; libc itself waits for five seconds


def test_a_lost_answer_about_ipv4(dial):
    done = dial("a6.lab", 80)
    assert (done.status, done.which()) == (0, ["fd77::2"]), done.text
    assert 0.04 <= done.attempts[0][0] < 4.5


def test_no_ipv6_is_an_answer(dial):
    done = dial("a4x-6.lab", 80)
    assert (done.status, done.which()) == (0, ["10.77.0.2"]), done.text


def test_an_answer_that_is_a_little_late(dial):
    done = dial("a4xa6l.lab", 80)
    assert (done.status, done.which()) == (0, ["fd77::2"]), done.text


def test_an_answer_that_comes_while_ipv4_is_tried_joins(dial):
    done = dial("a4xa6s.lab", 83, 2)
    assert done.which()[:2] == ["10.77.0.2", "fd77::2"], done.text


def test_a_silent_name_server(dial):
    done = dial("silent.lab", 80, 1)
    assert (done.status, done.attempts) == (1, [])
    assert "failed, looking up: timed out" in done.text
    assert 1 <= done.took < 4.5


def test_no_addresses_at_all(dial):
    done = dial("-4x-6.lab", 80)
    assert (done.status, done.attempts) == (1, [])
    assert "failed, looking up" in done.text


def test_a_name_of_the_hosts_file_asks_no_server(dial, hosts):
    """IPv4 alone stands there; asked for by families, IPv6 would go to the server."""
    near, far = hosts
    far.exec(
        "nft", "add", "chain", "inet", "lab", "count", "{ type filter hook input priority -1; }"
    )
    far.exec("nft", "add", "rule", "inet", "lab", "count", "udp", "dport", "53", "counter")
    done = dial("four.test", 80)
    assert (done.status, done.which()) == (0, ["10.77.0.2"]), done.text
    command = ["ip", "netns", "exec", far.name, "nft", "list", "chain", "inet", "lab", "count"]
    assert "packets 0 " in subprocess.check_output(command, text=True)
