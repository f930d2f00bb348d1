"""create_connection(): addresses race, the timeout bounds all of it; and stock's own way, one
address after the other, wherever a program has replaced what stock's function would call."""

import errno
import os
import socket as stock

import dialkit
import pytest
import testkit
from dialkit import ANSWERING, network, refusing

import csock
from csock import create_connection

dropin = csock.dropin


@pytest.fixture
def hosts(monkeypatch):
    """Has a name mean these addresses, below all that the race looks at."""

    def mean(addresses):
        def ask(host, port, family=0, type=0, proto=0, flags=0):
            if host != "several":
                return real(host, port, family, type, proto, flags)
            return [(csock.AF_INET, csock.SOCK_STREAM, 6, "", address) for address in addresses]

        monkeypatch.setattr(dropin, "getaddrinfo", ask)

    real = dropin.getaddrinfo
    return mean


def failing(*args, **options):
    with pytest.raises(OSError) as caught:
        create_connection(*args, **options)
    return caught.value


def races():
    """Whether it goes by the race, as its errors tell."""
    return hasattr(failing(refusing()), "attempts")


# ------------------------------------------------------------------- racing


def test_it_races():
    assert races()


def test_the_socket(impl):
    with impl.create_server(("127.0.0.1", 0)) as server:
        for timeout in (5, 0.25, None):
            with impl.create_connection(server.getsockname(), timeout) as s:
                assert type(s) is impl.socket and s.gettimeout() == timeout
                assert os.get_blocking(s.fileno()) == (timeout is None)
                assert (s.family, s.type, s.proto) == (impl.AF_INET, impl.SOCK_STREAM, 6)
                assert s.getpeername() == server.getsockname()
        impl.setdefaulttimeout(8)
        try:
            with impl.create_connection(server.getsockname()) as s:
                assert s.gettimeout() == 8
            with impl.create_connection(server.getsockname(), None) as s:
                assert s.gettimeout() is None
        finally:
            impl.setdefaulttimeout(None)


@pytest.mark.parametrize("port", [str, int])
def test_names_and_services(impl, port):
    with impl.create_server(("127.0.0.1", 0)) as server:
        address = "localhost", port(server.getsockname()[1])
        impl.create_connection(address, 10, ("127.0.0.1", 0)).close()
        with impl.create_connection(address, source_address=("127.0.0.9", 0)) as s:
            assert s.getsockname()[0] == "127.0.0.9"
        impl.create_connection(list(address), timeout=10).close()


# Those whose outcome stock's loop decides: the words are stock's.
UNUSUAL = {
    "too long": (("localhost", 1, 2),),
    "too short": (("localhost",),),
    "no pair": (5,),
    "port": (("localhost", 1.5),),
    "large port": (("127.0.0.1", 70000),),
    "large port's name": (("127.0.0.1", "70000"),),
    "no service": (("127.0.0.1", "no such service"),),
    "label": (("x" * 70 + ".example", 1),),
    "name": (("name.invalid", 1),),
    "negative": (("127.0.0.1", 1), -1),
    "text": (("127.0.0.1", 1), "1"),
    "source": (("127.0.0.1", 1), 5, 7),
    "source's port": (("127.0.0.1", 1), 5, ("127.0.0.1", "x")),
}


@pytest.mark.parametrize("args", UNUSUAL.values(), ids=UNUSUAL)
def test_errors_are_stock_s(args):
    told = []
    for module in (stock, csock):
        with pytest.raises(Exception) as caught:
            module.create_connection(*args)
        told.append((type(caught.value).__name__, caught.value.args))
    assert told[0] == told[1]


def test_a_timeout_of_zero(impl):
    with impl.create_server(("127.0.0.1", 0)) as server:
        try:
            impl.create_connection(server.getsockname(), 0).close()
        except BlockingIOError as error:
            assert error.errno == errno.EINPROGRESS


def test_all_errors(impl):
    address = refusing()
    with pytest.raises(ExceptionGroup, match="create_connection failed") as caught:
        impl.create_connection(address, all_errors=True)
    (error,) = caught.value.exceptions
    assert type(error) is ConnectionRefusedError
    with pytest.raises(impl.gaierror):
        impl.create_connection(("name.invalid", 1), all_errors=True)


