"""Moving a plan with all that belongs to it: what must hold before, and whom it sets free afterwards."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from uuid import UUID

from common import clock
from common.errors import Conflict
from instances import extending
from instances.models import Desired, Instance, Status
from plans import graph, lifecycle, steps
from plans.models import Plan, PlanStatus

S = PlanStatus
BEGINS_WITHIN_S = 120.0
"""By then the sweep has seen that the plan is in progress, and keeps its instance in use."""


def ask(plan: Plan, event: str, *, reason: str = "") -> None:
    """Move a locked plan, save it, and set free what waited for it.

    Raises:
        Conflict: the table has no such move, or what it needs does not hold.
    """
    if plan.status == S.BLOCKED:
        settle(plan)
    lifecycle.must_allow(plan, event)
    _GUARDS.get(event, _free)(plan)
    lifecycle.move(plan, event, reason=reason)
    plan.save(using="default")
    if event == "completed":
        set_free(graph.dependents(plan), site_id=plan.site_id)
    elif event == "retried":
        settle(plan)


def wish(plan: Plan, status: str) -> None:
    """Move a locked plan to the status that a client wishes; none when it is there already.

    Raises:
        Conflict: the table has no such move, or what it needs does not hold.
    """
    if status != plan.status:
        ask(plan, lifecycle.event_to(plan, status))


def settle(plan: Plan) -> None:
    """Have a locked plan that has not begun be blocked exactly as long as one that it needs is not completed."""
    if plan.status not in (S.PENDING, S.BLOCKED):
        return
    status = S.BLOCKED if graph.is_waiting(plan) else S.PENDING
    if status != plan.status:
        lifecycle.move(plan, "blocked" if status == S.BLOCKED else "unblocked")
        plan.save(using="default")


def set_free(plan_ids: Collection[UUID], *, site_id: UUID) -> None:
    """Unblock those of the plans that wait for nothing any more.

    One that somebody else holds is left to the sweep: waiting for it here could be waiting in a circle.
    """
    rows = Plan.of(site_id).filter(pk__in=plan_ids, status=S.BLOCKED).order_by("pk")
    for plan in rows.select_for_update(skip_locked=True, no_key=True):
        settle(plan)


def follow_steps(plan: Plan) -> None:
    """Have a locked plan follow its changed steps: it begins with the first of them and is completed with the last.

    Raises:
        Conflict: it cannot begin now.
    """
    lifecycle.count(plan)
    if plan.status in (S.PENDING, S.BLOCKED) and steps.have_begun(plan.steps):
        ask(plan, "started")
    if plan.status == S.IN_PROGRESS and plan.steps_completed and not steps.unfinished(plan.steps):
        ask(plan, "completed")
    plan.save(using="default")


def _must_be_up(plan: Plan) -> None:
    """A plan begins and goes on only on a machine that is up and is to stay so. From here on it follows it.

    It says first that the instance is in use: whoever would stop it as idle is through by then, or sees that.
    """
    extending.keep_active(plan.site_id, plan.instance_id, until=clock.in_s(BEGINS_WITHIN_S))
    instance = Instance.of(plan.site_id).only("status", "desired_state", "last_event").get(pk=plan.instance_id)
    if instance.status != Status.RUNNING or instance.desired_state != Desired.RUNNING:
        raise Conflict(
            f"The plan's instance is {instance.status}, not running.",
            instance_status=instance.status,
            instance_desired_state=instance.desired_state,
        )
    plan.instance_event = instance.last_event


def _must_be_done(plan: Plan) -> None:
    left = steps.unfinished(plan.steps)
    if left:
        raise Conflict("Complete or skip all steps first.", unfinished_steps=left)


def _must_have_tries(plan: Plan) -> None:
    if plan.retry_count >= plan.max_retries:
        raise Conflict(f"The plan was tried again {plan.retry_count} times already.", max_retries=plan.max_retries)


def _free(plan: Plan) -> None:
    """Most moves need nothing but the table."""


_GUARDS: Mapping[str, Callable[[Plan], None]] = {
    "started": _must_be_up,
    "resumed": _must_be_up,
    "completed": _must_be_done,
    "retried": _must_have_tries,
}
