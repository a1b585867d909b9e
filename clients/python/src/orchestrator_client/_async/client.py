"""The asynchronous client: the whole API under one name."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs

import httpx

from orchestrator_client import answers, models
from orchestrator_client._async.desktop import AsyncDesktop
from orchestrator_client._async.endpoints import AsyncEndpoints
from orchestrator_client._async.nouns import AsyncInstances, AsyncLogs, AsyncPlans
from orchestrator_client._async.transport import AsyncTransport
from orchestrator_client.calls import Call
from orchestrator_client.errors import BadArgument
from orchestrator_client.retries import Retries
from orchestrator_client.settings import Settings


class AsyncClient(AsyncEndpoints):
    """Without arguments it finds its address and key as `Settings.find` says. Use it in a `with`, or close it."""

    instances: AsyncInstances
    logs: AsyncLogs
    plans: AsyncPlans

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        profile: str | None = None,
        timeout_s: float = 30.0,
        retries: Retries | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        settings = Settings.find(url=url, api_key=api_key, profile=profile)
        self._transport = AsyncTransport(settings, timeout_s=timeout_s, retries=retries or Retries(), http=http)
        super().__init__(self._transport)
        self.instances = AsyncInstances(self._transport)
        self.logs = AsyncLogs(self._transport)
        self.plans = AsyncPlans(self._transport)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._transport.settings.url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections. Closed twice is closed."""
        await self._transport.aclose()

    def desktop(self, instance: models.Instance | str) -> AsyncDesktop:
        """Hands and eyes on one instance, named by itself or by its id."""
        return self.instances.desktop(instance if isinstance(instance, str) else instance.id)

    async def health(self) -> models.Health:
        """Every part of the platform; not being well is an answer, too."""
        call = Call("GET", "/api/system/health", good=frozenset({503}))
        return answers.read(models.Health, answers.data(await self._transport.send(call)))

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        timeout_s: float | None = None,
        idempotency_key: str | None = None,
    ) -> Any:
        """Any operation, also one that this version doesn't know; the answer's JSON, or its bytes where it is none.

        `path` begins with a slash and is of this platform; it may have a query, which `params` adds to.
        Errors and repeats are as everywhere."""
        if not path.startswith("/"):
            raise BadArgument("The path begins with a slash.")
        path, _, query = path.partition("?")
        asked = {**parse_qs(query, keep_blank_values=True), **(params or {})}
        call = Call(method.upper(), path, params=asked, json=json, timeout_s=timeout_s, key=idempotency_key)
        response = await self._transport.send(call)
        is_json = response.headers.get("content-type", "application/json").startswith("application/json")
        return answers.data(response) if is_json else response.content
