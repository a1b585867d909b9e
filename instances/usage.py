"""What a site uses of its quotas, counted from its rows by one index, and the reservations that rest on it.

The numbers are the rows themselves, read under the site's lock, so they can be neither passed by a crowd nor drift.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connections
from django.db.models import Sum

from common.tenancy import CREW
from instances.models import Desired, Instance, Recording, Status
from sites import quotas
from sites.principal import Principal
from sites.quotas import Limits

IN_THE_MAKING = (Status.PROVISIONING, Status.STARTING)
SHALL_RUN = (Desired.RUNNING, Desired.PAUSED)
"""A paused machine keeps its memory, and its place."""

_COUNT = """
SELECT instance_type, count(*),
    count(*) FILTER (WHERE desired_state = ANY(%s)), count(*) FILTER (WHERE status = ANY(%s))
FROM instances_instance WHERE site_id = %s AND deleted_at IS NULL AND NOT pooled GROUP BY instance_type
"""
# Those that were asked for earlier and wait as well go first.
_AHEAD = """
SELECT count(*) FROM instances_instance WHERE site_id = %s AND deleted_at IS NULL AND id <> %s
AND (status = ANY(%s) OR (status = %s AND desired_state = %s AND id < %s))
"""


@dataclass(frozen=True, slots=True)
class Used:
    """Rows of a site that are not deleted. In `running` are those that shall run, whatever they do just now."""

    instances: int
    running: int
    provisioning: int
    per_type: Counter[str]


def used_by(site_id: UUID, *, using: str = "default") -> Used:
    """Call it inside the site's scope, or as crew."""
    with connections[using].cursor() as cursor:
        values: list[Any] = [list(SHALL_RUN), list(IN_THE_MAKING), site_id]
        cursor.execute(_COUNT, values)
        rows = cursor.fetchall()
    return Used(
        instances=sum(row[1] for row in rows),
        running=sum(row[2] for row in rows),
        provisioning=sum(row[3] for row in rows),
        per_type=Counter({row[0]: row[1] for row in rows}),
    )


def reserve_instance(site_id: UUID, *, instance_type: str, running: bool, using: str = "default") -> None:
    """Have room for one more row, which the caller writes in the same transaction.

    Raises:
        TooMany: a quota is used up; its `details` say which.
    """
    limits, used = quotas.locked(site_id, using=using), used_by(site_id, using=using)
    quotas.must_fit("instances", limit=limits.instances, used=used.instances)
    of_type = limits.per_type.get(instance_type)
    quotas.must_fit(_of_type(instance_type), limit=of_type, used=used.per_type[instance_type])
    if running:
        quotas.must_fit("running", limit=limits.running, used=used.running)


def reserve_running(site_id: UUID) -> None:
    """Have room for one row of the site that shall run from now on; its row is locked already.

    Raises:
        TooMany: as many run as may.
    """
    limits = quotas.locked(site_id)
    quotas.must_fit("running", limit=limits.running, used=used_by(site_id).running)


def recordings_mib(site_id: UUID, *, using: str = "default") -> int:
    """What a site's recordings take in the object store, in whole MiB. Call it inside the site's scope, or as crew."""
    rows = Recording.of(site_id).using(using).filter(deleted_at=None)
    return int(rows.aggregate(kept=Sum("bytes"))["kept"] or 0) // (1024 * 1024)


def waits_for(row: Instance) -> str:
    """Why no machine may be made for this locked row just now, in a sentence; empty where one may. For workers."""
    limit = quotas.locked(row.site_id, using=CREW).provisioning
    if limit is None:
        return ""
    values: list[Any] = [row.site_id, row.pk, list(IN_THE_MAKING), Status.PENDING, Desired.RUNNING, row.pk]
    with connections[CREW].cursor() as cursor:
        cursor.execute(_AHEAD, values)
        (ahead,) = cursor.fetchone()
    if ahead < limit:
        return ""
    return f"Waits its turn: the site may have {limit} machines in the making at once, and {ahead} come first."


def report(principal: Principal) -> list[dict[str, Any]]:
    """Every quota of the site with its limit, what is used of it and what remains."""
    principal.must("sites:read")
    limits = quotas.limits_of(principal.site_id)
    return [_line(*line) for line in _lines(principal.site_id, limits, used_by(principal.site_id))]


def _lines(site_id: UUID, limits: Limits, used: Used) -> Iterator[tuple[str, int | None, int | None]]:
    yield "instances", limits.instances, used.instances
    yield "running", limits.running, used.running
    yield "provisioning", limits.provisioning, used.provisioning
    yield "recordings_mib", limits.recordings_mib, recordings_mib(site_id)
    yield "actions_a_minute", limits.actions_a_minute, quotas.actions_of_last_minute(site_id, limits)
    for flavour in (name for name, _ in Instance.TYPES):
        yield _of_type(flavour), limits.per_type.get(flavour), used.per_type[flavour]


def _line(quota: str, limit: int | None, used: int | None) -> dict[str, Any]:
    remaining = None if limit is None or used is None else max(0, limit - used)
    return {"quota": quota, "limit": limit, "used": used, "remaining": remaining}


def _of_type(instance_type: str) -> str:
    return f"instances.{instance_type}"
