"""The screen as a stream of JPEGs: one when something changed, at most so many a second, none when nothing did."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from guest.desktop.base import Desktop
from guest.protocol.actions import Screenshot
from guest.protocol.streams import OpenStream

LENGTH_BYTES = 4


async def pictures(desktop: Desktop, wish: OpenStream) -> AsyncIterator[bytes]:
    """Each picture with its length before it (4 bytes, big endian). Whoever takes them slowly gets fewer, and always
    the newest: the next is made when the last is gone."""
    shot = Screenshot(format="jpeg", quality=wish.quality)
    pause_s = 1 / wish.max_fps
    loop = asyncio.get_running_loop()
    async with desktop.changes() as changed:
        while True:
            await changed.wait()
            changed.clear()
            begun_s = loop.time()
            _, content = await desktop.screenshot(shot)
            yield len(content).to_bytes(LENGTH_BYTES, "big") + content
            await asyncio.sleep(max(0.0, pause_s - (loop.time() - begun_s)))
