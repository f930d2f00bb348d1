"""A program under test for programs.py: a fresh process, and what it gets done in some time.

A client program is told to work; a server program is put under load, by wrk or by peer_load of
peers.c. Both tell a Slice. Sits on the processes and on tests/ecosystem/servers.py; does no
statistics and knows nothing of the other side. An answer that is wrong raises Failed.
"""

import contextlib
import ctypes
import errno
import http.client
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import time
from dataclasses import astuple, dataclass
from pathlib import Path

import build
import run
import servers

HERE = Path(__file__).resolve().parent
PATIENCE = 60  # seconds that a program may take to answer, beyond its slice
SHORT = 0.125  # seconds of a slice
LONG = 0.5  # where a thread computes beside, which hands the interpreter lock over every 5 ms


class Failed(Exception):
    """Something went wrong or an answer was wrong: there is no figure then."""


@dataclass
class Slice:
    done: int
    seconds: float
    cpu: float  # seconds of processor time of the program under test
    computed: int = 0  # what the thread beside it got done

    def __add__(self, other):
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Slice(*(a + b for a, b in pairs))

    @property
    def rate(self):
        return self.done / self.seconds


def cpu_seconds(pid):
    """Of processor time, of a process and its children, with threads that have ended.
    clock_getcpuclockid(3)"""
    ours = time.clock_gettime((~pid << 3) | 2)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return ours + sum(cpu_seconds(int(child)) for child in children)


