"""Echo server on an AF_UNIX socket, for one client. Usage: unix_echo_server.py PATH"""

import sys

from csock import *

s = socket(AF_UNIX, SOCK_STREAM)
s.bind(sys.argv[1])
s.listen(1)
conn, _ = s.accept()
with conn:
    while data := conn.recv(1024):
        conn.sendall(data)
