"""What a program waits for on sockets, as spans of OpenTelemetry: look-ups, connects, handshakes,
and receives and sends that had to wait stand below the span that the program is in. Fetches a page,
and prints all spans. Needs opentelemetry-sdk.
Usage: opentelemetry_spans.py URL"""

import sys

import csock

csock.install()

import urllib.request  # noqa: E402

from opentelemetry import context, trace  # noqa: E402
from opentelemetry.sdk.trace import TracerProvider  # noqa: E402
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor  # noqa: E402


def spans_to(tracer):
    """A function for csock.trace(). Exporters that send spans from threads of their own say so by
    this key of the context, so that their own sending makes no spans."""

    def tell(span):
        if context.get_value(context._SUPPRESS_INSTRUMENTATION_KEY):
            return
        told = tracer.start_span(
            span.name,
            kind=trace.SpanKind.CLIENT,
            attributes=span.attributes,
            start_time=span.start,
        )
        if 'error.type' in span.attributes:
            told.set_status(trace.StatusCode.ERROR)
        told.end(span.end)

    return tell


def main(url):
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
    tracer = provider.get_tracer('csock')
    csock.trace(spans_to(tracer))
    with tracer.start_as_current_span('fetch'), urllib.request.urlopen(url) as page:
        page.read()
    csock.trace(None)
    provider.shutdown()


if __name__ == '__main__':
    main(sys.argv[1])