class Process:
    """The process. Ends with the block."""

    def __init__(self, command, environment, processors, log):
        self.command, self.log = command, log
        with run.only_on(processors), open(log, "wb") as out:
            self.process = subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=out, start_new_session=True)
        self.pid = self.process.pid

    def fail(self, why):
        said = Path(self.log).read_text(errors="replace")[-3000:]
        raise Failed(f"{' '.join(map(str, self.command))}: {why}\n{said}")

    def heard(self, seconds=0.0):
        """The next line it says."""
        ready, _, _ = select.select([self.process.stdout], [], [], seconds + PATIENCE)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            self.fail("ended" if ready else "says nothing")
        return json.loads(line)

    def told(self, *words, seconds=0.0):
        try:
            self.process.stdin.write((" ".join(map(str, words)) + "\n").encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            self.fail("ended")
        return self.heard(seconds)

    def end(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Client:
    """A client program: `words` are those of client_programs.py."""

    def __init__(self, words, busy=False):
        self.words, self.busy = words, busy
        self.span = LONG if busy else SHORT

    def start(self, python, environment, processors, log):
        command = [python, HERE / "client_programs.py", *map(str, self.words)]
        self.process = Process(command, environment, processors, log)

    def wait(self):
        return self.process.heard()["sockets"]

    def slice(self, seconds):
        before = cpu_seconds(self.process.pid)
        how = "busy" if self.busy else "alone"
        found = self.process.told(seconds, how, seconds=seconds)
        return Slice(cpu=cpu_seconds(self.process.pid) - before, **found)

    def end(self):
        self.process.end()


class Server:
    """A program of server_programs.py, and its load: a class with start(port), run, end."""

    def __init__(self, name, load, busy=False):
        self.name, self.load, self.busy = name, load, busy
        self.span = max(load.span, LONG if busy else SHORT)

    def start(self, python, environment, processors, log):
        command = [python, HERE / "server_programs.py", self.name]
        self.process = Process(command, environment, processors, log)

    def wait(self):
        said = self.process.heard()
        self.load.start(said["port"])
        return said["sockets"]

    def slice(self, seconds):
        if self.busy:
            self.process.told("busy")
        before = cpu_seconds(self.process.pid)
        done, span = self.load.run(seconds)
        cpu = cpu_seconds(self.process.pid) - before
        return Slice(done, span, cpu, **(self.process.told("alone") if self.busy else {}))

    def end(self):
        self.load.end()
        self.process.end()


class Gunicorn(Server):
    """One worker with threads, serving the application of tests/ecosystem."""

    def __init__(self, load, threads):
        super().__init__("gunicorn", load)
        self.threads = threads

    def start(self, python, environment, processors, log):
        self.port = servers.free_port("port")
        command = [python, "-m", "gunicorn", "--bind", f"127.0.0.1:{self.port}", "--threads",
                   str(self.threads), "--worker-class", "gthread", "--workers", "1",
                   "--keep-alive", "30", "--log-level", "warning", "wsgi_app:app"]
        self.process = Process(command, environment, processors, log)

    def wait(self):
        deadline = time.monotonic() + PATIENCE
        while not servers.answers(self.port):
            if self.process.process.poll() is not None or time.monotonic() > deadline:
                self.process.fail("does not come up")
            time.sleep(0.02)
        self.load.start(self.port)
        return self.load.get("/which").decode()


# ----------------------------------------------------------------------- loads


class Wrk:
    """GET / under wrk, which compares every answer (wrk.lua)."""

    span = 1  # it takes whole seconds

    def __init__(self, connections, body, warm=200):
        self.connections, self.body, self.warm = connections, body, warm
        self.http = None

    def start(self, port):
        self.url = f"http://127.0.0.1:{port}/"
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        for _ in range(self.warm):
            if (got := self.get("/")) != self.body:
                raise Failed(f"{got!r} from {self.url}")

    def get(self, path):
        self.http.request("GET", path)
        response = self.http.getresponse()
        return response.read() if response.status == 200 else b"%d" % response.status

    def run(self, seconds):
        self.http.close()
        span = f"-d{max(1, round(seconds))}s"
        command = [servers.program("wrk"), "-t1", f"-c{self.connections}", span, "-s",
                   HERE / "wrk.lua", self.url, "--", self.body]
        said = subprocess.run(command, capture_output=True, text=True)
        found = re.search(r"answers (\d+) us (\d+) wrong (\d+) errors (\d+)", said.stdout)
        if said.returncode or not found:
            raise Failed(f"wrk: {said.stdout}{said.stderr}")
        answers, us, wrong, errors = map(int, found.groups())
        if wrong or errors or not answers:
            raise Failed(f"wrk: {wrong} wrong answers, {errors} errors: {said.stdout}")
        return answers, us / 1e6

    def end(self):
        if self.http:
            self.http.close()


class Lanes:
    """Questions over several connected sockets, one at a time on each; peers.c compares every
    answer. The first two bytes of question and answer are a number that changes."""

    span = SHORT

    def __init__(self, kind, question, answer, lanes=8, warm=0.25):
        self.kind, self.question, self.answer, self.warm = kind, question, answer, warm
        self.lanes, self.sockets = lanes, []

    def start(self, port):
        for _ in range(self.lanes):
            lane = socket.socket(socket.AF_INET, self.kind)
            lane.connect(("127.0.0.1", port))
            if self.kind == socket.SOCK_STREAM:
                lane.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sockets.append(lane)
        self.run(self.warm)

    def run(self, seconds):
        fds = (ctypes.c_int * self.lanes)(*(lane.fileno() for lane in self.sockets))
        sizes = (ctypes.c_int * 2)(len(self.question), len(self.answer))
        took = ctypes.c_int64()
        load = build.twins().peer_load
        load.restype = ctypes.c_int64
        answers = load(fds, self.lanes, self.question, self.answer, sizes, int(seconds * 1000),
                       ctypes.byref(took))
        if answers < 0:
            why = "a wrong answer" if answers == -errno.EBADMSG else os.strerror(-answers)
            raise Failed(f"load on a server: {why}")
        return answers, took.value / 1e9

    def end(self):
        for lane in self.sockets:
            lane.close()
        self.sockets.clear()


def echo_load():
    message = bytes(range(64))
    return Lanes(socket.SOCK_STREAM, message, message)


def dns_load():
    """Asks for the address of www.example.org. RFC 1035, section 4"""
    name = b"\3www\7example\3org\0" + struct.pack("!2H", 1, 1)
    question = struct.pack("!6H", 0, 0x0100, 1, 0, 0, 0) + name
    record = struct.pack("!3HIH4B", 0xC00C, 1, 1, 60, 4, 192, 0, 2, 1)
    answer = struct.pack("!6H", 0, 0x8580, 1, 1, 0, 0) + name + record
    return Lanes(socket.SOCK_DGRAM, question, answer)
