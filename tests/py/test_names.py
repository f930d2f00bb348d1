"""The drop-in has the names of stock, and no others: modules, types, signatures of what is called
by keyword, and what the standard library and CPython's own tests reach besides."""

import _socket as stock_c
import inspect
import socket as stock
import sys

import pytest
import testkit
from testkit import STOCK_MAY_LACK

from csock import _socket as our_c
from csock import dropin as ours

# A module's own, by how it was loaded.
MODULE = {"__cached__", "__file__", "__builtins__"}
# Up to 3.11 stock's C type is a static one, whose class has these by another way.
TYPE = {"__module__", "__getattribute__"} if sys.version_info < (3, 12) else set()


def names(thing):
    return set(dir(thing)) - MODULE - TYPE


def missing_and_surplus(theirs, mine):
    surplus = {name for name in names(mine) - names(theirs) if not STOCK_MAY_LACK.fullmatch(name)}
    return names(theirs) - names(mine), surplus


@pytest.mark.parametrize(
    ("theirs", "mine"),
    [(stock, ours), (stock_c, our_c), (stock.socket, ours.socket), (stock_c.socket, our_c.socket)],
    ids=["socket", "_socket", "socket.socket", "_socket.socket"],
)
def test_same_names(theirs, mine):
    missing, surplus = missing_and_surplus(theirs, mine)
    assert (missing, surplus) == (set(), set())


def test_modules_that_come_late():
    """Up to 3.13 stock has these two. What stands there in ours is like the module in all but `is`,
    and look-ups of other names are as quick as in a module without a `__getattr__`."""
    assert "__getattr__" not in vars(ours)
    for name in {"array", "selectors"} & set(dir(stock)):
        late, module = getattr(ours, name), __import__(name)
        assert inspect.ismodule(late)
        assert vars(late) is vars(module)
        assert (repr(late), dir(late)) == (repr(module), dir(module))
        late.planted = 1
        assert module.planted == 1
        del late.planted
        assert not hasattr(module, "planted")
    assert not hasattr(ours, "no_such_name")
    if sys.version_info < (3, 13):
        assert ours.array is __import__("array")


def test_raw_stream_has_stocks_attributes():
    missing, surplus = missing_and_surplus(stock.SocketIO, ours.SocketIO)
    assert (missing, surplus) == (set(), {"_sock", "_timeout_occurred"})  # stock: in the instance


def test_same_exports():
    assert len(ours.__all__) == len(set(ours.__all__))
    assert stock.__all__ == [name for name in ours.__all__ if name in stock.__all__]
    for name in set(ours.__all__) - set(stock.__all__):
        assert STOCK_MAY_LACK.fullmatch(name), name


@pytest.mark.parametrize("name", sorted(names(stock)))
def test_same_kind_and_bases(name):
    theirs, mine = getattr(stock, name), getattr(ours, name)
    assert type(theirs).__name__ == type(mine).__name__
    if isinstance(theirs, type):
        assert [base.__name__ for base in theirs.__mro__] == [
            base.__name__ for base in mine.__mro__ if base.__name__ != "RawStream"
        ]
    elif isinstance(theirs, (int, str)) and name not in ("SOMAXCONN", "__name__", "__package__"):
        if name != "__doc__":
            assert theirs == (testkit.as_long(mine) if type(mine) is int else mine)


def test_signatures_for_those_who_ask():
    for name in ("SocketIO", "socketpair", "create_connection", "send_fds", "getaddrinfo"):
        mine = inspect.signature(getattr(ours, name)).parameters
        assert list(mine) == list(inspect.signature(getattr(stock, name)).parameters)
    assert list(inspect.signature(ours.socket).parameters) == ["family", "type", "proto", "fileno"]


def test_socket_types_are_as_mutable_as_stocks():
    assert ours.SocketType is our_c.socket and ours.socket.__base__ is our_c.socket
    with pytest.raises(TypeError, match="immutable type '_socket.socket'"):
        our_c.socket.attribute = 1
    ours.socket.attribute = 1
    del ours.socket.attribute


@pytest.mark.skipif(sys.version_info < (3, 13), reason="up to 3.12 the collector sees no capsule")
@pytest.mark.skipif(testkit.PLAIN_PYTHON, reason="by the documented API it sees none")
def test_collector_sees_the_capsule():
    import gc

    assert gc.is_tracked(our_c.CAPI)
