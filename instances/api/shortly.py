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
from guest.protocol.actions import AnyAction, BadAction
from instances import perform
from instances.api.answers import as_json
from sites.api.hot import caller, wants_json
from sites.limits import RateLimited

_HEADERS = {"Allow": "POST, OPTIONS", "Vary": "Accept"}


def act(request: HttpRequest, instance_id: UUID) -> HttpResponse | None:
    """The answer to one action, or None: go the ordinary way, which says what is wrong or unusual."""
    action = _action(request) if _is_usual(request) else None
    if action is None:
        return None
    try:
        principal = caller(request, "instances:act")
    except RateLimited as refusal:
        return refused(refusal)
    except (Error, RedisError):
        connection.close()
        return None
    if principal is None:
        return None
    try:
        content = dumps(as_json(action, perform.act(principal, instance_id, action)))
    except (PlatformError, Error, RedisError) as fault:
        return _refused(fault)
    return HttpResponse(content, content_type="application/json", headers=_HEADERS)


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


def _refused(fault: PlatformError | Error | RedisError) -> HttpResponse:
    error = error_of(fault)
    if error is None:
        raise fault
    answer = refused(error)
    for name, value in _HEADERS.items():
        answer[name] = value
    return answer
