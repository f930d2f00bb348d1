"""Reaches into the interpreter's insides, and what is done without them: csock/_interp.py and
python/ext/shared/interp.h. That the plain ways do the same is what all other tests say, in the
suite py-plain."""

import os
import sys
import threading

import pytest
import testkit

import csock


def test_the_build_goes_the_way_that_it_was_asked_to():
    plain = os.environ.get("CSOCK_WAY") == "py-plain" or sys.version_info >= (3, 16)
    assert (csock._core._plain, csock._PLAIN, testkit.PLAIN_PYTHON) == (plain, plain, plain)


@pytest.mark.parametrize("name", ["colorsys", "csock.nothing"])
def test_nobody_else_imports_what_is_locked(name, monkeypatch):
    monkeypatch.delitem(sys.modules, name, raising=False)
    done = threading.Event()

    def imports():
        try:
            __import__(name)
        except ModuleNotFoundError:
            pass
        done.set()

    thread = threading.Thread(target=imports)

    def inside():
        thread.start()
        waited = not done.wait(0.3)
        try:
            __import__(name)  # whoever has the lock may
        except ModuleNotFoundError:
            pass
        return waited and not done.is_set()

    assert csock._locked(("csock.also_nothing", name), inside) is True
    thread.join(10 * testkit.SLOWNESS)
    assert done.is_set()


def test_what_is_raised_under_the_locks_comes_out_and_they_are_free():
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt, match="now"):
            csock._locked(("colorsys", "csock.nothing"), lambda: throw(KeyboardInterrupt("now")))
    assert csock._locked(("colorsys",), lambda: csock._locked(("colorsys",), lambda: 7)) == 7


def throw(error):
    raise error


def test_those_who_lock_do_so_one_after_the_other():
    inside, most = [], []

    def count():
        inside.append(1)
        most.append(len(inside))
        done.wait(0.01)
        inside.pop()

    done = threading.Event()
    threads = [
        threading.Thread(target=lambda: csock._locked(("csock.nothing",), count)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert most == [1] * 8
