"""`/view/socket`: a machine's screen for one page, from its first words to its end.

The first message is text: a signed token and the page's own number. After that binary messages are RFB, whose input is
held back unless this viewer drives; text messages are ours: who drives, a renewed token.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable

from common import tokens
from common.tokens import Claims
from gateway.bearers import Bearers, Ended, Hold
from gateway.driving import Driving, NotWatching, Viewer, told
from gateway.logs import event
from gateway.registry import Registry
from gateway.relay import Ending
from gateway.rfb import BadViewer, Filter
from gateway.streams import Stream, StreamFailed, Streams

PURPOSE = "view"
HELLO_WITHIN_S = 10.0
ALIVE_EVERY_S = 5.0
EXPIRED = Ending(4401, "expired")
BAD_TOKEN = Ending(4403, "bad token")
NOT_CONNECTED = Ending(4404, "not connected")
NO_HELLO = Ending(4408, "no hello in time")
REPLACED = Ending(4409, "opened elsewhere")
TOO_MANY = Ending(4429, "too many viewers")
BAD_DATA = Ending(4400, "not understood")
ENDED = Ending(4410, "the machine ended it")
_PENDING_AT_MOST = 32
_SAID_GOODBYE = (1000, 1001)  # a page that was closed; a line that broke says nothing

log = logging.getLogger(__name__)


class _Said(Struct, frozen=True):
    token: Annotated[str, Meta(max_length=2_048)]
    viewer: Annotated[str, Meta(pattern="^[A-Za-z0-9-]{16,64}$")]


class _End(Exception):
    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.reason)
        self.ending = ending


class ViewDoor:
    """Serves one page's socket at a time it is called."""

    def __init__(
        self, *, secret: str, registry: Registry, streams: Streams, driving: Driving, bearers: Bearers
    ) -> None:
        self._bearers = bearers
        self._secret = secret
        self._registry = registry
        self._streams = streams
        self._driving = driving

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        with suppress(OSError, RuntimeError):  # a page that goes while we speak
            await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
            try:
                await self._serve(receive, send)
            except _End as end:
                await send({"type": "websocket.close", "code": end.ending.code, "reason": end.ending.reason})

    async def _serve(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        said, claims = await self._hello(receive)
        guest = self._registry.find(claims.subject)
        if guest is None:
            raise _End(NOT_CONNECTED)
        try:
            stream = await self._streams.open(guest, "rfb")
        except StreamFailed as error:
            event(log, "view failed", incarnation=claims.subject, code=error.code)
            raise _End(TOO_MANY if error.code == "busy" else NOT_CONNECTED) from error
        try:
            async with self._bearers.holding(claims) as hold:
                await _Session(self, hold, said, claims, stream, receive, send).run(self._driving)
        except (TimeoutError, Ended) as error:
            raise _End(EXPIRED) from error
        finally:
            stream.close()

    async def _hello(self, receive: ASGIReceiveCallable) -> tuple[_Said, Claims]:
        try:
            async with asyncio.timeout(HELLO_WITHIN_S):
                message = await receive()
        except TimeoutError as error:
            raise _End(NO_HELLO) from error
        return self.read(message.get("text") if message["type"] == "websocket.receive" else None)

    def read(self, text: str | None) -> tuple[_Said, Claims]:
        """A page's words and what their token says. Raises `_End`."""
        try:
            said = msgspec.json.decode(text or "", type=_Said)
            claims = tokens.opened(said.token, self._secret, purpose=PURPOSE, now_s=time.time())
            self._bearers.must_stand(claims)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise _End(BAD_DATA) from error
        except tokens.BadToken as error:
            raise _End(EXPIRED if "expired" in str(error) else BAD_TOKEN) from error
        except Ended as error:
            raise _End(EXPIRED) from error
        return said, claims


class _Session:
    def __init__(
        self,
        door: ViewDoor,
        hold: Hold,
        said: _Said,
        claims: Claims,
        stream: Stream,
        receive: ASGIReceiveCallable,
        send: ASGISendCallable,
    ) -> None:
        self._door = door
        self._hold = hold
        self._claims = claims
        self._stream = stream
        self._receive = receive
        self._send = send
        self._life = asyncio.timeout(None)
        self._pending: set[asyncio.Task[None]] = set()
        self._end = ENDED
        self._viewer = Viewer(said.viewer, claims.label, claims.mode == "drive", self._tell, self._let_go, self._leave)

    async def run(self, driving: Driving) -> None:
        incarnation = self._claims.subject
        self._filter = Filter(lambda: driving.touched(incarnation))
        try:
            driving.enter(incarnation, self._viewer)
        except NotWatching as error:
            raise _End(TOO_MANY) from error
        event(log, "view opened", incarnation=incarnation, mode=self._claims.mode)
        try:
            driver = driving.driver(incarnation)
            yours = driving.drives(incarnation, self._viewer)
            await self._say({"kind": "ready", "mode": self._claims.mode, "alive_s": ALIVE_EVERY_S})
            await self._say(told(driver["label"] if driver else None, yours=yours))
            await self._carry(driving)
        finally:
            driving.left(incarnation, self._viewer)
            with suppress(OSError):
                await self._stream.write(self._filter.let_go())
            for task in self._pending:
                task.cancel()

    async def _carry(self, driving: Driving) -> None:
        try:
            async with self._life:
                self._prolong(self._claims)
                parts = (self._inwards(driving), self._outwards(), self._keep_alive())
                ways = {asyncio.create_task(part) for part in parts}
                try:
                    done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                    for way in done:
                        way.result()
                finally:
                    for way in ways:
                        way.cancel()
                    await asyncio.gather(*ways, return_exceptions=True)
        except TimeoutError as error:
            raise _End(self._end if self._end is REPLACED else EXPIRED) from error
        raise _End(self._end)

    async def _inwards(self, driving: Driving) -> None:
        """From the page to the machine, what may go there."""
        incarnation = self._claims.subject
        while (message := await self._receive())["type"] == "websocket.receive":
            data = message.get("bytes")
            if data is None:
                self._renewed(message.get("text"), driving)
                continue
            try:
                passed = self._filter.take(data, drives=driving.drives(incarnation, self._viewer))
            except BadViewer as error:
                event(log, "viewer sent away", incarnation=incarnation, why=str(error))
                raise _End(BAD_DATA) from error
            if passed:
                await self._stream.write(passed)
        if message.get("code") in _SAID_GOODBYE:
            driving.give_back(incarnation, self._viewer.id)

    async def _outwards(self) -> None:
        with suppress(OSError):
            while piece := await self._stream.read():
                await self._send({"type": "websocket.send", "bytes": piece, "text": None})

    async def _keep_alive(self) -> None:
        """A page cannot ping: by these words it knows that the line is not cut while the screen stands still."""
        while True:
            await asyncio.sleep(ALIVE_EVERY_S)
            await self._say({"kind": "alive"})

    def _renewed(self, text: str | None, driving: Driving) -> None:
        _, claims = self._door.read(text)
        if claims.subject != self._claims.subject:
            raise _End(BAD_TOKEN)
        self._viewer.may_drive = claims.mode == "drive"
        if not self._viewer.may_drive:
            driving.give_back(claims.subject, self._viewer.id)
        self._hold.bearer = claims.bearer
        self._prolong(claims)

    def _prolong(self, claims: Claims) -> None:
        loop = asyncio.get_running_loop()
        self._life.reschedule(loop.time() + max(0.0, claims.expires_at - time.time()))

    def _leave(self) -> None:
        self._end = REPLACED
        self._life.reschedule(asyncio.get_running_loop().time())

    def _tell(self, words: dict[str, Any]) -> None:
        self._soon(self._say(words))

    def _let_go(self) -> None:
        if ups := self._filter.let_go():
            self._soon(self._stream.write(ups))

    def _soon(self, doing: Any) -> None:
        if len(self._pending) >= _PENDING_AT_MOST:  # a page that reads nothing is told nothing
            doing.close()
            return
        task = asyncio.create_task(_quietly(doing))
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def _say(self, words: dict[str, Any]) -> None:
        text = msgspec.json.encode(words).decode()
        await self._send({"type": "websocket.send", "bytes": None, "text": text})


async def _quietly(doing: Any) -> None:
    with suppress(OSError, RuntimeError):
        await doing
