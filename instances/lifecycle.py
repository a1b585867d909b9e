"""How an instance moves: the table, the lease that says who may move it, and the only writer of `Instance.status`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from common import clock
from common.realtime.publish import nudge_on_commit
from common.tenancy import CREW
from common.text import storable
from instances import followers, journal, timelimits
from instances.flavours import FLAVOURS
from instances.models import Event, Instance, Status
from instances.providers import registry

logger = logging.getLogger(__name__)

S = Status
TABLE: Mapping[tuple[str, str], Status] = {
    (S.PENDING, "ordered"): S.PROVISIONING,
    (S.PENDING, "held_back"): S.STOPPED,
    (S.PENDING, "gave_up"): S.ERROR,
    (S.PROVISIONING, "created"): S.STARTING,
    (S.PROVISIONING, "gave_up"): S.ERROR,
    (S.STARTING, "guest_ready"): S.RUNNING,
    (S.STARTING, "stop_sent"): S.STOPPING,
    (S.STARTING, "vanished"): S.ERROR,
    (S.STARTING, "gave_up"): S.ERROR,
    (S.RUNNING, "stop_sent"): S.STOPPING,
    (S.RUNNING, "claimed"): S.STARTING,
    (S.RUNNING, "pause_sent"): S.PAUSED,
    (S.RUNNING, "vanished"): S.ERROR,
    (S.RUNNING, "gave_up"): S.ERROR,
    (S.PAUSED, "resume_sent"): S.RUNNING,
    (S.PAUSED, "stop_sent"): S.STOPPING,
    (S.PAUSED, "gave_up"): S.ERROR,
    (S.PAUSED, "vanished"): S.ERROR,
    (S.STOPPING, "went_down"): S.STOPPED,
    (S.STOPPING, "vanished"): S.ERROR,
    (S.STOPPING, "gave_up"): S.ERROR,
    (S.STOPPED, "start_sent"): S.STARTING,
    (S.STOPPED, "ordered"): S.PROVISIONING,
    (S.STOPPED, "vanished"): S.ERROR,
    (S.STOPPED, "gave_up"): S.ERROR,
    (S.ERROR, "retried"): S.PROVISIONING,
    **{(status, "destroy_sent"): S.DELETING for status in S if status not in (S.DELETING, S.DELETED)},
    (S.DELETING, "gone"): S.DELETED,
}
DOWN = frozenset({S.STOPPING, S.ERROR, S.DELETING})
"""Where an instance goes down, which those who work on it from above want to know."""

FAILURES = frozenset({"gave_up", "vanished", "alarm"})
"""Events that stand in the instance's log, too."""

LEASE_S = 30.0
"""How long one step may hold an instance; longer than any single call to a provider."""

PENDING_WITHIN_S = 600.0
_WITHIN_S = {S.PENDING: PENDING_WITHIN_S, S.PROVISIONING: 180.0, S.STOPPING: 60.0, S.DELETING: 300.0}


class NotAllowed(Exception):
    """The table has no such move: the caller looked at an old row."""


