"""gevent: the standard library patched on top of this side's sockets, and its own server."""

from gevent import monkey

monkey.patch_all()

import socket  # noqa: E402

import gevent  # noqa: E402
import gevent.pywsgi  # noqa: E402
import green  # noqa: E402
import web  # noqa: E402
from kit import SIDE, scenario, step  # noqa: E402
from servers import Tls, answers, free_port, python  # noqa: E402

PYWSGI = """
from gevent import monkey
monkey.patch_all()
import sys
import gevent, gevent.pywsgi, gevent.signal
from wsgi_app import app
server = gevent.pywsgi.WSGIServer(("127.0.0.1", int(sys.argv[1])), app, log=None, error_log=None)
gevent.signal_handler(15, server.stop)
server.serve_forever()
"""

with scenario() as folder:
    step("patched", lambda: socket.socket.__module__.startswith("gevent"), True)
    with socket.socket() as one:
        below = type(one._sock).__mro__
    import _socket

    step("and below it", lambda: _socket.socket in below, True)
    green.everything(folder, Tls(folder))
    step("gevent's own", lambda: gevent.socket.gethostbyname("localhost"), "127.0.0.1")
    port = free_port("port")
    with python(folder, "pywsgi", "-c", PYWSGI, str(port), ready=lambda: answers(port)) as process:
        web.everything("pywsgi", port)
        web.ends("pywsgi", process)
    port = free_port("port")
    command = ["-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--worker-class", "gevent",
               "--log-level", "error", "wsgi_app:app"]
    with python(folder, "gunicorn", *command, ready=lambda: answers(port)) as process:
        web.everything("gunicorn gevent", port)
        web.ends("gunicorn gevent", process)
    step("side", lambda: SIDE in ("stock", "csock"), True)
