"""Reads the public headers: what they declare, and what their comments say of it.

A header opens with a comment on all of it. Then come groups, with blank lines between them: a
comment, and the declarations that it is about; one of the two may be missing. A comment of the
kind `---- options of a socket` begins another page. In a comment an indented line of two columns,
`name  what it means`, is an item of a list.
"""

import pathlib
import re
import textwrap
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include"

TOKEN = re.compile(
    r"(?P<blank>\n\s*\n)|(?P<comment>/\*.*?\*/)|(?P<macro>#define (?:[^\n]*\\\n)*[^\n]*)"
    r"|(?P<other>#[^\n]*)|(?P<marker>CSOCK__(?:BEGIN|END)\b)|(?P<space>\s+)"
    r"|(?P<code>(?:[^;{/]|/(?!\*)|/\*.*?\*/)*(?:;|\{(?:[^{}]|\{[^{}]*\})*\};?|"
    r"\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\};))(?P<after>[ \t]*/\*[^\n]*\*/)?",
    re.S,
)
ITEM = re.compile(r"( +)(\S(?:.*?\S)??)(?: {2,}(.*))?$")


class Declared(NamedTuple):
    """One declaration: a function, a macro, or a struct, union or enum."""

    kind: str
    name: str
    text: str


class Group(NamedTuple):
    comment: str
    declared: list


class Page(NamedTuple):
    """What one manual page, and one part of the reference, is about."""

    name: str
    include: str
    title: str
    about: str
    groups: list

    def names(self, *kinds):
        return [d.name for group in self.groups for d in group.declared if d.kind in kinds]


def comment_text(comment):
    """A comment without its stars; the first column of its text is the first of the result."""
    lines = comment.removeprefix("/*").removesuffix("*/").split("\n")
    rest = [re.sub(r"^ *\* ?", "", line).rstrip() for line in lines[1:]]
    return "\n".join([lines[0].strip(), *rest]).strip("\n").rstrip()


def declared(code):
    code = re.sub(r"^CSOCK_API ", "", code.strip())
    if code.startswith("#define"):
        return Declared("macro", re.match(r"#define (\w+)", code)[1], code)
    compound = re.match(r"(struct|union|enum) (\w+)\s*\{", code)
    if compound:
        return Declared(compound[1], compound[2], code)
    if re.match(r"struct \w+;$", code):
        return None  # somebody else's
    text = re.sub(r"\s+", " ", re.sub(r"\s*\{.*", ";", code, flags=re.S))
    return Declared("function", re.search(r"(\w+)\(", text)[1], text)


def groups(text):
    """The groups of a header behind its first comment, each as (comment, declarations)."""
    now, after_blank = None, True
    for token in TOKEN.finditer(text):
        kind = token.lastgroup if token.lastgroup != "after" else "code"
        if kind == "blank":
            after_blank = True
        if kind not in ("comment", "macro", "code"):
            continue
        if after_blank or kind == "comment":
            if now:
                yield now
            now, after_blank = Group("", []), False
        if kind == "comment":
            now = Group(comment_text(token[0]), [])
            continue
        found = declared(token["macro"] or token["code"])
        if found and found.name not in [d.name for d in now.declared]:
            now.declared.append(found)
    if now:
        yield now


def title_of(about):
    """The first sentence, as it stands behind a name."""
    sentence = re.split(r"\.(?:\s|$)", about, maxsplit=1)[0].replace("\n", " ")
    sentence = re.sub(r"^\w+: ", "", re.sub(r",? \w+\(\d\)$", "", sentence))
    return sentence if sentence[:2].isupper() else sentence[0].lower() + sentence[1:]


def parse(text):
    """A header's first comment, and its groups."""
    about, rest = re.match(r"(/\*.*?\*/)(.*)", text, re.S).groups()
    rest = re.sub(r"^\s*#ifndef (\w+)\n#define \1\n", "\n", rest)
    return comment_text(about), [g for g in groups(rest) if g.comment or g.declared]


def version():
    """The version, and the number that it is in version.h."""
    text = re.search(r"version: '([\d.]+)'", (ROOT / "meson.build").read_text())[1]
    major, minor, patch = map(int, text.split("."))
    return text, 10000 * major + 100 * minor + patch


def pages():
    """In the order in which csock.h includes the headers."""
    whole = (INCLUDE / "csock.h").read_text()
    about, _ = parse(whole)
    base = (INCLUDE / "csock" / "base.h").read_text().partition("CSOCK__BEGIN\n\n")[2]
    numbers = (INCLUDE / "csock" / "version.h.in").read_text()
    for name, value in zip(("@text@", "@number@"), version(), strict=True):
        numbers = numbers.replace(name, str(value))
    found = [*parse(numbers)[1], *groups(base)]
    yield Page("csock", "csock.h", title_of(about), about, found)
    for part in re.findall(r'^#include "csock/(\w+)\.h"$', whole, re.M):
        if part == "base":
            continue
        about, found = parse((INCLUDE / "csock" / f"{part}.h").read_text())
        page = Page(f"csock_{part}", f"csock/{part}.h", title_of(about), about, [])
        for group in found:
            if group.comment.startswith("---- "):
                yield page
                title = group.comment.removeprefix("---- ")
                name = "csock_" + title.split()[0]
                page = Page(name, f"csock/{part}.h", title, title.capitalize() + ".", [])
            else:
                page.groups.append(group)
        yield page


def blocks(text):
    """The text of a comment as paragraphs (str) and lists ([(term, text)])."""
    found = []
    for part in re.split(r"\n\s*\n", text):
        indent = None
        for number, line in enumerate(part.split("\n")):
            item = ITEM.match(line)
            deeper = indent is not None and item and len(item[1]) > indent
            if deeper and found and isinstance(found[-1], list):
                term, said = found[-1][-1]
                found[-1][-1] = term, f"{said} {line.strip()}".strip()
            elif item:
                if indent is None:
                    found.append([])
                indent = len(item[1])
                found[-1].append((item[2], item[3] or ""))
            elif number and found and isinstance(found[-1], str):
                found[-1] += " " + line
            else:
                found.append(line)
                indent = None
    return [block for block in found if block]


def narrow(code, width):
    """The text of a struct in `width` columns: its comments are folded, and stand before what they
    are about where they do not fit behind it."""
    code = code.replace("CSOCK__WHOLE ", "")
    lines = []
    for whole in re.findall(r"[^\n]*?/\*.*?\*/[^\n]*|[^\n]+", code, re.S):
        before, comment, after = re.match(r"(.*?)(/\*.*?\*/)?([^*]*)$", whole, re.S).groups()
        indent = re.match(r" *", before)[0]
        if not comment or ("\n" not in whole and len(whole) <= width):
            lines.append(whole.rstrip())
            continue
        folded = []
        for paragraph in re.split(r"\n\s*\n", comment_text(comment)):
            folded += [""] if folded else []
            folded += textwrap.wrap(paragraph, width - len(indent) - 6)
        folded = [("/* " if not n else " * ") + line for n, line in enumerate(folded)]
        lines += [(indent + line).rstrip() for line in folded]
        lines[-1] += " */"
        if (before + after).strip():
            lines.append((before + after).rstrip())
    return "\n".join(lines)
