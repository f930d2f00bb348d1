"""The standard library's HTTP server, on csock, serves a folder.
Usage: http_server.py FOLDER PORT"""

import sys

import csock.dropin

sys.modules['socket'] = csock.dropin  # before anything imports the other one

import functools  # noqa: E402
import http.server  # noqa: E402

handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
with http.server.ThreadingHTTPServer(('localhost', int(sys.argv[2])), handler) as server:
    assert type(server.socket) is csock.dropin.socket
    server.serve_forever()
