"""A program between a client and a real server, which makes that one stall or drip.

relay.py <port> <control port> <server's port>

A line on the control connection says "up" (to the server) or "down" (from it), and how bytes go
that way from now on, those included that wait already: "pass", "drip" (one by one) or "hold".
"""

import contextlib
import socket
import sys
import threading
import time

EACH = 0.02  # seconds a byte, when they drip

ways = {"up": "pass", "down": "pass"}
changed = threading.Condition()


def may_pass(way):
    """Waits while nothing may pass; whether all may at once."""
    with changed:
        changed.wait_for(lambda: ways[way] != "hold")
        return ways[way] == "pass"


def forward(way, source, to):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            rest = memoryview(data)
            while rest:
                if may_pass(way):
                    to.sendall(rest)
                    break
                to.sendall(rest[:1])
                rest = rest[1:]
                time.sleep(EACH)
        may_pass(way)
    # An end of the stream, or of the connection, is handed on.
    with contextlib.suppress(OSError):
        to.shutdown(socket.SHUT_WR)


def relayed(client, port):
    with contextlib.suppress(OSError), client:
        with socket.create_connection(("127.0.0.1", port)) as server:
            for sock in client, server:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            up = threading.Thread(target=forward, args=("up", client, server), daemon=True)
            up.start()
            forward("down", server, client)
            up.join()


def accepted(server, function, *args):
    while True:
        conn, _ = server.accept()
        threading.Thread(target=function, args=(conn, *args), daemon=True).start()


def controlled(conn):
    with conn, conn.makefile("r") as lines:
        for line in lines:
            way, how = line.split()
            with changed:
                ways[way] = how
                changed.notify_all()
            conn.sendall(b"done\n")


def main():
    port, control, to = map(int, sys.argv[1:])
    clients = socket.create_server(("127.0.0.1", port))
    controls = socket.create_server(("127.0.0.1", control))
    threading.Thread(target=accepted, args=(controls, controlled), daemon=True).start()
    accepted(clients, relayed, to)


if __name__ == "__main__":
    main()
