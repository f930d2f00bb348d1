"""http.client, urllib, urllib3 and requests over TLS, against nginx that stalls and drips."""

import http.client
import pathlib
import ssl
import urllib.request

import requests
import urllib3
from kit import scenario, step
from requests.adapters import HTTPAdapter
from servers import Tls, nginx
from stalls import (
    LATEST,
    OURS,
    SECONDS,
    bounded,
    closed,
    only_here,
    outcome,
    own,
    relay,
    shut_down,
    stopped,
    taken_away,
    timed,
)

TEXT = "the quick brown fox\n" * 5000


def sock_of(response):
    """Of a response of http.client, urllib or urllib3: the connection's socket."""
    while not isinstance(response, http.client.HTTPResponse):
        response = response._fp
    return response.fp.raw._sock


def standard_library(url, context, stall):
    """urlopen, with what stalls and what drips: limit_rate of nginx, and all bytes of the relay."""

    def whole():
        with urllib.request.urlopen(f"{url}/text.txt", context=context) as response:
            return response.read().decode() == TEXT

    def at_limited_rate(timeout=None):
        with urllib.request.urlopen(f"{url}/slow/big.bin", None, timeout, context=context) as found:
            return len(found.read())

    step("urlopen", whole, True)
    bounded("urlopen at a limited rate: deadline", at_limited_rate, TimeoutError)
    for name, bad in stall.items():
        with bad():
            timed(f"urlopen, {name}: timeout", lambda: urllib.request.urlopen(
                f"{url}/hello", None, SECONDS, context=context).read(), OSError)
            bounded(f"urlopen, {name}: deadline", whole, OSError)
    found = None

    def read():
        nonlocal found
        found = urllib.request.urlopen(f"{url}/slow/big.bin", context=context)
        return len(found.read())

    closed("urlopen at a limited rate: closed", read, lambda: taken_away(sock_of(found)), OSError)
    shut_down("urlopen at a limited rate: shut down", read, lambda: sock_of(found),
              http.client.IncompleteRead)


def one_connection(host, port, context, stall):
    """http.client says by itself that a connection is in the middle of something."""
    conn = http.client.HTTPSConnection(host, port, context=context)

    def ask():
        conn.request("GET", "/hello")
        return conn.getresponse().read()[:5]

    step("http.client", ask, b"hello")
    for name, bad in stall.items():
        with bad():
            bounded(f"http.client, {name}: deadline", ask, TimeoutError)
        only_here(f"http.client, {name}: keeps its socket", lambda: conn.sock is not None, True)
        conn.close()
        step(f"http.client, {name}: afterwards", ask, b"hello")
    conn.close()


def session(ca, **more):
    found = requests.Session()
    found.verify = ca
    found.mount("https://", HTTPAdapter(**more))
    return found


class Asker:
    """A session of one connection. `ask` shows that the answer is that of this request, and whether
    it came on the connection of the last one, by what the server says."""

    def __init__(self, url, ca):
        self.url, self.last, self.number = url, None, 0
        self.session = session(ca, pool_connections=1, pool_maxsize=1)

    def __enter__(self):
        self.ask()
        return self

    def __exit__(self, *_):
        self.session.close()

    def ask(self):
        self.number += 1
        agent = {"User-Agent": f"number {self.number}"}
        text = self.session.get(f"{self.url}/connection", headers=agent).text
        connection, own = text.split(maxsplit=1)
        last, self.last = self.last, connection
        which = "the same connection" if connection == last else "a new connection"
        return "own answer" if own == agent["User-Agent"] else f"wrong answer: {own}", which

    def begun(self):
        """A response whose first bytes have come."""
        response = self.session.get(f"{self.url}/slow/big.bin", stream=True)
        assert len(response.raw.read(1000)) == 1000
        return response


KEPT, NEW = ("own answer", "the same connection"), ("own answer", "a new connection")
READS = {
    "content": lambda response: len(response.content),
    "iter_content": lambda response: sum(map(len, response.iter_content(777))),
    "raw": lambda response: len(response.raw.read()),
}


def half_read(url, ca):
    """What a pool must not get back: a connection with the rest of an answer. What is asked next
    on the same session gets its own answer, on a new connection."""
    for name, read in READS.items():
        with Asker(url, ca) as one:
            step(f"half read, {name}: before", one.ask, KEPT)
            response = one.begun()
            bounded(f"half read, {name}: deadline", lambda read=read, r=response: read(r))
            if not OURS:
                response.close()
            # It is still referred to, and the program has not closed it.
            step(f"half read, {name}: next", one.ask, NEW)
            step(f"half read, {name}: and again", one.ask, KEPT)
            del response
    with Asker(url, ca) as one:

        def left():
            with one.begun() as response:
                return len(response.content)

        bounded("half read, with: deadline", left)
        step("half read, with: next", lambda: one.ask()[0], NEW[0])
    with Asker(url, ca) as one:
        response = one.begun()
        shut_down("half read: shut down", lambda: response.content, lambda: sock_of(response.raw))
        step("half read, shut down: next", one.ask, NEW)
        response = one.begun()
        closed("half read: closed", lambda: response.content,
               lambda: taken_away(sock_of(response.raw)))
        if not OURS:
            response.close()
        step("half read, closed: next", one.ask, NEW)


