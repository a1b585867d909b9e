"""The same exchange with a gateway for the event loop: no thread waits while a machine works."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from typing import cast
from weakref import WeakKeyDictionary

from instances.guestlink.errors import GuestTimedOut, GuestUnreachable
from instances.guestlink.gateways import CONNECT_WITHIN_S, LINES_KEPT, is_quiet, path_of, request

_HEAD_BYTES = 64 * 1024
_HEAD = re.compile(rb"http/1\.[01] (?P<status>\d{3}) .*\r\ncontent-length: (?P<length>\d{1,9})\r\n.*", re.DOTALL)


class LoopGateways:
    """`Gateways` for whatever loop runs; each has lines of its own. What was sent is never sent twice."""

    def __init__(self) -> None:
        self._idle: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, deque[_Line]]] = WeakKeyDictionary()

    async def exchange(
        self, method: str, address: str, path: str, body: bytes | None, *, read_within_s: float
    ) -> tuple[int, memoryview]:
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
        except OSError as error:
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


class _Line(asyncio.BufferedProtocol):
    """A connection, for one exchange at a time. A body is read to where it stays: no picture is copied here."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[tuple[int, memoryview]] | None = None
        self._room = memoryview(bytearray(_HEAD_BYTES))
        self._begin()

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def is_quiet(self) -> bool:
        """Asked of the kernel: the loop may not have heard yet that the gateway has closed it."""
        return self.is_open and is_quiet(self._descriptor)

    async def ask(self, request: bytes) -> tuple[int, memoryview]:
        """Raises `OSError`: then the line is of no more use."""
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

    def get_buffer(self, sizehint: int) -> memoryview:
        return (self._room if self._head is None else self._body)[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        self._filled += nbytes
        if self._head is None:
            self._read_head()
        if self._head is not None and self._filled >= len(self._body):
            self._settle()

    def connection_lost(self, error: Exception | None) -> None:
        self._fail("the gateway closed the line")

    def _begin(self) -> None:
        self._head: re.Match[bytes] | None = None
        self._body = memoryview(b"")
        self._filled = 0

    def _read_head(self) -> None:
        came = bytes(self._room[: self._filled])
        end = came.find(b"\r\n\r\n") + 4
        if end < 4:
            if self._filled == _HEAD_BYTES:
                self._fail("the head of the gateway's answer does not end")
            return
        self._head = _HEAD.match(came[:end].lower())
        if self._head is None:
            self._fail("the gateway's answer makes no sense")
            return
        start = came[end:]
        self._body = memoryview(bytearray(int(self._head["length"])))
        if len(start) > len(self._body):
            self._fail("the gateway's answer is longer than it says")
            return
        self._body[: len(start)] = start
        self._filled = len(start)

    def _settle(self) -> None:
        assert self._head is not None
        answer = int(self._head["status"]), self._body.toreadonly()
        if b"connection: close" in self._head[0]:
            self.close()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(answer)
        self._begin()

    def _fail(self, why: str) -> None:
        self.close()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionResetError(why))


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
