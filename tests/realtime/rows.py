"""Rows to stream in tests: a numbered list in memory that counts how often it was read, and deadlines to wait by."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

from common.errors import Invalid
from common.realtime.follow import follow
from common.realtime.hub import Listener
from common.realtime.publish import nudge
from common.realtime.stream import CursorTooOld, Item, Stream


class Rows:
    """Numbered like an instance's events: the number is given and the row becomes visible under one lock."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.kept_from = 1
        self.reads = 0
        self._rows: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    def add(self, **data: Any) -> None:
        with self._lock:
            self._rows.append({"number": len(self._rows) + 1, **data})
        nudge(self.channel)

    def fetch(self, after: str | None) -> list[Item]:
        number = _number(after)
        with self._lock:
            self.reads += 1
            if after is not None and number + 1 < self.kept_from:
                raise CursorTooOld(str(self.kept_from - 1))
            first = max(number, self.kept_from - 1)
            return [Item(str(row["number"]), row) for row in self._rows[first : first + 50]]

    def stream(self, **more: Any) -> Stream:
        return Stream((self.channel,), "status", self.fetch, **more)


def _number(after: str | None) -> int:
    if after is None:
        return 0
    if not after.isdecimal():
        raise Invalid("The cursor is a number.")
    return int(after)


async def numbers(stream: Stream, listener: Listener, after: str | None, *, until: int) -> list[int]:
    """The numbers of the rows that a follower gets, up to and with `until`."""
    seen: list[int] = []
    followed: AsyncGenerator[Any, None] = follow(stream, listener, after)
    async with asyncio.timeout(20):
        async for item in followed:
            if isinstance(item, Item):
                seen.append(item.data["number"])
                if seen[-1] >= until:
                    break
    await followed.aclose()
    return seen


async def eventually(true: Callable[[], object], *, within_s: float = 40.0) -> None:
    """Return as soon as `true()` holds; fail when it does not in time."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not become true in time"
        await asyncio.sleep(0.01)
