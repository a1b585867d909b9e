"""Each of the gateway's public doors against tokens that are not its own. A door that no case tries fails."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect as ws_connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from common import tokens
from common.tokens import Claims
from orchestrator import relay
from tests.counts import tried
from tests.gateway.fixtures import Connect
from tests.gateway.rig import SECRET, Gateway, token_of

MACHINE = "d-1"


async def _cdp(gateway: Gateway, token: str) -> int:
    async with httpx.AsyncClient(trust_env=False) as client:
        told = await client.get(f"http://127.0.0.1:{gateway.port}/cdp/{token}/json/version")
    try:
        async with ws_connect(f"ws://127.0.0.1:{gateway.port}/cdp/{token}", proxy=None):
            return 101
    except InvalidStatus as refused:
        assert refused.response.status_code == told.status_code
        return told.status_code


async def _frames(gateway: Gateway, token: str) -> int | None:
    async with ws_connect(f"ws://127.0.0.1:{gateway.port}/frames/{token}", proxy=None) as socket:
        return await _closed(socket)


async def _view(gateway: Gateway, token: str) -> int | None:
    async with ws_connect(f"ws://127.0.0.1:{gateway.port}/view/socket", proxy=None) as socket:
        await socket.send(json.dumps({"token": token, "viewer": "0123456789abcdef"}))
        return await _closed(socket)


async def _closed(socket: Any) -> int | None:
    try:
        await socket.recv()
    except ConnectionClosed:
        return int(socket.close_code)
    return None


Door = Callable[[Gateway, str], Awaitable[int | None]]
DOORS: dict[bytes, tuple[str, Door, set[int]]] = {
    b"/cdp/": ("cdp", _cdp, {403, 404}),
    b"/frames/": ("frames", _frames, {4401, 4403}),
    b"/view/socket": ("view", _view, {4401, 4403}),
}
"""What a token for it says that it is for, how one knocks, and what a refusal looks like."""


def _signed(purpose: str, secret: str = SECRET, **said: Any) -> str:
    usual = {"purpose": purpose, "subject": MACHINE, "expires_at": int(time.time()) + 60}
    return tokens.sign(secret, Claims(**{**usual, **said}))


def test_every_public_door_of_the_gateway_is_tried() -> None:
    assert {*relay.PREFIXES} == {*DOORS}


@pytest.mark.parametrize("prefix", DOORS, ids=lambda prefix: prefix.decode())
async def test_a_public_door_opens_for_its_own_tokens_alone(gateway: Gateway, connect: Connect, prefix: bytes) -> None:
    purpose, knock, refusals = DOORS[prefix]
    await connect(MACHINE, flavour="browser")
    good = _signed(purpose)
    body, _, proof = good.partition(".")
    other_body = _signed(purpose, subject="d-2").partition(".")[0]
    refused = {
        "malformed": "nothing",
        "empty in both parts": "-.-",
        "forged": _signed(purpose, "another secret"),
        "cut": good[:-1],
        "of another machine, with this one's proof": f"{other_body}.{proof}",
        "without its proof": f"{body}.",
        "expired": _signed(purpose, expires_at=int(time.time()) - 1),
        "a guest's": token_of(MACHINE),
        **{f"for {other}": _signed(other) for other, *_ in DOORS.values() if other != purpose},
    }
    for why, token in refused.items():
        assert await knock(gateway, token) in refusals, why
        tried("the gateway's public doors x tokens, held")


async def test_the_gateway_shows_no_door_that_nobody_knows(gateway: Gateway) -> None:
    async with httpx.AsyncClient(trust_env=False, base_url=f"http://127.0.0.1:{gateway.port}") as client:
        inner = ("/bearers", f"/guests/{MACHINE}", f"/guests/{MACHINE}/call", f"/guests/{MACHINE}/driver", "/guest/d-1")
        for path in (*inner, "/", "/metrics", "/cdp", "/frames", "/view"):
            for method in ("GET", "POST", "PUT", "DELETE"):
                assert (await client.request(method, path)).status_code == 404, (method, path)
                tried("inner doors of the gateway, closed from outside")
