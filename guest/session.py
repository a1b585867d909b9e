"""The desktop's session: from the started processes to a desktop that is ready, and then keeping it alive."""

from __future__ import annotations

import asyncio

from guest.config import Config
from guest.desktop.typing import QUICK, WINE
from guest.desktop.x11 import X11Desktop
from guest.rise import Rise, Risen, start_shown, start_window_manager
from guest.supervise import Supervised, end, exited

_LOOK_AGAIN_S = 0.004


class Session:
    """Owns the session's processes. The X server is the one that is not started again: all else hangs on it."""

    def __init__(self, config: Config, risen: Risen) -> None:
        self.desktop = X11Desktop(risen.display, pace=WINE if config.flavour == "windows" else QUICK)
        self.display = risen.display
        self._config = config
        self._server = risen.server
        self._programs = (
            Supervised("window-manager", lambda: start_window_manager(config, risen.display), risen.window_manager),
            Supervised(config.flavour, lambda: start_shown(config, risen.display), risen.shown),
        )
        self._keeping = [asyncio.create_task(program.keep()) for program in self._programs]

    @classmethod
    async def raised(cls, config: Config, rising: Rise) -> Session:
        """The session once its processes run. Raises `RiseFailed`."""
        risen = await asyncio.get_running_loop().run_in_executor(None, rising.risen)
        return cls(config, risen)

    async def ready(self) -> None:
        """Until, of a browser, CDP answers; of the others, until something is painted."""
        holds = self._cdp_answers if self._config.flavour == "browser" else self.desktop.painted
        # Neither tells when it comes true; a look costs little, and the hub has the deadline.
        while not await holds():  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_AGAIN_S)

    async def lost(self) -> int:
        """Until the X server has ended; its return code."""
        return await exited(self._server)

    def restarts(self) -> dict[str, int]:
        """How often each program had to be started again."""
        return {program.name: program.restarts for program in self._programs}

    async def close(self) -> None:
        """End all processes, the X server last."""
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)
        await asyncio.gather(*(program.end() for program in reversed(self._programs)))
        self.desktop.close()
        await end(self._server)

    async def _cdp_answers(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._config.cdp_port)
        except OSError:
            return False
        try:
            writer.write(b"GET /json/version HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            return b" 200 " in await asyncio.wait_for(reader.readline(), 5)
        except (OSError, TimeoutError):
            return False
        finally:
            writer.close()
