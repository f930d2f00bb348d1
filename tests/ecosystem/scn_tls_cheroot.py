"""cheroot as a server of TLS whose clients stall and drip: what there is against them."""

import http.client
import socket
import ssl
import threading
import time

from cheroot.ssl.builtin import BuiltinSSLAdapter
from cheroot.wsgi import Server
from kit import in_threads, scenario, step
from servers import Tls, answers, free_port
from stalls import LATEST, OURS, SECONDS, causes, relay

TAKES = 3  # seconds that the server gives its clients


class Application:
    """Answers with the length of what it is sent; on csock it gives that a deadline."""

    def __init__(self):
        self.ended = []

    def _length(self, environ):
        body, wanted = environ["wsgi.input"], int(environ.get("CONTENT_LENGTH") or 0)
        if environ["PATH_INFO"] != "/bounded" or not OURS:
            return len(body.read(wanted))
        import csock

        start = time.monotonic()
        try:
            with csock.deadline(SECONDS):
                return len(body.read(wanted))
        except OSError as error:
            found = any(isinstance(one, csock.DeadlineExceeded) for one in causes(error))
            self.ended.append((found, time.monotonic() - start))
            raise

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] == "/big":
            start_response("200 OK", [("Content-Length", str(30_000_000))])
            return [bytes(1_000_000)] * 30
        text = b"%d" % self._length(environ)
        start_response("200 OK", [("Content-Length", str(len(text)))])
        return [text]


def ask(port, context, path="/", body=None, timeout=60):
    conn = http.client.HTTPSConnection("localhost", port, context=context, timeout=timeout)
    try:
        conn.request("POST" if body else "GET", path, body)
        return conn.getresponse().read()
    finally:
        conn.close()


def plain_use(port, context):
    step("get", lambda: ask(port, context), b"0")
    step("post", lambda: ask(port, context, body=bytes(2_000_000)), b"2000000")
    step("30 MB", lambda: len(ask(port, context, "/big")), 30_000_000)
    step("at once", lambda: in_threads(8, lambda n: ask(port, context, body=bytes(n + 1))),
         [b"%d" % (n + 1) for n in range(8)])


def bad_clients(port, context, between):
    """More of them than the server has threads, each with nothing or a drip: the timeout of the
    server ends each of them, and others are served."""
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(6)]
    step("beside silent clients", lambda: ask(port, context), b"0", within=(0, 8 * TAKES + LATEST))
    for sock in silent:
        sock.close()
    with between.dripping("up"):
        drips = [socket.create_connection(("127.0.0.1", between.port)) for _ in range(4)]
        for sock in drips:
            sock.sendall(bytes.fromhex("1603010200010001fc0303") + bytes(500))
        step("beside dripping clients", lambda: ask(port, context), b"0",
             within=(0, 8 * TAKES + LATEST))
    for sock in drips:
        sock.close()


def bounded_bodies(port, context, between, app):
    """A deadline in the application bounds a body that drips, where each of its bytes is in time
    for the timeout."""
    step("body in time", lambda: ask(port, context, "/bounded", bytes(100_000)), b"100000")
    if not OURS:
        return
    conn = http.client.HTTPSConnection("localhost", between.port, context=context, timeout=60)
    conn.putrequest("POST", "/bounded")
    conn.putheader("Content-Length", "100000")
    conn.endheaders(b"begins")
    time.sleep(SECONDS / 5)
    with between.dripping("up"):
        conn.send(bytes(100_000))
        step("+ body that drips: an answer", lambda: conn.getresponse().status, 500)
    found, took = app.ended[0] if app.ended else (False, 0)
    step("+ body that drips: ended by the deadline", lambda: found, True)
    step("+ body that drips: in time", lambda: SECONDS <= took <= SECONDS + LATEST, True)
    conn.close()


def stopping(server, thread, port, context):
    """stop() closes connections that its threads wait for."""
    waiting = [context.wrap_socket(socket.create_connection(("127.0.0.1", port)),
                                   server_hostname="localhost") for _ in range(2)]
    for conn in waiting:
        conn.sendall(b"GET / HTTP/1.1\r\n")
    time.sleep(0.2)
    step("stops", server.stop, None, within=(0, LATEST + 2 * TAKES))
    thread.join(20)
    step("has stopped", thread.is_alive, False)
    step("is gone", lambda: ask(port, context, timeout=5), OSError)


with scenario() as folder:
    tls = Tls(folder)
    context = ssl.create_default_context(cafile=tls.ca)
    port, app = free_port("cheroot"), Application()
    server = Server(("127.0.0.1", port), app, numthreads=4, timeout=TAKES)
    server.ssl_adapter = BuiltinSSLAdapter(tls.cert, tls.key)
    server.prepare()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    step("comes up", lambda: answers(port), True)
    with relay(folder, port) as between:
        plain_use(port, context)
        bad_clients(port, context, between)
        bounded_bodies(port, context, between, app)
    stopping(server, thread, port, context)
