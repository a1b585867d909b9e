"""`/frames/{token}`: a machine's screen as pictures, each a binary message, when something on it has changed."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from urllib.parse import parse_qs

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, WebSocketScope

from common import tokens
from common.tunnel import until_first
from gateway.bearers import Bearers, Ended
from gateway.logs import event
from gateway.registry import Registry
from gateway.relay import Ending
from gateway.streams import Stream, StreamFailed, Streams
from gateway.views import BAD_TOKEN, ENDED, EXPIRED, NOT_CONNECTED, TOO_MANY

PURPOSE = "frames"
MAX_PICTURE_BYTES = 16 * 1024 * 1024
MAX_FPS = 30
LONGEST_S = 12 * 3600.0
_PATH = re.compile(r"/frames/([A-Za-z0-9_.-]{1,2048})/?")
_JPEG = b"\xff\xd8"

log = logging.getLogger(__name__)


class FramesDoor:
    """Serves one watcher at a time it is called. What they send is not read, but for their going."""

    def __init__(self, *, secret: str, registry: Registry, streams: Streams, bearers: Bearers) -> None:
        self._bearers = bearers
        self._secret = secret
        self._registry = registry
        self._streams = streams

    async def __call__(self, scope: WebSocketScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        with suppress(OSError, RuntimeError):  # a watcher that goes while we speak
            await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
            try:
                ending = await self._serve(scope, receive, send)
            except (TimeoutError, Ended):
                ending = EXPIRED
            await send({"type": "websocket.close", "code": ending.code, "reason": ending.reason})

    async def _serve(self, scope: WebSocketScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> Ending:
        try:
            claims = tokens.opened(token_in(scope["path"]), self._secret, purpose=PURPOSE, now_s=time.time())
            self._bearers.must_stand(claims)
        except tokens.BadToken as error:
            return EXPIRED if "expired" in str(error) else BAD_TOKEN
        guest = self._registry.find(claims.subject)
        if guest is None:
            return NOT_CONNECTED
        try:
            stream = await self._streams.open(guest, "frames", **wished(scope["query_string"]))
        except StreamFailed as error:
            event(log, "frames failed", incarnation=claims.subject, code=error.code)
            return TOO_MANY if error.code == "busy" else NOT_CONNECTED
        try:
            async with self._bearers.holding(claims, at_most_s=LONGEST_S):
                await _carry(stream, receive, send)
            return ENDED
        finally:
            stream.close()


def token_in(path: str) -> str:
    """What stands behind `/frames/`; nothing where it cannot be a token."""
    found = _PATH.fullmatch(path)
    return found[1] if found else ""


async def _carry(stream: Stream, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    async def tell(picture: bytes) -> None:
        await send({"type": "websocket.send", "bytes": picture, "text": None})

    await until_first(show(stream, tell), _until_gone(receive))


async def show(stream: Stream, tell: Callable[[bytes], Awaitable[None]]) -> None:
    """Always the newest: what came while the one before was on its way is dropped. Ends with the stream."""
    newest: asyncio.Queue[bytes] = asyncio.Queue(1)
    telling = asyncio.create_task(_tell_newest(newest, tell))
    try:
        async for picture in _pictures(stream):
            if newest.full():
                newest.get_nowait()
            newest.put_nowait(picture)
    finally:
        telling.cancel()


async def _tell_newest(newest: asyncio.Queue[bytes], tell: Callable[[bytes], Awaitable[None]]) -> None:
    with suppress(OSError, RuntimeError):
        while True:
            await tell(await newest.get())


async def _pictures(stream: Stream) -> AsyncIterator[bytes]:
    """What a machine sends, as far as it is pictures of a size that one may have."""
    held = bytearray()
    while piece := await stream.read():
        held += piece
        while len(held) >= 4:
            length = int.from_bytes(held[:4], "big")
            if not 2 <= length <= MAX_PICTURE_BYTES:
                return
            if len(held) < 4 + length:
                break
            picture = bytes(held[4 : 4 + length])
            del held[: 4 + length]
            if not picture.startswith(_JPEG):
                return
            yield picture


async def _until_gone(receive: ASGIReceiveCallable) -> None:
    while (await receive())["type"] == "websocket.receive":
        continue


def wished(query: bytes) -> dict[str, int]:
    """`max_fps` and `quality` as asked for, within what there is; nonsense counts as nothing said."""
    asked = parse_qs(query.decode("latin-1"))

    def number(name: str, usual: int, most: int) -> int:
        text = asked.get(name, [""])[0]
        return min(max(int(text), 1), most) if text.isascii() and text.isdigit() and len(text) < 6 else usual

    return {"max_fps": number("max_fps", 5, MAX_FPS), "quality": number("quality", 70, 100)}
