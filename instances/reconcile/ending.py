"""The steps of a deletion, and the end of a machine that belongs to nobody."""

from __future__ import annotations

import logging

from instances.lifecycle import Claim, Outcome
from instances.models import Instance, Status
from instances.providers.base import Power, Refused, Unreachable
from instances.reconcile import machines, pace

logger = logging.getLogger(__name__)


def send_destroy(instance: Instance) -> Outcome:
    return Outcome("destroy_sent", reason=instance.wish_reason)


def clear_away(instance: Instance) -> Outcome:
    """A deletion has no end but success: past its deadline it raises an alarm once, and goes on trying."""
    if cleared(instance):
        return Outcome("gone", look_in_s=None)
    return Outcome(look_in_s=0.1 if pace.waited_s(instance) < 10 else pace.RETRY_S)


def cleared(instance: Instance) -> bool:
    """Have this incarnation's machine destroyed; whether it is confirmed gone."""
    if instance.incarnation == 0:
        return True
    provider = machines.provider_of(instance)
    handle = machines.handle_of(instance) if instance.handle else machines.found(provider, instance.machine)
    if handle is None:
        return not machines.may_be_unseen(instance)
    provider.destroy(handle)
    return provider.inspect(handle).power == Power.GONE and not machines.may_be_unseen(instance)


def undo_late_create(claimed: Claim) -> None:
    """A machine made by a step that was overtaken by a deletion belongs to nobody: take it away again.

    What cannot be taken away just now, or is not shown yet, is left to the sweep of orphans.
    """
    instance = claimed.instance
    if instance.status != Status.PROVISIONING:
        return
    row = Instance.everywhere.filter(pk=instance.pk).first()
    still_wanted = (
        row is not None
        and row.incarnation == instance.incarnation
        and row.status not in (Status.DELETING, Status.DELETED)
    )
    if still_wanted:
        return
    try:
        handle = machines.found(machines.provider_of(instance), instance.machine)
        if handle is not None:
            machines.provider_of(instance).destroy(handle)
    except (Unreachable, Refused) as error:
        logger.warning("machine %s belongs to nobody and is still there: %s", instance.machine, error)
