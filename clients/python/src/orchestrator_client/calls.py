"""One request, described: the same for both clients, and apart from what carries it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx

from orchestrator_client.errors import BadArgument
from orchestrator_client.version import VERSION

USER_AGENT = f"orchestrator-client/{VERSION}"


@dataclass(frozen=True, slots=True)
class Call:
    """`path` begins with a slash. `key` is the Idempotency-Key: with one, a POST may be sent again without fear.
    `timeout_s` is how long the answer may rightly take; the client's own patience comes on top. `good` are statuses
    above 400 that are answers all the same."""

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    if_match: str | None = None
    key: str | None = None
    timeout_s: float | None = None
    accept: str = "application/json"
    good: frozenset[int] = frozenset()

    @property
    def repeatable(self) -> bool:
        """Whether sending it again does nothing again."""
        return self.method in {"GET", "HEAD"} or self.key is not None

    def headers(self) -> dict[str, str]:
        """Its own headers; the key to the door is the transport's."""
        said = {"Accept": self.accept, "If-Match": self.if_match, "Idempotency-Key": self.key}
        return {name: value for name, value in said.items() if value is not None}

    def query(self) -> httpx.QueryParams:
        """The query as it goes over the line; what is None is left out."""
        return httpx.QueryParams([(name, text) for name, value in self.params.items() for text in _texts(value)])

    def body(self) -> Any:
        """The body, ready for JSON."""
        return _jsonable(self.json)


def new_key() -> str:
    """An Idempotency-Key that nobody used before."""
    return str(uuid.uuid4())


def segment(value: object) -> str:
    """One word of a path, whatever it holds.

    Raises:
        BadArgument: it is empty, which would name another path.
    """
    text = quote(str(value), safe="")
    if text in {"", ".", ".."}:
        raise BadArgument("An id can't be empty.")
    return text


def _texts(value: Any) -> Iterator[str]:
    if value is None:
        return
    if isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, bool):
        yield "true" if value else "false"
    else:
        yield value.isoformat() if isinstance(value, datetime) else str(value)


def _jsonable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _jsonable(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime) else value
