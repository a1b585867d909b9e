"""Our refusals in this dialect's words: `detail`, a sentence, or for a body that is wrong a list of what is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from facades.dialect import Refusal

_OWN = re.compile(r"/v1/(?:start|instances|auth_states|instance/[^/]+(?:/.*)?)/?")
_LONG = re.compile(r"/v1/(?:start|instance/[^/]+/(?:bash|computer|edit|file|pause|resume|browser/.+))/?")
_PLACE = re.compile(r"^(?P<place>[a-z_]\w*(?:[.\[][\w.\[\]]+)?): (?P<problem>.+)$", re.DOTALL)
_UNPROCESSABLE = {400, 408, 411, 413, 415}


def owns(path: str) -> bool:
    """Whether `path` is an address of this dialect."""
    return _OWN.fullmatch(path) is not None


def may_take_long(path: str) -> bool:
    """Whether an answer there may take seconds: what waits for a machine, or for a command on it."""
    return _LONG.fullmatch(path) is not None


def rephrase(path: str, status: int, said: Mapping[str, Any]) -> Refusal:
    """422 with a list of problems where the request is wrong in itself, else our status; our own fields beside it."""
    if status in _UNPROCESSABLE:
        return 422, {"detail": [_problem(str(said["error"]))], **said}
    return (404 if status < 400 or status == 405 else status), {"detail": said["error"], **said}


def _problem(message: str) -> dict[str, Any]:
    found = _PLACE.match(message)
    place, problem = (found["place"], found["problem"]) if found else ("", message)
    return {"loc": ["body", *([place] if place else [])], "msg": problem, "type": "value_error"}
