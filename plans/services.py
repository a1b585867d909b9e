"""What may be asked about plans. Each takes the plan's lock, does one thing whole, and answers with the plan as it is.

A `status` among the fields is read as a wish along the lifecycle's table; it never simply sets the column.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from common import clock
from common.errors import Conflict
from common.tenancy import site_scope
from instances import selectors as instance_selectors
from instances.models import Desired
from plans import graph, lifecycle, moves, selectors, steps
from plans.models import Plan, PlanStatus
from sites import audit
from sites import selectors as site_selectors
from sites.principal import Principal


def write_plan(
    principal: Principal,
    instance_id: UUID,
    *,
    status: str | None = None,
    steps: Sequence[Mapping[str, Any]] = (),
    depends_on: Collection[UUID] = (),
    parent_id: UUID | None = None,
    agent_id: UUID | None = None,
    **fields: Any,
) -> Plan:
    """Add a plan to an instance; site and user are the instance's.

    Raises:
        Forbidden: the principal may not write plans.
        NotFound: no such instance in the principal's site.
        Invalid: no such agent or plan in the site, or the plans would run in a circle.
        Conflict: the instance is being deleted, or the plan cannot have the status that is wished.
    """
    principal.must("plans:write")
    with site_scope(principal.site_id):
        instance = instance_selectors.instance_of(principal, instance_id)
        if instance.desired_state == Desired.DELETED:
            raise Conflict("The instance is being deleted.", instance_status=instance.status)
        plan = Plan(site_id=principal.site_id, instance_id=instance.pk, user_id=instance.user_id, **fields)
        plan.agent_id = _agent(principal, agent_id) or principal.agent_id or instance.agent_id
        graph.set_parent(plan, parent_id)
        lifecycle.record(plan, "written", status_to=plan.status)
        plan.save(force_insert=True, using="default")
        graph.set_needs(plan, depends_on)
        moves.settle(plan)
        _lay_out(plan, steps)
        if status not in (None, PlanStatus.PENDING):
            moves.wish(plan, status)
        audit.record(principal, "plan.created", plan)
        return selectors.plan_of(principal, plan.pk)


def change_plan(principal: Principal, plan_id: UUID, **changes: Any) -> Plan:
    """Change whichever fields are given. Steps are a whole list: those whose id is known go on, others are new.

    Raises:
        NotFound, Forbidden, Invalid, Conflict: nothing was changed.
    """
    principal.must("plans:write")
    with site_scope(principal.site_id):
        plan = selectors.locked_plan(principal, plan_id)
        _change(principal, plan, **changes)
        audit.record(principal, "plan.changed", plan, fields=sorted(changes))
        return selectors.plan_of(principal, plan_id)


def change_step(principal: Principal, plan_id: UUID, step_id: str, **changes: Any) -> Plan:
    """Change one step. A plan begins with the first of its steps and is completed with the last.

    Raises:
        NotFound: no such plan, or it has no such step.
        Conflict: the plan is over or paused, or the step cannot become what is wished.
    """
    principal.must("plans:write")
    with site_scope(principal.site_id):
        plan = selectors.locked_plan(principal, plan_id)
        after = steps.replaced(plan.steps, step_id, changes, now=clock.now(), max_retries=plan.max_retries)
        _follow(plan, after)
        audit.record(principal, "plan.step_changed", plan, step_id=step_id, fields=sorted(changes))
        return selectors.plan_of(principal, plan_id)


def remove_plan(principal: Principal, plan_id: UUID) -> None:
    """Forget a plan and its history. What waited for it waits no longer; what was a part of it stands alone.

    Raises:
        Conflict: it is in progress.
    """
    principal.must("plans:write")
    with site_scope(principal.site_id):
        plan = selectors.locked_plan(principal, plan_id)
        if plan.status == PlanStatus.IN_PROGRESS:
            raise Conflict("The plan is in progress: complete, fail or cancel it first.", status=plan.status)
        waiting = graph.dependents(plan)
        audit.record(principal, "plan.deleted", plan)
        plan.delete(using="default")
        moves.set_free(waiting, site_id=principal.site_id)


def start_plan(principal: Principal, plan_id: UUID) -> Plan:
    """Raises Conflict where it is not pending, waits for another plan, or its instance isn't up."""
    return _ask(principal, plan_id, "started")


