"""A real name server in a namespace, and programs' view of it."""

import contextlib
import shutil
import subprocess
import time
from pathlib import Path

import pytest

SERVER = """\
server:
  ip-address: {address}
  username: ""
  zonesdir: {folder}
  database: ""
  pidfile: ""
  xfrdfile: {folder}/xfrd.state
  zonelistfile: {folder}/zone.list
  server-count: 1
remote-control:
  control-enable: no
"""
START = "$TTL 60\n@ SOA ns.lab.test. root.lab.test. 1 60 60 60 60\n@ NS ns.lab.test.\n"
ZONES = {
    "lab.test": """\
ns A 192.0.2.1
host A 192.0.2.10
host A 192.0.2.11
host AAAA fd77::10
www CNAME host
chain CNAME www
dangling CNAME nowhere
loop CNAME pool
pool CNAME loop
six AAAA fd77::66
far A 10.77.0.2
far AAAA fd77::2
tofar CNAME link
link CNAME far
"""
    # All of them are this host's own. Those of IPv4 fit into a datagram, the others do not.
    + "".join(f"twenty A 127.0.0.{n}\n" for n in range(1, 21))
    + "".join(f"long AAAA fd77::{n}\n" for n in range(1001, 1041))
    + "totwenty CNAME twenty\ntolong CNAME link2\nlink2 CNAME long\n",
    "2.0.192.in-addr.arpa": """\
10 PTR host.lab.test.
12 CNAME 12.0/26
12.0/26 PTR delegated.lab.test.
""",
    "7.7.d.f.ip6.arpa": "0.1" + ".0" * 26 + " PTR host.lab.test.\n",
}
HOSTS = """\
127.0.0.1 localhost
192.0.2.50 first.lab.test second third.lab.test
fd77::50 first6.lab.test second6
"""


def client(namespace, name, server):
    if Path("/run/nscd/socket").exists():
        pytest.skip("nscd answers look-ups here, whatever the namespace says")
    made = namespace(name)
    made.etc("resolv.conf", f"nameserver {server}\noptions timeout:1 attempts:1\n")
    made.etc("nsswitch.conf", "hosts: files dns\n")
    made.etc("hosts", HOSTS)
    return made


@contextlib.contextmanager
def server(made, folder, address="127.0.0.1", zones=ZONES, asker=None):
    """A real name server in a namespace, authoritative for these zones; it answers by now. The
    asker, if it is another one, has it as its name server."""
    if shutil.which("nsd", path="/usr/sbin:/usr/bin") is None:
        pytest.skip("no nsd binary (Debian: nsd)")
    text = SERVER.format(folder=folder, address=address)
    for zone, records in zones.items():
        (folder / zone).write_text(f"$ORIGIN {zone}.\n{START}{records}")
        text += f"zone:\n  name: {zone}\n  zonefile: {zone}\n"
    (folder / "nsd.conf").write_text(text)
    command = ["ip", "netns", "exec", made.name, "nsd", "-d", "-c", f"{folder}/nsd.conf"]
    with open(folder / "log", "w") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_for(asker or made, folder / "log")
        yield
    finally:
        running.terminate()
        running.wait()


@contextlib.contextmanager
def served(namespace, folder):
    """A namespace with a name server of its own."""
    made = client(namespace, "dns", "127.0.0.1")
    with server(made, folder):
        yield made


def wait_for(made, log):
    end = time.monotonic() + 15
    while made.call("socket", "gethostbyname", "ns.lab.test")["value"] != "192.0.2.1":
        assert time.monotonic() < end, log.read_text()
