"""uvicorn's protocols with a hostile peer in mind: what a guest may send, how fast, and how long it may say nothing.

uvicorn bounds a message and pauses a fast sender. It does not bound the head of a request (which `common.bounded` does
for doors that serve more than sockets), the number of a message's fragments, pongs that nobody reads, frames in a
second, or the time until a handshake; these classes do.
"""

from __future__ import annotations

import asyncio
import logging
from asyncio.transports import BaseTransport
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from common.tunnel import TunnelledHttp
from gateway.logs import event as log_event
from guest.protocol.frames import MAX_FRAME_BYTES

HANDSHAKE_WITHIN_S = 10.0
MAX_HEAD_BYTES = 16 * 1024
MAX_FIRST_MESSAGE_BYTES = 64 * 1024
MAX_FRAGMENTS = 4_096
FRAMES_PER_S = 4_000
FRAMES_AT_ONCE = 8_000
CLOSED_WITHIN_S = 5.0
_SLICE_BYTES = 16 * 1024
_MASK_BYTES, _LONGEST_HEADER, _TWO_BYTES = 4, 14, 126

log = logging.getLogger(__name__)


class HandshakeOnly(HttpToolsProtocol):
    """HTTP for a door that serves WebSockets alone: a short head, soon, or the line is cut."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_bytes = 0
        self._deadline = self.loop.call_later(HANDSHAKE_WITHIN_S, transport.abort)

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self.transport.abort()
            return
        super().data_received(data)

    def handle_websocket_upgrade(self) -> None:
        self._deadline.cancel()
        super().handle_websocket_upgrade()

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline.cancel()
        super().connection_lost(exc)


class PublicHttp(TunnelledHttp):
    """HTTP for a door that anybody reaches, and whose requests are small."""

    head_within_s = HANDSHAKE_WITHIN_S
    max_head_bytes = MAX_HEAD_BYTES


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket whose peer can cost us only so much memory and only so much of the loop's time."""

    max_message_bytes = MAX_FRAME_BYTES
    cut_off = "guest cut off"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn.max_message_size = MAX_FIRST_MESSAGE_BYTES
        self._frame_left = 0
        self._allowance = float(FRAMES_AT_ONCE)
        self._counted_at = self.loop.time()

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        # A peer that reads little is waited for sooner than by default: fewer of our bytes lie about.
        cast(asyncio.Transport, transport).set_write_buffer_limits(high=256 * 1024)

    def data_received(self, data: bytes) -> None:
        at = 0
        while at < len(data) and not self.transport.is_closing():
            step = self._step(data, at)
            super().data_received(data[at : at + step])
            at += step

    def _step(self, data: bytes, at: int) -> int:
        """How much to parse at once: all there is of one large frame, and of others a slice, so that a buffer full of
        tiny frames is met by the allowance before all of it is parsed."""
        if not self._frame_left and not self.conn.reader.buffer:
            self._frame_left = _large_frame(data, at)
        if not self._frame_left:
            return _SLICE_BYTES
        step = min(self._frame_left, len(data) - at)
        self._frame_left -= step
        return step

    def handle_events(self) -> None:
        if not self._is_within_allowance(len(self.conn.events)):
            self.conn.events_received()
            self._refuse("too many frames")
            return
        super().handle_events()

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= MAX_FRAGMENTS:
            self._refuse("too many fragments")
            return
        super().handle_cont(event)

    def handle_ping(self) -> None:
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()  # dropped: whoever reads nothing needs no pong

    def send_receive_event_to_app(self) -> None:
        super().send_receive_event_to_app()
        if not self._is_stream():
            self.conn.max_message_size = self.max_message_bytes  # the first message was small and is through

    def start_keepalive(self) -> None:
        """Not on a stream: whoever waits for a slow reader hears no pong. It ends with its guest, which is pinged."""
        if not self._is_stream():
            super().start_keepalive()

    def _is_stream(self) -> bool:
        return "/stream/" in self.scope["path"]

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        # A closing transport waits until its buffer is read, which a hostile peer never does.
        self.loop.call_later(CLOSED_WITHIN_S, self.transport.abort)

    def _is_within_allowance(self, frames: int) -> bool:
        now = self.loop.time()
        refilled = self._allowance + (now - self._counted_at) * FRAMES_PER_S
        self._counted_at, self._allowance = now, min(refilled, FRAMES_AT_ONCE) - frames
        return self._allowance >= 0

    def _refuse(self, reason: str) -> None:
        if not self.transport.is_closing():
            log_event(log, self.cut_off, client=self.scope["client"], path=self._path(), reason=reason)
            self.conn.fail(CloseCode.POLICY_VIOLATION, reason)
            self.handle_parser_exception()

    def _path(self) -> str:
        return self.scope["path"]


def _large_frame(data: bytes, at: int) -> int:
    """The bytes of the masked frame that begins there, by its header (RFC 6455, 5.2); 0 where a slice holds it all."""
    if len(data) - at < _LONGEST_HEADER or data[at + 1] & 0x7F < _TWO_BYTES:
        return 0
    width = 2 if data[at + 1] & 0x7F == _TWO_BYTES else 8
    whole = 2 + width + _MASK_BYTES + int.from_bytes(data[at + 2 : at + 2 + width], "big")
    return whole if whole > _SLICE_BYTES else 0


class PublicWebSocket(BoundedWebSocket):
    """The same for people and programs: they send small messages, and their paths may hold a token."""

    max_message_bytes = 2 * 1024 * 1024
    cut_off = "client cut off"

    def _path(self) -> str:
        return self.scope["path"][:6]
