"""Who speaks which dialect: whatever is refused at an address of a dialect is refused in its words.

Also where no view of it was reached: a body that is too large, a route that it does not have, a crash.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any, cast

import orjson
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from common.api import errors
from common.api.middleware import TwoWays
from common.errors import PlatformError
from facades import desktop_v1, sessions_v1
from facades.dialect import Dialect, Refusal

DIALECTS: tuple[Dialect, ...] = (desktop_v1.DIALECT, sessions_v1.DIALECT)
_KEPT_HEADERS = ("Retry-After", "WWW-Authenticate")


def dialect_of(path: str) -> Dialect | None:
    """The dialect whose address `path` is, or None where it is our own."""
    return next((dialect for dialect in DIALECTS if dialect.owns(path)), None)


def rephrase(path: str, status: int, body: Mapping[str, Any]) -> Refusal:
    """A refusal of ours as it is said at `path`."""
    dialect = dialect_of(path)
    return (status, dict(body)) if dialect is None else dialect.rephrase(path, status, body)


def may_take_long(path: str) -> bool:
    """Whether the dialect of `path`, where it is one's, says that an answer there may take seconds."""
    dialect = dialect_of(path)
    return dialect is not None and dialect.may_take_long(path)


class InDialect(TwoWays):
    """Middleware, right within RequestId: no answer past 299 leaves a dialect's address in other words than its."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        path = request.path_info
        dialect = dialect_of(path)
        if dialect is None:
            return cast(HttpResponseBase, self.get_response(request))
        if self.is_async:
            return self._later(request, dialect, path)
        return _said(dialect, path, self.get_response(request))

    async def _later(self, request: HttpRequest, dialect: Dialect, path: str) -> HttpResponseBase:
        return _said(dialect, path, await self.get_response(request))


def _said(dialect: Dialect, path: str, response: HttpResponseBase) -> HttpResponseBase:
    if response.status_code < 300:
        return response
    status, body = dialect.rephrase(path, response.status_code, _body_of(response))
    kept = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    return HttpResponse(orjson.dumps(body), status=status, content_type="application/json", headers=kept)


def _body_of(response: HttpResponseBase) -> Mapping[str, Any]:
    """Our error body; where something else answered, such as a page of Django's, one that tells nothing of it."""
    try:
        body = orjson.loads(response.content) if isinstance(response, HttpResponse) else None
    except orjson.JSONDecodeError:
        body = None
    if isinstance(body, dict) and isinstance(body.get("error"), str) and isinstance(body.get("code"), str):
        return body
    return errors.body(PlatformError.message, PlatformError.code)
