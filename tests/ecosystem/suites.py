"""The suites that packages bring along: which, how they are started, and what came out per test.

Each runs unmodified, from the source distribution of the pinned version, or from the package where
that has its tests installed. What is left out is left out on both sides, and the reason stands
beside it.
"""

import copy
import pathlib
import re
import xml.etree.ElementTree as xml

import sides

HERE = pathlib.Path(__file__).resolve().parent
NORMAL = {0, 1}  # pytest: all passed; some failed


class Suite:
    """`tests`: pytest's arguments; `plugins`: those it needs of pytest's, for each of them changes
    all others' tests, too; `source`: the package whose source distribution has them;
    `server`: what runs beside it, see in_server.py; `fickle`: tests, as a regular expression, whose
    outcome is chance on the stock module too; they run, and are not compared. `by_design`: tests,
    by the end of their names, that look at what docs/differences.md says, and so have to pass on
    stock and to fail on csock; all else, such as that they are gone, is a difference."""

    def __init__(self, *tests, source=None, server="none", fickle=None, by_design=(), plugins=()):
        self.tests, self.source, self.server = tests, source, server
        self.fickle, self.by_design = fickle, by_design
        self.plugins = ("pytest_timeout", *plugins)


# Measuring coverage is their developers' business.
PLAIN = "--override-ini=addopts="
LIMITED = "--timeout=60"
ADAPTED = "adapted"  # adapted.py

SUITES = {
    # Left out: what needs a cluster, sentinels or modules in the server, and what is about Redis
    # or about redis-py's objects and not about connections.
    "redis": Suite(
        "--redis-url=redis://localhost:{port}/0", LIMITED, "-m", "not onlycluster and not redismod",
        *(f"tests/test_{name}.py" for name in (
            "connect connection_pool encoding lock monitor multiprocessing pipeline "
            "pubsub").split()),
        "tests/test_asyncio/test_connect.py", "tests/test_asyncio/test_pubsub.py",
        source="redis", server="redis", plugins=["pytest_asyncio.plugin"],
    ),
    "urllib3": Suite(PLAIN, LIMITED, "test", "--ignore=test/contrib/emscripten",
                     source="urllib3",
                     # Without a route the address that is to be silent refuses at once, and then
                     # it is chance whether one thread connects twice in a row.
                     fickle="test_http2_probe_blocked_per_thread"),
    "requests": Suite(PLAIN, LIMITED, "tests/test_lowlevel.py", "tests/test_testserver.py",
                      "tests/test_utils.py", "tests/test_adapters.py", source="requests"),
    "pymemcache": Suite(PLAIN, LIMITED, "--server=127.0.0.1", "--port={port}",
                        "-m", "unit or integration",
                        "pymemcache/test", "--ignore=pymemcache/test/test_compression.py",
                        source="pymemcache", server="memcached"),
    # Left out: lib and test_mqttv5, of which some do not end here, on the stock module either.
    "paho-mqtt": Suite(LIMITED, "tests/test_client.py", "tests/test_websocket_integration.py",
                       "tests/test_websockets.py", source="paho-mqtt"),
    "dnspython": Suite(LIMITED, *(f"tests/test_{name}.py" for name in (
        "query async resolver resolver_override resolution xfr doh doq ddr").split()),
        source="dnspython"),
    "pg8000": Suite(LIMITED, "test/native", "test/dbapi", "test/legacy", "--ignore-glob=*/auth/*",
                    "--ignore-glob=*benchmarks*", source="pg8000", server="postgres"),
    "waitress": Suite(PLAIN, LIMITED, "tests", source="waitress"),
    "gunicorn": Suite(PLAIN, LIMITED, "tests/test_sock.py", "tests/test_ssl.py",
                      "tests/test_systemd.py", "tests/test_arbiter.py", "tests/test_gthread.py",
                      "tests/workers", "tests/test_http.py", source="gunicorn"),
    # paramiko and aiohttp: not yet; they want icecream and coverage besides.
    "uvicorn": Suite(PLAIN, LIMITED, "tests", source="uvicorn",
                     plugins=["anyio.pytest_plugin", "pytest_mock"]),
    # wsgi_test cannot be collected by today's pytest. With greenio_test, patcher_test and os_test
    # it did not end here within four minutes, on the stock module.
    "eventlet": Suite("--timeout=20", *(f"tests/{name}_test.py" for name in (
        "socket ssl convenience green_select green_http backdoor").split()), source="eventlet"),
    "gevent": Suite(LIMITED, "--pyargs", *(f"gevent.tests.test__{name}" for name in (
        "socket socket_close socket_dns socket_errors socket_ex socket_send_memoryview "
        "socket_ssl socket_timeout socketpair select server server_pywsgi ssl pywsgi "
        "makefile_ref").split())),
    "trio": Suite(LIMITED, "-p", "trio._tests.pytest_plugin", "--pyargs",
                  *(f"trio._tests.test_{name}" for name in (
                      "socket ssl dtls highlevel_socket highlevel_open_tcp_stream "
                      "highlevel_open_tcp_listeners highlevel_open_unix_stream "
                      "highlevel_serve_listeners highlevel_ssl_helpers wait_for_object").split()),
                  "trio._core._tests.test_io", "trio._core._tests.test_guest_mode",
                  # Wants the text of bind's error to end after "in use": csock's has the address.
                  by_design=["test_highlevel_open_tcp_listeners.test_open_tcp_listeners_rebind"]),
}


