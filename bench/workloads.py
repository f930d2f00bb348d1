"""What takes more than a statement in a loop: several threads or processes, or a stream in bulk.

Each workload is a function of the module under test and gives one figure. Its other side is a
process in C (peers.c). The figures of a workload are to be compared with each other only.
"""

import contextlib
import os
import resource
import signal
import socket as stock
import subprocess
import sys
import threading
import time

import build
import ops

NOW = time.perf_counter
SPAN = 0.25  # seconds that a rate is counted over


@contextlib.contextmanager
def peer(name, fd, *args):
    pid = getattr(build.twins(), name)(fd, *args)
    try:
        yield pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def rate(step, most=1_000_000):
    """Steps a second."""
    count, start = 0, NOW()
    while (span := NOW() - start) < SPAN and count < most:
        step()
        count += 1
    return count / span


@contextlib.contextmanager
def beside_peer(sock, name):
    """A socket whose other end is such a peer. It keeps to one processor: moved to and fro between
    two threads of ours, it would decide by chance who waits for whom."""
    a, b = sock.socketpair()
    with a, b, peer(name, a.fileno()) as pid:
        os.sched_setaffinity(pid, {max(os.sched_getaffinity(0))})
        time.sleep(0.01)  # until the socket is full
        yield b


@contextlib.contextmanager
def beside_busy():
    """A thread that computes on another processor than this one runs on: on the same, it would not
    be there to take the interpreter lock when this one lets go of it."""
    processors = os.sched_getaffinity(0)
    with ops.busy_thread({max(processors)}):
        os.sched_setaffinity(0, {min(processors)})
        try:
            yield
        finally:
            os.sched_setaffinity(0, processors)


def reads_beside_busy(sock):
    with beside_peer(sock, "peer_fill") as s, beside_busy():
        return rate(lambda: s.recv(64))


def sends_beside_busy(sock):
    data = bytes(64)
    with beside_peer(sock, "peer_drain") as s, beside_busy():
        return rate(lambda: s.send(data))


@contextlib.contextmanager
def reading_thread(sock):
    """A thread that always finds something to read."""
    stop = []

    def read(s):
        while not stop:
            s.recv(64)

    with beside_peer(sock, "peer_fill") as s:
        reader = threading.Thread(target=read, args=(s,))
        reader.start()
        try:
            yield
        finally:
            stop.append(True)
            reader.join()


def echo_beside(sock, other, requests):
    """Requests a second that a thread answers beside another."""
    a, b = sock.socketpair()
    with a, b:
        server = threading.Thread(target=ops.echo, args=(b,))
        server.start()
        with other:
            start = NOW()
            pid = build.twins().peer_ask(a.fileno(), requests)
            os.waitpid(pid, 0)
            span = NOW() - start
        a.shutdown(sock.SHUT_RDWR)
        server.join()
    return requests / span


def echo_beside_busy(sock):
    return echo_beside(sock, ops.busy_thread(), 40)


def echo_beside_reader(sock):
    return echo_beside(sock, reading_thread(sock), 4000)


def threads_at_work(sock, threads):
    """One byte back and forth a second, by threads that have a socket pair each."""
    start = threading.Barrier(threads)
    rates = []

    def work(a, b):
        def step():
            a.send(b"x")
            b.recv(1)

        start.wait()
        rates.append(rate(step))

    pairs = [sock.socketpair() for _ in range(threads)]
    workers = [threading.Thread(target=work, args=pair) for pair in pairs]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for a, b in pairs:
        a.close()
        b.close()
    return sum(rates)


def one_at_work(sock):
    return threads_at_work(sock, 1)


def two_at_work(sock):
    return threads_at_work(sock, 2)


def two_for_one(sock):
    """What a second thread brings: 2 at best, where there are two processors for them."""
    return two_at_work(sock) / one_at_work(sock)


def tcp_pair(sock):
    with sock.create_server(("127.0.0.1", 0)) as listener:
        a = sock.create_connection(listener.getsockname())
        b, _ = listener.accept()
    return a, b


BULK = 64 << 20


def bulk(sock, into=False, size=1 << 20):
    """Bytes a second of a loopback stream; sock None: raw C with the same sizes."""
    a, b = tcp_pair(sock or stock)
    with a, b, peer("peer_fill", a.fileno()):
        b.recv(size)
        if sock is None:
            return BULK / build.twins().raw_receive(b.fileno(), BULK, size) * 1e9
        left, start, buffer = BULK, NOW(), bytearray(size)
        if into:
            while left > 0:
                left -= b.recv_into(buffer)
        else:
            while left > 0:
                left -= len(b.recv(size))
        return BULK / (NOW() - start)


