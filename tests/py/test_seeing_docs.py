"""The programs in docs/seeing.md run as printed, and print what stands under them."""

import pathlib
import re

import childkit
import pytest
from statskit import with_counters

TEXT = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "seeing.md").read_text()
BLOCK = r"((?:(?!```).*\n)+)```"
EXAMPLES = re.findall(rf"^```python\n{BLOCK}\n\nprints\n\n```\n{BLOCK}$", TEXT, re.M)


@with_counters
@pytest.mark.parametrize("program, printed", EXAMPLES)
def test_examples(env, program, printed):
    assert childkit.out(program, env=env) == printed
    assert len(EXAMPLES) >= 1
