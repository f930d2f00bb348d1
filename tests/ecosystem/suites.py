"""The suites that packages bring along: which, how they are started, and what came out per test.

Each runs unmodified, from the source distribution of the pinned version, or from the package where
that has its tests installed. What is left out is left out on both sides, and the reason stands
beside it.
"""

import pathlib
import re
import xml.etree.ElementTree as xml

import sides

HERE = pathlib.Path(__file__).resolve().parent
NORMAL = {0, 1}  # pytest: all passed; some failed


class Suite:
    """`tests`: pytest's arguments; `source`: the package whose source distribution has them;
    `server`: what runs beside it, see in_server.py; `fickle`: tests, as a regular expression, whose
    outcome is chance on the stock module too; they run, and are not compared."""

    def __init__(self, *tests, source=None, server="none", fickle=None, env=None, package=None):
        self.tests, self.source, self.server = tests, source, server
        self.fickle, self.env, self.package = fickle, env or {}, package


# Measuring coverage is their developers' business.
PLAIN = "--override-ini=addopts="
LIMITED = "--timeout=60"

SUITES = {
    # Left out: what needs a cluster, sentinels or modules in the server.
    "redis": Suite(
        "--redis-url=redis://localhost:{port}/0", LIMITED, "-m", "not onlycluster and not redismod",
        *(f"tests/test_{name}.py" for name in (
            "connect connection connection_pool encoding lock monitor multiprocessing pipeline "
            "pubsub retry scripting client credentials max_connections_error commands").split()),
        *(f"tests/test_asyncio/test_{name}.py" for name in (
            "connect connection connection_pool encoding lock monitor pipeline pubsub retry "
            "scripting").split()),
        source="redis", server="redis",
    ),
    "urllib3": Suite(PLAIN, LIMITED, "test", "--ignore=test/contrib/emscripten",
                     source="urllib3"),
    "requests": Suite(PLAIN, LIMITED, "tests/test_lowlevel.py", "tests/test_testserver.py",
                      "tests/test_utils.py", "tests/test_adapters.py", source="requests"),
    "pymemcache": Suite(PLAIN, LIMITED, "--port={port}", "-m", "unit or integration",
                        "pymemcache/test", source="pymemcache", server="memcached",
                        # They want a second server that speaks TLS; Debian's does not.
                        ),
    "paho-mqtt": Suite(LIMITED, "tests", "--ignore=tests/lib/clients", source="paho-mqtt"),
    "dnspython": Suite(LIMITED, *(f"tests/test_{name}.py" for name in (
        "query async resolver resolver_override resolution xfr doh doq ddr").split()),
        source="dnspython"),
    "pg8000": Suite(LIMITED, "test/native", "test/dbapi", "test/legacy", "--ignore-glob=*/auth/*",
                    "--ignore-glob=*benchmarks*", source="pg8000", server="postgres"),
    "waitress": Suite(PLAIN, LIMITED, "tests", source="waitress"),
    "gunicorn": Suite(PLAIN, LIMITED, "tests/test_sock.py", "tests/test_ssl.py",
                      "tests/test_systemd.py", "tests/test_arbiter.py", "tests/test_gthread.py",
                      "tests/workers", "tests/test_http.py", source="gunicorn"),
    "paramiko": Suite(LIMITED, "tests", source="paramiko"),
    "uvicorn": Suite(PLAIN, LIMITED, "tests", source="uvicorn"),
    "aiohttp": Suite(PLAIN, LIMITED, *(f"tests/test_{name}.py" for name in (
        "client_functional connector run_app tcp_helpers web_functional web_sendfile_functional "
        "web_server web_websocket_functional client_ws_functional").split()), source="aiohttp"),
    "eventlet": Suite(LIMITED, *(f"tests/{name}_test.py" for name in (
        "greenio socket ssl wsgi convenience green_select green_http patcher backdoor "
        "os").split()), source="eventlet"),
    "gevent": Suite(LIMITED, *(f"tests/test__{name}.py" for name in (
        "socket socket_close socket_dns socket_errors socket_ex socket_send_memoryview "
        "socket_ssl socket_timeout socketpair select server server_pywsgi ssl pywsgi "
        "makefile_ref").split()), package="gevent"),
    "trio": Suite(LIMITED, "-p", "trio._tests.pytest_plugin",
                  *(f"_tests/test_{name}.py" for name in (
                      "socket ssl dtls highlevel_socket highlevel_open_tcp_stream "
                      "highlevel_open_tcp_listeners highlevel_open_unix_stream "
                      "highlevel_serve_listeners highlevel_ssl_helpers wait_for_object").split()),
                  "_core/_tests/test_io.py", "_core/_tests/test_guest_mode.py",
                  package="trio"),
}


def command(name, report):
    """Words after the interpreter, and more for the process."""
    suite = SUITES[name]
    if suite.source:
        folder = sides.source(suite.source)
    else:
        folder = sides.site_packages(sides.HOME / "base") / suite.package
    report.unlink(missing_ok=True)
    words = [HERE / "in_server.py", suite.server, report, *suite.tests]
    return words, {"cwd": folder, "env": {"PYTHONPATH": f"{HERE}", **suite.env}}


def outcomes(report, out):
    """What came of every test, by its name. A name that comes more than once, as where a test
    and its tear-down are told apart, is what is worst of it."""
    cases, rank = {}, ["skipped", "passed", "failed"]
    if not report.exists():
        return cases
    for case in xml.parse(report).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        name = re.sub(r"0x[0-9a-f]{6,}", "0x…", name)
        tags = {child.tag for child in case}
        kind = "skipped" if "skipped" in tags else "passed"
        kind = "failed" if tags & {"failure", "error"} else kind
        cases[name] = max(kind, cases.get(name, kind), key=rank.index)
    return cases


def counts(cases):
    kinds = list(cases.values())
    return " ".join(f"{kinds.count(kind)} {kind}" for kind in ("passed", "failed", "skipped"))


def enough(cases):
    return "passed" in cases.values()


def differences(name, cases):
    fickle, lines = SUITES[name].fickle, []
    for test in sorted(cases["stock"].keys() | cases["csock"].keys()):
        pair = [cases[side].get(test, "absent") for side in sides.SIDES]
        if pair[0] != pair[1] and not (fickle and re.search(fickle, test)):
            lines.append(f"{test}: {pair[0]} on stock, {pair[1]} on csock")
    return lines
