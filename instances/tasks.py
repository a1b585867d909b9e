"""Celery's part: it only makes sooner what the sweep over `look_again_at` would do anyway."""

from __future__ import annotations

import logging
from uuid import UUID

from celery import shared_task
from django.db import connections
from kombu.exceptions import OperationalError

from common import clock, heartbeats
from common.tenancy import CREW
from instances import bearers, outbox, patrol, reconcile, retention, startup, telling

logger = logging.getLogger(__name__)

AT_ONCE_S = 0.02
SOON_S = 10.0
STEPS_PER_TASK = 20
LATE_S = 60.0
SWEEP_AT_MOST = 500

_DUE = """
UPDATE instances_instance SET look_again_at = %s
WHERE id IN (
    SELECT id FROM instances_instance WHERE look_again_at <= %s
    ORDER BY look_again_at LIMIT %s FOR UPDATE SKIP LOCKED
)
RETURNING id
"""


@shared_task(name="instances.look")
def look(which: str, *, only_if_due: bool = False) -> None:
    """Step an instance until nothing is left to do at once. `which` is its id, or the name of its machine."""
    instance_id = UUID(which[:32] if "-" not in which[:32] else which)
    for _ in range(STEPS_PER_TASK):
        look_in_s = reconcile.step(instance_id, only_if_due=only_if_due)
        if look_in_s is None or look_in_s > SOON_S:
            return
        only_if_due = False
        if look_in_s > AT_ONCE_S:
            _look_later(instance_id, look_in_s)
            return
    _look_later(instance_id, SOON_S)


@shared_task(name="instances.sweep")
def sweep() -> int:
    """Queue every instance that is due; the number of them. Rows are marked, so that no two sweeps queue one twice."""
    heartbeats.mark("sweep")
    with connections[CREW].cursor() as cursor:
        cursor.execute(_DUE, [clock.in_s(SOON_S), clock.now(), SWEEP_AT_MOST])
        due = [row[0] for row in cursor.fetchall()]
    for instance_id in due:
        look.delay(str(instance_id))
    for instance_id in startup.due():
        start_up.delay(str(instance_id))
    return len(due)


@shared_task(name="instances.start_up", acks_late=False)
def start_up(which: str) -> None:
    """Run an instance's start-up script, if it is due."""
    startup.run(UUID(which))


@shared_task(name="instances.patrol")
def go_on_patrol() -> None:
    """Find instances at rest that are not as their rows say, and machines that no row owns."""
    for each in patrol.go_round():
        logger.debug("patrol: %s", each)
    heartbeats.mark("patrol")


@shared_task(name="instances.check_bearers")
def check_bearers() -> int:
    """End the streams of those who may no more; how many such bearers there are."""
    return bearers.end_the_gone()


@shared_task(name="instances.keep_logs")
def keep_logs() -> None:
    """Make the log's coming months, drop its old ones, and delete what sites want to be rid of sooner."""
    retention.keep()


@shared_task(name="instances.tell_webhooks")
def tell_webhooks() -> int:
    """Send what webhooks are to be told; how many messages were tried."""
    heartbeats.mark("webhooks")
    outbox.sweep()
    return telling.run()


def look_soon(instance_id: UUID) -> None:
    """Ask a worker to look now. A lost broker is no error: the row says when to look, and the sweep reads it."""
    try:
        look.delay(str(instance_id))
    except OperationalError as error:
        logger.warning("broker is away, instance %s waits for the sweep: %s", instance_id, error)


def _look_later(instance_id: UUID, delay_s: float) -> None:
    """The sweep would find it too; this is sooner, and worth nothing once it is late."""
    expires_s = delay_s + LATE_S
    look.apply_async((str(instance_id),), {"only_if_due": True}, countdown=delay_s, expires=expires_s)
