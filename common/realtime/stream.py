"""What a live stream is made of: rows with cursors, and the channels whose nudges say that there are more of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class CursorTooOld(Exception):
    """Raised by a fetch: rows after this cursor are no longer kept. The client is told `resync` and goes on from `restart`."""

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
    leaves no transaction behind. None means from where the stream begins (the oldest row kept, or a tip that was
    taken when the stream was made), and must mean the same on every call. Rows appear in cursor order: one that
    commits later never gets a cursor that was already passed.

    Raises (from `fetch`):
        common.errors.Invalid: the cursor is malformed.
        CursorTooOld: the rows after it are gone.
    """

    channels: tuple[str, ...]
    event: str
    fetch: Callable[[str | None], list[Item]]
