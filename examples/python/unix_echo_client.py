"""Echo client on an AF_UNIX socket. Usage: unix_echo_client.py PATH"""

import sys

from csock import *

with socket(AF_UNIX, SOCK_STREAM) as s:
    s.connect(sys.argv[1])
    s.sendall(b'Hello, world')
    s.shutdown(SHUT_WR)
    with s.makefile('rb') as answer:
        print('Received', answer.read())
