"""`csock dial HOST PORT`: connects as csock.dial() does, shows how that went, and says by its exit
status what came of it."""

import sys
import time

import csock

ABOUT = "Connects to a host, and shows how that went: the look-up, and each attempt."
STATUSES = """\
exit status: 0 connected, 1 no address could be connected to, 2 usage, 3 the name was not found,
4 timed out, 5 no TLS, 130 interrupted"""


def add_arguments(command):
    command.add_argument("host", help="a name, or an address in numbers")
    command.add_argument("port", help="a number, or a service's name")
    command.add_argument("--timeout", type=float, metavar="SECONDS", help="for all of it")
    command.add_argument("--tls", action="store_true", help="and a TLS handshake, checked as usual")
    command.add_argument("--json", action="store_true", help="for programs")


def arguments(words, name):
    import argparse

    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(name, description=ABOUT, epilog=STATUSES, formatter_class=form)
    add_arguments(parser)
    return parser.parse_args(words)


def _status(error):
    if error is None:
        return 0
    if isinstance(error, TimeoutError) and error.errno is None:
        return 4
    if isinstance(error, KeyboardInterrupt):
        return 130
    return 3 if isinstance(error, csock.gaierror) else 1


def _handshake(sock, host, left):
    import ssl

    sock.settimeout(left)
    with ssl.create_default_context().wrap_socket(sock, server_hostname=host) as secured:
        return f"{secured.version()}, {secured.cipher()[0]}"


def _secure(sock, options, report):
    """A row of the waterfall, and the status."""
    begin = report["elapsed"]
    left = None if options.timeout is None else max(options.timeout - begin, 0.001)
    start, status = time.monotonic(), 0
    try:
        outcome = _handshake(sock, options.host, left)
    except (OSError, ValueError, KeyboardInterrupt) as error:  # SSLError is the first
        report["error"] = error
        outcome, status = str(error) or type(error).__name__, _status(error)
        if status not in (4, 130):
            status = 5
    report["elapsed"] = begin + time.monotonic() - start
    report["more"] = [("TLS", begin, report["elapsed"], outcome)]
    return status


def _as_json(report, status):
    import json

    from ._waterfall import rows

    names = "what", "begin", "end", "outcome"
    error = report["error"]
    return json.dumps(
        {
            "target": report["target"],
            "status": status,
            "elapsed": report["elapsed"],
            "error": None if error is None else str(error) or type(error).__name__,
            "rows": [dict(zip(names, row, strict=True)) for row in rows(report)],
            "not_tried": report["untried"],
            "left_out": report["left_out"],
        },
        indent=2,
    )


def main(options):
    csock.install()  # before ssl is loaded
    from . import _core
    from ._waterfall import text

    if csock._disabled():
        raise SystemExit(2)
    reports = []
    _core.observe_dials(reports.append)
    failure, sock, status = None, None, 0
    try:
        sock = csock.dial(options.host, options.port, timeout=options.timeout)
    except (OSError, OverflowError, ValueError, KeyboardInterrupt) as error:
        failure = error
    _core.observe_dials(None)
    if not reports:  # it did not come so far
        if isinstance(failure, KeyboardInterrupt):
            raise SystemExit(130)
        sys.stderr.write(f"csock: {failure}\n")
        raise SystemExit(2)
    report = reports[0]
    status = _status(failure)
    if sock is not None:
        with sock:
            status = _secure(sock, options, report) if options.tls else 0
    print(_as_json(report, status) if options.json else text(report), end="")
    if options.json:
        print()
    raise SystemExit(status)
