"""`csock ps`: real programs that hang, looked at from outside."""

import contextlib
import os
import re
import signal
import sys
import time

import childkit
import pskit
import pytest
import testkit

pytestmark = pskit.on_a_real_machine

# One thread for each call that can hang; the peers say nothing.
CALLS = """
import csock, json, threading, time
hangs = {}
def hang(name, call, *args):
    def run():
        hangs[name] = threading.get_native_id()
        call(*args)
    threading.Thread(target=run, daemon=True).start()

listener = csock.create_server(("127.0.0.1", 0))
near = csock.create_connection(listener.getsockname())
far, _ = listener.accept()
timed = csock.create_connection(listener.getsockname(), timeout=5000)
full = csock.create_connection(listener.getsockname())
others = listener.accept(), listener.accept()
hang("accept", listener.accept)
hang("recv", near.recv, 1)
hang("recv_into", timed.recv_into, bytearray(1))
hang("recvmsg", near.recvmsg, 1)
hang("sendall", full.sendall, bytes(1 << 25))
udp = csock.socket(csock.AF_INET, csock.SOCK_DGRAM)
udp.bind(("127.0.0.1", 0))
hang("recvfrom", udp.recvfrom, 1)
letters, post = (csock.socket(csock.AF_UNIX, csock.SOCK_DGRAM) for _ in range(2))
post.bind(b"\\0csock-ps-%d" % letters.fileno() + str(time.monotonic_ns()).encode())
def write():
    while True:
        letters.sendto(b"x", post.getsockname())
hang("sendto", write)
while len(hangs) < 7:
    time.sleep(0.01)
ports = [s.getsockname()[1] for s in (near, timed, full, listener)]
print(json.dumps([hangs, *ports, near.fileno(),
                  timed.fileno(), udp.getsockname()[1], post.getsockname().decode()]), flush=True)
time.sleep(1000)
"""


def test_each_call_with_its_addresses():
    with pskit.program(CALLS) as (child, said):
        hangs, port, timed_port, full_port, server, fd, timed_fd, udp_port, post = said
        found = pskit.rows_until(lambda rows: len(rows.get(child.pid, {})) == 7, child.pid)
    waits = {name: found[child.pid][thread] for name, thread in hangs.items()}
    there = f"127.0.0.1:{server}"
    calls = {name: row["call"] for name, row in waits.items()}
    assert calls == {
        "accept": "accept", "recv": "recv", "recv_into": "recv", "recvmsg": "recvmsg",
        "sendall": "send", "recvfrom": "recvfrom", "sendto": "sendto",
    }  # fmt: skip
    assert (waits["accept"]["own"], waits["accept"]["peer"]) == (there, None)
    assert waits["accept"]["kernel"]["state"] == "LISTEN"
    for name in ("recv", "recv_into", "recvmsg"):
        own = timed_port if name == "recv_into" else port
        assert (waits[name]["own"], waits[name]["peer"]) == (f"127.0.0.1:{own}", there)
        assert waits[name]["fd"] == (timed_fd if name == "recv_into" else fd)
        assert waits[name]["kernel"]["state"] == "ESTABLISHED"
    assert (waits["sendall"]["own"], waits["sendall"]["peer"]) == (f"127.0.0.1:{full_port}", there)
    assert waits["sendall"]["kernel"]["to_send"] > 0
    assert waits["recvfrom"]["own"].endswith(f":{udp_port}")
    assert waits["sendto"]["about"] == post.replace("\0", "@")
    limits = {name: row["deadline"] for name, row in waits.items()}
    assert 4000 < limits.pop("recv_into") <= 5000
    assert set(limits.values()) == {None}


MANY = """
import csock, ctypes, json, os, signal, sys, threading, time
count, how = int(sys.argv[1]), sys.argv[2]
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
threading.stack_size(1 << 16)
listener = csock.create_server(("127.0.0.1", 0), backlog=4096)
here = []
def hang(number):
    sock = csock.create_connection(listener.getsockname())
    sock.settimeout(3000 if number % 2 else None)
    here.append((threading.get_native_id(), sock.fileno(), sock.getsockname()[1], number % 2))
    sock.recv(1)
for number in range(count):
    threading.Thread(target=hang, args=(number,), daemon=True).start()
while len(here) < count:
    time.sleep(0.01)
peers = [listener.accept()[0] for _ in range(count)]
print(json.dumps([here, listener.getsockname()[1]]), flush=True)
if how == "gil":
    signal.sigwait({signal.SIGUSR1})  # once all of them are asleep
    print("now", flush=True)
    ctypes.PyDLL(None).sleep(1000)  # without letting the GIL go
time.sleep(1000)
"""


