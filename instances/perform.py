"""The one way to act on a machine: a person, a dialect and a model all come through here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from common import clock
from common.errors import Conflict, GuestFailed, GuestSilent, Invalid, PlatformError, TooMany, Unavailable
from common.prepared import read_in_site, write_in_site
from common.realtime.follow import release_connections
from common.realtime.publish import nudge_soon
from common.tenancy import site_scope
from guest.protocol.actions import AnyAction, Bash, Screenshot, SetEnvironment, UnsetEnvironment, Wait
from instances import actionrows, lifecycle, logwords, ports, selectors, specs, telemetry
from instances.guestlink import (
    Answer,
    GuestBusy,
    GuestDriven,
    GuestInterrupted,
    GuestRefused,
    GuestTimedOut,
    GuestUnreachable,
)
from instances.journal import channels
from sites import quotas
from sites.principal import Principal

RESTARTED = "The platform was restarted meanwhile."


@dataclass(frozen=True, slots=True)
class Done:
    """An action's answer, and the log row that tells of it."""

    answer: Answer
    log_id: UUID


def act(principal: Principal, instance_id: UUID, action: AnyAction) -> Done:
    """Do `action` on a running instance and write it into its log. No transaction is open while the machine works.

    Raises:
        Forbidden, NotFound: as for every read of the instance.
        Conflict: the instance is not running, or a person drives it by the live view (code `DRIVEN`).
        Invalid: the desktop says that the action makes no sense, for example a point off its screen.
        GuestFailed, GuestSilent, TooMany: the machine could not do it, did not answer in time, or is overburdened.
        TooMany: also where the site has used up its actions of a minute.
        Unavailable: this process ends; the machine may do it still.
    """
    machine = _running_machine(principal, instance_id)
    quotas.spend_action(principal.site_id)
    if isinstance(action, SetEnvironment | UnsetEnvironment):
        _keep_environment(principal, instance_id, action)
    try:
        if isinstance(action, Bash | Wait):
            release_connections()  # it may take minutes, and there are few
        with telemetry.action(logwords.tag(action)):
            answer = _ask(machine, action)
    except PlatformError as error:
        _write(principal, instance_id, action, error=error)
        raise
    return Done(answer, _write(principal, instance_id, action, answer=answer))


def must_run(principal: Principal, instance_id: UUID) -> None:
    """Return when the principal may act on the instance and it runs.

    Raises:
        Forbidden, NotFound, Conflict: as for `act`.
    """
    _running_machine(principal, instance_id)


def watch(principal: Principal, instance_id: UUID, picture: Screenshot) -> Answer:
    """One picture for somebody who watches: it changes nothing, so neither the log nor the counters tell of it.

    Raises:
        The same as `act`.
    """
    machine = _running_machine(principal, instance_id)
    with telemetry.action("watch"):
        return _ask(machine, picture)


@contextmanager
def asking() -> Iterator[None]:
    """Around a call to a guest: what went wrong on the way, in our words.

    Raises:
        Invalid, GuestFailed, GuestSilent, TooMany, Conflict, Unavailable: as for `act`.
    """
    try:
        yield
    except GuestRefused as refusal:
        if refusal.code == "failed":
            raise GuestFailed(str(refusal)) from refusal
        raise Invalid(str(refusal), code="BAD_ACTION" if refusal.code == "bad_action" else "UNSUPPORTED") from refusal
    except GuestDriven as driven:
        raise Conflict(f"{driven}; try again when it is free.", code="DRIVEN", driver=driven.label) from driven
    except GuestInterrupted as end:
        raise Unavailable(RESTARTED) from end
    except GuestTimedOut as silence:
        raise GuestSilent() from silence
    except GuestBusy as busy:
        raise TooMany("The machine has too many actions under way.", code="GUEST_BUSY", retry_after_s=1) from busy
    except GuestUnreachable as lost:
        raise GuestFailed(
            "The machine cannot be reached just now.", code="GUEST_UNREACHABLE", retry_after_s=2
        ) from lost


def _running_machine(principal: Principal, instance_id: UUID) -> str:
    principal.must("instances:act")
    principal.must("instances:read")
    rows = read_in_site(principal.site_id, actionrows.LOOK, [principal.site_id, instance_id])
    return actionrows.machine_of(instance_id, *(rows[0] if rows else (None, 0)))


def _ask(machine: str, action: AnyAction) -> Answer:
    with asking():
        return ports.guests().act(machine, action)


def _keep_environment(principal: Principal, instance_id: UUID, action: SetEnvironment | UnsetEnvironment) -> None:
    """In the row first: should the machine not hear of it now, the next look tells it."""
    principal.must("instances:write")
    with site_scope(principal.site_id):
        row = selectors.locked_instance(principal, instance_id)
        variables = dict(row.environment_variables or {})
        if isinstance(action, SetEnvironment):
            variables |= action.variables
        else:
            variables = {name: value for name, value in variables.items() if name not in action.names}
        if problems := specs.problems_of_environment(variables):
            raise Invalid("The machine cannot have such variables.", fields={"variables": problems})
        row.set_environment(variables)
        row.generation += 1
        row.look_again_at = clock.now()
        lifecycle.record(row, "changed", fields=["environment_variables"])
        row.save()


def _write(
    principal: Principal,
    instance_id: UUID,
    action: AnyAction,
    *,
    answer: Answer | None = None,
    error: PlatformError | None = None,
) -> UUID:
    """The log row, and the instance's counters, in one transaction."""
    log_id, told = actionrows.told_of(principal, instance_id, action, answer=answer, error=error)
    write_in_site(principal.site_id, actionrows.WRITE, told, waits_for_disk=settings.ACTION_LOG_WAITS_FOR_DISK)
    nudge_soon(*channels(principal.site_id, instance_id))
    return log_id
