"""One step for one instance: look at its row, do one idempotent thing, write down what was found.

A step calls provider and guest outside any transaction; what it found is written by `lifecycle.conclude`, which
refuses a step that was overtaken.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from uuid import UUID

from common import clock, logs
from instances import lifecycle, telemetry
from instances.guestlink import GuestUnreachable
from instances.lifecycle import Claim, Outcome, Superseded
from instances.models import Desired, Instance, Status
from instances.providers.base import OutOfCapacity, Refused, Unreachable
from instances.reconcile import pace
from instances.reconcile.ending import undo_late_create
from instances.reconcile.resting import await_rest, send_stop
from instances.reconcile.table import STEPS, Step

logger = logging.getLogger(__name__)

PASSING = (Unreachable, OutOfCapacity, GuestUnreachable)
"""Faults that say nothing about the machine: look again."""


def step(instance_id: UUID, *, only_if_due: bool = False) -> float | None:
    """Take one step for an instance; seconds until the next look, or None when there is none to plan.

    Called twice, or after a crash in its middle, it does no harm: every step may be repeated.
    """
    claimed = lifecycle.claim(instance_id, only_if_due=only_if_due)
    if claimed is None:
        return None
    instance = claimed.instance
    name = STEPS[instance.status, instance.desired_state].__name__
    ids = {"site_id": instance.site_id, "instance_id": instance.pk, "incarnation": instance.incarnation}
    with logs.within(**ids), telemetry.step(name) as watched:
        return _taken(claimed, watched)


def _taken(claimed: Claim, watched: telemetry.Watched) -> float | None:
    instance_id = claimed.instance.pk
    try:
        found = _look(claimed.instance)
        look_in_s = lifecycle.conclude(claimed, found)
        watched.outcome = found.event or "nothing"
        return look_in_s
    except Superseded as late:
        watched.outcome = "overtaken"
        logger.info("step was overtaken: %s", late)
        undo_late_create(claimed)
        return None
    except PASSING as error:
        watched.outcome = "passing"
        logger.warning("instance %s: %s: %s", instance_id, type(error).__name__, error)
        if not lifecycle.release(claimed, look_in_s=pace.RETRY_S):
            undo_late_create(claimed)
            return None
        return pace.RETRY_S
    except Exception:
        # A fault of ours. The next look may fare better, and the status' deadline ends it in error if none does.
        lifecycle.release(claimed, look_in_s=pace.RETRY_S)
        raise


def rest(instance_id: UUID) -> bool:
    """Stop an instance's machine and leave the wish as it is, so that the platform starts it when it is up again.

    Call it while no worker runs. Returns whether the machine rests; until then, call it again.
    """
    claimed = lifecycle.claim(instance_id)
    if claimed is None:
        return True
    ways: dict[str, Step] = {
        Status.STARTING: send_stop,
        Status.RUNNING: send_stop,
        Status.PAUSED: send_stop,
        Status.STOPPING: await_rest,
    }
    way = ways.get(claimed.instance.status)
    if way is None:
        lifecycle.release(claimed, look_in_s=0)
        return True
    try:
        lifecycle.conclude(claimed, way(claimed.instance))
    except (Unreachable, Refused) as error:
        logger.warning("instance %s does not come to rest: %s", instance_id, error)
        lifecycle.release(claimed, look_in_s=0)
    return False


def _look(instance: Instance) -> Outcome:
    """What the step for this status and wish finds. A deadline counts only where the step leads nowhere: a worker
    that was killed may have kept the instance waiting past it, while the machine came up."""
    late = instance.deadline_at is not None and instance.deadline_at < clock.now()
    try:
        outcome = STEPS[instance.status, instance.desired_state](instance)
    except Refused as refusal:
        outcome = _refused(instance, str(refusal))
    except PASSING as error:
        if not late:
            raise
        logger.warning("instance %s: %s: %s", instance.pk, type(error).__name__, error)
        outcome = Outcome(look_in_s=pace.RETRY_S)
    return _miss_deadline(instance, outcome) if late and outcome.event is None else outcome


def _miss_deadline(instance: Instance, outcome: Outcome) -> Outcome:
    """What goes forward ends in error. A deletion goes on; somebody should see that it lasts."""
    waited_s = pace.waited_s(instance)
    if instance.status == Status.DELETING:
        alarm = f"The machine is still there {waited_s:.0f} seconds after its deletion was asked for."
        return replace(outcome, alarm=alarm, facts={**outcome.facts, "deadline_at": None})
    doing = {
        Status.PENDING: "No worker could begin with it",
        Status.PROVISIONING: "The provider made no machine",
        Status.STARTING: "The machine was made, but its desktop did not come up",
        Status.STOPPING: "The machine did not stop",
    }[Status(instance.status)]
    return Outcome("gave_up", reason=f"{doing} within {waited_s:.0f} seconds.", look_in_s=None)


def _refused(instance: Instance, reason: str) -> Outcome:
    """A refusal ends what goes forward; it does not end a deletion, which goes on trying."""
    if instance.desired_state == Desired.DELETED or (instance.status, "gave_up") not in lifecycle.TABLE:
        logger.error("instance %s (%s): refused: %s", instance.pk, instance.status, reason)
        return Outcome(look_in_s=60.0)
    return Outcome("gave_up", reason=reason[:1000], look_in_s=None)
