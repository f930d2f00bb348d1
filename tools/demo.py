#!/usr/bin/env python3
"""Shows csock at work: real programs, each in a process of its own, talking to each other.

Prints each command before it runs. Ends with status 1, saying what was expected and what came,
as soon as one byte differs, a program fails, or one takes too long. See `make demo`.
"""

import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
import time

import csock

ROOT = pathlib.Path(__file__).resolve().parents[1]
PREFIX = ROOT / "build" / "release" / "prefix"
EXAMPLES = ROOT / "examples"
LIMIT = 20  # seconds for any one program
HELLO = "Hello, world"


class Failure(Exception):
    pass


def shown(words):
    """A command as one would type it at the top of the checkout."""
    words = ["python3" if word == sys.executable else str(word) for word in words]
    return shlex.join(word.removeprefix(f"{ROOT}/") for word in words)


def run(*words):
    """Runs a program to its end; returns what it wrote."""
    print(f"  $ {shown(words)}")
    try:
        done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        raise Failure(f"{shown(words)}: not done after {LIMIT} s") from None
    if done.returncode != 0:
        raise Failure(f"{shown(words)}: status {done.returncode}")
    return done.stdout


class Server:
    """A program in the background, from the moment on at which it can be reached."""

    def __init__(self, *words, reachable):
        print(f"  $ {shown(words)} &")
        self.words = words
        self.process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE)
        deadline = time.monotonic() + LIMIT
        while not reachable():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise Failure(f"{shown(words)}: cannot be reached")
            time.sleep(0.01)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def end(self):
        """Waits for it to end by itself; returns what it wrote."""
        try:
            output, _ = self.process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            raise Failure(f"{shown(self.words)}: does not end") from None
        if self.process.returncode != 0:
            raise Failure(f"{shown(self.words)}: status {self.process.returncode}")
        return output


def expect(what, got, wanted):
    if got != wanted:
        raise Failure(f"{what}:\n  expected {wanted!r:.300}\n  got      {got!r:.300}")


def free_port(kind=csock.SOCK_STREAM):
    with csock.socket(csock.AF_INET, kind) as s:
        s.bind("", 0)
        return s.getsockname()[1]


def bound(table, port, state):
    """A test for a port in the kernel's table: asking by connecting would use up the one client
    that an echo server takes. proc(5), /proc/net/tcp"""

    def test():
        rows = pathlib.Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        fields = [row.split() for row in rows]
        return any(row[1].endswith(f":{port:04X}") and row[3] == state for row in fields)

    return test


def listening(port):
    return bound("tcp", port, "0A")


def on_port(name, port, folder):
    """The text's program, with its port replaced by a free one."""
    copy = folder / name
    text = (EXAMPLES / "python" / name).read_text()
    copy.write_text(text.replace("PORT = 50007", f"PORT = {port}"))
    return sys.executable, copy


def echo_tcp(folder):
    port = free_port()
    print(f"  (its port 50007 replaced by {port}, which is free)")
    with Server(*on_port("echo_server.py", port, folder), reachable=listening(port)) as server:
        answer = run(*on_port("echo_client.py", port, folder))
        expect("the client", answer.decode(), f"Received {HELLO.encode()!r}\n")
        expect("the server", server.end()[:26], b"Connected by ('127.0.0.1',")
    print(f"  {answer.decode()}", end="")


def echo_unix(folder):
    path = folder / "echo.sock"
    program = EXAMPLES / "python" / "unix_echo_server.py"
    listed = f" {path}\n"

    def reachable():
        return path.exists() and listed in pathlib.Path("/proc/net/unix").read_text()

    with Server(sys.executable, program, path, reachable=reachable) as server:
        answer = run(sys.executable, EXAMPLES / "python" / "unix_echo_client.py", path)
        expect("the client", answer.decode(), f"Received {HELLO.encode()!r}\n")
        server.end()
    print(f"  {answer.decode()}", end="")


