"""What bench/dial.py measures: the network it needs, the programs in it, the cases."""

from typing import NamedTuple

FAR6, FAR4 = "fd99::2", "10.99.0.2"
GOOD6, BAD6, DNS = "2001:db8::5", "2001:db8::bad", "10.77.0.9"
HOLES = [f"192.0.2.{number}" for number in range(1, 21)]
HOSTS = {
    "localhost": ["127.0.0.1"],
    "half.test": [BAD6, "127.0.0.1"],
    "both.test": [GOOD6, "127.0.0.1"],
    "four.test": ["127.0.0.1"],
    "far.test": [FAR6, FAR4],
    "refused.test": [GOOD6, "127.0.0.1"],
    "holes.test": HOLES,
}
SERVER = """
import socket, threading
def serve(conn):
    with conn:
        while data := conn.recv(1000):
            if data.startswith(b"GET"):
                conn.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
            else:
                conn.sendall(b"+PONG\\r\\n" * data.count(b"*"))
server = socket.create_server(  # with room for those that come faster than it accepts
    ("::", 8000), family=socket.AF_INET6, backlog=4000, dualstack_ipv6=True
)
other = socket.create_server(("127.0.0.1", 8001), backlog=4000)  # nobody accepts
say("ready")
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
"""
# A name server that loses what asks for AAAA, and answers A at once.
LOSES_AAAA = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.53", 53))
say("ready")
while True:
    query, peer = s.recvfrom(1000)
    end = query.index(b"\\0", 12) + 5
    if query[end - 4 : end - 2] == b"\\0\\1":
        head = query[:2] + b"\\x81\\x80\\0\\1\\0\\1\\0\\0\\0\\0"
        answer = b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\x3c\\0\\4" + socket.inet_aton("127.0.0.1")
        s.sendto(head + query[12:end] + answer, peer)
"""
# A host 50 ms away: what is sent to it comes back 25 ms later with source and destination
# exchanged (which leaves every checksum right), so that this host's server answers as if it were
# there, and its answers take the same way.
DELAY = """
import collections, fcntl, select, struct, subprocess
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH22x", b"far", 0x1001))  # TUNSETIFF, TUN | NO_PI
for address in (["10.99.0.1/24"], ["fd99::1/64", "nodad"]):
    subprocess.run(["ip", "addr", "add", *address, "dev", "far"], check=True)
subprocess.run(["ip", "link", "set", "far", "up"], check=True)
queue = collections.deque()
say("ready")
while True:
    left = max(queue[0][0] - time.monotonic(), 0) if queue else None
    if select.select([tun], [], [], left)[0]:
        packet = os.read(tun, 65536)
        at, size = (8, 16) if packet[0] >> 4 == 6 else (12, 4)
        source, middle, end = packet[at : at + size], at + size, at + 2 * size
        turned = packet[:at] + packet[middle:end] + source + packet[end:]
        queue.append((time.monotonic() + 0.025, turned))
    while queue and queue[0][0] <= time.monotonic():
        packet = queue.popleft()[1]
        if packet[0] >> 4 == 4 or packet[8] != 0xFF:  # not what IPv6 says to all neighbours
            os.write(tun, packet)
"""
CONNECT = """
import time
sock.getaddrinfo("localhost", 80)  # libc has loaded what it needs by now
def once():
    start = time.perf_counter()
    try: {call}
    except OSError: pass
    return time.perf_counter() - start
{setup}
{count}
"""
# A connection to a host that has both: whose it is counts as well, and is asked for in between.
WINS = """
import time
sock.getaddrinfo("localhost", 80)
seen = set()
def once():
    start = time.perf_counter()
    s = {call}
    connected = time.perf_counter()
    seen.add("IPv6" if s.family == sock.AF_INET6 and s.getpeername()[0] == "{wins}" else "IPv4")
    close = time.perf_counter()
    s.close()
    return connected - start + time.perf_counter() - close
{count}
result = result, " and ".join(sorted(seen))
"""
LAST = "result = once()"
# A run's own accidents are told from what it takes by the fastest of many.
BEST = "result = min(once() for _ in range(300))"
FEW = "result = min(once() for _ in range(20))"
CTRL_C = """
import os, signal, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)
def interrupt():
    global start
    time.sleep(0.5)
    start = time.perf_counter()
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt).start()
try:
    try: sock.getaddrinfo("name.test", 80)
    except OSError: time.sleep(0)  # stock's comes before the interrupt
except KeyboardInterrupt: result = time.perf_counter() - start
"""
CLOSE = """
import threading, time
s = sock.socket()
def close():
    global start
    time.sleep(0.5)
    start = time.perf_counter()
    s.close()
threading.Thread(target=close).start()
try: s.connect(("name.test", 80))
except OSError: result = time.perf_counter() - start
"""
THOUSAND = """
import contextlib, time
def status(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name + ":"))
most = 0
for number in range(1000):
    with contextlib.suppress(OSError), sock.deadline(0.003):
        sock.getaddrinfo(f"n{number}.test", 80)
    most = max(most, status("Threads") - 1)
    if number == 200: before = status("VmRSS")
grown = status("VmRSS") - before
end = time.monotonic() + 40
while sock.lookups() and time.monotonic() < end: time.sleep(0.05)
time.sleep(0.2)
left = status("Threads") - 1
"""
QUERIES = """
def sent():  # UDP datagrams, of this network namespace
    with open("/proc/net/snmp") as file:
        names, values = [line.split() for line in file if line.startswith("Udp:")]
    return int(values[names.index("OutDatagrams")])