def test_a_wide_address_in_stock_s_way(monkeypatch):
    if not testkit.has_ipv6():
        pytest.skip("no IPv6 on the loopback")
    monkeypatch.setattr(csock, "_races", False)
    with csock.create_server(("::1", 0), family=csock.AF_INET6) as server:
        peer = server.getsockname()
        assert len(peer) == 4
        create_connection(peer).close()


def test_a_silent_address_costs_a_quarter_of_a_second():
    lines = dialkit.program(
        """
        import socket, time, dialkit
        with dialkit.network(1) as (port, addresses):
            start = time.monotonic()
            with socket.create_connection(("both.test", port), timeout=30) as s:
                took = time.monotonic() - start
                print(s.getpeername() == (dialkit.ANSWERING, port), 0.25 <= took < 10)
        """,
        **hosts_file("127.0.1.1 both.test\n127.9.0.3 both.test\n"),
    )
    assert lines == ["True True"]


def hosts_file(text):
    """Options of a program for which names stand in a file of the test's own."""
    if testkit.why_no_netns():
        pytest.skip(testkit.why_no_netns())
    inside = 'd=$(mktemp) && printf "%b" "$0" > $d && mount --bind $d /etc/hosts && exec "$@"'
    return {"prefix": ["unshare", "-m", "sh", "-c", inside, text.replace("\n", "\\n")]}


# ------------------------------------------------------ what has been replaced


class Named(csock.socket):
    pass


def other(function):
    def call(*args, **kwargs):
        return function(*args, **kwargs)

    return call


CLASS_PARTS = ["__init__", "connect", "bind", "settimeout", "close"]


@pytest.mark.parametrize("name", CLASS_PARTS)
def test_methods(monkeypatch, name):
    monkeypatch.setattr(dropin.socket, name, other(getattr(dropin.socket, name)))
    assert not races()
    monkeypatch.undo()
    assert races()


def test_new():
    # In a program of its own, as the interpreter does not undo all of it.
    new = "socket.socket.__new__ = lambda cls, *a, new=socket.socket.__new__, **kw: new(cls)\n"
    assert dialkit.program("import socket\n" + new + ASK) == ["False"]


@pytest.mark.parametrize("name", ["socket", "getaddrinfo"])
def test_names_of_the_module(monkeypatch, name):
    monkeypatch.setattr(dropin, name, Named if name == "socket" else other(dropin.getaddrinfo))
    assert not races()
    monkeypatch.undo()
    assert races()


def test_the_function_below(monkeypatch):
    monkeypatch.setattr(csock._socket, "getaddrinfo", other(csock._socket.getaddrinfo))
    assert not races()


def test_what_it_would_not_call(monkeypatch):
    monkeypatch.setattr(dropin.socket, "recv", other(dropin.socket.recv))
    monkeypatch.setattr(dropin, "getfqdn", other(dropin.getfqdn))
    assert races()


def test_the_timeout_of_each_in_stock_s_way(hosts):
    with network(2) as (port, addresses), testkit.Stopwatch() as watch:
        hosts(addresses)
        with create_connection(("several", port), 0.2) as s:
            assert s.getpeername() == (ANSWERING, port)
    assert 0.4 <= watch.wall < 0.4 + testkit.LATE


def test_the_last_error_in_stock_s_way(hosts):
    first, second = refusing("127.0.0.4"), refusing("127.0.0.5")
    hosts([first, second])
    assert failing(("several", 1)).filename == ":".join(map(str, second))
    with pytest.raises(ExceptionGroup) as caught:
        create_connection(("several", 1), all_errors=True)
    assert [error.filename for error in caught.value.exceptions] == [
        ":".join(map(str, first)),
        ":".join(map(str, second)),
    ]


# ----------------------------------------------------------------------- off

ASK = """
import socket, dialkit
try:
    socket.create_connection(dialkit.refusing())
except ConnectionRefusedError as error:
    print(hasattr(error, "attempts"))
"""


def test_off_by_the_environment():
    assert dialkit.program(ASK) == ["True"]
    assert dialkit.program(ASK, env={"CSOCK_RACE": "0"}) == ["False"]
    assert dialkit.program(ASK, env={"CSOCK_RACE": "1"}) == ["True"]


def test_off_by_install():
    assert dialkit.program("csock.install(race=False)" + ASK) == ["False"]
    lines = dialkit.program("csock.install(race=False)\ncsock.install()" + ASK)
    assert lines == ["True"]
    lines = dialkit.program("csock.install(race=True)" + ASK, env={"CSOCK_RACE": "0"})
    assert lines == ["False"]
