"""TLS in csock: the methods of ssl.SSLSocket as programs find, patch and override them; their
arguments; and how they come to be there, and go."""

import sys

NEWER = ["sendfile"] if sys.version_info >= (3, 15) else []
METHODS = sorted("do_handshake read recv recv_into send sendall unwrap write".split() + NEWER)


def test_methods_are_of_the_class_itself_and_in_c(tls):
    body = """
        import inspect
        kind = type(str.join)
        print(*(name for name, what in sorted(vars(ssl.SSLSocket).items()) if type(what) is kind))
        for name in sys.argv[3:]:
            method = getattr(ssl.SSLSocket, name)
            print(method.__qualname__, str(inspect.signature(method)).replace("/, ", ""))
        tls, peer = pair()
        print(type(tls) is ssl.SSLSocket, ssl.SSLContext.sslsocket_class is ssl.SSLSocket)
        print("__init_subclass__" in vars(socket.socket))
        print(*sorted(dir(tls)))
    """
    ours, stock = tls(body, "csock", *METHODS), tls(body, "stock", *METHODS)
    assert ours[0].split() == METHODS and stock[0] == ""
    assert ours[1:] == [line.replace("(self)", "(self, /)") for line in stock[1:]]


def test_arguments(same):
    lines = same("""
        def attempt(name, *args, **kwargs):
            try:
                result = repr(getattr(tls, name)(*args, **kwargs))
            except Exception as error:
                result = f"{type(error).__name__}: {error}".partition(" (_ssl")[0]
            print(name, [type(a).__name__ for a in args], kwargs, result)

        tls, peer = pair(1)
        peer.sendall(b"0123456789" * 50)
        room = bytearray(4)
        for arguments in [(1, 1), (1, 0), (1, True), (0,), (-1,), (1.5,), (None,), (1, 2, 3),
                          (1, 2**99), ("1",), (1, None)]:
            attempt("recv", *arguments)
        attempt("recv", buflen=2)
        attempt("recv", 2, flags=0)
        attempt("recv", flags=1)
        attempt("recv", n=1)
        attempt("read", 2)
        attempt("read", 2, None)
        attempt("read", len=2)
        attempt("read", 3, room)
        attempt("read", buffer=room)
        attempt("read", 3, b"abc")
        attempt("read", 1, 2, 3)
        for arguments in [(room,), (room, 2), (room, 0), (room, -1), (room, 2, 1), (room, None, 0),
                          (b"abc",), (None,), (bytearray(),), (memoryview(bytearray(4)), 9), (),
                          (memoryview(bytearray(8)).cast("I"),), (room, 1, 2, 3), (room, 1.5), (5,),
                          (memoryview(bytearray(8)).cast("B", (2, 4)), 3), ([1],)]:
            attempt("recv_into", *arguments)
        attempt("recv_into", buffer=room, nbytes=1, flags=0)
        attempt("recv_into", nbytes=1)
        odd = memoryview(b"abcdef")[::2]
        for name in "send", "sendall", "write":
            for arguments in [(b"ab",), (b"",), ("a",), (None,), (5,), (bytearray(b"ab"),), (odd,),
                              (memoryview(b"abcd").cast("H"),), (b"ab", 0), (b"ab", 1), (),
                              (b"a", None), (memoryview(b"abcd").cast("B", (2, 2)),), (b"a", 0, 0)]:
                attempt(name, *arguments)
            attempt(name, data=b"ab")
            attempt(name, b"ab", flags=0)
        attempt("do_handshake", True)
        attempt("do_handshake", block=False)
        attempt("do_handshake", 1, 2)
        attempt("unwrap", 1)
        print(len(rest_of(peer, 0.3)))
        for name, arguments in [("recvfrom", (1,)), ("recvfrom_into", (room,)), ("recvmsg", (1,)),
                                ("sendmsg", ([b"a"],)), ("sendto", (b"a", 0, ("", 1))),
                                ("dup", ())]:
            attempt(name, *arguments)
        tls.close()
        for name in "recv", "read", "do_handshake", "unwrap":
            attempt(name)
        for name in "recv_into", "send", "write", "sendall":
            attempt(name, room)
    """)
    assert len(lines) > 90


