"""What a program does while a look-up is under way at a real name server: it forks, gets signals,
goes to another network, drops its rights, changes its root."""

import textwrap

import pytest
from cable import Cable
from dnslab import ZONES, client, server
from netlab import SERVE

FAR6, FAR4 = "fd77::2", "10.77.0.2"
ENDS = 5  # seconds: what is on time on a busy machine, and libc is not, which waits for 20
KIT = """
import contextlib, ctypes, signal, threading
NAME = "far.lab.test"
def look_up(name=NAME):
    with sock.deadline(20):
        found = sock.getaddrinfo(name, 7000, type=sock.SOCK_STREAM)
    return [row[4][0] for row in found]
def dial():
    with sock.dial(NAME, 7000, timeout=20, resolution_delay=20) as s:
        return s.getpeername()[0]
def create_connection():
    with sock.create_connection((NAME, 7000), 20) as s:
        return s.getpeername()[0]
def await_(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)
def sent():
    with open("/proc/net/snmp") as file:
        names, values = (line.split() for line in file if line.startswith("Udp:"))
    return int(values[names.index("OutDatagrams")])
def under_way(function=look_up):
    "Of one that has sent its queries, in another thread: its own number, what gives its outcome."
    seen, before = [], sent()
    thread = threading.Thread(target=lambda: seen.append(outcome(function)))
    thread.start()
    await_(lambda: sock.lookups() and sent() > before)
    def ended():
        thread.join()
        return seen[0]
    return sock.lookups()[0].thread, ended
def exit_code(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""


@pytest.fixture(scope="module")
def cable(namespace, tmp_path_factory):
    made = Cable(namespace)
    made.near.etc("resolv.conf", f"nameserver {FAR4}\noptions timeout:8 attempts:1\n")
    made.near.etc("nsswitch.conf", "hosts: files dns\n")
    made.near.etc("hosts", "127.0.0.1 localhost\n192.0.2.50 known.lab.test\n")
    made.far.start("socket", SERVE).expect("ready")
    with server(made.far, tmp_path_factory.mktemp("nsd"), FAR4, asker=made.near):
        yield made


@pytest.fixture(scope="module")
def elsewhere(namespace, tmp_path_factory):
    """A network in which another name server has the same address, and gives another one."""
    made = client(namespace, "elsewhere", FAR4)
    made.ip("addr", "add", f"{FAR4}/32", "dev", "lo")
    zones = {"lab.test": ZONES["lab.test"].replace("10.77.0.2", "192.0.2.77")}
    with server(made, tmp_path_factory.mktemp("nsd"), FAR4, zones):
        yield made


def run(cable, program, *arguments):
    return cable.near.run("csock", KIT + textwrap.dedent(program), *arguments)


# create_connection() waits for IPv6 for 50 ms, and a busy machine may take longer to give it.
ANSWERS = {
    "look_up": [[FAR6, FAR4]],
    "dial": [FAR6],
    "create_connection": [FAR6, FAR4],
}


# ---- fork


@pytest.mark.parametrize("call", ANSWERS)
def test_fork_while_a_thread_waits(cable, call):
    """The child begins with none, and asks by itself: on sockets of its own, or each of the two
    would take the other's answers."""
    with cable.brings(("udp", 0.4)):
        child, seen = run(
            cable,
            """
            import warnings
            warnings.simplefilter("ignore", DeprecationWarning)  # stock's threads have it, too
            function = globals()[args[0]]
            _, ended = under_way(function)
            pid = os.fork()
            if pid == 0:
                threads = os.listdir("/proc/self/task")
                assert sock.lookups() == [] and len(threads) == 1
                seen = outcome(function)
                known = look_up("known.lab.test")
                os._exit(0 if known == ["192.0.2.50"] and seen["value"] in args[1] else 3)
            result = exit_code(pid), ended()
            """,
            call,
            ANSWERS[call],
        )
    assert child == 0
    assert seen["value"] in ANSWERS[call], seen


@pytest.mark.parametrize("call", ANSWERS)
def test_fork_in_a_handler_of_the_wait(cable, call):
    """The child goes on with the call of its parent's, without the parent's thread."""
    with cable.brings(("udp", 0.5)):
        child, seen = run(
            cable,
            """
            import warnings
            warnings.simplefilter("ignore", DeprecationWarning)
            pids = []
            signal.signal(signal.SIGALRM, lambda *_: pids.append(os.fork()))
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            seen = outcome(globals()[args[0]])
            if pids == [0]:
                os._exit(0 if seen["value"] in args[1] else 3)
            result = [exit_code(pid) for pid in pids], seen
            """,
            call,
            ANSWERS[call],
        )
    assert child == [0]
    assert seen["value"] in ANSWERS[call], seen


