"""What a live stream is made of: rows with cursors, and the channels whose nudges say that there are more of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from common.errors import Invalid

_CURSOR = re.compile(r"[A-Za-z0-9._:~=+/-]{1,128}")


class CursorTooOld(Exception):
    """Raised by a fetch: rows after this cursor are no longer kept.

    The client is told `resync` (read the present state anew) and the stream goes on after `restart`.
    """

    def __init__(self, restart: str | None) -> None:
        super().__init__(restart)
        self.restart = restart


@dataclass(frozen=True, slots=True)
class Item:
    """One row on its way to a client. `cursor` resumes right after it; `data` is ready for JSON."""

    cursor: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stream:
    """Rows in one order, for one caller who has been let in.

    `fetch(after)` is synchronous, runs in a thread of its own and returns the next batch after that cursor, oldest
    first, at most a few hundred; an empty list means that there is no more for now. It opens its own `site_scope` and
    leaves no transaction behind. None means from the oldest row kept. Rows appear in cursor order: one that commits
    later never gets a cursor that was already passed.

    Raises (from `fetch`):
        common.errors.Invalid: the cursor is malformed.
        CursorTooOld: the rows after it are gone.
    """

    channels: tuple[str, ...]
    event: str
    fetch: Callable[[str | None], list[Item]]
    start: str | None = None
    """Where a client begins that names no cursor; it is told, so that it can come back to this point and miss nothing
    even when it saw no row. A stream "from now on" puts its present tip here."""
    batch_size: int = 1
    """A batch of fewer rows than this is known to be the last for now, which saves one empty query per event."""
    share: Hashable = None
    """Streams with an equal `share` yield the same rows at the same cursor, so one query serves all that are woken at
    once. The site and everything that narrows the rows must be part of it. None: nothing is shared."""
    poll_s: float = 2.0
    """How soon to look again, without a nudge, after something happened; then twice as long each time. Short for a
    stream whose rows may become readable a moment after their nudge (a commit-safe watermark)."""


def parse_cursor(text: str | None) -> str | None:
    """A cursor as a client sent it; None for none.

    Raises:
        Invalid: no stream of ours gives such a cursor.
    """
    if not text:
        return None
    if not _CURSOR.fullmatch(text):
        raise Invalid("The cursor (Last-Event-ID, last_event_id or after) is not one that we gave.")
    return text
