"""Row 39: the echo server and client of the 1998 text, as two processes.

The programs stand here as in the text, line by line; only print is a function now, and data are
bytes. The two-argument bind and connect are part of the text. A test changes nothing in them but
the two constants."""

import pathlib
import re
import socket as stock
import subprocess
import sys

import pytest
import testkit

SERVER = """\
# Echo server program
from csock import *
HOST = ''                 # Symbolic name meaning the local host
PORT = 50007              # Arbitrary non-privileged server
s = socket(AF_INET, SOCK_STREAM)
s.bind(HOST, PORT)
s.listen(1)
conn, addr = s.accept()
print('Connected by', addr)
while 1:
    data = conn.recv(1024)
    if not data: break
    conn.send(data)
conn.close()
"""

CLIENT = """\
# Echo client program
from csock import *
HOST = 'daring.cwi.nl'    # The remote host
PORT = 50007              # The same port as used by the server
s = socket(AF_INET, SOCK_STREAM)
s.connect(HOST, PORT)
s.send(b'Hello, world')
data = s.recv(1024)
s.close()
print('Received', repr(data))
"""


def with_constants(program, host, port):
    program, hosts = re.subn(r"^HOST = '[^']*'", f"HOST = {host!r}", program, flags=re.M)
    program, ports = re.subn(r"^PORT = \d+", f"PORT = {port}", program, flags=re.M)
    assert (hosts, ports) == (1, 1)
    return program


def free_port():
    with stock.socket() as s:
        s.bind(("", 0))
        return s.getsockname()[1]


def listening(port):
    """Whether somebody listens on the port; asking by connecting would use up the server."""
    rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows)


def run_both(server_program, client_program, port):
    server = subprocess.Popen(
        [sys.executable, "-c", server_program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        testkit.wait_for(lambda: listening(port) or server.poll() is not None)
        client = testkit.run_python(client_program)
        out, errors = server.communicate(timeout=20)
    finally:
        server.kill()
        server.wait()
    assert (server.returncode, errors) == (0, b""), errors.decode()
    return client, out.decode()


def check(client, server_output):
    assert (client.stdout, client.stderr) == ("Received b'Hello, world'\n", "")
    assert re.fullmatch(r"Connected by \('127\.0\.0\.1', \d+\)\n", server_output)


def host_name():
    name = stock.gethostname()
    try:
        return name if stock.gethostbyname(name).startswith("127.") else None
    except OSError:
        return None


@pytest.mark.parametrize("host", ["localhost", host_name()])
def test_row_39_echo_server_and_client(host):
    if host is None:
        pytest.skip("this machine's own name does not resolve to the loopback")
    port = free_port()
    check(*run_both(with_constants(SERVER, "", port), with_constants(CLIENT, host, port), port))


def test_row_39_stock_needs_pairs():
    """The same pair of programs on stock, which takes a pair only: that the harness works."""
    port = free_port()
    programs = []
    for program, host in ((SERVER, ""), (CLIENT, "localhost")):
        program = with_constants(program, host, port).replace("csock", "socket")
        programs.append(program.replace("(HOST, PORT)", "((HOST, PORT))"))
    check(*run_both(*programs, port))


NAMES_OF_THE_TEXT = """
error AF_UNIX AF_INET SOCK_STREAM SOCK_DGRAM SOCK_RAW SOCK_RDM SOCK_SEQPACKET SOMAXCONN SO_REUSEADDR
MSG_PEEK SOL_SOCKET IPPROTO_TCP IPPORT_RESERVED INADDR_ANY IP_TTL gethostbyname gethostbyname_ex
gethostname gethostbyaddr getprotobyname getservbyname socket fromfd ntohl ntohs htonl htons
SocketType
""".split()


def test_row_39_star_import_gives_every_name_of_the_text(csock):
    names = {}
    exec("from csock import *", names)
    assert [name for name in NAMES_OF_THE_TEXT if name not in names] == []
    assert names["socket"] is csock.socket and names["error"] is OSError
