"""The front door itself, without a server around it: what becomes of a request that a restart cuts short."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from typing import Any, cast

import orjson

from orchestrator.bridge import Bridge
from orchestrator.frontdoor import CUT_SHORT, FrontDoor

SCOPE = {"type": "http", "method": "GET", "path": "/api/me", "query_string": b"", "headers": []}


class Quick:
    """Answers as far as `says`, and then never ends."""

    def __init__(self, *says: dict[str, Any]) -> None:
        self._says = says
        self.begun = asyncio.Event()

    async def __call__(self, scope: Any, body: bytes, secret: str, send: Any) -> bool:
        for event in self._says:
            await send(event)
        self.begun.set()
        await asyncio.Event().wait()
        return True

    async def aclose(self) -> None:
        """Holds nothing."""


async def cut_short(quick: Quick) -> list[dict[str, Any]]:
    """What is sent when the process ends in the midst of a request."""
    sent: list[dict[str, Any]] = []

    async def send(event: dict[str, Any]) -> None:
        if sent and event["type"] == "http.response.start":
            raise RuntimeError("uvicorn's word: this answer has begun")
        sent.append(event)

    nobody = cast(Bridge, None)
    door = FrontDoor(wsgi=nobody, asgi=None, websocket=None, max_body_bytes=10, quick=quick)
    asked = asyncio.create_task(door(SCOPE, _nothing, send))
    async with asyncio.timeout(10):
        await quick.begun.wait()
        asked.cancel()
        await asked
    return sent


async def test_a_request_that_a_restart_cuts_short_is_told_so_in_our_shape() -> None:
    start, body = await cut_short(Quick())
    assert start["status"] == 503
    headers = dict(start["headers"])
    assert headers[b"connection"] == b"close" and b"retry-after" not in headers
    said = orjson.loads(body["body"])
    assert (said["code"], said["error"]) == ("UNAVAILABLE", CUT_SHORT)


async def test_an_answer_that_has_begun_gets_no_second_beginning() -> None:
    begun = {"type": "http.response.start", "status": 200, "headers": []}
    assert await cut_short(Quick(begun)) == [begun]


async def test_a_thread_that_waits_for_a_machine_writes_down_that_the_process_ended() -> None:
    asked, ended, written = threading.Event(), threading.Event(), []

    def act(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        asked.set()
        assert ended.wait(10)
        written.append("restarted meanwhile")
        start_response("503 Unavailable", [])
        return []

    door = FrontDoor(
        wsgi=Bridge(act, workers=1), asgi=None, websocket=None, max_body_bytes=10, hang_up=lambda: ended.set()
    )
    request = asyncio.create_task(door(SCOPE | {"http_version": "1.1", "scheme": "http"}, _nothing, _dropped))
    assert await asyncio.to_thread(asked.wait, 10)
    request.cancel()
    await request

    await door({"type": "lifespan"}, _nothing, _dropped)

    assert written == ["restarted meanwhile"]


async def test_an_application_that_has_ended_can_be_served_again() -> None:
    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [b"well"]

    door = FrontDoor(wsgi=Bridge(answer, workers=1), asgi=None, websocket=None, max_body_bytes=10)
    await door({"type": "lifespan"}, _nothing, _dropped)
    sent: list[dict[str, Any]] = []

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    await door(SCOPE | {"http_version": "1.1", "scheme": "http"}, _nothing, send)

    assert [event.get("status", event.get("body")) for event in sent] == [200, b"well"]


async def _nothing() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _dropped(event: dict[str, Any]) -> None:
    """Nobody reads it."""
