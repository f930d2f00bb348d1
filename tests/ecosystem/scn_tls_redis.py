"""redis-py over TLS against a redis-server that stalls and drips."""

import threading

import redis
from kit import in_threads, scenario, step
from redis import exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry
from servers import Tls
from servers import redis as redis_server
from stalls import OURS, PATIENT, bounded, closed, relay, timed


def own_answers(client, count=20):
    return [client.echo(f"number {number}") for number in range(count)] == [
        f"number {number}".encode() for number in range(count)
    ]


def stalls(name, make, ways):
    for how, bad in ways.items():
        client = make()
        client.ping()
        with bad():
            # Its pool has one connection, and what comes of it, if it is not given up, is an
            # answer to the echo before.
            bounded(f"{name}, {how}: deadline", lambda client=client: client.echo("late"),
                    exceptions.RedisError)
        step(f"{name}, {how}: own answers", lambda client=client: own_answers(client), True)
        client.close()
        late = make(socket_timeout=PATIENT, retry=None)
        late.ping()
        with bad():
            timed(f"{name}, {how}: timeout", lambda late=late: late.echo("late" * 500),
                  exceptions.TimeoutError, PATIENT)
        step(f"{name}, {how}: own answers after that", lambda late=late: own_answers(late), True)
        fresh = make()
        with bad():
            bounded(f"{name}, {how}: deadline in the handshake", fresh.ping, exceptions.RedisError)
        step(f"{name}, {how}: pings", fresh.ping, True)


def waiting(make):
    """Commands that wait in the server: nothing stalls but for want of news."""
    client = make(single_connection_client=True)
    bounded("blpop: deadline", lambda: client.blpop("none", 0), exceptions.TimeoutError)
    step("blpop: own answers", lambda: own_answers(client), True)
    client.client_id()
    closed("blpop: closed", lambda: client.blpop("none", 0),
           lambda: client.connection._sock.close(), exceptions.ConnectionError)
    step("blpop, closed: own answers", lambda: own_answers(client), True)
    with make().pubsub() as listener:
        listener.subscribe("news")
        listener.parse_response()
        bounded("pub/sub: deadline", lambda: next(listener.listen()), exceptions.TimeoutError)
        if OURS:
            # redis-py subscribes again on its next connection.
            step("+ pub/sub: subscribes again", lambda: next(listener.listen())["type"],
                 "subscribe")
            threading.Timer(0.2, make().publish, ["news", "hello"]).start()
            step("+ pub/sub: hears", lambda: next(listener.listen())["data"], b"hello")
        closed("pub/sub: closed", lambda: next(listener.listen()),
               lambda: listener.connection._sock.close(), exceptions.ConnectionError)


def big(make, between):
    """A deadline in the middle of a large value, sent and received."""
    client = make()
    value = bytes(range(256)) * 40_000
    step("10 MB", lambda: client.set("big", value), True)
    with between.stalling("up"):
        bounded("10 MB: deadline", lambda: client.set("big", b"no" + value * 8),
                exceptions.RedisError)
    step("10 MB: own answers", lambda: own_answers(client), True)
    step("10 MB: it has not come", lambda: client.get("big") == value, True)
    if OURS:
        import csock

        with csock.deadline(60):
            step("+ 10 MB in time", lambda: client.get("big") == value, True)


def many_threads(make):
    """Each within a deadline of its own, on one pool: those that pass harm no other."""

    def work(number):
        if not OURS:
            return own_answers(client, 50)
        import csock

        for _ in range(5):
            try:
                with csock.deadline(0.02):
                    client.blpop("none", 0)
            except exceptions.TimeoutError:
                pass
            if not own_answers(client, 10):
                return False
        return True

    client = make()
    step("threads: own answers", lambda: in_threads(8, work), [True] * 8)


with scenario() as folder:
    tls = Tls(folder)
    with (
        redis_server(folder, tls) as (_, secure, _),
        relay(folder, secure) as between,
    ):

        def make(**more):
            given = {"ssl": True, "ssl_ca_certs": tls.ca, "max_connections": 1, "retry": None}
            return redis.Redis("localhost", between.port, **given | {"socket_timeout": None} | more)

        def retrying(**more):
            return make(**{"retry": Retry(NoBackoff(), 3)} | more)

        ways = {"stalls": between.stalling, "drips": between.dripping}
        stalls("redis", make, ways)
        stalls("redis that tries again", retrying, ways)
        waiting(make)
        big(make, between)
        many_threads(lambda: make(max_connections=8))
