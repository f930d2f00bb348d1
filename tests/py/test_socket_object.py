"""An object of class socket.socket: duplicates, repr, subclasses, attributes, what it refuses."""

import copy
import os
import pickle
import weakref

import pytest
import testkit


def test_detach(impl):
    a, b = impl.socketpair()
    with b:
        fd = a.fileno()
        assert a.detach() == fd
        assert a.fileno() == -1 and "[closed]" in repr(a)
        os.write(fd, b"x")
        assert b.recv(1) == b"x"
        os.close(fd)
        assert a.detach() == -1


def test_dup(impl):
    class Mine(impl.socket):
        pass

    a, b = impl.socketpair()
    with b, Mine(fileno=a.detach()) as mine:
        mine.settimeout(5)
        with mine.dup() as second:
            assert type(second) is Mine
            assert second.gettimeout() == 5
            assert (second.family, second.type) == (mine.family, mine.type)
            mine.close()
            second.send(b"x")
            assert b.recv(1) == b"x"


def test_close_function_and_dup_of_numbers(impl):
    a, b = impl.socketpair()
    with b:
        impl.close(a.detach())
        assert b.recv(1) == b""
    with pytest.raises(OSError):
        impl.close(-1)


def test_inheritable(impl):
    with impl.socket() as s:
        assert not s.get_inheritable()
        s.set_inheritable(True)
        assert s.get_inheritable() and os.get_inheritable(s.fileno())


def test_attributes_cannot_be_set(impl):
    with impl.socket() as s:
        for name in ("family", "type", "proto", "timeout"):
            with pytest.raises((AttributeError, TypeError)):
                setattr(s, name, 1)
        with pytest.raises(AttributeError):
            s.anything = 1


def test_family_and_type_are_enums(impl):
    with impl.socket() as s:
        assert repr(s.family).startswith("<AddressFamily.AF_INET")
        assert repr(s.type).startswith("<SocketKind.SOCK_STREAM")
        assert type(s.proto) is int


def test_repr(impl):
    with testkit.listener(impl) as server, impl.create_connection(server.getsockname()) as s:
        text = repr(s)
        assert f"fd={s.fileno()}" in text and "family=2" in text and "type=1" in text
        assert f"laddr={s.getsockname()}" in text and f"raddr={s.getpeername()}" in text
        assert text.startswith("<") and text.endswith(">")
    assert "[closed] fd=-1" in repr(s)


def test_repr_of_unconnected(impl, unix_dir):
    with impl.socket(impl.AF_UNIX) as s:
        assert "raddr" not in repr(s)
        s.bind(str(unix_dir / "s"))
        assert f"laddr={unix_dir}/s" in repr(s)


def test_subclassing(impl):
    class Counting(impl.socket):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.sent = 0

        def send(self, data, *args):
            self.sent += len(data)
            return super().send(data, *args)

    a, b = impl.socketpair()
    with b, Counting(fileno=a.detach()) as s:
        s.send(b"hello")
        assert (s.sent, b.recv(10)) == (5, b"hello")
        assert isinstance(s, impl.socket)


def test_files_use_overridden_methods(impl):
    class Loud(impl.socket):
        def recv_into(self, buffer, *args):
            n = super().recv_into(buffer, *args)
            buffer[:n] = bytes(buffer[:n]).upper()
            return n

        def send(self, data, *args):
            return super().send(bytes(data).upper(), *args)

    a, b = impl.socketpair()
    with b, Loud(fileno=a.detach()) as s, s.makefile("rwb", buffering=0) as f:
        b.send(b"hello")
        assert f.read(10) == b"HELLO"
        f.write(b"back")
        assert b.recv(10) == b"BACK"


def test_overridden_real_close_is_called_once_files_are_closed(impl):
    closed = []

    class Watching(impl.socket):
        def _real_close(self, *args):
            closed.append(True)
            super()._real_close(*args)

    with Watching() as s:
        f = s.makefile("rb")
        s.close()
        assert closed == []
        f.close()
        assert closed == [True]


def test_sockets_compare_by_identity_hash_and_refer_weakly(impl):
    a, b = impl.socketpair()
    with a, b:
        assert a != b and a == a and len({a, b, a}) == 2
        reference = weakref.ref(a)
        assert reference() is a


def test_sockets_cannot_be_pickled_or_copied(impl):
    with impl.socket() as s:
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError):
                pickle.dumps(s, protocol)
        with pytest.raises(TypeError):
            copy.copy(s)


def test_init_again_with_a_number(impl):
    a, b = impl.socketpair()
    c, d = impl.socketpair()
    with b, d:
        fd = a.detach()
        a.__init__(fileno=c.detach())
        with a:
            a.send(b"x")
            assert d.recv(1) == b"x"
        os.close(fd)


@pytest.mark.parametrize("name", ["family", "type"])
def test_family_and_type_refuse_as_properties_do(impl, name):
    class Named(impl.socket):
        pass

    for cls in (impl.socket, Named):
        with cls() as sock:
            text = f"property '{name}' of '{cls.__qualname__}' object has no "
            with pytest.raises(AttributeError) as caught:
                setattr(sock, name, 1)
            assert str(caught.value) == f"{text}setter"
            with pytest.raises(AttributeError) as caught:
                delattr(sock, name)
            assert str(caught.value) == f"{text}deleter"
