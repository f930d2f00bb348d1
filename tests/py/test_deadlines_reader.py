"""csock.Reader within csock.deadline."""

import threading
import time

import pytest

import csock


class Other:
    """A source that is no socket."""

    def __init__(self, sock):
        self.sock = sock

    def recv_into(self, buffer):
        return self.sock.recv_into(buffer)


CALLS = {
    "read": lambda reader: reader.read(3),
    "readexactly": lambda reader: reader.readexactly(3),
    "readuntil": lambda reader: reader.readuntil(b"\n"),
    "readline": lambda reader: reader.readline(),
    "peek": lambda reader: reader.peek(3),
    "iteration": next,
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("source", [lambda sock: sock, Other], ids=["socket", "other"])
def test_once_it_has_passed_no_call_begins_though_bytes_are_there(pair, source, call):
    ours, theirs = pair
    reader = csock.Reader(source(ours))
    theirs.send(b"one\ntwo\n")
    assert reader.read(1) == b"o"
    with csock.deadline(0), pytest.raises(csock.DeadlineExceeded, match="read"):
        call(reader)
    assert (reader.pending, reader.at_eof()) == (7, False)
    assert reader.readline() == b"ne\n"


def test_what_does_not_receive_is_not_bounded(pair):
    ours, theirs = pair
    reader = csock.Reader(ours)
    theirs.send(b"abc")
    assert reader.read(1) == b"a"
    with csock.deadline(0):
        assert (reader.pending, reader.at_eof()) == (2, False)
        assert reader.detach() == (ours, b"bc")


def test_a_socket_that_never_waits_is_left_alone(pair):
    ours, theirs = pair
    ours.setblocking(False)
    reader = csock.Reader(ours)
    theirs.send(b"abc")
    with csock.deadline(0):
        assert reader.readexactly(3) == b"abc"


@pytest.mark.parametrize("source", [lambda sock: sock, Other], ids=["socket", "other"])
def test_it_bounds_a_call_that_gets_a_byte_now_and_then_as_a_whole(pair, source):
    ours, theirs = pair
    reader, over = csock.Reader(source(ours)), threading.Event()

    def drip():
        while not over.wait(0.05):
            theirs.send(b".")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        begin = time.monotonic()
        with pytest.raises(csock.DeadlineExceeded), csock.deadline(0.5):
            reader.readline()
        assert time.monotonic() - begin >= 0.5
        came = reader.pending
        assert came > 0 and reader.readexactly(came) == b"." * came
    finally:
        over.set()
        thread.join()
