"""The C reference of the site: a page for each part of the public headers, of what headers.py reads
there, as for the manual pages."""

import re

import headers
import rst

WIDTH = 76  # of what is shown as it stands: the page is no wider
COMPOUND = "struct", "union", "enum"


def links_of(pages):
    """Every name that the headers declare. A constant of an enum leads to that."""
    found = {}
    for page in pages:
        for one in (one for group in page.groups for one in group.declared):
            if one.kind == "enum":
                for name in re.findall(r"^ +(CSOCK_\w+)", one.text, re.M):
                    found[name] = f":c:enum:`{{}} <{one.name}>`"
            role = {"function": "func"}.get(one.kind, one.kind)
            if one.name != "csock":  # the word is everywhere
                found[one.name] = f":c:{role}:`{{}} <{one.name}>`"
    return found


def group_of(group, links):
    functions = [one for one in group.declared if one.kind == "function"]
    macros = [one for one in group.declared if one.kind == "macro"]
    prose = rst.prose(group.comment, links)
    lines = []
    if macros:
        names = [re.match(r"#define (\w+(?:\([^)]*\))?)", one.text)[1] for one in macros]
        text = headers.narrow("\n".join(one.text for one in macros), WIDTH)
        only = len(macros) == len(group.declared)
        lines += rst.directive("c:macro", names, rst.code(text, "c") + (prose if only else []))
    for one in group.declared:
        if one.kind in COMPOUND:
            last = one is group.declared[-1]
            text = rst.code(headers.narrow(one.text, WIDTH), "c")
            lines += rst.directive(f"c:{one.kind}", [one.name], (prose if last else []) + text)
    if functions:
        texts = [one.text.removesuffix(";") for one in functions]
        last = functions[-1] is group.declared[-1]
        lines += rst.directive("c:function", texts, prose if last else [])
    return lines or prose


def page_of(page, links):
    clause = re.split(r"[,:.]", page.about, maxsplit=1)[0].replace("\n", " ")
    lines = rst.title(page.name if clause == page.name else f"{page.name}: {clause}")
    lines += rst.code(f"#include <{page.include}>", "c") + rst.prose(page.about, links)
    for group in page.groups:
        lines += group_of(group, links)
    return "\n".join(lines)


def files():
    pages = list(headers.pages())
    links = links_of(pages)
    return {f"{page.name}.rst": page_of(page, links) for page in pages}
