"""Random programs on the stock module and on csock: a short run of tests/differential, which
`make differential` runs for longer."""

import os
import pathlib
import subprocess
import sys

import pytest
import testkit

RUN = pathlib.Path(__file__).resolve().parents[1] / "differential" / "run.py"
sys.path.insert(0, str(RUN.parent))
from known import why_different  # noqa: E402

SECONDS = 12
SEED = 1  # the same programs each time: new ones are for `make differential`

pytestmark = pytest.mark.skipif(
    testkit.why_no_netns() is not None, reason=testkit.why_no_netns() or ""
)


PROGRAMS = {
    "same": ["a = m.socket()", "a.getsockopt(1, 3, 4)"],
    "closed under its feet": ["a, b = m.socketpair()", "m.close(FD('a'))", "a.send(b'x')"],
    "the harness's own descriptors": ["m.close(0)", "m.close(1)", "a = m.socket()", "a.fileno()"],
    "another name": ["m.sethostname('elsewhere')", "m.gethostname()"],
    "hangs": ["a, b = m.socketpair()", "b.recv(1)"],
}


def run(*args):
    done = subprocess.run(
        [sys.executable, RUN, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=50 * testkit.SLOWNESS,
    )
    print(done.stdout)
    assert done.returncode in (0, 1), done.stderr
    return done


def files(tmp_path):
    for name, program in PROGRAMS.items():
        file = tmp_path / name
        file.write_text("\n".join(program))
        yield file


def test_random_programs_have_the_same_outcome():
    done = run("--seconds", SECONDS, "--seed", SEED)
    assert done.returncode == 0, done.stdout
    assert " calls\n" in done.stdout


def test_a_program_may_do_anything(tmp_path):
    name = os.uname().nodename
    done = run(*files(tmp_path))
    assert done.returncode == 0, done.stdout
    assert os.uname().nodename == name


def test_a_mistake_is_found(tmp_path):
    done = run("--plant", *files(tmp_path))
    assert done.returncode == 1
    assert done.stdout.count("DIFFERENT") == 1 and "planted" in done.stdout


TIMED_OUT = "builtins.TimeoutError('timed out',) timed out"
AGAIN = "builtins.BlockingIOError(11, 'Resource temporarily unavailable') [Errno 11] …"
REFUSED = "builtins.OSError(107, 'Transport endpoint is not connected') [Errno 107] …"
EBADF, EINVAL = (f"builtins.OSError({n}, '…') [Errno {n}] …" for n in (9, 22))
NO_SOCKET = "builtins.OSError(88, 'Socket operation on non-socket') [Errno 88] …"


def outcome(answer, timeout=0.02, flags=2050, fd=3, more=()):
    kind = "<AddressFamily.AF_UNIX: 1>, <SocketKind.SOCK_STREAM: 1>"
    shown = f"socket.socket({kind}, 0, {timeout}, {fd})"
    return [answer, [], [["a", shown, [flags, 1]], ["open", [[3, "socket:"], *more]]]]


LEFT = [[4, "/dev/null"]]
# The line, what stock says, what csock says; first what is known, then what is like it and is not.
KNOWN = [
    ("a.recv(1)", outcome(TIMED_OUT), outcome(REFUSED)),
    ("a.recv(1, 0x40)", outcome(TIMED_OUT), outcome(AGAIN)),
    ("a.recv(1, 0x20)", outcome("bytes b'ab'"), outcome("bytes b'a'")),
    ("a.recv(1)", outcome(TIMED_OUT, 2147483648.0), outcome("hung", 2147483648.0)),
    ("a.recvmsg(1, 0, -1)", outcome(EINVAL, fd=-1), outcome(EBADF, fd=-1)),
    ("m.dup(2**32+3)", outcome("int 4", more=[[4, "socket:"]]), outcome("builtins.OverflowError")),
    ("m.fromfd(0, 1, 1)", outcome(NO_SOCKET, more=LEFT), outcome(NO_SOCKET)),
    ("m.send_fds(a, [b'x'], [0], 0x40)", outcome("int 1"), outcome(AGAIN)),
    ("a = m.socket(1, 2049, 0, a.detach())", outcome("done", flags=2), outcome("done")),
]
REGRESSIONS = [
    ("a.recv(1)", outcome(TIMED_OUT), outcome(AGAIN)),
    ("a.recv(1)", outcome(TIMED_OUT), outcome("died")),
    ("a.recv(1)", outcome(TIMED_OUT), outcome(REFUSED, flags=2)),
    ("a.recv(1, 0x2000)", outcome("hung"), outcome(AGAIN)),
    ("a.recv(1, 0x20)", outcome("bytes b'ab'"), outcome("bytes b'b'")),
    ("a.recv(1)", outcome(TIMED_OUT, 2.0), outcome("hung", 2.0)),
    ("a.recvmsg(1, 0, -1)", outcome(EINVAL), outcome(EBADF)),
    ("m.dup(3)", outcome("int 4", more=[[4, "socket:"]]), outcome("builtins.OverflowError")),
    ("m.fromfd(0, 1, 1)", outcome(NO_SOCKET), outcome(NO_SOCKET, more=LEFT)),
    ("m.send_fds(a, [b'x'], [0, 1])", outcome("int 1"), outcome(AGAIN)),
    ("a = m.socket(1, 1, 0, a.detach())", outcome("done", flags=2), outcome("done")),
    ("a.bind(('fe80::1%lo', 0))", outcome("NoneType None"), outcome(EINVAL)),
]


@pytest.mark.parametrize(("line", "stock", "csock"), KNOWN, ids=lambda value: str(value)[:30])
def test_what_is_known_is_recognised(line, stock, csock):
    if csock[0] == "hung" and sys.version_info >= (3, 14):
        pytest.skip("timeouts hold in stock from 3.14 on")
    assert why_different(line, stock, csock)


@pytest.mark.parametrize(("line", "stock", "csock"), REGRESSIONS, ids=lambda value: str(value)[:30])
def test_what_is_like_it_is_not(line, stock, csock):
    assert why_different(line, stock, csock) is None
