"""How a guest reaches its gateway: one way of dialling, for the control connection and for streams."""

from __future__ import annotations

from typing import Any

from websockets.asyncio.client import connect, unix_connect

from guest.config import Config

_OPEN_WITHIN_S = 10.0


def dial(config: Config, below: str = "", **options: Any) -> connect:
    """A connection to our own path at the gateway, or to one `below` it, shown our token. Not yet opened."""
    given: dict[str, Any] = {
        "additional_headers": {"Authorization": f"Bearer {config.token}"},
        "compression": None,
        "open_timeout": _OPEN_WITHIN_S,
        "proxy": None,
        **options,
    }
    where = f"/guest/{config.incarnation}{below}"
    if config.gateway.startswith("unix:"):
        return unix_connect(config.gateway.removeprefix("unix:"), f"ws://gateway{where}", **given)
    return connect(f"{config.gateway.rstrip('/')}{where}", **given)
