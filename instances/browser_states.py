"""What may be asked about browser states: save one from a browser, upload, rename, remove it, and load it into another.

Nothing here, and nothing that it writes, tells what lies in one.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from django.db import IntegrityError
from django.db.models import QuerySet

from common.errors import Conflict, Invalid, NotFound, PlatformError
from common.realtime.publish import nudge_on_commit
from common.tenancy import site_scope
from guest.protocol import browser_state
from guest.protocol.browser_state import BadState
from instances import perform, ports, signed
from instances.journal import channels
from instances.models import BrowserState, Instance, Level, Log, LogType
from sites import audit, quotas
from sites.principal import Principal

STATES_AT_MOST = 1_000
"""Of one site."""
_HOSTS_SHOWN = 200


def states_of(principal: Principal) -> QuerySet[BrowserState]:
    """The site's states, newest first. What is sealed stays in the database."""
    principal.must("browser-states:read")
    return BrowserState.of(principal.site_id).order_by("-id").defer("state")


def upload_state(principal: Principal, *, name: str, state: Any) -> BrowserState:
    """Keep a state that the caller has, such as Playwright's `storage_state()`.

    Raises:
        Invalid: it is no state, or too large. What is said of it repeats nothing of it.
        Conflict: the site has one of that name, or too many.
    """
    principal.must("browser-states:write")
    try:
        read = browser_state.parse(state)
    except BadState as error:
        raise Invalid(f"state: {error}", fields={"state": [str(error)]}) from None
    with site_scope(principal.site_id):
        return _kept(principal, name=name, state=read, action="browser_state.uploaded")


def save_state(principal: Principal, instance_id: UUID, *, name: str, replace: bool = False) -> BrowserState:
    """Read the state of a running browser and keep it. With `replace` it takes the place of one of that name.

    Raises:
        Forbidden, NotFound, Conflict: as for acting on a browser; also where the name is taken, or there are too many.
        GuestFailed, GuestSilent, TooMany: as for an action.
    """
    principal.must("browser-states:write")
    instance = signed.running_browser(principal, instance_id)
    read = _read(principal, instance)
    with site_scope(principal.site_id):
        older = _locked(principal, name=name) if replace else None
        row = _kept(
            principal, name=name, state=read, action="browser_state.saved", older=older, instance_id=instance.pk
        )
        _write(principal, instance, f"Saved the browser's state as {name}.", row)
        return row


def save_again(principal: Principal, instance_id: UUID, state_id: UUID, *, name: str | None = None) -> BrowserState:
    """Put a running browser's state in the place of what was kept, under another `name` where one is given.

    Raises:
        As `save_state` does; NotFound also where the site has no such state.
    """
    principal.must("browser-states:write")
    instance = signed.running_browser(principal, instance_id)
    _known(principal, state_id)
    read = _read(principal, instance)
    with site_scope(principal.site_id):
        older = _must_be(_locked(principal, pk=state_id))
        name = name or older.name
        row = _kept(
            principal, name=name, state=read, action="browser_state.saved", older=older, instance_id=instance.pk
        )
        _write(principal, instance, f"Saved the browser's state as {row.name}.", row)
        return row


def load_state(principal: Principal, instance_id: UUID, state_id: UUID) -> BrowserState:
    """Add a state to a running browser's own. Twice is the same as once.

    Raises:
        Forbidden, NotFound, Conflict: as for acting on a browser; NotFound also where the site has no such state.
        GuestFailed, GuestSilent, TooMany: as for an action.
    """
    principal.must("browser-states:read")
    instance = signed.running_browser(principal, instance_id)
    row = _known(principal, state_id)
    quotas.spend_action(principal.site_id)
    try:
        with perform.asking():
            ports.guests().write_browser(instance.machine, browser_state.parse(row.state))
    except PlatformError as error:
        _write(principal, instance, f"The browser did not take the state {row.name}: {error.message}", row, error=error)
        raise
    with site_scope(principal.site_id):
        audit.record(principal, "browser_state.loaded", row, instance_id=str(instance.pk))
        _write(principal, instance, f"Loaded the state {row.name} into the browser.", row)
    return row


