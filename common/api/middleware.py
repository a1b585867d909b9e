"""The outermost door: gives each request its id, and turns away what no view should have to think about."""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from common import logs
from common.api.errors import answer
from common.origin import address_of, coming_from

_Handler = Callable[[HttpRequest], Any]
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_API_ROOTS = ("/api", "/v1")
_UUID = re.compile(r"(?<=/)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=/|$)", re.IGNORECASE)


class TwoWays:
    """A middleware that runs under WSGI and ASGI alike, without a change of threads in either."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: _Handler) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)  # type: ignore[arg-type]

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        raise NotImplementedError


class RequestId(TwoWays):
    """Takes the caller's `X-Request-ID` where it is a sane one, else makes one; log lines and the answer carry it."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        name = request_name(request.headers.get("x-request-id", ""))
        if self.is_async:
            return self._later(request, name)
        with logs.of_request(name):
            return _named(cast(HttpResponseBase, self.get_response(request)), name)

    async def _later(self, request: HttpRequest, name: str) -> HttpResponseBase:
        with logs.of_request(name):
            return _named(await self.get_response(request), name)


def request_name(wanted: str) -> str:
    """The id of a request: the caller's own where it is a sane one."""
    return wanted if _SANE_ID.fullmatch(wanted) else uuid.uuid4().hex


class Caller(TwoWays):
    """Knows the client's address while the request is served, and tells in the answer what they may still ask: a door
    that counts leaves the headers in `request.rate_limit`."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        client = address_of(request.META.get("REMOTE_ADDR"), request.META.get("HTTP_X_FORWARDED_FOR"))
        if self.is_async:
            return self._later(request, client)
        with coming_from(client):
            return _with_limits(request, cast(HttpResponseBase, self.get_response(request)))

    async def _later(self, request: HttpRequest, client: str | None) -> HttpResponseBase:
        with coming_from(client):
            return _with_limits(request, await self.get_response(request))


class SaneRequest(TwoWays):
    """Refuses NULs in the address and bodies past the limit or of no type; makes `/api/things/` the same route as
    `/api/things`."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        refusal = _nul_in_address(request) or _unfit_type(request) or _unfit_body(request)
        if refusal is None:
            request.path_info = canonical(request.path_info)
            request.path = canonical(request.path)
            return cast(HttpResponseBase, self.get_response(request))
        return _at_once(refusal) if self.is_async else refusal


def canonical(path: str) -> str:
    """The one form a route of ours is known by: `/api/` with its slash, everything below it without; UUIDs in small
    letters.

    Routes are written without a trailing slash; a redirect instead would lose a client's body.
    """
    for root in _API_ROOTS:
        if path == root:
            return f"{root}/"
        if path.startswith(f"{root}/") and path != f"{root}/":
            return _small(path.removesuffix("/"))
    return path


def _small(path: str) -> str:
    return path if path == path.lower() else _UUID.sub(lambda found: found[0].lower(), path)


def _with_limits(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    for name, value in getattr(request, "rate_limit", {}).items():
        response.headers[name] = value
    return response


def _named(response: HttpResponseBase, name: str) -> HttpResponseBase:
    response.headers["X-Request-ID"] = name
    return response


async def _at_once(response: HttpResponse) -> HttpResponse:
    return response


def _nul_in_address(request: HttpRequest) -> HttpResponse | None:
    query = request.META.get("QUERY_STRING", "")
    if "\0" in request.path_info or "%00" in query or "\0" in query:
        return answer(400, "The address holds a NUL byte.", "INVALID")
    return None


def _unfit_type(request: HttpRequest) -> HttpResponse | None:
    if request.META.get("CONTENT_TYPE") and not request.content_type:
        return answer(400, "Content-Type is not one.", "INVALID")
    return None


def _unfit_body(request: HttpRequest) -> HttpResponse | None:
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length:
        if "chunked" in request.headers.get("transfer-encoding", "").lower():
            return answer(411, "Say the body's length in Content-Length.", "LENGTH_REQUIRED")
        return None
    if not (length.isascii() and length.isdecimal()):
        return answer(400, "Content-Length is not a number.", "INVALID")
    if len(length) > 18 or int(length) > settings.MAX_BODY_BYTES:
        message = f"The body is larger than {settings.MAX_BODY_BYTES} bytes."
        return answer(413, message, "TOO_LARGE", details={"max_bytes": settings.MAX_BODY_BYTES})
    return None
