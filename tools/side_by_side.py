"""Programs that run beside each other, as many as there are processors.

Each has a session of its own, a bound in seconds, and a file for what it prints; its results are
handed over in the order of the list, whichever ends first. Whatever ends the run early ends all
programs that run, with what they have started: first by SIGINT, so that tests tidy up, then by
SIGKILL."""

import collections
import contextlib
import os
import pathlib
import signal
import subprocess
import tempfile
import time

GRACE = 10.0  # seconds for what was interrupted to tidy up
GONE = 60.0  # the same for what was killed to be gone
LOOK = 0.02  # seconds between looks at what runs


def processors():
    """Those that this process may use, which can be less than the machine has."""
    return len(os.sched_getaffinity(0))


class Job:
    """A program; done(status, output, seconds) is called when it has ended. The status is a number,
    or says that it hung."""

    def __init__(self, title, command, limit=None, done=None, **options):
        self.title, self.command, self.limit, self.done = title, command, limit, done
        self.options = options  # cwd, env
        self.status = self.process = None

    def start(self, live):
        """Live: it prints where we print, and not into a file."""
        self.file = None if live else tempfile.TemporaryFile()
        self.begin = time.monotonic()
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=self.file,
            stderr=self.file and subprocess.STDOUT,
            start_new_session=True,
            **self.options,
        )

    def is_over(self):
        self.seconds = time.monotonic() - self.begin
        self.status = self.process.poll()
        if self.status is None and self.limit is not None and self.seconds > self.limit:
            end([self])
            self.status = f"a hang of {self.limit} s"
        return self.status is not None

    def output(self):
        if self.file is None:
            return ""
        with self.file:
            self.file.seek(0)
            return self.file.read().decode(errors="replace")

    def tell(self):
        self.done(self.status, self.output(), self.seconds)


def run(jobs, at_once=None, live=False):
    """All of them, or, where something raises, what then runs is ended first."""
    at_once = at_once or processors()
    waiting, untold, running = collections.deque(jobs), collections.deque(jobs), []
    if at_once > 1 and len(jobs) > 1:
        print(f"{len(jobs)} programs, {at_once} at a time")
    try:
        while untold:
            while waiting and len(running) < at_once:
                running.append(waiting.popleft())
                if live:
                    print(f"--- {running[-1].title}")
                running[-1].start(live)
            running = [job for job in running if not job.is_over()]
            while untold and untold[0].status is not None:
                untold.popleft().tell()
            if untold:
                time.sleep(LOOK)
    finally:
        cut_short([job for job in running if job.process and job.status is None], untold)


def cut_short(running, untold):
    end(running)
    for job in untold:
        if job.status is not None:
            job.tell()
    for job in running:
        print(f"--- {job.title}: cut short\n{job.output()}", end="")


def call(command, **options):
    """The status of one program that prints as it goes, as subprocess.call."""
    job = Job(command[0], command, **options)
    job.start(live=True)
    try:
        while not job.is_over():
            time.sleep(LOOK)
    finally:
        if job.status is None:
            end([job])
    return job.status


# ------------------------------------------------------------ ending


def processes():
    """Of all that live: {(pid, when it began): (parent, session)}. The time tells a process from a
    later one with its number."""
    found = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            after_its_name = path.read_text(errors="replace").rpartition(")")[2]
            state, parent, _, session, *more = after_its_name.split()
            if state not in "ZX":
                found[int(path.parent.name), more[15]] = int(parent), int(session)
    return found


def family(leaders, known):
    """What lives of `known`, of the sessions of those that are named, and of all below them."""
    alive = processes()
    found = {who for who, (_, session) in alive.items() if who in known or session in leaders}
    while True:
        pids = {pid for pid, _ in found} | set(leaders)
        more = {who for who, (parent, _) in alive.items() if parent in pids} - found
        if not more:
            return found
        found |= more


def end(jobs):
    if not jobs:
        return
    leaders = [job.process.pid for job in jobs]
    known = family(leaders, set())
    for leader in leaders:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(leader, signal.SIGINT)
    until = time.monotonic() + GRACE
    try:
        # Each is polled: what has ended and is not waited for would stay.
        while [job for job in jobs if job.process.poll() is None] and time.monotonic() < until:
            time.sleep(LOOK)
    finally:  # who interrupts again does not wait
        until = time.monotonic() + GONE
        while (known := family(leaders, known)) and time.monotonic() < until:
            for pid, _ in known:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(LOOK)
        for job in jobs:
            job.process.kill()  # where /proc says nothing
            job.process.wait()
