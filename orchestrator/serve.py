"""`python -m orchestrator.serve`: the `web` process on HOST:PORT."""

from __future__ import annotations

import os
import socket
from typing import Any

import orjson
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from common import metrics
from common.api import errors
from common.realtime import hub
from common.tunnel import TunnelledHttp, Tunnels
from orchestrator.relay import PREFIXES, GatewayRelay

GRACE_S = 3
KEEP_ALIVE_S = 75


_REFUSED = {
    400: ("That is no HTTP request.", "INVALID"),
    408: ("The request's head did not come in time.", "TOO_SLOW"),
    431: ("The request's head is too large.", "TOO_LARGE"),
}


class WebHttp(TunnelledHttp):
    """Sockets that are the gateway's are carried there, without a look into their frames. What is no request that any
    application could answer is refused in the words of one that was."""

    prefixes = PREFIXES

    def refuse(self, status: int) -> None:
        body = orjson.dumps(errors.body(*_REFUSED[status]))
        head = (b"content-type: application/json", b"content-length: %d" % len(body), b"connection: close", b"", body)
        self.transport.write(STATUS_LINE[status] + b"\r\n".join(head))
        self.transport.close()

    @property
    def tunnels(self) -> Tunnels:  # type: ignore[override]
        application: Any = self.app
        relay: GatewayRelay = application.gateway
        return relay.tunnels


class Server(uvicorn.Server):
    """Ends the streams before it waits for open requests, so that a restart takes no longer than those."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        hub.current().end()
        await super().shutdown(sockets)


def config(app: str = "orchestrator.asgi:application") -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=os.environ.get("HOST", "127.0.0.1"),
        port=int(os.environ.get("PORT", "8000")),
        loop="uvloop",
        http=WebHttp,
        ws="websockets-sansio",
        ws_max_size=64 * 1024,
        ws_per_message_deflate=False,
        lifespan="on",
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=KEEP_ALIVE_S,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        log_level="warning",  # at "info" it writes each socket's address, and with it the ticket
    )


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")
    metrics.name_process("web")
    Server(config()).run()
