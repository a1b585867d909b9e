"""What each noun of the API is made of, for the client."""
# Made from _async/resource.py by generator/; not edited by hand.

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from orchestrator_client import answers
from orchestrator_client._sync.pages import Pages
from orchestrator_client._sync.streams import follow
from orchestrator_client._sync.transport import Transport
from orchestrator_client.calls import Call

T = TypeVar("T", bound=BaseModel)


class Resource:
    """Calls, and what becomes of their answers."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _one(self, model: type[T], call: Call) -> T:
        return answers.read(model, self._data(call))

    def _data(self, call: Call) -> Any:
        return answers.data(self._transport.send(call))

    def _bytes(self, call: Call) -> bytes:
        return (self._transport.send(call)).content

    def _nothing(self, call: Call) -> None:
        self._transport.send(call)

    def _pages(self, model: type[T], path: str, query: Mapping[str, Any]) -> Pages[T]:
        return Pages(self._transport, model, path, query)

    def _follow(
        self, model: type[T], path: str, query: Mapping[str, Any], after: str | None
    ) -> Generator[T, None, None]:
        return follow(self._transport, model, Call("GET", path, params=query), after=after)
