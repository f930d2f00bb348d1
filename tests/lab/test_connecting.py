"""csock.dial() and create_connection() between two hosts: an IPv6 that leads nowhere, a name server
that is silent, addresses that do not answer, routes and firewalls that say so."""

import contextlib

import pytest
from netlab import SERVE

NAME = "silent.lab.test"
HOLES = [f"10.77.0.{n}" for n in range(101, 121)]
HOSTS = """\
127.0.0.1 localhost
fd77::2 half.test
10.77.0.2 half.test
fd77::5 route.test
10.77.0.2 route.test
10.77.0.3 fours.test
10.77.0.2 fours.test
""" + "".join(f"{address} holes.test\n" for address in HOLES)
KIT = """
import signal
tried = []
sys.addaudithook(lambda event, a: event == "socket.connect" and tried.append(a[1][0]))
def connected(function, *arguments, **options):
    def peer():
        with function(*arguments, **options) as s:
            return s.getpeername()[:2]
    return outcome(peer)
"""
PLENTY = 10  # seconds: what is on time on a busy machine, and stock's way is not


@pytest.fixture(scope="module")
def near(two_hosts):
    near, far = two_hosts
    near.etc("hosts", HOSTS)
    near.etc("nsswitch.conf", "hosts: files dns\n")
    near.etc("resolv.conf", "nameserver 10.77.0.99\n")
    for address in ("10.77.0.99", *HOLES):
        near.ip("neigh", "add", address, "lladdr", "02:00:00:00:00:99", "dev", "eth")
    far.ip("addr", "add", "10.77.0.3/24", "dev", "eth")
    # Or else only the first few rejections would be told: the rest wait for the next second.
    far.sysctl("net.ipv4.icmp_ratelimit=0")
    far.sysctl("net.ipv4.icmp_msgs_per_sec=100000")
    rules = "add table ip6 t; add chain ip6 t in { type filter hook input priority 0; }; "
    far.exec("nft", rules + "add rule ip6 t in tcp dport 7000 drop")
    far.start("socket", SERVE).expect("ready")
    return near


def run(near, program, *arguments):
    return near.run("csock", KIT + program, *arguments)


@pytest.mark.parametrize(
    "call",
    [
        "create_connection, ('half.test', 7000), 60",
        "create_connection, ('half.test', 7000)",
        "dial, 'half.test', 7000",
    ],
)
def test_ipv6_that_leads_nowhere(near, call):
    seen = run(near, f"result = connected(sock.{call})")
    assert seen["value"] == ["10.77.0.2", 7000]
    assert 0.25 <= seen["took"] < PLENTY


@contextlib.contextmanager
def route(near, kind):
    """For TCP alone: libc asks the routing table by UDP, and would put the address last."""
    rule = ["to", "fd77::5", "ipproto", "tcp", "dport", "7000", kind]
    near.ip("-6", "rule", "add", *rule)
    try:
        yield
    finally:
        near.ip("-6", "rule", "del", *rule)


@pytest.mark.parametrize(
    "call",
    [
        "create_connection, ('{}', 7000), 60",
        "dial, '{}', 7000, attempt_delay=3600",
    ],
)
@pytest.mark.parametrize("kind", ["unreachable", "prohibit", "blackhole"])
def test_a_route_that_says_so(near, kind, call):
    """The next address at once; dial() would otherwise have waited for an hour."""
    with route(near, kind):
        program = f"result = connected(sock.{call.format('route.test')}) | {{'tried': tried}}"
        seen = run(near, program)
    assert seen["value"] == ["10.77.0.2", 7000] and seen["took"] < PLENTY
    assert seen["tried"] == ["fd77::5", "10.77.0.2"]


REJECTED = {
    "tcp reset": 111,
    "icmp port-unreachable": 111,
    "icmp host-unreachable": 113,
    "icmp admin-prohibited": 113,
}


