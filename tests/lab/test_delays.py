"""csock.dial(), create_connection() and look-ups between two hosts and a real name server, where
single answers and packets are late or lost: which address is tried, and which one wins."""

import pytest
from cable import Cable
from dnslab import server
from netlab import SERVE

FAR6, FAR4 = "fd77::2", "10.77.0.2"
LATE = 4  # seconds: what is on time on a busy machine does not wait for it
KIT = """
tried = []
sys.addaudithook(lambda event, a: event == "socket.connect" and tried.append(a[1][0]))
def reached(function, *arguments, **options):
    def peer():
        with function(*arguments, **options) as s:
            return s.getpeername()[0]
    return outcome(peer) | {"tried": tried}
"""
HOSTS = f"""\
127.0.0.1 localhost
{FAR6} both.test
{FAR4} both.test
"""


@pytest.fixture(scope="module")
def cable(namespace, tmp_path_factory):
    made = Cable(namespace)
    made.near.etc("resolv.conf", f"nameserver {FAR4}\noptions timeout:5 attempts:1\n")
    made.near.etc("nsswitch.conf", "hosts: files dns\n")
    made.near.etc("hosts", HOSTS)
    made.far.start("socket", SERVE).expect("ready")
    with server(made.far, tmp_path_factory.mktemp("nsd"), FAR4, asker=made.near):
        yield made


def run(cable, call):
    return cable.near.run("csock", f"{KIT}result = reached(sock.{call})")


# ---- the connection

BOTH = ["dial, 'both.test', 7000", "create_connection, ('both.test', 7000), 60"]


@pytest.mark.parametrize("call", BOTH)
def test_ipv6_wins_where_both_take_50_ms(cable, call):
    with cable.brings(("SYN-ACK", 0.05)):
        seen = run(cable, call)
    assert seen["value"] == FAR6
    assert seen["took"] > 0.05


def test_ipv4_is_not_tried_where_there_is_time_for_ipv6(cable):
    with cable.brings(("SYN-ACK", 0.05)):
        seen = run(cable, f"{BOTH[0]}, attempt_delay=60")
    assert (seen["value"], seen["tried"]) == (FAR6, [FAR6])


@pytest.mark.parametrize("call", BOTH)
def test_a_late_syn_ack_of_ipv6_loses(cable, call):
    with cable.brings(("SYN-ACK 6", LATE)):
        seen = run(cable, call)
    assert (seen["value"], seen["tried"]) == (FAR4, [FAR6, FAR4])
    assert 0.25 <= seen["took"] < LATE


@pytest.mark.parametrize("call", BOTH)
def test_an_earlier_attempt_may_win(cable, call):
    with cable.brings(("SYN-ACK 6", 0.6), ("SYN-ACK 4", None)):
        seen = run(cable, call)
    assert (seen["value"], seen["tried"]) == (FAR6, [FAR6, FAR4])


# ---- the answers

FAR = ["dial, 'far.lab.test', 7000", "create_connection, ('tofar.lab.test', 7000), 60"]


@pytest.mark.parametrize("call", FAR)
@pytest.mark.parametrize("seconds", [LATE, None])
def test_aaaa_late_or_lost(cable, call, seconds):
    with cable.brings(("AAAA", seconds)):
        seen = run(cable, call)
    assert (seen["value"], seen["tried"]) == (FAR4, [FAR4])
    assert seen["took"] < LATE


@pytest.mark.parametrize("call", FAR)
@pytest.mark.parametrize("seconds", [LATE, None])
def test_a_late_or_lost(cable, call, seconds):
    with cable.brings(("A", seconds)):
        seen = run(cable, call)
    assert (seen["value"], seen["tried"]) == (FAR6, [FAR6])
    assert seen["took"] < LATE


def test_aaaa_in_time(cable):
    with cable.brings(("AAAA", 0.3)):
        seen = run(cable, f"{FAR[0]}, resolution_delay=60")
    assert (seen["value"], seen["tried"]) == (FAR6, [FAR6])


def test_aaaa_joins_while_ipv4_is_tried(cable):
    with cable.brings(("AAAA", 0.6), ("SYN-ACK 4", None)):
        seen = run(cable, FAR[0])
    assert (seen["value"], seen["tried"]) == (FAR6, [FAR4, FAR6])


@pytest.mark.parametrize(
    "call",
    ["dial, 'far.lab.test', 7000, timeout=0.5", "create_connection, ('far.lab.test', 7000), 0.5"],
)
def test_all_lost(cable, call):
    with cable.brings(("udp", None)):
        seen = run(cable, call)
    assert seen["error"] == ["timed out: look-up of far.lab.test, 0.5 s"]
    assert 0.5 <= seen["took"] < LATE


def test_getaddrinfo_gives_all_of_it_or_an_error(cable):
    """Never what it has so far."""
    with cable.brings(("AAAA", 0.5)):
        early, late = cable.near.run(
            "csock",
            """
            def within(seconds):
                with sock.deadline(seconds):
                    found = sock.getaddrinfo("far.lab.test", 80, type=sock.SOCK_STREAM)
                return [row[4][0] for row in found]
            result = outcome(within, 0.2), outcome(within, 20)
            """,
        )
    assert early["text"] == "look-up of far.lab.test: the deadline of 0.2 s has passed"
    assert late["value"] == [FAR6, FAR4]