class Superseded(Exception):
    """Somebody else has gone on with this instance; what was found out meanwhile must not be written."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to take one step for `instance` (as it was read), until the lease runs out or is taken over."""

    instance: Instance
    lease_token: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step found: the event that moves the status, columns to write along, and when to look again.

    `alarm` is an event that moves nothing but that somebody should see. `look_in_s` None: not before somebody asks.
    `unless` is asked under the row's lock, right before the event; the outcome it gives takes this one's place.
    """

    event: str | None = None
    reason: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    alarm: str = ""
    look_in_s: float | None = 0.0
    unless: Callable[[Instance], Outcome | None] | None = None


def claim(instance_id: UUID, *, only_if_due: bool = False) -> Claim | None:
    """Take the lease, or None: there is nothing to do, or another worker holds it and will see our nudge."""
    with transaction.atomic(using=CREW):
        instance = Instance.everywhere.select_for_update().filter(pk=instance_id).exclude(status=S.DELETED).first()
        if instance is None:
            return None
        now = clock.now()
        if instance.lease_until and instance.lease_until > now:
            Instance.everywhere.filter(pk=instance_id).update(nudges=instance.nudges + 1)
            return None
        if only_if_due and (instance.look_again_at is None or instance.look_again_at > now + timedelta(seconds=0.05)):
            return None
        ended = end_in_time(instance)
        instance.lease_token += 1
        instance.lease_until = instance.look_again_at = clock.in_s(LEASE_S)
        instance.save(update_fields=None if ended else ["lease_token", "lease_until", "look_again_at"])
        return Claim(instance, instance.lease_token)


def conclude(claimed: Claim, outcome: Outcome) -> float | None:
    """Write a step's outcome and give the lease back; seconds until the next look, or None.

    Raises:
        Superseded: the lease was taken over or the status moved; nothing was written.
    """
    with transaction.atomic(using=CREW):
        row = Instance.everywhere.select_for_update().get(pk=claimed.instance.pk)
        if row.lease_token != claimed.lease_token or row.status != claimed.instance.status:
            raise Superseded(f"instance {row.pk} is {row.status}, lease {row.lease_token}")
        if outcome.unless is not None:
            outcome = outcome.unless(row) or outcome
        for column, value in outcome.facts.items():
            setattr(row, column, value)
        if outcome.event:
            move(row, outcome.event, reason=outcome.reason)
        if outcome.alarm:
            record(row, "alarm", message=outcome.alarm)
        asked_meanwhile = (row.generation, row.nudges) != (claimed.instance.generation, claimed.instance.nudges)
        look_in_s = 0.0 if asked_meanwhile else _no_later_than_its_end(row, outcome.look_in_s)
        row.lease_until = None
        row.look_again_at = None if look_in_s is None else clock.in_s(look_in_s)
        row.save(update_fields=_written(outcome))
        return look_in_s


def release(claimed: Claim, *, look_in_s: float) -> bool:
    """Give the lease back with nothing found, to look again later; False, and nothing, when it was taken over."""
    ours = Instance.everywhere.filter(pk=claimed.instance.pk, lease_token=claimed.lease_token)
    return bool(ours.update(lease_until=None, look_again_at=clock.in_s(look_in_s)))


def end_in_time(row: Instance) -> bool:
    """Wish a locked row's end if its time is over by now; whether it was. The caller saves the row.

    The moment is read under the lock, so whoever extended or used the instance before has their way.
    """
    end = timelimits.ending(row)
    if end is None or end.at > clock.now():
        return False
    row.desired_state, row.wish_reason = end.wish, end.reason
    row.generation += 1
    record(row, end.kind, message=end.reason)
    return True


def move(row: Instance, event: str, *, reason: str = "") -> None:
    """Change the status of a locked row as the table says, and write the event; the caller saves the row.

    Raises:
        NotAllowed: the table has no such move.
    """
    source = row.status
    target = TABLE.get((source, event))
    if target is None:
        raise NotAllowed(f"{event} in {source}")
    row.status, row.status_reason, row.status_since = target, storable(reason), clock.now()
    row.deadline_at = _deadline(row)
    if source == S.PROVISIONING:
        row.asked_at = row.status_since
    if event != "resume_sent":  # its run goes on
        _stamp(row, target)
    record(row, event, message=reason, status_from=source, status_to=target)
    if target in DOWN:
        followers.tell_on_commit(using=row._state.db or "default")


def record(
    row: Instance, kind: str, *, message: str = "", status_from: str = "", status_to: str = "", **data: Any
) -> None:
    """Append an event to a locked row's history and tell the watchers on commit; the caller saves the row.

    A pool's member has no history, for it is nobody's: what happens to it stands in the worker's own lines.
    """
    if row.pooled:
        logger.info("member %s of a pool: %s, %s %s", row.pk, kind, row.status, message)
        return
    row.last_event += 1
    using = row._state.db or "default"
    event = Event(
        site_id=row.site_id,
        instance_id=row.pk,
        number=row.last_event,
        kind=kind,
        status_from=status_from,
        status_to=status_to,
        message=storable(message),
        data=data,
    )
    event.save(using=using, force_insert=True)
    nudge_on_commit(f"instance:{row.pk}", f"site:{row.site_id}", using=using)
    if kind in FAILURES:
        journal.log_failure(row, event)


def _no_later_than_its_end(row: Instance, look_in_s: float | None) -> float | None:
    waits = [seconds for seconds in (look_in_s, timelimits.ends_in_s(row)) if seconds is not None]
    return min(waits, default=None)


def _written(outcome: Outcome) -> list[str] | None:
    """The columns that a step has touched. A look that moved nothing leaves `updated_at`, and so the ETag, alone."""
    if outcome.event or outcome.alarm:
        return None
    return ["lease_until", "look_again_at", *outcome.facts]


def _deadline(row: Instance) -> Any:
    within_s = FLAVOURS[row.instance_type].ready_within_s if row.status == S.STARTING else _WITHIN_S.get(S(row.status))
    slower_s = registry.boot_within_s(row.provider) if row.status in (S.STARTING, S.STOPPING) else 0.0
    return None if within_s is None else clock.in_s(within_s + slower_s)


def _stamp(row: Instance, target: Status) -> None:
    now = clock.now()
    if target == S.RUNNING:
        row.started_at, row.stopped_at, row.guest_lost_at = now, None, None
        timelimits.start_clock(row)
    elif target == S.PROVISIONING:
        row.expires_at = None  # the end of what nobody mends: it is mended
    elif target in (S.STOPPED, S.ERROR):
        row.stopped_at, row.observed_generation = now, row.generation
        timelimits.stop_clock(row)
    elif target == S.DELETED:
        row.deleted_at, row.stopped_at = now, row.stopped_at or now
