"""Celery's part: beat sends the sweep; whoever moves an instance may send it by name to have it sooner."""

from __future__ import annotations

from celery import shared_task

from common import heartbeats
from plans import reconcile


@shared_task(name="plans.sweep")
def sweep() -> int:
    """Have plans follow their instances; the number of plans that moved."""
    heartbeats.mark("plans.sweep")
    reconcile.keep_instances_active()
    return reconcile.sweep()
