"""Look-ups at a name server that is silent: what ends them, and what is left of them. libc would
ask it for ten seconds. Stock has none of this."""

import os
import sys
import textwrap
import time
from pathlib import Path

import pytest

NAME = "host.lab.test"
SILENT = "10.77.0.9"
ENDS = 5  # seconds: what is on time on a busy machine, and libc's answer is not

# For the programs below.
KIT = """
import contextlib, ctypes, signal, threading
def threads():
    return len(os.listdir("/proc/self/task"))
def memory():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4  # KiB
def await_(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, sock.lookups()
        time.sleep(0.01)
def late(function, *arguments):
    with contextlib.suppress(OSError), sock.deadline(0.2):
        function(*arguments)
"""


@pytest.fixture(scope="module", params=["", "options timeout:1 attempts:1\n"], ids=["slow", "soon"])
def lab(request, namespace):
    """With libc's own timeouts, which are long, and with short ones."""
    if Path("/run/nscd/socket").exists():
        pytest.skip("nscd answers look-ups here, whatever the namespace says")
    made = namespace("soon" if request.param else "slow")
    made.etc("resolv.conf", f"nameserver {SILENT}\n{request.param}")
    made.etc("nsswitch.conf", "hosts: files dns\n")
    made.etc("hosts", "127.0.0.1 localhost\n192.0.2.50 known.lab.test\n")
    made.silence(SILENT)
    return made


slow = pytest.mark.parametrize("lab", [""], indirect=True, ids=["slow"])
soon = pytest.mark.parametrize(
    "lab", ["options timeout:1 attempts:1\n"], indirect=True, ids=["soon"]
)


def run(lab, program, *arguments):
    return lab.run("csock", KIT + textwrap.dedent(program), *arguments)


@slow
@pytest.mark.parametrize(
    ("function", "arguments", "host"),
    [
        ("getaddrinfo", [NAME, 80], NAME),
        ("gethostbyname", [NAME], NAME),
        ("gethostbyname_ex", [NAME], NAME),
        ("gethostbyaddr", [NAME], NAME),
        ("gethostbyaddr", ["192.0.2.1"], "192.0.2.1"),
        ("create_connection", [[NAME, 80]], NAME),
    ],
)
def test_a_deadline_ends_each(lab, function, arguments, host):
    seen = run(
        lab,
        """
        def call():
            with sock.deadline(0.7):
                return getattr(sock, args[0])(*args[1])
        result = outcome(call)
        """,
        function,
        arguments,
    )
    assert seen["is"][:2] == ["DeadlineExceeded", "TimeoutError"]
    assert seen["text"] == f"look-up of {host}: the deadline of 0.7 s has passed"
    assert 0.69 < seen["took"] < ENDS


@slow
def test_a_deadline_ends_getnameinfo_and_getfqdn(lab):
    name, fqdn = run(
        lab,
        """
        def named():
            with sock.deadline(0.3):
                return sock.getnameinfo(("192.0.2.1", 80), 0)
        def qualified():
            with sock.deadline(0.3):
                return sock.getfqdn("192.0.2.1")
        result = outcome(named), outcome(qualified)
        """,
    )
    assert name["text"] == "look-up of 192.0.2.1: the deadline of 0.3 s has passed"
    assert fqdn["value"] == "192.0.2.1"
    assert max(name["took"], fqdn["took"]) < ENDS


@slow
@pytest.mark.parametrize(
    "call",
    [
        "s.connect((args[1], 80))",
        "s.connect_ex((args[1], 80))",
        "s.bind((args[1], 0))",
        "s.sendto(b'x', (args[1], 80))",
        "s.sendmsg([b'x'], [], 0, (args[1], 80))",
    ],
)
@pytest.mark.parametrize("in_thread", [False, True])
def test_the_sockets_timeout_bounds_it(lab, call, in_thread):
    seen = run(
        lab,
        """
        s = sock.socket(sock.AF_INET, sock.SOCK_DGRAM)
        s.settimeout(0.4)
        def work():
            global result
            result = outcome(eval, args[0])
        if args[2]:
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        else:
            work()
        """,
        call,
        NAME,
        in_thread,
    )
    assert seen["is"][0] == "TimeoutError"
    assert seen["text"] == f"timed out: look-up of {NAME}, 0.4 s"
    assert 0.39 < seen["took"] < ENDS


