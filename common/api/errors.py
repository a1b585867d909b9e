"""The shape of every error answer, and the one place that builds it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import orjson
from django.http import HttpResponse

from common.errors import PlatformError
from common.logs import request_id


def body(message: str, code: str, details: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """`{"error", "code", "details", "request_id"}`: a sentence for people, a word for machines, and what to quote."""
    return {"error": message, "code": code, "details": dict(details or {}), "request_id": request_id.get()}


def answer(
    status: int,
    message: str,
    code: str,
    *,
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """The same shape from outside of REST framework: middleware and the handlers of unknown routes."""
    content = orjson.dumps(body(message, code, details))
    return HttpResponse(content, status=status, content_type="application/json", headers=dict(headers or {}))


def refused(error: PlatformError) -> HttpResponse:
    """An error of ours as such an answer, for doors that refuse before REST framework has begun."""
    return answer(error.status, error.message, error.code, details=error.details, headers=retry_after(error))


def retry_after(error: PlatformError) -> dict[str, str]:
    """The header that says when to ask again, where the error knows."""
    wait_s = error.retry_after_s
    return {} if wait_s is None else {"Retry-After": str(max(1, math.ceil(wait_s)))}
