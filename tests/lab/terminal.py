"""The terminal of README.md: what `csock ps` and `csock dial` print in a network that is broken on
purpose. As root, with csock importable:

    python tests/lab/terminal.py [SECONDS]    prints it, `csock ps` after so long

test_terminal.py does the same and compares.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import netlab

SHOP = "2001:db8::7", "192.0.2.10", "192.0.2.11"  # vanishes, refuses, answers
HOSTS = "127.0.0.1 localhost\n" + "".join(f"{address} shop.example.com\n" for address in SHOP)
UPSTREAM, NAME_SERVER = "192.0.2.7", "10.77.0.9"  # vanish
SERVER = """
server = sock.create_server(("192.0.2.11", 443))
say("ready")
while True:
    server.accept()[0].close()
"""
# A server with a client that says nothing; it asks another host, and for a name.
APP = """
import csock, socket, threading

def serve(connection):
    connection.settimeout(120)
    connection.recv(4096)

def ask():
    socket.socket().connect(("192.0.2.7", 443))

def find():
    with csock.deadline(60):
        socket.getaddrinfo("db.example.com", 5432)

server = socket.create_server(("127.0.0.1", 8000))
client = socket.create_connection(("127.0.0.1", 8000))
for what, words in (serve, server.accept()[:1]), (ask, ()), (find, ()):
    threading.Thread(target=what, args=words, daemon=True).start()
server.accept()
"""
SCRIPT = "import sys; sys.argv[0] = 'csock'; from csock._command import script; script()"


def broken():
    made = netlab.Namespace("terminal")
    made.etc("hosts", HOSTS)
    made.etc("nsswitch.conf", "hosts: files dns\n")
    made.etc("resolv.conf", f"nameserver {NAME_SERVER}\noptions timeout:30\n")
    made.silence(NAME_SERVER)
    made.ip("-6", "addr", "add", f"{SHOP[0]}/128", "dev", "lo", "nodad")
    for address in (UPSTREAM, *SHOP[1:]):
        made.ip("addr", "add", f"{address}/32", "dev", "lo")
    rules = "add table inet t; add chain inet t in { type filter hook input priority 0; }; "
    for address in f"ip6 daddr {SHOP[0]}", f"ip daddr {UPSTREAM}":
        rules += f"add rule inet t in {address} tcp dport 443 drop; "
    made.exec("nft", rules)
    return made


def environment():
    path = os.pathsep.join(map(os.path.abspath, filter(None, sys.path)))
    first = os.path.dirname(sys.executable)
    return {**os.environ, "PYTHONPATH": path, "PATH": f"{first}:{os.environ['PATH']}"}


def csock(lab, *words):
    """What the command prints, with the line that called it."""
    command = ["ip", "netns", "exec", lab.name, "python3", "-c", SCRIPT, *words]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    return f"$ csock {' '.join(words)}\n{done.stdout}{done.stderr}"


@contextlib.contextmanager
def program(lab):
    """The app, in a folder of its own, so that its command line is short."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "app.py").write_text(APP)
        command = ["ip", "netns", "exec", lab.name, "python3", "-m", "csock", "app.py"]
        child = subprocess.Popen(command, cwd=folder, env=environment())
        try:
            yield child.pid
        finally:
            child.kill()
            child.wait()


def dial(lab):
    lab.start("socket", SERVER).expect("ready")
    return csock(lab, "dial", "shop.example.com", "443")


def main(seconds=45):
    lab = broken()
    try:
        with program(lab) as pid:
            time.sleep(float(seconds))
            print(csock(lab, "ps", str(pid)))
        print(dial(lab))
    finally:
        lab.remove()


if __name__ == "__main__":
    main(*sys.argv[1:])
