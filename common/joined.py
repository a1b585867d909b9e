"""uvicorn's HTTP, but a short answer goes out in one piece: its head waits for the body, and its reader wakes once."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

TOGETHER_BYTES = 64 * 1024
"""Longer bodies are not copied for this; their heads go before them."""


class JoinedHttp(HttpToolsProtocol):
    """What uvicorn writes in two system calls, this writes in one."""

    def on_headers_complete(self) -> None:
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not None and self.cycle is not before:
            self.cycle.transport = _Joined(self.transport, self.loop)  # type: ignore[assignment]


class _Joined:
    """One answer's way to the transport. Its first piece, the head, goes with the second, or when the loop's turn is
    over: that of a stream must not wait for its first event."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._head: bytes | None = None
        self._has_begun = False

    def write(self, data: bytes) -> None:
        if not self._has_begun:
            self._has_begun = True
            self._head = data
            self._loop.call_soon(self._flush)
        elif self._head is not None and len(data) <= TOGETHER_BYTES:
            head, self._head = self._head, None
            self._transport.write(head + data)
        else:
            self._flush()
            self._transport.write(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _flush(self) -> None:
        head, self._head = self._head, None
        if head is not None and not self._transport.is_closing():
            self._transport.write(head)
