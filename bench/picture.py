"""Draws what `make bench-dial` has measured: a picture for README.md and the site, as SVG.

    python bench/picture.py FILE.json FILE.svg    what bench/dial.py --json wrote, as it draws it

The figures are in the picture once more, as JSON in <metadata>: a test draws it again from there,
and holds what README.md says against it. It has colours for light and for dark, and a ground of its
own: what shows it may have chosen another of the two than the page around it.
"""

import json
import sys
from pathlib import Path
from xml.sax.saxutils import escape

from dial_cases import CASES

COMMAND = "make bench-dial SVG=docs/connecting.svg"
WIDTH, EDGE = 480, 16  # narrow, so that it can be read on a phone
TOP, ROW, BAR = 82, 58, 13  # where rows begin, a row's height, a bar's
LONGEST = WIDTH - 2 * EDGE - 110  # of a bar; behind it stands how long it took
TITLE = "Until it is connected, or gives up"
STYLE = """
text { font: 14px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328; }
.title { font-size: 17px; font-weight: 600; }
.more { font-size: 12px; fill: #59636e; }
.ground { fill: #ffffff; }
.edge { fill: none; stroke: #d1d9e0; }
.csock { fill: #0969da; }
.stock { fill: #9198a1; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; }
  .more { fill: #9da7b3; }
  .ground { fill: #151b23; }
  .edge { stroke: #3d444d; }
  .csock { fill: #58a6ff; }
  .stock { fill: #7d8590; }
}
"""


def chosen(found):
    """What is drawn of all that was measured, with the words of the cases."""
    words = {case.name: case.drawn for case in CASES if case.drawn}
    rows = [row for row in found["rows"] if row["case"] in words and not row.get("skipped")]
    kept = [{"what": words[row["case"]], "csock": row["csock"], "stock": row["stock"]}
            for row in rows]  # fmt: skip
    kernel = ".".join(found["kernel"].split(".")[:2])
    on = {"date": found["date"], "python": found["python"], "kernel": kernel}
    return {"command": COMMAND, **on, "limit": found["limit"], "rows": kept}


def seconds(value, limit):
    if value is None:
        return f"> {limit:.0f} s"
    if value < 0.0095:
        return f"{value * 1000:.1f} ms"
    return f"{value:.2f} s" if value < 1 else f"{value:.1f} s"


def text(x, y, words, kind=""):
    kind = f' class="{kind}"' if kind else ""
    return f'<text x="{x}" y="{y}"{kind}>{escape(words)}</text>'


def bar(side, y, value, limit):
    """What was ended from outside is as long as there is room."""
    width = max(2, LONGEST * (limit if value is None else value) / limit)
    yield f'<rect x="{EDGE}" y="{y}" width="{width:.1f}" height="{BAR}" class="{side}"/>'
    yield text(f"{EDGE + width + 6:.1f}", y + BAR - 1, f"{seconds(value, limit)}  {side}")


def row_of(number, row, limit):
    y = TOP + number * ROW
    yield text(EDGE, y, row["what"])
    for place, side in enumerate(("csock", "stock")):
        yield from bar(side, y + 8 + place * (BAR + 4), row[side], limit)


def sentence(row, limit):
    """For those who do not see it."""
    took = ", ".join(f"{side} {seconds(row[side], limit)}" for side in ("csock", "stock"))
    return f"{row['what']}: {took}."


def drawn(shown):
    """The picture of what `chosen` gives."""
    limit, height = shown["limit"], TOP + len(shown["rows"]) * ROW + 44
    told = " ".join(sentence(row, limit) for row in shown["rows"])
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="title told">',
        f'<title id="title">{TITLE}</title>',
        f'<desc id="told">{escape(told)}</desc>',
        f"<metadata>{escape(json.dumps(shown))}</metadata>",
        f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" rx="8" class="ground"/>',
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8" class="edge"/>',
        text(EDGE, 32, TITLE, "title"),
        text(EDGE, 52, "stock: Python's socket module, in the same network namespace", "more"),
    ]
    for number, row in enumerate(shown["rows"]):
        lines += row_of(number, row, limit)
    lines.append(text(EDGE, height - 34, COMMAND, "more"))
    made = f"{shown['date']}, Python {shown['python']}, Linux {shown['kernel']}"
    return "\n".join([*lines, text(EDGE, height - 16, made, "more"), "</svg>", ""])


def write(path, found):
    path.write_text(drawn(chosen(found)))


def main(measured, picture):
    write(Path(picture), json.loads(Path(measured).read_text()))


if __name__ == "__main__":
    main(*sys.argv[1:])
