"""redis-py against redis-server: TCP, TLS, the local socket, pub/sub, pools, asyncio."""

import asyncio
import os
import threading

import redis
import redis.asyncio
from kit import closed_port, hanging_up, in_threads, peer, resetting, scenario, silent, step
from redis import exceptions
from servers import Tls
from servers import redis as redis_server


def commands(name, client):
    step(f"{name} ping", client.ping, True)
    step(f"{name} set", lambda: client.set("key", "value"), True)
    step(f"{name} get", lambda: client.get("key"), b"value")
    step(f"{name} wrong type", lambda: client.lpush("key", 1), exceptions.ResponseError)
    big = os.urandom(3_000_000)
    step(f"{name} 3 MB", lambda: client.set("big", big) and client.get("big") == big, True)

    def pipelined():
        with client.pipeline() as pipe:
            for number in range(2000):
                pipe.rpush("list", number)
            return pipe.execute()[-1]

    step(f"{name} pipeline", pipelined, 2000)
    step(f"{name} range", lambda: sum(map(int, client.lrange("list", 0, -1))), 1999000)
    step(f"{name} blocking pop", lambda: client.blpop("none", 1), lambda v: v is None)
    step(f"{name} delete", lambda: client.delete("key", "big", "list"), 3)


def publish(port):
    client = redis.Redis(port=port)
    heard, listening = [], threading.Event()

    def listen():
        with redis.Redis(port=port).pubsub() as pubsub:
            pubsub.subscribe("news")
            for message in pubsub.listen():
                listening.set()
                if message["data"] == b"end":
                    return
                heard.append(message["data"])

    thread = threading.Thread(target=listen)
    thread.start()
    listening.wait(10)
    for number in range(50):
        client.publish("news", number)
    client.publish("news", "end")
    thread.join(10)
    step("pub/sub", lambda: sum(map(int, heard)), 50 * 49 // 2 + 1)  # 1: the subscription
    with client.pubsub() as pubsub:
        pubsub.subscribe("quiet")
        pubsub.get_message(timeout=1)
        step("nothing said", lambda: pubsub.get_message(timeout=0.3), lambda v: v is None,
             within=(0.25, 3))


def threads(port):
    pool = redis.BlockingConnectionPool(port=port, max_connections=4)
    client = redis.Redis(connection_pool=pool)

    def work(number):
        for _ in range(100):
            client.incr("counter")
        return client.echo(str(number))

    step("threads", lambda: len(in_threads(12, work)), 12)
    step("counted", lambda: client.get("counter"), b"1200")
    victim = redis.Redis(port=port, single_connection_client=True)
    number = victim.client_id()
    step("killed", lambda: client.client_kill_filter(_id=number), 1)
    step("comes back", victim.ping, True)


def troubles():
    def client(port, **more):
        more = {"retry": None, **more}
        return redis.Redis(port=port, socket_timeout=0.3, **more)

    closed = closed_port()
    step("refused", lambda: client(closed).ping(), exceptions.ConnectionError)
    unknown = redis.Redis("nowhere.invalid", retry=None)
    step("no such name", unknown.ping, exceptions.ConnectionError)
    step("no such socket", lambda: redis.Redis(unix_socket_path="/nowhere", retry=None).ping(),
         exceptions.ConnectionError)
    with peer(silent) as bad:
        step("timeout", lambda: client(bad).ping(), exceptions.TimeoutError)
    with peer(resetting) as bad:
        step("reset", lambda: client(bad).ping(), exceptions.ConnectionError)
    with peer(hanging_up) as bad:
        step("closed", lambda: client(bad).ping(), exceptions.ConnectionError)


async def asynchronous(port):
    async with redis.asyncio.Redis(port=port) as client:
        await client.delete("counter")
        await asyncio.gather(*(client.incr("counter") for _ in range(50)))
        return await client.get("counter")


with scenario() as folder:
    tls = Tls(folder)
    with redis_server(folder, tls) as (port, secure, path):
        commands("tcp", redis.Redis(port=port))
        commands("local", redis.Redis(unix_socket_path=path))
        trusting = {"ssl": True, "ssl_ca_certs": tls.ca}
        commands("tls", redis.Redis("localhost", secure, **trusting))
        step("unknown CA", lambda: redis.Redis("localhost", secure, ssl=True, retry=None).ping(),
             exceptions.ConnectionError)
        step("wrong name", lambda: redis.Redis("127.0.0.1", secure, retry=None, **trusting).ping(),
             exceptions.ConnectionError)
        options = {"socket_keepalive": True, "socket_timeout": 5, "protocol": 3}
        commands("options", redis.Redis(port=port, **options))
        publish(port)
        threads(port)
        troubles()
        step("asyncio", lambda: asyncio.run(asynchronous(port)), b"50")
