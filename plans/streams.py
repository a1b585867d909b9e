"""The live stream of a plan: its history by number."""

from __future__ import annotations

import re
from functools import partial
from typing import Any
from uuid import UUID

from common.errors import Invalid
from common.realtime.stream import Item, Stream
from common.tenancy import site_scope
from plans import selectors
from plans.models import PlanEvent
from sites.principal import Principal

BATCH = 200


def as_json(event: PlanEvent) -> dict[str, Any]:
    """An event as clients see it, in lists and in streams alike."""
    return {
        "id": str(event.pk),
        "plan_id": str(event.plan_id),
        "number": event.number,
        "kind": event.kind,
        "status_from": event.status_from or None,
        "status": event.status_to or None,
        "message": event.message,
        "data": event.data,
        "created_at": event.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }


def plan_stream(principal: Principal, plan_id: UUID) -> Stream:
    """One plan's events from the first, or after a number.

    Raises:
        NotFound: no such plan in the principal's site.
    """
    with site_scope(principal.site_id):
        selectors.plan_of(principal, plan_id)
    return Stream(
        channels=(f"plan:{plan_id}",),
        event="status",
        fetch=partial(_of_plan, principal.site_id, plan_id),
        batch_size=BATCH,
        share=("plan", principal.site_id, plan_id),
    )


def _of_plan(site_id: UUID, plan_id: UUID, after: str | None) -> list[Item]:
    if after is not None and not re.fullmatch(r"\d{1,18}", after):
        raise Invalid("The cursor of a plan's events is a number.")
    with site_scope(site_id):
        rows = PlanEvent.of(site_id).filter(plan_id=plan_id, number__gt=int(after or 0)).order_by("number")
        return [Item(str(event.number), as_json(event)) for event in rows[:BATCH]]
