"""tools/run_tests.py, which says what failed: does it name it, and lose nothing?"""

import importlib.util
import json
import os
import pathlib
import sys

import pytest
import testkit

FILE = pathlib.Path(__file__).resolve().parents[2] / "tools" / "run_tests.py"

pytestmark = pytest.mark.skipif(testkit.SANITISED, reason="nothing of csock's own runs here")


@pytest.fixture(scope="module")
def run_tests():
    sys.path.insert(0, str(FILE.parent))  # as for a program
    spec = importlib.util.spec_from_file_location("run_tests", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(FILE.parent))


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
