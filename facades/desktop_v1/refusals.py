"""The eight refusals of this dialect's page, as the OpenAPI document shows them."""

from __future__ import annotations

from common.errors import Conflict, Forbidden, GuestFailed, Invalid, NotFound, NotSignedIn, PlatformError, TooMany
from facades.desktop_v1.errors import ROOT, rephrase
from facades.schema import Refused

SCHEMA = {"$ref": "#/components/schemas/DesktopError"}
_REQUEST_ID = "7d5a6fd0c1a94d0f"
_FAULTS: tuple[tuple[str, PlatformError], ...] = (
    ("The request is not valid.", Invalid("Validation failed: timeout_ms: Expected `int | null`, got `str`")),
    ("No key, or one that is not good.", NotSignedIn()),
    ("Role or scopes do not allow it.", Forbidden(scope="instances:act")),
    ("No such desktop in this site, no such address, or not by this method.", NotFound()),
    ("The desktop does not run.", Conflict(status="pending")),
    ("Too many for now; `Retry-After` says when.", TooMany()),
    ("A fault of ours.", PlatformError()),
    ("The machine, or a part of the platform, did not answer.", GuestFailed()),
)


def _refused(meaning: str, fault: PlatformError) -> tuple[int, Refused]:
    body = {"error": fault.message, "code": fault.code, "details": fault.details, "request_id": _REQUEST_ID}
    status, said = rephrase(f"{ROOT}/{_REQUEST_ID}", fault.status, body)
    return status, Refused(meaning, SCHEMA, said)


REFUSALS = dict(_refused(meaning, fault) for meaning, fault in _FAULTS)
