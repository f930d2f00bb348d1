"""What is asked of every web server: requests of all sorts, and some seconds of load from wrk."""

import hashlib
import http.client
import os
import re
import socket
import struct
import subprocess
import time

from kit import SIDE, in_threads, say, step
from servers import program


def ask(port, path, body=None, host="127.0.0.1"):
    conn = http.client.HTTPConnection(host, port, timeout=20)
    try:
        conn.request("POST" if body else "GET", path, body)
        response = conn.getresponse()
        return response.status, response.read()
    finally:
        conn.close()


def requests(name, port):
    step(f"{name}: its sockets", lambda: ask(port, "/which")[1] == SIDE.encode(), True)
    step(f"{name}: get", lambda: ask(port, "/"), (200, b"hello"))
    step(f"{name}: none", lambda: ask(port, "/none"), (404, b"none"))
    step(f"{name}: error", lambda: ask(port, "/error")[0], 500)
    step(f"{name}: big", lambda: len(ask(port, "/big")[1]), 1 << 20)
    body = os.urandom(2_000_000)
    wanted = hashlib.sha256(body).hexdigest().encode()
    step(f"{name}: post", lambda: ask(port, "/echo", body)[1] == wanted, True)
    step(f"{name}: slow", lambda: ask(port, "/slow"), (200, b"hello"), within=(0.25, 10))
    step(f"{name}: at once", lambda: in_threads(8, lambda n: ask(port, "/big")[0]), [200] * 8)


def rude_clients(name, port):
    """What must not harm the others: half a request, a reset in the answer, nonsense."""
    with socket.create_connection(("127.0.0.1", port)) as half:
        half.sendall(b"GET / HT")
    with socket.create_connection(("127.0.0.1", port)) as rude:
        rude.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        rude.recv(1000)
        rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with socket.create_connection(("127.0.0.1", port)) as strange:
        strange.sendall(b"\x00\xffnonsense\r\n\r\n")
        strange.settimeout(3)
        try:
            answer = strange.recv(100)
        except OSError as error:
            answer = type(error).__name__
        say(f"{name}: to nonsense:", answer[:12])
    step(f"{name}: still there", lambda: ask(port, "/"), (200, b"hello"))


def pipelined(name, port):
    """Several requests on one connection, which is kept or closed."""
    conn = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    codes = []
    for _ in range(20):
        conn.request("GET", "/")
        response = conn.getresponse()
        response.read()
        codes.append(response.status)
    conn.close()
    step(f"{name}: 20 in a row", lambda: codes, [200] * 20)


def load(name, port, path="/", seconds=2, connections=16):
    """wrk: every request is answered by 200, no connection breaks. The rate is only told."""
    command = [program("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s"]
    done = subprocess.run([*command, f"http://127.0.0.1:{port}{path}"], capture_output=True,
                          text=True, check=True)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    bad = re.findall(r"(?:Non-2xx.*|Socket errors.*)", done.stdout)
    step(f"{name}: load on {path}", lambda: bad, [])
    step(f"{name}: served on {path}", lambda: float(rate[1]) > 1, True)
    print(f"# {name} {path}: {float(rate[1]):.0f} requests/s", flush=True)


def everything(name, port):
    requests(name, port)
    pipelined(name, port)
    rude_clients(name, port)
    load(name, port)
    load(name, port, "/big")


def ends(name, process, want=0):
    """Asked to end, it ends by itself, with this status."""
    time.sleep(0.2)
    process.terminate()
    step(f"{name}: ends", lambda: process.wait(20), want)
