"""Each request timed and traced, by route and never by address: a middleware right behind `RequestId`."""

from __future__ import annotations

import time
from collections.abc import Awaitable
from contextlib import AbstractContextManager
from typing import cast

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from common import metrics, tracing
from common.api.middleware import TwoWays

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CARRIED = ("traceparent", "tracestate")

DURATIONS = metrics.histogram(
    "http_request",
    "From a request's arrival to its answer, of a stream to its beginning.",
    ("route", "method", "status"),
    buckets_s=metrics.QUICK_S,
)


class Observed(TwoWays):
    """Times and traces. A caller's `traceparent` is taken up, so that our spans belong to its trace."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.is_async:
            return self._later(request)
        began = time.perf_counter()
        with _span(request) as span:
            return _told(request, cast(HttpResponseBase, self.get_response(request)), span, began)

    async def _later(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        with _span(request) as span:
            return _told(request, await self.get_response(request), span, began)


def _span(request: HttpRequest) -> AbstractContextManager[tracing.Span]:
    sent = {name: request.headers[name] for name in _CARRIED if name in request.headers}
    return tracing.span("request", kind="server", parent=sent, http__request__method=_method(request))


def _told(request: HttpRequest, response: HttpResponseBase, span: tracing.Span, began: float) -> HttpResponseBase:
    route = request.resolver_match.route if request.resolver_match else "none"
    DURATIONS.labels(route, _method(request), response.status_code).observe(time.perf_counter() - began)
    span.note(http__route=route, http__response__status_code=response.status_code)
    if response.status_code >= 500:
        span.fail(f"status {response.status_code}")
    return response


def _method(request: HttpRequest) -> str:
    """As a label: whatever strangers invent is one."""
    return request.method if request.method in _METHODS else "OTHER"  # type: ignore[return-value]
