"""Says which functions of shared objects call others without a frame of their own, by which a walk
along frame pointers would lose their callers (PEP 831). For x86-64, by objdump.

    python tools/frames.py FILE...

Fails (exit 1) where more than one in a hundred has none: what the linker and the compiler's runtime
put in is not csock's to build.
"""

import re
import subprocess
import sys

SET_UP = re.compile(r"\bmov +%rsp,%rbp$")
CALL = re.compile(r"\bcall\b")
# Where a function begins. What gcc has moved away stands in the frame of what it was part of.
BEGIN = re.compile(r"^[0-9a-f]+ <(?P<name>[^>]+)>:$")
PART = re.compile(r"\.(cold|part)\b|@plt|^_(start|init|fini)$|^\.plt|_dtors|_tm_clones|frame_dummy")


def functions(path):
    """(name, its instructions) for each function of the file."""
    command = ["objdump", "-d", "--no-show-raw-insn", "-j", ".text", path]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    name, lines = None, []
    for line in text.splitlines():
        if begin := BEGIN.match(line):
            yield name, lines
            name, lines = begin["name"], []
        elif ":\t" in line:
            lines.append(line.split("#")[0].rstrip())
    yield name, lines


def without_frame(lines):
    """Whether a call stands before the frame is set up, in the order of the text."""
    for line in lines:
        if SET_UP.search(line):
            return False
        if CALL.search(line):
            return True
    return False


def check(path):
    """What to say of the file, if something is wrong with it."""
    named = [(name, lines) for name, lines in functions(path) if name and not PART.search(name)]
    calling = [(name, lines) for name, lines in named if any(map(CALL.search, lines))]
    bare = [name for name, lines in calling if without_frame(lines)]
    print(f"{path}: {len(bare)} of {len(calling)} functions that call others have no frame",
          *bare[:10])
    return not calling or len(bare) * 100 > len(calling)


if __name__ == "__main__":
    wrong = [check(path) for path in sys.argv[1:]]
    sys.exit(any(wrong) or not wrong)
