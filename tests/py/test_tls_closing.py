"""TLS in csock: what another thread's close(), detach() and shutdown() do to a call that waits. In
stock such a call goes on, on a number that is somebody else's by then."""

import pytest

BLOCKED = """
def silent_peer(timeout):
    a, b = unconnected_pair(timeout)
    return a, b

def listener(timeout):
    plain = socket.create_server(("127.0.0.1", 0))
    plain.settimeout(timeout)
    return server_context().wrap_socket(plain, server_side=True), None

CALLS = {
    "recv": (pair, lambda tls: tls.recv(10)),
    "recv_into": (pair, lambda tls: tls.recv_into(bytearray(10))),
    "read": (pair, lambda tls: tls.read(10)),
    "readline": (pair, lambda tls: tls.makefile("rb").readline()),
    "sendall": (pair, lambda tls: tls.sendall(bytes(3_000_000))),
    "send": (pair, lambda tls: tls.send(bytes(3_000_000))),
    "write": (pair, lambda tls: tls.write(bytes(3_000_000))),
    "unwrap": (pair, lambda tls: tls.unwrap()),
    "do_handshake": (silent_peer, lambda tls: tls.do_handshake()),
    "recv that shakes hands": (silent_peer, lambda tls: tls.recv(10)),
    "send that shakes hands": (silent_peer, lambda tls: tls.send(b"x")),
    "accept": (listener, lambda tls: tls.accept()),
}
names = sorted(CALLS) if len(sys.argv) < 4 else [sys.argv[3]]
"""

CLOSED = BLOCKED + """
for name in names:
    for timeout in None, 30:
        make, function = CALLS[name]
        tls, peer = make(timeout)
        call = Call(function, tls)
        asleep(call)
        start = time.monotonic()
        tls.detach() if name == "readline" else tls.close() # the file keeps what close() leaves
        result = call.end()
        print(name, shown(result), call.ended - start < PROMPT)
"""


def test_close_ends_calls(tls):
    lines = tls(CLOSED)
    assert len(lines) == 24
    for line in lines:
        assert line.endswith(" OSError 9 True"), line


def test_close_does_not_end_them_in_stock(tls):
    assert tls("""
        tls, peer = pair()
        call = Call(tls.recv, 10)
        asleep(call)
        tls.close()
        asleep(call, 1)
        print("waits")
    """, "stock") == ["waits"]


def test_close_waits_for_no_waiting_call(tls):
    """The closer itself is done at once, and the number is the next one's."""
    assert tls("""
        tls, peer = pair()
        calls = [Call(tls.recv, 10) for _ in range(5)] + [Call(tls.sendall, bytes(3_000_000))]
        for call in calls:
            asleep(call, 0.05)
        number = tls.fileno()
        start = time.monotonic()
        tls.close()
        print(time.monotonic() - start < PROMPT)
        print(*(shown(call.end()) for call in calls))
        print(os.dup(0) == number)
    """) == ["True", " ".join(["OSError 9"] * 6), "True"]


def test_number_that_is_used_again_belongs_to_its_new_owner(tls):
    assert tls("""
        for timeout in None, 30:
            tls, peer = pair(timeout)
            call = Call(tls.recv, 100)
            asleep(call)
            number = tls.fileno()
            tls.close()
            a, b = socket.socketpair()
            while number not in (a.fileno(), b.fileno()):
                a, b = *socket.socketpair(), a, b
            new, other = (a, b) if a.fileno() == number else (b, a)
            other.sendall(b"for the new one")
            new.settimeout(20)
            print(new.recv(100), shown(call.end()))
    """) == ["b'for the new one' OSError 9"] * 2


def test_detach_gives_a_descriptor_that_waits_as_the_program_said(tls):
    assert tls("""
        for timeout in None, 30:
            tls, peer = pair(timeout)
            call = Call(tls.recv, 100)
            asleep(call)
            fd = tls.detach()
            print(shown(call.end()), os.get_blocking(fd), tls.fileno())
            for method in tls.recv, tls.sendall, tls.do_handshake:
                try:
                    print(method(b"x") if method == tls.sendall else method())
                except OSError as error:
                    print(shown(error))
            peer.sendall(b"x")
            print(len(os.read(fd, 1000)) > 20)
    """) == [
        line
        for blocking in (True, False)
        for line in (f"OSError 9 {blocking} -1", *["OSError 9"] * 3, "True")
    ]


@pytest.mark.parametrize("how", ["SHUT_RD", "SHUT_RDWR"])
def test_shutdown_ends_a_read_as_the_end_of_the_stream(tls, how):
    body = """
        for timeout in None, 30:
            tls, peer = pair(timeout)
            call = Call(tls.recv, 100)
            asleep(call)
            tls.shutdown(getattr(socket, sys.argv[3]))
            print(shown(call.end(5)), tls.gettimeout())
            try:
                print(tls.read(1))
            except ValueError as error:
                print(error)
    """
    lines = tls(body, "csock", how)
    assert lines == tls(body, "stock", how)
    assert lines[0].startswith(("b''", "BrokenPipeError")), lines


def test_close_in_a_handler_of_the_same_thread(tls):
    assert tls("""
        for make in pair, unconnected_pair:
            tls, peer = make()
            signal.signal(signal.SIGALRM, lambda *_: tls.close())
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            try:
                tls.recv(10)
            except OSError as error:
                print(shown(error), tls.fileno())
    """) == ["OSError 9 -1"] * 2


def test_many_closes_end_every_call(tls):
    """The order of a try: under a sanitizer, too (SUITES=py-asan)."""
    lines = tls("""
        kinds = "recv", "sendall", "unwrap", "shake", "makefile"
        def rounds(seed, results):
            for i in range(40):
                kind = kinds[(seed + i) % len(kinds)]
                if kind == "shake":
                    tls, peer = unconnected_pair((None, 20)[i % 2])
                    functions = tls.do_handshake, lambda: tls.recv(5)
                else:
                    tls, peer = pair((None, 20)[i % 2])
                    functions = {
                        "recv": (lambda: tls.recv(5), lambda: tls.recv_into(bytearray(5))),
                        "sendall": (lambda: tls.sendall(bytes(500_000)), lambda: tls.recv(5)),
                        "unwrap": (tls.unwrap, lambda: tls.recv(5)),
                        "makefile": (lambda: tls.send(bytes(500_000)), lambda: tls.send(b"x")),
                    }[kind]
                calls = [Call(function) for function in functions]
                time.sleep((i % 4) / 1000)
                tls.close()
                results += [call.end(30) for call in calls]
                peer.close()
        results = []
        workers = [Call(rounds, n, results) for n in range(3)]
        for worker in workers:
            print(worker.end(100))
        errors = OSError, ValueError, AttributeError
        fine = b"", 1 # a byte may be sent before the rest begins
        print(len(results), [r for r in results if not (isinstance(r, errors) or r in fine)])
    """, timeout=400)
    assert lines == ["None"] * 3 + ["240 []"]
