"""Lists of the asynchronous client: their rows one after the other, or one page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel

from orchestrator_client import answers
from orchestrator_client._async.transport import AsyncTransport
from orchestrator_client.calls import Call
from orchestrator_client.errors import UnexpectedAnswer

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class AsyncPage(Generic[T]):
    """`count` is of all rows, as `count=` was asked for; 10001 means more than 10,000. `more`: this is not the last."""

    results: list[T]
    count: int | None
    more: bool


class AsyncPages(Generic[T]):
    """Iterate it for every row; pages are fetched by cursor as they are needed, `limit` rows at a time."""

    def __init__(self, transport: AsyncTransport, model: type[T], path: str, query: Mapping[str, Any]) -> None:
        self._transport = transport
        self._model = model
        self._path = path
        self._query = dict(query)

    async def __aiter__(self) -> AsyncIterator[T]:
        query: dict[str, Any] = {**self._query, "cursor": ""}
        while True:
            body = await self._fetch(query)
            for row in body["results"]:
                yield answers.read(self._model, row)
            if not body["next"]:
                return
            # Only its query: whatever host a link names, the key goes to ours.
            query = dict(parse_qs(urlsplit(body["next"]).query, keep_blank_values=True))

    async def all(self) -> list[T]:
        """Every row, in memory."""
        return [row async for row in self]

    async def first(self) -> AsyncPage[T]:
        """The first page, with its count."""
        body = await self._fetch(self._query)
        rows = [answers.read(self._model, row) for row in body["results"]]
        return AsyncPage(rows, body["count"], body["next"] is not None)

    async def _fetch(self, query: Mapping[str, Any]) -> dict[str, Any]:
        body = answers.data(await self._transport.send(Call("GET", self._path, params=query)))
        if not isinstance(body, dict) or not {"count", "next", "results"} <= body.keys():
            raise UnexpectedAnswer(f"{self._path} did not answer with a list.")
        return body