@slow
def test_numbers_and_hosts_files_are_answered_meanwhile(lab):
    known, number = run(
        lab,
        """
        late(sock.getaddrinfo, args[0], 80)
        with sock.deadline(5):
            result = [sock.getaddrinfo(host, 80, type=sock.SOCK_STREAM)[0][4]
                      for host in ("known.lab.test", "127.1")]
        """,
        NAME,
    )
    assert known == ["192.0.2.50", 80]
    assert number == ["127.0.0.1", 80]


@slow
@pytest.mark.parametrize(
    "call", ["sock.getaddrinfo(args[0], 80)", "sock.socket().connect((args[0], 80))"]
)
def test_ctrl_c_ends_it_at_once(lab, call):
    took = run(
        lab,
        f"""
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
        def interrupt():
            await_(sock.lookups)
            time.sleep(0.1)
            os.kill(os.getpid(), signal.SIGINT)
        threading.Thread(target=interrupt).start()
        start = time.monotonic()
        try:
            {call}
        except KeyboardInterrupt:
            result = time.monotonic() - start
        """,
        NAME,
    )
    assert took < ENDS


@slow
def test_handlers_that_return_let_it_go_on(lab):
    heard, seen = run(
        lab,
        """
        heard = []
        signal.signal(signal.SIGALRM, lambda *a: heard.append(a))
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
        def call():
            with sock.deadline(1):
                sock.getaddrinfo(args[0], 80)
        seen = outcome(call)
        signal.setitimer(signal.ITIMER_REAL, 0)
        result = len(heard), seen
        """,
        NAME,
    )
    assert heard > 3
    assert seen["is"][0] == "DeadlineExceeded"
    assert 0.99 < seen["took"] < ENDS


@slow
@pytest.mark.parametrize("call", ["s.connect((args[0], 80))", "s.sendto(b'x', (args[0], 80))"])
def test_closing_the_socket_ends_it(lab, call):
    seen = run(
        lab,
        """
        s = sock.socket(sock.AF_INET, sock.SOCK_DGRAM)
        def work():
            global result
            result = outcome(eval, args[1])
        thread = threading.Thread(target=work)
        thread.start()
        await_(sock.lookups)
        time.sleep(0.1)
        s.close()
        thread.join()
        """,
        NAME,
        call,
    )
    assert seen["error"][0] == 9
    assert seen["took"] < ENDS


@slow
def test_those_under_way_are_listed(lab):
    rows, now, waiting = run(
        lab,
        """
        def work(name):
            late(sock.getaddrinfo, name, "https", sock.AF_INET)
        threads = [threading.Thread(target=work, args=["known.not"]) for _ in range(3)]
        for thread in threads:
            thread.start()
        await_(lambda: [row.waiting for row in sock.lookups()] == [3])
        waiting = sock.lookups()[0].waiting
        for thread in threads:
            thread.join()
        rows = sock.lookups()
        assert rows[0].thread in map(int, os.listdir("/proc/self/task"))
        assert type(rows[0]) is sock.Lookup
        result = rows, time.monotonic(), waiting
        """,
    )
    [(host, service, family, since, after, _thread)] = rows
    assert (host, service, family, after, waiting) == ("known.not", "https", 2, 0, 3)
    assert now - 30 < since < now


@slow
@pytest.mark.parametrize("call", ["getaddrinfo", "dial"])
def test_what_is_full_says_with_what(lab, call):
    text = run(
        lab,
        """
        for i in range(64):
            with contextlib.suppress(OSError), sock.deadline(0.001):
                sock.getaddrinfo(f"n{i}.lab.test", 80)
        assert len(sock.lookups()) == 64
        def one_more():
            with sock.deadline(0.3):
                getattr(sock, args[1])(args[0], 80)
        result = outcome(one_more)["text"]
        """,
        NAME,
        call,
    )
    assert text.startswith(f"look-up of {NAME} (64 others are under way, the oldest of n0.lab.test")
    assert text.endswith("the deadline of 0.3 s has passed")


