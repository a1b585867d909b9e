"""The same exchange with a gateway for the event loop: no thread waits while a machine works."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import cast
from weakref import WeakKeyDictionary

import httptools

from instances.guestlink.errors import GuestTimedOut, GuestUnreachable
from instances.guestlink.gateways import CONNECT_WITHIN_S, LINES_KEPT, is_quiet, path_of, request


class LoopGateways:
    """`Gateways` for whatever loop runs; each has lines of its own. What was sent is never sent twice."""

    def __init__(self) -> None:
        self._idle: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, deque[_Line]]] = WeakKeyDictionary()

    async def exchange(
        self, method: str, address: str, path: str, body: bytes | None, *, read_within_s: float
    ) -> tuple[int, bytes]:
        """The status and the body of the answer.

        Raises:
            GuestUnreachable, GuestTimedOut: as `Gateways.exchange`.
        """
        where = path_of(address)
        idle = self._idle.setdefault(asyncio.get_running_loop(), {}).setdefault(where, deque())
        line = _kept(idle) or await _opened(where)
        try:
            async with asyncio.timeout(read_within_s):
                answer = await line.ask(request(method, path, body))
        except TimeoutError as error:
            line.close()
            raise GuestTimedOut("the gateway did not answer in time") from error
        except (OSError, httptools.HttpParserError) as error:
            line.close()
            raise GuestUnreachable("the gateway went away before it answered", was_sent=True) from error
        except asyncio.CancelledError:
            line.close()
            raise
        if line.is_open and len(idle) < LINES_KEPT:
            idle.append(line)
        else:
            line.close()
        return answer


class _Line(asyncio.Protocol):
    """A connection, for one exchange at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._begin()

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def is_quiet(self) -> bool:
        """Asked of the kernel: the loop may not have heard yet that the gateway has closed it."""
        return self.is_open and is_quiet(self._descriptor)

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Raises `OSError` or `HttpParserError`: then the line is of no more use."""
        assert self._transport is not None
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._descriptor: int = transport.get_extra_info("socket").fileno()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(error)

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(ConnectionResetError("the gateway closed the line"))

    def on_body(self, piece: bytes) -> None:
        self._pieces.append(piece)

    def on_message_complete(self) -> None:
        answer = self._parser.get_status_code(), b"".join(self._pieces)
        if not self._parser.should_keep_alive():
            self.close()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(answer)
        self._begin()

    def _begin(self) -> None:
        self._pieces: list[bytes] = []
        self._parser = httptools.HttpResponseParser(self)

    def _fail(self, error: Exception) -> None:
        self.close()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)


async def _opened(where: str) -> _Line:
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            _, line = await asyncio.get_running_loop().create_unix_connection(_Line, where)
    except OSError as error:
        raise GuestUnreachable("the gateway is not there") from error
    return line


def _kept(idle: deque[_Line]) -> _Line | None:
    """The line that was used last and that the gateway has not closed."""
    while idle:
        line = idle.pop()
        if line.is_quiet():
            return line
        line.close()
    return None
