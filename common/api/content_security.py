"""What our pages may load, run and send: a Content-Security-Policy for every HTML answer that has none of its own."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import cast
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from common.api.middleware import TwoWays

_HEADER = "Content-Security-Policy"
_ADMIN = "/admin/"


class ContentSecurity(TwoWays):
    """Our own scripts, and nobody's inline. The admin's theme evaluates expressions in attributes, so may do that."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.is_async:
            return self._later(request)
        return _guarded(request, cast(HttpResponseBase, self.get_response(request)))

    async def _later(self, request: HttpRequest) -> HttpResponseBase:
        return _guarded(request, await self.get_response(request))


def _guarded(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if _HEADER not in response and response.get("Content-Type", "").startswith("text/html"):
        response[_HEADER] = policy(evaluates=request.path_info.startswith(_ADMIN))
    return response


def policy(*, evaluates: bool = False) -> str:
    """The header's value. Streams of the gateway come from our host, by another port on the embedded default."""
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    host = f"[{host}]" if ":" in host else host
    return "; ".join(
        [
            "default-src 'self'",
            "script-src 'self' 'unsafe-eval'" if evaluates else "script-src 'self'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            f"connect-src 'self' ws://{host}:* wss://{host}:*",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )
