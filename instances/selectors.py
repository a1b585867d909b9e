"""How a site's instances, events and logs are read. Every function is called inside the site's scope."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, QuerySet

from common import clock
from common.errors import NotFound
from common.ids import first_id_at
from instances.models import Event, Instance, Log
from sites.principal import Principal


def instances_of(principal: Principal) -> QuerySet[Instance]:
    """The site's instances, newest first, without deleted ones and those that wait in a pool. Their sealed
    environment stays in the database."""
    principal.must("instances:read")
    return (
        Instance.of(principal.site_id)
        .filter(deleted_at=None, pooled=False)
        .order_by("-id")
        .defer("environment_variables")
    )


def instance_of(principal: Principal, instance_id: UUID, *, with_deleted: bool = False) -> Instance:
    """One instance; a deleted one only for whoever waits for its end.

    Raises:
        NotFound: it does not exist, is deleted, or belongs to another site.
    """
    principal.must("instances:read")
    rows = Instance.of(principal.site_id).filter(pooled=False) if with_deleted else instances_of(principal)
    found = rows.filter(pk=instance_id).first()
    if found is None:
        raise NotFound("No such instance.")
    return found


def locked_instance(principal: Principal, instance_id: UUID) -> Instance:
    """The same, with its row locked until the transaction ends: for services that are about to write."""
    found = instances_of(principal).select_for_update().filter(pk=instance_id).first()
    if found is None:
        raise NotFound("No such instance.")
    return found


def events_of(principal: Principal, instance_id: UUID) -> QuerySet[Event]:
    """An instance's history, oldest first, by `number`."""
    instance_of(principal, instance_id)
    return Event.of(principal.site_id).filter(instance_id=instance_id).order_by("number")


def logs(principal: Principal) -> QuerySet[Log]:
    """What was written about the site's instances, newest first; deleted instances' logs are kept like others."""
    principal.must("logs:read")
    kept = first_id_at(oldest_log_kept())
    return Log.of(principal.site_id).filter(id__gte=kept).order_by("-id")


def logs_of(principal: Principal, instance_id: UUID) -> QuerySet[Log]:
    """What was written about one instance, newest first."""
    instance_of(principal, instance_id)
    return logs(principal).filter(instance_id=instance_id)


def logs_where_kept(principal: Principal, instance_id: UUID) -> QuerySet[Log]:
    """The same as one statement, which finds nothing where there is no such instance."""
    principal.must("instances:read")
    is_there = Exists(Instance.of(principal.site_id).filter(pk=instance_id, deleted_at=None, pooled=False))
    return logs(principal).filter(is_there, instance_id=instance_id)


def oldest_log_kept() -> datetime:
    """Entries from before this moment are shown no more; the disk they take comes back with their month."""
    return clock.now() - timedelta(days=settings.LOG_RETENTION_DAYS)
