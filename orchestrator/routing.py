"""Every WebSocket route, and who may come in: the doors that `common.realtime` leaves open are closed here."""

from __future__ import annotations

from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from django.urls import re_path

from common.realtime.consumer import StreamConsumer
from instances.streams import instance_stream, site_stream
from instances.tails import instance_tail
from plans.streams import plan_stream
from sites.doorkeeper import MembersOnly

_members = MembersOnly()


async def _nowhere(scope: Any, receive: Any, send: Any) -> None:
    """No such socket: refused at the handshake."""
    await receive()
    await send({"type": "websocket.close"})


websocket = AuthMiddlewareStack(
    URLRouter(
        [
            re_path(
                r"^ws/instances/(?P<target>[^/]+)/?$",
                StreamConsumer.as_asgi(doorkeeper=_members, open_stream=instance_stream),
            ),
            re_path(
                r"^ws/instances/(?P<target>[^/]+)/logs/?$",
                StreamConsumer.as_asgi(doorkeeper=_members, open_stream=instance_tail),
            ),
            re_path(
                r"^ws/sites/(?P<target>[^/]+)/?$",
                StreamConsumer.as_asgi(doorkeeper=_members, open_stream=site_stream),
            ),
            re_path(
                r"^ws/plans/(?P<target>[^/]+)/?$",
                StreamConsumer.as_asgi(doorkeeper=_members, open_stream=plan_stream),
            ),
            re_path(r"", _nowhere),  # type: ignore[arg-type]
        ]
    )
)