@pytest.mark.parametrize("how", REJECTED)
def test_a_firewall_that_says_so(two_hosts, near, how):
    """The next address at once, and what the first one said where there is no other."""
    far = two_hosts[1]
    rules = "add table ip t; add chain ip t in { type filter hook input priority 0; }; "
    rules += f"add rule ip t in ip daddr 10.77.0.3 tcp dport 7000 reject with {how}"
    far.exec("nft", rules)
    try:
        seen, alone, tried = run(
            near,
            """
seen = connected(sock.dial, "fours.test", 7000, attempt_delay=3600)
number = len(tried)
result = seen, connected(sock.dial, "10.77.0.3", 7000), tried[:number]
""",
        )
    finally:
        far.exec("nft", "delete table ip t")
    assert seen["value"] == ["10.77.0.2", 7000] and seen["took"] < PLENTY
    assert tried == ["10.77.0.3", "10.77.0.2"]
    assert alone["error"][0] == REJECTED[how]
    assert "10.77.0.3" in alone["text"]


def test_one_family_alone(near):
    program = "result = outcome(sock.dial, 'half.test', 7000, family=sock.AF_INET6, timeout=0.3)"
    program = program.replace("outcome(", "connected(")
    assert run(near, program)["error"] == ["timed out"]


def test_addresses_that_do_not_answer(near):
    seen = run(
        near,
        """
        try:
            start = time.monotonic()
            sock.create_connection(("holes.test", 7000), 2)
        except TimeoutError as error:
            took = time.monotonic() - start
            result = took, str(error), len(error.attempts), error.__notes__
        """.replace("\n        ", "\n"),
    )
    took, text, attempts, (note,) = seen
    assert text == "timed out" and 2 <= took < PLENTY
    assert 1 <= attempts <= 8 and note.count("\n  at ") == attempts
    assert f"not tried: {20 - attempts} more" in note


@pytest.mark.parametrize(
    "call",
    [
        "create_connection, (args[0], 7000), 0.5",
        "dial, args[0], 7000, timeout=0.5",
        "dial, '10.77.0.2', 7000, timeout=0.5, source_address=(args[0], 0)",
    ],
)
def test_a_name_server_that_is_silent(near, call):
    seen = run(near, f"result = connected(sock.{call})", NAME)
    assert seen["error"] == [f"timed out: look-up of {NAME}, 0.5 s"]
    assert 0.5 <= seen["took"] < PLENTY / 2


def test_a_deadline(near):
    program = (
        "with sock.deadline(0.5): result = connected(sock.create_connection, (args[0], 80), 60)"
    )
    seen = run(near, program, NAME)
    assert seen["is"][0] == "DeadlineExceeded"
    assert seen["error"] == [f"look-up of {NAME}: the deadline of 0.5 s has passed"]
    assert 0.5 <= seen["took"] < PLENTY / 2


def test_ctrl_c(near):
    seen = run(
        near,
        """
signal.signal(signal.SIGALRM, signal.default_int_handler)
result = []
for arguments in ((args[0], 7000), ("holes.test", 7000)):
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    start = time.monotonic()
    before = len(os.listdir("/proc/self/fd"))
    try:
        sock.create_connection(arguments)
    except KeyboardInterrupt:
        leaked = len(os.listdir("/proc/self/fd")) - before
        result.append([time.monotonic() - start, leaked])
""",
        NAME,
    )
    assert len(seen) == 2
    for took, _ in seen:
        assert 0.3 <= took < PLENTY / 2
    assert seen[1][1] == 0  # a look-up that was given up has sockets of libc's for some time


def test_a_child_of_fork_connects(near):
    seen = run(
        near,
        """
connected(sock.create_connection, ("half.test", 7000), 30)
pid = os.fork()
if pid == 0:
    seen = connected(sock.create_connection, ("half.test", 7000), 30)
    os._exit(0 if seen["value"] == ("10.77.0.2", 7000) else 1)
result = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
""",
    )
    assert seen == 0
