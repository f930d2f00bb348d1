"""TLS in csock: a write that ended early. OpenSSL has a record half sent then, and finishes it with
the next write, whatever that is about: in stock the old bytes go out, counted as the new ones."""

import pytest

WRITES = """
import random
DATA = random.Random(1).randbytes(400_000)
NEXT = {
    "same": DATA,
    "longer": DATA + b"and more",
    "shorter": DATA[:1000],
    "other": b"?" + DATA[1:],
    "other later": DATA[:20_000] + b"?" * 380_000,
    "of another kind": memoryview(bytearray(DATA)),
}

class Boom(Exception):
    pass

def boom(*_):
    raise Boom

def early_end(tls, method, how):
    if how == "timeout":
        tls.settimeout(0.2)
    else:
        signal.signal(signal.SIGALRM, boom)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        getattr(tls, method)(DATA)
    except (TimeoutError, Boom) as error:
        return type(error).__name__

for what in sys.argv[5].split(","):
    tls, peer = pair()
    if what != "other later": # where some records go out whole
        small_buffers(tls)
    ended = early_end(tls, sys.argv[3], sys.argv[4])
    tls.settimeout(20)
    reader = Call(rest_of, peer)
    try:
        result = getattr(tls, sys.argv[3])(NEXT[what])
    except ssl.SSLError as error:
        result = error.reason
    tls.shutdown(socket.SHUT_WR)
    got = reader.end()
    print(ended, what, result, got == NEXT[what], DATA.startswith(got))
"""

RESUMED = ["same", "longer", "of another kind"]


@pytest.mark.parametrize("how", ["timeout", "handler"])
@pytest.mark.parametrize("method", ["sendall", "send", "write"])
def test_write_that_begins_the_same_resumes_it(tls, method, how):
    lines = tls(WRITES, "csock", method, how, ",".join(RESUMED))
    ended = {"timeout": "TimeoutError", "handler": "Boom"}[how]
    for line, what in zip(lines, RESUMED, strict=True):
        count = "None" if method == "sendall" else "400008" if what == "longer" else "400000"
        assert line == f"{ended} {what} {count} True {what != 'longer'}"


@pytest.mark.parametrize("how", ["timeout", "handler"])
@pytest.mark.parametrize("what", ["shorter", "other", "other later"])
def test_any_other_write_is_an_error_and_nothing_goes_out(tls, how, what):
    ended = {"timeout": "TimeoutError", "handler": "Boom"}[how]
    lines = tls(WRITES, "csock", "sendall", how, what)
    assert lines == [f"{ended} {what} BAD_WRITE_RETRY False True"]


def test_stock_sends_the_old_bytes_for_the_new(tls):
    (line,) = tls(WRITES, "stock", "sendall", "timeout", "other")
    assert line == "TimeoutError other None False True"


def test_who_does_not_wait_sends_record_by_record(tls):
    assert tls("""
        import random
        data = random.Random(2).randbytes(300_000)
        tls, peer = pair(0, 20)
        small_buffers(tls)
        reader = sent = wanted = 0
        while sent < len(data):
            try:
                sent += tls.send(memoryview(data)[sent:])
            except ssl.SSLWantWriteError:
                wanted += 1
                reader = reader or Call(rest_of, peer)
                select.select([], [tls], [])
        print(wanted > 3)
        tls.shutdown(socket.SHUT_WR)
        print(reader.end() == data)
    """) == ["True", "True"]


def test_write_in_a_handler_under_a_write_is_an_error(tls):
    assert tls("""
        tls, peer = pair()
        small_buffers(tls)
        reasons = []
        def handler(*_):
            try:
                tls.sendall(b"of the handler")
            except ssl.SSLError as error:
                reasons.append(error.reason)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        reader = Call(lambda: time.sleep(0.5) or rest_of(peer))
        tls.sendall(bytes(400_000))
        tls.shutdown(socket.SHUT_WR)
        print(reasons, reader.end() == bytes(400_000))
    """) == ["['BAD_WRITE_RETRY'] True"]


