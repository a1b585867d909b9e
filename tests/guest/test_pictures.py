"""Pictures of a real screen, made when the X server says that something on it has changed."""

from __future__ import annotations

import asyncio
import io
import time

from PIL import Image

from guest.desktop.typing import QUICK
from guest.desktop.x11 import X11Desktop
from guest.pictures import pictures
from guest.protocol.streams import OpenStream
from tests.guest.desk import desk

WISH = OpenStream(stream_id="a" * 32, target="frames", max_fps=20, quality=80)


async def test_a_change_on_the_screen_makes_a_picture_and_quiet_makes_none() -> None:
    async with desk("ubuntu") as ready:
        desktop = X11Desktop(ready.display, pace=QUICK)
        came: asyncio.Queue[bytes] = asyncio.Queue()
        taking = asyncio.create_task(_take(desktop, came))
        try:
            await _quiet(came)
            await ready.act("type", text="echo changed\n")
            shown = await asyncio.wait_for(came.get(), 10)
            assert int.from_bytes(shown[:4], "big") == len(shown) - 4
            assert Image.open(io.BytesIO(shown[4:])).size == (1024, 700)
        finally:
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)
            desktop.close()


async def _take(desktop: X11Desktop, came: asyncio.Queue[bytes]) -> None:
    async for picture in pictures(desktop, WISH):
        came.put_nowait(picture)


async def _quiet(came: asyncio.Queue[bytes]) -> None:
    """Take what the start of the desktop still paints, until nothing has come for a second."""
    assert await asyncio.wait_for(came.get(), 10), "the first picture comes at once"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            await asyncio.wait_for(came.get(), 1.0)
        except TimeoutError:
            return
    raise AssertionError("the screen never came to rest")
