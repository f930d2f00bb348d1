"""The programs in docs/deadlines.md run as printed, and print what stands under them; and what it
cannot hold is said first."""

import pathlib
import re

import childkit
import pytest

TEXT = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "deadlines.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```\n\nprints\n\n```\n(.*?)^```$", TEXT, re.S | re.M)


@pytest.mark.parametrize("program, printed", EXAMPLES)
def test_examples(env, program, printed):
    out = childkit.out(program, env=env)
    # A busy machine may take so long between two calls that the next finds it passed.
    assert out.replace(" passed already", " passed") == printed


def test_what_it_cannot_hold_comes_first_and_generators_next():
    _, first, second, *_ = TEXT.split("\n\n")
    words = "stock module", "time.sleep", "select", "poll", "libpq", "in C"
    assert all(word in first for word in words)
    assert "generator" in second and "PEP 789" in second
    assert len(EXAMPLES) == TEXT.count("```python") >= 4


ELSEWHERE = """
    import csock; csock.install()
    import multiprocessing.connection as mp, socket, socketserver, threading
    here, there = mp.Pipe()
    listener = mp.Listener(("127.0.0.1", 0))
    tries, rest = [], threading.Event()
    class Refusing(socketserver.TCPServer):
        def get_request(self):
            try: return super().get_request()
            except csock.DeadlineExceeded:
                tries.append(1)
                if len(tries) == 3: threading.Thread(target=self.shutdown).start()
                raise
    with csock.deadline(0.01) as d:
        try: listener.accept()
        except csock.DeadlineExceeded: print("accept", d.expired())
        there.send("late")
        print(here.recv())
        refusing = Refusing(("127.0.0.1", 0), socketserver.BaseRequestHandler)
        with csock.deadline(None, shield=True):
            client = socket.create_connection(refusing.server_address)
        refusing.serve_forever()
    print("spun")
"""


def test_what_waits_elsewhere_goes_on(env):
    """Pipes of multiprocessing; serve_forever, which tries again and again."""
    assert childkit.out(ELSEWHERE, env=env) == "accept True\nlate\nspun\n"
    assert "`Listener.accept()` is bounded" in TEXT and "and spins" in TEXT


@pytest.mark.parametrize("install, printed", [("", "read b'late'"), ("csock.install()", "ended")])
def test_stock_sockets_go_on(env, install, printed):
    program = f"""
        import csock
        {install}
        import socket
        a, b = socket.socketpair()
        with csock.deadline(0):
            try:
                b.send(b"late")
                print("read", a.recv(10))
            except csock.DeadlineExceeded:
                print("ended")
    """
    assert childkit.out(program, env=env) == f"{printed}\n"
