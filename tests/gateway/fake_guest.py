"""A guest without a machine: dials, says hello, answers as the test tells it, redials."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import WebSocketException

from guest.protocol import PROTOCOL_VERSION, frames
from tests.gateway.rig import token_of

Frame = tuple[dict[str, Any], bytes]
Answering = Callable[[dict[str, Any]], Awaitable[Frame]]


def hello(**changes: Any) -> dict[str, Any]:
    said = {"protocol": PROTOCOL_VERSION, "boot_id": "boot-1", "flavour": "ubuntu", "width": 1280, "height": 800}
    return {"kind": "hello", **said, **changes}


def dial(socket: Path, incarnation: str, *, token: str | None = None) -> unix_connect:
    """A connection that has said nothing yet."""
    authorization = f"Bearer {token_of(incarnation) if token is None else token}"
    return unix_connect(
        str(socket),
        uri=f"ws://gateway/guest/{incarnation}",
        additional_headers={"Authorization": authorization},
        compression=None,
        max_size=None,
    )


async def agree(call: dict[str, Any]) -> Frame:
    """Does everything at once and has nothing to say."""
    return {"ok": True, "result": {}}, b""


class FakeGuest:
    """`async with` it: connected inside. `calls` is everything it was asked, `hellos` how often it said hello."""

    def __init__(self, socket: Path, incarnation: str, *, answering: Answering = agree, **said: Any):
        self.incarnation = incarnation
        self.answering = answering
        self.calls: list[dict[str, Any]] = []
        self.hellos = 0
        self.closed_with: list[int | None] = []
        self.redials = True
        self.connection: ClientConnection | None = None
        self._socket = socket
        self._said = said
        self._ready = asyncio.Event()
        self._answers: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._living = asyncio.create_task(self._live())
        await asyncio.wait_for(self._ready.wait(), 10)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in (self._living, *self._answers):
            task.cancel()
        await asyncio.gather(self._living, *self._answers, return_exceptions=True)

    async def heartbeat(self) -> None:
        assert self.connection is not None
        await self.connection.send(frames.encode({"kind": "heartbeat", "memory_mib": 44, "load": 0.1}))

    async def hang_up(self) -> None:
        """Break the connection without a word, as a crash does, and stay away."""
        assert self.connection is not None
        self.redials = False
        self.connection.transport.abort()

    async def _live(self) -> None:
        while True:
            with suppress(OSError, WebSocketException, EOFError):
                async with dial(self._socket, self.incarnation) as connection:
                    await self._serve(connection)
            if self.connection is not None:
                self.closed_with.append(self.connection.close_code)
                self.connection = None
            if not self.redials:
                return
            await asyncio.sleep(0.05)

    async def _serve(self, connection: ClientConnection) -> None:
        await connection.send(frames.encode(hello(**self._said)))
        self.hellos += 1
        self.connection = connection
        self._ready.set()
        async for message in connection:
            assert isinstance(message, bytes)
            call, _ = frames.decode(message)
            self.calls.append(call)
            answer = asyncio.create_task(self._answer(connection, call))
            self._answers.add(answer)
            answer.add_done_callback(self._answers.discard)

    async def _answer(self, connection: ClientConnection, call: dict[str, Any]) -> None:
        header, blob = await self.answering(call)
        with suppress(WebSocketException):
            await connection.send(frames.encode({"kind": "answer", "id": call["id"], **header}, blob))
