"""How plans hang together: what each waits for, what each is a part of, and that neither ever runs in a circle."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db import connection

from common.errors import Invalid
from plans.models import Dependency, Plan, PlanStatus

_CIRCLE_OF_NEEDS = """
WITH RECURSIVE above(id) AS (
    SELECT unnest(%s::uuid[])
    UNION
    SELECT needs_id FROM plans_dependency JOIN above ON plan_id = above.id
)
SELECT 1 FROM above WHERE id = %s
"""
_CIRCLE_OF_PARENTS = """
WITH RECURSIVE above(id) AS (
    SELECT %s::uuid
    UNION
    SELECT parent_id FROM plans_plan JOIN above ON plans_plan.id = above.id WHERE parent_id IS NOT NULL
)
SELECT 1 FROM above WHERE id = %s
"""


def set_parent(plan: Plan, parent_id: UUID | None) -> None:
    """Make a plan a part of another one, or of none; the caller saves the row.

    Raises:
        Invalid: the site has no such plan, or it is a part of this one.
    """
    if parent_id is not None:
        _hold_still(plan.site_id)
        _must_exist(plan.site_id, {parent_id}, field="parent_id")
        _must_not_circle(_CIRCLE_OF_PARENTS, parent_id, plan.pk, field="parent_id")
    plan.parent_id = parent_id


def set_needs(plan: Plan, needs: Collection[UUID]) -> None:
    """Have a saved plan wait for these plans and no others.

    Raises:
        Invalid: the site lacks one of them, or one waits for this plan already.
    """
    wanted = set(needs)
    present = needs_of(plan)
    if wanted == present:
        return
    if wanted - present:
        _hold_still(plan.site_id)
        _must_exist(plan.site_id, wanted - present, field="depends_on")
        _must_not_circle(_CIRCLE_OF_NEEDS, list(wanted), plan.pk, field="depends_on")
    Dependency.of(plan.site_id).filter(plan_id=plan.pk, needs_id__in=present - wanted).delete()
    made = [Dependency(site_id=plan.site_id, plan_id=plan.pk, needs_id=other) for other in sorted(wanted - present)]
    Dependency.of(plan.site_id).bulk_create(made)


def needs_of(plan: Plan) -> set[UUID]:
    """The plans that this one waits for."""
    return set(Dependency.of(plan.site_id).filter(plan_id=plan.pk).values_list("needs_id", flat=True))


def is_waiting(plan: Plan) -> bool:
    """Whether a plan that it needs is not completed yet. A completed plan stays so: no lock is needed to ask."""
    needed = Dependency.of(plan.site_id).filter(plan_id=plan.pk)
    return needed.exclude(needs__status=PlanStatus.COMPLETED).exists()


def dependents(plan: Plan) -> list[UUID]:
    """The plans that wait for this one."""
    return list(Dependency.of(plan.site_id).filter(needs_id=plan.pk).values_list("plan_id", flat=True))


def _hold_still(site_id: UUID) -> None:
    """One change of a site's graph at a time, until the commit: two that are right alone can make a circle together."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"plans.graph:{site_id}"])


def _must_exist(site_id: UUID, ids: set[UUID], *, field: str) -> None:
    if Plan.of(site_id).filter(pk__in=ids).count() < len(ids):
        raise Invalid(f"{field}: No such plan in this site.", fields={field: ["No such plan in this site."]})


def _must_not_circle(query: str, start: UUID | list[UUID], plan_id: UUID, *, field: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query, [start, plan_id])
        if cursor.fetchone():
            raise Invalid(f"{field}: That would be a circle.", fields={field: ["That would be a circle."]})
