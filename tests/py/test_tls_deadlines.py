"""TLS within csock.deadline: each call that waits ends at it, and says what it was about and with
whom; once it has passed, each raises before any system call."""

import textwrap

import pytest
import testkit

BOUND = """
import re
from csock import DeadlineExceeded, deadline
SECONDS = 0.4

def outcome(function, *args):
    try:
        return repr(function(*args))
    except Exception as error:
        return re.sub(r":\\d+:", ":PORT:", f"{type(error).__name__}: {error}")

def show(function, *args):
    '''What a call comes to within a deadline, and whether it ended when that passed.'''
    start = time.monotonic()
    with deadline(SECONDS):
        result = outcome(function, *args)
    print(result, SECONDS <= time.monotonic() - start < SECONDS + PROMPT)

def drip(raw, data):
    with contextlib.suppress(OSError):
        for byte in data:
            time.sleep(0.05)
            raw.send(bytes([byte]))

def dripping_pair(timeout=None):
    '''A connected client, its server, and an event: from then on what the server says drips.'''
    a, b = socket.socketpair()
    c, d = socket.socketpair()
    slow = threading.Event()
    def forward(source, to):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                (drip if slow.is_set() else socket.socket.sendall)(to, data)
    server = Call(lambda: server_context().wrap_socket(d, server_side=True))
    for way in (b, c), (c, b):
        Call(forward, *way)
    client = client_context().wrap_socket(a, server_hostname="localhost")
    client.settimeout(timeout)
    return client, server.end(), slow

"""

LATE = "the deadline of 0.4 s has passed"
BLOCKING = pytest.mark.parametrize("timeout", ["None", "20"])


@pytest.fixture
def bound(tls):
    """tls(body), after BOUND."""
    return lambda body, *args, **options: tls(
        BOUND + textwrap.dedent(body), "csock", *args, **options
    )


# ------------------------------------------------------------ calls that wait


@BLOCKING
def test_reads_from_a_peer_that_drips(bound, timeout):
    lines = bound(
        """
        client, server, slow = dripping_pair(eval(sys.argv[3]))
        slow.set()
        server.sendall(bytes(1000))
        show(client.recv, 10)
        show(client.recv_into, bytearray(10))
        show(client.read, 10)
        show(client.makefile("rb").readline)
        show(client.makefile("r").read)
        """,
        timeout,
    )
    assert lines == [f"DeadlineExceeded: read: {LATE} True"] * 5


@BLOCKING
def test_handshakes_that_stall(bound, timeout):
    lines = bound(
        """
        timeout = eval(sys.argv[3])
        for side in unconnected_pair(timeout, timeout):
            show(side.do_handshake)
        a, b = socket.socketpair()
        a.settimeout(timeout)
        Call(drip, b, bytes.fromhex("1603030400") + bytes(100))
        show(lambda: client_context().wrap_socket(a, server_hostname="localhost"))
        """,
        timeout,
    )
    assert lines == [f"DeadlineExceeded: handshake: {LATE} True"] * 3


@BLOCKING
def test_handshakes_of_connect_and_accept(bound, timeout):
    lines = bound(
        """
        timeout = eval(sys.argv[3])
        socket.setdefaulttimeout(timeout)
        raw = socket.create_server(("127.0.0.1", 0))
        address = raw.getsockname()
        tls = client_context().wrap_socket(socket.socket(), server_hostname="localhost")
        show(tls.connect, address)
        raw.accept()
        listener = server_context().wrap_socket(raw, server_side=True)
        show(listener.accept)
        client = socket.create_connection(address)
        show(listener.accept)
        """,
        timeout,
    )
    assert lines == [
        f"DeadlineExceeded: handshake with 127.0.0.1:PORT: {LATE} True",
        f"DeadlineExceeded: accept on 127.0.0.1:PORT: {LATE} True",
        f"DeadlineExceeded: handshake with 127.0.0.1:PORT: {LATE} True",
    ]


