"""One guest's control connection: asks it, matches its answers, and tells whoever waits when it ends."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from gateway.wire import Asked, Call, Order, Reply, Said, failed, head_of, reply_of
from guest.protocol.hello import Hello

MAX_OUTSTANDING = 64
SILENCE_S = 15.0

Send = Callable[[bytes], Awaitable[None]]
Answer = tuple[Reply, memoryview]


class Closes(Protocol):
    """What ends with its guest."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Ending:
    """Why the gateway closes a connection, in WebSocket's terms."""

    code: int
    reason: str


BAD_FRAME = Ending(4400, "bad frame")
BAD_HELLO = Ending(4406, "bad hello")
NO_HELLO = Ending(4408, "no hello in time")
REPLACED = Ending(4409, "replaced by a newer connection")
SILENT = Ending(4410, "no sign of life")

_NO_BLOB = memoryview(b"")


class Guest:
    """A guest that has said hello, for as long as this one connection lasts.

    Calls run at once, as many as the guest likes to answer out of order; `MAX_OUTSTANDING` bounds what a guest that
    answers nothing can pile up here.
    """

    def __init__(self, incarnation: str, hello: Hello, *, send: Send) -> None:
        self.incarnation = incarnation
        self.hello = hello
        self.since = self.last_seen = datetime.now(UTC)
        self.ending = SILENT
        self.streams: set[Closes] = set()
        self._send = send
        self._ids = itertools.count()
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._life = asyncio.timeout(SILENCE_S)

    async def call(self, asked: Asked | Order, blob: memoryview, *, deadline_s: float) -> Answer:
        """Ask the guest and wait for its answer. Whatever happens is a reply; a late answer is dropped."""
        if len(self._waiting) >= MAX_OUTSTANDING:
            return failed("busy", f"{MAX_OUTSTANDING} calls wait for this guest already"), _NO_BLOB
        number = next(self._ids)
        waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        try:
            async with asyncio.timeout(deadline_s):
                await self._send(b"".join((head_of(Call(id=number, verb=asked.verb, args=asked.args)), blob)))
                return await waiting
        except TimeoutError:
            return failed("timeout", f"the guest did not answer within {deadline_s:g} s"), _NO_BLOB
        except OSError:
            return _disconnected()
        finally:
            del self._waiting[number]

    def life(self) -> asyncio.Timeout:
        """To be entered once, around reading: it runs out when the guest is silent or `end` is called."""
        return self._life

    def heard(self, said: Said, blob: memoryview) -> None:
        """Take in a frame that is no hello. An answer that nobody waits for is nothing."""
        self.last_seen = datetime.now(UTC)
        if not self._life.expired():
            self._life.reschedule(asyncio.get_running_loop().time() + SILENCE_S)
        if said.kind == "answer":
            self._settle(said.id, (reply_of(said), blob))

    def end(self, ending: Ending) -> None:
        """Have the connection closed for this reason."""
        self.ending = ending
        self.lost()
        if not self._life.expired():
            self._life.reschedule(asyncio.get_running_loop().time())

    def lost(self) -> None:
        """The connection is gone: nobody who waits will get an answer, and the streams end."""
        for number in list(self._waiting):
            self._settle(number, _disconnected())
        for stream in list(self.streams):
            stream.close()

    def _settle(self, number: int, answer: Answer) -> None:
        waiting = self._waiting.get(number)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)


def _disconnected() -> Answer:
    return failed("disconnected", "the guest's connection ended before it answered"), _NO_BLOB
