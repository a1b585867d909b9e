"""The one thread that owns the X connection: jobs run there in order, and events are handled between them."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from guest.desktop import xlib
from guest.desktop.base import failed
from guest.desktop.xlib import x11

T = TypeVar("T")
Listener = Callable[[xlib.Event], None]
_Job = tuple[Callable[[], Any], asyncio.AbstractEventLoop, "asyncio.Future[Any]"]

log = logging.getLogger(__name__)


class Connection:
    """Xlib is not called from any other thread, so a server that hangs holds up the hands and nothing else.

    `display` and `root` are for jobs. `listeners` (event type to function) run on the same thread.
    """

    def __init__(self, name: str) -> None:
        self.display: int | None = x11.XOpenDisplay(name.encode())
        if not self.display:
            raise OSError(f"no X server answers at {name}")
        self.root: int = x11.XDefaultRootWindow(self.display)
        self.lost = False
        self.errors = 0
        self.listeners: dict[int, Listener] = {}
        self._handlers = self._set_handlers()
        self._jobs: deque[_Job] = deque()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="x11", daemon=True)
        self._thread.start()

    async def run(self, job: Callable[[], T]) -> T:
        """`job` on the X thread, after all that were asked before it. A cancelled wait does not undo it.

        Raises:
            ActionFailed: the connection is lost. Besides, whatever `job` raises.
        """
        if self.lost or self._closing:
            raise failed("the desktop is gone")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._jobs.append((job, loop, done))
        os.eventfd_write(self._wake, 1)
        return await done

    def close(self) -> None:
        """End the thread; what was asked before still runs."""
        self._closing = True
        os.eventfd_write(self._wake, 1)
        self._thread.join(timeout=2)

    def _run(self) -> None:
        poller = select.poll()
        poller.register(self._wake, select.POLLIN)
        poller.register(x11.XConnectionNumber(self.display), select.POLLIN)
        while not self.lost:
            self._do_jobs()
            self._hear_events()
            if self._closing and not self._jobs:
                break
            if not self._jobs:
                poller.poll()
                self._drain()
        self._do_jobs()
        if not self.lost:
            x11.XCloseDisplay(self.display)

    def _drain(self) -> None:
        try:
            os.eventfd_read(self._wake)
        except BlockingIOError:
            return

    def _do_jobs(self) -> None:
        while self._jobs:
            job, loop, done = self._jobs.popleft()
            try:
                if self.lost:
                    raise failed("the desktop is gone")
                value, error = job(), None
            except Exception as raised:  # noqa: BLE001  (the thread's door: it goes to whoever asked)
                value, error = None, raised
            try:
                loop.call_soon_threadsafe(_settle, done, value, error)
            except RuntimeError:
                log.debug("the loop that asked has closed")

    def _hear_events(self) -> None:
        event = xlib.Event()
        while not self.lost and x11.XPending(self.display):
            x11.XNextEvent(self.display, ctypes.byref(event))
            listener = self.listeners.get(event.type & 0x7F)
            if listener:
                listener(event)

    def _set_handlers(self) -> tuple[Any, ...]:
        """Xlib's own handlers end the process. Returns ours, for the collector must not take them."""

        def on_error(_display: int, event: Any) -> int:
            self.errors += 1
            log.debug("X error %s on request %s", event.contents.error_code, event.contents.request_code)
            return 0

        def on_lost(_display: int) -> int:
            self.lost = True
            return 0

        def stay(_display: int, _data: int) -> None:
            self.lost = True

        handlers = (xlib.ErrorHandler(on_error), xlib.LostHandler(on_lost), xlib.LostExitHandler(stay))
        x11.XSetErrorHandler(handlers[0])
        x11.XSetIOErrorHandler(handlers[1])
        x11.XSetIOErrorExitHandler(self.display, handlers[2], None)
        return handlers


def _settle(done: asyncio.Future[Any], value: Any, error: Exception | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(value)
    else:
        done.set_exception(error)