@BLOCKING
def test_unwrap_that_stalls(bound, timeout):
    lines = bound("""tls, peer = pair(eval(sys.argv[3])); show(tls.unwrap)""", timeout)
    assert lines == [f"DeadlineExceeded: unwrap: {LATE} True"]


@BLOCKING
@pytest.mark.parametrize("method", ["send", "sendall", "write"])
def test_writes_to_who_does_not_read(bound, timeout, method):
    """What has been half sent is kept, as after a timeout."""
    lines = bound(
        """
        data = bytes(range(256)) * 8_000
        tls, peer = pair(eval(sys.argv[3]))
        write = getattr(tls, sys.argv[4])
        show(write, data)
        for other in b"?" + data, data[:100]:
            print(outcome(write, other).split(":")[0])
        reader = Call(rest_of, peer)
        print(write(data))
        tls.shutdown(socket.SHUT_WR)
        print(reader.end() == data)
        """,
        timeout,
        method,
    )
    assert lines[0] == f"DeadlineExceeded: write: {LATE} True"
    assert lines[1:3] == ["SSLError"] * 2
    assert lines[3:] == ["None" if method == "sendall" else "2048000", "True"]


BETWEEN = """
data = bytes(range(256)) * 1_200
tls, peer = pair()
got = bytearray()
def handler(*_): # the peer takes what is there; the deadline passes; there is room for the rest
    peer.settimeout(0)
    with contextlib.suppress(ssl.SSLWantReadError):
        while True:
            got.extend(peer.recv(65536))
    while not d.expired():
        time.sleep(0.01)
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.2)
with deadline(SECONDS) as d:
    first = outcome(tls.sendall if sys.argv[3] == "sendall" else tls.send, data)
reader = Call(rest_of, peer)
if sys.argv[3] == "sendall":
    print(first, outcome(tls.sendall, b"?" + data).split(":")[0], tls.sendall(data))
else:
    print(0 < int(first) < len(data), tls.send(data[int(first):]) == len(data) - int(first))
tls.shutdown(socket.SHUT_WR)
print(got + reader.end() == data)
"""


def test_sendall_that_has_no_need_to_wait_ends_too(bound):
    lines = bound(BETWEEN, "sendall")
    assert lines == [f"DeadlineExceeded: write: {LATE} SSLError None", "True"]


def test_send_that_has_no_need_to_wait_tells_what_went_out(bound):
    assert bound(BETWEEN, "send") == ["True True", "True"]


def test_who_waits_for_another_thread(bound):
    """A second writer waits for the first one, a second reader for the reader before it."""
    lines = bound("""
        tls, peer = pair()
        asleep(Call(tls.recv, 10))
        show(tls.recv, 10)
        asleep(Call(tls.sendall, bytes(4_000_000)))
        show(tls.sendall, b"x")
        show(tls.unwrap)
    """)
    assert lines == [
        f"DeadlineExceeded: {what}: {LATE} True" for what in ("read", "write", "unwrap")
    ]


def test_signals_do_not_extend_it(bound):
    lines = bound("""
        tls, peer = pair()
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        show(tls.recv, 1)
        signal.setitimer(signal.ITIMER_REAL, 0)
    """)
    assert lines == [f"DeadlineExceeded: read: {LATE} True"]


# ------------------------------------------------------- which of them ends it


def test_the_sooner_of_timeout_and_deadline(bound):
    lines = bound("""
        tls, peer = pair(0.1)
        with deadline(20):
            print(outcome(tls.recv, 1))
        tls.settimeout(20)
        with deadline(20), deadline(0.1):
            print(outcome(tls.recv, 1))
        with deadline(0.1), deadline(20):
            print(outcome(tls.recv, 1))
        peer.sendall(b"hello")
        with deadline(20):
            print(tls.recv(10))
    """)
    assert lines == [
        "TimeoutError: The read operation timed out",
        "DeadlineExceeded: read: the deadline of 0.1 s has passed",
        "DeadlineExceeded: read: the deadline of 0.1 s has passed",
        "b'hello'",
    ]


