"""connect to hosts that refuse, cannot be reached, or never answer."""

import shutil

import pytest

REJECTED = {"tcp reset": 111, "icmpx port-unreachable": 111, "icmpx host-unreachable": 113,
            "icmpx admin-prohibited": 113, "icmpx no-route": 101}
ROUTES = {"unreachable": 113, "prohibit": 13, "throw": 101, "blackhole": 22}
NAMES = {13: "PermissionError", 22: "OSError", 101: "OSError", 111: "ConnectionRefusedError",
         113: "OSError"}
NOBODY = {4: "10.77.0.9", 6: "fd77::9"}

CONNECT = """\
family = sock.AF_INET6 if ":" in args[0] else sock.AF_INET
def fresh():
    s = sock.socket(family)
    s.settimeout(args[2])
    return s
address = (args[0], args[1])
s = fresh()
result = [outcome(s.connect, address), outcome(fresh().connect_ex, address)]
"""


@pytest.fixture(scope="module")
def hosts(two_hosts):
    near, far = two_hosts
    for number in NOBODY.values():
        # Packets go out to a machine that is not there: silence, as from a firewall that drops.
        near.ip("neigh", "add", number, "lladdr", "02:00:00:00:00:99", "dev", "eth")
    for number, kind in enumerate(ROUTES, start=1):
        near.ip("route", "add", kind, f"198.51.100.{number}")
    near.sysctl("net.ipv4.neigh.eth.retrans_time_ms=100")
    near.sysctl("net.ipv6.neigh.eth.retrans_time_ms=100")
    return near, far


@pytest.fixture(scope="module")
def firewall(hosts):
    """hosts, where the far one drops port 80 and rejects 81 and on, in the order of REJECTED."""
    near, far = hosts
    if shutil.which("nft", path="/usr/sbin:/usr/bin") is None:
        pytest.skip("no nft binary (Debian: nftables)")
    # Or else only the first few rejections would be told: the rest wait for the next second.
    far.sysctl("net.ipv4.icmp_ratelimit=0")
    far.sysctl("net.ipv6.icmp.ratelimit=0")
    rules = ["tcp dport 80 drop"]
    rules += [f"tcp dport {81 + n} reject with {how}" for n, how in enumerate(REJECTED)]
    lines = ["table inet lab {", "chain in {", "type filter hook input priority 0", *rules]
    far.exec("nft", "-f", "-", input="\n".join([*lines, "}", "}", ""]), text=True)
    return near, far


def check(seen, errno):
    connect, connect_ex = seen
    assert connect["error"][0] == errno
    assert connect["is"][0] == NAMES[errno]
    assert connect_ex["value"] == errno


@pytest.mark.parametrize("timeout", [None, 10])
@pytest.mark.parametrize("kind", ROUTES)
def test_route_that_leads_nowhere(hosts, impl, kind, timeout):
    address = f"198.51.100.{1 + list(ROUTES).index(kind)}"
    check(hosts[0].run(impl, CONNECT, address, 80, timeout), ROUTES[kind])


@pytest.mark.parametrize("timeout", [None, 10])
@pytest.mark.parametrize("host", ["10.77.0.2", "fd77::2"])
def test_nobody_listens(hosts, impl, host, timeout):
    check(hosts[0].run(impl, CONNECT, host, 99, timeout), 111)


@pytest.mark.parametrize("timeout", [None, 10])
@pytest.mark.parametrize("host", ["10.77.0.3", "fd77::3"])
def test_no_such_neighbour(hosts, impl, host, timeout):
    """The address is on the cable's network, but nobody answers for it."""
    check(hosts[0].run(impl, CONNECT, host, 80, timeout), 113)


@pytest.mark.parametrize("timeout", [None, 10])
@pytest.mark.parametrize("how", REJECTED)
def test_firewall_rejects(firewall, impl, how, timeout):
    port = 81 + list(REJECTED).index(how)
    check(firewall[0].run(impl, CONNECT, "10.77.0.2", port, timeout), REJECTED[how])


def check_timed_out(seen, timeout):
    connect, connect_ex = seen
    assert connect["error"] == ["timed out"]
    assert connect["is"][:2] == ["TimeoutError", "OSError"]
    assert connect_ex["value"] == 11
    for one in seen:
        assert timeout <= one["took"] < timeout + 10


@pytest.mark.parametrize("host", NOBODY.values())
def test_black_hole(hosts, impl, host):
    check_timed_out(hosts[0].run(impl, CONNECT, host, 80, 0.4), 0.4)


