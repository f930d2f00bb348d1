"""fromfd (row 12) on sockets inherited from a real inetd, as descriptors 0 and 1.

inetd listens on free ports of the loopback. For `nowait` it accepts and starts the program with the
connection as 0, 1 and 2; for `wait` it hands over its own socket and stays away from it until the
program has ended.
"""

import contextlib
import os
import pwd
import random
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

BEGIN = """\
import importlib, os, sys
sys.stderr = open({log!r}, "a")
sock = importlib.import_module({impl!r})
"""
TCP_NOWAIT = """\
s = sock.fromfd(0, sock.{family}, sock.SOCK_STREAM)
out = sock.fromfd(1, sock.{family}, sock.SOCK_STREAM)
text = repr((s.family.name, s.type.name, s.gettimeout(), s.getpeername()[:2], s.getsockname()[:2],
             min(s.fileno(), out.fileno()) > 2, os.get_inheritable(s.fileno()),
             os.fstat(s.fileno()).st_ino == os.fstat(0).st_ino)).encode()
while line := s.recv(1000):
    out.sendall(line.upper())
out.sendall(text)
s.close()
out.close()
os.write(1, b" and descriptor 1 is still open")
"""
TCP_WAIT = """\
listener = sock.fromfd(0, sock.AF_INET, sock.SOCK_STREAM)
conn, peer = listener.accept()
with conn, conn.makefile("rwb") as f:
    for line in f:
        f.write(b"%d %s " % (peer[1], str(os.getpid()).encode()) + line)
        f.flush()
listener.close()
"""
UDP_WAIT = """\
s = sock.fromfd(0, sock.AF_INET, sock.SOCK_DGRAM)
out = sock.fromfd(1, sock.AF_INET, sock.SOCK_DGRAM)
s.settimeout(60)
data = None
try:
    while data != b"end":
        data, peer = s.recvfrom(100)
        out.sendto(b"%d " % os.getpid() + data.upper(), peer)
finally:
    s.setblocking(True)
"""
SERVICES = {
    "nowait": ("stream", "tcp4", "127.0.0.1", TCP_NOWAIT.format(family="AF_INET")),
    "nowait6": ("stream", "tcp6", "::1", TCP_NOWAIT.format(family="AF_INET6")),
    "wait": ("stream", "tcp4", "127.0.0.1", TCP_WAIT),
    "udp": ("dgram", "udp4", "127.0.0.1", UDP_WAIT),
}


def free_port(host, kind):
    """Not one of those that the kernel hands out, or another test might get it meanwhile. ip(7)"""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        with socket.socket(family, kind) as s, contextlib.suppress(OSError):
            s.bind((host, random.randrange(first // 2, first) if first > 4096 else 0))
            return s.getsockname()[1]


def private(command):
    """inetd writes /run/inetd.pid if it may: never over that of the machine's own."""
    if os.geteuid() != 0:
        return command
    script = 'mount -t tmpfs tmpfs /run && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", script, "inetd", *command]


class Inetd:
    """A running inetd with all of SERVICES, served by the module `impl`."""

    def __init__(self, binary, folder, impl):
        self.log = folder / "log"
        self.ports = {}
        rows = [self.row(folder, impl, name) for name in SERVICES]
        conf = folder / "inetd.conf"
        conf.write_text("\n".join(rows) + "\n")
        path = os.pathsep.join(map(os.path.abspath, filter(None, sys.path)))
        # -E: the programs get this environment; without it inetd clears what Python needs.
        self.process = subprocess.Popen(
            private([binary, "-i", "-E", str(conf)]),
            env={**os.environ, "PYTHONPATH": path},
            stderr=open(self.log, "a"),
        )

    def row(self, folder, impl, name):
        kind, protocol, host, program = SERVICES[name]
        script = folder / f"{name}.py"
        script.write_text(BEGIN.format(log=str(self.log), impl=impl) + program)
        type_ = socket.SOCK_STREAM if kind == "stream" else socket.SOCK_DGRAM
        self.ports[name] = (host, free_port(host, type_))
        service = f"[{host}]" if ":" in host else host
        user = pwd.getpwuid(os.geteuid()).pw_name
        wait = "nowait" if name.startswith("nowait") else "wait"
        port = self.ports[name][1]
        return f"{service}:{port} {kind} {protocol} {wait} {user} {sys.executable} python {script}"

    def connect(self, name):
        end = time.monotonic() + 10
        while True:
            try:
                return socket.create_connection(self.ports[name], timeout=10)
            except ConnectionRefusedError:
                assert time.monotonic() < end, self.log.read_text()
                time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        self.process.wait()


@pytest.fixture(scope="module", params=["socket", "csock"])
def inetd(request, tmp_path_factory):
    binary = shutil.which("inetd", path="/usr/sbin:/usr/bin")
    if binary is None:
        pytest.skip("no inetd binary (Debian: openbsd-inetd)")
    if subprocess.run(private(["true"])).returncode:
        pytest.skip("a root that may not mount cannot keep inetd's pid file to itself")
    running = Inetd(binary, tmp_path_factory.mktemp("inetd"), request.param)
    yield running
    running.stop()


def until_eof(c):
    return b"".join(iter(lambda: c.recv(1000), b""))


@pytest.mark.parametrize("name", ["nowait", "nowait6"])
def test_row_12_tcp_nowait(inetd, name):
    """Reading from 0, writing to 1, each through a duplicate that leaves the original open."""
    with inetd.connect(name) as c:
        own, peer = c.getsockname()[:2], c.getpeername()[:2]
        c.sendall(b"hello from afar\n")
        assert c.recv(100) == b"HELLO FROM AFAR\n", inetd.log.read_text()
        c.shutdown(socket.SHUT_WR)
        answer = until_eof(c).decode()
    family = "AF_INET6" if name == "nowait6" else "AF_INET"
    facts = (family, "SOCK_STREAM", None, own, peer, True, False, True)
    assert answer == f"{facts!r} and descriptor 1 is still open", inetd.log.read_text()


def test_row_12_tcp_wait(inetd):
    """Descriptor 0 is the listening socket: the program accepts, and inetd takes over again."""
    pids = set()
    for text in (b"one", b"two"):
        with inetd.connect("wait") as c:
            c.sendall(text + b"\n")
            port, pid, echo = c.recv(100).split()
            assert (int(port), echo) == (c.getsockname()[1], text), inetd.log.read_text()
            pids.add(pid)
    assert len(pids) == 2, "inetd started the program anew"


def test_row_12_udp_wait(inetd):
    """The first datagram waits in the inherited socket; a later one starts a new program."""
    inetd.connect("nowait").close()  # then inetd is up
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as c:
        c.settimeout(30)
        c.connect(inetd.ports["udp"])

        def pid_that_answers(text):
            c.send(text)
            pid, echo = c.recv(100).split()
            assert echo == text.upper(), inetd.log.read_text()
            return int(pid)

        first = {pid_that_answers(text) for text in (b"one", b"two", b"end")}
        assert len(first) == 1, inetd.log.read_text()
        end = time.monotonic() + 30
        while Path("/proc", str(*first)).exists():  # until inetd has waited for it
            assert time.monotonic() < end
            time.sleep(0.01)
        assert pid_that_answers(b"end") not in first, inetd.log.read_text()
