"""One step for one instance: look at its row, do one idempotent thing, write down what was found.

`STEPS` is the whole orchestration on one screen. A step calls provider and guest outside any transaction; what it
found is written by `lifecycle.conclude`, which refuses a step that was overtaken.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from uuid import UUID

from django.conf import settings

from common import clock, logs, tokens
from guest.protocol.hello import Configure
from instances import lifecycle, ports, telemetry, usage
from instances.flavours import FLAVOURS
from instances.guestlink import GuestBusy, GuestRefused, GuestTimedOut, GuestUnreachable, Presence
from instances.lifecycle import Claim, Outcome, Superseded
from instances.models import Desired, Instance, Status
from instances.providers import registry
from instances.providers.base import (
    CanFreeze,
    CanRest,
    Handle,
    OutOfCapacity,
    Power,
    Provider,
    Refused,
    SeesLate,
    Sighting,
    Spec,
    Unreachable,
)
from instances.providers.observed import observed

logger = logging.getLogger(__name__)

SOON_S, QUEUED_S, RETRY_S = 0.5, 1.0, 3.0
WATCHED = None
"""When to look next at what is as it is wished: not before somebody asks, or the patrol finds it changed."""
REST_S = 300.0
"""When to look next at a machine held still: its guest is silent, so the patrol learns too little of it."""

GUEST_SILENT_S = 90.0
REPLACE_AT_MOST = 3

PASSING = (Unreachable, OutOfCapacity, GuestUnreachable)
"""Faults that say nothing about the machine: look again."""

Step = Callable[[Instance], Outcome]


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
        if not lifecycle.release(claimed, look_in_s=RETRY_S):
            undo_late_create(claimed)
            return None
        return RETRY_S
    except Exception:
        # A fault of ours. The next look may fare better, and the status' deadline ends it in error if none does.
        lifecycle.release(claimed, look_in_s=RETRY_S)
        raise


def rest(instance_id: UUID) -> bool:
    """Stop an instance's machine and leave the wish as it is, so that the platform starts it when it is up again.

    Call it while no worker runs. Returns whether the machine rests; until then, call it again.
    """
    claimed = lifecycle.claim(instance_id)
    if claimed is None:
        return True
    ways: dict[str, Step] = {S.STARTING: send_stop, S.RUNNING: send_stop, S.PAUSED: send_stop, S.STOPPING: await_rest}
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
        outcome = Outcome(look_in_s=RETRY_S)
    return _miss_deadline(instance, outcome) if late and outcome.event is None else outcome


# --- the steps ----------------------------------------------------------------------------------------------------
def order(instance: Instance) -> Outcome:
    """Decide on a machine, before any is asked for: its name stands in the row first."""
    facts = {"incarnation": instance.incarnation + 1, "handle": None}
    return Outcome("ordered", facts=facts, unless=_waits_its_turn)


def hold_back(instance: Instance) -> Outcome:
    return Outcome("held_back", reason="Stopped before a machine was made.", look_in_s=None)


def create(instance: Instance) -> Outcome:
    handle = _provider(instance).create(_spec(instance), token=instance.machine)
    look_in_s = SOON_S if instance.desired_state == Desired.RUNNING else 0.0
    return Outcome("created", facts={"handle": _pack(handle)}, look_in_s=look_in_s)


def await_guest(instance: Instance) -> Outcome:
    """Ready is what says hello with a boot id that we have not seen, and takes its configuration."""
    presence = ports.guests().presence(instance.machine)
    if presence and presence.boot_id != instance.boot_id and _configure(instance):
        return Outcome(
            "guest_ready",
            facts=_ready(instance, presence),
            look_in_s=WATCHED,
        )
    sighting = _sight(instance)
    if sighting.power == Power.GONE:
        return _lost(instance, sighting.reason or "The machine ended while it was starting.")
    if sighting.power == Power.RESTING:  # a stop from before its start was late
        _resting(instance).start(_handle(instance))
    return Outcome(look_in_s=SOON_S)


def watch(instance: Instance) -> Outcome:
    """A machine that rests without our wish (the platform was down, the guest shut down) is started again."""
    if instance.restart_generation > instance.observed_restart:
        return send_stop(instance)
    sighting = _sight(instance)
    if sighting.power == Power.GONE:
        return _lost(instance, sighting.reason or "The machine ended without being asked to.")
    if sighting.power == Power.RESTING:
        return Outcome("stop_sent", reason=sighting.reason)
    presence = ports.guests().presence(instance.machine)
    if presence is None:
        _let_go(instance)  # frozen by a step that was cut off before it could say so
        return _miss_guest(instance)
    facts: dict[str, object] = {"guest_lost_at": None}
    if presence.boot_id != instance.boot_id or instance.observed_generation < instance.generation:
        if not _configure(instance):
            return Outcome(facts=facts, look_in_s=RETRY_S)
        facts |= _ready(instance, presence)
    return Outcome(facts=facts, look_in_s=WATCHED)


def send_pause(instance: Instance) -> Outcome:
    """Hold the machine still where it can be, else stop it: the disk is kept, what runs on it is not."""
    watched = watch_pause(instance)
    if watched.event:
        return watched
    provider = _provider(instance)
    if isinstance(provider, CanFreeze) and provider.freeze(_handle(instance)):
        return Outcome("pause_sent", facts={"guest_lost_at": None}, look_in_s=REST_S)
    return send_stop(instance)


def watch_pause(instance: Instance) -> Outcome:
    """A frozen guest is silent, which says nothing; a machine that ended is lost like any other."""
    sighting = _sight(instance)
    if sighting.power == Power.GONE:
        return _lost(instance, sighting.reason or "The machine ended while it was paused.")
    if sighting.power == Power.RESTING:
        return Outcome("stop_sent", reason=sighting.reason)
    return Outcome(look_in_s=REST_S)


def send_resume(instance: Instance) -> Outcome:
    """Let it go, and call it running once its guest is back: its connection may have been given up meanwhile."""
    watched = watch_pause(instance)
    if watched.event:
        return watched
    _let_go(instance)
    if ports.guests().presence(instance.machine) is None:
        found = _miss_guest(instance)
        return found if found.event else replace(found, look_in_s=0.1)
    return Outcome("resume_sent", facts={"guest_lost_at": None}, look_in_s=0.0)


def send_stop(instance: Instance) -> Outcome:
    _resting(instance).stop(_handle(instance))
    facts = {"observed_restart": instance.restart_generation}
    return Outcome("stop_sent", reason=instance.wish_reason, facts=facts, look_in_s=0.05)


def await_rest(instance: Instance) -> Outcome:
    sighting = _sight(instance)
    if sighting.power == Power.GONE:
        return _lost(instance, sighting.reason or "The machine disappeared while it was stopping.")
    if sighting.power == Power.RESTING:
        return Outcome(
            "went_down",
            reason=instance.wish_reason,
            look_in_s=0.0 if instance.desired_state == Desired.RUNNING else WATCHED,
        )
    _resting(instance).stop(_handle(instance))
    return Outcome(look_in_s=SOON_S)


def send_start(instance: Instance) -> Outcome:
    if instance.handle is None:
        return order(instance)
    try:
        _resting(instance).start(_handle(instance))
    except Refused:
        if _sight(instance).power == Power.GONE:
            return _lost(instance, "The stopped machine disappeared.")
        raise
    return Outcome("start_sent", look_in_s=SOON_S)


def watch_rest(instance: Instance) -> Outcome:
    if instance.handle is None:
        return Outcome(look_in_s=None)
    sighting = _sight(instance)
    if sighting.power == Power.GONE:
        return _lost(instance, sighting.reason or "The stopped machine disappeared.")
    if sighting.power in (Power.UP, Power.RISING):  # a start from before its stop was late
        _resting(instance).stop(_handle(instance))
        return Outcome(look_in_s=RETRY_S)
    return Outcome(look_in_s=WATCHED)


def mend(instance: Instance) -> Outcome:
    """Start over when somebody asked for it, or when the spec says so; first the old machine must be gone."""
    asked = instance.begins_anew
    replaced = instance.configuration.get("on_loss") == "replace" and 0 < instance.losses <= REPLACE_AT_MOST
    if not asked and not replaced:
        return Outcome(look_in_s=None)
    if not _cleared(instance):
        return Outcome(look_in_s=SOON_S)
    facts = {"incarnation": instance.incarnation + 1, "handle": None, "boot_id": ""}
    return Outcome("retried", facts=facts | ({"losses": 0} if asked else {}), unless=_waits_its_turn)


def rest_in_error(instance: Instance) -> Outcome:
    return Outcome(look_in_s=None)


def send_destroy(instance: Instance) -> Outcome:
    return Outcome("destroy_sent", reason=instance.wish_reason)


def clear_away(instance: Instance) -> Outcome:
    """A deletion has no end but success: past its deadline it raises an alarm once, and goes on trying."""
    if _cleared(instance):
        return Outcome("gone", look_in_s=None)
    return Outcome(look_in_s=0.1 if _waited_s(instance) < 10 else RETRY_S)


S, D = Status, Desired
STEPS: Mapping[tuple[str, str], Step] = {
    (S.PENDING, D.RUNNING): order,
    (S.PENDING, D.STOPPED): hold_back,
    (S.PROVISIONING, D.RUNNING): create,
    (S.PROVISIONING, D.STOPPED): create,
    (S.STARTING, D.RUNNING): await_guest,
    (S.STARTING, D.STOPPED): send_stop,
    (S.RUNNING, D.RUNNING): watch,
    (S.RUNNING, D.STOPPED): send_stop,
    (S.RUNNING, D.PAUSED): send_pause,
    (S.PAUSED, D.PAUSED): watch_pause,
    (S.PAUSED, D.RUNNING): send_resume,
    (S.PAUSED, D.STOPPED): send_stop,
    (S.STOPPING, D.RUNNING): await_rest,
    (S.STOPPING, D.STOPPED): await_rest,
    (S.STOPPED, D.RUNNING): send_start,
    (S.STOPPED, D.STOPPED): watch_rest,
    (S.ERROR, D.RUNNING): mend,
    (S.ERROR, D.STOPPED): rest_in_error,
    # Only what runs is paused; what came down meanwhile stays down.
    (S.STOPPING, D.PAUSED): await_rest,
    (S.STOPPED, D.PAUSED): watch_rest,
    (S.ERROR, D.PAUSED): rest_in_error,
    (S.DELETING, D.DELETED): clear_away,
    **{(status, D.DELETED): send_destroy for status in S if status not in (S.DELETING, S.DELETED)},
}


# --- what the steps share -----------------------------------------------------------------------------------------
def _provider(instance: Instance) -> Provider:
    return observed(registry.provider(instance.provider), instance.provider)


def _resting(instance: Instance) -> CanRest:
    provider = _provider(instance)
    if not isinstance(provider, CanRest):
        raise Refused(f"machines of provider {instance.provider!r} cannot be stopped, only deleted")
    return provider


def _spec(instance: Instance) -> Spec:
    wished = instance.configuration
    flavour = FLAVOURS[instance.instance_type]
    return Spec(
        flavour=flavour.name,
        width=wished.get("width", 1280),
        height=wished.get("height", 800),
        memory_mib=wished.get("memory_mib", flavour.memory_mib),
        disk_mib=wished.get("disk_mib", 2048),
        guest_token=tokens.derive(settings.GATEWAY_SECRET, purpose="guest", subject=instance.machine),
        bootstrap_token=tokens.derive(settings.GATEWAY_SECRET, purpose="bootstrap", subject=instance.machine),
        labels={"site": str(instance.site_id), "instance": str(instance.pk), "incarnation": str(instance.incarnation)},
    )


def _pack(handle: Handle) -> dict[str, object]:
    return {"version": handle.version, "data": dict(handle.data)}


def _handle(instance: Instance) -> Handle:
    return Handle(version=instance.handle["version"], data=instance.handle["data"])


def _configure(instance: Instance) -> bool:
    """Hand the guest its environment; False when it could not be reached just now."""
    try:
        ports.guests().configure(instance.machine, Configure(environment=instance.environment_variables or {}))
    except (GuestUnreachable, GuestTimedOut, GuestBusy) as error:
        logger.warning("instance %s took no configuration: %s", instance.pk, error)
        return False
    except GuestRefused as refusal:
        raise Refused(f"the machine refused its configuration: {refusal}") from refusal
    return True


def _waits_its_turn(row: Instance) -> Outcome | None:
    """With as many machines in the making as the site may have: stay, say so, and look again. No deadline runs."""
    reason = usage.waits_for(row)
    if not reason:
        return None
    facts: dict[str, object] = {"status_reason": reason}
    if row.status == S.PENDING:
        facts["deadline_at"] = clock.in_s(lifecycle.PENDING_WITHIN_S)
    return Outcome(facts=facts, look_in_s=QUEUED_S)


def _ready(instance: Instance, presence: Presence) -> dict[str, object]:
    """What is known of a guest that has its configuration; its start-up script is due once a boot."""
    facts: dict[str, object] = {"boot_id": presence.boot_id, "observed_generation": instance.generation}
    if instance.startup_script and instance.startup_boot_id != presence.boot_id:
        facts["startup_due_at"] = clock.now()
    return facts


def _cleared(instance: Instance) -> bool:
    """Have this incarnation's machine destroyed; whether it is confirmed gone."""
    if instance.incarnation == 0:
        return True
    provider = _provider(instance)
    handle = _handle(instance) if instance.handle else _found(provider, instance.machine)
    if handle is None:
        return not _may_be_unseen(instance)
    provider.destroy(handle)
    return provider.inspect(handle).power == Power.GONE and not _may_be_unseen(instance)


