"""Celery's part above the services: what beat has done again and again that asks as a site's own user would."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import shared_task
from celery.signals import worker_shutdown

from common import heartbeats
from instances import pools, schedules
from instances.recordings import keeping, leases, recorder

RECORDINGS_REST_S = 5.0


@shared_task(name="instances.run_schedules")
def run_schedules() -> int:
    """Queue every schedule that is due; the number of them. Each for itself, so that none holds up another."""
    heartbeats.mark("schedules")
    due = schedules.due()
    for schedule_id, site_id in due:
        run_schedule.delay(str(schedule_id), str(site_id))
    return len(due)


@shared_task(name="instances.run_schedule")
def run_schedule(schedule_id: str, site_id: str) -> None:
    """Do what a schedule is due to do, if it still is."""
    schedules.run(UUID(schedule_id), UUID(site_id))


@shared_task(name="instances.fill_pools")
def fill_pools() -> int:
    """Queue every warm pool that is not as it should be; the number of them."""
    heartbeats.mark("pools")
    due = pools.due()
    for template_id, site_id in due:
        fill_pool.delay(str(template_id), str(site_id))
    return len(due)


@shared_task(name="instances.fill_pool")
def fill_pool(template_id: str, site_id: str) -> None:
    """Bring one warm pool closer to what it should be."""
    pools.refill(UUID(template_id), UUID(site_id))


@shared_task(name="instances.record")
def record() -> int:
    """Begin the recordings that are due, as far as this worker has room; the number of them."""
    heartbeats.mark("recordings")
    leases.ask_for_due()
    return recorder.current().start_due()


@worker_shutdown.connect
def rest_recordings(**_: Any) -> None:
    """What they hold is written out; another worker, or the next, goes on with them."""
    recorder.current().rest(within_s=RECORDINGS_REST_S)


@shared_task(name="instances.keep_recordings")
def keep_recordings() -> None:
    """Take away recordings that were deleted or have passed their time."""
    keeping.keep()


@shared_task(name="instances.sweep_recordings")
def sweep_recordings() -> None:
    """Take away objects that belong to no recording."""
    keeping.sweep_orphans()
