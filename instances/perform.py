"""The one way to act on a machine: a person, a dialect and a model all come through here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from common import clock, logs, windows
from common.errors import Conflict, GuestFailed, GuestSilent, Invalid, NotFound, PlatformError, TooMany
from common.ids import new_id
from common.prepared import read_in_site, write_in_site
from common.realtime.follow import release_connections
from common.realtime.publish import nudge_soon
from common.tenancy import site_scope
from common.windows import Count
from guest.protocol.actions import AnyAction, Bash, Screenshot, SetEnvironment, UnsetEnvironment, Wait
from instances import lifecycle, logwords, ports, selectors, telemetry
from instances.guestlink import Answer, GuestBusy, GuestDriven, GuestRefused, GuestTimedOut, GuestUnreachable
from instances.journal import channels
from instances.models import Level, LogType, Status
from instances.models.instance import ENVIRONMENT_CHARACTERS, ENVIRONMENT_NAMES, machine_name
from sites import quotas
from sites.principal import Principal

# By hand, and each planned once and in one round trip: between them lies a click, which takes half a millisecond.
_LOOK = """
SELECT CASE WHEN desired_state = 'deleted' THEN 'deleting' ELSE status END, incarnation FROM instances_instance
WHERE site_id = %s AND id = %s AND deleted_at IS NULL AND NOT pooled
"""
_WRITE = """
WITH told AS (
    INSERT INTO instances_log (
        id, created_at, site_id, instance_id, user_id, agent_id, log_type, level, message, tool_name, tool_args,
        tool_result, is_error, duration_ms, details, tool_call_id, tokens_used, artifacts
    ) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, '{}', '', '{}', '[]')
)
UPDATE instances_instance SET
    last_activity_at = %s,
    last_screenshot_at = coalesce(%s, last_screenshot_at),
    total_commands_executed = total_commands_executed + 1
WHERE site_id = %s AND id = %s
"""


@dataclass(frozen=True, slots=True)
class Done:
    """An action's answer, and the log row that tells of it."""

    answer: Answer
    log_id: UUID


def act(principal: Principal, instance_id: UUID, action: AnyAction, *, count: Count = windows.count) -> Done:
    """Do `action` on a running instance and write it into its log. No transaction is open while the machine works.

    A door that counts requests gives its `count`, which counts one of those along with the action, in one question.

    Raises:
        Forbidden, NotFound: as for every read of the instance.
        Conflict: the instance is not running, or a person drives it by the live view (code `DRIVEN`).
        Invalid: the desktop says that the action makes no sense, for example a point off its screen.
        GuestFailed, GuestSilent, TooMany: the machine could not do it, did not answer in time, or is overburdened.
        TooMany: also where the site has used up its actions of a minute.
    """
    try:
        machine = _running_machine(principal, instance_id)
    except PlatformError:
        count()  # whoever asks in vain has asked all the same
        raise
    quotas.spend_action(principal.site_id, count)
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
        Invalid, GuestFailed, GuestSilent, TooMany, Conflict: as for `act`.
    """
    try:
        yield
    except GuestRefused as refusal:
        if refusal.code == "failed":
            raise GuestFailed(str(refusal)) from refusal
        raise Invalid(str(refusal), code="BAD_ACTION" if refusal.code == "bad_action" else "UNSUPPORTED") from refusal
    except GuestDriven as driven:
        raise Conflict(f"{driven}; try again when it is free.", code="DRIVEN", driver=driven.label) from driven
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
    rows = read_in_site(principal.site_id, _LOOK, [principal.site_id, instance_id])
    if not rows:
        raise NotFound("No such instance.")
    status, incarnation = rows[0]
    logs.about(instance_id=instance_id, incarnation=incarnation)
    if status != Status.RUNNING:
        raise Conflict(f"The instance is {status}, not running.", status=status)
    return machine_name(instance_id, incarnation)


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
        characters = sum(len(name) + len(value) for name, value in variables.items())
        if len(variables) > ENVIRONMENT_NAMES or characters > ENVIRONMENT_CHARACTERS:
            raise Invalid(f"At most {ENVIRONMENT_NAMES} variables and {ENVIRONMENT_CHARACTERS} characters in all.")
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
    log_id, now = new_id(), clock.now()
    result = logwords.summary(answer) if answer else {"code": error.code if error else ""}
    told = [
        *(log_id, now, principal.site_id, instance_id, principal.user_id, principal.agent_id),
        (LogType.AGENT_ACTION if principal.agent_id else LogType.USER_ACTION).value,
        (Level.ERROR if error else Level.INFO).value,
        error.message if error else logwords.sentence(action),
        logwords.tag(action),
        *(json.dumps(logwords.arguments(action)), json.dumps(result)),
        *(error is not None, answer.took_ms if answer else None),
    ]
    seen_at = now if isinstance(action, Screenshot) and answer else None
    write_in_site(
        principal.site_id,
        _WRITE,
        [*told, now, seen_at, principal.site_id, instance_id],
        waits_for_disk=settings.ACTION_LOG_WAITS_FOR_DISK,
    )
    nudge_soon(*channels(principal.site_id, instance_id))
    return log_id
