"""Descriptors in messages."""

import array
import os
import struct

import testkit

INT = struct.calcsize("i")


def packets(impl):
    return testkit.closing(*impl.socketpair(impl.AF_UNIX, impl.SOCK_SEQPACKET))


def rights(impl, fds):
    return [(impl.SOL_SOCKET, impl.SCM_RIGHTS, array.array("i", fds))]


def fds_in(ancdata):
    return [fd for _, _, data in ancdata for fd in array.array("i", data[: len(data) // INT * INT])]


def close_all(fds):
    for fd in fds:
        os.close(fd)
