"""tools/matrix.py, whose table sums up other machines: does it count, and hide nothing?"""

import importlib.util
import json
import pathlib

import pytest
import testkit

FILE = pathlib.Path(__file__).resolve().parents[2] / "tools" / "matrix.py"

pytestmark = pytest.mark.skipif(testkit.SANITISED, reason="nothing of csock's own runs here")

ABOUT = {"compiler": "gcc 12", "python": "CPython 3.11.2", "gil": True}
GOOD = {"passed": 3, "failed": 0, "skipped": 1, "failures": [], "skips": [["a: b", "no root"]]}
BAD = {**GOOD, "failed": 1, "failures": ["test_x.py: c"]}


@pytest.fixture
def matrix(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("matrix", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "LOGS", tmp_path)
    return module


def row(matrix, script, missing):
    """A row whose command is that text of the shell."""
    return matrix.Row("a machine", ["sh", "-c", script], "results.json", missing)


def outcome(matrix, suites, script="exit 0", missing=("lint",)):
    results = json.dumps({"about": ABOUT, "suites": suites})
    text = f"echo '{results}' >results.json; {script}" if suites else script
    matrix.ROWS["new"] = row(matrix, text, dict.fromkeys(missing, "why not"))
    found = {"new": matrix.run("new", matrix.ROWS["new"])}
    return found["new"], list(matrix.table(found))


def test_counts_of_suites_and_reasons_of_what_is_missing(matrix):
    found, lines = outcome(matrix, {"c-clang": GOOD, "py": GOOD})
    assert not found.failed
    assert lines[1].split()[:4] == ["new", "-", "3/0/1", "3/0/1"]
    assert lines[1].endswith("a machine (gcc 12; CPython 3.11.2)")
    assert lines[-1] == "new: no lint: why not"


def test_a_failure_is_named(matrix):
    found, lines = outcome(matrix, {"lint": GOOD, "c": GOOD, "py": BAD}, "exit 1", ())
    assert found.failed and lines[1].split()[:4] == ["new", "ok", "3/0/1", "3/1/1"]
    assert lines[-1] == "FAILED  new: py: test_x.py: c"


@pytest.mark.parametrize(
    "suites, script",
    [
        ({}, "exit 1"),
        ({}, "exit 0"),  # it ran, and has nothing to show
        ({"c": GOOD}, "exit 0"),
        ({"c": GOOD, "py": GOOD}, "exit 3"),
    ],
)
def test_a_row_that_breaks_has_failed(matrix, suites, script):
    found, lines = outcome(matrix, suites, script)
    assert found.failed and "FAILED  new: py: the command ended with" in lines[-1]


def test_results_of_an_earlier_run_do_not_count(matrix):
    outcome(matrix, {"c": GOOD, "py": GOOD})
    assert outcome(matrix, {}, "exit 1")[0].failed


def test_a_row_that_cannot_be_had_says_why(matrix):
    found, lines = outcome(matrix, {}, "echo 'no mirror' >&2; exit 77")
    assert not found.failed and lines[1].count("left out") == 3
    assert lines[-1] == "new: left out: no mirror"


def test_logs_of_each_cell(matrix, tmp_path):
    outcome(matrix, {}, r"printf 'a\n===== c\nb\n===== py-clang\nc\n===== summary\nd\n'")
    logs = {path.name: path.read_text().splitlines()[-1] for path in tmp_path.glob("new-*.log")}
    assert logs == {"new-setup.log": "a", "new-c.log": "b", "new-py.log": "c",
                    "new-summary.log": "d"}  # fmt: skip
