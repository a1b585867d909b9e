"""How long an instance may run: when its time is over, or nobody has used it for long enough, and what follows then.

Arithmetic over one row and nothing else. `lifecycle` asks here whenever it holds the row's lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from common import clock
from instances.models import Desired, Instance, OnTimeout, Status

HOUR_MS = 3_600_000
_UP = (Status.STARTING, Status.RUNNING, Status.PAUSED, Status.STOPPING, Status.STOPPED)


@dataclass(frozen=True, slots=True)
class Ending:
    """When an instance's time is over, the event that says so, and what is wished of it from then on."""

    at: datetime
    kind: str
    wish: Desired
    reason: str


def ending(row: Instance) -> Ending | None:
    """What will end this row if nothing happens to it meanwhile: its time limit or idleness, whichever comes first."""
    ends = [end for end in (_expiry(row), _idleness(row)) if end is not None]
    return min(ends, key=lambda end: end.at, default=None)


def ends_in_s(row: Instance) -> float | None:
    """The seconds until then, 0 where the moment has passed, or None."""
    end = ending(row)
    return None if end is None else max(0.0, (end.at - clock.now()).total_seconds())


def start_clock(row: Instance) -> None:
    """It runs: its time begins, unless it goes on."""
    if row.expires_at is None:
        row.expires_at = expiry_of(row, row.started_at or clock.now())


def start_anew(row: Instance) -> None:
    """Somebody starts what was to end, or has failed: an end that lies behind it must not meet it again."""
    now = clock.now()
    row.active_until = max(row.active_until or now, now)
    whole = expiry_of(row, now) if row.status in (Status.RUNNING, Status.PAUSED) else None
    row.expires_at = whole and max(whole, row.expires_at or whole)


def stop_clock(row: Instance) -> None:
    """It is down, so its next run has the whole time. What nobody mends is deleted in time, where that is wished."""
    deletes = row.on_timeout == OnTimeout.DELETE and row.status == Status.ERROR
    row.expires_at = expiry_of(row, clock.now()) if deletes else None


def expiry_of(row: Instance, since: datetime) -> datetime | None:
    """The end of a run that began at `since`, or None where there is no limit."""
    return None if row.timeout_ms is None else since + timedelta(milliseconds=row.timeout_ms)


def in_words(milliseconds: int) -> str:
    """`2 hours`, `90 minutes`, `1.5 seconds`: the largest unit in which it is a round number."""
    for unit, size in (("hour", HOUR_MS), ("minute", 60_000)):
        if milliseconds % size == 0:
            return _counted(milliseconds // size, unit)
    return _counted(milliseconds / 1000, "second")


def _expiry(row: Instance) -> Ending | None:
    if row.expires_at is None:
        return None
    if row.on_timeout == OnTimeout.DELETE:
        wish, counts = Desired.DELETED, row.desired_state != Desired.DELETED
    else:
        wish, counts = Desired.STOPPED, row.desired_state in (Desired.RUNNING, Desired.PAUSED) and row.status in _UP
    if not counts:
        return None
    limit = "" if row.timeout_ms is None else f" of {in_words(row.timeout_ms)}"
    return Ending(row.expires_at, "expired", wish, f"Its time limit{limit} is over.")


def _idleness(row: Instance) -> Ending | None:
    if row.idle_stop_minutes is None or row.status != Status.RUNNING or row.desired_state != Desired.RUNNING:
        return None
    used = [moment for moment in (row.started_at, row.last_activity_at, row.active_until) if moment]
    at = max(used, default=row.status_since) + timedelta(minutes=row.idle_stop_minutes)
    reason = f"Nobody used it for {_counted(row.idle_stop_minutes, 'minute')}."
    return Ending(at, "idle", Desired.STOPPED, reason)


def _counted(number: float, unit: str) -> str:
    return f"{number:g} {unit}{'' if number == 1 else 's'}"
