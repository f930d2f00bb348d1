"""For tests of csock.stats() and csock.trace(): what a socket has moved, a call that is sure to
wait, and a mark for what takes counters."""

import pytest
import testkit

import csock


def counted():
    try:
        csock.stats()
    except RuntimeError as error:
        assert str(error) == "csock was built without counters (-Dstats=false)"
        return False
    return True


with_counters = pytest.mark.skipif(not counted(), reason="built with -Dstats=false")


def moved(s):
    """(bytes received, by calls; bytes sent, by calls)"""
    c = csock.stats(s)
    return c.bytes_received, c.receives, c.bytes_sent, c.sends


def woken(call, wake):
    """What call() returns in a thread that was asleep in it before wake()."""
    job = testkit.Job(call).wait_blocked()
    wake()
    return job.result()