def _let_go(instance: Instance) -> None:
    provider = _provider(instance)
    if isinstance(provider, CanFreeze):
        provider.thaw(_handle(instance))


def _sight(instance: Instance) -> Sighting:
    """A look at the machine. As long as its cloud may not show it yet, one that is missing counts as one that rises."""
    sighting = _provider(instance).inspect(_handle(instance))
    return Sighting(Power.RISING) if sighting.power == Power.GONE and _may_be_unseen(instance) else sighting


def _may_be_unseen(instance: Instance) -> bool:
    """Whether the machine was asked for so lately that its cloud may not show it yet."""
    provider = registry.provider(instance.provider)
    if instance.asked_at is None or not isinstance(provider, SeesLate):
        return False
    return (clock.now() - instance.asked_at).total_seconds() < provider.blind_for_s


def _found(provider: Provider, token: str) -> Handle | None:
    """A machine that was ordered but whose handle never reached the row: its worker died in between."""
    return next((handle for name, handle in provider.list_ours() if name == token), None)


def _lost(instance: Instance, reason: str) -> Outcome:
    losses = instance.losses + 1
    return Outcome("vanished", reason=reason, facts={"losses": losses}, look_in_s=2.0**losses)


def _miss_guest(instance: Instance) -> Outcome:
    """The machine is up but its guest does not answer: give it time to dial again, then give up."""
    lost_at = instance.guest_lost_at or clock.now()
    if (clock.now() - lost_at).total_seconds() > GUEST_SILENT_S:
        reason = f"The machine is up, but its guest has not answered for {GUEST_SILENT_S:.0f} seconds."
        return Outcome("gave_up", reason=reason, facts={"guest_lost_at": None}, look_in_s=None)
    return Outcome(facts={"guest_lost_at": lost_at}, look_in_s=RETRY_S)


