"""The public door: the gateway's health, and streams for whoever shows a signed token. It knows nobody by name."""

from __future__ import annotations

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

from common.tunnel import Upgrade
from gateway.cdp import CdpDoor
from gateway.health import Health
from gateway.picture_events import PictureEventsDoor
from gateway.pictures import FramesDoor
from gateway.replies import answer_json, answer_refusal
from gateway.views import ViewDoor

TUNNELLED = (b"/cdp/",)
"""Upgrades below these are carried frame by frame unread; see `tunnel`."""


class PublicDoor:
    """An ASGI app: `GET /health`, `/cdp/{token}/json/…`, sockets `/view/socket` and `/frames/{token}`, which
    is an event stream by `GET`; and the way of tunnelled upgrades."""

    def __init__(
        self, *, health: Health, cdp: CdpDoor, views: ViewDoor, frames: FramesDoor, picture_events: PictureEventsDoor
    ) -> None:
        self._picture_events = picture_events
        self._frames = frames
        self._views = views
        self._health = health
        self._cdp = cdp

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] == "websocket":
            await receive()
            if scope["path"] == "/view/socket":
                await self._views(receive, send)
                return
            if scope["path"].startswith("/frames/"):
                await self._frames(scope, receive, send)
                return
            await send({"type": "websocket.close", "code": 1008, "reason": None})
            return
        if scope["type"] != "http":
            return
        if scope["method"] in ("GET", "HEAD") and scope["path"] == "/health":
            await answer_json(send, 200, self._health.report())
        elif scope["path"].startswith("/cdp/"):
            await self._cdp.json(scope, send)
        elif scope["path"].startswith("/frames/"):
            await self._picture_events(scope, receive, send)
        else:
            await answer_refusal(send, 404, "not_found", "there is no such path")

    async def tunnel(self, upgrade: Upgrade) -> None:
        """One upgrade below `TUNNELLED`."""
        await self._cdp.socket(upgrade)