@pytest.mark.parametrize("host", ["10.77.0.2", "fd77::2"])
def test_firewall_drops(firewall, impl, host):
    check_timed_out(firewall[0].run(impl, CONNECT, host, 80, 0.4), 0.4)


def test_the_kernels_own_time_out(hosts, impl):
    """ETIMEDOUT is a TimeoutError too, but says that the kernel gave up."""
    seen = hosts[0].run(
        impl,
        """
        s = sock.socket()
        s.setsockopt(sock.IPPROTO_TCP, sock.TCP_USER_TIMEOUT, 300)
        result = outcome(s.connect, (args[0], 80))
        """,
        NOBODY[4],
    )
    assert seen["error"] == [110, "Connection timed out"]
    assert seen["is"][0] == "TimeoutError"


def test_non_blocking(hosts, impl):
    """Under way at once; the outcome is for select and SO_ERROR to tell."""
    seen = hosts[0].run(
        impl,
        """
        import select
        def attempt(host, wait):
            s = sock.socket()
            s.setblocking(False)
            code = s.connect_ex((host, 99))
            writable = bool(select.select([], [s], [], wait)[1])
            return [code, writable, s.getsockopt(sock.SOL_SOCKET, sock.SO_ERROR)]
        result = [attempt("10.77.0.2", 5), attempt(args[0], 0.2)]
        """,
        NOBODY[4],
    )
    assert seen == [[115, True, 111], [115, False, 0]]


def test_signals_do_not_extend_the_deadline(hosts, impl):
    """Handlers run while connect waits, and the time-out comes when it was due."""
    seen = hosts[0].run(
        impl,
        """
        import signal
        ticks = []
        signal.signal(signal.SIGALRM, lambda *_: ticks.append(1))
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        s = sock.socket()
        s.settimeout(0.6)
        result = outcome(s.connect, (args[0], 80))
        signal.setitimer(signal.ITIMER_REAL, 0)
        result["ticks"] = len(ticks)
        """,
        NOBODY[4],
    )
    assert seen["error"] == ["timed out"]
    assert 0.6 <= seen["took"] < 10
    assert seen["ticks"] >= 2


def test_exception_from_a_handler_ends_a_blocking_connect(hosts, impl):
    seen = hosts[0].run(
        impl,
        """
        import signal
        class Enough(OSError):
            pass
        def handler(*_):
            raise Enough("enough")
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        s = sock.socket()
        result = [outcome(s.connect, (args[0], 80)), s.fileno() >= 0, outcome(s.close)["error"]]
        """,
        NOBODY[4],
    )
    assert seen[0]["error"] == ["enough"]
    assert seen[0]["took"] < 10
    assert seen[1:] == [True, None]


@pytest.mark.parametrize("timeout", [None, 20])
def test_close_from_another_thread_ends_connect(hosts, timeout):
    """csock only: stock's connect would sit out its time."""
    seen = hosts[0].run(
        "csock",
        """
        import threading
        def wait_and_close(s):
            global closed
            time.sleep(0.2)
            closed = time.monotonic()
            s.close()
        late = []
        for _ in range(5):
            s = sock.socket()
            s.settimeout(args[1])
            thread = threading.Thread(target=wait_and_close, args=(s,))
            thread.start()
            last = outcome(s.connect, (args[0], 80))
            late.append(time.monotonic() - closed)
            thread.join()
        result = [last["error"][0], sorted(late)]
        """,
        NOBODY[4],
        timeout,
    )
    assert seen[0] == 9
    assert seen[1][0] < 0.4, "the best of five"


def test_peer_that_vanishes(hosts, impl):
    """An established connection whose packets get lost: recv and sendall time out, on time."""
    near, far = hosts
    server = far.start(
        impl,
        """
        s = sock.create_server(("10.77.0.2", 7010))
        s.settimeout(20)
        say("ready")
        conn, _ = s.accept()
        say("accepted")
        input()
        """,
    )
    server.expect("ready")
    client = near.start(
        impl,
        """
        s = sock.create_connection(("10.77.0.2", 7010), timeout=10)
        say("connected")
        input()
        s.settimeout(0.4)
        result = [outcome(s.recv, 1), outcome(s.sendall, bytes(1 << 25))]
        """,
    )
    client.expect("connected")
    server.expect("accepted")
    near.ip("neigh", "replace", "10.77.0.2", "lladdr", "02:00:00:00:00:99", "dev", "eth")
    try:
        client.go_on()
        for one in client.result():
            assert one["error"] == ["timed out"]
            assert 0.4 <= one["took"] < 10
    finally:
        near.ip("neigh", "del", "10.77.0.2", "dev", "eth")
    server.go_on()
    server.result()
