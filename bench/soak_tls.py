"""Two threads that write frames to one TLS connection, and a third that reads from it, for long.

    python bench/soak_tls.py [--seconds S] [--stock-seconds S]

The other end reads the frames and looks at each byte, and writes frames as well, which the third
thread looks at. First with csock in place, then for a while on stock, which mixes the frames, or
crashes: it gets a new connection then, in a new process. Fails (exit 1) if a frame was mixed, or a
call failed, on csock; or if one of the two writers, or the reader, was kept out.
"""

import argparse
import json
import struct
import subprocess
import sys
import threading
import time

from deadlines import certificate

SIZE = 40_000
HEAD = struct.Struct("!BI")
STALLED = 60.0  # s; how long a call may take on a busy machine


def connected(path):
    """Two SSLSockets, connected to each other, with small buffers: writes have to wait."""
    import socket
    import ssl

    a, b = socket.socketpair()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    accepted = []
    shaking = threading.Thread(
        target=lambda: accepted.append(server.wrap_socket(b, server_side=True))
    )
    shaking.start()
    client = ssl.create_default_context(cafile=path)
    tls = client.wrap_socket(a, server_hostname="localhost")
    shaking.join()
    for sock in tls, accepted[0]:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        sock.settimeout(STALLED)
    return tls, accepted[0]


class Soak:
    def __init__(self, path, seconds):
        self.ends = connected(path)
        self.until = time.monotonic() + seconds
        self.frames = {}  # whole ones, by writer
        self.mixed = 0
        self.errors = []

    def write(self, sock, mark):
        frame = HEAD.pack(mark, SIZE) + bytes([mark]) * SIZE
        while time.monotonic() < self.until:
            sock.sendall(frame)
        return mark

    def read(self, sock, writers):
        """Until each writer has said that it is done, with an empty frame."""
        file = sock.makefile("rb")
        while writers:
            mark, size = HEAD.unpack(file.read(HEAD.size))
            if size == 0:
                writers.remove(mark)
            elif size == SIZE and file.read(size) == bytes([mark]) * SIZE:
                self.frames[mark] = self.frames.get(mark, 0) + 1
            else:
                self.mixed += 1
                return  # nothing is known of what follows

    def guarded(self, function, sock, argument):
        try:
            mark = function(sock, argument)
            if mark:
                sock.sendall(HEAD.pack(mark, 0))
        except (OSError, ValueError, struct.error) as error:
            self.errors.append(f"{function.__name__}: {error!r}")

    def run(self):
        one, other = self.ends
        calls = [
            (self.write, one, 1),
            (self.write, one, 2),
            (self.read, one, [3]),
            (self.write, other, 3),
            (self.read, other, [1, 2]),
        ]
        threads = [threading.Thread(target=self.guarded, args=c, daemon=True) for c in calls]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            threads[0].join(0.2)
            time.sleep(0.05)
            if self.mixed or self.errors:
                break
        least = min(self.frames.get(mark, 0) for mark in (1, 2, 3))
        if not self.mixed and not self.errors and least < max(self.frames.values()) / 20:
            self.errors.append("a thread was kept out")
        return {"frames": self.frames, "mixed": self.mixed, "errors": self.errors}


def child(side, path, seconds):
    if side == "csock":
        import csock

        csock.install()
    print(json.dumps(Soak(path, seconds).run()), flush=True)
    import os

    os._exit(0)  # threads of a connection that has failed are anywhere


def measure(side, path, seconds):
    """What one connection came to, or how it crashed."""
    words = [sys.executable, __file__, "--side", side, "--path", path, "--seconds", str(seconds)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, timeout=seconds + 3 * STALLED)
    if done.returncode:
        return {"frames": {}, "mixed": 0, "errors": [f"exit status {done.returncode}"]}
    return json.loads(done.stdout)


def line(side, results, seconds):
    frames = [sum(r["frames"].get(mark, 0) for r in results) for mark in "123"]
    mixed = sum(r["mixed"] for r in results)
    errors = [error for r in results for error in r["errors"]]
    text = f"{side:6} {seconds:5.0f} s, {len(results)} connections: {frames} frames whole"
    return f"{text}, {mixed} mixed, {len(errors)} errors {sorted(set(errors))[:3] or ''}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--stock-seconds", type=float, default=20)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--path", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        return child(args.side, args.path, args.seconds)
    with certificate() as path:
        ours = measure("csock", path, args.seconds)
        print(line("csock", [ours], args.seconds), flush=True)
        results, end = [], time.monotonic() + args.stock_seconds
        while (left := end - time.monotonic()) > 0:
            results.append(measure("stock", path, left))
        if results:
            print(line("stock", results, args.stock_seconds))
    return 1 if ours["mixed"] or ours["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
