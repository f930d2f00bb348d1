"""Programs over TLS, each a process of its own, as `ssl` is bound to the first socket module that
it sees: on the stock module, or with csock in its place.

HEAD is what stands before each of them: connected pairs, contexts with one certificate for both
sides, and threads that keep what their call has come to."""

import sys
import textwrap

import childkit

HEAD = """
import contextlib, os, select, signal, struct, sys, threading, time
if sys.argv[1] == "csock":
    import csock
    csock.install()
import socket, ssl
CERT = sys.argv[2]
PROMPT = 2  # seconds; mostly it is a few milliseconds, but the machine may be busy

def server_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERT)
    return context

def client_context():
    return ssl.create_default_context(cafile=CERT)

class Call(threading.Thread):
    '''A call in a thread: its result, or what it raised, and when it ended.'''
    def __init__(self, function, *args):
        super().__init__(daemon=True)
        self.function, self.args, self.result = function, args, "never ended"
        self.start()

    def run(self):
        try:
            self.result = self.function(*self.args)
        except BaseException as error:
            self.result = error
        self.ended = time.monotonic()

    def end(self, seconds=20):
        self.join(seconds)
        return self.result

def shown(what):
    number = getattr(what, "errno", None)
    return f"{type(what).__name__} {number}" if isinstance(what, BaseException) else repr(what)

def unconnected_pair(client=None, server=None):
    '''Two SSLSockets before their handshake.'''
    a, b = socket.socketpair()
    a.settimeout(client)
    b.settimeout(server)
    return (
        client_context().wrap_socket(a, server_hostname="localhost", do_handshake_on_connect=False),
        server_context().wrap_socket(b, server_side=True, do_handshake_on_connect=False),
    )

def pair(client=None, server=None, version=None):
    '''Two SSLSockets, connected, with these timeouts.'''
    a, b = socket.socketpair()
    context, other = client_context(), server_context()
    if version:
        context.maximum_version = version
    accepted = Call(lambda: other.wrap_socket(b, server_side=True))
    a.settimeout(20)
    connected = context.wrap_socket(a, server_hostname="localhost")
    both = connected, accepted.end()
    for tls, timeout in zip(both, (client, server)):
        tls.settimeout(timeout)
    return both

def small_buffers(*socks):
    for sock in socks:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)

def rest_of(tls, seconds=20):
    '''All that comes until the end, or until something else comes.'''
    got = bytearray()
    tls.settimeout(seconds)
    with contextlib.suppress(OSError):
        while data := tls.recv(65536):
            got += data
    return bytes(got)

def asleep(call, seconds=0.2):
    '''The call has had time to get to its wait, and is there.'''
    call.join(seconds)
    assert call.is_alive(), call.result

def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)
"""


def run(body, side, certificate, *args, prefix=(), stderr="", **options):
    """The lines that it prints; on stderr it prints that. prefix: what runs the interpreter."""
    program = HEAD + textwrap.dedent(body)
    words = [*prefix, sys.executable, "-c", program, side, certificate, *args]
    done = childkit.run(*words, env=childkit.environment(), **options)
    assert (done.returncode, done.stderr) == (0, stderr), done.stderr
    return done.stdout.splitlines()