def complete_plan(principal: Principal, plan_id: UUID) -> Plan:
    """Raises Conflict where it is not in progress, or a step is neither completed nor skipped."""
    return _ask(principal, plan_id, "completed")


def fail_plan(principal: Principal, plan_id: UUID, *, reason: str = "") -> Plan:
    """`reason` becomes its error message. Raises Conflict where it is neither in progress nor paused."""
    return _ask(principal, plan_id, "failed", reason=reason)


def cancel_plan(principal: Principal, plan_id: UUID, *, reason: str = "") -> Plan:
    """Raises Conflict where it is over."""
    return _ask(principal, plan_id, "cancelled", reason=reason)


def pause_plan(principal: Principal, plan_id: UUID) -> Plan:
    """Raises Conflict where it is not in progress."""
    return _ask(principal, plan_id, "paused")


def resume_plan(principal: Principal, plan_id: UUID) -> Plan:
    """Raises Conflict where it is not paused, or its instance isn't up."""
    return _ask(principal, plan_id, "resumed")


def retry_plan(principal: Principal, plan_id: UUID) -> Plan:
    """Have a failed plan be pending again; steps that failed or were under way begin anew.

    Raises:
        Conflict: it has not failed, or was tried `max_retries` times again already.
    """
    return _ask(principal, plan_id, "retried")


# --- what the services share --------------------------------------------------------------------------------------
def _ask(principal: Principal, plan_id: UUID, event: str, *, reason: str = "") -> Plan:
    principal.must("plans:write")
    with site_scope(principal.site_id):
        plan = selectors.locked_plan(principal, plan_id)
        moves.ask(plan, event, reason=reason)
        audit.record(principal, f"plan.{event}", plan)
        return selectors.plan_of(principal, plan_id)


def _change(
    principal: Principal,
    plan: Plan,
    *,
    status: str | None = None,
    steps: Sequence[Mapping[str, Any]] | None = None,
    depends_on: Collection[UUID] | None = None,
    **columns: Any,
) -> None:
    """To a locked plan, in the order in which one change may need another."""
    if columns:
        _set_columns(principal, plan, columns)
    if depends_on is not None:
        _set_needs(plan, depends_on)
    if steps is not None:
        _lay_out(plan, steps)
    if status is not None:
        moves.wish(plan, status)


def _set_columns(principal: Principal, plan: Plan, columns: dict[str, Any]) -> None:
    if "agent_id" in columns:
        columns["agent_id"] = _agent(principal, columns["agent_id"])
    if "parent_id" in columns:
        graph.set_parent(plan, columns["parent_id"])
    for column, value in columns.items():
        setattr(plan, column, value)
    lifecycle.record(plan, "changed", fields=sorted(columns))
    plan.save(using="default")


def _set_needs(plan: Plan, depends_on: Collection[UUID]) -> None:
    if set(depends_on) == graph.needs_of(plan):
        return
    if plan.status not in (PlanStatus.PENDING, PlanStatus.BLOCKED):
        raise Conflict(f"What a plan depends on is fixed once it is {plan.status}.", status=plan.status)
    graph.set_needs(plan, depends_on)
    lifecycle.record(plan, "changed", fields=["depends_on"])
    plan.save(using="default")
    moves.settle(plan)


def _lay_out(plan: Plan, wanted: Sequence[Mapping[str, Any]]) -> None:
    _follow(plan, steps.laid_out(wanted, plan.steps, now=clock.now(), max_retries=plan.max_retries))


def _follow(plan: Plan, after: list[steps.Step]) -> None:
    """Write changed steps into a locked plan, and have it follow them.

    Raises:
        Conflict: the plan is over; or it is paused, and a step's status would change.
    """
    moved = steps.statuses(plan.steps) != steps.statuses(after)
    if after == plan.steps:
        return
    if plan.status in lifecycle.OVER or (plan.status == PlanStatus.PAUSED and moved):
        raise Conflict(f"The steps of a plan that is {plan.status} stay as they are.", status=plan.status)
    steps.must_fit(after, plan.steps)
    changed = steps.differing(plan.steps, after)
    plan.steps = after
    lifecycle.record(plan, "steps_changed", steps=changed)
    moves.follow_steps(plan)


def _agent(principal: Principal, agent_id: UUID | None) -> UUID | None:
    return site_selectors.agent_of(principal.site_id, agent_id).pk if agent_id else None
