"""How plans follow their instances, and one another: what stands in the rows is looked at, and made right.

Nobody needs to tell: a message that is lost only means that the next sweep finds it. Rows are found across all sites
and then changed one by one, each in its own site's scope.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from common import clock
from common.errors import Conflict
from common.tenancy import site_scope
from instances import extending
from instances.models import Event, Instance, Status
from plans import moves
from plans.models import Dependency, Plan, PlanStatus

logger = logging.getLogger(__name__)

AT_MOST = 500
DOWN = (Status.STOPPING, Status.STOPPED, Status.ERROR, Status.DELETING, Status.DELETED)
ACTIVE_FOR_S = 120.0
"""For how long a plan in progress keeps its instance in use; half of it later the sweep says so again."""
GONE = (Status.DELETING, Status.DELETED)
NEVER_BEGUN = (PlanStatus.PENDING, PlanStatus.BLOCKED, PlanStatus.PAUSED)
_FELL = {
    Status.STOPPING: "The instance was stopped",
    Status.STOPPED: "The instance was stopped",
    Status.ERROR: "The instance went to error",
    Status.DELETING: "The instance was deleted",
    Status.DELETED: "The instance was deleted",
}


def sweep() -> int:
    """Fail the plans in progress whose instance went down, cancel what can never begin, unblock what may; how many.

    Repeating it, or doing it twice at once, changes nothing more.
    """
    ways: list[tuple[QuerySet[Plan], Callable[[Plan], bool]]] = [
        (_left_behind(), _fail),
        (_without_a_place(), _cancel),
        (_free(), _unblock),
    ]
    return sum(
        _do(plan_id, site_id, act)
        for rows, act in ways
        for plan_id, site_id in rows.order_by("pk").values_list("pk", "site_id")[:AT_MOST]
    )


def keep_instances_active() -> int:
    """Have the instances of plans in progress count as used, where that matters; how many were told of."""
    soon_idle = Q(instance__active_until=None) | Q(instance__active_until__lt=clock.in_s(ACTIVE_FOR_S / 2))
    at_work = Plan.everywhere.filter(status=PlanStatus.IN_PROGRESS, instance__idle_stop_minutes__isnull=False)
    found = set(at_work.filter(soon_idle).values_list("site_id", "instance_id")[:AT_MOST])
    of_site: dict[UUID, list[UUID]] = defaultdict(list)
    for site_id, instance_id in found:
        of_site[site_id].append(instance_id)
    for site_id, instance_ids in of_site.items():
        extending.keep_active(site_id, *instance_ids, until=clock.in_s(ACTIVE_FOR_S))
    return len(found)


def _left_behind() -> QuerySet[Plan]:
    """In progress, and the instance has been down since, even if it is up again."""
    fell = Event.everywhere.filter(
        instance_id=OuterRef("instance_id"), number__gt=OuterRef("instance_event"), status_to__in=DOWN
    )
    rows = Plan.everywhere.filter(status=PlanStatus.IN_PROGRESS)
    return rows.filter(Exists(fell) | Q(instance__status__in=DOWN))


def _without_a_place() -> QuerySet[Plan]:
    return Plan.everywhere.filter(status__in=NEVER_BEGUN, instance__status__in=GONE)


def _free() -> QuerySet[Plan]:
    """Blocked, though all that they need is completed: whoever completed the last of it found the row taken."""
    waits_for = Dependency.everywhere.filter(plan_id=OuterRef("pk")).exclude(needs__status=PlanStatus.COMPLETED)
    return Plan.everywhere.filter(status=PlanStatus.BLOCKED).exclude(Exists(waits_for))


def _do(plan_id: UUID, site_id: UUID, act: Callable[[Plan], bool]) -> bool:
    """Do one thing for a plan, as far as it still is as it was found; one that somebody holds is for the next sweep."""
    with site_scope(site_id):
        plan = Plan.of(site_id).select_for_update(skip_locked=True, no_key=True).filter(pk=plan_id).first()
        if plan is None:
            return False
        try:
            return act(plan)
        except Conflict as late:
            logger.info("plan %s went on by itself: %s", plan_id, late)
            return False


def _fail(plan: Plan) -> bool:
    reason = _fall(plan)
    if reason:
        moves.ask(plan, "failed", reason=reason)
    return bool(reason)


def _cancel(plan: Plan) -> bool:
    moves.ask(plan, "cancelled", reason="The instance was deleted.")
    return True


def _unblock(plan: Plan) -> bool:
    moves.settle(plan)
    return plan.status == PlanStatus.PENDING


def _fall(plan: Plan) -> str:
    """What befell the plan's instance since the plan began or went on; nothing when it did so anew just now."""
    events = Event.of(plan.site_id).filter(instance_id=plan.instance_id, number__gt=plan.instance_event)
    fall = events.filter(status_to__in=DOWN).order_by("number").first()
    if fall is not None:
        return _sentence(fall.status_to, fall.message)
    instance = Instance.of(plan.site_id).get(pk=plan.instance_id)
    return _sentence(instance.status, instance.status_reason) if instance.status in DOWN else ""


def _sentence(status: str, message: str) -> str:
    told = _FELL[Status(status)]
    return f"{told}: {message}" if message else f"{told}."