def expected_of(here, port):
    return {
        thread: (fd, f"127.0.0.1:{own}", f"127.0.0.1:{port}", bool(limited))
        for thread, fd, own, limited in here
    }


def seen_in(rows):
    return {
        thread: (row["fd"], row["own"], row["peer"], row["deadline"] is not None)
        for thread, row in rows.items()
        if row["call"] == "recv" and row["kernel"]["state"] == "ESTABLISHED"
    }


def test_a_thousand_threads_in_ten_processes():
    count = 100 // testkit.SLOWNESS
    with contextlib.ExitStack() as stack:
        hows = ["gil", "stop"] + ["plain"] * 8
        programs = [stack.enter_context(pskit.program(MANY, count, how)) for how in hows]
        expected = {child.pid: expected_of(*said) for child, said in programs}
        pskit.rows_until(lambda rows: {p: seen_in(r) for p, r in rows.items()} == expected,
                         *expected)  # fmt: skip
        programs[0][0].send_signal(signal.SIGUSR1)
        assert programs[0][0].stdout.readline() == "now\n"
        programs[1][0].send_signal(signal.SIGSTOP)
        found = pskit.rows(*expected)
        assert {pid: seen_in(rows) for pid, rows in found.items()} == expected
        everybody = pskit.rows()  # asked for without a number
        assert {pid: seen_in(everybody[pid]) for pid in expected} == expected
        text = pskit.ps(*expected).stdout
        assert text.count(" recv ") == 10 * count
        assert text.count("(stopped)") == 1


LISTENS = """
import csock, json, threading, time
s = csock.create_server(("127.0.0.1", 0))
def wait(function):
    threading.Thread(target=function, daemon=True).start()
wait(s.accept)
wait(lambda: csock.socket(fileno=s.dup().detach()).accept())
print(json.dumps(None), flush=True)
time.sleep(1000)
"""


def test_servers_are_not_stuck():
    with pskit.program(LISTENS) as (child, _):
        pskit.rows_until(lambda rows: len(rows[child.pid]) == 2, child.pid)
        assert pskit.ps("--stuck", "0", child.pid).returncode == 0


NETLINK = """
import csock, json, os
s = csock.socket(csock.AF_NETLINK, csock.SOCK_RAW, 0)
print(json.dumps(os.getpid()), flush=True)
s.recv(1)
"""


def test_families_of_which_the_kernel_says_little():
    with pskit.program(NETLINK) as (_, pid):
        pskit.rows_until(pskit.hanging, pid)
        (row,) = pskit.rows(pid)[pid].values()
    assert (row["kernel"], row["text"]) == (None, "NETLINK")


ELSEWHERE = """
import csock, os, select
csock.socket
print(os.getpid(), flush=True)
select.select([], [], [])
"""


def test_exit_status():
    with pskit.program(pskit.HANG) as (child, pid):
        pskit.rows_until(pskit.hanging, pid)
        time.sleep(1.1)
        assert pskit.ps(pid).returncode == 0
        done = pskit.ps(pid, "--stuck", "1")
        assert (done.returncode, done.stdout.count(" recv ")) == (1, 1)
        done = pskit.ps(pid, "--stuck", "1000")
        assert (done.returncode, done.stdout) == (0, "nobody is stuck in csock\n")
        child.kill()
        child.wait()
        done = pskit.ps(pid)
        gone = f"csock: process {pid}: there is none\n"
        assert (done.returncode, done.stdout, done.stderr) == (2, "", gone)
        assert pskit.ps(pid, "--stuck", "1").stdout == ""
    assert pskit.ps("--stuck", "-1").returncode == 2
    assert pskit.ps("-5").returncode == 2
    with pskit.running(["sleep", "1000"]) as child:
        done = pskit.ps(child.pid)
        none = f"csock: process {child.pid} has no csock; `csock run` starts a program with it\n"
        assert (done.returncode, done.stdout, done.stderr) == (2, "", none)
    with pskit.program(ELSEWHERE) as (_, pid):
        assert "no thread waits in csock (in locks, select" in pskit.ps(pid).stdout


def test_a_script_of_its_own():
    with pskit.program(pskit.HANG) as (_, pid):
        pskit.rows_until(pskit.hanging, pid)
        text = f"import sys; sys.argv = ['csock', 'ps', '{pid}']; from csock._command import script"
        assert " recv " in childkit.code(f"{text}; script()", env=childkit.environment()).stdout
    done = pskit.ps("--help")
    assert "--stuck SECONDS" in done.stdout


STACK = """
import csock, json, threading, time
a, b = csock.socketpair()
def innermost():
    a.recv(1)
threading.Thread(target=innermost, name="waiter", daemon=True).start()
print(json.dumps(None), flush=True)
time.sleep(1000)
"""


