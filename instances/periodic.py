"""Celery's part above the services: what beat has done again and again that asks as a site's own user would."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from common import heartbeats
from instances import pools, schedules


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
