"""TLS in csock: how long a call waits, what it raises then, and what the program sees of timeouts
and of the descriptor. Most of it is as in stock, whose texts, by version, csock does not know: both
run."""


TIMED_OUT = """
def outcome(function, *args):
    start = time.monotonic()
    try:
        result = repr(function(*args))
    except OSError as error:
        result = f"{type(error).__name__} {error.args!r} {error.errno}"
    seconds = time.monotonic() - start
    return f"{result} {0.3 <= seconds < 0.3 + PROMPT}"

"""


def test_timeouts_are_told_as_in_stock(same):
    lines = same(
        TIMED_OUT
        + """
        tls, peer = pair(0.3)
        print(outcome(tls.recv, 10))
        print(outcome(tls.recv_into, bytearray(10)))
        print(outcome(tls.read, 10))
        print(outcome(tls.makefile("rb").readline))
        print(outcome(tls.unwrap))
        for name in "send", "sendall", "write":
            tls, peer = pair(0.3)
            print(outcome(getattr(tls, name), bytes(3_000_000)))
            print(outcome(tls.unwrap))
        tls, peer = unconnected_pair(0.3)
        print(outcome(tls.do_handshake))
        print(outcome(tls.recv, 1))
        print(outcome(tls.send, b"x"))
        """.replace("\n        ", "\n")
    )
    assert sum("timed out" in line for line in lines) >= 10


def test_a_timeout_holds_for_the_whole_of_a_call(tls):
    """A peer that drips: each of its bytes would begin a wait of its own."""
    assert tls("""
        def drip(raw, data):
            with contextlib.suppress(OSError):
                for byte in data:
                    time.sleep(0.05)
                    raw.send(bytes([byte]))

        def proxy():
            '''A connected client, a thread that drips to it what the server said last, its end.'''
            a, b = socket.socketpair()
            c, d = socket.socketpair()
            server = Call(lambda: server_context().wrap_socket(d, server_side=True))
            def forward(source, to):
                with contextlib.suppress(OSError):
                    while data := source.recv(65536):
                        (drip if slow.is_set() else socket.socket.sendall)(to, data)
            slow = threading.Event()
            ways = [Call(forward, b, c), Call(forward, c, b)]
            client = client_context().wrap_socket(a, server_hostname="localhost")
            return client, server.end(), slow

        client, server, slow = proxy()
        client.settimeout(0.4)
        slow.set()
        server.sendall(bytes(1000))
        file = client.makefile("rb")
        for function in lambda: client.recv(10), file.readline, client.unwrap:
            start = time.monotonic()
            call = Call(function)
            print(repr(call.end()), 0.4 <= call.ended - start < 0.4 + PROMPT)

        a, b = socket.socketpair()
        a.settimeout(0.4)
        dripping = Call(drip, b, bytes.fromhex("1603030400") + bytes(100))
        start = time.monotonic()
        call = Call(lambda: client_context().wrap_socket(a, server_hostname="localhost"))
        print("timed out" in str(call.end()), 0.4 <= call.ended - start < 0.4 + PROMPT)
    """) == ["TimeoutError('The read operation timed out') True"] * 3 + ["True True"]


def test_signals_do_not_extend_a_timeout(tls):
    assert tls("""
        for make in pair, unconnected_pair:
            tls, peer = make(0.5)
            count = []
            signal.signal(signal.SIGALRM, lambda *_: count.append(1))
            signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
            start = time.monotonic()
            try:
                tls.recv(10)
            except TimeoutError:
                print(0.5 <= time.monotonic() - start < 0.5 + PROMPT, len(count) > 2)
            signal.setitimer(signal.ITIMER_REAL, 0)
    """) == ["True True"] * 2


