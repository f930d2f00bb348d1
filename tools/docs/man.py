"""Writes manual pages: of section 3 from the public headers, a page for each of their parts and a
name for each function; csock(1) from what the command says of itself.

man.py names                the files of section 3
man.py section3 FOLDER      writes them
man.py section1 FILE        writes csock(1)

The standard library alone: meson runs it.
"""

import argparse
import ast
import pathlib
import re
import sys
import textwrap

import headers

WIDTH = 70  # of what is not filled, behind the margin
REFERENCE = re.compile(r"\b([a-z][\w.]*)\((\d)\)")


def roff(text):
    """Text that no character of is a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    text = text.replace("`", "\\(ga").replace("^", "\\(ha").replace("~", "\\(ti")
    text = "".join(c if c < "\x7f" else f"\\[u{ord(c):04X}]" for c in text)
    return re.sub(r"^\.", r"\\&.", text, flags=re.M)


def filled(text):
    text = re.sub(r"`([^`]*)`", r"\1", text)
    return roff("\n".join(textwrap.wrap(text, 90, break_on_hyphens=False, break_long_words=False)))


def literal(text):
    return [".PP", ".nf", roff(text), ".fi"]


def prose(text):
    """The blocks of a comment."""
    lines = []
    for block in headers.blocks(text):
        if isinstance(block, str):
            lines += [".PP", filled(block)]
            continue
        for term, said in block:
            lines += [".TP", rf"\fB{roff(term)}\fR", filled(said) if said else "\\&"]
    return lines


def prototype(text):
    """In bold, to be broken between arguments only."""
    head, arguments = re.match(r"(.*?\()(.*)", text).groups()
    parts = [part.replace(" ", "\\ ") for part in roff(arguments).split(", ")]
    return [".HP 8", rf"\fB{roff(head)}".replace(" ", "\\ ") + ", ".join(parts) + r"\fR"]


def synopsis(page):
    lines = [".SH SYNOPSIS", ".nf", rf"\fB#include <{page.include}>\fR", ".fi"]
    for group in page.groups:
        for one in group.declared:
            if one.kind == "function":
                lines += prototype(one.text)
    if page.name == "csock":
        lines += [".PP", rf"\fBcc\fR program.c \fB{roff('$(pkg-config --cflags --libs csock)')}\fR"]
    return lines


def group_of(group):
    """A heading of its own for what is declared; a text that is about all that follows has none."""
    if not group.declared:
        return [".SS Of what follows", *prose(group.comment)]
    names = [d.name + ("()" if d.kind == "function" else "") for d in group.declared]
    lines = [f".SS {roff(', '.join(names))}"]
    macros = "\n".join(one.text for one in group.declared if one.kind == "macro")
    if macros:
        lines += literal(headers.narrow(macros, WIDTH))
    for one in group.declared:
        if one.kind not in ("macro", "function"):
            lines += literal(headers.narrow(one.text, WIDTH))
    return lines + prose(group.comment)


def head(name, section, title, names):
    return [
        f'.TH {name} {section} "" "csock {headers.version()[0]}" "csock"',
        ".ad l",
        ".nh",
        ".SH NAME",
        roff(f"{', '.join(names)} - ").removesuffix("\\- ") + rf"\- {roff(title)}",
    ]


def see_also(page, everything):
    text = page.about + "".join(group.comment for group in page.groups)
    others = {(other.name, "3") for other in everything} - {(page.name, "3")}
    found = sorted(others | set(REFERENCE.findall(text)), key=lambda one: (one[1], one[0]))
    listed = [rf".BR {roff(name)} ({section})," for name, section in found]
    return [".SH SEE ALSO", *listed[:-1], listed[-1].removesuffix(",")]


def section3(page, everything):
    functions = page.names("function")
    lines = head(page.name, 3, page.title, list(dict.fromkeys([page.name, *functions])))
    lines += [*synopsis(page), ".SH DESCRIPTION", *prose(page.about)]
    for group in page.groups:
        lines += group_of(group)
    return whole(lines + see_also(page, everything))


def whole(lines):
    """A page; a heading needs no paragraph behind it."""
    text = "\n".join(lines) + "\n"
    return re.sub(r"^(\.S[HS] .*\n)\.PP\n", r"\1", text, flags=re.M)


def files():
    """What section 3 consists of: each page, and each function's name, which leads to its page."""
    everything = list(headers.pages())
    found = {f"{page.name}.3": section3(page, everything) for page in everything}
    for page in everything:
        for name in page.names("function"):
            found.setdefault(f"{name}.3", f".so man3/{page.name}.3\n")
    return found


