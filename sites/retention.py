"""How long the audit log is kept: months made ahead, and old ones dropped whole, by the owner of the tables alone."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.conf import settings
from django.db import OperationalError, connections

from common import clock, partitions

logger = logging.getLogger(__name__)

TABLE = "sites_auditentry"


def keep_audit() -> None:
    """To be called again and again. A lock that was not to be had is no error: the next run tries again."""
    owner = connections["owner"]
    try:
        partitions.make_ahead(owner, TABLE, clock.now())
        dropped = partitions.drop_before(owner, TABLE, clock.now() - timedelta(days=settings.AUDIT_RETENTION_DAYS))
        if dropped:
            logger.info("dropped %d months of the audit log", len(dropped))
    except OperationalError as error:
        logger.warning("the audit log's months wait for the next run: %s", error)
    finally:
        owner.close()
