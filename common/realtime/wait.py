"""Waiting in a synchronous view until a row is as wished: woken by nudges, looking now and then all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from asgiref.sync import async_to_sync

from common.realtime import hub
from common.realtime.follow import in_thread, release_connections
from common.realtime.hub import Listener

Found = TypeVar("Found")

LOOK_EVERY_S = 1.0


def wait_until(channel: str, look: Callable[[], Found | None], *, timeout_s: float) -> Found | None:
    """What `look` found as soon as it found something, or None when the time was over.

    `look` runs at once, after each nudge on `channel`, every second, and once more at the end. It runs in another
    thread and opens its own `site_scope`: the caller's thread is held, but no connection to the database is while it
    waits (so call it outside of a transaction), nor one to Redis: under ASGI all waits share the process's hub.
    """
    release_connections()
    return async_to_sync(_wait)(channel, look, timeout_s)


async def _wait(channel: str, look: Callable[[], Found | None], timeout_s: float) -> Found | None:
    is_mine = not hub.running()
    ears = hub.current()
    try:
        with ears.listen([channel]) as listener:
            return await _look_until(listener, look, timeout_s)
    finally:
        # Outside of ASGI the loop, and with it the hub, lives only as long as this call.
        if is_mine and not ears.channels:
            await ears.aclose()


async def _look_until(listener: Listener, look: Callable[[], Found | None], timeout_s: float) -> Found | None:
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + timeout_s
    while True:
        is_last = loop.time() >= ends_at or listener.hub.ended
        found = await in_thread(look)
        if found is not None or is_last:
            return found
        await listener.wait(min(LOOK_EVERY_S, max(0.0, ends_at - loop.time())))
