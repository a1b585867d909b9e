"""How a stream is followed: catch up from the rows, wait for a nudge, read again. No gap, nothing twice."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connections

from common.realtime.hub import Listener
from common.realtime.stream import CursorTooOld, Item, Stream

log = logging.getLogger(__name__)

T = TypeVar("T")

KEEP_ALIVE_S = 15.0
POLL_S = 2.0
POLL_AT_MOST_S = 16.0
"""The fallback for lost nudges is soon after something happened, then more and more rare while all is quiet."""

_threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="realtime")


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing new for a while; something must go over the line all the same."""


@dataclass(frozen=True, slots=True)
class Resync:
    """The client has missed rows for good: it reads the present state anew and goes on after `cursor`."""

    cursor: str | None


async def follow(
    stream: Stream,
    listener: Listener,
    after: str | None,
    *,
    first: list[Item] | None = None,
    recheck: Callable[[], None] | None = None,
) -> AsyncGenerator[Item | Resync | Tick, None]:
    """Every row after the cursor `after`, and then each new one, until the process goes or the client does.

    `listener` must have been opened before any row was read. `first` is what `fetch(after)` has already answered.
    `recheck` is called every `STREAM_RECHECK_S`, in a thread, and ends the stream by raising. Rows are read only when
    the consumer asks for more, so a slow client holds back nothing but itself.
    """
    loop = asyncio.get_running_loop()
    cursor, batch, pace = after, first, _Pace(listener, stream.poll_s)
    checked_at = spoke_at = loop.time()
    recheck_s = settings.STREAM_RECHECK_S if recheck is not None else math.inf
    while not listener.hub.ended:
        if batch is None:
            try:
                batch = await _read(stream, listener, cursor)
            except CursorTooOld as error:
                cursor = error.restart
                yield Resync(cursor)
                continue
        for item in batch:
            cursor = item.cursor
            yield item
        if batch:
            spoke_at = loop.time()
        if len(batch) < stream.batch_size:
            due_at = min(spoke_at + KEEP_ALIVE_S, checked_at + recheck_s)
            await pace.wait(busy=bool(batch), at_most_s=due_at - loop.time())
        batch = None
        if loop.time() - spoke_at >= KEEP_ALIVE_S:
            spoke_at = loop.time()
            yield Tick()
        if recheck is not None and loop.time() - checked_at >= recheck_s:
            checked_at = loop.time()
            await in_thread(recheck)


async def in_thread(call: Callable[[], T]) -> T:
    """Run database work on one of the few threads of the streams; its connections are given back afterwards."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _release_after, call)


def release_connections() -> None:
    """Give this thread's database connections back to their pools, as at the end of a request."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()


def _release_after(call: Callable[[], T]) -> T:
    try:
        return call()
    finally:
        release_connections()


class _Pace:
    """When to look again without a nudge."""

    def __init__(self, listener: Listener, soon_s: float) -> None:
        self._listener = listener
        self._soon_s = self._poll_s = soon_s

    async def wait(self, *, busy: bool, at_most_s: float) -> None:
        if busy:
            self._poll_s = self._soon_s
        # Spread, so that five hundred streams opened together do not poll together for ever.
        timeout_s = self._poll_s * random.uniform(0.75, 1.0)
        nudged = await self._listener.wait(max(0.0, min(timeout_s, at_most_s)))
        slowest_s = POLL_AT_MOST_S if self._listener.hub.connected else POLL_S
        self._poll_s = self._soon_s if nudged else min(self._poll_s * 2, slowest_s)


async def _read(stream: Stream, listener: Listener, cursor: str | None) -> list[Item]:
    """The next batch; a database that is away is asked again at the poll's pace."""
    try:
        if stream.share is None:
            return await in_thread(lambda: stream.fetch(cursor))
        return await _read_shared(stream, listener, cursor)
    except (OperationalError, InterfaceError) as error:
        log.warning("a stream could not read its rows and will try again: %s", error)
        return []


async def _read_shared(stream: Stream, listener: Listener, cursor: str | None) -> list[Item]:
    """Join a fetch only at an equal age: one that began before our nudge may have missed the row it spoke of."""
    shared = listener.hub.shared
    key = (stream.share, stream.channels, cursor, listener.age)
    waiting = shared.get(key)
    if waiting is None:
        waiting = shared[key] = []
        fetching = asyncio.create_task(in_thread(lambda: stream.fetch(cursor)))
        fetching.add_done_callback(lambda done: _hand_out(shared.pop(key), done))
    mine: asyncio.Future[list[Item]] = asyncio.get_running_loop().create_future()
    waiting.append(mine)
    return await mine


def _hand_out(waiting: list[asyncio.Future[list[Item]]], done: asyncio.Task[list[Item]]) -> None:
    """To each who still waits. A future for each costs a third of a shield around the one."""
    error = asyncio.CancelledError() if done.cancelled() else done.exception()
    for future in waiting:
        if future.done():
            continue
        if error is None:
            future.set_result(done.result())
        else:
            future.set_exception(error)
