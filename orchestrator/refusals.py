"""What somebody reads in a browser where there is no page, or none for them; programs get the JSON of `handlers`."""

from __future__ import annotations

from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from common.api import handlers

_OF_PROGRAMS = ("/api/", "/v1/")
"""Below these every answer has its own shape, whoever asks."""


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler403`."""
    return _for_whom_asks(request, handlers.permission_denied(request, exception))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler404`."""
    return _for_whom_asks(request, handlers.not_found(request, exception))


def _for_whom_asks(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    wanted = request.get_preferred_type(["application/json", "text/html"])
    if wanted != "text/html" or request.path.startswith(_OF_PROGRAMS):
        return answer
    told: dict[str, Any] = orjson.loads(answer.content)
    return render(request, "refusal.html", told, status=answer.status_code)
