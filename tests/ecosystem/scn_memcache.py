"""pymemcache against memcached: TCP, the local socket, pools, a hash over two servers."""

import os

from kit import closed_port, hanging_up, in_threads, peer, resetting, scenario, silent, step
from pymemcache import exceptions
from pymemcache.client.base import Client, PooledClient
from pymemcache.client.hash import HashClient
from pymemcache.client.retrying import RetryingClient
from servers import memcached


def commands(name, client):
    step(f"{name} set", lambda: client.set("key", "value"), True)
    step(f"{name} get", lambda: client.get("key"), b"value")
    step(f"{name} miss", lambda: client.get("none"), lambda v: v is None)
    step(f"{name} add", lambda: client.add("key", "x", noreply=False), False)
    many = {f"k{n}": str(n) for n in range(500)}
    step(f"{name} set many", lambda: client.set_many(many), [])
    step(f"{name} get many", lambda: len(client.get_many(many)), 500)
    big = os.urandom(3_000_000)
    step(f"{name} 3 MB", lambda: client.set("big", big) and client.get("big") == big, True)
    step(f"{name} too big", lambda: client.set("big", bytes(5_000_000), noreply=False),
         exceptions.MemcacheError)
    step(f"{name} after that", lambda: client.get("key"), b"value")
    step(f"{name} bad key", lambda: client.get("a b"), exceptions.MemcacheIllegalInputError)
    step(f"{name} incr", lambda: client.set("n", 1) and client.incr("n", 41), 42)


def troubles():
    def client(port, **more):
        return Client(("127.0.0.1", port), connect_timeout=1, timeout=0.3, **more)

    closed = closed_port()
    step("refused", lambda: client(closed).get("key"), ConnectionRefusedError)
    step("no such name", lambda: Client("nowhere.invalid:11211").get("key"), OSError)
    step("no such socket", lambda: Client("unix:/nowhere").get("key"), FileNotFoundError)
    with peer(silent) as bad:
        step("timeout", lambda: client(bad).get("key"), TimeoutError, within=(0.25, 3))
    with peer(resetting) as bad:
        step("reset", lambda: client(bad).get("key"), ConnectionResetError)
    with peer(hanging_up) as bad:
        step("closed", lambda: client(bad).get("key"), exceptions.MemcacheUnexpectedCloseError)
        twice = RetryingClient(client(bad), attempts=3, retry_delay=0.01)
        step("retried", lambda: twice.get("key"), exceptions.MemcacheUnexpectedCloseError)


with scenario() as folder, memcached(folder) as (port, path):
    commands("tcp", Client(("127.0.0.1", port), timeout=10, connect_timeout=10))
    commands("no delay", Client(("127.0.0.1", port), no_delay=True))
    commands("local", Client(path))
    pool = PooledClient(("127.0.0.1", port), max_pool_size=16)
    commands("pool", pool)
    pool.set("counter", 0)
    step("threads", lambda: list(map(len, in_threads(
        12, lambda n: [pool.incr("counter", 1) for _ in range(100)]))), [100] * 12)
    step("counted", lambda: pool.get("counter"), lambda v: v.strip() == b"1200")
    both = HashClient([("127.0.0.1", port), path], use_pooling=True)
    step("hash", lambda: [both.set(f"h{n}", n) for n in range(50)].count(True), 50)
    step("hash all", lambda: len(both.get_many([f"h{n}" for n in range(50)])), 50)
    troubles()
