"""The programs in docs/seeing.md run as printed, and print what stands under them."""

import pathlib
import re

import childkit
import pytest
from capturekit import tshark, with_tshark
from statskit import with_counters

TEXT = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "seeing.md").read_text()
BLOCK = r"((?:(?!```).*\n)+)```"
EXAMPLES = re.findall(rf"^```python\n{BLOCK}\n\nprints\n\n```\n{BLOCK}$", TEXT, re.M)


@with_counters
@pytest.mark.parametrize("program, printed", EXAMPLES)
def test_examples(env, program, printed, tmp_path):
    assert childkit.out(program, env=env, cwd=tmp_path) == printed
    assert len(EXAMPLES) >= 1


def without_chance(text):
    """Ports and times are others each time."""
    text = re.sub(r"\b\d+ → \d+\b(?!\.)", "PORTS", text)
    return re.sub(r"^( +\d+) \d+\.\d{9}", r"\1 TIME", text, flags=re.M)


@with_tshark
def test_what_tshark_shows(env, tmp_path):
    program = next(program for program, _ in EXAMPLES if "csock.capture(" in program)
    childkit.out(program, env=env, cwd=tmp_path)
    shown = re.search(rf"^and `tshark -r client.pcapng` shows\n\n```\n{BLOCK}$", TEXT, re.M)[1]
    # Whatever the port is, it is not taken for that of another protocol.
    lines = tshark(tmp_path / "client.pcapng", "-d", "tcp.port==1-65535,http")
    assert without_chance(lines) == without_chance(shown)
