"""gunicorn with its workers sync and gthread, waitress, cheroot and werkzeug, under load."""

import signal
from functools import partial

import web
from kit import scenario
from servers import answers, free_port, python

CHEROOT = """
import signal, sys
from cheroot.wsgi import Server
from wsgi_app import app
server = Server(("127.0.0.1", int(sys.argv[1])), app, numthreads=8)
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
try:
    server.start()
finally:
    server.stop()
"""
WERKZEUG = """
import sys
from werkzeug.serving import run_simple
from wsgi_app import app
run_simple("127.0.0.1", int(sys.argv[1]), app, threaded=True)
"""


def gunicorn(kind, port, *more):
    return ["-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--worker-class", kind,
            "--workers", "2", "--log-level", "error", *more, "wsgi_app:app"]


def waitress(port):
    return ["-m", "waitress", f"--listen=127.0.0.1:{port}", "--threads=8", "wsgi_app:app"]


SERVERS = {
    "gunicorn sync": lambda port: gunicorn("sync", port),
    "gunicorn gthread": lambda port: gunicorn("gthread", port, "--threads", "4"),
    "waitress": waitress,
    "cheroot": lambda port: ["-c", CHEROOT, str(port)],
    "werkzeug": lambda port: ["-c", WERKZEUG, str(port)],
}
# How each ends when asked to by SIGTERM.
ENDS = {"waitress": -signal.SIGTERM, "werkzeug": -signal.SIGTERM}

with scenario() as folder:
    for name, arguments in SERVERS.items():
        port = free_port("port")
        file = name.replace(" ", "-")
        with python(folder, file, *arguments(port), ready=partial(answers, port)) as process:
            web.everything(name, port)
            web.ends(name, process, ENDS.get(name, 0))