@slow
def test_a_child_begins_with_none(lab):
    assert run(
        lab,
        """
        late(sock.getaddrinfo, args[0], 80)
        assert len(sock.lookups()) == 1
        pid = os.fork()
        if pid == 0:
            assert sock.lookups() == [] and threads() == 1
            with sock.deadline(5):
                sock.getaddrinfo("known.lab.test", 80)
            late(sock.getaddrinfo, args[0], 80)
            os._exit(len(sock.lookups()) != 1)
        result = os.waitpid(pid, 0)[1] == 0
        """,
        NAME,
    )


@slow
def test_another_network_is_asked_apart(lab):
    """A thread goes to a network of its own, where the server is known to be out of reach."""
    same, other = run(
        lab,
        """
        def call():
            with sock.deadline(3):
                sock.getaddrinfo(args[0], 80)
        def elsewhere():
            global result
            assert ctypes.CDLL(None, use_errno=True).unshare(0x40000000) == 0  # CLONE_NEWNET
            result = len(sock.lookups()), outcome(call)
        late(sock.getaddrinfo, args[0], 80)
        late(sock.getaddrinfo, args[0], 80)
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        """,
        NAME,
    )
    assert same == 1
    assert other["is"][0] == "gaierror"


@slow
def test_the_interpreter_ends_beside_one(lab):
    """Given up, and waited for by a daemon thread."""
    start = time.monotonic()
    run(
        lab,
        """
        late(sock.getaddrinfo, args[0], 80)
        threading.Thread(target=sock.getaddrinfo, args=["n.lab.test", 80], daemon=True).start()
        def bounded():
            with sock.deadline(20):
                sock.getaddrinfo("m.lab.test", 80)
        threading.Thread(target=bounded, daemon=True).start()
        await_(lambda: len(sock.lookups()) == 2)
        """,
        NAME,
    )
    assert time.monotonic() - start < 2 * ENDS


@soon
def test_a_thousand(lab):
    """As one program that asks in vain again and again; and nothing is left of it."""
    most, grown, left = run(
        lab,
        """
        most = 0
        def work(numbers):
            for i in numbers:
                with contextlib.suppress(OSError), sock.deadline(0.05):
                    sock.getaddrinfo(f"n{i}.lab.test", 80)
        def ask(first, end):
            global most
            workers = [threading.Thread(target=work, args=[range(first + n, end, 20)])
                       for n in range(20)]
            for worker in workers:
                worker.start()
            while any(worker.is_alive() for worker in workers):
                most = max(most, len(sock.lookups()))
                assert threads() <= 1 + 20 + 64 + 20  # and those that are just ending
                time.sleep(0.01)
            await_(lambda: not sock.lookups() and threads() == 1)
            return memory()
        before = ask(0, 500)
        result = most, ask(500, 1000) - before, threads()
        """,
    )
    assert most == 64
    assert left == 1
    # A sanitizer keeps freed memory for a while, to see who still uses it.
    assert grown < 2 * 1024 or os.environ.get("CSOCK_SANITIZED")


@soon
@pytest.mark.skipif(sys.version_info < (3, 12), reason="os.fork() does not warn of threads")
def test_fork_warns_while_one_lives_and_not_after(lab):
    during, after = run(
        lab,
        """
        import warnings
        def warned():
            with warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter("always")
                pid = os.fork()
                if pid == 0:
                    os._exit(0)
                os.waitpid(pid, 0)
            return len(seen)
        with sock.deadline(5):
            sock.getaddrinfo("known.lab.test", 80)
        before = warned()
        late(sock.getaddrinfo, args[0], 80)
        during = warned()
        await_(lambda: not sock.lookups() and threads() == 1)
        result = during, before + warned()
        """,
        NAME,
    )
    assert (during, after) == (1, 0)
