"""Echo server for datagrams: answers one, and ends. Usage: udp_echo_server.py PORT"""

import sys

from csock import *

with socket(AF_INET, SOCK_DGRAM) as s:
    s.bind('', int(sys.argv[1]))
    data, address = s.recvfrom(1024)
    s.sendto(data, address)
