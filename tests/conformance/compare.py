"""What differs between two runs, and what of it is expected. Runs nothing.

A difference is a test whose outcome is not the same on both sides; one that only one side ran
counts, too.
"""

import tomllib
from dataclasses import dataclass

from execute import FAILED, WHOLE
from pythons import matches

NOT_RUN = "not run"


@dataclass(frozen=True)
class Difference:
    test: str
    stock: str
    csock: str
    reason: str = ""  # what the failing side said


@dataclass(frozen=True)
class Exception_:
    test: str
    versions: tuple
    reason: str

    def is_for(self, version):
        return any(matches(version, wanted) for wanted in self.versions)


def differences(stock, csock):
    """All differences between two outcomes, by test. Two that broke off are no comparison."""
    found = []
    if stock.broken and csock.broken:
        found.append(Difference(WHOLE, FAILED, FAILED, f"nothing to compare: {stock.broken}"))
    for test in sorted({**stock.tests, **csock.tests}):
        pair = stock.tests.get(test, NOT_RUN), csock.tests.get(test, NOT_RUN)
        if pair[0] != pair[1]:
            reason = csock.reasons.get(test) or stock.reasons.get(test, "")
            found.append(Difference(test, *pair, reason))
    return found


def read_exceptions(path):
    """The exceptions file. An entry that lacks something is an error: ValueError."""
    with open(path, "rb") as file:
        entries = tomllib.load(file).get("exception", [])
    for entry in entries:
        keys = {"test": str, "versions": list, "reason": str}
        if set(entry) != set(keys) or not all(
            isinstance(entry[key], kind) and entry[key] for key, kind in keys.items()
        ):
            raise ValueError(f"{path}: an entry has test, versions and reason, not {entry}")
    return [Exception_(e["test"], tuple(e["versions"]), e["reason"]) for e in entries]


def excepted(found, exceptions, version):
    """Two lists: the differences that an exception covers, and the others."""
    known = {e.test for e in exceptions if e.is_for(version)}
    return [d for d in found if d.test in known], [d for d in found if d.test not in known]


def not_needed(exceptions, version, ran, found):
    """Exceptions for a test that `ran` (names), or might have, and did not differ. A suite of which
    nothing ran has no say."""
    modules = {suite_of(test) for test in ran}
    differing = {d.test for d in found}
    return [
        e
        for e in exceptions
        if e.is_for(version) and suite_of(e.test) in modules and e.test not in differing
    ]


def suite_of(test):
    """test_socket, for test.test_socket.GeneralModuleTests.test_repr"""
    return test.removeprefix("test.").split(".")[0]
