"""The standard library's HTTP client, on csock. Writes a page to standard output.
Usage: http_client.py HOST PORT PATH"""

import sys

import csock.dropin

sys.modules['socket'] = csock.dropin  # before anything imports the other one

import http.client  # noqa: E402

connection = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=5)
connection.request('GET', sys.argv[3])
assert type(connection.sock) is csock.dropin.socket
response = connection.getresponse()
sys.stdout.buffer.write(response.read())
sys.exit(response.status != 200)
