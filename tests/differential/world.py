"""One of the two worlds: runs programs on the stock module or on csock, and says what came of
them.

    world.py stock|ours [--plant]

run.py starts one of each, in network, UTS, user and PID namespaces of its own. A request is a line
of JSON: whether the program is to have a process of its own, and the program, a list of Python
expressions and statements. The answer is one, too: for each line its outcome, then what is left at
the end. Forking is slow: programs that are not to be alone share a child process one after the
other. They may close any descriptor but those from CONTROL on. What cannot be the same in two
worlds is renamed: ephemeral ports, names that the kernel chose, addresses in memory.

Must not: import what opens descriptors or starts threads; the two worlds have the same numbers."""

import array
import fcntl
import gc
import importlib
import json
import os
import re
import resource
import select
import signal
import sys
import tempfile
import time
import warnings
from fractions import Fraction

STEP_SECONDS = 0.3  # a call that takes longer is said to hang
PROGRAM_SECONDS = 10
CONTROL = 900  # this descriptor and those after it are the harness's own
PROGRAMS = 50  # in one child
EPHEMERAL = range(40000, 61000)
MEMORY = 6 << 30


class Hung(BaseException):
    """Raised in the program by the alarm."""


class Index:
    def __index__(self):
        return 5

    def __repr__(self):
        return "Index()"


class Tuple(tuple):
    pass


class Names:
    """Names for what differs by chance, in the order in which a program meets them."""

    def __init__(self):
        self.known = {}

    def port(self, number):
        return self.known.setdefault(number, f"PORT{len(self.known)}")

    def text(self, text):
        text = text.replace("csock.dropin", "socket").replace("csock._socket", "_socket")
        text = text.replace("csock._core.RawStream", "RawIOBase")
        text = re.sub(r"\b0x[0-9a-f]{6,}\b", "0xADDRESS", text)
        text = re.sub(r"\\x00[0-9a-f]{5}(?![0-9a-f])", "AUTOBIND", text)

        def port(match):
            number = int(match[0])
            return self.port(number) if number in EPHEMERAL else match[0]

        return re.sub(r"(?<![\w.])\d{5}(?![\w.])", port, text)

    def value(self, value, depth=0):
        if isinstance(value, raw.socket):
            shown = value.family, value.type, value.proto, value.gettimeout(), value.fileno()
            return self.text(f"{type(value).__module__}.{type(value).__qualname__}{shown}")
        if isinstance(value, (tuple, list)) and depth < 6:
            inner = ", ".join(self.value(item, depth + 1) for item in value)
            return f"{type(value).__name__}({inner})"
        return self.text(f"{type(value).__name__} {value!a}")

    def failure(self, error):
        kind = f"{type(error).__module__}.{type(error).__qualname__}"
        if isinstance(error, OSError) and error.errno is not None:
            error.filename = None  # ours has the address there
        return self.text(f"{kind}{error.args!a} {error!s}".encode("ascii", "replace").decode())


class Space(dict):
    """The variables of a program. Sockets that it has not made are made when it first uses them."""

    def __missing__(self, name):
        if name == "a":
            self[name] = m.socket()
        elif name == "b":
            self[name] = m.socket(m.AF_INET, m.SOCK_DGRAM)
        elif name == "l":
            self[name] = m.create_server(("127.0.0.1", 0))
        else:
            raise KeyError(name)
        return self[name]


def descriptors():
    """(number, what it is) of those that a program may have opened, or found open."""
    for fd in sorted(int(name) for name in os.listdir("/proc/self/fd")):
        if fd < CONTROL:
            try:
                kind = os.readlink(f"/proc/self/fd/{fd}")
            except OSError:
                continue  # that of the listing
            yield fd, re.sub(r"\[\d+\]", "", kind)


class Program:
    """One program, and the variables that its lines share."""

    def __init__(self, lines):
        self.lines, self.names, self.buffers = lines, Names(), []
        space = {"m": m, "raw": raw, "os": os, "array": array, "Index": Index, "Tuple": Tuple}
        space |= {"Fraction": Fraction, "B": self.buffer, "STRIDED": memoryview(b"abcdefgh")[::2]}
        space |= {"FD": self.descriptor}
        self.space = Space(space)

    def buffer(self, size):
        """A buffer to receive into: its content is part of the outcome."""
        self.buffers.append(bytearray(b"." * size))
        return self.buffers[-1]

    def descriptor(self, name):
        """Of the socket in that variable, if there is one."""
        return self.space[name].fileno() if name in self.space else -1

    def state(self):
        """What the sockets look like: the module's view, and the kernel's. And what is open."""
        for name in "abcl":
            s = self.space.get(name)
            if not isinstance(s, raw.socket):
                continue
            fd = s.fileno()
            try:
                flags = fcntl.fcntl(fd, fcntl.F_GETFL), fcntl.fcntl(fd, fcntl.F_GETFD)
            except (OSError, ValueError):
                flags = "closed"
            yield name, self.names.value(s), flags
        yield "open", list(descriptors())

    def step(self, line):
        self.buffers.clear()
        signal.setitimer(signal.ITIMER_REAL, STEP_SECONDS, STEP_SECONDS)
        try:
            try:
                code = compile(line, "<step>", "eval")
            except SyntaxError:
                exec(line, {}, self.space)
                outcome = "done"
            else:
                outcome = self.names.value(eval(code, {}, self.space))
        except Hung:
            outcome = "hung"
        except Exception as error:
            outcome = self.names.failure(error)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        buffers = [self.names.text(ascii(bytes(buffer))) for buffer in self.buffers]
        return [outcome, buffers, list(self.state())]

    def rest(self):
        """What was sent and not received, and which descriptors are open."""
        found = []
        for fd, kind in descriptors():
            if fd < 3 or "socket:" not in kind:
                found.append((fd, kind))
                continue
            os.set_blocking(fd, False)
            left = []
            try:
                while len(left) < 100 and (data := os.read(fd, 1 << 20)):
                    left.append([len(data), ascii(data[:100])])
                left.append("end" if not data else "more")
            except OSError as error:
                left.append(error.errno)
            found.append((fd, kind, left))
        return found

    def run(self):
        outcomes = []
        for line in self.lines:
            outcomes.append(self.step(line))
            if outcomes[-1][0] == "hung":
                return outcomes
        return [*outcomes, ["rest", self.rest(), []]]


