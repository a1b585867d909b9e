"""The tracer by OpenTelemetry's own SDK, sending OTLP over HTTP; `common.tracing` imports it where it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import extract, inject
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

from common.tracing import Kind, Value


class Span:
    """One open span."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def note(self, **attributes: Value) -> None:
        for name, value in attributes.items():
            self._span.set_attribute(name.replace("__", "."), value)

    def fail(self, why: str) -> None:
        self._span.set_status(Status(StatusCode.ERROR, why))


class Tracer:
    """Reads OpenTelemetry's own variables: endpoint, headers, sampler, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES."""

    def __init__(self) -> None:
        resource = Resource.create()
        if str(resource.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
            resource = resource.merge(Resource({SERVICE_NAME: "orchestrator"}))
        provider = TracerProvider(resource=resource)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = provider.get_tracer("orchestrator")

    @contextmanager
    def span(
        self, name: str, kind: Kind, parent: Mapping[str, str] | None, attributes: Mapping[str, Value]
    ) -> Iterator[Span]:
        told = {word.replace("__", "."): value for word, value in attributes.items()}
        context = extract(parent) if parent else None
        # An exception's text may hold what is not for a tracer's eyes: its kind is told, and nothing else of it.
        with self._tracer.start_as_current_span(
            name,
            context,
            SpanKind[kind.upper()],
            told,
            record_exception=False,
            set_status_on_exception=False,
        ) as opened:
            try:
                yield Span(opened)
            except BaseException as error:
                opened.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise

    def headers(self) -> dict[str, str]:
        carried: dict[str, str] = {}
        inject(carried)
        return carried