def test_stacks():
    with pskit.program(STACK) as (child, _):
        pskit.rows_until(pskit.hanging, child.pid)
        done = pskit.ps("--stacks", child.pid)
    if sys.version_info < (3, 14) or testkit.PLAIN_PYTHON:
        assert done.stderr == f"csock: process {child.pid}: no stacks: not on this Python\n"
        assert done.returncode == 0
    else:
        assert "\n    <string>:5, in innermost\n" in done.stdout
        assert " waiter " in done.stdout  # which Python tells the kernel from then on


def test_off():
    with pskit.program(pskit.HANG, env={"CSOCK_PS": "0"}) as (_, pid):
        time.sleep(0.3)
        done = pskit.ps(pid)
    expected = f"csock: process {pid} shows nothing: it runs with CSOCK_PS=0\n"
    assert (done.returncode, done.stderr) == (0, expected)
    assert " recv " not in done.stdout


FORK = """
import csock, json, os, threading, time
a, b = csock.socketpair()
threading.Thread(target=a.recv, args=(1,), daemon=True).start()
time.sleep(0.3)
child = os.fork()
if child == 0:
    time.sleep(0.5)
    if {child_waits}:
        b.recv(1)
    time.sleep(1000)
print(json.dumps([os.getpid(), child]), flush=True)
try:
    time.sleep(1000)
finally:
    os.kill(child, 9)
"""


@pytest.mark.parametrize("child_waits", [False, True])
def test_a_child_does_not_wait_as_its_parent_does(child_waits):
    text = FORK.format(child_waits=child_waits)
    with pskit.program(text, env={"PYTHONWARNINGS": "ignore"}) as (_, (parent, child)):
        try:
            pskit.rows_until(lambda rows: len(rows[parent]) == 1, parent)
            found = pskit.rows_until(lambda rows: len(rows[child]) == child_waits, parent, child)
            assert list(found[child]) == [child] * child_waits
        finally:
            os.kill(child, signal.SIGKILL)


def test_processes_that_end_meanwhile():
    text = "import csock; a, b = csock.socketpair(); a.settimeout(0.01); a.recv(1)"
    command = f"while :; do {sys.executable} -c '{text}' 2>&-; done"
    with pskit.running(["sh", "-c", command], env=childkit.environment()) as shell:
        for _ in range(10):
            assert pskit.ps().returncode == 0
        shell.kill()


CLOSED = """
import csock, json, os, sys, time
port = int(sys.argv[1])
s = csock.create_connection(("127.0.0.1", port))
print(json.dumps(os.getpid()), flush=True)
s.recv(1)
"""


def test_a_peer_that_has_closed():
    import csock

    with csock.create_server(("127.0.0.1", 0)) as listener:
        with pskit.program(CLOSED, listener.getsockname()[1]) as (child, pid):
            peer, _ = listener.accept()
            pskit.rows_until(pskit.hanging, pid)
            child.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, pid, os.WSTOPPED)
            peer.close()
            time.sleep(1.2)
            text = pskit.ps(pid).stdout
            row = pskit.rows(pid)[pid][pid]
    assert "(stopped)" in text and re.search(r"CLOSE_WAIT, peer closed \d", text)
    assert row["kernel"]["state"] == "CLOSE_WAIT" and 1 < row["kernel"]["last_heard"] < 100


def test_watching():
    with pskit.program(pskit.HANG) as (_, pid):
        pskit.rows_until(pskit.hanging, pid)
        command = sys.executable, "-m", "csock", "--ps", "--watch", "--json", str(pid)
        with pskit.running(command, env=childkit.environment()) as watch:
            for _ in range(2):
                assert '"call": "recv"' in watch.stdout.readline()
            watch.send_signal(signal.SIGINT)
            assert watch.wait(pskit.LIMIT) == 130


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
def test_another_users_process():
    with pskit.program(pskit.HANG) as (_, pid):
        pskit.rows_until(pskit.hanging, pid)
        text = f"""
            import argparse, json, locale, os, queue, shutil, sys, threading
            import csock  # all by now: that user may not be able to read this Python
            from csock import _ps, _ps_memory
            csock.socket(csock.AF_INET).close()
            os.setgroups([]); os.setgid(65534); os.setuid(65534)
            sys.exit(_ps.main(["{pid}"], "csock ps"))
        """
        done = childkit.code(text, env=childkit.environment())
    assert done.returncode == 2
    assert done.stderr == (f"csock: process {pid}: not allowed to read its memory: it belongs to "
                           "user 0; ask as that user, or as root (sudo)\n")  # fmt: skip
