"""What a request asks that the quick way can do: one action, or a picture, with a key and nothing unusual."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from asgiref.typing import HTTPScope

from common.api.parsers import loads
from common.errors import PlatformError
from guest.protocol import actions
from guest.protocol.actions import AnyAction, BadAction, Screenshot, SetEnvironment, UnsetEnvironment

ROUTES = {"actions": "api/instances/<uuid:pk>/actions", "screenshot": "api/instances/<uuid:pk>/screenshot"}
_PATH = re.compile(r"/api/instances/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/(actions|screenshot)")
_PICTURES = {b"": Screenshot(), b"format=png": Screenshot(), b"format=jpeg": Screenshot(format="jpeg")}
_JSON = frozenset({b"*/*", b"application/json", b"application/json, */*"})
_JSON_SENT = frozenset({b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"})
_LONGEST = 32 * 1024
"""A longer body would hold up everybody else on the loop while it is read; a thread takes turns."""
_UNUSUAL = frozenset({b"x-site", b"idempotency-key", b"traceparent"})


@dataclass(frozen=True, slots=True)
class Asked:
    """`kind` is the last word of the address; `headers` are all, each of which came once."""

    kind: str
    method: str
    instance_id: UUID
    action: AnyAction
    headers: Mapping[bytes, bytes]

    def header(self, name: bytes) -> str:
        return self.headers.get(name, b"").decode("latin-1")


def read(scope: HTTPScope, body: bytes) -> Asked | None:
    """None for what is to go the ordinary way, which says what is wrong with it or does what is rare."""
    path = _PATH.fullmatch(scope["path"])
    if path is None:
        return None
    pairs = list(scope["headers"])
    headers = dict(pairs)
    if len(headers) != len(pairs) or not _UNUSUAL.isdisjoint(headers):
        return None
    kind = path[2]
    action = _picture(scope) if kind == "screenshot" else _action(scope, headers, body)
    return None if action is None else Asked(kind, scope["method"], UUID(path[1]), action, headers)


def _picture(scope: HTTPScope) -> Screenshot | None:
    return _PICTURES.get(scope["query_string"]) if scope["method"] == "GET" else None


def _action(scope: HTTPScope, headers: Mapping[bytes, bytes], body: bytes) -> AnyAction | None:
    """None also for what is no single action; whether it is a batch or a mistake is not for us to tell."""
    usual = (
        scope["method"] == "POST"
        and len(body) <= _LONGEST
        and not scope["query_string"]
        and headers.get(b"content-type", b"").lower() in _JSON_SENT
        and headers.get(b"accept", b"*/*") in _JSON
    )
    if not usual:
        return None
    try:
        action = actions.parse(loads(body))
    except (PlatformError, BadAction):
        return None
    return None if isinstance(action, SetEnvironment | UnsetEnvironment) else action
