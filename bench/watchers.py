"""One event on a real platform to 200 server-sent streams and 200 WebSockets: who hears of it, and how soon."""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import websockets

from bench.measure import verdict
from bench.platform import Platform

EACH = 200
GOAL_P95_MS = 100.0
_EVERY_S = 1.0
_OPEN_WITHIN_S = 120.0
_HEARD_WITHIN_S = 10.0


@dataclass(slots=True)
class _Heard:
    """By event number: when each watcher of a kind heard of it, in milliseconds since the row was made."""

    kind: str
    after_ms: dict[int, list[float]] = field(default_factory=dict)

    def take(self, event: dict[str, Any]) -> None:
        now = time.time()
        made_at = datetime.fromisoformat(event["created_at"]).timestamp()
        self.after_ms.setdefault(event["number"], []).append((now - made_at) * 1000)


def run(platform: Platform, *, events: int) -> bool:
    """Print how soon the events were heard of, and whether by all. False where somebody missed one."""
    with platform.instance("ubuntu") as instance_id:
        kinds = asyncio.run(_watched(platform, instance_id, events))
    print(f"fanout.watchers   ({events} events, one a second, to {EACH} of each kind at once)")
    whole = True
    for kind in kinds:
        took = [ms for heard in kind.after_ms.values() for ms in heard]
        missed = EACH * events - len(took)
        whole = whole and missed == 0
        cuts = statistics.quantiles(took, n=100)
        print(
            f"  {kind.kind:<20} p50 {cuts[49]:7.1f} ms   p95 {cuts[94]:7.1f} ms   p99 {cuts[98]:7.1f} ms   "
            f"missed {missed} of {EACH * events}   {verdict(cuts[94], GOAL_P95_MS)}"
        )
    print(flush=True)
    return whole


async def _watched(platform: Platform, instance_id: str, events: int) -> list[_Heard]:
    streams, sockets = _Heard("server-sent events"), _Heard("WebSocket")
    last = platform.history(instance_id)[-1]["number"]
    numbers = range(last + 1, last + 1 + events)
    async with AsyncExitStack() as open_till_the_end:
        opened = asyncio.gather(
            *(_stream(platform, instance_id, last, streams.take, open_till_the_end) for _ in range(EACH)),
            *(_socket(platform, instance_id, last, sockets.take, open_till_the_end) for _ in range(EACH)),
        )
        await asyncio.wait_for(opened, _OPEN_WITHIN_S)
        gc.freeze()  # the collector of who measures is not what is measured
        for number in numbers:
            next_at = time.monotonic() + _EVERY_S
            await asyncio.to_thread(platform.call, "PATCH", f"/api/instances/{instance_id}", {"name": f"n {number}"})
            await asyncio.sleep(max(0.0, next_at - time.monotonic()))
        await _all_heard([streams, sockets], numbers)
    return [streams, sockets]


async def _all_heard(kinds: list[_Heard], numbers: range) -> None:
    """Until everybody has heard everything, or for so long."""
    deadline = time.monotonic() + _HEARD_WITHIN_S
    while time.monotonic() < deadline:
        if all(len(kind.after_ms.get(number, ())) >= EACH for kind in kinds for number in numbers):
            return
        await asyncio.sleep(0.1)


async def _stream(
    platform: Platform, instance_id: str, after: int, take: Callable[[dict[str, Any]], None], ending: AsyncExitStack
) -> None:
    """Open one event stream, whose events go to `take` until the end. By hand: a library costs more than what it
    measures."""
    where = urlsplit(platform.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    ending.callback(writer.close)
    lines = [
        f"GET /api/instances/{instance_id}/events HTTP/1.1",
        f"Host: {where.netloc}",
        f"Authorization: Bearer {platform.key}",
        "Accept: text/event-stream",
        f"Last-Event-ID: {after}",
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise ConnectionError(head[:200].decode())
    await reader.readuntil(f"id: {after}\n".encode())
    _in_background(_hear_stream(reader, take), ending)


async def _hear_stream(reader: asyncio.StreamReader, take: Callable[[dict[str, Any]], None]) -> None:
    while line := await reader.readline():
        if line.startswith(b"data: "):
            take(json.loads(line[6:]))


async def _socket(
    platform: Platform, instance_id: str, after: int, take: Callable[[dict[str, Any]], None], ending: AsyncExitStack
) -> None:
    url = f"{platform.url.replace('http', 'ws', 1)}/ws/instances/{instance_id}?after={after}"
    headers = {"Authorization": f"Bearer {platform.key}"}
    socket = await ending.enter_async_context(
        websockets.connect(url, additional_headers=headers, open_timeout=_OPEN_WITHIN_S, compression=None, proxy=None)
    )
    if json.loads(await socket.recv())["type"] != "following":
        raise ConnectionError("a socket that does not follow")
    _in_background(_hear_socket(socket, take), ending)


async def _hear_socket(socket: websockets.ClientConnection, take: Callable[[dict[str, Any]], None]) -> None:
    async for message in socket:
        said = json.loads(message)
        if said["type"] == "event":
            take(said["data"])


def _in_background(work: Any, ending: AsyncExitStack) -> None:
    task = asyncio.create_task(work)
    ending.callback(task.cancel)