before = sent()
for _ in range(100): sock.create_connection(("four.test", 8000)).close()
result = sent() - before
"""
REQUESTS = "import requests"
REDIS = "import redis\nclient = redis.Redis('half.test', 8000, protocol=2, retry=None)"


class Case(NamedTuple):
    name: str
    target: str
    call: str  # of `sock`, on csock
    stock: str | None = None  # another one on stock; "": it has none
    least: float = 0
    most: float | None = None  # seconds
    ratio: float | None = None  # of stock's time
    more: float | None = None  # seconds more than stock's time
    setup: str = ""
    needs: str | None = None
    dns: str = DNS
    count: str = LAST
    program: str = ""  # instead of a call that is timed: leaves a number in `result`
    unit: str = ""  # of that number, if not seconds
    wins: str = ""  # the address that each connection has to have; `call` gives a socket then
    drawn: str = ""  # its words in the picture; without any it is not in it


SOCKET = "sock.create_connection(({!r}, 8000))"
PLAIN = "sock.create_connection(({!r}, 8000){}).close()"
CASES = [
    Case(
        "IPv6 black hole: dial",
        "300 ms",
        "sock.dial('half.test', 8000).close()",
        PLAIN.format("half.test", ""),
        most=0.3,
    ),
    Case(
        "IPv6 black hole: create_connection",
        "300 ms",
        PLAIN.format("half.test", ""),
        most=0.3,
        drawn="Packets by IPv6 vanish, IPv4 works",
    ),
    Case(
        "IPv6 black hole: requests, adapted",
        "300 ms",
        "requests.get('http://half.test:8000/')",
        most=0.3,
        setup=REQUESTS,
        needs="requests",
    ),
    Case(
        "IPv6 black hole: redis-py, adapted",
        "300 ms",
        "client.ping()",
        most=0.3,
        setup=REDIS,
        needs="redis",
    ),
    Case(
        "both fine, numeric",
        "1.05 x stock",
        SOCKET.format(GOOD6),
        ratio=1.05,
        count=BEST,
        wins=GOOD6,
    ),
    Case(
        "both fine, by name",
        "1.10 x stock",
        SOCKET.format("both.test"),
        ratio=1.1,
        count=BEST,
        wins=GOOD6,
    ),
    Case(
        "both fine, round trip 50 ms, numeric",
        "1.05 x stock",
        SOCKET.format(FAR6),
        ratio=1.05,
        count=FEW,
        wins=FAR6,
    ),
    Case(
        "both fine, round trip 50 ms, by name",
        "1.10 x stock",
        SOCKET.format("far.test"),
        ratio=1.1,
        count=FEW,
        wins=FAR6,
    ),
    Case(
        "first address refused",
        "10 ms",
        "sock.create_connection(('refused.test', 8001)).close()",
        most=0.01,
        count=BEST,
    ),
    Case(
        "20 black holes, timeout 2",
        "2.0 s +- 50 ms",
        PLAIN.format("holes.test", ", 2"),
        least=1.95,
        most=2.05,
    ),
    Case(
        "DNS silent, timeout 2",
        "2.0 s +- 50 ms",
        PLAIN.format("name.test", ", 2"),
        least=1.95,
        most=2.05,
        drawn="The name server is silent; timeout=2",
    ),
    Case(
        "DNS silent, deadline(0.7) over getaddrinfo",
        "0.7 s +- 50 ms",
        "look_up()",
        "sock.getaddrinfo('name.test', 80)",
        least=0.65,
        most=0.75,
        setup="def look_up():\n    with sock.deadline(0.7): sock.getaddrinfo('name.test', 80)",
    ),
    Case(
        "AAAA lost, A at once",
        "120 ms",
        PLAIN.format("name.test", ""),
        most=0.12,
        dns="127.0.0.53",
        drawn="The name server loses what asks for IPv6",
    ),
    Case(
        "hosts-file name, IPv4 only, DNS silent",
        "stock + 1 ms",
        PLAIN.format("four.test", ""),
        more=0.001,
        count=BEST,
    ),
    Case("hosts-file name, 100 times: queries sent", "0", "", most=0, program=QUERIES, unit=" "),
    Case(
        "Ctrl-C in a look-up",
        "50 ms",
        "",
        most=0.05,
        program=CTRL_C,
        drawn="Ctrl-C while a name is looked up",
    ),
    Case(
        "close() in a connect by name",
        "50 ms",
        "",
        most=0.05,
        program=CLOSE,
        drawn="close() while connect() looks a name up",
    ),
    Case(
        "1,000 look-ups, DNS silent: threads",
        "64",
        "",
        stock="",
        most=64,
        program=THOUSAND + "result = most",
        unit=" ",
    ),
    Case(
        "1,000 look-ups, DNS silent: memory, 201st on",
        "flat (1,024 kB)",
        "",
        stock="",
        most=1024,
        program=THOUSAND + "result = grown",
        unit=" kB",
    ),
    Case(
        "1,000 look-ups, DNS silent: threads left",
        "0",
        "",
        stock="",
        most=0,
        program=THOUSAND + "result = left",
        unit=" ",
    ),
]
