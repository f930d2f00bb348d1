"""Names from a real DNS server and from /etc/hosts; servers that are dead or silent."""

import pytest
from dnslab import client

HOST = ["192.0.2.10", "192.0.2.11"]


@pytest.fixture(scope="module")
def dead(namespace):
    """Nobody listens where the name server should be: the kernel says so at once."""
    return client(namespace, "dead", "127.0.0.1")


@pytest.fixture(scope="module")
def silent(namespace):
    """Queries vanish."""
    made = client(namespace, "silent", "10.77.0.9")
    made.silence("10.77.0.9")
    return made


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("host.lab.test", ["host.lab.test", [], HOST]),
        ("www.lab.test", ["host.lab.test", ["www.lab.test"], HOST]),
        ("chain.lab.test", ["host.lab.test", ["chain.lab.test", "www.lab.test"], HOST]),
        ("second", ["first.lab.test", ["second", "third.lab.test"], ["192.0.2.50"]]),
    ],
)
def test_row_6_gethostbyname_ex(dns, impl, name, answer):
    value = dns.call(impl, "gethostbyname_ex", name)["value"]
    value[1].sort()
    value[2].sort()
    assert value == answer


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("192.0.2.10", ["host.lab.test", [], ["192.0.2.10"]]),
        ("fd77::10", ["host.lab.test", [], ["fd77::10"]]),
        ("192.0.2.50", ["first.lab.test", ["second", "third.lab.test"], ["192.0.2.50"]]),
        ("fd77::50", ["first6.lab.test", ["second6"], ["fd77::50"]]),
        # A name is looked up forwards, and the address found is looked up backwards.
        ("third.lab.test", ["first.lab.test", ["second", "third.lab.test"], ["192.0.2.50"]]),
    ],
)
def test_row_7_gethostbyaddr(dns, impl, host, answer):
    assert dns.call(impl, "gethostbyaddr", host)["value"] == answer


def test_row_7_gethostbyaddr_through_a_cname(dns, impl):
    """A delegated reverse zone (RFC 2317). Whether the CNAME shows as an alias is libc's choice."""
    name, aliases, addresses = dns.call(impl, "gethostbyaddr", "192.0.2.12")["value"]
    assert name == "delegated.lab.test"
    assert addresses == ["192.0.2.12"]
    assert aliases == dns.call("socket", "gethostbyaddr", "192.0.2.12")["value"][1]


def test_row_5_gethostbyname(dns, impl):
    assert dns.call(impl, "gethostbyname", "chain.lab.test")["value"] in HOST
    assert dns.call(impl, "gethostbyname", "second")["value"] == "192.0.2.50"


@pytest.mark.parametrize("function", ["gethostbyname", "gethostbyname_ex", "gethostbyaddr"])
@pytest.mark.parametrize("name", ["nowhere.lab.test", "dangling.lab.test"])
def test_name_that_does_not_exist(dns, impl, function, name):
    seen = dns.call(impl, function, name)
    assert seen["error"] == [-2, "Name or service not known"]
    assert impl == "socket" or seen["text"] == f"[Errno -2] Name or service not known: '{name}'"
    assert seen["is"][:2] == ["gaierror", "OSError"]


def test_name_without_an_ipv4_address(dns, impl):
    assert dns.call(impl, "gethostbyname", "six.lab.test")["error"][0] == -5


@pytest.mark.parametrize("address", ["192.0.2.99", "fd77::99"])
def test_address_without_a_name(dns, impl, address):
    seen = dns.call(impl, "gethostbyaddr", address)
    assert seen["error"] == [1, "Unknown host"]
    assert seen["is"][:2] == ["herror", "OSError"]


def test_getaddrinfo(dns, impl):
    found = dns.run(impl, "result = sock.getaddrinfo('www.lab.test', 80, type=sock.SOCK_STREAM)")
    addresses = sorted((family, address) for family, _, _, _, address in found)
    assert addresses == [
        (2, ["192.0.2.10", 80]),
        (2, ["192.0.2.11", 80]),
        (10, ["fd77::10", 80, 0, 0]),
    ]


