"""What a capture costs: 1 GiB over loopback TCP from a child to this process, with csock.capture()
of the receiving socket and without, by turns, and of the sending one; full payloads.

    python bench/capture.py [--rounds N] [--folder FOLDER] [--json FILE]

The file is written to FOLDER (the system's for temporary files), and removed each time. A ratio is
that of two neighbours. Exits with 1 if the median for receiving is above 1.3.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time

import csock

SIZE = 2**30
ROOM = 256 * 1024
MOST = 1.3


def send(address, path):
    data = bytes(1024 * 1024)
    with csock.create_connection(address) as sock:
        if path:
            csock.capture(sock, path)
        for _ in range(SIZE // len(data)):
            sock.sendall(data)
        sock.recv(1)  # the other end has all


def receive(sock):
    buffer, left = bytearray(ROOM), SIZE
    while left > 0:
        left -= sock.recv_into(buffer)
    sock.sendall(b".")


def transfer(folder, captured):
    """Seconds for all of it."""
    path = os.path.join(folder, f"csock-bench-{os.getpid()}.pcapng")
    with csock.create_server(("127.0.0.1", 0)) as server:
        pid = os.fork()
        if pid == 0:
            send(server.getsockname(), path if captured == "sender" else None)
            os._exit(0)
        sock, _ = server.accept()
    with sock:
        if captured == "receiver":
            csock.capture(sock, path)
        began = time.monotonic()
        receive(sock)
        took = time.monotonic() - began
    _, status = os.waitpid(pid, 0)
    assert status == 0
    if captured:
        assert os.stat(path).st_size > SIZE
        os.unlink(path)
    return took


def measure(folder, rounds):
    rows = {"receiver": [], "sender": []}
    for _ in range(rounds):
        for captured, pairs in rows.items():
            pairs.append((transfer(folder, None), transfer(folder, captured)))
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", default=tempfile.gettempdir())
    parser.add_argument("--json")
    args = parser.parse_args()
    rows = measure(args.folder, args.rounds)
    medians = {}
    print(f"1 GiB over loopback, {args.rounds} rounds, file in {args.folder}")
    for captured, pairs in rows.items():
        ratios = sorted(with_ / without for without, with_ in pairs)
        medians[captured] = statistics.median(ratios)
        plain, taken = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"{captured:9} captured: {plain:.2f} s without, {taken:.2f} s with; ratio "
              f"{medians[captured]:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")  # fmt: skip
    if args.json:
        with open(args.json, "w") as file:
            json.dump({"medians": medians, "pairs": rows}, file)
    return medians["receiver"] > MOST


if __name__ == "__main__":
    sys.exit(main())
