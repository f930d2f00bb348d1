"""CPython's insides: what its documentation does not promise, reached in two places alone."""

import ast
import re

from tree import place, sources, without_comments

# What CPython's documentation does not promise: its functions with an underscore in front, the
# layout of its objects, fields of a class that it keeps for itself or that a class made in Python
# has no other way to get, and what it calls unstable.
INSIDES_OF_C = re.compile(
    r"\b_Py(?!Bytes_Resize\b)[A-Z]\w*|\bPyUnstable_\w+|\bPy_BUILD_CORE\w*|\bPyInterpreterState\b"
    r"|\bPy(?!Type)[A-Z][A-Za-z]*Object\b|\b(?:ob|co)_(?!base\b)[a-z]\w*"
    r"|(?:->|\.)tp_(?:dict|dictoffset|weak\w+|subclasses|cache|mro|bases|watched|version\w+)\b"
    r"|->tp_\w+ *=(?!=)|__attribute__\(\(weak\)\)|[<\"](?:internal|cpython)/"
)
INTERP_C = {"python/ext/shared/interp.c", "python/ext/shared/interp.h"}
# Modules that are documented, underscore or not; and what others have with one and a promise.
INTERP_PY = "python/csock/_interp.py"
DOCUMENTED = {"_thread", "__future__", "sys._getframe"}
# Of _interp.py's, what may stand elsewhere: its head says why.
FROZEN = {"_frozen_importlib", "_frozen_importlib_external"}
ELSEWHERE = {
    "python/csock/__init__.py": FROZEN | {"_ModuleLockManager", "kind._convert_"},
    "python/csock/_hook/sitecustomize.py": FROZEN | {"_imp"},
}


def insides_of_c():
    for path in sources("python/ext"):
        if place(path) in INTERP_C:
            continue
        for number, line in enumerate(without_comments(path.read_text()).splitlines(), 1):
            for match in INSIDES_OF_C.finditer(line):
                yield f"{place(path, number)}: {match[0]}"


def is_private(name):
    return name.startswith("_") and not name.endswith("__")


def private_names(tree):
    """(line, name) of modules with an underscore in front that are not csock's, and of such names
    in others, and in classes of theirs."""
    foreign = {"kind"}  # the enum that is handed to _make_enum
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                if not name.name.startswith("csock"):
                    foreign.add((name.asname or name.name).split(".")[0])
                    yield from ((node.lineno, p) for p in name.name.split(".") if is_private(p))
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module != "csock":
            if not node.module.startswith("csock."):
                foreign |= {name.asname or name.name for name in node.names}
                names = [*node.module.split("."), *(name.name for name in node.names)]
                yield from ((node.lineno, p) for p in names if is_private(p))
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "__import__":
            name = getattr(node.args[0], "value", "")
            if isinstance(name, str) and is_private(name):
                yield node.lineno, name
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            owner = ast.unparse(node.value)
            ours = owner == "sys.modules[__package__]"
            if not ours and owner.split(".")[0] in foreign:
                yield node.lineno, f"{owner}.{node.attr}"


def insides_of_python():
    for path in sources("python/csock", suffixes=(".py",)):
        if place(path) == INTERP_PY:
            continue
        allowed = DOCUMENTED | ELSEWHERE.get(place(path), set())
        for number, name in private_names(ast.parse(path.read_text())):
            if name not in allowed:
                yield f"{place(path, number)}: {name}"
