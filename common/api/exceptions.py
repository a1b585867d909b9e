"""From whatever was raised to the one error shape: our own errors, REST framework's, Django's, the database's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connection
from django.http import Http404
from psycopg.errors import QueryCanceled
from psycopg_pool import PoolTimeout
from redis.exceptions import ConnectionError as RedisDown
from redis.exceptions import TimeoutError as RedisSlow
from rest_framework import exceptions as drf
from rest_framework.response import Response

from common.api import errors
from common.errors import Conflict, Forbidden, Invalid, NotFound, NotSignedIn, PlatformError, TooMany, Unavailable
from common.tenancy import current_site_id

_AWAY = (OperationalError, InterfaceError, PoolTimeout, RedisDown, RedisSlow)


def handle(exc: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's EXCEPTION_HANDLER. What was written in the open site scope is undone.

    Returns None for what nobody expected: Django logs it with its trace and answers by `handler500`.
    """
    if current_site_id() is not None:
        connection.set_rollback(True)
    _stop_asking(context.get("request"))
    error = error_of(exc)
    if error is None:
        return None
    return Response(
        errors.body(error.message, error.code, error.details), status=error.status, headers=_headers(exc, error)
    )


def error_of(exc: Exception) -> PlatformError | None:
    """`exc` as one of our errors, or None when it is nothing a caller could act on."""
    match exc:
        case PlatformError():
            return exc
        case Http404():
            return NotFound()
        case PermissionDenied():
            return Forbidden()
        case drf.ValidationError():
            return _invalid(exc)
        case drf.APIException():
            return _from_rest_framework(exc)
        case IntegrityError():
            return Conflict("That clashes with what is there already.")
        case DataError():
            return Invalid("A value is out of its range.")
        case OperationalError() if isinstance(exc.__cause__, QueryCanceled):
            return Unavailable("That takes too long. Ask for less: narrow it by filters or time.", code="TOO_LONG")
        case _ if isinstance(exc, _AWAY):
            return Unavailable("The platform is busy or being restarted; try again.", retry_after_s=2)
    return None


def _from_rest_framework(exc: drf.APIException) -> PlatformError:
    match exc:
        case drf.NotAuthenticated() | drf.AuthenticationFailed():
            return NotSignedIn()
        case drf.NotFound():
            return NotFound()
        case drf.PermissionDenied():
            return Forbidden(_sentence(exc), **getattr(exc, "details_of_refusal", {}))
        case drf.Throttled():
            return TooMany(retry_after_s=getattr(exc, "wait", None))
        case drf.UnsupportedMediaType():
            return _other(exc, "UNSUPPORTED_MEDIA_TYPE", "Send JSON, with `Content-Type: application/json`.")
        case drf.MethodNotAllowed():
            return _other(exc, "METHOD_NOT_ALLOWED", _sentence(exc))
        case drf.NotAcceptable():
            return _other(exc, "NOT_ACCEPTABLE", _sentence(exc))
    return _other(exc, "INVALID" if exc.status_code == 400 else "ERROR", _sentence(exc))


def _other(exc: drf.APIException, code: str, message: str) -> PlatformError:
    error = PlatformError(message, code=code)
    error.status = exc.status_code
    return error


def _sentence(exc: drf.APIException) -> str:
    return str(exc.detail)


def _invalid(exc: drf.ValidationError) -> Invalid:
    """The first fault as a sentence, all of them under `details.fields`."""
    first = next(_faults(exc.detail), ("", Invalid.message))
    fields = exc.detail if isinstance(exc.detail, Mapping) else {"non_field_errors": exc.detail}
    return Invalid(f"{first[0]}: {first[1]}" if first[0] else first[1], fields=fields)


def _faults(detail: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            here = path if name == "non_field_errors" else f"{path}.{name}".lstrip(".")
            yield from _faults(inner, here)
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            yield from _faults(inner, path if isinstance(inner, str) else f"{path}[{index}]")
    else:
        yield path, str(detail)


def _headers(exc: Exception, error: PlatformError) -> dict[str, str]:
    headers: dict[str, str] = {}
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="api"'
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s)))
    return headers


def _stop_asking(request: Any) -> None:
    """When finding out who asks is what failed, the page that says so must not ask again."""
    if request is not None and not hasattr(request, "_user"):
        request._not_authenticated()
