"""The steps down to a machine that rests, and up again from there."""

from __future__ import annotations

from instances.lifecycle import Outcome
from instances.models import Desired, Instance
from instances.providers.base import Power, Refused
from instances.reconcile import machines, pace
from instances.reconcile.making import order


def send_stop(instance: Instance) -> Outcome:
    machines.resting(instance).stop(machines.handle_of(instance))
    facts = {"observed_restart": instance.restart_generation}
    return Outcome("stop_sent", reason=instance.wish_reason, facts=facts, look_in_s=0.05)


def await_rest(instance: Instance) -> Outcome:
    sighting = machines.sight(instance)
    if sighting.power == Power.GONE:
        return machines.lost(instance, sighting.reason or "The machine disappeared while it was stopping.")
    if sighting.power == Power.RESTING:
        return Outcome(
            "went_down",
            reason=instance.wish_reason,
            look_in_s=0.0 if instance.desired_state == Desired.RUNNING else pace.WATCHED,
        )
    machines.resting(instance).stop(machines.handle_of(instance))
    return Outcome(look_in_s=pace.soon_s(instance))


def send_start(instance: Instance) -> Outcome:
    if instance.handle is None:
        return order(instance)
    try:
        machines.resting(instance).start(machines.handle_of(instance))
    except Refused:
        if machines.sight(instance).power == Power.GONE:
            return machines.lost(instance, "The stopped machine disappeared.")
        raise
    return Outcome("start_sent", look_in_s=pace.SOON_S)


def watch_rest(instance: Instance) -> Outcome:
    if instance.handle is None:
        return Outcome(look_in_s=None)
    sighting = machines.sight(instance)
    if sighting.power == Power.GONE:
        return machines.lost(instance, sighting.reason or "The stopped machine disappeared.")
    if sighting.power in (Power.UP, Power.RISING):  # a start from before its stop was late
        machines.resting(instance).stop(machines.handle_of(instance))
        return Outcome(look_in_s=pace.RETRY_S)
    return Outcome(look_in_s=pace.WATCHED)


def rest_in_error(instance: Instance) -> Outcome:
    return Outcome(look_in_s=None)
