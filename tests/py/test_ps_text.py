"""What `csock ps` says, of facts that are given to it; and that it gives up what takes too long."""

import os
import pathlib
import queue
import re
import threading
import types

import pskit
import pytest

import csock
from csock import _ps, _ps_process, _ps_text


def test_its_page_shows_what_it_prints():
    text = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "seeing.md").read_text()
    headings = [line.split("  ") for line in text.splitlines() if line.startswith("  THREAD")]
    assert headings
    for line in headings:
        assert tuple(filter(None, map(str.strip, line))) == _ps_text.HEADINGS
    options = set(re.findall(r"--[a-z]+", pskit.ps("--help").stdout)) - {"--ps", "--help"}
    assert len(options) == 4 and all(f"`{option}" in text for option in options)


@pytest.mark.parametrize("scope, says", [(1, "sysctl kernel.yama.ptrace_scope=0"), (2, "as root"),
                                         (3, "nobody may"), (None, "PR_SET_DUMPABLE")])  # fmt: skip
def test_what_is_said_where_the_kernel_forbids(tmp_path, monkeypatch, scope, says):
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    monkeypatch.setattr(_ps, "_owner", lambda pid: 1234)
    file = tmp_path / "ptrace_scope"
    if scope is not None:
        file.write_text(f"{scope}\n")
    assert says in _ps.refusal(99, file)


def of_kernel(state, kind="TCP", **members):
    from csock._ps_kernel import Socket

    socket = Socket(kind, state, "own", "peer")
    for name, value in members.items():
        setattr(socket, name, value)
    return _ps_text.kernel(types.SimpleNamespace(socket=socket))


def test_words_for_what_the_kernel_knows():
    closed = {"last_heard": 900, "last_sent": 1000, "last_data": 1000}
    assert of_kernel("CLOSE_WAIT", **closed) == "CLOSE_WAIT, peer closed 15 min ago"
    assert of_kernel("CLOSE_WAIT", last_heard=900, last_sent=3) == "CLOSE_WAIT, peer has closed"
    assert of_kernel("ESTABLISHED", last_data=40) == "ESTABLISHED, silent for 40 s"
    assert of_kernel("ESTABLISHED", last_data=40, to_send=1200, timer="retransmits", times=3) == (
        "ESTABLISHED, silent for 40 s, 1,200 bytes not acknowledged, 3 retransmits"
    )
    full = {"last_data": 40, "to_send": 9, "timer": "window probes", "times": 2}
    assert of_kernel("ESTABLISHED", **full) == (
        "ESTABLISHED, silent for 40 s, 9 bytes not acknowledged, peer takes no more (window full)"
    )
    assert of_kernel("SYN_SENT", times=1) == "SYN_SENT, no answer to 2 tries"
    assert of_kernel("SYN_SENT") == "SYN_SENT, no answer to 1 try"
    assert of_kernel("LISTEN", to_read=3, to_send=5) == "LISTEN, 3 of 5 wait to be accepted"
    assert of_kernel("", "UDP", to_read=1) == "UDP, 1 byte to read"
    assert of_kernel("ESTABLISHED", "UNIX", closed=True) == "UNIX ESTABLISHED, peer has closed"


def test_spans_and_deadlines():
    spans = {0.04: "0.0 s", 9.9: "9.9 s", 9.96: "10 s", 119: "119 s", 900: "15 min", 7199: "2 h",
             90000: "25 h", 200000: "2 d", -5: "0.0 s"}  # fmt: skip
    assert {seconds: _ps_text.span(seconds) for seconds in spans} == spans
    wait = types.SimpleNamespace(deadline=3_000_000_000)
    assert _ps_text.deadline(wait, 1_000_000_000) == "in 2.0 s"
    assert _ps_text.deadline(wait, 8_000_000_000) == "5.0 s ago"
    assert _ps_text.deadline(types.SimpleNamespace(deadline=0), 1) == "none"


def test_what_takes_too_long_is_given_up(monkeypatch):
    monkeypatch.setattr(_ps_process, "PATIENCE", 3)
    over = threading.Event()

    def read(item):
        if item == "slow":
            over.wait()
        if item == "bad":
            raise ValueError(item)
        return item * 2

    found = list(_ps_process.patiently(read, ["a", "slow", "bad", "b"]))
    over.set()
    assert [item for item, _ in found] == ["a", "slow", "bad", "b"]
    assert found[0][1] == "aa" and found[3][1] == "bb"
    assert [type(result) for _, result in found[1:3]] == [_ps_process.Hung, ValueError]


def test_many_that_hang_share_what_patience_there_is(monkeypatch):
    over, waited = threading.Event(), []

    class Impatient(queue.SimpleQueue):
        def get(self, timeout):
            waited.append(timeout)
            return super().get(timeout=0.01)

    monkeypatch.setattr(queue, "SimpleQueue", Impatient)
    found = list(_ps_process.patiently(lambda item: over.wait(), range(3)))
    over.set()
    assert [type(result) for _, result in found] == [_ps_process.Hung] * 3
    assert waited == [_ps_process.PATIENCE / n for n in (1, 2, 3)]


def test_a_protocol_is_asked_of_that_socket_alone(monkeypatch):
    asked = []
    monkeypatch.setattr(os, "getxattr", lambda *args: asked.append(args) or b"TCP\0")
    with csock.socket() as s:
        row = types.SimpleNamespace(thread=os.getpid(), wait=types.SimpleNamespace(fd=s.fileno()))
        process = types.SimpleNamespace(pid=os.getpid())
        row.inode = os.fstat(s.fileno()).st_ino
        assert _ps_process._protocol(process, row) == "TCP" and len(asked) == 1
        row.inode += 1
        assert _ps_process._protocol(process, row) is None and len(asked) == 1
