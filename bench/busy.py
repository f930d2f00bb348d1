"""A thread that computes, beside what is measured. Needs nothing but the standard library: the
programs under test import it, too."""

import contextlib
import os
import threading


@contextlib.contextmanager
def busy_thread(processors=()):
    """Another thread that computes and never waits: the interpreter lock is always wanted. Gives a
    list that has in it, at the end, how far it has come."""
    stop, done = [], []

    def compute():
        if processors:
            os.sched_setaffinity(0, processors)
        n = 0
        while not stop:
            n += 1
        done.append(n)

    thread = threading.Thread(target=compute)
    thread.start()
    try:
        yield done
    finally:
        stop.append(True)
        thread.join()
