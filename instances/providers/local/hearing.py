"""The dead-man switch: whether anybody has looked at a machine lately. Whoever may end it does so every half minute."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path


def leave_word(heard: Path) -> None:
    """Say that the control plane is there, by the file's time; its keeper made it, and without one nobody listens."""
    with contextlib.suppress(OSError):
        heard.touch()


class Hearing:
    """Counts how long nothing was heard, while this host was awake: a laptop that slept for days was not alone."""

    def __init__(self, heard: Path, alone_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._heard = heard
        self._alone_s = alone_s
        self._clock = clock
        leave_word(heard)
        self._word = self._last_word()
        self._since = clock()

    def is_lost(self) -> bool:
        """Whether nothing was heard for longer than the machine may live alone; 0 is for ever."""
        word = self._last_word()
        if word != self._word:
            self._word, self._since = word, self._clock()
        return 0 < self._alone_s < self._clock() - self._since

    def _last_word(self) -> int:
        try:
            return self._heard.stat().st_mtime_ns
        except OSError:
            return 0
