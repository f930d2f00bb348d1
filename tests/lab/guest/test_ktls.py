"""TLS that the kernel does (OP_ENABLE_KTLS, module tls), beneath ssl on csock: OpenSSL then has no
record of its own, and writes from the program's buffer."""

import os
import pathlib
import subprocess
import sys
import textwrap

import pytest

HEAD = """
import sys, tempfile, threading, time
if sys.argv[2] == "csock":
    import csock
    csock.install()
import socket, ssl
DATA = b"".join(n.to_bytes(4, "big") for n in range(75_000))

def context_of(purpose):
    made = ssl.SSLContext(purpose)
    made.options |= 1 << 3 # OP_ENABLE_KTLS, which 3.11 has no name for
    made.maximum_version = ssl.TLSVersion.TLSv1_2
    made.set_ciphers("ECDHE+AESGCM")
    return made

def pair(client=None, server=None):
    server_side = context_of(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(sys.argv[1])
    client_side = context_of(ssl.PROTOCOL_TLS_CLIENT)
    client_side.load_verify_locations(sys.argv[1])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        a = socket.create_connection(listener.getsockname(), 60)
        b, _ = listener.accept()
    for sock in a, b:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    before = sent_by_kernel()
    accepted = Call(lambda: server_side.wrap_socket(b, server_side=True))
    both = client_side.wrap_socket(a, server_hostname="localhost"), accepted.end()
    assert sent_by_kernel() == before + 2, "the kernel does no TLS here"
    for tls, timeout in zip(both, (client, server)):
        tls.settimeout(timeout)
    return both

def sent_by_kernel():
    with open("/proc/net/tls_stat") as file:
        return int(dict(map(str.split, file))["TlsTxSw"])

class Call(threading.Thread):
    def __init__(self, function, *args):
        super().__init__(daemon=True)
        self.function, self.args = function, args
        self.start()

    def run(self):
        try:
            self.result = self.function(*self.args)
        except Exception as error:
            self.result = error

    def end(self):
        self.join(60)
        return self.result

def rest_of(tls, n=len(DATA)):
    got = bytearray()
    while len(got) < n and (data := tls.recv(65536)):
        got += data
    return bytes(got)
"""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ktls")
    subprocess.run(
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key.pem"
        " -out both.pem -addext subjectAltName=DNS:localhost && cat key.pem >>both.pem",
        shell=True,
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder / "both.pem"


@pytest.fixture
def ktls(certificate):
    def run(body, side="csock"):
        words = [sys.executable, "-c", HEAD + textwrap.dedent(body), certificate, side]
        site = str(pathlib.Path(__import__("csock").__path__[0]).parent)
        env = {**os.environ, "PYTHONPATH": site}
        done = subprocess.run(words, capture_output=True, text=True, env=env, timeout=100)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout.splitlines()

    return run


def test_data_both_ways(ktls):
    """sendfile, too, of which on stock's 3.15 not all arrives here."""
    assert ktls("""
        tls, peer = pair(60, 60)
        for one, other in (tls, peer), (peer, tls):
            sent = Call(one.sendall, DATA)
            print(rest_of(other) == DATA, sent.end())
        with tempfile.TemporaryFile() as file:
            file.write(DATA)
            file.seek(0)
            sent = Call(tls.sendfile, file)
            print(rest_of(peer) == DATA, sent.end())
    """) == ["True None"] * 2 + ["True 300000"]


def test_the_end_is_as_on_stock(ktls):
    """OpenSSL 3.6 on Linux 6.1 takes the peer's good-bye for a failure."""
    body = """
        tls, peer = pair(60, 60)
        tls.sendall(b"x")
        print(peer.recv(1))
        first = Call(peer.unwrap)
        for call in Call(tls.unwrap), first:
            result = call.end()
            print(type(result).__name__, getattr(result, "reason", None))
    """
    assert ktls(body) == ktls(body, "stock")


def test_a_write_that_timed_out_is_resumed_with_data_that_lies_elsewhere(ktls):
    assert ktls("""
        tls, peer = pair(1, 60)
        try:
            tls.sendall(bytearray(DATA))
        except TimeoutError as error:
            print(error)
        rubbish = [bytearray(b"rubbish" * 50_000) for _ in range(20)]
        tls.settimeout(60)
        sent = Call(tls.sendall, bytearray(DATA))
        print(rest_of(peer) == DATA, sent.end())
    """) == ["The write operation timed out", "True None"]


def test_close_and_deadline_end_a_wait(ktls):
    assert ktls("""
        tls, peer = pair()
        for call in lambda: tls.recv(10), lambda: tls.sendall(DATA * 10):
            try:
                with csock.deadline(1):
                    call()
            except csock.DeadlineExceeded as error:
                print(str(error).split(" ")[0])
        reader, writer = Call(peer.recv, 10), Call(peer.sendall, DATA * 10)
        reader.join(1)
        peer.close()
        print(writer.end().errno)
    """)[:2] == ["read", "write"]
