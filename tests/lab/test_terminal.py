"""README.md shows what `csock ps` and `csock dial` print in a broken network: today they print the
same, but for numbers."""

import os
import re
import time
from pathlib import Path

import pytest
import terminal

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
SHOWN = re.findall(r"^```\n(\$ csock .*?)^```$", README, re.S | re.M)


def shape(text):
    """Lines, in any order: threads that have waited for equally long may change places."""
    text = re.sub(r"\|[ =]{30}\|", "|bar|", text)
    text = re.sub(r"\b\d[\d.]* (s|min)\b", "0 s", text).replace("tries", "try")
    text = re.sub(r"\d+", "0", text)
    return sorted(re.sub(r" +", " ", line) for line in text.strip().splitlines())


@pytest.fixture(scope="module")
def lab(namespaces_allowed):
    made = terminal.broken()
    yield made
    made.remove()


@pytest.mark.skipif(
    bool(os.environ.get("CSOCK_EMULATED")), reason="reads another process's memory"
)
def test_csock_ps(lab):
    with terminal.program(lab) as pid:
        end = time.monotonic() + 100
        # One line for the command, one for the process, the headings, four threads.
        while len((text := terminal.csock(lab, "ps", str(pid))).splitlines()) != 7:
            assert time.monotonic() < end, text
            time.sleep(0.1)
    assert shape(text) == shape(SHOWN[0])


def test_csock_dial(lab):
    assert shape(terminal.dial(lab)) == shape(SHOWN[1])
