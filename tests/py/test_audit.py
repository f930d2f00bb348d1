"""Audit events: the same ones, with the same arguments, at the same moments as stock's."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import contextlib, importlib, os, sys
socket = importlib.import_module(sys.argv[1])
raw = importlib.import_module(sys.argv[2])
events = None

def plain(value):
    if isinstance(value, raw.socket):
        return type(value).__name__
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    return port if value == PORT else value

port = "the port"
PORT = object()

def hook(event, args):
    if events is not None and event.startswith("socket."):
        events.append((event, plain(args)))

sys.addaudithook(hook)

@contextlib.contextmanager
def step(name):
    global events
    events = []
    try:
        yield
    except (OSError, OverflowError, TypeError, ValueError) as error:
        events.append(type(error).__name__)
    found, events = events, None
    print(name, *found, sep="\\n    ")

def udp():
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

with step("socket()"): socket.socket().close()
with step("all arguments"): socket.socket(socket.AF_INET6, socket.SOCK_DGRAM, 17).close()
with step("unknown family"): socket.socket(999)
with step("fileno="): socket.socket(fileno=udp().detach()).close()
with step("bad fileno"): socket.socket(fileno=-1)
with step("socketpair"): [s.close() for s in socket.socketpair()]
with step("_socket.socketpair"): [s.close() for s in raw.socketpair()]
s = udp()
with step("bind"): s.bind(("127.0.0.1", 0))
with step("bind, no address"): s.bind("127.0.0.1")
with step("bind, port too large"): s.bind(("127.0.0.1", 65536))
with step("sendto"): s.sendto(b"x", ("127.0.0.1", 9))
with step("sendto, flags"): s.sendto(b"x", 0, ("127.0.0.1", 9))
with step("sendto, no address"): s.sendto(b"x", "nowhere")
with step("sendmsg, address"): s.sendmsg([b"x"], [], 0, ("127.0.0.1", 9))
with step("sendmsg"): s.sendmsg([b"x"])
with step("connect"): s.connect(("127.0.0.1", 9))
with step("connect_ex"): s.connect_ex(("127.0.0.1", 9))
with step("connect, no address"): s.connect(1)
with step("send"): s.send(b"x")
with step("dup"): s.dup().close()
with step("fromfd"): socket.fromfd(s.fileno(), 2, 2).close()
with step("close"): s.close()
listener = socket.create_server(("127.0.0.1", 0))
PORT = listener.getsockname()[1]
with step("create_connection"): client = socket.create_connection(("127.0.0.1", PORT))
with step("accept"): listener.accept()[0].close()
client.close(), listener.close()
with step("gethostname"): socket.gethostname()
with step("gethostbyname"): socket.gethostbyname("localhost")
with step("gethostbyname, bytes"): socket.gethostbyname(b"localhost")
with step("gethostbyname_ex"): socket.gethostbyname_ex("localhost")
with step("gethostbyaddr"): socket.gethostbyaddr("127.0.0.1")
with step("getfqdn"): socket.getfqdn("localhost")
with step("getservbyname"): socket.getservbyname("http")
with step("getservbyname, tcp"): socket.getservbyname("http", "tcp")
with step("getservbyport"): socket.getservbyport(80)
with step("getservbyport, tcp"): socket.getservbyport(80, "tcp")
with step("getprotobyname"): socket.getprotobyname("tcp")
with step("getaddrinfo"): socket.getaddrinfo("localhost", 80)
with step("getaddrinfo, all"): socket.getaddrinfo(b"localhost", "http", 2, 1, 6)
with step("getnameinfo"): socket.getnameinfo(("127.0.0.1", 80), 0)
with step("interfaces"): socket.if_indextoname(socket.if_nameindex()[0][0])
with step("if_nametoindex"): socket.if_nametoindex("lo")
with step("sethostname, not a name"): socket.sethostname(1)
if len(sys.argv) > 3:
    with step("sethostname"): socket.sethostname("csock-test")
    with step("sethostname, bytes"): socket.sethostname(b"csock-test")
"""


def own_hostname():
    """A prefix for a command that may change the host's name, in a UTS namespace of its own."""
    prefix = ["unshare", "--uts"]
    if os.geteuid() == 0 and subprocess.run([*prefix, "true"], capture_output=True).returncode == 0:
        return prefix
    return []


def events_of(*modules):
    prefix = own_hostname()
    command = [*prefix, sys.executable, "-c", PROGRAM, *modules, *(["names"] if prefix else [])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_same_events_as_stock():
    theirs = events_of("socket", "_socket")
    assert theirs.count("socket.") > 30
    assert events_of("csock.dropin", "csock._socket") == theirs


@pytest.mark.parametrize("event", ["socket.bind", "socket.connect", "socket.getaddrinfo"])
def test_hook_that_raises_stops_the_call(event, csock):
    """In a child, because a hook stays for the life of the process."""
    program = f"""
import csock, sys
def hook(name, args):
    if name == {event!r}:
        raise PermissionError(name)
sys.addaudithook(hook)
s = csock.socket(csock.AF_INET, csock.SOCK_DGRAM)
call = {{"socket.bind": lambda: s.bind(("127.0.0.1", 0)),
        "socket.connect": lambda: s.connect(("127.0.0.1", 9)),
        "socket.getaddrinfo": lambda: csock.getaddrinfo("127.0.0.1", 9)}}[{event!r}]
try:
    call()
except PermissionError as error:
    print(error, s.getsockname())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"{event} ('0.0.0.0', 0)\n", "")
