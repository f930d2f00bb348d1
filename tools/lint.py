#!/usr/bin/env python3
"""The rules of the house that a machine can check. C warnings are errors in tools/build.sh.

Layering is checked twice: in the text, and in what the compiled files of build/plain ask the
linker for, which no macro and no function pointer gets around. Prints one line per rule.
"""

import ast
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PLAIN = ROOT / "build" / "plain"
MAX_COLUMNS = 100
MAX_LINES = {".c": 400, ".h": 250, ".py": 400}
LONGER = (
    # What `import socket` gives. Programs replace names in that module (socket.getaddrinfo,
    # socket.socket) and expect create_connection() and the others to hear of it: a function looks
    # names up in the file that defines it, so all that use them stand in this one. What needs none
    # of its names is in _helpers.py.
    "python/csock/dropin.py",
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
    ("stream",),
    ("module.c",),
)
# By their definitions the interpreter knows the modules; state.h declares them.
MODULES = {"ext_socket_module", "ext_core_module"}

KERNEL = (
    "accept accept4 bind close connect dup dup2 dup3 fcntl getpeername getsockname getsockopt "
    "ioctl listen pipe pipe2 poll ppoll read readv recv recvfrom recvmmsg recvmsg select send "
    "sendfile sendmmsg sendmsg sendto setsockopt shutdown socket socketpair syscall write writev "
    "getaddrinfo freeaddrinfo getnameinfo gethostname sethostname gethostbyname gethostbyname_r "
    "gethostbyname2 gethostbyname2_r gethostbyaddr gethostbyaddr_r getservbyname getservbyname_r "
    "getservbyport getservbyport_r getprotobyname getprotobyname_r "
    "clock_gettime nanosleep usleep sleep gettid getpid tgkill kill sigaction pthread_sigmask "
    "sigpending sigtimedwait pthread_kill sched_yield malloc calloc realloc free"
).split()
# Of libc, what touches memory alone, and what sets up per-process and per-thread state.
PURE = re.compile(
    r"mem\w+|str\w+|snprintf|inet_[apn]to[apn]|in6addr_any|gai_strerror|hstrerror|"
    r"sig(add|del|empty|fill|is)\w*|pthread_(atfork|once|key_create|[gs]etspecific|mutex_\w+)|"
    r"__errno_location|__libc_current_sigrtm(ax|in)|__tls_get_addr|_GLOBAL_OFFSET_TABLE_|"
    r"__stack_chk_fail|abort|__assert_fail"
)
# The public functions of the core, and free(3) for what csock_recv_new() allocated.
BINDING_MAY = re.compile(r"_?Py\w+|csock_[a-z]\w+|free")


def sources(*folders, suffixes=(".c", ".h")):
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in suffixes:
                yield path


def place(path, line=None):
    where = str(path.relative_to(ROOT))
    return where if line is None else f"{where}:{line}"


