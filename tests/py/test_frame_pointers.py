"""Frame pointers, by which profilers and debuggers walk stacks (PEP 831), are kept in all of
csock's code: tools/frames.py looks at what was built."""

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import csock._core
import pytest

FRAMES = Path(__file__).resolve().parents[2] / "tools" / "frames.py"
PREFIX = Path(csock._core.__file__).resolve().parents[2] / "prefix" / "lib"

pytestmark = [
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the tool reads x86-64 code"),
    pytest.mark.skipif(not shutil.which("objdump"), reason="needs objdump, of binutils"),
]


@pytest.mark.parametrize("path", [csock._core.__file__, *PREFIX.glob("libcsock.so")],
                         ids=["the extension", "the C library"][: 1 + PREFIX.exists()])
def test_every_function_that_calls_another_has_a_frame(path):
    done = subprocess.run([sys.executable, FRAMES, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_code_without_frames_is_found(tmp_path):
    """The tool itself: the same file, compiled with frames and without."""
    if not shutil.which("cc"):
        pytest.skip("needs a compiler")
    source = tmp_path / "calls.c"
    source.write_text("int other(int); int calls(int n) { return other(n) + other(n + 1); }\n")
    for flag, status in ("-fno-omit-frame-pointer", 0), ("-fomit-frame-pointer", 1):
        library = tmp_path / "calls.so"
        subprocess.run(["cc", "-O2", flag, "-fPIC", "-shared", "-nostdlib", source, "-o", library],
                       check=True)
        done = subprocess.run([sys.executable, FRAMES, library], capture_output=True, text=True)
        assert done.returncode == status, done.stdout + done.stderr