def test_getaddrinfo_canonical_name(dns, impl):
    found = dns.run(
        impl,
        """
        result = sock.getaddrinfo("chain.lab.test", None, sock.AF_INET, sock.SOCK_DGRAM, 0,
                                  sock.AI_CANONNAME)
        """,
    )
    assert [row[3] for row in found] == ["host.lab.test", ""]


def test_getnameinfo(dns, impl):
    name = "result = [sock.getnameinfo((a, 7777), 0) for a in args]"
    assert dns.run(impl, name, "192.0.2.10", "fd77::10", "192.0.2.99") == [
        ["host.lab.test", "7777"],
        ["host.lab.test", "7777"],
        ["192.0.2.99", "7777"],
    ]
    required = "result = outcome(sock.getnameinfo, ('192.0.2.99', 1), sock.NI_NAMEREQD)"
    assert dns.run(impl, required)["error"] == [-2, "Name or service not known"]


def test_connect_to_a_name(dns, impl):
    """A socket resolves what it connects to; a name that does not exist raises gaierror there."""
    seen = dns.run(
        impl,
        """
        s = sock.socket()
        refused = outcome(s.connect, ("localhost", 9))
        result = [refused, outcome(s.connect, ("nowhere.lab.test", 9)),
                  outcome(s.connect_ex, ("nowhere.lab.test", 9))]
        """,
    )
    assert [one["error"][0] for one in seen] == [111, -2, -2]
    assert [one["is"][0] for one in seen] == ["ConnectionRefusedError", "gaierror", "gaierror"]


def test_server_that_knows_nothing_of_the_name(dns, impl):
    """The server refuses zones that are not its own, which says nothing about the name."""
    assert dns.call(impl, "gethostbyname", "www.elsewhere.test")["error"][0] == -3


@pytest.mark.parametrize("function", ["gethostbyname", "gethostbyname_ex"])
def test_dead_server(dead, impl, function):
    seen = dead.call(impl, function, "host.lab.test")
    assert seen["error"] == [-3, "Temporary failure in name resolution"]
    assert seen["is"][0] == "gaierror"
    assert seen["took"] < 5


def test_dead_server_reverse(dead, impl):
    seen = dead.call(impl, "gethostbyaddr", "192.0.2.10")
    assert seen["error"] == dead.call("socket", "gethostbyaddr", "192.0.2.10")["error"]
    assert seen["is"][0] == "herror"


def test_dead_server_is_not_asked_for_what_hosts_knows(dead, impl):
    assert dead.call(impl, "gethostbyname", "second")["value"] == "192.0.2.50"


def test_silent_server(silent, impl):
    """As long as resolv.conf allows, and not longer: one attempt of one second."""
    seen = silent.call(impl, "gethostbyname", "host.lab.test")
    assert seen["error"][0] == -3
    assert 0.9 < seen["took"] < 10


def test_what_a_hosts_file_lacks_ends_at_the_deadline(silent):
    """Of IPv6 the server is asked. With another source before the file, of all names."""
    program = """
        def ask(family):
            with sock.deadline(0.4):
                return len(sock.getaddrinfo("second", 80, family, sock.SOCK_STREAM))
        result = [outcome(ask, family) for family in (sock.AF_UNSPEC, sock.AF_INET6)]
    """
    whole, six = silent.run("csock", program)
    silent.etc("nsswitch.conf", "hosts: dns files\n")
    try:
        late, _ = silent.run("csock", program)
    finally:
        silent.etc("nsswitch.conf", "hosts: files dns\n")
    assert (whole["value"], whole["error"]) == (1, None)
    for seen in (six, late):
        assert seen["is"][0] == "DeadlineExceeded"
        assert seen["took"] > 0.39


def test_other_threads_run_during_a_lookup(silent, impl):
    """A look-up that waits for a silent server holds up nobody."""
    steps = silent.run(
        impl,
        """
        import threading
        def look_up():
            try:
                sock.gethostbyname("host.lab.test")
            except sock.gaierror:
                pass
        thread = threading.Thread(target=look_up)
        thread.start()
        result = 0
        while thread.is_alive():
            time.sleep(0.01)
            result += 1
        """,
    )
    assert steps > 5
