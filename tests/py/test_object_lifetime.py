"""The class called and its objects freed, both of which are C: what Python does around it is as
with any class."""

import gc
import sys
import weakref

import pytest
import testkit


@pytest.fixture
def cls(impl):
    return impl.socket


def test_the_call_takes_what_init_takes(impl, cls):
    udp = (impl.AF_INET, impl.SOCK_DGRAM)
    calls = [
        cls(*udp, 0),
        cls(*udp, 0, None),
        cls(*udp),
        cls(type=impl.SOCK_DGRAM),
        cls(*[impl.AF_INET], type=impl.SOCK_DGRAM, proto=0),
    ]
    with testkit.closing(*calls):
        assert {(s.family, s.type, type(s)) for s in calls} == {(*udp, cls)}
        taken = cls(-1, -1, -1, calls[0].fileno())
        assert (taken.fileno(), taken.type) == (calls[0].fileno(), impl.SOCK_DGRAM)
        taken.detach()
    for wrong in ((1, 2, 3, 4, 5), ("x",), (None,), (1.5,)):
        with pytest.raises(TypeError):
            cls(*wrong)
    with pytest.raises(TypeError):
        cls(nothing=1)
    with pytest.raises(OverflowError):
        cls(1 << 80)


@pytest.mark.parametrize("name", ["__init__", "__new__"])
def test_the_call_hears_what_is_replaced(cls, monkeypatch, name):
    calls = []
    real = getattr(cls, name)

    def replaced(first, *args, **kwargs):
        calls.append((args, kwargs))
        return real(first) if name == "__new__" else real(first, *args, **kwargs)

    cls().close()
    with monkeypatch.context() as patch:
        patch.setattr(cls, name, replaced)
        cls(2, type=1).close()
        cls(2, 1).close()
        cls().close()
    cls().close()
    assert calls == [((2,), {"type": 1}), ((2, 1), {}), ((), {})]


def test_the_call_of_a_subclass_is_its_own(cls):
    class Mine(cls):
        def __new__(cls, *args):
            return super().__new__(cls)

        def __init__(self, word):
            super().__init__(2, 2)
            self.word = word

    with Mine("word") as mine:
        assert (type(mine), mine.word, mine.type) == (Mine, "word", 2)

    class Meta(type):
        def __call__(self, *args):
            return args

    class Odd(cls, metaclass=Meta):
        pass

    assert Odd(1, 2, 3, 4) == (1, 2, 3, 4)


def test_what_is_replaced_and_put_back(cls, monkeypatch):
    """close looks at _real_close: each time, however often the class changes."""
    calls = []
    real = cls._real_close
    for _ in range(3):
        cls().close()
        with monkeypatch.context() as patch:
            patch.setattr(cls, "_real_close", lambda s: calls.append(s) or real(s))
            cls().close()
    assert len(calls) == 3


def test_weak_references_end_with_the_object(cls):
    class Mine(cls):
        pass

    for kind in (cls, Mine):
        gone = []
        s = kind()
        reference = weakref.ref(s, gone.append)
        assert reference() is s
        s.close()
        del s
        assert gone == [reference] and reference() is None


@pytest.mark.skipif(not hasattr(sys, "getrefcount"), reason="counts references")
def test_nothing_is_left(cls):
    """Neither the class nor what stands in the slots is kept by objects that are gone."""

    class Value:
        pass

    class Mine(cls):
        pass

    for kind in (cls, Mine):
        kind().close()
        gc.collect()
        before = sys.getrefcount(kind)
        value = Value()
        kept = weakref.ref(value)
        for _ in range(10):
            s = kind()
            s.close()
            s._closed = s._io_refs = value
        del s, value
        gc.collect()
        assert kept() is None and sys.getrefcount(kind) == before


def test_a_finaliser_of_the_class_is_called_and_may_revive(cls, monkeypatch):
    alive = []

    class Mine(cls):
        def __del__(self):
            alive.append(self)

    Mine().close()
    assert alive[0].fileno() == -1 and not alive[0].timeout
    alive.pop()
    assert not alive  # once only
    monkeypatch.setattr(cls, "__del__", lambda s: alive.append(s), raising=False)
    cls().close()
    assert type(alive[0]) is cls


def test_a_cycle_is_collected(cls):
    class Mine(cls):
        pass

    def cycle(s):
        s._closed = [s]
        s.close = None
        return weakref.ref(s)

    s = Mine()
    s.close()
    reference = cycle(s)
    plain = cls()
    plain.close()
    plain._io_refs = [plain]
    references = [reference, weakref.ref(plain)]
    del s, plain
    gc.collect()
    assert [r() for r in references] == [None, None]


def test_the_class_of_an_object_may_change(cls):
    class Mine(cls):
        __slots__ = ()

    s = cls()
    s.__class__ = Mine
    s.close()
    assert type(s) is Mine
    s.__class__ = cls
    del s


CHAIN = """
import sys, importlib
socket = importlib.import_module(sys.argv[1]).socket
first = None
for _ in range(200_000):
    s = socket.__new__(socket)
    s._closed = first
    first = s
del s, first
print("done")
"""


def test_a_long_chain_of_sockets_ends(impl):
    assert testkit.run_python(CHAIN, impl.__name__).stdout.strip() == "done"
