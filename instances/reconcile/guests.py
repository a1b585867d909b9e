"""What the steps do with a machine's guest: configure it, note that it is ready, and miss it."""

from __future__ import annotations

import logging

from common import clock
from guest.protocol.hello import Configure
from instances import ports
from instances.guestlink import GuestBusy, GuestRefused, GuestTimedOut, GuestUnreachable, Presence
from instances.lifecycle import Outcome
from instances.models import Instance
from instances.providers import registry
from instances.providers.base import Refused
from instances.reconcile import pace

logger = logging.getLogger(__name__)


def configure(instance: Instance) -> bool:
    """Hand the guest its environment; False when it could not be reached just now."""
    try:
        ports.guests().configure(instance.machine, Configure(environment=instance.environment_variables or {}))
    except (GuestUnreachable, GuestTimedOut, GuestBusy) as error:
        logger.warning("instance %s took no configuration: %s", instance.pk, error)
        return False
    except GuestRefused as refusal:
        raise Refused(f"the machine refused its configuration: {refusal}") from refusal
    return True


def ready(instance: Instance, presence: Presence) -> dict[str, object]:
    """What is known of a guest that has its configuration; its start-up script is due once a boot."""
    facts: dict[str, object] = {"boot_id": presence.boot_id, "observed_generation": instance.generation}
    if instance.startup_script and instance.startup_boot_id != presence.boot_id:
        facts["startup_due_at"] = clock.now()
    return facts


def miss(instance: Instance) -> Outcome:
    """The machine is up but its guest does not answer: give it time to dial again, or to boot, then give up."""
    lost_at = instance.guest_lost_at or clock.now()
    silent_s = pace.GUEST_SILENT_S + registry.boot_within_s(instance.provider)
    if (clock.now() - lost_at).total_seconds() > silent_s:
        reason = f"The machine is up, but its guest has not answered for {silent_s:.0f} seconds."
        return Outcome("gave_up", reason=reason, facts={"guest_lost_at": None}, look_in_s=None)
    return Outcome(facts={"guest_lost_at": lost_at}, look_in_s=pace.RETRY_S)
