"""Server programs under test, for programs.py: what the standard library and dnslib serve.

    python bench/server_programs.py http|echo|dns

Runs in the Python of one side. Says by one line of JSON whose sockets it has and the port it is on,
and serves. Meanwhile "busy" on its input begins to compute in a thread, and "alone" ends that and
tells how far it has come. Ends with its input.
"""

import contextlib
import http.server
import json
import os
import socketserver
import sys
import threading

from busy import busy_thread
from kit import which_socket

HERE = "127.0.0.1", 0


class Hello(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two sends: else each answer waits for an ACK
    body = b"hello"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *args):
        pass


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(4096):
            self.request.sendall(data)


class EchoServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


def dns():
    from dnslib.server import RR, BaseResolver, DNSLogger, DNSServer

    class Fixed(BaseResolver):
        def resolve(self, request, handler):
            reply = request.reply()
            reply.add_answer(*RR.fromZone(f"{request.q.qname} 60 A 192.0.2.1"))
            return reply

    return DNSServer(Fixed(), address=HERE[0], port=HERE[1], logger=DNSLogger("error")).server


PROGRAMS = {
    "http": lambda: http.server.ThreadingHTTPServer(HERE, Hello),
    "echo": lambda: EchoServer(HERE, Echo),
    "dns": dns,
}


def tell(**what):
    print(json.dumps(what), flush=True)


def obey():
    with contextlib.ExitStack() as busy:
        for line in sys.stdin:
            if line.strip() == "busy":
                computed = busy.enter_context(busy_thread())
                tell()
            else:
                busy.close()
                tell(computed=computed[0])
    os._exit(0)


def main():
    server = PROGRAMS[sys.argv[1]]()
    threading.Thread(target=obey, daemon=True).start()
    tell(sockets=which_socket(), port=server.server_address[1])
    server.serve_forever()


if __name__ == "__main__":
    main()
