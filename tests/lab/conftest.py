"""Fixtures of the labs: see README.md. Each test runs on the stock module and on csock."""

import subprocess

import dnslab
import netlab
import pytest


@pytest.fixture(params=["socket", "csock"])
def impl(request):
    """The name of the module, for programs that run in a namespace."""
    return request.param


@pytest.fixture(scope="session")
def namespaces_allowed():
    reason = netlab.why_not()
    if reason:
        pytest.skip(reason)
    netlab.sweep()


@pytest.fixture(scope="module")
def namespace(namespaces_allowed):
    """Makes namespaces; all of them are gone when the module's tests are over."""
    made = []

    def make(name):
        made.append(netlab.Namespace(name))
        return made[-1]

    yield make
    for one in made:
        one.remove()


@pytest.fixture(scope="module")
def dns(namespace, tmp_path_factory):
    """One with a name server, and the zones of dnslab.py."""
    with dnslab.served(namespace, tmp_path_factory.mktemp("nsd")) as made:
        yield made


@pytest.fixture(scope="module")
def two_hosts(namespace):
    """Two hosts on one cable, interface `eth`: 10.77.0.N, fd77::N and fe80::N, with N 1 and 2."""
    near, far = namespace("near"), namespace("far")
    cable = ["eth", "netns", near.name, "type", "veth", "peer", "name", "eth", "netns", far.name]
    subprocess.run(["ip", "link", "add", *cable], check=True)
    for number, host in enumerate((near, far), start=1):
        host.ip("addr", "add", f"10.77.0.{number}/24", "brd", "+", "dev", "eth")
        # The kernel's own link-local address would take a second to come and to be probed.
        host.sysctl("net.ipv6.conf.eth.addr_gen_mode=1")
        for network in ("fd77", "fe80"):
            host.ip("addr", "add", f"{network}::{number}/64", "dev", "eth", "nodad")
        host.ip("link", "set", "eth", "up")
    for host in (near, far):
        host.await_link("eth")
    return near, far
