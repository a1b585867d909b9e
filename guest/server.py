"""The line to the gateway: dialled for ever, hello when the desktop is ready, then calls and answers."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from typing import Any

import msgspec
from websockets import CloseCode
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from guest.config import Config
from guest.dialling import dial
from guest.dispatch import Dispatcher, answer
from guest.protocol import frames
from guest.protocol.hello import Hello

HEARTBEAT_S = 5.0
MAX_CALL_BYTES = 4 * 1024 * 1024
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0
_MOST_CALLS = 64
_BUSY: dict[str, Any] = {"ok": False, "error": {"code": "failed", "message": f"more than {_MOST_CALLS} calls at once"}}

log = logging.getLogger(__name__)

Ready = asyncio.Future[tuple[Hello, Dispatcher]]


class Server:
    """Dials while the desktop still rises; `ready` brings what to say then and who does the calls."""

    def __init__(self, config: Config, ready: Ready, report: Callable[[], dict[str, Any]]) -> None:
        self._config = config
        self._ready = ready
        self._report = report
        self._calls: set[asyncio.Task[None]] = set()
        self._heard_at = time.monotonic()

    def alone_s(self) -> float:
        """How long nothing has been heard from the gateway."""
        return time.monotonic() - self._heard_at

    async def serve(self) -> None:
        """Runs until it is cancelled."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                async with dial(self._config, max_size=MAX_CALL_BYTES) as line:
                    if await self._talk(line):
                        pause_s = _FIRST_PAUSE_S
            except (OSError, WebSocketException) as error:
                log.info("no line to the gateway: %s", type(error).__name__)
            # Many guests lose a gateway at once: they must not all come back at once.
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _talk(self, line: ClientConnection) -> bool:
        """Whether hello was said before the line was lost."""
        self._heard_at = time.monotonic()
        if not await self._until_ready(line):
            return False
        hello, dispatcher = self._ready.result()
        await line.send(frames.encode({"kind": "hello", **msgspec.to_builtins(hello)}))
        beating = asyncio.create_task(self._beat(line))
        try:
            async for message in line:
                await self._hear(line, dispatcher, message)
        except asyncio.CancelledError:
            await line.close(CloseCode.GOING_AWAY)
            raise
        finally:
            beating.cancel()
        return True

    async def _until_ready(self, line: ClientConnection) -> bool:
        lost = asyncio.create_task(line.wait_closed())
        either: set[asyncio.Future[Any]] = {self._ready, lost}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            return self._ready.done()
        finally:
            lost.cancel()

    async def _beat(self, line: ClientConnection) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            try:
                await line.send(frames.encode({"kind": "heartbeat", **self._report()}))
                self._heard_at = time.monotonic()  # a gateway that does not listen has its line closed by the library
            except WebSocketException:
                return

    async def _hear(self, line: ClientConnection, dispatcher: Dispatcher, message: str | bytes) -> None:
        """Start what is asked. What is no call is left alone: nobody waits for an answer to it."""
        try:
            header, _ = frames.decode(message if isinstance(message, bytes) else message.encode())
        except frames.BadFrame as error:
            log.warning("a frame was dropped: %s", error)
            return
        number = header.get("id")
        if header.get("kind") != "call" or not isinstance(number, int):
            log.warning("a frame was dropped: it is no call")
            return
        if len(self._calls) >= _MOST_CALLS:
            await _send(line, number, _BUSY, b"")
            return
        task = asyncio.create_task(_answer(line, dispatcher, number, header))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)


async def _answer(line: ClientConnection, dispatcher: Dispatcher, number: int, header: dict[str, Any]) -> None:
    fields, blob = await answer(dispatcher, header.get("verb"), header.get("args"))
    await _send(line, number, fields, blob)


async def _send(line: ClientConnection, number: int, fields: dict[str, Any], blob: bytes) -> None:
    try:
        await line.send(frames.encode({"kind": "answer", "id": number, **fields}, blob))
    except WebSocketException:
        log.info("the line was lost before call %s was answered", number)
