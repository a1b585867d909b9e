"""Leaving a broken Redis alone for a moment, so that no request pays for it twice, and speaking of it now and then."""

from __future__ import annotations

import logging
import time

REST_AFTER_FAILURE_S = 1.0
LOG_EVERY_S = 60.0


class Silence:
    """What one caller of Redis remembers of its failures; `message` says what is lost meanwhile."""

    def __init__(self, log: logging.Logger, message: str) -> None:
        self._log, self._message = log, message
        self._until = 0.0
        self._logged_at = -LOG_EVERY_S

    def holds(self) -> bool:
        return time.monotonic() < self._until

    def begin(self, error: Exception) -> None:
        now = time.monotonic()
        self._until = now + REST_AFTER_FAILURE_S
        if now - self._logged_at >= LOG_EVERY_S:
            self._logged_at = now
            self._log.warning("%s: %s", self._message, error)
