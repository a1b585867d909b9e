"""The short way to an action: for requests with a key and nothing unusual, without REST framework in between.

It answers or it passes, and it passes only before anything was done: an action is never begun twice.
"""

from __future__ import annotations

from uuid import UUID

from django.db import Error, connection
from django.http import HttpRequest, HttpResponse
from redis.exceptions import RedisError

from common.api.errors import refused
from common.api.exceptions import error_of
from common.api.parsers import loads
from common.api.renderers import dumps
from common.errors import PlatformError
from guest.protocol import actions
from guest.protocol.actions import AnyAction, BadAction, Screenshot
from instances import perform
from instances.api.answers import as_json
from instances.perform import Done
from sites.api.hot import caller, wants_json

_DONE = {"Allow": "POST, OPTIONS", "Vary": "Accept"}
_SHOWN = {"Allow": "GET, HEAD, OPTIONS", "Vary": "Accept"}
_PICTURES = {"": Screenshot(), "format=png": Screenshot(), "format=jpeg": Screenshot(format="jpeg")}


def act(request: HttpRequest, instance_id: UUID) -> HttpResponse | None:
    """The answer to one action, or None: go the ordinary way, which says what is wrong or unusual."""
    action = _action(request) if _is_usual(request) else None
    done = _done(request, instance_id, action) if action is not None else None
    if isinstance(done, Done):
        assert action is not None
        return HttpResponse(dumps(as_json(action, done)), content_type="application/json", headers=_DONE)
    return _also(done, _DONE)


def look(request: HttpRequest, instance_id: UUID) -> HttpResponse | None:
    """A picture of the screen, or None: go the ordinary way."""
    picture = _PICTURES.get(request.META.get("QUERY_STRING", "")) if request.method == "GET" else None
    done = _done(request, instance_id, picture) if picture is not None and "HTTP_X_SITE" not in request.META else None
    if isinstance(done, Done):
        assert picture is not None
        headers = {**_SHOWN, "Cache-Control": "no-store"}
        return HttpResponse(done.answer.blob, content_type=f"image/{picture.format}", headers=headers)
    return _also(done, _SHOWN)


def _done(request: HttpRequest, instance_id: UUID, action: AnyAction) -> Done | HttpResponse | None:
    """What came of it, or the refusal; None where nobody is known who may."""
    try:
        found = caller(request, "instances:act")
    except (Error, RedisError):
        connection.close()
        return None
    if found is None:
        return None
    principal, count = found
    try:
        return perform.act(principal, instance_id, action, count=count)
    except (PlatformError, Error, RedisError) as fault:
        error = error_of(fault)
        if error is None:
            raise
        return refused(error)


def _is_usual(request: HttpRequest) -> bool:
    return (
        request.method == "POST"
        and request.content_type == "application/json"
        and wants_json(request)
        and "HTTP_IDEMPOTENCY_KEY" not in request.META
        and not request.META.get("QUERY_STRING")
    )


def _action(request: HttpRequest) -> AnyAction | None:
    """None for what is no single action; whether it is a batch or a mistake is not for us to tell."""
    try:
        return actions.parse(loads(request.body))
    except (PlatformError, BadAction):
        return None


def _also(answer: HttpResponse | None, headers: dict[str, str]) -> HttpResponse | None:
    if answer is not None:
        for name, value in headers.items():
            answer[name] = value
    return answer