def test_buffers_of_many_kinds(same):
    """More than a record of each, which is sent in parts."""
    lines = same("""
        import array, ctypes
        big_endian = (ctypes.c_uint32.__ctype_be__ * 10_000)(*range(10_000))
        Small = type("Small", (ctypes.Structure,), {"_fields_": [("a", ctypes.c_int16)]})
        structs = (Small * 9)()
        table = memoryview(bytes(40_000)).cast("B", (200, 200))
        for data in big_endian, structs, array.array("d", range(5_000)), table, bytearray(40_000):
            for name in "send", "write", "sendall":
                tls, peer = pair(20)
                reader = Call(rest_of, peer)
                try:
                    result = getattr(tls, name)(data)
                except Exception as error:
                    result = repr(error)
                tls.shutdown(socket.SHUT_WR)
                print(type(data).__name__, name, result, reader.end() == bytes(data))
    """)
    assert len(lines) == 15 and "bytearray send 40000 True" in lines


def test_sockets_without_tls_are_as_in_stock(same):
    lines = same("""
        tls = client_context().wrap_socket(socket.socket(), server_hostname="localhost")
        tls.settimeout(0.3)
        for name, *args in [("recv", 1), ("recv_into", bytearray(1)), ("send", b"x"), ("read", 1),
                            ("sendall", b"x"), ("write", b"x"), ("do_handshake",), ("unwrap",)]:
            try:
                print(name, getattr(tls, name)(*args))
            except (OSError, ValueError, AttributeError) as error:
                print(name, type(error).__name__, str(error).partition("<")[0])
        plain = socket.create_server(("127.0.0.1", 0))
        plain.settimeout(0.3)
        listener = server_context().wrap_socket(plain, server_side=True)
        try:
            listener.accept()
        except TimeoutError as error:
            print(error)
        accepted = Call(listener.accept)
        tls.settimeout(20)
        tls.connect(listener.getsockname())
        other, address = accepted.end()
        print(type(other).__name__, other.gettimeout(), tls.gettimeout())
        print(address == tls.getsockname())
        tls.sendall(b"x")
        print(other.recv(2))
        try:
            tls.connect(listener.getsockname())
        except ValueError as error:
            print(error)
        refused = client_context().wrap_socket(socket.socket(), server_hostname="other")
        accepted = Call(listener.accept)
        try:
            refused.connect(listener.getsockname())
        except ssl.SSLCertVerificationError as error:
            print(error.verify_code, refused._sslobj)
        accepted.end()
    """)
    assert "SSLSocket None 20.0" in lines


def test_overridden_and_patched_methods_are_heard(same):
    lines = same("""
        from unittest import mock
        calls = []

        class Noting(ssl.SSLSocket):
            def read(self, len=1024, buffer=None):
                calls.append("read")
                return super().read(len, buffer)
            def send(self, data, flags=0):
                calls.append("send")
                return super().send(data[:3], flags)
            def _checkClosed(self, msg=None):
                calls.append("_checkClosed")

        def noted(what):
            print(what, *calls)
            calls.clear()

        context = client_context()
        context.sslsocket_class = Noting
        a, b = socket.socketpair()
        accepted = Call(lambda: server_context().wrap_socket(b, server_side=True))
        tls = context.wrap_socket(a, server_hostname="localhost")
        peer = accepted.end()
        calls.clear()
        peer.sendall(b"line\\n" * 10)
        tls.recv(5); noted("recv")
        tls.recv_into(bytearray(5)); noted("recv_into")
        tls.read(5); noted("read")
        tls.makefile("rb", buffering=0).readline(); noted("readline")
        tls.send(b"12"); noted("send")
        tls.sendall(b"1234567"); noted("sendall")
        tls.write(b"1234567"); noted("write")
        print(peer.recv(100))

        tls, peer = pair(5)
        patches = {"read": lambda self, *args: b"patched", "recv": lambda self, n: b"too"}
        for name, function in patches.items():
            with mock.patch.object(ssl.SSLSocket, name, function):
                print(tls.recv(10))
        function = lambda self, data: calls.append("mock") or len(data)
        with mock.patch.object(ssl.SSLSocket, "send", function):
            tls.sendall(b"x" * 10)
            print(tls.makefile("wb", buffering=0).write(b"xyz"))
            noted("patched send")
        tls.read = lambda *args: b"of the object"
        tls.send = lambda data: calls.append(len(data)) or len(data)
        print(tls.recv(10), tls.sendall(b"four"))
        noted("object")
    """)
    assert lines[0] == "recv _checkClosed read _checkClosed"


CALLBACKS = """
def outcome(function, *args):
    try:
        return repr(function(*args))
    except Exception as error:
        return f"{type(error).__name__} {error.errno}"

def shake(use):
    told = []
    a, b = socket.socketpair()
    a.settimeout(20)
    b.settimeout(0.5)
    context = server_context()
    context.sni_callback = lambda tls, name, context: told.append(use(tls))
    sys.unraisablehook = lambda args: told.append(args.exc_type.__name__)
    server = context.wrap_socket(b, server_side=True, do_handshake_on_connect=False)
    client = Call(lambda: client_context().wrap_socket(a, server_hostname="localhost"))
    select.select([server], [], [], 20)
    result = Call(server.do_handshake).end()
    server.close()
    print(shown(result), told, type(client.end()).__name__)

"""


