"""Where an event stream goes on after it was cut: its last id, what was told already, and when to come back."""

from __future__ import annotations

import json
import logging
import random
import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Any

from httpx_sse import ServerSentEvent

from orchestrator_client.calls import Call
from orchestrator_client.errors import APIError, NotReachable, OrchestratorError, UnexpectedAnswer, from_body

log = logging.getLogger("orchestrator_client")

QUIET_S = 45.0
"""The platform says something every 15 seconds; who hears nothing for so long has lost the line."""
LONGEST_PAUSE_S = 15.0
_REMEMBERED = 2048


@dataclass(slots=True)
class Resumption:
    """One stream over all its connections. It gives up when none could be had for `patience_s`."""

    last_id: str | None = None
    patience_s: float = 300.0
    _pause_s: float = 1.0
    _failures: int = 0
    _well_at: float = field(default_factory=time.monotonic)
    _seen: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def resumed(self, call: Call) -> Call:
        """`call`, going on where the stream stopped."""
        params = dict(call.params) if self.last_id is None else {**call.params, "last_event_id": self.last_id}
        return replace(call, accept="text/event-stream", params=params)

    def take(self, told: ServerSentEvent) -> Any | None:
        """The data of an event that is new; None for anything else.

        Raises:
            APIError: the stream was ended from there, with a reason.
            UnexpectedAnswer: its data is no JSON.
        """
        self._well_at, self._failures = time.monotonic(), 0
        if told.retry is not None:
            self._pause_s = min(told.retry / 1000, LONGEST_PAUSE_S)
        if told.event == "error":
            raise from_body(_json(told))
        if told.event == "resync":
            log.warning(
                "events between %s and %s are no longer kept: read the present state anew", self.last_id, told.id
            )
        fresh = self._remember(told.id)
        if not told.data or told.event == "resync" or not fresh:
            return None
        return _json(told)

    def pause_s(self, error: OrchestratorError | None) -> float:
        """How long to wait before the next connection, after `error` or an orderly end. Raises the error where coming
        back would not help, or has not helped for long enough."""
        self._failures += 1
        if error is not None:
            lost = isinstance(error, NotReachable) or (
                isinstance(error, APIError) and (error.status == 429 or error.status >= 500)
            )
            if not lost or time.monotonic() - self._well_at > self.patience_s:
                raise error
            if isinstance(error, APIError) and error.retry_after_s is not None:
                return min(error.retry_after_s, LONGEST_PAUSE_S)
        return random.uniform(0.5, 1.0) * min(LONGEST_PAUSE_S, self._pause_s * 2.0 ** min(self._failures - 1, 6))

    def _remember(self, id: str) -> bool:
        """Whether it is new. An event without an id is."""
        if not id:
            return True
        self.last_id = id
        if id in self._seen:
            return False
        self._seen[id] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return True


def _json(told: ServerSentEvent) -> Any:
    try:
        return json.loads(told.data)
    except ValueError as error:
        raise UnexpectedAnswer("An event's data is no JSON.") from error
