"""TLS in csock: new keys (1.3) and new handshakes (1.2) in the middle of reads and writes, by a
peer that is another program: `openssl s_server`, which does so when a line of its input says so."""

import shutil

import pytest

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not there")

RENEWING = """
import re, subprocess
version, commands = sys.argv[3:]
LINES, FRAMES = 40, 120
server = subprocess.Popen(
    ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", CERT, version],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
head = b""
while not (port := re.search(rb"ACCEPT 127.0.0.1:(\\d+)\\n", head)):
    head += server.stdout.read(1)

shown = bytearray()
def collect():
    while data := server.stdout.read(65536):
        shown.extend(data)
collecting = Call(collect)
tls = client_context().wrap_socket(socket.socket(), server_hostname="localhost")
tls.connect(("127.0.0.1", int(port[1])))
tls.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)

def say(i):
    server.stdin.write(b"#%d\\n" % i)
    time.sleep(0.01) # a command begins what is read at once, or is data as well
    server.stdin.write(commands[i % len(commands)].encode() + b"\\n")
    time.sleep(0.01)

file = tls.makefile("rb")
def next_line():
    while (line := file.readline())[:1] != b"#":
        assert line
    return int(line[1:])

def say_all():
    for i in range(LINES):
        say(i)

def read():
    return [next_line() for _ in range(LINES)] == list(range(LINES))

def write(first=0, last=FRAMES):
    for i in range(first, last):
        tls.sendall(b"<" + b"%03d" % i * 7_000 + b">")
        time.sleep(0.002)

def in_turns():
    for i in range(LINES):
        say(i)
        assert next_line() == i
        write(i * 3, i * 3 + 3)

functions = (in_turns,) if version == "-tls1_2" else (say_all, read, write)
print(*(call.end(60) for call in [Call(function) for function in functions]))
TOLD = rb"SSL_do_handshake -> 1|Read BLOCK|KEYUPDATE|\\n" # by s_server, between our data
data = lambda: re.sub(TOLD, b"", bytes(shown))
wait_for(lambda: data().count(b">") >= FRAMES)
texts = re.findall(rb"<([^<>]*)>", data())
tls.close()
server.terminate()
server.wait()
collecting.end()
renewals = shown.count(b"KEYUPDATE") + shown.count(b"SSL_do_handshake -> ")
whole = [text == b"%03d" % i * 7_000 for i, text in enumerate(texts)]
print(len(whole), all(whole), renewals >= LINES / 2)
"""

# In turns with TLS 1.2: OpenSSL itself takes data that comes in the middle of a new handshake for a
# mistake if it is a write that meets it.
@pytest.mark.parametrize("version, commands", [("-tls1_3", "kK"), ("-tls1_2", "r")])
def test_in_the_middle_of_reads_and_writes(tls, version, commands):
    calls = "None" if version == "-tls1_2" else "None True None"
    assert tls(RENEWING, "csock", version, commands) == [calls, "120 True True"]
