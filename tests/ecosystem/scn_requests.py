"""requests and urllib3 against nginx, plain and over TLS."""

import hashlib
import os
import time

import requests
import urllib3
from kit import (
    answering,
    closed_port,
    hanging_up,
    in_threads,
    peer,
    resetting,
    say,
    scenario,
    silent,
    step,
)
from requests import exceptions
from servers import Tls, nginx


def plain(url):
    step("get", lambda: requests.get(f"{url}/hello").text, lambda text: text.startswith("hello"))
    step("head", lambda: sorted(requests.head(f"{url}/big.bin").headers), list)
    step("redirect", lambda: [
        response.status_code for response in requests.get(f"{url}/redirect").history], [302])
    step("loop", lambda: requests.get(f"{url}/loop"), exceptions.TooManyRedirects)
    step("404", lambda: requests.get(f"{url}/none").status_code, 404)
    step("410", lambda: requests.get(f"{url}/gone").raise_for_status(), exceptions.HTTPError)
    step("hung up on", lambda: requests.get(f"{url}/reset"), exceptions.ConnectionError)
    step("gzip", lambda: len(requests.get(f"{url}/gzip/text.txt").content), 100000)


def bodies(url):
    def digest(data):
        return hashlib.sha256(data).hexdigest()[:16]

    wanted = digest(bytes(range(256)) * 4096 * 8)
    step("8 MiB", lambda: digest(requests.get(f"{url}/big.bin").content), wanted)

    def streamed():
        with requests.get(f"{url}/big.bin", stream=True) as response:
            hashed = hashlib.sha256()
            for piece in response.iter_content(70001):
                hashed.update(piece)
            return hashed.hexdigest()[:16]

    step("8 MiB in pieces", streamed, wanted)
    with_range = {"Range": "bytes=1000-1999"}
    step("range", lambda: len(requests.get(f"{url}/big.bin", headers=with_range).content), 1000)
    body = os.urandom(5_000_000)
    step("post 5 MB", lambda: requests.post(f"{url}/upload", data=body).text, "5000000")
    pieces = (body[i : i + 65536] for i in range(0, len(body), 65536))
    step("post 5 MB chunked", lambda: requests.post(f"{url}/upload", data=pieces).text, "5000000")

    def abandoned():
        with requests.get(f"{url}/big.bin", stream=True) as response:
            return len(response.raw.read(1000))

    step("left in the middle", abandoned, 1000)


def sessions(url):
    with requests.Session() as session:
        session.get(f"{url}/cookie")
        step("cookie", lambda: session.get(f"{url}/cookie").text, "taste=sweet")
        codes = [session.get(f"{url}/hello").status_code for _ in range(100)]
        step("100 on one connection", lambda: codes.count(200), 100)

    pool = urllib3.PoolManager(maxsize=4, block=True)
    done = in_threads(16, lambda n: pool.request("GET", f"{url}/text.txt").status)
    step("16 threads on 4 connections", lambda: done, [200] * 16)
    pool.clear()


def troubles(url):
    port = closed_port()
    step("refused", lambda: requests.get(f"http://127.0.0.1:{port}/"), exceptions.ConnectionError)
    step("no such name", lambda: requests.get("http://nowhere.invalid/"),
         exceptions.ConnectionError)
    step("bad host", lambda: requests.get("http://" + "x" * 70 + ".invalid/"),
         ValueError)
    with peer(silent) as silence:
        late = f"http://127.0.0.1:{silence}/"
        step("read timeout", lambda: requests.get(late, timeout=0.3), exceptions.ReadTimeout,
             within=(0.25, 3))
        retrying = urllib3.Retry(total=2, backoff_factor=0.05)
        step("read timeout, thrice",
             lambda: urllib3.PoolManager().request("GET", late, timeout=0.2, retries=retrying),
             urllib3.exceptions.MaxRetryError, within=(0.55, 4))
    with peer(resetting) as bad:
        step("reset", lambda: requests.get(f"http://127.0.0.1:{bad}/"), exceptions.ConnectionError)
    with peer(hanging_up) as bad:
        step("closed", lambda: requests.get(f"http://127.0.0.1:{bad}/"), exceptions.ConnectionError)
    with peer(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")) as bad:
        step("too short", lambda: requests.get(f"http://127.0.0.1:{bad}/"),
             exceptions.ChunkedEncodingError)
    with peer(answering(b"nonsense\r\n\r\n")) as bad:
        step("nonsense", lambda: requests.get(f"http://127.0.0.1:{bad}/"),
             exceptions.ConnectionError)

    def slow():
        start = time.monotonic()
        with requests.get(f"{url}/slow/big.bin", stream=True, timeout=5) as response:
            response.raw.read(50000)
        return time.monotonic() - start > 0.1

    step("limited rate", slow, True)


def tls_tests(port, mutual, tls):
    url = f"https://localhost:{port}"
    step("tls", lambda: requests.get(f"{url}/hello", verify=tls.ca).text,
         lambda text: text.startswith("hello, https"))
    step("tls 8 MiB", lambda: len(requests.get(f"{url}/big.bin", verify=tls.ca).content), 8 << 20)
    step("tls post 5 MB",
         lambda: requests.post(f"{url}/upload", data=b"x" * 5_000_000, verify=tls.ca).text,
         "5000000")
    step("unknown CA", lambda: requests.get(f"{url}/hello"), exceptions.SSLError)
    step("wrong name", lambda: requests.get(f"https://127.0.0.1:{port}/hello", verify=tls.ca),
         exceptions.SSLError)
    asked = f"https://localhost:{mutual}/"
    mine = tls.client_cert, tls.client_key
    step("client's certificate", lambda: requests.get(asked, verify=tls.ca, cert=mine).text,
         "client CN=a-client")
    step("client without one", lambda: requests.get(asked, verify=tls.ca).status_code, 400)
    with peer(silent) as silence:
        step("handshake timeout",
             lambda: requests.get(f"https://127.0.0.1:{silence}/", timeout=0.3),
             exceptions.Timeout, within=(0.25, 3))
    with peer(answering(b"HTTP/1.1 400 no TLS here\r\n\r\n")) as bad:
        step("not TLS", lambda: requests.get(f"https://127.0.0.1:{bad}/"), exceptions.SSLError)
    with peer(hanging_up) as bad:
        step("hung up in the handshake", lambda: requests.get(f"https://127.0.0.1:{bad}/"),
             exceptions.ConnectionError)
    pool = urllib3.PoolManager(maxsize=8, ca_certs=tls.ca)
    done = in_threads(16, lambda n: len(pool.request("GET", f"{url}/text.txt").data))
    step("tls, 16 threads", lambda: done, [100000] * 16)
    pool.clear()


with scenario() as folder:
    tls = Tls(folder)
    with nginx(folder, tls) as ports:
        for host in ("127.0.0.1", "localhost", "[::1]"):
            say("host", host)
            plain(f"http://{host}:{ports['plain']}")
        bodies(f"http://127.0.0.1:{ports['plain']}")
        sessions(f"http://127.0.0.1:{ports['plain']}")
        troubles(f"http://127.0.0.1:{ports['plain']}")
        tls_tests(ports["secure"], ports["mutual"], tls)
