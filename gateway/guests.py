"""The guest door: a WebSocket a guest, from its token over its hello to its end."""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import suppress

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

from common import tokens
from gateway.logs import event
from gateway.presence import Presence, Step
from gateway.registry import Registry, TooMany
from gateway.relay import BAD_FRAME, BAD_HELLO, NO_HELLO, Ending, Guest, Send
from gateway.replies import answer_refusal
from gateway.streams import Streams
from gateway.wire import INCARNATION, BadHello, read_hello, read_said
from guest.protocol.frames import BadFrame
from guest.protocol.hello import Hello

# The guest dials while its desktop rises, and says hello when that stands.
HELLO_WITHIN_S = 60.0
_CLOSE_WITHIN_S = 1.0
_PATH = re.compile(rf"/guest/({INCARNATION.pattern})(?:/stream/([A-Za-z0-9_-]{{16,64}}))?")

log = logging.getLogger(__name__)


class _Gone(Exception):
    """The guest ended the connection."""


class GuestDoor:
    """An ASGI app. Everything that comes in here is written by a stranger."""

    def __init__(self, *, secret: str, registry: Registry, presence: Presence, streams: Streams) -> None:
        self._secret = secret
        self._registry = registry
        self._presence = presence
        self._streams = streams

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] == "http":
            await answer_refusal(send, 404, "not_found", "guests come by WebSocket")
            return
        if scope["type"] != "websocket":
            return
        await receive()  # websocket.connect
        path = _PATH.fullmatch(scope["path"])
        if path is None or not self._is_welcome(path[1], dict(scope["headers"]).get(b"authorization", b"")):
            event(log, "guest refused", path=scope["path"][:80])
            await send({"type": "websocket.close", "code": 1008, "reason": None})  # 403 before it is accepted
            return
        with suppress(OSError):  # a peer that goes while we speak
            if path[2]:
                await self._bring(path[1], path[2], receive, send)
            else:
                await self._serve(path[1], receive, send)

    def _is_welcome(self, incarnation: str, authorization: bytes) -> bool:
        scheme, _, token = authorization.decode("latin-1").partition(" ")
        return scheme.lower() == "bearer" and tokens.holds(token, self._secret, purpose="guest", subject=incarnation)

    async def _bring(
        self, incarnation: str, stream_id: str, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        guest = self._registry.find(incarnation)
        if guest is None or not self._streams.is_awaited(incarnation, stream_id):
            await send({"type": "websocket.close", "code": 1008, "reason": None})
            return
        await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
        if not self._streams.is_awaited(incarnation, stream_id):  # it may have come twice, or too late
            await send({"type": "websocket.close", "code": 1008, "reason": None})
            return
        await self._streams.bring(guest, stream_id, receive, send)
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_WITHIN_S):
                await send({"type": "websocket.close", "code": 1000, "reason": ""})

    async def _serve(self, incarnation: str, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        try:
            with self._registry.greeting(incarnation):
                await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
                hello = await self._hello(receive)
        except TooMany:
            await send({"type": "websocket.close", "code": 1008, "reason": None})
        except _Gone:
            event(log, "guest left before hello", incarnation=incarnation)
        except TimeoutError:
            await _close(send, incarnation, NO_HELLO)
        except BadFrame as error:
            await _close(send, incarnation, BAD_FRAME, why=str(error))
        except BadHello as error:
            await _close(send, incarnation, BAD_HELLO, why=str(error))
        else:
            await self._hold(Guest(incarnation, hello, send=_sender(send)), receive, send)

    async def _hello(self, receive: ASGIReceiveCallable) -> Hello:
        async with asyncio.timeout(HELLO_WITHIN_S):
            frame = await _next(receive)
        if read_said(frame)[0].kind != "hello":
            raise BadHello("the first frame is no hello")
        return read_hello(frame)

    async def _hold(self, guest: Guest, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        self._registry.enter(guest)
        self._presence.note(guest, Step.CLAIM)
        event(log, "guest connected", incarnation=guest.incarnation, boot_id=guest.hello.boot_id)
        try:
            async with guest.life():
                await self._listen(guest, receive)
        except _Gone:
            event(log, "guest left", incarnation=guest.incarnation)
        except BadFrame as error:
            self._let_go(guest)
            await _close(send, guest.incarnation, BAD_FRAME, why=str(error))
        except TimeoutError:
            self._let_go(guest)
            await _close(send, guest.incarnation, guest.ending)
        finally:
            self._let_go(guest)

    async def _listen(self, guest: Guest, receive: ASGIReceiveCallable) -> None:
        while True:
            said, blob = read_said(await _next(receive))
            guest.heard(said, blob)
            if said.kind == "heartbeat":
                self._presence.note(guest, Step.KEEP)

    def _let_go(self, guest: Guest) -> None:
        """Safe to call twice. A guest that was replaced leaves nothing behind: its place is another's."""
        guest.lost()
        if self._registry.leave(guest):
            self._presence.note(guest, Step.FORGET)


async def _next(receive: ASGIReceiveCallable) -> bytes:
    message = await receive()
    if message["type"] != "websocket.receive":
        raise _Gone
    frame = message.get("bytes")
    if frame is None:
        raise BadFrame("a text message; frames are binary")
    return frame


async def _close(send: ASGISendCallable, incarnation: str, ending: Ending, *, why: str = "") -> None:
    event(log, "guest sent away", incarnation=incarnation, code=ending.code, reason=ending.reason, why=why)
    with suppress(TimeoutError):
        async with asyncio.timeout(_CLOSE_WITHIN_S):  # a peer that does not read holds up a close as well
            await send({"type": "websocket.close", "code": ending.code, "reason": ending.reason})


def _sender(send: ASGISendCallable) -> Send:
    async def send_frame(frame: bytes) -> None:
        try:
            await send({"type": "websocket.send", "bytes": frame, "text": None})
        except RuntimeError as error:  # uvicorn's word for a connection that we are closing
            raise ConnectionResetError("the connection is being closed") from error

    return send_frame
