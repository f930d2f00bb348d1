#!/usr/bin/env python3
"""Prints the numbers that the C library's headers promise, one `NAME VALUE` a line: enumerators and
macros, which no dump of a library has. For tools/abi.sh; by the C compiler ($CC, cc).

    abi_numbers.py FOLDER      where csock.h is
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

INCLUDE = "#include <csock.h>\n"
# What has a number; a macro of one argument has that of 0. Those of the version are to change.
MACRO = re.compile(r"#define (CSOCK_(?!VERSION)\w+)(\(\w+\))? +([-(]*\d.*|[A-Z]\w+)")
ENUM = re.compile(r"enum csock_\w+ *\{([^}]*)\}")


def compiled(folder, *arguments, text):
    command = [*os.environ.get("CC", "cc").split(), f"-I{folder}", "-x", "c", *arguments, "-"]
    return subprocess.run(command, input=text, capture_output=True, check=True, text=True).stdout


def names(folder):
    for line in compiled(folder, "-E", "-dM", text=INCLUDE).splitlines():
        if macro := MACRO.fullmatch(line):
            yield macro[1] + ("(0)" if macro[2] else "")
    for body in ENUM.findall(compiled(folder, "-E", "-P", text=INCLUDE)):
        yield from re.findall(r"CSOCK_\w+", body)


def main():
    folder = pathlib.Path(sys.argv[1])
    lines = [f'printf("{name} %lld\\n", (long long)({name}));' for name in sorted(names(folder))]
    body = "\n".join(["#include <stdio.h>", "int main(void) {", *lines, "return 0; }"])
    with tempfile.TemporaryDirectory() as scratch:
        program = f"{scratch}/numbers"
        compiled(folder, "-o", program, text=f"{INCLUDE}{body}\n")
        subprocess.run([program], check=True)


if __name__ == "__main__":
    main()
