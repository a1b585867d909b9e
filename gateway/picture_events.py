"""`GET /frames/{token}`: the same pictures as server-sent events, for who can read no WebSocket."""

from __future__ import annotations

import asyncio
import base64
import time
from contextlib import suppress

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope

from common import tokens
from common.tunnel import until_first
from gateway.bearers import Bearers, Ended
from gateway.pictures import LONGEST_S, PURPOSE, show, token_in, wished
from gateway.registry import Registry
from gateway.replies import answer_refusal
from gateway.streams import Stream, StreamFailed, Streams

ALIVE_EVERY_S = 15.0
_STATUS = {"busy": 429, "timeout": 504, "unsupported": 502, "failed": 502}
_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"access-control-allow-origin", b"*"),  # the address alone is the key: no cookie is read here
]


class PictureEventsDoor:
    """Serves one watcher at a time it is called."""

    def __init__(self, *, secret: str, registry: Registry, streams: Streams, bearers: Bearers) -> None:
        self._bearers = bearers
        self._secret = secret
        self._registry = registry
        self._streams = streams

    async def __call__(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["method"] != "GET":
            await answer_refusal(send, 405, "not_allowed", "pictures are asked for by GET")
            return
        try:
            claims = tokens.opened(token_in(scope["path"]), self._secret, purpose=PURPOSE, now_s=time.time())
            self._bearers.must_stand(claims)
        except (tokens.BadToken, Ended) as error:
            await answer_refusal(send, 403, "bad_token", str(error))
            return
        guest = self._registry.find(claims.subject)
        if guest is None:
            await answer_refusal(send, 503, "not_connected", "this machine is not running now")
            return
        try:
            stream = await self._streams.open(guest, "frames", **wished(scope["query_string"]))
        except StreamFailed as error:
            await answer_refusal(send, _STATUS.get(error.code, 503), error.code, str(error))
            return
        try:
            with suppress(TimeoutError, Ended):
                async with self._bearers.holding(claims, at_most_s=LONGEST_S):
                    await _carry(stream, receive, send)
            with suppress(OSError, RuntimeError):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            stream.close()


async def _carry(stream: Stream, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    async def tell(picture: bytes) -> None:
        await _say(send, b"event: frame\ndata: " + base64.b64encode(picture))

    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await until_first(show(stream, tell), _keep_alive(send), _until_gone(receive))


async def _keep_alive(send: ASGISendCallable) -> None:
    """A comment now and then, so that whoever is between does not think the line dead."""
    while True:
        await asyncio.sleep(ALIVE_EVERY_S)
        await _say(send, b": still here")


async def _say(send: ASGISendCallable, event: bytes) -> None:
    await send({"type": "http.response.body", "body": event + b"\n\n", "more_body": True})


async def _until_gone(receive: ASGIReceiveCallable) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
