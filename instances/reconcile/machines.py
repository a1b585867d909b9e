"""What the steps know of a machine: its provider, what is asked for, and what is seen of it."""

from __future__ import annotations

from django.conf import settings

from common import clock, tokens
from instances.flavours import FLAVOURS
from instances.lifecycle import Outcome
from instances.models import Instance
from instances.providers import registry
from instances.providers.base import CanFreeze, CanRest, Handle, Power, Provider, Refused, SeesLate, Sighting, Spec
from instances.providers.observed import observed


def provider_of(instance: Instance) -> Provider:
    return observed(registry.provider(instance.provider), instance.provider)


def resting(instance: Instance) -> CanRest:
    provider = provider_of(instance)
    if not isinstance(provider, CanRest):
        raise Refused(f"machines of provider {instance.provider!r} cannot be stopped, only deleted")
    return provider


def handle_of(instance: Instance) -> Handle:
    return Handle(version=instance.handle["version"], data=instance.handle["data"])


def packed(handle: Handle) -> dict[str, object]:
    return {"version": handle.version, "data": dict(handle.data)}


def spec_of(instance: Instance) -> Spec:
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


def sight(instance: Instance) -> Sighting:
    """A look at the machine. As long as its cloud may not show it yet, one that is missing counts as one that rises."""
    sighting = provider_of(instance).inspect(handle_of(instance))
    return Sighting(Power.RISING) if sighting.power == Power.GONE and may_be_unseen(instance) else sighting


def may_be_unseen(instance: Instance) -> bool:
    """Whether the machine was asked for so lately that its cloud may not show it yet."""
    provider = registry.provider(instance.provider)
    if instance.asked_at is None or not isinstance(provider, SeesLate):
        return False
    return (clock.now() - instance.asked_at).total_seconds() < provider.blind_for_s


def found(provider: Provider, token: str) -> Handle | None:
    """A machine that was ordered but whose handle never reached the row: its worker died in between."""
    return next((handle for name, handle in provider.list_ours() if name == token), None)


def let_go(instance: Instance) -> None:
    provider = provider_of(instance)
    if isinstance(provider, CanFreeze):
        provider.thaw(handle_of(instance))


def lost(instance: Instance, reason: str) -> Outcome:
    losses = instance.losses + 1
    return Outcome("vanished", reason=reason, facts={"losses": losses}, look_in_s=2.0**losses)
