"""For tests of csock.stats(): what a socket has moved; and a mark for what takes counters."""

import pytest

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