def on_alarm(signum, frame):
    raise Hung


def report_on(lines):
    try:
        return json.dumps(Program(lines).run())
    except BaseException as error:
        return json.dumps([["harness", f"{type(error)} {error}", []]])


def clean_up():
    """As the child was before the program."""
    gc.collect()
    os.closerange(3, CONTROL)
    for fd in range(3):
        os.dup2(CONTROL + fd, fd)
    m.setdefaulttimeout(None)
    for name in os.listdir():
        os.unlink(name)


class Child:
    """A process that runs programs, until it is used up, stuck or dead."""

    def __init__(self, folder):
        its_requests, self.requests = os.pipe()
        self.reports, its_reports = os.pipe()
        self.used = 0
        self.pid = os.fork()
        if self.pid == 0:
            os.chdir(tempfile.mkdtemp(prefix="csd", dir=folder))
            self.serve(os.dup2(its_requests, CONTROL + 8), os.dup2(its_reports, CONTROL + 9))
        os.close(its_requests)
        os.close(its_reports)

    def serve(self, requests, reports):
        """Never returns."""
        os.closerange(3, CONTROL)
        signal.signal(signal.SIGALRM, on_alarm)
        gc.freeze()  # what is there now never goes: clean_up() need not look at it
        with open(requests) as source, open(reports, "w") as sink:
            for request in source:
                print(report_on(json.loads(request)), file=sink, flush=True)
                clean_up()
        os._exit(0)

    def run(self, lines):
        """The report, or None when the child is of no use any more."""
        self.used += 1
        os.write(self.requests, f"{json.dumps(lines)}\n".encode())
        report, until = b"", time.monotonic() + PROGRAM_SECONDS
        while not report.endswith(b"\n"):
            left = max(0, until - time.monotonic())
            if not select.select([self.reports], [], [], left)[0]:
                return None
            if not (chunk := os.read(self.reports, 1 << 20)):
                return None
            report += chunk
        return report.decode().strip()

    def end(self):
        """Its status: -9 if it had to be killed."""
        os.close(self.requests)
        os.close(self.reports)
        os.kill(self.pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def serve(source, sink, folder):
    child = None
    for request in source:
        alone, lines = json.loads(request)
        if child and (alone or child.used >= PROGRAMS):
            child.end()
            child = None
        child = child or Child(folder)
        report = child.run(lines)
        if report is None or "hung" in report:
            status = child.end()
            child = None
        print(report or json.dumps([["died", status, []]]), file=sink, flush=True)


def plant():
    """A mistake for the harness to find."""
    right = m.socket.getsockopt
    m.socket.getsockopt = lambda s, *args: b"planted" if args == (1, 3, 4) else right(s, *args)


def main():
    global m, raw
    names = {"stock": ("socket", "_socket"), "ours": ("csock.dropin", "csock._socket")}
    m, raw = (importlib.import_module(name) for name in names[sys.argv[1]])
    if "--plant" in sys.argv:
        plant()
    warnings.simplefilter("ignore")
    if os.environ.get("CSOCK_SANITIZED") is None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with open("/proc/sys/net/ipv4/ip_local_port_range", "w") as file:
        file.write(f"{EPHEMERAL[0]} {EPHEMERAL[-1]}")
    encodings = "idna", "utf-8", "latin-1", "ascii", "unicode_escape"
    for name in encodings:
        "a.b".encode(name)  # opened now, not in each child
    nothing = os.open("/dev/null", os.O_RDWR)
    requests, answers = os.dup2(0, CONTROL + 6), os.dup2(1, CONTROL + 7)
    for fd, copy in enumerate((nothing, nothing, 2)):
        os.dup2(os.dup2(copy, CONTROL + fd), fd)
    os.closerange(3, CONTROL)
    with open(requests) as source, open(answers, "w") as sink:
        print("ready", file=sink, flush=True)
        with tempfile.TemporaryDirectory(prefix="csd", dir="/tmp") as folder:
            serve(source, sink, folder)


if __name__ == "__main__":
    main()
