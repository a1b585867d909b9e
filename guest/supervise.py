"""Waiting for the session's processes, starting again those that died, and ending all: nothing is left a zombie."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable

from guest.children import Child, signal_group

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 10.0
_HEALTHY_S = 20.0

log = logging.getLogger(__name__)


async def exited(child: Child) -> int:
    """Its return code, once it has ended; then it is reaped. May be awaited twice and be cancelled."""
    await ended(child)
    return child.wait()


async def ended(child: Child) -> None:
    """Until the child has ended. It is not reaped yet, so its number, and its group's, are still its own."""
    if child.returncode is not None:
        return
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    descriptor = os.pidfd_open(child.pid)
    loop.add_reader(descriptor, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def end(child: Child, *, grace_s: float = 1.0) -> None:
    """Ask the group to end, and past the grace make it; the child is reaped when this returns."""
    if child.returncode is not None:
        return
    signal_group(child, signal.SIGTERM)
    try:
        await asyncio.wait_for(ended(child), grace_s)
    except TimeoutError:
        log.info("process %s did not end when asked", child.pid)
    signal_group(child, signal.SIGKILL)
    await exited(child)


class Supervised:
    """A program of the session that is started again when it dies, each time a little later if it dies soon."""

    def __init__(self, name: str, start: Callable[[], Child], child: Child) -> None:
        self.name = name
        self.restarts = 0
        self._start = start
        self._child = child

    async def keep(self) -> None:
        """Runs until it is cancelled."""
        pause_s = _FIRST_PAUSE_S
        while True:
            begun = time.monotonic()
            code = await exited(self._child)
            pause_s = _FIRST_PAUSE_S if time.monotonic() - begun > _HEALTHY_S else min(pause_s * 2, _LONGEST_PAUSE_S)
            log.warning("%s ended with %s; it starts again in %.1f s", self.name, code, pause_s)
            self.restarts += 1
            await asyncio.sleep(pause_s)
            self._begin()

    async def end(self) -> None:
        """After `keep` was cancelled."""
        await end(self._child)

    def _begin(self) -> None:
        try:
            self._child = self._start()
        except OSError as error:
            # The ended child stays in place: the next round counts another restart, after a longer pause.
            log.warning("%s cannot be started: %s", self.name, error)
