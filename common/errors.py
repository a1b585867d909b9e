"""The errors a service raises. Each knows its HTTP status, its machine code and a sentence for people."""

from __future__ import annotations

from typing import Any


class PlatformError(Exception):
    """`message` and `details` are shown to the caller: no secrets, nothing of the host or of another site."""

    status = 500
    code = "INTERNAL"
    message = "Something went wrong on our side."

    def __init__(
        self, message: str | None = None, *, code: str | None = None, retry_after_s: float | None = None, **details: Any
    ) -> None:
        self.message = message or self.message
        self.code = code or self.code
        self.details = details
        self.retry_after_s = retry_after_s
        super().__init__(self.message)


class Invalid(PlatformError):
    """The request is wrong in itself; repeating it changes nothing."""

    status = 400
    code = "INVALID"
    message = "The request is not valid."


class NotSignedIn(PlatformError):
    status = 401
    code = "NOT_AUTHENTICATED"
    message = "Send an API key as `Authorization: Bearer KEY` or `x-api-key: KEY`, or sign in."


class Forbidden(PlatformError):
    status = 403
    code = "FORBIDDEN"
    message = "Your role or your key's scopes do not allow this."


class NotFound(PlatformError):
    """Also the answer for a row of another site: its existence is not ours to tell."""

    status = 404
    code = "NOT_FOUND"
    message = "Not found."


class Conflict(PlatformError):
    """Right in itself, but not in the row's present state."""

    status = 409
    code = "CONFLICT"
    message = "That does not fit the present state."


class PreconditionFailed(PlatformError):
    status = 412
    code = "PRECONDITION_FAILED"
    message = "The row has changed since you read it."


class TooMany(PlatformError):
    status = 429
    code = "TOO_MANY"
    message = "Too many of these for now."


class NotSetUp(PlatformError):
    """What it takes is not installed here; repeating it changes nothing before an operator does."""

    status = 501
    code = "NOT_SET_UP"
    message = "This platform is not set up for that."


class GuestFailed(PlatformError):
    """The machine was asked and said no, or could not be reached: the fault is behind us, not in the request."""

    status = 502
    code = "GUEST_FAILED"
    message = "The machine could not do that."


class Unavailable(PlatformError):
    status = 503
    code = "UNAVAILABLE"
    message = "Not available just now; try again."


class GuestSilent(PlatformError):
    """The machine did not answer within the action's time."""

    status = 504
    code = "GUEST_TIMEOUT"
    message = "The machine did not answer in time."