def test_callbacks_may_use_the_socket(same):
    lines = same(CALLBACKS + """
for use in (lambda tls: (tls.pending(), tls.version()), lambda tls: outcome(tls.close),
            lambda tls: outcome(tls.unwrap), lambda tls: 1 / 0):
    shake(use)
""")
    assert len(lines) == 4


def test_read_in_a_callback_times_out(tls):
    """And keeps no lock that others would wait for."""
    (line,) = tls(CALLBACKS + 'shake(lambda tls: outcome(tls.recv, 1))')
    assert "['TimeoutError None']" in line


def test_classes_derived_before_ssl_is_imported(tls):
    """The hook that waits for ssl.SSLSocket hears of them first, and passes on what it hears."""
    body = """
        for name in "ssl", "_ssl":
            del sys.modules[name]
        globals().pop("ssl")
        if sys.argv[1] == "csock":
            globals().pop("socket")
            csock.uninstall()
            csock.install()
            import socket
        class Plain(socket.socket):
            pass
        class Asking(socket.socket):
            def __init_subclass__(cls, word=None, **more):
                super().__init_subclass__(**more)
                print(cls.__name__, word)
        class Asked(Asking, word="given"):
            pass
        for bases in (socket.socket,), (Asking,):
            try:
                type("Unasked", bases, {}, nonsense=1)
            except TypeError as error:
                print(error)
        print(Plain().fileno() > 0, socket.socket.__init_subclass__())
        import ssl
        print(ssl.SSLSocket.__name__, "__init_subclass__" in vars(socket.socket))
    """
    lines = tls(body)
    assert lines == tls(body, "stock")
    assert len(lines) == 5


def test_nothing_of_csock_s_own_goes_out_below_tls(tls):
    assert tls("""
        import tempfile
        tls, peer = pair(5)
        with tempfile.TemporaryFile() as file:
            file.write(b"in clear" * 100)
            file.flush()
            try:
                csock._core.send_file(tls, file.fileno(), 0, 800)
            except TypeError as error:
                print(error)
            print(select.select([peer], [], [], 0.1)[0])
            file.seek(0)
            sent = Call(tls.sendfile, file)
            print(peer.recv(1000) == b"in clear" * 100, sent.end())
    """) == ["the socket carries TLS: the file would go out in clear", "[]", "True 800"]


def test_ssl_that_was_there_first_stays_as_it_is(tls):
    assert tls("""
        import csock
        csock.install(force=True)
        import inspect
        print(inspect.isfunction(ssl.SSLSocket.recv), csock._core.has_ssl(ssl.SSLSocket))
        print(issubclass(ssl.SSLSocket, csock.socket))
    """, "stock") == ["True False", "False"]


def test_uninstall_gives_ssl_its_methods_back(tls):
    assert tls("""
        import inspect
        tls, peer = pair(5)
        cls = type(tls)
        print(csock._core.has_ssl(cls))
        patched = cls.write
        cls.write = lambda self, data: patched(self, data)
        for name in "ssl", "_ssl":
            del sys.modules[name]
        for name in "socket", "ssl":
            globals().pop(name)
        csock.uninstall()
        print(csock._core.has_ssl(cls), inspect.isfunction(cls.recv), cls.write.__name__)
        import ssl
        print(ssl.SSLSocket is cls, inspect.isfunction(ssl.SSLSocket.recv))
    """) == ["True", "False True <lambda>", "False True"]


def test_ssl_imported_anew_waits_in_csock_if_it_is_put_in_place_anew(tls):
    assert tls("""
        first = ssl.SSLSocket
        for name in "ssl", "_ssl":
            del sys.modules[name]
        for name in "socket", "ssl":
            globals().pop(name)
        csock.uninstall()
        csock.install()
        import socket, ssl
        print(*map(csock._core.has_ssl, (first, ssl.SSLSocket)))
        tls, peer = pair(5)
        peer.sendall(b"x")
        print(tls.recv(1))
    """) == ["False True", "b'x'"]


def test_without_install_ssl_waits_by_itself(tls):
    """csock alone changes nothing about `ssl`."""
    assert tls("""
        import csock, inspect
        print(csock.socket, inspect.isfunction(ssl.SSLSocket.recv))
    """, "stock") == ["<class 'csock.dropin.socket'> True"]
