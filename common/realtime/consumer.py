"""The WebSocket door of a stream: let the caller in, catch up, follow; the same rows as over server-sent events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import orjson
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from common.api import errors
from common.api.renderers import dumps
from common.errors import Invalid, NotFound, PlatformError, TooMany
from common.origin import address_of, coming_from
from common.realtime import hub
from common.realtime.credentials import Credentials, Doorkeeper, credentials_of
from common.realtime.follow import Resync, Tick, follow, in_thread
from common.realtime.stream import Item, Stream, parse_cursor

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 4096
MAX_PARAMETERS = 20
MESSAGES_PER_S = 10.0
BURST = 20.0
FIRST_MESSAGE_S = 0.5
"""How long a client that named no cursor in the URL has to name one in its first message."""

OpenStream = Callable[[Any, UUID], Stream]
"""Makes the stream for a principal and the id in the path, in a thread. Raises `NotFound` for a foreign id."""


class StreamConsumer(AsyncJsonWebsocketConsumer):
    """Says `following`, then one `event` per row; `resync` when rows are gone for good; `error` before it closes.

    A client may send `{"type": "ping"}` and, at any time, `{"after": cursor}` to go on from there: what follows the
    next `following` starts right after that cursor. Refusals close with 4000 + the HTTP status (4401, 4404, …).
    """

    def __init__(self, *, doorkeeper: Doorkeeper, open_stream: OpenStream) -> None:
        super().__init__()
        self._doorkeeper = doorkeeper
        self._open_stream = open_stream
        self._pump: asyncio.Task[None] | None = None
        self._allowance = _Allowance()
        self._principal: Any = None
        self._stream: Stream | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._stop()

    async def connect(self) -> None:
        await self.accept()
        try:
            query = _query(self.scope)
            credentials = credentials_of(self.scope, query)
            after = parse_cursor(query.get("after", [""])[0])
            self._stream = await in_thread(lambda: self._admit(credentials))
        except PlatformError as error:
            await self._refuse(error)
            return
        self._start(after, delay_s=0.0 if "after" in query else FIRST_MESSAGE_S)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any) -> None:
        if self._stream is None:
            return
        try:
            self._allowance.spend()
            await self.receive_json(_message(text_data))
        except PlatformError as error:
            await self._refuse(error)

    async def receive_json(self, content: dict[str, Any], **kwargs: Any) -> None:
        if content.get("type") == "ping":
            await self.send_json({"type": "pong"})
        elif "after" in content:
            self._start(_cursor(content["after"]))
        else:
            raise Invalid('Send {"type": "ping"} or {"after": cursor}.')

    @classmethod
    async def encode_json(cls, content: Any) -> str:
        return dumps(content).decode()

    def _admit(self, credentials: Credentials) -> Stream:
        with coming_from(_client(self.scope)):
            self._principal = self._doorkeeper.admit(credentials)
        (target,) = self.scope["url_route"]["kwargs"].values()
        return self._open_stream(self._principal, _uuid(target))

    def _start(self, after: str | None, *, delay_s: float = 0.0) -> None:
        assert self._stream is not None
        self._stop()
        self._pump = asyncio.create_task(self._follow(self._stream, after or self._stream.start, delay_s))

    def _stop(self) -> None:
        if self._pump is not None:
            self._pump.cancel()

    async def _follow(self, stream: Stream, after: str | None, delay_s: float) -> None:
        try:
            await asyncio.sleep(delay_s)
            await self.send_json({"type": "following", "after": after})
            await self._send_rows(stream, after)
            await self.close(1012, "the server restarts; come back")
        except PlatformError as error:
            await self._refuse(error)
        except OSError:
            pass  # the client has gone while something was on its way to it
        except Exception:
            log.exception("a stream broke")
            await self.close(1011)

    async def _send_rows(self, stream: Stream, after: str | None) -> None:
        with hub.current().listen(stream.channels) as listener:
            followed = follow(stream, listener, after, recheck=self._recheck)
            async with aclosing(followed) as items:
                async for item in items:
                    if (message := _outgoing(stream.event, item)) is not None:
                        await self.send_json(message)

    def _recheck(self) -> None:
        self._doorkeeper.recheck(self._principal)

    async def _refuse(self, error: PlatformError) -> None:
        self._stream = None
        if self._pump is not None and self._pump is not asyncio.current_task():
            self._pump.cancel()
        await self.send_json({"type": "error"} | errors.body(error.message, error.code, error.details))
        await self.close(4000 + error.status, error.code)


def _client(scope: Any) -> str | None:
    forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return address_of((scope.get("client") or [None])[0], ",".join(forwarded))


class _Allowance:
    """A token bucket for what one client sends."""

    def __init__(self) -> None:
        self._tokens = BURST
        self._at = asyncio.get_running_loop().time()

    def spend(self) -> None:
        now = asyncio.get_running_loop().time()
        self._tokens = min(BURST, self._tokens + (now - self._at) * MESSAGES_PER_S) - 1.0
        self._at = now
        if self._tokens < 0:
            raise TooMany("Too many messages; this socket is for listening.")


def _query(scope: Any) -> dict[str, list[str]]:
    try:
        return parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError as error:
        raise Invalid(f"The address has more than {MAX_PARAMETERS} parameters.") from error


def _message(text: str | None) -> dict[str, Any]:
    if text is None or len(text) > MAX_MESSAGE_BYTES:
        raise Invalid("Send short JSON objects as text.")
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Invalid("That is not JSON.") from error
    if not isinstance(content, dict):
        raise Invalid("Send JSON objects.")
    return content


def _cursor(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | None):
        raise Invalid("`after` is a cursor: a text or a number.")
    return parse_cursor(None if value is None else str(value))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFound from error


def _outgoing(event: str, item: Item | Resync | Tick) -> dict[str, Any] | None:
    match item:
        case Item(cursor, data):
            return {"type": "event", "event": event, "cursor": cursor, "data": data}
        case Resync(cursor):
            return {"type": "resync", "cursor": cursor}
        case Tick():
            return None  # the server's own WebSocket pings keep the line warm
