"""What the suites of run_tests.py came to: counts, names of what failed, why what is skipped is;
and how they are shown. Runs no tests itself."""

import json
import os
import platform
import subprocess
import sysconfig
import xml.etree.ElementTree as xml


class Result:
    """Counts of one suite, the names of what failed, and what was skipped with its reason."""

    def __init__(self):
        self.passed = self.skipped = 0
        self.failures, self.skips = [], []
        self.cut_short = False

    @property
    def failed(self):
        return len(self.failures)

    def fail(self, text):
        self.failures.append(text)
        print(f"FAILED  {text}")

    def add(self, cases, where):
        outcomes = [outcome for _, outcome, _ in cases]
        self.passed += outcomes.count("passed")
        self.skipped += outcomes.count("skipped")
        self.failures += [f"{where}: {name}" for name, outcome, _ in cases if outcome == "failed"]
        self.skips += [(f"{where}: {name}", why) for name, how, why in cases if how == "skipped"]


def junit_cases(path):
    """The cases of a JUnit file as triples: name, outcome, why."""
    cases = []
    try:
        tree = xml.parse(path)
    except xml.ParseError as error:  # a message with bytes that are no text, or half a file
        return [(path.stem, "failed", f"its results cannot be read: {error}")]
    for case in tree.iter("testcase"):
        bad = [child for child in case if child.tag in ("failure", "error")]
        skipped = case.find("skipped")
        if bad:
            why = (bad[0].text or bad[0].get("message") or "").strip()
            cases.append((case.get("name"), "failed", why))
        elif skipped is not None:
            cases.append((case.get("name"), "skipped", skipped.get("message") or ""))
        else:
            cases.append((case.get("name"), "passed", ""))
    return cases


def with_status(cases, name, status):
    """The cases, and what the program's status adds: it counts when no case explains it, as none
    does where it hung."""
    explained = any(outcome == "failed" for _, outcome, _ in cases) and isinstance(status, int)
    if status != 0 and not explained:
        return [*cases, (name, "failed", f"ended with {status} before all its tests had run")]
    return cases or [(name, "passed", "")]


def report(name, cases, output, seconds):
    outcomes = [outcome for _, outcome, _ in cases]
    counts = [f"{outcomes.count(kind):4} {kind}" for kind in ("passed", "failed", "skipped")]
    print(f"{name:14}", *counts, f"{seconds:6.1f} s")
    for case, outcome, why in cases:
        if outcome == "failed":
            print(f"FAILED  {name}: {case}\n{why}")
    if "failed" in outcomes:
        print(output)
    elif "skipped" in outcomes:
        print(*(line for line in output.splitlines() if line.startswith("skip")), sep="\n")


def summarize(results):
    print("\n===== summary")
    for name, (result, seconds) in results.items():
        counts = f"{result.passed:5} passed {result.failed:4} failed {result.skipped:4} skipped"
        word = "FAILED" if result.failed else "cut off" if result.cut_short else "ok"
        print(f"{name:16} {word:7} {counts} {seconds:7.0f} s")
    for name, (result, _) in results.items():
        for failure in result.failures:
            print(f"FAILED  {name}: {failure}")


def write_json(results, path):
    """Where it ran; and each suite's counts, failures and skips, by its name."""
    suites = {
        name: {
            "passed": result.passed,
            "failed": result.failed,
            "skipped": result.skipped,
            "seconds": round(seconds, 1),
            "failures": result.failures,
            "skips": result.skips,
        }
        for name, (result, seconds) in results.items()
    }
    path.write_text(json.dumps({"about": about(), "suites": suites}, indent=1))


def about():
    """Machine, system and Python of these tests, and their compiler, unless $CC names another."""
    command = [*os.environ.get("CC", "cc").split(), "--version"]
    try:
        compiler = subprocess.run(command, capture_output=True, text=True).stdout
    except FileNotFoundError:
        compiler = ""
    try:
        system = platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        system = None
    return {
        "machine": platform.machine(),
        "kernel": platform.release(),
        "system": system,
        "libc": " ".join(platform.libc_ver()),
        "compiler": compiler.partition("\n")[0],
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "gil": not sysconfig.get_config_var("Py_GIL_DISABLED"),
    }
