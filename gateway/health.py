"""How the gateway is: the one report that its doors show."""

from __future__ import annotations

import time

from gateway import VERSION
from gateway.registry import Registry
from guest.protocol import PROTOCOL_VERSION


class Health:
    """Counts time from when it is made."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._started = time.monotonic()

    def report(self) -> dict[str, str | int | float]:
        return {
            "status": "ok",
            "guests": len(self._registry),
            "uptime_s": round(time.monotonic() - self._started, 3),
            "version": VERSION,
            "protocol": PROTOCOL_VERSION,
        }
