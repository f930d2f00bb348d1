"""csock.deadline belongs to a thread: others do not have it, one that ends takes it along, and the
handlers of its signals are in it, too."""

import gc
import os
import signal
import threading
import time
import tracemalloc

import pytest
import testkit
from deadlinekit import passed

import csock
from csock import DeadlineExceeded, deadline

pytestmark = pytest.mark.usefixtures("no_deadline_is_left")


# --------------------------------------------------------------- threads


def test_threads_do_not_inherit_it(pair):
    with deadline(0):
        assert testkit.Job(passed, pair[0]).result() is False
        assert testkit.Job(csock.current_deadline).result() is None


def test_until_carries_it_into_a_thread(pair):
    def work(until):
        with deadline(until=until) as d:
            assert csock.current_deadline() is d and d is not until
            pair[0].recv(1)

    with testkit.Stopwatch() as watch, deadline(0.1) as d:
        error = testkit.Job(work, d).failure()
    assert isinstance(error, DeadlineExceeded) and "the deadline of 0.1 s" in str(error)
    assert 0.1 <= watch.wall < 0.1 + testkit.LATE


def test_until_knows_what_bounds_it_in_its_own_thread():
    with deadline(1), deadline(50) as d:
        assert testkit.Job(lambda: deadline(until=d).remaining()).result() <= 1


def test_an_exit_from_another_thread_takes_it_out_of_its_own(pair):
    a, _ = pair
    go, gone = threading.Event(), threading.Event()
    d = deadline(0)

    def enter():
        d.__enter__()
        before = passed(a)
        go.set()
        gone.wait()
        return before, passed(a), csock.current_deadline()

    job = testkit.Job(enter)
    go.wait()
    with pytest.raises(RuntimeError, match="by another thread than the one that had entered it"):
        d.__exit__(None, None, None)
    with d:  # it is free for others
        assert passed(a)
    gone.set()
    assert job.result() == (True, False, None)


def test_an_exit_from_another_thread_within_others(pair):
    a, _ = pair
    entered, left = threading.Barrier(2), threading.Barrier(2)
    outer, middle, inner = deadline(50), deadline(0), deadline(50)

    def enter():
        with outer:
            middle.__enter__()
            with inner:
                entered.wait()
                left.wait()
                assert not passed(a) and csock.current_deadline() is inner
                assert inner.remaining() > 1
            assert csock.current_deadline() is outer
        return csock.current_deadline()

    job = testkit.Job(enter)
    entered.wait()
    with pytest.raises(RuntimeError, match="another thread"):
        middle.__exit__(None, None, None)
    left.wait()
    assert job.result() is None


def test_one_object_in_two_threads(pair):
    d = deadline(50)
    with d:
        error = testkit.Job(d.__enter__).failure()
    assert isinstance(error, RuntimeError) and "entered already" in str(error)


def test_a_thread_that_ends_within_one(pair):
    """No leak, whoever ends first, and the objects know."""

    def enter(n):
        objects = [deadline(0) for _ in range(n)]
        for d in objects:
            d.__enter__()
        return objects

    def alive():
        gc.collect()
        return sum(type(o) is deadline for o in gc.get_objects())

    testkit.Job(enter, 3).result()
    before = alive()
    tracemalloc.start()
    jobs = [testkit.Job(enter, 20) for _ in range(25)]
    for job in jobs:
        job.result()
    for _ in range(25):
        testkit.Job(enter, 20).result()
    del jobs, job
    assert alive() <= before
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 40_000, "what is not Python's, too"
    (d,) = testkit.Job(enter, 1).result()
    with pytest.raises(RuntimeError, match="another thread"):
        d.__exit__(None, None, None)
    assert not passed(pair[0])
    with d:
        assert passed(pair[0])


def test_many_threads_enter_and_leave_each_others():
    """What the atomic members and critical sections are for, where there is no GIL."""
    objects = [deadline(50) for _ in range(4)]
    a, b = csock.socketpair()

    def work():
        for n in range(300):
            d = objects[n % len(objects)]
            for call in (d.__enter__, csock.current_deadline, lambda d=d: d.__exit__(1, 2, 3)):
                try:
                    call()
                except RuntimeError:
                    pass
            d.remaining(), d.expired(), repr(d), deadline(until=d)
            b.send(b"x")
            a.recv(1)

    def leave(d):
        try:
            d.__exit__(None, None, None)
        except RuntimeError:
            pass

    with a, b:
        for job in [testkit.Job(work) for _ in range(4)]:
            job.result()
        for d in objects:
            leave(d)


# -------------------------------------------------------- signals, forks


def test_a_handler_within_a_wait_enters_and_leaves(pair, on_alarm):
    other, peer = csock.socketpair()
    seen = []

    def handler():
        with deadline(0.01), pytest.raises(DeadlineExceeded):
            other.recv(1)
        with deadline(0):
            seen.append(passed(other))

    with other, peer, testkit.Stopwatch() as watch, deadline(1):
        on_alarm(handler, 0.05)
        with pytest.raises(DeadlineExceeded, match="of 1.0 s has passed"):
            pair[0].recv(1)
    assert seen == [True] and 1 <= watch.wall < 1 + testkit.LATE


def test_a_handler_is_bounded_by_what_it_interrupts(pair, on_alarm):
    seen = []

    def handler():
        while not csock.current_deadline().expired():
            time.sleep(0.01)
        seen.append(passed(pair[0]))
        with deadline(10, shield=True):
            seen.append(passed(pair[0]))

    with deadline(0.5):
        on_alarm(handler, 0.02)
        with pytest.raises(DeadlineExceeded):
            pair[0].recv(1)
    assert seen == [True, False]


def test_a_handler_that_leaves_the_deadline_of_the_call(pair, on_alarm):
    d = deadline(1)
    d.__enter__()
    on_alarm(lambda: d.__exit__(None, None, None), 0.02)
    # The call has had its end from the start.
    with pytest.raises(DeadlineExceeded, match="^recv: the deadline has passed$"):
        pair[0].recv(1)
    assert csock.current_deadline() is None


def test_a_handler_that_raises(pair, on_alarm):
    def handler():
        raise KeyError("mine")

    with deadline(50), pytest.raises(KeyError):
        on_alarm(handler, 0.02)
        pair[0].recv(1)


def test_a_child_keeps_that_of_its_thread(pair):
    with deadline(0) as d:
        child = os.fork()
        if child == 0:
            os._exit(not (passed(pair[0]) and csock.current_deadline() is d))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_fork_within_a_wait(pair, on_alarm):
    """The child goes on with the call, and the time is the same."""
    children = []
    with testkit.Stopwatch() as watch, deadline(1):
        on_alarm(lambda: children.append(os.fork()), 0.05)
        try:
            pair[0].recv(1)
        except DeadlineExceeded:
            if children == [0]:
                os._exit(7)
        else:
            os._exit(1)
    assert watch.wall >= 1
    assert os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]) == 7


def test_sigprocmask_and_wall_clock_do_not_matter(pair):
    signal.pthread_sigmask(signal.SIG_BLOCK, all_of := signal.valid_signals())
    try:
        with testkit.Stopwatch() as watch, deadline(0.1), pytest.raises(DeadlineExceeded):
            pair[0].recv(1)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, all_of)
    assert watch.wall >= 0.1
