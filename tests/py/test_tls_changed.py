"""TLS in csock: classes and objects that a program changes between calls that were as usual."""

def test_what_is_changed_between_usual_calls_is_heard(tls):
    body = """
        from unittest import mock
        tls, peer = pair(5)

        def usual():
            peer.sendall(b"0123456789")
            got = tls.recv(2), tls.read(2), tls.recv(2), tls.recv_into(room := bytearray(2)), room
            tls.sendall(b"four")
            print("usual", *got, peer.recv(4), tls.recv(100))

        def changed(name):
            try:
                print(name, tls.recv(4), tls.recv_into(bytearray(2)), tls.sendall(b"x"))
            except Exception as error:
                print(name, type(error).__name__, error)

        def again():
            for end in tls, peer:
                end.settimeout(0)
                with contextlib.suppress(OSError):
                    while end.recv(100):
                        pass
                end.settimeout(5)
            usual()
            peer.sendall(b"01234567")

        class Counts:
            def __init__(self):
                self.n = 0
            def __get__(self, tls, cls=None):
                self.n += 1
                return vars(tls)["_sslobj"]
            def __set__(self, tls, value):
                vars(tls)["_sslobj"] = value

        def of_all(self, name):
            looked.add(name)
            return object.__getattribute__(self, name)

        def closed(self, msg=None):
            raise OSError("hook")

        again()
        of_class = {
            "read": lambda self, n, buffer=None: b"r" if buffer is None else 1,
            "send": lambda self, data, flags=0: len(data),
            "_checkClosed": closed,
        }
        for name, what in of_class.items():
            with mock.patch.object(ssl.SSLSocket, name, what):
                changed(name)
            again()
        for name in "read", "send":
            vars(tls)[name] = lambda *args: len(args)
            changed("own " + name)
            del vars(tls)[name]
            again()
        looked, counts = set(), Counts()
        ssl.SSLSocket._sslobj = counts
        changed("property")
        del ssl.SSLSocket._sslobj
        print(counts.n > 0)
        again()
        ssl.SSLSocket.__getattribute__ = of_all
        changed("__getattribute__")
        del ssl.SSLSocket.__getattribute__
        print("_sslobj" in looked)
        again()
    """
    lines = tls(body)
    assert lines == tls(body, "stock")
    assert lines.count(lines[0]) == 8 and lines[0].startswith("usual b'01'")
    assert lines[1:6:2] == ["read b'r' 1 None", "send b'0123' 2 None", "_checkClosed OSError hook"]
