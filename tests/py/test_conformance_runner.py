"""The runner of CPython's suites, on small suites made here: does it see what it should?"""

import importlib
import pathlib
import sys
import textwrap

import pytest
import testkit

HERE = pathlib.Path(__file__).resolve().parents[1] / "conformance"

pytestmark = pytest.mark.skipif(testkit.SANITISED, reason="nothing of csock's own runs here")


@pytest.fixture(scope="module")
def runner():
    """The runner's modules, which stand beside each other in a folder."""
    sys.path.insert(0, str(HERE))
    try:
        names = "compare", "execute", "pythons", "run"
        yield type("Runner", (), {name: importlib.import_module(name) for name in names})
    finally:
        sys.path.remove(str(HERE))


@pytest.fixture
def outcome(runner, tmp_path):
    """Runs a suite's text as CPython's would be, by this Python's `python -m test`."""
    if not runner.pythons.ask(sys._base_executable).suite:
        pytest.skip("this Python has no `python -m test`")

    def run(text, limit=60, **more):
        (tmp_path / "test_sample.py").write_text(textwrap.dedent(text))
        options = ("--testdir", str(tmp_path))
        suite = runner.execute.Suite("test_sample", limit=limit, options=options)
        side = type("Side", (), {"name": "stock", "python": sys._base_executable})
        return runner.execute.run(side, suite, tmp_path, **more)

    return run


def test_each_kind_of_result(outcome):
    done = outcome(
        """
        import unittest
        class T(unittest.TestCase):
            def test_good(self): pass
            def test_bad(self): self.fail("so bad")
            def test_error(self): 1 / 0
            def test_skip(self): self.skipTest("no")
            @unittest.skip("never")
            def test_never(self): pass
            @unittest.expectedFailure
            def test_known(self): self.fail()
            @unittest.expectedFailure
            def test_surprise(self): pass
            def test_parts(self):
                with self.subTest(n=1): self.fail("a part")
        class U(unittest.TestCase):
            @classmethod
            def setUpClass(cls): raise OSError("no set-up")
            def test_never(self): pass
        """
    )
    short = {name.replace("test_sample.", ""): result for name, result in done.tests.items()}
    assert short == {
        "T.test_good": "passed",
        "T.test_bad": "failed",
        "T.test_error": "failed",
        "T.test_skip": "skipped",
        "T.test_never": "skipped",
        "T.test_known": "passed",
        "T.test_surprise": "failed",
        "T.test_parts": "failed",
        "U.setUpClass": "failed",
    }
    assert "so bad" in done.reasons["test_sample.T.test_bad"]
    assert not done.broken


def test_a_run_that_dies_keeps_what_it_told(outcome, runner):
    done = outcome(
        """
        import os, unittest
        class T(unittest.TestCase):
            def test_a(self): pass
            def test_b(self): os.abort()
            def test_c(self): pass
        """
    )
    assert done.tests == {"test_sample.T.test_a": "passed", runner.execute.WHOLE: "failed"}
    assert "test_b" in done.broken


def test_a_hang_ends(outcome):
    done = outcome(
        """
        import time, unittest
        class T(unittest.TestCase):
            def test_a(self): time.sleep(200)
        """,
        limit=8,
    )
    assert done.broken == "hung in test_sample.T.test_a"
    assert done.seconds < 100


def test_only_what_is_asked_for(outcome):
    text = """
        import unittest
        class T(unittest.TestCase):
            def test_a(self): pass
            def test_b(self): pass
    """
    assert list(outcome(text, only=["test_sample.T.test_b"]).tests) == ["test_sample.T.test_b"]


def test_a_suite_that_skips_itself(outcome, runner):
    done = outcome("import unittest\nraise unittest.SkipTest('not here')\n")
    assert done.tests == {runner.execute.WHOLE: "skipped"}


def sides(runner, stock, csock):
    return [runner.execute.Outcome(tests=tests) for tests in (stock, csock)]


def test_differences(runner):
    stock = {"a": "passed", "b": "passed"}
    pair = sides(runner, stock, {**stock, "b": "skipped", "c": "passed"})
    found = runner.compare.differences(*pair)
    assert [(d.test, d.stock, d.csock) for d in found] == [
        ("b", "passed", "skipped"),
        ("c", "not run", "passed"),
    ]


def test_two_sides_that_die_are_no_comparison(runner):
    pair = sides(runner, {}, {})
    for outcome in pair:
        outcome.broken = "ended with -6"
    assert [d.test for d in runner.compare.differences(*pair)] == [runner.execute.WHOLE]


def test_exceptions_cover_their_versions_and_go_stale(runner, tmp_path):
    path = tmp_path / "exceptions.toml"
    path.write_text('[[exception]]\ntest = "test.test_x.T.a"\nversions = ["3.11"]\nreason = "so"\n')
    exceptions = runner.compare.read_exceptions(path)
    found = [runner.compare.Difference("test.test_x.T.a", "passed", "failed")]
    assert runner.compare.excepted(found, exceptions, "3.11.7") == (found, [])
    assert runner.compare.excepted(found, exceptions, "3.1.1") == ([], found)
    ran = ["test.test_x.T.b"]
    assert runner.compare.not_needed(exceptions, "3.11.7", ran, []) == exceptions
    assert runner.compare.not_needed(exceptions, "3.11.7", ran, found) == []
    assert runner.compare.not_needed(exceptions, "3.12.1", ran, []) == []
    assert runner.compare.not_needed(exceptions, "3.11.7", ["test.test_y.T.b"], []) == []
    path.write_text('[[exception]]\ntest = "test.test_x.T.a"\nversions = ["3.11"]\n')
    with pytest.raises(ValueError, match="reason"):
        runner.compare.read_exceptions(path)


@pytest.mark.parametrize("again", [["passed"], ["failed", "passed"], ["failed", "failed"]])
def test_what_differs_runs_again_alone(runner, again):
    asked = []

    class Runs:
        def both(self, suite, label, only):
            asked.append(list(only))
            return sides(runner, {"t.T.a": "passed"}, {"t.T.a": again[len(asked) - 1]})

    found = [runner.compare.Difference("t.T.a", "passed", "failed")]
    pair = sides(runner, {"t.T.a": "passed"}, {"t.T.a": "failed"})
    result = runner.run.Result(runner.execute.Suite("t"), *pair, unexplained=found)
    runner.run.settle(Runs(), result)
    assert asked == [["t.T.a"]] * len(again)
    settled = again[-1] == "passed"
    assert result.settled == (found if settled else [])
    assert result.unexplained == ([] if settled else found)


def test_a_fixture_that_failed_runs_again_with_its_class(runner):
    assert runner.run.pattern("test.test_x.T.setUpClass") == "test.test_x.T.*"
    assert runner.run.pattern("test.test_x.T.test_y#2") == "test.test_x.T.test_y"


@pytest.mark.parametrize("more", ["", ". Did you mean: 'test.test_samples'?"])
def test_a_suite_that_a_python_has_not_is_told_from_one_that_lacks_a_module(runner, more):
    suite = runner.execute.Suite("test_sample")
    error = "ModuleNotFoundError: No module named"
    assert runner.execute.absent(suite, f"x\n{error} 'test.test_sample'{more}\ny\n")
    assert not runner.execute.absent(suite, f"x\n{error} 'test.test_sample.part'{more}\ny\n")
    assert not runner.execute.absent(suite, f"x\n{error} 'other'{more}\ny\n")