HANDLERS = """
class Boom(Exception):
    pass

def boom(tls):
    raise Boom

HANDLERS = {
    "returns": lambda tls: None,
    "raises": boom,
    "sends": lambda tls: tls.sendall(b"of the handler"),
    "shuts down": lambda tls: tls.shutdown(socket.SHUT_RDWR),
    "waits in another": lambda tls: pair()[0].close(),
}

for name, handler in HANDLERS.items():
    for timeout in None, 20:
        tls, peer = pair(timeout)
        signal.signal(signal.SIGALRM, lambda *_: handler(tls))
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        answer = threading.Timer(0.5, peer.sendall, [b"answer"])
        answer.start()
        try:
            print(name, tls.recv(10))
        except (Boom, OSError) as error:
            print(name, type(error).__name__)
        answer.cancel()
        if name == "sends":
            print(peer.recv(100))
        if name == "raises":
            peer.sendall(b"more")
            print(tls.recv(10))
"""


def test_handlers_of_signals_while_a_read_waits(same):
    lines = same(HANDLERS)
    assert lines[:4] == ["returns b'answer'"] * 2 + ["raises Boom", "b'more'"]


def test_who_does_not_wait(same):
    lines = same("""
        tls, peer = unconnected_pair(0, 20)
        shaking = None
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                shaking = shaking or Call(peer.do_handshake)
                select.select([tls], [], [], 20)
        print(shaking.end())
        try:
            while True: # tickets may have come
                tls.recv(10)
        except ssl.SSLWantReadError as error:
            print(repr(error).partition("(_ssl")[0], tls.gettimeout(), tls.getblocking())
        peer.sendall(b"x" * 100)
        print(select.select([tls], [], [], 20)[0] == [tls], tls.recv(10), tls.pending())
        a, b = socket.socketpair()
        a.settimeout(0)
        try:
            client_context().wrap_socket(a, server_hostname="localhost")
        except ValueError as error:
            print(error)
        tls, peer = unconnected_pair(0, 20)
        shaking = Call(peer.do_handshake)
        tls.do_handshake(block=True)
        print(shaking.end(), tls.gettimeout())
    """)
    assert lines[0] == "None" and lines[2].startswith("True b'xxxxxxxxxx' 90")


def test_timeouts_are_the_program_s_and_the_descriptor_is_csock_s(tls):
    body = """
        tls, peer = pair()
        shown = lambda: (tls.gettimeout(), tls.timeout, tls.getblocking())
        print(*shown(), "fd", os.get_blocking(tls.fileno()))
        tls.settimeout(7.5)
        print(*shown(), "fd", os.get_blocking(tls.fileno()))
        tls.setblocking(False)
        print(*shown(), "fd", os.get_blocking(tls.fileno()))
        tls.setblocking(True)
        print(*shown(), "fd", os.get_blocking(tls.fileno()))
        other = Call(peer.unwrap)
        plain = tls.unwrap()
        other.end()
        print(*shown(), "fd", os.get_blocking(tls.fileno()), plain is tls)
        plain.settimeout(0.2)
        print(*shown(), "fd", os.get_blocking(tls.fileno()))
    """
    ours, stock = tls(body), tls(body, "stock")
    assert [line.partition(" fd ")[0] for line in ours] == [
        line.partition(" fd ")[0] for line in stock
    ]
    modes = [[line.partition(" fd ")[2] for line in lines] for lines in (ours, stock)]
    assert modes[0] == ["False", "False", "False", "False", "True True", "False"]
    assert modes[1] == ["True", "False", "False", "True", "True True", "False"]


def test_the_tls_object_itself_waits_by_the_timeout(same):
    lines = same("""
        def tried(how):
            try:
                return how(tls._sslobj.read, 1)
            except OSError as error:
                return type(error).__name__

        def fed(read, n):
            feeder = Call(lambda: (time.sleep(0.2), peer.sendall(b"x")))
            got = read(n)
            feeder.end()
            return got

        def empty(read, n):
            return read(n)

        for first in None, 0.2, 0.0:
            tls, peer = pair(first)
            peer.sendall(b"1")
            select.select([tls], [], [], 20)
            print(tls.recv(1), tried(fed if first is None else empty))
            for timeout in 0.1, 0.0:
                tls.settimeout(timeout)
                print(tried(empty))
            for timeout in None, 20:
                tls.settimeout(timeout)
                print(tried(fed))
            burnt = time.thread_time()
            Call(lambda: (time.sleep(0.5), peer.sendall(b"y")))
            print(tls._sslobj.read(1), time.thread_time() - burnt < 0.2)
    """)
    assert lines[:6] == [
        "b'1' b'x'", "TimeoutError", "SSLWantReadError", "b'x'", "b'x'", "b'y' True"
    ]


