"""What counts as a difference where tests/ecosystem compares a suite on stock and on csock."""

import importlib.util
import pathlib
import sys

import pytest

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "ecosystem"


@pytest.fixture
def suites(monkeypatch):
    """The module, with a suite of its own; tests/conformance has modules of the same names."""
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.delitem(sys.modules, "sides", raising=False)
    spec = importlib.util.spec_from_file_location("ecosystem_suites", FOLDER / "suites.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.delitem(sys.modules, "sides")
    mine = module.Suite(fickle="test_chance", by_design=["test_text.test_of_errors"])
    monkeypatch.setitem(module.SUITES, "mine", mine)
    return module


def cases(stock, csock, text=("passed", "failed")):
    """What one test came to, and another, which by design fails on csock."""
    both = {}
    for side, outcome, designed in zip(("stock", "csock"), (stock, csock), text, strict=True):
        both[side] = {"tests.test_a.test_it": outcome, "tests.test_text.test_of_errors": designed}
    return both


def test_what_is_alike_is_no_difference(suites):
    assert suites.differences("mine", cases("passed", "passed")) == {}
    assert suites.differences("mine", cases("failed", "failed")) == {}


def test_what_is_not_is_one(suites):
    found = suites.differences("mine", cases("failed", "passed"))
    assert found == {"tests.test_a.test_it": ("failed", "passed")}


def test_chance_is_none(suites):
    both = cases("passed", "passed")
    both["stock"]["test_chance"] = "failed"
    assert suites.differences("mine", both) == {}


@pytest.mark.parametrize("text", [("passed", "passed"), ("failed", "failed"), ("failed", "passed"),
                                  ("skipped", "skipped")])
def test_what_differs_by_design_has_to(suites, text):
    name, both = "tests.test_text.test_of_errors", cases("passed", "passed", text)
    assert suites.differences("mine", both) == {name: text}
    assert suites.designed("mine", both) == []
    assert not suites.settled("mine", name, both)
    wanted = cases("passed", "passed")
    assert suites.designed("mine", wanted) == [name] and suites.settled("mine", name, wanted)


def test_what_differs_by_design_has_to_be_there(suites):
    both = {side: {"tests.test_a.test_it": "passed"} for side in ("stock", "csock")}
    assert suites.differences("mine", both) == {"test_text.test_of_errors": ("absent", "absent")}
