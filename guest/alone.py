"""The dead-man switch of a machine that nobody can end from outside: without a gateway for long, it ends itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

_LOOK_EVERY_S = 60.0

log = logging.getLogger(__name__)


async def end_when_alone(silence_s: Callable[[], float], *, alone_s: float, command: Sequence[str]) -> None:
    """Run `command` once nothing was heard for `alone_s`, and again while that stays so. Returns at once where that
    is 0, and otherwise never."""
    if not alone_s:
        return
    look_every_s = min(_LOOK_EVERY_S, alone_s / 2)
    while True:
        await asyncio.sleep(look_every_s)
        if silence_s() > alone_s:
            log.error("no gateway for %.0f seconds: ending this machine", silence_s())
            await _run(command)


async def _run(command: Sequence[str]) -> None:
    try:
        process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
        await process.wait()
    except OSError as error:
        log.error("the machine could not be ended: %s", error)
