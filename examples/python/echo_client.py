# Echo client program
from csock import *
HOST = 'localhost'        # The remote host
PORT = 50007              # The same port as used by the server
s = socket(AF_INET, SOCK_STREAM)
s.connect(HOST, PORT)
s.send(b'Hello, world')
data = s.recv(1024)
s.close()
print('Received', repr(data))
