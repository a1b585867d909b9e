"""How a site's instances, events and logs are read. Every function is called inside the site's scope."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from common.errors import NotFound
from instances.models import Event, Instance, Log
from sites.principal import Principal


def instances_of(principal: Principal) -> QuerySet[Instance]:
    """The site's instances, newest first, deleted ones left out."""
    principal.must("instances:read")
    return Instance.of(principal.site_id).filter(deleted_at=None).order_by("-id")


def instance_of(principal: Principal, instance_id: UUID, *, with_deleted: bool = False) -> Instance:
    """One instance; a deleted one only for whoever waits for its end.

    Raises:
        NotFound: it does not exist, is deleted, or belongs to another site.
    """
    principal.must("instances:read")
    rows = Instance.of(principal.site_id) if with_deleted else instances_of(principal)
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


def logs_of(principal: Principal, instance_id: UUID) -> QuerySet[Log]:
    """What was written about an instance, newest first."""
    principal.must("logs:read")
    instance_of(principal, instance_id)
    return Log.of(principal.site_id).filter(instance_id=instance_id).order_by("-id")
