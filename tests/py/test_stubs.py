"""The type stubs: there where a checker looks for them, and the program that mypy reads uses every
name. What mypy and stubtest say of them is the suite `types` of tools/run_tests.py."""

import ast
import pathlib
import subprocess
import sys
import types

import csock
from csock import _core, _socket, dropin

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests" / "typing" / "sample.py"
CONSTANTS, GENERATOR = ROOT / "tools" / "constants.tsv", ROOT / "tools" / "gen_constants.py"
PACKAGE = pathlib.Path(csock.__file__).parent


def test_the_stubs_stand_beside_the_modules(tmp_path):
    assert (PACKAGE / "py.typed").is_file()
    for module in "__init__", "_core", "_socket", "dropin":
        stub = PACKAGE / f"{module}.pyi"
        template, made = ROOT / "python" / "csock" / f"{stub.name}.in", tmp_path / stub.name
        subprocess.run([sys.executable, "-B", GENERATOR, CONSTANTS, made, template], check=True)
        assert stub.read_text() == made.read_text()
        assert stub.read_text().startswith(template.read_text())


def words(path):
    """Every name that the program has as a name or as an attribute."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
    return found


def own_names():
    """Functions, classes and strings of the package; methods and attributes of its sockets."""
    for module in csock, dropin:
        for name in dir(module):
            value = getattr(module, name)
            if name[0] != "_" and not isinstance(value, (int, types.ModuleType)):
                yield name
    for cls in _socket.socket, dropin.socket, _core.RawStream, csock.Reader:
        yield from (name for name in vars(cls) if name[0] != "_")


def test_the_sample_uses_every_name():
    standard = {"IntEnum", "IntFlag", "ExtensionFileLoader", "ModuleSpec", "PathFinder", "partial"}
    assert set(own_names()) - standard - words(SAMPLE) == set()


def test_the_sample_runs():
    done = subprocess.run(
        [sys.executable, "-X", "dev", SAMPLE], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
