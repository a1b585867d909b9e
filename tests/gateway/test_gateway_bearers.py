"""Streams end when the hub says that whoever holds them may no more: each kind of socket, and those alone."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as ws_connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from common import tokens
from common.tokens import Claims
from instances.guestlink import GuestLink
from tests.gateway.fixtures import Connect
from tests.gateway.inside import Browser, opening_streams
from tests.gateway.rig import SECRET, Gateway, RedisServer
from tests.gateway.test_gateway_frames import Screen
from tests.gateway.test_gateway_view import Vnc

MACHINE = "w-1"
ADA = {"site": "s", "user": "ada", "key": "k"}
GRACE = {"site": "s", "user": "grace"}


@pytest.fixture
async def machine(gateway: Gateway, connect: Connect) -> AsyncIterator[None]:
    """A guest with a browser, a screen and a VNC server."""
    vnc, desktop = Vnc(), Screen()
    with tempfile.TemporaryDirectory(prefix="vnc-") as folder:
        async with (
            Browser().running() as browser,
            await asyncio.start_unix_server(vnc.serve, str(Path(folder) / "vnc.sock")),
        ):
            answering = opening_streams(
                gateway,
                MACHINE,
                cdp_port=browser.port,
                runtime_dir=folder,
                desktop=desktop,  # type: ignore[arg-type]
            )
            await connect(MACHINE, flavour="browser", answering=answering)
            yield
            for writer in vnc.writers:
                writer.close()


@pytest.fixture
def link(gateway: Gateway, redis_server: RedisServer) -> Iterator[GuestLink]:
    """At its end nobody is remembered as gone: the gateway is shared."""
    made = GuestLink(redis_url=redis_server.url, gateway_dir=gateway.directory)
    yield made
    made.end_bearers([])


def token(purpose: str, who: dict[str, str], **changes: Any) -> str:
    expires_at = int(time.time()) + 60
    return tokens.sign(SECRET, Claims(purpose=purpose, subject=MACHINE, expires_at=expires_at, **who, **changes))


def _dialled(gateway: Gateway, path: str) -> ws_connect:
    return ws_connect(f"ws://127.0.0.1:{gateway.port}{path}", proxy=None, compression=None)


async def cdp(gateway: Gateway, who: dict[str, str]) -> ClientConnection:
    socket = await _dialled(gateway, f"/cdp/{token('cdp', who)}")
    await socket.send("hello")
    assert await asyncio.wait_for(socket.recv(), 10) == "hello"
    return socket


async def frames(gateway: Gateway, who: dict[str, str]) -> ClientConnection:
    socket = await _dialled(gateway, f"/frames/{token('frames', who)}")
    assert (await asyncio.wait_for(socket.recv(), 10))[:2] == b"\xff\xd8"
    return socket


async def view(gateway: Gateway, who: dict[str, str]) -> ClientConnection:
    socket = await _dialled(gateway, "/view/socket")
    await socket.send(json.dumps({"token": token("view", who), "viewer": f"{who['user']}-0123456789abcdef"}))
    assert json.loads(await asyncio.wait_for(socket.recv(), 10))["kind"] == "ready"
    return socket


OPENED = [cdp, frames, view]


async def _ended_with(socket: ClientConnection) -> int | None:
    """The close code, once all that was on its way has been read."""
    async with asyncio.timeout(10):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code


@pytest.mark.parametrize("opened", OPENED)
async def test_a_stream_ends_with_its_bearers_standing_and_anothers_goes_on(
    gateway: Gateway, machine: None, link: GuestLink, opened: Any
) -> None:
    adas, graces = await opened(gateway, ADA), await opened(gateway, GRACE)
    (gone,) = [bearer for bearer in await asyncio.to_thread(link.bearers) if bearer.user == "ada"]

    await asyncio.to_thread(link.end_bearers, [gone])

    assert await _ended_with(adas) == (1006 if opened is cdp else 4401)
    assert "grace" in {bearer.user for bearer in await asyncio.to_thread(link.bearers)}
    await graces.ping()
    await graces.close()


async def test_who_only_asks_what_there_is_may_no_more_either_once_they_are_gone(
    gateway: Gateway, machine: None, link: GuestLink
) -> None:
    address = f"http://127.0.0.1:{gateway.port}/cdp/{token('cdp', {**ADA, 'user': 'eve'})}/json/version"
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(address)).status_code == 200
        eve = [bearer for bearer in await asyncio.to_thread(link.bearers) if bearer.user == "eve"]
        await asyncio.to_thread(link.end_bearers, eve)
        answer = await client.get(address)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "ended")


@pytest.mark.parametrize("opened", OPENED)
async def test_an_address_of_somebody_who_is_gone_opens_nothing_until_they_are_back(
    gateway: Gateway, machine: None, link: GuestLink, opened: Any
) -> None:
    first = await opened(gateway, ADA)
    known = await asyncio.to_thread(link.bearers)
    await asyncio.to_thread(link.end_bearers, known)
    await _ended_with(first)
    assert set(await asyncio.to_thread(link.bearers)) == set(known), "who was ended is asked for again"

    with pytest.raises((InvalidStatus, ConnectionClosed)):
        await opened(gateway, ADA)
    if opened is cdp:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"http://127.0.0.1:{gateway.port}/cdp/{token('cdp', ADA)}/json/version")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "ended")

    await asyncio.to_thread(link.end_bearers, [])
    await (await opened(gateway, ADA)).close()


async def test_a_page_that_showed_a_newer_token_is_judged_by_it(
    gateway: Gateway, machine: None, link: GuestLink
) -> None:
    page = await view(gateway, {**ADA, "mode": "drive"})
    await page.send(json.dumps({"token": token("view", ADA, mode="watch"), "viewer": "ada-0123456789abcdef"}))
    async with asyncio.timeout(10):
        while (modes := [bearer.mode for bearer in await asyncio.to_thread(link.bearers)]) != ["watch"]:
            await page.ping()
    assert modes == ["watch"]
    await page.close()


async def test_what_is_no_list_of_bearers_changes_nothing(gateway: Gateway) -> None:
    async with gateway.hub() as hub:
        for body in (b"", b"[]", b'{"gone": [1]}', b"x" * 5_000_000):
            assert (await hub.put("/bearers", content=body)).status_code == 400
        assert (await hub.post("/bearers", content=b'{"gone": []}')).status_code == 404
