"""What a race for a connection did and when, as a waterfall: for `csock dial` and CSOCK_TRACE=dial.

Sits on what csock._core.observe_dials() tells. Imports nothing: it may be called when the program
has no files any more.
"""

from . import _core

_WIDTH = 30  # of the bars


def _place(address):
    """An address as people write it."""
    if not isinstance(address, tuple):
        return repr(address) if isinstance(address, bytes) else str(address)
    host, port = address[:2]
    if len(address) == 4 and address[3] and "%" not in host:
        host = f"{host}%{address[3]}"
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


def plain(text):
    """Without what a terminal would obey, or cannot show: a name may be anybody's."""
    if text.isprintable():
        return text
    return "".join([c if c.isprintable() else repr(c)[1:-1] for c in text])


def _outcome(error):
    if error is None:
        return "connected"
    if isinstance(error, TimeoutError) and error.errno is None:
        return "no answer"
    if isinstance(error, OSError) and error.errno == 125:  # ECANCELED
        return "given up"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _looked_up(report):
    found = report["found"]
    if report["looking_up"]:
        return _outcome(report["look_up_error"] or report["error"])
    text = f"{found} address{'es' if found != 1 else ''}"
    if report["look_up_error"] is not None:
        text += f" ({_outcome(report['look_up_error'])})"
    return text


def rows(report):
    """(what, begin, end, what came of it), in seconds from the begin."""
    found = []
    if report["looking_up"] or report["looked_up"] is not None:
        end = report["looked_up"] if not report["looking_up"] else report["elapsed"]
        found.append(("look-up", 0.0, end or 0.0, _looked_up(report)))
    for attempt in report["attempts"]:
        end = attempt.began + attempt.elapsed
        found.append((_place(attempt.address), attempt.began, end, _outcome(attempt.error)))
    return [*found, *report.get("more", ())]


def _bar(begin, end, whole):
    first = min(_WIDTH - 1, int(_WIDTH * begin / whole))
    last = max(first + 1, min(_WIDTH, round(_WIDTH * end / whole)))
    return " " * first + "=" * (last - first) + " " * (_WIDTH - last)


def text(report):
    """Lines, each with its newline."""
    table = [
        (plain(what), begin, end, plain(outcome)) for what, begin, end, outcome in rows(report)
    ]
    whole = max([end for _, _, end, _ in table], default=0) or 1
    longest = max([len(what) for what, *_ in table], default=0)
    head = plain(f"{report['target']}: {_outcome(report['error'])}")
    lines = [f"{head}, {report['elapsed'] or 0:.3f} s\n"]
    for what, begin, end, outcome in table:
        bar = _bar(begin, end, whole)
        lines.append(f"  {what:{longest}}  {begin:7.3f} {end:7.3f} s |{bar}| {outcome}\n")
    rest = [(report["untried"], "not tried"), (report["left_out"], "of another family")]
    told = ", ".join(f"{count} {words}" for count, words in rest if count)
    return "".join(lines) + (f"  {told}\n" if told else "")


def trace(say):
    """Have `say` called with the text of each race from now on."""
    _core.observe_dials(lambda report: say(text(report).rstrip("\n")))
