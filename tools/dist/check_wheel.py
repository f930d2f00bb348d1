"""What a wheel has to do, under `python -m csock` of the environment that it is installed in.

    check_wheel.py tls     ssl on csock's sockets, over TCP, with openssl's certificate
    check_wheel.py http    `python -m csock -m http.server` answers, by csock's sockets
"""

import re
import socket
import ssl
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

PATIENCE = 120  # seconds, for a machine that is emulated or busy

assert "csock" in socket.__file__, socket.__file__


def certificate():
    """A new one for localhost, and its key, in files here."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                    "-keyout", "key.pem", "-out", "cert.pem"], check=True, capture_output=True)
    return "cert.pem", "key.pem"


def serve(listener, context):
    """Sends back what one client sends, until it ends."""
    with listener, context.wrap_socket(listener.accept()[0], server_side=True) as conn:
        while data := conn.recv(65536):
            conn.sendall(data)


def tls():
    cert, key = certificate()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    server = threading.Thread(target=serve, args=(listener, context), daemon=True)
    server.start()
    trusting = ssl.create_default_context(cafile=cert)
    with socket.create_connection(address, PATIENCE) as plain:
        with trusting.wrap_socket(plain, server_hostname="localhost") as s:
            assert isinstance(s, socket.socket), type(s).__mro__
            sent = bytes(range(256)) * 64
            s.sendall(sent)
            got = b""
            while len(got) < len(sent):
                got += s.recv(4096)
            assert got == sent
            print(f"check: {s.version()} on csock's sockets")
    server.join(PATIENCE)


def http():
    Path("index.html").write_text("csock serves this\n")
    command = [sys.executable, "-u", "-m", "csock", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            port = re.search(r"port (\d+)", server.stdout.readline())[1]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE) as answer:
                assert answer.read() == b"csock serves this\n"
            maps = Path(f"/proc/{server.pid}/maps").read_text()
            assert re.search(r"/csock/_core\.[^/]*\.so$", maps, re.M), "by whose sockets?"
            print("check: http.server answers")
        finally:
            server.kill()


{"tls": tls, "http": http}[sys.argv[1]]()
