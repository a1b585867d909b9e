"""How the guest of a cloud's machine comes by its own token: once, for what its first boot was told.

What a cloud tells a machine at its first boot can be read by others. So it is told a token that is good for one
redemption, by one claimant, while this incarnation starts. The claimant is known by a secret of its own making, so a
guest whose answer was lost on the way asks again and is answered again; anybody else is too late.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import transaction

from common import clock, tokens
from common.errors import Conflict, Invalid, Unavailable
from common.tenancy import CREW
from instances import lifecycle
from instances.flavours import FLAVOURS
from instances.models import Instance, Status

PURPOSE = "bootstrap"
STARTS = frozenset({Status.PROVISIONING, Status.STARTING})


@dataclass(frozen=True, slots=True)
class Redeemed:
    """What the guest needs to dial in; `token` is a secret. The fields are those of `guest.config`."""

    incarnation: str
    token: str
    gateway: str
    flavour: str
    width: int
    height: int


def redeem(*, machine: str, token: str, claim: str) -> Redeemed:
    """Give the machine's guest its token. The same claim again gets the same answer while the machine starts.

    Raises:
        Invalid: the bootstrap token is not this machine's.
        Conflict: another claim was first, or the machine does not start just now.
        Unavailable: this platform has no address for guests of other hosts.
    """
    if not tokens.holds(token, settings.GATEWAY_SECRET, purpose=PURPOSE, subject=machine):
        raise Invalid("The token is not this machine's.", code="BOOTSTRAP_REFUSED")
    if not settings.GATEWAY_PUBLIC_GUEST_URL:
        raise Unavailable("This platform has no address for guests of other hosts (GATEWAY_PUBLIC_GUEST_URL).")
    number, _, incarnation = machine.partition("-")
    with transaction.atomic(using=CREW):
        instance = Instance.everywhere.select_for_update().filter(pk=UUID(number)).first()
        if instance is None or instance.incarnation != int(incarnation) or not _starts(instance):
            raise Conflict("The machine does not start (any more).", code="BOOTSTRAP_TOO_LATE")
        _take(instance, hashlib.sha256(claim.encode()).hexdigest())
    return _told(instance)


def _starts(instance: Instance) -> bool:
    in_time = instance.deadline_at is None or instance.deadline_at > clock.now()
    return instance.status in STARTS and in_time


def _take(instance: Instance, claim: str) -> None:
    """Write the claim into the locked row, or know it again."""
    if instance.bootstrapped_incarnation == instance.incarnation:
        if hmac.compare_digest(instance.bootstrap_claim, claim):
            return
        raise Conflict("The machine's token has been redeemed by another claim.", code="BOOTSTRAP_REDEEMED")
    instance.bootstrapped_incarnation, instance.bootstrap_claim = instance.incarnation, claim
    lifecycle.record(instance, "bootstrapped")
    instance.save(update_fields=["bootstrapped_incarnation", "bootstrap_claim", "last_event"])


def _told(instance: Instance) -> Redeemed:
    wished = instance.configuration
    return Redeemed(
        incarnation=instance.machine,
        token=tokens.derive(settings.GATEWAY_SECRET, purpose="guest", subject=instance.machine),
        gateway=settings.GATEWAY_PUBLIC_GUEST_URL,
        flavour=FLAVOURS[instance.instance_type].name,
        width=wished.get("width", 1280),
        height=wished.get("height", 800),
    )
