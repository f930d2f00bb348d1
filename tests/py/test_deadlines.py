"""csock.deadline: the objects, what they tell, how they nest and what leaving them wrongly does."""

import contextlib
import copy
import gc
import inspect
import pickle
import re
import sys
import time

import pytest
import testkit
from deadlinekit import passed

import csock
from csock import DeadlineExceeded, deadline

pytestmark = pytest.mark.usefixtures("no_deadline_is_left")


def leave(*deadlines):
    for d in deadlines:
        d.__exit__(None, None, None)


# ------------------------------------------------------------ what they are


def test_names_are_csocks():
    for name in "deadline", "current_deadline", "DeadlineExceeded":
        assert name in dir(csock)
        assert not hasattr(csock.dropin, name) and not hasattr(csock._socket, name)
        assert name not in csock.__all__
    assert (deadline.__module__, deadline.__name__) == ("csock", "deadline")
    assert DeadlineExceeded.__module__ == "csock"
    assert issubclass(DeadlineExceeded, TimeoutError)
    assert pickle.loads(pickle.dumps(DeadlineExceeded("late"))).args == ("late",)


def test_the_way_out_has_none(env):
    program = "import csock\ntry: csock.deadline\nexcept AttributeError as error: print(error)"
    out = testkit.run_python(program, env={**env, "CSOCK_DISABLE": "1"}).stdout
    assert out == "CSOCK_DISABLE is set: csock has only what stock has\n"


def test_remaining_and_expired():
    with deadline(50) as d:
        assert isinstance(d, deadline)
        assert 0 < 50 - testkit.LATE < d.remaining() <= 50
        assert d.expired() is False
        first = d.remaining()
        time.sleep(0.01)
        assert d.remaining() <= first - 0.01
    with deadline(0.02) as d:
        time.sleep(0.03)
        assert (d.remaining(), d.expired()) == (0, True)
    with deadline(None) as d:
        assert (d.remaining(), d.expired()) == (None, False)


def test_time_begins_with_the_object(pair):
    d = deadline(0.05)
    time.sleep(0.06)
    with d:
        assert passed(pair[0])


@pytest.mark.parametrize("seconds", [0, -1, -0.0, -(2**33), 0.0, False, -1e-9])
def test_zero_and_less_have_passed(pair, seconds):
    a, b = pair
    b.send(b"x")
    with deadline(seconds) as d:
        assert (d.remaining(), d.expired()) == (0, True)
        assert passed(a)
    assert a.recv(9) == b"x"


class Index:
    def __index__(self):
        return 5


class Float:
    def __float__(self):
        return 5.0


@pytest.mark.parametrize(
    "seconds",
    [5, 5.0, True, 1e-9, 2**31, 9e9, 2**33, 10**30, 1e300, float("inf"), float("nan"), "5", b"5",
     5j, [], Index(), Float()],
    ids=str,
)  # fmt: skip
def test_takes_what_settimeout_takes(seconds):
    with csock.socket() as s:
        theirs = testkit.outcome(s.settimeout, seconds)
    ours = testkit.outcome(deadline, seconds)
    assert ours == theirs if isinstance(theirs, tuple) else isinstance(ours, deadline)


def test_nan():
    with pytest.raises(ValueError):
        deadline(float("nan"))


@pytest.mark.parametrize(
    "arguments",
    [((), {}), ((1, 2), {}), ((1,), {"until": deadline(1)}), ((), {"until": 5}),
     ((), {"shield": True}), ((1,), {"shelter": True})],
    ids=str,
)  # fmt: skip
def test_bad_arguments(arguments):
    args, kwargs = arguments
    with pytest.raises(TypeError):
        deadline(*args, **kwargs)


def test_signature():
    assert str(inspect.signature(deadline)) == "(seconds=None, *, shield=False, until=None)"
    assert deadline(seconds=5).remaining() > 0


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, *(lambda d, p=p: pickle.dumps(d, p) for p in range(6))]
)
def test_no_pickles_and_no_copies(duplicate):
    with pytest.raises(TypeError, match="cannot pickle or copy"):
        duplicate(deadline(5))


def test_no_subclasses_and_no_attributes():
    with pytest.raises(TypeError):
        type("Mine", (deadline,), {})
    with pytest.raises(AttributeError):
        deadline(5).attribute = 1
    with pytest.raises(TypeError):
        deadline.attribute = 1


def test_repr():
    assert repr(deadline(None)) == "<csock.deadline: none>"
    assert repr(deadline(0)) == "<csock.deadline: passed>"
    assert re.fullmatch(r"<csock\.deadline: \d+\.\d{3} s left>", repr(deadline(1e6)))


# --------------------------------------------------------------- nesting


def test_current():
    assert csock.current_deadline() is None
    with deadline(5) as outer:
        assert csock.current_deadline() is outer
        with deadline(6) as inner:
            assert csock.current_deadline() is inner
        assert csock.current_deadline() is outer
    assert csock.current_deadline() is None


@pytest.mark.parametrize("seconds", [None, 100, 0.02])
def test_the_sooner_of_nested_ones(pair, seconds):
    with deadline(0.05), deadline(seconds) as inner:
        with pytest.raises(DeadlineExceeded) as caught:
            pair[0].recv(1)
        assert inner.expired() and inner.remaining() == 0
    assert f"the deadline of {min(seconds or 9, 0.05)} s" in str(caught.value)


