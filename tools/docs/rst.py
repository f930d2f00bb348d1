"""Writes reStructuredText for the site: texts of comments and docstrings, which are plain text with
lists and `code`, become text that no character of is markup, in which known names are links."""

import re

import headers

MANUAL = re.compile(r"\b[a-z][\w.]*\(\d\)")


def title(text):
    return [text, "=" * len(text), ""]


def indented(lines, columns=3):
    return [" " * columns + line if line else "" for line in lines]


def directive(name, arguments, content=()):
    """A directive, with several arguments one a line, and what is in it."""
    lead = f".. {name}:: "
    first, *more = arguments
    return [lead + first, *(" " * len(lead) + one for one in more), "", *indented(content), ""]


def code(text, language):
    return directive("code-block", [language], text.split("\n"))


def escaped(text):
    return re.sub(r"([\\`*_|])", r"\\\1", text)


def inline(text, links):
    """`links` maps what is known, as it stands in the text, to the role that leads there."""
    found, names = [], "|".join(map(re.escape, sorted(links, key=len, reverse=True)))
    known = re.compile(rf"`[^`]+`|\b(?:{names or '(?!)'})\b(?:\(\))?|{MANUAL.pattern}")
    at = 0
    for match in known.finditer(text):
        found.append(escaped(text[at : match.start()]))
        at, word = match.end(), match[0]
        if MANUAL.fullmatch(word):
            word = f":manpage:`{word}`"
        elif word.strip("`").removesuffix("()") in links:
            word = links[word.strip("`").removesuffix("()")].format(word.strip("`"))
        else:
            word = f"``{word.strip('`')}``"
        # Markup begins and ends at spaces; an escaped one is none.
        before, after = text[: match.start()][-1:], text[at:][:1]
        found.append(("\\ " if before.strip() else "") + word + ("\\ " if after.strip() else ""))
    text = "".join([*found, escaped(text[at:])])
    return re.sub(r"^(?=[-+•#(.>]|\w+[.)] )", r"\\", text)  # no list


def prose(text, links):
    lines = []
    for block in headers.blocks(text):
        if isinstance(block, str):
            lines += [inline(block, links), ""]
            continue
        for term, said in block:
            lines += [inline(term, links), f"   {inline(said, links) if said else chr(92) + ' '}"]
        lines.append("")
    return lines
