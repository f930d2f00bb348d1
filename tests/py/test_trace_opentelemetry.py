"""examples/python/opentelemetry_spans.py, with the real SDK: spans below that of the program, with
their times, attributes and errors; and an exporter that sends by sockets hears nothing of that."""

import datetime
import importlib.util
import itertools
import json
import pathlib

import childkit
import pytest

pytestmark = pytest.mark.skipif(importlib.util.find_spec("opentelemetry") is None,
                                reason="opentelemetry-sdk is not installed")  # fmt: skip

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples/python/opentelemetry_spans.py"

SERVER = """
import sys, threading, time, runpy
sys.path.insert(0, sys.argv[1])
import opentelemetry_spans
import csock, http.server, socket

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(1)  # so that the client has to wait
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"page")
    def log_message(self, *args): pass

server = http.server.HTTPServer(("127.0.0.1", 0), Page)
"""

FETCH = """
threading.Thread(target=server.handle_request).start()
opentelemetry_spans.main(f"http://localhost:{server.server_port}/")
"""


def spans_in(text):
    decoder, spans = json.JSONDecoder(), []
    while text := text.strip():
        span, end = decoder.raw_decode(text)
        spans.append(span)
        text = text[end:]
    return spans


SLACK = 1  # second, as clocks are read one after the other, and the machine may be busy


def moment(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def test_the_example(env):
    spans = spans_in(childkit.out(SERVER + FETCH, EXAMPLE.parent, env=env))
    (whole,) = (span for span in spans if span["name"] == "fetch")
    # The server's thread waits, too, and has no span around it.
    below = [span for span in spans if span["parent_id"] == whole["context"]["span_id"]]
    # The host may have an address that refuses, and the page come in pieces.
    kinds = [list(some) for _, some in itertools.groupby(below, lambda span: span["name"])]
    assert [some[0]["name"] for some in kinds] == ["DNS lookup", "socket connect", "recv wait"]
    assert {span["kind"] for span in below} == {"SpanKind.CLIENT"}
    look_up, connect, wait = (some[-1]["attributes"] for some in kinds)
    assert look_up == {"dns.question.name": "localhost"}
    assert connect == wait
    assert connect["network.transport"] == "tcp" and connect["network.peer.port"] > 0
    begins = [moment(span["start_time"]) for span in (whole, *below)]
    assert all(one <= two + SLACK for one, two in itertools.pairwise(begins))
    for span in below:
        begin, end = moment(span["start_time"]), moment(span["end_time"])
        assert begin <= end <= moment(whole["end_time"]) + SLACK
    assert moment(below[-1]["end_time"]) - moment(below[-1]["start_time"]) < 60


ERROR = """
opentelemetry_spans.ConsoleSpanExporter = lambda: Collect()
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
class Collect(SpanExporter):
    def export(self, spans):
        for span in spans:
            kind = span.attributes.get("error.type")
            print(span.name, kind, span.status.status_code.name)
        return SpanExportResult.SUCCESS
port = server.server_port
server.server_close()
try: opentelemetry_spans.main(f"http://127.0.0.1:{port}/")
except OSError as error: print(type(error).__name__)
"""


def test_an_error(env):
    lines = childkit.out(SERVER + ERROR, EXAMPLE.parent, env=env).splitlines()
    assert lines[0] == "socket connect ConnectionRefusedError ERROR"
    assert lines[-1] == "URLError"


BATCHES = """
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
exported = []
class Sends(SpanExporter):
    def export(self, spans):
        a, b = socket.socketpair()
        with a, b:
            a.settimeout(0.01)
            try: a.recv(1)  # as for an answer
            except TimeoutError: pass
        exported.extend(span.name for span in spans)
        return SpanExportResult.SUCCESS
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(Sends(), schedule_delay_millis=20))
csock.trace(opentelemetry_spans.spans_to(provider.get_tracer("csock")))
a, b = socket.socketpair()
a.settimeout(0.01)
for _ in range(2):
    try: a.recv(1)
    except TimeoutError: pass
    provider.force_flush()
provider.force_flush()
provider.shutdown()
print(exported)
"""


def test_an_exporter_that_sends_by_sockets(env):
    out = childkit.out(SERVER + BATCHES, EXAMPLE.parent, env=env)
    assert out == "['recv wait', 'recv wait']\n"