def not_begun(url, ca):
    """The deadline passes before a body is asked for: not a byte of it is read. What is left when
    the response is closed in the block is not read, either, and the connection goes."""
    if not OURS:
        return
    import csock

    for name, end in (("read", lambda r: r.content), ("closed", lambda r: r.close())):
        with Asker(url, ca) as one:
            response = one.begun()
            with csock.deadline(0):
                own(f"late, {name}", type(outcome(lambda end=end, r=response: end(r))).__name__)
            step(f"+ late, {name}: next", one.ask, NEW)


def no_answer(url, ca, stall):
    for name, bad in stall.items():
        with Asker(url, ca) as one:
            with bad():
                bounded(f"requests, {name}: deadline", one.ask, requests.RequestException)
            if OURS:
                step(f"+ requests, {name}: next", one.ask, NEW)
            with bad():
                timed(f"requests, {name}: timeout",
                      lambda one=one: one.session.get(f"{url}/hello", timeout=SECONDS),
                      requests.Timeout)
            step(f"requests, {name}: next", one.ask, NEW)


def retries(url, ca, stall):
    """Each further try within the block raises at once; only the pauses between are theirs."""
    for name, bad in stall.items():
        retry = urllib3.Retry(total=3, backoff_factor=0, allowed_methods=None)
        with session(ca, max_retries=retry) as one:
            one.get(f"{url}/hello")
            with bad():
                timed(f"requests with Retry, {name}: timeouts",
                      lambda one=one: one.get(f"{url}/hello", timeout=SECONDS / 4),
                      requests.RequestException)
                bounded(f"requests with Retry, {name}: deadline",
                        lambda one=one: one.get(f"{url}/hello"), requests.RequestException)
            step(f"requests with Retry, {name}: afterwards",
                 lambda: one.get(f"{url}/hello").text[:5], "hello")


def pools(url, ca, stall):
    pool = urllib3.PoolManager(maxsize=1, block=True, ca_certs=ca, retries=False)

    def ask():
        return pool.request("GET", f"{url}/hello").data[:5]

    step("urllib3", ask, b"hello")
    for name, bad in stall.items():
        with bad():
            timed(f"urllib3, {name}: timeout",
                  lambda: pool.request("GET", f"{url}/hello", timeout=SECONDS),
                  urllib3.exceptions.HTTPError)
            bounded(f"urllib3, {name}: deadline", ask, urllib3.exceptions.HTTPError)
        # The pool of one blocks who asks while its connection is away: it has come back.
        step(f"urllib3, {name}: afterwards", ask, b"hello")
    response = pool.request("GET", f"{url}/slow/big.bin", preload_content=False)
    bounded("urllib3, streamed: deadline", lambda: len(response.read()),
            urllib3.exceptions.HTTPError)
    if not OURS:
        response.close()
        response.release_conn()
    step("urllib3, streamed: afterwards", ask, b"hello")
    # What it reads to be rid of an answer is bounded as well; it keeps that to itself.
    if OURS:
        import csock

        response = pool.request("GET", f"{url}/slow/big.bin", preload_content=False)
        with csock.deadline(SECONDS) as d:
            step("+ urllib3, drained", response.drain_conn, within=(SECONDS, SECONDS + LATEST))
            step("+ urllib3, drained: passed", d.expired, True)
        step("+ urllib3, drained: afterwards", ask, b"hello")
    pool.clear()


with scenario() as folder:
    tls = Tls(folder)
    context = ssl.create_default_context(cafile=tls.ca)
    with nginx(folder, tls) as ports, relay(folder, ports["secure"]) as between:
        pid = int(pathlib.Path(folder, "nginx", "pid").read_text())
        stall = {
            "stopped": lambda: stopped(pid),
            "stalls": between.stalling,
            "drips": between.dripping,
        }
        url = f"https://localhost:{between.port}"
        standard_library(url, context, stall)
        one_connection("localhost", between.port, context, stall)
        half_read(url, tls.ca)
        not_begun(url, tls.ca)
        no_answer(url, tls.ca, stall)
        retries(url, tls.ca, stall)
        pools(url, tls.ca, stall)
