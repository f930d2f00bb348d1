"""The suites that packages bring along: which, how they are started, and what came out per test.

Each runs unmodified, from the source distribution of the pinned version, or from the package where
that has its tests installed. What is left out is left out on both sides, and the reason stands
beside it.
"""

import os
import pathlib
import sys
import xml.etree.ElementTree as xml

import sides

HERE = pathlib.Path(__file__).resolve().parent
NORMAL = {0, 1}  # pytest: all passed; some failed

# Suites, each: where from, which server it needs, which tests.
SUITES = {}


def command(name, report):
    """Words after the interpreter, and more for the process."""
    suite = SUITES[name]
    folder = sides.source(suite["source"]) if "source" in suite else sides.HOME
    words = [HERE / "in_server.py", suite.get("server", "none"), *suite["env"]] if False else []
    return words, {"cwd": folder}


def outcomes(report, out):
    return {}


def counts(cases):
    kinds = list(cases.values())
    return " ".join(f"{kinds.count(kind)} {kind}" for kind in ("passed", "failed", "skipped"))


def enough(cases):
    return "passed" in cases.values()


def differences(name, cases):
    lines = []
    for test in sorted(cases["stock"].keys() | cases["csock"].keys()):
        pair = [cases[side].get(test, "absent") for side in sides.SIDES]
        if pair[0] != pair[1]:
            lines.append(f"{test}: {pair[0]} on stock, {pair[1]} on csock")
    return lines
