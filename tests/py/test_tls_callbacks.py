"""TLS in csock: callbacks of a handshake that take their time, or write; what others do to the
descriptor's mode meanwhile."""

SLOW = """
def slow_callback(*timeouts):
    '''A server whose callback has begun, and ends when `leave` is set; its calls.'''
    entered, leave = threading.Event(), threading.Event()
    client, server = unconnected_pair(20, 20)
    server.context.sni_callback = lambda *_: entered.set() or leave.wait(20) and None
    calls = [Call(server.do_handshake), Call(client.do_handshake)]
    assert entered.wait(20)
    return server, leave, calls

"""


def test_who_waits_for_another_thread_s_callback_does_so_for_his_timeout(tls):
    lines = tls(SLOW + """
server, leave, calls = slow_callback()
server.settimeout(0.3)
for bound in contextlib.nullcontext, lambda: csock.deadline(0.3):
    def receive():
        with bound():
            server.recv(1)
    start = time.monotonic()
    call = Call(receive)
    print(type(call.end()).__name__, 0.29 <= call.ended - start < 0.3 + PROMPT)
    server.settimeout(None)
leave.set()
print([call.end() for call in calls])
""")
    assert lines == ["TimeoutError True", "DeadlineExceeded True", "[None, None]"]


def test_close_does_not_wait_for_a_callback_for_ever(tls):
    lines = tls(SLOW + """
server, leave, calls = slow_callback()
start = time.monotonic()
closing = Call(server.close)
print(closing.end(), closing.ended - start < 5)
leave.set()
print(shown(calls[0].end()))
""")
    assert lines == ["None True", "OSError 9"]


def test_callback_that_would_wait_for_who_waits_for_it(tls):
    """One thread writes, which has to wait for the handshake that another's read is in the middle
    of; and in a callback of that the other wants to write."""
    assert tls("""
        import errno
        def round():
            client, server = unconnected_pair(20, 20)
            told = []
            def callback(*_):
                try:
                    server.send(b"of the callback")
                except OSError as error:
                    told.append(getattr(error, "reason", None) or error.errno)
            server.context.sni_callback = callback
            reader = Call(server.recv, 10)
            asleep(reader, 0.05)
            writer = Call(server.sendall, b"hello")
            asleep(writer, 0.05)
            client.sendall(b"of the client"[:10])
            print(client.recv(10), writer.end(), reader.end())
            return told
        outcomes = []
        while [errno.EDEADLK] not in outcomes: # mostly the first; it is the writer's callback else
            outcomes.append(round())
            assert len(outcomes) < 50, outcomes
        print("EDEADLK")
    """)[-2:] == ["b'hello' None b'of the cli'", "EDEADLK"]


def test_borrowed_mode_comes_back_as_tls_needs_it(tls):
    """An accept within a deadline, which is nonsense on this socket, has borrowed the mode before
    there was TLS, and gives it back after."""
    assert tls("""
        client, server = unconnected_pair()
        def accept():
            with csock.deadline(1):
                socket.socket.accept(server)
        accepting = Call(accept)
        asleep(accepting)
        shaking = [Call(side.do_handshake) for side in (server, client)]
        print(*(call.end() for call in shaking), isinstance(accepting.end(), OSError))
        print(os.get_blocking(server.fileno()), server.gettimeout())
    """) == ["None None True", "False None"]


def test_descriptor_that_was_made_blocking_behind_csock_s_back(tls):
    """OpenSSL waits by itself then: closing wakes it all the same."""
    assert tls("""
        for function in (lambda tls: tls.recv(10)), (lambda tls: tls.sendall(bytes(3_000_000))):
            tls, peer = pair()
            peer.sendall(b"x")
            tls.recv(1) # from here on there is TLS in csock
            os.set_blocking(tls.fileno(), True)
            call = Call(function, tls)
            asleep(call)
            start = time.monotonic()
            tls.close()
            print(shown(call.end()), call.ended - start < PROMPT)
    """) == ["OSError 9 True"] * 2


def test_handshake_that_is_told_to_wait_where_nothing_waits(tls):
    """do_handshake(block=True) with a timeout of 0 waits for ever, as in stock; a deadline bounds
    it, and closing ends it."""
    assert tls("""
        tls, peer = unconnected_pair(0)
        start = time.monotonic()
        try:
            with csock.deadline(0.3):
                tls.do_handshake(block=True)
        except csock.DeadlineExceeded as error:
            print("handshake" in str(error), 0.3 <= time.monotonic() - start < 0.3 + PROMPT)
        call = Call(tls.do_handshake, True)
        asleep(call)
        print(tls.gettimeout())
        tls.close()
        print(shown(call.end()))
    """) == ["True True", "0.0", "OSError 9"]