def test_buffered_writer_resumes_by_itself(tls):
    assert tls("""
        tls, peer = pair(0.2)
        small_buffers(tls)
        file = tls.makefile("wb", buffering=100_000)
        file.write(b"a" * 90_000)
        try:
            file.flush()
        except TimeoutError:
            print("timed out")
        reader = Call(rest_of, peer)
        tls.settimeout(20)
        file.write(b"b" * 5_000)
        file.flush()
        tls.shutdown(socket.SHUT_WR)
        print(reader.end() == b"a" * 90_000 + b"b" * 5_000)
    """) == ["timed out", "True"]


def test_buffer_that_changes_while_its_write_waits(tls):
    """What OpenSSL holds is what was there when the record was made."""
    assert tls("""
        for kind in bytearray, lambda data: memoryview(bytearray(data)):
            tls, peer = pair(0.4)
            small_buffers(tls)
            data = kind(b"a" * 400_000)
            call = Call(tls.sendall, data)
            asleep(call)
            data[:] = b"b" * 400_000
            print(type(call.end()).__name__)
            tls.settimeout(20)
            reader = Call(rest_of, peer)
            for again in data, b"a" * 400_000:
                try:
                    print(tls.sendall(again))
                except ssl.SSLError as error:
                    print(error.reason)
            tls.shutdown(socket.SHUT_WR)
            print(reader.end() == b"a" * 400_000)
    """) == ["TimeoutError", "BAD_WRITE_RETRY", "None", "True"] * 2


def test_handler_does_not_resume_what_a_write_is_resuming(tls):
    assert tls("""
        tls, peer = pair(0.2)
        small_buffers(tls)
        data = b"a" * 400_000
        print(repr(Call(tls.sendall, data).end()))
        tls.settimeout(20)
        told = []
        def handler(*_):
            try:
                told.append(tls.sendall(data))
            except ssl.SSLError as error:
                told.append(str(error))
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        reader = Call(lambda: time.sleep(0.5) or rest_of(peer))
        tls.sendall(data)
        tls.shutdown(socket.SHUT_WR)
        print(told, reader.end() == data)
    """) == [
        "TimeoutError('The write operation timed out')",
        "['another write on this connection is not finished'] True",
    ]


def test_handler_that_raises_while_another_thread_has_the_object(tls):
    """The record is half sent, though the socket would take its rest by then, and the handler runs
    where the write waits for who is inside."""
    assert tls("""
        class Boom(Exception):
            pass
        def boom(*_):
            raise Boom
        tls, peer = pair(None, 20)
        small_buffers(tls)
        data, entered, leave = b"a" * 20_000, threading.Event(), threading.Event()
        class Held:
            '''Stands for the TLS object, and stays inside.'''
            def read(self, *args):
                entered.set()
                leave.wait(20)
                return real.read(*args)
        def go_on(main=threading.get_ident()):
            time.sleep(0.2) # the write waits
            tls._sslobj = Held()
            reader.append(Call(tls.recv, 10))
            entered.wait(20)
            reader.append(Call(lambda: [peer.recv(1) for _ in range(16_000)]))
            time.sleep(0.2) # now it has been woken, and waits for the reader
            signal.pthread_kill(main, signal.SIGUSR1)
        signal.signal(signal.SIGUSR1, boom)
        reader, real = [], tls._sslobj
        helper = Call(go_on)
        try:
            tls.sendall(data)
        except Boom:
            print("raised")
        helper.end()
        leave.set()
        tls._sslobj = real
        try:
            tls.sendall(b"b" * 20_000)
        except ssl.SSLError as error:
            print(error.reason)
    """) == ["raised", "BAD_WRITE_RETRY"]


def test_record_is_kept_no_longer_than_its_connection(tls):
    assert tls("""
        import tracemalloc
        for end in "close", "detach":
            tls, peer = pair(0.2)
            small_buffers(tls)
            tracemalloc.start()
            print(repr(Call(tls.sendall, bytes(400_000)).end()))
            kept = tracemalloc.get_traced_memory()[0]
            getattr(tls, end)()
            print(16_000 < kept - tracemalloc.get_traced_memory()[0] < 20_000)
            tracemalloc.stop()
        tls, peer = pair()
        small_buffers(tls)
        data = bytes(400_000)
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        call = Call(tls.sendall, data)
        asleep(call)
        tls.close()
        print(call.end().errno, tracemalloc.get_traced_memory()[0] - before < 16_000)
    """) == ["TimeoutError('The write operation timed out')", "True"] * 2 + ["9 True"]