# ---- signals


@pytest.mark.parametrize("call", ANSWERS)
@pytest.mark.parametrize("lost", ["SYN-ACK 6", "none"])
def test_a_storm_of_signals(cable, call, lost):
    """Through the look-up, whose answers are late, and the race: neither is ended by any."""
    with cable.brings(("udp", 0.2), (lost, None)):
        heard, seen = run(
            cable,
            """
            heard = 0
            def hear(*_):
                global heard
                heard += 1
            signal.signal(signal.SIGALRM, hear)
            signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
            seen = outcome(globals()[args[0]])
            signal.setitimer(signal.ITIMER_REAL, 0)
            result = heard, seen
            """,
            call,
        )
    wanted = [FAR4] if lost != "none" and call != "look_up" else ANSWERS[call]
    assert seen["value"] in wanted, seen
    assert heard > 5
    assert seen["took"] < 4 * ENDS


def test_a_storm_does_not_move_the_end(cable):
    with cable.brings(("udp", None)):
        heard, seen, open_ = run(
            cable,
            """
            heard = 0
            def hear(*_):
                global heard
                heard += 1
            before = os.listdir("/proc/self/fd")
            signal.signal(signal.SIGALRM, hear)
            signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
            seen = outcome(sock.create_connection, (NAME, 7000), 0.5)
            signal.setitimer(signal.ITIMER_REAL, 0)
            mine = [fd for fd in os.listdir("/proc/self/fd") if fd not in before]
            result = heard, seen, len(mine)
            """,
        )
    assert seen["error"] == ["timed out: look-up of far.lab.test, 0.5 s"]
    assert heard > 5
    assert 0.5 <= seen["took"] < ENDS
    assert open_ <= 3  # of the look-ups that were given up: libc's, one each


# ---- another network


def test_a_look_up_is_made_where_its_caller_is(cable, elsewhere):
    """It stays there when others leave; and who is elsewhere takes no part in it."""
    with cable.brings(("udp", 0.5)):
        there, stays, seen, back = run(
            cable,
            """
            def go(namespace):
                assert ctypes.CDLL(None).setns(namespace, 0x40000000) == 0  # CLONE_NEWNET
            home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            other = os.open(f"/run/netns/{args[0]}", os.O_RDONLY)
            number, ended = under_way()
            go(other)
            theirs = os.readlink(f"/proc/self/task/{number}/ns/net")
            there = look_up()
            seen = ended()
            go(home)
            stays = theirs == os.readlink("/proc/thread-self/ns/net")
            result = there, stays, seen, look_up()
            """,
            elsewhere.name,
        )
    assert "192.0.2.77" in there
    assert FAR4 not in there
    assert stays
    assert seen["value"] == back == [FAR6, FAR4]


# ---- rights and root


def test_dropping_rights(cable):
    """libc tells all threads, by a signal that look-ups let through, and waits for them."""
    with cable.brings(("udp", None)):
        took, users, known = run(
            cable,
            """
            with contextlib.suppress(sock.DeadlineExceeded), sock.deadline(0.2):
                sock.getaddrinfo(NAME, 7000)
            [row] = sock.lookups()
            start = time.monotonic()
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            took = time.monotonic() - start
            with open(f"/proc/self/task/{row.thread}/status") as file:
                users = next(line.split()[1:] for line in file if line.startswith("Uid:"))
            assert [one.thread for one in sock.lookups()] == [row.thread]
            result = took, users, look_up("known.lab.test")
            """,
        )
    assert took < ENDS
    assert users == ["65534"] * 4
    assert known == ["192.0.2.50"]


def test_another_root(cable, tmp_path):
    """The answer that is under way comes; and what cannot be looked up any more is an error."""
    with cable.brings(("udp", 0.4)):
        seen, hosts, number = run(
            cable,
            """
            _, ended = under_way()
            os.chroot(args[0])
            os.chdir("/")
            seen = ended()
            result = seen, outcome(look_up, "known.lab.test"), look_up("192.0.2.1")
            """,
            str(tmp_path),
        )
    assert seen["value"] == [FAR6, FAR4]
    assert number == ["192.0.2.1"]
    assert hosts["is"][0] == "gaierror"
    assert "known.lab.test" in hosts["text"]
