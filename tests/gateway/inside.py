"""What listens inside a machine, without the machine: a small browser, and a guest that opens streams to it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from guest.config import Config
from guest.desktop.base import ActionFailed, Desktop
from guest.streams import Streams
from tests.gateway.fake_guest import Answering, Frame
from tests.gateway.rig import Gateway, token_of

PAGE = "/devtools/page/AB12"
BROWSER = "/devtools/browser/0123-4567"


class Browser:
    """Answers as Chromium's port does: a few JSON documents, and sockets that say back what they hear."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.port = 0
        self.sockets = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Browser]:
        async with serve(self._echo, "127.0.0.1", 0, process_request=self._answer, max_size=None) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            yield self

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        self.asked.append(request)
        path = request.path.partition("?")[0]
        if request.headers.get("Upgrade"):
            return None if path in (PAGE, BROWSER) else connection.respond(404, "no such page")
        described = {
            "id": "AB12",
            "title": "a page",
            "devtoolsFrontendUrl": "https://elsewhere.example/inspector.html",
            "webSocketDebuggerUrl": f"ws://localhost{PAGE}",
        }
        known: dict[str, Any] = {
            "/json/version": {"Browser": "Small/1", "webSocketDebuggerUrl": f"ws://localhost{BROWSER}"},
            "/json/list": [described],
            "/json": [described],
        }
        response = connection.respond(200 if path in known else 404, json.dumps(known.get(path, "unknown")))
        response.headers["Set-Cookie"] = "of=a-stranger"
        return response

    async def _echo(self, connection: ServerConnection) -> None:
        self.sockets += 1
        try:
            async for message in connection:
                await connection.send(message)
        finally:
            self.sockets -= 1


def opening_streams(
    gateway: Gateway,
    incarnation: str,
    *,
    cdp_port: int = 1,
    runtime_dir: str = "/nowhere",
    desktop: Desktop | None = None,
) -> Answering:
    """A guest's answers: it opens streams by the real guest's code, and agrees to all else."""
    config = Config(
        incarnation=incarnation,
        token=token_of(incarnation),
        flavour="browser",
        width=1280,
        height=800,
        gateway=f"unix:{gateway.guest_socket}",
    )
    streams = Streams(replace(config, cdp_port=cdp_port, runtime_dir=runtime_dir), desktop)

    async def answer(call: dict[str, Any]) -> Frame:
        if call["verb"] != "stream":
            return {"ok": True, "result": {}}, b""
        try:
            await streams.open(call["args"])
        except ActionFailed as error:
            return {"ok": False, "error": {"code": error.failure.code, "message": error.failure.message}}, b""
        return {"ok": True, "result": {}}, b""

    return answer
