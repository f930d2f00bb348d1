"""The folder above is no package of tests, although it has an __init__.py, which is for others.
What an emulator does not do is skipped there."""

import fnmatch
import os
import pathlib

import pytest

TOP = pathlib.Path(__file__).resolve().parents[1]


class TopIsAFolder:
    @pytest.hookimpl
    def pytest_collect_directory(self, path, parent):
        return pytest.Dir.from_parent(parent, path=path) if path == TOP else None


def pytest_configure(config):
    # As a plugin: what a conftest.py has itself is not asked about folders above it.
    config.pluginmanager.register(TopIsAFolder())


def not_emulated():
    """Patterns of tests' ids, and why: tests/lab/emulated.tsv."""
    lines = (TOP / "tests" / "lab" / "emulated.tsv").read_text().splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


def pytest_collection_modifyitems(items):
    if not os.environ.get("CSOCK_EMULATED"):
        return
    left_out = not_emulated()
    for item in items:
        name = item.path.relative_to(TOP) if item.path.is_relative_to(TOP) else item.path
        test = f"{name}::{item.name}"
        found = [why for pattern, why in left_out if fnmatch.fnmatchcase(test, pattern)]
        if found:
            item.add_marker(pytest.mark.skip(reason=f"emulated: {found[0]}"))