def rename_state(principal: Principal, state_id: UUID, *, name: str) -> BrowserState:
    """Give a state another name. Raises `NotFound`, and `Conflict` where the name is taken."""
    principal.must("browser-states:write")
    with site_scope(principal.site_id):
        row = _must_be(_locked(principal, pk=state_id))
        if row.name != name:
            audit.record(principal, "browser_state.renamed", row, to=name)
            row.name = name
            _save(row, update_fields=["name", "updated_at"])
        return row


def remove_state(principal: Principal, state_id: UUID) -> None:
    """Forget a state. Browsers that took it keep what they have. Raises `NotFound`."""
    principal.must("browser-states:write")
    with site_scope(principal.site_id):
        row = _must_be(_locked(principal, pk=state_id))
        audit.record(principal, "browser_state.removed", row)
        row.delete(using="default")


def _read(principal: Principal, instance: Instance) -> browser_state.BrowserState:
    quotas.spend_action(principal.site_id)
    with perform.asking():
        return ports.guests().read_browser(instance.machine)


def _kept(
    principal: Principal,
    *,
    name: str,
    state: browser_state.BrowserState,
    action: str,
    older: BrowserState | None = None,
    instance_id: UUID | None = None,
) -> BrowserState:
    row = older or BrowserState(site_id=principal.site_id, created_by_id=principal.user_id)
    row.name, row.instance_id, row.state = name, instance_id, msgspec.to_builtins(state)
    row.hosts = _hosts(state)
    row.cookies, row.origins = len(state.cookies), len(state.origins)
    if older is None and BrowserState.of(principal.site_id).count() >= STATES_AT_MOST:
        raise Conflict(f"The site keeps {STATES_AT_MOST} browser states already.", code="TOO_MANY_STATES")
    _save(row, force_insert=older is None)
    audit.record(principal, action, row, cookies=row.cookies, origins=row.origins)
    return row


def _hosts(state: browser_state.BrowserState) -> list[str]:
    hosts = {cookie.domain.lstrip(".") for cookie in state.cookies}
    hosts |= {origin.origin.partition("://")[2] for origin in state.origins}
    return sorted(hosts)[:_HOSTS_SHOWN]


def _known(principal: Principal, state_id: UUID) -> BrowserState:
    with site_scope(principal.site_id):
        return _must_be(BrowserState.of(principal.site_id).filter(pk=state_id).first())


def _locked(principal: Principal, **which: Any) -> BrowserState | None:
    return BrowserState.of(principal.site_id).select_for_update(no_key=True).filter(**which).defer("state").first()


def _must_be(row: BrowserState | None) -> BrowserState:
    if row is None:
        raise NotFound("No such browser state.")
    return row


def _save(row: BrowserState, **options: Any) -> None:
    try:
        row.save(using="default", **options)
    except IntegrityError as error:
        if "browserstate_name_once" in str(error):
            raise Conflict("The site has a browser state of that name.", name=row.name) from error
        raise


def _write(
    principal: Principal, instance: Instance, message: str, row: BrowserState, *, error: PlatformError | None = None
) -> None:
    with site_scope(principal.site_id):
        Log(
            site_id=principal.site_id,
            instance_id=instance.pk,
            user_id=principal.user_id,
            agent_id=principal.agent_id,
            log_type=LogType.AGENT_ACTION if principal.agent_id else LogType.USER_ACTION,
            level=Level.ERROR if error else Level.INFO,
            message=message,
            tool_name="browser_state",
            details={"browser_state_id": str(row.pk), "cookies": row.cookies, "origins": row.origins},
            is_error=error is not None,
        ).save(force_insert=True)
        nudge_on_commit(*channels(principal.site_id, instance.pk))
