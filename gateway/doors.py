"""A door: one uvicorn server for one small ASGI app, several of them in one loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from common.joined import JoinedHttp
from common.tunnel import Tunnels
from gateway.limits import BoundedWebSocket, HandshakeOnly, PublicHttp, PublicWebSocket
from guest.protocol.frames import MAX_FRAME_BYTES

_GRACE_S = 5
# Longer than the hub keeps an idle connection: the side that might send is then the side that closes.
_HUB_KEEP_ALIVE_S = 300
_PING_EVERY_S = 10.0


class Door(uvicorn.Server):
    """A server that leaves signals to the process it shares."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def opened_on(self, *listeners: socket.socket) -> asyncio.Task[None]:
        """Serve on `listeners` until `close`."""
        return asyncio.create_task(self.serve(sockets=list(listeners)))

    def close(self, *, at_once: bool = False) -> None:
        """Take no more connections, let what runs end (for some seconds at most), then stop."""
        self.should_exit = True
        self.force_exit = at_once


def guest_door(app: ASGI3Application) -> Door:
    """Speaks WebSocket with peers that may be hostile."""
    config = _config(app, http=HandshakeOnly, ws=BoundedWebSocket)
    config.ws_max_size = MAX_FRAME_BYTES
    config.ws_ping_interval = config.ws_ping_timeout = _PING_EVERY_S
    config.ws_per_message_deflate = False  # pictures are packed already, and inflating is a peer's cheapest attack
    return Door(config)


def http_door(app: ASGI3Application) -> Door:
    """Speaks HTTP, and keeps idle connections long."""
    config = _config(app, http=JoinedHttp, ws="none")
    config.timeout_keep_alive = _HUB_KEEP_ALIVE_S
    return Door(config)


def public_door(app: ASGI3Application, tunnels: Tunnels, prefixes: tuple[bytes, ...]) -> Door:
    """Speaks HTTP and WebSocket with anybody; upgrades below `prefixes` go to `tunnels`."""
    http = type("_PublicHttp", (PublicHttp,), {"tunnels": tunnels, "prefixes": prefixes})
    config = _config(app, http=http, ws=PublicWebSocket)
    config.ws_ping_interval = config.ws_ping_timeout = _PING_EVERY_S
    config.ws_per_message_deflate = False
    return Door(config)


def _config(
    app: ASGI3Application, *, http: type[HttpToolsProtocol], ws: type[BoundedWebSocket] | str
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=http,
        ws=ws,
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