def echo_udp(_):
    port = free_port(csock.SOCK_DGRAM)
    program = EXAMPLES / "python" / "udp_echo_server.py"
    with Server(sys.executable, program, str(port), reachable=bound("udp", port, "07")) as server:
        client = EXAMPLES / "python" / "udp_echo_client.py"
        answer = run(sys.executable, client, "localhost", str(port)).decode()
        expect("the client", answer, f"Received {HELLO.encode()!r} from ('127.0.0.1', {port})\n")
        server.end()
    print(f"  {answer}", end="")


def compile_c(name, folder):
    """The command of docs/start.md, on what `meson install` put into PREFIX."""
    flags = "$(pkg-config --cflags --libs csock)"
    source, program = EXAMPLES / "c" / f"{name}.c", folder / name
    print(f"  $ cc {source.relative_to(ROOT)} {flags} -o {program}")
    command = f"cc {shlex.quote(str(source))} {flags} -o {shlex.quote(str(program))}"
    subprocess.run(["sh", "-c", command], check=True)
    return program


def echo_c_client(folder):
    program, port = compile_c("echo_client", folder), free_port()
    with Server(*on_port("echo_server.py", port, folder), reachable=listening(port)) as server:
        answer = run(program, "localhost", str(port)).decode()
        expect("the client", answer, f"Received {HELLO}\n")
        expect("the server", server.end()[:26], b"Connected by ('127.0.0.1',")
    print(f"  {answer}", end="")


def echo_c_server(folder):
    program, port = compile_c("echo_server", folder), free_port()
    with Server(program, str(port), reachable=listening(port)) as server:
        answer = run(*on_port("echo_client.py", port, folder)).decode()
        expect("the client", answer, f"Received {HELLO.encode()!r}\n")
        expect("the server", server.end()[:23], b"Connected by 127.0.0.1:")
    print(f"  {answer}", end="")


def http(folder):
    page, port = os.urandom(1 << 20), free_port()
    (folder / "page").write_bytes(page)
    program = EXAMPLES / "python" / "http_server.py"
    words = sys.executable, program, folder, str(port)
    with Server(*words, reachable=listening(port)) as server:
        client = EXAMPLES / "python" / "http_client.py"
        answer = run(sys.executable, client, "localhost", str(port), "/page")
        expect("the page", answer, page)
        server.process.terminate()
    print(f"  {len(answer)} random bytes came as they are in the file")


STEPS = {
    "The echo server and client of 1998, over TCP by host name": echo_tcp,
    "The same over AF_UNIX": echo_unix,
    "The same over UDP": echo_udp,
    "The C client, and the Python server": echo_c_client,
    "The Python client, and the C server": echo_c_server,
    "The standard library's HTTP server and client, running on csock": http,
}


def main():
    sys.stdout.reconfigure(line_buffering=True)  # in order with what the programs print
    os.environ["PKG_CONFIG_PATH"] = str(PREFIX / "lib" / "pkgconfig")
    os.environ["LD_LIBRARY_PATH"] = str(PREFIX / "lib")
    start = time.monotonic()
    print(f"csock from {csock.__file__}, Python {sys.version.split()[0]}")
    print("To type its Python commands yourself, here, before them:")
    print("  export PATH=$PWD/build/venv/bin:$PATH PYTHONPATH=$PWD/build/release/site")
    for number, (title, step) in enumerate(STEPS.items(), 1):
        print(f"\n{number}. {title}")
        with tempfile.TemporaryDirectory(prefix="csock-demo-") as folder:
            step(pathlib.Path(folder))
    print(f"\ndemo: all {len(STEPS)} right, byte for byte, in {time.monotonic() - start:.1f} s")


if __name__ == "__main__":
    try:
        main()
    except (Failure, OSError, subprocess.CalledProcessError) as failure:
        sys.exit(f"\ndemo: FAILED: {failure}")