def test_who_waits_keeps_the_timeout_that_he_came_with(tls):
    assert tls("""
        tls, peer = pair(0.6)
        start = time.monotonic()
        first = Call(tls.recv, 10)
        asleep(first)
        tls.settimeout(None)
        print(repr(first.end()), 0.6 <= first.ended - start < 0.6 + PROMPT)
        second = Call(tls.recv, 10)
        asleep(second)
        tls.settimeout(0.1)
        asleep(second, 0.4)
        peer.sendall(b"x")
        print(second.end())
    """) == ["TimeoutError('The read operation timed out') True", "b'x'"]


def test_clear_text_after_unwrap(same):
    lines = same("""
        for timeout in None, 0.3:
            tls, peer = pair(timeout, timeout)
            other = Call(peer.unwrap)
            plain, far = tls.unwrap(), other.end()
            plain.sendall(b"clear")
            print(far.recv(10), far.send(b"text"), plain.recv_into(bytearray(10)))
            if timeout:
                try:
                    plain.recv(10)
                except TimeoutError as error:
                    print(error)
            again = Call(lambda: server_context().wrap_socket(far, server_side=True))
            tls = client_context().wrap_socket(plain, server_hostname="localhost")
            tls.sendall(b"secret")
            print(again.end().recv(10), tls.gettimeout())
    """)
    assert lines[0] == "b'clear' 4 4"


def test_reads_after_one_that_waited(tls):
    """They wait before they try, and only where there is nothing to be had."""
    assert tls("""
        tls, peer = pair()

        def after_a_wait(n=100):
            call = Call(tls.recv, n)
            asleep(call, 0.05)
            peer.sendall(b"0123456789")
            return call.end()

        after_a_wait()
        print(tls.recv(0), tls.recv_into(bytearray()))
        print(after_a_wait(3), tls.recv(100))
        after_a_wait()
        peer.sendall(b"abcdef")
        print(tls.recv(2), tls.recv_into(room := bytearray(2)), room, tls.recv(100))
        after_a_wait()
        peer.sendall(b"abcdef")
        print(tls._sslobj.read(2), tls.recv(100))
        for seconds in 0.3, 0.05:
            after_a_wait()
            tls.settimeout(seconds)
            start = time.monotonic()
            try:
                tls.recv(100)
            except TimeoutError as error:
                print(error, time.monotonic() - start >= seconds)
            tls.settimeout(None)
        for _ in range(50): # a wait for what is there already would outlast this each time
            after_a_wait(3)
            with contextlib.suppress(csock.DeadlineExceeded), csock.deadline(0.05):
                print(tls.recv(100))
                break
            tls.recv(100)
        after_a_wait()
        signal.signal(signal.SIGALRM, lambda *_: print("handler", peer.sendall(b"late")))
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        print(tls.recv(100))
        after_a_wait()
        peer.sendall(b"end")
        ending = Call(peer.unwrap)
        print(tls.recv(100), tls.recv(100), tls.recv(100))
        tls.unwrap()
        ending.end()
        tls, peer = pair()
        after_a_wait()
        call = Call(tls.recv, 100)
        asleep(call)
        tls.close()
        print(shown(call.end()))
    """) == [
        "b'' 0",
        "b'012' b'3456789'",
        "b'ab' 2 bytearray(b'cd') b'ef'",
        "b'ab' b'cdef'",
        "The read operation timed out True",
        "The read operation timed out True",
        "b'3456789'",
        "handler None",
        "b'late'",
        "b'end' b'' b''",
        "OSError 9",
    ]
