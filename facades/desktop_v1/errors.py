"""Our refusals in this dialect's words: the eight statuses that its page lists, and a body that its client parses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from common.errors import Conflict
from facades.desktop_v1.words import status_word
from facades.dialect import Refusal

ROOT = "/v1/desktop"
LISTED = (400, 401, 403, 404, 409, 429, 500, 502)
# What the page does not list, as the nearest that it does. Its client answers None to anything else.
_NEAREST = {405: 404, 406: 400, 408: 400, 411: 400, 412: 409, 413: 400, 415: 400, 503: 502, 504: 502}
_OF_ONE = re.compile(rf"{ROOT}/[^/]+")


def owns(path: str) -> bool:
    """Whether `path` is an address of this dialect."""
    return path == ROOT or path.startswith(f"{ROOT}/")


def rephrase(path: str, status: int, said: Mapping[str, Any]) -> Refusal:
    """`{"status": "error", "error": …}`, and beside it what our own errors have: `code`, `details`, `request_id`."""
    listed = _listed(status)
    return listed, {"status": "error", **said, "error": _sentence(path, listed, said)}


def _listed(status: int) -> int:
    if status in LISTED:
        return status
    if status < 400:
        return 404  # a redirect leads nowhere that the client would go
    return _NEAREST.get(status, 400 if status < 500 else 500)


def _sentence(path: str, status: int, said: Mapping[str, Any]) -> str:
    message = str(said["error"])
    match status:
        case 400 if not message.startswith("Validation failed"):
            return f"Validation failed: {message}"
        case 401:
            return "Invalid API key"
        case 404 if _OF_ONE.match(path):
            return "Desktop instance not found or user not authorized."
        case 409 if said["code"] == Conflict.code and "status" in said["details"]:
            what = "execute command" if path.rstrip("/").endswith("/bash-action") else "perform action"
            return f"Instance is not running (status: {status_word(said['details']['status'])}). Cannot {what}."
        case 500:
            return "An unexpected internal server error occurred."
        case 502 if str(said["code"]).startswith("GUEST_"):
            return f"Action execution failed via gateway: {message}"
    return message