def said_by(module, *functions):
    """The texts of a module of python/csock, and some of its functions: what it makes its --help
    of. It is not imported, as it would import the extension, which is not built yet."""
    tree = ast.parse((headers.ROOT / "python" / "csock" / module).read_text())
    wanted = [node for node in tree.body if isinstance(node, ast.Assign)]
    wanted += [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in functions]
    names = {}
    exec(compile(ast.Module(wanted, []), module, "exec"), names)
    return names


def command(parser, about, more):
    """What argparse knows of one of the commands."""
    usage = re.sub(r"\x1b\[[\d;]*m", "", parser.format_usage())  # coloured from 3.14 on
    usage = " ".join(usage.removeprefix("usage: ").replace(" [-h]", "").split())
    lines = [f".SS {roff(parser.prog)}", ".HP 4", rf"\fB{roff(usage)}\fR", *prose(about)]
    for one in parser._actions:
        if one.dest == "help":
            continue
        term = ", ".join(one.option_strings)
        if one.nargs != 0:
            term = f"{term} {one.metavar or one.dest}".strip()
        lines += [".TP", rf"\fB{roff(term)}\fR", filled(one.help) if one.help else "\\&"]
    return lines + prose(more)


def ps():
    said = said_by("_ps.py", "_parser")
    return command(said["_parser"]("csock ps"), said["_ABOUT"], said["_EPILOG"].strip())


def dial():
    said = said_by("_dial.py", "add_arguments")
    parser = argparse.ArgumentParser("csock dial")
    said["add_arguments"](parser)
    return command(parser, said["ABOUT"], said["STATUSES"])


def section1():
    said = said_by("_command.py")
    usage = re.findall(r"(?:python -m )?csock .*", said["RUN_USAGE"] + said["MODULE_USAGE"])
    commands = "".join(f"  csock {name}  {text}\n" for name, text in said["_ENVIRONMENT"].items())
    extra = "  --version  the version of csock and of Python\n"
    extra += "  -h, --help  what is there, briefly\n"
    lines = head("csock", 1, "runs programs with csock in the place of socket", ["csock"])
    lines += [".SH SYNOPSIS"]
    for line in [*usage, "csock enable [--force] | disable | status", "csock dial | ps …"]:
        lines += [".HP 4", rf"\fB{roff(line)}\fR"]
    lines += [".SH DESCRIPTION", *prose(said["_ABOUT"])]
    lines += [".SH OPTIONS", *prose(said["_RUN_OPTIONS"].strip("\n") + "\n" + extra)]
    lines += prose(said["_INTERPRETER"].strip())
    lines += [".SH COMMANDS", *prose(commands.rstrip()), *ps(), *dial()]
    lines += [".SH ENVIRONMENT", *prose(said["_VARIABLES"].rstrip())]
    return whole([*lines, ".SH SEE ALSO", ".BR csock (3),", ".BR python3 (1)"])


def main(action, target=None):
    if action == "names":
        print(*sorted(files()), sep="\n")
    elif action == "section1":
        pathlib.Path(target).write_text(section1())
    else:
        for name, text in files().items():
            (pathlib.Path(target) / name).write_text(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
