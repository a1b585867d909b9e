"""What a live view's page asks of us: whom it belongs to, a token for longer, the wheel. Its token is its principal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from common import clock
from common.errors import Conflict, Forbidden, GuestFailed, NotFound, NotSignedIn
from common.realtime.publish import nudge_on_commit
from common.tenancy import site_scope
from common.tokens import Claims
from instances import ports, selectors
from instances.bearers import VIEW
from instances.extending import keep_active
from instances.guestlink import Driver, GuestDriven, GuestUnreachable
from instances.journal import channels
from instances.models import Instance, Level, Log, LogType, Status
from instances.signed import bearer, view_token
from sites import audit
from sites.principal import Principal

ACTIVE_FOR = timedelta(minutes=5)
"""An instance whose view asks for a new token counts as used for so long; pages ask each minute or two."""
Wish = Literal["take", "force", "release"]


@dataclass(frozen=True, slots=True)
class Viewing:
    """A page's present standing: the instance as it is, and the token to go on with."""

    instance: Instance
    token: str
    expires_at: int
    mode: str
    driver: Driver | None


def renew(token: str) -> Viewing:
    """The next token of a page, while whoever asked for the first may still see the instance. It is activity.

    A machine made anew gets a token for its new incarnation: the page goes on with it.

    Raises:
        NotSignedIn: the token has expired, or its key, member or site is gone.
        NotFound: the instance is gone.
    """
    claims, principal = bearer(token, VIEW)
    with site_scope(principal.site_id):
        instance = selectors.instance_of(principal, _instance_id(claims))
    mode = "drive" if claims.mode == "drive" and "instances:act" in principal.scopes else "watch"
    if claims.renew_until <= clock.now().timestamp():
        raise NotSignedIn("This view's time is over; ask for a new one.")
    keep_active(principal.site_id, instance.pk, until=clock.now() + ACTIVE_FOR)
    fresh, expires_at = view_token(
        principal, instance.machine, mode=mode, label=claims.label, renew_until=claims.renew_until
    )
    return Viewing(instance, fresh, int(expires_at.timestamp()), mode, _driver_of(instance))


def steer(token: str, viewer: str, wish: Wish) -> None:
    """Take the wheel, by force too where another has it, or give it back. Each taking leaves a log row, first.

    Raises:
        NotSignedIn, NotFound: as for `renew`.
        Forbidden: this page may only watch.
        Conflict: another person drives (`details.driver`), or the instance does not run.
        GuestFailed: the page is not connected to the machine.
    """
    claims, principal = bearer(token, VIEW)
    principal.must("instances:act")
    if claims.mode != "drive":
        raise Forbidden("This view is for watching.")
    with site_scope(principal.site_id):
        instance = selectors.instance_of(principal, _instance_id(claims))
    if instance.status != Status.RUNNING:
        raise Conflict(f"The instance is {instance.status}, not running.", status=instance.status)
    try:
        if wish == "release":
            ports.guests().give_back(instance.machine, viewer)
            _write(principal, instance, f"{claims.label} gave the desktop back.", wish)
            return
        driver = ports.guests().driver(instance.machine)
        if driver is not None and wish != "force":
            raise GuestDriven(driver.label)
        by_force = f", from {driver.label}" if driver is not None else ""
        _write(principal, instance, f"{claims.label} took over the desktop{by_force}.", wish)
        taken_from = {"taken_from": driver.label} if driver is not None else {}
        audit.record(principal, "view.taken_over", instance, **taken_from)
        _drive(principal, instance, viewer, claims.label, wish)
    except GuestDriven as driven:
        raise Conflict(f"{driven}.", code="DRIVEN", driver=driven.label) from driven
    except GuestUnreachable as lost:
        raise GuestFailed("This page is not connected to the machine just now.", code="GUEST_UNREACHABLE") from lost


def _drive(principal: Principal, instance: Instance, viewer: str, label: str, wish: Wish) -> None:
    """Where another was sooner by a moment, only force takes it from them."""
    try:
        ports.guests().drive(instance.machine, viewer, force=wish == "force")
    except GuestDriven as driven:
        _write(principal, instance, f"{label} did not get the desktop: {driven}.", wish)
        raise


def driver_of(principal: Principal, instance_id: UUID) -> Driver | None:
    """Who drives the instance's desktop by hand, or None. Raises as reading it does."""
    with site_scope(principal.site_id):
        instance = selectors.instance_of(principal, instance_id)
    return _driver_of(instance)


def _driver_of(instance: Instance) -> Driver | None:
    if instance.status != Status.RUNNING:
        return None
    try:
        return ports.guests().driver(instance.machine)
    except GuestUnreachable:
        return None


def _instance_id(claims: Claims) -> UUID:
    try:
        return UUID(hex=claims.subject.partition("-")[0])
    except ValueError as error:
        raise NotFound("No such instance.") from error


def _write(principal: Principal, instance: Instance, message: str, wish: Wish) -> None:
    with site_scope(principal.site_id):
        log = Log(
            site_id=principal.site_id,
            instance_id=instance.pk,
            user_id=principal.user_id,
            agent_id=principal.agent_id,
            log_type=LogType.AGENT_ACTION if principal.agent_id else LogType.USER_ACTION,
            level=Level.INFO,
            message=message,
            tool_name="view",
            details={"view": wish},
        )
        log.save(force_insert=True)
        nudge_on_commit(*channels(principal.site_id, instance.pk))
