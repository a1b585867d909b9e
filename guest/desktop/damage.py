"""When something on the screen has changed: the server tells by the Damage extension, nobody looks by the clock."""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from guest.desktop import xlib
from guest.desktop.base import unsupported
from guest.desktop.connection import Connection

_NON_EMPTY = 3  # one event when the screen becomes dirty, and no more until we have said that we saw


class Damage:
    """Watches the whole screen while somebody wants to know; costs nothing when nobody does."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._watchers: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._watch: int | None = None

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[asyncio.Event]:
        """An event that is set when the screen has changed since it was last cleared; set at first.

        Raises:
            ActionFailed: the X server cannot tell.
        """
        event = asyncio.Event()
        event.set()
        watcher = (asyncio.get_running_loop(), event)
        await self._connection.run(lambda: self._join(watcher))
        try:
            yield event
        finally:
            if not self._connection.lost:
                await self._connection.run(lambda: self._leave(watcher))

    def _join(self, watcher: tuple[asyncio.AbstractEventLoop, asyncio.Event]) -> None:
        display = self._connection.display
        if self._watch is None:
            first, errors = ctypes.c_int(), ctypes.c_int()
            if not xlib.xdamage.XDamageQueryExtension(display, first, errors):
                raise unsupported("this X server does not tell when its screen changes")
            self._connection.listeners[first.value] = self._changed
            self._watch = xlib.xdamage.XDamageCreate(display, self._connection.root, _NON_EMPTY)
            xlib.x11.XFlush(display)
        self._watchers.add(watcher)

    def _leave(self, watcher: tuple[asyncio.AbstractEventLoop, asyncio.Event]) -> None:
        self._watchers.discard(watcher)
        if not self._watchers and self._watch is not None:
            xlib.xdamage.XDamageDestroy(self._connection.display, self._watch)
            xlib.x11.XFlush(self._connection.display)
            self._watch = None

    def _changed(self, _event: xlib.Event) -> None:
        if self._watch is None:
            return
        xlib.xdamage.XDamageSubtract(self._connection.display, self._watch, 0, 0)
        xlib.x11.XFlush(self._connection.display)
        for loop, event in list(self._watchers):
            loop.call_soon_threadsafe(event.set)
