"""How long log entries are kept: months made ahead, old months dropped whole, a site's shorter wish by deletion."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from django.conf import settings
from django.db import OperationalError, connections

from common import clock, partitions
from common.ids import first_id_at
from common.tenancy import CREW
from instances import selectors

logger = logging.getLogger(__name__)

TABLE = "instances_log"
BATCH = 5_000
AT_MOST_S = 60.0
"""How long one run deletes; the next one goes on. Each batch is a transaction of its own and soon over, because the
live tails wait for the oldest transaction under way."""

_SHORTER = "SELECT id, log_retention_days FROM sites_site WHERE log_retention_days < %s ORDER BY id"
_EXPIRED = """
DELETE FROM instances_log WHERE id = ANY(ARRAY(
    SELECT id FROM instances_log WHERE site_id = %s AND id < %s ORDER BY id LIMIT %s
))
"""


def make_partitions() -> list[partitions.Month]:
    """Have the partitions of this month and the next ones; those that are new. To be called again and again."""
    return partitions.make_ahead(connections["owner"], TABLE, clock.now())


def drop_old_months() -> list[partitions.Month]:
    """Drop the months that lie wholly beyond the platform's maximum age; those that are gone now."""
    return partitions.drop_before(connections["owner"], TABLE, selectors.oldest_log_kept())


def delete_expired() -> int:
    """Delete what is older than its site's own, shorter retention; how many rows that were."""
    ends_at, deleted = time.monotonic() + AT_MOST_S, 0
    with connections[CREW].cursor() as cursor:
        cursor.execute(_SHORTER, [settings.LOG_RETENTION_DAYS])
        for site_id, days in cursor.fetchall():
            bound = first_id_at(clock.now() - timedelta(days=days))
            while time.monotonic() < ends_at:
                cursor.execute(_EXPIRED, [site_id, bound, BATCH])
                deleted += cursor.rowcount
                if cursor.rowcount < BATCH:
                    break
    return deleted


def keep() -> None:
    """All of it. A lock that was not to be had is no error: the next run, some minutes later, tries again."""
    for part in (make_partitions, drop_old_months):
        try:
            months = part()
        except OperationalError as error:
            logger.warning("%s waits for its next run: %s", part.__name__, error)
        else:
            if months:
                logger.info("%s: %s", part.__name__, ", ".join(month.table(TABLE) for month in months))
        finally:
            connections["owner"].close()
    if deleted := delete_expired():
        logger.info("deleted %d log entries past their sites' retention", deleted)
