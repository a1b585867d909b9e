"""Answers to ASGI itself, for what is answered before any handler of Django's; they carry what its middlewares add."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware

Pairs = tuple[tuple[bytes, bytes], ...]


@cache
def standing_headers(*, is_secure: bool) -> Pairs:
    """What stands in every answer, asked of the middlewares once."""
    request, response = _Bare(is_secure), HttpResponse()
    del response["Content-Type"]
    for middleware in (SecurityMiddleware, XFrameOptionsMiddleware):
        response = middleware(lambda _: HttpResponse()).process_response(request, response)
    return tuple((name.lower().encode(), value.encode()) for name, value in response.items())


def is_secure(scope_scheme: str, forwarded_proto: str) -> bool:
    """As `HttpRequest.is_secure`: by TLS of our own, or by the word of a proxy that we trust."""
    if forwarded_proto and getattr(settings, "SECURE_PROXY_SSL_HEADER", None):
        return forwarded_proto.split(",")[0].strip() == "https"
    return scope_scheme == "https"


@lru_cache(maxsize=1_024)  # bounded: whoever asks may say anything
def is_ours(host: str) -> bool:
    """Whether a `Host` names us, so that Django would serve it."""
    request = _Bare(False)
    request.META["HTTP_HOST"] = host
    try:
        return bool(request.get_host())
    except DisallowedHost:
        return False


async def send_answer(send: Any, status: int, body: bytes, headers: Mapping[str, str], *, standing: Pairs = ()) -> None:
    """One whole answer."""
    pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    pairs += [(b"content-length", b"%d" % len(body)), *standing]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body, "more_body": False})


class _Bare(HttpRequest):
    """A request of which nothing is known but how it came."""

    def __init__(self, secure: bool) -> None:
        super().__init__()
        self._secure = secure
        self.META = {"SERVER_NAME": "localhost", "SERVER_PORT": "443" if secure else "80"}

    def is_secure(self) -> bool:
        return self._secure
