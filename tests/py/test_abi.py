"""The C library's interface against the stored one (docs/abi.md), by libabigail."""

import ctypes
import os
import pathlib
import shutil
import subprocess

import pytest
import testkit

ROOT = pathlib.Path(__file__).resolve().parents[2]
PREFIX = os.environ.get("CSOCK_PREFIX")
pytestmark = pytest.mark.skipif(
    testkit.SANITISED or not PREFIX, reason="needs the plain build, with its C library"
)


def compared(*arguments):
    done = subprocess.run([ROOT / "tools" / "abi.sh", *arguments], capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip(done.stderr.strip())
    return done


def test_the_library_has_the_stored_interface():
    done = compared(f"{PREFIX}/lib/libcsock.so", f"{PREFIX}/include")
    assert done.returncode == 0, done.stdout + done.stderr


SOCKET_H = "include/csock/socket.h"
CHANGES = {
    "a struct grows": (SOCKET_H, "uint64_t room[8];", "uint64_t room[9];"),
    "members change places": (SOCKET_H, "family, type, proto;", "type, family, proto;"),
    "a parameter changes": (SOCKET_H, "csock_fd_close(int fd)", "csock_fd_close(long fd)"),
    "an error has another number": ("include/csock/error.h", "= -5000", "= -5001"),
    "a flag goes": (SOCKET_H, "CSOCK_NO_TRY", "CSOCK_NO_TRIES"),
    "a flag has another number": (SOCKET_H, "CSOCK_NO_TRY 4u", "CSOCK_NO_TRY 16u"),
    "a function goes": ("core/version.c", "csock_version(void)", "csock_version_text(void)"),
}


@pytest.fixture
def changed(tmp_path):
    """Builds the library with a text replaced that stands in one of its files."""

    def build(name, old, new):
        for folder in ("core", "include"):
            shutil.copytree(ROOT / folder, tmp_path / folder)
        assert old in (tmp_path / name).read_text()
        for path in tmp_path.rglob("*.[ch]"):
            path.write_text(path.read_text().replace(old, new))
        sources = sorted((tmp_path / "core").rglob("*.c"))
        library = tmp_path / "libcsock.so"
        command = "cc -shared -fPIC -fvisibility=hidden -g -std=c11 -D_GNU_SOURCE -Icore -Iinclude"
        command += f" -I{PREFIX}/include -Wl,-soname,libcsock.so.0 -pthread -o libcsock.so"
        subprocess.run([*command.split(), *sources], cwd=tmp_path, check=True)
        shutil.copy(f"{PREFIX}/include/csock/version.h", tmp_path / "include/csock")
        return library, tmp_path / "include"

    return build


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_programs_notice_is_told(changed, change):
    done = compared(*changed(*CHANGES[change]))
    assert done.returncode == 1 and "not as promised" in done.stderr, done.stdout


def test_an_addition_is_none_but_before_a_release(changed):
    text = "const char *csock_version(void)\n{"
    more = f"CSOCK_API int csock_new(void);\nint csock_new(void)\n{{\n    return 0;\n}}\n{text}"
    library, headers = changed("core/version.c", text, more)
    assert ctypes.CDLL(library).csock_new() == 0
    done = compared(library, headers)
    assert done.returncode == 0, done.stdout
    done = compared("--same", library, headers)
    assert done.returncode == 1 and "csock_new" in done.stdout, done.stdout


def test_a_new_number_is_an_addition(tmp_path):
    headers = shutil.copytree(f"{PREFIX}/include", tmp_path / "include")
    with open(headers / "csock.h", "a") as file:
        file.write("#define CSOCK_NEW 5\n")
    library = f"{PREFIX}/lib/libcsock.so"
    assert compared(library, headers).returncode == 0
    done = compared("--same", library, headers)
    assert (done.returncode, done.stdout) == (1, "> CSOCK_NEW 5\n")
