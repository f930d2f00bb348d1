"""Network namespaces, and Python programs that run inside them.

A namespace is a network of its own, and `ip netns exec` lays /etc/netns/<name>/* over /etc, so
that its programs see their own resolv.conf, hosts and nsswitch.conf. Every name carries the pid of
the test run: runs do not meet, and what a killed run left behind can be told and removed.
"""

import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

# A program for the other end of both families: takes connections on port 7000, and ends them.
SERVE = """
s = sock.create_server(("::", 7000), family=sock.AF_INET6, dualstack_ipv6=True, backlog=64)
say("ready")
while True:
    s.accept()[0].close()
"""

PREFIX = "csock-"
ETC = Path("/etc/netns")

# What every program starts with: the module under test as `sock`, its arguments as `args`. It
# leaves its answer in `result`, and may `say` a line before.
PRELUDE = """\
import importlib, json, os, sys, time
sock = importlib.import_module(sys.argv[1])
args = json.loads(sys.argv[2])
def say(line):
    print(line, flush=True)
def outcome(function, *arguments):
    start = time.monotonic()
    try:
        value, error, names, text = function(*arguments), None, [], ""
    except OSError as e:
        value, error, names = None, list(e.args), [c.__name__ for c in type(e).__mro__]
        text = str(e)
    took = time.monotonic() - start
    return {"value": value, "error": error, "is": names, "text": text, "took": took}
result = None
"""
EPILOGUE = "\nsay(json.dumps(result))\n"


def why_not():
    """The reason for which no namespace can be made here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "no `ip` command (Debian: iproute2)"
    probe = f"{PREFIX}{os.getpid()}-probe"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True)
    if made.returncode:
        return f"`ip netns add` is refused here: {made.stderr.strip()}"
    command = ["ip", "netns", "exec", probe, "true"]
    entered = subprocess.run(command, capture_output=True, text=True)
    subprocess.run(["ip", "netns", "del", probe], check=True)
    if entered.returncode:
        return f"`ip netns exec` is refused here: {entered.stderr.strip()}"
    return None


def sweep():
    """Removes the namespaces of test runs that were killed."""
    listed = subprocess.run(["ip", "-j", "netns"], capture_output=True, text=True, check=True)
    for row in json.loads(listed.stdout or "[]"):
        name = row["name"]
        owner = name.removeprefix(PREFIX).partition("-")[0]
        if name.startswith(PREFIX) and owner.isdigit() and not Path("/proc", owner).exists():
            subprocess.run(["ip", "netns", "del", name], check=True)
            shutil.rmtree(ETC / name, ignore_errors=True)


class Child:
    """A Python program of a test, running."""

    def __init__(self, argv):
        path = os.pathsep.join(map(os.path.abspath, filter(None, sys.path)))
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )

    def expect(self, line):
        """Waits until the program says this line."""
        said = self.process.stdout.readline().rstrip("\n")
        assert said == line, f"said {said!r}, not {line!r}: {self.process.stderr.read()}"

    def go_on(self):
        """Lets a program go on that waits in `input()`."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def result(self, timeout=30):
        out, err = self.process.communicate(timeout=timeout)
        assert self.process.returncode == 0, err
        return json.loads(out.splitlines()[-1])

    def stop(self):
        self.process.kill()
        self.process.communicate()


class Namespace:
    def __init__(self, name):
        self.name = f"{PREFIX}{os.getpid()}-{name}"
        self.children = []
        self.made_etc = not ETC.exists()
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.ip("link", "set", "lo", "up")

    def ip(self, *arguments):
        subprocess.run(["ip", "-n", self.name, *arguments], check=True)

    def link(self, name):
        show = ["ip", "-n", self.name, "-j", "link", "show", name]
        return json.loads(subprocess.check_output(show))[0]

    def interface(self, name):
        """Its number, which is the scope id of addresses on it."""
        return self.link(name)["ifindex"]

    def await_link(self, name):
        """The kernel lets packets through only a moment after both ends were set up."""
        end = time.monotonic() + 30
        while self.link(name)["operstate"] != "UP":
            assert time.monotonic() < end, f"{name} does not come up"
            time.sleep(0.02)

    def exec(self, *argv, **options):
        subprocess.run(["ip", "netns", "exec", self.name, *argv], check=True, **options)

    def sysctl(self, setting):
        self.exec("sysctl", "-qw", setting)

    def etc(self, name, text):
        folder = ETC / self.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)

    def start(self, impl, program, *arguments):
        source = PRELUDE + textwrap.dedent(program) + EPILOGUE
        run = [sys.executable, "-c", source, impl, json.dumps(arguments)]
        child = Child(["ip", "netns", "exec", self.name, *run])
        self.children.append(child)
        return child

    def run(self, impl, program, *arguments):
        return self.start(impl, program, *arguments).result()

    def call(self, impl, function, *arguments):
        """The outcome of one function of the module: see `outcome` in PRELUDE."""
        program = "result = outcome(getattr(sock, args[0]), *args[1:])"
        return self.run(impl, program, function, *arguments)

    def silence(self, address):
        """What is sent to this address vanishes: its neighbour entry leads to no machine."""
        self.ip("link", "add", "eth", "type", "veth", "peer", "name", "other")
        self.ip("addr", "add", "10.77.0.1/24", "dev", "eth")
        for link in ("eth", "other"):
            self.ip("link", "set", link, "up")
        self.ip("neigh", "add", address, "lladdr", "02:00:00:00:00:99", "dev", "eth")

    def remove(self):
        for child in self.children:
            child.stop()
        subprocess.run(["ip", "netns", "del", self.name], check=True)
        shutil.rmtree(ETC / self.name, ignore_errors=True)
        if self.made_etc and ETC.exists() and not any(ETC.iterdir()):
            ETC.rmdir()