def without_comments(text):
    """C text with comments and strings blanked, line for line."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.S)
    return token.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def no_python_in_core():
    for path in sources("core", "include"):
        if "Python.h" in path.read_text():
            yield f"{place(path)}: Python.h"


# Folders are layers: a file includes from its own and from those in the lines above.
CORE_LAYERS = (
    {"sys"},
    {"addr", "call"},
    {"control"},
    {"sock"},
    {"names", "stream"},
    {"dial", "serve"},
)


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


def static_names():
    """A name says which function or table is meant, in a debugger and in a search."""
    declared = re.compile(r"^(?=[^\s#])[^\n;={}]*?\bstatic\b([^;={}]*)", re.M)
    where = {}
    for path in sources("core", "python/ext"):
        text = without_comments(path.read_text())
        text = re.sub(r"__attribute__\s*\(\(.*?\)\)\s*|\[[^\]]*\]", "", text)
        named = (re.search(r"(\w+)\s*(\(|$)", match[1]) for match in declared.finditer(text))
        for name in {match[1] for match in named if match}:
            where.setdefault(name, []).append(place(path))
    for name, places in sorted(where.items()):
        if len(places) > 1:
            yield f"{name}: in {', '.join(places)}"


def kernel_calls_in_text():
    call = re.compile(rf"(?<![\w.>])({'|'.join(KERNEL)})\s*\(")
    for path in sources("core", "python/ext"):
        if path == ROOT / "core" / "sys" / "linux.c":
            continue
        allowed = {"free"} if path.is_relative_to(ROOT / "python") else set()
        for number, line in enumerate(without_comments(path.read_text()).splitlines(), 1):
            for match in call.finditer(line):
                # A member of struct csock_sys is declared as (*name)(…): no match.
                if match[1] not in allowed:
                    yield f"{place(path, number)}: calls {match[1]}()"


def symbols(objects):
    """What each compiled file asks the linker for, as pairs; and the names that all define."""
    asked, defined = [], set()
    for path in objects:
        output = subprocess.run(["nm", "-P", path], capture_output=True, text=True, check=True)
        for name, kind, *_ in map(str.split, output.stdout.splitlines()):
            if kind in "Uw":
                asked.append((path.stem.removesuffix(".c"), re.sub(r"^__(\w+)_chk$", r"\1", name)))
            else:
                defined.add(name)
    return asked, defined


def kernel_calls_in_objects():
    core = [p for p in PLAIN.glob("core/libcsock.so*.p/*.o") if p.name != "sys_linux.c.o"]
    binding = list(PLAIN.glob("python/_core*.p/*.o"))
    if not core or not binding:
        yield f"no compiled files in {place(PLAIN)}: run tools/build.sh plain"
    asked, own = symbols(core)
    own |= {"csock__sys", "csock__sys_linux"}
    for name, symbol in asked:
        if symbol not in own and not PURE.fullmatch(symbol):
            yield f"core/{name}: asks for {symbol}"
    asked, own = symbols(binding)
    for name, symbol in asked:
        if symbol not in own and not any(p.fullmatch(symbol) for p in (PURE, BINDING_MAY)):
            yield f"python/{name.replace('_', '/', 2)}: asks for {symbol}"


def exported_by(library):
    output = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True)
    return {line.split()[-1] for line in output.stdout.splitlines()}


def exported_names():
    header = "".join(without_comments(path.read_text()) for path in sources("include"))
    declared = set(re.findall(r"CSOCK_API[^;(]*?\b(csock_\w+)\(", header))
    for name in sorted(declared ^ exported_by(PLAIN / "core" / "libcsock.so")):
        yield f"{name}: {'not in the library' if name in declared else 'not in a header'}"


def one_version():
    (build,) = re.findall(r"version: '([\d.]+)'", (ROOT / "meson.build").read_text())
    major, minor, patch = map(int, build.split("."))
    header = (ROOT / "include/csock/base.h").read_text()
    number = 10000 * major + 100 * minor + patch
    for line in (f'CSOCK_VERSION "{build}"', f"CSOCK_VERSION_NUMBER {number}"):
        if f"#define {line}\n" not in header:
            yield f"include/csock/base.h: not {line}, as meson.build has it"


def exported_by_the_extension():
    for library in PLAIN.glob("python/_core*.so"):
        for name in sorted(exported_by(library) ^ {"PyInit__core", "PyInit__socket"}):
            yield f"{library.name}: {name}"


def listed_for_the_build():
    for folder, listing in (
        ("core", "core/meson.build"),
        ("include", "core/meson.build"),
        ("python", "python/meson.build"),
    ):
        text = (ROOT / listing).read_text()
        suffixes = (".h",) if folder == "include" else (".c", ".py", ".in")
        for path in sources(folder, suffixes=suffixes):
            name = str(path.relative_to(ROOT / folder)) if folder != "python" else path.name
            if not re.search(rf"['/]{re.escape(name)}'", text):
                yield f"{place(path)}: not in {listing}"
    for path in sources("tests/c", suffixes=(".c",)):
        beside = path.parent / "meson.build"  # a layer's tests; the helpers have none
        listing = beside if beside.exists() else path.parents[1] / "meson.build"
        name, short = path.relative_to(listing.parent), path.stem.removeprefix("test_")
        if not re.search(rf"'({re.escape(str(name))}|{short})'", listing.read_text()):
            yield f"{place(path)}: not in {place(listing)}"


def generated_only():
    """What the build makes: an old one among the sources might be taken for it."""
    for path in sources("python", suffixes=(".def", ".pyi")):
        yield f"{place(path)}: is made by the build"


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


def lengths():
    folders = "include", "core", "python", "tests", "examples", "tools", "bench"
    for path in sources(*folders, suffixes=(".c", ".h", ".py", ".sh")):
        lines = path.read_text().splitlines()
        most = None if place(path) in LONGER else MAX_LINES.get(path.suffix)
        if most and len(lines) > most:
            yield f"{place(path)}: {len(lines)} lines; which second purpose moved in?"
        for number, line in enumerate(lines, 1):
            if len(line) > MAX_COLUMNS:
                yield f"{place(path, number)}: {len(line)} columns"


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


def command(*words):
    """A rule that another program checks."""
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        yield done.stdout.decode(errors="replace").rstrip() or f"status {done.returncode}"


def c_style():
    paths = list(sources("include", "core", "python", "tests", "examples", "bench"))
    program = pathlib.Path(sys.executable).parent / "clang-format"  # the pinned one
    for path in paths:
        wanted = subprocess.run([program, path], capture_output=True, text=True, check=True).stdout
        pairs = zip(path.read_text().splitlines(), wanted.splitlines(), strict=False)
        first = next((n for n, (is_, should) in enumerate(pairs, 1) if is_ != should), None)
        if first:
            yield f"{place(path, first)}: first of the lines that `make format` changes"


def python_style():
    ruff = sys.executable, "-m", "ruff", "check", "--quiet"
    yield from command(*ruff)
    yield from command(*ruff, *sorted((PLAIN / "python").glob("*.pyi")))


RULES = {
    "core knows no Python": no_python_in_core,
    "names of static functions and data are unique": static_names,
    "core's folders are layers": lambda: includes_upwards("core", CORE_LAYERS),
    "only core/sys/linux.c calls the kernel (text)": kernel_calls_in_text,
    "only core/sys/linux.c calls the kernel (objects)": kernel_calls_in_objects,
    "the library exports what the headers declare": exported_names,
    "there is one version": one_version,
    "the extension exports its two modules alone": exported_by_the_extension,
    "the folders of python/ext are layers (text)": layers_in_text,
    "the folders of python/ext are layers (objects)": layers_in_objects,
    "CPython's insides are reached from shared/interp alone": insides_of_c,
    "CPython's insides are reached from _interp.py alone": insides_of_python,
    "meson.build lists every file": listed_for_the_build,
    "generated files are not among the sources": generated_only,
    "lines and files are short": lengths,
    "C is formatted (clang-format)": c_style,
    "Python is clean (ruff)": python_style,
}


def main():
    broken = 0
    for title, rule in RULES.items():
        findings = list(rule())
        print(f"{'FAILED' if findings else 'ok':7} {title}")
        for finding in findings:
            print(f"        {finding}")
        broken += bool(findings)
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
