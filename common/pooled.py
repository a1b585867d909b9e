"""Connections of a pool that are looked at, before they are given out, without asking the server each time."""

from __future__ import annotations

import select
import time
from typing import Any

import psycopg

ASKED_AGAIN_AFTER_S = 5.0


class Pooled(psycopg.Connection[Any]):
    """The pool checks each connection by an empty query, before it gives it out: half a millisecond on a busy machine.

    A server that has gone, or has ended the session, shows on the socket at once. So while there is nothing to read
    the query is left out, but for one every few seconds: a network that swallows everything shows only by asking.
    """

    asked_at = 0.0

    def execute(self, query: Any, *arguments: Any, **options: Any) -> psycopg.Cursor[Any]:
        if query == "" and self._is_quiet():
            return self.cursor()
        return super().execute(query, *arguments, **options)

    def _is_quiet(self) -> bool:
        now = time.monotonic()
        if now - self.asked_at > ASKED_AGAIN_AFTER_S:
            self.asked_at = now
            return False
        poller = select.poll()
        poller.register(self.fileno(), select.POLLIN)
        return not poller.poll(0)
