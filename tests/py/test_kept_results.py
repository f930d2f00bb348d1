"""Received bytes are given out again once nobody has them: what somebody has never changes."""

import threading

import pytest
import testkit

SIZES = (999, 1000, 1200, 16384, 16385)


@pytest.fixture(params=["recv", "recvfrom"])
def receive(impl, request):
    """receive(data) sends data through a socket pair, and receives it."""
    a, b = impl.socketpair(type=impl.SOCK_DGRAM)
    take = {"recv": lambda n: b.recv(n), "recvfrom": lambda n: b.recvfrom(n)[0]}[request.param]
    with a, b:
        yield lambda data: a.send(data) and take(20_000)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("held", [0, 1, 2, 3])
def test_what_is_held_stays(receive, size, held):
    kept = []
    for i in range(12):
        data = receive(bytes([i]) * size)
        kept.append((i, data))
        del kept[: -held or None], data
        for j, old in kept:
            assert old == bytes([j]) * size


@pytest.mark.parametrize("size", SIZES)
def test_each_has_a_hash_of_its_own(receive, size):
    for i in range(6):
        sent = bytes([i]) * size
        assert hash(receive(sent)) == hash(sent)


@pytest.mark.parametrize("hold", [memoryview, lambda data: data[:], lambda data: iter(data)])
def test_what_holds_them_counts(receive, hold):
    held = []
    for i in range(6):
        held.append(hold(receive(bytes([i]) * 1200)))
    assert [bytes(h) for h in held] == [bytes([i]) * 1200 for i in range(6)]


def test_sizes_by_turns(receive):
    for i, size in enumerate(SIZES * 3):
        data = receive(bytes([i]) * size)
        assert data == bytes([i]) * size


def test_of_those_that_waited(impl):
    a, b = impl.socketpair(type=impl.SOCK_DGRAM)
    results = []

    def reader():
        for _ in range(6):
            results.append(b.recv(20_000))
            results[:-2] = [bytes(one[:1]) for one in results[:-2]]

    with a, b:
        thread = threading.Thread(target=reader)
        thread.start()
        for i in range(6):
            testkit.wait_for(lambda i=i: len(results) == i)
            a.send(bytes([i]) * 1200)
        thread.join()
    assert [one[:1] for one in results] == [bytes([i]) for i in range(6)]
    assert results[-1] == bytes([5]) * 1200
