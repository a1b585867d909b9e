"""What each noun of the API is made of, for the asynchronous client."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from orchestrator_client import answers
from orchestrator_client._async.pages import AsyncPages
from orchestrator_client._async.streams import follow
from orchestrator_client._async.transport import AsyncTransport
from orchestrator_client.calls import Call

T = TypeVar("T", bound=BaseModel)


class AsyncResource:
    """Calls, and what becomes of their answers."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def _one(self, model: type[T], call: Call) -> T:
        return answers.read(model, await self._data(call))

    async def _data(self, call: Call) -> Any:
        return answers.data(await self._transport.send(call))

    async def _bytes(self, call: Call) -> bytes:
        return (await self._transport.send(call)).content

    async def _nothing(self, call: Call) -> None:
        await self._transport.send(call)

    def _pages(self, model: type[T], path: str, query: Mapping[str, Any]) -> AsyncPages[T]:
        return AsyncPages(self._transport, model, path, query)

    def _follow(
        self, model: type[T], path: str, query: Mapping[str, Any], after: str | None
    ) -> AsyncGenerator[T, None]:
        return follow(self._transport, model, Call("GET", path, params=query), after=after)