def test_remaining_knows_those_around():
    with deadline(5) as outer:
        before = deadline(None)
        assert before.remaining() is None
        with deadline(100) as inner, before:
            for d in outer, inner, before:
                assert 0 < d.remaining() <= 5
        with deadline(1) as sooner:
            assert sooner.remaining() <= 1


def test_shield(pair):
    a, b = pair
    b.send(b"x")
    with deadline(0):
        assert passed(a)
        with deadline(50, shield=True) as d:
            assert not passed(a) and not d.expired()
            with deadline(None):
                assert not passed(a)
            with deadline(0):
                assert passed(a)
        with deadline(None, shield=True) as d:
            assert not passed(a) and d.remaining() is None
        assert passed(a)


def test_leaving_does_not_raise_by_itself(pair):
    with deadline(0.01) as d:
        time.sleep(0.02)
    assert d.expired()
    pair[1].send(b"x")
    assert pair[0].recv(1) == b"x"


def test_exceptions_go_through_and_end_it(pair):
    with pytest.raises(KeyError, match="mine"), deadline(0):
        raise KeyError("mine")
    assert csock.current_deadline() is None
    with pytest.raises(DeadlineExceeded), deadline(0):
        pair[0].recv(1)
    pair[1].send(b"x")
    assert pair[0].recv(1) == b"x"


def test_until():
    d = deadline(50)
    with deadline(until=d) as same:
        assert abs(same.remaining() - d.remaining()) < 1
    with deadline(10), d:
        assert deadline(until=d).remaining() <= 10
    assert deadline(until=None).remaining() is None
    assert deadline(until=deadline(0)).expired()


def test_exit_stacks(pair):
    with contextlib.ExitStack() as stack:
        outer = stack.enter_context(deadline(100))
        stack.enter_context(deadline(0))
        assert passed(pair[0])
    assert csock.current_deadline() is None and not outer.expired()


def test_many_nested(pair):
    pair[1].send(b"x")
    with contextlib.ExitStack() as stack:
        for _ in range(2000):
            stack.enter_context(deadline(100))
        assert not passed(pair[0])
        stack.enter_context(deadline(0))
        assert passed(pair[0])


# ------------------------------------------------------ entering and leaving


def test_one_object_twice():
    d = deadline(5)
    with d:
        with pytest.raises(RuntimeError, match="entered already"):
            d.__enter__()
        assert csock.current_deadline() is d
    with d:  # one after the other: the same end
        assert csock.current_deadline() is d


def test_leaving_what_is_not_entered():
    d = deadline(5)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="not entered"):
            leave(d)
        with d:
            pass


def test_leaving_in_the_wrong_order(pair):
    a, b = pair
    b.send(b"x")
    outer, inner = deadline(0), deadline(50)
    outer.__enter__()
    inner.__enter__()
    assert passed(a) and inner.remaining() == 0
    with pytest.raises(RuntimeError, match="before one that was entered after it.*generators"):
        leave(outer)
    assert not passed(a), "taken out all the same"
    assert csock.current_deadline() is inner and inner.remaining() > 1
    leave(inner)
    assert csock.current_deadline() is None


def test_wrong_order_takes_out_a_shield(pair):
    pair[1].send(b"x")
    outer, shield, inner = deadline(0), deadline(50, shield=True), deadline(None)
    for d in outer, shield, inner:
        d.__enter__()
    assert not passed(pair[0])
    with pytest.raises(RuntimeError, match="before one"):
        leave(shield)
    assert passed(pair[0])
    leave(inner, outer)


def test_the_error_of_the_block_is_the_context_of_that_of_leaving():
    outer, inner = deadline(50), deadline(50)
    with pytest.raises(RuntimeError, match="before one") as caught:
        with outer:
            inner.__enter__()
            raise KeyError("mine")
    assert isinstance(caught.value.__context__, KeyError)
    leave(inner)


def test_generators_bound_their_consumer_until_they_go_on(pair):
    """PEP 789: nothing outside can see it. The documentation says it first."""
    pair[1].send(b"x")

    def numbers():
        with deadline(0):
            yield 1
        yield 2

    generator = numbers()
    next(generator)
    assert passed(pair[0])
    next(generator)
    assert not passed(pair[0])


def test_a_generator_that_is_dropped_leaves(pair):
    def numbers():
        with deadline(0):
            yield 1

    generator = numbers()
    next(generator)
    assert csock.current_deadline() is not None
    del generator
    gc.collect()
    assert csock.current_deadline() is None


def test_entered_objects_stay_until_they_are_left():
    deadline(50).__enter__()
    d = csock.current_deadline()
    assert d.remaining() > 1
    leave(d)
    before = sys.getrefcount(d)
    for _ in range(100):
        with d:
            pass
    assert sys.getrefcount(d) == before


def test_objects_do_not_leak():
    def rounds():
        for _ in range(1000):
            with deadline(5), deadline(None), contextlib.suppress(RuntimeError):
                d, e = deadline(5), deadline(5)
                d.__enter__(), e.__enter__()
                with contextlib.suppress(RuntimeError):
                    leave(d)
                leave(e)

    def alive():
        gc.collect()
        return sum(type(o) is deadline for o in gc.get_objects())

    rounds()
    before = alive()
    rounds()
    assert alive() <= before
