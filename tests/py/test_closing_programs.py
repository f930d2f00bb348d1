"""close() under blocked calls in programs that fork, that end, and whose network is silent."""

import os
import time

import pytest
import testkit
from closingkit import run_program


def test_fork_beside_threads_in_accept_and_recv():
    program = """
        server = testkit.listener(csock)
        address = server.getsockname()
        client, conn = testkit.tcp_pair(csock)
        jobs = [testkit.Job(server.accept), testkit.Job(conn.recv, 1), testkit.Job(conn.recv, 1)]
        for job in jobs:
            job.wait_blocked()
        report_r, report_w = os.pipe()
        go_r, go_w = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(go_w)
            begun = time.monotonic()
            server.close()
            conn.close()
            client.close()
            os.write(report_w, b"%f" % (time.monotonic() - begun))
            os.read(go_r, 1)
            os._exit(7)
        taken = float(os.read(report_r, 100))
        assert taken < 1.5, taken  # a second for each that has threads, if it waited for them

        # The parent's sockets are untouched, and its threads still wait.
        assert not any(job.ended for job in jobs)
        with csock.create_connection(address) as s:
            accepted, _ = jobs[0].result()
            s.send(b"x")
            assert accepted.recv(1) == b"x"
            accepted.setsockopt(csock.SOL_SOCKET, csock.SO_LINGER, b"\\1\\0\\0\\0\\0\\0\\0\\0")
            accepted.close()

        # With the parent's listener closed too, the port is free while the child still lives.
        job = testkit.Job(server.accept).wait_blocked()
        server.close()
        conn.close()
        for job in [job, *jobs[1:]]:
            check_closed(job)
        with csock.socket() as again:
            again.bind(address)
        os.close(go_w)
        assert os.waitpid(child, 0)[1] == 7 << 8
        print("done")
    """
    assert run_program(program).stdout == "done\n"


threads_after_fork = pytest.mark.skipif(
    "CSOCK_TSAN" in os.environ,
    reason="ThreadSanitizer starts no threads in the child of such a fork",
)


@threads_after_fork
def test_child_uses_the_sockets_it_inherited():
    program = """
        server = testkit.listener(csock)
        a, b = csock.socketpair()
        jobs = [testkit.Job(server.accept).wait_blocked(), testkit.Job(a.recv, 1).wait_blocked()]
        child = os.fork()
        if child == 0:
            # Nobody waits here but us: a close by another thread of ours must wake us as well.
            c, d = csock.socketpair()
            job = testkit.Job(c.recv, 1).wait_blocked()
            c.close()
            check_closed(job)
            job = testkit.Job(server.accept).wait_blocked()
            server.close()
            check_closed(job)
            b.send(b"x")
            os._exit(7)
        assert jobs[1].result() == b"x"
        assert os.waitpid(child, 0)[1] == 7 << 8
        assert jobs[0].blocked()
        server.close()
        check_closed(jobs[0])
        print("done")
    """
    assert run_program(program).stdout == "done\n"


@pytest.mark.skipif(
    testkit.SANITISED, reason="ASan's own locks do not survive a fork beside threads that allocate"
)
@threads_after_fork
def test_forks_while_threads_open_wait_and_close():
    program = """
        # What comes when first used is there before: a child of fork() waits for ever for a module
        # that another thread was importing.
        for s in csock.socketpair(): s.close()
        stop = []
        def churn():
            while not stop:
                a, b = csock.socketpair()
                job = testkit.Job(a.recv, 1)
                a.close()
                job.join()
                b.close()
        jobs = [testkit.Job(churn) for _ in range(3)]
        for i in range(15):
            time.sleep(0.01)
            child = os.fork()
            if child == 0:
                a, b = csock.socketpair()
                a.send(b"x")
                assert b.recv(1) == b"x"
                job = testkit.Job(a.recv, 1).wait_blocked()
                a.close()
                check_closed(job)
                os._exit(7)
            assert os.waitpid(child, 0)[1] == 7 << 8
        stop.append(True)
        for job in jobs:
            job.result()
        print("done")
    """
    assert run_program(program).stdout == "done\n"


def test_daemon_threads_blocked_at_exit():
    program = """
        import tempfile
        calls, keep = [], []
        for timeout in (None, 30):
            a, b = csock.socketpair()
            c, d = testkit.tcp_pair(csock)
            testkit.fill(c, d)
            server = testkit.listener(csock)
            full, waiting = testkit.full_tcp_listener(csock)
            e = csock.socket()
            for s in (a, c, server, e):
                s.settimeout(timeout)
            calls += [
                testkit.Job(a.recv, 1), testkit.Job(a.recvfrom, 1), testkit.Job(server.accept),
                testkit.Job(c.send, b"x"), testkit.Job(c.makefile("rb").read),
                testkit.Job(e.connect, full.getsockname()),
            ]
            keep += [b, d, waiting]
        for job in calls:
            job.wait_blocked()
        print(time.monotonic(), flush=True)
    """
    result = run_program(program)
    ended = time.monotonic()
    assert result.returncode == 0 and "Fatal" not in result.stderr
    # Waiting for a second in each of the eight sockets would take eight.
    assert ended - float(result.stdout) < 6


def test_closing_at_exit_beside_blocked_daemon_threads():
    program = """
        import atexit
        a, b = csock.socketpair()
        job = testkit.Job(a.recv, 1).wait_blocked()
        atexit.register(lambda: (a.close(), check_closed(job), print("closed", flush=True)))
    """
    result = run_program(program)
    assert (result.stdout, result.stderr) == ("closed\n", "")


def test_connect_into_a_black_hole():
    """Packets to a neighbour that does not exist: no answer, no error, for a long time."""
    reason = testkit.why_no_netns()
    if reason:
        pytest.skip(reason)
    setup = (
        "ip link set lo up && ip link add va type veth peer name vb && ip link set va up && "
        "ip link set vb up && ip addr add 10.77.0.1/24 dev va && "
        "ip neigh add 10.77.0.2 lladdr 02:00:00:00:00:99 dev va nud permanent && "
        'exec "$0" "$@"'
    )
    program = """
        def wake(timeout):
            s = csock.socket()
            s.settimeout(timeout)
            job = testkit.Job(s.connect, ("10.77.0.2", 80)).wait_blocked()
            begun = time.monotonic()
            s.close()
            check_closed(job)
            return job.ended - begun
        for timeout in (None, 30):
            testkit.best_of(3, lambda: wake(timeout), PROMPT)
        print("done")
    """
    result = run_program(program, prefix=("unshare", "-rn", "sh", "-c", setup), check=False)
    if "RTNETLINK" in result.stderr:
        pytest.skip(f"no veth: {result.stderr.strip()}")
    assert (result.stdout, result.stderr) == ("done\n", "")
