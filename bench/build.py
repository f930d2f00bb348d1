"""Builds what the benches need in C: the twins of the operations, the marks, the bare extension."""

import ctypes
import importlib.util
import os
import re
import subprocess
import sysconfig
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
DEFAULT = Path(os.environ.get("BENCH_BUILD", ROOT / "build" / "bench"))
# As the release build compiles the library.
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-O3", "-DNDEBUG", "-flto=auto", "-fPIC",
         "-fno-omit-frame-pointer", "-fvisibility=hidden", "-shared", "-pthread"]


def compile_to(target, sources, include):
    """One shared object; again only if a source is newer, or this file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    newest = max(path.stat().st_mtime for path in (*sources, Path(__file__)))
    if not target.exists() or target.stat().st_mtime < newest:
        compiler = os.environ.get("CC", "cc").split()
        flags = [*FLAGS, *(f"-I{path}" for path in include)]
        subprocess.run([*compiler, *flags, "-o", target, *sources], check=True)
    return target


def version_header(folder):
    """The folder with the header that meson makes otherwise, of the version in meson.build."""
    text = re.search(r"version: '([\d.]+)'", (ROOT / "meson.build").read_text())[1]
    major, minor, patch = map(int, text.split("."))
    header = (ROOT / "include/csock/version.h.in").read_text().replace("@text@", text)
    target = folder / "include/csock/version.h"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(header.replace("@number@", str(10000 * major + 100 * minor + patch)))
    return folder / "include"


def twins(folder=DEFAULT, with_csock=True):
    """raw.c, and core.c with csock's core in it, built as they are."""
    sources = [HERE / name for name in ("raw.c", "mark.c", "peers.c")]
    if with_csock:
        sources += [HERE / "core.c", *sorted((ROOT / "core").rglob("*.c"))]
    name = "bench.so" if with_csock else "bench-raw.so"
    include = [ROOT / "include", version_header(folder), ROOT / "core"]
    library = ctypes.CDLL(str(compile_to(folder / name, sources, include)))
    library.sides = ("raw", "core") if with_csock else ("raw",)
    return library


def bare(folder=DEFAULT):
    """The module with the bare extension type, for the Python that runs this."""
    name = "bare" + sysconfig.get_config_var("EXT_SUFFIX")
    path = compile_to(folder / name, [HERE / "bare.c"], [sysconfig.get_path("include")])
    spec = importlib.util.spec_from_file_location("bare", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    twins()
    bare()
