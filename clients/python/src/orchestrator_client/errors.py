"""What can go wrong, one class for each family of answers. None of them holds or shows the key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx


class OrchestratorError(Exception):
    """Every error of this package."""


class NotConfigured(OrchestratorError):
    """No address or no key is known, or the file that should name them can't be used."""


class BadArgument(OrchestratorError, ValueError):
    """What was asked for can't be sent at all: an empty id, a path that is none. Nothing was sent."""


class NotReachable(OrchestratorError):
    """No answer: the network, the address, or the time. What was asked may or may not have been done."""


class UnexpectedAnswer(OrchestratorError):
    """Something answered that does not speak this API, or a version of it that this client can't read."""


class APIError(OrchestratorError):
    """The platform said no. `code` is a word for programs, `request_id` is what to quote when asking for help."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str,
        details: Mapping[str, Any] | None = None,
        request_id: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.details = dict(details or {})
        self.request_id = request_id
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        asked = f", request {self.request_id}" if self.request_id else ""
        return f"{self.message} ({self.code}{asked})"


class InvalidRequest(APIError):
    """400: wrong in itself; nothing was changed. `details["fields"]` says what is wrong with which."""


class NotAuthenticated(APIError):
    """401: no good key."""


class Forbidden(APIError):
    """403: not in the role or the key's scopes; `details["scope"]` names what is missing."""


class NotFound(APIError):
    """404: there is no such thing in the key's site."""


class WaitTimeout(APIError):
    """408: what was waited for did not come in the time."""


class Conflict(APIError):
    """409: right in itself, but not in the present state."""


class PreconditionFailed(APIError):
    """412: changed by somebody else since it was read."""


class TooLarge(APIError):
    """413: the body is too large."""


class RateLimited(APIError):
    """429: too many for now; `retry_after_s` says when to come back."""


class GuestFailed(APIError):
    """502: the machine could not do it, or can't be reached now."""


class Unavailable(APIError):
    """503: a part of the platform is away for now."""


class GuestTimeout(APIError):
    """504: the machine did not answer in time."""


_CLASSES: dict[int, type[APIError]] = {
    400: InvalidRequest,
    401: NotAuthenticated,
    403: Forbidden,
    404: NotFound,
    408: WaitTimeout,
    409: Conflict,
    412: PreconditionFailed,
    413: TooLarge,
    415: InvalidRequest,
    429: RateLimited,
    502: GuestFailed,
    503: Unavailable,
    504: GuestTimeout,
}
# What an event stream says last, where it has no HTTP status any more.
_STATUSES = {
    "INVALID": 400,
    "NOT_AUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "CONFLICT": 409,
    "TOO_MANY": 429,
    "UNAVAILABLE": 503,
}


def from_response(response: httpx.Response) -> APIError:
    """The error that a response of 400 or above means. Its body has been read."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict) or "code" not in body:
        reason = f"HTTP {response.status_code} from {response.request.url.host}, without a reason."
        body = {"error": reason, "code": f"HTTP_{response.status_code}"}
    return from_body(body, response.status_code, retry_after_s=_retry_after_s(response))


def from_body(body: Mapping[str, Any], status: int | None = None, *, retry_after_s: float | None = None) -> APIError:
    """The error that the platform's body means; without a status, as an event stream tells it, by its code."""
    code = str(body.get("code", "ERROR"))
    status = status or _STATUSES.get(code, 500)
    details = body.get("details")
    return _CLASSES.get(status, APIError)(
        str(body.get("error", "Something went wrong.")),
        status=status,
        code=code,
        details=details if isinstance(details, Mapping) else {},
        request_id=str(body.get("request_id") or ""),
        retry_after_s=retry_after_s,
    )


def _retry_after_s(response: httpx.Response) -> float | None:
    """Seconds; the other form of the header, a date, is none that the platform sends."""
    try:
        return max(0.0, float(response.headers["retry-after"]))
    except (KeyError, ValueError):
        return None
