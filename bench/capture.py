"""What a capture costs: 1 GiB over loopback TCP from a child to this process, with csock.capture()
of the receiving socket and without, by turns, and of the sending one; full payloads.

    python bench/capture.py [--rounds N] [--folder FOLDER] [--json FILE]

The file is written to FOLDER (the system's for temporary files), and removed each time. A ratio is
that of two neighbours: of time, and of processor time of both processes, which says more on a busy
machine. Beside them what a bare write of as much takes there. Exits with 1 if the median for
receiving is above 1.3.
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
SHORT = "receiver with snaplen=256"


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
    """Seconds for all of it, by the clock and of processors."""
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
        elif captured == SHORT:
            csock.capture(sock, path, snaplen=256)
        began, before = time.monotonic(), os.times()
        receive(sock)
        took = time.monotonic() - began
    _, status = os.waitpid(pid, 0)
    assert status == 0
    processor = sum(os.times()[:4]) - sum(before[:4])
    if captured:
        assert (os.stat(path).st_size > SIZE) == (captured != SHORT)
        os.unlink(path)
    return took, processor


def bare_write(folder):
    path, data = os.path.join(folder, f"csock-bench-{os.getpid()}"), bytes(65536)
    with open(path, "xb", buffering=0) as file:
        began = time.monotonic()
        for _ in range(SIZE // len(data)):
            file.write(data)
        took = time.monotonic() - began
    os.unlink(path)
    return took


def ratio(pairs, place):
    return sorted(with_[place] / without[place] for without, with_ in pairs)


def measure(folder, rounds):
    rows = {"receiver": [], SHORT: [], "sender": []}
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
    bare = min(bare_write(args.folder) for _ in range(args.rounds))
    print(f"1 GiB over loopback, {args.rounds} rounds, file in {args.folder}, where a bare write "
          f"of it takes {bare:.2f} s at best")  # fmt: skip
    for captured, pairs in rows.items():
        medians[captured] = statistics.median(ratio(pairs, 0))
        plain, taken = (min(run[0] for run in column) for column in zip(*pairs, strict=True))
        words = f"at best {plain:.2f} s without, {taken:.2f} s with; ratio"
        for place, what in enumerate(("of times", "of processor times")):
            all_ = ratio(pairs, place)
            words += f" {what} {statistics.median(all_):.2f} ({all_[0]:.2f} to {all_[-1]:.2f})"
        print(f"{captured} captured: {words}")
    if args.json:
        with open(args.json, "w") as file:
            json.dump({"medians": medians, "pairs": rows}, file)
    return medians["receiver"] > MOST


if __name__ == "__main__":
    sys.exit(main())
