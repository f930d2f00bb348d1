"""`csock ps` of C programs, and of processes that are elsewhere: in another root, another network,
with other numbers, of files that are no more."""

import os
import pathlib
import shutil
import subprocess
import sys

import childkit
import pskit
import pytest
import testkit

import csock
from csock import _ps_kernel

pytestmark = pskit.on_a_real_machine

HERE = pathlib.Path(__file__).parent
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def linked(how, folder):
    return pskit.linked(HERE / "ps_program.c", folder / "program", how)


@pytest.mark.parametrize("how", ["shared", "static"])
def test_a_program_in_c(tmp_path, how):
    with pskit.running([linked(how, tmp_path)]) as child:
        assert child.stdout.readline() == "null\n"
        pskit.rows_until(lambda rows: len(rows[child.pid]) == 2, child.pid)
        everybody = pskit.rows()[child.pid]
    calls = {row["call"]: row for row in everybody.values()}
    assert set(calls) == {"recv", "accept"}
    assert calls["recv"]["deadline"] > 1e8 and calls["recv"]["kernel"]["kind"] == "UNIX"
    assert calls["accept"]["thread"] == child.pid and calls["accept"]["kernel"]["state"] == "LISTEN"


def test_a_program_whose_first_thread_has_ended(tmp_path):
    """Its own folder in /proc has no memory, no program and no network then. pthread_exit(3)"""
    with pskit.running([linked("static", tmp_path), "end"]) as child:
        assert child.stdout.readline() == "null\n"
        pskit.rows_until(lambda rows: len(rows[child.pid]) == 1, child.pid)
        ((thread, row),) = pskit.rows()[child.pid].items()
    assert row["call"] == "recv" and row["kernel"]["kind"] == "UNIX" and thread != child.pid


LISTENS = """
import csock, json, os, sys
{before}
s = csock.socket()
s.bind(("", 0))
s.listen()
print(json.dumps([os.getpid(), s.getsockname()[1]]), flush=True)
{after}
s.accept()
"""


def check_listener(pid, port):
    found = pskit.rows_until(lambda rows: rows.get(pid), pid)
    (row,) = found[pid].values()
    assert (row["call"], row["own"]) == ("accept", f"0.0.0.0:{port}")
    assert row["kernel"]["state"] == "LISTEN"
    return row


@as_root
def test_in_another_root(tmp_path):
    after = f"os.chroot({str(tmp_path)!r}); os.chdir('/')"
    with pskit.program(LISTENS.format(before="", after=after)) as (child, (_, port)):
        check_listener(child.pid, port)


def test_files_that_are_no_more(tmp_path):
    site = tmp_path / "site"
    shutil.copytree(childkit.SITE, site)
    env = {"PYTHONPATH": str(site)}
    with pskit.program(LISTENS.format(before="", after=""), env=env) as (child, (_, port)):
        shutil.rmtree(site)
        check_listener(child.pid, port)
        assert child.pid in pskit.rows()


def unshared(*options):
    if not shutil.which("unshare"):
        pytest.skip("no unshare(1)")
    done = subprocess.run(["unshare", *options, "true"], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"unshare {' '.join(options)}: {done.stderr.strip()}")
    return ("unshare", *options, sys.executable)


@as_root
def test_in_another_network():
    command = unshared("--net")
    with pskit.program(LISTENS.format(before="", after=""), python=command) as (child, (_, port)):
        row = check_listener(child.pid, port)
    assert row["kernel"]["to_send"] > 0  # the backlog, which the tables do not have


@as_root
def test_with_other_numbers():
    command = unshared("--pid", "--fork", "--kill-child")
    with pskit.program(LISTENS.format(before="", after=""), python=command) as (child, (pid, port)):
        children = pathlib.Path(f"/proc/{child.pid}/task/{child.pid}/children")
        outer = int(children.read_text())
        assert pid == 1
        row = check_listener(outer, port)
        assert row["thread"] == outer


@as_root
def test_by_another_clock():
    command = unshared("--time", "--monotonic", "1000", "--fork", "--kill-child")
    with pskit.program(LISTENS.format(before="", after=""), python=command) as (_, (pid, port)):
        row = check_listener(pid, port)
    assert 0 <= row["since"] < 500


def test_where_sock_diag_is_out_of_reach(monkeypatch):
    """What /proc/PID/net says is the same, as far as it goes."""
    listener = csock.create_server(("127.0.0.1", 0))
    six = csock.create_server(("::1", 0), family=csock.AF_INET6) if testkit.has_ipv6() else listener
    here = csock.create_connection(listener.getsockname())
    udp = csock.socket(csock.AF_INET, csock.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    opened = [listener, six, here, udp]
    wanted = {os.fstat(sock.fileno()).st_ino for sock in opened}
    folder = os.open("/proc/self", os.O_RDONLY)
    try:
        asked = _ps_kernel.sockets(folder, wanted)
        monkeypatch.setattr(_ps_kernel, "_network_of", lambda folder: "net:[1]")
        monkeypatch.setattr(_ps_kernel, "_open_in", lambda folder: None)
        read = _ps_kernel.sockets(folder, wanted)
    finally:
        os.close(folder)
        for sock in opened:
            sock.close()

    def main_points(found):
        return {i: (s.kind, s.state, s.own, s.peer) for i, s in found.items()}

    assert main_points(asked) == main_points(read)
    assert asked.keys() == wanted
