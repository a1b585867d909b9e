"""Spans, as a collector that speaks OTLP over HTTP receives them; and that nothing of it is loaded when it is off."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from celery.contrib.testing.worker import start_worker
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from common import tracing
from common.opentelemetry import Tracer
from infra.embedded.processes import wait_until
from instances.tasks import look
from orchestrator.celery import app
from tests import make

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


class Collector(ThreadingHTTPServer):
    """Keeps every span that was sent to it."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def named(self, name: str) -> Any:
        return next((span for span in self.spans if span.name == name), None)


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
        for resource in sent.resource_spans:
            for scope in resource.scope_spans:
                self.server.spans.extend(scope.spans)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    server = Collector()
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(tracing, "_installed", [Tracer()])
    yield server
    server.shutdown()
    server.server_close()


def test_a_request_its_task_and_the_provider_call_are_one_trace(world: Any, collector: Collector) -> None:
    instance = world.read(world.ask())
    browser = make.client(instance.site)
    with start_worker(app, pool="threads", perform_ping_check=False, loglevel="WARNING"):
        with tracing.span("asked", parent={"traceparent": PARENT}):
            look.delay(str(instance.pk))
        wait_until(lambda: collector.named("provider.create"), timeout_s=20, what="the provider's span", every_s=0.05)
    browser.get("/api/agents", headers={"traceparent": PARENT})
    wait_until(lambda: collector.named("request"), timeout_s=20, what="the request's span", every_s=0.05)
    for name in ("request", "task.instances.look", "step.create", "provider.create"):
        assert collector.named(name).trace_id.hex() == TRACE, name
    step, call = collector.named("step.create"), collector.named("provider.create")
    assert call.parent_span_id == step.span_id
    request = {entry.key: entry.value for entry in collector.named("request").attributes}
    assert request["http.route"].string_value == "api/agents"
    assert request["http.response.status_code"].int_value == 200


def test_a_span_tells_the_kind_of_an_error_and_not_its_text(collector: Collector) -> None:
    with pytest.raises(ValueError, match="secret"), tracing.span("broken"):
        raise ValueError("a secret text")
    wait_until(lambda: collector.named("broken"), timeout_s=20, what="the span", every_s=0.05)
    assert collector.named("broken").status.message == "ValueError"
    assert b"secret" not in collector.named("broken").SerializeToString()


LOADED = """
import sys, django
django.setup()
sys.exit(any(name.startswith(("opentelemetry.exporter", "common.opentelemetry")) for name in sys.modules))
"""


def test_nothing_of_ours_that_needs_it_is_imported_when_it_is_off() -> None:
    assert subprocess.run([sys.executable, "-c", LOADED], check=False).returncode == 0
    assert tracing.headers() == {}
