"""Where ids come from: UUIDv7, so that rows sort by their time of birth."""

from __future__ import annotations

import math
from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7

_BITS_BELOW_TIME = 80


def new_id() -> UUID:
    """A fresh UUIDv7 (RFC 9562): time-ordered, unguessable in its last 62 bits."""
    return uuid7()


def first_id_at(moment: datetime) -> UUID:
    """The least id that one born at `moment` (to the millisecond) could have: a bound for searching, no id of a row."""
    return UUID(int=max(0, math.floor(moment.timestamp() * 1000)) << _BITS_BELOW_TIME)
