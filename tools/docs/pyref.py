"""The Python reference of the site: signatures are those of the stubs, texts are docstrings, and
that of the command is what it prints. csock has to be importable: a built one, with its stubs."""

import ast
import enum
import inspect
import os
import pathlib
import re
import subprocess
import sys

import csock._core
import rst

import csock
import csock._socket
import csock.dropin

FOLDER = pathlib.Path(csock.__path__[0])
# What stubs need names for, and readers do not.
PLAINER = {
    r"\b_RetAddress\b|\b_Address\b": "Any",
    r"\b_Ancillary\b": "tuple[int, int, bytes]",
    r"\b_core\.|\b_socket\.|\bown_(?=socket\b)": "",
    r"\b_Lookup\b": "tuple",
    r"\b_SourceT\b": "Any",
    r"\b_File\b": "BinaryIO",
}
COMMANDS = "--help", "run --help", "ps --help", "dial --help", "enable --help"


def statements(body):
    """Those that hold for this Python."""
    for node in body:
        if isinstance(node, ast.If):
            holds = eval(compile(ast.Expression(node.test), "stub", "eval"), {"sys": sys})
            yield from statements(node.body if holds else node.orelse)
        else:
            yield node


def stub(module):
    return list(statements(ast.parse((FOLDER / f"{module}.pyi").read_text()).body))


def declared(body, kind=ast.FunctionDef):
    """Of functions the overloads, in their order; of classes the class."""
    found = {}
    for node in body:
        if isinstance(node, kind):
            found.setdefault(node.name, []).append(node)
    return found


def plainer(text):
    for pattern, other in PLAINER.items():
        text = re.sub(pattern, other, text)
    return text


def signature(node, name=None, returns=True):
    arguments = node.args
    for positional in arguments.posonlyargs, arguments.args:
        if positional and positional[0].arg in ("self", "cls"):
            positional.pop(0)
            break
    text = f"{name or node.name}({ast.unparse(arguments).removeprefix('/, ')})"
    if returns and node.returns:
        text += f" -> {ast.unparse(node.returns)}"
    return plainer(text.replace("(/)", "()"))


def text_of(thing):
    """A docstring without what it says of the signature, which is the stub's."""
    text = inspect.getdoc(thing) or ""
    parts = text.split("\n\n", 1)
    if all(re.match(r"\w+\(.*\)( -> .*)?$", line) for line in parts[0].split("\n")):
        text = parts[1] if len(parts) == 2 else ""
    return text


def function(kind, nodes, thing, links):
    if len(nodes) > 3:  # each for a few values of an argument; the last is for all
        nodes = nodes[-1:]
    said = rst.prose(text_of(thing), links)
    return rst.directive(kind, [signature(node) for node in nodes], said)


def a_class(name, bodies, thing, links):
    """`bodies`: those of its stubs, the derived class's first. What the class in C says of itself
    holds for that of `dropin`, too."""
    about = csock._socket.socket if thing is csock.dropin.socket else thing
    members, lines = {}, rst.prose(text_of(about), links)
    for body in bodies:
        members = declared(statements(body)) | members
    for member, nodes in sorted(members.items()):
        if member.startswith("_"):
            continue
        if ast.unparse(nodes[0].decorator_list[:1]) == "property":
            said = rst.prose(text_of(getattr(thing, member)), links)
            lines += rst.directive("py:attribute", [member], said)
        else:
            lines += function("py:method", nodes, getattr(thing, member), links)
    made = members.get("__init__") or members.get("__new__")
    head = signature(made[0], name, returns=False) if made else name
    kind = "py:exception" if issubclass(thing, BaseException) else "py:class"
    return rst.directive(kind, [head], lines)


def classes_and_functions(names, classes, functions, module, links):
    lines = []
    for name in names:
        thing = getattr(module, name)
        if name in functions:
            lines += function("py:function", functions[name], thing, links)
        elif name in classes:
            bodies = [node.body for node in classes[name]]
            lines += a_class(name, bodies, thing, links)
    return lines


def links_of(names):
    return {f"csock.{name}": f":py:obj:`{{}} <csock.{name}>`" for name in names}


def own(links):
    """What csock has beyond the socket module."""
    ours, core = stub("__init__"), stub("_core")
    names = [n for n in csock._OWN + csock._READER if n in csock._OWN] + list(csock._READER)
    names = ["install", "uninstall", "adapt", *names]
    lines = [*rst.title("csock: beyond the socket module"), ".. py:module:: csock", ""]
    lines += rst.prose(inspect.getdoc(csock).partition("\n\nImporting")[0], links)
    classes = declared(ours, ast.ClassDef) | declared(core, ast.ClassDef)
    functions = declared(ours) | declared(core)
    lines += classes_and_functions(names, classes, functions, csock, links)
    constants = [n.target.id for n in core if isinstance(n, ast.AnnAssign)]
    lines += ["Constants", "---------", "", "Of Linux, that CPython does not have:", ""]
    return [*lines, ", ".join(f"``{name}``" for name in sorted(constants)), ""]


def enumeration(thing):
    """A class that the standard library makes of constants, and says nothing of."""
    names = list(thing.__members__)
    base = thing.__mro__[1].__name__
    said = [f"An ``enum.{base}`` of {', '.join(f'``{name}``' for name in names)}."]
    return rst.directive("py:class", [thing.__name__], said)


def socket_module(links):
    """The module that stands in the place of `socket`."""
    ours, below = stub("dropin"), stub("_socket")
    lines = [*rst.title("csock.dropin: the socket module"), ".. py:module:: csock.dropin", ""]
    lines += rst.prose(inspect.getdoc(csock.dropin), links)
    classes = {name: declared(ours, ast.ClassDef)[name] for name in ("socket", "SocketIO")}
    classes["socket"] += declared(below, ast.ClassDef)["socket"]
    classes["SocketIO"] += declared(stub("_core"), ast.ClassDef)["RawStream"]
    functions = declared(below) | declared(ours)
    names = ["socket", *sorted(set(csock.dropin.__all__) - {"socket"}), "SocketIO"]
    lines += classes_and_functions(names, classes, functions, csock.dropin, links)
    for thing in vars(csock.dropin).values():
        if isinstance(thing, enum.EnumType):
            lines += enumeration(thing)
    return lines


def command():
    script = "from csock._command import script; script()"
    lines = rst.title("The command csock")
    for words in COMMANDS:
        done = subprocess.run(
            [sys.executable, "-c", script, *words.split()],
            env={**os.environ, "COLUMNS": "90", "PYTHON_COLORS": "0"},
            capture_output=True,
            text=True,
            check=True,
        )
        lines += rst.code(f"$ csock {words}\n\n{done.stdout}".rstrip(), "text")
    return lines


def files():
    links = links_of(["install", "uninstall", *csock._OWN, *csock._READER])
    pages = {"csock": own(links), "socket": socket_module(links), "command": command()}
    return {f"{name}.rst": "\n".join(lines) for name, lines in pages.items()}
