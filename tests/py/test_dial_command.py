"""`csock dial`: the waterfall, its JSON, and the exit status; CSOCK_TRACE=dial shows the same from
inside a program."""

import json
import os
import sys

import dialkit
import pytest
import testkit
from childkit import run

import csock
from csock import _waterfall

SCRIPT = "import sys; sys.argv[0] = 'csock'; from csock._command import script; script()"


def csock_dial(*words, **options):
    done = run(sys.executable, "-c", SCRIPT, "dial", *words, **options)
    assert done.stderr == "" or done.returncode == 2, done.stderr
    return done.returncode, done.stdout


@pytest.fixture
def port():
    with csock.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_connected(port):
    status, text = csock_dial("127.0.0.1", port)
    assert status == 0
    head, attempt = text.splitlines()
    assert head.startswith(f"127.0.0.1:{port}: connected, 0.")
    assert attempt.startswith(f"  127.0.0.1:{port} ") and attempt.endswith("| connected")
    assert "|" + "=" in attempt or "| " in attempt


def test_a_name_has_a_look_up(port):
    status, text = csock_dial("localhost", port)
    assert status == 0 and text.splitlines()[1].startswith("  look-up ")


def test_python_m(port):
    for words, status in (("127.0.0.1", port), 0), (("--json", "127.0.0.1", port), 0), ((), 2):
        done = run(sys.executable, "-m", "csock", "--dial", *words)
        assert done.returncode == status, done.stderr
        assert done.stderr == "" or "usage: python -m csock --dial" in done.stderr
        assert status or "connected" in done.stdout
    assert "exit status: 0" in run(sys.executable, "-m", "csock", "--dial", "--help").stdout


def test_refused():
    host, port = dialkit.refusing()
    status, text = csock_dial(host, port)
    assert status == 1 and "Connection refused" in text.splitlines()[0]


def test_silent():
    with dialkit.network(1, answering=False) as (port, addresses):
        status, text = csock_dial(addresses[0][0], port, "--timeout", "0.3")
    assert status == 4 and text.count("no answer") == 2


def test_no_such_name():
    status, text = csock_dial("name.invalid", 80)
    assert status == 3 and "look-up" in text


@pytest.mark.parametrize("words", [(), ("host",), ("127.0.0.1", "65536"), ("host", "1", "--nope")])
def test_usage(words):
    assert csock_dial(*words)[0] == 2


def test_json(port):
    status, text = csock_dial("localhost", port, "--json")
    told = json.loads(text)
    assert told["status"] == status == 0 and told["error"] is None
    assert [row["what"] for row in told["rows"]][0] == "look-up"
    assert told["rows"][-1]["outcome"] == "connected"
    host, refused = dialkit.refusing()
    status, text = csock_dial(host, refused, "--json")
    assert json.loads(text)["status"] == status == 1
    assert json.loads(text)["error"].startswith("[Errno 111] Connection refused: ")


def test_tls_that_is_none(port):
    def greet():
        with csock.create_server(("127.0.0.1", 0)) as server:
            ports.append(server.getsockname()[1])
            conn, _ = server.accept()
            with conn:
                conn.sendall(b"220 not TLS\r\n")
                conn.recv(10000)

    ports = []
    job = testkit.Job(greet)
    testkit.wait_for(lambda: ports)
    status, text = csock_dial("127.0.0.1", ports[0], "--tls")
    job.result()
    assert status == 5 and text.splitlines()[-1].startswith("  TLS ")


def test_tls_with_nobody_to_answer(port):
    status, text = csock_dial("127.0.0.1", port, "--tls", "--timeout", "0.5")
    assert status == 4 and text.splitlines()[-1].startswith("  TLS ")


TRACED = """
import dialkit, socket
with dialkit.network(1) as (port, addresses):
    csock.dial("several", port, resolver=dialkit.answers(addresses)).close()
    for address in (dialkit.refusing(), addresses[-1]):
        try: socket.create_connection(address).close()
        except OSError: pass
"""


def trace(env):
    text = "import csock\ncsock.install()\n" + TRACED
    done = run(sys.executable, "-c", text, env={**os.environ, **env, "PYTHONPATH": dialkit.PATH})
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return done.stderr


def test_trace():
    text = trace({"CSOCK_TRACE": "dial"})
    heads = [line for line in text.splitlines() if line.startswith("csock: ")]
    assert len(heads) >= 3 and "several:" in heads[-3] and "refused" in heads[-2]
    assert "given up" in text and "connected" in heads[-1]
    assert trace({}) == trace({"CSOCK_TRACE": ""}) == trace({"CSOCK_TRACE": "0"}) == ""
    for words, told in ("1", "1"), ("dail,x", "dail, x"):
        said = f"csock: CSOCK_TRACE takes all and dial, and not {told}\n"
        assert trace({"CSOCK_TRACE": words}) == said


def test_trace_when_files_are_out_of_reach(tmp_path):
    if os.geteuid():
        pytest.skip("chroot needs root")
    text = "import csock, os\ncsock.install()\nimport socket\n"
    text += "server = socket.create_server(('127.0.0.1', 0))\n"
    text += f"os.chroot({str(tmp_path)!r})\nos.chdir('/')\n"
    text += "socket.create_connection(server.getsockname()).close()\n"
    done = run(sys.executable, "-c", text, env={**os.environ, "CSOCK_TRACE": "dial"})
    assert done.returncode == 0 and "connected" in done.stderr, done.stderr


def test_a_name_that_a_terminal_would_obey():
    status, text = csock_dial("a\x1b[31m\nb.invalid", 80)
    assert status == 3 and text.startswith("a?[31m?b.invalid:80: ")


def test_scopes_are_shown():
    report = {"target": "t", "looking_up": False, "looked_up": None, "error": None, "elapsed": 1}
    address = "fe80::1", 7, 0, 2
    attempt = csock._core.Attempt((address, 1.0, None, 0.0))
    report |= {"attempts": [attempt], "untried": 0, "left_out": 0, "found": 1}
    assert "[fe80::1%2]:7 " in _waterfall.text(report)


INTERRUPTED = """
import signal, sys
signal.signal(signal.SIGALRM, signal.default_int_handler)
def hook(event, args):
    if event == "socket.connect":
        signal.setitimer(signal.ITIMER_REAL, 0.5)
sys.addaudithook(hook)
"""


def test_ctrl_c_shows_how_far_it_came():
    with dialkit.network(1, answering=False) as (port, addresses):
        command = [sys.executable, "-c", INTERRUPTED + SCRIPT, "dial", addresses[0][0], port]
        done = run(*command)
    assert (done.returncode, done.stderr) == (130, "")
    head, attempt = done.stdout.splitlines()
    assert head.startswith(f"{addresses[0][0]}:{port}: KeyboardInterrupt, ")
    assert attempt.endswith("| given up")
