"""When a request is sent again, and after how long: only where doing so cannot do a thing twice."""

from __future__ import annotations

import random
from dataclasses import dataclass

import httpx
from tenacity import RetryCallState

from orchestrator_client.calls import Call
from orchestrator_client.errors import APIError, NotReachable

LONGEST_PAUSE_S = 30.0
"""Who is asked to come back later than this is told so instead."""
_NOTHING_WAS_DONE = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Retries:
    """`attempts` in all, the first one included. Pauses double from `first_pause_s`, spread by chance, unless the
    answer says `Retry-After`."""

    attempts: int = 4
    first_pause_s: float = 0.25

    def pause_s(self, state: RetryCallState) -> float:
        """For tenacity: how long to wait before the next attempt."""
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, APIError) and error.retry_after_s is not None:
            return error.retry_after_s
        return random.uniform(0.5, 1.0) * min(LONGEST_PAUSE_S, self.first_pause_s * 2.0 ** (state.attempt_number - 1))


def may_repeat(call: Call, error: BaseException) -> bool:
    """Whether `call`, which ended in `error`, may be sent again.

    Anything, when it never left or was turned away at the door (429); what a restart of the platform interrupted
    (503), but for a POST without a key: what is done on a machine can't be undone; and what was lost on its way only
    where a repeat does nothing again.
    """
    if isinstance(error, NotReachable):
        return call.repeatable or isinstance(error.__cause__, _NOTHING_WAS_DONE)
    if not isinstance(error, APIError) or (error.retry_after_s or 0) > LONGEST_PAUSE_S:
        return False
    match error.status:
        case 429:
            return True
        case 503:
            return call.repeatable or call.method != "POST"
        case 409:
            return error.code == "IDEMPOTENCY_IN_FLIGHT"
    return False
