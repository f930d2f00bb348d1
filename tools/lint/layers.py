"""Folders are layers: a file includes, and asks the linker for, what is in its own and lower ones.
"""

import re

from tree import PLAIN, ROOT, place, sources, symbols

# The folders of core, lowest first.
CORE_LAYERS = (
    {"sys"},
    {"addr", "capture"},
    {"call"},
    {"control"},
    {"sock"},
    {"names", "stream"},
    {"dial", "serve"},
)
# The folders of python/ext, lowest first. A file may include what is in its own and in lower ones;
# those of one row know nothing of each other.
EXT_LAYERS = (
    ("shared",),
    ("state.h", "constants"),
    ("object",),
    ("address",),
    ("methods", "names"),
    ("class",),
    ("file",),
    ("tls",),
    ("stream", "dial"),
    ("module.c",),
)
# By their definitions the interpreter knows the modules; state.h declares them.
MODULES = {"ext_socket_module", "ext_core_module"}


def no_python_in_core():
    for path in sources("core", "include"):
        if "Python.h" in path.read_text():
            yield f"{place(path)}: Python.h"


def includes_upwards(top, layers):
    level = {folder: number for number, folders in enumerate(layers) for folder in folders}
    for path in sources(top):
        own = path.relative_to(ROOT / top).parts[0] if path.parent != ROOT / top else None
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = re.match(r'#include "(?!csock/)(\w+)/[\w/]+\.h"', line)
            if own not in (None, *level):
                yield f"{place(path)}: {own} is no layer"
                break
            if match and match[1] != own and (own is None or level[match[1]] >= level[own]):
                yield f"{place(path, number)}: {own or top} is not above {match[1]}"


def is_below(layer, other):
    rank = {name: number for number, row in enumerate(EXT_LAYERS) for name in row}
    return rank[layer] < rank[other]


def layers_in_text():
    """What a file of python/ext includes is in its own folder, or in a lower one."""
    ext = ROOT / "python" / "ext"
    for path in sources("python/ext", suffixes=(".c", ".h")):
        own = path.relative_to(ext).parts[0]
        if not any(own in row for row in EXT_LAYERS):
            yield f"{place(path)}: {own} is no layer"
            continue
        for name in re.findall(r'^\s*#\s*include\s*["<]([^">]+)', path.read_text(), re.M):
            if name == "Python.h" and path != ext / "shared" / "python.h":
                yield f"{place(path)}: Python.h is included by shared/python.h alone"
            target = next((p for p in (path.parent / name, ext / name) if p.is_file()), ROOT)
            if not target.is_relative_to(ext):
                continue
            layer = target.relative_to(ext).parts[0]
            if layer != own and not is_below(layer, own):
                yield f"{place(path)}: includes {name}, which is not below {own}"


def layers_in_objects():
    """No file of python/ext asks the linker for what a higher one defines."""
    asked, home = [], {}
    for path in PLAIN.glob("python/_core*.p/ext_*.o"):
        name = path.name.removesuffix(".o").replace("_", "/", 2)  # ext/<folder>/<file>
        names, defined = symbols([path])
        asked += [(name, symbol) for _, symbol in names]
        home.update(dict.fromkeys(defined, name.split("/")[1]))
    for name, symbol in asked:
        own, layer = name.split("/")[1], home.get(symbol)
        if layer and layer != own and not is_below(layer, own) and symbol not in MODULES:
            yield f"python/{name}: asks for {symbol} of {layer}"
