"""eventlet: the standard library patched on top of this side's sockets, and its own server."""

import warnings

warnings.simplefilter("ignore", DeprecationWarning)
import eventlet  # noqa: E402

eventlet.monkey_patch()

import socket  # noqa: E402

import green  # noqa: E402
import web  # noqa: E402
from kit import scenario, step  # noqa: E402
from servers import Tls, answers, free_port, python  # noqa: E402

WSGI = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
import eventlet
eventlet.monkey_patch()
import sys
import eventlet.wsgi
from wsgi_app import app
eventlet.wsgi.server(eventlet.listen(("127.0.0.1", int(sys.argv[1]))), app, log_output=False)
"""

with scenario() as folder:
    step("patched", lambda: socket.socket.__module__.startswith("eventlet"), True)
    import _socket

    with socket.socket() as one:
        below = type(one.fd).__mro__
    step("and below it", lambda: _socket.socket in below, True)
    green.everything(folder, Tls(folder))
    port = free_port("port")
    with python(folder, "wsgi", "-c", WSGI, str(port), ready=lambda: answers(port)) as process:
        web.everything("eventlet.wsgi", port)
        web.ends("eventlet.wsgi", process, -15)
