#!/usr/bin/env python3
"""Builds csock, runs its suites one after the other, and adds up. Within a suite as many programs
run beside each other as there are processors for this one, of the Python tests half as many more.

run_tests.py [--json FILE] [suite...]     by default all down to fuzz:
run_tests.py [--json FILE] --built FOLDER c     the C tests that meson has built in FOLDER
run_tests.py [--json FILE] --built FOLDER py    the Python tests with the csock in FOLDER/site

lint              tools/lint
c                 the C tests
c-asan            the same under AddressSanitizer and UndefinedBehaviorSanitizer
c-tsan            threads on shared sockets, look-ups, dials and captures, under ThreadSanitizer
py                the Python tests
py-plain          those that have to do with the interpreter, with a csock that keeps out of its
                  insides, as an unknown CPython gets it, and counts nothing (-Dstats=false)
py-asan           the Python tests with core and extension under both sanitizers
types             the type stubs: mypy --strict for each Python version, and stubtest
docs              the site: Sphinx, to which a warning is an error
conformance       CPython's own tests of sockets and of ssl: as on the stock module?
fuzz              ten seconds of each fuzz target, under both sanitizers
conformance-asan  test_socket of CPython's own, csock under both sanitizers
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
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import run_docs
import run_fuzz
import side_by_side
from outcomes import Result, junit_cases, report, summarize, with_status, write_json

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
        "abi c_docs conformance_runner constants differential docs headers install man matrix"
        " package readme release_check run_tests side_by_side site stubs"
    ).split()
}

# The files of Python tests that take longest, in this order.
LONGEST = [
    f"test_{name}"
    for name in (
        "unreachable tls_waiting install abi syscalls tls_deadlines lookups_that_end"
        " deadlines_calls waiting streams differential kernel_promises deadlines_mode command"
        " tls_servers conformance_runner tls_closing tls_methods tls_unfinished ps"
    ).split()
]

UBSAN = {"UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}


def built(way, result):
    """Whether build/<way> is up to date now. A folder elsewhere is taken as it is: --built."""
    if os.path.isabs(way):
        return True
    ok = side_by_side.call([ROOT / "tools/build.sh", way]) == 0
    if not ok:
        result.fail(f"the build '{way}'")
    return ok


def c_tests(way):
    """What meson knows as tests of build/<way>."""
    command = [sys.executable, "-m", "mesonbuild.mesonmain", "introspect", "--tests", BUILD / way]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def c_job(test, way, result, wrapper, env):
    """One C program. A cmocka program writes a JUnit file; any other is one test by its status."""
    name, out = test["name"], BUILD / way / "junit" / test["name"]
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    env = {**os.environ, **test["env"], **env}
    env |= {"CMOCKA_MESSAGE_OUTPUT": "XML", "CMOCKA_XML_FILE": f"{out}/%g.xml"}

    def done(status, output, seconds):
        cases = [case for file in sorted(out.glob("*.xml")) for case in junit_cases(file)]
        cases = with_status(cases, name, status)
        result.add(cases, name)
        report(name, cases, output, seconds)

    return side_by_side.Job(name, [*wrapper, *test["cmd"]], test["timeout"], done, env=env)


def suite_c(result, way="plain", wrapper=(), env=None, only=None):
    if not built(way, result):
        return
    tests = [test for test in c_tests(way) if only is None or test["name"] in only]
    side_by_side.run([c_job(test, way, result, wrapper, env or {}) for test in tests])


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


TSAN = "stress", "resolver", "lookups", "poll", "dial", "dial_names", "dial_lookups"
TSAN += "tap", "tap_burst", "capture_burst", "capture_burst_ends"


def suite_c_tsan(result):
    options = {"TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1"}
    suite_c(result, "tsan", fixed_layout(), options, only=TSAN)


def suite_c_valgrind(result):
    if not shutil.which("valgrind"):
        result.fail("valgrind is not installed: apt-get install valgrind")
        return
    check = ["--quiet", "--error-exitcode=99", "--max-threads=2000", "--leak-check=full"]
    check += ["--errors-for-leak-kinds=definite", "--show-leak-kinds=definite"]
    suite_c(result, "plain", ["valgrind", *check], {"CSOCK_VALGRIND": "1"})


def one_at_a_time():
    return side_by_side.processors() == 1


def py_env(way):
    return {
        **os.environ,
        "PYTHONPATH": str(BUILD / way / "site"),
        "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:/sbin",
        "CSOCK_PREFIX": str(BUILD / way / "prefix"),
        "CSOCK_WAY": way,
        "HYPOTHESIS_STORAGE_DIRECTORY": str(BUILD / "hypothesis"),
    }


def py_job(file, way, result, env, wrapper=()):
    """One file of Python tests."""
    name = file.relative_to(ROOT)
    junit = BUILD / way / "junit" / f"{file.stem}.xml"
    junit.unlink(missing_ok=True)
    options = ["-q", "--no-header", "-rfEs", f"--junitxml={junit}"]
    command = [*wrapper, sys.executable, "-m", "pytest", *options, name]

    def done(status, output, seconds):
        if not one_at_a_time():
            print(f"--- {name}\n{output}", end="")
        cases = junit_cases(junit) if junit.exists() else []
        result.add(with_status(cases, "its process", status), name)

    return side_by_side.Job(name, command, PYTEST_LIMIT, done, cwd=ROOT, env=env)


def py_files(folders, without=()):
    """Those that take longest first, so that none of them runs on alone at the end."""
    found = [file for folder in folders for file in sorted(folder.glob("test_*.py"))]
    found.sort(key=lambda file: LONGEST.index(file.stem) if file.stem in LONGEST else len(LONGEST))
    return [file for file in found if file.stem not in without]


def suite_py(result, way="plain", wrapper=(), env=None, files=None):
    """Each file in a process of its own: one that crashes or hangs does not take others along. They
    sleep more than they compute: with more than one processor, three run where two would. With one
    processor what they print is seen at once, else when a file has ended."""
    if not built(way, result):
        return
    env = py_env(way) | (env or {})
    named = [ROOT / name for name in os.environ.get("FILES", "").split()]
    files = named or files or py_files([ROOT / "tests/py", ROOT / "tests/lab"])
    jobs = [py_job(file, way, result, env, wrapper) for file in files]
    processors = side_by_side.processors()
    side_by_side.run(jobs, processors + processors // 2, live=one_at_a_time())


def suite_py_plain(result):
    suite_py(result, "py-plain", files=py_files([ROOT / "tests/py"], without=NOT_IN_PLAIN))


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
    options += ["--jobs", str(side_by_side.processors())]
    status = side_by_side.call([*wrapper, *runner, *options], cwd=ROOT)
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
    if side_by_side.call([sys.executable, ROOT / "tools/lint"]) != 0:
        result.fail("lint")


def types_job(command, result, env):
    name = " ".join(command[2:])

    def done(status, output, seconds):
        print(f"--- {name}\n{output}", end="")
        result.add([(name, "failed" if status else "passed", "")], "types")

    return side_by_side.Job(name, command, done=done, cwd=ROOT, env=env)


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
    side_by_side.run([types_job(command, result, env) for command in checks])


def suite_fuzz(result):
    if run_fuzz.possible(result) and built("fuzz", result):
        run_fuzz.suite(result, fixed_layout())


SUITES = {
    "lint": suite_lint,
    "types": suite_types,
    "docs": lambda result: built("plain", result) and run_docs.suite(result, BUILD / "plain/site"),
    "c": suite_c,
    "c-asan": suite_c_asan,
    "c-tsan": suite_c_tsan,
    "c-valgrind": suite_c_valgrind,
    "py": suite_py,
    "py-plain": suite_py_plain,
    "py-asan": suite_py_asan,
    "conformance": suite_conformance,
    "fuzz": suite_fuzz,
    "conformance-asan": suite_conformance_asan,
    "c-clang": lambda result: suite_c(result, "clang"),
    "py-clang": lambda result: suite_py(result, "clang"),
}
NOT_BY_DEFAULT = "c-valgrind", "conformance-asan", "c-clang", "py-clang"

ALL_TAKES = "7 to 10 minutes on two processors, up to three times that where they have other work"


def announce(names, by_default):
    """What is about to run, for those who see it for the first time."""
    print(f"tests: {len(names)} suites, one after the other: {' '.join(names)}")
    if by_default:
        print(f"       All of it takes {ALL_TAKES}.")
        print("       'skipped' is no fault: each such test says what this machine lacks for it.")


def run_suites(names, results, *built):
    """Fills `results`, also with what was found out until something ended it."""
    for name in names:
        print(f"\n===== {name}")
        start, result = time.monotonic(), Result()
        try:
            SUITES[name](result, *built)
        except KeyboardInterrupt:
            result.cut_short = True
            raise
        finally:
            results[name] = result, time.monotonic() - start


def stop(number, frame):
    raise KeyboardInterrupt(signal.Signals(number).name)


def hear_signals():
    """What ends us, ends what runs: side_by_side. What is ignored (nohup) stays so."""
    for number in signal.SIGTERM, signal.SIGHUP:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, stop)


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
    hear_signals()
    announce(names, by_default=not given.suites)
    results, begin, ended = {}, time.monotonic(), True
    try:
        run_suites(names, results, *([given.built] if given.built else []))
    except KeyboardInterrupt:
        ended = False
    summarize(results)
    if given.json:
        write_json(results, given.json)
    passed, failed, skipped = (
        sum(getattr(result, kind) for result, _ in results.values())
        for kind in ("passed", "failed", "skipped")
    )
    if not ended:
        sys.exit(f"interrupted in {[*results][-1]}; until then {passed} passed, {failed} failed")
    print(f"all in {time.monotonic() - begin:.0f} s")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    nothing = passed == 0 and names != ["lint"]
    sys.exit(1 if failed or nothing else 0)


if __name__ == "__main__":
    main()
