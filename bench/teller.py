"""A process that tells rows, as workers do: to the hub by a counter and a nudge, to Channels by its group."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from channels_redis.core import RedisChannelLayer

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")

from django.conf import settings

from common.realtime.publish import nudge

CHANNEL = "instance:bench"
GROUP = "bench"
_SPAWN = multiprocessing.get_context("spawn")


class Teller:
    """`told` counts the rows that the hub's listeners can read."""

    def __init__(self, asked: Connection, told: Any) -> None:
        self._asked, self._told = asked, told

    @property
    def told(self) -> int:
        return int(self._told.value)

    def to_hub(self, rows: int) -> None:
        """Tell so many, one after the other; waits until they are told."""
        self._tell("hub", rows)

    def to_group(self, rows: int) -> None:
        """The same by `group_send`."""
        self._tell("group", rows)

    def _tell(self, whom: str, rows: int) -> None:
        self._asked.send((whom, rows))
        self._asked.recv()


@contextmanager
def teller(url: str) -> Iterator[Teller]:
    """One over the Redis at `url`, ended afterwards."""
    ours, its = _SPAWN.Pipe()
    told = _SPAWN.Value("q", 0)
    process = _SPAWN.Process(target=_run, args=(url, its, told), daemon=True)
    process.start()
    try:
        yield Teller(ours, told)
    finally:
        ours.send(("nobody", 0))
        process.join()


def _run(url: str, asked: Connection, told: Any) -> None:
    settings.REDIS_URL = url
    with asyncio.Runner() as runner:
        layer = RedisChannelLayer(hosts=[url])
        while (order := asked.recv())[0] != "nobody":
            whom, rows = order
            if whom == "hub":
                _nudge(told, rows)
            else:
                runner.run(_send(layer, rows))
            asked.send(None)
        runner.run(layer.close_pools())


def _nudge(told: Any, rows: int) -> None:
    for _ in range(rows):
        told.value += 1
        nudge(CHANNEL)


async def _send(layer: RedisChannelLayer, rows: int) -> None:
    for _ in range(rows):
        await layer.group_send(GROUP, {"type": "status", "kind": "changed", "number": 1})
