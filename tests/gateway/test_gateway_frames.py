"""The screen as pictures: whom they are for, and that a slow watcher sees the newest and costs nobody anything."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect as ws_connect
from websockets.exceptions import ConnectionClosed

from common import tokens
from common.tokens import Claims
from guest.protocol.results import Image
from tests.gateway.fixtures import Connect
from tests.gateway.inside import opening_streams
from tests.gateway.rig import SECRET, Gateway, until

MACHINE = "f-1"


class Screen:
    """A desktop that shows a number; `change` makes it the next."""

    def __init__(self, size: int = 2_000) -> None:
        self.number = 0
        self.taken = 0
        self._size = size
        self._watching: set[asyncio.Event] = set()

    @property
    def watchers(self) -> int:
        return len(self._watching)

    def change(self) -> None:
        self.number += 1
        for event in self._watching:
            event.set()

    async def screenshot(self, action: Any) -> tuple[Image, bytes]:
        self.taken += 1
        content = b"\xff\xd8" + self.number.to_bytes(4, "big") + bytes([action.quality]) * self._size
        return Image(format="jpeg", width=1, height=1), content

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[asyncio.Event]:
        event = asyncio.Event()
        event.set()
        self._watching.add(event)
        try:
            yield event
        finally:
            self._watching.discard(event)


def address(gateway: Gateway, query: str = "", *, scheme: str = "ws", **changes: Any) -> str:
    claims = {"purpose": "frames", "subject": MACHINE, "expires_at": int(time.time()) + 60, **changes}
    return f"{scheme}://127.0.0.1:{gateway.port}/frames/{tokens.sign(SECRET, Claims(**claims))}{query}"


def number_of(picture: bytes | str) -> int:
    assert isinstance(picture, bytes) and picture.startswith(b"\xff\xd8")
    return int.from_bytes(picture[2:6], "big")


async def shown(gateway: Gateway, connect: Connect, screen: Screen) -> Any:
    desktop: Any = screen
    return await connect(MACHINE, answering=opening_streams(gateway, MACHINE, desktop=desktop))


async def test_a_picture_comes_when_something_changed_and_none_when_nothing_did(
    gateway: Gateway, connect: Connect
) -> None:
    screen = Screen()
    await shown(gateway, connect, screen)
    async with ws_connect(address(gateway, "?max_fps=30&quality=33"), proxy=None) as watcher:
        first = await asyncio.wait_for(watcher.recv(), 10)
        assert (number_of(first), first[-1]) == (0, 33)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(watcher.recv(), 0.5)
        screen.change()
        assert number_of(await asyncio.wait_for(watcher.recv(), 10)) == 1
        assert screen.taken == 2


async def test_there_are_no_more_than_asked_for_in_a_second(gateway: Gateway, connect: Connect) -> None:
    screen = Screen()
    await shown(gateway, connect, screen)
    async with ws_connect(address(gateway, "?max_fps=10"), proxy=None) as watcher:
        started = time.monotonic()
        for _ in range(6):
            await asyncio.wait_for(watcher.recv(), 10)
            screen.change()
        assert time.monotonic() - started >= 0.45


async def test_a_slow_watcher_skips_to_the_newest(gateway: Gateway, connect: Connect) -> None:
    screen = Screen(size=1_000_000)
    await shown(gateway, connect, screen)
    async with ws_connect(address(gateway, "?max_fps=30"), proxy=None, max_queue=1, max_size=None) as watcher:
        for _ in range(40):
            screen.change()
            await asyncio.sleep(0.05)
        resident = _resident(gateway)
        seen = []
        while not seen or seen[-1] < 40:
            seen.append(number_of(await asyncio.wait_for(watcher.recv(), 10)))
        assert seen == sorted(seen)
        assert len(seen) < 30, "every picture was kept for a watcher that did not read"
        assert resident < 250 * 1024 * 1024


async def test_the_same_pictures_come_as_events(gateway: Gateway, connect: Connect) -> None:
    screen = Screen()
    await shown(gateway, connect, screen)
    async with watching(gateway, "?max_fps=30&quality=33") as events:
        assert number_of(await anext(events)) == 0
        screen.change()
        assert number_of(await anext(events)) == 1
        assert screen.taken == 2


async def test_a_lost_machine_ends_its_events(gateway: Gateway, connect: Connect) -> None:
    guest = await shown(gateway, connect, Screen())
    async with watching(gateway) as events:
        await anext(events)
        guest.redials = False
        await guest.hang_up()
        assert [picture async for picture in events] == []


async def test_a_watcher_of_events_that_goes_costs_nothing_more(gateway: Gateway, connect: Connect) -> None:
    screen = Screen()
    await shown(gateway, connect, screen)
    async with watching(gateway) as events:
        await anext(events)
        assert screen.watchers == 1
    await until(lambda: screen.watchers == 0)


@pytest.mark.parametrize(
    ("changes", "status"), [({"expires_at": 1}, 403), ({"purpose": "cdp"}, 403), ({"subject": "nobody-1"}, 503)]
)
async def test_a_token_that_does_not_hold_gives_no_events(
    gateway: Gateway, changes: dict[str, Any], status: int
) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        answer = await client.get(address(gateway, scheme="http", **changes))
    assert (answer.status_code, answer.json()["ok"]) == (status, False)


@asynccontextmanager
async def watching(gateway: Gateway, query: str = "") -> AsyncIterator[AsyncIterator[bytes]]:
    """The pictures of an event stream."""

    async def pictures(answer: httpx.Response) -> AsyncIterator[bytes]:
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                yield base64.b64decode(line.removeprefix("data: "))

    async with (
        httpx.AsyncClient(trust_env=False, timeout=10) as client,
        client.stream("GET", address(gateway, query, scheme="http")) as answer,
    ):
        assert answer.headers["content-type"] == "text/event-stream"
        yield pictures(answer)


def _resident(gateway: Gateway) -> int:
    return int(Path(f"/proc/{gateway.pid}/statm").read_text().split()[1]) * 4096


@pytest.mark.parametrize(
    ("changes", "code"), [({"expires_at": 1}, 4401), ({"purpose": "cdp"}, 4403), ({"subject": "nobody-1"}, 4404)]
)
async def test_a_token_that_does_not_hold_shows_nothing(gateway: Gateway, changes: dict[str, Any], code: int) -> None:
    async with ws_connect(address(gateway, **changes), proxy=None) as watcher:
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(watcher.recv(), 10)
        assert watcher.close_code == code


async def test_what_is_no_picture_ends_the_stream(gateway: Gateway, connect: Connect) -> None:
    class Hostile(Screen):
        async def screenshot(self, action: Any) -> tuple[Image, bytes]:
            return Image(format="jpeg", width=1, height=1), b"<script>" * 100

    await shown(gateway, connect, Hostile())
    async with ws_connect(address(gateway), proxy=None) as watcher:
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(watcher.recv(), 10)


async def test_a_lost_machine_ends_its_pictures(gateway: Gateway, connect: Connect) -> None:
    guest = await shown(gateway, connect, Screen())
    async with ws_connect(address(gateway), proxy=None) as watcher:
        await asyncio.wait_for(watcher.recv(), 10)
        guest.redials = False
        await guest.hang_up()
        assert await until(lambda: watcher.close_code is not None, within_s=5)
