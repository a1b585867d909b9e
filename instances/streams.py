"""The live streams of instances: one instance's history by number, a site's by commit."""

from __future__ import annotations

import re
from functools import partial
from uuid import UUID

from common.errors import Invalid, NotFound
from common.realtime import watermark
from common.realtime.stream import Item, Stream
from common.realtime.watermark import Mark
from common.tenancy import site_scope
from instances import selectors
from instances.models import Event
from sites.principal import Principal

BATCH = 200


def instance_stream(principal: Principal, instance_id: UUID) -> Stream:
    """One instance's events from the first, or after a number.

    Raises:
        NotFound: no such instance in the principal's site.
    """
    with site_scope(principal.site_id):
        selectors.instance_of(principal, instance_id)
    return Stream(
        channels=(f"instance:{instance_id}",),
        event="status",
        fetch=partial(_of_instance, principal.site_id, instance_id),
        batch_size=BATCH,
        share=("instance", principal.site_id, instance_id),
    )


def site_stream(principal: Principal, site_id: UUID) -> Stream:
    """All events of a site from now on, or after a cursor. No late commit is missed: rows are handed out only when
    every transaction that could still come before them has ended.

    Raises:
        NotFound: it is not the principal's site.
    """
    principal.must("instances:read")
    if site_id != principal.site_id:
        raise NotFound("No such site.")
    return Stream(
        channels=(f"site:{site_id}",),
        event="status",
        fetch=partial(_of_site, site_id),
        start=str(watermark.tip()),
        batch_size=BATCH,
        share=("site", site_id),
        poll_s=0.25,
    )


def _of_instance(site_id: UUID, instance_id: UUID, after: str | None) -> list[Item]:
    if after is not None and not re.fullmatch(r"\d{1,18}", after):
        raise Invalid("The cursor of an instance's events is a number.")
    with site_scope(site_id):
        rows = Event.of(site_id).filter(instance_id=instance_id, number__gt=int(after or 0)).order_by("number")
        return [Item(str(event.number), event.as_json()) for event in rows[:BATCH]]


def _of_site(site_id: UUID, after: str | None) -> list[Item]:
    begin = watermark.parse(after)
    with site_scope(site_id):
        rows = watermark.between(Event.of(site_id), begin, watermark.horizon())
        return [Item(str(Mark(event.xid, event.pk)), event.as_json()) for event in rows[:BATCH]]
