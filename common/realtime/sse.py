"""Server-sent events: a stream as the body of an ordinary Django response."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, suppress
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from common.api import errors
from common.api.renderers import dumps
from common.errors import PlatformError, Unavailable
from common.realtime import hub
from common.realtime.follow import Resync, Tick, follow, release_connections
from common.realtime.hub import Listener
from common.realtime.stream import CursorTooOld, Item, Stream, parse_cursor

RETRY_MS = 1000


class EventStreamRenderer(BaseRenderer):
    """Lets `Accept: text/event-stream` pass DRF's negotiation. What it renders itself are errors, as JSON."""

    media_type = "text/event-stream"
    format = "sse"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        if renderer_context and (response := renderer_context.get("response")) is not None:
            response["Content-Type"] = "application/json"
        return dumps(data)


def wants_events(request: HttpRequest | Request) -> bool:
    return "text/event-stream" in request.headers.get("accept", "")


def cursor_of(request: HttpRequest | Request) -> str | None:
    """The cursor to resume after: the header `Last-Event-ID`, or `?last_event_id=` for clients that can't set one.

    Raises:
        Invalid: it cannot be one of our cursors.
    """
    return parse_cursor(request.headers.get("last-event-id") or request.GET.get("last_event_id"))


def sse_response(
    request: HttpRequest | Request, stream: Stream, *, recheck: Callable[[], None] | None = None
) -> StreamingHttpResponse:
    """Answer with `stream`, resumed after the client's last event. Works from a synchronous view under ASGI.

    The first rows are read here, so that a bad cursor is an ordinary 400. `recheck` is called again and again, and
    ends the stream by raising a `PlatformError`. While the stream waits it holds no connection to the database.

    Raises:
        Invalid: the cursor is malformed.
        Unavailable: the server can't stream (plain WSGI).
    """
    if not isinstance(getattr(request, "_request", request), ASGIRequest):
        raise Unavailable("Event streams are not served here; leave `text/event-stream` out of Accept.")
    after = cursor_of(request) or stream.start
    first: list[Item] | None = None
    with suppress(CursorTooOld):  # `follow` meets it again and tells the client
        first = stream.fetch(after)
    body = _Body(stream, after, first, recheck) if request.method != "HEAD" else ()
    headers = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(body, content_type="text/event-stream", headers=headers)


class _Body:
    """The response's body. Django calls `close` from a thread, also when the client has gone in mid-sentence."""

    def __init__(
        self, stream: Stream, after: str | None, first: list[Item] | None, recheck: Callable[[], None] | None
    ) -> None:
        self._stream = stream
        self._after = after
        self._first = first
        self._recheck = recheck
        self._open: tuple[asyncio.AbstractEventLoop, Listener] | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        # Django ends the request, and with it gives back the view's connection, only after the stream's last byte.
        await sync_to_async(release_connections, thread_sensitive=True)()
        # An id without data is no event, but where the client resumes should it be cut off before the first one.
        yield f"retry: {RETRY_MS}\n{_id(self._after)}\n".encode()
        with hub.current().listen(self._stream.channels) as listener:
            self._open = asyncio.get_running_loop(), listener
            # `first` was read before the listener was there; what was committed in between is read by the next fetch,
            # which `follow` makes because opening a listener or a subscription counts as a nudge.
            listener.wake()
            followed = follow(self._stream, listener, self._after, first=self._first, recheck=self._recheck)
            async with aclosing(followed) as items:
                try:
                    async for item in items:
                        yield _lines(self._stream.event, item)
                except PlatformError as error:
                    yield _line("error", errors.body(error.message, error.code, error.details))

    def close(self) -> None:
        if self._open is not None:
            loop, listener = self._open
            loop.call_soon_threadsafe(listener.close)


def _lines(event: str, item: Item | Resync | Tick) -> bytes:
    match item:
        case Item(cursor, data):
            return _line(event, data, cursor)
        case Resync(cursor):
            return _line("resync", {}, cursor)
        case Tick():
            return b": still here\n\n"


def _line(event: str, data: dict[str, Any], cursor: str | None = None) -> bytes:
    return f"{_id(cursor)}event: {event}\ndata: ".encode() + dumps(data) + b"\n\n"


def _id(cursor: str | None) -> str:
    return f"id: {cursor}\n" if cursor is not None else ""
