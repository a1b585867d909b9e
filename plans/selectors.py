"""How a site's plans are read. Every function is called inside the site's scope."""

from __future__ import annotations

from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet

from common.errors import NotFound
from instances import selectors as instance_selectors
from plans.models import Dependency, Plan, PlanEvent
from sites.principal import Principal


def plans(principal: Principal) -> QuerySet[Plan]:
    """The site's plans, newest first, each with the ids of what it `depends_on` and `blocks`."""
    principal.must("plans:read")
    links = Dependency.of(principal.site_id)
    above = links.filter(plan_id=OuterRef("pk")).order_by("needs_id").values("needs_id")
    below = links.filter(needs_id=OuterRef("pk")).order_by("plan_id").values("plan_id")
    rows = Plan.of(principal.site_id).order_by("-id")
    return rows.annotate(depends_on=ArraySubquery(above), blocks=ArraySubquery(below))


def plans_of(principal: Principal, instance_id: UUID) -> QuerySet[Plan]:
    """An instance's plans, newest first.

    Raises:
        NotFound: no such instance in the principal's site.
    """
    principal.must("plans:read")
    instance_selectors.instance_of(principal, instance_id)
    return plans(principal).filter(instance_id=instance_id)


def plan_of(principal: Principal, plan_id: UUID) -> Plan:
    """One plan.

    Raises:
        NotFound: it does not exist, or belongs to another site.
    """
    return _found(plans(principal), plan_id)


def locked_plan(principal: Principal, plan_id: UUID) -> Plan:
    """The same, with its row locked until the transaction ends: for services that are about to write."""
    return _found(Plan.of(principal.site_id).select_for_update(no_key=True), plan_id)


def events_of(principal: Principal, plan_id: UUID) -> QuerySet[PlanEvent]:
    """A plan's history, oldest first, by `number`."""
    plan_of(principal, plan_id)
    return PlanEvent.of(principal.site_id).filter(plan_id=plan_id).order_by("number")


def _found(rows: QuerySet[Plan], plan_id: UUID) -> Plan:
    found = rows.filter(pk=plan_id).first()
    if found is None:
        raise NotFound("No such plan.")
    return found
