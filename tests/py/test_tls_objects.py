"""TLS in csock: the objects as such, copies, cycles, memory, a second interpreter, and the
interpreter's end."""

import subprocess
import sys

import childkit
import pytest


def test_copies_classes_and_cycles(same):
    lines = same("""
        import copy, gc, pickle, weakref
        tls, peer = pair(5, 5)
        for function in pickle.dumps, copy.copy, copy.deepcopy, lambda tls: tls.dup():
            try:
                print(function(tls))
            except (TypeError, NotImplementedError) as error:
                print(type(error).__name__, error)
        print(pickle.loads(pickle.dumps(ssl.SSLSocket)) is ssl.SSLSocket)

        class Other(ssl.SSLSocket):
            def recv(self, buflen=1024, flags=0):
                return b"<" + super().recv(buflen, flags) + b">"
        peer.sendall(b"12")
        print(tls.recv(1))
        tls.__class__ = Other
        print(tls.recv(1), type(tls) is Other)
        tls.__class__ = ssl.SSLSocket
        peer.sendall(b"3")
        print(tls.recv(1))
        gone = []
        tls.itself, tls.context.it = tls, tls
        weakref.finalize(tls, gone.append, tls.fileno())
        tls.close()
        del tls
        gc.collect()
        print(len(gone))
    """)
    assert len(lines) == 9 and lines[-1] == "1"


def test_memory_does_not_grow(tls):
    assert tls("""
        import gc, tracemalloc
        def use():
            tls, peer = pair(0.01, 20)
            small_buffers(tls)
            for call in (lambda: tls.recv(10)), (lambda: tls.sendall(bytes(100_000))):
                try:
                    call()
                except TimeoutError:
                    pass
            threads = Call(tls.send, b"x"), Call(tls.recv, 1)
            for thread in threads:
                thread.end()
            tls.close()
            peer.close()
        def held():
            gc.collect()
            return tracemalloc.get_traced_memory()[0]
        for _ in range(5):
            use()
        tracemalloc.start()
        use()
        before = held()
        for _ in range(40):
            use()
        print(held() - before < 40 * 500)
    """) == ["True"]


def test_names_are_not_kept(tls):
    """What a call asks of a class by name is no new str each time: CPython's cache of methods would
    keep them, up to 4,096."""
    assert tls("""
        import gc, tracemalloc
        def kept(n):
            tracemalloc.start()
            for _ in range(n):
                class Other(ssl.SSLSocket): # a class that no cache knows yet
                    pass
                tls, peer = pair(0.001, 20)
                tls.__class__ = Other
                try:
                    tls.recv(10)
                except TimeoutError:
                    pass
                tls.close()
                peer.close()
                del tls, Other
            gc.collect()
            traces = tracemalloc.take_snapshot().traces
            tracemalloc.stop()
            return sum(size in (56, 57) for size in (trace.size for trace in traces))
        kept(5)
        print(kept(40) < 8)
    """) == ["True"]


def test_memory_that_runs_out(tls):
    pytest.importorskip("_testcapi")
    assert tls("""
        import _testcapi
        tls, peer = pair(5, 5)
        data = bytes(40_000)
        got = bytearray() # nobody else runs, who would meet it as well
        def take():
            peer.settimeout(0)
            try:
                while True:
                    got.extend(peer.recv(65536))
            except ssl.SSLWantReadError:
                pass
        def receive():
            tls.settimeout(0)
            try:
                tls.recv(100)
            except ssl.SSLWantReadError:
                pass
            finally:
                tls.settimeout(5)
        def send():
            tls.sendall(data)
        ended = []
        for function in receive, send:
            for n in range(1, 60):
                _testcapi.set_nomemory(n, n + 1)
                try:
                    function()
                    result = "done"
                except MemoryError:
                    result = "MemoryError"
                except Exception as error:
                    result = type(error).__name__
                finally:
                    _testcapi.remove_mem_hooks()
                ended.append(result)
                take()
        print("done" in ended, "MemoryError" in ended)
        print(len(got) > 0, set(got) <= {0})
    """) == ["True True", "True True"]


def test_object_that_ends_after_its_threads(tls):
    """A daemon thread that waits when the interpreter ends keeps what it has for good: whoever
    comes after is not kept waiting for it."""
    assert tls("""
        tls, peer = pair(None, 5)
        small_buffers(tls)
        calls = Call(tls.recv, 10), Call(tls.sendall, bytes(3_000_000)), Call(tls.recv, 10)
        for call in calls:
            asleep(call)

        class Last:
            def __init__(self, **kept):
                self.__dict__.update(kept)
            def __del__(self):
                self.peer.sendall(b"x")
                start = self.now()
                self.tls.settimeout(5)
                got = self.tls.recv(1)
                self.write(1, b"%r %r\\n" % (got, self.now() - start < 3))
        sys.modules["last"] = Last(tls=tls, peer=peer, now=time.monotonic, write=os.write)
        sys.stdout.flush()
    """) == ["b'x' True"]


IN_TWO = """
import csock
csock.install()
import _testcapi, sys
PROGRAM = '''
import csock
csock.install()
import socket, ssl, threading
a, b = socket.socketpair()
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERT)
server = context.wrap_socket(b, server_side=True, do_handshake_on_connect=False)
thread = threading.Thread(target=server.do_handshake)
thread.start()
tls = ssl.create_default_context(cafile=CERT).wrap_socket(a, server_hostname="localhost")
thread.join()
tls.sendall(b"hello")
assert server.recv(5) == b"hello"
assert csock._core.has_ssl(ssl.SSLSocket)
tls.close()
server.close()
'''
program = f"CERT = {sys.argv[1]!r}\\n" + PROGRAM
for _ in range(3):
    assert _testcapi.run_in_subinterp(program) == 0
exec(program)
assert _testcapi.run_in_subinterp(program) == 0
print("done")
"""


def test_several_interpreters(certificate):
    pytest.importorskip("_testcapi")
    done = subprocess.run(
        [sys.executable, "-c", IN_TWO, str(certificate)],
        env=childkit.environment(),
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("done\n", "", 0)


def test_what_takes_a_socket_moves_no_bytes_below_tls(tls):
    lines = tls("""
        tls, peer = pair(5, 5)
        wire = socket.socket(fileno=os.dup(peer.fileno()))  # below TLS
        wire.setblocking(False)

        def has_come():
            try:
                return wire.recv(100, socket.MSG_PEEK)
            except BlockingIOError:
                return b""
        sent = [
            lambda: socket.send_fds(tls, [b"clear"], [0]),
            lambda: csock.is_alive(tls),
            lambda: csock.is_alive(peer),
        ]
        before = has_come()  # a session's ticket, maybe
        for function in sent:
            try:
                print("went", function())
            except (TypeError, NotImplementedError) as error:
                print(type(error).__name__)
            assert has_come() == before
        tls.sendall(b"line\\n")
        wait_for(lambda: has_come() != before)
        assert b"line" not in has_come()
        for function in lambda: socket.recv_fds(peer, 10, 1), lambda: csock.is_alive(peer):
            try:
                print("came", function())
            except (TypeError, NotImplementedError) as error:
                print(type(error).__name__)
        print(csock.Reader(peer).readline())
    """)
    assert lines == [
        "NotImplementedError",
        "TypeError",
        "TypeError",
        "NotImplementedError",
        "TypeError",
        "b'line\\n'",
    ]
