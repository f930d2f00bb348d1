"""TLS in csock: several threads on one connection. In stock two writers mix their frames, a
blocking read raises BlockingIOError beside a writer, and what one reader has left in OpenSSL
another does not see."""

import pytest

VERSIONS = pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])

WRITERS = """
tls, peer = pair(*(eval(sys.argv[3]),) * 2)
small_buffers(tls, peer)

def write(mark):
    for _ in range(60):
        tls.sendall(struct.pack("!II", mark, 40_000) + bytes([mark]) * 40_000)

def read():
    file, whole = peer.makefile("rb"), 0
    for _ in range(120):
        mark, size = struct.unpack("!II", file.read(8))
        whole += size == 40_000 and file.read(size) == bytes([mark]) * size
    return whole

reader = Call(read)
writers = [Call(write, mark) for mark in (1, 2)]
print(*(shown(writer.end(60)) for writer in writers), shown(reader.end(60)))
"""


@pytest.mark.parametrize("timeout", ["None", "20"])
def test_frames_of_two_writers_are_whole(tls, timeout):
    assert tls(WRITERS, "csock", timeout) == ["None None 120"]


@VERSIONS
@pytest.mark.parametrize("timeout", ["None", "20"])
def test_readers_beside_writers_meet_no_error(tls, timeout, version):
    assert tls("""
        tls, peer = pair(*(eval(sys.argv[3]),) * 2, getattr(ssl.TLSVersion, sys.argv[4]))
        small_buffers(tls, peer)
        N = 3_000_000

        def write(to, data=bytes(range(256)) * 40):
            sent = 0
            while sent < N:
                size = 1 + sent % 9_000
                to.sendall(data[:size])
                sent += size
            return sent

        def read(of, total):
            got = 0
            while got < total():
                got += len(of.recv(20_000))
            return got

        sent = {}
        def total(writer):
            return lambda: N if writer.is_alive() else writer.result
        writers = [Call(write, tls), Call(write, peer)]
        readers = [Call(read, peer, total(writers[0])), Call(read, tls, total(writers[1]))]
        print([shown(w.end(60)) for w in writers] == [shown(r.end(60)) for r in readers])
        print([isinstance(w.result, int) for w in writers])
    """, "csock", timeout, version) == ["True", "[True, True]"]


def test_reader_that_waits_keeps_no_writer_waiting(tls):
    assert tls("""
        for timeout in None, 30:
            tls, peer = pair(timeout)
            reader = Call(tls.recv, 10)
            asleep(reader)
            start = time.monotonic()
            for _ in range(100):
                tls.sendall(b"x" * 100)
            print(time.monotonic() - start < 5, reader.is_alive())
            peer.sendall(b"done")
            print(reader.end())
    """) == ["True True", "b'done'"] * 2


def test_what_one_reader_leaves_behind_the_other_gets(tls):
    """One byte of a record of 16 KiB: the rest is in OpenSSL, and the descriptor shows nothing."""
    assert tls("""
        for i in range(20):
            tls, peer = pair()
            readers = [Call(tls.recv, size) for size in ((1, 16384) if i % 2 else (16384, 1))]
            time.sleep(0.01)
            peer.sendall(bytes(16384))
            wait_for(lambda: any(not reader.is_alive() for reader in readers))
            if sum(len(r.result) for r in readers if not r.is_alive()) == 16384:
                peer.sendall(b"x") # for who came second
            results = [reader.end() for reader in readers]
            assert all(type(result) is bytes and result for result in results), results
            tls.close()
        print("none waits")
    """) == ["none waits"]


@VERSIONS
def test_reader_and_writer_may_both_drive_the_handshake(tls, version):
    assert tls("""
        for i in range(20):
            sides = unconnected_pair()
            for side in sides:
                side.context.maximum_version = getattr(ssl.TLSVersion, sys.argv[3])
            calls = [Call(side.recv, 5) for side in sides]
            calls += [Call(side.sendall, b"hello") for side in sides]
            results = [call.end() for call in calls]
            assert results == [b"hello", b"hello", None, None], results
        print("none waits")
    """, "csock", version) == ["none waits"]


def test_read_in_a_handler_leaves_the_rest_for_the_read_under_it(tls):
    assert tls("""
        for timeout in None, 5:
            tls, peer = pair(timeout)
            def handler(*_):
                peer.sendall(b"0123456789")
                print(tls.recv(1))
            signal.signal(signal.SIGALRM, handler)
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            print(tls.recv(100))
    """) == ["b'0'", "b'123456789'"] * 2


def test_one_thread_waits_for_the_other_only_as_long_as_it_may(tls):
    """A second writer, and a second reader, while the first ones are stuck."""
    assert tls("""
        tls, peer = pair(30)
        first = Call(tls.sendall, bytes(3_000_000)), Call(tls.recv, 10)
        for call in first:
            asleep(call)
        tls.settimeout(0.3)
        for function in lambda: tls.send(b"x"), lambda: tls.recv(1):
            start = time.monotonic()
            call = Call(function)
            print(repr(call.end()), 0.3 <= call.ended - start < 0.3 + PROMPT)
        tls.settimeout(0)
        for function in lambda: tls.send(b"x"), lambda: tls.recv(1):
            print(type(Call(function).end()).__name__)
        tls.close()
        print(*(shown(call.end()) for call in first))
    """) == [
        "TimeoutError('The write operation timed out') True",
        "TimeoutError('The read operation timed out') True",
        "SSLWantWriteError",
        "SSLWantReadError",
        "OSError 9 OSError 9",
    ]


def test_child_of_a_thread_that_writes_can_write(tls):
    """The locks of the parent's other threads mean nothing in a child of fork()."""
    assert tls("""
        tls, peer = pair(5)
        writer, reader = Call(tls.sendall, bytes(3_000_000)), Call(tls.recv, 10)
        asleep(writer)
        asleep(reader)
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning) # of fork() beside threads
        child = os.fork()
        if child == 0:
            tls.settimeout(0.3)
            texts = []
            for function in lambda: tls.send(b"x"), lambda: tls.recv(1):
                try:
                    function()
                except OSError as error:
                    texts.append(str(error))
            os._exit(0 if "timed out" in texts[1] and "not finished" in texts[0] else 1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        tls.close()
        writer.end(), reader.end()
    """) == ["0"]


def test_threads_that_do_nothing_else_keep_no_other_out(tls):
    """Writers of frames to who reads all the time; a reader that always finds something, and a
    writer beside it."""
    assert tls("""
        tls, peer = pair(20, 20)
        small_buffers(tls, peer)
        frames = [0, 0]
        def frames_out(of, mark):
            while max(frames) < 1000:
                of.sendall(bytes(40_000))
                frames[mark] += 1
        reader = Call(rest_of, peer)
        print(*(call.end(60) for call in [Call(frames_out, tls, mark) for mark in (0, 1)]))
        tls.shutdown(socket.SHUT_WR)
        print(len(reader.end()) == sum(frames) * 40_000, min(frames) * 3 > max(frames))

        frames = [0, 0]
        tls, peer = pair(20, 20)
        def count(mark, function, *args):
            while min(frames) < 300:
                function(*args)
                frames[mark] += 1
        def for_ever(function, *args):
            while True:
                function(*args)
        beside = [Call(for_ever, peer.sendall, bytes(16384)), Call(for_ever, peer.recv, 16384)]
        calls = [Call(count, 0, tls.recv, 10), Call(count, 1, tls.sendall, b"x")]
        print(*(call.end() for call in calls))
        peer.close()
        print(*(shown(call.end()) for call in beside))
    """) == ["None None", "True True", "None None", "OSError 9 OSError 9"]
