"""Client programs under test, for programs.py: other people's clients against real servers.

    python bench/client_programs.py redis|requests|https PORT THREADS [CERTIFICATE]

Runs in the Python of one side. Says by one line of JSON whose sockets it has once it is connected
and warm; then, for each line "SECONDS busy|alone" that it reads, works for so long and tells what
it got done. Every answer is compared with what it has to be: a wrong one ends the program.
"""

import contextlib
import json
import os
import sys
import threading
import time

from busy import busy_thread
from kit import which_socket

NOW = time.perf_counter
WARM = 200  # turns before anything is measured, of all threads together


class WrongAnswer(Exception):
    pass


def redis_steps(port, threads):
    """SET and GET, two operations, on one client with a pool of connections."""
    import redis

    client = redis.Redis(port=port)

    def of_thread(number):
        key = f"key-{os.getpid()}-{number}"  # the other side is on the same server

        def step(count):
            value = b"%064d" % count
            if client.set(key, value) is not True or client.get(key) != value:
                raise WrongAnswer(f"of {key}, not {value}")
            return 2

        return step

    return [of_thread(number) for number in range(threads)], lambda: None


def requests_steps(port, threads, certificate=None):
    """GET, each thread on a session of its own; over TLS with the certificate of who signs."""
    import requests

    scheme, host = ("https", "localhost") if certificate else ("http", "127.0.0.1")
    url = f"{scheme}://{host}:{port}/hello"
    sessions = [requests.Session() for _ in range(threads)]

    def of_session(number, session):
        session.verify = certificate or True
        session.trust_env = False  # no proxies, no .netrc: the machine's own business
        agent = session.headers["User-Agent"] = f"bench-{number}"
        wanted = f"hello, {scheme}, GET, {agent}"

        def step(count):
            response = session.get(url)
            if response.status_code != 200 or response.text != wanted:
                raise WrongAnswer(f"{response.status_code} {response.text!r}")
            return 1

        return step

    def check():
        for session in sessions:
            pools = session.get_adapter(url).poolmanager.pools
            made = sum(pools[key].num_connections for key in pools.keys())
            if made != 1:
                raise WrongAnswer(f"{made} connections for one session")

    return [of_session(*pair) for pair in enumerate(sessions)], check


PROGRAMS = {"redis": redis_steps, "requests": requests_steps, "https": requests_steps}


def whose_sockets():
    """Where csock is in place, `ssl` waits in it, too, if it is there."""
    whose = which_socket()
    ssl, csock = sys.modules.get("ssl"), sys.modules.get("csock")
    if whose == "csock" and ssl and not csock._core.has_ssl(ssl.SSLSocket):
        return "csock without TLS"
    return whose


def work(step, end, most=1 << 40):
    """Operations done until that moment."""
    done = turn = 0
    while turn < most and NOW() < end:
        done += step(turn)
        turn += 1
    return done


@contextlib.contextmanager
def at_work(steps, done, errors):
    """Gives a function that lets a thread for each step go until a moment. The threads are there
    before: to start one beside a thread that computes takes long."""
    go, end = threading.Event(), []

    def run(number):
        go.wait()
        try:
            done[number] = work(steps[number], end[0])
        except Exception as error:
            errors.append(error)

    def until(moment):
        end.append(moment)
        go.set()
        for thread in threads:
            thread.join()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(steps))]
    for thread in threads:
        thread.start()
    yield until


def slice_of(steps, seconds, busy):
    """What is done in so many seconds, beside a thread that computes or without."""
    done, errors = [0] * len(steps), []
    with contextlib.ExitStack() as stack:
        until = stack.enter_context(at_work(steps, done, errors))
        computed = stack.enter_context(busy_thread()) if busy else [0]
        start = NOW()
        until(start + seconds)
        took = NOW() - start
    if errors:
        raise errors[0]
    return {"done": sum(done), "seconds": took, "computed": computed[0]}


def tell(**what):
    print(json.dumps(what), flush=True)


def main():
    name, port, threads, *more = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:]
    steps, check = PROGRAMS[name](port, threads, *more)
    for step in steps:
        work(step, NOW() + 60, max(20, WARM // threads))
    tell(sockets=whose_sockets())
    for line in sys.stdin:
        seconds, how = line.split()
        found = slice_of(steps, float(seconds), how == "busy")
        check()
        tell(**found)


if __name__ == "__main__":
    main()
