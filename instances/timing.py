"""When a schedule is due: cron in a time zone, with its gaps and folds, or a steady interval. Arithmetic only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_LONGEST_FOLD_MIN = 24 * 60
"""No clock is put back further."""


class NeverDue(ValueError):
    """The text is no cron expression, or names moments that never come. Says why."""


def next_of_cron(cron: str, after: datetime, zone: str) -> datetime:
    """The first moment after `after` that five fields name, as the clocks of `zone` show it; in UTC.

    As Debian's cron has it: a time that a clock put forward leaves out comes right after the gap; one that a clock put
    back shows twice comes once, but for `*` and `*/n` in hours or minutes, which go by the time that passes.

    Raises:
        NeverDue: it is not one, or has none.
    """
    if len(cron.split()) != 5:
        raise NeverDue("Five fields: minute, hour, day of the month, month, day of the week.")
    try:
        # From within an hour that comes twice a moment of the first time may be found, which is past.
        for minutes in range(_LONGEST_FOLD_MIN):
            since = after + timedelta(minutes=minutes)
            found = next(CronSim(cron, since.astimezone(ZoneInfo(zone)))).astimezone(UTC)
            if found > after:
                return found
    except CronSimError as error:
        raise NeverDue(f"{error}.") from error
    except StopIteration:
        pass
    raise NeverDue("It names a moment that never comes.")


def next_of_interval(interval_s: int, after: datetime, anchor: datetime) -> datetime:
    """The first moment after `after` that lies a whole number of intervals from `anchor`."""
    passed = (after - anchor) // timedelta(seconds=interval_s)
    return anchor + timedelta(seconds=interval_s) * (passed + 1)