def test_nested_and_shielded(bound):
    lines = bound("""
        tls, peer = pair()
        with deadline(0.1):
            print(outcome(tls.recv, 1))
            with deadline(20, shield=True):
                tls.sendall(b"QUIT")
                print("sent")
            with deadline(20):
                print(outcome(tls.sendall, b"more"))
        print(peer.recv(10))
        with deadline(0), deadline(0.2, shield=True):
            print(outcome(tls.recv, 1))
    """)
    assert lines == [
        "DeadlineExceeded: read: the deadline of 0.1 s has passed",
        "sent",
        "DeadlineExceeded: write: the deadline of 0.1 s has passed already",
        "b'QUIT'",
        "DeadlineExceeded: read: the deadline of 0.2 s has passed",
    ]


def test_sockets_that_never_wait_are_left_alone(bound):
    lines = bound("""
        tls, peer = pair(0)
        peer.sendall(b"hello")
        select.select([tls], [], [])
        with deadline(0):
            print(tls.recv(10))
            print(outcome(tls.recv, 1).split(":")[0], tls.send(b"x"))
            client, server = unconnected_pair(0, 0)
            print(outcome(client.do_handshake).split(":")[0])
    """)
    assert lines == ["b'hello'", "SSLWantReadError 1", "SSLWantReadError"]


# ------------------------------------------------------- once it has passed

PASSED = """
tls, peer = pair()
peer.sendall(b"line\\n" * 10)
client, server = unconnected_pair()
files = [tls.makefile("rb"), tls.makefile("rb")] # each good for one
calls = {
    "read": [(tls.recv, 1), (tls.recv_into, bytearray(9)), (tls.read, 9),
             (lambda: files.pop().readline(),)],
    "write": [(tls.send, b"x"), (tls.sendall, b"x"), (tls.write, b"x")],
    "handshake": [(client.do_handshake,)],
    "unwrap": [(tls.unwrap,)],
}
def work():
    for what, its in calls.items():
        for call in its:
            text = outcome(*call)
            assert text == f"DeadlineExceeded: {what}: the deadline of 0.0 s has passed already", (
                call, text)
with deadline(0):
    work()
    os.write(2, b"MARK")
    work()
    os.write(2, b"MARK")
print(tls.recv(5))
with deadline(0):
    tls.shutdown(socket.SHUT_RDWR)
    tls.close()
    peer.detach()
"""


def test_each_call_raises_though_there_is_data(bound):
    assert bound(PASSED, stderr="MARKMARK") == ["b'line\\n'"]


@pytest.mark.skipif(bool(testkit.why_no_strace()), reason=str(testkit.why_no_strace()))
def test_no_system_call_is_made(bound, tmp_path):
    log = tmp_path / "strace.txt"
    prefix = "strace", "-qq", "-o", log
    bound(PASSED, prefix=prefix, stderr="MARKMARK")
    between = log.read_text().split('"MARK"')[1].splitlines()[1:-1]
    memory = ("mmap(", "munmap(", "brk(", "madvise(", "futex(", "sched_yield(")
    assert [line for line in between if not line.startswith(memory)] == []


# ------------------------------------------------------------------- Reader


def test_reader_loses_nothing(bound):
    lines = bound("""
        import csock
        client, server, slow = dripping_pair()
        server.sendall(b"first\\nsec")
        reader = csock.Reader(client)
        show(reader.readexactly, 100)
        print(reader.readline(), reader.pending)
        server.sendall(b"ond\\n")
        with deadline(20):
            print(reader.readline())
        slow.set()
        server.sendall(b"third\\n")
        show(reader.readline)
        with deadline(0):
            print(outcome(reader.readline))
        print(reader.readline())
    """)
    assert lines == [
        f"DeadlineExceeded: read: {LATE} True",
        "b'first\\n' 3",
        "b'second\\n'",
        f"DeadlineExceeded: read: {LATE} True",
        "DeadlineExceeded: read: the deadline of 0.0 s has passed already",
        "b'third\\n'",
    ]
