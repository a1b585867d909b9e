"""The public door: for now the health of the gateway, to whoever asks."""

from __future__ import annotations

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

from gateway.health import Health
from gateway.replies import answer_json, answer_refusal


class PublicDoor:
    """An ASGI app: `GET /health`."""

    def __init__(self, *, health: Health) -> None:
        self._health = health

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http":
            return
        if scope["method"] in ("GET", "HEAD") and scope["path"] == "/health":
            await answer_json(send, 200, self._health.report())
            return
        await answer_refusal(send, 404, "not_found", "there is no such path")
