"""What the dashboard counts, of all sites or of some: each figure reads along an index, as far as it must."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connections

from common import clock
from common.ids import first_id_at
from common.tenancy import everywhere_alias
from instances.models import Orphan

HOURS = 24
STARTS_LOOKED_AT = 1_000
SHOWN_STARTS = 8
OVERDUE_CAP = 10_001
LATE_S = (1, 5, 30, 120, 600)
"""Where the buckets of lateness end, in seconds; the last one has no end."""

_FLEET = """
    SELECT instance_type, status, count(*) FROM instances_instance
    WHERE deleted_at IS NULL {of_sites} GROUP BY instance_type, status"""
_OUTCOMES = """
    SELECT date_trunc('hour', created_at), status_to, count(*) FROM instances_event
    WHERE id >= %(since)s AND status_to IN ('running', 'error') {of_sites} GROUP BY 1, 2"""
# A start began with whatever came last before it of these: somebody's wish, or the loss that it makes good.
_SLOWEST = """
    SELECT i.id, i.name, i.instance_type, e.created_at, extract(epoch FROM e.created_at - begun.at)::float AS took_s
    FROM (SELECT instance_id, number, created_at FROM instances_event
          WHERE id >= %(since)s AND status_to IN ('running', 'error') AND kind = 'guest_ready' {of_sites}
          ORDER BY id DESC LIMIT %(looked_at)s) e
    CROSS JOIN LATERAL (
        SELECT b.created_at AS at FROM instances_event b
        WHERE b.instance_id = e.instance_id AND b.number < e.number
          AND b.kind IN ('requested', 'start_requested', 'restart_requested', 'retry_requested', 'vanished', 'gave_up')
        ORDER BY b.number DESC LIMIT 1) begun
    JOIN instances_instance i ON i.id = e.instance_id
    ORDER BY took_s DESC LIMIT %(shown)s"""
_LATENESS = """
    SELECT width_bucket(late_s, %(ends)s::float[]), count(*), max(late_s)::float
    FROM (SELECT extract(epoch FROM %(now)s - look_again_at)::float AS late_s FROM instances_instance
          WHERE look_again_at <= %(now)s {of_sites} ORDER BY look_again_at LIMIT %(cap)s) overdue
    GROUP BY 1"""

_LATE_MESSAGE = """
    SELECT extract(epoch FROM %(now)s - min(next_attempt_at))::float FROM instances_webhookdelivery
    WHERE status = 'pending' AND next_attempt_at <= %(now)s"""


@dataclass(frozen=True, slots=True)
class Start:
    """One start of an instance, and how long it took from the wish to a guest that was ready."""

    instance_id: UUID
    name: str
    instance_type: str
    at: datetime
    took_s: float


@dataclass(frozen=True, slots=True)
class Queue:
    """Instances whose next look is overdue: how many per bucket of `LATE_S`, and seconds of the oldest."""

    buckets: list[int]
    oldest_s: float


def fleet(sites: Sequence[UUID] | None) -> dict[tuple[str, str], int]:
    """Instances that are not deleted, by type and status."""
    return {(kind, status): count for kind, status, count in _rows(_FLEET, sites)}


def outcomes(sites: Sequence[UUID] | None) -> dict[str, dict[datetime, int]]:
    """Arrivals at `running` and at `error` in the last day, per hour; every hour is there."""
    last = clock.now().replace(minute=0, second=0, microsecond=0)
    hours = [last - timedelta(hours=back) for back in reversed(range(HOURS))]
    found = {status: dict.fromkeys(hours, 0) for status in ("running", "error")}
    for hour, status, count in _rows(_OUTCOMES, sites, since=first_id_at(hours[0])):
        if hour in found[status]:
            found[status][hour] = count
    return found


def slowest_starts(sites: Sequence[UUID] | None) -> list[Start]:
    """The slowest of the last day's newest starts."""
    since = first_id_at(clock.now() - timedelta(hours=HOURS))
    rows = _rows(_SLOWEST, sites, since=since, looked_at=STARTS_LOOKED_AT, shown=SHOWN_STARTS)
    return [Start(*row) for row in rows]


def queue(sites: Sequence[UUID] | None) -> Queue:
    """How far the workers are behind; no further than `OVERDUE_CAP` rows are counted."""
    rows = _rows(_LATENESS, sites, ends=list(LATE_S), now=clock.now(), cap=OVERDUE_CAP)
    counts = {bucket: count for bucket, count, _ in rows}
    return Queue([counts.get(bucket, 0) for bucket in range(len(LATE_S) + 1)], max((row[2] for row in rows), default=0))


def late_message_s() -> float:
    """Seconds that the most overdue message to a webhook has waited."""
    return float(_rows(_LATE_MESSAGE, None, now=clock.now())[0][0] or 0.0)


def orphans() -> int:
    """Machines that belong to no instance and are still there, as far as the patrol knows."""
    return Orphan.everywhere.filter(gone_at=None).count()


def _rows(statement: str, sites: Sequence[UUID] | None, **values: Any) -> list[tuple[Any, ...]]:
    """`sites` None: of all. The texts are ours; whatever comes from outside goes in as a value."""
    of_sites = "" if sites is None else "AND site_id = ANY(%(sites)s)"
    with connections[everywhere_alias()].cursor() as cursor:
        cursor.execute(statement.format(of_sites=of_sites), {**values, "sites": list(sites or ())})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
