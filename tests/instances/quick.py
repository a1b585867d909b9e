"""Asks the quick way as the front door does, and the ordinary way where it leaves a request alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import httpx
from asgiref.typing import HTTPScope

from instances.quick.door import QuickActions

T = TypeVar("T")


class Asker:
    """With one key. `get` and `post` answer None where the request is left to the ordinary way."""

    def __init__(self, runner: asyncio.Runner, key: str) -> None:
        self._runner, self._key, self._door = runner, key, QuickActions()

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response | None:
        return self._ask("POST", path, json.dumps(body).encode(), {"content-type": "application/json", **headers})

    def get(self, path: str, **headers: str) -> httpx.Response | None:
        return self._ask("GET", path, b"", headers)

    def post_together(self, path: str, body: Any, *, times: int) -> list[httpx.Response | None]:
        """So many at once."""
        sent = json.dumps(body).encode()

        async def all_of_them() -> list[httpx.Response | None]:
            asked = (self._answer("POST", path, sent, {"content-type": "application/json"}) for _ in range(times))
            return list(await asyncio.gather(*asked))

        return self._runner.run(all_of_them())

    def post_cut_short(self, path: str, body: Any, *, begun: asyncio.Event) -> None:
        """The process ends as soon as it has `begun`, as uvicorn does it."""

        async def end() -> None:
            asked = self._answer("POST", path, json.dumps(body).encode(), {"content-type": "application/json"})
            task = asyncio.create_task(asked)
            async with asyncio.timeout(10):
                await begun.wait()
                task.cancel()
                await self._door.aclose()

        self._runner.run(end())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Something else, on the same event loop."""
        return self._runner.run(work)

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> httpx.Response | None:
        return self._runner.run(self._answer(method, path, body, headers))

    async def _answer(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> httpx.Response | None:
        said: list[dict[str, Any]] = []

        async def send(event: dict[str, Any]) -> None:
            said.append(event)

        if not await self._door(_scope(method, path, headers, self._key), body, self._key, send):
            assert said == []
            return None
        start, rest = said
        return httpx.Response(start["status"], headers=start["headers"], content=rest["body"])


@contextmanager
def asking(key: str) -> Iterator[Asker]:
    """An asker whose connections are closed at the end."""
    with asyncio.Runner() as runner:
        asker = Asker(runner, key)
        yield asker
        runner.run(asker._door.aclose())


def _scope(method: str, path: str, headers: dict[str, str], key: str) -> HTTPScope:
    path, _, query = path.partition("?")
    sent = {"host": "localhost", "authorization": f"Bearer {key}", **headers}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "scheme": "http",
        "client": ("127.0.0.1", 1),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in sent.items()],
    }
    return cast(HTTPScope, scope)
