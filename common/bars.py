"""Keys that were over their rate limit a moment ago, by this process's own memory: the cheapest of all refusals.

Redis has decided; this only spares the next requests of the same key the way to that decision, for a second at most.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from common.errors import PlatformError

LONGEST_S = 1.0
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Bar:
    """What to answer until then."""

    until: float
    refusal: PlatformError
    headers: Mapping[str, str]


_bars: dict[int, Bar] = {}


def bar(secret: str, refusal: PlatformError, headers: Mapping[str, str]) -> None:
    """Remember that `secret` was refused. Only a hash of it is kept, and nothing leaves the process."""
    if len(_bars) >= _MOST:
        _bars.clear()
    rest_s = min(LONGEST_S, refusal.retry_after_s or LONGEST_S)
    _bars[hash(secret)] = Bar(time.monotonic() + rest_s, refusal, headers)


def barred(secret: str) -> Bar | None:
    """The refusal that still holds for `secret`."""
    found = _bars.get(hash(secret)) if _bars else None
    return found if found is not None and found.until > time.monotonic() else None
