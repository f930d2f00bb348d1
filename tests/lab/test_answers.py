"""What a real name server says, and what becomes of it: answers that are cut off and come by TCP,
many addresses, chains of aliases, names that do not exist; and a port 53 that a firewall closes."""

import json
import shutil
import textwrap

import pytest
from cable import count_tcp

TWENTY = [f"127.0.0.{n}" for n in range(1, 21)]
LONG = [f"fd77::{n}" for n in range(1001, 1041)]
CHAINS = {
    "twenty": TWENTY,
    "totwenty": TWENTY,
    "long": LONG,
    "tolong": LONG,
    "tofar": ["10.77.0.2", "fd77::2"],
    "chain": ["192.0.2.10", "192.0.2.11", "fd77::10"],
}
ENDS = 5  # seconds: what is on time on a busy machine

KIT = """
import contextlib
def within(seconds):
    return sock.deadline(seconds) if seconds else contextlib.nullcontext()
def look_up(name, seconds=None):
    with within(seconds):
        found = sock.getaddrinfo(name, 80, type=sock.SOCK_STREAM)
    return [row[4][0] for row in found]
"""


def run(dns, impl, program, *arguments):
    return dns.run(impl, KIT + textwrap.dedent(program), *arguments)


# ---- all of it


@pytest.mark.parametrize("name", CHAINS)
def test_all_addresses_come(dns, impl, name):
    found = run(dns, impl, "result = look_up(args[0])", f"{name}.lab.test")
    assert sorted(found) == sorted(CHAINS[name])
    assert found == run(dns, "socket", "result = look_up(args[0])", f"{name}.lab.test")


@pytest.mark.parametrize("name", ["long", "tolong"])
def test_what_was_cut_off_comes_by_tcp(dns, name):
    """In the thread of a look-up, too, and by no more connections than stock has."""
    counts = [count_tcp(dns)]
    for impl, seconds in ("socket", None), ("csock", 20):
        found = run(dns, impl, "result = look_up(*args)", f"{name}.lab.test", seconds)
        assert sorted(found) == sorted(LONG)
        counts.append(count_tcp(dns))
    assert 1 <= counts[1] - counts[0] == counts[2] - counts[1]


def test_what_fits_asks_nothing_by_tcp(dns):
    before = count_tcp(dns)
    assert len(run(dns, "csock", "result = look_up(args[0], 20)", "twenty.lab.test")) == 20
    assert count_tcp(dns) == before


@pytest.mark.parametrize(
    ("impl", "call"),
    [
        ("socket", "create_connection((name, port), 20)"),
        ("csock", "create_connection((name, port), 20)"),
        ("csock", "dial(name, port, attempt_delay=60)"),
    ],
)
@pytest.mark.parametrize("name", ["twenty", "totwenty"])
def test_twenty_addresses_are_gone_through(dns, impl, name, call):
    """The last one is the one that listens; the others refuse, and the next is tried at once."""
    tried, order, peer = run(
        dns,
        impl,
        f"""
        tried, name = [], args[0]
        order = look_up(name)
        with sock.socket() as listener:
            listener.bind((order[-1], 0))
            listener.listen()
            port = listener.getsockname()[1]
            sys.addaudithook(lambda e, a: e == "socket.connect" and tried.append(a[1][0]))
            with sock.{call} as s:
                result = tried, order, s.getpeername()[0]
        """,
        f"{name}.lab.test",
    )
    assert tried == order
    assert sorted(order) == sorted(TWENTY)
    assert peer == order[-1]


def test_twenty_that_all_refuse(dns):
    """The error has all of them, in the order in which they were tried."""
    text, tried, order = run(
        dns,
        "csock",
        """
        order = look_up(args[0])
        with sock.socket() as taken:
            taken.bind(("127.0.0.99", 0))
            try:
                sock.create_connection((args[0], taken.getsockname()[1]), 20)
            except ConnectionRefusedError as e:
                result = str(e), [row.address[0] for row in e.attempts], order
        """,
        "twenty.lab.test",
    )
    assert tried == order
    assert "Connection refused" in text


