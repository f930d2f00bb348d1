"""csock.dial() beside others: audit hooks hear of each attempt before it is made; threads."""

import threading

import dialkit
import pytest
import testkit
from dialkit import ANSWERING, answers, failing, network

from csock import dial

# -------------------------------------------------------------------- audit

AUDITED = """
import sys, threading
heard, stop = [], None
def hook(event, args):
    if not event.startswith("socket.") or not heard_on:
        return
    sock = args[0]
    fd = sock.fileno() if isinstance(sock, csock.socket) else None
    heard.append((event, type(sock).__name__, fd is not None and fd >= 0, args[1:],
                  threading.current_thread() is threading.main_thread()))
    if event == stop:
        raise ZeroDivisionError
heard_on = False
server = csock.create_server(("127.0.0.1", 0))
port = server.getsockname()[1]
sys.addaudithook(hook)
heard_on = True
def addresses(*question):
    return [("127.0.0.2", port), ("127.0.0.1", port)]
"""


def test_audit_events_per_attempt():
    lines = dialkit.program(
        AUDITED
        + """
csock.dial("name", port, resolver=addresses, source_address=("127.0.0.1", 0)).close()
heard_on = False
for line in heard: print(*line)
"""
    )
    assert [line.split()[0] for line in lines] == [
        "socket.getaddrinfo",
        *["socket.__new__", "socket.bind", "socket.connect"] * 2,
    ]
    for line in lines:
        event = line.split()[0]
        if event in ("socket.bind", "socket.connect"):
            assert line.split()[1:3] == ["socket", "True"], line
        assert line.endswith("True")


@pytest.mark.parametrize("event", ["getaddrinfo", "__new__", "bind", "connect"])
def test_a_hook_that_raises_ends_all(event):
    lines = dialkit.program(
        AUDITED
        + f"""
import os
before = len(os.listdir("/proc/self/fd"))
stop = "socket.{event}"
try:
    csock.dial("name", port, resolver=addresses, source_address=("127.0.0.1", 0))
except ZeroDivisionError as error:
    print("raised", hasattr(error, "attempts"), len(os.listdir("/proc/self/fd")) - before)
heard_on = False
print(sum(line[0] == stop for line in heard))
"""
    )
    assert lines == ["raised False 0", "1"]


def test_a_hook_that_closes_the_socket():
    lines = dialkit.program(
        AUDITED
        + """
closed = []
def closer(event, args):
    if event == "socket.connect" and not closed:
        closed.append(args[0])
        args[0].close()
sys.addaudithook(closer)
with csock.dial("name", port, resolver=addresses) as s:
    print(s.getpeername() == ("127.0.0.1", port), closed[0].fileno(), closed[0]._closed)
"""
    )
    assert lines == ["True -1 True"]


def test_a_loser_that_a_hook_has_kept_is_closed():
    lines = dialkit.program(
        AUDITED
        + """
kept = []
sys.addaudithook(lambda event, args: kept.append(args[0]) if event == "socket.connect" else None)
def refused_first(*question):
    return [("127.0.0.2", port), ("127.0.0.1", port)]
with csock.dial("name", port, resolver=refused_first) as s:
    print(len(kept), kept[0].fileno(), kept[1] is s, kept[0]._closed, "closed" in repr(kept[0]))
    try: kept[0].send(b"x")
    except OSError as error: print(error.errno)
"""
    )
    assert lines == ["2 -1 True True True", "9"]


# ------------------------------------------------------------------ threads


def test_many_at_once():
    failures = []

    def work(number, port, addresses):
        try:
            for _ in range(5):
                if number % 3:
                    with dial("s", port, resolver=answers(addresses), attempt_delay=0.01) as s:
                        assert s.getpeername() == (ANSWERING, port)
                else:
                    failing("s", port, timeout=0.03, resolver=answers(addresses[:1]))
        except BaseException as error:
            failures.append(error)

    with network(2) as (port, addresses):
        before = testkit.open_fds()
        threads = [
            threading.Thread(target=work, args=(number, port, addresses)) for number in range(30)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures and testkit.open_fds() == before
