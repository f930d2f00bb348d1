"""The folder above is no package of tests, although it has an __init__.py, which is for others."""

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
