"""How a plan moves: the table, its history, and the only writer of `Plan.status`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from common import clock
from common.errors import Conflict
from common.realtime.publish import nudge_on_commit
from plans import steps
from plans.models import Plan, PlanEvent, PlanStatus

S = PlanStatus
TABLE: Mapping[tuple[str, str], PlanStatus] = {
    (S.PENDING, "started"): S.IN_PROGRESS,
    (S.PENDING, "blocked"): S.BLOCKED,
    (S.PENDING, "cancelled"): S.CANCELLED,
    (S.BLOCKED, "unblocked"): S.PENDING,
    (S.BLOCKED, "cancelled"): S.CANCELLED,
    (S.IN_PROGRESS, "completed"): S.COMPLETED,
    (S.IN_PROGRESS, "failed"): S.FAILED,
    (S.IN_PROGRESS, "paused"): S.PAUSED,
    (S.IN_PROGRESS, "cancelled"): S.CANCELLED,
    (S.PAUSED, "resumed"): S.IN_PROGRESS,
    (S.PAUSED, "failed"): S.FAILED,
    (S.PAUSED, "cancelled"): S.CANCELLED,
    (S.FAILED, "retried"): S.PENDING,
}
BY_ITSELF = frozenset({"blocked", "unblocked"})
"""What only the plans that this one needs bring about; nobody can ask for it."""

OVER = (S.COMPLETED, S.FAILED, S.CANCELLED)


def event_to(plan: Plan, status: str) -> str:
    """The event that brings a plan from where it is to the status that somebody wishes.

    Raises:
        Conflict: the table has no such move, or it is not for anybody to ask.
    """
    for (source, event), target in TABLE.items():
        if (source, target) == (plan.status, status) and event not in BY_ITSELF:
            return event
    raise Conflict(f"A plan that is {plan.status} cannot become {status}.", status=plan.status)


def must_allow(plan: Plan, event: str) -> PlanStatus:
    """Where `event` leads from here.

    Raises:
        Conflict: nowhere.
    """
    target = TABLE.get((plan.status, event))
    if target is None:
        raise Conflict(f"A plan that is {plan.status} cannot be {event}.", status=plan.status)
    return target


def move(plan: Plan, event: str, *, reason: str = "") -> None:
    """Change the status of a locked row as the table says, and write the event; the caller saves the row.

    Raises:
        Conflict: the table has no such move.
    """
    source, target = plan.status, must_allow(plan, event)
    plan.status = target
    _STAMPS.get(event, _nothing)(plan, reason)
    count(plan)
    record(plan, event, message=reason, status_from=source, status_to=target)


def count(plan: Plan) -> None:
    """Write into a locked row what its steps amount to; the caller saves it."""
    plan.steps_completed, plan.steps_total, plan.progress_percentage = steps.progress(plan.steps)
    if plan.status == S.COMPLETED:
        plan.progress_percentage = 100


def record(
    plan: Plan, kind: str, *, message: str = "", status_from: str = "", status_to: str = "", **data: Any
) -> PlanEvent:
    """Append an event to a locked row's history and tell the watchers on commit; the caller saves the row."""
    plan.last_event += 1
    event = PlanEvent(
        site_id=plan.site_id,
        plan_id=plan.pk,
        number=plan.last_event,
        kind=kind,
        status_from=status_from,
        status_to=status_to,
        message=message,
        data=data,
    )
    event.save(using="default", force_insert=True)
    nudge_on_commit(f"plan:{plan.pk}")
    return event


def _began(plan: Plan, reason: str) -> None:
    plan.started_at = plan.started_at or clock.now()
    plan.error_message = ""


def _completed(plan: Plan, reason: str) -> None:
    plan.completed_at = clock.now()


def _failed(plan: Plan, reason: str) -> None:
    plan.error_message = reason
    plan.steps = steps.broken_off(plan.steps, reason)


def _cancelled(plan: Plan, reason: str) -> None:
    plan.steps = steps.broken_off(plan.steps, reason or "The plan was cancelled.")


def _retried(plan: Plan, reason: str) -> None:
    plan.retry_count += 1
    plan.error_message = ""
    plan.started_at = None
    plan.steps = steps.started_over(plan.steps)


def _nothing(plan: Plan, reason: str) -> None:
    """Most events stamp nothing."""


_STAMPS: Mapping[str, Callable[[Plan, str], None]] = {
    "started": _began,
    "completed": _completed,
    "failed": _failed,
    "cancelled": _cancelled,
    "retried": _retried,
}
