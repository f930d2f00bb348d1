"""What a capture costs: 1 GiB over loopback TCP from a child to this process, with csock.capture()
of the receiving socket and without, by turns, and of the sending one; full payloads. In large
pieces, in those of 64 KiB, which shutil.copyfileobj() and most programs take, and of 8 KiB, which
makefile() reads.

    python bench/capture.py [--rounds N] [--folder FOLDER] [--json FILE]

The file is written to FOLDER (the system's for temporary files), and removed each time. A ratio is
that of two neighbours: of time, and of processor time of both processes, which says more on a busy
machine. Beside them what a bare write of as much takes there. Exits with 1 if the median of times
is above 1.3 for 64 KiB, captured on either side: what programs do, neither the best nor the worst.
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
MOST = 1.3
KIB = 1024
SNAPLEN = 256

# What a piece is to the sender and to the receiver, who is captured, and how much of each packet.
ROWS = {
    "send 1 MiB, receive 256 KiB: receiver": (KIB * KIB, 256 * KIB, "receiver", 0),
    "send 1 MiB, receive 256 KiB: sender": (KIB * KIB, 256 * KIB, "sender", 0),
    "send 64 KiB, receive 64 KiB: receiver": (64 * KIB, 64 * KIB, "receiver", 0),
    "send 64 KiB, receive 64 KiB: sender": (64 * KIB, 64 * KIB, "sender", 0),
    "send 64 KiB, receive 8 KiB: receiver": (64 * KIB, 8 * KIB, "receiver", 0),
    f"send 1 MiB, receive 256 KiB: receiver, snaplen={SNAPLEN}": (
        KIB * KIB, 256 * KIB, "receiver", SNAPLEN,
    ),
}  # fmt: skip
HELD_TO_IT = [name for name, (sent, *_) in ROWS.items() if sent == 64 * KIB and "8 KiB" not in name]


def send(address, piece, path):
    data = bytes(piece)
    with csock.create_connection(address) as sock:
        if path:
            csock.capture(sock, path)
        for _ in range(SIZE // len(data)):
            sock.sendall(data)
        sock.recv(1)  # the other end has all


def receive(sock, piece):
    buffer, left = bytearray(piece), SIZE
    while left > 0:
        left -= sock.recv_into(buffer)
    sock.sendall(b".")


def transfer(folder, sent, received, captured, snaplen):
    """Seconds for all of it, by the clock and of processors. captured: who, or None."""
    path = os.path.join(folder, f"csock-bench-{os.getpid()}.pcapng")
    with csock.create_server(("127.0.0.1", 0)) as server:
        pid = os.fork()
        if pid == 0:
            send(server.getsockname(), sent, path if captured == "sender" else None)
            os._exit(0)
        sock, _ = server.accept()
    with sock:
        if captured == "receiver":
            csock.capture(sock, path, snaplen=snaplen)
        began, before = time.monotonic(), os.times()
        receive(sock, received)
        took = time.monotonic() - began
    _, status = os.waitpid(pid, 0)
    assert status == 0
    processor = sum(os.times()[:4]) - sum(before[:4])
    if captured:
        assert (os.stat(path).st_size > SIZE) == (snaplen == 0)
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
    rows = {name: [] for name in ROWS}
    for _ in range(rounds):
        for name, pairs in rows.items():
            sent, received, captured, snaplen = ROWS[name]
            without = transfer(folder, sent, received, None, 0)
            pairs.append((without, transfer(folder, sent, received, captured, snaplen)))
    return rows


def row(name, pairs):
    words = f"{name:51}"
    plain, taken = (min(run[0] for run in column) for column in zip(*pairs, strict=True))
    words += f"{plain:5.2f} s {taken:5.2f} s"
    for place in range(2):
        all_ = ratio(pairs, place)
        words += f"  {statistics.median(all_):5.2f} ({all_[0]:.2f} to {all_[-1]:.2f})"
    return words


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", default=tempfile.gettempdir())
    parser.add_argument("--json")
    args = parser.parse_args()
    rows = measure(args.folder, args.rounds)
    bare = min(bare_write(args.folder) for _ in range(args.rounds))
    print(f"1 GiB over loopback, {args.rounds} rounds, file in {args.folder}, where a bare write "
          f"of it takes {bare:.2f} s at best")  # fmt: skip
    print(f"{'captured':51}without    with  ratio of times       of processor times")
    for name, pairs in rows.items():
        print(row(name, pairs))
    medians = {name: statistics.median(ratio(pairs, 0)) for name, pairs in rows.items()}
    if args.json:
        with open(args.json, "w") as file:
            json.dump({"medians": medians, "pairs": rows}, file)
    return any(medians[name] > MOST for name in HELD_TO_IT)


if __name__ == "__main__":
    sys.exit(main())
