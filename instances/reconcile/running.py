"""The steps of a machine that is up: it is watched, held still and let go."""

from __future__ import annotations

from dataclasses import replace

from instances import ports
from instances.lifecycle import Outcome
from instances.models import Instance
from instances.providers.base import CanFreeze, Power
from instances.reconcile import guests, machines, pace
from instances.reconcile.resting import send_stop


def watch(instance: Instance) -> Outcome:
    """A machine that rests without our wish (the platform was down, the guest shut down) is started again."""
    if instance.restart_generation > instance.observed_restart:
        return send_stop(instance)
    sighting = machines.sight(instance)
    if sighting.power == Power.GONE:
        return machines.lost(instance, sighting.reason or "The machine ended without being asked to.")
    if sighting.power == Power.RESTING:
        return Outcome("stop_sent", reason=sighting.reason)
    presence = ports.guests().presence(instance.machine)
    if presence is None:
        machines.let_go(instance)  # frozen by a step that was cut off before it could say so
        return guests.miss(instance)
    facts: dict[str, object] = {"guest_lost_at": None}
    if presence.boot_id != instance.boot_id or instance.observed_generation < instance.generation:
        if not guests.configure(instance):
            return Outcome(facts=facts, look_in_s=pace.RETRY_S)
        facts |= guests.ready(instance, presence)
    return Outcome(facts=facts, look_in_s=pace.WATCHED)


def send_pause(instance: Instance) -> Outcome:
    """Hold the machine still where it can be, else stop it: the disk is kept, what runs on it is not."""
    watched = watch_pause(instance)
    if watched.event:
        return watched
    provider = machines.provider_of(instance)
    if isinstance(provider, CanFreeze) and provider.freeze(machines.handle_of(instance)):
        return Outcome("pause_sent", facts={"guest_lost_at": None}, look_in_s=pace.REST_S)
    return send_stop(instance)


def watch_pause(instance: Instance) -> Outcome:
    """A frozen guest is silent, which says nothing; a machine that ended is lost like any other."""
    sighting = machines.sight(instance)
    if sighting.power == Power.GONE:
        return machines.lost(instance, sighting.reason or "The machine ended while it was paused.")
    if sighting.power == Power.RESTING:
        return Outcome("stop_sent", reason=sighting.reason)
    return Outcome(look_in_s=pace.REST_S)


def send_resume(instance: Instance) -> Outcome:
    """Let it go, and call it running once its guest is back: its connection may have been given up meanwhile."""
    watched = watch_pause(instance)
    if watched.event:
        return watched
    machines.let_go(instance)
    if ports.guests().presence(instance.machine) is None:
        found = guests.miss(instance)
        return found if found.event else replace(found, look_in_s=0.1)
    return Outcome("resume_sent", facts={"guest_lost_at": None}, look_in_s=0.0)