def bulk_into(sock):
    return bulk(sock, into=True)


def acceptors(sock, processes=8, connections=400):
    """Connections a second that processes accept from one listener, all blocking in accept()."""
    with sock.create_server(("127.0.0.1", 0), backlog=128) as listener:
        pids = []
        for _ in range(processes):
            pid = os.fork()
            if pid == 0:
                while True:
                    listener.accept()[0].close()
            pids.append(pid)
        to = listener.getsockname()
        start = NOW()
        for _ in range(connections):
            with stock.create_connection(to) as s:
                s.recv(1)  # until the other side has closed
        span = NOW() - start
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return connections / span


@contextlib.contextmanager
def blocked(sock, n, pairs):
    """n threads, each blocked in recv on one of the pairs."""
    made = [sock.socketpair() for _ in range(pairs)]
    done = threading.Semaphore(0)

    def wait(s):
        with contextlib.suppress(OSError):
            s.recv(1)
        done.release()

    size = threading.stack_size(128 * 1024)
    threads = [threading.Thread(target=wait, args=(made[i % pairs][1],)) for i in range(n)]
    threading.stack_size(size)
    for thread in threads:
        thread.start()
    time.sleep(0.3)  # until the last of them sleeps
    try:
        yield made, done
    finally:
        for a, b in made:
            a.close()
            b.close()
        for thread in threads:
            thread.join()


def _files(n):
    """Room for n sockets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, n)), hard))


def time_to_wake(sock, n=1000):
    """Seconds from sending to having received, one blocked thread after the other."""
    _files(2 * n + 100)
    with blocked(sock, n, n) as (pairs, done):
        start = NOW()
        for a, _ in pairs:
            a.send(b"x")
            done.acquire()
        return (NOW() - start) / n


def descriptors_of_many(sock, n=100):
    """Descriptors that the process has open while n threads wait, beyond their sockets."""
    before = len(os.listdir("/proc/self/fd"))
    with blocked(sock, n, n):
        return len(os.listdir("/proc/self/fd")) - before - 2 * n


OF_MANY = """\
import importlib, sys
sys.path.append({here!r})
import workloads
print(workloads.{workload}(importlib.import_module({module!r})))
"""


def _afresh(workload, sock):
    """A figure of many threads, in a fresh process: libc keeps stacks of threads that have ended,
    cold or warm as the side before has left them, and the next ones seem to cost no memory."""
    program = OF_MANY.format(here=os.path.dirname(__file__), workload=workload.__name__,
                             module=sock.__name__)
    return float(subprocess.check_output([sys.executable, "-c", program]))


def wake_one_of_many(sock):
    return _afresh(time_to_wake, sock)


def memory_of_many(sock):
    return _afresh(resident_of_many, sock)


def resident_of_many(sock, n=1000):
    """Bytes resident for each of many threads that wait."""
    _files(2 * n + 100)

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    before = resident()
    with blocked(sock, n, n):
        return (resident() - before) / n


def close_wakes(sock, n=1000, pairs=1):
    """Seconds for closing sockets with n threads blocked on them, until all have ended."""
    _files(2 * n + 100)
    with blocked(sock, n, pairs) as (made, done):
        start = NOW()
        for _, b in made:
            b.close()
        for _ in range(n):
            done.acquire()
        return NOW() - start


def close_wakes_each(sock):
    return close_wakes(sock, pairs=1000)


# csock comes after the standard library, where site-packages stand; for both sides alike.
IMPORT = """\
import sys
sys.path.append({where!r})
from time import perf_counter_ns
start = perf_counter_ns()
{how}
print(perf_counter_ns() - start)
"""


def import_of(sock):
    """Where csock is, and the statements that import `socket`: stock's, or ours in its place."""
    import csock

    where = os.path.dirname(os.path.dirname(csock.__file__))
    return where, ("import socket" if sock is stock else
                   "import csock; csock.install(); import socket")


def import_time(sock):
    """ns until `import socket` is done in a fresh process: stock's, or ours in its place."""
    where, how = import_of(sock)
    program = IMPORT.format(where=where, how=how)
    return float(subprocess.check_output([sys.executable, "-I", "-S", "-c", program]))
