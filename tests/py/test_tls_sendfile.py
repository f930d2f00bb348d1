"""sendfile over TLS, which reads and sends: what it sends and what it raises is stock's, and it
waits as all else does."""

import pytest

FILE = """
import tempfile
DATA = bytes(range(256)) * 1200

def a_file(mode="w+b"):
    file = tempfile.TemporaryFile(mode)
    file.write(DATA if "b" in mode else "text")
    file.seek(0)
    return file

def small_pair(timeout):
    tls, peer = pair(timeout)
    small_buffers(tls, peer)
    return tls, peer
"""


@pytest.fixture
def files(tls):
    """tls(body), after FILE, with csock or stock."""
    return lambda body, side="csock": tls(FILE + body, side)


@pytest.fixture
def same(files):
    """The body prints on csock what it prints on stock."""

    def compare(body):
        lines = files(body)
        assert lines == files(body, "stock")
        return lines

    return compare


def test_what_is_sent(same):
    lines = same("""
rest = {"offset": 100_000}, {"offset": 10**7}
for words in {}, {"count": 9}, {"offset": 5, "count": 70_000}, *rest:
    for timeout in None, 20:
        tls, peer = pair(timeout)
        file = a_file()
        sent = Call(lambda: (tls.sendfile(file, **words), tls.unwrap()))
        got = rest_of(peer)
        peer.unwrap()
        start = words.get("offset", 0)
        print(sent.end()[0] == len(got), file.tell(), len(got),
              got == DATA[start:start + words.get("count", len(DATA))])
""")
    assert len(lines) == 10 and lines[4] == "True 70005 70000 True"


def test_arguments(same):
    lines = same("""
tls, peer = pair(5)
for args in (a_file("w+"),), (a_file(), 0, 0), (a_file(), 0, -1), (a_file(), 0, "1"), (), (None,):
    try:
        print(tls.sendfile(*args))
    except Exception as error:
        print(type(error).__name__, str(error).replace("SSLSocket.", ""))
tls.settimeout(0)
try:
    tls.sendfile(a_file())
except ValueError as error:
    print(error)
tls.settimeout(5)
class Memory:
    parts = [b"abc", b"de"]
    def read(self, n):
        return self.parts.pop(0) if self.parts else b""
print(tls.sendfile(Memory()), peer.recv(3) + peer.recv(3))
""")
    assert lines[-1] == "5 b'abcde'"


def test_a_peer_that_takes_nothing_ends_at_the_timeout(same):
    assert same("""
tls, peer = small_pair(0.3)
start = time.monotonic()
file = a_file()
try:
    tls.sendfile(file)
except TimeoutError as error:
    print(repr(error), 0.3 <= time.monotonic() - start, file.tell() % 8192)
""") == ["TimeoutError('The write operation timed out') True 0"]


def test_the_deadline_of_a_block_bounds_all_of_it(files):
    """The peer takes a little now and then, so that no single send ever waits for long."""
    assert files("""
from csock import DeadlineExceeded, deadline
tls, peer = small_pair(20)
over = threading.Event()
def trickle():
    while not over.is_set():
        peer.recv(2048)
        time.sleep(0.05)
taker = Call(trickle)
start = time.monotonic()
try:
    with deadline(0.5):
        tls.sendfile(a_file())
except DeadlineExceeded as error:
    print(0.5 <= time.monotonic() - start < 0.5 + PROMPT, str(error).split(":")[0])
over.set()
print(taker.end())
""") == ["True write", "None"]


@pytest.mark.parametrize("how", ["close", "detach"])
def test_another_thread_that_closes_ends_it(files, how):
    assert files(f"""
tls, peer = small_pair(None)
call = Call(tls.sendfile, a_file())
asleep(call)
start = time.monotonic()
tls.{how}()
print(shown(call.end()), call.ended - start < PROMPT)
""") == ["OSError 9 True"]


def test_without_tls_it_is_a_plain_socket_s(same):
    assert same("""
plain = client_context().wrap_socket(socket.socket(), server_hostname="localhost")
try:
    plain.sendfile(a_file())
except OSError as error:
    print(shown(error))
tls, peer = pair(5, 5)
other = Call(peer.unwrap)
clear, far = tls.unwrap(), other.end()
sent = Call(clear.sendfile, a_file(), 0, 1000)
print(far.recv(2000) == DATA[:1000], sent.end())
""")[1] == "True 1000"
