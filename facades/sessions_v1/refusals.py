"""This dialect's refusals, as the OpenAPI document shows them."""

from __future__ import annotations

from common.errors import (
    Conflict,
    Forbidden,
    GuestFailed,
    GuestSilent,
    Invalid,
    NotFound,
    NotSignedIn,
    PlatformError,
    TooMany,
    Unavailable,
)
from facades.schema import Refused
from facades.sessions_v1.errors import rephrase

_FAULTS: tuple[tuple[str, PlatformError], ...] = (
    ("No key, or one that is not good.", NotSignedIn()),
    ("Role or scopes do not allow it.", Forbidden(scope="instances:act")),
    ("No such instance in this site, no such address, or not by this method.", NotFound()),
    ("It does not fit the present state.", Conflict(status="pending")),
    ("The request is wrong in itself.", Invalid("timeout_hours: Expected `float`, got `str`")),
    ("Too many for now; `Retry-After` says when.", TooMany()),
    ("The machine could not do it.", GuestFailed()),
    ("Busy or being restarted; `Retry-After` says when.", Unavailable()),
    ("The machine did not answer in time.", GuestSilent()),
)


def _refused(meaning: str, fault: PlatformError) -> tuple[int, Refused]:
    body = {"error": fault.message, "code": fault.code, "details": fault.details, "request_id": "7d5a6fd0c1a94d0f"}
    status, said = rephrase("/v1/start", fault.status, body)
    return status, Refused(meaning, {"$ref": "#/components/schemas/SessionsError"}, said)


REFUSALS = dict(_refused(meaning, fault) for meaning, fault in _FAULTS)