# ---- nothing


CALLS = {
    "getaddrinfo": "look_up(name, args[1])",
    "create_connection": "sock.create_connection((name, 80))",
    "connect": "sock.socket().connect((name, 80))",
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", ["nowhere", "dangling", "loop"])
def test_no_such_name(dns, call, name):
    """What stock says, at once, with a thread for the look-up and without; and the name beside."""
    program = f"name = args[0]; result = outcome(lambda: {CALLS[call]})"
    stock = run(dns, "socket", program, f"{name}.lab.test", None)
    for seconds in (None, 20):
        ours = run(dns, "csock", program, f"{name}.lab.test", seconds)
        assert ours["error"] == stock["error"]
        assert ours["is"] == stock["is"]
        assert f"'{name}.lab.test'" in ours["text"]
    assert stock["error"][0] < 0


def test_no_such_name_to_dial(dns):
    seen = run(dns, "csock", "result = outcome(sock.dial, args[0], 80)", "nowhere.lab.test")
    assert seen["error"] == [-2, "Name or service not known"]
    assert seen["took"] < ENDS


def test_a_family_that_the_name_does_not_have(dns):
    ours, again = run(
        dns,
        "csock",
        """
        result = [outcome(lambda: sock.dial("six.lab.test", 80, family=sock.AF_INET)),
                  outcome(lambda: sock.getaddrinfo("six.lab.test", 80, sock.AF_INET))]
        """,
    )
    assert ours["error"] == again["error"] == [-5, "No address associated with hostname"]
    assert max(ours["took"], again["took"]) < ENDS


# ---- a firewall


@pytest.fixture
def port_53(dns):
    """A function that closes it: `how`, for the protocol."""
    if shutil.which("nft", path="/usr/sbin:/usr/bin") is None:
        pytest.skip("no nft binary (Debian: nftables)")

    def close(protocol, how):
        rules = ["table inet lab {", "chain in {", "type filter hook input priority 0"]
        rules += [f"{protocol} dport 53 {how}", "}", "}", ""]
        dns.exec("nft", "-f", "-", input="\n".join(rules), text=True)

    yield close
    dns.exec("nft", "flush", "ruleset")


BOUNDED = {
    "getaddrinfo": "look_up(name, 0.4)",
    "create_connection": "sock.create_connection((name, 80), 0.4)",
    "dial": "sock.dial(name, 80, timeout=0.4)",
}


@pytest.mark.parametrize("call", BOUNDED)
@pytest.mark.parametrize(("protocol", "name"), [("udp", "host"), ("tcp", "long")])
def test_dropped(dns, port_53, call, protocol, name):
    """By UDP nothing comes; by TCP not what was cut off. libc would wait for some seconds."""
    dns.etc("resolv.conf", "nameserver 127.0.0.1\noptions timeout:20 attempts:1\n")
    try:
        port_53(protocol, "drop")
        program = f"name = args[0]; result = outcome(lambda: {BOUNDED[call]})"
        seen = run(dns, "csock", program, f"{name}.lab.test")
    finally:
        dns.etc("resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    assert "TimeoutError" in seen["is"]
    assert f"look-up of {name}.lab.test" in seen["text"]
    assert "0.4 s" in seen["text"]
    assert 0.4 <= seen["took"] < ENDS


@pytest.mark.parametrize("call", BOUNDED)
@pytest.mark.parametrize("how", ["reject with icmpx port-unreachable", "counter accept"])
def test_rejected(dns, port_53, call, how):
    """The kernel says so at once; where it is let through (as a check of this test) it answers."""
    port_53("udp", how)
    bounds = BOUNDED[call].replace("0.4", "20")
    program = f"name = args[0]; result = outcome(lambda: {bounds} and None)"
    seen = run(dns, "csock", program, "nowhere.lab.test")
    wanted = -2 if "accept" in how else -3
    assert seen["error"][0] == wanted, json.dumps(seen)
    assert "'nowhere.lab.test'" in seen["text"]
    assert seen["took"] < ENDS