def _miss_deadline(instance: Instance, outcome: Outcome) -> Outcome:
    """What goes forward ends in error. A deletion goes on; somebody should see that it lasts."""
    waited_s = _waited_s(instance)
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


def _waited_s(instance: Instance) -> float:
    return (clock.now() - instance.status_since).total_seconds()


def _refused(instance: Instance, reason: str) -> Outcome:
    """A refusal ends what goes forward; it does not end a deletion, which goes on trying."""
    if instance.desired_state == Desired.DELETED or (instance.status, "gave_up") not in lifecycle.TABLE:
        logger.error("instance %s (%s): refused: %s", instance.pk, instance.status, reason)
        return Outcome(look_in_s=60.0)
    return Outcome("gave_up", reason=reason[:1000], look_in_s=None)


def undo_late_create(claimed: Claim) -> None:
    """A machine made by a step that was overtaken by a deletion belongs to nobody: take it away again.

    What cannot be taken away just now, or is not shown yet, is left to the sweep of orphans.
    """
    instance = claimed.instance
    if instance.status != Status.PROVISIONING:
        return
    row = Instance.everywhere.filter(pk=instance.pk).first()
    still_wanted = (
        row is not None and row.incarnation == instance.incarnation and row.status not in (S.DELETING, S.DELETED)
    )
    if still_wanted:
        return
    try:
        handle = _found(_provider(instance), instance.machine)
        if handle is not None:
            _provider(instance).destroy(handle)
    except (Unreachable, Refused) as error:
        logger.warning("machine %s belongs to nobody and is still there: %s", instance.machine, error)
