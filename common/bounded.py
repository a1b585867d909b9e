"""uvicorn's HTTP with slow and greedy peers in mind: how long and how large a head may be, how long an answer may wait.

uvicorn itself waits for the rest of a head, for the rest of a body whose request is answered, and for a peer that reads
nothing, for as long as the line holds.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from common.joined import JoinedHttp

HEAD_WITHIN_S = 10.0
REST_WITHIN_S = 10.0
"""Of a body that nobody waits for: its request was answered before it was whole."""
MAX_HEAD_BYTES = 64 * 1024
TAKEN_WITHIN_S = 60.0
"""A peer that does not take what is buffered for it within this time is let go, and what waits for it goes on."""


class _HeadTooLarge(ValueError):
    """To the parser, which then takes no more of the request."""


class BoundedHttp(JoinedHttp):
    """Of every request, the first and those that follow on its line, the head comes soon and is short."""

    head_within_s: ClassVar[float] = HEAD_WITHIN_S
    rest_within_s: ClassVar[float] = REST_WITHIN_S
    max_head_bytes: ClassVar[int] = MAX_HEAD_BYTES
    taken_within_s: ClassVar[float] = TAKEN_WITHIN_S

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._untaken: asyncio.TimerHandle | None = None
        self._late: asyncio.TimerHandle | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._is_whole = True
        self._await_head()

    def data_received(self, data: bytes) -> None:
        was_idle = self._is_idle()
        super().data_received(data)
        if self._late is not None:  # the head is not whole yet, and the parser keeps what it has of it
            self._head_bytes += len(data)
            if self._head_bytes > self.max_head_bytes:
                self._turn_away(431)
        elif was_idle and self._is_idle():  # ends of lines and no request: they have stopped the clock of idle lines
            self._await_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._late is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        self._no_longer_late()
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > self.max_head_bytes:
            self._turn_away(431)
            raise _HeadTooLarge
        self._is_whole = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._is_whole = True
        self._is_at_rest()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete and not self._is_whole and self._rest is None:
            self._rest = self.loop.call_later(self.rest_within_s, self.transport.abort)

    def send_400_response(self, msg: str) -> None:
        self._turn_away(400)

    def refuse(self, status: int) -> None:
        """Part with a peer whose request was no request (400), came too slowly (408) or was too large (431)."""
        self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._untaken = self.loop.call_later(self.taken_within_s, self.transport.abort)

    def resume_writing(self) -> None:
        self._is_taken()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._no_longer_late()
        self._is_taken()
        self._is_at_rest()
        super().connection_lost(exc)

    def _is_idle(self) -> bool:
        """Whether all that was asked on this line, which is still HTTP's, is answered."""
        answered = self.cycle is not None and self.cycle.response_complete
        return answered and self._is_whole and self in self.connections

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._late = self.loop.call_later(self.head_within_s, self._is_late)

    def _is_late(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            # The next request of a line whose answers are not read to their end: it is us who make it wait.
            self._late = self.loop.call_later(self.head_within_s, self._is_late)
            return
        self._turn_away(408)

    def _no_longer_late(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _is_taken(self) -> None:
        if self._untaken is not None:
            self._untaken.cancel()
            self._untaken = None

    def _is_at_rest(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def _turn_away(self, status: int) -> None:
        self._no_longer_late()
        if not self.transport.is_closing():
            self.refuse(status)
