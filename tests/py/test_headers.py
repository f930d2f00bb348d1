"""The headers, each as the only one: what a strict compiler of C or C++ says of them."""

import os
import pathlib
import shutil
import subprocess

import pytest
import testkit

PREFIX = os.environ.get("CSOCK_PREFIX")
pytestmark = pytest.mark.skipif(
    testkit.SANITISED or not PREFIX, reason="needs the plain build, with its C library"
)
INCLUDE = pathlib.Path(PREFIX or "/") / "include"
HEADERS = ["csock.h", *(f"csock/{path.name}" for path in sorted(INCLUDE.glob("csock/*.h")))]
STRICT = (
    "-pedantic -Wall -Wextra -Wconversion -Wshadow -Wundef -Wcast-qual -Wwrite-strings -Werror"
).split()
LANGUAGES = {
    "c": ("cc", ["c99", "gnu99", "c11", "c17"], ["-Wstrict-prototypes"]),
    "c++": ("c++", ["c++11", "c++14", "c++17", "c++20"], ["-Wold-style-cast"]),
}
# What a program writes first: a socket that is none yet, and a wait without a bound.
USE = {
    "c": "struct csock s = CSOCK_INIT; struct csock_wait w = {.timeout = -1}; (void)s; (void)w;",
    "c++": "csock s = CSOCK_INIT; csock_wait w = {}; w.timeout = -1; (void)s; (void)w;",
}


def complaints(language, standard, text):
    compiler, _, more = LANGUAGES[language]
    if not shutil.which(compiler):
        pytest.skip(f"no {compiler} here")
    command = [compiler, "-x", language, f"-std={standard}", *STRICT, *more, f"-I{INCLUDE}"]
    done = subprocess.run(
        [*command, "-fsyntax-only", "-"], input=text, capture_output=True, text=True
    )
    return done.stderr


@pytest.mark.parametrize(
    "language, standard",
    [(language, standard) for language, (_, all_, _) in LANGUAGES.items() for standard in all_],
)
def test_a_strict_compiler_has_no_word_to_say(language, standard):
    for header in HEADERS:
        text = f'#include "{header}"\n#include "{header}"\nint main(void) {{ return 0; }}\n'
        assert complaints(language, standard, text) == "", header
    text = f'#include "csock.h"\nint main(void) {{ {USE[language]} return 0; }}\n'
    assert complaints(language, standard, text) == ""


def test_the_compilers_would_say_it():
    for language, (_, standards, _) in LANGUAGES.items():
        text = "static char f(int i) { return i; } int main(void) { return f(1); }\n"
        assert "conversion" in complaints(language, standards[0], text)
