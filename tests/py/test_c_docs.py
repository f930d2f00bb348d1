"""The program in docs/c.md builds by its command, and ends as the text says: with an answer, with
nobody there, and with somebody who says nothing."""

import os
import pathlib
import re
import socket
import subprocess
import threading

import pytest
import testkit

TEXT = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "c.md").read_text()
pytestmark = pytest.mark.skipif(testkit.SANITISED, reason="the plain run builds the same program")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    prefix = os.environ.get("CSOCK_PREFIX")
    if prefix is None:
        pytest.skip("CSOCK_PREFIX does not name an installed C library: use `make test`")
    folder = tmp_path_factory.mktemp("line")
    (program,) = re.findall(r"^```c\n(.*?)^```$", TEXT, re.S | re.M)
    (command,) = re.findall(r"^cc .*$", TEXT, re.M)
    env = {**os.environ, "PKG_CONFIG_PATH": f"{prefix}/lib/pkgconfig"}
    env["LD_LIBRARY_PATH"] = f"{prefix}/lib"
    (folder / "line.c").write_text(program)
    command = command.replace("cc ", "cc -Wall -Wextra -Werror ")
    subprocess.run(["sh", "-c", command], cwd=folder, env=env, check=True)

    def run(port):
        words = ["./line", "127.0.0.1", str(port)]
        return subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True)

    return run


def test_an_answer(run):
    def serve():
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"you said " + lines.readline())

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        done = run(server.getsockname()[1])
        thread.join()
    assert (done.stdout, done.stderr, done.returncode) == ("you said hello\n", "", 0)


def test_nobody_there(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        done = run(port)
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr == "127.0.0.1: Connection refused\n"
    assert "localhost: Connection refused" in TEXT


def test_somebody_who_says_nothing(run):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = run(port)
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr == "127.0.0.1: timed out\n"
    assert "localhost: timed out" in TEXT
