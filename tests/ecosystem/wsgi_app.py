"""What the servers of scn_wsgi.py serve; it says itself whose sockets it is on."""

import hashlib
import time

from kit import which_socket

BIG = bytes(range(256)) * 4096


def app(environ, start_response):
    status, body = "200 OK", b"hello"
    path = environ["PATH_INFO"]
    if path == "/which":
        body = which_socket().encode()
    elif path == "/big":
        body = BIG
    elif path == "/slow":
        time.sleep(0.3)
    elif path == "/echo":
        data = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        body = hashlib.sha256(data).hexdigest().encode()
    elif path == "/error":
        raise ValueError("on purpose")
    elif path != "/":
        status, body = "404 Not Found", b"none"
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
