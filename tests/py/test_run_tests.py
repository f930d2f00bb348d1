"""tools/run_tests.py, which says what failed: does it name it, and lose nothing?"""

import importlib
import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest
import testkit

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"

pytestmark = pytest.mark.skipif(testkit.SANITISED, reason="nothing of csock's own runs here")


@pytest.fixture
def run_tests(monkeypatch):
    monkeypatch.syspath_prepend(TOOLS)
    return importlib.import_module("run_tests")


CASES = '<testcase name="a"/><testcase name="b"><failure>why</failure></testcase>'


@pytest.mark.parametrize(
    "text, names",
    [
        (f"<testsuite>{CASES}</testsuite>", ["b"]),
        (f"<testsuite>{CASES}", ["one"]),  # it died while it wrote this
        (f"<testsuite>{CASES.replace('why', chr(1))}</testsuite>", ["one"]),
    ],
)
def test_a_file_of_results_that_cannot_be_read_is_a_failure(run_tests, tmp_path, text, names):
    file = tmp_path / "one.xml"
    file.write_text(text)
    failed = [name for name, outcome, _ in run_tests.junit_cases(file) if outcome == "failed"]
    assert failed == names


def test_what_failed_is_named_at_the_end(run_tests, capsys):
    result = run_tests.Result()
    result.add(run_tests.with_status([("a", "passed", "")], "its process", -11), "test_x.py")
    result.add([("b", "failed", "why")], "test_y.py")
    run_tests.summarize({"py": (result, 1.0)})
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "FAILED  py: test_x.py: its process",
        "FAILED  py: test_y.py: b",
    ]
    assert (result.passed, result.failed) == (1, 2)


def test_a_hang_is_named_beside_what_failed(run_tests):
    for status, names in ("a hang of 9 s", ["b", "its process"]), (1, ["b"]), (0, ["b"]):
        cases = run_tests.with_status([("b", "failed", "")], "its process", status)
        assert [name for name, _, _ in cases] == names


def test_the_files_that_take_long_come_first(run_tests):
    folders = [run_tests.ROOT / "tests" / name for name in ("py", "lab")]
    there = [file.stem for folder in folders for file in folder.glob("test_*.py")]
    names = [file.stem for file in run_tests.py_files(folders, without={"test_names"})]
    assert names[: len(run_tests.LONGEST)] == run_tests.LONGEST
    assert sorted([*names, "test_names"]) == sorted(there)


# A suite of which two programs have failed when another, which would run for ever, is interrupted.
MAIN = """
import sys
import run_tests, side_by_side

def suite(result):
    def job(name, script):
        def done(status, output, seconds):
            print(output, end="")
            result.add([("b", "failed", "why")], name)

        return side_by_side.Job(name, ["sh", "-c", script], 1000, done)

    forever = "echo starts; echo $$ > second; exec sleep 1000"
    jobs = [job("first", "echo said"), job("second", forever), job("third", ":")]
    side_by_side.run([*jobs, job("last", "touch last; exec sleep 1000")], at_once=2)

run_tests.SUITES = {"py": suite, "c": suite}
sys.argv[1:] = "py", "c"
run_tests.main()
"""


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_had_failed_is_named_after_an_interruption(env, folder, sig):
    env["PYTHONPATH"] += f":{TOOLS}"
    with subprocess.Popen(
        [sys.executable, "-c", MAIN], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(sig, signal.SIG_DFL),  # nohup(1) ignores one
    ) as program:  # fmt: skip
        testkit.wait_for(lambda: (folder / "second").exists() and (folder / "last").exists())
        program.send_signal(sig)
        out, err = (text.decode() for text in program.communicate(timeout=60))
    assert "said\n" in out and "--- second: cut short\nstarts\n" in out and "= c" not in out
    assert out.splitlines()[-2:] == ["FAILED  py: first: b", "FAILED  py: third: b"]
    assert (err, program.returncode) == ("interrupted in py; until then 0 passed, 2 failed\n", 1)
    pid = (folder / "second").read_text().strip()
    assert not pathlib.Path("/proc", pid).exists()


def test_counts_and_reasons_as_json(run_tests, tmp_path):
    xml = tmp_path / "one.xml"
    xml.write_text(
        CASES.join(
            [
                '<testsuite><testcase name="c"><skipped message="no root"/></testcase>',
                "</testsuite>",
            ]
        )
    )
    result = run_tests.Result()
    result.add(run_tests.junit_cases(xml), "test_x.py")
    run_tests.write_json({"py": (result, 1.04)}, tmp_path / "all.json")
    written = json.loads((tmp_path / "all.json").read_text())
    assert written["about"]["machine"] == os.uname().machine
    assert written["suites"] == {
        "py": {
            "passed": 1,
            "failed": 1,
            "skipped": 1,
            "seconds": 1.0,
            "failures": ["test_x.py: b"],
            "skips": [["test_x.py: c", "no root"]],
        }
    }