for _name in ("redis", "urllib3"):
    SUITES[f"{_name}-adapted"] = _adapted = copy.copy(SUITES[_name])
    _adapted.plugins = (*_adapted.plugins, ADAPTED)
# Its timeout of a millisecond is for the look-up, too, which on stock has all the time it takes.
SUITES["urllib3-adapted"].fickle += "|test_disabled_retry"


def command(name, report, only=()):
    """Words after the interpreter, and more for the process. only: functions, if not all."""
    suite = SUITES[name]
    # Not the package's own folder: `python -m` would take its modules for the standard library's.
    folder = sides.source(suite.source) if suite.source else sides.HOME
    report.unlink(missing_ok=True)
    # A suite without settings of its own would take those of the nearest folder above: ours.
    (sides.HOME / "pytest.ini").write_text("[pytest]\n")
    plugins = [word for plugin in suite.plugins for word in ("-p", plugin)]
    words = [HERE / "in_server.py", suite.server, report, *plugins, *suite.tests]
    if only:
        words += ["-k", " or ".join(sorted(only))]
    env = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    if ADAPTED in suite.plugins:
        env["PYTHONPATH"] = str(HERE)
    return words, {"cwd": folder, "env": env}


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
    """Tests with another outcome than is to be: {test: (on stock, on csock)}."""
    suite, found = SUITES[name], {}
    tests = cases["stock"].keys() | cases["csock"].keys()
    gone = {end for end in suite.by_design if not any(test.endswith(end) for test in tests)}
    for test in sorted(tests | gone):
        pair = outcome(test, cases)
        if not as_wanted(name, test, pair) and not (suite.fickle and re.search(suite.fickle, test)):
            found[test] = pair
    return found


def outcome(test, cases):
    return tuple(cases[side].get(test, "absent") for side in sides.SIDES)


def as_wanted(name, test, pair):
    """Whether a test came out as it is to: alike, or differing where that is by design."""
    if is_by_design(name, test):
        return pair == ("passed", "failed")
    return pair[0] == pair[1]


def is_by_design(name, test):
    return test.endswith(tuple(SUITES[name].by_design))


def designed(name, cases):
    """Tests that differ as docs/differences.md says."""
    found = (test for test in sorted(cases["stock"]) if is_by_design(name, test))
    return [test for test in found if as_wanted(name, test, outcome(test, cases))]


def functions(tests):
    """Names of the functions behind tests, without their parameters."""
    return {test.partition("[")[0].rpartition(".")[2] for test in tests}


def settled(name, test, cases):
    """Whether a test that differed, run again, came out as it is to."""
    pair = outcome(test, cases)
    return as_wanted(name, test, pair) and "absent" not in pair
