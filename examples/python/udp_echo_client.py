"""Sends a datagram and prints the answer. Usage: udp_echo_client.py HOST PORT"""

import sys

from csock import *

with socket(AF_INET, SOCK_DGRAM) as s:
    s.settimeout(5)
    s.sendto(b'Hello, world', (sys.argv[1], int(sys.argv[2])))
    data, address = s.recvfrom(1024)
    print('Received', data, 'from', address)
