"""What scn_gevent.py and scn_eventlet.py do alike, after each has patched the standard library."""

import http.client
import http.server
import select
import socket
import socketserver
import ssl
import threading
import time
import urllib.request

import redis
import requests
from kit import (
    closed_port,
    hanging_up,
    in_threads,
    peer,
    resetting,
    silent,
    step,
)
from servers import nginx
from servers import redis as redis_server


def plain_sockets():
    def pair(number):
        near, far = socket.socketpair()
        with near, far:
            threading.Timer(0.3, far.sendall, (b"x" * 10,)).start()
            return near.recv(10, socket.MSG_WAITALL) if number < 0 else near.recv(10)

    step("20 waits at once", lambda: in_threads(20, pair), [b"x" * 10] * 20, within=(0.25, 3))

    def timeout(number):
        near, far = socket.socketpair()
        with near, far:
            near.settimeout(0.3)
            return near.recv(1)

    step("20 timeouts at once", lambda: len(set(in_threads(20, timeout))), 1, within=(0.25, 3))
    step("a timeout", lambda: timeout(0), OSError)

    def selected():
        near, far = socket.socketpair()
        with near, far:
            threading.Timer(0.2, far.send, (b"x",)).start()
            return [len(part) for part in select.select([near], [], [], 5)]

    step("select", selected, [1, 0, 0], within=(0.15, 3))

    def big():
        near, far = socket.socketpair()
        with near, far:
            thread = threading.Thread(target=near.sendall, args=(b"y" * 5_000_000,))
            thread.start()
            file, total = far.makefile("rb"), 0
            while total < 5_000_000:
                total += len(file.read(50_000))
            thread.join()
            return total

    step("5 MB through a file", big, 5_000_000)
    step("names", lambda: socket.getaddrinfo("localhost", 80, socket.AF_INET,
                                             socket.SOCK_STREAM)[0][4], ("127.0.0.1", 80))
    step("no such name", lambda: socket.gethostbyname("nowhere.invalid"), OSError)
    closed = closed_port()
    step("refused", lambda: socket.create_connection(("127.0.0.1", closed)),
         ConnectionRefusedError)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(0.2)
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


def own_server():
    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        step("its own server", lambda: in_threads(10, lambda n: urllib.request.urlopen(url).read()),
             [b"hello"] * 10, within=(0.15, 4))
        server.shutdown()


def against_servers(folder, tls):
    with nginx(folder, tls) as ports:
        plain, secure = f"http://127.0.0.1:{ports['plain']}", f"https://localhost:{ports['secure']}"
        step("requests", lambda: in_threads(
            10, lambda n: len(requests.get(f"{plain}/text.txt").content)), [100_000] * 10)
        step("requests over TLS", lambda: in_threads(
            5, lambda n: len(requests.get(f"{secure}/big.bin", verify=tls.ca).content)),
            [8 << 20] * 5)
        step("unknown CA", lambda: requests.get(secure), requests.exceptions.SSLError)
        step("post", lambda: requests.post(f"{plain}/upload", data=b"x" * 3_000_000).text,
             "3000000")
    with redis_server(folder) as (port, _, path):
        client = redis.Redis(port=port)
        step("redis", lambda: len(set(in_threads(20, lambda n: client.incr("counter")))), 20)
        step("redis, blocking pops at once", lambda: in_threads(
            10, lambda n: client.blpop(f"none{n}", 1)), [None] * 10, within=(0.9, 6))
        local = redis.Redis(unix_socket_path=path)
        step("redis, local", lambda: local.set("k", b"v" * 2_000_000) and len(local.get("k")),
             2_000_000)


def troubles():
    with peer(silent) as bad:
        late = f"http://127.0.0.1:{bad}/"
        step("read timeout", lambda: requests.get(late, timeout=0.3),
             requests.exceptions.ReadTimeout, within=(0.25, 3))
        step("handshake timeout", lambda: requests.get(late.replace("http", "https"), timeout=0.3),
             requests.exceptions.RequestException, within=(0.25, 3))
    with peer(resetting) as bad:
        step("reset", lambda: requests.get(f"http://127.0.0.1:{bad}/"),
             requests.exceptions.ConnectionError)
    with peer(hanging_up) as bad:
        step("closed", lambda: requests.get(f"http://127.0.0.1:{bad}/"),
             requests.exceptions.ConnectionError)

    def closed_meanwhile():
        """Closing a socket that another green thread waits on."""
        near, far = socket.socketpair()
        outcome = []

        def wait():
            try:
                outcome.append(near.recv(1))
            except Exception as error:
                outcome.append(type(error).__name__)

        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.1)
        near.close()
        far.close()
        thread.join(2)
        return outcome

    step("closed meanwhile", closed_meanwhile)


def everything(folder, tls):
    plain_sockets()
    own_server()
    against_servers(folder, tls)
    troubles()
    step("http.client on a patched socket", lambda: http.client.HTTPConnection.__name__)
    step("a context", lambda: ssl.create_default_context().verify_mode.name, "CERT_REQUIRED")
