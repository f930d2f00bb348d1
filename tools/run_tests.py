#!/usr/bin/env python3
"""Builds csock, runs its suites one after the other, and adds up.

run_tests.py [--json FILE] [suite...]     by default all down to conformance:
run_tests.py [--json FILE] --built FOLDER c     the C tests that meson has built in FOLDER
run_tests.py [--json FILE] --built FOLDER py    the Python tests with the csock in FOLDER/site

lint              tools/lint.py
c                 the C tests
c-asan            the same under AddressSanitizer and UndefinedBehaviorSanitizer
c-tsan            threads on shared sockets under ThreadSanitizer
py                the Python tests
py-plain          those that have to do with the interpreter, with a csock that keeps out of its
                  insides, as an unknown CPython gets it
py-asan           the Python tests with core and extension under both sanitizers
types             the type stubs: mypy --strict for each Python version, and stubtest
conformance       CPython's own tests of sockets and of ssl: as on the stock module?
conformance-asan  test_socket of them, csock under both sanitizers
c-valgrind        the C tests under valgrind
c-clang, py-clang    c and py, core and extension compiled by clang

A suite that fails does not keep the others from running. At the end all that failed is named once
more, and the last line reads "N passed, N failed, N skipped"; the status is 0 only if nothing
failed and something passed. A build that breaks, a lint and a program that dies each count as one
failure. FILE gets the counts of each suite, what failed, and why what is skipped is. FILES in the
environment: these files of Python tests and no others.

Runs inside build/venv: see the Makefile.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from test_results import Result, junit_cases, summarize, with_status, write_json

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
# Seconds for one file of Python tests.
PYTEST_LIMIT = 3600 if os.environ.get("CSOCK_EMULATED") else 600

# Of CPython's suites, those that `make test` runs; `make conformance` runs all of
# tests/conformance/suites.toml.
CONFORMANCE = ["test_socket", "test_timeout", "test_socketserver", "test_ssl"]
NOT_COMPARED = 77  # the runner's status when this Python has no suite

# What no reach into the interpreter has to do with: the tools, the table of constants, the stubs,
# random programs, and what is built anew from source, without the option.
NOT_IN_PLAIN = {
    f"test_{name}"
    for name in (
        "conformance_runner constants differential install package readme run_tests stubs"
    ).split()
}

UBSAN = {"UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}


def built(way, result):
    """Whether build/<way> is up to date now. A folder elsewhere is taken as it is: --built."""
    if os.path.isabs(way):
        return True
    ok = subprocess.run([ROOT / "tools/build.sh", way]).returncode == 0
    if not ok:
        result.fail(f"the build '{way}'")
    return ok


def c_tests(way):
    """What meson knows as tests of build/<way>."""
    command = [sys.executable, "-m", "mesonbuild.mesonmain", "introspect", "--tests", BUILD / way]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def run_c(test, way, result, wrapper, env):
    """One C program. A cmocka program writes a JUnit file; any other is one test by its status."""
    out = BUILD / way / "junit" / test["name"]
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    env = {**os.environ, **test["env"], **env}
    env |= {"CMOCKA_MESSAGE_OUTPUT": "XML", "CMOCKA_XML_FILE": f"{out}/%g.xml"}
    start = time.monotonic()
    status, output = run_limited([*wrapper, *test["cmd"]], env, test["timeout"])
    seconds = time.monotonic() - start
    cases = [case for file in sorted(out.glob("*.xml")) for case in junit_cases(file)]
    cases = with_status(cases, test["name"], status)
    result.add(cases, test["name"])
    report(test["name"], cases, output, seconds)


def run_limited(command, env, limit):
    """Status and output; a program that hangs is killed with all it has started."""
    command = ["timeout", "--kill-after=5", str(limit), *command]
    done = subprocess.run(
        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    status = f"a hang of {limit} s" if done.returncode in (124, 137) else done.returncode
    return status, done.stdout.decode(errors="replace")


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


def suite_c(result, way="plain", wrapper=(), env=None, only=None):
    if not built(way, result):
        return
    for test in c_tests(way):
        if only is None or test["name"] == only:
            run_c(test, way, result, list(wrapper), env or {})


def fixed_layout():
    """Sanitizers of GCC before 14 now and then find their shadow memory taken where the kernel
    spreads addresses over more than 28 bits: not so without that spreading, if we may."""
    wrapper = ["setarch", os.uname().machine, "-R"]
    if not shutil.which(wrapper[0]):
        return []
    allowed = subprocess.run([*wrapper, "true"], capture_output=True).returncode == 0
    return wrapper if allowed else []


def suite_c_asan(result):
    suite_c(result, "asan", fixed_layout(), UBSAN)


def suite_c_tsan(result):
    options = {"TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1"}
    suite_c(result, "tsan", fixed_layout(), options, only="stress")


def suite_c_valgrind(result):
    if not shutil.which("valgrind"):
        result.fail("valgrind is not installed: apt-get install valgrind")
        return
    check = ["--quiet", "--error-exitcode=99", "--max-threads=2000", "--leak-check=full"]
    check += ["--errors-for-leak-kinds=definite", "--show-leak-kinds=definite"]
    suite_c(result, "plain", ["valgrind", *check], {"CSOCK_VALGRIND": "1"})


def py_env(way):
    return {
        **os.environ,
        "PYTHONPATH": str(BUILD / way / "site"),
        "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:/sbin",
        "CSOCK_PREFIX": str(BUILD / way / "prefix"),
        "CSOCK_WAY": way,
        "HYPOTHESIS_STORAGE_DIRECTORY": str(BUILD / "hypothesis"),
    }


def run_py(file, way, result, env, wrapper=(), output=None):
    """One file of Python tests; it prints to `output`, or at once where that is None."""
    name = file.relative_to(ROOT)
    junit = BUILD / way / "junit" / f"{file.stem}.xml"
    junit.unlink(missing_ok=True)
    options = ["-q", "--no-header", "-rfEs", f"--junitxml={junit}"]
    command = [*wrapper, sys.executable, "-m", "pytest", *options, name]
    limit = ["timeout", "--kill-after=10", str(PYTEST_LIMIT)]
    status = subprocess.run(
        [*limit, *command], cwd=ROOT, env=env, stdout=output, stderr=output and subprocess.STDOUT
    ).returncode
    cases = junit_cases(junit) if junit.exists() else []
    result.add(with_status(cases, "its process", status), name)


def suite_py(result, way="plain", wrapper=(), env=None):
    """Each file in a process of its own: one that crashes or hangs does not take others along."""
    if not built(way, result):
        return
    files = sorted(ROOT.glob("tests/py/test_*.py")) + sorted(ROOT.glob("tests/lab/test_*.py"))
    for file in [ROOT / name for name in os.environ.get("FILES", "").split()] or files:
        print(f"--- {file.relative_to(ROOT)}")
        run_py(file, way, result, py_env(way) | (env or {}), wrapper)


def suite_py_plain(result):
    """Two files at a time: most of them wait more than they compute, and no test minds others."""
    if not built("py-plain", result):
        return
    files = [
        file for file in sorted(ROOT.glob("tests/py/test_*.py")) if file.stem not in NOT_IN_PLAIN
    ]

    def run(file):
        with tempfile.TemporaryFile("w+", errors="replace") as output:
            run_py(file, "py-plain", result, py_env("py-plain"), output=output)
            output.seek(0)
            print(f"--- {file.relative_to(ROOT)}\n{output.read()}", end="")

    with concurrent.futures.ThreadPoolExecutor(2) as both:
        list(both.map(run, files))


def sanitized_python():
    """The environment in which a Python can import what is built for the sanitizers."""
    libraries = []
    for name in ("libasan.so", "libubsan.so"):
        found = subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True, check=True)
        libraries.append(os.path.realpath(found.stdout.decode().strip()))
    return {
        **UBSAN,
        # Python itself is not built for the sanitizers: their libraries must come first.
        "LD_PRELOAD": " ".join(libraries),
        # Python never frees all it has: leaks are looked for elsewhere.
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:allocator_may_return_null=1",
        # One block per object, so that an overflow leaves its block.
        "PYTHONMALLOC": "malloc",
        "CSOCK_SANITIZED": "1",
    }


def suite_py_asan(result):
    suite_py(result, "asan", fixed_layout(), sanitized_python())


def suite_conformance(result, way="plain", suites=CONFORMANCE, wrapper=(), env=None):
    """CPython's own tests of sockets, on stock and on csock, for the Python that this one is of.
    A test counts as failed when it does not come out as on stock."""
    if not built(way, result):
        return
    out = BUILD / way / "conformance"
    (out / "results.json").unlink(missing_ok=True)
    runner = [sys.executable, ROOT / "tests/conformance/run.py", "--python", sys._base_executable]
    options = ["--site", BUILD / way / "site", "--suites", ",".join(suites), "--out", out]
    options += [f"--env={name}={value}" for name, value in (env or {}).items()]
    status = subprocess.run([*wrapper, *runner, *options], cwd=ROOT).returncode
    if status == NOT_COMPARED:
        result.skipped += len(suites)
        return
    try:
        pythons = json.loads((out / "results.json").read_text())["pythons"]
    except FileNotFoundError:
        pythons = []
    before = result.failed
    for python in pythons:
        for name, found in python["suites"].items():
            result.failures += [f"{name}: {d['test']} differs from stock" for d in found["differ"]]
            # What fails on both sides alike is no failure of csock's, and no success.
            result.passed += found["csock"]["passed"]
            result.skipped += found["csock"]["skipped"]
    if status != 0 and result.failed == before:
        result.fail(f"the run of CPython's own suites ended with {status}")


def suite_conformance_asan(result):
    suite_conformance(result, "asan", ["test_socket"], fixed_layout(), sanitized_python())


def suite_lint(result):
    if not built("plain", result):
        return
    if subprocess.run([sys.executable, ROOT / "tools/lint.py"]).returncode != 0:
        result.fail("lint")


def suite_types(result):
    if not built("plain", result):
        return
    site = BUILD / "plain" / "site"
    env = {**os.environ, "MYPYPATH": str(site), "PYTHONPATH": str(site)}
    mypy = [sys.executable, "-m", "mypy", "--strict", f"--cache-dir={BUILD / 'mypy'}"]
    checks = [
        [*mypy, f"--python-version=3.{minor}", "tests/typing/sample.py"] for minor in range(11, 16)
    ]
    checks.append(
        [sys.executable, "-m", "mypy.stubtest", "--mypy-config-file", "pyproject.toml", "csock"]
    )
    for command in checks:
        name = " ".join(command[2:])
        print(f"--- {name}")
        status = subprocess.run(command, cwd=ROOT, env=env).returncode
        result.add([(name, "failed" if status else "passed", "")], "types")


SUITES = {
    "lint": suite_lint,
    "types": suite_types,
    "c": suite_c,
    "c-asan": suite_c_asan,
    "c-tsan": suite_c_tsan,
    "c-valgrind": suite_c_valgrind,
    "py": suite_py,
    "py-plain": suite_py_plain,
    "py-asan": suite_py_asan,
    "conformance": suite_conformance,
    "conformance-asan": suite_conformance_asan,
    "c-clang": lambda result: suite_c(result, "clang"),
    "py-clang": lambda result: suite_py(result, "clang"),
}
NOT_BY_DEFAULT = "c-valgrind", "conformance-asan", "c-clang", "py-clang"

ALL_TAKES = "10 to 15 minutes on two processors, up to twice that where they have other work"


def announce(names, by_default):
    """What is about to run, for those who see it for the first time."""
    print(f"tests: {len(names)} suites, one after the other: {' '.join(names)}")
    if by_default:
        print(f"       All of it takes {ALL_TAKES}.")
        print("       'skipped' is no fault: each such test says what this machine lacks for it.")


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("suites", nargs="*", metavar="suite")
    parser.add_argument("--built", type=os.path.abspath)
    parser.add_argument("--json", type=pathlib.Path)
    given = parser.parse_args()
    known = ("c", "py") if given.built else SUITES
    unknown = [name for name in given.suites if name not in known]
    if unknown:
        sys.exit(f"no such suite: {', '.join(unknown)}\n{__doc__}")
    return given


def main():
    given = arguments()
    names = given.suites or [name for name in SUITES if name not in NOT_BY_DEFAULT]
    sys.stdout.reconfigure(line_buffering=True)  # in order with what the suites print
    announce(names, by_default=not given.suites)
    results, begin = {}, time.monotonic()
    for name in names:
        print(f"\n===== {name}")
        start, result = time.monotonic(), Result()
        SUITES[name](result, *([given.built] if given.built else []))
        results[name] = result, time.monotonic() - start

    summarize(results)
    if given.json:
        write_json(results, given.json)
    passed, failed, skipped = (
        sum(getattr(result, kind) for result, _ in results.values())
        for kind in ("passed", "failed", "skipped")
    )
    print(f"all in {time.monotonic() - begin:.0f} s")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    nothing = passed == 0 and names != ["lint"]
    sys.exit(1 if failed or nothing else 0)


if __name__ == "__main__":
    main()
