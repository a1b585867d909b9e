"""The steps on the way up: a machine is decided on, asked for, and waited for; and one that was lost is replaced."""

from __future__ import annotations

from common import clock
from instances import lifecycle, ports, usage
from instances.lifecycle import Outcome
from instances.models import Desired, Instance, Status
from instances.providers.base import Power
from instances.reconcile import guests, machines, pace
from instances.reconcile.ending import cleared

REPLACE_AT_MOST = 3


def order(instance: Instance) -> Outcome:
    """Decide on a machine, before any is asked for: its name stands in the row first."""
    facts = {"incarnation": instance.incarnation + 1, "handle": None}
    return Outcome("ordered", facts=facts, unless=_waits_its_turn)


def hold_back(instance: Instance) -> Outcome:
    return Outcome("held_back", reason="Stopped before a machine was made.", look_in_s=None)


def create(instance: Instance) -> Outcome:
    handle = machines.provider_of(instance).create(machines.spec_of(instance), token=instance.machine)
    look_in_s = pace.SOON_S if instance.desired_state == Desired.RUNNING else 0.0
    return Outcome("created", facts={"handle": machines.packed(handle)}, look_in_s=look_in_s)


def await_guest(instance: Instance) -> Outcome:
    """Ready is what says hello with a boot id that we have not seen, and takes its configuration."""
    presence = ports.guests().presence(instance.machine)
    if presence and presence.boot_id != instance.boot_id and guests.configure(instance):
        return Outcome(
            "guest_ready",
            facts=guests.ready(instance, presence),
            look_in_s=pace.WATCHED,
        )
    sighting = machines.sight(instance)
    if sighting.power == Power.GONE:
        return machines.lost(instance, sighting.reason or "The machine ended while it was starting.")
    if sighting.power == Power.RESTING:  # a stop from before its start was late
        machines.resting(instance).start(machines.handle_of(instance))
    return Outcome(look_in_s=pace.soon_s(instance))


def mend(instance: Instance) -> Outcome:
    """Start over when somebody asked for it, or when the spec says so; first the old machine must be gone."""
    asked = instance.begins_anew
    replaced = instance.configuration.get("on_loss") == "replace" and 0 < instance.losses <= REPLACE_AT_MOST
    if not asked and not replaced:
        return Outcome(look_in_s=None)
    if not cleared(instance):
        return Outcome(look_in_s=pace.SOON_S)
    facts = {"incarnation": instance.incarnation + 1, "handle": None, "boot_id": ""}
    return Outcome("retried", facts=facts | ({"losses": 0} if asked else {}), unless=_waits_its_turn)


def _waits_its_turn(row: Instance) -> Outcome | None:
    """With as many machines in the making as the site may have: stay, say so, and look again. No deadline runs."""
    reason = usage.waits_for(row)
    if not reason:
        return None
    facts: dict[str, object] = {"status_reason": reason}
    if row.status == Status.PENDING:
        facts["deadline_at"] = clock.in_s(lifecycle.PENDING_WITHIN_S)
    return Outcome(facts=facts, look_in_s=pace.QUEUED_S)
