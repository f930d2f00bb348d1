"""One run of one of CPython's suites, by CPython's own `python -m test`, and what came out of it.

The run has a process group, a scratch directory and, where the machine allows it, a network
namespace of its own, so that runs beside each other do not meet. What a run says is read from its
JUnit file, and from its log, which has what that file leaves out: failing subtests, and what ran
before the process died.
"""

import functools
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import xml.etree.ElementTree as xml
from dataclasses import dataclass, field

# Where the kernel has no VSOCK loopback it never passes with the stock module, and hangs on 3.11
# and 3.12: left out, unless asked for.
NEVER = ["*VSOCKSocketStream*"]
LIMIT = 300  # seconds, for a suite that names no other
GRACE = 30  # more, for regrtest to end a hang itself and say where it was

IN_NAMESPACE = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
INNER = "__main__."
WHOLE = "(the suite as a whole)"


@dataclass(frozen=True)
class Suite:
    name: str
    resources: tuple = ()
    match: tuple = ()
    limit: int = LIMIT
    options: tuple = ()
    inner: bool = False


@dataclass
class Outcome:
    """What a run came to: tests by name, and why those that failed did."""

    tests: dict = field(default_factory=dict)
    reasons: dict = field(default_factory=dict)
    broken: str = ""  # why the run ended before all tests had run
    present: bool = True  # this Python has the suite
    seconds: float = 0.0
    log: str = ""

    def count(self, kind):
        return list(self.tests.values()).count(kind)


def may_isolate():
    """Whether runs can have a network namespace each: root, unshare(1) and ip(8)."""
    try:
        return subprocess.run([*IN_NAMESPACE, "true"], capture_output=True).returncode == 0
    except OSError:
        return False


@functools.cache
def resources_of(python):
    """What `-u` may name: "walltime" came with a bug fix release of 3.11."""
    program = "from test.libregrtest.cmdline import RESOURCE_NAMES; print(*RESOURCE_NAMES)"
    done = subprocess.run([python, "-c", program], capture_output=True, text=True)
    return set(done.stdout.split())


def command(side, suite, only, junit):
    """The words that run the suite, or of it the tests that `only` names."""
    words = [side.python, "-m", "test", "-v", "--junit-xml", junit, "--timeout", str(suite.limit)]
    resources = [name for name in suite.resources if name in resources_of(side.python)]
    if resources:
        words += ["-u", ",".join(resources)]
    for pattern in only or suite.match:
        words += ["-m", pattern]
    for pattern in NEVER:
        words += ["-i", pattern]
    return [*words, *suite.options, suite.name]


def clean_environment(scratch, extra):
    """Nothing of the caller's but the path: proxies, locales and PYTHON* would change tests."""
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    fresh = {"PATH": path, "HOME": scratch, "TMPDIR": scratch, "LANG": "C.UTF-8"}
    return {**fresh, **extra}


def limited(words, scratch, env, output, seconds):
    """The status, or None after a hang. All that the run has started ends with it."""
    started = subprocess.Popen(
        words,
        cwd=scratch,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        return started.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        try:
            os.killpg(started.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        started.wait()


def run(side, suite, folder, label="", only=(), isolate=False, env=None):
    """Run the suite on a side; its log goes to folder/<suite>-<side><label>.log."""
    log = folder / f"{suite.name}-{side.name}{label}.log"
    junit = log.with_suffix(".xml")
    junit.unlink(missing_ok=True)
    # Short, because AF_UNIX paths of up to 107 bytes begin with it.
    scratch = tempfile.mkdtemp(prefix="csock-")
    words = [*(IN_NAMESPACE if isolate else ()), *command(side, suite, only, str(junit))]
    start = time.monotonic()
    try:
        with open(log, "wb") as output:
            clean = clean_environment(scratch, env or {})
            status = limited(words, scratch, clean, output, suite.limit + GRACE)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    outcome = read(suite, log.read_text(errors="replace"), junit, status)
    outcome.seconds, outcome.log = time.monotonic() - start, str(log)
    return outcome


# ------------------------------------------------------------------ reading

HEADING = re.compile(r"^(?:ERROR|FAIL|UNEXPECTED SUCCESS): (\S+) \(([^)\s]+)\)(.*)$", re.M)
# What happened while the test ran may stand between its name and its result.
VERBOSE = re.compile(
    r"^(\w+) \(([\w.]+)\)(?:\n[^\n]*)?? \.\.\. (ok|skipped|expected failure|FAIL|ERROR)\b", re.M
)
BEGUN = re.compile(r"^(\w+) \(([\w.]+)\)", re.M)


def test_name(method, place):
    """One name for a test: up to 3.10 and for fixtures, unittest shows the class alone."""
    if place == method or place.endswith(f".{method}"):
        return place
    return f"{place}.{method}"


def from_junit(path, outcome):
    """Every test that came to its end, but for those with failing subtests."""
    for case in xml.parse(path).iter("testcase"):
        name = case.get("name")
        if name is None:
            continue
        bad = [child for child in case if child.tag in ("failure", "error")]
        if bad or case.get("outcome") or case.find("outcome") is not None:
            result = FAILED
            text = (bad[0].get("message") if bad else "") or "an unexpected success"
            outcome.reasons[name] = text.strip().splitlines()[-1][:300]
        else:
            result = PASSED if case.find("skipped") is None else SKIPPED
        outcome.tests[unused(name, outcome.tests)] = result


def unused(name, taken):
    """Some classes are run twice under one name."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}#{number}"
    return free


def from_log(text, outcome, start=""):
    """The tests whose result the log tells: of a run that died, or (with __main__ at the start of
    their names) those that a test ran in an interpreter of its own."""
    told = {"ok": PASSED, "expected failure": PASSED, "skipped": SKIPPED}
    for method, place, result in VERBOSE.findall(text):
        if not place.startswith(start):
            continue
        name = unused(test_name(method, place), outcome.tests)
        outcome.tests[name] = told.get(result, FAILED)


def left_out(text, outcome):
    """What a JUnit file leaves out: failing subtests and fixtures, which have a heading above their
    traceback; and what was skipped before it began, which in 3.12.1 is all that is skipped."""
    for method, place, more in HEADING.findall(text):
        name = test_name(method, place)
        outcome.tests[name] = FAILED
        outcome.reasons.setdefault(name, f"see the log{more and f', {more.strip()}'}")
    for method, place, result in VERBOSE.findall(text):
        if result == SKIPPED:
            outcome.tests.setdefault(test_name(method, place), SKIPPED)


def absent(suite, text):
    """This Python has no such suite. 3.11.7 and 3.12.1 do not install all that they list."""
    # From 3.15 on a name that is like it may follow.
    no_module = rf"No module named 'test\.{suite.name}'(\. Did you mean: .*)?$"
    no_folder = rf"No such file or directory: '[^']*/test/{suite.name}'$"
    return re.search(f"{no_module}|{no_folder}", text, re.M) is not None


def read(suite, text, junit, status):
    """The outcome of a run that ended with `status`, None if it hung."""
    outcome = Outcome()
    if absent(suite, text):
        outcome.present = False
        return outcome
    if junit.exists():
        from_junit(junit, outcome)
        if suite.inner:
            from_log(text, outcome, INNER)
    else:
        from_log(text, outcome)
    left_out(text, outcome)
    as_a_whole(suite, text, status, junit.exists(), outcome)
    return outcome


def as_a_whole(suite, text, status, complete, outcome):
    """What is no test's: the suite skipped itself, died, hung, or left traces. A run that came to
    its end is complete, and has written its JUnit file."""
    if re.search(rf"^{suite.name} skipped", text, re.M) and not outcome.tests:
        outcome.tests[WHOLE] = SKIPPED
        return
    if status is None or (not complete and "Timeout (" in text):
        outcome.broken = f"hung in {last_begun(text)}"
    elif status != 0 and not complete and "NO TEST" not in text:
        outcome.broken = f"ended with {status}, in or after {last_begun(text)}"
    altered = "altered the execution environment: see the log"
    if outcome.broken or "altered the execution environment" in text:
        outcome.tests[WHOLE] = FAILED
        outcome.reasons[WHOLE] = outcome.broken or altered


def last_begun(text):
    begun = BEGUN.findall(text)
    return test_name(*begun[-1]) if begun else "no test"
